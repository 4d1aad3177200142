// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an open /dev/iommu to block IO: what every userspace driver does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "iommufd_lib.h"
#include "pattern.h"
#include "procfs.h"
#include "report.h"
#include "story.h"
#include "uapi.h"

#define MAX_RANGES	16

/* The transfer that needs a PRP list: 64 KiB. */
#define LARGE_LBA	0x200
#define LARGE_BLOCKS	128U
/* The same at an offset within a page, ending within another. */
#define OFFSET_BLOCKS	19U
#define OFFSET		0xe00

static bool show_iova_ranges(struct story *s)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	__u32 count = MAX_RANGES;
	bool data_fits = false;
	__u64 alignment;
	int ret;

	ret = iommufd_iova_ranges(s->iommufd, s->nvme_ioas, ranges, &count,
				  &alignment);
	if (!check_call(ret, "IOAS %u offers %u IOVA ranges, alignment %llu",
			s->nvme_ioas, count, alignment))
		return false;
	for (__u32 i = 0; i < count; i++) {
		note("IOVA 0x%llx to 0x%llx", ranges[i].start, ranges[i].last);
		if (ranges[i].start <= DATA_IOVA &&
		    ranges[i].last >= NEVER_MAPPED_IOVA + DATA_SIZE)
			data_fits = true;
	}
	return check(data_fits, "they have room for what comes, from 0x%llx",
		     DATA_IOVA);
}

bool story_attach_nvme(struct story *s, const char *bdf)
{
	struct iommu_hw_info hw_info;
	__u16 vendor, device;
	__u32 hwpt;
	int ret;

	section("An NVMe controller, an iommufd, an IO address space");
	ret = iommufd_open(&s->iommufd);
	if (!check_call(ret, "open /dev/iommu"))
		return false;
	ret = vfio_cdev_open(&s->nvme_dev, bdf);
	if (!check_call(ret, "open %s, the device %s", s->nvme_dev.path,
			s->nvme_dev.bdf))
		return false;
	ret = vfio_cdev_bind(&s->nvme_dev, s->iommufd);
	if (!check_call(ret, "bind it to the iommufd: device ID %u",
			s->nvme_dev.devid))
		return false;
	ret = iommufd_hw_info(s->iommufd, s->nvme_dev.devid, &hw_info, NULL, 0);
	check_call(ret, "the IOMMU in front of it: %s, capabilities 0x%llx",
		   iommufd_hw_type_name(hw_info.out_data_type),
		   hw_info.out_capabilities);

	ret = iommufd_ioas_alloc(s->iommufd, &s->nvme_ioas);
	if (!check_call(ret, "allocate an IO address space: IOAS %u",
			s->nvme_ioas))
		return false;
	ret = vfio_cdev_attach(&s->nvme_dev, s->nvme_ioas, &hwpt);
	s->nvme_attached = !ret;
	if (!check_call(ret, "attach the device to it, by the page table HWPT %u",
			hwpt))
		return false;
	if (!show_iova_ranges(s))
		return false;

	ret = vfio_cdev_config_read16(&s->nvme_dev, PCI_VENDOR_ID, &vendor);
	if (!ret)
		ret = vfio_cdev_config_read16(&s->nvme_dev, PCI_DEVICE_ID,
					      &device);
	if (!check_call(ret, "read its IDs from config space"))
		return false;
	note("vendor 0x%04x, device 0x%04x", vendor, device);
	ret = vfio_cdev_enable(&s->nvme_dev);
	if (!check_call(ret, "let it be a bus master"))
		return false;
	ret = vfio_cdev_map_bar(&s->nvme_dev, 0, &s->nvme_bar);
	return check_call(ret, "map its registers, BAR 0: %zu KiB",
			  s->nvme_bar.size / 1024);
}

bool story_map_data(struct story *s)
{
	int ret = iommufd_map_at(s->iommufd, s->nvme_ioas, DATA_IOVA, s->data,
				 DATA_SIZE, DMA_READ_WRITE);

	return check_call(ret, "map the data buffer, %lu KiB, at IOVA 0x%llx",
			  DATA_SIZE / 1024, DATA_IOVA);
}

bool story_unmap_data(struct story *s)
{
	__u64 unmapped;
	int ret = iommufd_unmap(s->iommufd, s->nvme_ioas, DATA_IOVA, DATA_SIZE,
				&unmapped);

	return check(!ret && unmapped == DATA_SIZE,
		     "unmap the data buffer: %llu KiB", unmapped / 1024);
}

bool story_read_is_right(struct story *s)
{
	memset(s->data, POISON, PAGE_BLOCKS * SECTOR_SIZE);
	return !nvme_read(&s->nvme, PAGE_LBA, PAGE_BLOCKS, DATA_IOVA) &&
	       pattern_matches(s->data, PAGE_LBA, PAGE_BLOCKS);
}

/* Read @count blocks to @offset of the data buffer; nothing else may change. */
static bool check_read(struct story *s, const char *what, __u64 lba,
		       unsigned int count, size_t offset)
{
	size_t length = count * SECTOR_SIZE;
	int result;

	memset(s->data, POISON, DATA_SIZE);
	result = nvme_read(&s->nvme, lba, count, DATA_IOVA + offset);
	if (!check(!result, "read blocks 0x%llx to 0x%llx (%s): %s",
		   lba, lba + count - 1, what, nvme_result_text(result)))
		return false;
	return check(pattern_matches(s->data + offset, lba, count) &&
		     all_bytes_are(s->data, POISON, offset) &&
		     all_bytes_are(s->data + offset + length, POISON,
				   DATA_SIZE - offset - length),
		     "these are the bytes of the disk, %zu of them, and no byte besides",
		     length);
}

/* Write new content to @count blocks, see that it is there, write the old. */
static bool check_write(struct story *s, const char *what, __u64 lba,
			unsigned int count)
{
	size_t length = count * SECTOR_SIZE;
	__u8 *written = s->data;
	__u8 *read_back = s->data + DATA_SIZE / 2;
	int result;
	bool held;

	pattern_fill_inverted(written, lba, count);
	memset(read_back, POISON, length);
	result = nvme_write(&s->nvme, lba, count, DATA_IOVA);
	if (!result)
		result = nvme_read(&s->nvme, lba, count,
				   DATA_IOVA + DATA_SIZE / 2);
	held = check(!result && !memcmp(written, read_back, length),
		     "write blocks 0x%llx to 0x%llx (%s), read the same back: %s",
		     lba, lba + count - 1, what, nvme_result_text(result));

	pattern_fill(written, lba, count);
	memset(read_back, POISON, length);
	result = nvme_write(&s->nvme, lba, count, DATA_IOVA);
	if (!result)
		result = nvme_read(&s->nvme, lba, count,
				   DATA_IOVA + DATA_SIZE / 2);
	held &= check(!result && pattern_matches(read_back, lba, count),
		      "restore them: %s", nvme_result_text(result));
	return held;
}

static bool start_controller(struct story *s)
{
	struct nvme *nvme = &s->nvme;
	__u32 version;
	int ret, result;

	ret = nvme_init(nvme, s->nvme_bar.regs, s->nvme_bar.size, s->queues,
			s->queues_iova);
	version = nvme_version(nvme);
	if (!check_call(ret, "the controller speaks NVMe %u.%u.%u",
			version >> 16, (version >> 8) & 0xff, version & 0xff))
		return false;
	s->nvme_running = true;
	result = nvme_start(nvme);
	if (!check(!result, "reset it, enable it, identify it, make IO queues: %s",
		   nvme_result_text(result)))
		return false;
	note("model \"%s\", serial \"%s\", firmware \"%s\"", nvme->model,
	     nvme->serial, nvme->firmware);
	note("up to %zu KiB per command", nvme->max_transfer / 1024);
	return check(nvme->block_size == SECTOR_SIZE &&
		     nvme->block_count >= LARGE_LBA + LARGE_BLOCKS,
		     "namespace 1: %llu blocks of %u bytes, %llu MiB",
		     nvme->block_count, nvme->block_size,
		     nvme->block_count * nvme->block_size / MIB);
}

bool story_block_io(struct story *s)
{
	long pinned, expected;
	bool held;
	int ret;

	section("Block IO from a userspace driver");
	if (!story_map_data(s))
		return false;
	ret = iommufd_map(s->iommufd, s->nvme_ioas, &s->queues_iova, s->queues,
			  NVME_QUEUE_MEMORY, DMA_READ_WRITE);
	if (!check_call(ret, "map the queues, %u KiB, at an IOVA of the kernel's choice: 0x%llx",
			NVME_QUEUE_MEMORY / 1024, s->queues_iova))
		return false;
	pinned = vm_pinned_kib();
	expected = s->pinned_at_start + (DATA_SIZE + NVME_QUEUE_MEMORY) / 1024;
	check(pinned == expected, "the process is charged for them: VmPin %ld kB",
	      pinned);

	if (!start_controller(s))
		return false;
	held = check_read(s, "one page", PAGE_LBA, PAGE_BLOCKS, 0);
	held &= check_read(s, "a PRP list", LARGE_LBA, LARGE_BLOCKS, 0);
	held &= check_read(s, "a PRP list, unaligned", LARGE_LBA, OFFSET_BLOCKS,
			   OFFSET);
	/* Never write to a disk with content that cannot be restored. */
	held = held && check_write(s, "one page", PAGE_LBA, PAGE_BLOCKS) &&
	       check_write(s, "a PRP list", LARGE_LBA, LARGE_BLOCKS);
	check(!dmar_log_strays(&s->faults), "the IOMMU had nothing to complain about");
	return held;
}

const char *story_recover_nvme(struct story *s, int result)
{
	if (result >= 0 && nvme_is_healthy(&s->nvme))
		return "it needs no reset";
	if (!nvme_start(&s->nvme))
		return "a controller reset brings it back";
	if ((s->nvme_dev.flags & VFIO_DEVICE_FLAGS_RESET) &&
	    !vfio_cdev_reset(&s->nvme_dev) && !vfio_cdev_enable(&s->nvme_dev) &&
	    !nvme_start(&s->nvme))
		return "a reset of its PCI function brings it back";
	return NULL;
}
