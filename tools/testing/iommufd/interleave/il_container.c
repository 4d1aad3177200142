// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's container: the IOAS that a context has without a name is made, chosen,
 * forgotten and destroyed while the container's ioctls use it.
 */
#include "env.h"
#include "iommufd_private.h"

enum scene {
	/* It has its IOAS at the start */
	PRESENT = 1,
	/* ... with a mapping, by single pages */
	MAPPED = 2,
	/* A device is attached */
	ATTACHED = 4,
	/* ... to another IOAS, which has a copy of the mapping */
	ELSEWHERE = 8,
};

static struct iommufd_device *idev;
static u32 other, dev_id;
static bool attached;
static struct mutex dev_lock;

static u32 container_id(void)
{
	u32 id;

	return iommufd_vfio_compat_ioas_get_id(env_ctx(), &id) ? 0 : id;
}

static void create(void)
{
	int rc = iommufd_vfio_compat_ioas_create(env_ctx());

	il_log("create = %d", rc);
	IL_ASSERT(!rc || rc == -EINVAL || rc == -ENOMEM, "create = %d", rc);
}

static void no_iommu(void)
{
	int rc = iommufd_vfio_compat_set_no_iommu(env_ctx());

	il_log("no_iommu = %d", rc);
}

static int vfio_ioas(u32 op, u32 id)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = id,
		.op = op,
	};
	int rc = env_ioctl(IOMMU_VFIO_IOAS, &cmd);

	il_log("VFIO_IOAS %u = %d, %u", op, rc, cmd.ioas_id);
	return rc;
}

static void set(void)
{
	vfio_ioas(IOMMU_VFIO_IOAS_SET, other);
}

static void clear(void)
{
	vfio_ioas(IOMMU_VFIO_IOAS_CLEAR, 0);
}

static void get(void)
{
	vfio_ioas(IOMMU_VFIO_IOAS_GET, 0);
}

static int map_dma(unsigned long iova, unsigned long npages,
		   unsigned long user_page)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = P(user_page),
		.iova = P(iova),
		.size = P(npages),
	};
	int rc = env_ioctl(VFIO_IOMMU_MAP_DMA, &map);

	il_log("MAP_DMA(%lu+%lu) = %d", iova, npages, rc);
	return rc;
}

static int unmap_dma(unsigned long iova, unsigned long npages, u32 flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = P(iova),
		.size = P(npages),
	};
	int rc = env_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap);

	il_log("UNMAP_DMA(%lu+%lu) = %d", iova, npages, rc);
	return rc;
}

static void map(void)
{
	map_dma(0, 2, 10);
}

static void map_unmap(void)
{
	if (!map_dma(4, 2, 12))
		unmap_dma(4, 2, 0);
}

/* Version 1: a part of what was mapped */
static void unmap_part(void)
{
	unmap_dma(1, 1, 0);
}

static void unmap_other_part(void)
{
	unmap_dma(0, 1, 0);
}

/* ... but only of whole pages, while that option says so */
static void unmap_half_a_page(void)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.size = PAGE_SIZE / 2,
	};

	il_log("UNMAP_DMA = %d", env_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static void huge_pages(void)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = container_id(),
		.val64 = 1,
	};

	il_log("OPTION = %d", env_ioctl(IOMMU_OPTION, &cmd));
}

/* The first domain: pins the container's memory */
static void hwpt_alloc(void)
{
	u32 hwpt;

	env_hwpt_alloc(dev_id, container_id(), 0, 0, &hwpt);
}

/* Success: no device reaches it any more */
static void unmap_all(void)
{
	if (!unmap_dma(0, 0, VFIO_DMA_UNMAP_FLAG_ALL))
		env_assert_not_mapped(0, 2);
}

static void unmap(void)
{
	if (!unmap_dma(0, 2, 0))
		env_assert_not_mapped(0, 2);
}

static void info(void)
{
	struct {
		struct vfio_iommu_type1_info info;
		u8 caps[512];
	} buffer = { .info.argsz = sizeof(buffer) };
	int rc = env_ioctl(VFIO_IOMMU_GET_INFO, &buffer);

	il_log("GET_INFO = %d", rc);
	IL_ASSERT(!rc || rc == -ENODEV || rc == -EFAULT || rc == -ENOMEM,
		  "GET_INFO = %d", rc);
}

static void set_type1(void)
{
	il_log("SET_IOMMU = %d",
	       env_ioctl(VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU));
}

static void destroy(void)
{
	u32 id = container_id();

	if (id)
		env_destroy(id);
}

static void destroy_other(void)
{
	env_destroy(other);
}

static void attach(void)
{
	u32 id = container_id();

	mutex_lock(&dev_lock);
	if (id && !attached &&
	    !iommufd_device_attach(idev, IOMMU_NO_PASID, &id))
		attached = true;
	mutex_unlock(&dev_lock);
}

static void detach(void)
{
	mutex_lock(&dev_lock);
	if (attached)
		iommufd_device_detach(idev, IOMMU_NO_PASID);
	attached = false;
	mutex_unlock(&dev_lock);
}

static void attach_detach(void)
{
	attach();
	detach();
}

static void setup(const struct il_plan *plan)
{
	env_reset();
	attached = false;
	dev_lock = (struct mutex){ };
	env_iommufd = env_open("vfio");
	other = env_ioas_alloc();
	idev = iommufd_device_bind(env_ctx(), &env_devices[0], &dev_id);
	IL_ASSERT(!IS_ERR(idev), "bind");
	if (!(plan->scene & PRESENT))
		return;
	create();
	set_type1();
	if (plan->scene & MAPPED)
		map();
	if (plan->scene & ATTACHED)
		attach();
	if (plan->scene & ELSEWHERE) {
		u32 id = other;

		IL_ASSERT(!env_copy(other, 0, container_id(), 0, 2) &&
			  !iommufd_device_attach(idev, IOMMU_NO_PASID, &id),
			  "elsewhere");
		attached = true;
	}
}

static void check(void)
{
	struct iommufd_ioas *ioas = env_ctx()->vfio_ioas;

	if (ioas)
		IL_ASSERT(xa_load(&env_ctx()->objects, ioas->obj.id) ==
			  &ioas->obj && !env_ctx()->no_iommu_mode,
			  "the container has an IOAS that nobody can find");
	detach();
	iommufd_device_unbind(idev);
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 300000

static const struct il_plan plans[] = {
	{ { CALL(create), CALL(create), CALL(get) }, LIMIT },
	{ { CALL(create), CALL(no_iommu), CALL(get) }, LIMIT },
	{ { CALL(create), CALL(set), CALL(destroy) }, LIMIT },
	{ { CALL(create), CALL(map), CALL(destroy) }, LIMIT },
	{ { CALL(create), CALL(attach_detach), CALL(destroy) }, LIMIT },
	{ { CALL(set), CALL(clear), CALL(map_unmap) }, SCENE(PRESENT), LIMIT },
	{ { CALL(set), CALL(destroy_other), CALL(map) },
	  SCENE(PRESENT), LIMIT },
	{ { CALL(destroy), CALL(create), CALL(map_unmap) },
	  SCENE(PRESENT), LIMIT },
	{ { CALL(destroy), CALL(info), CALL(set_type1) },
	  SCENE(PRESENT), LIMIT },
	{ { CALL(attach_detach), CALL(info), CALL(map_unmap) },
	  SCENE(PRESENT), .preemptions = 1, LIMIT },
	{ { CALL(unmap_part), CALL(unmap_other_part) },
	  SCENE(PRESENT | MAPPED | ATTACHED), LIMIT },
	{ { CALL(unmap_part), CALL(unmap_all) },
	  SCENE(PRESENT | MAPPED | ATTACHED), LIMIT },
	{ { CALL(unmap), CALL(unmap_all) },
	  SCENE(PRESENT | MAPPED | ATTACHED), LIMIT,
	  .finds = "unmap-answers-early" },
	{ { CALL(unmap), CALL(unmap_part) },
	  SCENE(PRESENT | MAPPED | ATTACHED), LIMIT },
	{ { CALL(unmap_part), CALL(detach), CALL(map_unmap) },
	  SCENE(PRESENT | MAPPED | ATTACHED), .preemptions = 1, LIMIT },
	{ { CALL(unmap_half_a_page), CALL(huge_pages), CALL(hwpt_alloc) },
	  SCENE(PRESENT | MAPPED | ELSEWHERE), LIMIT,
	  .finds = "claim-cut-within-page" },
	{ { CALL(destroy), CALL(create), CALL(get) }, SCENE(PRESENT),
	  .kill = 1, LIMIT },
	{ { CALL(destroy), CALL(map_unmap), CALL(set) }, SCENE(PRESENT),
	  .kill = 1, .preemptions = 1, LIMIT },
	{ { CALL(unmap_part), CALL(unmap_all) },
	  SCENE(PRESENT | MAPPED | ATTACHED), .kill = 1, LIMIT },
	{ { CALL(create), CALL(map) }, .failures = 1, LIMIT },
	{ { CALL(unmap_part), CALL(map_unmap) },
	  SCENE(PRESENT | MAPPED | ATTACHED), .failures = 1,
	  .preemptions = 1, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_container",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
