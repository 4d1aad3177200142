// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <time.h>

#include "clock.h"

__u64 clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * NSEC_PER_MSEC + now.tv_nsec;
}

__u64 deadline_in_ms(unsigned int ms)
{
	return clock_now() + ms * NSEC_PER_MSEC;
}

bool deadline_passed(__u64 deadline)
{
	return clock_now() >= deadline;
}

unsigned int deadline_left_ms(__u64 deadline)
{
	__u64 now = clock_now();

	if (now >= deadline)
		return 0;
	return (deadline - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
}

void sleep_ms(unsigned int ms)
{
	struct timespec left = {
		.tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * NSEC_PER_MSEC,
	};

	while (nanosleep(&left, &left))
		;
}

void poll_pause(void)
{
	sched_yield();
}
