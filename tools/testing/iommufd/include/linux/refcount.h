/* SPDX-License-Identifier: GPL-2.0-only */
/* References; what the kernel saturates at and warns of is an end here. */
#ifndef _SHIM_REFCOUNT_H
#define _SHIM_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

typedef struct refcount_struct { atomic_t refs; } refcount_t;
#define REFCOUNT_INIT(n) { .refs = ATOMIC_INIT(n) }

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline __must_check bool refcount_inc_not_zero(refcount_t *r)
{
	int old;

	shim_point("refcount_inc_not_zero", r);
	old = __atomic_load_n(&r->refs.counter, __ATOMIC_RELAXED);
	do {
		if (!old)
			return false;
		if (old < 0)
			shim_panic("refcount_inc_not_zero() of %d", old);
	} while (!__shim_cmpxchg(&r->refs.counter, &old, old + 1));
	return true;
}

static inline void refcount_inc(refcount_t *r)
{
	int old;

	shim_point("refcount_inc", r);
	old = __atomic_fetch_add(&r->refs.counter, 1, __ATOMIC_RELAXED);
	if (old < 1)
		shim_panic("refcount_inc() of %d", old);
}

static inline void refcount_dec(refcount_t *r)
{
	int old;

	shim_point("refcount_dec", r);
	old = __atomic_fetch_sub(&r->refs.counter, 1, __ATOMIC_RELEASE);
	shim_handed_over("reference");
	if (old < 2)
		shim_panic("refcount_dec() of %d", old);
}

static inline __must_check bool refcount_dec_and_test(refcount_t *r)
{
	int old;

	shim_point("refcount_dec_and_test", r);
	old = __atomic_fetch_sub(&r->refs.counter, 1, __ATOMIC_ACQ_REL);
	shim_handed_over("reference");
	if (old < 1)
		shim_panic("refcount_dec_and_test() of %d", old);
	return old == 1;
}

static inline __must_check bool refcount_dec_if_one(refcount_t *r)
{
	int one = 1;

	shim_point("refcount_dec_if_one", r);
	return __atomic_compare_exchange_n(&r->refs.counter, &one, 0, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static inline __must_check bool refcount_dec_not_one(refcount_t *r)
{
	int old;

	shim_point("refcount_dec_not_one", r);
	old = __atomic_load_n(&r->refs.counter, __ATOMIC_RELAXED);
	do {
		if (old == 1)
			return false;
		if (old < 1)
			shim_panic("refcount_dec_not_one() of %d", old);
	} while (!__shim_cmpxchg(&r->refs.counter, &old, old - 1));
	return true;
}

#define __shim_dec_and_lock(r, lock_it, unlock_it)	\
({							\
	bool __locked = false;				\
							\
	if (!refcount_dec_not_one(r)) {			\
		lock_it;				\
		__locked = refcount_dec_and_test(r);	\
		if (!__locked)				\
			unlock_it;			\
	}						\
	__locked;					\
})

static inline __must_check bool refcount_dec_and_mutex_lock(refcount_t *r,
							    struct mutex *lock)
{
	return __shim_dec_and_lock(r, mutex_lock(lock), mutex_unlock(lock));
}

static inline __must_check bool refcount_dec_and_lock(refcount_t *r,
						      spinlock_t *lock)
{
	return __shim_dec_and_lock(r, spin_lock(lock), spin_unlock(lock));
}

#endif
