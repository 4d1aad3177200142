// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is mapped is the memory itself: whatever the process does with its
 * address space afterwards, devices keep what was there when it was mapped.
 */
#include "iommufd_check.h"

#define NPAGES 8
#define IOVA 0x20000000ULL

FIXTURE(memory)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	int access;
};

FIXTURE_SETUP(memory)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(access_create(self->fd, self->ioas, 0, &self->access));
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_EQ(0, close(self->access));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(self->fd));
}

static int map(struct _test_data_memory *self, const char *mem, __u64 length)
{
	return ioas_map_at(self->fd, self->ioas, mem, length, IOVA);
}

static int map_ro(struct _test_data_memory *self, const char *mem, __u64 length)
{
	__u64 iova = IOVA;

	return ioas_map(self->fd, self->ioas, mem, length, &iova, MAP_RO_AT);
}

static int unmap(struct _test_data_memory *self, __u64 length)
{
	return ioas_unmap(self->fd, self->ioas, IOVA, length);
}

static int check_map(struct _test_data_memory *self, const char *mem,
		     __u64 length)
{
	return mock_check_map(self->fd, self->dev.hwpt, IOVA, mem, length);
}

static __u64 device_reads(struct _test_data_memory *self, __u64 offset)
{
	__u64 value = NOT_MAPPED;

	if (access_rw(self->fd, self->access, IOVA + offset, &value,
		      sizeof(value), 0))
		return NOT_MAPPED;
	return value;
}

static int device_writes(struct _test_data_memory *self, __u64 offset,
			 __u64 value)
{
	return access_rw(self->fd, self->access, IOVA + offset, &value,
			 sizeof(value), MOCK_ACCESS_RW_WRITE);
}

/* What one IOAS writes, another one, and the process, can read */
TEST_F(memory, shared)
{
	char *mem = memory_new(NPAGES);
	char data[3 * 4096], seen[3 * 4096];
	unsigned int i, flags;
	__u32 other;
	int access;

	ASSERT_NE(NULL, mem);
	CALL(ioas_alloc(self->fd, &other));
	CALL(ioas_map_at(self->fd, other, mem, NPAGES * page, 2 * IOVA));
	CALL(access_create(self->fd, other, 0, &access));
	CALL(map(self, mem, NPAGES * page));
	for (flags = 0; flags <= MOCK_ACCESS_RW_SLOW_PATH;
	     flags += MOCK_ACCESS_RW_SLOW_PATH) {
		for (i = 0; i != sizeof(data); i++)
			data[i] = i * 7 + i / 256 + flags;
		CALL(access_rw(self->fd, access, 2 * IOVA + 123, data,
			       sizeof(data), MOCK_ACCESS_RW_WRITE | flags));
		EXPECT_EQ(0, memcmp(mem + 123, data, sizeof(data)));
		memset(seen, 0, sizeof(seen));
		CALL(access_rw(self->fd, self->access, IOVA + 123, seen,
			       sizeof(seen), flags));
		EXPECT_EQ(0, memcmp(seen, data, sizeof(data)));
	}
	EXPECT_EQ(0x5eed0000 + 4, device_reads(self, 4 * page));
	CALL(unmap(self, NPAGES * page));
	close(access);
	CALL(object_destroy(self->fd, other));
	munmap(mem, NPAGES * page);
}

TEST_F(memory, unmapped_by_process)
{
	char *mem = memory_new(NPAGES);

	CALL(map(self, mem, NPAGES * page));
	munmap(mem, NPAGES * page);
	EXPECT_EQ(NPAGES, proc_status("VmPin"));
	EXPECT_EQ(0x5eed0000, device_reads(self, 0));
	CALL(device_writes(self, page, 5));
	EXPECT_EQ(5, device_reads(self, page));
	CALL(unmap(self, NPAGES * page));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* Something else at the same address is not what was mapped */
TEST_F(memory, replaced_by_process)
{
	char *mem = memory_new(NPAGES);

	CALL(map(self, mem, NPAGES * page));
	ASSERT_EQ(mem, mmap(mem, NPAGES * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	madvise(mem, NPAGES * page, MADV_NOHUGEPAGE);
	*(__u64 *)mem = 99;
	EXPECT_EQ(-EINVAL, check_map(self, mem, page));
	EXPECT_EQ(0x5eed0000, device_reads(self, 0));
	CALL(device_writes(self, 0, 5));
	EXPECT_EQ(99, *(__u64 *)mem);
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, page, 0));
	CALL(unmap(self, NPAGES * page));
	munmap(mem, NPAGES * page);
}

TEST_F(memory, discarded_by_process)
{
	char *mem = memory_new(NPAGES);

	CALL(map(self, mem, NPAGES * page));
	ASSERT_EQ(0, madvise(mem, NPAGES * page, MADV_DONTNEED));
	EXPECT_EQ(0, *(__u64 *)mem);
	EXPECT_EQ(0x5eed0000, device_reads(self, 0));
	CALL(unmap(self, NPAGES * page));
	munmap(mem, NPAGES * page);
}

TEST_F(memory, moved_by_process)
{
	char *mem = memory_new(NPAGES);
	char *moved;

	CALL(map(self, mem, NPAGES * page));
	moved = mremap(mem, NPAGES * page, 2 * NPAGES * page, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, moved);
	mem = mremap(moved, 2 * NPAGES * page, NPAGES * page,
		     MREMAP_MAYMOVE | MREMAP_FIXED,
		     moved + 0x10000000);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(0, check_map(self, mem, NPAGES * page));
	*(__u64 *)mem = 99;
	EXPECT_EQ(99, device_reads(self, 0));
	CALL(unmap(self, NPAGES * page));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, NPAGES * page, 0));
	munmap(mem, NPAGES * page);
}

/* The process may no longer write to it, the device still may */
TEST_F(memory, protected_by_process)
{
	char *mem = memory_new(NPAGES);

	CALL(map(self, mem, NPAGES * page));
	ASSERT_EQ(0, mprotect(mem, NPAGES * page, PROT_READ));
	CALL(device_writes(self, 0, 5));
	EXPECT_EQ(5, *(__u64 *)mem);
	EXPECT_EQ(0, check_map(self, mem, NPAGES * page));
	CALL(unmap(self, NPAGES * page));
	munmap(mem, NPAGES * page);
}

/* Memory that nobody has touched yet: the process and the device share it */
TEST_F(memory, first_touch)
{
	char *mem = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ro;

	ASSERT_NE(MAP_FAILED, mem);
	madvise(mem, NPAGES * page, MADV_NOHUGEPAGE);
	for (ro = 0; ro != 2; ro++) {
		if (ro)
			CALL(map_ro(self, mem, NPAGES * page));
		else
			CALL(map(self, mem, NPAGES * page));
		EXPECT_EQ(0, device_reads(self, 3 * page));
		*(__u64 *)(mem + 3 * page) = 42;
		EXPECT_EQ(42, device_reads(self, 3 * page));
		EXPECT_EQ(0, check_map(self, mem, NPAGES * page));
		EXPECT_EQ(0, mock_check_refs(self->fd, mem, NPAGES * page, 1));
		CALL(unmap(self, NPAGES * page));
		EXPECT_EQ(0, mock_check_refs(self->fd, mem, NPAGES * page, 0));
		madvise(mem, NPAGES * page, MADV_DONTNEED);
	}
	munmap(mem, NPAGES * page);
}

/* A file that is mapped privately: the file itself is not to be written to */
TEST_F(memory, private_file)
{
	int file = memfd_create("memory", MFD_CLOEXEC);
	char *mem, *shared;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, page));
	mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_NE(MAP_FAILED, shared);
	*(__u64 *)shared = 7;
	EXPECT_EQ(7, *(__u64 *)mem);
	CALL(map(self, mem, page));
	CALL(device_writes(self, 0, 5));
	EXPECT_EQ(5, *(__u64 *)mem);
	EXPECT_EQ(7, *(__u64 *)shared);
	CALL(unmap(self, page));
	munmap(mem, page);
	munmap(shared, page);
	close(file);
}

/* 0x200000 bytes at a time, where memory is like that */
static void check_huge(struct __test_metadata *_metadata,
		       struct _test_data_memory *self, char *mem, __u64 length)
{
	__u64 offset;

	for (offset = 0; offset != length; offset += page)
		*(__u64 *)(mem + offset) = offset;

	CALL(map(self, mem, length));
	EXPECT_EQ(0, check_map(self, mem, length));
	EXPECT_EQ(length / page, proc_status("VmPin"));
	EXPECT_EQ(length - page, device_reads(self, length - page));
	CALL(unmap(self, length));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, length, 0));
	EXPECT_EQ(0, proc_status("VmPin"));

	/* From the middle of one to the middle of another */
	CALL(map(self, mem + HUGE_SIZE / 2, HUGE_SIZE));
	EXPECT_EQ(0, check_map(self, mem + HUGE_SIZE / 2, HUGE_SIZE));
	EXPECT_EQ(HUGE_SIZE / page, proc_status("VmPin"));
	EXPECT_EQ(HUGE_SIZE / 2, device_reads(self, 0));
	CALL(unmap(self, HUGE_SIZE));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, length, 0));

	/* Parts of one, that come and go */
	for (offset = 0; offset != 16; offset++)
		CALL(ioas_map_at(self->fd, self->ioas,
				 mem + offset * 5 * page, 3 * page,
				 IOVA + offset * 3 * page));
	EXPECT_EQ(48, proc_status("VmPin"));
	for (offset = 0; offset != 16; offset++)
		EXPECT_EQ(offset * 5 * page,
			  device_reads(self, offset * 3 * page));
	for (offset = 0; offset != 16; offset += 2)
		CALL(ioas_unmap(self->fd, self->ioas, IOVA + offset * 3 * page,
				3 * page));
	EXPECT_EQ(24, proc_status("VmPin"));
	EXPECT_NE(0, mock_check_refs(self->fd, mem, page, 0));
	for (offset = 1; offset != 17; offset += 2)
		EXPECT_EQ(offset * 5 * page,
			  device_reads(self, offset * 3 * page));
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, length, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
}

TEST_F(memory, transparent_huge)
{
	char *mem = memory_new_huge(3 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, mem);
	madvise(mem, 3 * HUGE_SIZE, MADV_HUGEPAGE);
	check_huge(_metadata, self, mem, 3 * HUGE_SIZE);
	munmap(mem, 3 * HUGE_SIZE);
}

TEST_F(memory, hugetlb)
{
	char *mem = mmap(NULL, 3 * HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages are reserved");
	check_huge(_metadata, self, mem, 3 * HUGE_SIZE);
	munmap(mem, 3 * HUGE_SIZE);
}

/* Huge and small, next to each other */
TEST_F(memory, mixed)
{
	char *mem = memory_new_huge(3 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, mem);
	madvise(mem, HUGE_SIZE, MADV_HUGEPAGE);
	madvise(mem + HUGE_SIZE, HUGE_SIZE, MADV_NOHUGEPAGE);
	madvise(mem + 2 * HUGE_SIZE, HUGE_SIZE, MADV_HUGEPAGE);
	check_huge(_metadata, self, mem, 3 * HUGE_SIZE);

	/* A huge page that is torn while it is pinned */
	CALL(map(self, mem, HUGE_SIZE));
	ASSERT_EQ(0, madvise(mem + 7 * page, page, MADV_DONTNEED));
	EXPECT_EQ(0, *(__u64 *)(mem + 7 * page));
	EXPECT_EQ(7 * page, device_reads(self, 7 * page));
	EXPECT_EQ(0, check_map(self, mem, 7 * page));
	EXPECT_EQ(-EINVAL, mock_check_map(self->fd, self->dev.hwpt,
					  IOVA + 7 * page, mem + 7 * page,
					  page));
	CALL(unmap(self, HUGE_SIZE));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, 3 * HUGE_SIZE, 0));
	munmap(mem, 3 * HUGE_SIZE);
}

/* Memory that fork() has left shared is not shared with the device */
static void check_forked(struct __test_metadata *_metadata,
			 struct _test_data_memory *self, char *mem)
{
	int status, to_child[2], i;
	pid_t child;
	char byte;

	for (i = 0; i != 2 * HUGE_SIZE / page; i++)
		*(__u64 *)(mem + i * page) = i;
	ASSERT_EQ(0, pipe(to_child));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(to_child[1]);
		if (read(to_child[0], &byte, 1) != 1)
			_exit(1);
		for (i = 0; i != 2 * HUGE_SIZE / page; i++)
			if (*(__u64 *)(mem + i * page) != i)
				_exit(2);
		_exit(0);
	}
	close(to_child[0]);
	CALL(map(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, check_map(self, mem, 2 * HUGE_SIZE));
	for (i = 0; i < 2 * HUGE_SIZE / page; i += 511) {
		CALL(device_writes(self, i * page, 12345));
		EXPECT_EQ(12345, *(__u64 *)(mem + i * page));
	}
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(to_child[1]);
	CALL(unmap(self, 2 * HUGE_SIZE));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, 2 * HUGE_SIZE, 0));
}

TEST_F(memory, huge_forked)
{
	char *mem = memory_new_huge(2 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, mem);
	madvise(mem, 2 * HUGE_SIZE, MADV_HUGEPAGE);
	check_forked(_metadata, self, mem);
	munmap(mem, 2 * HUGE_SIZE);
}

TEST_F(memory, hugetlb_forked)
{
	char *mem = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages are reserved");
	check_forked(_metadata, self, mem);
	munmap(mem, 2 * HUGE_SIZE);
}

/* A huge page that may not be written to, as a whole or a bit of it */
TEST_F(memory, huge_protected)
{
	char *mem = memory_new_huge(2 * HUGE_SIZE, PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, mem);
	madvise(mem, 2 * HUGE_SIZE, MADV_HUGEPAGE);
	memset(mem, 1, 2 * HUGE_SIZE);
	ASSERT_EQ(0, mprotect(mem + HUGE_SIZE, HUGE_SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, map(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, 2 * HUGE_SIZE, 0));
	CALL(map_ro(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, check_map(self, mem, 2 * HUGE_SIZE));
	CALL(unmap(self, 2 * HUGE_SIZE));

	ASSERT_EQ(0, mprotect(mem + HUGE_SIZE, HUGE_SIZE,
			      PROT_READ | PROT_WRITE));
	CALL(map(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, check_map(self, mem, 2 * HUGE_SIZE));
	CALL(unmap(self, 2 * HUGE_SIZE));

	ASSERT_EQ(0, mprotect(mem + HUGE_SIZE + 300 * page, page, PROT_READ));
	EXPECT_EQ(-EFAULT, map(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, 2 * HUGE_SIZE, 0));
	CALL(map(self, mem, HUGE_SIZE + 300 * page));
	CALL(unmap(self, HUGE_SIZE + 300 * page));

	/* And a hole in it */
	ASSERT_EQ(0, mprotect(mem + HUGE_SIZE + 300 * page, page,
			      PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, munmap(mem + HUGE_SIZE + 500 * page, page));
	EXPECT_EQ(-EFAULT, map(self, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, HUGE_SIZE + 500 * page, 0));
	munmap(mem, 2 * HUGE_SIZE);
}

/* Each page from another place: no two of them are neighbours */
TEST_F(memory, scattered)
{
	enum { SCATTERED = 600 };
	int file = memfd_create("memory", MFD_CLOEXEC);
	char *mem, *all;
	int i;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, SCATTERED * page));
	all = mmap(NULL, SCATTERED * page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   file, 0);
	mem = mmap(NULL, SCATTERED * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, all);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i != SCATTERED; i++) {
		int from = i * 7 % SCATTERED;

		*(__u64 *)(all + i * page) = i;
		ASSERT_EQ(mem + i * page,
			  mmap(mem + i * page, page, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, file, from * page));
	}
	CALL(map(self, mem, SCATTERED * page));
	EXPECT_EQ(0, check_map(self, mem, SCATTERED * page));
	for (i = 0; i != SCATTERED; i++)
		ASSERT_EQ(i * 7 % SCATTERED, device_reads(self, i * page));
	EXPECT_EQ(0, mock_check_refs(self->fd, all, SCATTERED * page, 1));
	CALL(unmap(self, SCATTERED * page));
	EXPECT_EQ(0, mock_check_refs(self->fd, all, SCATTERED * page, 0));

	/* The same page many times is pinned as many times */
	for (i = 0; i != 4; i++)
		ASSERT_EQ(mem + i * page,
			  mmap(mem + i * page, page, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, file, 0));
	CALL(map(self, mem, 4 * page));
	EXPECT_EQ(0, mock_check_refs(self->fd, all, page, 4));
	CALL(device_writes(self, 2 * page, 1234));
	EXPECT_EQ(1234, device_reads(self, 0));
	CALL(unmap(self, 4 * page));
	EXPECT_EQ(0, mock_check_refs(self->fd, all, page, 0));
	munmap(all, SCATTERED * page);
	munmap(mem, SCATTERED * page);
	close(file);
}

TEST_HARNESS_MAIN
