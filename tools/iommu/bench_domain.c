// SPDX-License-Identifier: GPL-2.0-only
/* Cases: memory that is mapped already gets a second user. */
#include <errno.h>
#include <stdbool.h>

#include "bench.h"
#include "iommufd_lib.h"
#include "uapi.h"

#define CALLS	100

static int open_filled(struct bench *b, const struct bench_case *c)
{
	return memory_get(&b->memory, c->kind, b->size) ?:
	       b->api->open(&b->space, b->bdf) ?:
	       bench_check(b->api->map(&b->space, BENCH_IOVA, b->memory.va,
				       b->size), "map %zu bytes", b->size);
}

static int hwpt_alloc(struct bench *b, __u32 *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = b->space.device.devid,
		.pt_id = b->space.ioas,
	};
	int ret = bench_ioctl(b->space.fd, IOMMU_HWPT_ALLOC, &alloc);

	*hwpt = alloc.out_hwpt_id;
	return ret;
}

static int destroy(struct bench *b, __u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return bench_ioctl(b->space.fd, IOMMU_DESTROY, &destroy);
}

static int attach(struct bench *b, __u32 pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};

	return bench_ioctl(b->space.device.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			   &attach);
}

static int second_hwpt(struct bench *b, const struct bench_case *c)
{
	unsigned long pages = b->size / BENCH_PAGE;
	__u32 hwpt;
	__u64 start;
	int ret;

	(void)c;
	start = bench_start();
	ret = hwpt_alloc(b, &hwpt);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "second HWPT");
	bench_result(b, "alloc", "per page", start, pages);

	start = bench_start();
	ret = destroy(b, hwpt);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "destroy the second HWPT");
	bench_result(b, "destroy", "per page", start, pages);
	return 0;
}

static int prepare_copy(struct bench *b, const struct bench_case *c)
{
	return open_filled(b, c) ?:
	       iommufd_ioas_alloc(b->space.fd, &b->other_ioas) ?:
	       iommufd_hwpt_alloc(b->space.fd, b->space.device.devid,
				  b->other_ioas, 0, &b->hwpt);
}

static int copy_all(struct bench *b, const struct bench_case *c)
{
	unsigned long pages = b->size / BENCH_PAGE;
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = DMA_READ_WRITE | IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = b->other_ioas,
		.src_ioas_id = b->space.ioas,
		.length = b->size,
		.dst_iova = BENCH_IOVA,
		.src_iova = BENCH_IOVA,
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = b->other_ioas,
		.iova = BENCH_IOVA,
		.length = b->size,
	};
	__u64 start;
	int ret;

	(void)c;
	start = bench_start();
	ret = bench_ioctl(b->space.fd, IOMMU_IOAS_COPY, &copy);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "copy %zu bytes", b->size);
	bench_result(b, "copy", "per page", start, pages);

	start = bench_start();
	ret = bench_ioctl(b->space.fd, IOMMU_IOAS_UNMAP, &unmap);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap a copy of %zu bytes", b->size);
	bench_result(b, "unmap", "per page", start, pages);
	return 0;
}

/* The other IOAS shares the memory, and has no HWPT while nobody is attached. */
static int prepare_replace(struct bench *b, const struct bench_case *c)
{
	return open_filled(b, c) ?:
	       iommufd_ioas_alloc(b->space.fd, &b->other_ioas) ?:
	       iommufd_copy_at(b->space.fd, b->other_ioas, BENCH_IOVA,
			       b->space.ioas, BENCH_IOVA, b->size,
			       DMA_READ_WRITE);
}

/* Makes the HWPT of the one IOAS, and takes down that of the other. */
static int replace_ioas(struct bench *b, const struct bench_case *c)
{
	unsigned long pages = b->size / BENCH_PAGE;
	__u64 start;
	int ret;

	(void)c;
	start = bench_start();
	ret = attach(b, b->other_ioas);
	if (!ret)
		ret = attach(b, b->space.ioas);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "replace an IOAS");
	bench_result(b, "ioas", "per page", start, 2 * pages);
	return 0;
}

static int prepare_hwpts(struct bench *b, const struct bench_case *c)
{
	return open_filled(b, c) ?:
	       iommufd_hwpt_alloc(b->space.fd, b->space.device.devid,
				  b->space.ioas, 0, &b->hwpt) ?:
	       iommufd_hwpt_alloc(b->space.fd, b->space.device.devid,
				  b->space.ioas, 0, &b->id);
}

static int replace_hwpt(struct bench *b, const struct bench_case *c)
{
	int ret = 0;
	__u64 start;

	(void)c;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++)
		ret = attach(b, i % 2 ? b->id : b->hwpt);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "replace a HWPT");
	bench_result(b, "hwpt", "per call", start, CALLS);
	return 0;
}

/* Without a HWPT nothing is pinned: an attach is a map of all that is there. */
static int reattach(struct bench *b, const struct bench_case *c)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};
	unsigned long pages = b->size / BENCH_PAGE;
	__u64 start;
	int ret;

	(void)c;
	start = bench_start();
	ret = bench_ioctl(b->space.device.fd, VFIO_DEVICE_DETACH_IOMMUFD_PT,
			  &detach);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "detach");
	bench_result(b, "detach", "per page", start, pages);

	start = bench_start();
	ret = attach(b, b->space.ioas);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "attach to a filled IOAS");
	bench_result(b, "attach", "per page", start, pages);
	return 0;
}

#define DOMAIN_CASE(name_, title_, kind_, prepare_, measure_, flags_) {	\
	.name = name_, .title = title_, .kind = kind_,			\
	.flags = CASE_IOMMUFD | (flags_),				\
	.prepare = prepare_, .measure = measure_,			\
}

const struct bench_case domain_cases[] = {
	DOMAIN_CASE("second-hwpt-4k", "second HWPT of an IOAS, 4 KiB pages",
		    MEMORY_ANON, open_filled, second_hwpt, CASE_QUICK),
	DOMAIN_CASE("second-hwpt-scattered",
		    "second HWPT of an IOAS, 4 KiB pages, scattered",
		    MEMORY_SCATTERED, open_filled, second_hwpt, CASE_QUICK),
	DOMAIN_CASE("second-hwpt-thp", "second HWPT of an IOAS, huge pages",
		    MEMORY_THP, open_filled, second_hwpt, CASE_QUICK),
	DOMAIN_CASE("copy-4k", "copy to another IOAS with a HWPT, 4 KiB pages",
		    MEMORY_ANON, prepare_copy, copy_all, CASE_QUICK),
	DOMAIN_CASE("copy-thp", "copy to another IOAS with a HWPT, huge pages",
		    MEMORY_THP, prepare_copy, copy_all, CASE_QUICK),
	DOMAIN_CASE("copy-scattered",
		    "copy to another IOAS with a HWPT, 4 KiB pages, scattered",
		    MEMORY_SCATTERED, prepare_copy, copy_all, 0),
	DOMAIN_CASE("attach-4k", "the only device of a filled IOAS, 4 KiB pages",
		    MEMORY_ANON, open_filled, reattach, 0),
	DOMAIN_CASE("attach-thp", "the only device of a filled IOAS, huge pages",
		    MEMORY_THP, open_filled, reattach, 0),
	DOMAIN_CASE("replace-4k", "replace an IOAS by a copy, 4 KiB pages",
		    MEMORY_ANON, prepare_replace, replace_ioas, 0),
	DOMAIN_CASE("replace-thp", "replace an IOAS by a copy, huge pages",
		    MEMORY_THP, prepare_replace, replace_ioas, 0),
	DOMAIN_CASE("replace", "replace a HWPT by another of the IOAS",
		    MEMORY_ANON, prepare_hwpts, replace_hwpt, 0),
	{ }
};
