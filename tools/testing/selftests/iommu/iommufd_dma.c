// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA of a real device, by its own file and by VFIO's containers: it reaches what
 * is mapped, and only that, whatever was unmapped around it. The device is QEMU's
 * "edu", bound to vfio-pci and alone in its IOMMU group; the IOMMU is Intel's,
 * whose faults are read from the kernel's log.
 */
#include <sys/eventfd.h>
#include <poll.h>
#include <linux/memfd.h>
#include <linux/pci_regs.h>

#include "iommufd_vfio.h"
#include "../../../iommu/dmar_log.h"
#include "../../../iommu/edu.h"
#include "../../../iommu/mmio.h"

#define TEST_IOVA 0x1000000ULL
#define TEST_PAGES 16
/* Of a page: more than edu's buffer holds is not possible, see edu.h */
#define CHUNK 4000

#define EDU_ID 0x00
#define EDU_LIVENESS 0x04
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64

static bool is_edu(const struct vfio_dev *dev)
{
	unsigned int vendor = 0, device = 0;
	char line[PATH_MAX];
	FILE *file;

	snprintf(line, sizeof(line), VFIO_DRIVER "/%s/uevent", dev->name);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "PCI_ID=%x:%x", &vendor, &device) == 2)
			break;
	if (file)
		fclose(file);
	return vendor == EDU_VENDOR_ID && device == EDU_DEVICE_ID;
}

/* Alone: it shares its group with nobody, so that faults carry its name */
static bool edu_find(struct vfio_dev *edu, bool alone)
{
	struct vfio_dev devs[16];
	int num = vfio_find(devs, ARRAY_SIZE(devs), false);
	int i, j, others;

	for (i = 0; i != num; i++) {
		for (j = 0, others = -1; j != num; j++)
			others += devs[j].group == devs[i].group;
		if (is_edu(&devs[i]) && !others == alone) {
			*edu = devs[i];
			return true;
		}
	}
	return false;
}

/* Let it decode its memory, and do DMA; or neither */
static int edu_enable(int file, bool enable)
{
	const __u16 bits = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	__u64 size, config;
	__u16 command;

	config = vfio_region(file, VFIO_PCI_CONFIG_REGION_INDEX, &size);
	if (pread(file, &command, sizeof(command), config + PCI_COMMAND) !=
	    sizeof(command))
		return -errno;
	command = enable ? command | bits : command & ~bits;
	if (pwrite(file, &command, sizeof(command), config + PCI_COMMAND) !=
	    sizeof(command))
		return -errno;
	return 0;
}

/* Its registers, or NULL */
static void *edu_regs(int file, __u64 *size)
{
	__u64 bar = vfio_region(file, VFIO_PCI_BAR0_REGION_INDEX, size);
	void *regs = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
			  bar);

	return regs == MAP_FAILED ? NULL : regs;
}

FIXTURE(dma)
{
	struct vfio_dev dev;
	int fd;		/* the iommufd, or container */
	int group;
	int file;	/* the device */
	__u32 ioas;
	struct edu edu;
	__u64 regs_size;
	struct dmar_log log;
	char *mem;
};

FIXTURE_VARIANT(dma)
{
	unsigned long type;	/* of the container; 0: there is none */
};

FIXTURE_VARIANT_ADD(dma, cdev)
{
};

FIXTURE_VARIANT_ADD(dma, type1)
{
	.type = VFIO_TYPE1_IOMMU,
};

FIXTURE_VARIANT_ADD(dma, type1v2)
{
	.type = VFIO_TYPE1v2_IOMMU,
};

FIXTURE_SETUP(dma)
{
	void *regs;

	if (!edu_find(&self->dev, true))
		SKIP(return, "vfio-pci has no edu with a group of its own");
	self->fd = open(variant->type ? "/dev/vfio/vfio" : "/dev/iommu",
			O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		SKIP(return, "no container, or no iommufd");
	self->group = -1;
	if (variant->type) {
		self->file = container_enter(&self->dev, self->fd,
					     variant->type, &self->group);
		ASSERT_LE(0, self->file);
		CALL(vfio_ioas(self->fd, IOMMU_VFIO_IOAS_GET, &self->ioas));
	} else {
		CALL(vfio_open(&self->dev));
		CALL(vfio_bind(&self->dev, self->fd));
		CALL(ioas_alloc(self->fd, &self->ioas));
		CALL(vfio_attach(&self->dev, self->ioas, NULL));
		self->file = self->dev.file;
	}

	CALL(edu_enable(self->file, true));
	regs = edu_regs(self->file, &self->regs_size);
	ASSERT_NE(NULL, regs);
	CALL(edu_init(&self->edu, regs, self->regs_size));
	CALL(dmar_log_open(&self->log, false));
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(dma)
{
	/* No DMA was blocked but where that was expected */
	EXPECT_EQ(0, dmar_log_strays(&self->log));
	dmar_log_close(&self->log);
	EXPECT_EQ(0, munmap(self->edu.regs, self->regs_size));
	EXPECT_EQ(0, close(self->file));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	if (self->group >= 0)
		EXPECT_EQ(0, close(self->group));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
	munmap(self->mem, TEST_PAGES * page);
}

static int dma_map(struct _test_data_dma *self, const void *va, __u64 length,
		   __u64 iova, bool writable)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = to_u64(va),
		.iova = iova,
		.size = length,
	};

	if (self->group < 0)
		return ioas_map(self->fd, self->ioas, va, length, &iova,
				writable ? MAP_RW_AT : MAP_RO_AT);
	return iommu_call(self->fd, VFIO_IOMMU_MAP_DMA, &cmd);
}

static long dma_unmap(struct _test_data_dma *self, __u64 iova, __u64 length)
{
	__u64 unmapped;
	int rc;

	if (self->group >= 0)
		return container_unmap(self->fd, iova, length, 0);
	rc = ioas_unmap_count(self->fd, self->ioas, iova, length, &unmapped);
	return rc ? rc : (long)unmapped;
}

/* How many pages are not what memory_new() made of them? @first is page 0 */
static unsigned int changed(const char *mem, unsigned int first,
			    unsigned int npages)
{
	unsigned int i, count = 0;
	unsigned long j;

	for (i = first; i != first + npages; i++) {
		bool same = *(__u64 *)(mem + i * page) == 0x5eed0000 + i;

		for (j = sizeof(__u64); j != page; j++)
			same &= !mem[i * page + j];
		count += !same;
	}
	return count;
}

/*
 * Have the device store a pattern of its own at @iova, and see it at @va. It
 * fetches the pattern by @from, where it is at @source.
 */
static int reaches(struct _test_data_dma *self, __u64 from, char *source,
		   __u64 iova, const char *va)
{
	static unsigned int seed;
	unsigned int i;
	int rc;

	seed++;
	for (i = 0; i != CHUNK; i++)
		source[i] = seed * 31 + i * 7 + (i >> 8);
	rc = edu_dma_from_memory(&self->edu, from, 0, CHUNK) ?:
	     edu_dma_to_memory(&self->edu, iova, 0, CHUNK);
	if (rc)
		return rc;
	return memcmp(va, source, CHUNK) ? -EBADMSG : 0;
}

/* Does a store to @iova end in a fault? Nothing may wait in the log. */
static bool store_faults(struct _test_data_dma *self, __u64 iova)
{
	dmar_log_expect(&self->log, self->dev.name, true, iova,
			iova + CHUNK - 1);
	if (edu_dma_to_memory(&self->edu, iova, 0, CHUNK))
		return false;
	return dmar_log_await(&self->log) != DMAR_NO_FAULT;
}

static bool fetch_faults(struct _test_data_dma *self, __u64 iova)
{
	dmar_log_expect(&self->log, self->dev.name, false, iova,
			iova + CHUNK - 1);
	if (edu_dma_from_memory(&self->edu, iova, 0, CHUNK))
		return false;
	return dmar_log_await(&self->log) != DMAR_NO_FAULT;
}

TEST_F(dma, round_trip)
{
	char *mem = self->mem;

	CALL(dma_map(self, mem, 4 * page, TEST_IOVA, true));
	CALL(dma_map(self, mem + 8 * page, 4 * page, TEST_IOVA + 4 * page,
		     true));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 2 * page,
			     mem + 2 * page));
	/* Over the border of two mappings */
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 5 * page,
			     mem + 9 * page));
	/* Nothing else was touched */
	EXPECT_EQ(0, changed(mem, 1, 1));
	EXPECT_EQ(0, changed(mem, 3, 6));
	EXPECT_EQ(0, changed(mem, 10, 6));
	EXPECT_EQ(8 * page, dma_unmap(self, TEST_IOVA, 8 * page));
}

TEST_F(dma, not_mapped)
{
	char *mem = self->mem;

	EXPECT_TRUE(store_faults(self, TEST_IOVA));
	CALL(dma_map(self, mem, 2 * page, TEST_IOVA, true));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + page,
			     mem + page));
	EXPECT_TRUE(store_faults(self, TEST_IOVA + 2 * page));
	EXPECT_TRUE(fetch_faults(self, TEST_IOVA - page));
	EXPECT_EQ(2 * page, dma_unmap(self, TEST_IOVA, 2 * page));
	memset(mem, 0, CHUNK);
	EXPECT_TRUE(store_faults(self, TEST_IOVA));
	EXPECT_TRUE(fetch_faults(self, TEST_IOVA + page));
	EXPECT_EQ(0, mem[0]);
	EXPECT_EQ(0, memcmp(mem, mem + 1, CHUNK - 1));
	EXPECT_EQ(0, changed(mem, 2, TEST_PAGES - 2));
}

TEST_F(dma, read_only)
{
	char *mem = self->mem;

	CALL(dma_map(self, mem, page, TEST_IOVA, true));
	CALL(dma_map(self, mem + page, 2 * page, TEST_IOVA + page, false));
	EXPECT_EQ(0, reaches(self, TEST_IOVA + page, mem + page, TEST_IOVA,
			     mem));
	EXPECT_TRUE(store_faults(self, TEST_IOVA + 2 * page));
	EXPECT_EQ(0, changed(mem, 2, 1));
	EXPECT_EQ(3 * page, dma_unmap(self, TEST_IOVA, 3 * page));
}

TEST_F(dma, unmap_all)
{
	char *mem = self->mem;
	__u64 unmapped;

	CALL(dma_map(self, mem, 2 * page, TEST_IOVA, true));
	CALL(dma_map(self, mem + 2 * page, page, TEST_IOVA + 8 * page, true));
	CALL(dma_map(self, mem + 3 * page, page, 1ULL << 40, true));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 8 * page,
			     mem + 2 * page));
	if (variant->type) {
		unmapped = container_unmap(self->fd, 0, 0,
					   VFIO_DMA_UNMAP_FLAG_ALL);
	} else {
		CALL(ioas_unmap_count(self->fd, self->ioas, 0, EVERYTHING,
				      &unmapped));
	}
	EXPECT_EQ(4 * page, unmapped);
	EXPECT_EQ(0, proc_status("VmPin"));
	memset(mem + 2 * page, 0, CHUNK);
	EXPECT_TRUE(fetch_faults(self, TEST_IOVA));
	EXPECT_TRUE(store_faults(self, TEST_IOVA + 8 * page));
	EXPECT_EQ(0, memcmp(mem + 2 * page, mem + 2 * page + 1, CHUNK - 1));
	EXPECT_EQ(0, mem[2 * page]);

	/* It is all free again */
	CALL(dma_map(self, mem, 4 * page, TEST_IOVA, true));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + page,
			     mem + page));
}

/* Only version 1 cuts; DMA to what remains goes on, to the hole it does not */
TEST_F(dma, unmap_part)
{
	char *mem = self->mem;

	CALL(dma_map(self, mem, 8 * page, TEST_IOVA, true));
	if (variant->type != VFIO_TYPE1_IOMMU) {
		EXPECT_EQ(-ENOENT, dma_unmap(self, TEST_IOVA + 2 * page,
					     2 * page));
		EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 2 * page,
				     mem + 2 * page));
		EXPECT_EQ(8 * page, dma_unmap(self, TEST_IOVA, 8 * page));
		return;
	}
	EXPECT_EQ(2 * page, dma_unmap(self, TEST_IOVA + 2 * page, 2 * page));
	EXPECT_EQ(0, reaches(self, TEST_IOVA + page, mem + page, TEST_IOVA,
			     mem));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 4 * page,
			     mem + 4 * page));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 7 * page,
			     mem + 7 * page));
	EXPECT_TRUE(store_faults(self, TEST_IOVA + 2 * page));
	EXPECT_TRUE(store_faults(self, TEST_IOVA + 3 * page));
	EXPECT_TRUE(fetch_faults(self, TEST_IOVA + 3 * page));
	EXPECT_EQ(0, changed(mem, 2, 2));

	/* Other memory in the hole */
	CALL(dma_map(self, mem + 12 * page, 2 * page, TEST_IOVA + 2 * page,
		     true));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, TEST_IOVA + 3 * page,
			     mem + 13 * page));
	EXPECT_EQ(0, changed(mem, 2, 2));
	EXPECT_EQ(8 * page, dma_unmap(self, TEST_IOVA, 8 * page));
}

/* A large page, of which version 1 takes a small one */
TEST_F(dma, huge)
{
	char *mem = memory_new_huge(2 * HUGE_SIZE, PROT_READ | PROT_WRITE);
	const __u64 hole = TEST_IOVA + HUGE_SIZE + 16 * page;

	ASSERT_NE(NULL, mem);
	CALL(dma_map(self, mem, 2 * HUGE_SIZE, TEST_IOVA, true));
	EXPECT_EQ(2 * HUGE_SIZE / page, proc_status("VmPin"));
	EXPECT_EQ(0, reaches(self, TEST_IOVA, mem,
			     TEST_IOVA + HUGE_SIZE - page / 2,
			     mem + HUGE_SIZE - page / 2));
	if (variant->type == VFIO_TYPE1_IOMMU) {
		EXPECT_EQ(page, dma_unmap(self, hole, page));
		EXPECT_EQ(2 * HUGE_SIZE / page - 1, proc_status("VmPin"));
		EXPECT_TRUE(store_faults(self, hole));
		EXPECT_EQ(0, mem[hole - TEST_IOVA]);
		EXPECT_EQ(2 * HUGE_SIZE - page,
			  dma_unmap(self, TEST_IOVA, 2 * HUGE_SIZE));
	} else {
		EXPECT_EQ(0, reaches(self, TEST_IOVA, mem, hole,
				     mem + HUGE_SIZE + 16 * page));
		EXPECT_EQ(2 * HUGE_SIZE,
			  dma_unmap(self, TEST_IOVA, 2 * HUGE_SIZE));
	}
	EXPECT_TRUE(store_faults(self, TEST_IOVA));
	EXPECT_EQ(0, munmap(mem, 2 * HUGE_SIZE));
}

/*
 * More than 1 GiB, which is unmapped bit by bit, and begins with the last page of a
 * huge one. One page of it, just behind the first GiB, is mapped once more. None of
 * it can be reached afterwards, and its IOVAs can be used again.
 */
TEST_F(dma, large)
{
	const __u64 gib = 1ULL << 30, length = gib + gib / 4;
	const __u64 skip = HUGE_SIZE - page, iova = 2 * TEST_IOVA + skip;
	char *mem = memory_new_huge(length + HUGE_SIZE, PROT_NONE);
	int file = memfd_create("large", MFD_CLOEXEC | MFD_HUGETLB);
	__u64 copy = TEST_IOVA;
	__u64 i;

	ASSERT_NE(NULL, mem);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, HUGE_SIZE));
	for (i = 0; i != length + HUGE_SIZE; i += HUGE_SIZE)
		ASSERT_NE(MAP_FAILED, mmap(mem + i, HUGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, file, 0));
	CALL(dma_map(self, self->mem, page, TEST_IOVA + page, true));
	for (i = 0; i != 2; i++) {
		CALL(dma_map(self, mem + skip, length, iova, true));
		CALL(ioas_copy(self->fd, self->ioas, self->ioas, iova + gib,
			       page, &copy, MAP_RW_AT));
		EXPECT_EQ(0, reaches(self, TEST_IOVA + page, self->mem,
				     iova + page, mem + HUGE_SIZE));
		EXPECT_EQ(length, dma_unmap(self, iova, length));
		EXPECT_EQ(0, reaches(self, TEST_IOVA + page, self->mem, copy,
				     mem + skip + gib));
		EXPECT_EQ(page, dma_unmap(self, copy, page));
		EXPECT_EQ(1, proc_status("VmPin"));
	}
	EXPECT_TRUE(store_faults(self, iova));
	EXPECT_TRUE(store_faults(self, iova + page));
	EXPECT_EQ(page, dma_unmap(self, TEST_IOVA + page, page));
	munmap(mem, length + HUGE_SIZE);
	close(file);
}

/* The device's stores are in the file. Containers have /dev/iommu's ioctls, too */
TEST_F(dma, file)
{
	int file = memfd_create("iommufd_dma", MFD_CLOEXEC);
	char *mem = self->mem;
	__u64 iova = TEST_IOVA + 4 * page;
	char seen[CHUNK];

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, 4 * page));
	CALL(dma_map(self, mem, page, TEST_IOVA, true));
	CALL(ioas_map_file(self->fd, self->ioas, file, 0, 4 * page, &iova,
			   MAP_RW_AT));
	ASSERT_EQ(sizeof(seen), pread(file, seen, sizeof(seen), 2 * page));
	EXPECT_EQ(-EBADMSG, reaches(self, TEST_IOVA, mem, iova + 2 * page,
				    seen));
	ASSERT_EQ(sizeof(seen), pread(file, seen, sizeof(seen), 2 * page));
	EXPECT_EQ(0, memcmp(seen, mem, sizeof(seen)));
	EXPECT_EQ(5 * page, dma_unmap(self, TEST_IOVA, page) +
			    dma_unmap(self, iova, 4 * page));
	EXPECT_EQ(0, close(file));
}

/* A page of the registers of @file's device, as a dma-buf; or -errno */
static int registers_export(int file, __u32 nr_ranges)
{
	char buf[sizeof(struct vfio_device_feature) +
		 sizeof(struct vfio_device_feature_dma_buf) +
		 2 * sizeof(struct vfio_region_dma_range)]
		__attribute__((aligned(8))) = {};
	struct vfio_device_feature *feature = (void *)buf;
	struct vfio_device_feature_dma_buf *dma_buf = (void *)feature->data;
	__u32 i;

	feature->argsz = sizeof(buf);
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	dma_buf->region_index = VFIO_PCI_BAR0_REGION_INDEX;
	dma_buf->open_flags = O_RDWR | O_CLOEXEC;
	dma_buf->nr_ranges = nr_ranges;
	for (i = 0; i != nr_ranges; i++) {
		dma_buf->dma_ranges[i].offset = 2 * i * page;
		dma_buf->dma_ranges[i].length = page;
	}
	return iommu_call(file, VFIO_DEVICE_FEATURE, feature);
}

/* Does the edu reach the other one's registers at @iova? */
static int reaches_peer(struct _test_data_dma *self, __u64 iova, void *regs)
{
	static __u32 value = 0x12345678;
	__u32 *word = (__u32 *)self->mem;
	int rc;

	word[0] = ++value;
	word[1] = 0;
	rc = edu_dma_from_memory(&self->edu, TEST_IOVA, 0, 4) ?:
	     edu_dma_to_memory(&self->edu, iova + EDU_LIVENESS, 0, 4) ?:
	     edu_dma_from_memory(&self->edu, iova + EDU_ID, 8, 4) ?:
	     edu_dma_to_memory(&self->edu, TEST_IOVA + 4, 8, 4);
	if (rc)
		return rc;
	if (mmio_read32(regs, EDU_LIVENESS) != ~value)
		return -EIO;
	return word[1] == mmio_read32(regs, EDU_ID) ? 0 : -EBADMSG;
}

/* DMA to another device's registers, for as long as they may be reached */
TEST_F(dma, peer)
{
	const __u64 iova = TEST_IOVA + 8 * page;
	int fd = iommu_open(), buffer, several;
	struct vfio_dev peer;
	__u64 size, unmapped;
	void *regs;

	if (!edu_find(&peer, false))
		SKIP(return, "vfio-pci has no other edu");
	ASSERT_LE(0, fd);
	CALL(vfio_open(&peer));
	CALL(vfio_bind(&peer, fd));
	CALL(edu_enable(peer.file, true));
	regs = edu_regs(peer.file, &size);
	ASSERT_NE(NULL, regs);
	buffer = registers_export(peer.file, 1);
	several = registers_export(peer.file, 2);
	ASSERT_LE(0, buffer);
	ASSERT_LE(0, several);

	CALL(dma_map(self, self->mem, page, TEST_IOVA, true));
	CALL(ioas_map_file_at(self->fd, self->ioas, buffer, 0, page, iova));
	EXPECT_EQ(0, reaches_peer(self, iova, regs));
	/* It is no memory: nothing is pinned for it */
	EXPECT_EQ(1, proc_status("VmPin"));
	EXPECT_EQ(-EINVAL, ioas_map_file_at(self->fd, self->ioas, buffer, page,
					    page, iova + page));
	EXPECT_EQ(-EOPNOTSUPP, ioas_map_file_at(self->fd, self->ioas, several,
						0, page, iova + page));

	/* Their owner withdraws them. They do not come back by themselves. */
	CALL(edu_enable(peer.file, false));
	EXPECT_TRUE(store_faults(self, iova));
	EXPECT_EQ(-ENODEV, ioas_map_file_at(self->fd, self->ioas, buffer, 0,
					    page, iova + page));
	CALL(edu_enable(peer.file, true));
	EXPECT_TRUE(store_faults(self, iova));
	CALL(ioas_map_file_at(self->fd, self->ioas, buffer, 0, page,
			      iova + page));
	EXPECT_EQ(0, reaches_peer(self, iova + page, regs));
	EXPECT_TRUE(fetch_faults(self, iova));
	CALL(ioas_unmap_count(self->fd, self->ioas, iova, page, &unmapped));
	EXPECT_EQ(page, unmapped);
	EXPECT_EQ(0, reaches_peer(self, iova + page, regs));

	/* Nor are they there when their device is closed */
	EXPECT_EQ(0, munmap(regs, size));
	EXPECT_EQ(0, vfio_close(&peer));
	EXPECT_TRUE(store_faults(self, iova + page));
	EXPECT_EQ(-ENODEV, ioas_map_file_at(self->fd, self->ioas, buffer, 0,
					    page, iova));
	CALL(ioas_unmap(self->fd, self->ioas, iova + page, page));
	EXPECT_EQ(0, close(buffer));
	EXPECT_EQ(0, close(several));
	EXPECT_EQ(0, close(fd));
}

/* Its interrupts need no IOVA of ours, and come to an eventfd */
TEST_F(dma, msi)
{
	struct {
		struct vfio_irq_set set;
		__s32 event;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = 1,
		},
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	struct pollfd ready = { .fd = irq.event, .events = POLLIN };
	void *regs = self->edu.regs;
	unsigned int i;
	__u64 count;

	ASSERT_LE(0, irq.event);
	CALL(iommu_call(self->file, VFIO_DEVICE_SET_IRQS, &irq));
	for (i = 1; i != 4; i++) {
		EXPECT_EQ(0, poll(&ready, 1, 0));
		mmio_write32(regs, EDU_IRQ_RAISE, i);
		EXPECT_EQ(1, poll(&ready, 1, -1));
		EXPECT_EQ(sizeof(count), read(irq.event, &count, sizeof(count)));
		EXPECT_EQ(1, count);
		EXPECT_EQ(i, mmio_read32(regs, EDU_IRQ_STATUS));
		mmio_write32(regs, EDU_IRQ_ACK, i);
	}
	irq.set.argsz = sizeof(irq.set);
	irq.set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	irq.set.count = 0;
	CALL(iommu_call(self->file, VFIO_DEVICE_SET_IRQS, &irq));
	EXPECT_EQ(0, close(irq.event));
}

TEST_HARNESS_MAIN
