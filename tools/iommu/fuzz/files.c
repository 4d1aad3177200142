// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to the files: of contexts, queues, accesses and VFIO devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "op_table.h"

static const uint64_t choose_container[] = { 0, 1 };
static const uint64_t choose_count[] = { 4096, 0, 1, 8, 24, 40, 48, 80, 1 << 20 };
static const uint64_t choose_code[] = { IOMMUFD_PAGE_RESP_SUCCESS,
					IOMMUFD_PAGE_RESP_INVALID, 2 };
static const uint64_t choose_twice[] = { 0, 1 };
static const uint64_t choose_prot[] = { PROT_READ | PROT_WRITE, PROT_READ, 0,
					PROT_READ | PROT_EXEC };
static const uint64_t choose_device[] = { 0, 1 };

static long result(long rc)
{
	return rc < 0 ? -errno : rc;
}

static int inputs_fd(uint64_t fd)
{
	return fd_is_inputs(fd) ? (int)fd : -1;
}

static long do_open(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(open(vals[0] & 1 ? "/dev/vfio/vfio" : "/dev/iommu",
			   O_RDWR | O_CLOEXEC));
}

static long do_close(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(close(inputs_fd(vals[0])));
}

static long do_dup(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(dup(inputs_fd(vals[0])));
}

/* Into the arena: it may lie where nothing is, or where writing is not allowed */
static long do_read_event(struct worker *worker, const uint64_t *vals)
{
	uint8_t *to = (uint8_t *)(uintptr_t)vals[2];
	size_t count = vals[1] & 0x1fffff;
	uint32_t cookie;
	long rc;

	if (!vals[2]) {
		to = worker->payload;
		count = count < PAGE ? count : PAGE;
	}
	rc = result(read(inputs_fd(vals[0]), to, count));
	/* Of the first fault, for whoever answers it */
	if (rc >= (long)sizeof(struct iommu_hwpt_pgfault) && !vals[2]) {
		memcpy(&cookie, to + offsetof(struct iommu_hwpt_pgfault, cookie),
		       sizeof(cookie));
		*reg(POOL_COOKIE, vals[3]) = cookie;
	}
	return rc;
}

static long do_write_event(struct worker *worker, const uint64_t *vals)
{
	struct iommu_hwpt_page_response answers[2] = {
		{ .cookie = vals[1], .code = vals[2] },
		{ .cookie = vals[1] + 1, .code = vals[2] },
	};
	size_t size = vals[3] ? sizeof(answers) : sizeof(answers[0]);
	int fd = inputs_fd(vals[0]);

	(void)worker;
	return result(write(fd, answers, size + (vals[3] == 2)));
}

static long do_poll_event(struct worker *worker, const uint64_t *vals)
{
	struct pollfd fd = {
		.fd = inputs_fd(vals[0]),
		.events = POLLIN | POLLOUT | POLLPRI,
	};

	(void)worker;
	return result(poll(&fd, 1, 0));
}

/* A region of a vIOMMU's, into the arena */
static long do_mmap_region(struct worker *worker, const uint64_t *vals)
{
	size_t length = vals[2] & (ARENA_SIZE / 4 - 1);
	void *at;

	(void)worker;
	memory_changed();
	at = mmap((void *)(ARENA_FREE + (vals[4] & 0xf000)), length, vals[3] & 7,
		  MAP_SHARED | MAP_FIXED, inputs_fd(vals[0]), vals[1]);
	return at == MAP_FAILED ? -errno : 0;
}

/* Threads meet here: exec.c */
static long do_sync(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	(void)vals;
	return 0;
}

/* Files of VFIO devices, by the order they were found in */
#define DEVICES 2
static char device_path[DEVICES][64];
static char group_path[DEVICES][64];

static long do_device_open(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(open(device_path[vals[0] % DEVICES], O_RDWR | O_CLOEXEC));
}

static long do_group_open(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(open(group_path[vals[0] % DEVICES], O_RDWR | O_CLOEXEC));
}

static long do_group_set(struct worker *worker, const uint64_t *vals)
{
	int32_t container = vals[1];

	(void)worker;
	return result(ioctl(inputs_fd(vals[0]), VFIO_GROUP_SET_CONTAINER,
			    &container));
}

static long do_group_unset(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(ioctl(inputs_fd(vals[0]), VFIO_GROUP_UNSET_CONTAINER));
}

static long do_group_device(struct worker *worker, const uint64_t *vals)
{
	const char *path = device_path[vals[1] % DEVICES];

	(void)worker;
	/* It wants the device's name, which vfio_init() left behind the path */
	return result(ioctl(inputs_fd(vals[0]), VFIO_GROUP_GET_DEVICE_FD,
			    path + strlen(path) + 1));
}

static long do_device_read(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(pread(inputs_fd(vals[0]), worker->payload,
			    vals[1] & (PAGE - 1), 0));
}

/**
 * vfio_device_found() - Let inputs have a VFIO device
 * @index: 0 or 1
 * @device: its own file
 * @name: by which its group knows it
 * @group: the group's file
 */
void vfio_device_found(unsigned int index, const char *device, const char *name,
		       const char *group)
{
	if (index >= DEVICES || strlen(device) + strlen(name) + 2 > 64)
		return;
	strcpy(device_path[index], device);
	strcpy(device_path[index] + strlen(device) + 1, name);
	snprintf(group_path[index], sizeof(group_path[index]), "%s", group);
}

#define BIND struct vfio_device_bind_iommufd
#define ATTACH struct vfio_device_attach_iommufd_pt
#define DETACH struct vfio_device_detach_iommufd_pt
#define INFO struct vfio_device_info

const struct op file_ops[] = {
	{ .name = "open", .weight = 3, .run = do_open, .args = {
		A_CHOICE("container", choose_container),
		A_RESULT("file", POOL_CTX) } },
	{ .name = "close", .weight = 2, .run = do_close, .args = {
		A_REG("file", POOL_CTX) } },
	{ .name = "close_event", .weight = 2, .run = do_close, .args = {
		A_REG("file", POOL_EVENT) } },
	{ .name = "close_access", .weight = 2, .run = do_close, .args = {
		A_REG("file", POOL_ACCESS) } },
	{ .name = "close_dmabuf", .weight = 2, .run = do_close, .args = {
		A_REG("file", POOL_DMABUF) } },
	{ .name = "close_device", .weight = 2, .run = do_close, .args = {
		A_REG("file", POOL_VFIO) } },
	{ .name = "dup", .weight = 1, .run = do_dup, .args = {
		A_REG("file", POOL_CTX), A_RESULT("to", POOL_CTX) } },
	{ .name = "read_event", .weight = 4, .run = do_read_event, .args = {
		A_REG("file", POOL_EVENT), A_CHOICE("count", choose_count),
		A_VA("to"), { .name = "cookie", .kind = KIND_OUT,
			      .pool = POOL_COOKIE } } },
	{ .name = "write_event", .weight = 4, .run = do_write_event, .args = {
		A_REG("file", POOL_EVENT), A_REG("cookie", POOL_COOKIE),
		A_CHOICE("code", choose_code), A_CHOICE("more", choose_twice) } },
	{ .name = "poll_event", .weight = 1, .run = do_poll_event, .args = {
		A_REG("file", POOL_EVENT) } },
	{ .name = "mmap_region", .weight = 3, .run = do_mmap_region, .args = {
		A_REG("file", POOL_CTX), A_REG("offset", POOL_OFFSET),
		A_REG("length", POOL_LENGTH), A_CHOICE("prot", choose_prot),
		A_VA("va") } },

	{ .name = "sync", .weight = 1, .run = do_sync },

	{ .name = "device_open", .weight = 3, .run = do_device_open, .args = {
		A_CHOICE("nr", choose_device), A_RESULT("file", POOL_VFIO) } },
	{ .name = "device_bind", .weight = 3, .request = VFIO_DEVICE_BIND_IOMMUFD,
	  .size = sizeof(BIND), .args = {
		FD_OF(POOL_VFIO),
		F_FLAGS(BIND, flags, "flags", 0),
		F_REG(BIND, iommufd, "iommufd", POOL_CTX),
		F_OUT(BIND, out_devid, "dev", POOL_IDEV) } },
	{ .name = "device_attach", .weight = 3,
	  .request = VFIO_DEVICE_ATTACH_IOMMUFD_PT, .size = sizeof(ATTACH), .args = {
		FD_OF(POOL_VFIO),
		F_FLAGS(ATTACH, flags, "flags", 0),
		F_REG(ATTACH, pt_id, "pt", POOL_IOAS) } },
	{ .name = "device_detach", .weight = 2,
	  .request = VFIO_DEVICE_DETACH_IOMMUFD_PT, .size = sizeof(DETACH), .args = {
		FD_OF(POOL_VFIO),
		F_FLAGS(DETACH, flags, "flags", 0) } },
	{ .name = "device_info", .weight = 1, .request = VFIO_DEVICE_GET_INFO,
	  .size = sizeof(INFO), .args = {
		FD_OF(POOL_VFIO),
		F_FLAGS(INFO, flags, "flags", 0) } },
	{ .name = "device_read", .weight = 1, .run = do_device_read, .args = {
		A_REG("file", POOL_VFIO), A_CHOICE("count", choose_count) } },
	{ .name = "group_open", .weight = 2, .run = do_group_open, .args = {
		A_CHOICE("nr", choose_device), A_RESULT("file", POOL_VFIO) } },
	{ .name = "group_set", .weight = 2, .run = do_group_set, .args = {
		A_REG("file", POOL_VFIO), A_REG("container", POOL_CTX) } },
	{ .name = "group_unset", .weight = 1, .run = do_group_unset, .args = {
		A_REG("file", POOL_VFIO) } },
	{ .name = "group_device", .weight = 2, .run = do_group_device, .args = {
		A_REG("file", POOL_VFIO), A_CHOICE("nr", choose_device),
		A_RESULT("device", POOL_VFIO) } },
};

const unsigned int nr_file_ops = ARRAY_SIZE(file_ops);
