// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user without privileges, in a cgroup with little memory and few processes,
 * tries to take more: whatever he allocates is charged to him, whoever is outside
 * goes on as before, and whatever takes long can be killed.
 *
 * Wants to be root, with /sys/fs/cgroup mounted (v2) and nobody else at work.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "iommufd_check.h"

#define CGROUP "/sys/fs/cgroup/hostile"
#define MIB (1024UL * 1024)
#define MEMORY_MAX (48 * MIB)
#define PIDS_MAX 16
#define MEMLOCK_PAGES 64
#define USER_ID 65534
#define IOVA 0x10000000ULL
#define SAMPLE_US 20000

/* How long to wait for what must come, three minutes: only a hang takes that */
#define WAIT_STEP_US 20000
#define WAIT_STEPS 9000

/*
 * What may be taken outside of the cgroup: the noise of the machine, and what it
 * costs to charge objects. Where the kernel has checkers, they remember every
 * object in memory of their own, several times what the objects take.
 */
#define OUTSIDE_MAX (MEMORY_MAX / 8)
#define OUTSIDE_MAX_CHECKED (512 * MIB)

static bool has_checkers(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int write_number(const char *path, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", number);
	return write_file(path, text);
}

/* The number behind @name in a file of such lines; the first, if it is NULL */
static unsigned long read_number(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	unsigned long number = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		size_t length = name ? strlen(name) : 0;

		if (name && (strncmp(line, name, length) ||
			     !strchr(": \t", line[length])))
			continue;
		number = strtoul(line + length + strspn(line + length, ": \t"),
				 NULL, 10);
		break;
	}
	fclose(file);
	return number;
}

/*
 * Free pages of all zones, and those that the CPUs keep for themselves: each may
 * take several MiB ahead of who allocates much, which MemFree does not count.
 */
static unsigned long memory_free(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned long pages = 0, number;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " pages free %lu", &number) == 1 ||
		    sscanf(line, " count: %lu", &number) == 1)
			pages += number;
	fclose(file);
	return pages * page;
}

static unsigned long memory_charged(void)
{
	return read_number(CGROUP "/memory.current", NULL);
}

static int cgroup_make(void)
{
	int rc;

	rc = write_file("/sys/fs/cgroup/cgroup.subtree_control",
			"+memory +pids");
	if (rc)
		return rc;
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return -errno;
	return write_number(CGROUP "/memory.max", MEMORY_MAX) ?:
	       write_number(CGROUP "/pids.max", PIDS_MAX);
}

/* Processes that have died leave it a bit later */
static int cgroup_remove(void)
{
	int i;

	for (i = 0; i != WAIT_STEPS && rmdir(CGROUP); i++)
		/* time: looks again, until minutes are up */
		usleep(WAIT_STEP_US);
	return i == WAIT_STEPS ? -errno : 0;
}

/* In the cgroup, and with limits of his own, before he is nobody */
static int become_hostile(void)
{
	return write_number(CGROUP "/cgroup.procs", getpid()) ?:
	       limit_memlock(MEMLOCK_PAGES) ?: become_user(USER_ID);
}

/**
 * struct hostile - what an attack begins with
 * @fd: /dev/iommu
 * @ioas: empty, with a mock device on it
 * @dev: the device
 * @parent: HWPT to nest on
 * @viommu: on that
 * @mem: two pages
 */
struct hostile {
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	__u32 parent;
	__u32 viommu;
	char *mem;
};

static int hostile_open(struct hostile *h)
{
	h->fd = iommu_open();
	if (h->fd < 0)
		return -errno;
	h->mem = memory_new(2);
	return ioas_alloc(h->fd, &h->ioas) ?:
	       mock_attach(h->fd, h->ioas, &h->dev) ?:
	       hwpt_alloc(h->fd, h->dev.idev, h->ioas,
			  IOMMU_HWPT_ALLOC_NEST_PARENT, &h->parent) ?:
	       viommu_alloc(h->fd, h->dev.idev, h->parent, &h->viommu);
}

/*
 * Attacks on memory: each takes a bit more with every call, and gives nothing
 * back, until it cannot.
 */

static int take_ioas(struct hostile *h, unsigned long i)
{
	__u32 id;

	return ioas_alloc(h->fd, &id);
}

/* Areas of an IOAS without domains: nothing is pinned, so no rlimit applies */
static int take_areas(struct hostile *h, unsigned long i)
{
	static __u32 ioas;

	return (ioas ? 0 : ioas_alloc(h->fd, &ioas)) ?:
	       ioas_map_at(h->fd, ioas, h->mem, page, IOVA + i * page);
}

static int take_copies(struct hostile *h, unsigned long i)
{
	static __u32 ioas;

	if (!ioas)
		return ioas_alloc(h->fd, &ioas) ?:
		       ioas_map_at(h->fd, ioas, h->mem, page, IOVA - page);
	return ioas_copy_at(h->fd, ioas, ioas, IOVA - page, page,
			    IOVA + i * page);
}

/* Copies as far from each other as it takes for tables of their own */
static int take_page_tables(struct hostile *h, unsigned long i)
{
	static __u32 ioas;
	struct iommu_hwpt_selftest data = {
		.pagetable_type = MOCK_IOMMUPT_HUGE,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = h->dev.idev,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = to_u64(&data),
	};

	if (!ioas) {
		int rc = ioas_alloc(h->fd, &ioas);

		cmd.pt_id = ioas;
		rc = rc ?: iommu_call(h->fd, IOMMU_HWPT_ALLOC, &cmd);
		return rc ?: ioas_map_at(h->fd, ioas, h->mem, page, IOVA);
	}
	return ioas_copy_at(h->fd, ioas, ioas, IOVA, page,
			    IOVA + (1ULL << 30) * i);
}

#define RANGES 16384

/* An IOAS each, with many allowed ranges */
static int take_ranges(struct hostile *h, unsigned long i)
{
	static struct iommu_iova_range ranges[RANGES];
	__u32 ioas;

	for (unsigned int n = 0; n != RANGES; n++) {
		ranges[n].start = IOVA + 2 * n * page;
		ranges[n].last = ranges[n].start + page - 1;
	}
	return ioas_alloc(h->fd, &ioas) ?:
	       ioas_allow(h->fd, ioas, ranges, RANGES);
}

static int take_hwpts(struct hostile *h, unsigned long i)
{
	__u32 id;

	return hwpt_alloc(h->fd, h->dev.idev, h->ioas, 0, &id);
}

static int take_nested(struct hostile *h, unsigned long i)
{
	__u32 id;

	return hwpt_alloc_nested(h->fd, h->dev.idev, h->viommu, 0, 0, &id);
}

static int take_viommus(struct hostile *h, unsigned long i)
{
	__u32 id;

	return viommu_alloc(h->fd, h->dev.idev, h->parent, &id);
}

static int take_fault_queues(struct hostile *h, unsigned long i)
{
	__u32 id;
	int file;

	return fault_alloc(h->fd, &id, &file);
}

static int take_event_queues(struct hostile *h, unsigned long i)
{
	__u32 id;
	int file;

	return veventq_alloc(h->fd, h->viommu, 1000 + i, 1, &id, &file);
}

/* Events that nobody reads, as many as a queue holds */
static int take_events(struct hostile *h, unsigned long i)
{
	static __u32 queue, vdevice, nested;
	int file;

	if (!queue)
		return veventq_alloc(h->fd, h->viommu,
				     IOMMU_VEVENTQ_TYPE_SELFTEST, 1 << 19,
				     &queue, &file) ?:
		       vdevice_alloc(h->fd, h->viommu, h->dev.idev, 1,
				     &vdevice) ?:
		       hwpt_alloc_nested(h->fd, h->dev.idev, h->viommu, 0, 0,
					 &nested) ?:
		       mock_replace(h->fd, &h->dev, nested);
	return i == 1 << 20 ? -ENOSPC : mock_vevent(h->fd, h->dev.idev);
}

static int take_accesses(struct hostile *h, unsigned long i)
{
	int access;

	return access_create(h->fd, h->ioas, 0, &access);
}

static int take_contexts(struct hostile *h, unsigned long i)
{
	return iommu_open() < 0 ? -errno : 0;
}

/* Pinned memory has its own limit */
static int take_pins(struct hostile *h, unsigned long i)
{
	return ioas_map_at(h->fd, h->ioas, h->mem, page, IOVA + i * page);
}

static int take_processes(struct hostile *h, unsigned long i)
{
	pid_t child = fork();

	if (child)
		return child < 0 ? -errno : 0;
	/* It has all of the context, and lives until the cgroup is killed */
	for (;;)
		pause();
}

FIXTURE(hostile)
{
	int fd;
	__u32 ioas;
	struct mock_dev dev;
	char *mem;
	int kmsg;
};

FIXTURE_VARIANT(hostile)
{
	int (*take)(struct hostile *h, unsigned long i);
	/* How it ends where memory does not: another limit; or 0 */
	int limit;
	/* It must have got so far: else it shows nothing */
	unsigned long least;
};

#define ATTACK(_name, _limit, _least)                  \
	FIXTURE_VARIANT_ADD(hostile, _name) {          \
		.take = take_##_name,                  \
		.limit = (_limit),                     \
		.least = (_least),                     \
	}

ATTACK(ioas, 0, 5000);
ATTACK(areas, 0, 20000);
ATTACK(copies, 0, 50000);
ATTACK(page_tables, ENOSPC, 1000);
ATTACK(ranges, 0, 10);
/* Each is charged two pages, and some are there from the start */
ATTACK(hwpts, ENOMEM, MEMLOCK_PAGES / 4);
ATTACK(nested, ENOMEM, MEMLOCK_PAGES / 4);
ATTACK(viommus, 0, 1000);
ATTACK(fault_queues, EMFILE, 900);
ATTACK(event_queues, EMFILE, 900);
ATTACK(events, ENOSPC, 10000);
ATTACK(accesses, EMFILE, 900);
ATTACK(contexts, EMFILE, 900);
ATTACK(pins, ENOMEM, MEMLOCK_PAGES);
ATTACK(processes, EAGAIN, PIDS_MAX - 1);

FIXTURE_SETUP(hostile)
{
	ASSERT_EQ(0, chmod("/dev/iommu", 0666));
	ASSERT_EQ(0, cgroup_make());
	/* Who is outside has a job, too */
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(16);
	CALL(ioas_alloc(self->fd, &self->ioas));
	CALL(mock_attach(self->fd, self->ioas, &self->dev));
}

FIXTURE_TEARDOWN(hostile)
{
	close(self->fd);
	EXPECT_EQ(0, cgroup_remove());
}

/* What whoever is outside does, all the time */
static int victim_works(struct _test_data_hostile *self)
{
	char *mem;
	__u32 id;
	int rc;

	rc = ioas_alloc(self->fd, &id) ?: object_destroy(self->fd, id) ?:
	     ioas_map_at(self->fd, self->ioas, self->mem, 16 * page, IOVA) ?:
	     mock_check_map(self->fd, self->dev.hwpt, IOVA, self->mem,
			    16 * page) ?:
	     ioas_unmap(self->fd, self->ioas, IOVA, 16 * page);
	if (rc)
		return rc;
	/* Little: what a CPU keeps of it afterwards is noise */
	mem = memory_new(64);
	if (!mem)
		return -ENOMEM;
	munmap(mem, 64 * page);
	return 0;
}

/* How far an attack got */
struct progress {
	_Atomic unsigned long calls;
	_Atomic int ended;
};

static void attack(int (*take)(struct hostile *h, unsigned long i),
		   struct progress *progress)
{
	struct hostile h;
	int rc = become_hostile() ?: hostile_open(&h);

	if (rc)
		_exit(1);
	while (!rc) {
		rc = take(&h, progress->calls);
		if (!rc)
			progress->calls++;
	}
	progress->ended = -rc;
	/* Holds all it has, until it is looked at */
	for (;;)
		pause();
}

TEST_F(hostile, memory)
{
	unsigned long max = has_checkers() ? OUTSIDE_MAX_CHECKED : OUTSIDE_MAX;
	unsigned long kills = read_number("/proc/vmstat", "oom_kill");
	unsigned long free, most = 0, charged = 0, mine;
	struct progress *progress;
	pid_t child;
	int i, status = 0, ended = 0;

	progress = mmap(NULL, page, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)progress);
	/* Whatever this process needs once, it has from here on */
	for (i = 0; i != 3; i++)
		CALL(victim_works(self));
	write_file("/proc/sys/vm/drop_caches", "3");
	free = memory_free();

	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		attack(variant->take, progress);
	for (;;) {
		unsigned long now, taken;

		/* time: how many samples there are does not matter */
		usleep(SAMPLE_US);
		ended = progress->ended;
		/* In this order, or what is taken meanwhile counts as outside */
		now = memory_free();
		mine = memory_charged();
		CALL(victim_works(self));
		/* Once he dies, memory is neither his nor free yet */
		if (waitpid(child, &status, WNOHANG) ||
		    read_number(CGROUP "/memory.events", "oom_kill"))
			break;
		taken = free > now ? free - now : 0;
		if (mine > charged)
			charged = mine;
		if (taken > mine && taken - mine > most)
			most = taken - mine;
		if (ended)
			break;
	}

	TH_LOG("%lu calls, then %s; at most %lu KiB charged, %lu KiB outside",
	       progress->calls, ended ? strerror(ended) : "the OOM killer",
	       charged / 1024, most / 1024);
	EXPECT_LE(variant->least, progress->calls);
	if (ended) {
		EXPECT_TRUE(ended == ENOMEM || ended == variant->limit);
	} else {
		EXPECT_LT(0, read_number(CGROUP "/memory.events", "oom_kill"));
		EXPECT_TRUE(WIFSIGNALED(status) ||
			    waitpid(child, &status, 0) == child);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_GE(MEMORY_MAX, charged);
	EXPECT_GE(max, most);
	/* Nobody outside was killed for it */
	EXPECT_EQ(read_number("/proc/vmstat", "oom_kill") - kills,
		  read_number(CGROUP "/memory.events", "oom_kill"));

	CALL(write_file(CGROUP "/cgroup.kill", "1"));
	if (!WIFSIGNALED(status))
		EXPECT_EQ(child, waitpid(child, &status, 0));
	/* And all of it comes back; but KASAN keeps what was freed for a while */
	for (i = 0; i != WAIT_STEPS && memory_charged() > 4 * MIB; i++)
		/* time: looks again, until minutes are up */
		usleep(WAIT_STEP_US);
	if (!has_checkers())
		EXPECT_GE(4 * MIB, memory_charged());
	munmap(progress, page);
}

/*
 * Calls that take long look often whether they were killed, and end there if so.
 * Their context stays open meanwhile, so that there is nothing to tear down.
 */

#define MANY_AREAS (1UL << 10)
#define MANY_RANGES (1UL << 11)

FIXTURE(killed)
{
	int fd;
	__u32 ioas[2];
	struct mock_dev dev;
	__u32 hwpt;
	char *mem;
	struct iommu_iova_range *ranges;
};

/* The same page, @num times in a row */
static int map_many(int fd, __u32 ioas, const char *mem, unsigned long num)
{
	unsigned long done;
	int rc;

	rc = ioas_map_at(fd, ioas, mem, page, IOVA);
	for (done = 1; !rc && done != num; done *= 2)
		rc = ioas_copy_at(fd, ioas, ioas, IOVA, done * page,
				  IOVA + done * page);
	return rc;
}

static int long_copy(struct _test_data_killed *self)
{
	return ioas_copy_at(self->fd, self->ioas[1], self->ioas[0], IOVA,
			    MANY_AREAS * page, IOVA);
}

static int long_fill(struct _test_data_killed *self)
{
	__u32 hwpt;

	return hwpt_alloc(self->fd, self->dev.idev, self->ioas[0], 0, &hwpt);
}

/* There is nothing there, but to find out takes as long as there are bits */
static int long_dirty_read(struct _test_data_killed *self)
{
	__u64 bits[(1 << 24) / 64 / 8];

	return hwpt_get_dirty(self->fd, self->hwpt, 0, 1ULL << 62, 1ULL << 44,
			      bits, 0);
}

static int long_allow(struct _test_data_killed *self)
{
	return ioas_allow(self->fd, self->ioas[1], self->ranges, MANY_RANGES);
}

/* No window is large enough, but each is looked at */
static int long_search(struct _test_data_killed *self)
{
	__u64 iova = 0;

	return ioas_map(self->fd, self->ioas[1], self->mem, 2 * page, &iova,
			MAP_RW);
}

FIXTURE_VARIANT(killed)
{
	int (*call)(struct _test_data_killed *self);
	int (*prepare)(struct _test_data_killed *self);
	/* So often at least */
	unsigned int looks;
	/* It would not end before tomorrow */
	bool endless;
};

static int prepare_areas(struct _test_data_killed *self)
{
	return map_many(self->fd, self->ioas[0], self->mem, MANY_AREAS);
}

/* Pinned, for another HWPT, already */
static int prepare_pinned(struct _test_data_killed *self)
{
	return prepare_areas(self) ?: long_fill(self);
}

static int prepare_dirty(struct _test_data_killed *self)
{
	return hwpt_alloc(self->fd, self->dev.idev, self->ioas[0],
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &self->hwpt);
}

static int prepare_ranges(struct _test_data_killed *self)
{
	unsigned long i;

	self->ranges = calloc(MANY_RANGES, sizeof(*self->ranges));
	if (!self->ranges)
		return -ENOMEM;
	for (i = 0; i != MANY_RANGES; i++) {
		self->ranges[i].start = IOVA + 2 * i * page;
		self->ranges[i].last = self->ranges[i].start + page - 1;
	}
	return 0;
}

static int prepare_windows(struct _test_data_killed *self)
{
	return prepare_ranges(self) ?: long_allow(self);
}

FIXTURE_VARIANT_ADD(killed, copy) {
	.call = long_copy,
	.prepare = prepare_areas,
	.looks = MANY_AREAS,
};

FIXTURE_VARIANT_ADD(killed, fill) {
	.call = long_fill,
	.prepare = prepare_areas,
	.looks = MANY_AREAS,
};

FIXTURE_VARIANT_ADD(killed, second_fill) {
	.call = long_fill,
	.prepare = prepare_pinned,
	.looks = MANY_AREAS,
};

FIXTURE_VARIANT_ADD(killed, dirty_read) {
	.call = long_dirty_read,
	.prepare = prepare_dirty,
	.looks = 1000,
	.endless = true,
};

FIXTURE_VARIANT_ADD(killed, allow) {
	.call = long_allow,
	.prepare = prepare_ranges,
	.looks = MANY_RANGES,
};

FIXTURE_VARIANT_ADD(killed, search) {
	.call = long_search,
	.prepare = prepare_windows,
	.looks = MANY_RANGES,
};

FIXTURE_SETUP(killed)
{
	int i;

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(2);
	for (i = 0; i != 2; i++)
		CALL(ioas_alloc(self->fd, &self->ioas[i]));
	/* The device's IOAS is neither of them */
	CALL(ioas_alloc(self->fd, &self->hwpt));
	CALL(mock_attach(self->fd, self->hwpt, &self->dev));
	CALL(variant->prepare(self));
	if (!breath_stop_at(0))
		SKIP(return, "no debugfs");
}

FIXTURE_TEARDOWN(killed)
{
	breath_stop_at(0);
	free(self->ranges);
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, proc_status("VmPin"));
}

static pid_t start_call(struct _test_data_killed *self,
			int (*call)(struct _test_data_killed *self))
{
	pid_t child = fork();

	if (child)
		return child;
	_exit(call(self) ? 1 : 0);
}

TEST_F(killed, call)
{
	unsigned int stop = variant->looks / 4;
	__u64 unmapped;
	int status;
	pid_t child;

	if (!variant->endless) {
		breath_stop_at(UINT32_MAX);
		child = start_call(self, variant->call);
		ASSERT_LE(0, child);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_LE(variant->looks, breaths() + 1);
		/* Of what it mapped, the next finds nothing */
		ioas_unmap_count(self->fd, self->ioas[1], 0, EVERYTHING,
				 &unmapped);
	}

	breath_stop_at(stop);
	child = start_call(self, variant->call);
	ASSERT_LE(0, child);
	while (breaths() < stop)
		ASSERT_EQ(0, waitpid(child, &status, WNOHANG));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* It went no further */
	EXPECT_EQ(stop, breaths());
	ioas_unmap_count(self->fd, self->ioas[1], 0, EVERYTHING, &unmapped);
	EXPECT_EQ(0, unmapped);
}

/*
 * A call waits for a page of the user's that does not come, and a destroy for the
 * call: who is killed does not wait any more.
 */
struct stuck {
	int fd;
	__u32 ioas;
	char *mem;
};

static void *stuck_map(void *arg)
{
	struct stuck *s = arg;

	ioas_map_at(s->fd, s->ioas, s->mem, page, IOVA);
	return NULL;
}

static void *stuck_reply(void *arg)
{
	struct stuck *s = arg;
	__u64 alignment;
	__u32 num = 1;

	ioas_ranges(s->fd, s->ioas, (void *)s->mem, &num, &alignment);
	return NULL;
}

/* Have a thread make a call that will not come back */
static int stuck_start(struct stuck *s, void *(*call)(void *stuck))
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct pollfd event = { .events = POLLIN };
	pthread_t thread;

	s->mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	event.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = to_u64(s->mem);
	reg.range.len = page;
	if (event.fd < 0 || ioctl(event.fd, UFFDIO_API, &api) ||
	    ioctl(event.fd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&thread, NULL, call, s))
		return -1;
	/* Here is its fault, which nobody answers */
	return poll(&event, 1, -1) == 1 && event.revents == POLLIN ? 0 : -1;
}

static void get_stuck(struct stuck *s, __u32 dev)
{
	if (stuck_start(s, stuck_map) || kill(getppid(), SIGUSR1))
		_exit(1);
	/* The device does not wait for a mapping, but the IOAS for the call */
	if (object_destroy(s->fd, dev))
		_exit(1);
	object_destroy(s->fd, s->ioas);
	_exit(2);
}

/* Somebody is destroying it: it has no ID any more. Otherwise it is of no use here */
static bool is_taken(int fd, __u32 id)
{
	__u32 num = 0;

	return hwpt_invalidate(fd, id, 0, NULL, 0, &num) == -ENOENT;
}

TEST(stuck)
{
	struct stuck s = { .fd = iommu_open() };
	struct mock_dev dev;
	sigset_t set;
	pid_t child;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, ioas_alloc(s.fd, &s.ioas));
	ASSERT_EQ(0, mock_attach(s.fd, s.ioas, &dev));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		get_stuck(&s, dev.id);
	ASSERT_EQ(SIGUSR1, sigwaitinfo(&set, NULL));
	/* From there on it waits for the thread that maps */
	while (!is_taken(s.fd, s.ioas))
		ASSERT_EQ(0, waitpid(child, &status, WNOHANG));
	ASSERT_EQ(0, kill(child, SIGKILL));
	/* Or the harness's own time is up */
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(s.fd);
}

/* The call is another process's, and goes on; so does the IOAS */
TEST(stuck_by_another)
{
	struct stuck s = { .fd = iommu_open() };
	pid_t caller, destroyer;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, ioas_alloc(s.fd, &s.ioas));
	caller = fork();
	ASSERT_LE(0, caller);
	if (!caller) {
		if (!stuck_start(&s, stuck_reply) && !kill(getppid(), SIGUSR1))
			pause();
		_exit(1);
	}
	ASSERT_EQ(SIGUSR1, sigwaitinfo(&set, NULL));

	destroyer = fork();
	ASSERT_LE(0, destroyer);
	if (!destroyer) {
		object_destroy(s.fd, s.ioas);
		_exit(2);
	}
	/* Until the destroyer has taken it away */
	while (vfio_ioas(s.fd, IOMMU_VFIO_IOAS_SET, &s.ioas) != -ENOENT)
		sched_yield();
	ASSERT_EQ(0, waitpid(destroyer, &status, WNOHANG));
	ASSERT_EQ(0, kill(destroyer, SIGKILL));
	ASSERT_EQ(destroyer, waitpid(destroyer, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ASSERT_EQ(0, waitpid(caller, &status, WNOHANG));

	ASSERT_EQ(0, kill(caller, SIGKILL));
	ASSERT_EQ(caller, waitpid(caller, &status, 0));
	EXPECT_EQ(0, object_destroy(s.fd, s.ioas));
	close(s.fd);
}

TEST_HARNESS_MAIN
