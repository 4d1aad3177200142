// SPDX-License-Identifier: GPL-2.0-only
/* Cases: single pages, on their own and among many mapped areas. */
#include <errno.h>
#include <stdbool.h>

#include "bench.h"
#include "uapi.h"

#define CALLS		1000
#define FEW_CALLS	64
#define FEWER_CALLS	4
#define MANY_AREAS	100000

/* Apart from each other: every other page of IOVA */
#define STRIDE		(2 * BENCH_PAGE)

static void *page(struct bench *b, unsigned long index)
{
	return (char *)b->memory.va + index * BENCH_PAGE % b->memory.size;
}

static int get_pages(struct bench *b, const struct bench_case *c)
{
	return memory_get(&b->memory, c->kind, b->size);
}

static int open_space(struct bench *b, const struct bench_case *c)
{
	return get_pages(b, c) ?: b->api->open(&b->space, b->bdf);
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

/* In an empty space */
static int single(struct bench *b, const struct bench_case *c)
{
	__u64 iova = BENCH_IOVA;
	int ret = 0;
	__u64 start;

	(void)c;
	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++)
		ret = b->api->map(&b->space, iova + i * STRIDE, page(b, i),
				  BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map one page");
	bench_result(b, "map", "per call", start, CALLS);

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++)
		ret = b->api->unmap(&b->space, iova + i * STRIDE, BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap one page");
	bench_result(b, "unmap", "per call", start, CALLS);

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++) {
		ret = b->api->map(&b->space, iova + i * STRIDE, page(b, i),
				  BENCH_PAGE);
		if (!ret)
			ret = b->api->unmap(&b->space, iova + i * STRIDE,
					    BENCH_PAGE);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map and unmap one page");
	bench_result(b, "pair", "per pair", start, CALLS);
	return 0;
}

/*
 * Areas of one page, without a gap, from where the kernel chooses its first
 * IOVA: a search for a free one has to pass all of them.
 */
static int prepare_areas(struct bench *b, const struct bench_case *c)
{
	int ret = open_space(b, c);

	if (ret)
		return ret;
	b->iova = BENCH_IOVA;
	if (b->api->map_anywhere) {
		ret = b->api->map_anywhere(&b->space, &b->iova, page(b, 0),
					   BENCH_PAGE);
		if (!ret)
			ret = b->api->unmap(&b->space, b->iova, BENCH_PAGE);
		if (ret)
			return bench_check(ret, "map one page anywhere");
	}
	return fill(b, b->iova, BENCH_PAGE, c->count);
}

/* Areas that are spread evenly over all that there are */
static __u64 spread(const struct bench *b, const struct bench_case *c,
		    unsigned int call)
{
	__u64 index = call % c->count;

	if (c->count > CALLS)
		index = (__u64)call * c->count / CALLS;
	return b->iova + index * BENCH_PAGE;
}

static int anywhere(struct bench *b, const struct bench_case *c)
{
	/* A linear search among that many takes tens of millions each. */
	unsigned int calls = c->count < MANY_AREAS ? FEW_CALLS : FEWER_CALLS;
	__u64 iova[FEW_CALLS];
	int ret = 0;
	__u64 start;

	start = bench_start();
	for (unsigned int i = 0; !ret && i < calls; i++)
		ret = b->api->map_anywhere(&b->space, &iova[i], page(b, i),
					   BENCH_PAGE);
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "map one page at an automatic IOVA");
	bench_result(b, "map-auto", "per call", start, calls);
	for (unsigned int i = 0; !ret && i < calls; i++)
		ret = b->api->unmap(&b->space, iova[i], BENCH_PAGE);
	return bench_check(ret, "unmap one page");
}

/* The number of areas is the same before and after each part. */
static int areas(struct bench *b, const struct bench_case *c)
{
	int ret = 0;
	__u64 start;

	if (c->count >= CALLS) {
		start = bench_start();
		for (unsigned int i = 0; !ret && i < CALLS; i++)
			ret = b->api->unmap(&b->space, spread(b, c, i),
					    BENCH_PAGE);
		start = bench_stop(start);
		if (ret)
			return bench_check(ret, "unmap one page");
		bench_result(b, "unmap", "per call", start, CALLS);

		start = bench_start();
		for (unsigned int i = 0; !ret && i < CALLS; i++)
			ret = b->api->map(&b->space, spread(b, c, i),
					  page(b, i), BENCH_PAGE);
		start = bench_stop(start);
		if (ret)
			return bench_check(ret, "map one page");
		bench_result(b, "map", "per call", start, CALLS);
	}

	start = bench_start();
	for (unsigned int i = 0; !ret && i < CALLS; i++) {
		ret = b->api->unmap(&b->space, spread(b, c, i), BENCH_PAGE);
		if (!ret)
			ret = b->api->map(&b->space, spread(b, c, i),
					  page(b, i), BENCH_PAGE);
	}
	start = bench_stop(start);
	if (ret)
		return bench_check(ret, "unmap and map one page");
	bench_result(b, "pair", "per pair", start, CALLS);

	return b->api->map_anywhere ? anywhere(b, c) : 0;
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

#define AREAS_CASE(name_, title_, count_, flags_) {			\
	.name = name_, .title = title_, .count = count_, .flags = flags_, \
	.prepare = prepare_areas, .measure = areas,			\
}

const struct bench_case area_cases[] = {
	{
		.name = "single", .title = "one 4 KiB page at a fixed IOVA",
		.flags = CASE_QUICK,
		.prepare = open_space, .measure = single,
	},
	AREAS_CASE("areas-1", "one 4 KiB page, 1 area", 1, 0),
	AREAS_CASE("areas-100", "one 4 KiB page, 100 areas", 100, 0),
	AREAS_CASE("areas-1k", "one 4 KiB page, 1 thousand areas", 1000,
		   CASE_QUICK),
	AREAS_CASE("areas-16k", "one 4 KiB page, 16 thousand areas", 16000,
		   CASE_QUICK),
	AREAS_CASE("areas-100k", "one 4 KiB page, 100 thousand areas", 100000, 0),
	AREAS_CASE("areas-1m", "one 4 KiB page, 1 million areas", 1000000, 0),
	{
		.name = "clear-16k",
		.title = "16 thousand areas of 4 KiB in one call",
		.count = 16000, .prepare = get_pages, .measure = unmap_all,
	},
	{ }
};
