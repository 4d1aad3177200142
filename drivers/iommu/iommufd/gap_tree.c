// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Tree of ranges and gaps
 *
 * Holds disjoint ranges of unsigned long, inclusive at both ends, so that a whole
 * IOVA space can be described. Each node knows the largest gap in its subtree:
 * looking a range up, adding or removing one, and finding the lowest free place
 * all take time in the logarithm of the number of ranges.
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

static bool gap_subtree_compute(struct gap_node *node, bool exit)
{
	struct gap_node *left = gap_left(node), *right = gap_right(node);
	struct gap_subtree sub = { node->first, node->last, 0 };

	if (left) {
		sub.first = left->sub.first;
		sub.gap = max(left->sub.gap, node->first - left->sub.last - 1);
	}
	if (right) {
		sub.last = right->sub.last;
		sub.gap = max3(sub.gap, right->sub.gap,
			       right->sub.first - node->last - 1);
	}
	if (exit && sub.first == node->sub.first &&
	    sub.last == node->sub.last && sub.gap == node->sub.gap)
		return true;
	node->sub = sub;
	return false;
}

RB_DECLARE_CALLBACKS(static, gap_tree_augment, struct gap_node, rb, sub,
		     gap_subtree_compute);

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

	while (*link) {
		struct gap_node *here = gap_node_of(*link);

		parent = *link;
		if (node->last < here->first)
			link = &parent->rb_left;
		else if (node->first > here->last)
			link = &parent->rb_right;
		else
			return -EEXIST;
	}

	node->sub = (struct gap_subtree){ node->first, node->last, 0 };
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
	gap_tree_augment.propagate(&node->rb, NULL);
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

/* The lowest suitable place from @first on, inside of [@first, @last] */
static bool gap_fits(const struct gap_request *request, unsigned long first,
		     unsigned long last, unsigned long *found)
{
	unsigned long start;

	first = max(first, request->lowest);
	last = min(last, request->highest);
	start = first + ((request->offset - first) & (request->align - 1));
	if (start < first || start > last || last - start < request->length - 1)
		return false;
	*found = start;
	return true;
}

/* As gap_fits(); counts the gaps that are large enough in vain */
static bool gap_try(const struct gap_request *request, unsigned long first,
		    unsigned long last, unsigned int *misfits,
		    unsigned long *found)
{
	if (gap_fits(request, first, last, found))
		return true;
	if (last - first + 1 >= request->length)
		++*misfits;
	return false;
}

/**
 * gap_tree_find_gap() - Find the lowest free place
 * @tree: the tree
 * @request: what is wanted
 * @first: out: where it begins
 *
 * Every gap that is large enough is looked at. After GAP_MISFITS that do not fit
 * because of their alignment, only those are that are sure to, whatever their
 * alignment: so it stays O(log n). With @align equal to @grain that makes no
 * difference, and the search is exact.
 *
 * Return: whether there is one.
 */
bool gap_tree_find_gap(const struct gap_tree *tree,
		       const struct gap_request *request, unsigned long *first)
{
	struct gap_node *node = gap_node_of(tree->root.rb_node);
	struct gap_node *left, *right, *parent;
	unsigned long need, roomy;
	unsigned int misfits = 0;

	if (!node)
		return gap_fits(request, 0, ULONG_MAX, first);
	if (node->sub.first &&
	    gap_fits(request, 0, node->sub.first - 1, first))
		return true;

	if (check_add_overflow(request->length,
			       request->align - request->grain, &roomy))
		roomy = ULONG_MAX;
	need = request->length;
	if (node->sub.gap < need)
		goto behind;

descend:
	left = gap_left(node);
	while (left && left->sub.gap >= need &&
	       left->sub.last >= request->lowest) {
		node = left;
		left = gap_left(node);
	}
visit:
	left = gap_left(node);
	if (left && gap_try(request, left->sub.last + 1, node->first - 1,
			    &misfits, first))
		return true;
	if (node->first > request->highest)
		return false;
	right = gap_right(node);
	if (right && gap_try(request, node->last + 1, right->sub.first - 1,
			     &misfits, first))
		return true;
	if (misfits >= GAP_MISFITS)
		need = roomy;
	if (right && right->sub.gap >= need) {
		node = right;
		goto descend;
	}
	/* All below this node was in vain: go on behind it */
	while ((parent = gap_node_of(rb_parent(&node->rb)))) {
		left = gap_left(parent);
		if (left == node) {
			node = parent;
			goto visit;
		}
		node = parent;
	}
behind:
	node = gap_node_of(tree->root.rb_node);
	return node->sub.last != ULONG_MAX &&
	       gap_fits(request, node->sub.last + 1, ULONG_MAX, first);
}
