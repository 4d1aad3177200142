// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants of pinned memory: extents and claims, the store of runs, what
 * the kernel counts as pinned, and who was charged.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/user.h>
#include <linux/xarray.h>

#include "pages.h"
#include "selftest_check.h"

/* Runs whose folios are looked at, of one extent, before some are left out */
#define CHECK_RUNS 1024

/* Pairs of areas and extents that are compared, of one range */
#define CHECK_PAIRS 100000

static struct pages_extent *extent_next(struct gap_node *node)
{
	struct gap_node *next = node ? gap_tree_next_in(node, ULONG_MAX) : NULL;

	return next ? container_of(next, struct pages_extent, node) : NULL;
}

#define for_each_extent(extent, pages)                                         \
	for (extent = pages_find_extent(pages, 0, ULONG_MAX); extent;          \
	     extent = extent_next(&(extent)->node))

static unsigned long extent_length(const struct pages_extent *extent)
{
	return extent->node.last - extent->node.first + 1;
}

/**
 * check_folio_pins() - How often is a folio pinned?
 * @pfn: one of its pages
 *
 * Return: its pins; of a small one, with whatever other references add up to.
 */
unsigned long check_folio_pins(unsigned long pfn)
{
	struct folio *folio = page_folio(pfn_to_page(pfn));

	if (folio_has_pincount(folio))
		return atomic_read(&folio->_pincount);
	return folio_ref_count(folio) / GUP_PIN_COUNTING_BIAS;
}

/* @npages of one folio are pinned, and must stay so. The zero page is not. */
static void check_folio(struct invariant_check *check, struct folio *folio,
			unsigned long npages)
{
	unsigned long index = folio_pfn(folio), pins;
	void *entry;

	if (is_zero_folio(folio))
		return;
	entry = xa_load(&check->folios, index);
	if (entry)
		npages += xa_to_value(entry);
	if ((entry || check->room) &&
	    !xa_is_err(xa_store(&check->folios, index, xa_mk_value(npages),
				GFP_KERNEL)) &&
	    !entry)
		check->room--;
	pins = check_folio_pins(index);
	check_that(check, pins >= npages,
		   "folio at PFN 0x%lx has %lu pins, %lu of its pages are mapped",
		   index, pins, npages);
}

static void check_run(struct invariant_check *check, const struct pfn_run *run)
{
	unsigned long pfn = run->pfn, left = run->npages;

	while (left) {
		struct folio *folio;
		unsigned long n;

		if (!pfn_valid(pfn)) {
			check_failed(check, "PFN 0x%lx is no memory", pfn);
			return;
		}
		folio = page_folio(pfn_to_page(pfn));
		n = min(left, folio_pfn(folio) + folio_nr_pages(folio) - pfn);
		check_folio(check, folio, n);
		pfn += n;
		left -= n;
	}
}

/* All of an extent's folios are pinned. Many runs: a part of them. */
static void check_extent_pins(struct invariant_check *check,
			      const struct pages_extent *extent)
{
	unsigned long length = extent_length(extent), done = 0;
	struct pfn_cursor cursor;
	unsigned int nr = 0;
	struct pfn_run run;

	pfn_cursor_seek(&cursor, &extent->store->runs, extent->offset, length);
	while (done != length && pfn_cursor_next(&cursor, &run)) {
		done += run.npages;
		if (nr++ < CHECK_RUNS || nr % 64 == 0)
			check_run(check, &run);
		cond_resched();
	}
}

/* How many extents share a store? Without a good store, pages are not looked up */
static bool check_store(struct invariant_check *check,
			struct iommufd_pages *pages, struct pages_store *store)
{
	const char *wrong = pfn_store_check(&store->runs);
	struct pages_extent *extent;
	unsigned int users = 0;

	check_that(check, !wrong, "store of runs: %s", wrong);
	for_each_extent(extent, pages)
		users += extent->store == store;
	check_that(check, users == store->runs.owners,
		   "store has %u extents, and %u users", store->runs.owners, users);
	if (wrong)
		check->unreadable = true;
	return !wrong;
}

static void check_extent(struct invariant_check *check,
			 struct iommufd_pages *pages,
			 struct pages_extent *extent)
{
	unsigned long end = 0;

	check_that(check,
		   extent->node.first <= extent->node.last &&
		   extent->node.last < pages->npages,
		   "extent %lu-%lu of %lu pages", extent->node.first,
		   extent->node.last, pages->npages);
	check_that(check, extent->claims && extent->claims <= pages->claims,
		   "extent has %u claims, its range %u", extent->claims,
		   pages->claims);
	if (check_add_overflow(extent->offset, extent_length(extent), &end) ||
	    end > extent->store->runs.npages) {
		check_failed(check, "extent reaches to page %lu of a store of %lu",
			     end, extent->store->runs.npages);
		check->unreadable = true;
		return;
	}
	/* A store is seen to by the extent with its first page, if not split */
	if ((!extent->offset || extent->store->runs.owners == 1) &&
	    !check_store(check, pages, extent->store))
		return;
	if (pages->type != PAGES_DMABUF)
		check_extent_pins(check, extent);
}

/* What in-kernel users have pinned, as it is written down */
static unsigned int pages_recorded_pins(struct iommufd_pages *pages)
{
	struct pages_extent *extent;
	struct pages_pin *pin;
	unsigned int pins = 0;

	for_each_extent(extent, pages)
		for (pin = extent->pins; pin; pin = pin->next)
			pins += pin->count;
	return pins;
}

/* Under the lock, what is written down as a pin is under way no more */
static unsigned int area_ref_pins(const struct area_ref *ref)
{
	return atomic_read(ref->pins) - atomic_read(ref->under_way);
}

/* Every page of what is mapped belongs to an extent, and counts as a claim */
static void check_claims(struct invariant_check *check,
			 struct iommufd_pages *pages,
			 const struct area_ref *refs, size_t nr)
{
	unsigned int pins = pages_recorded_pins(pages);
	unsigned int claims = 0, of_areas = 0, extents = 0;
	struct pages_extent *extent;
	size_t i;

	for (i = 0; i != nr; i++) {
		claims += refs[i].claimed;
		of_areas += area_ref_pins(&refs[i]);
	}
	check_that(check, pins == of_areas, "range has %u pins, its areas %u",
		   pins, of_areas);
	check_that(check, pages->claims == claims + pins,
		   "range has %u claims, %u of areas and %u of accesses",
		   pages->claims, claims, pins);
	check_that(check, kref_read(&pages->kref) >= nr,
		   "range has %u references and %zu areas",
		   kref_read(&pages->kref), nr);

	for_each_extent(extent, pages)
		extents++;
	if (nr * extents > CHECK_PAIRS)
		return;

	for_each_extent(extent, pages) {
		unsigned int covers = 0;

		for (i = 0; i != nr; i++)
			covers += refs[i].claimed &&
				  refs[i].first <= extent->node.first &&
				  refs[i].last >= extent->node.last;
		check_that(check,
			   extent->claims >= covers &&
			   extent->claims <= covers + pins,
			   "extent has %u claims, %u of areas", extent->claims,
			   covers);
	}
	for (i = 0; i != nr; i++) {
		unsigned long covered = 0;

		if (!refs[i].claimed && !area_ref_pins(&refs[i]))
			continue;
		for_each_extent(extent, pages) {
			unsigned long first = max(refs[i].first,
						  extent->node.first);
			unsigned long last = min(refs[i].last,
						 extent->node.last);

			if (first <= last)
				covered += last - first + 1;
		}
		check_that(check,
			   !refs[i].claimed ||
			   covered == refs[i].last - refs[i].first + 1,
			   "%lu of %lu pages of an area are pinned", covered,
			   refs[i].last - refs[i].first + 1);
	}
}

static void check_fills(struct invariant_check *check,
			struct iommufd_pages *pages,
			const struct area_ref *refs, size_t nr)
{
	unsigned int fills = 0;

	for (size_t i = 0; i != nr; i++)
		fills += refs[i].domains;
	check_that(check, pages_dmabuf_fills(pages) == fills,
		   "dma-buf remembers %u places, and is mapped at %u",
		   pages_dmabuf_fills(pages), fills);
}

static void check_charge(struct invariant_check *check,
			 const struct pin_payer *payer, unsigned long npages)
{
	struct user_struct *user = payer->cred ? payer->cred->user : NULL;
	struct check_payer *known = check->payers;
	unsigned int i;

	for (i = 0; i != check->nr_payers; i++, known++)
		if (known->mm == payer->mm && known->user == user)
			break;
	if (i == CHECK_PAYERS)
		return;
	if (i == check->nr_payers) {
		*known = (struct check_payer){ .mm = payer->mm,
					       .user = user };
		check->nr_payers++;
	}
	known->npages += npages;
	if (pin_payer_mode(payer) == PIN_CHARGE_MM)
		known->locked += npages;
}

/**
 * check_payers() - Do the processes know what they were charged?
 * @check: the check, with all of the context's ranges seen
 */
void check_payers(struct invariant_check *check)
{
	unsigned int i, j;

	for (i = 0; i != check->nr_payers; i++) {
		struct check_payer *payer = &check->payers[i];
		unsigned long by_mm = 0, by_user = 0;

		for (j = 0; j != check->nr_payers; j++) {
			if (check->payers[j].mm == payer->mm)
				by_mm += check->payers[j].npages;
			if (check->payers[j].user == payer->user)
				by_user += check->payers[j].npages;
		}
		check_that(check,
			   atomic64_read(&payer->mm->pinned_vm) >= (s64)by_mm,
			   "process has %lld pages pinned, and was charged for %lu",
			   (s64)atomic64_read(&payer->mm->pinned_vm), by_mm);
		check_that(check, READ_ONCE(payer->mm->locked_vm) >=
					  payer->locked,
			   "process has %lu pages locked, and was charged for %lu",
			   READ_ONCE(payer->mm->locked_vm), payer->locked);
		if (payer->user)
			check_that(check,
				   atomic_long_read(&payer->user->locked_vm) >=
					   (long)by_user,
				   "user has %ld pages locked, and was charged for %lu",
				   atomic_long_read(&payer->user->locked_vm),
				   by_user);
	}
}

/**
 * check_pages() - The invariants of one range of memory
 * @check: the check
 * @pages: the range, all users of which are frozen
 * @refs: the areas that show it
 * @nr: how many
 *
 * Context: may sleep; takes the lock.
 */
void check_pages(struct invariant_check *check, struct iommufd_pages *pages,
		 const struct area_ref *refs, size_t nr)
{
	struct pages_extent *extent;
	bool preparing = false;
	unsigned long pinned = 0;

	for (size_t i = 0; i != nr; i++) {
		/* Who maps it needs no lock to pin it */
		if (refs[i].mapping)
			return;
		preparing |= refs[i].preparing;
	}
	guard(mutex)(&pages->lock);
	if (pages->turn_taken)
		return;
	for_each_extent(extent, pages) {
		check_extent(check, pages, extent);
		pinned += extent_length(extent);
	}
	check_that(check, pages->type == PAGES_DMABUF ?
				  !pages->charged : pages->charged == pinned,
		   "range has %lu pages pinned, and %lu charged", pinned,
		   pages->charged);
	if (!preparing)
		check_claims(check, pages, refs, nr);
	if (pages->type == PAGES_DMABUF)
		check_fills(check, pages, refs, nr);
	else
		check_charge(check, &pages->payer, pages->charged);
}

/**
 * check_pages_phys() - Is a part of a range there in physical memory?
 * @pages: the range
 * @start: first byte
 * @length: bytes, not 0, inside of the range
 * @phys: where it is to be, all of it side by side
 *
 * Context: may sleep; takes the lock.
 * Return: whether the store of runs says so.
 */
bool check_pages_phys(struct iommufd_pages *pages, unsigned long start,
		      unsigned long length, phys_addr_t phys)
{
	while (length) {
		unsigned long n;
		phys_addr_t is;

		if (pages_lookup(pages, start, length, &is, &n) || is != phys)
			return false;
		/* It does not look behind the end of an extent's runs */
		start += n;
		phys += n;
		length -= n;
	}
	return true;
}
