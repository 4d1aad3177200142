// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Physical runs
 *
 * The unit of work of iommufd is a run of physically contiguous pages. What a
 * pinned object holds is recorded here once, as a sequence of runs; unmapping,
 * copying, filling a second domain and in-kernel access read it, so nobody has
 * to ask an IO page table what it contains.
 *
 * A store is built by one thread, sealed, and then only read until it is
 * cleared: it needs no lock of its own. It knows nothing of users, IOVAs or
 * domains, and holds no reference on the pages.
 */
#include <linux/slab.h>

#include "pfn_run.h"

/**
 * struct pfn_chunk - a batch of runs
 * @start: pages in the store before this chunk
 * @nr: runs in use
 * @capacity: runs there is room for
 * @run: packed runs
 */
struct pfn_chunk {
	unsigned long start;
	unsigned int nr;
	unsigned int capacity;
	u64 run[] __counted_by(capacity);
};

/* Chunks fill slab objects of 64 bytes, then twice that, up to a page */
#define PFN_CHUNK_MIN_BYTES	64

static struct pfn_chunk *pfn_chunk_alloc(size_t bytes)
{
	struct pfn_chunk *chunk = kmalloc(bytes, GFP_KERNEL_ACCOUNT);

	if (!chunk)
		return NULL;
	chunk->nr = 0;
	chunk->capacity = (bytes - sizeof(*chunk)) / sizeof(chunk->run[0]);
	return chunk;
}

static size_t pfn_chunk_bytes(const struct pfn_chunk *chunk)
{
	return struct_size(chunk, run, chunk->capacity);
}

static struct pfn_chunk *pfn_store_chunk(const struct pfn_store *store,
					 unsigned int i)
{
	return store->nr_chunks == 1 ? store->chunk : store->index[i];
}

static struct pfn_chunk **pfn_store_slot(struct pfn_store *store,
					 unsigned int i)
{
	return store->nr_chunks == 1 ? &store->chunk : &store->index[i];
}

/* The index has room for the next power of two of chunks, two at least */
static int pfn_store_add_chunk(struct pfn_store *store, struct pfn_chunk *chunk)
{
	unsigned int nr = store->nr_chunks;
	struct pfn_chunk **index;

	if (!nr) {
		store->chunk = chunk;
	} else if (nr == 1) {
		index = kmalloc_array(2, sizeof(*index), GFP_KERNEL_ACCOUNT);
		if (!index)
			return -ENOMEM;
		index[0] = store->chunk;
		index[1] = chunk;
		store->index = index;
	} else {
		index = store->index;
		if (is_power_of_2(nr)) {
			index = kvrealloc(index, array3_size(nr, 2, sizeof(*index)),
					  GFP_KERNEL_ACCOUNT);
			if (!index)
				return -ENOMEM;
			store->index = index;
		}
		index[nr] = chunk;
	}
	store->nr_chunks = nr + 1;
	return 0;
}

/* Make the tail an ordinary run */
static int pfn_store_push_tail(struct pfn_store *store)
{
	struct pfn_chunk *chunk = NULL;
	size_t bytes = PFN_CHUNK_MIN_BYTES;

	if (store->nr_chunks) {
		chunk = pfn_store_chunk(store, store->nr_chunks - 1);
		if (chunk->nr == chunk->capacity) {
			bytes = min(2 * pfn_chunk_bytes(chunk), PAGE_SIZE);
			chunk = NULL;
		}
	}
	if (!chunk) {
		chunk = pfn_chunk_alloc(bytes);
		if (!chunk)
			return -ENOMEM;
		chunk->start = store->npages - pfn_run_length(store->tail);
		if (pfn_store_add_chunk(store, chunk)) {
			kfree(chunk);
			return -ENOMEM;
		}
	}
	chunk->run[chunk->nr++] = store->tail;
	return 0;
}

/**
 * pfn_store_append_new() - Add a run that does not continue the last one
 * @store: the store
 * @pfn: first page frame
 * @npages: pages, not 0
 *
 * For pfn_store_append(), which see. More than PFN_RUN_MAX_PAGES become several
 * runs.
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM with the store as it was, but for leading parts of more
 * than PFN_RUN_MAX_PAGES: pfn_store::npages tells.
 */
int pfn_store_append_new(struct pfn_store *store, unsigned long pfn,
			 unsigned long npages)
{
	do {
		unsigned long n = min(npages, PFN_RUN_MAX_PAGES);

		if (store->npages && pfn_store_push_tail(store))
			return -ENOMEM;
		store->tail = pfn_run_pack(pfn, n);
		store->npages += n;
		pfn += n;
		npages -= n;
	} while (unlikely(npages));
	return 0;
}

/**
 * pfn_store_seal() - Give back memory that the last chunk does not need
 * @store: a store that nothing will be appended to any more
 *
 * Context: may sleep. Cannot fail: without memory to copy to, all stays.
 */
void pfn_store_seal(struct pfn_store *store)
{
	struct pfn_chunk **slot, *chunk, *fitting;
	size_t bytes;

	if (!store->nr_chunks)
		return;

	slot = pfn_store_slot(store, store->nr_chunks - 1);
	chunk = *slot;
	bytes = kmalloc_size_roundup(struct_size(chunk, run, chunk->nr));
	if (bytes >= pfn_chunk_bytes(chunk))
		return;

	fitting = pfn_chunk_alloc(bytes);
	if (!fitting)
		return;
	fitting->start = chunk->start;
	fitting->nr = chunk->nr;
	memcpy(fitting->run, chunk->run, chunk->nr * sizeof(chunk->run[0]));
	*slot = fitting;
	kfree(chunk);
}

/**
 * pfn_store_clear() - Forget all runs
 * @store: the store; empty and usable afterwards
 *
 * Context: may sleep.
 */
void pfn_store_clear(struct pfn_store *store)
{
	if (store->nr_chunks == 1) {
		kfree(store->chunk);
	} else if (store->nr_chunks) {
		for (unsigned int i = 0; i != store->nr_chunks; i++)
			kfree(store->index[i]);
		kvfree(store->index);
	}
	*store = (struct pfn_store){};
}

/**
 * pfn_store_bytes() - Memory a store takes beyond its own structure
 * @store: the store
 *
 * Return: bytes.
 */
size_t pfn_store_bytes(const struct pfn_store *store)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i != store->nr_chunks; i++)
		bytes += pfn_chunk_bytes(pfn_store_chunk(store, i));
	if (store->nr_chunks > 1)
		bytes += roundup_pow_of_two(store->nr_chunks) *
			 sizeof(store->index[0]);
	return bytes;
}

/* The last chunk that starts at or before page @first; there is one */
static unsigned int pfn_store_find_chunk(const struct pfn_store *store,
					 unsigned long first)
{
	unsigned int low = 0, high = store->nr_chunks;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (pfn_store_chunk(store, middle)->start <= first)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void pfn_cursor_enter_chunk(struct pfn_cursor *cursor, unsigned int i)
{
	const struct pfn_chunk *chunk = pfn_store_chunk(cursor->store, i);

	cursor->run = chunk->run;
	cursor->nr = chunk->nr;
	cursor->next_chunk = i + 1;
}

/**
 * pfn_cursor_seek() - Go to a page of a store
 * @cursor: to be set up
 * @store: a store with at least @first + @npages pages
 * @first: index of the first page wanted
 * @npages: number of pages wanted
 *
 * Takes a search over the chunks and a walk in one of them: it does not grow
 * with the size of the store.
 */
void pfn_cursor_seek(struct pfn_cursor *cursor, const struct pfn_store *store,
		     unsigned long first, unsigned long npages)
{
	unsigned long tail_start = store->npages - pfn_run_length(store->tail);
	const struct pfn_chunk *chunk;
	unsigned int i;

	cursor->store = store;
	cursor->run = NULL;
	cursor->nr = 0;
	cursor->next_chunk = store->nr_chunks;
	cursor->skip = first;
	cursor->remaining = npages;
	if (!npages)
		return;
	if (first >= tail_start) {
		cursor->skip -= tail_start;
		return;
	}

	i = pfn_store_find_chunk(store, first);
	chunk = pfn_store_chunk(store, i);
	pfn_cursor_enter_chunk(cursor, i);
	cursor->skip -= chunk->start;
	while (cursor->skip >= pfn_run_length(*cursor->run)) {
		cursor->skip -= pfn_run_length(*cursor->run);
		cursor->run++;
		cursor->nr--;
	}
}

/**
 * pfn_cursor_next() - The next run
 * @cursor: a position; moves behind the run
 * @run: filled in, clipped to the range that the cursor was set up for
 *
 * Return: false at the end of the range, with @run untouched.
 */
bool pfn_cursor_next(struct pfn_cursor *cursor, struct pfn_run *run)
{
	u64 packed;

	if (!cursor->remaining)
		return false;

	if (!cursor->nr && cursor->next_chunk != cursor->store->nr_chunks)
		pfn_cursor_enter_chunk(cursor, cursor->next_chunk);
	if (cursor->nr) {
		packed = *cursor->run++;
		cursor->nr--;
	} else {
		packed = cursor->store->tail;
	}

	run->pfn = pfn_run_first(packed) + cursor->skip;
	run->npages = min(pfn_run_length(packed) - cursor->skip,
			  cursor->remaining);
	cursor->skip = 0;
	cursor->remaining -= run->npages;
	return true;
}
