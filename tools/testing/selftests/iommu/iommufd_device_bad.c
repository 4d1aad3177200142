// SPDX-License-Identifier: GPL-2.0-only
/*
 * What attaching, HWPT_ALLOC, the dirty tracking ioctls, GET_HW_INFO and fault
 * queues must refuse.
 */
#include <poll.h>

#include "iommufd_check.h"

FIXTURE(device_bad)
{
	struct scene scene;
	/* A second IOAS without devices */
	__u32 other;
};

FIXTURE_SETUP(device_bad)
{
	scene_setup(_metadata, &self->scene);
	CALL(ioas_alloc(self->scene.fd, &self->other));
	scene_remember(&self->scene);
}

FIXTURE_TEARDOWN(device_bad)
{
	EXPECT_EQ(0, object_destroy(self->scene.fd, self->other));
	scene_teardown(_metadata, &self->scene);
}

/* All of the other IOAS's IOVAs can be used still, byte by byte */
static void other_is_free(struct __test_metadata *_metadata,
			  struct _test_data_device_bad *self)
{
	struct iommu_iova_range range;
	__u64 alignment = 0;
	__u32 num = 1;

	EXPECT_EQ(0, ioas_ranges(self->scene.fd, self->other, &range, &num,
				 &alignment));
	EXPECT_EQ(1, num);
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(EVERYTHING, range.last);
	EXPECT_EQ(1, alignment);
}

/* Neither a new device nor the present one, nor a new HWPT for it */
#define OTHER_REFUSED(_errno)                                                \
	do {                                                                 \
		const int __errno = (_errno);                                \
		struct mock_dev __dev;                                       \
		__u32 __id;                                                  \
									     \
		REFUSED(__errno, mock_attach(s->fd, self->other, &__dev));   \
		REFUSED(__errno, mock_replace(s->fd, &s->dev, self->other)); \
		REFUSED(__errno, hwpt_alloc(s->fd, s->dev.idev, self->other, \
					    0, &__id));                      \
		other_is_free(_metadata, self);                              \
	} while (0)

TEST_F(device_bad, attach_id)
{
	struct scene *s = &self->scene;
	__u32 ids[3] = { s->dev.id, s->dev.idev };
	struct mock_dev dev;
	unsigned int i;
	__u32 fault;
	int file;

	CALL(fault_alloc(s->fd, &fault, &file));
	scene_remember(s);

	REFUSED(ENOENT, mock_attach(s->fd, 0, &dev));
	REFUSED(ENOENT, mock_attach(s->fd, 0x7fffffff, &dev));
	REFUSED(ENOENT, mock_replace(s->fd, &s->dev, 0));
	REFUSED(ENOENT, mock_replace(s->fd, &s->dev, s->before.next_id));
	ids[2] = fault;
	for (i = 0; i != ARRAY_SIZE(ids); i++) {
		REFUSED(EINVAL, mock_attach(s->fd, ids[i], &dev));
		REFUSED(EINVAL, mock_replace(s->fd, &s->dev, ids[i]));
	}
	/* To where it is already: fine, and nothing changes */
	HARMLESS(mock_replace(s->fd, &s->dev, s->ioas));
	HARMLESS(mock_replace(s->fd, &s->dev, s->dev.hwpt));

	close(file);
	CALL(object_destroy(s->fd, fault));
}

TEST_F(device_bad, attach_unknown_flags)
{
	struct scene *s = &self->scene;
	struct mock_dev dev;

	REFUSED(EOPNOTSUPP, mock_attach_flags(s->fd, s->ioas, 1U << 31, &dev));
}

TEST_F(device_bad, area_outside_aperture)
{
	struct scene *s = &self->scene;

	CALL(ioas_map_at(s->fd, self->other, s->mem, page, 0));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0, page));

	CALL(ioas_map_at(s->fd, self->other, s->mem, page, 0 - 2 * page));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0 - 2 * page, page));

	/* One area would do, the next does not */
	CALL(ioas_map_at(s->fd, self->other, scene_mem(s, 6), page,
			 0x20000000));
	CALL(ioas_map_at(s->fd, self->other, s->mem, 2 * page,
			 MOCK_APERTURE_LAST + 1ULL - page));
	scene_remember(s);
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0, EVERYTHING));
}

TEST_F(device_bad, allowed_outside_aperture)
{
	struct iommu_iova_range range = { 0x20000000, 0x80000000 };
	struct scene *s = &self->scene;

	CALL(ioas_allow(s->fd, self->other, &range, 1));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_allow(s->fd, self->other, NULL, 0));
}

TEST_F(device_bad, area_misaligned)
{
	struct scene *s = &self->scene;

	CALL(ioas_map_at(s->fd, self->other, s->mem, page, 0x20000200));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0x20000200, page));
	CALL(ioas_map_at(s->fd, self->other, s->mem, 1, 0x20000000));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0x20000000, 1));
	CALL(ioas_map_at(s->fd, self->other, s->mem + 0x200, page,
			 0x20000000));
	OTHER_REFUSED(EADDRINUSE);
	CALL(ioas_unmap(s->fd, self->other, 0x20000000, page));
}

/* Mapping without a device does not look at the memory; attaching does */
TEST_F(device_bad, memory_is_gone)
{
	struct scene *s = &self->scene;
	char *mem = memory_new(40);

	ASSERT_NE(NULL, mem);
	CALL(ioas_map_at(s->fd, self->other, scene_mem(s, 6), 2 * page,
			 0x20000000));
	CALL(ioas_map_at(s->fd, self->other, mem, 40 * page, 0x30000000));
	munmap(mem + 30 * page, page);
	scene_remember(s);
	OTHER_REFUSED(EFAULT);
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 30 * page, 0));
	munmap(mem, 40 * page);
	scene_remember(s);
	OTHER_REFUSED(EFAULT);
	CALL(ioas_unmap(s->fd, self->other, 0, EVERYTHING));
}

static int hwpt_alloc_data(struct scene *s, __u32 pt, __u32 flags, __u32 type,
			   const void *data, __u32 length)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = s->dev.idev,
		.pt_id = pt,
		.data_type = type,
		.data_len = length,
		.data_uptr = to_u64(data),
	};

	return iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd);
}

TEST_F(device_bad, hwpt_alloc)
{
	struct scene *s = &self->scene;
	__u32 nest = IOMMU_HWPT_ALLOC_NEST_PARENT;
	__u32 id;

	REFUSED(ENOENT, hwpt_alloc(s->fd, 0, s->ioas, 0, &id));
	REFUSED(ENOENT, hwpt_alloc(s->fd, s->before.next_id, s->ioas, 0, &id));
	REFUSED(ENOENT, hwpt_alloc(s->fd, s->ioas, s->ioas, 0, &id));
	REFUSED(ENOENT, hwpt_alloc(s->fd, s->dev.id, s->ioas, 0, &id));
	REFUSED(EINVAL, hwpt_alloc(s->fd, s->dev.idev, 0, 0, &id));
	REFUSED(EINVAL, hwpt_alloc(s->fd, s->dev.idev, 0xffffffff, 0, &id));
	REFUSED(EINVAL, hwpt_alloc(s->fd, s->dev.idev, s->dev.idev, 0, &id));
	REFUSED(EINVAL, hwpt_alloc(s->fd, s->dev.idev, s->dev.id, 0, &id));
	REFUSED(EOPNOTSUPP, hwpt_alloc(s->fd, s->dev.idev, s->ioas, 1 << 4,
				       &id));
	/* A nested HWPT needs data */
	REFUSED(EOPNOTSUPP, hwpt_alloc(s->fd, s->dev.idev, s->dev.hwpt, 0,
				       &id));

	/* Faults come to nested HWPTs, not to their parent; and to a queue */
	REFUSED(EOPNOTSUPP, hwpt_alloc(s->fd, s->dev.idev, s->ioas,
				       nest | IOMMU_HWPT_FAULT_ID_VALID, &id));
	REFUSED(ENOENT, hwpt_alloc(s->fd, s->dev.idev, s->ioas,
				   IOMMU_HWPT_FAULT_ID_VALID, &id));
}

TEST_F(device_bad, hwpt_alloc_fault)
{
	struct scene *s = &self->scene;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = s->dev.idev,
		.pt_id = s->ioas,
		.fault_id = s->ioas,
	};
	__u32 fault;
	int file;

	REFUSED(ENOENT, iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd));
	cmd.fault_id = s->dev.idev;
	REFUSED(ENOENT, iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd));

	CALL(fault_alloc(s->fd, &fault, &file));
	cmd.fault_id = fault;
	CALL(iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd));
	scene_remember(s);
	REFUSED(EBUSY, object_destroy(s->fd, fault));
	close(file);
	scene_remember(s);
	REFUSED(EBUSY, object_destroy(s->fd, fault));
	CALL(object_destroy(s->fd, cmd.out_hwpt_id));
	CALL(object_destroy(s->fd, fault));
}

TEST_F(device_bad, hwpt_alloc_data)
{
	struct {
		struct iommu_hwpt_selftest data;
		__u64 tail;
	} arg = { .data.iotlb = 5 };
	const __u32 size = sizeof(arg.data);
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	__u32 parent;

	/* Data without a type, and the other way round */
	REFUSED(EINVAL, hwpt_alloc_data(s, s->ioas, 0, 0, &arg, size));
	REFUSED(EINVAL, hwpt_alloc_data(s, s->ioas, 0, 0, NULL, size));
	REFUSED(EINVAL, hwpt_alloc_data(s, s->ioas, 0, IOMMU_HWPT_DATA_SELFTEST,
					&arg, 0));
	/* A type that this IOMMU does not have */
	REFUSED(EOPNOTSUPP, hwpt_alloc_data(s, s->ioas, 0, 0x7fff, &arg, size));
	/* More than any type has */
	REFUSED(E2BIG, hwpt_alloc_data(s, s->ioas, 0, IOMMU_HWPT_DATA_SELFTEST,
				       &arg, page + 1));
	/* For a parent that is not made to be one */
	REFUSED(EINVAL, hwpt_alloc_data(s, s->dev.hwpt, 0,
					IOMMU_HWPT_DATA_SELFTEST, &arg, size));

	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	scene_remember(s);
	REFUSED(EOPNOTSUPP, hwpt_alloc_data(s, parent, 0, 0x7fff, &arg, size));
	REFUSED(EOPNOTSUPP, hwpt_alloc_data(s, parent,
					    IOMMU_HWPT_ALLOC_NEST_PARENT,
					    IOMMU_HWPT_DATA_SELFTEST, &arg,
					    size));
	REFUSED(EINVAL, hwpt_alloc_data(s, parent, 0, IOMMU_HWPT_DATA_SELFTEST,
					&arg, 1));
	REFUSED(EFAULT, hwpt_alloc_data(s, parent, 0, IOMMU_HWPT_DATA_SELFTEST,
					NULL, size));
	REFUSED(EFAULT, hwpt_alloc_data(s, parent, 0, IOMMU_HWPT_DATA_SELFTEST,
					guarded_tail(&g, size - 1), size));
	arg.tail = 1;
	REFUSED(EINVAL, hwpt_alloc_data(s, parent, 0, IOMMU_HWPT_DATA_SELFTEST,
					&arg, sizeof(arg)));
	guarded_free(&g);
	CALL(object_destroy(s->fd, parent));
}

TEST_F(device_bad, dirty)
{
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	__u64 iova = scene_iova(1);
	__u64 bits[4] = {};
	struct mock_dev dev;
	__u32 hwpt;
	void *ro;

	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	scene_remember(s);

	REFUSED(ENOENT, hwpt_set_dirty(s->fd, 0, 0));
	REFUSED(ENOENT, hwpt_set_dirty(s->fd, s->ioas, 0));
	REFUSED(ENOENT, hwpt_get_dirty(s->fd, s->ioas, iova, page, page, bits,
				       0));
	REFUSED(EOPNOTSUPP, hwpt_set_dirty(s->fd, hwpt, 2));
	REFUSED(EOPNOTSUPP, hwpt_get_dirty(s->fd, hwpt, iova, page, page, bits,
					   2));
	/* This one was not made for it */
	REFUSED(EOPNOTSUPP, hwpt_set_dirty(s->fd, s->dev.hwpt, 1));
	REFUSED(EOPNOTSUPP, hwpt_get_dirty(s->fd, s->dev.hwpt, iova, page, page,
					   bits, 0));

	REFUSED(EINVAL, hwpt_get_dirty(s->fd, hwpt, iova, 4 * page, 0, bits,
				       0));
	REFUSED(EINVAL, hwpt_get_dirty(s->fd, hwpt, iova, 4 * page, 3 * page,
				       bits, 0));
	REFUSED(EINVAL, hwpt_get_dirty(s->fd, hwpt, iova, 0, page, bits, 0));
	REFUSED(EINVAL, hwpt_get_dirty(s->fd, hwpt, iova + 1, page, page, bits,
				       0));
	REFUSED(EOVERFLOW, hwpt_get_dirty(s->fd, hwpt, iova, 0 - page, page,
					  bits, 0));
	/* Not mapped, or not all of it: what is not there is not dirty */
	HARMLESS(hwpt_get_dirty(s->fd, hwpt, scene_iova(10), page, page, bits,
				0));
	HARMLESS(hwpt_get_dirty(s->fd, hwpt, scene_iova(0), 12 * page, page,
				bits, 0));
	EXPECT_EQ(0, bits[0]);

	REFUSED(EFAULT, hwpt_get_dirty(s->fd, hwpt, iova, 4 * page, page, NULL,
				       0));
	ro = guarded_tail(&g, sizeof(bits));
	guarded_write_protect(&g);
	REFUSED(EFAULT, hwpt_get_dirty(s->fd, hwpt, iova, 4 * page, page, ro,
				       0));
	guarded_free(&g);

	/* A device that could not track its writes does not come in */
	REFUSED(EINVAL, mock_attach_flags(s->fd, hwpt,
					  MOCK_FLAGS_DEVICE_NO_DIRTY, &dev));
	CALL(object_destroy(s->fd, hwpt));

	CALL(mock_attach_flags(s->fd, s->ioas, MOCK_FLAGS_DEVICE_NO_DIRTY,
			       &dev));
	scene_remember(s);
	REFUSED(EOPNOTSUPP, hwpt_alloc(s->fd, dev.idev, s->ioas,
				       IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	CALL(object_destroy(s->fd, dev.id));
}

static int hw_info(struct scene *s, __u32 dev, __u32 flags, __u32 *type,
		   void *data, __u32 *length)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.data_len = *length,
		.data_uptr = to_u64(data),
		.in_data_type = *type,
	};
	int rc = iommu_call(s->fd, IOMMU_GET_HW_INFO, &cmd);

	*type = cmd.out_data_type;
	*length = cmd.data_len;
	return rc;
}

TEST_F(device_bad, hw_info)
{
	struct scene *s = &self->scene;
	struct guarded g = guarded_new();
	unsigned char data[64];
	struct iommu_test_hw_info *info = (void *)data;
	__u32 type = 0, len = sizeof(data);
	unsigned int i;

	REFUSED(ENOENT, hw_info(s, 0, 0, &type, data, &len));
	REFUSED(ENOENT, hw_info(s, s->ioas, 0, &type, data, &len));
	REFUSED(ENOENT, hw_info(s, s->dev.id, 0, &type, data, &len));
	REFUSED(EOPNOTSUPP, hw_info(s, s->dev.idev, 2, &type, data, &len));
	type = 0x7fff;
	REFUSED(EOPNOTSUPP, hw_info(s, s->dev.idev,
				    IOMMU_HW_INFO_FLAG_INPUT_TYPE, &type, data,
				    &len));
	REFUSED(EFAULT, hw_info(s, s->dev.idev, 0, &type, NULL, &len));
	/* The zeroes behind the data belong to the buffer too */
	REFUSED(EFAULT, hw_info(s, s->dev.idev, 0, &type,
				guarded_tail(&g, len - 1), &len));
	guarded_free(&g);

	/* Without the flag any type means the default one */
	memset(data, 0xa5, sizeof(data));
	type = 0x7fff;
	HARMLESS(hw_info(s, s->dev.idev, 0, &type, data, &len));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, type);
	EXPECT_EQ(sizeof(*info), len);
	EXPECT_EQ(IOMMU_HW_INFO_SELFTEST_REGVAL, info->test_reg);
	for (i = sizeof(*info); i != sizeof(data); i++)
		EXPECT_EQ(0, data[i]);

	/* Less than there is, and nothing at all */
	memset(data, 0xa5, sizeof(data));
	len = sizeof(info->flags);
	HARMLESS(hw_info(s, s->dev.idev, 0, &type, data, &len));
	EXPECT_EQ(sizeof(*info), len);
	EXPECT_EQ(0, info->flags);
	EXPECT_EQ(0xa5a5a5a5, info->test_reg);
	len = 0;
	HARMLESS(hw_info(s, s->dev.idev, 0, &type, NULL, &len));
	EXPECT_EQ(sizeof(*info), len);
}

TEST_F(device_bad, fault_queue)
{
	struct iommu_hwpt_page_response response = {};
	struct scene *s = &self->scene;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = s->dev.idev,
		.pt_id = s->ioas,
	};
	struct iommu_hwpt_pgfault fault[2];
	struct guarded g = guarded_new();
	struct pollfd pollfd;
	int file;
	__u32 id;

	CALL(fault_alloc(s->fd, &id, &file));
	cmd.fault_id = id;
	CALL(iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd));
	pollfd = (struct pollfd){ .fd = file, .events = POLLIN };

	/* Nobody takes the faults of what the device is attached to now */
	EXPECT_NE(0, mock_fault(s->fd, s->dev.idev, 1, 0x1000));
	EXPECT_EQ(0, read(file, fault, sizeof(fault)));
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	CALL(mock_replace(s->fd, &s->dev, cmd.out_hwpt_id));
	CALL(mock_fault(s->fd, s->dev.idev, 1, 0x1000));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));

	/* It stays until somebody has really read it */
	EXPECT_EQ(-1, read(file, fault, sizeof(fault[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(file, g.base + page, sizeof(fault[0])));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(file, guarded_tail(&g, sizeof(fault[0]) - 1),
			   sizeof(fault[0])));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(sizeof(fault[0]), read(file, fault, sizeof(fault)));
	EXPECT_EQ(0x1000, fault[0].addr);
	EXPECT_EQ(s->dev.idev, fault[0].dev_id);
	EXPECT_EQ(0, read(file, fault + 1, sizeof(fault[1])));

	/* An answer that is none */
	response.cookie = fault[0].cookie + 1;
	EXPECT_EQ(-1, write(file, &response, sizeof(response)));
	EXPECT_EQ(EINVAL, errno);
	response.cookie = fault[0].cookie;
	response.code = 2;
	EXPECT_EQ(-1, write(file, &response, sizeof(response)));
	EXPECT_EQ(EINVAL, errno);
	response.code = IOMMUFD_PAGE_RESP_SUCCESS;
	EXPECT_EQ(-1, write(file, &response, sizeof(response) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(file, g.base + page, sizeof(response)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(response), write(file, &response, sizeof(response)));
	/* There is one answer to a question */
	EXPECT_EQ(-1, write(file, &response, sizeof(response)));
	EXPECT_EQ(EINVAL, errno);

	/* Faults that wait for their answer do not keep the device */
	CALL(mock_fault(s->fd, s->dev.idev, 2, 0x2000));
	CALL(mock_fault(s->fd, s->dev.idev, 3, 0x3000));
	ASSERT_EQ(sizeof(fault[0]), read(file, fault, sizeof(fault[0])));
	CALL(mock_replace(s->fd, &s->dev, s->ioas));
	response.cookie = fault[0].cookie;
	EXPECT_EQ(-1, write(file, &response, sizeof(response)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, read(file, fault, sizeof(fault)));

	CALL(object_destroy(s->fd, cmd.out_hwpt_id));
	close(file);
	CALL(object_destroy(s->fd, id));
	guarded_free(&g);
	scene_remember(s);
}

TEST_F(device_bad, pasid)
{
	struct scene *s = &self->scene;
	struct mock_dev dev;
	__u32 plain, pasid;

	CALL(mock_attach_flags(s->fd, s->ioas, MOCK_FLAGS_DEVICE_PASID, &dev));
	CALL(hwpt_alloc(s->fd, dev.idev, s->ioas, 0, &plain));
	CALL(hwpt_alloc(s->fd, dev.idev, s->ioas, IOMMU_HWPT_ALLOC_PASID,
			&pasid));
	scene_remember(s);

	REFUSED(EINVAL, mock_pasid_attach(s->fd, dev.id, 100, plain));
	REFUSED(EINVAL, mock_pasid_attach(s->fd, dev.id, 100, s->ioas));
	REFUSED(ENOENT, mock_pasid_attach(s->fd, dev.id, 100, 0));
	/* The rest of the device must be attached to such a HWPT too */
	REFUSED(EINVAL, mock_pasid_attach(s->fd, dev.id, 100, pasid));
	/* This one has no PASIDs */
	REFUSED(EINVAL, mock_pasid_attach(s->fd, s->dev.id, 100, pasid));

	CALL(mock_replace(s->fd, &dev, pasid));
	CALL(mock_pasid_attach(s->fd, dev.id, 100, pasid));
	scene_remember(s);
	REFUSED(EBUSY, mock_pasid_attach(s->fd, dev.id, 100, pasid));
	REFUSED(EINVAL, mock_replace(s->fd, &dev, plain));
	REFUSED(EBUSY, object_destroy(s->fd, pasid));

	CALL(object_destroy(s->fd, dev.id));
	CALL(object_destroy(s->fd, plain));
	CALL(object_destroy(s->fd, pasid));
}

TEST_HARNESS_MAIN
