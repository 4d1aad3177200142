// SPDX-License-Identifier: GPL-2.0-only
/* Starts the threads, again and again, each time with another seed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "threads.h"

#define MAX_THREADS	8

static unsigned long seed = 1, seconds, rounds, ops = 400, nr_threads = 4;

static void *run(void *arg)
{
	threads_work((unsigned long)arg, seed, ops);
	return NULL;
}

static void round_of_threads(void)
{
	pthread_t thread[MAX_THREADS];

	threads_begin(seed, nr_threads);
	for (int stops = 0; stops != 2; stops++) {
		for (unsigned long i = 0; i != nr_threads; i++)
			if (pthread_create(&thread[i], NULL, run, (void *)i)) {
				perror("pthread_create");
				exit(1);
			}
		for (unsigned long i = 0; i != nr_threads; i++)
			pthread_join(thread[i], NULL);
		threads_check();
	}
	threads_end();
}

static double now(void)
{
	struct timespec t;

	/* time: only shown */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double start = now(), took;
	unsigned long done = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned long value = strtoul(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seed"))
			seed = value;
		else if (!strcmp(argv[i], "--seconds"))
			seconds = value;
		else if (!strcmp(argv[i], "--rounds"))
			rounds = value;
		else if (!strcmp(argv[i], "--threads") && value <= MAX_THREADS)
			nr_threads = value;
	}
	if (!seconds && !rounds)
		rounds = 100;
	threads_start();
	do {
		round_of_threads();
		seed++;
		done++;
		took = now() - start;
	} while ((!rounds || done < rounds) && (!seconds || took < seconds));
	printf("%lu rounds of %lu threads, %lu operations in %.1f s: %.0f a second\n",
	       done, nr_threads, done * nr_threads * ops * 2, took,
	       done * nr_threads * ops * 2 / took);
	return 0;
}
