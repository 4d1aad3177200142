/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommu-isolation: what the process that owns the device, the one that makes it do
 * DMA, and the one that judges share.
 *
 * Each of two IO address spaces shows an arena of its own at the same IOVAs. In an
 * arena every second page belongs to a slot, and may be mapped; those in between
 * are guards, and never are. A page that no device may reach is full of CANARY.
 */
#ifndef TOOLS_IOMMU_ISOLATION_H
#define TOOLS_IOMMU_ISOLATION_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

#include "nvme.h"
#include "vfio_cdev.h"

#define PAGE		4096UL
#define SLOTS		16U
#define ARENAS		2U
#define ARENA_SIZE	(2 * SLOTS * PAGE)
#define CANARY		0xa5

/* Longer than anything takes that does not hang */
#define HANG_MS		180000

#define QUEUE_IOVA	0x10000000ULL
#define SLOT_IOVA	0x20000000ULL
/* Anonymous memory, which is given back to the kernel after it was unmapped */
#define ANON_IOVA	0x30000000ULL
#define ANON_PAGES	16U

/**
 * struct shared - seen by all processes
 * @arena: pages that the judge keeps, whoever dies
 * @queues: memory of the controller's queues
 * @aim: IOVA that most DMA is aimed at, 0 for any slot
 * @started: DMA begun, in all
 * @done: DMA ended, in all
 * @reads: read from the disk in the background, where that cannot be in the way
 * @running: the device is at work
 * @changes: what the owner has done with it mapped or unmapped, in all
 * @hold: the owner is to change nothing any more
 * @held: it does not
 * @replacing: it is being moved from one address space to the other
 * @survivor: who goes on after the owner, or 0
 * @mapped: is the slot mapped in the address space? 2 for "changing"
 * @attached: address space that the device is in
 * @blocked: DMA at an IOVA that was not mapped, which changed nothing
 * @landed: times that DMA was seen to arrive where it may
 * @replaced: times that the address space was replaced under it
 * @freed: pages given back to the kernel under it
 * @wrong: what went wrong; empty if nothing
 */
struct shared {
	__u8 *arena[ARENAS];
	__u8 *queues;
	__u64 aim;
	__u64 started;
	__u64 done;
	bool reads;
	bool running;
	unsigned long changes;
	bool hold;
	bool held;
	bool replacing;
	pid_t survivor;
	__u8 mapped[ARENAS][SLOTS];
	unsigned int attached;
	unsigned long blocked;
	unsigned long landed;
	unsigned long replaced;
	unsigned long freed;
	char wrong[200];
};

/**
 * struct owner - the process that has the device
 * @shared: with the others
 * @iommufd: /dev/iommu
 * @ioas: address space per arena
 * @dev: the NVMe controller
 * @bar: its registers
 * @nvme: its driver
 * @leak: leave mapped what is to be unmapped: the judge must notice
 * @seed: of random numbers
 */
struct owner {
	struct shared *shared;
	int iommufd;
	__u32 ioas[ARENAS];
	struct vfio_cdev dev;
	struct vfio_bar bar;
	struct nvme nvme;
	bool leak;
	unsigned int seed;
};

/* Open the device and get it going; -errno, with the reason in uapi_error() */
int owner_open(struct owner *owner, const char *bdf);

/* Map, unmap, replace and free under the device, until killed or wrong */
void owner_run(struct owner *owner);

/* Have the device do DMA, for ever */
void pump_run(struct owner *owner);

/* Wait until DMA began and ended @times; false where the device does none */
bool dma_passes(struct shared *shared, unsigned int times);

void wrong(struct shared *shared, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline __u8 *slot_page(struct shared *shared, unsigned int arena,
			      unsigned int slot)
{
	return shared->arena[arena] + 2 * slot * PAGE;
}

static inline __u64 slot_iova(unsigned int slot)
{
	return SLOT_IOVA + slot * PAGE;
}

#endif
