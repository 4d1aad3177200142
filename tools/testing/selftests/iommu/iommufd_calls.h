/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls of /dev/iommu and of its test driver, as functions. Each returns
 * what ioctl() does, with -errno in place of -1, and takes its arguments in the
 * order: file, object, what, where.
 */
#ifndef IOMMUFD_CALLS_H
#define IOMMUFD_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../../drivers/iommu/iommufd/iommufd_test.h"

#define MAP_RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define MAP_RW_AT (MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA)
#define MAP_RO_AT (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_FIXED_IOVA)

static inline __u64 to_u64(const void *ptr)
{
	return (uintptr_t)ptr;
}

static inline int iommu_call(int fd, unsigned long request, void *cmd)
{
	int rc = ioctl(fd, request, cmd);

	return rc < 0 ? -errno : rc;
}

static inline int iommu_open(void)
{
	return open("/dev/iommu", O_RDWR | O_CLOEXEC);
}

static inline int object_destroy(int fd, __u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommu_call(fd, IOMMU_DESTROY, &cmd);
}

static inline int ioas_alloc(int fd, __u32 *id)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommu_call(fd, IOMMU_IOAS_ALLOC, &cmd);

	*id = cmd.out_ioas_id;
	return rc;
}

static inline int ioas_map(int fd, __u32 ioas, const void *va, __u64 length,
			   __u64 *iova, __u32 flags)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = to_u64(va),
		.length = length,
		.iova = *iova,
	};
	int rc = iommu_call(fd, IOMMU_IOAS_MAP, &cmd);

	*iova = cmd.iova;
	return rc;
}

static inline int ioas_map_at(int fd, __u32 ioas, const void *va, __u64 length,
			      __u64 iova)
{
	return ioas_map(fd, ioas, va, length, &iova, MAP_RW_AT);
}

static inline int ioas_map_file(int fd, __u32 ioas, int file, __u64 start,
				__u64 length, __u64 *iova, __u32 flags)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.fd = file,
		.start = start,
		.length = length,
		.iova = *iova,
	};
	int rc = iommu_call(fd, IOMMU_IOAS_MAP_FILE, &cmd);

	*iova = cmd.iova;
	return rc;
}

static inline int ioas_map_file_at(int fd, __u32 ioas, int file, __u64 start,
				   __u64 length, __u64 iova)
{
	return ioas_map_file(fd, ioas, file, start, length, &iova, MAP_RW_AT);
}

static inline int ioas_unmap_count(int fd, __u32 ioas, __u64 iova, __u64 length,
				   __u64 *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};
	int rc = iommu_call(fd, IOMMU_IOAS_UNMAP, &cmd);

	*unmapped = cmd.length;
	return rc;
}

static inline int ioas_unmap(int fd, __u32 ioas, __u64 iova, __u64 length)
{
	__u64 unmapped;

	return ioas_unmap_count(fd, ioas, iova, length, &unmapped);
}

static inline int ioas_copy(int fd, __u32 dst, __u32 src, __u64 src_iova,
			    __u64 length, __u64 *dst_iova, __u32 flags)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = length,
		.dst_iova = *dst_iova,
		.src_iova = src_iova,
	};
	int rc = iommu_call(fd, IOMMU_IOAS_COPY, &cmd);

	*dst_iova = cmd.dst_iova;
	return rc;
}

static inline int ioas_copy_at(int fd, __u32 dst, __u32 src, __u64 src_iova,
			       __u64 length, __u64 dst_iova)
{
	return ioas_copy(fd, dst, src, src_iova, length, &dst_iova, MAP_RW_AT);
}

/* *@num: in: how many fit; out: how many there are */
static inline int ioas_ranges(int fd, __u32 ioas,
			      struct iommu_iova_range *ranges, __u32 *num,
			      __u64 *alignment)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = *num,
		.allowed_iovas = to_u64(ranges),
	};
	int rc = iommu_call(fd, IOMMU_IOAS_IOVA_RANGES, &cmd);

	*num = cmd.num_iovas;
	*alignment = cmd.out_iova_alignment;
	return rc;
}

static inline int ioas_allow(int fd, __u32 ioas,
			     const struct iommu_iova_range *ranges, __u32 num)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = num,
		.allowed_iovas = to_u64(ranges),
	};

	return iommu_call(fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

static inline int ioas_change_process(int fd)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	return iommu_call(fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
}

static inline int option_call(int fd, __u32 option, __u16 op, __u32 object,
			      __u64 *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int rc = iommu_call(fd, IOMMU_OPTION, &cmd);

	*value = cmd.val64;
	return rc;
}

static inline int option_set(int fd, __u32 option, __u32 object, __u64 value)
{
	return option_call(fd, option, IOMMU_OPTION_OP_SET, object, &value);
}

static inline int option_get(int fd, __u32 option, __u32 object, __u64 *value)
{
	return option_call(fd, option, IOMMU_OPTION_OP_GET, object, value);
}

static inline int vfio_ioas(int fd, __u16 op, __u32 *ioas)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = *ioas,
		.op = op,
	};
	int rc = iommu_call(fd, IOMMU_VFIO_IOAS, &cmd);

	*ioas = cmd.ioas_id;
	return rc;
}

static inline int hwpt_alloc(int fd, __u32 dev, __u32 pt, __u32 flags,
			     __u32 *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
	};
	int rc = iommu_call(fd, IOMMU_HWPT_ALLOC, &cmd);

	*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* @pt: nesting parent or vIOMMU; the mock's kind of nested HWPT */
static inline int hwpt_alloc_nested(int fd, __u32 dev, __u32 pt, __u32 flags,
				    __u32 fault, __u32 *hwpt)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = to_u64(&data),
		.fault_id = fault,
	};
	int rc = iommu_call(fd, IOMMU_HWPT_ALLOC, &cmd);

	*hwpt = cmd.out_hwpt_id;
	return rc;
}

static inline int hwpt_set_dirty(int fd, __u32 hwpt, __u32 flags)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.hwpt_id = hwpt,
	};

	return iommu_call(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static inline int hwpt_get_dirty(int fd, __u32 hwpt, __u64 iova, __u64 length,
				 __u64 page_size, const void *bitmap,
				 __u32 flags)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = to_u64(bitmap),
	};

	return iommu_call(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

/* *@num: in: requests; out: how many were handled */
static inline int hwpt_invalidate(int fd, __u32 hwpt, __u32 type,
				  const void *requests, __u32 length,
				  __u32 *num)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = to_u64(requests),
		.data_type = type,
		.entry_len = length,
		.entry_num = *num,
	};
	int rc = iommu_call(fd, IOMMU_HWPT_INVALIDATE, &cmd);

	*num = cmd.entry_num;
	return rc;
}

static inline int fault_alloc(int fd, __u32 *id, int *file)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommu_call(fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	*id = cmd.out_fault_id;
	*file = cmd.out_fault_fd;
	return rc;
}

static inline int viommu_alloc(int fd, __u32 dev, __u32 hwpt, __u32 *viommu)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = dev,
		.hwpt_id = hwpt,
	};
	int rc = iommu_call(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	*viommu = cmd.out_viommu_id;
	return rc;
}

static inline int vdevice_alloc(int fd, __u32 viommu, __u32 dev, __u64 virt_id,
				__u32 *vdevice)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = virt_id,
	};
	int rc = iommu_call(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	*vdevice = cmd.out_vdevice_id;
	return rc;
}

static inline int veventq_alloc(int fd, __u32 viommu, __u32 type, __u32 depth,
				__u32 *id, int *file)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = iommu_call(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	*id = cmd.out_veventq_id;
	*file = cmd.out_veventq_fd;
	return rc;
}

static inline int hw_queue_alloc(int fd, __u32 viommu, __u32 index, __u64 iova,
				 __u64 length, __u32 *queue)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
		.index = index,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = iommu_call(fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	*queue = cmd.out_hw_queue_id;
	return rc;
}

/**
 * struct mock_dev - a mock device, bound and attached
 * @id: destroy it to unplug the device
 * @hwpt: what it is attached to
 * @idev: the DEVICE object
 */
struct mock_dev {
	__u32 id;
	__u32 hwpt;
	__u32 idev;
};

static inline int test_call(int fd, __u32 op, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	return iommu_call(fd, IOMMU_TEST_CMD, cmd);
}

static inline int mock_attach_flags(int fd, __u32 pt, __u32 flags,
				    struct mock_dev *dev)
{
	struct iommu_test_cmd cmd = {
		.id = pt,
		.mock_domain_flags.dev_flags = flags,
	};
	int rc = test_call(fd, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, &cmd);

	dev->id = cmd.mock_domain_flags.out_stdev_id;
	dev->hwpt = cmd.mock_domain_flags.out_hwpt_id;
	dev->idev = cmd.mock_domain_flags.out_idev_id;
	return rc;
}

static inline int mock_attach(int fd, __u32 pt, struct mock_dev *dev)
{
	return mock_attach_flags(fd, pt, 0, dev);
}

/* @dev->hwpt follows */
static inline int mock_replace(int fd, struct mock_dev *dev, __u32 pt)
{
	struct iommu_test_cmd cmd = {
		.id = dev->id,
		.mock_domain_replace.pt_id = pt,
	};
	int rc = test_call(fd, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);

	if (!rc)
		dev->hwpt = cmd.mock_domain_replace.pt_id;
	return rc;
}

static inline int mock_pasid_attach(int fd, __u32 dev, __u32 pasid, __u32 pt)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_attach = { .pasid = pasid, .pt_id = pt },
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_ATTACH, &cmd);
}

static inline int mock_reserve(int fd, __u32 ioas, __u64 start, __u64 length)
{
	struct iommu_test_cmd cmd = {
		.id = ioas,
		.add_reserved = { .start = start, .length = length },
	};

	return test_call(fd, IOMMU_TEST_OP_ADD_RESERVED, &cmd);
}

/* 0 where the IO page table leads to the memory at @va, -EINVAL where not */
static inline int mock_check_map(int fd, __u32 hwpt, __u64 iova, const void *va,
				 __u64 length)
{
	struct iommu_test_cmd cmd = {
		.id = hwpt,
		.check_map = {
			.iova = iova,
			.length = length,
			.uptr = to_u64(va),
		},
	};

	return test_call(fd, IOMMU_TEST_OP_MD_CHECK_MAP, &cmd);
}

/* 0 where every page at @va is pinned @refs times, -EIO where not */
static inline int mock_check_refs(int fd, const void *va, __u64 length,
				  __u32 refs)
{
	struct iommu_test_cmd cmd = {
		.check_refs = {
			.length = length,
			.uptr = to_u64(va),
			.refs = refs,
		},
	};

	return test_call(fd, IOMMU_TEST_OP_MD_CHECK_REFS, &cmd);
}

/* The device "writes": @bitmap has a bit per @page_size bytes from @iova on */
static inline int mock_write(int fd, __u32 hwpt, __u64 iova, __u64 length,
			     __u64 page_size, const void *bitmap)
{
	struct iommu_test_cmd cmd = {
		.id = hwpt,
		.dirty = {
			.iova = iova,
			.length = length,
			.page_size = page_size,
			.uptr = to_u64(bitmap),
		},
	};

	return test_call(fd, IOMMU_TEST_OP_DIRTY, &cmd);
}

static inline int mock_check_iotlb(int fd, __u32 hwpt, __u32 entry, __u32 value)
{
	struct iommu_test_cmd cmd = {
		.id = hwpt,
		.check_iotlb = { .id = entry, .iotlb = value },
	};

	return test_call(fd, IOMMU_TEST_OP_MD_CHECK_IOTLB, &cmd);
}

static inline int mock_fault(int fd, __u32 idev, __u32 group, __u64 addr)
{
	struct iommu_test_cmd cmd = {
		.trigger_iopf = {
			.dev_id = idev,
			.grpid = group,
			.perm = IOMMU_PGFAULT_PERM_READ,
			.addr = addr,
		},
	};

	return test_call(fd, IOMMU_TEST_OP_TRIGGER_IOPF, &cmd);
}

static inline int mock_fault_pasid(int fd, __u32 idev, __u32 pasid, __u32 group)
{
	struct iommu_test_cmd cmd = {
		.trigger_iopf = {
			.dev_id = idev,
			.pasid = pasid,
			.grpid = group,
			.perm = IOMMU_PGFAULT_PERM_READ,
		},
	};

	return test_call(fd, IOMMU_TEST_OP_TRIGGER_IOPF, &cmd);
}

/* Hold who works on page requests of the device at @points, and nowhere else */
static inline int mock_hold(int fd, __u32 idev, __u32 points)
{
	struct iommu_test_cmd cmd = {
		.hold = { .dev_id = idev, .points = points },
	};

	return test_call(fd, IOMMU_TEST_OP_HOLD, &cmd);
}

static inline int mock_wait_held(int fd, __u32 idev, __u32 point)
{
	struct iommu_test_cmd cmd = {
		.hold = { .dev_id = idev, .points = point },
	};

	return test_call(fd, IOMMU_TEST_OP_WAIT_HELD, &cmd);
}

static inline int mock_pasid_detach(int fd, __u32 dev, __u32 pasid)
{
	struct iommu_test_cmd cmd = {
		.id = dev,
		.pasid_detach.pasid = pasid,
	};

	return test_call(fd, IOMMU_TEST_OP_PASID_DETACH, &cmd);
}

static inline int mock_vevent(int fd, __u32 idev)
{
	struct iommu_test_cmd cmd = { .trigger_vevent.dev_id = idev };

	return test_call(fd, IOMMU_TEST_OP_TRIGGER_VEVENT, &cmd);
}

/* 0, or -ENOTRECOVERABLE where the context is not as it must be */
static inline int check_invariants(int fd)
{
	struct iommu_test_cmd cmd = {};

	return test_call(fd, IOMMU_TEST_OP_CHECK_INVARIANTS, &cmd);
}

/* How many violations are noticed while something is wrong */
static inline int check_corrupted(int fd, __u32 ioas, __u64 iova, __u32 kind,
				  __u32 *violations)
{
	struct iommu_test_cmd cmd = {
		.id = ioas,
		.corrupt = { .iova = iova, .kind = kind },
	};
	int rc = test_call(fd, IOMMU_TEST_OP_CORRUPT, &cmd);

	*violations = cmd.corrupt.out_violations;
	return rc;
}

/* @access is a file descriptor; close it to end the access */
static inline int access_create(int fd, __u32 ioas, __u32 flags, int *access)
{
	struct iommu_test_cmd cmd = {
		.id = ioas,
		.create_access.flags = flags,
	};
	int rc = test_call(fd, IOMMU_TEST_OP_CREATE_ACCESS, &cmd);

	*access = cmd.create_access.out_access_fd;
	return rc;
}

static inline int access_rw(int fd, int access, __u64 iova, void *data,
			    __u64 length, __u32 flags)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.access_rw = {
			.iova = iova,
			.length = length,
			.uptr = to_u64(data),
			.flags = flags,
		},
	};

	return test_call(fd, IOMMU_TEST_OP_ACCESS_RW, &cmd);
}

static inline int access_pin(int fd, int access, __u64 iova, const void *va,
			     __u64 length, __u32 *pin)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.access_pages = {
			.flags = MOCK_FLAGS_ACCESS_WRITE,
			.iova = iova,
			.length = length,
			.uptr = to_u64(va),
		},
	};
	int rc = test_call(fd, IOMMU_TEST_OP_ACCESS_PAGES, &cmd);

	*pin = cmd.access_pages.out_access_pages_id;
	return rc;
}

static inline int access_unpin(int fd, int access, __u32 pin)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.destroy_access_pages.access_pages_id = pin,
	};

	return test_call(fd, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd);
}

static inline int access_move(int fd, int access, __u32 ioas)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.access_replace_ioas.ioas_id = ioas,
	};

	return test_call(fd, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd);
}

#endif
