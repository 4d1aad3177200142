// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page table in software only, for devices that no IOMMU stands in front of.
 */

/**
 * DOC: No-IOMMU HWPTs
 *
 * A no-IOMMU device does DMA to physical addresses. Its userspace still uses an
 * IOAS: to have memory pinned, and to ask which physical address an IOVA stands
 * for (IOMMU_IOAS_NOIOMMU_GET_PA). To the layers above, such a device is one
 * whose IOMMU driver is the one below. Its domains are kept filled like any
 * other, in the AMDv1 format, which takes every IOVA and every power of two as
 * page size; only no hardware ever walks them. They are never shown to the
 * IOMMU core, which has no group and no driver for these devices.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../iommu-pages.h"
#include "hw_pagetable.h"

struct noiommu_domain {
	union {
		struct iommu_domain domain;
		struct pt_iommu_amdv1 amdv1;
	};
	/* held while the table grows at the top */
	spinlock_t top_lock;
};

PT_IOMMU_CHECK_DOMAIN(struct noiommu_domain, amdv1.iommu, domain);

static struct noiommu_domain *to_noiommu(struct iommu_domain *domain)
{
	return container_of(domain, struct noiommu_domain, domain);
}

/* The format requires that the table can grow at the top. Nobody watches it. */
static spinlock_t *noiommu_get_top_lock(struct pt_iommu *table)
{
	return &to_noiommu(&table->domain)->top_lock;
}

static void noiommu_change_top(struct pt_iommu *table, phys_addr_t top_paddr,
			       unsigned int top_level)
{
}

static const struct pt_iommu_driver_ops noiommu_driver_ops = {
	.get_top_lock = noiommu_get_top_lock,
	.change_top = noiommu_change_top,
};

/* There is no IOTLB: emptied tables can go at once */
static void noiommu_iotlb_sync(struct iommu_domain *domain,
			       struct iommu_iotlb_gather *gather)
{
	iommu_put_pages_list(&gather->freelist);
}

static void noiommu_domain_free(struct iommu_domain *domain)
{
	struct noiommu_domain *noiommu = to_noiommu(domain);

	pt_iommu_deinit(&noiommu->amdv1.iommu);
	kfree(noiommu);
}

static const struct iommu_domain_ops noiommu_domain_ops = {
	IOMMU_PT_DOMAIN_OPS(amdv1),
	.iotlb_sync = noiommu_iotlb_sync,
	.free = noiommu_domain_free,
};

static struct iommu_domain *
noiommu_alloc_paging(struct device *dev, u32 flags,
		     const struct iommu_user_data *user_data)
{
	const struct pt_iommu_amdv1_cfg cfg = {
		.common = {
			/* All that the format cannot do without */
			.features = BIT(PT_FEAT_DYNAMIC_TOP) |
				    BIT(PT_FEAT_AMDV1_ENCRYPT_TABLES) |
				    BIT(PT_FEAT_AMDV1_FORCE_COHERENCE),
			.hw_max_vasz_lg2 = 64,
			.hw_max_oasz_lg2 = 52,
		},
		.starting_level = 2,
	};
	struct noiommu_domain *noiommu;
	int rc;

	if (flags || user_data)
		return ERR_PTR(-EOPNOTSUPP);

	noiommu = kzalloc_obj(*noiommu, GFP_KERNEL_ACCOUNT);
	if (!noiommu)
		return ERR_PTR(-ENOMEM);

	spin_lock_init(&noiommu->top_lock);
	noiommu->domain.ops = &noiommu_domain_ops;
	noiommu->amdv1.iommu.driver_ops = &noiommu_driver_ops;
	noiommu->amdv1.iommu.nid = dev_to_node(dev);
	rc = pt_iommu_amdv1_init(&noiommu->amdv1, &cfg, GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(noiommu);
		return ERR_PTR(rc);
	}
	return &noiommu->domain;
}

/* The IOMMU driver of devices that have none */
const struct iommu_ops iommufd_noiommu_ops = {
	.default_domain_ops = &noiommu_domain_ops,
	.domain_alloc_paging_flags = noiommu_alloc_paging,
	.owner = THIS_MODULE,
};

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
