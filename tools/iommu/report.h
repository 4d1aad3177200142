/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transcript: numbered sections, checks that hold or fail, facts worth
 * knowing, and one last line with the verdict.
 */
#ifndef TOOLS_IOMMU_REPORT_H
#define TOOLS_IOMMU_REPORT_H

#include <stdbool.h>

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))

/* Print what trace() is given; off by default. */
extern bool report_verbose;

void section(const char *fmt, ...) __printf(1, 2);

/* One line "[ ok ] ..." or "[FAIL] ...", counted; returns @held. */
bool check(bool held, const char *fmt, ...) __printf(2, 3);

/*
 * check() for a call of one of the libraries here: @ret is 0 or -errno. When it
 * failed, the call's error text follows on a line of its own.
 */
bool check_call(int ret, const char *fmt, ...) __printf(2, 3);

/* A fact, not a check. */
void note(const char *fmt, ...) __printf(1, 2);

/* What the program does underneath, for --verbose. */
void trace(const char *fmt, ...) __printf(1, 2);

/*
 * Print the verdict under the name of @program. Returns the exit status: 0 only
 * if there were checks and all of them held.
 */
int report_verdict(const char *program);

#endif
