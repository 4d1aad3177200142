// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/indirect_call_wrapper.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "device.h"
#include "mmio.h"

#ifdef CONFIG_IOMMUFD_TEST
#include "iommufd_test.h"
#endif

/**
 * DOC: Entry
 *
 * Owns the character device, the context behind each open file, and the way
 * from an ioctl number to its handler: the size rules of extensible structures
 * are applied here and nowhere else. It knows the objects by the names of their
 * handlers alone, and takes no lock.
 *
 * Where CONFIG_IOMMUFD_VFIO_CONTAINER says so, the same files are behind
 * /dev/vfio/vfio. Both take the ioctls of both: VFIO tells neither by its name.
 */

static struct miscdevice iommufd_misc;
static struct miscdevice iommufd_vfio_misc;

/* The kernel's copy of whichever structure an ioctl takes; all begin alike */
union iommufd_cmd {
	u32 size;
	u64 space[10];
};

/**
 * struct iommufd_ioctl - an ioctl of the iommufd uAPI
 * @size: of its structure as this kernel knows it, in bytes
 * @min_size: of its structure in the first kernel that had it
 * @handler: what it does; returns the ioctl's result
 */
struct iommufd_ioctl {
	u16 size;
	u16 min_size;
	int (*handler)(struct iommufd_ucmd *ucmd);
};

static int iommufd_destroy(struct iommufd_ucmd *ucmd)
{
	struct iommu_destroy *cmd = ucmd->cmd;

	return iommufd_object_destroy_id(ucmd->ictx, cmd->id);
}

static int iommufd_option_rlimit_mode(struct iommufd_ctx *ictx,
				      struct iommu_option *cmd)
{
	/* A global option */
	if (cmd->object_id)
		return -EOPNOTSUPP;

	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = ictx->budget.by_process;
		return 0;
	}

	/* It chooses which of two limits applies */
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (cmd->val64 > 1)
		return -EINVAL;

	/* Whose memory it is was settled with the first object */
	guard(spinlock)(&ictx->objects.xa_lock);
	if (!xa_empty(&ictx->objects))
		return -EBUSY;
	ictx->budget.by_process = cmd->val64;
	return 0;
}

static int iommufd_option_huge_pages(struct iommufd_ctx *ictx,
				     struct iommu_option *cmd)
{
	struct iommufd_ioas *ioas;
	int ret = 0;

	ioas = iommufd_ioas_get(ictx, cmd->object_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	if (cmd->op == IOMMU_OPTION_OP_GET)
		cmd->val64 = iopgt_huge_pages(&ioas->iopt);
	else if (cmd->val64 > 1)
		ret = -EINVAL;
	else
		ret = iopgt_set_huge_pages(&ioas->iopt, cmd->val64);
	iommufd_ioas_put(ioas);
	return ret;
}

/**
 * iommufd_option() - IOMMU_OPTION: read or change a setting
 * @ucmd: the call, struct iommu_option
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP for an unknown option or operation, and for an object
 * ID with a global option; -EINVAL for a value the option does not take;
 * -ENOENT for an IOAS that is not there; -EPERM for the limit mode without
 * CAP_SYS_RESOURCE; -EBUSY for it in a context that has objects; what
 * iopgt_set_huge_pages() returns; -EFAULT.
 */
int iommufd_option(struct iommufd_ucmd *ucmd)
{
	struct iommu_option *cmd = ucmd->cmd;
	int ret;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->op != IOMMU_OPTION_OP_SET && cmd->op != IOMMU_OPTION_OP_GET)
		return -EOPNOTSUPP;

	switch (cmd->option_id) {
	case IOMMU_OPTION_RLIMIT_MODE:
		ret = iommufd_option_rlimit_mode(ucmd->ictx, cmd);
		break;
	case IOMMU_OPTION_HUGE_PAGES:
		ret = iommufd_option_huge_pages(ucmd->ictx, cmd);
		break;
	default:
		return -EOPNOTSUPP;
	}

	if (ret || cmd->op == IOMMU_OPTION_OP_SET)
		return ret;
	return iommufd_ucmd_reply(ucmd, sizeof(*cmd));
}

/* @_last is the last member of the structure's first version */
#define IOMMUFD_IOCTL(_name, _handler, _type, _last)                           \
	[IOMMUFD_CMD_##_name - IOMMUFD_CMD_BASE] = {                           \
		.size = sizeof(_type) +                                        \
			BUILD_BUG_ON_ZERO(sizeof(_type) >                      \
					  sizeof(union iommufd_cmd)),          \
		.min_size = offsetofend(_type, _last),                         \
		.handler = (_handler),                                         \
	}

/* By number; every one is _IO(IOMMUFD_TYPE, number) */
static const struct iommufd_ioctl iommufd_ioctls[] = {
	IOMMUFD_IOCTL(DESTROY, iommufd_destroy,
		      struct iommu_destroy, id),
	IOMMUFD_IOCTL(IOAS_ALLOC, iommufd_ioas_alloc_ioctl,
		      struct iommu_ioas_alloc, out_ioas_id),
	IOMMUFD_IOCTL(IOAS_ALLOW_IOVAS, iommufd_ioas_allow_iovas,
		      struct iommu_ioas_allow_iovas, allowed_iovas),
	IOMMUFD_IOCTL(IOAS_COPY, iommufd_ioas_copy,
		      struct iommu_ioas_copy, src_iova),
	IOMMUFD_IOCTL(IOAS_IOVA_RANGES, iommufd_ioas_iova_ranges,
		      struct iommu_ioas_iova_ranges, out_iova_alignment),
	IOMMUFD_IOCTL(IOAS_MAP, iommufd_ioas_map,
		      struct iommu_ioas_map, iova),
	IOMMUFD_IOCTL(IOAS_UNMAP, iommufd_ioas_unmap,
		      struct iommu_ioas_unmap, length),
	IOMMUFD_IOCTL(OPTION, iommufd_option,
		      struct iommu_option, val64),
	IOMMUFD_IOCTL(VFIO_IOAS, iommufd_vfio_ioas,
		      struct iommu_vfio_ioas, __reserved),
	IOMMUFD_IOCTL(HWPT_ALLOC, iommufd_hwpt_alloc,
		      struct iommu_hwpt_alloc, __reserved),
	IOMMUFD_IOCTL(GET_HW_INFO, iommufd_get_hw_info,
		      struct iommu_hw_info, __reserved),
	IOMMUFD_IOCTL(HWPT_SET_DIRTY_TRACKING, iommufd_hwpt_set_dirty_tracking,
		      struct iommu_hwpt_set_dirty_tracking, __reserved),
	IOMMUFD_IOCTL(HWPT_GET_DIRTY_BITMAP, iommufd_hwpt_get_dirty_bitmap,
		      struct iommu_hwpt_get_dirty_bitmap, data),
	IOMMUFD_IOCTL(HWPT_INVALIDATE, iommufd_hwpt_invalidate,
		      struct iommu_hwpt_invalidate, __reserved),
	IOMMUFD_IOCTL(FAULT_QUEUE_ALLOC, iommufd_fault_alloc,
		      struct iommu_fault_alloc, out_fault_fd),
	IOMMUFD_IOCTL(IOAS_MAP_FILE, iommufd_ioas_map_file,
		      struct iommu_ioas_map_file, iova),
	IOMMUFD_IOCTL(VIOMMU_ALLOC, iommufd_viommu_alloc_ioctl,
		      struct iommu_viommu_alloc, out_viommu_id),
	IOMMUFD_IOCTL(VDEVICE_ALLOC, iommufd_vdevice_alloc_ioctl,
		      struct iommu_vdevice_alloc, virt_id),
	IOMMUFD_IOCTL(IOAS_CHANGE_PROCESS, iommufd_ioas_change_process,
		      struct iommu_ioas_change_process, __reserved),
	IOMMUFD_IOCTL(VEVENTQ_ALLOC, iommufd_veventq_alloc,
		      struct iommu_veventq_alloc, out_veventq_fd),
	IOMMUFD_IOCTL(HW_QUEUE_ALLOC, iommufd_hw_queue_alloc_ioctl,
		      struct iommu_hw_queue_alloc, length),
	IOMMUFD_IOCTL(IOAS_NOIOMMU_GET_PA, iommufd_ioas_noiommu_get_pa,
		      struct iommu_ioas_noiommu_get_pa, out_phys),
#ifdef CONFIG_IOMMUFD_TEST
	[_IOC_NR(IOMMU_TEST_CMD) - IOMMUFD_CMD_BASE] = {
		.size = sizeof(struct iommu_test_cmd) +
			BUILD_BUG_ON_ZERO(sizeof(struct iommu_test_cmd) >
					  sizeof(union iommufd_cmd)),
		.min_size = offsetof(struct iommu_test_cmd, last),
		.handler = iommufd_test,
	},
#endif
};

/* Memory that was there, and went again, so often is not worth waiting for */
#define FAULT_IN_TRIES 16

static bool may_fault_in(unsigned int tries)
{
	cond_resched();
	return tries < FAULT_IN_TRIES && !fatal_signal_pending(current);
}

/**
 * iommufd_fault_in_data() - Wait for user memory that an IOMMU driver is to read
 * @data: what the driver was given, and could not read without a page fault; or
 *        NULL
 * @tries: how often that happened before
 *
 * Context: may sleep for as long as userspace likes, but can be killed. No lock
 * held, and no short reference that a kernel driver waits for.
 * Return: true if it is worth to try again; false where @data is not readable,
 * or the caller is being killed.
 */
bool iommufd_fault_in_data(const struct iommu_user_data *data,
			   unsigned int tries)
{
	return data && may_fault_in(tries) &&
	       !fault_in_readable(data->uptr, data->len);
}

/**
 * iommufd_fault_in_reply() - The same for iommufd_ucmd_reply_nofault()
 * @ucmd: the call
 * @cmd_len: size of the kernel's structure in bytes
 * @tries: how often that happened before
 *
 * Context: as iommufd_fault_in_data().
 * Return: true if it is worth to try again; false where the reply cannot be
 * written, or the caller is being killed.
 */
bool iommufd_fault_in_reply(struct iommufd_ucmd *ucmd, size_t cmd_len,
			    unsigned int tries)
{
	size_t size = min_t(size_t, ucmd->user_size, cmd_len);

	/* Unlike fault_in_writeable(), it does not change what is there */
	return may_fault_in(tries) &&
	       !fault_in_safe_writeable(ucmd->ubuffer, size);
}

/*
 * Bring userspace's structure in, by the rules of the uAPI header ("General
 * ioctl format"). Most calls have just one size: they cost one copy, without
 * asking for the size first.
 */
static int iommufd_fetch_cmd(struct iommufd_ucmd *ucmd, union iommufd_cmd *cmd,
			     const struct iommufd_ioctl *op)
{
	u32 size;

	if (iommufd_should_fail())
		return -EFAULT;
	if (copy_from_user(cmd, ucmd->ubuffer, op->min_size)) {
		/* A structure that is too short may end where memory ends */
		if (get_user(size, (u32 __user *)ucmd->ubuffer) ||
		    size >= op->min_size)
			return -EFAULT;
		return -EINVAL;
	}

	size = cmd->size;
	ucmd->user_size = size;
	ucmd->cmd = cmd;
	if (likely(size == op->min_size && size == op->size))
		return 0;
	if (size < op->min_size)
		return -EINVAL;
	/* No structure will ever be that large: don't go looking for zeroes */
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user((void *)cmd + op->min_size,
				     op->size - op->min_size,
				     ucmd->ubuffer + op->min_size,
				     size - op->min_size);
}

static long iommufd_fops_ioctl(struct file *filp, unsigned int cmd,
			       unsigned long arg)
{
	/* Handlers read, and reply, no more than what is fetched */
	union iommufd_cmd buf __uninitialized;
	struct iommufd_ucmd ucmd = {
		.ictx = filp->private_data,
		.ubuffer = (void __user *)arg,
	};
	const struct iommufd_ioctl *op;
	unsigned int index = cmd - _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE);
	int ret;

	/* VFIO has the lower numbers of the type that both share */
	if (index >= ARRAY_SIZE(iommufd_ioctls))
		return iommufd_vfio_ioctl(ucmd.ictx, cmd, arg);

	op = &iommufd_ioctls[array_index_nospec(index,
						ARRAY_SIZE(iommufd_ioctls))];
	if (!op->handler)
		return -ENOTTY;

	ret = iommufd_fetch_cmd(&ucmd, &buf, op);
	if (ret)
		return ret;
	/* What a vIOMMU does all the time shall not pay for a retpoline */
	return INDIRECT_CALL_2(op->handler, iommufd_ioas_unmap,
			       iommufd_ioas_map, &ucmd);
}

static int iommufd_fops_open(struct inode *inode, struct file *filp)
{
	struct iommufd_ctx *ictx;

	ictx = kzalloc_obj(*ictx, GFP_KERNEL_ACCOUNT);
	if (!ictx)
		return -ENOMEM;

	/* VFIO's container charges the process, and applications rely on it */
	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER) &&
	    filp->private_data == &iommufd_vfio_misc) {
		pr_info_once("/dev/vfio/vfio is iommufd's, in place of vfio_iommu_type1\n");
		ictx->budget.by_process = true;
	}

	xa_init_flags(&ictx->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	xa_init_flags(&ictx->groups, XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&ictx->destroy_wait);
	INIT_LIST_HEAD(&ictx->ioases);
	init_rwsem(&ictx->process_lock);
	mt_init_flags(&ictx->mmio_tree, MT_FLAGS_ALLOC_RANGE);
	mutex_init(&ictx->sw_msi_lock);
	INIT_LIST_HEAD(&ictx->sw_msi_list);

	ictx->file = filp;
	filp->private_data = ictx;
	return 0;
}

static int iommufd_fops_release(struct inode *inode, struct file *filp)
{
	struct iommufd_ctx *ictx = filp->private_data;
	struct iommufd_sw_msi_page *page, *next;

	iommufd_test_closing(ictx);
	iommufd_object_destroy_all(ictx);
	iommufd_test_closed(ictx);
	WARN_ON_ONCE(!xa_empty(&ictx->groups));
	mtree_destroy(&ictx->mmio_tree);
	list_for_each_entry_safe(page, next, &ictx->sw_msi_list, link)
		kfree(page);
	mutex_destroy(&ictx->sw_msi_lock);
	kfree(ictx);
	return 0;
}

static const struct file_operations iommufd_fops = {
	.owner = THIS_MODULE,
	.open = iommufd_fops_open,
	.release = iommufd_fops_release,
	.unlocked_ioctl = iommufd_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = iommufd_fops_mmap,
};

/**
 * iommufd_ctx_get() - Take a reference on a context
 * @ictx: context that the caller has a reference on already
 *
 * Context: atomic is fine.
 */
void iommufd_ctx_get(struct iommufd_ctx *ictx)
{
	get_file(ictx->file);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_get, "IOMMUFD");

/**
 * iommufd_ctx_from_file() - Take a reference on the context behind a file
 * @file: file of whatever kind, which the caller keeps open meanwhile
 *
 * Accepts /dev/iommu, and /dev/vfio/vfio where iommufd provides it.
 *
 * Return: the context, to be given back by iommufd_ctx_put();
 * ERR_PTR(-EBADFD) if the file is something else.
 */
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	struct iommufd_ctx *ictx;

	if (file->f_op != &iommufd_fops)
		return ERR_PTR(-EBADFD);
	ictx = file->private_data;
	iommufd_ctx_get(ictx);
	return ictx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_file, "IOMMUFD");

/**
 * iommufd_ctx_from_fd() - Take a reference on the context behind a descriptor
 * @fd: file descriptor of the calling process
 *
 * Return: the context, to be given back by iommufd_ctx_put();
 * ERR_PTR(-EBADF) if nothing is open there; ERR_PTR(-EBADFD) if it is not
 * /dev/iommu.
 */
struct iommufd_ctx *iommufd_ctx_from_fd(int fd)
{
	CLASS(fd, f)(fd);

	if (fd_empty(f))
		return ERR_PTR(-EBADF);
	return iommufd_ctx_from_file(fd_file(f));
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_fd, "IOMMUFD");

/**
 * iommufd_ctx_put() - Give a reference on a context back
 * @ictx: the context; if this was the last reference, its file is released
 *
 * Context: atomic is fine, the release is deferred.
 */
void iommufd_ctx_put(struct iommufd_ctx *ictx)
{
	fput(ictx->file);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_put, "IOMMUFD");

static struct miscdevice iommufd_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommu",
	.nodename = "iommu",
	.fops = &iommufd_fops,
	.mode = 0660,
};

/*
 * As with VFIO's own, anybody may open the container: nothing can be reached
 * through it before a device is attached, which takes access to the device.
 */
static struct miscdevice iommufd_vfio_misc = {
	.minor = VFIO_MINOR,
	.name = "vfio",
	.nodename = "vfio/vfio",
	.fops = &iommufd_fops,
	.mode = 0666,
};

/**
 * iommufd_char_device() - The device behind /dev/iommu
 *
 * Return: a device that does no DMA, for interfaces that ask for one.
 */
struct device *iommufd_char_device(void)
{
	return iommufd_misc.this_device;
}

static int __init iommufd_init(void)
{
	int ret;

	ret = iopgt_module_init();
	if (ret)
		return ret;

	ret = iommufd_test_init();
	if (ret)
		goto err_iopgt;

	/* From here userspace comes in */
	ret = misc_register(&iommufd_misc);
	if (ret)
		goto err_test;

	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER)) {
		ret = misc_register(&iommufd_vfio_misc);
		if (ret)
			goto err_misc;
	}
	return 0;

err_misc:
	misc_deregister(&iommufd_misc);
err_test:
	iommufd_test_exit();
err_iopgt:
	iopgt_module_exit();
	return ret;
}

static void __exit iommufd_exit(void)
{
	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER))
		misc_deregister(&iommufd_vfio_misc);
	misc_deregister(&iommufd_misc);
	iommufd_test_exit();
	iopgt_module_exit();
}

module_init(iommufd_init);
module_exit(iommufd_exit);

#if IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER)
MODULE_ALIAS_MISCDEV(VFIO_MINOR);
MODULE_ALIAS("devname:vfio/vfio");
#endif
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
MODULE_DESCRIPTION("Userspace control of IO page tables");
MODULE_LICENSE("GPL");
