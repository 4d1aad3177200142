// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold after an input, whatever it did: nothing is pinned, nothing is
 * charged, and the kernel has not complained. It checks the invariants of each
 * context by itself, when it is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fuzz.h"
#include "../../../drivers/iommu/iommufd/iommufd_test.h"

#define CHECKED_BYTES (8 * PAGE)

static int iommu_fd = -1, kmsg_fd = -1, status_fd = -1;
static int vmstat_fd = -1, refresh_fd = -1;
static int charge_fd = -1, charge_access = -1;

static int test(int fd, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	return ioctl(fd, IOMMU_TEST_CMD, cmd) < 0 ? -errno : 0;
}

/* A context of the checker's own, in which pinning a page is charged */
static bool charge_init(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = ARENA_DATA,
		.length = PAGE,
		.iova = 0x1000000,
	};
	struct iommu_test_cmd cmd = {
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};

	charge_fd = fd_keep(open("/dev/iommu", O_RDWR | O_CLOEXEC));
	if (charge_fd < 0 || ioctl(charge_fd, IOMMU_IOAS_ALLOC, &alloc))
		return false;
	map.ioas_id = alloc.out_ioas_id;
	cmd.id = alloc.out_ioas_id;
	if (ioctl(charge_fd, IOMMU_IOAS_MAP, &map) ||
	    test(charge_fd, IOMMU_TEST_OP_CREATE_ACCESS, &cmd))
		return false;
	charge_access = fd_keep(cmd.create_access.out_access_fd);
	return charge_access >= 0;
}

/**
 * check_init() - Get ready; in each process that runs inputs
 *
 * Return: whether there is an iommufd with a test ioctl.
 */
bool check_init(void)
{
	iommu_fd = fd_keep(open("/dev/iommu", O_RDWR | O_CLOEXEC));
	kmsg_fd = fd_keep(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	status_fd = fd_keep(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
	vmstat_fd = fd_keep(open("/proc/vmstat", O_RDONLY | O_CLOEXEC));
	refresh_fd = fd_keep(open("/proc/sys/vm/stat_refresh",
				  O_WRONLY | O_CLOEXEC));
	/* What was said before is not this run's */
	if (kmsg_fd >= 0)
		lseek(kmsg_fd, 0, SEEK_END);
	return iommu_fd >= 0 && charge_init();
}

static bool stop(const char *why)
{
	snprintf(stats->stop, sizeof(stats->stop), "%s", why);
	return false;
}

/* A page more than a limit of one may be pinned if nothing is charged yet */
static bool check_charge(void)
{
	struct rlimit limit = { .rlim_cur = PAGE, .rlim_max = RLIM_INFINITY };
	struct iommu_test_cmd cmd = {
		.id = charge_access,
		.access_pages = {
			.flags = MOCK_FLAGS_ACCESS_WRITE,
			.iova = 0x1000000,
			.length = PAGE,
			.uptr = ARENA_DATA,
		},
	};
	struct iommu_test_cmd unpin = { .id = charge_access };
	int rc;

	setrlimit(RLIMIT_MEMLOCK, &limit);
	rc = test(charge_fd, IOMMU_TEST_OP_ACCESS_PAGES, &cmd);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (rc == -ENOMEM)
		return stop("leak: pages are still charged to RLIMIT_MEMLOCK");
	if (rc)
		return true;
	unpin.destroy_access_pages.access_pages_id =
		cmd.access_pages.out_access_pages_id;
	test(charge_fd, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &unpin);
	return true;
}

static bool check_status(void)
{
	char text[4096];
	ssize_t len = pread(status_fd, text, sizeof(text) - 1, 0);
	char *line;

	if (len <= 0)
		return true;
	text[len] = '\0';
	line = strstr(text, "VmPin:");
	if (line && strtoul(line + 6, NULL, 10))
		return stop("leak: VmPin is not 0");
	return true;
}

/* The number behind this name in a file of them */
static bool find_number(const char *text, const char *name, unsigned long *number)
{
	const char *at = strstr(text, name);

	if (at)
		*number = strtoul(at + strlen(name), NULL, 10);
	return at;
}

/* What was ever pinned, by anybody, was unpinned */
static bool check_vmstat(void)
{
	static char text[16384];
	unsigned long acquired, released;
	ssize_t len;

	/* Else what each CPU counted is not in it yet */
	if (pwrite(refresh_fd, "1", 1, 0) != 1)
		return true;
	len = pread(vmstat_fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		return true;
	text[len] = '\0';
	if (!find_number(text, "nr_foll_pin_acquired ", &acquired) ||
	    !find_number(text, "nr_foll_pin_released ", &released))
		return true;
	if (acquired == released)
		return true;
	snprintf(stats->stop, sizeof(stats->stop),
		 "leak: %lu pages were pinned, %lu unpinned", acquired, released);
	return false;
}

/* No page of the file that all inputs share may be pinned now */
static bool check_pins(void)
{
	struct iommu_test_cmd cmd = {
		.check_refs = { .length = CHECKED_BYTES, .uptr = ARENA_FILE },
	};

	if (!memory_file_intact())
		return true;
	if (test(iommu_fd, IOMMU_TEST_OP_MD_CHECK_REFS, &cmd) == -EIO)
		return stop("leak: pages are still pinned");
	return true;
}

static void limit_reset(void)
{
	struct iommu_test_cmd cmd = { .size = sizeof(cmd) };

	test(iommu_fd, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &cmd);
}

/**
 * check_log() - Read on in the kernel's log
 *
 * Return: false where a checker of the kernel's has reported something.
 */
bool check_log(void)
{
	/* As in scripts/kernel-reports.awk */
	static const char *const reports[] = {
		"WARNING: ", "BUG: ", "ODEBUG: ", "KASAN: ", "UBSAN: ",
		"iommufd: invariant ", "INFO: task ", "INFO: possible ", "INFO: trying ",
		"inconsistent lock state", "suspicious RCU", "lockup",
		"refcount_t: ", "corruption", "Out of memory",
		"out of memory", "page allocation failure",
		"turning off the locking correctness validator",
	};
	char record[2048];
	unsigned int i;
	ssize_t len;

	for (;;) {
		len = read(kmsg_fd, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return true;
		record[len] = '\0';
		for (i = 0; i != ARRAY_SIZE(reports); i++) {
			if (strstr(record, reports[i]))
				return stop("report: see the kernel's log");
		}
	}
}

/**
 * check_after() - Look after an input
 * @thorough: also at what takes time
 *
 * Return: false where something does not hold; stats->stop says what.
 */
bool check_after(bool thorough)
{
	limit_reset();
	if (!check_pins())
		return false;
	return !thorough || (check_status() && check_vmstat() && check_charge() &&
			     check_log());
}
