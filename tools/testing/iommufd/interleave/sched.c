// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <shim/backend.h>

#include "internal.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE	(256 * 1024)
#define MAX_CHOICES	20000
/* At random they are preempted any number of times */
#define RANDOM_BOUND	1000
/* Of the short form, for each plan */
#define SHORT_SCHEDULES	6000

/* One more than there are, for setup and check */
struct thread threads[THREADS + 1];
static int num_threads;
int self = NOBODY;
static int next_thread;
static ucontext_t main_context;
static void *main_fake_stack;
static const void *main_stack;
static size_t main_stack_size;
static char *stacks;

/* Which choices were made, and out of how many: the schedule */
struct choice {
	unsigned char pick;
	unsigned char num;
};

/**
 * struct shared - what a child process leaves to its parent
 * @num: length of @path
 * @schedules: how many were run
 * @steps: in all of them
 * @complete: there are no more within the bounds
 * @bound: preemptions at most, which decide what choices there are
 * @path: the schedule
 */
struct shared {
	unsigned int num;
	unsigned long schedules;
	unsigned long steps;
	bool complete;
	unsigned int bound;
	struct choice path[MAX_CHOICES];
};

static struct shared *shared;
static unsigned int position;

/**
 * struct options - the command line
 * @preemptions: instead of the plan's, or -1
 * @failures: instead of the plan's, or -1
 * @limit: instead of the plan's
 * @seed: random schedules instead of all
 * @schedule: the one to run
 * @verbose: show it
 * @brief: the short form
 * @list: only name the plans
 * @planted: run the plans that find a fault, which must find it
 */
static struct options {
	int preemptions;
	int failures;
	unsigned long limit;
	unsigned long seed;
	const char *schedule;
	bool verbose;
	bool brief;
	bool list;
	const char *planted;
} options = { .preemptions = -1, .failures = -1 };

static bool random_walk;
static bool replaying;
static unsigned long random_state;
static unsigned int switch_odds;
static unsigned int preemptions;
static unsigned int failures_left;
long allocated;
static const struct il_subject *subject;
void (*il_call_end)(void);

static unsigned int random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 33;
}

void il_log(const char *fmt, ...)
{
	va_list args;

	if (!options.verbose)
		return;
	va_start(args, fmt);
	printf("#   %-12s ", threads[self].name);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

static void print_schedule(void)
{
	unsigned int i, last = 0, run;

	for (i = 0; i != shared->num; i++)
		if (shared->path[i].pick)
			last = i + 1;
	for (i = 0; i < last; i += run) {
		for (run = 1; i + run < last &&
		     shared->path[i + run].pick == shared->path[i].pick; run++)
			;
		if (i)
			putchar(',');
		if (run > 1)
			printf("%ux", run);
		printf("%u", shared->path[i].pick);
	}
	putchar('\n');
}

static void read_schedule(const char *text)
{
	unsigned long run, pick;
	char *end;

	while (*text) {
		run = 1;
		pick = strtoul(text, &end, 10);
		if (*end == 'x') {
			run = pick;
			pick = strtoul(end + 1, &end, 10);
		}
		while (run-- && shared->num != MAX_CHOICES)
			shared->path[shared->num++].pick = pick;
		text = *end ? end + 1 : end;
	}
}

void shim_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# %s: ", threads[self].name);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_Exit(3);
}

void shim_warn(const char *file, int line, const char *what)
{
	const char *base = strrchr(file, '/');

	shim_panic("WARNING at %s:%d: %s", base ? base + 1 : file, line, what);
}

void shim_log(const char *fmt, ...)
{
	il_log("log: %s", fmt);
}

/* Make the next choice before it is asked for */
static void decide(unsigned int c)
{
	if (shared->num == MAX_CHOICES)
		shim_panic("too long");
	shared->path[shared->num++] = (struct choice){ .pick = c };
}

static unsigned int pick(unsigned int n)
{
	struct choice *choice = &shared->path[position];

	if (n <= 1)
		return 0;
	if (position == shared->num)
		decide(random_walk ? random_number() % n : 0);
	else if (choice->num && choice->num != n)
		shim_panic("the same schedule goes another way");
	choice->num = n;
	position++;
	return choice->pick < n ? choice->pick : 0;
}

unsigned int il_choose(unsigned int n, const char *what)
{
	unsigned int c = pick(n);

	if (c)
		il_log("%s: %u", what, c);
	return c;
}

bool shim_fail(const char *what)
{
	bool fail;

	if (!failures_left || self == NOBODY)
		return false;
	/* Some of the time: else the first of many would always be it */
	if (random_walk && position == shared->num && random_number() % 4)
		decide(0);
	fail = pick(2);
	if (fail) {
		failures_left--;
		il_log("%s fails", what);
	}
	return fail;
}

void il_no_failures(void)
{
	failures_left = 0;
}

static void switch_to_main(void)
{
	struct thread *thread = &threads[self];

#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(thread->done ? NULL : &thread->fake_stack,
				       main_stack, main_stack_size);
#endif
	swapcontext(&thread->context, &main_context);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(thread->fake_stack, &main_stack,
					&main_stack_size);
#endif
}

static bool is_ready(const struct thread *thread)
{
	return !thread->done && (!thread->ready || thread->ready(thread->arg));
}

/*
 * Who goes on after @last: first of all @last itself, if it can; another
 * instead is a preemption. -1 where nobody is left.
 */
static int choose_thread(int last)
{
	int choice[THREADS], i;
	unsigned int n = 0, c;
	bool last_ready = last != NOBODY && is_ready(&threads[last]);
	bool left = false;

	if (last_ready)
		choice[n++] = last;
	if (!last_ready || preemptions < shared->bound) {
		for (i = 0; i != num_threads; i++) {
			if (threads[i].done)
				continue;
			left = left || threads[i].fn;
			if (i != last && is_ready(&threads[i]))
				choice[n++] = i;
		}
	}
	if (!n) {
		if (!left)
			return -1;
		self = NOBODY;
		for (i = 0; i != num_threads; i++)
			if (!threads[i].done)
				printf("# %s waits at %s\n", threads[i].name,
				       threads[i].at);
		shim_panic("nobody can go on");
	}
	/* Nobody waits for a SIGKILL that came too late */
	if (!last_ready && !left)
		return -1;
	if (random_walk && last_ready && n > 1 && position == shared->num &&
	    random_number() % switch_odds)
		decide(0);
	c = pick(n);
	if (last_ready && c)
		preemptions++;
	if (choice[c] != last && options.verbose && threads[choice[c]].fn)
		printf("# -> %s, at %s\n", threads[choice[c]].name,
		       threads[choice[c]].at);
	return choice[c];
}

/* A SIGKILL is one step, which needs no stack */
static void deliver(struct thread *kill)
{
	kill->done = true;
	threads[kill->victim].killed = true;
	if (options.verbose)
		printf("# SIGKILL to %s\n", threads[kill->victim].name);
}

static int choose_call(int last)
{
	int chosen;

	for (;;) {
		chosen = choose_thread(last);
		if (chosen < 0 || threads[chosen].fn)
			return chosen;
		deliver(&threads[chosen]);
	}
}

/* Let another go on, if that is what is chosen, until it is our turn again */
static void reschedule(void)
{
	int chosen = choose_call(self);

	if (chosen == self)
		return;
	next_thread = chosen;
	switch_to_main();
}

void shim_point(const char *what, const void *where)
{
	if (self == NOBODY)
		return;
	shared->steps++;
	threads[self].at = what;
	if (options.verbose)
		printf("#   %-12s @%s\n", threads[self].name, what);
	reschedule();
}

void il_block(bool (*ready)(void *arg), void *arg, const char *what)
{
	if (ready(arg))
		return;
	if (self == NOBODY)
		shim_panic("would wait for ever at %s", what);
	threads[self].ready = ready;
	threads[self].arg = arg;
	threads[self].at = what;
	reschedule();
	threads[self].ready = NULL;
}

static void run_call(int i)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_size);
#endif
	threads[i].fn();
	if (il_call_end)
		il_call_end();
	if (threads[i].atomic)
		shim_panic("returns with a spinlock, or in an RCU section");
	threads[i].done = true;
	next_thread = choose_call(i);
	switch_to_main();
}

static void resume(int i)
{
	struct thread *thread = &threads[i];

	self = i;
	if (!thread->started) {
		thread->started = true;
		getcontext(&thread->context);
		thread->context.uc_stack.ss_sp = thread->stack;
		thread->context.uc_stack.ss_size = STACK_SIZE;
		thread->context.uc_link = NULL;
		makecontext(&thread->context, (void (*)(void))run_call, 1, i);
	}
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&main_fake_stack, thread->stack,
				       STACK_SIZE);
#endif
	swapcontext(&main_context, &thread->context);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(main_fake_stack, NULL, NULL);
#endif
	self = NOBODY;
}

static struct thread *add_thread(const char *name)
{
	struct thread *thread = &threads[num_threads];

	*thread = (struct thread){
		.name = name,
		.at = "its start",
		.stack = stacks + num_threads * STACK_SIZE,
	};
	num_threads++;
	return thread;
}

static void run_schedule(const struct il_plan *plan)
{
	unsigned int i;
	int calls;

	position = 0;
	num_threads = 0;
	preemptions = 0;
	failures_left = 0;
	allocated = 0;
	threads[NOBODY] = (struct thread){ .name = "setup" };
	if (random_walk)
		switch_odds = 2 << random_number() % 5;

	subject->setup(plan);
	for (i = 0; i != IL_CALLS && plan->calls[i].fn; i++) {
		add_thread(plan->calls[i].name)->fn = plan->calls[i].fn;
		threads[i].task = threads[NOBODY].task;
	}
	calls = num_threads;
	for (i = 0; i != (unsigned int)calls; i++)
		if (plan->kill & 1u << i)
			add_thread("SIGKILL")->victim = i;

	failures_left = options.failures >= 0 ? (unsigned int)options.failures :
						plan->failures;
	next_thread = choose_call(NOBODY);
	while (next_thread >= 0) {
		resume(next_thread);
		if (subject->step)
			subject->step();
	}
	failures_left = 0;
	threads[NOBODY].name = "check";
	subject->check();
	if (allocated)
		shim_panic("%ld allocations are left", allocated);
	shared->schedules++;
}

/* The next schedule in order; false where there is none */
static bool next_schedule(void)
{
	while (shared->num) {
		struct choice *last = &shared->path[shared->num - 1];

		if (last->pick + 1 < last->num) {
			last->pick++;
			return true;
		}
		shared->num--;
	}
	return false;
}

static void walk(const struct il_plan *plan, unsigned long limit)
{
	unsigned long end = shared->schedules + limit;

	shared->num = 0;
	do {
		run_schedule(plan);
		if (limit && shared->schedules >= end)
			return;
	} while (next_schedule());
	shared->complete = true;
}

static void walk_at_random(const struct il_plan *plan, unsigned long count)
{
	random_walk = true;
	random_state = 88172645463325252ULL ^
		       options.seed * 0x9E3779B97F4A7C15ULL;
	while (count--) {
		shared->num = 0;
		run_schedule(plan);
	}
	random_walk = false;
}

/*
 * The short form: all schedules with one preemption less than the plan has, then
 * some with all of them.
 */
static void walk_briefly(const struct il_plan *plan)
{
	shared->bound--;
	walk(plan, SHORT_SCHEDULES);
	shared->complete = false;
	shared->bound = RANDOM_BOUND;
	walk_at_random(plan, SHORT_SCHEDULES / 3);
}

static void explore(const struct il_plan *plan)
{
	unsigned long limit = options.limit ?: plan->limit;

	stacks = mmap(NULL, THREADS * STACK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stacks == MAP_FAILED)
		_Exit(4);
	if (replaying) {
		run_schedule(plan);
		return;
	}
	if (options.seed) {
		shared->bound = RANDOM_BOUND;
		walk_at_random(plan, limit ?: 100000);
	} else if (options.brief) {
		walk_briefly(plan);
	} else {
		walk(plan, limit);
	}
}

static int fork_and_explore(const struct il_plan *plan)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(4);
	if (!pid) {
		explore(plan);
		fflush(stdout);
		_Exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		exit(4);
	return status;
}

static void plan_name(const struct il_plan *plan, char *name, size_t size)
{
	size_t len = 0;
	int i;

	for (i = 0; i != IL_CALLS && plan->calls[i].fn; i++)
		len += snprintf(name + len, size - len, "%s%s%s", i ? "+" : "",
				plan->kill & 1u << i ? "killed_" : "",
				plan->calls[i].name);
	if (plan->scene) {
		const char *c;

		name[len++] = ':';
		for (c = plan->scene_name; *c && len < size - 6; c++)
			if (*c != ' ')
				name[len++] = *c;
		name[len] = '\0';
	}
	if (plan->failures)
		snprintf(name + len, size - len, ":FAIL");
}

/* Show the schedule that failed, and how to run it again */
static void show_failure(const struct il_plan *plan, const char *name)
{
	bool verbose = options.verbose;

	printf("# again: %s -v -p %u -s ", subject->name, shared->bound);
	print_schedule();
	printf("#\t'%s'\n", name);
	if (options.schedule)
		return;
	options.verbose = true;
	replaying = true;
	fork_and_explore(plan);
	replaying = false;
	options.verbose = verbose;
}

/* A planted fault has to be found; nothing else may be */
static bool run_plan(const struct il_plan *plan, const char *name,
		     unsigned int number)
{
	bool failed, good;

	memset(shared, 0, sizeof(*shared));
	replaying = options.schedule;
	if (replaying)
		read_schedule(options.schedule);
	shared->bound = options.preemptions >= 0 ?
		(unsigned int)options.preemptions : plan->preemptions ?: 2;
	failed = fork_and_explore(plan);
	good = failed == !!options.planted;
	if (failed && !good)
		show_failure(plan, name);
	printf("%s %u %s.%s # %lu schedules%s\n", good ? "ok" : "not ok",
	       number, subject->name, name, shared->schedules,
	       failed ? ", then one that fails" :
	       shared->complete ? ", all" : "");
	fflush(stdout);
	return good;
}

static const char usage[] =
	"usage: %s [OPTION...] [PLAN...]\n"
	"  -p N         preemptions, instead of each plan's\n"
	"  -f N         failures, instead of each plan's\n"
	"  -n N         schedules for each plan at most\n"
	"  -r SEED      random schedules\n"
	"  -s SCHEDULE  this one, as a failure has printed it\n"
	"  -v           show each step\n"
	"  -b           the short form\n"
	"  -l           list the plans\n"
	"  -x FAULT     the plans that find a planted fault have to\n";

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "p:f:n:r:s:vblx:h")) != -1) {
		switch (option) {
		case 'p':
			options.preemptions = atoi(optarg);
			break;
		case 'f':
			options.failures = atoi(optarg);
			break;
		case 'n':
			options.limit = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.seed = strtoul(optarg, NULL, 10);
			break;
		case 's':
			options.schedule = optarg;
			break;
		case 'v':
			options.verbose = true;
			break;
		case 'b':
			options.brief = true;
			break;
		case 'l':
			options.list = true;
			break;
		case 'x':
			options.planted = optarg;
			break;
		default:
			fprintf(stderr, usage, argv[0]);
			exit(2);
		}
	}
}

static bool wanted(const struct il_plan *plan, const char *name, int argc,
		   char **argv)
{
	int i;

	if (options.planted)
		return plan->finds && !strcmp(plan->finds, options.planted);
	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind == argc;
}

int il_main(int argc, char **argv, const struct il_subject *about)
{
	unsigned int number = 0;
	bool good = true;
	char name[256];
	size_t i;

	subject = about;
	parse(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 4;
	for (i = 0; i != subject->num_plans; i++) {
		plan_name(&subject->plans[i], name, sizeof(name));
		if (!wanted(&subject->plans[i], name, argc, argv))
			continue;
		number++;
		if (options.list)
			printf("%s\n", name);
	}
	if (options.list)
		return 0;
	printf("TAP version 13\n1..%u\n", number);
	for (i = 0, number = 0; i != subject->num_plans; i++) {
		plan_name(&subject->plans[i], name, sizeof(name));
		if (wanted(&subject->plans[i], name, argc, argv))
			good &= run_plan(&subject->plans[i], name, ++number);
	}
	return good && number ? 0 : 1;
}
