// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/iommu and of the VFIO container.
 */
#include <string.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "op_table.h"
#include "../../../drivers/iommu/iommufd/iommufd_test.h"

static const uint64_t choose_bool[] = { 0, 1, 2 };
static const uint64_t choose_num[] = { 0, 1, 2, 3, 7, 0xffffffff };
static const uint64_t choose_option[] = { IOMMU_OPTION_RLIMIT_MODE,
					  IOMMU_OPTION_HUGE_PAGES, 2 };
static const uint64_t choose_vfio_op[] = { IOMMU_VFIO_IOAS_GET,
					   IOMMU_VFIO_IOAS_SET,
					   IOMMU_VFIO_IOAS_CLEAR, 3 };
static const uint64_t choose_hwpt_data[] = { IOMMU_HWPT_DATA_NONE,
					     IOMMU_HWPT_DATA_SELFTEST,
					     IOMMU_HWPT_DATA_SELFTEST,
					     IOMMU_HWPT_DATA_VTD_S1 };
static const uint64_t choose_data_len[] = { 0, 8, 8, 8, 4, 16, 24, 32, 4096,
					    0xffffffff };
static const uint64_t choose_iotlb[] = { IOMMU_TEST_IOTLB_DEFAULT, 0, 1 };
static const uint64_t choose_table[] = { MOCK_IOMMUPT_DEFAULT,
					 MOCK_IOMMUPT_HUGE, 2 };
static const uint64_t choose_info[] = { IOMMU_HW_INFO_TYPE_DEFAULT,
					IOMMU_HW_INFO_TYPE_SELFTEST,
					IOMMU_HW_INFO_TYPE_INTEL_VTD };
static const uint64_t choose_page_size[] = { 4096, 2048, 65536, 0, 1, 4097,
					     1 << 20, 1 << 21 };
static const uint64_t choose_inv_type[] = { IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
					    IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
					    IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID,
					    0 };
static const uint64_t choose_entry_len[] = { 8, 12, 8, 12, 0, 4, 16, 0xffffffff };
static const uint64_t choose_entry_num[] = { 1, 2, 3, 0, 32, 0xffffffff };
static const uint64_t choose_entry[] = { 0, 1, 2, 3, 4, 0xffffffff };
static const uint64_t choose_viommu[] = { IOMMU_VIOMMU_TYPE_SELFTEST,
					  IOMMU_VIOMMU_TYPE_SELFTEST,
					  IOMMU_VIOMMU_TYPE_DEFAULT,
					  IOMMU_VIOMMU_TYPE_ARM_SMMUV3 };
static const uint64_t choose_viommu_len[] = { 0, 24, 24, 4, 8, 32 };
static const uint64_t choose_virt_id[] = { 0x99, 0x88, 0, 1, ~0ULL, 1ULL << 32 };
static const uint64_t choose_veventq[] = { IOMMU_VEVENTQ_TYPE_SELFTEST,
					   IOMMU_VEVENTQ_TYPE_SELFTEST,
					   IOMMU_VEVENTQ_TYPE_DEFAULT, 1 };
static const uint64_t choose_depth[] = { 2, 1, 4, 0, 0xffffffff, 1 << 20 };
static const uint64_t choose_queue[] = { IOMMU_HW_QUEUE_TYPE_SELFTEST,
					 IOMMU_HW_QUEUE_TYPE_SELFTEST,
					 IOMMU_HW_QUEUE_TYPE_DEFAULT };
static const uint64_t choose_index[] = { 0, 1, 0, 1, 2, 0xffffffff };
static const uint64_t choose_ext[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU,
				       VFIO_UNMAP_ALL, VFIO_DMA_CC_IOMMU,
				       VFIO_NOIOMMU_IOMMU, VFIO_UPDATE_VADDR, 0,
				       ~0ULL };
static const uint64_t choose_info_size[] = { 0, 16, 20, 24, 64, 128, 0xffffffff };

#define MAP_MASK (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | \
		  IOMMU_IOAS_MAP_READABLE)

#define OP(label, w, nr, type) \
	.name = label, .weight = w, .request = nr, .size = sizeof(type)

const struct op uapi_ops[] = {
	{ OP("destroy", 6, IOMMU_DESTROY, struct iommu_destroy), .args = {
		FD_CTX,
		F_REG(struct iommu_destroy, id, "id", POOL_ANY) } },
	{ OP("ioas_alloc", 5, IOMMU_IOAS_ALLOC, struct iommu_ioas_alloc), .args = {
		FD_CTX,
		F_FLAGS(struct iommu_ioas_alloc, flags, "flags", 0),
		F_OUT(struct iommu_ioas_alloc, out_ioas_id, "ioas", POOL_IOAS) } },
	{ OP("ioas_allow", 3, IOMMU_IOAS_ALLOW_IOVAS, struct iommu_ioas_allow_iovas),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_allow_iovas, ioas_id, "ioas", POOL_IOAS),
		F_CHOICE(struct iommu_ioas_allow_iovas, num_iovas, "num", choose_num),
		F_ZERO(struct iommu_ioas_allow_iovas, __reserved),
		F_PTR(struct iommu_ioas_allow_iovas, allowed_iovas, "ranges"),
		P_IOVA(0, "start0"),
		P_IOVA(8, "last0"),
		P_IOVA(16, "start1"),
		P_IOVA(24, "last1") } },
	{ OP("ioas_ranges", 3, IOMMU_IOAS_IOVA_RANGES, struct iommu_ioas_iova_ranges),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_iova_ranges, ioas_id, "ioas", POOL_IOAS),
		F_CHOICE(struct iommu_ioas_iova_ranges, num_iovas, "num", choose_num),
		F_ZERO(struct iommu_ioas_iova_ranges, __reserved),
		F_PTR(struct iommu_ioas_iova_ranges, allowed_iovas, "ranges") } },
	{ OP("ioas_map", 12, IOMMU_IOAS_MAP, struct iommu_ioas_map), .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_map, ioas_id, "ioas", POOL_IOAS),
		F_FLAGS(struct iommu_ioas_map, flags, "flags", MAP_MASK),
		F_ZERO(struct iommu_ioas_map, __reserved),
		F_VA(struct iommu_ioas_map, user_va, "va"),
		F_LENGTH(struct iommu_ioas_map, length, "length"),
		F_IOVA(struct iommu_ioas_map, iova, "iova"),
		F_OUT(struct iommu_ioas_map, iova, "at", POOL_IOVA) } },
	{ OP("ioas_map_file", 9, IOMMU_IOAS_MAP_FILE, struct iommu_ioas_map_file),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_map_file, ioas_id, "ioas", POOL_IOAS),
		F_FLAGS(struct iommu_ioas_map_file, flags, "flags", MAP_MASK),
		F_REG(struct iommu_ioas_map_file, fd, "file", POOL_MEMFD),
		F_LENGTH(struct iommu_ioas_map_file, start, "start"),
		F_LENGTH(struct iommu_ioas_map_file, length, "length"),
		F_IOVA(struct iommu_ioas_map_file, iova, "iova"),
		F_OUT(struct iommu_ioas_map_file, iova, "at", POOL_IOVA) } },
	/* The same, of what a device exports */
	{ OP("ioas_map_dmabuf", 5, IOMMU_IOAS_MAP_FILE, struct iommu_ioas_map_file),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_map_file, ioas_id, "ioas", POOL_IOAS),
		F_FLAGS(struct iommu_ioas_map_file, flags, "flags", MAP_MASK),
		F_REG(struct iommu_ioas_map_file, fd, "file", POOL_DMABUF),
		F_LENGTH(struct iommu_ioas_map_file, start, "start"),
		F_LENGTH(struct iommu_ioas_map_file, length, "length"),
		F_IOVA(struct iommu_ioas_map_file, iova, "iova"),
		F_OUT(struct iommu_ioas_map_file, iova, "at", POOL_IOVA) } },
	{ OP("ioas_copy", 7, IOMMU_IOAS_COPY, struct iommu_ioas_copy), .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_copy, dst_ioas_id, "dst", POOL_IOAS),
		F_REG(struct iommu_ioas_copy, src_ioas_id, "src", POOL_IOAS),
		F_FLAGS(struct iommu_ioas_copy, flags, "flags", MAP_MASK),
		F_LENGTH(struct iommu_ioas_copy, length, "length"),
		F_IOVA(struct iommu_ioas_copy, dst_iova, "iova"),
		F_IOVA(struct iommu_ioas_copy, src_iova, "from"),
		F_OUT(struct iommu_ioas_copy, dst_iova, "at", POOL_IOVA) } },
	{ OP("ioas_unmap", 8, IOMMU_IOAS_UNMAP, struct iommu_ioas_unmap), .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_unmap, ioas_id, "ioas", POOL_IOAS),
		F_IOVA(struct iommu_ioas_unmap, iova, "iova"),
		F_LENGTH(struct iommu_ioas_unmap, length, "length") } },
	{ OP("option", 3, IOMMU_OPTION, struct iommu_option), .args = {
		FD_CTX,
		F_CHOICE(struct iommu_option, option_id, "option", choose_option),
		F_CHOICE(struct iommu_option, op, "op", choose_bool),
		F_ZERO(struct iommu_option, __reserved),
		F_REG(struct iommu_option, object_id, "ioas", POOL_IOAS),
		F_CHOICE(struct iommu_option, val64, "value", choose_bool) } },
	{ OP("vfio_ioas", 3, IOMMU_VFIO_IOAS, struct iommu_vfio_ioas), .args = {
		FD_CTX,
		F_REG(struct iommu_vfio_ioas, ioas_id, "ioas", POOL_IOAS),
		F_CHOICE(struct iommu_vfio_ioas, op, "op", choose_vfio_op),
		F_ZERO(struct iommu_vfio_ioas, __reserved),
		F_OUT(struct iommu_vfio_ioas, ioas_id, "out", POOL_IOAS) } },
	{ OP("hwpt_alloc", 7, IOMMU_HWPT_ALLOC, struct iommu_hwpt_alloc), .args = {
		FD_CTX,
		F_FLAGS(struct iommu_hwpt_alloc, flags, "flags", 0xf),
		F_REG(struct iommu_hwpt_alloc, dev_id, "dev", POOL_IDEV),
		F_REG(struct iommu_hwpt_alloc, pt_id, "pt", POOL_IOAS),
		F_OUT(struct iommu_hwpt_alloc, out_hwpt_id, "hwpt", POOL_HWPT),
		F_ZERO(struct iommu_hwpt_alloc, __reserved),
		F_CHOICE(struct iommu_hwpt_alloc, data_type, "type", choose_hwpt_data),
		F_CHOICE(struct iommu_hwpt_alloc, data_len, "len", choose_data_len),
		F_PTR(struct iommu_hwpt_alloc, data_uptr, "data"),
		F_REG(struct iommu_hwpt_alloc, fault_id, "fault", POOL_FAULT),
		F_ZERO(struct iommu_hwpt_alloc, __reserved2),
		P_CHOICE(0, 4, "iotlb", choose_iotlb),
		P_CHOICE(4, 4, "table", choose_table) } },
	/* The same, on a vIOMMU or a nesting parent */
	{ OP("hwpt_nested", 6, IOMMU_HWPT_ALLOC, struct iommu_hwpt_alloc), .args = {
		FD_CTX,
		F_FLAGS(struct iommu_hwpt_alloc, flags, "flags",
			IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID),
		F_REG(struct iommu_hwpt_alloc, dev_id, "dev", POOL_IDEV),
		F_REG(struct iommu_hwpt_alloc, pt_id, "pt", POOL_VIOMMU),
		F_OUT(struct iommu_hwpt_alloc, out_hwpt_id, "hwpt", POOL_HWPT),
		F_CHOICE(struct iommu_hwpt_alloc, data_type, "type", choose_hwpt_data),
		F_CHOICE(struct iommu_hwpt_alloc, data_len, "len", choose_data_len),
		F_PTR(struct iommu_hwpt_alloc, data_uptr, "data"),
		F_REG(struct iommu_hwpt_alloc, fault_id, "fault", POOL_FAULT),
		P_CHOICE(0, 4, "iotlb", choose_iotlb),
		P_CHOICE(4, 4, "table", choose_table) } },
	{ OP("hw_info", 3, IOMMU_GET_HW_INFO, struct iommu_hw_info), .args = {
		FD_CTX,
		F_FLAGS(struct iommu_hw_info, flags, "flags", 1),
		F_REG(struct iommu_hw_info, dev_id, "dev", POOL_IDEV),
		F_CHOICE(struct iommu_hw_info, data_len, "len", choose_data_len),
		F_PTR(struct iommu_hw_info, data_uptr, "data"),
		F_CHOICE(struct iommu_hw_info, in_data_type, "type", choose_info),
		F_ZERO(struct iommu_hw_info, __reserved) } },
	{ OP("dirty_tracking", 4, IOMMU_HWPT_SET_DIRTY_TRACKING,
	     struct iommu_hwpt_set_dirty_tracking), .args = {
		FD_CTX,
		F_FLAGS(struct iommu_hwpt_set_dirty_tracking, flags, "flags", 1),
		F_REG(struct iommu_hwpt_set_dirty_tracking, hwpt_id, "hwpt",
		      POOL_HWPT),
		F_ZERO(struct iommu_hwpt_set_dirty_tracking, __reserved) } },
	{ OP("dirty_bitmap", 4, IOMMU_HWPT_GET_DIRTY_BITMAP,
	     struct iommu_hwpt_get_dirty_bitmap), .args = {
		FD_CTX,
		F_REG(struct iommu_hwpt_get_dirty_bitmap, hwpt_id, "hwpt", POOL_HWPT),
		F_FLAGS(struct iommu_hwpt_get_dirty_bitmap, flags, "flags", 1),
		F_ZERO(struct iommu_hwpt_get_dirty_bitmap, __reserved),
		F_IOVA(struct iommu_hwpt_get_dirty_bitmap, iova, "iova"),
		F_LENGTH(struct iommu_hwpt_get_dirty_bitmap, length, "length"),
		F_CHOICE(struct iommu_hwpt_get_dirty_bitmap, page_size, "page_size",
			 choose_page_size),
		F_PTR(struct iommu_hwpt_get_dirty_bitmap, data, "data") } },
	{ OP("invalidate", 4, IOMMU_HWPT_INVALIDATE, struct iommu_hwpt_invalidate),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_hwpt_invalidate, hwpt_id, "hwpt", POOL_HWPT),
		F_PTR(struct iommu_hwpt_invalidate, data_uptr, "data"),
		F_CHOICE(struct iommu_hwpt_invalidate, data_type, "type",
			 choose_inv_type),
		F_CHOICE(struct iommu_hwpt_invalidate, entry_len, "len",
			 choose_entry_len),
		F_CHOICE(struct iommu_hwpt_invalidate, entry_num, "num",
			 choose_entry_num),
		F_ZERO(struct iommu_hwpt_invalidate, __reserved),
		P_CHOICE(0, 4, "flags0", choose_bool),
		P_CHOICE(4, 4, "entry0", choose_entry),
		P_CHOICE(8, 4, "flags1", choose_bool),
		P_CHOICE(12, 4, "entry1", choose_entry) } },
	/* Through a vIOMMU: the entries name a device */
	{ OP("invalidate_dev", 4, IOMMU_HWPT_INVALIDATE, struct iommu_hwpt_invalidate),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_hwpt_invalidate, hwpt_id, "viommu", POOL_VIOMMU),
		F_PTR(struct iommu_hwpt_invalidate, data_uptr, "data"),
		F_CHOICE(struct iommu_hwpt_invalidate, data_type, "type",
			 choose_inv_type),
		F_CHOICE(struct iommu_hwpt_invalidate, entry_len, "len",
			 choose_entry_len),
		F_CHOICE(struct iommu_hwpt_invalidate, entry_num, "num",
			 choose_entry_num),
		P_CHOICE(0, 4, "flags0", choose_bool),
		P_CHOICE(4, 4, "dev0", choose_virt_id),
		P_CHOICE(8, 4, "entry0", choose_entry),
		P_CHOICE(12, 4, "flags1", choose_bool),
		P_CHOICE(16, 4, "dev1", choose_virt_id),
		P_CHOICE(20, 4, "entry1", choose_entry) } },
	{ OP("fault_alloc", 4, IOMMU_FAULT_QUEUE_ALLOC, struct iommu_fault_alloc),
	  .args = {
		FD_CTX,
		F_FLAGS(struct iommu_fault_alloc, flags, "flags", 0),
		F_OUT(struct iommu_fault_alloc, out_fault_id, "fault", POOL_FAULT),
		F_OUT(struct iommu_fault_alloc, out_fault_fd, "file", POOL_EVENT) } },
	{ OP("viommu_alloc", 5, IOMMU_VIOMMU_ALLOC, struct iommu_viommu_alloc),
	  .args = {
		FD_CTX,
		F_FLAGS(struct iommu_viommu_alloc, flags, "flags", 0),
		F_CHOICE(struct iommu_viommu_alloc, type, "type", choose_viommu),
		F_REG(struct iommu_viommu_alloc, dev_id, "dev", POOL_IDEV),
		F_REG(struct iommu_viommu_alloc, hwpt_id, "hwpt", POOL_HWPT),
		F_OUT(struct iommu_viommu_alloc, out_viommu_id, "viommu",
		      POOL_VIOMMU),
		F_CHOICE(struct iommu_viommu_alloc, data_len, "len",
			 choose_viommu_len),
		F_ZERO(struct iommu_viommu_alloc, __reserved),
		F_PTR(struct iommu_viommu_alloc, data_uptr, "data"),
		P_CHOICE(0, 4, "in", choose_iotlb),
		P_OUT(offsetof(struct iommu_viommu_selftest, out_mmap_offset), 8,
		      "offset", POOL_OFFSET),
		P_OUT(offsetof(struct iommu_viommu_selftest, out_mmap_length), 8,
		      "length", POOL_LENGTH) } },
	{ OP("vdevice_alloc", 5, IOMMU_VDEVICE_ALLOC, struct iommu_vdevice_alloc),
	  .args = {
		FD_CTX,
		F_REG(struct iommu_vdevice_alloc, viommu_id, "viommu", POOL_VIOMMU),
		F_REG(struct iommu_vdevice_alloc, dev_id, "dev", POOL_IDEV),
		F_OUT(struct iommu_vdevice_alloc, out_vdevice_id, "vdevice",
		      POOL_VDEV),
		F_CHOICE(struct iommu_vdevice_alloc, virt_id, "virt_id",
			 choose_virt_id) } },
	{ OP("change_process", 3, IOMMU_IOAS_CHANGE_PROCESS,
	     struct iommu_ioas_change_process), .args = {
		FD_CTX,
		F_ZERO(struct iommu_ioas_change_process, __reserved) } },
	{ OP("veventq_alloc", 4, IOMMU_VEVENTQ_ALLOC, struct iommu_veventq_alloc),
	  .args = {
		FD_CTX,
		F_FLAGS(struct iommu_veventq_alloc, flags, "flags", 0),
		F_REG(struct iommu_veventq_alloc, viommu_id, "viommu", POOL_VIOMMU),
		F_CHOICE(struct iommu_veventq_alloc, type, "type", choose_veventq),
		F_CHOICE(struct iommu_veventq_alloc, veventq_depth, "depth",
			 choose_depth),
		F_OUT(struct iommu_veventq_alloc, out_veventq_id, "veventq",
		      POOL_VEVENTQ),
		F_OUT(struct iommu_veventq_alloc, out_veventq_fd, "file",
		      POOL_EVENT),
		F_ZERO(struct iommu_veventq_alloc, __reserved) } },
	{ OP("hw_queue_alloc", 5, IOMMU_HW_QUEUE_ALLOC, struct iommu_hw_queue_alloc),
	  .args = {
		FD_CTX,
		F_FLAGS(struct iommu_hw_queue_alloc, flags, "flags", 0),
		F_REG(struct iommu_hw_queue_alloc, viommu_id, "viommu", POOL_VIOMMU),
		F_CHOICE(struct iommu_hw_queue_alloc, type, "type", choose_queue),
		F_CHOICE(struct iommu_hw_queue_alloc, index, "index", choose_index),
		F_OUT(struct iommu_hw_queue_alloc, out_hw_queue_id, "queue",
		      POOL_QUEUE),
		F_IOVA(struct iommu_hw_queue_alloc, nesting_parent_iova, "iova"),
		F_LENGTH(struct iommu_hw_queue_alloc, length, "length") } },
	{ OP("noiommu_get_pa", 1, IOMMU_IOAS_NOIOMMU_GET_PA,
	     struct iommu_ioas_noiommu_get_pa), .args = {
		FD_CTX,
		F_REG(struct iommu_ioas_noiommu_get_pa, ioas_id, "ioas", POOL_IOAS),
		F_FLAGS(struct iommu_ioas_noiommu_get_pa, flags, "flags", 0),
		F_ZERO(struct iommu_ioas_noiommu_get_pa, __reserved),
		F_IOVA(struct iommu_ioas_noiommu_get_pa, iova, "iova"),
		F_LENGTH(struct iommu_ioas_noiommu_get_pa, length, "length") } },
	/* A number that nobody has yet */
	{ OP("unknown", 1, _IO(IOMMUFD_TYPE, 0x9f), struct iommu_hwpt_alloc),
	  .args = { FD_CTX } },

	{ OP("container_map", 5, VFIO_IOMMU_MAP_DMA, struct vfio_iommu_type1_dma_map),
	  .args = {
		FD_CTX,
		F_FLAGS(struct vfio_iommu_type1_dma_map, flags, "flags",
			VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE),
		F_VA(struct vfio_iommu_type1_dma_map, vaddr, "va"),
		F_IOVA(struct vfio_iommu_type1_dma_map, iova, "iova"),
		F_LENGTH(struct vfio_iommu_type1_dma_map, size, "length") } },
	{ OP("container_unmap", 5, VFIO_IOMMU_UNMAP_DMA,
	     struct vfio_iommu_type1_dma_unmap), .args = {
		FD_CTX,
		F_FLAGS(struct vfio_iommu_type1_dma_unmap, flags, "flags",
			VFIO_DMA_UNMAP_FLAG_ALL),
		F_IOVA(struct vfio_iommu_type1_dma_unmap, iova, "iova"),
		F_LENGTH(struct vfio_iommu_type1_dma_unmap, size, "length") } },
	{ OP("container_info", 3, VFIO_IOMMU_GET_INFO, struct vfio_iommu_type1_info),
	  .args = {
		FD_CTX,
		F_CHOICE(struct vfio_iommu_type1_info, argsz, "argsz",
			 choose_info_size),
		F_FLAGS(struct vfio_iommu_type1_info, flags, "flags", 3) } },
	/* Those that take a number, not a structure */
	{ .name = "container_version", .weight = 1, .request = VFIO_GET_API_VERSION,
	  .args = { FD_CTX } },
	{ .name = "container_extension", .weight = 2,
	  .request = VFIO_CHECK_EXTENSION,
	  .args = { FD_CTX, A_CHOICE("type", choose_ext) } },
	{ .name = "container_set", .weight = 3, .request = VFIO_SET_IOMMU,
	  .args = { FD_CTX, A_CHOICE("type", choose_ext) } },
};

const unsigned int nr_uapi_ops = ARRAY_SIZE(uapi_ops);

#define OPS_MAX 128

const struct op *ops[OPS_MAX];
unsigned int nr_ops;
/* The tables say how many arguments there are by ending */
static struct op copies[OPS_MAX];

static void ops_add(const struct op *table, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i != nr && nr_ops != OPS_MAX; i++) {
		struct op *op = &copies[nr_ops];

		*op = table[i];
		while (op->nr_args != MAX_ARGS && op->args[op->nr_args].name)
			op->nr_args++;
		ops[nr_ops++] = op;
	}
}

/* Collect the tables; before anything else here is used */
void ops_init(void)
{
	ops_add(uapi_ops, nr_uapi_ops);
	ops_add(test_ops, nr_test_ops);
	ops_add(file_ops, nr_file_ops);
	ops_add(memory_ops, nr_memory_ops);
}

/* The call of this name, or -1 */
int op_find(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i != nr_ops; i++) {
		if (strlen(ops[i]->name) == len && !memcmp(ops[i]->name, name, len))
			return i;
	}
	return -1;
}
