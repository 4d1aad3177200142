// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run an input.
 *
 * Thread 0 is the process's first. From the first call on that another thread
 * makes, up to the next "sync" or the end, each thread makes its own calls as
 * fast as it can.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define CHILDREN 4

struct worker workers[MAX_THREADS];
/* Say what each call returns */
bool exec_trace;

static struct team {
	sem_t start[MAX_THREADS];
	sem_t done;
	const struct input *input;
	unsigned int from;
	unsigned int to;
} team;

/* Shared with children, which make calls in the place of threads */
static uint64_t (*regs)[REGS];

static pid_t children[CHILDREN];
static pthread_mutex_t children_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int nr_children;
static int op_sync;

uint64_t *reg(unsigned int pool, unsigned int index)
{
	static uint64_t nowhere;

	if (pool >= POOLS || index >= REGS)
		return &nowhere;
	return &regs[pool][index];
}

/* Was this descriptor opened by an input? */
bool fd_is_inputs(uint64_t fd)
{
	return fd >= FD_FIRST && fd < FD_LIMIT;
}

/*
 * Calls
 */

static uint64_t arg_value(const struct arg *arg)
{
	return arg->is_reg ? __atomic_load_n(reg(arg->pool, arg->val),
					     __ATOMIC_RELAXED) :
			     arg->val;
}

static void put_field(uint8_t *at, unsigned int bytes, uint64_t val)
{
	memcpy(at, &val, bytes < 8 ? bytes : 8);
}

static void set_out(const struct arg *arg, uint64_t val)
{
	if (arg->is_reg && arg->val < REGS)
		__atomic_store_n(reg(arg->pool, arg->val), val,
				 __ATOMIC_RELAXED);
}

static void get_field(const struct arg *arg, const struct arg_desc *desc,
		      const uint8_t *base)
{
	uint64_t val = 0;

	memcpy(&val, base + desc->offset, desc->bytes);
	set_out(arg, val);
}

/* The structure of an ioctl, where the call wants it */
static void *place_struct(struct worker *worker, const struct call *call)
{
	switch (call->place) {
	case PLACE_NULL:
		return NULL;
	case PLACE_READONLY:
		return worker->alias;
	case PLACE_END:
		memmove(worker->page + PAGE - 8, worker->page, 8);
		return worker->page + PAGE - 8;
	default:
		return worker->page;
	}
}

static void call_fill(struct worker *worker, const struct op *op,
		      const struct call *call)
{
	uint32_t size = call->bytes ? call->bytes : op->size;
	unsigned int i;

	memset(worker->page, 0, size > op->size && size <= PAGE ? size : op->size);
	memset(worker->payload, 0, 64);
	memcpy(worker->page, &size, sizeof(size));
	if (op->test_op)
		put_field(worker->page + 4, 4, op->test_op);
	for (i = 1; i < op->nr_args; i++) {
		const struct arg_desc *desc = &op->args[i];
		uint64_t val = arg_value(&call->args[i]);

		if (desc->kind == KIND_OUT || desc->kind == KIND_RESULT)
			continue;
		if (desc->kind == KIND_PTR && val == 1)
			val = (uintptr_t)worker->payload;
		put_field((desc->payload ? worker->payload : worker->page) +
			  desc->offset, desc->bytes, val);
	}
	/* A structure from the future, with something in it */
	if (size > op->size && (size & 1) && size <= PAGE)
		worker->page[size - 1] = 1;
}

static long call_ioctl(struct worker *worker, const struct op *op,
		       const struct call *call)
{
	int fd = arg_value(&call->args[0]);
	unsigned long argument;
	unsigned int i;
	long rc;

	if (op->size) {
		call_fill(worker, op, call);
		argument = (uintptr_t)place_struct(worker, call);
	} else {
		argument = op->nr_args > 1 ? arg_value(&call->args[1]) : 0;
	}
	rc = ioctl(fd, op->request, argument);
	if (rc < 0)
		return -errno;
	for (i = 1; i < op->nr_args; i++) {
		const struct arg_desc *desc = &op->args[i];

		if (desc->kind == KIND_OUT)
			get_field(&call->args[i], desc, desc->payload ?
				  worker->payload : worker->page);
		else if (desc->kind == KIND_RESULT)
			set_out(&call->args[i], rc);
	}
	return rc;
}

static long call_run(struct worker *worker, const struct op *op,
		     const struct call *call)
{
	uint64_t vals[MAX_ARGS] = { 0 };
	unsigned int i;
	long rc;

	for (i = 0; i < op->nr_args; i++) {
		/* A result that the call itself puts into a register */
		if (op->args[i].kind == KIND_OUT)
			vals[i] = call->args[i].val;
		else
			vals[i] = arg_value(&call->args[i]);
	}
	rc = op->run(worker, vals);
	for (i = 0; i < op->nr_args && rc >= 0; i++) {
		if (op->args[i].kind == KIND_RESULT)
			set_out(&call->args[i], rc);
	}
	return rc;
}

static void set_fail(struct worker *worker, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(worker->fail_fd, text, len, 0) != len)
		return;
}

static void call_once(struct worker *worker, const struct call *call)
{
	const struct op *op = ops[call->op];
	struct timespec begin, end;
	long rc;

	if (exec_trace)
		/* time: only shown */
		clock_gettime(CLOCK_MONOTONIC, &begin);
	if (op->run)
		rc = call_run(worker, op, call);
	else
		rc = call_ioctl(worker, op, call);
	if (!exec_trace)
		return;
	/* time: only shown */
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s\t%s = %ld, %lld us%s\n", call->forked ? "child" : "", op->name,
	       rc, (end.tv_sec - begin.tv_sec) * 1000000LL +
	       (end.tv_nsec - begin.tv_nsec) / 1000,
	       call->fail ? ", with a failure injected" : "");
}

static void call_forked(struct worker *worker, const struct call *call)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		call_once(worker, call);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
}

static void call_make(struct worker *worker, const struct call *call)
{
	/* What is no ioctl is about this process, or takes its locks */
	if (call->forked && !ops[call->op]->run) {
		call_forked(worker, call);
		return;
	}
	if (call->fail)
		set_fail(worker, call->fail);
	call_once(worker, call);
	if (call->fail)
		set_fail(worker, 0);
}

/*
 * Child processes
 */

/* @touch: what the child writes to; 0 for nothing */
void exec_fork(uint64_t touch)
{
	pid_t pid = -1;

	pthread_mutex_lock(&children_lock);
	if (nr_children < CHILDREN)
		pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (touch) {
			int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

			touch = ARENA + (touch & (ARENA_SIZE - 1) & ~(PAGE - 1));
			if (read(fd, (void *)touch, PAGE) >= 0)
				close(fd);
		}
		for (;;)
			pause();
	}
	if (pid > 0)
		children[nr_children++] = pid;
	pthread_mutex_unlock(&children_lock);
}

void exec_reap(void)
{
	int status;

	pthread_mutex_lock(&children_lock);
	while (nr_children) {
		nr_children--;
		kill(children[nr_children], SIGKILL);
		waitpid(children[nr_children], &status, 0);
	}
	pthread_mutex_unlock(&children_lock);
}

/*
 * Threads
 */

static void run_part(struct worker *worker, const struct input *input,
		     unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i != to; i++) {
		if (input->calls[i].thread == worker->id)
			call_make(worker, &input->calls[i]);
	}
}

static void *worker_main(void *data)
{
	struct worker *worker = data;

	worker->fail_fd = fd_keep(open("/proc/thread-self/fail-nth",
				       O_RDWR | O_CLOEXEC));
	kcov_enable(worker->kcov);
	sem_post(&team.done);
	for (;;) {
		while (sem_wait(&team.start[worker->id]))
			;
		run_part(worker, team.input, team.from, team.to);
		sem_post(&team.done);
	}
	return NULL;
}

static void run_together(const struct input *input, unsigned int from,
			 unsigned int to)
{
	unsigned int i, awaited = 0;
	bool needed[MAX_THREADS] = { false };

	for (i = from; i != to; i++)
		needed[input->calls[i].thread] = true;
	team.input = input;
	team.from = from;
	team.to = to;
	for (i = 1; i != MAX_THREADS; i++) {
		if (needed[i]) {
			sem_post(&team.start[i]);
			awaited++;
		}
	}
	run_part(&workers[0], input, from, to);
	for (; awaited; awaited--) {
		while (sem_wait(&team.done))
			;
	}
}

static unsigned int next_sync(const struct input *input, unsigned int from)
{
	while (from != input->nr && input->calls[from].op != op_sync)
		from++;
	return from;
}

/**
 * exec_input() - Run an input, and let go of all that it made
 * @input: the input
 */
void exec_input(const struct input *input)
{
	unsigned int at = 0, end, i;

	memset(regs, 0, sizeof(*regs) * POOLS);
	for (i = 0; i != REGS; i++) {
		regs[POOL_CTX][i] = -1;
		regs[POOL_EVENT][i] = -1;
		regs[POOL_ACCESS][i] = -1;
		regs[POOL_DMABUF][i] = -1;
		regs[POOL_VFIO][i] = -1;
		regs[POOL_MEMFD][i] = memory_fd(i);
	}
	for (i = 0; i != MAX_THREADS; i++)
		kcov_reset(workers[i].kcov);

	regs[POOL_CTX][0] = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	while (at != input->nr) {
		if (!input->calls[at].thread) {
			call_make(&workers[0], &input->calls[at++]);
			continue;
		}
		end = next_sync(input, at);
		run_together(input, at, end);
		at = end;
		if (at != input->nr)
			at++;
	}

	exec_reap();
	close_range(FD_FIRST, FD_LIMIT - 1, 0);
	memory_reset();
}

static bool worker_init(struct worker *worker, unsigned int id)
{
	int fd = memfd_create("worker", MFD_CLOEXEC);
	const int rw = PROT_READ | PROT_WRITE;
	uint8_t *at;

	if (fd < 0 || ftruncate(fd, PAGE))
		return false;
	worker->id = id;
	/* Behind the page, and behind its alias, there is nothing */
	at = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return false;
	worker->page = mmap(at, PAGE, rw, MAP_SHARED | MAP_FIXED, fd, 0);
	worker->alias = mmap(at + 2 * PAGE, PAGE, PROT_READ,
			     MAP_SHARED | MAP_FIXED, fd, 0);
	worker->payload = mmap(at + 4 * PAGE, 2 * PAGE, rw,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	close(fd);
	worker->kcov = kcov_open();
	return worker->page != MAP_FAILED && worker->alias != MAP_FAILED &&
	       worker->payload != MAP_FAILED;
}

/**
 * exec_init() - Start the threads; in each process that runs inputs
 *
 * Return: whether that was possible.
 */
bool exec_init(void)
{
	pthread_t thread;
	unsigned int i;

	op_sync = op_find("sync", 4);
	regs = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (regs == MAP_FAILED || sem_init(&team.done, 0, 0))
		return false;
	for (i = 0; i != MAX_THREADS; i++) {
		if (!worker_init(&workers[i], i) ||
		    sem_init(&team.start[i], 0, 0))
			return false;
	}
	for (i = 1; i != MAX_THREADS; i++) {
		if (pthread_create(&thread, NULL, worker_main, &workers[i]))
			return false;
		while (sem_wait(&team.done))
			;
	}
	workers[0].fail_fd = fd_keep(open("/proc/thread-self/fail-nth",
					  O_RDWR | O_CLOEXEC));
	kcov_enable(workers[0].kcov);
	return true;
}
