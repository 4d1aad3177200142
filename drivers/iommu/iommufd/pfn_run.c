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
 * @single: each run is a single page
 * @run: packed runs, then the marks: at every PFN_MARK_RUNS of them, how many
 *       pages of the chunk lie before
 * @page: where @single: page frame numbers
 */
struct pfn_chunk {
	unsigned long start;
	unsigned int capacity;
	bool single;
	union {
		DECLARE_FLEX_ARRAY(u64, run);
		DECLARE_FLEX_ARRAY(u32, page);
	};
};

/* Chunks fill slab objects of 64 bytes, then twice that, up to a page */
#define PFN_CHUNK_MIN_BYTES	iommufd_threshold(pfn_chunk_min_bytes, 64U)
#define PFN_CHUNK_MAX_BYTES	iommufd_threshold(pfn_chunk_max_bytes, PAGE_SIZE)

/* Finding a page in a chunk takes a walk of less than so many runs */
#define PFN_MARK_RUNS		iommufd_threshold(pfn_mark_runs, 64U)

/* Fewer runs than this are not worth being rewritten */
#define PFN_MIN_SINGLE		iommufd_threshold(pfn_min_single, 32U)

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

static size_t pfn_chunk_bytes_single(unsigned int capacity)
{
	return struct_size_t(struct pfn_chunk, page, capacity);
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
	chunk->single = false;
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

/*
 * A full chunk with nothing but single pages is rewritten in half the space: that
 * is what scattered memory looks like. Without memory to do so, it stays.
 */
static struct pfn_chunk *pfn_chunk_single(struct pfn_chunk *chunk,
					  unsigned long end)
{
	unsigned int nr = chunk->capacity;
	struct pfn_chunk *single;
	u64 all = 0;

	if (nr < PFN_MIN_SINGLE || end - chunk->start != nr)
		return chunk;
	for (unsigned int i = 0; i != nr; i++)
		all |= chunk->run[i];
	if (pfn_run_first(all) > U32_MAX)
		return chunk;

	single = kmalloc(pfn_chunk_bytes_single(nr),
			 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!single)
		return chunk;
	single->start = chunk->start;
	single->capacity = nr;
	single->single = true;
	for (unsigned int i = 0; i != nr; i++)
		single->page[i] = pfn_run_first(chunk->run[i]);
	kfree(chunk);
	return single;
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
	if (store->nr_chunks > 1) {
		struct pfn_chunk **full = &store->index[store->nr_chunks - 2];

		*full = pfn_chunk_single(*full, chunk->start);
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
				      min(2 * pfn_chunk_bytes(nr),
					  PFN_CHUNK_MAX_BYTES));
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
 * pfn_store_free_chunks() - Give all chunks back
 * @store: a store that has any
 *
 * For pfn_store_clear().
 */
void pfn_store_free_chunks(struct pfn_store *store)
{
	if (store->nr_chunks == 1) {
		kfree(store->chunk);
	} else {
		for (unsigned int i = 0; i != store->nr_chunks; i++)
			kfree(store->index[i]);
		kvfree(store->index);
	}
	store->nr_chunks = 0;
	store->slot = NULL;
	store->limit = NULL;
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

	for (unsigned int i = 0; i != store->nr_chunks; i++) {
		struct pfn_chunk *chunk = pfn_store_chunk(store, i);

		bytes += chunk->single ?
				 pfn_chunk_bytes_single(chunk->capacity) :
				 pfn_chunk_bytes(chunk->capacity);
	}
	if (store->nr_chunks > 1)
		bytes += roundup_pow_of_two(store->nr_chunks) *
			 sizeof(store->index[0]);
	return bytes;
}

/* The last chunk that starts at or before page @first; there is one */
static unsigned int pfn_store_find_chunk(const struct pfn_store *store,
					 unsigned long first)
{
	unsigned int low = 0, high = store->nr_chunks - 1;
	unsigned long end, back;

	if (!high)
		return 0;
	end = store->index[high]->start;
	if (first >= end)
		return high;

	/* Where runs are of one length, chunks lie at equal distances */
	back = (end - first - 1) / (end - store->index[high - 1]->start) + 1;
	if (back <= high) {
		low = high - back;
		if (store->index[low]->start > first) {
			high = low;
			low = 0;
		} else if (store->index[low + 1]->start > first) {
			return low;
		}
	}
	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (store->index[middle]->start <= first)
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
	struct pfn_chunk *chunk;

	cursor->page = NULL;
	cursor->page_end = NULL;
	if (i == store->nr_chunks) {
		cursor->run = &store->tail;
		cursor->end = cursor->run + 1;
		return;
	}
	chunk = pfn_store_chunk(store, i);
	if (chunk->single) {
		cursor->run = NULL;
		cursor->end = NULL;
		cursor->page = chunk->page;
		cursor->page_end = chunk->page + chunk->capacity;
	} else {
		cursor->run = chunk->run;
		cursor->end = i == store->nr_chunks - 1 ?
				      store->slot :
				      chunk->run + chunk->capacity;
	}
}

/* Runs in chunk @i */
static unsigned int pfn_chunk_runs(const struct pfn_store *store,
				   unsigned int i)
{
	const struct pfn_chunk *chunk = pfn_store_chunk(store, i);

	return i == store->nr_chunks - 1 ? store->slot - chunk->run :
					   chunk->capacity;
}

/*
 * The run of chunk @i that has the page @skip behind the chunk's start; @skip
 * becomes the page's place in the run.
 */
static u64 *pfn_chunk_find_run(const struct pfn_store *store, unsigned int i,
			       unsigned long *skip)
{
	struct pfn_chunk *chunk = pfn_store_chunk(store, i);
	unsigned int nr = pfn_chunk_runs(store, i);
	unsigned int mark = pfn_marks(nr);
	unsigned long before = 0, npages;
	u64 *run = chunk->run;

	npages = (i == store->nr_chunks - 1 ?
			  store->npages - pfn_run_length(store->tail) :
			  pfn_store_chunk(store, i + 1)->start) - chunk->start;
	/* What lies between two marks: nr runs, pages before to npages */
	while (mark && *pfn_chunk_mark(chunk, mark - 1) > *skip) {
		npages = *pfn_chunk_mark(chunk, --mark);
		nr = (mark + 1) * PFN_MARK_RUNS;
	}
	if (mark) {
		before = *pfn_chunk_mark(chunk, mark - 1);
		*skip -= before;
		run += mark * PFN_MARK_RUNS;
		nr -= mark * PFN_MARK_RUNS;
	}
	/* Scattered pages are a run each */
	if (npages - before == nr) {
		run += *skip;
		*skip = 0;
		return run;
	}
	while (*skip >= pfn_run_length(*run))
		*skip -= pfn_run_length(*run++);
	return run;
}

/**
 * pfn_cursor_search() - Go to a page of a store with chunks
 * @cursor: with its store, and how many pages are wanted
 * @first: index of the first page wanted
 *
 * For pfn_cursor_seek().
 */
void pfn_cursor_search(struct pfn_cursor *cursor, unsigned long first)
{
	const struct pfn_store *store = cursor->store;
	unsigned long tail_start = store->npages - pfn_run_length(store->tail);
	struct pfn_chunk *chunk;
	unsigned int i;

	if (first >= tail_start || !cursor->remaining) {
		cursor->next_chunk = store->nr_chunks;
		pfn_cursor_next_chunk(cursor);
		cursor->skip = first - tail_start;
		return;
	}

	i = pfn_store_find_chunk(store, first);
	chunk = pfn_store_chunk(store, i);
	cursor->next_chunk = i;
	cursor->skip = first - chunk->start;
	pfn_cursor_next_chunk(cursor);
	if (chunk->single) {
		cursor->page += cursor->skip;
		cursor->skip = 0;
		return;
	}
	cursor->run = pfn_chunk_find_run(store, i, &cursor->skip);
}

/**
 * pfn_store_search_page() - Find a page in a store with chunks
 * @store: the store
 * @index: index of the page
 *
 * For pfn_store_page().
 *
 * Return: its page frame number.
 */
unsigned long pfn_store_search_page(const struct pfn_store *store,
				    unsigned long index)
{
	unsigned long tail_start = store->npages - pfn_run_length(store->tail);
	struct pfn_chunk *chunk;
	unsigned int i;
	u64 run;

	if (index >= tail_start)
		return pfn_run_first(store->tail) + (index - tail_start);
	i = pfn_store_find_chunk(store, index);
	chunk = pfn_store_chunk(store, i);
	index -= chunk->start;
	if (chunk->single)
		return chunk->page[index];
	run = *pfn_chunk_find_run(store, i, &index);
	return pfn_run_first(run) + index;
}

#ifdef CONFIG_IOMMUFD_TEST
/* The runs of a chunk: what is wrong, or NULL; counts its pages */
static const char *pfn_chunk_check(const struct pfn_store *store,
				   unsigned int i, unsigned long *npages)
{
	struct pfn_chunk *chunk = pfn_store_chunk(store, i);
	bool last = i == store->nr_chunks - 1;
	unsigned int nr = pfn_chunk_runs(store, i);
	unsigned long before = *npages;

	if (chunk->start != before)
		return "a chunk begins elsewhere";
	if (chunk->single) {
		*npages += chunk->capacity;
		return last ? "the last chunk is compact" : NULL;
	}
	if (nr > chunk->capacity)
		return "a chunk has more runs than room";
	for (unsigned int run = 0; run != nr; run++) {
		if (run && run % PFN_MARK_RUNS == 0 &&
		    *pfn_chunk_mark(chunk, run / PFN_MARK_RUNS - 1) !=
			    *npages - before)
			return "a mark is wrong";
		*npages += pfn_run_length(chunk->run[run]);
	}
	return NULL;
}

/* Runs side by side, that could be one, must be too long for that */
static bool pfn_runs_are_merged(const struct pfn_run *before,
				const struct pfn_run *run)
{
	return before->pfn + before->npages != run->pfn ||
	       run->npages > PFN_RUN_MAX_PAGES - before->npages;
}

/**
 * pfn_store_check() - Is a store as it must be?
 * @store: a store that nobody changes
 *
 * Return: NULL, or what is wrong.
 */
const char *pfn_store_check(const struct pfn_store *store)
{
	struct pfn_run run, before = {};
	unsigned long npages = 0;
	struct pfn_cursor cursor;
	const char *wrong;

	if (!store->npages)
		return store->nr_chunks ? "an empty store has chunks" : NULL;
	for (unsigned int i = 0; i != store->nr_chunks; i++) {
		wrong = pfn_chunk_check(store, i, &npages);
		if (wrong)
			return wrong;
	}
	if (npages + pfn_run_length(store->tail) != store->npages)
		return "the runs are not as many pages";

	npages = 0;
	pfn_cursor_seek(&cursor, store, 0, store->npages);
	while (pfn_cursor_next(&cursor, &run)) {
		if (!run.npages || run.pfn > PFN_RUN_MAX_PFN)
			return "a run is none";
		if (before.npages && !pfn_runs_are_merged(&before, &run))
			return "two runs should be one";
		if (pfn_store_page(store, npages) != run.pfn)
			return "a page is not found by its index";
		npages += run.npages;
		before = run;
	}
	return npages == store->npages ? NULL : "the cursor loses pages";
}
#endif
