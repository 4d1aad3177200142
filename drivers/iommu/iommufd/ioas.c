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
#include "iommufd_private.h"
#include "pages.h"

static void iommufd_ioas_destroy(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);

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
	return ioas;
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
	iommufd_object_publish(ucmd->ictx, &ioas->obj);
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

	/* More may appear in between: then userspace asks again */
	total = iopgt_usable_ranges(iopt, NULL, 0, &alignment);
	room = min(total, cmd->num_iovas);
	if (room) {
		ranges = kvzalloc_objs(*ranges, room, GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return -ENOMEM;
		total = iopgt_usable_ranges(iopt, ranges, room, &alignment);
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
 * -EOPNOTSUPP for reserved fields; -ENOENT; -ENOMEM; -EFAULT.
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
 * -ENOMEM; -EFAULT.
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

	rc = iopgt_map_user(&ioas->iopt, ucmd->ictx->charge_mm,
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

	rc = iopgt_map_file(&ioas->iopt, ucmd->ictx->charge_mm, cmd->fd,
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

	rc = iopgt_copy(&dst->iopt, &src->iopt, cmd->src_iova, cmd->length,
			&iova, prot, ioas_map_place(cmd->flags));
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
static bool ioas_has_noiommu(struct iommufd_ioas *ioas)
{
	struct iommufd_hwpt_paging *hwpt;

	guard(mutex)(&ioas->lock);
	list_for_each_entry(hwpt, &ioas->hwpt_list, ioas_link)
		if (iommufd_hwpt_is_noiommu(&hwpt->common))
			return true;
	return false;
}

/**
 * iommufd_ioas_noiommu_get_pa() - IOMMU_IOAS_NOIOMMU_GET_PA
 * @ucmd: struct iommu_ioas_noiommu_get_pa
 *
 * Return: 0; -EOPNOTSUPP for flags and reserved fields, and where no device
 * without an IOMMU is attached to the IOAS; -EPERM without CAP_SYS_RAWIO; -EINVAL
 * for length 0; -EOVERFLOW for an IOVA that this machine cannot have; -ENOENT where
 * the IOVA is not mapped; -EFAULT.
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
	if (!ioas_has_noiommu(ioas))
		return -EOPNOTSUPP;

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

/**
 * iommufd_ioas_freeze_all() - Keep every IOVA space of a context as it is
 * @ictx: context, with its process_lock held
 * @frozen: empty list; gets the IOASes, with a short reference each
 *
 * Context: may sleep; takes the locks of each IOVA space, until
 * iommufd_ioas_thaw_all().
 */
void iommufd_ioas_freeze_all(struct iommufd_ctx *ictx, struct list_head *frozen)
{
	struct iommufd_object *obj;
	struct iommufd_ioas *ioas;
	unsigned long id;

	xa_for_each(&ictx->objects, id, obj) {
		ioas = iommufd_ioas_get(ictx, id);
		if (!IS_ERR(ioas))
			list_add_tail(&ioas->process_link, frozen);
	}
	list_for_each_entry(ioas, frozen, process_link)
		iopgt_freeze_domains(&ioas->iopt, &ictx->process_lock);
	list_for_each_entry(ioas, frozen, process_link)
		iopgt_freeze_areas(&ioas->iopt, &ictx->process_lock);
}

/**
 * iommufd_ioas_thaw_all() - Undo iommufd_ioas_freeze_all()
 * @frozen: the list
 */
void iommufd_ioas_thaw_all(struct list_head *frozen)
{
	struct iommufd_ioas *ioas, *next;

	list_for_each_entry_safe(ioas, next, frozen, process_link) {
		iopgt_thaw(&ioas->iopt);
		iommufd_ioas_put(ioas);
	}
}

static int ioas_move_all(struct list_head *frozen, struct pages_move *move)
{
	struct iommufd_ioas *ioas;
	int rc = 0;

	list_for_each_entry(ioas, frozen, process_link) {
		rc = iopgt_move_collect(&ioas->iopt, move);
		if (rc)
			break;
	}
	if (!rc)
		rc = pin_charge(&move->payer, move->npages);
	list_for_each_entry(ioas, frozen, process_link)
		iopgt_move_finish(&ioas->iopt, move, !rc);
	return rc;
}

/**
 * iommufd_ioas_change_process() - IOMMU_IOAS_CHANGE_PROCESS
 * @ucmd: struct iommu_ioas_change_process
 *
 * All of the context's IOASes, or none: they are frozen for the time it takes.
 *
 * Return: 0; -EINVAL where memory of a process is mapped; -EOPNOTSUPP for reserved
 * fields; -ENOMEM where the current process would exceed RLIMIT_MEMLOCK; -EINTR
 * if killed.
 */
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_change_process *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct pages_move move = {};
	LIST_HEAD(frozen);
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	pin_payer_init(&move.payer, ictx->charge_mm);
	scoped_guard(mutex, &ictx->process_lock) {
		iommufd_ioas_freeze_all(ictx, &frozen);
		rc = ioas_move_all(&frozen, &move);
		iommufd_ioas_thaw_all(&frozen);
	}
	pin_payer_release(&move.payer);
	return rc;
}
