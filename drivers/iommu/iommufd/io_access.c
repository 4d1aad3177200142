// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel access to what an IOVA space maps: by struct page, by copying, by
 * physical address. Pins keep an area from being unmapped until the access let
 * go, which its unmap callback asks it to.
 */
#include <linux/cleanup.h>
#include <linux/iommufd.h>

#include "area.h"

/**
 * iopgt_add_access() - Have an access asked before anything is unmapped
 * @iopt: IOVA space
 * @access: with its alignment and callback set
 *
 * Context: may sleep. Killable.
 * Return: 0; -EADDRINUSE where an area is not aligned as it needs; -EINTR if killed.
 */
int iopgt_add_access(struct io_pagetable *iopt, struct iopgt_access *access)
{
	int rc;

	atomic_long_set(&access->pins, 0);
	rc = iopgt_lock_killable(iopt);
	if (rc)
		return rc;
	rc = iopgt_raise_alignment(iopt, access->alignment);
	if (!rc)
		list_add_tail(&access->link, &iopt->accesses);
	iopgt_unlock(iopt);
	return rc;
}

/**
 * iopgt_remove_access() - Undo iopgt_add_access()
 * @iopt: IOVA space
 * @access: an access; what it has pinned stays so for ever, and is not unmapped
 *
 * Context: may sleep. No callback runs any more when it returns.
 */
void iopgt_remove_access(struct io_pagetable *iopt, struct iopgt_access *access)
{
	guard(rwsem_write)(&iopt->domains_lock);
	guard(rwsem_write)(&iopt->iova_lock);
	list_del(&access->link);
	iopgt_update_alignment(iopt);
}

/**
 * iopgt_notify_accesses() - Ask accesses to let go of a range
 * @iopt: IOVA space, with domains_lock held for read, and iova_lock not held
 * @iova: first IOVA
 * @length: bytes
 */
void iopgt_notify_accesses(struct io_pagetable *iopt, unsigned long iova,
			   unsigned long length)
{
	struct iopgt_access *access;

	lockdep_assert_held(&iopt->domains_lock);
	list_for_each_entry(access, &iopt->accesses, link)
		if (access->unmap)
			access->unmap(access, iova, length);
}

static int check_range(unsigned long iova, unsigned long length,
		       unsigned long *last)
{
	if (!length)
		return -EINVAL;
	return check_add_overflow(iova, length - 1, last) ? -EOVERFLOW : 0;
}

static unsigned long npages_of(unsigned long first, unsigned long last)
{
	return (last - first + 1) >> PAGE_SHIFT;
}

/* May it be read, and if @write written to as well? */
static bool area_allows(const struct iopgt_area *area, bool write)
{
	int prot = IOMMU_READ | (write ? IOMMU_WRITE : 0);

	return (area->prot & prot) == prot;
}

/* Whoever unmaps it frees it once it can have iova_lock, which is held for read */
static __always_inline void area_drop_pins(struct io_pagetable *iopt,
					   struct iopgt_area *area,
					   unsigned int pins)
{
	bool wanted = !area_is_live(area);

	if (atomic_sub_return(pins, &area->pins) == 0 && unlikely(wanted))
		wake_up_all(&iopt->unpinned);
}

static __always_inline bool area_unpin(struct io_pagetable *iopt,
				       struct iopgt_access *access,
				       struct iopgt_area *area,
				       unsigned long first, unsigned long last)
{
	unsigned int pins;

	pins = pages_unpin(area->pages, area_start_at(area, first) >> PAGE_SHIFT,
			   npages_of(first, last), access, first);
	if (!pins)
		return false;
	atomic_long_sub(pins, &access->pins);
	if (!access->unmap)
		atomic_sub(pins, &area->kept);
	area_drop_pins(iopt, area, pins);
	return true;
}

/* Has the access pinned all of it, area by area? */
static bool areas_have_pins(struct io_pagetable *iopt,
			    struct iopgt_access *access, unsigned long first,
			    unsigned long last)
{
	struct iopgt_area *area;
	unsigned long to;

	for_each_area_in(area, iopt, first, last) {
		to = min(last, area->node.last);
		if (area->node.first > first ||
		    !pages_has_pins(area->pages,
				    area_start_at(area, first) >> PAGE_SHIFT,
				    npages_of(first, to), access, first))
			return false;
		if (to == last)
			return true;
		first = to + 1;
	}
	return false;
}

static noinline bool areas_unpin_range(struct io_pagetable *iopt,
				       struct iopgt_access *access,
				       unsigned long first, unsigned long last)
{
	struct iopgt_area *area = area_first_in(iopt, first, last);

	if (!areas_have_pins(iopt, access, first, last))
		return false;
	for (; area; area = area_next_in(area, last))
		area_unpin(iopt, access, area, max(first, area->node.first),
			   min(last, area->node.last));
	return true;
}

/* What is under way has ended: somebody may wait for that, or for the last pin */
static __always_inline void areas_ended(struct io_pagetable *iopt)
{
	if (wq_has_sleeper(&iopt->unpinned))
		wake_up_all(&iopt->unpinned);
}

/* Keep the areas of a range mapped that are about to be pinned; with iova_lock held */
static int areas_hold_for_pin(struct io_pagetable *iopt,
			      struct iopgt_access *access, unsigned long iova,
			      unsigned long last, bool write,
			      struct iopgt_area **out_first)
{
	struct iopgt_area *first, *area;

	first = iopgt_covering(iopt, iova, last);
	if (!first)
		return -ENOENT;
	for (area = first; area; area = area_next_in(area, last))
		if (!area_allows(area, write))
			return -EPERM;
	for (area = first; area; area = area_next_in(area, last)) {
		atomic_long_inc(&access->pins);
		if (!access->unmap)
			atomic_inc(&area->kept);
		atomic_inc(&area->under_way);
		atomic_inc(&area->pins);
	}
	*out_first = first;
	return 0;
}

/* Of the held areas, those before @at have been pinned, the others have not */
static void areas_give_back(struct io_pagetable *iopt,
			    struct iopgt_access *access, unsigned long iova,
			    unsigned long at, unsigned long last)
{
	struct iopgt_area *area;

	guard(rwsem_read)(&iopt->iova_lock);
	for_each_area_in(area, iopt, iova, last) {
		unsigned long from = max(iova, area->node.first);

		if (from < at) {
			area_unpin(iopt, access, area, from,
				   min(last, area->node.last));
			continue;
		}
		atomic_long_dec(&access->pins);
		if (!access->unmap)
			atomic_dec(&area->kept);
		atomic_dec(&area->under_way);
		atomic_dec(&area->pins);
	}
	areas_ended(iopt);
}

/* A held area, which is the access's to unpin from then on */
static __always_inline int area_pin(struct iopgt_access *access,
				    struct iopgt_area *area, unsigned long first,
				    unsigned long last, struct page **out_pages,
				    bool write)
{
	struct iommufd_pages *pages = area->pages;
	int rc;

	rc = pages_pin(pages, area_start_at(area, first) >> PAGE_SHIFT,
		       npages_of(first, last), write, access, first, out_pages);
	if (unlikely(rc))
		return rc;
	/* Once it is unlocked, a driver that is wrong may have unpinned it already */
	pages_get(pages);
	atomic_dec(&area->under_way);
	pages_unlock_turn(pages);
	pages_put(pages);
	return 0;
}

/**
 * iopgt_pin() - Pin what a range of IOVAs shows
 * @iopt: IOVA space
 * @access: an access of it with PAGE_SIZE alignment, which stays one
 * @iova: first IOVA, page aligned
 * @length: bytes, a multiple of PAGE_SIZE
 * @out_pages: the pages, in the order of their IOVAs; or NULL
 * @write: they will be written to, and not only read
 *
 * Context: may sleep for as long as userspace wants, as userspace may provide the
 * memory. Nobody is kept from anything but unmapping the areas, and those who do are
 * killable. Killable.
 * Return: 0; -ENOENT where not all is mapped; -EINVAL where it is not aligned, or
 * not memory; -EPERM where it is not mapped for reading, or not for writing and is to
 * be written to; -EOVERFLOW; an errno of pages_pin().
 */
int iopgt_pin(struct io_pagetable *iopt, struct iopgt_access *access,
	      unsigned long iova, unsigned long length,
	      struct page **out_pages, bool write)
{
	unsigned long at = iova, last, to;
	struct iopgt_area *area;
	int rc;

	rc = check_range(iova, length, &last);
	if (rc)
		return rc;
	if (!PAGE_ALIGNED(iova | length))
		return -EINVAL;

	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	rc = areas_hold_for_pin(iopt, access, iova, last, write, &area);
	up_read(&iopt->iova_lock);
	if (rc)
		return rc;
	for (;;) {
		to = min(last, area->node.last);
		rc = area_pin(access, area, at, to, out_pages, write);
		if (unlikely(rc)) {
			areas_give_back(iopt, access, iova, at, last);
			return rc;
		}
		if (likely(to == last))
			break;
		if (out_pages)
			out_pages += npages_of(at, to);
		at = to + 1;
		/* It stays what it is, but its neighbours may come and go */
		scoped_guard(rwsem_read, &iopt->iova_lock)
			area = area_first_in(iopt, at, at);
	}
	areas_ended(iopt);
	return 0;
}

/**
 * iopgt_unpin() - Undo iopgt_pin()
 * @iopt: IOVA space
 * @access: the access that pinned
 * @iova: first IOVA
 * @length: bytes
 *
 * What one call pinned, or several whose ranges follow each other; of what a call
 * pinned all, or all that it pinned of an area.
 *
 * Context: may sleep. Fine from an access's unmap callback. Does not allocate. For
 * one access one call at a time.
 * Return: whether the access had pinned it. If not, nothing has changed.
 */
bool iopgt_unpin(struct io_pagetable *iopt, struct iopgt_access *access,
		 unsigned long iova, unsigned long length)
{
	struct iopgt_area *area;
	unsigned long last;

	if (check_range(iova, length, &last) || !PAGE_ALIGNED(iova | length))
		return false;
	guard(rwsem_read)(&iopt->iova_lock);
	area = area_first_in(iopt, iova, last);
	if (unlikely(!area || area->node.first > iova || area->node.last < last))
		return areas_unpin_range(iopt, access, iova, last);
	return area_unpin(iopt, access, area, iova, last);
}

static int area_check_rw(const struct iopgt_area *area, unsigned int flags)
{
	int prot = flags & IOMMUFD_ACCESS_RW_WRITE ? IOMMU_WRITE : IOMMU_READ;

	return area->prot & prot ? 0 : -EPERM;
}

static int areas_rw(struct io_pagetable *iopt, unsigned long iova,
		    unsigned long last, void *data, unsigned int flags)
{
	struct iopgt_area *area = iopgt_covering(iopt, iova, last);
	int rc;

	if (!area)
		return -ENOENT;
	for (;;) {
		size_t n = min(last, area->node.last) - iova + 1;

		rc = area_check_rw(area, flags);
		if (!rc)
			rc = pages_rw(area->pages, area_start_at(area, iova),
				      data, n, flags);
		if (rc || area->node.last >= last)
			return rc;
		data += n;
		iova += n;
		area = area_next_in(area, last);
	}
}

/**
 * iopgt_rw() - Copy to or from what a range of IOVAs shows
 * @iopt: IOVA space
 * @iova: first IOVA
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep, but not for memory that is not there. Killable.
 * Return: 0; -ENOENT where not all is mapped; -EPERM for writing to what is not
 * mapped for writing, or reading what is not mapped for reading; -EINVAL for length
 * 0, or where it is not memory; -EOVERFLOW; -EINTR if killed; -EAGAIN where
 * iopgt_rw_slowly() has to begin anew.
 */
int iopgt_rw(struct io_pagetable *iopt, unsigned long iova, void *data,
	     size_t length, unsigned int flags)
{
	unsigned long last;
	int rc;

	rc = check_range(iova, length, &last);
	if (rc)
		return rc;
	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	rc = areas_rw(iopt, iova, last, data, flags);
	up_read(&iopt->iova_lock);
	return rc;
}

/* Keep the areas of a range mapped; with iova_lock held */
static int areas_hold(struct io_pagetable *iopt, unsigned long iova,
		      unsigned long last, unsigned int flags)
{
	struct iopgt_area *first, *area;
	int rc;

	first = iopgt_covering(iopt, iova, last);
	if (!first)
		return -ENOENT;
	for (area = first; area; area = area_next_in(area, last)) {
		rc = area_check_rw(area, flags);
		if (rc)
			return rc;
	}
	for (area = first; area; area = area_next_in(area, last)) {
		atomic_inc(&area->under_way);
		atomic_inc(&area->pins);
	}
	return 0;
}

static void areas_unhold(struct io_pagetable *iopt, unsigned long iova,
			 unsigned long last)
{
	struct iopgt_area *area;

	guard(rwsem_read)(&iopt->iova_lock);
	for_each_area_in(area, iopt, iova, last) {
		atomic_dec(&area->under_way);
		atomic_dec(&area->pins);
	}
	areas_ended(iopt);
}

/**
 * iopgt_rw_slowly() - Copy to or from what a range of IOVAs shows, and may not be there
 * @iopt: IOVA space
 * @iova: first IOVA
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep for as long as userspace wants, as userspace may provide the
 * memory. Nobody is kept from anything but unmapping the areas, and those who do are
 * killable.
 * Return: 0, or an errno of iopgt_rw(); -EFAULT or what pinning says where the memory
 * is gone. Part of the data may have been copied then.
 */
int iopgt_rw_slowly(struct io_pagetable *iopt, unsigned long iova, void *data,
		    size_t length, unsigned int flags)
{
	unsigned long at = iova, last, n;
	int rc;

	rc = check_range(iova, length, &last);
	if (rc)
		return rc;
	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	rc = areas_hold(iopt, iova, last, flags);
	up_read(&iopt->iova_lock);
	if (rc)
		return rc;
	do {
		struct iopgt_area *area;

		/* It stays what it is, but its neighbours may come and go */
		scoped_guard(rwsem_read, &iopt->iova_lock)
			area = area_first_in(iopt, at, at);
		n = min(last, area->node.last) - at + 1;
		rc = pages_rw_slowly(area->pages, area_start_at(area, at), data,
				     n, flags);
		data += n;
		at += n;
	} while (!rc && at - 1 != last);
	areas_unhold(iopt, iova, last);
	return rc;
}

static unsigned long areas_lookup(struct io_pagetable *iopt, unsigned long iova,
				  unsigned long max_length, phys_addr_t *phys)
{
	unsigned long done = 0, n;
	struct iopgt_area *area;
	phys_addr_t next;

	for_each_area_in(area, iopt, iova, ULONG_MAX) {
		while (done != max_length && area_is_live(area) &&
		       area->node.first <= iova && iova <= area->node.last) {
			n = min(max_length - done, area->node.last - iova + 1);
			if (pages_lookup(area->pages, area_start_at(area, iova),
					 n, &next, &n) ||
			    (done && next != *phys + done))
				return done;
			if (!done)
				*phys = next;
			done += n;
			iova += n;
		}
		if (done == max_length || !iova || iova <= area->node.last)
			break;
	}
	return done;
}

/**
 * iopgt_lookup_phys() - Where is a byte in physical memory?
 * @iopt: IOVA space with a domain
 * @iova: the byte
 * @max_length: bytes that the caller cares for, not 0
 * @phys: out: its physical address
 * @length: out: how many bytes are contiguous from there in both spaces, up to
 *          @max_length
 *
 * Context: may sleep. Killable.
 * Return: 0; -ENOENT where it is not mapped and pinned; -EINTR if killed.
 */
int iopgt_lookup_phys(struct io_pagetable *iopt, unsigned long iova,
		      unsigned long max_length, phys_addr_t *phys,
		      unsigned long *length)
{
	if (down_read_killable(&iopt->iova_lock))
		return -EINTR;
	*length = areas_lookup(iopt, iova, max_length, phys);
	up_read(&iopt->iova_lock);
	return *length ? 0 : -ENOENT;
}
