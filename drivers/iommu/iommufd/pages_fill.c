// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Filling domains
 *
 * A claimed part of an iommufd_pages is mapped into domains by the runs of its
 * stores, and taken out again. A domain gives back what one call mapped, not a part
 * of it: where an unmap ends depends on the runs alone, see domain_unmap_runs().
 * What a driver leaves mapped is kept for ever.
 *
 * iommufd_pages::lock is held while runs are read.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "pages.h"

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
static noinline int pages_breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Page by page, for IOMMU_OPTION_HUGE_PAGES = 0 */
static noinline int domain_map_split(struct iommu_domain *domain,
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

/* @at: bytes that are mapped; *@done: out: the same afterwards, also where it fails */
static __always_inline int domain_map_run(struct iommu_domain *domain,
					  const struct pages_mapping *map,
					  phys_addr_t phys, size_t length,
					  unsigned long at, unsigned long *done)
{
	int rc;

	if (unlikely(map->split)) {
		*done = at;
		return domain_map_split(domain, map, phys, length, done);
	}
	rc = domain_map(domain, map->iova + at, phys, length, map->prot);
	*done = likely(!rc) ? at + length : at;
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
	unsigned long at = 0, rested = 0;
	struct pages_walk walk;
	struct pfn_run run;
	int rc;

	pages_walk_init(&walk, pages, map->start >> PAGE_SHIFT,
			(map->start + map->length - 1) >> PAGE_SHIFT);
	while (pages_walk_next(&walk, &run)) {
		unsigned long bytes = min(run.npages * PAGE_SIZE - skip,
					  map->length - at);

		rc = domain_map_run(domain, map, PFN_PHYS(run.pfn) + skip,
				    bytes, at, done);
		if (rc)
			return rc;
		at += bytes;
		skip = 0;
		if (unlikely(at - rested >= PAGES_BREATHER)) {
			rested = at;
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
				    map->length, 0, &done);
	else
		rc = domain_map_each(pages, map, domain, &done);
	if (!rc)
		rc = domain_map_done(domain, map->iova, map->length);
	if (unlikely(rc))
		domain_unmap_done(pages, map, domain, done);
	return rc;
}

/* MMIO: remembered, and mapped uncached where it is not revoked */
static int pages_fill_dmabuf(struct iommufd_pages *pages,
			     struct pages_mapping *map,
			     struct iommu_domain *domain)
{
	struct pages_mapping mmio;
	int rc;

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
	if (unlikely(pages->type == PAGES_DMABUF))
		return pages_fill_dmabuf(pages, map, domain);
	return domain_map_runs(pages, map, domain);
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
 * pages_forget() - A part goes with a domain that is about to be freed
 * @pages: the range
 * @map: as it was given to pages_fill()
 * @domain: the domain, which no device uses, and none will
 *
 * In place of pages_empty(), where the domain's table goes with it.
 *
 * Context: may sleep; takes the lock where it must.
 */
void pages_forget(struct iommufd_pages *pages, const struct pages_mapping *map,
		  struct iommu_domain *domain)
{
	if (pages->type != PAGES_DMABUF)
		return;
	guard(mutex)(&pages->lock);
	pages_dmabuf_forget(pages, map, domain);
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
