// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IOVAs of an IOVA space may be used: reserved ranges, that hardware cannot
 * or must not translate; allowed ranges, that userspace wants to be sure of; the
 * alignment; and where to put what may go anywhere.
 */
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/interval_tree.h>
#include <linux/log2.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "area.h"

/**
 * iopgt_is_reserved() - Must any IOVA of a range stay unused?
 * @iopt: IOVA space, with iova_lock held
 * @first: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: true if so.
 */
bool iopgt_is_reserved(struct io_pagetable *iopt, unsigned long first,
		       unsigned long last)
{
	return interval_tree_iter_first(&iopt->reserved, first, last);
}

/*
 * Which of io_pagetable::leaving_ranges count. A bit is cleared without iova_lock,
 * after the domains were emptied: whoever acquires it clear takes IOVAs that no IO
 * page table has any more. Their slot is written anew after it was seen clear, by
 * a relaxed set_bit(): that keeps the release it came after (litmus test: leaving IOVAs).
 */
static unsigned long iopgt_leaving(struct io_pagetable *iopt)
{
	/* Pairs with clear_bit_unlock() behind the unmapping */
	return smp_load_acquire(&iopt->leaving);
}

/**
 * iopgt_leaves() - Is a part of a range being unmapped, and out of the tree?
 * @iopt: IOVA space, with iova_lock held
 * @first: first IOVA
 * @last: last IOVA, inclusive
 *
 * For iopgt_is_leaving().
 *
 * Return: true if so; false once it is out of all domains.
 */
bool iopgt_leaves(struct io_pagetable *iopt, unsigned long first,
		  unsigned long last)
{
	unsigned long leaving = iopgt_leaving(iopt);
	unsigned int slot;

	for_each_set_bit(slot, &leaving, IOPGT_LEAVING)
		if (iopt->leaving_ranges[slot].first <= last &&
		    iopt->leaving_ranges[slot].last >= first)
			return true;
	return false;
}

/**
 * iopgt_is_taken() - Does an area have any IOVA of a range?
 * @iopt: IOVA space, with iova_lock held
 * @first: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: true if so, and while it is being mapped or unmapped.
 */
bool iopgt_is_taken(struct io_pagetable *iopt, unsigned long first,
		    unsigned long last)
{
	return gap_tree_first_in(&iopt->areas, first, last) ||
	       iopgt_is_leaving(iopt, first, last);
}

/**
 * iopgt_reserve_node() - Keep a range unused, without an allocation
 * @iopt: IOVA space, with iova_lock held for write
 * @reserved: belongs to the IOVA space until the caller takes it out
 * @first: first IOVA
 * @last: last IOVA, inclusive
 * @owner: not one of iopgt_unreserve()
 *
 * Return: 0; -EADDRINUSE where it is mapped or allowed.
 */
int iopgt_reserve_node(struct io_pagetable *iopt,
		       struct iopgt_reserved *reserved, unsigned long first,
		       unsigned long last, void *owner)
{
	lockdep_assert_held_write(&iopt->iova_lock);
	if (iopgt_is_taken(iopt, first, last) ||
	    interval_tree_iter_first(&iopt->allowed, first, last))
		return -EADDRINUSE;

	reserved->node.start = first;
	reserved->node.last = last;
	reserved->owner = owner;
	interval_tree_insert(&reserved->node, &iopt->reserved);
	return 0;
}

/**
 * iopgt_reserve_locked() - Keep a range unused
 * @iopt: IOVA space, with iova_lock held for write
 * @first: first IOVA
 * @last: last IOVA, inclusive
 * @owner: cookie for iopgt_unreserve()
 *
 * Return: 0; -EADDRINUSE where it is mapped or allowed; -ENOMEM.
 */
int iopgt_reserve_locked(struct io_pagetable *iopt, unsigned long first,
			 unsigned long last, void *owner)
{
	struct iopgt_reserved *reserved;
	int rc;

	reserved = kzalloc_obj(*reserved, GFP_KERNEL_ACCOUNT);
	if (!reserved)
		return -ENOMEM;
	rc = iopgt_reserve_node(iopt, reserved, first, last, owner);
	if (rc)
		kfree(reserved);
	return rc;
}

/**
 * iopgt_unreserve_locked() - Undo all that was reserved in a name
 * @iopt: IOVA space, with iova_lock held for write
 * @owner: cookie, or NULL for everybody's
 */
void iopgt_unreserve_locked(struct io_pagetable *iopt, void *owner)
{
	struct interval_tree_node *node, *next;

	lockdep_assert_held_write(&iopt->iova_lock);
	for (node = interval_tree_iter_first(&iopt->reserved, 0, ULONG_MAX);
	     node; node = next) {
		struct iopgt_reserved *reserved =
			container_of(node, struct iopgt_reserved, node);

		next = interval_tree_iter_next(node, 0, ULONG_MAX);
		if (!owner || reserved->owner == owner) {
			interval_tree_remove(node, &iopt->reserved);
			kfree(reserved);
		}
	}
}

/**
 * iopgt_reserve() - Keep a range unused
 * @iopt: IOVA space
 * @first: first IOVA
 * @last: last IOVA, inclusive
 * @owner: cookie for iopgt_unreserve()
 *
 * Context: may sleep. Killable.
 * Return: 0; -EADDRINUSE where it is mapped or allowed; -EINVAL where it is none;
 * -ENOMEM; -EINTR if killed.
 */
int iopgt_reserve(struct io_pagetable *iopt, unsigned long first,
		  unsigned long last, void *owner)
{
	int rc;

	if (first > last)
		return -EINVAL;
	if (down_write_killable(&iopt->iova_lock))
		return -EINTR;
	rc = iopgt_reserve_locked(iopt, first, last, owner);
	up_write(&iopt->iova_lock);
	return rc;
}

/**
 * iopgt_unreserve() - Undo all that was reserved in a name
 * @iopt: IOVA space
 * @owner: cookie, or NULL for everybody's
 */
void iopgt_unreserve(struct io_pagetable *iopt, void *owner)
{
	guard(rwsem_write)(&iopt->iova_lock);
	iopgt_unreserve_locked(iopt, owner);
}

static int iopgt_reserve_list(struct io_pagetable *iopt, struct device *dev,
			      struct list_head *regions,
			      phys_addr_t *sw_msi_start)
{
	struct iommu_resv_region *region;
	bool hw_msi = false;
	int rc;

	*sw_msi_start = PHYS_ADDR_MAX;
	list_for_each_entry(region, regions, list) {
		unsigned long last;

		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE ||
		    !region->length)
			continue;
		if (region->type == IOMMU_RESV_MSI)
			hw_msi = true;
		if (region->type == IOMMU_RESV_SW_MSI)
			*sw_msi_start = region->start;
		if (check_add_overflow((unsigned long)region->start,
				       region->length - 1, &last))
			return -EOVERFLOW;
		rc = iopgt_reserve_locked(iopt, region->start, last, dev);
		if (rc)
			return rc;
	}
	/* MSIs that the hardware lets through need no translation */
	if (hw_msi)
		*sw_msi_start = PHYS_ADDR_MAX;
	return 0;
}

/**
 * iopgt_reserve_device() - Keep what a device cannot translate unused
 * @iopt: IOVA space
 * @dev: device behind an IOMMU; the cookie for iopgt_unreserve()
 * @sw_msi_start: out: first IOVA of the window that MSI doorbells are to be mapped
 *                in, PHYS_ADDR_MAX if there is none; or NULL
 *
 * Context: may sleep. Killable.
 * Return: 0. With nothing changed: -EADDRINUSE where a reserved region of the
 * device is mapped or allowed; -EOVERFLOW; -ENOMEM; -EINTR if killed.
 */
int iopgt_reserve_device(struct io_pagetable *iopt, struct device *dev,
			 phys_addr_t *sw_msi_start)
{
	phys_addr_t sw_msi;
	LIST_HEAD(regions);
	int rc;

	if (down_write_killable(&iopt->iova_lock))
		return -EINTR;
	iommu_get_resv_regions(dev, &regions);
	rc = iopgt_reserve_list(iopt, dev, &regions, &sw_msi);
	if (rc)
		iopgt_unreserve_locked(iopt, dev);
	else if (sw_msi_start)
		*sw_msi_start = sw_msi;
	iommu_put_resv_regions(dev, &regions);
	up_write(&iopt->iova_lock);
	return rc;
}

static void allowed_free(struct rb_root_cached *allowed)
{
	struct interval_tree_node *node, *next;

	/* There may be millions: they are not taken out of the tree one by one */
	rbtree_postorder_for_each_entry_safe(node, next, &allowed->rb_root,
					     rb) {
		kfree(node);
		cond_resched();
	}
	*allowed = RB_ROOT_CACHED;
}

static int allowed_add(struct rb_root_cached *allowed, u64 first, u64 last)
{
	struct interval_tree_node *node;

	if (first > last)
		return -EINVAL;
	if (last > ULONG_MAX)
		return -EOVERFLOW;
	if (interval_tree_iter_first(allowed, first, last))
		return -EINVAL;

	node = kzalloc_obj(*node, GFP_KERNEL_ACCOUNT);
	if (!node)
		return -ENOMEM;
	node->start = first;
	node->last = last;
	interval_tree_insert(node, allowed);
	return 0;
}

/* There are few reserved ranges, and there may be millions of allowed ones */
static bool iopgt_reserves_any(struct io_pagetable *iopt,
			       struct rb_root_cached *allowed)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(&iopt->reserved, 0, ULONG_MAX);
	     node; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		if (interval_tree_iter_first(allowed, node->start, node->last))
			return true;
	return false;
}

static int iopgt_swap_allowed(struct io_pagetable *iopt,
			      struct rb_root_cached *allowed)
{
	int rc = 0;

	if (down_write_killable(&iopt->iova_lock))
		return -EINTR;
	if (iopgt_reserves_any(iopt, allowed))
		rc = -EADDRINUSE;
	else
		swap(*allowed, iopt->allowed);
	up_write(&iopt->iova_lock);
	return rc;
}

/**
 * iopgt_set_allowed() - Say which IOVAs must not be reserved later
 * @iopt: IOVA space
 * @ranges: disjoint ranges
 * @num_ranges: how many; with 0 any IOVA may be reserved, and automatic IOVAs come
 *              from anywhere
 *
 * Context: may sleep. Killable. The IOVA space is only locked for the exchange.
 * Return: 0. With nothing changed: -EADDRINUSE where a range is reserved already;
 * -EINVAL where a range is empty, or two overlap; -EOVERFLOW; -ENOMEM; -EINTR if
 * killed.
 */
int iopgt_set_allowed(struct io_pagetable *iopt,
		      const struct iommu_iova_range *ranges, u32 num_ranges)
{
	struct rb_root_cached allowed = RB_ROOT_CACHED;
	int rc = 0;

	for (u32 i = 0; i != num_ranges && !rc; i++) {
		rc = allowed_add(&allowed, ranges[i].start, ranges[i].last);
		if (!rc)
			rc = areas_breathe();
	}
	if (!rc)
		rc = iopgt_swap_allowed(iopt, &allowed);
	/* The former ranges, or those that are refused */
	allowed_free(&allowed);
	return rc;
}

/**
 * iopgt_free_ranges() - Forget what is allowed, and what is reserved
 * @iopt: IOVA space that nobody else uses
 *
 * Context: may sleep.
 */
void iopgt_free_ranges(struct io_pagetable *iopt)
{
	allowed_free(&iopt->allowed);
	iopgt_unreserve(iopt, NULL);
}

/**
 * iopgt_usable_ranges() - The IOVAs that are not reserved
 * @iopt: IOVA space
 * @ranges: filled in as far as there is room, from the lowest
 * @max_ranges: how many there is room for
 * @num_ranges: out: how many there are, also where that is more than @max_ranges
 * @alignment: out: what IOVAs and lengths must be multiples of, in bytes
 *
 * Context: may sleep. Killable.
 * Return: 0, or -EINTR if killed.
 */
int iopgt_usable_ranges(struct io_pagetable *iopt,
			struct iommu_iova_range *ranges, u32 max_ranges,
			u32 *num_ranges, unsigned long *alignment)
{
	struct interval_tree_span_iter span;
	u32 num = 0;

	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	*alignment = iopt->alignment;
	interval_tree_for_each_span(&span, &iopt->reserved, 0, ULONG_MAX) {
		if (!span.is_hole)
			continue;
		if (num < max_ranges)
			ranges[num] = (struct iommu_iova_range){
				.start = span.start_hole,
				.last = span.last_hole,
			};
		num++;
	}
	up_read(&iopt->iova_lock);
	*num_ranges = num;
	return 0;
}

/*
 * Nobody gets these without asking for them: drivers and userspace know values
 * near ULONG_MAX as errors (DMA_MAPPING_ERROR), and ends that wrap as bugs.
 */
#define HIGHEST_AUTO_IOVA	(ULONG_MAX - SZ_64K)

/* Userspace takes IOVA 0 for none at all, and computes an end from the last one */
#define LOWEST_ALLOWED_IOVA	1UL
#define HIGHEST_ALLOWED_IOVA	(ULONG_MAX - PAGE_SIZE)

static bool find_in_window(struct io_pagetable *iopt,
			   struct gap_request *request, unsigned long first,
			   unsigned long last, unsigned long *iova)
{
	request->lowest = max(first, LOWEST_ALLOWED_IOVA);
	request->highest = min(last, HIGHEST_ALLOWED_IOVA);
	return request->lowest <= request->highest &&
	       gap_tree_find_gap(&iopt->areas, request, iova);
}

/* An IOVA is congruent to the memory's address modulo this at the most */
#define IOVA_MAX_ALIGN							\
	iommufd_threshold(iova_max_align, (unsigned long)SZ_1G)

/* 0, -ENOSPC, or -EINTR: userspace can make as many windows as it can pay for */
static int find_in_windows(struct io_pagetable *iopt,
			   struct gap_request *request, unsigned long *iova)
{
	struct interval_tree_span_iter span;
	struct interval_tree_node *node;
	int rc;

	/* Allowed ranges never are reserved */
	node = interval_tree_iter_first(&iopt->allowed, 0, ULONG_MAX);
	if (node) {
		for (; node;
		     node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
			if (find_in_window(iopt, request, node->start,
					   node->last, iova))
				return 0;
			rc = areas_breathe();
			if (rc)
				return rc;
		}
		return -ENOSPC;
	}

	interval_tree_for_each_span(&span, &iopt->reserved, 0,
				    HIGHEST_AUTO_IOVA)
		if (span.is_hole &&
		    find_in_window(iopt, request, span.start_hole,
				   span.last_hole, iova))
			return 0;
	return -ENOSPC;
}

static int find_iova(struct io_pagetable *iopt, unsigned long hint,
		     unsigned long length, unsigned long *iova)
{
	struct gap_request request = {
		.length = length,
		/* Three pages at a boundary of four can be part of such a page */
		.align = roundup_pow_of_two(clamp(length, PAGE_SIZE,
						  IOVA_MAX_ALIGN)),
		.grain = iopt->alignment,
	};
	int rc;

	request.offset = hint & (request.align - 1);
	rc = find_in_windows(iopt, &request, iova);
	if (rc != -ENOSPC)
		return rc;
	request.align = PAGE_SIZE;
	request.offset = offset_in_page(hint);
	rc = find_in_windows(iopt, &request, iova);
	if (rc != -ENOSPC)
		return rc;
	/* The last resort must not miss any place */
	request.align = iopt->alignment;
	request.offset = 0;
	return find_in_windows(iopt, &request, iova);
}

/**
 * iopgt_find_iova() - Find the lowest place for an area
 * @iopt: IOVA space, with iova_lock held for write
 * @hint: address of the memory: an IOVA that is congruent to it, modulo the length
 *        rounded up to a power of two, is looked for, so that large pages can be
 *        used
 * @length: bytes, a multiple of the alignment
 * @iova: out: the first IOVA
 *
 * Never IOVA 0, nor one of the last page.
 *
 * Return: 0; -ENOSPC where it fits nowhere; -EINTR if killed.
 */
int iopgt_find_iova(struct io_pagetable *iopt, unsigned long hint,
		    unsigned long length, unsigned long *iova)
{
	struct gap_node nodes[IOPGT_LEAVING_MAX] __uninitialized;
	unsigned long leaving = iopgt_leaving(iopt);
	unsigned int slot;
	int rc;

	/* What is leaving takes its place once more, for as long as this looks */
	for_each_set_bit(slot, &leaving, IOPGT_LEAVING) {
		nodes[slot].first = iopt->leaving_ranges[slot].first;
		nodes[slot].last = iopt->leaving_ranges[slot].last;
		/* Cannot overlap: nobody else has got the place */
		gap_tree_insert(&iopt->areas, &nodes[slot]);
	}
	rc = find_iova(iopt, hint, length, iova);
	for_each_set_bit(slot, &leaving, IOPGT_LEAVING)
		gap_tree_erase(&iopt->areas, &nodes[slot]);
	return rc;
}

/**
 * iopgt_raise_alignment() - Ask for an alignment, where it is less
 * @iopt: IOVA space, with iova_lock held for write
 * @alignment: power of two, in bytes
 *
 * Return: 0; -EADDRINUSE where an area is not aligned so; -EINVAL where it is more
 * than PAGE_SIZE.
 */
int iopgt_raise_alignment(struct io_pagetable *iopt, unsigned long alignment)
{
	struct iopgt_area *area;

	lockdep_assert_held_write(&iopt->iova_lock);
	if (alignment > PAGE_SIZE)
		return -EINVAL;
	if (alignment <= iopt->alignment)
		return 0;
	for_each_area(area, iopt)
		if ((area->node.first | area_length(area) | area->start) &
		    (alignment - 1))
			return -EADDRINUSE;
	iopt->alignment = alignment;
	return 0;
}

/**
 * iopgt_update_alignment() - Ask for no more alignment than must be
 * @iopt: IOVA space, with domains_lock and iova_lock held for write
 */
void iopgt_update_alignment(struct io_pagetable *iopt)
{
	unsigned long alignment = iopt->split_to_pages ? PAGE_SIZE : 1;
	struct iopgt_access *access;
	struct iopgt_domain *member;

	lockdep_assert_held_write(&iopt->domains_lock);
	lockdep_assert_held_write(&iopt->iova_lock);
	list_for_each_entry(member, &iopt->domains, link) {
		/* It never is more than it was; and HWPTs may be many */
		if (alignment >= iopt->alignment)
			break;
		alignment = max(alignment,
				1UL << __ffs(member->domain->pgsize_bitmap));
	}
	list_for_each_entry(access, &iopt->accesses, link)
		alignment = max(alignment, access->alignment);
	iopt->alignment = alignment;
}

/**
 * iopgt_set_huge_pages() - IOMMU_OPTION_HUGE_PAGES
 * @iopt: IOVA space
 * @enable: let contiguous pages be combined, else map all by PAGE_SIZE
 *
 * What is mapped into domains already stays as it is.
 *
 * Context: may sleep. Killable.
 * Return: 0; -EADDRINUSE where an area is not aligned to PAGE_SIZE; -EINVAL where
 * it would change how areas are to be unmapped from domains; -EINTR if killed.
 */
int iopgt_set_huge_pages(struct io_pagetable *iopt, bool enable)
{
	int rc;

	rc = iopgt_lock_killable(iopt);
	if (rc)
		return rc;
	if (enable == !iopt->split_to_pages)
		goto unlock;
	if (!enable) {
		rc = -EINVAL;
		if (!list_empty(&iopt->domains) && !gap_tree_empty(&iopt->areas))
			goto unlock;
		rc = iopgt_raise_alignment(iopt, PAGE_SIZE);
		if (rc)
			goto unlock;
	}
	WRITE_ONCE(iopt->split_to_pages, !enable);
	iopgt_update_alignment(iopt);
unlock:
	iopgt_unlock(iopt);
	return rc;
}

/**
 * iopgt_huge_pages() - Are contiguous pages combined?
 * @iopt: IOVA space
 *
 * Return: true if so.
 */
bool iopgt_huge_pages(struct io_pagetable *iopt)
{
	/* A lock would make it no younger */
	return !READ_ONCE(iopt->split_to_pages);
}
