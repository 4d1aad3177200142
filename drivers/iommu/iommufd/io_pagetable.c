// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: IOVA space
 *
 * An io_pagetable is a tree of areas, each showing a part of an iommufd_pages at
 * a range of IOVAs, and the set of domains that all of them are mapped into.
 *
 * Mapping first takes the IOVAs, as an area that nobody else sees, then pins user
 * memory without a lock, then fills and makes the area live. Unmapping hides the
 * areas, empties each domain and flushes its IOTLB once, unpins, and only then gives
 * the IOVAs back: those of a single area without iova_lock. So calls on different
 * IOVAs run side by side; what they share is domains_lock, held for read.
 *
 * This file maps and unmaps; io_domains.c keeps the domains, iova_ranges.c
 * decides which IOVAs may be used, io_access.c serves in-kernel accesses. None
 * of them knows of objects or ioctls.
 */
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "area.h"
#include "test_hooks.h"

static struct kmem_cache *area_cache;

/* Takes the reference on the pages over */
static void area_init(struct iopgt_area *area, struct iommufd_pages *pages,
		      unsigned long start, unsigned long length, int prot)
{
	/* Where it goes is not known yet: the length is kept as from 0 */
	area->node.first = 0;
	area->node.last = length - 1;
	area->pages = pages;
	area->start = start;
	area->next = NULL;
	atomic_set(&area->pins, 0);
	atomic_set(&area->kept, 0);
	atomic_set(&area->under_way, 0);
	area->prot = prot;
	area->state = AREA_MAPPING;
	area->stuck = false;
	area->claimed = false;
}

static struct iopgt_area *area_new(struct iommufd_pages *pages,
				   unsigned long start, unsigned long length,
				   int prot)
{
	struct iopgt_area *area;

	area = kmem_cache_alloc(area_cache, GFP_KERNEL_ACCOUNT);
	if (area)
		area_init(area, pages_get(pages), start, length, prot);
	return area;
}

static void areas_free(struct iopgt_area *areas)
{
	while (areas) {
		struct iommufd_pages *pages = areas->pages;
		struct iopgt_area *next = areas->next;

		/* The first one is part of them */
		if (areas != pages_user(pages))
			kmem_cache_free(area_cache, areas);
		pages_put(pages);
		areas = next;
		cond_resched();
	}
}

/**
 * iopgt_init() - Set an empty IOVA space up
 * @iopt: memory for it
 */
void iopgt_init(struct io_pagetable *iopt)
{
	init_rwsem(&iopt->domains_lock);
	iopt->split_to_pages = false;
	iopt->claimers = 0;
	init_rwsem(&iopt->iova_lock);
	iopt->areas = GAP_TREE_INIT;
	iopt->leaving = 0;
	iopt->reserved = RB_ROOT_CACHED;
	iopt->alignment = 1;
	INIT_LIST_HEAD(&iopt->domains);
	INIT_LIST_HEAD(&iopt->accesses);
	init_waitqueue_head(&iopt->unpinned);
	iopt->allowed = RB_ROOT_CACHED;
}

/**
 * iopgt_covering() - The areas that map every IOVA of a range
 * @iopt: IOVA space, with iova_lock held
 * @iova: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: the first one, area_next_in() has the others; NULL where not all
 * is mapped.
 */
struct iopgt_area *iopgt_covering(struct io_pagetable *iopt, unsigned long iova,
				  unsigned long last)
{
	struct iopgt_area *area = area_first_in(iopt, iova, last), *first = area;

	for (; area; area = area_next_in(area, last)) {
		if (area->node.first > iova || !area_is_live(area))
			break;
		if (area->node.last >= last)
			return first;
		iova = area->node.last + 1;
	}
	return NULL;
}

static int iopgt_check_place(struct io_pagetable *iopt, unsigned long iova,
			     unsigned long length)
{
	unsigned long last;

	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	if (iova & (iopt->alignment - 1))
		return -EINVAL;
	if (iopgt_is_reserved(iopt, iova, last))
		return -EINVAL;
	if (iopgt_is_leaving(iopt, iova, last))
		return -EEXIST;
	return 0;
}

/* Memory must be aligned as the IOVAs that it is to appear at */
static int areas_check_alignment(struct io_pagetable *iopt,
				 const struct iopgt_area *areas)
{
	for (; areas; areas = areas->next)
		if ((areas->start | area_length(areas)) &
		    (iopt->alignment - 1))
			return -EINVAL;
	return 0;
}

static void areas_erase(struct io_pagetable *iopt, struct iopgt_area *areas,
			const struct iopgt_area *end)
{
	for (; areas != end; areas = areas->next) {
		gap_tree_erase(&iopt->areas, &areas->node);
		cond_resched();
	}
}

/* Give the IOVAs and the areas back; what is stuck stays where it is. Returns it. */
static bool areas_release(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	struct iopgt_area *area, **link = &areas;
	bool stuck = false;

	scoped_guard(rwsem_write, &iopt->iova_lock) {
		while ((area = *link)) {
			if (likely(!area->stuck)) {
				gap_tree_erase(&iopt->areas, &area->node);
				link = &area->next;
				cond_resched();
				continue;
			}
			/* Whoever sees this may not look at it any further */
			*link = area->next;
			WRITE_ONCE(area->state, AREA_STUCK);
			stuck = true;
		}
	}
	areas_free(areas);
	return stuck;
}

/*
 * Hand areas over: from here on, anybody may unmap and free each of them. Nobody
 * else sets areas live that are on a list.
 */
static void areas_set_live(struct iopgt_area *areas)
{
	struct iopgt_area *next;

	for (; areas; areas = next) {
		next = areas->next;
		area_set_live(areas);
		if (next)
			cond_resched();
	}
}

/* Let the areas take their IOVAs, one behind the other */
static int areas_insert(struct io_pagetable *iopt, struct iopgt_area *areas,
			unsigned long iova)
{
	struct iopgt_area *area;

	for (area = areas; area; area = area->next) {
		area->node.last += iova;
		area->node.first = iova;
		if (gap_tree_insert(&iopt->areas, &area->node)) {
			areas_erase(iopt, areas, area);
			return -EEXIST;
		}
		iova = area->node.last + 1;
		if (area->next && areas_breathe()) {
			areas_erase(iopt, areas, area->next);
			return -EINTR;
		}
	}
	return 0;
}

static int areas_place(struct io_pagetable *iopt, struct iopgt_area *areas,
		       unsigned long length, unsigned long *iova,
		       enum iopgt_place place)
{
	int rc;

	if (down_write_killable(&iopt->iova_lock))
		return -EINTR;
	rc = areas_check_alignment(iopt, areas);
	if (rc)
		goto unlock;
	if (place == IOPGT_AUTO)
		rc = iopgt_find_iova(iopt, pages_address(areas->pages,
							 areas->start),
				     length, iova);
	else
		rc = iopgt_check_place(iopt, *iova, length);
	if (!rc)
		rc = areas_insert(iopt, areas, *iova);
unlock:
	up_write(&iopt->iova_lock);
	return rc;
}

/*
 * Pin memory that may be slow to come, without a lock. What is claimed so far stays
 * so on failure.
 */
static int areas_claim(struct iopgt_area *areas)
{
	struct iopgt_area *area;
	int rc;

	for (area = areas; area; area = area->next) {
		if (!area_is_slow(area))
			continue;
		if (area == pages_user(area->pages))
			/* The first area of a range, and nobody has seen it */
			rc = pages_claim_new(area->pages, area->start,
					     area_length(area));
		else
			rc = areas_breathe() ?:
				     pages_claim(area->pages, area->start,
						 area_length(area));
		if (rc)
			return rc;
		area->claimed = true;
	}
	return 0;
}

/* Fill the domains with all of the areas, or none; claims stay */
static int areas_fill(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	struct iopgt_area *filled = NULL, *area;
	int rc;

	for (area = areas; area; filled = area, area = area->next) {
		/* The first one is worth no question: most often it is alone */
		rc = filled ? areas_breathe() : 0;
		if (!rc)
			rc = area_fill_domains(iopt, area);
		if (rc)
			goto undo;
	}
	return 0;

undo:
	if (filled) {
		filled->next = NULL;
		areas_empty_domains(iopt, areas);
		filled->next = area;
	}
	return rc;
}

/* Pin, fill, and hand over; of what failed, only IOVAs are left to be given back */
static int areas_map(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	bool claimed = false, want = iopgt_claims(iopt);
	int rc;

	for (;;) {
		if (want && !claimed) {
			rc = areas_claim(areas);
			if (rc)
				goto unclaim;
			claimed = true;
		}
		if (down_read_killable(&iopt->domains_lock)) {
			rc = -EINTR;
			goto unclaim;
		}
		want = iopgt_claims(iopt);
		if (likely(claimed == want))
			break;
		if (!want) {
			/* The last domain has gone meanwhile */
			areas_unclaim(areas);
			break;
		}
		/* The first one has come */
		up_read(&iopt->domains_lock);
	}
	rc = areas_fill(iopt, areas);
	if (likely(!rc))
		areas_set_live(areas);
	up_read(&iopt->domains_lock);
	if (likely(!rc))
		return 0;
unclaim:
	areas_unclaim(areas);
	return rc;
}

/*
 * Map areas that are not in the tree yet, together @length bytes, one behind the
 * other. They are consumed.
 */
static int iopgt_map_areas(struct io_pagetable *iopt, struct iopgt_area *areas,
			   unsigned long length, unsigned long *iova,
			   enum iopgt_place place)
{
	int rc;

	rc = areas_place(iopt, areas, length, iova, place);
	if (unlikely(rc)) {
		areas_free(areas);
		return rc;
	}
	rc = areas_map(iopt, areas);
	if (unlikely(rc))
		areas_release(iopt, areas);
	return rc;
}

/* Map all of the new @pages, from byte @start on; the reference is consumed */
static int iopgt_map_pages(struct io_pagetable *iopt,
			   struct iommufd_pages *pages, unsigned long start,
			   unsigned long length, unsigned long *iova, int prot,
			   enum iopgt_place place)
{
	struct iopgt_area *area = pages_user(pages);

	area_init(area, pages, start, length, prot);
	return iopgt_map_areas(iopt, area, length, iova, place);
}

/**
 * iopgt_map_user() - Map memory of the current process
 * @iopt: IOVA space
 * @budget: how the context has what is pinned charged
 * @uptr: first byte
 * @length: bytes
 * @iova: in: for IOPGT_FIXED, the first IOVA; out: the first IOVA
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @place: who chooses the IOVA
 *
 * Context: may sleep. Killable.
 * Return: 0. With nothing changed: -EINVAL for length 0, for what is not aligned
 * as iopgt_usable_ranges() says, or is reserved; -EEXIST where an area is in the
 * way; -ENOSPC where no IOVA can be found; -EOVERFLOW; -ENOMEM without memory or
 * where RLIMIT_MEMLOCK would be exceeded; -EFAULT where the memory is not there,
 * or its protection forbids it; -EINTR if killed; an errno of the IOMMU driver.
 */
int iopgt_map_user(struct io_pagetable *iopt, struct pin_budget *budget,
		   void __user *uptr, unsigned long length,
		   unsigned long *iova, int prot, enum iopgt_place place)
{
	struct iommufd_pages *pages;

	pages = pages_new_user(uptr, length, prot & IOMMU_WRITE, budget);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	return iopgt_map_pages(iopt, pages, offset_in_page(uptr), length, iova,
			       prot, place);
}

/**
 * iopgt_map_file() - Map a part of a memfd or dma-buf
 * @iopt: IOVA space
 * @budget: how the context has what is pinned charged
 * @fd: the file
 * @dev: the device to attach to a dma-buf as
 * @start: first byte in the file
 * @length: bytes
 * @iova: as iopgt_map_user()
 * @prot: as iopgt_map_user()
 * @place: as iopgt_map_user()
 *
 * Context: may sleep. Killable.
 * Return: as iopgt_map_user(), and -EBADF; -EPERM where the file was not opened
 * for reading, or @prot asks for writing to one that was not opened for it, or is
 * sealed; -EINVAL where the file is too short or of the wrong kind; for a dma-buf
 * see pages_new_dmabuf().
 */
int iopgt_map_file(struct io_pagetable *iopt, struct pin_budget *budget, int fd,
		   struct device *dev, unsigned long start,
		   unsigned long length, unsigned long *iova, int prot,
		   enum iopgt_place place)
{
	bool writable = prot & IOMMU_WRITE;
	struct iommufd_pages *pages;
	struct dma_buf *dmabuf;

	if (!length)
		return -EINVAL;

	dmabuf = dma_buf_get(fd);
	if (!IS_ERR(dmabuf)) {
		pages = pages_new_dmabuf(dmabuf, dev, start, length, writable,
					 budget);
		dma_buf_put(dmabuf);
	} else {
		CLASS(fd, f)(fd);

		if (fd_empty(f))
			return -EBADF;
		pages = pages_new_file(fd_file(f), start, length, writable,
				       budget);
	}
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	return iopgt_map_pages(iopt, pages, offset_in_page(start), length, iova,
			       prot, place);
}

/* New ones that show the same as a range does; @areas: also on failure */
static int areas_copy(struct io_pagetable *iopt, unsigned long iova,
		      unsigned long iova_last, int prot,
		      struct iopgt_area **areas)
{
	struct iopgt_area *area = iopgt_covering(iopt, iova, iova_last);
	int rc;

	if (!area)
		return -ENOENT;
	for (; area; area = area_next_in(area, iova_last)) {
		unsigned long first = max(iova, area->node.first);
		unsigned long last = min(iova_last, area->node.last);

		if ((prot & IOMMU_WRITE) && !area->pages->writable)
			return -EPERM;
		*areas = area_new(area->pages, area_start_at(area, first),
				  last - first + 1, prot);
		if (!*areas)
			return -ENOMEM;
		areas = &(*areas)->next;
		rc = areas_breathe();
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * iopgt_copy() - Map what another IOVA space maps
 * @dst: IOVA space
 * @src: IOVA space, may be @dst
 * @src_iova: first IOVA in @src
 * @length: bytes
 * @dst_iova: in: for IOPGT_FIXED, the first IOVA in @dst; out: the first IOVA
 * @prot: as iopgt_map_user()
 * @place: as iopgt_map_user()
 *
 * The memory is shared, not pinned or charged again.
 *
 * Context: may sleep. Killable.
 * Return: as iopgt_map_user(), and -ENOENT where not all of the source is
 * mapped; -EPERM where @prot asks for writing to what is mapped for reading.
 */
int iopgt_copy(struct io_pagetable *dst, struct io_pagetable *src,
	       unsigned long src_iova, unsigned long length,
	       unsigned long *dst_iova, int prot, enum iopgt_place place)
{
	struct iopgt_area *areas = NULL;
	unsigned long src_last;
	int rc;

	if (!length)
		return -EINVAL;
	if (check_add_overflow(src_iova, length - 1, &src_last))
		return -EOVERFLOW;

	if (down_read_killable(&src->iova_lock))
		return -EINTR;
	rc = areas_copy(src, src_iova, src_last, prot, &areas);
	up_read(&src->iova_lock);
	if (rc) {
		areas_free(areas);
		return rc;
	}
	return iopgt_map_areas(dst, areas, length, dst_iova, place);
}

/**
 * struct iopgt_hidden - what a call unmaps
 * @areas: hidden from everybody else, and linked up
 * @forced: nobody can be told of a failure: what can be unmapped is
 * @pinned: in-kernel accesses have to let go of some of them first
 * @kept: one cannot be asked to
 * @busy: another call is unmapping others
 * @stuck: there are others that cannot be unmapped
 * @slot: where io_pagetable::leaving has the area's IOVAs; -1 where the tree has
 *        those of all
 */
struct iopgt_hidden {
	struct iopgt_area *areas;
	bool forced;
	bool pinned;
	bool kept;
	bool busy;
	bool stuck;
	int slot;
};

/*
 * What a vIOMMU does all the time: an area that is alone, and cannot be kept from
 * going, leaves the tree when it is hidden.
 */
static int area_leave(struct io_pagetable *iopt, struct iopgt_area *area)
{
	int slot = ffz(READ_ONCE(iopt->leaving));

	if (slot >= IOPGT_LEAVING)
		return -1;
	gap_tree_erase(&iopt->areas, &area->node);
	iopt->leaving_ranges[slot].first = area->node.first;
	iopt->leaving_ranges[slot].last = area->node.last;
	set_bit(slot, &iopt->leaving);
	return slot;
}

/*
 * Have the areas of a range for oneself. -EAGAIN where another call is unmapping
 * some: what it has not finished yet, devices may still reach.
 */
static __always_inline int areas_hide(struct io_pagetable *iopt,
				      unsigned long first, unsigned long last,
				      struct iopgt_hidden *hidden)
{
	struct iopgt_area **tail = &hidden->areas, *area;
	int rc = -ENOENT;

	if (unlikely(iopgt_is_leaving(iopt, first, last)))
		hidden->busy = true;
	for_each_area_in(area, iopt, first, last) {
		if (!area_is_live(area)) {
			u8 state = READ_ONCE(area->state);

			if (state == AREA_UNMAPPING)
				hidden->busy = true;
			else if (unlikely(state == AREA_STUCK))
				hidden->stuck = true;
			continue;
		}
		/* Only the areas at both ends can stick out */
		if (area->node.first < first || area->node.last > last)
			goto unhide;
		area->state = AREA_UNMAPPING;
		area->next = NULL;
		*tail = area;
		tail = &area->next;
		if (unlikely(atomic_read(&area->pins))) {
			hidden->pinned = true;
			if (atomic_read(&area->kept))
				hidden->kept = true;
		}
		/* The first one is worth no question: most often it is alone */
		if (unlikely(hidden->areas != area) && areas_breathe() &&
		    !hidden->forced) {
			rc = -EINTR;
			goto unhide;
		}
	}
	rc = -EAGAIN;
	if (unlikely(hidden->busy))
		goto unhide;
	area = hidden->areas;
	if (area && !area->next && !hidden->pinned)
		hidden->slot = area_leave(iopt, area);
	return 0;

unhide:
	areas_set_live(hidden->areas);
	hidden->areas = NULL;
	return rc;
}

/*
 * How often a driver is asked to let go of its pins, before it is given up, and for
 * how long it is waited for each time: it may just be doing so.
 */
#define AREA_UNPIN_TRIES	iommufd_threshold(area_unpin_tries, 5U)
#define AREA_UNPIN_PAUSE	(HZ / 5)
/* How long those who want to cut an area wait for what is under way in it */
#define AREA_CUT_TIMEOUT	HZ

static bool areas_pinned(struct iopgt_area *areas)
{
	for (; areas; areas = areas->next)
		if (atomic_read(&areas->pins))
			return true;
	return false;
}

static bool areas_under_way(struct iopgt_area *areas)
{
	for (; areas; areas = areas->next)
		if (atomic_read(&areas->under_way))
			return true;
	return false;
}

/* 0, -EINTR, or -EBUSY where some are still pinned */
static int areas_unpin(struct io_pagetable *iopt, struct iopgt_area *areas)
{
	struct iopgt_area *area;
	unsigned int i;
	long left;

	/* Who pinned it is gone, and has left it */
	if (list_empty(&iopt->accesses))
		return -EBUSY;
	for (i = 0; i != AREA_UNPIN_TRIES; i++) {
		/* Nobody can let go of what he does not have yet */
		left = wait_event_killable_timeout(iopt->unpinned,
						   !areas_under_way(areas),
						   AREA_UNPIN_PAUSE);
		if (left < 0)
			return -EINTR;
		if (!left)
			continue;
		for (area = areas; area; area = area->next)
			if (atomic_read(&area->pins))
				iopgt_notify_accesses(iopt, area->node.first,
						      area_length(area));
		if (wait_event_killable_timeout(iopt->unpinned,
						!areas_pinned(areas),
						AREA_UNPIN_PAUSE) < 0)
			return -EINTR;
		/* A pin or unpin that is under way must have ended */
		scoped_cond_guard(rwsem_write_kill, return -EINTR,
				  &iopt->iova_lock)
			if (!areas_pinned(areas))
				return 0;
	}
	return -EBUSY;
}

/*
 * An access did not let go of some: those are live again, and the areas that are
 * left are returned. Nobody has pinned any since they were hidden.
 */
static struct iopgt_area *areas_give_up(struct iopgt_area *areas)
{
	struct iopgt_area *pinned = NULL, *area, **link = &areas;

	while ((area = *link)) {
		if (!atomic_read(&area->pins)) {
			link = &area->next;
			continue;
		}
		*link = area->next;
		area->next = pinned;
		pinned = area;
	}
	areas_set_live(pinned);
	return areas;
}

/* An area that has left the tree did not leave all domains: it is back, for ever */
static void area_stay(struct io_pagetable *iopt, struct iopgt_area *area,
		      int slot)
{
	guard(rwsem_write)(&iopt->iova_lock);
	/* Cannot overlap: until now its IOVAs are leaving */
	gap_tree_insert(&iopt->areas, &area->node);
	WRITE_ONCE(area->state, AREA_STUCK);
	clear_bit_unlock(slot, &iopt->leaving);
}

/* Empty the domains, and give all of it back. Returns -EIO where that failed. */
static __always_inline int iopgt_unmap_hidden(struct io_pagetable *iopt,
					      struct iopgt_hidden *hidden,
					      unsigned long *unmapped)
{
	struct iopgt_area *areas = hidden->areas, *area;

	iommufd_test_linger();
	areas_empty_domains(iopt, areas);
	areas_unclaim(areas);
	for (area = areas; area; area = area->next)
		if (likely(!area->stuck))
			*unmapped += area_length(area);
	if (hidden->slot < 0)
		return areas_release(iopt, areas) ? -EIO : 0;

	if (unlikely(areas->stuck)) {
		area_stay(iopt, areas, hidden->slot);
		return -EIO;
	}
	clear_bit_unlock(hidden->slot, &iopt->leaving);
	areas_free(areas);
	return 0;
}

/*
 * With domains_lock held. @forced: what in-kernel accesses do not let go of stays;
 * the rest does not.
 */
static __always_inline int iopgt_unmap_locked(struct io_pagetable *iopt,
					      unsigned long first,
					      unsigned long last, bool forced,
					      unsigned long *unmapped)
{
	struct iopgt_hidden hidden = { .forced = forced, .slot = -1 };
	int rc = 0;

	if (unlikely(forced))
		down_write(&iopt->iova_lock);
	else
		rc = down_write_killable(&iopt->iova_lock);
	if (rc)
		return rc;
	rc = areas_hide(iopt, first, last, &hidden);
	up_write(&iopt->iova_lock);
	if (rc)
		return rc;
	if (unlikely(hidden.pinned)) {
		/* In vain: then let nobody lose his pins for it */
		rc = hidden.kept ? -EBUSY : areas_unpin(iopt, hidden.areas);
		if (rc && !forced) {
			areas_set_live(hidden.areas);
			return rc;
		}
		if (rc)
			hidden.areas = areas_give_up(hidden.areas);
	}
	if (likely(hidden.areas) &&
	    unlikely(iopgt_unmap_hidden(iopt, &hidden, unmapped)))
		hidden.stuck = true;
	return unlikely(hidden.stuck) ? -EIO : rc;
}

/*
 * Whoever unmaps has domains_lock: wait for all of them, and keep others out. Not
 * what a vIOMMU does all the time.
 */
static noinline int iopgt_unmap_alone(struct io_pagetable *iopt,
				      unsigned long first, unsigned long last,
				      bool forced, unsigned long *unmapped)
{
	int rc = 0;

	if (forced)
		down_write(&iopt->domains_lock);
	else
		rc = down_write_killable(&iopt->domains_lock);
	if (rc)
		return rc;
	rc = iopgt_unmap_locked(iopt, first, last, forced, unmapped);
	up_write(&iopt->domains_lock);
	return rc;
}

/**
 * iopgt_unmap_range() - Unmap every area of a range, if there is any
 * @iopt: IOVA space
 * @first: first IOVA
 * @last: last IOVA, inclusive
 * @unmapped: out: bytes that were mapped
 *
 * Waits for other calls that are unmapping a part of it: when it returns, no device
 * reaches what was mapped there before.
 *
 * Context: may sleep; calls the accesses' unmap callbacks. Killable.
 * Return: 0, also where there was none. With nothing changed: -ENOENT where an area
 * is only partly in the range; -EBUSY where an in-kernel access does not let go of
 * its pins; -EINTR if killed. -EIO where a device may still reach a part, as the
 * IOMMU driver did not unmap it, now or earlier: all else is unmapped.
 */
int iopgt_unmap_range(struct io_pagetable *iopt, unsigned long first,
		      unsigned long last, unsigned long *unmapped)
{
	int rc;

	*unmapped = 0;
	if (down_read_killable(&iopt->domains_lock))
		return -EINTR;
	rc = iopgt_unmap_locked(iopt, first, last, false, unmapped);
	up_read(&iopt->domains_lock);
	if (likely(rc != -EAGAIN))
		return rc;
	return iopgt_unmap_alone(iopt, first, last, false, unmapped);
}

/**
 * iopgt_unmap() - Unmap every area of a range
 * @iopt: IOVA space
 * @iova: first IOVA
 * @length: bytes
 * @unmapped: out: bytes that were mapped, or NULL
 *
 * Context: as iopgt_unmap_range(), which see.
 * Return: as iopgt_unmap_range(); and, with nothing changed, -ENOENT where no area
 * is in the range; -EINVAL for length 0; -EOVERFLOW.
 */
int iopgt_unmap(struct io_pagetable *iopt, unsigned long iova,
		unsigned long length, unsigned long *unmapped)
{
	unsigned long last, bytes;
	int rc;

	if (!length)
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	rc = iopgt_unmap_range(iopt, iova, last, &bytes);
	if (unmapped)
		*unmapped = bytes;
	return rc ?: bytes ? 0 : -ENOENT;
}

/**
 * iopgt_unmap_all() - Unmap every area there is
 * @iopt: IOVA space
 * @unmapped: out: bytes that were mapped, or NULL
 *
 * Context: as iopgt_unmap_range(), which see.
 * Return: as iopgt_unmap_range().
 */
int iopgt_unmap_all(struct io_pagetable *iopt, unsigned long *unmapped)
{
	unsigned long bytes;
	int rc = iopgt_unmap_range(iopt, 0, ULONG_MAX, &bytes);

	if (unmapped)
		*unmapped = bytes;
	return rc;
}

/**
 * iopgt_destroy() - Unmap everything and give all memory back
 * @iopt: IOVA space without domains and accesses, that nobody else uses
 *
 * What a kernel driver has not unpinned stays pinned, with a warning.
 *
 * Context: may sleep.
 */
void iopgt_destroy(struct io_pagetable *iopt)
{
	struct iopgt_area *area;
	unsigned long bytes = 0;

	iopgt_unmap_alone(iopt, 0, ULONG_MAX, true, &bytes);
	for_each_area(area, iopt)
		WARN_ON_ONCE(area->state != AREA_STUCK);
	iopgt_free_ranges(iopt);
}

static int area_cut(struct io_pagetable *iopt, unsigned long iova)
{
	struct iopgt_area *area = area_first_in(iopt, iova, iova);
	struct iopgt_area *upper;
	unsigned long start;
	int rc;

	if (!area || area->node.first == iova || !area_is_live(area))
		return 0;
	/* A copy ends, and what is being pinned comes to be so, or not */
	if (atomic_read(&area->under_way))
		return -EAGAIN;
	if (atomic_read(&area->pins))
		return -EBUSY;
	start = area->start + (iova - area->node.first);
	if ((iova | start) & (iopt->alignment - 1))
		return -EINVAL;

	upper = area_new(area->pages, start, area->node.last - iova + 1,
			 area->prot);
	if (!upper)
		return -ENOMEM;
	/*
	 * Domains give back only what is mapped page by page in parts, and where
	 * there is one, areas have claims. Those are of whole pages, with or without.
	 */
	rc = 0;
	if (area->claimed &&
	    (!iopt->split_to_pages || !PAGE_ALIGNED(start) ||
	     area->pages->type == PAGES_DMABUF))
		rc = -EINVAL;
	if (!rc && area->claimed)
		rc = pages_split_claim(area->pages, start);
	if (rc) {
		areas_free(upper);
		return rc;
	}
	upper->claimed = area->claimed;
	gap_tree_split(&iopt->areas, &area->node, &upper->node, iova);
	area_set_live(upper);
	return 0;
}

/* What has been cut stays so where another one fails */
static int iopgt_try_cut(struct io_pagetable *iopt, const unsigned long *iovas,
			 size_t num_iovas)
{
	int rc = 0;

	if (down_read_killable(&iopt->domains_lock))
		return -EINTR;
	if (down_write_killable(&iopt->iova_lock)) {
		up_read(&iopt->domains_lock);
		return -EINTR;
	}
	for (size_t i = 0; i != num_iovas && !rc; i++)
		rc = area_cut(iopt, iovas[i]);
	up_write(&iopt->iova_lock);
	up_read(&iopt->domains_lock);
	return rc;
}

/**
 * iopgt_cut() - Make areas end, and others begin, at given IOVAs
 * @iopt: IOVA space with iopgt_set_huge_pages(false), which may change meanwhile
 * @iovas: each is to be the first IOVA of an area, if it is in one
 * @num_iovas: how many
 *
 * For VFIO_TYPE1_IOMMU, which may unmap a part of what it mapped. Cutting
 * changes nothing that a device sees.
 *
 * Context: may sleep; waits a little for copies and pins that wait for memory.
 * Killable.
 * Return: 0; -EINVAL where alignment forbids it, or the memory was not mapped
 * page by page; -EBUSY where an in-kernel access has it pinned, or still waits for
 * it; -ENOMEM; -EINTR if killed.
 */
int iopgt_cut(struct io_pagetable *iopt, const unsigned long *iovas,
	      size_t num_iovas)
{
	long left = AREA_CUT_TIMEOUT;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int rc;

	rc = iopgt_try_cut(iopt, iovas, num_iovas);
	if (likely(rc != -EAGAIN))
		return rc;
	add_wait_queue(&iopt->unpinned, &wait);
	for (;;) {
		rc = iopgt_try_cut(iopt, iovas, num_iovas);
		if (rc != -EAGAIN)
			break;
		rc = fatal_signal_pending(current) ? -EINTR : -EBUSY;
		if (rc == -EINTR || !left)
			break;
		left = wait_woken(&wait, TASK_KILLABLE, left);
	}
	remove_wait_queue(&iopt->unpinned, &wait);
	return rc;
}

/**
 * iopgt_move_all() - Have another process pay for all that is mapped, too
 * @iopt: IOVA space
 * @move: gets the ranges of memory; to be ended by pages_move_end()
 *
 * Areas that another call is mapping or unmapping are mapped here.
 *
 * Context: may sleep; takes iova_lock for read.
 * Return: 0, or as pages_move_add().
 */
int iopgt_move_all(struct io_pagetable *iopt, struct pages_move *move)
{
	struct iopgt_area *area;
	int rc;

	rc = down_read_killable(&iopt->iova_lock);
	if (rc)
		return rc;
	for_each_area(area, iopt) {
		rc = pages_move_add(move, area->pages);
		if (!rc)
			rc = areas_breathe();
		if (rc)
			break;
	}
	up_read(&iopt->iova_lock);
	return rc;
}

/**
 * iopgt_module_init() - Set the layer up
 *
 * Return: 0 or -ENOMEM.
 */
int __init iopgt_module_init(void)
{
	int rc = pages_init(sizeof(struct iopgt_area));

	if (rc)
		return rc;
	area_cache = KMEM_CACHE(iopgt_area, SLAB_ACCOUNT);
	if (!area_cache) {
		pages_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * iopgt_module_exit() - Undo iopgt_module_init()
 */
void iopgt_module_exit(void)
{
	kmem_cache_destroy(area_cache);
	pages_exit();
}
