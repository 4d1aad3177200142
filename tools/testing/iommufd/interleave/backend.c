// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's primitives: each stops in the scheduler. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* More than any call frees while another is in an RCU section */
#define RCU_FREED	64

int shim_self(void)
{
	return self;
}

void shim_set_current(void *task)
{
	threads[self].task = task;
}

void *shim_current(void)
{
	return threads[self].task;
}

bool shim_killed(void)
{
	return threads[self].killed;
}

void shim_atomic_begin(void)
{
	threads[self].atomic++;
}

void shim_atomic_end(void)
{
	threads[self].atomic--;
}

void shim_might_sleep(const char *what)
{
	if (threads[self].atomic)
		shim_panic("%s where nobody may sleep", what);
}

/**
 * struct wait_for - what a thread waits for
 * @lock: a lock
 * @wait: a wait queue, to be woken up after @wakeups times
 * @wakeups: see @wait
 * @thread: who, where a SIGKILL ends it; NOBODY if not
 */
struct wait_for {
	const struct shim_lock *lock;
	const struct shim_waitq *wait;
	unsigned int wakeups;
	int thread;
};

static bool may_give_up(const struct wait_for *what)
{
	return threads[what->thread].killed;
}

static bool can_write(void *arg)
{
	const struct wait_for *what = arg;

	return (!what->lock->owner && !what->lock->readers) || may_give_up(what);
}

/* A fair lock: who wants to write comes before new readers */
static bool can_read(void *arg)
{
	const struct wait_for *what = arg;

	return (!what->lock->owner && !what->lock->writers_waiting) ||
	       may_give_up(what);
}

static int lock_write(struct shim_lock *lock, const char *name, int thread)
{
	struct wait_for what = { .lock = lock, .thread = thread };

	shim_point(name, lock);
	if (lock->owner == self + 1)
		shim_panic("%s is taken twice", name);
	lock->writers_waiting++;
	while (lock->owner || lock->readers) {
		if (may_give_up(&what)) {
			lock->writers_waiting--;
			return -EINTR;
		}
		il_block(can_write, &what, name);
	}
	lock->writers_waiting--;
	lock->owner = self + 1;
	return 0;
}

static int lock_read(struct shim_lock *lock, const char *name, int thread)
{
	struct wait_for what = { .lock = lock, .thread = thread };

	shim_point(name, lock);
	if (lock->owner == self + 1)
		shim_panic("%s is taken twice", name);
	while (lock->owner || lock->writers_waiting) {
		if (may_give_up(&what))
			return -EINTR;
		il_block(can_read, &what, name);
	}
	lock->readers++;
	return 0;
}

void shim_lock_write(struct shim_lock *lock, const char *name)
{
	lock_write(lock, name, NOBODY);
}

int shim_lock_write_killable(struct shim_lock *lock, const char *name)
{
	return lock_write(lock, name, self);
}

bool shim_trylock_write(struct shim_lock *lock, const char *name)
{
	shim_point(name, lock);
	if (lock->owner || lock->readers)
		return false;
	lock->owner = self + 1;
	return true;
}

void shim_unlock_write(struct shim_lock *lock, const char *name)
{
	if (lock->owner != self + 1)
		shim_panic("%s is another's", name);
	lock->owner = 0;
	shim_point("unlock", lock);
}

void shim_lock_read(struct shim_lock *lock, const char *name)
{
	lock_read(lock, name, NOBODY);
}

int shim_lock_read_killable(struct shim_lock *lock, const char *name)
{
	return lock_read(lock, name, self);
}

bool shim_trylock_read(struct shim_lock *lock, const char *name)
{
	shim_point(name, lock);
	if (lock->owner || lock->writers_waiting)
		return false;
	lock->readers++;
	return true;
}

void shim_unlock_read(struct shim_lock *lock, const char *name)
{
	if (!lock->readers)
		shim_panic("%s is not held for reading", name);
	lock->readers--;
	shim_point("unlock", lock);
}

void shim_downgrade(struct shim_lock *lock, const char *name)
{
	if (lock->owner != self + 1)
		shim_panic("%s is another's", name);
	lock->owner = 0;
	lock->readers++;
	shim_point("downgrade", lock);
}

bool shim_lock_held(const struct shim_lock *lock)
{
	return lock->owner == self + 1 || lock->readers;
}

bool shim_lock_held_write(const struct shim_lock *lock)
{
	return lock->owner == self + 1;
}

unsigned int shim_wait_prepare(struct shim_waitq *wait)
{
	shim_point("prepare to wait", wait);
	return wait->wakeups;
}

static bool is_awake(void *arg)
{
	const struct wait_for *what = arg;

	return what->wait->wakeups != what->wakeups || may_give_up(what);
}

void shim_wait(struct shim_waitq *wait, unsigned int wakeups, bool killable)
{
	struct wait_for what = {
		.wait = wait,
		.wakeups = wakeups,
		.thread = killable ? self : NOBODY,
	};

	il_block(is_awake, &what, "wait_event");
}

void shim_wake(struct shim_waitq *wait)
{
	shim_point("wake up", wait);
	wait->wakeups++;
}

void *shim_alloc(size_t size, bool zero, bool may_fail)
{
	void *p;

	if (may_fail && shim_fail("allocation"))
		return NULL;
	p = malloc(size);
	if (!p)
		shim_panic("no memory");
	memset(p, zero ? 0 : 0xa5, size);
	allocated++;
	return p;
}

void *shim_realloc(void *p, size_t size)
{
	if (!p)
		allocated++;
	p = realloc(p, size);
	if (!p)
		shim_panic("no memory");
	return p;
}

void shim_free(const void *p)
{
	if (!p)
		return;
	allocated--;
	free((void *)p);
}

long shim_allocated(void)
{
	return allocated;
}

/* RCU: what is freed goes as soon as nobody is in a section */
static unsigned int rcu_readers;
static void *rcu_freed[RCU_FREED];
static unsigned int rcu_num;

static void rcu_flush(void)
{
	while (rcu_num)
		shim_free(rcu_freed[--rcu_num]);
}

void shim_rcu_read_lock(void)
{
	threads[self].atomic++;
	rcu_readers++;
}

void shim_rcu_read_unlock(void)
{
	shim_point("rcu_read_unlock", NULL);
	threads[self].atomic--;
	if (!--rcu_readers)
		rcu_flush();
}

void shim_rcu_free(void *p)
{
	if (rcu_num == RCU_FREED)
		shim_panic("more is freed than RCU can keep");
	rcu_freed[rcu_num++] = p;
	if (!rcu_readers)
		rcu_flush();
}

static bool no_readers(void *arg)
{
	return !rcu_readers;
}

void shim_rcu_synchronize(void)
{
	shim_might_sleep("synchronize_rcu()");
	shim_point("synchronize_rcu", NULL);
	il_block(no_readers, NULL, "synchronize_rcu");
}
