// SPDX-License-Identifier: GPL-2.0-only
/*
 * RLIMIT_MEMLOCK: what is charged to an unprivileged user or process, to the
 * page, and paid back.
 */
#include "iommufd_check.h"

#define LIMIT 8
#define NPAGES 32
#define IOVA 0x20000000ULL
#define USER_ID 2222

FIXTURE(accounting)
{
	/* Opened by root, who chose the mode; used by somebody else */
	int fd;
	int second;
	__u32 ioas;
	struct mock_dev dev;
	char *mem;
	int kmsg;
};

/* @by_process: IOMMU_OPTION_RLIMIT_MODE */
FIXTURE_VARIANT(accounting)
{
	__u64 by_process;
};

FIXTURE_VARIANT_ADD(accounting, user) {
	.by_process = 0,
};

FIXTURE_VARIANT_ADD(accounting, process) {
	.by_process = 1,
};

FIXTURE_SETUP(accounting)
{
	self->kmsg = kmsg_open();
	self->fd = iommu_open();
	self->second = iommu_open();
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->second);
	CALL(option_set(self->fd, IOMMU_OPTION_RLIMIT_MODE, 0,
			variant->by_process));
	CALL(option_set(self->second, IOMMU_OPTION_RLIMIT_MODE, 0,
			variant->by_process));
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(limit_memlock(LIMIT));
	CALL(become_user(USER_ID));
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
}

FIXTURE_TEARDOWN(accounting)
{
	char line[1024];

	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, close(self->second));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	if (self->kmsg >= 0)
		EXPECT_FALSE(kmsg_read(self->kmsg, line, sizeof(line)))
			TH_LOG("logged: %s", line);
}

static int map(struct _test_data_accounting *self, unsigned int first,
	       unsigned int npages)
{
	return ioas_map_at(self->fd, self->ioas, self->mem + first * page,
			   npages * page, IOVA + first * page);
}

static int unmap(struct _test_data_accounting *self, unsigned int first,
		 unsigned int npages)
{
	return ioas_unmap(self->fd, self->ioas, IOVA + first * page,
			  npages * page);
}

/* That many pages are pinned and charged, and no more */
static void charged(struct __test_metadata *_metadata,
		    struct _test_data_accounting *self, bool by_process,
		    unsigned int npages)
{
	EXPECT_EQ(npages, proc_status("VmPin"));
	EXPECT_EQ(by_process ? npages : 0, proc_status("VmLck"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 16 * page,
				     16 * page, 0));
	/* So much can be mapped still, at the end of memory */
	if (npages != LIMIT) {
		CALL(map(self, 16, LIMIT - npages));
		CALL(unmap(self, 16, LIMIT - npages));
	}
	EXPECT_EQ(-ENOMEM, map(self, 16, LIMIT - npages + 1));
	EXPECT_EQ(npages, proc_status("VmPin"));
	EXPECT_EQ(by_process ? npages : 0, proc_status("VmLck"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem + 16 * page,
				     16 * page, 0));
}

#define CHARGED(_npages) \
	charged(_metadata, self, variant->by_process, _npages)

TEST_F(accounting, exact_limit)
{
	CHARGED(0);
	CALL(map(self, 0, 3));
	CHARGED(3);
	CALL(map(self, 3, 5));
	CHARGED(LIMIT);
	CALL(unmap(self, 0, 3));
	CHARGED(5);
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	CHARGED(0);
	CALL(map(self, 0, LIMIT));
	CHARGED(LIMIT);
}

TEST_F(accounting, closing_pays_back)
{
	__u32 ioas;
	struct mock_dev dev;

	CALL(ioas_alloc(self->second, &ioas));
	CALL(mock_attach(self->second, ioas, &dev));
	CALL(ioas_map_at(self->second, ioas, self->mem, LIMIT * page, IOVA));
	CHARGED(LIMIT);
	close(self->second);
	CHARGED(0);
	self->second = dup(self->fd);
}

/* A page is charged, however little of it is mapped */
TEST_F(accounting, parts_of_pages)
{
	const __u64 half = MOCK_PAGE_SIZE;

	CALL(ioas_map_at(self->fd, self->ioas, self->mem, half, IOVA));
	CHARGED(1);
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + half, half,
			 IOVA + half));
	CHARGED(2);
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + half, page,
			 IOVA + page));
	CHARGED(4);
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, page));
	CHARGED(2);
}

TEST_F(accounting, shared_is_charged_once)
{
	__u32 flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
	__u32 ioas, hwpt, pin;
	struct mock_dev dev;
	int access;

	CALL(map(self, 0, LIMIT));
	CHARGED(LIMIT);
	/* All of that needs no more memory */
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	CALL(ioas_copy_at(self->fd, ioas, self->ioas, IOVA, LIMIT * page,
			  IOVA));
	CALL(ioas_copy_at(self->fd, self->ioas, self->ioas, IOVA, LIMIT * page,
			  2 * IOVA));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas, 0, &hwpt));
	CALL(access_create(self->fd, self->ioas, flags, &access));
	CALL(access_pin(self->fd, access, IOVA, self->mem, LIMIT * page,
			&pin));
	CHARGED(LIMIT);
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, LIMIT * page, 1));

	/* And the last user of it is the one that pays it back */
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	CHARGED(LIMIT);
	CALL(object_destroy(self->fd, dev.id));
	CHARGED(0);
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, LIMIT * page, 0));
	close(access);
	CALL(object_destroy(self->fd, hwpt));
	CALL(object_destroy(self->fd, ioas));
}

/* The same memory mapped twice is two mappings */
TEST_F(accounting, mapped_twice)
{
	CALL(map(self, 0, 4));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 4 * page, 2 * IOVA));
	CHARGED(LIMIT);
	CALL(unmap(self, 0, 4));
	CHARGED(4);
}

TEST_F(accounting, failures_cost_nothing)
{
	char *mem = memory_new(LIMIT);
	__u64 iova = IOVA;

	munmap(mem + (LIMIT - 1) * page, page);
	EXPECT_EQ(-EFAULT, ioas_map_at(self->fd, self->ioas, mem, LIMIT * page,
				       IOVA));
	CHARGED(0);
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas, mem, page, 0));
	EXPECT_EQ(-EINVAL, ioas_map(self->fd, self->ioas, mem, page, &iova, 0));
	CALL(map(self, 0, 1));
	EXPECT_EQ(-EEXIST, map(self, 0, 1));
	EXPECT_EQ(-ENOENT, unmap(self, 1, 1));
	CHARGED(1);
	munmap(mem, LIMIT * page);
}

/* What nobody uses yet is not pinned; it is when a device comes */
TEST_F(accounting, late_device)
{
	struct mock_dev dev;
	__u32 ioas;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(ioas_map_at(self->fd, ioas, self->mem, 5 * page, IOVA));
	CALL(ioas_map_at(self->fd, ioas, self->mem + 5 * page, 4 * page,
			 2 * IOVA));
	CHARGED(0);
	EXPECT_EQ(-ENOMEM, mock_attach(self->fd, ioas, &dev));
	EXPECT_EQ(-ENOMEM, mock_replace(self->fd, &self->dev, ioas));
	CHARGED(0);
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, 9 * page, 0));
	CALL(ioas_unmap(self->fd, ioas, 2 * IOVA, 4 * page));
	CALL(ioas_map_at(self->fd, ioas, self->mem + 5 * page, 3 * page,
			 2 * IOVA));
	CALL(mock_attach(self->fd, ioas, &dev));
	CHARGED(LIMIT);
	CALL(object_destroy(self->fd, dev.id));
	CHARGED(0);
	CALL(object_destroy(self->fd, ioas));
}

TEST_F(accounting, access)
{
	__u32 flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
	__u32 ioas, pin, other;
	int access;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(ioas_map_at(self->fd, ioas, self->mem, 16 * page, IOVA));
	CALL(access_create(self->fd, ioas, flags, &access));
	EXPECT_EQ(-ENOMEM, access_pin(self->fd, access, IOVA, self->mem,
				      (LIMIT + 1) * page, &pin));
	CHARGED(0);
	CALL(access_pin(self->fd, access, IOVA + 4 * page, self->mem + 4 * page,
			2 * page, &pin));
	CHARGED(2);
	/* Around it: six more would do, seven do not */
	EXPECT_EQ(-ENOMEM, access_pin(self->fd, access, IOVA, self->mem,
				      9 * page, &other));
	CHARGED(2);
	CALL(access_pin(self->fd, access, IOVA, self->mem, 8 * page, &other));
	CHARGED(8);
	CALL(access_unpin(self->fd, access, pin));
	CHARGED(8);
	CALL(access_unpin(self->fd, access, other));
	CHARGED(0);
	close(access);
	CALL(object_destroy(self->fd, ioas));
}

TEST_F(accounting, file)
{
	int file = memfd_create("accounting", MFD_CLOEXEC);

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, NPAGES * page));
	EXPECT_EQ(-ENOMEM, ioas_map_file_at(self->fd, self->ioas, file, 0,
					    (LIMIT + 1) * page, IOVA));
	CHARGED(0);
	CALL(ioas_map_file_at(self->fd, self->ioas, file, page, LIMIT * page,
			      IOVA));
	CHARGED(LIMIT);
	CALL(unmap(self, 0, LIMIT));
	CHARGED(0);
	/* Failing for another reason */
	ASSERT_EQ(0, ftruncate(file, 2 * page));
	EXPECT_EQ(-EINVAL, ioas_map_file_at(self->fd, self->ioas, file, 0,
					    3 * page, IOVA));
	CHARGED(0);
	close(file);
}

TEST_F(accounting, limit_is_lowered)
{
	CALL(map(self, 0, 6));
	CALL(limit_memlock(2));
	EXPECT_EQ(-ENOMEM, map(self, 6, 1));
	EXPECT_EQ(6, proc_status("VmPin"));
	CALL(unmap(self, 0, 6));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(-ENOMEM, map(self, 0, 3));
	CALL(map(self, 0, 2));
	CALL(unmap(self, 0, 2));
	CALL(limit_memlock(0));
	EXPECT_EQ(-ENOMEM, map(self, 0, 1));
}

/* Run by a child: which of two sizes can it map? Exits with 0 for neither */
static int child_maps(struct _test_data_accounting *self, unsigned int less,
		      unsigned int more)
{
	char *mem = memory_new(NPAGES);
	struct mock_dev dev;
	__u32 ioas;

	if (ioas_alloc(self->second, &ioas) ||
	    mock_attach(self->second, ioas, &dev))
		return 10;
	if (!ioas_map_at(self->second, ioas, mem, more * page, IOVA))
		return more;
	if (!ioas_map_at(self->second, ioas, mem, less * page, IOVA))
		return less;
	return 0;
}

TEST_F(accounting, two_processes)
{
	int ready[2], status, result;
	pid_t child;

	CALL(map(self, 0, 5));
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(self->fd);
		result = child_maps(self, LIMIT - 5, LIMIT);
		if (write(ready[1], &result, sizeof(result)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	/* Only the child has it now, so that it goes away with the child */
	close(self->second);
	self->second = dup(self->fd);
	ASSERT_EQ(sizeof(result), read(ready[0], &result, sizeof(result)));
	EXPECT_EQ(variant->by_process ? LIMIT : LIMIT - 5, result);
	EXPECT_EQ(5, proc_status("VmPin"));
	/* A user's processes share a limit, else each has its own */
	EXPECT_EQ(variant->by_process ? 0 : -ENOMEM, map(self, 5, 1));
	if (variant->by_process)
		CALL(unmap(self, 5, 1));

	/* Killed, it pays back */
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	CHARGED(5);
	close(ready[0]);
	close(ready[1]);
}

/* The one who mapped it pays, and gets it back, whoever unmaps it */
TEST_F(accounting, unmapped_by_another)
{
	int status;
	pid_t child;

	CALL(map(self, 0, LIMIT));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(unmap(self, 0, LIMIT) ? 1 : 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	CHARGED(0);
}

FIXTURE(privileged)
{
	int fd;
};

FIXTURE_SETUP(privileged)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(privileged)
{
	close(self->fd);
}

TEST_F(privileged, no_limit)
{
	char *mem = memory_new(NPAGES);
	struct mock_dev dev;
	__u32 ioas;

	CALL(limit_memlock(0));
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	CALL(ioas_map_at(self->fd, ioas, mem, NPAGES * page, IOVA));
	EXPECT_EQ(NPAGES, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));

	/* Privileges may go meanwhile: what was free of charge stays so */
	CALL(become_user(USER_ID + 1));
	EXPECT_EQ(-ENOMEM, ioas_map_at(self->fd, ioas, mem, page, 2 * IOVA));
	CALL(ioas_unmap(self->fd, ioas, IOVA, NPAGES * page));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(-ENOMEM, ioas_map_at(self->fd, ioas, mem, page, IOVA));
	munmap(mem, NPAGES * page);
}

TEST_HARNESS_MAIN
