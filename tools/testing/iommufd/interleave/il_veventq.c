// SPDX-License-Identifier: GPL-2.0-only
/*
 * vEVENTQs: an IOMMU driver's interrupt thread reports events, userspace reads
 * and polls: nothing is lost without a word, and nobody sleeps while there is
 * something to read. Queues are closed and made meanwhile.
 */
#include "env.h"
#include "iommufd_private.h"
#include "eventq.h"

enum scene {
	/* Room for two events instead of one */
	DEEP = 1,
	/* More than one reads: each sees a part */
	READERS = 2,
};

#define EVENTS	3
#define TYPE	IOMMU_VEVENTQ_TYPE_ARM_SMMUV3

static struct iommufd_device *idev;
static struct iommufd_viommu *viommu;
static u32 viommu_id, queue_id;
static struct file *file;
static unsigned int scene;
static int sent, last_sequence;

struct record {
	struct iommufd_vevent_header header;
	u64 data;
};

static void interrupt(void)
{
	u64 data;
	int i, rc;

	for (i = 0; i != EVENTS; i++) {
		data = 0x1000 + i;
		rc = iommufd_viommu_report_event(viommu, TYPE, &data,
						 sizeof(data));
		il_log("report %d = %d", i, rc);
		if (rc == -EOPNOTSUPP)
			return;
		sent++;
	}
}

static void check_record(const struct record *record, ssize_t n)
{
	int sequence = record->header.sequence;
	bool lost = record->header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;

	IL_ASSERT(n == (lost ? sizeof(record->header) : sizeof(*record)),
		  "read() = %ld, flags %u", n, record->header.flags);
	if (!lost)
		IL_ASSERT(record->data == 0x1000 + (u64)sequence,
			  "event %llx has number %d", record->data, sequence);
	if (!(scene & READERS))
		IL_ASSERT(lost ? sequence >= last_sequence :
				 sequence > last_sequence,
			  "event %d comes after %d", sequence, last_sequence);
	last_sequence = max(last_sequence, sequence);
}

/* One record at a time; all that there are, or one */
static void read_some(bool all)
{
	struct file *queue = env_use(file);
	struct record record;
	ssize_t n;

	if (!queue)
		return;
	do {
		n = queue->f_op->read(queue, (void *)&record, sizeof(record),
				      NULL);
		il_log("read() = %ld", n);
		IL_ASSERT(n >= 0 || n == -EFAULT, "read() = %ld", n);
		if (n > 0)
			check_record(&record, n);
	} while (all && n);
	env_close(queue);
}

static void read_two(void)
{
	read_some(false);
	read_some(false);
}

static void poll_all(void)
{
	struct iommufd_eventq *eventq = file->private_data;

	/* As epoll does: on the wait queue first, then a look */
	while (last_sequence != EVENTS - 1) {
		unsigned int seen = shim_wait_prepare(&eventq->wait.queue);

		if (file->f_op->poll(file, NULL) & EPOLLIN)
			read_some(true);
		else
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

static void destroy(void)
{
	env_destroy(queue_id);
}

static void close_and_destroy(void)
{
	close();
	destroy();
}

static void alloc(void)
{
	struct file *other;
	u32 id;

	if (!env_veventq_alloc(viommu_id, 1, &id, &other))
		env_close(other);
}

static void destroy_viommu(void)
{
	IL_ASSERT(env_destroy(viommu_id), "a vIOMMU goes before its queue");
}

static void setup(const struct il_plan *plan)
{
	struct iommufd_object *obj;
	u32 ioas, dev_id, hwpt;

	env_reset();
	scene = plan->scene;
	sent = 0;
	last_sequence = -1;
	env_iommufd = env_open("iommu");
	ioas = env_ioas_alloc();
	idev = iommufd_device_bind(env_ctx(), &env_devices[0], &dev_id);
	IL_ASSERT(!IS_ERR(idev), "bind");
	IL_ASSERT(!env_hwpt_alloc(dev_id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
				  &hwpt), "HWPT_ALLOC");
	IL_ASSERT(!env_viommu_alloc(dev_id, hwpt, &viommu_id), "VIOMMU_ALLOC");
	obj = iommufd_object_get(env_ctx(), viommu_id, IOMMUFD_OBJ_VIOMMU);
	viommu = container_of(obj, struct iommufd_viommu, obj);
	iommufd_object_put(env_ctx(), obj);
	IL_ASSERT(!env_veventq_alloc(viommu_id, scene & DEEP ? 2 : 1, &queue_id,
				     &file), "VEVENTQ_ALLOC");
}

static void check(void)
{
	if (file && sent) {
		read_some(true);
		IL_ASSERT(last_sequence == sent - 1,
			  "userspace knows of %d events, not of %d",
			  last_sequence + 1, sent);
		IL_ASSERT(!(file->f_op->poll(file, NULL) & EPOLLIN),
			  "poll() says that there is more");
	}
	if (file)
		close();
	env_forget_fds();
	iommufd_device_unbind(idev);
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 400000

static const struct il_plan plans[] = {
	{ { CALL(interrupt), CALL(read_two) }, .preemptions = 3, LIMIT },
	{ { CALL(interrupt), CALL(read_two) }, SCENE(DEEP),
	  .preemptions = 3, LIMIT },
	{ { CALL(interrupt), CALL(read_two), CALL(read_two) },
	  SCENE(READERS), LIMIT },
	{ { CALL(interrupt), CALL(read_two), CALL(read_two) },
	  SCENE(READERS | DEEP), LIMIT },
	{ { CALL(interrupt), CALL(poll_all) }, .preemptions = 3, LIMIT },
	{ { CALL(interrupt), CALL(poll_all) }, SCENE(DEEP),
	  .preemptions = 3, LIMIT },
	{ { CALL(interrupt), CALL(close), CALL(read_two) }, LIMIT },
	{ { CALL(interrupt), CALL(close_and_destroy) }, LIMIT },
	{ { CALL(interrupt), CALL(close_and_destroy), CALL(alloc) }, LIMIT },
	{ { CALL(interrupt), CALL(destroy), CALL(destroy_viommu) }, LIMIT },
	{ { CALL(interrupt), CALL(read_two) }, .failures = 1, LIMIT },
	{ { CALL(interrupt), CALL(poll_all) }, SCENE(DEEP), .failures = 1,
	  LIMIT },
	{ { CALL(interrupt), CALL(close_and_destroy) }, .kill = 2, LIMIT },
	{ { CALL(alloc), CALL(close_and_destroy) }, .failures = 1, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_veventq",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
