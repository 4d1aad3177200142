// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_CHANGE_PROCESS: what is mapped from files is charged to another
 * process, while IOASes are made, copied to and destroyed, and memory is pinned
 * and unpinned. At the end each process has paid for what is its own.
 */
#include "env.h"
#include "iommufd_private.h"
#include "charge.h"
#include "io_pagetable.h"

enum scene {
	/* No HWPT: pins come and go with an access */
	NO_HWPT = 1,
	/* The limits are counted by process, not by user */
	BY_PROCESS = 2,
	/* The new process has no room: it has to be refused */
	NO_ROOM = 4,
	/* The user has another context, and room for one mapping more */
	TWO_CONTEXTS = 8,
	/* What is mapped at first is in the second IOAS alone */
	COPIED = 16,
	/* Nothing is mapped later: the new process pays for all, if it can */
	ALL_MOVE = 32,
};

static struct iommufd_device *idev[2];
static struct iommufd_access *access;
static u32 ioas[2], dev_id[2], hwpt;
static unsigned int scene;
static bool changed;
/* TWO_CONTEXTS: the other one, and its IOAS */
static struct file *other;
static u32 other_ioas;

static void become(unsigned int task)
{
	shim_set_current(&env_tasks[task]);
}

static void change(void)
{
	int rc;

	become(1);
	rc = env_change_process();
	IL_ASSERT(!rc || rc == -ENOMEM || rc == -EINTR || rc == -EFAULT ||
		  rc == -EBUSY, "CHANGE_PROCESS = %d", rc);
	changed = !rc;
}

static void change_back(void)
{
	become(0);
	env_change_process();
}

/* In the process that is the new owner, too: it may be there already */
static void map_file(void)
{
	if (!env_map_file(ioas[0], ENV_FD_FILE, 8, 2, 10))
		env_unmap(ioas[0], 8, 2);
}

static void copy(void)
{
	if (!env_copy(ioas[1], 0, ioas[0], 0, 2))
		env_unmap(ioas[1], 0, 2);
}

/* While it is copied from, its destroyer waits */
static void copy_from_second(void)
{
	env_copy(ioas[0], 0, ioas[1], 0, 2);
}

static void copy_and_stay(void)
{
	env_copy(ioas[1], 0, ioas[0], 0, 2);
}

static void unmap(void)
{
	env_unmap(ioas[0], 0, 2);
}

static void new_ioas(void)
{
	u32 id = env_ioas_alloc();

	if (!id)
		return;
	env_copy(id, 0, ioas[0], 0, 2);
	env_unmap(ioas[0], 0, 2);
	env_destroy(id);
}

/* Its memory is claimed through it: nothing else keeps it pinned */
static void new_ioas_hwpt(void)
{
	u32 id = env_ioas_alloc(), new_hwpt;

	if (!id)
		return;
	env_copy(id, 0, ioas[0], 0, 2);
	if (!env_hwpt_alloc(dev_id[0], id, 0, 0, &new_hwpt))
		env_destroy(new_hwpt);
}

static void container(void)
{
	u32 id;

	if (iommufd_vfio_compat_ioas_create(env_ctx()) ||
	    iommufd_vfio_compat_ioas_get_id(env_ctx(), &id))
		return;
	env_copy(id, 0, ioas[0], 0, 2);
}

static void add_hwpt(void)
{
	u32 id;

	if (!env_hwpt_alloc(dev_id[0], ioas[0], 0, 0, &id))
		env_destroy(id);
}

static void pin(void)
{
	struct page *pages[2];

	if (!iommufd_access_pin_pages(access, 0, P(2), pages, 0))
		iommufd_access_unpin_pages(access, 0, P(2));
}

static void destroy(void)
{
	env_destroy(ioas[1]);
}

/* Whoever comes first in whichever context: never more than the user may have */
static int map_in(struct file *file, u32 id)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
		.ioas_id = id,
		.fd = ENV_FD_FILE,
		.start = P(20),
		.length = P(2),
		.iova = P(16),
	};
	int rc = env_ioctl_on(file, IOMMU_IOAS_MAP_FILE, &cmd);

	il_log("MAP_FILE = %d", rc);
	IL_ASSERT(PFN_PHYS(current->user->locked_vm.counter) <=
		  current->memlock, "a user has more than the limit");
	return rc;
}

static void map_here(void)
{
	map_in(env_iommufd, ioas[0]);
}

static void map_elsewhere(void)
{
	map_in(other, other_ioas);
}

static void remap_elsewhere(void)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = other_ioas,
		.length = U64_MAX,
	};

	if (!map_in(other, other_ioas))
		env_ioctl_on(other, IOMMU_IOAS_UNMAP, &cmd);
}

static void callback(void *data, unsigned long iova, unsigned long length)
{
}

static const struct iommufd_access_ops access_ops = {
	.needs_pin_pages = 1,
	.unmap = callback,
};

static void setup(const struct il_plan *plan)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = 1,
	};
	u32 id;
	int i;

	env_reset();
	scene = plan->scene;
	changed = false;
	env_iommufd = env_open("iommu");
	if (scene & BY_PROCESS) {
		env_tasks[0].capable = true;
		IL_ASSERT(!env_ioctl(IOMMU_OPTION, &option), "OPTION");
		env_tasks[0].capable = false;
	}
	if (scene & NO_ROOM)
		env_tasks[1].memlock = P(1);
	for (i = 0; i != 2; i++)
		ioas[i] = env_ioas_alloc();
	idev[0] = iommufd_device_bind(env_ctx(), &env_devices[0], &dev_id[0]);
	IL_ASSERT(!IS_ERR(idev[0]), "bind");
	IL_ASSERT(!env_map_file(ioas[0], ENV_FD_FILE, 0, 2, 1), "map");
	if (!(scene & NO_HWPT))
		IL_ASSERT(!env_hwpt_alloc(dev_id[0], ioas[0], 0, 0, &hwpt),
			  "HWPT_ALLOC");
	other = NULL;
	if (scene & TWO_CONTEXTS) {
		struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
		struct iommu_hwpt_alloc attach = { .size = sizeof(attach) };

		other = env_open("iommu");
		idev[1] = iommufd_device_bind(other->private_data,
					      &env_devices[1], &dev_id[1]);
		IL_ASSERT(!IS_ERR(idev[1]) &&
			  !env_ioctl_on(other, IOMMU_IOAS_ALLOC, &alloc),
			  "another context");
		other_ioas = alloc.out_ioas_id;
		attach.dev_id = dev_id[1];
		attach.pt_id = other_ioas;
		IL_ASSERT(!env_ioctl_on(other, IOMMU_HWPT_ALLOC, &attach),
			  "another HWPT");
		env_tasks[0].memlock =
			PFN_PHYS(env_tasks[0].user->locked_vm.counter + 3);
	}
	if (scene & COPIED) {
		env_copy(ioas[1], 0, ioas[0], 0, 2);
		env_unmap(ioas[0], 0, 2);
	}
	access = iommufd_access_create(env_ctx(), &access_ops, NULL, &id);
	IL_ASSERT(!IS_ERR(access) && !iommufd_access_attach(access, ioas[0]),
		  "access");
}

/* The sum of what is charged is what is pinned */
static void check(void)
{
	long pinned = 0, charged = 0;
	u32 second = 0;
	unsigned long pfn;
	unsigned int i;

	/* Who pays shows once it is pinned. Where a destroyer was killed, it is there. */
	if (scene & ALL_MOVE)
		env_hwpt_alloc(dev_id[0], ioas[1], 0, 0, &second);

	for (pfn = 0; pfn != ENV_PFNS; pfn++)
		pinned += env_is_pinned(pfn);
	for (i = 0; i != ENV_TASKS; i++) {
		IL_ASSERT(env_charged(i) >= 0, "process %u is paid %ld back", i,
			  -env_charged(i));
		charged += env_charged(i);
	}
	IL_ASSERT(!(scene & ALL_MOVE) || !changed || !env_charged(0),
		  "process 0 pays for %ld pages still", env_charged(0));
	IL_ASSERT(charged == pinned, "%ld pages are pinned, %ld charged",
		  pinned, charged);
	if (second)
		env_destroy(second);

	iommufd_access_destroy(access);
	iommufd_device_unbind(idev[0]);
	if (other) {
		iommufd_device_unbind(idev[1]);
		env_close(other);
	}
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 300000

static const struct il_plan plans[] = {
	{ { CALL(change), CALL(map_file) }, LIMIT },
	{ { CALL(change), CALL(copy) }, LIMIT },
	{ { CALL(change), CALL(copy_and_stay), CALL(unmap) }, SCENE(ALL_MOVE), LIMIT,
	  .finds = "copies-keep-the-payer" },
	{ { CALL(change), CALL(map_file), CALL(unmap) }, LIMIT },
	{ { CALL(change), CALL(change_back), CALL(copy) }, LIMIT },
	{ { CALL(change), CALL(new_ioas) }, LIMIT },
	{ { CALL(change), CALL(new_ioas_hwpt) }, LIMIT },
	{ { CALL(change), CALL(new_ioas_hwpt) }, SCENE(NO_HWPT), LIMIT },
	{ { CALL(change), CALL(new_ioas_hwpt), CALL(unmap) },
	  SCENE(NO_HWPT), .preemptions = 1, LIMIT },
	{ { CALL(change), CALL(container), CALL(unmap) }, LIMIT },
	{ { CALL(change), CALL(add_hwpt) }, SCENE(NO_HWPT), LIMIT },
	{ { CALL(change), CALL(pin) }, SCENE(NO_HWPT), LIMIT },
	{ { CALL(change), CALL(pin), CALL(unmap) }, SCENE(NO_HWPT), LIMIT },
	{ { CALL(change), CALL(destroy), CALL(copy) }, LIMIT },
	{ { CALL(change), CALL(map_file) }, SCENE(BY_PROCESS), LIMIT },
	{ { CALL(change), CALL(copy_and_stay), CALL(unmap) },
	  SCENE(BY_PROCESS), LIMIT },
	{ { CALL(change), CALL(copy), CALL(map_file) },
	  SCENE(NO_ROOM), LIMIT },
	{ { CALL(map_here), CALL(map_elsewhere) }, SCENE(TWO_CONTEXTS),
	  .preemptions = 3, LIMIT },
	{ { CALL(map_here), CALL(remap_elsewhere), CALL(unmap) },
	  SCENE(TWO_CONTEXTS), LIMIT },
	{ { CALL(change), CALL(map_here), CALL(remap_elsewhere) },
	  SCENE(TWO_CONTEXTS), .preemptions = 1, LIMIT },
	{ { CALL(change), CALL(copy) }, .failures = 1, .preemptions = 1,
	  LIMIT },
	{ { CALL(change), CALL(new_ioas_hwpt) }, SCENE(NO_HWPT), .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(change), CALL(destroy), CALL(copy_from_second) },
	  SCENE(COPIED | ALL_MOVE), .kill = 2, .preemptions = 1, LIMIT,
	  .finds = "condemned-keep-the-payer" },
	{ { CALL(change), CALL(copy), CALL(unmap) }, .kill = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(change), CALL(new_ioas_hwpt) }, SCENE(NO_HWPT), .kill = 3,
	  .preemptions = 1, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_process",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
