// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "uapi.h"
#include "vfio_cdev.h"

/* "00:04.0" without its domain is in domain 0000. */
static int normalize_bdf(char *out, size_t size, const char *bdf)
{
	bool has_domain = strchr(bdf, ':') != strrchr(bdf, ':');
	unsigned int domain, bus, slot, function;
	char full[32];
	int end = 0;

	snprintf(full, sizeof(full), "%s%s", has_domain ? "" : "0000:", bdf);
	if (sscanf(full, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || full[end] || domain > 0xffff || bus > 0xff ||
	    slot > 0x1f || function > 7)
		return uapi_fail(EINVAL, "%s is no PCI address like 0000:00:04.0",
				 bdf);
	snprintf(out, size, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return 0;
}

/* A device of vfio-pci has one directory in sysfs: .../<bdf>/vfio-dev/vfioN. */
static int find_cdev(struct vfio_cdev *dev)
{
	struct dirent *entry;
	char dir_path[64];
	int found = 0;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "/sys/bus/pci/devices/%s/vfio-dev",
		 dev->bdf);
	dir = opendir(dir_path);
	if (!dir)
		return uapi_fail(ENODEV, "no %s: not bound to vfio-pci, or no VFIO_DEVICE_CDEV?",
				 dir_path);
	while (!found && (entry = readdir(dir))) {
		unsigned int number;

		if (sscanf(entry->d_name, "vfio%u", &number) != 1)
			continue;
		snprintf(dev->path, sizeof(dev->path), "/dev/vfio/devices/vfio%u",
			 number);
		found = 1;
	}
	closedir(dir);
	return found ? 0 : uapi_fail(ENODEV, "%s is empty", dir_path);
}

int vfio_cdev_open(struct vfio_cdev *dev, const char *bdf)
{
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->fd = -1;
	ret = normalize_bdf(dev->bdf, sizeof(dev->bdf), bdf);
	if (!ret)
		ret = find_cdev(dev);
	if (ret)
		return ret;
	dev->fd = open(dev->path, O_RDWR | O_CLOEXEC);
	return uapi_result(dev->fd, "open %s (%s)", dev->path, dev->bdf);
}

void vfio_cdev_close(struct vfio_cdev *dev)
{
	if (dev->fd < 0)
		return;
	uapi_result(close(dev->fd), "close %s (%s)", dev->path, dev->bdf);
	dev->fd = -1;
}

int vfio_cdev_region(struct vfio_cdev *dev, unsigned int index,
		     struct vfio_region_info *region)
{
	int ret;

	*region = (struct vfio_region_info){
		.argsz = sizeof(*region),
		.index = index,
	};
	ret = ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, region);
	return uapi_result(ret,
			   "VFIO_DEVICE_GET_REGION_INFO %s region %u -> size 0x%llx offset 0x%llx flags 0x%x",
			   dev->bdf, index, region->size, region->offset,
			   region->flags);
}

int vfio_cdev_irq(struct vfio_cdev *dev, unsigned int index,
		  struct vfio_irq_info *irq)
{
	int ret;

	*irq = (struct vfio_irq_info){ .argsz = sizeof(*irq), .index = index };
	ret = ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, irq);
	return uapi_result(ret, "VFIO_DEVICE_GET_IRQ_INFO %s index %u -> count %u flags 0x%x",
			   dev->bdf, index, irq->count, irq->flags);
}

int vfio_cdev_bind(struct vfio_cdev *dev, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret;

	ret = ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	ret = uapi_result(ret, "VFIO_DEVICE_BIND_IOMMUFD %s iommufd %d -> dev %u",
			  dev->bdf, iommufd, bind.out_devid);
	if (ret)
		return ret;
	dev->devid = bind.out_devid;

	ret = ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info);
	ret = uapi_result(ret, "VFIO_DEVICE_GET_INFO %s -> flags 0x%x, %u regions",
			  dev->bdf, info.flags, info.num_regions);
	if (ret)
		return ret;
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return uapi_fail(ENODEV, "%s is not a PCI device", dev->bdf);
	dev->flags = info.flags;
	dev->num_regions = info.num_regions;
	dev->num_irqs = info.num_irqs;
	return vfio_cdev_region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &dev->config);
}

int vfio_cdev_attach(struct vfio_cdev *dev, __u32 pt_id, __u32 *hwpt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};
	int ret = ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);

	*hwpt_id = attach.pt_id;
	return uapi_result(ret, "VFIO_DEVICE_ATTACH_IOMMUFD_PT %s id %u -> hwpt %u",
			   dev->bdf, pt_id, *hwpt_id);
}

int vfio_cdev_detach(struct vfio_cdev *dev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};
	int ret = ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);

	return uapi_result(ret, "VFIO_DEVICE_DETACH_IOMMUFD_PT %s", dev->bdf);
}

int vfio_cdev_map_bar(struct vfio_cdev *dev, unsigned int index,
		      struct vfio_bar *bar)
{
	struct vfio_region_info region;
	void *regs;
	int ret;

	ret = vfio_cdev_region(dev, VFIO_PCI_BAR0_REGION_INDEX + index, &region);
	if (ret)
		return ret;
	if (!region.size || !(region.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return uapi_fail(ENODEV, "BAR %u of %s cannot be mapped",
				 index, dev->bdf);
	regs = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    dev->fd, region.offset);
	ret = uapi_result(regs == MAP_FAILED ? -1 : 0, "mmap BAR %u of %s",
			  index, dev->bdf);
	if (ret)
		return ret;
	bar->regs = regs;
	bar->size = region.size;
	return 0;
}

void vfio_cdev_unmap_bar(struct vfio_bar *bar)
{
	if (bar->regs)
		munmap(bar->regs, bar->size);
	bar->regs = NULL;
}

int vfio_cdev_config_read16(struct vfio_cdev *dev, unsigned int offset,
			    __u16 *value)
{
	ssize_t ret = pread(dev->fd, value, sizeof(*value),
			    dev->config.offset + offset);

	return uapi_result(ret, "read config 0x%02x of %s -> 0x%04x", offset,
			   dev->bdf, *value);
}

int vfio_cdev_config_write16(struct vfio_cdev *dev, unsigned int offset,
			     __u16 value)
{
	ssize_t ret = pwrite(dev->fd, &value, sizeof(value),
			     dev->config.offset + offset);

	return uapi_result(ret, "write config 0x%02x of %s <- 0x%04x", offset,
			   dev->bdf, value);
}

int vfio_cdev_enable(struct vfio_cdev *dev)
{
	__u16 command;
	int ret;

	ret = vfio_cdev_config_read16(dev, PCI_COMMAND, &command);
	if (ret)
		return ret;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	return vfio_cdev_config_write16(dev, PCI_COMMAND, command);
}

int vfio_cdev_reset(struct vfio_cdev *dev)
{
	int ret = ioctl(dev->fd, VFIO_DEVICE_RESET);

	return uapi_result(ret, "VFIO_DEVICE_RESET %s", dev->bdf);
}
