/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree of disjoint ranges that knows the largest gap below each node.
 */
#ifndef __IOMMUFD_GAP_TREE_H
#define __IOMMUFD_GAP_TREE_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "thresholds.h"

/**
 * struct gap_node - a range in a gap_tree, to be embedded
 * @rb: link
 * @first: first value
 * @last: last value, inclusive
 * @gap: how many free values lie right before @first, without value 0
 * @largest: the largest @gap in the subtree below and including this node
 */
struct gap_node {
	struct rb_node rb;
	unsigned long first;
	unsigned long last;
	unsigned long gap;
	unsigned long largest;
};

struct gap_tree {
	struct rb_root root;
};

/**
 * struct gap_request - a range to find a place for
 * @lowest: lowest value to consider
 * @highest: highest value to consider, inclusive
 * @length: size wanted, not 0
 * @align: power of two
 * @offset: the range is to begin at this modulo @align, less than it
 * @grain: power of two up to @align, that every range in the tree begins and
 *         ends at a multiple of; divides @offset
 */
struct gap_request {
	unsigned long lowest;
	unsigned long highest;
	unsigned long length;
	unsigned long align;
	unsigned long offset;
	unsigned long grain;
};

/* So many gaps may be large enough, but not as aligned as they would have to be */
#define GAP_MISFITS iommufd_threshold(gap_misfits, 64U)

#define GAP_TREE_INIT ((struct gap_tree){ .root = RB_ROOT })

int gap_tree_insert(struct gap_tree *tree, struct gap_node *node);
void gap_tree_erase(struct gap_tree *tree, struct gap_node *node);
void gap_tree_split(struct gap_tree *tree, struct gap_node *node,
		    struct gap_node *upper, unsigned long at);
struct gap_node *gap_tree_first_in(const struct gap_tree *tree,
				   unsigned long first, unsigned long last);
bool gap_tree_find_gap(const struct gap_tree *tree,
		       const struct gap_request *request,
		       unsigned long *first);

/**
 * gap_tree_next_in() - The next range that ends or begins inside a window
 * @node: a node
 * @last: last value of the window, inclusive
 *
 * Return: the node behind @node, or NULL where it begins behind @last.
 */
static inline struct gap_node *gap_tree_next_in(struct gap_node *node,
						unsigned long last)
{
	/* A neighbour's cache line is left alone where it need not be looked at */
	if (node->last >= last)
		return NULL;
	node = rb_entry_safe(rb_next(&node->rb), struct gap_node, rb);
	return node && node->first <= last ? node : NULL;
}

static inline bool gap_tree_empty(const struct gap_tree *tree)
{
	return RB_EMPTY_ROOT(&tree->root);
}
#endif
