// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread: no lock is ever waited for, and everything is checked: who
 * would block, or sleep where that must not be, fails.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shim/backend.h>
#include <shim/plain.h>

struct shim_plain shim_plain;

static unsigned int atomic_depth;
static void *current_task;
static long allocated;

bool shim_fail(const char *what)
{
	return shim_plain.fail && shim_plain.fail(what);
}

int shim_self(void)
{
	return 0;
}

void shim_set_current(void *task)
{
	current_task = task;
}

void *shim_current(void)
{
	return current_task;
}

bool shim_killed(void)
{
	return shim_plain.killed || shim_fail("kill");
}

void shim_lock_write(struct shim_lock *lock, const char *name)
{
	if (lock->owner || lock->readers)
		shim_panic("%s is taken twice", name);
	lock->owner = 1;
	shim_plain.held++;
}

int shim_lock_write_killable(struct shim_lock *lock, const char *name)
{
	if (shim_killed())
		return -EINTR;
	shim_lock_write(lock, name);
	return 0;
}

bool shim_trylock_write(struct shim_lock *lock, const char *name)
{
	if (lock->owner || lock->readers)
		return false;
	lock->owner = 1;
	shim_plain.held++;
	return true;
}

void shim_unlock_write(struct shim_lock *lock, const char *name)
{
	if (!lock->owner)
		shim_panic("%s is not held", name);
	lock->owner = 0;
	shim_plain.held--;
}

void shim_lock_read(struct shim_lock *lock, const char *name)
{
	/* A second reader would wait for a writer that waits for the first */
	if (lock->owner || lock->readers)
		shim_panic("%s is taken twice", name);
	lock->readers++;
	shim_plain.held++;
}

int shim_lock_read_killable(struct shim_lock *lock, const char *name)
{
	if (shim_killed())
		return -EINTR;
	shim_lock_read(lock, name);
	return 0;
}

bool shim_trylock_read(struct shim_lock *lock, const char *name)
{
	if (lock->owner)
		return false;
	lock->readers++;
	shim_plain.held++;
	return true;
}

void shim_unlock_read(struct shim_lock *lock, const char *name)
{
	if (!lock->readers)
		shim_panic("%s is not held for reading", name);
	lock->readers--;
	shim_plain.held--;
}

void shim_downgrade(struct shim_lock *lock, const char *name)
{
	shim_unlock_write(lock, name);
	lock->readers++;
	shim_plain.held++;
}

bool shim_lock_held(const struct shim_lock *lock)
{
	return lock->owner || lock->readers;
}

bool shim_lock_held_write(const struct shim_lock *lock)
{
	return lock->owner;
}

void shim_atomic_begin(void)
{
	atomic_depth++;
}

void shim_atomic_end(void)
{
	atomic_depth--;
}

void shim_might_sleep(const char *what)
{
	if (atomic_depth)
		shim_panic("%s where nobody may sleep", what);
}

unsigned int shim_wait_prepare(struct shim_waitq *wait)
{
	return wait->wakeups;
}

void shim_wait(struct shim_waitq *wait, unsigned int wakeups, bool killable)
{
	if (wait->wakeups == wakeups && !(killable && shim_plain.killed))
		shim_panic("nobody else will wake us up");
}

bool shim_time_is_up(void)
{
	return true;
}

void shim_wake(struct shim_waitq *wait)
{
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

void shim_rcu_read_lock(void)
{
	atomic_depth++;
}

void shim_rcu_read_unlock(void)
{
	atomic_depth--;
}

void shim_rcu_free(void *p)
{
	shim_free(p);
}

void shim_rcu_synchronize(void)
{
	shim_might_sleep("synchronize_rcu()");
}

void shim_warn(const char *file, int line, const char *what)
{
	shim_plain.warnings++;
	if (!shim_plain.may_warn)
		shim_panic("WARNING at %s:%d: %s", file, line, what);
}

void shim_log(const char *fmt, ...)
{
	shim_plain.log_lines++;
}

void shim_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (shim_plain.panic)
		shim_plain.panic(fmt, args);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
