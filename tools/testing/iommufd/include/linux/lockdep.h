/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_LOCKDEP_H
#define _SHIM_LOCKDEP_H

#include <linux/bug.h>

struct lock_class_key { int unused; };
struct lockdep_map { int unused; };

/* Each of the kernel's locks has its struct shim_lock as its first member */
#define __shim_lock(l)			((const struct shim_lock *)(l))
#define lockdep_is_held(l)		shim_lock_held(__shim_lock(l))
#define lockdep_is_held_type(l, r)	shim_lock_held(__shim_lock(l))
#define lockdep_assert_held(l) \
	((void)WARN_ON(!shim_lock_held(__shim_lock(l))))
#define lockdep_assert_held_read(l)	lockdep_assert_held(l)
#define lockdep_assert_held_write(l) \
	((void)WARN_ON(!shim_lock_held_write(__shim_lock(l))))
#define lockdep_assert_not_held(l) \
	((void)WARN_ON(shim_lock_held(__shim_lock(l))))
#define lockdep_assert(c)		((void)WARN_ON(!(c)))
#define lockdep_set_class(l, key)	((void)(key))
#define lockdep_set_class_and_name(l, key, name) ((void)(key))
#define lockdep_register_key(k)		((void)(k))
#define lockdep_unregister_key(k)	((void)(k))
#define lock_map_acquire(m)		((void)(m))
#define lock_map_release(m)		((void)(m))
#define might_lock(l)			((void)(l))

#endif
