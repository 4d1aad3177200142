// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Pinned memory
 *
 * An iommufd_pages is one range of memory that userspace handed over. It is
 * shared by all areas that show it, in any number of IOVA spaces. Its users
 * claim the part that they need: an area while its IOVA space has domains, an
 * in-kernel access while it has pages pinned. A page is pinned and charged once,
 * when the first claim covers it, and given back when the last one goes.
 *
 * What is pinned is a tree of extents. All pages of an extent are covered by the
 * same number of claims; their runs are in a store, which extents share after
 * they were split at the bounds of a claim. Claiming splits and allocates, and
 * can fail; unclaiming neither allocates nor fails.
 *
 * iommufd_pages::lock protects the extents, and is held while domains are filled
 * from them. It is not held while memory is pinned: userspace may let its own memory
 * come as late as it likes. Claims take turns instead, and wait killably; unclaiming
 * waits for none of them.
 *
 * Who claims decides about the order: claim, fill; empty, flush the IOTLB, unclaim.
 * Nothing here knows of objects, nor of how IOVAs are chosen.
 */
#include <linux/file.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "pages.h"
#include "pin.h"
#include "test_hooks.h"

static struct kmem_cache *pages_cache;
static struct kmem_cache *extent_cache;

/* For the turn of whoever pins memory of any range: few have to wait for one */
static DECLARE_WAIT_QUEUE_HEAD(pages_turn_wait);

/**
 * pages_find_extent() - The first extent that touches a part
 * @pages: the range
 * @first: first page index
 * @last: last page index, inclusive
 *
 * Context: under the lock, which keeps the extent.
 * Return: the extent, or NULL where nothing of the part is pinned.
 */
struct pages_extent *pages_find_extent(struct iommufd_pages *pages,
				       unsigned long first,
				       unsigned long last)
{
	return extent_of(gap_tree_first_in(&pages->extents, first, last));
}

static struct pages_extent *extent_alloc(struct iommufd_pages *pages)
{
	struct pages_extent *extent = &pages->extent;
	struct pages_extent_alone *alone;

	if (unlikely(extent->claims)) {
		alone = kmem_cache_alloc(extent_cache, GFP_KERNEL_ACCOUNT);
		extent = alone ? &alone->extent : NULL;
	}
	if (extent) {
		extent->claims = 1;
		extent->pins = NULL;
	}
	return extent;
}

static void extent_free(struct iommufd_pages *pages,
			struct pages_extent *extent)
{
	if (extent == &pages->extent)
		extent->claims = 0;
	else
		kmem_cache_free(extent_cache, extent_alone(extent));
}

static struct pages_store *store_alloc(struct iommufd_pages *pages)
{
	struct pages_store *store = &pages->store;

	if (store->runs.owners)
		store = kzalloc_obj(*store, GFP_KERNEL_ACCOUNT);
	if (store)
		store->runs.owners = 1;
	return store;
}

static void store_put(struct iommufd_pages *pages, struct pages_store *store)
{
	if (--store->runs.owners)
		return;
	pfn_store_clear(&store->runs);
	if (store != &pages->store)
		kfree(store);
}

/* Into an empty store; on failure it has what must be released */
static int pages_pin_runs(struct iommufd_pages *pages, unsigned long first,
			  unsigned long npages, struct pfn_store *runs)
{
	int rc;

	if (pages->type == PAGES_DMABUF)
		return pfn_store_append(runs, pages_dmabuf_pfn(pages, first),
					npages);
	iommufd_test_pin_begin();
	if (pages->type == PAGES_USER)
		rc = pin_user_memory(pages->payer.mm,
				     pages->uaddr + first * PAGE_SIZE, npages,
				     pages->writable, runs);
	else
		rc = pin_file_memory(pages->file, pages->first + first, npages,
				     runs);
	iommufd_test_pin_end();
	return rc;
}

/* MMIO is neither pinned nor charged: revocation takes it away */
static void pages_unpin_runs(struct iommufd_pages *pages,
			     const struct pfn_store *runs, unsigned long first,
			     unsigned long npages)
{
	if (pages->type != PAGES_DMABUF)
		pin_release_runs(runs, first, npages, pages->writable);
}

static int pages_charge(struct iommufd_pages *pages, unsigned long npages)
{
	int rc;

	if (pages->type == PAGES_DMABUF)
		return 0;
	rc = pin_charge(&pages->payer, npages);
	if (rc)
		return rc;
	if (unlikely(pages->moving)) {
		rc = pin_move_charge(&pages->payer,
				     pin_new_payer(&pages->payer), npages);
		if (rc) {
			pin_uncharge(&pages->payer, npages);
			return rc;
		}
	}
	pages->charged += npages;
	return 0;
}

static void pages_uncharge(struct iommufd_pages *pages, unsigned long npages)
{
	if (pages->type == PAGES_DMABUF)
		return;
	pages->charged -= npages;
	if (unlikely(pages->moving))
		pin_move_uncharge(&pages->payer,
				  pin_new_payer(&pages->payer), npages);
	pin_uncharge(&pages->payer, npages);
}

/* An extent for what nobody has pinned yet, charged, with an empty store */
static __always_inline struct pages_extent *
pages_new_extent(struct iommufd_pages *pages, unsigned long first,
		 unsigned long last)
{
	struct pages_extent *extent;
	int rc = -ENOMEM;

	extent = extent_alloc(pages);
	if (!extent)
		return ERR_PTR(-ENOMEM);
	extent->node.first = first;
	extent->node.last = last;
	extent->offset = 0;
	extent->store = store_alloc(pages);
	if (!extent->store)
		goto free;
	rc = pages_charge(pages, last - first + 1);
	if (!rc)
		return extent;
	store_put(pages, extent->store);
free:
	extent_free(pages, extent);
	return ERR_PTR(rc);
}

/* Undo pages_new_extent(), and unpin what has been pinned until then */
static void pages_abort_extent(struct iommufd_pages *pages,
			       struct pages_extent *extent)
{
	const struct pfn_store *runs = &extent->store->runs;

	if (runs->npages)
		pages_unpin_runs(pages, runs, 0, runs->npages);
	pages_uncharge(pages, extent->node.last - extent->node.first + 1);
	store_put(pages, extent->store);
	extent_free(pages, extent);
}

/*
 * Pin what nobody has pinned yet, on behalf of one claim. Where others have the
 * range, the lock is held, and dropped for as long as it takes.
 */
static __always_inline int pages_add_extent(struct iommufd_pages *pages,
					    unsigned long first,
					    unsigned long last, bool shared)
{
	struct pages_extent *extent = pages_new_extent(pages, first, last);
	int rc;

	if (IS_ERR(extent))
		return PTR_ERR(extent);
	if (shared)
		mutex_unlock(&pages->lock);
	rc = pages_pin_runs(pages, first, last - first + 1,
			    &extent->store->runs);
	if (likely(!rc))
		pfn_store_seal(&extent->store->runs);
	if (shared)
		mutex_lock(&pages->lock);
	if (likely(!rc))
		gap_tree_insert(&pages->extents, &extent->node);
	else
		pages_abort_extent(pages, extent);
	return rc;
}

/* What else is to be done where it is taken out of the tree, or the tree goes */
static void pages_unpin_extent(struct iommufd_pages *pages,
			       struct pages_extent *extent)
{
	pages_unpin_runs(pages, &extent->store->runs, extent->offset,
			 extent->node.last - extent->node.first + 1);
	store_put(pages, extent->store);
	extent_free(pages, extent);
}

static void pages_drop_extent(struct iommufd_pages *pages,
			      struct pages_extent *extent)
{
	unsigned long npages = extent->node.last - extent->node.first + 1;

	gap_tree_erase(&pages->extents, &extent->node);
	pages_unpin_extent(pages, extent);
	pages_uncharge(pages, npages);
}

/* All that is pinned belongs to the last claim */
static void pages_drop_all(struct iommufd_pages *pages)
{
	struct pages_extent *extent, *next;
	struct gap_node *node = &pages->extent.node;

	if (likely(pages->extents.root.rb_node == &node->rb &&
		   !node->rb.rb_left && !node->rb.rb_right)) {
		pages_unpin_extent(pages, &pages->extent);
		goto uncharge;
	}
	/* Each before its parent: it is not taken out of the tree */
	rbtree_postorder_for_each_entry_safe(extent, next, &pages->extents.root,
					     node.rb) {
		pages_unpin_extent(pages, extent);
		cond_resched();
	}
uncharge:
	pages->extents = GAP_TREE_INIT;
	pages_uncharge(pages, pages->charged);
}

/* Make page @at the first one of an extent, where it is inside of one */
static int pages_split_extent(struct iommufd_pages *pages, unsigned long at)
{
	struct pages_extent *extent = pages_find_extent(pages, at, at);
	struct pages_extent *upper;

	if (!extent || extent->node.first == at)
		return 0;
	upper = extent_alloc(pages);
	if (!upper)
		return -ENOMEM;
	upper->claims = extent->claims;
	upper->store = extent->store;
	upper->offset = extent->offset + (at - extent->node.first);
	extent->store->runs.owners++;
	gap_tree_split(&pages->extents, &extent->node, &upper->node, at);
	return 0;
}

/*
 * Put together what the claims that are gone had split. Only done for the last
 * claim: the bounds of any other one must stay. Where that one is being added, there
 * are gaps that it has still to pin, with parts of one store on both sides.
 */
static void pages_merge_extents(struct iommufd_pages *pages)
{
	struct pages_extent *extent, *next;

	extent = pages_find_extent(pages, 0, ULONG_MAX);
	while (extent && (next = extent_next_in(extent, ULONG_MAX))) {
		if (next->store != extent->store ||
		    next->node.first != extent->node.last + 1) {
			extent = next;
			continue;
		}
		gap_tree_erase(&pages->extents, &next->node);
		gap_tree_erase(&pages->extents, &extent->node);
		extent->node.last = next->node.last;
		gap_tree_insert(&pages->extents, &extent->node);
		extent->store->runs.owners--;
		extent_free(pages, next);
		cond_resched();
	}
}

/* From the extent that it begins with */
static void pages_drop_claim(struct iommufd_pages *pages,
			     struct pages_extent *extent, unsigned long last)
{
	struct pages_extent *next;

	for (; extent; extent = next) {
		next = extent_next_in(extent, last);
		if (extent->claims == 1)
			pages_drop_extent(pages, extent);
		else
			extent->claims--;
		cond_resched();
	}
}

/**
 * pages_remove_claim() - Undo pages_add_claim()
 * @pages: the range
 * @extent: the extent that the claim begins with; not used for the last claim
 * @last: last page index of the claim, inclusive
 *
 * Context: may sleep, under the lock. Does not allocate.
 */
void pages_remove_claim(struct iommufd_pages *pages,
			struct pages_extent *extent, unsigned long last)
{
	if (!--pages->claims) {
		pages_drop_all(pages);
		return;
	}
	/* Most often nobody else has it, nor a part */
	if (extent->claims == 1 && extent->node.last == last)
		pages_drop_extent(pages, extent);
	else
		pages_drop_claim(pages, extent, last);
	if (pages->claims == 1)
		pages_merge_extents(pages);
}

/* The same where not all has been pinned */
static void pages_remove_part(struct iommufd_pages *pages, unsigned long first,
			      unsigned long last)
{
	if (!--pages->claims) {
		pages_drop_all(pages);
		return;
	}
	pages_drop_claim(pages, pages_find_extent(pages, first, last), last);
	if (pages->claims == 1)
		pages_merge_extents(pages);
}

/**
 * pages_add_claim() - Have a part pinned
 * @pages: the range
 * @first: first page index
 * @last: last page index, inclusive
 *
 * To be given back by pages_remove_claim().
 *
 * Context: may sleep, for as long as userspace likes; between pages_lock_turn() and
 * pages_unlock_turn(). Drops the lock meanwhile.
 * Return: as pages_claim(), with nothing changed on failure.
 */
int pages_add_claim(struct iommufd_pages *pages, unsigned long first,
		    unsigned long last)
{
	struct pages_extent *extent;
	unsigned long next, end;
	int rc = 0;

	/* No extent has more */
	if (unlikely(pages->claims == INT_MAX))
		return -EOVERFLOW;
	/* What is pinned already stays so from here on */
	if (pages_find_extent(pages, first, last)) {
		rc = pages_split_extent(pages, first);
		if (!rc)
			rc = pages_split_extent(pages, last + 1);
		if (rc)
			return rc;
	}
	pages->claims++;
	for (extent = pages_find_extent(pages, first, last); extent;
	     extent = extent_next_in(extent, last)) {
		extent->claims++;
		cond_resched();
	}

	/* Only claims add extents, and it is this one's turn: gaps stay gaps */
	for (next = first; next <= last; next = end + 1) {
		extent = pages_find_extent(pages, next, last);
		if (extent && extent->node.first == next) {
			end = extent->node.last;
			cond_resched();
			continue;
		}
		end = extent ? extent->node.first - 1 : last;
		rc = pages_add_extent(pages, next, end, true);
		if (rc) {
			pages_remove_part(pages, first, last);
			return rc;
		}
	}
	return 0;
}

/**
 * pages_lock_turn() - Lock a range, to add a claim
 * @pages: the range; no other claim is being added
 *
 * Context: may sleep, for as long as userspace likes.
 * Return: 0, with the lock held; or -EINTR if killed.
 */
int pages_lock_turn(struct iommufd_pages *pages)
{
	mutex_lock(&pages->lock);
	while (unlikely(pages->turn_taken)) {
		mutex_unlock(&pages->lock);
		if (wait_event_killable(pages_turn_wait,
					!READ_ONCE(pages->turn_taken)))
			return -EINTR;
		mutex_lock(&pages->lock);
	}
	/* Somebody who waits looks without the lock */
	WRITE_ONCE(pages->turn_taken, true);
	return 0;
}

/**
 * pages_unlock_turn() - Undo pages_lock_turn()
 * @pages: the range
 */
void pages_unlock_turn(struct iommufd_pages *pages)
{
	WRITE_ONCE(pages->turn_taken, false);
	mutex_unlock(&pages->lock);
	if (wq_has_sleeper(&pages_turn_wait))
		wake_up_all(&pages_turn_wait);
}

/**
 * pages_claim() - Have a part pinned
 * @pages: the range
 * @start: first byte
 * @length: bytes; to be given back by pages_unclaim() of the same part
 *
 * Context: may sleep, for as long as userspace likes: nothing must be held that
 * others wait for and cannot be killed. Takes the lock.
 * Return: 0; -ENOMEM without memory or where RLIMIT_MEMLOCK would be exceeded;
 * -EFAULT where user memory is not there or may not be written; -EINVAL where a
 * file is too short; -EOVERFLOW where a page frame does not fit into a run, or there
 * are too many claims to be counted; -EINTR if killed. Nothing is pinned or charged on failure.
 */
int pages_claim(struct iommufd_pages *pages, unsigned long start,
		unsigned long length)
{
	int rc = pages_lock_turn(pages);

	if (rc)
		return rc;
	rc = pages_add_claim(pages, start >> PAGE_SHIFT,
			     (start + length - 1) >> PAGE_SHIFT);
	pages_unlock_turn(pages);
	return rc;
}

/**
 * pages_claim_new() - Have a part pinned of what nobody else knows yet
 * @pages: a range of memory, not a dma-buf, that only the caller has
 * @start: first byte
 * @length: bytes
 *
 * Context: may sleep, as pages_claim(). Takes no lock.
 * Return: as pages_claim().
 */
int pages_claim_new(struct iommufd_pages *pages, unsigned long start,
		    unsigned long length)
{
	int rc = pages_add_extent(pages, start >> PAGE_SHIFT,
				  (start + length - 1) >> PAGE_SHIFT, false);

	if (likely(!rc))
		pages->claims = 1;
	return rc;
}

/**
 * pages_unclaim() - Give a part back
 * @pages: the range
 * @start: first byte, as it was claimed
 * @length: bytes, as it was claimed
 *
 * Nothing that used the claim may reach the memory any more: pages without
 * another claim are unpinned.
 *
 * Context: may sleep; takes the lock. Does not allocate.
 */
void pages_unclaim(struct iommufd_pages *pages, unsigned long start,
		   unsigned long length)
{
	unsigned long first;

	guard(mutex)(&pages->lock);
	if (likely(pages->claims == 1)) {
		pages->claims = 0;
		pages_drop_all(pages);
		return;
	}
	first = start >> PAGE_SHIFT;
	pages_remove_claim(pages, pages_find_extent(pages, first, first),
			   (start + length - 1) >> PAGE_SHIFT);
}

/**
 * pages_split_claim() - Make two claims of one
 * @pages: the range
 * @at: first byte of the upper one, page aligned, inside of a claim
 *
 * Context: may sleep; takes the lock.
 * Return: 0, or -ENOMEM with the claim as it was.
 */
int pages_split_claim(struct iommufd_pages *pages, unsigned long at)
{
	int rc;

	guard(mutex)(&pages->lock);
	rc = pages_split_extent(pages, at >> PAGE_SHIFT);
	if (!rc)
		pages->claims++;
	return rc;
}

/**
 * pages_new() - What every kind of range has
 * @type: kind
 * @start: first byte; only where it is in its page matters
 * @length: bytes
 * @writable: devices may write to it
 * @budget: how the context charges the current process
 *
 * Return: the range, or ERR_PTR() as pages_new_user().
 */
struct iommufd_pages *pages_new(enum pages_type type, unsigned long start,
				unsigned long length, bool writable,
				struct pin_budget *budget)
{
	struct iommufd_pages *pages;
	unsigned long last;

	if (!length)
		return ERR_PTR(-EINVAL);
	/* Byte offsets are relative to the first page, and fit a long */
	if (check_add_overflow(offset_in_page(start), length - 1, &last) ||
	    last > ULONG_MAX - PAGE_SIZE)
		return ERR_PTR(-EOVERFLOW);

	/* Not zeroed: single pages come and go by the million */
	pages = kmem_cache_alloc(pages_cache, GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	kref_init(&pages->kref);
	pages->type = type;
	pages->writable = writable;
	pages->turn_taken = false;
	pages->moving = false;
	mutex_init(&pages->lock);
	pages->dmabuf = NULL;
	pin_payer_init(&pages->payer, budget);
	pages->charged = 0;
	pages->claims = 0;
	pages->extents = GAP_TREE_INIT;
	pages->extent.claims = 0;
	pages->store = (struct pages_store){};
#ifdef CONFIG_IOMMUFD_TEST
	pages->npages = (last >> PAGE_SHIFT) + 1;
#endif
	return pages;
}

/**
 * pages_new_user() - A range of the current process's memory
 * @uptr: first byte
 * @length: bytes
 * @writable: devices may write to it
 * @budget: how the context charges the current process
 *
 * The range's page 0 is the one that @uptr is in.
 *
 * Return: the range; ERR_PTR() of -EINVAL for length 0, -EOVERFLOW where the
 * range is not one of addresses, -ENOMEM.
 */
struct iommufd_pages *pages_new_user(void __user *uptr, unsigned long length,
				     bool writable, struct pin_budget *budget)
{
	unsigned long start = (unsigned long)uptr;
	struct iommufd_pages *pages;
	unsigned long end;

	if (check_add_overflow(start, length, &end) ||
	    end > ULONG_MAX - PAGE_SIZE)
		return ERR_PTR(-EOVERFLOW);
	pages = pages_new(PAGES_USER, start, length, writable, budget);
	if (!IS_ERR(pages))
		pages->uaddr = start & PAGE_MASK;
	return pages;
}

/**
 * pages_new_file() - A range of a memfd
 * @file: shmem or hugetlbfs file; referenced
 * @start: first byte
 * @length: bytes
 * @writable: devices may write to it
 * @budget: how the context charges the current process
 *
 * Return: the range, or ERR_PTR() as pages_new_user(), of -EINVAL for a file of
 * another kind, and of -EPERM where @file was not opened for reading, or
 * @writable is not allowed.
 */
struct iommufd_pages *pages_new_file(struct file *file, unsigned long start,
				     unsigned long length, bool writable,
				     struct pin_budget *budget)
{
	struct iommufd_pages *pages;
	loff_t end;
	int rc;

	if (check_add_overflow(start, length, &end))
		return ERR_PTR(-EOVERFLOW);
	/* Any other file could be one that keeps the context itself alive */
	if (!pin_file_is_memory(file))
		return ERR_PTR(-EINVAL);
	rc = pin_file_may_read(file);
	if (rc)
		return ERR_PTR(rc);
	if (writable) {
		rc = pin_file_allow_writing(file);
		if (rc)
			return ERR_PTR(rc);
	}
	pages = pages_new(PAGES_FILE, start, length, writable, budget);
	if (IS_ERR(pages)) {
		if (writable)
			pin_file_end_writing(file);
		return pages;
	}
	pages->file = get_file(file);
	pages->first = start >> PAGE_SHIFT;
	return pages;
}

/**
 * pages_release_kref() - The last area is gone
 * @kref: iommufd_pages::kref
 *
 * For pages_put(). Every claim has been given back.
 */
void pages_release_kref(struct kref *kref)
{
	struct iommufd_pages *pages =
		container_of(kref, struct iommufd_pages, kref);

	WARN_ON_ONCE(pages->charged || !gap_tree_empty(&pages->extents));
	if (pages->type == PAGES_FILE) {
		if (pages->writable)
			pin_file_end_writing(pages->file);
		fput(pages->file);
	} else if (pages->type == PAGES_DMABUF) {
		pages_dmabuf_detach(pages);
	}
	pin_payer_release(&pages->payer);
	mutex_destroy(&pages->lock);
	kmem_cache_free(pages_cache, pages);
}

/**
 * pages_init() - Set the layer up
 * @user_size: bytes that come with each range, at pages_user()
 *
 * Return: 0 or -ENOMEM.
 */
int __init pages_init(size_t user_size)
{
	pages_cache = kmem_cache_create("iommufd_pages",
					sizeof(struct iommufd_pages) + user_size,
					__alignof__(struct iommufd_pages),
					SLAB_ACCOUNT, NULL);
	extent_cache = KMEM_CACHE(pages_extent_alone, SLAB_ACCOUNT);
	if (!pages_cache || !extent_cache) {
		pages_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * pages_exit() - Undo pages_init()
 */
void pages_exit(void)
{
	kmem_cache_destroy(extent_cache);
	kmem_cache_destroy(pages_cache);
}
