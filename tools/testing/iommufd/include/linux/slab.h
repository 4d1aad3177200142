/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory; each allocation may fail where shim_fail() says so. */
#ifndef _SHIM_SLAB_H
#define _SHIM_SLAB_H

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/kernel.h>

#define SLAB_ACCOUNT		1
#define SLAB_HWCACHE_ALIGN	2
#define SLAB_PANIC		4
#define ARCH_KMALLOC_MINALIGN	8
#define KMALLOC_MAX_SIZE	(4UL << 20)
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(p)	((unsigned long)(p) <= 16)
#define kmalloc_size_roundup(n)	(n)
#define ksize(p)		0

static inline __must_check void *__shim_kmalloc(size_t size, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		shim_might_sleep("allocation");
	return shim_alloc(size, gfp & __GFP_ZERO, !(gfp & __GFP_NOFAIL));
}

#define kmalloc(size, gfp)	__shim_kmalloc(size, gfp)
#define kzalloc(size, gfp)	__shim_kmalloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp) \
	__shim_kmalloc(size_mul(n, size), gfp)
#define kcalloc(n, size, gfp)	kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kvmalloc		kmalloc
#define kvzalloc		kzalloc
#define kvmalloc_array		kmalloc_array
#define kvcalloc		kcalloc
#define kfree(p)		shim_free(p)
#define kvfree(p)		shim_free(p)

/* The type of what is pointed to, or the type itself; GFP_KERNEL by default */
#define __shim_objs(type, n, zero, gfp...) \
	((typeof(type) *)kmalloc_array(n, sizeof(type), default_gfp(gfp) | (zero)))
#define default_gfp(gfp...)	(GFP_KERNEL, ##gfp)
#define kmalloc_obj(type, gfp...)	__shim_objs(type, 1, 0, ##gfp)
#define kzalloc_obj(type, gfp...)	__shim_objs(type, 1, __GFP_ZERO, ##gfp)
#define kmalloc_objs(type, n, gfp...)	__shim_objs(type, n, 0, ##gfp)
#define kzalloc_objs(type, n, gfp...)	__shim_objs(type, n, __GFP_ZERO, ##gfp)
#define kvmalloc_obj			kmalloc_obj
#define kvzalloc_obj			kzalloc_obj
#define kvmalloc_objs			kmalloc_objs
#define kvzalloc_objs			kzalloc_objs
#define __shim_flex(type, member, n, zero, gfp...)			\
	((typeof(type) *)kmalloc(struct_size((typeof(type) *)NULL, member, n), \
				 default_gfp(gfp) | (zero)))
#define kmalloc_flex(type, member, n, gfp...) \
	__shim_flex(type, member, n, 0, ##gfp)
#define kzalloc_flex(type, member, n, gfp...) \
	__shim_flex(type, member, n, __GFP_ZERO, ##gfp)
#define kvmalloc_flex			kmalloc_flex
#define kvzalloc_flex			kzalloc_flex

static inline __must_check void *kvrealloc(const void *p, size_t size,
					   gfp_t gfp)
{
	if (shim_fail("kvrealloc"))
		return NULL;
	return shim_realloc((void *)p, size);
}

struct kmem_cache { size_t size; };

static inline struct kmem_cache *kmem_cache_create(const char *name,
						   size_t size, size_t align,
						   unsigned int flags,
						   void (*ctor)(void *))
{
	struct kmem_cache *cache = shim_alloc(sizeof(*cache), true, false);

	cache->size = size;
	return cache;
}

#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), 0, flags, NULL)
#define kmem_cache_destroy(c)		shim_free(c)
#define kmem_cache_alloc(c, gfp)	__shim_kmalloc((c)->size, gfp)
#define kmem_cache_zalloc(c, gfp) \
	__shim_kmalloc((c)->size, (gfp) | __GFP_ZERO)
#define kmem_cache_free(c, p)		shim_free(p)

static inline void __shim_kfree(void *p)
{
	if (!IS_ERR(p))
		shim_free(p);
}

DEFINE_FREE(kfree, void *, __shim_kfree(_T))
DEFINE_FREE(kvfree, void *, __shim_kfree(_T))

#endif
