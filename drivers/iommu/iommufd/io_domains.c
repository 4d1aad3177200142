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

static void iopgt_add_claimer(struct io_pagetable *iopt)
{
	lockdep_assert_held_write(&iopt->domains_lock);
	WRITE_ONCE(iopt->claimers, iopt->claimers + 1);
}

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
 * areas_empty_domains() - Take areas out of every domain
 * @iopt: IOVA space
 * @areas: list of areas that area_fill_domains() filled
 *
 * Each domain's IOTLB is flushed once: areas_unclaim() may follow. What an IOMMU
 * driver leaves in its domain stays pinned, and the area is marked as stuck.
 *
 * Context: may sleep, domains_lock held. Does not allocate, cannot fail.
 */
void areas_empty_domains(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	struct iommu_iotlb_gather gather __uninitialized;
	struct iopgt_domain *member;
	struct iopgt_area *area;

	lockdep_assert_held(&iopt->domains_lock);
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
}

static void area_unclaim(struct iopgt_area *area)
{
	if (!area->claimed)
		return;
	area->claimed = false;
	pages_unclaim(area->pages, area->start, area_length(area));
}

/**
 * areas_unclaim() - Give back what areas have pinned
 * @areas: list of areas of the caller's, that no domain has
 *
 * Context: may sleep. Does not allocate, cannot fail.
 */
void areas_unclaim(struct iopgt_area *areas)
{
	for (; areas; areas = areas->next) {
		area_unclaim(areas);
		cond_resched();
	}
}

static int area_claim(struct iopgt_area *area)
{
	int rc = pages_claim(area->pages, area->start, area_length(area));

	area->claimed = !rc;
	return rc;
}

/**
 * area_fill_domains() - Map an area into every domain
 * @iopt: IOVA space
 * @area: area that is not live; it has a claim if area_is_slow(), else gets one
 *
 * Context: may sleep, domains_lock held. Killable.
 * Return: 0, or an errno of pages_claim() or pages_fill() with nothing mapped,
 * unless the area is stuck. The claim stays. Without domains there is nothing to do.
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
	if (!area->claimed) {
		rc = area_claim(area);
		if (rc)
			return rc;
	}
	list_for_each_entry(member, &iopt->domains, link) {
		rc = pages_fill(area->pages, &map, member->domain);
		if (rc)
			goto undo;
		if (!list_is_last(&member->link, &iopt->domains)) {
			rc = areas_breathe();
			if (rc) {
				member = list_next_entry(member, link);
				goto undo;
			}
		}
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(member, &iopt->domains, link) {
		iommu_iotlb_gather_init(&gather);
		pages_empty(area->pages, &map, member->domain, &gather);
		iommu_iotlb_sync(member->domain, &gather);
	}
	area->stuck = map.stuck;
	return rc;
}

/*
 * The areas before @end, or all: out of @domain. They stay areas: what the driver
 * leaves in this domain, which nobody fills any more, costs its memory, not its
 * IOVAs.
 */
static void domain_empty_areas(struct io_pagetable *iopt,
			       struct iommu_domain *domain,
			       struct iopgt_area *end)
{
	struct iommu_iotlb_gather gather;
	struct iopgt_area *area;

	iommu_iotlb_gather_init(&gather);
	for_each_area(area, iopt) {
		if (area == end)
			break;
		if (!area_is_live(area))
			continue;
		area_empty_domain(iopt, area, domain, &gather);
		cond_resched();
	}
	iommu_iotlb_sync(domain, &gather);
}

/* Nothing but this thread claims or unclaims for areas that are live */
static void iopgt_assert_areas_held(struct io_pagetable *iopt)
{
	lockdep_assert_held_write(&iopt->domains_lock);
	lockdep_assert_held(&iopt->iova_lock);
}

/* The last one has the areas' claims given back */
static void iopgt_drop_claimer(struct io_pagetable *iopt)
{
	struct iopgt_area *area;

	iopgt_assert_areas_held(iopt);
	WRITE_ONCE(iopt->claimers, iopt->claimers - 1);
	if (iopt->claimers)
		return;
	for_each_area(area, iopt) {
		if (area_is_live(area))
			area_unclaim(area);
		cond_resched();
	}
}

static int domain_fill_area(struct io_pagetable *iopt, struct iopgt_area *area,
			    struct iommu_domain *domain)
{
	struct pages_mapping map = area_mapping(area, iopt);
	int rc;

	if (!area->claimed) {
		rc = area_claim(area);
		if (rc)
			return rc;
	}
	return pages_fill(area->pages, &map, domain);
}

static int domain_fill_areas(struct io_pagetable *iopt,
			     struct iommu_domain *domain)
{
	struct iopgt_area *area;
	int rc;

	for_each_area(area, iopt) {
		if (!area_is_live(area))
			continue;
		rc = areas_breathe();
		if (!rc)
			rc = domain_fill_area(iopt, area, domain);
		if (rc) {
			domain_empty_areas(iopt, domain, area);
			return rc;
		}
	}
	return 0;
}

/* Has all memory been claimed that is not to be claimed under locks? */
static bool iopgt_is_prepared(struct io_pagetable *iopt)
{
	struct iopgt_area *area;

	iopgt_assert_areas_held(iopt);
	if (!list_empty(&iopt->domains))
		return true;
	for_each_area(area, iopt) {
		if (area_is_live(area) && area_is_slow(area) && !area->claimed)
			return false;
		cond_resched();
	}
	return true;
}

/**
 * struct area_wanted - an area that is to claim its memory
 * @iova: its first IOVA
 * @pages: its memory, referenced
 * @start: first byte in @pages
 * @length: bytes
 */
struct area_wanted {
	unsigned long iova;
	struct iommufd_pages *pages;
	unsigned long start;
	unsigned long length;
};

/* The first one from @iova on; -ENOENT where there is none */
static int iopgt_find_unclaimed(struct io_pagetable *iopt, unsigned long iova,
				struct area_wanted *wanted)
{
	struct iopgt_area *area;
	int rc = -ENOENT;

	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	for_each_area_in(area, iopt, iova, ULONG_MAX) {
		if (area_is_live(area) && area_is_slow(area) &&
		    !area->claimed) {
			wanted->iova = area->node.first;
			wanted->pages = pages_get(area->pages);
			wanted->start = area->start;
			wanted->length = area_length(area);
			rc = 0;
			break;
		}
		rc = areas_breathe() ?: -ENOENT;
		if (rc != -ENOENT)
			break;
	}
	up_read(&iopt->iova_lock);
	return rc;
}

/* The area, if it is still there and without a claim. With iova_lock held. */
static struct iopgt_area *iopgt_find_wanted(struct io_pagetable *iopt,
					    const struct area_wanted *wanted)
{
	struct iopgt_area *area = area_first_in(iopt, wanted->iova,
						wanted->iova);

	if (!area || !area_is_live(area) || area->claimed ||
	    area->node.first != wanted->iova || area->pages != wanted->pages ||
	    area->start != wanted->start ||
	    area_length(area) != wanted->length)
		return NULL;
	return area;
}

static bool iopgt_is_wanted(struct io_pagetable *iopt,
			    const struct area_wanted *wanted)
{
	bool wants;

	/* Any failure will do for who is killed */
	if (down_read_killable(&iopt->iova_lock))
		return true;
	wants = iopgt_find_wanted(iopt, wanted);
	up_read(&iopt->iova_lock);
	return wants;
}

/* Give a claim to the area that it was taken for, if that is still there */
static bool iopgt_give_claim(struct io_pagetable *iopt,
			     const struct area_wanted *wanted)
{
	struct iopgt_area *area;

	/* Who looks once more sees that it is killed */
	if (down_write_killable(&iopt->iova_lock))
		return false;
	area = iopgt_find_wanted(iopt, wanted);
	if (area)
		area->claimed = true;
	up_write(&iopt->iova_lock);
	return area;
}

/* Unmapped, cut, or claimed by another meanwhile: that is no failure, look once more */
static int iopgt_claim_wanted(struct io_pagetable *iopt,
			      const struct area_wanted *wanted)
{
	int rc = pages_claim(wanted->pages, wanted->start, wanted->length);

	if (rc)
		return iopgt_is_wanted(iopt, wanted) ? rc : 0;
	if (!iopgt_give_claim(iopt, wanted))
		pages_unclaim(wanted->pages, wanted->start, wanted->length);
	return 0;
}

/* The areas that were live before iopgt_claims() was true */
static int iopgt_claim_live(struct io_pagetable *iopt)
{
	struct area_wanted wanted = {};
	int rc;

	while (!(rc = iopgt_find_unclaimed(iopt, wanted.iova, &wanted))) {
		rc = iopgt_claim_wanted(iopt, &wanted);
		pages_put(wanted.pages);
		if (!rc)
			rc = areas_breathe();
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/*
 * What another call hid in vain, to unmap it, is live again, and was not seen. That
 * call has domains_lock for so long. -EAGAIN where there is such an area.
 */
static int iopgt_check_prepared(struct io_pagetable *iopt)
{
	int rc;

	rc = iopgt_lock_killable(iopt);
	if (rc)
		return rc;
	rc = iopgt_is_prepared(iopt) ? 0 : -EAGAIN;
	iopgt_unlock(iopt);
	return rc;
}

/**
 * iopgt_prepare() - Pin what a first domain is going to need
 * @iopt: IOVA space
 *
 * After that iopgt_add_domain() does not answer -EAGAIN until iopgt_unprepare().
 * What is mapped meanwhile is pinned, too.
 *
 * Context: may sleep, for as long as userspace likes: no lock may be held that
 * others wait for. Killable.
 * Return: 0, or an errno of pages_claim() with nothing changed.
 */
int iopgt_prepare(struct io_pagetable *iopt)
{
	int rc;

	/* Whoever maps without a claim has the lock until the area is live */
	if (down_write_killable(&iopt->domains_lock))
		return -EINTR;
	iopgt_add_claimer(iopt);
	up_write(&iopt->domains_lock);
	for (;;) {
		rc = iopgt_claim_live(iopt);
		if (rc)
			break;
		rc = iopgt_check_prepared(iopt);
		if (rc != -EAGAIN)
			break;
	}
	if (rc)
		iopgt_unprepare(iopt);
	return rc;
}

/**
 * iopgt_unprepare() - Undo iopgt_prepare()
 * @iopt: IOVA space
 *
 * What domains have needed since stays pinned.
 *
 * Context: may sleep.
 */
void iopgt_unprepare(struct io_pagetable *iopt)
{
	guard(rwsem_write)(&iopt->domains_lock);
	guard(rwsem_read)(&iopt->iova_lock);
	iopgt_drop_claimer(iopt);
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

static int iopgt_reserve_domain(struct io_pagetable *iopt,
				struct iopgt_domain *member)
{
	int rc;

	rc = iopgt_raise_alignment(iopt,
				   1UL << __ffs(member->domain->pgsize_bitmap));
	return rc ?: domain_reserve(iopt, member);
}

static void iopgt_unreserve_domain(struct io_pagetable *iopt,
				   struct iopgt_domain *member)
{
	domain_unreserve(iopt, member);
	iopgt_update_alignment(iopt);
}

static int iopgt_fill_domain(struct io_pagetable *iopt,
			     struct iopgt_domain *member)
{
	int rc;

	iopgt_assert_areas_held(iopt);
	iopgt_add_claimer(iopt);
	rc = domain_fill_areas(iopt, member->domain);
	if (rc)
		iopgt_drop_claimer(iopt);
	else
		list_add_tail(&member->link, &iopt->domains);
	return rc;
}

/**
 * iopgt_add_domain() - Have a domain show all areas, from now on
 * @iopt: IOVA space
 * @member: names the domain; belongs to the IOVA space until it is removed
 *
 * Context: may sleep; userspace cannot keep it from going on. Killable.
 * Return: 0. With nothing changed: -EAGAIN where memory is not pinned yet, as it
 * is the first domain: the caller is to drop its locks for iopgt_prepare(), and
 * try again; -EADDRINUSE where an area, or an allowed range, is outside of what the
 * domain translates, or not aligned as it needs; -EINVAL for a domain with pages
 * of more than PAGE_SIZE; -EINTR if killed; an errno of pages_claim() or
 * pages_fill().
 */
int iopgt_add_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	int rc;

	member->below.owner = NULL;
	member->above.owner = NULL;
	rc = iopgt_lock_killable(iopt);
	if (rc)
		return rc;
	rc = iopgt_reserve_domain(iopt, member);
	if (!rc && !iopgt_is_prepared(iopt))
		rc = -EAGAIN;
	/* With the lock still held: whoever undoes cannot be killed waiting for it */
	if (rc) {
		iopgt_unreserve_domain(iopt, member);
		iopgt_unlock(iopt);
		return rc;
	}
	downgrade_write(&iopt->iova_lock);
	rc = iopgt_fill_domain(iopt, member);
	up_read(&iopt->iova_lock);
	if (rc) {
		guard(rwsem_write)(&iopt->iova_lock);
		iopgt_unreserve_domain(iopt, member);
	}
	up_write(&iopt->domains_lock);
	return rc;
}

/**
 * iopgt_remove_domain() - Take all areas out of a domain
 * @iopt: IOVA space
 * @member: as it was added; no device uses the domain any more, others may later
 *
 * Context: may sleep.
 */
void iopgt_remove_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	guard(rwsem_write)(&iopt->domains_lock);
	scoped_guard(rwsem_read, &iopt->iova_lock) {
		list_del(&member->link);
		domain_empty_areas(iopt, member->domain, NULL);
		iopgt_drop_claimer(iopt);
	}
	guard(rwsem_write)(&iopt->iova_lock);
	iopgt_unreserve_domain(iopt, member);
}

/* Does the table go with the domain, whatever is still mapped? */
static bool domain_frees_table(const struct iommu_domain *domain)
{
	/* That facility counts who maps a page, and sees no table go */
	return IS_ENABLED(CONFIG_IOMMU_PT) && domain->is_iommupt &&
	       !IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC);
}

/**
 * iopgt_free_domain() - Remove a domain, and free it
 * @iopt: IOVA space
 * @member: as it was added; no device uses the domain any more
 *
 * Where freeing the domain frees its table, entry by entry is not cleared before.
 * Memory is unpinned when the domain is gone.
 *
 * Context: may sleep.
 */
void iopgt_free_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	struct iommu_domain *domain = member->domain;
	struct iopgt_area *area;

	guard(rwsem_write)(&iopt->domains_lock);
	scoped_guard(rwsem_read, &iopt->iova_lock) {
		list_del(&member->link);
		if (domain_frees_table(domain)) {
			for_each_area(area, iopt) {
				struct pages_mapping map =
					area_mapping(area, iopt);

				if (area_is_live(area))
					pages_forget(area->pages, &map, domain);
				cond_resched();
			}
			iommu_flush_iotlb_all(domain);
		} else {
			domain_empty_areas(iopt, domain, NULL);
		}
		iommu_domain_free(domain);
		iopgt_drop_claimer(iopt);
	}
	guard(rwsem_write)(&iopt->iova_lock);
	iopgt_unreserve_domain(iopt, member);
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

	rc = dirty_lock(iopt);
	if (rc)
		return rc;
	if (enable)
		rc = domain_clear_dirty(iopt, domain);
	if (!rc)
		rc = domain->dirty_ops->set_dirty_tracking(domain, enable);
	dirty_unlock(iopt);
	return rc;
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

	if (!is_power_of_2(cmd->page_size) || !cmd->length ||
	    (cmd->iova | cmd->length) & (cmd->page_size - 1))
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
 * Return: 0; -EINVAL where the range is empty or not aligned, also to what a bit
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
