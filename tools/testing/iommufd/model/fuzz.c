// SPDX-License-Identifier: GPL-2.0-only
/*
 * For libFuzzer: what it makes up are sequences. Bytes of the setup that mean
 * nothing else say what is to fail in it. Where it stops, iommufd_model makes the
 * input that it leaves behind short, and prints it as C.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "run.h"

void model_fail(const char *fmt, ...)
{
	va_list args;

	fputs("FAILED: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void model_print(const char *fmt, ...)
{
}

void *model_realloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		model_fail("no memory");
	return p;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	model_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr)
{
	unsigned long fault_at;
	bool short_unmaps;

	model_input_fault(bytes, nr, &fault_at, &short_unmaps);
	model_run(bytes, nr, fault_at, short_unmaps);
	return 0;
}
