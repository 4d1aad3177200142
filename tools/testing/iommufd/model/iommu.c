// SPDX-License-Identifier: GPL-2.0-only
/*
 * Models of IO page tables, behind the interface of the IOMMU core. A domain is a
 * sorted array of leaves; every one of them is taken to be in the IOTLB from the
 * moment it is mapped until it is flushed, as a device may have used it at once.
 *
 * All agree on what iommu_map() makes of a range: the largest leaves that fit
 * (iommu_pgsize(), pt_compute_best_pgsize()). They differ in what an unmap does
 * that begins or ends within a leaf. Neither is of use to the driver: whatever
 * the driver unmaps must consist of whole iommu_map() calls, and this is checked
 * as well.
 */
#include "ref.h"

struct model_domain model_domains[MODEL_DOMAINS];
bool model_short;

static const struct model_format {
	unsigned long pgsizes;
	unsigned long aperture_start, aperture_end;
	bool force_aperture;
} model_formats[MODEL_IOMMU_KINDS] = {
	[MODEL_GENERIC] = { SZ_4K | SZ_32K | SZ_256K, 0, (1UL << 57) - 1, true },
	[MODEL_ARM] = { SZ_4K | SZ_32K | SZ_256K, 0, (1UL << 48) - 1, true },
	[MODEL_ONE] = { SZ_4K, 0, ULONG_MAX, false },
	[MODEL_CONTIG] = { ~(SZ_4K - 1UL) & (SZ_8M - 1UL), 0, ULONG_MAX, true },
	[MODEL_SMALL] = { SZ_2K | SZ_4K | SZ_16K, SZ_16K, SZ_4M - 1, true },
	[MODEL_LARGE] = { SZ_4K | SZ_128K, 0, (1UL << 39) - 1, true },
};

static struct model_domain *model_domain_of(struct iommu_domain *domain)
{
	return container_of(domain, struct model_domain, domain);
}

/* The first leaf that ends at or behind an IOVA */
unsigned int model_find_leaf(const struct model_domain *d, unsigned long iova)
{
	unsigned int low = 0, high = d->nr;

	while (low != high) {
		unsigned int middle = low + (high - low) / 2;

		if (model_leaf_last(&d->leaf[middle]) >= iova)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static unsigned long leaf_pages(const struct model_leaf *leaf)
{
	return leaf->shift > PAGE_SHIFT ? 1UL << (leaf->shift - PAGE_SHIFT) : 1;
}

/* A device reaches the memory behind a leaf, or does no longer */
static void leaf_reach(const struct model_leaf *leaf, int add)
{
	for (unsigned long i = 0; i != leaf_pages(leaf); i++)
		model_frames[leaf->frame + i].reach += add;
}

static void leaf_check_memory(const struct model_leaf *leaf)
{
	for (unsigned long i = 0; i != leaf_pages(leaf); i++) {
		int frame = leaf->frame + i;

		if (model_frames[frame].mmio)
			MODEL_CHECK(model_frames[frame].mmio_live &&
				    (leaf->prot & IOMMU_MMIO),
				    "MMIO is mapped that was revoked, or as memory");
		else
			MODEL_CHECK(model_pins[frame],
				    "PFN 0x%lx is mapped, and not pinned",
				    model_frames[frame].pfn);
	}
}

/* The largest leaf that can begin a range; 0 if none can */
static unsigned long best_pgsize(unsigned long pgsizes, unsigned long iova,
				 phys_addr_t phys, size_t size)
{
	pgsizes &= GENMASK(__fls(size), 0);
	if (iova | phys)
		pgsizes &= GENMASK(__ffs(iova | phys), 0);
	return pgsizes ? 1UL << __fls(pgsizes) : 0;
}

static void leaves_make_room(struct model_leaf **leaf, unsigned int *room,
			     unsigned int wanted)
{
	if (wanted <= *room)
		return;
	*room = max(64u, 2 * wanted);
	*leaf = model_realloc(*leaf, *room * sizeof(**leaf));
}

static bool leaf_is_stale(const struct model_domain *d, unsigned long first,
			  unsigned long last)
{
	for (unsigned int i = 0; i != d->nr_stale; i++)
		if (d->stale[i].iova <= last &&
		    model_leaf_last(&d->stale[i]) >= first)
			return true;
	return false;
}

int iommu_map_nosync(struct iommu_domain *domain, unsigned long iova,
		     phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	struct model_domain *d = model_domain_of(domain);
	const struct model_format *format = &model_formats[d->kind];
	unsigned long last = iova + (size - 1), at, pgsize;
	unsigned int first_leaf, nr = 0;
	phys_addr_t to = phys;

	MODEL_CHECK(size && last >= iova, "iommu_map() of nothing");
	MODEL_CHECK(prot & (IOMMU_READ | IOMMU_WRITE), "iommu_map() for nothing");
	MODEL_CHECK(!format->force_aperture ||
		    (iova >= format->aperture_start &&
			     last <= format->aperture_end),
		    "iommu_map() outside of the aperture");
	for (at = iova; at - iova != size; at += pgsize, to += pgsize, nr++) {
		pgsize = best_pgsize(format->pgsizes, at, to, size - (at - iova));
		MODEL_CHECK(pgsize, "iommu_map() of an unaligned range");
	}
	if (model_fault(MODEL_FAULT_MAP))
		return -ENOMEM;

	d->changed = true;
	first_leaf = model_find_leaf(d, iova);
	if (first_leaf != d->nr && d->leaf[first_leaf].iova <= last) {
		MODEL_CHECK(model_short,
			    "iommu_map() over a mapping, at 0x%lx", iova);
		return -EADDRINUSE;
	}
	MODEL_CHECK(model_short || !leaf_is_stale(d, iova, last),
		    "iommu_map() at 0x%lx, where the IOTLB was not flushed",
		    iova);
	leaves_make_room(&d->leaf, &d->room, d->nr + nr);
	memmove(d->leaf + first_leaf + nr, d->leaf + first_leaf,
		(d->nr - first_leaf) * sizeof(*d->leaf));
	d->nr += nr;
	d->maps++;
	for (at = iova, to = phys; nr; nr--, first_leaf++) {
		struct model_leaf *leaf = &d->leaf[first_leaf];

		pgsize = best_pgsize(format->pgsizes, at, to, size - (at - iova));
		*leaf = (struct model_leaf){
			.iova = at,
			.phys = to,
			.map = d->maps,
			.frame = model_frame_of(PHYS_PFN(to)),
			.shift = __ffs(pgsize),
			.prot = prot,
		};
		leaf_check_memory(leaf);
		leaf_reach(leaf, 1);
		at += pgsize;
		to += pgsize;
	}
	return 0;
}

int iommu_map(struct iommu_domain *domain, unsigned long iova,
	      phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	return iommu_map_nosync(domain, iova, phys, size, prot, gfp);
}

int iommu_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	return 0;
}

/* @nr leaves from @first on leave the table, but not yet the IOTLB */
static void leaves_remove(struct model_domain *d, unsigned int first,
			  unsigned int nr)
{
	d->changed = true;
	leaves_make_room(&d->stale, &d->stale_room, d->nr_stale + nr);
	memcpy(d->stale + d->nr_stale, d->leaf + first, nr * sizeof(*d->leaf));
	d->nr_stale += nr;
	memmove(d->leaf + first, d->leaf + first + nr,
		(d->nr - first - nr) * sizeof(*d->leaf));
	d->nr -= nr;
}

static void check_whole_maps(const struct model_domain *d, unsigned long iova,
			     size_t size)
{
	unsigned int first = model_find_leaf(d, iova), i = first;
	unsigned long at = iova;

	for (; at - iova != size; i++) {
		MODEL_CHECK(i != d->nr && d->leaf[i].iova <= at,
			    "iommu_unmap() at 0x%lx, of what is not mapped", at);
		MODEL_CHECK(d->leaf[i].iova == at &&
			    (at - iova) + (1UL << d->leaf[i].shift) <= size,
			    "iommu_unmap() cuts the leaf at 0x%lx",
			    d->leaf[i].iova);
		at = model_leaf_last(&d->leaf[i]) + 1;
	}
	MODEL_CHECK(!first || d->leaf[first - 1].map != d->leaf[first].map,
		    "iommu_unmap() at 0x%lx begins within what was mapped at once",
		    iova);
	MODEL_CHECK(i == d->nr || d->leaf[i].map != d->leaf[i - 1].map,
		    "iommu_unmap() at 0x%lx ends within what was mapped at once",
		    iova);
}

/* generic_pt: stops at what is empty; the last leaf goes as a whole */
static size_t unmap_generic(struct model_domain *d, unsigned long iova,
			    size_t size)
{
	unsigned int first = model_find_leaf(d, iova), nr = 0;
	size_t done = 0;

	while (done < size && first + nr != d->nr &&
	       d->leaf[first + nr].iova == iova + done) {
		done += 1UL << d->leaf[first + nr].shift;
		nr++;
	}
	leaves_remove(d, first, nr);
	return done;
}

/*
 * io-pgtable-arm: the core asks for one page size after the other; a part of a
 * larger leaf is refused; a table of smaller leaves goes as a whole.
 */
static size_t unmap_arm(struct model_domain *d, unsigned long iova, size_t size)
{
	unsigned long pgsizes = model_formats[d->kind].pgsizes;
	size_t done = 0;

	while (done < size) {
		unsigned long at = iova + done, pgsize, nr = 0;
		unsigned int first = model_find_leaf(d, at);

		pgsize = best_pgsize(pgsizes, at, 0, size - done);
		if (first == d->nr || d->leaf[first].iova > at + (pgsize - 1) ||
		    1UL << d->leaf[first].shift > pgsize)
			break;
		while (first + nr != d->nr &&
		       d->leaf[first + nr].iova <= at + (pgsize - 1))
			nr++;
		leaves_remove(d, first, nr);
		done += pgsize;
	}
	return done;
}

/* Nobody else can map there; so it is where no space is known, too */
static bool is_taken(struct model_domain *d, unsigned long iova)
{
	return d->space < 0 ||
	       iopgt_is_taken(&ref_spaces[d->space].iopt, iova, iova);
}

size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova,
			size_t size, struct iommu_iotlb_gather *gather)
{
	struct model_domain *d = model_domain_of(domain);
	size_t done;

	MODEL_CHECK(size && iova + (size - 1) >= iova, "iommu_unmap() of nothing");
	if (!model_short)
		check_whole_maps(d, iova, size);
	if ((model_setup.options & MODEL_SHORT_UNMAP) &&
	    model_fault(MODEL_FAULT_UNMAP)) {
		model_short = true;
		size = ALIGN_DOWN(size / 2, PAGE_SIZE);
		if (!size)
			return 0;
	}
	/* Until it is out of the IOTLB, too, nobody else may have it */
	MODEL_CHECK(is_taken(d, iova) && is_taken(d, iova + (size - 1)),
		    "0x%lx is reachable, and can be mapped again", iova);
	done = d->kind == MODEL_ARM ? unmap_arm(d, iova, size) :
				      unmap_generic(d, iova, size);
	if (done)
		iommu_iotlb_gather_add_range(gather, iova, done);
	return done;
}

static void model_iotlb_sync(struct iommu_domain *domain,
			     struct iommu_iotlb_gather *gather)
{
	struct model_domain *d = model_domain_of(domain);
	unsigned int kept = 0;

	for (unsigned int i = 0; i != d->nr_stale; i++) {
		struct model_leaf *leaf = &d->stale[i];

		if (leaf->iova <= gather->end &&
		    model_leaf_last(leaf) >= gather->start)
			leaf_reach(leaf, -1);
		else
			d->stale[kept++] = *leaf;
	}
	d->nr_stale = kept;
	for (unsigned int i = 0; i != d->nr; i++)
		if (d->leaf[i].iova <= gather->end &&
		    model_leaf_last(&d->leaf[i]) >= gather->start)
			d->leaf[i].cached_dirty = false;
}

size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct iommu_iotlb_gather gather;
	size_t done;

	iommu_iotlb_gather_init(&gather);
	done = iommu_unmap_fast(domain, iova, size, &gather);
	iommu_iotlb_sync(domain, &gather);
	return done;
}

/* The table does not go with it: nothing may be left in there */
void iommu_domain_free(struct iommu_domain *domain)
{
	struct model_domain *d = model_domain_of(domain);

	MODEL_CHECK(model_short || (!d->nr && !d->nr_stale),
		    "a domain is freed that has mappings, or an IOTLB with some");
}

static int model_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	model_domain_of(domain)->tracking = enable;
	return 0;
}

/*
 * io-pgtable-arm counts from where it is entered: entered within a leaf, it takes
 * that for its first byte, and all that follows is shifted.
 */
static int model_read_and_clear_dirty(struct iommu_domain *domain,
				      unsigned long iova, size_t size,
				      unsigned long flags,
				      struct iommu_dirty_bitmap *dirty)
{
	struct model_domain *d = model_domain_of(domain);
	unsigned long last = iova + (size - 1), at = iova;
	unsigned int i = model_find_leaf(d, iova);

	MODEL_CHECK(!((iova | size) & ((1UL << __ffs(domain->pgsize_bitmap)) - 1)),
		    "dirty bits of 0x%lx-0x%lx, which is no whole page", iova, last);
	for (; i != d->nr && at <= last; i++) {
		struct model_leaf *leaf = &d->leaf[i];

		MODEL_CHECK(leaf->iova <= at || model_short,
			    "dirty bits at 0x%lx, where nothing is mapped", at);
		if (d->kind != MODEL_ARM)
			at = leaf->iova;
		if (leaf->dirty) {
			iommu_dirty_bitmap_record(dirty, at, 1UL << leaf->shift);
			if (!(flags & IOMMU_DIRTY_NO_CLEAR)) {
				leaf->dirty = false;
				leaf->cached_dirty = true;
			}
		}
		at += 1UL << leaf->shift;
		if (!at)
			return 0;
	}
	MODEL_CHECK(at > last || model_short,
		    "dirty bits at 0x%lx, where nothing is mapped", at);
	return 0;
}

static const struct iommu_domain_ops model_domain_ops = {
	.iotlb_sync = model_iotlb_sync,
};

static const struct iommu_dirty_ops model_dirty_ops = {
	.set_dirty_tracking = model_set_dirty_tracking,
	.read_and_clear_dirty = model_read_and_clear_dirty,
};

/* Empty domains of the kinds that model_setup names */
void model_iommu_reset(void)
{
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++) {
		struct model_domain *d = &model_domains[i];
		const struct model_format *format;

		d->kind = model_setup.kinds[i] % MODEL_IOMMU_KINDS;
		d->nr = 0;
		d->nr_stale = 0;
		d->maps = 0;
		d->tracking = false;
		d->changed = false;
		d->space = -1;
		format = &model_formats[d->kind];
		d->domain = (struct iommu_domain){
			.type = IOMMU_DOMAIN_UNMANAGED,
			.pgsize_bitmap = format->pgsizes,
			.geometry = {
				.aperture_start = format->aperture_start,
				.aperture_end = format->aperture_end,
				.force_aperture = format->force_aperture,
			},
			.ops = &model_domain_ops,
			.dirty_ops = &model_dirty_ops,
		};
		d->member = (struct iopgt_domain){ .domain = &d->domain };
	}
	model_short = false;
}
