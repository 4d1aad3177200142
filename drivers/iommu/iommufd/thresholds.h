/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Thresholds: the sizes of batches, chunks and windows, and the numbers of tries,
 * beyond which this driver takes another path. Each is a constant that is named
 * and explained where it is used. A test build can shrink it, so that a small test
 * gets to that path.
 */
#ifndef __IOMMUFD_THRESHOLDS_H
#define __IOMMUFD_THRESHOLDS_H

#include <linux/compiler.h>
#include <linux/stddef.h>

/**
 * struct iommufd_thresholds - what each threshold is shrunk to, 0 for not at all
 * @pages_breather: PAGES_BREATHER, in bytes
 * @pin_stack_pages: PIN_STACK_PAGES
 * @pin_batch_pages: PIN_BATCH_PAGES
 * @pin_release_pages: PIN_RELEASE_PAGES
 * @pin_huge_pages: PIN_HUGE_PAGES
 * @pin_huge_max_pause: PIN_HUGE_MAX_PAUSE
 * @pfn_chunk_min_bytes: PFN_CHUNK_MIN_BYTES, enough for one run
 * @pfn_chunk_max_bytes: PFN_CHUNK_MAX_BYTES, as much or more
 * @pfn_mark_runs: PFN_MARK_RUNS
 * @pfn_min_single: PFN_MIN_SINGLE
 * @pfn_run_max_pages: PFN_RUN_MAX_PAGES
 * @iopgt_leaving: IOPGT_LEAVING
 * @area_unpin_tries: AREA_UNPIN_TRIES
 * @gap_misfits: GAP_MISFITS
 * @iova_max_align: IOVA_MAX_ALIGN, a power of two of PAGE_SIZE at least
 * @iova_window: CHUNK_BYTES of a dirty bitmap, a power of two
 * @iova_fill_words: FILL_WORDS of a dirty bitmap
 * @fault_batch: FAULT_BATCH
 * @invalidate_batch: INVALIDATE_BATCH
 * @queue_pin_batch: QUEUE_PIN_BATCH
 *
 * Set while the kernel boots, or while a model in userspace has nothing mapped:
 * what was laid out by one value must not be read by another.
 */
struct iommufd_thresholds {
	unsigned long pages_breather;
	unsigned long pin_stack_pages;
	unsigned long pin_batch_pages;
	unsigned long pin_release_pages;
	unsigned long pin_huge_pages;
	unsigned long pin_huge_max_pause;
	unsigned long pfn_chunk_min_bytes;
	unsigned long pfn_chunk_max_bytes;
	unsigned long pfn_mark_runs;
	unsigned long pfn_min_single;
	unsigned long pfn_run_max_pages;
	unsigned long iopgt_leaving;
	unsigned long area_unpin_tries;
	unsigned long gap_misfits;
	unsigned long iova_max_align;
	unsigned long iova_window;
	unsigned long iova_fill_words;
	unsigned long fault_batch;
	unsigned long invalidate_batch;
	unsigned long queue_pin_batch;
};

#ifdef CONFIG_IOMMUFD_TEST
extern struct iommufd_thresholds iommufd_thresholds;
void iommufd_thresholds_shrink(unsigned long seed);

/* @full unless it is shrunk: it is the maximum, also of arrays */
#define iommufd_threshold(name, full)					\
({									\
	unsigned long __shrunk = READ_ONCE(iommufd_thresholds.name);	\
									\
	__shrunk && __shrunk < (full) ? (typeof(full))__shrunk : (full); \
})
#else
#define iommufd_threshold(name, full)					\
	((void)offsetof(struct iommufd_thresholds, name), (full))
#endif
#endif
