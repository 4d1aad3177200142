// SPDX-License-Identifier: GPL-2.0-only
/*
 * HWPT objects: IOMMU_HWPT_ALLOC, IOMMU_HWPT_INVALIDATE,
 * IOMMU_HWPT_SET_DIRTY_TRACKING, IOMMU_HWPT_GET_DIRTY_BITMAP.
 */

/**
 * DOC: HWPTs
 *
 * A HWPT is an IOMMU driver's domain with an ID. There are two kinds. A paging
 * HWPT belongs to an IOAS, whose IOVA space layer keeps the domain filled; it
 * can be the parent of nested ones. A nested HWPT is a page table of
 * userspace's own in front of its parent; the kernel only passes invalidations
 * on.
 *
 * This layer owns the domain, the cookie that leads from it back to the HWPT,
 * and the HWPT's place on its IOAS's list. A HWPT is on that list exactly while
 * its domain is a member of the IOVA space; iommufd_ioas::lock protects both.
 *
 * References: a HWPT holds its IOAS or its parent (and vIOMMU), and its fault
 * queue. Each attachment of a group holds the HWPT. One that was made by
 * attaching a device to an IOAS ("automatic") goes away with the last of them.
 *
 * It knows nothing of groups and attachments.
 */
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "eventq.h"
#include "hw_pagetable.h"
#include "thresholds.h"
#include "viommu.h"

/* The largest array of invalidation requests, and the largest request in it */
#define INVALIDATE_MAX_ENTRIES SZ_512K
#define INVALIDATE_MAX_ENTRY_LEN PAGE_SIZE

/*
 * What drivers allocate for a domain without charging it to a memory cgroup: their
 * structure, and the top of its page table. Domains also take IDs that all users of
 * the hardware share, so their number must be bounded.
 */
#define HWPT_OVERHEAD_PAGES 2

/* A driver may copy all requests that it is given: so many at a time */
#define INVALIDATE_BATCH iommufd_threshold(invalidate_batch, SZ_1K)

static struct iommufd_hwpt_paging *to_paging(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_hwpt_paging, common.obj);
}

/* Flags that mean something to an IOMMU driver too */
static u32 driver_flags(u32 flags)
{
	return flags & ~IOMMU_HWPT_FAULT_ID_VALID;
}

/* The domain now belongs to @hwpt, which iommufd is found by from it */
static void set_domain(struct iommufd_hw_pagetable *hwpt,
		       struct iommu_domain *domain, const struct iommu_ops *ops)
{
	domain->owner = ops;
	domain->cookie_type = IOMMU_COOKIE_IOMMUFD;
	domain->iommufd_hwpt = hwpt;
	hwpt->domain = domain;
}

/* What every kind of HWPT holds */
static void destroy_common(struct iommufd_hw_pagetable *hwpt)
{
	if (hwpt->domain)
		iommu_domain_free(hwpt->domain);
	pin_overhead_uncharge(&hwpt->overhead);
	if (hwpt->fault)
		iommufd_object_unhold(iommufd_fault_object(hwpt->fault));
}

static void hwpt_paging_destroy(struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *hwpt = to_paging(obj);

	/* Only an attach adds it, and none is under way or comes any more */
	if (!list_empty(&hwpt->ioas_link)) {
		guard(mutex)(&hwpt->ioas->lock);
		list_del_init(&hwpt->ioas_link);
		iopgt_free_domain(&hwpt->ioas->iopt, &hwpt->member);
		hwpt->common.domain = NULL;
	}
	destroy_common(&hwpt->common);
	iommufd_object_unhold(&hwpt->ioas->obj);
}

const struct iommufd_object_type_ops iommufd_hwpt_paging_type = {
	.destroy = hwpt_paging_destroy,
};

static void hwpt_nested_destroy(struct iommufd_object *obj)
{
	struct iommufd_hwpt_nested *nested =
		container_of(obj, struct iommufd_hwpt_nested, common.obj);

	destroy_common(&nested->common);
	if (nested->viommu)
		iommufd_object_unhold(&nested->viommu->obj);
	iommufd_object_unhold(&nested->parent->common.obj);
}

const struct iommufd_object_type_ops iommufd_hwpt_nested_type = {
	.destroy = hwpt_nested_destroy,
};

static struct iommu_domain *
alloc_paging_domain(struct iommufd_device *idev, u32 flags,
		    const struct iommu_user_data *user_data)
{
	const struct iommu_ops *ops = iommufd_device_ops(idev);
	struct iommu_domain *domain;

	/* Where the IOMMU core has a function for it, that is the one to call */
	if (!user_data && !iommufd_device_is_noiommu(idev))
		return iommu_paging_domain_alloc_flags(idev->dev, flags);

	if (!ops->domain_alloc_paging_flags)
		return ERR_PTR(-EOPNOTSUPP);
	/* The caller has a reference on @idev, and unbinding waits for it */
	pagefault_disable();
	domain = ops->domain_alloc_paging_flags(idev->dev, flags, user_data);
	pagefault_enable();
	if (IS_ERR(domain))
		return domain;
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	if (!domain->ops)
		domain->ops = ops->default_domain_ops;
	return domain;
}

/**
 * iommufd_hwpt_paging_new() - Make a paging HWPT with an empty domain
 * @ioas: IOAS that it shall belong to; the caller has a reference on it
 * @idev: device whose IOMMU it is for
 * @flags: from enum iommufd_hwpt_alloc_flags
 * @user_data: for the IOMMU driver, or NULL
 *
 * What the device demands of a domain is set here, before anything is mapped.
 * The HWPT is not published yet: give it to iommufd_object_publish() or
 * iommufd_object_abort().
 *
 * Context: may sleep. Takes no lock of iommufd's.
 * Return: the HWPT; or ERR_PTR(-ENOENT) where the IOAS is being destroyed,
 * ERR_PTR(-EINVAL) where the domain cannot block no-snoop DMA though the device
 * needs that, ERR_PTR(-EOPNOTSUPP) where the IOMMU or its driver does not
 * support @flags or @user_data, ERR_PTR(-EFAULT) where @user_data cannot be read,
 * or not without a page fault, ERR_PTR(-ENOMEM) without memory or where
 * RLIMIT_MEMLOCK would be exceeded, or the driver's reason.
 */
struct iommufd_hwpt_paging *
iommufd_hwpt_paging_new(struct iommufd_ioas *ioas, struct iommufd_device *idev,
			u32 flags, const struct iommu_user_data *user_data)
{
	struct iommufd_ctx *ictx = ioas->ictx;
	struct iommufd_hwpt_paging *hwpt;
	struct iommu_domain *domain;
	int rc;

	/* Drivers take the flag where their hardware cannot do it */
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    !device_iommu_capable(idev->dev, IOMMU_CAP_DIRTY_TRACKING))
		return ERR_PTR(-EOPNOTSUPP);

	hwpt = iommufd_new(ictx, struct iommufd_hwpt_paging, common.obj,
			   IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(hwpt))
		return hwpt;

	rc = iommufd_object_hold(&ioas->obj);
	if (rc) {
		iommufd_object_discard(ictx, &hwpt->common.obj);
		return ERR_PTR(rc);
	}
	hwpt->ioas = ioas;
	INIT_LIST_HEAD(&hwpt->ioas_link);
	hwpt->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	hwpt->common.pasid_compat = flags & IOMMU_HWPT_ALLOC_PASID;

	rc = pin_overhead_charge(&hwpt->common.overhead, HWPT_OVERHEAD_PAGES);
	if (rc)
		goto err_abort;
	domain = alloc_paging_domain(idev, driver_flags(flags), user_data);
	if (IS_ERR(domain)) {
		rc = PTR_ERR(domain);
		goto err_abort;
	}
	set_domain(&hwpt->common, domain, iommufd_device_ops(idev));
	hwpt->member.domain = domain;

	if (idev->enforce_cache_coherency) {
		if (!domain->ops->enforce_cache_coherency ||
		    !domain->ops->enforce_cache_coherency(domain)) {
			rc = -EINVAL;
			goto err_abort;
		}
		hwpt->enforce_cache_coherency = true;
	}
	return hwpt;

err_abort:
	iommufd_object_abort(ictx, &hwpt->common.obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_hwpt_paging_fill() - Map into a HWPT all that its IOAS maps
 * @hwpt: HWPT whose domain is empty, and whose format is settled
 *
 * From now on the IOAS keeps it filled.
 *
 * Context: iommufd_ioas::lock held; may sleep.
 * Return: 0, or the error of iopgt_add_domain(): then the domain is empty. -EAGAIN
 * asks for iopgt_prepare(), without any lock.
 */
int iommufd_hwpt_paging_fill(struct iommufd_hwpt_paging *hwpt)
{
	struct iommufd_ioas *ioas = hwpt->ioas;
	int rc;

	lockdep_assert_held(&ioas->lock);

	rc = iopgt_add_domain(&ioas->iopt, &hwpt->member);
	if (rc)
		return rc;
	list_add_tail(&hwpt->ioas_link, &ioas->hwpt_list);
	return 0;
}

/**
 * iommufd_hwpt_paging_empty() - Undo iommufd_hwpt_paging_fill()
 * @hwpt: HWPT, filled or not, that no device is attached to
 *
 * Context: iommufd_ioas::lock held; may sleep.
 */
void iommufd_hwpt_paging_empty(struct iommufd_hwpt_paging *hwpt)
{
	lockdep_assert_held(&hwpt->ioas->lock);

	if (list_empty(&hwpt->ioas_link))
		return;
	list_del_init(&hwpt->ioas_link);
	iopgt_remove_domain(&hwpt->ioas->iopt, &hwpt->member);
}

/**
 * iommufd_hwpt_release() - Give back a long reference on a HWPT
 * @ictx: context
 * @hwpt: HWPT that iommufd_object_hold() was called for, or NULL
 *
 * An automatic HWPT goes away with the last one.
 *
 * Context: may sleep; see iommufd_object_unhold_last() for what must not be
 * held: no iommufd_group::lock, no iommufd_ioas::lock.
 */
void iommufd_hwpt_release(struct iommufd_ctx *ictx,
			  struct iommufd_hw_pagetable *hwpt)
{
	if (!hwpt)
		return;
	if (iommufd_hwpt_is_auto(hwpt))
		iommufd_object_unhold_last(ictx, &hwpt->obj);
	else
		iommufd_object_unhold(&hwpt->obj);
}

/**
 * iommufd_hwpt_use() - Keep a HWPT for the rest of a call
 * @ictx: context
 * @hwpt: HWPT that the caller has a short reference on; consumed
 *
 * A short reference is enough where userspace made the HWPT: IOMMU_DESTROY waits
 * for it. An automatic one is destroyed by the driver that detaches the last
 * device, which must not wait until a call has got a lock, or memory of
 * userspace's. So that one is held, and whoever lets go of it last destroys it.
 *
 * Return: 0, then iommufd_hwpt_unuse() is due; -ENOENT where the HWPT is being
 * destroyed.
 */
int iommufd_hwpt_use(struct iommufd_ctx *ictx,
		     struct iommufd_hw_pagetable *hwpt)
{
	int rc;

	if (!iommufd_hwpt_is_auto(hwpt))
		return 0;
	rc = iommufd_object_hold(&hwpt->obj);
	iommufd_object_put(ictx, &hwpt->obj);
	return rc;
}

/**
 * iommufd_hwpt_unuse() - Undo iommufd_hwpt_use()
 * @ictx: context
 * @hwpt: the HWPT
 *
 * Context: as iommufd_hwpt_release().
 */
void iommufd_hwpt_unuse(struct iommufd_ctx *ictx,
			struct iommufd_hw_pagetable *hwpt)
{
	if (iommufd_hwpt_is_auto(hwpt))
		iommufd_hwpt_release(ictx, hwpt);
	else
		iommufd_object_put(ictx, &hwpt->obj);
}

/*
 * Check a domain that an IOMMU driver made for nesting, and make it @nested's.
 * Anything but a nested domain is the driver's bug.
 */
static int set_nested_domain(struct iommufd_hwpt_nested *nested,
			     struct iommu_domain *domain,
			     const struct iommu_ops *ops)
{
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	set_domain(&nested->common, domain, ops);
	if (WARN_ON_ONCE(domain->type != IOMMU_DOMAIN_NESTED))
		return -EINVAL;
	return 0;
}

/* Common to both kinds of nested HWPT: the object, with its parent held */
static struct iommufd_hwpt_nested *
hwpt_nested_new(struct iommufd_ctx *ictx, struct iommufd_hwpt_paging *parent,
		u32 flags)
{
	struct iommufd_hwpt_nested *nested;
	int rc;

	/* It is userspace that writes the table: these are not ours to promise */
	if (flags & ~(IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID))
		return ERR_PTR(-EOPNOTSUPP);

	nested = iommufd_new(ictx, struct iommufd_hwpt_nested, common.obj,
			     IOMMUFD_OBJ_HWPT_NESTED);
	if (IS_ERR(nested))
		return nested;
	rc = iommufd_object_hold(&parent->common.obj);
	if (rc) {
		iommufd_object_discard(ictx, &nested->common.obj);
		return ERR_PTR(rc);
	}
	nested->parent = parent;
	nested->common.pasid_compat = flags & IOMMU_HWPT_ALLOC_PASID;
	rc = pin_overhead_charge(&nested->common.overhead, HWPT_OVERHEAD_PAGES);
	if (rc) {
		iommufd_object_abort(ictx, &nested->common.obj);
		return ERR_PTR(rc);
	}
	return nested;
}

static struct iommufd_hwpt_nested *
hwpt_nested_new_by_parent(struct iommufd_ctx *ictx,
			  struct iommufd_hwpt_paging *parent,
			  struct iommufd_device *idev, u32 flags,
			  const struct iommu_user_data *user_data)
{
	const struct iommu_ops *ops = iommufd_device_ops(idev);
	struct iommufd_hwpt_nested *nested;
	struct iommu_domain *domain;
	int rc;

	if (!user_data)
		return ERR_PTR(-EOPNOTSUPP);
	if (!ops->domain_alloc_nested)
		return ERR_PTR(-EOPNOTSUPP);
	/* The driver takes its parent domain for one of its own */
	if (!parent->nest_parent || parent->common.domain->owner != ops)
		return ERR_PTR(-EINVAL);

	nested = hwpt_nested_new(ictx, parent, flags);
	if (IS_ERR(nested))
		return nested;
	pagefault_disable();
	domain = ops->domain_alloc_nested(idev->dev, parent->common.domain,
					  driver_flags(flags), user_data);
	pagefault_enable();
	rc = set_nested_domain(nested, domain, ops);
	if (rc) {
		iommufd_object_abort(ictx, &nested->common.obj);
		return ERR_PTR(rc);
	}
	return nested;
}

static struct iommufd_hwpt_nested *
hwpt_nested_new_by_viommu(struct iommufd_viommu *viommu,
			  struct iommufd_device *idev, u32 flags,
			  const struct iommu_user_data *user_data)
{
	struct iommufd_ctx *ictx = viommu->ictx;
	struct iommufd_hwpt_nested *nested;
	struct iommu_domain *domain;
	int rc;

	if (!user_data)
		return ERR_PTR(-EOPNOTSUPP);
	/* One vIOMMU is a slice of one physical IOMMU */
	if (iommufd_device_is_noiommu(idev) ||
	    idev->dev->iommu->iommu_dev != viommu->iommu_dev)
		return ERR_PTR(-EINVAL);
	if (!viommu->ops || !viommu->ops->alloc_domain_nested)
		return ERR_PTR(-EOPNOTSUPP);

	nested = hwpt_nested_new(ictx, viommu->hwpt, flags);
	if (IS_ERR(nested))
		return nested;
	rc = iommufd_object_hold(&viommu->obj);
	if (rc)
		goto err_abort;
	nested->viommu = viommu;
	pagefault_disable();
	domain = viommu->ops->alloc_domain_nested(viommu, driver_flags(flags),
						  user_data);
	pagefault_enable();
	rc = set_nested_domain(nested, domain, viommu->iommu_dev->ops);
	if (rc)
		goto err_abort;
	return nested;

err_abort:
	iommufd_object_abort(ictx, &nested->common.obj);
	return ERR_PTR(rc);
}

/*
 * By what @pt is. The caller has short references on @pt and @idev. Without page
 * faults: -EFAULT where the driver would need one.
 */
static struct iommufd_hw_pagetable *
hwpt_new_on(struct iommufd_ctx *ictx, struct iommufd_object *pt,
	    struct iommufd_device *idev, u32 flags,
	    const struct iommu_user_data *user_data)
{
	struct iommufd_hwpt_nested *nested;
	struct iommufd_hwpt_paging *paging;
	struct iommufd_viommu *viommu;
	struct iommufd_ioas *ioas;

	switch (pt->type) {
	case IOMMUFD_OBJ_IOAS:
		ioas = container_of(pt, struct iommufd_ioas, obj);
		paging = iommufd_hwpt_paging_new(ioas, idev, flags, user_data);
		return IS_ERR(paging) ? ERR_CAST(paging) : &paging->common;
	case IOMMUFD_OBJ_HWPT_PAGING:
		nested = hwpt_nested_new_by_parent(ictx, to_paging(pt), idev,
						   flags, user_data);
		break;
	case IOMMUFD_OBJ_VIOMMU:
		viommu = container_of(pt, struct iommufd_viommu, obj);
		nested = hwpt_nested_new_by_viommu(viommu, idev, flags,
						   user_data);
		break;
	default:
		return ERR_PTR(-EINVAL);
	}
	return IS_ERR(nested) ? ERR_CAST(nested) : &nested->common;
}

/*
 * A driver that cannot answer page requests has none to report; nor has one
 * whose domains know no flags.
 */
static int check_fault_support(struct iommufd_device *idev,
			       const struct iommufd_object *pt)
{
	const struct iommu_ops *ops = iommufd_device_ops(idev);

	if (!ops->page_response)
		return -EOPNOTSUPP;
	if (pt->type == IOMMUFD_OBJ_IOAS && !ops->domain_alloc_paging_flags)
		return -EOPNOTSUPP;
	return 0;
}

static struct iommufd_hw_pagetable *
hwpt_new_by_id(struct iommufd_ctx *ictx, const struct iommu_hwpt_alloc *cmd,
	       const struct iommu_user_data *user_data)
{
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_device *idev;
	struct iommufd_object *pt;

	idev = iommufd_device_get(ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return ERR_CAST(idev);
	pt = iommufd_object_get(ictx, cmd->pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(pt)) {
		hwpt = ERR_PTR(-EINVAL);
		goto out_put_idev;
	}
	if (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) {
		int rc = check_fault_support(idev, pt);

		if (rc) {
			hwpt = ERR_PTR(rc);
			goto out_put_pt;
		}
	}
	hwpt = hwpt_new_on(ictx, pt, idev, cmd->flags, user_data);
out_put_pt:
	iommufd_object_put(ictx, pt);
out_put_idev:
	iommufd_device_put(idev);
	return hwpt;
}

static int hwpt_paging_fill_unlocked(struct iommufd_hwpt_paging *hwpt)
{
	int rc;

	rc = mutex_lock_killable(&hwpt->ioas->lock);
	if (rc)
		return rc;
	rc = iommufd_hwpt_paging_fill(hwpt);
	mutex_unlock(&hwpt->ioas->lock);
	return rc;
}

/*
 * The IOAS is filled in at once, if it can be: the HWPT is complete when it gets
 * known. Else that has to wait until a device is attached and settles the
 * domain's format (device.c). Nothing is attached to a nesting parent.
 */
static int hwpt_fill(struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hwpt_paging *paging;
	int rc;

	if (!iommufd_hwpt_is_paging(hwpt))
		return 0;
	paging = iommufd_hwpt_to_paging(hwpt);
	if (!iommufd_hwpt_is_settled(hwpt))
		return paging->nest_parent ? -EOPNOTSUPP : 0;

	rc = hwpt_paging_fill_unlocked(paging);
	if (rc != -EAGAIN)
		return rc;

	rc = iopgt_prepare(&paging->ioas->iopt);
	if (rc)
		return rc;
	rc = hwpt_paging_fill_unlocked(paging);
	iopgt_unprepare(&paging->ioas->iopt);
	return rc;
}

static int hwpt_set_fault(struct iommufd_ctx *ictx,
			  struct iommufd_hw_pagetable *hwpt, u32 fault_id)
{
	struct iommufd_fault *fault;
	int rc;

	fault = iommufd_fault_get(ictx, fault_id);
	if (IS_ERR(fault))
		return PTR_ERR(fault);
	rc = iommufd_object_hold(iommufd_fault_object(fault));
	if (!rc) {
		hwpt->fault = fault;
		hwpt->domain->iopf_handler = iommufd_fault_iopf_handler;
	}
	iommufd_object_put(ictx, iommufd_fault_object(fault));
	return rc;
}

static int check_hwpt_alloc(const struct iommu_hwpt_alloc *cmd)
{
	const u32 known = IOMMU_HWPT_ALLOC_NEST_PARENT |
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			  IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;
	const u32 parent_with_faults = IOMMU_HWPT_ALLOC_NEST_PARENT |
				       IOMMU_HWPT_FAULT_ID_VALID;

	if (cmd->flags & ~known || cmd->__reserved)
		return -EOPNOTSUPP;
	/* A parent's faults are those of the HWPTs that are nested on it */
	if ((cmd->flags & parent_with_faults) == parent_with_faults)
		return -EOPNOTSUPP;
	if (cmd->data_type == IOMMU_HWPT_DATA_NONE)
		return cmd->data_len ? -EINVAL : 0;
	/* No driver takes as much: don't go looking for zeroes */
	if (cmd->data_len > PAGE_SIZE)
		return -E2BIG;
	return cmd->data_len ? 0 : -EINVAL;
}

/**
 * iommufd_hwpt_alloc() - IOMMU_HWPT_ALLOC
 * @ucmd: the call
 *
 * See struct iommu_hwpt_alloc. The device and what pt_id names are not kept
 * while user memory is waited for: a device's unbinding waits for those who do.
 *
 * __reserved2, and data_uptr with IOMMU_HWPT_DATA_NONE, have always been ignored.
 *
 * Return: 0; -EOPNOTSUPP for flags or data that are unknown or that the IOMMU
 * or its driver does not support, and for nesting without data; -EINVAL for a
 * pt_id that does not exist or is of the wrong type, a parent that is not made
 * for nesting, a data type and a length that contradict each other; -E2BIG for
 * data of more than a page; -ENOENT for another ID that does not exist; -EINTR
 * where the caller is being killed; -EFAULT; -ENOMEM; or the IOMMU driver's
 * reason.
 */
int iommufd_hwpt_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data data = {
		.type = cmd->data_type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	const struct iommu_user_data *user_data = data.len ? &data : NULL;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_hw_pagetable *hwpt;
	unsigned int tries = 0;
	int rc;

	rc = check_hwpt_alloc(cmd);
	if (rc)
		return rc;

	do {
		hwpt = hwpt_new_by_id(ictx, cmd, user_data);
	} while (hwpt == ERR_PTR(-EFAULT) &&
		 iommufd_fault_in_data(user_data, tries++));
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);

	rc = hwpt_fill(hwpt);
	if (!rc && cmd->flags & IOMMU_HWPT_FAULT_ID_VALID)
		rc = hwpt_set_fault(ictx, hwpt, cmd->fault_id);
	if (!rc) {
		cmd->out_hwpt_id = hwpt->obj.id;
		rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	}
	if (rc)
		iommufd_object_abort(ictx, &hwpt->obj);
	else
		iommufd_object_publish(ictx, &hwpt->obj);
	return rc;
}

/*
 * Have the IOMMU driver work on @array. It says in entry_num how many requests
 * it handled.
 */
static int invalidate_on(struct iommufd_object *pt,
			 struct iommu_user_data_array *array)
{
	struct iommufd_viommu *viommu;
	struct iommu_domain *domain;

	switch (pt->type) {
	case IOMMUFD_OBJ_HWPT_NESTED:
		domain = container_of(pt, struct iommufd_hw_pagetable,
				      obj)->domain;
		if (!domain->ops->cache_invalidate_user)
			break;
		return domain->ops->cache_invalidate_user(domain, array);
	case IOMMUFD_OBJ_VIOMMU:
		viommu = container_of(pt, struct iommufd_viommu, obj);
		if (!viommu->ops || !viommu->ops->cache_invalidate)
			break;
		return viommu->ops->cache_invalidate(viommu, array);
	default:
		array->entry_num = 0;
		return -EINVAL;
	}
	array->entry_num = 0;
	return -EOPNOTSUPP;
}

/*
 * The same, a batch at a time. An array without entries is one batch: the driver
 * checks its type.
 */
static int invalidate_in_batches(struct iommufd_object *pt,
				 struct iommu_user_data_array *array)
{
	struct iommu_user_data_array batch = *array;
	u32 left = array->entry_num;
	u32 num;
	int rc;

	array->entry_num = 0;
	do {
		num = min_t(u32, left, INVALIDATE_BATCH);
		batch.entry_num = num;
		rc = invalidate_on(pt, &batch);
		/* Failed before it looked at any: the number is as it was */
		if (rc && batch.entry_num == num)
			batch.entry_num = 0;
		array->entry_num += batch.entry_num;
		if (rc || batch.entry_num != num)
			return rc;

		batch.uptr += (size_t)num * batch.entry_len;
		left -= num;
		cond_resched();
		if (left && fatal_signal_pending(current))
			return -EINTR;
	} while (left);
	return 0;
}

static int check_hwpt_invalidate(const struct iommu_hwpt_invalidate *cmd)
{
	if (cmd->__reserved)
		return -EOPNOTSUPP;
	/* Without entries, userspace asks whether the data type is supported */
	if (!cmd->entry_num)
		return 0;
	if (!cmd->data_uptr || !cmd->entry_len ||
	    cmd->entry_len > INVALIDATE_MAX_ENTRY_LEN ||
	    cmd->entry_num > INVALIDATE_MAX_ENTRIES)
		return -EINVAL;
	return 0;
}

/**
 * iommufd_hwpt_invalidate() - IOMMU_HWPT_INVALIDATE
 * @ucmd: the call
 *
 * See struct iommu_hwpt_invalidate. The number of requests that were handled is
 * reported whether the call fails or not.
 *
 * Return: 0; -EINVAL for an ID of the wrong type, or an array that is missing or
 * too large; -EOPNOTSUPP for reserved bits, or where the IOMMU driver takes no
 * invalidations; -ENOENT for an ID that does not exist; -EINTR where the caller
 * is being killed; -EFAULT; or the driver's reason for stopping.
 */
int iommufd_hwpt_invalidate(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->cmd;
	struct iommu_user_data_array array = {
		.type = cmd->data_type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.entry_len = cmd->entry_len,
		.entry_num = cmd->entry_num,
	};
	struct iommufd_object *pt;
	int rc;

	rc = check_hwpt_invalidate(cmd);
	cmd->entry_num = 0;
	if (!rc) {
		pt = iommufd_object_get(ucmd->ictx, cmd->hwpt_id,
					IOMMUFD_OBJ_ANY);
		if (IS_ERR(pt)) {
			rc = PTR_ERR(pt);
		} else {
			rc = invalidate_in_batches(pt, &array);
			cmd->entry_num = array.entry_num;
			iommufd_object_put(ucmd->ictx, pt);
		}
	}

	if (iommufd_ucmd_reply(ucmd, sizeof(*cmd)))
		return -EFAULT;
	return rc;
}

/* For iommufd_hwpt_unuse() */
static struct iommufd_hwpt_paging *
hwpt_paging_use_id(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = to_paging(obj);
	rc = iommufd_hwpt_use(ictx, &hwpt->common);
	return rc ? ERR_PTR(rc) : hwpt;
}

/**
 * iommufd_hwpt_set_dirty_tracking() - IOMMU_HWPT_SET_DIRTY_TRACKING
 * @ucmd: the call
 *
 * See struct iommu_hwpt_set_dirty_tracking. __reserved has always been ignored.
 *
 * Return: 0; -EOPNOTSUPP for unknown flags, or where the HWPT was not made with
 * IOMMU_HWPT_ALLOC_DIRTY_TRACKING; -ENOENT where hwpt_id is no paging HWPT; or
 * the IOMMU driver's reason.
 */
int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->cmd;
	bool enable = cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE;
	struct iommufd_hwpt_paging *hwpt;
	int rc = -EOPNOTSUPP;

	if (cmd->flags & ~IOMMU_HWPT_DIRTY_TRACKING_ENABLE)
		return -EOPNOTSUPP;

	hwpt = hwpt_paging_use_id(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	if (hwpt->common.domain->dirty_ops)
		rc = iopgt_set_dirty_tracking(&hwpt->ioas->iopt,
					      hwpt->common.domain, enable);
	iommufd_hwpt_unuse(ucmd->ictx, &hwpt->common);
	return rc;
}

/**
 * iommufd_hwpt_get_dirty_bitmap() - IOMMU_HWPT_GET_DIRTY_BITMAP
 * @ucmd: the call
 *
 * See struct iommu_hwpt_get_dirty_bitmap.
 *
 * Return: 0; -EOPNOTSUPP for unknown flags, or where the HWPT was not made with
 * IOMMU_HWPT_ALLOC_DIRTY_TRACKING; -ENOENT where hwpt_id is no paging HWPT; or
 * the error of iopgt_read_dirty().
 */
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc = -EOPNOTSUPP;

	if (cmd->flags & ~IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR ||
	    cmd->__reserved)
		return -EOPNOTSUPP;

	hwpt = hwpt_paging_use_id(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	if (hwpt->common.domain->dirty_ops)
		rc = iopgt_read_dirty(&hwpt->ioas->iopt, hwpt->common.domain,
				      cmd->flags, cmd);
	iommufd_hwpt_unuse(ucmd->ictx, &hwpt->common);
	return rc;
}
