// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection into what a virtual machine's IOMMU is made of: queues of
 * faults and events, vIOMMUs, vDEVICEs, hardware queues, invalidation.
 */
#include <poll.h>

#include "iommufd_fail.h"

#define VIRT_ID 5

FIXTURE(fail_viommu)
{
	struct scene scene;
	int fail_nth;
	__u32 parent;
	__u32 viommu;
	__u32 nested;
};

FIXTURE_SETUP(fail_viommu)
{
	struct scene *s = &self->scene;

	self->fail_nth = fail_prepare();
	if (self->fail_nth == -ENOENT)
		SKIP(return, "fault injection is not enabled in the kernel");
	ASSERT_LE(0, self->fail_nth);
	scene_setup(_metadata, s);
	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &self->parent));
	CALL(viommu_alloc(s->fd, s->dev.idev, self->parent, &self->viommu));
	CALL(hwpt_alloc_nested(s->fd, s->dev.idev, self->viommu, 0, 0,
			       &self->nested));
}

FIXTURE_TEARDOWN(fail_viommu)
{
	struct scene *s = &self->scene;

	close(self->fail_nth);
	EXPECT_EQ(0, object_destroy(s->fd, self->nested));
	EXPECT_EQ(0, object_destroy(s->fd, self->viommu));
	EXPECT_EQ(0, object_destroy(s->fd, self->parent));
	scene_teardown(_metadata, s);
}

/* All of it, or an errno */
static int read_all(int file, void *record, size_t size)
{
	ssize_t got = read(file, record, size);

	return got < 0 ? -errno : got == (ssize_t)size ? 0 : -EAGAIN;
}

static int read_fault(int file, struct iommu_hwpt_pgfault *fault)
{
	return read_all(file, fault, sizeof(*fault));
}

/* What the IOMMU core has no memory for, it answers itself */
static int fault_arrives(int fd, __u32 idev, int file)
{
	struct pollfd pollfd = { .fd = file, .events = POLLIN };
	int rc = mock_fault(fd, idev, 1, SCENE_IOVA);

	return rc ?: poll(&pollfd, 1, 0) == 1 ? 0 : -ENOMEM;
}

static int answer(int file, __u32 cookie)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};

	return write(file, &response, sizeof(response)) < 0 ? -errno : 0;
}

/* What could not be read, or answered, is still there to be */
TEST_F(fail_viommu, faults)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	int file, fd = s->fd;
	__u32 queue, hwpt;

	FAIL_EVERY("FAULT_QUEUE_ALLOC", NO_MEMORY | NO_COPY,
		   fault_alloc(fd, &queue, &file),
		   UNDO(close(file) ?: object_destroy(fd, queue)));
	CALL(fault_alloc(fd, &queue, &file));
	FAIL_EVERY("HWPT_ALLOC with faults", NO_MEMORY | NO_COPY,
		   hwpt_alloc_fault(s, queue, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
	CALL(hwpt_alloc_fault(s, queue, &hwpt));
	FAIL_EVERY("replace by one with faults", NO_MEMORY | NO_COPY,
		   fail_replace(fd, &s->dev, hwpt, s->ioas),
		   UNDO(mock_replace(fd, &s->dev, s->ioas)));
	CALL(mock_replace(fd, &s->dev, hwpt));
	FAIL_EVERY("fault", NO_MEMORY | NO_COPY,
		   fault_arrives(fd, s->dev.idev, file),
		   UNDO(read_fault(file, &fault) ?:
			answer(file, fault.cookie)));

	CALL(mock_fault(fd, s->dev.idev, 1, SCENE_IOVA));
	FAIL_EVERY("fault read", NO_MEMORY | NO_COPY, read_fault(file, &fault),
		   UNDO(answer(file, fault.cookie) ?:
			mock_fault(fd, s->dev.idev, 1, SCENE_IOVA)));
	CALL(read_fault(file, &fault));
	FAIL_EVERY("fault response", NO_COPY, answer(file, fault.cookie),
		   UNDO(mock_fault(fd, s->dev.idev, 1, SCENE_IOVA) ?:
			read_fault(file, &fault)));
	CALL(answer(file, fault.cookie));

	CALL(mock_replace(fd, &s->dev, s->ioas));
	CALL(object_destroy(fd, hwpt));
	close(file);
	CALL(object_destroy(fd, queue));
}

static int viommu_alloc_shared(int fd, __u32 dev, __u32 hwpt, __u32 *viommu)
{
	struct iommu_viommu_selftest data = { .in_data = 0x1234 };
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = dev,
		.hwpt_id = hwpt,
		.data_len = sizeof(data),
		.data_uptr = to_u64(&data),
	};
	int rc = iommu_call(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	*viommu = cmd.out_viommu_id;
	return rc;
}

TEST_F(fail_viommu, objects)
{
	__u32 viommu, nested, vdev, queue, second;
	struct scene *s = &self->scene;
	int fd = s->fd;

	FAIL_EVERY("VIOMMU_ALLOC", NO_MEMORY | NO_COPY,
		   viommu_alloc(fd, s->dev.idev, self->parent, &viommu),
		   UNDO(object_destroy(fd, viommu)));
	FAIL_EVERY("VIOMMU_ALLOC with mmap", NO_MEMORY | NO_COPY,
		   viommu_alloc_shared(fd, s->dev.idev, self->parent, &viommu),
		   UNDO(object_destroy(fd, viommu)));
	FAIL_EVERY("HWPT_ALLOC of a vIOMMU", NO_MEMORY | NO_COPY,
		   hwpt_alloc_nested(fd, s->dev.idev, self->viommu, 0, 0,
				     &nested),
		   UNDO(object_destroy(fd, nested)));
	FAIL_EVERY("VDEVICE_ALLOC", NO_MEMORY | NO_COPY,
		   vdevice_alloc(fd, self->viommu, s->dev.idev, VIRT_ID, &vdev),
		   UNDO(object_destroy(fd, vdev)));
	FAIL_EVERY("HW_QUEUE_ALLOC", NO_MEMORY | NO_COPY,
		   hw_queue_alloc(fd, self->viommu, 0, scene_iova(1), page,
				  &queue),
		   UNDO(object_destroy(fd, queue)));
	CALL(hw_queue_alloc(fd, self->viommu, 0, scene_iova(1), page, &queue));
	FAIL_EVERY("HW_QUEUE_ALLOC second", NO_MEMORY | NO_COPY,
		   hw_queue_alloc(fd, self->viommu, 1, scene_iova(2), page,
				  &second),
		   UNDO(object_destroy(fd, second)));
	CALL(object_destroy(fd, queue));
}

TEST_F(fail_viommu, events)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} record;
	struct scene *s = &self->scene;
	int fd = s->fd, file;
	__u32 queue, vdev;

	FAIL_EVERY("VEVENTQ_ALLOC", NO_MEMORY | NO_COPY,
		   veventq_alloc(fd, self->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST,
				 4, &queue, &file),
		   UNDO(close(file) ?: object_destroy(fd, queue)));
	CALL(veventq_alloc(fd, self->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 4,
			   &queue, &file));
	CALL(vdevice_alloc(fd, self->viommu, s->dev.idev, VIRT_ID, &vdev));
	CALL(mock_replace(fd, &s->dev, self->nested));
	FAIL_EVERY("event", NO_MEMORY | NO_COPY, mock_vevent(fd, s->dev.idev),
		   UNDO(read_all(file, &record, sizeof(record))));
	/* Events that were lost for want of memory are reported as such */
	while (!read_all(file, &record, sizeof(record)))
		;
	CALL(mock_vevent(fd, s->dev.idev));
	FAIL_EVERY("event read", NO_COPY,
		   read_all(file, &record, sizeof(record)),
		   UNDO(mock_vevent(fd, s->dev.idev)));
	CALL(mock_replace(fd, &s->dev, s->ioas));
	CALL(object_destroy(fd, vdev));
	close(file);
	CALL(object_destroy(fd, queue));
}

TEST_F(fail_viommu, invalidate)
{
	struct iommu_viommu_invalidate_selftest cache[3] = {
		{ .vdev_id = VIRT_ID, .cache_id = 0 },
		{ .vdev_id = VIRT_ID, .cache_id = 1 },
		{ .vdev_id = VIRT_ID, .cache_id = 2 },
	};
	struct iommu_hwpt_invalidate_selftest iotlb[3] = {};
	struct scene *s = &self->scene;
	int fd = s->fd;
	__u32 vdev, num;

	CALL(vdevice_alloc(fd, self->viommu, s->dev.idev, VIRT_ID, &vdev));
	FAIL_EVERY("HWPT_INVALIDATE", NO_MEMORY | NO_COPY | NO_HARDWARE,
		   (num = 3, hwpt_invalidate(fd, self->nested,
					     IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
					     iotlb, sizeof(*iotlb), &num)),
		   EXPECT_EQ(3, num));
	FAIL_EVERY("HWPT_INVALIDATE of a vIOMMU",
		   NO_MEMORY | NO_COPY | NO_HARDWARE,
		   (num = 3, hwpt_invalidate(fd, self->viommu,
					     IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
					     cache, sizeof(*cache), &num)),
		   EXPECT_EQ(3, num));
	CALL(object_destroy(fd, vdev));
}

TEST_HARNESS_MAIN
