/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the kinds that programs map for devices. */
#ifndef TOOLS_IOMMU_BENCH_MEMORY_H
#define TOOLS_IOMMU_BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum memory_kind {
	MEMORY_ANON,		/* 4 KiB pages, present, touched in order */
	MEMORY_SCATTERED,	/* the same, touched in random order */
	MEMORY_UNTOUCHED,	/* 4 KiB pages that are not there yet */
	MEMORY_THP,		/* transparent 2 MiB pages */
	MEMORY_THP_SCATTERED,	/* the same, touched in random order */
	MEMORY_HUGETLB,		/* hugetlbfs 2 MiB pages */
	MEMORY_MEMFD,		/* a memfd's 4 KiB pages */
	MEMORY_MEMFD_SCATTERED,	/* the same, touched in random order */
	MEMORY_MEMFD_HUGETLB,	/* a memfd's 2 MiB pages */
};

struct memory {
	enum memory_kind kind;
	void *va;		/* 2 MiB aligned */
	size_t size;
	int fd;			/* the memfd, or -1 */
	void *mapping;
	size_t mapping_size;
};

/*
 * Present (but for MEMORY_UNTOUCHED), and verified to be of the kind that was
 * asked for. What @memory has of it already stays; other memory is put first.
 * -ENOMEM where the machine has too little. Returns 0 or -errno, with
 * uapi_error().
 */
int memory_get(struct memory *memory, enum memory_kind kind, size_t size);

/* Has @memory what memory_get() would be asked for? */
bool memory_is(const struct memory *memory, enum memory_kind kind, size_t size);

/* Nothing to do for what was put before. */
void memory_put(struct memory *memory);

/* Of what can be had without swapping; -1 if unknown. */
long memory_available_kib(void);

/* Does this kind come from a pool of its own (hugetlbfs)? */
bool memory_is_reserved(enum memory_kind kind);

/* What the kernel has allocated for itself that a map may need, in bytes. */
struct memory_kept {
	long kept;		/* slab and vmalloc, of all processes */
	long charged;		/* to this process's group, but for page tables */
	long tables;		/* page tables of IOMMUs */
};

/*
 * Put this process into a memory cgroup of its own, or back: the charges of
 * memory_kept() are of that group. Returns 0 or -errno with uapi_error().
 */
int memory_count(void);
void memory_uncount(void);

/* Takes seconds: the kernel adds its counters up at leisure. */
struct memory_kept memory_kept(void);

#endif
