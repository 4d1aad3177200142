// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to a fault, an event, or a queue's memory when its reader, its
 * HWPT, or what it is in changes meanwhile; and accesses that are refused.
 */
#include <poll.h>

#include "iommufd_check.h"

FIXTURE(queue)
{
	struct scene scene;
	__u32 parent;
	__u32 viommu;
	__u32 nested;
};

FIXTURE_SETUP(queue)
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

FIXTURE_TEARDOWN(queue)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(0, object_destroy(s->fd, self->nested));
	EXPECT_EQ(0, object_destroy(s->fd, self->viommu));
	EXPECT_EQ(0, object_destroy(s->fd, self->parent));
	scene_teardown(_metadata, s);
}

static bool readable(int file)
{
	struct pollfd pollfd = { .fd = file, .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

static int answer(int file, __u32 cookie, __u32 code)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = code,
	};

	return write(file, &response, sizeof(response)) == sizeof(response) ?
		0 : -errno;
}

/* Some at a time, in their order, as often as it takes */
TEST_F(queue, faults_in_parts)
{
	const size_t size = sizeof(struct iommu_hwpt_pgfault);
	struct iommu_hwpt_page_response responses[3] = {};
	struct iommu_hwpt_pgfault faults[8];
	struct scene *s = &self->scene;
	__u32 fault, hwpt;
	int file, i;

	CALL(fault_alloc(s->fd, &fault, &file));
	CALL(hwpt_alloc_fault(s, fault, &hwpt));
	CALL(mock_replace(s->fd, &s->dev, hwpt));
	EXPECT_FALSE(readable(file));
	for (i = 0; i != 5; i++)
		CALL(mock_fault(s->fd, s->dev.idev, 10 + i, 0x1000 * i));

	/* Room for two and a half */
	ASSERT_EQ(2 * size, read(file, faults, 2 * size + size / 2));
	EXPECT_TRUE(readable(file));
	ASSERT_EQ(size, read(file, faults + 2, size));
	/* One that has not been read cannot be answered */
	EXPECT_EQ(-EINVAL, answer(file, faults[2].cookie + 1,
				  IOMMUFD_PAGE_RESP_SUCCESS));
	ASSERT_EQ(2 * size, read(file, faults + 3, 5 * size));
	EXPECT_FALSE(readable(file));
	for (i = 0; i != 5; i++) {
		EXPECT_EQ(10 + i, faults[i].grpid);
		EXPECT_EQ(0x1000 * i, faults[i].addr);
		EXPECT_EQ(s->dev.idev, faults[i].dev_id);
		EXPECT_EQ(IOMMU_PGFAULT_PERM_READ, faults[i].perm);
		EXPECT_NE(0, faults[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE);
		EXPECT_EQ(0, faults[i].length);
		if (i)
			EXPECT_NE(faults[i - 1].cookie, faults[i].cookie);
	}

	/* In any order; what is behind a wrong one is not looked at */
	responses[0].cookie = faults[4].cookie;
	responses[1].cookie = faults[4].cookie;
	responses[2].cookie = faults[0].cookie;
	EXPECT_EQ(sizeof(responses[0]), write(file, responses,
					      sizeof(responses)));
	EXPECT_EQ(0, answer(file, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, answer(file, faults[2].cookie, IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_EQ(-EINVAL, answer(file, faults[2].cookie,
				  IOMMUFD_PAGE_RESP_INVALID));

	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	CALL(object_destroy(s->fd, hwpt));
	EXPECT_EQ(0, close(file));
	CALL(object_destroy(s->fd, fault));
}

/* A device that moves on: old faults are answered, new ones go where it is */
TEST_F(queue, fault_after_replace)
{
	struct iommu_hwpt_pgfault old, now;
	struct scene *s = &self->scene;
	__u32 fault[2], hwpt[2];
	int file[2], i;

	for (i = 0; i != 2; i++) {
		CALL(fault_alloc(s->fd, &fault[i], &file[i]));
		CALL(hwpt_alloc_fault(s, fault[i], &hwpt[i]));
	}
	CALL(mock_replace(s->fd, &s->dev, hwpt[0]));
	CALL(mock_fault(s->fd, s->dev.idev, 1, 0x1000));
	CALL(mock_fault(s->fd, s->dev.idev, 2, 0x2000));
	ASSERT_EQ(sizeof(old), read(file[0], &old, sizeof(old)));

	CALL(mock_replace(s->fd, &s->dev, hwpt[1]));
	EXPECT_FALSE(readable(file[0]));
	EXPECT_EQ(0, read(file[0], &now, sizeof(now)));
	EXPECT_EQ(-EINVAL, answer(file[0], old.cookie,
				  IOMMUFD_PAGE_RESP_SUCCESS));
	CALL(mock_fault(s->fd, s->dev.idev, 3, 0x3000));
	EXPECT_FALSE(readable(file[0]));
	ASSERT_EQ(sizeof(now), read(file[1], &now, sizeof(now)));
	EXPECT_EQ(3, now.grpid);
	/* A cookie is good for its own queue */
	EXPECT_EQ(-EINVAL, answer(file[0], now.cookie,
				  IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, answer(file[1], now.cookie, IOMMUFD_PAGE_RESP_SUCCESS));

	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	for (i = 0; i != 2; i++) {
		EXPECT_EQ(-EBUSY, object_destroy(s->fd, fault[i]));
		CALL(object_destroy(s->fd, hwpt[i]));
		EXPECT_EQ(-EBUSY, object_destroy(s->fd, fault[i]));
		EXPECT_EQ(0, close(file[i]));
		CALL(object_destroy(s->fd, fault[i]));
	}
}

/* Nobody will answer any more: the device must not wait, nor the HWPT go */
TEST_F(queue, fault_without_reader)
{
	struct iommu_hwpt_pgfault record;
	struct scene *s = &self->scene;
	__u32 fault, hwpt;
	int file, i;

	CALL(fault_alloc(s->fd, &fault, &file));
	CALL(hwpt_alloc_fault(s, fault, &hwpt));
	CALL(mock_replace(s->fd, &s->dev, hwpt));
	for (i = 0; i != 3; i++)
		CALL(mock_fault(s->fd, s->dev.idev, i, 0x1000));
	ASSERT_EQ(sizeof(record), read(file, &record, sizeof(record)));
	EXPECT_EQ(0, close(file));
	for (i = 0; i != 3; i++)
		EXPECT_EQ(0, mock_fault(s->fd, s->dev.idev, i, 0x2000));
	EXPECT_EQ(-EBUSY, object_destroy(s->fd, hwpt));
	EXPECT_EQ(-EBUSY, object_destroy(s->fd, fault));
	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	CALL(object_destroy(s->fd, hwpt));
	CALL(object_destroy(s->fd, fault));
}

/* Unplugged with faults that wait, read and unread */
TEST_F(queue, fault_of_unplugged)
{
	struct iommu_hwpt_pgfault record;
	struct scene *s = &self->scene;
	struct mock_dev second;
	__u32 fault, hwpt;
	int file;

	CALL(fault_alloc(s->fd, &fault, &file));
	CALL(mock_attach(s->fd, s->ioas, &second));
	CALL(hwpt_alloc_fault(s, fault, &hwpt));
	CALL(mock_replace(s->fd, &second, hwpt));
	CALL(mock_replace(s->fd, &s->dev, hwpt));
	CALL(mock_fault(s->fd, second.idev, 1, 0x1000));
	CALL(mock_fault(s->fd, s->dev.idev, 2, 0x2000));
	CALL(mock_fault(s->fd, second.idev, 3, 0x3000));
	ASSERT_EQ(sizeof(record), read(file, &record, sizeof(record)));
	EXPECT_EQ(second.idev, record.dev_id);
	CALL(object_destroy(s->fd, second.id));
	EXPECT_EQ(-EINVAL, answer(file, record.cookie,
				  IOMMUFD_PAGE_RESP_SUCCESS));
	/* The other device's is still there */
	ASSERT_EQ(sizeof(record), read(file, &record, sizeof(record)));
	EXPECT_EQ(s->dev.idev, record.dev_id);
	EXPECT_FALSE(readable(file));
	EXPECT_EQ(0, answer(file, record.cookie, IOMMUFD_PAGE_RESP_INVALID));
	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	CALL(object_destroy(s->fd, hwpt));
	EXPECT_EQ(0, close(file));
	CALL(object_destroy(s->fd, fault));
}

/* Lost events show: in the next one's number, or else by a header alone */
TEST_F(queue, events_lost)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} got[2];
	const ssize_t header = sizeof(got[0].header), size = sizeof(got[0]);
	const __u32 type = IOMMU_VEVENTQ_TYPE_SELFTEST;
	struct scene *s = &self->scene;
	__u32 vdev, queue;
	int file;

	ASSERT_EQ(header + sizeof(got[0].event), size);
	REFUSED(EINVAL, veventq_alloc(s->fd, self->viommu, type, 1U << 31,
				      &queue, &file));
	CALL(vdevice_alloc(s->fd, self->viommu, s->dev.idev, 7, &vdev));
	CALL(mock_replace(s->fd, &s->dev, self->nested));
	CALL(veventq_alloc(s->fd, self->viommu, type, 1, &queue, &file));

	/* 0 is kept, 1 is lost, 2 comes before anybody was told */
	CALL(mock_vevent(s->fd, s->dev.idev));
	CALL(mock_vevent(s->fd, s->dev.idev));
	ASSERT_EQ(size, read(file, got, size));
	EXPECT_EQ(0, got[0].header.sequence);
	EXPECT_TRUE(readable(file));
	CALL(mock_vevent(s->fd, s->dev.idev));
	ASSERT_EQ(size, read(file, got, sizeof(got)));
	EXPECT_EQ(2, got[0].header.sequence);
	EXPECT_EQ(0, got[0].header.flags);
	EXPECT_EQ(7, got[0].event.virt_id);
	EXPECT_FALSE(readable(file));
	EXPECT_EQ(0, read(file, got, sizeof(got)));

	/* 3 is kept, 4 and 5 are lost, and nothing comes behind them */
	CALL(mock_vevent(s->fd, s->dev.idev));
	CALL(mock_vevent(s->fd, s->dev.idev));
	CALL(mock_vevent(s->fd, s->dev.idev));
	ASSERT_EQ(size + header, read(file, got, sizeof(got)));
	EXPECT_EQ(3, got[0].header.sequence);
	EXPECT_EQ(5, got[1].header.sequence);
	EXPECT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, got[1].header.flags);
	EXPECT_FALSE(readable(file));

	/* Without a reader all are; a new queue begins anew */
	EXPECT_EQ(0, close(file));
	CALL(mock_vevent(s->fd, s->dev.idev));
	CALL(object_destroy(s->fd, queue));
	EXPECT_EQ(-EOPNOTSUPP, mock_vevent(s->fd, s->dev.idev));
	CALL(veventq_alloc(s->fd, self->viommu, type, 1, &queue, &file));
	CALL(mock_vevent(s->fd, s->dev.idev));
	ASSERT_EQ(size, read(file, got, sizeof(got)));
	EXPECT_EQ(0, got[0].header.sequence);

	EXPECT_EQ(0, close(file));
	CALL(object_destroy(s->fd, queue));
	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	CALL(object_destroy(s->fd, vdev));
}

/* The hardware takes one physical range, and finds it there to the end */
TEST_F(queue, hw_queue_memory)
{
	const __u64 iova = scene_iova(16);
	struct scene *s = &self->scene;
	__u32 queue[2], id;

	/* The same page twice is not contiguous, whatever memory there is */
	CALL(ioas_map_at(s->fd, s->ioas, scene_mem(s, 6), page, iova));
	CALL(ioas_map_at(s->fd, s->ioas, scene_mem(s, 6), page, iova + page));
	scene_remember(s);
	REFUSED(EFAULT, hw_queue_alloc(s->fd, self->viommu, 0, iova, 2 * page,
				       &id));
	REFUSED(EFAULT, hw_queue_alloc(s->fd, self->viommu, 0,
				       iova + page - 8, 16, &id));
	CALL(hw_queue_alloc(s->fd, self->viommu, 0, iova + page - 8, 8,
			    &queue[0]));
	CALL(hw_queue_alloc(s->fd, self->viommu, 1, iova + page, page,
			    &queue[1]));
	/* The second depends on the first; each keeps its own memory */
	scene_remember(s);
	REFUSED(EBUSY, object_destroy(s->fd, queue[0]));
	REFUSED(EBUSY, ioas_unmap(s->fd, s->ioas, iova, page));
	REFUSED(EBUSY, ioas_unmap(s->fd, s->ioas, iova + page, page));
	CALL(object_destroy(s->fd, queue[1]));
	EXPECT_EQ(0, ioas_unmap(s->fd, s->ioas, iova + page, page));
	EXPECT_EQ(-EBUSY, ioas_unmap(s->fd, s->ioas, iova, page));
	CALL(object_destroy(s->fd, queue[0]));
	EXPECT_EQ(0, ioas_unmap(s->fd, s->ioas, iova, page));

	/* It pins pages: parts of pages are in the way */
	CALL(ioas_map_at(s->fd, s->ioas, scene_mem(s, 6), MOCK_PAGE_SIZE,
			 iova));
	scene_remember(s);
	REFUSED(EADDRINUSE, hw_queue_alloc(s->fd, self->viommu, 0,
					   scene_iova(1), page, &id));
	EXPECT_EQ(0, ioas_unmap(s->fd, s->ioas, iova, MOCK_PAGE_SIZE));
	CALL(hw_queue_alloc(s->fd, self->viommu, 0, scene_iova(1), page, &id));
	CALL(object_destroy(s->fd, id));
	scene_remember(s);
}

/* Why mmap() is refused */
TEST_F(queue, mmap_refused)
{
	struct iommu_viommu_selftest data = { .in_data = 0xbeef };
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
	pid_t child;
	int status;

#define MMAP_REFUSED(_errno, _len, _prot, _flags, _off)                      \
	do {                                                                 \
		EXPECT_EQ(MAP_FAILED, mmap(NULL, _len, _prot, _flags, s->fd, \
					   _off));                           \
		EXPECT_EQ(_errno, errno);                                    \
	} while (0)

	MMAP_REFUSED(ENXIO, page, prot, MAP_SHARED, 0);
	CALL(iommu_call(s->fd, IOMMU_VIOMMU_ALLOC, &cmd));
	off = data.out_mmap_offset;
	len = data.out_mmap_length;
	MMAP_REFUSED(EINVAL, len, prot, MAP_PRIVATE, off);
	MMAP_REFUSED(EPERM, len, prot | PROT_EXEC, MAP_SHARED, off);
	MMAP_REFUSED(ENXIO, len + page, prot, MAP_SHARED, off);
	MMAP_REFUSED(ENXIO, len, prot, MAP_SHARED, off + len);
	MMAP_REFUSED(ENXIO, page, prot, MAP_SHARED, off);

	mmio = mmap(NULL, len, prot, MAP_SHARED, s->fd, off);
	ASSERT_NE(MAP_FAILED, mmio);
	EXPECT_EQ(0xbeef, *mmio);
	EXPECT_EQ(-1, mprotect(mmio, len, prot | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	/* A part of it is enough to keep it, and so is a child's copy */
	EXPECT_EQ(0, munmap(mmio, len - page));
	EXPECT_EQ(-EBUSY, object_destroy(s->fd, cmd.out_viommu_id));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (munmap((char *)mmio + len - page, page) ||
		    object_destroy(s->fd, cmd.out_viommu_id) != -EBUSY)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, munmap((char *)mmio + len - page, page));
	CALL(object_destroy(s->fd, cmd.out_viommu_id));
	MMAP_REFUSED(ENXIO, len, prot, MAP_SHARED, off);
	scene_compare(_metadata, s, __LINE__);
#undef MMAP_REFUSED
}

/* What an access of the kernel's is refused */
TEST_F(queue, access)
{
	__u32 flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, pin;
	const __u32 write = MOCK_ACCESS_RW_WRITE;
	struct scene *s = &self->scene;
	__u64 value = 1;
	int access;

	/* The scene's access does not pin */
	REFUSED(EINVAL, access_pin(s->fd, s->access, scene_iova(1),
				   scene_mem(s, 0), page, &pin));
	REFUSED(ENOENT, access_rw(s->fd, s->access, scene_iova(7), &value, 8,
				  0));
	REFUSED(ENOENT, access_rw(s->fd, s->access, scene_iova(7) - 4, &value,
				  8, 0));
	REFUSED(EPERM, access_rw(s->fd, s->access, scene_iova(5), &value, 8,
				 write));
	/* Not a byte of it, where a part could be written */
	REFUSED(EPERM, access_rw(s->fd, s->access, scene_iova(5) - 4, &value,
				 8, write));
	REFUSED(EINVAL, access_rw(s->fd, s->access, scene_iova(1), &value, 0,
				  0));
	REFUSED(EOVERFLOW, access_rw(s->fd, s->access, -4ULL, &value, 8, 0));
	REFUSED(ENOENT, access_move(s->fd, s->access, 0));
	REFUSED(ENOENT, access_move(s->fd, s->access, self->parent));

	CALL(access_create(s->fd, s->ioas, flags, &access));
	scene_remember(s);
	REFUSED(ENOENT, access_pin(s->fd, access, scene_iova(7),
				   scene_mem(s, 6), page, &pin));
	REFUSED(ENOENT, access_pin(s->fd, access, scene_iova(6),
				   scene_mem(s, 5), 2 * page, &pin));
	/* access_pin() pins for writing */
	REFUSED(EPERM, access_pin(s->fd, access, scene_iova(5),
				  scene_mem(s, 4), page, &pin));
	REFUSED(EPERM, access_pin(s->fd, access, scene_iova(4),
				  scene_mem(s, 3), 2 * page, &pin));
	REFUSED(ENOENT, access_unpin(s->fd, access, 99));
	EXPECT_EQ(0, close(access));
	scene_remember(s);
}

TEST_HARNESS_MAIN
