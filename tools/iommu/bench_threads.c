// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases: several threads at once. Here only elapsed time tells anything, so the
 * machine must have a CPU for each thread, and be otherwise idle.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "clock.h"
#include "iommufd_lib.h"
#include "uapi.h"

#define MAX_THREADS	2
#define BULK_SIZE	(16UL << 20)
#define COMPARISONS	31

/* Starting threads and meeting at the barrier must not count beside the work. */
#define MIN_ELAPSED	(100 * NSEC_PER_MSEC)

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

static void *work(void *arg)
{
	struct worker *worker = arg;

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

static int compare(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return (difference > 0) - (difference < 0);
}

static double median(double *value)
{
	qsort(value, COMPARISONS, sizeof(*value), compare);
	return value[COMPARISONS / 2];
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
 * How much two threads get done, and how much more than one in the same time.
 * What else runs on this machine disturbs single comparisons: these are the
 * medians of many.
 */
static int compare_threads(struct bench *b, const char *part, size_t length)
{
	double done[COMPARISONS], ratio[COMPARISONS];
	unsigned int calls;
	char both[16];
	int ret;

	ret = choose_calls(length, &calls);
	for (unsigned int i = 0; !ret && i < COMPARISONS; i++) {
		__u64 one, two;

		ret = run_workers(1, length, calls, &one) ?:
		      run_workers(MAX_THREADS, length, calls, &two);
		if (ret)
			break;
		ratio[i] = (double)MAX_THREADS * one / two;
		done[i] = 1e9 * MAX_THREADS * calls / two;
	}
	if (ret)
		return ret;
	snprintf(both, sizeof(both), "2 x %s", part);
	bench_result(b, both, "mapped a second", median(done), 1);
	bench_result(b, part, "throughput of 2 threads to 1",
		     1000 * median(ratio), 1000);
	return 0;
}

static int run_threads(struct bench *b, const struct bench_case *c)
{
	(void)c;
	return compare_threads(b, "one page", BENCH_PAGE) ?:
	       compare_threads(b, "16 MiB", BULK_SIZE);
}

#define THREADS_CASE(name_, title_, kind_, flags_) {			\
	.name = name_, .title = title_, .kind = kind_,			\
	.flags = CASE_THREADS | (flags_),				\
	.prepare = prepare_threads, .measure = run_threads,		\
}

const struct bench_case threads_cases[] = {
	THREADS_CASE("shared-4k", "two threads, one IOAS, 4 KiB pages",
		     MEMORY_ANON, CASE_SHARED),
	THREADS_CASE("shared-thp", "two threads, one IOAS, huge pages",
		     MEMORY_THP, CASE_SHARED),
	THREADS_CASE("idle-4k", "two threads, one IOAS without a device, 4 KiB pages",
		     MEMORY_ANON, CASE_IOMMUFD | CASE_SHARED | CASE_IDLE),
	THREADS_CASE("idle-thp", "two threads, one IOAS without a device, huge pages",
		     MEMORY_THP, CASE_IOMMUFD | CASE_SHARED | CASE_IDLE),
	THREADS_CASE("own-4k", "two threads, an IOAS each, 4 KiB pages",
		     MEMORY_ANON, CASE_IOMMUFD),
	THREADS_CASE("own-thp", "two threads, an IOAS each, huge pages",
		     MEMORY_THP, CASE_IOMMUFD),
	{ }
};
