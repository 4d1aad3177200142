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
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>

#include "charge.h"

/**
 * pin_payer_init() - Let the current process pay
 * @payer: filled in; to be released
 * @budget: of the context
 *
 * Context: process context, current->mm is not NULL.
 */
void pin_payer_init(struct pin_payer *payer, struct pin_budget *budget)
{
	*payer = (struct pin_payer){ .mm = current->mm };
	mmgrab(payer->mm);
	if (capable(CAP_IPC_LOCK))
		return;

	payer->task = get_task_struct(current->group_leader);
	if (budget->by_process) {
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

/* May a charge go from one to the other without exceeding a limit? */
static bool pin_payer_same_limit(const struct pin_payer *a,
				 const struct pin_payer *b)
{
	return a->mode == PIN_CHARGE_USER && b->mode == PIN_CHARGE_USER &&
	       a->user == b->user;
}

static unsigned long memlock_pages(const struct task_struct *task)
{
	return task_rlimit(task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

static int counter_charge(atomic_long_t *counter, unsigned long npages,
			  unsigned long limit)
{
	long now = atomic_long_read(counter);
	unsigned long then;

	do {
		if (check_add_overflow((unsigned long)now, npages, &then) ||
		    then > limit)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(counter, &now, then));
	return 0;
}

static int pin_charge_user(const struct pin_payer *payer, unsigned long npages)
{
	return counter_charge(&payer->user->locked_vm, npages,
			      memlock_pages(payer->task));
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

static void pin_uncharge_mm(const struct pin_payer *payer, unsigned long npages)
{
	mmap_write_lock(payer->mm);
	__account_locked_vm(payer->mm, npages, false, payer->task, false);
	mmap_write_unlock(payer->mm);
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
	if (payer->mode == PIN_CHARGE_USER)
		atomic_long_sub(npages, &payer->user->locked_vm);
	else if (payer->mode == PIN_CHARGE_MM)
		pin_uncharge_mm(payer, npages);
}

/**
 * pin_move_charge() - Charge pages to a second payer, who is to take them over
 * @from: who paid for them
 * @to: who may pay from pin_move_commit() on; of the same context
 * @npages: pages charged to @from before
 *
 * Undone by pin_move_uncharge(). The limit of one user is not charged twice.
 *
 * Context: may sleep; takes @to's mmap_lock in PIN_CHARGE_MM mode where @npages is
 * not 0.
 * Return: 0, or as pin_charge().
 */
int pin_move_charge(const struct pin_payer *from, const struct pin_payer *to,
		    unsigned long npages)
{
	if (!npages || pin_payer_same_limit(from, to))
		return 0;
	return pin_charge(to, npages);
}

/**
 * pin_move_uncharge() - Undo pin_move_charge()
 * @from: who paid, and goes on doing so
 * @to: who was charged, too
 * @npages: pages charged by pin_move_charge() before
 *
 * Context: as pin_move_charge().
 */
void pin_move_uncharge(const struct pin_payer *from, const struct pin_payer *to,
		       unsigned long npages)
{
	if (!npages || pin_payer_same_limit(from, to))
		return;
	pin_uncharge(to, npages);
}

/**
 * pin_move_commit() - Pay back to the first payer, the second one pays alone
 * @from: who paid
 * @to: who pays from now on
 * @npages: pages charged by pin_move_charge() before
 *
 * Context: may sleep; takes @from's mmap_lock in PIN_CHARGE_MM mode where @npages
 * is not 0. Cannot fail.
 */
void pin_move_commit(const struct pin_payer *from, const struct pin_payer *to,
		     unsigned long npages)
{
	if (!npages)
		return;
	if (pin_payer_same_limit(from, to)) {
		atomic64_sub(npages, &from->mm->pinned_vm);
		atomic64_add(npages, &to->mm->pinned_vm);
	} else {
		pin_uncharge(from, npages);
	}
}
