/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_BUG_H
#define _SHIM_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>

#define WARN_ON(cond)							\
({									\
	bool __cond = !!(cond);						\
									\
	if (__cond)							\
		shim_warn(__FILE__, __LINE__, #cond);			\
	__cond;								\
})
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define WARN(cond, fmt...)	WARN_ON(cond)
#define WARN_ONCE(cond, fmt...)	WARN_ON(cond)
#define VFS_WARN_ON_ONCE(cond)	WARN_ON(cond)
#define BUG()			shim_panic("BUG at %s:%d", __FILE__, __LINE__)
#define BUG_ON(cond)		do { if (cond) BUG(); } while (0)

#endif
