/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's "edu" device: a PCI device with a DMA engine between memory and a 4 KiB
 * buffer of its own. Described in QEMU's docs/specs/edu.
 *
 * Functions return 0 or -errno, with the reason in uapi_error().
 */
#ifndef TOOLS_IOMMU_EDU_H
#define TOOLS_IOMMU_EDU_H

#include <stddef.h>
#include <linux/types.h>

#define EDU_VENDOR_ID	0x1234
#define EDU_DEVICE_ID	0x11e8

/* Its DMA engine drives 28 address lines, unless QEMU is told otherwise. */
#define EDU_IOVA_LAST	((1ULL << 28) - 1)

struct edu {
	void *regs;
	__u32 id;
};

/* -ENODEV if the registers are not those of an edu device. */
int edu_init(struct edu *edu, void *regs, size_t regs_size);

/* The device answers with all bits turned. */
__u32 edu_liveness(struct edu *edu, __u32 value);

int edu_factorial(struct edu *edu, __u32 n, __u32 *factorial);

/*
 * Move @length bytes between memory at @iova and the device's buffer at
 * @offset. The end of the buffer, @offset + @length, must stay below 4096:
 * some versions of QEMU end the whole machine over its very last byte. A DMA
 * that the IOMMU blocks is no error to the device.
 */
int edu_dma_from_memory(struct edu *edu, __u64 iova, size_t offset,
			size_t length);
int edu_dma_to_memory(struct edu *edu, __u64 iova, size_t offset,
		      size_t length);

#endif
