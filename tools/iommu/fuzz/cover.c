// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all inputs together have reached: edges, which are pairs of successive
 * places in a trace, and sites, which are the places.
 *
 * The maps are shared memory, as the process that fills them may be killed.
 */
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

#define EDGE_BITS 18
#define SITE_BITS 16

static struct maps {
	uint8_t edges[1 << EDGE_BITS];
	uint64_t sites[1 << SITE_BITS];
	unsigned int nr_edges;
	unsigned int nr_sites;
} *maps;

/* The edges of the latest input alone, for cover_has(): by its number */
static uint32_t latest[1 << EDGE_BITS];
static uint32_t latest_nr;

bool cover_init(void)
{
	maps = mmap(NULL, sizeof(*maps), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return maps != MAP_FAILED;
}

unsigned int cover_edges(void)
{
	return maps->nr_edges;
}

unsigned int cover_sites(void)
{
	return maps->nr_sites;
}

static void site_add(uint64_t pc)
{
	uint32_t at = (pc * 0x9e3779b97f4a7c15ULL) >> (64 - SITE_BITS);

	while (maps->sites[at]) {
		if (maps->sites[at] == pc)
			return;
		at = (at + 1) & ((1 << SITE_BITS) - 1);
	}
	if (maps->nr_sites >= (1 << SITE_BITS) / 2)
		return;
	maps->sites[at] = pc;
	maps->nr_sites++;
	board_site(pc);
}

static uint32_t edge_of(uint64_t from, uint64_t to)
{
	uint32_t hash = (uint32_t)from * 0x9e3779b1U ^ (uint32_t)to * 0x85ebca6bU;

	return (hash ^ hash >> 15) & ((1 << EDGE_BITS) - 1);
}

/**
 * cover_merge() - Add what the input reached that has just run
 * @fresh: gets the edges that no input reached before; may be NULL
 *
 * Return: how many there are.
 */
unsigned int cover_merge(struct edges *fresh)
{
	unsigned int nr_fresh = 0, i;

	latest_nr++;
	if (fresh)
		fresh->nr = 0;
	for (i = 0; i != MAX_THREADS; i++) {
		const uint64_t *pcs;
		unsigned long nr = kcov_trace(workers[i].kcov, &pcs), at;
		uint64_t from = 0;

		for (at = 0; at != nr; at++) {
			uint32_t edge = edge_of(from, pcs[at]);

			from = pcs[at];
			latest[edge] = latest_nr;
			if (maps->edges[edge])
				continue;
			maps->edges[edge] = 1;
			maps->nr_edges++;
			site_add(from);
			nr_fresh++;
			if (fresh && fresh->nr < MAX_NEW)
				fresh->at[fresh->nr++] = edge;
		}
	}
	return nr_fresh;
}

/* Did the latest input reach all of these? */
bool cover_has(const struct edges *edges)
{
	unsigned int i;

	for (i = 0; i != edges->nr; i++) {
		if (latest[edges->at[i]] != latest_nr)
			return false;
	}
	return true;
}
