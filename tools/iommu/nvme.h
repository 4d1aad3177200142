/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small polling NVMe driver: one admin queue, one IO queue, one command at a
 * time.
 *
 * It knows nothing of IOMMUs. Its user maps the registers, gives it
 * NVME_QUEUE_MEMORY bytes of memory that the controller reaches for reading and
 * writing at a known bus address, and passes bus addresses for data.
 *
 * Functions that talk to the controller return 0, a negative errno (-ETIMEDOUT:
 * no answer within the deadline; -EIO: the controller reports a fatal error), or
 * a positive NVMe status: see nvme_result_text().
 */
#ifndef TOOLS_IOMMU_NVME_H
#define TOOLS_IOMMU_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define NVME_PAGE_SIZE		4096
#define NVME_QUEUE_MEMORY	(6 * NVME_PAGE_SIZE)

struct nvme_command;
struct nvme_completion;

struct nvme_queue {
	__u16 id;
	__u16 tail;		/* next free entry of the submission queue */
	__u16 head;		/* next entry of the completion queue to look at */
	__u8 phase;		/* what the phase bit of a new completion is */
	struct nvme_command *commands;
	struct nvme_completion *completions;
	__u64 commands_iova;
	__u64 completions_iova;
};

struct nvme {
	void *regs;
	__u64 cap;
	unsigned int doorbell_stride;	/* bytes */
	unsigned int timeout_ms;	/* for a command, or to be ready */
	__u16 next_command_id;

	__u8 *memory;
	__u64 memory_iova;
	struct nvme_queue admin;
	struct nvme_queue io;

	/* What identify told; valid after nvme_start(). */
	char model[41];
	char serial[21];
	char firmware[9];
	size_t max_transfer;		/* bytes per command */
	__u64 block_count;
	unsigned int block_size;	/* bytes */
};

/*
 * Describe a controller with its registers at @regs. @memory is the zeroed
 * queue memory, page aligned; the controller sees it at @memory_iova.
 */
int nvme_init(struct nvme *nvme, void *regs, size_t regs_size,
	      void *memory, __u64 memory_iova);

/* Version register, as major << 16 | minor << 8 | tertiary. */
__u32 nvme_version(struct nvme *nvme);

/*
 * Bring the controller from any state to the one where it takes IO: reset,
 * enable, identify it and namespace 1, make the IO queue pair.
 */
int nvme_start(struct nvme *nvme);

/* Disable the controller: it does no DMA when this returns 0. */
int nvme_stop(struct nvme *nvme);

/* True if the controller is enabled, ready, and reports no fatal error. */
bool nvme_is_healthy(struct nvme *nvme);

/* Read or write @count blocks from block @lba, to or from bus address @iova. */
int nvme_read(struct nvme *nvme, __u64 lba, unsigned int count,
	      __u64 iova);
int nvme_write(struct nvme *nvme, __u64 lba, unsigned int count,
	       __u64 iova);

/*
 * Have the controller write its 4 KiB of identity to the page at @iova. It does so
 * in one go, not in the background.
 */
int nvme_identify_at(struct nvme *nvme, __u64 iova);

/*
 * Read a page's worth of blocks from block @lba to each of @num pages, all at the
 * same time. At most NVME_MAX_READS.
 */
#define NVME_MAX_READS		15
int nvme_read_pages(struct nvme *nvme, __u64 lba, const __u64 *iovas,
		    unsigned int num);

/* A readable text of what the functions above return; static storage. */
const char *nvme_result_text(int result);

#endif
