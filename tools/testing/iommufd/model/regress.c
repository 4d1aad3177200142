// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequences that once failed, as they were printed: the least that shows a fault.
 * They are run before random ones.
 */
#include "ops.h"
#include "run.h"

/* Bits of an unmap ended where a claim had split an extent, within one mapping */
static void unmap_of_a_split_extent(void)
{
	static const struct model_setup setup = {
		.memlock = 255,
		.thresholds = { .pages_breather = PAGE_SIZE },
	};

	model_begin(&setup);
	op_add_domain(0, 0);
	op_map_file(0, FIXED, 0x1000, 10, 0x0, 0x2000, 3, 0);
	op_copy(0, 0, FIXED, 0x0, 0x1000, 0x1000, 3);
	op_remove_domain(0);
	model_end();
}

/* An area was looked at after it was set live, and unmapped by another thread */
static void unmap_while_set_live(void)
{
	static const struct model_setup setup = { .memlock = 255 };

	model_begin(&setup);
	op_race(1);
	op_map_user(0, FIXED, 0x0, 0x10000000, 0x1000, 3, 0);
	model_end();
}

/* A run that is cut in two, and has no memory for the second, was unpinned twice */
static void no_memory_for_the_rest_of_a_run(void)
{
	static const struct model_setup setup = {
		.memlock = 255,
		.thresholds = { .pfn_run_max_pages = 4 },
	};

	for (unsigned long fault = 1; fault <= 16; fault++) {
		model_fault_at = fault;
		model_begin(&setup);
		op_add_domain(0, 0);
		op_map_user(0, FIXED, 0x0, 0x10000000, 0x5000, 3, 0);
		op_map_file(0, FIXED, 0x10000, 10, 0x0, 0x5000, 3, 0);
		model_fault_at = 0;
		model_end();
	}
}

/* What is mapped for writing only can be neither read nor pinned */
static void pin_of_write_only(void)
{
	static const struct model_setup setup = { .memlock = 255 };

	model_begin(&setup);
	op_map_user(0, FIXED, 0x0, 0x10000000, 0x1000, IOMMU_WRITE, 0);
	op_add_access(0, 0, true, false);
	op_pin(0, 0x0, 0x1000, true);
	op_rw(0, 0x0, 0x10, 0, 0);
	model_end();
}

/* Pins that follow each other go at once: one in the middle of a range, and more */
static void unpin_of_several(void)
{
	static const struct model_setup setup = { .memlock = 255 };

	model_begin(&setup);
	op_map_user(0, FIXED, 0x0, 0x10000000, 0x8000, 3, 0);
	op_map_user(0, FIXED, 0x8000, 0x10010000, 0x4000, 3, 0);
	op_add_access(0, 0, true, false);
	op_pin(0, 0x1000, 0x2000, true);
	op_pin(0, 0x3000, 0x1000, false);
	op_unpin(0, 0);
	op_pin(0, 0x7000, 0x1000, true);
	op_pin(0, 0x8000, 0x2000, true);
	op_unpin(0, 0);
	model_end();
}

/*
 * One leaf with many words of bits, and many with a part of a word each; read from within
 * a word on, too. Each place fails in turn.
 */
static void dirty_bits_of_words_and_parts(void)
{
	static const struct model_setup setup = {
		.kinds = { MODEL_CONTIG, MODEL_ONE },
		.memlock = 255,
	};

	for (unsigned int fault = 0; fault <= 120; fault++) {
		unsigned int domain = fault & 1;

		model_fault_at = 0;
		model_begin(&setup);
		op_add_domain(0, domain);
		op_map_file(0, FIXED, 0x0, 12, 0x0, 0x20000, 3, 0);
		op_track_dirty(domain, true);
		/* Every other page, as what follows another one is put together */
		for (unsigned long at = 0; at != 0x20000; at += 0x2000)
			op_device_write(domain, at, 0x1000);
		model_fault_at = model_faults_seen + fault / 2;
		op_read_dirty(domain, 0x0, 0x20000, 0x100,
			      IOMMU_DIRTY_NO_CLEAR, true);
		op_read_dirty(domain, 0x1000, 0x1f000, 0x100,
			      IOMMU_DIRTY_NO_CLEAR, true);
		op_read_dirty(domain, 0x1000, 0x1f000, 0x400, 0, true);
		model_fault_at = 0;
		model_end();
	}
}

/* No process has memory there */
static void map_of_no_addresses(void)
{
	static const struct model_setup setup = { .memlock = 255 };

	model_begin(&setup);
	op_add_domain(0, 0);
	op_map_user(0, FIXED, 0x0, -PAGE_SIZE, PAGE_SIZE, 3, 0);
	op_map_user(0, FIXED, 0x0, -2 * PAGE_SIZE, PAGE_SIZE, 3, 0);
	op_map_user(0, FIXED, 0x0, -2 * PAGE_SIZE, 3 * PAGE_SIZE, 3, 0);
	model_end();
}

/* Where an IOVA is chosen, large pages of the memory can be large in a domain, too */
static void auto_is_aligned_as_memory(void)
{
	static const struct model_setup setup = { .memlock = 255 };
	unsigned long iova;

	for (unsigned int page = 0; page != 8; page++) {
		model_begin(&setup);
		op_map_user(0, AUTO, 0x0, 0x10000000 + page * PAGE_SIZE,
			    8 * PAGE_SIZE, 3, 0);
		iova = ref_spaces[0].area[0].first;
		MODEL_CHECK(iova % (8 * PAGE_SIZE) == page * PAGE_SIZE,
			    "page %u of eight is mapped at 0x%lx", page, iova);
		model_end();
	}
}

unsigned int model_regress(void)
{
	static void (*const tests[])(void) = {
		unmap_of_a_split_extent,
		unmap_while_set_live,
		no_memory_for_the_rest_of_a_run,
		pin_of_write_only,
		unpin_of_several,
		dirty_bits_of_words_and_parts,
		map_of_no_addresses,
		auto_is_aligned_as_memory,
	};

	for (unsigned int i = 0; i != ARRAY_SIZE(tests); i++)
		tests[i]();
	return ARRAY_SIZE(tests);
}
