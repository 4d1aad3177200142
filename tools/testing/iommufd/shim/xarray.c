// SPDX-License-Identifier: GPL-2.0-only
/*
 * An XArray: a sorted array of what is there. Its entries are looked up, as in
 * the kernel, without its lock; so what changes it is one step. Where memory is
 * needed, there may be none.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

static unsigned int xa_place(const struct xarray *xa, unsigned long index)
{
	unsigned int low = 0, high = xa->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (xa->entries[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void **xa_slot(const struct xarray *xa, unsigned long index)
{
	unsigned int at = xa_place(xa, index);

	if (at == xa->count || xa->entries[at].index != index)
		return NULL;
	return &xa->entries[at].entry;
}

static void *xa_user_entry(void *entry)
{
	return entry == XA_ZERO_ENTRY ? NULL : entry;
}

static void xa_put(struct xarray *xa, unsigned long index, void *entry)
{
	unsigned int at = xa_place(xa, index);

	if (xa->count == xa->room) {
		xa->room = xa->room ? xa->room * 2 : 8;
		xa->entries = shim_realloc(xa->entries,
					   xa->room * sizeof(*xa->entries));
	}
	memmove(xa->entries + at + 1, xa->entries + at,
		(xa->count - at) * sizeof(*xa->entries));
	xa->entries[at].index = index;
	xa->entries[at].entry = entry;
	xa->count++;
}

static void *xa_remove(struct xarray *xa, unsigned long index)
{
	unsigned int at = xa_place(xa, index);
	void *entry;

	if (at == xa->count || xa->entries[at].index != index)
		return NULL;
	entry = xa->entries[at].entry;
	xa->count--;
	memmove(xa->entries + at, xa->entries + at + 1,
		(xa->count - at) * sizeof(*xa->entries));
	/* An empty one may be forgotten */
	if (!xa->count) {
		shim_free(xa->entries);
		xa->entries = NULL;
		xa->room = 0;
	}
	return entry;
}

void xa_init_flags(struct xarray *xa, unsigned int flags)
{
	*xa = (struct xarray){ .flags = flags };
}

void xa_destroy(struct xarray *xa)
{
	shim_free(xa->entries);
	xa->entries = NULL;
	xa->count = 0;
	xa->room = 0;
}

bool xa_empty(const struct xarray *xa)
{
	return !xa->count;
}

/*
 * Lookups run beside changes: with real threads, under the lock, unless the
 * caller has it.
 */
static bool xa_read_begin(struct xarray *xa)
{
#ifdef SHIM_PTHREAD
	if (!shim_lock_held_write(&xa->xa_lock.lock)) {
		xa_lock(xa);
		return true;
	}
#endif
	return false;
}

static void xa_read_end(struct xarray *xa, bool locked)
{
	if (locked)
		xa_unlock(xa);
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	void **slot, *entry;
	bool locked;

	shim_point("xa_load", xa);
	locked = xa_read_begin(xa);
	slot = xa_slot(xa, index);
	entry = slot ? xa_user_entry(*slot) : NULL;
	xa_read_end(xa, locked);
	return entry;
}

void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void **slot, *old = NULL;

	lockdep_assert_held(&xa->xa_lock);
	if (!entry && !(xa->flags & (XA_FLAGS_ALLOC | XA_FLAGS_ALLOC1)))
		return __xa_erase(xa, index);
	shim_point("__xa_store", xa);
	slot = xa_slot(xa, index);
	if (!slot && !entry)
		return NULL;
	if (!slot && shim_fail("__xa_store"))
		return ERR_PTR(-ENOMEM);
	if (slot) {
		old = xa_user_entry(*slot);
		*slot = entry ?: XA_ZERO_ENTRY;
	} else {
		xa_put(xa, index, entry);
	}
	return old;
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	lockdep_assert_held(&xa->xa_lock);
	shim_point("__xa_erase", xa);
	return xa_user_entry(xa_remove(xa, index));
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		   void *entry, gfp_t gfp)
{
	void **slot, *now;

	lockdep_assert_held(&xa->xa_lock);
	shim_point("__xa_cmpxchg", xa);
	slot = xa_slot(xa, index);
	now = slot ? *slot : NULL;
	if (now != old)
		return xa_user_entry(now);
	if (!entry) {
		xa_remove(xa, index);
	} else if (slot) {
		*slot = entry;
	} else {
		if (shim_fail("__xa_cmpxchg"))
			return ERR_PTR(-ENOMEM);
		xa_put(xa, index, entry);
	}
	return xa_user_entry(now);
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	lockdep_assert_held(&xa->xa_lock);
	shim_point("__xa_insert", xa);
	if (xa_slot(xa, index))
		return -EBUSY;
	if (shim_fail("__xa_insert"))
		return -ENOMEM;
	xa_put(xa, index, entry ?: XA_ZERO_ENTRY);
	return 0;
}

static bool xa_find_free(const struct xarray *xa, u32 min, u32 max, u32 *id)
{
	unsigned int at = xa_place(xa, min);
	u64 index = min;

	while (at < xa->count && xa->entries[at].index == index) {
		at++;
		index++;
	}
	if (index > max)
		return false;
	*id = index;
	return true;
}

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	       gfp_t gfp)
{
	u32 min = limit.min;

	lockdep_assert_held(&xa->xa_lock);
	shim_point("__xa_alloc", xa);
	if ((xa->flags & XA_FLAGS_ALLOC1) && !min)
		min = 1;
	if (shim_fail("__xa_alloc"))
		return -ENOMEM;
	if (!xa_find_free(xa, min, limit.max, id))
		return -EBUSY;
	xa_put(xa, *id, entry ?: XA_ZERO_ENTRY);
	return 0;
}

int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp)
{
	u32 first = limit.min;
	int wrapped = 0;

	lockdep_assert_held(&xa->xa_lock);
	shim_point("__xa_alloc_cyclic", xa);
	if ((xa->flags & XA_FLAGS_ALLOC1) && !first)
		first = 1;
	if (shim_fail("__xa_alloc_cyclic"))
		return -ENOMEM;
	if (!xa_find_free(xa, max(first, *next), limit.max, id)) {
		if (!xa_find_free(xa, first, limit.max, id))
			return -EBUSY;
		wrapped = 1;
	}
	*next = *id + 1;
	xa_put(xa, *id, entry ?: XA_ZERO_ENTRY);
	return wrapped;
}

#define WITH_LOCK(xa, what)						\
({									\
	xa_lock(xa);							\
	typeof(what) __result = (what);					\
									\
	xa_unlock(xa);							\
	__result;							\
})

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	return WITH_LOCK(xa, __xa_store(xa, index, entry, gfp));
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	return WITH_LOCK(xa, __xa_erase(xa, index));
}

void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry,
		 gfp_t gfp)
{
	return WITH_LOCK(xa, __xa_cmpxchg(xa, index, old, entry, gfp));
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	return WITH_LOCK(xa, __xa_insert(xa, index, entry, gfp));
}

int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	     gfp_t gfp)
{
	return WITH_LOCK(xa, __xa_alloc(xa, id, entry, limit, gfp));
}

int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp)
{
	return WITH_LOCK(xa, __xa_alloc_cyclic(xa, id, entry, limit, next,
					       gfp));
}

static void *xa_next(struct xarray *xa, unsigned long from, unsigned long max,
		     unsigned long *index)
{
	bool locked = xa_read_begin(xa);
	void *entry = NULL;
	unsigned int at;

	for (at = xa_place(xa, from); at < xa->count; at++) {
		if (xa->entries[at].index > max)
			break;
		if (xa->entries[at].entry == XA_ZERO_ENTRY)
			continue;
		*index = xa->entries[at].index;
		entry = xa->entries[at].entry;
		break;
	}
	xa_read_end(xa, locked);
	return entry;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter)
{
	shim_point("xa_find", xa);
	return xa_next(xa, *index, max, index);
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter)
{
	if (*index == ULONG_MAX)
		return NULL;
	shim_point("xa_find_after", xa);
	return xa_next(xa, *index + 1, max, index);
}
