// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls OPTION, VFIO_IOAS, and NOIOMMU_GET_PA */
#include "iommufd_check.h"

FIXTURE(option)
{
	struct scene scene;
	/* A file without any object */
	int empty;
};

FIXTURE_SETUP(option)
{
	self->empty = iommu_open();
	ASSERT_LE(0, self->empty);
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(option)
{
	scene_teardown(_metadata, &self->scene);
	close(self->empty);
}

TEST_F(option, unknown)
{
	struct scene *s = &self->scene;
	__u64 value = 0;
	__u16 op;

	for (op = 0; op != 2; op++) {
		REFUSED(EOPNOTSUPP, option_call(s->fd, 2, op, 0, &value));
		REFUSED(EOPNOTSUPP, option_call(s->fd, 0xffffffff, op, 0,
						&value));
	}
	REFUSED(EOPNOTSUPP, option_call(s->fd, IOMMU_OPTION_RLIMIT_MODE, 2, 0,
					&value));
	REFUSED(EOPNOTSUPP, option_call(s->fd, IOMMU_OPTION_HUGE_PAGES, 2,
					s->ioas, &value));
}

TEST_F(option, rlimit_mode)
{
	const __u32 mode = IOMMU_OPTION_RLIMIT_MODE;
	struct scene *s = &self->scene;
	__u64 value = 5;

	/* The default is user based */
	CALL(option_get(self->empty, mode, 0, &value));
	EXPECT_EQ(0, value);
	REFUSED(EOPNOTSUPP, option_get(s->fd, mode, s->ioas, &value));
	REFUSED(EOPNOTSUPP, option_set(self->empty, mode, 1, 1));
	REFUSED(EINVAL, option_set(self->empty, mode, 0, 2));
	REFUSED(EINVAL, option_set(self->empty, mode, 0, 1ULL << 32));
	CALL(option_get(self->empty, mode, 0, &value));
	EXPECT_EQ(0, value);

	/* Too late once there are objects */
	REFUSED(EBUSY, option_set(s->fd, mode, 0, 1));
	CALL(option_get(s->fd, mode, 0, &value));
	EXPECT_EQ(0, value);

	CALL(option_set(self->empty, mode, 0, 1));
	CALL(option_get(self->empty, mode, 0, &value));
	EXPECT_EQ(1, value);
	CALL(option_set(self->empty, mode, 0, 0));

	CALL(become_user(1111));
	EXPECT_EQ(-EPERM, option_set(self->empty, mode, 0, 1));
	CALL(option_get(self->empty, mode, 0, &value));
	EXPECT_EQ(0, value);
}

TEST_F(option, huge_pages)
{
	const __u32 huge = IOMMU_OPTION_HUGE_PAGES;
	struct scene *s = &self->scene;
	struct mock_dev dev;
	__u64 value = 5;
	__u32 ioas;

	HARMLESS(option_get(s->fd, huge, s->ioas, &value));
	EXPECT_EQ(1, value);
	REFUSED(EINVAL, option_set(s->fd, huge, s->ioas, 2));
	REFUSED(EINVAL, option_set(s->fd, huge, s->ioas, 1ULL << 32));
	HARMLESS(option_set(s->fd, huge, s->ioas, 1));
	/* Not while devices use what is mapped */
	REFUSED(EINVAL, option_set(s->fd, huge, s->ioas, 0));
	HARMLESS(option_get(s->fd, huge, s->ioas, &value));
	EXPECT_EQ(1, value);

	/* Pages are mapped as pages then: they have to be whole */
	CALL(ioas_alloc(s->fd, &ioas));
	CALL(ioas_map_at(s->fd, ioas, s->mem, page, 0x20000200));
	scene_remember(s);
	REFUSED(EADDRINUSE, option_set(s->fd, huge, ioas, 0));
	CALL(option_get(s->fd, huge, ioas, &value));
	EXPECT_EQ(1, value);
	CALL(ioas_unmap(s->fd, ioas, 0x20000200, page));
	CALL(option_set(s->fd, huge, ioas, 0));
	CALL(option_get(s->fd, huge, ioas, &value));
	EXPECT_EQ(0, value);
	REFUSED(EINVAL, ioas_map_at(s->fd, ioas, s->mem, page, 0x20000800));
	REFUSED(EINVAL, ioas_map_at(s->fd, ioas, s->mem, MOCK_PAGE_SIZE,
				    0x20000000));
	CALL(ioas_map_at(s->fd, ioas, scene_mem(s, 6), 2 * page, 0x20000000));
	CALL(mock_attach(s->fd, ioas, &dev));
	CALL(mock_check_map(s->fd, dev.hwpt, 0x20000000, scene_mem(s, 6),
			    2 * page));
	CALL(object_destroy(s->fd, dev.id));
	CALL(object_destroy(s->fd, ioas));
	scene_remember(s);
}

/* How many pages does the IOMMU report dirty when a device writes to one? */
static int pages_dirtied_by_one(struct __test_metadata *_metadata, int fd,
				const char *mem, bool huge)
{
	const unsigned int npages = HUGE_SIZE / page;
	unsigned char bits[512 / 8] = {};
	const __u64 iova = 0x20000000;
	__u32 ioas, auto_hwpt, hwpt;
	struct mock_dev dev;
	unsigned int i;
	int dirty = 0;

	CALL(ioas_alloc(fd, &ioas));
	CALL(option_set(fd, IOMMU_OPTION_HUGE_PAGES, ioas, huge));
	CALL(mock_attach(fd, ioas, &dev));
	auto_hwpt = dev.hwpt;
	CALL(hwpt_alloc(fd, dev.idev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			&hwpt));
	CALL(mock_replace(fd, &dev, hwpt));
	/* With the last device goes the automatic HWPT */
	EXPECT_EQ(-ENOENT, object_destroy(fd, auto_hwpt));
	CALL(ioas_map_at(fd, ioas, mem, HUGE_SIZE, iova));
	CALL(mock_check_map(fd, hwpt, iova, mem, HUGE_SIZE));
	CALL(hwpt_set_dirty(fd, hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
	bits[0] = 1 << 5;
	CALL(mock_write(fd, hwpt, iova, HUGE_SIZE, page, bits));
	bits[0] = 0;
	CALL(hwpt_get_dirty(fd, hwpt, iova, HUGE_SIZE, page, bits, 0));
	for (i = 0; i != npages; i++)
		dirty += bits[i / 8] >> (i % 8) & 1;
	EXPECT_NE(0, bits[0] & 1 << 5);
	CALL(object_destroy(fd, dev.id));
	CALL(object_destroy(fd, hwpt));
	CALL(object_destroy(fd, ioas));
	return dirty;
}

TEST_F(option, huge_pages_in_the_page_table)
{
	int prot = PROT_READ | PROT_WRITE;
	struct scene *s = &self->scene;
	char *mem;

	mem = mmap(NULL, HUGE_SIZE, prot,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages are reserved");
	memset(mem, 1, HUGE_SIZE);
	EXPECT_LT(1, pages_dirtied_by_one(_metadata, s->fd, mem, true));
	EXPECT_EQ(1, pages_dirtied_by_one(_metadata, s->fd, mem, false));
	munmap(mem, HUGE_SIZE);
}

TEST_F(option, vfio_ioas)
{
	struct scene *s = &self->scene;
	__u32 id = 0, ioas;

	REFUSED(ENODEV, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_GET, &id));
	HARMLESS(vfio_ioas(s->fd, IOMMU_VFIO_IOAS_CLEAR, &id));
	REFUSED(EOPNOTSUPP, vfio_ioas(s->fd, 3, &id));
	REFUSED(EOPNOTSUPP, vfio_ioas(s->fd, 0xffff, &id));
	REFUSED(ENOENT, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &id));

	CALL(ioas_alloc(s->fd, &ioas));
	CALL(vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &ioas));
	scene_remember(s);
	/* A wrong ID does not replace the right one */
	id = s->dev.hwpt;
	REFUSED(ENOENT, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &id));
	CALL(vfio_ioas(s->fd, IOMMU_VFIO_IOAS_GET, &id));
	EXPECT_EQ(ioas, id);
	/* It is a name, and keeps nothing alive */
	CALL(object_destroy(s->fd, ioas));
	scene_remember(s);
	REFUSED(ENODEV, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_GET, &id));

	CALL(vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &s->ioas));
	CALL(vfio_ioas(s->fd, IOMMU_VFIO_IOAS_CLEAR, &id));
	REFUSED(ENODEV, vfio_ioas(s->fd, IOMMU_VFIO_IOAS_GET, &id));
}

static int get_pa(int fd, __u32 ioas, __u64 iova, __u64 length)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	return iommu_call(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);
}

/* Physical addresses are for devices without an IOMMU: there is none here */
TEST_F(option, noiommu_get_pa)
{
	struct scene *s = &self->scene;
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = s->ioas,
		.iova = scene_iova(1),
		.length = page,
	};
	int rc = get_pa(s->fd, s->ioas, scene_iova(1), page);

	EXPECT_NE(0, rc);
	scene_compare(_metadata, s, __LINE__);
	if (rc == -ENOTTY)
		SKIP(return, "the kernel does not have it");
	cmd.flags = 1;
	REFUSED(EOPNOTSUPP, iommu_call(s->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	cmd.flags = 0;
	cmd.__reserved = 1;
	REFUSED(EOPNOTSUPP, iommu_call(s->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	cmd.__reserved = 0;
	EXPECT_GT(0, get_pa(s->fd, s->ioas, scene_iova(1), 0));
	EXPECT_GT(0, get_pa(s->fd, s->ioas, scene_iova(1), EVERYTHING));
	EXPECT_GT(0, get_pa(s->fd, 0, scene_iova(1), page));
	EXPECT_EQ(-EFAULT, iommu_call(s->fd, IOMMU_IOAS_NOIOMMU_GET_PA, NULL));
	scene_compare(_metadata, s, __LINE__);

	CALL(become_user(1112));
	EXPECT_GT(0, get_pa(s->fd, s->ioas, scene_iova(1), page));
}

TEST_HARNESS_MAIN
