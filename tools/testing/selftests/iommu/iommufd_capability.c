// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an IOMMU cannot do, and its driver would not refuse: iommufd has to.
 */
#include "iommufd_check.h"

FIXTURE(capability)
{
	struct scene scene;
	struct mock_dev dev;
	__u32 queue;
	int file;
};

/*
 * What the device's IOMMU is like, and what allocating a HWPT for it gives: with
 * a queue for page requests, as a nesting parent, with dirty tracking, for
 * PASIDs, with data.
 */
FIXTURE_VARIANT(capability)
{
	__u32 flags;
	int faults;
	int parent;
	int dirty;
	int pasid;
	int data;
};

FIXTURE_VARIANT_ADD(capability, everything)
{
};

FIXTURE_VARIANT_ADD(capability, plain)
{
	.flags = MOCK_FLAGS_DEVICE_PLAIN,
	.faults = -EOPNOTSUPP,
	.parent = -EOPNOTSUPP,
	.dirty = -EOPNOTSUPP,
	.pasid = -EOPNOTSUPP,
	.data = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(capability, no_requests)
{
	.flags = MOCK_FLAGS_DEVICE_NO_REQUESTS,
	.faults = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(capability, no_dirty)
{
	.flags = MOCK_FLAGS_DEVICE_NO_DIRTY,
	.dirty = -EOPNOTSUPP,
};

FIXTURE_SETUP(capability)
{
	struct scene *s = &self->scene;

	scene_setup(_metadata, s);
	CALL(mock_attach_flags(s->fd, s->ioas, variant->flags, &self->dev));
	CALL(fault_alloc(s->fd, &self->queue, &self->file));
	scene_remember(s);
}

FIXTURE_TEARDOWN(capability)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(0, close(self->file));
	EXPECT_EQ(0, object_destroy(s->fd, self->queue));
	EXPECT_EQ(0, object_destroy(s->fd, self->dev.id));
	scene_teardown(_metadata, s);
}

static int alloc(struct scene *s, __u32 dev, __u32 pt, __u32 flags, __u32 queue,
		 const struct iommu_hwpt_selftest *data, __u32 *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = data ? IOMMU_HWPT_DATA_SELFTEST :
				    IOMMU_HWPT_DATA_NONE,
		.data_len = data ? sizeof(*data) : 0,
		.data_uptr = to_u64(data),
		.fault_id = queue,
	};
	int rc = iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd);

	*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* Refused without a trace, or fit to be attached */
TEST_F(capability, alloc)
{
	const struct iommu_hwpt_selftest data = {
		.pagetable_type = MOCK_IOMMUPT_DEFAULT,
	};
	const struct {
		int rc;
		__u32 flags;
		const struct iommu_hwpt_selftest *data;
	} cases[] = {
		{ 0, 0 },
		{ variant->faults, IOMMU_HWPT_FAULT_ID_VALID },
		{ variant->parent, IOMMU_HWPT_ALLOC_NEST_PARENT },
		{ variant->dirty, IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
		{ variant->pasid, IOMMU_HWPT_ALLOC_PASID },
		{ variant->data, 0, &data },
	};
	struct scene *s = &self->scene;
	unsigned int i;
	__u32 hwpt;

	for (i = 0; i != ARRAY_SIZE(cases); i++) {
		if (cases[i].rc) {
			REFUSED(-cases[i].rc,
				alloc(s, self->dev.idev, s->ioas,
				      cases[i].flags, self->queue,
				      cases[i].data, &hwpt));
			continue;
		}
		CALL(alloc(s, self->dev.idev, s->ioas, cases[i].flags,
			   self->queue, cases[i].data, &hwpt));
		CALL(mock_replace(s->fd, &self->dev, hwpt));
		CALL(mock_replace(s->fd, &self->dev, s->ioas));
		CALL(object_destroy(s->fd, hwpt));
		scene_remember(s);
	}
}

/* On a parent that another device's IOMMU made, too */
TEST_F(capability, nested)
{
	const struct iommu_hwpt_selftest data = { .iotlb = 1 };
	struct scene *s = &self->scene;
	__u32 parent, other, hwpt;

	/* No flag and no data says that this one is to be nested */
	CALL(alloc(s, s->dev.idev, s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
		   NULL, &other));
	scene_remember(s);
	REFUSED(EOPNOTSUPP, alloc(s, self->dev.idev, other, 0, 0, NULL, &hwpt));
	if (variant->flags & MOCK_FLAGS_DEVICE_PLAIN)
		REFUSED(EOPNOTSUPP, alloc(s, self->dev.idev, other, 0, 0, &data,
					  &hwpt));
	if (variant->flags & MOCK_FLAGS_DEVICE_NO_REQUESTS)
		REFUSED(EINVAL, alloc(s, self->dev.idev, other, 0, 0, &data,
				      &hwpt));
	CALL(object_destroy(s->fd, other));
	scene_remember(s);
	if (variant->parent)
		return;

	CALL(alloc(s, self->dev.idev, s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
		   NULL, &parent));
	scene_remember(s);
	REFUSED(EOPNOTSUPP, alloc(s, self->dev.idev, parent,
				  IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0, &data,
				  &hwpt));
	if (variant->faults) {
		REFUSED(EOPNOTSUPP, alloc(s, self->dev.idev, parent,
					  IOMMU_HWPT_FAULT_ID_VALID,
					  self->queue, &data, &hwpt));
	} else {
		CALL(alloc(s, self->dev.idev, parent, IOMMU_HWPT_FAULT_ID_VALID,
			   self->queue, &data, &hwpt));
		CALL(mock_replace(s->fd, &self->dev, hwpt));
		CALL(mock_fault(s->fd, self->dev.idev, 1, 0x1000));
		CALL(mock_replace(s->fd, &self->dev, s->ioas));
		CALL(object_destroy(s->fd, hwpt));
	}
	CALL(object_destroy(s->fd, parent));
	scene_remember(s);
}

/* A device whose writes would be missed does not come to where they count */
TEST_F(capability, attach_to_tracked)
{
	const struct iommu_hwpt_selftest data = { .iotlb = 1 };
	struct scene *s = &self->scene;
	__u32 tracked, nested;

	CALL(alloc(s, s->dev.idev, s->ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
		   IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, &tracked));
	CALL(alloc(s, s->dev.idev, tracked, 0, 0, &data, &nested));
	scene_remember(s);
	if (variant->flags) {
		/* Not its IOMMU's, or one that it cannot serve */
		REFUSED(EINVAL, mock_replace(s->fd, &self->dev, tracked));
		REFUSED(EINVAL, mock_replace(s->fd, &self->dev, nested));
	} else {
		CALL(mock_replace(s->fd, &self->dev, tracked));
		CALL(mock_replace(s->fd, &self->dev, nested));
		CALL(mock_replace(s->fd, &self->dev, s->ioas));
	}
	CALL(object_destroy(s->fd, nested));
	CALL(object_destroy(s->fd, tracked));
	scene_remember(s);
}

/* PASIDs that no device has, and a device that has none */
TEST_F(capability, pasid)
{
	static const __u32 bad[] = {
		1U << MOCK_PASID_WIDTH, 1U << 30, 1U << 31, 0xffffffff,
	};
	struct scene *s = &self->scene;
	struct mock_dev dev;
	__u32 hwpt, i;

	if (variant->pasid)
		SKIP(return, "an IOMMU without PASIDs");
	CALL(alloc(s, self->dev.idev, s->ioas, IOMMU_HWPT_ALLOC_PASID, 0, NULL,
		   &hwpt));
	CALL(mock_attach_flags(s->fd, hwpt,
			       variant->flags | MOCK_FLAGS_DEVICE_PASID, &dev));
	scene_remember(s);
	for (i = 0; i != ARRAY_SIZE(bad); i++)
		REFUSED(EINVAL, mock_pasid_attach(s->fd, dev.id, bad[i], hwpt));
	CALL(mock_pasid_attach(s->fd, dev.id, bad[0] - 1, hwpt));
	CALL(mock_replace(s->fd, &self->dev, hwpt));
	scene_remember(s);
	REFUSED(EINVAL, mock_pasid_attach(s->fd, self->dev.id, 1, hwpt));
	CALL(mock_replace(s->fd, &self->dev, s->ioas));
	CALL(object_destroy(s->fd, dev.id));
	CALL(object_destroy(s->fd, hwpt));
	scene_remember(s);
}

TEST_HARNESS_MAIN
