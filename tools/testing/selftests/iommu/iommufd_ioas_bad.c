// SPDX-License-Identifier: GPL-2.0-only
/*
 * What IOAS_ALLOC, DESTROY, IOVA_RANGES and ALLOW_IOVAS must refuse, and IDs
 * that are stale, of another type, or of another file.
 */
#include "iommufd_check.h"

FIXTURE(ioas_bad)
{
	struct scene scene;
};

FIXTURE_SETUP(ioas_bad)
{
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(ioas_bad)
{
	scene_teardown(_metadata, &self->scene);
}

TEST_F(ioas_bad, destroy)
{
	struct scene *s = &self->scene;
	__u32 id;

	REFUSED(ENOENT, object_destroy(s->fd, 0));
	REFUSED(ENOENT, object_destroy(s->fd, s->before.next_id));
	REFUSED(ENOENT, object_destroy(s->fd, 0x7fffffff));
	REFUSED(ENOENT, object_destroy(s->fd, 0xffffffff));

	/* In use */
	REFUSED(EBUSY, object_destroy(s->fd, s->ioas));
	REFUSED(EBUSY, object_destroy(s->fd, s->dev.hwpt));
	REFUSED(EBUSY, object_destroy(s->fd, s->dev.idev));

	CALL(ioas_alloc(s->fd, &id));
	CALL(object_destroy(s->fd, id));
	REFUSED(ENOENT, object_destroy(s->fd, id));
}

/* Everything that names an IOAS, with an ID that is none */
static void refuse_ioas(struct __test_metadata *_metadata,
			struct _test_data_ioas_bad *self, __u32 id)
{
	struct scene *s = &self->scene;
	struct iommu_iova_range range = { scene_iova(0), scene_iova(1) - 1 };
	__u64 iova = scene_iova(10), alignment, value = 1;
	int file = memfd_create("ioas_bad", 0);
	__u32 num = 1;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, page));
	scene_remember(s);

	REFUSED(ENOENT, ioas_ranges(s->fd, id, &range, &num, &alignment));
	REFUSED(ENOENT, ioas_allow(s->fd, id, &range, 1));
	REFUSED(ENOENT, ioas_allow(s->fd, id, NULL, 0));
	REFUSED(ENOENT, ioas_map_at(s->fd, id, s->mem, page, iova));
	REFUSED(ENOENT, ioas_map(s->fd, id, s->mem, page, &iova, MAP_RW));
	REFUSED(ENOENT, ioas_map_file_at(s->fd, id, file, 0, page, iova));
	REFUSED(ENOENT, ioas_unmap(s->fd, id, scene_iova(1), 4 * page));
	REFUSED(ENOENT, ioas_unmap(s->fd, id, 0, EVERYTHING));
	REFUSED(ENOENT, ioas_copy_at(s->fd, id, s->ioas, scene_iova(1),
				     4 * page, scene_iova(12)));
	REFUSED(ENOENT, ioas_copy_at(s->fd, s->ioas, id, scene_iova(1),
				     4 * page, scene_iova(12)));
	REFUSED(ENOENT, option_get(s->fd, IOMMU_OPTION_HUGE_PAGES, id, &value));
	REFUSED(ENOENT, option_set(s->fd, IOMMU_OPTION_HUGE_PAGES, id, 0));
	REFUSED(ENOENT, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &id));

	close(file);
	scene_remember(s);
}

TEST_F(ioas_bad, stale_id)
{
	struct scene *s = &self->scene;
	__u32 id;

	CALL(ioas_alloc(s->fd, &id));
	CALL(object_destroy(s->fd, id));
	refuse_ioas(_metadata, self, id);
	refuse_ioas(_metadata, self, 0);
	refuse_ioas(_metadata, self, 0xffffffff);
}

TEST_F(ioas_bad, id_of_another_type)
{
	struct scene *s = &self->scene;

	refuse_ioas(_metadata, self, s->dev.hwpt);
	refuse_ioas(_metadata, self, s->dev.idev);
	refuse_ioas(_metadata, self, s->dev.id);
}

TEST_F(ioas_bad, id_of_another_file)
{
	struct scene *s = &self->scene;
	__u32 ids[16], last = 0;
	int other = iommu_open();
	struct mock_dev dev;
	unsigned int i;

	/* The numbers may be the same: take one that only the other file has */
	ASSERT_LE(0, other);
	for (i = 0; i != ARRAY_SIZE(ids) && last < s->before.next_id + 5; i++) {
		CALL(ioas_alloc(other, &ids[i]));
		last = ids[i];
	}
	ASSERT_LE(s->before.next_id + 5, last);
	scene_remember(s);
	REFUSED(ENOENT, object_destroy(s->fd, last));
	REFUSED(ENOENT, mock_attach(s->fd, last, &dev));
	refuse_ioas(_metadata, self, last);

	/* It still is what it was */
	CALL(object_destroy(other, last));
	EXPECT_EQ(0, close(other));
	scene_remember(s);
}

TEST_F(ioas_bad, iova_ranges)
{
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	struct iommu_iova_range ranges[4];
	struct iommu_iova_range *tail;
	__u64 alignment;
	__u32 num = 0;

	/* Two holes more make three ranges */
	CALL(mock_reserve(s->fd, s->ioas, 0x20000000, page));
	CALL(mock_reserve(s->fd, s->ioas, 0x30000000, page));
	scene_remember(s);

	REFUSED(EMSGSIZE, ioas_ranges(s->fd, s->ioas, NULL, &num, &alignment));
	EXPECT_EQ(3, num);
	EXPECT_EQ(MOCK_PAGE_SIZE, alignment);

	/* As many as there is room for, and not a byte more */
	memset(ranges, 0xa5, sizeof(ranges));
	num = 2;
	REFUSED(EMSGSIZE, ioas_ranges(s->fd, s->ioas, ranges, &num,
				      &alignment));
	EXPECT_EQ(3, num);
	EXPECT_EQ(MOCK_APERTURE_START, ranges[0].start);
	EXPECT_EQ(0x20000000 - 1, ranges[0].last);
	EXPECT_EQ(0x20000000 + page, ranges[1].start);
	EXPECT_EQ(0x30000000 - 1, ranges[1].last);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, ranges[2].start);

	tail = guarded_tail(&g, 3 * sizeof(*tail));
	num = 3;
	HARMLESS(ioas_ranges(s->fd, s->ioas, tail, &num, &alignment));
	EXPECT_EQ(3, num);
	EXPECT_EQ(0x30000000 + page, tail[2].start);
	EXPECT_EQ(MOCK_APERTURE_LAST, tail[2].last);
	/* The size of the array is no size to allocate, nor to write */
	num = 0xffffffff;
	HARMLESS(ioas_ranges(s->fd, s->ioas, tail, &num, &alignment));
	EXPECT_EQ(3, num);

	tail = guarded_tail(&g, 2 * sizeof(*tail));
	num = 3;
	REFUSED(EFAULT, ioas_ranges(s->fd, s->ioas, tail, &num, &alignment));
	num = 3;
	REFUSED(EFAULT, ioas_ranges(s->fd, s->ioas, NULL, &num, &alignment));
	guarded_write_protect(&g);
	num = 1;
	REFUSED(EFAULT, ioas_ranges(s->fd, s->ioas, tail, &num, &alignment));
	guarded_free(&g);
}

/* Where does the next automatic IOVA come from? */
static __u64 probe_auto(struct scene *s)
{
	__u64 iova = 0;

	if (ioas_map(s->fd, s->ioas, scene_mem(s, 7), page, &iova, MAP_RW))
		return 0;
	ioas_unmap(s->fd, s->ioas, iova, page);
	return iova;
}

TEST_F(ioas_bad, allow_iovas)
{
	struct scene *s = &self->scene;
	struct iommu_iova_range ranges[] = {
		{ 0x20000000, 0x200fffff },
		{ 0x30000000, 0x300fffff },
		{ 0x40000000, 0x400fffff },
	};
	struct guarded g = guarded_new();
	struct iommu_iova_range *tail;
	int rc;

	CALL(ioas_allow(s->fd, s->ioas, &ranges[2], 1));
	EXPECT_EQ(ranges[2].start, probe_auto(s));
	scene_remember(s);

	/* One wrong range spoils them all */
	ranges[1] = (struct iommu_iova_range){ 0x30000001, 0x30000000 };
	REFUSED(EINVAL, ioas_allow(s->fd, s->ioas, ranges, 2));
	ranges[1] = (struct iommu_iova_range){ 0x200fffff, 0x300fffff };
	REFUSED(EINVAL, ioas_allow(s->fd, s->ioas, ranges, 2));
	ranges[1] = ranges[0];
	REFUSED(EINVAL, ioas_allow(s->fd, s->ioas, ranges, 2));
	/* The device cannot translate it */
	ranges[1] = (struct iommu_iova_range){ 0, page - 1 };
	REFUSED(EADDRINUSE, ioas_allow(s->fd, s->ioas, ranges, 2));
	ranges[1] = (struct iommu_iova_range){ 0x30000000, 0x80000000 };
	REFUSED(EADDRINUSE, ioas_allow(s->fd, s->ioas, ranges, 2));
	ranges[1] = (struct iommu_iova_range){ 0x30000000, ~0ULL };
	REFUSED(EADDRINUSE, ioas_allow(s->fd, s->ioas, ranges, 2));

	REFUSED(EFAULT, ioas_allow(s->fd, s->ioas, NULL, 1));
	tail = guarded_tail(&g, sizeof(*tail));
	*tail = ranges[0];
	REFUSED(EFAULT, ioas_allow(s->fd, s->ioas, tail, 2));
	/* An absurd number of them: refused before or after the allocation */
	rc = ioas_allow(s->fd, s->ioas, tail, 0xffffffff);
	EXPECT_TRUE(rc == -EFAULT || rc == -ENOMEM);
	scene_compare(_metadata, s, __LINE__);
	guarded_free(&g);

	/* What was allowed before still is, and nothing else */
	EXPECT_EQ(0x40000000, probe_auto(s));
	EXPECT_EQ(-EADDRINUSE,
		  mock_reserve(s->fd, s->ioas, 0x40000000, page));
	CALL(mock_reserve(s->fd, s->ioas, 0x20000000, page));

	/* An empty list allows everything */
	CALL(ioas_allow(s->fd, s->ioas, NULL, 0));
	EXPECT_EQ(MOCK_APERTURE_START, probe_auto(s));
	CALL(mock_reserve(s->fd, s->ioas, 0x40000000, page));
}

TEST_F(ioas_bad, allow_replaces)
{
	struct scene *s = &self->scene;
	struct iommu_iova_range first = { 0x20000000, 0x20000fff };
	struct iommu_iova_range second = { 0x20000800, 0x20001fff };

	/* The new list may overlap the old one, and replaces it as a whole */
	CALL(ioas_allow(s->fd, s->ioas, &first, 1));
	CALL(ioas_allow(s->fd, s->ioas, &second, 1));
	EXPECT_EQ(-EADDRINUSE, mock_reserve(s->fd, s->ioas, 0x20001000, 1));
	CALL(mock_reserve(s->fd, s->ioas, 0x20000000, 0x800));
}

TEST_F(ioas_bad, reserve)
{
	struct scene *s = &self->scene;

	REFUSED(EADDRINUSE, mock_reserve(s->fd, s->ioas, scene_iova(1), 1));
	REFUSED(EADDRINUSE, mock_reserve(s->fd, s->ioas, scene_iova(0),
					 page + 1));
	REFUSED(EADDRINUSE, mock_reserve(s->fd, s->ioas,
					 scene_iova(10) - 1, page));
	REFUSED(EADDRINUSE, mock_reserve(s->fd, s->ioas, 0, EVERYTHING));
	REFUSED(EINVAL, mock_reserve(s->fd, s->ioas, scene_iova(10), 0));
	REFUSED(EOVERFLOW, mock_reserve(s->fd, s->ioas, EVERYTHING, 2));
}

TEST_F(ioas_bad, file_table_full)
{
	struct rlimit limit = { 0, 1024 }, old;
	struct scene *s = &self->scene;
	__u32 id, viommu, parent;
	int file, access;

	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	CALL(viommu_alloc(s->fd, s->dev.idev, parent, &viommu));
	scene_remember(s);

	/* No room for the file descriptor: then there is no object either */
	getrlimit(RLIMIT_NOFILE, &old);
	setrlimit(RLIMIT_NOFILE, &limit);
	EXPECT_EQ(-EMFILE, fault_alloc(s->fd, &id, &file));
	EXPECT_EQ(-EMFILE, veventq_alloc(s->fd, viommu,
					 IOMMU_VEVENTQ_TYPE_SELFTEST, 1, &id,
					 &file));
	EXPECT_EQ(-EMFILE, access_create(s->fd, s->ioas, 0, &access));
	setrlimit(RLIMIT_NOFILE, &old);
	scene_compare(_metadata, s, __LINE__);

	CALL(object_destroy(s->fd, viommu));
	CALL(object_destroy(s->fd, parent));
}

TEST_HARNESS_MAIN
