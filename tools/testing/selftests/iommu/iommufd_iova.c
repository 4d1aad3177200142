// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IOVAs may be used, and which one a mapping gets that does not ask for
 * one. Without devices, where they do not matter: then any IOVA will do.
 */
#include "iommufd_check.h"

#define NPAGES 64

FIXTURE(iova)
{
	int fd;
	__u32 ioas;
	char *mem;
};

FIXTURE_SETUP(iova)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	self->mem = memory_new_huge(2 * HUGE_SIZE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(iova)
{
	munmap(self->mem, 2 * HUGE_SIZE);
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, close(self->fd));
}

static int map_any(struct _test_data_iova *self, unsigned long offset,
		   __u64 length, __u64 *iova)
{
	*iova = 0xdead;
	return ioas_map(self->fd, self->ioas, self->mem + offset, length, iova,
			MAP_RW);
}

static int allow_one(struct _test_data_iova *self, __u64 start, __u64 last)
{
	struct iommu_iova_range range = { start, last };

	return ioas_allow(self->fd, self->ioas, &range, 1);
}

TEST_F(iova, fresh)
{
	struct iommu_iova_range range;
	__u64 alignment;
	__u32 num = 1;

	CALL(ioas_ranges(self->fd, self->ioas, &range, &num, &alignment));
	EXPECT_EQ(1, num);
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(EVERYTHING, range.last);
	EXPECT_EQ(1, alignment);
}

TEST_F(iova, both_ends)
{
	__u64 unmapped;

	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0 - page));
	EXPECT_EQ(-EEXIST, ioas_map_at(self->fd, self->ioas, self->mem, 1, 0));
	EXPECT_EQ(-EEXIST, ioas_map_at(self->fd, self->ioas, self->mem, 1,
				       EVERYTHING));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 1, 0x1234567));
	CALL(ioas_unmap_count(self->fd, self->ioas, 0, EVERYTHING, &unmapped));
	EXPECT_EQ(2 * page + 1, unmapped);
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0 - page));
	CALL(ioas_unmap(self->fd, self->ioas, 0 - page, page));
}

/* Filled up exactly, page by page */
TEST_F(iova, exhausted)
{
	bool used[NPAGES] = {};
	__u64 iova, hole;
	int i;

	CALL(allow_one(self, 0x100000, 0x100000 + NPAGES * page - 1));
	for (i = 0; i != NPAGES; i++) {
		CALL(map_any(self, i * page, page, &iova));
		ASSERT_LE(0x100000, iova);
		ASSERT_GT(0x100000 + NPAGES * page, iova);
		ASSERT_EQ(0, iova % page);
		ASSERT_FALSE(used[(iova - 0x100000) / page]);
		used[(iova - 0x100000) / page] = true;
	}
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 1, &iova));

	/* What becomes free is used again, if it is large enough */
	hole = 0x100000 + 17 * page;
	CALL(ioas_unmap(self->fd, self->ioas, hole, page));
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 2 * page, &iova));
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(hole, iova);
	CALL(ioas_unmap(self->fd, self->ioas, hole, page));
	CALL(ioas_unmap(self->fd, self->ioas, hole + 2 * page, page));
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 2 * page, &iova));
	CALL(ioas_unmap(self->fd, self->ioas, hole + page, page));
	CALL(map_any(self, page, 3 * page, &iova));
	EXPECT_EQ(hole, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));
}

TEST_F(iova, lowest_fit)
{
	__u64 first, iova;
	int i;

	CALL(allow_one(self, 0x1000000, 0x1ffffff));
	CALL(map_any(self, 0, page, &first));
	EXPECT_EQ(0x1000000, first);
	for (i = 1; i != NPAGES; i++) {
		CALL(map_any(self, 0, page, &iova));
		EXPECT_EQ(first + i * page, iova);
	}
	/* A small hole, then a larger one above: each takes what fits */
	CALL(ioas_unmap(self->fd, self->ioas, first + 5 * page, page));
	for (i = 30; i != 32; i++)
		CALL(ioas_unmap(self->fd, self->ioas, first + i * page, page));
	CALL(map_any(self, 0, 2 * page, &iova));
	EXPECT_EQ(first + 30 * page, iova);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(first + 5 * page, iova);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(first + NPAGES * page, iova);
}

/* So that large pages can be used for large memory */
TEST_F(iova, congruent)
{
	__u64 iova, next;

	CALL(allow_one(self, 0x1001000, 0x7fffffff));
	CALL(map_any(self, 0, HUGE_SIZE, &iova));
	EXPECT_EQ(0, iova % HUGE_SIZE);
	CALL(map_any(self, 0, 2 * HUGE_SIZE, &next));
	EXPECT_EQ(0, next % HUGE_SIZE);
	EXPECT_LE(iova + HUGE_SIZE, next);
	CALL(map_any(self, 0x3000, HUGE_SIZE, &iova));
	EXPECT_EQ(0x3000, iova % HUGE_SIZE);
	/* In a page as well */
	CALL(map_any(self, 0x123, page, &iova));
	EXPECT_EQ(0x123, iova % page);
}

/* A length in between counts as the next power of two */
TEST_F(iova, congruent_rounded_up)
{
	__u64 iova;
	int file;

	CALL(allow_one(self, 0x1001000, 0x7fffffff));
	/* The memory is at a boundary of huge pages */
	CALL(map_any(self, 0, 3 * page, &iova));
	EXPECT_EQ(0, iova % (4 * page));
	CALL(map_any(self, 5 * page, 3 * page, &iova));
	EXPECT_EQ(page, iova % (4 * page));
	CALL(map_any(self, page, HUGE_SIZE - page, &iova));
	EXPECT_EQ(page, iova % HUGE_SIZE);

	/* A file begins at such a boundary */
	file = memfd_create("congruent", MFD_CLOEXEC);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, 3 * page));
	CALL(ioas_map_file(self->fd, self->ioas, file, 0, 3 * page, &iova,
			   MAP_RW));
	EXPECT_EQ(0, iova % (4 * page));
	EXPECT_EQ(0, close(file));
}

/* 0 means none, and an end behind the last page would be 0 */
TEST_F(iova, neither_end)
{
	__u64 iova;

	CALL(allow_one(self, 0, 2 * page - 1));
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(page, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));
	CALL(allow_one(self, 0 - 2 * page, EVERYTHING));
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(0 - 2 * page, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));

	/* Whoever asks for them gets them */
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0 - page));
	CALL(ioas_allow(self->fd, self->ioas, NULL, 0));
	CALL(map_any(self, 0, 1, &iova));
	EXPECT_LT(0, iova);
}

/* Better badly aligned than nowhere */
TEST_F(iova, no_congruent_place)
{
	__u64 iova;

	CALL(allow_one(self, 0x1001000, 0x1001000 + HUGE_SIZE - 1));
	CALL(map_any(self, 0, HUGE_SIZE, &iova));
	EXPECT_EQ(0x1001000, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));
	CALL(ioas_unmap(self->fd, self->ioas, 0x1001000, HUGE_SIZE));
	EXPECT_EQ(-ENOSPC, map_any(self, 0, HUGE_SIZE + 1, &iova));
}

TEST_F(iova, several_allowed)
{
	struct iommu_iova_range ranges[] = {
		{ 0x5000000, 0x5000fff },
		{ 0x1000000, 0x1001fff },
		{ 0x3000000, 0x3002fff },
	};
	__u64 iova;

	CALL(ioas_allow(self->fd, self->ioas, ranges, ARRAY_SIZE(ranges)));
	CALL(map_any(self, 0, 3 * page, &iova));
	EXPECT_EQ(0x3000000, iova);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(0x1000000, iova);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(0x1001000, iova);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(0x5000000, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, page, &iova));
	/* The list is for automatic IOVAs only */
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 0x2000000));
}

TEST_F(iova, around_reserved)
{
	const __u64 base = 0x1000000;
	struct iommu_iova_range ranges[3];
	__u64 iova, alignment;
	__u32 num = 3;
	int i;

	/* Every second page, from base on; everything else far and wide too */
	CALL(mock_reserve(self->fd, self->ioas, 0, base));
	for (i = 1; i < 16; i += 2)
		CALL(mock_reserve(self->fd, self->ioas, base + i * page, page));
	CALL(mock_reserve(self->fd, self->ioas, base + 16 * page,
			  0x70000000 - (base + 16 * page)));
	CALL(mock_reserve(self->fd, self->ioas, 0x70002000,
			  0 - 0x70002000ULL));
	EXPECT_EQ(-EMSGSIZE, ioas_ranges(self->fd, self->ioas, ranges, &num,
					 &alignment));
	EXPECT_EQ(9, num);
	EXPECT_EQ(base + 2 * page, ranges[1].start);
	EXPECT_EQ(base + 3 * page - 1, ranges[1].last);

	CALL(map_any(self, 0, 2 * page, &iova));
	EXPECT_EQ(0x70000000, iova);
	for (i = 0; i < 16; i += 2) {
		CALL(map_any(self, 0, page, &iova));
		EXPECT_EQ(base + i * page, iova);
	}
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 1, &iova));
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas, self->mem, page,
				       base + page));
	EXPECT_EQ(-EADDRINUSE, mock_reserve(self->fd, self->ioas, base, 1));
}

TEST_F(iova, all_reserved)
{
	struct iommu_iova_range range;
	__u64 iova, alignment;
	__u32 num = 1;

	CALL(mock_reserve(self->fd, self->ioas, 0, EVERYTHING));
	CALL(mock_reserve(self->fd, self->ioas, EVERYTHING, 1));
	CALL(ioas_ranges(self->fd, self->ioas, &range, &num, &alignment));
	EXPECT_EQ(0, num);
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 1, &iova));
	EXPECT_EQ(-EADDRINUSE, allow_one(self, 5, 5));
}

/* Large memory goes back to where it was, in the middle of others */
TEST_F(iova, large_hole)
{
	struct mock_dev dev = {};
	__u64 iovas[6], iova;
	int i, pass;

	for (pass = 0; pass != 2; pass++) {
		for (i = 0; i != 6; i++)
			CALL(map_any(self, 0, HUGE_SIZE, &iovas[i]));
		CALL(ioas_unmap(self->fd, self->ioas, iovas[2], HUGE_SIZE));
		CALL(map_any(self, 0, HUGE_SIZE, &iova));
		EXPECT_EQ(iovas[2], iova);
		CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
		/* Again, with the alignment that a device asks for */
		if (!pass)
			CALL(mock_attach(self->fd, self->ioas, &dev));
	}
	CALL(object_destroy(self->fd, dev.id));
}

/* Devices narrow what can be used, and give it back */
TEST_F(iova, narrowed_by_device)
{
	struct iommu_iova_range range;
	__u64 alignment, iova;
	struct mock_dev dev;
	__u32 num = 1;

	CALL(mock_attach(self->fd, self->ioas, &dev));
	CALL(ioas_ranges(self->fd, self->ioas, &range, &num, &alignment));
	EXPECT_EQ(1, num);
	EXPECT_EQ(MOCK_APERTURE_START, range.start);
	EXPECT_EQ(MOCK_APERTURE_LAST, range.last);
	EXPECT_EQ(MOCK_PAGE_SIZE, alignment);
	CALL(map_any(self, 0, page, &iova));
	EXPECT_LE(MOCK_APERTURE_START, iova);
	EXPECT_GE(MOCK_APERTURE_LAST, iova);
	EXPECT_EQ(-EINVAL, allow_one(self, 1, 0));
	EXPECT_EQ(-EADDRINUSE, allow_one(self, 0, 1));
	EXPECT_EQ(-ENOSPC, map_any(self, 0, 1ULL << 31, &iova));

	CALL(object_destroy(self->fd, dev.id));
	CALL(ioas_ranges(self->fd, self->ioas, &range, &num, &alignment));
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(EVERYTHING, range.last);
	EXPECT_EQ(1, alignment);
	CALL(allow_one(self, 0, 1));
}

/* No pattern of holes may hide one of them */
TEST_F(iova, many_areas)
{
	enum { AREAS = 1000 };
	static __u64 iovas[AREAS];
	__u64 iova, unmapped, end = 0;
	unsigned int seed = 7;
	int i, freed = 0;

	CALL(allow_one(self, 0x1000000, 0x7fffffff));
	for (i = 0; i != AREAS; i++) {
		CALL(map_any(self, 0, page, &iovas[i]));
		if (iovas[i] + page > end)
			end = iovas[i] + page;
	}
	EXPECT_EQ(0x1000000 + AREAS * page, end);
	for (i = 0; i != AREAS; i++) {
		if (rand_r(&seed) % 3)
			continue;
		CALL(ioas_unmap(self->fd, self->ioas, iovas[i], page));
		freed++;
	}
	while (freed--) {
		CALL(map_any(self, 0, page, &iova));
		ASSERT_GT(end, iova);
	}
	CALL(map_any(self, 0, page, &iova));
	EXPECT_EQ(end, iova);
	CALL(ioas_unmap_count(self->fd, self->ioas, 0, EVERYTHING, &unmapped));
	EXPECT_EQ((AREAS + 1) * page, unmapped);
}

TEST_HARNESS_MAIN
