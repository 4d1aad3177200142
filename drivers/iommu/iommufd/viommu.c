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
#include "viommu.h"

static void iommufd_viommu_destroy(struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu =
		container_of(obj, struct iommufd_viommu, obj);

	if (viommu->ops->destroy)
		viommu->ops->destroy(viommu);
	xa_destroy(&viommu->vdevs);
	iommufd_object_unhold(&viommu->hwpt->common.obj);
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

/* Make the core's and the driver's structure. On success @hwpt is held. */
static struct iommufd_viommu *viommu_new(struct iommufd_ctx *ictx,
					 struct iommufd_device *idev,
					 struct iommufd_hwpt_paging *hwpt,
					 const struct iommu_viommu_alloc *cmd)
{
	const struct iommu_ops *ops = iommufd_device_ops(idev);
	const struct iommu_user_data user_data = {
		.type = cmd->type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	struct iommufd_viommu *viommu;
	struct iommufd_object *obj;
	size_t size;
	int rc;

	if (!ops->get_viommu_size || !ops->viommu_init)
		return ERR_PTR(-EOPNOTSUPP);
	/* The driver takes the parent domain for one of its own */
	if (hwpt->common.domain->owner != ops)
		return ERR_PTR(-EINVAL);

	size = ops->get_viommu_size(idev->dev, cmd->type);
	if (!size)
		return ERR_PTR(-EOPNOTSUPP);
	/* A driver without VIOMMU_STRUCT_SIZE() */
	if (WARN_ON_ONCE(size < sizeof(*viommu)))
		return ERR_PTR(-EOPNOTSUPP);
	/* The driver takes its parent domain for one of its own */
	if (hwpt->common.domain->owner != ops)
		return ERR_PTR(-EINVAL);

	obj = iommufd_object_new(ictx, size, IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	viommu = container_of(obj, struct iommufd_viommu, obj);

	rc = iommufd_object_hold(&hwpt->common.obj);
	if (rc)
		goto err_discard;

	viommu->type = cmd->type;
	viommu->ictx = ictx;
	viommu->hwpt = hwpt;
	/* Outlives its devices: IOMMUs are not unplugged, or count users */
	viommu->iommu_dev = idev->dev->iommu->iommu_dev;
	xa_init_flags(&viommu->vdevs, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&viommu->veventqs);
	init_rwsem(&viommu->veventqs_rwsem);

	rc = ops->viommu_init(viommu, hwpt->common.domain,
			      user_data.len ? &user_data : NULL);
	if (rc)
		goto err_unhold;
	return viommu;

err_unhold:
	iommufd_object_unhold(&hwpt->common.obj);
err_discard:
	iommufd_object_discard(ictx, obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_viommu_alloc_ioctl() - IOMMU_VIOMMU_ALLOC
 * @ucmd: the ioctl
 *
 * Context: process context, sleeps.
 * Return: 0; -EOPNOTSUPP for an unknown flag, a reserved field that is set,
 * IOMMU_VIOMMU_TYPE_DEFAULT, or a type that the device's IOMMU driver does not
 * have; -ENOENT where there is no such device or paging HWPT; -EINVAL where
 * the HWPT is no nesting parent, or of another IOMMU driver; -EFAULT; else what
 * the driver says.
 */
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags || cmd->__reserved ||
	    cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;

	idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	hwpt = viommu_get_parent(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt)) {
		rc = PTR_ERR(hwpt);
		goto out_put_idev;
	}

	viommu = viommu_new(ucmd->ictx, idev, hwpt, cmd);
	if (IS_ERR(viommu)) {
		rc = PTR_ERR(viommu);
		goto out_put_hwpt;
	}

	cmd->out_viommu_id = viommu->obj.id;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc)
		iommufd_object_abort(ucmd->ictx, &viommu->obj);
	else
		iommufd_object_publish(ucmd->ictx, &viommu->obj);

out_put_hwpt:
	iommufd_object_put(ucmd->ictx, &hwpt->common.obj);
out_put_idev:
	iommufd_device_put(idev);
	return rc;
}
