// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the store of physical runs
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "pfn_run.h"

/**
 * DOC: Run store tests
 *
 * What a store is told is also told to a model that knows nothing of runs or
 * chunks: a plain array with the PFN of each page. Any part of the store that a
 * cursor walks must then be the same part of the array, in as few runs as there
 * can be. Runs too long for an array are compared with the calls that made them.
 */

/* The highest PFN that a store keeps */
#define TOP_PFN ((unsigned long)min_t(u64, PFN_RUN_MAX_PFN, ULONG_MAX))

#define MODEL_PAGES 70000UL

/*
 * struct run_test - a store and its model
 * @store: under test, cleared at exit
 * @pfn: of each page that must be in @store
 * @npages: how many there are
 * @nruns: how many runs they make up
 * @rnd: random numbers
 * @seed: what @rnd was started with
 */
struct run_test {
	struct pfn_store store;
	unsigned long *pfn;
	unsigned long npages;
	unsigned long nruns;
	struct rnd_state rnd;
	u32 seed;
};

static int run_test_init(struct kunit *test)
{
	struct run_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->pfn = kvmalloc_array(MODEL_PAGES, sizeof(*t->pfn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->pfn);
	return 0;
}

static void run_test_exit(struct kunit *test)
{
	struct run_test *t = test->priv;

	if (!t)
		return;
	pfn_store_clear(&t->store);
	kvfree(t->pfn);
}

static void start_over(struct run_test *t, u32 seed)
{
	pfn_store_clear(&t->store);
	t->npages = 0;
	t->nruns = 0;
	t->seed = seed;
	prandom_seed_state(&t->rnd, seed);
}

static unsigned long random_below(struct run_test *t, unsigned long limit)
{
	u64 value = (u64)prandom_u32_state(&t->rnd) << 32;

	value |= prandom_u32_state(&t->rnd);
	return (unsigned long)value % limit;
}

/* Add to the store and to its model */
static void append(struct kunit *test, unsigned long pfn, unsigned long npages)
{
	struct run_test *t = test->priv;

	KUNIT_ASSERT_LE(test, npages, MODEL_PAGES - t->npages);
	KUNIT_ASSERT_EQ(test, pfn_store_append(&t->store, pfn, npages), 0);
	if (!t->npages || t->pfn[t->npages - 1] + 1 != pfn)
		t->nruns++;
	while (npages--)
		t->pfn[t->npages++] = pfn++;
	KUNIT_ASSERT_EQ(test, t->store.npages, t->npages);
}

/* A PFN that no other has for a neighbour: every page becomes a run */
static unsigned long scattered_pfn(unsigned long i)
{
	return 0x1000 + 2 * i;
}

static void append_scattered(struct kunit *test, unsigned long npages)
{
	struct run_test *t = test->priv;

	while (npages--)
		append(test, scattered_pfn(t->npages), 1);
}

/* Returns what is wrong with a walk over a part of the store, NULL for nothing */
static const char *mistake_in(const struct run_test *t, unsigned long first,
			      unsigned long npages)
{
	struct pfn_run run = { 1, 2 }, before;
	unsigned long at = first, end = first + npages, runs = 0;
	struct pfn_cursor cursor;

	memset(&cursor, 0xff, sizeof(cursor));
	pfn_cursor_seek(&cursor, &t->store, first, npages);
	for (;;) {
		before = run;
		if (!pfn_cursor_next(&cursor, &run))
			break;
		if (!run.npages)
			return "empty run";
		if (run.npages > end - at)
			return "run beyond the range";
		if (at != first && t->pfn[at - 1] + 1 == run.pfn)
			return "run in two pieces";
		for (unsigned long i = 0; i != run.npages; i++)
			if (t->pfn[at++] != run.pfn + i)
				return "wrong page";
		runs++;
	}
	if (at != end)
		return "range cut short";
	if (run.pfn != before.pfn || run.npages != before.npages)
		return "run changed at the end";
	if (pfn_cursor_next(&cursor, &run))
		return "run behind the end";
	if (npages == t->npages && runs != t->nruns)
		return "wrong number of runs";
	if (npages && pfn_store_page(&t->store, first) != t->pfn[first])
		return "wrong single page";
	return NULL;
}

static void check_part(struct kunit *test, unsigned long first,
		       unsigned long npages)
{
	struct run_test *t = test->priv;
	const char *mistake = mistake_in(t, first, npages);

	if (mistake)
		KUNIT_FAIL_AND_ABORT(test,
				     "%s: %lu pages from %lu of %lu, seed %#x",
				     mistake, npages, first, t->npages, t->seed);
}

static void check_all_parts(struct kunit *test)
{
	struct run_test *t = test->priv;

	for (unsigned long first = 0; first <= t->npages; first++)
		for (unsigned long n = 0; n <= t->npages - first; n++)
			check_part(test, first, n);
}

static void check_random_parts(struct kunit *test, unsigned int rounds)
{
	struct run_test *t = test->priv;

	check_part(test, 0, t->npages);
	while (rounds--) {
		unsigned long first = random_below(t, t->npages);
		unsigned long most = t->npages - first;

		/* Mostly short ones: the ends of a walk are what is special */
		if (random_below(t, 16))
			most = min(most, 1 + random_below(t, 64));
		check_part(test, first, 1 + random_below(t, most));
	}
}

/* Sealing changes nothing but the memory that is taken, for the better */
static void seal(struct kunit *test)
{
	struct run_test *t = test->priv;
	size_t bytes = pfn_store_bytes(&t->store);

	pfn_store_seal(&t->store);
	KUNIT_ASSERT_LE(test, pfn_store_bytes(&t->store), bytes);
	KUNIT_ASSERT_EQ(test, t->store.npages, t->npages);
}

static void empty_store(struct kunit *test)
{
	struct run_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
	check_part(test, 0, 0);
	seal(test);
	check_part(test, 0, 0);
	pfn_store_clear(&t->store);
	KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
	KUNIT_EXPECT_EQ(test, t->store.npages, 0);
}

static void merging(struct kunit *test)
{
	struct run_test *t = test->priv;
	unsigned long last;

	/* A zeroed store must not pass for one that ends with page 0 */
	append(test, 1, 1);
	append(test, 2, 3);
	append(test, 5, 1);
	KUNIT_EXPECT_EQ(test, t->nruns, 1);
	KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
	check_all_parts(test);

	/* Neighbours that do not continue the run */
	last = t->pfn[t->npages - 1];
	append(test, last, 1);
	append(test, last - 1, 1);
	append(test, last + 1, 2);
	append(test, last + 4, 1);
	append(test, last + 5, 4);
	append(test, 0, 1);
	append(test, 1, 7);
	KUNIT_EXPECT_EQ(test, t->nruns, 6);
	check_all_parts(test);

	/* Each run grows just after the one before has left for a chunk */
	for (unsigned long i = 1; i != 20; i++) {
		append(test, 1000 * i, 1);
		append(test, 1000 * i + 1, 1);
		KUNIT_EXPECT_EQ(test, t->nruns, 6 + i);
		check_part(test, 0, t->npages);
	}
	check_all_parts(test);
	seal(test);
	check_all_parts(test);
}

static void every_part(struct kunit *test)
{
	struct run_test *t = test->priv;

	/* Up to some chunks, each with the last chunk in every state of filling */
	for (unsigned long nruns = 1; nruns <= 40; nruns++) {
		start_over(t, nruns);
		for (unsigned long i = 0; i != nruns; i++)
			append(test, 100 * (nruns - i), 1 + random_below(t, 3));
		KUNIT_ASSERT_EQ(test, t->nruns, nruns);
		check_all_parts(test);
		seal(test);
		check_all_parts(test);
	}
}

static void reuse(struct kunit *test)
{
	struct run_test *t = test->priv;

	for (unsigned long n = 1; n <= 4096; n *= 4) {
		start_over(t, n);
		KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
		KUNIT_EXPECT_EQ(test, t->store.npages, 0);
		check_part(test, 0, 0);
		append_scattered(test, n);
		check_random_parts(test, 20);
	}
}

/* Scattered runs take 8 bytes each, and little else where they are many */
static size_t most_bytes(unsigned long nruns)
{
	/* A mark for 64 runs, an index entry for a page of them */
	return sizeof(u64) * nruns + nruns / 3 + PAGE_SIZE;
}

/* However few they are, it is not much more than twice as much */
static size_t most_bytes_sealed(unsigned long nruns)
{
	return min(2 * sizeof(u64) * nruns + nruns / 8 + 128, most_bytes(nruns));
}

static void memory_contiguous(struct kunit *test)
{
	struct run_test *t = test->priv;
	unsigned long pfn = 0x100000;

	/* By the page, then by the folio: one run, up to its limit */
	for (unsigned int i = 0; i != 1024; i++)
		KUNIT_ASSERT_EQ(test, pfn_store_append(&t->store, pfn++, 1), 0);
	for (unsigned int i = 0; i != 1024; i++, pfn += 512)
		KUNIT_ASSERT_EQ(test, pfn_store_append(&t->store, pfn, 512), 0);
	KUNIT_EXPECT_EQ(test, t->store.npages, 1024 + 512 * 1024);
	KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
	pfn_store_seal(&t->store);
	KUNIT_EXPECT_EQ(test, pfn_store_bytes(&t->store), 0);
}

static void memory_scattered(struct kunit *test)
{
	struct run_test *t = test->priv;
	unsigned long nruns;

	append_scattered(test, 2);
	KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store), 64);

	for (nruns = 1; nruns <= 64; nruns++) {
		start_over(t, 0);
		append_scattered(test, nruns);
		KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store),
				most_bytes(nruns));
		seal(test);
		KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store),
				most_bytes_sealed(nruns));
	}
	for (nruns = 100; nruns <= MODEL_PAGES; nruns += nruns / 3) {
		start_over(t, 0);
		append_scattered(test, nruns);
		KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store),
				most_bytes(nruns));
		KUNIT_EXPECT_GE(test, pfn_store_bytes(&t->store),
				sizeof(u32) * (nruns - 1));
		seal(test);
		KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store),
				most_bytes_sealed(nruns));
		KUNIT_EXPECT_GE(test, pfn_store_bytes(&t->store),
				sizeof(u32) * (nruns - 1));
		check_random_parts(test, 50);
	}
}

/* Many single pages in turn take 4 bytes each, unless their PFNs are too large */
static void memory_single_pages(struct kunit *test)
{
	static const u64 first_pfn[] = {
		0x1000, (1ULL << 32) - 2 * MODEL_PAGES, (1ULL << 32) - MODEL_PAGES,
		1ULL << 32,
	};
	struct run_test *t = test->priv;

	for (unsigned int i = 0; i != ARRAY_SIZE(first_pfn); i++) {
		size_t bytes;

		if (first_pfn[i] + 2 * MODEL_PAGES > ULONG_MAX)
			continue;
		start_over(t, i);
		for (unsigned long n = 0; n != MODEL_PAGES; n++)
			append(test, first_pfn[i] + 2 * n, 1);
		seal(test);
		check_random_parts(test, 100);
		bytes = pfn_store_bytes(&t->store);
		if (first_pfn[i] + 2 * MODEL_PAGES <= 1ULL << 32)
			KUNIT_EXPECT_LE(test, bytes,
					MODEL_PAGES * 41 / 10 + 2 * PAGE_SIZE);
		else if (first_pfn[i] > U32_MAX)
			KUNIT_EXPECT_GE(test, bytes, MODEL_PAGES * 8 - 8);
		KUNIT_EXPECT_LE(test, bytes, most_bytes(MODEL_PAGES));
	}
}

/* Chunks of both kinds in one store */
static void single_and_long(struct kunit *test)
{
	struct run_test *t = test->priv;
	unsigned long pfn = 0x1000;

	for (u32 seed = 0; seed != 20; seed++) {
		start_over(t, seed);
		while (t->npages < MODEL_PAGES - 1600) {
			unsigned long n = random_below(t, 1500);
			unsigned long length = 1 + random_below(t, 3) / 2;

			for (; n && t->npages < MODEL_PAGES - 2; n--) {
				append(test, pfn, length);
				pfn += length + 1;
			}
		}
		check_random_parts(test, 100);
		seal(test);
		check_random_parts(test, 100);
	}
}

/* 16 bytes for 2 MiB is the promise: a folio each, none next to another */
static void memory_huge_folios(struct kunit *test)
{
	struct run_test *t = test->priv;

	for (unsigned long n = 1; n <= 40000; n++) {
		KUNIT_ASSERT_EQ(test, pfn_store_append(&t->store, n * 1024, 512), 0);
		if (is_power_of_2(n))
			KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store),
					max(16 * n, most_bytes(n)));
	}
	pfn_store_seal(&t->store);
	KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store), 16UL * 40000);
}

/*
 * A million runs and a hundred thousand seeks: would each of them start at the
 * beginning, the test would not come to its end in time.
 */
static void seek_large(struct kunit *test)
{
	struct run_test *t = test->priv;
	const unsigned long npages = 1 << 20;
	unsigned long wrong = 0;

	for (unsigned long i = 0; i != npages; i++)
		if (pfn_store_append(&t->store, scattered_pfn(i), 1))
			KUNIT_FAIL_AND_ABORT(test, "no memory for run %lu", i);
	pfn_store_seal(&t->store);
	KUNIT_EXPECT_LE(test, pfn_store_bytes(&t->store), most_bytes(npages));

	prandom_seed_state(&t->rnd, 20);
	for (unsigned int i = 0; i != 100000; i++) {
		unsigned long first = random_below(t, npages - 1);
		struct pfn_cursor cursor;
		struct pfn_run run;

		pfn_cursor_seek(&cursor, &t->store, first, 2);
		for (unsigned long at = first; at != first + 2; at++)
			if (!pfn_cursor_next(&cursor, &run) ||
			    run.pfn != scattered_pfn(at) || run.npages != 1)
				wrong++;
		if (pfn_cursor_next(&cursor, &run))
			wrong++;
		if (!(i % 1024))
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Exactly these runs must be in a part of the store */
static void expect_runs(struct kunit *test, unsigned long first,
			unsigned long npages, const struct pfn_run *want,
			unsigned int nr)
{
	struct run_test *t = test->priv;
	struct pfn_cursor cursor;
	struct pfn_run run;

	pfn_cursor_seek(&cursor, &t->store, first, npages);
	for (unsigned int i = 0; i != nr; i++) {
		KUNIT_ASSERT_TRUE(test, pfn_cursor_next(&cursor, &run));
		KUNIT_EXPECT_EQ(test, run.pfn, want[i].pfn);
		KUNIT_EXPECT_EQ(test, run.npages, want[i].npages);
	}
	KUNIT_EXPECT_FALSE(test, pfn_cursor_next(&cursor, &run));
}

#define EXPECT_RUNS(test, first, npages, ...)				\
	do {								\
		const struct pfn_run want[] = { __VA_ARGS__ };		\
									\
		expect_runs(test, first, npages, want, ARRAY_SIZE(want)); \
	} while (0)

/* A run grows by merging until its length is at the limit, not beyond */
static void length_limit_merging(struct kunit *test)
{
	struct pfn_store *store = &((struct run_test *)test->priv)->store;
	const unsigned long max = PFN_RUN_MAX_PAGES;
	const unsigned long pfn = 0x12345;

	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn, max - 2), 0);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn + max - 2, 1), 0);
	EXPECT_RUNS(test, 0, max - 1, { pfn, max - 1 });
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn + max - 1, 1), 0);
	KUNIT_EXPECT_EQ(test, store->npages, max);
	KUNIT_EXPECT_EQ(test, pfn_store_bytes(store), 0);
	EXPECT_RUNS(test, 0, max, { pfn, max });
	EXPECT_RUNS(test, max - 1, 1, { pfn + max - 1, 1 });

	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn + max, 1), 0);
	KUNIT_EXPECT_EQ(test, store->npages, max + 1);
	EXPECT_RUNS(test, 0, max + 1, { pfn, max }, { pfn + max, 1 });
	EXPECT_RUNS(test, max - 1, 2, { pfn + max - 1, 1 }, { pfn + max, 1 });
	EXPECT_RUNS(test, max, 1, { pfn + max, 1 });

	/* What is too much for this run does not go into it in part */
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn + max + 1, max), 0);
	KUNIT_EXPECT_EQ(test, store->npages, 2 * max + 1);
	EXPECT_RUNS(test, 0, 2 * max + 1, { pfn, max }, { pfn + max, 1 },
		    { pfn + max + 1, max });
}

static void length_limit_single(struct kunit *test)
{
	struct pfn_store *store = &((struct run_test *)test->priv)->store;
	const unsigned long max = PFN_RUN_MAX_PAGES;
	const unsigned long pfn = 7;

	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn, 3 * max + 5), 0);
	KUNIT_EXPECT_EQ(test, store->npages, 3 * max + 5);
	EXPECT_RUNS(test, 0, 3 * max + 5, { pfn, max }, { pfn + max, max },
		    { pfn + 2 * max, max }, { pfn + 3 * max, 5 });
	EXPECT_RUNS(test, max - 1, max + 2, { pfn + max - 1, 1 },
		    { pfn + max, max }, { pfn + 2 * max, 1 });
	EXPECT_RUNS(test, 3 * max + 4, 1, { pfn + 3 * max + 4, 1 });
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, pfn + 3 * max + 5, 4), 0);
	EXPECT_RUNS(test, 3 * max, 9, { pfn + 3 * max, 9 });

	pfn_store_clear(store);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, 0, 2 * max), 0);
	EXPECT_RUNS(test, 0, 2 * max, { 0, max }, { max, max });
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, 2 * max, 1), 0);
	pfn_store_seal(store);
	EXPECT_RUNS(test, 0, 2 * max + 1, { 0, max }, { max, max },
		    { 2 * max, 1 });
}

static void highest_pfn(struct kunit *test)
{
	struct pfn_store *store = &((struct run_test *)test->priv)->store;
	const unsigned long max = PFN_RUN_MAX_PAGES;
	const unsigned long top = TOP_PFN;

	KUNIT_ASSERT_EQ(test, pfn_store_append(store, top, 1), 0);
	EXPECT_RUNS(test, 0, 1, { top, 1 });
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, top - max + 1, max), 0);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, top - 1, 1), 0);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, top, 1), 0);
	EXPECT_RUNS(test, 0, max + 4, { top, 1 }, { top - max + 1, max },
		    { 0, 1 }, { top - 1, 2 });
	EXPECT_RUNS(test, max, 4, { top, 1 }, { 0, 1 }, { top - 1, 2 });
	EXPECT_RUNS(test, max + 3, 1, { top, 1 });
	pfn_store_seal(store);
	EXPECT_RUNS(test, 1, max + 3, { top - max + 1, max }, { 0, 1 },
		    { top - 1, 2 });
}

/* What would be cut off is refused: alone, as a run's end, continuing a run */
static void pfn_too_high(struct kunit *test)
{
	struct pfn_store *store = &((struct run_test *)test->priv)->store;
	const unsigned long top = TOP_PFN;

	if (top == ULONG_MAX) {
		kunit_skip(test, "every PFN fits");
		return;
	}
	KUNIT_EXPECT_EQ(test, pfn_store_append(store, top + 1, 1), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, pfn_store_append(store, top, 2), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, pfn_store_append(store, ULONG_MAX, 1),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, store->npages, 0);
	KUNIT_ASSERT_EQ(test, pfn_store_append(store, top, 1), 0);
	KUNIT_EXPECT_EQ(test, pfn_store_append(store, top + 1, 1), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, pfn_store_append(store, 2, ULONG_MAX),
			-EOVERFLOW);
	EXPECT_RUNS(test, 0, 1, { top, 1 });
}

enum fill_kind { FILL_SCATTERED, FILL_FOLIOS, FILL_MIXED, FILL_KINDS };

static void append_random(struct kunit *test, enum fill_kind kind,
			  unsigned long most)
{
	struct run_test *t = test->priv;
	unsigned long last = t->npages ? t->pfn[t->npages - 1] : 0;
	unsigned long pfn = random_below(t, TOP_PFN), n = 1;

	if (kind == FILL_FOLIOS || (kind == FILL_MIXED && random_below(t, 2))) {
		n = 1UL << random_below(t, 10);
		pfn &= ~(n - 1);
	} else if (kind == FILL_MIXED) {
		switch (random_below(t, 5)) {
		case 0:
			pfn = last;
			break;
		case 1:
			pfn = last ? last - 1 : 0;
			break;
		case 2:
			pfn = TOP_PFN;
			break;
		default:
			pfn = last + 1;
			n = 1 + random_below(t, 16);
		}
	} else if (!random_below(t, 16)) {
		pfn = last + 1;
	}
	n = min(n, most);
	if (pfn > TOP_PFN || n - 1 > TOP_PFN - pfn)
		pfn = 0;
	append(test, pfn, n);
}

static void random_parts(struct kunit *test)
{
	static const unsigned long sizes[] = {
		1, 2, 6, 7, 8, 21, 50, 511, 512, 3000, 10000, MODEL_PAGES
	};
	struct run_test *t = test->priv;

	for (unsigned int i = 0; i != ARRAY_SIZE(sizes); i++) {
		for (u32 round = 0; round != 4 * FILL_KINDS; round++) {
			start_over(t, 0xc0ffee + 100 * i + round);
			while (t->npages != sizes[i])
				append_random(test, round % FILL_KINDS,
					      sizes[i] - t->npages);
			check_random_parts(test, 100);
			seal(test);
			check_random_parts(test, 100);
			KUNIT_ASSERT_LE(test, pfn_store_bytes(&t->store),
					most_bytes_sealed(t->nruns));
			cond_resched();
		}
	}
}

/* A part of the store is checked now and then while it is growing */
static void random_growth(struct kunit *test)
{
	struct run_test *t = test->priv;

	for (u32 seed = 1; seed != 20; seed++) {
		start_over(t, seed);
		while (t->npages < 4000) {
			append_random(test, FILL_MIXED, 4000 - t->npages);
			if (!random_below(t, 8))
				check_random_parts(test, 1);
		}
	}
}

/* A call to pfn_store_append(): @start is the index of its first page */
struct long_piece {
	unsigned long start;
	struct pfn_run run;
};

/* Returns what is wrong with a walk over a store made of long pieces */
static const char *mistake_in_pieces(const struct pfn_store *store,
				     const struct long_piece *piece,
				     unsigned long first, unsigned long npages,
				     unsigned int max_runs)
{
	unsigned long at = first;
	struct pfn_cursor cursor;
	struct pfn_run run;

	while (at - piece->start >= piece->run.npages)
		piece++;
	pfn_cursor_seek(&cursor, store, first, npages);
	while (pfn_cursor_next(&cursor, &run)) {
		if (!run.npages || run.npages > PFN_RUN_MAX_PAGES)
			return "bad length";
		if (run.npages > first + npages - at)
			return "run beyond the range";
		if (!max_runs--)
			return "too many runs";
		/* A run of the store can be made of several pieces, or part of one */
		while (run.npages) {
			unsigned long skip = at - piece->start;
			unsigned long n = min(run.npages, piece->run.npages - skip);

			if (piece->run.pfn + skip != run.pfn)
				return "wrong page";
			run.pfn += n;
			run.npages -= n;
			at += n;
			if (skip + n == piece->run.npages)
				piece++;
		}
	}
	return at == first + npages ? NULL : "range cut short";
}

#define LONG_PIECES 200

static void random_long(struct kunit *test)
{
	struct run_test *t = test->priv;
	/* No store is longer than 32 bits can count, and its end is a piece */
	const unsigned long most_pages = U32_MAX / 2;
	struct long_piece *piece;

	piece = kunit_kcalloc(test, LONG_PIECES + 1, sizeof(*piece), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, piece);

	for (u32 seed = 1; seed != 40; seed++) {
		unsigned long npages = 0, next_pfn = 0;
		unsigned int nr = 0, max_runs = 0;

		start_over(t, seed);
		for (unsigned int i = 0; i != LONG_PIECES; i++) {
			unsigned long n = 1UL << random_below(t, 27);
			unsigned long pfn;

			n += random_below(t, 3) - 1;
			if (!n || n > most_pages - npages)
				continue;
			pfn = random_below(t, TOP_PFN - n);
			if (random_below(t, 2) && n <= TOP_PFN - next_pfn)
				pfn = next_pfn;
			KUNIT_ASSERT_EQ(test, pfn_store_append(&t->store, pfn, n), 0);
			piece[nr++] = (struct long_piece){ npages, { pfn, n } };
			npages += n;
			next_pfn = pfn + n;
			max_runs += DIV_ROUND_UP(n, PFN_RUN_MAX_PAGES);
			KUNIT_ASSERT_EQ(test, t->store.npages, npages);
		}
		piece[nr] = (struct long_piece){ npages, { 0, ULONG_MAX } };
		if (seed & 1)
			pfn_store_seal(&t->store);

		for (unsigned int i = 0; i != 300; i++) {
			unsigned long first = i ? random_below(t, npages) : 0;
			unsigned long n = npages - first;
			const char *mistake;

			if (i)
				n = 1 + random_below(t, n);
			mistake = mistake_in_pieces(&t->store, piece, first, n,
						    max_runs);
			if (mistake)
				KUNIT_FAIL_AND_ABORT(test,
						     "%s: %lu pages from %lu of %lu, seed %u",
						     mistake, n, first, npages, seed);
		}
	}
}

static struct kunit_case run_test_cases[] = {
	KUNIT_CASE(empty_store),
	KUNIT_CASE(merging),
	KUNIT_CASE(every_part),
	KUNIT_CASE(reuse),
	KUNIT_CASE(memory_contiguous),
	KUNIT_CASE(memory_scattered),
	KUNIT_CASE(memory_single_pages),
	KUNIT_CASE(single_and_long),
	KUNIT_CASE(memory_huge_folios),
	KUNIT_CASE(length_limit_merging),
	KUNIT_CASE(length_limit_single),
	KUNIT_CASE(highest_pfn),
	KUNIT_CASE(pfn_too_high),
	KUNIT_CASE_SLOW(seek_large),
	KUNIT_CASE_SLOW(random_parts),
	KUNIT_CASE(random_growth),
	KUNIT_CASE(random_long),
	{}
};

static struct kunit_suite run_test_suite = {
	.name = "iommufd-pfn-run",
	.init = run_test_init,
	.exit = run_test_exit,
	.test_cases = run_test_cases,
};

kunit_test_suite(run_test_suite);
