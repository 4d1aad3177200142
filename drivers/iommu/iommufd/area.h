/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas: what an IOVA space consists of. Shared by the files of that layer.
 */
#ifndef __IOMMUFD_AREA_H
#define __IOMMUFD_AREA_H

#include <linux/sched/signal.h>

#include "io_pagetable.h"
#include "pages.h"
#include "test_hooks.h"

/**
 * enum iopgt_area_state - how far an area has come
 * @AREA_MAPPING: its IOVAs are taken, its domains are being filled
 * @AREA_LIVE: mapped
 * @AREA_UNMAPPING: its domains are being emptied, its IOVAs are still taken
 * @AREA_STUCK: an IOMMU driver did not take it out of a domain: its IOVAs stay
 *              taken and its memory stays pinned, for ever. It has no claim, and
 *              is in no domain that was added since.
 *
 * While it is mapped or unmapped it belongs to the thread that does so; for
 * everybody else it is not there, nor if it is stuck. That thread holds domains_lock
 * for read while any domain has a part of it, and until it is live, or is gone. So
 * whoever holds that lock for write sees areas that are live, stuck, or being
 * mapped, and then in no domain.
 */
enum iopgt_area_state {
	AREA_MAPPING,
	AREA_LIVE,
	AREA_UNMAPPING,
	AREA_STUCK,
};

/**
 * struct iopgt_area - a range of IOVAs that shows a part of an iommufd_pages
 * @node: the IOVAs, in io_pagetable::areas
 * @pages: the memory, referenced
 * @start: first byte in @pages
 * @next: used by the thread that maps or unmaps it
 * @pins: pins by in-kernel accesses, and what they have under way; incremented
 *        and decremented with iova_lock held for read, and judged with it held for
 *        write
 * @kept: those of @pins that nobody can be asked to let go of; protected alike
 * @under_way: those of @pins that are copies that wait for memory, or are going to be
 *             pins; protected alike, but that it becomes a pin under the lock of
 *             @pages, where that is written down
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @state: enum iopgt_area_state
 * @stuck: it is to become AREA_STUCK; belongs to the thread that maps or unmaps it
 * @claimed: it claims its memory. Belongs to the thread that maps or unmaps it; of
 *           a live one it changes with iova_lock held for write, or for read and
 *           domains_lock for write
 */
struct iopgt_area {
	struct gap_node node;
	struct iommufd_pages *pages;
	unsigned long start;
	struct iopgt_area *next;
	atomic_t pins;
	atomic_t kept;
	atomic_t under_way;
	u8 prot;
	u8 state;
	bool stuck;
	bool claimed;
};

static inline struct iopgt_area *area_of(struct gap_node *node)
{
	return node ? container_of(node, struct iopgt_area, node) : NULL;
}

static inline struct iopgt_area *area_first_in(struct io_pagetable *iopt,
					       unsigned long first,
					       unsigned long last)
{
	return area_of(gap_tree_first_in(&iopt->areas, first, last));
}

static inline struct iopgt_area *area_next_in(struct iopgt_area *area,
					      unsigned long last)
{
	return area_of(gap_tree_next_in(&area->node, last));
}

#define for_each_area_in(area, iopt, first, last)                              \
	for (area = area_first_in(iopt, first, last); area;                    \
	     area = area_next_in(area, last))

#define for_each_area(area, iopt) for_each_area_in(area, iopt, 0, ULONG_MAX)

static inline unsigned long area_length(const struct iopgt_area *area)
{
	return area->node.last - area->node.first + 1;
}

/* What of @area->pages stands at @iova, an IOVA of the area */
static inline unsigned long area_start_at(const struct iopgt_area *area,
					  unsigned long iova)
{
	return area->start + (iova - area->node.first);
}

static inline struct pages_mapping area_mapping(const struct iopgt_area *area,
						const struct io_pagetable *iopt)
{
	return (struct pages_mapping){
		.start = area->start,
		.length = area_length(area),
		.iova = area->node.first,
		.prot = area->prot,
		.split = iopt->split_to_pages,
	};
}

/*
 * An area is filled under domains_lock, and found under iova_lock: no lock is
 * common to the two. Its claims and its IO page table entries are written before
 * the release; whoever acquires AREA_LIVE finds them (litmus test: area_set_live()).
 */
static inline bool area_is_live(const struct iopgt_area *area)
{
	/* Pairs with area_set_live() */
	return smp_load_acquire(&area->state) == AREA_LIVE;
}

static inline void area_set_live(struct iopgt_area *area)
{
	/* Pairs with area_is_live() */
	smp_store_release(&area->state, AREA_LIVE);
}

/* Does its memory come when userspace likes? It is not claimed under locks then */
static inline bool area_is_slow(const struct iopgt_area *area)
{
	return area->pages->type == PAGES_USER;
}

/* Between two areas, of which there may be millions: -EINTR if killed */
static inline int areas_breathe(void)
{
	iommufd_test_breath();
	cond_resched();
	return unlikely(fatal_signal_pending(current)) ? -EINTR : 0;
}

/* Both locks, for write: -EINTR if killed */
static inline int iopgt_lock_killable(struct io_pagetable *iopt)
{
	if (down_write_killable(&iopt->domains_lock))
		return -EINTR;
	if (down_write_killable(&iopt->iova_lock)) {
		up_write(&iopt->domains_lock);
		return -EINTR;
	}
	return 0;
}

static inline void iopgt_unlock(struct io_pagetable *iopt)
{
	up_write(&iopt->iova_lock);
	up_write(&iopt->domains_lock);
}

/* io_pagetable.c */
struct iopgt_area *iopgt_covering(struct io_pagetable *iopt, unsigned long iova,
				  unsigned long last);

/*
 * Do areas claim their memory? With domains_lock held; without it the answer is a
 * guess. True where there is a domain, or is about to be one.
 */
static inline bool iopgt_claims(struct io_pagetable *iopt)
{
	return READ_ONCE(iopt->claimers);
}

/* io_domains.c */
int area_fill_domains(struct io_pagetable *iopt, struct iopgt_area *area);
void areas_empty_domains(struct io_pagetable *iopt, struct iopgt_area *areas);
void areas_unclaim(struct iopgt_area *areas);

/* iova_ranges.c */
bool iopgt_leaves(struct io_pagetable *iopt, unsigned long first,
		  unsigned long last);

/*
 * Is a part of a range being unmapped, and out of the tree? With iova_lock held.
 * False once it is out of all domains.
 */
static inline bool iopgt_is_leaving(struct io_pagetable *iopt,
				    unsigned long first, unsigned long last)
{
	/* Pairs with clear_bit_unlock(), as in iopgt_leaving() */
	return unlikely(smp_load_acquire(&iopt->leaving)) &&
	       iopgt_leaves(iopt, first, last);
}

bool iopgt_is_reserved(struct io_pagetable *iopt, unsigned long first,
		       unsigned long last);
int iopgt_find_iova(struct io_pagetable *iopt, unsigned long hint,
		    unsigned long length, unsigned long *iova);
int iopgt_reserve_node(struct io_pagetable *iopt,
		       struct iopgt_reserved *reserved, unsigned long first,
		       unsigned long last, void *owner);
int iopgt_reserve_locked(struct io_pagetable *iopt, unsigned long first,
			 unsigned long last, void *owner);
void iopgt_unreserve_locked(struct io_pagetable *iopt, void *owner);
int iopgt_raise_alignment(struct io_pagetable *iopt, unsigned long alignment);
void iopgt_update_alignment(struct io_pagetable *iopt);
void iopgt_free_ranges(struct io_pagetable *iopt);

/* io_access.c */
void iopgt_notify_accesses(struct io_pagetable *iopt, unsigned long iova,
			   unsigned long length);
#endif
