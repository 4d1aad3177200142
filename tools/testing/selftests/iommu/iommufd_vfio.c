// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real devices, by way of VFIO: IOMMU groups of several, reserved IOVAs, and
 * VFIO's own containers. It takes the PCI devices that are bound to vfio-pci when
 * it starts, and skips what they are not fit for. None of them is made to do DMA.
 */
#include "iommufd_vfio.h"

#define TEST_IOVA 0x10000000ULL
#define TEST_PAGES 16

/* Two devices of one group, bound, and two IOASs to attach them to */
FIXTURE(group)
{
	int fd;
	struct vfio_dev dev[2];
	struct iommu_iova_range msi;
	__u32 ioas[2];
	char *mem;
};

FIXTURE_SETUP(group)
{
	int i;

	if (!vfio_find_pair(self->dev))
		SKIP(return, "vfio-pci has no two devices of one IOMMU group");
	if (!vfio_msi_window(&self->dev[0], &self->msi))
		SKIP(return, "their IOMMU has no MSI window");
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
	for (i = 0; i != 2; i++) {
		CALL(vfio_open(&self->dev[i]));
		CALL(vfio_bind(&self->dev[i], self->fd));
		CALL(ioas_alloc(self->fd, &self->ioas[i]));
	}
}

FIXTURE_TEARDOWN(group)
{
	int i;

	for (i = 0; i != 2; i++) {
		EXPECT_EQ(0, vfio_close(&self->dev[i]));
		EXPECT_EQ(-ENOENT, object_destroy(self->fd, self->dev[i].id));
		EXPECT_EQ(0, object_destroy(self->fd, self->ioas[i]));
	}
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, TEST_PAGES * page);
}

/* Is a device on it? Then the MSI window is not there to be mapped. */
static bool group_is_on(struct _test_data_group *self, __u32 ioas)
{
	return ioas_allows(self->fd, ioas, self->msi.start, self->msi.last) ==
	       ALLOWED_NONE;
}

TEST_F(group, one_file)
{
	struct vfio_dev *first = &self->dev[0], *second = &self->dev[1];
	int other = iommu_open();
	__u32 id;

	ASSERT_LE(0, other);
	id = next_id(other);
	EXPECT_EQ(-EINVAL, vfio_bind(first, other));
	EXPECT_EQ(0, vfio_close(second));
	CALL(vfio_open(second));
	EXPECT_EQ(-EPERM, vfio_bind(second, other));
	EXPECT_EQ(id, next_id(other));
	EXPECT_EQ(-EINVAL, vfio_attach(second, self->ioas[0], NULL));
	EXPECT_EQ(0, vfio_bind(second, self->fd));
	EXPECT_NE(first->id, second->id);

	/* Attached or not, the one that stays holds the group */
	EXPECT_EQ(0, vfio_attach(second, self->ioas[0], NULL));
	EXPECT_EQ(0, vfio_close(first));
	CALL(vfio_open(first));
	EXPECT_EQ(-EPERM, vfio_bind(first, other));
	EXPECT_EQ(0, vfio_detach(second));
	EXPECT_EQ(-EPERM, vfio_bind(first, other));

	/* The last one gives it free */
	EXPECT_EQ(0, vfio_close(second));
	EXPECT_EQ(0, vfio_bind(first, other));
	CALL(vfio_open(second));
	EXPECT_EQ(-EPERM, vfio_bind(second, self->fd));
	EXPECT_EQ(0, vfio_bind(second, other));
	EXPECT_EQ(0, close(other));
}

TEST_F(group, device_in_use)
{
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->dev[0].id));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->dev[1].id));
	/* Never attached: nothing to detach */
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(ALLOWED_ALL,
		  ioas_allows(self->fd, self->ioas[0], 0, EVERYTHING));
}

TEST_F(group, second_must_follow)
{
	__u32 hwpt, same, manual[2], id;
	int i;

	for (i = 0; i != 2; i++)
		CALL(hwpt_alloc(self->fd, self->dev[0].id, self->ioas[i], 0,
				&manual[i]));
	CALL(vfio_attach(&self->dev[0], self->ioas[0], &hwpt));
	EXPECT_NE(self->ioas[0], hwpt);
	id = next_id(self->fd);

	/* To another HWPT, even one of the same IOAS */
	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev[1], manual[0], NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev[1], manual[1], NULL));
	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev[1], self->ioas[1], NULL));
	EXPECT_EQ(id, next_id(self->fd));
	EXPECT_FALSE(group_is_on(self, self->ioas[1]));
	EXPECT_TRUE(group_is_on(self, self->ioas[0]));

	/* It is not attached by that: the first is the last to leave */
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, hwpt));
	EXPECT_FALSE(group_is_on(self, self->ioas[0]));

	/* By the IOAS, to the HWPT that the first one got */
	CALL(vfio_attach(&self->dev[0], self->ioas[0], &hwpt));
	EXPECT_EQ(0, vfio_attach(&self->dev[1], self->ioas[0], &same));
	EXPECT_EQ(hwpt, same);
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(0, vfio_detach(&self->dev[1]));

	/* By the HWPT */
	CALL(vfio_attach(&self->dev[1], manual[1], &same));
	EXPECT_EQ(manual[1], same);
	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev[0], manual[0], NULL));
	EXPECT_EQ(0, vfio_attach(&self->dev[0], manual[1], &same));
	EXPECT_EQ(manual[1], same);
	for (i = 0; i != 2; i++)
		EXPECT_EQ(0, vfio_detach(&self->dev[i]));
	for (i = 0; i != 2; i++)
		EXPECT_EQ(0, object_destroy(self->fd, manual[i]));
}

TEST_F(group, replace_moves_both)
{
	__u32 automatic, manual[2], now;
	int i;

	for (i = 0; i != 2; i++)
		CALL(hwpt_alloc(self->fd, self->dev[i].id, self->ioas[i], 0,
				&manual[i]));
	CALL(vfio_attach(&self->dev[0], self->ioas[0], &automatic));
	CALL(vfio_attach(&self->dev[1], self->ioas[0], NULL));
	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem, 4 * page,
			 TEST_IOVA));

	/* Within the IOAS; nothing is on the automatic HWPT any more */
	EXPECT_EQ(0, vfio_attach(&self->dev[0], manual[0], &now));
	EXPECT_EQ(manual[0], now);
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, automatic));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, manual[0]));
	EXPECT_EQ(0, vfio_attach(&self->dev[1], manual[0], NULL));
	EXPECT_EQ(4, proc_status("VmPin"));

	/* To the other IOAS, asked for by the other device */
	EXPECT_EQ(0, vfio_attach(&self->dev[1], manual[1], &now));
	EXPECT_EQ(manual[1], now);
	EXPECT_FALSE(group_is_on(self, self->ioas[0]));
	EXPECT_TRUE(group_is_on(self, self->ioas[1]));
	EXPECT_EQ(0, object_destroy(self->fd, manual[0]));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, manual[1]));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[1]));
	EXPECT_EQ(0, proc_status("VmPin"));
	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem, page,
			 self->msi.start));
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas[1], self->mem, page,
				       self->msi.start));

	/* What reserves nothing any more can be in the way */
	EXPECT_EQ(-EADDRINUSE,
		  vfio_attach(&self->dev[0], self->ioas[0], NULL));
	EXPECT_FALSE(group_is_on(self, self->ioas[0]));
	EXPECT_TRUE(group_is_on(self, self->ioas[1]));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas[0]));
	EXPECT_EQ(0, vfio_attach(&self->dev[0], manual[1], &now));
	EXPECT_EQ(manual[1], now);
	CALL(ioas_alloc(self->fd, &self->ioas[0]));

	/* Both have to leave */
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, manual[1]));
	EXPECT_TRUE(group_is_on(self, self->ioas[1]));
	EXPECT_EQ(0, vfio_detach(&self->dev[1]));
	EXPECT_EQ(0, object_destroy(self->fd, manual[1]));
	EXPECT_FALSE(group_is_on(self, self->ioas[1]));
}

TEST_F(group, detach_in_any_order)
{
	__u32 hwpt, again;
	int i;

	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem, TEST_PAGES * page,
			 TEST_IOVA));
	for (i = 0; i != 2; i++) {
		struct vfio_dev *leaves = &self->dev[i];
		struct vfio_dev *stays = &self->dev[!i];

		EXPECT_EQ(0, proc_status("VmPin"));
		CALL(vfio_attach(&self->dev[0], self->ioas[0], &hwpt));
		EXPECT_EQ(TEST_PAGES, proc_status("VmPin"));
		CALL(vfio_attach(&self->dev[1], self->ioas[0], NULL));
		EXPECT_EQ(TEST_PAGES, proc_status("VmPin"));
		EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[0]));

		EXPECT_EQ(0, vfio_detach(leaves));
		EXPECT_EQ(0, vfio_detach(leaves));
		EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
		EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[0]));
		EXPECT_TRUE(group_is_on(self, self->ioas[0]));
		EXPECT_EQ(TEST_PAGES, proc_status("VmPin"));

		/* And back, to find the same HWPT */
		EXPECT_EQ(0, vfio_attach(leaves, self->ioas[0], &again));
		EXPECT_EQ(hwpt, again);
		EXPECT_EQ(0, vfio_detach(leaves));

		EXPECT_EQ(0, vfio_detach(stays));
		EXPECT_EQ(-ENOENT, object_destroy(self->fd, hwpt));
		EXPECT_FALSE(group_is_on(self, self->ioas[0]));
		EXPECT_EQ(0, proc_status("VmPin"));
	}
}

TEST_F(group, close_detaches)
{
	__u32 hwpt;
	int i;

	for (i = 0; i != 2; i++) {
		struct vfio_dev *leaves = &self->dev[i];
		struct vfio_dev *stays = &self->dev[!i];

		CALL(vfio_attach(&self->dev[0], self->ioas[0], &hwpt));
		CALL(vfio_attach(&self->dev[1], self->ioas[0], NULL));
		EXPECT_EQ(0, vfio_close(leaves));
		EXPECT_EQ(-ENOENT, object_destroy(self->fd, leaves->id));
		EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
		EXPECT_TRUE(group_is_on(self, self->ioas[0]));
		EXPECT_EQ(0, vfio_close(stays));
		EXPECT_EQ(-ENOENT, object_destroy(self->fd, hwpt));
		EXPECT_FALSE(group_is_on(self, self->ioas[0]));

		CALL(vfio_open(stays));
		CALL(vfio_bind(stays, self->fd));
		CALL(vfio_open(leaves));
		CALL(vfio_bind(leaves, self->fd));
	}
}

/* Which object is @other, to @dev, when its bus is reset? -errno, else 0 */
static int reset_info(const struct vfio_dev *dev, const struct vfio_dev *other,
		      __u32 *devid, __u32 *flags)
{
	char buf[sizeof(struct vfio_pci_hot_reset_info) +
		 8 * sizeof(struct vfio_pci_dependent_device)]
		__attribute__((aligned(8))) = {};
	struct vfio_pci_hot_reset_info *info = (void *)buf;
	char name[32];
	__u32 i;
	int rc;

	info->argsz = sizeof(buf);
	rc = iommu_call(dev->file, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	if (rc)
		return rc;
	*flags = info->flags;
	for (i = 0; i != info->count; i++) {
		const struct vfio_pci_dependent_device *d = &info->devices[i];

		snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", d->segment,
			 d->bus, d->devfn >> 3, d->devfn & 7);
		if (strcmp(name, other->name))
			continue;
		*devid = d->devid;
		return 0;
	}
	return -ENXIO;
}

/* VFIO asks who owns what else is on the bus. All of it is one group here. */
TEST_F(group, reset_of_both)
{
	const __u32 owned = VFIO_PCI_HOT_RESET_FLAG_DEV_ID |
			    VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	struct vfio_dev *first = &self->dev[0], *second = &self->dev[1];
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	__u32 id, flags, hwpt, again;

	CALL(reset_info(first, first, &id, &flags));
	EXPECT_EQ(owned, flags);
	EXPECT_EQ(first->id, id);
	CALL(reset_info(first, second, &id, &flags));
	EXPECT_EQ(second->id, id);
	CALL(reset_info(second, first, &id, &flags));
	EXPECT_EQ(first->id, id);

	/* What is attached, and mapped, stays so */
	CALL(vfio_attach(first, self->ioas[0], &hwpt));
	CALL(vfio_attach(second, self->ioas[0], NULL));
	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem, 4 * page,
			 TEST_IOVA));
	EXPECT_EQ(0, iommu_call(first->file, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	EXPECT_EQ(4, proc_status("VmPin"));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
	EXPECT_EQ(0, vfio_detach(first));
	EXPECT_EQ(0, vfio_attach(first, self->ioas[0], &again));
	EXPECT_EQ(hwpt, again);

	/* One that is not bound belongs to who has its group */
	EXPECT_EQ(0, vfio_close(second));
	CALL(reset_info(first, second, &id, &flags));
	EXPECT_EQ(VFIO_PCI_DEVID_OWNED, id);
	EXPECT_EQ(owned, flags);
	EXPECT_EQ(0, iommu_call(first->file, VFIO_DEVICE_PCI_HOT_RESET, &reset));
	CALL(vfio_open(second));
	CALL(vfio_bind(second, self->fd));
}

/* A device, bound, and the IOVAs that its interrupts take */
FIXTURE(reserved)
{
	int fd;
	struct vfio_dev dev;
	struct iommu_iova_range msi;
	__u32 ioas;
	char *mem;
};

FIXTURE_SETUP(reserved)
{
	if (!vfio_find(&self->dev, 1, false))
		SKIP(return, "vfio-pci has no device with an IOMMU");
	if (!vfio_msi_window(&self->dev, &self->msi))
		SKIP(return, "its IOMMU has no MSI window");
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(vfio_open(&self->dev));
	CALL(vfio_bind(&self->dev, self->fd));
	CALL(ioas_alloc(self->fd, &self->ioas));
}

FIXTURE_TEARDOWN(reserved)
{
	EXPECT_EQ(0, vfio_close(&self->dev));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, TEST_PAGES * page);
}

static int reserved_map(struct _test_data_reserved *self, __u64 iova,
			unsigned int npages)
{
	return ioas_map_at(self->fd, self->ioas, self->mem, npages * page,
			   iova);
}

TEST_F(reserved, while_attached)
{
	__u64 start = self->msi.start, behind = self->msi.last + 1;

#ifdef __x86_64__
	EXPECT_EQ(0xfee00000, self->msi.start);
	EXPECT_EQ(0xfeefffff, self->msi.last);
#endif
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas, 0,
					   EVERYTHING));
	CALL(vfio_attach(&self->dev, self->ioas, NULL));

	EXPECT_EQ(ALLOWED_NONE, ioas_allows(self->fd, self->ioas, start,
					    behind - 1));
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas, start - page,
					   start - 1));
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas, behind,
					   behind + page - 1));

	EXPECT_EQ(-EINVAL, reserved_map(self, start, 1));
	EXPECT_EQ(-EINVAL, reserved_map(self, behind - page, 1));
	EXPECT_EQ(-EINVAL, reserved_map(self, start + 16 * page, 4));
	EXPECT_EQ(-EINVAL, reserved_map(self, start - page, 2));
	EXPECT_EQ(-EINVAL, reserved_map(self, behind - page, 2));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, reserved_map(self, start - 2 * page, 2));
	EXPECT_EQ(0, reserved_map(self, behind, 2));
	EXPECT_EQ(4, proc_status("VmPin"));

	/* It goes with the device, the mappings stay */
	EXPECT_EQ(0, vfio_detach(&self->dev));
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas, 0,
					   EVERYTHING));
	EXPECT_EQ(0, reserved_map(self, start, 2));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, start, 2 * page));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, start - 2 * page,
				2 * page));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, behind, 2 * page));
}

TEST_F(reserved, allowed_around_it)
{
	/* All that may be used is a page on each side of the window */
	const struct iommu_iova_range ranges[] = {
		{ self->msi.start - page, self->msi.start - 1 },
		{ self->msi.last + 1, self->msi.last + page },
	};
	__u64 iova[2], third = 0;
	int i;

	/* In either order */
	CALL(ioas_allow(self->fd, self->ioas, ranges, 2));
	CALL(vfio_attach(&self->dev, self->ioas, NULL));
	CALL(ioas_allow(self->fd, self->ioas, ranges, 2));
	for (i = 0; i != 2; i++) {
		iova[i] = 0;
		CALL(ioas_map(self->fd, self->ioas, self->mem, page, &iova[i],
			      MAP_RW));
		EXPECT_TRUE(iova[i] == ranges[0].start ||
			    iova[i] == ranges[1].start);
	}
	EXPECT_NE(iova[0], iova[1]);
	EXPECT_EQ(-ENOSPC, ioas_map(self->fd, self->ioas, self->mem, page,
				    &third, MAP_RW));
}

TEST_F(reserved, in_use)
{
	struct iommu_iova_range before[64], after[64];
	__u32 num = 64, num_after = 64, id, hwpt, other;
	__u64 alignment, alignment_after, unmapped;

	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	/* One page, at the end of the window */
	CALL(reserved_map(self, self->msi.last + 1 - page, 1));
	CALL(ioas_ranges(self->fd, self->ioas, before, &num, &alignment));
	id = next_id(self->fd);

	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->dev, self->ioas, NULL));
	CALL(ioas_ranges(self->fd, self->ioas, after, &num_after,
			 &alignment_after));
	EXPECT_EQ(num, num_after);
	EXPECT_EQ(alignment, alignment_after);
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
	EXPECT_EQ(id, next_id(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));

	/* Attached to another IOAS, it stays there */
	CALL(ioas_alloc(self->fd, &other));
	CALL(vfio_attach(&self->dev, other, &hwpt));
	id = next_id(self->fd);
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->dev, self->ioas, NULL));
	EXPECT_EQ(id, next_id(self->fd));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, other));
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas, 0,
					   EVERYTHING));
	EXPECT_EQ(ALLOWED_NONE, ioas_allows(self->fd, other, self->msi.start,
					    self->msi.last));

	/* Out of the way */
	EXPECT_EQ(0, ioas_unmap_count(self->fd, self->ioas,
				      self->msi.last + 1 - page, page,
				      &unmapped));
	EXPECT_EQ(page, unmapped);
	EXPECT_EQ(0, vfio_attach(&self->dev, self->ioas, NULL));
	EXPECT_EQ(0, object_destroy(self->fd, other));
}

TEST_F(reserved, cannot_be_allowed)
{
	struct iommu_iova_range range = self->msi;

	/* What is allowed for good cannot become reserved */
	CALL(ioas_allow(self->fd, self->ioas, &range, 1));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->dev, self->ioas, NULL));
	CALL(ioas_allow(self->fd, self->ioas, NULL, 0));
	EXPECT_EQ(0, vfio_attach(&self->dev, self->ioas, NULL));
	/* Nor the other way round */
	EXPECT_EQ(-EADDRINUSE, ioas_allow(self->fd, self->ioas, &range, 1));
}

/* Physical addresses are for devices without an IOMMU only */
TEST_F(reserved, get_pa_with_iommu)
{
	__u64 length = page, phys;

	CALL(vfio_attach(&self->dev, self->ioas, NULL));
	CALL(reserved_map(self, TEST_IOVA, 1));
	EXPECT_EQ(-EOPNOTSUPP, ioas_get_pa(self->fd, self->ioas, TEST_IOVA,
					   &length, &phys));
}

static int device_hw_info(struct _test_data_reserved *self, __u32 flags,
			  __u32 *type, void *data, __u32 *length)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = self->dev.id,
		.data_len = *length,
		.data_uptr = to_u64(data),
		.in_data_type = *type,
	};
	int rc = iommu_call(self->fd, IOMMU_GET_HW_INFO, &cmd);

	*type = cmd.out_data_type;
	*length = cmd.data_len;
	return rc;
}

/* What a real IOMMU says of itself, and is not asked in another one's terms */
TEST_F(reserved, hw_info)
{
	unsigned char data[128], again[128];
	__u32 type = 0, length = sizeof(data), i;

	memset(data, 0x5a, sizeof(data));
	CALL(device_hw_info(self, 0, &type, data, &length));
	EXPECT_NE(IOMMU_HW_INFO_TYPE_NONE, type);
	EXPECT_NE(IOMMU_HW_INFO_TYPE_SELFTEST, type);
	ASSERT_GT(sizeof(data), length);
	for (i = length; i != sizeof(data); i++)
		EXPECT_EQ(0, data[i]);
	memset(again, 0xa5, sizeof(again));
	length = sizeof(again);
	CALL(device_hw_info(self, IOMMU_HW_INFO_FLAG_INPUT_TYPE, &type, again,
			    &length));
	EXPECT_EQ(0, memcmp(data, again, sizeof(data)));
	type = IOMMU_HW_INFO_TYPE_SELFTEST;
	EXPECT_EQ(-EOPNOTSUPP,
		  device_hw_info(self, IOMMU_HW_INFO_FLAG_INPUT_TYPE, &type,
				 again, &length));
}

/* A device without page requests has no faults to report */
TEST_F(reserved, fault_without_requests)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = self->dev.id,
		.pt_id = self->ioas,
	};
	__u32 hwpt;
	int file;

	CALL(fault_alloc(self->fd, &cmd.fault_id, &file));
	CALL(iommu_call(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	EXPECT_EQ(-ENODEV, vfio_attach(&self->dev, cmd.out_hwpt_id, NULL));
	EXPECT_EQ(ALLOWED_ALL, ioas_allows(self->fd, self->ioas,
					   self->msi.start, self->msi.last));
	CALL(vfio_attach(&self->dev, self->ioas, &hwpt));
	EXPECT_EQ(-ENODEV, vfio_attach(&self->dev, cmd.out_hwpt_id, NULL));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, hwpt));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.out_hwpt_id));
	EXPECT_EQ(0, close(file));
	EXPECT_EQ(0, object_destroy(self->fd, cmd.fault_id));
}

/* Two IOMMUs share an IOAS, pinned once, and nothing else */
TEST_F(reserved, other_iommu)
{
	__u32 parent, viommu, hwpt, id;
	struct mock_dev mock;

	if (mock_attach(self->fd, self->ioas, &mock))
		SKIP(return, "there is no mock IOMMU");
	CALL(reserved_map(self, TEST_IOVA, 4));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(vfio_attach(&self->dev, self->ioas, &hwpt));
	EXPECT_NE(mock.hwpt, hwpt);
	EXPECT_EQ(4, proc_status("VmPin"));

	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev, mock.hwpt, NULL));
	id = hwpt;
	EXPECT_EQ(-EINVAL, mock_replace(self->fd, &mock, id));
	EXPECT_EQ(0, mock_check_map(self->fd, mock.hwpt, TEST_IOVA, self->mem,
				    4 * page));

	CALL(hwpt_alloc(self->fd, mock.idev, self->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	CALL(viommu_alloc(self->fd, mock.idev, parent, &viommu));
	EXPECT_EQ(-EINVAL, vdevice_alloc(self->fd, viommu, self->dev.id, 1,
					 &id));
	EXPECT_EQ(-EOPNOTSUPP, viommu_alloc(self->fd, self->dev.id, parent,
					    &id));
	EXPECT_GT(0, hwpt_alloc_nested(self->fd, self->dev.id, parent, 0, 0,
				       &id));
	EXPECT_GT(0, hwpt_alloc_nested(self->fd, self->dev.id, viommu, 0, 0,
				       &id));
	CALL(object_destroy(self->fd, viommu));
	CALL(object_destroy(self->fd, parent));
	CALL(object_destroy(self->fd, mock.id));
	EXPECT_EQ(4, proc_status("VmPin"));
	CALL(ioas_unmap(self->fd, self->ioas, TEST_IOVA, 4 * page));
}

/* VFIO's old way: a group of devices in a container */
FIXTURE(container)
{
	int fd;
	int group;
	int device;
	struct vfio_dev dev;
	struct iommu_iova_range msi;
	char *mem;
	unsigned long charged;
};

FIXTURE_VARIANT(container)
{
	unsigned long type;
};

FIXTURE_VARIANT_ADD(container, type1)
{
	.type = VFIO_TYPE1_IOMMU,
};

FIXTURE_VARIANT_ADD(container, type1v2)
{
	.type = VFIO_TYPE1v2_IOMMU,
};

FIXTURE_SETUP(container)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX];

	if (!vfio_find(&self->dev, 1, false))
		SKIP(return, "vfio-pci has no device with an IOMMU");
	if (!vfio_msi_window(&self->dev, &self->msi))
		SKIP(return, "its IOMMU has no MSI window");
	self->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		SKIP(return, "there is no /dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%d", self->dev.group);
	self->group = open(path, O_RDWR | O_CLOEXEC);
	if (self->group < 0)
		SKIP(return, "VFIO was built without groups");

	ASSERT_EQ(VFIO_API_VERSION,
		  iommu_call(self->fd, VFIO_GET_API_VERSION, NULL));
	CALL(iommu_call(self->group, VFIO_GROUP_GET_STATUS, &status));
	ASSERT_EQ(VFIO_GROUP_FLAGS_VIABLE, status.flags);
	EXPECT_GT(0, ioctl(self->fd, VFIO_SET_IOMMU, variant->type));
	CALL(iommu_call(self->group, VFIO_GROUP_SET_CONTAINER, &self->fd));
	CALL(iommu_call(self->group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET,
		  status.flags);
	CALL(iommu_call(self->fd, VFIO_SET_IOMMU, (void *)variant->type));
	self->device = ioctl(self->group, VFIO_GROUP_GET_DEVICE_FD,
			     self->dev.name);
	ASSERT_LE(0, self->device);
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
	self->charged = proc_status("VmLck");
}

FIXTURE_TEARDOWN(container)
{
	long unmapped = container_unmap(self->fd, 0, 0,
					VFIO_DMA_UNMAP_FLAG_ALL);

	EXPECT_LE(0, unmapped);
	EXPECT_EQ(self->charged, proc_status("VmLck"));
	EXPECT_EQ(0, close(self->device));
	EXPECT_EQ(0, iommu_call(self->group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	EXPECT_EQ(0, close(self->group));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, TEST_PAGES * page);
}

static int container_has(struct _test_data_container *self,
			 unsigned long extension)
{
	int rc = ioctl(self->fd, VFIO_CHECK_EXTENSION, extension);

	return rc < 0 ? -errno : rc;
}

TEST_F(container, extensions)
{
	EXPECT_EQ(1, container_has(self, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(1, container_has(self, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, container_has(self, VFIO_UNMAP_ALL));
	EXPECT_EQ(0, container_has(self, VFIO_SPAPR_TCE_IOMMU));
	EXPECT_EQ(0, container_has(self, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(0, container_has(self, 0xdead));
}

TEST_F(container, one_owner)
{
	struct vfio_dev dev = self->dev;
	int other = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	int fd = iommu_open();

	ASSERT_LE(0, other);
	ASSERT_LE(0, fd);
	/* In use by a container, by another one */
	EXPECT_GT(0, iommu_call(self->group, VFIO_GROUP_SET_CONTAINER, &other));
	/* ... and as a device */
	if (!vfio_open(&dev)) {
		EXPECT_GT(0, vfio_bind(&dev, fd));
		EXPECT_EQ(0, vfio_close(&dev));
	}
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(0, close(fd));
}

TEST_F(container, info)
{
	struct vfio_iommu_type1_info *info;
	struct vfio_info_cap_header *cap;
	bool have_ranges = false, have_avail = false;
	char buf[4096] __attribute__((aligned(8)));
	unsigned int steps;
	__u32 needed;

	info = (struct vfio_iommu_type1_info *)buf;
	memset(buf, 0, sizeof(buf));

	/* Too short for any answer */
	info->argsz = 8;
	EXPECT_EQ(-EINVAL, iommu_call(self->fd, VFIO_IOMMU_GET_INFO, info));

	/* Without space for capabilities it says how much they take */
	info->argsz = sizeof(*info);
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, info->flags);
	EXPECT_EQ(page, info->iova_pgsizes & page);
	EXPECT_EQ(0, info->cap_offset);
	needed = info->argsz;
	ASSERT_LT(sizeof(*info), needed);
	ASSERT_GE(sizeof(buf), needed);

	memset(buf, 0x5a, sizeof(buf));
	info->argsz = needed - 1;
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(needed, info->argsz);
	EXPECT_EQ(0, info->cap_offset);
	EXPECT_EQ(0x5a, buf[sizeof(*info)]);

	memset(buf, 0x5a, sizeof(buf));
	info->argsz = needed;
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(needed, info->argsz);
	EXPECT_EQ(0x5a, buf[needed]);
	ASSERT_LE(sizeof(*info), info->cap_offset);

	cap = (void *)buf + info->cap_offset;
	for (steps = 0; steps != 8; steps++) {
		struct vfio_iommu_type1_info_cap_iova_range *iovas = (void *)cap;
		struct vfio_iommu_type1_info_dma_avail *avail = (void *)cap;

		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			/* The same layout by another name */
			const void *ranges = iovas->iova_ranges;

			have_ranges = true;
			EXPECT_EQ(1, cap->version);
			EXPECT_EQ(ALLOWED_NONE,
				  ranges_allow(ranges, iovas->nr_iovas,
					       self->msi.start,
					       self->msi.last));
			EXPECT_EQ(ALLOWED_ALL,
				  ranges_allow(ranges, iovas->nr_iovas,
					       self->msi.start - page,
					       self->msi.start - 1));
		} else if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
			have_avail = true;
			EXPECT_EQ(1, cap->version);
			EXPECT_LT(0, avail->avail);
		}
		if (!cap->next)
			break;
		ASSERT_GT(needed, cap->next);
		cap = (void *)buf + cap->next;
	}
	EXPECT_GT(8, steps);
	EXPECT_TRUE(have_ranges);
	EXPECT_TRUE(have_avail);
}

TEST_F(container, map_unmap)
{
	CALL(container_map(self->fd, self->mem, 4 * page, TEST_IOVA));
	EXPECT_EQ(-EEXIST, container_map(self->fd, self->mem, page,
					 TEST_IOVA + 3 * page));
	EXPECT_EQ(-EINVAL, container_map(self->fd, self->mem, page,
					 self->msi.start));
	EXPECT_EQ(-EINVAL, container_map(self->fd, self->mem, 0, TEST_IOVA));
	EXPECT_EQ(-EINVAL, container_map(self->fd, self->mem, page,
					 TEST_IOVA + 1));
	CALL(container_map(self->fd, self->mem, 2 * page,
			   TEST_IOVA + 4 * page));

	/* Nothing there is no error */
	EXPECT_EQ(0, container_unmap(self->fd, TEST_IOVA + 6 * page, page, 0));
	EXPECT_EQ(-EINVAL, container_unmap(self->fd, TEST_IOVA, 0, 0));
	EXPECT_EQ(-EINVAL, container_unmap(self->fd, TEST_IOVA, page,
					   VFIO_DMA_UNMAP_FLAG_ALL));
	/* Several at once, with holes */
	EXPECT_EQ(6 * page, container_unmap(self->fd, TEST_IOVA - page,
					    TEST_PAGES * page, 0));
	CALL(container_map(self->fd, self->mem, 2 * page, TEST_IOVA));
	EXPECT_EQ(2 * page, container_unmap(self->fd, 0, 0,
					    VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(0, container_unmap(self->fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
}

/* Version 2 unmaps what was mapped, version 1 may take a part of it */
TEST_F(container, unmap_part)
{
	const unsigned long part = 2 * page, all = 8 * page;

	CALL(container_map(self->fd, self->mem, all, TEST_IOVA));
	if (variant->type == VFIO_TYPE1v2_IOMMU) {
		/* The middle, either end, and from outside into it */
		EXPECT_GT(0, container_unmap(self->fd, TEST_IOVA + part, part,
					     0));
		EXPECT_GT(0, container_unmap(self->fd, TEST_IOVA, part, 0));
		EXPECT_GT(0, container_unmap(self->fd, TEST_IOVA + all - part,
					     part, 0));
		EXPECT_GT(0, container_unmap(self->fd, TEST_IOVA - part,
					     2 * part, 0));
		EXPECT_EQ(all, container_unmap(self->fd, TEST_IOVA, all, 0));
		return;
	}
	EXPECT_EQ(part, container_unmap(self->fd, TEST_IOVA + part, part, 0));
	EXPECT_EQ(0, container_unmap(self->fd, TEST_IOVA + part, part, 0));
	/* The hole is free, what is around it is not */
	EXPECT_EQ(-EEXIST, container_map(self->fd, self->mem, page,
					 TEST_IOVA + part - page));
	EXPECT_EQ(-EEXIST, container_map(self->fd, self->mem, page,
					 TEST_IOVA + 2 * part));
	EXPECT_EQ(0, container_map(self->fd, self->mem, page,
				   TEST_IOVA + part));
	EXPECT_EQ(page, container_unmap(self->fd, TEST_IOVA + part, page, 0));
	/* Half of either rest, in one go */
	EXPECT_EQ(page + part,
		  container_unmap(self->fd, TEST_IOVA + page,
				  part + page + part, 0));
	EXPECT_EQ(page + part,
		  container_unmap(self->fd, TEST_IOVA, all, 0));
}

TEST_HARNESS_MAIN
