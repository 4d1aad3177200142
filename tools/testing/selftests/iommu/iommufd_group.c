// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that share an IOMMU group: they are attached together, but each has
 * page faults of its own.
 */
#include <poll.h>

#include "iommufd_check.h"

#define NUM_DEVICES 3

FIXTURE(group)
{
	int fd;
	int kmsg;
	int queue;
	__u32 ioas;
	__u32 parent;
	__u32 fault;
	__u32 nested;
	struct mock_dev dev[NUM_DEVICES];
};

FIXTURE_SETUP(group)
{
	int i;

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->kmsg = kmsg_open();
	CALL(ioas_alloc(self->fd, &self->ioas));
	for (i = 0; i != NUM_DEVICES; i++)
		CALL(mock_attach_flags(self->fd, self->ioas,
				       MOCK_FLAGS_DEVICE_SHARED,
				       &self->dev[i]));
	CALL(hwpt_alloc(self->fd, self->dev[0].idev, self->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &self->parent));
	CALL(fault_alloc(self->fd, &self->fault, &self->queue));
	CALL(hwpt_alloc_nested(self->fd, self->dev[0].idev, self->parent,
			       IOMMU_HWPT_FAULT_ID_VALID, self->fault,
			       &self->nested));
}

FIXTURE_TEARDOWN(group)
{
	char log[1024];

	EXPECT_EQ(0, close(self->queue));
	EXPECT_EQ(0, close(self->fd));
	if (self->kmsg >= 0) {
		EXPECT_FALSE(kmsg_read(self->kmsg, log, sizeof(log)))
			TH_LOG("logged: %s", log);
		close(self->kmsg);
	}
}

static int replace(struct _test_data_group *self, int i, __u32 pt)
{
	return mock_replace(self->fd, &self->dev[i], pt);
}

static int fault(struct _test_data_group *self, int i, __u32 grpid)
{
	return mock_fault(self->fd, self->dev[i].idev, grpid,
			  0x1000 * (grpid + 1));
}

/* How many faults there are to be read, and those */
static int faults_read(struct _test_data_group *self,
		       struct iommu_hwpt_pgfault *faults, unsigned int room)
{
	ssize_t len = read(self->queue, faults, room * sizeof(*faults));

	return len < 0 ? -errno : len / (ssize_t)sizeof(*faults);
}

static int answer(struct _test_data_group *self, __u32 cookie)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};

	return write(self->queue, &response, sizeof(response)) < 0 ? -errno : 0;
}

/* One HWPT for all of them */
TEST_F(group, attached_together)
{
	struct mock_dev other;
	__u32 ioas;
	int i;

	for (i = 1; i != NUM_DEVICES; i++)
		EXPECT_EQ(self->dev[0].hwpt, self->dev[i].hwpt);
	CALL(ioas_alloc(self->fd, &ioas));
	EXPECT_EQ(-EINVAL, mock_attach_flags(self->fd, ioas,
					     MOCK_FLAGS_DEVICE_SHARED, &other));
	/* Who is replaced takes the others along */
	CALL(replace(self, 1, self->parent));
	CALL(mock_attach_flags(self->fd, self->parent, MOCK_FLAGS_DEVICE_SHARED,
			       &other));
	EXPECT_EQ(-EINVAL, mock_attach_flags(self->fd, self->ioas,
					     MOCK_FLAGS_DEVICE_SHARED, &other));
	for (i = 0; i != NUM_DEVICES; i++)
		CALL(object_destroy(self->fd, self->dev[i].id));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->parent));
}

/* Another context does not get a device of the group */
TEST_F(group, one_owner)
{
	struct mock_dev other;
	int fd = iommu_open();
	__u32 ioas;

	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	EXPECT_EQ(-EPERM, mock_attach_flags(fd, ioas, MOCK_FLAGS_DEVICE_SHARED,
					    &other));
	CALL(mock_attach(fd, ioas, &other));
	EXPECT_EQ(0, close(fd));
}

TEST_F(group, faults_name_their_device)
{
	struct iommu_hwpt_pgfault faults[NUM_DEVICES + 1];
	int i;

	CALL(replace(self, 1, self->nested));
	/* Not in the order in which they were attached */
	for (i = NUM_DEVICES; i--;)
		CALL(fault(self, i, i));
	ASSERT_EQ(NUM_DEVICES, faults_read(self, faults, NUM_DEVICES + 1));
	for (i = 0; i != NUM_DEVICES; i++) {
		__u32 from = faults[i].grpid;

		EXPECT_EQ(NUM_DEVICES - 1 - i, from);
		ASSERT_GT(NUM_DEVICES, from);
		EXPECT_EQ(self->dev[from].idev, faults[i].dev_id);
		EXPECT_EQ(0x1000 * (from + 1), faults[i].addr);
		EXPECT_EQ(0, answer(self, faults[i].cookie));
	}
}

/* A device that leaves takes its own faults along, read or unread, and no other */
TEST_F(group, faults_outlive_others)
{
	struct iommu_hwpt_pgfault faults[2 * NUM_DEVICES], more[NUM_DEVICES];
	struct pollfd poll_in = { .fd = self->queue, .events = POLLIN };
	int i;

	CALL(replace(self, 0, self->nested));
	for (i = 0; i != NUM_DEVICES; i++)
		CALL(fault(self, i, i));
	ASSERT_EQ(NUM_DEVICES, faults_read(self, faults, NUM_DEVICES));
	for (i = 0; i != NUM_DEVICES; i++)
		CALL(fault(self, i, 10 + i));

	/* The first one that was attached, then another */
	CALL(object_destroy(self->fd, self->dev[0].id));
	EXPECT_EQ(-EINVAL, answer(self, faults[0].cookie));
	EXPECT_EQ(0, answer(self, faults[1].cookie));
	ASSERT_EQ(2, faults_read(self, more, NUM_DEVICES));
	EXPECT_EQ(self->dev[1].idev, more[0].dev_id);
	EXPECT_EQ(self->dev[2].idev, more[1].dev_id);
	EXPECT_EQ(0, answer(self, more[0].cookie));

	CALL(fault(self, 1, 20));
	CALL(fault(self, 2, 21));
	CALL(object_destroy(self->fd, self->dev[1].id));
	EXPECT_EQ(0, answer(self, faults[2].cookie));
	EXPECT_EQ(0, answer(self, more[1].cookie));
	ASSERT_EQ(1, faults_read(self, more, NUM_DEVICES));
	EXPECT_EQ(self->dev[2].idev, more[0].dev_id);
	EXPECT_EQ(21, more[0].grpid);

	/* The last one, by being attached to something else */
	CALL(fault(self, 2, 22));
	EXPECT_EQ(1, poll(&poll_in, 1, 0));
	CALL(replace(self, 2, self->parent));
	EXPECT_EQ(0, poll(&poll_in, 1, 0));
	EXPECT_EQ(-EINVAL, answer(self, more[0].cookie));
	EXPECT_EQ(-EINVAL, fault(self, 2, 23));
}

/* Devices that come and go by no means disturb the faults of the others */
TEST_F(group, newcomer)
{
	struct iommu_hwpt_pgfault faults[2];
	struct mock_dev dev;

	CALL(replace(self, 0, self->nested));
	CALL(mock_attach_flags(self->fd, self->nested, MOCK_FLAGS_DEVICE_SHARED,
			       &dev));
	CALL(fault(self, 2, 1));
	CALL(mock_fault(self->fd, dev.idev, 2, 0x1000));
	ASSERT_EQ(2, faults_read(self, faults, 2));
	EXPECT_EQ(self->dev[2].idev, faults[0].dev_id);
	EXPECT_EQ(dev.idev, faults[1].dev_id);
	CALL(object_destroy(self->fd, dev.id));
	EXPECT_EQ(0, answer(self, faults[0].cookie));
	EXPECT_EQ(-EINVAL, answer(self, faults[1].cookie));
}

TEST_HARNESS_MAIN
