/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_STRING_H
#define _SHIM_STRING_H

#include <linux/types.h>

void *memset(void *s, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
size_t strlen(const char *s);

static inline const void *memchr_inv(const void *start, int c, size_t n)
{
	const u8 *p;

	for (p = start; n; p++, n--)
		if (*p != (u8)c)
			return p;
	return NULL;
}

#endif
