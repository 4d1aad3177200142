// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "uapi.h"

bool report_verbose;

static unsigned int checks_made;
static unsigned int checks_failed;
static unsigned int sections;

static void print_line(const char *prefix, const char *fmt, va_list args)
	__printf(2, 0);

static void print_line(const char *prefix, const char *fmt, va_list args)
{
	fputs(prefix, stdout);
	vprintf(fmt, args);
	putchar('\n');
	fflush(stdout);
}

static bool count_check(bool held, const char *fmt, va_list args)
	__printf(2, 0);

static bool count_check(bool held, const char *fmt, va_list args)
{
	checks_made++;
	checks_failed += !held;
	print_line(held ? "[ ok ] " : "[FAIL] ", fmt, args);
	return held;
}

void section(const char *fmt, ...)
{
	char prefix[16];
	va_list args;

	snprintf(prefix, sizeof(prefix), "== %u. ", ++sections);
	va_start(args, fmt);
	print_line(prefix, fmt, args);
	va_end(args);
}

bool check(bool held, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	count_check(held, fmt, args);
	va_end(args);
	return held;
}

bool check_call(int ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	count_check(!ret, fmt, args);
	va_end(args);
	if (ret)
		note("%s", uapi_error());
	return !ret;
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("       ", fmt, args);
	va_end(args);
}

void trace(const char *fmt, ...)
{
	va_list args;

	if (!report_verbose)
		return;
	va_start(args, fmt);
	print_line("     > ", fmt, args);
	va_end(args);
}

int report_verdict(const char *program)
{
	if (checks_failed)
		printf("%s: %u of %u checks FAILED\n", program, checks_failed,
		       checks_made);
	else
		printf("%s: all %u checks held\n", program, checks_made);
	fflush(stdout);
	return checks_made && !checks_failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
