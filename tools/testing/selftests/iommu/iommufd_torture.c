// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that map, unmap, copy, attach, replace, detach, destroy, pin, read dirty
 * bits, answer faults, revoke a dma-buf, close, fork and unmap their memory
 * against each other, on the same few objects.
 *
 *   iommufd_torture [SECONDS [SEED [THREADS]]]
 *
 * What is read by an in-kernel access is compared with what must be at that IOVA;
 * at quiet points the IO page tables are compared with what accesses see, and in
 * the end nothing may be mapped, pinned or charged. It goes on until each operation
 * has worked a few times: what only ever fails shows nothing.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "iommufd_check.h"
#include "torture.h"

#define QUIET_MS 1000
#define QUIETS_PER_ROUND 3
#define MAX_THREADS 16
#define MAX_ERRNO 134
/* So often must each operation have worked, or it shows nothing */
#define LEAST_WORKED 3
/* Rounds for that which the time is not enough for: an operation that never works */
#define MORE_ROUNDS 60

/* A pool's descriptors and the memfd are not mixed up: see context_replace() */
#define FIRST_FD 100

struct world world;
unsigned long psize;

static struct op_count {
	atomic_ulong worked;
	atomic_ulong skipped;
	atomic_ulong failed[MAX_ERRNO];
} counts[128];

static struct thread threads[MAX_THREADS];
static unsigned int num_threads = 4;
static pthread_barrier_t barrier;
static atomic_bool pause_all, stop;
static pthread_mutex_t bad_lock = PTHREAD_MUTEX_INITIALIZER;

/* Any operation may find that another thread was faster */
static const int usual[] = {
	ENOENT, EEXIST, EBUSY, EINVAL, EADDRINUSE, ENOSPC, EPERM, EOPNOTSUPP,
};

static unsigned int num_ops(void)
{
	return num_memory_ops + num_object_ops;
}

static const struct op *op_at(unsigned int index)
{
	return index < num_memory_ops ? &memory_ops[index] :
					&object_ops[index - num_memory_ops];
}

void bad(struct thread *t, const char *fmt, ...)
{
	unsigned long i;
	va_list args;

	pthread_mutex_lock(&bad_lock);
	atomic_store(&world.bad, true);
	printf("# BAD: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	for (i = t->steps > HISTORY ? t->steps - HISTORY : 0; i != t->steps; i++)
		printf("#   thread %td, %lu steps ago: %s: %d\n", t - threads,
		       t->steps - i, t->history[i % HISTORY].op->name,
		       t->history[i % HISTORY].rc);
	fflush(stdout);
	pthread_mutex_unlock(&bad_lock);
}

/*
 * Pools
 */

/* The first that is not empty, from anywhere on */
struct entry pool_peek(struct thread *t, enum pool pool)
{
	unsigned int start = roll(t, POOL_SLOTS), i;
	struct entry entry = {};

	for (i = 0; i != POOL_SLOTS && !entry.id; i++)
		entry = atomic_load(&t->ctx->pools[pool][(start + i) %
							 POOL_SLOTS]);
	return entry;
}

struct entry pool_take(struct thread *t, enum pool pool)
{
	unsigned int start = roll(t, POOL_SLOTS), i;
	struct entry entry = {};

	for (i = 0; i != POOL_SLOTS && !entry.id; i++)
		entry = atomic_exchange(&t->ctx->pools[pool][(start + i) %
							     POOL_SLOTS],
					(struct entry){});
	return entry;
}

bool pool_put(struct thread *t, enum pool pool, struct entry entry)
{
	int i;

	for (i = 0; i != POOL_SLOTS; i++) {
		struct entry none = {};

		if (atomic_compare_exchange_strong(&t->ctx->pools[pool][i],
						   &none, entry))
			return true;
	}
	return false;
}

__u32 some_ioas(struct thread *t)
{
	__u32 id = 0;

	if (!roll(t, 4))
		id = pool_peek(t, POOL_IOAS).id;
	return id ?: t->ctx->ioas[roll(t, 2)];
}

/*
 * Memory
 */

void zone_fill(enum zone zone, unsigned int first, unsigned int npages)
{
	for (unsigned int i = first; i != first + npages; i++) {
		__u64 *words = (__u64 *)(world.memory[zone] + i * page);

		for (unsigned int n = 0; n != page / 8; n++)
			words[n] = zone_word(zone, i);
	}
}

bool words_wrong(enum zone zone, __u64 iova, const __u64 *words,
		 unsigned int num, __u64 *expected)
{
	for (unsigned int i = 0; i != num; i++) {
		*expected = zone_word(zone, (iova + i * 8 - zone_iova(zone, 0)) /
				      page);
		/* Memory that is new is empty */
		if (words[i] != *expected &&
		    !(zone == ZONE_SHAKY && !words[i]))
			return true;
	}
	return false;
}

static int memory_open(void)
{
	struct iommu_test_cmd cmd = {
		.dmabuf_get = {
			.length = ZONE_PAGES * page,
			.open_flags = O_RDWR | O_CLOEXEC,
		},
	};
	size_t length = ZONE_PAGES * page;
	int fd = iommu_open();

	world.memory[ZONE_ANON] = memory_new(ZONE_PAGES);
	world.memory[ZONE_SHAKY] = memory_new(ZONE_PAGES);
	world.file = memfd_create("torture", MFD_CLOEXEC);
	if (fd < 0 || !world.memory[ZONE_ANON] || !world.memory[ZONE_SHAKY] ||
	    world.file < 0 || ftruncate(world.file, length))
		return -errno;
	world.memory[ZONE_FILE] = mmap(NULL, length, PROT_READ | PROT_WRITE,
				       MAP_SHARED, world.file, 0);
	if (world.memory[ZONE_FILE] == MAP_FAILED)
		return -errno;
	for (enum zone zone = 0; zone != ZONE_DMABUF; zone++)
		zone_fill(zone, 0, ZONE_PAGES);
	world.dmabuf = test_call(fd, IOMMU_TEST_OP_DMABUF_GET, &cmd);
	close(fd);
	return world.dmabuf < 0 ? world.dmabuf : 0;
}

/*
 * Contexts
 */

static int context_fill(int fd, __u32 *ioas)
{
	struct iommu_iova_range range = {
		.start = AUTO_IOVA,
		.last = AUTO_LAST,
	};
	int i, rc;

	for (i = 0; i != 2; i++) {
		rc = ioas_alloc(fd, &ioas[i]) ?: ioas_allow(fd, ioas[i], &range, 1);
		if (rc)
			return rc;
	}
	return 0;
}

int context_open(struct context *ctx)
{
	int fd = iommu_open();

	if (fd < 0)
		return -errno;
	if (dup3(fd, ctx->fd, O_CLOEXEC) < 0)
		return -errno;
	close(fd);
	return context_fill(ctx->fd, ctx->ioas);
}

/* Some objects have a file of their own, which keeps the context open */
static void pools_close(struct context *ctx)
{
	for (int i = 0; i != POOL_SLOTS; i++) {
		struct entry entry;

		entry = atomic_exchange(&ctx->pools[POOL_ACCESS][i],
					(struct entry){});
		if (entry.id)
			close(entry.id);
		entry = atomic_exchange(&ctx->pools[POOL_FAULT][i],
					(struct entry){});
		if (entry.id)
			close(entry.aux);
		entry = atomic_exchange(&ctx->pools[POOL_VEVENTQ][i],
					(struct entry){});
		if (entry.id)
			close(entry.aux);
	}
}

void context_close(struct context *ctx)
{
	pools_close(ctx);
	memset(ctx->pools, 0, sizeof(ctx->pools));
	close(ctx->fd);
}

/*
 * The descriptor is the same before and after: the others go on without a break.
 * IDs of the old context mean something else in the new one, if anything.
 */
int context_replace(struct thread *t)
{
	struct context *ctx = t->ctx;
	__u32 ioas[2];
	int fd, rc;

	fd = iommu_open();
	if (fd < 0)
		return -errno;
	rc = context_fill(fd, ioas);
	if (!rc && dup3(fd, ctx->fd, O_CLOEXEC) < 0)
		rc = -errno;
	close(fd);
	if (!rc)
		pools_close(ctx);
	return rc;
}

/*
 * Quiet points
 */

/*
 * Where the kernel checks itself: areas, runs, IO page tables and pins against
 * each other.
 */
static void check_kernel(struct thread *t, struct context *ctx)
{
	int rc = check_invariants(ctx->fd);

	if (rc)
		bad(t, "the kernel found an invariant broken: %d", rc);
}

/* What accesses see is what the IO page table shows, to the page */
static void check_hwpt(struct thread *t, int fd, __u32 hwpt, int access)
{
	for (enum zone zone = 0; zone != ZONE_SHAKY; zone++) {
		for (unsigned int i = 0; i != ZONE_PAGES; i++) {
			__u64 iova = zone_iova(zone, i), word, expected;
			int seen, shown;

			seen = access_rw(fd, access, iova, &word, sizeof(word),
					 0);
			shown = mock_check_map(fd, hwpt, iova,
					       world.memory[zone] + i * page,
					       page);
			if (!seen != !shown)
				bad(t, "HWPT %u IOVA %llx: access %d, page table %d",
				    hwpt, iova, seen, shown);
			if (!seen && words_wrong(zone, iova, &word, 1, &expected))
				bad(t, "IOVA %llx: %llx in place of %llx", iova,
				    word, expected);
		}
	}
}

static void check_context(struct thread *t, struct context *ctx)
{
	int i;

	check_kernel(t, ctx);
	for (i = 0; i != POOL_SLOTS; i++) {
		struct entry hwpt = atomic_load(&ctx->pools[POOL_HWPT][i]);
		int access;

		if (!hwpt.id)
			continue;
		if (access_create(ctx->fd, hwpt.aux, 0, &access)) {
			bad(t, "HWPT %u has no IOAS %u", hwpt.id, hwpt.aux);
			continue;
		}
		check_hwpt(t, ctx->fd, hwpt.id, access);
		close(access);
	}
}

static void check_memory(struct thread *t)
{
	__u64 expected;

	for (enum zone zone = 0; zone != ZONE_SHAKY; zone++)
		if (words_wrong(zone, zone_iova(zone, 0),
				(__u64 *)world.memory[zone],
				ZONE_PAGES * page / 8, &expected))
			bad(t, "memory of zone %d was overwritten", zone);
}

/* Nothing is left of a round */
static void check_empty(struct thread *t)
{
	int fd = iommu_open();

	for (enum zone zone = 0; zone != ZONE_DMABUF; zone++) {
		/* In a page cache there is no telling whose pin it is */
		if (zone == ZONE_FILE)
			continue;
		if (mock_check_refs(fd, world.memory[zone], ZONE_PAGES * page, 0))
			bad(t, "pages of zone %d are pinned still", zone);
	}
	if (proc_status("VmPin") || proc_status("VmLck"))
		bad(t, "charged in the end: VmPin %lu, VmLck %lu",
		    proc_status("VmPin"), proc_status("VmLck"));
	close(fd);
}

/*
 * Threads
 */

static void note(struct thread *t, unsigned int index, int rc)
{
	const struct op *op = op_at(index);
	struct op_count *count = &counts[index];
	unsigned int i;

	t->history[t->steps % HISTORY].op = op;
	t->history[t->steps % HISTORY].rc = rc;
	t->steps++;
	if (rc == SKIPPED) {
		atomic_fetch_add(&count->skipped, 1);
		return;
	}
	if (rc >= 0) {
		atomic_fetch_add(&count->worked, 1);
		return;
	}
	rc = -rc;
	if (rc < MAX_ERRNO)
		atomic_fetch_add(&count->failed[rc], 1);
	for (i = 0; i != ARRAY_SIZE(usual); i++)
		if (rc == usual[i])
			return;
	for (i = 0; i != ARRAY_SIZE(op->also); i++)
		if (rc == op->also[i])
			return;
	bad(t, "%s: %s", op->name, strerror(rc));
}

static unsigned int some_op(struct thread *t, unsigned int weights)
{
	unsigned int at = roll(t, weights), i;

	for (i = 0; at >= op_at(i)->weight; i++)
		at -= op_at(i)->weight;
	return i;
}

static void *torturer(void *arg)
{
	unsigned int weights = 0, i;
	struct thread *t = arg;

	t->tid = gettid();
	for (i = 0; i != num_ops(); i++)
		weights += op_at(i)->weight;
	while (!atomic_load(&stop)) {
		if (atomic_load(&pause_all)) {
			pthread_barrier_wait(&barrier);
			pthread_barrier_wait(&barrier);
			continue;
		}
		i = roll(t, 8);
		t->ctx = &world.contexts[i < 5 ? CONTEXT_STEADY :
					 i < 7 ? CONTEXT_CLOSED : CONTEXT_FILES];
		i = some_op(t, weights);
		t->current = op_at(i);
		note(t, i, op_at(i)->run(t));
		t->current = NULL;
	}
	return NULL;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};

	/* time: between two quiet points, of which any number will do */
	nanosleep(&time, NULL);
}

/* A thread does not come back: say from what, and where in the kernel it is */
#define STUCK_SECONDS 300

static void stuck(int signal)
{
	char path[64], where[128];
	unsigned int i;
	ssize_t size;
	int fd;

	for (i = 0; i != num_threads; i++) {
		const struct op *op = threads[i].current;

		snprintf(path, sizeof(path), "/proc/self/task/%d/wchan",
			 threads[i].tid);
		fd = open(path, O_RDONLY);
		size = fd < 0 ? 0 : read(fd, where, sizeof(where) - 1);
		where[size > 0 ? size : 0] = 0;
		printf("# thread %u: %s, in %s\n", i, op ? op->name : "-", where);
	}
	printf("Bail out! a thread is stuck\n");
	fflush(stdout);
	_exit(1);
}

static void run_round(struct thread *t, unsigned int quiets, __u64 seed)
{
	unsigned int i;

	for (i = 0; i != NUM_CONTEXTS; i++)
		if (context_open(&world.contexts[i]))
			bad(t, "no context");
	if (atomic_load(&world.bad))
		return;
	atomic_store(&stop, false);
	for (i = 0; i != num_threads; i++) {
		/* Never 0, which xorshift would stay at */
		threads[i].rng = (seed * MAX_THREADS + i + 1) *
				 0x9e3779b97f4a7c15ULL;
		threads[i].steps = 0;
		if (pthread_create(&threads[i].handle, NULL, torturer,
				   &threads[i]))
			exit(1);
	}
	for (i = 0; i != quiets && !atomic_load(&world.bad); i++) {
		/* time: the same */
		sleep_ms(QUIET_MS);
		/* time: only a hang takes that long */
		alarm(STUCK_SECONDS);
		atomic_store(&pause_all, true);
		pthread_barrier_wait(&barrier);
		/* time: the same */
		alarm(0);
		check_context(t, &world.contexts[CONTEXT_STEADY]);
		check_memory(t);
		atomic_store(&pause_all, false);
		if (i + 1 == quiets)
			atomic_store(&stop, true);
		pthread_barrier_wait(&barrier);
	}
	atomic_store(&stop, true);
	for (i = 0; i != num_threads; i++)
		pthread_join(threads[i].handle, NULL);
	for (i = 0; i != NUM_CONTEXTS; i++)
		context_close(&world.contexts[i]);
	check_empty(t);
}

static bool all_worked(void)
{
	for (unsigned int i = 0; i != num_ops(); i++)
		if (atomic_load(&counts[i].worked) < LEAST_WORKED)
			return false;
	return true;
}

/* One line of TAP per operation: how often it worked, and how often it could not */
static bool report(void)
{
	unsigned long total = 0;
	unsigned int i, rc;
	bool good = true;

	for (i = 0; i != num_ops(); i++) {
		unsigned long worked = atomic_load(&counts[i].worked);

		total += worked;
		if (worked < LEAST_WORKED)
			good = false;
		printf("%sok %u %s # worked %lu",
		       worked < LEAST_WORKED ? "not " : "", i + 1,
		       op_at(i)->name, worked);
		for (rc = 0; rc != MAX_ERRNO; rc++) {
			unsigned long failed = atomic_load(&counts[i].failed[rc]);

			if (failed)
				printf(", %s %lu", strerrorname_np(rc), failed);
		}
		printf("\n");
	}
	printf("# %lu operations worked\n", total);
	if (atomic_load(&world.bad))
		good = false;
	printf("%sok %u data, page tables, pins and charges\n",
	       atomic_load(&world.bad) ? "not " : "", num_ops() + 1);
	return good;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? strtoul(argv[1], NULL, 0) : 10;
	/* time: a seed */
	__u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : time(NULL);
	struct thread self = { .rng = 1 };
	unsigned int round = 0, more = 0, quiets, i;
	time_t end;

	psize = page;
	if (argc > 3)
		num_threads = strtoul(argv[3], NULL, 0);
	if (!seconds || !num_threads || num_threads > MAX_THREADS)
		return 2;
	signal(SIGALRM, stuck);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%u\n", num_ops() + 1);
	printf("# %u threads, %u seconds, seed %llu\n", num_threads, seconds,
	       seed);
	for (i = 0; i != NUM_CONTEXTS; i++)
		world.contexts[i].fd = FIRST_FD + i;
	if (memory_open() || pthread_barrier_init(&barrier, NULL,
						  num_threads + 1)) {
		printf("Bail out! there is nothing to torture\n");
		return 1;
	}
	/* time: how long it is asked to go on */
	end = time(NULL) + seconds;
	do {
		/* time: the same */
		quiets = (end - time(NULL)) * 1000 / QUIET_MS;
		quiets = quiets < 1 ? 1 : quiets > QUIETS_PER_ROUND ?
			 QUIETS_PER_ROUND : quiets;
		run_round(&self, quiets, seed + round++);
		printf("# round %u, %ld seconds to go\n", round,
		       /* time: the same */
		       (long)(end - time(NULL)));
	} while (!atomic_load(&world.bad) &&
		 /* time: and what must be counted, is */
		 (time(NULL) < end ||
		  (!all_worked() && more++ != MORE_ROUNDS)));
	return report() ? 0 : 1;
}
