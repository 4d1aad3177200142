/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pinned memory.
 */
#ifndef __IOMMUFD_CHARGE_H
#define __IOMMUFD_CHARGE_H

#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/types.h>

struct cred;
struct mm_struct;
struct pin_payer;

/**
 * enum pin_charge_mode - which limit pinned pages count against
 * @PIN_CHARGE_NONE: none, the payer has CAP_IPC_LOCK
 * @PIN_CHARGE_USER: RLIMIT_MEMLOCK over all that the user pins
 *                   (IOMMU_OPTION_RLIMIT_MODE = 0)
 * @PIN_CHARGE_MM: RLIMIT_MEMLOCK over all that the process locks and pins
 *                 (IOMMU_OPTION_RLIMIT_MODE = 1)
 */
enum pin_charge_mode {
	PIN_CHARGE_NONE,
	PIN_CHARGE_USER,
	PIN_CHARGE_MM,
};

/**
 * struct pin_budget - how a context has its pages charged
 * @by_process: IOMMU_OPTION_RLIMIT_MODE; does not change while there are objects
 * @npages: pages charged in PIN_CHARGE_MM mode, to whichever processes
 * @new_payer: of the change of who pays that is under way, or was; for ranges that
 *             it has reached
 */
struct pin_budget {
	bool by_process;
	atomic_long_t npages;
	const struct pin_payer *new_payer;
};

/**
 * struct pin_payer - a process that pays for pinned pages
 * @mm: its address space, grabbed; its VmPin shows the pages in every mode
 * @task: thread group leader whose RLIMIT_MEMLOCK holds, referenced; NULL in
 *        PIN_CHARGE_NONE mode
 * @cred: the user whose pages are counted, and the namespace whose owner answers for
 *        it, referenced; NULL but in PIN_CHARGE_USER mode
 * @budget: of the context
 *
 * Every area that is mapped has one: pin_payer_mode() is not stored.
 */
struct pin_payer {
	struct mm_struct *mm;
	struct task_struct *task;
	const struct cred *cred;
	struct pin_budget *budget;
};

static inline enum pin_charge_mode
pin_payer_mode(const struct pin_payer *payer)
{
	if (!payer->task)
		return PIN_CHARGE_NONE;
	return payer->cred ? PIN_CHARGE_USER : PIN_CHARGE_MM;
}

/**
 * struct pin_overhead - what an object takes in kernel memory
 * @cred: whom it is charged to, referenced; NULL where nothing is
 * @npages: pages
 */
struct pin_overhead {
	const struct cred *cred;
	unsigned long npages;
};

/* Who is charged, too, for what @payer pays for. The mover alone changes it. */
static inline const struct pin_payer *
pin_new_payer(const struct pin_payer *payer)
{
	return READ_ONCE(payer->budget->new_payer);
}

static inline void pin_set_new_payer(const struct pin_payer *payer,
				     const struct pin_payer *new_payer)
{
	/* Ranges that it has reached before are being charged meanwhile */
	if (payer->budget->new_payer != new_payer)
		WRITE_ONCE(payer->budget->new_payer, new_payer);
}

void pin_payer_init(struct pin_payer *payer, struct pin_budget *budget);
void pin_payer_copy(struct pin_payer *to, const struct pin_payer *from);
void pin_payer_release(struct pin_payer *payer);
bool pin_payer_same(const struct pin_payer *a, const struct pin_payer *b);
int pin_charge(const struct pin_payer *payer, unsigned long npages);
void pin_uncharge(const struct pin_payer *payer, unsigned long npages);
int pin_move_charge(const struct pin_payer *from, const struct pin_payer *to,
		    unsigned long npages);
void pin_move_uncharge(const struct pin_payer *from, const struct pin_payer *to,
		       unsigned long npages);
void pin_move_commit(const struct pin_payer *from, const struct pin_payer *to,
		     unsigned long npages);
int pin_overhead_charge(struct pin_overhead *overhead, unsigned long npages);
void pin_overhead_uncharge(struct pin_overhead *overhead);
#endif
