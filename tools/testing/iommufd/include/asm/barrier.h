/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_BARRIER_H
#define _SHIM_BARRIER_H

/* Others may have got what was published by it, and be done with it already */
#ifdef SHIM_PUBLISHED
void shim_published(void *where);
#else
#define shim_published(where)		do { } while (0)
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
