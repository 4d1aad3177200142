// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real threads, for ThreadSanitizer: locks are pthread's, atomics the
 * compiler's with the order that the kernel's have. What RCU frees is kept
 * until shim_rcu_flush(), as a grace period that ends would order what it
 * must not.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shim/backend.h>
#include <shim/plain.h>

struct shim_plain shim_plain;

struct os_wait {
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

_Static_assert(sizeof(pthread_rwlock_t) <= sizeof(((struct shim_lock *)0)->os), "os");
_Static_assert(sizeof(struct os_wait) <= sizeof(((struct shim_waitq *)0)->os), "os");

static _Thread_local unsigned int atomic_depth;
static _Thread_local void *current_task;
static _Thread_local int self;
static int threads;
static long allocated;

bool shim_fail(const char *what)
{
	return shim_plain.fail && shim_plain.fail(what);
}

int shim_self(void)
{
	if (!self)
		self = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
	return self - 1;
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
	return false;
}

static pthread_rwlock_t *os(struct shim_lock *lock)
{
	return (pthread_rwlock_t *)lock->os;
}

static void set_owner(struct shim_lock *lock, int owner)
{
	__atomic_store_n(&lock->owner, owner, __ATOMIC_RELAXED);
}

static int get_owner(const struct shim_lock *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);
}

void shim_lock_write(struct shim_lock *lock, const char *name)
{
	int rc = pthread_rwlock_wrlock(os(lock));

	if (rc)
		shim_panic("%s: %s", name, strerror(rc));
	set_owner(lock, shim_self() + 1);
}

int shim_lock_write_killable(struct shim_lock *lock, const char *name)
{
	shim_lock_write(lock, name);
	return 0;
}

bool shim_trylock_write(struct shim_lock *lock, const char *name)
{
	if (pthread_rwlock_trywrlock(os(lock)))
		return false;
	set_owner(lock, shim_self() + 1);
	return true;
}

void shim_unlock_write(struct shim_lock *lock, const char *name)
{
	if (get_owner(lock) != shim_self() + 1)
		shim_panic("%s is another's", name);
	set_owner(lock, 0);
	pthread_rwlock_unlock(os(lock));
}

void shim_lock_read(struct shim_lock *lock, const char *name)
{
	int rc = pthread_rwlock_rdlock(os(lock));

	if (rc)
		shim_panic("%s: %s", name, strerror(rc));
	__atomic_fetch_add(&lock->readers, 1, __ATOMIC_RELAXED);
}

int shim_lock_read_killable(struct shim_lock *lock, const char *name)
{
	shim_lock_read(lock, name);
	return 0;
}

bool shim_trylock_read(struct shim_lock *lock, const char *name)
{
	if (pthread_rwlock_tryrdlock(os(lock)))
		return false;
	__atomic_fetch_add(&lock->readers, 1, __ATOMIC_RELAXED);
	return true;
}

void shim_unlock_read(struct shim_lock *lock, const char *name)
{
	__atomic_fetch_sub(&lock->readers, 1, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(os(lock));
}

/* pthread's cannot: others may come in between, which is more, not less */
void shim_downgrade(struct shim_lock *lock, const char *name)
{
	shim_unlock_write(lock, name);
	shim_lock_read(lock, name);
}

bool shim_lock_held(const struct shim_lock *lock)
{
	return shim_lock_held_write(lock) ||
	       __atomic_load_n(&lock->readers, __ATOMIC_RELAXED);
}

bool shim_lock_held_write(const struct shim_lock *lock)
{
	return get_owner(lock) == shim_self() + 1;
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
	struct os_wait *os = (struct os_wait *)wait->os;
	unsigned int wakeups;

	pthread_mutex_lock(&os->lock);
	wakeups = wait->wakeups;
	pthread_mutex_unlock(&os->lock);
	return wakeups;
}

void shim_wait(struct shim_waitq *wait, unsigned int wakeups, bool killable)
{
	struct os_wait *os = (struct os_wait *)wait->os;

	pthread_mutex_lock(&os->lock);
	while (wait->wakeups == wakeups)
		pthread_cond_wait(&os->cond, &os->lock);
	pthread_mutex_unlock(&os->lock);
}

void shim_wake(struct shim_waitq *wait)
{
	struct os_wait *os = (struct os_wait *)wait->os;

	pthread_mutex_lock(&os->lock);
	wait->wakeups++;
	pthread_cond_broadcast(&os->cond);
	pthread_mutex_unlock(&os->lock);
}

/* Others get their turn, once: what they do meanwhile is enough of a time */
bool shim_time_is_up(void)
{
	sched_yield();
	return true;
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
	__atomic_fetch_add(&allocated, 1, __ATOMIC_RELAXED);
	return p;
}

void *shim_realloc(void *p, size_t size)
{
	if (!p)
		__atomic_fetch_add(&allocated, 1, __ATOMIC_RELAXED);
	p = realloc(p, size);
	if (!p)
		shim_panic("no memory");
	return p;
}

void shim_free(const void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&allocated, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

long shim_allocated(void)
{
	return __atomic_load_n(&allocated, __ATOMIC_RELAXED);
}

void shim_rcu_read_lock(void)
{
	atomic_depth++;
}

void shim_rcu_read_unlock(void)
{
	atomic_depth--;
}

struct kept { struct kept *next; void *p; };
static struct kept *kept;

void shim_rcu_free(void *p)
{
	struct kept *k = malloc(sizeof(*k));

	k->p = p;
	k->next = __atomic_load_n(&kept, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&kept, &k->next, k, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void shim_rcu_flush(void)
{
	struct kept *k, *next;

	for (k = __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQUIRE); k;
	     k = next) {
		next = k->next;
		shim_free(k->p);
		free(k);
	}
}

/* A reader that is inside only ever looks at what shim_rcu_free() keeps */
void shim_rcu_synchronize(void)
{
	shim_might_sleep("synchronize_rcu()");
}

void shim_warn(const char *file, int line, const char *what)
{
	__atomic_fetch_add(&shim_plain.warnings, 1, __ATOMIC_RELAXED);
	if (!shim_plain.may_warn)
		shim_panic("WARNING at %s:%d: %s", file, line, what);
}

void shim_log(const char *fmt, ...)
{
	__atomic_fetch_add(&shim_plain.log_lines, 1, __ATOMIC_RELAXED);
}

void shim_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
