/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices bound to a context, and the IOMMU groups that they are attached by.
 */
#ifndef __IOMMUFD_DEVICE_H
#define __IOMMUFD_DEVICE_H

#include <linux/kref.h>

#include "../iommu-priv.h"
#include "hw_pagetable.h"

struct iommufd_vdevice;

/**
 * struct iommufd_group - an IOMMU group with devices bound to a context
 * @ref: one per bound device
 * @lock: serialises every attach, replace and detach of the group
 * @ictx: the context
 * @group: the IOMMU core's group, held; NULL for a no-IOMMU device
 * @pasid_attach: struct iommufd_attach by PASID, IOMMU_NO_PASID included;
 *                under @lock
 * @ended: attachments that are no more, by their @next: the IOMMU core may still
 *         be at work on a fault with a handle of theirs. The next attachment is
 *         one of these; they are freed with the group. Under @lock
 * @sw_msi_start: base of the software MSI window, PHYS_ADDR_MAX if none
 * @sw_msi_target: what the group is being attached to, or NULL; doorbells that
 *                 come into use meanwhile are mapped there too. Under
 *                 iommufd_ctx::sw_msi_lock
 * @required_sw_msi: slots of iommufd_ctx::sw_msi_list that the group's devices
 *                   use, under iommufd_ctx::sw_msi_lock: mapped into each domain
 *                   that they are attached to
 */
struct iommufd_group {
	struct kref ref;
	struct mutex lock;	/* outermost in iommufd's lock hierarchy */
	struct iommufd_ctx *ictx;
	struct iommu_group *group;
	struct xarray pasid_attach;
	struct iommufd_attach *ended;
	phys_addr_t sw_msi_start;
	struct iommufd_hwpt_paging *sw_msi_target;
	DECLARE_BITMAP(required_sw_msi, IOMMUFD_SW_MSI_SLOTS);
};

/**
 * struct iommufd_attach_handle - the IOMMU core's handle on one attachment
 * @handle: base; the core finds faults' handler through its domain
 * @igroup: the group that is attached
 * @attach: the attachment; who reports faults through it is one of its devices
 * @fault: queue for page faults that come through it, or NULL; changes under
 *         iommufd_group::lock, and to NULL under iommufd_fault::lock too
 */
struct iommufd_attach_handle {
	struct iommu_attach_handle handle;
	struct iommufd_group *igroup;
	struct iommufd_attach *attach;
	struct iommufd_fault *fault;
};

/**
 * struct iommufd_attach - what one PASID of a group is attached to
 * @hwpt: the HWPT, held once
 * @handle: what the IOMMU core knows the attachment by, one of @handles
 * @handles: two for HWPTs with a fault queue, at [true], and two for others: one
 *           in use, and one for the next replace. The IOMMU core wants a new one,
 *           and may still be working on a fault by the old one, which must not
 *           find a domain that has no handler meanwhile
 * @next: on iommufd_group::ended
 * @devices: struct iommufd_device by object ID; never empty. Changes under
 *           iommufd_group::lock; the fault queue looks devices up that it has
 *           faults of, which are flushed once their device is gone from here
 */
struct iommufd_attach {
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_attach_handle *handle;
	struct iommufd_attach_handle handles[2][2];
	struct iommufd_attach *next;
	struct xarray devices;
};

/* Devices may raise any interrupt; by two module parameters */
extern bool iommufd_allow_unsafe_interrupts;

/**
 * struct iommufd_device - a device bound by its driver (VFIO, or the mock)
 * @obj: the object; its kernel driver holds one user
 * @ictx: the context, with a reference on its file
 * @igroup: its group
 * @dev: the device; the bound driver keeps it alive
 * @enforce_cache_coherency: its group wants no-snoop DMA blocked
 * @nr_pasids: PASIDs that it is attached at; under igroup lock
 * @iopf_enabled: number of attachments with a fault queue, under igroup lock
 * @vdev: its virtual device, or NULL; under xa_lock of iommufd_ctx::objects
 * @unbinding: no new virtual device may be made; under the same lock
 */
struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_group *igroup;
	struct device *dev;
	bool enforce_cache_coherency;
	unsigned int nr_pasids;
	unsigned int iopf_enabled;
	struct iommufd_vdevice *vdev;
	bool unbinding;
};

/**
 * struct iommufd_sw_msi_page - an MSI doorbell page that a context knows
 * @link: on iommufd_ctx::sw_msi_list, under iommufd_ctx::sw_msi_lock
 * @window: base IOVA of the software MSI window that it was placed in
 * @doorbell: physical address of the page
 * @slot: its bit in required_sw_msi and present_sw_msi
 * @pgoff: where it is in the window, in pages of PAGE_SIZE
 */
struct iommufd_sw_msi_page {
	struct list_head link;
	phys_addr_t window;
	phys_addr_t doorbell;
	unsigned int slot;
	unsigned int pgoff;
};

/* sw_msi.c */
#ifdef CONFIG_IRQ_MSI_IOMMU
int iommufd_sw_msi_enter(struct iommufd_group *igroup,
			 struct iommufd_hwpt_paging *hwpt);
int iommufd_sw_msi_arrive(struct iommufd_group *igroup,
			  struct iommufd_hwpt_paging *hwpt);
void iommufd_sw_msi_leave(struct iommufd_group *igroup,
			  struct iommufd_hwpt_paging *hwpt);
#if IS_ENABLED(CONFIG_KUNIT)
int iommufd_sw_msi_use(struct iommufd_group *igroup,
		       struct iommufd_hwpt_paging *hwpt,
		       const struct iommufd_sw_msi_page *page);
#endif
#else
static inline int iommufd_sw_msi_enter(struct iommufd_group *igroup,
				       struct iommufd_hwpt_paging *hwpt)
{
	return 0;
}

static inline int iommufd_sw_msi_arrive(struct iommufd_group *igroup,
					struct iommufd_hwpt_paging *hwpt)
{
	return 0;
}

static inline void iommufd_sw_msi_leave(struct iommufd_group *igroup,
					struct iommufd_hwpt_paging *hwpt)
{
}
#endif

static inline struct iommufd_device *
iommufd_device_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj =
		iommufd_object_get(ictx, id, IOMMUFD_OBJ_DEVICE);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct iommufd_device, obj);
}

static inline void iommufd_device_put(struct iommufd_device *idev)
{
	iommufd_object_put(idev->ictx, &idev->obj);
}

/*
 * No IOMMU stands in front of @idev: the IOMMU core knows nothing of it, and
 * must not be asked about it.
 */
static inline bool iommufd_device_is_noiommu(const struct iommufd_device *idev)
{
	return IS_ENABLED(CONFIG_IOMMUFD_NOIOMMU) && !idev->igroup->group;
}

/* The IOMMU driver behind @idev; also valid for a no-IOMMU device */
static inline const struct iommu_ops *
iommufd_device_ops(const struct iommufd_device *idev)
{
#ifdef CONFIG_IOMMUFD_NOIOMMU
	if (iommufd_device_is_noiommu(idev))
		return &iommufd_noiommu_ops;
#endif
	return dev_iommu_ops(idev->dev);
}

/* group.c */
struct iommufd_group *iommufd_group_get(struct iommufd_ctx *ictx,
					struct device *dev);
struct iommufd_group *iommufd_group_new_noiommu(struct iommufd_ctx *ictx);
void iommufd_group_put(struct iommufd_group *igroup);

int iommufd_group_attach(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hw_pagetable *hwpt);
int iommufd_group_replace(struct iommufd_device *idev, ioasid_t pasid,
			  struct iommufd_hw_pagetable *hwpt,
			  struct iommufd_hw_pagetable **left);
struct iommufd_hw_pagetable *iommufd_group_detach(struct iommufd_device *idev,
						  ioasid_t pasid);
#endif
