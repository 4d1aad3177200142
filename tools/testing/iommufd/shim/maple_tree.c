// SPDX-License-Identifier: GPL-2.0-only
/* A maple tree of few ranges: a list, in order. */
#include <linux/maple_tree.h>
#include <linux/slab.h>

struct mt_range {
	struct list_head link;
	unsigned long first;
	unsigned long last;
	void *entry;
};

static struct mt_range *mt_find(struct maple_tree *mt, unsigned long index)
{
	struct mt_range *range;

	list_for_each_entry(range, &mt->ranges, link)
		if (range->first <= index && index <= range->last)
			return range;
	return NULL;
}

static void mt_free(struct mt_range *range)
{
	list_del(&range->link);
	shim_free(range);
}

void mtree_destroy(struct maple_tree *mt)
{
	struct mt_range *range, *next;

	list_for_each_entry_safe(range, next, &mt->ranges, link)
		mt_free(range);
}

int mtree_alloc_range(struct maple_tree *mt, unsigned long *start, void *entry,
		      unsigned long size, unsigned long min, unsigned long max,
		      gfp_t gfp)
{
	struct mt_range *new = kmalloc(sizeof(*new), gfp), *range;
	unsigned long first = min;

	if (!new)
		return -ENOMEM;
	mtree_lock(mt);
	list_for_each_entry(range, &mt->ranges, link) {
		if (range->first >= first && range->first - first >= size)
			break;
		first = range->last + 1;
	}
	if (first > max || max - first < size - 1) {
		mtree_unlock(mt);
		shim_free(new);
		return -EBUSY;
	}
	new->first = first;
	new->last = first + size - 1;
	new->entry = entry;
	list_add_tail(&new->link, &range->link);
	*start = first;
	mtree_unlock(mt);
	return 0;
}

void *mtree_erase(struct maple_tree *mt, unsigned long index)
{
	struct mt_range *range;
	void *entry = NULL;

	mtree_lock(mt);
	range = mt_find(mt, index);
	if (range) {
		entry = range->entry;
		mt_free(range);
	}
	mtree_unlock(mt);
	return entry;
}

void *mtree_load(struct maple_tree *mt, unsigned long index)
{
	MA_STATE(mas, mt, index, index);

	return mas_walk(&mas);
}

void *mas_walk(struct ma_state *mas)
{
	struct mt_range *range;

	shim_point("mas_walk", mas->tree);
	range = mt_find(mas->tree, mas->index);
	return range ? range->entry : NULL;
}
