/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_COMPILER_H
#define _SHIM_COMPILER_H

#include <linux/compiler_types.h>
#include <shim/backend.h>

#define barrier()		__asm__ __volatile__("" : : : "memory")
#define statically_true(x)	(__builtin_constant_p(x) && (x))
#define const_true(x)		__builtin_choose_expr(__is_constexpr(x), x, false)
#define __is_constexpr(x) \
	(sizeof(int) == sizeof(*(8 ? ((void *)((long)(x) * 0L)) : (int *)8)))
#define is_signed_type(t)	(((t)(-1)) < (t)1)
#define is_unsigned_type(t)	(!is_signed_type(t))
#define is_signed_var(x)	is_signed_type(typeof(x))
#define __BUILD_BUG_ON_ZERO_MSG(e, msg, ...) \
	((int)sizeof(char[1 - 2 * !!(e)]) - 1)
#define __must_be_array(a)	0
#define __must_be_cstr(p)	0
#define OPTIMIZER_HIDE_VAR(x)	((void)(x))
#define RELOC_HIDE(p, off)	((typeof(p))((unsigned long)(p) + (off)))
/* Races that do no harm are marked by it */
#define data_race(x)		(x)
#define ASSERT_EXCLUSIVE_WRITER(x) ((void)0)

/* Whoever reads or writes marked may be looking at what others write */
#define READ_ONCE(x)							\
({									\
	shim_point("READ_ONCE " #x, &(x));				\
	__atomic_load_n(&(x), __ATOMIC_RELAXED);			\
})

#define WRITE_ONCE(x, v)						\
do {									\
	shim_point("WRITE_ONCE " #x, &(x));				\
	__atomic_store_n(&(x), (typeof(x))(v), __ATOMIC_RELAXED);	\
} while (0)

#include <asm/barrier.h>
#endif
