// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several devices and HWPTs on an IOAS: what each of them sees, and who keeps
 * memory pinned until when.
 */
#include "iommufd_check.h"

#define NPAGES 16
#define IOVA 0x20000000ULL

FIXTURE(attach)
{
	int fd;
	__u32 ioas;
	char *mem;
};

FIXTURE_SETUP(attach)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->ioas));
}

FIXTURE_TEARDOWN(attach)
{
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page, 0));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, NPAGES * page);
}

static int map(struct _test_data_attach *self, unsigned int first,
	       unsigned int npages)
{
	return ioas_map_at(self->fd, self->ioas, self->mem + first * page,
			   npages * page, IOVA + first * page);
}

static int unmap(struct _test_data_attach *self, unsigned int first,
		 unsigned int npages)
{
	return ioas_unmap(self->fd, self->ioas, IOVA + first * page,
			  npages * page);
}

/* 0 if the HWPT shows these pages, and -EINVAL if it does not */
static int sees(struct _test_data_attach *self, __u32 hwpt, unsigned int first,
		unsigned int npages)
{
	return mock_check_map(self->fd, hwpt, IOVA + first * page,
			      self->mem + first * page, npages * page);
}

/* All pages together, and no page of the range that the HWPT shows */
static bool sees_nothing(struct _test_data_attach *self, __u32 hwpt,
			 unsigned int first, unsigned int npages)
{
	for (; npages--; first++)
		if (!sees(self, hwpt, first, 1))
			return false;
	return true;
}

static int pinned(struct _test_data_attach *self, unsigned int first,
		  unsigned int npages, unsigned int times)
{
	return mock_check_refs(self->fd, self->mem + first * page,
			       npages * page, times);
}

TEST_F(attach, shared_by_devices)
{
	struct mock_dev a, b, c;

	/* One automatic HWPT for all that can use it */
	CALL(map(self, 0, 4));
	EXPECT_EQ(0, pinned(self, 0, 4, 0));
	CALL(mock_attach(self->fd, self->ioas, &a));
	EXPECT_EQ(0, sees(self, a.hwpt, 0, 4));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(mock_attach(self->fd, self->ioas, &b));
	EXPECT_EQ(a.hwpt, b.hwpt);
	EXPECT_NE(a.idev, b.idev);
	CALL(map(self, 4, 4));
	EXPECT_EQ(0, sees(self, a.hwpt, 0, 8));
	EXPECT_EQ(0, pinned(self, 0, 8, 1));

	/* The last device takes it along, with all pins */
	CALL(object_destroy(self->fd, a.id));
	EXPECT_EQ(0, sees(self, b.hwpt, 0, 8));
	EXPECT_EQ(8, proc_status("VmPin"));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, b.hwpt));
	CALL(object_destroy(self->fd, b.id));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, b.hwpt));
	EXPECT_EQ(0, pinned(self, 0, 8, 0));
	EXPECT_EQ(0, proc_status("VmPin"));

	/* What was mapped still is, for the next device */
	CALL(mock_attach(self->fd, self->ioas, &c));
	EXPECT_EQ(0, sees(self, c.hwpt, 0, 8));
	EXPECT_EQ(0, pinned(self, 0, 8, 1));
	CALL(object_destroy(self->fd, c.id));
}

/* A device that cannot have the same HWPT gets one of its own */
TEST_F(attach, two_automatic)
{
	struct mock_dev a, b;
	__u32 hwpt;

	CALL(map(self, 0, 4));
	CALL(mock_attach(self->fd, self->ioas, &a));
	CALL(hwpt_alloc(self->fd, a.idev, self->ioas,
			IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	/* Not with that explicit one, which has requirements */
	CALL(mock_attach_flags(self->fd, self->ioas,
			       MOCK_FLAGS_DEVICE_NO_DIRTY, &b));
	EXPECT_NE(hwpt, b.hwpt);
	EXPECT_EQ(0, sees(self, b.hwpt, 0, 4));
	EXPECT_EQ(-EINVAL, mock_replace(self->fd, &b, hwpt));
	EXPECT_EQ(0, sees(self, b.hwpt, 0, 4));
	CALL(object_destroy(self->fd, a.id));
	CALL(object_destroy(self->fd, b.id));
	CALL(object_destroy(self->fd, hwpt));
}

TEST_F(attach, second_hwpt)
{
	__u32 hwpts[3];
	struct mock_dev dev;
	int i;

	CALL(map(self, 0, 4));
	CALL(map(self, 5, 4));
	CALL(mock_attach(self->fd, self->ioas, &dev));
	for (i = 0; i != 3; i++) {
		/* Filled from the beginning, and never pinned again */
		CALL(hwpt_alloc(self->fd, dev.idev, self->ioas, 0, &hwpts[i]));
		EXPECT_EQ(0, sees(self, hwpts[i], 0, 4));
		EXPECT_EQ(0, sees(self, hwpts[i], 5, 4));
		EXPECT_TRUE(sees_nothing(self, hwpts[i], 4, 1));
		EXPECT_TRUE(sees_nothing(self, hwpts[i], 9, 7));
		EXPECT_EQ(0, pinned(self, 0, 4, 1));
		EXPECT_EQ(8, proc_status("VmPin"));
	}
	/* And filled with what comes, and emptied of what goes */
	CALL(map(self, 10, 6));
	CALL(unmap(self, 0, 4));
	for (i = 0; i != 3; i++) {
		EXPECT_EQ(0, sees(self, hwpts[i], 10, 6));
		EXPECT_TRUE(sees_nothing(self, hwpts[i], 0, 4));
		EXPECT_EQ(0, sees(self, hwpts[i], 5, 4));
	}
	EXPECT_EQ(0, pinned(self, 0, 4, 0));
	EXPECT_EQ(10, proc_status("VmPin"));

	/* A HWPT alone, without any device, keeps it pinned too */
	CALL(object_destroy(self->fd, dev.id));
	EXPECT_EQ(10, proc_status("VmPin"));
	CALL(object_destroy(self->fd, hwpts[0]));
	CALL(object_destroy(self->fd, hwpts[2]));
	EXPECT_EQ(10, proc_status("VmPin"));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas));
	CALL(object_destroy(self->fd, hwpts[1]));
	EXPECT_EQ(0, proc_status("VmPin"));
}

TEST_F(attach, replace)
{
	__u32 other, hwpt, first;
	struct mock_dev dev;

	CALL(ioas_alloc(self->fd, &other));
	CALL(map(self, 0, 4));
	CALL(ioas_map_at(self->fd, other, self->mem + 2 * page, 4 * page,
			 IOVA));
	CALL(mock_attach(self->fd, self->ioas, &dev));
	EXPECT_EQ(0, pinned(self, 0, 4, 1));
	EXPECT_EQ(0, pinned(self, 4, 2, 0));

	/* To another IOAS: the first one is without a device then */
	first = dev.hwpt;
	CALL(mock_replace(self->fd, &dev, other));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, first));
	EXPECT_EQ(0, pinned(self, 0, 2, 0));
	EXPECT_EQ(0, pinned(self, 2, 4, 1));
	EXPECT_EQ(0, mock_check_map(self->fd, dev.hwpt, IOVA,
				    self->mem + 2 * page, 4 * page));
	CALL(object_destroy(self->fd, self->ioas));
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(map(self, 0, 4));

	/* To a HWPT, which stays when the device leaves */
	CALL(hwpt_alloc(self->fd, dev.idev, self->ioas, 0, &hwpt));
	CALL(mock_replace(self->fd, &dev, hwpt));
	EXPECT_EQ(hwpt, dev.hwpt);
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
	CALL(object_destroy(self->fd, other));
	CALL(mock_replace(self->fd, &dev, self->ioas));
	EXPECT_NE(hwpt, dev.hwpt);
	EXPECT_EQ(0, sees(self, hwpt, 0, 4));
	EXPECT_EQ(0, sees(self, dev.hwpt, 0, 4));
	CALL(object_destroy(self->fd, hwpt));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(object_destroy(self->fd, dev.id));
}

/* An explicit HWPT is not what a device gets that asks for the IOAS */
TEST_F(attach, explicit_is_not_automatic)
{
	struct mock_dev a, b;
	__u32 hwpt;

	CALL(mock_attach(self->fd, self->ioas, &a));
	CALL(hwpt_alloc(self->fd, a.idev, self->ioas, 0, &hwpt));
	CALL(mock_replace(self->fd, &a, hwpt));
	CALL(mock_attach(self->fd, self->ioas, &b));
	EXPECT_NE(hwpt, b.hwpt);
	CALL(object_destroy(self->fd, a.id));
	CALL(object_destroy(self->fd, hwpt));
	EXPECT_EQ(0, map(self, 0, 4));
	EXPECT_EQ(0, sees(self, b.hwpt, 0, 4));
	CALL(object_destroy(self->fd, b.id));
}

TEST_F(attach, nested)
{
	__u32 parent, nested, viommu, vdev;
	struct mock_dev dev;
	__u32 first;

	CALL(map(self, 0, 4));
	CALL(mock_attach(self->fd, self->ioas, &dev));
	first = dev.hwpt;
	CALL(hwpt_alloc(self->fd, dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	CALL(viommu_alloc(self->fd, dev.idev, parent, &viommu));
	CALL(hwpt_alloc_nested(self->fd, dev.idev, viommu, 0, 0, &nested));
	CALL(vdevice_alloc(self->fd, viommu, dev.idev, 3, &vdev));
	CALL(mock_replace(self->fd, &dev, nested));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, first));
	/* The parent translates what the guest's table leads to */
	CALL(map(self, 4, 4));
	EXPECT_EQ(0, sees(self, parent, 0, 8));
	EXPECT_EQ(8, proc_status("VmPin"));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, nested));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, parent));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, viommu));
	CALL(mock_replace(self->fd, &dev, self->ioas));
	CALL(object_destroy(self->fd, vdev));
	CALL(object_destroy(self->fd, nested));
	CALL(object_destroy(self->fd, viommu));
	CALL(object_destroy(self->fd, parent));
	EXPECT_EQ(0, sees(self, dev.hwpt, 0, 8));
	CALL(object_destroy(self->fd, dev.id));
}

/* In-kernel accesses pin by themselves, and no more than they asked for */
TEST_F(attach, access)
{
	__u32 flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
	__u32 one, two, other;
	struct mock_dev dev;
	int access;

	CALL(map(self, 0, 8));
	CALL(access_create(self->fd, self->ioas, flags, &access));
	EXPECT_EQ(0, pinned(self, 0, 8, 0));
	CALL(access_pin(self->fd, access, IOVA + 2 * page,
			self->mem + 2 * page, 4 * page, &one));
	CALL(access_pin(self->fd, access, IOVA + 3 * page,
			self->mem + 3 * page, page, &two));
	EXPECT_EQ(0, pinned(self, 0, 2, 0));
	EXPECT_EQ(0, pinned(self, 2, 4, 1));
	EXPECT_EQ(4, proc_status("VmPin"));

	/* A device needs the rest, and takes only that away again */
	CALL(mock_attach(self->fd, self->ioas, &dev));
	EXPECT_EQ(0, pinned(self, 0, 8, 1));
	EXPECT_EQ(8, proc_status("VmPin"));
	CALL(access_unpin(self->fd, access, one));
	EXPECT_EQ(-ENOENT, access_unpin(self->fd, access, one));
	EXPECT_EQ(8, proc_status("VmPin"));
	CALL(object_destroy(self->fd, dev.id));
	EXPECT_EQ(1, proc_status("VmPin"));
	EXPECT_EQ(0, pinned(self, 3, 1, 1));
	EXPECT_EQ(0, pinned(self, 4, 4, 0));

	/* Another IOAS: what was pinned is let go of */
	CALL(ioas_alloc(self->fd, &other));
	EXPECT_EQ(-ENOENT, access_move(self->fd, access, 0));
	EXPECT_EQ(1, proc_status("VmPin"));
	CALL(access_move(self->fd, access, other));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(-ENOENT, access_pin(self->fd, access, IOVA, self->mem, page,
				      &one));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, other));
	CALL(access_move(self->fd, access, self->ioas));
	CALL(object_destroy(self->fd, other));

	/* Not all of it is there: nothing is pinned */
	EXPECT_EQ(-ENOENT, access_pin(self->fd, access, IOVA + 6 * page,
				      self->mem + 6 * page, 3 * page, &one));
	EXPECT_EQ(0, pinned(self, 0, NPAGES, 0));

	/* Unmapping asks it to let go, and closing needs no asking */
	CALL(access_pin(self->fd, access, IOVA, self->mem, 2 * page, &one));
	CALL(unmap(self, 0, 8));
	EXPECT_EQ(-ENOENT, access_unpin(self->fd, access, one));
	EXPECT_EQ(0, pinned(self, 0, 8, 0));
	CALL(map(self, 0, 8));
	CALL(access_pin(self->fd, access, IOVA, self->mem, 2 * page, &one));
	EXPECT_EQ(0, close(access));
	EXPECT_EQ(0, pinned(self, 0, 8, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
}

TEST_F(attach, access_outlives_file)
{
	__u32 flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
	int fd = iommu_open(), access;
	__u32 ioas, pin;

	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_at(fd, ioas, self->mem, 4 * page, IOVA));
	CALL(access_create(fd, ioas, flags, &access));
	CALL(access_pin(fd, access, IOVA, self->mem, 2 * page, &pin));
	close(fd);
	EXPECT_EQ(0, pinned(self, 0, 2, 1));
	EXPECT_EQ(0, close(access));
	EXPECT_EQ(0, pinned(self, 0, 4, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* Whatever there is, closing the file is the end of it */
TEST_F(attach, close_everything)
{
	__u32 ioas, parent, viommu, nested, vdev, hwpt, queue, id;
	int fd = iommu_open(), fault, events, i;
	struct mock_dev dev[3];

	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_at(fd, ioas, self->mem, NPAGES * page, IOVA));
	for (i = 0; i != 3; i++)
		CALL(mock_attach(fd, ioas, &dev[i]));
	CALL(hwpt_alloc(fd, dev[0].idev, ioas, 0, &hwpt));
	CALL(hwpt_alloc(fd, dev[0].idev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT,
			&parent));
	CALL(viommu_alloc(fd, dev[0].idev, parent, &viommu));
	CALL(fault_alloc(fd, &id, &fault));
	CALL(hwpt_alloc_nested(fd, dev[0].idev, viommu,
			       IOMMU_HWPT_FAULT_ID_VALID, id, &nested));
	CALL(vdevice_alloc(fd, viommu, dev[0].idev, 1, &vdev));
	CALL(veventq_alloc(fd, viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 5, &id,
			   &events));
	CALL(hw_queue_alloc(fd, viommu, 0, IOVA, page, &queue));
	CALL(mock_replace(fd, &dev[0], nested));
	CALL(mock_fault(fd, dev[0].idev, 1, 0x1000));
	CALL(mock_vevent(fd, dev[0].idev));
	EXPECT_EQ(0, pinned(self, 0, NPAGES, 1));
	close(fd);
	/* Its queues are files of their own, that keep it */
	EXPECT_EQ(0, pinned(self, 0, NPAGES, 1));
	close(fault);
	EXPECT_EQ(0, pinned(self, 0, NPAGES, 1));
	close(events);
	EXPECT_EQ(0, pinned(self, 0, NPAGES, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
}

TEST_HARNESS_MAIN
