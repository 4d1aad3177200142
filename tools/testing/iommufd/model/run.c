// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program: makes sequences up and runs them in a child. Where that fails, the
 * sequence is made as short as it goes, and printed as C.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define MAX_OPS		256
#define MAX_BYTES	(MODEL_SETUP_BYTES + MAX_OPS * MODEL_OP_BYTES)

/* A sequence, and what fails in it */
struct sequence {
	unsigned char bytes[MAX_BYTES];
	size_t nr;
	unsigned long fault_at;
	bool short_unmaps;
};

/* What child and parent share */
static struct shared {
	struct sequence sequence;
	unsigned long sequences;
	unsigned long ops;
	bool done;
} *shared;

static struct options {
	uint64_t seed;
	unsigned long seconds;
	unsigned long max_ops;
	bool nth;
	bool as_it_is;
} options = { .seed = 1 };

static bool silent;

void model_fail(const char *fmt, ...)
{
	va_list args;

	if (!silent) {
		fflush(stdout);
		fputs("FAILED: ", stderr);
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
		fputc('\n', stderr);
	}
	_exit(3);
}

void *model_realloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		model_fail("no memory");
	return p;
}

void model_print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	/* What fails next is the last line */
	fflush(stdout);
}

static uint64_t rng;

static uint32_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng >> 32;
}

static void make_sequence(struct sequence *s, unsigned int max_ops)
{
	s->nr = MODEL_SETUP_BYTES +
		(4 + next_random() % (max_ops - 4)) * MODEL_OP_BYTES;
	for (size_t i = 0; i != s->nr; i++)
		s->bytes[i] = next_random();
	s->fault_at = 0;
	s->short_unmaps = false;
}

/* Sequences for a fuzzer to begin with, a file each */
static void make_inputs(const char *dir)
{
	struct sequence s;
	char name[512];
	FILE *file;

	rng = options.seed * 0x9e3779b97f4a7c15ULL + 1;
	for (unsigned int i = 0; i != 64; i++) {
		make_sequence(&s, 60);
		snprintf(name, sizeof(name), "%s/made-%u", dir, i);
		file = fopen(name, "wb");
		if (!file || fwrite(s.bytes, 1, s.nr, file) != s.nr ||
		    fclose(file)) {
			perror(name);
			exit(1);
		}
	}
}

static double now(void)
{
	struct timespec t;

	/* time: how long it is asked to go on, and a rate that is shown */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void run_one(struct sequence *s)
{
	model_run(s->bytes, s->nr, s->fault_at, s->short_unmaps);
}

/* One sequence again and again, each time something else fails */
static void run_nth(struct sequence *s)
{
	unsigned long places;

	s->short_unmaps = next_random() & 1;
	places = model_run(s->bytes, s->nr, 0, s->short_unmaps);
	for (unsigned long i = 1; i <= places; i++) {
		s->fault_at = i;
		run_one(s);
		shared->ops = model_ops;
	}
}

static void child_runs(void)
{
	struct sequence *s = &shared->sequence;
	double end = now() + options.seconds;

	model_start();
	model_regress();
	rng = options.seed * 0x9e3779b97f4a7c15ULL + 1;
	for (unsigned long i = 0;; i++) {
		if (options.max_ops && model_ops >= options.max_ops)
			break;
		if (options.seconds && i % 16 == 0 && now() >= end)
			break;
		make_sequence(s, options.nth ? 24 : 100);
		if (options.nth)
			run_nth(s);
		else
			run_one(s);
		shared->sequences++;
		shared->ops = model_ops;
	}
	/* What a short unmap left behind stays */
	if (!options.nth)
		model_stop();
	shared->done = true;
}

/* Does a sequence still fail, in whatever way? */
static bool fails(const struct sequence *s)
{
	pid_t child = fork();
	int status;

	if (!child) {
		silent = true;
		/* time: only a hang takes that long */
		alarm(180);
		if (!freopen("/dev/null", "w", stderr))
			_exit(4);
		model_start();
		model_run(s->bytes, s->nr, s->fault_at, s->short_unmaps);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("fork");
		exit(1);
	}
	return status != 0;
}

static struct sequence without(const struct sequence *s, size_t at, size_t nr)
{
	struct sequence less = *s;

	less.nr -= nr;
	memmove(less.bytes + at, less.bytes + at + nr, less.nr - at);
	return less;
}

/* The fault that made it fail is another one where the sequence is another */
static bool still_fails(struct sequence *s)
{
	unsigned long places = s->fault_at;

	if (fails(s))
		return true;
	if (!places)
		return false;
	for (unsigned long back = 1; back <= 16 && back < places; back++) {
		s->fault_at = places - back;
		if (fails(s))
			return true;
	}
	return false;
}

static void drop_ops(struct sequence *s)
{
	size_t step = (s->nr - MODEL_SETUP_BYTES) / MODEL_OP_BYTES;

	for (step = step / 2 ?: 1; step; step /= 2) {
		size_t bytes = step * MODEL_OP_BYTES;
		size_t at = MODEL_SETUP_BYTES;

		while (at + bytes <= s->nr) {
			struct sequence less = without(s, at, bytes);

			if (still_fails(&less))
				*s = less;
			else
				at += bytes;
		}
	}
}

/* Bytes towards 0: fewer options, the first of what there is to choose from */
static void lower_bytes(struct sequence *s)
{
	for (size_t i = 0; i != s->nr; i++) {
		/* The operation itself stays */
		if (i >= MODEL_SETUP_BYTES &&
		    (i - MODEL_SETUP_BYTES) % MODEL_OP_BYTES == 0)
			continue;
		for (unsigned int to = 0; to < s->bytes[i];
		     to = to ? 2 * to : 1) {
			struct sequence less = *s;

			less.bytes[i] = to;
			if (still_fails(&less)) {
				*s = less;
				break;
			}
		}
	}
}

/* In a program of its own, that takes its time to name what is on the stack */
static void show(const struct sequence *s)
{
	char bytes[2 * MAX_BYTES + 1], fault_at[24];
	pid_t child;

	for (size_t i = 0; i != s->nr; i++)
		sprintf(bytes + 2 * i, "%02x", s->bytes[i]);
	sprintf(fault_at, "%lu", s->fault_at);
	fflush(stdout);
	child = fork();
	if (!child) {
		setenv("ASAN_OPTIONS", "symbolize=1", 1);
		execl("/proc/self/exe", "iommufd_model", "--replay", bytes,
		      fault_at, s->short_unmaps ? "1" : "0", NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	printf("\n--replay %s %s %d\n", bytes, fault_at, s->short_unmaps);
}

static void shrink(struct sequence *s)
{
	size_t before;

	if (!fails(s)) {
		printf("It does not fail again by itself.\n");
		show(s);
		return;
	}
	do {
		before = s->nr;
		drop_ops(s);
		lower_bytes(s);
	} while (s->nr != before);
	show(s);
}

static void replay(const struct sequence *s)
{
	printf("/* %zu operations", (s->nr - MODEL_SETUP_BYTES) / MODEL_OP_BYTES);
	if (s->fault_at)
		printf("; fault %lu%s", s->fault_at,
		       s->short_unmaps ? ", unmaps may be short" : "");
	printf(" */\n");
	model_verbose = true;
	model_start();
	model_run(s->bytes, s->nr, s->fault_at, s->short_unmaps);
}

static void parse_replay(struct sequence *s, int argc, char **argv)
{
	const char *hex = argv[0];

	for (s->nr = 0; hex[0] && hex[1] && s->nr != MAX_BYTES; hex += 2) {
		char byte[3] = { hex[0], hex[1] };

		s->bytes[s->nr++] = strtoul(byte, NULL, 16);
	}
	s->fault_at = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	s->short_unmaps = argc > 2 && argv[2][0] == '1';
}

/* An input that the fuzzer left behind */
static void parse_file(struct sequence *s, const char *name)
{
	FILE *file = fopen(name, "rb");

	if (!file) {
		perror(name);
		exit(1);
	}
	s->nr = fread(s->bytes, 1, MAX_BYTES, file);
	fclose(file);
	model_input_fault(s->bytes, s->nr, &s->fault_at, &s->short_unmaps);
}

static void usage(void)
{
	fputs("iommufd_model [--seed N] [--seconds N] [--ops N] [--nth] [--as-it-is]\n"
	      "iommufd_model --replay BYTES [FAULT [SHORT]]\n"
	      "iommufd_model --input FILE\n"
	      "iommufd_model [--seed N] --make DIR\n"
	      "--nth: each place that can fail does, in turn\n"
	      "--as-it-is: do not make what fails shorter\n", stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--nth")) {
			options.nth = true;
		} else if (!strcmp(argv[i], "--as-it-is")) {
			options.as_it_is = true;
		} else if (i + 1 == argc) {
			usage();
		} else if (!strcmp(argv[i], "--seed")) {
			options.seed = strtoull(argv[++i], NULL, 10);
		} else if (!strcmp(argv[i], "--seconds")) {
			options.seconds = strtoul(argv[++i], NULL, 10);
		} else if (!strcmp(argv[i], "--ops")) {
			options.max_ops = strtoul(argv[++i], NULL, 10);
		} else if (!strcmp(argv[i], "--make")) {
			make_inputs(argv[++i]);
			exit(0);
		} else if (!strcmp(argv[i], "--input")) {
			struct sequence s = {};

			parse_file(&s, argv[++i]);
			shrink(&s);
			exit(3);
		} else if (!strcmp(argv[i], "--replay")) {
			struct sequence s = {};

			parse_replay(&s, argc - i - 1, argv + i + 1);
			replay(&s);
			exit(0);
		} else {
			usage();
		}
	}
	if (!options.seconds && !options.max_ops)
		options.seconds = 10;
}

int main(int argc, char **argv)
{
	double start = now(), took;
	pid_t child;
	int status;

	if (!getenv("ASAN_OPTIONS")) {
		/* Most failures are only counted */
		setenv("ASAN_OPTIONS", "symbolize=0", 1);
		execv("/proc/self/exe", argv);
	}
	parse(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	child = fork();
	if (!child) {
		child_runs();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("fork");
		return 1;
	}
	took = now() - start;
	printf("%lu sequences, %lu operations in %.1f s: %.0f a second\n",
	       shared->sequences, shared->ops, took, shared->ops / took);
	if (!status && shared->done)
		return 0;
	if (!options.as_it_is)
		shrink(&shared->sequence);
	return 3;
}
