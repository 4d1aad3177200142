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
 * Context: may sleep.
 * Return: 0; -EADDRINUSE where an area is not aligned as it needs.
 */
int iopgt_add_access(struct io_pagetable *iopt, struct iopgt_access *access)
{
	int rc;

	guard(rwsem_write)(&iopt->domains_lock);
	guard(rwsem_write)(&iopt->iova_lock);
	rc = iopgt_raise_alignment(iopt, access->alignment);
	if (!rc)
		list_add_tail(&access->link, &iopt->accesses);
	return rc;
}

/**
 * iopgt_remove_access() - Undo iopgt_add_access()
 * @iopt: IOVA space
 * @access: an access without pins
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
 * iopgt_notify_accesses() - Ask all accesses to let go of a range
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
		access->unmap(access, iova, length);
}

static int check_range(unsigned long iova, unsigned long length,
		       unsigned long *last)
{
	if (!length)
		return -EINVAL;
	return check_add_overflow(iova, length - 1, last) ? -EOVERFLOW : 0;
}

static void areas_unpin_range(struct io_pagetable *iopt, unsigned long iova,
			      unsigned long last)
{
	struct iopgt_area *area;

	for_each_area_in(area, iopt, iova, last) {
		unsigned long from = max(iova, area->node.first);
		unsigned long to = min(last, area->node.last);

		pages_unclaim(area->pages, area_start_at(area, from),
			      to - from + 1);
		atomic_dec(&area->pins);
	}
}

/**
 * iopgt_pin() - Pin what a range of IOVAs shows
 * @iopt: IOVA space that the caller has an access with PAGE_SIZE alignment in
 * @iova: first IOVA, page aligned
 * @length: bytes, a multiple of PAGE_SIZE
 * @out_pages: the pages, in the order of their IOVAs; or NULL
 * @write: they will be written to
 *
 * Context: may sleep. Killable.
 * Return: 0; -ENOENT where not all is mapped; -EINVAL where it is not aligned, or
 * not memory; -EPERM for writing to what is read-only; -EOVERFLOW; an errno of
 * pages_pin().
 */
int iopgt_pin(struct io_pagetable *iopt, unsigned long iova,
	      unsigned long length, struct page **out_pages, bool write)
{
	struct iopgt_area *area;
	unsigned long last;
	int rc;

	rc = check_range(iova, length, &last);
	if (rc)
		return rc;
	if (!PAGE_ALIGNED(iova | length))
		return -EINVAL;

	guard(rwsem_read)(&iopt->iova_lock);
	area = iopgt_covering(iopt, iova, last);
	if (!area)
		return -ENOENT;
	for (; area; area = area_next_in(area, last)) {
		unsigned long from = max(iova, area->node.first);
		unsigned long to = min(last, area->node.last);
		unsigned long npages = (to - from + 1) >> PAGE_SHIFT;

		if (write && !(area->prot & IOMMU_WRITE))
			rc = -EPERM;
		else
			rc = pages_pin(area->pages,
				       area_start_at(area, from) >> PAGE_SHIFT,
				       npages, write, out_pages);
		if (rc) {
			if (from != iova)
				areas_unpin_range(iopt, iova, from - 1);
			return rc;
		}
		atomic_inc(&area->pins);
		if (out_pages)
			out_pages += npages;
	}
	return 0;
}

/**
 * iopgt_unpin() - Undo iopgt_pin()
 * @iopt: IOVA space
 * @iova: as it was pinned
 * @length: as it was pinned
 *
 * Context: may sleep. Fine from an access's unmap callback.
 */
void iopgt_unpin(struct io_pagetable *iopt, unsigned long iova,
		 unsigned long length)
{
	guard(rwsem_read)(&iopt->iova_lock);
	areas_unpin_range(iopt, iova, iova + length - 1);
}

/**
 * iopgt_rw() - Copy to or from what a range of IOVAs shows
 * @iopt: IOVA space
 * @iova: first IOVA
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep.
 * Return: 0; -ENOENT where not all is mapped; -EPERM for writing to what is
 * read-only; -EINVAL for length 0, or where it is not memory; -EOVERFLOW; -EFAULT
 * where the memory is gone.
 */
int iopgt_rw(struct io_pagetable *iopt, unsigned long iova, void *data,
	     size_t length, unsigned int flags)
{
	struct iopgt_area *area;
	unsigned long last;
	int rc;

	rc = check_range(iova, length, &last);
	if (rc)
		return rc;

	guard(rwsem_read)(&iopt->iova_lock);
	area = iopgt_covering(iopt, iova, last);
	if (!area)
		return -ENOENT;
	for (;;) {
		size_t n = min(last, area->node.last) - iova + 1;

		if ((flags & IOMMUFD_ACCESS_RW_WRITE) &&
		    !(area->prot & IOMMU_WRITE))
			return -EPERM;
		rc = pages_rw(area->pages, area_start_at(area, iova), data, n,
			      flags);
		if (rc || area->node.last >= last)
			return rc;
		data += n;
		iova += n;
		area = area_next_in(area, last);
	}
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
 * Context: may sleep.
 * Return: 0; -ENOENT where it is not mapped and pinned.
 */
int iopgt_lookup_phys(struct io_pagetable *iopt, unsigned long iova,
		      unsigned long max_length, phys_addr_t *phys,
		      unsigned long *length)
{
	unsigned long done = 0, n;
	struct iopgt_area *area;
	phys_addr_t next;

	guard(rwsem_read)(&iopt->iova_lock);
	for_each_area_in(area, iopt, iova, ULONG_MAX) {
		while (done != max_length && area_is_live(area) &&
		       area->node.first <= iova && iova <= area->node.last) {
			n = min(max_length - done, area->node.last - iova + 1);
			if (pages_lookup(area->pages, area_start_at(area, iova),
					 n, &next, &n) ||
			    (done && next != *phys + done))
				goto out;
			if (!done)
				*phys = next;
			done += n;
			iova += n;
		}
		if (done == max_length || !iova || iova <= area->node.last)
			break;
	}
out:
	*length = done;
	return done ? 0 : -ENOENT;
}
