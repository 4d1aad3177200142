// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is run, in which order: the given inputs; then new ones until the time is
 * up. Or the given ones again and again; or what is left of one without a part.
 *
 * The process that does this may be killed and followed by another one at any
 * time: where it was is in shared memory.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

/* Inputs between two looks at what takes long to look at */
#define THOROUGH 32

static struct input current, other, trial;
static struct edges fresh, again;

static uint64_t now(void)
{
	struct timespec time;

	/* time: how long it is asked to go on */
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static bool time_is_up(void)
{
	return now() - progress->start >= options.seconds;
}

/* Never returns where something does not hold */
static void run_input(const struct input *input, bool thorough)
{
	static char text[TEXT_MAX];
	static uint64_t shown;

	input_print(input, text, sizeof(text));
	board_input(text);
	if (exec_trace)
		printf("%s\n", text);
	exec_input(input);
	stats->execs++;
	if (!check_after(thorough || stats->execs % THOROUGH == 0)) {
		board_stats();
		_exit(EXIT_STOPPED);
	}
	stats->seconds = now() - progress->start;
	if (stats->seconds != shown) {
		shown = stats->seconds;
		board_stats();
	}
}

static void keep(const struct input *input)
{
	static char text[TEXT_MAX];

	if (!corpus_add(input))
		return;
	input_print(input, text, sizeof(text));
	board_keep(text);
}

/* Without the calls that what is new does not need */
static void trim(struct input *input, const struct edges *edges)
{
	unsigned int at;

	/* Does it reach the same again at all? */
	run_input(input, false);
	cover_merge(&again);
	if (!cover_has(edges))
		return;
	for (at = input->nr; at-- && input->nr > 1;) {
		trial = *input;
		input_delete(&trial, at);
		run_input(&trial, false);
		cover_merge(&again);
		if (cover_has(edges))
			*input = trial;
	}
}

static void run_given(void)
{
	/* What the last process was in the middle of is left out */
	while (progress->given < nr_given) {
		const struct input *input = &given[progress->given];

		if (progress->given >= options.must && time_is_up())
			return;
		progress->given++;
		run_input(input, false);
		if (cover_merge(&fresh))
			keep(input);
	}
	stats->loaded = 1;
}

static void run_fuzz(void)
{
	random_seed(options.seed + stats->restarts * 1000003);
	run_given();
	while (!time_is_up()) {
		if (random_below(20)) {
			corpus_pick(&current);
			corpus_pick(&other);
			input_mutate(&current, &other);
		} else {
			input_random(&current);
		}
		run_input(&current, false);
		if (!cover_merge(&fresh))
			continue;
		trim(&current, &fresh);
		keep(&current);
		stats->kept++;
	}
}

static void run_replay(void)
{
	unsigned int i;

	while (progress->given < nr_given) {
		const struct input *input = &given[progress->given++];

		for (i = 0; i != options.repeat; i++) {
			run_input(input, true);
			cover_merge(NULL);
		}
	}
}

static void try_trial(void)
{
	unsigned int i;

	for (i = 0; i != options.repeat; i++)
		run_input(&trial, true);
}

/*
 * Run the input without a part of it, for ever smaller parts. The first that
 * still fails ends the machine: whoever started it reads from the board which it
 * was, and comes again with that.
 */
static void run_minimise(void)
{
	const struct input *input = &given[0];
	unsigned int part, at, i;

	for (part = (input->nr + 1) / 2; part; part /= 2) {
		for (at = 0; at + part <= input->nr; at += part) {
			trial = *input;
			for (i = 0; i != part; i++)
				input_delete(&trial, at);
			if (trial.nr)
				try_trial();
		}
	}
	for (i = 0, trial = *input; i != trial.nr; i++)
		trial.calls[i].thread = 0;
	if (memcmp(&trial, input, sizeof(trial)))
		try_trial();
	for (at = 0; at != input->nr; at++) {
		struct call *call = &trial.calls[at];

		trial = *input;
		call->fail = 0;
		call->forked = 0;
		call->place = 0;
		call->bytes = 0;
		if (memcmp(&trial, input, sizeof(trial)))
			try_trial();
	}
}

/**
 * run() - Do what the options say; in a process of its own
 */
void run(void)
{
	if (!memory_init() || !exec_init() || !check_init()) {
		perror("iommu-fuzz");
		_exit(EXIT_BROKEN);
	}
	switch (options.mode) {
	case MODE_FUZZ:
		run_fuzz();
		break;
	case MODE_REPLAY:
		run_replay();
		break;
	case MODE_MINIMISE:
		run_minimise();
		break;
	}
	if (!check_after(true)) {
		board_stats();
		_exit(EXIT_STOPPED);
	}
	stats->done = 1;
	board_stats();
	_exit(0);
}
