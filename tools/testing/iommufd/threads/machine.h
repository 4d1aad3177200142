/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for many threads: memory does not move, and each count is one atomic
 * variable, relaxed. A lock here would order what the driver does not.
 */
#ifndef __THREADS_MACHINE_H
#define __THREADS_MACHINE_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "pages.h"

#define NR_TASKS	2
#define NR_FILES	2
#define NR_DOMAINS	4
#define VA_BASE		0x10000000UL
#define VA_PAGES	128
#define FILE_PAGES	64
#define MMIO_PAGES	16
#define IOVA_PAGES	512

#define FD_FILE		10
#define FD_DMABUF	100

/*
 * By page frame: how often it is pinned, and through how many entries of IO page
 * tables or IOTLBs a device gets there: one variable, so that both are of one
 * moment.
 */
struct frame {
	u64 uses;
};

#define FRAME_PINS(uses)	((u32)(uses))
#define FRAME_REACH(uses)	((u32)((uses) >> 32))

/* An entry of an IO page table: nothing, a frame, or what is still in the IOTLB */
#define ENTRY_STALE		(1U << 31)

struct table {
	struct iommu_domain domain;
	struct iopgt_domain member;
	u32 entry[IOVA_PAGES];
};

extern struct table tables[NR_DOMAINS];
extern struct task_struct tasks[NR_TASKS];
extern struct mm_struct mms[NR_TASKS];
extern __thread struct vm_area_struct bitmap_vma;

void machine_reset(bool scattered);
void machine_check_end(void);
long machine_pins(void);
u32 table_entry(const struct table *table, unsigned long iova);
void dmabuf_revoke(bool revoke);
#endif
