// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's trace of one task: see Documentation/dev-tools/kcov.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kcov.h>

#include "fuzz.h"

/* What does not fit is not seen: an input's calls take some thousands */
#define TRACE_WORDS (256UL << 10)

struct kcov {
	int fd;
	uint64_t *area;
};

/**
 * kcov_open() - Get a trace for a task to use
 *
 * Return: the trace; NULL where the kernel offers none.
 */
struct kcov *kcov_open(void)
{
	struct kcov *kcov = calloc(1, sizeof(*kcov));

	if (!kcov)
		return NULL;
	kcov->fd = fd_keep(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC));
	if (kcov->fd < 0 || ioctl(kcov->fd, KCOV_INIT_TRACE, TRACE_WORDS))
		goto err;
	kcov->area = mmap(NULL, TRACE_WORDS * sizeof(uint64_t),
			  PROT_READ | PROT_WRITE, MAP_SHARED, kcov->fd, 0);
	if (kcov->area == MAP_FAILED)
		goto err;
	return kcov;
err:
	if (kcov->fd >= 0)
		close(kcov->fd);
	free(kcov);
	return NULL;
}

/* Trace the calling task from here on */
void kcov_enable(struct kcov *kcov)
{
	if (kcov && ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC))
		perror("KCOV_ENABLE");
}

void kcov_reset(struct kcov *kcov)
{
	if (kcov)
		__atomic_store_n(&kcov->area[0], 0, __ATOMIC_RELAXED);
}

/* How many PCs there are since kcov_reset(), and where */
unsigned long kcov_trace(struct kcov *kcov, const uint64_t **pcs)
{
	unsigned long nr;

	if (!kcov)
		return 0;
	nr = __atomic_load_n(&kcov->area[0], __ATOMIC_RELAXED);
	*pcs = kcov->area + 1;
	return nr < TRACE_WORDS - 1 ? nr : TRACE_WORDS - 1;
}
