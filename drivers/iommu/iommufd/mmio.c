// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Mapping driver MMIO into userspace
 *
 * An IOMMU driver registers a range of MMIO for an object of its own, gets an
 * mmap offset for it (iommufd_viommu_alloc_mmap()), and tells userspace. An
 * mmap() of exactly that offset and length maps it.
 *
 * Life time: a mapping holds the object that owns the range, through every copy
 * and split of it, so that object cannot be destroyed while it is mapped. A
 * range of an object that is not published is not mapped: its ioctl may still
 * fail, and then the object goes whoever has it.
 *
 * Locking: the tree's lock keeps a range registered, and thereby its owner's
 * memory, while the owner is looked up. It nests outside the object table's.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "iommufd_private.h"
#include "mmio.h"

static void mmio_vma_open(struct vm_area_struct *vma)
{
	struct iommufd_mmio *mmio = vma->vm_private_data;

	/* The VMA that this one is a copy or a part of holds it as well */
	refcount_inc(&mmio->owner->users);
}

static void mmio_vma_close(struct vm_area_struct *vma)
{
	struct iommufd_mmio *mmio = vma->vm_private_data;

	iommufd_object_unhold(mmio->owner);
}

static const struct vm_operations_struct mmio_vma_ops = {
	.open = mmio_vma_open,
	.close = mmio_vma_close,
};

/*
 * Find the range that is exactly what userspace asks for, and hold its owner.
 * -ENXIO where there is none.
 */
static struct iommufd_mmio *mmio_get(struct iommufd_ctx *ictx,
				     unsigned long first,
				     unsigned long num_pages)
{
	MA_STATE(mas, &ictx->mmio_tree, first, first);
	struct iommufd_object *obj = ERR_PTR(-ENOENT);
	struct iommufd_mmio *mmio;
	bool held = false;

	mas_lock(&mas);
	mmio = mas_walk(&mas);
	if (mmio && mmio->first == first && mmio->num_pages == num_pages)
		obj = iommufd_object_get(ictx, mmio->owner->id,
					 mmio->owner->type);
	if (!IS_ERR(obj)) {
		/* The ID of an owner on its way out may be another one's */
		held = obj == mmio->owner && !iommufd_object_hold(obj);
		iommufd_object_put(ictx, obj);
	}
	mas_unlock(&mas);
	return held ? mmio : ERR_PTR(-ENXIO);
}

/**
 * iommufd_fops_mmap() - mmap() of a context's file
 * @file: the file
 * @vma: the mapping to be made
 *
 * Context: process context, mmap_lock held for write.
 * Return: 0; -EINVAL for a private mapping; -EPERM for an executable one; -ENXIO
 * where no range has that offset and length; -EAGAIN or -ENOMEM from the page
 * tables.
 */
int iommufd_fops_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct iommufd_ctx *ictx = file->private_data;
	struct iommufd_mmio *mmio;
	int rc;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;

	mmio = mmio_get(ictx, vma->vm_pgoff, vma_pages(vma));
	if (IS_ERR(mmio))
		return PTR_ERR(mmio);

	vm_flags_mod(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP,
		     VM_MAYEXEC);
	/* Memory, which a mock device has for MMIO, has one caching mode only */
	if (!page_is_ram(PHYS_PFN(mmio->phys)))
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);

	rc = io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(mmio->phys),
				vma->vm_end - vma->vm_start,
				vma->vm_page_prot);
	if (rc) {
		iommufd_object_unhold(mmio->owner);
		return rc;
	}

	vma->vm_private_data = mmio;
	vma->vm_ops = &mmio_vma_ops;
	return 0;
}
