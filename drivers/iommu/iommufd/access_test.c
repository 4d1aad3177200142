// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the functions that drivers use an IOAS by, where userspace cannot
 * bring it about: a driver's kthread, and a driver that does not follow the order.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "access.h"
#include "area.h"

#define TEST_IOVA 0x100000UL
#define TEST_PAGES 4
#define TEST_SIZE (TEST_PAGES * PAGE_SIZE)

/*
 * struct access_ctx - a context with an IOAS that shows some of this mm
 * @ictx: context, as far as it is used
 * @ioas: mapped at TEST_IOVA is
 * @uptr: user memory
 * @unmapped: what the unmap callback was told, summed up
 * @calls: how often it was called
 * @asked: completed by each call
 */
struct access_ctx {
	struct iommufd_ctx ictx;
	struct iommufd_ioas *ioas;
	u8 __user *uptr;
	unsigned long unmapped;
	unsigned int calls;
	struct completion asked;
};

static const struct file_operations access_test_fops = {};

static void access_test_unmap(void *data, unsigned long iova,
			      unsigned long length)
{
	struct access_ctx *ctx = data;

	ctx->unmapped += length;
	ctx->calls++;
	complete(&ctx->asked);
}

static const struct iommufd_access_ops copying_ops = {
	.unmap = access_test_unmap,
};

static const struct iommufd_access_ops pinning_ops = {
	.needs_pin_pages = 1,
	.unmap = access_test_unmap,
};

static int access_test_init(struct kunit *test)
{
	unsigned long iova = TEST_IOVA;
	struct access_ctx *ctx;
	unsigned long addr;
	struct file *file;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	init_completion(&ctx->asked);
	addr = kunit_vm_mmap(test, NULL, 0, TEST_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	ctx->uptr = (u8 __user *)addr;

	xa_init_flags(&ctx->ictx.objects, XA_FLAGS_ALLOC1);
	xa_init(&ctx->ictx.groups);
	init_waitqueue_head(&ctx->ictx.destroy_wait);
	/* An access has a reference on the context, which is its file's */
	file = anon_inode_getfile("[access-test]", &access_test_fops, NULL,
				  O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	ctx->ictx.file = file;
	test->priv = ctx;

	ctx->ioas = iommufd_ioas_new(&ctx->ictx);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->ioas);
	iommufd_object_publish(&ctx->ictx, &ctx->ioas->obj);
	KUNIT_ASSERT_EQ(test, 0,
			iopgt_map_user(&ctx->ioas->iopt, &ctx->ictx.budget,
				       ctx->uptr, TEST_SIZE, &iova,
				       IOMMU_READ | IOMMU_WRITE, IOPGT_FIXED));
	return 0;
}

static void access_test_exit(struct kunit *test)
{
	struct access_ctx *ctx = test->priv;

	if (!ctx)
		return;
	iommufd_object_destroy_all(&ctx->ictx);
	fput(ctx->ictx.file);
}

static struct iommufd_access *access_test_new(struct kunit *test,
					      const struct iommufd_access_ops *ops,
					      bool attach)
{
	struct access_ctx *ctx = test->priv;
	struct iommufd_access *access;
	u32 id;

	access = iommufd_access_create(&ctx->ictx, ops, ctx, &id);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, access);
	if (attach)
		KUNIT_ASSERT_EQ(test, 0,
				iommufd_access_attach(access, ctx->ioas->obj.id));
	return access;
}

/* One iommufd_access_rw(), made by a thread that has no memory of its own */
struct kthread_rw {
	struct completion done;
	struct iommufd_access *access;
	unsigned long iova;
	void *data;
	size_t length;
	unsigned int flags;
	int rc;
};

static int kthread_rw_main(void *arg)
{
	struct kthread_rw *rw = arg;

	rw->rc = current->mm ? -ESRCH :
		 iommufd_access_rw(rw->access, rw->iova, rw->data, rw->length,
				   rw->flags);
	kthread_complete_and_exit(&rw->done, 0);
}

static int rw_in_kthread(struct kunit *test, struct iommufd_access *access,
			 unsigned long iova, void *data, size_t length,
			 unsigned int flags)
{
	struct kthread_rw rw = {
		.access = access,
		.iova = iova,
		.data = data,
		.length = length,
		.flags = flags,
	};
	struct task_struct *task;

	init_completion(&rw.done);
	task = kthread_run(kthread_rw_main, &rw, "iommufd-access");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	wait_for_completion(&rw.done);
	return rw.rc;
}

static void kthread_copies(struct kunit *test)
{
	const unsigned int all_flags[] = { 0, IOMMUFD_ACCESS_RW_KTHREAD };
	struct access_ctx *ctx = test->priv;
	struct iommufd_access *access =
		access_test_new(test, &copying_ops, true);
	const unsigned long at = PAGE_SIZE - 3;
	u8 out[8], in[8], i, j;

	for (i = 0; i != ARRAY_SIZE(all_flags); i++) {
		unsigned int flags = all_flags[i];

		/* Over the border of two pages, either way */
		for (j = 0; j != sizeof(in); j++)
			in[j] = 16 * i + j + 1;
		KUNIT_ASSERT_EQ(test, 0,
				copy_to_user(ctx->uptr + at, in, sizeof(in)));
		KUNIT_EXPECT_EQ(test, 0,
				rw_in_kthread(test, access, TEST_IOVA + at, out,
					      sizeof(out), flags));
		KUNIT_EXPECT_MEMEQ(test, in, out, sizeof(in));

		for (j = 0; j != sizeof(in); j++)
			in[j] = 16 * i + j + 101;
		KUNIT_EXPECT_EQ(test, 0,
				rw_in_kthread(test, access, TEST_IOVA + at, in,
					      sizeof(in),
					      flags | IOMMUFD_ACCESS_RW_WRITE));
		KUNIT_ASSERT_EQ(test, 0,
				copy_from_user(out, ctx->uptr + at,
					       sizeof(out)));
		KUNIT_EXPECT_MEMEQ(test, in, out, sizeof(in));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				rw_in_kthread(test, access,
					      TEST_IOVA + TEST_SIZE - 4, out,
					      sizeof(out), flags));
	}

	/* The memory goes, its mapping stays */
	KUNIT_ASSERT_EQ(test, 0,
			vm_munmap((unsigned long)ctx->uptr + PAGE_SIZE,
				  PAGE_SIZE));
	for (i = 0; i != ARRAY_SIZE(all_flags); i++)
		KUNIT_EXPECT_EQ(test, -EFAULT,
				rw_in_kthread(test, access, TEST_IOVA + at, out,
					      sizeof(out), all_flags[i]));
	iommufd_access_destroy(access);
}

static void not_attached(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, false);
	struct access_ctx *ctx = test->priv;
	u32 id = ctx->ioas->obj.id;
	struct page *page;
	u8 byte;

	KUNIT_EXPECT_EQ(test, -ENOENT,
			iommufd_access_rw(access, TEST_IOVA, &byte, 1, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			iommufd_access_pin_pages(access, TEST_IOVA, PAGE_SIZE,
						 &page, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, iommufd_access_replace(access, id));
	iommufd_access_detach(access);
	KUNIT_EXPECT_EQ(test, -ENOENT, iommufd_access_attach(access, id + 99));
	KUNIT_EXPECT_EQ(test, 0, ctx->calls);

	KUNIT_EXPECT_EQ(test, 0, iommufd_access_attach(access, id));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommufd_access_attach(access, id));
	KUNIT_EXPECT_EQ(test, 0, iommufd_access_replace(access, id));
	KUNIT_EXPECT_EQ(test, 0, ctx->calls);

	/* It is told to let go of everything, once */
	iommufd_access_detach(access);
	KUNIT_EXPECT_EQ(test, 1, ctx->calls);
	KUNIT_EXPECT_EQ(test, ULONG_MAX, ctx->unmapped);
	iommufd_access_detach(access);
	KUNIT_EXPECT_EQ(test, 1, ctx->calls);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			iommufd_access_rw(access, TEST_IOVA, &byte, 1, 0));
	iommufd_access_destroy(access);
}

static void pins_pages(struct kunit *test)
{
	const unsigned int write = IOMMUFD_ACCESS_RW_WRITE;
	struct iommufd_access *copying =
		access_test_new(test, &copying_ops, true);
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct access_ctx *ctx = test->priv;
	struct page *pages[TEST_PAGES], *again[2];
	int i;

	for (i = 0; i != TEST_PAGES; i++)
		KUNIT_ASSERT_EQ(test, 0,
				put_user((u8)(i + 1), ctx->uptr + i * PAGE_SIZE));

	KUNIT_EXPECT_EQ(test, -EINVAL,
			iommufd_access_pin_pages(copying, TEST_IOVA, PAGE_SIZE,
						 pages, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iommufd_access_pin_pages(access, TEST_IOVA, PAGE_SIZE,
						 pages,
						 IOMMUFD_ACCESS_RW_KTHREAD));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			iommufd_access_pin_pages(access, TEST_IOVA,
						 TEST_SIZE + PAGE_SIZE, NULL,
						 write));

	KUNIT_ASSERT_EQ(test, 0,
			iommufd_access_pin_pages(access, TEST_IOVA, TEST_SIZE,
						 pages, write));
	for (i = 0; i != TEST_PAGES; i++)
		KUNIT_EXPECT_EQ(test, i + 1, *(u8 *)page_address(pages[i]));
	/* Overlapping, to be unpinned one by one, and without being told */
	KUNIT_ASSERT_EQ(test, 0,
			iommufd_access_pin_pages(access, TEST_IOVA + PAGE_SIZE,
						 2 * PAGE_SIZE, again, 0));
	KUNIT_EXPECT_PTR_EQ(test, pages[1], again[0]);
	KUNIT_EXPECT_PTR_EQ(test, pages[2], again[1]);
	KUNIT_ASSERT_EQ(test, 0,
			iommufd_access_pin_pages(access, TEST_IOVA, TEST_SIZE,
						 NULL, 0));
	iommufd_access_unpin_pages(access, TEST_IOVA, TEST_SIZE);
	iommufd_access_unpin_pages(access, TEST_IOVA, TEST_SIZE);
	/* The page stays while the other one is left */
	KUNIT_EXPECT_EQ(test, 2, *(u8 *)page_address(again[0]));
	iommufd_access_unpin_pages(access, TEST_IOVA + PAGE_SIZE,
				   2 * PAGE_SIZE);

	iommufd_access_destroy(access);
	iommufd_access_destroy(copying);
}

static struct iopgt_area *test_area(struct iommufd_ioas *ioas,
				    unsigned long iova)
{
	guard(rwsem_read)(&ioas->iopt.iova_lock);
	return area_first_in(&ioas->iopt, iova, iova);
}

static void expect_pins(struct kunit *test, unsigned int line, int pins)
{
	struct access_ctx *ctx = test->priv;
	struct iopgt_area *area = test_area(ctx->ioas, TEST_IOVA);

	/* Without a domain, the area itself claims nothing */
	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_EQ_MSG(test, pins, atomic_read(&area->pins), "line %u",
			    line);
	KUNIT_EXPECT_EQ_MSG(test, pins, area->pages->claims, "line %u", line);
}

#define EXPECT_PINS(test, pins) expect_pins(test, __LINE__, pins)

static int pin(struct iommufd_access *access, unsigned long index,
	       unsigned long npages)
{
	return iommufd_access_pin_pages(access, TEST_IOVA + index * PAGE_SIZE,
					npages * PAGE_SIZE, NULL, 0);
}

static void unpin(struct iommufd_access *access, unsigned long index,
		  unsigned long npages)
{
	iommufd_access_unpin_pages(access, TEST_IOVA + index * PAGE_SIZE,
				   npages * PAGE_SIZE);
}

/* Whatever a driver unpins that it has not pinned: nothing changes */
static void unpins_wrongly(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct iommufd_access *other =
		access_test_new(test, &pinning_ops, true);
	struct iommufd_access *detached =
		access_test_new(test, &pinning_ops, false);

	unpin(access, 0, 1);
	EXPECT_PINS(test, 0);
	KUNIT_ASSERT_EQ(test, 0, pin(access, 1, 2));
	EXPECT_PINS(test, 1);

	/* Another's, a part, too much, beside it, twice the same */
	unpin(other, 1, 2);
	unpin(detached, 1, 2);
	unpin(access, 1, 1);
	unpin(access, 2, 1);
	unpin(access, 0, 3);
	unpin(access, 1, 3);
	unpin(access, 0, 1);
	unpin(access, 3, 1);
	unpin(access, 0, TEST_PAGES + 1);
	EXPECT_PINS(test, 1);
	/* What is no range, or not one of pages */
	unpin(access, 1, 0);
	iommufd_access_unpin_pages(access, TEST_IOVA + PAGE_SIZE,
				   0 - (TEST_IOVA + PAGE_SIZE));
	iommufd_access_unpin_pages(access, TEST_IOVA + PAGE_SIZE,
				   0 - PAGE_SIZE);
	iommufd_access_unpin_pages(access, TEST_IOVA + PAGE_SIZE,
				   2 * PAGE_SIZE - 1);
	iommufd_access_unpin_pages(access, TEST_IOVA + PAGE_SIZE + 1,
				   2 * PAGE_SIZE);
	EXPECT_PINS(test, 1);

	/* Both have it: each gives its own back, once */
	KUNIT_ASSERT_EQ(test, 0, pin(other, 1, 2));
	EXPECT_PINS(test, 2);
	unpin(access, 1, 2);
	EXPECT_PINS(test, 1);
	unpin(access, 1, 2);
	EXPECT_PINS(test, 1);
	unpin(other, 1, 2);
	EXPECT_PINS(test, 0);

	iommufd_access_destroy(access);
	iommufd_access_destroy(other);
	iommufd_access_destroy(detached);
}

/* i915's GVT pins page by page, and unpins all of it at once */
static void unpins_several(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct access_ctx *ctx = test->priv;
	unsigned long iova = TEST_IOVA + TEST_SIZE;
	struct iopgt_area *area;
	unsigned int i;

	/* The same memory once more, behind itself */
	KUNIT_ASSERT_EQ(test, 0,
			iopgt_copy(&ctx->ioas->iopt, &ctx->ioas->iopt,
				   TEST_IOVA, TEST_SIZE, &iova, IOMMU_READ,
				   IOPGT_FIXED));
	area = test_area(ctx->ioas, iova);
	KUNIT_ASSERT_NOT_NULL(test, area);

	for (i = 0; i != TEST_PAGES; i++)
		KUNIT_ASSERT_EQ(test, 0, pin(access, i, 1));
	KUNIT_ASSERT_EQ(test, 0, pin(access, 1, 2));
	EXPECT_PINS(test, TEST_PAGES + 1);
	unpin(access, 0, TEST_PAGES);
	/* The long one took the place of two short ones, which are left */
	unpin(access, 1, 2);
	EXPECT_PINS(test, 0);

	/* Over the border: one for each area, to be unpinned as one or by area */
	for (i = 0; i != 3; i++)
		KUNIT_ASSERT_EQ(test, 0, pin(access, 2, TEST_PAGES));
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&area->pins));
	unpin(access, 2, TEST_PAGES);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&area->pins));
	unpin(access, 2, 2);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&area->pins));
	unpin(access, TEST_PAGES, 2);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&area->pins));
	/* Not in part, neither by the other IOVAs of the same memory */
	unpin(access, 2, TEST_PAGES - 1);
	unpin(access, TEST_PAGES + 2, 2);
	unpin(access, 0, 2);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&area->pins));
	KUNIT_EXPECT_EQ(test, 2, area->pages->claims);
	unpin(access, 2, TEST_PAGES);
	EXPECT_PINS(test, 0);

	/* All or nothing, too, where the second area may not be pinned */
	KUNIT_EXPECT_EQ(test, -EPERM,
			iommufd_access_pin_pages(access, TEST_IOVA,
						 2 * TEST_SIZE, NULL,
						 IOMMUFD_ACCESS_RW_WRITE));
	EXPECT_PINS(test, 0);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&area->pins));
	iommufd_access_destroy(access);
}

/* Pins beginning at the same page, whatever is given back first */
static void unpins_in_any_order(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	unsigned int order, i, left;

	for (order = 0; order != 24; order++) {
		bool done[TEST_PAGES] = {};

		for (i = 0; i != TEST_PAGES; i++)
			KUNIT_ASSERT_EQ(test, 0, pin(access, 0, i + 1));
		KUNIT_ASSERT_EQ(test, 0, pin(access, 0, 2));
		for (left = TEST_PAGES; left; left--) {
			unsigned int nth = order / left % left;

			for (i = 0; done[i] || nth; i++)
				if (!done[i])
					nth--;
			EXPECT_PINS(test, left + 1);
			unpin(access, 0, i + 1);
			done[i] = true;
		}
		unpin(access, 0, 2);
		EXPECT_PINS(test, 0);
	}
	iommufd_access_destroy(access);
}

/* Its callback does nothing: it is asked in vain, but not for ever */
static void keeps_its_pins(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct access_ctx *ctx = test->priv;
	struct iommufd_ioas *other = iommufd_ioas_new(&ctx->ictx);
	u32 id = ctx->ioas->obj.id;
	unsigned long unmapped;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	iommufd_object_publish(&ctx->ictx, &other->obj);
	KUNIT_ASSERT_EQ(test, 0, pin(access, 0, 1));

	KUNIT_EXPECT_EQ(test, -EBUSY,
			iopgt_unmap_all(&ctx->ioas->iopt, &unmapped));
	KUNIT_EXPECT_LE(test, 2, ctx->calls);
	EXPECT_PINS(test, 1);

	/* It does not move, and goes on as it was */
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommufd_access_replace(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&other->obj.users));
	KUNIT_ASSERT_EQ(test, 0, pin(access, 1, 1));
	unpin(access, 1, 1);
	EXPECT_PINS(test, 1);

	/* It leaves, but not quite: its IOVAs mean what they meant */
	iommufd_access_detach(access);
	KUNIT_EXPECT_EQ(test, -ENOENT, pin(access, 1, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommufd_access_attach(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			iommufd_access_replace(access, other->obj.id));
	EXPECT_PINS(test, 1);
	unpin(access, 0, 1);
	EXPECT_PINS(test, 0);
	KUNIT_EXPECT_EQ(test, 0, iommufd_access_attach(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, 0, iommufd_access_replace(access, id));
	KUNIT_EXPECT_EQ(test, 0, iopgt_unmap_all(&ctx->ioas->iopt, &unmapped));
	KUNIT_EXPECT_EQ(test, TEST_SIZE, unmapped);
	iommufd_access_destroy(access);
}

/* vfio-ccw's callback may return while another thread is about to unpin */
struct late_unpin {
	struct completion done;
	struct access_ctx *ctx;
	struct iommufd_access *access;
};

static int late_unpin_main(void *arg)
{
	struct late_unpin *late = arg;

	wait_for_completion(&late->ctx->asked);
	/* The callback has returned where somebody waits: looks again until then */
	while (!waitqueue_active(&late->ctx->ioas->iopt.unpinned))
		schedule_timeout_uninterruptible(1);
	unpin(late->access, 0, TEST_PAGES);
	kthread_complete_and_exit(&late->done, 0);
}

static void late_unpin_start(struct kunit *test, struct late_unpin *late)
{
	struct task_struct *task;

	init_completion(&late->done);
	init_completion(&late->ctx->asked);
	KUNIT_ASSERT_EQ(test, 0, pin(late->access, 0, TEST_PAGES));
	task = kthread_run(late_unpin_main, late, "iommufd-late");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
}

static void unpins_late(struct kunit *test)
{
	struct access_ctx *ctx = test->priv;
	struct late_unpin late = {
		.ctx = ctx,
		.access = access_test_new(test, &pinning_ops, true),
	};
	struct iommufd_ioas *other = iommufd_ioas_new(&ctx->ictx);
	unsigned long unmapped;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	iommufd_object_publish(&ctx->ictx, &other->obj);

	late_unpin_start(test, &late);
	KUNIT_EXPECT_EQ(test, 0,
			iommufd_access_replace(late.access, other->obj.id));
	/* The new IOAS is the one that is meant from here on, the old one is free */
	EXPECT_PINS(test, 0);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&ctx->ioas->obj.users));
	wait_for_completion(&late.done);

	KUNIT_EXPECT_EQ(test, 0,
			iommufd_access_replace(late.access, ctx->ioas->obj.id));
	late_unpin_start(test, &late);
	iommufd_access_detach(late.access);
	EXPECT_PINS(test, 0);
	wait_for_completion(&late.done);

	KUNIT_EXPECT_EQ(test, 0,
			iommufd_access_attach(late.access, ctx->ioas->obj.id));
	late_unpin_start(test, &late);
	KUNIT_EXPECT_EQ(test, 0, iopgt_unmap_all(&ctx->ioas->iopt, &unmapped));
	KUNIT_EXPECT_EQ(test, TEST_SIZE, unmapped);
	wait_for_completion(&late.done);
	iommufd_access_destroy(late.access);
}

/* An unmap that is in vain anyway does not make others let go */
static void kept_by_the_kernel(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct access_ctx *ctx = test->priv;
	struct iommufd_access *internal =
		iommufd_access_new_internal(&ctx->ictx);
	unsigned long unmapped;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, internal);
	KUNIT_ASSERT_EQ(test, 0,
			iommufd_access_attach_ioas(internal, ctx->ioas));
	KUNIT_ASSERT_EQ(test, 0, pin(access, 0, 1));
	KUNIT_ASSERT_EQ(test, 0, pin(internal, 0, 1));
	KUNIT_ASSERT_EQ(test, 0, pin(internal, 3, 1));

	KUNIT_EXPECT_EQ(test, -EBUSY,
			iopgt_unmap_all(&ctx->ioas->iopt, &unmapped));
	unpin(internal, 0, 1);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iopgt_unmap(&ctx->ioas->iopt, TEST_IOVA, TEST_SIZE,
				    &unmapped));
	KUNIT_EXPECT_EQ(test, 0, ctx->calls);
	EXPECT_PINS(test, 2);
	unpin(internal, 3, 1);
	iommufd_access_destroy(internal);
	unpin(access, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, iopgt_unmap_all(&ctx->ioas->iopt, &unmapped));
	iommufd_access_destroy(access);
}

/* The kernel may do what a device may */
static void respects_protection(struct kunit *test)
{
	const unsigned int write = IOMMUFD_ACCESS_RW_WRITE;
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct access_ctx *ctx = test->priv;
	const unsigned long write_only = TEST_IOVA + TEST_SIZE;
	const unsigned long read_only = write_only + PAGE_SIZE;
	unsigned long iova = write_only;
	u8 byte = 1;

	KUNIT_ASSERT_EQ(test, 0,
			iopgt_map_user(&ctx->ioas->iopt, &ctx->ictx.budget,
				       ctx->uptr, PAGE_SIZE, &iova, IOMMU_WRITE,
				       IOPGT_FIXED));
	iova = read_only;
	KUNIT_ASSERT_EQ(test, 0,
			iopgt_map_user(&ctx->ioas->iopt, &ctx->ictx.budget,
				       ctx->uptr, PAGE_SIZE, &iova, IOMMU_READ,
				       IOPGT_FIXED));

	/* Twice: first the memory is not there yet */
	for (int i = 0; i != 2; i++) {
		KUNIT_EXPECT_EQ(test, -EPERM,
				iommufd_access_rw(access, write_only, &byte, 1,
						  0));
		KUNIT_EXPECT_EQ(test, -EPERM,
				iommufd_access_rw(access, read_only, &byte, 1,
						  write));
		KUNIT_EXPECT_EQ(test, 0,
				iommufd_access_rw(access, write_only, &byte, 1,
						  write));
		KUNIT_EXPECT_EQ(test, 0,
				iommufd_access_rw(access, read_only, &byte, 1,
						  0));
	}
	/* Whoever has a page can read it */
	KUNIT_EXPECT_EQ(test, -EPERM,
			iommufd_access_pin_pages(access, write_only, PAGE_SIZE,
						 NULL, 0));
	KUNIT_EXPECT_EQ(test, -EPERM,
			iommufd_access_pin_pages(access, write_only, PAGE_SIZE,
						 NULL, write));
	KUNIT_EXPECT_EQ(test, -EPERM,
			iommufd_access_pin_pages(access, read_only, PAGE_SIZE,
						 NULL, write));
	KUNIT_EXPECT_EQ(test, 0,
			iommufd_access_pin_pages(access, read_only, PAGE_SIZE,
						 NULL, 0));
	iommufd_access_unpin_pages(access, read_only, PAGE_SIZE);
	iommufd_access_destroy(access);
}

/* With locks held, nobody waits for memory that userspace may keep back */
static void waits_without_locks(struct kunit *test)
{
	struct iommufd_access *access =
		access_test_new(test, &copying_ops, true);
	struct access_ctx *ctx = test->priv;
	struct io_pagetable *iopt = &ctx->ioas->iopt;
	u8 byte = 1;

	KUNIT_EXPECT_EQ(test, -EAGAIN, iopgt_rw(iopt, TEST_IOVA, &byte, 1, 0));
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			iopgt_rw(iopt, TEST_IOVA + PAGE_SIZE, &byte, 1,
				 IOMMUFD_ACCESS_RW_WRITE));
	KUNIT_EXPECT_EQ(test, 0,
			iommufd_access_rw(access, TEST_IOVA, &byte, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, byte);
	KUNIT_EXPECT_EQ(test, 0, iopgt_rw(iopt, TEST_IOVA, &byte, 1, 0));
	EXPECT_PINS(test, 0);

	/* Another's memory is pinned for the copy, which may have to wait, too */
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			iopgt_rw(iopt, TEST_IOVA, &byte, 1,
				 __IOMMUFD_ACCESS_RW_SLOW_PATH));
	iommufd_access_destroy(access);
}

/*
 * Memory that comes when the test says so. Whoever faults it looks which locks others
 * could take, and waits only where those are all that there are.
 */
#define LATE_IOVA (TEST_IOVA + 16 * TEST_SIZE)

static struct late_memory {
	struct iommufd_access *access;
	struct io_pagetable *iopt;
	struct completion wanted;
	struct completion comes;
	bool unlocked;
} late_memory;

static bool late_memory_unlocked(struct late_memory *late)
{
	if (!mutex_trylock(&late->access->lock))
		return false;
	mutex_unlock(&late->access->lock);
	if (!down_write_trylock(&late->iopt->iova_lock))
		return false;
	up_write(&late->iopt->iova_lock);
	if (!down_write_trylock(&late->iopt->domains_lock))
		return false;
	up_write(&late->iopt->domains_lock);
	return true;
}

static vm_fault_t late_memory_fault(struct vm_fault *vmf)
{
	struct late_memory *late = &late_memory;
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!page)
		return VM_FAULT_OOM;
	late->unlocked = late_memory_unlocked(late);
	complete(&late->wanted);
	if (late->unlocked)
		wait_for_completion(&late->comes);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct late_memory_vm_ops = {
	.fault = late_memory_fault,
};

static int late_memory_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &late_memory_vm_ops;
	return 0;
}

static const struct file_operations late_memory_fops = {
	.mmap = late_memory_mmap,
};

/* Each page of it is late once */
static void late_memory_init(struct kunit *test, struct iommufd_access *access)
{
	struct access_ctx *ctx = test->priv;
	unsigned long iova = LATE_IOVA, addr;
	struct file *file;

	late_memory.access = access;
	late_memory.iopt = &ctx->ioas->iopt;
	file = anon_inode_getfile("[late]", &late_memory_fops, NULL, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, TEST_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, 0);
	fput(file);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_EQ(test, 0,
			iopgt_map_user(&ctx->ioas->iopt, &ctx->ictx.budget,
				       (void __user *)addr, TEST_SIZE, &iova,
				       IOMMU_READ | IOMMU_WRITE, IOPGT_FIXED));
}

/* One iommufd_access_pin_pages() of a page, by another thread */
struct late_pin {
	struct completion done;
	unsigned long iova;
	int rc;
};

static int late_pin_main(void *arg)
{
	struct late_pin *late = arg;

	late->rc = iommufd_access_pin_pages(late_memory.access, late->iova,
					    PAGE_SIZE, NULL,
					    IOMMUFD_ACCESS_RW_WRITE);
	kthread_complete_and_exit(&late->done, 0);
}

/* Until it faults; false where it holds locks then, and has ended */
static bool late_pin_start(struct kunit *test, struct late_pin *late,
			   unsigned long index)
{
	struct task_struct *task;

	late->iova = LATE_IOVA + index * PAGE_SIZE;
	init_completion(&late->done);
	init_completion(&late_memory.wanted);
	init_completion(&late_memory.comes);
	task = kthread_run(late_pin_main, late, "iommufd-late");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	wait_for_completion(&late_memory.wanted);
	KUNIT_EXPECT_TRUE(test, late_memory.unlocked);
	if (!late_memory.unlocked)
		wait_for_completion(&late->done);
	return late_memory.unlocked;
}

static int late_pin_end(struct late_pin *late)
{
	complete(&late_memory.comes);
	wait_for_completion(&late->done);
	return late->rc;
}

static void expect_late_pins(struct kunit *test, unsigned int line, int pins)
{
	struct access_ctx *ctx = test->priv;
	struct iopgt_area *area = test_area(ctx->ioas, LATE_IOVA);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_EQ_MSG(test, pins, atomic_read(&area->pins), "line %u",
			    line);
	KUNIT_EXPECT_EQ_MSG(test, 0, atomic_read(&area->under_way), "line %u",
			    line);
	KUNIT_EXPECT_EQ_MSG(test, pins, area->pages->claims, "line %u", line);
	KUNIT_EXPECT_EQ_MSG(test, pins, area->pages->charged, "line %u", line);
}

#define EXPECT_LATE_PINS(test, pins) expect_late_pins(test, __LINE__, pins)

/* With locks held, nobody waits for memory that is to be pinned, neither */
static void pins_without_locks(struct kunit *test)
{
	const unsigned long cut = LATE_IOVA + 2 * PAGE_SIZE;
	struct access_ctx *ctx = test->priv;
	struct io_pagetable *iopt = &ctx->ioas->iopt;
	struct iommufd_access *access =
		access_test_new(test, &pinning_ops, true);
	struct iommufd_ioas *other = iommufd_ioas_new(&ctx->ictx);
	u32 id = ctx->ioas->obj.id;
	struct late_pin late;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	iommufd_object_publish(&ctx->ictx, &other->obj);
	late_memory_init(test, access);

	/* Others go on, the access itself as well; who wants that memory does not */
	if (!late_pin_start(test, &late, 0))
		goto out;
	KUNIT_EXPECT_EQ(test, 0, pin(access, 0, TEST_PAGES));
	EXPECT_PINS(test, 1);
	unpin(access, 0, TEST_PAGES);
	KUNIT_EXPECT_EQ(test, 0, iopgt_unmap(iopt, TEST_IOVA, TEST_SIZE, NULL));
	KUNIT_EXPECT_EQ(test, 0, ctx->calls);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iopgt_unmap(iopt, LATE_IOVA, TEST_SIZE, NULL));
	KUNIT_EXPECT_EQ(test, -EBUSY, iopgt_cut(iopt, &cut, 1));
	/* It cannot let go of what it does not have yet, nor give it back */
	KUNIT_EXPECT_EQ(test, 0, ctx->calls);
	iommufd_access_unpin_pages(access, LATE_IOVA, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, late_pin_end(&late));
	EXPECT_LATE_PINS(test, 1);
	iommufd_access_unpin_pages(access, LATE_IOVA, PAGE_SIZE);
	EXPECT_LATE_PINS(test, 0);

	/* An access does not move meanwhile */
	if (!late_pin_start(test, &late, 1))
		goto out;
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommufd_access_replace(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, 0, late_pin_end(&late));
	EXPECT_LATE_PINS(test, 1);
	iommufd_access_unpin_pages(access, LATE_IOVA + PAGE_SIZE, PAGE_SIZE);

	/* ... and where it has left, it gets nothing more */
	if (!late_pin_start(test, &late, 2))
		goto out;
	iommufd_access_detach(access);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommufd_access_attach(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, -ENOENT, late_pin_end(&late));
	EXPECT_LATE_PINS(test, 0);
	KUNIT_EXPECT_EQ(test, 0, iommufd_access_attach(access, other->obj.id));
	KUNIT_EXPECT_EQ(test, 0, iommufd_access_replace(access, id));
	KUNIT_EXPECT_EQ(test, 0, iopgt_cut(iopt, &cut, 1));
	KUNIT_EXPECT_EQ(test, 0,
			iopgt_unmap(iopt, LATE_IOVA, TEST_SIZE, NULL));
out:
	iommufd_access_destroy(access);
}

static struct kunit_case access_test_cases[] = {
	KUNIT_CASE(kthread_copies),
	KUNIT_CASE(not_attached),
	KUNIT_CASE(pins_pages),
	KUNIT_CASE(unpins_wrongly),
	KUNIT_CASE(unpins_several),
	KUNIT_CASE(unpins_in_any_order),
	KUNIT_CASE_SLOW(keeps_its_pins),
	KUNIT_CASE(unpins_late),
	KUNIT_CASE(kept_by_the_kernel),
	KUNIT_CASE(respects_protection),
	KUNIT_CASE(waits_without_locks),
	KUNIT_CASE_SLOW(pins_without_locks),
	{}
};

static struct kunit_suite access_test_suite = {
	.name = "iommufd_access",
	.init = access_test_init,
	.exit = access_test_exit,
	.test_cases = access_test_cases,
};

kunit_test_suite(access_test_suite);
