// SPDX-License-Identifier: GPL-2.0-only
/*
 * A huge page is pinned while another thread moves it, splits it, puts it together
 * or forks. Whatever was there at the time is mapped, and each page of it is pinned.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "iommufd_check.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define IOVA 0x20000000ULL
/* Times that it is mapped meanwhile */
#define RUN_MAPS 20
#define HUGE_PAGES (HUGE_SIZE / page)
/* A prime: it gets around all of a huge page */
#define STRIDE 37

/**
 * struct racer - what the other thread works on
 * @mem: 2 MiB at an address where a huge page fits; what is mapped
 * @spare: 2 MiB of small pages, to be there instead
 * @away: such an address, without memory
 * @stop: it has been enough
 * @failed: errno of what should have worked, or 0
 */
struct racer {
	char *mem;
	char *spare;
	char *away;
	atomic_bool stop;
	atomic_int failed;
};

static bool move(char *from, char *to)
{
	return mremap(from, HUGE_SIZE, HUGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      to) == to;
}

static bool exchange(struct racer *racer)
{
	return move(racer->mem, racer->away) && move(racer->spare, racer->mem) &&
	       move(racer->away, racer->spare);
}

/* That it cannot be put together is as it should be: it is pinned */
static bool split_and_collapse(struct racer *racer)
{
	if (madvise(racer->mem + 7 * page, page, MADV_NOHUGEPAGE) ||
	    madvise(racer->mem, HUGE_SIZE, MADV_HUGEPAGE))
		return false;
	madvise(racer->mem, HUGE_SIZE, MADV_COLLAPSE);
	return true;
}

static bool forks(struct racer *racer)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	return child > 0 && waitpid(child, NULL, 0) == child;
}

FIXTURE(memory_race)
{
	struct racer racer;
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	int access;
};

FIXTURE_VARIANT(memory_race)
{
	bool (*step)(struct racer *racer);
	/* The process sees other memory than the device, later on */
	bool moves;
};

FIXTURE_VARIANT_ADD(memory_race, exchange)
{
	.step = exchange,
	.moves = true,
};

FIXTURE_VARIANT_ADD(memory_race, split)
{
	.step = split_and_collapse,
};

FIXTURE_VARIANT_ADD(memory_race, fork)
{
	.step = forks,
};

FIXTURE_SETUP(memory_race)
{
	struct racer *racer = &self->racer;
	char *mem = memory_new_huge(3 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP(return, "no transparent huge pages");
	ASSERT_NE(NULL, mem);
	racer->mem = mem;
	racer->spare = mem + HUGE_SIZE;
	racer->away = mem + 2 * HUGE_SIZE;
	madvise(racer->mem, HUGE_SIZE, MADV_HUGEPAGE);
	madvise(racer->spare, HUGE_SIZE, MADV_NOHUGEPAGE);
	for (__u64 i = 0; i != 2 * HUGE_PAGES; i++)
		*(__u64 *)(mem + i * page) = i % HUGE_PAGES;

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(access_create(self->fd, self->ioas, 0, &self->access));
}

FIXTURE_TEARDOWN(memory_race)
{
	struct racer *racer = &self->racer;

	linger(0);
	EXPECT_EQ(0, mock_check_refs(self->fd, racer->mem, HUGE_SIZE, 0));
	EXPECT_EQ(0, mock_check_refs(self->fd, racer->spare, HUGE_SIZE, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(self->access));
	EXPECT_EQ(0, close(self->fd));
	munmap(racer->mem, 3 * HUGE_SIZE);
}

struct racer_thread {
	struct racer *racer;
	bool (*step)(struct racer *racer);
};

static void *racer_run(void *arg)
{
	struct racer_thread *thread = arg;
	struct racer *racer = thread->racer;

	while (!atomic_load(&racer->stop) && !atomic_load(&racer->failed))
		if (!thread->step(racer))
			atomic_store(&racer->failed, errno);
	return NULL;
}

/* Each page at its place, whichever of the two it is */
static void check_order(struct __test_metadata *_metadata,
			struct _test_data_memory_race *self)
{
	__u64 seen;

	for (__u64 i = 0; i < HUGE_PAGES; i += STRIDE) {
		CALL(access_rw(self->fd, self->access, IOVA + i * page, &seen,
			       sizeof(seen), 0));
		ASSERT_EQ(i, seen);
	}
}

/* The process and the device have the same memory, and go on to have it */
static void check_same(struct __test_metadata *_metadata,
		       struct _test_data_memory_race *self)
{
	for (__u64 i = 0; i < HUGE_PAGES; i += STRIDE)
		*(volatile __u64 *)(self->racer.mem + i * page) = i;
	ASSERT_EQ(0, mock_check_map(self->fd, self->dev.hwpt, IOVA,
				    self->racer.mem, HUGE_SIZE));
}

TEST_F(memory_race, map)
{
	struct racer *racer = &self->racer;
	struct racer_thread arg = { .racer = racer, .step = variant->step };
	unsigned long mapped = 0;
	pthread_t thread;
	int rc;

	/* Without, the other thread is rarely there between pin and look */
	if (!linger(50))
		TH_LOG("no debugfs: what this is about will hardly happen");
	ASSERT_EQ(0, pthread_create(&thread, NULL, racer_run, &arg));
	while (mapped != RUN_MAPS) {
		rc = ioas_map_at(self->fd, self->ioas, racer->mem, HUGE_SIZE,
				 IOVA);
		/* There is none for a moment */
		if (variant->moves && rc == -EFAULT)
			continue;
		ASSERT_EQ(0, rc);
		mapped++;
		if (variant->moves)
			check_order(_metadata, self);
		else
			check_same(_metadata, self);
		CALL(ioas_unmap(self->fd, self->ioas, IOVA, HUGE_SIZE));
		/* A fork that finds it pinned splits it */
		if (!variant->moves)
			madvise(racer->mem, HUGE_SIZE, MADV_COLLAPSE);
	}
	atomic_store(&racer->stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, atomic_load(&racer->failed));
}

TEST_HARNESS_MAIN
