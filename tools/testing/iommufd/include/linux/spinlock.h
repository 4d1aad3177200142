/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_SPINLOCK_H
#define _SHIM_SPINLOCK_H

#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>

typedef struct spinlock { struct shim_lock lock; } spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name) (spinlock_t){ }
#define DEFINE_SPINLOCK(name) spinlock_t name

static inline void spin_lock_init(spinlock_t *lock)
{
	*lock = (spinlock_t){ };
}

#define spin_lock(l)						\
do {								\
	shim_lock_write(&(l)->lock, #l);			\
	shim_atomic_begin();					\
} while (0)
#define spin_unlock(l)						\
do {								\
	shim_atomic_end();					\
	shim_unlock_write(&(l)->lock, #l);			\
} while (0)
#define spin_lock_nested(l, c)		spin_lock(l)
#define spin_lock_irq(l)		spin_lock(l)
#define spin_unlock_irq(l)		spin_unlock(l)
#define spin_lock_irqsave(l, f)		do { (f) = 0; spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { (void)(f); spin_unlock(l); } while (0)
#define assert_spin_locked(l)		lockdep_assert_held(l)

DEFINE_LOCK_GUARD_1(spinlock, spinlock_t, spin_lock(_T->lock),
		    spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irq, spinlock_t, spin_lock(_T->lock),
		    spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irqsave, spinlock_t, spin_lock(_T->lock),
		    spin_unlock(_T->lock), unsigned long flags)

#endif
