// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that hold however userspace asks: what objects cost the kernel, and
 * RLIMIT_MEMLOCK whoever is the next process, or the next user ID, to ask.
 */
#include <sched.h>

#include "iommufd_check.h"

#define LIMIT 8
#define NPAGES 32
#define IOVA 0x20000000ULL
#define USER_ID 2525
/* Pages that a HWPT counts as */
#define HWPT_PAGES 2

FIXTURE(limits)
{
	/* Opened by root, who chose the mode; used by somebody else */
	int fd;
	char *mem;
	int kmsg;
};

/* @by_process: IOMMU_OPTION_RLIMIT_MODE */
FIXTURE_VARIANT(limits)
{
	__u64 by_process;
};

FIXTURE_VARIANT_ADD(limits, user) {
	.by_process = 0,
};

FIXTURE_VARIANT_ADD(limits, process) {
	.by_process = 1,
};

FIXTURE_SETUP(limits)
{
	self->kmsg = kmsg_open();
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(option_set(self->fd, IOMMU_OPTION_RLIMIT_MODE, 0,
			variant->by_process));
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(limit_memlock(LIMIT));
}

FIXTURE_TEARDOWN(limits)
{
	char line[1024];

	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	munmap(self->mem, NPAGES * page);
	if (self->kmsg >= 0)
		EXPECT_FALSE(kmsg_read(self->kmsg, line, sizeof(line)))
			TH_LOG("logged: %s", line);
}

static int map(struct _test_data_limits *self, __u32 ioas, unsigned int npages)
{
	return ioas_map_at(self->fd, ioas, self->mem, npages * page, IOVA);
}

/* As many HWPTs as RLIMIT_MEMLOCK has room for, and as much pinned besides */
TEST_F(limits, hwpts)
{
	__u32 ioas, other, parent, nested, hwpts[LIMIT + 1];
	struct mock_dev dev, second;
	unsigned int nr, i;

	CALL(become_user(USER_ID));
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(ioas_alloc(self->fd, &other));
	/* An automatic one */
	CALL(mock_attach(self->fd, ioas, &dev));
	for (nr = 0; nr != LIMIT; nr++)
		if (hwpt_alloc(self->fd, dev.idev, ioas, 0, &hwpts[nr]))
			break;
	EXPECT_EQ(LIMIT / HWPT_PAGES - 1, nr);
	EXPECT_EQ(-ENOMEM, hwpt_alloc(self->fd, dev.idev, ioas, 0, &hwpts[nr]));
	EXPECT_EQ(-ENOMEM, mock_attach(self->fd, other, &second));
	/* It is not pinned, and does not take from what may be */
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	CALL(map(self, ioas, LIMIT));
	EXPECT_EQ(LIMIT, proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, ioas, IOVA, LIMIT * page));

	/* What is given back can be had again, as any kind */
	for (i = 0; i != 2; i++)
		CALL(object_destroy(self->fd, hwpts[--nr]));
	CALL(hwpt_alloc(self->fd, dev.idev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT,
			&parent));
	CALL(hwpt_alloc_nested(self->fd, dev.idev, parent, 0, 0, &nested));
	EXPECT_EQ(-ENOMEM, hwpt_alloc_nested(self->fd, dev.idev, parent, 0, 0,
					     &hwpts[nr]));
	CALL(object_destroy(self->fd, nested));
	CALL(object_destroy(self->fd, parent));
	CALL(mock_attach(self->fd, other, &second));
	CALL(object_destroy(self->fd, second.id));
	CALL(object_destroy(self->fd, dev.id));
}

TEST_F(limits, hwpts_of_root)
{
	struct mock_dev dev;
	__u32 ioas, hwpt;
	unsigned int i;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	for (i = 0; i != LIMIT; i++)
		CALL(hwpt_alloc(self->fd, dev.idev, ioas, 0, &hwpt));
	CALL(object_destroy(self->fd, dev.id));
}

static int pasid_detach(int fd, __u32 dev, __u32 pasid)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_detach.pasid = pasid,
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_DETACH, &cmd);
}

#define MAX_PASIDS "/sys/module/iommufd/parameters/max_pasids"

static int max_pasids(const char *value)
{
	int file = open(MAX_PASIDS, O_WRONLY | O_CLOEXEC), rc = 0;

	if (file < 0)
		return -errno;
	if (write(file, value, strlen(value)) < 0)
		rc = -errno;
	close(file);
	return rc;
}

TEST_F(limits, pasids)
{
	struct mock_dev dev, second;
	__u32 ioas, hwpt;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach_flags(self->fd, ioas, MOCK_FLAGS_DEVICE_PASID, &dev));
	CALL(mock_attach_flags(self->fd, ioas, MOCK_FLAGS_DEVICE_PASID,
			       &second));
	CALL(hwpt_alloc(self->fd, dev.idev, ioas, IOMMU_HWPT_ALLOC_PASID,
			&hwpt));
	CALL(mock_replace(self->fd, &dev, hwpt));
	CALL(mock_replace(self->fd, &second, hwpt));
	CALL(max_pasids("2"));
	CALL(mock_pasid_attach(self->fd, dev.id, 11, hwpt));
	CALL(mock_pasid_attach(self->fd, dev.id, 12, hwpt));
	EXPECT_EQ(-ENOSPC, mock_pasid_attach(self->fd, dev.id, 13, hwpt));
	EXPECT_EQ(-EBUSY, mock_pasid_attach(self->fd, dev.id, 12, hwpt));
	/* Each device has its own */
	CALL(mock_pasid_attach(self->fd, second.id, 11, hwpt));
	CALL(pasid_detach(self->fd, dev.id, 11));
	CALL(mock_pasid_attach(self->fd, dev.id, 13, hwpt));
	EXPECT_EQ(-ENOSPC, mock_pasid_attach(self->fd, dev.id, 11, hwpt));
	/* Lowered, it takes nothing away */
	CALL(max_pasids("0"));
	CALL(pasid_detach(self->fd, dev.id, 12));
	EXPECT_EQ(-ENOSPC, mock_pasid_attach(self->fd, dev.id, 12, hwpt));
	CALL(max_pasids("4096"));
	CALL(mock_pasid_attach(self->fd, dev.id, 12, hwpt));
	CALL(pasid_detach(self->fd, dev.id, 12));
	CALL(pasid_detach(self->fd, dev.id, 13));
	CALL(pasid_detach(self->fd, second.id, 11));
	CALL(object_destroy(self->fd, second.id));
	CALL(object_destroy(self->fd, dev.id));
}

/* What a child can map at @iova: 0, or the errno as its exit status */
static int child_maps(struct _test_data_limits *self, __u32 ioas, __u64 iova,
		      unsigned int npages)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(-ioas_map_at(self->fd, ioas, self->mem, npages * page,
				   iova));
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/*
 * fork() makes a process that was charged for nothing, as exec() does. What others
 * have pinned with the same file counts for it, even after they are gone.
 */
TEST_F(limits, one_process_after_another)
{
	struct mock_dev dev;
	__u32 ioas;

	CALL(become_user(USER_ID));
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	EXPECT_EQ(0, child_maps(self, ioas, IOVA, LIMIT - 2));
	EXPECT_EQ(ENOMEM, child_maps(self, ioas, 2 * IOVA, 3));
	EXPECT_EQ(0, child_maps(self, ioas, 2 * IOVA, 2));
	EXPECT_EQ(ENOMEM, child_maps(self, ioas, 3 * IOVA, 1));
	EXPECT_EQ(-ENOMEM, ioas_map_at(self->fd, ioas, self->mem, page,
				       3 * IOVA));
	EXPECT_EQ(0, proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, ioas, 2 * IOVA, 2 * page));
	CALL(ioas_map_at(self->fd, ioas, self->mem, 2 * page, 3 * IOVA));
	CALL(ioas_unmap(self->fd, ioas, 0, EVERYTHING));
	CALL(map(self, ioas, LIMIT));
	CALL(ioas_unmap(self->fd, ioas, 0, EVERYTHING));
	CALL(object_destroy(self->fd, dev.id));
}

/* Taking over what another process is charged for exceeds no limit */
TEST_F(limits, change_process_at_the_limit)
{
	int file = memfd_create("limits", MFD_CLOEXEC), status;
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	struct mock_dev dev;
	pid_t child;
	__u32 ioas;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, LIMIT * page));
	CALL(become_user(USER_ID));
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	CALL(ioas_map_file_at(self->fd, ioas, file, 0, LIMIT * page, IOVA));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (iommu_call(self->fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd))
			_exit(1);
		if (proc_status("VmPin") != LIMIT)
			_exit(2);
		if (ioas_map_at(self->fd, ioas, self->mem, page, 2 * IOVA) !=
		    -ENOMEM)
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, proc_status("VmLck"));
	EXPECT_EQ(-ENOMEM, ioas_map_at(self->fd, ioas, self->mem, page,
				       2 * IOVA));
	CALL(iommu_call(self->fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd));
	EXPECT_EQ(LIMIT, proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, ioas, 0, EVERYTHING));
	CALL(object_destroy(self->fd, dev.id));
	close(file);
}

/* Run by root: let the namespace of @pid have USER_ID and some IDs of its own */
static int write_map(pid_t pid, const char *which)
{
	char path[64], map[64];
	int file, rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	snprintf(map, sizeof(map), "0 %d 1\n1 %d 9\n", USER_ID, USER_ID + 1);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, map, strlen(map)) < 0)
		rc = -errno;
	close(file);
	return rc;
}

/* In a namespace of USER_ID's: map as one subordinate user, then as another */
static int subordinate_maps(struct _test_data_limits *self, __u32 ioas,
			    int ready, int go)
{
	pid_t child;
	char byte;
	int status;

	if (become_user(USER_ID) || unshare(CLONE_NEWUSER))
		return 77;
	if (write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1)
		return 1;
	child = fork();
	if (!child) {
		if (become_user(1) || map(self, ioas, LIMIT - 2))
			_exit(2);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		return 2;
	if (become_user(2))
		return 3;
	if (ioas_map_at(self->fd, ioas, self->mem, 3 * page, 2 * IOVA) !=
	    -ENOMEM)
		return 4;
	if (ioas_map_at(self->fd, ioas, self->mem, 2 * page, 2 * IOVA))
		return 5;
	if (ioas_map_at(self->fd, ioas, self->mem, page, 3 * IOVA) != -ENOMEM)
		return 6;
	return 0;
}

/* Whoever has many user IDs has one limit */
TEST_F(limits, subordinate_users)
{
	int ready[2], go[2], status;
	struct mock_dev dev;
	pid_t child;
	__u32 ioas;
	char byte;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(mock_attach(self->fd, ioas, &dev));
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(ready[0]);
		_exit(subordinate_maps(self, ioas, ready[1], go[0]));
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1) {
		CALL(write_map(child, "uid_map"));
		CALL(write_map(child, "gid_map"));
		EXPECT_EQ(1, write(go[1], "x", 1));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	CALL(ioas_unmap(self->fd, ioas, 0, EVERYTHING));
	CALL(object_destroy(self->fd, dev.id));
	close(ready[0]);
	close(go[0]);
	close(go[1]);
	if (status == 77 << 8)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
