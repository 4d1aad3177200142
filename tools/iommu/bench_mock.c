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

static __u8 bitmap[(1UL << 30) / BENCH_PAGE / 8] __attribute__((aligned(4096)));

static int read_dirty(struct bench *b, const char *part)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = b->hwpt,
		.iova = MOCK_APERTURE_START,
		.length = b->size,
		.page_size = BENCH_PAGE,
		.data = (uintptr_t)bitmap,
	};
	__u64 start;
	int ret;

	start = bench_start();
	ret = bench_ioctl(b->space.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "read the dirty bitmap");
	bench_result(b, part, "per page", start, b->size / BENCH_PAGE);
	return 0;
}

static int dirty_pages(struct bench *b, const struct bench_case *c)
{
	size_t bytes = b->size / BENCH_PAGE / 8;
	struct iommu_test_cmd set = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = b->hwpt,
		.dirty = {
			.iova = MOCK_APERTURE_START,
			.length = b->size,
			.page_size = BENCH_PAGE,
			.uptr = (uintptr_t)bitmap,
		},
	};
	int ret;

	(void)c;
	memset(bitmap, 0xff, bytes);
	ret = mock(b, &set);
	if (ret)
		return bench_check(ret, "make all pages dirty");
	memset(bitmap, 0, bytes);
	ret = read_dirty(b, "all");
	if (ret)
		return ret;
	for (size_t i = 0; i < bytes; i++) {
		if (bitmap[i] != 0xff)
			return uapi_fail(EIO, "dirty bitmap byte %zu is 0x%02x",
					 i, bitmap[i]);
	}
	return read_dirty(b, "none");
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

/* As a driver of an emulated device does it: a few pages at a time. */
#define CHUNK	(64UL << 10)
#define CHUNKS	1024

static int pin_chunks(struct bench *b, const struct bench_case *c)
{
	static __u32 pinned[CHUNKS];
	struct iommu_test_cmd unpin = {
		.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
		.id = b->other_fd,
	};
	int ret = 0;
	__u64 start;

	(void)c;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < CHUNKS; i++) {
		size_t offset = i * CHUNK % b->size;
		struct iommu_test_cmd get = {
			.op = IOMMU_TEST_OP_ACCESS_PAGES,
			.id = b->other_fd,
			.access_pages = {
				.iova = MOCK_APERTURE_START + offset,
				.length = CHUNK,
				.uptr = (uintptr_t)b->memory.va + offset,
			},
		};

		ret = mock(b, &get);
		pinned[i] = get.access_pages.out_access_pages_id;
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "pin for in-kernel access");
	bench_result(b, "pin", "per page", start, CHUNKS * CHUNK / BENCH_PAGE);

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CHUNKS; i++) {
		unpin.destroy_access_pages.access_pages_id = pinned[i];
		ret = mock(b, &unpin);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unpin");
	bench_result(b, "unpin", "per page", start, CHUNKS * CHUNK / BENCH_PAGE);
	return 0;
}

/* A few bytes each, all over the memory. */
static int read_bytes(struct bench *b, const struct bench_case *c)
{
	__u64 value;
	int ret = 0;
	__u64 start;

	(void)c;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < CHUNKS; i++) {
		struct iommu_test_cmd rw = {
			.op = IOMMU_TEST_OP_ACCESS_RW,
			.id = b->other_fd,
			.access_rw = {
				.iova = MOCK_APERTURE_START + i * CHUNK % b->size,
				.length = sizeof(value),
				.uptr = (uintptr_t)&value,
			},
		};

		ret = mock(b, &rw);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "in-kernel read");
	bench_result(b, "read", "per call", start, CHUNKS);
	return 0;
}

#define MOCK_CASE(name_, title_, kind_, count_, prepare_, measure_) {	\
	.name = name_, .title = title_, .kind = kind_, .count = count_,	\
	.flags = CASE_IOMMUFD | CASE_MOCK,				\
	.prepare = prepare_, .measure = measure_,			\
}

/* The mock's page is 2 KiB: each of ours takes two of its entries. */
const struct bench_case mock_cases[] = {
	MOCK_CASE("mock-dirty-4k", "mock IOMMU: dirty bitmap, 4 KiB pages, scattered",
		  MEMORY_SCATTERED, 0, prepare_dirty, dirty_pages),
	MOCK_CASE("mock-dirty-thp", "mock IOMMU: dirty bitmap, huge pages",
		  MEMORY_THP, 0, prepare_dirty, dirty_pages),
	MOCK_CASE("mock-access-4k", "mock IOMMU: in-kernel pin of 64 KiB, 4 KiB pages",
		  MEMORY_ANON, 1, prepare_access, pin_chunks),
	MOCK_CASE("mock-access-thp", "mock IOMMU: in-kernel pin of 64 KiB, huge pages",
		  MEMORY_THP, 1, prepare_access, pin_chunks),
	MOCK_CASE("mock-read-4k", "mock IOMMU: in-kernel read of 8 bytes, 4 KiB pages",
		  MEMORY_ANON, 0, prepare_access, read_bytes),
	{ }
};
