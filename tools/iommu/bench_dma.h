/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IO address space with one device in it, through one of the kernel's two
 * APIs: /dev/iommu with VFIO's character device, or the VFIO container with the
 * device's group. The latter may be VFIO's own type1 code, or iommufd's
 * emulation of it.
 */
#ifndef TOOLS_IOMMU_BENCH_DMA_H
#define TOOLS_IOMMU_BENCH_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "vfio_cdev.h"

struct dma_space {
	bool is_open;
	int fd;				/* /dev/iommu or /dev/vfio/vfio */

	/* iommufd only */
	__u32 ioas;
	struct vfio_cdev device;

	/* container only */
	int group;
	int device_fd;
};

/*
 * All calls return 0 or -errno. open() has set uapi_error(); the others are
 * measured, and spend no time on texts. What an API does not have is NULL.
 */
struct dma_api {
	const char *name;
	/* A new, empty space, and the device @bdf in it. */
	int (*open)(struct dma_space *space, const char *bdf);
	/* Close everything, whether open() succeeded or not. */
	void (*close)(struct dma_space *space);
	int (*map)(struct dma_space *space, __u64 iova, void *va, size_t length);
	/* At an IOVA of the kernel's choice. */
	int (*map_anywhere)(struct dma_space *space, __u64 *iova, void *va,
			    size_t length);
	/* The first @length bytes of a memfd. */
	int (*map_file)(struct dma_space *space, __u64 iova, int fd,
			size_t length);
	/* -ENOENT if nothing was mapped there */
	int (*unmap)(struct dma_space *space, __u64 iova, size_t length);
};

extern const struct dma_api iommufd_api;
extern const struct dma_api container_api;

#endif
