/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of physically contiguous pages, and the store of those that one pinned
 * object holds.
 */
#ifndef __IOMMUFD_PFN_RUN_H
#define __IOMMUFD_PFN_RUN_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "thresholds.h"

/**
 * struct pfn_run - physically contiguous pages
 * @pfn: first page frame
 * @npages: number of pages, never 0
 */
struct pfn_run {
	unsigned long pfn;
	unsigned long npages;
};

/* A run is kept in 8 bytes: the PFN in the upper bits, the length below it */
#define PFN_RUN_LENGTH_BITS	24
#define PFN_RUN_LENGTH_MASK	(BIT(PFN_RUN_LENGTH_BITS) - 1)
#define PFN_RUN_MAX_PAGES						\
	iommufd_threshold(pfn_run_max_pages, BIT(PFN_RUN_LENGTH_BITS))
#define PFN_RUN_MAX_PFN		((1ULL << (64 - PFN_RUN_LENGTH_BITS)) - 1)

struct pfn_chunk;

/*
 * Is there memory on this machine whose PFN does not fit? Not where physical
 * addresses have no more than 52 bits, as on x86 and arm64; RISC-V has 56, s390 64.
 * Test builds ask everywhere.
 */
static inline bool pfn_run_fits(unsigned long pfn, unsigned long npages)
{
	if (!IS_ENABLED(CONFIG_IOMMUFD_TEST) &&
	    (IS_ENABLED(CONFIG_X86) || IS_ENABLED(CONFIG_ARM64)))
		return true;
	return (u64)pfn <= PFN_RUN_MAX_PFN &&
	       (u64)npages - 1 <= PFN_RUN_MAX_PFN - pfn;
}

/**
 * struct pfn_store - an append-only sequence of runs
 * @npages: pages in all runs together
 * @tail: the last run, packed; the only one of a store without chunks. Valid
 *        where @npages is not 0.
 * @nr_chunks: number of chunks with the runs before @tail
 * @owners: for whoever shares it; not looked at here
 * @slot: where @tail goes when another run comes, in the last chunk
 * @limit: where pfn_store_append_new() has to be asked for the next slot
 * @chunk: the chunk, where there is one
 * @index: the chunks in order, where there are more
 *
 * Costs nothing beyond this structure for contiguous memory, and 8 bytes per
 * run (and less than 90 per page full of runs) otherwise; 4 bytes where many
 * runs in turn are single pages below PFN 2^32. A zeroed store is empty.
 */
struct pfn_store {
	unsigned long npages;
	u64 tail;
	u64 *slot;
	u64 *limit;
	unsigned int nr_chunks;
	unsigned int owners;
	union {
		struct pfn_chunk *chunk;
		struct pfn_chunk **index;
	};
};

/**
 * struct pfn_cursor - a position in a store
 * @store: where
 * @run: the next of the packed runs that lie side by side
 * @end: behind the last of these
 * @page: where @run is @end: the next of the single pages that lie side by side
 * @page_end: behind the last of these
 * @next_chunk: chunk to go on with, nr_chunks for the store's tail
 * @skip: pages of the next run that lie before the position
 * @remaining: pages to yield until the end of the range
 */
struct pfn_cursor {
	const struct pfn_store *store;
	const u64 *run;
	const u64 *end;
	const u32 *page;
	const u32 *page_end;
	unsigned int next_chunk;
	unsigned long skip;
	unsigned long remaining;
};

static inline u64 pfn_run_pack(unsigned long pfn, unsigned long npages)
{
	return (u64)pfn << PFN_RUN_LENGTH_BITS | (npages - 1);
}

static inline unsigned long pfn_run_first(u64 packed)
{
	return packed >> PFN_RUN_LENGTH_BITS;
}

static inline unsigned long pfn_run_length(u64 packed)
{
	return (packed & PFN_RUN_LENGTH_MASK) + 1;
}

int pfn_store_append_new(struct pfn_store *store, unsigned long pfn,
			 unsigned long npages);
void pfn_store_seal(struct pfn_store *store);
void pfn_store_free_chunks(struct pfn_store *store);
size_t pfn_store_bytes(const struct pfn_store *store);
#ifdef CONFIG_IOMMUFD_TEST
const char *pfn_store_check(const struct pfn_store *store);
#endif

unsigned long pfn_store_search_page(const struct pfn_store *store,
				    unsigned long index);

void pfn_cursor_search(struct pfn_cursor *cursor, unsigned long first);
void pfn_cursor_next_chunk(struct pfn_cursor *cursor);

/**
 * pfn_store_append() - Add a run at the end
 * @store: the store
 * @pfn: first page frame
 * @npages: pages, not 0
 *
 * A run that continues the last one is merged with it.
 *
 * Context: may sleep.
 * Return: 0, or -EOVERFLOW where a PFN is more than PFN_RUN_MAX_PFN, with the
 * store as it was; or -ENOMEM with the store as it was, but for leading parts of
 * more than PFN_RUN_MAX_PAGES: pfn_store::npages tells.
 */
static inline int pfn_store_append(struct pfn_store *store, unsigned long pfn,
				   unsigned long npages)
{
	unsigned long length = pfn_run_length(store->tail);

	if (unlikely(!pfn_run_fits(pfn, npages)))
		return -EOVERFLOW;
	if (!store->npages && npages <= PFN_RUN_MAX_PAGES) {
		store->tail = pfn_run_pack(pfn, npages);
	} else if (store->npages &&
		   pfn_run_first(store->tail) + length == pfn &&
		   npages <= PFN_RUN_MAX_PAGES - length) {
		store->tail += npages;
	} else if (likely(store->slot != store->limit &&
			  npages <= PFN_RUN_MAX_PAGES)) {
		*store->slot++ = store->tail;
		store->tail = pfn_run_pack(pfn, npages);
	} else {
		return pfn_store_append_new(store, pfn, npages);
	}
	store->npages += npages;
	return 0;
}

/**
 * pfn_store_clear() - Forget all runs
 * @store: the store; empty and usable afterwards
 *
 * Context: may sleep.
 */
static inline void pfn_store_clear(struct pfn_store *store)
{
	if (store->nr_chunks)
		pfn_store_free_chunks(store);
	store->npages = 0;
}

/**
 * pfn_cursor_seek() - Go to a page of a store
 * @cursor: to be set up
 * @store: a store with at least @first + @npages pages
 * @first: index of the first page wanted
 * @npages: number of pages wanted
 *
 * Takes a search over the chunks and a short walk in one of them: it does not
 * grow with the size of the store.
 */
static inline void pfn_cursor_seek(struct pfn_cursor *cursor,
				   const struct pfn_store *store,
				   unsigned long first, unsigned long npages)
{
	cursor->store = store;
	cursor->remaining = npages;
	if (store->nr_chunks) {
		pfn_cursor_search(cursor, first);
		return;
	}
	cursor->run = &store->tail;
	cursor->end = cursor->run + 1;
	cursor->page = NULL;
	cursor->page_end = NULL;
	cursor->next_chunk = 1;
	cursor->skip = first;
}

/**
 * pfn_cursor_next() - The next run
 * @cursor: a position; moves behind the run
 * @run: filled in, clipped to the range that the cursor was set up for
 *
 * Return: false at the end of the range, with @run untouched.
 */
static inline bool pfn_cursor_next(struct pfn_cursor *cursor,
				   struct pfn_run *run)
{
	u64 packed;

	if (!cursor->remaining)
		return false;
	if (cursor->run == cursor->end) {
		if (unlikely(cursor->page == cursor->page_end))
			pfn_cursor_next_chunk(cursor);
		if (cursor->run == cursor->end) {
			run->pfn = *cursor->page++;
			run->npages = 1;
			cursor->remaining--;
			return true;
		}
	}
	packed = *cursor->run++;

	run->pfn = pfn_run_first(packed) + cursor->skip;
	run->npages = min(pfn_run_length(packed) - cursor->skip,
			  cursor->remaining);
	cursor->skip = 0;
	cursor->remaining -= run->npages;
	return true;
}

/**
 * pfn_store_page() - Which page has an index?
 * @store: a store with more than @index pages
 * @index: index of the page
 *
 * Return: its page frame number.
 */
static inline unsigned long pfn_store_page(const struct pfn_store *store,
					   unsigned long index)
{
	if (!store->nr_chunks)
		return pfn_run_first(store->tail) + index;
	return pfn_store_search_page(store, index);
}
#endif
