/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vIOMMU, vDEVICE and HW queue objects.
 */
#ifndef __IOMMUFD_VIOMMU_H
#define __IOMMUFD_VIOMMU_H

#include "device.h"
#include "eventq.h"
#include "mmio.h"

/**
 * iommufd_viommu_get() - Look a vIOMMU up
 * @ictx: context
 * @id: ID from userspace
 *
 * Return: the vIOMMU with a short reference, or ERR_PTR(-ENOENT).
 */
static inline struct iommufd_viommu *
iommufd_viommu_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj =
		iommufd_object_get(ictx, id, IOMMUFD_OBJ_VIOMMU);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct iommufd_viommu, obj);
}

static inline void iommufd_viommu_put(struct iommufd_viommu *viommu)
{
	iommufd_object_put(viommu->ictx, &viommu->obj);
}

static inline struct iommufd_veventq_table *
iommufd_viommu_veventqs(struct iommufd_viommu *viommu)
{
	return list_first_entry(&viommu->veventqs, struct iommufd_veventq_table,
				link);
}

/**
 * iommufd_viommu_find_veventq() - The queue for events of one type
 * @viommu: the vIOMMU
 * @type: type of the events
 *
 * Context: iommufd_viommu::veventqs_rwsem held, at least for read.
 * Return: the queue, or NULL.
 */
static inline struct iommufd_veventq *
iommufd_viommu_find_veventq(struct iommufd_viommu *viommu,
			    enum iommu_veventq_type type)
{
	lockdep_assert_held(&viommu->veventqs_rwsem);

	return xa_load(&iommufd_viommu_veventqs(viommu)->by_type, (u32)type);
}

void iommufd_device_revoke_vdevice(struct iommufd_device *idev);
#endif
