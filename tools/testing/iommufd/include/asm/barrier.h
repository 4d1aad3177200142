/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_BARRIER_H
#define _SHIM_BARRIER_H

/*
 * What a release hands over may be gone when the next statement looks at it:
 * another may go on behind it, too.
 */
#define shim_handed_over(what)		shim_point("released " what, NULL)

/* A program may want to be told what was published */
#ifdef SHIM_PUBLISHED
void shim_published(void *where);
#else
#define shim_published(where)		shim_handed_over(#where)
#endif

#define smp_load_acquire(p)						\
({									\
	shim_point("smp_load_acquire " #p, p);				\
	__atomic_load_n(p, __ATOMIC_ACQUIRE);				\
})

#define smp_store_release(p, v)						\
do {									\
	shim_point("smp_store_release " #p, p);				\
	__atomic_store_n(p, v, __ATOMIC_RELEASE);			\
	shim_published(p);						\
} while (0)

#define smp_mb()			__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()			__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()			__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_acquire__after_ctrl_dep()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_mb__before_atomic()		smp_mb()
#define smp_mb__after_atomic()		smp_mb()
#define smp_store_mb(x, v) \
do { WRITE_ONCE(x, v); smp_mb(); } while (0)

#endif
