// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU TCG plugin that says in which functions of the guest's kernel system
 * calls spend their instructions. Every block that ran since a system call began
 * is put down to the first marked function that the call came through; calls
 * that came through none do not count.
 *
 * Arguments: entry=ADDRESS (where system calls begin), mark=ADDRESS (up to
 * MAX_MARKS), out=FILE. The output has a line "calls MARK NUMBER" for each mark,
 * and lines "MARK ADDRESS INSTRUCTIONS TIMES" for the blocks.
 */
#include "plugin.h"

#define MAX_MARKS 16
#define NO_MARK (-1)
#define HASH_SIZE (1U << 16)

/* Code that runs in one go; one for every address and length there is */
struct block {
	struct block *same_hash;
	struct block *all;
	struct block *ran;	/* the next one that ran in this system call */
	uint64_t address;
	uint64_t instructions;
	uint64_t now;		/* times, in this system call */
	uint64_t times[MAX_MARKS];
	int mark;
	bool is_entry;
};

EXPORT int qemu_plugin_version = 1;

static struct block *hash[HASH_SIZE];
static struct block *blocks, *running;
static uint64_t entry, mark[MAX_MARKS], calls[MAX_MARKS];
static int num_marks;
static int current = NO_MARK;
static const char *out = "profile.out";

static void system_call_ended(void)
{
	struct block *block, *next;

	if (current != NO_MARK)
		calls[current]++;
	for (block = running; block; block = next) {
		next = block->ran;
		if (current != NO_MARK)
			block->times[current] += block->now;
		block->now = 0;
	}
	running = NULL;
	current = NO_MARK;
}

static void block_ran(unsigned int vcpu, void *data)
{
	struct block *block = data;

	(void)vcpu;
	if (block->is_entry)
		system_call_ended();
	if (block->mark != NO_MARK && current == NO_MARK)
		current = block->mark;
	if (!block->now++) {
		block->ran = running;
		running = block;
	}
}

static struct block *block_of(uint64_t address, uint64_t instructions)
{
	struct block **first = &hash[(address ^ address >> 16) % HASH_SIZE];
	struct block *block;

	for (block = *first; block; block = block->same_hash)
		if (block->address == address &&
		    block->instructions == instructions)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->instructions = instructions;
	block->is_entry = address == entry;
	block->mark = NO_MARK;
	for (int i = 0; i < num_marks; i++)
		if (mark[i] == address)
			block->mark = i;
	block->same_hash = *first;
	*first = block;
	block->all = blocks;
	blocks = block;
	return block;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_ran,
					     QEMU_PLUGIN_CB_NO_REGS,
					     block_of(qemu_plugin_tb_vaddr(tb),
						      qemu_plugin_tb_n_insns(tb)));
}

static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *file = open_output(out);

	(void)id;
	(void)data;
	if (!file)
		return;
	for (int i = 0; i < num_marks; i++)
		fprintf(file, "calls %d %llu\n", i, (unsigned long long)calls[i]);
	for (struct block *block = blocks; block; block = block->all)
		for (int i = 0; i < num_marks; i++)
			if (block->times[i])
				fprintf(file, "%d %llx %llu %llu\n", i,
					(unsigned long long)block->address,
					(unsigned long long)block->instructions,
					(unsigned long long)block->times[i]);
	fclose(file);
}

/* The third argument is a structure that says what is emulated: not needed */
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	const char *value;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if ((value = option_value(argv[i], "entry")))
			entry = option_address(value);
		else if ((value = option_value(argv[i], "mark")) &&
			 num_marks < MAX_MARKS)
			mark[num_marks++] = option_address(value);
		else if ((value = option_value(argv[i], "out")))
			out = strdup(value);
		else
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
