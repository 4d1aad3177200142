// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: vDEVICE: a device as a vIOMMU's guest knows it
 *
 * A vDEVICE ties a device to a vIOMMU, under the ID that the guest uses for it.
 * A device has at most one, and a virtual ID is used once per vIOMMU.
 *
 * Life time: it holds its vIOMMU, and goes before its device. Userspace should
 * destroy it first. Where it does not, the device's unbinding buries it, and
 * its ID stays reserved (uAPI: struct iommu_vdevice_alloc). That, userspace's
 * own IOMMU_DESTROY, and an IOMMU_VDEVICE_ALLOC that is not finished yet may
 * come at the same time. What settles it:
 *
 *  - a vDEVICE, or the call that makes one, has a short reference on the device
 *    from the beginning to the very end of its life. The device is not freed
 *    before.
 *  - iommufd_device::vdev is claimed by the call that makes it, and given up by
 *    the destructor, under the xa_lock of the object table. Whoever finds it
 *    under that lock may therefore look at the vDEVICE.
 *  - unbinding sets iommufd_device::unbinding under that lock; making publishes
 *    under it, if it is not set. So either unbinding finds the vDEVICE in the
 *    object table and buries it, or the call that makes it finds the device
 *    unbinding and gives up, or another destroyer took it from the table
 *    before, and does not put it back. Whoever it is gives the reference back,
 *    for which the device waits.
 *
 * A virtual ID is taken before the driver's part is made, and free only after
 * the driver has undone it; in between, iommufd_viommu::vdevs has the vDEVICE
 * for drivers to find.
 *
 * As the device's unbinding waits for it, the call that makes a vDEVICE does
 * not wait for user memory: where the reply cannot be written at once, the
 * vDEVICE is given up, and made again once the memory is there.
 */
#include "object.h"
#include "viommu.h"

/* The device's side of it: one at a time, none while it unbinds */
static int vdevice_claim_idev(struct iommufd_vdevice *vdev,
			      struct iommufd_device *idev)
{
	guard(spinlock)(&idev->ictx->objects.xa_lock);
	if (idev->unbinding)
		return -ENOENT;
	if (idev->vdev)
		return -EEXIST;
	idev->vdev = vdev;
	return 0;
}

static void vdevice_unclaim_idev(struct iommufd_device *idev)
{
	guard(spinlock)(&idev->ictx->objects.xa_lock);
	idev->vdev = NULL;
}

static void iommufd_vdevice_destroy(struct iommufd_object *obj)
{
	struct iommufd_vdevice *vdev =
		container_of(obj, struct iommufd_vdevice, obj);
	struct iommufd_viommu *viommu = vdev->viommu;
	struct iommufd_device *idev = vdev->idev;

	/* Not found any more, so nobody uses what the driver undoes; not free */
	xa_store(&viommu->vdevs, vdev->virt_id, XA_ZERO_ENTRY, 0);
	if (vdev->destroy)
		vdev->destroy(vdev);
	xa_erase(&viommu->vdevs, vdev->virt_id);
	iommufd_object_unhold(&viommu->obj);

	vdevice_unclaim_idev(idev);
	/* The device may be gone from here */
	iommufd_device_put(idev);
}

const struct iommufd_object_type_ops iommufd_vdevice_type = {
	.destroy = iommufd_vdevice_destroy,
	.never_returns = true,
};

/**
 * iommufd_device_revoke_vdevice() - A device is going away, and its vDEVICE
 *                                   before it
 * @idev: the device, whose destroyer is going to wait for its short references
 *
 * From here no vDEVICE is made for it. One that exists is destroyed, or being
 * destroyed by somebody else who still has a short reference on @idev.
 *
 * Context: process context, sleeps; takes the xa_lock of iommufd_ctx::objects.
 */
void iommufd_device_revoke_vdevice(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_object *obj = NULL;

	scoped_guard(spinlock, &ictx->objects.xa_lock) {
		idev->unbinding = true;
		/* Else it is not published yet, or being destroyed */
		if (idev->vdev &&
		    iommufd_object_is_published(ictx, &idev->vdev->obj)) {
			obj = &idev->vdev->obj;
			iommufd_object_get_locked(ictx, obj);
		}
	}
	if (obj)
		iommufd_object_bury(ictx, obj);
}

/*
 * Make the core's and the driver's structure, of a device that the caller has a
 * short reference on. On success that one is the vDEVICE's.
 */
static struct iommufd_vdevice *vdevice_new(struct iommufd_viommu *viommu,
					   struct iommufd_device *idev,
					   unsigned long virt_id)
{
	const struct iommufd_viommu_ops *ops = viommu->ops;
	struct iommufd_vdevice *vdev;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_new(viommu->ictx,
				 max(ops->vdevice_size, sizeof(*vdev)),
				 IOMMUFD_OBJ_VDEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	vdev = container_of(obj, struct iommufd_vdevice, obj);

	vdev->viommu = viommu;
	vdev->idev = idev;
	vdev->virt_id = virt_id;

	rc = iommufd_object_hold(&viommu->obj);
	if (rc)
		goto err_discard;

	rc = vdevice_claim_idev(vdev, idev);
	if (rc)
		goto err_unhold;

	/* Reserved, not found: the driver's part comes first */
	rc = xa_insert(&viommu->vdevs, virt_id, XA_ZERO_ENTRY,
		       GFP_KERNEL_ACCOUNT);
	if (rc) {
		if (rc == -EBUSY)
			rc = -EEXIST;
		goto err_release;
	}

	if (ops->vdevice_init) {
		rc = ops->vdevice_init(vdev);
		if (rc)
			goto err_erase;
	}

	/* Replaces the reservation, which needs no memory */
	xa_store(&viommu->vdevs, virt_id, vdev, GFP_KERNEL_ACCOUNT);
	return vdev;

err_erase:
	xa_erase(&viommu->vdevs, virt_id);
err_release:
	vdevice_unclaim_idev(idev);
err_unhold:
	iommufd_object_unhold(&viommu->obj);
err_discard:
	iommufd_object_discard(viommu->ictx, obj);
	return ERR_PTR(rc);
}

/* The vDEVICE is complete and userspace knows its ID. */
static int vdevice_publish(struct iommufd_vdevice *vdev)
{
	struct iommufd_ctx *ictx = vdev->viommu->ictx;

	guard(spinlock)(&ictx->objects.xa_lock);
	if (vdev->idev->unbinding)
		return -ENOENT;
	iommufd_object_publish_locked(ictx, &vdev->obj);
	return 0;
}

/* The ioctl, without waiting for user memory */
static int vdevice_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	struct iommufd_vdevice *vdev;
	struct iommufd_device *idev;
	int rc;

	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev)) {
		rc = PTR_ERR(idev);
		goto out_put_viommu;
	}

	if (!idev->dev->iommu ||
	    idev->dev->iommu->iommu_dev != viommu->iommu_dev) {
		rc = -EINVAL;
		goto out_put_idev;
	}

	vdev = vdevice_new(viommu, idev, cmd->virt_id);
	if (IS_ERR(vdev)) {
		rc = PTR_ERR(vdev);
		goto out_put_idev;
	}

	cmd->out_vdevice_id = vdev->obj.id;
	rc = iommufd_ucmd_reply_nofault(ucmd, sizeof(*cmd));
	if (!rc)
		rc = vdevice_publish(vdev);
	if (rc)
		iommufd_object_abort(ucmd->ictx, &vdev->obj);
	goto out_put_viommu;

out_put_idev:
	iommufd_device_put(idev);
out_put_viommu:
	iommufd_viommu_put(viommu);
	return rc;
}

/**
 * iommufd_vdevice_alloc_ioctl() - IOMMU_VDEVICE_ALLOC
 * @ucmd: the ioctl
 *
 * Context: process context, sleeps.
 * Return: 0; -ENOENT where there is no such vIOMMU or device; -EINVAL for a
 * virtual ID that is no unsigned long, or a device of another physical IOMMU;
 * -EEXIST where the device has a vDEVICE or the vIOMMU that virtual ID; -EFAULT;
 * else what the driver says.
 */
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	unsigned int tries = 0;
	int rc;

	/* It is an index of iommufd_viommu::vdevs */
	if (cmd->virt_id > ULONG_MAX)
		return -EINVAL;

	do {
		rc = vdevice_alloc(ucmd);
	} while (rc == -EFAULT &&
		 iommufd_fault_in_reply(ucmd, sizeof(*cmd), tries++));
	return rc;
}
