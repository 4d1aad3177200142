// SPDX-License-Identifier: GPL-2.0-only
/* Cases: what the kernel keeps allocated for what is mapped. */
#include <errno.h>
#include <stdbool.h>

#include "bench.h"
#include "uapi.h"

#define COST_SIZE	(256UL << 20)
#define GIB		(1024UL << 20)
#define AREAS		20000

/* Enough that what a slab holds in reserve is lost in it */
#define SMALL_PAGE_MAPS	4
#define HUGE_PAGE_MAPS	32

static int prepare_cost(struct bench *b, const struct bench_case *c)
{
	b->iova = BENCH_IOVA;
	return memory_count() ?:
	       memory_get(&b->memory, c->kind, b->size) ?:
	       b->api->open(&b->space, b->bdf);
}

static void report(struct bench *b, const struct memory_kept *before,
		   const char *unit, unsigned long scale, unsigned long count)
{
	struct memory_kept now = memory_kept();
	long kept = now.kept - before->kept;
	long charged = now.charged - before->charged;
	long tables = now.tables - before->tables;

	/* Not all is charged; not all that is charged is slab or vmalloc. */
	if (charged > kept)
		kept = charged;
	bench_result(b, "kept", unit, kept > 0 ? kept * scale : 0, count);
	bench_result(b, "IO tables", unit, tables > 0 ? tables * scale : 0,
		     count);
}

/*
 * Each pass adds to what is mapped: what the kernel had at hand, the warm-up
 * pass has taken.
 */
static int cost(struct bench *b, const struct bench_case *c)
{
	struct memory_kept before = memory_kept();
	int ret = 0;

	for (unsigned int i = 0; !ret && i < c->count; i++) {
		if (c->flags & CASE_FILE)
			ret = b->api->map_file(&b->space, b->iova, b->memory.fd,
					       b->size);
		else
			ret = b->api->map(&b->space, b->iova, b->memory.va,
					  b->size);
		b->iova += b->size;
	}
	if (ret)
		return bench_check(ret, "map %zu bytes", b->size);
	report(b, &before, "bytes per GiB", GIB / BENCH_PAGE,
	       c->count * b->size / BENCH_PAGE);
	return 0;
}

static int cost_of_areas(struct bench *b, const struct bench_case *c)
{
	struct memory_kept before = memory_kept();
	int ret = 0;

	for (unsigned int i = 0; !ret && i < c->count; i++) {
		size_t offset = i * BENCH_PAGE % b->size;

		ret = b->api->map(&b->space, b->iova,
				  (char *)b->memory.va + offset, BENCH_PAGE);
		b->iova += 2 * BENCH_PAGE;
	}
	if (ret)
		return bench_check(ret, "map one page");
	report(b, &before, "bytes per area", 1, c->count);
	return 0;
}

#define COST_CASE(name_, title_, kind_, count_, flags_) {		\
	.name = "memory-" name_, .title = "kernel memory: " title_,	\
	.kind = kind_, .count = count_, .flags = flags_, .size = COST_SIZE, \
	.prepare = prepare_cost, .measure = cost,			\
}

const struct bench_case cost_cases[] = {
	COST_CASE("4k", "4 KiB pages", MEMORY_ANON, SMALL_PAGE_MAPS, 0),
	COST_CASE("scattered", "4 KiB pages, scattered",
		  MEMORY_SCATTERED, SMALL_PAGE_MAPS, 0),
	COST_CASE("thp", "transparent huge pages",
		  MEMORY_THP, HUGE_PAGE_MAPS, 0),
	COST_CASE("thp-scattered", "transparent huge pages, scattered",
		  MEMORY_THP_SCATTERED, HUGE_PAGE_MAPS, 0),
	COST_CASE("hugetlb", "2 MiB pages of hugetlbfs",
		  MEMORY_HUGETLB, HUGE_PAGE_MAPS, 0),
	COST_CASE("memfd-4k-file", "a memfd's 4 KiB pages by file",
		  MEMORY_MEMFD, SMALL_PAGE_MAPS, CASE_IOMMUFD | CASE_FILE),
	COST_CASE("memfd-hugetlb-file", "a memfd's 2 MiB pages by file",
		  MEMORY_MEMFD_HUGETLB, HUGE_PAGE_MAPS,
		  CASE_IOMMUFD | CASE_FILE),
	{
		.name = "memory-areas",
		.title = "kernel memory: areas of one page",
		.count = AREAS, .prepare = prepare_cost, .measure = cost_of_areas,
	},
	{ }
};
