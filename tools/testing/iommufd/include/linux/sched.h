/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: who runs, whose memory and limits they are. */
#ifndef _SHIM_SCHED_H
#define _SHIM_SCHED_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>

struct user_struct {
	atomic_long_t locked_vm;
};

typedef struct {
	unsigned int val;
} kuid_t;

#define KUIDT_INIT(value)	((kuid_t){ value })
#define GLOBAL_ROOT_UID		KUIDT_INIT(0)
#define uid_eq(a, b)		((a).val == (b).val)

enum rlimit_type {
	UCOUNT_RLIMIT_MEMLOCK,
	UCOUNT_RLIMIT_COUNTS,
};

struct ucounts {
	atomic_long_t rlimit[UCOUNT_RLIMIT_COUNTS];
};

struct user_namespace {
	struct user_namespace *parent;
	kuid_t owner;
	struct ucounts *ucounts;
	long rlimit_max[UCOUNT_RLIMIT_COUNTS];
};

struct cred {
	refcount_t usage;
	struct user_struct *user;
	struct user_namespace *user_ns;
	struct ucounts *ucounts;
};

extern struct user_namespace init_user_ns;
extern const struct cred init_cred;

#define get_userns_rlimit_max(ns, type)	((ns)->rlimit_max[type])

struct mm_struct {
	refcount_t mm_users;
	refcount_t mm_count;
	struct rw_semaphore mmap_lock;
	atomic64_t pinned_vm;
	unsigned long locked_vm;
};

/**
 * struct task_struct - a process
 * @usage: references
 * @mm: its memory
 * @user: who it belongs to
 * @group_leader: itself
 * @flags: PF_*
 * @memlock: its RLIMIT_MEMLOCK, in bytes
 * @cred: @user, its namespace and what is counted there
 * @capable: has every capability
 */
struct task_struct {
	refcount_t usage;
	struct mm_struct *mm;
	struct user_struct *user;
	struct task_struct *group_leader;
	unsigned int flags;
	unsigned long memlock;
	const struct cred *cred;
	bool capable;
};

#define PF_EXITING	1
#define PF_KTHREAD	2
#define PF_USER_WORKER	4
#define current		((struct task_struct *)shim_current())
#define RLIMIT_MEMLOCK	8
#define RLIM_INFINITY	(~0UL)
#define CAP_IPC_LOCK	14
#define CAP_SYS_RAWIO	17
#define CAP_SYS_ADMIN	21
#define CAP_SYS_RESOURCE 24

#define capable(cap)			(current->capable)
#define task_rlimit(task, limit)	((task)->memlock)
#define rlimit(limit)			(current->memlock)
#define fatal_signal_pending(task)	shim_killed()
#define signal_pending(task)		shim_killed()

/* The first namespace, whose owner answers for nobody, is not counted */
#define current_cred()			(current->cred ?: &init_cred)
#define get_current_cred()		get_cred(current_cred())

static inline const struct cred *get_cred(const struct cred *cred)
{
	if (cred != &init_cred)
		refcount_inc((refcount_t *)&cred->usage);
	return cred;
}

static inline void put_cred(const struct cred *cred)
{
	if (cred != &init_cred)
		refcount_dec((refcount_t *)&cred->usage);
}

static inline struct task_struct *get_task_struct(struct task_struct *task)
{
	refcount_inc(&task->usage);
	return task;
}

static inline void put_task_struct(struct task_struct *task)
{
	refcount_dec(&task->usage);
}

static inline void mmgrab(struct mm_struct *mm)
{
	refcount_inc(&mm->mm_count);
}

static inline void mmdrop(struct mm_struct *mm)
{
	refcount_dec(&mm->mm_count);
}

static inline bool mmget_not_zero(struct mm_struct *mm)
{
	return refcount_inc_not_zero(&mm->mm_users);
}

/* Whoever made the process has one left */
static inline void mmput(struct mm_struct *mm)
{
	refcount_dec(&mm->mm_users);
}

#define mmap_write_lock(mm)		down_write(&(mm)->mmap_lock)
#define mmap_write_lock_killable(mm)	down_write_killable(&(mm)->mmap_lock)
#define mmap_write_unlock(mm)		up_write(&(mm)->mmap_lock)
#define mmap_read_lock(mm)		down_read(&(mm)->mmap_lock)
#define mmap_read_lock_killable(mm)	down_read_killable(&(mm)->mmap_lock)
#define mmap_read_unlock(mm)		up_read(&(mm)->mmap_lock)
#define mmap_assert_write_locked(mm)	lockdep_assert_held_write(&(mm)->mmap_lock)

int __account_locked_vm(struct mm_struct *mm, unsigned long pages, bool inc,
			const struct task_struct *task, bool bypass_rlim);

#define kthread_use_mm(m)	(current->mm = (m))
#define kthread_unuse_mm(m)	((void)(m), current->mm = NULL)

struct mem_cgroup;
#define set_active_memcg(memcg)		((void)(memcg), (struct mem_cgroup *)NULL)
#define get_mem_cgroup_from_mm(mm)	((void)(mm), (struct mem_cgroup *)NULL)
#define mem_cgroup_put(memcg)		((void)(memcg))

#define msleep(ms)			shim_might_sleep("msleep()")
#define usleep_range(min, max)		shim_might_sleep("usleep_range()")
#define schedule_timeout_killable(t) \
	(shim_might_sleep("schedule_timeout_killable()"), 0L)
#define HZ				1000
#define jiffies				0UL
#define msecs_to_jiffies(ms)		((unsigned long)(ms))
#define MAX_SCHEDULE_TIMEOUT		LONG_MAX

#endif
