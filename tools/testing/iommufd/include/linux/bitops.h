/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_BITOPS_H
#define _SHIM_BITOPS_H

#include <linux/bits.h>
#include <linux/kernel.h>

#define BITS_PER_BYTE		8
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)

static inline unsigned long __ffs(unsigned long x) { return __builtin_ctzl(x); }
static inline unsigned long __fls(unsigned long x) { return BITS_PER_LONG - 1 - __builtin_clzl(x); }
static inline unsigned long ffz(unsigned long x) { return ~x ? __builtin_ctzl(~x) : BITS_PER_LONG; }
static inline int ffs(int x) { return __builtin_ffs(x); }
static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline int fls_long(unsigned long x) { return fls64(x); }
static inline unsigned int hweight64(u64 x) { return __builtin_popcountll(x); }
static inline unsigned int hweight_long(unsigned long x) { return __builtin_popcountl(x); }

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1UL << __fls(n);
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1UL << (__fls(n - 1) + 1);
}

#define ilog2(n)		((int)__fls(n))
#define order_base_2(n)		((n) > 1 ? ilog2((n) - 1) + 1 : 0)

#define __shim_word(nr, p)	((unsigned long *)(p) + (nr) / BITS_PER_LONG)
#define __shim_mask(nr)		(1UL << ((nr) % BITS_PER_LONG))

static inline void set_bit(unsigned long nr, volatile unsigned long *p)
{
	shim_point("set_bit", (const void *)p);
	__atomic_fetch_or(__shim_word(nr, p), __shim_mask(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit(unsigned long nr, volatile unsigned long *p)
{
	shim_point("clear_bit", (const void *)p);
	__atomic_fetch_and(__shim_word(nr, p), ~__shim_mask(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit_unlock(unsigned long nr, volatile unsigned long *p)
{
	shim_point("clear_bit_unlock", (const void *)p);
	__atomic_fetch_and(__shim_word(nr, p), ~__shim_mask(nr), __ATOMIC_RELEASE);
	shim_handed_over("bit");
}

static inline bool test_bit(unsigned long nr, const volatile unsigned long *p)
{
	return __atomic_load_n(__shim_word(nr, p), __ATOMIC_RELAXED) & __shim_mask(nr);
}

static inline bool test_bit_acquire(unsigned long nr, const volatile unsigned long *p)
{
	shim_point("test_bit_acquire", (const void *)p);
	return __atomic_load_n(__shim_word(nr, p), __ATOMIC_ACQUIRE) & __shim_mask(nr);
}

static inline bool test_and_set_bit(unsigned long nr, volatile unsigned long *p)
{
	shim_point("test_and_set_bit", (const void *)p);
	return __atomic_fetch_or(__shim_word(nr, p), __shim_mask(nr), __ATOMIC_SEQ_CST) & __shim_mask(nr);
}

static inline bool test_and_clear_bit(unsigned long nr, volatile unsigned long *p)
{
	shim_point("test_and_clear_bit", (const void *)p);
	return __atomic_fetch_and(__shim_word(nr, p), ~__shim_mask(nr), __ATOMIC_SEQ_CST) & __shim_mask(nr);
}

/* Not atomic: their owner has a lock */
static inline void __set_bit(unsigned long nr, volatile unsigned long *p)
{
	*__shim_word(nr, p) |= __shim_mask(nr);
}

static inline void __clear_bit(unsigned long nr, volatile unsigned long *p)
{
	*__shim_word(nr, p) &= ~__shim_mask(nr);
}

static inline bool __test_and_set_bit(unsigned long nr, volatile unsigned long *p)
{
	bool old = *__shim_word(nr, p) & __shim_mask(nr);

	__set_bit(nr, p);
	return old;
}

static inline bool __test_and_clear_bit(unsigned long nr, volatile unsigned long *p)
{
	bool old = *__shim_word(nr, p) & __shim_mask(nr);

	__clear_bit(nr, p);
	return old;
}

static inline unsigned long find_next_bit(const unsigned long *p,
					  unsigned long size,
					  unsigned long from)
{
	while (from < size && !test_bit(from, p))
		from++;
	return min(from, size);
}

static inline unsigned long find_next_zero_bit(const unsigned long *p,
					       unsigned long size,
					       unsigned long from)
{
	while (from < size && test_bit(from, p))
		from++;
	return min(from, size);
}

#define find_first_bit(p, size)		find_next_bit(p, size, 0)
#define find_first_zero_bit(p, size)	find_next_zero_bit(p, size, 0)
#define for_each_set_bit(bit, p, size)					\
	for ((bit) = find_first_bit(p, size); (bit) < (size);		\
	     (bit) = find_next_bit(p, size, (bit) + 1))

static inline void bitmap_set(unsigned long *map, unsigned int start,
			      unsigned int n)
{
	while (n--)
		__set_bit(start++, map);
}

static inline void bitmap_clear(unsigned long *map, unsigned int start,
				unsigned int n)
{
	while (n--)
		__clear_bit(start++, map);
}

static inline void bitmap_zero(unsigned long *map, unsigned int n)
{
	memset(map, 0, BITS_TO_LONGS(n) * sizeof(long));
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int n)
{
	return find_first_bit(map, n) == n;
}

static inline void bitmap_or(unsigned long *to, const unsigned long *a,
			     const unsigned long *b, unsigned int n)
{
	unsigned int i;

	for (i = 0; i != BITS_TO_LONGS(n); i++)
		to[i] = a[i] | b[i];
}

#endif
