// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd_torture: what is done to objects: devices, HWPTs, fault queues, vIOMMUs
 * and what hangs on them.
 */
#include <poll.h>

#include "torture.h"

/* Make it one of its pool, or unmake it at once */
static int keep(struct thread *t, enum pool pool, __u32 id, __u32 aux)
{
	struct entry entry = { .id = id, .aux = aux };

	if (!pool_put(t, pool, entry))
		return object_destroy(t->ctx->fd, id);
	return 0;
}

static int destroy_from(struct thread *t, enum pool pool)
{
	struct entry entry = pool_take(t, pool);
	int rc;

	if (!entry.id)
		return SKIPPED;
	rc = object_destroy(t->ctx->fd, entry.id);
	/* In use: it must not be lost */
	if (rc == -EBUSY)
		pool_put(t, pool, entry);
	return rc;
}

/* What a device can be attached to */
static __u32 some_pt(struct thread *t)
{
	__u32 id = 0;

	switch (roll(t, 4)) {
	case 0:
		break;
	case 1:
		id = pool_peek(t, POOL_NESTED).id;
		break;
	default:
		id = pool_peek(t, POOL_HWPT).id;
	}
	return id ?: some_ioas(t);
}

static int op_ioas_new(struct thread *t)
{
	__u32 ioas;
	int rc = ioas_alloc(t->ctx->fd, &ioas);

	return rc ?: keep(t, POOL_IOAS, ioas, 0);
}

static int op_ioas_destroy(struct thread *t)
{
	return destroy_from(t, POOL_IOAS);
}

static int op_plug(struct thread *t)
{
	static const __u32 flags[] = {
		MOCK_FLAGS_DEVICE_PASID,
		MOCK_FLAGS_DEVICE_PASID,
		MOCK_FLAGS_DEVICE_NO_DIRTY,
		MOCK_FLAGS_DEVICE_SHARED,
		MOCK_FLAGS_DEVICE_STRICT,
		0,
		/* Its HWPTs are empty until something is attached to them */
		MOCK_FLAGS_DEVICE_LATE,
	};
	unsigned int kinds = ARRAY_SIZE(flags) -
			     (t->ctx == &world.contexts[CONTEXT_STEADY]);
	struct mock_dev dev;
	int rc;

	rc = mock_attach_flags(t->ctx->fd, some_pt(t), flags[roll(t, kinds)],
			       &dev);
	return rc ?: keep(t, POOL_DEV, dev.id, dev.idev);
}

static int op_unplug(struct thread *t)
{
	return destroy_from(t, POOL_DEV);
}

static int op_replace(struct thread *t)
{
	struct mock_dev dev = { .id = pool_peek(t, POOL_DEV).id };

	return dev.id ? mock_replace(t->ctx->fd, &dev, some_pt(t)) : SKIPPED;
}

static int op_hwpt_new(struct thread *t)
{
	static const __u32 flags[] = {
		0,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		IOMMU_HWPT_ALLOC_NEST_PARENT,
		IOMMU_HWPT_ALLOC_PASID,
		IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	struct entry dev = pool_peek(t, POOL_DEV);
	__u32 ioas = some_ioas(t), hwpt;
	int rc;

	if (!dev.id)
		return SKIPPED;
	rc = hwpt_alloc(t->ctx->fd, dev.aux, ioas,
			flags[roll(t, ARRAY_SIZE(flags))], &hwpt);
	return rc ?: keep(t, POOL_HWPT, hwpt, ioas);
}

static int op_hwpt_destroy(struct thread *t)
{
	return destroy_from(t, POOL_HWPT);
}

/* One whose faults userspace answers, and a device that can have some */
static int op_hwpt_fault(struct thread *t)
{
	struct entry dev = pool_peek(t, POOL_DEV);
	struct entry fault = pool_peek(t, POOL_FAULT);
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = dev.aux,
		.pt_id = some_ioas(t),
		.fault_id = fault.id,
	};
	struct mock_dev mock = { .id = dev.id };
	int rc;

	if (!dev.id || !fault.id)
		return SKIPPED;
	rc = iommu_call(t->ctx->fd, IOMMU_HWPT_ALLOC, &cmd);
	if (rc)
		return rc;
	rc = mock_replace(t->ctx->fd, &mock, cmd.out_hwpt_id);
	keep(t, POOL_HWPT, cmd.out_hwpt_id, cmd.pt_id);
	return rc;
}

static int op_nested_new(struct thread *t)
{
	struct entry dev = pool_peek(t, POOL_DEV);
	struct entry on = pool_peek(t, roll(t, 3) ? POOL_VIOMMU : POOL_HWPT);
	__u32 fault = roll(t, 2) ? pool_peek(t, POOL_FAULT).id : 0, hwpt;
	int rc;

	if (!dev.id || !on.id)
		return SKIPPED;
	rc = hwpt_alloc_nested(t->ctx->fd, dev.aux, on.id,
			       fault ? IOMMU_HWPT_FAULT_ID_VALID : 0, fault,
			       &hwpt);
	return rc ?: keep(t, POOL_NESTED, hwpt, 0);
}

static int op_nested_destroy(struct thread *t)
{
	return destroy_from(t, POOL_NESTED);
}

static int op_invalidate(struct thread *t)
{
	struct iommu_hwpt_invalidate_selftest request = {
		.iotlb_id = roll(t, MOCK_NESTED_DOMAIN_IOTLB_NUM),
	};
	struct entry hwpt = pool_peek(t, POOL_NESTED);
	__u32 num = 1;

	if (!hwpt.id)
		return SKIPPED;
	return hwpt_invalidate(t->ctx->fd, hwpt.id,
			       IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, &request,
			       sizeof(request), &num);
}

#define NUM_PASIDS 3

static int op_pasid_attach(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	struct entry dev = pool_peek(t, POOL_DEV);
	struct mock_dev mock = { .id = dev.id };

	if (!dev.id || !hwpt.id)
		return SKIPPED;
	/* It takes a HWPT made for PASIDs for the device itself as well */
	mock_replace(t->ctx->fd, &mock, hwpt.id);
	return mock_pasid_attach(t->ctx->fd, dev.id, 1 + roll(t, NUM_PASIDS),
				 hwpt.id);
}

static int op_pasid_replace(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	struct entry dev = pool_peek(t, POOL_DEV);
	struct mock_dev mock = { .id = dev.id };
	struct iommu_test_cmd cmd = {
		.id = dev.id,
		.pasid_replace = {
			.pasid = 1 + roll(t, NUM_PASIDS),
			.pt_id = hwpt.id,
		},
	};

	if (!dev.id || !hwpt.id)
		return SKIPPED;
	/* It is attached to something by then, if it can be at all */
	mock_replace(t->ctx->fd, &mock, hwpt.id);
	mock_pasid_attach(t->ctx->fd, dev.id, cmd.pasid_replace.pasid, hwpt.id);
	if (roll(t, 2))
		cmd.pasid_replace.pt_id = pool_peek(t, POOL_HWPT).id;
	return test_call(t->ctx->fd, IOMMU_TEST_OP_PASID_REPLACE, &cmd);
}

static int op_pasid_detach(struct thread *t)
{
	struct iommu_test_cmd cmd = {
		.id = pool_peek(t, POOL_DEV).id,
		.pasid_detach.pasid = 1 + roll(t, NUM_PASIDS),
	};

	if (!cmd.id)
		return SKIPPED;
	return test_call(t->ctx->fd, IOMMU_TEST_OP_PASID_DETACH, &cmd);
}

static int op_fault_new(struct thread *t)
{
	struct entry entry;
	int file, rc;

	rc = fault_alloc(t->ctx->fd, &entry.id, &file);
	if (rc)
		return rc;
	entry.aux = file;
	if (pool_put(t, POOL_FAULT, entry))
		return 0;
	close(file);
	return object_destroy(t->ctx->fd, entry.id);
}

/* HWPTs go on using it: then it stays until the context is closed */
static int op_fault_close(struct thread *t)
{
	struct entry fault = pool_take(t, POOL_FAULT);

	if (!fault.id)
		return SKIPPED;
	close(fault.aux);
	return object_destroy(t->ctx->fd, fault.id);
}

static int op_fault(struct thread *t)
{
	struct entry dev = pool_peek(t, POOL_DEV);

	if (!dev.id)
		return SKIPPED;
	return mock_fault(t->ctx->fd, dev.aux, roll(t, 16), AUTO_IOVA);
}

/* Read what there is in the first queue that has any; the size, 0, or -errno */
static ssize_t read_some(struct thread *t, enum pool pool, struct entry *queue,
			 void *data, size_t length)
{
	ssize_t size = 0;
	int i;

	for (i = 0; i != POOL_SLOTS && !size; i++) {
		*queue = atomic_load(&t->ctx->pools[pool][i]);
		if (queue->id)
			size = read(queue->aux, data, length);
	}
	return size < 0 ? -errno : size;
}

/* Answer most of what was asked */
static int op_fault_answer(struct thread *t)
{
	struct iommu_hwpt_page_response response;
	struct iommu_hwpt_pgfault faults[4];
	struct entry queue;
	ssize_t size, i;
	int rc = -ENOENT;

	size = read_some(t, POOL_FAULT, &queue, faults, sizeof(faults));
	if (size < 0)
		return size;
	for (i = 0; i != size / (ssize_t)sizeof(faults[0]); i++) {
		if (!roll(t, 8))
			continue;
		response.cookie = faults[i].cookie;
		response.code = roll(t, 2) ? IOMMUFD_PAGE_RESP_SUCCESS :
					     IOMMUFD_PAGE_RESP_INVALID;
		rc = write(queue.aux, &response, sizeof(response)) < 0 ?
			-errno : 0;
	}
	return rc;
}

static int op_viommu_new(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	struct entry dev = pool_peek(t, POOL_DEV);
	__u32 viommu;
	int rc;

	if (!hwpt.id || !dev.id)
		return SKIPPED;
	rc = viommu_alloc(t->ctx->fd, dev.aux, hwpt.id, &viommu);
	return rc ?: keep(t, POOL_VIOMMU, viommu, 0);
}

/* Most have something that hangs on them: half of the time, a new one */
static int op_viommu_destroy(struct thread *t)
{
	struct entry hwpt = pool_peek(t, POOL_HWPT);
	struct entry dev = pool_peek(t, POOL_DEV);
	__u32 viommu;
	int rc;

	if (!hwpt.id || !dev.id || roll(t, 2))
		return destroy_from(t, POOL_VIOMMU);
	rc = viommu_alloc(t->ctx->fd, dev.aux, hwpt.id, &viommu);
	return rc ?: object_destroy(t->ctx->fd, viommu);
}

static int op_vdevice_new(struct thread *t)
{
	struct entry viommu = pool_peek(t, POOL_VIOMMU);
	struct entry dev = pool_peek(t, POOL_DEV);
	__u32 vdevice;
	int rc;

	if (!viommu.id || !dev.id)
		return SKIPPED;
	rc = vdevice_alloc(t->ctx->fd, viommu.id, dev.aux, roll(t, 8), &vdevice);
	return rc ?: keep(t, POOL_VDEVICE, vdevice, 0);
}

static int op_vdevice_destroy(struct thread *t)
{
	return destroy_from(t, POOL_VDEVICE);
}

static int new_veventq(struct thread *t, __u32 viommu)
{
	struct entry entry;
	int file, rc;

	rc = veventq_alloc(t->ctx->fd, viommu, IOMMU_VEVENTQ_TYPE_SELFTEST,
			   1 + roll(t, 4), &entry.id, &file);
	if (rc)
		return rc;
	entry.aux = file;
	if (pool_put(t, POOL_VEVENTQ, entry))
		return 0;
	close(file);
	return object_destroy(t->ctx->fd, entry.id);
}

static int op_veventq_new(struct thread *t)
{
	struct entry viommu = pool_peek(t, POOL_VIOMMU);

	return viommu.id ? new_veventq(t, viommu.id) : SKIPPED;
}

static int op_veventq_close(struct thread *t)
{
	struct entry queue = pool_take(t, POOL_VEVENTQ);

	if (!queue.id)
		return SKIPPED;
	close(queue.aux);
	return object_destroy(t->ctx->fd, queue.id);
}

/* Half of the time, all that a device needs to have events comes first */
static int op_vevent(struct thread *t)
{
	struct entry viommu = pool_peek(t, POOL_VIOMMU);
	struct entry dev = pool_peek(t, POOL_DEV);
	struct mock_dev mock = { .id = dev.id };
	__u32 id;

	if (!dev.id)
		return SKIPPED;
	if (viommu.id && roll(t, 2)) {
		new_veventq(t, viommu.id);
		if (!vdevice_alloc(t->ctx->fd, viommu.id, dev.aux, roll(t, 8),
				   &id))
			keep(t, POOL_VDEVICE, id, 0);
		if (!hwpt_alloc_nested(t->ctx->fd, dev.aux, viommu.id, 0, 0,
				       &id)) {
			mock_replace(t->ctx->fd, &mock, id);
			keep(t, POOL_NESTED, id, 0);
		}
	}
	return mock_vevent(t->ctx->fd, dev.aux);
}

static int op_vevent_read(struct thread *t)
{
	struct entry queue;
	char data[256];
	ssize_t size;

	size = read_some(t, POOL_VEVENTQ, &queue, data, sizeof(data));
	return size < 0 ? size : size ? 0 : -ENOENT;
}

static int op_queue_new(struct thread *t)
{
	struct entry viommu = pool_peek(t, POOL_VIOMMU);
	__u32 queue;
	int rc;

	if (!viommu.id)
		return SKIPPED;
	rc = hw_queue_alloc(t->ctx->fd, viommu.id, roll(t, 2),
			    zone_iova(roll(t, 2), roll(t, 4) * 4), psize,
			    &queue);
	return rc ?: keep(t, POOL_QUEUE, queue, 0);
}

static int op_queue_destroy(struct thread *t)
{
	return destroy_from(t, POOL_QUEUE);
}

/* Where nobody relies on what an ID stands for */
static int op_destroy_any(struct thread *t)
{
	return object_destroy(world.contexts[CONTEXT_CLOSED].fd,
			      1 + roll(t, 40));
}

static int op_close(struct thread *t)
{
	t->ctx = &world.contexts[CONTEXT_CLOSED];
	return context_replace(t);
}

const struct op object_ops[] = {
	{ "make an IOAS", op_ioas_new, 3 },
	{ "destroy an IOAS", op_ioas_destroy, 3 },
	{ "plug and attach", op_plug, 6, { EFAULT, ENODEV } },
	{ "detach and unplug", op_unplug, 4 },
	{ "replace", op_replace, 10, { EFAULT } },
	{ "make a HWPT", op_hwpt_new, 10, { EFAULT } },
	{ "destroy a HWPT", op_hwpt_destroy, 6 },
	{ "make a HWPT for faults", op_hwpt_fault, 6, { EFAULT } },
	{ "make a nested HWPT", op_nested_new, 8 },
	{ "destroy a nested HWPT", op_nested_destroy, 4 },
	{ "invalidate", op_invalidate, 3 },
	{ "attach a PASID", op_pasid_attach, 10, { EFAULT } },
	{ "replace a PASID", op_pasid_replace, 20, { EFAULT } },
	{ "detach a PASID", op_pasid_detach, 4 },
	{ "make a fault queue", op_fault_new, 4 },
	{ "close a fault queue", op_fault_close, 2 },
	{ "fault", op_fault, 16, { ENODEV } },
	{ "answer faults", op_fault_answer, 8, { EBADF } },
	{ "make a vIOMMU", op_viommu_new, 8 },
	{ "destroy a vIOMMU", op_viommu_destroy, 3 },
	{ "make a vDEVICE", op_vdevice_new, 8 },
	{ "destroy a vDEVICE", op_vdevice_destroy, 3 },
	{ "make an event queue", op_veventq_new, 6 },
	{ "close an event queue", op_veventq_close, 2 },
	{ "event", op_vevent, 10 },
	{ "read events", op_vevent_read, 6, { EBADF } },
	{ "make a HW queue", op_queue_new, 6, { EIO } },
	{ "destroy a HW queue", op_queue_destroy, 4 },
	{ "destroy anything", op_destroy_any, 4 },
	{ "close the context", op_close, 1 },
};

const unsigned int num_object_ops = ARRAY_SIZE(object_ops);
