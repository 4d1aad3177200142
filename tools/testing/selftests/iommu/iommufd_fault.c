// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests that are on their way, or being answered, while their device is
 * detached or replaced, or their queue closed. Threads are held where that
 * matters, so each order of events is the same in every run.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "iommufd_check.h"

#define PASID 5

/**
 * struct call - a call that another thread makes
 * @thread: the thread
 * @fd: /dev/iommu
 * @run: the call
 * @dev: the mock device that it is about
 * @arg: depends on the call
 * @file: a fault queue's
 * @tid: the thread, 0 until it runs
 * @done: it has returned
 * @rc: with that
 */
struct call {
	pthread_t thread;
	int fd;
	int (*run)(struct call *call);
	struct mock_dev *dev;
	__u32 arg;
	int file;
	atomic_int tid;
	atomic_bool done;
	int rc;
};

static void *call_thread(void *arg)
{
	struct call *call = arg;

	atomic_store(&call->tid, syscall(SYS_gettid));
	call->rc = call->run(call);
	atomic_store(&call->done, true);
	return NULL;
}

static int run_fault(struct call *call)
{
	return mock_fault(call->fd, call->dev->idev, call->arg, 0x1000);
}

static int run_fault_pasid(struct call *call)
{
	return mock_fault_pasid(call->fd, call->dev->idev, PASID, call->arg);
}

static int run_replace(struct call *call)
{
	return mock_replace(call->fd, call->dev, call->arg);
}

static int run_pasid_detach(struct call *call)
{
	return mock_pasid_detach(call->fd, call->dev->id, PASID);
}

static int run_unplug(struct call *call)
{
	return object_destroy(call->fd, call->dev->id);
}

static int run_answer(struct call *call)
{
	struct iommu_hwpt_page_response response = {
		.cookie = call->arg,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};

	return write(call->file, &response, sizeof(response)) ==
	       sizeof(response) ? 0 : -errno;
}

static int run_close(struct call *call)
{
	return close(call->file);
}

FIXTURE(fault)
{
	struct scene scene;
	struct mock_dev dev;	/* whose driver waits for nothing */
	__u32 queue[2];
	__u32 hwpt[2];		/* its faults go there */
	int file[2];
	struct call call[3];
};

FIXTURE_SETUP(fault)
{
	struct scene *s = &self->scene;
	int i;

	scene_setup(_metadata, s);
	CALL(mock_attach_flags(s->fd, s->ioas, MOCK_FLAGS_DEVICE_NO_DRAIN,
			       &self->dev));
	for (i = 0; i != 2; i++) {
		CALL(fault_alloc(s->fd, &self->queue[i], &self->file[i]));
		CALL(hwpt_alloc_fault(s, self->queue[i], &self->hwpt[i]));
	}
	CALL(mock_replace(s->fd, &self->dev, self->hwpt[0]));
}

FIXTURE_TEARDOWN(fault)
{
	struct scene *s = &self->scene;
	int i;

	EXPECT_EQ(0, object_destroy(s->fd, self->dev.id));
	for (i = 0; i != 2; i++) {
		EXPECT_EQ(0, object_destroy(s->fd, self->hwpt[i]));
		if (self->file[i] >= 0)
			EXPECT_EQ(0, close(self->file[i]));
		EXPECT_EQ(0, object_destroy(s->fd, self->queue[i]));
	}
	scene_teardown(_metadata, s);
}

/* Another thread makes a call */
static void start(struct call *call, int fd, int (*run)(struct call *),
		  struct mock_dev *dev, __u32 arg, int file)
{
	*call = (struct call){
		.fd = fd,
		.run = run,
		.dev = dev,
		.arg = arg,
		.file = file,
	};
	if (pthread_create(&call->thread, NULL, call_thread, call))
		abort();
}

/* Wait until that thread sleeps, or is done */
static void wait_asleep(struct call *call)
{
	char path[64], state;
	FILE *stat;

	while (!atomic_load(&call->tid))
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		 atomic_load(&call->tid));
	while (!atomic_load(&call->done)) {
		stat = fopen(path, "r");
		if (!stat || fscanf(stat, "%*d %*s %c", &state) != 1)
			state = 'X';
		if (stat)
			fclose(stat);
		if (state != 'R')
			return;
		sched_yield();
	}
}

static bool is_done(struct call *call)
{
	return atomic_load(&call->done);
}

static int end(struct call *call)
{
	pthread_join(call->thread, NULL);
	return call->rc;
}

/* How many there are to read, and the last one */
static int read_faults(int file, struct iommu_hwpt_pgfault *last)
{
	int num = 0;
	ssize_t len;

	while ((len = read(file, last, sizeof(*last))) == sizeof(*last))
		num++;
	return len ? -errno : num;
}

/* Detached between the IOMMU core and the queue: nobody is asked */
TEST_F(fault, taken_while_detached)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;

	CALL(mock_hold(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));
	start(&self->call[0], s->fd, run_fault, &self->dev, 1, -1);
	CALL(mock_wait_held(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));

	start(&self->call[1], s->fd, run_replace, &self->dev, s->ioas, -1);
	wait_asleep(&self->call[1]);
	EXPECT_FALSE(is_done(&self->call[0]));
	EXPECT_FALSE(is_done(&self->call[1]));
	CALL(mock_hold(s->fd, self->dev.idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, end(&self->call[1]));
	EXPECT_EQ(0, read_faults(self->file[0], &fault));
	EXPECT_EQ(-EINVAL, mock_fault(s->fd, self->dev.idev, 2, 0x1000));
}

/* It was for the old queue: the new one never sees it, nor does the old one */
TEST_F(fault, taken_while_replaced)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	int i;

	for (i = 0; i != 3; i++) {
		CALL(mock_fault(s->fd, self->dev.idev, 1, 0x1000));
		CALL(mock_hold(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));
		start(&self->call[0], s->fd, run_fault, &self->dev, 2, -1);
		CALL(mock_wait_held(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));
		/* Whether somebody has read the first one or not */
		if (i == 1)
			EXPECT_EQ(1, read_faults(self->file[1], &fault));
		start(&self->call[1], s->fd, run_replace, &self->dev,
		      self->hwpt[!(i & 1)], -1);
		wait_asleep(&self->call[1]);
		EXPECT_FALSE(is_done(&self->call[1]));
		CALL(mock_hold(s->fd, self->dev.idev, 0));
		EXPECT_EQ(0, end(&self->call[0]));
		EXPECT_EQ(0, end(&self->call[1]));
		EXPECT_EQ(0, read_faults(self->file[0], &fault));
		EXPECT_EQ(0, read_faults(self->file[1], &fault));

		CALL(mock_fault(s->fd, self->dev.idev, 3, 0x3000));
		EXPECT_EQ(0, read_faults(self->file[i & 1], &fault));
		EXPECT_EQ(1, read_faults(self->file[!(i & 1)], &fault));
		EXPECT_EQ(3, fault.grpid);
		EXPECT_EQ(self->dev.idev, fault.dev_id);
		self->call[0].file = self->file[!(i & 1)];
		self->call[0].arg = fault.cookie;
		EXPECT_EQ(0, run_answer(&self->call[0]));
	}
}

/* A PASID goes, the rest of the device stays */
TEST_F(fault, taken_while_pasid_detached)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID,
		.dev_id = s->dev.idev,
		.pt_id = s->ioas,
		.fault_id = self->queue[0],
	};
	struct mock_dev dev;

	CALL(iommu_call(s->fd, IOMMU_HWPT_ALLOC, &cmd));
	CALL(mock_attach_flags(s->fd, cmd.out_hwpt_id,
			       MOCK_FLAGS_DEVICE_NO_DRAIN |
			       MOCK_FLAGS_DEVICE_PASID, &dev));
	CALL(mock_pasid_attach(s->fd, dev.id, PASID, cmd.out_hwpt_id));
	CALL(mock_fault(s->fd, dev.idev, 1, 0x1000));
	CALL(mock_hold(s->fd, dev.idev, MOCK_HOLD_TAKEN));
	start(&self->call[0], s->fd, run_fault_pasid, &dev, 2, -1);
	CALL(mock_wait_held(s->fd, dev.idev, MOCK_HOLD_TAKEN));
	start(&self->call[1], s->fd, run_pasid_detach, &dev, 0, -1);
	wait_asleep(&self->call[1]);
	EXPECT_FALSE(is_done(&self->call[1]));
	CALL(mock_hold(s->fd, dev.idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, end(&self->call[1]));
	EXPECT_EQ(1, read_faults(self->file[0], &fault));
	EXPECT_EQ(1, fault.grpid);
	CALL(object_destroy(s->fd, dev.id));
	CALL(object_destroy(s->fd, cmd.out_hwpt_id));
}

/* One device of a group is unplugged: the attachment stays, with the others */
TEST_F(fault, taken_while_one_leaves)
{
	const __u32 flags = MOCK_FLAGS_DEVICE_SHARED |
			    MOCK_FLAGS_DEVICE_NO_DRAIN;
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	struct mock_dev dev[2];
	int i;

	for (i = 0; i != 2; i++)
		CALL(mock_attach_flags(s->fd, self->hwpt[0], flags, &dev[i]));
	CALL(mock_fault(s->fd, dev[0].idev, 1, 0x1000));
	CALL(mock_fault(s->fd, dev[1].idev, 2, 0x1000));
	CALL(mock_hold(s->fd, dev[1].idev, MOCK_HOLD_TAKEN));
	start(&self->call[0], s->fd, run_fault, &dev[1], 3, -1);
	CALL(mock_wait_held(s->fd, dev[1].idev, MOCK_HOLD_TAKEN));
	start(&self->call[1], s->fd, run_unplug, &dev[1], 0, -1);
	wait_asleep(&self->call[1]);
	EXPECT_FALSE(is_done(&self->call[1]));
	CALL(mock_hold(s->fd, dev[1].idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, end(&self->call[1]));
	EXPECT_EQ(1, read_faults(self->file[0], &fault));
	EXPECT_EQ(1, fault.grpid);
	EXPECT_EQ(dev[0].idev, fault.dev_id);
	CALL(object_destroy(s->fd, dev[0].id));
}

/* The queue is closed: the request is answered, and nothing waits for it */
TEST_F(fault, taken_while_closed)
{
	struct scene *s = &self->scene;

	CALL(mock_fault(s->fd, self->dev.idev, 1, 0x1000));
	CALL(mock_hold(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));
	start(&self->call[0], s->fd, run_fault, &self->dev, 2, -1);
	CALL(mock_wait_held(s->fd, self->dev.idev, MOCK_HOLD_TAKEN));
	EXPECT_EQ(0, close(self->file[0]));
	self->file[0] = -1;
	CALL(mock_hold(s->fd, self->dev.idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, mock_fault(s->fd, self->dev.idev, 3, 0x1000));
}

/* While one device's answer takes long, the queue serves the others */
TEST_F(fault, answer_asleep)
{
	struct iommu_hwpt_pgfault fault[2];
	struct scene *s = &self->scene;

	CALL(mock_replace(s->fd, &s->dev, self->hwpt[0]));
	CALL(mock_fault(s->fd, s->dev.idev, 1, 0x1000));
	ASSERT_EQ(1, read_faults(self->file[0], &fault[0]));
	CALL(mock_hold(s->fd, s->dev.idev, MOCK_HOLD_RESPONSE));
	start(&self->call[0], s->fd, run_answer, NULL, fault[0].cookie,
	      self->file[0]);
	CALL(mock_wait_held(s->fd, s->dev.idev, MOCK_HOLD_RESPONSE));

	/* Another device's is taken at once, read, answered, and detached */
	start(&self->call[1], s->fd, run_fault, &self->dev, 2, -1);
	wait_asleep(&self->call[1]);
	start(&self->call[2], s->fd, run_replace, &self->dev, s->ioas, -1);
	wait_asleep(&self->call[2]);
	EXPECT_EQ(0, end(&self->call[2]));
	end(&self->call[1]);
	CALL(mock_replace(s->fd, &self->dev, self->hwpt[0]));
	CALL(mock_fault(s->fd, self->dev.idev, 3, 0x1000));
	ASSERT_EQ(1, read_faults(self->file[0], &fault[1]));
	EXPECT_EQ(3, fault[1].grpid);
	self->call[2].file = self->file[0];
	self->call[2].arg = fault[1].cookie;
	EXPECT_EQ(0, run_answer(&self->call[2]));

	/* Its own device does not go before it has the answer */
	start(&self->call[2], s->fd, run_replace, &s->dev, s->ioas, -1);
	wait_asleep(&self->call[2]);
	EXPECT_FALSE(is_done(&self->call[0]));
	EXPECT_FALSE(is_done(&self->call[2]));
	CALL(mock_hold(s->fd, s->dev.idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, end(&self->call[2]));
}

/* Nor before who closes the queue has answered for good */
TEST_F(fault, close_asleep)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	int i;

	for (i = 0; i != 4; i++) {
		CALL(mock_fault(s->fd, self->dev.idev, i, 0x1000));
		if (i & 1)
			ASSERT_EQ(sizeof(fault), read(self->file[0], &fault,
						      sizeof(fault)));
	}
	CALL(mock_hold(s->fd, self->dev.idev, MOCK_HOLD_RESPONSE));
	start(&self->call[0], s->fd, run_close, NULL, 0, self->file[0]);
	self->file[0] = -1;
	CALL(mock_wait_held(s->fd, self->dev.idev, MOCK_HOLD_RESPONSE));
	start(&self->call[1], s->fd, run_replace, &self->dev, self->hwpt[1],
	      -1);
	wait_asleep(&self->call[1]);
	EXPECT_FALSE(is_done(&self->call[0]));
	EXPECT_FALSE(is_done(&self->call[1]));
	CALL(mock_hold(s->fd, self->dev.idev, 0));
	EXPECT_EQ(0, end(&self->call[0]));
	EXPECT_EQ(0, end(&self->call[1]));
	CALL(mock_fault(s->fd, self->dev.idev, 9, 0x1000));
	EXPECT_EQ(1, read_faults(self->file[1], &fault));
}

/* Killed with everything under way: nothing stays, and nobody waits for it */
TEST_F(fault, killed)
{
	struct iommu_hwpt_pgfault fault;
	struct scene *s = &self->scene;
	int status, ready[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct scene own = { .fd = iommu_open() };
		struct mock_dev dev;
		__u32 queue, hwpt;
		int file;

		if (ioas_alloc(own.fd, &own.ioas) ||
		    mock_attach_flags(own.fd, own.ioas,
				      MOCK_FLAGS_DEVICE_NO_DRAIN, &own.dev) ||
		    mock_attach(own.fd, own.ioas, &dev) ||
		    fault_alloc(own.fd, &queue, &file) ||
		    hwpt_alloc_fault(&own, queue, &hwpt) ||
		    mock_replace(own.fd, &own.dev, hwpt) ||
		    mock_replace(own.fd, &dev, hwpt) ||
		    mock_fault(own.fd, dev.idev, 1, 0x1000) ||
		    read_faults(file, &fault) != 1)
			_exit(1);
		mock_hold(own.fd, dev.idev, MOCK_HOLD_RESPONSE);
		start(&self->call[0], own.fd, run_answer, NULL, fault.cookie,
		      file);
		mock_wait_held(own.fd, dev.idev, MOCK_HOLD_RESPONSE);
		mock_hold(own.fd, own.dev.idev, MOCK_HOLD_TAKEN);
		start(&self->call[1], own.fd, run_fault, &own.dev, 2, -1);
		mock_wait_held(own.fd, own.dev.idev, MOCK_HOLD_TAKEN);
		write(ready[1], "", 1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(ready[0]);
	CALL(mock_fault(s->fd, self->dev.idev, 1, 0x1000));
	EXPECT_EQ(1, read_faults(self->file[0], &fault));
}

TEST_HARNESS_MAIN
