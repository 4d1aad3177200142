// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock IOMMU driver: devices on a bus of their own, and page tables that
 * nothing but the tests walks.
 */
#include <linux/bitops.h>
#include <linux/device/faux.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "../iommu-pages.h"
#include "selftest.h"
#include "selftest_check.h"

/**
 * DOC: The mock IOMMU
 *
 * To the IOMMU core, these are IOMMU drivers like any other: each registers an
 * iommu_device with an iommu_ops, there is a bus with devices behind it, and each
 * device is alone in its group, except for those that are to share one. To
 * iommufd, each device is one that a driver such as VFIO binds. Page tables are
 * generic_pt's amdv1 format, built with a 2 KiB granule, so that pages of the
 * IOMMU are smaller than the CPU's: that is what a driver's 4 KiB pages are to a
 * 64 KiB kernel.
 *
 * They check no more than drivers do: what iommufd owes its callers (that a
 * device can track dirty pages, has PASIDs, can nest, reports page requests)
 * must not be refused here.
 *
 * The default domain is identity, on every machine: a mock device never does
 * DMA, and so depends on neither CONFIG_IOMMU_DMA nor the command line.
 *
 * Locking: what a device is attached to changes under the IOMMU core's group
 * mutex; mock_device::vevent_lock nests inside. mock_domain::walk_lock, a leaf,
 * lets the tests look into a page table that others change meanwhile.
 *
 * It knows nothing of iommufd's objects, of the test ioctl, and of memory.
 */

static struct {
	struct faux_device *parent;
	struct iopf_queue *iopf_queue;
	struct iommu_group *shared_group;
	struct ida device_ida;
} mock_data = {
	.device_ida = IDA_INIT(mock_data.device_ida),
};

/**
 * struct mock_iommu - an IOMMU, and the bus of the devices behind it
 * @core: the IOMMU core's view of it
 * @bus: the bus
 * @bus_nb: by which the core learns of devices
 * @ops: its driver
 * @name: in sysfs
 */
struct mock_iommu {
	struct iommu_device core;
	const struct bus_type *bus;
	struct notifier_block bus_nb;
	const struct iommu_ops *ops;
	const char *name;
};

static const struct iommu_ops mock_iommu_ops, mock_plain_ops;
static const struct iommu_ops mock_no_requests_ops;

static const struct bus_type mock_bus = {
	.name = "iommufd_mock",
};

static const struct bus_type mock_plain_bus = {
	.name = "iommufd_mock_plain",
};

static const struct bus_type mock_no_requests_bus = {
	.name = "iommufd_mock_no_requests",
};

static struct mock_iommu mock_iommu = {
	.core.max_pasids = 1 << MOCK_PASID_WIDTH,
	.bus = &mock_bus,
	.ops = &mock_iommu_ops,
	.name = "iommufd_mock_iommu",
};

/* Nothing but page tables */
static struct mock_iommu mock_plain = {
	.bus = &mock_plain_bus,
	.ops = &mock_plain_ops,
	.name = "iommufd_mock_plain",
};

/* Its driver has no use for page requests */
static struct mock_iommu mock_no_requests = {
	.core.max_pasids = 1 << MOCK_PASID_WIDTH,
	.bus = &mock_no_requests_bus,
	.ops = &mock_no_requests_ops,
	.name = "iommufd_mock_no_requests",
};

static struct mock_iommu *const mock_iommus[] = {
	&mock_iommu, &mock_plain, &mock_no_requests,
};

static const struct iommu_domain_ops mock_paging_ops;
static const struct iommu_dirty_ops mock_tracking_ops;

/*
 * Attaching
 */

/*
 * A device's page faults have somewhere to go while a domain that takes them
 * is attached, to the RID or to a PASID.
 */
static int mock_iopf_get(struct mock_device *mdev)
{
	int rc;

	iommu_group_mutex_assert(&mdev->dev);
	if (!mdev->iopf_domains) {
		rc = iopf_queue_add_device(mock_data.iopf_queue, &mdev->dev);
		if (rc)
			return rc;
	}
	mdev->iopf_domains++;
	return 0;
}

static void mock_iopf_put(struct mock_device *mdev)
{
	iommu_group_mutex_assert(&mdev->dev);
	if (!--mdev->iopf_domains)
		iopf_queue_remove_device(mock_data.iopf_queue, &mdev->dev);
}

/* What is common to the RID and a PASID */
static int mock_attach(struct mock_device *mdev, ioasid_t pasid,
		       struct iommu_domain *domain, struct iommu_domain *old)
{
	int rc;

	rc = mock_requests_prepare(mdev, pasid, domain);
	if (rc)
		return rc;
	/* First the new one: a device in both loses no page request */
	if (domain->iopf_handler) {
		rc = mock_iopf_get(mdev);
		if (rc)
			return rc;
	}
	mock_requests_switch(mdev, pasid, domain);
	if (old && old->iopf_handler)
		mock_iopf_put(mdev);
	return 0;
}

/**
 * mock_attach_rid() - Attach what a device does without a PASID
 * @mdev: device
 * @domain: new domain, of any type
 * @old: the domain that is attached now, or NULL
 * @viommu: the vIOMMU that @domain was made from, or NULL
 * @virt_id: the device's ID there
 *
 * Context: the IOMMU core's group mutex is held; may sleep.
 * Return: 0; -ENOMEM. The device stays attached to @old on failure.
 */
int mock_attach_rid(struct mock_device *mdev, struct iommu_domain *domain,
		    struct iommu_domain *old, struct guest_iommu *viommu,
		    unsigned long virt_id)
{
	int rc;

	rc = mock_attach(mdev, IOMMU_NO_PASID, domain, old);
	if (rc)
		return rc;

	guard(rwsem_write)(&mdev->vevent_lock);
	mdev->viommu = viommu;
	mdev->virt_id = virt_id;
	return 0;
}

/**
 * mock_attach_pasid() - Attach what a device does with a PASID
 * @mdev: device
 * @pasid: PASID, not IOMMU_NO_PASID
 * @domain: new domain, paging or nested
 * @old: the domain that is attached now, or NULL
 *
 * Context: the IOMMU core's group mutex is held; may sleep.
 * Return: 0; -ENOMEM, also for every replacement on IOMMU_TEST_PASID_RESERVED.
 * The PASID stays attached to @old on failure.
 */
int mock_attach_pasid(struct mock_device *mdev, ioasid_t pasid,
		      struct iommu_domain *domain, struct iommu_domain *old)
{
	if ((old && pasid == IOMMU_TEST_PASID_RESERVED) ||
	    iommufd_should_fail())
		return -ENOMEM;
	return mock_attach(mdev, pasid, domain, old);
}

static int mock_domain_attach(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	return mock_attach_rid(to_mock_device(dev), domain, old, NULL, 0);
}

static int mock_domain_attach_pasid(struct iommu_domain *domain,
				    struct device *dev, ioasid_t pasid,
				    struct iommu_domain *old)
{
	return mock_attach_pasid(to_mock_device(dev), pasid, domain, old);
}

/*
 * Until a first device is attached, a domain of MOCK_FLAGS_DEVICE_LATE has no
 * format, which the lack of an aperture says.
 */
static int mock_paging_attach(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	int rc = iommufd_should_fail() ? -ENOMEM :
					 mock_domain_attach(domain, dev, old);

	if (!rc && !domain->geometry.aperture_end)
		domain->geometry.aperture_end = MOCK_APERTURE_LAST;
	return rc;
}

/* Detaching a PASID: cannot fail, even where a replacement would */
static int mock_blocked_attach_pasid(struct iommu_domain *domain,
				     struct device *dev, ioasid_t pasid,
				     struct iommu_domain *old)
{
	return mock_attach(to_mock_device(dev), pasid, domain, old);
}

/*
 * Domains
 */

static const struct iommu_domain_ops mock_blocked_ops = {
	.attach_dev = mock_domain_attach,
	.set_dev_pasid = mock_blocked_attach_pasid,
};

static struct iommu_domain mock_blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &mock_blocked_ops,
};

static const struct iommu_domain_ops mock_identity_ops = {
	.attach_dev = mock_domain_attach,
};

static struct iommu_domain mock_identity_domain = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &mock_identity_ops,
};

/**
 * mock_paging_domain() - Is this one of the mock's paging domains?
 * @domain: any IOMMU driver's domain
 *
 * Return: the domain, or NULL.
 */
struct mock_domain *mock_paging_domain(struct iommu_domain *domain)
{
	if (domain->ops != &mock_paging_ops)
		return NULL;
	return container_of(domain, struct mock_domain, domain);
}

static int mock_page_table_init(struct mock_domain *mock, u32 type)
{
	struct iommu_domain *domain = &mock->domain;
	struct pt_iommu_amdv1_mock_cfg cfg = {
		.common.hw_max_oasz_lg2 = 51,
	};
	int rc;

	mock->iommu.nid = NUMA_NO_NODE;
	switch (type) {
	case MOCK_IOMMUPT_DEFAULT:
		/* Three levels of 512 entries of 2 KiB: more than 31 bits */
		cfg.starting_level = 2;
		cfg.common.hw_max_vasz_lg2 = 31;
		rc = pt_iommu_amdv1_mock_init(&mock->amdv1, &cfg,
					      GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		domain->geometry.aperture_start = MOCK_APERTURE_START;
		domain->geometry.aperture_end = MOCK_APERTURE_LAST;
		return 0;
	case MOCK_IOMMUPT_HUGE:
		cfg.starting_level = 4;
		cfg.common.hw_max_vasz_lg2 = 56;
		rc = pt_iommu_amdv1_mock_init(&mock->amdv1, &cfg,
					      GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		domain->pgsize_bitmap = MOCK_PAGE_SIZE | PAGE_SIZE |
					MOCK_HUGE_PAGE_SIZE;
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * Whoever unmaps a part of an entry gets nothing from io-pgtable-arm, or what
 * lies before that entry, and keeps the rest mapped. iommufd never does.
 */
static size_t mock_strict_unmap(struct pt_iommu *iommu, dma_addr_t iova,
				dma_addr_t length,
				struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock =
		container_of(iommu, struct mock_domain, iommu);
	unsigned long last = iova + length - 1;
	struct mock_leaf leaf;

	/* The entry that the last byte is in, and then that of the first one */
	if (mock_domain_leaves(mock, last, &leaf, 1) && leaf.iova <= last &&
	    leaf.iova + (leaf.length - 1) != last) {
		atomic_inc(&mock->refused);
		if (leaf.iova <= iova)
			return 0;
		length = leaf.iova - iova;
	}
	if (mock_domain_leaves(mock, iova, &leaf, 1) && leaf.iova < iova) {
		atomic_inc(&mock->refused);
		return 0;
	}
	return mock->loose_ops->unmap_range(iommu, iova, length, gather);
}

static void mock_page_table_tighten(struct mock_domain *mock)
{
	mock->loose_ops = mock->iommu.ops;
	mock->table_ops = *mock->loose_ops;
	mock->table_ops.unmap_range = mock_strict_unmap;
	mock->iommu.ops = &mock->table_ops;
}

static struct iommu_domain *
mock_paging_alloc(struct device *dev, u32 flags,
		  const struct iommu_user_data *user_data)
{
	const u32 known_flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
				IOMMU_HWPT_ALLOC_NEST_PARENT |
				IOMMU_HWPT_ALLOC_PASID;
	struct mock_device *mdev = to_mock_device(dev);
	struct iommu_hwpt_selftest data = {};
	struct mock_domain *mock;
	int rc;

	if (flags & ~known_flags)
		return ERR_PTR(-EOPNOTSUPP);
	if (mdev->flags & MOCK_FLAGS_DEVICE_LATE && (flags || user_data))
		return ERR_PTR(-EOPNOTSUPP);

	if (user_data) {
		if (user_data->type != IOMMU_HWPT_DATA_SELFTEST)
			return ERR_PTR(-EOPNOTSUPP);
		rc = iommu_copy_struct_from_user(&data, user_data,
						 IOMMU_HWPT_DATA_SELFTEST,
						 pagetable_type);
		if (rc)
			return ERR_PTR(rc);
	}

	mock = kzalloc_obj(*mock, GFP_KERNEL_ACCOUNT);
	if (!mock)
		return ERR_PTR(-ENOMEM);
	rc = mock_page_table_init(mock, data.pagetable_type);
	if (rc) {
		kfree(mock);
		return ERR_PTR(rc);
	}

	if (mdev->flags & MOCK_FLAGS_DEVICE_STRICT)
		mock_page_table_tighten(mock);
	if (mdev->flags & MOCK_FLAGS_DEVICE_LATE)
		mock->domain.geometry.aperture_end = 0;
	rwlock_init(&mock->walk_lock);
	mock->domain.ops = &mock_paging_ops;
	if (flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
		mock->domain.dirty_ops = &mock_tracking_ops;
	return &mock->domain;
}

/* Nothing to choose from: flags and data are for the IOMMU core to refuse */
static struct iommu_domain *mock_plain_alloc(struct device *dev)
{
	return mock_paging_alloc(dev, 0, NULL);
}

static void mock_paging_free(struct iommu_domain *domain)
{
	struct mock_domain *mock = mock_paging_domain(domain);
	int refused = atomic_read(&mock->refused);

	if (refused)
		pr_err("iommufd: invariant violated: %d times a part of an entry was to be unmapped\n",
		       refused);
	pt_iommu_deinit(&mock->iommu);
	kfree(mock);
}

static void mock_paging_sync(struct iommu_domain *domain,
			     struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = mock_paging_domain(domain);
	unsigned long flags;

	if (iommu_pages_list_empty(&gather->freelist))
		return;
	/* These tables are unlinked; wait for who walks on one of them still */
	write_lock_irqsave(&mock->walk_lock, flags);
	write_unlock_irqrestore(&mock->walk_lock, flags);
	iommu_put_pages_list(&gather->freelist);
}

/* A driver that must tell its hardware of new entries, and may fail to */
static int mock_paging_sync_map(struct iommu_domain *domain, unsigned long iova,
				size_t size)
{
	return iommufd_should_fail() ? -ENOMEM : 0;
}

static const struct iommu_domain_ops mock_paging_ops = {
	IOMMU_PT_DOMAIN_OPS(amdv1_mock),
	.iotlb_sync_map = mock_paging_sync_map,
	.attach_dev = mock_paging_attach,
	.set_dev_pasid = mock_domain_attach_pasid,
	.iotlb_sync = mock_paging_sync,
	.free = mock_paging_free,
};

static int mock_paging_track(struct iommu_domain *domain, bool enable)
{
	if (iommufd_should_fail())
		return -ENOMEM;
	WRITE_ONCE(mock_paging_domain(domain)->dirty_tracking, enable);
	return 0;
}

static int mock_paging_read_dirty(struct iommu_domain *domain,
				  unsigned long iova, size_t size,
				  unsigned long flags,
				  struct iommu_dirty_bitmap *dirty)
{
	if (iommufd_should_fail())
		return -ENOMEM;
	return pt_iommu_amdv1_mock_read_and_clear_dirty(domain, iova, size,
							flags, dirty);
}

static const struct iommu_dirty_ops mock_tracking_ops = {
	.read_and_clear_dirty = mock_paging_read_dirty,
	.set_dirty_tracking = mock_paging_track,
};

/**
 * mock_domain_phys() - Translate an IOVA
 * @mock: domain
 * @iova: any IOVA
 *
 * Other than iommu_iova_to_phys(), this may race with an unmap.
 *
 * Return: the physical address, 0 where nothing is mapped.
 */
phys_addr_t mock_domain_phys(struct mock_domain *mock, unsigned long iova)
{
	guard(read_lock_irqsave)(&mock->walk_lock);
	return iommu_iova_to_phys(&mock->domain, iova);
}

/**
 * mock_domain_write() - A device writes to an IOVA
 * @mock: the domain it writes through
 * @iova: any IOVA
 *
 * May race with an unmap.
 *
 * Return: 0; -EINVAL where the domain does not track dirty pages; -ENOENT where
 * nothing is mapped; -ERANGE, -EOVERFLOW for an IOVA out of range.
 */
int mock_domain_write(struct mock_domain *mock, unsigned long iova)
{
	int rc;

	if (!READ_ONCE(mock->dirty_tracking))
		return -EINVAL;
	guard(read_lock_irqsave)(&mock->walk_lock);
	/* The entry changed: written to by another, reported dirty, unmapped */
	do {
		rc = mock->iommu.ops->set_dirty(&mock->iommu, iova);
	} while (rc == -EAGAIN);
	return rc;
}

/*
 * The IOMMU
 */

static bool mock_has_cap(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_DIRTY_TRACKING:
		return !(to_mock_device(dev)->flags &
			 MOCK_FLAGS_DEVICE_NO_DIRTY);
	default:
		return false;
	}
}

static bool mock_plain_has_cap(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static void *mock_report_hw(struct device *dev, u32 *length,
			    enum iommu_hw_info_type *type)
{
	struct iommu_test_hw_info *info;

	if (*type != IOMMU_HW_INFO_TYPE_DEFAULT &&
	    *type != IOMMU_HW_INFO_TYPE_SELFTEST)
		return ERR_PTR(-EOPNOTSUPP);

	info = kzalloc_obj(*info);
	if (!info)
		return ERR_PTR(-ENOMEM);
	info->test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL;
	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_SELFTEST;
	return info;
}

static struct mock_iommu *mock_iommu_of(u32 dev_flags)
{
	if (dev_flags & MOCK_FLAGS_DEVICE_PLAIN)
		return &mock_plain;
	if (dev_flags & MOCK_FLAGS_DEVICE_NO_REQUESTS)
		return &mock_no_requests;
	return &mock_iommu;
}

static struct iommu_device *mock_probe(struct device *dev)
{
	if (!iommufd_test_is_mock_dev(dev))
		return ERR_PTR(-ENODEV);
	return &mock_iommu_of(to_mock_device(dev)->flags)->core;
}

static struct iommu_group *mock_group(struct device *dev)
{
	if (to_mock_device(dev)->flags & MOCK_FLAGS_DEVICE_SHARED)
		return iommu_group_ref_get(mock_data.shared_group);
	return generic_device_group(dev);
}

static int mock_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops mock_iommu_ops = {
	.owner = THIS_MODULE,
	.capable = mock_has_cap,
	.hw_info = mock_report_hw,
	.probe_device = mock_probe,
	.device_group = mock_group,
	.def_domain_type = mock_def_domain_type,
	.page_response = mock_page_response,
	.domain_alloc_paging_flags = mock_paging_alloc,
	.domain_alloc_nested = guest_domain_alloc,
	.get_viommu_size = guest_iommu_size,
	.viommu_init = guest_iommu_init,
	.blocked_domain = &mock_blocked_domain,
	.release_domain = &mock_blocked_domain,
	.identity_domain = &mock_identity_domain,
	.default_domain_ops = &mock_paging_ops,
	/* A guest's PASID faults go to the nested domain of the RID */
	.user_pasid_table = true,
};

static const struct iommu_ops mock_plain_ops = {
	.owner = THIS_MODULE,
	.capable = mock_plain_has_cap,
	.probe_device = mock_probe,
	.device_group = mock_group,
	.def_domain_type = mock_def_domain_type,
	.page_response = mock_page_response,
	.domain_alloc_paging = mock_plain_alloc,
	.blocked_domain = &mock_blocked_domain,
	.release_domain = &mock_blocked_domain,
	.identity_domain = &mock_identity_domain,
	.default_domain_ops = &mock_paging_ops,
};

static const struct iommu_ops mock_no_requests_ops = {
	.owner = THIS_MODULE,
	.capable = mock_has_cap,
	.hw_info = mock_report_hw,
	.probe_device = mock_probe,
	.device_group = mock_group,
	.def_domain_type = mock_def_domain_type,
	.domain_alloc_paging_flags = mock_paging_alloc,
	.domain_alloc_nested = guest_domain_alloc,
	.get_viommu_size = guest_iommu_size,
	.viommu_init = guest_iommu_init,
	.blocked_domain = &mock_blocked_domain,
	.release_domain = &mock_blocked_domain,
	.identity_domain = &mock_identity_domain,
	.default_domain_ops = &mock_paging_ops,
};

/*
 * Devices
 */

/**
 * iommufd_test_is_mock_dev() - Is this a device of the mock's?
 * @dev: any device
 *
 * Mock devices belong to a context's objects, and have no interrupts. So a
 * context that binds one neither takes a reference on its own file for it, nor
 * asks for isolated MSI.
 *
 * Return: true if it is.
 */
bool iommufd_test_is_mock_dev(struct device *dev)
{
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(mock_iommus); i++)
		if (dev->bus == mock_iommus[i]->bus)
			return true;
	return false;
}

static void mock_device_release(struct device *dev)
{
	struct mock_device *mdev = to_mock_device(dev);

	xa_destroy(&mdev->domains);
	/* The IOMMU core forgets it where its fwspec cannot be allocated */
	kfree(dev->iommu);
	ida_free(&mock_data.device_ida, mdev->index);
	kfree(mdev);
}

/**
 * mock_device_create() - Plug a mock device in
 * @flags: MOCK_FLAGS_DEVICE_*
 *
 * The IOMMU core probes it before this returns.
 *
 * Context: may sleep.
 * Return: the device, or ERR_PTR() of -EOPNOTSUPP for unknown flags, -ENOMEM,
 * -ENODEV where the IOMMU core failed to probe it, or what the driver core
 * failed with.
 */
struct mock_device *mock_device_create(u32 flags)
{
	static const struct property_entry pasid_properties[] = {
		PROPERTY_ENTRY_U32("pasid-num-bits", MOCK_PASID_WIDTH),
		{}
	};
	const u32 known_flags = MOCK_FLAGS_DEVICE_NO_DIRTY |
				MOCK_FLAGS_DEVICE_PASID |
				MOCK_FLAGS_DEVICE_SHARED |
				MOCK_FLAGS_DEVICE_LATE |
				MOCK_FLAGS_DEVICE_PLAIN |
				MOCK_FLAGS_DEVICE_NO_REQUESTS |
				MOCK_FLAGS_DEVICE_NO_DRAIN |
				MOCK_FLAGS_DEVICE_STRICT;
	/* A group is behind one IOMMU */
	const u32 other_iommu = MOCK_FLAGS_DEVICE_SHARED |
				MOCK_FLAGS_DEVICE_PLAIN |
				MOCK_FLAGS_DEVICE_NO_REQUESTS;
	struct mock_device *mdev;
	int rc, i;

	if (flags & ~known_flags || hweight32(flags & other_iommu) > 1)
		return ERR_PTR(-EOPNOTSUPP);

	mdev = kzalloc_obj(*mdev, GFP_KERNEL_ACCOUNT);
	if (!mdev)
		return ERR_PTR(-ENOMEM);
	mdev->flags = flags;
	xa_init(&mdev->domains);
	init_waitqueue_head(&mdev->hold_wait);
	init_rwsem(&mdev->vevent_lock);
	for (i = 0; i != ARRAY_SIZE(mdev->cache); i++)
		mdev->cache[i] = IOMMU_TEST_DEV_CACHE_DEFAULT;

	mdev->index = ida_alloc(&mock_data.device_ida, GFP_KERNEL);
	if (mdev->index < 0) {
		rc = mdev->index;
		kfree(mdev);
		return ERR_PTR(rc);
	}

	/* From here, the last reference frees it */
	device_initialize(&mdev->dev);
	mdev->dev.bus = mock_iommu_of(flags)->bus;
	mdev->dev.release = mock_device_release;
	rc = dev_set_name(&mdev->dev, "iommufd_mock%d", mdev->index);
	if (rc)
		goto err_put;
	if (flags & MOCK_FLAGS_DEVICE_PASID) {
		rc = device_create_managed_software_node(&mdev->dev,
							 pasid_properties,
							 NULL);
		if (rc)
			goto err_put;
	}

	rc = iommu_mock_device_add(&mdev->dev, &mock_iommu_of(flags)->core);
	if (rc)
		goto err_node;
	/* Adding a device succeeds even where its IOMMU fails */
	if (!device_iommu_mapped(&mdev->dev)) {
		device_unregister(&mdev->dev);
		return ERR_PTR(-ENODEV);
	}
	return mdev;

err_node:
	/* Gone already where the device got as far as to own it */
	device_remove_software_node(&mdev->dev);
err_put:
	put_device(&mdev->dev);
	return ERR_PTR(rc);
}

/**
 * mock_device_destroy() - Unplug a mock device
 * @mdev: device that nothing is attached to, and nobody has bound
 *
 * Context: may sleep.
 */
void mock_device_destroy(struct mock_device *mdev)
{
	mock_requests_end(mdev);
	device_unregister(&mdev->dev);
}

static int __init mock_iommu_register(struct mock_iommu *iommu)
{
	int rc;

	rc = bus_register(iommu->bus);
	if (rc)
		return rc;
	rc = iommu_device_sysfs_add(&iommu->core, &mock_data.parent->dev, NULL,
				    iommu->name);
	if (rc)
		goto err_bus;
	rc = iommu_device_register_bus(&iommu->core, iommu->ops, iommu->bus,
				       &iommu->bus_nb);
	if (rc)
		goto err_sysfs;
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&iommu->core);
err_bus:
	bus_unregister(iommu->bus);
	return rc;
}

static void mock_iommu_unregister(struct mock_iommu *iommu)
{
	iommu_device_unregister_bus(&iommu->core, iommu->bus, &iommu->bus_nb);
	iommu_device_sysfs_remove(&iommu->core);
	bus_unregister(iommu->bus);
}

/**
 * mock_iommu_init() - Register the mock's IOMMUs and their buses
 *
 * Return: 0, or what one of the cores failed with.
 */
int __init mock_iommu_init(void)
{
	unsigned int i;
	int rc;

	rc = mock_requests_init();
	if (rc)
		return rc;
	mock_data.parent = faux_device_create("iommufd_mock", NULL, NULL);
	if (!mock_data.parent) {
		rc = -ENOMEM;
		goto err_requests;
	}

	mock_data.iopf_queue = iopf_queue_alloc("iommufd_mock");
	if (!mock_data.iopf_queue) {
		rc = -ENOMEM;
		goto err_parent;
	}

	mock_data.shared_group = iommu_group_alloc();
	if (IS_ERR(mock_data.shared_group)) {
		rc = PTR_ERR(mock_data.shared_group);
		goto err_queue;
	}

	for (i = 0; i != ARRAY_SIZE(mock_iommus); i++) {
		rc = mock_iommu_register(mock_iommus[i]);
		if (rc)
			goto err_iommus;
	}
	return 0;

err_iommus:
	while (i--)
		mock_iommu_unregister(mock_iommus[i]);
	iommu_group_put(mock_data.shared_group);
err_queue:
	iopf_queue_free(mock_data.iopf_queue);
err_parent:
	faux_device_destroy(mock_data.parent);
err_requests:
	mock_requests_exit();
	return rc;
}

/**
 * mock_iommu_exit() - Take the mock's IOMMUs and their buses away
 *
 * Each mock device keeps a context's file, and so this module, in use: there
 * are none left.
 */
void mock_iommu_exit(void)
{
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(mock_iommus); i++)
		mock_iommu_unregister(mock_iommus[i]);
	iommu_group_put(mock_data.shared_group);
	iopf_queue_free(mock_data.iopf_queue);
	faux_device_destroy(mock_data.parent);
	mock_requests_exit();
	ida_destroy(&mock_data.device_ida);
}

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
