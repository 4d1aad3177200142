// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "uapi.h"

/* The number of the device's IOMMU group is the last part of a symlink. */
static int open_group(const char *bdf)
{
	char path[64], target[128];
	const char *number;
	ssize_t length;
	int group, ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	length = readlink(path, target, sizeof(target) - 1);
	ret = uapi_result(length, "readlink %s", path);
	if (ret)
		return ret;
	target[length] = '\0';
	number = strrchr(target, '/');
	snprintf(path, sizeof(path), "/dev/vfio/%.16s", number ? number + 1 : target);
	group = open(path, O_RDWR | O_CLOEXEC);
	return uapi_result(group, "open %s", path) ?: group;
}

static int open_space(struct dma_space *space, const char *bdf)
{
	int ret;

	*space = (struct dma_space){
		.is_open = true, .fd = -1, .group = -1, .device_fd = -1,
	};
	space->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	ret = uapi_result(space->fd, "open /dev/vfio/vfio");
	if (ret)
		return ret;
	space->group = open_group(bdf);
	if (space->group < 0)
		return space->group;
	ret = uapi_result(ioctl(space->group, VFIO_GROUP_SET_CONTAINER,
				&space->fd), "VFIO_GROUP_SET_CONTAINER");
	if (ret)
		return ret;
	ret = uapi_result(ioctl(space->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU),
			  "VFIO_SET_IOMMU type1 v2");
	if (ret)
		return ret;
	space->device_fd = ioctl(space->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return uapi_result(space->device_fd, "VFIO_GROUP_GET_DEVICE_FD %s", bdf);
}

static void close_space(struct dma_space *space)
{
	if (!space->is_open)
		return;
	if (space->device_fd >= 0)
		close(space->device_fd);
	if (space->group >= 0)
		close(space->group);
	if (space->fd >= 0)
		close(space->fd);
	space->is_open = false;
}

static int map(struct dma_space *space, __u64 iova, void *va, size_t length)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = length,
	};

	return bench_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int unmap(struct dma_space *space, __u64 iova, size_t length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};
	int ret = bench_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return !ret && !unmap.size ? -ENOENT : ret;
}

const struct dma_api container_api = {
	.name = "container",
	.open = open_space,
	.close = close_space,
	.map = map,
	.unmap = unmap,
};
