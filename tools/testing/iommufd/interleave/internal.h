/* SPDX-License-Identifier: GPL-2.0-only */
/* What the scheduler and the primitives that stop in it share. */
#ifndef INTERLEAVE_INTERNAL_H
#define INTERLEAVE_INTERNAL_H

#include <ucontext.h>

#include <shim/backend.h>

#include "sched.h"

/* The calls, and a SIGKILL for each */
#define THREADS		(2 * IL_CALLS)
/* Whoever runs in setup and check */
#define NOBODY		THREADS

/**
 * struct thread - a call, or the SIGKILL to one
 * @name: of the call
 * @fn: the call; NULL for a SIGKILL
 * @victim: of a SIGKILL
 * @context: where it goes on
 * @stack: its stack
 * @fake_stack: AddressSanitizer's
 * @started: it ran
 * @done: it returned
 * @ready: what it waits for, or NULL
 * @arg: for @ready
 * @at: where it is
 * @killed: SIGKILL came
 * @atomic: how many spinlocks and RCU sections it is in
 * @task: struct task_struct
 */
struct thread {
	const char *name;
	void (*fn)(void);
	int victim;
	ucontext_t context;
	char *stack;
	void *fake_stack;
	bool started;
	bool done;
	bool (*ready)(void *arg);
	void *arg;
	const char *at;
	bool killed;
	unsigned int atomic;
	void *task;
};

extern struct thread threads[THREADS + 1];
extern int self;
/* How many allocations there are */
extern long allocated;

#endif
