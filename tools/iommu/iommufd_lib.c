// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "iommufd_lib.h"
#include "uapi.h"

static const char *access_name(__u32 flags)
{
	switch (flags & DMA_READ_WRITE) {
	case DMA_READ_WRITE:
		return "RW";
	case DMA_READ:
		return "R";
	case DMA_WRITE:
		return "W";
	default:
		return "-";
	}
}

int iommufd_open(int *fd)
{
	*fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	return uapi_result(*fd, "open /dev/iommu");
}

int iommufd_ioas_alloc(int fd, __u32 *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret = ioctl(fd, IOMMU_IOAS_ALLOC, &alloc);

	*ioas = alloc.out_ioas_id;
	return uapi_result(ret, "IOMMU_IOAS_ALLOC -> ioas %u", *ioas);
}

int iommufd_iova_ranges(int fd, __u32 ioas, struct iommu_iova_range *ranges,
			__u32 *count, __u64 *alignment)
{
	struct iommu_ioas_iova_ranges query = {
		.size = sizeof(query),
		.ioas_id = ioas,
		.num_iovas = *count,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret = ioctl(fd, IOMMU_IOAS_IOVA_RANGES, &query);

	*count = query.num_iovas;
	*alignment = query.out_iova_alignment;
	return uapi_result(ret, "IOMMU_IOAS_IOVA_RANGES ioas %u -> %u ranges",
			   ioas, *count);
}

static int map(int fd, struct iommu_ioas_map *map)
{
	int ret = ioctl(fd, IOMMU_IOAS_MAP, map);

	return uapi_result(ret,
			   "IOMMU_IOAS_MAP ioas %u iova 0x%llx%s va 0x%llx length 0x%llx %s",
			   map->ioas_id, map->iova,
			   map->flags & IOMMU_IOAS_MAP_FIXED_IOVA ?
			   " (fixed)" : " (chosen)",
			   map->user_va, map->length, access_name(map->flags));
}

int iommufd_map_at(int fd, __u32 ioas, __u64 iova, void *va,
		   size_t length, enum dma_access access)
{
	struct iommu_ioas_map fixed = {
		.size = sizeof(fixed),
		.flags = access | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = iova,
	};

	return map(fd, &fixed);
}

int iommufd_map(int fd, __u32 ioas, __u64 *iova, void *va, size_t length,
		enum dma_access access)
{
	struct iommu_ioas_map chosen = {
		.size = sizeof(chosen),
		.flags = access,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
	};
	int ret = map(fd, &chosen);

	*iova = chosen.iova;
	return ret;
}

int iommufd_copy_at(int fd, __u32 dst_ioas, __u64 dst_iova,
		    __u32 src_ioas, __u64 src_iova, size_t length,
		    enum dma_access access)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = access | IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = dst_ioas,
		.src_ioas_id = src_ioas,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};
	int ret = ioctl(fd, IOMMU_IOAS_COPY, &copy);

	return uapi_result(ret,
			   "IOMMU_IOAS_COPY ioas %u iova 0x%llx from ioas %u iova 0x%llx length 0x%zx %s",
			   dst_ioas, dst_iova, src_ioas, src_iova, length,
			   access_name(access));
}

int iommufd_unmap(int fd, __u32 ioas, __u64 iova, __u64 length,
		  __u64 *unmapped)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};
	int ret = ioctl(fd, IOMMU_IOAS_UNMAP, &unmap);

	*unmapped = ret ? 0 : unmap.length;
	return uapi_result(ret,
			   "IOMMU_IOAS_UNMAP ioas %u iova 0x%llx length 0x%llx -> 0x%llx bytes",
			   ioas, iova, length, *unmapped);
}

int iommufd_destroy(int fd, __u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };
	int ret = ioctl(fd, IOMMU_DESTROY, &destroy);

	return uapi_result(ret, "IOMMU_DESTROY id %u", id);
}

int iommufd_hwpt_alloc(int fd, __u32 devid, __u32 pt_id, __u32 flags,
		       __u32 *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = flags,
		.dev_id = devid,
		.pt_id = pt_id,
	};
	int ret = ioctl(fd, IOMMU_HWPT_ALLOC, &alloc);

	*hwpt = alloc.out_hwpt_id;
	return uapi_result(ret, "IOMMU_HWPT_ALLOC dev %u on id %u flags 0x%x -> hwpt %u",
			   devid, pt_id, flags, *hwpt);
}

int iommufd_hw_info(int fd, __u32 devid, struct iommu_hw_info *info,
		    void *data, size_t size)
{
	int ret;

	*info = (struct iommu_hw_info){
		.size = sizeof(*info),
		.dev_id = devid,
		.data_len = size,
		.data_uptr = (uintptr_t)data,
	};
	ret = ioctl(fd, IOMMU_GET_HW_INFO, info);
	return uapi_result(ret, "IOMMU_GET_HW_INFO dev %u -> type %u capabilities 0x%llx",
			   devid, info->out_data_type, info->out_capabilities);
}

const char *iommufd_hw_type_name(__u32 type)
{
	switch (type) {
	case IOMMU_HW_INFO_TYPE_INTEL_VTD:
		return "Intel VT-d";
	case IOMMU_HW_INFO_TYPE_ARM_SMMUV3:
	case IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV:
		return "ARM SMMUv3";
	case IOMMU_HW_INFO_TYPE_AMD:
		return "AMD IOMMU";
	default:
		return "an IOMMU that does not tell its type";
	}
}
