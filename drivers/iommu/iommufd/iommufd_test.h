/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the mock IOMMU and its test ioctl agree on with the kselftests. Neither
 * is an interface for anything else: it exists with CONFIG_IOMMUFD_TEST only,
 * and may change with the tests.
 *
 * Numbers and layouts follow the kselftests in tools/testing/selftests/iommu.
 */
#ifndef _UAPI_IOMMUFD_TEST_H
#define _UAPI_IOMMUFD_TEST_H

#include <linux/iommufd.h>
#include <linux/types.h>

/*
 * The test ioctl
 */
#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

/**
 * enum - iommu_test_cmd::op
 * @IOMMU_TEST_OP_ADD_RESERVED: reserve an IOVA range of IOAS @id
 * @IOMMU_TEST_OP_MOCK_DOMAIN: create a mock device, bind it, attach it to @id,
 *                             an IOAS or a HWPT
 * @IOMMU_TEST_OP_MD_CHECK_MAP: HWPT @id must translate a range of IOVA to the
 *                              caller's memory at uptr
 * @IOMMU_TEST_OP_MD_CHECK_REFS: the caller's memory must be pinned refs times
 * @IOMMU_TEST_OP_CREATE_ACCESS: open an in-kernel access to IOAS @id, as a file
 *                               that lets go of it when it is closed
 * @IOMMU_TEST_OP_DESTROY_ACCESS_PAGES: unpin what ACCESS_PAGES pinned; here and
 *                                      below, @id is an access file
 * @IOMMU_TEST_OP_ACCESS_PAGES: pin IOVA, compare with the caller's memory
 * @IOMMU_TEST_OP_ACCESS_RW: copy between IOVA and the caller's memory
 * @IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT: bytes of temporary memory that pinning
 *                                       may use, for all contexts
 * @IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE: move mock device @id to another HWPT
 * @IOMMU_TEST_OP_ACCESS_REPLACE_IOAS: move access file @id to another IOAS
 * @IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS: MOCK_DOMAIN with MOCK_FLAGS_DEVICE_*
 * @IOMMU_TEST_OP_DIRTY: the device "writes" to pages of HWPT @id
 * @IOMMU_TEST_OP_MD_CHECK_IOTLB: compare an IOTLB entry of nested HWPT @id
 * @IOMMU_TEST_OP_TRIGGER_IOPF: device dev_id faults
 * @IOMMU_TEST_OP_DEV_CHECK_CACHE: compare an entry of device @id's own cache
 * @IOMMU_TEST_OP_TRIGGER_VEVENT: device dev_id reports a vIOMMU event
 * @IOMMU_TEST_OP_PASID_ATTACH: attach a PASID of mock device @id
 * @IOMMU_TEST_OP_PASID_REPLACE: move a PASID of mock device @id
 * @IOMMU_TEST_OP_PASID_DETACH: detach a PASID of mock device @id
 * @IOMMU_TEST_OP_PASID_CHECK_HWPT: compare what a PASID is attached to
 * @IOMMU_TEST_OP_DMABUF_GET: export memory as a dma-buf; the result of the ioctl
 *                            is its file descriptor
 * @IOMMU_TEST_OP_DMABUF_REVOKE: revoke, or restore, access to such a dma-buf
 * @IOMMU_TEST_OP_CHECK_INVARIANTS: check all that the context consists of;
 *                                  -ENOTRECOVERABLE, and lines in the log, where
 *                                  something is not as it must be
 * @IOMMU_TEST_OP_CORRUPT: make something wrong, check, and put it right again
 * @IOMMU_TEST_OP_HOLD: hold threads that work on page requests of device dev_id,
 *                      or let them go; all are let go when it is unplugged
 * @IOMMU_TEST_OP_WAIT_HELD: wait until a thread is held
 * @IOMMU_TEST_OP_OURS: the first of these that is ours alone
 *
 * From IOMMU_TEST_OP_OURS on, operations are not those of the kernel tree's
 * kselftests.
 */
enum {
	IOMMU_TEST_OP_ADD_RESERVED = 1,
	IOMMU_TEST_OP_MOCK_DOMAIN = 2,
	IOMMU_TEST_OP_MD_CHECK_MAP = 3,
	IOMMU_TEST_OP_MD_CHECK_REFS = 4,
	IOMMU_TEST_OP_CREATE_ACCESS = 5,
	IOMMU_TEST_OP_DESTROY_ACCESS_PAGES = 6,
	IOMMU_TEST_OP_ACCESS_PAGES = 7,
	IOMMU_TEST_OP_ACCESS_RW = 8,
	IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT = 9,
	IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE = 10,
	IOMMU_TEST_OP_ACCESS_REPLACE_IOAS = 11,
	IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS = 12,
	IOMMU_TEST_OP_DIRTY = 13,
	IOMMU_TEST_OP_MD_CHECK_IOTLB = 14,
	IOMMU_TEST_OP_TRIGGER_IOPF = 15,
	IOMMU_TEST_OP_DEV_CHECK_CACHE = 16,
	IOMMU_TEST_OP_TRIGGER_VEVENT = 17,
	IOMMU_TEST_OP_PASID_ATTACH = 18,
	IOMMU_TEST_OP_PASID_REPLACE = 19,
	IOMMU_TEST_OP_PASID_DETACH = 20,
	IOMMU_TEST_OP_PASID_CHECK_HWPT = 21,
	IOMMU_TEST_OP_DMABUF_GET = 22,
	IOMMU_TEST_OP_DMABUF_REVOKE = 23,

	IOMMU_TEST_OP_OURS = 1 << 16,
	IOMMU_TEST_OP_CHECK_INVARIANTS = IOMMU_TEST_OP_OURS,
	IOMMU_TEST_OP_CORRUPT,
	IOMMU_TEST_OP_HOLD,
	IOMMU_TEST_OP_WAIT_HELD,
};

/**
 * struct iommu_test_cmd - argument of IOMMU_TEST_CMD
 * @size: sizeof(struct iommu_test_cmd)
 * @op: IOMMU_TEST_OP_*
 * @id: what it is about, see there
 * @__reserved: must be 0
 * @add_reserved: first byte and length in bytes
 * @mock_domain: IDs of the mock device, the HWPT that it was attached to, and
 *               the DEVICE object that it was bound as
 * @mock_domain_flags: the same, and MOCK_FLAGS_DEVICE_*
 * @mock_domain_replace: IOAS or HWPT; the HWPT comes back
 * @check_map: range of IOVA in bytes and the user address it must lead to
 * @check_refs: range of user memory in bytes, and the pins each page must have
 * @create_access: MOCK_FLAGS_ACCESS_CREATE_*; the file descriptor comes back
 * @destroy_access_pages: what ACCESS_PAGES returned
 * @access_pages: MOCK_FLAGS_ACCESS_*, a range of IOVA in bytes, and the user
 *                address that it must be the same memory as; an ID comes back
 * @access_rw: range of IOVA in bytes, user address, MOCK_ACCESS_RW_*
 * @memory_limit: bytes; 0 for no limit
 * @access_replace_ioas: the IOAS to move to
 * @dirty: no flags yet, a range of IOVA in bytes, the bytes that one bit of the
 *         bitmap at uptr stands for; the number of pages that the device wrote
 *         to comes back
 * @check_iotlb: index of an entry, and the value it must have
 * @trigger_iopf: DEVICE object, PASID or 0, page request group, requested
 *                access IOMMU_PGFAULT_PERM_*, faulting address
 * @check_dev_cache: index of an entry, and the value it must have
 * @trigger_vevent: DEVICE object
 * @hold: DEVICE object, MOCK_HOLD_*; WAIT_HELD takes one of them
 * @pasid_attach: PASID and the HWPT for it
 * @pasid_replace: PASID and the new HWPT for it
 * @pasid_detach: PASID
 * @pasid_check: PASID and the HWPT that it must be attached to, 0 for none
 * @dmabuf_get: size in bytes, O_CLOEXEC and access mode
 * @dmabuf_revoke: the dma-buf, and nonzero to revoke it
 * @corrupt: an IOVA of IOAS @id that an area begins at, IOMMU_TEST_CORRUPT_*;
 *           the number of violations that were noticed comes back
 * @last: ends the structure
 */
struct iommu_test_cmd {
	__u32 size;
	__u32 op;
	__u32 id;
	__u32 __reserved;
	union {
		struct {
			__aligned_u64 start;
			__aligned_u64 length;
		} add_reserved;

		/* Mock devices */
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
		} mock_domain;
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
			__u32 dev_flags;
		} mock_domain_flags;
		struct {
			__u32 pt_id;
		} mock_domain_replace;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_attach;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_replace;
		struct {
			__u32 pasid;
		} pasid_detach;
		struct {
			__u32 pasid;
			__u32 hwpt_id;
		} pasid_check;
		struct {
			__u32 dev_id;
			__u32 pasid;
			__u32 grpid;
			__u32 perm;
			__u64 addr;
		} trigger_iopf;
		struct {
			__u32 dev_id;
		} trigger_vevent;
		struct {
			__u32 id;
			__u32 cache;
		} check_dev_cache;
		struct {
			__u32 dev_id;
			__u32 points;
		} hold;

		/* What is mapped and pinned */
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} check_map;
		struct {
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 refs;
		} check_refs;
		struct {
			__u32 limit;
		} memory_limit;
		struct {
			__u32 flags;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 page_size;
			__aligned_u64 uptr;
			__aligned_u64 out_nr_dirty;
		} dirty;
		struct {
			__u32 id;
			__u32 iotlb;
		} check_iotlb;

		/* In-kernel access */
		struct {
			__u32 out_access_fd;
			__u32 flags;
		} create_access;
		struct {
			__u32 access_pages_id;
		} destroy_access_pages;
		struct {
			__u32 flags;
			__u32 out_access_pages_id;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} access_pages;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 flags;
		} access_rw;
		struct {
			__u32 ioas_id;
		} access_replace_ioas;

		/* dma-buf */
		struct {
			__u32 length;
			__u32 open_flags;
		} dmabuf_get;
		struct {
			__s32 dmabuf_fd;
			__u32 revoked;
		} dmabuf_revoke;

		/* The invariant checker */
		struct {
			__aligned_u64 iova;
			__u32 kind;
			__u32 out_violations;
		} corrupt;
	};
	__u32 last;
};

/**
 * enum - mock_domain_flags.dev_flags
 * @MOCK_FLAGS_DEVICE_NO_DIRTY: its IOMMU cannot track dirty pages
 * @MOCK_FLAGS_DEVICE_PASID: it has PASIDs, MOCK_PASID_WIDTH bits wide
 * @MOCK_FLAGS_DEVICE_SHARED: all such devices are in one IOMMU group
 * @MOCK_FLAGS_DEVICE_LATE: its IOMMU chooses the format of a domain when the
 *                          first device is attached to it
 * @MOCK_FLAGS_DEVICE_PLAIN: its IOMMU has page tables and nothing else
 * @MOCK_FLAGS_DEVICE_NO_REQUESTS: its IOMMU has everything but page requests
 * @MOCK_FLAGS_DEVICE_STRICT: its IOMMU refuses to unmap a part of an entry, as
 *                            io-pgtable-arm does; without it, the whole entry
 *                            is taken, as generic_pt does
 * @MOCK_FLAGS_DEVICE_NO_DRAIN: its driver does not wait for page requests that
 *                              are under way when it is detached
 */
enum {
	MOCK_FLAGS_DEVICE_NO_DIRTY = 1 << 0,
	MOCK_FLAGS_DEVICE_PASID = 1 << 2,
	MOCK_FLAGS_DEVICE_SHARED = 1 << 16,
	MOCK_FLAGS_DEVICE_LATE = 1 << 17,
	MOCK_FLAGS_DEVICE_PLAIN = 1 << 18,
	MOCK_FLAGS_DEVICE_NO_REQUESTS = 1 << 19,
	MOCK_FLAGS_DEVICE_NO_DRAIN = 1 << 20,
	MOCK_FLAGS_DEVICE_STRICT = 1 << 21,
};

/**
 * enum - hold.points
 * @MOCK_HOLD_RESPONSE: who answers a page request of the device
 * @MOCK_HOLD_TAKEN: who reports one, where it has left the IOMMU core's list and
 *                   is in no queue yet
 * @MOCK_HOLD_POINTS: how many there are
 */
enum {
	MOCK_HOLD_RESPONSE = 1 << 0,
	MOCK_HOLD_TAKEN = 1 << 1,
	MOCK_HOLD_POINTS = 2,
};

/**
 * enum - corrupt.kind
 * @IOMMU_TEST_CORRUPT_NOTHING: nothing is wrong
 * @IOMMU_TEST_CORRUPT_STRAY_ENTRY: the page behind the area is translated
 * @IOMMU_TEST_CORRUPT_MISSING_ENTRY: the area, one page, is not translated
 * @IOMMU_TEST_CORRUPT_WRONG_ENTRY: it leads elsewhere
 * @IOMMU_TEST_CORRUPT_WRITABLE_ENTRY: it can be written to, though read-only
 * @IOMMU_TEST_CORRUPT_PIN: its first page has one pin less
 * @IOMMU_TEST_CORRUPT_RUN: the store of runs names another page
 * @IOMMU_TEST_CORRUPT_RUN_TOTAL: it has not as many pages as it says
 * @IOMMU_TEST_CORRUPT_CLAIMS: there is a claim that is nobody's
 * @IOMMU_TEST_CORRUPT_EXTENT: an extent has more claims than it should
 * @IOMMU_TEST_CORRUPT_EXTENT_BOUND: an extent is a page longer
 * @IOMMU_TEST_CORRUPT_STORE: a store has a user that is not there
 * @IOMMU_TEST_CORRUPT_CHARGED: a page is charged that is not pinned
 * @IOMMU_TEST_CORRUPT_VM_PIN: the process has fewer pages pinned
 * @IOMMU_TEST_CORRUPT_GAP: the gap before the area is wrong
 * @IOMMU_TEST_CORRUPT_LARGEST_GAP: the largest gap below it is wrong
 * @IOMMU_TEST_CORRUPT_AREA_STATE: the area is half unmapped
 * @IOMMU_TEST_CORRUPT_AREA_START: the area shows other pages
 * @IOMMU_TEST_CORRUPT_AREA_PINS: it has a pin that is nobody's
 * @IOMMU_TEST_CORRUPT_ALIGNMENT: the areas are not aligned as they must be
 * @IOMMU_TEST_CORRUPT_PARTIAL_UNMAP: a part of its first entry was unmapped: the
 *                                    entry is gone, or the IOMMU refused to
 * @IOMMU_TEST_CORRUPT_MAX: how many there are
 */
enum {
	IOMMU_TEST_CORRUPT_NOTHING,
	IOMMU_TEST_CORRUPT_STRAY_ENTRY,
	IOMMU_TEST_CORRUPT_MISSING_ENTRY,
	IOMMU_TEST_CORRUPT_WRONG_ENTRY,
	IOMMU_TEST_CORRUPT_WRITABLE_ENTRY,
	IOMMU_TEST_CORRUPT_PIN,
	IOMMU_TEST_CORRUPT_RUN,
	IOMMU_TEST_CORRUPT_RUN_TOTAL,
	IOMMU_TEST_CORRUPT_CLAIMS,
	IOMMU_TEST_CORRUPT_EXTENT,
	IOMMU_TEST_CORRUPT_EXTENT_BOUND,
	IOMMU_TEST_CORRUPT_STORE,
	IOMMU_TEST_CORRUPT_CHARGED,
	IOMMU_TEST_CORRUPT_VM_PIN,
	IOMMU_TEST_CORRUPT_GAP,
	IOMMU_TEST_CORRUPT_LARGEST_GAP,
	IOMMU_TEST_CORRUPT_AREA_STATE,
	IOMMU_TEST_CORRUPT_AREA_START,
	IOMMU_TEST_CORRUPT_AREA_PINS,
	IOMMU_TEST_CORRUPT_ALIGNMENT,
	IOMMU_TEST_CORRUPT_PARTIAL_UNMAP,
	IOMMU_TEST_CORRUPT_MAX,
};

/**
 * enum - create_access.flags
 * @MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES: for ACCESS_PAGES; without it, the
 *                                            access can do ACCESS_RW only
 */
enum {
	MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES = 1 << 0,
};

/**
 * enum - access_pages.flags
 * @MOCK_FLAGS_ACCESS_WRITE: pin for writing
 * @MOCK_FLAGS_ACCESS_SYZ: for fuzzers, which cannot guess an IOVA; also in
 *                         access_rw.flags. The low half of iova selects one of
 *                         the mapped areas, the high half is the offset in it,
 *                         and what is pinned is not compared
 */
enum {
	MOCK_FLAGS_ACCESS_WRITE = 1 << 0,
	MOCK_FLAGS_ACCESS_SYZ = 1 << 16,
};

/**
 * enum - access_rw.flags
 * @MOCK_ACCESS_RW_WRITE: write to IOVA instead of reading it
 * @MOCK_ACCESS_RW_KTHREAD: have a kthread do it
 * @MOCK_ACCESS_RW_SLOW_PATH: pin the pages even where copying could do without
 */
enum {
	MOCK_ACCESS_RW_WRITE = 1 << 0,
	MOCK_ACCESS_RW_KTHREAD = 1 << 1,
	MOCK_ACCESS_RW_SLOW_PATH = 1 << 2,
};

/*
 * The mock IOMMU
 */

/**
 * enum - iommu_hwpt_selftest::pagetable_type
 * @MOCK_IOMMUPT_DEFAULT: every page size, IOVA in MOCK_APERTURE only
 * @MOCK_IOMMUPT_HUGE: no page is larger than MOCK_HUGE_PAGE_SIZE, wide IOVA
 */
enum {
	MOCK_IOMMUPT_DEFAULT = 0,
	MOCK_IOMMUPT_HUGE = 1,
};

/* Of MOCK_IOMMUPT_DEFAULT; the sizes are the mock page table format's */
enum {
	MOCK_PAGE_SIZE = 2048,
	MOCK_HUGE_PAGE_SIZE = 512 * MOCK_PAGE_SIZE,
	MOCK_APERTURE_START = 1UL << 24,
	MOCK_APERTURE_LAST = (1UL << 31) - 1,
};

#define MOCK_PASID_WIDTH 20

/* Can be attached and detached, but replacing what it is attached to fails */
#define IOMMU_TEST_PASID_RESERVED 1024

/* Entries of a nested domain's IOTLB and of a device's cache, and their values */
enum {
	MOCK_NESTED_DOMAIN_IOTLB_ID_MAX = 3,
	MOCK_NESTED_DOMAIN_IOTLB_NUM = 4,
};

enum {
	MOCK_DEV_CACHE_ID_MAX = 3,
	MOCK_DEV_CACHE_NUM = 4,
};

#define IOMMU_TEST_IOTLB_DEFAULT 0xbadbeef
#define IOMMU_TEST_DEV_CACHE_DEFAULT 0xbaddad

/*
 * The mock's driver-specific data. Each type is none of those in
 * <linux/iommufd.h>.
 */
#define IOMMU_HW_INFO_TYPE_SELFTEST 0xfeedbeef
#define IOMMU_HW_INFO_SELFTEST_REGVAL 0xdeadbeef

/**
 * struct iommu_test_hw_info - IOMMU_HW_INFO_TYPE_SELFTEST
 * @flags: 0
 * @test_reg: IOMMU_HW_INFO_SELFTEST_REGVAL
 */
struct iommu_test_hw_info {
	__u32 flags;
	__u32 test_reg;
};

#define IOMMU_HWPT_DATA_SELFTEST 0xdead

/**
 * struct iommu_hwpt_selftest - IOMMU_HWPT_DATA_SELFTEST
 * @iotlb: nested HWPT: what its IOTLB entries start as
 * @pagetable_type: paging HWPT: MOCK_IOMMUPT_*
 */
struct iommu_hwpt_selftest {
	__u32 iotlb;
	__u32 pagetable_type;
};

#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST 0xdeadbeef
#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID 0xdadbeef

/* Invalidation requests: every entry; the index is ignored */
enum {
	IOMMU_TEST_INVALIDATE_FLAG_ALL = 1 << 0,
};

/**
 * struct iommu_hwpt_invalidate_selftest - IOMMU_HWPT_INVALIDATE_DATA_SELFTEST
 * @flags: 0 or IOMMU_TEST_INVALIDATE_FLAG_ALL
 * @iotlb_id: the entry that becomes 0
 */
struct iommu_hwpt_invalidate_selftest {
	__u32 flags;
	__u32 iotlb_id;
};

#define IOMMU_VIOMMU_TYPE_SELFTEST 0xdeadbeef

/**
 * struct iommu_viommu_selftest - IOMMU_VIOMMU_TYPE_SELFTEST
 * @in_data: any value
 * @out_data: the same
 * @out_mmap_offset: where to mmap() a region that starts with @in_data
 * @out_mmap_length: its size in bytes
 */
struct iommu_viommu_selftest {
	__u32 in_data;
	__u32 out_data;
	__aligned_u64 out_mmap_offset;
	__aligned_u64 out_mmap_length;
};

#define IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST 0xdeadbeef
#define IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID 0xdadbeef

/**
 * struct iommu_viommu_invalidate_selftest - invalidate a device's cache through
 *                                           a vIOMMU
 *                                           (IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST)
 * @flags: 0 or IOMMU_TEST_INVALIDATE_FLAG_ALL
 * @vdev_id: the device, by its virtual ID
 * @cache_id: the entry that becomes 0
 */
struct iommu_viommu_invalidate_selftest {
	__u32 flags;
	__u32 vdev_id;
	__u32 cache_id;
};

#define IOMMU_VEVENTQ_TYPE_SELFTEST 0xbeefbeef

/**
 * struct iommu_viommu_event_selftest - IOMMU_VEVENTQ_TYPE_SELFTEST
 * @virt_id: virtual ID of the device that TRIGGER_VEVENT named
 */
struct iommu_viommu_event_selftest {
	__u32 virt_id;
};

#define IOMMU_HW_QUEUE_TYPE_SELFTEST 0xdeadbeef
#define IOMMU_TEST_HW_QUEUE_MAX 2

#endif
