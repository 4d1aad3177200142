// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: In-kernel access
 *
 * A kernel driver that emulates DMA (an mdev), or that needs guest memory to
 * stay where it is (a HW queue), uses an IOAS by an access: it pins pages, or
 * copies. While it is attached it is asked to let go of what is being unmapped.
 *
 * The unmap callback runs under the IOVA space's domains_lock and calls back to
 * unpin. So unpinning takes only iommufd_access::lock, which nobody holds while
 * waiting for a domains_lock; attaching and detaching, which do wait for it, are
 * serialised by another lock.
 *
 * What an access has pinned is written down with the pages, in the access's name
 * and for one attachment: an unpin without its pin changes nothing. A driver may
 * still be unpinning when its callback returns. So unmapping waits a little for it,
 * and no access moves to another IOAS before its last pin in the old one is gone: an
 * IOVA means one thing at a time.
 *
 * Memory may come as late as userspace likes: it is pinned, or copied, without a
 * lock. What ends when the access is not attached any more is given back.
 */
#include <linux/slab.h>

#include "access.h"

/* How long a driver may take to unpin what it was asked to */
#define ACCESS_LEAVE_TIMEOUT	HZ
/* ... where its pins are lost, and those pages with them, when that is over */
#define ACCESS_DESTROY_TIMEOUT	(60 * HZ)

/**
 * struct access_link - one attachment
 * @node: what the IOVA space knows
 * @access: whose it is
 * @ioas: the IOAS, held
 * @calls: pins and copies that are under way, under iommufd_access::lock
 */
struct access_link {
	struct iopgt_access node;
	struct iommufd_access *access;
	struct iommufd_ioas *ioas;
	unsigned long calls;
};

static bool access_link_is_idle(struct access_link *link)
{
	return !READ_ONCE(link->calls) && !atomic_long_read(&link->node.pins);
}

static void access_unmap(struct iopgt_access *node, unsigned long iova,
			 unsigned long length)
{
	struct iommufd_access *access =
		container_of(node, struct access_link, node)->access;

	access->ops->unmap(access->data, iova, length);
}

static struct access_link *access_enter(struct iommufd_access *access,
					struct iommufd_ioas *ioas)
{
	struct access_link *link;
	int rc;

	link = kzalloc_obj(*link, GFP_KERNEL_ACCOUNT);
	if (!link)
		return ERR_PTR(-ENOMEM);
	link->access = access;
	link->ioas = ioas;
	if (access->ops->unmap)
		link->node.unmap = access_unmap;
	link->node.alignment = access->ops->needs_pin_pages ? PAGE_SIZE : 1;

	rc = iommufd_object_hold(&ioas->obj);
	if (rc)
		goto free;
	rc = iopgt_add_access(&ioas->iopt, &link->node);
	if (rc)
		goto unhold;
	return link;

unhold:
	iommufd_object_unhold(&ioas->obj);
free:
	kfree(link);
	return ERR_PTR(rc);
}

static void access_remove(struct access_link *link)
{
	iopgt_remove_access(&link->ioas->iopt, &link->node);
}

static void access_drop(struct access_link *link)
{
	iommufd_object_unhold(&link->ioas->obj);
	/* Pins that are lost name it for ever: nobody else may have the name */
	if (!atomic_long_read(&link->node.pins))
		kfree(link);
}

static void access_leave(struct access_link *link)
{
	access_remove(link);
	access_drop(link);
}

/* Have the driver let go. 0, -EINTR, or -EBUSY where it does not */
static int access_let_go(struct access_link *link, bool killable)
{
	wait_queue_head_t *unpinned = &link->ioas->iopt.unpinned;
	int rc;

	if (link->node.unmap)
		access_unmap(&link->node, 0, ULONG_MAX);
	if (killable) {
		rc = wait_event_killable_timeout(*unpinned,
						 access_link_is_idle(link),
						 ACCESS_LEAVE_TIMEOUT);
	} else {
		/* What is under way uses the access itself */
		wait_event(*unpinned, !READ_ONCE(link->calls));
		rc = wait_event_timeout(*unpinned, access_link_is_idle(link),
					ACCESS_DESTROY_TIMEOUT);
	}
	return rc > 0 ? 0 : rc ? -EINTR : -EBUSY;
}

/* From the current IOAS, if any, to another, or none, once no pins are left */
static int access_move(struct iommufd_access *access, struct iommufd_ioas *ioas)
{
	struct access_link *old = access->link, *link = NULL;
	bool attached = access->attached;
	int rc;

	lockdep_assert_held(&access->attach_lock);
	if (attached && old->ioas == ioas)
		return 0;
	if (ioas) {
		link = access_enter(access, ioas);
		if (IS_ERR(link))
			return PTR_ERR(link);
	}
	if (old) {
		/* No new pins from here on */
		scoped_guard(mutex, &access->lock)
			access->attached = false;
		rc = access_let_go(old, true);
		if (rc) {
			if (!link)
				return rc;
			access_leave(link);
			guard(mutex)(&access->lock);
			access->attached = attached;
			return rc;
		}
		/* Its IOVAs are not what the driver pins from now on */
		access_remove(old);
	}
	scoped_guard(mutex, &access->lock) {
		access->link = link;
		access->attached = !!link;
	}
	if (old)
		access_drop(old);
	return 0;
}

/* For ever: what the driver does not unpin in the end stays pinned and charged */
static void access_quit(struct iommufd_access *access)
{
	struct access_link *link = access->link;

	if (!link)
		return;
	scoped_guard(mutex, &access->lock)
		access->attached = false;
	if (access_let_go(link, false))
		pr_err("iommufd: %ps left %ld pins behind, whose pages are lost\n",
		       access->ops->unmap, atomic_long_read(&link->node.pins));
	scoped_guard(mutex, &access->lock)
		access->link = NULL;
	access_leave(link);
}

static void iommufd_access_object_destroy(struct iommufd_object *obj)
{
	struct iommufd_access *access =
		container_of(obj, struct iommufd_access, obj);

	scoped_guard(mutex, &access->attach_lock)
		access_quit(access);
	mutex_destroy(&access->attach_lock);
	mutex_destroy(&access->lock);
	if (!access->internal)
		iommufd_ctx_put(access->ictx);
}

const struct iommufd_object_type_ops iommufd_access_type = {
	.destroy = iommufd_access_object_destroy,
};

static struct iommufd_access *access_new(struct iommufd_ctx *ictx,
					 const struct iommufd_access_ops *ops,
					 void *data)
{
	struct iommufd_access *access;

	access = iommufd_new(ictx, struct iommufd_access, obj,
			     IOMMUFD_OBJ_ACCESS);
	if (IS_ERR(access))
		return access;
	access->ictx = ictx;
	access->ops = ops;
	access->data = data;
	mutex_init(&access->attach_lock);
	mutex_init(&access->lock);
	return access;
}

/* Nobody can be asked to let go: users see to it that nothing is unmapped */
static const struct iommufd_access_ops internal_access_ops = {
	.needs_pin_pages = 1,
};

/**
 * iommufd_access_new_internal() - Make an access that userspace does not see
 * @ictx: context
 *
 * What it pins cannot be unmapped before it is unpinned: unmapping fails.
 *
 * Return: an access that pins pages, to be given to iommufd_access_destroy()
 * before the context goes away; or ERR_PTR(-ENOMEM).
 */
struct iommufd_access *iommufd_access_new_internal(struct iommufd_ctx *ictx)
{
	struct iommufd_access *access;

	access = access_new(ictx, &internal_access_ops, NULL);
	if (!IS_ERR(access))
		access->internal = true;
	return access;
}

/**
 * iommufd_access_create() - Make an access
 * @ictx: context; a reference is taken on it
 * @ops: callbacks, and whether pages are to be pinned
 * @data: for them
 * @id: out: its ID; userspace cannot destroy it
 *
 * Context: may sleep.
 * Return: the access, or ERR_PTR(-ENOMEM).
 */
struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id)
{
	struct iommufd_access *access = access_new(ictx, ops, data);

	if (IS_ERR(access))
		return access;
	iommufd_ctx_get(ictx);
	/* The driver's own hold; a new object is not being destroyed */
	refcount_inc(&access->obj.users);
	*id = access->obj.id;
	iommufd_object_publish(ictx, &access->obj);
	return access;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_create, "IOMMUFD");

/**
 * iommufd_access_destroy() - Detach and free an access
 * @access: the access
 *
 * Context: may sleep; calls the unmap callback for everything if it is attached, and
 * waits until all is unpinned, but not for ever; for pins and copies that are under way
 * as long as they take.
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
	if (access->internal)
		iommufd_object_abort(access->ictx, &access->obj);
	else
		iommufd_object_retire(access->ictx, &access->obj);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_destroy, "IOMMUFD");

/**
 * iommufd_access_attach_ioas() - Attach to an IOAS
 * @access: an access that is not attached
 * @ioas: the IOAS, with a reference of the caller's
 *
 * Context: may sleep.
 * Return: 0; -EINVAL where it is attached already; -EADDRINUSE where areas are not
 * page aligned, and pages are to be pinned; -ENOENT where the IOAS is going away;
 * -ENOMEM; -EBUSY where it still has pins in the IOAS that it left; -EINTR if killed
 * while waiting for them, or for a lock.
 */
int iommufd_access_attach_ioas(struct iommufd_access *access,
			       struct iommufd_ioas *ioas)
{
	ACQUIRE(mutex_kill, attach_lock)(&access->attach_lock);
	if (ACQUIRE_ERR(mutex_kill, &attach_lock))
		return -EINTR;
	if (access->attached)
		return -EINVAL;
	return access_move(access, ioas);
}

/**
 * iommufd_access_attach() - Attach to an IOAS
 * @access: an access that is not attached
 * @ioas_id: ID of the IOAS
 *
 * Context: may sleep.
 * Return: 0; -ENOENT; or an errno of iommufd_access_attach_ioas().
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	struct iommufd_ioas *ioas = iommufd_ioas_get(access->ictx, ioas_id);
	int rc;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iommufd_access_attach_ioas(access, ioas);
	iommufd_ioas_put(ioas);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_attach, "IOMMUFD");

/**
 * iommufd_access_replace() - Attach to another IOAS
 * @access: an access that is attached
 * @ioas_id: ID of the other IOAS
 *
 * What is pinned is let go of, by the unmap callback, and waited for.
 *
 * Context: may sleep.
 * Return: 0. With nothing changed: -ENOENT, also where it is not attached; or an
 * errno of iommufd_access_attach_ioas().
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	struct iommufd_ioas *ioas = iommufd_ioas_get(access->ictx, ioas_id);
	int rc = -ENOENT;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (mutex_lock_killable(&access->attach_lock)) {
		rc = -EINTR;
		goto put;
	}
	if (access->attached)
		rc = access_move(access, ioas);
	mutex_unlock(&access->attach_lock);
put:
	iommufd_ioas_put(ioas);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_replace, "IOMMUFD");

/**
 * iommufd_access_detach() - Leave the IOAS
 * @access: an access
 *
 * Where pins are left after a while, it is detached, but cannot be attached again
 * before they are gone.
 *
 * Context: may sleep; calls the unmap callback for everything, and waits for its
 * pins.
 */
void iommufd_access_detach(struct iommufd_access *access)
{
	guard(mutex)(&access->attach_lock);
	access_move(access, NULL);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_detach, "IOMMUFD");

/* Somebody may be waiting for the last one */
static void access_pins_dropped(struct iommufd_access *access)
{
	struct access_link *link = access->link;

	lockdep_assert_held(&access->lock);
	/* Nobody waits any more where it has been given up */
	if (unlikely(!access->attached) && link && access_link_is_idle(link))
		wake_up_all(&link->ioas->iopt.unpinned);
}

/* A call is under way, without the lock: its link stays */
static struct access_link *access_begin(struct iommufd_access *access)
{
	struct access_link *link = access->link;

	lockdep_assert_held(&access->lock);
	if (!access->attached)
		return NULL;
	WRITE_ONCE(link->calls, link->calls + 1);
	return link;
}

static void access_end(struct iommufd_access *access, struct access_link *link)
{
	lockdep_assert_held(&access->lock);
	WRITE_ONCE(link->calls, link->calls - 1);
	if (unlikely(!access->attached))
		wake_up_all(&link->ioas->iopt.unpinned);
}

/**
 * iommufd_access_pin_pages() - Pin what a range of IOVAs shows
 * @access: an access made with needs_pin_pages
 * @iova: first IOVA, page aligned
 * @length: bytes, a multiple of PAGE_SIZE
 * @out_pages: the pages, in the order of their IOVAs; or NULL
 * @flags: IOMMUFD_ACCESS_RW_WRITE, or 0 for reading
 *
 * The pages stay until iommufd_access_unpin_pages(), which the unmap callback has to
 * call at the latest. They can be read in any case: so they have to be mapped for
 * reading, as VFIO asks of what it pins for both.
 *
 * Context: may sleep. No lock is held while memory is pinned, which userspace may
 * keep waiting: nor should the caller hold one that its unmap callback takes.
 * Return: 0; -ENOENT where it is not attached, or not any more, or not all is mapped;
 * -EINVAL for other flags, or an access that does not pin; -EINTR if killed; or an
 * errno of iopgt_pin().
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags)
{
	struct access_link *link;
	int rc;

	if (!access->ops->needs_pin_pages || (flags & ~IOMMUFD_ACCESS_RW_WRITE))
		return -EINVAL;

	scoped_cond_guard(mutex_kill, return -EINTR, &access->lock)
		link = access_begin(access);
	if (!link)
		return -ENOENT;
	rc = iopgt_pin(&link->ioas->iopt, &link->node, iova, length, out_pages,
		       flags & IOMMUFD_ACCESS_RW_WRITE);
	guard(mutex)(&access->lock);
	/* It has been asked to let go, and must not be a second time */
	if (unlikely(!access->attached) && !rc) {
		iopgt_unpin(&link->ioas->iopt, &link->node, iova, length);
		rc = -ENOENT;
	}
	access_end(access, link);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_pin_pages, "IOMMUFD");

/**
 * iommufd_access_unpin_pages() - Undo iommufd_access_pin_pages()
 * @access: the access
 * @iova: first IOVA, page aligned
 * @length: bytes, a multiple of PAGE_SIZE
 *
 * The range of one call that pinned, or of several that follow each other. Where
 * the access has not pinned all of it, nothing is unpinned, and the log says so once:
 * the driver is wrong.
 *
 * Context: may sleep. Fine from the unmap callback.
 */
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
	struct access_link *link;

	guard(mutex)(&access->lock);
	link = access->link;
	if (!link || !iopgt_unpin(&link->ioas->iopt, &link->node, iova, length)) {
		pr_err_once("iommufd: %ps's driver unpins 0x%lx bytes at IOVA 0x%lx that it has not pinned\n",
			    access->ops->unmap, length, iova);
		return;
	}
	access_pins_dropped(access);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_unpin_pages, "IOMMUFD");

static int access_rw_slowly(struct iommufd_access *access,
			    struct access_link *link, unsigned long iova,
			    void *data, size_t length, unsigned int flags)
{
	int rc = iopgt_rw_slowly(&link->ioas->iopt, iova, data, length, flags);

	guard(mutex)(&access->lock);
	access_end(access, link);
	return rc;
}

/**
 * iommufd_access_rw() - Copy to or from what a range of IOVAs shows
 * @access: the access
 * @iova: first IOVA
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_WRITE to write; IOMMUFD_ACCESS_RW_KTHREAD in a kthread
 *
 * Context: may sleep. No lock is held where memory has to be waited for that
 * userspace provides.
 * Return: 0; -ENOENT where it is not attached, or not all is mapped; -EPERM where it
 * is not mapped for writing, or for reading; or an errno of iopgt_rw_slowly().
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t length, unsigned int flags)
{
	struct access_link *link;
	int rc;

	scoped_cond_guard(mutex_kill, return -EINTR, &access->lock) {
		link = access->link;
		if (!access->attached)
			return -ENOENT;
		rc = iopgt_rw(&link->ioas->iopt, iova, data, length, flags);
		if (rc != -EAGAIN)
			return rc;
		access_begin(access);
	}
	return access_rw_slowly(access, link, iova, data, length, flags);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_rw, "IOMMUFD");
