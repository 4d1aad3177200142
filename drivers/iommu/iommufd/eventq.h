/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event queues that userspace reads from a file descriptor: IO page faults
 * (FAULT) and vIOMMU events (vEVENTQ).
 */
#ifndef __IOMMUFD_EVENTQ_H
#define __IOMMUFD_EVENTQ_H

#include <linux/poll.h>
#include <linux/spinlock.h>

#include "device.h"

struct file_operations;
struct mem_cgroup;

/**
 * struct iommufd_eventq - what FAULT and vEVENTQ have in common
 * @obj: the object; its open file holds one user
 * @ictx: the context; the open file holds a reference on its file
 * @wait: pollers sleep here
 */
struct iommufd_eventq {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	wait_queue_head_t wait;
};

void iommufd_eventq_init(struct iommufd_eventq *eventq,
			 struct iommufd_ctx *ictx);
int iommufd_eventq_open(struct iommufd_eventq *eventq,
			struct iommufd_ucmd *ucmd, size_t cmd_len,
			u32 *out_fd, const char *name,
			const struct file_operations *fops);
void iommufd_eventq_close(struct iommufd_eventq *eventq);

static inline void iommufd_eventq_wake(struct iommufd_eventq *eventq)
{
	wake_up_interruptible_poll(&eventq->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * struct iommufd_fault - an IO page fault queue (IOMMU_FAULT_QUEUE_ALLOC)
 * @eventq: base
 * @lock: protects what follows, and iommufd_attach_handle::fault
 * @busy: groups that a thread works on, by iopf_group::node
 * @unread: groups that userspace is yet to read, by iopf_group::node, oldest
 *          first
 * @unanswered: groups that userspace has read and not answered, by
 *              iopf_group::cookie; and cookies that are reserved
 * @next_cookie: where the search for a free cookie starts, under xa_lock of
 *               @unanswered
 * @closed: the file is gone and with it whoever could answer
 * @idle: who waits for a group to be busy no more
 */
struct iommufd_fault {
	struct iommufd_eventq eventq;
	spinlock_t lock;	/* where groups are */
	struct list_head busy;
	struct list_head unread;
	struct xarray unanswered;
	u32 next_cookie;
	bool closed;
	wait_queue_head_t idle;
};

int iommufd_iopf_enable(struct iommufd_device *idev);
void iommufd_iopf_disable(struct iommufd_device *idev);
int iommufd_fault_iopf_handler(struct iopf_group *group);
struct iommufd_fault *iommufd_fault_get(struct iommufd_ctx *ictx, u32 id);
void iommufd_fault_begin(struct iommufd_attach_handle *handle,
			 struct iommufd_fault *fault);
void iommufd_fault_end(struct iommufd_attach_handle *handle);
void iommufd_fault_leave(struct iommufd_attach_handle *handle,
			 const struct device *dev);

/**
 * iommufd_fault_object() - The object of a fault queue
 * @fault: the queue
 *
 * Return: the object, for iommufd_object_hold() and its like.
 */
static inline struct iommufd_object *
iommufd_fault_object(struct iommufd_fault *fault)
{
	return &fault->eventq.obj;
}

/**
 * struct iommufd_veventq_table - the vEVENTQs of one vIOMMU
 * @link: the only entry of iommufd_viommu::veventqs, and so the way here
 * @by_type: struct iommufd_veventq by type; drivers look a queue up, and use it,
 *           under iommufd_viommu::veventqs_rwsem, which whoever takes it out
 *           holds for write
 *
 * Userspace decides how many queues there are, and the threads of IOMMU drivers
 * that look one up serve all of the machine's users: not a list.
 */
struct iommufd_veventq_table {
	struct list_head link;
	struct xarray by_type;
};

/* Upper limit of iommu_veventq_alloc::veventq_depth */
#define IOMMUFD_VEVENTQ_MAX_DEPTH BIT(19)

/**
 * struct iommufd_vevent - one event in a vEVENTQ
 * @node: on iommufd_veventq::events
 * @size: of @record, in bytes
 * @record: what userspace reads: a struct iommufd_vevent_header and, right
 *          behind it, the driver's data
 */
struct iommufd_vevent {
	struct list_head node;
	size_t size;
	u8 record[] __counted_by(size) __aligned(8);
};

/**
 * struct iommufd_veventq - events of one type of a vIOMMU (IOMMU_VEVENTQ_ALLOC)
 * @eventq: base
 * @viommu: the vIOMMU, held
 * @memcg: who made the queue, and pays for what is in it; a reference
 * @type: the type, unique in @viommu
 * @read_lock: serialises readers, who leave an event queued until it arrived;
 *             outside @lock
 * @lock: protects all that follows
 * @events: struct iommufd_vevent, oldest first
 * @num_events: length of @events
 * @depth: limit of @num_events; 0 once the file is closed
 * @last_sequence: sequence number of the latest event, queued or lost
 * @tail_lost: the latest event was lost and userspace was not told
 */
struct iommufd_veventq {
	struct iommufd_eventq eventq;
	struct iommufd_viommu *viommu;
	struct mem_cgroup *memcg;
	enum iommu_veventq_type type;

	struct mutex read_lock;	/* one reader at a time */
	spinlock_t lock;	/* what follows */
	struct list_head events;
	u32 num_events;
	u32 depth;
	u32 last_sequence;
	bool tail_lost;
};
#endif
