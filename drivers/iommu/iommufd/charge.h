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
struct user_namespace;
struct user_struct;

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
 */
struct pin_budget {
	bool by_process;
	atomic_long_t npages;
};

/**
 * struct pin_payer - a process that pays for pinned pages
 * @mm: its address space, grabbed; its VmPin shows the pages in every mode
 * @task: thread group leader whose RLIMIT_MEMLOCK holds, referenced; NULL in
 *        PIN_CHARGE_NONE mode
 * @user: whose pages are counted, referenced; PIN_CHARGE_USER mode only
 * @ns: @user's namespace, whose owner answers for it, referenced; with @user
 * @budget: of the context
 * @mode: what is counted against what
 */
struct pin_payer {
	struct mm_struct *mm;
	struct task_struct *task;
	struct user_struct *user;
	struct user_namespace *ns;
	struct pin_budget *budget;
	enum pin_charge_mode mode;
};

/**
 * struct pin_overhead - what an object takes in kernel memory
 * @cred: whom it is charged to, referenced; NULL where nothing is
 * @npages: pages
 */
struct pin_overhead {
	const struct cred *cred;
	unsigned long npages;
};

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
