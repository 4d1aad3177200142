// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: vIOMMU
 *
 * A vIOMMU is the slice of one physical IOMMU that a virtual machine's IOMMU is
 * built on. The structure is the IOMMU driver's, with struct iommufd_viommu
 * first: the driver says how large it is, fills its part, and sets the
 * operations. What hangs off it (vDEVICEs, vEVENTQs, HW queues, nested HWPTs)
 * holds it; it holds its nesting parent HWPT.
 *
 * The object must not be aborted under somebody's hands although the driver
 * shows parts of it to the world before it is published: MMIO for mmap(), see
 * mmio.c, which only hands out what belongs to a published object.
 */
#include <linux/slab.h>

#include "viommu.h"

/* What viommu_new() took */
static void viommu_release(struct iommufd_viommu *viommu)
{
	struct iommufd_veventq_table *veventqs = iommufd_viommu_veventqs(viommu);

	xa_destroy(&viommu->vdevs);
	xa_destroy(&veventqs->by_type);
	kfree(veventqs);
	iommufd_object_unhold(&viommu->hwpt->common.obj);
}

static void iommufd_viommu_destroy(struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu =
		container_of(obj, struct iommufd_viommu, obj);

	if (viommu->ops->destroy)
		viommu->ops->destroy(viommu);
	viommu_release(viommu);
}

const struct iommufd_object_type_ops iommufd_viommu_type = {
	.destroy = iommufd_viommu_destroy,
};

/* A nesting parent to put a vIOMMU on, with a short reference */
static struct iommufd_hwpt_paging *viommu_get_parent(struct iommufd_ctx *ictx,
						     u32 hwpt_id)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, hwpt_id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);

	hwpt = container_of(obj, struct iommufd_hwpt_paging, common.obj);
	if (!hwpt->nest_parent) {
		iommufd_object_put(ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return hwpt;
}

/*
 * Make the core's structure, of the size that the driver says, for @idev's
 * IOMMU. On success the nesting parent is held, and the device not needed any
 * more: the driver's part is made for the IOMMU.
 */
static struct iommufd_viommu *viommu_new(struct iommufd_device *idev,
					 struct iommufd_hwpt_paging *hwpt,
					 enum iommu_viommu_type type)
{
	const struct iommu_ops *ops = iommufd_device_ops(idev);
	struct iommufd_veventq_table *veventqs;
	struct iommufd_viommu *viommu;
	struct iommufd_object *obj;
	size_t size;
	int rc;

	if (!ops->get_viommu_size || !ops->viommu_init)
		return ERR_PTR(-EOPNOTSUPP);
	/* The driver takes the parent domain for one of its own */
	if (hwpt->common.domain->owner != ops)
		return ERR_PTR(-EINVAL);

	size = ops->get_viommu_size(idev->dev, type);
	if (!size)
		return ERR_PTR(-EOPNOTSUPP);
	/* A driver without VIOMMU_STRUCT_SIZE() */
	if (WARN_ON_ONCE(size < sizeof(*viommu)))
		return ERR_PTR(-EOPNOTSUPP);

	veventqs = kzalloc_obj(*veventqs, GFP_KERNEL_ACCOUNT);
	if (!veventqs)
		return ERR_PTR(-ENOMEM);
	obj = iommufd_object_new(idev->ictx, size, IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj)) {
		kfree(veventqs);
		return ERR_CAST(obj);
	}
	viommu = container_of(obj, struct iommufd_viommu, obj);

	rc = iommufd_object_hold(&hwpt->common.obj);
	if (rc) {
		iommufd_object_discard(idev->ictx, obj);
		kfree(veventqs);
		return ERR_PTR(rc);
	}

	viommu->type = type;
	viommu->ictx = idev->ictx;
	viommu->hwpt = hwpt;
	/* Outlives its devices: IOMMUs are not unplugged, or count users */
	viommu->iommu_dev = idev->dev->iommu->iommu_dev;
	xa_init_flags(&viommu->vdevs, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&viommu->veventqs);
	list_add(&veventqs->link, &viommu->veventqs);
	xa_init_flags(&veventqs->by_type, XA_FLAGS_ACCOUNT);
	init_rwsem(&viommu->veventqs_rwsem);
	return viommu;
}

/* By the IDs in @cmd */
static struct iommufd_viommu *
viommu_new_by_id(struct iommufd_ctx *ictx, const struct iommu_viommu_alloc *cmd)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;

	idev = iommufd_device_get(ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return ERR_CAST(idev);

	hwpt = viommu_get_parent(ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt)) {
		viommu = ERR_CAST(hwpt);
		goto out_put_idev;
	}
	viommu = viommu_new(idev, hwpt, cmd->type);
	iommufd_object_put(ictx, &hwpt->common.obj);
out_put_idev:
	iommufd_device_put(idev);
	return viommu;
}

/*
 * The driver's part. It may access user memory, so nobody is waiting for a
 * device's short reference by now.
 */
static int viommu_init(struct iommufd_viommu *viommu,
		       const struct iommu_viommu_alloc *cmd)
{
	struct iommu_domain *domain = viommu->hwpt->common.domain;
	const struct iommu_user_data user_data = {
		.type = cmd->type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};

	return domain->owner->viommu_init(viommu, domain,
					  user_data.len ? &user_data : NULL);
}

/**
 * iommufd_viommu_alloc_ioctl() - IOMMU_VIOMMU_ALLOC
 * @ucmd: the ioctl
 *
 * Context: process context, sleeps.
 * __reserved has always been ignored.
 *
 * Return: 0; -EOPNOTSUPP for an unknown flag, IOMMU_VIOMMU_TYPE_DEFAULT, or a
 * type that the device's IOMMU driver does not have; -ENOENT where there is no
 * such device or paging HWPT; -EINVAL where the HWPT is no nesting parent, or of
 * another IOMMU driver; -EFAULT; else what the driver says.
 */
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_viommu *viommu;
	int rc;

	if (cmd->flags || cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;

	viommu = viommu_new_by_id(ictx, cmd);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	rc = viommu_init(viommu, cmd);
	if (rc) {
		viommu_release(viommu);
		iommufd_object_discard(ictx, &viommu->obj);
		return rc;
	}

	cmd->out_viommu_id = viommu->obj.id;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc)
		iommufd_object_abort(ictx, &viommu->obj);
	else
		iommufd_object_publish(ictx, &viommu->obj);
	return rc;
}
