// SPDX-License-Identifier: GPL-2.0-only
/*
 * HWPT_INVALIDATE with long arrays: how many requests were handled, which, and
 * that no array is too long for the kernel.
 */
#include "iommufd_check.h"

/* The most that the kernel takes */
#define MAX_REQUESTS (512U << 10)
#define VIRT_ID 5

FIXTURE(invalidate)
{
	int fd;
	int kmsg;
	__u32 ioas;
	__u32 parent;
	__u32 viommu;
	__u32 nested;
	__u32 vdev;
	struct mock_dev dev;
};

FIXTURE_SETUP(invalidate)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->kmsg = kmsg_open();
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
	CALL(hwpt_alloc(self->fd, self->dev.idev, self->ioas,
			IOMMU_HWPT_ALLOC_NEST_PARENT, &self->parent));
	CALL(viommu_alloc(self->fd, self->dev.idev, self->parent,
			  &self->viommu));
	CALL(hwpt_alloc_nested(self->fd, self->dev.idev, self->viommu, 0, 0,
			       &self->nested));
	CALL(vdevice_alloc(self->fd, self->viommu, self->dev.idev, VIRT_ID,
			   &self->vdev));
}

FIXTURE_TEARDOWN(invalidate)
{
	char log[1024];

	if (self->kmsg >= 0) {
		EXPECT_FALSE(kmsg_read(self->kmsg, log, sizeof(log)))
			TH_LOG("logged: %s", log);
		close(self->kmsg);
	}
	EXPECT_EQ(0, close(self->fd));
}

static int nested_invalidate(struct _test_data_invalidate *self,
			     const struct iommu_hwpt_invalidate_selftest *array,
			     __u32 *num)
{
	return hwpt_invalidate(self->fd, self->nested,
			       IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, array,
			       sizeof(*array), num);
}

static int
viommu_invalidate(struct _test_data_invalidate *self,
		  const struct iommu_viommu_invalidate_selftest *array,
		  __u32 *num)
{
	return hwpt_invalidate(self->fd, self->viommu,
			       IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, array,
			       sizeof(*array), num);
}

static int check_cache(struct _test_data_invalidate *self, __u32 entry,
		       __u32 value)
{
	struct iommu_test_cmd cmd = {
		.id = self->dev.idev,
		.check_dev_cache = { .id = entry, .cache = value },
	};

	return test_call(self->fd, IOMMU_TEST_OP_DEV_CHECK_CACHE, &cmd);
}

/* All requests are for entry 0 but for one, the last that is handled */
static void try_nested(struct __test_metadata *_metadata,
		       struct _test_data_invalidate *self,
		       struct iommu_hwpt_invalidate_selftest *array, __u32 num)
{
	__u32 handled = num, nested;

	CALL(hwpt_alloc_nested(self->fd, self->dev.idev, self->viommu, 0, 0,
			       &nested));
	array[num - 1].iotlb_id = 1;
	EXPECT_EQ(0, hwpt_invalidate(self->fd, nested,
				     IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, array,
				     sizeof(*array), &handled));
	EXPECT_EQ(num, handled);
	EXPECT_EQ(0, mock_check_iotlb(self->fd, nested, 1, 0));
	EXPECT_EQ(0, mock_check_iotlb(self->fd, nested, 0,
				      num > 1 ? 0 : IOMMU_TEST_IOTLB_DEFAULT));
	EXPECT_EQ(0, mock_check_iotlb(self->fd, nested, 2,
				      IOMMU_TEST_IOTLB_DEFAULT));
	array[num - 1].iotlb_id = 0;
	CALL(object_destroy(self->fd, nested));
}

TEST_F(invalidate, any_number)
{
	static const __u32 numbers[] = {
		1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097,
		100000, MAX_REQUESTS - 1, MAX_REQUESTS,
	};
	struct iommu_hwpt_invalidate_selftest *array;
	__u32 too_many = MAX_REQUESTS + 1;
	unsigned int i;

	array = calloc(MAX_REQUESTS + 1, sizeof(*array));
	ASSERT_NE(NULL, array);
	for (i = 0; i != ARRAY_SIZE(numbers); i++)
		try_nested(_metadata, self, array, numbers[i]);

	EXPECT_EQ(-EINVAL, nested_invalidate(self, array, &too_many));
	EXPECT_EQ(0, too_many);
	EXPECT_EQ(0, mock_check_iotlb(self->fd, self->nested, 0,
				      IOMMU_TEST_IOTLB_DEFAULT));
	free(array);
}

/* It ends at the first bad request, wherever that is */
TEST_F(invalidate, bad_in_the_middle)
{
	static const __u32 places[] = {
		0, 1, 1022, 1023, 1024, 1025, 2048, 300001, MAX_REQUESTS - 2,
	};
	struct iommu_hwpt_invalidate_selftest *array;
	unsigned int i;

	array = calloc(MAX_REQUESTS, sizeof(*array));
	ASSERT_NE(NULL, array);
	for (i = 0; i != ARRAY_SIZE(places); i++) {
		__u32 bad = places[i], handled = MAX_REQUESTS;

		array[bad].iotlb_id = MOCK_NESTED_DOMAIN_IOTLB_ID_MAX + 1;
		array[bad + 1].iotlb_id = 1;
		EXPECT_EQ(-EINVAL, nested_invalidate(self, array, &handled));
		EXPECT_EQ(bad, handled);
		EXPECT_EQ(0, mock_check_iotlb(self->fd, self->nested, 1,
					      IOMMU_TEST_IOTLB_DEFAULT));
		array[bad].iotlb_id = 0;
		array[bad + 1].iotlb_id = 0;
	}
	free(array);
}

/* Where memory ends, so do the requests that were handled */
TEST_F(invalidate, memory_ends)
{
	const __u32 fit = 8 * page / sizeof(struct iommu_hwpt_invalidate_selftest);
	struct iommu_hwpt_invalidate_selftest *array;
	__u32 handled = fit + 1;
	char *mem;

	mem = mmap(NULL, 9 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, mprotect(mem + 8 * page, page, PROT_NONE));
	array = (void *)mem;
	EXPECT_EQ(-EFAULT, nested_invalidate(self, array, &handled));
	EXPECT_EQ(fit, handled);
	handled = fit;
	EXPECT_EQ(0, nested_invalidate(self, array, &handled));
	EXPECT_EQ(fit, handled);
	munmap(mem, 9 * page);
}

/* A driver that copies the requests it is given needs memory for them */
TEST_F(invalidate, driver_copies)
{
	struct iommu_viommu_invalidate_selftest *array;
	__u32 handled = MAX_REQUESTS;
	unsigned int i;

	array = calloc(MAX_REQUESTS, sizeof(*array));
	ASSERT_NE(NULL, array);
	for (i = 0; i != MAX_REQUESTS; i++)
		array[i].vdev_id = VIRT_ID;
	array[MAX_REQUESTS - 1].cache_id = 1;
	EXPECT_EQ(0, viommu_invalidate(self, array, &handled));
	EXPECT_EQ(MAX_REQUESTS, handled);
	EXPECT_EQ(0, check_cache(self, 0, 0));
	EXPECT_EQ(0, check_cache(self, 1, 0));
	EXPECT_EQ(0, check_cache(self, 2, IOMMU_TEST_DEV_CACHE_DEFAULT));

	array[300001].vdev_id = VIRT_ID + 1;
	array[300002].cache_id = 2;
	handled = MAX_REQUESTS;
	EXPECT_EQ(-EINVAL, viommu_invalidate(self, array, &handled));
	EXPECT_EQ(300001, handled);
	EXPECT_EQ(0, check_cache(self, 2, IOMMU_TEST_DEV_CACHE_DEFAULT));
	free(array);
}

TEST_HARNESS_MAIN
