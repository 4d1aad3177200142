// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: vEVENTQ: what happens to a vIOMMU, for userspace to read
 *
 * IOMMU drivers report events of a vIOMMU with iommufd_viommu_report_event()
 * (driver.c), which queues them here, where userspace reads them. A full queue
 * loses the events that come, not those it has. That is never silent: sequence
 * numbers are given to lost events too, so that a gap shows in the next event's
 * header; and where there is no next event, read() makes up a header without
 * data, IOMMU_VEVENTQ_FLAG_LOST_EVENTS (uAPI: struct iommufd_vevent_header).
 *
 * Locking: drivers find the queue, by its type, under
 * iommufd_viommu::veventqs_rwsem and fill it under iommufd_veventq::lock, a
 * spinlock. Readers are serialised by iommufd_veventq::read_lock, which nobody
 * else takes: only they wait when one of them faults its buffer in.
 */
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>

#include "eventq.h"
#include "viommu.h"

static void veventq_drop_events(struct iommufd_veventq *veventq)
{
	struct iommufd_vevent *event, *next;
	LIST_HEAD(dropped);

	scoped_guard(spinlock, &veventq->lock) {
		list_splice_init(&veventq->events, &dropped);
		veventq->num_events = 0;
	}
	list_for_each_entry_safe(event, next, &dropped, node)
		kfree(event);
}

/*
 * Copy the oldest event to userspace, or the header that tells of events lost
 * at the tail. It is not lost if that fails: it leaves the queue afterwards.
 * Only readers take events off the queue, so the oldest stays where it is.
 *
 * Returns the number of bytes, 0 where there is nothing to tell; -EINVAL where
 * it is more than @count, -EFAULT.
 */
static ssize_t veventq_read_one(struct iommufd_veventq *veventq,
				char __user *buf, size_t count)
{
	struct iommufd_vevent_header lost = {
		.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS,
	};
	struct iommufd_vevent *event;
	size_t size = 0;

	lockdep_assert_held(&veventq->read_lock);

	scoped_guard(spinlock, &veventq->lock) {
		event = list_first_entry_or_null(&veventq->events,
						 struct iommufd_vevent, node);
		if (event) {
			size = event->size;
		} else if (veventq->tail_lost) {
			size = sizeof(lost);
			lost.sequence = veventq->last_sequence;
		}
	}

	if (!size)
		return 0;
	if (size > count)
		return -EINVAL;
	if (iommufd_should_fail() ||
	    copy_to_user(buf, event ? (void *)event->record : &lost, size))
		return -EFAULT;

	scoped_guard(spinlock, &veventq->lock) {
		if (event) {
			list_del(&event->node);
			veventq->num_events--;
		} else if (veventq->last_sequence == lost.sequence) {
			/* Else more were lost meanwhile, or one was queued */
			veventq->tail_lost = false;
		}
	}
	kfree(event);
	return size;
}

static ssize_t iommufd_veventq_read(struct file *file, char __user *buf,
				    size_t count, loff_t *ppos)
{
	struct iommufd_veventq *veventq = file->private_data;
	size_t done = 0;
	ssize_t rc;

	/* Nothing is shorter than a header */
	if (count < sizeof(struct iommufd_vevent_header))
		return -EINVAL;

	if (mutex_lock_interruptible(&veventq->read_lock))
		return -ERESTARTSYS;
	do {
		rc = veventq_read_one(veventq, buf + done, count - done);
		if (rc > 0)
			done += rc;
		/* A header alone is the tail: nothing follows in this read */
	} while (rc > (ssize_t)sizeof(struct iommufd_vevent_header) &&
		 done < count && !signal_pending(current));
	mutex_unlock(&veventq->read_lock);

	return done ?: rc;
}

static __poll_t iommufd_veventq_poll(struct file *file,
				     struct poll_table_struct *wait)
{
	struct iommufd_veventq *veventq = file->private_data;

	poll_wait(file, &veventq->eventq.wait, wait);
	guard(spinlock)(&veventq->lock);
	if (!list_empty(&veventq->events) || veventq->tail_lost)
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static int iommufd_veventq_release(struct inode *inode, struct file *file)
{
	struct iommufd_veventq *veventq = file->private_data;

	if (!veventq)
		return 0;

	/* Nobody is going to read: from now on every event is lost */
	scoped_guard(spinlock, &veventq->lock)
		veventq->depth = 0;
	veventq_drop_events(veventq);
	iommufd_eventq_close(&veventq->eventq);
	return 0;
}

static const struct file_operations iommufd_veventq_fops = {
	.owner = THIS_MODULE,
	.read = iommufd_veventq_read,
	.poll = iommufd_veventq_poll,
	.release = iommufd_veventq_release,
};

static void iommufd_veventq_destroy(struct iommufd_object *obj)
{
	struct iommufd_veventq *veventq =
		container_of(obj, struct iommufd_veventq, eventq.obj);
	struct iommufd_viommu *viommu = veventq->viommu;

	scoped_guard(rwsem_write, &viommu->veventqs_rwsem)
		xa_erase(&iommufd_viommu_veventqs(viommu)->by_type,
			 (u32)veventq->type);
	veventq_drop_events(veventq);
	mem_cgroup_put(veventq->memcg);
	mutex_destroy(&veventq->read_lock);
	iommufd_object_unhold(&viommu->obj);
}

const struct iommufd_object_type_ops iommufd_veventq_type = {
	.destroy = iommufd_veventq_destroy,
};

/*
 * Make @veventq the one that @viommu's events of its type go to. Drivers that
 * report events are not kept waiting by it.
 */
static int veventq_link(struct iommufd_veventq *veventq,
			struct iommufd_viommu *viommu)
{
	int rc;

	rc = iommufd_object_hold(&viommu->obj);
	if (rc)
		return rc;
	veventq->viommu = viommu;
	rc = xa_insert(&iommufd_viommu_veventqs(viommu)->by_type,
		       (u32)veventq->type, veventq, GFP_KERNEL_ACCOUNT);
	if (rc)
		iommufd_object_unhold(&viommu->obj);
	return rc == -EBUSY ? -EEXIST : rc;
}

/**
 * iommufd_veventq_alloc() - IOMMU_VEVENTQ_ALLOC
 * @ucmd: the ioctl
 *
 * Any type but the reserved one is accepted: which ones exist is known to the
 * vIOMMU's driver alone.
 *
 * Context: process context, sleeps.
 * Return: 0; -EOPNOTSUPP for an unknown flag, a reserved field that is set or
 * IOMMU_VEVENTQ_TYPE_DEFAULT; -EINVAL for a depth of 0 or above
 * IOMMUFD_VEVENTQ_MAX_DEPTH; -ENOENT where there is no such vIOMMU; -EEXIST
 * where it has a queue of that type; else as iommufd_eventq_open() and
 * iommufd_object_new().
 */
int iommufd_veventq_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_veventq_alloc *cmd = ucmd->cmd;
	struct iommufd_veventq *veventq;
	struct iommufd_viommu *viommu;
	int rc;

	if (cmd->flags || cmd->__reserved ||
	    cmd->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth ||
	    cmd->veventq_depth > IOMMUFD_VEVENTQ_MAX_DEPTH)
		return -EINVAL;

	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	veventq = iommufd_new(ucmd->ictx, struct iommufd_veventq, eventq.obj,
			      IOMMUFD_OBJ_VEVENTQ);
	if (IS_ERR(veventq)) {
		rc = PTR_ERR(veventq);
		goto out_put_viommu;
	}

	iommufd_eventq_init(&veventq->eventq, ucmd->ictx);
	mutex_init(&veventq->read_lock);
	spin_lock_init(&veventq->lock);
	INIT_LIST_HEAD(&veventq->events);
	veventq->type = cmd->type;
	veventq->depth = cmd->veventq_depth;
	/* So that the first event gets number 0 */
	veventq->last_sequence = INT_MAX;

	/* Before any event can come */
	veventq->memcg = get_mem_cgroup_from_mm(current->mm);
	rc = veventq_link(veventq, viommu);
	if (rc) {
		mem_cgroup_put(veventq->memcg);
		iommufd_object_discard(ucmd->ictx, &veventq->eventq.obj);
		goto out_put_viommu;
	}

	cmd->out_veventq_id = veventq->eventq.obj.id;
	rc = iommufd_eventq_open(&veventq->eventq, ucmd, sizeof(*cmd),
				 &cmd->out_veventq_fd, "[iommufd-viommu-event]",
				 &iommufd_veventq_fops);
	if (rc)
		iommufd_object_abort(ucmd->ictx, &veventq->eventq.obj);

out_put_viommu:
	iommufd_viommu_put(viommu);
	return rc;
}
