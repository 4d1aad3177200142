// SPDX-License-Identifier: GPL-2.0-only
/*
 * vDEVICEs against the unbinding of their device: made, destroyed by
 * IOMMU_DESTROY or by the unbind, looked up by ID and by the IOMMU driver.
 */
#include "env.h"
#include "iommufd_private.h"
#include "device.h"

enum scene {
	/* There is one at the start */
	PRESENT = 1,
};

#define VIRT_ID 7

static struct iommufd_device *idev, *other;
static struct iommufd_viommu *viommu;
static u32 ioas, dev_id, other_id, hwpt, viommu_id, vdevice;

static bool may_return(int rc)
{
	return !rc || rc == -ENOENT || rc == -EEXIST || rc == -EBUSY ||
	       rc == -EFAULT || rc == -ENOMEM || rc == -EINTR;
}

static int alloc_id(u32 *id)
{
	int rc = env_vdevice_alloc(viommu_id, dev_id, VIRT_ID, id);

	IL_ASSERT(may_return(rc), "VDEVICE_ALLOC = %d", rc);
	return rc;
}

static void alloc(void)
{
	u32 id;

	alloc_id(&id);
}

/* Destroyed, its virtual ID can be had again at once */
static void alloc_again(void)
{
	u32 id;

	if (!alloc_id(&id)) {
		env_destroy(id);
		alloc_id(&id);
	}
}

/* The virtual ID is another device's from now on */
static void alloc_other(void)
{
	u32 id;
	int rc = env_vdevice_alloc(viommu_id, other_id, VIRT_ID, &id);

	IL_ASSERT(may_return(rc), "VDEVICE_ALLOC = %d", rc);
}

static void destroy(void)
{
	int rc = env_destroy(vdevice);

	IL_ASSERT(may_return(rc), "IOMMU_DESTROY = %d", rc);
}

static void destroy_and_alloc(void)
{
	u32 id;

	if (!env_destroy(vdevice))
		alloc_id(&id);
}

/* Whoever guesses IDs */
static void lookup(void)
{
	u32 id;

	for (id = 1; id != 8; id++) {
		struct iommufd_object *obj =
			iommufd_object_get(env_ctx(), id, IOMMUFD_OBJ_VDEVICE);

		if (IS_ERR(obj))
			continue;
		shim_point("used", obj);
		iommufd_object_put(env_ctx(), obj);
	}
}

static void unbind(void)
{
	iommufd_device_unbind(idev);
	il_log("unbound");
	IL_ASSERT(!env_has_vdevice(idev), "unbound with a vDEVICE");
	idev = NULL;
}

/* The IOMMU driver, for an event */
static void find_device(void)
{
	struct device *dev;

	xa_lock(&viommu->vdevs);
	dev = iommufd_viommu_find_dev(viommu, VIRT_ID);
	shim_point("found", dev);
	IL_ASSERT(!dev || dev == &env_devices[0] || dev == &env_devices[1],
		  "another device is found");
	xa_unlock(&viommu->vdevs);
}

static void setup(const struct il_plan *plan)
{
	struct iommufd_object *obj;

	env_reset();
	env_iommufd = env_open("iommu");
	ioas = env_ioas_alloc();
	idev = iommufd_device_bind(env_ctx(), &env_devices[0], &dev_id);
	other = iommufd_device_bind(env_ctx(), &env_devices[1], &other_id);
	IL_ASSERT(!IS_ERR(idev) && !IS_ERR(other), "bind");
	IL_ASSERT(!env_hwpt_alloc(dev_id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
				  &hwpt), "HWPT_ALLOC");
	IL_ASSERT(!env_viommu_alloc(dev_id, hwpt, &viommu_id), "VIOMMU_ALLOC");
	obj = iommufd_object_get(env_ctx(), viommu_id, IOMMUFD_OBJ_VIOMMU);
	viommu = container_of(obj, struct iommufd_viommu, obj);
	iommufd_object_put(env_ctx(), obj);
	vdevice = viommu_id + 1;
	if (plan->scene & PRESENT)
		IL_ASSERT(!alloc_id(&vdevice), "VDEVICE_ALLOC");
}

static void check(void)
{
	if (idev)
		unbind();
	iommufd_device_unbind(other);
	IL_ASSERT(xa_empty(&viommu->vdevs), "a virtual ID is left");
	IL_ASSERT(refcount_read(&viommu->obj.users) == 1, "the vIOMMU is held");
	env_close(env_iommufd);
	env_check();
}

static const struct il_plan plans[] = {
	{ { CALL(destroy), CALL(alloc_other) }, SCENE(PRESENT),
	  .preemptions = 3, .finds = "virtual-id-early" },
	{ { CALL(unbind), CALL(alloc_other), CALL(destroy) }, SCENE(PRESENT),
	  .limit = 400000 },
	{ { CALL(destroy_and_alloc), CALL(alloc_other), CALL(find_device) },
	  SCENE(PRESENT), .limit = 400000 },
	{ { CALL(destroy), CALL(unbind), CALL(lookup) }, SCENE(PRESENT) },
	{ { CALL(destroy), CALL(destroy), CALL(unbind) }, SCENE(PRESENT) },
	{ { CALL(destroy_and_alloc), CALL(alloc), CALL(unbind) },
	  SCENE(PRESENT), .limit = 400000 },
	{ { CALL(destroy_and_alloc), CALL(alloc), CALL(find_device) },
	  SCENE(PRESENT), .limit = 400000 },
	{ { CALL(alloc), CALL(unbind), CALL(lookup) }, .limit = 400000 },
	{ { CALL(alloc), CALL(destroy), CALL(unbind) }, .limit = 400000 },
	{ { CALL(alloc), CALL(alloc), CALL(unbind) }, .limit = 400000 },
	{ { CALL(alloc_again), CALL(unbind), CALL(find_device) },
	  .limit = 400000 },
	{ { CALL(alloc), CALL(unbind), CALL(destroy) },
	  .failures = 1, .preemptions = 1 },
	{ { CALL(destroy), CALL(unbind), CALL(lookup) }, SCENE(PRESENT),
	  .kill = 1, .limit = 400000 },
	{ { CALL(destroy), CALL(destroy), CALL(unbind) }, SCENE(PRESENT),
	  .kill = 3, .limit = 400000 },
	{ { CALL(destroy), CALL(lookup), CALL(alloc) }, SCENE(PRESENT),
	  .kill = 1, .limit = 400000 },
	{ { CALL(destroy), CALL(lookup), CALL(unbind), CALL(find_device) },
	  SCENE(PRESENT), .kill = 1, .preemptions = 1 },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_vdevice",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
