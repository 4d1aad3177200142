// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where new inputs come from: random calls, with arguments that tend to be
 * right; and small changes to inputs that reached something.
 */
#include <string.h>

#include "fuzz.h"

/* How deep a call may ask for the calls that make what it needs */
#define DEPTH 4

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL | 1;
}

static uint64_t random_u64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

/* Of [0, limit) */
uint32_t random_below(uint32_t limit)
{
	return (random_u64() >> 32) * limit >> 32;
}

static bool one_in(unsigned int n)
{
	return !random_below(n);
}

static const uint64_t strange[] = {
	0, 1, 2, 0x7ff, 0x800, 0xfff, 0x1000, 0x1001, 0x7fffffff, 0x80000000,
	0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffffffff000, 0xffffffffffffffff, 0xffff888000000000,
};

static uint64_t random_strange(void)
{
	return strange[random_below(ARRAY_SIZE(strange))];
}

/* The mock IOMMU's aperture is 16 MiB to 2 GiB; pages of 2 KiB */
static uint64_t random_iova(void)
{
	uint64_t base = 0x1000000;

	switch (random_below(16)) {
	case 0:
		return random_strange();
	case 1:
		return 0x80000000 - (random_below(4) + 1) * PAGE;
	case 2:
		return base + random_below(64) * 0x800;
	case 3:
		return base + random_below(0x40000);
	case 4:
	case 5:
		return base + random_below(4) * 0x200000;
	default:
		return base + random_below(32) * PAGE;
	}
}

static uint64_t random_length(void)
{
	switch (random_below(16)) {
	case 0:
		return random_strange();
	case 1:
		return random_below(0x8000);
	case 2:
		return (random_below(64) + 1) * PAGE;
	case 3:
		return 0x200000;
	case 4:
		return 0x800;
	case 5:
		return 0;
	default:
		return (random_below(8) + 1) * PAGE;
	}
}

static uint64_t random_va(void)
{
	static const struct {
		uint64_t at;
		uint64_t size;
	} areas[] = {
		{ ARENA_ANON, 0x200000 }, { ARENA_ANON, 0x200000 },
		{ ARENA_FILE, 0x100000 }, { ARENA_FILE, 0x100000 },
		{ ARENA_COW, 0x100000 }, { ARENA_HUGE, 0x400000 },
		{ ARENA_HUGETLB, 0x400000 }, { ARENA_RO, 0x40000 },
		{ ARENA_DATA, 0x40000 }, { ARENA_FREE, 0x10000 },
	};
	unsigned int area = random_below(ARRAY_SIZE(areas));
	uint64_t va = areas[area].at + random_below(16) * PAGE;

	/* Just before its end: behind it, there may be nothing */
	if (one_in(8))
		va = areas[area].at + areas[area].size -
		     (1 + random_below(4)) * PAGE;
	if (one_in(12))
		va += random_below(PAGE);
	return one_in(40) ? random_strange() : va;
}

/* What an earlier call has for the same kind of argument: the same memory */
static bool find_value(const struct input *input, unsigned int before,
		       unsigned int kind, uint64_t *val)
{
	unsigned int found = 0, i, k;

	for (i = 0; i != before; i++) {
		const struct op *op = ops[input->calls[i].op];

		for (k = 0; k != op->nr_args; k++) {
			const struct arg *arg = &input->calls[i].args[k];

			if (op->args[k].kind == kind && !arg->is_reg &&
			    arg->val && one_in(++found))
				*val = arg->val;
		}
	}
	return found;
}

/* That, or some pages further */
static bool find_near(const struct input *input, unsigned int before,
		      unsigned int kind, uint64_t *val)
{
	if (!one_in(2) || !find_value(input, before, kind, val))
		return false;
	if (one_in(3))
		*val += random_below(8) * PAGE;
	return true;
}

static uint64_t random_flags(uint64_t mask)
{
	uint64_t flags = random_u64() & mask;

	if (one_in(3))
		flags = mask;
	if (one_in(30))
		flags ^= 1ULL << random_below(64);
	return flags;
}

/* Does a call before @before put something into a register of @pool? */
static bool find_producer(const struct input *input, unsigned int before,
			  unsigned int pool, uint64_t *index)
{
	unsigned int found = 0, i, k;

	for (i = 0; i != before; i++) {
		const struct op *op = ops[input->calls[i].op];

		for (k = 0; k != op->nr_args; k++) {
			const struct arg *arg = &input->calls[i].args[k];

			if (op->args[k].kind != KIND_OUT &&
			    op->args[k].kind != KIND_RESULT)
				continue;
			if (arg->pool != pool || arg->val >= REGS)
				continue;
			/* Each of them with the same probability */
			if (one_in(++found))
				*index = arg->val;
		}
	}
	return found;
}

static const uint8_t object_pools[] = {
	POOL_IOAS, POOL_HWPT, POOL_MOCK, POOL_IDEV, POOL_FAULT, POOL_VIOMMU,
	POOL_VDEV, POOL_VEVENTQ, POOL_QUEUE,
};

static unsigned int random_object_pool(void)
{
	return object_pools[random_below(ARRAY_SIZE(object_pools))];
}

static void random_reg(const struct input *input, unsigned int before,
		       const struct arg_desc *desc, struct arg *arg)
{
	unsigned int pool = desc->pool;
	unsigned int tries = 4;

	arg->is_reg = 1;
	while (desc->pool == POOL_ANY && tries--) {
		pool = random_object_pool();
		if (find_producer(input, before, pool, &arg->val))
			break;
	}
	/* An object of another kind */
	if (pool < POOL_FAULT && pool != POOL_CTX && one_in(12))
		pool = random_object_pool();
	if (one_in(60)) {
		arg->is_reg = 0;
		arg->val = one_in(2) ? random_strange() : random_below(16);
		return;
	}
	arg->pool = pool;
	if (pool == POOL_CTX && !one_in(6)) {
		arg->val = 0;
		return;
	}
	if (pool == POOL_MEMFD && one_in(2)) {
		arg->val = random_below(2);
		return;
	}
	if (!find_producer(input, before, pool, &arg->val) || one_in(30))
		arg->val = random_below(REGS);
}

static void random_arg(const struct input *input, unsigned int before,
		       const struct arg_desc *desc, struct arg *arg)
{
	memset(arg, 0, sizeof(*arg));
	switch (desc->kind) {
	case KIND_REG:
		random_reg(input, before, desc, arg);
		break;
	case KIND_OUT:
	case KIND_RESULT:
		arg->is_reg = 1;
		arg->pool = desc->pool;
		arg->val = one_in(20) ? NO_REG : random_below(REGS);
		/* The context that all the others use stays what it is */
		if (arg->pool == POOL_CTX && !arg->val)
			arg->val = 1;
		break;
	case KIND_FLAGS:
		arg->val = random_flags(desc->mask);
		break;
	case KIND_CHOICE:
		arg->val = desc->choices[random_below(one_in(3) ?
			desc->nr_choices : (desc->nr_choices + 1) / 2)];
		if (one_in(40))
			arg->val = random_strange();
		break;
	case KIND_ZERO:
		arg->val = one_in(60) ? 1 + random_below(255) : 0;
		break;
	case KIND_IOVA:
		if (one_in(4) &&
		    find_producer(input, before, POOL_IOVA, &arg->val)) {
			arg->is_reg = 1;
			arg->pool = POOL_IOVA;
		} else if (!find_near(input, before, KIND_IOVA, &arg->val)) {
			arg->val = random_iova();
		}
		break;
	case KIND_LENGTH:
		if (!one_in(3) || !find_value(input, before, KIND_LENGTH, &arg->val))
			arg->val = random_length();
		break;
	case KIND_VA:
		if (!find_near(input, before, KIND_VA, &arg->val))
			arg->val = random_va();
		break;
	case KIND_PTR:
		arg->val = 1;
		if (one_in(8))
			arg->val = one_in(3) ? 0 : random_va();
		else if (one_in(4))
			arg->val = ARENA_DATA + random_below(2) * 4000;
		break;
	}
}

static void random_manner(struct call *call)
{
	if (one_in(80))
		call->forked = 1;
	if (one_in(60))
		call->place = random_below(PLACE_END + 1);
	if (one_in(80)) {
		static const uint16_t sizes[] = { 1, 3, 4, 8, 12, 24, 48, 49, 56, 64,
						  65, 4096, 4097, 65535 };

		call->bytes = sizes[random_below(ARRAY_SIZE(sizes))];
	}
	if (one_in(30))
		call->fail = 1 + random_below(one_in(2) ? 6 : 40);
}

static unsigned int op_weight(unsigned int op)
{
	return ops[op]->weight ? ops[op]->weight * 8 : 1;
}

static unsigned int random_op(void)
{
	static unsigned int total;
	unsigned int at, i;

	if (!total) {
		for (i = 0; i != nr_ops; i++)
			total += op_weight(i);
	}
	at = random_below(total);
	for (i = 0; at >= op_weight(i); i++)
		at -= op_weight(i);
	return i;
}

/* An operation that makes what belongs into @pool, or nr_ops */
static unsigned int producer_of(unsigned int pool)
{
	unsigned int found = 0, op = nr_ops, i, k;

	for (i = 0; i != nr_ops; i++) {
		for (k = 0; k != ops[i]->nr_args; k++) {
			const struct arg_desc *desc = &ops[i]->args[k];

			if ((desc->kind == KIND_OUT || desc->kind == KIND_RESULT) &&
			    desc->pool == pool && one_in(++found))
				op = i;
		}
	}
	return op;
}

static void make_room(struct input *input, unsigned int at)
{
	memmove(&input->calls[at + 1], &input->calls[at],
		(input->nr - at) * sizeof(input->calls[0]));
	input->nr++;
}

/* Puts a call at @at, those that it needs before it; returns what is behind */
static unsigned int insert_call(struct input *input, unsigned int at,
				unsigned int op, unsigned int depth)
{
	const struct op *desc = ops[op];
	struct call call = { .op = op };
	uint64_t index;
	unsigned int i;

	for (i = 0; i != desc->nr_args && depth; i++) {
		unsigned int pool = desc->args[i].pool, producer;

		if (desc->args[i].kind != KIND_REG || pool == POOL_CTX ||
		    pool == POOL_ANY || one_in(5) ||
		    find_producer(input, at, pool, &index))
			continue;
		producer = producer_of(pool);
		if (producer != nr_ops && input->nr < MAX_CALLS - 1)
			at = insert_call(input, at, producer, depth - 1);
	}
	if (input->nr == MAX_CALLS)
		return at;
	for (i = 0; i != desc->nr_args; i++)
		random_arg(input, at, &desc->args[i], &call.args[i]);
	random_manner(&call);
	make_room(input, at);
	input->calls[at] = call;
	return at + 1;
}

/* An input made of nothing */
void input_random(struct input *input)
{
	unsigned int nr = 2 + random_below(10);

	input->nr = 0;
	while (input->nr < nr)
		insert_call(input, input->nr, random_op(), DEPTH);
}

void input_delete(struct input *input, unsigned int at)
{
	input->nr--;
	memmove(&input->calls[at], &input->calls[at + 1],
		(input->nr - at) * sizeof(input->calls[0]));
}

static void mutate_arg(struct input *input)
{
	unsigned int at = random_below(input->nr), i;
	struct call *call = &input->calls[at];
	const struct op *op = ops[call->op];
	struct arg *arg;

	if (!op->nr_args || one_in(16)) {
		random_manner(call);
		return;
	}
	i = random_below(op->nr_args);
	arg = &call->args[i];
	/* A little more, or less */
	if (!arg->is_reg && one_in(3)) {
		static const uint64_t steps[] = { 1, 8, 0x800, PAGE, 0x200000 };
		uint64_t step = steps[random_below(ARRAY_SIZE(steps))];

		arg->val += one_in(2) ? step : -step;
		return;
	}
	random_arg(input, at, &op->args[i], arg);
}

/* Let other threads have some of the calls */
static void mutate_threads(struct input *input)
{
	unsigned int from = random_below(input->nr);
	unsigned int nr = 1 + random_below(6), i;

	if (one_in(4)) {
		for (i = 0; i != input->nr; i++)
			input->calls[i].thread = 0;
		return;
	}
	for (i = from; i < input->nr && i < from + nr; i++)
		input->calls[i].thread = random_below(MAX_THREADS);
}

static void splice(struct input *input, const struct input *other)
{
	unsigned int nr, from, at;

	if (!other->nr)
		return;
	from = one_in(2) ? 0 : random_below(other->nr);
	nr = 1 + random_below(other->nr - from);
	at = one_in(2) ? input->nr : random_below(input->nr + 1);
	while (nr-- && input->nr < MAX_CALLS) {
		make_room(input, at);
		input->calls[at++] = other->calls[from++];
	}
}

static void duplicate(struct input *input)
{
	unsigned int from = random_below(input->nr);
	unsigned int to = random_below(input->nr + 1);
	struct call call = input->calls[from];

	if (input->nr == MAX_CALLS)
		return;
	make_room(input, to);
	input->calls[to] = call;
}

/**
 * input_mutate() - Change an input
 * @input: the input
 * @other: another one, parts of which may be taken
 */
void input_mutate(struct input *input, const struct input *other)
{
	unsigned int changes = 1 + random_below(one_in(4) ? 8 : 3);

	while (changes--) {
		unsigned int dice = random_below(100);

		if (!input->nr || dice < 40)
			insert_call(input, one_in(2) ? input->nr :
				    random_below(input->nr + 1), random_op(),
				    DEPTH);
		else if (dice < 72)
			mutate_arg(input);
		else if (dice < 80)
			input_delete(input, random_below(input->nr));
		else if (dice < 85)
			duplicate(input);
		else if (dice < 91)
			splice(input, other);
		else if (dice < 96)
			mutate_threads(input);
		else
			input->calls[random_below(input->nr)].fail =
				1 + random_below(30);
	}
	if (!input->nr)
		input_random(input);
}
