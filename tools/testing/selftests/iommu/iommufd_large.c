// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas of more than 1 GiB, which are taken out of domains bit by bit. An IOMMU
 * driver gives back what one call mapped, not a part of it: where one bit ends and
 * the next begins must not depend on what else has claimed the memory since.
 *
 * One huge page, mapped side by side many times, is memory enough.
 */
#include <linux/vfio.h>

#include "iommufd_check.h"

#define GIB (1ULL << 30)
#define LARGE_HUGE_PAGES (GIB / HUGE_SIZE + GIB / 4 / HUGE_SIZE)
#define LARGE_IOVA (GIB / 2)
#define COPY_IOVA (GIB / 4)
/* Begins with the last page of a huge one */
#define LARGE_SKIP (HUGE_SIZE - page)
#define LARGE_LENGTH (LARGE_HUGE_PAGES * HUGE_SIZE - HUGE_SIZE)

FIXTURE(large)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	char *mem;
	int kmsg;
};

FIXTURE_VARIANT(large)
{
	bool by_pages;	/* IOMMU_OPTION_HUGE_PAGES is 0 */
};

FIXTURE_VARIANT_ADD(large, huge_pages)
{
};

FIXTURE_VARIANT_ADD(large, by_pages)
{
	.by_pages = true,
};

FIXTURE_SETUP(large)
{
	int file = memfd_create("large", MFD_CLOEXEC | MFD_HUGETLB);
	unsigned long i;

	if (file < 0 || ftruncate(file, HUGE_SIZE) ||
	    fallocate(file, 0, 0, HUGE_SIZE)) {
		close(file);
		SKIP(return, "no huge page");
	}
	self->mem = memory_new_huge(LARGE_HUGE_PAGES * HUGE_SIZE, PROT_NONE);
	ASSERT_NE(NULL, self->mem);
	for (i = 0; i != LARGE_HUGE_PAGES; i++)
		ASSERT_NE(MAP_FAILED,
			  mmap(self->mem + i * HUGE_SIZE, HUGE_SIZE,
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			       file, 0));
	close(file);

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->kmsg = kmsg_open();
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(option_set(self->fd, IOMMU_OPTION_HUGE_PAGES, self->ioas,
			!variant->by_pages));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
}

FIXTURE_TEARDOWN(large)
{
	char line[1024];

	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	if (self->kmsg >= 0) {
		if (kmsg_read(self->kmsg, line, sizeof(line)))
			EXPECT_TRUE(false) TH_LOG("logged: %s", line);
		close(self->kmsg);
	}
	munmap(self->mem, LARGE_HUGE_PAGES * HUGE_SIZE);
}

static int large_map(struct _test_data_large *self)
{
	return ioas_map_at(self->fd, self->ioas, self->mem + LARGE_SKIP,
			   LARGE_LENGTH, LARGE_IOVA + LARGE_SKIP);
}

/* Some pages of it once more, from @offset on, at COPY_IOVA */
static int large_copy(struct _test_data_large *self, __u64 offset, __u64 npages)
{
	__u64 iova = COPY_IOVA;

	return ioas_copy(self->fd, self->ioas, self->ioas,
			 LARGE_IOVA + LARGE_SKIP + offset, npages * page, &iova,
			 MAP_RW_AT);
}

static __u64 large_unmap(struct _test_data_large *self)
{
	__u64 unmapped = 0;
	int rc;

	rc = ioas_unmap_count(self->fd, self->ioas, LARGE_IOVA + LARGE_SKIP,
			      LARGE_LENGTH, &unmapped);
	return rc ? rc : unmapped;
}

/* Bounds of other claims, as near to where the first GiB ends as they may be */
static const struct {
	__s64 pages_off;
	unsigned int npages;
} copies[] = {
	{ 0, 1 }, { 1, 1 }, { -1, 1 }, { -511, 1 }, { 256, 300 },
};

/* Copied while mapped: the area is unmapped as if the copy was not there */
TEST_F(large, unmap_copied)
{
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(copies); i++) {
		CALL(large_map(self));
		CALL(large_copy(self, GIB + copies[i].pages_off * (__s64)page,
				copies[i].npages));
		ASSERT_EQ(LARGE_LENGTH, large_unmap(self));
		/* The copy is all that is left, and it still is what it was */
		EXPECT_EQ(copies[i].npages, proc_status("VmPin"));
		EXPECT_EQ(0, mock_check_map(self->fd, self->dev.hwpt, COPY_IOVA,
					    self->mem + LARGE_SKIP + GIB +
						    copies[i].pages_off *
							    (__s64)page,
					    copies[i].npages * page));
		EXPECT_EQ(0, check_invariants(self->fd));
		CALL(ioas_unmap(self->fd, self->ioas, COPY_IOVA,
				copies[i].npages * page));
		EXPECT_EQ(0, proc_status("VmPin"));
	}
}

/* Other domains get what is copied in parts, and lose it after the copy is gone */
TEST_F(large, unmap_filled_copied)
{
	__u32 hwpt;

	CALL(large_map(self));
	CALL(large_copy(self, GIB, 1));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas, 0, &hwpt));
	CALL(ioas_unmap(self->fd, self->ioas, COPY_IOVA, page));
	EXPECT_EQ(0, check_invariants(self->fd));
	ASSERT_EQ(LARGE_LENGTH, large_unmap(self));
	EXPECT_EQ(0, proc_status("VmPin"));
	CALL(large_map(self));
	CALL(object_destroy(self->fd, hwpt));
	ASSERT_EQ(LARGE_LENGTH, large_unmap(self));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* The last domain goes, and another one comes */
TEST_F(large, detach_copied)
{
	CALL(large_map(self));
	CALL(large_copy(self, GIB, 1));
	CALL(object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, proc_status("VmPin"));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	EXPECT_EQ(LARGE_LENGTH / page, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_map(self->fd, self->dev.hwpt,
				    LARGE_IOVA + LARGE_SKIP,
				    self->mem + LARGE_SKIP, HUGE_SIZE));
	ASSERT_EQ(LARGE_LENGTH, large_unmap(self));
	EXPECT_EQ(1, proc_status("VmPin"));
}

/* Version 1 of the container cuts what was mapped page by page anywhere */
TEST_F(large, unmap_cut)
{
	const __u64 from = LARGE_IOVA + LARGE_SKIP + GIB - 3 * page;
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = from,
		.size = 7 * page,
	};

	if (!variant->by_pages)
		SKIP(return, "mapped by huge pages, which are not cut");
	CALL(vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, &self->ioas));
	CALL(large_map(self));
	CALL(large_copy(self, GIB, 1));
	CALL(iommu_call(self->fd, VFIO_IOMMU_UNMAP_DMA, &cmd));
	EXPECT_EQ(7 * page, cmd.size);
	EXPECT_EQ(0, check_invariants(self->fd));
	EXPECT_EQ(LARGE_LENGTH / page - 6, proc_status("VmPin"));
	ASSERT_EQ(LARGE_LENGTH - 7 * page, large_unmap(self));
	EXPECT_EQ(1, proc_status("VmPin"));
}

TEST_HARNESS_MAIN
