// SPDX-License-Identifier: GPL-2.0-only
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "object.h"

/**
 * DOC: Object table
 *
 * Owns the IDs of one context, and the life and death of the objects behind
 * them: who may find an object, who keeps it from being destroyed, and who
 * waits for whom. It calls a type's operations, and knows nothing else of what
 * an object is. (One exception: the IOAS that VFIO's container ioctls use is
 * named by the context, and forgotten together with its ID.)
 *
 * An ID is in one of three states in iommufd_ctx::objects:
 *
 *  - an object: published, lookups find it;
 *  - reserved: it belongs to an object under construction, or to one that
 *    IOMMU_DESTROY waits for, or it is the tombstone of one that was buried;
 *    lookups do not find it, nobody else gets it;
 *  - free.
 *
 * The xa_lock makes every change of state. The step that decides, from one user
 * to none, is made under it in the same critical section as the removal of the
 * ID. So whatever the table holds is alive. A lookup takes no lock, only a short
 * reference if there still is one: where the object was removed meanwhile, its
 * destroyer waits as if the lookup had come before. The memory is given back
 * after an RCU grace period, for those that come too late. A long reference is
 * taken by those who have one already; it fails once the object has no user.
 *
 * Both counts order memory: what a holder did before it gave its reference
 * back has happened before ->destroy (litmus tests: put and finish, unhold and
 * commit, wait and wake).
 *
 * The ways in which a published object ends. All of them commit, wait until the
 * short references are gone, and call ->destroy; they differ in what becomes of
 * the ID and in whether SIGKILL ends the wait::
 *
 *   function      caller            ID at the commit, after     SIGKILL
 *   destroy_id    IOMMU_DESTROY     tombstone, free             object comes back
 *   retire        owning driver     free                        goes on waiting
 *   bury          owner's unbind    tombstone until close       goes on waiting
 *   unhold_last   last long user    free                        goes on waiting
 *   destroy_all   close             free                        nobody waits
 *
 * An object comes back by one step under the xa_lock that undoes the commit:
 * the ID is a user again, and lookups find the object. Under that lock, an
 * object is published exactly while it has users, so others who have a short
 * reference cannot commit before the object is back. An object of a type with
 * ->never_returns does not come back: a kernel owner may have found that it was
 * being destroyed, and wait for its end. IOMMU_DESTROY ignores SIGKILL there,
 * and no call may keep a short reference on such an object for long.
 */

static const struct iommufd_object_type_ops *const
	iommufd_object_types[] = {
#if IS_ENABLED(CONFIG_IOMMUFD_KUNIT_TEST)
	[IOMMUFD_OBJ_NONE] = &iommufd_object_test_type,
	[IOMMUFD_OBJ_MAX] = &iommufd_object_test_owned_type,
#endif
	[IOMMUFD_OBJ_DEVICE] = &iommufd_device_type,
	[IOMMUFD_OBJ_HWPT_PAGING] = &iommufd_hwpt_paging_type,
	[IOMMUFD_OBJ_HWPT_NESTED] = &iommufd_hwpt_nested_type,
	[IOMMUFD_OBJ_IOAS] = &iommufd_ioas_type,
	[IOMMUFD_OBJ_ACCESS] = &iommufd_access_type,
	[IOMMUFD_OBJ_FAULT] = &iommufd_fault_type,
	[IOMMUFD_OBJ_VIOMMU] = &iommufd_viommu_type,
	[IOMMUFD_OBJ_VDEVICE] = &iommufd_vdevice_type,
	[IOMMUFD_OBJ_VEVENTQ] = &iommufd_veventq_type,
	[IOMMUFD_OBJ_HW_QUEUE] = &iommufd_hw_queue_type,
#ifdef CONFIG_IOMMUFD_TEST
	[IOMMUFD_OBJ_SELFTEST] = &iommufd_selftest_type,
#endif
};

static void object_pre_destroy(struct iommufd_object *obj)
{
	const struct iommufd_object_type_ops *ops =
		iommufd_object_types[obj->type];

	if (ops->pre_destroy)
		ops->pre_destroy(obj);
}

/* What becomes of the ID of an object that goes away */
enum object_id_fate {
	OBJECT_ID_FREE,
	OBJECT_ID_TOMBSTONE,
};

static void object_unpublish(struct iommufd_ctx *ictx,
			     struct iommufd_object *obj,
			     enum object_id_fate fate)
{
	lockdep_assert_held(&ictx->objects.xa_lock);

	/* Replacing an entry needs no memory */
	if (fate == OBJECT_ID_TOMBSTONE)
		__xa_store(&ictx->objects, obj->id, XA_ZERO_ENTRY, 0);
	else
		__xa_erase(&ictx->objects, obj->id);

	if (ictx->vfio_ioas && &ictx->vfio_ioas->obj == obj)
		ictx->vfio_ioas = NULL;
}

/*
 * The point of no return: true if nobody but the ID used the object. Then it
 * can neither be found nor held any more, and the caller must finish it.
 */
static bool object_commit(struct iommufd_ctx *ictx, struct iommufd_object *obj,
			  enum object_id_fate fate)
{
	lockdep_assert_held(&ictx->objects.xa_lock);

	if (!refcount_dec_if_one(&obj->users))
		return false;
	/* Pairs with the release of the decrement in iommufd_object_unhold() */
	smp_acquire__after_ctrl_dep();
	object_unpublish(ictx, obj, fate);
	return true;
}

/*
 * Undo object_commit(), which left a tombstone, in one step: whoever else has a
 * short reference finds the object either gone, or published and used.
 */
static void object_uncommit(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj)
{
	lockdep_assert_held(&ictx->objects.xa_lock);

	refcount_set(&obj->users, 1);
	iommufd_object_publish_locked(ictx, obj);
}

/* Destroy what object_commit() took away, and nobody has a reference on */
static void object_free(struct iommufd_object *obj)
{
	struct iommufd_object_memory *memory =
		container_of(obj, struct iommufd_object_memory, obj);

	/* Pairs with the release in iommufd_object_put() */
	smp_acquire__after_ctrl_dep();
	iommufd_object_types[obj->type]->destroy(obj);
	/* Pairs with the RCU section of iommufd_object_get() */
	kfree_rcu(memory, rcu);
}

/* Short references are brief: if a kernel driver waits as long, say so once */
#define OBJECT_WAIT_WARN (60 * HZ)

static void object_wait(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	if (wait_event_timeout(ictx->destroy_wait,
			       !refcount_read(&obj->wait_cnt),
			       OBJECT_WAIT_WARN))
		return;
	pr_warn("iommufd: a driver waits for calls that use object %u of type %d\n",
		obj->id, obj->type);
	wait_event(ictx->destroy_wait, !refcount_read(&obj->wait_cnt));
}

/* Wait out the short references, then destroy what object_commit() took away */
static void object_finish(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	might_sleep();

	/* The ID's own; without it, lookups could not take theirs */
	if (!refcount_dec_and_test(&obj->wait_cnt))
		object_wait(ictx, obj);
	object_free(obj);
}

/* Returns whether there is none, or SIGKILL came before */
static bool object_wait_killable(struct iommufd_ctx *ictx,
				 struct iommufd_object *obj)
{
	if (iommufd_object_types[obj->type]->never_returns) {
		object_wait(ictx, obj);
		return true;
	}
	return !wait_event_killable(ictx->destroy_wait,
				    !refcount_read(&obj->wait_cnt));
}

/*
 * The same for an object that left a tombstone. Another process may have the
 * short reference, and take its time: if the caller is killed meanwhile, the
 * object comes back.
 */
static int object_finish_killable(struct iommufd_ctx *ictx,
				  struct iommufd_object *obj)
{
	might_sleep();

	/* The ID's own short reference is taken back before the ID is */
	if (!refcount_dec_and_test(&obj->wait_cnt) &&
	    !object_wait_killable(ictx, obj) &&
	    refcount_inc_not_zero(&obj->wait_cnt)) {
		xa_lock(&ictx->objects);
		object_uncommit(ictx, obj);
		xa_unlock(&ictx->objects);
		return -EINTR;
	}
	xa_erase(&ictx->objects, obj->id);
	object_free(obj);
	return 0;
}

/**
 * iommufd_object_new() - Allocate an object and reserve an ID for it
 * @ictx: the context it will belong to
 * @size: of the structure that begins with the iommufd_object, in bytes
 * @type: its type
 *
 * Use it through iommufd_new(), or directly where a driver says how large the
 * structure is. Memory is zeroed, and charged to the caller's memory cgroup.
 * Nobody else can find the object until iommufd_object_publish(); until then
 * it is given up by iommufd_object_discard() or iommufd_object_abort().
 *
 * Context: may sleep, allocates.
 * Return: the object, with one user and one short reference, both its ID's.
 * ERR_PTR(-ENOMEM) without memory, ERR_PTR(-EBUSY) without a free ID.
 */
struct iommufd_object *iommufd_object_new(struct iommufd_ctx *ictx, size_t size,
					  enum iommufd_object_type type)
{
	struct iommufd_object *obj;
	int ret;

	obj = kzalloc(max(size, sizeof(struct iommufd_object_memory)),
		      GFP_KERNEL_ACCOUNT);
	if (!obj)
		return ERR_PTR(-ENOMEM);

	obj->type = type;
	refcount_set(&obj->wait_cnt, 1);
	refcount_set(&obj->users, 1);

	/* The uAPI returns IDs in a u32, of which 0 is never one */
	ret = xa_alloc(&ictx->objects, &obj->id, XA_ZERO_ENTRY, xa_limit_31b,
		       GFP_KERNEL_ACCOUNT);
	if (ret) {
		kfree(obj);
		return ERR_PTR(ret);
	}
	return obj;
}

/**
 * iommufd_object_publish_locked() - iommufd_object_publish() under the xa_lock
 * @ictx: the context
 * @obj: object from iommufd_object_new()
 *
 * For a caller that does something else in the same critical section.
 *
 * Context: xa_lock of iommufd_ctx::objects held.
 */
void iommufd_object_publish_locked(struct iommufd_ctx *ictx,
				   struct iommufd_object *obj)
{
	void *old;

	lockdep_assert_held(&ictx->objects.xa_lock);

	old = __xa_store(&ictx->objects, obj->id, obj, 0);
	/* The slot is there since the ID was reserved: nothing can fail */
	WARN_ON_ONCE(old);
}

/**
 * iommufd_object_publish() - Let others find an object
 * @ictx: the context
 * @obj: object from iommufd_object_new(), complete
 *
 * Cannot fail. From here userspace may find it by guessing its ID, and destroy
 * it: a caller that goes on using the object needs a reference of its own from
 * before. Where the ID is returned to userspace, publish last: an object that
 * userspace was told of cannot be aborted.
 *
 * Context: takes the xa_lock of iommufd_ctx::objects.
 */
void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj)
{
	xa_lock(&ictx->objects);
	iommufd_object_publish_locked(ictx, obj);
	xa_unlock(&ictx->objects);
}

/**
 * iommufd_object_discard() - Give up an object that has no resources yet
 * @ictx: the context
 * @obj: object from iommufd_object_new(), never published
 *
 * Gives ID and memory back, without calling ->destroy.
 *
 * Context: takes the xa_lock of iommufd_ctx::objects.
 */
void iommufd_object_discard(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj)
{
	void *old = xa_erase(&ictx->objects, obj->id);

	WARN_ON_ONCE(old);
	kfree(obj);
}

/**
 * iommufd_object_abort() - Give up a complete object
 * @ictx: the context
 * @obj: object from iommufd_object_new(), never published
 *
 * For what fails after the object was built, like the reply to userspace.
 * Calls ->destroy, then gives ID and memory back.
 *
 * Context: may sleep; no lock held that ->destroy takes.
 */
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	might_sleep();

	iommufd_object_types[obj->type]->destroy(obj);
	iommufd_object_discard(ictx, obj);
}

/**
 * iommufd_object_get() - Look an object up
 * @ictx: the context
 * @id: ID from userspace
 * @type: the type it must have, IOMMUFD_OBJ_ANY for any
 *
 * The short reference keeps the object's memory and resources. Its destroyer
 * waits for it, so it must be given back within the call that took it, or be
 * revoked by the type's pre_destroy operation.
 *
 * Context: any that RCU allows; takes no lock.
 * Return: the object with a short reference, or ERR_PTR(-ENOENT).
 */
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type)
{
	struct iommufd_object *obj;

	guard(rcu)();
	obj = xa_load(&ictx->objects, id);
	if (likely(obj && (type == IOMMUFD_OBJ_ANY || obj->type == type) &&
		   refcount_inc_not_zero(&obj->wait_cnt)))
		return obj;
	return ERR_PTR(-ENOENT);
}

/**
 * iommufd_object_put() - Give a short reference back
 * @ictx: the context
 * @obj: object from iommufd_object_get(); not to be touched any more
 *
 * Context: atomic is fine.
 */
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	/* The object may be gone as soon as the count is 0; the context stays */
	if (unlikely(refcount_dec_and_test(&obj->wait_cnt)))
		wake_up_all(&ictx->destroy_wait);
}

/* Find what nothing depends on, and take it away; its caller finishes it */
static struct iommufd_object *object_take(struct iommufd_ctx *ictx, u32 id,
					  enum object_id_fate fate)
{
	struct iommufd_object *obj;
	bool last = false;
	unsigned int users;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return obj;

	users = refcount_read(&obj->users);
	/* A device is always in use: its dependents must not be revoked */
	if (users == 1) {
		object_pre_destroy(obj);

		xa_lock(&ictx->objects);
		last = object_commit(ictx, obj, fate);
		users = refcount_read(&obj->users);
		xa_unlock(&ictx->objects);
	}
	iommufd_object_put(ictx, obj);
	if (last)
		return obj;
	/* No users: another thread is destroying it, and may yet put it back */
	return users ? ERR_PTR(-EBUSY) : ERR_PTR(-ENOENT);
}

/**
 * iommufd_object_destroy_id() - Destroy an object by its ID (IOMMU_DESTROY)
 * @ictx: the context
 * @id: ID from userspace
 *
 * Refused while something else depends on the object. Calls that are using it
 * for their own duration are waited for instead: they cannot cause a spurious
 * failure.
 *
 * Where a user turns up between ->pre_destroy and the removal of the ID, the
 * object lives on, and so it does where the caller is killed while he waits: the
 * operation must bear that. VFIO's container has forgotten its IOAS even so.
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such object; -EBUSY if it is in use; -EINTR if
 * killed.
 */
int iommufd_object_destroy_id(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = object_take(ictx, id, OBJECT_ID_TOMBSTONE);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	return object_finish_killable(ictx, obj);
}

/**
 * iommufd_object_retire() - Destroy an object whose kernel driver is done
 * @ictx: the context
 * @obj: a device or an access, which the driver holds with
 *       iommufd_object_hold() since before it was published
 *
 * The driver's hold is why IOMMU_DESTROY says -EBUSY until now. Nothing else
 * may hold such an object; what has short references on it for longer than one
 * call is revoked by ->pre_destroy. Works for an object that was never
 * published, too, provided it is held likewise.
 *
 * Context: may sleep; no lock held that a user of the object may be waiting
 * for, or that ->pre_destroy or ->destroy take.
 */
void iommufd_object_retire(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	bool last;

	might_sleep();

	object_pre_destroy(obj);

	xa_lock(&ictx->objects);
	refcount_dec(&obj->users);
	last = object_commit(ictx, obj, OBJECT_ID_FREE);
	/* A holder that must not be: leak what it holds, out of reach */
	if (!last)
		object_unpublish(ictx, obj, OBJECT_ID_TOMBSTONE);
	xa_unlock(&ictx->objects);

	if (!WARN_ON_ONCE(!last))
		object_finish(ictx, obj);
}

/**
 * iommufd_object_bury() - Destroy an object under userspace's feet
 * @ictx: the context
 * @obj: object of a type with ->never_returns that the caller got from
 *       iommufd_object_get(); the short reference is consumed, the object not to
 *       be touched any more
 *
 * As IOMMU_DESTROY, but userspace was not asked, and goes on believing that the
 * ID is its own: so it stays reserved until the context closes, without an
 * object (struct iommu_vdevice_alloc in the uAPI header). Nothing may hold the
 * object for long.
 *
 * An IOMMU_DESTROY of the same object may come first. It is then that caller
 * who destroys the object, possibly after this function has returned, and the
 * ID is free. Whoever depends on its being gone waits for the reference that
 * it has on them.
 *
 * Context: may sleep; no lock held that a user of the object may be waiting
 * for, or that ->pre_destroy or ->destroy take.
 */
void iommufd_object_bury(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	bool last;

	might_sleep();
	WARN_ON_ONCE(!iommufd_object_types[obj->type]->never_returns);

	object_pre_destroy(obj);

	xa_lock(&ictx->objects);
	last = object_commit(ictx, obj, OBJECT_ID_TOMBSTONE);
	WARN_ON_ONCE(!last && refcount_read(&obj->users));
	xa_unlock(&ictx->objects);

	iommufd_object_put(ictx, obj);
	if (last)
		object_finish(ictx, obj);
}

/**
 * iommufd_object_unhold_last() - Give back a long reference that may be the last
 * @ictx: the context
 * @obj: object held by iommufd_object_hold(); not to be touched any more
 *
 * Like iommufd_object_unhold(), but when the ID is the only user left, then the
 * object is destroyed, with its ID. Others may look the object up and hold it
 * at the same time: either they get it, and it stays, or it is gone. What might
 * stay is not revoked: ->pre_destroy is not called.
 *
 * Context: may sleep; no lock held that a user of the object may be waiting
 * for, or that ->destroy takes; no short reference on @obj held.
 */
void iommufd_object_unhold_last(struct iommufd_ctx *ictx,
				struct iommufd_object *obj)
{
	bool last;

	might_sleep();

	xa_lock(&ictx->objects);
	refcount_dec(&obj->users);
	last = object_commit(ictx, obj, OBJECT_ID_FREE);
	xa_unlock(&ictx->objects);

	if (last)
		object_finish(ictx, obj);
}

/* Destroy whatever nothing else depends on, dependents mostly first */
static bool object_destroy_unused(struct iommufd_ctx *ictx)
{
	struct iommufd_object *obj;
	unsigned long id, last_id = 0;
	bool progress = false;

	xa_for_each(&ictx->objects, id, obj)
		last_id = id;

	/*
	 * IDs are given out from the lowest free one, so a dependent usually
	 * has a higher ID than what it depends on. A destroy operation may
	 * destroy other objects in turn: look each ID up when it is due.
	 */
	for (id = last_id; id; id--) {
		obj = object_take(ictx, id, OBJECT_ID_FREE);
		if (!IS_ERR(obj)) {
			object_finish(ictx, obj);
			progress = true;
		}
		cond_resched();
	}
	return progress;
}

/**
 * iommufd_object_destroy_all() - Destroy all objects of a context
 * @ictx: the context, whose file is being released
 *
 * Dependents go before what they depend on. Nobody else uses the context any
 * more, and every kernel driver has retired its objects.
 *
 * Context: may sleep.
 */
void iommufd_object_destroy_all(struct iommufd_ctx *ictx)
{
	struct iommufd_object *obj;
	unsigned long id;

	while (object_destroy_unused(ictx))
		;

	/* The users of what is left depend on each other, or did not retire */
	xa_for_each(&ictx->objects, id, obj)
		WARN_ONCE(true, "iommufd: object %lu of type %d still in use\n",
			  id, obj->type);

	/* What is left beside are tombstones */
	xa_destroy(&ictx->objects);
}
