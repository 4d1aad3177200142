// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the invariant checker: something is made wrong, checked, and put
 * right again, while everything is frozen.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "area.h"
#include "selftest.h"
#include "selftest_check.h"

/**
 * struct corruption - what is made wrong
 * @iopt: of this IOVA space
 * @domain: its first domain
 * @area: the area at the IOVA that userspace named
 * @extent: the first extent of what it shows
 * @page: the first page
 * @iova: the IOVA
 * @unmapped: how much from there on was unmapped
 */
struct corruption {
	struct io_pagetable *iopt;
	struct iommu_domain *domain;
	struct iopgt_area *area;
	struct pages_extent *extent;
	struct page *page;
	unsigned long iova;
	size_t unmapped;
};

static int corrupt_map(struct corruption *c, unsigned long iova,
		       struct page *page, int prot)
{
	return iommu_map(c->domain, iova, page_to_phys(page), PAGE_SIZE, prot,
			 GFP_KERNEL);
}

/* In a mock device's page table, what lies behind the area is free */
static int corrupt_stray(struct corruption *c, bool undo)
{
	unsigned long iova = c->area->node.last + 1;

	if (undo) {
		iommu_unmap(c->domain, iova, PAGE_SIZE);
		return 0;
	}
	return corrupt_map(c, iova, c->page, IOMMU_READ);
}

/* The areas of these are one page, and so is the entry */
static int corrupt_missing(struct corruption *c, bool undo)
{
	if (undo)
		return corrupt_map(c, c->iova, c->page, c->area->prot);
	iommu_unmap(c->domain, c->iova, PAGE_SIZE);
	return 0;
}

static int corrupt_entry(struct corruption *c, bool undo, struct page *page,
			 int prot)
{
	iommu_unmap(c->domain, c->iova, PAGE_SIZE);
	return undo ? corrupt_map(c, c->iova, c->page, c->area->prot) :
		      corrupt_map(c, c->iova, page, prot);
}

/* The entry is at least a page, of several of the IOMMU's */
static int corrupt_partial(struct corruption *c, bool undo)
{
	struct mock_domain *mock = mock_paging_domain(c->domain);

	if (!mock)
		return -EOPNOTSUPP;
	if (!undo) {
		c->unmapped = iommu_unmap(c->domain, c->iova, MOCK_PAGE_SIZE);
		return 0;
	}
	atomic_set(&mock->refused, 0);
	if (!c->unmapped)
		return 0;
	return iommu_map(c->domain, c->iova, page_to_phys(c->page), c->unmapped,
			 c->area->prot, GFP_KERNEL);
}

/* Take back, or give, a pin, as far as the counts go */
static void corrupt_pin(struct page *page, bool undo)
{
	struct folio *folio = page_folio(page);

	if (folio_has_pincount(folio))
		atomic_add(undo ? 1 : -1, &folio->_pincount);
	else if (undo)
		folio_ref_add(folio, GUP_PIN_COUNTING_BIAS);
	else
		folio_ref_sub(folio, GUP_PIN_COUNTING_BIAS);
}

/* Do it, or undo it */
static int corrupt(struct corruption *c, u32 kind, bool undo)
{
	struct iommufd_pages *pages = c->area->pages;
	long one = undo ? -1 : 1;

	switch (kind) {
	case IOMMU_TEST_CORRUPT_NOTHING:
		return 0;
	case IOMMU_TEST_CORRUPT_STRAY_ENTRY:
		return corrupt_stray(c, undo);
	case IOMMU_TEST_CORRUPT_MISSING_ENTRY:
		return corrupt_missing(c, undo);
	case IOMMU_TEST_CORRUPT_WRONG_ENTRY:
		return corrupt_entry(c, undo, ZERO_PAGE(0), c->area->prot);
	case IOMMU_TEST_CORRUPT_WRITABLE_ENTRY:
		return corrupt_entry(c, undo, c->page,
				     c->area->prot | IOMMU_WRITE);
	case IOMMU_TEST_CORRUPT_PIN:
		corrupt_pin(c->page, undo);
		return 0;
	case IOMMU_TEST_CORRUPT_RUN:
		c->extent->store->runs.tail += one << PFN_RUN_LENGTH_BITS;
		return 0;
	case IOMMU_TEST_CORRUPT_RUN_TOTAL:
		c->extent->store->runs.npages += one;
		return 0;
	case IOMMU_TEST_CORRUPT_CLAIMS:
		pages->claims += one;
		return 0;
	case IOMMU_TEST_CORRUPT_EXTENT:
		c->extent->claims += one;
		return 0;
	case IOMMU_TEST_CORRUPT_EXTENT_BOUND:
		c->extent->node.last += one;
		return 0;
	case IOMMU_TEST_CORRUPT_STORE:
		c->extent->store->runs.owners += one;
		return 0;
	case IOMMU_TEST_CORRUPT_CHARGED:
		pages->charged += one;
		return 0;
	case IOMMU_TEST_CORRUPT_VM_PIN:
		atomic64_add(one * -(s64)(SZ_1G >> PAGE_SHIFT),
			     &pages->payer.mm->pinned_vm);
		return 0;
	case IOMMU_TEST_CORRUPT_GAP:
		c->area->node.gap += one;
		return 0;
	case IOMMU_TEST_CORRUPT_LARGEST_GAP:
		c->area->node.largest += one;
		return 0;
	case IOMMU_TEST_CORRUPT_AREA_STATE:
		c->area->state = undo ? AREA_LIVE : AREA_UNMAPPING;
		return 0;
	case IOMMU_TEST_CORRUPT_AREA_START:
		c->area->start += one * PAGE_SIZE;
		return 0;
	case IOMMU_TEST_CORRUPT_AREA_PINS:
		atomic_add(one, &c->area->pins);
		return 0;
	case IOMMU_TEST_CORRUPT_ALIGNMENT:
		c->iopt->alignment = undo ? c->iopt->alignment >> 20 :
					    c->iopt->alignment << 20;
		return 0;
	case IOMMU_TEST_CORRUPT_PARTIAL_UNMAP:
		return corrupt_partial(c, undo);
	default:
		return -EOPNOTSUPP;
	}
}

/* Of user memory or a memfd, and mapped into a domain */
static int corruption_find(struct corruption *c, struct list_head *frozen,
			   u32 ioas_id, unsigned long iova)
{
	struct iommufd_ioas *ioas;

	list_for_each_entry(ioas, frozen, frozen_link) {
		if (ioas->obj.id != ioas_id)
			continue;
		c->iopt = &ioas->iopt;
		c->iova = iova;
		c->area = area_first_in(c->iopt, iova, iova);
		if (!c->area || c->area->node.first != iova ||
		    c->area->pages->type == PAGES_DMABUF ||
		    list_empty(&c->iopt->domains))
			return -EINVAL;
		c->domain = list_first_entry(&c->iopt->domains,
					     struct iopgt_domain, link)->domain;
		scoped_guard(mutex, &c->area->pages->lock) {
			c->extent = pages_find_extent(c->area->pages, 0, 0);
			c->page = pfn_to_page(extent_pfn(c->extent, 0));
		}
		return 0;
	}
	return -ENOENT;
}

static int corrupt_and_check(struct iommufd_ctx *ictx, u32 ioas_id,
			     unsigned long iova, u32 kind, u32 *violations)
{
	struct invariant_check check;
	struct corruption c = {};
	LIST_HEAD(frozen);
	int rc;

	guard(rwsem_write)(&ictx->process_lock);
	check_freeze(ictx, &frozen);
	rc = corruption_find(&c, &frozen, ioas_id, iova);
	if (!rc)
		rc = corrupt(&c, kind, false);
	if (!rc) {
		check_init(&check, true);
		check_frozen(ictx, &frozen, &check);
		check_destroy(&check);
		*violations = check.violations;
		rc = corrupt(&c, kind, true);
	}
	check_thaw(&frozen);
	return rc;
}

/**
 * test_corrupt() - IOMMU_TEST_OP_CORRUPT
 * @ucmd: the call
 *
 * Context: may sleep; nobody else may use the pages that are corrupted.
 * Return: 0; -EOPNOTSUPP for an unknown kind; -ENOENT for the IOAS; -EINVAL where
 * no area of memory begins at the IOVA, or there is no domain; -ENOMEM.
 */
int test_corrupt(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	int rc;

	rc = corrupt_and_check(ucmd->ictx, cmd->id, cmd->corrupt.iova,
			       cmd->corrupt.kind, &cmd->corrupt.out_violations);
	return rc ?: iommufd_ucmd_reply(ucmd, sizeof(*cmd));
}
