/* SPDX-License-Identifier: GPL-2.0-only */
/* An XArray as a sorted array (shim/xarray.c): what iommufd uses of it. */
#ifndef _SHIM_XARRAY_H
#define _SHIM_XARRAY_H

#include <linux/gfp.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

struct xarray_entry { unsigned long index; void *entry; };

struct xarray {
	spinlock_t xa_lock;
	unsigned int flags;
	unsigned int count;
	unsigned int room;
	struct xarray_entry *entries;
};

struct xa_limit { u32 max, min; };
typedef unsigned int xa_mark_t;

#define XA_ZERO_ENTRY	((void *)0x406)
#define XA_FLAGS_ALLOC	1u
#define XA_FLAGS_ALLOC1	2u
#define XA_FLAGS_ACCOUNT 4u
#define XA_FLAGS_LOCK_IRQ 8u
#define XA_PRESENT	0
#define XA_LIMIT(lo, hi) (struct xa_limit){ .max = (hi), .min = (lo) }
#define xa_limit_32b	XA_LIMIT(0, 0xffffffffu)
#define xa_limit_31b	XA_LIMIT(0, 0x7fffffff)
#define xa_limit_16b	XA_LIMIT(0, 0xffff)

#define xa_lock(xa)	spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa)	spin_unlock(&(xa)->xa_lock)
#define xa_is_err(e)	IS_ERR(e)
#define xa_is_zero(e)	((e) == XA_ZERO_ENTRY)
#define xa_err(e)	(IS_ERR(e) ? (int)PTR_ERR(e) : 0)
#define xa_mk_value(v)	((void *)(((unsigned long)(v) << 1) | 1))
#define xa_to_value(e)	((unsigned long)(e) >> 1)
#define xa_is_value(e)	((unsigned long)(e) & 1)

void xa_init_flags(struct xarray *xa, unsigned int flags);
#define xa_init(xa)	xa_init_flags(xa, 0)
void xa_destroy(struct xarray *xa);
bool xa_empty(const struct xarray *xa);
void *xa_load(struct xarray *xa, unsigned long index);
void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *__xa_erase(struct xarray *xa, unsigned long index);
void *xa_erase(struct xarray *xa, unsigned long index);
void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		   void *entry, gfp_t gfp);
void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry,
		 gfp_t gfp);
int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
#define xa_reserve(xa, index, gfp)	xa_insert(xa, index, NULL, gfp)
#define xa_release(xa, index)		xa_erase(xa, index)
int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	       gfp_t gfp);
int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	     gfp_t gfp);
int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp);
int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter);

#define xa_for_each_range(xa, index, entry, start, last)		\
	for (index = start, entry = xa_find(xa, &index, last, XA_PRESENT); \
	     entry; entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each(xa, index, entry) \
	xa_for_each_range(xa, index, entry, 0, ULONG_MAX)

#endif
