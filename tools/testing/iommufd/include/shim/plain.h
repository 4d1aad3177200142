/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program with one thread, or with real ones, tells its backend. */
#ifndef SHIM_PLAIN_H
#define SHIM_PLAIN_H

#include <stdarg.h>
#include <stdbool.h>

/**
 * struct shim_plain - settings, and what was counted
 * @fail: optional; is this to fail? Asked at each allocation and user copy
 * @panic: optional; called before the program aborts, may not return
 * @killed: a SIGKILL is pending
 * @may_warn: a WARN_ON() is counted, and not the end
 * @warnings: WARN_ON()s that fired
 * @log_lines: lines for the kernel's log
 * @held: locks that are held
 */
struct shim_plain {
	bool (*fail)(const char *what);
	void (*panic)(const char *fmt, va_list args);
	bool killed;
	bool may_warn;
	unsigned int warnings;
	unsigned int log_lines;
	unsigned int held;
};

extern struct shim_plain shim_plain;

/* Only with threads: give back what RCU kept, when none of them runs */
void shim_rcu_flush(void);

#endif
