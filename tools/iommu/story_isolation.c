// SPDX-License-Identifier: GPL-2.0-only
/*
 * The point of an IOMMU: a device reaches what was mapped to it, and only in the
 * way it was mapped.
 */
#include <string.h>

#include "iommufd_lib.h"
#include "pattern.h"
#include "report.h"
#include "story.h"
#include "uapi.h"

void story_check_fault(struct story *s)
{
	struct dmar_log *log = &s->faults;
	const char *direction = log->write ? "write" : "read";

	switch (dmar_log_await(log)) {
	case DMAR_FAULT_LOGGED:
		check(true, "the IOMMU reports it: %s of %s at 0x%llx",
		      direction, log->fault.bdf,
		      log->fault.address);
		note("%s", log->fault.text);
		break;
	case DMAR_FAULT_COUNTED:
		check(!log->want_lines,
		      "the IOMMU reports it: its fault interrupt came");
		note("the kernel's rate limit suppressed the line in the log");
		break;
	case DMAR_NO_FAULT:
		check(false, "the IOMMU reports a %s of %s at 0x%llx", direction,
		      log->bdf, log->first);
		break;
	}
}

/*
 * Ask the controller to read blocks from the disk into @iova, where it must not
 * write. All of the data buffer must stay as it is.
 */
static void check_blocked_read(struct story *s, const char *what, __u64 iova)
{
	int result;

	memset(s->data, POISON, DATA_SIZE);
	dmar_log_expect(&s->faults, s->nvme_dev.bdf, true, iova,
			iova + PAGE_BLOCKS * SECTOR_SIZE - 1);
	result = nvme_read(&s->nvme, PAGE_LBA, PAGE_BLOCKS, iova);
	note("NVMe read into IOVA 0x%llx, %s", iova, what);
	/* PCI memory writes are posted: a device may well never learn. */
	note("the controller says: %s", nvme_result_text(result));
	story_check_fault(s);
	check(all_bytes_are(s->data, POISON, DATA_SIZE),
	      "not one byte of the buffer changed");
	note("the controller: %s", story_recover_nvme(s, result) ?: "cannot be brought back");
}

static void check_still_works(struct story *s)
{
	check(story_read_is_right(s), "the controller still reads where it may");
}

static void check_unmapped(struct story *s)
{
	if (!story_unmap_data(s))
		return;
	check_blocked_read(s, "which was just unmapped", DATA_IOVA);
	if (story_map_data(s))
		check_still_works(s);
}

static void check_never_mapped(struct story *s)
{
	check_blocked_read(s, "where nothing was ever mapped", NEVER_MAPPED_IOVA);
	check_still_works(s);
}

static void check_read_only(struct story *s)
{
	__u64 unmapped;
	int ret, result;

	ret = iommufd_map_at(s->iommufd, s->nvme_ioas, READ_ONLY_IOVA, s->data,
			     DATA_SIZE, DMA_READ);
	if (!check_call(ret, "map the buffer once more, read only, at IOVA 0x%llx",
			READ_ONLY_IOVA))
		return;

	/*
	 * The forbidden access comes first, while the IOTLB does not know the
	 * mapping: QEMU's VT-d blocks a write that finds a read-only entry in
	 * its IOTLB, but does not report it.
	 */
	check_blocked_read(s, "which is mapped read only", READ_ONLY_IOVA);
	check_still_works(s);

	/* To write blocks the controller reads memory: that is allowed. */
	pattern_fill(s->data, PAGE_LBA, PAGE_BLOCKS);
	result = nvme_write(&s->nvme, PAGE_LBA, PAGE_BLOCKS, READ_ONLY_IOVA);
	check(!result && story_read_is_right(s),
	      "NVMe write of blocks from there, where the device only reads: %s",
	      nvme_result_text(result));
	ret = iommufd_unmap(s->iommufd, s->nvme_ioas, READ_ONLY_IOVA, DATA_SIZE,
			    &unmapped);
	check_call(ret, "unmap the read-only view");
}

void story_isolation(struct story *s)
{
	section("Isolation: DMA to where the device has no business");
	check_unmapped(s);
	check_never_mapped(s);
	check_read_only(s);
}
