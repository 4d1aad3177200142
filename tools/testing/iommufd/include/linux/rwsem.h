/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_RWSEM_H
#define _SHIM_RWSEM_H

#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>

struct rw_semaphore { struct shim_lock lock; };

#define DECLARE_RWSEM(name) struct rw_semaphore name

static inline void init_rwsem(struct rw_semaphore *sem)
{
	*sem = (struct rw_semaphore){ };
}

#define __shim_rwsem(op, s)					\
({								\
	shim_might_sleep(#op "(" #s ")");			\
	shim_lock_##op(&(s)->lock, #s);				\
})
#define down_read(s)		((void)__shim_rwsem(read, s))
#define down_read_killable(s)	__shim_rwsem(read_killable, s)
#define down_read_interruptible(s) __shim_rwsem(read_killable, s)
#define down_read_trylock(s)	shim_trylock_read(&(s)->lock, #s)
#define up_read(s)		shim_unlock_read(&(s)->lock, #s)
#define down_write(s)		((void)__shim_rwsem(write, s))
#define down_write_killable(s)	__shim_rwsem(write_killable, s)
#define down_write_trylock(s)	shim_trylock_write(&(s)->lock, #s)
#define up_write(s)		shim_unlock_write(&(s)->lock, #s)
#define downgrade_write(s)	shim_downgrade(&(s)->lock, #s)
#define down_read_nested(s, c)		down_read(s)
#define down_write_nested(s, c)		down_write(s)
#define down_write_nest_lock(s, o)	down_write(s)
#define down_read_nest_lock(s, o)	down_read(s)
#define rwsem_is_locked(s)	((s)->lock.owner || (s)->lock.readers)

DEFINE_LOCK_GUARD_1(rwsem_read, struct rw_semaphore, down_read(_T->lock),
		    up_read(_T->lock))
DEFINE_LOCK_GUARD_1_COND(rwsem_read, _try, down_read_trylock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(rwsem_read, _intr, down_read_interruptible(_T->lock),
			 _RET == 0)
DEFINE_LOCK_GUARD_1_COND(rwsem_read, _kill, down_read_killable(_T->lock),
			 _RET == 0)
DEFINE_LOCK_GUARD_1(rwsem_write, struct rw_semaphore, down_write(_T->lock),
		    up_write(_T->lock))
DEFINE_LOCK_GUARD_1_COND(rwsem_write, _try, down_write_trylock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(rwsem_write, _kill, down_write_killable(_T->lock),
			 _RET == 0)

#endif
