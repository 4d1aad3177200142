// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domains of an IOVA space: each has all areas mapped into it from the
 * moment it is added until it is removed. An area claims its memory once, while
 * there is any domain. Also their dirty tracking.
 */
#include <linux/cleanup.h>
#include <linux/iova_bitmap.h>
#include <uapi/linux/iommufd.h>

#include "area.h"

/* Is it out of @domain? */
static bool area_empty_domain(struct io_pagetable *iopt,
			      struct iopgt_area *area,
			      struct iommu_domain *domain,
			      struct iommu_iotlb_gather *gather)
{
	struct pages_mapping map = area_mapping(area, iopt);

	pages_empty(area->pages, &map, domain, gather);
	return likely(!map.stuck);
}

/**
 * areas_empty_domains() - Take areas out of every domain, and unpin them
 * @iopt: IOVA space
 * @areas: list of areas that area_fill_domains() filled
 *
 * Each domain's IOTLB is flushed once; only then is any memory given back. What an
 * IOMMU driver leaves in its domain stays pinned, and the area is marked as stuck.
 *
 * Context: may sleep, domains_lock held. Does not allocate, cannot fail.
 */
void areas_empty_domains(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	struct iommu_iotlb_gather gather __uninitialized;
	struct iopgt_domain *member;
	struct iopgt_area *area;

	lockdep_assert_held(&iopt->domains_lock);
	if (list_empty(&iopt->domains))
		return;

	list_for_each_entry(member, &iopt->domains, link) {
		iommu_iotlb_gather_init(&gather);
		for (area = areas; area; area = area->next) {
			if (!area_empty_domain(iopt, area, member->domain,
					       &gather))
				area->stuck = true;
			cond_resched();
		}
		iommu_iotlb_sync(member->domain, &gather);
	}
	for (area = areas; area; area = area->next) {
		pages_unclaim(area->pages, area->start, area_length(area));
		cond_resched();
	}
}

/**
 * area_fill_domains() - Pin an area, and map it into every domain
 * @iopt: IOVA space
 * @area: area that is not live
 *
 * Context: may sleep, domains_lock held. Killable.
 * Return: 0, or an errno of pages_claim_fill() with nothing mapped and nothing
 * pinned, unless the area is stuck. Without domains there is nothing to do.
 */
int area_fill_domains(struct io_pagetable *iopt, struct iopgt_area *area)
{
	struct pages_mapping map = area_mapping(area, iopt);
	struct iommu_iotlb_gather gather;
	struct iopgt_domain *member;
	int rc;

	lockdep_assert_held(&iopt->domains_lock);
	if (list_empty(&iopt->domains))
		return 0;

	member = list_first_entry(&iopt->domains, struct iopgt_domain, link);
	rc = pages_claim_fill(area->pages, &map, member->domain);
	if (rc) {
		area->stuck = map.stuck;
		return rc;
	}
	list_for_each_entry_continue(member, &iopt->domains, link) {
		rc = pages_fill(area->pages, &map, member->domain);
		if (rc)
			goto undo;
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(member, &iopt->domains, link) {
		iommu_iotlb_gather_init(&gather);
		pages_empty(area->pages, &map, member->domain, &gather);
		iommu_iotlb_sync(member->domain, &gather);
	}
	pages_unclaim(area->pages, map.start, map.length);
	area->stuck = map.stuck;
	return rc;
}

/*
 * The areas before @end, or all: out of @domain, and unpinned if it is the last.
 * They stay areas: what the driver leaves in this domain, which nobody fills any
 * more, costs its memory, not its IOVAs.
 */
static void domain_empty_areas(struct io_pagetable *iopt,
			       struct iommu_domain *domain,
			       struct iopgt_area *end, bool last)
{
	struct iommu_iotlb_gather gather;
	struct iopgt_area *area;

	iommu_iotlb_gather_init(&gather);
	for_each_area(area, iopt) {
		if (area == end)
			break;
		if (area->state == AREA_STUCK)
			continue;
		area_empty_domain(iopt, area, domain, &gather);
		cond_resched();
	}
	iommu_iotlb_sync(domain, &gather);
	if (!last)
		return;

	for_each_area(area, iopt) {
		if (area == end)
			break;
		if (area->state == AREA_STUCK)
			continue;
		pages_unclaim(area->pages, area->start, area_length(area));
		cond_resched();
	}
}

static int domain_fill_area(struct io_pagetable *iopt, struct iopgt_area *area,
			    struct iommu_domain *domain, bool first)
{
	struct pages_mapping map = area_mapping(area, iopt);

	return first ? pages_claim_fill(area->pages, &map, domain) :
		       pages_fill(area->pages, &map, domain);
}

static int domain_fill_areas(struct io_pagetable *iopt,
			     struct iommu_domain *domain)
{
	bool first = list_empty(&iopt->domains);
	struct iopgt_area *area;
	int rc;

	for_each_area(area, iopt) {
		if (area->state == AREA_STUCK)
			continue;
		rc = areas_breathe();
		if (!rc)
			rc = domain_fill_area(iopt, area, domain, first);
		if (rc) {
			domain_empty_areas(iopt, domain, area, first);
			return rc;
		}
	}
	return 0;
}

static void domain_unreserve(struct io_pagetable *iopt,
			     struct iopgt_domain *member)
{
	if (member->below.owner)
		interval_tree_remove(&member->below.node, &iopt->reserved);
	if (member->above.owner)
		interval_tree_remove(&member->above.node, &iopt->reserved);
	member->below.owner = NULL;
	member->above.owner = NULL;
}

/* What the domain cannot translate is reserved, in its name */
static int domain_reserve(struct io_pagetable *iopt,
			  struct iopgt_domain *member)
{
	const struct iommu_domain_geometry *geometry =
		&member->domain->geometry;
	int rc = 0;

	member->below.owner = NULL;
	member->above.owner = NULL;
	if (!geometry->force_aperture)
		return 0;
	if (geometry->aperture_start)
		rc = iopgt_reserve_node(iopt, &member->below, 0,
					geometry->aperture_start - 1, member);
	if (!rc && geometry->aperture_end < ULONG_MAX)
		rc = iopgt_reserve_node(iopt, &member->above,
					geometry->aperture_end + 1, ULONG_MAX,
					member);
	return rc;
}

/**
 * iopgt_add_domain() - Have a domain show all areas, from now on
 * @iopt: IOVA space
 * @member: names the domain; belongs to the IOVA space until it is removed
 *
 * Context: may sleep. Killable.
 * Return: 0. With nothing changed: -EADDRINUSE where an area, or an allowed range,
 * is outside of what the domain translates, or not aligned as it needs; -EINVAL
 * for a domain with pages of more than PAGE_SIZE; an errno of pages_claim_fill().
 */
int iopgt_add_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	struct iommu_domain *domain = member->domain;
	int rc;

	guard(rwsem_write)(&iopt->domains_lock);
	guard(rwsem_write)(&iopt->iova_lock);
	rc = iopgt_raise_alignment(iopt, 1UL << __ffs(domain->pgsize_bitmap));
	if (rc)
		return rc;
	rc = domain_reserve(iopt, member);
	if (rc)
		goto undo;
	rc = domain_fill_areas(iopt, domain);
	if (rc)
		goto undo;
	list_add_tail(&member->link, &iopt->domains);
	return 0;

undo:
	domain_unreserve(iopt, member);
	iopgt_update_alignment(iopt);
	return rc;
}

/**
 * iopgt_remove_domain() - Take all areas out of a domain
 * @iopt: IOVA space
 * @member: as it was added; no device uses the domain any more
 *
 * Context: may sleep.
 */
void iopgt_remove_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	guard(rwsem_write)(&iopt->domains_lock);
	guard(rwsem_write)(&iopt->iova_lock);
	list_del(&member->link);
	domain_empty_areas(iopt, member->domain, NULL,
			   list_empty(&iopt->domains));
	domain_unreserve(iopt, member);
	iopgt_update_alignment(iopt);
}

/*
 * Dirty bits may be touched only while nobody else changes the range. What is
 * being mapped or unmapped belongs to another thread; MMIO can be taken out by
 * its exporter at any time, under no lock of this layer, and is not migrated.
 */
static bool area_tracks_dirty(const struct iopgt_area *area)
{
	return area_is_live(area) && area->pages->type != PAGES_DMABUF;
}

/* Forget what was dirty before: without a bitmap, bits are only cleared */
static int domain_clear_dirty(struct io_pagetable *iopt,
			      struct iommu_domain *domain)
{
	struct iommu_iotlb_gather gather;
	struct iommu_dirty_bitmap dirty = { .gather = &gather };
	struct iopgt_area *area;
	int rc = 0;

	iommu_iotlb_gather_init(&gather);
	for_each_area(area, iopt) {
		if (!area_tracks_dirty(area))
			continue;
		rc = domain->dirty_ops->read_and_clear_dirty(domain,
							     area->node.first,
							     area_length(area),
							     0, &dirty);
		if (!rc)
			rc = areas_breathe();
		if (rc)
			break;
	}
	iommu_iotlb_sync(domain, &gather);
	return rc;
}

/**
 * iopgt_set_dirty_tracking() - Begin or end tracking what devices write to
 * @iopt: IOVA space
 * @domain: a domain of it that can track
 * @enable: begin; what was written to until now does not count
 *
 * Context: may sleep. Killable.
 * Return: 0, -EINTR if killed, or an errno of the IOMMU driver.
 */
int iopgt_set_dirty_tracking(struct io_pagetable *iopt,
			     struct iommu_domain *domain, bool enable)
{
	int rc;

	guard(rwsem_read)(&iopt->domains_lock);
	guard(rwsem_read)(&iopt->iova_lock);
	if (enable) {
		rc = domain_clear_dirty(iopt, domain);
		if (rc)
			return rc;
	}
	return domain->dirty_ops->set_dirty_tracking(domain, enable);
}

/**
 * struct dirty_read - what a read of dirty bits goes on with
 * @iopt: IOVA space
 * @domain: the domain
 * @flags: IOMMU_DIRTY_*
 * @dirty: where the bits go, and the flush that is due
 */
struct dirty_read {
	struct io_pagetable *iopt;
	struct iommu_domain *domain;
	unsigned long flags;
	struct iommu_dirty_bitmap dirty;
};

static int dirty_read_areas(struct dirty_read *read, unsigned long iova,
			    unsigned long last)
{
	const struct iommu_dirty_ops *ops = read->domain->dirty_ops;
	struct iopgt_area *area;
	int rc;

	for_each_area_in(area, read->iopt, iova, last) {
		unsigned long from = max(iova, area->node.first);
		unsigned long to = min(last, area->node.last);

		if (!area_tracks_dirty(area))
			continue;
		rc = ops->read_and_clear_dirty(read->domain, from,
					       to - from + 1, read->flags,
					       &read->dirty);
		if (!rc)
			rc = areas_breathe();
		if (rc)
			return rc;
	}
	/* There may be many windows without any */
	return areas_breathe();
}

static int dirty_lock(struct io_pagetable *iopt)
{
	if (down_read_killable(&iopt->domains_lock))
		return -EINTR;
	if (down_read_killable(&iopt->iova_lock)) {
		up_read(&iopt->domains_lock);
		return -EINTR;
	}
	return 0;
}

static void dirty_unlock(struct io_pagetable *iopt)
{
	up_read(&iopt->iova_lock);
	up_read(&iopt->domains_lock);
}

/* Nobody waits while the bits of the window go to user memory, which may fault */
static int dirty_read_window(struct iova_bitmap *bitmap, unsigned long iova,
			     size_t length, void *opaque)
{
	struct dirty_read *read = opaque;
	int rc;

	rc = dirty_lock(read->iopt);
	if (rc)
		return rc;
	rc = dirty_read_areas(read, iova, iova + length - 1);
	dirty_unlock(read->iopt);
	return rc;
}

static int dirty_check_range(struct io_pagetable *iopt,
			     const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	u64 last;

	if (!is_power_of_2(cmd->page_size) || cmd->length < cmd->page_size)
		return -EINVAL;
	if (check_add_overflow(cmd->iova, cmd->length - 1, &last) ||
	    last > ULONG_MAX)
		return -EOVERFLOW;
	if ((cmd->iova | cmd->length) & (iopt->alignment - 1))
		return -EINVAL;
	return 0;
}

/**
 * iopgt_read_dirty() - Report what devices have written to
 * @iopt: IOVA space
 * @domain: a domain of it that tracks
 * @flags: IOMMU_DIRTY_NO_CLEAR or 0
 * @cmd: the range, and userspace's bitmap (IOMMU_HWPT_GET_DIRTY_BITMAP)
 *
 * Where nothing is mapped, nothing is dirty. Mappings may come and go between two
 * windows of iova_bitmap_for_each().
 *
 * Context: may sleep; touches user memory, under no lock. Killable. The caller
 * keeps @domain in @iopt.
 * Return: 0; -EINVAL where the range is not aligned, or is shorter than a bit
 * stands for, or where page_size is not a power of two; -EOVERFLOW; -EFAULT for
 * the bitmap; -ENOMEM; -EINTR if killed; an errno of the IOMMU driver.
 */
int iopgt_read_dirty(struct io_pagetable *iopt, struct iommu_domain *domain,
		     unsigned long flags,
		     const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	struct iommu_iotlb_gather gather;
	struct dirty_read read = { .iopt = iopt, .domain = domain,
				   .flags = flags };
	struct iova_bitmap *bitmap;
	int rc;

	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	rc = dirty_check_range(iopt, cmd);
	up_read(&iopt->iova_lock);
	if (rc)
		return rc;

	bitmap = iova_bitmap_alloc(cmd->iova, cmd->length, cmd->page_size,
				   u64_to_user_ptr(cmd->data));
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	iommu_dirty_bitmap_init(&read.dirty, bitmap, &gather);
	rc = iova_bitmap_for_each(bitmap, &read, dirty_read_window);
	if (!(flags & IOMMU_DIRTY_NO_CLEAR))
		iommu_iotlb_sync(domain, &gather);
	iova_bitmap_free(bitmap);
	return rc;
}
