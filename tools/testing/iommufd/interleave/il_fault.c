// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests, on the base kernel's own io-pgfault.c: devices send them while
 * they are detached or replaced, and userspace reads, answers and closes.
 */
#include "env.h"
#include "iommufd_private.h"
#include "device.h"
#include "eventq.h"

enum scene {
	/* The driver leaves devices in the core's queue */
	KEEPS_QUEUE = 1,
	/* Two devices in one group */
	ONE_GROUP = 2,
	/* Page requests are for a PASID: without one, nobody handles them */
	PLAIN = 4,
};

#define PASID	1

static struct iommufd_device *idev[2];
static u32 dev_id[2], ioas, fault_id, hwpt[2], plain;
/* Userspace's descriptor of the queue, until it is closed */
static struct file *file;
static bool attached[2];
static struct mutex dev_lock;

static void page_request(void)
{
	env_page_request(0, 1);
}

static void page_requests(void)
{
	env_page_request(0, 1);
	env_page_request(0, 2);
}

static void page_requests_of_both(void)
{
	env_page_request(1, 3);
	env_page_request(0, 4);
}

static void detach_n(int n)
{
	mutex_lock(&dev_lock);
	if (attached[n])
		iommufd_device_detach(idev[n], IOMMU_NO_PASID);
	attached[n] = false;
	mutex_unlock(&dev_lock);
	il_log("device %d: detached", n);
}

static void detach(void)
{
	detach_n(0);
}

static void detach_1(void)
{
	detach_n(1);
}

/* The device goes, too: nothing may refer to it any more */
static void unbind(void)
{
	detach_n(0);
	iommufd_device_unbind(idev[0]);
	idev[0] = NULL;
}

static void attach_n(int n, u32 id)
{
	int rc;

	mutex_lock(&dev_lock);
	if (attached[n])
		rc = iommufd_device_replace(idev[n], IOMMU_NO_PASID, &id);
	else
		rc = iommufd_device_attach(idev[n], IOMMU_NO_PASID, &id);
	attached[n] |= !rc;
	mutex_unlock(&dev_lock);
	il_log("attach = %d", rc);
}

static void replace(void)
{
	attach_n(0, hwpt[1]);
}

static void replace_by_plain(void)
{
	attach_n(0, plain);
}

/* To where page requests go elsewhere, then nowhere */
static void replace_by_both(void)
{
	attach_n(0, hwpt[1]);
	attach_n(0, plain);
}

static void detach_attach(void)
{
	detach_n(0);
	attach_n(0, hwpt[1]);
}

/* The HWPT goes with its last attachment */
static void replace_destroy(void)
{
	attach_n(0, hwpt[1]);
	env_destroy(hwpt[0]);
}

static void answer(struct file *queue, const struct iommu_hwpt_pgfault *fault)
{
	struct iommu_hwpt_page_response response = {
		.cookie = fault->cookie,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};
	ssize_t n = queue->f_op->write(queue, (void *)&response,
				       sizeof(response), NULL);

	il_log("write(%u) = %ld", fault->cookie, n);
	IL_ASSERT(n == sizeof(response) || n == -EINVAL || n == -EFAULT,
		  "write() = %ld", n);
}

static void user(void)
{
	struct iommu_hwpt_pgfault faults[4];
	struct file *queue = env_use(file);
	ssize_t n, i;
	int rounds;

	if (!queue)
		return;
	for (rounds = 0; rounds != 3; rounds++) {
		n = queue->f_op->read(queue, (void *)faults, sizeof(faults),
				      NULL);
		il_log("read() = %ld", n);
		IL_ASSERT(n >= 0 || n == -EFAULT || n == -ENOMEM,
			  "read() = %ld", n);
		for (i = 0; i < n / (ssize_t)sizeof(faults[0]); i++) {
			IL_ASSERT(faults[i].dev_id == dev_id[0] ||
				  faults[i].dev_id == dev_id[1],
				  "a fault of device %u", faults[i].dev_id);
			answer(queue, &faults[i]);
		}
	}
	env_close(queue);
}

/* Before it was told any cookie */
static void guess(void)
{
	struct iommu_hwpt_pgfault fault = { .cookie = 1 };

	answer(file, &fault);
}

static void poll_user(void)
{
	struct iommufd_eventq *eventq = file->private_data;
	int rounds;

	/* As epoll does: on the wait queue first, then a look */
	for (rounds = 0; rounds != 2; rounds++) {
		unsigned int seen = shim_wait_prepare(&eventq->wait.queue);

		if (file->f_op->poll(file, NULL) & EPOLLIN)
			user();
		else if (env_requests[1] + env_requests[2] !=
			 env_answers[1] + env_answers[2])
			shim_wait(&eventq->wait.queue, seen, false);
	}
}

static void close(void)
{
	struct file *closing = file;

	file = NULL;
	env_close(closing);
	il_log("closed");
}

static void setup(const struct il_plan *plan)
{
	u32 flags = plan->scene & PLAIN ? IOMMU_HWPT_ALLOC_PASID : 0;
	int i;

	env_reset();
	env_iommu.keeps_queue = plan->scene & KEEPS_QUEUE;
	env_iommu.one_group = plan->scene & ONE_GROUP;
	env_iommu.pasids = plan->scene & PLAIN ? PASID + 1 : 0;
	memset(attached, 0, sizeof(attached));
	dev_lock = (struct mutex){ };
	env_iommufd = env_open("iommu");
	ioas = env_ioas_alloc();
	for (i = 0; i != 2; i++) {
		idev[i] = iommufd_device_bind(env_ctx(), &env_devices[i],
					      &dev_id[i]);
		IL_ASSERT(!IS_ERR(idev[i]), "bind");
	}
	IL_ASSERT(!env_fault_alloc(&fault_id, &file), "FAULT_QUEUE_ALLOC");
	for (i = 0; i != 2; i++)
		IL_ASSERT(!env_hwpt_alloc(dev_id[0], ioas, flags, fault_id,
					  &hwpt[i]), "HWPT_ALLOC");
	IL_ASSERT(!env_hwpt_alloc(dev_id[0], ioas, flags, 0, &plain),
		  "HWPT_ALLOC");
	if (plan->scene & PLAIN) {
		u32 id = hwpt[0];

		IL_ASSERT(!iommufd_device_attach(idev[0], PASID, &id),
			  "attach to a PASID");
	}
	attach_n(0, plan->scene & PLAIN ? plain : hwpt[0]);
	attach_n(1, hwpt[0]);
	IL_ASSERT(attached[0] && attached[1], "attach");
}

static void check(void)
{
	unsigned int i;

	for (i = 0; i != 2; i++)
		detach_n(i);
	if (env_iommu.pasids)
		iommufd_device_detach(idev[0], PASID);
	/* Nothing is left of who is detached, nor in the queue */
	for (i = 0; i != ARRAY_SIZE(env_answers); i++)
		IL_ASSERT(env_answers[i] == env_requests[i],
			  "page request %u outlives its device", i);
	for (i = 0; i != 2; i++)
		if (idev[i])
			iommufd_device_unbind(idev[i]);
	user();
	if (file)
		close();
	env_forget_fds();
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 400000

static const struct il_plan plans[] = {
	{ { CALL(page_requests), CALL(user), CALL(close) }, LIMIT },
	{ { CALL(page_requests), CALL(user), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(guess), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(guess), CALL(user) }, .failures = 1,
	  LIMIT, .finds = "guess-frees-a-cookie" },
	{ { CALL(page_requests), CALL(poll_user) }, LIMIT },
	{ { CALL(page_requests), CALL(user), CALL(user) }, .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(page_requests), CALL(detach) }, .preemptions = 3, LIMIT },
	{ { CALL(page_requests), CALL(detach), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(unbind), CALL(user) },
	  LIMIT, .finds = "answers-not-waited-for" },
	{ { CALL(page_requests), CALL(detach), CALL(close) }, LIMIT },
	{ { CALL(page_requests), CALL(replace), CALL(user) },
	  LIMIT, .finds = "replaced-handle-queues" },
	{ { CALL(page_requests), CALL(replace_by_plain), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(replace_by_both) }, LIMIT,
	  .finds = "handles-of-either-kind" },
	{ { CALL(page_request), CALL(replace_by_both) }, SCENE(PLAIN),
	  .preemptions = 4, LIMIT, .finds = "handle-gets-a-handler" },
	{ { CALL(page_requests), CALL(detach_attach), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(replace_destroy), CALL(user) }, LIMIT },
	{ { CALL(page_requests), CALL(detach), CALL(user) },
	  SCENE(KEEPS_QUEUE), LIMIT },
	{ { CALL(page_requests), CALL(replace), CALL(close) },
	  SCENE(KEEPS_QUEUE), LIMIT },
	{ { CALL(page_requests_of_both), CALL(detach_1), CALL(user) },
	  SCENE(ONE_GROUP), LIMIT },
	{ { CALL(page_requests_of_both), CALL(unbind), CALL(user) },
	  SCENE(ONE_GROUP), LIMIT },
	{ { CALL(page_requests_of_both), CALL(detach), CALL(detach_1) },
	  SCENE(ONE_GROUP), LIMIT },
	{ { CALL(page_requests_of_both), CALL(replace), CALL(user) },
	  SCENE(ONE_GROUP), LIMIT },
	{ { CALL(page_requests), CALL(page_requests_of_both), CALL(detach) },
	  LIMIT },
	{ { CALL(page_requests), CALL(detach) }, .failures = 1, LIMIT },
	{ { CALL(page_requests), CALL(replace) }, .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(page_requests), CALL(user), CALL(detach) }, .kill = 2,
	  .preemptions = 1, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_fault",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
