/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to device registers. PCI registers are little endian, and so are the
 * hosts that this runs on.
 */
#ifndef TOOLS_IOMMU_MMIO_H
#define TOOLS_IOMMU_MMIO_H

#include <stddef.h>
#include <linux/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the drivers here are written for little endian hosts"
#endif

/* Exactly one access, of exactly this size; for memory that a device writes too. */
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile typeof(x) *)&(x) = (value))

#define REGISTER(type, regs, offset)	(*(type *)((char *)(regs) + (offset)))

static inline __u32 mmio_read32(void *regs, size_t offset)
{
	return READ_ONCE(REGISTER(__u32, regs, offset));
}

static inline __u64 mmio_read64(void *regs, size_t offset)
{
	return READ_ONCE(REGISTER(__u64, regs, offset));
}

static inline void mmio_write32(void *regs, size_t offset, __u32 value)
{
	WRITE_ONCE(REGISTER(__u32, regs, offset), value);
}

static inline void mmio_write64(void *regs, size_t offset, __u64 value)
{
	WRITE_ONCE(REGISTER(__u64, regs, offset), value);
}

/* What was written to memory before is there for a device told of it after. */
static inline void dma_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
