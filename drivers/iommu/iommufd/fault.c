// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: FAULT: IO page faults that userspace answers
 *
 * A HWPT made with IOMMU_HWPT_FAULT_ID_VALID sends the page requests of the
 * devices attached to it here, a group at a time (struct iopf_group, PCIe's
 * page request group). Userspace reads them from the queue's file and writes
 * one answer for each group.
 *
 * Ownership: iommufd_fault_iopf_handler() takes a group over from the IOMMU
 * core, which then no longer answers or frees it by itself. The group gets
 * exactly one answer: from write(), or IOMMU_PAGE_RESP_INVALID when the device
 * or its whole attachment is detached or replaced, or when the file is closed,
 * which leaves nobody to ask. Until then it is in one place::
 *
 *   handler -> busy -> unread -> unanswered -> busy -> answered, freed
 *                         read(), a cookie   write(), close
 *
 * busy: a thread works on it, the handler or who answers it, and may sleep in
 * the IOMMU core or driver. Nobody else touches it then. A detach takes what it
 * finds unread and unanswered for itself, and waits for what is busy.
 *
 * Locking: iommufd_fault::lock is a spinlock that protects where groups are. The
 * handler runs in the IOMMU driver's fault thread, with locks that all devices
 * of an IOMMU share (VT-d: iopf_lock, SMMUv3: streams_mutex): it allocates
 * nothing, and waits for nothing but iommu_fault_param::lock, which the core
 * holds while the same device's requests are answered. Nothing is called with
 * iommufd_fault::lock held; xa_lock of the cookies nests inside.
 *
 * What the IOMMU core and driver owe: the core finds a handle without a
 * reference, and lists the group, before it calls the handler. No one here can
 * know of a report on its way. So before iopf_queue_remove_device(), which frees
 * all that is listed, and before iommu_detach_group_handle() or
 * iommu_detach_device_pasid() return, the driver stops the device's requests,
 * and waits for its fault thread. Not every driver does (VT-d without a PASID,
 * SMMUv3). From the handler's first lock on, iommufd waits itself. A report that
 * comes with the handle of an attachment that has ended finds that handle in
 * place, as long as a device of the group is bound, and leads nowhere.
 *
 * It does not know how HWPTs and devices are attached: of an attachment it
 * knows its struct iommufd_attach_handle, and which devices are in it.
 */
#include <linux/fs.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>

#include "eventq.h"
#include "object.h"
#include "thresholds.h"

/* Records that one round of a read() formats: a page of them */
#define FAULT_BATCH				\
	iommufd_threshold(fault_batch,		\
			  PAGE_SIZE / sizeof(struct iommu_hwpt_pgfault))

/**
 * iommufd_iopf_enable() - A device is about to attach to a HWPT with a fault
 *                         queue
 * @idev: the device
 *
 * Turning page requests on is up to the IOMMU driver, which sees the domain's
 * iopf_handler when it attaches it. What is checked here is what drivers do not
 * know: a PCI VF shares the page request interface with its PF and the PF's
 * other VFs, so its user could starve them of requests or be starved.
 *
 * Context: process context, iommufd_group::lock held.
 * Return: 0; -EINVAL for a VF.
 */
int iommufd_iopf_enable(struct iommufd_device *idev)
{
	struct device *dev = idev->dev;

	lockdep_assert_held(&idev->igroup->lock);

	if (!idev->iopf_enabled && dev_is_pci(dev) &&
	    to_pci_dev(dev)->is_virtfn && pci_pri_supported(to_pci_dev(dev)))
		return -EINVAL;
	idev->iopf_enabled++;
	return 0;
}

/**
 * iommufd_iopf_disable() - Undo one iommufd_iopf_enable()
 * @idev: the device, which is not attached through that attachment any more
 *
 * Context: process context, iommufd_group::lock held.
 */
void iommufd_iopf_disable(struct iommufd_device *idev)
{
	lockdep_assert_held(&idev->igroup->lock);

	if (!WARN_ON_ONCE(!idev->iopf_enabled))
		idev->iopf_enabled--;
}

/*
 * Where the handle of an attachment that has ended leads. The IOMMU core looks at
 * a handle's domain twice for each report: whether it has a handler, and which. A
 * handle that was found for a queue has one at any time, others never do.
 */
static struct iommu_domain fault_no_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.iopf_handler = iommufd_fault_iopf_handler,
};

static struct iommu_domain plain_no_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
};

static struct iommufd_attach_handle *fault_handle(const struct iopf_group *group)
{
	return container_of(group->attach_handle, struct iommufd_attach_handle,
			    handle);
}

/* Did it come through that attachment; where @dev is not NULL, from @dev? */
static bool fault_is_from(const struct iopf_group *group,
			  const struct iommufd_attach_handle *handle,
			  const struct device *dev)
{
	return group->attach_handle == &handle->handle &&
	       (!dev || group->fault_param->dev == dev);
}

/*
 * The device that a group is from; NULL if it is not attached, or not any more.
 * It stays as long as the lock is held: a device that leaves is taken out of its
 * attachment first, and then has its groups flushed.
 */
static struct iommufd_device *fault_device(struct iommufd_fault *fault,
					   const struct iopf_group *group)
{
	struct iommufd_attach_handle *handle = fault_handle(group);
	struct iommufd_device *idev;
	unsigned long index;

	lockdep_assert_held(&fault->lock);

	if (READ_ONCE(handle->fault) != fault)
		return NULL;
	xa_for_each(&handle->attach->devices, index, idev)
		if (idev->dev == group->fault_param->dev)
			return idev;
	return NULL;
}

/* Give a group its answer, which is the end of it. It is on no list. */
static void fault_finish(struct iopf_group *group,
			 enum iommu_page_response_code code)
{
	iopf_group_response(group, code);
	iopf_free_group(group);
}

/* The same for a group that is busy because of the caller */
static void fault_answer(struct iommufd_fault *fault, struct iopf_group *group,
			 enum iommu_page_response_code code)
{
	iopf_group_response(group, code);
	scoped_guard(spinlock, &fault->lock) {
		list_del(&group->node);
		/* Inside: the queue may be gone once it is not busy any more */
		wake_up_all(&fault->idle);
	}
	iopf_free_group(group);
}

/* The queue that a new group is for, where it is busy now; NULL for none */
static struct iommufd_fault *fault_enter(struct iopf_group *group)
{
	struct iommufd_attach_handle *handle = fault_handle(group);
	struct iommufd_fault *fault;

	/* The memory of a queue stays for a grace period after its end, and its lock */
	static_assert(offsetof(struct iommufd_fault, lock) >=
		      sizeof(struct iommufd_object_memory));
	guard(rcu)();
	fault = READ_ONCE(handle->fault);
	if (!fault)
		return NULL;
	guard(spinlock)(&fault->lock);
	/* Ended meanwhile, and begun anew perhaps */
	if (READ_ONCE(handle->fault) != fault)
		return NULL;
	list_add_tail(&group->node, &fault->busy);
	return fault;
}

/*
 * Have userspace read a busy group. False where there is nobody to ask, or
 * nobody to ask about: devices that share the IOMMU group of an attached one
 * fault through its attachment.
 */
static bool fault_queue(struct iommufd_fault *fault, struct iopf_group *group)
{
	guard(spinlock)(&fault->lock);
	if (fault->closed || !fault_device(fault, group))
		return false;
	list_move_tail(&group->node, &fault->unread);
	/* Inside, as in fault_answer() */
	iommufd_eventq_wake(&fault->eventq);
	wake_up_all(&fault->idle);
	return true;
}

/**
 * iommufd_fault_iopf_handler() - Take over a group of page requests
 * @group: the group; its domain is a HWPT's with a fault queue
 *
 * The iopf_handler of such a domain, called by iommu_report_device_fault().
 *
 * Context: process context, usually the IOMMU driver's threaded interrupt
 * handler with the driver's locks held. Sleeps only where the IOMMU core does.
 * Return: 0, the group is or will be answered here.
 */
int iommufd_fault_iopf_handler(struct iopf_group *group)
{
	struct iommufd_fault *fault = fault_enter(group);

	if (!fault) {
		fault_finish(group, IOMMU_PAGE_RESP_INVALID);
		return 0;
	}

	/* Or the core frees it when the driver stops page requests */
	iopf_group_dequeue(group);
	iommufd_test_fault_taken(group->fault_param->dev);
	if (!fault_queue(fault, group))
		fault_answer(fault, group, IOMMU_PAGE_RESP_INVALID);
	return 0;
}

static bool fault_is_busy(struct iommufd_fault *fault,
			  const struct iommufd_attach_handle *handle,
			  const struct device *dev)
{
	struct iopf_group *group;

	guard(spinlock)(&fault->lock);
	list_for_each_entry(group, &fault->busy, node)
		if (fault_is_from(group, handle, dev))
			return true;
	return false;
}

/*
 * Answer all that came through an attachment, or what one device sent. No more
 * of it is queued: the handle has no queue, or the attachment not that device.
 */
static void fault_flush(struct iommufd_fault *fault,
			struct iommufd_attach_handle *handle,
			const struct device *dev)
{
	struct iopf_group *group, *next;
	unsigned long cookie;
	LIST_HEAD(mine);

	scoped_guard(spinlock, &fault->lock) {
		xa_for_each(&fault->unanswered, cookie, group) {
			if (!fault_is_from(group, handle, dev))
				continue;
			xa_erase(&fault->unanswered, cookie);
			list_add_tail(&group->node, &mine);
		}
		list_for_each_entry_safe(group, next, &fault->unread, node)
			if (fault_is_from(group, handle, dev))
				list_move_tail(&group->node, &mine);
	}
	list_for_each_entry_safe(group, next, &mine, node)
		fault_finish(group, IOMMU_PAGE_RESP_INVALID);

	/* Handlers and answers that are under way end soon, and alone */
	wait_event(fault->idle, !fault_is_busy(fault, handle, dev));
}

/**
 * iommufd_fault_begin() - Page requests may come through an attachment
 * @handle: the attachment, which the IOMMU core is about to be told of
 * @fault: queue of the HWPT that is to be attached, or NULL
 *
 * Context: process context, iommufd_group::lock held.
 */
void iommufd_fault_begin(struct iommufd_attach_handle *handle,
			 struct iommufd_fault *fault)
{
	lockdep_assert_held(&handle->igroup->lock);

	/* A report that has found the handle before it was replaced may come */
	smp_store_release(&handle->fault, fault);
}

/**
 * iommufd_fault_end() - Answer all that came through an attachment
 * @handle: the attachment, which the IOMMU core hands out no more: it was
 *          detached or replaced, or attaching it failed
 *
 * When it returns, no thread of the queue's uses @handle, its devices or its
 * HWPT, and none will. @handle can be given to iommufd_fault_begin() again.
 *
 * Context: process context, sleeps. iommufd_group::lock held.
 */
void iommufd_fault_end(struct iommufd_attach_handle *handle)
{
	struct iommufd_fault *fault = handle->fault;

	lockdep_assert_held(&handle->igroup->lock);

	/* A report that has found the handle must not find the HWPT's domain */
	WRITE_ONCE(handle->handle.domain,
		   fault ? &fault_no_domain : &plain_no_domain);
	if (!fault)
		return;
	scoped_guard(spinlock, &fault->lock)
		WRITE_ONCE(handle->fault, NULL);
	fault_flush(fault, handle, NULL);
}

/**
 * iommufd_fault_leave() - Answer what one device of an attachment has sent
 * @handle: the attachment, which stays with other devices
 * @dev: the device, which is not among the attachment's devices any more
 *
 * When it returns, no thread of the queue's uses @dev. What it sends from now on
 * is answered at once.
 *
 * Context: process context, sleeps. iommufd_group::lock held.
 */
void iommufd_fault_leave(struct iommufd_attach_handle *handle,
			 const struct device *dev)
{
	lockdep_assert_held(&handle->igroup->lock);

	if (handle->fault)
		fault_flush(handle->fault, handle, dev);
}

/* The IOMMU core's description of a fault in the uAPI's terms */
static void fault_fill_record(struct iommu_hwpt_pgfault *record,
			      const struct iopf_group *group, u32 dev_id,
			      const struct iommu_fault_page_request *prm)
{
	static_assert((int)IOMMU_PGFAULT_FLAGS_PASID_VALID ==
		      IOMMU_FAULT_PAGE_REQUEST_PASID_VALID);
	static_assert((int)IOMMU_PGFAULT_FLAGS_LAST_PAGE ==
		      IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE);
	static_assert((int)IOMMU_PGFAULT_PERM_READ == IOMMU_FAULT_PERM_READ);
	static_assert((int)IOMMU_PGFAULT_PERM_WRITE == IOMMU_FAULT_PERM_WRITE);
	static_assert((int)IOMMU_PGFAULT_PERM_EXEC == IOMMU_FAULT_PERM_EXEC);
	static_assert((int)IOMMU_PGFAULT_PERM_PRIV == IOMMU_FAULT_PERM_PRIV);

	*record = (struct iommu_hwpt_pgfault){
		.flags = prm->flags & (IOMMU_PGFAULT_FLAGS_PASID_VALID |
				       IOMMU_PGFAULT_FLAGS_LAST_PAGE),
		.dev_id = dev_id,
		.pasid = prm->pasid,
		.grpid = prm->grpid,
		.perm = prm->perm,
		.addr = prm->addr,
		.cookie = group->cookie,
	};
}

/*
 * Make the oldest unread group merely unanswered, by a cookie that is reserved
 * for it, and write its faults to @records. Returns the number of records
 * written; where it is 0, *next is the number that the group needs, which had no
 * room, or 0 if there is no group.
 */
static size_t fault_take_group(struct iommufd_fault *fault, u32 cookie,
			       struct iommu_hwpt_pgfault *records, size_t room,
			       size_t *next)
{
	struct iommufd_device *idev;
	struct iopf_group *group;
	struct iopf_fault *iopf;
	size_t taken = 0;

	*next = 0;
	guard(spinlock)(&fault->lock);
	list_for_each_entry(group, &fault->unread, node) {
		idev = fault_device(fault, group);
		if (idev)
			break;
		/* Its device is being detached: about to be flushed */
	}
	if (list_entry_is_head(group, &fault->unread, node))
		return 0;
	if (group->fault_count > room) {
		*next = group->fault_count;
		return 0;
	}

	group->cookie = cookie;
	list_for_each_entry(iopf, &group->faults, list)
		fault_fill_record(&records[taken++], group, idev->obj.id,
				  &iopf->fault.prm);
	list_del(&group->node);
	/* It takes no memory, as there is an entry already */
	WARN_ON_ONCE(xa_is_err(xa_store(&fault->unanswered, cookie, group,
					GFP_NOWAIT)));
	return taken;
}

/*
 * As many groups as @records has room for. Returns the number of records
 * written, -ENOMEM where there is no cookie to be had for a first group; *next
 * is the number that the next group needs which had no room, or 0.
 */
static ssize_t fault_take_unread(struct iommufd_fault *fault,
				 struct iommu_hwpt_pgfault *records,
				 size_t room, size_t *next)
{
	size_t taken = 0, count;
	u32 cookie;
	int rc;

	do {
		/* Who reads pays for what finds the answer again */
		rc = xa_alloc_cyclic(&fault->unanswered, &cookie, NULL,
				     xa_limit_32b, &fault->next_cookie,
				     GFP_KERNEL_ACCOUNT);
		if (rc < 0) {
			*next = 0;
			return taken ?: -ENOMEM;
		}
		count = fault_take_group(fault, cookie, records + taken,
					 room - taken, next);
		taken += count;
	} while (count);
	xa_release(&fault->unanswered, cookie);
	return taken;
}

/*
 * The group that was read with @cookie, which stands for none any more; NULL where
 * it stood for none. Userspace may say any: one that is reserved for a reader stays.
 */
static struct iopf_group *fault_take_unanswered(struct iommufd_fault *fault,
						unsigned long cookie)
{
	struct iopf_group *group;

	lockdep_assert_held(&fault->lock);

	group = xa_load(&fault->unanswered, cookie);
	if (group)
		xa_erase(&fault->unanswered, cookie);
	return group;
}

/*
 * Userspace did not get @records: make their groups unread again, in front, in
 * their order. Groups that were flushed meanwhile are not found any more.
 */
static void fault_return_unread(struct iommufd_fault *fault,
				const struct iommu_hwpt_pgfault *records,
				size_t taken)
{
	struct iopf_group *group;

	guard(spinlock)(&fault->lock);
	while (taken--) {
		/* One per group: its last */
		if (!(records[taken].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE))
			continue;
		group = fault_take_unanswered(fault, records[taken].cookie);
		if (group)
			list_add(&group->node, &fault->unread);
	}
	iommufd_eventq_wake(&fault->eventq);
}

/*
 * Read whole groups, as many as there are and @count has room for. The records
 * go through a kernel buffer, because the groups cannot be relied on while
 * userspace's pages are faulted in: a detach must not wait for that.
 *
 * -EINVAL where not even the first group fits, -EFAULT where it cannot be
 * written, -ENOMEM; and nothing is lost then.
 */
static ssize_t iommufd_fault_read(struct file *file, char __user *buf,
				  size_t count, loff_t *ppos)
{
	struct iommufd_fault *fault = file->private_data;
	size_t room = count / sizeof(struct iommu_hwpt_pgfault);
	size_t batch = FAULT_BATCH;
	size_t done = 0;
	size_t next;
	int rc = 0;

	if (!room)
		return count ? -EINVAL : 0;

	do {
		struct iommu_hwpt_pgfault *records __free(kvfree) = NULL;
		ssize_t taken;

		/* Spare the empty queue the allocation */
		if (list_empty(&fault->unread))
			break;

		batch = min(batch, room - done);
		records = kvmalloc_objs(*records, batch);
		if (!records) {
			rc = -ENOMEM;
			break;
		}

		taken = fault_take_unread(fault, records, batch, &next);
		if (taken < 0) {
			rc = taken;
			break;
		}
		if (iommufd_should_fail() ||
		    copy_to_user(buf + done * sizeof(*records), records,
				 taken * sizeof(*records))) {
			fault_return_unread(fault, records, taken);
			rc = -EFAULT;
			break;
		}

		done += taken;
		batch = max(next, FAULT_BATCH);
		if (next > room - done)
			rc = -EINVAL;
	} while (next && next <= room - done);

	return done ? done * sizeof(struct iommu_hwpt_pgfault) : rc;
}

/* One answer of userspace's; the code is checked, the cookie is not */
static int fault_respond(struct iommufd_fault *fault,
			 const struct iommu_hwpt_page_response *response)
{
	struct iopf_group *group;

	scoped_guard(spinlock, &fault->lock) {
		group = fault_take_unanswered(fault, response->cookie);
		if (!group)
			return -EINVAL;
		list_add_tail(&group->node, &fault->busy);
	}
	fault_answer(fault, group,
		     (enum iommu_page_response_code)response->code);
	return 0;
}

/*
 * Answer groups with an array of struct iommu_hwpt_page_response. Stops at the
 * first that is wrong; the result is how many bytes were good, or an error if
 * none: -EINVAL for a size that is no multiple, an unknown code, or a cookie
 * that stands for no group that was read and awaits its answer; -EFAULT.
 */
static ssize_t iommufd_fault_write(struct file *file, const char __user *buf,
				   size_t count, loff_t *ppos)
{
	struct iommufd_fault *fault = file->private_data;
	struct iommu_hwpt_page_response response;
	size_t done;
	int rc = 0;

	static_assert((int)IOMMUFD_PAGE_RESP_SUCCESS ==
		      (int)IOMMU_PAGE_RESP_SUCCESS);
	static_assert((int)IOMMUFD_PAGE_RESP_INVALID ==
		      (int)IOMMU_PAGE_RESP_INVALID);

	if (count % sizeof(response))
		return -EINVAL;

	for (done = 0; done < count; done += sizeof(response)) {
		if (iommufd_should_fail() ||
		    copy_from_user(&response, buf + done, sizeof(response))) {
			rc = -EFAULT;
			break;
		}
		if (response.code != IOMMUFD_PAGE_RESP_SUCCESS &&
		    response.code != IOMMUFD_PAGE_RESP_INVALID) {
			rc = -EINVAL;
			break;
		}
		rc = fault_respond(fault, &response);
		if (rc)
			break;
	}
	return done ?: rc;
}

static __poll_t iommufd_fault_poll(struct file *file,
				   struct poll_table_struct *wait)
{
	struct iommufd_fault *fault = file->private_data;
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &fault->eventq.wait, wait);
	if (!list_empty(&fault->unread))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

/* Any group that waits for userspace, which is busy now; NULL if none does */
static struct iopf_group *fault_take_any(struct iommufd_fault *fault)
{
	struct iopf_group *group;
	unsigned long cookie = 0;

	guard(spinlock)(&fault->lock);
	group = list_first_entry_or_null(&fault->unread, struct iopf_group,
					 node);
	if (group) {
		list_move_tail(&group->node, &fault->busy);
		return group;
	}
	group = xa_find(&fault->unanswered, &cookie, ULONG_MAX, XA_PRESENT);
	if (group) {
		xa_erase(&fault->unanswered, cookie);
		list_add_tail(&group->node, &fault->busy);
	}
	return group;
}

static int iommufd_fault_release(struct inode *inode, struct file *file)
{
	struct iommufd_fault *fault = file->private_data;
	struct iopf_group *group;

	if (!fault)
		return 0;

	/* HWPTs may stay attached: their devices must not wait for ever */
	scoped_guard(spinlock, &fault->lock)
		fault->closed = true;
	while ((group = fault_take_any(fault)))
		fault_answer(fault, group, IOMMU_PAGE_RESP_INVALID);
	iommufd_eventq_close(&fault->eventq);
	return 0;
}

static const struct file_operations iommufd_fault_fops = {
	.owner = THIS_MODULE,
	.read = iommufd_fault_read,
	.write = iommufd_fault_write,
	.poll = iommufd_fault_poll,
	.release = iommufd_fault_release,
};

/**
 * iommufd_fault_get() - Look a fault queue up
 * @ictx: context
 * @id: ID from userspace
 *
 * Return: the queue with a short reference on iommufd_fault_object(), or
 * ERR_PTR(-ENOENT).
 */
struct iommufd_fault *iommufd_fault_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj =
		iommufd_object_get(ictx, id, IOMMUFD_OBJ_FAULT);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct iommufd_fault, eventq.obj);
}

/* The file is closed and no HWPT uses the queue: nothing is left in it. */
static void iommufd_fault_destroy(struct iommufd_object *obj)
{
	struct iommufd_fault *fault =
		container_of(obj, struct iommufd_fault, eventq.obj);

	WARN_ON_ONCE(!xa_empty(&fault->unanswered) ||
		     !list_empty(&fault->unread) || !list_empty(&fault->busy));
	xa_destroy(&fault->unanswered);
}

const struct iommufd_object_type_ops iommufd_fault_type = {
	.destroy = iommufd_fault_destroy,
};

/**
 * iommufd_fault_alloc() - IOMMU_FAULT_QUEUE_ALLOC
 * @ucmd: the ioctl
 *
 * Context: process context, sleeps.
 * Return: 0; -EOPNOTSUPP for an unknown flag; else as iommufd_eventq_open()
 * and iommufd_object_new().
 */
int iommufd_fault_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_fault_alloc *cmd = ucmd->cmd;
	struct iommufd_fault *fault;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;

	fault = iommufd_new(ucmd->ictx, struct iommufd_fault, eventq.obj,
			    IOMMUFD_OBJ_FAULT);
	if (IS_ERR(fault))
		return PTR_ERR(fault);

	iommufd_eventq_init(&fault->eventq, ucmd->ictx);
	spin_lock_init(&fault->lock);
	INIT_LIST_HEAD(&fault->busy);
	INIT_LIST_HEAD(&fault->unread);
	xa_init_flags(&fault->unanswered, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&fault->idle);

	cmd->out_fault_id = fault->eventq.obj.id;
	rc = iommufd_eventq_open(&fault->eventq, ucmd, sizeof(*cmd),
				 &cmd->out_fault_fd, "[iommufd-pgfault]",
				 &iommufd_fault_fops);
	if (rc)
		iommufd_object_abort(ucmd->ictx, &fault->eventq.obj);
	return rc;
}
