// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the tree of ranges and gaps
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/rbtree_augmented.h>
#include <linux/slab.h>

#include "gap_tree.h"

/**
 * DOC: Gap tree tests
 *
 * The tree is compared with a model that knows nothing of trees or gaps: an
 * array that says for each value of a small space which range owns it. The
 * space lies at the beginning, in the middle or at the end of all values. After
 * each change the whole tree is walked and all that a node says about its
 * subtree is computed anew.
 */

#define SPACE 256UL
#define NOBODY 0xffff
/* Windows of a search reach this far out of the space */
#define MARGIN 40UL

/*
 * struct tree_test - a tree and its model
 * @tree: under test
 * @node: the ranges, in @tree or not
 * @used: whether the node is in @tree
 * @nr_used: how many are
 * @owner: of each value of the space, an index into @node, or NOBODY
 * @base: first value of the space
 * @rnd: random numbers
 * @seed: what @rnd was started with
 */
struct tree_test {
	struct gap_tree tree;
	struct gap_node node[SPACE];
	bool used[SPACE];
	unsigned int nr_used;
	u16 owner[SPACE];
	unsigned long base;
	struct rnd_state rnd;
	u32 seed;
};

static const unsigned long space_bases[] = {
	0, 1UL << (BITS_PER_LONG - 2), ULONG_MAX - SPACE + 1,
};

static void start_over(struct tree_test *t, unsigned long base, u32 seed)
{
	memset(t, 0, sizeof(*t));
	t->tree = GAP_TREE_INIT;
	memset(t->owner, 0xff, sizeof(t->owner));
	t->base = base;
	t->seed = seed;
	prandom_seed_state(&t->rnd, seed);
}

static int tree_test_init(struct kunit *test)
{
	struct tree_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	start_over(t, 0, 0);
	return 0;
}

static u32 random_below(struct tree_test *t, u32 limit)
{
	return prandom_u32_state(&t->rnd) % limit;
}

/* What a walk has found out about a subtree, with no help of its gap members */
struct subtree_facts {
	unsigned long largest;
	unsigned int nodes;
	unsigned int depth;
};

/* @before: the node that the walk in order came from, NULL at first */
static const char *mistake_below(const struct rb_node *rb,
				 const struct gap_node **before,
				 struct subtree_facts *facts)
{
	const struct gap_node *node = rb_entry(rb, struct gap_node, rb);
	struct subtree_facts child;
	const char *mistake;
	unsigned long gap;

	*facts = (struct subtree_facts){ .nodes = 1 };
	if (node->first > node->last)
		return "range turned around";
	if (rb->rb_left) {
		if (rb_parent(rb->rb_left) != rb)
			return "wrong parent";
		mistake = mistake_below(rb->rb_left, before, &child);
		if (mistake)
			return mistake;
		*facts = child;
		facts->nodes++;
	}
	if (*before && (*before)->last >= node->first)
		return "ranges out of order";
	gap = node->first ? node->first - 1 : 0;
	if (*before)
		gap -= (*before)->last;
	if (node->gap != gap)
		return "wrong gap";
	facts->largest = max(facts->largest, gap);
	*before = node;
	if (rb->rb_right) {
		if (rb_parent(rb->rb_right) != rb)
			return "wrong parent";
		mistake = mistake_below(rb->rb_right, before, &child);
		if (mistake)
			return mistake;
		facts->largest = max(facts->largest, child.largest);
		facts->nodes += child.nodes;
		facts->depth = max(facts->depth, child.depth);
	}
	facts->depth++;
	if (node->largest != facts->largest)
		return "wrong facts about a subtree";
	return NULL;
}

static void check_tree(struct kunit *test, const struct gap_tree *tree,
		       unsigned int nodes)
{
	struct tree_test *t = test->priv;
	const struct gap_node *before = NULL;
	struct subtree_facts facts = {};
	const char *mistake;

	KUNIT_ASSERT_EQ(test, gap_tree_empty(tree), !nodes);
	if (!nodes)
		return;
	mistake = mistake_below(tree->root.rb_node, &before, &facts);
	if (mistake)
		KUNIT_FAIL_AND_ABORT(test, "%s: base %#lx, seed %#x", mistake,
				     t->base, t->seed);
	KUNIT_ASSERT_EQ(test, facts.nodes, nodes);
	/* Balanced, which is what bounds the recursion too */
	KUNIT_ASSERT_LE(test, facts.depth, 2 * order_base_2(nodes + 1));
}

/* Insert a range of the space, or find out that it cannot be */
static bool insert(struct kunit *test, unsigned long first, unsigned long last)
{
	struct tree_test *t = test->priv;
	bool taken = false;
	unsigned int i = 0;
	int rc;

	while (t->used[i])
		i++;
	for (unsigned long at = first; at <= last; at++)
		taken |= t->owner[at] != NOBODY;

	t->node[i].first = t->base + first;
	t->node[i].last = t->base + last;
	rc = gap_tree_insert(&t->tree, &t->node[i]);
	KUNIT_ASSERT_EQ_MSG(test, rc, taken ? -EEXIST : 0,
			    "%lu to %lu, base %#lx, seed %#x", first, last,
			    t->base, t->seed);
	if (!taken) {
		t->used[i] = true;
		t->nr_used++;
		for (unsigned long at = first; at <= last; at++)
			t->owner[at] = i;
	}
	check_tree(test, &t->tree, t->nr_used);
	return !taken;
}

static void erase(struct kunit *test, unsigned int i)
{
	struct tree_test *t = test->priv;

	gap_tree_erase(&t->tree, &t->node[i]);
	t->used[i] = false;
	t->nr_used--;
	for (unsigned long at = 0; at != SPACE; at++)
		if (t->owner[at] == i)
			t->owner[at] = NOBODY;
	check_tree(test, &t->tree, t->nr_used);
}

static void split(struct kunit *test, unsigned int i, unsigned long at)
{
	struct tree_test *t = test->priv;
	unsigned long first = t->node[i].first, last = t->node[i].last;
	unsigned int upper = 0;

	while (t->used[upper])
		upper++;
	gap_tree_split(&t->tree, &t->node[i], &t->node[upper], t->base + at);
	KUNIT_ASSERT_EQ(test, t->node[i].first, first);
	KUNIT_ASSERT_EQ(test, t->node[i].last, t->base + at - 1);
	KUNIT_ASSERT_EQ(test, t->node[upper].first, t->base + at);
	KUNIT_ASSERT_EQ(test, t->node[upper].last, last);

	t->used[upper] = true;
	t->nr_used++;
	for (; at != SPACE && t->owner[at] == i; at++)
		t->owner[at] = upper;
	check_tree(test, &t->tree, t->nr_used);
}

/* Walks the tree and the model over a window side by side */
static void check_window(struct kunit *test, unsigned long first,
			 unsigned long last)
{
	struct tree_test *t = test->priv;
	struct gap_node *node = gap_tree_first_in(&t->tree, t->base + first,
						  t->base + last);
	unsigned long at = first;

	while (at <= last) {
		unsigned int i = t->owner[at];

		if (i == NOBODY) {
			at++;
			continue;
		}
		if (node != &t->node[i])
			break;
		while (at <= last && t->owner[at] == i)
			at++;
		node = gap_tree_next_in(node, t->base + last);
	}
	if (at <= last || node)
		KUNIT_FAIL_AND_ABORT(test,
				     "wrong range in %lu to %lu, base %#lx, seed %#x",
				     first, last, t->base, t->seed);
}

static unsigned long random_length(struct tree_test *t, unsigned long most)
{
	unsigned long limit = random_below(t, 8) ? 6 : most;

	return 1 + random_below(t, min(limit, most));
}

/* One random change; an insertion in @inserts of 10 cases */
static void random_change(struct kunit *test, unsigned int inserts)
{
	struct tree_test *t = test->priv;
	unsigned long at = random_below(t, SPACE);
	unsigned int i = t->owner[at];

	if (random_below(t, 10) < inserts)
		insert(test, at, at + random_length(t, SPACE - at) - 1);
	else if (i == NOBODY)
		return;
	else if (random_below(t, 2) || t->node[i].first == t->base + at)
		erase(test, i);
	else
		split(test, i, at);
}

static void empty_tree(struct kunit *test)
{
	struct tree_test *t = test->priv;
	struct gap_request request = {
		.highest = ULONG_MAX, .length = ULONG_MAX, .align = 1, .grain = 1,
	};
	unsigned long first;

	KUNIT_EXPECT_TRUE(test, gap_tree_empty(&t->tree));
	KUNIT_EXPECT_NULL(test, gap_tree_first_in(&t->tree, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(&t->tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 1);

	/* The same of a tree that has become empty */
	insert(test, 10, 20);
	erase(test, 0);
	KUNIT_EXPECT_NULL(test, gap_tree_first_in(&t->tree, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(&t->tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 1);
	request.lowest = 2;
	KUNIT_EXPECT_FALSE(test, gap_tree_find_gap(&t->tree, &request, &first));
}

static void overlap(struct kunit *test)
{
	struct tree_test *t = test->priv;

	for (unsigned int i = 0; i != ARRAY_SIZE(space_bases); i++) {
		start_over(t, space_bases[i], 0);
		KUNIT_ASSERT_TRUE(test, insert(test, 10, 12));
		KUNIT_ASSERT_TRUE(test, insert(test, 16, 16));
		KUNIT_ASSERT_TRUE(test, insert(test, 17, 20));
		for (unsigned long first = 8; first != 23; first++) {
			for (unsigned long last = first; last != 23; last++) {
				if (insert(test, first, last))
					erase(test, t->owner[first]);
				check_window(test, first, last);
			}
		}
	}
}

static void change_and_look(struct kunit *test)
{
	struct tree_test *t = test->priv;

	for (u32 seed = 0; seed != 18; seed++) {
		start_over(t, space_bases[seed % ARRAY_SIZE(space_bases)], seed);
		for (unsigned int i = 0; i != 1500; i++) {
			unsigned long first = random_below(t, SPACE);

			/* The tree grows, shrinks to nothing, and grows again */
			random_change(test, i / 250 % 2 ? 1 : 8);
			check_window(test, first,
				     first + random_length(t, SPACE - first) - 1);
		}
		for (unsigned long first = 0; first != SPACE; first++)
			for (unsigned long last = first; last != SPACE; last++)
				check_window(test, first, last);
	}
}

static bool find(const struct gap_tree *tree, unsigned long lowest,
		 unsigned long highest, unsigned long length,
		 unsigned long *first)
{
	struct gap_request request = {
		.lowest = lowest, .highest = highest, .length = length,
		.align = 1, .grain = 1,
	};

	*first = 0x5a5a;
	return gap_tree_find_gap(tree, &request, first);
}

/* One range has it all: the size of such a range is not even a number */
static void whole_range(struct kunit *test)
{
	struct tree_test *t = test->priv;
	struct gap_tree *tree = &t->tree;
	struct gap_node *node = t->node, other = { .first = 5, .last = 5 };
	unsigned long first;

	node[0].first = 0;
	node[0].last = ULONG_MAX;
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &node[0]), 0);
	check_tree(test, tree, 1);
	KUNIT_EXPECT_EQ(test, gap_tree_insert(tree, &other), -EEXIST);
	other = node[0];
	KUNIT_EXPECT_EQ(test, gap_tree_insert(tree, &other), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, gap_tree_first_in(tree, 0, 0), &node[0]);
	KUNIT_EXPECT_PTR_EQ(test, gap_tree_first_in(tree, ULONG_MAX, ULONG_MAX),
			    &node[0]);
	KUNIT_EXPECT_NULL(test, gap_tree_next_in(&node[0], ULONG_MAX));
	KUNIT_EXPECT_FALSE(test, find(tree, 0, ULONG_MAX, 1, &first));
	KUNIT_EXPECT_EQ(test, first, 0x5a5a);

	/* Cut at both ends and in the middle, no gap between the parts */
	gap_tree_split(tree, &node[0], &node[3], ULONG_MAX);
	check_tree(test, tree, 2);
	gap_tree_split(tree, &node[0], &node[1], 1);
	check_tree(test, tree, 3);
	gap_tree_split(tree, &node[1], &node[2], 1UL << (BITS_PER_LONG - 1));
	check_tree(test, tree, 4);
	KUNIT_EXPECT_EQ(test, node[0].last, 0);
	KUNIT_EXPECT_EQ(test, node[3].first, ULONG_MAX);
	KUNIT_EXPECT_FALSE(test, find(tree, 0, ULONG_MAX, 1, &first));
	KUNIT_EXPECT_PTR_EQ(test, gap_tree_first_in(tree, 1, ULONG_MAX), &node[1]);
	KUNIT_EXPECT_PTR_EQ(test, gap_tree_next_in(&node[1], ULONG_MAX), &node[2]);
	KUNIT_EXPECT_PTR_EQ(test, gap_tree_next_in(&node[2], ULONG_MAX), &node[3]);
	KUNIT_EXPECT_NULL(test, gap_tree_next_in(&node[2], ULONG_MAX - 1));
	KUNIT_EXPECT_NULL(test, gap_tree_next_in(&node[3], ULONG_MAX));

	/* Value 0 alone is no gap; the last one is the smallest there can be */
	gap_tree_erase(tree, &node[0]);
	check_tree(test, tree, 3);
	KUNIT_EXPECT_FALSE(test, find(tree, 0, ULONG_MAX, 1, &first));
	gap_tree_erase(tree, &node[3]);
	check_tree(test, tree, 2);
	KUNIT_EXPECT_TRUE(test, find(tree, 0, ULONG_MAX, 1, &first));
	KUNIT_EXPECT_EQ(test, first, ULONG_MAX);
	KUNIT_EXPECT_FALSE(test, find(tree, 0, ULONG_MAX, 2, &first));
	KUNIT_EXPECT_FALSE(test, find(tree, 1, ULONG_MAX - 1, 1, &first));

	/* The largest gap there can be between two ranges */
	gap_tree_erase(tree, &node[1]);
	gap_tree_erase(tree, &node[2]);
	node[0].first = 0;
	node[0].last = 0;
	node[3].first = ULONG_MAX;
	node[3].last = ULONG_MAX;
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &node[3]), 0);
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &node[0]), 0);
	check_tree(test, tree, 2);
	KUNIT_EXPECT_TRUE(test, find(tree, 0, ULONG_MAX, ULONG_MAX - 1, &first));
	KUNIT_EXPECT_EQ(test, first, 1);
	KUNIT_EXPECT_FALSE(test, find(tree, 0, ULONG_MAX, ULONG_MAX, &first));
	KUNIT_EXPECT_TRUE(test, find(tree, 2, ULONG_MAX, ULONG_MAX - 2, &first));
	KUNIT_EXPECT_EQ(test, first, 2);
	KUNIT_EXPECT_FALSE(test, find(tree, 2, ULONG_MAX, ULONG_MAX - 1, &first));
}

/* Where sums do not fit: neither a wrong place nor a place missed */
static void large_alignment(struct kunit *test)
{
	const unsigned long half = 1UL << (BITS_PER_LONG - 1);
	struct tree_test *t = test->priv;
	struct gap_tree *tree = &t->tree;
	struct gap_request request = {
		.highest = ULONG_MAX, .length = 0x1000,
		.align = half, .offset = 0x1000, .grain = 0x1000,
	};
	unsigned long first;

	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 0x1000);
	request.lowest = 0x1001;
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, half + 0x1000);
	request.lowest = half + 0x1001;
	KUNIT_EXPECT_FALSE(test, gap_tree_find_gap(tree, &request, &first));

	/* Up to the last value, not beyond */
	request.lowest = 1;
	request.offset = 0;
	request.length = half;
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, half);
	request.length = half + 1;
	KUNIT_EXPECT_FALSE(test, gap_tree_find_gap(tree, &request, &first));

	/* Length and alignment together are more than there are values */
	request.lowest = 0;
	request.length = ULONG_MAX - 0x1000;
	request.offset = 0x1000;
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 0x1000);

	/* The same before the first range, and behind the last one */
	request.length = half + 0x1000;
	t->node[0].first = half + 0x2000;
	t->node[0].last = ULONG_MAX;
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &t->node[0]), 0);
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 0x1000);
	gap_tree_erase(tree, &t->node[0]);

	request.offset = 0x2000;
	t->node[0].first = 0;
	t->node[0].last = 0xfff;
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &t->node[0]), 0);
	KUNIT_EXPECT_TRUE(test, gap_tree_find_gap(tree, &request, &first));
	KUNIT_EXPECT_EQ(test, first, 0x2000);

	t->node[1].first = half + 0x2000;
	t->node[1].last = half + 0x2fff;
	KUNIT_ASSERT_EQ(test, gap_tree_insert(tree, &t->node[1]), 0);
	KUNIT_EXPECT_FALSE(test, gap_tree_find_gap(tree, &request, &first));
	request.length = 0x1000;
	request.lowest = 0x2001;
	KUNIT_EXPECT_FALSE(test, gap_tree_find_gap(tree, &request, &first));
}

/* The owner of a value, which may lie out of the space */
static unsigned int owner_of(const struct tree_test *t, unsigned long value)
{
	return value - t->base < SPACE ? t->owner[value - t->base] : NOBODY;
}

static bool range_free(const struct tree_test *t, unsigned long first,
		       unsigned long length)
{
	while (length--)
		if (owner_of(t, first++) != NOBODY)
			return false;
	return true;
}

/* Whether the place is as wanted, whatever else there might be */
static bool place_valid(const struct tree_test *t,
			const struct gap_request *request, unsigned long first)
{
	return first && first >= request->lowest && first <= request->highest &&
	       request->highest - first >= request->length - 1 &&
	       first % request->align == request->offset &&
	       range_free(t, first, request->length);
}

/*
 * Whether the place is in a gap that is large enough for any alignment, or not
 * between two ranges at all: there a search has to find it.
 */
static bool place_roomy(const struct tree_test *t,
			const struct gap_request *request, unsigned long place)
{
	unsigned long need = request->length + request->align - request->grain;
	unsigned long first = place, last = place;

	if (place - t->base >= SPACE)
		return true;
	while (first != t->base && owner_of(t, first - 1) == NOBODY)
		first--;
	while (last != t->base + SPACE - 1 && owner_of(t, last + 1) == NOBODY)
		last++;
	return first == t->base || last == t->base + SPACE - 1 ||
	       last - first + 1 >= need;
}

/* How many gaps between two ranges are as large as the length */
static unsigned int large_gaps(const struct tree_test *t, unsigned long length)
{
	unsigned long last = SPACE, size = 0;
	unsigned int nr = 0;

	for (unsigned long at = 0; at != SPACE; at++) {
		if (t->owner[at] == NOBODY) {
			size++;
			continue;
		}
		if (last != SPACE && size >= length)
			nr++;
		size = 0;
		last = at;
	}
	return nr;
}

struct search_count {
	unsigned int found;
	unsigned int missed;
	unsigned int none;
	unsigned int inexact;
};

static void check_search(struct kunit *test, const struct gap_request *request,
			 struct search_count *count)
{
	struct tree_test *t = test->priv;
	unsigned long exact = 0, roomy = 0, first = 0x5a5a;
	bool has_exact = false, has_roomy = false, found;
	bool must_be_exact = request->align == request->grain ||
			     large_gaps(t, request->length) <= GAP_MISFITS;
	const char *mistake = NULL;

	for (unsigned long at = request->lowest; !has_roomy; at++) {
		if (place_valid(t, request, at)) {
			if (!has_exact)
				exact = at;
			has_exact = true;
			roomy = at;
			has_roomy = place_roomy(t, request, at);
		}
		if (at == request->highest)
			break;
	}

	found = gap_tree_find_gap(&t->tree, request, &first);
	if (!found && first != 0x5a5a)
		mistake = "place without success";
	else if (found && !place_valid(t, request, first))
		mistake = "bad place";
	else if (found && has_roomy && first > roomy)
		mistake = "not the lowest place with room";
	else if (!found && has_roomy)
		mistake = "place with room missed";
	else if (must_be_exact && found != has_exact)
		mistake = "place missed";
	else if (must_be_exact && found && first != exact)
		mistake = "not the lowest place";
	if (mistake)
		KUNIT_FAIL_AND_ABORT(test,
				     "%s: found %d %#lx, want %d %#lx, %d %#lx, window %#lx-%#lx length %lu align %lu offset %lu grain %lu, seed %#x",
				     mistake, found, first, has_exact, exact,
				     has_roomy, roomy, request->lowest,
				     request->highest, request->length,
				     request->align, request->offset,
				     request->grain, t->seed);
	if (!must_be_exact)
		count->inexact++;
	if (found)
		count->found++;
	else if (has_exact)
		count->missed++;
	else
		count->none++;
}

/* A window in or around the space */
static void random_window(struct tree_test *t, struct gap_request *request)
{
	unsigned long below = min(t->base, MARGIN);
	unsigned long above = min(ULONG_MAX - (t->base + SPACE - 1), MARGIN);
	unsigned long size = below + SPACE + above;
	unsigned long first = 0, last = size - 1;

	if (random_below(t, 3)) {
		first = random_below(t, size);
		last = first + random_below(t, size - first);
	}
	request->lowest = t->base - below + first;
	request->highest = t->base - below + last;
}

/* Ranges at multiples of @grain fill up to all of the space */
static void fill_grains(struct kunit *test, unsigned long grain)
{
	struct tree_test *t = test->priv;
	static const unsigned int sizes[] = { 1, 3, 8, 40 };
	unsigned int most = sizes[random_below(t, ARRAY_SIZE(sizes))];
	unsigned int dense = random_below(t, 14);
	unsigned long at = 0;
	bool taken = false;

	while (at < SPACE) {
		unsigned long n = grain * (1 + random_below(t, most));

		n = min(n, SPACE - at);
		/* At its most dense, ranges and gaps take turns */
		taken = dense > 9 ? !taken : random_below(t, 10) < dense;
		if (taken)
			insert(test, at, at + n - 1);
		at += n;
	}
}

static void search_random(struct kunit *test, bool exact)
{
	struct tree_test *t = test->priv;
	struct search_count count = {};

	for (u32 seed = 0; seed != 600; seed++) {
		unsigned long grain;

		start_over(t, space_bases[seed % ARRAY_SIZE(space_bases)],
			   seed + 0x1000 * exact);
		grain = 1UL << random_below(t, 4);
		fill_grains(test, grain);
		for (unsigned int i = 0; i != 60; i++) {
			struct gap_request request = { .grain = grain };

			random_window(t, &request);
			request.length = random_length(t, i % 4 ? 64 : 2);
			request.align = grain;
			if (!exact)
				request.align <<= 1 + random_below(t, 5);
			request.offset = grain *
				random_below(t, request.align / grain);
			check_search(test, &request, &count);
		}
		cond_resched();
	}

	/* Was there something to find, and something not to be found? */
	KUNIT_EXPECT_GT(test, count.found, 1000);
	KUNIT_EXPECT_GT(test, count.none, 1000);
	if (exact)
		KUNIT_EXPECT_EQ(test, count.missed, 0);
	else
		KUNIT_EXPECT_GT(test, count.inexact, 20);
	kunit_info(test, "%u found, %u not there, %u missed for little room; %u need not be exact",
		   count.found, count.none, count.missed, count.inexact);
}

static void search_exact(struct kunit *test)
{
	search_random(test, true);
}

static void search_aligned(struct kunit *test)
{
	search_random(test, false);
}

/* In a full space each range is taken out, and its place found */
static void search_one_gap(struct kunit *test)
{
	struct tree_test *t = test->priv;
	struct search_count count = {};

	for (unsigned int b = 0; b != ARRAY_SIZE(space_bases); b++) {
		start_over(t, space_bases[b], 0);
		for (unsigned long at = 0; at != SPACE; at += 2)
			insert(test, at, at + 1);
		for (unsigned int i = 0; i != SPACE / 2; i++) {
			struct gap_request request = {
				.lowest = t->base,
				.highest = t->base + SPACE - 1,
				.length = 2, .align = 2, .grain = 2,
			};
			unsigned long first = t->node[i].first;

			check_search(test, &request, &count);
			erase(test, i);
			check_search(test, &request, &count);
			request.length = 1;
			request.lowest = first + 1;
			request.align = 1;
			request.grain = 1;
			check_search(test, &request, &count);
			if (request.highest - first >= 2) {
				request.lowest = first + 2;
				check_search(test, &request, &count);
			}
			insert(test, first - t->base, first - t->base + 1);
		}
	}
	KUNIT_EXPECT_GT(test, count.found, SPACE);
	KUNIT_EXPECT_GT(test, count.none, SPACE);
}

#define MANY 100000UL
#define SEARCHES 100000U
/* Each of the many ranges is this long; all is a multiple of it */
#define PIECE 0x1000UL

/*
 * Ranges with gaps between them, those of the first half of another size than
 * those of the second. With so many of them and so many searches, a search that
 * looks at each range would make a test take minutes instead of a moment.
 */
struct many_test {
	struct gap_tree tree;
	struct gap_node node[MANY];
};

KUNIT_DEFINE_ACTION_WRAPPER(free_many, kvfree, const void *);

static struct many_test *fill_many(struct kunit *test, unsigned long lower_gap,
				   unsigned long upper_gap)
{
	struct many_test *many = kvzalloc_obj(*many, GFP_KERNEL);
	unsigned long first = 0;

	KUNIT_ASSERT_NOT_NULL(test, many);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_many, many), 0);
	many->tree = GAP_TREE_INIT;
	for (unsigned long i = 0; i != MANY; i++) {
		many->node[i].first = first;
		many->node[i].last = first + PIECE - 1;
		first += PIECE + (i < MANY / 2 ? lower_gap : upper_gap);
	}
	/* In an order that is neither up nor down: 7919 is a prime */
	for (unsigned long i = 0; i != MANY; i++)
		KUNIT_ASSERT_EQ(test, gap_tree_insert(&many->tree,
						      &many->node[i * 7919 % MANY]), 0);
	check_tree(test, &many->tree, MANY);
	return many;
}

/*
 * All gaps are large enough for the length, none is for its alignment, but one.
 * In units of PIECE: range i is at 4 * i, so that at each 8 * k a range begins,
 * and 8 * k + 3 is the last place before the next one.
 */
static void many_misaligned(struct kunit *test)
{
	struct many_test *many = fill_many(test, 3 * PIECE, 3 * PIECE);
	struct gap_node *middle = &many->node[MANY / 2];
	struct tree_test *t = test->priv;
	unsigned long roomy = middle[-1].last + 1;
	unsigned long behind = many->node[MANY - 1].last + 1;
	unsigned int wrong = 0;

	gap_tree_erase(&many->tree, &middle[0]);
	gap_tree_erase(&many->tree, &middle[1]);

	/* A search looks at some gaps in vain: there need not be so many */
	for (unsigned int i = 0; i != SEARCHES / 5; i++) {
		bool above = i & 1, whole = i & 2;
		struct gap_request request = {
			.length = 2 * PIECE, .align = 8 * PIECE,
			.offset = i & 4 ? 3 * PIECE : 0, .grain = PIECE,
		};
		unsigned long first = 0, want = middle->first + request.offset;

		if (above) {
			request.lowest = middle[2].first;
			want = roundup(behind - request.offset, request.align) +
			       request.offset;
		}
		request.lowest += random_below(t, roomy - 16 * PIECE);
		request.highest = whole ? ULONG_MAX :
				  above ? behind : roomy + PIECE;
		if (gap_tree_find_gap(&many->tree, &request, &first) != whole ||
		    (whole && first != want))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/*
 * The same with some places that only luck can find: without a range at 8 * k,
 * there is a place, but too little room for any alignment. A search that finds
 * each of them looks at every gap. The one place with room is behind them.
 */
static void many_lucky(struct kunit *test)
{
	struct many_test *many = fill_many(test, 3 * PIECE, 3 * PIECE);
	struct gap_node *last = &many->node[MANY - 2000];
	struct tree_test *t = test->priv;
	unsigned int wrong = 0, given_up = 0;

	for (unsigned long i = 1000; i < MANY - 2000; i += 2000)
		gap_tree_erase(&many->tree, &many->node[i]);
	gap_tree_erase(&many->tree, &last[0]);
	gap_tree_erase(&many->tree, &last[1]);

	for (unsigned int i = 0; i != SEARCHES / 5; i++) {
		struct gap_request request = {
			.lowest = random_below(t, last[-2000].first),
			.highest = ULONG_MAX,
			.length = 2 * PIECE, .align = 8 * PIECE,
			.offset = i & 1 ? 3 * PIECE : 0, .grain = PIECE,
		};
		unsigned long first = 0, want = last->first + request.offset;

		if (!gap_tree_find_gap(&many->tree, &request, &first) ||
		    first < request.lowest || first > want ||
		    first % request.align != request.offset)
			wrong++;
		else if (first == want)
			given_up++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, given_up, SEARCHES / 10);
}

/* The gaps that are large enough are all below the window, or none is there */
static void many_small_above(struct kunit *test)
{
	struct many_test *many = fill_many(test, 2 * PIECE, PIECE);
	struct tree_test *t = test->priv;
	unsigned long middle = many->node[MANY / 2].first;
	unsigned long behind = many->node[MANY - 1].last + 1;
	unsigned int wrong = 0;

	for (unsigned int i = 0; i != SEARCHES; i++) {
		unsigned long lowest = random_below(t, behind), first;
		/* In the lower half the gap comes last of three pieces */
		unsigned long want = roundup(lowest + 2 * PIECE, 3 * PIECE) - 2 * PIECE;

		if (lowest > middle - 2 * PIECE)
			want = behind;
		if (!find(&many->tree, lowest, ULONG_MAX, 2 * PIECE, &first) ||
		    first != want)
			wrong++;
		lowest = max(lowest, middle);
		if (find(&many->tree, lowest, behind + PIECE, 2 * PIECE, &first))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* The gaps that are large enough are all above what is looked at first */
static void many_small_below(struct kunit *test)
{
	struct many_test *many = fill_many(test, PIECE, 4 * PIECE);
	struct tree_test *t = test->priv;
	unsigned long middle = many->node[MANY / 2].first;
	unsigned int wrong = 0;

	for (unsigned int i = 0; i != SEARCHES; i++) {
		unsigned long lowest = random_below(t, middle), first;

		if (!find(&many->tree, lowest, ULONG_MAX, 4 * PIECE, &first) ||
		    first != middle + PIECE)
			wrong++;
		if (find(&many->tree, lowest, middle, 2 * PIECE, &first))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* One range after the other goes, its place is found, and it comes back */
static void many_changes(struct kunit *test)
{
	struct many_test *many = fill_many(test, PIECE, PIECE);
	struct tree_test *t = test->priv;
	unsigned int wrong = 0;

	for (unsigned int i = 0; i != SEARCHES; i++) {
		unsigned long n = 1 + random_below(t, MANY - 2), first;
		struct gap_node *node = &many->node[n];

		if (gap_tree_first_in(&many->tree, node->first - PIECE,
				      node->last) != node ||
		    gap_tree_next_in(node, ULONG_MAX) != node + 1 ||
		    gap_tree_next_in(node, node->last + PIECE))
			wrong++;
		gap_tree_erase(&many->tree, node);
		if (!find(&many->tree, 0, ULONG_MAX, 3 * PIECE, &first) ||
		    first != node->first - PIECE)
			wrong++;
		if (gap_tree_insert(&many->tree, node))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	check_tree(test, &many->tree, MANY);
}

static struct kunit_case tree_test_cases[] = {
	KUNIT_CASE(empty_tree),
	KUNIT_CASE(overlap),
	KUNIT_CASE(change_and_look),
	KUNIT_CASE(whole_range),
	KUNIT_CASE(large_alignment),
	KUNIT_CASE(search_one_gap),
	KUNIT_CASE_SLOW(search_exact),
	KUNIT_CASE_SLOW(search_aligned),
	KUNIT_CASE_SLOW(many_misaligned),
	KUNIT_CASE_SLOW(many_lucky),
	KUNIT_CASE_SLOW(many_small_above),
	KUNIT_CASE_SLOW(many_small_below),
	KUNIT_CASE_SLOW(many_changes),
	{}
};

static struct kunit_suite tree_test_suite = {
	.name = "iommufd-gap-tree",
	.init = tree_test_init,
	.test_cases = tree_test_cases,
};

kunit_test_suite(tree_test_suite);
