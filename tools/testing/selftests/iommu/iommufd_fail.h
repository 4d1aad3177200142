/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each point of a call at which the kernel's fault injection can make something
 * fail (allocations of slab objects and of pages; iommufd's copies from and to
 * userspace and its pins; the test driver's IOMMU operations) is made to, one after the other,
 * until the call gets through with the failure unused.
 */
#ifndef IOMMUFD_FAIL_H
#define IOMMUFD_FAIL_H

#include <linux/vfio.h>
#include <stdlib.h>

#include "iommufd_check.h"

#define MAX_POINTS 3000

/* What a failure may be reported as: injected by one of those mentioned above */
#define NO_MEMORY 0x1	/* ENOMEM */
#define NO_COPY 0x2	/* EFAULT: a copy, or a pin of user memory */
#define NO_HARDWARE 0x4	/* EIO: invalidations */
#define NO_DEVICE 0x8	/* ENODEV: the IOMMU core could not probe it */
#define NO_ENTRY 0x10	/* ENOENT: what is refused was to be undone */

static inline bool fail_is_one_of(int rc, unsigned int errnos)
{
	switch (rc) {
	case -ENOMEM:
		return errnos & NO_MEMORY;
	case -EFAULT:
		return errnos & NO_COPY;
	case -EIO:
		return errnos & NO_HARDWARE;
	case -ENODEV:
		return errnos & NO_DEVICE;
	case -ENOENT:
		return errnos & NO_ENTRY;
	default:
		return false;
	}
}

static inline int fail_debugfs(const char *name, const char *value)
{
	char path[128];
	int fd, rc;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* Everything may fail, whatever its flags and size, and is not logged */
static inline int fail_prepare(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_iommufd/verbose", "0" },
	};
	unsigned int i;
	int rc;

	for (i = 0; i != ARRAY_SIZE(settings); i++) {
		rc = fail_debugfs(settings[i][0], settings[i][1]);
		if (rc)
			return rc;
	}
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

static inline bool fail_arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fd, text, len, 0) == len;
}

/* Has it failed? Reading that may fail itself: then the call did not. */
static inline bool fail_disarm(int fd)
{
	char text[16] = "";
	bool failed = true;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0 || atoi(text))
		failed = false;
	while (!fail_arm(fd, 0))
		failed = false;
	return failed;
}

/**
 * struct fail_count - what became of the failures of one call
 * @points: how many there were
 * @refused: how many made the call fail
 */
struct fail_count {
	unsigned int points;
	unsigned int refused;
};

/* Nothing but what the call is for may have changed */
static inline void fail_compare(struct __test_metadata *_metadata,
				struct scene *s, const char *name,
				unsigned int nth)
{
	struct scene_state now;
	const char *what;

	scene_look(s, &now);
	what = scene_diff(&s->before, &now);
	EXPECT_EQ(NULL, what)
		TH_LOG("%s: failure %u changed %s", name, nth, what);
	if (what)
		s->before = now;
	EXPECT_EQ(0, check_invariants(s->fd))
		TH_LOG("%s: after failure %u", name, nth);
}

/*
 * FAIL_EVERY(name, errnos, call, undo): @call fails at each of its points in
 * turn, with one of the errnos, and changes nothing; or it bears the failure,
 * and succeeds, and @undo takes it back. There is a variable @self with the
 * scene and fail_nth. Ends when a call succeeded without any failure. A call
 * without points has failed the test.
 */
#define FAIL_EVERY(_name, _errnos, _call, _undo)                             \
	__FAIL_EVERY(_name, _errnos, _call, _undo, 1)

/* The same for a call that may have no point: it needs no memory, nor a copy */
#define FAIL_EVERY_IF_ANY(_name, _errnos, _call, _undo)                      \
	__FAIL_EVERY(_name, _errnos, _call, _undo, 0)

#define __FAIL_EVERY(_name, _errnos, _call, _undo, _least)                   \
	do {                                                                 \
		struct fail_count __count = {};                              \
		const char *__name = (_name);                                \
		bool __failed = true;                                        \
		unsigned int __nth;                                          \
		int __rc;                                                    \
									     \
		scene_remember(&self->scene);                                \
		for (__nth = 1; __failed && __nth != MAX_POINTS; __nth++) {  \
			ASSERT_TRUE(fail_arm(self->fail_nth, __nth));        \
			__rc = (_call);                                      \
			__failed = fail_disarm(self->fail_nth);              \
			if (__failed)                                        \
				__count.points++;                            \
			if (__failed && __rc < 0) {                          \
				__count.refused++;                           \
				EXPECT_TRUE(fail_is_one_of(__rc, _errnos))   \
					TH_LOG("%s: failure %u is %d",       \
					       __name, __nth, __rc);        \
			} else {                                             \
				ASSERT_LE(0, __rc)                           \
					TH_LOG("%s: %d after %u points",     \
					       __name, __rc, __nth - 1);    \
				EXPECT_EQ(0, check_invariants(self->scene.fd)); \
				_undo;                                       \
			}                                                    \
			fail_compare(_metadata, &self->scene, __name, __nth); \
		}                                                            \
		EXPECT_FALSE(__failed)                                       \
			TH_LOG("%s: no end of it", __name);                  \
		EXPECT_LE(_least, __count.points)                            \
			TH_LOG("%s: nothing failed", __name);                \
		printf("# points %-36s %4u %4u\n", __name, __count.points,    \
		       __count.refused);                                     \
		fflush(stdout);                                              \
	} while (0)

#define UNDO(_call) ASSERT_EQ(0, _call)

/*
 * The test driver tells where a device was moved to when it was: if it could not,
 * the device is moved back here.
 */
static inline int fail_replace(int fd, struct mock_dev *dev, __u32 pt,
			       __u32 back)
{
	int rc = mock_replace(fd, dev, pt);

	if (rc == -EFAULT && mock_replace(fd, dev, back))
		return -EBUSY;
	return rc;
}

/* For calls that change nothing */
#define NOTHING do { } while (0)

#endif
