// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU groups with devices bound to a context, and what they are attached to.
 */

/**
 * DOC: Groups and their attachments
 *
 * The IOMMU core attaches groups, userspace attaches devices. This layer is
 * where the two meet: for each PASID of a group (IOMMU_NO_PASID included), a
 * struct iommufd_attach says which HWPT the group is attached to, and which of
 * its devices asked for it. The core is told with the first device and with the
 * last; in between devices come and go. A device that wants another HWPT than
 * the rest of its group has to replace it, and that moves the whole group.
 *
 * What is held per attachment: the HWPT, once, and the core's handle. What is
 * held per device: its reserved regions in the IOAS, for as long as it is
 * attached without a PASID, and its permission to report page faults.
 * (Reserved regions are those of requests without PASID: MSIs are such, and an
 * IOMMU translates an address in the MSI window that comes with a PASID.)
 *
 * Everything here runs under iommufd_group::lock, taken by the caller. Objects
 * are never given up here, because giving up the last user of one may wait for
 * somebody who waits for that lock: the HWPT that was left is returned instead,
 * for iommufd_hwpt_release() once the lock is dropped.
 *
 * It knows nothing of IDs, IOAS objects as attach targets, or ioctls.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "device.h"
#include "eventq.h"

static unsigned int max_pasids = 4096;
module_param(max_pasids, uint, 0644);
MODULE_PARM_DESC(max_pasids,
		 "How many PASIDs one device may be attached at. IOMMU drivers walk them with interrupts off.");

static struct iommufd_group *group_alloc(struct iommufd_ctx *ictx,
					 struct iommu_group *group)
{
	struct iommufd_group *igroup;

	igroup = kzalloc_obj(*igroup, GFP_KERNEL_ACCOUNT);
	if (!igroup)
		return NULL;

	kref_init(&igroup->ref);
	mutex_init(&igroup->lock);
	xa_init_flags(&igroup->pasid_attach, XA_FLAGS_ACCOUNT);
	igroup->ictx = ictx;
	igroup->group = group;
	igroup->sw_msi_start = PHYS_ADDR_MAX;
	return igroup;
}

static void group_free(struct iommufd_group *igroup)
{
	struct iommufd_attach *attach;

	while ((attach = igroup->ended)) {
		igroup->ended = attach->next;
		kfree(attach);
	}
	WARN_ON(!xa_empty(&igroup->pasid_attach));
	xa_destroy(&igroup->pasid_attach);
	mutex_destroy(&igroup->lock);
	iommu_group_put(igroup->group);
	kfree(igroup);
}

/**
 * iommufd_group_get() - The context's view of a device's IOMMU group
 * @ictx: context
 * @dev: device with an IOMMU
 *
 * There is one per context and group: made for the first device, shared by the
 * others.
 *
 * Context: may sleep.
 * Return: the group with a reference for iommufd_group_put(); or
 * ERR_PTR(-ENODEV) where the device has no group, ERR_PTR(-ENOMEM).
 */
struct iommufd_group *iommufd_group_get(struct iommufd_ctx *ictx,
					struct device *dev)
{
	struct iommufd_group *mine, *other;
	struct iommu_group *group;

	group = iommu_group_get(dev);
	if (!group)
		return ERR_PTR(-ENODEV);

	mine = group_alloc(ictx, group);
	if (!mine) {
		iommu_group_put(group);
		return ERR_PTR(-ENOMEM);
	}

	/*
	 * A group in the table has references: the last put takes it out under
	 * the same lock. So whatever is found here is alive.
	 */
	xa_lock(&ictx->groups);
	other = __xa_cmpxchg(&ictx->groups, iommu_group_id(group), NULL, mine,
			     GFP_KERNEL);
	if (other && !xa_is_err(other))
		kref_get(&other->ref);
	xa_unlock(&ictx->groups);

	if (!other)
		return mine;
	group_free(mine);
	return xa_is_err(other) ? ERR_PTR(xa_err(other)) : other;
}

/**
 * iommufd_group_new_noiommu() - Group of one, for a no-IOMMU device
 * @ictx: context
 *
 * Return: the group with a reference for iommufd_group_put(), or
 * ERR_PTR(-ENOMEM).
 */
struct iommufd_group *iommufd_group_new_noiommu(struct iommufd_ctx *ictx)
{
	return group_alloc(ictx, NULL) ?: ERR_PTR(-ENOMEM);
}

static void group_release(struct kref *ref)
	__releases(&igroup->ictx->groups.xa_lock)
{
	struct iommufd_group *igroup =
		container_of(ref, struct iommufd_group, ref);

	if (igroup->group)
		__xa_erase(&igroup->ictx->groups, iommu_group_id(igroup->group));
	xa_unlock(&igroup->ictx->groups);
	group_free(igroup);
}

/**
 * iommufd_group_put() - Give a reference back
 * @igroup: group
 */
void iommufd_group_put(struct iommufd_group *igroup)
{
	kref_put_lock(&igroup->ref, group_release,
		      &igroup->ictx->groups.xa_lock);
}

/**
 * iommufd_ctx_has_group - Is any device of a group bound to the context?
 * @ictx: context
 * @group: the IOMMU core's group
 *
 * The context then owns the DMA of every device in that group: VFIO lets it
 * reset them together.
 *
 * Return: true if so.
 */
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group)
{
	return group && xa_load(&ictx->groups, iommu_group_id(group));
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_has_group, "IOMMUFD");

/* The IOMMU core's part, one call each; without an IOMMU there is none */
static int core_attach(struct iommufd_device *idev, ioasid_t pasid,
		       struct iommufd_attach *attach)
{
	struct iommu_attach_handle *handle = &attach->handle->handle;

	if (iommufd_device_is_noiommu(idev))
		return 0;
	if (pasid == IOMMU_NO_PASID)
		return iommu_attach_group_handle(attach->hwpt->domain,
						 idev->igroup->group, handle);
	return iommu_attach_device_pasid(attach->hwpt->domain, idev->dev, pasid,
					 handle);
}

static int core_replace(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hw_pagetable *hwpt,
			struct iommufd_attach_handle *handle)
{
	if (iommufd_device_is_noiommu(idev))
		return 0;
	if (pasid == IOMMU_NO_PASID)
		return iommu_replace_group_handle(idev->igroup->group,
						  hwpt->domain,
						  &handle->handle);
	return iommu_replace_device_pasid(hwpt->domain, idev->dev, pasid,
					  &handle->handle);
}

static void core_detach(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hw_pagetable *hwpt)
{
	if (iommufd_device_is_noiommu(idev))
		return;
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_group_handle(hwpt->domain, idev->igroup->group);
	else
		iommu_detach_device_pasid(hwpt->domain, idev->dev, pasid);
}

/* One for @hwpt that the IOMMU core does not know */
static struct iommufd_attach_handle *
spare_handle(struct iommufd_attach *attach,
	     const struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_attach_handle *handles = attach->handles[!!hwpt->fault];

	return &handles[attach->handle == &handles[0]];
}

static struct iommufd_attach *attach_new(struct iommufd_group *igroup)
{
	struct iommufd_attach_handle *handle;
	struct iommufd_attach *attach;
	unsigned int i, j;

	attach = kzalloc_obj(*attach, GFP_KERNEL_ACCOUNT);
	if (!attach)
		return NULL;
	xa_init_flags(&attach->devices, XA_FLAGS_ACCOUNT);
	for (i = 0; i != ARRAY_SIZE(attach->handles); i++) {
		for (j = 0; j != ARRAY_SIZE(attach->handles[i]); j++) {
			handle = &attach->handles[i][j];
			handle->igroup = igroup;
			handle->attach = attach;
		}
	}
	return attach;
}

static struct iommufd_attach *attach_alloc(struct iommufd_group *igroup,
					   struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_attach *attach = igroup->ended;

	if (attach)
		igroup->ended = attach->next;
	else
		attach = attach_new(igroup);
	if (!attach)
		return NULL;
	attach->hwpt = hwpt;
	attach->handle = spare_handle(attach, hwpt);
	return attach;
}

/*
 * MSI doorbells that the group's devices use have to be reachable in the new
 * domain from the first moment on (sw_msi.c). An MSI is a write without PASID.
 */
static int sw_msi_enter(struct iommufd_group *igroup, ioasid_t pasid,
			struct iommufd_hw_pagetable *hwpt)
{
	if (pasid != IOMMU_NO_PASID)
		return 0;
	return iommufd_sw_msi_enter(igroup, iommufd_hwpt_stage2(hwpt));
}

static int sw_msi_arrive(struct iommufd_group *igroup, ioasid_t pasid,
			 struct iommufd_hw_pagetable *hwpt)
{
	if (pasid != IOMMU_NO_PASID)
		return 0;
	return iommufd_sw_msi_arrive(igroup, iommufd_hwpt_stage2(hwpt));
}

static void sw_msi_leave(struct iommufd_group *igroup, ioasid_t pasid,
			 struct iommufd_hw_pagetable *hwpt)
{
	if (pasid == IOMMU_NO_PASID)
		iommufd_sw_msi_leave(igroup, iommufd_hwpt_stage2(hwpt));
}

/*
 * The uAPI's rules on PASIDs (IOMMU_HWPT_ALLOC_PASID): a PASID takes only HWPTs
 * that were made for it, and as long as one is attached, so does the rest of
 * the device.
 */
static int check_pasid_rules(struct iommufd_device *idev, ioasid_t pasid,
			     struct iommufd_hw_pagetable *hwpt)
{
	struct xarray *attached = &idev->igroup->pasid_attach;
	struct iommufd_attach *rid;
	unsigned long index = IOMMU_FIRST_GLOBAL_PASID;

	if (pasid == IOMMU_NO_PASID) {
		if (!hwpt->pasid_compat &&
		    xa_find(attached, &index, ULONG_MAX, XA_PRESENT))
			return -EINVAL;
		return 0;
	}

	/* The core skips devices without PASIDs where they share a group */
	if (iommufd_device_is_noiommu(idev) ||
	    pasid >= idev->dev->iommu->max_pasids)
		return -EINVAL;
	if (!hwpt->pasid_compat)
		return -EINVAL;
	rid = xa_load(attached, IOMMU_NO_PASID);
	if (rid && !rid->hwpt->pasid_compat)
		return -EINVAL;
	return 0;
}

/* May @idev be attached at one PASID more? */
static int check_pasid_room(const struct iommufd_device *idev, ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID || idev->nr_pasids < READ_ONCE(max_pasids))
		return 0;
	return -ENOSPC;
}

static void count_pasid(struct iommufd_device *idev, ioasid_t pasid, int more)
{
	if (pasid != IOMMU_NO_PASID)
		idev->nr_pasids += more;
}

static int check_device_rules(struct iommufd_device *idev,
			      struct iommufd_hw_pagetable *hwpt)
{
	if (iommufd_device_is_noiommu(idev) != iommufd_hwpt_is_noiommu(hwpt))
		return -EINVAL;
	/* The core looks at that when it attaches a group, but not for replace */
	if (!iommufd_device_is_noiommu(idev) &&
	    hwpt->domain->owner != iommufd_device_ops(idev))
		return -EINVAL;

	/* Or its writes would be missing from what is reported as dirty */
	if (iommufd_hwpt_stage2(hwpt)->common.domain->dirty_ops &&
	    !device_iommu_capable(idev->dev, IOMMU_CAP_DIRTY_TRACKING))
		return -EINVAL;

	/*
	 * KVM relies on it for every device that can have no-snoop DMA blocked.
	 * It cannot be made up for here: drivers put it into the PTEs.
	 */
	if (idev->enforce_cache_coherency &&
	    !iommufd_hwpt_stage2(hwpt)->enforce_cache_coherency)
		return -EINVAL;
	return 0;
}

/* Do @idev's reserved regions have to be (un)reserved for @hwpt's IOAS? */
static bool changes_ioas(ioasid_t pasid, struct iommufd_hw_pagetable *hwpt,
			 struct iommufd_hw_pagetable *other)
{
	if (pasid != IOMMU_NO_PASID || iommufd_hwpt_is_noiommu(hwpt))
		return false;
	return !other || iommufd_hwpt_stage2(hwpt)->ioas !=
				 iommufd_hwpt_stage2(other)->ioas;
}

/*
 * What @idev itself needs before it may be attached to @hwpt. @from is the HWPT
 * that it comes from, or NULL.
 */
static int device_enter(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hw_pagetable *hwpt,
			struct iommufd_hw_pagetable *from)
{
	struct io_pagetable *iopt = &iommufd_hwpt_stage2(hwpt)->ioas->iopt;
	bool reserve = changes_ioas(pasid, hwpt, from);
	phys_addr_t sw_msi_start = PHYS_ADDR_MAX;
	int rc;

	rc = check_device_rules(idev, hwpt);
	if (rc)
		return rc;

	if (reserve) {
		rc = iopgt_reserve_device(iopt, idev->dev, &sw_msi_start);
		if (rc)
			return rc;
		if (sw_msi_start != PHYS_ADDR_MAX)
			idev->igroup->sw_msi_start = sw_msi_start;
	}

	if (hwpt->fault) {
		rc = iommufd_iopf_enable(idev);
		if (rc && reserve)
			iopgt_unreserve(iopt, idev->dev);
	}
	return rc;
}

/* Undo device_enter(). @to is the HWPT that @idev goes to, or NULL. */
static void device_leave(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hw_pagetable *hwpt,
			 struct iommufd_hw_pagetable *to)
{
	if (hwpt->fault)
		iommufd_iopf_disable(idev);
	if (changes_ioas(pasid, hwpt, to))
		iopgt_unreserve(&iommufd_hwpt_stage2(hwpt)->ioas->iopt,
				idev->dev);
}

/* No fault comes through it any more; but one may be about to */
static void attach_end(struct iommufd_group *igroup,
		       struct iommufd_attach *attach)
{
	xa_destroy(&attach->devices);
	attach->next = igroup->ended;
	igroup->ended = attach;
}

/* The first device of the group for this PASID: the core has to act */
static int attach_first(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach *attach;
	int rc;

	rc = check_pasid_rules(idev, pasid, hwpt);
	if (!rc)
		rc = check_pasid_room(idev, pasid);
	if (rc)
		return rc;

	attach = attach_alloc(igroup, hwpt);
	if (!attach)
		return -ENOMEM;
	rc = xa_insert(&attach->devices, idev->obj.id, idev, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto err_free;
	rc = xa_insert(&igroup->pasid_attach, pasid, attach, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto err_free;
	rc = iommufd_object_hold(&hwpt->obj);
	if (rc)
		goto err_erase;

	rc = device_enter(idev, pasid, hwpt, NULL);
	if (rc)
		goto err_unhold;
	rc = sw_msi_enter(igroup, pasid, hwpt);
	if (rc)
		goto err_leave;
	iommufd_fault_begin(attach->handle, hwpt->fault);
	rc = core_attach(idev, pasid, attach);
	if (rc)
		goto err_fault;
	rc = sw_msi_arrive(igroup, pasid, hwpt);
	if (rc)
		goto err_detach;
	count_pasid(idev, pasid, 1);
	return 0;

err_detach:
	core_detach(idev, pasid, hwpt);
err_fault:
	iommufd_fault_end(attach->handle);
err_leave:
	sw_msi_leave(igroup, pasid, hwpt);
	device_leave(idev, pasid, hwpt, NULL);
err_unhold:
	iommufd_object_unhold(&hwpt->obj);
err_erase:
	xa_erase(&igroup->pasid_attach, pasid);
err_free:
	attach_end(igroup, attach);
	return rc;
}

/* Another device of the group: it is attached already, in fact */
static int attach_join(struct iommufd_attach *attach,
		       struct iommufd_device *idev, ioasid_t pasid,
		       struct iommufd_hw_pagetable *hwpt)
{
	int rc;

	if (xa_load(&attach->devices, idev->obj.id))
		return -EBUSY;
	if (attach->hwpt != hwpt)
		return -EINVAL;
	rc = check_pasid_rules(idev, pasid, hwpt);
	if (!rc)
		rc = check_pasid_room(idev, pasid);
	if (rc)
		return rc;

	rc = device_enter(idev, pasid, hwpt, NULL);
	if (rc)
		return rc;
	rc = xa_insert(&attach->devices, idev->obj.id, idev, GFP_KERNEL_ACCOUNT);
	if (rc)
		device_leave(idev, pasid, hwpt, NULL);
	else
		count_pasid(idev, pasid, 1);
	return rc;
}

/**
 * iommufd_group_attach() - Attach a device that is not attached yet
 * @idev: device
 * @pasid: its PASID, or IOMMU_NO_PASID for its requests without one
 * @hwpt: HWPT that the caller has a reference on; if automatic, a long one, as
 *        on failure another user may be gone that was the last until then
 *
 * Takes a long reference of its own on the HWPT.
 *
 * Context: iommufd_group::lock held; may sleep.
 * Return: 0; -EBUSY where the device is attached; -EINVAL where its group is
 * attached to another HWPT, the PASID rules forbid it, or device and HWPT do not
 * fit each other: then another HWPT may do; -ENOENT where the HWPT is being
 * destroyed; -EADDRINUSE where a reserved region of the device is mapped in the
 * IOAS or allowed to be; -ENOSPC where the device is attached at as many PASIDs as
 * the module parameter max_pasids allows; -ENOMEM; or the IOMMU driver's reason.
 */
int iommufd_group_attach(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_attach *attach;

	lockdep_assert_held(&idev->igroup->lock);

	attach = xa_load(&idev->igroup->pasid_attach, pasid);
	if (attach)
		return attach_join(attach, idev, pasid, hwpt);
	return attach_first(idev, pasid, hwpt);
}

/**
 * iommufd_group_replace() - Move a device's group to another HWPT
 * @idev: device that is attached at @pasid
 * @pasid: its PASID, or IOMMU_NO_PASID
 * @hwpt: HWPT that the caller has a reference on; if automatic, a long one
 * @left: set to the HWPT that was left, for iommufd_hwpt_release(); NULL where
 *        nothing changed
 *
 * DMA never goes anywhere but to the old or the new HWPT. Page faults that wait
 * for an answer from the old one are answered.
 *
 * Context: iommufd_group::lock held; may sleep.
 * Return: 0; -EINVAL where the device is not attached, the PASID rules forbid
 * it, or a device and the HWPT do not fit each other; else as
 * iommufd_group_attach(). On error the device is attached as before.
 */
int iommufd_group_replace(struct iommufd_device *idev, ioasid_t pasid,
			  struct iommufd_hw_pagetable *hwpt,
			  struct iommufd_hw_pagetable **left)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle, *old_handle;
	struct iommufd_device *member, *failed = NULL;
	struct iommufd_hw_pagetable *old;
	struct iommufd_attach *attach;
	unsigned long index;
	int rc;

	lockdep_assert_held(&igroup->lock);

	*left = NULL;
	attach = xa_load(&igroup->pasid_attach, pasid);
	if (!attach || !xa_load(&attach->devices, idev->obj.id))
		return -EINVAL;
	old = attach->hwpt;
	if (old == hwpt)
		return 0;

	rc = check_pasid_rules(idev, pasid, hwpt);
	if (rc)
		return rc;
	rc = iommufd_object_hold(&hwpt->obj);
	if (rc)
		return rc;

	xa_for_each(&attach->devices, index, member) {
		rc = device_enter(member, pasid, hwpt, old);
		if (rc) {
			failed = member;
			goto err_leave;
		}
	}
	rc = sw_msi_enter(igroup, pasid, hwpt);
	if (rc)
		goto err_leave_msi;
	handle = spare_handle(attach, hwpt);
	iommufd_fault_begin(handle, hwpt->fault);
	rc = core_replace(idev, pasid, hwpt, handle);
	if (rc)
		goto err_fault;
	/* Nothing is left to map: a HWPT that is replaced to is settled */
	WARN_ON(sw_msi_arrive(igroup, pasid, hwpt));

	old_handle = attach->handle;
	attach->hwpt = hwpt;
	attach->handle = handle;
	/* The core hands out the old handle no more: get rid of what it did */
	iommufd_fault_end(old_handle);
	sw_msi_leave(igroup, pasid, old);
	xa_for_each(&attach->devices, index, member)
		device_leave(member, pasid, old, hwpt);
	*left = old;
	return 0;

err_fault:
	iommufd_fault_end(handle);
err_leave_msi:
	sw_msi_leave(igroup, pasid, hwpt);
err_leave:
	xa_for_each(&attach->devices, index, member) {
		if (member == failed)
			break;
		device_leave(member, pasid, hwpt, old);
	}
	iommufd_object_unhold(&hwpt->obj);
	return rc;
}

/**
 * iommufd_group_detach() - Detach a device
 * @idev: device
 * @pasid: its PASID, or IOMMU_NO_PASID
 *
 * With the last device of the group its DMA is blocked. A device that is not
 * attached is left alone.
 *
 * Context: iommufd_group::lock held; may sleep.
 * Return: the HWPT that the group left, for iommufd_hwpt_release(); NULL where
 * others of the group stay, or the device was not attached.
 */
struct iommufd_hw_pagetable *iommufd_group_detach(struct iommufd_device *idev,
						  ioasid_t pasid)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_device *remaining;
	struct iommufd_attach *attach;
	unsigned long index = 0;

	lockdep_assert_held(&igroup->lock);

	attach = xa_load(&igroup->pasid_attach, pasid);
	if (!attach || !xa_erase(&attach->devices, idev->obj.id))
		return NULL;

	count_pasid(idev, pasid, -1);
	hwpt = attach->hwpt;
	remaining = xa_find(&attach->devices, &index, ULONG_MAX, XA_PRESENT);
	/* Nobody answers a fault of this device any more */
	if (remaining) {
		iommufd_fault_leave(attach->handle, idev->dev);
		device_leave(idev, pasid, hwpt, NULL);
		return NULL;
	}

	core_detach(idev, pasid, hwpt);
	iommufd_fault_end(attach->handle);
	sw_msi_leave(igroup, pasid, hwpt);
	device_leave(idev, pasid, hwpt, NULL);
	xa_erase(&igroup->pasid_attach, pasid);
	attach_end(igroup, attach);
	return hwpt;
}
