/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_MUTEX_H
#define _SHIM_MUTEX_H

#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>

struct mutex { struct shim_lock lock; };

#define __MUTEX_INITIALIZER(name) { }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

static inline void mutex_init(struct mutex *mutex)
{
	*mutex = (struct mutex){ };
}

static inline void mutex_destroy(struct mutex *mutex)
{
	if (mutex->lock.owner)
		shim_panic("a mutex that is held is destroyed");
}

#define mutex_lock(m)						\
({								\
	shim_might_sleep("mutex_lock(" #m ")");			\
	shim_lock_write(&(m)->lock, #m);			\
})
#define mutex_lock_nested(m, c)		mutex_lock(m)
#define mutex_lock_nest_lock(m, o)	mutex_lock(m)
#define mutex_unlock(m)		shim_unlock_write(&(m)->lock, #m)
#define mutex_trylock(m)	shim_trylock_write(&(m)->lock, #m)
#define mutex_is_locked(m)	((m)->lock.owner != 0)
#define mutex_lock_killable(m)					\
({								\
	shim_might_sleep("mutex_lock_killable(" #m ")");	\
	shim_lock_write_killable(&(m)->lock, #m);		\
})
/* The only signal here is SIGKILL */
#define mutex_lock_interruptible(m) mutex_lock_killable(m)

DEFINE_LOCK_GUARD_1(mutex, struct mutex, mutex_lock(_T->lock),
		    mutex_unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(mutex, _try, mutex_trylock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(mutex, _intr, mutex_lock_interruptible(_T->lock),
			 _RET == 0)
DEFINE_LOCK_GUARD_1_COND(mutex, _kill, mutex_lock_killable(_T->lock), _RET == 0)

#endif
