// SPDX-License-Identifier: GPL-2.0-only
/*
 * Section and figure names are those of the NVM Express Base Specification 1.4.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "macros.h"
#include "mmio.h"
#include "nvme.h"
#include "report.h"
#include "uapi.h"

/* Controller registers (3.1) */
#define REG_CAP			0x00
#define REG_VS			0x08
#define REG_CC			0x14
#define REG_CSTS		0x1c
#define REG_AQA			0x24
#define REG_ASQ			0x28
#define REG_ACQ			0x30
#define REG_DOORBELLS		0x1000

#define CAP_MAX_ENTRIES(cap)	(((cap) & 0xffff) + 1)
#define CAP_DOORBELL_STRIDE(cap) (4U << (((cap) >> 32) & 0xf))
#define CAP_HAS_NVM_COMMANDS(cap) ((cap) & BIT_ULL(37))
#define CAP_MIN_PAGE_SHIFT(cap)	(12 + (((cap) >> 48) & 0xf))

#define CC_ENABLE		BIT(0)
#define CC_COMMAND_SIZE_64	(6U << 16)	/* log2 */
#define CC_COMPLETION_SIZE_16	(4U << 20)	/* log2 */

#define CSTS_READY		BIT(0)
#define CSTS_FATAL		BIT(1)
#define CSTS_GONE		0xffffffffU	/* what a dead PCI device reads */

#define OP_ADMIN_CREATE_SQ	0x01
#define OP_ADMIN_CREATE_CQ	0x05
#define OP_ADMIN_IDENTIFY	0x06
#define OP_IO_WRITE		0x01
#define OP_IO_READ		0x02

#define IDENTIFY_NAMESPACE	0
#define IDENTIFY_CONTROLLER	1
#define NAMESPACE_ID		1

#define QUEUE_CONTIGUOUS	BIT(0)	/* in create queue */

#define QUEUE_ENTRIES		16U
#define ADMIN_QUEUE_ID		0
#define IO_QUEUE_ID		1
/* More than any controller asks for in CAP.TO */
#define TIMEOUT_MS		180000

#define PRP_LIST_ENTRIES	(NVME_PAGE_SIZE / sizeof(__u64))

/* Submission queue entry (4.2) */
struct nvme_command {
	__u8 opcode;
	__u8 flags;
	__u16 command_id;
	__u32 nsid;
	__u64 reserved;
	__u64 metadata;
	__u64 prp1;
	__u64 prp2;
	__u32 cdw10;
	__u32 cdw11;
	__u32 cdw12;
	__u32 cdw13;
	__u32 cdw14;
	__u32 cdw15;
};

/* Completion queue entry (4.6) */
struct nvme_completion {
	__u32 result;
	__u32 reserved;
	__u16 sq_head;
	__u16 sq_id;
	__u16 command_id;
	__u16 status;	/* bit 0 is the phase */
};

static_assert(sizeof(struct nvme_command) == 64, "NVMe command size");
static_assert(sizeof(struct nvme_completion) == 16, "NVMe completion size");

/* What each page of the queue memory is for. */
enum {
	PAGE_ADMIN_COMMANDS,
	PAGE_ADMIN_COMPLETIONS,
	PAGE_IO_COMMANDS,
	PAGE_IO_COMPLETIONS,
	PAGE_IDENTIFY,
	PAGE_PRP_LIST,
	PAGE_COUNT,
};

static_assert(PAGE_COUNT * NVME_PAGE_SIZE == NVME_QUEUE_MEMORY,
	      "one purpose for each page");

static void *page_address(struct nvme *nvme, unsigned int page)
{
	return nvme->memory + page * NVME_PAGE_SIZE;
}

static __u64 page_iova(struct nvme *nvme, unsigned int page)
{
	return nvme->memory_iova + page * NVME_PAGE_SIZE;
}

static void queue_init(struct nvme *nvme, struct nvme_queue *queue,
		       __u16 id, unsigned int command_page,
		       unsigned int completion_page)
{
	*queue = (struct nvme_queue){
		.id = id,
		.phase = 1,
		.commands = page_address(nvme, command_page),
		.commands_iova = page_iova(nvme, command_page),
		.completions = page_address(nvme, completion_page),
		.completions_iova = page_iova(nvme, completion_page),
	};
	memset(page_address(nvme, command_page), 0, NVME_PAGE_SIZE);
	memset(page_address(nvme, completion_page), 0, NVME_PAGE_SIZE);
}

/* Doorbells come in pairs per queue: submission tail, completion head (3.1.24). */
static void ring_doorbell(struct nvme *nvme, const struct nvme_queue *queue,
			  bool completion, __u16 value)
{
	unsigned int slot = 2 * queue->id + completion;

	dma_barrier();
	mmio_write32(nvme->regs, REG_DOORBELLS + slot * nvme->doorbell_stride,
		     value);
}

/*
 * An error status as a positive number: status code in bits 7:0, status code
 * type in bits 10:8.
 */
static int completion_result(__u16 status)
{
	return (status >> 1) & 0x7ff;
}

/*
 * Wait for the completion at the queue's head, and take it. Returns its result,
 * with the command that it is about in @answered_id.
 */
static int take_completion(struct nvme *nvme, struct nvme_queue *queue,
			   __u16 *answered_id)
{
	struct nvme_completion *entry = &queue->completions[queue->head];
	/* time: only a hang takes that long, or a completion that is lost */
	__u64 deadline = deadline_in_ms(nvme->timeout_ms);
	__u16 status;

	while (((status = READ_ONCE(entry->status)) & 1) != queue->phase) {
		if (mmio_read32(nvme->regs, REG_CSTS) & CSTS_FATAL)
			return -EIO;
		if (deadline_passed(deadline))
			return -ETIMEDOUT;
		poll_pause();
	}
	dma_barrier();
	*answered_id = entry->command_id;

	if (++queue->head == QUEUE_ENTRIES) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	ring_doorbell(nvme, queue, true, queue->head);
	return completion_result(status);
}

static void put_command(struct nvme *nvme, struct nvme_queue *queue,
			struct nvme_command *command)
{
	command->command_id = nvme->next_command_id++;
	queue->commands[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % QUEUE_ENTRIES;
}

static int run_command(struct nvme *nvme, struct nvme_queue *queue,
		       struct nvme_command *command)
{
	__u16 answered_id;
	int result;

	put_command(nvme, queue, command);
	ring_doorbell(nvme, queue, false, queue->tail);

	result = take_completion(nvme, queue, &answered_id);
	/* One command at a time: there is only one that it can be about. */
	if (result >= 0 && answered_id != command->command_id)
		return -EPROTO;
	trace("nvme: queue %u opcode 0x%02x prp1 0x%llx prp2 0x%llx: %s",
	      queue->id, command->opcode, command->prp1,
	      command->prp2, nvme_result_text(result));
	return result;
}

static int wait_ready(struct nvme *nvme, bool ready)
{
	/* time: only a hang takes that long */
	__u64 deadline = deadline_in_ms(nvme->timeout_ms);
	__u32 csts;

	for (;;) {
		csts = mmio_read32(nvme->regs, REG_CSTS);
		if (csts == CSTS_GONE)
			return -ENODEV;
		if (!!(csts & CSTS_READY) == ready)
			return 0;
		/* While disabling, an old fatal error is of no interest. */
		if (ready && (csts & CSTS_FATAL))
			return -EIO;
		if (deadline_passed(deadline))
			return -ETIMEDOUT;
		poll_pause();
	}
}

int nvme_stop(struct nvme *nvme)
{
	mmio_write32(nvme->regs, REG_CC, 0);
	return wait_ready(nvme, false);
}

static int enable(struct nvme *nvme)
{
	const __u32 last_entry = QUEUE_ENTRIES - 1;

	queue_init(nvme, &nvme->admin, ADMIN_QUEUE_ID, PAGE_ADMIN_COMMANDS,
		   PAGE_ADMIN_COMPLETIONS);
	queue_init(nvme, &nvme->io, IO_QUEUE_ID, PAGE_IO_COMMANDS,
		   PAGE_IO_COMPLETIONS);

	mmio_write32(nvme->regs, REG_AQA, last_entry << 16 | last_entry);
	mmio_write64(nvme->regs, REG_ASQ, nvme->admin.commands_iova);
	mmio_write64(nvme->regs, REG_ACQ, nvme->admin.completions_iova);
	dma_barrier();
	mmio_write32(nvme->regs, REG_CC, CC_ENABLE | CC_COMMAND_SIZE_64 |
		     CC_COMPLETION_SIZE_16);
	return wait_ready(nvme, true);
}

static int identify(struct nvme *nvme, unsigned int what)
{
	struct nvme_command command = {
		.opcode = OP_ADMIN_IDENTIFY,
		.nsid = what == IDENTIFY_NAMESPACE ? NAMESPACE_ID : 0,
		.prp1 = page_iova(nvme, PAGE_IDENTIFY),
		.cdw10 = what,
	};

	memset(page_address(nvme, PAGE_IDENTIFY), 0, NVME_PAGE_SIZE);
	return run_command(nvme, &nvme->admin, &command);
}

int nvme_identify_at(struct nvme *nvme, __u64 iova)
{
	struct nvme_command command = {
		.opcode = OP_ADMIN_IDENTIFY,
		.prp1 = iova,
		.cdw10 = IDENTIFY_CONTROLLER,
	};

	return run_command(nvme, &nvme->admin, &command);
}

/* The strings of identify are padded with spaces. */
static void copy_padded(char *out, const __u8 *in, size_t size)
{
	memcpy(out, in, size);
	while (size && (out[size - 1] == ' ' || !out[size - 1]))
		size--;
	out[size] = '\0';
}

static int identify_controller(struct nvme *nvme)
{
	const __u8 *data = page_address(nvme, PAGE_IDENTIFY);
	int result = identify(nvme, IDENTIFY_CONTROLLER);
	__u8 mdts;

	if (result)
		return result;
	copy_padded(nvme->serial, data + 4, 20);
	copy_padded(nvme->model, data + 24, 40);
	copy_padded(nvme->firmware, data + 64, 8);

	/* One PRP list of one page limits us; the controller may limit more. */
	nvme->max_transfer = PRP_LIST_ENTRIES * NVME_PAGE_SIZE;
	mdts = data[77];
	if (mdts && mdts < 9)
		nvme->max_transfer = (size_t)NVME_PAGE_SIZE << mdts;
	return 0;
}

static int identify_namespace(struct nvme *nvme)
{
	const __u8 *data = page_address(nvme, PAGE_IDENTIFY);
	int result = identify(nvme, IDENTIFY_NAMESPACE);
	__u32 format;

	if (result)
		return result;
	memcpy(&nvme->block_count, data, sizeof(nvme->block_count));
	/* FLBAS names one of the LBA formats; bits 23:16 are log2 of the size. */
	memcpy(&format, data + 128 + 4 * (data[26] & 0xf), sizeof(format));
	nvme->block_size = 1U << ((format >> 16) & 0xff);
	return 0;
}

static int create_io_queues(struct nvme *nvme)
{
	struct nvme_command completion_queue = {
		.opcode = OP_ADMIN_CREATE_CQ,
		.prp1 = nvme->io.completions_iova,
		.cdw10 = (QUEUE_ENTRIES - 1) << 16 | IO_QUEUE_ID,
		.cdw11 = QUEUE_CONTIGUOUS,	/* no interrupts: we poll */
	};
	struct nvme_command submission_queue = {
		.opcode = OP_ADMIN_CREATE_SQ,
		.prp1 = nvme->io.commands_iova,
		.cdw10 = (QUEUE_ENTRIES - 1) << 16 | IO_QUEUE_ID,
		.cdw11 = IO_QUEUE_ID << 16 | QUEUE_CONTIGUOUS,
	};
	int result = run_command(nvme, &nvme->admin, &completion_queue);

	if (!result)
		result = run_command(nvme, &nvme->admin, &submission_queue);
	return result;
}

int nvme_init(struct nvme *nvme, void *regs, size_t regs_size,
	      void *memory, __u64 memory_iova)
{
	memset(nvme, 0, sizeof(*nvme));
	nvme->regs = regs;
	nvme->memory = memory;
	nvme->memory_iova = memory_iova;
	nvme->cap = mmio_read64(regs, REG_CAP);
	nvme->doorbell_stride = CAP_DOORBELL_STRIDE(nvme->cap);
	nvme->timeout_ms = TIMEOUT_MS;

	if (!CAP_HAS_NVM_COMMANDS(nvme->cap) ||
	    CAP_MIN_PAGE_SHIFT(nvme->cap) != 12 ||
	    CAP_MAX_ENTRIES(nvme->cap) < QUEUE_ENTRIES)
		return uapi_fail(ENODEV, "CAP 0x%llx: no NVM commands or no 4 KiB pages",
				 nvme->cap);
	if (regs_size < REG_DOORBELLS + 4 * nvme->doorbell_stride)
		return uapi_fail(ENODEV, "%zu bytes of registers have no room for the doorbells",
				 regs_size);
	return 0;
}

__u32 nvme_version(struct nvme *nvme)
{
	return mmio_read32(nvme->regs, REG_VS);
}

int nvme_start(struct nvme *nvme)
{
	int result = nvme_stop(nvme);

	if (!result)
		result = enable(nvme);
	if (!result)
		result = identify_controller(nvme);
	if (!result)
		result = identify_namespace(nvme);
	if (!result)
		result = create_io_queues(nvme);
	return result;
}

bool nvme_is_healthy(struct nvme *nvme)
{
	__u32 csts = mmio_read32(nvme->regs, REG_CSTS);

	return csts != CSTS_GONE && (csts & CSTS_READY) && !(csts & CSTS_FATAL);
}

/*
 * Describe a transfer by PRPs (4.3): one page each, only the first with an
 * offset. More than two of them go through a list.
 */
static void set_prps(struct nvme *nvme, struct nvme_command *command,
		     __u64 iova, size_t length)
{
	__u64 *list = page_address(nvme, PAGE_PRP_LIST);
	__u64 second = (iova & ~(NVME_PAGE_SIZE - 1ULL)) + NVME_PAGE_SIZE;
	__u64 end = iova + length;

	command->prp1 = iova;
	if (end <= second) {
		command->prp2 = 0;
	} else if (end <= second + NVME_PAGE_SIZE) {
		command->prp2 = second;
	} else {
		command->prp2 = page_iova(nvme, PAGE_PRP_LIST);
		for (__u64 page = second; page < end; page += NVME_PAGE_SIZE)
			*list++ = page;
	}
}

static int transfer(struct nvme *nvme, __u8 opcode, __u64 lba,
		    unsigned int count, __u64 iova)
{
	size_t length = (size_t)count * nvme->block_size;
	struct nvme_command command = {
		.opcode = opcode,
		.nsid = NAMESPACE_ID,
		.cdw10 = (__u32)lba,
		.cdw11 = (__u32)(lba >> 32),
		.cdw12 = count - 1,
	};

	if (!count || length > nvme->max_transfer || (iova & 3))
		return -EINVAL;
	set_prps(nvme, &command, iova, length);
	return run_command(nvme, &nvme->io, &command);
}

int nvme_read(struct nvme *nvme, __u64 lba, unsigned int count,
	      __u64 iova)
{
	return transfer(nvme, OP_IO_READ, lba, count, iova);
}

int nvme_write(struct nvme *nvme, __u64 lba, unsigned int count,
	       __u64 iova)
{
	return transfer(nvme, OP_IO_WRITE, lba, count, iova);
}

int nvme_read_pages(struct nvme *nvme, __u64 lba, const __u64 *iovas,
		    unsigned int num)
{
	struct nvme_command command = {
		.opcode = OP_IO_READ,
		.nsid = NAMESPACE_ID,
		.cdw10 = (__u32)lba,
		.cdw11 = (__u32)(lba >> 32),
		.cdw12 = NVME_PAGE_SIZE / nvme->block_size - 1,
	};
	__u16 answered_id;
	int result = 0;

	if (num >= QUEUE_ENTRIES)
		return -EINVAL;
	for (unsigned int i = 0; i != num; i++) {
		command.prp1 = iovas[i];
		put_command(nvme, &nvme->io, &command);
	}
	ring_doorbell(nvme, &nvme->io, false, nvme->io.tail);
	for (unsigned int i = 0; i != num && result >= 0; i++)
		result = take_completion(nvme, &nvme->io, &answered_id);
	return result;
}

const char *nvme_result_text(int result)
{
	static char text[80];
	unsigned int type = result >> 8, code = result & 0xff;

	switch (result) {
	case 0:
		return "success";
	case -EIO:
		return "the controller stopped with a fatal error (CSTS.CFS)";
	case -ETIMEDOUT:
		return "no answer in time";
	case -ENODEV:
		return "the controller does not answer register reads";
	case -EPROTO:
		return "a completion for a command that was never given";
	case 0x04:
		return "status \"Data Transfer Error\" (type 0, code 0x04)";
	case 0x06:
		return "status \"Internal Error\" (type 0, code 0x06)";
	}
	if (result < 0)
		snprintf(text, sizeof(text), "%s", strerror(-result));
	else
		snprintf(text, sizeof(text), "status type %u, code 0x%02x",
			 type, code);
	return text;
}
