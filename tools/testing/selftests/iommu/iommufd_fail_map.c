// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection into the calls of IO address spaces: what memory is mapped,
 * where, by whom it is read, and who pays; and VFIO's names for them.
 */
#include <linux/memfd.h>

#include "iommufd_fail.h"

#define IOVA 0x20000000ULL
#define OTHER_IOVA 0x30000000ULL
/* More pages than are pinned at a time, and runs than a first chunk has */
#define MANY 600
#define FEW 4

FIXTURE(fail_map)
{
	struct scene scene;
	int fail_nth;
	__u32 other;
	struct mock_dev other_dev;
	int access;
	char *mem;
	char *many;
	char *huge;
	int memfd;
	int small;
};

/* Every other page of a memfd: no two of them are neighbours */
static char *memory_from(int memfd, unsigned long npages)
{
	char *mem = mmap(NULL, npages * page, PROT_READ | PROT_WRITE,
			 MAP_SHARED, memfd, 0);
	unsigned long i;

	for (i = 0; i != npages; i++) {
		mem[i * page] = i;
		if (mmap(mem + i * page, page, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, memfd,
			 i * 7 % npages * page) == MAP_FAILED)
			return NULL;
	}
	return mem;
}

FIXTURE_SETUP(fail_map)
{
	self->fail_nth = fail_prepare();
	if (self->fail_nth == -ENOENT)
		SKIP(return, "fault injection is not enabled in the kernel");
	ASSERT_LE(0, self->fail_nth);
	scene_setup(_metadata, &self->scene);
	CALL(ioas_alloc(self->scene.fd, &self->other));
	CALL(mock_attach(self->scene.fd, self->other, &self->other_dev));
	CALL(access_create(self->scene.fd, self->scene.ioas,
			   MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
			   &self->access));
	self->mem = memory_new(FEW);
	self->memfd = memfd_create("fail", MFD_CLOEXEC);
	self->small = memfd_create("fail_small", MFD_CLOEXEC);
	ASSERT_NE(NULL, self->mem);
	ASSERT_LE(0, self->memfd);
	ASSERT_EQ(0, ftruncate(self->memfd, MANY * page));
	ASSERT_EQ(0, ftruncate(self->small, 64 * page));
	self->many = memory_from(self->memfd, MANY);
	self->huge = memory_new_huge(HUGE_SIZE, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, self->many);
	ASSERT_NE(NULL, self->huge);
	madvise(self->huge, HUGE_SIZE, MADV_HUGEPAGE);
	memset(self->huge, 1, HUGE_SIZE);
}

FIXTURE_TEARDOWN(fail_map)
{
	close(self->access);
	close(self->fail_nth);
	EXPECT_EQ(0, object_destroy(self->scene.fd, self->other_dev.id));
	EXPECT_EQ(0, object_destroy(self->scene.fd, self->other));
	scene_teardown(_metadata, &self->scene);
}

#define UNMAP(_ioas, _iova, _length)                                         \
	UNDO(ioas_unmap(self->scene.fd, _ioas, _iova, _length))

TEST_F(fail_map, ioas)
{
	struct iommu_iova_range ranges[SCENE_MAX_RANGES];
	struct iommu_iova_range allow[] = {
		{ SCENE_IOVA, IOVA + HUGE_SIZE - 1 },
		{ OTHER_IOVA, OTHER_IOVA + HUGE_SIZE - 1 },
	};
	int fd = self->scene.fd;
	__u64 alignment, value = 0;
	__u32 num, id;

	FAIL_EVERY("IOAS_ALLOC", NO_MEMORY | NO_COPY, ioas_alloc(fd, &id),
		   UNDO(object_destroy(fd, id)));
	FAIL_EVERY("IOAS_IOVA_RANGES", NO_MEMORY | NO_COPY,
		   (num = SCENE_MAX_RANGES,
		    ioas_ranges(fd, self->scene.ioas, ranges, &num,
				&alignment)), NOTHING);
	FAIL_EVERY("IOAS_ALLOW_IOVAS", NO_MEMORY | NO_COPY,
		   ioas_allow(fd, self->scene.ioas, allow, ARRAY_SIZE(allow)),
		   UNDO(ioas_allow(fd, self->scene.ioas, NULL, 0)));
	FAIL_EVERY("OPTION get", NO_COPY,
		   option_get(fd, IOMMU_OPTION_HUGE_PAGES, self->scene.ioas,
			      &value), NOTHING);
	FAIL_EVERY("OPTION set", NO_COPY,
		   option_set(fd, IOMMU_OPTION_HUGE_PAGES, self->other, 0),
		   UNDO(option_set(fd, IOMMU_OPTION_HUGE_PAGES, self->other,
				   1)));
}

/* An IOAS that is not empty; its ID is back in use before it is compared */
TEST_F(fail_map, destroy)
{
	int fd = self->scene.fd;
	__u32 id, again;

	CALL(ioas_alloc(fd, &id));
	FAIL_EVERY("DESTROY", NO_COPY, object_destroy(fd, id),
		   UNDO(ioas_alloc(fd, &again)); EXPECT_EQ(id, again));
	CALL(object_destroy(fd, id));
}

TEST_F(fail_map, map)
{
	int fd = self->scene.fd;
	__u64 iova;

	FAIL_EVERY("IOAS_MAP one page", NO_MEMORY | NO_COPY,
		   ioas_map_at(fd, self->scene.ioas, self->mem, page, IOVA),
		   UNMAP(self->scene.ioas, IOVA, page));
	FAIL_EVERY("IOAS_MAP anywhere", NO_MEMORY | NO_COPY,
		   (iova = 0, ioas_map(fd, self->scene.ioas, self->mem,
				       FEW * page, &iova, MAP_RW)),
		   UNMAP(self->scene.ioas, iova, FEW * page));
	FAIL_EVERY("IOAS_MAP scattered", NO_MEMORY | NO_COPY,
		   ioas_map_at(fd, self->scene.ioas, self->many, MANY * page,
			       IOVA),
		   UNMAP(self->scene.ioas, IOVA, MANY * page));
	FAIL_EVERY("IOAS_MAP huge", NO_MEMORY | NO_COPY,
		   ioas_map_at(fd, self->scene.ioas, self->huge + page,
			       HUGE_SIZE - page, IOVA),
		   UNMAP(self->scene.ioas, IOVA, HUGE_SIZE - page));
}

static int map_untouched(int fd, __u32 ioas, char *mem, unsigned long npages)
{
	/* The pages that a failed call has faulted in are given back first */
	madvise(mem, npages * page, MADV_DONTNEED);
	return ioas_map_at(fd, ioas, mem, npages * page, IOVA);
}

TEST_F(fail_map, map_untouched)
{
	int fd = self->scene.fd;

	FAIL_EVERY("IOAS_MAP not touched yet", NO_MEMORY | NO_COPY,
		   map_untouched(fd, self->scene.ioas, self->mem, FEW),
		   UNMAP(self->scene.ioas, IOVA, FEW * page));
}

/* Two domains, the second of which fails: the first must be emptied */
TEST_F(fail_map, map_two_domains)
{
	int fd = self->scene.fd;
	struct mock_dev dev;
	__u32 hwpt;

	CALL(hwpt_alloc(fd, self->other_dev.idev, self->other, 0, &hwpt));
	CALL(mock_attach(fd, hwpt, &dev));
	FAIL_EVERY("IOAS_MAP two domains", NO_MEMORY | NO_COPY,
		   ioas_map_at(fd, self->other, self->many, 40 * page, IOVA),
		   UNMAP(self->other, IOVA, 40 * page));
	CALL(object_destroy(fd, dev.id));
	CALL(object_destroy(fd, hwpt));
}

TEST_F(fail_map, map_split)
{
	int fd = self->scene.fd;

	CALL(option_set(fd, IOMMU_OPTION_HUGE_PAGES, self->other, 0));
	FAIL_EVERY("IOAS_MAP page by page", NO_MEMORY | NO_COPY,
		   ioas_map_at(fd, self->other, self->mem, FEW * page, IOVA),
		   UNMAP(self->other, IOVA, FEW * page));
}

TEST_F(fail_map, file)
{
	int fd = self->scene.fd, ioas = self->scene.ioas;
	struct iommu_test_cmd get = {
		.dmabuf_get = { .length = 8 * page, .open_flags = O_RDWR },
	};
	int hugetlb, dmabuf;
	__u64 iova;

	FAIL_EVERY("IOAS_MAP_FILE memfd", NO_MEMORY | NO_COPY,
		   ioas_map_file_at(fd, ioas, self->memfd, page,
				    (MANY - 1) * page, IOVA),
		   UNMAP(ioas, IOVA, (MANY - 1) * page));
	FAIL_EVERY("IOAS_MAP_FILE anywhere", NO_MEMORY | NO_COPY,
		   (iova = 0, ioas_map_file(fd, ioas, self->memfd, 0,
					    FEW * page, &iova, MAP_RW)),
		   UNMAP(ioas, iova, FEW * page));
	/* Nothing of it is allocated */
	FAIL_EVERY("IOAS_MAP_FILE empty memfd", NO_MEMORY | NO_COPY,
		   (ftruncate(self->small, 0), ftruncate(self->small, 8 * page),
		    ioas_map_file_at(fd, ioas, self->small, 0, 8 * page, IOVA)),
		   UNMAP(ioas, IOVA, 8 * page));

	hugetlb = memfd_create("fail_huge", MFD_CLOEXEC | MFD_HUGETLB);
	if (hugetlb >= 0 && !ftruncate(hugetlb, HUGE_SIZE) &&
	    !fallocate(hugetlb, 0, 0, HUGE_SIZE)) {
		FAIL_EVERY("IOAS_MAP_FILE hugetlb", NO_MEMORY | NO_COPY,
			   ioas_map_file_at(fd, ioas, hugetlb, page,
					    HUGE_SIZE - page, IOVA),
			   UNMAP(ioas, IOVA, HUGE_SIZE - page));
	}
	if (hugetlb >= 0)
		close(hugetlb);
	scene_remember(&self->scene);

	dmabuf = test_call(fd, IOMMU_TEST_OP_DMABUF_GET, &get);
	ASSERT_LE(0, dmabuf);
	FAIL_EVERY("IOAS_MAP_FILE dma-buf", NO_MEMORY | NO_COPY,
		   ioas_map_file_at(fd, ioas, dmabuf, 0, 8 * page, IOVA),
		   UNMAP(ioas, IOVA, 8 * page));
	close(dmabuf);
}

TEST_F(fail_map, copy)
{
	int fd = self->scene.fd;
	__u64 iova;

	FAIL_EVERY("IOAS_COPY one area", NO_MEMORY | NO_COPY,
		   ioas_copy_at(fd, self->other, self->scene.ioas,
				scene_iova(1), 4 * page, IOVA),
		   UNMAP(self->other, IOVA, 4 * page));
	/* Two areas, and a part of each */
	FAIL_EVERY("IOAS_COPY two areas", NO_MEMORY | NO_COPY,
		   (iova = IOVA, ioas_copy(fd, self->other, self->scene.ioas,
					   scene_iova(2), 4 * page, &iova,
					   MAP_RO_AT)),
		   UNMAP(self->other, IOVA, 4 * page));
	FAIL_EVERY("IOAS_COPY within", NO_MEMORY | NO_COPY,
		   (iova = 0, ioas_copy(fd, self->scene.ioas, self->scene.ioas,
					scene_iova(1), 4 * page, &iova,
					IOMMU_IOAS_MAP_READABLE)),
		   UNMAP(self->scene.ioas, iova, 4 * page));
}

/* What cannot tell how much it unmapped has unmapped it: no copy is injected */
TEST_F(fail_map, unmap)
{
	int fd = self->scene.fd;

	CALL(ioas_map_at(fd, self->other, self->many, MANY * page, IOVA));
	FAIL_EVERY("IOAS_UNMAP", NO_COPY,
		   ioas_unmap(fd, self->other, IOVA, MANY * page),
		   UNDO(ioas_map_at(fd, self->other, self->many, MANY * page,
				    IOVA)));
	CALL(ioas_unmap(fd, self->other, IOVA, MANY * page));
}

TEST_F(fail_map, change_process)
{
	int fd, memfd = self->memfd;
	__u32 ioas;

	/* A context of its own, with memory of a file only */
	fd = iommu_open();
	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_file_at(fd, ioas, memfd, 0, 8 * page, IOVA));
	FAIL_EVERY("IOAS_CHANGE_PROCESS", NO_MEMORY | NO_COPY,
		   ioas_change_process(fd), NOTHING);
	close(fd);
}

TEST_F(fail_map, access)
{
	int fd = self->scene.fd, access;
	char data[4096 * 3];
	__u32 pin;

	FAIL_EVERY("access create", NO_MEMORY | NO_COPY,
		   access_create(fd, self->scene.ioas,
				 MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
				 &access), close(access));
	/* A part of what is pinned: extents are split */
	FAIL_EVERY("access pin", NO_MEMORY | NO_COPY,
		   access_pin(fd, self->access, scene_iova(2),
			      scene_mem(&self->scene, 1), 2 * page, &pin),
		   UNDO(access_unpin(fd, self->access, pin)));
	FAIL_EVERY("access read", NO_MEMORY | NO_COPY,
		   access_rw(fd, self->access, scene_iova(1) + 8, data,
			     2 * page, 0), NOTHING);
	FAIL_EVERY("access read by pinning", NO_MEMORY | NO_COPY,
		   access_rw(fd, self->access, scene_iova(1) + 8, data,
			     2 * page, MOCK_ACCESS_RW_SLOW_PATH), NOTHING);
	memcpy(data, scene_mem(&self->scene, 0), 2 * page);
	FAIL_EVERY("access write", NO_MEMORY | NO_COPY,
		   access_rw(fd, self->access, scene_iova(1), data, 2 * page,
			     MOCK_ACCESS_RW_WRITE), NOTHING);
	FAIL_EVERY("access replace", NO_MEMORY | NO_COPY,
		   access_move(fd, self->access, self->other),
		   UNDO(access_move(fd, self->access, self->scene.ioas)));
}

/* Where nothing is pinned before, and of a file */
TEST_F(fail_map, access_without_device)
{
	int fd = self->scene.fd, access;
	__u32 ioas, pin;
	char data[64];

	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_at(fd, ioas, self->many, MANY * page, IOVA));
	CALL(ioas_map_file_at(fd, ioas, self->memfd, 0, 8 * page, OTHER_IOVA));
	CALL(access_create(fd, ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
			   &access));
	FAIL_EVERY("access pin anew", NO_MEMORY | NO_COPY,
		   access_pin(fd, access, IOVA + page, self->many + page,
			      (MANY - 8) * page, &pin),
		   UNDO(access_unpin(fd, access, pin)));
	FAIL_EVERY("access read a file", NO_MEMORY | NO_COPY,
		   access_rw(fd, access, OTHER_IOVA + page, data, sizeof(data),
			     0), NOTHING);
	close(access);
	CALL(object_destroy(fd, ioas));
}

static int vfio_map(int fd, const void *mem, __u64 length, __u64 iova)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = to_u64(mem),
		.iova = iova,
		.size = length,
	};

	return iommu_call(fd, VFIO_IOMMU_MAP_DMA, &cmd);
}

static int vfio_unmap(int fd, __u64 length, __u64 iova)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = iova,
		.size = length,
	};

	return iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &cmd);
}

static int vfio_info(int fd)
{
	union {
		struct vfio_iommu_type1_info info;
		char room[1024];
	} cmd = { .info.argsz = sizeof(cmd) };

	return iommu_call(fd, VFIO_IOMMU_GET_INFO, &cmd);
}

static int vfio_set_iommu(int fd, unsigned long type)
{
	return iommu_call(fd, VFIO_SET_IOMMU, (void *)type);
}

TEST_F(fail_map, vfio)
{
	int fd = self->scene.fd;
	__u32 ioas = self->scene.ioas, none = 0;

	FAIL_EVERY("VFIO_IOAS set", NO_COPY,
		   vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas),
		   UNDO(vfio_ioas(fd, IOMMU_VFIO_IOAS_CLEAR, &none)));
	FAIL_EVERY_IF_ANY("VFIO_CHECK_EXTENSION", NO_MEMORY,
			  iommu_call(fd, VFIO_CHECK_EXTENSION,
				     (void *)VFIO_TYPE1v2_IOMMU), NOTHING);
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas));
	FAIL_EVERY("VFIO_IOAS get", NO_COPY,
		   vfio_ioas(fd, IOMMU_VFIO_IOAS_GET, &ioas), NOTHING);
	FAIL_EVERY_IF_ANY("VFIO_SET_IOMMU", NO_MEMORY,
			  vfio_set_iommu(fd, VFIO_TYPE1v2_IOMMU), NOTHING);
	FAIL_EVERY("VFIO_IOMMU_GET_INFO", NO_MEMORY | NO_COPY, vfio_info(fd), NOTHING);
	FAIL_EVERY("VFIO_IOMMU_MAP_DMA", NO_MEMORY | NO_COPY,
		   vfio_map(fd, self->many, 64 * page, IOVA),
		   UNDO(vfio_unmap(fd, 64 * page, IOVA)));
	CALL(vfio_map(fd, self->mem, page, IOVA));
	FAIL_EVERY("VFIO_IOMMU_UNMAP_DMA", NO_COPY,
		   vfio_unmap(fd, page, IOVA),
		   UNDO(vfio_map(fd, self->mem, page, IOVA)));
	CALL(vfio_unmap(fd, page, IOVA));
}

/* VFIO_TYPE1_IOMMU may unmap in the middle: areas are cut, claims are split */
TEST_F(fail_map, vfio_cut)
{
	int fd = self->scene.fd;
	__u32 ioas = self->other;

	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas));
	CALL(vfio_set_iommu(fd, VFIO_TYPE1_IOMMU));
	CALL(vfio_map(fd, self->many, 64 * page, IOVA));
	FAIL_EVERY("VFIO_IOMMU_UNMAP_DMA in parts", NO_MEMORY | NO_COPY,
		   vfio_unmap(fd, 16 * page, IOVA + 16 * page),
		   UNDO(vfio_map(fd, self->many + 16 * page, 16 * page,
				 IOVA + 16 * page) ?:
			vfio_unmap(fd, 64 * page, IOVA) ?:
			vfio_map(fd, self->many, 64 * page, IOVA)));
	CALL(vfio_unmap(fd, 64 * page, IOVA));
}

TEST_HARNESS_MAIN
