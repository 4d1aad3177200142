// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test driver's invariant checker: what is right passes, in all the shapes
 * that memory can have; and each thing that can be wrong is noticed.
 */
#include <linux/memfd.h>
#include <pthread.h>

#include "iommufd_check.h"

#define NPAGES 64
#define IOVA 0x20000000ULL
/* One page, read only, with room behind it */
#define RO_IOVA 0x30000000ULL
#define RUNS_IOVA 0x40000000ULL

FIXTURE(invariants)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	char *mem;
};

/* Memory whose pages are not side by side: every other one is given back */
static char *memory_scattered(unsigned long npages)
{
	char *mem = memory_new(2 * npages);
	unsigned long i;

	if (!mem)
		return NULL;
	for (i = 1; i != npages; i++)
		if (mremap(mem + 2 * i * page, page, page,
			   MREMAP_MAYMOVE | MREMAP_FIXED,
			   mem + i * page) == MAP_FAILED)
			return NULL;
	return mem;
}

/* What the IOMMU does where a part of an entry is unmapped: never asked to */
FIXTURE_VARIANT(invariants)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(invariants, loose)
{
};

FIXTURE_VARIANT_ADD(invariants, strict)
{
	.flags = MOCK_FLAGS_DEVICE_STRICT,
};

FIXTURE_SETUP(invariants)
{
	__u64 iova = RO_IOVA;

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(NPAGES + 1);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach_flags(self->fd, self->ioas, variant->flags,
			       &self->dev));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, NPAGES * page, IOVA));
	CALL(ioas_map(self->fd, self->ioas, self->mem + NPAGES * page, page,
		      &iova, MAP_RO_AT));
}

FIXTURE_TEARDOWN(invariants)
{
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
}

static const char *const corruptions[IOMMU_TEST_CORRUPT_MAX] = {
	[IOMMU_TEST_CORRUPT_NOTHING] = "nothing",
	[IOMMU_TEST_CORRUPT_STRAY_ENTRY] = "an entry that is nobody's",
	[IOMMU_TEST_CORRUPT_MISSING_ENTRY] = "a missing entry",
	[IOMMU_TEST_CORRUPT_WRONG_ENTRY] = "an entry that leads elsewhere",
	[IOMMU_TEST_CORRUPT_WRITABLE_ENTRY] = "an entry that is writable",
	[IOMMU_TEST_CORRUPT_PIN] = "a page that is not pinned",
	[IOMMU_TEST_CORRUPT_RUN] = "a run of other pages",
	[IOMMU_TEST_CORRUPT_RUN_TOTAL] = "the size of a store",
	[IOMMU_TEST_CORRUPT_CLAIMS] = "the number of claims",
	[IOMMU_TEST_CORRUPT_EXTENT] = "an extent's claims",
	[IOMMU_TEST_CORRUPT_EXTENT_BOUND] = "an extent's end",
	[IOMMU_TEST_CORRUPT_STORE] = "a store's users",
	[IOMMU_TEST_CORRUPT_CHARGED] = "what is charged",
	[IOMMU_TEST_CORRUPT_VM_PIN] = "VmPin",
	[IOMMU_TEST_CORRUPT_GAP] = "a gap",
	[IOMMU_TEST_CORRUPT_LARGEST_GAP] = "the largest gap",
	[IOMMU_TEST_CORRUPT_AREA_STATE] = "an area's state",
	[IOMMU_TEST_CORRUPT_AREA_START] = "an area's start",
	[IOMMU_TEST_CORRUPT_AREA_PINS] = "an area's pins",
	[IOMMU_TEST_CORRUPT_ALIGNMENT] = "the alignment",
	[IOMMU_TEST_CORRUPT_PARTIAL_UNMAP] = "an entry that was unmapped in part",
};

/* A checker that checks nothing fails here */
TEST_F(invariants, notices)
{
	__u32 kind, found;

	for (kind = 0; kind != IOMMU_TEST_CORRUPT_MAX; kind++) {
		CALL(check_corrupted(self->fd, self->ioas, RO_IOVA, kind,
				     &found));
		EXPECT_EQ(kind != IOMMU_TEST_CORRUPT_NOTHING, !!found)
			TH_LOG("%s", corruptions[kind]);
		/* It was put right again */
		EXPECT_EQ(0, check_invariants(self->fd))
			TH_LOG("after %s", corruptions[kind]);
	}
}

/* The same in an area of many pages, where it can be done there */
TEST_F(invariants, notices_large)
{
	__u32 kind, found;

	for (kind = IOMMU_TEST_CORRUPT_PIN; kind != IOMMU_TEST_CORRUPT_MAX;
	     kind++) {
		CALL(check_corrupted(self->fd, self->ioas, IOVA, kind, &found));
		EXPECT_NE(0, found)
			TH_LOG("%s", corruptions[kind]);
		EXPECT_EQ(0, check_invariants(self->fd));
	}
}

TEST_F(invariants, corrupt_bad)
{
	__u32 found;

	EXPECT_EQ(-EOPNOTSUPP, check_corrupted(self->fd, self->ioas, IOVA,
					       IOMMU_TEST_CORRUPT_MAX, &found));
	EXPECT_EQ(-ENOENT, check_corrupted(self->fd, self->dev.id, IOVA, 0,
					   &found));
	EXPECT_EQ(-EINVAL, check_corrupted(self->fd, self->ioas, IOVA + page, 0,
					   &found));
}

/* Every shape of claims: copies, accesses, cuts, several domains */
TEST_F(invariants, shared)
{
	struct mock_dev dev;
	__u32 other, pin, hwpt;
	int access;

	CALL(ioas_alloc(self->fd, &other));
	CALL(ioas_copy_at(self->fd, other, self->ioas, IOVA + 8 * page,
			  16 * page, IOVA));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(mock_attach_flags(self->fd, other, variant->flags, &dev));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(access_create(self->fd, self->ioas,
			   MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, &access));
	CALL(access_pin(self->fd, access, IOVA + 4 * page, self->mem + 4 * page,
			8 * page, &pin));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas, 0, &hwpt));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(access_unpin(self->fd, access, pin));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(ioas_unmap(self->fd, self->ioas, 0, ~0ULL));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(object_destroy(self->fd, dev.id));
	close(access);
	EXPECT_EQ(0, check_invariants(self->fd));
}

/* Scattered pages: chunks of runs, and the compact form of single pages */
TEST_F(invariants, scattered)
{
	char *mem = memory_scattered(4096);
	__u32 kind, found;

	ASSERT_NE(NULL, mem);
	CALL(ioas_map_at(self->fd, self->ioas, mem, 4096 * page, RUNS_IOVA));
	EXPECT_EQ(0, check_invariants(self->fd));
	for (kind = IOMMU_TEST_CORRUPT_PIN; kind <= IOMMU_TEST_CORRUPT_STORE;
	     kind++) {
		CALL(check_corrupted(self->fd, self->ioas, RUNS_IOVA, kind,
				     &found));
		EXPECT_NE(0, found)
			TH_LOG("%s", corruptions[kind]);
	}
}

TEST_F(invariants, huge)
{
	char *mem = memory_new_huge(2 * HUGE_SIZE, PROT_READ | PROT_WRITE);
	__u32 found;

	ASSERT_NE(NULL, mem);
	madvise(mem, 2 * HUGE_SIZE, MADV_HUGEPAGE);
	memset(mem, 1, 2 * HUGE_SIZE);
	CALL(ioas_map_at(self->fd, self->ioas, mem + page,
			 2 * HUGE_SIZE - page, RUNS_IOVA));
	EXPECT_EQ(0, check_invariants(self->fd));
	/* A folio has a count for all of its pages: one less than there are */
	CALL(check_corrupted(self->fd, self->ioas, RUNS_IOVA,
			     IOMMU_TEST_CORRUPT_PIN, &found));
	EXPECT_NE(0, found);
}

TEST_F(invariants, files)
{
	struct iommu_test_cmd cmd = {
		.dmabuf_get = { .length = 4 * page, .open_flags = O_RDWR },
	};
	struct iommu_test_cmd revoke = {};
	int memfd = memfd_create("invariants", MFD_CLOEXEC);
	int dmabuf;

	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, ftruncate(memfd, 16 * page));
	CALL(ioas_map_file_at(self->fd, self->ioas, memfd, 4 * page, 8 * page,
			      RUNS_IOVA));
	dmabuf = test_call(self->fd, IOMMU_TEST_OP_DMABUF_GET, &cmd);
	ASSERT_LE(0, dmabuf);
	CALL(ioas_map_file_at(self->fd, self->ioas, dmabuf, 0, 4 * page,
			      RUNS_IOVA + 16 * page));
	EXPECT_EQ(0, check_invariants(self->fd));
	revoke.dmabuf_revoke.dmabuf_fd = dmabuf;
	revoke.dmabuf_revoke.revoked = true;
	CALL(test_call(self->fd, IOMMU_TEST_OP_DMABUF_REVOKE, &revoke));
	EXPECT_EQ(0, check_invariants(self->fd));
	CALL(ioas_unmap(self->fd, self->ioas, RUNS_IOVA + 16 * page, 4 * page));
	EXPECT_EQ(0, check_invariants(self->fd));
	close(dmabuf);
	close(memfd);
}

static void *map_and_unmap(void *arg)
{
	struct _test_data_invariants *self = arg;
	int i, rc;

	for (i = 0; i != 200; i++) {
		rc = ioas_map_at(self->fd, self->ioas, self->mem, 16 * page,
				 RUNS_IOVA);
		if (!rc)
			rc = ioas_unmap(self->fd, self->ioas, RUNS_IOVA,
					16 * page);
		if (rc)
			return (void *)1;
	}
	return NULL;
}

/* Others go on: what they have half done is not seen */
TEST_F(invariants, concurrent)
{
	pthread_t thread;
	void *failed;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, self));
	for (i = 0; i != 50; i++)
		EXPECT_EQ(0, check_invariants(self->fd));
	ASSERT_EQ(0, pthread_join(thread, &failed));
	EXPECT_EQ(NULL, failed);
}

TEST_HARNESS_MAIN
