// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the fuzzer writes what must outlive the machine: memory that is a file
 * of the host's, or any file. All of it is text, padded with NULs:
 *
 *	0		figures, one line
 *	64 KiB		the last 32 inputs, 16 KiB each, headed by "# number"
 *	1 MiB		PCs that were reached, one a line
 *	2 MiB		inputs that are worth keeping
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define BOARD_SIZE 0x1000000UL
#define RING_AT 0x10000UL
#define RING_SLOTS 32
#define SITES_AT 0x100000UL
#define SITES_END 0x200000UL
#define KEEP_AT 0x200000UL

struct stats *stats;

static char *board;
/* Shared with the process that comes after this one, as stats are */
static struct where {
	struct stats stats;
	size_t sites;
	size_t keep;
} *where;

/**
 * board_init() - Map the board
 * @path: the file; NULL: nobody will read it
 *
 * Return: false, with a word on standard error, where that fails.
 */
bool board_init(const char *path)
{
	int flags = MAP_SHARED;
	int fd = -1;

	where = mmap(NULL, sizeof(*where), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (where == MAP_FAILED)
		return false;
	stats = &where->stats;
	where->sites = SITES_AT;
	where->keep = KEEP_AT;

	if (path) {
		fd = fd_keep(open(path, O_RDWR | O_CLOEXEC));
		if (fd < 0) {
			perror(path);
			return false;
		}
	} else {
		flags |= MAP_ANONYMOUS;
	}
	board = mmap(NULL, BOARD_SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (board == MAP_FAILED) {
		perror(path ? path : "mmap");
		return false;
	}
	return true;
}

/* The input that is about to run */
void board_input(const char *text)
{
	uint64_t nr = ++stats->current;
	char *slot = board + RING_AT + nr % RING_SLOTS * TEXT_MAX;
	int head;

	slot[0] = '\0';
	head = snprintf(slot, 32, "# %llu\n", (unsigned long long)nr);
	strncpy(slot + head, text, TEXT_MAX - head - 1);
}

/* The input that runs, or ran last */
const char *board_current(void)
{
	return board + RING_AT + stats->current % RING_SLOTS * TEXT_MAX;
}

void board_site(uint64_t pc)
{
	if (where->sites + 20 > SITES_END)
		return;
	where->sites += snprintf(board + where->sites, 20, "%llx\n",
				 (unsigned long long)pc);
}

void board_keep(const char *text)
{
	size_t len = strlen(text);

	if (where->keep + len + 2 > BOARD_SIZE)
		return;
	memcpy(board + where->keep, text, len);
	board[where->keep + len] = '\n';
	where->keep += len + 1;
}

void board_stats(void)
{
	snprintf(board, RING_AT,
		 "execs=%llu seconds=%llu edges=%u sites=%u corpus=%u kept=%llu restarts=%llu slow=%llu loaded=%llu done=%llu stop=%s\n",
		 (unsigned long long)stats->execs,
		 (unsigned long long)stats->seconds, cover_edges(),
		 cover_sites(), corpus_nr(), (unsigned long long)stats->kept,
		 (unsigned long long)stats->restarts,
		 (unsigned long long)stats->slow,
		 (unsigned long long)stats->loaded,
		 (unsigned long long)stats->done, stats->stop);
}
