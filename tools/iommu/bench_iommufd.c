// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "iommufd_lib.h"

static int open_space(struct dma_space *space, const char *bdf)
{
	__u32 hwpt;
	int ret;

	*space = (struct dma_space){ .is_open = true, .fd = -1, .device.fd = -1 };
	ret = iommufd_open(&space->fd);
	if (!ret)
		ret = vfio_cdev_open(&space->device, bdf);
	if (!ret)
		ret = vfio_cdev_bind(&space->device, space->fd);
	if (!ret)
		ret = iommufd_ioas_alloc(space->fd, &space->ioas);
	if (!ret)
		ret = vfio_cdev_attach(&space->device, space->ioas, &hwpt);
	return ret;
}

static void close_space(struct dma_space *space)
{
	if (!space->is_open)
		return;
	vfio_cdev_close(&space->device);
	close(space->fd);
	space->is_open = false;
}

static int map(struct dma_space *space, __u64 iova, void *va, size_t length)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = DMA_READ_WRITE | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = space->ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = iova,
	};

	return bench_ioctl(space->fd, IOMMU_IOAS_MAP, &map);
}

static int map_anywhere(struct dma_space *space, __u64 *iova, void *va,
			size_t length)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = DMA_READ_WRITE,
		.ioas_id = space->ioas,
		.user_va = (uintptr_t)va,
		.length = length,
	};
	int ret = bench_ioctl(space->fd, IOMMU_IOAS_MAP, &map);

	*iova = map.iova;
	return ret;
}

static int map_file(struct dma_space *space, __u64 iova, int fd, size_t length)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = DMA_READ_WRITE | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = space->ioas,
		.fd = fd,
		.length = length,
		.iova = iova,
	};

	return bench_ioctl(space->fd, IOMMU_IOAS_MAP_FILE, &map);
}

static int unmap(struct dma_space *space, __u64 iova, size_t length)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = space->ioas,
		.iova = iova,
		.length = length,
	};

	return bench_ioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap);
}

const struct dma_api iommufd_api = {
	.name = "iommufd",
	.open = open_space,
	.close = close_space,
	.map = map,
	.map_anywhere = map_anywhere,
	.map_file = map_file,
	.unmap = unmap,
};
