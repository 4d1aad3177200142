// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases: several threads at once. Here only elapsed time tells anything, so the
 * machine must have a CPU for each thread, and be otherwise idle.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "clock.h"
#include "iommufd_lib.h"
#include "uapi.h"

#define MAX_THREADS	2
#define BULK_SIZE	(16UL << 20)
#define COMPARISONS	61

/* Starting threads and meeting at the barrier must not count beside the work. */
#define MIN_ELAPSED	(50 * NSEC_PER_MSEC)

struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	const struct dma_api *api;
	struct dma_space space;		/* with an IOAS of its own, or shared */
	char *va;
	__u64 iova;
	size_t length;
	unsigned int calls;
	int ret;
};

static struct worker workers[MAX_THREADS];

/* An IO address space with a page table that no device is attached to. */
static int space_new(struct dma_space *space)
{
	__u32 hwpt;

	return iommufd_ioas_alloc(space->fd, &space->ioas) ?:
	       iommufd_hwpt_alloc(space->fd, space->device.devid, space->ioas, 0,
				  &hwpt);
}

static int prepare_threads(struct bench *b, const struct bench_case *c)
{
	struct dma_space space;
	int ret = memory_get(&b->memory, c->kind, MAX_THREADS * BULK_SIZE) ?:
		  b->api->open(&b->space, b->bdf);

	space = b->space;
	if (!ret && c->flags & CASE_IDLE)
		ret = space_new(&space);
	for (unsigned int i = 0; !ret && i < MAX_THREADS; i++) {
		struct worker *worker = &workers[i];

		*worker = (struct worker){
			.api = b->api,
			.space = space,
			.va = (char *)b->memory.va + i * BULK_SIZE,
			/* where two threads share no IO page table's page */
			.iova = BENCH_IOVA * (i + 1),
		};
		if (i && !(c->flags & CASE_SHARED))
			ret = space_new(&worker->space);
	}
	return ret;
}

/* A CPU for each thread, else two may share one for longer than they run */
static int take_cpu(unsigned int number)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return -errno;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || number--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return sched_setaffinity(0, sizeof(one), &one) ? -errno : 0;
	}
	return -ENODEV;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->ret = bench_check(take_cpu(worker - workers),
				  "take a CPU for thread %td", worker - workers);
	pthread_barrier_wait(worker->start);
	for (unsigned int i = 0; !worker->ret && i < worker->calls; i++) {
		worker->ret = worker->api->map(&worker->space, worker->iova,
					       worker->va, worker->length);
		if (!worker->ret)
			worker->ret = worker->api->unmap(&worker->space,
							 worker->iova,
							 worker->length);
	}
	return NULL;
}

/* The elapsed time of as many threads, all of which do the same. */
static int run_workers(unsigned int count, size_t length, unsigned int calls,
		       __u64 *elapsed)
{
	pthread_barrier_t barrier;
	unsigned int started = 0;
	__u64 start;
	int ret;

	pthread_barrier_init(&barrier, NULL, count + 1);
	while (started < count) {
		struct worker *worker = &workers[started];

		worker->start = &barrier;
		worker->length = length;
		worker->calls = calls;
		ret = pthread_create(&worker->thread, NULL, work, worker);
		/* Those that run wait for the others: there is no way back. */
		if (ret) {
			errno = ret;
			err(EXIT_FAILURE, "cannot start thread %u", started);
		}
		started++;
	}
	start = bench_start();
	pthread_barrier_wait(&barrier);
	ret = 0;
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		ret = ret ?: workers[i].ret;
	}
	*elapsed = bench_stop(start);
	pthread_barrier_destroy(&barrier);
	return bench_check(ret, "map and unmap %zu bytes in %u threads", length,
			   count);
}

/* So many calls that one thread is busy with them for a while. */
static int choose_calls(size_t length, unsigned int *calls)
{
	__u64 elapsed;
	int ret;

	*calls = 1;
	do {
		*calls *= 2;
		ret = run_workers(1, length, *calls, &elapsed);
	} while (!ret && elapsed < MIN_ELAPSED);
	return ret;
}

/*
 * How much two threads get done, how much more than one in the same time, and how
 * much longer a map and unmap takes beside the other thread. Whatever else runs on
 * the machine can only make them slower: the fastest of many is what counts.
 */
static int run_threads(struct bench *b, const struct bench_case *c)
{
	__u64 fastest[MAX_THREADS + 1] = { 0, ~0ULL, ~0ULL }, one, two;
	unsigned int calls;
	int ret;

	ret = choose_calls(c->size, &calls);
	for (unsigned int i = 0; !ret && i < COMPARISONS; i++)
		for (unsigned int n = 1; !ret && n <= MAX_THREADS; n++) {
			__u64 elapsed;

			ret = run_workers(n, c->size, calls, &elapsed);
			if (!ret && elapsed < fastest[n])
				fastest[n] = elapsed;
		}
	if (ret)
		return ret;
	one = fastest[1];
	two = fastest[MAX_THREADS];
	bench_result(b, "2 threads", "mapped a second",
		     1e9 * MAX_THREADS * calls / two, 1);
	bench_result(b, "2 threads to 1", "throughput",
		     1000.0 * MAX_THREADS * one / two, 1000);
	bench_result(b, "each of 2", "ns longer than alone",
		     two > one ? two - one : 0, calls);
	return 0;
}

#define THREADS_CASE(name_, title_, kind_, size_, flags_) {		\
	.name = name_, .title = title_, .kind = kind_, .size = size_,	\
	.flags = CASE_THREADS | (flags_),				\
	.prepare = prepare_threads, .measure = run_threads,		\
}

#define THREADS_CASES(name_, title_, flags_)				\
	THREADS_CASE(name_ "-page", title_ ", one page",		\
		     MEMORY_ANON, BENCH_PAGE, flags_),			\
	THREADS_CASE(name_ "-4k", title_ ", 16 MiB of 4 KiB pages",	\
		     MEMORY_ANON, BULK_SIZE, flags_),			\
	THREADS_CASE(name_ "-thp", title_ ", 16 MiB of huge pages",	\
		     MEMORY_THP, BULK_SIZE, flags_)

const struct bench_case threads_cases[] = {
	THREADS_CASES("shared", "one IOAS", CASE_SHARED),
	THREADS_CASES("idle", "one IOAS without a device",
		      CASE_IOMMUFD | CASE_SHARED | CASE_IDLE),
	THREADS_CASES("own", "an IOAS each", CASE_IOMMUFD),
	{ }
};
