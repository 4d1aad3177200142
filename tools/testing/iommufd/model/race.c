// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another thread that comes at the worst moment: when an area was just set live, it
 * unmaps the area and is done with it before the first thread goes on. There is
 * one thread here: it does the other's call in the middle of its own, where it
 * holds nothing that the other one would have to wait for.
 */
#include <shim/plain.h>

#include "area.h"
#include "ops.h"

static unsigned int next_race, race, seen;
static bool running, published;
static struct ref_space *space;
static struct ref_area *areas;
static unsigned int nr_areas;

/* In the next operation another thread comes when the @nr-th area is live */
void op_race(unsigned int nr)
{
	OP("(%u)", nr);
	next_race = nr;
	op_end(0);
}

void race_reset(void)
{
	next_race = 0;
	running = false;
}

void race_begin(void)
{
	if (running)
		return;
	race = next_race;
	next_race = 0;
	seen = 0;
	published = false;
	nr_areas = 0;
}

/* What the call that follows makes live, if it succeeds */
void race_publish(struct ref_space *s, struct ref_area *new_areas,
		  unsigned int nr)
{
	if (running)
		return;
	space = s;
	areas = new_areas;
	nr_areas = nr;
}

/* Did the reference have to be told before the call was over? */
bool race_end(void)
{
	nr_areas = 0;
	return published;
}

static struct ref_space *space_of_reader(void)
{
	for (unsigned int i = 0; i != MODEL_SPACES; i++)
		if (ref_spaces[i].iopt.domains_lock.lock.readers)
			return &ref_spaces[i];
	return NULL;
}

void shim_published(void *where)
{
	struct iopgt_area *area = container_of(where, struct iopgt_area, state);
	unsigned long first = area->node.first, last = area->node.last;
	bool fault_hit = model_fault_hit;
	struct ref_space *s;

	if (likely(!race) || running)
		return;
	s = space_of_reader();
	/* Holds it domains_lock alone, and for reading? */
	if (!s || shim_plain.held != 1 || ++seen != race)
		return;
	if (nr_areas && !published) {
		op_areas_appear(space, areas, nr_areas,
				first - areas[seen - 1].first);
		published = true;
	}
	running = true;
	s->iopt.domains_lock.lock.readers--;
	shim_plain.held--;
	if (model_verbose)
		model_print(" /* meanwhile:\n");
	op_unmap(s - ref_spaces, first, last - first + 1);
	if (model_verbose)
		model_print("\t*/");
	s->iopt.domains_lock.lock.readers++;
	shim_plain.held++;
	model_fault_hit = fault_hit;
	running = false;
}

void model_check_locks(void)
{
	MODEL_CHECK(!shim_plain.held, "a lock is held behind a call");
}
