// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: IO address spaces
 *
 * The IOAS object: an IOVA space with an ID. Its ioctls check what userspace
 * passes in and hand it to the IOVA space, which does the locking.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "charge.h"
#include "hw_pagetable.h"
#include "object.h"
#include "pages.h"

static void iommufd_ioas_destroy(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);

	scoped_guard(spinlock, &ioas->ictx->objects.xa_lock)
		list_del(&ioas->ctx_link);
	iopgt_destroy(&ioas->iopt);
	mutex_destroy(&ioas->lock);
}

const struct iommufd_object_type_ops iommufd_ioas_type = {
	.destroy = iommufd_ioas_destroy,
};

/**
 * iommufd_ioas_new() - Make an IOAS
 * @ictx: context
 *
 * Return: an unpublished IOAS, to be given to iommufd_object_publish() or
 * iommufd_object_abort(); or ERR_PTR(-ENOMEM).
 */
struct iommufd_ioas *iommufd_ioas_new(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	ioas = iommufd_new(ictx, struct iommufd_ioas, obj, IOMMUFD_OBJ_IOAS);
	if (IS_ERR(ioas))
		return ioas;
	ioas->ictx = ictx;
	iopgt_init(&ioas->iopt);
	mutex_init(&ioas->lock);
	INIT_LIST_HEAD(&ioas->hwpt_list);
	INIT_LIST_HEAD(&ioas->ctx_link);
	return ioas;
}

/**
 * iommufd_ioas_publish_locked() - Let others find an IOAS
 * @ictx: context
 * @ioas: from iommufd_ioas_new()
 *
 * Context: xa_lock of iommufd_ctx::objects held.
 */
void iommufd_ioas_publish_locked(struct iommufd_ctx *ictx,
				 struct iommufd_ioas *ioas)
{
	/* In front: who walks the list does not meet new ones without end */
	list_add(&ioas->ctx_link, &ictx->ioases);
	iommufd_object_publish_locked(ictx, &ioas->obj);
}

/**
 * iommufd_ioas_next() - Visit every IOAS of a context
 * @ictx: context
 * @ioas: the one before, or NULL; its short reference is consumed
 *
 * Those that are being destroyed are visited as well, as long as their destroyer
 * may be killed and put them back: lookups do not find them meanwhile.
 *
 * Return: the next one with a short reference, or NULL behind the last one. The
 * order is from the newest to the oldest; those published later are not visited.
 */
struct iommufd_ioas *iommufd_ioas_next(struct iommufd_ctx *ictx,
				       struct iommufd_ioas *ioas)
{
	struct iommufd_ioas *pos, *next = NULL;

	scoped_guard(spinlock, &ictx->objects.xa_lock) {
		pos = list_prepare_entry(ioas, &ictx->ioases, ctx_link);
		list_for_each_entry_continue(pos, &ictx->ioases, ctx_link) {
			if (refcount_inc_not_zero(&pos->obj.wait_cnt)) {
				next = pos;
				break;
			}
		}
	}
	if (ioas)
		iommufd_ioas_put(ioas);
	return next;
}

/**
 * iommufd_ioas_alloc_ioctl() - IOMMU_IOAS_ALLOC
 * @ucmd: struct iommu_ioas_alloc
 *
 * Return: 0; -EOPNOTSUPP for flags; -ENOMEM; -EFAULT.
 */
int iommufd_ioas_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_alloc *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ioas = iommufd_ioas_new(ucmd->ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	cmd->out_ioas_id = ioas->obj.id;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc) {
		iommufd_object_abort(ucmd->ictx, &ioas->obj);
		return rc;
	}
	scoped_guard(spinlock, &ucmd->ictx->objects.xa_lock)
		iommufd_ioas_publish_locked(ucmd->ictx, ioas);
	return 0;
}

static void ioas_put_found(struct iommufd_ioas *ioas)
{
	if (!IS_ERR_OR_NULL(ioas))
		iommufd_ioas_put(ioas);
}

DEFINE_FREE(ioas_put, struct iommufd_ioas *, ioas_put_found(_T))

static int ioas_copy_ranges(struct io_pagetable *iopt,
			    struct iommu_ioas_iova_ranges *cmd)
{
	struct iommu_iova_range __user *uranges =
		u64_to_user_ptr(cmd->allowed_iovas);
	struct iommu_iova_range *ranges __free(kvfree) = NULL;
	unsigned long alignment;
	u32 total, room;
	int rc;

	/* More may appear in between: then userspace asks again */
	rc = iopgt_usable_ranges(iopt, NULL, 0, &total, &alignment);
	if (rc)
		return rc;
	room = min(total, cmd->num_iovas);
	if (room) {
		ranges = kvzalloc_objs(*ranges, room, GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return -ENOMEM;
		rc = iopgt_usable_ranges(iopt, ranges, room, &total,
					 &alignment);
		if (rc)
			return rc;
		if (iommufd_should_fail() ||
		    copy_to_user(uranges, ranges,
				 array_size(min(total, room), sizeof(*ranges))))
			return -EFAULT;
	}
	cmd->out_iova_alignment = alignment;
	cmd->num_iovas = total;
	return total > room ? -EMSGSIZE : 0;
}

/**
 * iommufd_ioas_iova_ranges() - IOMMU_IOAS_IOVA_RANGES
 * @ucmd: struct iommu_ioas_iova_ranges
 *
 * Return: 0; -EMSGSIZE with the number needed and as many ranges as fit;
 * -EOPNOTSUPP for reserved fields; -ENOENT; -ENOMEM; -EINTR if killed; -EFAULT.
 */
int iommufd_ioas_iova_ranges(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_iova_ranges *cmd = ucmd->cmd;
	int rc, reply;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	rc = ioas_copy_ranges(&ioas->iopt, cmd);
	if (rc && rc != -EMSGSIZE)
		return rc;
	reply = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	return reply ?: rc;
}

/**
 * iommufd_ioas_allow_iovas() - IOMMU_IOAS_ALLOW_IOVAS
 * @ucmd: struct iommu_ioas_allow_iovas
 *
 * Return: 0; -EADDRINUSE where a range is reserved; -EINVAL for an empty range,
 * or two that overlap; -EOPNOTSUPP for reserved fields; -ENOENT; -EOVERFLOW;
 * -ENOMEM; -EINTR if killed; -EFAULT.
 */
int iommufd_ioas_allow_iovas(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_allow_iovas *cmd = ucmd->cmd;
	struct iommu_iova_range *ranges __free(kvfree) = NULL;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	if (cmd->num_iovas) {
		ranges = kvmalloc_objs(*ranges, cmd->num_iovas,
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!ranges)
			return -ENOMEM;
		if (iommufd_should_fail() ||
		    copy_from_user(ranges, u64_to_user_ptr(cmd->allowed_iovas),
				   array_size(cmd->num_iovas, sizeof(*ranges))))
			return -EFAULT;
	}
	return iopgt_set_allowed(&ioas->iopt, ranges, cmd->num_iovas);
}

#define IOAS_MAP_FLAGS                                                         \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |                \
	 IOMMU_IOAS_MAP_READABLE)

/* How @flags want it mapped; -EOPNOTSUPP or -EINVAL if that cannot be */
static int ioas_map_prot(u32 flags)
{
	int prot = IOMMU_CACHE;

	if (flags & ~IOAS_MAP_FLAGS)
		return -EOPNOTSUPP;
	if (!(flags & (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE)))
		return -EINVAL;
	if (flags & IOMMU_IOAS_MAP_WRITEABLE)
		prot |= IOMMU_WRITE;
	if (flags & IOMMU_IOAS_MAP_READABLE)
		prot |= IOMMU_READ;
	return prot;
}

static enum iopgt_place ioas_map_place(u32 flags)
{
	return flags & IOMMU_IOAS_MAP_FIXED_IOVA ? IOPGT_FIXED : IOPGT_AUTO;
}

/*
 * Tell userspace, where it does not know, where it is; if that fails, it is not.
 * This field is all that a map returns.
 */
static int ioas_map_reply(struct iommufd_ioas *ioas, u32 flags,
			  u64 __user *reply, unsigned long iova,
			  unsigned long length)
{
	if (flags & IOMMU_IOAS_MAP_FIXED_IOVA)
		return 0;
	if (!iommufd_should_fail() && !put_user(iova, reply))
		return 0;
	iopgt_unmap(&ioas->iopt, iova, length, NULL);
	return -EFAULT;
}

/**
 * iommufd_ioas_map() - IOMMU_IOAS_MAP
 * @ucmd: struct iommu_ioas_map
 *
 * Return: 0; -EOPNOTSUPP for unknown flags and reserved fields; -ENOENT; -EFAULT;
 * an errno of iopgt_map_user().
 */
int iommufd_ioas_map(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map __user *user = ucmd->ubuffer;
	struct iommu_ioas_map *cmd = ucmd->cmd;
	unsigned long iova = cmd->iova;
	int prot = ioas_map_prot(cmd->flags);
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (prot < 0)
		return prot;
	if (cmd->iova > ULONG_MAX || cmd->length > ULONG_MAX ||
	    cmd->user_va > ULONG_MAX)
		return -EOVERFLOW;

	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	rc = iopgt_map_user(&ioas->iopt, &ucmd->ictx->budget,
			    u64_to_user_ptr(cmd->user_va), cmd->length, &iova,
			    prot, ioas_map_place(cmd->flags));
	if (rc)
		return rc;
	return ioas_map_reply(ioas, cmd->flags, &user->iova, iova, cmd->length);
}

/**
 * iommufd_ioas_map_file() - IOMMU_IOAS_MAP_FILE
 * @ucmd: struct iommu_ioas_map_file
 *
 * Return: 0; -EOPNOTSUPP for unknown flags; -ENOENT; -EFAULT; an errno of
 * iopgt_map_file().
 */
int iommufd_ioas_map_file(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map_file __user *user = ucmd->ubuffer;
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	unsigned long iova = cmd->iova;
	int prot = ioas_map_prot(cmd->flags);
	int rc;

	if (prot < 0)
		return prot;
	if (cmd->iova > ULONG_MAX || cmd->length > ULONG_MAX ||
	    cmd->start > ULONG_MAX)
		return -EOVERFLOW;

	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	rc = iopgt_map_file(&ioas->iopt, &ucmd->ictx->budget, cmd->fd,
			    iommufd_char_device(), cmd->start, cmd->length,
			    &iova, prot, ioas_map_place(cmd->flags));
	if (rc)
		return rc;
	return ioas_map_reply(ioas, cmd->flags, &user->iova, iova, cmd->length);
}

/**
 * iommufd_ioas_copy() - IOMMU_IOAS_COPY
 * @ucmd: struct iommu_ioas_copy
 *
 * Return: 0; -EOPNOTSUPP for unknown flags; -ENOENT; -EFAULT; an errno of
 * iopgt_copy().
 */
int iommufd_ioas_copy(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_copy __user *user = ucmd->ubuffer;
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	unsigned long iova = cmd->dst_iova;
	int prot = ioas_map_prot(cmd->flags);
	int rc;

	if (prot < 0)
		return prot;
	if (cmd->dst_iova > ULONG_MAX || cmd->src_iova > ULONG_MAX ||
	    cmd->length > ULONG_MAX)
		return -EOVERFLOW;

	struct iommufd_ioas *src __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->src_ioas_id);
	if (IS_ERR(src))
		return PTR_ERR(src);
	struct iommufd_ioas *dst __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->dst_ioas_id);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	/* On their way, the ranges may be in no IOVA space */
	rc = down_read_killable(&ucmd->ictx->process_lock);
	if (rc)
		return rc;
	rc = iopgt_copy(&dst->iopt, &src->iopt, cmd->src_iova, cmd->length,
			&iova, prot, ioas_map_place(cmd->flags));
	up_read(&ucmd->ictx->process_lock);
	if (rc)
		return rc;
	return ioas_map_reply(dst, cmd->flags, &user->dst_iova, iova,
			      cmd->length);
}

/**
 * iommufd_ioas_unmap() - IOMMU_IOAS_UNMAP
 * @ucmd: struct iommu_ioas_unmap
 *
 * IOVA 0 and length U64_MAX stand for everything.
 *
 * Return: 0; -ENOENT for the IOAS too; -EFAULT where userspace could not be told
 * how much was unmapped; an errno of iopgt_unmap().
 */
int iommufd_ioas_unmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_unmap __user *user = ucmd->ubuffer;
	struct iommu_ioas_unmap *cmd = ucmd->cmd;
	unsigned long unmapped;
	int rc;

	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	if (!cmd->iova && cmd->length == U64_MAX) {
		rc = iopgt_unmap_all(&ioas->iopt, &unmapped);
	} else {
		if (cmd->iova > ULONG_MAX || cmd->length > ULONG_MAX)
			return -EOVERFLOW;
		rc = iopgt_unmap(&ioas->iopt, cmd->iova, cmd->length,
				 &unmapped);
	}
	if (rc)
		return rc;
	/* All that it returns */
	return put_user(unmapped, &user->length);
}

/* Physical addresses are only for who needs them: a device without an IOMMU */
static int ioas_check_noiommu(struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;
	int rc = -EOPNOTSUPP;

	if (mutex_lock_killable(&ioas->lock))
		return -EINTR;
	list_for_each_entry(hwpt, &ioas->hwpt_list, ioas_link)
		if (iommufd_hwpt_is_noiommu(&hwpt->common))
			rc = 0;
	mutex_unlock(&ioas->lock);
	return rc;
}

/**
 * iommufd_ioas_noiommu_get_pa() - IOMMU_IOAS_NOIOMMU_GET_PA
 * @ucmd: struct iommu_ioas_noiommu_get_pa
 *
 * Return: 0; -EOPNOTSUPP for flags and reserved fields, and where no device
 * without an IOMMU is attached to the IOAS; -EPERM without CAP_SYS_RAWIO; -EINVAL
 * for length 0; -EOVERFLOW for an IOVA that this machine cannot have; -ENOENT where
 * the IOVA is not mapped; -EINTR where the caller is being killed; -EFAULT.
 */
int iommufd_ioas_noiommu_get_pa(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_noiommu_get_pa *cmd = ucmd->cmd;
	unsigned long length;
	phys_addr_t phys;
	int rc;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!cmd->length)
		return -EINVAL;
	if (overflows_type(cmd->iova, unsigned long))
		return -EOVERFLOW;

	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = ioas_check_noiommu(ioas);
	if (rc)
		return rc;

	/* A limit, not a range: it may reach behind the last IOVA */
	rc = iopgt_lookup_phys(&ioas->iopt, cmd->iova,
			       min_t(u64, cmd->length, ULONG_MAX), &phys,
			       &length);
	if (rc)
		return rc;
	cmd->out_phys = phys;
	cmd->length = length;
	return iommufd_ucmd_reply(ucmd, sizeof(*cmd));
}

static int ioas_move_all(struct iommufd_ctx *ictx, struct pages_move *move)
{
	struct iommufd_ioas *ioas = NULL;
	int rc;

	while ((ioas = iommufd_ioas_next(ictx, ioas))) {
		rc = iopgt_move_all(&ioas->iopt, move);
		if (rc) {
			iommufd_ioas_put(ioas);
			return rc;
		}
	}
	return 0;
}

/**
 * iommufd_ioas_change_process() - IOMMU_IOAS_CHANGE_PROCESS
 * @ucmd: struct iommu_ioas_change_process
 *
 * All of the context's IOASes, or none. What is mapped at the same time may be
 * among it, or not, as if it were mapped after.
 *
 * Return: 0; -EINVAL where memory of a process is mapped; -EOPNOTSUPP for reserved
 * fields; -ENOMEM without memory or where the current process would exceed
 * RLIMIT_MEMLOCK; -EINTR if killed.
 */
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_change_process *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct pages_move move = {};
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	rc = down_write_killable(&ictx->process_lock);
	if (rc)
		return rc;
	pin_payer_init(&move.payer, &ictx->budget);
	rc = ioas_move_all(ictx, &move);
	pages_move_end(&move, !rc);
	up_write(&ictx->process_lock);
	pin_payer_release(&move.payer);
	return rc;
}
