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
 * core, which then no longer answers or frees it by itself. From there until
 * its answer the group is in iommufd_fault::unanswered, under the cookie that
 * userspace knows it by. It gets exactly one answer: from write(), or
 * IOMMU_PAGE_RESP_INVALID when the device or its whole attachment is detached
 * (iommufd_fault_flush()) or when the file is closed, which leaves nobody to
 * ask.
 *
 * Locking: iommufd_fault::lock is held for everything but the copying to and
 * from userspace, which can take for ever. It nests inside
 * iommufd_group::lock and inside the locks that IOMMU drivers report faults
 * under, outside iommu_fault_param::lock.
 *
 * It does not know how HWPTs and devices are attached: of an attachment it
 * knows its struct iommufd_attach_handle, and which devices are in it.
 */
#include <linux/fs.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>

#include "eventq.h"
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
 * The device that a group is from; NULL if it is not attached, or not any more.
 * It stays as long as the lock is held and the group is unanswered: a device that
 * leaves is taken out of its attachment first, and then has its groups flushed.
 */
static struct iommufd_device *fault_device(struct iommufd_fault *fault,
					   const struct iopf_group *group)
{
	struct iommufd_attach *attach =
		container_of(group->attach_handle,
			     struct iommufd_attach_handle, handle)->attach;
	struct iommufd_device *idev;
	unsigned long index;

	lockdep_assert_held(&fault->lock);

	xa_for_each(&attach->devices, index, idev)
		if (idev->dev == group->fault_param->dev)
			return idev;
	return NULL;
}

/* Give an unanswered group its answer, which is the end of it. */
static void fault_answer(struct iommufd_fault *fault, struct iopf_group *group,
			 enum iommu_page_response_code code)
{
	lockdep_assert_held(&fault->lock);

	xa_erase(&fault->unanswered, group->cookie);
	list_del(&group->node);
	iopf_group_response(group, code);
	iopf_free_group(group);
}

/**
 * iommufd_fault_iopf_handler() - Take over a group of page requests
 * @group: the group; its domain is a HWPT's with a fault queue
 *
 * The iopf_handler of such a domain, called by iommu_report_device_fault().
 *
 * Context: process context, usually the IOMMU driver's threaded interrupt
 * handler with the driver's locks held. Sleeps, but never for userspace.
 * Return: 0, the group is or will be answered here; -ENOMEM, the core answers.
 */
int iommufd_fault_iopf_handler(struct iopf_group *group)
{
	struct iommufd_fault *fault =
		group->attach_handle->domain->iommufd_hwpt->fault;
	int rc;

	scoped_guard(mutex, &fault->lock) {
		/*
		 * Nobody to ask, or nobody to ask about: devices that share the
		 * IOMMU group of an attached one fault through its attachment.
		 */
		if (fault->closed || !fault_device(fault, group)) {
			iopf_group_response(group, IOMMU_PAGE_RESP_INVALID);
			iopf_free_group(group);
			return 0;
		}

		rc = xa_alloc_cyclic(&fault->unanswered, &group->cookie, group,
				     xa_limit_32b, &fault->next_cookie,
				     GFP_KERNEL);
		if (rc < 0)
			return rc;

		/* Or the core frees it when the driver stops page requests */
		iopf_group_dequeue(group);
		list_add_tail(&group->node, &fault->unread);
	}
	iommufd_eventq_wake(&fault->eventq);
	return 0;
}

/**
 * iommufd_fault_flush() - Answer all that came through an attachment
 * @fault: queue of the HWPT that @handle attached
 * @handle: the attachment
 * @dev: what one device has sent, which is not among the attachment's devices
 *       any more; NULL for all, once the IOMMU core and driver have ended the
 *       attachment: no more groups come through it
 *
 * When it returns, nothing refers to @dev any more, or to @handle. Call it after
 * each detach or replace, before the device or @handle is freed.
 *
 * Context: process context, sleeps. iommufd_group::lock may be held.
 */
void iommufd_fault_flush(struct iommufd_fault *fault,
			 struct iommufd_attach_handle *handle,
			 const struct device *dev)
{
	struct iopf_group *group;
	unsigned long cookie;

	guard(mutex)(&fault->lock);
	xa_for_each(&fault->unanswered, cookie, group) {
		if (group->attach_handle != &handle->handle)
			continue;
		if (!dev || group->fault_param->dev == dev)
			fault_answer(fault, group, IOMMU_PAGE_RESP_INVALID);
	}
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
 * Move groups from unread to merely unanswered, as many as @records has room
 * for, and write their faults to it. Returns the number of records written;
 * *next is the number that the group needs which had no room, or 0.
 */
static size_t fault_take_unread(struct iommufd_fault *fault,
				struct iommu_hwpt_pgfault *records, size_t room,
				size_t *next)
{
	struct iopf_group *group, *tmp;
	struct iommufd_device *idev;
	struct iopf_fault *iopf;
	size_t taken = 0;

	*next = 0;
	guard(mutex)(&fault->lock);
	list_for_each_entry_safe(group, tmp, &fault->unread, node) {
		/* Its device is being detached: about to be flushed */
		idev = fault_device(fault, group);
		if (!idev)
			continue;
		if (group->fault_count > room - taken) {
			*next = group->fault_count;
			break;
		}
		list_for_each_entry(iopf, &group->faults, list)
			fault_fill_record(&records[taken++], group,
					  idev->obj.id, &iopf->fault.prm);
		list_del_init(&group->node);
	}
	return taken;
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

	scoped_guard(mutex, &fault->lock) {
		while (taken--) {
			/* One per group: its last */
			if (!(records[taken].flags &
			      IOMMU_PGFAULT_FLAGS_LAST_PAGE))
				continue;
			group = xa_load(&fault->unanswered,
					records[taken].cookie);
			if (group && list_empty(&group->node))
				list_add(&group->node, &fault->unread);
		}
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
		size_t taken;

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

	guard(mutex)(&fault->lock);
	group = xa_load(&fault->unanswered, response->cookie);
	/* Nobody has been told the cookie of an unread group */
	if (!group || !list_empty(&group->node))
		return -EINVAL;

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

static int iommufd_fault_release(struct inode *inode, struct file *file)
{
	struct iommufd_fault *fault = file->private_data;
	struct iopf_group *group;
	unsigned long cookie;

	if (!fault)
		return 0;

	/* HWPTs may stay attached: their devices must not wait for ever */
	scoped_guard(mutex, &fault->lock) {
		fault->closed = true;
		xa_for_each(&fault->unanswered, cookie, group)
			fault_answer(fault, group, IOMMU_PAGE_RESP_INVALID);
	}
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

	WARN_ON_ONCE(!xa_empty(&fault->unanswered));
	xa_destroy(&fault->unanswered);
	mutex_destroy(&fault->lock);
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
	mutex_init(&fault->lock);
	INIT_LIST_HEAD(&fault->unread);
	xa_init_flags(&fault->unanswered, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);

	cmd->out_fault_id = fault->eventq.obj.id;
	rc = iommufd_eventq_open(&fault->eventq, ucmd, sizeof(*cmd),
				 &cmd->out_fault_fd, "[iommufd-pgfault]",
				 &iommufd_fault_fops);
	if (rc)
		iommufd_object_abort(ucmd->ictx, &fault->eventq.obj);
	return rc;
}
