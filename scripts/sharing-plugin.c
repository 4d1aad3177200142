// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU TCG plugin that says where the guest's two CPUs take cache lines from
 * each other: it keeps, for each line, which of them have it as a machine would
 * that invalidates other copies when one is written to. An access counts where
 * the other CPU has the line and this one does not, or where it is written to.
 *
 * Arguments: mark=ADDRESS (a function that both CPUs call; what is counted is
 * counted while their calls alternate), wait=ADDRESS (up to MAX_WAITS functions
 * whose calls are counted), out=FILE. The output is that of profile-plugin.c, with
 * lines taken in place of instructions, and "waits ADDRESS NUMBER" for each of
 * those functions.
 */
#include <pthread.h>

#include "plugin.h"

#define MAX_CPUS 2
#define MAX_WAITS 16
#define HASH_SIZE (1U << 18)
#define NUM_LINES (1U << 20)
#define LINE_SHIFT 6

/* Further calls from one CPU alone do not count */
#define ALTERNATE_CALLS 64

struct insn {
	struct insn *same_hash;
	struct insn *all;
	uint64_t address;
	uint64_t taken[MAX_CPUS];	/* lines, from the other CPU */
};

EXPORT int qemu_plugin_version = 1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the next two */
static struct insn *hash[HASH_SIZE];
static struct insn *insns;

/* A line's address, and from bit 0 on which CPUs have it; the last one counts */
static uint64_t lines[NUM_LINES];
static uint64_t mark, calls, last_call[MAX_CPUS], calls_of_both;
static bool alternating;
static struct {
	uint64_t address;
	uint64_t calls;
} waits[MAX_WAITS];
static int num_waits;
static const char *out = "sharing.out";

static void accessed(unsigned int vcpu, qemu_plugin_meminfo_t info,
		     uint64_t address, void *data)
{
	uint64_t number = address >> LINE_SHIFT, state;
	uint64_t *line = &lines[(number ^ number >> 20) % NUM_LINES];
	unsigned int me = 1U << vcpu, all = (1U << MAX_CPUS) - 1;
	bool store = qemu_plugin_mem_is_store(info);
	struct insn *insn = data;

	state = __atomic_load_n(line, __ATOMIC_RELAXED);
	if (state >> MAX_CPUS != number)
		state = number << MAX_CPUS;
	if (state & all & ~me && (store || !(state & me)) &&
	    __atomic_load_n(&alternating, __ATOMIC_RELAXED))
		insn->taken[vcpu]++;
	if (store)
		state = number << MAX_CPUS;
	__atomic_store_n(line, state | me, __ATOMIC_RELAXED);
}

static void called(unsigned int vcpu, void *data)
{
	uint64_t now = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	uint64_t other;
	bool both;

	(void)data;
	__atomic_store_n(&last_call[vcpu], now, __ATOMIC_RELAXED);
	other = __atomic_load_n(&last_call[!vcpu], __ATOMIC_RELAXED);
	both = other && now - other < ALTERNATE_CALLS;
	__atomic_store_n(&alternating, both, __ATOMIC_RELAXED);
	if (both)
		__atomic_add_fetch(&calls_of_both, 1, __ATOMIC_RELAXED);
}

static void waited(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (__atomic_load_n(&alternating, __ATOMIC_RELAXED))
		__atomic_add_fetch((uint64_t *)data, 1, __ATOMIC_RELAXED);
}

static struct insn *insn_of(uint64_t address)
{
	struct insn **first = &hash[(address ^ address >> 18) % HASH_SIZE];
	struct insn *insn;

	pthread_mutex_lock(&lock);
	for (insn = *first; insn && insn->address != address;)
		insn = insn->same_hash;
	if (!insn) {
		insn = calloc(1, sizeof(*insn));
		if (!insn)
			abort();
		insn->address = address;
		insn->same_hash = *first;
		*first = insn;
		insn->all = insns;
		insns = insn;
	}
	pthread_mutex_unlock(&lock);
	return insn;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		qemu_plugin_register_vcpu_mem_cb(insn, accessed,
						 QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW,
						 insn_of(address));
		if (address == mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, called,
							       QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
		for (int n = 0; n < num_waits; n++)
			if (address == waits[n].address)
				qemu_plugin_register_vcpu_insn_exec_cb(
					insn, waited, QEMU_PLUGIN_CB_NO_REGS,
					&waits[n].calls);
	}
}

static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *file = open_output(out);

	(void)id;
	(void)data;
	if (!file)
		return;
	fprintf(file, "calls 0 %llu\n", (unsigned long long)calls_of_both);
	for (int n = 0; n < num_waits; n++)
		fprintf(file, "waits %llx %llu\n",
			(unsigned long long)waits[n].address,
			(unsigned long long)waits[n].calls);
	for (struct insn *insn = insns; insn; insn = insn->all)
		if (insn->taken[0] + insn->taken[1])
			fprintf(file, "0 %llx 1 %llu\n",
				(unsigned long long)insn->address,
				(unsigned long long)(insn->taken[0] +
						     insn->taken[1]));
	fclose(file);
}

/* The third argument is a structure that says what is emulated: not needed */
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	const char *value;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if ((value = option_value(argv[i], "mark")))
			mark = option_address(value);
		else if ((value = option_value(argv[i], "wait")) &&
			 num_waits < MAX_WAITS)
			waits[num_waits++].address = option_address(value);
		else if ((value = option_value(argv[i], "out")))
			out = strdup(value);
		else
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
