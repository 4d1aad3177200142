// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: The invariant checker
 *
 * Compares what iommufd keeps in several places, for a whole context: the areas
 * of each IOVA space, the claims and extents of each range of memory and their
 * store of runs, what each IO page table translates, and what the kernel counts
 * as pinned and charged. IOMMU_TEST_OP_CHECK_INVARIANTS asks for it; and it is
 * made whenever a context is closed, of all contexts, whoever used them.
 *
 * It freezes every IOVA space of the context, and keeps copies out by
 * iommufd_ctx::process_lock: nothing is mapped or unmapped then. What goes on is
 * revocation, and pins that had begun: both take iommufd_pages::lock only.
 *
 * The mock's page tables are read entry by entry: there is nothing in them that
 * is not looked at. Others are asked for a bounded number of IOVAs.
 */
#include <linux/interval_tree.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "area.h"
#include "hw_pagetable.h"
#include "selftest.h"
#include "selftest_check.h"

/* Violations that one check describes */
#define CHECK_LOGGED 8

/* Folios whose pins are added up over all ranges */
#define CHECK_FOLIOS 4096

/* Leaves of a mock page table that are looked at, before half are left out */
#define CHECK_LEAVES 8192

/* IOVAs that another page table is asked for, per area and per gap */
#define CHECK_STEPS 64

/* Leaves that are read at a time */
#define LEAF_BATCH 32

/* Folios that are looked at again after the context is gone */
#define CLOSE_FOLIOS 32

/**
 * check_failed() - Something is not as it must be
 * @check: the check
 * @fmt: what, for the log
 */
void check_failed(struct invariant_check *check, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (check->violations++ >= CHECK_LOGGED || check->quiet)
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_err("iommufd: invariant violated: %pV\n", &vaf);
	va_end(args);
}

/*
 * Areas
 */

static unsigned long gap_tree_largest(const struct rb_node *rb)
{
	return rb ? rb_entry(rb, struct gap_node, rb)->largest : 0;
}

static void check_gap_tree(struct invariant_check *check,
			   const struct gap_tree *tree)
{
	unsigned long next = 0, gap, largest;
	struct gap_node *node;
	bool full = false;

	for (node = gap_tree_first_in(tree, 0, ULONG_MAX); node;
	     node = gap_tree_next_in(node, ULONG_MAX)) {
		if (full || node->first > node->last || node->first < next) {
			check_failed(check,
				     "range 0x%lx-0x%lx is not behind the one before it",
				     node->first, node->last);
			return;
		}
		/* Value 0 is part of no gap */
		gap = node->first - next - (!next && node->first);
		check_that(check, node->gap == gap,
			   "gap before 0x%lx is 0x%lx, not 0x%lx", node->first,
			   gap, node->gap);
		largest = max3(node->gap, gap_tree_largest(node->rb.rb_left),
			       gap_tree_largest(node->rb.rb_right));
		check_that(check, node->largest == largest,
			   "largest gap below 0x%lx is 0x%lx, not 0x%lx",
			   node->first, largest, node->largest);
		full = node->last == ULONG_MAX;
		next = node->last + 1;
	}
}

static void check_area(struct invariant_check *check,
		       struct io_pagetable *iopt, struct iopgt_area *area)
{
	unsigned long first = area->node.first, last = area->node.last, end;

	check_that(check, area_is_live(area) || area->state == AREA_MAPPING,
		   "area at 0x%lx is in state %u with everything frozen", first,
		   area->state);
	check_that(check, !iopgt_is_reserved(iopt, first, last),
		   "area 0x%lx-0x%lx is reserved", first, last);
	check_that(check, !((first | area->start | area_length(area)) &
			    (iopt->alignment - 1)),
		   "area 0x%lx-0x%lx is not aligned to 0x%lx", first, last,
		   iopt->alignment);
	check_that(check, !check_add_overflow(area->start,
					      area_length(area) - 1, &end) &&
			  end >> PAGE_SHIFT < area->pages->npages,
		   "area at 0x%lx shows more than the %lu pages of its range",
		   first, area->pages->npages);
	check_that(check, !(area->prot & IOMMU_WRITE) || area->pages->writable,
		   "area at 0x%lx is writable, its memory is not", first);
	check_that(check, atomic_read(&area->pins) >= 0,
		   "area at 0x%lx has %d pins", first, atomic_read(&area->pins));
	/* Being mapped, its memory may change: see iommufd_pages::turn_taken */
	if (!area_is_live(area))
		return;
	check_that(check, area->claimed || list_empty(&iopt->domains),
		   "area at 0x%lx has no claim, its IOVA space a domain", first);
	check_that(check, !area->claimed || iopgt_claims(iopt),
		   "area at 0x%lx has a claim, its IOVA space no domain", first);
	if (area->claimed)
		check_that(check, !gap_tree_empty(&area->pages->extents),
			   "area at 0x%lx has nothing pinned", first);
}

/* What userspace allowed must never become reserved */
static void check_allowed(struct invariant_check *check,
			  struct io_pagetable *iopt)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(&iopt->allowed, 0, ULONG_MAX);
	     node; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		check_that(check,
			   !iopgt_is_reserved(iopt, node->start, node->last),
			   "allowed range 0x%lx-0x%lx is reserved", node->start,
			   node->last);
}

/*
 * IO page tables
 */

static void check_leaf(struct invariant_check *check,
		       struct io_pagetable *iopt, struct mock_domain *mock,
		       const struct mock_leaf *leaf)
{
	unsigned long last = leaf->iova + leaf->length - 1;
	struct iopgt_area *area;
	unsigned long start;

	area = area_first_in(iopt, leaf->iova, leaf->iova);
	if (!area || area->node.last < last || !area_is_live(area)) {
		check_failed(check,
			     "IOVA 0x%lx-0x%lx leads to 0x%llx, and is not mapped",
			     leaf->iova, last, (u64)leaf->phys);
		return;
	}
	check_that(check, !(leaf->prot & ~area->prot),
		   "IOVA 0x%lx can be written to, its area cannot", leaf->iova);
	start = area_start_at(area, leaf->iova);
	if (check_pages_phys(area->pages, start, leaf->length, leaf->phys))
		return;
	/* Between reading the entry and now it may have been revoked */
	if (area->pages->type == PAGES_DMABUF &&
	    !mock_domain_phys(mock, leaf->iova))
		return;
	check_failed(check, "IOVA 0x%lx leads to 0x%llx, which is not pinned there",
		     leaf->iova, (u64)leaf->phys);
}

/* All of every area is translated; MMIO may be revoked now */
static unsigned long areas_translated(struct io_pagetable *iopt,
				      bool *revocable)
{
	struct iopgt_area *area;
	unsigned long bytes = 0;

	*revocable = false;
	for_each_area(area, iopt) {
		if (!area_is_live(area))
			continue;
		bytes += area_length(area);
		if (area->pages->type == PAGES_DMABUF)
			*revocable = true;
	}
	return bytes;
}

static void check_mock_domain(struct invariant_check *check,
			      struct io_pagetable *iopt,
			      struct mock_domain *mock)
{
	unsigned long iova = 0, translated = 0, expected, count = 0, step = 1;
	struct mock_leaf leaves[LEAF_BATCH];
	unsigned int i, nr;
	bool revocable;

	do {
		nr = mock_domain_leaves(mock, iova, leaves, LEAF_BATCH);
		for (i = 0; i != nr; i++, count++) {
			if (count / step == CHECK_LEAVES)
				step *= 2;
			if (count % step == 0)
				check_leaf(check, iopt, mock, &leaves[i]);
			translated += leaves[i].length;
			iova = leaves[i].iova + leaves[i].length;
		}
		cond_resched();
	} while (nr == LEAF_BATCH && iova);

	check_that(check, !atomic_read(&mock->refused),
		   "%d times a part of an entry was to be unmapped",
		   atomic_read(&mock->refused));
	expected = areas_translated(iopt, &revocable);
	check_that(check, revocable ? translated <= expected :
				      translated == expected,
		   "0x%lx bytes are translated, 0x%lx are mapped", translated,
		   expected);
}

static void check_translation(struct invariant_check *check,
			      struct iommu_domain *domain,
			      struct iopgt_area *area, unsigned long iova)
{
	phys_addr_t phys = iommu_iova_to_phys(domain, iova);
	unsigned long start = area_start_at(area, iova);

	check_that(check, check_pages_phys(area->pages, start, 1, phys),
		   "IOVA 0x%lx leads to 0x%llx, which is not pinned there",
		   iova, (u64)phys);
}

/* Nothing is mapped from @first to @last; who has MSIs there reserved it */
static void check_hole(struct invariant_check *check,
		       struct io_pagetable *iopt, struct iommu_domain *domain,
		       unsigned long first, unsigned long last)
{
	unsigned long step = (last - first) / CHECK_STEPS, iova = first;

	for (unsigned int i = 0; i <= CHECK_STEPS; i++, iova += step) {
		phys_addr_t phys;

		if (iova > domain->geometry.aperture_end ||
		    iopgt_is_reserved(iopt, iova, iova))
			continue;
		phys = iommu_iova_to_phys(domain, iova);
		check_that(check, !phys,
			   "IOVA 0x%lx leads to 0x%llx, and is not mapped",
			   iova, (u64)phys);
	}
}

static bool domain_can_be_asked(const struct iommu_domain *domain)
{
	return domain->ops->iova_to_phys && domain->geometry.aperture_end;
}

static void check_domain(struct invariant_check *check,
			 struct io_pagetable *iopt, struct iommu_domain *domain)
{
	unsigned long next = domain->geometry.aperture_start, offset, step;
	struct iopgt_area *area;
	bool revocable;

	if (!domain_can_be_asked(domain))
		return;
	/* Revocation frees tables, that a walk from elsewhere may be on */
	areas_translated(iopt, &revocable);
	if (revocable)
		return;
	for_each_area(area, iopt) {
		unsigned long length = area_length(area);

		if (!area_is_live(area))
			continue;
		if (area->node.first > next)
			check_hole(check, iopt, domain, next,
				   area->node.first - 1);
		step = max(length / CHECK_STEPS & PAGE_MASK, PAGE_SIZE);
		for (offset = 0; offset < length; offset += step)
			check_translation(check, domain, area,
					  area->node.first + offset);
		check_translation(check, domain, area, area->node.last);
		next = area->node.last + 1;
		if (!next)
			return;
		cond_resched();
	}
	check_hole(check, iopt, domain, next, ULONG_MAX);
}

/*
 * A context
 */

static void check_areas(struct invariant_check *check,
			struct io_pagetable *iopt)
{
	struct iopgt_area *area;

	check_gap_tree(check, &iopt->areas);
	check_that(check, !iopt->leaving, "IOVAs are leaving (0x%lx), no call is",
		   iopt->leaving);
	check_allowed(check, iopt);
	for_each_area(area, iopt) {
		check_area(check, iopt, area);
		cond_resched();
	}
}

static void check_domains(struct invariant_check *check,
			  struct io_pagetable *iopt)
{
	struct iopgt_domain *member;

	list_for_each_entry(member, &iopt->domains, link) {
		struct mock_domain *mock = mock_paging_domain(member->domain);

		if (mock)
			check_mock_domain(check, iopt, mock);
		else
			check_domain(check, iopt, member->domain);
	}
}

/* An HWPT is on the list of its IOAS while its domain is one of the IOVA space's */
static void check_hwpts(struct invariant_check *check,
			struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;

	guard(mutex)(&ioas->lock);
	guard(rwsem_read)(&ioas->iopt.domains_lock);
	list_for_each_entry(hwpt, &ioas->hwpt_list, ioas_link)
		check_that(check,
			   hwpt->ioas == ioas &&
			   hwpt->member.domain == hwpt->common.domain &&
			   !list_empty(&hwpt->member.link),
			   "HWPT %u is on the list of IOAS %u, and not filled from it",
			   hwpt->common.obj.id, ioas->obj.id);
	check_that(check, list_count_nodes(&ioas->hwpt_list) ==
				  list_count_nodes(&ioas->iopt.domains),
		   "IOAS %u has %zu HWPTs and %zu domains", ioas->obj.id,
		   list_count_nodes(&ioas->hwpt_list),
		   list_count_nodes(&ioas->iopt.domains));
}

static size_t count_areas(struct list_head *frozen)
{
	struct iommufd_ioas *ioas;
	struct iopgt_area *area;
	size_t nr = 0;

	list_for_each_entry(ioas, frozen, frozen_link)
		for_each_area(area, &ioas->iopt)
			nr++;
	return nr;
}

static void add_refs(struct io_pagetable *iopt, struct area_ref *refs,
		     size_t *nr)
{
	unsigned int domains = list_count_nodes(&iopt->domains);
	struct iopgt_area *area;

	for_each_area(area, iopt)
		refs[(*nr)++] = (struct area_ref){
			.pages = area->pages,
			.first = area->start >> PAGE_SHIFT,
			.last = (area->start + area_length(area) - 1) >>
				PAGE_SHIFT,
			.domains = area_is_live(area) ? domains : 0,
			.pins = &area->pins,
			.under_way = &area->under_way,
			.claimed = area_is_live(area) && area->claimed,
			.mapping = !area_is_live(area),
			.preparing = iopt->claimers != domains,
		};
}

static int area_ref_cmp(const void *a, const void *b)
{
	const struct area_ref *left = a, *right = b;

	return cmp_int((uintptr_t)left->pages, (uintptr_t)right->pages) ?:
	       cmp_int(left->first, right->first);
}

/* Each range of memory once, with all areas that show it */
static void check_all_pages(struct invariant_check *check,
			    struct list_head *frozen)
{
	size_t nr = 0, first, i, max = count_areas(frozen);
	struct iommufd_ioas *ioas;
	struct area_ref *refs;

	refs = kvmalloc_objs(*refs, max, GFP_KERNEL | __GFP_NOWARN);
	if (!refs)
		return;
	list_for_each_entry(ioas, frozen, frozen_link)
		add_refs(&ioas->iopt, refs, &nr);
	sort(refs, nr, sizeof(*refs), area_ref_cmp, NULL);
	for (first = 0; first != nr; first = i) {
		for (i = first + 1; i != nr; i++)
			if (refs[i].pages != refs[first].pages)
				break;
		check_pages(check, refs[first].pages, refs + first, i - first);
		cond_resched();
	}
	kvfree(refs);
	check_payers(check);
}

/**
 * check_freeze() - Keep every IOVA space of a context as it is
 * @ictx: context, with its process_lock held for write
 * @frozen: empty list; gets the IOASes, with a short reference each
 *
 * First the domains of all, then the areas of all: lockdep counts locks of one
 * class taken in a row as one, and can hold no more than 48.
 *
 * Context: may sleep; until check_thaw() nothing is mapped or unmapped, or begins
 * to be pinned. What an access was pinning then comes to be so under the lock of the
 * range.
 */
void check_freeze(struct iommufd_ctx *ictx, struct list_head *frozen)
{
	struct iommufd_ioas *ioas = NULL;

	while ((ioas = iommufd_ioas_next(ictx, ioas))) {
		refcount_inc(&ioas->obj.wait_cnt);
		list_add_tail(&ioas->frozen_link, frozen);
	}
	list_for_each_entry(ioas, frozen, frozen_link)
		down_write_nest_lock(&ioas->iopt.domains_lock,
				     &ictx->process_lock);
	list_for_each_entry(ioas, frozen, frozen_link)
		down_write_nest_lock(&ioas->iopt.iova_lock,
				     &ictx->process_lock);
}

/**
 * check_thaw() - Undo check_freeze()
 * @frozen: the list
 */
void check_thaw(struct list_head *frozen)
{
	struct iommufd_ioas *ioas, *next;

	list_for_each_entry_safe(ioas, next, frozen, frozen_link) {
		up_write(&ioas->iopt.iova_lock);
		up_write(&ioas->iopt.domains_lock);
		iommufd_ioas_put(ioas);
	}
}

/**
 * check_frozen() - The invariants of a context that nothing happens in
 * @ictx: the context, with process_lock held
 * @frozen: its IOASes, frozen
 * @check: the check
 */
void check_frozen(struct iommufd_ctx *ictx, struct list_head *frozen,
		  struct invariant_check *check)
{
	struct iommufd_ioas *ioas;

	lockdep_assert_held(&ictx->process_lock);
	list_for_each_entry(ioas, frozen, frozen_link)
		check_areas(check, &ioas->iopt);
	check_all_pages(check, frozen);
	if (check->unreadable)
		return;
	list_for_each_entry(ioas, frozen, frozen_link)
		check_domains(check, &ioas->iopt);
}

/**
 * check_init() - Prepare a check
 * @check: to be set up
 * @quiet: do not log what is found
 */
void check_init(struct invariant_check *check, bool quiet)
{
	memset(check, 0, sizeof(*check));
	check->quiet = quiet;
	check->room = CHECK_FOLIOS;
	xa_init(&check->folios);
}

/**
 * check_destroy() - Give what a check took
 * @check: the check
 */
void check_destroy(struct invariant_check *check)
{
	xa_destroy(&check->folios);
}

static void check_context(struct iommufd_ctx *ictx,
			  struct invariant_check *check)
{
	struct iommufd_ioas *ioas = NULL;
	LIST_HEAD(frozen);

	while ((ioas = iommufd_ioas_next(ictx, ioas)))
		check_hwpts(check, ioas);
	guard(rwsem_write)(&ictx->process_lock);
	check_freeze(ictx, &frozen);
	check_frozen(ictx, &frozen, check);
	check_thaw(&frozen);
}

/**
 * test_check_invariants() - IOMMU_TEST_OP_CHECK_INVARIANTS
 * @ucmd: the call
 *
 * Context: may sleep.
 * Return: 0, or -ENOTRECOVERABLE where something is not as it must be.
 */
int test_check_invariants(struct iommufd_ucmd *ucmd)
{
	struct invariant_check check;

	check_init(&check, false);
	check_context(ucmd->ictx, &check);
	check_destroy(&check);
	return check.violations ? -ENOTRECOVERABLE : 0;
}

/**
 * struct test_pin - a folio of a context that is being closed
 * @folio: the folio, referenced
 * @pins: that it has
 * @mine: that the context has on it
 */
struct test_pin {
	struct folio *folio;
	unsigned long pins;
	unsigned long mine;
};

/**
 * struct test_pins - some folios of a context that is being closed
 * @generation: of all pins before, none of them under way
 * @nr: how many
 * @entry: the folios
 */
struct test_pins {
	unsigned long generation;
	unsigned int nr;
	struct test_pin entry[CLOSE_FOLIOS];
};

static atomic_long_t pin_generation;
static atomic_t pins_under_way;

/**
 * iommufd_test_pin_begin() - Memory is about to be pinned
 */
void iommufd_test_pin_begin(void)
{
	atomic_inc(&pins_under_way);
	atomic_long_inc(&pin_generation);
}

/**
 * iommufd_test_pin_end() - It is pinned, or could not be
 */
void iommufd_test_pin_end(void)
{
	atomic_dec(&pins_under_way);
}

static struct test_pins *test_pins_new(struct invariant_check *check)
{
	struct test_pins *pins;
	unsigned long index;
	void *entry;

	pins = kzalloc_obj(*pins);
	if (!pins)
		return NULL;
	xa_for_each(&check->folios, index, entry) {
		struct folio *folio = page_folio(pfn_to_page(index));
		unsigned int i = pins->nr;

		if (i == CLOSE_FOLIOS)
			break;
		if (!folio_try_get(folio))
			continue;
		pins->entry[i].folio = folio;
		pins->entry[i].pins = check_folio_pins(index);
		pins->entry[i].mine = xa_to_value(entry);
		pins->nr++;
	}
	return pins;
}

static unsigned int fault_injection_pause(void)
{
	unsigned int nth = current->fail_nth;

	current->fail_nth = 0;
	return nth;
}

static void fault_injection_resume(unsigned int nth)
{
	current->fail_nth = nth;
}

/**
 * iommufd_test_closing() - Check a context before it is torn down
 * @ictx: the context, whose file is being released
 */
void iommufd_test_closing(struct iommufd_ctx *ictx)
{
	unsigned int nth = fault_injection_pause();
	struct invariant_check check;
	unsigned long generation;
	bool quiet;

	selftest_let_go(ictx);
	check_init(&check, false);
	check_context(ictx, &check);
	generation = atomic_long_read(&pin_generation);
	quiet = !atomic_read(&pins_under_way);
	ictx->test_pins = quiet ? test_pins_new(&check) : NULL;
	if (ictx->test_pins)
		ictx->test_pins->generation = generation;
	check_destroy(&check);
	fault_injection_resume(nth);
}

/**
 * iommufd_test_closed() - Check that a context left nothing pinned
 * @ictx: the context, without any object
 *
 * Where anybody pinned memory meanwhile, that cannot be told.
 */
void iommufd_test_closed(struct iommufd_ctx *ictx)
{
	struct test_pins *pins = ictx->test_pins;
	struct invariant_check check;
	unsigned int i;

	if (!pins)
		return;
	check_init(&check, false);
	for (i = 0; i != pins->nr; i++) {
		struct folio *folio = pins->entry[i].folio;
		unsigned long now = check_folio_pins(folio_pfn(folio));

		if (atomic_long_read(&pin_generation) == pins->generation)
			check_that(&check, now + pins->entry[i].mine <=
						   pins->entry[i].pins,
				   "folio at PFN 0x%lx had %lu pins, %lu of a context that is closed, and has %lu",
				   folio_pfn(folio), pins->entry[i].pins,
				   pins->entry[i].mine, now);
		folio_put(folio);
	}
	check_destroy(&check);
	kfree(pins);
}
