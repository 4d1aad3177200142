/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI device through VFIO's character device, /dev/vfio/devices/vfioN. The
 * device must be bound to vfio-pci.
 *
 * The order is open, bind (to an iommufd), attach (to an IOAS or HWPT); nothing
 * of the device is accessible before it is bound. Every function returns 0 or
 * -errno, with the reason in uapi_error().
 */
#ifndef TOOLS_IOMMU_VFIO_CDEV_H
#define TOOLS_IOMMU_VFIO_CDEV_H

#include <stddef.h>
#include <linux/vfio.h>

struct vfio_cdev {
	int fd;
	char bdf[sizeof("0000:00:00.0")];
	char path[40];
	__u32 devid;		/* names the device in IOMMUFD calls */
	__u32 flags;		/* VFIO_DEVICE_FLAGS_* */
	__u32 num_regions;
	__u32 num_irqs;
	struct vfio_region_info config;
};

/* The memory mapped registers of a device. */
struct vfio_bar {
	void *regs;
	size_t size;
};

/* @bdf as "0000:00:04.0" or "00:04.0". */
int vfio_cdev_open(struct vfio_cdev *dev, const char *bdf);

/* Closing unbinds, and detaches if need be. */
void vfio_cdev_close(struct vfio_cdev *dev);

/* Bind to an iommufd; afterwards @dev->devid is valid. */
int vfio_cdev_bind(struct vfio_cdev *dev, int iommufd);

/* Let the device do its DMA in IOAS (or HWPT) @pt_id; @hwpt_id is what it got. */
int vfio_cdev_attach(struct vfio_cdev *dev, __u32 pt_id, __u32 *hwpt_id);

/* From here on all DMA of the device is blocked. */
int vfio_cdev_detach(struct vfio_cdev *dev);

/* Size and abilities of region @index: a BAR, the ROM, config space. */
int vfio_cdev_region(struct vfio_cdev *dev, unsigned int index,
		     struct vfio_region_info *region);

/* The same of a kind of interrupts: VFIO_PCI_*_IRQ_INDEX. */
int vfio_cdev_irq(struct vfio_cdev *dev, unsigned int index,
		  struct vfio_irq_info *irq);

int vfio_cdev_map_bar(struct vfio_cdev *dev, unsigned int index,
		      struct vfio_bar *bar);
void vfio_cdev_unmap_bar(struct vfio_bar *bar);

int vfio_cdev_config_read16(struct vfio_cdev *dev, unsigned int offset,
			    __u16 *value);
int vfio_cdev_config_write16(struct vfio_cdev *dev, unsigned int offset,
			     __u16 value);

/* Let the device answer at its BARs, and be a bus master: that is, do DMA. */
int vfio_cdev_enable(struct vfio_cdev *dev);

/* Reset the function; only for devices with VFIO_DEVICE_FLAGS_RESET. */
int vfio_cdev_reset(struct vfio_cdev *dev);

#endif
