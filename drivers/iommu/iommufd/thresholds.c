// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shrinking thresholds in a test build: built in, as iova_bitmap.c has some, too
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>

#include "thresholds.h"

struct iommufd_thresholds iommufd_thresholds;
EXPORT_SYMBOL_NS_GPL(iommufd_thresholds, "IOMMUFD");

static const struct iommufd_thresholds thresholds_tiny = {
	.pages_breather = 2 * PAGE_SIZE,
	.pin_stack_pages = 2,
	.pin_batch_pages = 3,
	.pin_release_pages = 3,
	.pin_huge_pages = 100,
	.pin_huge_max_pause = 7,
	.pfn_chunk_min_bytes = 24,
	.pfn_chunk_max_bytes = 64,
	.pfn_mark_runs = 2,
	.pfn_min_single = 2,
	/* Whole huge pages, or there would be none in IO page tables */
	.pfn_run_max_pages = 1024,
	.iopgt_leaving = 1,
	.area_unpin_tries = 2,
	.gap_misfits = 2,
	/* Userspace sees it: not shrunk unless asked for by name */
	.iova_max_align = 0,
	.iova_window = 16 * PAGE_SIZE,
	.iova_fill_words = 2,
	.fault_batch = 1,
	.invalidate_batch = 2,
	.queue_pin_batch = 2,
};

/* Half of the time as tiny as can be, else anything up to not shrunk at all */
static unsigned long threshold_choose(unsigned long tiny, u64 *state)
{
	unsigned int shift;

	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	shift = *state >> 60;
	if (shift < 8)
		return tiny;
	return shift == 15 ? 0 : tiny << (shift - 8);
}

/**
 * iommufd_thresholds_shrink() - Choose values for all thresholds
 * @seed: 0 to leave them as they are without tests, 1 for the tiny ones; any other
 *        number for a mixture, the same for each number
 *
 * Context: nothing is mapped or pinned.
 */
void iommufd_thresholds_shrink(unsigned long seed)
{
	const unsigned long *tiny = (const unsigned long *)&thresholds_tiny;
	unsigned long *value = (unsigned long *)&iommufd_thresholds;
	u64 state = seed;

	iommufd_thresholds = (struct iommufd_thresholds){};
	if (!seed)
		return;
	for (size_t i = 0; i != sizeof(thresholds_tiny) / sizeof(*tiny); i++)
		value[i] = seed == 1 ? tiny[i] :
				       threshold_choose(tiny[i], &state);
}

static unsigned long thresholds_seed;

static int thresholds_set(const char *val, const struct kernel_param *kp)
{
	int rc = param_set_ulong(val, kp);

	if (!rc)
		iommufd_thresholds_shrink(thresholds_seed);
	return rc;
}

static const struct kernel_param_ops thresholds_ops = {
	.set = thresholds_set,
	.get = param_get_ulong,
};

/* The module, where iommufd is one, has a directory of its own in sysfs */
#if IS_BUILTIN(CONFIG_IOMMUFD)
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "iommufd."
#endif

module_param_cb(tiny, &thresholds_ops, &thresholds_seed, 0444);

/* Behind that one on the command line: the value of a single threshold */
#define THRESHOLD_PARAM(name) \
	module_param_named(name, iommufd_thresholds.name, ulong, 0444)

THRESHOLD_PARAM(pages_breather);
THRESHOLD_PARAM(pin_stack_pages);
THRESHOLD_PARAM(pin_batch_pages);
THRESHOLD_PARAM(pin_release_pages);
THRESHOLD_PARAM(pin_huge_pages);
THRESHOLD_PARAM(pin_huge_max_pause);
THRESHOLD_PARAM(pfn_chunk_min_bytes);
THRESHOLD_PARAM(pfn_chunk_max_bytes);
THRESHOLD_PARAM(pfn_mark_runs);
THRESHOLD_PARAM(pfn_min_single);
THRESHOLD_PARAM(pfn_run_max_pages);
THRESHOLD_PARAM(iopgt_leaving);
THRESHOLD_PARAM(area_unpin_tries);
THRESHOLD_PARAM(gap_misfits);
THRESHOLD_PARAM(iova_max_align);
THRESHOLD_PARAM(iova_window);
THRESHOLD_PARAM(iova_fill_words);
THRESHOLD_PARAM(fault_batch);
THRESHOLD_PARAM(invalidate_batch);
THRESHOLD_PARAM(queue_pin_batch);
