// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an in-kernel access does to others: while it waits for memory that userspace
 * holds back, and by the memory that it makes the kernel allocate.
 *
 * Wants to be root, with /sys/fs/cgroup mounted (v2).
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>

#include "iommufd_check.h"

#define IOVA 0x20000000ULL
#define HELD_IOVA (2 * IOVA)
#define NPAGES 8

#define CGROUPS "/sys/fs/cgroup"
#define CGROUP CGROUPS "/iommufd_access"
#define HOLES (8UL << 20)

/*
 * An access copies to memory that comes only when we say so, or pins it.
 * @held: that memory, mapped at HELD_IOVA; then NPAGES that are there, at IOVA
 */
FIXTURE(held)
{
	int fd, uffd, rc;
	__u32 ioas;
	int copying, pinning;
	char *mem, *held;
	pthread_t thread;
};

FIXTURE_VARIANT(held)
{
	bool pin;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(held, pinned)
{
	.pin = true,
};

FIXTURE_VARIANT_ADD(held, in_place)
{
	.flags = MOCK_ACCESS_RW_WRITE,
};

FIXTURE_VARIANT_ADD(held, by_page)
{
	.flags = MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_SLOW_PATH,
};

FIXTURE_VARIANT_ADD(held, in_kthread)
{
	.flags = MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_KTHREAD,
};

FIXTURE_SETUP(held)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->uffd < 0)
		SKIP(return, "no userfaultfd");
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	self->held = mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->held);
	reg.range.start = to_u64(self->held);
	reg.range.len = page;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, NPAGES * page, IOVA));
	CALL(ioas_map_at(self->fd, self->ioas, self->held, page, HELD_IOVA));
	CALL(access_create(self->fd, self->ioas, 0, &self->copying));
	CALL(access_create(self->fd, self->ioas,
			   MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
			   &self->pinning));
}

FIXTURE_TEARDOWN(held)
{
	close(self->copying);
	close(self->pinning);
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	close(self->uffd);
}

struct held_copy {
	int fd, access, rc;
	__u32 flags;
	void *pin;
};

static void *copy_to_held(void *arg)
{
	struct held_copy *copy = arg;
	int value = 0x1234;
	__u32 pin;

	if (copy->pin) {
		copy->rc = access_pin(copy->fd, copy->access, HELD_IOVA,
				      copy->pin, page, &pin);
		return NULL;
	}
	copy->rc = access_rw(copy->fd, copy->access, HELD_IOVA, &value,
			     sizeof(value), copy->flags);
	return NULL;
}

TEST_F(held, others_go_on)
{
	struct held_copy copy = {
		.fd = self->fd,
		.access = variant->pin ? self->pinning : self->copying,
		.flags = variant->flags,
		.pin = variant->pin ? self->held : NULL,
	};
	struct uffdio_zeropage zero = {
		.range = { .start = to_u64(self->held), .len = page },
	};
	struct pollfd event = { .fd = self->uffd, .events = POLLIN };
	struct mock_dev dev;
	int value = 7;
	__u32 pin;

	ASSERT_EQ(0, pthread_create(&self->thread, NULL, copy_to_held, &copy));
	ASSERT_EQ(1, poll(&event, 1, -1));

	/* The same access, another one, and the IOVA space with all its locks */
	CALL(access_rw(self->fd, self->copying, IOVA, &value, sizeof(value),
		       MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(7, *(int *)self->mem);
	CALL(access_pin(self->fd, self->pinning, IOVA, self->mem, page, &pin));
	CALL(access_unpin(self->fd, self->pinning, pin));
	CALL(access_pin(self->fd, self->pinning, IOVA, self->mem, page, &pin));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, NPAGES * page));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, IOVA));

	/* But for what is being copied to, and the access itself */
	EXPECT_EQ(-EBUSY, ioas_unmap(self->fd, self->ioas, HELD_IOVA, page));

	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(0, copy.rc);
	if (!variant->pin)
		EXPECT_EQ(0x1234, *(int *)self->held);
	CALL(ioas_unmap(self->fd, self->ioas, HELD_IOVA, page));

	CALL(mock_attach(self->fd, self->ioas, &dev));
	CALL(mock_check_map(self->fd, dev.hwpt, IOVA, self->mem, page));
	CALL(object_destroy(self->fd, dev.id));
}

/* It does not leave the IOAS before its copy has ended, and can be asked again */
TEST_F(held, does_not_move)
{
	struct held_copy copy = {
		.fd = self->fd,
		.access = variant->pin ? self->pinning : self->copying,
		.flags = variant->flags,
		.pin = variant->pin ? self->held : NULL,
	};
	struct uffdio_zeropage zero = {
		.range = { .start = to_u64(self->held), .len = page },
	};
	struct pollfd event = { .fd = self->uffd, .events = POLLIN };
	__u32 other;
	int value;

	CALL(ioas_alloc(self->fd, &other));
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, copy_to_held, &copy));
	ASSERT_EQ(1, poll(&event, 1, -1));
	EXPECT_EQ(-EBUSY, access_move(self->fd, copy.access, other));
	CALL(access_rw(self->fd, copy.access, IOVA, &value, sizeof(value), 0));

	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(0, copy.rc);
	CALL(access_move(self->fd, copy.access, other));
	EXPECT_EQ(-ENOENT, access_rw(self->fd, copy.access, IOVA, &value,
				     sizeof(value), 0));
	CALL(ioas_unmap(self->fd, self->ioas, HELD_IOVA, page));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t rc;

	if (fd < 0)
		return -errno;
	rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* 0 is who writes */
static int cgroup_enter(const char *procs)
{
	return write_file(procs, "0");
}

static long cgroup_charged(void)
{
	FILE *file = fopen(CGROUP "/memory.current", "re");
	long bytes = -1;

	if (file && fscanf(file, "%ld", &bytes) != 1)
		bytes = -1;
	if (file)
		fclose(file);
	return bytes;
}

/*
 * A hole of a memfd belongs to whoever mapped it, not to the kthread that is the
 * first to write to it.
 */
TEST(kthread_charges_the_owner)
{
	__u64 iova = IOVA;
	int fd, file, access;
	char *data;
	__u32 ioas;
	long before;

	if (write_file(CGROUPS "/cgroup.subtree_control", "+memory") ||
	    (mkdir(CGROUP, 0755) && errno != EEXIST))
		SKIP(return, "no cgroups");
	ASSERT_EQ(0, cgroup_enter(CGROUP "/cgroup.procs"));

	data = calloc(1, HOLES);
	ASSERT_NE(NULL, data);
	memset(data, 1, HOLES);
	file = memfd_create("access", MFD_CLOEXEC);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, HOLES));
	fd = iommu_open();
	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_file_at(fd, ioas, file, 0, HOLES, iova));
	CALL(access_create(fd, ioas, 0, &access));

	before = cgroup_charged();
	ASSERT_LT(0, before);
	CALL(access_rw(fd, access, iova, data, HOLES,
		       MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_KTHREAD));
	/* Each CPU may have paid for 64 pages ahead */
	EXPECT_LE(before + (long)HOLES / 2, cgroup_charged());

	close(access);
	EXPECT_EQ(0, close(fd));
	close(file);
	free(data);
	ASSERT_EQ(0, cgroup_enter(CGROUPS "/cgroup.procs"));
	EXPECT_EQ(0, rmdir(CGROUP));
}

TEST_HARNESS_MAIN
