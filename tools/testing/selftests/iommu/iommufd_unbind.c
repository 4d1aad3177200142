// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that unbinds its device waits for calls that are using the device.
 * So no such call may wait for memory that its caller keeps back.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>

#include "iommufd_check.h"

/*
 * A call that gets stuck on a page of its caller's: where it reads data that is
 * not there yet, or where it replies and the page is write protected.
 */
struct stuck_call {
	pthread_t thread;
	int uffd;
	char *mem;
	int fd;
	unsigned long request;
	void *cmd;
	__u64 mode;
	int rc;
};

FIXTURE(unbind)
{
	int fd;
	__u32 ioas;
	__u32 parent;
	__u32 viommu;
	struct mock_dev dev;
	struct stuck_call call;
};

FIXTURE_SETUP(unbind)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &self->parent));
	CALL(viommu_alloc(self->fd, self->dev.idev, self->parent,
			  &self->viommu));

	self->call.fd = self->fd;
	self->call.mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->call.mem);
	self->call.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ASSERT_LE(0, self->call.uffd);
	ASSERT_EQ(0, ioctl(self->call.uffd, UFFDIO_API, &api));
}

FIXTURE_TEARDOWN(unbind)
{
	close(self->call.uffd);
	munmap(self->call.mem, page);
	close(self->fd);
}

static void *stuck_thread(void *arg)
{
	struct stuck_call *call = arg;

	call->rc = iommu_call(call->fd, call->request, call->cmd);
	return NULL;
}

/* Start it, and return when it is stuck */
static int stuck_start(struct stuck_call *call, __u64 mode)
{
	struct pollfd event = { .fd = call->uffd, .events = POLLIN };
	struct uffdio_register reg = {
		.range = { .start = to_u64(call->mem), .len = page },
		.mode = mode,
	};
	struct uffdio_writeprotect protect = {
		.range = reg.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	call->mode = mode;
	if (ioctl(call->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	if (mode == UFFDIO_REGISTER_MODE_WP &&
	    ioctl(call->uffd, UFFDIO_WRITEPROTECT, &protect))
		return -errno;
	if (pthread_create(&call->thread, NULL, stuck_thread, call))
		return -EAGAIN;
	return poll(&event, 1, -1) == 1 && event.revents == POLLIN ? 0 : -EIO;
}

/* Let it go on, and return what it returns */
static int stuck_end(struct stuck_call *call)
{
	struct uffdio_range range = { .start = to_u64(call->mem), .len = page };
	struct uffdio_writeprotect writeable = { .range = range };
	struct uffdio_zeropage zero = { .range = range };

	if (call->mode == UFFDIO_REGISTER_MODE_WP &&
	    ioctl(call->uffd, UFFDIO_WRITEPROTECT, &writeable))
		return -errno;
	if (call->mode == UFFDIO_REGISTER_MODE_MISSING &&
	    ioctl(call->uffd, UFFDIO_ZEROPAGE, &zero))
		return -errno;
	pthread_join(call->thread, NULL);
	return call->rc;
}

/* The call replies to a page that cannot be written */
static int stuck_reply(struct stuck_call *call, unsigned long request,
		       const void *cmd, size_t size)
{
	call->request = request;
	call->cmd = memcpy(call->mem, cmd, size);
	return stuck_start(call, UFFDIO_REGISTER_MODE_WP);
}

/* The call accesses data that is not there */
static int stuck_data(struct stuck_call *call, unsigned long request, void *cmd)
{
	call->request = request;
	call->cmd = cmd;
	return stuck_start(call, UFFDIO_REGISTER_MODE_MISSING);
}

TEST_F(unbind, hw_info_data)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
		.data_uptr = to_u64(self->call.mem),
		.data_len = sizeof(struct iommu_test_hw_info),
	};
	struct iommu_test_hw_info *info = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_data(&self->call, IOMMU_GET_HW_INFO, &cmd));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(IOMMU_HW_INFO_SELFTEST_REGVAL, info->test_reg);
}

TEST_F(unbind, hw_info_reply)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
	};
	struct iommu_hw_info *reply = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_reply(&self->call, IOMMU_GET_HW_INFO, &cmd,
				 sizeof(cmd)));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, reply->out_data_type);
}

TEST_F(unbind, hwpt_alloc_reply)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
		.pt_id = self->ioas,
	};
	struct iommu_hwpt_alloc *reply = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_reply(&self->call, IOMMU_HWPT_ALLOC, &cmd,
				 sizeof(cmd)));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, reply->out_hwpt_id));
}

/* Memory of the IOAS is pinned along with it */
TEST_F(unbind, hwpt_alloc_fill)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
	};
	__u32 ioas;

	CALL(ioas_alloc(self->fd, &ioas));
	CALL(ioas_map_at(self->fd, ioas, self->call.mem, page, SCENE_IOVA));
	cmd.pt_id = ioas;
	ASSERT_EQ(0, stuck_data(&self->call, IOMMU_HWPT_ALLOC, &cmd));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.out_hwpt_id));
}

/* Where it is read again, there is no device any more */
static void nested_data(struct __test_metadata *_metadata,
			struct _test_data_unbind *self, __u32 pt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
		.pt_id = pt,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(struct iommu_hwpt_selftest),
		.data_uptr = to_u64(self->call.mem),
	};

	ASSERT_EQ(0, stuck_data(&self->call, IOMMU_HWPT_ALLOC, &cmd));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(-ENOENT, stuck_end(&self->call));
}

TEST_F(unbind, nested_data)
{
	nested_data(_metadata, self, self->parent);
}

TEST_F(unbind, nested_data_of_viommu)
{
	nested_data(_metadata, self, self->viommu);
}

/* Where the device stays, data that comes late is as good as any */
TEST_F(unbind, late_data)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev.idev,
		.pt_id = self->parent,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(struct iommu_hwpt_selftest),
		.data_uptr = to_u64(self->call.mem),
	};

	ASSERT_EQ(0, stuck_data(&self->call, IOMMU_HWPT_ALLOC, &cmd));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.out_hwpt_id));

	/* And data that never comes is not waited for */
	cmd.data_uptr = to_u64(self->call.mem);
	munmap(self->call.mem, page);
	EXPECT_EQ(-EFAULT, iommu_call(self->fd, IOMMU_HWPT_ALLOC, &cmd));
}

TEST_F(unbind, viommu_alloc_data)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = self->dev.idev,
		.hwpt_id = self->parent,
		.data_len = sizeof(struct iommu_viommu_selftest),
		.data_uptr = to_u64(self->call.mem),
	};

	ASSERT_EQ(0, stuck_data(&self->call, IOMMU_VIOMMU_ALLOC, &cmd));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.out_viommu_id));
}

TEST_F(unbind, viommu_alloc_reply)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = self->dev.idev,
		.hwpt_id = self->parent,
	};
	struct iommu_viommu_alloc *reply = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_reply(&self->call, IOMMU_VIOMMU_ALLOC, &cmd,
				 sizeof(cmd)));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, reply->out_viommu_id));
}

/* What was made before the reply did not fit is gone with the device */
TEST_F(unbind, vdevice_alloc_reply)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = self->viommu,
		.dev_id = self->dev.idev,
		.virt_id = 7,
	};
	struct iommu_vdevice_alloc *reply = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_reply(&self->call, IOMMU_VDEVICE_ALLOC, &cmd,
				 sizeof(cmd)));
	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(-ENOENT, stuck_end(&self->call));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, reply->out_vdevice_id));
	EXPECT_EQ(0, object_destroy(self->fd, self->viommu));
}

/* Where the device stays, the second try is told */
TEST_F(unbind, late_reply)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = self->viommu,
		.dev_id = self->dev.idev,
		.virt_id = 7,
	};
	struct iommu_vdevice_alloc *reply = (void *)self->call.mem;

	ASSERT_EQ(0, stuck_reply(&self->call, IOMMU_VDEVICE_ALLOC, &cmd,
				 sizeof(cmd)));
	/* Nothing is kept while it waits: the virtual ID is free */
	EXPECT_EQ(0, iommu_call(self->fd, IOMMU_VDEVICE_ALLOC, &cmd));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.out_vdevice_id));
	EXPECT_EQ(0, stuck_end(&self->call));
	EXPECT_EQ(0, object_destroy(self->fd, reply->out_vdevice_id));
}

TEST_HARNESS_MAIN
