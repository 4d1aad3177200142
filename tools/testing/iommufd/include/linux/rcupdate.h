/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_RCUPDATE_H
#define _SHIM_RCUPDATE_H

#include <linux/cleanup.h>
#include <linux/kernel.h>

#define rcu_read_lock()		shim_rcu_read_lock()
#define rcu_read_unlock()	shim_rcu_read_unlock()
#define synchronize_rcu()	shim_rcu_synchronize()
#define synchronize_rcu_expedited() shim_rcu_synchronize()
#define kfree_rcu(p, member)	shim_rcu_free(p)
#define kfree_rcu_mightsleep(p)	shim_rcu_free(p)
#define kvfree_rcu_mightsleep(p) shim_rcu_free(p)
#define rcu_dereference(p)						\
({									\
	shim_point("rcu_dereference " #p, &(p));			\
	__atomic_load_n(&(p), __ATOMIC_ACQUIRE);			\
})
#define rcu_dereference_check(p, c)	rcu_dereference(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)

DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())

#endif
