// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the dirty bitmap in user memory
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "test_hooks.h"

/**
 * DOC: Dirty bitmap tests
 *
 * A test records ranges through the public functions into user memory, and into
 * a model that knows nothing of words and runs: a byte for each page of the
 * range, each compared with each recorded range. Then all of the user memory
 * must be what the model says: the bits that were there before, those recorded,
 * and not one other bit, in the bitmap or around it.
 */

/* Bytes of user memory of a test; the model has a byte for each bit of it */
#define UMEM_BYTES (8 * PAGE_SIZE)
#define MODEL_PAGES (UMEM_BYTES * BITS_PER_BYTE)

struct dirty_range {
	unsigned long first;
	unsigned long last;
};

struct bitmap_test {
	u8 __user *umem;
	u8 *before;
	u8 *expected;
	u8 *seen;
	u8 *page_dirty;
	struct rnd_state rnd;
	/* The range under test */
	unsigned long iova;
	unsigned long last_iova;
	unsigned long page_size;
	unsigned long offset;
	/* What the walk does in its first callback, and what it is told */
	struct dirty_range ranges[48];
	unsigned int nranges;
	unsigned int calls;
	unsigned int fail_call;
	int fail_error;
	unsigned long next_iova;
	size_t max_length;
	bool contiguous;
};

static int bitmap_test_init(struct kunit *test)
{
	struct bitmap_test *t;
	unsigned long addr;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "needs user memory");
	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->before = kunit_kzalloc(test, UMEM_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->before);
	t->expected = kunit_kzalloc(test, UMEM_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->expected);
	t->seen = kunit_kzalloc(test, UMEM_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->seen);
	t->page_dirty = kunit_kzalloc(test, MODEL_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->page_dirty);
	addr = kunit_vm_mmap(test, NULL, 0, UMEM_BYTES, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	t->umem = (u8 __user *)addr;
	prandom_seed_state(&t->rnd, 0x10fab17);
	test->priv = t;
	return 0;
}

static unsigned long random_below(struct bitmap_test *t, unsigned long limit)
{
	u64 val = (u64)prandom_u32_state(&t->rnd) << 32;

	val |= prandom_u32_state(&t->rnd);
	return (unsigned long)val % limit;
}

/* Fill the user memory with what must survive */
static void set_before(struct kunit *test, bool random)
{
	struct bitmap_test *t = test->priv;

	if (random) {
		/* A quarter of the bits, so that most of a mistake shows */
		prandom_bytes_state(&t->rnd, t->before, UMEM_BYTES);
		prandom_bytes_state(&t->rnd, t->seen, UMEM_BYTES);
		for (size_t i = 0; i < UMEM_BYTES; i++)
			t->before[i] &= t->seen[i];
	} else {
		memset(t->before, 0, UMEM_BYTES);
	}
	KUNIT_ASSERT_EQ(test, copy_to_user(t->umem, t->before, UMEM_BYTES), 0);
}

static void set_range(struct bitmap_test *t, unsigned long iova, size_t length,
		      unsigned long page_size, unsigned long offset)
{
	t->iova = iova;
	t->last_iova = iova + (length - 1);
	t->page_size = page_size;
	t->offset = offset;
	t->nranges = 0;
	t->fail_error = 0;
}

static void add_dirty(struct kunit *test, unsigned long first,
		      unsigned long last)
{
	struct bitmap_test *t = test->priv;

	KUNIT_ASSERT_LT(test, t->nranges, ARRAY_SIZE(t->ranges));
	t->ranges[t->nranges++] = (struct dirty_range){ first, last };
}

/* Records the ranges in the first call: any of them can be out of the chunk */
static int walk_fn(struct iova_bitmap *bitmap, unsigned long iova,
		   size_t length, void *opaque)
{
	struct bitmap_test *t = opaque;

	if (iova != t->next_iova || !length)
		t->contiguous = false;
	t->next_iova = iova + length;
	t->max_length = max(t->max_length, length);

	if (!t->calls++)
		for (unsigned int i = 0; i < t->nranges; i++)
			iova_bitmap_set(bitmap, t->ranges[i].first,
					t->ranges[i].last -
						t->ranges[i].first + 1);
	if (t->fail_error && t->calls == t->fail_call)
		return t->fail_error;
	return 0;
}

static struct iova_bitmap *alloc_bitmap(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	struct iova_bitmap *bitmap;

	bitmap = iova_bitmap_alloc(t->iova, t->last_iova - t->iova + 1,
				   t->page_size,
				   (u64 __user *)(t->umem + t->offset));
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(bitmap));
	t->calls = 0;
	t->next_iova = t->iova;
	t->max_length = 0;
	t->contiguous = true;
	return bitmap;
}

static int walk(struct kunit *test)
{
	struct iova_bitmap *bitmap = alloc_bitmap(test);
	int ret;

	ret = iova_bitmap_for_each(bitmap, test->priv, walk_fn);
	iova_bitmap_free(bitmap);
	return ret;
}

/* The rule of the uAPI, page by page */
static void build_expected(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long npages = (t->last_iova - t->iova) / t->page_size + 1;
	u8 *words = t->expected + t->offset;

	KUNIT_ASSERT_LE(test, t->offset + (npages + 7) / 8, UMEM_BYTES);
	memset(t->page_dirty, 0, npages);
	for (unsigned long n = 0; n < npages; n++) {
		unsigned long first = t->iova + n * t->page_size;
		unsigned long last = min(t->last_iova - first,
					 t->page_size - 1) + first;

		for (unsigned int i = 0; i < t->nranges; i++)
			if (t->ranges[i].first <= last &&
			    t->ranges[i].last >= first)
				t->page_dirty[n] = 1;
	}

	memcpy(t->expected, t->before, UMEM_BYTES);
	for (unsigned long n = 0; n < npages; n++) {
		unsigned int bit = n % 64;

		if (!t->page_dirty[n])
			continue;
#ifdef __BIG_ENDIAN
		words[n / 64 * 8 + 7 - bit / 8] |= 1 << (bit % 8);
#else
		words[n / 64 * 8 + bit / 8] |= 1 << (bit % 8);
#endif
	}
}

static void expect_model(struct kunit *test)
{
	struct bitmap_test *t = test->priv;

	build_expected(test);
	KUNIT_ASSERT_EQ(test, copy_from_user(t->seen, t->umem, UMEM_BYTES), 0);
	for (size_t i = 0; i < UMEM_BYTES; i++)
		if (t->seen[i] != t->expected[i])
			KUNIT_FAIL_AND_ABORT(test,
					     "byte %zd of the bitmap is %02x, not %02x: iova %lx..%lx page_size %lx offset %lx",
					     (ssize_t)(i - t->offset),
					     t->seen[i], t->expected[i],
					     t->iova, t->last_iova,
					     t->page_size, t->offset);
}

static void expect_walk(struct kunit *test)
{
	struct bitmap_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, walk(test), 0);
	KUNIT_EXPECT_TRUE(test, t->contiguous);
	KUNIT_EXPECT_EQ(test, t->next_iova, t->last_iova + 1);
	expect_model(test);
}

static void expect_alloc_error(struct kunit *test, unsigned long iova,
			       size_t length, unsigned long page_size,
			       u64 __user *data, int error)
{
	struct iova_bitmap *bitmap;

	bitmap = iova_bitmap_alloc(iova, length, page_size, data);
	KUNIT_EXPECT_PTR_EQ(test, bitmap,
			    (struct iova_bitmap *)ERR_PTR(error));
	if (!IS_ERR(bitmap))
		iova_bitmap_free(bitmap);
}

static void alloc_bad_arguments(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	u64 __user *data = (u64 __user *)t->umem;
	u64 __user *high = (u64 __user *)(ULONG_MAX - 7);

	expect_alloc_error(test, 0, 0, SZ_4K, data, -EINVAL);
	expect_alloc_error(test, 0, SZ_1M, 0, data, -EINVAL);
	expect_alloc_error(test, 0, SZ_1M, SZ_4K + 1, data, -EINVAL);
	expect_alloc_error(test, 0, SZ_1M, 3 * SZ_4K, data, -EINVAL);
	expect_alloc_error(test, ULONG_MAX, 2, SZ_4K, data, -EOVERFLOW);
	expect_alloc_error(test, SZ_4K, ULONG_MAX, SZ_4K, data, -EOVERFLOW);
	if (!IS_ENABLED(CONFIG_ALTERNATE_USER_ADDRESS_SPACE)) {
		expect_alloc_error(test, 0, SZ_1M, SZ_4K, high, -EFAULT);
		/* It begins in user memory and ends beyond of it */
		expect_alloc_error(test, 0, ULONG_MAX, 1, data, -EFAULT);
	}
	iova_bitmap_free(NULL);
}

/* Every position of a short range in and around the first words */
static void short_ranges(struct kunit *test)
{
	struct bitmap_test *t = test->priv;

	set_before(test, false);
	for (unsigned int first = 0; first < 140; first++) {
		for (unsigned int n = 1; n <= 140; n += n < 4 ? 1 : 17) {
			set_range(t, SZ_1G, 130 * SZ_4K, SZ_4K, 8);
			add_dirty(test, SZ_1G - 5 * SZ_4K + first * SZ_4K,
				  SZ_1G + (first - 5 + n) * SZ_4K - 1);
			expect_walk(test);
			set_before(test, false);
		}
	}
}

/* Single bytes at page borders, with a start that no page size divides */
static void unaligned_start(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long start = SZ_1G + 0x1234;

	set_before(test, true);
	set_range(t, start, 100 * SZ_4K + 17, SZ_4K, 3);
	add_dirty(test, start - 1, start - 1);
	add_dirty(test, start + SZ_4K - 1, start + SZ_4K - 1);
	add_dirty(test, start + 3 * SZ_4K, start + 3 * SZ_4K);
	add_dirty(test, start + 64 * SZ_4K - 1, start + 64 * SZ_4K);
	add_dirty(test, start + 100 * SZ_4K + 16, start + 100 * SZ_4K + 16);
	add_dirty(test, start + 98 * SZ_4K + 17, start + 98 * SZ_4K + 17);
	expect_walk(test);

	/* Just beyond the end, in the page of the last bit */
	set_before(test, true);
	set_range(t, start, 100 * SZ_4K + 17, SZ_4K, 3);
	add_dirty(test, start + 100 * SZ_4K + 17, start + 100 * SZ_4K + 17);
	expect_walk(test);
}

/* Reports in ascending order that join, as a page table walk makes them */
static void joining_ranges(struct kunit *test)
{
	struct bitmap_test *t = test->priv;

	for (unsigned int page = 0; page < 64; page += 21) {
		unsigned long iova = page * SZ_4K;

		set_before(test, true);
		set_range(t, 0, 1000 * SZ_4K, SZ_4K, 0);
		for (unsigned int i = 0; i < 40; i++) {
			unsigned long next = iova + (1 + i % 5) * SZ_4K;

			add_dirty(test, iova, next - 1);
			iova = next;
			if (i % 16 == 15)
				iova += SZ_4K;
		}
		expect_walk(test);
	}
}

/* Long ranges that overlap, each a page more than the one before it */
static void growing_ranges(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long first = 300 * SZ_4K;
	unsigned long last = 600 * SZ_4K - 1;

	set_before(test, true);
	set_range(t, 0, 1000 * SZ_4K, SZ_4K, 5);
	add_dirty(test, first, last);
	for (unsigned int i = 0; i < 20; i++) {
		if (i % 2)
			first -= SZ_4K;
		else
			last += SZ_4K;
		add_dirty(test, first, last);
		/* A part of it again */
		add_dirty(test, first + 70 * SZ_4K, last);
	}
	/* Nothing after it makes up for the last one */
	add_dirty(test, first, last + SZ_4K);
	expect_walk(test);
}

/* Nothing is lost of what is reported far out of the chunk being walked */
static void out_of_chunk(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long start = BITS_PER_LONG == 64 ? 1UL << 40 : 0x10000000;
	unsigned long page_size = BITS_PER_LONG == 64 ? SZ_16M : SZ_128K;
	unsigned long length = page_size * 16000 + page_size / 2;

	set_before(test, true);
	set_range(t, start, length, page_size, 16);
	/* In descending order, so each is behind the one before it */
	add_dirty(test, start + length - 1, ULONG_MAX - 1);
	add_dirty(test, start + page_size * 15990, start + page_size * 15999);
	add_dirty(test, start + page_size * 4000, start + page_size * 9000);
	add_dirty(test, start + page_size * 77, start + page_size * 77 + 1);
	add_dirty(test, 0, start);
	expect_walk(test);
	KUNIT_EXPECT_GT(test, t->calls, 1);
	KUNIT_EXPECT_LT(test, t->max_length, length);

	/* One entry larger than all of it */
	set_before(test, true);
	set_range(t, start, length, page_size, 16);
	add_dirty(test, 0, ULONG_MAX - 1);
	expect_walk(test);
}

static int repeat_fn(struct iova_bitmap *bitmap, unsigned long iova,
		     size_t length, void *opaque)
{
	struct bitmap_test *t = opaque;

	t->calls++;
	iova_bitmap_set(bitmap, iova, 1);
	for (unsigned int i = 0; i < t->nranges; i++)
		iova_bitmap_set(bitmap, t->ranges[i].first,
				t->ranges[i].last - t->ranges[i].first + 1);
	iova_bitmap_set(bitmap, iova + length - 1, 1);
	return 0;
}

/* An entry that stays dirty is reported in each chunk that it touches */
static void repeated_entry(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long page_size = BITS_PER_LONG == 64 ? SZ_16M : SZ_128K;
	struct iova_bitmap *bitmap;

	set_before(test, true);
	set_range(t, 0, page_size * 20000, page_size, 0);
	add_dirty(test, page_size * 1001, page_size * 15003 - 1);
	bitmap = alloc_bitmap(test);
	KUNIT_EXPECT_EQ(test, iova_bitmap_for_each(bitmap, t, repeat_fn), 0);
	iova_bitmap_free(bitmap);
	KUNIT_EXPECT_GT(test, t->calls, 1);

	/* The borders of the chunks, which are multiples of the first's size */
	t->ranges[t->nranges++] = (struct dirty_range){ 0, 0 };
	for (unsigned int i = 1; i < t->calls; i++) {
		unsigned long chunk = BIT(BITS_PER_LONG == 64 ? 36 : 30);

		add_dirty(test, chunk * i - 1, chunk * i);
	}
	add_dirty(test, t->last_iova, t->last_iova);
	expect_model(test);
}

/* The last pages of the address space, and lengths that leave it */
static void end_of_address_space(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long start = ULONG_MAX - 256 * SZ_4K + 1;
	struct iova_bitmap *bitmap;

	set_before(test, true);
	set_range(t, start, 256 * SZ_4K, SZ_4K, 8);
	add_dirty(test, start + 200 * SZ_4K, ULONG_MAX);
	add_dirty(test, start + SZ_4K, start + SZ_4K);
	add_dirty(test, 0, 4096);
	expect_walk(test);

	/* A report that wraps is dirty to the end, and not from the start */
	set_before(test, true);
	set_range(t, start, 256 * SZ_4K, SZ_4K, 8);
	bitmap = alloc_bitmap(test);
	iova_bitmap_set(bitmap, start + 100 * SZ_4K, SZ_4K);
	iova_bitmap_set(bitmap, start + 101 * SZ_4K, SIZE_MAX);
	iova_bitmap_set(bitmap, 0, SZ_4K);
	iova_bitmap_free(bitmap);
	add_dirty(test, start + 100 * SZ_4K, ULONG_MAX);
	expect_model(test);

	/* The same for a range that begins at 0 */
	set_before(test, true);
	set_range(t, 0, 256 * SZ_4K, SZ_4K, 8);
	bitmap = alloc_bitmap(test);
	iova_bitmap_set(bitmap, ULONG_MAX - SZ_4K + 1, SZ_4K);
	iova_bitmap_set(bitmap, 0, 0);
	iova_bitmap_set(bitmap, 0, SZ_4K);
	iova_bitmap_set(bitmap, 77 * SZ_4K, 0);
	iova_bitmap_free(bitmap);
	add_dirty(test, 0, 0);
	expect_model(test);
}

/* On little endian machines a bitmap ends with the byte of its last bit */
static void last_byte(struct kunit *test)
{
	struct bitmap_test *t = test->priv;

#ifdef __BIG_ENDIAN
	kunit_skip(test, "words are touched as a whole");
#endif
	for (unsigned int nbits = 1; nbits <= 200; nbits++) {
		set_before(test, true);
		set_range(t, 0, nbits * SZ_4K, SZ_4K,
			  UMEM_BYTES - DIV_ROUND_UP(nbits, 8));
		add_dirty(test, 0, nbits * SZ_4K - 1);
		expect_walk(test);

		set_before(test, true);
		set_range(t, 0, nbits * SZ_4K, SZ_4K,
			  UMEM_BYTES - DIV_ROUND_UP(nbits, 8));
		add_dirty(test, (nbits - 1) * SZ_4K, nbits * SZ_4K - 1);
		expect_walk(test);
	}
}

static int look_fn(struct iova_bitmap *bitmap, unsigned long iova,
		   size_t length, void *opaque)
{
	struct bitmap_test *t = opaque;
	int ret;

	ret = walk_fn(bitmap, iova, length, opaque);
	if (copy_from_user(t->seen, t->umem, UMEM_BYTES) ||
	    memcmp(t->seen, t->before, UMEM_BYTES))
		return -EPERM;
	return ret;
}

/* Locks may be held in a callback: user memory has nothing of it until it is over */
static void untouched_in_callback(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	struct iova_bitmap *bitmap;

	set_before(test, true);
	set_range(t, 0, 6 * PAGE_SIZE * 8 * SZ_4K - SZ_4K, SZ_4K, 3);
	/* Bits here and there, a few words, pages of words, the last one */
	for (unsigned long n = 0; n < 20; n++)
		add_dirty(test, n * 6007 * SZ_4K, n * 6007 * SZ_4K + SZ_8K);
	add_dirty(test, 60 * SZ_4K, 300 * SZ_4K);
	add_dirty(test, 64 * 1500 * SZ_4K, 64 * 2500 * SZ_4K);
	add_dirty(test, t->last_iova, t->last_iova);
	bitmap = alloc_bitmap(test);
	KUNIT_EXPECT_EQ(test, iova_bitmap_for_each(bitmap, t, look_fn), 0);
	iova_bitmap_free(bitmap);
	expect_model(test);
}

static int windows_fn(struct iova_bitmap *bitmap, unsigned long iova,
		      size_t length, void *opaque)
{
	struct bitmap_test *t = opaque;

	/* All but the first and the last are as long, and the first is not longer */
	if (t->calls == 2 && !IS_ALIGNED(iova, t->max_length))
		return -EPERM;
	if (t->calls > 1 && t->next_iova != iova)
		return -EPERM;
	return walk_fn(bitmap, iova, length, opaque);
}

/* Windows end where no entry of an IO page table sticks out of one */
static void aligned_windows(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long page_size = BITS_PER_LONG == 64 ? SZ_1G : SZ_16M;
	unsigned long start = 5 * page_size + SZ_4K;
	struct iova_bitmap *bitmap;

	set_before(test, false);
	set_range(t, start, 200 * page_size, page_size, 0);
	bitmap = alloc_bitmap(test);
	KUNIT_EXPECT_EQ(test, iova_bitmap_for_each(bitmap, t, windows_fn), 0);
	iova_bitmap_free(bitmap);
	KUNIT_EXPECT_GT(test, t->calls, 2);
	KUNIT_EXPECT_TRUE(test, is_power_of_2(t->max_length));
	KUNIT_EXPECT_EQ(test, t->next_iova, t->last_iova + 1);
}

/* fn's error ends the walk, and keeps what was recorded */
static void callback_error(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long page_size = BITS_PER_LONG == 64 ? SZ_16M : SZ_128K;

	set_before(test, true);
	set_range(t, 0, page_size * 20000, page_size, 0);
	add_dirty(test, page_size * 3, page_size * 5);
	add_dirty(test, page_size * 7, page_size * 7);
	t->fail_call = 1;
	t->fail_error = -EIO;
	KUNIT_EXPECT_EQ(test, walk(test), -EIO);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
	expect_model(test);

	set_before(test, true);
	t->fail_call = 2;
	KUNIT_EXPECT_EQ(test, walk(test), -EIO);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	expect_model(test);
}

/* Memory that cannot be written is refused before anything is walked */
static void unwritable_memory(struct kunit *test)
{
	struct bitmap_test *t = test->priv;
	unsigned long hole = (unsigned long)t->umem + 4 * PAGE_SIZE;
	u8 __user *writable = t->umem;
	unsigned long addr;

	set_before(test, false);
	set_range(t, 0, 5 * PAGE_SIZE * 8 * SZ_4K, SZ_4K, 0);
	add_dirty(test, 0, t->last_iova);
	addr = kunit_vm_mmap(test, NULL, 0, UMEM_BYTES, PROT_READ,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	t->umem = (u8 __user *)addr;
	KUNIT_EXPECT_EQ(test, walk(test), -EFAULT);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	t->umem = writable;

	KUNIT_ASSERT_EQ(test, vm_munmap(hole, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, walk(test), -EFAULT);
	KUNIT_EXPECT_EQ(test, t->calls, 0);

	/* Up to the hole all is well */
	set_range(t, 0, 4 * PAGE_SIZE * 8 * SZ_4K, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, walk(test), 0);
	KUNIT_EXPECT_EQ(test, t->calls, 1);

	/* From the hole's middle on it is not */
	set_range(t, 0, PAGE_SIZE * 8 * SZ_4K, SZ_4K,
		  4 * PAGE_SIZE + PAGE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, walk(test), -EFAULT);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
}

struct unmap_walk {
	struct bitmap_test *t;
	unsigned long addr;
	unsigned long set_first;
	size_t set_length;
};

static int unmap_fn(struct iova_bitmap *bitmap, unsigned long iova,
		    size_t length, void *opaque)
{
	struct unmap_walk *u = opaque;

	if (!u->t->calls++)
		vm_munmap(u->addr, PAGE_SIZE);
	iova_bitmap_set(bitmap, u->set_first, u->set_length);
	return 0;
}

/* Memory that goes away during the walk ends it with an error, no more */
static void vanishing_memory(struct kunit *test)
{
	/* The last word holds 32 bits, and the chunks are several */
	static const unsigned long npages = 1336 * 64 + 32;
	static const struct {
		unsigned long first_bit;
		unsigned long nbits;
	} cases[] = {
		{ 1, 1 },		/* a bit of a word */
		{ 513 * 64, 640 },	/* whole words */
		{ npages - 1, 1 },	/* a bit of the last word */
	};
	unsigned long page_size = BITS_PER_LONG == 64 ? SZ_16M : SZ_16K;
	struct bitmap_test *t = test->priv;
	struct unmap_walk u = { .t = t };

	set_before(test, false);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iova_bitmap *bitmap;

		set_range(t, 0, page_size * npages, page_size, 0);
		bitmap = alloc_bitmap(test);
		u.addr = (unsigned long)t->umem + cases[i].first_bit / 8;
		u.addr &= PAGE_MASK;
		u.set_first = cases[i].first_bit * page_size;
		u.set_length = cases[i].nbits * page_size;
		KUNIT_EXPECT_EQ(test, iova_bitmap_for_each(bitmap, &u, unmap_fn),
				-EFAULT);
		KUNIT_EXPECT_EQ(test, t->calls, 1);
		iova_bitmap_free(bitmap);
		KUNIT_ASSERT_EQ(test,
				vm_mmap(NULL, u.addr, PAGE_SIZE,
					PROT_READ | PROT_WRITE,
					MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED,
					0), u.addr);
	}
}

static void random_dirty(struct kunit *test, unsigned long entry)
{
	struct bitmap_test *t = test->priv;
	size_t length = t->last_iova - t->iova + 1;
	unsigned long span = length + length / 4;
	unsigned long base = t->iova - min(t->iova, length / 8);
	unsigned long first, size;

	/* Join the one before, as reports mostly do */
	if (t->nranges && !random_below(t, 3) &&
	    t->ranges[t->nranges - 1].last < ULONG_MAX - 1)
		first = t->ranges[t->nranges - 1].last + 1;
	else
		first = base + random_below(t, min(span, ULONG_MAX - base));

	switch (random_below(t, 4)) {
	case 0:		/* any bytes */
		size = 1 + random_below(t, t->page_size * 3);
		break;
	case 1:		/* an entry */
		first = round_down(first, entry);
		size = entry;
		break;
	case 2:		/* some entries */
		first = round_down(first, entry);
		size = entry * (1 + random_below(t, 100));
		break;
	default:	/* a large part of it all */
		size = 1 + random_below(t, length / 4 + 1);
		break;
	}
	add_dirty(test, first, min(size - 1, ULONG_MAX - 1 - first) + first);
}

static void random_walks(struct kunit *test, unsigned int rounds,
			 unsigned long max_pages)
{
	struct bitmap_test *t = test->priv;

	for (unsigned int round = 0; round < rounds; round++) {
		unsigned long page_size = SZ_4K << random_below(t, 10);
		unsigned long entry = SZ_4K << random_below(t, 14);
		unsigned long npages = 1 + random_below(t, max_pages);
		unsigned long iova = random_below(t, BIT(BITS_PER_LONG - 2));
		unsigned long ndirty = random_below(t, ARRAY_SIZE(t->ranges));
		unsigned long nbytes = DIV_ROUND_UP(npages, 64) * 8;
		size_t length = npages * page_size;

		/* Any start, and any end in the last page */
		if (random_below(t, 2))
			iova = round_down(iova, page_size);
		if (random_below(t, 2))
			length -= random_below(t, page_size);
		set_before(test, true);
		set_range(t, iova, length, page_size,
			  random_below(t, UMEM_BYTES - nbytes + 1));
		while (t->nranges < ndirty)
			random_dirty(test, entry);
		expect_walk(test);
	}
}

static void random_small(struct kunit *test)
{
	random_walks(test, 700, 300);
}

static void random_large(struct kunit *test)
{
	/* Long enough for several chunks with the larger page sizes */
	random_walks(test, 30, BITS_PER_LONG == 64 ? MODEL_PAGES - 64 : 500);
}

static bool not_in_place(const u64 __user *words)
{
	return false;
}

/* As on a CPU that cannot access any address as a u64 */
static void random_by_copy(struct kunit *test)
{
	kunit_activate_static_stub(test, iova_bitmap_words_in_place,
				   not_in_place);
	random_walks(test, 300, 300);
	random_walks(test, 5, BITS_PER_LONG == 64 ? MODEL_PAGES - 64 : 500);
}

static struct kunit_case bitmap_test_cases[] = {
	KUNIT_CASE(alloc_bad_arguments),
	KUNIT_CASE(short_ranges),
	KUNIT_CASE(unaligned_start),
	KUNIT_CASE(joining_ranges),
	KUNIT_CASE(growing_ranges),
	KUNIT_CASE(out_of_chunk),
	KUNIT_CASE(repeated_entry),
	KUNIT_CASE(end_of_address_space),
	KUNIT_CASE(last_byte),
	KUNIT_CASE(untouched_in_callback),
	KUNIT_CASE(aligned_windows),
	KUNIT_CASE(callback_error),
	KUNIT_CASE(unwritable_memory),
	KUNIT_CASE(vanishing_memory),
	KUNIT_CASE_SLOW(random_small),
	KUNIT_CASE_SLOW(random_large),
	KUNIT_CASE_SLOW(random_by_copy),
	{}
};

static struct kunit_suite bitmap_test_suite = {
	.name = "iova_bitmap",
	.init = bitmap_test_init,
	.test_cases = bitmap_test_cases,
};

kunit_test_suites(&bitmap_test_suite);
