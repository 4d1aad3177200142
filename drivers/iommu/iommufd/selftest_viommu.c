// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the mock IOMMU lets a virtual machine own: nested domains, vIOMMUs, their
 * devices and queues.
 */
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "selftest.h"

/**
 * DOC: The mock's virtualization
 *
 * A nested domain has an "IOTLB", a device has a "cache": each a few numbers
 * that userspace sets, invalidates, and has the test ioctl compare. A vIOMMU
 * translates virtual device IDs for the invalidation of a device's cache, and
 * for the events that a device reports. Its queues must be allocated in the
 * order of their index, and go in reverse: each depends on the one before.
 *
 * Locking: mock_viommu::queue_lock protects the queues. The xa_lock of
 * iommufd_viommu::vdevs keeps a device that was found by its ID.
 *
 * It knows iommufd by what <linux/iommufd.h> offers to every IOMMU driver.
 */

struct mock_hw_queue;

/**
 * struct mock_viommu - a vIOMMU
 * @core: base
 * @parent: the nesting parent domain; @core holds its HWPT
 * @page: what userspace can mmap(), or NULL
 * @mmap_offset: the offset to do so at
 * @queue_lock: protects @queues
 * @queues: its queues by index
 */
struct mock_viommu {
	struct iommufd_viommu core;
	struct mock_domain *parent;
	u32 *page;
	unsigned long mmap_offset;
	/* A queue and the one it depends on change together */
	struct mutex queue_lock;
	struct mock_hw_queue *queues[IOMMU_TEST_HW_QUEUE_MAX];
};

/**
 * struct mock_hw_queue - a queue of a vIOMMU
 * @core: base
 * @index: its index; it depends on the queue with the index below
 */
struct mock_hw_queue {
	struct iommufd_hw_queue core;
	u32 index;
};

static struct mock_viommu *to_mock_viommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct mock_viommu, core);
}

/* An entry, or all of them, becomes 0 */
static int mock_invalidate(u32 *entries, unsigned int num, u32 flags, u32 index)
{
	unsigned int i;

	if (flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (flags & IOMMU_TEST_INVALIDATE_FLAG_ALL) {
		for (i = 0; i != num; i++)
			WRITE_ONCE(entries[i], 0);
		return 0;
	}
	if (index >= num)
		return -EINVAL;
	WRITE_ONCE(entries[index], 0);
	return 0;
}

/*
 * Nested domains
 */

static const struct iommu_domain_ops mock_nested_ops;

/**
 * mock_nested_domain() - Is this one of the mock's nested domains?
 * @domain: any IOMMU driver's domain
 *
 * Return: the domain, or NULL.
 */
struct mock_nested_domain *mock_nested_domain(struct iommu_domain *domain)
{
	if (domain->ops != &mock_nested_ops)
		return NULL;
	return container_of(domain, struct mock_nested_domain, domain);
}

/*
 * A device needs a virtual ID in the vIOMMU before it is attached: invalidations
 * and events could not name it otherwise.
 */
static int mock_nested_virt_id(struct mock_nested_domain *nested,
			       struct device *dev, unsigned long *virt_id)
{
	*virt_id = 0;
	if (!nested->viommu)
		return 0;
	return iommufd_viommu_get_vdev_id(&nested->viommu->core, dev, virt_id);
}

static int mock_nested_attach(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	struct mock_nested_domain *nested = mock_nested_domain(domain);
	unsigned long virt_id;
	int rc;

	rc = mock_nested_virt_id(nested, dev, &virt_id);
	if (rc)
		return rc;
	return mock_attach_rid(to_mock_device(dev), domain, old, nested->viommu,
			       virt_id);
}

static int mock_nested_attach_pasid(struct iommu_domain *domain,
				    struct device *dev, ioasid_t pasid,
				    struct iommu_domain *old)
{
	unsigned long virt_id;
	int rc;

	rc = mock_nested_virt_id(mock_nested_domain(domain), dev, &virt_id);
	if (rc)
		return rc;
	return mock_attach_pasid(to_mock_device(dev), pasid, domain, old);
}

static int mock_nested_invalidate(struct iommu_domain *domain,
				  struct iommu_user_data_array *array)
{
	struct mock_nested_domain *nested = mock_nested_domain(domain);
	const unsigned int type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
	struct iommu_hwpt_invalidate_selftest request;
	u32 done;
	int rc = 0;

	if (array->type != type) {
		array->entry_num = 0;
		return -EINVAL;
	}

	for (done = 0; done != array->entry_num; done++) {
		rc = iommu_copy_struct_from_user_array(&request, array, type,
						       done, iotlb_id);
		if (rc)
			break;
		rc = mock_invalidate(nested->iotlb, ARRAY_SIZE(nested->iotlb),
				     request.flags, request.iotlb_id);
		if (rc)
			break;
		cond_resched();
	}
	array->entry_num = done;
	return rc;
}

static void mock_nested_free(struct iommu_domain *domain)
{
	kfree(mock_nested_domain(domain));
}

static const struct iommu_domain_ops mock_nested_ops = {
	.attach_dev = mock_nested_attach,
	.set_dev_pasid = mock_nested_attach_pasid,
	.cache_invalidate_user = mock_nested_invalidate,
	.free = mock_nested_free,
};

static struct iommu_domain *
mock_nested_alloc(struct mock_viommu *viommu, u32 flags,
		  const struct iommu_user_data *user_data)
{
	struct mock_nested_domain *nested;
	struct iommu_hwpt_selftest data;
	int rc, i;

	if (flags & ~IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	if (!user_data || user_data->type != IOMMU_HWPT_DATA_SELFTEST)
		return ERR_PTR(-EOPNOTSUPP);
	rc = iommu_copy_struct_from_user(&data, user_data,
					 IOMMU_HWPT_DATA_SELFTEST, iotlb);
	if (rc)
		return ERR_PTR(rc);

	nested = kzalloc_obj(*nested, GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &mock_nested_ops;
	nested->viommu = viommu;
	for (i = 0; i != ARRAY_SIZE(nested->iotlb); i++)
		nested->iotlb[i] = data.iotlb;
	return &nested->domain;
}

/**
 * mock_domain_alloc_nested() - The IOMMU driver's domain_alloc_nested op
 * @dev: device to make the domain for
 * @parent: the nesting parent
 * @flags: IOMMU_HWPT_ALLOC_*
 * @user_data: struct iommu_hwpt_selftest
 *
 * Return: the domain, or ERR_PTR() of -EOPNOTSUPP for other flags than
 * IOMMU_HWPT_ALLOC_PASID and for other data; -EINVAL for data too short, or for
 * another driver's parent; -E2BIG; -EFAULT; -ENOMEM.
 */
struct iommu_domain *
mock_domain_alloc_nested(struct device *dev, struct iommu_domain *parent,
			 u32 flags, const struct iommu_user_data *user_data)
{
	if (!mock_paging_domain(parent))
		return ERR_PTR(-EINVAL);
	return mock_nested_alloc(NULL, flags, user_data);
}

/*
 * Queues
 */

static void mock_hw_queue_destroy(struct iommufd_hw_queue *core)
{
	struct mock_hw_queue *queue =
		container_of(core, struct mock_hw_queue, core);
	struct mock_viommu *viommu = to_mock_viommu(core->viommu);

	guard(mutex)(&viommu->queue_lock);
	viommu->queues[queue->index] = NULL;
	if (queue->index)
		iommufd_hw_queue_undepend(queue,
					  viommu->queues[queue->index - 1],
					  core);
}

static int mock_hw_queue_init(struct iommufd_hw_queue *core, u32 index,
			      phys_addr_t base_pa)
{
	struct mock_hw_queue *queue =
		container_of(core, struct mock_hw_queue, core);
	struct mock_viommu *viommu = to_mock_viommu(core->viommu);
	int rc;

	if (index >= ARRAY_SIZE(viommu->queues))
		return -EINVAL;

	guard(mutex)(&viommu->queue_lock);
	if (viommu->queues[index])
		return -EEXIST;
	if (index && !viommu->queues[index - 1])
		return -EIO;
	if (mock_domain_phys(viommu->parent, core->base_addr) != base_pa)
		return -EFAULT;

	queue->index = index;
	if (index) {
		rc = iommufd_hw_queue_depend(queue, viommu->queues[index - 1],
					     core);
		if (rc)
			return rc;
	}
	core->destroy = mock_hw_queue_destroy;
	viommu->queues[index] = queue;
	return 0;
}

static size_t mock_hw_queue_size(struct iommufd_viommu *viommu,
				 enum iommu_hw_queue_type type)
{
	if (type != IOMMU_HW_QUEUE_TYPE_SELFTEST)
		return 0;
	return HW_QUEUE_STRUCT_SIZE(struct mock_hw_queue, core);
}

/*
 * vIOMMUs
 */

static struct iommu_domain *
mock_viommu_alloc_nested(struct iommufd_viommu *core, u32 flags,
			 const struct iommu_user_data *user_data)
{
	return mock_nested_alloc(to_mock_viommu(core), flags, user_data);
}

static int mock_invalidate_cache(struct iommufd_viommu *core, u32 virt_id,
				 u32 flags, u32 index)
{
	struct mock_device *mdev;
	struct device *dev;
	int rc;

	xa_lock(&core->vdevs);
	dev = iommufd_viommu_find_dev(core, virt_id);
	if (dev) {
		mdev = to_mock_device(dev);
		rc = mock_invalidate(mdev->cache, ARRAY_SIZE(mdev->cache),
				     flags, index);
	} else {
		rc = -EINVAL;
	}
	xa_unlock(&core->vdevs);
	return rc;
}

static int mock_viommu_invalidate(struct iommufd_viommu *core,
				  struct iommu_user_data_array *array)
{
	const unsigned int type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST;
	struct iommu_viommu_invalidate_selftest request;
	u32 done;
	int rc = 0;

	if (array->type != type) {
		array->entry_num = 0;
		return -EINVAL;
	}

	for (done = 0; done != array->entry_num; done++) {
		rc = iommu_copy_struct_from_user_array(&request, array, type,
						       done, cache_id);
		if (rc)
			break;
		rc = mock_invalidate_cache(core, request.vdev_id, request.flags,
					   request.cache_id);
		if (rc)
			break;
		cond_resched();
	}
	array->entry_num = done;
	return rc;
}

/* A vDEVICE must be of the IOMMU that the vIOMMU stands for */
static int mock_vdevice_init(struct iommufd_vdevice *vdev)
{
	return iommufd_test_is_mock_dev(iommufd_vdevice_to_device(vdev)) ?
		       0 : -EINVAL;
}

static void mock_viommu_destroy(struct iommufd_viommu *core)
{
	struct mock_viommu *viommu = to_mock_viommu(core);

	if (!viommu->page)
		return;
	iommufd_viommu_destroy_mmap(core, viommu->mmap_offset);
	free_pages((unsigned long)viommu->page, MOCK_VIOMMU_MMAP_ORDER);
}

static const struct iommufd_viommu_ops mock_viommu_ops = {
	.destroy = mock_viommu_destroy,
	.alloc_domain_nested = mock_viommu_alloc_nested,
	.cache_invalidate = mock_viommu_invalidate,
	.vdevice_size = sizeof(struct iommufd_vdevice),
	.vdevice_init = mock_vdevice_init,
	.get_hw_queue_size = mock_hw_queue_size,
	.hw_queue_init_phys = mock_hw_queue_init,
};

/**
 * mock_viommu_size() - The IOMMU driver's get_viommu_size op
 * @dev: device that the vIOMMU is made for
 * @type: type of vIOMMU
 *
 * Return: bytes, 0 for an unknown type.
 */
size_t mock_viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	if (type != IOMMU_VIOMMU_TYPE_SELFTEST)
		return 0;
	return VIOMMU_STRUCT_SIZE(struct mock_viommu, core);
}

static int mock_viommu_init_mmap(struct mock_viommu *viommu,
				 struct iommu_viommu_selftest *data)
{
	const size_t length = PAGE_SIZE << MOCK_VIOMMU_MMAP_ORDER;
	int rc;

	viommu->page = (u32 *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
					       MOCK_VIOMMU_MMAP_ORDER);
	if (!viommu->page)
		return -ENOMEM;
	*viommu->page = data->in_data;

	rc = iommufd_viommu_alloc_mmap(&viommu->core, __pa(viommu->page),
				       length, &viommu->mmap_offset);
	if (rc) {
		free_pages((unsigned long)viommu->page, MOCK_VIOMMU_MMAP_ORDER);
		viommu->page = NULL;
		return rc;
	}
	data->out_data = data->in_data;
	data->out_mmap_offset = viommu->mmap_offset;
	data->out_mmap_length = length;
	return 0;
}

/**
 * mock_viommu_init() - The IOMMU driver's viommu_init op
 * @core: the vIOMMU, as large as mock_viommu_size() said
 * @parent: its nesting parent domain
 * @user_data: struct iommu_viommu_selftest, or NULL
 *
 * With @user_data, userspace can mmap() a part of the vIOMMU.
 *
 * Return: 0, or -EINVAL for @user_data of a bad type or size, or for another
 * driver's parent; -E2BIG; -EFAULT; -ENOMEM.
 */
int mock_viommu_init(struct iommufd_viommu *core, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data)
{
	struct mock_viommu *viommu = to_mock_viommu(core);
	struct iommu_viommu_selftest data;
	int rc;

	viommu->parent = mock_paging_domain(parent);
	if (!viommu->parent)
		return -EINVAL;
	mutex_init(&viommu->queue_lock);

	if (user_data) {
		rc = iommu_copy_struct_from_user(&data, user_data,
						 IOMMU_VIOMMU_TYPE_SELFTEST,
						 out_data);
		if (rc)
			return rc;
		rc = mock_viommu_init_mmap(viommu, &data);
		if (rc)
			return rc;
		rc = iommu_copy_struct_to_user(user_data, &data,
					       IOMMU_VIOMMU_TYPE_SELFTEST,
					       out_data);
		if (rc) {
			mock_viommu_destroy(core);
			return rc;
		}
	}

	core->ops = &mock_viommu_ops;
	return 0;
}

/**
 * mock_device_vevent() - A device reports an event to its vIOMMU
 * @mdev: device
 *
 * Context: may sleep.
 * Return: 0; -ENOENT where it is not attached to a nested domain of a vIOMMU;
 * -EOPNOTSUPP where the vIOMMU has no queue for such events; -ENOMEM.
 */
int mock_device_vevent(struct mock_device *mdev)
{
	struct iommu_viommu_event_selftest event = {};

	guard(rwsem_read)(&mdev->vevent_lock);
	if (!mdev->viommu)
		return -ENOENT;
	event.virt_id = mdev->virt_id;
	return iommufd_viommu_report_event(&mdev->viommu->core,
					   IOMMU_VEVENTQ_TYPE_SELFTEST, &event,
					   sizeof(event));
}
