/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the object table offers beyond iommufd_private.h, to the few that look
 * under its lock, or at an object that was destroyed.
 */
#ifndef __IOMMUFD_OBJECT_H
#define __IOMMUFD_OBJECT_H

#include <linux/types.h>

#include "iommufd_private.h"

/**
 * struct iommufd_object_memory - what becomes of an object's memory
 * @obj: the object
 * @rcu: behind its base: the type's until it was destroyed, and then RCU's. So
 *       the last close does not wait for a grace period for each object where
 *       there is no memory to put them in a queue.
 *
 * What is behind both is left alone for the grace period, and may be looked at
 * under RCU.
 */
struct iommufd_object_memory {
	struct iommufd_object obj;
	struct rcu_head rcu;
};

void iommufd_object_publish_locked(struct iommufd_ctx *ictx,
				   struct iommufd_object *obj);

/**
 * iommufd_object_get_locked() - Take a short reference without a lookup
 * @ictx: the context
 * @obj: published object, or one that the xa_lock otherwise keeps from being
 *       destroyed, like iommufd_ctx::vfio_ioas
 *
 * Context: xa_lock of iommufd_ctx::objects held.
 */
static inline void iommufd_object_get_locked(struct iommufd_ctx *ictx,
					     struct iommufd_object *obj)
{
	lockdep_assert_held(&ictx->objects.xa_lock);
	refcount_inc(&obj->wait_cnt);
}

/**
 * iommufd_object_is_published() - Can others find the object?
 * @ictx: the context
 * @obj: object that the caller has a short or long reference on, or that
 *       otherwise is not freed while the xa_lock is held
 *
 * Context: xa_lock of iommufd_ctx::objects held.
 * Return: true if they can, for as long as the lock is held; false once it is
 * being destroyed.
 */
static inline bool iommufd_object_is_published(struct iommufd_ctx *ictx,
					       struct iommufd_object *obj)
{
	lockdep_assert_held(&ictx->objects.xa_lock);
	return xa_load(&ictx->objects, obj->id) == obj;
}

#if IS_ENABLED(CONFIG_IOMMUFD_KUNIT_TEST)
extern const struct iommufd_object_type_ops iommufd_object_test_type;
extern const struct iommufd_object_type_ops iommufd_object_test_owned_type;
#endif
#endif
