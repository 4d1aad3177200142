/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines. Whatever waits for hardware here waits until a deadline, so that
 * a dead device ends in an error and never in a hang.
 */
#ifndef TOOLS_IOMMU_CLOCK_H
#define TOOLS_IOMMU_CLOCK_H

#include <stdbool.h>
#include <linux/types.h>

#define NSEC_PER_MSEC	1000000ULL

/* Nanoseconds of CLOCK_MONOTONIC. */
__u64 clock_now(void);

/* The point in time @ms milliseconds from now. */
__u64 deadline_in_ms(unsigned int ms);

bool deadline_passed(__u64 deadline);

/* Milliseconds left, rounded up; 0 once the deadline has passed. */
unsigned int deadline_left_ms(__u64 deadline);

void sleep_ms(unsigned int ms);

/* Let another thread, or the emulated device, have the CPU between two polls. */
void poll_pause(void);

#endif
