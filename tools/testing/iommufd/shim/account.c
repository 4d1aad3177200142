// SPDX-License-Identifier: GPL-2.0-only
/* Locked memory, as mm/util.c counts it. */
#include <linux/mm.h>
#include <linux/sched.h>

static struct ucounts init_ucounts;

struct user_namespace init_user_ns = { .ucounts = &init_ucounts };

const struct cred init_cred = {
	.user_ns = &init_user_ns,
	.ucounts = &init_ucounts,
};

int __account_locked_vm(struct mm_struct *mm, unsigned long pages, bool inc,
			const struct task_struct *task, bool bypass_rlim)
{
	mmap_assert_write_locked(mm);
	if (inc) {
		if (!bypass_rlim &&
		    mm->locked_vm + pages > task->memlock >> PAGE_SHIFT)
			return -ENOMEM;
		mm->locked_vm += pages;
	} else {
		WARN_ON(pages > mm->locked_vm);
		mm->locked_vm -= pages;
	}
	return 0;
}

/* A backend with other threads waits for them */
__attribute__((weak)) bool shim_time_is_up(void)
{
	return false;
}
