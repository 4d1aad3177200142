// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test ioctl: what mock devices, in-kernel users and exporters of memory do.
 */
#include <fcntl.h>
#include <linux/iommufd.h>

#include "op_table.h"
#include "../../../drivers/iommu/iommufd/iommufd_test.h"

static const uint64_t choose_pasid[] = { 1, 100, 200, IOMMU_TEST_PASID_RESERVED, 0,
					 (1 << MOCK_PASID_WIDTH) - 1,
					 1 << MOCK_PASID_WIDTH, 0xffffffff };
static const uint64_t choose_refs[] = { 0, 1, 2 };
static const uint64_t choose_page_size[] = { 2048, 4096, 0, 1, 1 << 20, 3 };
static const uint64_t choose_entry[] = { 0, 1, 3, 4, 0xffffffff };
static const uint64_t choose_iotlb[] = { IOMMU_TEST_IOTLB_DEFAULT,
					 IOMMU_TEST_DEV_CACHE_DEFAULT, 0 };
static const uint64_t choose_group[] = { 0, 1, 2, 511, 0xffffffff };
static const uint64_t choose_limit[] = { 0, 0, 16, 128, 4096, 65536, 1 };
static const uint64_t choose_bytes[] = { 4096, 8192, 65536, 0, 100, 4097, 1 << 21,
					 0xfffff000 };
static const uint64_t choose_open[] = { O_CLOEXEC | O_RDWR, O_RDWR, 0,
					O_CLOEXEC, O_APPEND };
static const uint64_t choose_bool[] = { 1, 0 };

#define T struct iommu_test_cmd
#define TEST(label, w, nr) \
	.name = label, .weight = w, .request = IOMMU_TEST_CMD, \
	.size = sizeof(T), .test_op = nr

#define DEVICE_FLAGS (MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_PASID | \
		      MOCK_FLAGS_DEVICE_SHARED | MOCK_FLAGS_DEVICE_LATE |     \
		      MOCK_FLAGS_DEVICE_PLAIN | MOCK_FLAGS_DEVICE_NO_REQUESTS | \
		      MOCK_FLAGS_DEVICE_STRICT)

const struct op test_ops[] = {
	{ TEST("mock_reserve", 2, IOMMU_TEST_OP_ADD_RESERVED), .args = {
		FD_CTX,
		F_REG(T, id, "ioas", POOL_IOAS),
		F_IOVA(T, add_reserved.start, "start"),
		F_LENGTH(T, add_reserved.length, "length") } },
	{ TEST("mock_domain", 6, IOMMU_TEST_OP_MOCK_DOMAIN), .args = {
		FD_CTX,
		F_REG(T, id, "pt", POOL_IOAS),
		F_ZERO(T, __reserved),
		F_OUT(T, mock_domain.out_stdev_id, "mock", POOL_MOCK),
		F_OUT(T, mock_domain.out_hwpt_id, "hwpt", POOL_HWPT),
		F_OUT(T, mock_domain.out_idev_id, "dev", POOL_IDEV) } },
	{ TEST("mock_domain_flags", 6, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS), .args = {
		FD_CTX,
		F_REG(T, id, "pt", POOL_IOAS),
		F_OUT(T, mock_domain_flags.out_stdev_id, "mock", POOL_MOCK),
		F_OUT(T, mock_domain_flags.out_hwpt_id, "hwpt", POOL_HWPT),
		F_OUT(T, mock_domain_flags.out_idev_id, "dev", POOL_IDEV),
		F_FLAGS(T, mock_domain_flags.dev_flags, "flags", DEVICE_FLAGS) } },
	{ TEST("mock_replace", 6, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_REG(T, mock_domain_replace.pt_id, "pt", POOL_HWPT),
		F_OUT(T, mock_domain_replace.pt_id, "hwpt", POOL_HWPT) } },
	{ TEST("mock_replace_ioas", 4, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_REG(T, mock_domain_replace.pt_id, "pt", POOL_IOAS),
		F_OUT(T, mock_domain_replace.pt_id, "hwpt", POOL_HWPT) } },
	{ .name = "mock_unplug", .weight = 3, .request = IOMMU_DESTROY,
	  .size = sizeof(struct iommu_destroy), .args = {
		FD_CTX,
		F_REG(struct iommu_destroy, id, "mock", POOL_MOCK) } },
	{ TEST("pasid_attach", 4, IOMMU_TEST_OP_PASID_ATTACH), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_CHOICE(T, pasid_attach.pasid, "pasid", choose_pasid),
		F_REG(T, pasid_attach.pt_id, "pt", POOL_HWPT) } },
	{ TEST("pasid_replace", 4, IOMMU_TEST_OP_PASID_REPLACE), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_CHOICE(T, pasid_replace.pasid, "pasid", choose_pasid),
		F_REG(T, pasid_replace.pt_id, "pt", POOL_HWPT) } },
	{ TEST("pasid_detach", 3, IOMMU_TEST_OP_PASID_DETACH), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_CHOICE(T, pasid_detach.pasid, "pasid", choose_pasid) } },
	{ TEST("pasid_check", 1, IOMMU_TEST_OP_PASID_CHECK_HWPT), .args = {
		FD_CTX,
		F_REG(T, id, "mock", POOL_MOCK),
		F_CHOICE(T, pasid_check.pasid, "pasid", choose_pasid),
		F_REG(T, pasid_check.hwpt_id, "hwpt", POOL_HWPT) } },
	{ TEST("check_map", 2, IOMMU_TEST_OP_MD_CHECK_MAP), .args = {
		FD_CTX,
		F_REG(T, id, "hwpt", POOL_HWPT),
		F_IOVA(T, check_map.iova, "iova"),
		F_LENGTH(T, check_map.length, "length"),
		F_VA(T, check_map.uptr, "va") } },
	{ TEST("check_refs", 1, IOMMU_TEST_OP_MD_CHECK_REFS), .args = {
		FD_CTX,
		F_LENGTH(T, check_refs.length, "length"),
		F_VA(T, check_refs.uptr, "va"),
		F_CHOICE(T, check_refs.refs, "refs", choose_refs) } },
	{ TEST("access_create", 6, IOMMU_TEST_OP_CREATE_ACCESS), .args = {
		FD_CTX,
		F_REG(T, id, "ioas", POOL_IOAS),
		F_FLAGS(T, create_access.flags, "flags", 1),
		F_OUT(T, create_access.out_access_fd, "access", POOL_ACCESS) } },
	{ TEST("access_pin", 7, IOMMU_TEST_OP_ACCESS_PAGES), .args = {
		FD_CTX,
		F_REG(T, id, "access", POOL_ACCESS),
		F_FLAGS(T, access_pages.flags, "flags",
			MOCK_FLAGS_ACCESS_WRITE | MOCK_FLAGS_ACCESS_SYZ),
		F_OUT(T, access_pages.out_access_pages_id, "pin", POOL_PIN),
		F_IOVA(T, access_pages.iova, "iova"),
		F_LENGTH(T, access_pages.length, "length"),
		F_VA(T, access_pages.uptr, "va") } },
	{ TEST("access_unpin", 4, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES), .args = {
		FD_CTX,
		F_REG(T, id, "access", POOL_ACCESS),
		F_REG(T, destroy_access_pages.access_pages_id, "pin", POOL_PIN) } },
	{ TEST("access_rw", 6, IOMMU_TEST_OP_ACCESS_RW), .args = {
		FD_CTX,
		F_REG(T, id, "access", POOL_ACCESS),
		F_IOVA(T, access_rw.iova, "iova"),
		F_LENGTH(T, access_rw.length, "length"),
		F_VA(T, access_rw.uptr, "va"),
		F_FLAGS(T, access_rw.flags, "flags",
			MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_KTHREAD |
			MOCK_ACCESS_RW_SLOW_PATH | MOCK_FLAGS_ACCESS_SYZ) } },
	{ TEST("access_replace", 4, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS), .args = {
		FD_CTX,
		F_REG(T, id, "access", POOL_ACCESS),
		F_REG(T, access_replace_ioas.ioas_id, "ioas", POOL_IOAS) } },
	{ TEST("memory_limit", 2, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT), .args = {
		FD_CTX,
		F_CHOICE(T, memory_limit.limit, "limit", choose_limit) } },
	{ TEST("mock_dirty", 4, IOMMU_TEST_OP_DIRTY), .args = {
		FD_CTX,
		F_REG(T, id, "hwpt", POOL_HWPT),
		F_FLAGS(T, dirty.flags, "flags", 0),
		F_IOVA(T, dirty.iova, "iova"),
		F_LENGTH(T, dirty.length, "length"),
		F_CHOICE(T, dirty.page_size, "page_size", choose_page_size),
		F_PTR(T, dirty.uptr, "data") } },
	{ TEST("check_iotlb", 1, IOMMU_TEST_OP_MD_CHECK_IOTLB), .args = {
		FD_CTX,
		F_REG(T, id, "hwpt", POOL_HWPT),
		F_CHOICE(T, check_iotlb.id, "entry", choose_entry),
		F_CHOICE(T, check_iotlb.iotlb, "value", choose_iotlb) } },
	{ TEST("check_cache", 1, IOMMU_TEST_OP_DEV_CHECK_CACHE), .args = {
		FD_CTX,
		F_REG(T, id, "dev", POOL_IDEV),
		F_CHOICE(T, check_dev_cache.id, "entry", choose_entry),
		F_CHOICE(T, check_dev_cache.cache, "value", choose_iotlb) } },
	{ TEST("trigger_fault", 5, IOMMU_TEST_OP_TRIGGER_IOPF), .args = {
		FD_CTX,
		F_REG(T, trigger_iopf.dev_id, "dev", POOL_IDEV),
		F_CHOICE(T, trigger_iopf.pasid, "pasid", choose_pasid),
		F_CHOICE(T, trigger_iopf.grpid, "group", choose_group),
		F_FLAGS(T, trigger_iopf.perm, "perm", 0xf),
		F_IOVA(T, trigger_iopf.addr, "iova") } },
	{ TEST("trigger_event", 4, IOMMU_TEST_OP_TRIGGER_VEVENT), .args = {
		FD_CTX,
		F_REG(T, trigger_vevent.dev_id, "dev", POOL_IDEV) } },
	{ TEST("dmabuf_get", 4, IOMMU_TEST_OP_DMABUF_GET), .args = {
		FD_CTX,
		F_CHOICE(T, dmabuf_get.length, "length", choose_bytes),
		F_CHOICE(T, dmabuf_get.open_flags, "open", choose_open),
		A_RESULT("file", POOL_DMABUF) } },
	{ TEST("dmabuf_revoke", 4, IOMMU_TEST_OP_DMABUF_REVOKE), .args = {
		FD_CTX,
		F_REG(T, dmabuf_revoke.dmabuf_fd, "file", POOL_DMABUF),
		F_CHOICE(T, dmabuf_revoke.revoked, "revoked", choose_bool) } },
	/* In the middle of it all; when a context is closed, the kernel does it */
	{ TEST("check_invariants", 1, IOMMU_TEST_OP_CHECK_INVARIANTS), .args = {
		FD_CTX } },
	/* An operation that nobody has yet */
	{ TEST("test_unknown", 1, 0xffffffff), .args = {
		FD_CTX,
		F_REG(T, id, "id", POOL_IOAS) } },
};

const unsigned int nr_test_ops = ARRAY_SIZE(test_ops);
