/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HWPT objects: what a device is attached to.
 */
#ifndef __IOMMUFD_HW_PAGETABLE_H
#define __IOMMUFD_HW_PAGETABLE_H

#include "iommufd_private.h"

struct iommufd_device;
struct iommufd_fault;

/* Doorbell pages that a context's software MSI window can hold */
#define IOMMUFD_SW_MSI_SLOTS 64

/**
 * struct iommufd_hw_pagetable - common to every HWPT
 * @obj: the object
 * @domain: the IOMMU driver's domain, its iommufd_hwpt cookie points back here
 * @fault: queue that IO page faults go to, held; or NULL
 * @overhead: whom the memory is charged to that it takes in the IOMMU driver
 * @pasid_compat: made with IOMMU_HWPT_ALLOC_PASID
 */
struct iommufd_hw_pagetable {
	struct iommufd_object obj;
	struct iommu_domain *domain;
	struct iommufd_fault *fault;
	struct pin_overhead overhead;
	bool pasid_compat : 1;
};

/**
 * struct iommufd_hwpt_paging - a HWPT that is kept filled from an IOAS
 * @common: base
 * @ioas: the IOAS, held
 * @ioas_link: on iommufd_ioas::hwpt_list, under iommufd_ioas::lock, as long as
 *             the domain is kept filled
 * @member: its membership in the IOAS's IOVA space
 * @auto_domain: made by attaching a device to an IOAS; gone with the last one
 * @enforce_cache_coherency: no-snoop DMA is blocked
 * @nest_parent: made with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @sw_msi_users: attachments without PASID to it or to what is nested on it, under
 *                iommufd_ctx::sw_msi_lock
 * @present_sw_msi: slots of iommufd_ctx::sw_msi_list that are mapped into it, none
 *                  without @sw_msi_users; under iommufd_ctx::sw_msi_lock
 */
struct iommufd_hwpt_paging {
	struct iommufd_hw_pagetable common;
	struct iommufd_ioas *ioas;
	struct list_head ioas_link;
	struct iopgt_domain member;
	bool auto_domain : 1;
	bool enforce_cache_coherency : 1;
	bool nest_parent : 1;
	unsigned int sw_msi_users;
	DECLARE_BITMAP(present_sw_msi, IOMMUFD_SW_MSI_SLOTS);
};

/**
 * struct iommufd_hwpt_nested - a HWPT whose page table userspace manages
 * @common: base
 * @parent: the nesting parent, held
 * @viommu: the vIOMMU it was made from, held; or NULL
 */
struct iommufd_hwpt_nested {
	struct iommufd_hw_pagetable common;
	struct iommufd_hwpt_paging *parent;
	struct iommufd_viommu *viommu;
};

static inline bool iommufd_hwpt_is_paging(const struct iommufd_hw_pagetable *hwpt)
{
	return hwpt->obj.type == IOMMUFD_OBJ_HWPT_PAGING;
}

static inline struct iommufd_hwpt_paging *
iommufd_hwpt_to_paging(struct iommufd_hw_pagetable *hwpt)
{
	return container_of(hwpt, struct iommufd_hwpt_paging, common);
}

static inline bool iommufd_hwpt_is_auto(struct iommufd_hw_pagetable *hwpt)
{
	return iommufd_hwpt_is_paging(hwpt) &&
	       iommufd_hwpt_to_paging(hwpt)->auto_domain;
}

/*
 * The paging HWPT that the IOVAs of @hwpt are translated by in the end: itself,
 * or its nesting parent.
 */
static inline struct iommufd_hwpt_paging *
iommufd_hwpt_stage2(struct iommufd_hw_pagetable *hwpt)
{
	if (iommufd_hwpt_is_paging(hwpt))
		return iommufd_hwpt_to_paging(hwpt);
	return container_of(hwpt, struct iommufd_hwpt_nested, common)->parent;
}

/*
 * Some drivers choose a domain's format when the first device is attached to
 * it. Until then it has no aperture, and nothing can be mapped.
 */
static inline bool iommufd_hwpt_is_settled(const struct iommufd_hw_pagetable *hwpt)
{
	return hwpt->domain->geometry.aperture_end;
}

struct iommufd_hwpt_paging *
iommufd_hwpt_paging_new(struct iommufd_ioas *ioas, struct iommufd_device *idev,
			u32 flags, const struct iommu_user_data *user_data);
int iommufd_hwpt_paging_fill(struct iommufd_hwpt_paging *hwpt);
void iommufd_hwpt_paging_empty(struct iommufd_hwpt_paging *hwpt);
void iommufd_hwpt_release(struct iommufd_ctx *ictx,
			  struct iommufd_hw_pagetable *hwpt);
int iommufd_hwpt_use(struct iommufd_ctx *ictx,
		     struct iommufd_hw_pagetable *hwpt);
void iommufd_hwpt_unuse(struct iommufd_ctx *ictx,
			struct iommufd_hw_pagetable *hwpt);

#if IS_ENABLED(CONFIG_IOMMUFD_NOIOMMU)
extern const struct iommu_ops iommufd_noiommu_ops;
#endif

/* The domain is software only: see hwpt_noiommu.c */
static inline bool iommufd_hwpt_is_noiommu(const struct iommufd_hw_pagetable *hwpt)
{
#if IS_ENABLED(CONFIG_IOMMUFD_NOIOMMU)
	return hwpt->domain->owner == &iommufd_noiommu_ops;
#else
	return false;
#endif
}
#endif
