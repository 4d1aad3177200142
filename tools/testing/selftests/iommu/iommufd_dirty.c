// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: what is reported where mappings begin, end and change while
 * it goes on. One bit is a page of the CPU unless it says otherwise.
 */
#include "iommufd_check.h"

#define NPAGES 32
#define IOVA 0x20000000ULL
#define ENABLE IOMMU_HWPT_DIRTY_TRACKING_ENABLE
#define KEEP IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

FIXTURE(dirty)
{
	int fd;
	__u32 ioas;
	__u32 hwpt;
	struct mock_dev dev;
	char *mem;
};

/* Areas of 8 pages at 0, 8 and 20; a hole from 16 to 19, and nothing behind */
FIXTURE_SETUP(dirty)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->ioas));
	/* Pages that happen to be neighbours are not to be combined */
	CALL(option_set(self->fd, IOMMU_OPTION_HUGE_PAGES, self->ioas, 0));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &self->hwpt));
	CALL(mock_replace(self->fd, &self->dev, self->hwpt));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 8 * page, IOVA));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + 8 * page, 8 * page,
			 IOVA + 8 * page));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + 20 * page, 8 * page,
			 IOVA + 20 * page));
	CALL(hwpt_set_dirty(self->fd, self->hwpt, ENABLE));
}

FIXTURE_TEARDOWN(dirty)
{
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->hwpt));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	munmap(self->mem, NPAGES * page);
}

/* The device writes to the pages that have a bit in @pages */
static int device_writes(struct _test_data_dirty *self, __u64 pages)
{
	return mock_write(self->fd, self->hwpt, IOVA, NPAGES * page, page,
			  &pages);
}

/* What is reported of @npages pages from page @first on */
static __u64 reported(struct __test_metadata *_metadata,
		      struct _test_data_dirty *self, unsigned int first,
		      unsigned int npages, __u32 flags)
{
	__u64 bits = 0;

	CALL(hwpt_get_dirty(self->fd, self->hwpt, IOVA + first * page,
			    npages * page, page, &bits, flags));
	return bits;
}

TEST_F(dirty, areas_and_holes)
{
	/* Everything at once, with a hole in it; those in the hole get lost */
	CALL(device_writes(self, 0x0fff8181));
	EXPECT_EQ(0x0ff08181, reported(_metadata, self, 0, NPAGES, KEEP));
	/* By parts: bit 0 is the first page asked for */
	EXPECT_EQ(0x81, reported(_metadata, self, 0, 8, KEEP));
	EXPECT_EQ(0x0ff081, reported(_metadata, self, 8, 24, KEEP));
	EXPECT_EQ(0, reported(_metadata, self, 16, 4, KEEP));
	EXPECT_EQ(0x3, reported(_metadata, self, 26, 6, KEEP));
	/* Reading clears what was read, and nothing else */
	EXPECT_EQ(0x03, reported(_metadata, self, 7, 2, 0));
	EXPECT_EQ(0x0ff08001, reported(_metadata, self, 0, NPAGES, 0));
	EXPECT_EQ(0, reported(_metadata, self, 0, NPAGES, 0));
}

/* Bits that are set stay set, and none is written beyond the range */
TEST_F(dirty, bitmap_is_added_to)
{
	unsigned char bits[8] = { 0x10, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };

	CALL(device_writes(self, 0x1));
	CALL(hwpt_get_dirty(self->fd, self->hwpt, IOVA, NPAGES * page, page,
			    bits, 0));
	EXPECT_EQ(0x11, bits[0]);
	EXPECT_EQ(0, bits[1] | bits[2] | bits[3]);
	EXPECT_EQ(0xff, bits[4] & bits[5] & bits[6] & bits[7]);
}

TEST_F(dirty, other_page_sizes)
{
	__u64 bits = 0;

	CALL(device_writes(self, 0x00100021));
	/* Four pages a bit, then half a page */
	CALL(hwpt_get_dirty(self->fd, self->hwpt, IOVA, NPAGES * page, 4 * page,
			    &bits, KEEP));
	EXPECT_EQ(0x23, bits);
	bits = 0;
	CALL(hwpt_get_dirty(self->fd, self->hwpt, IOVA + 4 * page, 4 * page,
			    MOCK_PAGE_SIZE, &bits, KEEP));
	EXPECT_NE(0, bits & 0x0c);
	EXPECT_EQ(0, bits & ~0x0c);
}

/* What was written before tracking began does not count */
TEST_F(dirty, off_and_on)
{
	CALL(device_writes(self, 0x3));
	CALL(hwpt_set_dirty(self->fd, self->hwpt, 0));
	CALL(hwpt_set_dirty(self->fd, self->hwpt, 0));
	CALL(hwpt_set_dirty(self->fd, self->hwpt, ENABLE));
	EXPECT_EQ(0, reported(_metadata, self, 0, NPAGES, 0));
	CALL(device_writes(self, 0x4));
	/* Twice is no more than once */
	CALL(hwpt_set_dirty(self->fd, self->hwpt, ENABLE));
	CALL(device_writes(self, 0x8));
	EXPECT_NE(0, reported(_metadata, self, 0, NPAGES, 0) & 0x8);
}

/* A new mapping is clean, also where there was a dirty one */
TEST_F(dirty, mapped_meanwhile)
{
	CALL(device_writes(self, 0x00000101));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, 8 * page));
	EXPECT_EQ(0x100, reported(_metadata, self, 0, NPAGES, KEEP));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 8 * page, IOVA));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + 16 * page, 4 * page,
			 IOVA + 16 * page));
	EXPECT_EQ(0x100, reported(_metadata, self, 0, NPAGES, KEEP));
	CALL(device_writes(self, 0x00080002));
	EXPECT_EQ(0x00080102, reported(_metadata, self, 0, NPAGES, 0));
}

/* A copy is other IOVA: it is written to on its own */
TEST_F(dirty, copies)
{
	__u64 pages = 0x5, bits = 0;

	CALL(ioas_copy_at(self->fd, self->ioas, self->ioas, IOVA, 8 * page,
			  2 * IOVA));
	CALL(mock_write(self->fd, self->hwpt, 2 * IOVA, 8 * page, page,
			&pages));
	EXPECT_EQ(0, reported(_metadata, self, 0, NPAGES, 0));
	CALL(hwpt_get_dirty(self->fd, self->hwpt, 2 * IOVA, 8 * page, page,
			    &bits, 0));
	EXPECT_EQ(0x5, bits);
}

/* Each HWPT of an IOAS has its own devices, and its own dirty pages */
TEST_F(dirty, two_hwpts)
{
	__u64 pages = 0x30, bits = 0;
	__u32 second;

	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &second));
	CALL(hwpt_set_dirty(self->fd, second, ENABLE));
	CALL(mock_write(self->fd, second, IOVA, NPAGES * page, page, &pages));
	EXPECT_EQ(0, reported(_metadata, self, 0, NPAGES, 0));
	CALL(hwpt_get_dirty(self->fd, second, IOVA, NPAGES * page, page, &bits,
			    0));
	EXPECT_EQ(0x30, bits);
	CALL(object_destroy(self->fd, second));
}

/* More bits than fit in a page of them, from an odd start */
TEST_F(dirty, large)
{
	const __u64 length = 128 << 20, first = 10, base = 0x30000000;
	const __u64 nbits = length / MOCK_PAGE_SIZE - first;
	static const __u64 written[] = { 0, 1, 31, 32767, 32768, 32769, 65525 };
	int file = memfd_create("dirty", MFD_CLOEXEC | MFD_HUGETLB);
	unsigned char *bits = calloc(1, nbits / 8 + 2);
	unsigned char *seen = calloc(1, nbits / 8 + 2);
	unsigned int i;

	ASSERT_LE(0, file);
	ASSERT_NE(NULL, bits);
	ASSERT_NE(NULL, seen);
	ASSERT_EQ(0, ftruncate(file, HUGE_SIZE));
	/* One huge page over and over, mapped by small pages */
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	for (i = 0; i != length / HUGE_SIZE; i++) {
		int rc = ioas_map_file_at(self->fd, self->ioas, file, 0,
					  HUGE_SIZE, base + i * HUGE_SIZE);

		if (rc == -ENOMEM || rc == -EINVAL)
			SKIP(goto out, "no huge pages are reserved");
		ASSERT_EQ(0, rc);
	}
	CALL(hwpt_set_dirty(self->fd, self->hwpt, ENABLE));
	for (i = 0; i != ARRAY_SIZE(written); i++)
		bits[written[i] / 8] |= 1 << written[i] % 8;
	CALL(mock_write(self->fd, self->hwpt, base + first * MOCK_PAGE_SIZE,
			nbits * MOCK_PAGE_SIZE, MOCK_PAGE_SIZE, bits));
	CALL(hwpt_get_dirty(self->fd, self->hwpt, base + first * MOCK_PAGE_SIZE,
			    nbits * MOCK_PAGE_SIZE, MOCK_PAGE_SIZE, seen, 0));
	/* An IOMMU page is dirty, or the CPU's page that it is half of */
	for (i = 0; i != nbits / 8 + 2; i++)
		EXPECT_EQ(bits[i], seen[i] & bits[i]);
	for (i = 0; i != nbits; i++) {
		__u64 other = ((i + first) ^ 1) - first;
		bool pair = bits[i / 8] >> i % 8 & 1 ||
			    (other < nbits && bits[other / 8] >> other % 8 & 1);

		if (!pair)
			ASSERT_EQ(0, seen[i / 8] >> i % 8 & 1);
	}
out:
	free(bits);
	free(seen);
	close(file);
}

TEST_HARNESS_MAIN
