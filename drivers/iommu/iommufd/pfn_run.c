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
 * @capacity: runs there is room for; all of it is used but in the last chunk
 * @run: packed runs, then the marks: at every PFN_MARK_RUNS of them, how many
 *       pages of the chunk lie before
 */
struct pfn_chunk {
	unsigned long start;
	unsigned int capacity;
	u64 run[] __counted_by(capacity);
};

/* Chunks fill slab objects of 64 bytes, then twice that, up to a page */
#define PFN_CHUNK_MIN_BYTES	64

/* Finding a page in a chunk takes a walk of less than so many runs */
#define PFN_MARK_RUNS		64

/* How many marks lie between so many runs */
static unsigned int pfn_marks(unsigned int nr)
{
	return (nr - 1) / PFN_MARK_RUNS;
}

static size_t pfn_chunk_bytes(unsigned int capacity)
{
	return struct_size_t(struct pfn_chunk, run, capacity) +
	       pfn_marks(capacity) * sizeof(u64);
}

static u64 *pfn_chunk_mark(struct pfn_chunk *chunk, unsigned int i)
{
	return (u64 *)((void *)chunk +
		       struct_size_t(struct pfn_chunk, run, chunk->capacity)) +
	       i;
}

static struct pfn_chunk *pfn_chunk_alloc(size_t bytes)
{
	struct pfn_chunk *chunk = kmalloc(bytes, GFP_KERNEL_ACCOUNT);
	unsigned int room;

	if (!chunk)
		return NULL;
	room = (bytes - sizeof(*chunk)) / sizeof(chunk->run[0]);
	chunk->capacity = room - room / (PFN_MARK_RUNS + 1);
	return chunk;
}

static struct pfn_chunk *pfn_store_chunk(const struct pfn_store *store,
					 unsigned int i)
{
	return store->nr_chunks == 1 ? store->chunk : store->index[i];
}

static struct pfn_chunk **pfn_store_last_chunk(struct pfn_store *store)
{
	return store->nr_chunks == 1 ? &store->chunk :
				       &store->index[store->nr_chunks - 1];
}

/* The end of a chunk's runs */
static const u64 *pfn_store_chunk_end(const struct pfn_store *store,
				      unsigned int i)
{
	struct pfn_chunk *chunk = pfn_store_chunk(store, i);

	return i == store->nr_chunks - 1 ? store->slot :
					   chunk->run + chunk->capacity;
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
			index = kvrealloc(index,
					  array3_size(nr, 2, sizeof(*index)),
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

static int pfn_store_grow(struct pfn_store *store, size_t bytes)
{
	struct pfn_chunk *chunk = pfn_chunk_alloc(bytes);

	if (!chunk)
		return -ENOMEM;
	chunk->start = store->npages - pfn_run_length(store->tail);
	if (pfn_store_add_chunk(store, chunk)) {
		kfree(chunk);
		return -ENOMEM;
	}
	store->slot = chunk->run;
	store->limit = chunk->run + min(chunk->capacity, PFN_MARK_RUNS);
	return 0;
}

/* Have a slot for the tail: with a mark where it is due, or in a new chunk */
static int pfn_store_next_slot(struct pfn_store *store)
{
	struct pfn_chunk *chunk;
	unsigned int nr;

	if (!store->nr_chunks)
		return pfn_store_grow(store, PFN_CHUNK_MIN_BYTES);

	chunk = *pfn_store_last_chunk(store);
	nr = store->slot - chunk->run;
	if (nr == chunk->capacity)
		return pfn_store_grow(store,
				      min(2 * pfn_chunk_bytes(nr), PAGE_SIZE));
	*pfn_chunk_mark(chunk, nr / PFN_MARK_RUNS - 1) =
		store->npages - pfn_run_length(store->tail) - chunk->start;
	store->limit = chunk->run + min(chunk->capacity, nr + PFN_MARK_RUNS);
	return 0;
}

/**
 * pfn_store_append_new() - Add a run where pfn_store_append() knows no place
 * @store: the store
 * @pfn: first page frame
 * @npages: pages, not 0
 *
 * For pfn_store_append(), which see. More than PFN_RUN_MAX_PAGES become several
 * runs.
 *
 * Context: may sleep.
 * Return: as pfn_store_append().
 */
int pfn_store_append_new(struct pfn_store *store, unsigned long pfn,
			 unsigned long npages)
{
	do {
		unsigned long n = min(npages, PFN_RUN_MAX_PAGES);

		if (store->npages) {
			if (store->slot == store->limit &&
			    pfn_store_next_slot(store))
				return -ENOMEM;
			*store->slot++ = store->tail;
		}
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
	struct pfn_chunk **last, *chunk, *fitting;
	unsigned int nr;
	size_t bytes;

	if (!store->nr_chunks)
		return;

	last = pfn_store_last_chunk(store);
	chunk = *last;
	nr = store->slot - chunk->run;
	bytes = kmalloc_size_roundup(pfn_chunk_bytes(nr));
	if (bytes >= pfn_chunk_bytes(chunk->capacity))
		return;

	fitting = pfn_chunk_alloc(bytes);
	if (!fitting)
		return;
	fitting->start = chunk->start;
	memcpy(fitting->run, chunk->run, nr * sizeof(chunk->run[0]));
	memcpy(pfn_chunk_mark(fitting, 0), pfn_chunk_mark(chunk, 0),
	       pfn_marks(nr) * sizeof(u64));
	*last = fitting;
	kfree(chunk);
	store->slot = fitting->run + nr;
	store->limit = fitting->run + min(fitting->capacity,
					  round_up(nr, PFN_MARK_RUNS));
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
		bytes += pfn_chunk_bytes(pfn_store_chunk(store, i)->capacity);
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

/**
 * pfn_cursor_next_chunk() - Go on behind the runs that lie side by side
 * @cursor: a position at their end, with more to come
 *
 * For pfn_cursor_next().
 */
void pfn_cursor_next_chunk(struct pfn_cursor *cursor)
{
	const struct pfn_store *store = cursor->store;
	unsigned int i = cursor->next_chunk++;

	if (i == store->nr_chunks) {
		cursor->run = &store->tail;
		cursor->end = cursor->run + 1;
	} else {
		cursor->run = pfn_store_chunk(store, i)->run;
		cursor->end = pfn_store_chunk_end(store, i);
	}
}

/* To the last mark in a chunk that lies at or before the position */
static void pfn_cursor_skip_marks(struct pfn_cursor *cursor,
				  struct pfn_chunk *chunk)
{
	unsigned int marks = pfn_marks(cursor->end - cursor->run);

	while (marks && *pfn_chunk_mark(chunk, marks - 1) > cursor->skip)
		marks--;
	if (marks) {
		cursor->skip -= *pfn_chunk_mark(chunk, marks - 1);
		cursor->run += marks * PFN_MARK_RUNS;
	}
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
void pfn_cursor_seek(struct pfn_cursor *cursor, const struct pfn_store *store,
		     unsigned long first, unsigned long npages)
{
	unsigned long tail_start = store->npages - pfn_run_length(store->tail);
	struct pfn_chunk *chunk;

	*cursor = (struct pfn_cursor){ .store = store, .skip = first,
				       .remaining = npages };
	if (!npages)
		return;
	if (first >= tail_start) {
		cursor->next_chunk = store->nr_chunks;
		cursor->skip -= tail_start;
		return;
	}

	cursor->next_chunk = pfn_store_find_chunk(store, first);
	chunk = pfn_store_chunk(store, cursor->next_chunk);
	cursor->skip -= chunk->start;
	pfn_cursor_next_chunk(cursor);
	pfn_cursor_skip_marks(cursor, chunk);
	while (cursor->skip >= pfn_run_length(*cursor->run))
		cursor->skip -= pfn_run_length(*cursor->run++);
}
