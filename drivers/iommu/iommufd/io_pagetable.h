/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOVA space layer: areas, reserved and allowed ranges, and the set of
 * domains that are kept filled with the areas' pages.
 */
#ifndef __IOMMUFD_IO_PAGETABLE_H
#define __IOMMUFD_IO_PAGETABLE_H

#include <linux/interval_tree.h>
#include <linux/iommu.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "gap_tree.h"
#include "thresholds.h"

struct iommu_hwpt_get_dirty_bitmap;
struct iommu_iova_range;
struct iopgt_access;
struct pin_budget;
struct pages_move;

/**
 * struct iopgt_reserved - IOVAs that nothing may be mapped at
 * @node: in io_pagetable::reserved
 * @owner: in whose name, NULL while it is not in there; ranges of several owners
 *         may overlap
 */
struct iopgt_reserved {
	struct interval_tree_node node;
	void *owner;
};

/**
 * struct iopgt_domain - membership of a domain in one IOVA space
 * @link: on io_pagetable::domains while it is kept filled
 * @domain: the paging domain; set by the owner before iopgt_add_domain()
 * @below: IOVAs too low for it to translate
 * @above: IOVAs too high for it
 *
 * Embedded in the HWPT, so that attaching needs no allocation of its own.
 */
struct iopgt_domain {
	struct list_head link;
	struct iommu_domain *domain;
	struct iopgt_reserved below;
	struct iopgt_reserved above;
};

/* So many calls at a time can unmap with iova_lock taken once, others twice */
#define IOPGT_LEAVING_MAX	4
#define IOPGT_LEAVING		iommufd_threshold(iopgt_leaving, IOPGT_LEAVING_MAX)

/**
 * struct iopgt_range - some IOVAs
 * @first: first IOVA
 * @last: last IOVA, inclusive
 */
struct iopgt_range {
	unsigned long first;
	unsigned long last;
};

/**
 * struct io_pagetable - an IOVA space
 * @domains_lock: held for read by whoever fills or empties domains, for write
 *                by whoever changes their set or the accesses
 * @split_to_pages: map everything by PAGE_SIZE (IOMMU_OPTION_HUGE_PAGES = 0)
 * @claimers: number of domains, and of iopgt_prepare() calls for one: while there
 *            are any, areas claim their memory. Under domains_lock, for write
 * @iova_lock: protects all but @domains and @accesses
 * @areas: struct iopgt_area by IOVA
 * @leaving: which of @leaving_ranges count; whoever holds domains_lock for read
 *           and has set a bit clears it, without iova_lock
 * @reserved: ranges no mapping may touch, struct iopgt_reserved
 * @leaving_ranges: of areas that have left @areas, and not yet all domains
 * @alignment: in bytes; IOVAs and lengths are multiples of it
 * @domains: struct iopgt_domain, under @domains_lock
 * @accesses: struct iopgt_access, under @domains_lock
 * @unpinned: woken where somebody may wait for the last pin of an area, or access, or
 *            for what it has under way
 * @allowed: ranges that automatic IOVAs come from, empty for everything
 *
 * The order keeps calls on several CPUs out of each other's cache lines, as far
 * as can be: behind the object's head the first lock ends its line, the second
 * one has a line with what is used under it, the ranges that are leaving have one,
 * and what calls only read follows.
 */
struct io_pagetable {
	struct rw_semaphore domains_lock;
	bool split_to_pages;
	unsigned int claimers;

	struct rw_semaphore iova_lock;
	struct gap_tree areas;
	unsigned long leaving;
	struct rb_root_cached reserved;

	struct iopgt_range leaving_ranges[IOPGT_LEAVING_MAX];

	unsigned long alignment;
	struct list_head domains;
	struct list_head accesses;
	wait_queue_head_t unpinned;
	struct rb_root_cached allowed;
};

/* How a mapping is to be placed */
enum iopgt_place {
	IOPGT_AUTO,		/* choose an IOVA, return it */
	IOPGT_FIXED,		/* at the IOVA given */
};

void iopgt_init(struct io_pagetable *iopt);
void iopgt_destroy(struct io_pagetable *iopt);

int iopgt_map_user(struct io_pagetable *iopt, struct pin_budget *budget,
		   void __user *uptr, unsigned long length,
		   unsigned long *iova, int prot, enum iopgt_place place);
int iopgt_map_file(struct io_pagetable *iopt, struct pin_budget *budget, int fd,
		   struct device *dev,
		   unsigned long start, unsigned long length,
		   unsigned long *iova, int prot, enum iopgt_place place);
int iopgt_copy(struct io_pagetable *dst, struct io_pagetable *src,
	       unsigned long src_iova, unsigned long length,
	       unsigned long *dst_iova, int prot, enum iopgt_place place);
int iopgt_unmap_range(struct io_pagetable *iopt, unsigned long first,
		      unsigned long last, unsigned long *unmapped);
int iopgt_unmap(struct io_pagetable *iopt, unsigned long iova,
		unsigned long length, unsigned long *unmapped);
int iopgt_unmap_all(struct io_pagetable *iopt, unsigned long *unmapped);
int iopgt_cut(struct io_pagetable *iopt, const unsigned long *iovas,
	      size_t num_iovas);

bool iopgt_is_taken(struct io_pagetable *iopt, unsigned long first,
		    unsigned long last);
int iopgt_reserve(struct io_pagetable *iopt, unsigned long first,
		  unsigned long last, void *owner);
void iopgt_unreserve(struct io_pagetable *iopt, void *owner);
int iopgt_reserve_device(struct io_pagetable *iopt, struct device *dev,
			 phys_addr_t *sw_msi_start);
int iopgt_set_allowed(struct io_pagetable *iopt,
		      const struct iommu_iova_range *ranges, u32 num_ranges);
int iopgt_usable_ranges(struct io_pagetable *iopt,
			struct iommu_iova_range *ranges, u32 max_ranges,
			u32 *num_ranges, unsigned long *alignment);
int iopgt_set_huge_pages(struct io_pagetable *iopt, bool enable);
bool iopgt_huge_pages(struct io_pagetable *iopt);

int iopgt_prepare(struct io_pagetable *iopt);
void iopgt_unprepare(struct io_pagetable *iopt);
int iopgt_add_domain(struct io_pagetable *iopt, struct iopgt_domain *member);
void iopgt_remove_domain(struct io_pagetable *iopt,
			 struct iopgt_domain *member);
void iopgt_free_domain(struct io_pagetable *iopt, struct iopgt_domain *member);

int iopgt_set_dirty_tracking(struct io_pagetable *iopt,
			     struct iommu_domain *domain, bool enable);
int iopgt_read_dirty(struct io_pagetable *iopt, struct iommu_domain *domain,
		     unsigned long flags,
		     const struct iommu_hwpt_get_dirty_bitmap *bitmap);

int iopgt_lookup_phys(struct io_pagetable *iopt, unsigned long iova,
		      unsigned long max_length, phys_addr_t *phys,
		      unsigned long *length);

int iopgt_move_all(struct io_pagetable *iopt, struct pages_move *move);

int __init iopgt_module_init(void);
void iopgt_module_exit(void);

/**
 * struct iopgt_access - an in-kernel access as the IOVA space sees it
 * @link: on io_pagetable::accesses
 * @alignment: of IOVAs and lengths, in bytes, that it needs
 * @pins: how much it has pinned, or is pinning: one for each area of each pin
 * @unmap: called without iova_lock when a range is going away; when it returns, the
 *         access has no page of [iova, iova + length) pinned any more, or is about
 *         to unpin it. NULL: what it has pinned stays until it unpins it, and is
 *         not unmapped.
 */
struct iopgt_access {
	struct list_head link;
	unsigned long alignment;
	atomic_long_t pins;
	void (*unmap)(struct iopgt_access *access, unsigned long iova,
		      unsigned long length);
};

int iopgt_add_access(struct io_pagetable *iopt, struct iopgt_access *access);
void iopgt_remove_access(struct io_pagetable *iopt,
			 struct iopgt_access *access);
int iopgt_pin(struct io_pagetable *iopt, struct iopgt_access *access,
	      unsigned long iova, unsigned long length,
	      struct page **out_pages, bool write);
bool iopgt_unpin(struct io_pagetable *iopt, struct iopgt_access *access,
		 unsigned long iova, unsigned long length);
int iopgt_rw(struct io_pagetable *iopt, unsigned long iova, void *data,
	     size_t length, unsigned int flags);
int iopgt_rw_slowly(struct io_pagetable *iopt, unsigned long iova, void *data,
		    size_t length, unsigned int flags);
#endif
