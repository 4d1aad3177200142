// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second device with an address space of its own, on the same memory.
 */
#include <string.h>
#include <linux/pci_regs.h>

#include "iommufd_lib.h"
#include "pattern.h"
#include "procfs.h"
#include "report.h"
#include "story.h"
#include "uapi.h"

/* The parts of the data buffer: what NVMe reads to, what edu writes to. */
#define NVME_OFFSET	0
#define EDU_OFFSET	0x4000

/* In edu's own buffer. */
#define EDU_BUFFER	0x100
#define EDU_LENGTH	(2 * SECTOR_SIZE)

/* More than chance in common with a secret means that it leaked. */
#define SECRET_PIECE	16

static bool start_edu(struct story *s, const char *bdf)
{
	__u16 vendor = 0, device = 0;
	__u32 factorial = 0;
	int ret;

	ret = vfio_cdev_open(&s->edu_dev, bdf);
	if (!check_call(ret, "open %s, the device %s", s->edu_dev.path,
			s->edu_dev.bdf))
		return false;
	ret = vfio_cdev_bind(&s->edu_dev, s->iommufd);
	if (!check_call(ret, "bind it to the same iommufd: device ID %u",
			s->edu_dev.devid))
		return false;
	ret = vfio_cdev_config_read16(&s->edu_dev, PCI_VENDOR_ID, &vendor);
	if (!ret)
		ret = vfio_cdev_config_read16(&s->edu_dev, PCI_DEVICE_ID,
					      &device);
	if (!check(!ret && vendor == EDU_VENDOR_ID && device == EDU_DEVICE_ID,
		   "it is an edu device: vendor 0x%04x, device 0x%04x", vendor,
		   device))
		return false;
	ret = vfio_cdev_enable(&s->edu_dev);
	if (!ret)
		ret = vfio_cdev_map_bar(&s->edu_dev, 0, &s->edu_bar);
	if (!ret)
		ret = edu_init(&s->edu, s->edu_bar.regs, s->edu_bar.size);
	if (!check_call(ret, "map its registers; its ID is 0x%08x", s->edu.id))
		return false;
	check(edu_liveness(&s->edu, 0x12345678) == ~0x12345678U,
	      "it is alive");
	ret = edu_factorial(&s->edu, 10, &factorial);
	check(!ret && factorial == 3628800, "it computes 10! = %u", factorial);
	return true;
}

static bool copy_data(struct story *s)
{
	int ret = iommufd_copy_at(s->iommufd, s->edu_ioas, EDU_IOVA,
				  s->nvme_ioas, DATA_IOVA, DATA_SIZE,
				  DMA_READ_WRITE);

	return check_call(ret, "copy the mapping of the data buffer to IOAS %u, IOVA 0x%llx",
			  s->edu_ioas, EDU_IOVA);
}

/* The data buffer becomes visible to edu, at an IOVA that suits it. */
static bool share_data(struct story *s)
{
	long pinned = vm_pinned_kib(), pinned_after;
	__u32 hwpt;
	int ret;

	ret = iommufd_ioas_alloc(s->iommufd, &s->edu_ioas);
	if (!check_call(ret, "allocate a second IO address space: IOAS %u",
			s->edu_ioas))
		return false;
	if (!copy_data(s))
		return false;
	ret = vfio_cdev_attach(&s->edu_dev, s->edu_ioas, &hwpt);
	s->edu_attached = !ret;
	if (!check_call(ret, "attach edu to it, by the page table HWPT %u", hwpt))
		return false;
	pinned_after = vm_pinned_kib();
	return check(pinned_after == pinned,
		     "the memory is pinned only once: VmPin %ld kB before, %ld kB after",
		     pinned, pinned_after);
}

/* Disk -> NVMe -> memory -> edu -> memory. */
static void check_shared_memory(struct story *s)
{
	const unsigned int blocks = EDU_LENGTH / SECTOR_SIZE;
	int ret, result;

	memset(s->data, POISON, DATA_SIZE);
	result = nvme_read(&s->nvme, PAGE_LBA, blocks, DATA_IOVA + NVME_OFFSET);
	check(!result && pattern_matches(s->data + NVME_OFFSET, PAGE_LBA, blocks),
	      "NVMe reads %u blocks into the memory through IOAS %u: %s", blocks,
	      s->nvme_ioas, nvme_result_text(result));
	ret = edu_dma_from_memory(&s->edu, EDU_IOVA + NVME_OFFSET, EDU_BUFFER,
				  EDU_LENGTH);
	check_call(ret, "edu fetches these bytes through IOAS %u", s->edu_ioas);
	ret = edu_dma_to_memory(&s->edu, EDU_IOVA + EDU_OFFSET, EDU_BUFFER,
				EDU_LENGTH);
	check_call(ret, "edu stores them 0x%x bytes further on",
		   EDU_OFFSET - NVME_OFFSET);
	check(pattern_matches(s->data + EDU_OFFSET, PAGE_LBA, blocks) &&
	      all_bytes_are(s->data + NVME_OFFSET + EDU_LENGTH, POISON,
			    EDU_OFFSET - NVME_OFFSET - EDU_LENGTH) &&
	      all_bytes_are(s->data + EDU_OFFSET + EDU_LENGTH, POISON,
			    DATA_SIZE - EDU_OFFSET - EDU_LENGTH),
	      "there they are, %u bytes as on the disk, and no byte besides",
	      EDU_LENGTH);
}

static void expect_edu_fault(struct story *s, bool write, __u64 iova)
{
	dmar_log_expect(&s->faults, s->edu_dev.bdf, write, iova,
			iova + EDU_LENGTH - 1);
}

/* edu is asked to write to where it could write before. */
static void check_blocked_store(struct story *s, const char *why)
{
	const __u64 iova = EDU_IOVA + EDU_OFFSET;
	int ret;

	memset(s->data, POISON, DATA_SIZE);
	expect_edu_fault(s, true, iova);
	ret = edu_dma_to_memory(&s->edu, iova, EDU_BUFFER, EDU_LENGTH);
	check_call(ret, "edu tries to store to IOVA 0x%llx, %s", iova,
		   why);
	story_check_fault(s);
	check(all_bytes_are(s->data, POISON, DATA_SIZE),
	      "not one byte of the buffer changed");
}

/* Let edu store what it has in its buffer, to look at that. */
static bool edu_shows_buffer(struct story *s)
{
	memset(s->data, POISON, DATA_SIZE);
	return !edu_dma_to_memory(&s->edu, EDU_IOVA + EDU_OFFSET, EDU_BUFFER,
				  EDU_LENGTH);
}

/*
 * edu is asked to read what it could read before: a secret that is in memory
 * now. What it got instead shows when it may store again.
 */
static void check_blocked_fetch(struct story *s)
{
	const __u64 iova = EDU_IOVA + NVME_OFFSET;
	const unsigned int blocks = EDU_LENGTH / SECTOR_SIZE;
	const __u8 *stored = s->data + EDU_OFFSET;
	__u8 secret[EDU_LENGTH];
	size_t leaked = 0;
	int ret;

	pattern_fill_inverted(secret, PAGE_LBA, blocks);
	memcpy(s->data + NVME_OFFSET, secret, EDU_LENGTH);
	expect_edu_fault(s, false, iova);
	ret = edu_dma_from_memory(&s->edu, iova, EDU_BUFFER, EDU_LENGTH);
	check_call(ret, "edu tries to fetch a secret from IOVA 0x%llx, which is unmapped",
		   iova);
	story_check_fault(s);

	if (!copy_data(s))
		return;
	check(edu_shows_buffer(s) &&
	      !all_bytes_are(stored, POISON, EDU_LENGTH),
	      "edu stores what it has");
	for (size_t i = 0; i < EDU_LENGTH; i += SECRET_PIECE)
		leaked += !memcmp(stored + i, secret + i, SECRET_PIECE);
	check(!leaked, "none of it is the secret");
}

/* A detached device does no DMA, though the mapping in its IOAS stays. */
static void check_detached(struct story *s)
{
	__u32 hwpt;
	int ret;

	ret = vfio_cdev_detach(&s->edu_dev);
	s->edu_attached = ret;
	if (!check_call(ret, "detach edu from IOAS %u", s->edu_ioas))
		return;
	check_blocked_store(s, "while it is detached");

	ret = vfio_cdev_attach(&s->edu_dev, s->edu_ioas, &hwpt);
	s->edu_attached = !ret;
	if (!check_call(ret, "attach it again, by the page table HWPT %u", hwpt))
		return;
	check(edu_shows_buffer(s) &&
	      !all_bytes_are(s->data + EDU_OFFSET, POISON, EDU_LENGTH),
	      "now it does store there");
}

void story_two_devices(struct story *s, const char *edu_bdf)
{
	__u64 unmapped = 0;
	int ret;

	section("Two devices, two IO address spaces, one pinned memory");
	if (!start_edu(s, edu_bdf) || !share_data(s))
		return;
	check_shared_memory(s);

	ret = iommufd_unmap(s->iommufd, s->edu_ioas, EDU_IOVA, DATA_SIZE,
			    &unmapped);
	if (!check(!ret && unmapped == DATA_SIZE,
		   "unmap the copy from IOAS %u: %llu KiB", s->edu_ioas,
		   unmapped / 1024))
		return;
	check_blocked_store(s, "which was just unmapped");
	check(story_read_is_right(s),
	      "NVMe still reads into the memory, through IOAS %u", s->nvme_ioas);
	check_blocked_fetch(s);
	check_detached(s);
}
