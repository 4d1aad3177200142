// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arena: memory of every kind, and what becomes of it while it is mapped.
 *
 * All of it is new for each input, but for the files m0 and m1, which are as
 * long as no input changes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "op_table.h"

#define FILE_BYTES 0x100000UL
#define HUGETLB_BYTES 0x400000UL
#define PATTERN_BYTES 0x40000UL

static const uint64_t choose_prot[] = { PROT_READ | PROT_WRITE, PROT_READ,
					PROT_NONE, PROT_READ | PROT_EXEC };
static const uint64_t choose_kind[] = { 0, 1, 2, 3 };
static const uint64_t choose_advice[] = { MADV_DONTNEED, MADV_REMOVE,
					  MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_FREE,
					  MADV_POPULATE_READ, MADV_POPULATE_WRITE,
					  MADV_COLLAPSE, MADV_MERGEABLE, MADV_COLD,
					  MADV_PAGEOUT, MADV_DONTFORK, MADV_DOFORK,
					  MADV_WIPEONFORK };
static const uint64_t choose_size[] = { 1 << 20, 0, 4096, 8192, 65536, 100, 1 << 21,
					1 << 22 };
static const uint64_t choose_punch[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					 0, FALLOC_FL_KEEP_SIZE };
static const uint64_t choose_memfd[] = { 0, MFD_ALLOW_SEALING, MFD_HUGETLB };
static const uint64_t choose_seal[] = { F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE,
					F_SEAL_FUTURE_WRITE, F_SEAL_SEAL };
static const uint64_t choose_node[] = { 0, 1, 2 };
static const uint64_t choose_limit[] = { ~0ULL, 0, 1, 4, 16, 64 };
static const uint64_t choose_bool[] = { 0, 1 };

static int files[2] = { -1, -1 };
static int pattern_fd = -1, compact_fd = -1;
static bool changed_map, changed_file[2], changed_limit, changed_cap;

/* Move a descriptor out of the way of those that inputs get */
int fd_keep(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_LIMIT);

	if (fd >= 0)
		close(fd);
	return high;
}

int memory_fd(unsigned int index)
{
	return index < ARRAY_SIZE(files) ? files[index] : -1;
}

/* Is ARENA_FILE still what it was in the beginning? */
bool memory_file_intact(void)
{
	return !changed_file[0];
}

/* An input has mapped something into the arena */
void memory_changed(void)
{
	changed_map = true;
}

static bool map_at(unsigned long at, size_t length, int prot, int flags, int fd)
{
	return mmap((void *)at, length, prot, flags | MAP_FIXED | MAP_NORESERVE,
		    fd, 0) != MAP_FAILED;
}

static bool map_files(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	/* There may be no huge pages */
	map_at(ARENA_HUGETLB, HUGETLB_BYTES, rw, MAP_SHARED, files[1]);
	return map_at(ARENA_FILE, FILE_BYTES, rw, MAP_SHARED, files[0]) &&
	       map_at(ARENA_COW, FILE_BYTES, rw, MAP_PRIVATE, files[0]);
}

static bool map_anon(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const int rw = PROT_READ | PROT_WRITE;

	return map_at(ARENA_ANON, 2UL << 20, rw, flags, -1) &&
	       !madvise((void *)ARENA_ANON, 2UL << 20, MADV_NOHUGEPAGE) &&
	       map_at(ARENA_HUGE, 4UL << 20, rw, flags, -1) &&
	       map_at(ARENA_RO, 256UL << 10, PROT_READ, flags, -1);
}

static bool make_file(unsigned int index)
{
	if (files[index] >= 0)
		close(files[index]);
	files[index] = fd_keep(memfd_create("fuzz", MFD_CLOEXEC |
					    (index ? MFD_HUGETLB : MFD_ALLOW_SEALING)));
	return files[index] >= 0 &&
	       !ftruncate(files[index], index ? HUGETLB_BYTES : FILE_BYTES);
}

static void set_cap(bool privileged)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	/* With it, nothing is charged */
	if (syscall(SYS_capget, &head, caps))
		return;
	if (privileged)
		caps[0].effective |= 1 << CAP_IPC_LOCK;
	else
		caps[0].effective &= ~(1 << CAP_IPC_LOCK);
	syscall(SYS_capset, &head, caps);
}

static void set_limit(uint64_t pages)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	if (pages < RLIM_INFINITY / PAGE)
		limit.rlim_cur = pages * PAGE;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* What inputs write: bits that are set, and some that are not */
static int pattern_file(void)
{
	int fd = fd_keep(memfd_create("pattern", MFD_CLOEXEC));
	uint8_t page[PAGE];
	unsigned int i;

	for (i = 0; i != PAGE; i++)
		page[i] = 0xff - i;
	for (i = 0; i != PATTERN_BYTES / PAGE; i++) {
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			return -1;
	}
	return fd;
}

/**
 * memory_init() - Make the arena
 *
 * In each process that runs inputs.
 *
 * Return: whether that was possible.
 */
bool memory_init(void)
{
	static bool opened;

	if (!opened) {
		pattern_fd = pattern_file();
		compact_fd = fd_keep(open("/proc/sys/vm/compact_memory",
					  O_WRONLY | O_CLOEXEC));
		opened = true;
	}
	set_cap(false);
	set_limit(~0ULL);
	if (!make_file(0))
		return false;
	make_file(1);
	return map_at(ARENA, ARENA_SIZE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1) &&
	       !munmap((void *)ARENA, ARENA_SIZE) && map_files() && map_anon() &&
	       map_at(ARENA_DATA, 256UL << 10, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1);
}

/* After an input: the arena as it was */
void memory_reset(void)
{
	bool files_changed = changed_file[0] || changed_file[1];
	unsigned int i;

	if (changed_cap)
		set_cap(false);
	if (changed_limit)
		set_limit(~0ULL);
	for (i = 0; i != ARRAY_SIZE(files); i++) {
		if (changed_file[i])
			make_file(i);
		changed_file[i] = false;
	}
	if (changed_map) {
		munmap((void *)ARENA, ARENA_DATA - ARENA);
		munmap((void *)ARENA_FREE, ARENA + ARENA_SIZE - ARENA_FREE);
		map_at(ARENA_DATA, 256UL << 10, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1);
	}
	if (changed_map || files_changed)
		map_files();
	if (changed_map) {
		map_anon();
	} else {
		madvise((void *)ARENA_ANON, 2UL << 20, MADV_DONTNEED);
		madvise((void *)ARENA_HUGE, 4UL << 20, MADV_DONTNEED);
		madvise((void *)ARENA_COW, FILE_BYTES, MADV_DONTNEED);
	}
	changed_map = false;
	changed_cap = false;
	changed_limit = false;
}

static long result(long rc)
{
	return rc < 0 ? -errno : rc;
}

/* Whatever the value, pages in the arena; nothing else of ours is touched */
static void *arena_at(uint64_t va)
{
	return (void *)(ARENA + (va & (ARENA_SIZE - 1) & ~(PAGE - 1)));
}

static size_t arena_length(const void *at, uint64_t length)
{
	size_t left = ARENA + ARENA_SIZE - (unsigned long)at;

	length = (length + PAGE - 1) & ~(PAGE - 1) & 0xffffff;
	return length < left ? length : left;
}

static void file_changes(uint64_t fd)
{
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(files); i++) {
		if (fd == (uint64_t)files[i])
			changed_file[i] = true;
	}
}

/* Only those that inputs may change */
static int file_of(uint64_t fd)
{
	file_changes(fd);
	if (fd == (uint64_t)files[0] || fd == (uint64_t)files[1])
		return fd;
	return fd_is_inputs(fd) ? (int)fd : -1;
}

static void changed_all_files(void)
{
	changed_file[0] = true;
	changed_file[1] = true;
}

static long do_munmap(struct worker *worker, const uint64_t *vals)
{
	void *at = arena_at(vals[0]);

	(void)worker;
	changed_map = true;
	return result(munmap(at, arena_length(at, vals[1])));
}

static long do_mmap(struct worker *worker, const uint64_t *vals)
{
	static const int kinds[] = {
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED, MAP_PRIVATE,
		MAP_SHARED | MAP_ANONYMOUS,
	};
	int flags = kinds[vals[2] & 3], fd = -1;
	void *at = arena_at(vals[0]);

	(void)worker;
	changed_map = true;
	if (!(flags & MAP_ANONYMOUS))
		fd = file_of(vals[4]);
	return map_at((unsigned long)at, arena_length(at, vals[1]), vals[3] & 7,
		      flags, fd) ? 0 : -errno;
}

static long do_mremap(struct worker *worker, const uint64_t *vals)
{
	void *from = arena_at(vals[0]), *to = arena_at(vals[2]);

	(void)worker;
	changed_map = true;
	to = mremap(from, arena_length(from, vals[1]), arena_length(to, vals[1]),
		    MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return to == MAP_FAILED ? -errno : 0;
}

static long do_mprotect(struct worker *worker, const uint64_t *vals)
{
	void *at = arena_at(vals[0]);

	(void)worker;
	changed_map = true;
	return result(mprotect(at, arena_length(at, vals[1]), vals[2] & 7));
}

static long do_madvise(struct worker *worker, const uint64_t *vals)
{
	void *at = arena_at(vals[0]);

	(void)worker;
	if (vals[2] == MADV_HWPOISON || vals[2] == MADV_SOFT_OFFLINE)
		return -EPERM;
	changed_map = true;
	if (vals[2] == MADV_REMOVE)
		changed_all_files();
	return result(madvise(at, arena_length(at, vals[1]), vals[2]));
}

/* Write to it, without a signal where that cannot be */
static long do_touch(struct worker *worker, const uint64_t *vals)
{
	void *at = arena_at(vals[0]);

	(void)worker;
	return result(pread(pattern_fd, at, arena_length(at, vals[1]), 0));
}

static long do_memfd(struct worker *worker, const uint64_t *vals)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC |
			      (vals[0] & (MFD_ALLOW_SEALING | MFD_HUGETLB)));

	(void)worker;
	if (fd >= 0 && ftruncate(fd, vals[1] & 0x7fffff)) {
		close(fd);
		return -EINVAL;
	}
	return result(fd);
}

static long do_truncate(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(ftruncate(file_of(vals[0]), vals[1] & 0x7fffff));
}

static long do_fallocate(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(fallocate(file_of(vals[0]), vals[1] & 3,
				vals[2] & 0x7fffff, vals[3] & 0x7fffff));
}

static long do_seal(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(fcntl(file_of(vals[0]), F_ADD_SEALS, vals[1] & 0x1f));
}

static long do_close(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	return result(fd_is_inputs(vals[0]) ? close(vals[0]) : -1);
}

/* Move pages to a node, and let others come from there */
static long do_mbind(struct worker *worker, const uint64_t *vals)
{
	unsigned long nodes = 1UL << (vals[2] & 1);
	int mode = MPOL_BIND;
	void *at = arena_at(vals[0]);

	(void)worker;
	changed_map = true;
	/* Each page far from the next */
	if (vals[2] == 2) {
		nodes = 3;
		mode = MPOL_INTERLEAVE;
	}
	return result(syscall(SYS_mbind, at, arena_length(at, vals[1]), mode, &nodes,
			      64UL, MPOL_MF_MOVE_ALL));
}

static long do_move_pages(struct worker *worker, const uint64_t *vals)
{
	int nodes[16], status[16];
	void *pages[16], *at = arena_at(vals[0]);
	unsigned long nr = arena_length(at, vals[1]) / PAGE, i;

	(void)worker;
	if (nr > ARRAY_SIZE(pages))
		nr = ARRAY_SIZE(pages);
	for (i = 0; i != nr; i++) {
		pages[i] = (char *)at + i * PAGE;
		nodes[i] = vals[2] & 1;
	}
	return result(syscall(SYS_move_pages, 0, nr, pages, nodes, status,
			      MPOL_MF_MOVE));
}

static long do_migrate(struct worker *worker, const uint64_t *vals)
{
	unsigned long from = 1UL << (vals[0] & 1), to = 2UL >> (vals[0] & 1);

	(void)worker;
	return result(syscall(SYS_migrate_pages, 0, 64UL, &from, &to));
}

static long do_compact(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	(void)vals;
	return result(write(compact_fd, "1", 1));
}

static long do_memlock(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	changed_limit = true;
	set_limit(vals[0]);
	return 0;
}

/* Of the calling thread alone */
static long do_capable(struct worker *worker, const uint64_t *vals)
{
	changed_cap = true;
	/* The others have no end of an input at which to give it back */
	if (worker->id)
		return -EPERM;
	set_cap(vals[0] & 1);
	return 0;
}

/* A child that lives until reaped: what is written to from now on is copied */
static long do_fork(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	exec_fork(vals[0]);
	return 0;
}

static long do_reap(struct worker *worker, const uint64_t *vals)
{
	(void)worker;
	(void)vals;
	exec_reap();
	return 0;
}

const struct op memory_ops[] = {
	{ .name = "munmap", .weight = 4, .run = do_munmap, .args = {
		A_VA("va"), A_LENGTH("length") } },
	{ .name = "mmap", .weight = 3, .run = do_mmap, .args = {
		A_VA("va"), A_LENGTH("length"), A_CHOICE("kind", choose_kind),
		A_CHOICE("prot", choose_prot), A_REG("file", POOL_MEMFD) } },
	{ .name = "mremap", .weight = 3, .run = do_mremap, .args = {
		A_VA("va"), A_LENGTH("length"), A_VA("to") } },
	{ .name = "mprotect", .weight = 3, .run = do_mprotect, .args = {
		A_VA("va"), A_LENGTH("length"), A_CHOICE("prot", choose_prot) } },
	{ .name = "madvise", .weight = 5, .run = do_madvise, .args = {
		A_VA("va"), A_LENGTH("length"), A_CHOICE("advice", choose_advice) } },
	{ .name = "touch", .weight = 3, .run = do_touch, .args = {
		A_VA("va"), A_LENGTH("length") } },
	{ .name = "memfd", .weight = 3, .run = do_memfd, .args = {
		A_CHOICE("flags", choose_memfd), A_CHOICE("size", choose_size),
		A_RESULT("file", POOL_MEMFD) } },
	{ .name = "truncate", .weight = 3, .run = do_truncate, .args = {
		A_REG("file", POOL_MEMFD), A_CHOICE("size", choose_size) } },
	{ .name = "fallocate", .weight = 4, .run = do_fallocate, .args = {
		A_REG("file", POOL_MEMFD), A_CHOICE("mode", choose_punch),
		A_LENGTH("start"), A_LENGTH("length") } },
	{ .name = "seal", .weight = 1, .run = do_seal, .args = {
		A_REG("file", POOL_MEMFD), A_CHOICE("seals", choose_seal) } },
	{ .name = "close_memfd", .weight = 1, .run = do_close, .args = {
		A_REG("file", POOL_MEMFD) } },
	{ .name = "mbind", .weight = 2, .run = do_mbind, .args = {
		A_VA("va"), A_LENGTH("length"), A_CHOICE("node", choose_node) } },
	{ .name = "move_pages", .weight = 2, .run = do_move_pages, .args = {
		A_VA("va"), A_LENGTH("length"), A_CHOICE("node", choose_node) } },
	{ .name = "migrate", .weight = 0, .run = do_migrate, .args = {
		A_CHOICE("node", choose_node) } },
	{ .name = "compact", .weight = 0, .run = do_compact },
	{ .name = "memlock", .weight = 2, .run = do_memlock, .args = {
		A_CHOICE("pages", choose_limit) } },
	{ .name = "capable", .weight = 1, .run = do_capable, .args = {
		A_CHOICE("lock", choose_bool) } },
	{ .name = "fork", .weight = 2, .run = do_fork, .args = { A_VA("touch") } },
	{ .name = "reap", .weight = 1, .run = do_reap },
};

const unsigned int nr_memory_ops = ARRAY_SIZE(memory_ops);
