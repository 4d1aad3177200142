// SPDX-License-Identifier: GPL-2.0-only
/*
 * One call after the other, by one thread: what is refused, with which errno, and what
 * a call that is not has done. The kselftests show more; this takes no time.
 */
#include "env.h"
#include "iommufd_private.h"

enum scene {
	/* Both devices are in one group */
	ONE_GROUP = 1,
};

static struct iommufd_device *idev[2];
static struct iommufd_access *access;
static u32 ioas, dev_id[2];

#define DUE(due, call)							\
do {									\
	long __rc = (call);						\
									\
	IL_ASSERT(__rc == (due), #call " = %ld, and not %ld", __rc,	\
		  (long)(due));						\
} while (0)

#define MAP	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
		 IOMMU_IOAS_MAP_WRITEABLE)

static int do_map(struct iommu_ioas_map map, u32 flags)
{
	map.size = sizeof(map);
	map.ioas_id = map.ioas_id ?: ioas;
	map.flags = flags;
	map.user_va = P(20);
	return env_ioctl(IOMMU_IOAS_MAP, &map);
}

static void map(void)
{
	struct iommu_ioas_map one = { .iova = P(4), .length = P(1) };
	struct iommu_ioas_map bad = one;

	DUE(-EOPNOTSUPP, do_map(one, MAP | 1U << 31));
	DUE(-EINVAL, do_map(one, IOMMU_IOAS_MAP_FIXED_IOVA));
	bad.__reserved = 1;
	DUE(-EOPNOTSUPP, do_map(bad, MAP));
	bad = one;
	bad.ioas_id = 999;
	DUE(-ENOENT, do_map(bad, MAP));
	bad = one;
	bad.length = 0;
	DUE(-EINVAL, do_map(bad, MAP));
	bad.length = P(2);
	bad.iova = -P(1);
	DUE(-EOVERFLOW, do_map(bad, MAP));
	DUE(0, do_map(one, MAP));
	DUE(-EEXIST, do_map(one, MAP));
	DUE(0, env_unmap(ioas, 4, 1));
	DUE(-ENOENT, env_unmap(ioas, 4, 1));
	DUE(-EINVAL, env_unmap(ioas, 4, 0));
	DUE(-ENOENT, env_unmap(999, 4, 1));
}

static int get_ranges(struct iommu_ioas_iova_ranges *cmd, u32 room,
		      struct iommu_iova_range *ranges)
{
	cmd->size = sizeof(*cmd);
	cmd->ioas_id = cmd->ioas_id ?: ioas;
	cmd->num_iovas = room;
	cmd->allowed_iovas = (uintptr_t)ranges;
	return env_ioctl(IOMMU_IOAS_IOVA_RANGES, cmd);
}

static int allow(struct iommu_ioas_allow_iovas cmd)
{
	cmd.size = sizeof(cmd);
	cmd.ioas_id = cmd.ioas_id ?: ioas;
	return env_ioctl(IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

#define ALLOW(...)	allow((struct iommu_ioas_allow_iovas){ __VA_ARGS__ })

static void iova_ranges(void)
{
	struct iommu_iova_range range[2] = {}, upside_down = { .start = 1 };
	struct iommu_iova_range twice[2] = { { 0, P(1) }, { P(1), P(2) } };
	struct iommu_ioas_iova_ranges cmd = { .__reserved = 1 };
	u64 at = (uintptr_t)range;

	DUE(-EOPNOTSUPP, get_ranges(&cmd, 1, range));
	cmd = (struct iommu_ioas_iova_ranges){ .ioas_id = 999 };
	DUE(-ENOENT, get_ranges(&cmd, 1, range));
	cmd = (struct iommu_ioas_iova_ranges){};
	DUE(-EMSGSIZE, get_ranges(&cmd, 0, NULL));
	IL_ASSERT(cmd.num_iovas == 1, "%u ranges", cmd.num_iovas);
	DUE(0, get_ranges(&cmd, 2, range));
	IL_ASSERT(cmd.num_iovas == 1 && cmd.out_iova_alignment == 1 &&
		  !range[0].start && range[0].last == ULONG_MAX,
		  "%u ranges, 0x%llx-0x%llx", cmd.num_iovas, range[0].start,
		  range[0].last);

	DUE(-EOPNOTSUPP, ALLOW(.__reserved = 1));
	DUE(-ENOENT, ALLOW(.ioas_id = 999));
	DUE(-EINVAL, ALLOW(.num_iovas = 1, .allowed_iovas = (uintptr_t)&upside_down));
	DUE(-EINVAL, ALLOW(.num_iovas = 2, .allowed_iovas = (uintptr_t)twice));
	DUE(0, ALLOW(.num_iovas = 1, .allowed_iovas = at));
	DUE(0, ALLOW(.num_iovas = 0));
}

static void rw_and_pin(void)
{
	struct iommu_ioas_map one = { .iova = P(4), .length = P(1) };
	struct page *page;
	u8 byte = 1;

	DUE(-ENOENT, iommufd_access_rw(access, P(4), &byte, 1, 0));
	DUE(-ENOENT, iommufd_access_pin_pages(access, P(4), P(1), &page, 0));
	DUE(0, iommufd_access_attach(access, ioas));
	DUE(-EINVAL, iommufd_access_attach(access, ioas));
	DUE(-ENOENT, iommufd_access_rw(access, P(4), &byte, 1, 0));
	DUE(-EINVAL, iommufd_access_rw(access, P(4), &byte, 0, 0));
	DUE(0, do_map(one, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE));
	DUE(-EPERM, iommufd_access_rw(access, P(4), &byte, 1,
				      IOMMUFD_ACCESS_RW_WRITE));
	DUE(-EINVAL, iommufd_access_pin_pages(access, P(4), P(1), &page,
					      IOMMUFD_ACCESS_RW_KTHREAD));
	DUE(-EPERM, iommufd_access_pin_pages(access, P(4), P(1), &page,
					     IOMMUFD_ACCESS_RW_WRITE));
	DUE(-EINVAL, iommufd_access_pin_pages(access, P(4), P(1) - 1, &page, 0));
	DUE(0, iommufd_access_pin_pages(access, P(4), P(1), &page, 0));
	iommufd_access_unpin_pages(access, P(4), P(1));
	DUE(0, env_unmap(ioas, 4, 1));
	DUE(0, do_map(one, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE));
	DUE(-EPERM, iommufd_access_rw(access, P(4), &byte, 1, 0));
	DUE(-ENOENT, iommufd_access_replace(access, 999));
	iommufd_access_detach(access);
	DUE(-ENOENT, iommufd_access_rw(access, P(4), &byte, 1, 0));
}

/* An area that is aligned to a byte keeps out who pins pages, and nothing is left of him */
static void access_refused(void)
{
	struct iommu_ioas_map odd = { .iova = P(4) + 1, .length = 16 };
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.length = U64_MAX,
	};
	u32 other = env_ioas_alloc();

	odd.ioas_id = other;
	unmap.ioas_id = other;
	DUE(0, do_map(odd, MAP));
	DUE(-EADDRINUSE, iommufd_access_attach(access, other));
	DUE(0, env_ioctl(IOMMU_IOAS_UNMAP, &unmap));
	IL_ASSERT(unmap.length == 16, "%llu bytes are unmapped", unmap.length);
	DUE(0, iommufd_access_attach(access, other));
	DUE(-EINVAL, do_map(odd, MAP));
	DUE(-EBUSY, env_destroy(other));
	iommufd_access_detach(access);
	DUE(0, env_destroy(other));
}

static int get_pa(struct iommu_ioas_noiommu_get_pa cmd)
{
	cmd.size = sizeof(cmd);
	cmd.ioas_id = cmd.ioas_id ?: ioas;
	return env_ioctl(IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);
}

static void noiommu_get_pa(void)
{
	struct iommu_ioas_noiommu_get_pa cmd = { .iova = P(0), .length = 1 };
	struct iommu_ioas_noiommu_get_pa bad = cmd;
	bool capable = current->capable;

	bad.flags = 1;
	DUE(-EOPNOTSUPP, get_pa(bad));
	bad.flags = 0;
	bad.__reserved = 1;
	DUE(-EOPNOTSUPP, get_pa(bad));
	current->capable = false;
	DUE(-EPERM, get_pa(cmd));
	current->capable = true;
	bad = cmd;
	bad.length = 0;
	DUE(-EINVAL, get_pa(bad));
	bad = cmd;
	bad.ioas_id = 999;
	DUE(-ENOENT, get_pa(bad));
	/* Mapped it is, and even in a domain, but of a device with an IOMMU */
	DUE(0, env_map(ioas, 0, 1, 20));
	DUE(-EOPNOTSUPP, get_pa(cmd));
	current->capable = capable;
}

static int do_alloc(struct iommu_hwpt_alloc cmd)
{
	cmd.size = sizeof(cmd);
	cmd.dev_id = cmd.dev_id ?: dev_id[0];
	cmd.pt_id = cmd.pt_id ?: ioas;
	return env_ioctl(IOMMU_HWPT_ALLOC, &cmd);
}

#define ALLOC(...)	do_alloc((struct iommu_hwpt_alloc){ __VA_ARGS__ })

static void hwpt_alloc(void)
{
	u64 data = 0;

	DUE(-EOPNOTSUPP, ALLOC(.flags = 1U << 31));
	DUE(-EOPNOTSUPP, ALLOC(.__reserved = 1));
	DUE(-EOPNOTSUPP, ALLOC(.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
					IOMMU_HWPT_FAULT_ID_VALID));
	DUE(-EINVAL, ALLOC(.data_len = 8));
	DUE(-EINVAL, ALLOC(.data_type = 1));
	DUE(-E2BIG, ALLOC(.data_type = 1, .data_len = P(1) + 1,
			  .data_uptr = (uintptr_t)&data));
	DUE(-ENOENT, ALLOC(.dev_id = 999));
	DUE(-EINVAL, ALLOC(.pt_id = 999));
	DUE(-ENOENT, ALLOC(.flags = IOMMU_HWPT_FAULT_ID_VALID, .fault_id = 999));
	DUE(0, ALLOC());
}

static int do_invalidate(struct iommu_hwpt_invalidate cmd)
{
	int rc;

	cmd.size = sizeof(cmd);
	rc = env_ioctl(IOMMU_HWPT_INVALIDATE, &cmd);
	IL_ASSERT(!cmd.entry_num, "%u invalidations are done", cmd.entry_num);
	return rc;
}

#define INVALIDATE(...)							\
	do_invalidate((struct iommu_hwpt_invalidate){ __VA_ARGS__ })

/* An ID that there is not is looked at last */
static void hwpt_invalidate(void)
{
	u64 entry = 0, at = (uintptr_t)&entry;

	DUE(-EOPNOTSUPP, INVALIDATE(.__reserved = 1, .hwpt_id = 999));
	DUE(-EINVAL, INVALIDATE(.entry_num = 1, .entry_len = 8, .hwpt_id = 999));
	DUE(-EINVAL, INVALIDATE(.entry_num = 1, .data_uptr = at, .hwpt_id = 999));
	DUE(-EINVAL, INVALIDATE(.entry_num = 1, .data_uptr = at,
				.entry_len = U32_MAX, .hwpt_id = 999));
	DUE(-EINVAL, INVALIDATE(.entry_num = U32_MAX, .data_uptr = at,
				.entry_len = 8, .hwpt_id = 999));
	DUE(-ENOENT, INVALIDATE(.entry_num = 1, .data_uptr = at,
				.entry_len = 8, .hwpt_id = 999));
	DUE(-ENOENT, INVALIDATE(.hwpt_id = 999));
	DUE(-EINVAL, INVALIDATE(.hwpt_id = ioas));
}

static int attach(int n, ioasid_t pasid, u32 id)
{
	return iommufd_device_attach(idev[n], pasid, &id);
}

static int replace(int n, ioasid_t pasid, u32 id)
{
	return iommufd_device_replace(idev[n], pasid, &id);
}

static void devices(void)
{
	u32 rid, pasid, other = env_ioas_alloc(), id = ioas;

	DUE(-ENOENT, attach(0, IOMMU_NO_PASID, 999));
	DUE(-EINVAL, attach(0, IOMMU_NO_PASID, dev_id[0]));
	DUE(-EINVAL, replace(0, IOMMU_NO_PASID, ioas));
	DUE(0, iommufd_device_attach(idev[0], IOMMU_NO_PASID, &id));
	IL_ASSERT(id != ioas, "no HWPT is named");
	DUE(-EBUSY, attach(0, IOMMU_NO_PASID, ioas));
	DUE(0, replace(0, IOMMU_NO_PASID, other));
	DUE(-EINVAL, replace(1, IOMMU_NO_PASID, other));
	DUE(-EBUSY, env_destroy(other));
	iommufd_device_detach(idev[0], IOMMU_NO_PASID);
	DUE(0, env_destroy(other));

	/* At a PASID, where the device's own domain and that one are made for it */
	DUE(0, env_hwpt_alloc(dev_id[0], ioas, 0, 0, &rid));
	DUE(0, env_hwpt_alloc(dev_id[0], ioas, IOMMU_HWPT_ALLOC_PASID, 0, &pasid));
	DUE(-EINVAL, attach(0, 1, rid));
	DUE(0, attach(0, IOMMU_NO_PASID, rid));
	DUE(-EINVAL, attach(0, 1, pasid));
	DUE(0, replace(0, IOMMU_NO_PASID, pasid));
	DUE(0, attach(0, 1, pasid));
	DUE(-EBUSY, attach(0, 1, pasid));
	DUE(-EINVAL, replace(0, 2, pasid));
	DUE(-EINVAL, replace(0, IOMMU_NO_PASID, rid));
	DUE(-EBUSY, env_destroy(pasid));
	iommufd_device_detach(idev[0], 1);
	iommufd_device_detach(idev[0], IOMMU_NO_PASID);
	DUE(0, env_destroy(pasid));
	DUE(0, env_destroy(rid));
}

/* All of a group are attached to the same, each by itself */
static void group(void)
{
	u32 other = env_ioas_alloc();

	DUE(0, attach(0, IOMMU_NO_PASID, ioas));
	DUE(-EINVAL, attach(1, IOMMU_NO_PASID, other));
	DUE(-EINVAL, replace(1, IOMMU_NO_PASID, ioas));
	DUE(0, attach(1, IOMMU_NO_PASID, ioas));
	DUE(-EBUSY, attach(1, IOMMU_NO_PASID, ioas));
	DUE(-EBUSY, env_destroy(ioas));
	iommufd_device_detach(idev[0], IOMMU_NO_PASID);
	DUE(-EBUSY, env_destroy(ioas));
	DUE(0, attach(0, IOMMU_NO_PASID, ioas));
	DUE(0, replace(0, IOMMU_NO_PASID, other));
	iommufd_device_detach(idev[1], IOMMU_NO_PASID);
	iommufd_device_detach(idev[0], IOMMU_NO_PASID);
	DUE(0, env_destroy(other));
}

static void queues(void)
{
	struct file *events, *faults;
	u32 hwpt, viommu, id;
	u8 byte;

	DUE(0, env_hwpt_alloc(dev_id[0], ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
			      &hwpt));
	DUE(-ENOENT, env_viommu_alloc(dev_id[0], 999, &viommu));
	DUE(0, env_viommu_alloc(dev_id[0], hwpt, &viommu));
	DUE(-EBUSY, env_destroy(hwpt));
	DUE(-EINVAL, env_veventq_alloc(viommu, 0, &id, &events));
	DUE(-ENOENT, env_veventq_alloc(999, 1, &id, &events));
	env_stride = 1;
	DUE(0, env_map(ioas, 0, 2, 10));
	DUE(-EINVAL, env_hw_queue_alloc(viommu, 0, 0, &id));
	DUE(-ENOENT, env_hw_queue_alloc(999, 0, P(2), &id));
	DUE(0, env_hw_queue_alloc(viommu, 0, P(2), &id));
	DUE(-EBUSY, env_unmap(ioas, 0, 2));
	DUE(0, env_destroy(id));
	DUE(0, env_unmap(ioas, 0, 2));
	DUE(0, env_fault_alloc(&id, &faults));
	DUE(-EINVAL, faults->f_op->read(faults, (void __user *)&byte, 1, NULL));
	DUE(0, faults->f_op->read(faults, (void __user *)&byte, 0, NULL));
	env_close_fd(0);
	DUE(0, env_destroy(id));
	DUE(-ENOENT, env_destroy(id));
	DUE(0, env_destroy(viommu));
	DUE(0, env_destroy(hwpt));
}

static int vfio_map(struct vfio_iommu_type1_dma_map cmd)
{
	cmd.argsz = cmd.argsz ?: sizeof(cmd);
	cmd.vaddr = cmd.vaddr ?: P(20);
	return env_ioctl(VFIO_IOMMU_MAP_DMA, &cmd);
}

#define VFIO_RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define VFIO_MAP(...)	vfio_map((struct vfio_iommu_type1_dma_map){ __VA_ARGS__ })

/* What was unmapped, or an errno */
static long vfio_unmap(struct vfio_iommu_type1_dma_unmap *cmd)
{
	int rc;

	cmd->argsz = cmd->argsz ?: sizeof(*cmd);
	rc = env_ioctl(VFIO_IOMMU_UNMAP_DMA, cmd);
	return rc ?: cmd->size;
}

#define VFIO_UNMAP(...)							\
	vfio_unmap(&(struct vfio_iommu_type1_dma_unmap){ __VA_ARGS__ })

static int vfio_ioas(struct iommu_vfio_ioas cmd)
{
	cmd.size = sizeof(cmd);
	return env_ioctl(IOMMU_VFIO_IOAS, &cmd);
}

#define VFIO_IOAS(...)	vfio_ioas((struct iommu_vfio_ioas){ __VA_ARGS__ })

static void container(void)
{
	u32 other = env_ioas_alloc();

	DUE(-ENODEV, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_GET));
	DUE(-ENODEV, VFIO_MAP(.flags = VFIO_RW, .size = P(1)));
	DUE(-ENODEV, VFIO_UNMAP(.size = P(1)));
	DUE(-EOPNOTSUPP, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_CLEAR, .__reserved = 1));
	DUE(-EOPNOTSUPP, VFIO_IOAS(.op = 99));
	DUE(-ENOENT, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_SET, .ioas_id = 999));
	DUE(0, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_SET, .ioas_id = ioas));
	DUE(0, env_destroy(other));
	DUE(0, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_GET));
	DUE(-EINVAL, VFIO_MAP(.flags = VFIO_RW, .size = P(1), .argsz = 8));
	DUE(-EINVAL, VFIO_MAP(.flags = VFIO_RW | 1U << 31, .size = P(1)));
	DUE(-EINVAL, VFIO_MAP(.size = P(1)));
	DUE(-EINVAL, VFIO_MAP(.flags = VFIO_RW));
	DUE(0, VFIO_MAP(.flags = VFIO_RW, .size = P(4)));
	DUE(-EEXIST, VFIO_MAP(.flags = VFIO_RW, .size = P(1)));
	DUE(-EINVAL, VFIO_UNMAP(.size = P(4), .argsz = 8));
	DUE(-EINVAL, VFIO_UNMAP(.size = P(4), .flags = 1));
	DUE(-EINVAL, VFIO_UNMAP());
	DUE(-EINVAL, VFIO_UNMAP(.size = P(4), .flags = VFIO_DMA_UNMAP_FLAG_ALL));
	DUE(-EINVAL, VFIO_UNMAP(.iova = P(4), .flags = VFIO_DMA_UNMAP_FLAG_ALL));
	DUE(-EOVERFLOW, VFIO_UNMAP(.iova = -P(1), .size = P(2)));
	DUE(0, VFIO_UNMAP(.iova = P(8), .size = P(2)));
	DUE(-ENOENT, VFIO_UNMAP(.size = P(2)));
	DUE((long)P(4), VFIO_UNMAP(.size = P(8)));
	DUE(0, VFIO_MAP(.flags = VFIO_RW, .size = P(2)));
	DUE((long)P(2), VFIO_UNMAP(.flags = VFIO_DMA_UNMAP_FLAG_ALL));
	DUE(0, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_CLEAR));
	DUE(-ENODEV, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_GET));
}

static void container_info(void)
{
	struct {
		struct vfio_iommu_type1_info info;
		u8 caps[256];
	} buffer = { .info.argsz = 8 };
	const struct vfio_info_cap_header *header;

	DUE(0, VFIO_IOAS(.op = IOMMU_VFIO_IOAS_SET, .ioas_id = ioas));
	DUE(0, attach(0, IOMMU_NO_PASID, ioas));
	DUE(-EINVAL, env_ioctl(VFIO_IOMMU_GET_INFO, &buffer));
	/* How much room it takes */
	buffer.info.argsz = sizeof(buffer.info);
	DUE(0, env_ioctl(VFIO_IOMMU_GET_INFO, &buffer));
	IL_ASSERT(buffer.info.argsz > sizeof(buffer.info) &&
		  buffer.info.argsz <= sizeof(buffer) && !buffer.info.cap_offset,
		  "%u bytes of capabilities", buffer.info.argsz);
	DUE(0, env_ioctl(VFIO_IOMMU_GET_INFO, &buffer));
	IL_ASSERT(buffer.info.cap_offset == sizeof(buffer.info) &&
		  buffer.info.iova_pgsizes & PAGE_SIZE, "no capabilities");
	header = (void *)buffer.caps;
	IL_ASSERT(header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
		  header->version == 1, "ID %u is first", header->id);
	header = (void *)&buffer + header->next;
	IL_ASSERT(header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL &&
		  header->version == 1 && !header->next,
		  "ID %u is behind it", header->id);
	iommufd_device_detach(idev[0], IOMMU_NO_PASID);
}

static void access_unmap(void *data, unsigned long iova, unsigned long length)
{
}

static const struct iommufd_access_ops access_ops = {
	.needs_pin_pages = 1,
	.unmap = access_unmap,
};

/* Each place in a call that can fail does in turn: it fails as a whole, or not at all */
static void failing(void)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.size = P(1),
	};
	struct iommu_hwpt_invalidate invalidate = {
		.size = sizeof(invalidate),
		.hwpt_id = ioas,
	};
	struct iommu_ioas_iova_ranges cmd = {};
	struct iommu_iova_range range = {};
	struct iommufd_access *another;
	struct file *file;
	u32 id;
	int rc;

	rc = env_ioctl(IOMMU_HWPT_INVALIDATE, &invalidate);
	IL_ASSERT(rc == -EINVAL || rc == -EFAULT, "HWPT_INVALIDATE = %d", rc);
	rc = get_ranges(&cmd, 1, &range);
	IL_ASSERT(rc == -ENOMEM || rc == -EFAULT ||
		  (!rc && range.last == ULONG_MAX), "IOVA_RANGES = %d", rc);
	rc = env_fault_alloc(&id, &file);
	IL_ASSERT(!rc || rc == -ENOMEM || rc == -EFAULT, "FAULT_ALLOC = %d", rc);
	if (!rc) {
		env_close_fd(0);
		rc = env_destroy(id);
		IL_ASSERT(!rc || rc == -EFAULT, "DESTROY = %d", rc);
	}
	another = iommufd_access_create(env_ctx(), &access_ops, NULL, &id);
	IL_ASSERT(!IS_ERR(another) || PTR_ERR(another) == -ENOMEM,
		  "an access is refused with %ld", PTR_ERR(another));
	if (!IS_ERR(another))
		iommufd_access_destroy(another);
	VFIO_IOAS(.op = IOMMU_VFIO_IOAS_SET, .ioas_id = ioas);
	rc = env_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap);
	IL_ASSERT(!rc || rc == -EFAULT || rc == -ENODEV, "UNMAP_DMA = %d", rc);
	rc = VFIO_MAP(.flags = VFIO_RW, .size = P(1));
	IL_ASSERT(!rc || rc == -ENOMEM || rc == -EFAULT || rc == -ENODEV,
		  "MAP_DMA = %d", rc);
}

static void setup(const struct il_plan *plan)
{
	u32 id;

	env_reset();
	env_iommu.pasids = 4;
	env_iommu.one_group = plan->scene & ONE_GROUP;
	env_iommufd = env_open("iommu");
	ioas = env_ioas_alloc();
	for (int i = 0; i != 2; i++) {
		idev[i] = iommufd_device_bind(env_ctx(), &env_devices[i], &dev_id[i]);
		IL_ASSERT(!IS_ERR(idev[i]), "bind");
	}
	access = iommufd_access_create(env_ctx(), &access_ops, NULL, &id);
	IL_ASSERT(!IS_ERR(access), "access");
}

static void check(void)
{
	iommufd_access_destroy(access);
	for (int i = 0; i != 2; i++)
		iommufd_device_unbind(idev[i]);
	env_close(env_iommufd);
	env_check();
}

static const struct il_plan plans[] = {
	{ { CALL(map) } },
	{ { CALL(iova_ranges) } },
	{ { CALL(rw_and_pin) } },
	{ { CALL(access_refused) } },
	{ { CALL(noiommu_get_pa) } },
	{ { CALL(hwpt_alloc) } },
	{ { CALL(hwpt_invalidate) } },
	{ { CALL(devices) } },
	{ { CALL(group) }, SCENE(ONE_GROUP) },
	{ { CALL(queues) } },
	{ { CALL(container) } },
	{ { CALL(container_info) } },
	{ { CALL(failing) }, .failures = 1 },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_calls",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
