// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Charging pinned memory
 *
 * Pinned pages cannot be reclaimed: RLIMIT_MEMLOCK bounds how many a user (or a
 * process) may have. They are charged in one step before they are pinned, and
 * paid back in one step after they were unpinned.
 *
 * The caller makes sure that what is paid back was charged before; it knows
 * what pages, this file knows only how many.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>

#include "charge.h"

/**
 * pin_payer_init() - Let the current process pay
 * @payer: filled in; to be released
 * @by_process: count against the process, else against the user
 *
 * Context: process context, current->mm is not NULL.
 */
void pin_payer_init(struct pin_payer *payer, bool by_process)
{
	*payer = (struct pin_payer){ .mm = current->mm };
	mmgrab(payer->mm);
	if (capable(CAP_IPC_LOCK))
		return;

	payer->task = get_task_struct(current->group_leader);
	if (by_process) {
		payer->mode = PIN_CHARGE_MM;
	} else {
		payer->mode = PIN_CHARGE_USER;
		payer->user = get_uid(current_user());
	}
}

/**
 * pin_payer_copy() - Let the same process pay for something else too
 * @to: filled in; to be released
 * @from: a payer
 */
void pin_payer_copy(struct pin_payer *to, const struct pin_payer *from)
{
	*to = *from;
	mmgrab(to->mm);
	if (to->task)
		get_task_struct(to->task);
	if (to->user)
		get_uid(to->user);
}

/**
 * pin_payer_release() - Drop the references of pin_payer_init()
 * @payer: with nothing charged to it any more
 */
void pin_payer_release(struct pin_payer *payer)
{
	if (payer->task)
		put_task_struct(payer->task);
	if (payer->user)
		free_uid(payer->user);
	mmdrop(payer->mm);
}

/**
 * pin_payer_same() - Would a charge to either count the same?
 * @a: a payer
 * @b: a payer
 *
 * Return: true if a charge need not be moved from one to the other.
 */
bool pin_payer_same(const struct pin_payer *a, const struct pin_payer *b)
{
	return a->mm == b->mm && a->task == b->task && a->user == b->user &&
	       a->mode == b->mode;
}

/**
 * pin_payer_same_limit() - Do the pages of either count against one limit?
 * @a: a payer
 * @b: a payer
 *
 * Return: true if moving a charge from one to the other cannot exceed it.
 */
bool pin_payer_same_limit(const struct pin_payer *a, const struct pin_payer *b)
{
	return a->mode == PIN_CHARGE_USER && b->mode == PIN_CHARGE_USER &&
	       a->user == b->user;
}

static int pin_charge_user(const struct pin_payer *payer, unsigned long npages)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	long now = atomic_long_read(&payer->user->locked_vm);
	unsigned long then;

	do {
		if (check_add_overflow((unsigned long)now, npages, &then) ||
		    then > limit)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&payer->user->locked_vm, &now, then));
	return 0;
}

static int pin_charge_mm(const struct pin_payer *payer, unsigned long npages)
{
	int rc;

	if (mmap_write_lock_killable(payer->mm))
		return -EINTR;
	rc = __account_locked_vm(payer->mm, npages, true, payer->task, false);
	mmap_write_unlock(payer->mm);
	return rc;
}

/**
 * pin_charge() - Charge pages that are about to be pinned
 * @payer: who pays
 * @npages: pages
 *
 * Context: may sleep; takes the payer's mmap_lock in PIN_CHARGE_MM mode.
 * Return: 0; -ENOMEM if RLIMIT_MEMLOCK would be exceeded; -EINTR if killed.
 * Nothing is charged on failure.
 */
int pin_charge(const struct pin_payer *payer, unsigned long npages)
{
	int rc = 0;

	if (payer->mode == PIN_CHARGE_USER)
		rc = pin_charge_user(payer, npages);
	else if (payer->mode == PIN_CHARGE_MM)
		rc = pin_charge_mm(payer, npages);
	if (!rc)
		atomic64_add(npages, &payer->mm->pinned_vm);
	return rc;
}

/**
 * pin_uncharge() - Pay back pages that were unpinned
 * @payer: who paid
 * @npages: pages charged to it before
 *
 * Context: may sleep; takes the payer's mmap_lock in PIN_CHARGE_MM mode.
 */
void pin_uncharge(const struct pin_payer *payer, unsigned long npages)
{
	atomic64_sub(npages, &payer->mm->pinned_vm);
	if (payer->mode == PIN_CHARGE_USER) {
		atomic_long_sub(npages, &payer->user->locked_vm);
	} else if (payer->mode == PIN_CHARGE_MM) {
		mmap_write_lock(payer->mm);
		__account_locked_vm(payer->mm, npages, false, payer->task,
				    false);
		mmap_write_unlock(payer->mm);
	}
}

/**
 * pin_transfer() - Move a charge between payers that share the limit
 * @from: who paid
 * @to: who pays from now on, pin_payer_same_limit() as @from
 * @npages: pages charged to @from before
 */
void pin_transfer(const struct pin_payer *from, const struct pin_payer *to,
		  unsigned long npages)
{
	atomic64_sub(npages, &from->mm->pinned_vm);
	atomic64_add(npages, &to->mm->pinned_vm);
}
