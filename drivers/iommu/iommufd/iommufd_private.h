/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects layer of iommufd: the context behind one open /dev/iommu, its
 * table of ID'd objects, and what an ioctl handler is given.
 */
#ifndef __IOMMUFD_PRIVATE_H
#define __IOMMUFD_PRIVATE_H

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "charge.h"
#include "io_pagetable.h"
#include "test_hooks.h"

struct iommufd_ioas;

/**
 * DOC: Lock hierarchy
 *
 * Outermost first. A lock may be taken while holding any above it, never one
 * below it:
 *
 *   iommufd_group::lock		attach state of one IOMMU group
 *     iommufd_ctx::process_lock	which process pays: read by copies
 *       iommufd_ioas::lock		the list of HWPTs of one IOAS
 *         iommufd_access::attach_lock	which IOAS an access uses
 *           io_pagetable::domains_lock	the set of domains to be kept filled
 *             iommufd_access::lock	what an access has pinned
 *               io_pagetable::iova_lock	areas, reserved and allowed ranges
 *                 iommufd_pages::lock	what is pinned, and for whom
 *                   mmap_lock		taken by GUP
 *   dma_resv of a dma-buf		its revocation
 *     iommufd_pages::lock		of that dma-buf's range, a class of its own
 *   locks of IOMMU drivers' fault threads
 *     iommu_fault_param::lock	the IOMMU core's, held while a fault is answered
 *     iommufd_fault::lock	leaf spinlock, but for the xa_lock of its cookies
 *   iommufd_ctx::sw_msi_lock		leaf, under the IOMMU core's group mutex
 *   xa_lock of iommufd_ctx::objects	leaf spinlock
 *
 * Userspace can hold its own memory back for as long as it likes. For each lock,
 * design.rst says whether it is held meanwhile, and who cannot be killed while
 * waiting for it.
 */

/**
 * struct iommufd_ctx - one open /dev/iommu
 * @file: the file; in-kernel users hold a reference on it
 * @objects: objects by ID; its xa_lock protects their publication
 * @destroy_wait: destroyers sleep here until an object's wait_cnt reaches 0
 * @groups: struct iommufd_group by iommu_group_id(); its xa_lock protects it
 * @ioases: every IOAS that has been published, until its destruction, struct
 *          iommufd_ioas; under xa_lock of @objects
 * @process_lock: held for write by IOMMU_IOAS_CHANGE_PROCESS, which visits every
 *                range of memory; for read by whoever has ranges that are in no
 *                IOVA space
 * @mmio_tree: driver MMIO that may be mapped, by mmap offset (driver core)
 * @sw_msi_lock: protects @sw_msi_list and @sw_msi_next
 * @sw_msi_list: MSI doorbells mapped for this context (driver core)
 * @sw_msi_next: page slot in the MSI window for the next doorbell
 * @vfio_ioas: the IOAS behind VFIO's container ioctls, under xa_lock of
 *             @objects; cleared when that IOAS is destroyed
 * @budget: how pinned memory is charged, IOMMU_OPTION_RLIMIT_MODE
 * @no_iommu_mode: the context serves VFIO no-IOMMU groups
 * @test_pins: what the test build looks at again when all is given back
 */
struct iommufd_ctx {
	struct file *file;
	struct xarray objects;
	wait_queue_head_t destroy_wait;
	struct xarray groups;
	struct list_head ioases;
	struct rw_semaphore process_lock;

	struct maple_tree mmio_tree;
	struct mutex sw_msi_lock; /* protects sw_msi_list and sw_msi_next */
	struct list_head sw_msi_list;
	unsigned int sw_msi_next;

	struct iommufd_ioas *vfio_ioas;
	struct pin_budget budget;
	u8 no_iommu_mode;
#ifdef CONFIG_IOMMUFD_TEST
	struct test_pins *test_pins;
#endif
};

/**
 * struct iommufd_ucmd - one ioctl call
 * @ictx: the context it was called on
 * @ubuffer: userspace's structure
 * @user_size: its size in bytes, as userspace says
 * @cmd: kernel copy, zero-filled behind @user_size
 */
struct iommufd_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	void *cmd;
};

/**
 * iommufd_ucmd_reply() - Copy the command structure back to userspace
 * @ucmd: the call
 * @cmd_len: size of the kernel's structure in bytes
 *
 * Never writes behind what userspace said its structure's size is.
 *
 * Return: 0, or -EFAULT.
 */
static inline int iommufd_ucmd_reply(struct iommufd_ucmd *ucmd, size_t cmd_len)
{
	if (iommufd_should_fail() ||
	    copy_to_user(ucmd->ubuffer, ucmd->cmd,
			 min_t(size_t, ucmd->user_size, cmd_len)))
		return -EFAULT;
	return 0;
}

/**
 * iommufd_ucmd_reply_nofault() - iommufd_ucmd_reply() without waiting for memory
 * @ucmd: the call
 * @cmd_len: size of the kernel's structure in bytes
 *
 * For a caller that a kernel driver waits for, which must not depend on when
 * userspace's memory can be had. It gives up on -EFAULT, lets go of what others
 * wait for, and tries again after iommufd_fault_in_reply().
 *
 * Return: 0; -EFAULT, also where the memory is just not there yet.
 */
static inline int iommufd_ucmd_reply_nofault(struct iommufd_ucmd *ucmd,
					     size_t cmd_len)
{
	int rc;

	pagefault_disable();
	rc = iommufd_ucmd_reply(ucmd, cmd_len);
	pagefault_enable();
	return rc;
}

bool iommufd_fault_in_data(const struct iommu_user_data *data,
			   unsigned int tries);
bool iommufd_fault_in_reply(struct iommufd_ucmd *ucmd, size_t cmd_len,
			    unsigned int tries);

/*
 * Object life cycle (object.c)
 *
 *   new ──► publish ──► get/put, hold/unhold ──► destroy │ retire │ bury
 *    └────► discard (no resources yet) or abort (calls ->destroy)
 *
 * iommufd_object::wait_cnt counts short references: between a lookup by ID and
 * its put, inside one call. A destroyer waits for them. iommufd_object::users
 * counts long ones: other objects that depend on this one, the kernel driver
 * that owns it. They make IOMMU_DESTROY fail with -EBUSY. Going from one user
 * (the ID itself) to none is the point of no return: from there the object
 * cannot be found, nor held.
 */

/**
 * struct iommufd_object_type_ops - what the object table knows of a type
 * @pre_destroy: optional; called for a published object before it is made
 *               unreachable, to revoke what would hold it for long. May sleep.
 * @destroy: release the object's resources, not its memory. Nobody else can
 *           reach the object any more. May sleep.
 * @never_returns: a kernel owner may wait for the end of an IOMMU_DESTROY that
 *                 it did not make itself. So SIGKILL does not put the object
 *                 back, and short references are not kept while user memory is
 *                 accessed.
 */
struct iommufd_object_type_ops {
	void (*pre_destroy)(struct iommufd_object *obj);
	void (*destroy)(struct iommufd_object *obj);
	bool never_returns;
};

struct iommufd_object *iommufd_object_new(struct iommufd_ctx *ictx, size_t size,
					  enum iommufd_object_type type);
void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj);
void iommufd_object_discard(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj);
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj);
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type);
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_destroy_id(struct iommufd_ctx *ictx, u32 id);
void iommufd_object_retire(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
void iommufd_object_bury(struct iommufd_ctx *ictx, struct iommufd_object *obj);
void iommufd_object_unhold_last(struct iommufd_ctx *ictx,
				struct iommufd_object *obj);
void iommufd_object_destroy_all(struct iommufd_ctx *ictx);

/*
 * Allocate @ptr_type, whose first member @member is the iommufd_object, with a
 * reserved ID. ERR_PTR(-ENOMEM) on failure.
 */
#define iommufd_new(ictx, ptr_type, member, obj_type)                          \
	((ptr_type *)iommufd_object_new(                                       \
		ictx,                                                          \
		sizeof(ptr_type) +                                             \
			BUILD_BUG_ON_ZERO(offsetof(ptr_type, member)) +        \
			BUILD_BUG_ON_ZERO(                                     \
				!__same_type(struct iommufd_object,            \
					     ((ptr_type *)NULL)->member)),     \
		obj_type))

/**
 * iommufd_object_hold() - Turn a short reference into a long one too
 * @obj: object that the caller has a short or long reference on
 *
 * Context: atomic is fine.
 * Return: 0, or -ENOENT where the object is already being destroyed.
 */
static inline int iommufd_object_hold(struct iommufd_object *obj)
{
	return refcount_inc_not_zero(&obj->users) ? 0 : -ENOENT;
}

/**
 * iommufd_object_unhold() - Give a long reference back
 * @obj: object held by iommufd_object_hold()
 *
 * The object stays, with its ID: see iommufd_object_unhold_last() for one that
 * goes away with its last holder.
 */
static inline void iommufd_object_unhold(struct iommufd_object *obj)
{
	refcount_dec(&obj->users);
}

/**
 * struct iommufd_ioas - an IO address space (IOMMU_IOAS_ALLOC)
 * @obj: the object
 * @ictx: the context it belongs to
 * @iopt: its IOVA space
 * @lock: protects @hwpt_list and serialises automatic HWPT selection
 * @hwpt_list: every paging HWPT that is kept filled from this IOAS, struct
 *             iommufd_hwpt_paging
 * @ctx_link: on iommufd_ctx::ioases
 * @frozen_link: for the checker of test builds, under iommufd_ctx::process_lock
 */
struct iommufd_ioas {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct io_pagetable iopt;
	struct mutex lock; /* protects hwpt_list */
	struct list_head hwpt_list;
	struct list_head ctx_link;
	struct list_head frozen_link;
};

/**
 * iommufd_ioas_get() - Look an IOAS up
 * @ictx: context
 * @id: ID from userspace
 *
 * Return: the IOAS with a short reference, or ERR_PTR(-ENOENT).
 */
static inline struct iommufd_ioas *iommufd_ioas_get(struct iommufd_ctx *ictx,
						    u32 id)
{
	struct iommufd_object *obj =
		iommufd_object_get(ictx, id, IOMMUFD_OBJ_IOAS);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct iommufd_ioas, obj);
}

static inline void iommufd_ioas_put(struct iommufd_ioas *ioas)
{
	iommufd_object_put(ioas->ictx, &ioas->obj);
}

/* main.c */
struct device *iommufd_char_device(void);

/* ioas.c */
struct iommufd_ioas *iommufd_ioas_new(struct iommufd_ctx *ictx);
void iommufd_ioas_publish_locked(struct iommufd_ctx *ictx,
				 struct iommufd_ioas *ioas);
struct iommufd_ioas *iommufd_ioas_next(struct iommufd_ctx *ictx,
				       struct iommufd_ioas *ioas);
int iommufd_ioas_alloc_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_allow_iovas(struct iommufd_ucmd *ucmd);
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd);
int iommufd_ioas_copy(struct iommufd_ucmd *ucmd);
int iommufd_ioas_iova_ranges(struct iommufd_ucmd *ucmd);
int iommufd_ioas_map(struct iommufd_ucmd *ucmd);
int iommufd_ioas_map_file(struct iommufd_ucmd *ucmd);
int iommufd_ioas_noiommu_get_pa(struct iommufd_ucmd *ucmd);
int iommufd_ioas_unmap(struct iommufd_ucmd *ucmd);
int iommufd_option(struct iommufd_ucmd *ucmd);

/* vfio_compat.c */
int iommufd_vfio_ioas(struct iommufd_ucmd *ucmd);
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg);

/* hw_pagetable.c */
int iommufd_hwpt_alloc(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_invalidate(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd);

/* device.c */
int iommufd_get_hw_info(struct iommufd_ucmd *ucmd);

/* eventq.c */
int iommufd_fault_alloc(struct iommufd_ucmd *ucmd);
int iommufd_veventq_alloc(struct iommufd_ucmd *ucmd);

/* viommu.c */
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd);

/* What the object table calls, one per type */
extern const struct iommufd_object_type_ops iommufd_ioas_type;
extern const struct iommufd_object_type_ops iommufd_hwpt_paging_type;
extern const struct iommufd_object_type_ops iommufd_hwpt_nested_type;
extern const struct iommufd_object_type_ops iommufd_device_type;
extern const struct iommufd_object_type_ops iommufd_access_type;
extern const struct iommufd_object_type_ops iommufd_fault_type;
extern const struct iommufd_object_type_ops iommufd_viommu_type;
extern const struct iommufd_object_type_ops iommufd_vdevice_type;
extern const struct iommufd_object_type_ops iommufd_veventq_type;
extern const struct iommufd_object_type_ops iommufd_hw_queue_type;

#ifdef CONFIG_IOMMUFD_TEST
extern const struct iommufd_object_type_ops iommufd_selftest_type;
int iommufd_test(struct iommufd_ucmd *ucmd);
int __init iommufd_test_init(void);
void iommufd_test_exit(void);
void iommufd_test_closing(struct iommufd_ctx *ictx);
void iommufd_test_closed(struct iommufd_ctx *ictx);
#else
static inline int __init iommufd_test_init(void)
{
	return 0;
}

static inline void iommufd_test_exit(void)
{
}

static inline void iommufd_test_closing(struct iommufd_ctx *ictx)
{
}

static inline void iommufd_test_closed(struct iommufd_ctx *ictx)
{
}
#endif

#endif
