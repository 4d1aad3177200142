/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges of offsets, as a list (shim/maple_tree.c). */
#ifndef _SHIM_MAPLE_TREE_H
#define _SHIM_MAPLE_TREE_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct maple_tree {
	spinlock_t ma_lock;
	struct list_head ranges;
};

struct ma_state {
	struct maple_tree *tree;
	unsigned long index;
	unsigned long last;
};

#define MT_FLAGS_ALLOC_RANGE	1
#define MA_STATE(name, mt, first, end) \
	struct ma_state name = { .tree = mt, .index = first, .last = end }
#define mas_lock(mas)		spin_lock(&(mas)->tree->ma_lock)
#define mas_unlock(mas)		spin_unlock(&(mas)->tree->ma_lock)
#define mtree_lock(mt)		spin_lock(&(mt)->ma_lock)
#define mtree_unlock(mt)	spin_unlock(&(mt)->ma_lock)

static inline void mt_init_flags(struct maple_tree *mt, unsigned int flags)
{
	spin_lock_init(&mt->ma_lock);
	INIT_LIST_HEAD(&mt->ranges);
}

void mtree_destroy(struct maple_tree *mt);
int mtree_alloc_range(struct maple_tree *mt, unsigned long *start, void *entry,
		      unsigned long size, unsigned long min, unsigned long max,
		      gfp_t gfp);
void *mtree_erase(struct maple_tree *mt, unsigned long index);
void *mtree_load(struct maple_tree *mt, unsigned long index);
void *mas_walk(struct ma_state *mas);

#endif
