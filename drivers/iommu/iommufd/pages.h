/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: one range of user memory, what of it is pinned, and for whom.
 */
#ifndef __IOMMUFD_PAGES_H
#define __IOMMUFD_PAGES_H

#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/mutex.h>

#include "charge.h"
#include "gap_tree.h"
#include "pfn_run.h"
#include "thresholds.h"

struct dma_buf;
struct page;
struct pages_dmabuf;

/**
 * struct pages_store - a store of runs that extents share
 * @runs: the runs; complete and constant, but for @owners, which is the number of
 *        extents with pages in it
 */
struct pages_store {
	struct pfn_store runs;
};

/**
 * struct pages_pin - who has claimed the same pages by pages_pin()
 * @next: another one that begins at the same page
 * @user: who
 * @iova: where the user sees the first page
 * @npages: how many pages
 * @count: how often
 */
struct pages_pin {
	struct pages_pin *next;
	const void *user;
	unsigned long iova;
	unsigned long npages;
	unsigned int count;
};

/**
 * struct pages_extent - pages that are pinned, and claimed by the same users
 * @node: range of page indices, in iommufd_pages::extents
 * @claims: number of claims on all of it, 0 for one that is not in use
 * @store: where its runs are
 * @offset: of its first page in @store, in pages
 * @pins: those that begin at its first page. A claim begins where an extent does,
 *        and keeps that extent.
 */
struct pages_extent {
	struct gap_node node;
	unsigned int claims;
	struct pages_store *store;
	unsigned long offset;
	struct pages_pin *pins;
};

/**
 * struct pages_extent_alone - an extent that is not iommufd_pages::extent
 * @extent: the extent
 * @pin: memory for its first pin
 */
struct pages_extent_alone {
	struct pages_extent extent;
	struct pages_pin pin;
};

static inline struct pages_extent_alone *
extent_alone(struct pages_extent *extent)
{
	return container_of(extent, struct pages_extent_alone, extent);
}

enum pages_type {
	PAGES_USER,
	PAGES_FILE,
	PAGES_DMABUF,
};

/**
 * struct iommufd_pages - a range of memory that userspace handed over
 * @kref: one per area; a new range has one
 * @type: what kind of memory
 * @writable: devices may write to it
 * @turn_taken: a claim is being added, under @lock
 * @moving: while IOMMU_IOAS_CHANGE_PROCESS is under way: @payer.budget->new_payer is
 *          charged, too
 * @lock: protects all that is not constant; not held while memory is pinned
 * @uaddr: PAGES_USER: page aligned start address in @payer.mm
 * @file: PAGES_FILE: the memfd, referenced
 * @first: PAGES_FILE: index of the range's first page in @file
 * @dmabuf: PAGES_DMABUF: the attachment
 * @payer: who pays; PAGES_USER: whose memory it is, which is constant
 * @charged: pages charged to @payer
 * @claims: number of claims
 * @extents: what is pinned, struct pages_extent by page index
 * @extent: the first extent's memory; most ranges never have another
 * @store: the first store's memory
 * @npages: size; page indices are relative to the range
 *
 * Each area that is mapped has one: with the area, 12 fit into a page.
 */
struct iommufd_pages {
	struct kref kref;
	enum pages_type type : 8;
	bool writable;
	bool turn_taken;
	bool moving;
	struct mutex lock; /* protects charged, claims, extents, and below */
	union {
		unsigned long uaddr;
		struct {
			struct file *file;
			unsigned long first;
		};
		struct pages_dmabuf *dmabuf;
	};
	struct pin_payer payer;
	unsigned long charged;
	unsigned int claims;
	struct gap_tree extents;
	struct pages_extent extent;
	struct pages_store store;
#ifdef CONFIG_IOMMUFD_TEST
	unsigned long npages;
#endif
};

/**
 * struct pages_mapping - how a part of an iommufd_pages appears in domains
 * @start: first byte, relative to the range's first page
 * @length: bytes
 * @iova: of the first byte
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @split: map by PAGE_SIZE; @start and @length are then multiples of it
 * @stuck: set where an IOMMU driver left a part of it in a domain: its pages stay
 *         pinned, and its IOVAs must not be used again
 */
struct pages_mapping {
	unsigned long start;
	unsigned long length;
	unsigned long iova;
	int prot;
	bool split;
	bool stuck;
};

struct iommufd_pages *pages_new(enum pages_type type, unsigned long start,
				unsigned long length, bool writable,
				struct pin_budget *budget);
struct iommufd_pages *pages_new_user(void __user *uptr, unsigned long length,
				     bool writable, struct pin_budget *budget);
struct iommufd_pages *pages_new_file(struct file *file, unsigned long start,
				     unsigned long length, bool writable,
				     struct pin_budget *budget);
struct iommufd_pages *pages_new_dmabuf(struct dma_buf *dmabuf,
				       struct device *dev, unsigned long start,
				       unsigned long length, bool writable,
				       struct pin_budget *budget);
void pages_release_kref(struct kref *kref);

int pages_claim(struct iommufd_pages *pages, unsigned long start,
		unsigned long length);
int pages_claim_new(struct iommufd_pages *pages, unsigned long start,
		    unsigned long length);
void pages_unclaim(struct iommufd_pages *pages, unsigned long start,
		   unsigned long length);
int pages_split_claim(struct iommufd_pages *pages, unsigned long at);

int pages_fill(struct iommufd_pages *pages, struct pages_mapping *map,
	       struct iommu_domain *domain);
void pages_empty_slowly(struct iommufd_pages *pages, struct pages_mapping *map,
			struct iommu_domain *domain,
			struct iommu_iotlb_gather *gather);
void pages_forget(struct iommufd_pages *pages, const struct pages_mapping *map,
		  struct iommu_domain *domain);
void pages_keep(struct iommufd_pages *pages, struct pages_mapping *map);
void pages_warn_stuck(const struct pages_mapping *map);

/* pages_pin.c */
int pages_pin(struct iommufd_pages *pages, unsigned long first,
	      unsigned long npages, bool write, const void *user,
	      unsigned long iova, struct page **out_pages);
bool pages_has_pins(struct iommufd_pages *pages, unsigned long first,
		    unsigned long npages, const void *user, unsigned long iova);
unsigned int pages_unpin(struct iommufd_pages *pages, unsigned long first,
			 unsigned long npages, const void *user,
			 unsigned long iova);

/* pages_rw.c */
int pages_rw(struct iommufd_pages *pages, unsigned long start, void *data,
	     size_t length, unsigned int flags);
int pages_rw_slowly(struct iommufd_pages *pages, unsigned long start, void *data,
		    size_t length, unsigned int flags);

int pages_lookup(struct iommufd_pages *pages, unsigned long start,
		 unsigned long max_length, phys_addr_t *phys,
		 unsigned long *length);

struct pages_moving;

/**
 * struct pages_move - a change of who pays (IOMMU_IOAS_CHANGE_PROCESS)
 * @payer: the new payer
 * @ranges: what both pay for
 */
struct pages_move {
	struct pin_payer payer;
	struct pages_moving *ranges;
};

int pages_move_add(struct pages_move *move, struct iommufd_pages *pages);
void pages_move_end(struct pages_move *move, bool commit);

int __init pages_init(size_t user_size);
void pages_exit(void);

static inline struct iommufd_pages *pages_get(struct iommufd_pages *pages)
{
	kref_get(&pages->kref);
	return pages;
}

/* Memory for who made the range, as much as pages_init() was told of */
static inline void *pages_user(struct iommufd_pages *pages)
{
	return pages + 1;
}

static inline void pages_put(struct iommufd_pages *pages)
{
	kref_put(&pages->kref, pages_release_kref);
}

/* So much at a time can be mapped or unmapped before others want the CPU */
#define PAGES_BREATHER	iommufd_threshold(pages_breather, SZ_1G)

/* @iova and its end are bounds of earlier iommu_map() calls; false: not all is out */
static inline bool domain_unmap(struct iommu_domain *domain, unsigned long iova,
				size_t length,
				struct iommu_iotlb_gather *gather)
{
	return iommu_unmap_fast(domain, iova, length, gather) == length;
}

/**
 * pages_empty() - Take a part out of a domain
 * @pages: the range
 * @map: as it was given to pages_fill(); its upper and lower part may be given
 *       one by one where it is split between pages
 * @domain: the domain
 * @gather: the IOTLB flush that the caller does before it unclaims
 *
 * Where the IOMMU driver leaves a part of it in the domain, @map is stuck: the
 * caller flushes and unclaims nevertheless, but the pages stay pinned.
 *
 * Context: may sleep; takes the lock where it must. Does not fail.
 */
static inline void pages_empty(struct iommufd_pages *pages,
			       struct pages_mapping *map,
			       struct iommu_domain *domain,
			       struct iommu_iotlb_gather *gather)
{
	if (unlikely(pages->type == PAGES_DMABUF ||
		     map->length > PAGES_BREATHER))
		pages_empty_slowly(pages, map, domain, gather);
	else if (unlikely(!domain_unmap(domain, map->iova, map->length,
					gather)))
		pages_keep(pages, map);
}

/* Where userspace has it: a good IOVA is congruent to that */
static inline unsigned long pages_address(const struct iommufd_pages *pages,
					  unsigned long start)
{
	if (pages->type == PAGES_USER)
		return pages->uaddr + start;
	if (pages->type == PAGES_FILE)
		return (pages->first << PAGE_SHIFT) + start;
	return start;
}

/*
 * pages_dmabuf.c. Both are called with the lock held; until a fill is
 * forgotten, a revocation takes it out of the domain.
 */
int pages_dmabuf_remember(struct iommufd_pages *pages,
			  const struct pages_mapping *map,
			  struct iommu_domain *domain);
bool pages_dmabuf_forget(struct iommufd_pages *pages,
			 const struct pages_mapping *map,
			 struct iommu_domain *domain);
unsigned long pages_dmabuf_pfn(struct iommufd_pages *pages,
			       unsigned long index);
bool pages_dmabuf_revoked(struct iommufd_pages *pages);
void pages_dmabuf_detach(struct iommufd_pages *pages);
#ifdef CONFIG_IOMMUFD_TEST
unsigned int pages_dmabuf_fills(struct iommufd_pages *pages);
#endif

/* Page @index, which is in the extent */
static inline unsigned long extent_pfn(const struct pages_extent *extent,
				       unsigned long index)
{
	return pfn_store_page(&extent->store->runs,
			      extent->offset + (index - extent->node.first));
}

/* For the other files of this layer */
struct pages_extent *pages_find_extent(struct iommufd_pages *pages,
				       unsigned long first,
				       unsigned long last);
int pages_lock_turn(struct iommufd_pages *pages);
void pages_unlock_turn(struct iommufd_pages *pages);
int pages_add_claim(struct iommufd_pages *pages, unsigned long first,
		    unsigned long last);
void pages_remove_claim(struct iommufd_pages *pages,
			struct pages_extent *extent, unsigned long last);

static inline struct pages_extent *extent_of(struct gap_node *node)
{
	return node ? container_of(node, struct pages_extent, node) : NULL;
}

static inline struct pages_extent *extent_next_in(struct pages_extent *extent,
						  unsigned long last)
{
	return extent_of(gap_tree_next_in(&extent->node, last));
}
#endif
