// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inputs that are worth changing further. In shared memory: the process
 * that adds to it may be killed.
 */
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

#define CORPUS_INPUTS 8192
#define CORPUS_BYTES (96UL << 20)

static struct corpus {
	unsigned int nr;
	size_t used;
	struct {
		size_t at;
		unsigned int calls;
	} inputs[CORPUS_INPUTS];
	uint8_t bytes[CORPUS_BYTES];
} *corpus;

bool corpus_init(void)
{
	corpus = mmap(NULL, sizeof(*corpus), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return corpus != MAP_FAILED;
}

unsigned int corpus_nr(void)
{
	return corpus->nr;
}

bool corpus_add(const struct input *input)
{
	size_t len = input->nr * sizeof(input->calls[0]);

	if (corpus->nr == CORPUS_INPUTS || corpus->used + len > CORPUS_BYTES)
		return false;
	memcpy(corpus->bytes + corpus->used, input->calls, len);
	corpus->inputs[corpus->nr].at = corpus->used;
	corpus->inputs[corpus->nr].calls = input->nr;
	corpus->used += len;
	corpus->nr++;
	return true;
}

/**
 * corpus_pick() - Choose an input; the younger, the likelier
 * @input: gets it; a random one while there is none
 */
void corpus_pick(struct input *input)
{
	unsigned int at;

	if (!corpus->nr) {
		input_random(input);
		return;
	}
	at = random_below(corpus->nr);
	if (random_below(3) == 0 && corpus->nr > 16)
		at = corpus->nr - 1 - random_below(corpus->nr / 4 + 1);
	input->nr = corpus->inputs[at].calls;
	memcpy(input->calls, corpus->bytes + corpus->inputs[at].at,
	       input->nr * sizeof(input->calls[0]));
}
