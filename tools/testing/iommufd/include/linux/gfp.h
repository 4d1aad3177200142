/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_GFP_H
#define _SHIM_GFP_H

#include <linux/types.h>

#define __GFP_ZERO		0x0001u
#define __GFP_ACCOUNT		0x0002u
#define __GFP_NOWARN		0x0004u
#define __GFP_NOFAIL		0x0008u
#define __GFP_NORETRY		0x0010u
#define __GFP_DIRECT_RECLAIM	0x0020u
#define __GFP_RETRY_MAYFAIL	0x0040u
#define GFP_KERNEL		__GFP_DIRECT_RECLAIM
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_ATOMIC		0u
#define GFP_NOWAIT		__GFP_NOWARN

#define gfpflags_allow_blocking(gfp) (!!((gfp) & __GFP_DIRECT_RECLAIM))

#endif
