/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the model, which is kernel code, and what uses the C library. */
#ifndef __MODEL_RUN_H
#define __MODEL_RUN_H

#include <stdbool.h>
#include <stddef.h>

#define MODEL_SETUP_BYTES	32
#define MODEL_OP_BYTES		8

/*
 * Does what the bytes say: first the setup, then operations of MODEL_OP_BYTES
 * each. The @fault_at-th place that can fail does, 0 for none. Returns how many
 * such places there were.
 */
unsigned long model_run(const unsigned char *bytes, size_t nr,
			unsigned long fault_at, bool short_unmaps);

/* What is to fail in an input of the fuzzer's */
static inline void model_input_fault(const unsigned char *bytes, size_t nr,
				     unsigned long *fault_at,
				     bool *short_unmaps)
{
	*fault_at = 0;
	*short_unmaps = false;
	if (nr < MODEL_SETUP_BYTES || !(bytes[8] & 1))
		return;
	*fault_at = bytes[9] | bytes[10] << 8;
	*short_unmaps = bytes[8] & 2;
}

extern unsigned long model_ops;
extern bool model_verbose;
void model_start(void);
void model_stop(void);
/* Sequences that once failed; how many */
unsigned int model_regress(void);

/* Given by the program; the memory is not the driver's, and not counted */
void *model_realloc(void *p, size_t size);
void model_fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void model_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
