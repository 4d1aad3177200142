/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-kernel access to an IOAS's memory (mdev drivers, HW queues).
 */
#ifndef __IOMMUFD_ACCESS_H
#define __IOMMUFD_ACCESS_H

#include "iommufd_private.h"

/**
 * struct iommufd_access - an in-kernel access
 * @obj: the object; its kernel driver holds one user. Never published for an
 *       internal access.
 * @ictx: the context, with a reference on its file unless internal
 * @ops: the driver's callbacks
 * @data: for them
 * @internal: made by iommufd_access_new_internal()
 * @attach_lock: serialises attach, replace and detach, and their waits; taken
 *               outside of the IOVA space's locks
 * @lock: one pin, unpin or copy at a time; protects @attached, and with
 *        @attach_lock @link; taken inside of domains_lock, by unmap callbacks
 * @attached: it may pin and copy; else it is to unpin what it has pinned
 * @link: where its pins are: the IOAS that it is attached to, or that it is leaving
 *        and has pins in; or NULL
 */
struct iommufd_access {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_access_ops *ops;
	void *data;
	bool internal;
	struct mutex attach_lock; /* one attach, replace or detach at a time */
	struct mutex lock; /* protects attached, link and its pins */
	bool attached;
	struct access_link *link;
};

struct iommufd_access *iommufd_access_new_internal(struct iommufd_ctx *ictx);
int iommufd_access_attach_ioas(struct iommufd_access *access,
			       struct iommufd_ioas *ioas);
#endif
