// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are attached, replaced and detached, with automatic HWPTs, HWPTs
 * by ID and PASIDs, alone in their IOMMU group or not; MSI doorbells meanwhile.
 */
#include "env.h"
#include "iommufd_private.h"
#include "device.h"

enum scene {
	/* Both devices are in one IOMMU group */
	ONE_GROUP = 1,
	/* The first, or the second, is attached to the first IOAS */
	ATTACHED_0 = 2,
	ATTACHED_1 = 4,
	/* There is a HWPT by ID for each IOAS */
	MANUAL = 8,
	/* Devices have a window for MSI doorbells */
	MSI = 16,
	/* ... and PASIDs */
	PASID = 32,
	/* ... each in a context of its own */
	TWO_CONTEXTS = 64,
	/* The first attach decides on a domain's format */
	LATE = 128,
};

#define DEVICES	2

static u32 ioas[2], manual[2], dev_id[DEVICES];
static struct iommufd_device *idev[DEVICES];
static struct file *other_context;
/* As VFIO's: taken for each change */
static struct mutex dev_lock[DEVICES];
static bool attached[DEVICES], pasid_attached[DEVICES];

static int attach_to(int n, u32 pt_id)
{
	u32 id = pt_id;
	int rc;

	mutex_lock(&dev_lock[n]);
	if (attached[n])
		rc = iommufd_device_replace(idev[n], IOMMU_NO_PASID, &id);
	else
		rc = iommufd_device_attach(idev[n], IOMMU_NO_PASID, &id);
	il_log("device %d: attach(%u) = %d, %u", n, pt_id, rc, id);
	attached[n] |= !rc;
	mutex_unlock(&dev_lock[n]);
	return rc;
}

static void detach(int n)
{
	mutex_lock(&dev_lock[n]);
	if (attached[n])
		iommufd_device_detach(idev[n], IOMMU_NO_PASID);
	attached[n] = false;
	il_log("device %d: detached", n);
	mutex_unlock(&dev_lock[n]);
}

static int pasid_attach(int n, u32 pt_id)
{
	u32 id = pt_id;
	int rc;

	mutex_lock(&dev_lock[n]);
	if (pasid_attached[n])
		rc = iommufd_device_replace(idev[n], 1, &id);
	else
		rc = iommufd_device_attach(idev[n], 1, &id);
	il_log("device %d, PASID 1: attach(%u) = %d", n, pt_id, rc);
	pasid_attached[n] |= !rc;
	mutex_unlock(&dev_lock[n]);
	return rc;
}

static void pasid_detach(int n)
{
	mutex_lock(&dev_lock[n]);
	if (pasid_attached[n])
		iommufd_device_detach(idev[n], 1);
	pasid_attached[n] = false;
	mutex_unlock(&dev_lock[n]);
}

static void attach_0(void)
{
	attach_to(0, ioas[0]);
	detach(0);
}

static void attach_1(void)
{
	attach_to(1, ioas[0]);
	detach(1);
}

static void attach_replace_0(void)
{
	attach_to(0, ioas[0]);
	attach_to(0, ioas[1]);
	detach(0);
}

static void replace_0(void)
{
	attach_to(0, ioas[1]);
}

static void detach_0(void)
{
	detach(0);
}

static void attach_manual_0(void)
{
	attach_to(0, manual[0]);
	detach(0);
}

static void attach_manual_1(void)
{
	attach_to(1, manual[0]);
	detach(1);
}

static void replace_manual_0(void)
{
	attach_to(0, manual[0]);
}

static u32 find_hwpt(void)
{
	u32 id;

	for (id = 1; id != 12; id++) {
		struct iommufd_object *obj =
			iommufd_object_get(env_ctx(), id,
					   IOMMUFD_OBJ_HWPT_PAGING);

		if (IS_ERR(obj))
			continue;
		iommufd_object_put(env_ctx(), obj);
		return id;
	}
	return 0;
}

/* By the ID of an automatic HWPT that is another's, which may go meanwhile */
static void attach_auto_1(void)
{
	u32 id = find_hwpt();

	if (id && !attach_to(1, id))
		detach(1);
}

/* Of whichever HWPT there is, which is kept meanwhile */
static void dirty(void)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.hwpt_id = find_hwpt(),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	u64 bits[1] = { };
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = set.hwpt_id,
		.length = P(4),
		.page_size = PAGE_SIZE,
		.data = (uintptr_t)bits,
	};

	if (!set.hwpt_id)
		return;
	il_log("SET_DIRTY_TRACKING = %d",
	       env_ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING, &set));
	il_log("GET_DIRTY_BITMAP = %d",
	       env_ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP, &get));
}

static void pasid_0(void)
{
	pasid_attach(0, manual[0]);
	pasid_attach(0, manual[1]);
	pasid_detach(0);
}

static void pasid_1(void)
{
	pasid_attach(1, manual[0]);
	pasid_detach(1);
}

static void destroy_hwpt(void)
{
	u32 id = find_hwpt();

	if (id)
		env_destroy(id);
}

static void destroy_ioas(void)
{
	env_destroy(ioas[0]);
}

static void map(void)
{
	if (!env_map(ioas[0], 4, 2, 20))
		env_unmap(ioas[0], 4, 2);
}

/* Userspace wants the IOVA of the doorbells for itself */
static void map_window(void)
{
	int i;

	for (i = 0; i != 2; i++)
		if (!env_map(ioas[i], ENV_MSI_WINDOW, 1, 24))
			env_unmap(ioas[i], ENV_MSI_WINDOW, 1);
}

static void interrupt(void)
{
	env_request_msi(0);
}

static void unbind_1(void)
{
	detach(1);
	mutex_lock(&dev_lock[1]);
	iommufd_device_unbind(idev[1]);
	idev[1] = NULL;
	mutex_unlock(&dev_lock[1]);
}

/* The second device comes while another of its group is there, or goes */
static void bind_2(void)
{
	struct iommufd_device *other;
	u32 id;

	other = iommufd_device_bind(env_ctx(), &env_devices[2], &id);
	il_log("bind = %ld", IS_ERR(other) ? PTR_ERR(other) : 0);
	if (!IS_ERR(other))
		iommufd_device_unbind(other);
}

static void setup(const struct il_plan *plan)
{
	u32 flags = plan->scene & PASID ? IOMMU_HWPT_ALLOC_PASID : 0;
	int i;

	env_reset();
	env_iommu.one_group = plan->scene & ONE_GROUP;
	env_iommu.sw_msi = plan->scene & MSI;
	env_iommu.settles_late = plan->scene & LATE;
	env_iommu.pasids = plan->scene & PASID ? 4 : 0;
	memset(dev_lock, 0, sizeof(dev_lock));
	memset(attached, 0, sizeof(attached));
	memset(pasid_attached, 0, sizeof(pasid_attached));

	other_context = plan->scene & TWO_CONTEXTS ? env_open("iommu") : NULL;
	env_iommufd = env_open("iommu");
	for (i = 0; i != 2; i++) {
		ioas[i] = env_ioas_alloc();
		IL_ASSERT(!env_map(ioas[i], 0, 1, 10 + 2 * i), "map");
	}
	for (i = 0; i != DEVICES; i++) {
		struct file *file = i && other_context ? other_context :
							 env_iommufd;

		idev[i] = iommufd_device_bind(file->private_data,
					      &env_devices[i], &dev_id[i]);
		IL_ASSERT(!IS_ERR(idev[i]), "bind");
	}
	for (i = 0; i != 2 && plan->scene & MANUAL; i++)
		IL_ASSERT(!env_hwpt_alloc(dev_id[0], ioas[i], flags, 0,
					  &manual[i]), "HWPT_ALLOC");
	if (plan->scene & ATTACHED_0)
		IL_ASSERT(!attach_to(0, ioas[0]), "attach");
	if (plan->scene & ATTACHED_1)
		IL_ASSERT(!attach_to(1, ioas[0]), "attach");
}

static void check_auto_hwpts(void)
{
	struct iommufd_object *obj;
	unsigned long id;

	xa_for_each(&env_ctx()->objects, id, obj) {
		struct iommufd_hwpt_paging *hwpt;

		if (obj->type != IOMMUFD_OBJ_HWPT_PAGING)
			continue;
		hwpt = container_of(obj, struct iommufd_hwpt_paging, common.obj);
		IL_ASSERT(!hwpt->auto_domain,
			  "an automatic HWPT outlives its last device");
		IL_ASSERT(!hwpt->sw_msi_users && !hwpt->present_sw_msi[0],
			  "MSI doorbells are left");
	}
}

static void check(void)
{
	int i;

	for (i = 0; i != DEVICES; i++)
		if (attached[i])
			IL_ASSERT(env_maps(i, 0) || other_context,
				  "attached to an empty domain");
	for (i = 0; i != DEVICES; i++) {
		pasid_detach(i);
		detach(i);
	}
	check_auto_hwpts();
	for (i = 0; i != DEVICES; i++)
		if (idev[i])
			iommufd_device_unbind(idev[i]);
	IL_ASSERT(xa_empty(&env_ctx()->groups), "a group is left");
	env_close(env_iommufd);
	if (other_context)
		env_close(other_context);
	env_check();
}

#define LIMIT .limit = 300000

static const struct il_plan plans[] = {
	{ { CALL(attach_replace_0), CALL(attach_1) }, LIMIT },
	{ { CALL(attach_replace_0), CALL(attach_1) }, SCENE(ONE_GROUP), LIMIT },
	{ { CALL(replace_0), CALL(attach_1) }, SCENE(ATTACHED_0), LIMIT },
	{ { CALL(replace_0), CALL(unbind_1) },
	  SCENE(ONE_GROUP | ATTACHED_0 | ATTACHED_1), LIMIT },
	{ { CALL(attach_0), CALL(attach_1) },
	  SCENE(ATTACHED_0 | ATTACHED_1), LIMIT },
	{ { CALL(attach_0), CALL(attach_1), CALL(destroy_hwpt) },
	  .preemptions = 1 },
	{ { CALL(attach_0), CALL(attach_1), CALL(destroy_hwpt) },
	  SCENE(ONE_GROUP), .preemptions = 1 },
	{ { CALL(attach_0), CALL(destroy_hwpt) }, LIMIT },
	{ { CALL(attach_0), CALL(destroy_ioas) }, LIMIT },
	{ { CALL(attach_0), CALL(map) }, LIMIT },
	{ { CALL(replace_0), CALL(map) }, SCENE(ATTACHED_0), LIMIT },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL), LIMIT },
	{ { CALL(attach_manual_0), CALL(destroy_hwpt) }, SCENE(MANUAL), LIMIT },
	{ { CALL(replace_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | ATTACHED_0), LIMIT },
	{ { CALL(replace_manual_0), CALL(attach_1) },
	  SCENE(MANUAL | ONE_GROUP | ATTACHED_0), LIMIT },
	{ { CALL(detach_0), CALL(attach_auto_1) }, SCENE(ATTACHED_0), LIMIT },
	{ { CALL(detach_0), CALL(attach_auto_1) },
	  SCENE(ATTACHED_0), .failures = 1, .preemptions = 1,
	  .finds = "auto-hwpt-stays" },
	{ { CALL(detach_0), CALL(attach_auto_1), CALL(destroy_hwpt) },
	  SCENE(ATTACHED_0), .preemptions = 1 },
	{ { CALL(detach_0), CALL(dirty) }, SCENE(ATTACHED_0), .preemptions = 3,
	  LIMIT },
	{ { CALL(detach_0), CALL(dirty), CALL(attach_auto_1) },
	  SCENE(ATTACHED_0), .preemptions = 1 },
	{ { CALL(detach_0), CALL(dirty), CALL(destroy_hwpt) },
	  SCENE(ATTACHED_0), .preemptions = 1 },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | LATE), LIMIT },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | LATE | ONE_GROUP), LIMIT },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | LATE), .failures = 1, .preemptions = 1, LIMIT },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | LATE | ONE_GROUP), .failures = 1, .preemptions = 1,
	  LIMIT },
	{ { CALL(attach_manual_0), CALL(destroy_hwpt), CALL(map) },
	  SCENE(MANUAL | LATE), .preemptions = 1 },
	{ { CALL(attach_0), CALL(attach_1) }, SCENE(LATE), .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(attach_manual_0), CALL(attach_manual_1) },
	  SCENE(MANUAL | LATE), .kill = 3, .preemptions = 1, LIMIT },
	{ { CALL(bind_2), CALL(attach_0) }, SCENE(ONE_GROUP), LIMIT },
	{ { CALL(bind_2), CALL(unbind_1) }, SCENE(ONE_GROUP), LIMIT },
	{ { CALL(attach_0), CALL(unbind_1), CALL(bind_2) },
	  SCENE(TWO_CONTEXTS), .preemptions = 1 },
	{ { CALL(attach_0) }, .failures = 1 },
	{ { CALL(attach_0), CALL(attach_1) }, .failures = 1, .preemptions = 1,
	  LIMIT },
	{ { CALL(replace_0) }, SCENE(ATTACHED_0), .failures = 1 },
	{ { CALL(replace_0), CALL(attach_1) },
	  SCENE(ONE_GROUP | ATTACHED_0 | ATTACHED_1), .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(pasid_0), CALL(pasid_1) }, SCENE(PASID | MANUAL), LIMIT },
	{ { CALL(pasid_0), CALL(pasid_1) },
	  SCENE(PASID | MANUAL | ONE_GROUP), LIMIT },
	{ { CALL(pasid_0), CALL(attach_manual_0) },
	  SCENE(PASID | MANUAL), LIMIT },
	{ { CALL(pasid_0), CALL(destroy_hwpt) }, SCENE(PASID | MANUAL), LIMIT },
	{ { CALL(pasid_0), CALL(attach_0) },
	  SCENE(PASID | MANUAL), .failures = 1, .preemptions = 1, LIMIT },
	{ { CALL(attach_0), CALL(interrupt) }, SCENE(MSI), LIMIT },
	{ { CALL(attach_replace_0), CALL(interrupt) }, SCENE(MSI), LIMIT },
	{ { CALL(replace_0), CALL(interrupt) },
	  SCENE(MSI | ATTACHED_0), LIMIT },
	{ { CALL(replace_0), CALL(interrupt), CALL(map_window) },
	  SCENE(MSI | ATTACHED_0), .preemptions = 1, LIMIT },
	{ { CALL(replace_manual_0), CALL(interrupt) },
	  SCENE(MSI | MANUAL | ATTACHED_0), LIMIT },
	{ { CALL(detach_0), CALL(interrupt), CALL(map_window) },
	  SCENE(MSI | ATTACHED_0), .preemptions = 1, LIMIT },
	{ { CALL(attach_1), CALL(interrupt), CALL(replace_0) },
	  SCENE(MSI | ATTACHED_0), .preemptions = 1, LIMIT },
	{ { CALL(replace_0), CALL(interrupt) },
	  SCENE(MSI | ATTACHED_0), .failures = 1, .preemptions = 1, LIMIT },
	{ { CALL(attach_0), CALL(attach_1) }, .kill = 1, .preemptions = 1 },
	{ { CALL(replace_0), CALL(map) }, SCENE(ATTACHED_0), .kill = 1,
	  .preemptions = 1 },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_group",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
