// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "bench.h"
#include "bench_memory.h"
#include "clock.h"
#include "uapi.h"

#define HUGE_PAGE	(2UL << 20)

/* The number behind @name in the file @path, or -1. */
static long figure(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	long value = -1;
	char line[128];

	while (file && value < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) &&
		    (line[length] == ':' || line[length] == ' '))
			value = strtol(line + length + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

static long meminfo_kib(const char *name)
{
	return figure("/proc/meminfo", name);
}

static int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = strlen(text);
	int ret = uapi_result(fd, "open %s", path);

	if (ret)
		return ret;
	ret = uapi_result(write(fd, text, length) == length ? 0 : -1,
			  "write %s to %s", text, path);
	close(fd);
	return ret;
}

static void touch(struct memory *memory)
{
	for (size_t offset = 0; offset < memory->size; offset += BENCH_PAGE)
		((volatile char *)memory->va)[offset] = 1;
}

/* So that pages that follow each other do not lie next to each other. */
static int touch_shuffled(struct memory *memory, size_t page_size)
{
	size_t count = memory->size / page_size;
	unsigned int *order = malloc(count * sizeof(*order));
	__u64 random = 1;

	if (!order)
		return uapi_fail(ENOMEM, "memory to shuffle %zu pages", count);
	for (size_t i = 0; i < count; i++) {
		size_t j;

		/* Knuth's MMIX generator: the same order in every run */
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (random >> 33) % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < count; i++)
		((volatile char *)memory->va)[order[i] * page_size] = 1;
	free(order);
	return 0;
}

static int map_anonymous(struct memory *memory, bool huge)
{
	void *mapping;
	int ret;

	mapping = mmap(NULL, memory->size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ret = uapi_result(mapping == MAP_FAILED ? -1 : 0, "mmap %zu bytes",
			  memory->size);
	if (ret)
		return ret;
	memory->mapping = mapping;
	memory->mapping_size = memory->size + HUGE_PAGE;
	memory->va = (void *)(((unsigned long)mapping + HUGE_PAGE - 1) &
			      ~(HUGE_PAGE - 1));
	ret = madvise(memory->va, memory->size,
		      huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	/* A kernel without THP has only small pages. */
	return huge ? uapi_result(ret, "madvise MADV_HUGEPAGE") : 0;
}

static int get_thp(struct memory *memory, bool shuffled)
{
	long before = meminfo_kib("AnonHugePages");
	int ret = map_anonymous(memory, true);
	long got;

	if (!ret && shuffled)
		ret = touch_shuffled(memory, HUGE_PAGE);
	if (ret)
		return ret;
	touch(memory);
	got = meminfo_kib("AnonHugePages") - before;
	if (before < 0 || got < (long)(memory->size >> 10))
		return uapi_fail(ENOMEM, "%ld of %zu KiB are transparent huge pages",
				 got, memory->size >> 10);
	return 0;
}

static int map_shared(struct memory *memory, int flags)
{
	void *mapping = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
			     flags, memory->fd, 0);
	int ret = uapi_result(mapping == MAP_FAILED ? -1 : 0,
			      "mmap %zu bytes, flags 0x%x", memory->size, flags);

	if (ret)
		return ret;
	memory->mapping = mapping;
	memory->mapping_size = memory->size;
	memory->va = mapping;
	return 0;
}

static int get_memfd(struct memory *memory, unsigned int flags)
{
	int ret;

	memory->fd = memfd_create("iommu-bench", MFD_CLOEXEC | flags);
	ret = uapi_result(memory->fd, "memfd_create flags 0x%x", flags);
	if (!ret)
		ret = uapi_result(ftruncate(memory->fd, memory->size),
				  "ftruncate memfd to %zu bytes", memory->size);
	return ret ?: map_shared(memory, MAP_SHARED);
}

static int get(struct memory *memory, enum memory_kind kind)
{
	int ret;

	switch (kind) {
	case MEMORY_ANON:
		ret = map_anonymous(memory, false);
		break;
	case MEMORY_SCATTERED:
		return map_anonymous(memory, false) ?: touch_shuffled(memory, BENCH_PAGE);
	case MEMORY_UNTOUCHED:
		return map_anonymous(memory, false);
	case MEMORY_THP:
		return get_thp(memory, false);
	case MEMORY_THP_SCATTERED:
		return get_thp(memory, true);
	case MEMORY_HUGETLB:
		ret = map_shared(memory, MAP_PRIVATE | MAP_ANONYMOUS |
				 MAP_HUGETLB | MAP_HUGE_2MB);
		break;
	case MEMORY_MEMFD:
		ret = get_memfd(memory, 0);
		break;
	case MEMORY_MEMFD_SCATTERED:
		return get_memfd(memory, 0) ?: touch_shuffled(memory, BENCH_PAGE);
	case MEMORY_MEMFD_HUGETLB:
		ret = get_memfd(memory, MFD_HUGETLB | MFD_HUGE_2MB);
		break;
	default:
		return uapi_fail(EINVAL, "memory of kind %d", kind);
	}
	if (!ret)
		touch(memory);
	return ret;
}

bool memory_is(const struct memory *memory, enum memory_kind kind, size_t size)
{
	return memory->va && memory->kind == kind && memory->size == size &&
	       kind != MEMORY_UNTOUCHED;
}

/* The page frames of @count pages from @va on; false where nobody says, as to users. */
static bool frames_of(const void *va, __u64 *frames, size_t count)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t want = count * sizeof(*frames);
	bool told = pread(fd, frames, want,
			  (unsigned long)va / BENCH_PAGE * sizeof(*frames)) == want;

	close(fd);
	for (size_t i = 0; told && i < count; i++) {
		frames[i] &= (1ULL << 55) - 1;
		told = frames[i];
	}
	return told;
}

/* How many pages lie right behind the one before; -1 where nobody says. */
static long adjoining(const struct memory *memory)
{
	__u64 frames[512], last = 0;
	long found = 0;

	for (size_t offset = 0; offset < memory->size; offset += HUGE_PAGE) {
		if (!frames_of(memory->va + offset, frames, 512))
			return -1;
		for (size_t i = 0; i < 512; last = frames[i++])
			found += frames[i] == last + 1;
	}
	return found;
}

struct place {
	__u64 frame;
	void *va;
};

static int highest_first(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	return left->frame < right->frame ? 1 : -1;
}

/*
 * What is given back last is handed out first: so the pages follow each other, as
 * far as those that the kernel had do.
 */
static void sort_pages(struct memory *memory, size_t page_size)
{
	size_t count = memory->size / page_size, i;
	struct place *places = malloc(count * sizeof(*places));

	for (i = 0; places && i < count; i++) {
		places[i].va = memory->va + i * page_size;
		if (!frames_of(places[i].va, &places[i].frame, 1))
			break;
	}
	if (places && i == count) {
		qsort(places, count, sizeof(*places), highest_first);
		for (i = 0; i < count; i++)
			madvise(places[i].va, page_size, MADV_DONTNEED);
		touch(memory);
	}
	free(places);
}

/* Larger memory is not worth the time */
#define RETRIES_SIZE	(64UL << 20)

static int get_once(struct memory *memory, enum memory_kind kind, size_t size)
{
	int ret;

	/* How contiguous it gets is not up to what was there before. */
	if (put_text("/proc/sys/vm/compact_memory", "1"))
		trace("free memory is as it is");
	memory->kind = kind;
	memory->size = size;
	ret = get(memory, kind);
	if (ret)
		memory_put(memory);
	else if (kind == MEMORY_THP && size <= RETRIES_SIZE)
		sort_pages(memory, HUGE_PAGE);
	else if (kind == MEMORY_ANON && size <= RETRIES_SIZE)
		sort_pages(memory, BENCH_PAGE);
	return ret;
}

static bool is_left_to_the_kernel(enum memory_kind kind)
{
	return kind == MEMORY_ANON || kind == MEMORY_THP ||
	       kind == MEMORY_HUGETLB || kind == MEMORY_MEMFD ||
	       kind == MEMORY_MEMFD_HUGETLB;
}

/*
 * Nothing of a try can be kept for later: so many are made to see what can be had,
 * then so many more, until one is as good.
 */
#define TRIES		3
#define TRIES_MORE	3

int memory_get(struct memory *memory, enum memory_kind kind, size_t size)
{
	long best = 0, now;
	int ret;

	if (memory_is(memory, kind, size))
		return 0;
	memory_put(memory);
	for (int tries = 1;; tries++) {
		ret = get_once(memory, kind, size);
		if (ret || size > RETRIES_SIZE || !is_left_to_the_kernel(kind))
			return ret;
		now = adjoining(memory);
		if (now < 0 || (tries > TRIES && now >= best) ||
		    tries == TRIES + TRIES_MORE)
			return 0;
		if (now > best)
			best = now;
		memory_put(memory);
	}
}

void memory_put(struct memory *memory)
{
	if (memory->mapping)
		munmap(memory->mapping, memory->mapping_size);
	if (memory->mapping || memory->fd > 0)
		close(memory->fd);
	*memory = (struct memory){ .fd = -1 };
}

long memory_available_kib(void)
{
	return meminfo_kib("MemAvailable");
}

bool memory_is_reserved(enum memory_kind kind)
{
	return kind == MEMORY_HUGETLB || kind == MEMORY_MEMFD_HUGETLB;
}

#define CGROUPS	"/sys/fs/cgroup"
#define GROUP	CGROUPS "/iommu-bench"

static bool counting;

int memory_count(void)
{
	int ret = put_text(CGROUPS "/cgroup.subtree_control", "+memory");

	if (!ret && mkdir(GROUP, 0755) && errno != EEXIST)
		ret = uapi_result(-1, "mkdir " GROUP);
	if (!ret)
		ret = put_text(GROUP "/cgroup.procs", "0");
	counting = !ret;
	return ret;
}

void memory_uncount(void)
{
	if (counting && !put_text(CGROUPS "/cgroup.procs", "0"))
		rmdir(GROUP);
	counting = false;
}

struct memory_kept memory_kept(void)
{
	static const char stat[] = GROUP "/memory.stat";
	long charged;

	/* The kernel adds up what groups were charged every two seconds. */
	sleep_ms(5000);
	/* Have every CPU add what it counted; the content does not matter. */
	put_text("/proc/sys/vm/stat_refresh", "1");
	charged = figure(stat, "kernel") - figure(stat, "sec_pagetables") -
		  figure(stat, "pagetables");
	return (struct memory_kept){
		.kept = (meminfo_kib("Slab") + meminfo_kib("VmallocUsed")) << 10,
		.charged = charged,
		.tables = meminfo_kib("SecPageTables") << 10,
	};
}
