// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <uapi/linux/vfio.h>

#include "device.h"
#include "hw_pagetable.h"
#include "object.h"

/**
 * DOC: VFIO's container ioctls
 *
 * Old VFIO userspace knows one container, with one IOVA space that has no name.
 * This file gives a context such an IOAS and serves the container's ioctls on
 * it, the way VFIO's type1 code answers them; include/uapi/linux/vfio.h is the
 * contract. It stands beside the ioctls of the iommufd uAPI, uses the same
 * layers below, and owns nothing but iommufd_ctx::vfio_ioas: which IOAS it is,
 * under the xa_lock of iommufd_ctx::objects. No reference goes with it: the
 * object table forgets the IOAS when it is destroyed.
 *
 * Differences that type1's users can see:
 *
 *  - No VFIO_UPDATE_VADDR and no dirty page tracking, neither is offered.
 *  - A mapping that is cut by a version 1 unmap really is: type1 would unmap
 *    all of it, or nothing.
 *  - A version 2 unmap of part of a mapping is -ENOENT rather than -EINVAL.
 *  - Its module parameters are iommufd's, see Documentation/iommufd.
 *  - Memory is charged as IOMMU_OPTION_RLIMIT_MODE says, which is type1's way
 *    on /dev/vfio/vfio.
 */

/* Where type1 was told so, it goes on to count; a module takes no other's name */
#if IS_BUILTIN(CONFIG_IOMMUFD) && IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER)
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "vfio_iommu_type1."
module_param_named(allow_unsafe_interrupts, iommufd_allow_unsafe_interrupts,
		   bool, 0644);
#endif

/* The IOAS behind the container, with a short reference, or -ENODEV */
static struct iommufd_ioas *vfio_ioas_get(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	xa_lock(&ictx->objects);
	ioas = ictx->vfio_ioas;
	if (likely(ioas))
		iommufd_object_get_locked(ictx, &ioas->obj);
	else
		ioas = ERR_PTR(-ENODEV);
	xa_unlock(&ictx->objects);
	return ioas;
}

/**
 * iommufd_vfio_compat_ioas_get_id() - Which IOAS VFIO is to attach devices to
 * @ictx: the context behind the container
 * @out_ioas_id: its object ID
 *
 * Context: takes the xa_lock of iommufd_ctx::objects.
 * Return: 0, or -ENODEV if there is none.
 */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id)
{
	int ret = -ENODEV;

	xa_lock(&ictx->objects);
	if (ictx->vfio_ioas) {
		*out_ioas_id = ictx->vfio_ioas->obj.id;
		ret = 0;
	}
	xa_unlock(&ictx->objects);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_get_id, "IOMMUFD_VFIO");

/**
 * iommufd_vfio_compat_set_no_iommu() - Attach a no-IOMMU group to the container
 * @ictx: the context behind the container
 *
 * There is nothing to map then: no IOAS is made. Real groups and no-IOMMU
 * groups cannot share a container.
 *
 * Context: takes the xa_lock of iommufd_ctx::objects.
 * Return: 0, or -EINVAL if real groups use it already.
 */
int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ictx)
{
	int ret = -EINVAL;

	xa_lock(&ictx->objects);
	if (!ictx->vfio_ioas) {
		ictx->no_iommu_mode = 1;
		ret = 0;
	}
	xa_unlock(&ictx->objects);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_set_no_iommu, "IOMMUFD_VFIO");

/* 0: there is an IOAS; -ENOENT: one can be made; -EINVAL: not in this mode */
static int vfio_ioas_check_locked(struct iommufd_ctx *ictx)
{
	lockdep_assert_held(&ictx->objects.xa_lock);

	if (ictx->no_iommu_mode)
		return -EINVAL;
	return ictx->vfio_ioas ? 0 : -ENOENT;
}

/**
 * iommufd_vfio_compat_ioas_create() - Give the container its IOAS
 * @ictx: the context behind the container
 *
 * Takes what is there already, from an earlier call or from IOMMU_VFIO_IOAS.
 * An IOAS that is made here is an ordinary object, and stays until userspace
 * destroys it or the context closes.
 *
 * Context: may sleep, allocates.
 * Return: 0; -EINVAL if the container serves no-IOMMU groups; -ENOMEM.
 */
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;
	int ret;

	xa_lock(&ictx->objects);
	ret = vfio_ioas_check_locked(ictx);
	xa_unlock(&ictx->objects);
	if (ret != -ENOENT)
		return ret;

	ioas = iommufd_ioas_new(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	xa_lock(&ictx->objects);
	ret = vfio_ioas_check_locked(ictx);
	if (ret == -ENOENT) {
		/* In one step: nobody learns of an ID that is not there yet */
		iommufd_ioas_publish_locked(ictx, ioas);
		ictx->vfio_ioas = ioas;
	}
	xa_unlock(&ictx->objects);

	if (ret == -ENOENT)
		return 0;
	/* Somebody was faster */
	iommufd_object_abort(ictx, &ioas->obj);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_create, "IOMMUFD_VFIO");

static int vfio_ioas_set(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_ioas *ioas;
	int ret = -ENOENT;

	ioas = iommufd_ioas_get(ictx, id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	xa_lock(&ictx->objects);
	/* Whoever is destroying it has no second chance to forget it */
	if (iommufd_object_is_published(ictx, &ioas->obj)) {
		ictx->vfio_ioas = ioas;
		ret = 0;
	}
	xa_unlock(&ictx->objects);
	iommufd_ioas_put(ioas);
	return ret;
}

/**
 * iommufd_vfio_ioas() - IOMMU_VFIO_IOAS: which IOAS VFIO's ioctls act on
 * @ucmd: the call, struct iommu_vfio_ioas
 *
 * Context: may sleep.
 * Return: 0; -ENODEV on IOMMU_VFIO_IOAS_GET if there is none; -ENOENT on
 * IOMMU_VFIO_IOAS_SET if the ID is not that of an IOAS; -EOPNOTSUPP for an
 * unknown operation; -EFAULT.
 */
int iommufd_vfio_ioas(struct iommufd_ucmd *ucmd)
{
	struct iommu_vfio_ioas *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	int ret;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	switch (cmd->op) {
	case IOMMU_VFIO_IOAS_GET:
		ret = iommufd_vfio_compat_ioas_get_id(ictx, &cmd->ioas_id);
		if (ret)
			return ret;
		return iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	case IOMMU_VFIO_IOAS_SET:
		return vfio_ioas_set(ictx, cmd->ioas_id);
	case IOMMU_VFIO_IOAS_CLEAR:
		xa_lock(&ictx->objects);
		ictx->vfio_ioas = NULL;
		xa_unlock(&ictx->objects);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int vfio_map_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	struct vfio_iommu_type1_dma_map map;
	int prot = IOMMU_CACHE, ret;
	struct iommufd_ioas *ioas;
	unsigned long iova;

	if (iommufd_should_fail() || copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz ||
	    map.flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;

	if (overflows_type(map.iova, unsigned long) ||
	    overflows_type(map.vaddr, unsigned long) ||
	    overflows_type(map.size, unsigned long))
		return -EOVERFLOW;

	if (map.flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	if (!map.size || !map.flags)
		return -EINVAL;

	ioas = vfio_ioas_get(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	iova = map.iova;
	ret = iopgt_map_user(&ioas->iopt, &ictx->budget,
			     u64_to_user_ptr(map.vaddr), map.size, &iova, prot,
			     IOPGT_FIXED);
	iommufd_ioas_put(ioas);
	return ret;
}

/*
 * Version 1 may unmap any part of what it mapped. Having been cut at the ends
 * of the range, no mapping reaches over them.
 */
static int vfio_cut(struct io_pagetable *iopt, unsigned long iova,
		    unsigned long last)
{
	const unsigned long cuts[] = { iova, last + 1 };

	/* Nothing lies behind the end of the IOVA space */
	return iopgt_cut(iopt, cuts, last == ULONG_MAX ? 1 : 2);
}

static int vfio_unmap(struct iommufd_ioas *ioas,
		      const struct vfio_iommu_type1_dma_unmap *unmap,
		      unsigned long *unmapped)
{
	unsigned long last;
	int ret;

	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap->iova || unmap->size)
			return -EINVAL;
		return iopgt_unmap_all(&ioas->iopt, unmapped);
	}

	if (!unmap->size)
		return -EINVAL;
	if (overflows_type(unmap->iova, unsigned long) ||
	    overflows_type(unmap->size, unsigned long) ||
	    check_add_overflow((unsigned long)unmap->iova,
			       (unsigned long)unmap->size - 1, &last))
		return -EOVERFLOW;

	/* To VFIO, unmapping nothing is success; cutting a mapping is not */
	ret = iopgt_unmap_range(&ioas->iopt, unmap->iova, last, unmapped);
	/* ... but in version 1, see vfio_set_iommu() */
	if (likely(ret != -ENOENT) || iopgt_huge_pages(&ioas->iopt))
		return ret;
	ret = vfio_cut(&ioas->iopt, unmap->iova, last);
	if (ret)
		return ret;
	return iopgt_unmap_range(&ioas->iopt, unmap->iova, last, unmapped);
}

static int vfio_unmap_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap __user *uptr = arg;
	struct vfio_iommu_type1_dma_unmap unmap;
	unsigned long unmapped = 0;
	struct iommufd_ioas *ioas;
	int ret;

	if (iommufd_should_fail() || copy_from_user(&unmap, uptr, minsz))
		return -EFAULT;
	/*
	 * VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP is invalid while dirty pages are
	 * not tracked, which they never are, and VFIO_DMA_UNMAP_FLAG_VADDR
	 * takes the extension VFIO_UPDATE_VADDR.
	 */
	if (unmap.argsz < minsz || unmap.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;

	ioas = vfio_ioas_get(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	ret = vfio_unmap(ioas, &unmap, &unmapped);
	iommufd_ioas_put(ioas);
	if (ret)
		return ret;

	return put_user(unmapped, &uptr->size);
}

/* 1 if so, 0 if not, -EINTR */
static int vfio_ioas_enforces_coherency(struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;
	int ret = 1;

	if (mutex_lock_killable(&ioas->lock))
		return -EINTR;
	list_for_each_entry(hwpt, &ioas->hwpt_list, ioas_link)
		if (!hwpt->enforce_cache_coherency)
			ret = 0;
	mutex_unlock(&ioas->lock);
	return ret;
}

/* What the container answers depends on which groups it has: any, or which */
static int vfio_check_extension(struct iommufd_ctx *ictx, unsigned long type)
{
	struct iommufd_ioas *ioas;
	int ret;

	switch (type) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return !READ_ONCE(ictx->no_iommu_mode);

	case VFIO_NOIOMMU_IOMMU:
		return IS_ENABLED(CONFIG_VFIO_NOIOMMU) &&
		       !READ_ONCE(ictx->vfio_ioas);

	case VFIO_DMA_CC_IOMMU:
		ioas = vfio_ioas_get(ictx);
		if (IS_ERR(ioas))
			return 0;
		ret = vfio_ioas_enforces_coherency(ioas);
		iommufd_ioas_put(ioas);
		return ret;

	default:
		return 0;
	}
}

/*
 * Groups are attached already, VFIO has done it; what is chosen here is how
 * unmap works. Version 1 may cut mappings, which needs them mapped by small
 * pages: so that option of the IOAS tells the two apart later.
 */
static int vfio_set_iommu(struct iommufd_ctx *ictx, unsigned long type)
{
	struct iommufd_ioas *ioas;
	int ret = 0;

	switch (type) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
		ioas = vfio_ioas_get(ictx);
		if (IS_ERR(ioas))
			return PTR_ERR(ioas);
		if (type == VFIO_TYPE1_IOMMU)
			ret = iopgt_set_huge_pages(&ioas->iopt, false);
		iommufd_ioas_put(ioas);
		return ret;

	case VFIO_NOIOMMU_IOMMU:
		if (!READ_ONCE(ictx->no_iommu_mode))
			return -ENODEV;
		if (!capable(CAP_SYS_RAWIO))
			return -EPERM;
		return 0;

	default:
		return -EINVAL;
	}
}

/* Page sizes that every domain of the IOAS maps; see type1 for the low ones */
static int vfio_page_sizes(struct iommufd_ioas *ioas, __u64 *page_sizes)
{
	struct iommufd_hwpt_paging *hwpt;
	unsigned long sizes = ULONG_MAX;

	if (mutex_lock_killable(&ioas->lock))
		return -EINTR;
	list_for_each_entry(hwpt, &ioas->hwpt_list, ioas_link)
		sizes &= hwpt->common.domain->pgsize_bitmap;
	mutex_unlock(&ioas->lock);

	/* Smaller sizes mean that PAGE_SIZE can be mapped with them */
	if (sizes & ~PAGE_MASK)
		sizes = (sizes & PAGE_MASK) | PAGE_SIZE;
	*page_sizes = sizes;
	return 0;
}

/* One answer, two names */
static_assert(sizeof(struct vfio_iova_range) ==
	      sizeof(struct iommu_iova_range));
static_assert(offsetof(struct vfio_iova_range, start) ==
	      offsetof(struct iommu_iova_range, start));
static_assert(offsetof(struct vfio_iova_range, end) ==
	      offsetof(struct iommu_iova_range, last));

/*
 * The ranges for VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE: how many, of which up to
 * @max_ranges are stored. There are none as long as nothing limits the IOVAs, as
 * before a device is open: userspace that adds 1 to the end of what it is told
 * gets along with not being told, which is type1's answer then.
 */
static int vfio_known_ranges(struct io_pagetable *iopt,
			     struct iommu_iova_range *ranges, u32 max_ranges,
			     u32 *num_ranges)
{
	struct iommu_iova_range first = {};
	unsigned long alignment;
	int ret;

	if (!max_ranges) {
		ranges = &first;
		max_ranges = 1;
	}
	ret = iopgt_usable_ranges(iopt, ranges, max_ranges, num_ranges,
				  &alignment);
	if (!ret && *num_ranges == 1 && !ranges[0].start &&
	    ranges[0].last == ULONG_MAX)
		*num_ranges = 0;
	return ret;
}

/* Bytes of the chain that is to follow a struct vfio_iommu_type1_info */
static size_t vfio_caps_size(u32 num_ranges)
{
	size_t size = 0;

	if (num_ranges)
		size = struct_size_t(struct vfio_iommu_type1_info_cap_iova_range,
				     iova_ranges, num_ranges);
	return size_add(size, sizeof(struct vfio_iommu_type1_info_dma_avail));
}

/* Fill the chain in, but for the ranges, which it has already */
static void vfio_fill_caps(struct vfio_iommu_type1_info_cap_iova_range *iovas,
			   u32 num_ranges)
{
	struct vfio_iommu_type1_info_dma_avail *avail = (void *)iovas;

	if (num_ranges) {
		avail = (void *)&iovas->iova_ranges[num_ranges];
		iovas->header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
		iovas->header.version = 1;
		iovas->header.next = sizeof(struct vfio_iommu_type1_info) +
				     struct_size(iovas, iova_ranges, num_ranges);
		iovas->nr_iovas = num_ranges;
	}

	avail->header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	avail->header.version = 1;
	/* Memory is charged, the number of mappings is not limited */
	avail->avail = U32_MAX;
}

/*
 * The capability chain goes behind the structure, if it fits. If not, userspace
 * is told what size it needs, and comes again.
 */
static int vfio_info_caps(struct iommufd_ioas *ioas,
			  struct vfio_iommu_type1_info *info,
			  void __user *caps_uptr)
{
	struct io_pagetable *iopt = &ioas->iopt;
	u32 num_ranges;
	int ret;

	ret = vfio_known_ranges(iopt, NULL, 0, &num_ranges);
	if (ret)
		return ret;
	for (;;) {
		struct vfio_iommu_type1_info_cap_iova_range *iovas
			__free(kvfree) = NULL;
		struct iommu_iova_range *ranges;
		u32 max_ranges = num_ranges;
		size_t size = vfio_caps_size(num_ranges);

		if (size > U32_MAX - sizeof(*info))
			return -EOVERFLOW;
		if (info->argsz < sizeof(*info) + size) {
			info->argsz = sizeof(*info) + size;
			return 0;
		}

		iovas = kvzalloc(size, GFP_KERNEL_ACCOUNT);
		if (!iovas)
			return -ENOMEM;

		ranges = (struct iommu_iova_range *)iovas->iova_ranges;
		ret = vfio_known_ranges(iopt, ranges, max_ranges, &num_ranges);
		if (ret)
			return ret;
		/* A device that was attached since may have made more of them */
		if (num_ranges > max_ranges)
			continue;

		vfio_fill_caps(iovas, num_ranges);
		if (iommufd_should_fail() ||
		    copy_to_user(caps_uptr, iovas, vfio_caps_size(num_ranges)))
			return -EFAULT;
		info->cap_offset = sizeof(*info);
		return 0;
	}
}

static int vfio_get_info(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_iommu_type1_info info = {};
	struct iommufd_ioas *ioas;
	size_t user_size;
	int ret;

	if (iommufd_should_fail() || copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	/* Before capabilities, the structure ended with the page sizes */
	user_size = min_t(size_t, info.argsz, sizeof(info));

	ioas = vfio_ioas_get(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	ret = vfio_page_sizes(ioas, &info.iova_pgsizes);
	if (!ret)
		ret = vfio_info_caps(ioas, &info, arg + sizeof(info));
	iommufd_ioas_put(ioas);
	if (ret)
		return ret;

	if (iommufd_should_fail() || copy_to_user(arg, &info, user_size))
		return -EFAULT;
	return 0;
}

/**
 * iommufd_vfio_ioctl() - An ioctl of VFIO's container
 * @ictx: the context it was called on
 * @cmd: its number
 * @arg: its argument: a pointer, for some a number
 *
 * See include/uapi/linux/vfio.h. Each of its structures says how large it is:
 * too small is -EINVAL, what is behind the part that is known is ignored.
 *
 * Context: may sleep.
 * Return: 0, or what the ioctl says otherwise; -ENOTTY for one that the
 * container does not have, or that takes an extension which it does not have
 * (VFIO_IOMMU_DIRTY_PAGES); -ENODEV if it has no IOAS; -EINVAL, -EOVERFLOW for
 * bad arguments; -EFAULT; what mapping and unmapping return.
 */
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg)
{
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case VFIO_IOMMU_MAP_DMA:
		return vfio_map_dma(ictx, uptr);
	case VFIO_IOMMU_UNMAP_DMA:
		return vfio_unmap_dma(ictx, uptr);
	case VFIO_IOMMU_GET_INFO:
		return vfio_get_info(ictx, uptr);
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return vfio_check_extension(ictx, arg);
	case VFIO_SET_IOMMU:
		return vfio_set_iommu(ictx, arg);
	default:
		return -ENOTTY;
	}
}
