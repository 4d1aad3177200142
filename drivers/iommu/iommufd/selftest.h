/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU and the test ioctl, CONFIG_IOMMUFD_TEST.
 */
#ifndef __IOMMUFD_SELFTEST_H
#define __IOMMUFD_SELFTEST_H

#include <linux/device.h>
#include <linux/generic_pt/iommu.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "iommufd_private.h"
#include "iommufd_test.h"

/* Handlers of IOMMU_TEST_CMD refuse to work on more bytes than this at a time */
#define SELFTEST_MAX_BYTES SZ_16M

/*
 * A power of two of pages, more than one: a mmap() of half of what a vIOMMU
 * offers must be something that userspace can ask for.
 */
#define GUEST_SHARED_ORDER 1

struct iommu_user_data;
struct guest_iommu;

/**
 * struct mock_domain - a paging domain: one of the tree's generic page tables
 * @domain: the IOMMU core's view of @iommu
 * @iommu: generic_pt's view
 * @amdv1: the page table
 * @walk_lock: held for read by whoever walks the page table without owning a
 *             mapping in it; tables are freed behind it
 * @dirty_tracking: writes are recorded; written by set_dirty_tracking()
 * @table_ops: operations of a page table that refuses to unmap parts of entries
 * @loose_ops: those that it does the rest by
 * @refused: how often it refused
 */
struct mock_domain {
	union {
		struct iommu_domain domain;
		struct pt_iommu iommu;
		struct pt_iommu_amdv1 amdv1;
	};
	rwlock_t walk_lock;
	bool dirty_tracking;
	struct pt_iommu_ops table_ops;
	const struct pt_iommu_ops *loose_ops;
	atomic_t refused;
};

PT_IOMMU_CHECK_DOMAIN(struct mock_domain, iommu, domain);
PT_IOMMU_CHECK_DOMAIN(struct mock_domain, amdv1.iommu, domain);

/**
 * struct guest_domain - a domain whose page table userspace would own
 * @domain: base
 * @viommu: the vIOMMU it was made from, or NULL
 * @iotlb: "cached translations": userspace sets them all at allocation, and an
 *         invalidation makes them 0
 */
struct guest_domain {
	struct iommu_domain domain;
	struct guest_iommu *viommu;
	u32 iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM];
};

/**
 * struct mock_device - a device on the mock bus
 * @dev: base; the device is freed with its last reference
 * @index: number in its name
 * @flags: MOCK_FLAGS_DEVICE_*
 * @iopf_domains: how many domains that it is attached to take page faults; under
 *                the IOMMU core's group mutex
 * @domains: what it is attached to, by PASID, but for what blocks it; changes
 *           under the group mutex, and protected by who reports page requests
 * @requests: page requests without an answer yet
 * @hold: MOCK_HOLD_* that threads are held at
 * @waiting: how many are, by number of the bit
 * @hold_wait: where they wait, and who waits for them
 * @vevent_lock: protects @viommu and @virt_id
 * @viommu: the vIOMMU that its RID is attached to a nested domain of, or NULL
 * @virt_id: what it is called there
 * @cache: its own "cache", which a vIOMMU invalidates
 */
struct mock_device {
	struct device dev;
	int index;
	u32 flags;
	unsigned int iopf_domains;

	struct xarray domains;
	atomic_t requests;
	u32 hold;
	atomic_t waiting[MOCK_HOLD_POINTS];
	wait_queue_head_t hold_wait;

	struct rw_semaphore vevent_lock;
	struct guest_iommu *viommu;
	unsigned long virt_id;

	u32 cache[MOCK_DEV_CACHE_NUM];
};

static inline struct mock_device *to_mock_device(struct device *dev)
{
	return container_of(dev, struct mock_device, dev);
}

/* selftest.c */
void selftest_let_go(struct iommufd_ctx *ictx);

/* selftest_iommu.c */
int __init mock_iommu_init(void);
void mock_iommu_exit(void);
struct mock_device *mock_device_create(u32 flags);
void mock_device_destroy(struct mock_device *mdev);
struct mock_domain *mock_paging_domain(struct iommu_domain *domain);
phys_addr_t mock_domain_phys(struct mock_domain *mock, unsigned long iova);
int mock_domain_write(struct mock_domain *mock, unsigned long iova);
int mock_attach_rid(struct mock_device *mdev, struct iommu_domain *domain,
		    struct iommu_domain *old, struct guest_iommu *viommu,
		    unsigned long virt_id);
int mock_attach_pasid(struct mock_device *mdev, ioasid_t pasid,
		      struct iommu_domain *domain, struct iommu_domain *old);

/* selftest_fault.c */
int __init mock_requests_init(void);
void mock_requests_exit(void);
int mock_requests_prepare(struct mock_device *mdev, ioasid_t pasid,
			  struct iommu_domain *domain);
void mock_requests_switch(struct mock_device *mdev, ioasid_t pasid,
			  struct iommu_domain *domain);
void mock_requests_end(struct mock_device *mdev);
void mock_page_response(struct device *dev, struct iopf_fault *fault,
			struct iommu_page_response *response);
int mock_device_fault(struct mock_device *mdev, u32 pasid, u32 grpid, u32 perm,
		      u64 addr);
void mock_device_hold(struct mock_device *mdev, u32 points);
int mock_device_wait_held(struct mock_device *mdev, u32 point);

/* selftest_viommu.c */
struct guest_domain *to_guest_domain(struct iommu_domain *domain);
struct iommu_domain *
guest_domain_alloc(struct device *dev, struct iommu_domain *parent, u32 flags,
		   const struct iommu_user_data *user_data);
size_t guest_iommu_size(struct device *dev, enum iommu_viommu_type type);
int guest_iommu_init(struct iommufd_viommu *base, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data);
int guest_device_event(struct mock_device *mdev);

/* selftest_access.c */
int mock_user_create(struct iommufd_ucmd *ucmd);
int mock_user_replace_ioas(struct iommufd_ucmd *ucmd);
int mock_user_pin(struct iommufd_ucmd *ucmd);
int mock_user_unpin(struct iommufd_ucmd *ucmd);
int mock_user_rw(struct iommufd_ucmd *ucmd);

/* selftest_dmabuf.c */
int selftest_dmabuf_get(struct iommufd_ucmd *ucmd);
int selftest_dmabuf_revoke(struct iommufd_ucmd *ucmd);
#endif
