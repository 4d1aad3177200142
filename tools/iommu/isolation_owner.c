// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-isolation: the process that owns the device.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "iommufd_lib.h"
#include "isolation.h"
#include "mmio.h"
#include "pattern.h"
#include "uapi.h"

/* DMA that must have come by before a page counts as out of its reach */
#define PASSES 2
/* Then a completion is taken for lost, and the controller is started anew */
#define LOST_MS 5000

void wrong(struct shared *shared, const char *fmt, ...)
{
	va_list args;

	if (shared->wrong[0])
		return;
	va_start(args, fmt);
	vsnprintf(shared->wrong, sizeof(shared->wrong), fmt, args);
	va_end(args);
}

bool dma_passes(struct shared *shared, unsigned int times)
{
	/* What had begun may have been translated already: it does not count */
	__u64 goal = READ_ONCE(shared->started) + times;
	/* time: only a hang takes that long */
	__u64 deadline = deadline_in_ms(HANG_MS);

	while (READ_ONCE(shared->done) < goal) {
		if (deadline_passed(deadline))
			return false;
		poll_pause();
	}
	return true;
}

/*
 * The controller writes its identity. It does that in one go, so that none of it
 * is under way once the IOTLB has been flushed; reads of blocks are made in the
 * background by the emulator, which translates their IOVAs beforehand.
 */
static int pump_once(struct owner *owner)
{
	struct shared *shared = owner->shared;
	__u64 aim = READ_ONCE(shared->aim);

	if (!aim || !(rand_r(&owner->seed) % 4))
		aim = slot_iova(rand_r(&owner->seed) % SLOTS);
	return nvme_identify_at(&owner->nvme, aim);
}

/*
 * Reads to what is mapped, as many as there are: some versions of QEMU die of a
 * reset while others wait for the one buffer that they share.
 */
static int pump_reads(struct owner *owner)
{
	struct shared *shared = owner->shared;
	__u64 iovas[NVME_MAX_READS];
	unsigned int num = 0;

	for (unsigned int slot = 0; slot != SLOTS; slot++)
		if (shared->mapped[shared->attached][slot] == 1 &&
		    num != NVME_MAX_READS)
			iovas[num++] = slot_iova(slot);
	return num ? nvme_read_pages(&owner->nvme, rand_r(&owner->seed) % 1024 * 8,
				     iovas, num) : pump_once(owner);
}

/* While the address space is being replaced, it may fail more than once */
static bool bring_back(struct owner *owner)
{
	for (int i = 0; i != 20; i++) {
		if (!nvme_start(&owner->nvme))
			return true;
		/* time: tries again */
		sleep_ms(20);
	}
	return false;
}

void pump_run(struct owner *owner)
{
	struct shared *shared = owner->shared;

	for (;;) {
		int result;

		WRITE_ONCE(shared->started, shared->started + 1);
		dma_barrier();
		result = READ_ONCE(shared->reads) ? pump_reads(owner) :
						    pump_once(owner);
		dma_barrier();
		WRITE_ONCE(shared->done, shared->done + 1);
		/* It may well complain of what it cannot reach */
		if ((result < 0 || !nvme_is_healthy(&owner->nvme)) &&
		    !bring_back(owner))
			wrong(shared, "the controller cannot be brought back");
	}
}

int owner_open(struct owner *owner, const char *bdf)
{
	struct shared *shared = owner->shared;
	__u32 hwpt;
	int ret;

	ret = iommufd_open(&owner->iommufd);
	for (unsigned int i = 0; !ret && i != ARENAS; i++) {
		ret = iommufd_ioas_alloc(owner->iommufd, &owner->ioas[i]);
		if (!ret)
			ret = iommufd_map_at(owner->iommufd, owner->ioas[i],
					     QUEUE_IOVA, shared->queues,
					     NVME_QUEUE_MEMORY, DMA_READ_WRITE);
	}
	if (!ret)
		ret = vfio_cdev_open(&owner->dev, bdf);
	if (!ret)
		ret = vfio_cdev_bind(&owner->dev, owner->iommufd);
	if (!ret)
		ret = vfio_cdev_attach(&owner->dev, owner->ioas[0], &hwpt);
	if (!ret)
		ret = vfio_cdev_enable(&owner->dev);
	if (!ret)
		ret = vfio_cdev_map_bar(&owner->dev, 0, &owner->bar);
	if (!ret)
		ret = nvme_init(&owner->nvme, owner->bar.regs, owner->bar.size,
				shared->queues, QUEUE_IOVA);
	if (!ret) {
		owner->nvme.timeout_ms = LOST_MS;
		ret = nvme_start(&owner->nvme);
	}
	return ret;
}

static bool canary_is_whole(struct shared *shared, const __u8 *page,
			    const char *what, unsigned int index)
{
	if (all_bytes_are(page, CANARY, PAGE))
		return true;
	wrong(shared, "%s %u changed, which no device may reach", what, index);
	return false;
}

/* DMA arrives here, sooner or later */
static void await_landing(struct shared *shared, __u8 *page, __u64 iova)
{
	/* time: only a hang takes that long */
	__u64 deadline = deadline_in_ms(HANG_MS);

	WRITE_ONCE(shared->aim, iova);
	while (all_bytes_are(page, CANARY, PAGE)) {
		if (deadline_passed(deadline)) {
			wrong(shared, "no DMA arrives at IOVA 0x%llx, which is mapped",
			      iova);
			return;
		}
		poll_pause();
	}
	shared->landed++;
}

/* And none does here, though it is aimed at */
static void expect_nothing(struct shared *shared, __u8 *page, __u64 iova,
			   const char *what, unsigned int index)
{
	WRITE_ONCE(shared->aim, iova);
	if (!dma_passes(shared, PASSES))
		wrong(shared, "the device does no DMA any more");
	if (canary_is_whole(shared, page, what, index))
		shared->blocked += PASSES;
}

static void change_slot(struct owner *owner, unsigned int arena,
			unsigned int slot)
{
	struct shared *shared = owner->shared;
	__u8 *page = slot_page(shared, arena, slot);
	bool was = shared->mapped[arena][slot];
	__u64 iova = slot_iova(slot), unmapped;
	int ret = 0;

	shared->mapped[arena][slot] = 2;
	if (!was) {
		memset(page, CANARY, PAGE);
		ret = iommufd_map_at(owner->iommufd, owner->ioas[arena], iova,
				     page, PAGE, DMA_READ_WRITE);
	} else if (!owner->leak || arena != shared->attached) {
		ret = iommufd_unmap(owner->iommufd, owner->ioas[arena], iova,
				    PAGE, &unmapped);
	}
	if (ret) {
		wrong(shared, "%s", uapi_error());
		return;
	}
	if (was)
		memset(page, CANARY, PAGE);
	shared->mapped[arena][slot] = !was;
	if (!was && arena == shared->attached)
		await_landing(shared, page, iova);
	else
		expect_nothing(shared, page, iova, "slot", slot);
}

/* The other arena takes this one's place: nothing arrives in this one any more */
static void replace(struct owner *owner)
{
	struct shared *shared = owner->shared;
	unsigned int old = shared->attached, slot;
	__u32 hwpt;

	shared->replacing = true;
	shared->attached = !old;
	if (vfio_cdev_attach(&owner->dev, owner->ioas[!old], &hwpt)) {
		wrong(shared, "%s", uapi_error());
		return;
	}
	shared->replacing = false;
	shared->replaced++;
	for (slot = 0; slot != SLOTS; slot++)
		memset(slot_page(shared, old, slot), CANARY, PAGE);
	slot = rand_r(&owner->seed) % SLOTS;
	expect_nothing(shared, slot_page(shared, old, slot), slot_iova(slot),
		       "after a replace, slot", slot);
	for (slot = 0; slot != SLOTS; slot++)
		canary_is_whole(shared, slot_page(shared, old, slot),
				"after a replace, slot", slot);
}

/*
 * Memory goes back to the kernel right after it was unmapped, and comes back as
 * somebody's: it is empty, and stays as that one wants it.
 */
static void free_pages(struct owner *owner)
{
	struct shared *shared = owner->shared;
	const size_t length = ANON_PAGES * PAGE;
	__u64 unmapped;
	__u8 *anon;

	anon = mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (anon == MAP_FAILED)
		return;
	memset(anon, CANARY, length);
	if (iommufd_map_at(owner->iommufd, owner->ioas[shared->attached],
			   ANON_IOVA, anon, length, DMA_READ_WRITE)) {
		wrong(shared, "%s", uapi_error());
		return;
	}
	await_landing(shared, anon, ANON_IOVA);
	if (iommufd_unmap(owner->iommufd, owner->ioas[shared->attached],
			  ANON_IOVA, length, &unmapped))
		wrong(shared, "%s", uapi_error());
	munmap(anon, length);

	anon = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (anon == MAP_FAILED)
		return;
	if (!all_bytes_are(anon, 0, length))
		wrong(shared, "new memory is not empty");
	memset(anon, CANARY, length);
	for (unsigned int i = 0; i != ANON_PAGES; i += ANON_PAGES / 2)
		expect_nothing(shared, anon + i * PAGE, ANON_IOVA + i * PAGE,
			       "new memory, page", i);
	munmap(anon, length);
	shared->freed += ANON_PAGES;
}

void owner_run(struct owner *owner)
{
	struct shared *shared = owner->shared;

	while (!shared->wrong[0]) {
		if (READ_ONCE(shared->hold)) {
			WRITE_ONCE(shared->held, true);
			return;
		}
		switch (rand_r(&owner->seed) % 8) {
		case 0:
			replace(owner);
			break;
		case 1:
			free_pages(owner);
			break;
		default:
			change_slot(owner, rand_r(&owner->seed) % ARENAS,
				    rand_r(&owner->seed) % SLOTS);
		}
		for (unsigned int i = 0; i != ARENAS * SLOTS; i++)
			canary_is_whole(shared, slot_page(shared, i / SLOTS,
							  i % SLOTS) + PAGE,
					"guard", i);
		WRITE_ONCE(shared->changes, shared->changes + 1);
	}
}
