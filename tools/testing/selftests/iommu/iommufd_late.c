// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU that decides on the format of a domain when the first device is
 * attached to it: until then nothing can be mapped, and what has been mapped to
 * the IOAS gets there by the attach.
 */
#include "iommufd_check.h"

#define NPAGES 8
#define IOVA 0x20000000ULL

FIXTURE(late)
{
	int fd;
	int kmsg;
	__u32 ioas;
	__u32 other;
	struct mock_dev dev;
	char *mem;
};

FIXTURE_SETUP(late)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->kmsg = kmsg_open();
	self->mem = memory_new(NPAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(ioas_alloc(self->fd, &self->other));
	CALL(mock_attach_flags(self->fd, self->other, MOCK_FLAGS_DEVICE_LATE,
			       &self->dev));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 4 * page, IOVA));
}

FIXTURE_TEARDOWN(late)
{
	char log[1024];

	EXPECT_EQ(0, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(0, object_destroy(self->fd, self->other));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_refs(self->fd, self->mem, NPAGES * page, 0));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, NPAGES * page);
	if (self->kmsg >= 0) {
		EXPECT_FALSE(kmsg_read(self->kmsg, log, sizeof(log)))
			TH_LOG("logged: %s", log);
		close(self->kmsg);
	}
}

static int attach(struct _test_data_late *self, __u32 pt, struct mock_dev *dev)
{
	return mock_attach_flags(self->fd, pt, MOCK_FLAGS_DEVICE_LATE, dev);
}

static int new_hwpt(struct _test_data_late *self, __u32 *hwpt)
{
	return hwpt_alloc(self->fd, self->dev.idev, self->ioas, 0, hwpt);
}

/* 0 if the HWPT shows these pages of the memory, and -EINVAL if it does not */
static int sees(struct _test_data_late *self, __u32 hwpt, unsigned int first,
		unsigned int npages)
{
	return mock_check_map(self->fd, hwpt, IOVA + first * page,
			      self->mem + first * page, npages * page);
}

TEST_F(late, automatic)
{
	struct mock_dev dev;

	CALL(attach(self, self->ioas, &dev));
	EXPECT_EQ(0, sees(self, dev.hwpt, 0, 4));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(object_destroy(self->fd, dev.id));
}

TEST_F(late, explicit)
{
	struct mock_dev a, b;
	__u32 hwpt;

	CALL(new_hwpt(self, &hwpt));
	EXPECT_EQ(-EINVAL, sees(self, hwpt, 0, 4));
	EXPECT_EQ(0, proc_status("VmPin"));
	/* What is mapped and unmapped before the attach counts as well */
	CALL(ioas_map_at(self->fd, self->ioas, self->mem + 4 * page, 4 * page,
			 IOVA + 4 * page));
	EXPECT_EQ(-EINVAL, sees(self, hwpt, 4, 4));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, 4 * page));

	CALL(attach(self, hwpt, &a));
	EXPECT_EQ(hwpt, a.hwpt);
	EXPECT_EQ(0, sees(self, hwpt, 4, 4));
	EXPECT_EQ(-EINVAL, sees(self, hwpt, 0, 1));
	EXPECT_EQ(4, proc_status("VmPin"));

	/* From now on it is like any other: filled, with a device or without */
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, 4 * page, IOVA));
	EXPECT_EQ(0, sees(self, hwpt, 0, 8));
	CALL(object_destroy(self->fd, a.id));
	EXPECT_EQ(0, sees(self, hwpt, 0, 8));
	CALL(ioas_unmap(self->fd, self->ioas, IOVA, 4 * page));
	EXPECT_EQ(-EINVAL, sees(self, hwpt, 0, 1));
	CALL(attach(self, hwpt, &a));
	CALL(attach(self, hwpt, &b));
	EXPECT_EQ(0, sees(self, hwpt, 4, 4));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(object_destroy(self->fd, a.id));
	CALL(object_destroy(self->fd, b.id));
	CALL(object_destroy(self->fd, hwpt));
	EXPECT_EQ(0, proc_status("VmPin"));
}

/* A device cannot come from another HWPT to one that is not there yet */
TEST_F(late, replace)
{
	struct mock_dev dev;
	__u32 hwpt;

	CALL(new_hwpt(self, &hwpt));
	EXPECT_EQ(-EOPNOTSUPP, mock_replace(self->fd, &self->dev, hwpt));
	EXPECT_EQ(-EOPNOTSUPP, mock_replace(self->fd, &self->dev, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	CALL(attach(self, hwpt, &dev));
	CALL(object_destroy(self->fd, dev.id));
	CALL(mock_replace(self->fd, &self->dev, hwpt));
	EXPECT_EQ(0, sees(self, hwpt, 0, 4));
	CALL(attach(self, self->other, &dev));
	CALL(mock_replace(self->fd, &self->dev, dev.hwpt));
	CALL(object_destroy(self->fd, dev.id));
	CALL(object_destroy(self->fd, hwpt));
}

/* The format turns out not to reach what is mapped: as if nothing happened */
TEST_F(late, does_not_fit)
{
	__u64 far = MOCK_APERTURE_LAST + 1ULL;
	struct iommu_iova_range ranges[4];
	__u64 alignment;
	__u32 hwpt, num;
	struct mock_dev dev;

	CALL(new_hwpt(self, &hwpt));
	CALL(ioas_map_at(self->fd, self->ioas, self->mem, page, far));
	EXPECT_EQ(-EADDRINUSE, attach(self, hwpt, &dev));
	/* Now that it is known, without even attaching */
	EXPECT_EQ(-EADDRINUSE, attach(self, hwpt, &dev));
	EXPECT_EQ(-EADDRINUSE, attach(self, self->ioas, &dev));
	EXPECT_EQ(0, proc_status("VmPin"));
	num = ARRAY_SIZE(ranges);
	CALL(ioas_ranges(self->fd, self->ioas, ranges, &num, &alignment));
	EXPECT_EQ(1, num);
	EXPECT_EQ(0, ranges[0].start);

	CALL(ioas_unmap(self->fd, self->ioas, far, page));
	/* The device does not fit, and so the HWPT is not filled either */
	EXPECT_EQ(-EINVAL, mock_pasid_attach(self->fd, self->dev.id, 1, hwpt));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(-EINVAL, sees(self, hwpt, 0, 4));

	CALL(attach(self, hwpt, &dev));
	EXPECT_EQ(0, sees(self, hwpt, 0, 4));
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas, self->mem, page,
				       far));
	CALL(object_destroy(self->fd, dev.id));
	CALL(object_destroy(self->fd, hwpt));
}

/* Nothing keeps a HWPT that was never attached to */
TEST_F(late, never_attached)
{
	__u32 hwpt;

	CALL(new_hwpt(self, &hwpt));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas));
	CALL(object_destroy(self->fd, hwpt));
	CALL(new_hwpt(self, &hwpt));
	CALL(ioas_unmap(self->fd, self->ioas, 0, EVERYTHING));
	CALL(object_destroy(self->fd, hwpt));
}

TEST_HARNESS_MAIN
