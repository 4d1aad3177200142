// SPDX-License-Identifier: GPL-2.0-only
/*
 * COPY: the same memory at several places, pinned and charged once for all of
 * them; and UNMAP of many areas at a time.
 */
#include "iommufd_check.h"

#define NPAGES 16
#define SRC_IOVA 0x20000000ULL
#define DST_IOVA 0x30000000ULL

FIXTURE(copy)
{
	int fd;
	__u32 src;
	__u32 dst;
	struct mock_dev src_dev;
	struct mock_dev dst_dev;
	char *mem;
	unsigned long vm_pin;
};

/*
 * @src_dev, @dst_dev: there is a device, so that what is mapped is pinned
 * @same: source and destination are one IOAS
 */
FIXTURE_VARIANT(copy)
{
	bool src_dev;
	bool dst_dev;
	bool same;
};

FIXTURE_VARIANT_ADD(copy, no_device) {
};

FIXTURE_VARIANT_ADD(copy, from_device) {
	.src_dev = true,
};

FIXTURE_VARIANT_ADD(copy, to_device) {
	.dst_dev = true,
};

FIXTURE_VARIANT_ADD(copy, two_devices) {
	.src_dev = true,
	.dst_dev = true,
};

FIXTURE_VARIANT_ADD(copy, within_device) {
	.src_dev = true,
	.dst_dev = true,
	.same = true,
};

/* Memory 0..3, 4..9 and 10..15 are areas next to each other */
FIXTURE_SETUP(copy)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->src));
	if (variant->same)
		self->dst = self->src;
	else
		CALL(ioas_alloc(self->fd, &self->dst));
	if (variant->src_dev)
		CALL(mock_attach(self->fd, self->src, &self->src_dev));
	if (variant->same)
		self->dst_dev = self->src_dev;
	else if (variant->dst_dev)
		CALL(mock_attach(self->fd, self->dst, &self->dst_dev));
	CALL(ioas_map_at(self->fd, self->src, self->mem, 4 * page, SRC_IOVA));
	CALL(ioas_map_at(self->fd, self->src, self->mem + 4 * page, 6 * page,
			 SRC_IOVA + 4 * page));
	CALL(ioas_map_at(self->fd, self->src, self->mem + 10 * page, 6 * page,
			 SRC_IOVA + 10 * page));
	self->vm_pin = variant->src_dev ? NPAGES : 0;
	ASSERT_EQ(self->vm_pin, proc_status("VmPin"));
}

FIXTURE_TEARDOWN(copy)
{
	if (variant->src_dev)
		EXPECT_EQ(0, object_destroy(self->fd, self->src_dev.id));
	if (variant->dst_dev && !variant->same)
		EXPECT_EQ(0, object_destroy(self->fd, self->dst_dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->src));
	if (!variant->same)
		EXPECT_EQ(0, object_destroy(self->fd, self->dst));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page, 0));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, NPAGES * page);
}

/*
 * Copy memory pages @first to @last, and check that they are where they should
 * be, and how often they are pinned.
 */
static void copy_pages(struct __test_metadata *_metadata,
		       struct _test_data_copy *self,
		       const struct _fixture_variant_copy *variant,
		       unsigned int first, unsigned int last)
{
	const __u64 length = (last - first + 1) * page;
	const char *mem = self->mem + first * page;
	bool pinned = variant->src_dev || variant->dst_dev;
	__u64 value = 0;
	int access;

	CALL(ioas_copy_at(self->fd, self->dst, self->src,
			  SRC_IOVA + first * page, length, DST_IOVA));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, length, pinned));
	EXPECT_EQ(variant->src_dev ? NPAGES :
		  variant->dst_dev ? last - first + 1 : 0,
		  proc_status("VmPin"));
	if (variant->dst_dev)
		EXPECT_EQ(0, mock_check_map(self->fd, self->dst_dev.hwpt,
					    DST_IOVA, mem, length));

	/* Not a byte more */
	CALL(access_create(self->fd, self->dst, 0, &access));
	EXPECT_EQ(0, access_rw(self->fd, access, DST_IOVA, &value,
			       sizeof(value), 0));
	EXPECT_EQ(0x5eed0000 + first, value);
	EXPECT_EQ(-ENOENT, access_rw(self->fd, access, DST_IOVA - 1, &value, 1,
				     0));
	EXPECT_EQ(0, access_rw(self->fd, access, DST_IOVA + length - 1, &value,
			       1, 0));
	EXPECT_EQ(-ENOENT, access_rw(self->fd, access, DST_IOVA + length,
				     &value, 1, 0));
	close(access);
}

static void unmap_copy(struct __test_metadata *_metadata,
		       struct _test_data_copy *self, __u64 length)
{
	__u64 unmapped;

	CALL(ioas_unmap_count(self->fd, self->dst, DST_IOVA, length,
			      &unmapped));
	EXPECT_EQ(length, unmapped);
	EXPECT_EQ(self->vm_pin, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page,
				     !!self->vm_pin));
}

TEST_F(copy, whole_area)
{
	copy_pages(_metadata, self, variant, 4, 9);
	unmap_copy(_metadata, self, 6 * page);
}

TEST_F(copy, out_of_the_middle)
{
	copy_pages(_metadata, self, variant, 6, 7);
	unmap_copy(_metadata, self, 2 * page);
	copy_pages(_metadata, self, variant, 4, 4);
	unmap_copy(_metadata, self, page);
	copy_pages(_metadata, self, variant, 9, 9);
	unmap_copy(_metadata, self, page);
}

TEST_F(copy, several_areas)
{
	copy_pages(_metadata, self, variant, 0, 15);
	unmap_copy(_metadata, self, NPAGES * page);
	copy_pages(_metadata, self, variant, 3, 10);
	unmap_copy(_metadata, self, 8 * page);
	copy_pages(_metadata, self, variant, 2, 5);
	/* It is areas again: they can be unmapped one by one, not in parts */
	EXPECT_EQ(-ENOENT, ioas_unmap(self->fd, self->dst, DST_IOVA, page));
	EXPECT_EQ(-ENOENT, ioas_unmap(self->fd, self->dst, DST_IOVA, 3 * page));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->dst, DST_IOVA, 2 * page));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->dst, DST_IOVA + 2 * page,
				2 * page));
	EXPECT_EQ(self->vm_pin, proc_status("VmPin"));
}

TEST_F(copy, outlives_source)
{
	bool pinned = variant->dst_dev;

	copy_pages(_metadata, self, variant, 3, 10);
	CALL(ioas_unmap(self->fd, self->src, SRC_IOVA, NPAGES * page));
	self->vm_pin = 0;
	EXPECT_EQ(pinned ? 8 : 0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, 3 * page, 0));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 3 * page, 8 * page,
				     pinned));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 11 * page, 5 * page,
				     0));
	unmap_copy(_metadata, self, 8 * page);
}

TEST_F(copy, of_a_copy)
{
	__u64 iova = 0;

	copy_pages(_metadata, self, variant, 4, 9);
	CALL(ioas_copy(self->fd, self->src, self->dst, DST_IOVA + page,
		       3 * page, &iova, MAP_RW));
	CALL(ioas_unmap(self->fd, self->src, SRC_IOVA, NPAGES * page));
	CALL(ioas_unmap(self->fd, self->dst, DST_IOVA, 6 * page));
	if (variant->src_dev)
		EXPECT_EQ(0, mock_check_map(self->fd, self->src_dev.hwpt, iova,
					    self->mem + 5 * page, 3 * page));
	EXPECT_EQ(variant->src_dev ? 3 : 0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 5 * page, 3 * page,
				     variant->src_dev));
	CALL(ioas_unmap(self->fd, self->src, iova, 3 * page));
}

TEST_F(copy, overlapping_copies)
{
	__u64 iova = DST_IOVA + 0x100000;
	bool pinned = variant->dst_dev;

	/* 0..7 and 4..11 and 6 again: whoever goes first leaves the rest */
	CALL(ioas_copy_at(self->fd, self->dst, self->src, SRC_IOVA, 8 * page,
			  DST_IOVA));
	CALL(ioas_copy_at(self->fd, self->dst, self->src, SRC_IOVA + 4 * page,
			  8 * page, iova));
	CALL(ioas_copy_at(self->fd, self->dst, self->src, SRC_IOVA + 6 * page,
			  page, iova + 0x100000));
	CALL(ioas_unmap(self->fd, self->src, SRC_IOVA, NPAGES * page));
	self->vm_pin = 0;
	EXPECT_EQ(pinned ? 12 : 0, proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, self->dst, DST_IOVA, 8 * page));
	EXPECT_EQ(pinned ? 8 : 0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, 4 * page, 0));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 4 * page, 8 * page,
				     pinned));
	CALL(ioas_unmap(self->fd, self->dst, iova, 8 * page));
	EXPECT_EQ(pinned ? 1 : 0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 6 * page, page,
				     pinned));
	CALL(ioas_unmap(self->fd, self->dst, iova + 0x100000, page));
}

/* Read only is what devices get, not what the memory is */
TEST_F(copy, permissions)
{
	__u64 iova = DST_IOVA, value = 1;
	int access;

	CALL(ioas_copy(self->fd, self->dst, self->src, SRC_IOVA, 4 * page,
		       &iova, MAP_RO_AT));
	CALL(access_create(self->fd, self->dst, 0, &access));
	EXPECT_EQ(-EPERM, access_rw(self->fd, access, iova, &value,
				    sizeof(value), MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(0x5eed0000, *(__u64 *)self->mem);
	/* A copy of it may write again: the memory was mapped for that */
	iova += 4 * page;
	CALL(ioas_copy(self->fd, self->dst, self->dst, DST_IOVA, 4 * page,
		       &iova, MAP_RW_AT));
	CALL(access_rw(self->fd, access, iova, &value, sizeof(value),
		       MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(1, *(__u64 *)self->mem);
	close(access);
	CALL(ioas_unmap(self->fd, self->dst, DST_IOVA, 8 * page));
}

TEST_F(copy, unmap_everything)
{
	const unsigned int copies = 20;
	__u64 iova = 0, unmapped;
	unsigned int i;

	for (i = 0; i != copies; i++)
		CALL(ioas_copy(self->fd, self->dst, self->src, SRC_IOVA + page,
			       (i % 15 + 1) * page, &iova, MAP_RW));
	CALL(ioas_unmap_count(self->fd, self->dst, 0, EVERYTHING, &unmapped));
	/* 1..15 pages, then 1..5, and the source itself if it is the same */
	EXPECT_EQ((120 + 15 + (variant->same ? NPAGES : 0)) * page, unmapped);
	CALL(ioas_unmap_count(self->fd, self->dst, 0, EVERYTHING, &unmapped));
	EXPECT_EQ(0, unmapped);
	EXPECT_EQ(-ENOENT, ioas_unmap(self->fd, self->dst, iova, page));
	EXPECT_EQ(variant->same ? 0 : self->vm_pin, proc_status("VmPin"));
}

TEST_F(copy, unaligned)
{
	const __u64 half = MOCK_PAGE_SIZE;

	/* In the IOMMU's pages: from one half to the next */
	CALL(ioas_copy_at(self->fd, self->dst, self->src,
			  SRC_IOVA + 3 * page + half, 2 * page,
			  DST_IOVA + half));
	if (variant->dst_dev)
		EXPECT_EQ(0, mock_check_map(self->fd, self->dst_dev.hwpt,
					    DST_IOVA + half,
					    self->mem + 3 * page + half,
					    2 * page));
	EXPECT_EQ(variant->src_dev ? NPAGES : variant->dst_dev ? 3 : 0,
		  proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, self->dst, DST_IOVA + half, 2 * page));
	EXPECT_EQ(self->vm_pin, proc_status("VmPin"));
}

TEST_HARNESS_MAIN
