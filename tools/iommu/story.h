/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chapters of the passthrough story, and what they share.
 */
#ifndef TOOLS_IOMMU_STORY_H
#define TOOLS_IOMMU_STORY_H

#include <stdbool.h>
#include <linux/types.h>

#include "dmar_log.h"
#include "edu.h"
#include "nvme.h"
#include "vfio_cdev.h"

#define MIB			(1024UL * 1024)

/* The data buffer: one 2 MiB page where the kernel has one to give. */
#define DATA_SIZE		(2 * MIB)
#define DATA_IOVA		0x100000000ULL
/* A second, read-only view of the same buffer. */
#define READ_ONLY_IOVA		0x180000000ULL
/* Nothing is ever mapped here. */
#define NEVER_MAPPED_IOVA	0x200000000ULL
/* Where edu, with its 28 address lines, sees the data buffer. */
#define EDU_IOVA		0x1000000ULL

/* What the buffer holds when no device is meant to write to it. */
#define POISON			0xa5

/* Blocks for the checks that need just one page of them. */
#define PAGE_LBA		0x64
#define PAGE_BLOCKS		8U

struct story {
	int iommufd;
	struct dmar_log faults;
	long pinned_at_start;		/* KiB */

	/* The NVMe controller and its address space. */
	struct vfio_cdev nvme_dev;
	struct vfio_bar nvme_bar;
	struct nvme nvme;
	__u32 nvme_ioas;
	bool nvme_attached;
	bool nvme_running;

	/* The edu device and its address space. */
	struct vfio_cdev edu_dev;
	struct vfio_bar edu_bar;
	struct edu edu;
	__u32 edu_ioas;
	bool edu_attached;

	void *queues;			/* NVME_QUEUE_MEMORY bytes */
	__u64 queues_iova;
	__u8 *data;			/* DATA_SIZE bytes */
};

/*
 * Each chapter prints its transcript. Returns false if what comes after makes
 * no sense without what failed.
 */
bool story_attach_nvme(struct story *s, const char *bdf);
bool story_block_io(struct story *s);
void story_isolation(struct story *s);
void story_two_devices(struct story *s, const char *edu_bdf);
void story_teardown(struct story *s);

/* Map the data buffer where the NVMe controller expects it; a check. */
bool story_map_data(struct story *s);

/* Take it back; a check. */
bool story_unmap_data(struct story *s);

/*
 * Read PAGE_BLOCKS blocks into the data buffer and compare them with the known
 * content. Returns true if they are right.
 */
bool story_read_is_right(struct story *s);

/*
 * After a command that went wrong with @result: bring the controller back if it
 * needs that. Returns what had to be done, or NULL if nothing helped.
 */
const char *story_recover_nvme(struct story *s, int result);

/* Await the fault that was expected, and check what the IOMMU reports. */
void story_check_fault(struct story *s);

#endif
