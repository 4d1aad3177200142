/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd_torture: threads that do everything at once to the same objects. What
 * its files share.
 *
 * Memory comes in zones, each of which has its own IOVAs in every IOAS of every
 * context: page N of a zone is never mapped anywhere but at page N of the zone's
 * IOVAs. So whoever finds something there knows what it must be.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "iommufd_calls.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#define ZONE_PAGES 48U
#define POOL_SLOTS 6
#define NUM_CONTEXTS 3
#define HISTORY 12

/**
 * enum zone - kinds of memory
 * @ZONE_ANON: anonymous, stays as it is
 * @ZONE_FILE: memfd, mapped by file
 * @ZONE_SHAKY: anonymous, unmapped and protected while others map it
 * @ZONE_DMABUF: dma-buf, revoked while others map it
 */
enum zone {
	ZONE_ANON,
	ZONE_FILE,
	ZONE_SHAKY,
	ZONE_DMABUF,
	NUM_ZONES,
};

/**
 * enum pool - kinds of objects that threads find each other's of
 * @POOL_IOAS: by ID
 * @POOL_HWPT: paging; by ID, with the IOAS
 * @POOL_NESTED: HWPTs for guests; by ID
 * @POOL_DEV: by the ID of the mock device, with the one of the DEVICE object
 * @POOL_FAULT: by ID, with the file
 * @POOL_VIOMMU: by ID
 * @POOL_VDEVICE: by ID
 * @POOL_VEVENTQ: by ID, with the file
 * @POOL_QUEUE: HW queues; by ID
 * @POOL_ACCESS: in-kernel accesses, by file, with the last pin
 */
enum pool {
	POOL_IOAS,
	POOL_HWPT,
	POOL_NESTED,
	POOL_DEV,
	POOL_FAULT,
	POOL_VIOMMU,
	POOL_VDEVICE,
	POOL_VEVENTQ,
	POOL_QUEUE,
	POOL_ACCESS,
	NUM_POOLS,
};

/* What a pool holds; all 0 for an empty slot */
struct entry {
	__u32 id;
	__u32 aux;
};

/**
 * enum context_use - what the contexts are for
 * @CONTEXT_STEADY: open for a whole round, so that it can be looked at
 * @CONTEXT_CLOSED: closed by one thread while others use it, and replaced
 * @CONTEXT_FILES: nothing but files in it, so that it can change the process
 */
enum context_use {
	CONTEXT_STEADY,
	CONTEXT_CLOSED,
	CONTEXT_FILES,
};

/**
 * struct context - a /dev/iommu that all threads use
 * @fd: its descriptor, which stays when CONTEXT_CLOSED is replaced
 * @ioas: two IOASes that are there from the start
 * @pools: what threads have made in it
 */
struct context {
	int fd;
	__u32 ioas[2];
	struct entry _Atomic pools[NUM_POOLS][POOL_SLOTS];
};

struct thread;

/**
 * struct op - something that threads do
 * @name: what the table calls it
 * @run: does it once; returns 0, -errno, or SKIPPED where there was nothing to
 *       do it to
 * @weight: how often, compared with others
 * @also: errnos that it may give, beside those that all may; 0-terminated
 */
struct op {
	const char *name;
	int (*run)(struct thread *t);
	unsigned int weight;
	int also[5];
};

#define SKIPPED 1

/**
 * struct thread - one of the threads
 * @ctx: context of the current operation
 * @rng: state of its random numbers
 * @history: what it did last, and what came of it
 * @steps: how many operations that were
 * @current: what it is doing
 * @tid: of the kernel
 * @handle: of pthread
 */
struct thread {
	struct context *ctx;
	__u64 rng;
	struct {
		const struct op *op;
		int rc;
	} history[HISTORY];
	unsigned long steps;
	const struct op *current;
	pid_t tid;
	pthread_t handle;
};

/**
 * struct world - all there is
 * @contexts: see enum context_use
 * @memory: of each zone, where it is mapped here; NULL for ZONE_DMABUF
 * @file: of ZONE_FILE
 * @dmabuf: of ZONE_DMABUF
 * @bad: something was wrong
 */
struct world {
	struct context contexts[NUM_CONTEXTS];
	char *memory[NUM_ZONES];
	int file;
	int dmabuf;
	atomic_bool bad;
};

extern struct world world;
extern unsigned long psize;
extern const struct op memory_ops[], object_ops[];
extern const unsigned int num_memory_ops, num_object_ops;

/* Something is wrong: all stop, and the program fails */
void bad(struct thread *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline __u64 roll(struct thread *t, __u64 sides)
{
	/* xorshift64* */
	t->rng ^= t->rng >> 12;
	t->rng ^= t->rng << 25;
	t->rng ^= t->rng >> 27;
	return ((t->rng * 0x2545f4914f6cdd1dULL) >> 33) % sides;
}

static inline __u64 zone_iova(enum zone zone, unsigned int index)
{
	return 0x10000000ULL * (1 + zone) + index * psize;
}

/* Behind all zones, for what may be mapped anywhere: automatic IOVAs */
#define AUTO_IOVA 0x60000000ULL
#define AUTO_LAST 0x6fffffffULL

/* Every 8 bytes of a page are this */
static inline __u64 zone_word(enum zone zone, unsigned int index)
{
	return 0x7055000000000000ULL | (__u64)zone << 32 | index;
}

/* A copy, whose object another thread may destroy meanwhile */
struct entry pool_peek(struct thread *t, enum pool pool);
/* Nobody else has it any more */
struct entry pool_take(struct thread *t, enum pool pool);
/* False where the pool is full */
bool pool_put(struct thread *t, enum pool pool, struct entry entry);
/* An IOAS that was there from the start, or another one */
__u32 some_ioas(struct thread *t);

/* Fill a new context, and empty one that nobody uses */
int context_open(struct context *ctx);
void context_close(struct context *ctx);
/* Replace the context by a new one, though others use it */
int context_replace(struct thread *t);

void zone_fill(enum zone zone, unsigned int first, unsigned int npages);

/* What the words at @iova must be, and are not; false where all is well */
bool words_wrong(enum zone zone, __u64 iova, const __u64 *words,
		 unsigned int num, __u64 *expected);

#endif
