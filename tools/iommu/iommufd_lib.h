/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/iommu: one function per call that a userspace driver needs.
 *
 * Every function returns 0 or -errno, with the reason in uapi_error(). Sizes and
 * IOVAs are in bytes, and aligned to what iommufd_iova_ranges() says.
 */
#ifndef TOOLS_IOMMU_IOMMUFD_LIB_H
#define TOOLS_IOMMU_IOMMUFD_LIB_H

#include <stddef.h>
#include <linux/iommufd.h>

/* What a device may do with a mapping. */
enum dma_access {
	DMA_READ	= IOMMU_IOAS_MAP_READABLE,
	DMA_WRITE	= IOMMU_IOAS_MAP_WRITEABLE,
	DMA_READ_WRITE	= DMA_READ | DMA_WRITE,
};

/* Open /dev/iommu. Everything made through @fd goes away with its last close. */
int iommufd_open(int *fd);

/* A new, empty IO address space. */
int iommufd_ioas_alloc(int fd, __u32 *ioas);

/*
 * The IOVAs that @ioas offers with the devices that are attached now. On input
 * @count is the room in @ranges, on output the number of ranges; -EMSGSIZE when
 * they do not fit, with @count being the room that is needed.
 */
int iommufd_iova_ranges(int fd, __u32 ioas, struct iommu_iova_range *ranges,
			__u32 *count, __u64 *alignment);

/*
 * Pin @length bytes at @va and let devices in @ioas reach them at @iova. From
 * here to the unmap the pages stay where they are.
 */
int iommufd_map_at(int fd, __u32 ioas, __u64 iova, void *va,
		   size_t length, enum dma_access access);

/* The same at an IOVA that the kernel chooses and returns in @iova. */
int iommufd_map(int fd, __u32 ioas, __u64 *iova, void *va, size_t length,
		enum dma_access access);

/*
 * Give devices in @dst_ioas the memory that is mapped in @src_ioas at @src_iova.
 * The memory is not pinned a second time.
 */
int iommufd_copy_at(int fd, __u32 dst_ioas, __u64 dst_iova,
		    __u32 src_ioas, __u64 src_iova, size_t length,
		    enum dma_access access);

/*
 * Take back the whole mappings within @length bytes from @iova. Once this
 * returns no device reaches the memory. @unmapped: how many bytes that were.
 */
int iommufd_unmap(int fd, __u32 ioas, __u64 iova, __u64 length,
		  __u64 *unmapped);

/* Destroy an object that nothing uses; -EBUSY otherwise. */
int iommufd_destroy(int fd, __u32 id);

/*
 * A page table for device @devid on top of @pt_id (an IOAS, or a HWPT to nest
 * on), with @flags of enum iommufd_hwpt_alloc_flags. -EOPNOTSUPP if the IOMMU
 * cannot do what the flags ask for.
 */
int iommufd_hwpt_alloc(int fd, __u32 devid, __u32 pt_id, __u32 flags,
		       __u32 *hwpt);

/*
 * What IOMMU stands in front of device @devid. @data takes what is specific to
 * its type, up to @size bytes; it may be NULL.
 */
int iommufd_hw_info(int fd, __u32 devid, struct iommu_hw_info *info,
		    void *data, size_t size);

const char *iommufd_hw_type_name(__u32 type);

#endif
