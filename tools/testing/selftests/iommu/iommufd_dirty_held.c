// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that dirty bits go to is held back: whoever else uses the IOAS, or
 * the device, does not wait for it.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>

#include "iommufd_check.h"

#define IOVA 0x20000000ULL
#define NPAGES 8

FIXTURE(dirty_held)
{
	int fd, uffd, rc;
	__u32 ioas, hwpt;
	struct mock_dev dev;
	char *mem;
	__u64 *bits;
	pthread_t reader;
};

FIXTURE_SETUP(dirty_held)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->uffd < 0)
		SKIP(return, "no userfaultfd");
	self->mem = memory_new(NPAGES);
	self->bits = mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->bits);
	reg.range.start = to_u64(self->bits);
	reg.range.len = page;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &self->hwpt));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, NPAGES * page, IOVA));
	CALL(hwpt_set_dirty(self->fd, self->hwpt,
			    IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
}

FIXTURE_TEARDOWN(dirty_held)
{
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	close(self->uffd);
}

static void *read_bits(void *arg)
{
	struct _test_data_dirty_held *self = arg;

	self->rc = hwpt_get_dirty(self->fd, self->hwpt, IOVA, NPAGES * page,
				  page, self->bits, 0);
	return NULL;
}

TEST_F(dirty_held, others_go_on)
{
	struct uffdio_zeropage zero = {
		.range = { .start = to_u64(self->bits), .len = page },
	};
	struct pollfd event = { .fd = self->uffd, .events = POLLIN };
	__u64 written = 0x25;
	__u32 second;

	CALL(mock_write(self->fd, self->hwpt, IOVA, NPAGES * page, page,
			&written));
	ASSERT_EQ(0, pthread_create(&self->reader, NULL, read_bits, self));
	/* There it is, at the user's memory */
	ASSERT_EQ(1, poll(&event, 1, -1));

	/* These take all the locks of an IOAS for writing */
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, 2 * IOVA));
	CALL(ioas_unmap(self->fd, self->ioas, 2 * IOVA, page));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas, 0, &second));
	CALL(object_destroy(self->fd, second));
	CALL(mock_replace(self->fd, &self->dev, self->hwpt));

	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(self->reader, NULL));
	EXPECT_EQ(0, self->rc);
	/* Neighbours that are one IO page are dirty together */
	EXPECT_EQ(0x25, self->bits[0] & 0x25);
}

TEST_HARNESS_MAIN
