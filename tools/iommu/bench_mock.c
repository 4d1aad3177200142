// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases: the dirty bitmap and in-kernel access, on the mock IOMMU driver of
 * CONFIG_IOMMUFD_TEST. The mock's page table is not a device's: only the same
 * kernel configuration compares.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../../drivers/iommu/iommufd/iommufd_test.h"
#include "bench.h"
#include "iommufd_lib.h"
#include "uapi.h"

static int mock(struct bench *b, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return bench_ioctl(b->space.fd, IOMMU_TEST_CMD, cmd);
}

/* An IOAS that the mock device is attached to; closed like a real one. */
static int open_mock(struct bench *b, const struct bench_case *c)
{
	struct iommu_test_cmd device = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	struct iommu_test_cmd replace = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
	};
	int ret;

	ret = memory_get(&b->memory, c->kind, b->size);
	if (ret)
		return ret;
	b->space = (struct dma_space){ .is_open = true, .device.fd = -1 };
	ret = iommufd_open(&b->space.fd) ?:
	      iommufd_ioas_alloc(b->space.fd, &b->space.ioas);
	if (ret)
		return ret;
	device.id = b->space.ioas;
	ret = mock(b, &device);
	if (ret)
		return bench_check(ret == -ENOTTY ? -EOPNOTSUPP : ret,
				   "mock device (CONFIG_IOMMUFD_TEST)");
	ret = iommufd_hwpt_alloc(b->space.fd, device.mock_domain.out_idev_id,
				 b->space.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				 &b->hwpt);
	if (ret)
		return ret;
	replace.id = device.mock_domain.out_stdev_id;
	replace.mock_domain_replace.pt_id = b->hwpt;
	ret = mock(b, &replace);
	if (ret)
		return bench_check(ret, "attach the mock device");
	return bench_check(b->api->map(&b->space, MOCK_APERTURE_START,
				       b->memory.va, b->size),
			   "map %zu bytes", b->size);
}

static int prepare_dirty(struct bench *b, const struct bench_case *c)
{
	struct iommu_hwpt_set_dirty_tracking tracking = {
		.size = sizeof(tracking),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	int ret = open_mock(b, c);

	tracking.hwpt_id = b->hwpt;
	return ret ?: bench_check(bench_ioctl(b->space.fd,
					      IOMMU_HWPT_SET_DIRTY_TRACKING,
					      &tracking), "track dirty pages");
}

#define DIRTY_SIZE	(1024UL << 20)
#define DIRTY_CHUNK	(64UL << 20)
#define HUGE_PAGE	(2UL << 20)

static __u8 bitmap[DIRTY_SIZE / BENCH_PAGE / 8] __attribute__((aligned(4096)));

/* The device "writes" to what is set in the bitmap, which is of all memory. */
static int make_dirty(struct bench *b)
{
	int ret = 0;

	for (size_t at = 0; !ret && at < b->size; at += DIRTY_CHUNK) {
		struct iommu_test_cmd set = {
			.op = IOMMU_TEST_OP_DIRTY,
			.id = b->hwpt,
			.dirty = {
				.iova = MOCK_APERTURE_START + at,
				.length = DIRTY_CHUNK,
				.page_size = BENCH_PAGE,
				.uptr = (uintptr_t)bitmap + at / BENCH_PAGE / 8,
			},
		};

		ret = mock(b, &set);
	}
	return bench_check(ret, "make pages dirty");
}

/* One page of @every is written to; then one bit for each @bit bytes is read. */
static int read_dirty(struct bench *b, const char *part, size_t every, size_t bit)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = b->hwpt,
		.iova = MOCK_APERTURE_START,
		.length = b->size,
		.page_size = bit,
		.data = (uintptr_t)bitmap,
	};
	__u64 start;
	int ret;

	memset(bitmap, 0, sizeof(bitmap));
	for (size_t i = 0; every && i < b->size / BENCH_PAGE; i += every)
		bitmap[i / 8] |= 1 << i % 8;
	ret = every ? make_dirty(b) : 0;
	if (ret)
		return ret;
	memset(bitmap, 0, sizeof(bitmap));

	start = bench_start();
	ret = bench_ioctl(b->space.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "read the dirty bitmap");
	bench_result(b, part, "per page", start, b->size / BENCH_PAGE);

	for (size_t i = 0; every && i < b->size / BENCH_PAGE; i += every) {
		size_t at = i * BENCH_PAGE / bit;

		if (!(bitmap[at / 8] & 1 << at % 8))
			return uapi_fail(EIO, "page %zu is not dirty", i);
	}
	for (size_t i = 0; !every && i < sizeof(bitmap); i++) {
		if (bitmap[i])
			return uapi_fail(EIO, "page %zu is dirty", 8 * i);
	}
	return 0;
}

static int dirty_pages(struct bench *b, const struct bench_case *c)
{
	(void)c;
	return read_dirty(b, "all", 1, BENCH_PAGE) ?:
	       read_dirty(b, "sparse", 512, BENCH_PAGE) ?:
	       read_dirty(b, "none", 0, BENCH_PAGE) ?:
	       read_dirty(b, "all, 2 MiB", 1, HUGE_PAGE) ?:
	       read_dirty(b, "sparse, 2 MiB", 8 * 512, HUGE_PAGE);
}

static int prepare_access(struct bench *b, const struct bench_case *c)
{
	struct iommu_test_cmd access = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.create_access.flags =
			c->count ? MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES : 0,
	};
	int ret = open_mock(b, c);

	if (ret)
		return ret;
	access.id = b->space.ioas;
	ret = mock(b, &access);
	if (ret)
		return bench_check(ret, "in-kernel access");
	b->other_fd = access.create_access.out_access_fd;
	return 0;
}

/* The test ioctl takes no more than 16 MiB. */
#define CHUNK		(64UL << 10)
#define LARGE_CHUNK	(16UL << 20)

/* The mock searches its list of what is pinned: it stays short. */
#define BATCH		16

static int pin_chunk(struct bench *b, size_t offset, size_t length, __u32 *id)
{
	/*
	 * The flag for fuzzers keeps the mock from comparing the pages that it
	 * gets; there is only one area for it.
	 */
	struct iommu_test_cmd get = {
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = b->other_fd,
		.access_pages = {
			.flags = MOCK_FLAGS_ACCESS_SYZ,
			.iova = offset << 32,
			.length = length,
			.uptr = (uintptr_t)b->memory.va + offset,
		},
	};
	int ret = mock(b, &get);

	*id = get.access_pages.out_access_pages_id;
	return ret;
}

static int unpin_chunk(struct bench *b, __u32 id)
{
	struct iommu_test_cmd put = {
		.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
		.id = b->other_fd,
		.destroy_access_pages.access_pages_id = id,
	};

	return mock(b, &put);
}

/* All of the memory, @chunk bytes at a time, some of them pinned at once */
static int pin_chunks(struct bench *b, const char *pin, const char *unpin,
		      size_t chunk)
{
	size_t batch = chunk * BATCH < b->size ? chunk * BATCH : b->size;
	unsigned long pages = b->size / BENCH_PAGE;
	__u64 pinning = 0, unpinning = 0, start;
	__u32 id[BATCH];
	int ret = 0;

	for (size_t at = 0; !ret && at < b->size; at += batch) {
		start = bench_start();
		for (size_t i = 0; !ret && i < batch / chunk; i++)
			ret = pin_chunk(b, at + i * chunk, chunk, &id[i]);
		pinning += bench_stop(start);
		if (ret)
			return bench_check(ret, "pin for in-kernel access");

		start = bench_start();
		for (size_t i = 0; !ret && i < batch / chunk; i++)
			ret = unpin_chunk(b, id[i]);
		unpinning += bench_stop(start);
	}
	if (ret)
		return bench_check(ret, "unpin");
	bench_result(b, pin, "per page", pinning, pages);
	bench_result(b, unpin, "per page", unpinning, pages);
	return 0;
}

static int pin_all(struct bench *b, const struct bench_case *c)
{
	(void)c;
	/* As a driver of an emulated device does it: a few pages at a time */
	return pin_chunks(b, "pin 64 KiB", "unpin 64 KiB", CHUNK) ?:
	       pin_chunks(b, "pin 16 MiB", "unpin 16 MiB", LARGE_CHUNK);
}

#define RW_CALLS	256

/* All over the memory */
static int copy_bytes(struct bench *b, const char *part, size_t length,
		      __u32 flags)
{
	static __u8 buffer[1UL << 20] __attribute__((aligned(4096)));
	int ret = 0;
	__u64 start;

	memset(buffer, 0x5a, length);
	start = bench_start();
	for (unsigned int i = 0; !ret && i < RW_CALLS; i++) {
		struct iommu_test_cmd rw = {
			.op = IOMMU_TEST_OP_ACCESS_RW,
			.id = b->other_fd,
			.access_rw = {
				.iova = MOCK_APERTURE_START +
					i * (1UL << 20) % b->size,
				.length = length,
				.uptr = (uintptr_t)buffer,
				.flags = flags,
			},
		};

		ret = mock(b, &rw);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "in-kernel %s", part);
	bench_result(b, part, "per call", start, RW_CALLS);
	return 0;
}

static int copy_all(struct bench *b, const struct bench_case *c)
{
	(void)c;
	return copy_bytes(b, "read 8 B", 8, 0) ?:
	       copy_bytes(b, "write 8 B", 8, MOCK_ACCESS_RW_WRITE) ?:
	       copy_bytes(b, "read 4 KiB", BENCH_PAGE, 0) ?:
	       copy_bytes(b, "write 4 KiB", BENCH_PAGE, MOCK_ACCESS_RW_WRITE) ?:
	       copy_bytes(b, "read 1 MiB", 1UL << 20, 0) ?:
	       copy_bytes(b, "write 1 MiB", 1UL << 20, MOCK_ACCESS_RW_WRITE);
}

#define MOCK_CASE(name_, title_, kind_, count_, size_, prepare_, measure_) { \
	.name = name_, .title = title_, .kind = kind_, .count = count_,	\
	.size = size_, .flags = CASE_IOMMUFD | CASE_MOCK,		\
	.prepare = prepare_, .measure = measure_,			\
}

/* The mock's page is 2 KiB: each of ours takes two of its entries. */
const struct bench_case mock_cases[] = {
	MOCK_CASE("dirty-4k", "dirty bitmap of 1 GiB, 4 KiB pages, scattered",
		  MEMORY_SCATTERED, 0, DIRTY_SIZE, prepare_dirty, dirty_pages),
	MOCK_CASE("dirty-thp", "dirty bitmap of 1 GiB, huge pages",
		  MEMORY_THP, 0, DIRTY_SIZE, prepare_dirty, dirty_pages),
	MOCK_CASE("pin-4k", "in-kernel pin of 64 MiB, 4 KiB pages",
		  MEMORY_ANON, 1, 0, prepare_access, pin_all),
	MOCK_CASE("pin-scattered", "in-kernel pin of 64 MiB, 4 KiB pages, scattered",
		  MEMORY_SCATTERED, 1, 0, prepare_access, pin_all),
	MOCK_CASE("pin-thp", "in-kernel pin of 64 MiB, huge pages",
		  MEMORY_THP, 1, 0, prepare_access, pin_all),
	MOCK_CASE("rw-4k", "in-kernel copy, 4 KiB pages, scattered",
		  MEMORY_SCATTERED, 0, 0, prepare_access, copy_all),
	MOCK_CASE("rw-thp", "in-kernel copy, huge pages",
		  MEMORY_THP, 0, 0, prepare_access, copy_all),
	{ }
};
