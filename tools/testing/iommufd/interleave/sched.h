/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler: a few calls run as coroutines, and each of the primitives that
 * they use (include/shim/backend.h) is a place where another may go on. It
 * walks all schedules, depth first, with a bounded number of preemptions and of
 * failures.
 */
#ifndef INTERLEAVE_SCHED_H
#define INTERLEAVE_SCHED_H

#include <stdbool.h>
#include <stddef.h>

#define IL_CALLS 4

/**
 * struct il_call - something that runs beside others
 * @name: how the plan and the schedule call it
 * @fn: what it does
 */
struct il_call {
	const char *name;
	void (*fn)(void);
};

#define CALL(fn) { #fn, fn }
/* How the scene is before the calls start; the subject knows what it means */
#define SCENE(f) .scene = (f), .scene_name = #f

/**
 * struct il_plan - calls that are run in every order
 * @calls: the calls, up to a NULL
 * @scene: what the subject's setup is to prepare
 * @scene_name: its name
 * @preemptions: at most so many, 2 where it is 0
 * @failures: so many allocations, copies, pins and operations of the IOMMU fail
 * @kill: bit n: the n-th call's process is killed at some time
 * @limit: give up after so many schedules, 0 for never
 * @finds: a fault that is planted (planted/) has to be found by this plan
 */
struct il_plan {
	struct il_call calls[IL_CALLS];
	unsigned int scene;
	const char *scene_name;
	unsigned int preemptions;
	unsigned int failures;
	unsigned int kill;
	unsigned long limit;
	const char *finds;
};

/**
 * struct il_subject - what a program is about
 * @name: its name
 * @plans: its plans
 * @num_plans: how many
 * @setup: prepares the scene, before each schedule
 * @step: optional; what holds whenever another goes on
 * @check: what holds at the end; gives everything back
 */
struct il_subject {
	const char *name;
	const struct il_plan *plans;
	size_t num_plans;
	void (*setup)(const struct il_plan *plan);
	void (*step)(void);
	void (*check)(void);
};

int il_main(int argc, char **argv, const struct il_subject *subject);

/* For a subject and its environment */
unsigned int il_choose(unsigned int n, const char *what);
void il_block(bool (*ready)(void *arg), void *arg, const char *what);
/* A call that runs: after it, what the kernel does on the way to userspace */
extern void (*il_call_end)(void);
/* What is to fail in the rest of the schedule, beside what a plan says */
void il_no_failures(void);
/* Only where a schedule is shown */
void il_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define IL_ASSERT(cond, fmt...)			\
do {						\
	if (!(cond))				\
		shim_panic(fmt);		\
} while (0)

#endif
