// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two IOVA spaces: maps, unmaps, copies and cuts beside domains that come and
 * go, pins of an in-kernel access, reservations, dirty bits, and the revocation
 * of a dma-buf. The environment knows at each step what a device can reach.
 */
#include "env.h"
#include "area.h"
#include "iommufd_private.h"

enum scene {
	/* A dma-buf is mapped at 40 */
	DMABUF = 1,
	/* Two more areas, at 56 and 58 */
	MORE = 2,
	/* Mapped by single pages, so that areas can be cut */
	SPLIT = 4,
	/* No domains */
	NO_DOMAIN = 8,
	/* The memory's pages lie one behind the other */
	CONTIGUOUS = 16,
	/* The area at 58 is pinned, and stays so whatever is asked */
	KEPT_PIN = 32,
	/* At 20, in an IOVA space without a domain: others have its ends pinned */
	HOLE = 64,
	/* What pin_held_back() pins does not come before the other calls end */
	HELD_BACK = 128,
	/* The access asks for no alignment: areas need not end where pages do */
	BYTES = 256,
	/* A domain's table goes with it */
	FREES_TABLE = 512,
};

#define SPACES	2
#define DOMAINS	3

static u32 ioas[SPACES];
static struct io_pagetable *iopt[SPACES];
static struct iopgt_domain member[DOMAINS];
static int space_of[DOMAINS];
static unsigned int scene;

static int map(int space, unsigned long iova, unsigned long npages,
	       unsigned long user_page)
{
	return env_map(ioas[space], iova, npages, user_page);
}

static int unmap(int space, unsigned long iova, unsigned long npages)
{
	return env_unmap(ioas[space], iova, npages);
}

static int copy(int dst, unsigned long dst_iova, int src,
		unsigned long src_iova, unsigned long npages)
{
	return env_copy(ioas[dst], dst_iova, ioas[src], src_iova, npages);
}

static int map_dmabuf(int space, unsigned long iova, unsigned long npages)
{
	return env_map_file(ioas[space], ENV_FD_DMABUF, iova, npages, 1);
}

static int add_domain(int space, int n)
{
	int rc;

	member[n].domain = env_domain_new();
	rc = iopgt_add_domain(iopt[space], &member[n]);
	/* As the objects do: what may be slow to pin is pinned without locks */
	if (rc == -EAGAIN) {
		rc = iopgt_prepare(iopt[space]);
		if (!rc) {
			rc = iopgt_add_domain(iopt[space], &member[n]);
			IL_ASSERT(rc != -EAGAIN, "memory is not pinned");
			iopgt_unprepare(iopt[space]);
		}
	}
	il_log("add_domain(%d, %d) = %d", space, n, rc);
	if (rc)
		env_domain_free(member[n].domain);
	else
		space_of[n] = space;
	return rc;
}

static void remove_domain(int n)
{
	int space = space_of[n];

	if (space < 0)
		return;
	space_of[n] = -1;
	iopgt_remove_domain(iopt[space], &member[n]);
	env_domain_free(member[n].domain);
	il_log("remove_domain(%d, %d)", space, n);
}

/*
 * An access as VFIO's mediated devices have one: what it has pinned is under a
 * lock of its own, which its callback takes as well.
 */
static struct access {
	struct iopgt_access node;
	struct mutex lock;	/* what follows */
	bool pinned;
	unsigned long iova;
	unsigned long length;
} access;

static void access_unpin(void)
{
	if (!access.pinned)
		return;
	access.pinned = false;
	IL_ASSERT(iopgt_unpin(iopt[0], &access.node, access.iova,
			      access.length), "what is pinned is not unpinned");
}

static void access_unmap(struct iopgt_access *node, unsigned long iova,
			 unsigned long length)
{
	guard(mutex)(&access.lock);
	il_log("callback(%lx+%lx)", iova, length);
	if (access.iova <= iova + (length - 1) &&
	    iova <= access.iova + (access.length - 1))
		access_unpin();
}

static void pin_range(unsigned long iova, unsigned long npages)
{
	struct page *pages[4];
	unsigned long i;
	int rc = -EBUSY;

	scoped_guard(mutex, &access.lock) {
		if (!access.pinned)
			rc = iopgt_pin(iopt[0], &access.node, P(iova),
				       P(npages), pages, true);
		il_log("pin = %d", rc);
		if (!rc) {
			access.pinned = true;
			access.iova = P(iova);
			access.length = P(npages);
		}
	}
	shim_point("pinned", NULL);
	guard(mutex)(&access.lock);
	for (i = 0; !rc && access.pinned && i != npages; i++)
		IL_ASSERT(env_is_pinned(page_to_pfn(pages[i])),
			  "an access has a page that is not pinned");
	if (!rc)
		access_unpin();
}

static void pin(void)
{
	pin_range(0, 2);
}

static void pin_many(void)
{
	pin_range(56, 4);
}

static void unmap_0(void)
{
	unmap(0, 0, 2);
}

/* What userspace is told: its memory is its own again */
static void unmap_surely(void)
{
	int rc = unmap(0, 0, 2);

	if (!rc || rc == -ENOENT)
		env_assert_not_mapped(0, 2);
}

static void unmap_all(void)
{
	unsigned long unmapped;
	int rc = iopgt_unmap_all(iopt[0], &unmapped);

	il_log("unmap_all = %d, %lx", rc, unmapped);
}

static void unmap_all_surely(void)
{
	unsigned long unmapped;

	if (!iopgt_unmap_all(iopt[0], &unmapped))
		env_assert_not_mapped(0, 2);
}

static void unmap_and_munmap(void)
{
	if (!unmap(0, 0, 2))
		env_munmap(10, 2);
}

static void map_0(void)
{
	map(0, 0, 2, 20);
}

static void map_1(void)
{
	map(0, 1, 1, 24);
}

static void remap(void)
{
	if (!unmap(0, 0, 2))
		map(0, 0, 2, 26);
}

static void map_anywhere(void)
{
	unsigned long iova;

	if (!env_map_anywhere(ioas[0], 2, 30, &iova))
		unmap(0, iova >> PAGE_SHIFT, 2);
}

static void attach(void)
{
	if (!add_domain(0, 1))
		remove_domain(1);
}

static void attach_and_stay(void)
{
	add_domain(0, 1);
}

static void attach_and_free(void)
{
	if (add_domain(0, 1))
		return;
	space_of[1] = -1;
	iopgt_free_domain(iopt[0], &member[1]);
}

/* Memory that is gone has been unmapped before */
static void attach_surely(void)
{
	IL_ASSERT(!add_domain(0, 2), "a domain is not added");
}

static void detach(void)
{
	remove_domain(0);
}

static void copy_unmap(void)
{
	if (!copy(1, 8, 0, 0, 2))
		unmap(1, 8, 2);
}

static void copy_part(void)
{
	if (!copy(1, 12, 0, 1, 1))
		unmap(1, 12, 1);
}

static void copy_within(void)
{
	if (!copy(0, 16, 0, 0, 2))
		unmap(0, 16, 2);
}

static void revoke(void)
{
	env_revoke();
}

static void revoke_and_give_back(void)
{
	env_revoke();
	env_give_back();
}

static void dmabuf_map(void)
{
	if (map_dmabuf(0, 4, 2))
		return;
	/* Revoked since, or mapped */
	IL_ASSERT(space_of[0] || env_is_mapped(member[0].domain, 4) ||
		  env_revocations() != env_revocations_before_map(),
		  "a dma-buf that is not revoked is not mapped");
	unmap(0, 4, 2);
}

/* A context of another process has it as well */
static void dmabuf_elsewhere(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
		.fd = ENV_FD_DMABUF,
		.length = P(2),
	};
	struct file *other;

	shim_set_current(&env_tasks[1]);
	other = env_open("iommu");
	if (!env_ioctl_on(other, IOMMU_IOAS_ALLOC, &alloc)) {
		cmd.ioas_id = alloc.out_ioas_id;
		il_log("elsewhere: MAP_FILE = %d",
		       env_ioctl_on(other, IOMMU_IOAS_MAP_FILE, &cmd));
	}
	env_close(other);
}

static void dmabuf_copy(void)
{
	if (!copy(1, 32, 0, 40, 2))
		unmap(1, 32, 2);
}

static void dmabuf_unmap(void)
{
	unmap(0, 40, 2);
}

/* The ends of what is mapped at 20 */
static void unmap_ends(void)
{
	unmap(1, 20, 1);
	unmap(1, 22, 1);
}

/*
 * A container of version 1 cuts what it unmaps a part of, and the option that
 * made it do so may have changed since it looked.
 */
static void cut_within_page(void)
{
	unsigned long at = P(20) + PAGE_SIZE / 2;

	il_log("cut = %d", iopgt_cut(iopt[0], &at, 1));
	il_log("unmap = %d",
	       iopgt_unmap(iopt[0], P(20), PAGE_SIZE / 2, NULL));
}

static void pin_over_hole(void)
{
	pin_range(20, 3);
}

static void read_write(void)
{
	unsigned long length;
	phys_addr_t phys;
	char data[8];
	int rc;

	/* Another process than the one whose memory it is */
	shim_set_current(&env_tasks[1]);
	rc = iopgt_rw(iopt[0], P(0), data, sizeof(data), 0);
	if (rc == -EAGAIN)
		rc = iopgt_rw_slowly(iopt[0], P(0), data, sizeof(data), 0);
	il_log("rw = %d", rc);
	il_log("lookup = %d",
	       iopgt_lookup_phys(iopt[0], P(0), P(2), &phys, &length));
}

static void cut(void)
{
	unsigned long at = P(1);

	il_log("cut = %d", iopgt_cut(iopt[0], &at, 1));
	unmap(0, 0, 1);
}

/* A copy that is under way ends: what is cut then does not fail for it */
static void cut_surely(void)
{
	unsigned long at = P(1);
	int rc = iopgt_cut(iopt[0], &at, 1);

	IL_ASSERT(!rc, "cut = %d beside a copy", rc);
}

static void add_access(void)
{
	static struct iopgt_access other;

	other = (struct iopgt_access){
		.alignment = PAGE_SIZE,
		.unmap = access_unmap,
	};
	if (!iopgt_add_access(iopt[0], &other))
		iopgt_remove_access(iopt[0], &other);
}

static void read_dirty(void)
{
	static u64 bits[1];
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.length = P(ENV_IOVAS),
		.page_size = PAGE_SIZE,
		.data = (uintptr_t)bits,
	};

	il_log("read_dirty = %d",
	       iopgt_read_dirty(iopt[0], member[0].domain, 0, &cmd));
}

/* Without memory for it, too: no dirty bit is cleared that nobody is told of */
static void read_dirty_surely(void)
{
	u64 bits[ENV_IOVAS] = { }, written = 3 | GENMASK_ULL(59, 56);
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.length = P(ENV_IOVAS),
		.page_size = PAGE_SIZE / 64,
		.data = (uintptr_t)bits,
	};
	unsigned int i;
	int rc;

	env_dirty = written;
	rc = iopgt_read_dirty(iopt[0], member[0].domain, 0, &cmd);
	il_log("read_dirty = %d", rc);
	for (i = 0; rc != -EFAULT && i != ENV_IOVAS; i++)
		if (written & ~env_dirty & BIT_ULL(i))
			IL_ASSERT(bits[i] == U64_MAX,
				  "that page %u is dirty is lost", i);
}

static void reserve(void)
{
	int rc = iopgt_reserve(iopt[0], P(0), P(3) - 1, &scene);

	il_log("reserve = %d", rc);
	if (rc)
		return;
	env_assert_not_mapped(0, 3);
	iopgt_unreserve(iopt[0], &scene);
}

static void range(void)
{
	unmap(0, 56, 4);
}

static void remap_56(void)
{
	unmap(0, 56, 2);
	map(0, 57, 1, 34);
}

static void remap_58(void)
{
	unmap(0, 58, 2);
	map(0, 56, 2, 36);
}

/*
 * Userspace keeps memory back that an access is pinning, until calls beside that
 * have ended: those that want that memory can be killed meanwhile, all others go on.
 */
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

static void pin_held_back(void)
{
	shim_set_current(&env_tasks[2]);
	pin_range(0, 2);
}

static void allow(void)
{
	struct iommu_iova_range range = { .start = P(4), .last = P(8) - 1 };

	il_log("allowed: %d", iopgt_set_allowed(iopt[0], &range, 1));
	to_end--;
}

static void cut_beside(void)
{
	cut();
	to_end--;
}

static void split_beside(void)
{
	il_log("split = %d", iopgt_set_huge_pages(iopt[0], false));
	to_end--;
}

/* What is undone is undone at the end: that cannot be killed */
static struct iopgt_access late_access;
static bool late_access_added;

static void add_access_beside(void)
{
	late_access = (struct iopgt_access){ .alignment = PAGE_SIZE };
	late_access_added = !iopgt_add_access(iopt[0], &late_access);
	to_end--;
}

static void reserve_beside(void)
{
	il_log("reserve = %d", iopgt_reserve(iopt[0], P(8), P(8), &scene));
	to_end--;
}

static void attach_beside(void)
{
	member[1].domain = env_domain_new();
	il_log("add_domain = %d", iopgt_add_domain(iopt[0], &member[1]));
	env_domain_free(member[1].domain);
	to_end--;
}

static void ranges_beside(void)
{
	struct iommu_iova_range range;
	unsigned long alignment;
	u32 num;

	il_log("ranges = %d",
	       iopgt_usable_ranges(iopt[0], &range, 1, &num, &alignment));
	to_end--;
}

static void copy_beside(void)
{
	copy(1, 8, 0, 0, 2);
	to_end--;
}

static void read_beside(void)
{
	unsigned long length;
	phys_addr_t phys;
	char data[8];

	shim_set_current(&env_tasks[1]);
	il_log("rw = %d", iopgt_rw(iopt[0], P(0), data, sizeof(data), 0));
	il_log("lookup = %d",
	       iopgt_lookup_phys(iopt[0], P(0), P(2), &phys, &length));
	to_end--;
}

static void setup(const struct il_plan *plan)
{
	int i;

	env_reset();
	scene = plan->scene;
	env_stride = scene & CONTIGUOUS ? 1 : 2;
	env_iommu.frees_table = scene & FREES_TABLE;
	to_end = 0;
	late_access_added = false;
	if (scene & HELD_BACK) {
		env_pin = wait_for_memory;
		for (i = 1; i != IL_CALLS && plan->calls[i].fn; i++)
			to_end++;
	}
	env_iommufd = env_open("iommu");
	for (i = 0; i != SPACES; i++) {
		struct iommufd_ioas *space;

		ioas[i] = env_ioas_alloc();
		space = iommufd_ioas_get(env_ctx(), ioas[i]);
		iopt[i] = &space->iopt;
		iommufd_ioas_put(space);
	}
	for (i = 0; i != DOMAINS; i++)
		space_of[i] = -1;
	access = (struct access){ };
	access.node.alignment = scene & BYTES ? 1 : PAGE_SIZE;
	/* Nobody can be asked to let go of what the kernel itself keeps */
	access.node.unmap = scene & KEPT_PIN ? NULL : access_unmap;

	if (scene & SPLIT)
		IL_ASSERT(!iopgt_set_huge_pages(iopt[0], false), "split");
	if (!(scene & NO_DOMAIN))
		IL_ASSERT((scene & HOLE || !add_domain(0, 0)) &&
			  !add_domain(1, 2), "domains");
	IL_ASSERT(!iopgt_add_access(iopt[0], &access.node), "access");
	IL_ASSERT(!map(0, 0, 2, 10), "map");
	if (scene & DMABUF)
		IL_ASSERT(!map_dmabuf(0, 40, 2), "dma-buf");
	if (scene & MORE)
		IL_ASSERT(!map(0, 56, 2, 14) && !map(0, 58, 2, 16), "map");
	if (scene & HOLE) {
		IL_ASSERT(!map(0, 20, 3, 40) &&
			  !iopgt_pin(iopt[0], &access.node, P(20), P(3), NULL,
				     true) &&
			  !copy(1, 20, 0, 20, 1) && !copy(1, 22, 0, 22, 1) &&
			  iopgt_unpin(iopt[0], &access.node, P(20), P(3)),
			  "hole");
	}
	if (scene & KEPT_PIN) {
		IL_ASSERT(!iopgt_pin(iopt[0], &access.node, P(58), P(2), NULL,
				     true), "pin");
		access.pinned = true;
		access.iova = P(58);
		access.length = P(2);
	}
}

static void check(void)
{
	unsigned long unmapped;
	int i;

	if (scene & KEPT_PIN)
		access_unpin();
	IL_ASSERT(!access.pinned, "the access has pins");
	iopgt_remove_access(iopt[0], &access.node);
	if (late_access_added)
		iopgt_remove_access(iopt[0], &late_access);
	if (scene & HELD_BACK)
		iopgt_unreserve(iopt[0], &scene);
	for (i = 0; i != SPACES; i++) {
		IL_ASSERT(!iopt[i]->leaving, "IOVAs are left as leaving");
		IL_ASSERT(!iopgt_unmap_all(iopt[i], &unmapped), "unmap_all");
	}
	for (i = 0; i != DOMAINS; i++)
		remove_domain(i);
	for (i = 0; i != SPACES; i++)
		IL_ASSERT(gap_tree_empty(&iopt[i]->areas), "areas are left");
	env_close(env_iommufd);
	env_check();
}

#define HELD SCENE(NO_DOMAIN | HELD_BACK)

static const struct il_plan plans[] = {
	{ { CALL(unmap_0), CALL(map_0), CALL(map_1) } },
	{ { CALL(unmap_0), CALL(remap), CALL(map_1) } },
	{ { CALL(unmap_0), CALL(map_anywhere), CALL(map_anywhere) } },
	{ { CALL(unmap_all), CALL(map_0), CALL(map_anywhere) } },
	{ { CALL(unmap_surely), CALL(unmap_surely) },
	  .preemptions = 3, .finds = "unmap-answers-early" },
	{ { CALL(unmap_surely), CALL(unmap_all_surely) }, .preemptions = 3 },
	{ { CALL(unmap_surely), CALL(unmap_surely) }, .kill = 2 },
	{ { CALL(unmap_0), CALL(pin), CALL(map_0) },
	  .limit = 400000 },
	{ { CALL(unmap_0), CALL(unmap_all), CALL(pin) }, .limit = 400000 },
	{ { CALL(unmap_0), CALL(pin) }, .kill = 1 },
	{ { CALL(unmap_0), CALL(attach), CALL(map_0) }, .limit = 400000 },
	{ { CALL(unmap_0), CALL(detach), CALL(copy_unmap) }, .limit = 400000 },
	{ { CALL(copy_unmap), CALL(unmap_0), CALL(copy_part) },
	  .limit = 400000 },
	{ { CALL(copy_unmap), CALL(unmap_0), CALL(attach) }, .limit = 400000 },
	{ { CALL(copy_within), CALL(unmap_0), CALL(map_1) }, .limit = 400000 },
	{ { CALL(unmap_0), CALL(reserve), CALL(map_0) } },
	{ { CALL(unmap_0), CALL(add_access), CALL(map_0) } },
	{ { CALL(unmap_0), CALL(read_dirty), CALL(map_0) } },
	{ { CALL(unmap_0), CALL(read_write), CALL(map_0) } },
	{ { CALL(unmap_0), CALL(read_write), CALL(pin) }, .limit = 400000 },
	{ { CALL(attach_and_stay), CALL(detach), CALL(copy_unmap) },
	  .limit = 400000 },
	{ { CALL(copy_unmap), CALL(copy_part), CALL(detach) },
	  .limit = 400000 },
	{ { CALL(pin), CALL(copy_unmap), CALL(unmap_0) }, .limit = 400000 },
	{ { CALL(pin), CALL(detach), CALL(attach) }, .limit = 400000 },
	{ { CALL(unmap_0), CALL(map_0), CALL(pin) }, SCENE(NO_DOMAIN) },
	{ { CALL(unmap_0), CALL(attach), CALL(pin) },
	  SCENE(CONTIGUOUS), .limit = 400000 },
	{ { CALL(range), CALL(remap_56), CALL(remap_58) },
	  SCENE(MORE), .limit = 400000 },
	{ { CALL(range), CALL(pin_many) }, SCENE(MORE) },
	{ { CALL(range), CALL(pin_many), CALL(remap_56) },
	  SCENE(MORE), .limit = 400000 },
	{ { CALL(range), CALL(remap_56) },
	  SCENE(MORE | KEPT_PIN), .finds = "next-after-live" },
	{ { CALL(range), CALL(remap_56), CALL(range) },
	  SCENE(MORE | KEPT_PIN), .limit = 400000 },
	{ { CALL(range), CALL(pin_many), CALL(unmap_all) },
	  SCENE(MORE), .limit = 400000 },
	{ { CALL(attach), CALL(unmap_ends) },
	  SCENE(HOLE), .finds = "merge-over-a-gap" },
	{ { CALL(attach), CALL(unmap_ends) }, SCENE(HOLE), .kill = 1 },
	{ { CALL(attach), CALL(unmap_ends) },
	  SCENE(HOLE), .failures = 1, .preemptions = 1 },
	{ { CALL(attach), CALL(pin_over_hole), CALL(unmap_ends) },
	  SCENE(HOLE), .limit = 400000 },
	{ { CALL(pin_over_hole), CALL(unmap_ends) }, SCENE(HOLE), .kill = 1 },
	{ { CALL(pin_over_hole), CALL(unmap_ends) },
	  SCENE(HOLE), .failures = 1, .preemptions = 1 },
	{ { CALL(attach), CALL(range) },
	  SCENE(MORE | KEPT_PIN | NO_DOMAIN), .finds = "hidden-not-prepared" },
	{ { CALL(attach), CALL(range) },
	  SCENE(MORE | KEPT_PIN | NO_DOMAIN), .kill = 3 },
	{ { CALL(attach_surely), CALL(unmap_and_munmap) },
	  SCENE(NO_DOMAIN), .finds = "gone-is-a-failure" },
	{ { CALL(attach_surely), CALL(unmap_and_munmap), CALL(attach_and_stay) },
	  SCENE(NO_DOMAIN), .limit = 400000 },
	{ { CALL(attach_and_free), CALL(unmap_and_munmap) },
	  SCENE(FREES_TABLE | NO_DOMAIN), .finds = "unpin-before-free" },
	{ { CALL(attach_and_free), CALL(copy_unmap), CALL(unmap_0) },
	  SCENE(FREES_TABLE | NO_DOMAIN), .limit = 400000 },
	{ { CALL(attach_and_free), CALL(revoke) }, SCENE(DMABUF) },
	{ { CALL(attach), CALL(cut_within_page) },
	  SCENE(HOLE | BYTES), .finds = "claim-cut-within-page" },
	{ { CALL(cut), CALL(unmap_0) }, SCENE(SPLIT) },
	{ { CALL(cut), CALL(pin) }, SCENE(SPLIT) },
	{ { CALL(cut), CALL(copy_unmap) }, SCENE(SPLIT) },
	{ { CALL(cut_surely), CALL(read_write), CALL(read_write) },
	  SCENE(SPLIT | NO_DOMAIN), .finds = "cut-does-not-wait" },
	{ { CALL(cut), CALL(pin), CALL(read_write) },
	  SCENE(SPLIT | NO_DOMAIN), .kill = 1, .limit = 400000 },
	{ { CALL(cut), CALL(attach) }, SCENE(SPLIT) },
	{ { CALL(cut), CALL(attach_surely) }, SCENE(SPLIT | NO_DOMAIN) },
	{ { CALL(cut), CALL(attach), CALL(unmap_and_munmap) },
	  SCENE(SPLIT | NO_DOMAIN), .limit = 400000 },
	{ { CALL(attach), CALL(attach_surely), CALL(copy_within) },
	  SCENE(NO_DOMAIN), .limit = 400000 },
	{ { CALL(pin), CALL(attach_surely), CALL(unmap_0) },
	  SCENE(NO_DOMAIN), .limit = 400000 },
	{ { CALL(cut), CALL(copy_part), CALL(unmap_0) },
	  SCENE(SPLIT), .limit = 400000 },
	{ { CALL(revoke), CALL(dmabuf_map) }, SCENE(DMABUF) },
	{ { CALL(revoke_and_give_back), CALL(dmabuf_map) } },
	{ { CALL(revoke), CALL(dmabuf_unmap) }, SCENE(DMABUF) },
	{ { CALL(revoke), CALL(dmabuf_copy) }, SCENE(DMABUF) },
	{ { CALL(revoke), CALL(dmabuf_map), CALL(dmabuf_unmap) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(revoke), CALL(dmabuf_elsewhere), CALL(dmabuf_unmap) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(revoke), CALL(dmabuf_copy), CALL(dmabuf_unmap) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(revoke), CALL(attach), CALL(dmabuf_unmap) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(revoke), CALL(detach), CALL(dmabuf_copy) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(revoke), CALL(dmabuf_map), CALL(attach) },
	  SCENE(DMABUF), .limit = 400000 },
	{ { CALL(unmap_0), CALL(map_0) }, .failures = 1, .preemptions = 1 },
	{ { CALL(copy_unmap), CALL(unmap_0) },
	  .failures = 1, .preemptions = 1 },
	{ { CALL(pin), CALL(unmap_0) }, .failures = 1, .preemptions = 1 },
	{ { CALL(attach), CALL(unmap_0) }, .failures = 1, .preemptions = 1 },
	{ { CALL(map_anywhere), CALL(unmap_0) },
	  .failures = 1, .preemptions = 1 },
	{ { CALL(revoke), CALL(dmabuf_map) }, SCENE(DMABUF), .failures = 1 },
	{ { CALL(revoke), CALL(dmabuf_copy) }, SCENE(DMABUF), .failures = 1 },
	{ { CALL(revoke), CALL(attach) }, SCENE(DMABUF), .failures = 1 },
	{ { CALL(cut), CALL(copy_unmap) },
	  SCENE(SPLIT), .failures = 1, .limit = 400000 },
	{ { CALL(read_dirty_surely) }, SCENE(MORE), .failures = 1 },
	{ { CALL(read_dirty_surely) }, SCENE(MORE), .failures = 2 },
	/* Killed wherever a call may give up */
	{ { CALL(map_0), CALL(detach) }, .kill = 1 },
	{ { CALL(copy_unmap), CALL(unmap_0) }, .kill = 1 },
	{ { CALL(attach), CALL(unmap_0) }, .kill = 1 },
	{ { CALL(cut), CALL(unmap_0) }, SCENE(SPLIT), .kill = 1 },
	{ { CALL(read_dirty), CALL(unmap_0) }, .kill = 1 },
	{ { CALL(pin), CALL(unmap_0) }, .kill = 1 },
	/* While memory does not come that another process is pinning */
	{ { CALL(pin_held_back), CALL(allow) }, HELD,
	  .finds = "pins-with-locks" },
	{ { CALL(pin_held_back), CALL(cut_beside) }, HELD, .kill = 2 },
	{ { CALL(pin_held_back), CALL(split_beside) }, HELD },
	{ { CALL(pin_held_back), CALL(add_access_beside) }, HELD },
	{ { CALL(pin_held_back), CALL(reserve_beside) }, HELD },
	{ { CALL(pin_held_back), CALL(attach_beside) }, HELD },
	{ { CALL(pin_held_back), CALL(allow), CALL(ranges_beside) },
	  HELD, .preemptions = 1, .limit = 400000 },
	{ { CALL(pin_held_back), CALL(allow), CALL(copy_beside) },
	  HELD, .preemptions = 1, .limit = 400000 },
	{ { CALL(pin_held_back), CALL(allow), CALL(read_beside) },
	  HELD, .preemptions = 1, .limit = 400000 },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_iova",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
