/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_TYPES_H
#define _SHIM_TYPES_H

#include <linux/compiler.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef unsigned char		u8, __u8;
typedef unsigned short		u16, __u16;
typedef unsigned int		u32, __u32;
typedef unsigned long long	u64, __u64;
typedef signed char		s8, __s8;
typedef short			s16, __s16;
typedef int			s32, __s32;
typedef long long		s64, __s64;
typedef __u16			__le16, __be16;
typedef __u32			__le32, __be32;
typedef __u64			__le64, __be64;
#define __aligned_u64		__u64 __attribute__((aligned(8)))
#define __aligned_s64		__s64 __attribute__((aligned(8)))
#define __aligned_le64		__le64 __attribute__((aligned(8)))
#define aligned_u64		__aligned_u64

typedef __PTRDIFF_TYPE__	intptr_t;
typedef __UINTPTR_TYPE__	uintptr_t;
typedef long			ssize_t;
typedef long long		loff_t;
typedef unsigned short		umode_t;
typedef unsigned int		gfp_t;
typedef unsigned int		fmode_t;
typedef unsigned int		__poll_t;
typedef unsigned int		dev_t;
typedef u64			phys_addr_t;
typedef u64			resource_size_t;
typedef u64			dma_addr_t;
typedef unsigned long		pgoff_t;
typedef unsigned long		vm_flags_t;

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
#define ATOMIC_INIT(i) { (i) }

struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct rcu_head { struct rcu_head *next; };
#define callback_head rcu_head

#define sizeof_field(t, m)	sizeof(((t *)0)->m)
#define offsetofend(t, m)	(offsetof(t, m) + sizeof_field(t, m))
#define DECLARE_FLEX_ARRAY(t, name) \
	struct { struct { } __empty_##name; t name[]; }
#define __DECLARE_FLEX_ARRAY	DECLARE_FLEX_ARRAY
#define struct_group(name, members...) \
	union { struct { members }; struct { members } name; }

#define BITS_PER_LONG		64
#define BITS_PER_LONG_LONG	64
#define DECLARE_BITMAP(name, bits) unsigned long name[((bits) + 63) / 64]

#endif
