// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Charging pinned memory
 *
 * Pinned pages cannot be reclaimed: RLIMIT_MEMLOCK bounds how many a user (or a
 * process) may have. They are charged in one step before they are pinned, and
 * paid back in one step after they were unpinned.
 *
 * A limit must not become another one by changing who asks. By user, each user
 * namespace counts against the user who made it, too: whoever has subordinate user
 * IDs has one limit, not one per ID. (root needs no namespace to become another
 * user, so namespaces of root's do not count.) By process, all that a context
 * charged counts against the process that charges more: fork() and exec() make a
 * process with nothing charged to it, and leave it the file.
 *
 * What objects take in kernel memory that no memory cgroup sees is charged here as
 * well. It is not pinned, so it has a counter of its own: the one of SHM_LOCK.
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
#include <linux/user_namespace.h>

#include "charge.h"

/**
 * pin_payer_init() - Let the current process pay
 * @payer: filled in; to be released
 * @budget: of the context; outlives what is charged
 *
 * Context: process context, current->mm is not NULL.
 */
void pin_payer_init(struct pin_payer *payer, struct pin_budget *budget)
{
	*payer = (struct pin_payer){ .mm = current->mm, .budget = budget };
	mmgrab(payer->mm);
	if (capable(CAP_IPC_LOCK))
		return;

	payer->task = get_task_struct(current->group_leader);
	if (!budget->by_process)
		payer->cred = get_current_cred();
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
	if (to->cred)
		get_cred(to->cred);
}

/**
 * pin_payer_release() - Drop the references of pin_payer_init()
 * @payer: with nothing charged to it any more
 */
void pin_payer_release(struct pin_payer *payer)
{
	if (payer->task)
		put_task_struct(payer->task);
	if (payer->cred)
		put_cred(payer->cred);
	mmdrop(payer->mm);
}

/* Are the pages of either counted together? */
static bool pin_payer_same_count(const struct pin_payer *a,
				 const struct pin_payer *b)
{
	return a->cred && b->cred && a->cred->user == b->cred->user &&
	       a->cred->user_ns == b->cred->user_ns;
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
	enum pin_charge_mode mode = pin_payer_mode(a);

	return a->mm == b->mm && a->task == b->task &&
	       pin_payer_mode(b) == mode &&
	       (mode != PIN_CHARGE_USER || pin_payer_same_count(a, b));
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

/* What the user who made @ns answers for, in the namespace above it */
static atomic_long_t *owner_counter(struct user_namespace *ns)
{
	return &ns->ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK];
}

/* The next namespace from @ns upwards whose owner answers for what is in it */
static struct user_namespace *owned_ns(struct user_namespace *ns)
{
	while (ns != &init_user_ns && uid_eq(ns->owner, GLOBAL_ROOT_UID))
		ns = ns->parent;
	return ns;
}

static void owners_uncharge(struct user_namespace *ns, unsigned long npages,
			    const struct user_namespace *end)
{
	for (ns = owned_ns(ns); ns != end; ns = owned_ns(ns->parent))
		atomic_long_sub(npages, owner_counter(ns));
}

static int owners_charge(struct user_namespace *first, unsigned long npages)
{
	struct user_namespace *ns;
	unsigned long limit;
	int rc;

	for (ns = owned_ns(first); ns != &init_user_ns;
	     ns = owned_ns(ns->parent)) {
		limit = get_userns_rlimit_max(ns, UCOUNT_RLIMIT_MEMLOCK);
		rc = counter_charge(owner_counter(ns), npages,
				    limit >> PAGE_SHIFT);
		if (rc) {
			owners_uncharge(first, npages, ns);
			return rc;
		}
	}
	return 0;
}

static int pin_charge_user(const struct pin_payer *payer, unsigned long npages)
{
	int rc;

	rc = counter_charge(&payer->cred->user->locked_vm, npages,
			    memlock_pages(payer->task));
	if (rc)
		return rc;
	rc = owners_charge(payer->cred->user_ns, npages);
	if (rc)
		atomic_long_sub(npages, &payer->cred->user->locked_vm);
	return rc;
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

/* All but the context's budget */
static int payer_charge(const struct pin_payer *payer, unsigned long npages)
{
	int rc = 0;

	if (pin_payer_mode(payer) == PIN_CHARGE_USER)
		rc = pin_charge_user(payer, npages);
	else if (pin_payer_mode(payer) == PIN_CHARGE_MM)
		rc = pin_charge_mm(payer, npages);
	if (!rc)
		atomic64_add(npages, &payer->mm->pinned_vm);
	return rc;
}

static void payer_uncharge(const struct pin_payer *payer, unsigned long npages)
{
	atomic64_sub(npages, &payer->mm->pinned_vm);
	if (pin_payer_mode(payer) == PIN_CHARGE_USER) {
		atomic_long_sub(npages, &payer->cred->user->locked_vm);
		owners_uncharge(payer->cred->user_ns, npages, &init_user_ns);
	} else if (pin_payer_mode(payer) == PIN_CHARGE_MM) {
		pin_uncharge_mm(payer, npages);
	}
}

static int budget_charge(const struct pin_payer *payer, unsigned long npages)
{
	if (pin_payer_mode(payer) != PIN_CHARGE_MM)
		return 0;
	return counter_charge(&payer->budget->npages, npages,
			      memlock_pages(payer->task));
}

static void budget_uncharge(const struct pin_payer *payer, unsigned long npages)
{
	if (pin_payer_mode(payer) == PIN_CHARGE_MM)
		atomic_long_sub(npages, &payer->budget->npages);
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
	int rc;

	if (likely(pin_payer_mode(payer) == PIN_CHARGE_NONE)) {
		atomic64_add(npages, &payer->mm->pinned_vm);
		return 0;
	}
	rc = budget_charge(payer, npages);
	if (rc)
		return rc;
	rc = payer_charge(payer, npages);
	if (rc)
		budget_uncharge(payer, npages);
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
	if (likely(pin_payer_mode(payer) == PIN_CHARGE_NONE)) {
		atomic64_sub(npages, &payer->mm->pinned_vm);
		return;
	}
	payer_uncharge(payer, npages);
	budget_uncharge(payer, npages);
}

/* Does the context's budget stay as it is, whoever of the two pays? */
static bool move_within_budget(const struct pin_payer *from,
			       const struct pin_payer *to)
{
	return pin_payer_mode(from) == PIN_CHARGE_MM &&
	       pin_payer_mode(to) == PIN_CHARGE_MM;
}

/**
 * pin_move_charge() - Charge pages to a second payer, who is to take them over
 * @from: who paid for them
 * @to: who may pay from pin_move_commit() on; of the same context
 * @npages: pages charged to @from before
 *
 * Undone by pin_move_uncharge(). What two payers have in common is not charged
 * twice: what is counted for one user, and what the context charges by process. The
 * limit of @to holds also where the count is the same.
 *
 * Context: may sleep; takes @to's mmap_lock in PIN_CHARGE_MM mode where @npages is
 * not 0.
 * Return: 0, or as pin_charge().
 */
int pin_move_charge(const struct pin_payer *from, const struct pin_payer *to,
		    unsigned long npages)
{
	if (!npages)
		return 0;
	if (pin_payer_same_count(from, to))
		return counter_charge(&to->cred->user->locked_vm, 0,
				      memlock_pages(to->task));
	if (move_within_budget(from, to))
		return payer_charge(to, npages);
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
	if (!npages || pin_payer_same_count(from, to))
		return;
	if (move_within_budget(from, to))
		payer_uncharge(to, npages);
	else
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
	if (pin_payer_same_count(from, to)) {
		atomic64_sub(npages, &from->mm->pinned_vm);
		atomic64_add(npages, &to->mm->pinned_vm);
	} else if (move_within_budget(from, to)) {
		payer_uncharge(from, npages);
	} else {
		pin_uncharge(from, npages);
	}
}

/**
 * pin_overhead_charge() - Charge the current user for an object's kernel memory
 * @overhead: zeroed memory, for pin_overhead_uncharge()
 * @npages: pages that the object takes, whoever allocates them
 *
 * Counts against the caller's RLIMIT_MEMLOCK beside what is pinned, together with
 * memory that is locked by SHM_LOCK. Free with CAP_IPC_LOCK.
 *
 * Return: 0, or -ENOMEM if RLIMIT_MEMLOCK would be exceeded.
 */
int pin_overhead_charge(struct pin_overhead *overhead, unsigned long npages)
{
	const struct cred *cred = current_cred();
	int rc;

	if (capable(CAP_IPC_LOCK))
		return 0;
	rc = counter_charge(&cred->ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK],
			    npages, memlock_pages(current));
	if (rc)
		return rc;
	rc = owners_charge(cred->user_ns, npages);
	if (rc) {
		atomic_long_sub(npages,
				&cred->ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK]);
		return rc;
	}
	overhead->cred = get_cred(cred);
	overhead->npages = npages;
	return 0;
}

/**
 * pin_overhead_uncharge() - Pay back what an object took
 * @overhead: as it was charged, or zeroed
 */
void pin_overhead_uncharge(struct pin_overhead *overhead)
{
	const struct cred *cred = overhead->cred;

	if (!cred)
		return;
	owners_uncharge(cred->user_ns, overhead->npages, &init_user_ns);
	atomic_long_sub(overhead->npages,
			&cred->ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK]);
	put_cred(cred);
	overhead->cred = NULL;
}
