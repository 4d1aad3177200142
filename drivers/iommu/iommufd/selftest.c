// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test ioctl: mock devices, and questions about what iommufd did for them.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/idr.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "device.h"
#include "selftest.h"
#include "selftest_check.h"

/**
 * DOC: The test ioctl
 *
 * IOMMU_TEST_CMD plays the part of the drivers and the hardware around iommufd:
 * it plugs mock devices in, and binds and attaches them through the same calls
 * that VFIO uses; it makes them fault, write, and report events; and it checks
 * what is mapped and pinned by means of its own, the IO page table and the
 * pages' reference counts.
 *
 * A mock device is an object, so that IOMMU_DESTROY unplugs it.
 *
 * Locking: selftest_device::lock protects the set of attached PASIDs, and is
 * taken before any of iommufd's. Who looks at what a device is attached to holds
 * iommufd_group::lock for that, as device.h defines it.
 */

/* Pages that MD_CHECK_MAP looks at in one go */
#define CHECK_MAP_BATCH 16

/* Bytes of the bitmap that DIRTY looks at in one go */
#define DIRTY_BATCH 128

static DECLARE_FAULT_ATTR(fail_iommufd);
static struct dentry *fail_iommufd_dir;
static unsigned int temp_memory_limit;

/**
 * iommufd_should_fail() - Is an injected failure due?
 *
 * Set up in debugfs, fail_iommufd/, and by the fail-nth file of a task.
 *
 * Return: true where the caller must fail as it would without memory.
 */
bool iommufd_should_fail(void)
{
	return should_fail(&fail_iommufd, 0);
}

static u32 linger_us;

/**
 * iommufd_test_linger() - Make a race likely
 *
 * Where a test wants that: it sets linger_us in debugfs, fail_iommufd/, and may
 * end the waiting by setting it to 0.
 *
 * Context: may sleep.
 */
void iommufd_test_linger(void)
{
	unsigned int slept, step;

	for (slept = 0; slept < READ_ONCE(linger_us); slept += step) {
		step = clamp(READ_ONCE(linger_us), 1U, 1000U);
		fsleep(step);
	}
}

static u32 stop_at_breath;
static atomic_t breaths;

/**
 * iommufd_test_breath() - Count how often calls look whether they were killed
 *
 * Where a test sets stop_at_breath in debugfs, fail_iommufd/: the number of times
 * since it set breaths to 0 is in there, and who comes to that number waits to be
 * killed, or for another one to be set.
 *
 * Context: may sleep.
 */
void iommufd_test_breath(void)
{
	u32 stop = READ_ONCE(stop_at_breath);

	if (!stop || (u32)atomic_inc_return(&breaths) != stop)
		return;
	while (READ_ONCE(stop_at_breath) == stop &&
	       !fatal_signal_pending(current))
		fsleep(1000);
}

/**
 * iommufd_test_memory_limit() - Bytes that a batch of page pointers may take
 *
 * Return: what IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT said, ULONG_MAX before that.
 */
unsigned long iommufd_test_memory_limit(void)
{
	unsigned int limit = READ_ONCE(temp_memory_limit);

	return limit ? limit : ULONG_MAX;
}

/**
 * struct selftest_device - the object for a mock device
 * @obj: the object
 * @mdev: the device
 * @idev: it, as bound
 * @lock: protects @pasids, and keeps what they are attached to
 * @pasids: the PASIDs that are attached
 */
struct selftest_device {
	struct iommufd_object obj;
	struct mock_device *mdev;
	struct iommufd_device *idev;
	/* For the PASIDs only: the RID stays attached */
	struct mutex lock;
	struct ida pasids;
};

static struct selftest_device *selftest_device_get(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ucmd->ictx, cmd->id, IOMMUFD_OBJ_SELFTEST);
	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct selftest_device, obj);
}

static void selftest_device_put(struct iommufd_ucmd *ucmd,
				struct selftest_device *sdev)
{
	iommufd_object_put(ucmd->ictx, &sdev->obj);
}

/* What bound it attached each PASID, and so must detach it */
static void selftest_device_destroy(struct iommufd_object *obj)
{
	struct selftest_device *sdev =
		container_of(obj, struct selftest_device, obj);
	int pasid;

	while ((pasid = ida_find_first(&sdev->pasids)) >= 0) {
		iommufd_device_detach(sdev->idev, pasid);
		ida_free(&sdev->pasids, pasid);
	}
	iommufd_device_detach(sdev->idev, IOMMU_NO_PASID);
	iommufd_device_unbind(sdev->idev);
	mock_device_destroy(sdev->mdev);
	ida_destroy(&sdev->pasids);
	mutex_destroy(&sdev->lock);
}

const struct iommufd_object_type_ops iommufd_selftest_type = {
	.destroy = selftest_device_destroy,
};

/* MOCK_DOMAIN and MOCK_DOMAIN_FLAGS */
static int selftest_device_new(struct iommufd_ucmd *ucmd, u32 dev_flags)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct selftest_device *sdev;
	u32 pt_id = cmd->id;
	u32 idev_id;
	int rc;

	sdev = iommufd_new(ictx, struct selftest_device, obj,
			   IOMMUFD_OBJ_SELFTEST);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	mutex_init(&sdev->lock);
	ida_init(&sdev->pasids);

	sdev->mdev = mock_device_create(dev_flags);
	if (IS_ERR(sdev->mdev)) {
		rc = PTR_ERR(sdev->mdev);
		goto err_discard;
	}
	sdev->idev = iommufd_device_bind(ictx, &sdev->mdev->dev, &idev_id);
	if (IS_ERR(sdev->idev)) {
		rc = PTR_ERR(sdev->idev);
		goto err_unplug;
	}
	rc = iommufd_device_attach(sdev->idev, IOMMU_NO_PASID, &pt_id);
	if (rc)
		goto err_unbind;

	/* The structure with flags begins with the one without */
	cmd->mock_domain.out_stdev_id = sdev->obj.id;
	cmd->mock_domain.out_hwpt_id = pt_id;
	cmd->mock_domain.out_idev_id = idev_id;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc)
		goto err_detach;
	iommufd_object_publish(ictx, &sdev->obj);
	return 0;

err_detach:
	iommufd_device_detach(sdev->idev, IOMMU_NO_PASID);
err_unbind:
	iommufd_device_unbind(sdev->idev);
err_unplug:
	mock_device_destroy(sdev->mdev);
err_discard:
	ida_destroy(&sdev->pasids);
	mutex_destroy(&sdev->lock);
	iommufd_object_discard(ictx, &sdev->obj);
	return rc;
}

static int test_mock_domain(struct iommufd_ucmd *ucmd)
{
	return selftest_device_new(ucmd, 0);
}

static int test_mock_domain_flags(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;

	return selftest_device_new(ucmd, cmd->mock_domain_flags.dev_flags);
}

static int test_mock_domain_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct selftest_device *sdev;
	int rc;

	sdev = selftest_device_get(ucmd);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	rc = iommufd_device_replace(sdev->idev, IOMMU_NO_PASID,
				    &cmd->mock_domain_replace.pt_id);
	selftest_device_put(ucmd, sdev);
	if (rc)
		return rc;
	return iommufd_ucmd_reply(ucmd, sizeof(*cmd));
}

/*
 * PASIDs
 */

/* It is for iommufd to refuse those that a device does not have */
static bool pasid_is_valid(u32 pasid)
{
	return pasid != IOMMU_NO_PASID;
}

static int selftest_device_attach_pasid(struct selftest_device *sdev, u32 pasid,
					u32 *pt_id)
{
	int rc;

	guard(mutex)(&sdev->lock);
	/* No PASID, or in use: iommufd must refuse, and there is no new record */
	if (pasid >= BIT(MOCK_PASID_WIDTH) || ida_exists(&sdev->pasids, pasid))
		return iommufd_device_attach(sdev->idev, pasid, pt_id);

	/* The record first: no failure must come after the attach */
	rc = ida_alloc_range(&sdev->pasids, pasid, pasid, GFP_KERNEL);
	if (rc < 0)
		return rc;
	rc = iommufd_device_attach(sdev->idev, pasid, pt_id);
	if (rc)
		ida_free(&sdev->pasids, pasid);
	return rc;
}

static int test_pasid_attach(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct selftest_device *sdev;
	int rc = -EINVAL;

	sdev = selftest_device_get(ucmd);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	if (pasid_is_valid(cmd->pasid_attach.pasid))
		rc = selftest_device_attach_pasid(sdev, cmd->pasid_attach.pasid,
						  &cmd->pasid_attach.pt_id);
	selftest_device_put(ucmd, sdev);
	return rc;
}

static int test_pasid_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct selftest_device *sdev;
	int rc = -EINVAL;

	sdev = selftest_device_get(ucmd);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	if (pasid_is_valid(cmd->pasid_replace.pasid)) {
		guard(mutex)(&sdev->lock);
		rc = iommufd_device_replace(sdev->idev,
					    cmd->pasid_replace.pasid,
					    &cmd->pasid_replace.pt_id);
	}
	selftest_device_put(ucmd, sdev);
	return rc;
}

/* Like VFIO's ioctl, succeeds where there is nothing to detach */
static int test_pasid_detach(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 pasid = cmd->pasid_detach.pasid;
	struct selftest_device *sdev;

	sdev = selftest_device_get(ucmd);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	if (!pasid_is_valid(pasid)) {
		selftest_device_put(ucmd, sdev);
		return -EINVAL;
	}
	scoped_guard(mutex, &sdev->lock) {
		if (pasid < BIT(MOCK_PASID_WIDTH) &&
		    ida_exists(&sdev->pasids, pasid)) {
			iommufd_device_detach(sdev->idev, pasid);
			ida_free(&sdev->pasids, pasid);
		}
	}
	selftest_device_put(ucmd, sdev);
	return 0;
}

/* Any HWPT by its ID */
static struct iommufd_hw_pagetable *hwpt_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_NESTED);
	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct iommufd_hw_pagetable, obj);
}

/* Asks the IOMMU core, not iommufd */
static struct iommu_domain *attached_domain(struct device *dev, ioasid_t pasid)
{
	struct iommu_attach_handle *handle;

	handle = iommu_attach_handle_get(dev->iommu_group, pasid, 0);
	return IS_ERR(handle) ? NULL : handle->domain;
}

static int test_pasid_check(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_hw_pagetable *hwpt = NULL;
	struct iommu_domain *expected = NULL;
	struct selftest_device *sdev;
	int rc = 0;

	sdev = selftest_device_get(ucmd);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	if (cmd->pasid_check.hwpt_id) {
		hwpt = hwpt_get(ucmd->ictx, cmd->pasid_check.hwpt_id);
		if (IS_ERR(hwpt)) {
			rc = PTR_ERR(hwpt);
			goto out_sdev;
		}
		expected = hwpt->domain;
	}

	scoped_guard(mutex, &sdev->idev->igroup->lock) {
		if (attached_domain(&sdev->mdev->dev, cmd->pasid_check.pasid) !=
		    expected)
			rc = -EINVAL;
	}
	if (hwpt)
		iommufd_object_put(ucmd->ictx, &hwpt->obj);
out_sdev:
	selftest_device_put(ucmd, sdev);
	return rc;
}

/*
 * What a mock device does, by the ID of its DEVICE object
 */

static struct iommufd_device *mock_idev_get(struct iommufd_ucmd *ucmd, u32 id)
{
	struct iommufd_device *idev = iommufd_device_get(ucmd->ictx, id);

	if (!IS_ERR(idev) && !iommufd_test_is_mock_dev(idev->dev)) {
		iommufd_device_put(idev);
		return ERR_PTR(-EINVAL);
	}
	return idev;
}

/* The same for what does not depend on iommufd: no reference that it knows */
static struct mock_device *mock_device_get(struct iommufd_ucmd *ucmd, u32 id)
{
	struct iommufd_device *idev = mock_idev_get(ucmd, id);
	struct mock_device *mdev;

	if (IS_ERR(idev))
		return ERR_CAST(idev);
	mdev = to_mock_device(idev->dev);
	get_device(&mdev->dev);
	iommufd_device_put(idev);
	return mdev;
}

static int test_trigger_iopf(struct iommufd_ucmd *ucmd)
{
	const u32 known_perms = IOMMU_PGFAULT_PERM_READ |
				IOMMU_PGFAULT_PERM_WRITE |
				IOMMU_PGFAULT_PERM_EXEC |
				IOMMU_PGFAULT_PERM_PRIV;
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_device *mdev;
	int rc;

	if (cmd->trigger_iopf.perm & ~known_perms)
		return -EOPNOTSUPP;
	if (cmd->trigger_iopf.pasid >= BIT(MOCK_PASID_WIDTH))
		return -EINVAL;

	mdev = mock_device_get(ucmd, cmd->trigger_iopf.dev_id);
	if (IS_ERR(mdev))
		return PTR_ERR(mdev);
	rc = mock_device_fault(mdev, cmd->trigger_iopf.pasid,
			       cmd->trigger_iopf.grpid, cmd->trigger_iopf.perm,
			       cmd->trigger_iopf.addr);
	put_device(&mdev->dev);
	return rc;
}

static int test_hold(struct iommufd_ucmd *ucmd)
{
	const u32 known_points = MOCK_HOLD_RESPONSE | MOCK_HOLD_TAKEN;
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 points = cmd->hold.points;
	struct mock_device *mdev;
	int rc = 0;

	if (points & ~known_points)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_TEST_OP_WAIT_HELD && !is_power_of_2(points))
		return -EINVAL;
	mdev = mock_device_get(ucmd, cmd->hold.dev_id);
	if (IS_ERR(mdev))
		return PTR_ERR(mdev);
	if (cmd->op == IOMMU_TEST_OP_WAIT_HELD)
		rc = mock_device_wait_held(mdev, points);
	else
		mock_device_hold(mdev, points);
	put_device(&mdev->dev);
	return rc;
}

static int test_trigger_vevent(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	int rc;

	idev = mock_idev_get(ucmd, cmd->trigger_vevent.dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = guest_device_event(to_mock_device(idev->dev));
	iommufd_device_put(idev);
	return rc;
}

static int test_dev_check_cache(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 index = cmd->check_dev_cache.id;
	struct iommufd_device *idev;
	int rc = -EINVAL;

	idev = mock_idev_get(ucmd, cmd->id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	if (index <= MOCK_DEV_CACHE_ID_MAX &&
	    READ_ONCE(to_mock_device(idev->dev)->cache[index]) ==
		    cmd->check_dev_cache.cache)
		rc = 0;
	iommufd_device_put(idev);
	return rc;
}

/*
 * What is mapped and pinned
 */

/* The paging HWPT that the call is about, if it is one of the mock's */
static struct iommufd_hw_pagetable *
hwpt_paging_get(struct iommufd_ucmd *ucmd, struct mock_domain **mock)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ucmd->ictx, cmd->id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = container_of(obj, struct iommufd_hw_pagetable, obj);
	*mock = mock_paging_domain(hwpt->domain);
	if (!*mock) {
		iommufd_object_put(ucmd->ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return hwpt;
}

/* Pause in a loop that userspace decides the length of */
static int test_breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Are @length bytes at @iova those at @offset in @pages? */
static bool check_map_batch(struct mock_domain *mock, unsigned long iova,
			    struct page **pages, unsigned int offset,
			    size_t length)
{
	size_t at, end = offset + length;

	for (at = offset; at != end; at += MOCK_PAGE_SIZE) {
		if (mock_domain_phys(mock, iova + (at - offset)) !=
		    page_to_phys(pages[at / PAGE_SIZE]) + at % PAGE_SIZE)
			return false;
	}
	return true;
}

/* All in multiples of the IOMMU's smallest page */
static int check_map(struct mock_domain *mock, unsigned long iova,
		     unsigned long uptr, unsigned long length)
{
	struct page *pages[CHECK_MAP_BATCH];

	while (length) {
		unsigned int offset = offset_in_page(uptr);
		size_t bytes = min(length,
				   ARRAY_SIZE(pages) * PAGE_SIZE - offset);
		int npages, rc;
		bool good;

		npages = get_user_pages_fast(uptr - offset,
					     PFN_UP(offset + bytes), 0, pages);
		if (npages <= 0)
			return npages ? npages : -EFAULT;
		bytes = min(bytes, npages * PAGE_SIZE - offset);
		good = check_map_batch(mock, iova, pages, offset, bytes);
		release_pages(pages, npages);
		if (!good)
			return -EINVAL;

		rc = test_breathe();
		if (rc)
			return rc;
		iova += bytes;
		uptr += bytes;
		length -= bytes;
	}
	return 0;
}

static int test_md_check_map(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	unsigned long iova, uptr, length, last;
	struct iommufd_hw_pagetable *hwpt;
	struct mock_domain *mock;
	int rc;

	if ((cmd->check_map.iova | cmd->check_map.uptr |
	     cmd->check_map.length) % MOCK_PAGE_SIZE)
		return -EINVAL;
	if (!cmd->check_map.length)
		return -EINVAL;
	/* Each of them fits into an unsigned long, and so does each end */
	if (check_add_overflow(cmd->check_map.iova, cmd->check_map.length - 1,
			       &last) ||
	    check_add_overflow(cmd->check_map.uptr, cmd->check_map.length - 1,
			       &last))
		return -EOVERFLOW;
	iova = cmd->check_map.iova;
	uptr = cmd->check_map.uptr;
	length = cmd->check_map.length;

	hwpt = hwpt_paging_get(ucmd, &mock);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = check_map(mock, iova, uptr, length);
	iommufd_object_put(ucmd->ictx, &hwpt->obj);
	return rc;
}

/*
 * A small folio counts pins in its reference count. A large one counts those of
 * all its pages together: that says whether there are any, and a lower bound.
 */
static bool folio_has_pins(struct folio *folio, u32 pins)
{
	if (!folio_has_pincount(folio))
		return folio_ref_count(folio) / GUP_PIN_COUNTING_BIAS == pins;
	if (!pins)
		return !atomic_read(&folio->_pincount);
	return atomic_read(&folio->_pincount) >= pins;
}

static int test_md_check_refs(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	unsigned long uptr, end;
	bool good;
	int rc;

	if (!PAGE_ALIGNED(cmd->check_refs.uptr) ||
	    !PAGE_ALIGNED(cmd->check_refs.length))
		return -EINVAL;
	if (check_add_overflow(cmd->check_refs.uptr, cmd->check_refs.length,
			       &end))
		return -EOVERFLOW;

	for (uptr = cmd->check_refs.uptr; uptr != end; uptr += PAGE_SIZE) {
		struct page *page;

		rc = get_user_pages_fast(uptr, 1, 0, &page);
		if (rc != 1)
			return rc < 0 ? rc : -EFAULT;
		good = folio_has_pins(page_folio(page), cmd->check_refs.refs);
		put_page(page);
		if (!good)
			return -EIO;
		rc = test_breathe();
		if (rc)
			return rc;
	}
	return 0;
}

static int test_set_temp_memory_limit(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;

	WRITE_ONCE(temp_memory_limit, cmd->memory_limit.limit);
	return 0;
}

static int test_add_reserved(struct iommufd_ucmd *ucmd)
{
	/* Its address says who reserved the range; nobody takes that back */
	static const char owner;
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	unsigned long last;
	int rc;

	if (!cmd->add_reserved.length)
		return -EINVAL;
	if (check_add_overflow(cmd->add_reserved.start,
			       cmd->add_reserved.length - 1, &last))
		return -EOVERFLOW;

	ioas = iommufd_ioas_get(ucmd->ictx, cmd->id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iopgt_reserve(&ioas->iopt, cmd->add_reserved.start, last,
			   (void *)&owner);
	iommufd_ioas_put(ioas);
	return rc;
}

/*
 * Make a device write to the pages that are set in the bitmap. One that is not
 * mapped cannot be written to.
 */
static int dirty_pages(struct mock_domain *mock, unsigned long iova,
		       unsigned long page_size, u64 npages,
		       const u8 __user *ubitmap, u64 *nr_dirty)
{
	DECLARE_BITMAP(bitmap, DIRTY_BATCH * BITS_PER_BYTE);

	while (npages) {
		unsigned int nbits = min_t(u64, npages,
					   DIRTY_BATCH * BITS_PER_BYTE);
		unsigned int bit;
		int rc;

		bitmap_zero(bitmap, DIRTY_BATCH * BITS_PER_BYTE);
		if (copy_from_user(bitmap, ubitmap, BITS_TO_BYTES(nbits)))
			return -EFAULT;
		for_each_set_bit(bit, bitmap, nbits) {
			rc = mock_domain_write(mock, iova + bit * page_size);
			if (!rc)
				(*nr_dirty)++;
			else if (rc != -ENOENT)
				return rc;
		}

		rc = test_breathe();
		if (rc)
			return rc;
		iova += nbits * page_size;
		ubitmap += BITS_TO_BYTES(nbits);
		npages -= nbits;
	}
	return 0;
}

static int test_dirty(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u64 page_size = cmd->dirty.page_size;
	struct iommufd_hw_pagetable *hwpt;
	struct mock_domain *mock;
	unsigned long last;
	int rc;

	if (cmd->dirty.flags)
		return -EOPNOTSUPP;
	if (!is_power_of_2(page_size) || !cmd->dirty.length ||
	    !IS_ALIGNED(cmd->dirty.iova | cmd->dirty.length, page_size))
		return -EINVAL;
	if (check_add_overflow(cmd->dirty.iova, cmd->dirty.length - 1, &last))
		return -EOVERFLOW;

	hwpt = hwpt_paging_get(ucmd, &mock);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	cmd->dirty.out_nr_dirty = 0;
	rc = dirty_pages(mock, cmd->dirty.iova, page_size,
			 div64_u64(cmd->dirty.length, page_size),
			 u64_to_user_ptr(cmd->dirty.uptr),
			 &cmd->dirty.out_nr_dirty);
	iommufd_object_put(ucmd->ictx, &hwpt->obj);
	if (rc)
		return rc;
	return iommufd_ucmd_reply(ucmd, sizeof(*cmd));
}

static int test_md_check_iotlb(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 index = cmd->check_iotlb.id;
	struct iommufd_hw_pagetable *hwpt;
	struct guest_domain *nested;
	int rc = -EINVAL;

	hwpt = hwpt_get(ucmd->ictx, cmd->id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	nested = to_guest_domain(hwpt->domain);
	if (nested && index <= MOCK_NESTED_DOMAIN_IOTLB_ID_MAX &&
	    READ_ONCE(nested->iotlb[index]) == cmd->check_iotlb.iotlb)
		rc = 0;
	iommufd_object_put(ucmd->ictx, &hwpt->obj);
	return rc;
}

static int (*const test_ops[])(struct iommufd_ucmd *ucmd) = {
	[IOMMU_TEST_OP_ADD_RESERVED] = test_add_reserved,
	[IOMMU_TEST_OP_MOCK_DOMAIN] = test_mock_domain,
	[IOMMU_TEST_OP_MD_CHECK_MAP] = test_md_check_map,
	[IOMMU_TEST_OP_MD_CHECK_REFS] = test_md_check_refs,
	[IOMMU_TEST_OP_CREATE_ACCESS] = mock_user_create,
	[IOMMU_TEST_OP_DESTROY_ACCESS_PAGES] = mock_user_unpin,
	[IOMMU_TEST_OP_ACCESS_PAGES] = mock_user_pin,
	[IOMMU_TEST_OP_ACCESS_RW] = mock_user_rw,
	[IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT] = test_set_temp_memory_limit,
	[IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE] = test_mock_domain_replace,
	[IOMMU_TEST_OP_ACCESS_REPLACE_IOAS] = mock_user_replace_ioas,
	[IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS] = test_mock_domain_flags,
	[IOMMU_TEST_OP_DIRTY] = test_dirty,
	[IOMMU_TEST_OP_MD_CHECK_IOTLB] = test_md_check_iotlb,
	[IOMMU_TEST_OP_TRIGGER_IOPF] = test_trigger_iopf,
	[IOMMU_TEST_OP_DEV_CHECK_CACHE] = test_dev_check_cache,
	[IOMMU_TEST_OP_TRIGGER_VEVENT] = test_trigger_vevent,
	[IOMMU_TEST_OP_PASID_ATTACH] = test_pasid_attach,
	[IOMMU_TEST_OP_PASID_REPLACE] = test_pasid_replace,
	[IOMMU_TEST_OP_PASID_DETACH] = test_pasid_detach,
	[IOMMU_TEST_OP_PASID_CHECK_HWPT] = test_pasid_check,
	[IOMMU_TEST_OP_DMABUF_GET] = selftest_dmabuf_get,
	[IOMMU_TEST_OP_DMABUF_REVOKE] = selftest_dmabuf_revoke,
};

/**
 * iommufd_test() - IOMMU_TEST_CMD
 * @ucmd: the call, struct iommu_test_cmd
 *
 * Context: may sleep.
 * Return: the new file descriptor of DMABUF_GET, 0 from the others; -EOPNOTSUPP
 * for an unknown operation and for a reserved field in use; -ENOENT for an ID
 * that is not of the kind the operation is about; else what the operation says.
 */
int iommufd_test(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 op = cmd->op;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (op == IOMMU_TEST_OP_CHECK_INVARIANTS)
		return test_check_invariants(ucmd);
	if (op == IOMMU_TEST_OP_CORRUPT)
		return test_corrupt(ucmd);
	if (op == IOMMU_TEST_OP_HOLD || op == IOMMU_TEST_OP_WAIT_HELD)
		return test_hold(ucmd);
	if (op >= ARRAY_SIZE(test_ops))
		return -EOPNOTSUPP;
	op = array_index_nospec(op, ARRAY_SIZE(test_ops));
	if (!test_ops[op])
		return -EOPNOTSUPP;
	return test_ops[op](ucmd);
}

/**
 * selftest_let_go() - Hold no thread for a context's mock devices any more
 * @ictx: the context, whose file is being released
 */
void selftest_let_go(struct iommufd_ctx *ictx)
{
	struct selftest_device *sdev;
	struct iommufd_object *obj;
	unsigned long id;

	xa_for_each(&ictx->objects, id, obj) {
		if (obj->type != IOMMUFD_OBJ_SELFTEST)
			continue;
		sdev = container_of(obj, struct selftest_device, obj);
		mock_device_hold(sdev->mdev, 0);
	}
}

/**
 * iommufd_test_init() - Provide the mock IOMMU and fault injection
 *
 * Return: 0, or what registering the mock IOMMU failed with.
 */
int __init iommufd_test_init(void)
{
	int rc;

	rc = mock_iommu_init();
	if (rc)
		return rc;
	/* Testing goes on without */
	fail_iommufd_dir = fault_create_debugfs_attr("fail_iommufd", NULL,
						     &fail_iommufd);
	debugfs_create_u32("linger_us", 0600, fail_iommufd_dir, &linger_us);
	debugfs_create_u32("stop_at_breath", 0600, fail_iommufd_dir,
			   &stop_at_breath);
	debugfs_create_atomic_t("breaths", 0600, fail_iommufd_dir, &breaths);
	return 0;
}

/**
 * iommufd_test_exit() - Undo iommufd_test_init()
 */
void iommufd_test_exit(void)
{
	debugfs_remove_recursive(fail_iommufd_dir);
	mock_iommu_exit();
}
