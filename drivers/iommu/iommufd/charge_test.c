// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what pinned memory is charged to: users and the owners of their
 * namespaces, processes and the context's budget, and a change of who pays.
 */
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/user_namespace.h>

#include "charge.h"

#define LIMIT 8

/*
 * struct test_level - a user namespace, and what its owner answers for
 * @ns: namespace, below the one of the level before
 * @owner: its owner in that one
 */
struct test_level {
	struct user_namespace ns;
	struct ucounts owner;
};

/*
 * struct charge_ctx - who can pay
 * @budget: of the context that all belong to
 * @levels: namespaces, one in the other
 * @users: two of them
 * @creds: of them, in one namespace each
 * @mms: two processes
 */
struct charge_ctx {
	struct pin_budget budget;
	struct test_level levels[2];
	struct user_struct users[2];
	struct cred creds[2];
	struct mm_struct *mms[2];
};

static long owner_count(struct charge_ctx *ctx, unsigned int level)
{
	return get_rlimit_value(&ctx->levels[level].owner,
				UCOUNT_RLIMIT_MEMLOCK);
}

static void set_level(struct charge_ctx *ctx, unsigned int level, uid_t owner,
		      unsigned long limit)
{
	struct user_namespace *ns = &ctx->levels[level].ns;

	ns->parent = level ? &ctx->levels[level - 1].ns : &init_user_ns;
	ns->owner = KUIDT_INIT(owner);
	ns->ucounts = &ctx->levels[level].owner;
	set_userns_rlimit_max(ns, UCOUNT_RLIMIT_MEMLOCK, limit * PAGE_SIZE);
}

static struct pin_payer by_user(struct charge_ctx *ctx, unsigned int n,
				struct user_namespace *ns)
{
	ctx->creds[n].user = &ctx->users[n];
	ctx->creds[n].user_ns = ns;
	return (struct pin_payer){
		.mm = ctx->mms[n],
		.task = current,
		.cred = &ctx->creds[n],
		.budget = &ctx->budget,
	};
}

static struct pin_payer by_process(struct charge_ctx *ctx, unsigned int n)
{
	return (struct pin_payer){
		.mm = ctx->mms[n],
		.task = current,
		.budget = &ctx->budget,
	};
}

/* Of this thread, which ends with the case */
static void set_limit(unsigned long npages)
{
	current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = npages * PAGE_SIZE;
}

static void expect_nothing(struct kunit *test, struct charge_ctx *ctx)
{
	for (unsigned int i = 0; i != 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, owner_count(ctx, i));
		KUNIT_EXPECT_EQ(test, 0,
				atomic_long_read(&ctx->users[i].locked_vm));
		KUNIT_EXPECT_EQ(test, 0,
				atomic64_read(&ctx->mms[i]->pinned_vm));
		KUNIT_EXPECT_EQ(test, 0, ctx->mms[i]->locked_vm);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&ctx->budget.npages));
}

/* Two subordinate users share what their namespace's owner may have */
static void subordinate_users(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer a = by_user(ctx, 0, &ctx->levels[0].ns);
	struct pin_payer b = by_user(ctx, 1, &ctx->levels[0].ns);

	set_level(ctx, 0, 1000, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, LIMIT - 2));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&b, 3));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&ctx->users[1].locked_vm));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&ctx->mms[1]->pinned_vm));
	KUNIT_EXPECT_EQ(test, LIMIT - 2, owner_count(ctx, 0));
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&b, 2));
	KUNIT_EXPECT_EQ(test, LIMIT, owner_count(ctx, 0));
	pin_uncharge(&a, LIMIT - 2);
	pin_uncharge(&b, 2);
	expect_nothing(test, ctx);
}

/* Every level counts, and a level that refuses leaves those below as they were */
static void nested_namespaces(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer payer = by_user(ctx, 0, &ctx->levels[1].ns);

	set_level(ctx, 0, 1000, LIMIT - 2);
	set_level(ctx, 1, 1001, LIMIT);
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&payer, LIMIT - 1));
	expect_nothing(test, ctx);
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&payer, LIMIT - 2));
	KUNIT_EXPECT_EQ(test, LIMIT - 2, owner_count(ctx, 0));
	KUNIT_EXPECT_EQ(test, LIMIT - 2, owner_count(ctx, 1));
	pin_uncharge(&payer, LIMIT - 2);
	expect_nothing(test, ctx);
}

/* root can be whoever it likes without a namespace: it does not answer for them */
static void namespaces_of_root(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer payer = by_user(ctx, 0, &ctx->levels[1].ns);

	set_level(ctx, 0, 0, 1);
	set_level(ctx, 1, 1000, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&payer, LIMIT));
	KUNIT_EXPECT_EQ(test, 0, owner_count(ctx, 0));
	KUNIT_EXPECT_EQ(test, LIMIT, owner_count(ctx, 1));
	pin_uncharge(&payer, LIMIT);
	expect_nothing(test, ctx);

	payer = by_user(ctx, 0, &init_user_ns);
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&payer, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&payer, 1));
	pin_uncharge(&payer, LIMIT);
	expect_nothing(test, ctx);
}

/* What a context charged to one process counts for the next */
static void processes_of_a_context(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer a = by_process(ctx, 0), b = by_process(ctx, 1);

	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, LIMIT - 2));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&b, 3));
	KUNIT_EXPECT_EQ(test, LIMIT - 2, atomic_long_read(&ctx->budget.npages));
	KUNIT_EXPECT_EQ(test, 0, ctx->mms[1]->locked_vm);
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&b, 2));
	KUNIT_EXPECT_EQ(test, 2, ctx->mms[1]->locked_vm);
	pin_uncharge(&a, LIMIT - 2);
	pin_uncharge(&b, 2);
	/* What the process locks itself counts, too, and is not the context's */
	ctx->mms[0]->locked_vm = LIMIT - 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&a, 2));
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&ctx->budget.npages));
	ctx->mms[0]->locked_vm = 0;
	expect_nothing(test, ctx);
}

/* Sums that do not fit into a long must not get by */
static void huge_charges(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer payer = by_user(ctx, 0, &init_user_ns);

	KUNIT_EXPECT_EQ(test, 0, pin_charge(&payer, 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&payer, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_charge(&payer, LONG_MAX));
	pin_uncharge(&payer, 1);
	expect_nothing(test, ctx);
}

static void move_between_processes(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer a = by_process(ctx, 0), b = by_process(ctx, 1);

	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, LIMIT));
	/* The context has no more than before, though both are charged */
	KUNIT_EXPECT_EQ(test, 0, pin_move_charge(&a, &b, LIMIT));
	KUNIT_EXPECT_EQ(test, LIMIT, ctx->mms[0]->locked_vm);
	KUNIT_EXPECT_EQ(test, LIMIT, ctx->mms[1]->locked_vm);
	KUNIT_EXPECT_EQ(test, LIMIT, atomic_long_read(&ctx->budget.npages));
	pin_move_uncharge(&a, &b, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, ctx->mms[1]->locked_vm);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&ctx->mms[1]->pinned_vm));

	KUNIT_EXPECT_EQ(test, 0, pin_move_charge(&a, &b, LIMIT));
	pin_move_commit(&a, &b, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, ctx->mms[0]->locked_vm);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&ctx->mms[0]->pinned_vm));
	KUNIT_EXPECT_EQ(test, LIMIT, ctx->mms[1]->locked_vm);
	KUNIT_EXPECT_EQ(test, LIMIT, atomic_long_read(&ctx->budget.npages));
	pin_uncharge(&b, LIMIT);

	/* The limit of who is to pay holds */
	ctx->mms[1]->locked_vm = 1;
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_move_charge(&a, &b, LIMIT));
	pin_uncharge(&a, LIMIT);
	ctx->mms[1]->locked_vm = 0;
	expect_nothing(test, ctx);
}

static void move_from_privileged(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer a = { .mm = ctx->mms[0], .budget = &ctx->budget };
	struct pin_payer b = by_process(ctx, 1);

	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, 2 * LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_move_charge(&a, &b, 2 * LIMIT));
	pin_uncharge(&a, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, pin_move_charge(&a, &b, LIMIT));
	pin_move_commit(&a, &b, LIMIT);
	KUNIT_EXPECT_EQ(test, LIMIT, atomic_long_read(&ctx->budget.npages));
	/* And back */
	KUNIT_EXPECT_EQ(test, 0, pin_move_charge(&b, &a, LIMIT));
	pin_move_commit(&b, &a, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&ctx->budget.npages));
	KUNIT_EXPECT_EQ(test, LIMIT, atomic64_read(&ctx->mms[0]->pinned_vm));
	pin_uncharge(&a, LIMIT);
	expect_nothing(test, ctx);
}

/* Two processes of one user: only VmPin shows who pays */
static void move_within_user(struct kunit *test)
{
	struct charge_ctx *ctx = test->priv;
	struct pin_payer a = by_user(ctx, 0, &init_user_ns), b = a;

	b.mm = ctx->mms[1];
	KUNIT_EXPECT_FALSE(test, pin_payer_same(&a, &b));
	KUNIT_EXPECT_EQ(test, 0, pin_charge(&a, LIMIT));
	KUNIT_EXPECT_EQ(test, 0, pin_move_charge(&a, &b, LIMIT));
	KUNIT_EXPECT_EQ(test, LIMIT,
			atomic_long_read(&ctx->users[0].locked_vm));
	/* One of them may have a lower limit, which holds for all of the user's */
	set_limit(LIMIT - 1);
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin_move_charge(&a, &b, 1));
	pin_move_commit(&a, &b, LIMIT);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&ctx->mms[0]->pinned_vm));
	KUNIT_EXPECT_EQ(test, LIMIT, atomic64_read(&ctx->mms[1]->pinned_vm));
	pin_uncharge(&b, LIMIT);
	expect_nothing(test, ctx);
}

static int charge_test_init(struct kunit *test)
{
	struct charge_ctx *ctx;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	for (unsigned int i = 0; i != 2; i++) {
		ctx->mms[i] = kunit_kzalloc(test, sizeof(*ctx->mms[i]),
					    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ctx->mms[i]);
		init_rwsem(&ctx->mms[i]->mmap_lock);
		mm_lock_seqcount_init(ctx->mms[i]);
	}
	set_limit(LIMIT);
	test->priv = ctx;
	return 0;
}

static struct kunit_case charge_test_cases[] = {
	KUNIT_CASE(subordinate_users),
	KUNIT_CASE(nested_namespaces),
	KUNIT_CASE(namespaces_of_root),
	KUNIT_CASE(processes_of_a_context),
	KUNIT_CASE(huge_charges),
	KUNIT_CASE(move_between_processes),
	KUNIT_CASE(move_from_privileged),
	KUNIT_CASE(move_within_user),
	{}
};

static struct kunit_suite charge_test_suite = {
	.name = "iommufd_charge",
	.init = charge_test_init,
	.test_cases = charge_test_cases,
};

kunit_test_suite(charge_test_suite);
