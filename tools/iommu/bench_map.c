// SPDX-License-Identifier: GPL-2.0-only
/* Cases: map and unmap much memory at once, kind by kind. */
#include <errno.h>
#include <stdbool.h>

#include "bench.h"
#include "uapi.h"

static int get_memory(struct bench *b, const struct bench_case *c)
{
	return memory_get(&b->memory, c->kind, b->size);
}

/*
 * Each pass has an IO address space of its own: the map also makes the IO page
 * table's lower levels.
 */
static int map_and_unmap(struct bench *b, const struct bench_case *c)
{
	unsigned long pages = b->size / BENCH_PAGE;
	__u64 start;
	int ret;

	if (c->kind == MEMORY_UNTOUCHED) {
		ret = get_memory(b, c);
		if (ret)
			return ret;
	}
	ret = b->api->open(&b->space, b->bdf);
	if (ret)
		return ret;

	start = bench_start();
	if (c->flags & CASE_FILE)
		ret = b->api->map_file(&b->space, BENCH_IOVA, b->memory.fd,
				       b->size);
	else
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
	b->api->close(&b->space);
	return 0;
}

#define MAP_CASE(name_, title_, kind_, flags_) {			\
	.name = name_, .title = title_, .kind = kind_,			\
	.flags = CASE_BULK | (flags_),					\
	.prepare = get_memory, .measure = map_and_unmap,		\
}

#define SIZE_CASE(name_, title_, kind_, size_) {			\
	.name = "size-" name_, .title = title_, .kind = kind_,		\
	.size = size_, .flags = CASE_SIZES,				\
	.prepare = get_memory, .measure = map_and_unmap,		\
}

const struct bench_case map_cases[] = {
	MAP_CASE("anon-4k", "anonymous 4 KiB pages",
		 MEMORY_ANON, CASE_QUICK),
	MAP_CASE("anon-4k-scattered", "anonymous 4 KiB pages, scattered",
		 MEMORY_SCATTERED, CASE_QUICK),
	MAP_CASE("anon-thp", "anonymous memory in transparent huge pages",
		 MEMORY_THP, CASE_QUICK),
	MAP_CASE("anon-thp-scattered", "transparent huge pages, scattered",
		 MEMORY_THP_SCATTERED, CASE_QUICK),
	MAP_CASE("hugetlb", "2 MiB pages of hugetlbfs",
		 MEMORY_HUGETLB, CASE_QUICK),
	MAP_CASE("memfd-4k", "a memfd's 4 KiB pages by address",
		 MEMORY_MEMFD, CASE_QUICK),
	MAP_CASE("memfd-4k-file", "a memfd's 4 KiB pages by file",
		 MEMORY_MEMFD, CASE_QUICK | CASE_IOMMUFD | CASE_FILE),
	MAP_CASE("memfd-4k-scattered", "a memfd's 4 KiB pages by address, scattered",
		 MEMORY_MEMFD_SCATTERED, 0),
	MAP_CASE("memfd-4k-file-scattered", "a memfd's 4 KiB pages by file, scattered",
		 MEMORY_MEMFD_SCATTERED, CASE_IOMMUFD | CASE_FILE),
	MAP_CASE("memfd-hugetlb", "a memfd's 2 MiB pages by address",
		 MEMORY_MEMFD_HUGETLB, CASE_QUICK),
	MAP_CASE("memfd-hugetlb-file", "a memfd's 2 MiB pages by file",
		 MEMORY_MEMFD_HUGETLB, CASE_QUICK | CASE_IOMMUFD | CASE_FILE),
	MAP_CASE("first-touch", "anonymous 4 KiB pages that are not there yet",
		 MEMORY_UNTOUCHED, 0),
	SIZE_CASE("2m-4k", "2 MiB in 4 KiB pages", MEMORY_ANON, 2UL << 20),
	SIZE_CASE("2m-thp", "2 MiB in huge pages", MEMORY_THP, 2UL << 20),
	SIZE_CASE("16m-4k", "16 MiB in 4 KiB pages", MEMORY_ANON, 16UL << 20),
	SIZE_CASE("16m-thp", "16 MiB in huge pages", MEMORY_THP, 16UL << 20),
	SIZE_CASE("128m-4k", "128 MiB in 4 KiB pages", MEMORY_ANON, 128UL << 20),
	SIZE_CASE("128m-thp", "128 MiB in huge pages", MEMORY_THP, 128UL << 20),
	SIZE_CASE("1g-4k", "1 GiB in 4 KiB pages", MEMORY_ANON, 1024UL << 20),
	SIZE_CASE("1g-thp", "1 GiB in huge pages", MEMORY_THP, 1024UL << 20),
	SIZE_CASE("8g-4k", "8 GiB in 4 KiB pages", MEMORY_ANON, 8192UL << 20),
	SIZE_CASE("8g-thp", "8 GiB in huge pages", MEMORY_THP, 8192UL << 20),
	{ }
};
