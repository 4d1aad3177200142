/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_ERRNO_H
#define _SHIM_ERRNO_H

/* From the base tree */
#include <uapi/asm-generic/errno.h>

#define ERESTARTSYS	512
#define ERESTARTNOINTR	513
#define ENOIOCTLCMD	515
#define EPROBE_DEFER	517
#define EOPENSTALE	518
#define ENOTSUPP	524
#define EIOCBQUEUED	529

#endif
