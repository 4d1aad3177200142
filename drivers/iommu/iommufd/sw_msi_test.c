// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of MSI doorbells: which domain has which of them while groups are
 * attached, moved and detached, and interrupts are set up in between.
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/msi.h>
#include <linux/platform_device.h>
#include <linux/prandom.h>
#include <linux/property.h>

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

static int test_attach_dev(struct iommu_domain *domain, struct device *dev,
			   struct iommu_domain *old)
{
	return 0;
}

static const struct iommu_domain_ops test_domain_ops = {
	.attach_dev = test_attach_dev,
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

/*
 * A device behind an IOMMU, both of the IOMMU core's making, whose driver says
 * that MSI doorbells go to a window of NUM_PAGES pages
 */
static struct iommu_device test_iommu;

static struct iommu_device *test_probe_device(struct device *dev)
{
	return &test_iommu;
}

static void test_get_resv_regions(struct device *dev, struct list_head *head)
{
	struct iommu_resv_region *region;

	region = iommu_alloc_resv_region(WINDOW, NUM_PAGES * PAGE_SIZE,
					 IOMMU_WRITE, IOMMU_RESV_SW_MSI,
					 GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, head);
}

static const struct iommu_domain_ops test_static_ops = {
	.attach_dev = test_attach_dev,
};

static struct iommu_domain test_identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &test_static_ops,
};

static int test_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops test_iommu_ops = {
	.owner = THIS_MODULE,
	.probe_device = test_probe_device,
	.device_group = generic_device_group,
	.get_resv_regions = test_get_resv_regions,
	.identity_domain = &test_identity,
	.def_domain_type = test_def_domain_type,
};

KUNIT_DEFINE_ACTION_WRAPPER(test_remove_fwnode, fwnode_remove_software_node,
			    struct fwnode_handle *);
KUNIT_DEFINE_ACTION_WRAPPER(test_sysfs_remove, iommu_device_sysfs_remove,
			    struct iommu_device *);
KUNIT_DEFINE_ACTION_WRAPPER(test_unregister, iommu_device_unregister,
			    struct iommu_device *);
KUNIT_DEFINE_ACTION_WRAPPER(test_put_pdev, platform_device_put,
			    struct platform_device *);
KUNIT_DEFINE_ACTION_WRAPPER(test_del_pdev, platform_device_del,
			    struct platform_device *);

static struct device *test_device(struct kunit *test)
{
	struct platform_device *pdev;
	struct fwnode_handle *fwnode;
	int rc = -EOPNOTSUPP;

	memset(&test_iommu, 0, sizeof(test_iommu));
	fwnode = fwnode_create_software_node(NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fwnode);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, test_remove_fwnode,
						  fwnode));
	test_iommu.fwnode = fwnode;
	KUNIT_ASSERT_EQ(test, 0, iommu_device_sysfs_add(&test_iommu, NULL, NULL,
							"iommufd_sw_msi"));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, test_sysfs_remove,
						  &test_iommu));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_register(&test_iommu,
						       &test_iommu_ops, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, test_unregister,
						  &test_iommu));

	pdev = platform_device_alloc("iommufd_sw_msi", PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, test_put_pdev, pdev));
	/* Not exported either */
	if (IS_BUILTIN(CONFIG_IOMMUFD)) {
		mutex_lock(&iommu_probe_device_lock);
		rc = iommu_fwspec_init(&pdev->dev, fwnode);
		mutex_unlock(&iommu_probe_device_lock);
	}
	KUNIT_ASSERT_EQ(test, 0, rc);
	KUNIT_ASSERT_EQ(test, 0, platform_device_add(pdev));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, test_del_pdev, pdev));
	KUNIT_ASSERT_NOT_NULL(test, pdev->dev.iommu_group);
	return &pdev->dev;
}

/* Set up an interrupt, as its controller's driver does: where does it write? */
static int interrupt(struct device *dev, phys_addr_t doorbell, u64 *addr)
{
	struct msi_desc desc = { .dev = dev };
	struct msi_msg msg = {};
	int rc = -EOPNOTSUPP;

	/* Not exported: whoever sets up interrupts is built in */
	if (IS_BUILTIN(CONFIG_IOMMUFD))
		rc = iommu_dma_prepare_msi(&desc, doorbell);
	msi_msg_set_addr(&desc, &msg, doorbell);
	*addr = (u64)msg.address_hi << 32 | msg.address_lo;
	return rc;
}

/* What becomes of a group's interrupts while it is attached, and before */
static void test_interrupts(struct kunit *test)
{
	const phys_addr_t doorbell = 0x20000040;
	struct msi_test *t = test->priv;
	struct test_hwpt *a = &t->hwpt[0];
	struct iommufd_attach_handle handle = { .igroup = &t->group[0] };
	struct iommufd_sw_msi_page *page, *next;
	struct iommu_group *group;
	struct device *dev;
	unsigned int i;
	u64 addr;

	if (!IS_BUILTIN(CONFIG_IOMMUFD))
		kunit_skip(test, "iommu_dma_prepare_msi() is not exported");
	dev = test_device(test);
	group = dev->iommu_group;
	INIT_LIST_HEAD(&t->ictx.sw_msi_list);
	t->ictx.sw_msi_next = 0;
	a->hwpt.common.obj.type = IOMMUFD_OBJ_HWPT_PAGING;
	a->domain.owner = &test_iommu_ops;
	a->domain.cookie_type = IOMMU_COOKIE_IOMMUFD;
	a->domain.iommufd_hwpt = &a->hwpt.common;

	/* Nothing translates them */
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, doorbell);

	/* Attached by somebody else, who has no handle */
	KUNIT_ASSERT_EQ(test, iommu_attach_group(&a->domain, group), 0);
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, doorbell);
	iommu_detach_group(&a->domain, group);

	attach(test, 0, a);
	KUNIT_ASSERT_EQ(test, iommu_attach_group_handle(&a->domain, group,
							&handle.handle), 0);
	/* One page per doorbell, made by its first interrupt */
	a->fail_map = true;
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), -ENOMEM);
	KUNIT_EXPECT_EQ(test, addr, doorbell);
	for (i = 0; i != 2 * NUM_PAGES; i++) {
		unsigned int pgoff = i % NUM_PAGES;

		KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell + pgoff * SZ_1M,
						&addr), 0);
		KUNIT_EXPECT_EQ(test, addr, WINDOW + pgoff * PAGE_SIZE + 0x40);
		KUNIT_EXPECT_EQ(test, a->doorbell[pgoff],
				(doorbell & PAGE_MASK) + pgoff * SZ_1M);
	}
	KUNIT_EXPECT_EQ(test, a->map_calls, NUM_PAGES + 1);

	/* The window is full */
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell + SZ_1G, &addr), -ENOSPC);
	KUNIT_EXPECT_EQ(test, addr, doorbell + SZ_1G);
	/* In another window there is room, in the table of doorbells is none */
	t->group[0].sw_msi_start = OTHER_WINDOW;
	t->ictx.sw_msi_next = IOMMUFD_SW_MSI_SLOTS;
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), -ENOSPC);
	/* The device's IOMMU does not have it */
	t->ictx.sw_msi_next = NUM_PAGES;
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), -ENOSPC);
	/* A group whose interrupts need no window */
	t->group[0].sw_msi_start = PHYS_ADDR_MAX;
	KUNIT_EXPECT_EQ(test, interrupt(dev, doorbell, &addr), 0);
	KUNIT_EXPECT_EQ(test, addr, doorbell);

	iommu_detach_group_handle(&a->domain, group);
	leave(t, 0, a);
	for (i = 0; i != NUM_PAGES; i++)
		KUNIT_EXPECT_EQ(test, a->doorbell[i], 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&t->ictx.sw_msi_list),
			(size_t)NUM_PAGES);
	list_for_each_entry_safe(page, next, &t->ictx.sw_msi_list, link)
		kfree(page);
}

static struct kunit_case msi_test_cases[] = {
	KUNIT_CASE(test_follows),
	KUNIT_CASE(test_gone_with_last),
	KUNIT_CASE(test_same_parent),
	KUNIT_CASE(test_used_meanwhile),
	KUNIT_CASE(test_not_settled),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE(test_random),
	KUNIT_CASE(test_interrupts),
	{}
};

static struct kunit_suite msi_test_suite = {
	.name = "iommufd_sw_msi",
	.init = msi_test_init,
	.test_cases = msi_test_cases,
};

kunit_test_suite(msi_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
