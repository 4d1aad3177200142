// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device objects: what a driver like VFIO calls to bind a device to a context
 * and to attach it, and IOMMU_GET_HW_INFO.
 */

/**
 * DOC: Devices
 *
 * A device object exists from iommufd_device_bind() to iommufd_device_unbind(),
 * both called by the driver that is bound to the device (in Linux's sense), and
 * stands for ownership of the device's DMA: in between, nothing but the HWPTs
 * that it is attached to can be reached by it, and nothing at all while it is
 * not attached.
 *
 * This layer decides whether a device may be bound at all, and which HWPT it is
 * attached to: the one that userspace names; or, where it names an IOAS, an
 * automatic HWPT of that IOAS, made if there is none that the device can use.
 * How to attach is group.c's business.
 *
 * Locking: iommufd_group::lock is held for each single change of what a group
 * is attached to. iommufd_ioas::lock is held inside it while automatic HWPTs
 * are searched, made and linked, so that two devices that come at a time share
 * one; and while a HWPT is filled along with being attached to for the first
 * time. HWPTs are given up after both were dropped.
 */
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/pci-ats.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "viommu.h"

bool iommufd_allow_unsafe_interrupts;
module_param_named(allow_unsafe_interrupts, iommufd_allow_unsafe_interrupts,
		   bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Allow devices to be bound on platforms without interrupt remapping (isolated MSI) support: their users can then raise any interrupt.");

static void idev_pre_destroy(struct iommufd_object *obj)
{
	iommufd_device_revoke_vdevice(container_of(obj, struct iommufd_device,
						   obj));
}

static void idev_destroy(struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);
	bool noiommu = iommufd_device_is_noiommu(idev);

	/* The context has no group longer than it owns the group's DMA */
	iommufd_group_put(idev->igroup);
	if (!noiommu)
		iommu_device_release_dma_owner(idev->dev);
}

const struct iommufd_object_type_ops iommufd_device_type = {
	.pre_destroy = idev_pre_destroy,
	.destroy = idev_destroy,
};

/*
 * May @dev be bound, as to the interrupts that devices in @group can raise?
 * Administrators look for either line.
 */
static bool interrupts_are_safe(struct device *dev, struct iommu_group *group)
{
	if (iommufd_test_is_mock_dev(dev) || iommu_group_has_isolated_msi(group))
		return true;
	if (iommufd_allow_unsafe_interrupts) {
		dev_warn_ratelimited(dev,
				     "bound to iommufd without interrupt remapping support (allow_unsafe_interrupts): its user can raise any interrupt\n");
		return true;
	}
	dev_warn_ratelimited(dev,
			     "not bound to iommufd: no interrupt remapping support, see the module parameter allow_unsafe_interrupts\n");
	return false;
}

/*
 * Take the DMA of @dev over for @ictx. On success, idev_destroy() is what
 * undoes it.
 */
static struct iommufd_group *claim_device(struct iommufd_ctx *ictx,
					  struct device *dev)
{
	struct iommufd_group *igroup;
	int rc;

	/* VFIO, the only one to ask for this, has checked the permission */
	if (IS_ENABLED(CONFIG_IOMMUFD_NOIOMMU) && !dev->iommu)
		return iommufd_group_new_noiommu(ictx);

	/* Userspace could not restore coherency: everything is IOMMU_CACHE */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return ERR_PTR(-EINVAL);

	rc = iommu_device_claim_dma_owner(dev, ictx);
	if (rc)
		return ERR_PTR(rc);

	igroup = iommufd_group_get(ictx, dev);
	if (!IS_ERR(igroup) && !interrupts_are_safe(dev, igroup->group)) {
		iommufd_group_put(igroup);
		igroup = ERR_PTR(-EPERM);
	}
	if (IS_ERR(igroup))
		iommu_device_release_dma_owner(dev);
	return igroup;
}

/**
 * iommufd_device_bind - Bind a device to a context
 * @ictx: context; the caller has a reference on it
 * @dev: device whose driver is the caller, with driver_managed_dma set
 * @id: set to the device's object ID, for userspace
 *
 * On success the context owns the device's DMA, and all of it is blocked. A
 * device without IOMMU (VFIO's no-IOMMU mode) is bound too if the kernel is
 * built for that: nothing can then be blocked.
 *
 * Context: may sleep.
 * Return: the device for iommufd_device_unbind(); or ERR_PTR(-EINVAL) where the
 * IOMMU cannot keep DMA coherent, or is absent; ERR_PTR(-ENODEV) where the
 * device has no IOMMU group; ERR_PTR(-EPERM) where another owner has the group,
 * or a device of it could raise any interrupt and allow_unsafe_interrupts is not
 * set; ERR_PTR(-EBUSY) where a kernel driver uses the group's DMA;
 * ERR_PTR(-ENOMEM).
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id)
{
	struct iommufd_device *idev;

	idev = iommufd_new(ictx, struct iommufd_device, obj,
			   IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(idev))
		return idev;

	idev->igroup = claim_device(ictx, dev);
	if (IS_ERR(idev->igroup)) {
		int rc = PTR_ERR(idev->igroup);

		iommufd_object_discard(ictx, &idev->obj);
		return ERR_PTR(rc);
	}
	idev->ictx = ictx;
	idev->dev = dev;
	idev->enforce_cache_coherency =
		device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);

	/*
	 * The device is used until its driver unbinds it, and so is the context.
	 * But the mock's devices are themselves objects of the context: with a
	 * reference of theirs it could never be closed.
	 */
	if (!iommufd_test_is_mock_dev(dev))
		iommufd_ctx_get(ictx);
	/* New objects cannot be on their way out: this does not fail */
	WARN_ON(iommufd_object_hold(&idev->obj));

	*id = idev->obj.id;
	iommufd_object_publish(ictx, &idev->obj);
	return idev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_bind, "IOMMUFD");

/*
 * A driver that unbinds a device which is attached would have its DMA go on
 * while others believe that it is blocked.
 */
static void detach_forgotten(struct iommufd_device *idev)
{
	struct iommufd_hw_pagetable *left;
	struct iommufd_attach *attach;
	unsigned long pasid;
	bool forgotten;

	do {
		forgotten = false;
		left = NULL;
		scoped_guard(mutex, &idev->igroup->lock) {
			xa_for_each(&idev->igroup->pasid_attach, pasid, attach) {
				if (!xa_load(&attach->devices, idev->obj.id))
					continue;
				forgotten = true;
				left = iommufd_group_detach(idev, pasid);
				break;
			}
		}
		iommufd_hwpt_release(idev->ictx, left);
		WARN_ONCE(forgotten, "iommufd: %s unbound while attached\n",
			  dev_name(idev->dev));
	} while (forgotten);
}

/**
 * iommufd_device_unbind - Undo iommufd_device_bind()
 * @idev: device that is attached nowhere; gone on return
 *
 * Its virtual device, if userspace has left one, is destroyed with it. Gives the
 * DMA back to the kernel. A device that its driver has not detached is detached,
 * with a warning.
 *
 * Context: may sleep, waits for calls that use the device to return.
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	bool counted = !iommufd_test_is_mock_dev(idev->dev);

	detach_forgotten(idev);
	iommufd_object_retire(ictx, &idev->obj);
	if (counted)
		iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_unbind, "IOMMUFD");

/**
 * iommufd_device_to_ictx - The context that a device is bound to
 * @idev: device
 *
 * Return: the context, without a reference: valid as long as @idev is.
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ictx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_ictx, "IOMMUFD");

/**
 * iommufd_device_to_id - The ID that userspace knows a device by
 * @idev: device
 *
 * Return: the object ID.
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_id, "IOMMUFD");

/*
 * A wish to be attached
 * @idev, @pasid: who
 * @replace: from what it is attached to, else from nothing
 * @left: what it was replaced from: to be released, without locks
 */
struct attach_wish {
	struct iommufd_device *idev;
	ioasid_t pasid;
	bool replace;
	struct iommufd_hw_pagetable *left;
};

/* Attach as wished, to @hwpt. Under the group's lock. */
static int grant(struct attach_wish *wish, struct iommufd_hw_pagetable *hwpt)
{
	if (wish->replace)
		return iommufd_group_replace(wish->idev, wish->pasid, hwpt,
					     &wish->left);
	return iommufd_group_attach(wish->idev, wish->pasid, hwpt);
}

static bool is_auto_of(struct iommufd_hw_pagetable *hwpt,
		       struct iommufd_ioas *ioas)
{
	return iommufd_hwpt_is_paging(hwpt) &&
	       iommufd_hwpt_to_paging(hwpt)->auto_domain &&
	       iommufd_hwpt_to_paging(hwpt)->ioas == ioas;
}

/*
 * What the group is attached to already decides some cases. Under its lock.
 * Returns -EAGAIN where any HWPT may be tried, else the result of it all.
 */
static int grant_by_current(struct attach_wish *wish, struct iommufd_ioas *ioas,
			    u32 *hwpt_id)
{
	struct iommufd_device *idev = wish->idev;
	struct iommufd_attach *attach =
		xa_load(&idev->igroup->pasid_attach, wish->pasid);
	bool attached = attach && xa_load(&attach->devices, idev->obj.id);
	int rc;

	if (wish->replace && !attached)
		return -EINVAL;
	if (!wish->replace && attached)
		return -EBUSY;
	if (attach && is_auto_of(attach->hwpt, ioas)) {
		rc = grant(wish, attach->hwpt);
		if (!rc)
			*hwpt_id = attach->hwpt->obj.id;
		return rc;
	}
	/* The rest of the group is attached to something else */
	if (attach && !wish->replace)
		return -EINVAL;
	return -EAGAIN;
}

/*
 * The next automatic HWPT of @ioas after @tried, held. @tried is held too, so it
 * is still on the list; new ones are added behind it.
 */
static struct iommufd_hwpt_paging *
next_candidate(struct iommufd_ioas *ioas, struct iommufd_hwpt_paging *tried)
{
	struct iommufd_hwpt_paging *hwpt;

	lockdep_assert_held(&ioas->lock);

	hwpt = list_prepare_entry(tried, &ioas->hwpt_list, ioas_link);
	list_for_each_entry_continue(hwpt, &ioas->hwpt_list, ioas_link)
		if (hwpt->auto_domain && !iommufd_object_hold(&hwpt->common.obj))
			return hwpt;
	return NULL;
}

/*
 * Attach to a HWPT that is not filled yet, and fill it. Under the group's and the
 * IOAS's lock.
 *
 * Filling a domain before anything is attached to it costs no IOTLB flushes, and
 * leaves nothing to undo at the device. Only where the driver needs the device to
 * decide on the domain's format, it comes first.
 */
static int fill_and_grant(struct attach_wish *wish,
			  struct iommufd_hwpt_paging *hwpt)
{
	int rc;

	if (iommufd_hwpt_is_settled(&hwpt->common)) {
		rc = iommufd_hwpt_paging_fill(hwpt);
		if (rc)
			return rc;
		rc = grant(wish, &hwpt->common);
		if (rc)
			iommufd_hwpt_paging_empty(hwpt);
		return rc;
	}

	/* There is no way back to the HWPT that would be left */
	if (wish->replace)
		return -EOPNOTSUPP;

	rc = grant(wish, &hwpt->common);
	if (rc)
		return rc;
	rc = iommufd_hwpt_paging_fill(hwpt);
	if (rc) {
		iommufd_group_detach(wish->idev, wish->pasid);
		iommufd_object_unhold(&hwpt->common.obj);
	}
	return rc;
}

/*
 * Attach to a HWPT that userspace named. Its domain may have waited for a first
 * device to be filled. Once it is, it stays so. Under the group's lock.
 */
static int grant_hwpt(struct attach_wish *wish,
		      struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hwpt_paging *paging;

	int rc;

	if (!iommufd_hwpt_is_paging(hwpt))
		return grant(wish, hwpt);

	paging = iommufd_hwpt_to_paging(hwpt);
	if (mutex_lock_killable(&paging->ioas->lock))
		return -EINTR;
	if (list_empty(&paging->ioas_link))
		rc = fill_and_grant(wish, paging);
	else
		rc = grant(wish, hwpt);
	mutex_unlock(&paging->ioas->lock);
	return rc;
}

/* Make an automatic HWPT. Under the group's and the IOAS's lock. */
static int grant_new(struct attach_wish *wish, struct iommufd_ioas *ioas,
		     u32 *hwpt_id)
{
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	hwpt = iommufd_hwpt_paging_new(ioas, wish->idev, 0, NULL);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	hwpt->auto_domain = true;

	rc = fill_and_grant(wish, hwpt);
	if (rc) {
		iommufd_object_abort(ioas->ictx, &hwpt->common.obj);
		return rc;
	}
	*hwpt_id = hwpt->common.obj.id;
	iommufd_object_publish(ioas->ictx, &hwpt->common.obj);
	return 0;
}

/*
 * By what the group is attached to, else by a new HWPT if there is none to be
 * tried after @tried. Returns -EAGAIN with the one to try next. Under the
 * group's lock.
 */
static int grant_or_find(struct attach_wish *wish, struct iommufd_ioas *ioas,
			 struct iommufd_hwpt_paging *tried,
			 struct iommufd_hwpt_paging **next, u32 *hwpt_id)
{
	int rc;

	rc = grant_by_current(wish, ioas, hwpt_id);
	if (rc != -EAGAIN)
		return rc;

	if (mutex_lock_killable(&ioas->lock))
		return -EINTR;
	*next = next_candidate(ioas, tried);
	if (!*next)
		rc = grant_new(wish, ioas, hwpt_id);
	mutex_unlock(&ioas->lock);
	return rc;
}

static int grant_by_ioas(struct attach_wish *wish, struct iommufd_ioas *ioas,
			 u32 *hwpt_id)
{
	struct iommufd_hwpt_paging *tried = NULL, *next;
	struct iommufd_group *igroup = wish->idev->igroup;
	struct iommufd_ctx *ictx = ioas->ictx;
	int rc;

	/* Automatic HWPTs are not made for PASIDs (IOMMU_HWPT_ALLOC_PASID) */
	if (wish->pasid != IOMMU_NO_PASID)
		return -EINVAL;

	do {
		next = NULL;
		if (mutex_lock_killable(&igroup->lock)) {
			rc = -EINTR;
			break;
		}
		rc = grant_or_find(wish, ioas, tried, &next, hwpt_id);
		if (next) {
			rc = grant(wish, &next->common);
			if (!rc)
				*hwpt_id = next->common.obj.id;
		}
		mutex_unlock(&igroup->lock);

		/* Its last device may have left while it was tried */
		if (tried)
			iommufd_hwpt_release(ictx, &tried->common);
		tried = next;
		/* The one failure that another HWPT can mend */
	} while (next && rc == -EINVAL);

	if (tried)
		iommufd_hwpt_release(ictx, &tried->common);
	return rc;
}

static int grant_by_object(struct attach_wish *wish, struct iommufd_object *pt,
			   u32 *pt_id)
{
	struct iommufd_group *igroup = wish->idev->igroup;
	struct iommufd_hw_pagetable *hwpt;
	int rc;

	switch (pt->type) {
	case IOMMUFD_OBJ_HWPT_PAGING:
	case IOMMUFD_OBJ_HWPT_NESTED:
		hwpt = container_of(pt, struct iommufd_hw_pagetable, obj);
		rc = mutex_lock_killable(&igroup->lock);
		if (rc)
			break;
		rc = grant_hwpt(wish, hwpt);
		mutex_unlock(&igroup->lock);
		break;
	case IOMMUFD_OBJ_IOAS:
		rc = grant_by_ioas(wish,
				   container_of(pt, struct iommufd_ioas, obj),
				   pt_id);
		break;
	default:
		rc = -EINVAL;
		break;
	}
	return rc;
}

/* The IOVA space of what can be the first to be filled from it */
static struct io_pagetable *iopt_of(struct iommufd_object *pt)
{
	if (pt->type == IOMMUFD_OBJ_IOAS)
		return &container_of(pt, struct iommufd_ioas, obj)->iopt;
	if (pt->type == IOMMUFD_OBJ_HWPT_PAGING)
		return &container_of(pt, struct iommufd_hwpt_paging, common.obj)
				->ioas->iopt;
	return NULL;
}

/* Memory that is not pinned yet must not be waited for under locks */
static int prepare_and_grant(struct attach_wish *wish,
			     struct iommufd_object *pt, u32 *pt_id)
{
	struct io_pagetable *iopt = iopt_of(pt);
	int rc;

	if (!iopt)
		return -EAGAIN;
	rc = iopgt_prepare(iopt);
	if (rc)
		return rc;
	rc = grant_by_object(wish, pt, pt_id);
	iopgt_unprepare(iopt);
	return rc;
}

static int grant_by_id(struct attach_wish *wish, u32 *pt_id)
{
	struct iommufd_ctx *ictx = wish->idev->ictx;
	struct iommufd_hw_pagetable *hwpt = NULL;
	struct iommufd_object *pt;
	int rc;

	pt = iommufd_object_get(ictx, *pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(pt))
		return PTR_ERR(pt);
	if (pt->type == IOMMUFD_OBJ_HWPT_PAGING ||
	    pt->type == IOMMUFD_OBJ_HWPT_NESTED) {
		hwpt = container_of(pt, struct iommufd_hw_pagetable, obj);
		rc = iommufd_hwpt_use(ictx, hwpt);
		if (rc)
			return rc;
	}

	rc = grant_by_object(wish, pt, pt_id);
	if (rc == -EAGAIN)
		rc = prepare_and_grant(wish, pt, pt_id);

	if (hwpt)
		iommufd_hwpt_unuse(ictx, hwpt);
	else
		iommufd_object_put(ictx, pt);
	iommufd_hwpt_release(ictx, wish->left);
	return rc;
}

/**
 * iommufd_device_attach - Attach a device to a HWPT or an IOAS
 * @idev: device
 * @pasid: PASID to attach, or IOMMU_NO_PASID for all DMA without one
 * @pt_id: ID of a HWPT or an IOAS; set to the ID of the HWPT that the device was
 *         attached to
 *
 * For an IOAS, an automatic HWPT is used that the device can be attached to, or
 * a new one. All devices of an IOMMU group have to be attached to the same HWPT.
 * For iommufd_device_detach() to be called when it is done with.
 *
 * Context: may sleep.
 * Return: 0; -ENOENT where @pt_id does not exist; -EBUSY where the device is
 * attached; -EINVAL for an object of another type, a HWPT that does not fit the
 * device, differs from that of its group, or is not for PASIDs where it has to
 * be; -EINTR where the caller is being killed; -EADDRINUSE where the IOAS maps
 * what the device reserves; -ENOSPC where the device is attached at as many
 * PASIDs as may be; -ENOMEM; or the IOMMU driver's reason. On error nothing has
 * changed.
 */
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id)
{
	struct attach_wish wish = { .idev = idev, .pasid = pasid };

	return grant_by_id(&wish, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, "IOMMUFD");

/**
 * iommufd_device_replace - Attach a device to something else
 * @idev: device that is attached at @pasid
 * @pasid: its PASID, or IOMMU_NO_PASID
 * @pt_id: as for iommufd_device_attach()
 *
 * The device's DMA is not blocked in between: it goes to the old HWPT, then to
 * the new one. Moves all devices of an IOMMU group.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL where the device is not attached; -EOPNOTSUPP where the IOMMU
 * driver has to attach the device before anything can be mapped; else as
 * iommufd_device_attach(). On error the device is attached as before.
 */
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id)
{
	struct attach_wish wish = {
		.idev = idev,
		.pasid = pasid,
		.replace = true,
	};

	return grant_by_id(&wish, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, "IOMMUFD");

/**
 * iommufd_device_detach - Detach a device
 * @idev: device
 * @pasid: PASID that it was attached at, or IOMMU_NO_PASID
 *
 * Its DMA is blocked on return, unless other devices of its IOMMU group stay
 * attached. Does nothing for a device that is not attached.
 *
 * Context: may sleep.
 */
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid)
{
	struct iommufd_hw_pagetable *left;

	scoped_guard(mutex, &idev->igroup->lock)
		left = iommufd_group_detach(idev, pasid);
	iommufd_hwpt_release(idev->ictx, left);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, "IOMMUFD");

/* What does not depend on the IOMMU driver's own data */
static void report_capabilities(struct device *dev, struct iommu_hw_info *cmd)
{
	int status;

	cmd->out_capabilities = 0;
	cmd->out_max_pasid_log2 = 0;

	if (device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING))
		cmd->out_capabilities |= IOMMU_HW_CAP_DIRTY_TRACKING;
	if (!device_iommu_capable(dev, IOMMU_CAP_PCI_ATS_SUPPORTED))
		cmd->out_capabilities |= IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;

	if (!dev->iommu || !dev->iommu->max_pasids)
		return;
	if (dev_is_pci(dev)) {
		/* PASIDs are of use only if the IOMMU driver has enabled them */
		status = pci_pasid_status(to_pci_dev(dev));
		if (status < 0 || !(status & PCI_PASID_CTRL_ENABLE))
			return;
		if (status & PCI_PASID_CTRL_EXEC)
			cmd->out_capabilities |= IOMMU_HW_CAP_PCI_PASID_EXEC;
		if (status & PCI_PASID_CTRL_PRIV)
			cmd->out_capabilities |= IOMMU_HW_CAP_PCI_PASID_PRIV;
	}
	cmd->out_max_pasid_log2 = ilog2(dev->iommu->max_pasids);
}

/**
 * iommufd_get_hw_info() - IOMMU_GET_HW_INFO
 * @ucmd: the call
 *
 * See struct iommu_hw_info.
 *
 * Return: 0; -EOPNOTSUPP for unknown flags, reserved bits, a data type that the
 * IOMMU driver has not, or a device without IOMMU; -ENOENT where dev_id is no
 * device; -EFAULT; -ENOMEM; or the driver's reason.
 */
int iommufd_get_hw_info(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->cmd;
	enum iommu_hw_info_type type = IOMMU_HW_INFO_TYPE_DEFAULT;
	const struct iommu_ops *ops;
	struct iommufd_device *idev;
	void *data = NULL;
	u32 length = 0;
	int rc;

	if (cmd->flags & ~IOMMU_HW_INFO_FLAG_INPUT_TYPE ||
	    memchr_inv(cmd->__reserved, 0, sizeof(cmd->__reserved)))
		return -EOPNOTSUPP;
	if (cmd->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE)
		type = cmd->in_data_type;

	idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	ops = iommufd_device_ops(idev);
	if (iommufd_device_is_noiommu(idev)) {
		rc = -EOPNOTSUPP;
		goto err_put_idev;
	}
	if (ops->hw_info) {
		data = ops->hw_info(idev->dev, &length, &type);
		if (IS_ERR(data)) {
			rc = PTR_ERR(data);
			goto err_put_idev;
		}
	} else if (type != IOMMU_HW_INFO_TYPE_DEFAULT) {
		rc = -EOPNOTSUPP;
		goto err_put_idev;
	}

	report_capabilities(idev->dev, cmd);
	/* Its unbinding shall not wait for user memory */
	iommufd_device_put(idev);

	/* As much as fits, and zeroes behind it */
	rc = iommufd_should_fail() ? -EFAULT :
		     copy_struct_to_user(u64_to_user_ptr(cmd->data_uptr),
					 cmd->data_len, data, length, NULL);
	kfree(data);
	if (rc)
		return rc;

	cmd->data_len = length;
	cmd->out_data_type = type;
	return iommufd_ucmd_reply(ucmd, sizeof(*cmd));

err_put_idev:
	iommufd_device_put(idev);
	return rc;
}

MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
