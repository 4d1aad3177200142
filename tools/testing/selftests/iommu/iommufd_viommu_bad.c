// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VIOMMU_ALLOC, VDEVICE_ALLOC, VEVENTQ_ALLOC, HW_QUEUE_ALLOC and
 * HWPT_INVALIDATE must refuse, and the reading of events.
 */
#include <poll.h>

#include "iommufd_check.h"

#define INVALIDATE_TYPE IOMMU_HWPT_INVALIDATE_DATA_SELFTEST

FIXTURE(viommu_bad)
{
	struct scene scene;
	__u32 parent;
	__u32 viommu;
	__u32 nested;
};

FIXTURE_SETUP(viommu_bad)
{
	struct scene *s = &self->scene;

	scene_setup(_metadata, s);
	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &self->parent));
	CALL(viommu_alloc(s->fd, s->dev.idev, self->parent, &self->viommu));
	CALL(hwpt_alloc_nested(s->fd, s->dev.idev, self->viommu, 0, 0,
			       &self->nested));
	scene_remember(s);
}

FIXTURE_TEARDOWN(viommu_bad)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(0, object_destroy(s->fd, self->nested));
	EXPECT_EQ(0, object_destroy(s->fd, self->viommu));
	EXPECT_EQ(0, object_destroy(s->fd, self->parent));
	scene_teardown(_metadata, s);
}

static int viommu_alloc_data(struct scene *s, __u32 hwpt, __u32 type,
			     const void *data, __u32 length)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = s->dev.idev,
		.hwpt_id = hwpt,
		.data_len = length,
		.data_uptr = to_u64(data),
	};

	return iommu_call(s->fd, IOMMU_VIOMMU_ALLOC, &cmd);
}

TEST_F(viommu_bad, viommu_alloc)
{
	struct {
		struct iommu_viommu_selftest data;
		__u64 tail;
	} arg = {};
	const __u32 type = IOMMU_VIOMMU_TYPE_SELFTEST;
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	void *data;
	__u32 id;

	REFUSED(ENOENT, viommu_alloc(s->fd, 0, self->parent, &id));
	REFUSED(ENOENT, viommu_alloc(s->fd, s->ioas, self->parent, &id));
	REFUSED(ENOENT, viommu_alloc(s->fd, s->dev.idev, 0, &id));
	REFUSED(ENOENT, viommu_alloc(s->fd, s->dev.idev, s->ioas, &id));
	REFUSED(ENOENT, viommu_alloc(s->fd, s->dev.idev, self->nested, &id));
	REFUSED(ENOENT, viommu_alloc(s->fd, s->dev.idev, self->viommu, &id));
	REFUSED(EINVAL, viommu_alloc(s->fd, s->dev.idev, s->dev.hwpt, &id));
	REFUSED(EOPNOTSUPP, viommu_alloc_data(s, self->parent,
					      IOMMU_VIOMMU_TYPE_DEFAULT, NULL,
					      0));
	REFUSED(EOPNOTSUPP, viommu_alloc_data(s, self->parent, 0x7fff, NULL,
					      0));
	REFUSED(EINVAL, viommu_alloc_data(s, self->parent, type, &arg, 1));
	REFUSED(EFAULT, viommu_alloc_data(s, self->parent, type, NULL,
					  sizeof(arg.data)));
	arg.tail = 1;
	REFUSED(EINVAL, viommu_alloc_data(s, self->parent, type, &arg,
					  sizeof(arg)));
	/* What the driver answers cannot be written */
	data = guarded_tail(&g, sizeof(arg.data));
	guarded_write_protect(&g);
	REFUSED(EFAULT, viommu_alloc_data(s, self->parent, type, data,
					  sizeof(arg.data)));
	guarded_free(&g);

	REFUSED(EBUSY, object_destroy(s->fd, self->parent));
	REFUSED(EBUSY, object_destroy(s->fd, self->viommu));
}

TEST_F(viommu_bad, mmap)
{
	struct iommu_viommu_selftest data = { .in_data = 0xfeed };
	struct scene *s = &self->scene;
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = s->dev.idev,
		.hwpt_id = self->parent,
		.data_len = sizeof(data),
		.data_uptr = to_u64(&data),
	};
	int prot = PROT_READ | PROT_WRITE;
	__u64 off, len;
	__u32 *mmio;

	CALL(iommu_call(s->fd, IOMMU_VIOMMU_ALLOC, &cmd));
	off = data.out_mmap_offset;
	len = data.out_mmap_length;
	ASSERT_LT(page, len);

	/* As a whole and shared, or not at all */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, prot, MAP_PRIVATE, s->fd, off));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len + page, prot, MAP_SHARED, s->fd,
				   off));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, prot, MAP_SHARED, s->fd,
				   off + len));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, prot, MAP_SHARED, s->fd,
				   off + page));
	mmio = mmap(NULL, len, prot, MAP_SHARED, s->fd, off);
	ASSERT_NE(MAP_FAILED, mmio);
	EXPECT_EQ(0xfeed, *mmio);

	/* Not while it is mapped; and nothing is there afterwards */
	EXPECT_EQ(-EBUSY, object_destroy(s->fd, cmd.out_viommu_id));
	munmap(mmio, len);
	CALL(object_destroy(s->fd, cmd.out_viommu_id));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, prot, MAP_SHARED, s->fd, off));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(viommu_bad, vdevice_alloc)
{
	struct scene *s = &self->scene;
	struct mock_dev second;
	__u32 vdev, id;

	REFUSED(ENOENT, vdevice_alloc(s->fd, 0, s->dev.idev, 1, &id));
	REFUSED(ENOENT, vdevice_alloc(s->fd, s->ioas, s->dev.idev, 1, &id));
	REFUSED(ENOENT, vdevice_alloc(s->fd, self->viommu, 0, 1, &id));
	REFUSED(ENOENT, vdevice_alloc(s->fd, self->viommu, s->dev.id, 1, &id));

	/* A device that the guest does not know cannot be attached */
	REFUSED(ENOENT, mock_replace(s->fd, &s->dev, self->nested));

	CALL(vdevice_alloc(s->fd, self->viommu, s->dev.idev, 1, &vdev));
	CALL(mock_attach(s->fd, s->ioas, &second));
	scene_remember(s);
	REFUSED(EEXIST, vdevice_alloc(s->fd, self->viommu, s->dev.idev, 1,
				      &id));
	REFUSED(EEXIST, vdevice_alloc(s->fd, self->viommu, s->dev.idev, 2,
				      &id));
	REFUSED(EEXIST, vdevice_alloc(s->fd, self->viommu, second.idev, 1,
				      &id));
	REFUSED(EBUSY, object_destroy(s->fd, self->viommu));
	CALL(vdevice_alloc(s->fd, self->viommu, second.idev, 2, &id));
	CALL(object_destroy(s->fd, id));
	CALL(object_destroy(s->fd, vdev));
	CALL(object_destroy(s->fd, second.id));
}

/* A device that is unplugged takes its vDEVICE along; the ID is not reused */
TEST_F(viommu_bad, vdevice_unplugged)
{
	struct scene *s = &self->scene;
	struct mock_dev second;
	__u32 vdev, id;
	int i;

	CALL(mock_attach(s->fd, s->ioas, &second));
	CALL(vdevice_alloc(s->fd, self->viommu, second.idev, 1, &vdev));
	CALL(object_destroy(s->fd, second.id));
	EXPECT_EQ(-ENOENT, object_destroy(s->fd, vdev));
	for (i = 0; i != 8; i++) {
		CALL(ioas_alloc(s->fd, &id));
		EXPECT_NE(vdev, id);
		CALL(object_destroy(s->fd, id));
	}
	/* The virtual ID is free for the next */
	CALL(vdevice_alloc(s->fd, self->viommu, s->dev.idev, 1, &vdev));
	CALL(object_destroy(s->fd, vdev));
}

TEST_F(viommu_bad, veventq_alloc)
{
	const __u32 type = IOMMU_VEVENTQ_TYPE_SELFTEST;
	struct scene *s = &self->scene;
	__u32 queue, id;
	int file, f;

	REFUSED(ENOENT, veventq_alloc(s->fd, 0, type, 1, &id, &f));
	REFUSED(ENOENT, veventq_alloc(s->fd, self->parent, type, 1, &id, &f));
	REFUSED(EOPNOTSUPP, veventq_alloc(s->fd, self->viommu,
					  IOMMU_VEVENTQ_TYPE_DEFAULT, 1, &id,
					  &f));
	REFUSED(EINVAL, veventq_alloc(s->fd, self->viommu, type, 0, &id, &f));

	CALL(veventq_alloc(s->fd, self->viommu, type, 1, &queue, &file));
	scene_remember(s);
	REFUSED(EEXIST, veventq_alloc(s->fd, self->viommu, type, 1, &id, &f));
	REFUSED(EBUSY, object_destroy(s->fd, queue));
	REFUSED(EBUSY, object_destroy(s->fd, self->viommu));
	close(file);
	scene_remember(s);
	REFUSED(EBUSY, object_destroy(s->fd, self->viommu));
	CALL(object_destroy(s->fd, queue));
}

TEST_F(viommu_bad, events)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} got[4];
	const ssize_t size = sizeof(got[0].header) + sizeof(got[0].event);
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	struct pollfd pollfd;
	__u32 vdev, queue;
	int file;

	/* Nobody to report it to */
	EXPECT_EQ(-ENOENT, mock_vevent(s->fd, s->dev.idev));
	CALL(vdevice_alloc(s->fd, self->viommu, s->dev.idev, 0x99, &vdev));
	CALL(mock_replace(s->fd, &s->dev, self->nested));
	EXPECT_EQ(-EOPNOTSUPP, mock_vevent(s->fd, s->dev.idev));

	CALL(veventq_alloc(s->fd, self->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 2,
			   &queue, &file));
	pollfd = (struct pollfd){ .fd = file, .events = POLLIN };
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(0, read(file, got, sizeof(got)));

	/* The third is one too many, and that is told */
	mock_vevent(s->fd, s->dev.idev);
	mock_vevent(s->fd, s->dev.idev);
	mock_vevent(s->fd, s->dev.idev);
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(-1, read(file, got, sizeof(got[0].header) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(file, got, size - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(file, g.base + page, size));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(file, guarded_tail(&g, size - 1), size));
	EXPECT_EQ(EFAULT, errno);

	/* All of that took nothing off the queue */
	ASSERT_EQ(size, read(file, &got[0], size));
	EXPECT_EQ(0, got[0].header.flags);
	EXPECT_EQ(0, got[0].header.sequence);
	EXPECT_EQ(0x99, got[0].event.virt_id);
	ASSERT_EQ(size + sizeof(got[0].header),
		  read(file, &got[1], 2 * size));
	EXPECT_EQ(1, got[1].header.sequence);
	EXPECT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, got[2].header.flags);
	EXPECT_EQ(2, got[2].header.sequence);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));

	close(file);
	CALL(object_destroy(s->fd, queue));
	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	CALL(object_destroy(s->fd, vdev));
	guarded_free(&g);
}

TEST_F(viommu_bad, hw_queue_alloc)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(1);
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = self->viommu,
		.nesting_parent_iova = iova,
		.length = page,
	};
	__u32 queue, id;

	REFUSED(ENOENT, hw_queue_alloc(s->fd, 0, 0, iova, page, &id));
	REFUSED(ENOENT, hw_queue_alloc(s->fd, self->parent, 0, iova, page,
				       &id));
	cmd.type = IOMMU_HW_QUEUE_TYPE_DEFAULT;
	REFUSED(EOPNOTSUPP, iommu_call(s->fd, IOMMU_HW_QUEUE_ALLOC, &cmd));
	cmd.type = 0x7fff;
	REFUSED(EOPNOTSUPP, iommu_call(s->fd, IOMMU_HW_QUEUE_ALLOC, &cmd));
	REFUSED(EINVAL, hw_queue_alloc(s->fd, self->viommu, 0, iova, 0, &id));
	REFUSED(EOVERFLOW, hw_queue_alloc(s->fd, self->viommu, 0, iova,
					  EVERYTHING, &id));
	/* Where nothing is mapped, or not enough, or nothing to write to */
	REFUSED(ENOENT, hw_queue_alloc(s->fd, self->viommu, 0, scene_iova(10),
				       page, &id));
	REFUSED(ENOENT, hw_queue_alloc(s->fd, self->viommu, 0, scene_iova(9),
				       2 * page, &id));
	REFUSED(EPERM, hw_queue_alloc(s->fd, self->viommu, 0, scene_iova(5),
				      page, &id));
	/* The first of them has to be there first */
	REFUSED(EIO, hw_queue_alloc(s->fd, self->viommu, 1, iova, page, &id));
	REFUSED(EINVAL, hw_queue_alloc(s->fd, self->viommu,
				       IOMMU_TEST_HW_QUEUE_MAX, iova, page,
				       &id));

	CALL(hw_queue_alloc(s->fd, self->viommu, 0, iova, page, &queue));
	scene_remember(s);
	REFUSED(EEXIST, hw_queue_alloc(s->fd, self->viommu, 0, iova, page,
				       &id));
	/* Its memory stays where it is */
	REFUSED(EBUSY, ioas_unmap(s->fd, s->ioas, scene_iova(1), 4 * page));
	REFUSED(EBUSY, ioas_unmap(s->fd, s->ioas, 0, EVERYTHING));
	REFUSED(EBUSY, object_destroy(s->fd, self->viommu));
	CALL(object_destroy(s->fd, queue));
}

TEST_F(viommu_bad, invalidate)
{
	struct iommu_hwpt_invalidate_selftest requests[4] = {
		{ .iotlb_id = 0 }, { .iotlb_id = 1 },
		{ .iotlb_id = MOCK_NESTED_DOMAIN_IOTLB_NUM },
		{ .iotlb_id = 2 },
	};
	const __u32 len = sizeof(requests[0]);
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	__u32 num = 1;
	char *tail;
	int i;

	/* No matter why it fails, it tells how many were done: none */
#define NONE_DONE(_errno, _id, _type, _ptr, _len, _num)                    \
	do {                                                               \
		num = _num;                                                \
		REFUSED(_errno, hwpt_invalidate(s->fd, _id, _type, _ptr,   \
						_len, &num));              \
		EXPECT_EQ(0, num);                                         \
	} while (0)

	NONE_DONE(ENOENT, 0, INVALIDATE_TYPE, requests, len, 1);
	NONE_DONE(EINVAL, s->ioas, INVALIDATE_TYPE, requests, len, 1);
	NONE_DONE(EINVAL, self->parent, INVALIDATE_TYPE, requests, len, 1);
	NONE_DONE(EINVAL, self->nested, 0x7fff, requests, len, 1);
	NONE_DONE(EINVAL, self->nested, INVALIDATE_TYPE, NULL, len, 1);
	NONE_DONE(EINVAL, self->nested, INVALIDATE_TYPE, requests, 0, 1);
	NONE_DONE(EINVAL, self->nested, INVALIDATE_TYPE, requests, 1, 1);
	NONE_DONE(EFAULT, self->nested, INVALIDATE_TYPE, g.base + page, len, 1);
	requests[0].flags = 2;
	NONE_DONE(EOPNOTSUPP, self->nested, INVALIDATE_TYPE, requests, len, 1);
	requests[0].flags = 0;
	/* Without any request it is a question about the type */
	NONE_DONE(EINVAL, self->nested, 0x7fff, NULL, 0, 0);
	num = 0;
	HARMLESS(hwpt_invalidate(s->fd, self->nested, INVALIDATE_TYPE, NULL, 0,
				 &num));
	for (i = 0; i != MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		CALL(mock_check_iotlb(s->fd, self->nested, i,
				      IOMMU_TEST_IOTLB_DEFAULT));

	/* The third of them is wrong, or cannot be read */
	num = 4;
	REFUSED(EINVAL, hwpt_invalidate(s->fd, self->nested, INVALIDATE_TYPE,
					requests, len, &num));
	EXPECT_EQ(2, num);
	tail = guarded_tail(&g, 2 * len);
	memcpy(tail, requests, 2 * len);
	num = 4;
	REFUSED(EFAULT, hwpt_invalidate(s->fd, self->nested, INVALIDATE_TYPE,
					tail, len, &num));
	EXPECT_EQ(2, num);
	for (i = 0; i != MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		CALL(mock_check_iotlb(s->fd, self->nested, i,
				      i < 2 ? 0 : IOMMU_TEST_IOTLB_DEFAULT));
	guarded_free(&g);
}

TEST_F(viommu_bad, invalidate_viommu)
{
	const __u32 type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST;
	struct iommu_viommu_invalidate_selftest request = { .vdev_id = 5 };
	struct scene *s = &self->scene;
	__u32 vdev, num = 1;

	/* No such device, then no such entry of it */
	REFUSED(EINVAL, hwpt_invalidate(s->fd, self->viommu, type, &request,
					sizeof(request), &num));
	EXPECT_EQ(0, num);
	CALL(vdevice_alloc(s->fd, self->viommu, s->dev.idev, 5, &vdev));
	scene_remember(s);
	num = 1;
	HARMLESS(hwpt_invalidate(s->fd, self->viommu, type, &request,
				 sizeof(request), &num));
	EXPECT_EQ(1, num);
	request.cache_id = MOCK_DEV_CACHE_NUM;
	REFUSED(EINVAL, hwpt_invalidate(s->fd, self->viommu, type, &request,
					sizeof(request), &num));
	EXPECT_EQ(0, num);
	CALL(object_destroy(s->fd, vdev));
}

TEST_HARNESS_MAIN
