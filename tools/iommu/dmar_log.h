/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the IOMMU says about DMA that it blocked: the "DMAR:" fault lines of the
 * kernel log, and the count of the IOMMU's fault interrupts.
 *
 * The kernel limits the rate of those lines to a few in five seconds, but not
 * the interrupts. So a fault is known by its line where there is one, and else
 * by the interrupt.
 *
 * The log is read in windows: dmar_log_expect() says which fault is about to be
 * provoked, dmar_log_await() ends the window. Whatever does not match, or comes
 * while no window is open, is a stray.
 */
#ifndef TOOLS_IOMMU_DMAR_LOG_H
#define TOOLS_IOMMU_DMAR_LOG_H

#include <stdbool.h>
#include <linux/types.h>

struct dma_fault {
	char bdf[sizeof("0000:00:00.0")];	/* who did the DMA */
	bool write;				/* to memory */
	__u64 address;			/* IOVA of the page */
	unsigned int reason;			/* as in the VT-d specification */
	char text[192];				/* the line itself */
};

struct dmar_log {
	int kmsg;
	bool want_lines;		/* space faults out for the rate limit */
	unsigned long interrupts;	/* accounted for so far */
	__u64 last_interrupt;	/* when the last one was seen */

	/* the window */
	bool window_open;
	const char *bdf;
	bool write;
	__u64 first;
	__u64 last;
	bool line_seen;
	struct dma_fault fault;		/* the first line that matched */

	/* totals */
	unsigned int provoked;		/* windows that saw their fault */
	unsigned int provoked_logged;	/* of these, the ones with a line */
	unsigned int strays;
	struct dma_fault last_stray;
};

enum dmar_outcome {
	DMAR_NO_FAULT,
	DMAR_FAULT_COUNTED,	/* by its interrupt; the line was suppressed */
	DMAR_FAULT_LOGGED,	/* and the line is in log->fault */
};

/*
 * Start reading at the log's end. With @want_lines every fault gets its line:
 * dmar_log_expect() then waits until the rate limit allows one, some 5 s. Returns
 * 0 or -errno, with uapi_error().
 */
int dmar_log_open(struct dmar_log *log, bool want_lines);
void dmar_log_close(struct dmar_log *log);

/*
 * Open a window: @bdf (which must stay valid) is going to write to, or read
 * from, the IOVAs from @first to @last.
 */
void dmar_log_expect(struct dmar_log *log, const char *bdf, bool write,
		     __u64 first, __u64 last);

/* Wait for that fault, and close the window. */
enum dmar_outcome dmar_log_await(struct dmar_log *log);

/* Take what came since the last window, and return the number of strays. */
unsigned int dmar_log_strays(struct dmar_log *log);

#endif
