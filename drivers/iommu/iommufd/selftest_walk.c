// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mock page table translates, entry by entry. A file of its own: the
 * generic page table's headers are for one format at a time.
 */
#define AMDV1_IOMMUFD_SELFTEST 1
#define PT_FMT amdv1
#define PT_SUPPORTED_FEATURES 0

#include <linux/generic_pt/common.h>
#include "../generic_pt/fmt/defs_amdv1.h"
#include "../generic_pt/pt_defs.h"
#include "../generic_pt/fmt/amdv1.h"
#include "../generic_pt/pt_common.h"
#include "../generic_pt/pt_iter.h"

#include "selftest.h"
#include "selftest_check.h"

/**
 * struct leaf_walk - leaves found
 * @leaves: room for them
 * @nr: how many
 * @max: how many there is room for
 */
struct leaf_walk {
	struct mock_leaf *leaves;
	unsigned int nr;
	unsigned int max;
};

static void leaf_add(struct leaf_walk *walk, struct pt_state *pts)
{
	unsigned int lg2sz = pt_entry_oa_lg2sz(pts);
	struct mock_leaf *leaf = &walk->leaves[walk->nr++];
	struct pt_write_attrs attrs = {};

	pt_attr_from_entry(pts, &attrs);
	leaf->iova = log2_set_mod(pts->range->va, 0, lg2sz);
	leaf->length = log2_to_int(lg2sz);
	leaf->phys = pt_entry_oa(pts);
	leaf->prot = 0;
	if (attrs.descriptor_bits & AMDV1PT_FMT_IR)
		leaf->prot |= IOMMU_READ;
	if (attrs.descriptor_bits & AMDV1PT_FMT_IW)
		leaf->prot |= IOMMU_WRITE;
}

static int leaf_walk_level(struct pt_range *range, void *arg,
			   unsigned int level, struct pt_table_p *table)
{
	struct pt_state pts = pt_init(range, level, table);
	struct leaf_walk *walk = arg;
	int rc;

	for_each_pt_level_entry(&pts) {
		if (pts.type == PT_ENTRY_TABLE) {
			rc = pt_descend(&pts, arg, leaf_walk_level);
			if (rc)
				return rc;
		} else if (pts.type == PT_ENTRY_OA) {
			leaf_add(walk, &pts);
			if (walk->nr == walk->max)
				return -ENOSPC;
		}
	}
	return 0;
}

/**
 * mock_domain_leaves() - Which entries of a page table translate?
 * @mock: domain; may be changed meanwhile
 * @iova: from the entry that this IOVA is in
 * @leaves: out: the entries, in the order of their IOVAs
 * @max: how many there is room for
 *
 * Return: how many there are; less than @max only where there are no more.
 */
unsigned int mock_domain_leaves(struct mock_domain *mock, unsigned long iova,
				struct mock_leaf *leaves, unsigned int max)
{
	struct leaf_walk walk = { .leaves = leaves, .max = max };
	struct pt_range range;

	guard(read_lock_irqsave)(&mock->walk_lock);
	range = pt_top_range(&mock->amdv1.amdpt.common);
	if (iova > range.last_va)
		return 0;
	range.va = max_t(pt_vaddr_t, range.va, iova);
	pt_walk_range(&range, leaf_walk_level, &walk);
	return walk.nr;
}
