/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: a machine with processes, files and IOMMUs, the driver's own code on
 * it, and a reference that says what must be true after each call.
 */
#ifndef __MODEL_H
#define __MODEL_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "pages.h"
#include "thresholds.h"

#define MODEL_VA_PAGES		128	/* of a process's address space */
#define MODEL_VA_BASE		0x10000000UL
#define MODEL_FILE_PAGES	96
#define MODEL_DMABUF_PAGES	32

#define MODEL_SPACES	3
#define MODEL_DOMAINS	4
#define MODEL_TASKS	3
#define MODEL_USERS	2
#define MODEL_OWNED_NS	2
#define MODEL_FILES	3
#define MODEL_DMABUFS	2
#define MODEL_ACCESSES	3
#define MODEL_DEVICES	2
#define MODEL_REGIONS	3
#define MODEL_FRAMES	1024

/* File descriptors */
#define MODEL_FD_FILE	10
#define MODEL_FD_DMABUF	100

/*
 * Physical memory. A frame is free, or mapped by processes and files, or pinned,
 * or both; MMIO is neither. @reach counts the entries of IO page tables and of
 * IOTLBs through which a device gets there.
 */
struct model_frame {
	unsigned long pfn;
	short folio;		/* index of the folio's first frame */
	short folio_pages;
	short cursor;		/* page that the last pin of the folio was for */
	unsigned short maps;
	unsigned short reach;
	bool mmio;
	bool mmio_live;
	unsigned char data[4];	/* what every byte of a quarter is */
};

#define MODEL_UNIT	(PAGE_SIZE / 4)

/* A process's page: where it is, -1 if it is not present */
struct model_va {
	short frame;
	unsigned char flags;
};

#define MODEL_VA_MAPPED		1	/* there is a VMA */
#define MODEL_VA_WRITE		2	/* that may be written to */
#define MODEL_VA_SHARED		4	/* the page is copied before it is pinned */

struct model_mm {
	struct mm_struct mm;
	struct model_va va[MODEL_VA_PAGES];
	bool pmd_huge[MODEL_VA_PAGES * PAGE_SIZE / PMD_SIZE];
	bool pud_huge[MODEL_VA_PAGES * PAGE_SIZE / PUD_SIZE];
};

struct model_file {
	struct file file;
	struct inode inode;
	struct address_space mapping;
	unsigned int npages;
	unsigned int order;
	short frame[MODEL_FILE_PAGES];
};

struct model_dmabuf {
	struct dma_buf dmabuf;
	struct dma_resv resv;
	unsigned int refs;
	bool revoked;
	unsigned long pfn;
};

/* What a device cannot translate; the regions end where one has no length */
struct model_device {
	struct device device;
	struct iommu_resv_region region[MODEL_REGIONS];
	phys_addr_t sw_msi_start;
};

extern struct model_device model_devices[MODEL_DEVICES];
extern struct model_frame model_frames[MODEL_FRAMES];
extern unsigned short model_pins[MODEL_FRAMES];

/**
 * struct model_setup - what a sequence begins with
 * @kinds: of the domains, enum model_iommu_kind
 * @scatter: how physical memory is handed out
 * @memlock: RLIMIT_MEMLOCK in pages, 255 for none
 * @orders: of the files' folios, two bits each
 * @options: MODEL_*
 * @thresholds: what the driver's are shrunk to
 */
struct model_setup {
	unsigned char kinds[MODEL_DOMAINS];
	unsigned char scatter;
	unsigned char memlock;
	unsigned char orders;
	unsigned char options;
	struct iommufd_thresholds thresholds;
};

#define MODEL_GUP_SHORT		1	/* GUP may pin less than it was asked for */
#define MODEL_HIGH_PFN		2	/* begin with memory at PFN 2^32 */
#define MODEL_CAPABLE		4	/* task 2 has CAP_IPC_LOCK */
#define MODEL_SHORT_UNMAP	8	/* failures may be short unmaps, too */
#define MODEL_FILES_ONLY	16	/* no memory of processes is mapped */

/* machine.c */
extern struct task_struct model_tasks[MODEL_TASKS];
extern struct model_mm model_mms[MODEL_TASKS];
extern struct user_struct model_users[MODEL_USERS];
/* What the owners of namespaces answer for, and the tasks' overheads */
extern struct ucounts model_owners[MODEL_OWNED_NS];
extern struct ucounts model_ucounts[MODEL_TASKS];
bool model_task_in(unsigned int task, unsigned int ns);
unsigned long model_ns_limit(unsigned int ns);
extern struct model_file model_files[MODEL_FILES];
extern struct model_dmabuf model_dmabufs[MODEL_DMABUFS];
extern struct model_setup model_setup;

void model_machine_reset(void);
void model_machine_check_end(void);
int model_frame_of(unsigned long pfn);
int model_va_fault(struct model_mm *mm, unsigned long va, bool write,
		   bool unshare);
void model_va_protect(struct model_mm *mm, unsigned long va);
void model_va_share(struct model_mm *mm, unsigned long va);
void model_va_clear(struct model_mm *mm, unsigned long va);
void model_va_huge(struct model_mm *mm, unsigned long va, unsigned int order);
void model_file_clear(struct model_file *file, unsigned long index);
int model_file_fault(struct model_file *file, unsigned long index);
void model_dmabuf_revoke(struct model_dmabuf *dmabuf, bool revoke);
extern unsigned long model_bitmap_start, model_bitmap_end;
extern bool model_bitmap_writable;

/* Faults: every place where something can fail asks */
enum model_fault {
	MODEL_FAULT_ALLOC,
	MODEL_FAULT_PIN,
	MODEL_FAULT_MAP,
	MODEL_FAULT_UNMAP,
	MODEL_FAULT_USER,
	MODEL_FAULT_KILL,
	MODEL_FAULTS
};

extern unsigned long model_faults_seen;
extern unsigned long model_fault_at;
extern bool model_fault_hit;
extern enum model_fault model_fault_what;
bool model_fault(enum model_fault what);

void model_check_locks(void);
void *model_realloc(void *p, size_t size);
__printf(1, 2) void __noreturn model_fail(const char *fmt, ...);
#define MODEL_CHECK(cond, ...)                                                 \
	do {                                                                   \
		if (unlikely(!(cond)))                                         \
			model_fail(__VA_ARGS__);                               \
	} while (0)

/* iommu.c */
enum model_iommu_kind {
	MODEL_GENERIC,		/* generic_pt: a leaf goes as a whole */
	MODEL_ARM,		/* io-pgtable-arm: a part of a leaf is refused */
	MODEL_ONE,		/* PAGE_SIZE only */
	MODEL_CONTIG,		/* every power of two, as AMD's */
	MODEL_SMALL,		/* a small aperture, and 2 KiB pages */
	MODEL_LARGE,		/* large leaves only beside PAGE_SIZE, aperture below 2^39 */
	MODEL_IOMMU_KINDS
};

struct model_leaf {
	unsigned long iova;
	phys_addr_t phys;
	unsigned int map;	/* of which iommu_map() */
	short frame;
	unsigned char shift;
	unsigned char prot;
	bool dirty;
	bool cached_dirty;	/* in the IOTLB, which would not set it again */
};

struct model_domain {
	struct iommu_domain domain;
	struct iopgt_domain member;
	enum model_iommu_kind kind;
	unsigned int nr;
	unsigned int nr_stale;
	unsigned int maps;
	unsigned int room;
	unsigned int stale_room;
	bool tracking;
	bool changed;		/* since it was compared with the reference */
	int space;		/* -1 if it is in none */
	struct model_leaf *leaf;
	struct model_leaf *stale;
};

extern struct model_domain model_domains[MODEL_DOMAINS];
void model_iommu_reset(void);
unsigned int model_find_leaf(const struct model_domain *d, unsigned long iova);
/* An unmap came back short: what it left behind stays pinned, until the end */
extern bool model_short;

static inline unsigned long model_leaf_last(const struct model_leaf *leaf)
{
	return leaf->iova + ((1UL << leaf->shift) - 1);
}

#endif
