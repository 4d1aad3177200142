// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: HW queue: a queue in guest memory that the IOMMU itself works on
 *
 * The hardware reads and writes the queue by physical address. So its memory
 * must be physically contiguous, and stay pinned where it is, and mapped, as
 * long as the queue exists: an in-kernel access to the nesting parent's IOAS
 * sees to it, which makes IOMMU_IOAS_UNMAP of that memory fail with -EBUSY.
 *
 * Order between queues of one vIOMMU is up to the driver, which makes one queue
 * depend on another (iommufd_hw_queue_depend()).
 */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "access.h"
#include "thresholds.h"
#include "viommu.h"

/* Pages that are pinned at a time: a page of pointers */
#define QUEUE_PIN_BATCH							\
	iommufd_threshold(queue_pin_batch, PAGE_SIZE / sizeof(struct page *))

/* The queue's memory in whole pages: what an access pins */
static void queue_page_range(const struct iommufd_hw_queue *hw_queue,
			     unsigned long *first, unsigned long *last)
{
	*first = ALIGN_DOWN(hw_queue->base_addr, PAGE_SIZE);
	*last = (hw_queue->base_addr + hw_queue->length - 1) | ~PAGE_MASK;
}

/* Bytes from @iova on that are pinned by one call */
static unsigned long queue_pin_length(unsigned long iova, unsigned long last)
{
	return min(last - iova, QUEUE_PIN_BATCH * PAGE_SIZE - 1) + 1;
}

/*
 * Pin the queue's memory and find out its physical address.
 *
 * -ENOENT where not all of it is mapped, -EFAULT where it is not contiguous.
 */
static int queue_pin(struct iommufd_hw_queue *hw_queue, phys_addr_t *base_pa)
{
	struct page **pages __free(kfree) =
		kmalloc_objs(*pages, QUEUE_PIN_BATCH);
	unsigned long first, last, iova;
	unsigned long pfn = 0;
	unsigned long piece, i;
	bool more = true;
	int rc = 0;

	if (!pages)
		return -ENOMEM;

	queue_page_range(hw_queue, &first, &last);
	for (iova = first; more; iova += piece) {
		piece = queue_pin_length(iova, last);
		/* Which queues the hardware only reads is not known here */
		rc = iommufd_access_pin_pages(hw_queue->access, iova, piece,
					      pages, IOMMUFD_ACCESS_RW_WRITE);
		if (rc)
			break;

		if (iova == first) {
			pfn = page_to_pfn(pages[0]);
			*base_pa = PFN_PHYS(pfn) +
				   offset_in_page(hw_queue->base_addr);
		}
		for (i = 0; i < piece / PAGE_SIZE; i++)
			if (page_to_pfn(pages[i]) != pfn++)
				rc = -EFAULT;
		if (rc) {
			iommufd_access_unpin_pages(hw_queue->access, iova,
						   piece);
			break;
		}

		more = piece - 1 != last - iova;
		cond_resched();
	}

	if (rc && iova != first)
		iommufd_access_unpin_pages(hw_queue->access, first,
					   iova - first);
	return rc;
}

static void queue_release_memory(struct iommufd_hw_queue *hw_queue)
{
	unsigned long first, last;

	queue_page_range(hw_queue, &first, &last);
	iommufd_access_unpin_pages(hw_queue->access, first, last - first + 1);
	iommufd_access_destroy(hw_queue->access);
}

static int queue_take_memory(struct iommufd_hw_queue *hw_queue,
			     phys_addr_t *base_pa)
{
	struct iommufd_viommu *viommu = hw_queue->viommu;
	struct iommufd_access *access;
	int rc;

	access = iommufd_access_new_internal(viommu->ictx);
	if (IS_ERR(access))
		return PTR_ERR(access);
	hw_queue->access = access;

	rc = iommufd_access_attach_ioas(access, viommu->hwpt->ioas);
	if (!rc)
		rc = queue_pin(hw_queue, base_pa);
	if (rc)
		iommufd_access_destroy(access);
	return rc;
}

static void iommufd_hw_queue_destroy(struct iommufd_object *obj)
{
	struct iommufd_hw_queue *hw_queue =
		container_of(obj, struct iommufd_hw_queue, obj);

	/* The hardware must have stopped before its memory goes */
	if (hw_queue->destroy)
		hw_queue->destroy(hw_queue);
	queue_release_memory(hw_queue);
	iommufd_object_unhold(&hw_queue->viommu->obj);
}

const struct iommufd_object_type_ops iommufd_hw_queue_type = {
	.destroy = iommufd_hw_queue_destroy,
};

/* Make the core's and the driver's structure, with its memory pinned. */
static struct iommufd_hw_queue *
hw_queue_new(struct iommufd_viommu *viommu,
	     const struct iommu_hw_queue_alloc *cmd)
{
	const struct iommufd_viommu_ops *ops = viommu->ops;
	struct iommufd_hw_queue *hw_queue;
	struct iommufd_object *obj;
	phys_addr_t base_pa;
	size_t size;
	int rc;

	if (!ops->get_hw_queue_size || !ops->hw_queue_init_phys)
		return ERR_PTR(-EOPNOTSUPP);

	size = ops->get_hw_queue_size(viommu, cmd->type);
	if (!size)
		return ERR_PTR(-EOPNOTSUPP);
	/* A driver without HW_QUEUE_STRUCT_SIZE() */
	if (WARN_ON_ONCE(size < sizeof(*hw_queue)))
		return ERR_PTR(-EOPNOTSUPP);

	obj = iommufd_object_new(viommu->ictx, size, IOMMUFD_OBJ_HW_QUEUE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hw_queue = container_of(obj, struct iommufd_hw_queue, obj);

	hw_queue->viommu = viommu;
	hw_queue->type = cmd->type;
	hw_queue->base_addr = cmd->nesting_parent_iova;
	hw_queue->length = cmd->length;

	rc = iommufd_object_hold(&viommu->obj);
	if (rc)
		goto err_discard;

	rc = queue_take_memory(hw_queue, &base_pa);
	if (rc)
		goto err_unhold;

	rc = ops->hw_queue_init_phys(hw_queue, cmd->index, base_pa);
	if (rc)
		goto err_release_memory;
	return hw_queue;

err_release_memory:
	queue_release_memory(hw_queue);
err_unhold:
	iommufd_object_unhold(&viommu->obj);
err_discard:
	iommufd_object_discard(viommu->ictx, obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_hw_queue_alloc_ioctl() - IOMMU_HW_QUEUE_ALLOC
 * @ucmd: the ioctl
 *
 * Context: process context, sleeps.
 * Return: 0; -EOPNOTSUPP for an unknown flag, IOMMU_HW_QUEUE_TYPE_DEFAULT, or a
 * type that the vIOMMU's driver does not have; -EINVAL for an empty queue;
 * -EOVERFLOW where it ends beyond the address space; -ENOENT where there is no
 * such vIOMMU or not all of the memory is mapped; -EPERM where it is not mapped for
 * reading and writing; -EADDRINUSE where the IOAS has mappings that are not page aligned;
 * -EFAULT where the memory is not physically contiguous; else what the driver
 * says about index, size and alignment.
 */
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_hw_queue *hw_queue;
	struct iommufd_viommu *viommu;
	unsigned long last;
	int rc;

	if (cmd->flags || cmd->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->length)
		return -EINVAL;
	if (cmd->length > SIZE_MAX ||
	    check_add_overflow(cmd->nesting_parent_iova, cmd->length - 1,
			       &last))
		return -EOVERFLOW;

	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	hw_queue = hw_queue_new(viommu, cmd);
	if (IS_ERR(hw_queue)) {
		rc = PTR_ERR(hw_queue);
		goto out_put_viommu;
	}

	cmd->out_hw_queue_id = hw_queue->obj.id;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc)
		iommufd_object_abort(ucmd->ictx, &hw_queue->obj);
	else
		iommufd_object_publish(ucmd->ictx, &hw_queue->obj);

out_put_viommu:
	iommufd_viommu_put(viommu);
	return rc;
}
