// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying between kernel buffers and an iommufd_pages. What is pinned is copied
 * through its runs: that is what devices see, even where the address space that
 * it came from has changed or gone. The rest is copied through the source.
 */
#include <linux/highmem.h>
#include <linux/iommufd.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "pages.h"
#include "pin.h"
#include "test_hooks.h"

static void copy_in_page(struct page *page, unsigned long offset, void *data,
			 size_t length, bool write)
{
	if (write)
		memcpy_to_page(page, offset, data, length);
	else
		memcpy_from_page(data, page, offset, length);
}

/* Up to @length bytes of one extent; how many there were */
static size_t rw_pinned(struct pages_extent *extent, unsigned long start,
			void *data, size_t length, bool write)
{
	unsigned long index = start >> PAGE_SHIFT;
	unsigned long offset = offset_in_page(start);
	struct pfn_cursor cursor;
	struct pfn_run run;
	size_t done = 0;

	pfn_cursor_seek(&cursor, &extent->store->runs,
			extent->offset + (index - extent->node.first),
			extent->node.last - index + 1);
	while (done != length && pfn_cursor_next(&cursor, &run)) {
		for (; run.npages && done != length; run.pfn++, run.npages--) {
			size_t n = min(length - done, PAGE_SIZE - offset);

			copy_in_page(pfn_to_page(run.pfn), offset, data + done,
				     n, write);
			done += n;
			offset = 0;
		}
		cond_resched();
	}
	return done;
}

static int rw_user(void __user *uptr, void *data, size_t length, bool write)
{
	if (iommufd_should_fail() ||
	    (write ? copy_to_user(uptr, data, length) :
		     copy_from_user(data, uptr, length)))
		return -EFAULT;
	return 0;
}

static int rw_kthread(struct mm_struct *mm, void __user *uptr, void *data,
		      size_t length, bool write)
{
	int rc;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	kthread_use_mm(mm);
	rc = rw_user(uptr, data, length, write);
	kthread_unuse_mm(mm);
	mmput(mm);
	return rc;
}

static struct page *pages_borrow_page(struct iommufd_pages *pages,
				      unsigned long start, bool write)
{
	if (pages->type == PAGES_USER)
		return pin_one_page(pages->payer.mm, pages->uaddr + start,
				    write);
	return pin_one_file_page(pages->file,
				 pages->first + (start >> PAGE_SHIFT));
}

/* Page by page, each pinned for the time of its copy */
static int rw_by_page(struct iommufd_pages *pages, unsigned long start,
		      void *data, size_t length, bool write)
{
	while (length) {
		size_t n = min(length, PAGE_SIZE - offset_in_page(start));
		struct page *page = pages_borrow_page(pages, start, write);

		if (IS_ERR(page))
			return PTR_ERR(page);
		copy_in_page(page, offset_in_page(start), data, n, write);
		unpin_user_page_range_dirty_lock(page, 1, write);
		start += n;
		data += n;
		length -= n;
	}
	return 0;
}

static int rw_unpinned(struct iommufd_pages *pages, unsigned long start,
		       void *data, size_t length, unsigned int flags)
{
	bool write = flags & IOMMUFD_ACCESS_RW_WRITE;

	if (pages->type == PAGES_USER &&
	    !(flags & __IOMMUFD_ACCESS_RW_SLOW_PATH)) {
		void __user *uptr = (void __user *)(pages->uaddr + start);

		if (pages->payer.mm == current->mm)
			return rw_user(uptr, data, length, write);
		if (flags & IOMMUFD_ACCESS_RW_KTHREAD)
			return rw_kthread(pages->payer.mm, uptr, data, length,
					  write);
	}
	return rw_by_page(pages, start, data, length, write);
}

/**
 * pages_rw() - Copy to or from a part of a range
 * @pages: the range
 * @start: first byte
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep; takes the lock.
 * Return: 0; -EPERM for writing to what is not writable; -EINVAL for memory
 * without struct pages; -EFAULT or what pinning says where the memory is not
 * there. Part of the data may have been copied then.
 */
int pages_rw(struct iommufd_pages *pages, unsigned long start, void *data,
	     size_t length, unsigned int flags)
{
	bool write = flags & IOMMUFD_ACCESS_RW_WRITE;

	if (pages->type == PAGES_DMABUF)
		return -EINVAL;
	if (write && !pages->writable)
		return -EPERM;

	guard(mutex)(&pages->lock);
	/* What an emulated device mostly does: a few bytes */
	if (offset_in_page(start) + length <= PAGE_SIZE) {
		unsigned long index = start >> PAGE_SHIFT;
		struct pages_extent *extent =
			pages_find_extent(pages, index, index);

		if (!extent)
			return rw_unpinned(pages, start, data, length, flags);
		copy_in_page(pfn_to_page(extent_pfn(extent, index)),
			     offset_in_page(start), data, length, write);
		return 0;
	}
	while (length) {
		unsigned long index = start >> PAGE_SHIFT;
		unsigned long last = (start + length - 1) >> PAGE_SHIFT;
		struct pages_extent *extent;
		size_t n = length;
		int rc;

		extent = pages_find_extent(pages, index, last);
		if (extent && extent->node.first <= index) {
			n = rw_pinned(extent, start, data, length, write);
		} else {
			if (extent)
				n = (extent->node.first << PAGE_SHIFT) - start;
			rc = rw_unpinned(pages, start, data, n, flags);
			if (rc)
				return rc;
		}
		start += n;
		data += n;
		length -= n;
	}
	return 0;
}
