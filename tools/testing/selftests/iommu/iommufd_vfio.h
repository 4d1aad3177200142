/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real devices: which of them VFIO has, and VFIO's ioctls on them, as functions
 * like those of iommufd_calls.h.
 */
#ifndef IOMMUFD_VFIO_H
#define IOMMUFD_VFIO_H

#include <dirent.h>
#include <limits.h>
#include <linux/vfio.h>

#include "iommufd_check.h"

#define VFIO_DRIVER "/sys/bus/pci/drivers/vfio-pci"
#define MTTY_DRIVER "/sys/bus/mdev/drivers/mtty"

/**
 * struct vfio_dev - a device that a VFIO driver has
 * @name: its name on its bus: a PCI address, a UUID
 * @node: its file below /dev/vfio/devices
 * @group: number of its IOMMU group
 * @noiommu: VFIO knows that there is no IOMMU
 * @file: that file, or -1
 * @id: the DEVICE object, once bound
 */
struct vfio_dev {
	char name[64];
	char node[64];
	int group;
	bool noiommu;
	int file;
	__u32 id;
};

static inline bool vfio_dev_look(const char *driver, const char *name,
				 struct vfio_dev *dev)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/vfio-dev", driver, name);
	dir = opendir(path);
	if (!dir)
		return false;
	dev->node[0] = 0;
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, "vfio"))
			snprintf(dev->node, sizeof(dev->node), "%.63s",
				 entry->d_name);
	closedir(dir);

	snprintf(path, sizeof(path), "%s/%s/iommu_group", driver, name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = 0;
	dev->group = atoi(strrchr(target, '/') + 1);
	dev->noiommu = !strncmp(dev->node, "noiommu-", 8);
	snprintf(dev->name, sizeof(dev->name), "%.63s", name);
	dev->file = -1;
	return dev->node[0];
}

/* How many of @driver's were found, @max at most */
static inline int vfio_find_of(const char *driver, struct vfio_dev *devs,
			       int max, bool noiommu)
{
	DIR *dir = opendir(driver);
	struct dirent *entry;
	int num = 0;

	if (!dir)
		return 0;
	while (num != max && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    vfio_dev_look(driver, entry->d_name, &devs[num]) &&
		    devs[num].noiommu == noiommu)
			num++;
	closedir(dir);
	return num;
}

static inline int vfio_find(struct vfio_dev *devs, int max, bool noiommu)
{
	return vfio_find_of(VFIO_DRIVER, devs, max, noiommu);
}

/* Two devices of one group */
static inline bool vfio_find_pair(struct vfio_dev pair[2])
{
	struct vfio_dev devs[16];
	int num = vfio_find(devs, ARRAY_SIZE(devs), false);
	int i, j;

	for (i = 0; i != num; i++) {
		for (j = i + 1; j != num; j++) {
			if (devs[i].group != devs[j].group)
				continue;
			pair[0] = devs[i];
			pair[1] = devs[j];
			return true;
		}
	}
	return false;
}

/* Where its interrupts are written to; devices cannot reach memory there */
static inline bool vfio_msi_window(const struct vfio_dev *dev,
				   struct iommu_iova_range *window)
{
	unsigned long long start, last;
	char path[PATH_MAX], type[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/kernel/iommu_groups/%d/reserved_regions", dev->group);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found &&
	       fscanf(file, "%llx %llx %31s", &start, &last, type) == 3)
		found = !strcmp(type, "msi");
	fclose(file);
	window->start = start;
	window->last = last;
	return found;
}

static inline int vfio_open(struct vfio_dev *dev)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", dev->node);
	dev->file = open(path, O_RDWR | O_CLOEXEC);
	return dev->file < 0 ? -errno : 0;
}

static inline int vfio_close(struct vfio_dev *dev)
{
	int rc = close(dev->file);

	dev->file = -1;
	return rc ? -errno : 0;
}

static inline int vfio_bind(struct vfio_dev *dev, int fd)
{
	struct vfio_device_bind_iommufd cmd = {
		.argsz = sizeof(cmd),
		.iommufd = fd,
	};
	int rc = iommu_call(dev->file, VFIO_DEVICE_BIND_IOMMUFD, &cmd);

	if (!rc)
		dev->id = cmd.out_devid;
	return rc;
}

/* @hwpt: if not NULL, which HWPT it is on then */
static inline int vfio_attach(const struct vfio_dev *dev, __u32 pt, __u32 *hwpt)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.pt_id = pt,
	};
	int rc = iommu_call(dev->file, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);

	if (hwpt)
		*hwpt = cmd.pt_id;
	return rc;
}

static inline int vfio_detach(const struct vfio_dev *dev)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = sizeof(cmd) };

	return iommu_call(dev->file, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

/* *@length: in: how far to look; out: how many bytes are contiguous */
static inline int ioas_get_pa(int fd, __u32 ioas, __u64 iova, __u64 *length,
			      __u64 *phys)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = *length,
	};
	int rc = iommu_call(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);

	*length = cmd.length;
	*phys = cmd.out_phys;
	return rc;
}

/* The same as a container, open as @fd */
static inline int container_map(int fd, const void *va, __u64 length,
				__u64 iova)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = to_u64(va),
		.iova = iova,
		.size = length,
	};

	return iommu_call(fd, VFIO_IOMMU_MAP_DMA, &cmd);
}

/* How much was unmapped, or -errno */
static inline long container_unmap(int fd, __u64 iova, __u64 length,
				   __u32 flags)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.flags = flags,
		.iova = iova,
		.size = length,
	};
	int rc = iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &cmd);

	return rc ? rc : (long)cmd.size;
}

static inline int group_open(const struct vfio_dev *dev)
{
	char path[PATH_MAX];
	int file;

	snprintf(path, sizeof(path), "/dev/vfio/%s%d",
		 dev->noiommu ? "noiommu-" : "", dev->group);
	file = open(path, O_RDWR | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

/*
 * Put the group of @dev into the container @fd, and open the device; -errno, or
 * its file. The group's file goes to *@group, which is -1 if there is none.
 */
static inline int container_enter(const struct vfio_dev *dev, int fd,
				  unsigned long type, int *group)
{
	int rc;

	*group = group_open(dev);
	if (*group < 0)
		return *group;
	rc = iommu_call(*group, VFIO_GROUP_SET_CONTAINER, &fd);
	if (rc)
		return rc;
	rc = iommu_call(fd, VFIO_SET_IOMMU, (void *)type);
	if (rc)
		return rc;
	return iommu_call(*group, VFIO_GROUP_GET_DEVICE_FD, (void *)dev->name);
}

/* Where a region of a device is in its file, and how large; 0: not there */
static inline __u64 vfio_region(int file, __u32 index, __u64 *size)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = index,
	};

	*size = iommu_call(file, VFIO_DEVICE_GET_REGION_INFO, &info) ?
		0 : info.size;
	return info.offset;
}

/* What an object made now would get: used up IDs are leaked objects */
static inline __u32 next_id(int fd)
{
	__u32 id = 0;

	if (!ioas_alloc(fd, &id))
		object_destroy(fd, id);
	return id;
}

/* May all of it be mapped, some of it, or nothing? */
enum allowed { ALLOWED_NONE, ALLOWED_SOME, ALLOWED_ALL, ALLOWED_UNKNOWN };

static inline enum allowed ranges_allow(const struct iommu_iova_range *ranges,
					__u32 num, __u64 start, __u64 last)
{
	enum allowed result = ALLOWED_NONE;
	__u32 i;

	for (i = 0; i != num; i++) {
		if (ranges[i].start <= start && ranges[i].last >= last)
			return ALLOWED_ALL;
		if (ranges[i].start <= last && ranges[i].last >= start)
			result = ALLOWED_SOME;
	}
	return result;
}

static inline enum allowed ioas_allows(int fd, __u32 ioas, __u64 start,
				       __u64 last)
{
	struct iommu_iova_range ranges[64];
	__u32 num = ARRAY_SIZE(ranges);
	__u64 alignment;

	if (ioas_ranges(fd, ioas, ranges, &num, &alignment))
		return ALLOWED_UNKNOWN;
	return ranges_allow(ranges, num, start, last);
}

#endif
