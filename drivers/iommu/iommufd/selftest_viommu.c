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
 * Locking: guest_iommu::queue_lock protects the queues. The xa_lock of
 * iommufd_viommu::vdevs keeps a device that was found by its ID.
 *
 * It knows iommufd by what <linux/iommufd.h> offers to every IOMMU driver.
 */

struct guest_queue;

/**
 * struct guest_iommu - a vIOMMU
 * @base: base
 * @parent: the nesting parent domain; @base holds its HWPT
 * @shared: what userspace can mmap(), or NULL
 * @shared_offset: the offset to do so at
 * @queue_lock: protects @queues
 * @queues: its queues by index
 */
struct guest_iommu {
	struct iommufd_viommu base;
	struct mock_domain *parent;
	u32 *shared;
	unsigned long shared_offset;
	/* A queue and the one it depends on change together */
	struct mutex queue_lock;
	struct guest_queue *queues[IOMMU_TEST_HW_QUEUE_MAX];
};

/**
 * struct guest_queue - a queue of a vIOMMU
 * @base: base
 * @index: its index; it depends on the queue with the index below
 */
struct guest_queue {
	struct iommufd_hw_queue base;
	u32 index;
};

static struct guest_iommu *to_guest_iommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct guest_iommu, base);
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

static const struct iommu_domain_ops guest_domain_ops;

/**
 * to_guest_domain() - Is this one of the mock's nested domains?
 * @domain: any IOMMU driver's domain
 *
 * Return: the domain, or NULL.
 */
struct guest_domain *to_guest_domain(struct iommu_domain *domain)
{
	if (domain->ops != &guest_domain_ops)
		return NULL;
	return container_of(domain, struct guest_domain, domain);
}

/*
 * A device needs a virtual ID in the vIOMMU before it is attached: invalidations
 * and events could not name it otherwise.
 */
static int guest_domain_virt_id(struct guest_domain *nested, struct device *dev,
				unsigned long *virt_id)
{
	*virt_id = 0;
	if (!nested->viommu)
		return 0;
	return iommufd_viommu_get_vdev_id(&nested->viommu->base, dev, virt_id);
}

static int guest_domain_attach(struct iommu_domain *domain, struct device *dev,
			       struct iommu_domain *old)
{
	struct guest_domain *nested = to_guest_domain(domain);
	unsigned long virt_id;
	int rc;

	if (iommufd_should_fail())
		return -ENOMEM;
	rc = guest_domain_virt_id(nested, dev, &virt_id);
	if (rc)
		return rc;
	return mock_attach_rid(to_mock_device(dev), domain, old, nested->viommu,
			       virt_id);
}

static int guest_domain_attach_pasid(struct iommu_domain *domain,
				     struct device *dev, ioasid_t pasid,
				     struct iommu_domain *old)
{
	unsigned long virt_id;
	int rc;

	rc = guest_domain_virt_id(to_guest_domain(domain), dev, &virt_id);
	if (rc)
		return rc;
	return mock_attach_pasid(to_mock_device(dev), pasid, domain, old);
}

static int guest_domain_invalidate(struct iommu_domain *domain,
				   struct iommu_user_data_array *array)
{
	struct guest_domain *nested = to_guest_domain(domain);
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
		if (!rc && iommufd_should_fail())
			rc = -EIO;
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

static void guest_domain_free(struct iommu_domain *domain)
{
	kfree(to_guest_domain(domain));
}

static const struct iommu_domain_ops guest_domain_ops = {
	.attach_dev = guest_domain_attach,
	.set_dev_pasid = guest_domain_attach_pasid,
	.cache_invalidate_user = guest_domain_invalidate,
	.free = guest_domain_free,
};

static struct iommu_domain *
guest_domain_new(struct guest_iommu *viommu, u32 flags,
		 const struct iommu_user_data *user_data)
{
	struct guest_domain *nested;
	struct iommu_hwpt_selftest data;
	int rc, i;

	if (flags & ~IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	if (user_data->type != IOMMU_HWPT_DATA_SELFTEST)
		return ERR_PTR(-EOPNOTSUPP);
	rc = iommu_copy_struct_from_user(&data, user_data,
					 IOMMU_HWPT_DATA_SELFTEST, iotlb);
	if (rc)
		return ERR_PTR(rc);

	nested = kzalloc_obj(*nested, GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &guest_domain_ops;
	nested->viommu = viommu;
	for (i = 0; i != ARRAY_SIZE(nested->iotlb); i++)
		nested->iotlb[i] = data.iotlb;
	return &nested->domain;
}

/**
 * guest_domain_alloc() - The IOMMU driver's domain_alloc_nested op
 * @dev: device to make the domain for
 * @parent: the nesting parent
 * @flags: IOMMU_HWPT_ALLOC_*
 * @user_data: struct iommu_hwpt_selftest
 *
 * Return: the domain, or ERR_PTR() of -EOPNOTSUPP for other flags than
 * IOMMU_HWPT_ALLOC_PASID and for other data; -EINVAL for data too short;
 * -E2BIG; -EFAULT; -ENOMEM.
 */
struct iommu_domain *
guest_domain_alloc(struct device *dev, struct iommu_domain *parent, u32 flags,
		   const struct iommu_user_data *user_data)
{
	return guest_domain_new(NULL, flags, user_data);
}

/*
 * Queues
 */

static void guest_queue_destroy(struct iommufd_hw_queue *base)
{
	struct guest_queue *queue = container_of(base, struct guest_queue, base);
	struct guest_iommu *viommu = to_guest_iommu(base->viommu);

	guard(mutex)(&viommu->queue_lock);
	viommu->queues[queue->index] = NULL;
	if (queue->index)
		iommufd_hw_queue_undepend(queue,
					  viommu->queues[queue->index - 1],
					  base);
}

static int guest_queue_init(struct iommufd_hw_queue *base, u32 index,
			    phys_addr_t base_pa)
{
	struct guest_queue *queue = container_of(base, struct guest_queue, base);
	struct guest_iommu *viommu = to_guest_iommu(base->viommu);
	int rc;

	if (index >= ARRAY_SIZE(viommu->queues))
		return -EINVAL;

	guard(mutex)(&viommu->queue_lock);
	if (viommu->queues[index])
		return -EEXIST;
	if (index && !viommu->queues[index - 1])
		return -EIO;
	if (mock_domain_phys(viommu->parent, base->base_addr) != base_pa)
		return -EFAULT;
	if (iommufd_should_fail())
		return -ENOMEM;

	queue->index = index;
	if (index) {
		rc = iommufd_hw_queue_depend(queue, viommu->queues[index - 1],
					     base);
		if (rc)
			return rc;
	}
	base->destroy = guest_queue_destroy;
	viommu->queues[index] = queue;
	return 0;
}

static size_t guest_queue_size(struct iommufd_viommu *viommu,
			       enum iommu_hw_queue_type type)
{
	if (type != IOMMU_HW_QUEUE_TYPE_SELFTEST)
		return 0;
	return HW_QUEUE_STRUCT_SIZE(struct guest_queue, base);
}

/*
 * vIOMMUs
 */

static struct iommu_domain *
guest_iommu_alloc_domain(struct iommufd_viommu *base, u32 flags,
			 const struct iommu_user_data *user_data)
{
	return guest_domain_new(to_guest_iommu(base), flags, user_data);
}

static int guest_device_invalidate(struct iommufd_viommu *base, u32 virt_id,
				   u32 flags, u32 index)
{
	struct mock_device *mdev;
	struct device *dev;
	int rc;

	xa_lock(&base->vdevs);
	dev = iommufd_viommu_find_dev(base, virt_id);
	if (dev) {
		mdev = to_mock_device(dev);
		rc = mock_invalidate(mdev->cache, ARRAY_SIZE(mdev->cache),
				     flags, index);
	} else {
		rc = -EINVAL;
	}
	xa_unlock(&base->vdevs);
	return rc;
}

/*
 * Copy all requests, then handle them: as the Arm driver does it, which makes
 * iommufd responsible for how much memory that takes.
 */
static int guest_iommu_invalidate(struct iommufd_viommu *base,
				  struct iommu_user_data_array *array)
{
	const unsigned int type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST;
	struct iommu_viommu_invalidate_selftest *requests __free(kfree) = NULL;
	u32 copied, done = 0;
	int copy_rc = 0, rc = 0;

	if (array->type != type) {
		array->entry_num = 0;
		return -EINVAL;
	}
	if (!array->entry_num)
		return 0;

	requests = kmalloc_objs(*requests, array->entry_num);
	if (!requests)
		return -ENOMEM;
	for (copied = 0; copied != array->entry_num; copied++) {
		copy_rc = iommu_copy_struct_from_user_array(&requests[copied],
							    array, type, copied,
							    cache_id);
		if (copy_rc)
			break;
	}
	for (; done != copied; done++) {
		rc = iommufd_should_fail() ?
			     -EIO :
			     guest_device_invalidate(base,
						     requests[done].vdev_id,
						     requests[done].flags,
						     requests[done].cache_id);
		if (rc)
			break;
		cond_resched();
	}
	array->entry_num = done;
	return rc ?: copy_rc;
}

/* A vDEVICE must be of the IOMMU that the vIOMMU stands for */
static int guest_device_init(struct iommufd_vdevice *vdev)
{
	if (!iommufd_test_is_mock_dev(iommufd_vdevice_to_device(vdev)))
		return -EINVAL;
	return iommufd_should_fail() ? -ENOMEM : 0;
}

static void guest_iommu_destroy(struct iommufd_viommu *base)
{
	struct guest_iommu *viommu = to_guest_iommu(base);

	if (!viommu->shared)
		return;
	iommufd_viommu_destroy_mmap(base, viommu->shared_offset);
	free_pages((unsigned long)viommu->shared, GUEST_SHARED_ORDER);
}

static const struct iommufd_viommu_ops guest_iommu_ops = {
	.destroy = guest_iommu_destroy,
	.alloc_domain_nested = guest_iommu_alloc_domain,
	.cache_invalidate = guest_iommu_invalidate,
	.vdevice_size = sizeof(struct iommufd_vdevice),
	.vdevice_init = guest_device_init,
	.get_hw_queue_size = guest_queue_size,
	.hw_queue_init_phys = guest_queue_init,
};

/**
 * guest_iommu_size() - The IOMMU driver's get_viommu_size op
 * @dev: device that the vIOMMU is made for
 * @type: type of vIOMMU
 *
 * Return: bytes, 0 for an unknown type.
 */
size_t guest_iommu_size(struct device *dev, enum iommu_viommu_type type)
{
	if (type != IOMMU_VIOMMU_TYPE_SELFTEST)
		return 0;
	return VIOMMU_STRUCT_SIZE(struct guest_iommu, base);
}

static int guest_iommu_share(struct guest_iommu *viommu,
			     struct iommu_viommu_selftest *data)
{
	const size_t length = PAGE_SIZE << GUEST_SHARED_ORDER;
	unsigned long pages;
	int rc;

	pages = __get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
				 GUEST_SHARED_ORDER);
	if (!pages)
		return -ENOMEM;
	viommu->shared = (u32 *)pages;
	*viommu->shared = data->in_data;

	rc = iommufd_viommu_alloc_mmap(&viommu->base, __pa(viommu->shared),
				       length, &viommu->shared_offset);
	if (rc) {
		free_pages(pages, GUEST_SHARED_ORDER);
		viommu->shared = NULL;
		return rc;
	}
	data->out_data = data->in_data;
	data->out_mmap_offset = viommu->shared_offset;
	data->out_mmap_length = length;
	return 0;
}

/**
 * guest_iommu_init() - The IOMMU driver's viommu_init op
 * @base: the vIOMMU, as large as guest_iommu_size() said
 * @parent: its nesting parent domain
 * @user_data: struct iommu_viommu_selftest, or NULL
 *
 * With @user_data, userspace can mmap() a part of the vIOMMU.
 *
 * Return: 0, or -EINVAL for @user_data of a bad type or size, or for another
 * driver's parent; -E2BIG; -EFAULT; -ENOMEM.
 */
int guest_iommu_init(struct iommufd_viommu *base, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data)
{
	struct guest_iommu *viommu = to_guest_iommu(base);
	struct iommu_viommu_selftest data;
	int rc;

	viommu->parent = mock_paging_domain(parent);
	if (!viommu->parent)
		return -EINVAL;
	if (iommufd_should_fail())
		return -ENOMEM;
	mutex_init(&viommu->queue_lock);

	if (user_data) {
		rc = iommu_copy_struct_from_user(&data, user_data,
						 IOMMU_VIOMMU_TYPE_SELFTEST,
						 out_data);
		if (rc)
			return rc;
		rc = guest_iommu_share(viommu, &data);
		if (rc)
			return rc;
		rc = iommu_copy_struct_to_user(user_data, &data,
					       IOMMU_VIOMMU_TYPE_SELFTEST,
					       out_data);
		if (rc) {
			guest_iommu_destroy(base);
			return rc;
		}
	}

	base->ops = &guest_iommu_ops;
	return 0;
}

/**
 * guest_device_event() - A device reports an event to its vIOMMU
 * @mdev: device
 *
 * Context: may sleep.
 * Return: 0; -ENOENT where it is not attached to a nested domain of a vIOMMU;
 * -EOPNOTSUPP where the vIOMMU has no queue for such events; -ENOMEM.
 */
int guest_device_event(struct mock_device *mdev)
{
	struct iommu_viommu_event_selftest event = {};

	guard(rwsem_read)(&mdev->vevent_lock);
	if (!mdev->viommu)
		return -ENOENT;
	event.virt_id = mdev->virt_id;
	return iommufd_viommu_report_event(&mdev->viommu->base,
					   IOMMU_VEVENTQ_TYPE_SELFTEST, &event,
					   sizeof(event));
}
