// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Event queues
 *
 * A FAULT and a vEVENTQ are each an object with an ID and a file that the
 * object is read through. This file has what the two have in common: how the
 * file comes and goes, with the object and the context kept alive meanwhile.
 *
 * Life time: the open file holds one user of the object, so IOMMU_DESTROY fails
 * with -EBUSY until userspace closed it, and a reference on the context's file,
 * so the context outlives it. Neither is taken before the ioctl cannot fail any
 * more: a file that was never installed has no private_data and its release
 * touches nothing, however late it runs.
 *
 * Reading an empty queue gives 0, with O_NONBLOCK or without: userspace waits in
 * poll(), never in read().
 *
 * It knows nothing of what the queues carry; see fault.c and veventq.c.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "eventq.h"

/**
 * iommufd_eventq_init() - Initialise the common part
 * @eventq: queue, from iommufd_object_new()
 * @ictx: its context
 */
void iommufd_eventq_init(struct iommufd_eventq *eventq,
			 struct iommufd_ctx *ictx)
{
	eventq->ictx = ictx;
	init_waitqueue_head(&eventq->wait);
}

/**
 * iommufd_eventq_open() - Give userspace a queue: publish its ID and file
 * @eventq: queue, fully initialised and not published
 * @ucmd: the ioctl that made it
 * @cmd_len: size of the ioctl's structure in bytes
 * @out_fd: where in the ioctl's structure the file descriptor goes
 * @name: of the file, as /proc shows it
 * @fops: file operations; they find @eventq in file::private_data. Their
 *        ->release calls iommufd_eventq_close(), except where private_data is
 *        NULL.
 *
 * Replies to the ioctl too, as the last step that can fail.
 *
 * Context: process context, sleeps.
 * Return: 0; -EMFILE, -ENFILE or -ENOMEM where no file can be had; -EFAULT
 * where userspace's structure cannot be written. On failure @eventq is as
 * before.
 */
int iommufd_eventq_open(struct iommufd_eventq *eventq,
			struct iommufd_ucmd *ucmd, size_t cmd_len,
			u32 *out_fd, const char *name,
			const struct file_operations *fops)
{
	struct file *file;
	int rc;

	FD_PREPARE(fdf, O_CLOEXEC, anon_inode_getfile(name, fops, NULL, O_RDWR));
	if (fdf.err)
		return fdf.err;

	*out_fd = fd_prepare_fd(fdf);
	rc = iommufd_ucmd_reply(ucmd, cmd_len);
	if (rc)
		return rc;

	rc = iommufd_object_hold(&eventq->obj);
	if (rc)
		return rc;
	iommufd_ctx_get(eventq->ictx);

	file = fd_prepare_file(fdf);
	stream_open(file_inode(file), file);
	file->private_data = eventq;

	iommufd_object_publish(eventq->ictx, &eventq->obj);
	fd_publish(fdf);
	return 0;
}

/**
 * iommufd_eventq_close() - The queue's file is gone
 * @eventq: queue; the caller may not touch it again
 *
 * Context: process context, from the file's ->release.
 */
void iommufd_eventq_close(struct iommufd_eventq *eventq)
{
	struct iommufd_ctx *ictx = eventq->ictx;

	iommufd_object_unhold(&eventq->obj);
	iommufd_ctx_put(ictx);
}
