// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices without an IOMMU, by way of VFIO: they are told physical addresses,
 * which have to be those that the process sees in /proc/self/pagemap. It takes
 * the PCI devices that are bound to vfio-pci, and skips if there is an IOMMU.
 */
#include "iommufd_vfio.h"

#define TEST_IOVA 0x10000000ULL
#define TEST_PAGES 16

/* IOMMU_IOAS_NOIOMMU_GET_PA is for devices that have no IOMMU */
TEST(get_pa_without_device)
{
	__u64 length, phys;
	int fd = iommu_open();
	__u32 ioas;
	char *mem;

	if (fd < 0)
		SKIP(return, "there is no /dev/iommu");
	mem = memory_new(1);
	ASSERT_NE(NULL, mem);
	CALL(ioas_alloc(fd, &ioas));
	CALL(ioas_map_at(fd, ioas, mem, page, TEST_IOVA));
	length = page;
	phys = 0xdead;
	EXPECT_EQ(-EOPNOTSUPP, ioas_get_pa(fd, ioas, TEST_IOVA, &length, &phys));
	EXPECT_EQ(page, length);
	EXPECT_EQ(0, object_destroy(fd, ioas));
	EXPECT_EQ(0, close(fd));
	munmap(mem, page);
}

static const char *why_disabled(void)
{
	int mode = open("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
			O_RDONLY | O_CLOEXEC);
	char enabled = 'N';
	ssize_t len;

	if (mode < 0)
		return "VFIO was built without no-IOMMU mode";
	len = read(mode, &enabled, 1);
	close(mode);
	return len == 1 && enabled == 'Y' ? NULL :
					    "no-IOMMU mode is not enabled";
}

/* A device without an IOMMU: it is told physical addresses */
FIXTURE(noiommu)
{
	int fd;
	struct vfio_dev dev[2];
	int num_devs;
	__u32 ioas;
	int pagemap;
};

FIXTURE_SETUP(noiommu)
{
	const char *why = why_disabled();

	if (why)
		SKIP(return, "%s", why);
	self->num_devs = vfio_find(self->dev, ARRAY_SIZE(self->dev), true);
	if (!self->num_devs)
		SKIP(return, "vfio-pci has no device without an IOMMU");

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->pagemap);
	CALL(vfio_open(&self->dev[0]));
	CALL(vfio_bind(&self->dev[0], self->fd));
	CALL(ioas_alloc(self->fd, &self->ioas));
}

FIXTURE_TEARDOWN(noiommu)
{
	EXPECT_EQ(0, vfio_close(&self->dev[0]));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, self->dev[0].id));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, proc_status("VmPin"));
	close(self->pagemap);
	EXPECT_EQ(0, close(self->fd));
}

/* The process's page table, by way of pagemap; 0 where nothing is */
static __u64 phys_of(struct _test_data_noiommu *self, const char *va)
{
	__u64 entry = 0;

	if (pread(self->pagemap, &entry, sizeof(entry),
		  (uintptr_t)va / page * sizeof(entry)) != sizeof(entry) ||
	    !(entry >> 63))
		return 0;
	return (entry & ((1ULL << 55) - 1)) * page + (uintptr_t)va % page;
}

/* How many of @length bytes from @va on are contiguous */
static __u64 phys_run(struct _test_data_noiommu *self, const char *va,
		      __u64 length)
{
	__u64 run = page - (uintptr_t)va % page, phys = phys_of(self, va);

	while (run < length && phys_of(self, va + run) == phys + run)
		run += page;
	return run < length ? run : length;
}

/* Does the IOAS show @mem at TEST_IOVA, wherever and however much is asked? */
static void noiommu_compare(struct __test_metadata *_metadata,
			    struct _test_data_noiommu *self, const char *mem,
			    __u64 size)
{
	const __u64 offsets[] = {
		0, 1, page - 1, page, page + 5, 3 * page + 7, size / 2 - 1,
		size / 2, size / 2 + page, size - page, size - 1,
	};
	const __u64 lengths[] = {
		1, 2, page - 1, page, page + 1, 5 * page, size / 2, size,
		4 * size, EVERYTHING - TEST_IOVA, EVERYTHING,
	};
	unsigned int i, j;

	for (i = 0; i != ARRAY_SIZE(offsets); i++) {
		const char *va = mem + offsets[i];
		__u64 rest = size - offsets[i];

		ASSERT_NE(0, phys_of(self, va));
		for (j = 0; j != ARRAY_SIZE(lengths); j++) {
			__u64 want = lengths[j] < rest ? lengths[j] : rest;
			__u64 length = lengths[j], phys = 0;

			EXPECT_EQ(0, ioas_get_pa(self->fd, self->ioas,
						 TEST_IOVA + offsets[i],
						 &length, &phys));
			EXPECT_EQ(phys_of(self, va), phys);
			EXPECT_EQ(phys_run(self, va, want), length)
				TH_LOG("offset %llu length %llu", offsets[i],
				       lengths[j]);
		}
	}
}

TEST_F(noiommu, small_pages)
{
	const unsigned long size = TEST_PAGES * page;
	char *mem = memory_new(TEST_PAGES);

	ASSERT_NE(NULL, mem);
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	CALL(ioas_map_at(self->fd, self->ioas, mem, size, TEST_IOVA));
	EXPECT_EQ(TEST_PAGES, proc_status("VmPin"));
	noiommu_compare(_metadata, self, mem, size);
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, TEST_IOVA, size));
	munmap(mem, size);
}

TEST_F(noiommu, huge_pages)
{
	const unsigned long size = 2 * HUGE_SIZE;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			 MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages are free");
	/* Mapped first, then attached */
	CALL(ioas_map_at(self->fd, self->ioas, mem, size, TEST_IOVA));
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	EXPECT_LE(HUGE_SIZE, phys_run(self, mem, size));
	noiommu_compare(_metadata, self, mem, size);
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, TEST_IOVA, size));
	munmap(mem, size);
}

/* The table grows at the top, again and again, and loses nothing by it */
TEST_F(noiommu, far_apart)
{
	static const __u64 iovas[] = {
		TEST_IOVA, 1ULL << 40, 1ULL << 50, 1ULL << 62, 15ULL << 60,
	};
	char *mem = memory_new(ARRAY_SIZE(iovas));
	unsigned int i, j;

	ASSERT_NE(NULL, mem);
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	for (i = 0; i != ARRAY_SIZE(iovas); i++) {
		CALL(ioas_map_at(self->fd, self->ioas, mem + i * page, page,
				 iovas[i]));
		for (j = 0; j <= i; j++) {
			__u64 length = EVERYTHING, phys = 0;

			EXPECT_EQ(0, ioas_get_pa(self->fd, self->ioas,
						 iovas[j] + j, &length, &phys));
			EXPECT_EQ(page - j, length);
			EXPECT_EQ(phys_of(self, mem + j * page) + j, phys);
		}
	}
	for (i = 0; i != ARRAY_SIZE(iovas); i++)
		EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, iovas[i], page));
	munmap(mem, ARRAY_SIZE(iovas) * page);
}

TEST_F(noiommu, get_pa_refused)
{
	__u64 length, phys;
	char *mem = memory_new(4);
	__u32 other;

	ASSERT_NE(NULL, mem);
	CALL(ioas_alloc(self->fd, &other));
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	CALL(ioas_map_at(self->fd, self->ioas, mem, 4 * page, TEST_IOVA));
	CALL(ioas_map_at(self->fd, other, mem, 4 * page, TEST_IOVA));

#define GET_PA(_ioas, _iova, _length)                                        \
	({                                                                   \
		length = _length;                                            \
		ioas_get_pa(self->fd, _ioas, _iova, &length, &phys);         \
	})
	EXPECT_EQ(0, GET_PA(self->ioas, TEST_IOVA, page));
	EXPECT_EQ(-ENOENT, GET_PA(self->ioas, TEST_IOVA - 1, page));
	EXPECT_EQ(-ENOENT, GET_PA(self->ioas, TEST_IOVA + 4 * page, 1));
	EXPECT_EQ(-EINVAL, GET_PA(self->ioas, TEST_IOVA, 0));
	EXPECT_EQ(-EOPNOTSUPP, GET_PA(other, TEST_IOVA, page));
	EXPECT_EQ(-ENOENT, GET_PA(self->dev[0].id, TEST_IOVA, page));

	/* Only as long as it is mapped, and the device attached */
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, TEST_IOVA, 4 * page));
	EXPECT_EQ(-ENOENT, GET_PA(self->ioas, TEST_IOVA, page));
	CALL(ioas_map_at(self->fd, self->ioas, mem, 4 * page, TEST_IOVA));
	EXPECT_EQ(0, GET_PA(self->ioas, TEST_IOVA, page));
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(-EOPNOTSUPP, GET_PA(self->ioas, TEST_IOVA, page));

	/* And not for everybody */
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	EXPECT_EQ(0, GET_PA(self->ioas, TEST_IOVA, page));
	ASSERT_EQ(0, become_user(4711));
	EXPECT_EQ(-EPERM, GET_PA(self->ioas, TEST_IOVA, page));
#undef GET_PA
	EXPECT_EQ(0, object_destroy(self->fd, other));
	munmap(mem, 4 * page);
}

TEST_F(noiommu, attach_and_replace)
{
	__u32 automatic, manual, now, other;
	__u64 length = page, phys;
	char *mem = memory_new(1);

	ASSERT_NE(NULL, mem);
	CALL(ioas_alloc(self->fd, &other));
	CALL(ioas_map_at(self->fd, other, mem, page, TEST_IOVA));
	CALL(vfio_attach(&self->dev[0], self->ioas, &automatic));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, automatic));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->dev[0].id));
	CALL(hwpt_alloc(self->fd, self->dev[0].id, other, 0, &manual));
	EXPECT_EQ(0, vfio_attach(&self->dev[0], manual, &now));
	EXPECT_EQ(manual, now);
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, automatic));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, manual));
	EXPECT_EQ(0, ioas_get_pa(self->fd, other, TEST_IOVA, &length, &phys));
	EXPECT_EQ(phys_of(self, mem), phys);
	EXPECT_EQ(0, vfio_detach(&self->dev[0]));
	EXPECT_EQ(0, object_destroy(self->fd, manual));
	EXPECT_EQ(0, object_destroy(self->fd, other));
	munmap(mem, page);
}

/* Without an IOMMU there are no groups: each is for itself */
TEST_F(noiommu, devices_are_independent)
{
	int other = iommu_open();
	__u32 ioas;

	if (self->num_devs != 2)
		SKIP(return, "there is but one such device");
	ASSERT_LE(0, other);
	CALL(vfio_attach(&self->dev[0], self->ioas, NULL));
	CALL(ioas_alloc(self->fd, &ioas));
	CALL(vfio_open(&self->dev[1]));
	EXPECT_EQ(0, vfio_bind(&self->dev[1], self->fd));
	EXPECT_EQ(0, vfio_attach(&self->dev[1], ioas, NULL));
	EXPECT_EQ(0, vfio_close(&self->dev[1]));
	EXPECT_EQ(0, object_destroy(self->fd, ioas));
	CALL(vfio_open(&self->dev[1]));
	EXPECT_EQ(0, vfio_bind(&self->dev[1], other));
	EXPECT_EQ(0, vfio_close(&self->dev[1]));
	EXPECT_EQ(0, close(other));
}

/* Its group, in a container: there is nothing to map then */
FIXTURE(container)
{
	struct vfio_dev dev;
	int group;
};

FIXTURE_SETUP(container)
{
	const char *why = why_disabled();

	if (why)
		SKIP(return, "%s", why);
	if (!vfio_find(&self->dev, 1, true))
		SKIP(return, "vfio-pci has no device without an IOMMU");
	self->group = group_open(&self->dev);
	ASSERT_LE(0, self->group);
}

FIXTURE_TEARDOWN(container)
{
	EXPECT_EQ(0, close(self->group));
}

static int has(int fd, unsigned long extension)
{
	return iommu_call(fd, VFIO_CHECK_EXTENSION, (void *)extension);
}

static int set_iommu(int fd, unsigned long type)
{
	return iommu_call(fd, VFIO_SET_IOMMU, (void *)type);
}

TEST_F(container, no_iommu)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), device, status;
	__u64 config, size;
	pid_t child;
	__u32 ids;

	ASSERT_LE(0, fd);
	/* It could be either kind */
	EXPECT_EQ(1, has(fd, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(1, has(fd, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-ENODEV, set_iommu(fd, VFIO_NOIOMMU_IOMMU));
	CALL(iommu_call(self->group, VFIO_GROUP_SET_CONTAINER, &fd));
	EXPECT_EQ(1, has(fd, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(0, has(fd, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, has(fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, has(fd, VFIO_UNMAP_ALL));
	EXPECT_EQ(0, has(fd, VFIO_DMA_CC_IOMMU));
	EXPECT_EQ(-ENODEV, set_iommu(fd, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(-ENODEV, set_iommu(fd, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, set_iommu(fd, VFIO_NOIOMMU_IOMMU));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (become_user(4712))
			_exit(2);
		_exit(set_iommu(fd, VFIO_NOIOMMU_IOMMU) != -EPERM);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);

	EXPECT_EQ(-ENODEV, container_map(fd, &info, page, TEST_IOVA));
	EXPECT_EQ(-ENODEV, container_unmap(fd, TEST_IOVA, page, 0));
	EXPECT_EQ(-ENODEV, container_unmap(fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-ENODEV, iommu_call(fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(-ENODEV, vfio_ioas(fd, IOMMU_VFIO_IOAS_GET, &ids));

	/* The device is there all the same */
	device = iommu_call(self->group, VFIO_GROUP_GET_DEVICE_FD,
			    self->dev.name);
	ASSERT_LE(0, device);
	config = vfio_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &size);
	EXPECT_EQ(sizeof(ids), pread(device, &ids, sizeof(ids), config));
	EXPECT_NE(0xffffffff, ids);
	EXPECT_EQ(0, close(device));
	EXPECT_EQ(0, iommu_call(self->group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	EXPECT_EQ(0, close(fd));
}

/* What wants an IOVA space, and what cannot have one, do not share a container */
TEST_F(container, not_both)
{
	int fd = iommu_open(), group;
	struct vfio_dev other;
	__u32 ioas;

	ASSERT_LE(0, fd);
	CALL(ioas_alloc(fd, &ioas));
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas));
	EXPECT_EQ(0, has(fd, VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(-EINVAL, iommu_call(self->group, VFIO_GROUP_SET_CONTAINER,
				      &fd));
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_CLEAR, &ioas));
	CALL(iommu_call(self->group, VFIO_GROUP_SET_CONTAINER, &fd));
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas));
	EXPECT_EQ(-EPERM, iommu_call(self->group, VFIO_GROUP_GET_DEVICE_FD,
				     self->dev.name));
	CALL(vfio_ioas(fd, IOMMU_VFIO_IOAS_CLEAR, &ioas));

	if (!vfio_find_of(MTTY_DRIVER, &other, 1, false))
		SKIP(return, "there is no mtty");
	group = group_open(&other);
	ASSERT_LE(0, group);
	EXPECT_EQ(-EINVAL, iommu_call(group, VFIO_GROUP_SET_CONTAINER, &fd));
	EXPECT_EQ(0, iommu_call(self->group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	/* A container is of one kind for good */
	EXPECT_EQ(-EINVAL, iommu_call(group, VFIO_GROUP_SET_CONTAINER, &fd));
	EXPECT_EQ(0, close(group));
	EXPECT_EQ(0, close(fd));
}

TEST_HARNESS_MAIN
