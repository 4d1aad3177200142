/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_KERNEL_H
#define _SHIM_KERNEL_H

#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

void __might_sleep_if(bool cond);
#define might_sleep()		shim_might_sleep("might_sleep()")
#define might_sleep_if(cond)	do { if (cond) might_sleep(); } while (0)
#define cond_resched()		(shim_might_sleep("cond_resched()"), 0)
#define u64_to_user_ptr(x)	((void __user *)(uintptr_t)(x))
#define upper_32_bits(n)	((u32)((n) >> 32))
#define lower_32_bits(n)	((u32)(n))
#define min_not_zero(x, y)						\
({									\
	typeof(x) __x = (x);						\
	typeof(y) __y = (y);						\
	__x == 0 ? __y : ((__y == 0) ? __x : min(__x, __y));		\
})

/* Needs all of the above */
#include <linux/bitops.h>

#endif
