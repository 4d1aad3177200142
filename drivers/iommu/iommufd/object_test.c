// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the object table: who finds an object, who keeps it, who waits
 * for whom, and that every object is destroyed once, after its last user.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "object.h"

#define RACE_ROUNDS 500

/* A type of its own behind those of the uAPI's objects */
#define TEST_OBJ_OWNED ((enum iommufd_object_type)IOMMUFD_OBJ_MAX)

/* What happened to the objects of one test */
struct test_log {
	atomic_t revoked;
	atomic_t destroyed;
	u32 last_id;
};

/*
 * struct test_obj - an object of the type under test
 * @obj: base
 * @log: where its operations leave their marks
 * @parent: what it depends on, held; or NULL
 * @alive: until it is destroyed
 */
struct test_obj {
	struct iommufd_object obj;
	struct test_log *log;
	struct test_obj *parent;
	bool alive;
};

static void test_obj_pre_destroy(struct iommufd_object *obj)
{
	struct test_obj *tobj = container_of(obj, struct test_obj, obj);

	atomic_inc(&tobj->log->revoked);
}

static void test_obj_destroy(struct iommufd_object *obj)
{
	struct test_obj *tobj = container_of(obj, struct test_obj, obj);

	tobj->alive = false;
	tobj->log->last_id = obj->id;
	atomic_inc(&tobj->log->destroyed);
	if (tobj->parent)
		iommufd_object_unhold(&tobj->parent->obj);
}

const struct iommufd_object_type_ops iommufd_object_test_type = {
	.pre_destroy = test_obj_pre_destroy,
	.destroy = test_obj_destroy,
};

/* As vDEVICEs are: buried by the kernel, waited for by it */
const struct iommufd_object_type_ops iommufd_object_test_owned_type = {
	.pre_destroy = test_obj_pre_destroy,
	.destroy = test_obj_destroy,
	.never_returns = true,
};

/* All that the object table uses of a context, and a log */
struct test_ctx {
	struct iommufd_ctx ictx;
	struct test_log log;
};

static int object_test_init(struct kunit *test)
{
	struct test_ctx *tctx;

	tctx = kunit_kzalloc(test, sizeof(*tctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tctx);
	xa_init_flags(&tctx->ictx.objects, XA_FLAGS_ALLOC1);
	init_waitqueue_head(&tctx->ictx.destroy_wait);
	test->priv = tctx;
	return 0;
}

static void object_test_exit(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;

	if (tctx)
		iommufd_object_destroy_all(&tctx->ictx);
}

static struct test_obj *test_obj_of_type(struct kunit *test,
					 struct test_obj *parent,
					 enum iommufd_object_type type)
{
	struct test_ctx *tctx = test->priv;
	struct test_obj *tobj;

	tobj = iommufd_new(&tctx->ictx, struct test_obj, obj, type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tobj);
	tobj->log = &tctx->log;
	tobj->alive = true;
	if (parent) {
		KUNIT_ASSERT_EQ(test, iommufd_object_hold(&parent->obj), 0);
		tobj->parent = parent;
	}
	return tobj;
}

static struct test_obj *test_obj_new(struct kunit *test,
				     struct test_obj *parent)
{
	return test_obj_of_type(test, parent, IOMMUFD_OBJ_NONE);
}

static struct test_obj *test_obj_published(struct kunit *test,
					   struct test_obj *parent)
{
	struct test_ctx *tctx = test->priv;
	struct test_obj *tobj = test_obj_new(test, parent);

	iommufd_object_publish(&tctx->ictx, &tobj->obj);
	return tobj;
}

static struct test_obj *test_obj_owned(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct test_obj *tobj = test_obj_of_type(test, NULL, TEST_OBJ_OWNED);

	iommufd_object_publish(&tctx->ictx, &tobj->obj);
	return tobj;
}

static int test_lookup(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj =
		iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);

	if (IS_ERR(obj))
		return PTR_ERR(obj);
	iommufd_object_put(ictx, obj);
	return 0;
}

static void test_visibility(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_new(test, NULL);
	struct iommufd_object *obj;
	u32 id = tobj->obj.id;

	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, id), -ENOENT);

	iommufd_object_publish(ictx, &tobj->obj);
	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	KUNIT_EXPECT_PTR_EQ(test, obj, &tobj->obj);
	iommufd_object_put(ictx, obj);
	KUNIT_EXPECT_TRUE(test, IS_ERR(iommufd_object_get(ictx, id,
							  IOMMUFD_OBJ_IOAS)));
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, U32_MAX), -ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 0);
}

static void test_discard_abort(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct test_obj *tobj = test_obj_new(test, NULL);
	u32 id = tobj->obj.id;

	iommufd_object_discard(&tctx->ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 0);

	tobj = test_obj_new(test, NULL);
	KUNIT_EXPECT_EQ(test, tobj->obj.id, id);
	iommufd_object_abort(&tctx->ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.revoked), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&tctx->ictx.objects));
}

static void test_destroy_busy(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *parent = test_obj_published(test, NULL);
	struct test_obj *child = test_obj_published(test, parent);
	u32 parent_id = parent->obj.id;

	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, parent_id),
			-EBUSY);
	/* What is in use is not revoked, either */
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.revoked), 0);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, child->obj.id),
			0);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, parent_id), 0);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, parent_id),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.revoked), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 2);
}

static void test_vfio_ioas_forgotten(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *one = test_obj_published(test, NULL);
	struct test_obj *two = test_obj_published(test, NULL);

	/* Only its address matters */
	ictx->vfio_ioas = container_of(&two->obj, struct iommufd_ioas, obj);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, one->obj.id), 0);
	KUNIT_EXPECT_NOT_NULL(test, ictx->vfio_ioas);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, two->obj.id), 0);
	KUNIT_EXPECT_NULL(test, ictx->vfio_ioas);
}

static void test_retire(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_new(test, NULL);
	u32 id = tobj->obj.id;

	KUNIT_EXPECT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
	iommufd_object_publish(ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, id), -EBUSY);
	iommufd_object_retire(ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);

	/* Never published */
	tobj = test_obj_new(test, NULL);
	KUNIT_EXPECT_EQ(test, tobj->obj.id, id);
	KUNIT_EXPECT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
	iommufd_object_retire(ictx, &tobj->obj);

	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.revoked), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 2);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ictx->objects));
}

static void test_bury(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_owned(test);
	u32 id = tobj->obj.id;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	iommufd_object_bury(ictx, obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, id), -ENOENT);

	/* The tombstone keeps the ID */
	tobj = test_obj_published(test, NULL);
	KUNIT_EXPECT_NE(test, tobj->obj.id, id);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, tobj->obj.id), 0);
	KUNIT_EXPECT_FALSE(test, xa_empty(&ictx->objects));

	iommufd_object_destroy_all(ictx);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ictx->objects));
}

static void test_unhold_last(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_published(test, NULL);
	u32 id = tobj->obj.id;

	KUNIT_EXPECT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
	KUNIT_EXPECT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
	iommufd_object_unhold_last(ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 0);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), 0);
	iommufd_object_unhold_last(ictx, &tobj->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);
}

/* Dependents may have lower IDs than what they depend on, or higher ones */
static void test_destroy_all(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *objs[8], *root;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(objs); i++)
		objs[i] = test_obj_new(test, NULL);
	/* 2 depends on 4, 4 on 6, ...; 3 on 1, 5 on 3, ... */
	for (i = 0; i != ARRAY_SIZE(objs); i++) {
		unsigned int on = i % 2 ? i + 2 : i - 2;

		if (on < ARRAY_SIZE(objs)) {
			KUNIT_EXPECT_EQ(test,
					iommufd_object_hold(&objs[on]->obj), 0);
			objs[i]->parent = objs[on];
		}
		iommufd_object_publish(ictx, &objs[i]->obj);
	}
	root = objs[ARRAY_SIZE(objs) - 1];
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, root->obj.id),
			-EBUSY);

	iommufd_object_destroy_all(ictx);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed),
			ARRAY_SIZE(objs));
	KUNIT_EXPECT_TRUE(test, xa_empty(&ictx->objects));
}

/* A second thread that does one thing to one object */
struct test_thread {
	struct iommufd_ctx *ictx;
	u32 id;
	int ret;
	unsigned int delay;
	atomic_t arrived;
	struct completion done;
	struct task_struct *task;
};

/* Both threads of a race go on from here at the same time, or nearly */
static void test_thread_meet(struct test_thread *thread, unsigned int delay)
{
	atomic_inc(&thread->arrived);
	while (atomic_read(&thread->arrived) < 2)
		cond_resched();
	while (delay--)
		cpu_relax();
}

static int destroy_thread(void *data)
{
	struct test_thread *thread = data;

	test_thread_meet(thread, thread->delay);
	thread->ret = iommufd_object_destroy_id(thread->ictx, thread->id);
	kthread_complete_and_exit(&thread->done, 0);
}

/* The same for a thread that can be killed */
static int killable_destroy_thread(void *data)
{
	allow_signal(SIGKILL);
	return destroy_thread(data);
}

static void test_thread_start(struct kunit *test, struct test_thread *thread,
			      int (*fn)(void *data), u32 id,
			      unsigned int delay)
{
	struct test_ctx *tctx = test->priv;
	struct task_struct *task;

	thread->ictx = &tctx->ictx;
	thread->id = id;
	thread->delay = delay;
	atomic_set(&thread->arrived, 0);
	init_completion(&thread->done);
	task = kthread_run(fn, thread, "iommufd-kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	thread->task = task;
}

/* In every other round the one is held up a bit, in the others the other */
static unsigned int race_delay(unsigned int round)
{
	return round % 2 ? round % 500 : 0;
}

static void test_destroy_waits(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_published(test, NULL);
	struct test_thread thread;
	u32 id = tobj->obj.id;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	test_thread_start(test, &thread, destroy_thread, id, 0);
	test_thread_meet(&thread, 0);
	while (refcount_read(&obj->users))
		fsleep(1000);

	/* Past the point of no return, but our reference is good */
	KUNIT_EXPECT_EQ(test, iommufd_object_hold(obj), -ENOENT);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&thread.done, HZ / 20),
			0);
	KUNIT_EXPECT_TRUE(test, tobj->alive);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 0);

	iommufd_object_put(ictx, obj);
	wait_for_completion(&thread.done);
	KUNIT_EXPECT_EQ(test, thread.ret, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
}

/*
 * Start a thread that destroys @tobj, and wait until it has to wait for the
 * short reference that is returned.
 */
static struct iommufd_object *
test_destroy_stuck(struct kunit *test, struct test_thread *thread,
		   struct test_obj *tobj)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_object *obj;

	obj = iommufd_object_get(&tctx->ictx, tobj->obj.id, IOMMUFD_OBJ_ANY);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	test_thread_start(test, thread, killable_destroy_thread, obj->id, 0);
	test_thread_meet(thread, 0);
	/* The other thread's own one is given back, and the ID's */
	while (refcount_read(&obj->users) || refcount_read(&obj->wait_cnt) > 1)
		fsleep(1000);
	return obj;
}

/* An IOMMU_DESTROY that is killed leaves everything as it was */
static void test_killed_returns(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_published(test, NULL);
	struct test_thread thread;
	struct iommufd_object *obj;
	u32 id = tobj->obj.id;

	obj = test_destroy_stuck(test, &thread, tobj);
	send_sig(SIGKILL, thread.task, 1);
	wait_for_completion(&thread.done);
	KUNIT_EXPECT_EQ(test, thread.ret, -EINTR);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 0);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), 0);

	KUNIT_EXPECT_EQ(test, iommufd_object_hold(obj), 0);
	iommufd_object_put(ictx, obj);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, id), -EBUSY);
	iommufd_object_unhold(obj);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, id), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
}

/*
 * Whoever has the xa_lock sees an object that is published and used, or neither:
 * the killed thread takes the lock for both, so it makes no step meanwhile.
 */
static void test_killed_returns_at_once(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_published(test, NULL);
	unsigned int users = 0, polls;
	struct test_thread thread;
	struct iommufd_object *obj;

	obj = test_destroy_stuck(test, &thread, tobj);

	xa_lock(&ictx->objects);
	send_sig(SIGKILL, thread.task, 1);
	for (polls = 0; polls != 10000 && !users; polls++) {
		udelay(1);
		users = refcount_read(&obj->users);
	}
	KUNIT_EXPECT_FALSE(test, iommufd_object_is_published(ictx, obj));
	xa_unlock(&ictx->objects);
	KUNIT_EXPECT_EQ(test, users, 0);

	wait_for_completion(&thread.done);
	KUNIT_EXPECT_EQ(test, thread.ret, -EINTR);
	iommufd_object_put(ictx, obj);
	KUNIT_EXPECT_EQ(test, iommufd_object_destroy_id(ictx, obj->id), 0);
}

/* What the kernel waits for is destroyed even so: it found its destroyer */
static void test_killed_never_returns(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	struct test_obj *tobj = test_obj_owned(test);
	struct test_thread thread;
	struct iommufd_object *obj;
	u32 id = tobj->obj.id;

	obj = test_destroy_stuck(test, &thread, tobj);
	send_sig(SIGKILL, thread.task, 1);
	KUNIT_ASSERT_EQ(test, wait_for_completion_timeout(&thread.done, HZ / 20),
			0);
	KUNIT_EXPECT_EQ(test, test_lookup(ictx, id), -ENOENT);
	/* Somebody else was first */
	iommufd_object_bury(ictx, obj);
	wait_for_completion(&thread.done);
	KUNIT_EXPECT_EQ(test, thread.ret, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&tctx->log.destroyed), 1);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ictx->objects));
}

/* Look the object up, hold it, let it go, until it is gone */
static int user_thread(void *data)
{
	struct test_thread *thread = data;
	struct iommufd_object *obj;

	thread->ret = 0;
	test_thread_meet(thread, thread->delay);
	for (;;) {
		struct test_obj *tobj;

		obj = iommufd_object_get(thread->ictx, thread->id,
					 IOMMUFD_OBJ_ANY);
		if (IS_ERR(obj))
			break;
		tobj = container_of(obj, struct test_obj, obj);
		if (!READ_ONCE(tobj->alive))
			thread->ret = -EFAULT;
		if (!iommufd_object_hold(obj)) {
			iommufd_object_put(thread->ictx, obj);
			if (!READ_ONCE(tobj->alive))
				thread->ret = -EFAULT;
			iommufd_object_unhold(obj);
		} else {
			iommufd_object_put(thread->ictx, obj);
		}
		cond_resched();
	}
	kthread_complete_and_exit(&thread->done, 0);
}

static void test_race_users(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct test_thread thread;
	unsigned int i;
	int ret;

	for (i = 0; i != RACE_ROUNDS; i++) {
		struct test_obj *tobj = test_obj_published(test, NULL);
		u32 id = tobj->obj.id;

		test_thread_start(test, &thread, user_thread, id,
				  race_delay(i));
		test_thread_meet(&thread, race_delay(i + 1));
		do {
			ret = iommufd_object_destroy_id(&tctx->ictx, id);
			cond_resched();
		} while (ret == -EBUSY);
		wait_for_completion(&thread.done);
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_ASSERT_EQ(test, thread.ret, 0);
		KUNIT_ASSERT_EQ(test, atomic_read(&tctx->log.destroyed), i + 1);
	}
}

/* Userspace destroys what the kernel is about to bury */
static void test_race_bury(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct iommufd_ctx *ictx = &tctx->ictx;
	unsigned int i, buried = 0;
	struct test_thread thread;

	for (i = 0; i != RACE_ROUNDS; i++) {
		struct test_obj *tobj = test_obj_owned(test);
		u32 id = tobj->obj.id;
		struct iommufd_object *obj;

		test_thread_start(test, &thread, destroy_thread, id,
				  race_delay(i));
		test_thread_meet(&thread, race_delay(i + 1));
		obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
		if (!IS_ERR(obj))
			iommufd_object_bury(ictx, obj);
		wait_for_completion(&thread.done);

		/* One of the two did it, and who says whose the ID is */
		KUNIT_ASSERT_EQ(test, atomic_read(&tctx->log.destroyed), i + 1);
		KUNIT_ASSERT_TRUE(test, !thread.ret || thread.ret == -ENOENT);
		if (thread.ret)
			buried++;
		tobj = test_obj_new(test, NULL);
		if (thread.ret)
			KUNIT_ASSERT_NE(test, tobj->obj.id, id);
		else
			KUNIT_ASSERT_EQ(test, tobj->obj.id, id);
		iommufd_object_discard(ictx, &tobj->obj);
	}
	kunit_info(test, "%u of %u were buried\n", buried, i);
}

static int unhold_last_thread(void *data)
{
	struct test_thread *thread = data;
	struct iommufd_object *obj;

	test_thread_meet(thread, thread->delay);
	/* The hold that was taken for this thread keeps it there */
	obj = iommufd_object_get(thread->ictx, thread->id, IOMMUFD_OBJ_ANY);
	thread->ret = PTR_ERR_OR_ZERO(obj);
	if (!thread->ret) {
		iommufd_object_put(thread->ictx, obj);
		iommufd_object_unhold_last(thread->ictx, obj);
	}
	kthread_complete_and_exit(&thread->done, 0);
}

static void test_race_unhold_last(struct kunit *test)
{
	struct test_ctx *tctx = test->priv;
	struct test_thread thread;
	unsigned int i;

	for (i = 0; i != RACE_ROUNDS; i++) {
		struct test_obj *tobj = test_obj_published(test, NULL);

		KUNIT_ASSERT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
		KUNIT_ASSERT_EQ(test, iommufd_object_hold(&tobj->obj), 0);
		test_thread_start(test, &thread, unhold_last_thread,
				  tobj->obj.id, race_delay(i));
		test_thread_meet(&thread, race_delay(i + 1));
		iommufd_object_unhold_last(&tctx->ictx, &tobj->obj);
		wait_for_completion(&thread.done);
		KUNIT_ASSERT_EQ(test, thread.ret, 0);
		KUNIT_ASSERT_EQ(test, atomic_read(&tctx->log.destroyed), i + 1);
		KUNIT_ASSERT_TRUE(test, xa_empty(&tctx->ictx.objects));
	}
}

static struct kunit_case object_test_cases[] = {
	KUNIT_CASE(test_visibility),
	KUNIT_CASE(test_discard_abort),
	KUNIT_CASE(test_destroy_busy),
	KUNIT_CASE(test_vfio_ioas_forgotten),
	KUNIT_CASE(test_retire),
	KUNIT_CASE(test_bury),
	KUNIT_CASE(test_unhold_last),
	KUNIT_CASE(test_destroy_all),
	KUNIT_CASE(test_destroy_waits),
	KUNIT_CASE(test_killed_returns),
	KUNIT_CASE(test_killed_returns_at_once),
	KUNIT_CASE(test_killed_never_returns),
	KUNIT_CASE_SLOW(test_race_users),
	KUNIT_CASE_SLOW(test_race_bury),
	KUNIT_CASE_SLOW(test_race_unhold_last),
	{}
};

static struct kunit_suite object_test_suite = {
	.name = "iommufd_object",
	.init = object_test_init,
	.exit = object_test_exit,
	.test_cases = object_test_cases,
};

kunit_test_suite(object_test_suite);
