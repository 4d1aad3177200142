// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests of mock devices.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../iommu-priv.h"
#include "selftest.h"

/**
 * DOC: The mock's page requests
 *
 * A page request comes as it does from hardware: on a thread of the IOMMU's, one
 * after the other, under a lock that all devices share (VT-d: iopf_lock, SMMUv3:
 * streams_mutex), and with nothing of iommufd's held, neither a lock nor a
 * reference. The call that has a device send one only waits for the thread.
 *
 * What hardware does: a device sends requests only with a PASID (or none) that
 * is attached to a domain that takes them, and expects exactly one answer for
 * each. Attaching it to something else stops them, and waits for the thread
 * (mock_requests_switch()), but for a device with MOCK_FLAGS_DEVICE_NO_DRAIN,
 * whose driver does not.
 *
 * A test can hold a thread at certain points, and let others go on meanwhile:
 * before an answer reaches the device, and between the IOMMU core and the fault
 * queue.
 *
 * Locking: report_lock protects mock_device::domains, and is held while the core
 * works on a request. It nests inside the core's group mutex.
 */

static DEFINE_MUTEX(report_lock);
static struct workqueue_struct *report_thread;

/**
 * struct mock_report - a page request on its way
 * @work: on report_thread
 * @mdev: who sends it, a reference on its device
 * @event: the request
 * @done: the IOMMU core has seen it
 * @rc: what it said
 * @users: the thread, and who waits
 */
struct mock_report {
	struct work_struct work;
	struct mock_device *mdev;
	struct iopf_fault event;
	struct completion done;
	int rc;
	refcount_t users;
};

static void report_put(struct mock_report *report)
{
	if (!refcount_dec_and_test(&report->users))
		return;
	put_device(&report->mdev->dev);
	kfree(report);
}

/* Where a nested domain is attached without a PASID, it has all the others */
static bool device_sends(struct mock_device *mdev, u32 pasid)
{
	struct iommu_domain *domain = xa_load(&mdev->domains, pasid);

	lockdep_assert_held(&report_lock);

	if (!domain && pasid != IOMMU_NO_PASID) {
		domain = xa_load(&mdev->domains, IOMMU_NO_PASID);
		if (domain && domain->type != IOMMU_DOMAIN_NESTED)
			domain = NULL;
	}
	return domain && domain->iopf_handler;
}

static void report_work(struct work_struct *work)
{
	struct mock_report *report =
		container_of(work, struct mock_report, work);
	struct mock_device *mdev = report->mdev;

	scoped_guard(mutex, &report_lock) {
		if (device_sends(mdev, report->event.fault.prm.pasid)) {
			atomic_inc(&mdev->requests);
			report->rc = iommu_report_device_fault(&mdev->dev,
							       &report->event);
		} else {
			report->rc = -EINVAL;
		}
	}
	complete(&report->done);
	report_put(report);
}

/**
 * mock_device_fault() - A device asks for a page
 * @mdev: device that the caller has a reference on
 * @pasid: PASID that it does so with, or IOMMU_NO_PASID
 * @grpid: page request group
 * @perm: IOMMU_PGFAULT_PERM_*
 * @addr: faulting address
 *
 * Context: may sleep; waits for the thread that reports it, killable.
 * Return: 0 if somebody takes it, -EINVAL where nobody does, -ENOMEM; -EINTR
 * where the caller is killed: then the request goes its way.
 */
int mock_device_fault(struct mock_device *mdev, u32 pasid, u32 grpid, u32 perm,
		      u64 addr)
{
	struct mock_report *report;
	int rc;

	report = kzalloc_obj(*report);
	if (!report)
		return -ENOMEM;
	report->event.fault = (struct iommu_fault){
		.type = IOMMU_FAULT_PAGE_REQ,
		.prm = {
			.flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
			.pasid = pasid,
			.grpid = grpid,
			.perm = perm,
			.addr = addr,
		},
	};
	if (pasid != IOMMU_NO_PASID)
		report->event.fault.prm.flags |=
			IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	INIT_WORK(&report->work, report_work);
	init_completion(&report->done);
	refcount_set(&report->users, 2);
	get_device(&mdev->dev);
	report->mdev = mdev;

	queue_work(report_thread, &report->work);
	rc = wait_for_completion_killable(&report->done) ? -EINTR : report->rc;
	report_put(report);
	return rc;
}

/**
 * mock_requests_prepare() - Make room for mock_requests_switch()
 * @mdev: device
 * @pasid: PASID, or IOMMU_NO_PASID
 * @domain: the domain that it is about to be attached to
 *
 * Context: the IOMMU core's group mutex is held; may sleep.
 * Return: 0 or -ENOMEM, which where @domain blocks it cannot be.
 */
int mock_requests_prepare(struct mock_device *mdev, ioasid_t pasid,
			  struct iommu_domain *domain)
{
	if (domain->type == IOMMU_DOMAIN_BLOCKED)
		return 0;
	return xa_reserve(&mdev->domains, pasid, GFP_KERNEL);
}

/**
 * mock_requests_switch() - Page requests go to another domain's handler
 * @mdev: device
 * @pasid: PASID, or IOMMU_NO_PASID
 * @domain: the domain that it is attached to now
 *
 * When it returns, none of the requests for the former domain is under way:
 * a device whose driver waits for them has none that the IOMMU core works on.
 *
 * Context: the IOMMU core's group mutex is held; may sleep.
 */
void mock_requests_switch(struct mock_device *mdev, ioasid_t pasid,
			  struct iommu_domain *domain)
{
	bool drain = !(mdev->flags & MOCK_FLAGS_DEVICE_NO_DRAIN);

	if (drain)
		mutex_lock(&report_lock);
	if (domain->type == IOMMU_DOMAIN_BLOCKED)
		xa_erase(&mdev->domains, pasid);
	else
		WARN_ON(xa_is_err(xa_store(&mdev->domains, pasid, domain,
					   GFP_KERNEL)));
	if (drain)
		mutex_unlock(&report_lock);
}

/*
 * Points that a thread can be held at
 */

static bool is_held(struct mock_device *mdev, u32 point)
{
	return READ_ONCE(mdev->hold) & point;
}

/* A process that ends is not held: its files are to be closed */
static void hold_here(struct mock_device *mdev, u32 point)
{
	atomic_t *waiting = &mdev->waiting[ilog2(point)];

	if (!is_held(mdev, point) || current->flags & PF_EXITING)
		return;
	atomic_inc(waiting);
	wake_up_all(&mdev->hold_wait);
	if (current->flags & PF_WQ_WORKER)
		wait_event(mdev->hold_wait, !is_held(mdev, point));
	else
		wait_event_killable(mdev->hold_wait, !is_held(mdev, point));
	atomic_dec(waiting);
}

/**
 * mock_device_hold() - Hold threads that work on a device's page requests
 * @mdev: device
 * @points: MOCK_HOLD_*, all others are let go
 */
void mock_device_hold(struct mock_device *mdev, u32 points)
{
	WRITE_ONCE(mdev->hold, points);
	wake_up_all(&mdev->hold_wait);
}

/**
 * mock_device_wait_held() - Wait until a thread is held
 * @mdev: device that the caller has a reference on
 * @point: one of MOCK_HOLD_*
 *
 * Context: may sleep.
 * Return: 0, or -EINTR where the caller is killed.
 */
int mock_device_wait_held(struct mock_device *mdev, u32 point)
{
	atomic_t *waiting = &mdev->waiting[ilog2(point)];

	return wait_event_killable(mdev->hold_wait, atomic_read(waiting)) ?
		       -EINTR : 0;
}

/**
 * iommufd_test_fault_taken() - A request has left the IOMMU core's list
 * @dev: who sent it
 */
void iommufd_test_fault_taken(struct device *dev)
{
	if (iommufd_test_is_mock_dev(dev))
		hold_here(to_mock_device(dev), MOCK_HOLD_TAKEN);
}

/**
 * mock_page_response() - The IOMMU driver's page_response op
 * @dev: mock device
 * @fault: the request
 * @response: the answer
 *
 * Context: may sleep, as drivers do until their hardware took it.
 */
void mock_page_response(struct device *dev, struct iopf_fault *fault,
			struct iommu_page_response *response)
{
	struct mock_device *mdev = to_mock_device(dev);

	might_sleep();
	hold_here(mdev, MOCK_HOLD_RESPONSE);
	atomic_dec(&mdev->requests);
}

/**
 * mock_requests_end() - A device is unplugged
 * @mdev: device that nothing is attached to
 *
 * Context: may sleep.
 */
void mock_requests_end(struct mock_device *mdev)
{
	int requests;

	mock_device_hold(mdev, 0);
	/* What is on its way still finds that the device sends none any more */
	flush_workqueue(report_thread);
	requests = atomic_read(&mdev->requests);
	if (requests)
		pr_err("iommufd: invariant violated: %s has %d more page requests than answers\n",
		       dev_name(&mdev->dev), requests);
}

/**
 * mock_requests_init() - Provide the thread that reports page requests
 *
 * Return: 0 or -ENOMEM.
 */
int __init mock_requests_init(void)
{
	report_thread = alloc_ordered_workqueue("iommufd_mock_prq", 0);
	return report_thread ? 0 : -ENOMEM;
}

/**
 * mock_requests_exit() - Undo mock_requests_init()
 */
void mock_requests_exit(void)
{
	destroy_workqueue(report_thread);
}
