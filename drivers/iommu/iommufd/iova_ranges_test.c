// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOVAs that an IOVA space gives out, and of what it is told to
 * give out. No memory is mapped, but where an area must be in the way.
 */
#include <kunit/test.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "area.h"

static int ranges_test_init(struct kunit *test)
{
	struct io_pagetable *iopt;

	iopt = kunit_kzalloc(test, sizeof(*iopt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, iopt);
	iopgt_init(iopt);
	test->priv = iopt;
	return 0;
}

static void ranges_test_exit(struct kunit *test)
{
	if (test->priv)
		iopgt_destroy(test->priv);
}

static int find(struct io_pagetable *iopt, unsigned long hint,
		unsigned long length, unsigned long *iova)
{
	guard(rwsem_write)(&iopt->iova_lock);
	return iopgt_find_iova(iopt, hint, length, iova);
}

static int allow(struct io_pagetable *iopt, unsigned long first,
		 unsigned long last)
{
	const struct iommu_iova_range range = { first, last };

	return iopgt_set_allowed(iopt, &range, 1);
}

/* Userspace takes 0 for none */
static void never_zero(struct kunit *test)
{
	struct io_pagetable *iopt = test->priv;
	unsigned long iova = 0;

	/* Also where any IOVA is aligned well enough */
	KUNIT_ASSERT_EQ(test, 0, find(iopt, 0, 1, &iova));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, iova);
	KUNIT_ASSERT_EQ(test, 0, find(iopt, 0, SZ_2M, &iova));
	KUNIT_EXPECT_EQ(test, SZ_2M, iova);

	KUNIT_ASSERT_EQ(test, 0, allow(iopt, 0, 2 * PAGE_SIZE - 1));
	KUNIT_ASSERT_EQ(test, 0, find(iopt, 0, PAGE_SIZE, &iova));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, iova);
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, 2 * PAGE_SIZE, &iova));

	/* Nothing but 0 is left of what is allowed */
	KUNIT_ASSERT_EQ(test, 0, allow(iopt, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, 1, &iova));

	/* With the alignment that a domain asks for, too */
	scoped_guard(rwsem_write, &iopt->iova_lock)
		KUNIT_ASSERT_EQ(test, 0,
				iopgt_raise_alignment(iopt, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, allow(iopt, 0, PAGE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, PAGE_SIZE, &iova));
	KUNIT_ASSERT_EQ(test, 0, allow(iopt, 0, 2 * PAGE_SIZE - 1));
	KUNIT_ASSERT_EQ(test, 0, find(iopt, 0, PAGE_SIZE, &iova));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, iova);
}

/* An end behind it is 0, and values in it are taken for errors */
static void never_last_page(struct kunit *test)
{
	struct io_pagetable *iopt = test->priv;
	unsigned long iova = 0;

	KUNIT_ASSERT_EQ(test, 0,
			allow(iopt, ULONG_MAX - 2 * PAGE_SIZE + 1, ULONG_MAX));
	KUNIT_ASSERT_EQ(test, 0, find(iopt, 0, PAGE_SIZE, &iova));
	KUNIT_EXPECT_EQ(test, ULONG_MAX - 2 * PAGE_SIZE + 1, iova);
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, PAGE_SIZE + 1, &iova));
	KUNIT_ASSERT_EQ(test, 0,
			allow(iopt, ULONG_MAX - PAGE_SIZE + 1, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, 1, &iova));
	KUNIT_ASSERT_EQ(test, 0, allow(iopt, ULONG_MAX, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, 1, &iova));
}

/* Modulo the length rounded up to a power of two, so that large pages fit */
static void congruent(struct kunit *test)
{
	static const struct {
		unsigned long hint;
		unsigned long length;
		unsigned long modulus;
	} cases[] = {
		{ 4 * PAGE_SIZE, 3 * PAGE_SIZE, 4 * PAGE_SIZE },
		{ 5 * PAGE_SIZE, 3 * PAGE_SIZE, 4 * PAGE_SIZE },
		{ 7 * PAGE_SIZE, 4 * PAGE_SIZE, 4 * PAGE_SIZE },
		{ 7 * PAGE_SIZE, 4 * PAGE_SIZE + 1, 8 * PAGE_SIZE },
		{ 7 * PAGE_SIZE + 5, 5, PAGE_SIZE },
		{ 0, 3 * PAGE_SIZE, 4 * PAGE_SIZE },
		{ 0, SZ_1M + PAGE_SIZE, SZ_2M },
		{ SZ_2M + SZ_64K, SZ_1M + PAGE_SIZE, SZ_2M },
		{ SZ_2M, SZ_1G - PAGE_SIZE, SZ_1G },
		/* No page is larger */
		{ SZ_2M, SZ_1G + PAGE_SIZE, SZ_1G },
	};
	struct io_pagetable *iopt = test->priv;

	/* So that the lowest place of all is none of those */
	KUNIT_ASSERT_EQ(test, 0,
			allow(iopt, SZ_1M + PAGE_SIZE, ULONG_MAX / 2));
	for (size_t i = 0; i != ARRAY_SIZE(cases); i++) {
		unsigned long iova = 0;

		KUNIT_ASSERT_EQ(test, 0,
				find(iopt, cases[i].hint, cases[i].length,
				     &iova));
		KUNIT_EXPECT_EQ_MSG(test, cases[i].hint % cases[i].modulus,
				    iova % cases[i].modulus, "case %zu", i);
		/* The lowest one */
		KUNIT_EXPECT_LT_MSG(test, iova,
				    SZ_1M + PAGE_SIZE + cases[i].modulus,
				    "case %zu", i);
	}
}

/* More than can be: no alignment is asked for that does not exist */
static void too_long(struct kunit *test)
{
	struct io_pagetable *iopt = test->priv;
	unsigned long iova;

	KUNIT_EXPECT_EQ(test, -ENOSPC, find(iopt, 0, ULONG_MAX, &iova));
	KUNIT_EXPECT_EQ(test, 0, find(iopt, 0, ULONG_MAX / 2 + 2, &iova));
}

static void reserved_or_allowed(struct kunit *test)
{
	static const struct iommu_iova_range two[] = {
		{ SZ_1M, SZ_2M - 1 },
		{ SZ_4M, SZ_8M - 1 },
	};
	struct io_pagetable *iopt = test->priv;
	int owner;

	KUNIT_ASSERT_EQ(test, 0,
			iopgt_reserve(iopt, SZ_2M, SZ_4M - 1, &owner));
	KUNIT_EXPECT_EQ(test, 0, iopgt_set_allowed(iopt, two, 2));
	KUNIT_EXPECT_EQ(test, -EADDRINUSE,
			iopgt_reserve(iopt, SZ_4M - 1, SZ_4M, &owner));

	/* Each end of what is reserved, then all of it: nothing has changed */
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, allow(iopt, SZ_1M, SZ_2M));
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, allow(iopt, SZ_4M - 1, SZ_4M));
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, allow(iopt, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, -EADDRINUSE,
			iopgt_reserve(iopt, SZ_1M, SZ_1M, &owner));
	KUNIT_EXPECT_EQ(test, 0, iopgt_set_allowed(iopt, NULL, 0));
	KUNIT_EXPECT_EQ(test, 0, iopgt_reserve(iopt, SZ_1M, SZ_1M, &owner));
}

/*
 * However many ranges userspace passes in, others use the IOVA space while a tree
 * is made of them. Here they use it until the ranges turn out to be wrong.
 */
static void made_without_lock(struct kunit *test)
{
	static const struct iommu_iova_range overlap[] = {
		{ SZ_1M, SZ_2M },
		{ SZ_4M, SZ_8M },
		{ SZ_2M, SZ_4M - 1 },
	};
	struct io_pagetable *iopt = test->priv;

	guard(rwsem_write)(&iopt->iova_lock);
	KUNIT_EXPECT_EQ(test, -EINVAL, iopgt_set_allowed(iopt, overlap, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, allow(iopt, 2, 1));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&iopt->allowed.rb_root));
}

static struct kunit_case ranges_test_cases[] = {
	KUNIT_CASE(never_zero),
	KUNIT_CASE(never_last_page),
	KUNIT_CASE(congruent),
	KUNIT_CASE(too_long),
	KUNIT_CASE(reserved_or_allowed),
	KUNIT_CASE(made_without_lock),
	{}
};

static struct kunit_suite ranges_test_suite = {
	.name = "iommufd_iova_ranges",
	.init = ranges_test_init,
	.exit = ranges_test_exit,
	.test_cases = ranges_test_cases,
};

kunit_test_suite(ranges_test_suite);
