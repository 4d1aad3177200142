/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's primitives do in userspace. A backend implements it:
 *
 *  - plain (shim/plain.c): one thread; what would block is a failure;
 *  - pthread (shim/pthread.c): real threads, for ThreadSanitizer;
 *  - coroutine (interleave/sched.c): each primitive is a place where another
 *    call may go on.
 *
 * Only C's own types here, so that a backend can include the C library.
 */
#ifndef SHIM_BACKEND_H
#define SHIM_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct shim_lock - mutex, spinlock and rw_semaphore
 * @os: the pthread backend's lock; 0 is an unlocked one
 * @owner: who holds it for writing: 1 + thread, 0 for nobody
 * @readers: how many hold it for reading
 * @writers_waiting: a fair lock lets no new reader pass them
 */
struct shim_lock {
	unsigned long os[8];
	int owner;
	int readers;
	int writers_waiting;
};

/**
 * struct shim_waitq - a wait queue
 * @os: the pthread backend's mutex and condition; 0 is an idle one
 * @wakeups: how often it was woken up
 */
struct shim_waitq {
	unsigned long os[14];
	unsigned int wakeups;
};

/* Another may go on here. Only the coroutine backend wants to know. */
#ifdef SHIM_COROUTINE
void shim_point(const char *what, const void *where);
#else
static inline void shim_point(const char *what, const void *where)
{
}
#endif

/* Is what the caller is about to do to fail? */
bool shim_fail(const char *what);

int shim_self(void);
void shim_set_current(void *task);
void *shim_current(void);
bool shim_killed(void);

void shim_lock_write(struct shim_lock *lock, const char *name);
int shim_lock_write_killable(struct shim_lock *lock, const char *name);
bool shim_trylock_write(struct shim_lock *lock, const char *name);
void shim_unlock_write(struct shim_lock *lock, const char *name);
void shim_lock_read(struct shim_lock *lock, const char *name);
int shim_lock_read_killable(struct shim_lock *lock, const char *name);
bool shim_trylock_read(struct shim_lock *lock, const char *name);
void shim_unlock_read(struct shim_lock *lock, const char *name);
void shim_downgrade(struct shim_lock *lock, const char *name);
bool shim_lock_held(const struct shim_lock *lock);
bool shim_lock_held_write(const struct shim_lock *lock);

/* In a section that must not sleep: a spinlock, RCU */
void shim_atomic_begin(void);
void shim_atomic_end(void);
void shim_might_sleep(const char *what);

unsigned int shim_wait_prepare(struct shim_waitq *wait);
void shim_wait(struct shim_waitq *wait, unsigned int wakeups, bool killable);
void shim_wake(struct shim_waitq *wait);
/* Before a wait that need not be for ever: can nothing else happen? */
bool shim_time_is_up(void);

void *shim_alloc(size_t size, bool zero, bool may_fail);
void *shim_realloc(void *p, size_t size);
void shim_free(const void *p);
long shim_allocated(void);

void shim_rcu_read_lock(void);
void shim_rcu_read_unlock(void);
void shim_rcu_free(void *p);
void shim_rcu_synchronize(void);

/* WARN_ON() and its like; a line for the kernel's log */
void shim_warn(const char *file, int line, const char *what);
void shim_log(const char *fmt, ...);
/* What cannot be gone on from */
void shim_panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
