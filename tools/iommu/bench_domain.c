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

/*
 * Without any HWPT nothing is pinned: then an attach is a map of all that is
 * there.
 */
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

/* The IOAS has another HWPT: the one that a detach takes down is not the last. */
static int prepare_detach(struct bench *b, const struct bench_case *c)
{
	return open_filled(b, c) ?:
	       iommufd_hwpt_alloc(b->space.fd, b->space.device.devid,
				  b->space.ioas, 0, &b->hwpt);
}

static int get_memory(struct bench *b, const struct bench_case *c)
{
	return memory_get(&b->memory, c->kind, b->size);
}

/* As many HWPTs as @c says; each pass makes their lower levels anew. */
static int fill_hwpts(struct bench *b, const struct bench_case *c)
{
	unsigned long pages = b->size / BENCH_PAGE;
	int ret = b->api->open(&b->space, b->bdf);
	__u64 start;

	for (unsigned int i = 1; !ret && i < c->count; i++)
		ret = iommufd_hwpt_alloc(b->space.fd, b->space.device.devid,
					 b->space.ioas, 0, &b->hwpt);
	if (ret)
		return ret;

	start = bench_start();
	ret = b->api->map(&b->space, BENCH_IOVA, b->memory.va, b->size);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map %zu bytes", b->size);
	bench_result(b, "map", "per page", start, pages);

	start = bench_start();
	ret = b->api->unmap(&b->space, BENCH_IOVA, b->size);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap %zu bytes", b->size);
	bench_result(b, "unmap", "per page", start, pages);

	/* One page is a small one. */
	if (c->kind != MEMORY_ANON)
		goto out_close;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++) {
		ret = b->api->map(&b->space, BENCH_IOVA, b->memory.va, BENCH_PAGE);
		if (!ret)
			ret = b->api->unmap(&b->space, BENCH_IOVA, BENCH_PAGE);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map and unmap one page");
	bench_result(b, "pair", "per pair", start, CALLS);
out_close:
	b->api->close(&b->space);
	return 0;
}

#define HWPTS_CASE(name_, title_, kind_, count_) {			\
	.name = "hwpts-" name_, .title = title_, .kind = kind_,		\
	.count = count_, .flags = CASE_IOMMUFD,				\
	.prepare = get_memory, .measure = fill_hwpts,			\
}

#define DOMAIN_CASE(name_, title_, kind_, prepare_, measure_, flags_) {	\
	.name = name_, .title = title_, .kind = kind_,			\
	.flags = CASE_IOMMUFD | (flags_),				\
	.prepare = prepare_, .measure = measure_,			\
}

/* Those of one kind of memory follow each other: they share it. */
const struct bench_case domain_cases[] = {
	DOMAIN_CASE("second-hwpt-4k", "second HWPT of an IOAS, 4 KiB pages",
		    MEMORY_ANON, open_filled, second_hwpt, CASE_QUICK | CASE_BULK),
	DOMAIN_CASE("copy-4k", "copy to another IOAS with a HWPT, 4 KiB pages",
		    MEMORY_ANON, prepare_copy, copy_all, CASE_QUICK | CASE_BULK),
	DOMAIN_CASE("attach-4k", "the only device of a filled IOAS, 4 KiB pages",
		    MEMORY_ANON, open_filled, reattach, CASE_BULK),
	DOMAIN_CASE("detach-4k", "one of two HWPTs of an IOAS, 4 KiB pages",
		    MEMORY_ANON, prepare_detach, reattach, CASE_BULK),
	DOMAIN_CASE("replace-4k", "replace an IOAS by a copy, 4 KiB pages",
		    MEMORY_ANON, prepare_replace, replace_ioas, CASE_BULK),
	DOMAIN_CASE("replace", "replace a HWPT by another of the IOAS",
		    MEMORY_ANON, prepare_hwpts, replace_hwpt, 0),
	DOMAIN_CASE("second-hwpt-scattered",
		    "second HWPT of an IOAS, 4 KiB pages, scattered",
		    MEMORY_SCATTERED, open_filled, second_hwpt,
		    CASE_QUICK | CASE_BULK),
	DOMAIN_CASE("copy-scattered",
		    "copy to another IOAS with a HWPT, 4 KiB pages, scattered",
		    MEMORY_SCATTERED, prepare_copy, copy_all, CASE_BULK),
	DOMAIN_CASE("second-hwpt-thp", "second HWPT of an IOAS, huge pages",
		    MEMORY_THP, open_filled, second_hwpt, CASE_QUICK | CASE_BULK),
	DOMAIN_CASE("copy-thp", "copy to another IOAS with a HWPT, huge pages",
		    MEMORY_THP, prepare_copy, copy_all, CASE_QUICK | CASE_BULK),
	DOMAIN_CASE("attach-thp", "the only device of a filled IOAS, huge pages",
		    MEMORY_THP, open_filled, reattach, CASE_BULK),
	DOMAIN_CASE("detach-thp", "one of two HWPTs of an IOAS, huge pages",
		    MEMORY_THP, prepare_detach, reattach, CASE_BULK),
	DOMAIN_CASE("replace-thp", "replace an IOAS by a copy, huge pages",
		    MEMORY_THP, prepare_replace, replace_ioas, CASE_BULK),
	DOMAIN_CASE("second-hwpt-thp-scattered",
		    "second HWPT of an IOAS, huge pages, scattered",
		    MEMORY_THP_SCATTERED, open_filled, second_hwpt, CASE_BULK),
	DOMAIN_CASE("copy-thp-scattered",
		    "copy to another IOAS with a HWPT, huge pages, scattered",
		    MEMORY_THP_SCATTERED, prepare_copy, copy_all, CASE_BULK),
	HWPTS_CASE("1-4k", "an IOAS with 1 HWPT, 4 KiB pages",
		   MEMORY_ANON, 1),
	HWPTS_CASE("2-4k", "an IOAS with 2 HWPTs, 4 KiB pages",
		   MEMORY_ANON, 2),
	HWPTS_CASE("4-4k", "an IOAS with 4 HWPTs, 4 KiB pages",
		   MEMORY_ANON, 4),
	HWPTS_CASE("8-4k", "an IOAS with 8 HWPTs, 4 KiB pages",
		   MEMORY_ANON, 8),
	HWPTS_CASE("1-thp", "an IOAS with 1 HWPT, huge pages",
		   MEMORY_THP, 1),
	HWPTS_CASE("2-thp", "an IOAS with 2 HWPTs, huge pages",
		   MEMORY_THP, 2),
	HWPTS_CASE("4-thp", "an IOAS with 4 HWPTs, huge pages",
		   MEMORY_THP, 4),
	HWPTS_CASE("8-thp", "an IOAS with 8 HWPTs, huge pages",
		   MEMORY_THP, 8),
	{ }
};
