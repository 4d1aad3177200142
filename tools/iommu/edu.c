// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>

#include "clock.h"
#include "edu.h"
#include "macros.h"
#include "mmio.h"
#include "report.h"
#include "uapi.h"

#define REG_ID			0x00
#define REG_LIVENESS		0x04
#define REG_FACTORIAL		0x08
#define REG_STATUS		0x20
#define REG_DMA_SOURCE		0x80
#define REG_DMA_DESTINATION	0x88
#define REG_DMA_COUNT		0x90
#define REG_DMA_COMMAND		0x98
#define REGS_END		0xa0

#define ID_MASK			0xffff
#define ID_VALUE		0x00ed

#define STATUS_COMPUTING	BIT(0)

#define DMA_START		BIT(0)	/* set while it runs */
#define DMA_TO_MEMORY		BIT(1)

#define BUFFER_START		0x40000
#define BUFFER_SIZE		4096

/* A DMA takes 100 ms of the device's time, whatever its length. */
/* Only a hang takes that long */
#define TIMEOUT_MS		180000

int edu_init(struct edu *edu, void *regs, size_t regs_size)
{
	if (regs_size < REGS_END)
		return uapi_fail(ENODEV, "%zu bytes are too few registers for edu",
				 regs_size);
	edu->regs = regs;
	edu->id = mmio_read32(regs, REG_ID);
	if ((edu->id & ID_MASK) != ID_VALUE)
		return uapi_fail(ENODEV, "ID register 0x%08x is not that of edu",
				 edu->id);
	return 0;
}

__u32 edu_liveness(struct edu *edu, __u32 value)
{
	mmio_write32(edu->regs, REG_LIVENESS, value);
	return mmio_read32(edu->regs, REG_LIVENESS);
}

static int wait_clear(struct edu *edu, size_t reg, __u32 bit)
{
	/* time: only a hang takes that long */
	__u64 deadline = deadline_in_ms(TIMEOUT_MS);

	while (mmio_read32(edu->regs, reg) & bit) {
		if (deadline_passed(deadline))
			return uapi_fail(ETIMEDOUT, "edu: register 0x%02zx not idle in %u ms",
					 reg, TIMEOUT_MS);
		/* time: looks again */
		sleep_ms(1);
	}
	return 0;
}

int edu_factorial(struct edu *edu, __u32 n, __u32 *factorial)
{
	int ret;

	mmio_write32(edu->regs, REG_FACTORIAL, n);
	ret = wait_clear(edu, REG_STATUS, STATUS_COMPUTING);
	*factorial = mmio_read32(edu->regs, REG_FACTORIAL);
	return ret;
}

static int dma(struct edu *edu, __u64 iova, size_t offset, size_t length,
	       bool to_memory)
{
	__u64 buffer = BUFFER_START + offset;
	int ret;

	if (iova > EDU_IOVA_LAST || length > EDU_IOVA_LAST - iova)
		return uapi_fail(ERANGE, "edu: IOVA 0x%llx needs more than 28 address lines",
				 iova);
	if (!length || offset >= BUFFER_SIZE || length >= BUFFER_SIZE - offset)
		return uapi_fail(EINVAL, "edu: %zu bytes at 0x%zx are outside of its buffer",
				 length, offset);

	ret = wait_clear(edu, REG_DMA_COMMAND, DMA_START);
	if (ret)
		return ret;
	mmio_write64(edu->regs, REG_DMA_SOURCE, to_memory ? buffer : iova);
	mmio_write64(edu->regs, REG_DMA_DESTINATION, to_memory ? iova : buffer);
	mmio_write64(edu->regs, REG_DMA_COUNT, length);
	dma_barrier();
	mmio_write64(edu->regs, REG_DMA_COMMAND,
		     DMA_START | (to_memory ? DMA_TO_MEMORY : 0));
	ret = wait_clear(edu, REG_DMA_COMMAND, DMA_START);
	dma_barrier();
	trace("edu: DMA %s memory, iova 0x%llx, buffer 0x%llx, %zu bytes: %s",
	      to_memory ? "to" : "from", iova,
	      buffer, length, ret ? "timeout" : "done");
	return ret;
}

int edu_dma_from_memory(struct edu *edu, __u64 iova, size_t offset,
			size_t length)
{
	return dma(edu, iova, offset, length, false);
}

int edu_dma_to_memory(struct edu *edu, __u64 iova, size_t offset,
		      size_t length)
{
	return dma(edu, iova, offset, length, true);
}
