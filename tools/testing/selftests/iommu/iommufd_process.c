// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that fork, exec, die or are killed with /dev/iommu open, and
 * IOAS_CHANGE_PROCESS.
 */
#include <signal.h>

#include "iommufd_check.h"

#define NPAGES 8
#define IOVA 0x20000000ULL
#define EXEC_ENV "IOMMUFD_EXEC"
#define LIMIT_USER 2323

/*
 * After exec(): unmap what was mapped before, of memory that is gone. What was
 * pinned is not: the device still has it.
 */
static __attribute__((constructor)) void after_exec(void)
{
	const char *arg = getenv(EXEC_ENV);
	unsigned long size = sysconf(_SC_PAGE_SIZE);
	int fd, access;
	__u64 value;
	__u32 ioas;

	if (!arg)
		return;
	if (sscanf(arg, "%d %u %d", &fd, &ioas, &access) != 3)
		_exit(2);
	if (access_rw(fd, access, IOVA, &value, sizeof(value), 0) ||
	    value != 0x5eed0000)
		_exit(3);
	if (ioas_unmap(fd, ioas, IOVA, NPAGES * size))
		_exit(4);
	if (ioas_unmap(fd, ioas, IOVA, NPAGES * size) != -ENOENT)
		_exit(5);
	_exit(0);
}

FIXTURE(process)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	int access;
	char *mem;
};

FIXTURE_SETUP(process)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(access_create(self->fd, self->ioas, 0, &self->access));
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_EQ(0, close(self->access));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page, 0));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, NPAGES * page);
}

static int map(struct _test_data_process *self)
{
	return ioas_map_at(self->fd, self->ioas, self->mem, NPAGES * page,
			   IOVA);
}

static __u64 device_reads(struct _test_data_process *self, __u64 offset)
{
	__u64 value = NOT_MAPPED;

	if (access_rw(self->fd, self->access, IOVA + offset, &value,
		      sizeof(value), 0))
		return NOT_MAPPED;
	return value;
}

static int wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

/* The device stays with the parent's memory, not with the child's copy of it */
TEST_F(process, fork_after_map)
{
	pid_t child;
	int go[2];
	char byte;

	ASSERT_EQ(0, pipe(go));
	CALL(map(self));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* This is a copy: nobody but the child sees it change */
		*(__u64 *)self->mem = 1;
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		if (*(__u64 *)self->mem != 1 ||
		    *(__u64 *)(self->mem + page) != 0x5eed0001)
			_exit(2);
		if (!mock_check_map(self->fd, self->dev.hwpt, IOVA, self->mem,
				    page))
			_exit(3);
		_exit(0);
	}
	*(__u64 *)(self->mem + page) = 2;
	EXPECT_EQ(2, device_reads(self, page));
	EXPECT_EQ(0x5eed0000, device_reads(self, 0));
	EXPECT_EQ(1, write(go[1], "x", 1));
	EXPECT_EQ(0, wait_for(child));
	EXPECT_EQ(0x5eed0000, device_reads(self, 0));
	EXPECT_EQ(0, mock_check_map(self->fd, self->dev.hwpt, IOVA, self->mem,
				    NPAGES * page));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, NPAGES * page));
	close(go[0]);
	close(go[1]);
}

TEST_F(process, exec)
{
	char arg[64];
	pid_t child;

	CALL(map(self));
	snprintf(arg, sizeof(arg), "%d %u %d", self->fd, self->ioas,
		 self->access);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		fcntl(self->fd, F_SETFD, 0);
		fcntl(self->access, F_SETFD, 0);
		setenv(EXEC_ENV, arg, 1);
		execl("/proc/self/exe", "exec", NULL);
		_exit(1);
	}
	EXPECT_EQ(0, wait_for(child));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* The memory's process is gone, the file is not */
TEST_F(process, mapped_by_child_that_ended)
{
	struct mock_dev dev;
	pid_t child;
	__u32 ioas;
	int access;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(access_create(self->fd, ioas, 0, &access));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		*(__u64 *)self->mem = 77;
		/* One pinned, one not, as its IOAS has no device */
		if (map(self) ||
		    ioas_map_at(self->fd, ioas, self->mem, NPAGES * page, IOVA))
			_exit(1);
		_exit(proc_status("VmPin") == NPAGES ? 0 : 2);
	}
	EXPECT_EQ(0, wait_for(child));

	EXPECT_EQ(77, device_reads(self, 0));
	EXPECT_EQ(0x5eed0001, device_reads(self, page));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(-EFAULT, access_rw(self->fd, access, IOVA, self->mem, 8, 0));
	EXPECT_EQ(-EFAULT, mock_attach(self->fd, ioas, &dev));

	/* Copies of either are no better */
	CALL(ioas_copy_at(self->fd, self->ioas, self->ioas, IOVA, page,
			  2 * IOVA));
	EXPECT_EQ(-EFAULT, ioas_copy_at(self->fd, self->ioas, ioas, IOVA, page,
					3 * IOVA));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, NPAGES * page));
	CALL(ioas_unmap(self->fd, self->ioas, 2 * IOVA, page));
	CALL(ioas_unmap(self->fd, ioas, 0, EVERYTHING));
	close(access);
	CALL(object_destroy(self->fd, ioas));
}

/* Memory that others have too is free again when the process is gone */
TEST_F(process, killed)
{
	char *mem = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ready[2];
	pid_t child;
	char byte;

	ASSERT_NE(MAP_FAILED, mem);
	memset(mem, 1, NPAGES * page);
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int fd = iommu_open(), access;
		struct mock_dev dev;
		__u32 ioas, pin;

		if (ioas_alloc(fd, &ioas) || mock_attach(fd, ioas, &dev) ||
		    ioas_map_at(fd, ioas, mem, NPAGES * page, IOVA) ||
		    access_create(fd, ioas,
				  MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
				  &access) ||
		    access_pin(fd, access, IOVA, mem, NPAGES * page, &pin))
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(2);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, NPAGES * page, 1));
	kill(child, SIGKILL);
	EXPECT_EQ(1000, wait_for(child));
	EXPECT_EQ(0, mock_check_refs(self->fd, mem, NPAGES * page, 0));
	munmap(mem, NPAGES * page);
	close(ready[0]);
	close(ready[1]);
}

/* In the middle of a map that takes a while */
TEST_F(process, killed_while_mapping)
{
	const __u64 length = 64 * HUGE_SIZE;
	int file = memfd_create("process", MFD_CLOEXEC);
	char *mem;
	int i;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, length));
	mem = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i != 4; i++) {
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (!child) {
			int fd = iommu_open();
			struct mock_dev dev;
			__u32 ioas;

			ioas_alloc(fd, &ioas);
			mock_attach(fd, ioas, &dev);
			ioas_map_file_at(fd, ioas, file, 0, length, IOVA);
			for (;;)
				pause();
		}
		/* time: wherever it is then, all comes back */
		usleep(2000 << i);
		kill(child, SIGKILL);
		EXPECT_EQ(1000, wait_for(child));
		EXPECT_EQ(0, mock_check_refs(self->fd, mem, 32 * page, 0));
		EXPECT_EQ(0, mock_check_refs(self->fd, mem + length / 2,
					     32 * page, 0));
	}
	munmap(mem, length);
	close(file);
}

FIXTURE(change)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	int file;
};

/* @by_process: IOMMU_OPTION_RLIMIT_MODE; @privileged: nothing is limited */
FIXTURE_VARIANT(change)
{
	bool by_process;
	bool privileged;
};

FIXTURE_VARIANT_ADD(change, user) {
	.by_process = false,
};

FIXTURE_VARIANT_ADD(change, process) {
	.by_process = true,
};

FIXTURE_VARIANT_ADD(change, privileged) {
	.privileged = true,
};

FIXTURE_SETUP(change)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(option_set(self->fd, IOMMU_OPTION_RLIMIT_MODE, 0,
			variant->by_process));
	self->file = memfd_create("change", MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, NPAGES * page));
	CALL(limit_memlock(NPAGES));
	if (!variant->privileged)
		CALL(become_user(LIMIT_USER));
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(ioas_map_file_at(self->fd, self->ioas, self->file, 0,
			      (NPAGES - 2) * page, IOVA));
	CALL(ioas_map_file_at(self->fd, self->ioas, self->file, 0, 2 * page,
			      2 * IOVA));
	CALL(ioas_copy_at(self->fd, self->ioas, self->ioas, IOVA, page,
			  3 * IOVA));
	ASSERT_EQ(NPAGES, proc_status("VmPin"));
}

FIXTURE_TEARDOWN(change)
{
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	close(self->fd);
	close(self->file);
}

TEST_F(change, to_child_and_back)
{
	const unsigned long locked = variant->by_process ? NPAGES : 0;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (proc_status("VmPin") || proc_status("VmLck"))
			_exit(1);
		if (ioas_change_process(self->fd))
			_exit(2);
		if (proc_status("VmPin") != NPAGES ||
		    proc_status("VmLck") != locked)
			_exit(3);
		/* It is mine already */
		if (ioas_change_process(self->fd) ||
		    proc_status("VmPin") != NPAGES)
			_exit(4);
		if (ioas_unmap(self->fd, self->ioas, 2 * IOVA, 2 * page) ||
		    proc_status("VmPin") != NPAGES - 2)
			_exit(5);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(child));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	CALL(ioas_change_process(self->fd));
	EXPECT_EQ(NPAGES - 2, proc_status("VmPin"));
	EXPECT_EQ(variant->by_process ? NPAGES - 2 : 0, proc_status("VmLck"));
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* More spaces are frozen together than lockdep can tell apart */
TEST_F(change, with_many_spaces)
{
	__u32 ioas[64];
	size_t i;

	for (i = 0; i != ARRAY_SIZE(ioas); i++)
		ASSERT_EQ(0, ioas_alloc(self->fd, &ioas[i]));
	CALL(ioas_change_process(self->fd));
	EXPECT_EQ(NPAGES, proc_status("VmPin"));
	for (i = 0; i != ARRAY_SIZE(ioas); i++)
		CALL(object_destroy(self->fd, ioas[i]));
}

/* All or nothing */
TEST_F(change, refused)
{
	const unsigned long locked = variant->by_process ? NPAGES : 0;
	char *mem = memory_new(1);
	pid_t child;
	__u32 ioas;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (limit_memlock(NPAGES - 1))
			_exit(1);
		if (ioas_change_process(self->fd) !=
		    (variant->privileged ? 0 : -ENOMEM))
			_exit(2);
		if (variant->privileged)
			_exit(0);
		if (proc_status("VmPin") || proc_status("VmLck"))
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(child));
	if (variant->privileged)
		CALL(ioas_change_process(self->fd));
	EXPECT_EQ(NPAGES, proc_status("VmPin"));
	EXPECT_EQ(locked, proc_status("VmLck"));

	/* Memory of a process stays with it, in whichever IOAS it is */
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(ioas_map_at(self->fd, ioas, mem, page, IOVA));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (ioas_change_process(self->fd) != -EINVAL)
			_exit(1);
		_exit(proc_status("VmPin") ? 2 : 0);
	}
	EXPECT_EQ(0, wait_for(child));
	EXPECT_EQ(-EINVAL, ioas_change_process(self->fd));
	EXPECT_EQ(NPAGES, proc_status("VmPin"));
	EXPECT_EQ(locked, proc_status("VmLck"));
	CALL(object_destroy(self->fd, ioas));
	munmap(mem, page);
}

TEST_HARNESS_MAIN
