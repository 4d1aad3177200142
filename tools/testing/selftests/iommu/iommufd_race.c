// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that do everything at once to the same few IDs and IOVAs. No call has
 * to succeed; but each leaves things in order, so that in the end nothing is
 * mapped, pinned, charged or left over that should not be.
 */
#include <linux/vfio.h>
#include <pthread.h>
#include <stdatomic.h>

#include "iommufd_check.h"

#define THREADS 6
#define NPAGES 32
#define SLOTS 16
#define NIDS 64
#define IOVA 0x20000000ULL
/* So many steps, of which so many have to succeed */
#define RUN_STEPS 2000
#define RUN_DONE 50
#define CLOSE_STEPS 100

struct race;

typedef void (*race_step)(struct race *race, unsigned int *seed);

/**
 * struct race - what the threads share
 * @fd: one file for all of them
 * @ioas: two IOASes that stay
 * @dev: a device on each of them, that may move
 * @dirty: a HWPT of the first IOAS that tracks dirty pages, or 0
 * @mem: NPAGES pages
 * @step: what a thread does, again and again
 * @stop: it has been enough
 * @steps: how many there were
 * @unexpected: an errno that none of the calls should give, or 0
 * @done: calls that succeeded
 */
struct race {
	int fd;
	__u32 ioas[2];
	struct mock_dev dev[2];
	__u32 dirty;
	char *mem;
	race_step step;
	atomic_bool stop;
	atomic_ulong steps;
	atomic_int unexpected;
	atomic_ulong done;
};

static void note(struct race *race, int rc)
{
	switch (rc) {
	case 0:
		atomic_fetch_add(&race->done, 1);
		break;
	case -EEXIST:
	case -ENOENT:
	case -EBUSY:
	case -EINVAL:
	case -EADDRINUSE:
	case -ENOSPC:
	case -EPERM:
	/* An IOAS's ID has become a HWPT's, and that wants data for nesting */
	case -EOPNOTSUPP:
		break;
	default:
		atomic_store(&race->unexpected, rc);
	}
}

static void *race_thread(void *arg)
{
	static atomic_uint seeds;
	unsigned int seed = atomic_fetch_add(&seeds, 1) * 7919;
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		race->step(race, &seed);
		atomic_fetch_add(&race->steps, 1);
	}
	return NULL;
}

FIXTURE(race)
{
	struct race race;
	int kmsg;
};

FIXTURE_SETUP(race)
{
	struct race *race = &self->race;
	int i;

	self->kmsg = kmsg_open();
	race->fd = iommu_open();
	ASSERT_LE(0, race->fd);
	race->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, race->mem);
	for (i = 0; i != 2; i++) {
		CALL(ioas_alloc(race->fd, &race->ioas[i]));
		CALL(mock_attach(race->fd, race->ioas[i], &race->dev[i]));
	}
}

FIXTURE_TEARDOWN(race)
{
	struct race *race = &self->race;
	char line[1024];

	linger(0);
	EXPECT_EQ(0, close(race->fd));
	race->fd = iommu_open();
	EXPECT_EQ(0, mock_check_refs(race->fd, race->mem, NPAGES * page, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	close(race->fd);
	if (self->kmsg >= 0)
		EXPECT_FALSE(kmsg_read(self->kmsg, line, sizeof(line)))
			TH_LOG("logged: %s", line);
}

static void run(struct __test_metadata *_metadata, struct race *race,
		race_step step)
{
	pthread_t threads[THREADS];
	int i;

	race->step = step;
	for (i = 0; i != THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, race_thread,
					    race));
	/* Something must have worked, or this proves nothing */
	while (!atomic_load(&race->unexpected) &&
	       (atomic_load(&race->steps) < RUN_STEPS ||
		atomic_load(&race->done) < RUN_DONE))
		sched_yield();
	atomic_store(&race->stop, true);
	for (i = 0; i != THREADS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, atomic_load(&race->unexpected));
}

/* What is mapped in the end is what the page tables show; then it goes */
static void check_areas(struct __test_metadata *_metadata, struct race *race)
{
	int i;

	for (i = 0; i != 2; i++) {
		__u64 unmapped;

		CALL(ioas_unmap_count(race->fd, race->ioas[i], 0, EVERYTHING,
				      &unmapped));
		EXPECT_GE(1024 * page, unmapped);
		CALL(ioas_unmap_count(race->fd, race->ioas[i], 0, EVERYTHING,
				      &unmapped));
		EXPECT_EQ(0, unmapped);
		CALL(ioas_map_at(race->fd, race->ioas[i], race->mem,
				 NPAGES * page, IOVA));
		CALL(mock_check_map(race->fd, race->dev[i].hwpt, IOVA,
				    race->mem, NPAGES * page));
		CALL(ioas_unmap(race->fd, race->ioas[i], IOVA, NPAGES * page));
	}
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(race->fd, race->mem, NPAGES * page, 0));
}

static void step_areas(struct race *race, unsigned int *seed)
{
	unsigned int slot = rand_r(seed) % SLOTS, npages = 1 + slot % 3;
	__u32 ioas = race->ioas[rand_r(seed) % 2];
	__u32 other = race->ioas[rand_r(seed) % 2];
	__u64 iova = IOVA + slot * page, any = 0;
	char *mem = race->mem + slot * page;

	switch (rand_r(seed) % 8) {
	case 0:
	case 1:
		note(race, ioas_map_at(race->fd, ioas, mem, npages * page,
				       iova));
		break;
	case 2:
	case 3:
		note(race, ioas_unmap(race->fd, ioas, iova, npages * page));
		break;
	case 4:
		note(race, ioas_copy_at(race->fd, ioas, other, iova,
					npages * page, iova));
		break;
	case 5:
		if (!ioas_copy(race->fd, ioas, other, iova, page, &any, MAP_RW))
			note(race, ioas_unmap(race->fd, ioas, any, page));
		break;
	case 6:
		if (!ioas_map(race->fd, ioas, mem, npages * page, &any, MAP_RW))
			note(race, ioas_unmap(race->fd, ioas, any,
					      npages * page));
		break;
	default:
		if (!(rand_r(seed) % 8))
			note(race, ioas_unmap(race->fd, ioas, 0, EVERYTHING));
		break;
	}
}

TEST_F(race, areas)
{
	run(_metadata, &self->race, step_areas);
	check_areas(_metadata, &self->race);
}

/* The same, while HWPTs come and go, and need all areas or none */
static void step_domains(struct race *race, unsigned int *seed)
{
	unsigned int i = rand_r(seed) % 2;
	struct mock_dev dev;
	__u32 hwpt;

	switch (rand_r(seed) % 6) {
	case 0:
		if (!hwpt_alloc(race->fd, race->dev[i].idev,
				race->ioas[rand_r(seed) % 2], 0, &hwpt))
			note(race, object_destroy(race->fd, hwpt));
		break;
	case 1:
		if (!mock_attach(race->fd, race->ioas[i], &dev))
			note(race, object_destroy(race->fd, dev.id));
		break;
	default:
		step_areas(race, seed);
	}
}

TEST_F(race, domains)
{
	run(_metadata, &self->race, step_domains);
	check_areas(_metadata, &self->race);
}

/* What is being unmapped stays unmapped, though its dirty bits are asked for */
static void step_dirty(struct race *race, unsigned int *seed)
{
	unsigned int slot = rand_r(seed) % SLOTS;
	__u64 bits = ~0ULL;

	switch (rand_r(seed) % 8) {
	case 0:
		note(race, hwpt_set_dirty(race->fd, race->dirty,
					  IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
		break;
	case 1:
		note(race, hwpt_get_dirty(race->fd, race->dirty, IOVA,
					  SLOTS * page, page, &bits, 0));
		break;
	case 2:
	case 3:
		mock_write(race->fd, race->dirty, IOVA + slot * page, page,
			   page, &bits);
		break;
	case 4:
	case 5:
		note(race, ioas_map_at(race->fd, race->ioas[0],
				       race->mem + slot * page, page,
				       IOVA + slot * page));
		break;
	default:
		note(race, ioas_unmap(race->fd, race->ioas[0],
				      IOVA + slot * page, page));
	}
}

TEST_F(race, dirty)
{
	struct race *race = &self->race;

	CALL(hwpt_alloc(race->fd, race->dev[0].idev, race->ioas[0],
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &race->dirty));
	run(_metadata, race, step_dirty);
	check_areas(_metadata, race);
	CALL(object_destroy(race->fd, race->dirty));
}

/* Nobody knows what an ID stands for, or whether it still does */
static void step_objects(struct race *race, unsigned int *seed)
{
	__u32 id = 1 + rand_r(seed) % NIDS, pt = 1 + rand_r(seed) % NIDS;
	struct mock_dev dev = { .id = 1 + rand_r(seed) % NIDS };
	__u64 iova = IOVA + rand_r(seed) % SLOTS * page, value;
	__u32 out;
	int file;

	switch (rand_r(seed) % 14) {
	case 0:
		note(race, ioas_alloc(race->fd, &out));
		break;
	case 1:
		note(race, mock_attach(race->fd, pt, &dev));
		break;
	case 2:
		note(race, hwpt_alloc(race->fd, id, pt,
				      rand_r(seed) % 2, &out));
		break;
	case 3:
		note(race, mock_replace(race->fd, &dev, pt));
		break;
	case 4:
		note(race, ioas_map_at(race->fd, id, race->mem, 2 * page,
				       iova));
		break;
	case 5:
		note(race, ioas_unmap(race->fd, id, 0, EVERYTHING));
		break;
	case 6:
		note(race, ioas_copy_at(race->fd, id, pt, iova, 2 * page,
					iova + page));
		break;
	case 7:
		if (!fault_alloc(race->fd, &out, &file)) {
			close(file);
			note(race, object_destroy(race->fd, out));
		}
		break;
	case 8:
		if (!access_create(race->fd, id, 0, &file)) {
			note(race, access_rw(race->fd, file, iova, &value,
					     sizeof(value), 0));
			note(race, access_move(race->fd, file, pt));
			close(file);
		}
		break;
	case 9:
		viommu_alloc(race->fd, id, pt, &out);
		break;
	case 10:
		vdevice_alloc(race->fd, id, pt, id, &out);
		break;
	default:
		/* The two devices and IOASes that stay: not these */
		if (id > race->dev[1].id && id > race->dev[1].hwpt &&
		    id > race->dev[1].idev)
			note(race, object_destroy(race->fd, id));
		break;
	}
}

TEST_F(race, objects)
{
	run(_metadata, &self->race, step_objects);
}

/* Accesses pin and copy what others unmap */
static void step_accesses(struct race *race, unsigned int *seed)
{
	unsigned int slot = rand_r(seed) % SLOTS;
	__u32 ioas = race->ioas[rand_r(seed) % 2], pin;
	__u64 iova = IOVA + slot * page;
	char data[3000];
	int access, i;

	if (rand_r(seed) % 3) {
		step_areas(race, seed);
		return;
	}
	if (access_create(race->fd, ioas,
			  MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, &access))
		return;
	for (i = 0; i != 6; i++) {
		note(race, access_pin(race->fd, access, iova,
				      race->mem + slot * page, page, &pin));
		note(race, access_rw(race->fd, access, iova + 2000, data,
				     sizeof(data), i & 1));
		if (i & 1)
			note(race, access_unpin(race->fd, access, pin));
	}
	note(race, access_move(race->fd, access, race->ioas[0]));
	close(access);
}

TEST_F(race, accesses)
{
	run(_metadata, &self->race, step_accesses);
	check_areas(_metadata, &self->race);
}

/* The process changes its memory while it maps it */
static void step_memory(struct race *race, unsigned int *seed)
{
	char *mem = race->mem + rand_r(seed) % SLOTS * page;
	int rc;

	switch (rand_r(seed) % 6) {
	case 0:
		madvise(mem, page, MADV_DONTNEED);
		break;
	case 1:
		mprotect(mem, page, PROT_READ);
		mprotect(mem, page, PROT_READ | PROT_WRITE);
		break;
	case 2:
		mmap(mem, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		rc = ioas_map_at(race->fd, race->ioas[0], race->mem,
				 SLOTS * page, IOVA);
		/* It may well have been read only just then */
		if (rc != -EFAULT)
			note(race, rc);
		note(race, ioas_unmap(race->fd, race->ioas[0], IOVA,
				      SLOTS * page));
		break;
	}
}

TEST_F(race, memory)
{
	run(_metadata, &self->race, step_memory);
	check_areas(_metadata, &self->race);
}

/* All to the same two IOVAs, or to any that is free: nobody gets another's */
static void step_place(struct race *race, unsigned int *seed)
{
	char *mem = race->mem + rand_r(seed) % NPAGES * page;
	__u64 iova = IOVA + rand_r(seed) % 2 * page;
	int rc;

	if (rand_r(seed) % 2)
		rc = ioas_map_at(race->fd, race->ioas[0], mem, page, iova);
	else
		rc = ioas_map(race->fd, race->ioas[0], mem, page, &iova, MAP_RW);
	if (rc == -EEXIST)
		return;
	rc = rc ?: mock_check_map(race->fd, race->dev[0].hwpt, iova, mem, page) ?:
	     ioas_unmap(race->fd, race->ioas[0], iova, page);
	if (rc)
		atomic_store(&race->unexpected, rc);
	else
		atomic_fetch_add(&race->done, 1);
}

TEST_F(race, place)
{
	linger(50);
	run(_metadata, &self->race, step_place);
	check_areas(_metadata, &self->race);
}

static void *unmap_thread(void *arg)
{
	struct race *race = arg;

	note(race, ioas_unmap(race->fd, race->ioas[0], IOVA, page));
	return NULL;
}

/* Another call for the same IOVAs, and whether they were mapped when it was done */
struct late_unmap {
	pthread_t thread;
	struct race *race;
	bool all;
	bool vfio;
	int rc;
	__u64 unmapped;
	bool mapped;
};

static void *late_unmap_thread(void *arg)
{
	struct late_unmap *late = arg;
	struct race *race = late->race;
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.flags = late->all ? VFIO_DMA_UNMAP_FLAG_ALL : 0,
		.iova = late->all ? 0 : IOVA,
		.size = late->all ? 0 : page,
	};

	if (late->vfio) {
		late->rc = iommu_call(race->fd, VFIO_IOMMU_UNMAP_DMA, &cmd);
		late->unmapped = cmd.size;
	} else {
		late->rc = ioas_unmap_count(race->fd, race->ioas[0],
					    late->all ? 0 : IOVA,
					    late->all ? EVERYTHING : page,
					    &late->unmapped);
	}
	late->mapped = !mock_check_map(race->fd, race->dev[0].hwpt, IOVA,
				       race->mem, page);
	return NULL;
}

/*
 * IOVAs that are being unmapped are nobody's yet; and nobody is told that they are
 * unmapped before they are.
 */
TEST_F(race, leaving)
{
	struct iommu_iova_range only = { .start = IOVA, .last = IOVA + page - 1 };
	struct late_unmap late[4] = {
		{ .vfio = false, .all = false }, { .vfio = false, .all = true },
		{ .vfio = true, .all = false }, { .vfio = true, .all = true },
	};
	unsigned int i;
	struct race *race = &self->race;
	int fd = race->fd, access;
	__u32 ioas = race->ioas[0];
	__u64 iova = 0, value;
	pthread_t thread;

	CALL(access_create(fd, ioas, 0, &access));
	CALL(ioas_map_at(fd, ioas, race->mem, page, IOVA));
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas));
	/* For as long as this goes on with it */
	if (!linger(LINGER_ON))
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_thread, race));
	while (!access_rw(fd, access, IOVA, &value, sizeof(value), 0))
		sched_yield();

	EXPECT_EQ(-EEXIST, ioas_map_at(fd, ioas, race->mem, page, IOVA));
	for (i = 0; i != ARRAY_SIZE(late); i++) {
		late[i].race = race;
		ASSERT_EQ(0, pthread_create(&late[i].thread, NULL,
					    late_unmap_thread, &late[i]));
	}
	EXPECT_EQ(-EADDRINUSE, mock_reserve(fd, ioas, IOVA, page));
	CALL(ioas_allow(fd, ioas, &only, 1));
	EXPECT_EQ(-ENOSPC, ioas_map(fd, ioas, race->mem, page, &iova, MAP_RW));
	EXPECT_EQ(0, atomic_load(&race->done));

	linger(0);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, atomic_load(&race->done));
	for (i = 0; i != ARRAY_SIZE(late); i++) {
		ASSERT_EQ(0, pthread_join(late[i].thread, NULL));
		EXPECT_FALSE(late[i].mapped);
		EXPECT_EQ(late[i].vfio || late[i].all ? 0 : -ENOENT,
			  late[i].rc);
		EXPECT_EQ(0, late[i].rc ? 0 : late[i].unmapped);
	}
	CALL(ioas_map(fd, ioas, race->mem, page, &iova, MAP_RW));
	EXPECT_EQ(IOVA, iova);
	CALL(ioas_unmap(fd, ioas, IOVA, page));
	CALL(ioas_allow(fd, ioas, NULL, 0));
	close(access);
}

/* Closed by one thread while the others are in a call */
TEST_F(race, close)
{
	int i, n;

	for (i = 0; i != 8; i++) {
		struct race race = { .mem = self->race.mem,
				     .step = step_domains };
		pthread_t threads[THREADS];

		race.fd = iommu_open();
		ASSERT_LE(0, race.fd);
		for (n = 0; n != 2; n++) {
			CALL(ioas_alloc(race.fd, &race.ioas[n]));
			CALL(mock_attach(race.fd, race.ioas[n], &race.dev[n]));
		}
		for (n = 0; n != THREADS; n++)
			ASSERT_EQ(0, pthread_create(&threads[n], NULL,
						    race_thread, &race));
		while (atomic_load(&race.steps) < CLOSE_STEPS)
			sched_yield();
		close(race.fd);
		atomic_store(&race.stop, true);
		for (n = 0; n != THREADS; n++)
			ASSERT_EQ(0, pthread_join(threads[n], NULL));
		EXPECT_EQ(0, proc_status("VmPin"));
	}
	EXPECT_EQ(0, mock_check_refs(self->race.fd, self->race.mem,
				     NPAGES * page, 0));
}

TEST_HARNESS_MAIN
