/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_COMPILER_TYPES_H
#define _SHIM_COMPILER_TYPES_H

#define __user
#define __rcu
#define __iomem
#define __percpu
#define __force
#define __bitwise
#define __kernel
#define __init
#define __exit
#define __ro_after_init
#define __read_mostly
#define __must_check		__attribute__((warn_unused_result))
#define __maybe_unused		__attribute__((unused))
#define __always_unused		__attribute__((unused))
#define __used			__attribute__((used))
#define __packed		__attribute__((packed))
#define __aligned(x)		__attribute__((aligned(x)))
#define __cleanup(f)		__attribute__((cleanup(f)))
#define __printf(a, b)
#define __noreturn		__attribute__((noreturn))
#define __nonnull_args(x...)	__attribute__((nonnull(x)))
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __cold			__attribute__((cold))
#define __pure			__attribute__((pure))
#define __attribute_const__	__attribute__((const))
#define __counted_by(x)
#define __uninitialized
#define __private
#define __latent_entropy
#define ____cacheline_aligned_in_smp __attribute__((aligned(64)))
#define ____cacheline_aligned	__attribute__((aligned(64)))
#define fallthrough		__attribute__((fallthrough))
#define auto			__auto_type

#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __cond_acquires(x...)
#define __no_context_analysis
#define __guarded_by(x...)

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define __PASTE_(a, b)		a##b
#define __PASTE(a, b)		__PASTE_(a, b)
#define __UNIQUE_ID(name)	__PASTE(__UNIQUE_ID_##name, __COUNTER__)
#define __native_word(t)	(sizeof(t) <= sizeof(long))
#define __compiletime_assert(c, msg) ((void)sizeof(char[1 - 2 * !(c)]))
#define compiletime_assert(c, msg) \
	do { if (__builtin_constant_p(!(c))) ; } while (0)

#endif
