/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the threads' kernel code and the program that starts them. */
#ifndef __THREADS_H
#define __THREADS_H

#include <stdbool.h>
#include <stddef.h>

void threads_start(void);
void threads_begin(unsigned long seed, unsigned int nr_threads);
void threads_work(unsigned int thread, unsigned long seed, unsigned int ops);
void threads_check(void);
void threads_end(void);
#endif
