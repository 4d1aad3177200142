/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the process that runs inputs shares with the one that watches it.
 */
#ifndef IOMMU_FUZZ_RUN_H
#define IOMMU_FUZZ_RUN_H

#include "fuzz.h"

enum {
	EXIT_USAGE = 2,
	EXIT_STOPPED = 3,	/* something does not hold */
	EXIT_BROKEN = 4,	/* the fuzzer itself does not work here */
};

enum mode {
	MODE_FUZZ,
	MODE_REPLAY,
	MODE_MINIMISE,
};

extern struct options {
	enum mode mode;
	uint64_t seed;
	uint64_t seconds;
	unsigned int repeat;
	unsigned int must;	/* inputs that are run though the time is up */
	const char *board;
} options;

/**
 * struct progress - where the process is
 * @start: when the run began, in seconds
 * @given: the next of the given inputs
 */
extern struct progress {
	uint64_t start;
	unsigned int given;
} *progress;

/* From the files on the command line */
extern struct input *given;
extern unsigned int nr_given;

__attribute__((noreturn)) void run(void);

#endif
