// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying between kernel buffers and an iommufd_pages. What is pinned is copied
 * through its runs: that is what devices see, even where the address space that
 * it came from has changed or gone. The rest is copied through the source.
 */
#include <linux/highmem.h>
#include <linux/iommufd.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
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

/* The lock is held: nobody waits here for memory that userspace may keep back */
static int rw_user_if_there(void __user *uptr, void *data, size_t length,
			    bool write)
{
	unsigned long left;

	if (iommufd_should_fail())
		return -EFAULT;
	pagefault_disable();
	left = write ? copy_to_user(uptr, data, length) :
		       copy_from_user(data, uptr, length);
	pagefault_enable();
	return left ? -EAGAIN : 0;
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

/* A hole that a kthread fills is charged to the process that pays for the range */
static struct page *borrow_for_owner(struct iommufd_pages *pages,
				     unsigned long index)
{
	struct mem_cgroup *memcg, *old;
	struct page *page;

	scoped_guard(mutex, &pages->lock)
		memcg = get_mem_cgroup_from_mm(pages->payer.mm);
	old = set_active_memcg(memcg);
	page = pin_one_file_page(pages->file, index);
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return page;
}

static struct page *pages_borrow_page(struct iommufd_pages *pages,
				      unsigned long start, bool write)
{
	unsigned long index = pages->first + (start >> PAGE_SHIFT);

	if (pages->type == PAGES_USER)
		return pin_one_page(pages->payer.mm, pages->uaddr + start,
				    write);
	return current->mm ? pin_one_file_page(pages->file, index) :
			     borrow_for_owner(pages, index);
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
		cond_resched();
	}
	return 0;
}

/* Without the lock */
static int rw_unpinned_slowly(struct iommufd_pages *pages, unsigned long start,
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

static int rw_unpinned(struct iommufd_pages *pages, unsigned long start,
		       void *data, size_t length, unsigned int flags)
{
	if (pages->type != PAGES_USER || pages->payer.mm != current->mm ||
	    (flags & __IOMMUFD_ACCESS_RW_SLOW_PATH))
		return -EAGAIN;
	return rw_user_if_there((void __user *)(pages->uaddr + start), data,
				length, flags & IOMMUFD_ACCESS_RW_WRITE);
}

/*
 * Copy what is pinned at @start, or find out how much is not, up to @length bytes.
 * Returns how many bytes, and in *@pinned which of both.
 */
static size_t rw_pinned_part(struct iommufd_pages *pages, unsigned long start,
			     void *data, size_t length, bool write, bool *pinned)
{
	unsigned long index = start >> PAGE_SHIFT;
	unsigned long last = (start + length - 1) >> PAGE_SHIFT;
	struct pages_extent *extent = pages_find_extent(pages, index, last);

	*pinned = extent && extent->node.first <= index;
	if (*pinned)
		return rw_pinned(extent, start, data, length, write);
	return extent ? (extent->node.first << PAGE_SHIFT) - start : length;
}

static int rw_check(const struct iommufd_pages *pages, unsigned int flags)
{
	if (pages->type == PAGES_DMABUF)
		return -EINVAL;
	if ((flags & IOMMUFD_ACCESS_RW_WRITE) && !pages->writable)
		return -EPERM;
	return 0;
}

/**
 * pages_rw() - Copy to or from a part of a range
 * @pages: the range
 * @start: first byte
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep; takes the lock. Does not wait for memory.
 * Return: 0; -EPERM for writing to what is not writable; -EINVAL for memory
 * without struct pages; -EFAULT in tests; -EAGAIN where it would have to wait, with
 * part of the data copied: then pages_rw_slowly() does all of it.
 */
int pages_rw(struct iommufd_pages *pages, unsigned long start, void *data,
	     size_t length, unsigned int flags)
{
	bool write = flags & IOMMUFD_ACCESS_RW_WRITE;
	int rc = rw_check(pages, flags);

	if (rc)
		return rc;
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
		bool pinned;
		size_t n = rw_pinned_part(pages, start, data, length, write,
					  &pinned);

		if (!pinned) {
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

/**
 * pages_rw_slowly() - Copy to or from a part of a range that may not be there
 * @pages: the range
 * @start: first byte
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Context: may sleep, for as long as userspace wants; takes the lock, but not while
 * it waits for memory.
 * Return: as pages_rw(), but never -EAGAIN; -EFAULT or what pinning says where the
 * memory is not there. Part of the data may have been copied then.
 */
int pages_rw_slowly(struct iommufd_pages *pages, unsigned long start, void *data,
		    size_t length, unsigned int flags)
{
	bool write = flags & IOMMUFD_ACCESS_RW_WRITE, pinned;
	int rc = rw_check(pages, flags);
	size_t n;

	for (; length && !rc; length -= n) {
		scoped_guard(mutex, &pages->lock)
			n = rw_pinned_part(pages, start, data, length, write,
					   &pinned);
		if (!pinned)
			rc = rw_unpinned_slowly(pages, start, data, n, flags);
		start += n;
		data += n;
	}
	return rc;
}
