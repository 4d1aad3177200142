// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_FILE: what it must refuse, and what becomes of a mapped file's memory
 * when somebody changes the file.
 */
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "iommufd_check.h"

#define NPAGES 8

FIXTURE(file)
{
	struct scene scene;
	/* NPAGES pages, each with a number at its start */
	int file;
	char *mem;
};

FIXTURE_SETUP(file)
{
	unsigned int i;

	self->file = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, NPAGES * page));
	self->mem = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	for (i = 0; i != NPAGES; i++)
		*(__u64 *)(self->mem + i * page) = 0xf11e0000 + i;
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(file)
{
	scene_teardown(_metadata, &self->scene);
	if (self->mem)
		munmap(self->mem, NPAGES * page);
	close(self->file);
}

static int map_file_at(struct scene *s, int file, __u64 start, __u64 length,
		       __u64 iova)
{
	return ioas_map_file_at(s->fd, s->ioas, file, start, length, iova);
}

static int map_file_ro(struct scene *s, int file, __u64 start, __u64 length,
		       __u64 iova)
{
	return ioas_map_file(s->fd, s->ioas, file, start, length, &iova,
			     MAP_RO_AT);
}

static int unmap(struct scene *s, __u64 iova, __u64 length)
{
	return ioas_unmap(s->fd, s->ioas, iova, length);
}

TEST_F(file, bad_file)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);
	int pipes[2], null, dir, event;
	__u32 ioas;

	ASSERT_EQ(0, pipe(pipes));
	null = open("/dev/null", O_RDWR);
	dir = open("/proc", O_RDONLY);
	event = eventfd(0, 0);
	scene_remember(s);

	REFUSED(EBADF, map_file_at(s, -1, 0, page, iova));
	REFUSED(EBADF, map_file_at(s, 0x7fffffff, 0, page, iova));
	REFUSED(EBADF, map_file_at(s, event + 1, 0, page, iova));
	REFUSED(EINVAL, map_file_ro(s, pipes[0], 0, page, iova));
	REFUSED(EINVAL, map_file_at(s, null, 0, page, iova));
	REFUSED(EINVAL, map_file_ro(s, dir, 0, page, iova));
	REFUSED(EINVAL, map_file_at(s, event, 0, page, iova));
	REFUSED(EINVAL, map_file_at(s, s->fd, 0, page, iova));

	/* Without a device too, though nothing is pinned then: the file is */
	CALL(ioas_alloc(s->fd, &ioas));
	scene_remember(s);
	REFUSED(EINVAL, ioas_map_file_at(s->fd, ioas, null, 0, page, 0));
	REFUSED(EINVAL, ioas_map_file_at(s->fd, ioas, s->fd, 0, page, 0));
	REFUSED(EINVAL, ioas_map_file_at(s->fd, ioas, s->access, 0, page, 0));
	CALL(object_destroy(s->fd, ioas));

	close(pipes[0]);
	close(pipes[1]);
	close(null);
	close(dir);
	close(event);
	scene_remember(s);
}

TEST_F(file, bad_arguments)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);
	__u64 any = 0;

	REFUSED(EINVAL, map_file_at(s, self->file, 0, 0, iova));
	REFUSED(EINVAL, ioas_map_file(s->fd, s->ioas, self->file, 0, page,
				      &any, 0));
	REFUSED(EOPNOTSUPP, ioas_map_file(s->fd, s->ioas, self->file, 0, page,
					  &any, MAP_RW | 1 << 3));
	REFUSED(EOVERFLOW, map_file_at(s, self->file, 0, EVERYTHING, iova));
	REFUSED(EOVERFLOW, map_file_at(s, self->file, 0 - page, 2 * page,
				       iova));
	/* Where the IOVA may be is the same as for MAP */
	REFUSED(EEXIST, map_file_at(s, self->file, 0, page, scene_iova(1)));
	REFUSED(EINVAL, map_file_at(s, self->file, 0, page, 0));
	REFUSED(EINVAL, map_file_at(s, self->file, 0, page, iova + 1));
	REFUSED(EINVAL, map_file_at(s, self->file, 1, page, iova));
	REFUSED(EINVAL, map_file_at(s, self->file, 0, page + 1, iova));
}

TEST_F(file, too_short)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);

	REFUSED(EINVAL, map_file_at(s, self->file, 0, (NPAGES + 1) * page,
				    iova));
	REFUSED(EINVAL, map_file_at(s, self->file, NPAGES * page, page, iova));
	REFUSED(EINVAL, map_file_at(s, self->file, (NPAGES - 1) * page,
				    2 * page, iova));
	REFUSED(EINVAL, map_file_at(s, self->file, 1ULL << 40, page, iova));
	ASSERT_EQ(0, ftruncate(self->file, 3 * page));
	REFUSED(EINVAL, map_file_at(s, self->file, 0, 4 * page, iova));
	CALL(map_file_at(s, self->file, 0, 3 * page, iova));
	CALL(unmap(s, iova, 3 * page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(file, read_only)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);
	char path[32];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->file);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, ro);
	scene_remember(s);
	REFUSED(EPERM, map_file_at(s, ro, 0, page, iova));
	CALL(map_file_ro(s, ro, 0, page, iova));
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, self->mem, page));
	/* Nor by a copy */
	EXPECT_EQ(-EPERM, ioas_copy_at(s->fd, s->ioas, s->ioas, iova, page,
				       scene_iova(11)));
	CALL(unmap(s, iova, page));
	close(ro);
	scene_remember(s);
}

/* As for mmap(): who may not read the file gets no mapping of it at all */
TEST_F(file, write_only)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);
	char path[32];
	int wo;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->file);
	wo = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, wo);
	scene_remember(s);
	REFUSED(EPERM, map_file_at(s, wo, 0, page, iova));
	REFUSED(EPERM, map_file_ro(s, wo, 0, page, iova));
	REFUSED(EPERM, ioas_map_file(s->fd, s->ioas, wo, 0, page, &iova,
				     IOMMU_IOAS_MAP_WRITEABLE |
				     IOMMU_IOAS_MAP_FIXED_IOVA));
	close(wo);
	scene_remember(s);
}

/* A filesystem for memory holds other things than memory, too */
static void special_files(struct __test_metadata *_metadata,
			  struct _test_data_file *self, const char *type)
{
	char dir[] = "/tmp/iommufd_file.XXXXXX", path[64];
	struct scene *s = &self->scene;
	int null, fifo;
	__u32 ioas;

	ASSERT_NE(NULL, mkdtemp(dir));
	if (mount("none", dir, type, 0, NULL)) {
		rmdir(dir);
		SKIP(return, "no %s", type);
	}
	snprintf(path, sizeof(path), "%s/null", dir);
	ASSERT_EQ(0, mknod(path, S_IFCHR | 0600, makedev(1, 3)));
	null = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, null);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	ASSERT_EQ(0, mknod(path, S_IFIFO | 0600, 0));
	fifo = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fifo);

	/* Nothing is pinned without a device: the first look has to refuse it */
	CALL(ioas_alloc(s->fd, &ioas));
	scene_remember(s);
	REFUSED(EINVAL, ioas_map_file_at(s->fd, ioas, null, 0, page, page));
	REFUSED(EINVAL, ioas_map_file_at(s->fd, ioas, fifo, 0, page, page));
	REFUSED(EINVAL, map_file_at(s, null, 0, page, scene_iova(10)));
	REFUSED(EINVAL, map_file_at(s, fifo, 0, page, scene_iova(10)));
	CALL(object_destroy(s->fd, ioas));

	close(null);
	close(fifo);
	EXPECT_EQ(0, umount(dir));
	EXPECT_EQ(0, rmdir(dir));
	scene_remember(s);
}

TEST_F(file, special_on_hugetlbfs)
{
	special_files(_metadata, self, "hugetlbfs");
}

TEST_F(file, special_on_tmpfs)
{
	special_files(_metadata, self, "tmpfs");
}

/* Only then can the file be sealed: the process could write to it */
static void forget_mapping(struct _test_data_file *self)
{
	munmap(self->mem, NPAGES * page);
	self->mem = NULL;
}

/* A device that can write to the file: it cannot be sealed against writing */
TEST_F(file, seal_after_map)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);

	forget_mapping(self);
	CALL(map_file_at(s, self->file, 0, page, iova));
	EXPECT_EQ(-1, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	CALL(unmap(s, iova, page));
	EXPECT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	/* Reading is fine still */
	CALL(map_file_ro(s, self->file, 0, page, iova));
	CALL(unmap(s, iova, page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(file, map_sealed)
{
	struct scene *s = &self->scene;
	__u64 iova = scene_iova(10);
	__u32 ioas;

	CALL(ioas_alloc(s->fd, &ioas));
	forget_mapping(self);
	ASSERT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	scene_remember(s);
	REFUSED(EPERM, map_file_at(s, self->file, 0, page, iova));
	REFUSED(EPERM, ioas_map_file_at(s->fd, ioas, self->file, 0, page, 0));
	ASSERT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	REFUSED(EPERM, map_file_at(s, self->file, 0, page, iova));
	REFUSED(EPERM, ioas_map_file_at(s->fd, ioas, self->file, 0, page, 0));
	CALL(map_file_ro(s, self->file, 0, page, iova));
	CALL(unmap(s, iova, page));
	CALL(object_destroy(s->fd, ioas));
	scene_remember(s);
}

/*
 * Nothing is pinned yet: either the seal is refused, or what would write is
 * from then on.
 */
TEST_F(file, seal_unpinned)
{
	struct scene *s = &self->scene;
	__u64 value = 1, iova = 0x20000000;
	struct mock_dev dev;
	int access;
	__u32 ioas;

	forget_mapping(self);
	CALL(ioas_alloc(s->fd, &ioas));
	CALL(access_create(s->fd, ioas, 0, &access));
	CALL(ioas_map_file_at(s->fd, ioas, self->file, 0, NPAGES * page,
			      iova));
	if (fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE)) {
		EXPECT_EQ(EBUSY, errno);
	} else {
		EXPECT_EQ(-EPERM, access_rw(s->fd, access, iova, &value,
					    sizeof(value),
					    MOCK_ACCESS_RW_WRITE));
		EXPECT_EQ(-EPERM, mock_attach(s->fd, ioas, &dev));
	}
	close(access);
	CALL(ioas_unmap(s->fd, ioas, 0, EVERYTHING));
	EXPECT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(sizeof(value), pread(self->file, &value, sizeof(value), 0));
	EXPECT_EQ(0xf11e0000, value);
	CALL(object_destroy(s->fd, ioas));
	scene_remember(s);
}

static bool shows(struct scene *s, __u64 iova, __u64 value)
{
	__u64 seen = 0;

	return !access_rw(s->fd, s->access, iova, &seen, sizeof(seen), 0) &&
	       seen == value;
}

TEST_F(file, outlives_descriptor)
{
	struct scene *s = &self->scene;
	__u64 iova = 0, value = 0x1234;

	CALL(ioas_map_file(s->fd, s->ioas, self->file, 2 * page, 4 * page,
			   &iova, MAP_RW));
	close(self->file);
	self->file = -1;
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, self->mem + 2 * page,
			    4 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, 2 * page, 0));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem + 2 * page, 4 * page, 1));
	EXPECT_EQ(s->before.vm_pin + 4, proc_status("VmPin"));

	/* It is the file's memory, both ways */
	EXPECT_TRUE(shows(s, iova + page, 0xf11e0003));
	CALL(access_rw(s->fd, s->access, iova + page, &value, sizeof(value),
		       MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(value, *(__u64 *)(self->mem + 3 * page));
	*(__u64 *)(self->mem + 4 * page) = 77;
	EXPECT_TRUE(shows(s, iova + 2 * page, 77));
	CALL(unmap(s, iova, 4 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, NPAGES * page, 0));
}

/* The device keeps the pages that the file had; the file gets new ones */
TEST_F(file, truncate)
{
	struct scene *s = &self->scene;
	__u64 iova = 0x20000000;
	char *old;

	CALL(map_file_at(s, self->file, 0, NPAGES * page, iova));
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_TRUE(shows(s, iova, 0xf11e0000));
	EXPECT_TRUE(shows(s, iova + 7 * page, 0xf11e0007));
	ASSERT_EQ(0, ftruncate(self->file, NPAGES * page));
	EXPECT_EQ(0, *(__u64 *)self->mem);
	old = self->mem;
	EXPECT_EQ(-EINVAL, mock_check_map(s->fd, s->dev.hwpt, iova, old, page));
	EXPECT_EQ(0, mock_check_refs(s->fd, old, NPAGES * page, 0));
	EXPECT_TRUE(shows(s, iova, 0xf11e0000));
	CALL(unmap(s, iova, NPAGES * page));

	/* Mapped now, it is the new ones */
	CALL(map_file_at(s, self->file, 0, NPAGES * page, iova));
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, old, NPAGES * page));
	CALL(unmap(s, iova, NPAGES * page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(file, punch_hole)
{
	struct scene *s = &self->scene;
	__u64 iova = 0x20000000;

	CALL(map_file_at(s, self->file, 0, NPAGES * page, iova));
	ASSERT_EQ(0, fallocate(self->file,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       2 * page, 2 * page));
	EXPECT_EQ(0, *(__u64 *)(self->mem + 2 * page));
	EXPECT_TRUE(shows(s, iova + 2 * page, 0xf11e0002));
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, self->mem, 2 * page));
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova + 4 * page,
			    self->mem + 4 * page, 4 * page));
	CALL(unmap(s, iova, NPAGES * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, NPAGES * page, 0));
	scene_compare(_metadata, s, __LINE__);
}

/* Without a device nothing is pinned, and what is gone is gone */
TEST_F(file, truncate_unpinned)
{
	struct scene *s = &self->scene;
	__u64 iova = 0x20000000;
	struct mock_dev dev;
	__u32 ioas;

	CALL(ioas_alloc(s->fd, &ioas));
	CALL(ioas_map_file_at(s->fd, ioas, self->file, 0, NPAGES * page, iova));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, NPAGES * page, 0));
	ASSERT_EQ(0, ftruncate(self->file, page));
	scene_remember(s);
	REFUSED(EINVAL, mock_attach(s->fd, ioas, &dev));
	ASSERT_EQ(0, ftruncate(self->file, NPAGES * page));
	CALL(mock_attach(s->fd, ioas, &dev));
	CALL(mock_check_map(s->fd, dev.hwpt, iova, self->mem, NPAGES * page));
	CALL(object_destroy(s->fd, dev.id));
	CALL(object_destroy(s->fd, ioas));
	scene_remember(s);
}

TEST_F(file, unlinked)
{
	struct scene *s = &self->scene;
	const char *path = "/dev/shm/iommufd_file";
	__u64 iova = 0x20000000;
	int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *mem;

	if (file < 0)
		SKIP(return, "no /dev/shm");
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, ftruncate(file, 4 * page));
	/* Sparse: the pages come into being by being pinned */
	CALL(map_file_at(s, file, 0, 4 * page, iova));
	mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	close(file);
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, mem, 4 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 4 * page, 1));
	CALL(unmap(s, iova, 4 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 4 * page, 0));
	munmap(mem, 4 * page);
}

TEST_F(file, part_of_a_page)
{
	struct scene *s = &self->scene;
	const __u64 half = MOCK_PAGE_SIZE;
	__u64 iova = 0x20000000;

	CALL(map_file_at(s, self->file, page + half, page, iova));
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, self->mem + page + half,
			    page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, page, 0));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem + page, 2 * page, 1));
	EXPECT_EQ(s->before.vm_pin + 2, proc_status("VmPin"));
	CALL(unmap(s, iova, page));
	scene_compare(_metadata, s, __LINE__);
}

/* What nobody has pinned is looked up in the file, also around what is pinned */
TEST_F(file, copied_unpinned)
{
	struct scene *s = &self->scene;
	char *buf = memory_new(NPAGES), *want = memory_new(NPAGES);
	const __u64 length = NPAGES * page, iova = 0x20000000;
	__u32 ioas, pin;
	int access;

	ASSERT_NE(NULL, buf);
	ASSERT_NE(NULL, want);
	CALL(ioas_alloc(s->fd, &ioas));
	CALL(ioas_map_file_at(s->fd, ioas, self->file, 0, length, iova));
	CALL(access_create(s->fd, ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
			   &access));

	CALL(access_rw(s->fd, access, iova + 1, buf, 8, 0));
	EXPECT_EQ(0, memcmp(self->mem + 1, buf, 8));
	CALL(access_rw(s->fd, access, iova, buf, length, 0));
	EXPECT_EQ(0, memcmp(self->mem, buf, length));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, length, 0));

	CALL(access_pin(s->fd, access, iova + 3 * page, self->mem + 3 * page,
			2 * page, &pin));
	memset(buf, 0, length);
	CALL(access_rw(s->fd, access, iova, buf, length, 0));
	EXPECT_EQ(0, memcmp(self->mem, buf, length));
	memcpy(want, self->mem, length);
	memset(buf, 0x5a, length);
	memset(want + page / 2, 0x5a, length - page);
	CALL(access_rw(s->fd, access, iova + page / 2, buf, length - page,
		       MOCK_ACCESS_RW_WRITE));
	EXPECT_EQ(0, memcmp(self->mem, want, length));
	CALL(access_unpin(s->fd, access, pin));

	/* What is gone from the file is not there any more, nor comes back */
	ASSERT_EQ(0, ftruncate(self->file, page));
	CALL(access_rw(s->fd, access, iova, buf, page, 0));
	EXPECT_EQ(0, memcmp(want, buf, page));
	EXPECT_EQ(-EINVAL, access_rw(s->fd, access, iova, buf, 2 * page, 0));
	EXPECT_EQ(-EINVAL, access_rw(s->fd, access, iova + 7 * page, buf, 8, 0));
	ASSERT_EQ(0, ftruncate(self->file, length));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, length, 0));

	close(access);
	CALL(object_destroy(s->fd, ioas));
	munmap(buf, length);
	munmap(want, length);
}

/* Two mappings of a file pin on their own, a copy does not */
TEST_F(file, twice)
{
	struct scene *s = &self->scene;
	__u64 iova = 0x20000000;

	CALL(map_file_at(s, self->file, 0, 4 * page, iova));
	CALL(map_file_at(s, self->file, 2 * page, 4 * page, iova + 4 * page));
	CALL(ioas_copy_at(s->fd, s->ioas, s->ioas, iova, 4 * page,
			  iova + 8 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, 2 * page, 1));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem + 2 * page, 2 * page, 2));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem + 4 * page, 2 * page, 1));
	EXPECT_EQ(s->before.vm_pin + 8, proc_status("VmPin"));
	CALL(unmap(s, iova, 8 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem, 4 * page, 1));
	EXPECT_EQ(0, mock_check_refs(s->fd, self->mem + 4 * page, 2 * page, 0));
	CALL(unmap(s, iova + 8 * page, 4 * page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(file, hugetlb)
{
	int file = memfd_create("hugetlb", MFD_CLOEXEC | MFD_HUGETLB);
	struct scene *s = &self->scene;
	__u64 iova = 0;
	char *mem;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, 2 * HUGE_SIZE));
	mem = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   file, 0);
	if (mem == MAP_FAILED) {
		close(file);
		SKIP(return, "no huge pages are reserved");
	}
	scene_remember(s);

	CALL(ioas_map_file(s->fd, s->ioas, file, 0, 2 * HUGE_SIZE, &iova,
			   MAP_RW));
	EXPECT_EQ(0, iova % HUGE_SIZE);
	CALL(mock_check_map(s->fd, s->dev.hwpt, iova, mem, 2 * HUGE_SIZE));
	EXPECT_EQ(s->before.vm_pin + 2 * HUGE_SIZE / page,
		  proc_status("VmPin"));
	CALL(unmap(s, iova, 2 * HUGE_SIZE));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 2 * HUGE_SIZE, 0));

	/* Small parts of it, that share the huge page in the middle */
	CALL(map_file_at(s, file, HUGE_SIZE - page, 2 * page, 0x20000000));
	CALL(map_file_at(s, file, HUGE_SIZE + 5 * page, page, 0x20010000));
	EXPECT_EQ(s->before.vm_pin + 3, proc_status("VmPin"));
	CALL(mock_check_map(s->fd, s->dev.hwpt, 0x20000000,
			    mem + HUGE_SIZE - page, 2 * page));
	CALL(mock_check_map(s->fd, s->dev.hwpt, 0x20010000,
			    mem + HUGE_SIZE + 5 * page, page));
	CALL(unmap(s, 0x20000000, 2 * page));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, HUGE_SIZE, 0));
	EXPECT_NE(0, mock_check_refs(s->fd, mem + HUGE_SIZE, HUGE_SIZE, 0));
	CALL(unmap(s, 0x20010000, page));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 2 * HUGE_SIZE, 0));

	/* Beyond the end, with much of it pinned already */
	REFUSED(EINVAL, map_file_at(s, file, 0, 3 * HUGE_SIZE, 0x20000000));
	EXPECT_EQ(0, mock_check_refs(s->fd, mem, 2 * HUGE_SIZE, 0));
	munmap(mem, 2 * HUGE_SIZE);
	close(file);
	scene_remember(s);
}

TEST_HARNESS_MAIN
