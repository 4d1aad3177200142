// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU TCG plugin that says where the guest's two CPUs take cache lines from
 * each other: it keeps, for each line, which of them have it as a machine would
 * that invalidates other copies when one is written to. An access counts where
 * the other CPU has the line and this one does not, or where it is written to.
 *
 * Arguments: mark=ADDRESS (a function that both CPUs call; what is counted is
 * counted while their calls alternate), wait=ADDRESS (up to MAX_WAITS functions whose calls are counted),
 * out=FILE. The output is that of profile-plugin.c, with lines taken in place of
 * instructions, and a line "waits ADDRESS NUMBER" for each of those functions.
 *
 * Debian has no package with QEMU's plugin header: the few declarations that are
 * used here follow its documentation (API version 1).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int vcpu,
						       void *data),
					    enum qemu_plugin_cb_flags flags,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*cb)(unsigned int vcpu,
						 qemu_plugin_meminfo_t info,
						 uint64_t address, void *data),
				      enum qemu_plugin_cb_flags flags,
				      enum qemu_plugin_mem_rw rw, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

#define EXPORT __attribute__((visibility("default")))
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
	FILE *file = fopen(out, "w");

	(void)id;
	(void)data;
	if (!file) {
		perror(out);
		return;
	}
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
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "mark=", 5))
			mark = strtoull(argv[i] + 5, NULL, 16);
		else if (!strncmp(argv[i], "wait=", 5) && num_waits < MAX_WAITS)
			waits[num_waits++].address =
				strtoull(argv[i] + 5, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
		else
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
