// SPDX-License-Identifier: GPL-2.0-only
/* What MAP, UNMAP and COPY must refuse */
#include "iommufd_check.h"

FIXTURE(map_bad)
{
	struct scene scene;
};

FIXTURE_SETUP(map_bad)
{
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(map_bad)
{
	scene_teardown(_metadata, &self->scene);
}

/* Map free memory of the scene at a free IOVA, but for what is given */
static int map_flags(struct scene *s, __u32 flags)
{
	__u64 iova = scene_iova(10);

	return ioas_map(s->fd, s->ioas, scene_mem(s, 6), page, &iova, flags);
}

static int map_at(struct scene *s, const void *va, __u64 length, __u64 iova)
{
	return ioas_map_at(s->fd, s->ioas, va, length, iova);
}

static int map_ro_at(struct scene *s, const void *va, __u64 length, __u64 iova)
{
	return ioas_map(s->fd, s->ioas, va, length, &iova, MAP_RO_AT);
}

static int unmap(struct scene *s, __u64 iova, __u64 length)
{
	return ioas_unmap(s->fd, s->ioas, iova, length);
}

TEST_F(map_bad, flags)
{
	struct scene *s = &self->scene;
	unsigned int bit;

	for (bit = 3; bit != 32; bit++)
		REFUSED(EOPNOTSUPP, map_flags(s, MAP_RW_AT | 1U << bit));
	/* Neither readable nor writable */
	REFUSED(EINVAL, map_flags(s, IOMMU_IOAS_MAP_FIXED_IOVA));
	REFUSED(EINVAL, map_flags(s, 0));
}

/* Where userspace cannot be told the IOVA, nothing is mapped */
TEST_F(map_bad, unwritable_structure)
{
	struct scene *s = &self->scene;
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_RW,
		.ioas_id = s->ioas,
		.user_va = to_u64(scene_mem(s, 6)),
		.length = page,
	};
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = MAP_RW,
		.dst_ioas_id = s->ioas,
		.src_ioas_id = s->ioas,
		.length = page,
		.src_iova = scene_iova(1),
	};
	struct guarded g = guarded_new();
	void *arg;

	arg = guarded_tail(&g, sizeof(map));
	memcpy(arg, &map, sizeof(map));
	guarded_write_protect(&g);
	REFUSED(EFAULT, iommu_call(s->fd, IOMMU_IOAS_MAP, arg));
	arg = guarded_tail(&g, sizeof(copy));
	memcpy(arg, &copy, sizeof(copy));
	guarded_write_protect(&g);
	REFUSED(EFAULT, iommu_call(s->fd, IOMMU_IOAS_COPY, arg));
	guarded_free(&g);
}

TEST_F(map_bad, length)
{
	struct scene *s = &self->scene;
	void *mem = scene_mem(s, 6);
	__u64 iova = 0;

	REFUSED(EINVAL, map_at(s, mem, 0, scene_iova(10)));
	REFUSED(EINVAL, ioas_map(s->fd, s->ioas, mem, 0, &iova, MAP_RW));
	REFUSED(EOVERFLOW, map_at(s, mem, EVERYTHING, scene_iova(10)));
	REFUSED(EOVERFLOW, map_at(s, mem, 0 - scene_iova(10) + page,
				  scene_iova(10)));
	REFUSED(EOVERFLOW, ioas_map(s->fd, s->ioas, mem, EVERYTHING, &iova,
				    MAP_RW));
	REFUSED(EOVERFLOW, map_at(s, (void *)-page, page, scene_iova(10)));
	REFUSED(EOVERFLOW, map_at(s, (void *)-page, 2 * page, scene_iova(10)));
	REFUSED(EOVERFLOW, map_at(s, (void *)~0UL, page, scene_iova(10)));
	REFUSED(EOVERFLOW, map_at(s, mem, 2 * page, 0 - page));
	/* It is more than there is, but not too much to think of */
	REFUSED(EINVAL, map_at(s, mem, 1ULL << 46, scene_iova(10)));
}

TEST_F(map_bad, alignment)
{
	struct scene *s = &self->scene;
	char *mem = scene_mem(s, 6);
	__u64 iova = 0;

	REFUSED(EINVAL, map_at(s, mem, page, scene_iova(10) + 1));
	REFUSED(EINVAL, map_at(s, mem, page,
			       scene_iova(10) + MOCK_PAGE_SIZE / 2));
	REFUSED(EINVAL, map_at(s, mem, page - 1, scene_iova(10)));
	REFUSED(EINVAL, map_at(s, mem, MOCK_PAGE_SIZE / 2, scene_iova(10)));
	REFUSED(EINVAL, map_at(s, mem + MOCK_PAGE_SIZE / 2, page,
			       scene_iova(10)));
	REFUSED(EINVAL, ioas_map(s->fd, s->ioas, mem + 1, page, &iova, MAP_RW));
	REFUSED(EINVAL, ioas_map(s->fd, s->ioas, mem, page + 1, &iova, MAP_RW));

	/* The IOMMU's page is what counts, not the CPU's */
	CALL(map_at(s, mem + MOCK_PAGE_SIZE, page, scene_iova(10)));
	CALL(unmap(s, scene_iova(10), page));
	CALL(map_at(s, mem, MOCK_PAGE_SIZE, scene_iova(10) + MOCK_PAGE_SIZE));
	CALL(unmap(s, scene_iova(10) + MOCK_PAGE_SIZE, MOCK_PAGE_SIZE));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(map_bad, aperture)
{
	struct scene *s = &self->scene;
	void *mem = scene_mem(s, 6);

	REFUSED(EINVAL, map_at(s, mem, page, 0));
	REFUSED(EINVAL, map_at(s, mem, page, MOCK_APERTURE_START - page));
	REFUSED(EINVAL, map_at(s, mem, 2 * page, MOCK_APERTURE_START - page));
	REFUSED(EINVAL, map_at(s, mem, page, MOCK_APERTURE_LAST + 1ULL));
	REFUSED(EINVAL, map_at(s, mem, 2 * page,
			       MOCK_APERTURE_LAST + 1ULL - page));
	REFUSED(EINVAL, map_at(s, mem, page, 0 - 2 * page));
	CALL(map_at(s, mem, page, MOCK_APERTURE_START));
	CALL(unmap(s, MOCK_APERTURE_START, page));
	CALL(map_at(s, mem, page, MOCK_APERTURE_LAST + 1ULL - page));
	CALL(unmap(s, MOCK_APERTURE_LAST + 1ULL - page, page));

	CALL(mock_reserve(s->fd, s->ioas, scene_iova(100), 1));
	scene_remember(s);
	REFUSED(EINVAL, map_at(s, mem, page, scene_iova(100)));
	REFUSED(EINVAL, map_at(s, mem, 2 * page, scene_iova(99)));
}

TEST_F(map_bad, in_the_way)
{
	struct scene *s = &self->scene;
	char *mem = s->mem;

	REFUSED(EEXIST, map_at(s, mem, 4 * page, scene_iova(1)));
	REFUSED(EEXIST, map_at(s, mem, page, scene_iova(1)));
	REFUSED(EEXIST, map_at(s, mem, page, scene_iova(2)));
	REFUSED(EEXIST, map_at(s, mem, page, scene_iova(4)));
	REFUSED(EEXIST, map_at(s, mem, 2 * page, scene_iova(0)));
	REFUSED(EEXIST, map_at(s, mem, 8 * page, scene_iova(0)));
	/* The gap has room for one page only */
	REFUSED(EEXIST, map_at(s, mem, 2 * page, scene_iova(7)));
	REFUSED(EEXIST, map_at(s, mem, 2 * page, scene_iova(6)));
	REFUSED(EEXIST, map_at(s, mem, MOCK_PAGE_SIZE,
			       scene_iova(10) - MOCK_PAGE_SIZE));
	CALL(map_at(s, mem + 6 * page, page, scene_iova(7)));
	CALL(unmap(s, scene_iova(7), page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(map_bad, no_memory_there)
{
	struct scene *s = &self->scene;
	unsigned long i;
	char *mem;

	REFUSED(EFAULT, map_at(s, NULL, page, scene_iova(10)));
	REFUSED(EFAULT, map_at(s, (void *)(1UL << 63), page, scene_iova(10)));
	REFUSED(EFAULT, map_at(s, (void *)(-16 * page), page, scene_iova(10)));
	REFUSED(EFAULT, map_ro_at(s, (void *)(1UL << 63), page,
				  scene_iova(10)));

	/* A page is missing: the last, the first, one in the middle */
	for (i = 0; i != 3; i++) {
		static const unsigned long missing[] = { 39, 0, 20 };
		char *hole;

		mem = memory_new(40);
		ASSERT_NE(NULL, mem);
		hole = mem + missing[i] * page;
		munmap(hole, page);
		REFUSED(EFAULT, map_at(s, mem, 40 * page, scene_iova(20)));
		EXPECT_EQ(0, mock_check_refs(s->fd, mem + 5 * page, 10 * page,
					     0));
		/* Present, but not for us */
		ASSERT_EQ(hole, mmap(hole, page, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0));
		REFUSED(EFAULT, map_at(s, mem, 40 * page, scene_iova(20)));
		REFUSED(EFAULT, map_ro_at(s, mem, 40 * page, scene_iova(20)));
		EXPECT_EQ(0, mock_check_refs(s->fd, mem + 5 * page, 10 * page,
					     0));
		munmap(mem, 40 * page);
	}
}

TEST_F(map_bad, huge_pages_with_a_hole)
{
	struct scene *s = &self->scene;
	char *mem = memory_new_huge(4 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, mem);
	madvise(mem, 4 * HUGE_SIZE, MADV_HUGEPAGE);
	memset(mem, 1, 4 * HUGE_SIZE);
	munmap(mem + 3 * HUGE_SIZE + 100 * page, page);
	REFUSED(EFAULT, map_at(s, mem, 4 * HUGE_SIZE, 0x20000000));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 3 * HUGE_SIZE, 0));
	munmap(mem, 4 * HUGE_SIZE);
}

TEST_F(map_bad, read_only_memory)
{
	struct scene *s = &self->scene;
	char *mem = memory_new(4);
	char *shared;
	int file, ro;
	char path[32];

	/* The last page only */
	ASSERT_EQ(0, mprotect(mem + 3 * page, page, PROT_READ));
	REFUSED(EFAULT, map_at(s, mem, 4 * page, scene_iova(10)));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 4 * page, 0));
	CALL(map_ro_at(s, mem, 4 * page, scene_iova(10)));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 4 * page, 1));
	CALL(unmap(s, scene_iova(10), 4 * page));
	scene_compare(_metadata, s, __LINE__);

	/* Shared memory that may not be written through this mapping */
	file = memfd_create("map_bad", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(file, page));
	shared = mmap(NULL, page, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, shared);
	scene_remember(s);
	REFUSED(EFAULT, map_at(s, shared, page, scene_iova(10)));
	munmap(shared, page);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, ro);
	shared = mmap(NULL, page, PROT_READ, MAP_SHARED, ro, 0);
	ASSERT_NE(MAP_FAILED, shared);
	scene_remember(s);
	REFUSED(EFAULT, map_at(s, shared, page, scene_iova(10)));
	CALL(map_ro_at(s, shared, page, scene_iova(10)));
	CALL(unmap(s, scene_iova(10), page));
	munmap(shared, page);
	munmap(mem, 4 * page);
	close(file);
	close(ro);
}

/* Memory of a device, that has no pages to pin */
TEST_F(map_bad, not_memory)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	struct scene *s = &self->scene;
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = s->dev.idev,
		.data_len = sizeof(data),
		.data_uptr = to_u64(&data),
	};
	void *mmio;

	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &cmd.hwpt_id));
	CALL(iommu_call(s->fd, IOMMU_VIOMMU_ALLOC, &cmd));
	mmio = mmap(NULL, data.out_mmap_length, PROT_READ | PROT_WRITE,
		    MAP_SHARED, s->fd, data.out_mmap_offset);
	ASSERT_NE(MAP_FAILED, mmio);
	scene_remember(s);
	REFUSED(EFAULT, map_at(s, mmio, page, scene_iova(10)));
	REFUSED(EFAULT, map_ro_at(s, mmio, page, scene_iova(10)));
	munmap(mmio, data.out_mmap_length);
	CALL(object_destroy(s->fd, cmd.out_viommu_id));
	CALL(object_destroy(s->fd, cmd.hwpt_id));
}

TEST_F(map_bad, unmap)
{
	struct scene *s = &self->scene;
	__u64 unmapped;

	REFUSED(EINVAL, unmap(s, scene_iova(1), 0));
	REFUSED(EINVAL, unmap(s, 0, 0));
	REFUSED(EOVERFLOW, unmap(s, scene_iova(1), EVERYTHING));
	REFUSED(EOVERFLOW, unmap(s, EVERYTHING, 2));

	/* Nothing there */
	REFUSED(ENOENT, unmap(s, scene_iova(0), page));
	REFUSED(ENOENT, unmap(s, scene_iova(7), page));
	REFUSED(ENOENT, unmap(s, scene_iova(10), 10 * page));
	REFUSED(ENOENT, unmap(s, 0, page));
	REFUSED(ENOENT, unmap(s, 0 - page, page));

	/* Part of an area, alone or with another that is all inside */
	REFUSED(ENOENT, unmap(s, scene_iova(1), page));
	REFUSED(ENOENT, unmap(s, scene_iova(1), 4 * page - 1));
	REFUSED(ENOENT, unmap(s, scene_iova(2), 3 * page));
	REFUSED(ENOENT, unmap(s, scene_iova(2), page));
	REFUSED(ENOENT, unmap(s, scene_iova(1) + 1, 4 * page - 1));
	REFUSED(ENOENT, unmap(s, scene_iova(2), 8 * page));
	REFUSED(ENOENT, unmap(s, scene_iova(0), 6 * page));
	REFUSED(ENOENT, unmap(s, scene_iova(0), 9 * page));
	REFUSED(ENOENT, unmap(s, scene_iova(4), 6 * page));

	/* More than an area is fine, and says how much there was */
	CALL(map_at(s, scene_mem(s, 6), page, scene_iova(11)));
	CALL(ioas_unmap_count(s->fd, s->ioas, scene_iova(10) + 1, 50 * page - 1,
			      &unmapped));
	EXPECT_EQ(page, unmapped);
	scene_compare(_metadata, s, __LINE__);
}

static int copy(struct scene *s, __u64 from, __u64 length, __u64 to)
{
	return ioas_copy_at(s->fd, s->ioas, s->ioas, from, length, to);
}

static int copy_flags(struct scene *s, __u64 from, __u64 length, __u32 flags)
{
	__u64 to = scene_iova(10);

	return ioas_copy(s->fd, s->ioas, s->ioas, from, length, &to, flags);
}

TEST_F(map_bad, copy)
{
	struct scene *s = &self->scene;
	__u64 from = scene_iova(1), to = scene_iova(10);
	unsigned int bit;

	for (bit = 3; bit != 32; bit++)
		REFUSED(EOPNOTSUPP, copy_flags(s, from, 4 * page,
					       MAP_RW_AT | 1U << bit));
	REFUSED(EINVAL, copy_flags(s, from, 4 * page,
				   IOMMU_IOAS_MAP_FIXED_IOVA));
	REFUSED(EINVAL, copy(s, from, 0, to));
	REFUSED(EOVERFLOW, copy(s, from, EVERYTHING, to));
	REFUSED(EOVERFLOW, copy(s, EVERYTHING, 2, to));
	REFUSED(EOVERFLOW, copy(s, from, 4 * page, 0 - 3 * page));

	/* The source is not mapped, or not all of it */
	REFUSED(ENOENT, copy(s, scene_iova(0), page, to));
	REFUSED(ENOENT, copy(s, scene_iova(0), 2 * page, to));
	REFUSED(ENOENT, copy(s, scene_iova(7), page, to));
	REFUSED(ENOENT, copy_flags(s, scene_iova(5), 3 * page, MAP_RO_AT));
	REFUSED(ENOENT, copy_flags(s, scene_iova(5), 5 * page, MAP_RO_AT));
	REFUSED(ENOENT, copy(s, 0, page, to));

	/* What devices must not write to, they must not in a copy either */
	REFUSED(EPERM, copy(s, scene_iova(5), 2 * page, to));
	REFUSED(EPERM, copy(s, scene_iova(8), 2 * page, to));
	REFUSED(EPERM, copy(s, scene_iova(1), 6 * page, to));

	/* The destination */
	REFUSED(EEXIST, copy(s, from, 4 * page, from));
	REFUSED(EEXIST, copy(s, from, 4 * page, scene_iova(4)));
	REFUSED(EEXIST, copy(s, from, 4 * page, scene_iova(0)));
	REFUSED(EINVAL, copy(s, from, 4 * page, to + 1));
	REFUSED(EINVAL, copy(s, from, 4 * page, 0));
	REFUSED(EINVAL, copy(s, from, 4 * page,
			     MOCK_APERTURE_LAST + 1ULL - page));
}

TEST_F(map_bad, copy_more_than_fits)
{
	struct scene *s = &self->scene;
	__u64 to = scene_iova(7);

	/* Three areas, of which only the first would fit */
	CALL(map_ro_at(s, scene_mem(s, 7), page, scene_iova(7)));
	CALL(map_ro_at(s, scene_mem(s, 6), 2 * page, 0x20000000));
	scene_remember(s);
	REFUSED(EEXIST, ioas_copy(s->fd, s->ioas, s->ioas, scene_iova(1),
				  9 * page, &(__u64){ 0x20000000 - 8 * page },
				  MAP_RO_AT));
	CALL(unmap(s, to, page));
	CALL(unmap(s, 0x20000000, 2 * page));
}

TEST_HARNESS_MAIN
