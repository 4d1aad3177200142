// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does DMA all the time, while its owner maps, unmaps and replaces,
 * gives memory back to the kernel, and is killed in the middle of it: not one byte
 * arrives where nothing is mapped. This is the judge, who outlives them all.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "isolation.h"
#include "mmio.h"
#include "pattern.h"
#include "report.h"
#include "uapi.h"

#define NEIGHBOUR_SIZE	(16UL << 20)
#define KEEP_FREE	(96UL << 20)
/* What an owner changes before it is killed; as much again, by chance, at the most */
#define LIFE		100

static const char usage[] =
	"usage: iommu-isolation --nvme BDF [--seconds N] [--seed N] [--leak]\n"
	"  --leak  leave mapped what should be unmapped: this must be noticed\n";

static struct shared *shared_new(void)
{
	struct shared *shared;
	__u8 *memory;
	int file;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = memfd_create("isolation", MFD_CLOEXEC);
	if (shared == MAP_FAILED || file < 0 ||
	    ftruncate(file, ARENAS * ARENA_SIZE + NVME_QUEUE_MEMORY))
		return NULL;
	memory = mmap(NULL, ARENAS * ARENA_SIZE + NVME_QUEUE_MEMORY,
		      PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (memory == MAP_FAILED)
		return NULL;
	for (unsigned int i = 0; i != ARENAS; i++)
		shared->arena[i] = memory + i * ARENA_SIZE;
	shared->queues = memory + ARENAS * ARENA_SIZE;
	return shared;
}

static void shared_reset(struct shared *shared)
{
	memset(shared->arena[0], CANARY, ARENAS * ARENA_SIZE);
	memset(shared->queues, 0, NVME_QUEUE_MEMORY);
	memset(shared->mapped, 0, sizeof(shared->mapped));
	shared->attached = 0;
	shared->aim = 0;
	shared->started = 0;
	shared->done = 0;
	shared->reads = false;
	shared->running = false;
	shared->changes = 0;
	shared->hold = false;
	shared->held = false;
	shared->replacing = false;
	shared->survivor = 0;
}

static void *pump_thread(void *owner)
{
	pump_run(owner);
	return NULL;
}

/* The owner's process; a @survivor goes on with the DMA after it was killed */
static void own(struct shared *shared, const char *bdf, unsigned int seed,
		bool leak, bool survivor)
{
	struct owner owner = { .shared = shared, .leak = leak, .seed = seed };
	struct owner pump;
	pthread_t thread;
	int ret;

	ret = owner_open(&owner, bdf);
	if (ret) {
		wrong(shared, "%s", ret < 0 ? uapi_error() :
		      nvme_result_text(ret));
		_exit(1);
	}
	pump = owner;
	pump.seed = ~seed;
	if (survivor) {
		pid_t child = fork();

		if (!child) {
			close(pump.iommufd);
			pump_run(&pump);
		}
		shared->survivor = child;
	}
	if (!survivor && pthread_create(&thread, NULL, pump_thread, &pump))
		_exit(1);
	shared->running = true;
	owner_run(&owner);
	/* The judge wants it so, or something is wrong */
	for (;;)
		pause();
}

static unsigned long free_memory(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

/* A neighbour gets memory, which may have been the owner's, and keeps it */
static __u8 *neighbour_new(struct shared *shared, size_t size)
{
	__u8 *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (!all_bytes_are(memory, 0, size))
		wrong(shared, "a neighbour's new memory is not empty");
	memset(memory, CANARY, size);
	return memory;
}

static void neighbour_check(struct shared *shared, __u8 *memory, size_t size)
{
	if (memory && !all_bytes_are(memory, CANARY, size))
		wrong(shared, "a neighbour's memory changed");
	if (memory)
		munmap(memory, size);
}

static void check_arenas(struct shared *shared, const char *when)
{
	for (unsigned int i = 0; i != ARENAS; i++)
		if (!all_bytes_are(shared->arena[i], CANARY, ARENA_SIZE))
			wrong(shared, "%s, memory that was mapped changed", when);
}

/* Its owner is dead, and nothing may change any more */
static void check_quiet(struct shared *shared)
{
	__u8 *neighbour = neighbour_new(shared, NEIGHBOUR_SIZE);

	for (unsigned int i = 0; i != ARENAS * SLOTS; i++)
		if (!all_bytes_are(slot_page(shared, i / SLOTS, i % SLOTS) +
				   PAGE, CANARY, PAGE))
			wrong(shared, "guard %u changed", i);
	memset(shared->arena[0], CANARY, ARENAS * ARENA_SIZE);
	/* time: for what must not come */
	sleep_ms(100);
	check_arenas(shared, "after the owner's death");
	neighbour_check(shared, neighbour, NEIGHBOUR_SIZE);
}

/*
 * The owner is dead, but the device is not: another process has it open, and goes
 * on. What was mapped stays so, and stays pinned; nothing else is reached.
 */
static void check_survivor(struct shared *shared)
{
	__u8 *neighbour = neighbour_new(shared, NEIGHBOUR_SIZE);
	bool landed = false;

	memset(shared->arena[0], CANARY, ARENAS * ARENA_SIZE);
	/* The owner may have died with this mapped, and it is pinned then */
	WRITE_ONCE(shared->aim, ANON_IOVA);
	if (!dma_passes(shared, SLOTS))
		wrong(shared, "the survivor's device stands still");
	WRITE_ONCE(shared->aim, 0);
	dma_passes(shared, 20 * SLOTS);
	for (unsigned int i = 0; i != ARENAS * SLOTS; i++) {
		unsigned int arena = i / SLOTS, slot = i % SLOTS;
		__u8 *page = slot_page(shared, arena, slot);
		bool changed = !all_bytes_are(page, CANARY, PAGE);
		bool may = shared->mapped[arena][slot] &&
			   (arena == shared->attached || shared->replacing);

		if (changed && !may)
			wrong(shared, "slot %u changed after its owner's death",
			      i);
		landed |= changed;
		shared->blocked += !may;
		if (!all_bytes_are(page + PAGE, CANARY, PAGE))
			wrong(shared, "guard %u changed", i);
	}
	if (landed)
		shared->landed++;
	neighbour_check(shared, neighbour, NEIGHBOUR_SIZE);
}

static void reap(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* One owner's life; false where something is wrong */
static bool run_owner(struct shared *shared, const char *bdf, unsigned int seed,
		      bool leak)
{
	bool survivor = seed & 1, reads = !survivor && (seed & 2);
	unsigned long changes;
	__u64 end;
	pid_t child;

	shared_reset(shared);
	child = fork();
	if (child < 0)
		return false;
	if (!child)
		own(shared, bdf, seed, leak, survivor);
	/* time: only a hang takes that long */
	end = deadline_in_ms(HANG_MS);
	while (!READ_ONCE(shared->running) && !shared->wrong[0]) {
		if (deadline_passed(end))
			wrong(shared, "the owner does not begin");
		/* time: looks again */
		sleep_ms(2);
	}
	/* Killed in the middle of one */
	changes = LIFE + rand_r(&seed) % LIFE;
	while (READ_ONCE(shared->changes) < changes && !shared->wrong[0])
		/* time: looks again */
		sleep_ms(1);
	if (reads) {
		/* While nothing is changed; and it dies with reads under way */
		WRITE_ONCE(shared->hold, true);
		while (!READ_ONCE(shared->held) && !shared->wrong[0])
			/* time: looks again */
			sleep_ms(1);
		WRITE_ONCE(shared->reads, true);
		/* time: for reads to begin: none has to have */
		sleep_ms(20);
	}
	reap(child);
	if (survivor && !shared->wrong[0])
		check_survivor(shared);
	if (shared->survivor > 0)
		reap(shared->survivor);
	if (!shared->wrong[0])
		check_quiet(shared);
	return !shared->wrong[0];
}

/* Every page that is free is looked at, if page_poison=1 */
static void use_all_memory(struct shared *shared)
{
	unsigned long size = free_memory();

	if (size <= KEEP_FREE)
		return;
	size = (size - KEEP_FREE) & ~(PAGE - 1);
	neighbour_check(shared, neighbour_new(shared, size), size);
	note("looked at %lu MiB of free memory", size >> 20);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "nvme", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "leak", no_argument, NULL, 'l' },
		{ }
	};
	unsigned int seconds = 15, seed = clock_now() / 1000, owners = 0;
	const char *bdf = NULL;
	struct shared *shared;
	bool leak = false;
	int option;
	__u64 end;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			bdf = optarg;
			break;
		case 's':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'l':
			leak = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	shared = bdf ? shared_new() : NULL;
	if (!shared) {
		fputs(usage, stderr);
		return 2;
	}
	/* Of the survivors, too */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	note("seed %u, %u seconds", seed, seconds);
	/* time: how long it is asked to go on */
	end = deadline_in_ms(seconds * 1000);
	/* Both ways to die, at least */
	while ((owners < 4 || !deadline_passed(end)) && !shared->wrong[0]) {
		run_owner(shared, bdf, seed + owners, leak);
		owners++;
		note("%u owners killed, %lu times blocked, %lu landed", owners,
		     shared->blocked, shared->landed);
	}
	if (!shared->wrong[0])
		use_all_memory(shared);
	check(!shared->wrong[0], "not one byte arrived where nothing is mapped: %s",
	      shared->wrong[0] ? shared->wrong : "all as it was");
	check(shared->landed, "DMA was seen to arrive where it may %lu times",
	      shared->landed);
	check(leak || shared->blocked, "DMA was aimed at what was not mapped %lu times",
	      shared->blocked);
	check(leak || (shared->replaced && shared->freed),
	      "the address space was replaced %lu times, %lu pages freed under it",
	      shared->replaced, shared->freed);
	check(leak || owners >= 4, "%u owners were killed in the middle of it",
	      owners);
	return report_verdict("iommu-isolation");
}
