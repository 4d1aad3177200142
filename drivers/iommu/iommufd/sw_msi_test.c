// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of MSI doorbells: which domain has which of them while groups are
 * attached, moved and detached, and interrupts are set up in between.
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/prandom.h>

#include "device.h"

#define WINDOW 0x8000000UL
#define OTHER_WINDOW 0xa0000000UL
#define NUM_PAGES 4
#define NUM_HWPTS 3
#define NUM_GROUPS 3
#define RANDOM_STEPS 20000

/*
 * struct test_hwpt - a HWPT
 * @hwpt: it, with @domain
 * @domain: of no IOMMU
 * @doorbell: what it maps at each page of the window, 0 for nothing
 * @map_calls, @unmap_calls: that its driver has seen
 * @fail_map: -ENOMEM for the next one
 */
struct test_hwpt {
	struct iommufd_hwpt_paging hwpt;
	struct iommu_domain domain;
	phys_addr_t doorbell[NUM_PAGES];
	unsigned int map_calls;
	unsigned int unmap_calls;
	bool fail_map;
};

/*
 * struct msi_test - the scene
 * @ictx, @ioas: all that is used of them
 * @hwpt: HWPTs, settled
 * @group: groups, not attached
 * @at: what each group is attached to, or NULL
 * @page: the doorbells
 * @foreign: a doorbell in another window, at the same page of it as the first
 */
struct msi_test {
	struct iommufd_ctx ictx;
	struct iommufd_ioas ioas;
	struct test_hwpt hwpt[NUM_HWPTS];
	struct iommufd_group group[NUM_GROUPS];
	struct test_hwpt *at[NUM_GROUPS];
	struct iommufd_sw_msi_page page[NUM_PAGES];
	struct iommufd_sw_msi_page foreign;
};

static struct test_hwpt *to_test_hwpt(struct iommu_domain *domain)
{
	return container_of(domain, struct test_hwpt, domain);
}

/* Like SMMUv2: until a device is attached, there is no page table */
static int test_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct test_hwpt *thwpt = to_test_hwpt(domain);
	unsigned long pgoff = (iova - WINDOW) / PAGE_SIZE;

	thwpt->map_calls++;
	if (!domain->geometry.aperture_end)
		return -ENODEV;
	if (thwpt->fail_map) {
		thwpt->fail_map = false;
		return -ENOMEM;
	}
	if (pgoff >= NUM_PAGES || pgcount != 1)
		return -ERANGE;
	if (thwpt->doorbell[pgoff])
		return -EEXIST;
	thwpt->doorbell[pgoff] = paddr;
	*mapped = PAGE_SIZE;
	return 0;
}

static size_t test_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct test_hwpt *thwpt = to_test_hwpt(domain);
	unsigned long pgoff = (iova - WINDOW) / PAGE_SIZE;

	thwpt->unmap_calls++;
	if (pgoff >= NUM_PAGES || pgcount != 1 || !thwpt->doorbell[pgoff])
		return 0;
	thwpt->doorbell[pgoff] = 0;
	return PAGE_SIZE;
}

static const struct iommu_domain_ops test_domain_ops = {
	.map_pages = test_map_pages,
	.unmap_pages = test_unmap_pages,
};

static void test_page_init(struct msi_test *t, struct iommufd_sw_msi_page *page,
			   phys_addr_t window, unsigned int pgoff)
{
	page->window = window;
	page->pgoff = pgoff;
	page->slot = t->ictx.sw_msi_next++;
	page->doorbell = 0x10000000 + page->slot * PAGE_SIZE;
	list_add_tail(&page->link, &t->ictx.sw_msi_list);
}

static int msi_test_init(struct kunit *test)
{
	struct msi_test *t;
	unsigned int i;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	mutex_init(&t->ictx.sw_msi_lock);
	INIT_LIST_HEAD(&t->ictx.sw_msi_list);
	t->ioas.ictx = &t->ictx;
	for (i = 0; i != NUM_HWPTS; i++) {
		struct test_hwpt *thwpt = &t->hwpt[i];

		thwpt->hwpt.ioas = &t->ioas;
		thwpt->hwpt.common.domain = &thwpt->domain;
		thwpt->domain.type = IOMMU_DOMAIN_UNMANAGED;
		thwpt->domain.ops = &test_domain_ops;
		thwpt->domain.pgsize_bitmap = PAGE_SIZE;
		thwpt->domain.geometry.aperture_end = ULONG_MAX;
	}
	for (i = 0; i != NUM_GROUPS; i++) {
		t->group[i].ictx = &t->ictx;
		t->group[i].sw_msi_start = WINDOW;
	}
	test_page_init(t, &t->foreign, OTHER_WINDOW, 0);
	for (i = 0; i != NUM_PAGES; i++)
		test_page_init(t, &t->page[i], WINDOW, i);
	test->priv = t;
	return 0;
}

static int enter(struct msi_test *t, unsigned int group, struct test_hwpt *to)
{
	return iommufd_sw_msi_enter(&t->group[group], &to->hwpt);
}

static int arrive(struct msi_test *t, unsigned int group, struct test_hwpt *at)
{
	t->at[group] = at;
	return iommufd_sw_msi_arrive(&t->group[group], &at->hwpt);
}

static void leave(struct msi_test *t, unsigned int group,
		  struct test_hwpt *from)
{
	if (t->at[group] == from)
		t->at[group] = NULL;
	iommufd_sw_msi_leave(&t->group[group], &from->hwpt);
}

/* An interrupt, whose doorbell is to be found in the domain of the moment */
static int use(struct msi_test *t, unsigned int group, unsigned int page)
{
	guard(mutex)(&t->ictx.sw_msi_lock);
	return iommufd_sw_msi_use(&t->group[group], &t->at[group]->hwpt,
				  &t->page[page]);
}

/* Attach, from nothing */
static void attach(struct kunit *test, unsigned int group, struct test_hwpt *to)
{
	KUNIT_ASSERT_EQ(test, enter(test->priv, group, to), 0);
	KUNIT_ASSERT_EQ(test, arrive(test->priv, group, to), 0);
}

/* Has the domain these pages (bits), the right ones, and no other? */
static void expect_pages(struct kunit *test, const struct test_hwpt *thwpt,
			 unsigned long pages)
{
	struct msi_test *t = test->priv;
	unsigned int i;

	for (i = 0; i != NUM_PAGES; i++)
		KUNIT_EXPECT_EQ(test, thwpt->doorbell[i],
				pages & BIT(i) ? t->page[i].doorbell : 0);
	KUNIT_EXPECT_EQ(test, bitmap_weight(thwpt->hwpt.present_sw_msi,
					    IOMMUFD_SW_MSI_SLOTS),
			hweight_long(pages));
}

/* What a group uses follows it, and nothing else does */
static void test_follows(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0], *b = &t->hwpt[1];

	/* Of a window that the group has not */
	__set_bit(t->foreign.slot, t->group[0].required_sw_msi);
	attach(test, 0, a);
	attach(test, 1, a);
	expect_pages(test, a, 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, use(t, 1, 3), 0);
	expect_pages(test, a, BIT(0) | BIT(2) | BIT(3));
	KUNIT_EXPECT_EQ(test, a->map_calls, 3);

	/* Before the IOMMU core is told: there is no moment without them */
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), 0);
	expect_pages(test, b, BIT(0) | BIT(2));
	KUNIT_EXPECT_EQ(test, arrive(t, 0, b), 0);
	leave(t, 0, a);
	expect_pages(test, a, BIT(0) | BIT(2) | BIT(3));
	expect_pages(test, b, BIT(0) | BIT(2));
	KUNIT_EXPECT_EQ(test, b->map_calls, 2);
}

/* No doorbell stays where nothing is attached: others may map there */
static void test_gone_with_last(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0];

	attach(test, 0, a);
	attach(test, 1, a);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, use(t, 1, 1), 0);
	leave(t, 0, a);
	expect_pages(test, a, BIT(0) | BIT(1));
	leave(t, 1, a);
	expect_pages(test, a, 0);
	KUNIT_EXPECT_EQ(test, a->unmap_calls, 2);

	/* What its devices were told is true again once it is back */
	attach(test, 0, a);
	expect_pages(test, a, BIT(0));
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	leave(t, 0, a);
	expect_pages(test, a, 0);
}

/* From one nested HWPT to another, both on the same parent */
static void test_same_parent(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0];

	attach(test, 0, a);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, enter(t, 0, a), 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, arrive(t, 0, a), 0);
	iommufd_sw_msi_leave(&t->group[0], &a->hwpt);
	expect_pages(test, a, BIT(0) | BIT(1));
	KUNIT_EXPECT_EQ(test, a->map_calls, 2);
	KUNIT_EXPECT_EQ(test, a->unmap_calls, 0);
	/* And one that failed */
	KUNIT_EXPECT_EQ(test, enter(t, 0, a), 0);
	iommufd_sw_msi_leave(&t->group[0], &a->hwpt);
	expect_pages(test, a, BIT(0) | BIT(1));
	leave(t, 0, a);
	expect_pages(test, a, 0);
}

/* Interrupts that are set up while a group moves, before and after the core did */
static void test_used_meanwhile(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0], *b = &t->hwpt[1];

	attach(test, 0, a);
	attach(test, 1, a);
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	/* Another group goes nowhere */
	KUNIT_EXPECT_EQ(test, use(t, 1, 1), 0);
	expect_pages(test, a, BIT(0) | BIT(1));
	expect_pages(test, b, BIT(0));
	t->at[0] = b;
	KUNIT_EXPECT_EQ(test, use(t, 0, 2), 0);
	expect_pages(test, a, BIT(0) | BIT(1));
	expect_pages(test, b, BIT(0) | BIT(2));
	KUNIT_EXPECT_EQ(test, arrive(t, 0, b), 0);
	leave(t, 0, a);
	/* It is over */
	KUNIT_EXPECT_EQ(test, use(t, 0, 3), 0);
	expect_pages(test, a, BIT(0) | BIT(1));
	expect_pages(test, b, BIT(0) | BIT(2) | BIT(3));

	/* The core refused: the group is where it was */
	KUNIT_EXPECT_EQ(test, enter(t, 1, b), 0);
	leave(t, 1, b);
	KUNIT_EXPECT_EQ(test, use(t, 1, 0), 0);
	expect_pages(test, b, BIT(0) | BIT(1) | BIT(2) | BIT(3));
	leave(t, 1, a);
	expect_pages(test, a, 0);
	leave(t, 0, b);
	expect_pages(test, b, 0);
}

/* A domain that can map nothing before a device is attached */
static void test_not_settled(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0], *b = &t->hwpt[1];

	attach(test, 0, a);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	leave(t, 0, a);

	b->domain.geometry.aperture_end = 0;
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), 0);
	expect_pages(test, b, 0);
	b->domain.geometry.aperture_end = ULONG_MAX;
	t->at[0] = b;
	KUNIT_EXPECT_EQ(test, use(t, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, arrive(t, 0, b), 0);
	expect_pages(test, b, BIT(0) | BIT(1));
	leave(t, 0, b);
	expect_pages(test, b, 0);

	/* The attach failed: it is not settled still, and nothing is in it */
	b->domain.geometry.aperture_end = 0;
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), 0);
	leave(t, 0, b);
	expect_pages(test, b, 0);
}

/* Without memory, nothing counts as mapped or used that is not */
static void test_no_memory(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0], *b = &t->hwpt[1];

	attach(test, 0, a);
	a->fail_map = true;
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), -ENOMEM);
	expect_pages(test, a, 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, use(t, 0, 1), 0);

	b->fail_map = true;
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), -ENOMEM);
	leave(t, 0, b);
	expect_pages(test, b, 0);
	KUNIT_EXPECT_EQ(test, b->hwpt.sw_msi_users, 0);

	/* In the old domain, but not in the new one: the interrupt fails */
	KUNIT_EXPECT_EQ(test, enter(t, 0, b), 0);
	b->fail_map = true;
	KUNIT_EXPECT_EQ(test, use(t, 0, 2), -ENOMEM);
	expect_pages(test, b, BIT(0) | BIT(1));
	KUNIT_EXPECT_EQ(test, arrive(t, 0, b), 0);
	leave(t, 0, a);
	expect_pages(test, b, BIT(0) | BIT(1));

	/* Only now can it be mapped, and cannot */
	leave(t, 0, b);
	a->domain.geometry.aperture_end = 0;
	KUNIT_EXPECT_EQ(test, enter(t, 0, a), 0);
	a->domain.geometry.aperture_end = ULONG_MAX;
	a->fail_map = true;
	KUNIT_EXPECT_EQ(test, arrive(t, 0, a), -ENOMEM);
	leave(t, 0, a);
	expect_pages(test, a, 0);
	KUNIT_EXPECT_EQ(test, a->hwpt.sw_msi_users, 0);
}

/* Every interrupt arrives, wherever its group is; and no doorbell is left over */
static void check_all(struct kunit *test)
{
	struct msi_test *t = test->priv;
	unsigned int users[NUM_HWPTS] = {};
	unsigned int i, page;

	for (i = 0; i != NUM_GROUPS; i++) {
		if (!t->at[i])
			continue;
		users[t->at[i] - t->hwpt]++;
		for (page = 0; page != NUM_PAGES; page++)
			if (test_bit(t->page[page].slot,
				     t->group[i].required_sw_msi))
				KUNIT_ASSERT_EQ(test, t->at[i]->doorbell[page],
						t->page[page].doorbell);
	}
	for (i = 0; i != NUM_HWPTS; i++) {
		KUNIT_ASSERT_EQ(test, t->hwpt[i].hwpt.sw_msi_users, users[i]);
		if (!users[i])
			expect_pages(test, &t->hwpt[i], 0);
	}
}

static void random_use(struct kunit *test, struct rnd_state *rnd,
		       unsigned int group)
{
	struct msi_test *t = test->priv;
	unsigned int page = prandom_u32_state(rnd) % NUM_PAGES;
	int rc;

	if (!t->at[group])
		return;
	rc = use(t, group, page);
	if (rc)
		KUNIT_ASSERT_EQ(test, rc, -ENOMEM);
	else
		KUNIT_ASSERT_EQ(test, t->at[group]->doorbell[page],
				t->page[page].doorbell);
}

/* From what it is attached to, if to anything, to @to; interrupts in between */
static void random_move(struct kunit *test, struct rnd_state *rnd,
			unsigned int group, struct test_hwpt *to)
{
	struct msi_test *t = test->priv;
	struct test_hwpt *from = t->at[group];
	bool refused;
	int rc;

	rc = enter(t, group, to);
	random_use(test, rnd, group);
	refused = !(prandom_u32_state(rnd) % 4);
	if (rc || refused) {
		iommufd_sw_msi_leave(&t->group[group], &to->hwpt);
		return;
	}
	t->at[group] = to;
	random_use(test, rnd, group);
	KUNIT_ASSERT_EQ(test, arrive(t, group, to), 0);
	if (from)
		iommufd_sw_msi_leave(&t->group[group], &from->hwpt);
}

static void test_random(struct kunit *test)
{
	struct msi_test *t = test->priv;
	struct rnd_state rnd;
	unsigned int i, j;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i != RANDOM_STEPS; i++) {
		unsigned int group = prandom_u32_state(&rnd) % NUM_GROUPS;
		struct test_hwpt *to =
			&t->hwpt[prandom_u32_state(&rnd) % NUM_HWPTS];

		for (j = 0; j != NUM_HWPTS; j++)
			t->hwpt[j].fail_map = !(prandom_u32_state(&rnd) % 8);
		switch (prandom_u32_state(&rnd) % 4) {
		case 0:
			random_use(test, &rnd, group);
			break;
		case 1:
			if (t->at[group])
				leave(t, group, t->at[group]);
			/* Its next user begins with new devices */
			if (!(prandom_u32_state(&rnd) % 4))
				bitmap_zero(t->group[group].required_sw_msi,
					    IOMMUFD_SW_MSI_SLOTS);
			break;
		default:
			random_move(test, &rnd, group, to);
			break;
		}
		check_all(test);
	}
}

static struct kunit_case msi_test_cases[] = {
	KUNIT_CASE(test_follows),
	KUNIT_CASE(test_gone_with_last),
	KUNIT_CASE(test_same_parent),
	KUNIT_CASE(test_used_meanwhile),
	KUNIT_CASE(test_not_settled),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE(test_random),
	{}
};

static struct kunit_suite msi_test_suite = {
	.name = "iommufd_sw_msi",
	.init = msi_test_init,
	.test_cases = msi_test_cases,
};

kunit_test_suite(msi_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
