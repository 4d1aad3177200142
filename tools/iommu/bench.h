/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommu-bench: what its parts share. A case prepares memory and an IO address
 * space, is measured a few times, and reports one or more rows. It runs on
 * either API of bench_dma.h, and knows only what is there.
 */
#ifndef TOOLS_IOMMU_BENCH_H
#define TOOLS_IOMMU_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "bench_dma.h"
#include "bench_memory.h"
#include "report.h"

#define BENCH_PAGE	4096UL
#define BENCH_IOVA	(4ULL << 30)

struct bench_case;

struct bench {
	const char *bdf;
	const struct dma_api *api;
	size_t bulk_size;	/* of a case that names none */

	size_t size;		/* bytes per bulk row of this case */

	/* stays for the next case, which may want the same */
	struct memory memory;

	/* of the case that runs; released after it, whatever happened */
	struct dma_space space;
	__u64 iova;		/* where automatic IOVAs begin */
	__u32 other_ioas;
	__u32 hwpt;
	int other_fd;
	__u32 id;
};

enum bench_case_flags {
	CASE_QUICK	= 1 << 0,	/* part of --quick */
	CASE_IOMMUFD	= 1 << 1,	/* needs /dev/iommu */
	CASE_FILE	= 1 << 2,	/* map by file, not by address */
	CASE_SHARED	= 1 << 3,	/* threads share an IO address space */
	CASE_BULK	= 1 << 4,	/* per page of --size; part of --bulk */
	CASE_IDLE	= 1 << 5,	/* threads' IO page table is no device's */

	/* in no run but that of its own option, which runs nothing else */
	CASE_MOCK	= 1 << 8,	/* needs no device, but CONFIG_IOMMUFD_TEST */
	CASE_THREADS	= 1 << 9,
	CASE_SIZES	= 1 << 10,
	CASE_APART	= CASE_MOCK | CASE_THREADS | CASE_SIZES,
};

struct bench_case {
	const char *name;	/* rows begin with it */
	const char *title;
	unsigned int flags;
	enum memory_kind kind;
	unsigned int count;	/* areas, page tables or threads */
	size_t size;		/* in place of --size */
	/* All return 0 or -errno with uapi_error(); prepare may be NULL. */
	int (*prepare)(struct bench *b, const struct bench_case *c);
	int (*measure)(struct bench *b, const struct bench_case *c);
};

/* Tables that end with an entry without a name. */
extern const struct bench_case map_cases[];
extern const struct bench_case domain_cases[];
extern const struct bench_case area_cases[];
extern const struct bench_case cost_cases[];
extern const struct bench_case mock_cases[];
extern const struct bench_case threads_cases[];

/* Nanoseconds; what the two calls cost by themselves is taken off. */
__u64 bench_start(void);
__u64 bench_stop(__u64 start);

/*
 * Report that @part of this pass took @amount (of nanoseconds, or what @unit
 * says) for all of @count. @unit: "per page", "bytes per area".
 */
void bench_result(struct bench *b, const char *part, const char *unit,
		  __u64 amount, unsigned long count);

/* Without any formatting, unlike uapi_result(): for what is measured. */
int bench_ioctl(int fd, unsigned long request, void *arg);

/* uapi_fail() if @ret is not 0; returns @ret. */
int bench_check(int ret, const char *fmt, ...) __printf(2, 3);

#endif
