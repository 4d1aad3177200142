/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommu-fuzz: a coverage-guided fuzzer of /dev/iommu.
 *
 * An input is a sequence of calls. What a call makes (an object's ID, a file
 * descriptor, an IOVA) goes into a register, and later calls name it by that:
 * so a call can be put in and taken out anywhere, and the others keep their
 * meaning. As text, a call is a line (see text.c):
 *
 *	ioas_alloc ioas=i0
 *	ioas_map ioas=i0 flags=0x7 va=0x1000000000 length=0x1000 iova=0x1000000
 */
#ifndef IOMMU_FUZZ_H
#define IOMMU_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL

#define MAX_ARGS 14
#define MAX_CALLS 40
#define MAX_THREADS 3
/* Registers of each kind */
#define REGS 6

/* Longest text of an input */
#define TEXT_MAX 16384

/**
 * enum pool - kinds of registers, by the letter that names them
 */
enum pool {
	POOL_CTX,	/* c: /dev/iommu */
	POOL_IOAS,	/* i */
	POOL_HWPT,	/* h */
	POOL_MOCK,	/* s: a mock device */
	POOL_IDEV,	/* d: a device as bound */
	POOL_FAULT,	/* f */
	POOL_EVENT,	/* e: file of a fault queue or event queue */
	POOL_VIOMMU,	/* v */
	POOL_VDEV,	/* w */
	POOL_VEVENTQ,	/* q */
	POOL_QUEUE,	/* k: hardware queue */
	POOL_ACCESS,	/* a: file of an in-kernel access */
	POOL_PIN,	/* p: what an access has pinned */
	POOL_MEMFD,	/* m */
	POOL_DMABUF,	/* b */
	POOL_IOVA,	/* x */
	POOL_OFFSET,	/* o: for mmap() of a vIOMMU's region */
	POOL_LENGTH,	/* l: its length */
	POOL_COOKIE,	/* t: of a page fault */
	POOL_VFIO,	/* g: file of a VFIO device */
	POOLS,
	POOL_ANY,	/* whichever has an object's ID */
};

#define POOL_LETTERS "cihsdfevwqkapmbxoltg"

/**
 * enum kind - what an argument is
 */
enum kind {
	KIND_REG,	/* a register, of the pool */
	KIND_OUT,	/* the register that a field of the result goes into */
	KIND_RESULT,	/* the register that the call's own result goes into */
	KIND_FLAGS,	/* bits of the mask */
	KIND_CHOICE,	/* one of the choices, as a rule */
	KIND_ZERO,	/* reserved */
	KIND_IOVA,
	KIND_LENGTH,
	KIND_VA,
	KIND_PTR,	/* 1: the payload; else an address */
};

/* In place of a register's number: none */
#define NO_REG 0xff

struct arg {
	uint64_t val;		/* or the register's number */
	uint8_t is_reg;
	uint8_t pool;
};

struct arg_desc {
	const char *name;
	uint8_t kind;
	uint8_t pool;
	uint8_t bytes;
	uint8_t payload;	/* the field is in the payload */
	uint16_t offset;
	uint64_t mask;
	const uint64_t *choices;
	uint8_t nr_choices;
};

struct call;
struct worker;

/**
 * struct op - what can be called
 * @request: of an ioctl on args[0]
 * @size: of its structure, whose first field is the size
 * @test_op: of IOMMU_TEST_CMD
 * @weight: how often it is chosen; 0: seldom, as it takes long
 * @run: in place of an ioctl
 */
struct op {
	const char *name;
	unsigned long request;
	uint16_t size;
	uint32_t test_op;
	uint8_t nr_args;
	uint8_t weight;
	long (*run)(struct worker *worker, const uint64_t *vals);
	struct arg_desc args[MAX_ARGS];
};

extern const struct op *ops[];
extern unsigned int nr_ops;

/* Where the structure of an ioctl is */
enum place {
	PLACE_GOOD,
	PLACE_NULL,
	PLACE_READONLY,	/* read by the kernel, but not written to */
	PLACE_END,	/* its second half is not mapped */
};

/**
 * struct call - one call of an input
 * @thread: who makes it
 * @forked: a child process of its own does, and exits
 * @fail: make the nth allocation in it fail; 0 for none
 * @place: enum place
 * @bytes: what it says in the size field; 0: what is right
 */
struct call {
	uint8_t op;
	uint8_t thread;
	uint8_t forked;
	uint8_t place;
	uint16_t fail;
	uint16_t bytes;
	struct arg args[MAX_ARGS];
};

struct input {
	unsigned int nr;
	struct call calls[MAX_CALLS];
};

/*
 * Memory that inputs may map, unmap and change: at the same addresses in every
 * input, see memory.c. Far from the program, its heap, and what the kernel maps.
 */
#define ARENA		0x1000000000UL
#define ARENA_SIZE	0x02000000UL
#define ARENA_ANON	0x1000000000UL	/* 2 MiB, private */
#define ARENA_HUGE	0x1000400000UL	/* 4 MiB of transparent huge pages */
#define ARENA_FILE	0x1000800000UL	/* 1 MiB of memfd m0, shared */
#define ARENA_COW	0x1000a00000UL	/* the same, private */
#define ARENA_HUGETLB	0x1000c00000UL	/* 4 MiB of memfd m1 */
#define ARENA_RO	0x1001000000UL	/* 256 KiB, read-only */
#define ARENA_DATA	0x1001400000UL	/* 256 KiB, for bitmaps and data */
#define ARENA_FREE	0x1001800000UL	/* nothing there */

/* Descriptors of inputs are in between; those of the fuzzer beyond */
#define FD_FIRST 3
#define FD_LIMIT 900

/* memory.c */
int fd_keep(int fd);
bool memory_init(void);
void memory_reset(void);
int memory_fd(unsigned int index);
bool memory_file_intact(void);
void memory_changed(void);
extern const struct op memory_ops[];
extern const unsigned int nr_memory_ops;

/* ops.c, ops_test.c, files.c */
extern const struct op uapi_ops[];
extern const unsigned int nr_uapi_ops;
extern const struct op test_ops[];
extern const unsigned int nr_test_ops;
extern const struct op file_ops[];
extern const unsigned int nr_file_ops;
void ops_init(void);
int op_find(const char *name, size_t len);

/* exec.c */
struct worker {
	unsigned int id;
	uint8_t *page;		/* the structure of an ioctl */
	uint8_t *alias;		/* the same page, read-only */
	uint8_t *payload;
	int fail_fd;
	struct kcov *kcov;
	const struct call *call;
};

extern struct worker workers[MAX_THREADS];
extern bool exec_trace;

bool exec_init(void);
void exec_input(const struct input *input);
void exec_fork(uint64_t touch);
void exec_reap(void);
uint64_t *reg(unsigned int pool, unsigned int index);
bool fd_is_inputs(uint64_t fd);

/* files.c, vfio.c */
void vfio_device_found(unsigned int index, const char *device, const char *name,
		       const char *group);
void vfio_init(void);

/* kcov.c */
struct kcov *kcov_open(void);
void kcov_enable(struct kcov *kcov);
void kcov_reset(struct kcov *kcov);
unsigned long kcov_trace(struct kcov *kcov, const uint64_t **pcs);

/* cover.c */
#define MAX_NEW 512
struct edges {
	unsigned int nr;
	uint32_t at[MAX_NEW];
};

bool cover_init(void);
unsigned int cover_merge(struct edges *fresh);
bool cover_has(const struct edges *edges);
unsigned int cover_edges(void);
unsigned int cover_sites(void);

/* text.c */
size_t input_print(const struct input *input, char *buf, size_t size);
int input_parse(struct input *input, const char **text, const char *end,
		char *error, size_t size);

/* mutate.c */
void random_seed(uint64_t seed);
uint32_t random_below(uint32_t limit);
void input_mutate(struct input *input, const struct input *other);
void input_random(struct input *input);
void input_delete(struct input *input, unsigned int at);

/* corpus.c */
bool corpus_init(void);
unsigned int corpus_nr(void);
bool corpus_add(const struct input *input);
void corpus_pick(struct input *input);

/* board.c */
struct stats {
	uint64_t execs;
	uint64_t seconds;
	uint64_t loaded;	/* the corpus was read to its end */
	uint64_t kept;		/* inputs that this run found */
	uint64_t restarts;
	uint64_t slow;		/* inputs that had to be killed */
	uint64_t current;	/* number of the input that runs */
	uint64_t done;
	char stop[128];		/* why it stopped */
};

extern struct stats *stats;
bool board_init(const char *path);
void board_input(const char *text);
const char *board_current(void);
void board_site(uint64_t pc);
void board_keep(const char *text);
void board_stats(void);

/* check.c */
bool check_init(void);
bool check_after(bool thorough);
bool check_log(void);

#endif
