/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the kinds that programs map for devices. */
#ifndef TOOLS_IOMMU_BENCH_MEMORY_H
#define TOOLS_IOMMU_BENCH_MEMORY_H

#include <stddef.h>

enum memory_kind {
	MEMORY_ANON,		/* 4 KiB pages, present, touched in order */
	MEMORY_SCATTERED,	/* the same, touched in random order */
	MEMORY_UNTOUCHED,	/* 4 KiB pages that are not there yet */
	MEMORY_THP,		/* transparent 2 MiB pages */
	MEMORY_HUGETLB,		/* hugetlbfs 2 MiB pages */
	MEMORY_MEMFD,		/* a memfd's 4 KiB pages */
	MEMORY_MEMFD_SCATTERED,	/* the same, touched in random order */
	MEMORY_MEMFD_HUGETLB,	/* a memfd's 2 MiB pages */
};

struct memory {
	void *va;		/* 2 MiB aligned */
	size_t size;
	int fd;			/* the memfd, or -1 */
	void *mapping;
	size_t mapping_size;
};

/*
 * Present (but for MEMORY_UNTOUCHED), and verified to be of the kind that was
 * asked for. -ENOMEM where the machine has too little of it. Returns 0 or
 * -errno, with uapi_error().
 */
int memory_get(struct memory *memory, enum memory_kind kind, size_t size);

/* Nothing to do for what was put before. */
void memory_put(struct memory *memory);

/*
 * What the kernel has allocated for itself that a map may need, in KiB: slab,
 * vmalloc, and the page tables of IOMMUs. To the page for a privileged user.
 */
long memory_kernel_kib(void);

#endif
