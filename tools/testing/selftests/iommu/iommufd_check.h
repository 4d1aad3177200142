/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scene to call /dev/iommu in, and the proof that a refused call changed
 * nothing in it: not what is mapped, pinned, charged or allowed, not the set of
 * objects; and that the kernel had nothing to log about it.
 */
#ifndef IOMMUFD_CHECK_H
#define IOMMUFD_CHECK_H

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "iommufd_calls.h"

#define EVERYTHING (~0ULL)
#define HUGE_SIZE (2ULL << 20)

/* Files that a test may have open, as far as contexts are looked for */
#define MAX_FILES 64

static unsigned long page;

static __attribute__((constructor)) void page_init(void)
{
	page = sysconf(_SC_PAGE_SIZE);
}

/* All of the test's contexts: what is not one does not know the ioctl */
static inline void check_all_invariants(struct __test_metadata *_metadata)
{
	int fd;

	for (fd = 3; fd != MAX_FILES; fd++) {
		EXPECT_NE(-ENOTRECOVERABLE, check_invariants(fd))
			TH_LOG("invariants of file %d, see the kernel log", fd);
	}
}

/* Before a test tears down what it set up, everything in there must be right */
#undef FIXTURE_TEARDOWN
#define FIXTURE_TEARDOWN(fixture_name)                                       \
	static const bool fixture_name##_teardown_parent;                    \
	static void fixture_name##_undo(                                     \
		struct __test_metadata *_metadata,                           \
		struct _test_data_##fixture_name *self,                      \
		const struct _fixture_variant_##fixture_name *variant);      \
	__FIXTURE_TEARDOWN(fixture_name)                                     \
	{                                                                    \
		check_all_invariants(_metadata);                             \
		fixture_name##_undo(_metadata, self, variant);               \
	}                                                                    \
	static void fixture_name##_undo(                                     \
		struct __test_metadata __attribute__((unused)) *_metadata,   \
		struct _test_data_##fixture_name *self                       \
			__attribute__((unused)),                             \
		const struct _fixture_variant_##fixture_name *variant        \
			__attribute__((unused)))

/* One of the numbers in /proc/self/status, in pages: "VmPin", "VmLck" */
static inline unsigned long proc_status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = ~0UL;
	char line[256];

	if (!file)
		return kib;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ": %lu kB", &kib) == 1)
			break;
	}
	fclose(file);
	return kib / (page / 1024);
}

/* Small pages, each of them with a number at its start */
static inline char *memory_new(unsigned long npages)
{
	char *mem = mmap(NULL, npages * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long i;

	if (mem == MAP_FAILED)
		return NULL;
	madvise(mem, npages * page, MADV_NOHUGEPAGE);
	for (i = 0; i != npages; i++)
		*(__u64 *)(mem + i * page) = 0x5eed0000 + i;
	return mem;
}

/* Anonymous memory, not touched yet, aligned so that huge pages fit */
static inline char *memory_new_huge(unsigned long length, int prot)
{
	char *raw = mmap(NULL, length + HUGE_SIZE, prot,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem;

	if (raw == MAP_FAILED)
		return NULL;
	mem = (char *)(((uintptr_t)raw + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	if (mem != raw)
		munmap(raw, mem - raw);
	munmap(mem + length, raw + HUGE_SIZE - mem);
	return mem;
}

static inline int hook_open(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/fail_iommufd/%s", name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline bool hook_set(const char *name, unsigned int value)
{
	int fd = hook_open(name), rc;
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	rc = write(fd, text, strlen(text));
	close(fd);
	return rc > 0;
}

/*
 * From now on the kernel takes that long where other threads may come in: between
 * two looks at memory that it pins, and before it unmaps areas that it has hidden.
 */
static inline bool linger(unsigned int usecs)
{
	return hook_set("linger_us", usecs);
}

/* As long as it is to go on: until it is set to 0 */
#define LINGER_ON UINT32_MAX

/*
 * From now on the kernel counts how often calls that take long look whether they
 * were killed, and the one that does so for the @stop-th time waits to be.
 */
static inline bool breath_stop_at(unsigned int stop)
{
	return hook_set("stop_at_breath", 0) && hook_set("breaths", 0) &&
	       hook_set("stop_at_breath", stop);
}

/* How often that was, or 0 where it cannot be told */
static inline unsigned int breaths(void)
{
	int fd = hook_open("breaths");
	char text[16] = {};

	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtoul(text, NULL, 10);
}

/* How often is the page at @va pinned? Small folios, and up to 8 times only */
static inline int memory_pins(int fd, const void *va)
{
	int pins;

	for (pins = 0; pins != 8; pins++)
		if (!mock_check_refs(fd, va, page, pins))
			return pins;
	return -1;
}

/*
 * From the end of the log on. Not where KCSAN logs the data races that the rest
 * of the kernel has: who boots that must tell them from ours.
 */
static inline int kmsg_open(void)
{
	int fd;

	if (!access("/sys/kernel/debug/kcsan", F_OK))
		return -1;
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * Any warning counts, but for those of busy machines; information counts if it
 * is about iommufd. The test driver's devices come and go.
 */
static inline bool kmsg_is_normal(const char *line)
{
	static const char *const normal[] = {
		";hrtimer: ", ";clocksource: ", ";perf: ", ";sched: ",
		";workqueue: ",
		"Adding to iommu group", "Removing from iommu group",
	};
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(normal); i++)
		if (strstr(line, normal[i]))
			return true;
	return (atoi(line) & 7) > 4 && !strstr(line, "iommufd");
}

/* Is there a new line? Then it is in @line. */
static inline bool kmsg_read(int fd, char *line, size_t size)
{
	ssize_t len;

	while ((len = read(fd, line, size - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		line[len] = 0;
		if (!kmsg_is_normal(line))
			return true;
	}
	return false;
}

/*
 * The scene: an IOAS with a mock device and an access, and some memory. In
 * pages, from SCENE_IOVA on:
 *
 *   1..4   memory 0..3, read and write
 *   5..6   memory 4..5, read only, an area of its own
 *   8..9   memory 4..5 again, by a copy
 *
 * The rest is free. Memory 6..7 is not mapped.
 */
#define SCENE_IOVA 0x10000000ULL
#define SCENE_PAGES 12
#define SCENE_MEMORY 8
#define SCENE_MAX_RANGES 8
#define NOT_MAPPED (~0ULL)

/**
 * struct scene_state - what can be observed of a scene
 * @ranges: usable IOVAs
 * @num_ranges: how many of them there are
 * @alignment: of IOVAs
 * @seen: what the access reads from each page of the IOAS
 * @translated: does the device's IO page table lead there too?
 * @pins: how often each page of memory is pinned
 * @vm_pin: pages that the process has pinned
 * @vm_lck: pages that the process is charged for
 * @next_id: the ID that a new object gets; used up IDs are leaked objects
 * @next_fd: the same for file descriptors
 */
struct scene_state {
	struct iommu_iova_range ranges[SCENE_MAX_RANGES];
	__u32 num_ranges;
	__u64 alignment;
	__u64 seen[SCENE_PAGES];
	bool translated[SCENE_PAGES];
	int pins[SCENE_MEMORY];
	unsigned long vm_pin;
	unsigned long vm_lck;
	__u32 next_id;
	int next_fd;
};

struct scene {
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	int access;
	char *mem;
	int kmsg;
	struct scene_state before;
};

static inline __u64 scene_iova(unsigned int index)
{
	return SCENE_IOVA + index * page;
}

static inline void *scene_mem(const struct scene *s, unsigned int index)
{
	return s->mem + index * page;
}

/* Memory that page @index of the IOAS is to show, or NULL */
static inline void *scene_expected(const struct scene *s, unsigned int index)
{
	if (index >= 1 && index <= 6)
		return scene_mem(s, index - 1);
	if (index == 8 || index == 9)
		return scene_mem(s, index - 4);
	return NULL;
}

static inline void scene_look(const struct scene *s, struct scene_state *now)
{
	unsigned int i;

	memset(now, 0, sizeof(*now));
	now->num_ranges = SCENE_MAX_RANGES;
	ioas_ranges(s->fd, s->ioas, now->ranges, &now->num_ranges,
		    &now->alignment);
	for (i = 0; i != SCENE_PAGES; i++) {
		const void *mem = scene_expected(s, i);

		if (access_rw(s->fd, s->access, scene_iova(i), &now->seen[i],
			      sizeof(now->seen[i]), 0))
			now->seen[i] = NOT_MAPPED;
		now->translated[i] = !mock_check_map(s->fd, s->dev.hwpt,
						     scene_iova(i),
						     mem ? mem : s->mem, page);
	}
	for (i = 0; i != SCENE_MEMORY; i++)
		now->pins[i] = memory_pins(s->fd, scene_mem(s, i));
	now->vm_pin = proc_status("VmPin");
	now->vm_lck = proc_status("VmLck");
	if (!ioas_alloc(s->fd, &now->next_id))
		object_destroy(s->fd, now->next_id);
	now->next_fd = dup(s->fd);
	close(now->next_fd);
}

/* What differs, or NULL */
static inline const char *scene_diff(const struct scene_state *a,
				     const struct scene_state *b)
{
	if (a->num_ranges != b->num_ranges ||
	    memcmp(a->ranges, b->ranges, sizeof(a->ranges)))
		return "usable IOVA ranges";
	if (a->alignment != b->alignment)
		return "IOVA alignment";
	if (memcmp(a->seen, b->seen, sizeof(a->seen)))
		return "what the IOAS shows";
	if (memcmp(a->translated, b->translated, sizeof(a->translated)))
		return "the IO page table";
	if (memcmp(a->pins, b->pins, sizeof(a->pins)))
		return "pins of pages";
	if (a->vm_pin != b->vm_pin)
		return "VmPin";
	if (a->vm_lck != b->vm_lck)
		return "VmLck";
	if (a->next_id != b->next_id)
		return "number of objects";
	if (a->next_fd != b->next_fd)
		return "number of file descriptors";
	return NULL;
}

/* From here on nothing changes: remember how it is */
static inline void scene_remember(struct scene *s)
{
	scene_look(s, &s->before);
}

static inline void scene_compare(struct __test_metadata *_metadata,
				 struct scene *s, int line)
{
	struct scene_state now;
	const char *what;
	char log[1024];

	scene_look(s, &now);
	what = scene_diff(&s->before, &now);
	EXPECT_EQ(NULL, what)
		TH_LOG("line %d changed %s", line, what);
	if (what)
		s->before = now;
	if (s->kmsg >= 0 && kmsg_read(s->kmsg, log, sizeof(log))) {
		EXPECT_TRUE(false)
			TH_LOG("line %d logged: %s", line, log);
	}
}

/* The call must fail with @_errno and leave everything as it was */
#define REFUSED(_errno, _call)                                               \
	do {                                                                 \
		int __rc = (_call);                                          \
									     \
		EXPECT_EQ(-(_errno), __rc)                                   \
			TH_LOG("%s", #_call);                                \
		scene_compare(_metadata, &self->scene, __LINE__);            \
	} while (0)

/* The call must succeed and leave everything as it was */
#define HARMLESS(_call)                                                      \
	do {                                                                 \
		int __rc = (_call);                                          \
									     \
		EXPECT_EQ(0, __rc)                                           \
			TH_LOG("%s", #_call);                                \
		scene_compare(_metadata, &self->scene, __LINE__);            \
	} while (0)

/* The call must succeed, or there is no point in going on */
#define CALL(_call) ({ ASSERT_EQ(0, _call); })

static inline void scene_setup(struct __test_metadata *_metadata,
			       struct scene *s)
{
	__u64 iova = scene_iova(5);

	s->fd = iommu_open();
	ASSERT_LE(0, s->fd);
	s->kmsg = kmsg_open();
	s->mem = memory_new(SCENE_MEMORY);
	ASSERT_NE(NULL, s->mem);
	CALL(ioas_alloc(s->fd, &s->ioas));
	CALL(mock_attach(s->fd, s->ioas, &s->dev));
	CALL(access_create(s->fd, s->ioas, 0, &s->access));
	CALL(ioas_map_at(s->fd, s->ioas, scene_mem(s, 0), 4 * page,
			 scene_iova(1)));
	CALL(ioas_map(s->fd, s->ioas, scene_mem(s, 4), 2 * page, &iova,
		      MAP_RO_AT));
	iova = scene_iova(8);
	CALL(ioas_copy(s->fd, s->ioas, s->ioas, scene_iova(5), 2 * page, &iova,
		       MAP_RO_AT));
	scene_remember(s);
}

/* Nothing holds anything any more that it should not */
static inline void scene_teardown(struct __test_metadata *_metadata,
				  struct scene *s)
{
	__u64 unmapped;

	EXPECT_EQ(0, close(s->access));
	EXPECT_EQ(0, ioas_unmap_count(s->fd, s->ioas, scene_iova(0),
				      SCENE_PAGES * page, &unmapped));
	EXPECT_EQ(8 * page, unmapped);
	EXPECT_EQ(0, object_destroy(s->fd, s->dev.id));
	EXPECT_EQ(0, object_destroy(s->fd, s->ioas));
	EXPECT_EQ(0, mock_check_refs(s->fd, s->mem, SCENE_MEMORY * page, 0));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(s->fd));
	munmap(s->mem, SCENE_MEMORY * page);
	if (s->kmsg >= 0)
		close(s->kmsg);
}

/**
 * struct guarded - memory for an argument, to go wrong with
 * @base: one page that can be used, and one behind it that cannot
 */
struct guarded {
	char *base;
};

static inline struct guarded guarded_new(void)
{
	struct guarded g = {
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};

	mprotect(g.base + page, page, PROT_NONE);
	return g;
}

/* @size bytes that end where memory ends */
static inline void *guarded_tail(struct guarded *g, size_t size)
{
	mprotect(g->base, page, PROT_READ | PROT_WRITE);
	return g->base + page - size;
}

static inline void guarded_write_protect(struct guarded *g)
{
	mprotect(g->base, page, PROT_READ);
}

static inline void guarded_free(struct guarded *g)
{
	munmap(g->base, 2 * page);
}

/* A HWPT whose faults go to @fault */
static inline int hwpt_alloc_fault(struct scene *s, __u32 fault, __u32 *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = s->dev.idev,
		.pt_id = s->ioas,
		.fault_id = fault,
	};
	int rc = iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd);

	*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* A user without privileges, and without any charge yet */
static inline int become_user(uid_t uid)
{
	return setgid(uid) || setuid(uid) ? -errno : 0;
}

static inline int limit_memlock(unsigned long npages)
{
	struct rlimit limit = {
		.rlim_cur = npages * page,
		.rlim_max = npages * page,
	};

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

#endif
