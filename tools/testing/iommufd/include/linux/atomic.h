/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_ATOMIC_H
#define _SHIM_ATOMIC_H

#include <linux/types.h>

typedef atomic64_t atomic_long_t;
#define ATOMIC64_INIT(i)	ATOMIC_INIT(i)
#define ATOMIC_LONG_INIT(i)	ATOMIC_INIT(i)

/* @op: for the schedule that is printed; @order: what the kernel's promises */
#define __shim_atomic(op, v, expr)					\
({									\
	shim_point(#op, v);						\
	expr;								\
})

#define atomic_read(v) \
	__shim_atomic(atomic_read, v, __atomic_load_n(&(v)->counter, __ATOMIC_RELAXED))
#define atomic_read_acquire(v) \
	__shim_atomic(atomic_read_acquire, v, __atomic_load_n(&(v)->counter, __ATOMIC_ACQUIRE))
#define atomic_set(v, i) \
	__shim_atomic(atomic_set, v, __atomic_store_n(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic_set_release(v, i) \
	__shim_atomic(atomic_set_release, v, __atomic_store_n(&(v)->counter, i, __ATOMIC_RELEASE))
#define atomic_add(i, v) \
	((void)__shim_atomic(atomic_add, v, __atomic_fetch_add(&(v)->counter, i, __ATOMIC_RELAXED)))
#define atomic_sub(i, v) \
	((void)__shim_atomic(atomic_sub, v, __atomic_fetch_sub(&(v)->counter, i, __ATOMIC_RELAXED)))
#define atomic_inc(v)		atomic_add(1, v)
#define atomic_dec(v)		atomic_sub(1, v)
#define atomic_add_return(i, v) \
	__shim_atomic(atomic_add_return, v, __atomic_add_fetch(&(v)->counter, i, __ATOMIC_SEQ_CST))
#define atomic_sub_return(i, v) \
	__shim_atomic(atomic_sub_return, v, __atomic_sub_fetch(&(v)->counter, i, __ATOMIC_SEQ_CST))
#define atomic_sub_return_release(i, v) \
	__shim_atomic(atomic_sub_return_release, v, __atomic_sub_fetch(&(v)->counter, i, __ATOMIC_RELEASE))
#define atomic_fetch_add(i, v) \
	__shim_atomic(atomic_fetch_add, v, __atomic_fetch_add(&(v)->counter, i, __ATOMIC_SEQ_CST))
#define atomic_inc_return(v)		atomic_add_return(1, v)
#define atomic_dec_return(v)		atomic_sub_return(1, v)
#define atomic_dec_return_release(v)	atomic_sub_return_release(1, v)
#define atomic_dec_and_test(v)		(atomic_sub_return(1, v) == 0)
#define atomic_sub_and_test(i, v)	(atomic_sub_return(i, v) == 0)
#define atomic_try_cmpxchg(v, old, new) \
	__shim_atomic(atomic_try_cmpxchg, v, __shim_cmpxchg(&(v)->counter, old, new))
#define atomic_cmpxchg(v, old, new)					\
({									\
	typeof((v)->counter) __old = (old);				\
									\
	atomic_try_cmpxchg(v, &__old, new);				\
	__old;								\
})
#define __shim_cmpxchg(p, old, new)					\
({									\
	typeof(*(p)) __expected = *(old);				\
	bool __ok = __atomic_compare_exchange_n(p, &__expected,		\
			(typeof(*(p)))(new), false, __ATOMIC_SEQ_CST,	\
			__ATOMIC_RELAXED);				\
									\
	if (!__ok)							\
		*(old) = __expected;					\
	__ok;								\
})
#define atomic_xchg(v, new) \
	__shim_atomic(atomic_xchg, v, __atomic_exchange_n(&(v)->counter, new, __ATOMIC_SEQ_CST))

/* Not if it is @u */
static inline bool atomic_add_unless(atomic_t *v, int i, int u)
{
	int old = atomic_read(v);

	do {
		if (old == u)
			return false;
	} while (!atomic_try_cmpxchg(v, &old, old + i));
	return true;
}

#define atomic_inc_not_zero(v)		atomic_add_unless(v, 1, 0)

#define atomic64_read		atomic_read
#define atomic64_set		atomic_set
#define atomic64_add		atomic_add
#define atomic64_sub		atomic_sub
#define atomic64_inc		atomic_inc
#define atomic64_dec		atomic_dec
#define atomic64_add_return	atomic_add_return
#define atomic64_sub_return	atomic_sub_return
#define atomic64_try_cmpxchg	atomic_try_cmpxchg
#define atomic_long_read	atomic_read
#define atomic_long_set		atomic_set
#define atomic_long_add		atomic_add
#define atomic_long_sub		atomic_sub
#define atomic_long_inc		atomic_inc
#define atomic_long_dec		atomic_dec
#define atomic_long_add_return	atomic_add_return
#define atomic_long_sub_return	atomic_sub_return
#define atomic_long_sub_and_test atomic_sub_and_test
#define atomic_long_try_cmpxchg	atomic_try_cmpxchg

#define xchg(p, v) \
	__shim_atomic(xchg, p, __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))
#define cmpxchg(p, old, new)						\
({									\
	typeof(*(p)) __o = (old);					\
									\
	__shim_atomic(cmpxchg, p, __shim_cmpxchg(p, &__o, new));	\
	__o;								\
})
#define try_cmpxchg(p, old, new) \
	__shim_atomic(try_cmpxchg, p, __shim_cmpxchg(p, old, new))

#endif
