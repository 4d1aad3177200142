/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_SORT_H
#define _SHIM_SORT_H

#include <linux/types.h>

#define cmp_int(l, r)	(((l) > (r)) - ((l) < (r)))

typedef int (*cmp_func_t)(const void *a, const void *b);
typedef void (*swap_func_t)(void *a, void *b, int size);

/* By insertion: what is sorted here is short */
static inline void sort(void *base, size_t num, size_t size, cmp_func_t cmp,
			swap_func_t swap_func)
{
	char *array = base;

	for (size_t i = 1; i < num; i++)
		for (size_t at = i; at; at--) {
			char *high = array + at * size, *low = high - size;

			if (cmp(low, high) <= 0)
				break;
			for (size_t k = 0; k != size; k++) {
				char c = low[k];

				low[k] = high[k];
				high[k] = c;
			}
		}
}

#endif
