// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VFIO's container says of itself, without a device of VFIO's
 */
#include <linux/vfio.h>

#include "iommufd_check.h"

FIXTURE(container)
{
	int fd;
	__u32 ioas;
};

FIXTURE_SETUP(container)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, &self->ioas));
}

FIXTURE_TEARDOWN(container)
{
	EXPECT_EQ(0, close(self->fd));
}

struct info {
	struct vfio_iommu_type1_info info;
	char caps[2048];
};

static const struct vfio_info_cap_header *
find_cap(const struct info *info, unsigned int id)
{
	const struct vfio_info_cap_header *cap;
	__u32 at = info->info.cap_offset;

	for (; at; at = cap->next) {
		cap = (const void *)info + at;
		if (at >= info->info.argsz || cap->next >= info->info.argsz)
			return NULL;
		if (cap->id == id)
			return cap;
	}
	return NULL;
}

/* Programs add 1 to the end of a range: there must be room for that, or no range */
TEST_F(container, ranges)
{
	const struct vfio_iommu_type1_info_cap_iova_range *ranges;
	struct info info = { .info.argsz = sizeof(struct vfio_iommu_type1_info) };
	struct mock_dev dev;
	__u32 bytes;

	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(0, info.info.cap_offset);
	bytes = info.info.argsz;
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(bytes, info.info.argsz);
	EXPECT_EQ(NULL, find_cap(&info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	EXPECT_NE(NULL, find_cap(&info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL));

	CALL(mock_attach(self->fd, self->ioas, &dev));
	info.info.argsz = sizeof(info);
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_NE(NULL, find_cap(&info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL));
	ranges = (const void *)find_cap(&info,
					VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, ranges);
	ASSERT_NE(0, ranges->nr_iovas);
	EXPECT_NE(UINT64_MAX, ranges->iova_ranges[ranges->nr_iovas - 1].end);

	CALL(object_destroy(self->fd, dev.id));
	info.info.argsz = sizeof(info);
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(NULL, find_cap(&info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
}

/* However little room a program says it has, nothing is written behind that */
TEST_F(container, sizes)
{
	struct info info;
	__u32 size;

	for (size = 0; size != sizeof(struct vfio_iommu_type1_info) + 64;
	     size++) {
		memset(&info, 0x5a, sizeof(info));
		info.info.argsz = size;
		if (size < offsetof(struct vfio_iommu_type1_info, cap_offset)) {
			EXPECT_EQ(-EINVAL, iommu_call(self->fd,
						      VFIO_IOMMU_GET_INFO,
						      &info));
			continue;
		}
		CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
		for (size_t i = size; i < sizeof(info); i++)
			ASSERT_EQ(0x5a, ((char *)&info)[i]);
	}
}

TEST_HARNESS_MAIN
