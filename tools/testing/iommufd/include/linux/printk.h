/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_PRINTK_H
#define _SHIM_PRINTK_H

#include <linux/compiler.h>

#define pr_err(fmt...)			shim_log(fmt)
#define pr_err_once(fmt...)		shim_log(fmt)
#define pr_err_ratelimited(fmt...)	shim_log(fmt)
#define pr_warn(fmt...)			shim_log(fmt)
#define pr_warn_once(fmt...)		shim_log(fmt)
#define pr_warn_ratelimited(fmt...)	shim_log(fmt)
#define pr_notice(fmt...)		shim_log(fmt)
#define pr_info(fmt...)			shim_log(fmt)
#define pr_info_once(fmt...)		shim_log(fmt)
#define pr_debug(fmt...)		do { } while (0)

#endif
