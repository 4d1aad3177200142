// SPDX-License-Identifier: GPL-2.0-only
/*
 * The object table: lookups, holds, IOMMU_DESTROY, and destroyers that are killed
 * while they wait.
 */
#include "env.h"
#include "iommufd_private.h"
#include "object.h"

static u32 id;

static struct iommufd_object *get(void)
{
	struct iommufd_object *obj = iommufd_object_get(env_ctx(), id,
							IOMMUFD_OBJ_IOAS);

	return IS_ERR(obj) ? NULL : obj;
}

/* What it is used for: it must be alive, which AddressSanitizer knows */
static void use(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);
	unsigned long unmapped;

	iopgt_unmap_all(&ioas->iopt, &unmapped);
	IL_ASSERT(ioas->ictx == env_ctx(), "an object is used that is not");
}

static void destroy(void)
{
	int rc = env_destroy(id);

	/* Only a copy of userspace's can fail */
	IL_ASSERT(!rc || rc == -ENOENT || rc == -EBUSY || rc == -EINTR ||
		  rc == -EFAULT, "IOMMU_DESTROY = %d", rc);
}

static void lookup(void)
{
	struct iommufd_object *obj = get();

	if (!obj)
		return;
	use(obj);
	iommufd_object_put(env_ctx(), obj);
}

static struct iommufd_object *hold(void)
{
	struct iommufd_object *obj = get();
	int rc;

	if (!obj)
		return NULL;
	rc = iommufd_object_hold(obj);
	iommufd_object_put(env_ctx(), obj);
	return rc ? NULL : obj;
}

static void hold_unhold(void)
{
	struct iommufd_object *obj = hold();

	if (!obj)
		return;
	use(obj);
	iommufd_object_unhold(obj);
}

static void hold_last(void)
{
	struct iommufd_object *obj = hold();

	if (!obj)
		return;
	use(obj);
	iommufd_object_unhold_last(env_ctx(), obj);
}

/* Takes an ID that is free */
static void new_object(void)
{
	env_ioas_alloc();
}

static void make_container(void)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = id,
		.op = IOMMU_VFIO_IOAS_SET,
	};
	int rc = env_ioctl(IOMMU_VFIO_IOAS, &cmd);

	il_log("VFIO_IOAS_SET = %d", rc);
	IL_ASSERT(!rc || rc == -ENOENT, "VFIO_IOAS_SET = %d", rc);
}

static void use_container(void)
{
	u32 used;

	if (!iommufd_vfio_compat_ioas_get_id(env_ctx(), &used)) {
		struct iommufd_object *obj =
			iommufd_object_get(env_ctx(), used, IOMMUFD_OBJ_ANY);

		if (!IS_ERR(obj)) {
			use(obj);
			iommufd_object_put(env_ctx(), obj);
		}
	}
}

static void setup(const struct il_plan *plan)
{
	env_reset();
	env_iommufd = env_open("iommu");
	id = env_ioas_alloc();
}

static void check(void)
{
	struct iommufd_ctx *ictx = env_ctx();
	struct iommufd_object *obj = xa_load(&ictx->objects, id);

	if (obj) {
		use(obj);
		IL_ASSERT(refcount_read(&obj->users) == 1 &&
			  refcount_read(&obj->wait_cnt) == 1,
			  "references are left: %u, %u",
			  refcount_read(&obj->users),
			  refcount_read(&obj->wait_cnt));
	}
	if (ictx->vfio_ioas)
		use(&ictx->vfio_ioas->obj);
	env_close(env_iommufd);
	env_check();
}

static const struct il_plan plans[] = {
	{ { CALL(destroy), CALL(lookup) }, .preemptions = 3 },
	{ { CALL(destroy), CALL(destroy), CALL(lookup) }, .preemptions = 3 },
	{ { CALL(destroy), CALL(hold_unhold), CALL(lookup) }, .preemptions = 3 },
	{ { CALL(hold_last), CALL(hold_last) }, .preemptions = 3 },
	{ { CALL(hold_last), CALL(destroy), CALL(lookup) }, .preemptions = 3 },
	{ { CALL(destroy), CALL(new_object), CALL(lookup) } },
	{ { CALL(make_container), CALL(use_container), CALL(destroy) } },
	{ { CALL(destroy), CALL(lookup) }, .kill = 1, .preemptions = 3 },
	{ { CALL(destroy), CALL(destroy), CALL(lookup) }, .kill = 1,
	  .finds = "destroy-in-two-steps" },
	{ { CALL(destroy), CALL(destroy), CALL(lookup) }, .kill = 3 },
	{ { CALL(destroy), CALL(hold_last), CALL(lookup) }, .kill = 1 },
	{ { CALL(destroy), CALL(lookup), CALL(new_object) }, .kill = 1 },
	{ { CALL(destroy), CALL(lookup), CALL(use_container),
	    CALL(make_container) }, .kill = 1, .preemptions = 1 },
	{ { CALL(new_object), CALL(destroy) }, .failures = 1 },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_object",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
