// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that comes as late as its owner likes, by userfaultfd: while one call waits
 * for it, none of the others does that use the same IOAS for something else. Calls
 * that wait where they should not never return, and the harness ends the test.
 */
#include <poll.h>
#include <pthread.h>
#include <linux/userfaultfd.h>

#include "iommufd_check.h"

#define SLOW_PAGES 4

/* A call that is going to wait */
struct slow_call {
	pthread_t thread;
	int fd;
	__u32 ioas;
	const void *va;
	__u64 iova;
	struct mock_dev dev;
	int rc;
};

FIXTURE(slow)
{
	struct scene scene;
	int uffd;
	char *mem;	/* SLOW_PAGES, none of them there */
};

FIXTURE_SETUP(slow)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->uffd < 0)
		SKIP(return, "no userfaultfd");
	self->mem = mmap(NULL, SLOW_PAGES * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	reg.range.start = to_u64(self->mem);
	reg.range.len = SLOW_PAGES * page;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(slow)
{
	scene_teardown(_metadata, &self->scene);
	munmap(self->mem, SLOW_PAGES * page);
	close(self->uffd);
}

/* Until somebody waits for a page: which one? */
static const void *slow_await(int uffd)
{
	struct pollfd poll_uffd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg = {};

	if (poll(&poll_uffd, 1, -1) != 1 ||
	    read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return NULL;
	return (const void *)(uintptr_t)(msg.arg.pagefault.address &
					 ~(__u64)(page - 1));
}

static int slow_give(int uffd, const void *va, unsigned int npages)
{
	struct uffdio_zeropage zero = {
		.range = { .start = to_u64(va), .len = npages * page },
	};

	return ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
}

static void *call_map(void *arg)
{
	struct slow_call *call = arg;

	call->rc = ioas_map_at(call->fd, call->ioas, call->va, page,
			       call->iova);
	return NULL;
}

static void *call_copy(void *arg)
{
	struct slow_call *call = arg;

	call->rc = ioas_copy_at(call->fd, call->ioas, call->dev.id, call->iova,
				page, call->iova);
	return NULL;
}

static void *call_attach(void *arg)
{
	struct slow_call *call = arg;

	call->rc = mock_attach(call->fd, call->ioas, &call->dev);
	return NULL;
}

/* Everything that uses the IOAS for other memory than that which is waited for */
static void others_go_on(struct __test_metadata *_metadata, struct scene *s,
			 __u32 ioas)
{
	const __u64 iova = SCENE_IOVA + 100 * page;
	__u64 any = 0, unmapped;
	__u32 num = 0, hwpt;
	__u64 alignment;
	int access;
	char byte;

	CALL(ioas_map_at(s->fd, ioas, scene_mem(s, 6), page, iova));
	CALL(ioas_map(s->fd, ioas, scene_mem(s, 7), page, &any, MAP_RW));
	CALL(ioas_copy_at(s->fd, ioas, ioas, iova, page, iova + page));
	CALL(access_create(s->fd, ioas, 0, &access));
	CALL(access_rw(s->fd, access, iova, &byte, 1, 0));
	CALL(close(access));
	EXPECT_EQ(-EMSGSIZE, ioas_ranges(s->fd, ioas, NULL, &num, &alignment));
	CALL(ioas_unmap(s->fd, ioas, any, page));
	CALL(ioas_unmap_count(s->fd, ioas, iova, 2 * page, &unmapped));
	EXPECT_EQ(2 * page, unmapped);
	/* Its memory is there: one more domain, and one less */
	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas, 0, &hwpt));
	CALL(object_destroy(s->fd, hwpt));
}

TEST_F(slow, map)
{
	struct scene *s = &self->scene;
	struct slow_call call = {
		.fd = s->fd,
		.ioas = s->ioas,
		.va = self->mem,
		.iova = SCENE_IOVA + 20 * page,
	};

	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_map, &call));
	ASSERT_EQ(self->mem, slow_await(self->uffd));
	others_go_on(_metadata, s, s->ioas);
	EXPECT_EQ(0, check_invariants(s->fd));
	/* It is not there yet, its IOVAs are taken */
	EXPECT_EQ(-ENOENT, ioas_unmap(s->fd, s->ioas, call.iova, page));
	EXPECT_EQ(-EEXIST, ioas_map_at(s->fd, s->ioas, s->mem, page,
				       call.iova));
	CALL(slow_give(self->uffd, self->mem, SLOW_PAGES));
	ASSERT_EQ(0, pthread_join(call.thread, NULL));
	ASSERT_EQ(0, call.rc);
	EXPECT_EQ(0, mock_check_map(s->fd, s->dev.hwpt, call.iova, self->mem,
				    page));
	CALL(ioas_unmap(s->fd, s->ioas, call.iova, page));
}

/* Pinned for an IOAS with a device, while it is mapped in one without, too */
TEST_F(slow, copy)
{
	struct scene *s = &self->scene;
	struct slow_call call = {
		.fd = s->fd,
		.ioas = s->ioas,
		.iova = SCENE_IOVA + 20 * page,
	};

	CALL(ioas_alloc(s->fd, &call.dev.id));
	CALL(ioas_map_at(s->fd, call.dev.id, self->mem, 2 * page, call.iova));
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_copy, &call));
	ASSERT_EQ(self->mem, slow_await(self->uffd));
	others_go_on(_metadata, s, s->ioas);
	others_go_on(_metadata, s, call.dev.id);
	/* Nothing there waits for what the copy pins */
	CALL(ioas_unmap(s->fd, call.dev.id, call.iova, 2 * page));
	CALL(slow_give(self->uffd, self->mem, SLOW_PAGES));
	ASSERT_EQ(0, pthread_join(call.thread, NULL));
	ASSERT_EQ(0, call.rc);
	EXPECT_EQ(0, mock_check_map(s->fd, s->dev.hwpt, call.iova, self->mem,
				    page));
	CALL(ioas_unmap(s->fd, s->ioas, call.iova, page));
	CALL(object_destroy(s->fd, call.dev.id));
}

/* A first device needs all of the memory; what is mapped meanwhile, too */
TEST_F(slow, attach)
{
	struct scene *s = &self->scene;
	const __u64 iova = SCENE_IOVA + 20 * page;
	struct slow_call call = { .fd = s->fd };
	unsigned long pinned = proc_status("VmPin");

	CALL(ioas_alloc(s->fd, &call.ioas));
	CALL(ioas_map_at(s->fd, call.ioas, self->mem, page, iova));
	CALL(ioas_map_at(s->fd, call.ioas, self->mem + page, page,
			 iova + page));
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_attach, &call));
	ASSERT_EQ(self->mem, slow_await(self->uffd));
	others_go_on(_metadata, s, call.ioas);
	EXPECT_EQ(0, check_invariants(s->fd));
	CALL(ioas_map_at(s->fd, call.ioas, scene_mem(s, 6), page,
			 iova + 2 * page));
	/* What is waited for has been charged for */
	EXPECT_EQ(pinned + 2, proc_status("VmPin"));
	/* What it waits for goes, and is not needed any more */
	CALL(ioas_unmap(s->fd, call.ioas, iova, page));
	CALL(slow_give(self->uffd, self->mem, SLOW_PAGES));
	ASSERT_EQ(0, pthread_join(call.thread, NULL));
	ASSERT_EQ(0, call.rc);
	EXPECT_EQ(pinned + 2, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_map(s->fd, call.dev.hwpt, iova + page,
				    self->mem + page, page));
	EXPECT_EQ(0, mock_check_map(s->fd, call.dev.hwpt, iova + 2 * page,
				    scene_mem(s, 6), page));
	EXPECT_EQ(0, check_invariants(s->fd));
	CALL(object_destroy(s->fd, call.dev.id));
	EXPECT_EQ(pinned, proc_status("VmPin"));
	CALL(object_destroy(s->fd, call.ioas));
}

/* Where the memory cannot be had, nothing is left of the attach */
TEST_F(slow, attach_fails)
{
	struct scene *s = &self->scene;
	const __u64 iova = SCENE_IOVA + 20 * page;
	struct slow_call call = { .fd = s->fd };
	unsigned long pinned = proc_status("VmPin");
	struct uffdio_range wake;

	CALL(ioas_alloc(s->fd, &call.ioas));
	CALL(ioas_map_at(s->fd, call.ioas, scene_mem(s, 6), page, iova));
	CALL(ioas_map_at(s->fd, call.ioas, self->mem, page, iova + page));
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_attach, &call));
	ASSERT_EQ(self->mem, slow_await(self->uffd));
	EXPECT_NE(pinned, proc_status("VmPin"));
	wake.start = to_u64(self->mem);
	wake.len = SLOW_PAGES * page;
	CALL(munmap(self->mem, SLOW_PAGES * page));
	CALL(ioctl(self->uffd, UFFDIO_WAKE, &wake));
	ASSERT_EQ(0, pthread_join(call.thread, NULL));
	EXPECT_EQ(-EFAULT, call.rc);
	EXPECT_EQ(pinned, proc_status("VmPin"));
	CALL(object_destroy(s->fd, call.ioas));
}

/* Whoever waits can be killed, and leaves nothing behind */
TEST_F(slow, killed)
{
	struct scene *s = &self->scene;
	const __u64 iova = SCENE_IOVA + 20 * page;
	struct mock_dev dev;
	__u32 ioas;
	int status, i;
	pid_t pid;

	CALL(ioas_alloc(s->fd, &ioas));
	CALL(ioas_map_at(s->fd, ioas, self->mem, page, iova));
	for (i = 0; i != 2; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (i)
				ioas_copy_at(s->fd, s->ioas, ioas, iova, page,
					     iova);
			else
				mock_attach(s->fd, ioas, &dev);
			_exit(1);
		}
		ASSERT_EQ(self->mem, slow_await(self->uffd));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(0, check_invariants(s->fd));
		others_go_on(_metadata, s, ioas);
	}
	EXPECT_EQ(-ENOENT, ioas_unmap(s->fd, s->ioas, iova, page));
	CALL(object_destroy(s->fd, ioas));
}

TEST_HARNESS_MAIN
