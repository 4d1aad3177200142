// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "dmar_log.h"
#include "uapi.h"

#define PAGE_MASK	(~0xfffULL)

/* How long a fault may take from the device to the log. */
/* Only where there is none does it take that long */
#define FAULT_TIMEOUT_MS	120000
/* No more news for so long: the fault is over. */
#define QUIET_MS		5
/* DEFAULT_RATELIMIT_INTERVAL of the kernel, and a little. */
#define RATE_LIMIT_MS		5100

/*
 * Sum of the lines in /proc/interrupts that are called dmar0, dmar1, ...:
 * "  24:  3  0  DMAR-MSI  0-edge  dmar0".
 */
static unsigned long fault_interrupts(void)
{
	FILE *interrupts = fopen("/proc/interrupts", "re");
	unsigned long sum = 0;
	size_t size = 0;
	char *line = NULL;

	if (!interrupts)
		return 0;
	while (getline(&line, &size, interrupts) > 0) {
		const char *name = strrchr(line, ' ');
		char *field = strchr(line, ':');

		if (!name || !field || strncmp(name, " dmar", 5) ||
		    !isdigit((unsigned char)name[5]))
			continue;
		/* One count per CPU follows, up to the first word. */
		for (field++;;) {
			char *end;
			unsigned long count = strtoul(field, &end, 10);

			if (end == field || (*end != ' ' && *end != '\t'))
				break;
			sum += count;
			field = end;
		}
	}
	free(line);
	fclose(interrupts);
	return sum;
}

/*
 * A line as of dmar_fault_do_one() in drivers/iommu/intel/dmar.c:
 * "DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr
 * 0x100000000 [fault reason 0x05] PTE Write access is not set".
 */
static bool parse_fault(const char *message, struct dma_fault *fault)
{
	const char *start = strstr(message, "[DMA ");
	unsigned long long address;
	char direction[8];

	if (strncmp(message, "DMAR: ", 6) || !start)
		return false;
	if (sscanf(start,
		   "[DMA %7s %*[^]]] Request device [%12[^]]] fault addr 0x%llx [fault reason 0x%x]",
		   direction, fault->bdf, &address, &fault->reason) != 4)
		return false;
	fault->write = !strcmp(direction, "Write");
	fault->address = address;
	snprintf(fault->text, sizeof(fault->text), "%.*s",
		 (int)sizeof(fault->text) - 1, message);
	return true;
}

/* The next record of /dev/kmsg: "priority,sequence,time,flags;message\n...". */
static bool next_message(struct dmar_log *log, char *message, size_t size)
{
	char record[1024];
	ssize_t length;
	char *start;

	do {
		length = read(log->kmsg, record, sizeof(record) - 1);
		/* EPIPE: records were overwritten before we came; go on. */
	} while (length < 0 && (errno == EPIPE || errno == EINTR));
	if (length < 0)
		return false;

	record[length] = '\0';
	start = strchr(record, ';');
	if (!start)
		start = record;
	else
		start++;
	start[strcspn(start, "\n")] = '\0';
	snprintf(message, size, "%.*s", (int)size - 1, start);
	return true;
}

static bool is_expected(const struct dmar_log *log, const struct dma_fault *fault)
{
	return log->window_open && fault->write == log->write &&
	       !strcmp(fault->bdf, log->bdf) &&
	       fault->address >= (log->first & PAGE_MASK) &&
	       fault->address <= log->last;
}

/* Take all that is in the log by now. Returns false if there was no fault. */
static bool take_lines(struct dmar_log *log)
{
	struct dma_fault fault;
	char message[512];
	bool any = false;

	while (next_message(log, message, sizeof(message))) {
		if (!parse_fault(message, &fault))
			continue;
		any = true;
		trace("kernel log: %s", message);
		if (!is_expected(log, &fault)) {
			log->strays++;
			log->last_stray = fault;
		} else if (!log->line_seen) {
			log->line_seen = true;
			log->fault = fault;
		}
	}
	return any;
}

/* True if the IOMMU interrupted since the last call. */
static bool take_interrupts(struct dmar_log *log)
{
	unsigned long now = fault_interrupts();
	bool more = now != log->interrupts;

	if (more) {
		trace("IOMMU fault interrupts: %lu more", now - log->interrupts);
		log->last_interrupt = clock_now();
	}
	log->interrupts = now;
	return more;
}

static void wait_for_line(struct dmar_log *log, unsigned int ms)
{
	struct pollfd ready = { .fd = log->kmsg, .events = POLLIN };

	poll(&ready, 1, ms);
}

/*
 * Run on every CPU once: an interrupt that is pending there is taken before we
 * get to run, and its line is in the log when we do. A sleep would be no proof
 * of that where CPUs are emulated and the emulator's host is busy.
 */
static void visit_all_cpus(void)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

/* Take all faults of the time before. Returns true if there was an interrupt. */
static bool take_until_quiet(struct dmar_log *log)
{
	bool interrupted = false, more;

	do {
		visit_all_cpus();
		wait_for_line(log, QUIET_MS);
		more = take_interrupts(log);
		interrupted |= more;
		more |= take_lines(log);
	} while (more);
	return interrupted;
}

int dmar_log_open(struct dmar_log *log, bool want_lines)
{
	int ret;

	memset(log, 0, sizeof(*log));
	log->want_lines = want_lines;
	log->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ret = uapi_result(log->kmsg, "open /dev/kmsg");
	if (ret)
		return ret;
	lseek(log->kmsg, 0, SEEK_END);
	log->interrupts = fault_interrupts();
	return 0;
}

void dmar_log_close(struct dmar_log *log)
{
	if (log->kmsg >= 0)
		close(log->kmsg);
	log->kmsg = -1;
}

unsigned int dmar_log_strays(struct dmar_log *log)
{
	unsigned int before = log->strays;

	/* An interrupt whose line was suppressed is a stray just as well. */
	if (take_until_quiet(log) && log->strays == before)
		log->strays++;
	return log->strays;
}

void dmar_log_expect(struct dmar_log *log, const char *bdf, bool write,
		     __u64 first, __u64 last)
{
	dmar_log_strays(log);
	if (log->want_lines && log->last_interrupt) {
		__u64 limit_over = log->last_interrupt +
				      RATE_LIMIT_MS * NSEC_PER_MSEC;

		/* time: the limit of the kernel log is one of time */
		sleep_ms(deadline_left_ms(limit_over));
	}
	log->window_open = true;
	log->line_seen = false;
	log->bdf = bdf;
	log->write = write;
	log->first = first;
	log->last = last;
}

enum dmar_outcome dmar_log_await(struct dmar_log *log)
{
	/* time: only where there is none does it take that long */
	__u64 deadline = deadline_in_ms(FAULT_TIMEOUT_MS);
	bool interrupted = false;

	do {
		interrupted |= take_until_quiet(log);
	} while (!log->line_seen && !interrupted && !deadline_passed(deadline));
	log->window_open = false;

	if (log->line_seen) {
		log->provoked++;
		log->provoked_logged++;
		return DMAR_FAULT_LOGGED;
	}
	if (interrupted) {
		log->provoked++;
		return DMAR_FAULT_COUNTED;
	}
	return DMAR_NO_FAULT;
}
