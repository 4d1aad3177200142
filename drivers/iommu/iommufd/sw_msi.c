// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Software MSI: doorbells in the IOVA space
 *
 * On Arm a device's MSI is a DMA write like any other, so the interrupt
 * controller's doorbell page must be mapped into the domain that the device is
 * attached to. The IOMMU driver reserves a window of IOVAs for that
 * (IOMMU_RESV_SW_MSI), which userspace can map nothing to.
 *
 * The IOVA of a doorbell is written into a device's MSI registers once, and must
 * stay right whatever domain the device is attached to later. So it is chosen
 * per context: a doorbell gets a page of the window, the same in every domain,
 * and a slot, its bit in the bitmaps of groups and HWPTs. A group remembers
 * which slots its devices' interrupts use, and has them mapped into each domain
 * that it is attached to; a HWPT remembers which it has. It has none once nothing
 * is attached to it any more: the window is not reserved in its IOAS then, and
 * userspace may map something of its own there.
 *
 * An interrupt can be set up at any moment of an attachment's change from one
 * domain to another. It finds the old domain or the new one, and the doorbell has
 * to be in both. So a change is announced before (iommufd_sw_msi_enter()) and
 * ended after (iommufd_sw_msi_arrive()) the IOMMU core is called for it.
 *
 * Locking: iommufd_ctx::sw_msi_lock, for all of it. It nests inside the IOMMU
 * core's group mutex, which keeps the attachment as it is while an interrupt is
 * set up; for the same reason it cannot be held over the change.
 *
 * Part of the driver core: the IOMMU core calls it.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "device.h"

static dma_addr_t sw_msi_iova(const struct iommufd_sw_msi_page *page)
{
	return page->window + (dma_addr_t)page->pgoff * PAGE_SIZE;
}

/* Does the window of MSI addresses at @window have a page at @pgoff? */
static bool sw_msi_in_window(struct device *dev, phys_addr_t window,
			     unsigned int pgoff)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	bool found = false;

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list)
		if (region->type == IOMMU_RESV_SW_MSI &&
		    region->start == window &&
		    region->length / PAGE_SIZE > pgoff)
			found = true;
	iommu_put_resv_regions(dev, &regions);
	return found;
}

/* The page of a doorbell in the window of @dev's group, made if need be */
static struct iommufd_sw_msi_page *
sw_msi_get_page(struct iommufd_ctx *ictx, struct device *dev,
		phys_addr_t window, phys_addr_t msi_addr)
{
	phys_addr_t doorbell = msi_addr & PAGE_MASK;
	struct iommufd_sw_msi_page *page;
	unsigned int pgoff = 0;

	lockdep_assert_held(&ictx->sw_msi_lock);

	list_for_each_entry(page, &ictx->sw_msi_list, link) {
		if (page->window != window)
			continue;
		if (page->doorbell == doorbell)
			return page;
		pgoff++;
	}

	if (ictx->sw_msi_next >= IOMMUFD_SW_MSI_SLOTS ||
	    !sw_msi_in_window(dev, window, pgoff))
		return ERR_PTR(-ENOSPC);

	page = kzalloc_obj(*page, GFP_KERNEL_ACCOUNT);
	if (!page)
		return ERR_PTR(-ENOMEM);
	page->window = window;
	page->doorbell = doorbell;
	page->pgoff = pgoff;
	page->slot = ictx->sw_msi_next++;
	list_add_tail(&page->link, &ictx->sw_msi_list);
	return page;
}

/* Map a doorbell into a HWPT, if it is not there yet */
static int sw_msi_map(struct iommufd_hwpt_paging *hwpt,
		      const struct iommufd_sw_msi_page *page)
{
	int rc;

	lockdep_assert_held(&hwpt->ioas->ictx->sw_msi_lock);

	if (test_bit(page->slot, hwpt->present_sw_msi))
		return 0;

	rc = iommu_map(hwpt->common.domain, sw_msi_iova(page), page->doorbell,
		       PAGE_SIZE, IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO,
		       GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	__set_bit(page->slot, hwpt->present_sw_msi);
	return 0;
}

/* The same for all doorbells that the group's devices use */
static int sw_msi_map_required(struct iommufd_group *igroup,
			       struct iommufd_hwpt_paging *hwpt)
{
	struct iommufd_sw_msi_page *page;
	int rc;

	list_for_each_entry(page, &igroup->ictx->sw_msi_list, link) {
		if (page->window != igroup->sw_msi_start ||
		    !test_bit(page->slot, igroup->required_sw_msi))
			continue;
		rc = sw_msi_map(hwpt, page);
		if (rc)
			return rc;
	}
	return 0;
}

static void sw_msi_unmap_all(struct iommufd_hwpt_paging *hwpt)
{
	struct iommufd_sw_msi_page *page;

	list_for_each_entry(page, &hwpt->ioas->ictx->sw_msi_list, link)
		if (__test_and_clear_bit(page->slot, hwpt->present_sw_msi))
			iommu_unmap(hwpt->common.domain, sw_msi_iova(page),
				    PAGE_SIZE);
}

/**
 * iommufd_sw_msi_enter() - A group is about to be attached to a HWPT
 * @igroup: the group, which reserves its MSI window in the HWPT's IOAS
 * @hwpt: the HWPT, or for a nested one its parent
 *
 * Until iommufd_sw_msi_arrive(), doorbells are mapped there as they come into use;
 * those in use already are mapped now, or at the arrival where the driver cannot
 * map before. For iommufd_sw_msi_leave() to be called, on failure too.
 *
 * Context: iommufd_group::lock held; may sleep.
 * Return: 0, or as iommu_map().
 */
int iommufd_sw_msi_enter(struct iommufd_group *igroup,
			 struct iommufd_hwpt_paging *hwpt)
{
	guard(mutex)(&igroup->ictx->sw_msi_lock);
	hwpt->sw_msi_users++;
	igroup->sw_msi_target = hwpt;
	if (!iommufd_hwpt_is_settled(&hwpt->common))
		return 0;
	return sw_msi_map_required(igroup, hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_sw_msi_enter, "IOMMUFD_INTERNAL");

/**
 * iommufd_sw_msi_arrive() - The group is attached
 * @igroup: the group
 * @hwpt: what iommufd_sw_msi_enter() was called for
 *
 * Context: iommufd_group::lock held; may sleep.
 * Return: 0, or as iommu_map(); only 0 where the HWPT was settled before.
 */
int iommufd_sw_msi_arrive(struct iommufd_group *igroup,
			  struct iommufd_hwpt_paging *hwpt)
{
	guard(mutex)(&igroup->ictx->sw_msi_lock);
	igroup->sw_msi_target = NULL;
	return sw_msi_map_required(igroup, hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_sw_msi_arrive, "IOMMUFD_INTERNAL");

/**
 * iommufd_sw_msi_leave() - Undo iommufd_sw_msi_enter()
 * @igroup: the group, which is not attached to @hwpt any more, or did not arrive;
 *          its MSI window is still reserved in the HWPT's IOAS
 * @hwpt: the HWPT, or for a nested one its parent
 *
 * Context: iommufd_group::lock held; may sleep.
 */
void iommufd_sw_msi_leave(struct iommufd_group *igroup,
			  struct iommufd_hwpt_paging *hwpt)
{
	guard(mutex)(&igroup->ictx->sw_msi_lock);
	igroup->sw_msi_target = NULL;
	if (!--hwpt->sw_msi_users)
		sw_msi_unmap_all(hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_sw_msi_leave, "IOMMUFD_INTERNAL");

/*
 * An interrupt of @igroup, which is attached to @hwpt, uses a doorbell from now
 * on. A target that is not settled yet gets it when the group arrives.
 */
VISIBLE_IF_KUNIT int iommufd_sw_msi_use(struct iommufd_group *igroup,
					struct iommufd_hwpt_paging *hwpt,
					const struct iommufd_sw_msi_page *page)
{
	struct iommufd_hwpt_paging *target = igroup->sw_msi_target;
	int rc;

	rc = sw_msi_map(hwpt, page);
	if (rc)
		return rc;
	if (target && iommufd_hwpt_is_settled(&target->common)) {
		rc = sw_msi_map(target, page);
		if (rc)
			return rc;
	}
	__set_bit(page->slot, igroup->required_sw_msi);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iommufd_sw_msi_use);

/**
 * iommufd_sw_msi() - Make a doorbell reachable for a device's interrupt
 * @domain: what the device's group is attached to, a HWPT's
 * @desc: the interrupt; is told the IOVA that stands for the doorbell
 * @msi_addr: physical address of the doorbell
 *
 * Called by iommu_dma_prepare_msi().
 *
 * Context: the IOMMU core's group mutex held; may sleep.
 * Return: 0, also where the group needs no mapping; -ENOSPC where the context
 * uses too many doorbells for the window; -ENOMEM; or as iommu_map().
 */
int iommufd_sw_msi(struct iommu_domain *domain, struct msi_desc *desc,
		   phys_addr_t msi_addr)
{
	struct device *dev = msi_desc_to_dev(desc);
	struct iommu_attach_handle *raw_handle;
	struct iommufd_sw_msi_page *page;
	struct iommufd_group *igroup;
	struct iommufd_ctx *ictx;
	int rc;

	iommu_group_mutex_assert(dev);

	/* The handle is what an attachment by iommufd has */
	raw_handle = iommu_attach_handle_get(dev->iommu_group, IOMMU_NO_PASID,
					     0);
	if (IS_ERR(raw_handle))
		return 0;

	igroup = container_of(raw_handle, struct iommufd_attach_handle,
			      handle)->igroup;
	ictx = igroup->ictx;

	guard(mutex)(&ictx->sw_msi_lock);
	/* Interrupts of this group are not translated */
	if (igroup->sw_msi_start == PHYS_ADDR_MAX)
		return 0;

	page = sw_msi_get_page(ictx, dev, igroup->sw_msi_start, msi_addr);
	if (IS_ERR(page))
		return PTR_ERR(page);

	rc = iommufd_sw_msi_use(igroup,
				iommufd_hwpt_stage2(domain->iommufd_hwpt), page);
	if (rc)
		return rc;

	msi_desc_set_iommu_msi_iova(desc, sw_msi_iova(page), PAGE_SHIFT);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_sw_msi, "IOMMUFD");
