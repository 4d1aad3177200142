// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Driver core: what IOMMU drivers call
 *
 * Built into the kernel even where iommufd is a module, since IOMMU drivers are
 * built in: it uses the module's structures, but none of its functions. All of
 * it is about objects that the driver has been handed, so the module is there
 * and the context open whenever it is called.
 *
 * Locking: leaves only. A driver may call it under locks of its own, as far as
 * it may sleep.
 */
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "viommu.h"

/**
 * _iommufd_object_depend() - Keep an object as long as another one exists
 * @obj_dependent: the HW queue that is there for as long
 * @obj_depended: the HW queue that it needs
 *
 * Use it through iommufd_hw_queue_depend(). The object depended on must be
 * published: until then the ioctl that makes it may fail, and take it away from
 * whoever depends on it.
 *
 * Context: may be called from hw_queue_init_phys(); takes the xa_lock of
 * iommufd_ctx::objects.
 * Return: 0; -EINVAL where they are the same or not both HW queues; -ENOENT
 * where @obj_depended is not published yet, or being destroyed.
 */
int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended)
{
	struct iommufd_ctx *ictx;
	int rc = -ENOENT;

	if (obj_dependent == obj_depended ||
	    obj_dependent->type != IOMMUFD_OBJ_HW_QUEUE ||
	    obj_depended->type != IOMMUFD_OBJ_HW_QUEUE)
		return -EINVAL;

	ictx = container_of(obj_depended, struct iommufd_hw_queue, obj)
		       ->viommu->ictx;
	xa_lock(&ictx->objects);
	if (xa_load(&ictx->objects, obj_depended->id) == obj_depended)
		rc = iommufd_object_hold(obj_depended);
	xa_unlock(&ictx->objects);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_depend, "IOMMUFD");

/**
 * _iommufd_object_undepend() - End a dependency
 * @obj_dependent: the dependent object
 * @obj_depended: what it no longer needs
 *
 * Use it through iommufd_hw_queue_undepend().
 */
void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended)
{
	if (WARN_ON_ONCE(obj_dependent == obj_depended ||
			 obj_dependent->type != obj_depended->type))
		return;

	iommufd_object_unhold(obj_depended);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_undepend, "IOMMUFD");

/**
 * _iommufd_alloc_mmap() - Let userspace map MMIO
 * @ictx: the context
 * @owner: object that the range goes away with; it may be under construction,
 *         and the range is not mapped before its ioctl has succeeded
 * @mmio_addr: physical address, page aligned
 * @length: in bytes, a multiple of the page size
 * @offset: is set to the offset for mmap(), in bytes; never 0
 *
 * Use it through iommufd_viommu_alloc_mmap(). The owner's ->destroy gives the
 * range back with _iommufd_destroy_mmap(); it is not mapped by then.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for an empty or unaligned range; -EOVERFLOW where it ends
 * beyond the physical address space; -ENOMEM; -EBUSY without a free offset.
 */
int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset)
{
	struct iommufd_mmio *mmio;
	phys_addr_t last;
	int rc;

	if (!length || !PAGE_ALIGNED(length) || !PAGE_ALIGNED(mmio_addr))
		return -EINVAL;
	if (check_add_overflow(mmio_addr, length - 1, &last))
		return -EOVERFLOW;

	mmio = kzalloc_obj(*mmio, GFP_KERNEL_ACCOUNT);
	if (!mmio)
		return -ENOMEM;
	mmio->owner = owner;
	mmio->phys = mmio_addr;
	mmio->num_pages = length >> PAGE_SHIFT;

	/* By page, so that any index times PAGE_SIZE is an offset */
	rc = mtree_alloc_range(&ictx->mmio_tree, &mmio->first, mmio,
			       mmio->num_pages, 1, ULONG_MAX >> PAGE_SHIFT,
			       GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(mmio);
		return rc;
	}
	*offset = mmio->first << PAGE_SHIFT;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_alloc_mmap, "IOMMUFD");

/**
 * _iommufd_destroy_mmap() - Take MMIO back
 * @ictx: the context
 * @owner: the object of _iommufd_alloc_mmap(), being destroyed or not yet
 *         published, so that no mapping of the range exists
 * @offset: as it returned it
 *
 * Use it through iommufd_viommu_destroy_mmap().
 */
void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset)
{
	struct iommufd_mmio *mmio;

	mmio = mtree_erase(&ictx->mmio_tree, offset >> PAGE_SHIFT);
	WARN_ON_ONCE(!mmio || mmio->owner != owner);
	kfree(mmio);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_destroy_mmap, "IOMMUFD");

/**
 * iommufd_vdevice_to_device() - The device behind a vDEVICE
 * @vdev: the vDEVICE
 *
 * Return: the device; it exists for as long as @vdev does.
 */
struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev)
{
	return vdev->idev->dev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vdevice_to_device, "IOMMUFD");

/**
 * iommufd_viommu_find_dev() - The device behind a virtual ID
 * @viommu: the vIOMMU
 * @vdev_id: virtual ID (struct iommu_vdevice_alloc::virt_id)
 *
 * Context: xa_lock of iommufd_viommu::vdevs held, which the device cannot go
 * away under.
 * Return: the device, or NULL.
 */
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id)
{
	struct iommufd_vdevice *vdev;

	lockdep_assert_held(&viommu->vdevs.xa_lock);

	vdev = xa_load(&viommu->vdevs, vdev_id);
	return vdev ? iommufd_vdevice_to_device(vdev) : NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_find_dev, "IOMMUFD");

/**
 * iommufd_viommu_get_vdev_id() - The virtual ID of a device
 * @viommu: the vIOMMU
 * @dev: the device
 * @vdev_id: is set to its virtual ID
 *
 * Context: takes the xa_lock of iommufd_viommu::vdevs.
 * Return: 0, or -ENOENT where @dev has no vDEVICE on @viommu.
 */
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id)
{
	struct iommufd_vdevice *vdev;
	unsigned long virt_id;
	int rc = -ENOENT;

	xa_lock(&viommu->vdevs);
	xa_for_each(&viommu->vdevs, virt_id, vdev) {
		if (iommufd_vdevice_to_device(vdev) == dev) {
			*vdev_id = virt_id;
			rc = 0;
			break;
		}
	}
	xa_unlock(&viommu->vdevs);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_get_vdev_id, "IOMMUFD");

/* An event with the driver's data, and a header yet to be filled */
static struct iommufd_vevent *vevent_new(struct iommufd_veventq *veventq,
					 const void *data, size_t data_len)
{
	struct iommufd_vevent *event;
	struct mem_cgroup *old;
	size_t size;

	if (check_add_overflow(sizeof(struct iommufd_vevent_header), data_len,
			       &size))
		return NULL;

	/*
	 * The caller is an interrupt's thread; it may lose events, not stall.
	 * Who does not read them must not fill the memory of others.
	 */
	old = set_active_memcg(veventq->memcg);
	event = kzalloc_flex(*event, record, size, GFP_NOWAIT | __GFP_ACCOUNT);
	set_active_memcg(old);
	if (!event)
		return NULL;
	event->size = size;
	memcpy(event->record + sizeof(struct iommufd_vevent_header), data,
	       data_len);
	return event;
}

/*
 * Number the event, and queue it if there is one and room for it: else it is
 * lost, and the number is what shows it. Returns whether it was queued.
 */
static bool veventq_add(struct iommufd_veventq *veventq,
			struct iommufd_vevent *event)
{
	struct iommufd_vevent_header header = {};

	guard(spinlock)(&veventq->lock);
	/* INT_MAX is followed by 0 */
	header.sequence = (veventq->last_sequence + 1) & INT_MAX;
	veventq->last_sequence = header.sequence;

	veventq->tail_lost = !event || veventq->num_events >= veventq->depth;
	if (veventq->tail_lost)
		return false;

	memcpy(event->record, &header, sizeof(header));
	list_add_tail(&event->node, &veventq->events);
	veventq->num_events++;
	return true;
}

/**
 * iommufd_viommu_report_event() - Tell userspace of an event of a vIOMMU
 * @viommu: the vIOMMU
 * @type: type of the event
 * @event_data: what userspace reads after the header, as the uAPI says for
 *              @type
 * @data_len: length of it in bytes
 *
 * Context: may sleep, briefly. Drivers call it from threaded interrupt handlers
 * with mutexes held.
 * Return: 0, also where the queue is full, which userspace learns of; -EINVAL
 * without data; -EOPNOTSUPP where userspace has no queue for @type; -ENOMEM
 * where the event was lost for want of memory.
 */
int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len)
{
	struct iommufd_veventq *veventq;
	struct iommufd_vevent *event;
	int rc = 0;

	if (WARN_ON_ONCE(!event_data || !data_len))
		return -EINVAL;

	guard(rwsem_read)(&viommu->veventqs_rwsem);
	veventq = iommufd_viommu_find_veventq(viommu, type);
	if (!veventq)
		return -EOPNOTSUPP;

	event = NULL;
	/* data_race: spares a full queue the allocation, and need not be exact */
	if (data_race(veventq->num_events < veventq->depth)) {
		event = vevent_new(veventq, event_data, data_len);
		if (!event)
			rc = -ENOMEM;
	}

	if (!veventq_add(veventq, event))
		kfree(event);
	iommufd_eventq_wake(&veventq->eventq);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_report_event, "IOMMUFD");
