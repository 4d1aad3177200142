// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vIOMMU gives to userspace and to hardware: MMIO that is mapped, copied
 * and unmapped while the vIOMMU goes; hardware queues on memory that is unmapped,
 * destroyed, and attached elsewhere meanwhile.
 */
#include "env.h"
#include "iommufd_private.h"

enum scene {
	/* vIOMMUs have MMIO */
	MMIO = 1,
	/* There is no vIOMMU at the start */
	NONE = 2,
	/* There is a hardware queue */
	QUEUE = 4,
};

static struct iommufd_device *idev;
static u32 ioas, dev_id, hwpt, viommu, queue;

static int do_mmap(struct vm_area_struct *vma)
{
	int rc;

	*vma = (struct vm_area_struct){
		.vm_end = PAGE_SIZE,
		.vm_pgoff = (env_mmio.offset ?: P(1)) >> PAGE_SHIFT,
		.vm_flags = VM_SHARED | VM_READ | VM_WRITE,
		.vm_file = env_iommufd,
	};
	rc = env_iommufd->f_op->mmap(env_iommufd, vma);
	il_log("mmap() = %d", rc);
	if (!rc) {
		env_mmio.mapped++;
		IL_ASSERT(!env_mmio.gone, "MMIO of a vIOMMU that is gone");
	}
	return rc;
}

static void do_munmap(struct vm_area_struct *vma)
{
	env_mmio.mapped--;
	vma->vm_ops->close(vma);
}

static void mmap_munmap(void)
{
	struct vm_area_struct vma;

	if (do_mmap(&vma))
		return;
	shim_point("mapped", NULL);
	IL_ASSERT(!env_mmio.gone, "a vIOMMU goes whose MMIO is mapped");
	do_munmap(&vma);
}

/* The child has a copy, and keeps it longer */
static void mmap_fork(void)
{
	struct vm_area_struct vma, copy;

	if (do_mmap(&vma))
		return;
	copy = vma;
	copy.vm_ops->open(&copy);
	env_mmio.mapped++;
	do_munmap(&vma);
	shim_point("copy", NULL);
	IL_ASSERT(!env_mmio.gone, "a vIOMMU goes whose MMIO is mapped");
	do_munmap(&copy);
}

static void destroy_viommu(void)
{
	env_destroy(viommu);
}

static void destroy_hwpt(void)
{
	env_destroy(hwpt);
}

static void alloc_viommu(void)
{
	u32 id;

	env_viommu_alloc(dev_id, hwpt, &id);
}

static void alloc_destroy_viommu(void)
{
	u32 id;

	if (!env_viommu_alloc(dev_id, hwpt, &id))
		env_destroy(id);
}

/* Takes an ID that is free */
static void new_object(void)
{
	env_ioas_alloc();
}

static void alloc_queue(void)
{
	u32 id;

	env_hw_queue_alloc(viommu, 0, P(2), &id);
}

static void alloc_destroy_queue(void)
{
	u32 id;

	if (!env_hw_queue_alloc(viommu, 0, P(2), &id))
		env_destroy(id);
}

static void destroy_queue(void)
{
	env_destroy(queue);
}

static void unmap(void)
{
	env_unmap(ioas, 0, 2);
}

static void unmap_all(void)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.length = U64_MAX,
	};

	il_log("UNMAP all = %d", env_ioctl(IOMMU_IOAS_UNMAP, &cmd));
}

static void remap(void)
{
	if (!env_unmap(ioas, 0, 2))
		env_map(ioas, 0, 2, 20);
}

static void destroy_ioas(void)
{
	env_destroy(ioas);
}

static void copy(void)
{
	if (!env_copy(ioas, 8, ioas, 0, 2))
		env_unmap(ioas, 8, 2);
}

static void attach_detach(void)
{
	u32 id = ioas;

	if (!iommufd_device_attach(idev, IOMMU_NO_PASID, &id))
		iommufd_device_detach(idev, IOMMU_NO_PASID);
}

static void setup(const struct il_plan *plan)
{
	env_reset();
	/* A queue's memory is contiguous */
	env_stride = 1;
	env_iommu.mmio = plan->scene & MMIO;
	env_iommufd = env_open("iommu");
	ioas = env_ioas_alloc();
	IL_ASSERT(!env_map(ioas, 0, 2, 10), "map");
	idev = iommufd_device_bind(env_ctx(), &env_devices[0], &dev_id);
	IL_ASSERT(!IS_ERR(idev), "bind");
	IL_ASSERT(!env_hwpt_alloc(dev_id, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, 0,
				  &hwpt), "HWPT_ALLOC");
	if (plan->scene & NONE) {
		viommu = hwpt + 1;
		queue = hwpt + 2;
		return;
	}
	IL_ASSERT(!env_viommu_alloc(dev_id, hwpt, &viommu), "VIOMMU_ALLOC");
	queue = viommu + 1;
	if (plan->scene & QUEUE)
		IL_ASSERT(!env_hw_queue_alloc(viommu, 0, P(2), &queue),
			  "HW_QUEUE_ALLOC");
}

static void check(void)
{
	IL_ASSERT(!env_mmio.mapped, "MMIO is left mapped");
	iommufd_device_unbind(idev);
	env_close(env_iommufd);
	env_check();
}

#define LIMIT .limit = 400000

static const struct il_plan plans[] = {
	{ { CALL(mmap_munmap), CALL(destroy_viommu) }, SCENE(MMIO),
	  .preemptions = 3, LIMIT },
	{ { CALL(mmap_fork), CALL(destroy_viommu) }, SCENE(MMIO),
	  .preemptions = 3, LIMIT },
	{ { CALL(mmap_munmap), CALL(mmap_munmap), CALL(destroy_viommu) },
	  SCENE(MMIO), LIMIT },
	{ { CALL(mmap_fork), CALL(destroy_viommu), CALL(new_object) },
	  SCENE(MMIO), LIMIT },
	{ { CALL(alloc_destroy_viommu), CALL(mmap_munmap) },
	  SCENE(MMIO | NONE), LIMIT },
	{ { CALL(alloc_viommu), CALL(mmap_munmap), CALL(destroy_viommu) },
	  SCENE(MMIO | NONE), LIMIT },
	{ { CALL(alloc_viommu), CALL(mmap_munmap) },
	  SCENE(MMIO | NONE), .failures = 1, LIMIT },
	{ { CALL(mmap_munmap), CALL(destroy_viommu) }, SCENE(MMIO),
	  .kill = 2, LIMIT },
	{ { CALL(alloc_destroy_queue), CALL(unmap) }, LIMIT },
	{ { CALL(alloc_destroy_queue), CALL(remap) }, LIMIT },
	{ { CALL(alloc_queue), CALL(unmap), CALL(copy) }, LIMIT },
	{ { CALL(alloc_queue), CALL(unmap_all), CALL(attach_detach) }, LIMIT },
	{ { CALL(alloc_queue), CALL(destroy_viommu), CALL(destroy_hwpt) },
	  LIMIT },
	{ { CALL(alloc_queue), CALL(destroy_queue), CALL(unmap) }, LIMIT },
	{ { CALL(destroy_queue), CALL(unmap) }, SCENE(QUEUE), LIMIT },
	{ { CALL(destroy_queue), CALL(destroy_queue), CALL(remap) },
	  SCENE(QUEUE), LIMIT },
	{ { CALL(destroy_queue), CALL(destroy_viommu), CALL(destroy_ioas) },
	  SCENE(QUEUE), LIMIT },
	{ { CALL(destroy_queue), CALL(alloc_destroy_queue), CALL(unmap) },
	  SCENE(QUEUE), .preemptions = 1, LIMIT },
	{ { CALL(alloc_queue), CALL(unmap) }, .failures = 1, LIMIT },
	{ { CALL(destroy_queue), CALL(unmap) }, SCENE(QUEUE), .kill = 3,
	  .preemptions = 1, LIMIT },
};

int main(int argc, char **argv)
{
	static const struct il_subject subject = {
		.name = "il_viommu",
		.plans = plans,
		.num_plans = ARRAY_SIZE(plans),
		.setup = setup,
		.check = check,
	};

	return il_main(argc, argv, &subject);
}
