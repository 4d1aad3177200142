// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd_torture: what is done to mappings, and to the memory behind them.
 */
#include "torture.h"

/* A few pages of a zone */
struct piece {
	enum zone zone;
	unsigned int first;
	unsigned int npages;
};

static struct piece some_piece(struct thread *t, enum zone zone)
{
	/* Few places, or threads never meet; and long ones are rare */
	unsigned int npages = roll(t, 8) ? 1 + roll(t, 4) : 1 + roll(t, 16);

	return (struct piece){
		.zone = zone,
		.first = roll(t, (ZONE_PAGES - npages) / 4 + 1) * 4,
		.npages = npages,
	};
}

static __u64 piece_iova(const struct piece *piece)
{
	return zone_iova(piece->zone, piece->first);
}

static char *piece_va(const struct piece *piece)
{
	return world.memory[piece->zone] + piece->first * psize;
}

static bool files_only(const struct thread *t)
{
	return t->ctx == &world.contexts[CONTEXT_FILES];
}

static int map_user(struct thread *t, enum zone zone)
{
	struct piece piece = some_piece(t, zone);

	if (files_only(t))
		return SKIPPED;
	return ioas_map_at(t->ctx->fd, some_ioas(t), piece_va(&piece),
			   piece.npages * psize, piece_iova(&piece));
}

static int op_map(struct thread *t)
{
	return map_user(t, ZONE_ANON);
}

static int op_map_shaky(struct thread *t)
{
	return map_user(t, ZONE_SHAKY);
}

static int map_some_file(struct thread *t, enum zone zone, int file)
{
	struct piece piece = some_piece(t, zone);

	return ioas_map_file_at(t->ctx->fd, some_ioas(t), file,
				piece.first * psize, piece.npages * psize,
				piece_iova(&piece));
}

static int op_map_file(struct thread *t)
{
	return map_some_file(t, ZONE_FILE, world.file);
}

static int op_map_dmabuf(struct thread *t)
{
	return map_some_file(t, ZONE_DMABUF, world.dmabuf);
}

static int op_map_auto(struct thread *t)
{
	struct piece piece = some_piece(t, ZONE_FILE);
	__u32 ioas = some_ioas(t);
	__u64 iova = 0;
	int rc;

	rc = ioas_map_file(t->ctx->fd, ioas, world.file, piece.first * psize,
			   piece.npages * psize, &iova, MAP_RW);
	if (rc)
		return rc;
	if (ioas == t->ctx->ioas[0] && t->ctx != &world.contexts[CONTEXT_CLOSED] &&
	    (iova < AUTO_IOVA || iova > AUTO_LAST))
		bad(t, "automatic IOVA %llx", iova);
	return ioas_unmap(t->ctx->fd, ioas, iova, piece.npages * psize);
}

static int op_unmap(struct thread *t)
{
	struct piece piece = some_piece(t, roll(t, NUM_ZONES));

	/* Whatever lies whole in a larger range, or exactly one piece */
	if (roll(t, 2))
		piece.npages = 16;
	return ioas_unmap(t->ctx->fd, some_ioas(t), piece_iova(&piece),
			  piece.npages * psize);
}

static int op_unmap_all(struct thread *t)
{
	return ioas_unmap(t->ctx->fd, some_ioas(t), 0, ~0ULL);
}

static int op_copy(struct thread *t)
{
	struct piece piece = some_piece(t, roll(t, NUM_ZONES));
	__u64 iova = piece_iova(&piece);
	unsigned int from = roll(t, 2);

	/* From one of the two that stay to the other, which may lack it */
	if (roll(t, 4))
		return ioas_copy_at(t->ctx->fd, t->ctx->ioas[!from],
				    t->ctx->ioas[from], iova, psize, iova);
	return ioas_copy_at(t->ctx->fd, some_ioas(t), some_ioas(t), iova,
			    piece.npages * psize, iova);
}

static int op_check_map(struct thread *t)
{
	struct piece piece = some_piece(t, roll(t, ZONE_SHAKY));
	struct entry hwpt = pool_peek(t, POOL_HWPT);

	if (!hwpt.id)
		return SKIPPED;
	return mock_check_map(t->ctx->fd, hwpt.id, piece_iova(&piece),
			      piece_va(&piece), psize);
}

static int op_access_new(struct thread *t)
{
	struct entry entry = {};
	int access, rc;

	rc = access_create(t->ctx->fd, some_ioas(t),
			   MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, &access);
	if (rc)
		return rc;
	entry.id = access;
	if (!pool_put(t, POOL_ACCESS, entry))
		close(access);
	return 0;
}

static int op_access_close(struct thread *t)
{
	struct entry access = pool_take(t, POOL_ACCESS);

	if (!access.id)
		return SKIPPED;
	return close(access.id) ? -errno : 0;
}

static int access_copy(struct thread *t, __u32 flags)
{
	struct piece piece = some_piece(t, roll(t, ZONE_DMABUF));
	struct entry access = pool_peek(t, POOL_ACCESS);
	unsigned int num = 1 + roll(t, psize / 8), i;
	__u64 iova = piece_iova(&piece) + roll(t, psize / 8) * 8;
	__u64 words[512], expected;
	int rc;

	if (!access.id)
		return SKIPPED;
	if (roll(t, 2))
		flags |= MOCK_ACCESS_RW_SLOW_PATH;
	for (i = 0; i != num; i++)
		words[i] = zone_word(piece.zone, (iova + i * 8 -
				     zone_iova(piece.zone, 0)) / psize);
	rc = access_rw(t->ctx->fd, access.id, iova, words, num * 8, flags);
	if (!rc && words_wrong(piece.zone, iova, words, num, &expected))
		bad(t, "read %llx from IOVA %llx, not %llx", words[0], iova,
		    expected);
	return rc;
}

static int op_access_read(struct thread *t)
{
	return access_copy(t, 0);
}

static int op_access_write(struct thread *t)
{
	return access_copy(t, MOCK_ACCESS_RW_WRITE);
}

/*
 * The kernel compares what it pinned with the memory that should be there. It is
 * in many places: the first of them that has something mapped.
 */
static int pin_somewhere(struct thread *t, __u32 access, __u32 *pin)
{
	int i, rc = -ENOENT;

	for (i = 0; i != 4 && rc == -ENOENT; i++) {
		struct piece piece = some_piece(t, roll(t, ZONE_SHAKY));

		rc = access_pin(t->ctx->fd, access, piece_iova(&piece),
				piece_va(&piece), psize, pin);
	}
	return rc;
}

/* Let go of at the unmap, or by whoever guesses it */
static int op_access_pin(struct thread *t)
{
	struct entry access = pool_peek(t, POOL_ACCESS);
	__u32 pin;

	return access.id ? pin_somewhere(t, access.id, &pin) : SKIPPED;
}

static int op_access_unpin(struct thread *t)
{
	struct entry access = pool_peek(t, POOL_ACCESS);
	__u32 pin = 1 + roll(t, 8);
	int rc = 0;

	if (!access.id)
		return SKIPPED;
	if (roll(t, 4))
		rc = pin_somewhere(t, access.id, &pin);
	return rc ?: access_unpin(t->ctx->fd, access.id, pin);
}

static int op_access_move(struct thread *t)
{
	struct entry access = pool_peek(t, POOL_ACCESS);

	if (!access.id)
		return SKIPPED;
	return access_move(t->ctx->fd, access.id, some_ioas(t));
}

static int op_dirty_set(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);

	if (!hwpt.id)
		return SKIPPED;
	return hwpt_set_dirty(t->ctx->fd, hwpt.id, roll(t, 3) ?
			      IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0);
}

static int op_dirty_read(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	__u64 bits[ZONE_PAGES / 64 + 1];
	__u32 flags = 0;

	if (!hwpt.id)
		return SKIPPED;
	if (roll(t, 2))
		flags = IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR;
	return hwpt_get_dirty(t->ctx->fd, hwpt.id,
			      zone_iova(roll(t, NUM_ZONES), 0),
			      ZONE_PAGES * psize, psize, bits, flags);
}

static int op_dirty_write(struct thread *t)
{
	struct piece piece = some_piece(t, roll(t, ZONE_DMABUF));
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	__u64 bits = roll(t, 2) ? ~0ULL : 1;

	if (!hwpt.id)
		return SKIPPED;
	return mock_write(t->ctx->fd, hwpt.id, piece_iova(&piece), 4 * psize,
			  psize, &bits);
}

static int set_revoked(bool revoked)
{
	struct iommu_test_cmd cmd = {
		.dmabuf_revoke = {
			.dmabuf_fd = world.dmabuf,
			.revoked = revoked,
		},
	};

	return test_call(world.contexts[CONTEXT_STEADY].fd,
			 IOMMU_TEST_OP_DMABUF_REVOKE, &cmd);
}

static int op_revoke(struct thread *t)
{
	return set_revoked(true);
}

static int op_restore(struct thread *t)
{
	return set_revoked(false);
}

/* The process changes its memory while others map it */
/* Other pages at the same addresses */
static int zone_remap(void *va, size_t length, int prot)
{
	return mmap(va, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == MAP_FAILED;
}

static int op_memory(struct thread *t)
{
	struct piece piece = some_piece(t, ZONE_SHAKY);
	size_t length = piece.npages * psize;
	char *va = piece_va(&piece);
	int rc = 0;

	switch (roll(t, 4)) {
	case 0:
		rc = madvise(va, length, MADV_DONTNEED);
		break;
	case 1:
		rc = mprotect(va, length, PROT_READ) ||
		     mprotect(va, length, PROT_READ | PROT_WRITE);
		break;
	case 2:
		/* Not munmap(): somebody else might get the addresses */
		rc = zone_remap(va, length, PROT_NONE) ||
		     zone_remap(va, length, PROT_READ | PROT_WRITE);
		break;
	default:
		rc = zone_remap(va, length, PROT_READ | PROT_WRITE);
	}
	return rc ? -errno : 0;
}

static int wait_child(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -errno;
	if (!WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

/* A child has all memory, and all files, for a moment */
static int op_fork(struct thread *t)
{
	struct piece piece = some_piece(t, ZONE_ANON);
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		__u64 *word = (__u64 *)piece_va(&piece);

		/* Its own copy: not what is mapped */
		for (unsigned int i = 0; i != piece.npages * psize / 8; i++)
			word[i] = ~word[i];
		_exit(0);
	}
	return wait_child(child);
}

/* A child takes over what is mapped, and its parent takes it back */
static int op_process(struct thread *t)
{
	int fd = world.contexts[CONTEXT_FILES].fd, rc;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child)
		_exit(-ioas_change_process(fd));
	rc = wait_child(child);
	return ioas_change_process(fd) ?: rc;
}

static int op_ranges(struct thread *t)
{
	struct iommu_iova_range ranges[16];
	__u32 num = ARRAY_SIZE(ranges);
	__u64 alignment;

	return ioas_ranges(t->ctx->fd, some_ioas(t), ranges, &num, &alignment);
}

/* Of an IOAS that nobody else relies on */
static int op_allow(struct thread *t)
{
	struct iommu_iova_range ranges[2] = {
		{ .start = 0x10000000, .last = 0x3fffffff },
		{ .start = AUTO_IOVA, .last = AUTO_LAST },
	};
	struct entry ioas = pool_peek(t, POOL_IOAS);

	if (!ioas.id)
		return SKIPPED;
	return ioas_allow(t->ctx->fd, ioas.id, ranges, roll(t, 3));
}

static int op_option(struct thread *t)
{
	struct entry ioas = pool_peek(t, POOL_IOAS);

	if (!ioas.id)
		return SKIPPED;
	return option_set(t->ctx->fd, IOMMU_OPTION_HUGE_PAGES, ioas.id,
			  roll(t, 2));
}

const struct op memory_ops[] = {
	{ "map", op_map, 12 },
	{ "map shaky memory", op_map_shaky, 4, { EFAULT } },
	{ "map a file", op_map_file, 8 },
	{ "map a dma-buf", op_map_dmabuf, 6, { ENODEV } },
	{ "map anywhere", op_map_auto, 3 },
	{ "unmap", op_unmap, 16 },
	{ "unmap all", op_unmap_all, 1 },
	{ "copy", op_copy, 8, { EFAULT } },
	{ "look at a page table", op_check_map, 6 },
	{ "make an access", op_access_new, 4 },
	{ "close an access", op_access_close, 3, { EBADF } },
	{ "read by access", op_access_read, 12, { EBADF, EFAULT } },
	{ "write by access", op_access_write, 8, { EBADF, EFAULT } },
	{ "pin by access", op_access_pin, 8, { EBADF } },
	{ "unpin by access", op_access_unpin, 4, { EBADF } },
	{ "move an access", op_access_move, 4, { EBADF } },
	{ "track dirty pages", op_dirty_set, 4 },
	{ "read dirty pages", op_dirty_read, 6 },
	{ "make pages dirty", op_dirty_write, 14 },
	{ "revoke a dma-buf", op_revoke, 2 },
	{ "restore a dma-buf", op_restore, 3 },
	{ "change memory", op_memory, 4 },
	{ "fork", op_fork, 1 },
	{ "change the process", op_process, 1 },
	{ "ask for IOVA ranges", op_ranges, 2 },
	{ "allow IOVAs", op_allow, 2 },
	{ "change an option", op_option, 2 },
};

const unsigned int num_memory_ops = ARRAY_SIZE(memory_ops);
