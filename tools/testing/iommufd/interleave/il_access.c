// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel accesses: pins, copies and the unmap callback while the access moves
 * to another IOAS, leaves, and IOASes are unmapped and destroyed; drivers that
 * let go late.
 */
#include "env.h"
#include "iommufd_private.h"
#include "access.h"

enum scene {
	/* Two pages are pinned at the start */
	PINNED = 1,
	/*
	 * As vfio-ccw does: what is being let go of is marked first, then
	 * unpinned page by page; the callback looks at the mark alone.
	 */
	LATE = 2,
	/* Not attached at the start */
	DETACHED = 4,
	/* Another driver has pinned the same pages of the first IOAS */
	OTHER = 8,
	/* What pin_held_back() pins does not come before the other calls end */
	HELD_BACK = 16,
	/* What pin_late() pins comes late; two more pages are mapped at 8 */
	LATE_MEMORY = 32,
};

#define LATE_PINS 4

static u32 ioas[2];
static unsigned int scene;

/**
 * struct user - the driver that has the access
 * @lock: what follows
 * @access: its access
 * @pinned: it has pinned @pages
 * @pages: two pages at IOVA 0
 * @marked: LATE: nothing is left to be unpinned, in the callback's eyes
 * @late: LATE: pins that are left
 * @moved: OTHER: it has pinned in the second IOAS, which nobody unmaps
 * @pinning: it is being pinned, without @lock
 * @unwanted: it is to be unpinned when that is done
 */
static struct user {
	struct mutex lock;	/* pinned, pages */
	struct iommufd_access *access;
	bool pinned;
	struct page *pages[2];
	bool marked;
	unsigned int late;
	bool moved;
	bool pinning, unwanted;
} user;
/* As VFIO's, for attach and detach */
static struct mutex dev_lock;

static void late_unpin_all(void)
{
	while (user.late) {
		user.late--;
		iommufd_access_unpin_pages(user.access, 0, P(1));
	}
}

static void user_unmap(void *data, unsigned long iova, unsigned long length)
{
	il_log("callback(%lx+%lx)", iova, length);
	if (scene & LATE) {
		if (!user.marked) {
			user.marked = true;
			late_unpin_all();
		}
		return;
	}
	guard(mutex)(&user.lock);
	if (user.pinning && iova < P(2))
		user.unwanted = true;
	IL_ASSERT(!user.moved, "a driver is asked for IOVAs of what it has left");
	if (user.pinned && iova < P(2)) {
		user.pinned = false;
		iommufd_access_unpin_pages(user.access, 0, P(2));
	}
}

static const struct iommufd_access_ops user_ops = {
	.needs_pin_pages = 1,
	.unmap = user_unmap,
};

static void assert_pinned(void)
{
	int i;

	guard(mutex)(&user.lock);
	for (i = 0; user.pinned && i != 2; i++)
		IL_ASSERT(env_is_pinned(page_to_pfn(user.pages[i])),
			  "a driver has a page that is not pinned");
}

static void pin(void)
{
	int rc = -EBUSY;

	mutex_lock(&user.lock);
	if (!user.pinned)
		rc = iommufd_access_pin_pages(user.access, 0, P(2), user.pages,
					      IOMMUFD_ACCESS_RW_WRITE);
	user.pinned |= !rc;
	if (scene & OTHER && !rc)
		user.moved = page_to_pfn(user.pages[0]) == 20 * env_stride;
	mutex_unlock(&user.lock);
	il_log("pin = %d", rc);
	shim_point("pinned", NULL);
	assert_pinned();
}

static void unpin(void)
{
	guard(mutex)(&user.lock);
	if (user.pinned) {
		user.pinned = false;
		iommufd_access_unpin_pages(user.access, 0, P(2));
	}
}

static void read_write(void)
{
	char c;

	/* Another process than the one whose memory it is */
	shim_set_current(&env_tasks[1]);
	il_log("rw = %d", iommufd_access_rw(user.access, 0, &c, 1, 0));
}

static void replace(void)
{
	int rc;

	mutex_lock(&dev_lock);
	rc = iommufd_access_replace(user.access, ioas[1]);
	il_log("replace = %d", rc);
	mutex_unlock(&dev_lock);
}

/* A driver that lets go when it is asked, not before */
static struct other {
	struct iommufd_access *access;
	bool pinned;
} other;

static void other_unmap(void *data, unsigned long iova, unsigned long length)
{
	if (!other.pinned)
		return;
	other.pinned = false;
	iommufd_access_unpin_pages(other.access, 0, P(2));
}

static const struct iommufd_access_ops other_ops = {
	.needs_pin_pages = 1,
	.unmap = other_unmap,
};

static void add_other(void)
{
	u32 id;

	other.access = iommufd_access_create(env_ctx(), &other_ops, &other, &id);
	IL_ASSERT(!IS_ERR(other.access) &&
		  !iommufd_access_attach(other.access, ioas[0]) &&
		  !iommufd_access_pin_pages(other.access, 0, P(2), NULL, 0),
		  "another access");
	other.pinned = true;
}

/* Memory of another process's, which keeps it back until the other calls end */
static unsigned int to_end;

static bool all_ended(void *arg)
{
	return !to_end;
}

static int wait_for_memory(void)
{
	if (current == &env_tasks[2])
		il_block(all_ended, NULL, "memory");
	return 0;
}

static void pin_once(void)
{
	struct page *pages[2];
	int rc = iommufd_access_pin_pages(user.access, 0, P(2), pages, 0);

	il_log("pin = %d", rc);
	if (!rc)
		iommufd_access_unpin_pages(user.access, 0, P(2));
}

static void pin_held_back(void)
{
	shim_set_current(&env_tasks[2]);
	pin_once();
}

static void pin_beside(void)
{
	pin_once();
	to_end--;
}

static void detach(void)
{
	mutex_lock(&dev_lock);
	iommufd_access_detach(user.access);
	il_log("detached");
	mutex_unlock(&dev_lock);
}

static void attach(void)
{
	mutex_lock(&dev_lock);
	il_log("attach = %d", iommufd_access_attach(user.access, ioas[0]));
	mutex_unlock(&dev_lock);
}

static void unmap_0(void)
{
	env_unmap(ioas[0], 0, 2);
}

/* A driver that lets go, however late, does not make unmapping fail */
static void unmap_surely(void)
{
	int rc = env_unmap(ioas[0], 0, 2);

	IL_ASSERT(!rc, "UNMAP = %d while the driver is letting go", rc);
}

static void unmap_1(void)
{
	env_unmap(ioas[1], 0, 2);
}

static void destroy_0(void)
{
	env_destroy(ioas[0]);
}

static void destroy_1(void)
{
	env_destroy(ioas[1]);
}

static void destroy_access(void)
{
	int rc = env_destroy(user.access->obj.id);

	IL_ASSERT(rc, "userspace destroys a driver's access");
}

static void late_unpin(void)
{
	if (user.marked)
		return;
	user.marked = true;
	shim_point("marked", NULL);
	late_unpin_all();
}

/* Userspace lets it come, or is killed, and who waits for it with it */
static struct completion late_memory;

static int wait_for_late_memory(void)
{
	return wait_for_completion_killable(&late_memory) ? -EINTR : 0;
}

/* A driver that holds no lock while it waits for memory */
static void pin_late(void)
{
	int rc;

	scoped_guard(mutex, &user.lock)
		user.pinning = true;
	rc = iommufd_access_pin_pages(user.access, 0, P(2), user.pages,
				      IOMMUFD_ACCESS_RW_WRITE);
	il_log("pin_late = %d", rc);
	shim_point("pinned", NULL);
	scoped_guard(mutex, &user.lock) {
		user.pinning = false;
		user.pinned = !rc && !user.unwanted;
		if (!rc && user.unwanted)
			iommufd_access_unpin_pages(user.access, 0, P(2));
	}
	assert_pinned();
}

static void comes(void)
{
	complete_all(&late_memory);
}

/* Joining and leaving an IOAS takes all of its locks */
static void attach_another(void)
{
	struct iommufd_ioas *target = iommufd_ioas_get(env_ctx(), ioas[0]);
	struct iommufd_access *access;

	access = iommufd_access_new_internal(env_ctx());
	IL_ASSERT(!IS_ERR(access), "access");
	IL_ASSERT(!iommufd_access_attach_ioas(access, target), "attach");
	iommufd_access_destroy(access);
	iommufd_ioas_put(target);
}

/* Memory comes once all that has nothing to do with it has ended */
static void others_first(void)
{
	char c;

	IL_ASSERT(!env_unmap(ioas[0], 8, 2), "UNMAP of others");
	IL_ASSERT(!env_map(ioas[0], 8, 2, 30), "MAP");
	attach_another();
	/* Another process than the one whose memory it is */
	shim_set_current(&env_tasks[1]);
	IL_ASSERT(!iommufd_access_rw(user.access, P(8), &c, 1, 0), "rw");
	comes();
}

/* What only the kernel itself can let go of, like a hardware queue's memory */
static void internal(void)
{
	struct iommufd_ioas *target = iommufd_ioas_get(env_ctx(), ioas[0]);
	struct iommufd_access *access;
	struct page *pages[2];
	int i;

	if (IS_ERR(target))
		return;
	access = iommufd_access_new_internal(env_ctx());
	if (IS_ERR(access))
		goto put;
	if (!iommufd_access_attach_ioas(access, target) &&
	    !iommufd_access_pin_pages(access, 0, P(2), pages,
				      IOMMUFD_ACCESS_RW_WRITE)) {
		shim_point("pinned", NULL);
		for (i = 0; i != 2; i++)
			IL_ASSERT(env_is_pinned(page_to_pfn(pages[i])),
				  "the kernel's page is not pinned");
		iommufd_access_unpin_pages(access, 0, P(2));
	}
	iommufd_access_destroy(access);
put:
	iommufd_ioas_put(target);
}

static void setup(const struct il_plan *plan)
{
	struct page *page;
	u32 id;
	int i;

	env_reset();
	scene = plan->scene;
	user = (struct user){ };
	dev_lock = (struct mutex){ };
	env_iommufd = env_open("iommu");
	for (i = 0; i != 2; i++) {
		ioas[i] = env_ioas_alloc();
		IL_ASSERT(!env_map(ioas[i], 0, 2, 10 + 10 * i), "map");
	}
	user.access = iommufd_access_create(env_ctx(), &user_ops, &user, &id);
	IL_ASSERT(!IS_ERR(user.access), "access");
	if (!(scene & DETACHED))
		IL_ASSERT(!iommufd_access_attach(user.access, ioas[0]),
			  "attach");
	if (scene & PINNED)
		pin();
	if (scene & OTHER)
		add_other();
	to_end = 0;
	if (scene & LATE_MEMORY) {
		IL_ASSERT(!env_map(ioas[0], 8, 2, 30), "map");
		init_completion(&late_memory);
		env_pin = wait_for_late_memory;
	}
	if (scene & HELD_BACK) {
		env_pin = wait_for_memory;
		for (i = 1; i != IL_CALLS && plan->calls[i].fn; i++)
			to_end++;
	}
	for (i = 0; scene & LATE && i != LATE_PINS; i++) {
		IL_ASSERT(!iommufd_access_pin_pages(user.access, 0, P(1), &page,
						    0), "pin");
		user.late++;
	}
}

static void check(void)
{
	assert_pinned();
	user.moved = false;
	if (scene & OTHER)
		iommufd_access_destroy(other.access);
	iommufd_access_destroy(user.access);
	IL_ASSERT(!user.pinned && !user.late, "pins are left");
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 300000

static const struct il_plan plans[] = {
	{ { CALL(pin), CALL(replace), CALL(unmap_0) }, SCENE(PINNED), LIMIT },
	{ { CALL(pin), CALL(detach), CALL(unmap_0) }, SCENE(PINNED), LIMIT },
	{ { CALL(pin), CALL(unpin), CALL(unmap_0) }, SCENE(PINNED), LIMIT },
	{ { CALL(pin), CALL(replace), CALL(destroy_0) }, SCENE(PINNED), LIMIT },
	{ { CALL(pin), CALL(replace), CALL(unmap_1) }, SCENE(PINNED), LIMIT },
	{ { CALL(read_write), CALL(replace), CALL(destroy_0) }, LIMIT },
	{ { CALL(replace), CALL(detach), CALL(destroy_1) }, LIMIT },
	{ { CALL(destroy_access), CALL(pin), CALL(detach) },
	  SCENE(PINNED), LIMIT },
	{ { CALL(attach), CALL(pin), CALL(unmap_0) }, SCENE(DETACHED), LIMIT },
	{ { CALL(attach), CALL(destroy_0), CALL(pin) },
	  SCENE(DETACHED), LIMIT },
	{ { CALL(internal), CALL(unmap_0), CALL(pin) }, LIMIT },
	{ { CALL(internal), CALL(destroy_0), CALL(unmap_0) }, LIMIT },
	{ { CALL(late_unpin), CALL(unmap_surely) }, SCENE(LATE),
	  .preemptions = 1, .finds = "no-pause-for-pins" },
	{ { CALL(late_unpin), CALL(replace) }, SCENE(LATE), LIMIT,
	  .finds = "pins-of-the-other-ioas" },
	{ { CALL(late_unpin), CALL(replace), CALL(unmap_1) },
	  SCENE(LATE), LIMIT },
	{ { CALL(late_unpin), CALL(detach) }, SCENE(LATE), LIMIT },
	{ { CALL(late_unpin), CALL(unmap_0) }, SCENE(LATE), .kill = 2, LIMIT },
	{ { CALL(late_unpin), CALL(replace) }, SCENE(LATE), .kill = 2, LIMIT },
	{ { CALL(late_unpin), CALL(detach), CALL(destroy_0) }, SCENE(LATE),
	  .kill = 2, LIMIT },
	{ { CALL(pin_late), CALL(others_first) }, SCENE(LATE_MEMORY), LIMIT,
	  .finds = "pins-with-locks" },
	{ { CALL(pin_late), CALL(unmap_surely), CALL(comes) },
	  SCENE(LATE_MEMORY), LIMIT },
	{ { CALL(pin_late), CALL(detach), CALL(comes) },
	  SCENE(LATE_MEMORY), LIMIT },
	{ { CALL(pin_late), CALL(replace), CALL(comes) },
	  SCENE(LATE_MEMORY), LIMIT },
	{ { CALL(pin_late), CALL(replace), CALL(comes) },
	  SCENE(LATE_MEMORY), .kill = 2, LIMIT },
	{ { CALL(pin_late), CALL(destroy_0), CALL(comes) },
	  SCENE(LATE_MEMORY), LIMIT },
	{ { CALL(pin_late), CALL(unmap_0) }, SCENE(LATE_MEMORY), .kill = 3,
	  LIMIT },
	{ { CALL(pin_late), CALL(replace) }, SCENE(LATE_MEMORY), .kill = 3,
	  LIMIT },
	{ { CALL(pin_late), CALL(detach) }, SCENE(LATE_MEMORY), .kill = 3,
	  LIMIT },
	{ { CALL(pin_late), CALL(unmap_0), CALL(comes) }, SCENE(LATE_MEMORY),
	  .failures = 1, .preemptions = 1, LIMIT },
	{ { CALL(pin), CALL(replace) }, .failures = 1, LIMIT },
	{ { CALL(attach), CALL(destroy_0) }, SCENE(DETACHED), .failures = 1,
	  LIMIT },
	{ { CALL(pin), CALL(unmap_0) }, SCENE(PINNED), .failures = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(replace), CALL(unmap_0), CALL(pin) }, SCENE(PINNED), .kill = 1,
	  .preemptions = 1, LIMIT },
	{ { CALL(replace), CALL(pin), CALL(unmap_0) }, SCENE(PINNED | OTHER), LIMIT,
	  .finds = "asked-for-what-it-left" },
	/* Killed while memory does not come that another process is pinning */
	{ { CALL(pin_held_back), CALL(pin_beside) }, SCENE(HELD_BACK),
	  .kill = 2, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_access",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
