// SPDX-License-Identifier: GPL-2.0-only
/* Cases: single pages, on their own and among many mapped areas. */
#include <errno.h>
#include <stdbool.h>

#include "bench.h"
#include "uapi.h"

#define CALLS		1000
#define FEW_CALLS	64

/* Areas are one page each, at every other page of IOVA. */
#define STRIDE		(2 * BENCH_PAGE)

static void *page(struct bench *b, unsigned long index)
{
	return (char *)b->memory.va + index * BENCH_PAGE % b->memory.size;
}

static int open_space(struct bench *b)
{
	return memory_get(&b->memory, MEMORY_ANON, b->size) ?:
	       b->api->open(&b->space, b->bdf);
}

static int fill(struct bench *b, __u64 iova, unsigned long stride,
		unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		int ret = b->api->map(&b->space, iova + i * stride, page(b, i),
				      BENCH_PAGE);

		if (ret)
			return bench_check(ret, "map area %u of %u", i, count);
	}
	return 0;
}

/* Between the areas that are there, evenly spread over them. */
static __u64 gap(const struct bench_case *c, unsigned int call)
{
	__u64 index = call;

	if (c->count)
		index = (__u64)call * c->count / CALLS;
	return BENCH_IOVA + index * STRIDE + BENCH_PAGE;
}

static int prepare_single(struct bench *b, const struct bench_case *c)
{
	return open_space(b) ?: fill(b, BENCH_IOVA, STRIDE, c->count);
}

static int single(struct bench *b, const struct bench_case *c)
{
	int ret = 0;
	__u64 start;

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++)
		ret = b->api->map(&b->space, gap(c, i), page(b, i), BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map one page");
	bench_result(b, "map", "per call", start, CALLS);

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++)
		ret = b->api->unmap(&b->space, gap(c, i), BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap one page");
	bench_result(b, "unmap", "per call", start, CALLS);

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++) {
		ret = b->api->map(&b->space, gap(c, i), page(b, i), BENCH_PAGE);
		if (!ret)
			ret = b->api->unmap(&b->space, gap(c, i), BENCH_PAGE);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map and unmap one page");
	bench_result(b, "pair", "per call", start, CALLS);
	return 0;
}

/*
 * Fill from where the kernel chooses its first IOVA, without a gap: one that
 * searches has to pass all of it.
 */
static int prepare_anywhere(struct bench *b, const struct bench_case *c)
{
	int ret = open_space(b);

	if (ret)
		return ret;
	ret = b->api->map_anywhere(&b->space, &b->iova, page(b, 0), BENCH_PAGE);
	if (!ret)
		ret = b->api->unmap(&b->space, b->iova, BENCH_PAGE);
	if (ret)
		return bench_check(ret, "map one page at an automatic IOVA");
	return fill(b, b->iova, BENCH_PAGE, c->count);
}

static int anywhere(struct bench *b, const struct bench_case *c)
{
	__u64 iova[FEW_CALLS];
	int ret = 0;
	__u64 start;

	(void)c;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < FEW_CALLS; i++)
		ret = b->api->map_anywhere(&b->space, &iova[i], page(b, i),
					   BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map one page at an automatic IOVA");
	bench_result(b, "map", "per call", start, FEW_CALLS);
	for (unsigned int i = 0; !ret && i < FEW_CALLS; i++)
		ret = b->api->unmap(&b->space, iova[i], BENCH_PAGE);
	return bench_check(ret, "unmap one page");
}

/* One call takes back many areas, as when a guest's driver starts anew. */
static int unmap_all(struct bench *b, const struct bench_case *c)
{
	int ret = b->api->open(&b->space, b->bdf) ?:
		  fill(b, BENCH_IOVA, STRIDE, c->count);
	__u64 start;

	if (ret)
		return ret;
	start = bench_start();
	ret = b->api->unmap(&b->space, BENCH_IOVA, c->count * STRIDE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap %u areas", c->count);
	bench_result(b, "unmap", "per area", start, c->count);
	b->api->close(&b->space);
	return 0;
}

static int prepare_cost(struct bench *b, const struct bench_case *c)
{
	b->iova = BENCH_IOVA;
	return memory_get(&b->memory, c->kind, b->size) ?:
	       b->api->open(&b->space, b->bdf);
}

/*
 * What stays allocated, IO page tables included. Each pass adds to what is
 * mapped: what the kernel had at hand, the warm-up pass has taken.
 */
static int cost(struct bench *b, const struct bench_case *c)
{
	unsigned long size = c->count ? BENCH_PAGE : b->size;
	unsigned long count = c->count ?: 4;
	long kib = memory_kernel_kib();
	int ret = 0;

	for (unsigned long i = 0; !ret && i < count; i++) {
		ret = b->api->map(&b->space, b->iova,
				  c->count ? page(b, i) : b->memory.va, size);
		b->iova += c->count ? STRIDE : size;
	}
	if (ret)
		return bench_check(ret, "map");
	kib = memory_kernel_kib() - kib;
	bench_result(b, "memory", c->count ? "bytes per area" : "bytes per page",
		     kib > 0 ? kib << 10 : 0, count * size / BENCH_PAGE);
	return 0;
}

static int get_pages(struct bench *b, const struct bench_case *c)
{
	(void)c;
	return memory_get(&b->memory, MEMORY_ANON, b->size);
}

#define SINGLE_CASE(name_, title_, count_, flags_) {			\
	.name = name_, .title = title_, .count = count_, .flags = flags_, \
	.prepare = prepare_single, .measure = single,			\
}

#define ANYWHERE_CASE(name_, title_, count_, flags_) {			\
	.name = name_, .title = title_, .count = count_,		\
	.flags = CASE_IOMMUFD | (flags_),				\
	.prepare = prepare_anywhere, .measure = anywhere,		\
}

const struct bench_case area_cases[] = {
	SINGLE_CASE("single", "one 4 KiB page at a fixed IOVA", 0, CASE_QUICK),
	SINGLE_CASE("single-20k", "the same among 20 thousand areas",
		    20000, 0),
	SINGLE_CASE("single-100k", "the same among 100 thousand areas",
		    100000, 0),
	ANYWHERE_CASE("auto-1k", "one 4 KiB page at an automatic IOVA, 1 thousand areas",
		      1000, CASE_QUICK),
	ANYWHERE_CASE("auto-4k", "the same, 4 thousand areas", 4000, CASE_QUICK),
	ANYWHERE_CASE("auto-16k", "the same, 16 thousand areas", 16000, CASE_QUICK),
	ANYWHERE_CASE("auto-100k", "the same, 100 thousand areas", 100000, CASE_MANY),
	ANYWHERE_CASE("auto-500k", "the same, 500 thousand areas", 500000, CASE_MANY),
	{
		.name = "areas-16k",
		.title = "16 thousand areas of 4 KiB in one call",
		.count = 16000, .prepare = get_pages, .measure = unmap_all,
	},
	{ }
};

#define COST_CASE(name_, title_, kind_, count_) {			\
	.name = name_, .title = title_, .kind = kind_, .count = count_,	\
	.prepare = prepare_cost, .measure = cost,			\
}

const struct bench_case cost_cases[] = {
	COST_CASE("memory-4k", "held by the kernel for mapped 4 KiB pages",
		  MEMORY_ANON, 0),
	COST_CASE("memory-scattered",
		  "held by the kernel for mapped 4 KiB pages, scattered",
		  MEMORY_SCATTERED, 0),
	COST_CASE("memory-thp", "held by the kernel for mapped huge pages",
		  MEMORY_THP, 0),
	COST_CASE("memory-areas", "held by the kernel for areas of one page",
		  MEMORY_ANON, 20000),
	{ }
};
