// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection into what devices are attached to: HWPTs of every kind, RIDs
 * and PASIDs, groups, dirty tracking, invalidation.
 */
#include "iommufd_fail.h"

#define IOVA 0x20000000ULL
#define NPAGES 64
#define PASID 7

FIXTURE(fail_device)
{
	struct scene scene;
	int fail_nth;
	__u32 other;
	char *mem;
};

FIXTURE_SETUP(fail_device)
{
	struct scene *s = &self->scene;

	self->fail_nth = fail_prepare();
	if (self->fail_nth == -ENOENT)
		SKIP(return, "fault injection is not enabled in the kernel");
	ASSERT_LE(0, self->fail_nth);
	scene_setup(_metadata, s);
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(s->fd, &self->other));
	CALL(ioas_map_at(s->fd, self->other, self->mem, NPAGES * page, IOVA));
}

FIXTURE_TEARDOWN(fail_device)
{
	close(self->fail_nth);
	EXPECT_EQ(0, object_destroy(self->scene.fd, self->other));
	scene_teardown(_metadata, &self->scene);
}

/* Plugged in, probed, bound, and attached to a HWPT that is made for it */
TEST_F(fail_device, attach)
{
	int fd = self->scene.fd;
	struct mock_dev dev, first;
	__u32 hwpt;

	FAIL_EVERY("bind, attach to an IOAS", NO_MEMORY | NO_COPY | NO_DEVICE,
		   mock_attach(fd, self->other, &dev),
		   UNDO(object_destroy(fd, dev.id)));
	FAIL_EVERY("bind with PASIDs, attach", NO_MEMORY | NO_COPY | NO_DEVICE,
		   mock_attach_flags(fd, self->other, MOCK_FLAGS_DEVICE_PASID,
				     &dev),
		   UNDO(object_destroy(fd, dev.id)));
	FAIL_EVERY("attach, format is chosen late",
		   NO_MEMORY | NO_COPY | NO_DEVICE,
		   mock_attach_flags(fd, self->other, MOCK_FLAGS_DEVICE_LATE,
				     &dev),
		   UNDO(object_destroy(fd, dev.id)));

	CALL(hwpt_alloc(fd, self->scene.dev.idev, self->other, 0, &hwpt));
	FAIL_EVERY("bind, attach to a HWPT", NO_MEMORY | NO_COPY | NO_DEVICE,
		   mock_attach(fd, hwpt, &dev),
		   UNDO(object_destroy(fd, dev.id)));
	CALL(object_destroy(fd, hwpt));

	CALL(mock_attach_flags(fd, self->other, MOCK_FLAGS_DEVICE_SHARED,
			       &first));
	FAIL_EVERY("bind, join a group", NO_MEMORY | NO_COPY | NO_DEVICE,
		   mock_attach_flags(fd, self->other, MOCK_FLAGS_DEVICE_SHARED,
				     &dev),
		   UNDO(object_destroy(fd, dev.id)));
	CALL(object_destroy(fd, first.id));
}

static int get_hw_info(int fd, __u32 idev)
{
	struct iommu_test_hw_info info;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = idev,
		.data_len = sizeof(info),
		.data_uptr = to_u64(&info),
	};

	return iommu_call(fd, IOMMU_GET_HW_INFO, &cmd);
}

TEST_F(fail_device, hwpt)
{
	__u32 hwpt, idev = self->scene.dev.idev, parent;
	int fd = self->scene.fd;

	FAIL_EVERY("GET_HW_INFO", NO_MEMORY | NO_COPY, get_hw_info(fd, idev), NOTHING);
	FAIL_EVERY("HWPT_ALLOC paging", NO_MEMORY | NO_COPY,
		   hwpt_alloc(fd, idev, self->other, 0, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
	FAIL_EVERY("HWPT_ALLOC dirty tracking", NO_MEMORY | NO_COPY,
		   hwpt_alloc(fd, idev, self->other,
			      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
	FAIL_EVERY("HWPT_ALLOC nesting parent", NO_MEMORY | NO_COPY,
		   hwpt_alloc(fd, idev, self->other,
			      IOMMU_HWPT_ALLOC_NEST_PARENT, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
	CALL(hwpt_alloc(fd, idev, self->other, IOMMU_HWPT_ALLOC_NEST_PARENT,
			&parent));
	FAIL_EVERY("HWPT_ALLOC nested", NO_MEMORY | NO_COPY,
		   hwpt_alloc_nested(fd, idev, parent, 0, 0, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
	CALL(object_destroy(fd, parent));
	FAIL_EVERY("HWPT_ALLOC of an IOAS in use", NO_MEMORY | NO_COPY,
		   hwpt_alloc(fd, idev, self->scene.ioas, 0, &hwpt),
		   UNDO(object_destroy(fd, hwpt)));
}

/* The device stays where it was, which the scene's HWPT tells */
TEST_F(fail_device, replace)
{
	__u32 hwpt, parent, nested, old, idev = self->scene.dev.idev;
	struct mock_dev *dev = &self->scene.dev;
	int fd = self->scene.fd;

	/* Automatic HWPTs go with their last device, and their IDs with them */
	CALL(hwpt_alloc(fd, idev, self->scene.ioas, 0, &old));
	CALL(mock_replace(fd, dev, old));
	CALL(hwpt_alloc(fd, idev, self->other, 0, &hwpt));
	CALL(hwpt_alloc(fd, idev, self->other, IOMMU_HWPT_ALLOC_NEST_PARENT,
			&parent));
	CALL(hwpt_alloc_nested(fd, idev, parent, 0, 0, &nested));

	FAIL_EVERY("replace by a HWPT", NO_MEMORY | NO_COPY,
		   fail_replace(fd, dev, hwpt, old),
		   UNDO(mock_replace(fd, dev, old)));
	FAIL_EVERY("replace by an IOAS", NO_MEMORY | NO_COPY,
		   fail_replace(fd, dev, self->other, old),
		   UNDO(mock_replace(fd, dev, old)));
	FAIL_EVERY("replace by a nested HWPT", NO_MEMORY | NO_COPY,
		   fail_replace(fd, dev, nested, old),
		   UNDO(mock_replace(fd, dev, old)));
	CALL(object_destroy(fd, nested));
	CALL(object_destroy(fd, parent));
	CALL(object_destroy(fd, hwpt));
	CALL(mock_replace(fd, dev, self->scene.ioas));
	CALL(object_destroy(fd, old));
}

/* Of two devices in a group, the second may fail to follow the first */
TEST_F(fail_device, replace_group)
{
	struct mock_dev one, two;
	int fd = self->scene.fd;
	__u32 old, new;

	CALL(hwpt_alloc(fd, self->scene.dev.idev, self->other, 0, &old));
	CALL(hwpt_alloc(fd, self->scene.dev.idev, self->other, 0, &new));
	CALL(mock_attach_flags(fd, old, MOCK_FLAGS_DEVICE_SHARED, &one));
	CALL(mock_attach_flags(fd, old, MOCK_FLAGS_DEVICE_SHARED, &two));
	FAIL_EVERY("replace of a group", NO_MEMORY | NO_COPY,
		   fail_replace(fd, &one, new, old),
		   UNDO(mock_replace(fd, &one, old)));
	CALL(object_destroy(fd, two.id));
	CALL(object_destroy(fd, one.id));
	CALL(object_destroy(fd, new));
	CALL(object_destroy(fd, old));
}

static int pasid_replace(int fd, __u32 dev, __u32 pasid, __u32 pt)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_replace = { .pasid = pasid, .pt_id = pt },
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_REPLACE, &cmd);
}

static int pasid_detach(int fd, __u32 dev, __u32 pasid)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_detach.pasid = pasid,
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_DETACH, &cmd);
}

/* 0 where the PASID is attached to @hwpt */
static int pasid_check(int fd, __u32 dev, __u32 pasid, __u32 hwpt)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_check = { .pasid = pasid, .hwpt_id = hwpt },
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_CHECK_HWPT, &cmd);
}

TEST_F(fail_device, pasid)
{
	int fd = self->scene.fd;
	__u32 rid, one, two;
	struct mock_dev dev;

	CALL(hwpt_alloc(fd, self->scene.dev.idev, self->other,
			IOMMU_HWPT_ALLOC_PASID, &rid));
	CALL(mock_attach_flags(fd, rid, MOCK_FLAGS_DEVICE_PASID, &dev));
	CALL(hwpt_alloc(fd, dev.idev, self->other, IOMMU_HWPT_ALLOC_PASID,
			&one));
	CALL(hwpt_alloc(fd, dev.idev, self->other, IOMMU_HWPT_ALLOC_PASID,
			&two));
	FAIL_EVERY("PASID attach to a HWPT", NO_MEMORY | NO_COPY,
		   mock_pasid_attach(fd, dev.id, PASID, one),
		   UNDO(pasid_check(fd, dev.id, PASID, one) ?:
			pasid_detach(fd, dev.id, PASID)));
	EXPECT_EQ(0, pasid_check(fd, dev.id, PASID, 0));
	CALL(mock_pasid_attach(fd, dev.id, PASID, one));
	FAIL_EVERY("PASID replace", NO_MEMORY | NO_COPY,
		   pasid_replace(fd, dev.id, PASID, two),
		   UNDO(pasid_replace(fd, dev.id, PASID, one)));
	EXPECT_EQ(0, pasid_check(fd, dev.id, PASID, one));
	FAIL_EVERY("PASID detach", NO_COPY, pasid_detach(fd, dev.id, PASID),
		   UNDO(mock_pasid_attach(fd, dev.id, PASID, one)));
	CALL(pasid_detach(fd, dev.id, PASID));
	CALL(object_destroy(fd, two));
	CALL(object_destroy(fd, one));
	CALL(object_destroy(fd, dev.id));
	CALL(object_destroy(fd, rid));
}

/* Unplugging cannot fail, but for the copy that names the device */
TEST_F(fail_device, detach)
{
	int fd = self->scene.fd;
	struct mock_dev dev, again;

	CALL(mock_attach(fd, self->scene.ioas, &dev));
	again = dev;
	FAIL_EVERY("detach, unbind", NO_COPY, object_destroy(fd, again.id),
		   UNDO(mock_attach(fd, self->scene.ioas, &again)));
	CALL(object_destroy(fd, again.id));
}

TEST_F(fail_device, dirty)
{
	__u64 bitmap[NPAGES / 64], set = ~0ULL;
	int fd = self->scene.fd;
	struct mock_dev dev;
	__u32 hwpt;

	CALL(hwpt_alloc(fd, self->scene.dev.idev, self->other,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	CALL(mock_attach(fd, hwpt, &dev));
	FAIL_EVERY("HWPT_SET_DIRTY_TRACKING on", NO_MEMORY | NO_COPY,
		   hwpt_set_dirty(fd, hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE),
		   UNDO(hwpt_set_dirty(fd, hwpt, 0)));
	CALL(hwpt_set_dirty(fd, hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
	CALL(mock_write(fd, hwpt, IOVA, NPAGES * page, page, &set));
	FAIL_EVERY("HWPT_GET_DIRTY_BITMAP", NO_MEMORY | NO_COPY,
		   hwpt_get_dirty(fd, hwpt, IOVA, NPAGES * page, page, bitmap,
				  IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR), NOTHING);
	EXPECT_EQ(~0ULL, bitmap[0]);
	FAIL_EVERY("HWPT_GET_DIRTY_BITMAP clears", NO_MEMORY | NO_COPY,
		   hwpt_get_dirty(fd, hwpt, IOVA, NPAGES * page, page, bitmap,
				  0), NOTHING);
	FAIL_EVERY("HWPT_SET_DIRTY_TRACKING off", NO_MEMORY | NO_COPY,
		   hwpt_set_dirty(fd, hwpt, 0),
		   UNDO(hwpt_set_dirty(fd, hwpt,
				       IOMMU_HWPT_DIRTY_TRACKING_ENABLE)));
	CALL(object_destroy(fd, dev.id));
	CALL(object_destroy(fd, hwpt));
}

static int open_and_close(void)
{
	int fd = iommu_open();

	if (fd < 0)
		return -errno;
	/* What fails from here on, a close cannot tell */
	close(fd);
	return 0;
}

/* A context that is closed with all that is in it */
static int close_full(const char *mem)
{
	int fd = iommu_open(), access, rc;
	struct mock_dev dev;
	__u32 ioas;

	if (fd < 0)
		return -errno;
	rc = ioas_alloc(fd, &ioas);
	if (!rc)
		rc = ioas_map_at(fd, ioas, mem, 4 * page, IOVA);
	if (!rc)
		rc = access_create(fd, ioas, 0, &access);
	if (!rc) {
		rc = mock_attach(fd, ioas, &dev);
		close(access);
	}
	close(fd);
	return rc;
}

TEST_F(fail_device, context)
{
	FAIL_EVERY("open, close", NO_MEMORY | NO_COPY, open_and_close(), NOTHING);
	FAIL_EVERY("open, map, attach, close",
		   NO_MEMORY | NO_COPY | NO_DEVICE, close_full(self->mem), NOTHING);
}

TEST_HARNESS_MAIN
