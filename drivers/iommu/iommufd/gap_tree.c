// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Tree of ranges and gaps
 *
 * Holds disjoint ranges of unsigned long, inclusive at both ends, so that a whole
 * IOVA space can be described. Each node knows the gap before it, and the largest
 * one in its subtree: looking a range up, adding or removing one, and finding the
 * lowest free place all take time in the logarithm of the number of ranges. What
 * lies behind the last range is no node's gap. Nor is value 0 a part of one: nobody
 * is given it, so a first gap that is just too small does not attract each search.
 *
 * The caller locks. The tree knows nothing of what its nodes are embedded in.
 */
#include <linux/align.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>

#include "gap_tree.h"

static struct gap_node *gap_node_of(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct gap_node, rb);
}

static struct gap_node *gap_left(const struct gap_node *node)
{
	return gap_node_of(node->rb.rb_left);
}

static struct gap_node *gap_right(const struct gap_node *node)
{
	return gap_node_of(node->rb.rb_right);
}

static unsigned long gap_before(const struct gap_node *node)
{
	return node->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, gap_tree_augment, struct gap_node, rb,
			 unsigned long, largest, gap_before);

static void gap_set(struct gap_node *node, unsigned long gap)
{
	node->gap = gap;
	gap_tree_augment.propagate(&node->rb, NULL);
}

/**
 * gap_tree_insert() - Add a range
 * @tree: the tree
 * @node: node with first and last set
 *
 * Return: 0, or -EEXIST where it overlaps a range in the tree.
 */
int gap_tree_insert(struct gap_tree *tree, struct gap_node *node)
{
	struct rb_node **link = &tree->root.rb_node, *parent = NULL;
	struct gap_node *before = NULL, *behind = NULL;

	/* Most trees of extents never have another range */
	if (!*link) {
		node->gap = node->first - !!node->first;
		node->largest = node->gap;
		rb_link_node(&node->rb, NULL, link);
		rb_set_parent_color(&node->rb, NULL, RB_BLACK);
		return 0;
	}
	while (*link) {
		struct gap_node *here = gap_node_of(*link);

		parent = *link;
		if (node->last < here->first) {
			behind = here;
			link = &parent->rb_left;
		} else if (node->first > here->last) {
			before = here;
			link = &parent->rb_right;
		} else {
			return -EEXIST;
		}
	}

	if (behind)
		gap_set(behind, behind->first - node->last - 1);
	node->gap = node->first - (before ? before->last : 0) - 1;
	if (unlikely(!node->first))
		node->gap = 0;
	node->largest = node->gap;
	rb_link_node(&node->rb, parent, link);
	gap_tree_augment.propagate(parent, NULL);
	rb_insert_augmented(&node->rb, &tree->root, &gap_tree_augment);
	return 0;
}

/**
 * gap_tree_erase() - Remove a range
 * @tree: the tree
 * @node: a node in it
 */
void gap_tree_erase(struct gap_tree *tree, struct gap_node *node)
{
	struct gap_node *behind = gap_node_of(rb_next(&node->rb));

	if (behind)
		gap_set(behind, behind->gap + node->gap + node->last -
				node->first + !!node->first);
	rb_erase_augmented(&node->rb, &tree->root, &gap_tree_augment);
}

/**
 * gap_tree_split() - Cut a range in two
 * @tree: the tree
 * @node: a node in it; keeps what lies before @at
 * @upper: node to be set up with the rest, not in a tree
 * @at: first value of the upper part, inside of @node's range
 */
void gap_tree_split(struct gap_tree *tree, struct gap_node *node,
		    struct gap_node *upper, unsigned long at)
{
	upper->first = at;
	upper->last = node->last;
	node->last = at - 1;
	/* Cannot overlap: the place was @node's own */
	gap_tree_insert(tree, upper);
}

/**
 * gap_tree_first_in() - The first range that touches a window
 * @tree: the tree
 * @first: first value of the window
 * @last: last value of the window, inclusive
 *
 * Return: the lowest node with a byte in the window, or NULL.
 */
struct gap_node *gap_tree_first_in(const struct gap_tree *tree,
				   unsigned long first, unsigned long last)
{
	struct gap_node *node = gap_node_of(tree->root.rb_node);
	struct gap_node *found = NULL;

	while (node) {
		if (node->last >= first) {
			found = node;
			if (node->first <= first)
				break;
			node = gap_left(node);
		} else {
			node = gap_right(node);
		}
	}
	return found && found->first <= last ? found : NULL;
}

/*
 * The lowest suitable place inside of a gap. Counts the gaps that are large
 * enough in vain.
 */
static bool gap_try(const struct gap_request *request, unsigned long first,
		    unsigned long last, unsigned int *misfits,
		    unsigned long *found)
{
	unsigned long start;

	first = max(first, request->lowest);
	last = min(last, request->highest);
	if (first > last || last - first < request->length - 1)
		return false;
	start = first + ((request->offset - first) & (request->align - 1));
	if (start < first || start > last ||
	    last - start < request->length - 1) {
		++*misfits;
		return false;
	}
	*found = start;
	return true;
}

/**
 * gap_tree_find_gap() - Find the lowest free place
 * @tree: the tree
 * @request: what is wanted
 * @first: out: where it begins
 *
 * Value 0 is no place. Every gap that is large enough is looked at. After
 * GAP_MISFITS that do not fit because of their alignment, only those are that are
 * sure to, whatever their alignment: so it stays O(log n). With @align equal to
 * @grain that makes no difference, and the search is exact.
 *
 * Return: whether there is one.
 */
bool gap_tree_find_gap(const struct gap_tree *tree,
		       const struct gap_request *request, unsigned long *first)
{
	struct gap_node *node = gap_node_of(tree->root.rb_node);
	unsigned long need = request->length, roomy;
	struct gap_node *child, *parent;
	unsigned int misfits = 0;

	if (!node)
		return gap_try(request, 1, ULONG_MAX, &misfits, first);
	if (check_add_overflow(request->length,
			       request->align - request->grain, &roomy))
		roomy = ULONG_MAX;
	if (node->largest < need)
		goto behind;

descend:
	/* What is on the left lies below where the node's own gap begins */
	child = gap_left(node);
	while (child && child->largest >= need &&
	       node->first - node->gap > request->lowest) {
		node = child;
		child = gap_left(node);
	}
visit:
	if (node->gap && gap_try(request, node->first - node->gap,
				 node->first - 1, &misfits, first))
		return true;
	if (node->first > request->highest)
		return false;
	if (misfits >= GAP_MISFITS)
		need = roomy;
	child = gap_right(node);
	if (child && child->largest >= need) {
		node = child;
		goto descend;
	}
	/* All below this node was in vain: go on behind it */
	while ((parent = gap_node_of(rb_parent(&node->rb)))) {
		child = gap_left(parent);
		if (child == node) {
			node = parent;
			goto visit;
		}
		node = parent;
	}
behind:
	node = gap_node_of(rb_last(&tree->root));
	return node->last != ULONG_MAX &&
	       gap_try(request, node->last + 1, ULONG_MAX, &misfits, first);
}
