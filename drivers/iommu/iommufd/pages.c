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
 * from them. Who claims decides about the order: claim, fill; empty, flush the
 * IOTLB, unclaim. Nothing here knows of objects, nor of how IOVAs are chosen.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "pages.h"
#include "pin.h"
#include "test_hooks.h"

static struct kmem_cache *pages_cache;
static struct kmem_cache *extent_cache;

static struct pages_extent *extent_of(struct gap_node *node)
{
	return node ? container_of(node, struct pages_extent, node) : NULL;
}

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

static struct pages_extent *extent_next_in(struct pages_extent *extent,
					   unsigned long last)
{
	return extent_of(gap_tree_next_in(&extent->node, last));
}

static struct pages_extent *extent_alloc(struct iommufd_pages *pages)
{
	struct pages_extent *extent = &pages->extent;

	if (extent->claims)
		extent = kmem_cache_alloc(extent_cache, GFP_KERNEL_ACCOUNT);
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
		kmem_cache_free(extent_cache, extent);
}

static struct pages_store *store_alloc(struct iommufd_pages *pages)
{
	struct pages_store *store = &pages->store;

	if (store->extents)
		store = kzalloc_obj(*store, GFP_KERNEL_ACCOUNT);
	if (store)
		store->extents = 1;
	return store;
}

static void store_put(struct iommufd_pages *pages, struct pages_store *store)
{
	if (--store->extents)
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
	if (unlikely(pages->new_payer)) {
		rc = pin_move_charge(&pages->payer, pages->new_payer, npages);
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
	if (unlikely(pages->new_payer))
		pin_move_uncharge(&pages->payer, pages->new_payer, npages);
	pin_uncharge(&pages->payer, npages);
}

/* Pin what nobody has pinned yet, on behalf of one claim */
static int pages_add_extent(struct iommufd_pages *pages, unsigned long first,
			    unsigned long last)
{
	unsigned long npages = last - first + 1;
	struct pages_extent *extent;
	struct pages_store *store;
	int rc = -ENOMEM;

	extent = extent_alloc(pages);
	if (!extent)
		return -ENOMEM;
	store = store_alloc(pages);
	if (!store)
		goto free_extent;

	rc = pages_charge(pages, npages);
	if (rc)
		goto free_store;
	rc = pages_pin_runs(pages, first, npages, &store->runs);
	if (rc)
		goto unpin;
	pfn_store_seal(&store->runs);

	extent->node.first = first;
	extent->node.last = last;
	extent->store = store;
	extent->offset = 0;
	gap_tree_insert(&pages->extents, &extent->node);
	return 0;

unpin:
	if (store->runs.npages)
		pages_unpin_runs(pages, &store->runs, 0, store->runs.npages);
	pages_uncharge(pages, npages);
free_store:
	store_put(pages, store);
free_extent:
	extent_free(pages, extent);
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

	/* Each before its parent: it is not taken out of the tree */
	rbtree_postorder_for_each_entry_safe(extent, next, &pages->extents.root,
					     node.rb)
		pages_unpin_extent(pages, extent);
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
	extent->store->extents++;
	gap_tree_split(&pages->extents, &extent->node, &upper->node, at);
	return 0;
}

/*
 * Put together what the claims that are gone had split. Only done for the last
 * claim: the bounds of any other one must stay.
 */
static void pages_merge_extents(struct iommufd_pages *pages)
{
	struct pages_extent *extent, *next;

	extent = pages_find_extent(pages, 0, ULONG_MAX);
	while (extent && (next = extent_next_in(extent, ULONG_MAX))) {
		if (next->store != extent->store) {
			extent = next;
			continue;
		}
		gap_tree_erase(&pages->extents, &next->node);
		gap_tree_erase(&pages->extents, &extent->node);
		extent->node.last = next->node.last;
		gap_tree_insert(&pages->extents, &extent->node);
		extent->store->extents--;
		extent_free(pages, next);
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
	}
}

/**
 * pages_add_claim() - Have a part pinned
 * @pages: the range
 * @first: first page index
 * @last: last page index, inclusive
 *
 * To be given back by pages_remove_claim().
 *
 * Context: may sleep, under the lock.
 * Return: as pages_claim_fill(); -EOVERFLOW where there are too many claims to be
 * counted.
 */
int pages_add_claim(struct iommufd_pages *pages, unsigned long first,
		    unsigned long last)
{
	unsigned long next = first;
	struct pages_extent *extent;
	int rc;

	/* No extent has more */
	if (unlikely(pages->claims == INT_MAX))
		return -EOVERFLOW;
	/* Nothing is pinned of it, so nothing has to be split */
	if (!pages->claims || !pages_find_extent(pages, first, last)) {
		rc = pages_add_extent(pages, first, last);
		if (!rc)
			pages->claims++;
		return rc;
	}
	rc = pages_split_extent(pages, first);
	if (rc)
		return rc;
	rc = pages_split_extent(pages, last + 1);
	if (rc)
		return rc;

	extent = pages_find_extent(pages, first, last);
	for (;;) {
		if (!extent || extent->node.first != next) {
			rc = pages_add_extent(pages, next,
					      extent ? extent->node.first - 1 :
						       last);
			if (rc)
				goto undo;
		}
		if (!extent)
			break;
		extent->claims++;
		next = extent->node.last + 1;
		if (next > last)
			break;
		extent = extent_next_in(extent, last);
	}
	pages->claims++;
	return 0;

undo:
	if (next != first)
		pages_drop_claim(pages, pages_find_extent(pages, first, first),
				 next - 1);
	return rc;
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

static void pages_remove_claim_at(struct iommufd_pages *pages,
				  unsigned long first, unsigned long last)
{
	struct pages_extent *extent = NULL;

	if (pages->claims != 1)
		extent = pages_find_extent(pages, first, first);
	pages_remove_claim(pages, extent, last);
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
	guard(mutex)(&pages->lock);
	pages_remove_claim_at(pages, start >> PAGE_SHIFT,
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
 * struct pages_walk - the runs of a claimed part, in order
 * @extent: current extent
 * @cursor: position in its runs
 * @last: last page index wanted
 * @inside: set where the next piece goes on within a run of the store, which the
 *          end of an extent has cut; cleared by whoever looks at it
 *
 * Pieces are clipped by extents, which other claims split and merge: where one
 * ends, domains need not have a bound.
 */
struct pages_walk {
	struct pages_extent *extent;
	struct pfn_cursor cursor;
	unsigned long last;
	bool inside;
};

static void pages_walk_extent(struct pages_walk *walk, unsigned long first)
{
	const struct pages_extent *extent = walk->extent;

	pfn_cursor_seek(&walk->cursor, &extent->store->runs,
			extent->offset + (first - extent->node.first),
			min(extent->node.last, walk->last) - first + 1);
}

static void pages_walk_init(struct pages_walk *walk,
			    struct iommufd_pages *pages, unsigned long first,
			    unsigned long last)
{
	walk->last = last;
	walk->inside = false;
	walk->extent = pages_find_extent(pages, first, last);
	pages_walk_extent(walk, first);
}

static noinline bool pages_walk_next_extent(struct pages_walk *walk)
{
	const struct pages_store *store = walk->extent->store;

	walk->extent = extent_next_in(walk->extent, walk->last);
	if (!walk->extent)
		return false;
	pages_walk_extent(walk, walk->extent->node.first);
	walk->inside = walk->extent->store == store && walk->cursor.skip;
	return true;
}

static __always_inline bool pages_walk_next(struct pages_walk *walk,
					    struct pfn_run *run)
{
	while (!pfn_cursor_next(&walk->cursor, run))
		if (!pages_walk_next_extent(walk))
			return false;
	return true;
}

/* iommu_map_nosync() is not there for modules: they pay for a sync per run */
static int domain_map(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys, size_t length, int prot)
{
#if IS_BUILTIN(CONFIG_IOMMUFD)
	return iommu_map_nosync(domain, iova, phys, length, prot,
				GFP_KERNEL_ACCOUNT);
#else
	return iommu_map(domain, iova, phys, length, prot, GFP_KERNEL_ACCOUNT);
#endif
}

static int domain_map_done(struct iommu_domain *domain, unsigned long iova,
			   size_t length)
{
#if IS_BUILTIN(CONFIG_IOMMUFD)
	return iommu_sync_map(domain, iova, length);
#else
	return 0;
#endif
}

/* Every PAGES_BREATHER of a mapping: -EINTR if killed */
static int pages_breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Page by page, for IOMMU_OPTION_HUGE_PAGES = 0 */
static int domain_map_split(struct iommu_domain *domain,
			    const struct pages_mapping *map,
			    phys_addr_t phys, size_t length,
			    unsigned long *done)
{
	for (size_t n = 0; n != length; n += PAGE_SIZE) {
		int rc = domain_map(domain, map->iova + *done, phys + n,
				    PAGE_SIZE, map->prot);

		if (rc)
			return rc;
		*done += PAGE_SIZE;
		if (*done % PAGES_BREATHER == 0) {
			rc = pages_breathe();
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* *@done: bytes that are mapped, brought forward also where it fails */
static int domain_map_run(struct iommu_domain *domain,
			  const struct pages_mapping *map,
			  phys_addr_t phys, size_t length, unsigned long *done)
{
	int rc;

	if (unlikely(map->split))
		return domain_map_split(domain, map, phys, length, done);
	rc = domain_map(domain, map->iova + *done, phys, length, map->prot);
	if (likely(!rc))
		*done += length;
	return rc;
}

/* If the part is physically contiguous: where its first page is, else 0 */
static unsigned long pages_contiguous_pfn(struct iommufd_pages *pages,
					  unsigned long first,
					  unsigned long last)
{
	const struct pages_extent *extent = pages_find_extent(pages, first, last);

	if (extent->store->runs.nr_chunks || extent->node.last < last)
		return 0;
	return extent_pfn(extent, first);
}

/* *@done: out: bytes that are mapped, also where it fails */
static int domain_map_each(struct iommufd_pages *pages,
			   const struct pages_mapping *map,
			   struct iommu_domain *domain, unsigned long *done)
{
	unsigned long skip = offset_in_page(map->start);
	unsigned long rested = 0;
	struct pages_walk walk;
	struct pfn_run run;
	int rc;

	pages_walk_init(&walk, pages, map->start >> PAGE_SHIFT,
			(map->start + map->length - 1) >> PAGE_SHIFT);
	while (pages_walk_next(&walk, &run)) {
		unsigned long bytes = min(run.npages * PAGE_SIZE - skip,
					  map->length - *done);

		rc = domain_map_run(domain, map, PFN_PHYS(run.pfn) + skip,
				    bytes, done);
		if (rc)
			return rc;
		skip = 0;
		if (*done - rested >= PAGES_BREATHER) {
			rested = *done;
			rc = pages_breathe();
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Each page was mapped by a call of its own */
static bool domain_unmap_split(const struct pages_mapping *map,
			       struct iommu_domain *domain,
			       struct iommu_iotlb_gather *gather)
{
	unsigned long done, n;
	bool all = true;

	for (done = 0; done != map->length; done += n) {
		n = min_t(unsigned long, map->length - done, PAGES_BREATHER);
		if (!domain_unmap(domain, map->iova + done, n, gather))
			all = false;
		cond_resched();
	}
	return all;
}

/*
 * A domain gives back what one call mapped, not a part of it. Each call mapped a
 * run of a store, or less where an extent ended then: so the ends of runs are the
 * bounds that every domain has, whatever has become of the extents since. The
 * claim keeps the store of each page as it is.
 */
static bool domain_unmap_runs(struct iommufd_pages *pages,
			      const struct pages_mapping *map,
			      struct iommu_domain *domain,
			      struct iommu_iotlb_gather *gather)
{
	unsigned long skip = offset_in_page(map->start);
	unsigned long done = 0, reached = 0;
	struct pages_walk walk;
	struct pfn_run run;
	bool all = true;

	lockdep_assert_held(&pages->lock);
	if (map->split)
		return domain_unmap_split(map, domain, gather);

	pages_walk_init(&walk, pages, map->start >> PAGE_SHIFT,
			(map->start + map->length - 1) >> PAGE_SHIFT);
	while (pages_walk_next(&walk, &run)) {
		if (reached - done >= PAGES_BREATHER && !walk.inside) {
			if (!domain_unmap(domain, map->iova + done,
					  reached - done, gather))
				all = false;
			done = reached;
			cond_resched();
		}
		walk.inside = false;
		reached = min(reached + run.npages * PAGE_SIZE - skip,
			      map->length);
		skip = 0;
	}
	if (!domain_unmap(domain, map->iova + done, map->length - done, gather))
		all = false;
	return all;
}

/**
 * pages_warn_stuck() - Say that a device may reach what it should not
 * @map: where; an IOMMU driver did not take all of it out of a domain
 */
void pages_warn_stuck(const struct pages_mapping *map)
{
	pr_warn_once("iommufd: invariant broken: an IOMMU driver left IOVAs 0x%lx-0x%lx mapped, or a part of them\n",
		     map->iova, map->iova + map->length - 1);
}

/*
 * Fail closed: a device may still reach what a driver did not take out of a domain.
 * One claim more, that nobody has, keeps it pinned and charged for ever.
 */
static void pages_keep_locked(struct iommufd_pages *pages,
			      struct pages_mapping *map)
{
	unsigned long last = (map->start + map->length - 1) >> PAGE_SHIFT;
	struct pages_extent *extent;

	lockdep_assert_held(&pages->lock);
	pages_warn_stuck(map);
	if (map->stuck)
		return;
	map->stuck = true;
	/* The caller claims the same pages: the bounds are there already */
	extent = pages_find_extent(pages, map->start >> PAGE_SHIFT, last);
	for (; extent; extent = extent_next_in(extent, last))
		extent->claims++;
	pages->claims++;
	pages_get(pages);
	__module_get(THIS_MODULE);
}

/**
 * pages_keep() - Never give back what a driver left in a domain
 * @pages: the range
 * @map: what was to be taken out, with the caller's claim; is stuck from now on
 *
 * Context: may sleep; takes the lock.
 */
void pages_keep(struct iommufd_pages *pages, struct pages_mapping *map)
{
	guard(mutex)(&pages->lock);
	pages_keep_locked(pages, map);
}

/* Take the first @done bytes out again, which end where a call's mapping does */
static void domain_unmap_done(struct iommufd_pages *pages,
			      struct pages_mapping *map,
			      struct iommu_domain *domain, unsigned long done)
{
	struct pages_mapping part = *map;
	struct iommu_iotlb_gather gather;
	bool all;

	if (!done)
		return;
	part.length = done;
	iommu_iotlb_gather_init(&gather);
	all = domain_unmap_runs(pages, &part, domain, &gather);
	iommu_iotlb_sync(domain, &gather);
	if (!all)
		pages_keep_locked(pages, map);
}

static int domain_map_runs(struct iommufd_pages *pages,
			   struct pages_mapping *map,
			   struct iommu_domain *domain)
{
	unsigned long pfn, done = 0;
	int rc;

	pfn = pages_contiguous_pfn(pages, map->start >> PAGE_SHIFT,
				   (map->start + map->length - 1) >> PAGE_SHIFT);
	if (pfn)
		rc = domain_map_run(domain, map,
				    PFN_PHYS(pfn) + offset_in_page(map->start),
				    map->length, &done);
	else
		rc = domain_map_each(pages, map, domain, &done);
	if (!rc)
		rc = domain_map_done(domain, map->iova, map->length);
	if (unlikely(rc))
		domain_unmap_done(pages, map, domain, done);
	return rc;
}

static int pages_fill_locked(struct iommufd_pages *pages,
			     struct pages_mapping *map,
			     struct iommu_domain *domain)
{
	struct pages_mapping mmio;
	int rc;

	lockdep_assert_held(&pages->lock);
	if (pages->type != PAGES_DMABUF)
		return domain_map_runs(pages, map, domain);

	rc = pages_dmabuf_remember(pages, map, domain);
	if (rc || pages_dmabuf_revoked(pages))
		return rc;
	mmio = *map;
	mmio.prot = (map->prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	rc = domain_map_runs(pages, &mmio, domain);
	if (rc)
		pages_dmabuf_forget(pages, map, domain);
	map->stuck = mmio.stuck;
	return rc;
}

/**
 * pages_fill() - Map a claimed part into a domain
 * @pages: the range
 * @map: what, and where
 * @domain: a paging domain, with nothing at these IOVAs
 *
 * What has been revoked by its exporter is remembered, but not mapped.
 *
 * Context: may sleep; takes the lock.
 * Return: 0, -ENOMEM, -EINTR if killed, or an errno of the IOMMU driver, with
 * the domain as it was, unless @map is stuck.
 */
int pages_fill(struct iommufd_pages *pages, struct pages_mapping *map,
	       struct iommu_domain *domain)
{
	guard(mutex)(&pages->lock);
	return pages_fill_locked(pages, map, domain);
}

/**
 * pages_claim_fill() - Have a part pinned, and map it into the first domain
 * @pages: the range
 * @map: what, and where; to be given back by pages_empty() and pages_unclaim()
 * @domain: a paging domain, with nothing at these IOVAs
 *
 * Context: may sleep; takes the lock.
 * Return: 0; -ENOMEM without memory or where RLIMIT_MEMLOCK would be exceeded;
 * -EFAULT where user memory is not there or may not be written; -EINVAL where a
 * file is too short; -EINTR if killed; or an errno of pages_fill(). Nothing is
 * pinned, charged or mapped on failure, unless @map is stuck.
 */
int pages_claim_fill(struct iommufd_pages *pages, struct pages_mapping *map,
		     struct iommu_domain *domain)
{
	unsigned long first = map->start >> PAGE_SHIFT;
	unsigned long last = (map->start + map->length - 1) >> PAGE_SHIFT;
	int rc;

	guard(mutex)(&pages->lock);
	rc = pages_add_claim(pages, first, last);
	if (rc)
		return rc;
	rc = pages_fill_locked(pages, map, domain);
	if (rc)
		pages_remove_claim_at(pages, first, last);
	return rc;
}

/**
 * pages_empty_slowly() - Take a part out of a domain, bit by bit
 * @pages: the range
 * @map: as pages_empty()
 * @domain: the domain
 * @gather: as pages_empty()
 *
 * For pages_empty().
 *
 * Context: may sleep; takes the lock.
 */
void pages_empty_slowly(struct iommufd_pages *pages, struct pages_mapping *map,
			struct iommu_domain *domain,
			struct iommu_iotlb_gather *gather)
{
	guard(mutex)(&pages->lock);
	if (pages->type == PAGES_DMABUF &&
	    !pages_dmabuf_forget(pages, map, domain))
		return;
	if (!domain_unmap_runs(pages, map, domain, gather))
		pages_keep_locked(pages, map);
	/* A revocation that finds it forgotten relies on its being flushed */
	if (pages->type == PAGES_DMABUF)
		iommu_iotlb_sync(domain, gather);
}

/**
 * pages_lookup() - Where is a byte in physical memory?
 * @pages: the range
 * @start: the byte
 * @max_length: bytes that the caller cares for, not 0, inside of the range
 * @phys: out: its physical address
 * @length: out: how many bytes are contiguous from there, up to @max_length
 *
 * Context: may sleep; takes the lock.
 * Return: 0, or -ENOENT where it is not pinned.
 */
int pages_lookup(struct iommufd_pages *pages, unsigned long start,
		 unsigned long max_length, phys_addr_t *phys,
		 unsigned long *length)
{
	unsigned long index = start >> PAGE_SHIFT;
	struct pages_extent *extent;
	struct pages_walk walk;
	struct pfn_run run;

	guard(mutex)(&pages->lock);
	extent = pages_find_extent(pages, index, index);
	if (!extent ||
	    (pages->type == PAGES_DMABUF && pages_dmabuf_revoked(pages)))
		return -ENOENT;

	pages_walk_init(&walk, pages, index, extent->node.last);
	pages_walk_next(&walk, &run);
	*phys = PFN_PHYS(run.pfn) + offset_in_page(start);
	*length = min(run.npages * PAGE_SIZE - offset_in_page(start),
		      max_length);
	return 0;
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
	mutex_init(&pages->lock);
	pages->npages = (last >> PAGE_SHIFT) + 1;
	pages->dmabuf = NULL;
	pin_payer_init(&pages->payer, budget);
	pages->new_payer = NULL;
	pages->charged = 0;
	pages->claims = 0;
	pages->extents = GAP_TREE_INIT;
	pages->extent.claims = 0;
	pages->store = (struct pages_store){};
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
	extent_cache = KMEM_CACHE(pages_extent, SLAB_ACCOUNT);
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
