// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: pin.h without pages, but with a count of pins for each, and dma-bufs
 * that can be revoked. Whoever unpins a page must have taken it away from all
 * devices.
 */
#include "env.h"
#include "pin.h"

struct task_struct env_tasks[ENV_TASKS];
struct file env_file;
struct dma_buf env_dmabuf;
unsigned int env_stride;
int (*env_pin)(void);

static struct mm_struct mms[ENV_TASKS];
static struct user_struct users[ENV_TASKS];
static struct cred creds[ENV_TASKS];
static int pins[ENV_PFNS];
static unsigned long unmapped_page, unmapped_pages;
static struct dma_resv resv;
static int dmabuf_refs;
static bool revoked;
static unsigned int revocations, before_map;
/* Nothing of it may be mapped any more */
static bool gone;
static struct inode inode;
static struct address_space mapping = { .host = &inode };

void env_memory_reset(void)
{
	unsigned int i;

	memset(pins, 0, sizeof(pins));
	unmapped_pages = 0;
	env_stride = 2;
	env_pin = NULL;
	revoked = false;
	revocations = 0;
	before_map = 0;
	gone = false;
	dmabuf_refs = 1;
	resv = (struct dma_resv){ };
	env_dmabuf = (struct dma_buf){ .size = P(ENV_MMIO_PAGES) };
	env_dmabuf.resv = &resv;
	INIT_LIST_HEAD(&env_dmabuf.attachments);
	env_file = (struct file){ .f_mapping = &mapping };
	env_file.f_mode = FMODE_READ | FMODE_WRITE;
	refcount_set(&env_file.refs, 1);

	for (i = 0; i != ENV_TASKS; i++) {
		mms[i] = (struct mm_struct){ };
		refcount_set(&mms[i].mm_users, 1);
		refcount_set(&mms[i].mm_count, 1);
		users[i] = (struct user_struct){ };
		creds[i] = init_cred;
		creds[i].user = &users[i];
		refcount_set(&creds[i].usage, 1);
		env_tasks[i] = (struct task_struct){
			.mm = &mms[i],
			.user = &users[i],
			.cred = &creds[i],
			.group_leader = &env_tasks[i],
			.memlock = P(1000),
		};
		refcount_set(&env_tasks[i].usage, 1);
	}
	shim_set_current(&env_tasks[0]);
}

void env_memory_check(void)
{
	unsigned int i;

	for (i = 0; i != ENV_PFNS; i++)
		IL_ASSERT(!pins[i], "page %u is pinned %d times", i, pins[i]);
	for (i = 0; i != ENV_TASKS; i++) {
		IL_ASSERT(!mms[i].pinned_vm.counter && !mms[i].locked_vm,
			  "process %u: %lld pages are charged", i,
			  mms[i].pinned_vm.counter);
		IL_ASSERT(!users[i].locked_vm.counter,
			  "user %u: %lld pages are charged", i,
			  users[i].locked_vm.counter);
		IL_ASSERT(mms[i].mm_count.refs.counter == 1 &&
			  mms[i].mm_users.refs.counter == 1 &&
			  creds[i].usage.refs.counter == 1 &&
			  env_tasks[i].usage.refs.counter == 1,
			  "process %u is held", i);
	}
	IL_ASSERT(env_dmabuf.attachments.next == &env_dmabuf.attachments &&
		  dmabuf_refs == 1, "the dma-buf is held");
	IL_ASSERT(env_file.refs.refs.counter == 1, "the file is held");
}

bool env_is_pinned(unsigned long pfn)
{
	return pins[pfn] > 0;
}

bool env_is_device_memory(unsigned long pfn)
{
	return pfn >= ENV_MMIO_PFN;
}

bool env_may_map(unsigned long pfn)
{
	if (pfn >= ENV_MMIO_PFN && pfn < ENV_MMIO_PFN + ENV_MMIO_PAGES)
		return !gone;
	return pfn >= ENV_DOORBELL || pins[pfn] > 0;
}

long env_charged(unsigned int task)
{
	return mms[task].pinned_vm.counter;
}

void env_munmap(unsigned long user_page, unsigned long npages)
{
	unmapped_page = user_page;
	unmapped_pages = npages;
}

static int pin_page(unsigned long pfn, struct pfn_store *store)
{
	int rc;

	shim_point("pin", NULL);
	rc = env_pin ? env_pin() : 0;
	if (rc)
		return rc;
	if (shim_fail("pin"))
		return -EFAULT;
	pins[pfn]++;
	rc = pfn_store_append(store, pfn, 1);
	if (rc)
		pins[pfn]--;
	return rc;
}

int pin_user_memory(struct mm_struct *mm, unsigned long uaddr,
		    unsigned long npages, bool write, struct pfn_store *store)
{
	unsigned long page = uaddr >> PAGE_SHIFT, i;
	int rc = 0;

	for (i = 0; i != npages && !rc; i++, page++)
		rc = page - unmapped_page < unmapped_pages ?
			     -EFAULT : pin_page(page * env_stride, store);
	return rc;
}

int pin_file_memory(struct file *file, unsigned long first,
		    unsigned long npages, struct pfn_store *store)
{
	unsigned long i;
	int rc = 0;

	for (i = 0; i != npages && !rc; i++)
		rc = pin_page(ENV_FILE_PFN + first + i, store);
	return rc;
}

bool pin_file_is_memory(struct file *file)
{
	return file == &env_file;
}

int pin_file_may_read(struct file *file)
{
	return 0;
}

int pin_file_allow_writing(struct file *file)
{
	return 0;
}

void pin_file_end_writing(struct file *file)
{
}

static void unpin_page(unsigned long pfn)
{
	IL_ASSERT(pins[pfn] > 0, "page %lu is unpinned once too often", pfn);
	if (!--pins[pfn])
		env_assert_unreachable(pfn, "unpinned");
}

void pin_release_runs(const struct pfn_store *store, unsigned long first,
		      unsigned long npages, bool dirty)
{
	struct pfn_cursor cursor;
	struct pfn_run run;

	shim_point("unpin", NULL);
	pfn_cursor_seek(&cursor, store, first, npages);
	while (pfn_cursor_next(&cursor, &run))
		while (run.npages--)
			unpin_page(run.pfn++);
}

static struct page *pin_single(unsigned long pfn)
{
	shim_point("pin", NULL);
	if (shim_fail("pin"))
		return ERR_PTR(-EFAULT);
	pins[pfn]++;
	return pfn_to_page(pfn);
}

struct page *pin_one_page(struct mm_struct *mm, unsigned long uaddr, bool write)
{
	return pin_single((uaddr >> PAGE_SHIFT) * env_stride);
}

struct page *pin_one_file_page(struct file *file, unsigned long index)
{
	return pin_single(ENV_FILE_PFN + index);
}

void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool dirty)
{
	unsigned long pfn = page_to_pfn(page);

	shim_point("unpin", NULL);
	while (npages--)
		unpin_page(pfn++);
}

static void touch(struct page *page)
{
	shim_point("copy", page);
	IL_ASSERT(pins[page_to_pfn(page)] > 0,
		  "a page is touched that is not pinned");
}

void memcpy_to_page(struct page *page, size_t offset, const void *from,
		    size_t len)
{
	touch(page);
}

void memcpy_from_page(void *to, struct page *page, size_t offset, size_t len)
{
	touch(page);
	memset(to, 0, len);
}

/* All of it can be written */
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	static struct vm_area_struct vma = {
		.vm_end = ~0UL,
		.vm_flags = VM_READ | VM_WRITE,
	};

	return &vma;
}

struct dma_buf *dma_buf_get(int fd)
{
	if (fd != ENV_FD_DMABUF)
		return ERR_PTR(-EINVAL);
	get_dma_buf(&env_dmabuf);
	return &env_dmabuf;
}

void get_dma_buf(struct dma_buf *dmabuf)
{
	dmabuf_refs++;
}

void dma_buf_put(struct dma_buf *dmabuf)
{
	IL_ASSERT(--dmabuf_refs > 0, "the dma-buf is put too often");
}

struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *ops, void *priv)
{
	struct dma_buf_attachment *attach = kzalloc_obj(*attach);

	if (!attach)
		return ERR_PTR(-ENOMEM);
	attach->dmabuf = dmabuf;
	attach->dev = dev;
	attach->importer_ops = ops;
	attach->importer_priv = priv;
	dma_resv_lock(dmabuf->resv, NULL);
	if (revoked) {
		dma_resv_unlock(dmabuf->resv);
		kfree(attach);
		return ERR_PTR(-ENODEV);
	}
	list_add_tail(&attach->node, &dmabuf->attachments);
	dma_resv_unlock(dmabuf->resv);
	return attach;
}

void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	dma_resv_lock(dmabuf->resv, NULL);
	list_del(&attach->node);
	dma_resv_unlock(dmabuf->resv);
	kfree(attach);
}

int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				 struct phys_vec *phys)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	if (revoked)
		return -ENODEV;
	before_map = revocations;
	*phys = (struct phys_vec){ PFN_PHYS(ENV_MMIO_PFN), P(ENV_MMIO_PAGES) };
	return 0;
}

void env_revoke(void)
{
	struct dma_buf_attachment *attach;
	unsigned long i;

	dma_resv_lock(env_dmabuf.resv, NULL);
	revoked = true;
	revocations++;
	list_for_each_entry(attach, &env_dmabuf.attachments, node)
		attach->importer_ops->invalidate_mappings(attach);
	gone = true;
	for (i = 0; i != ENV_MMIO_PAGES; i++)
		env_assert_unreachable(ENV_MMIO_PFN + i, "revoked");
	dma_resv_unlock(env_dmabuf.resv);
	il_log("revoked");
}

void env_reset(void)
{
	il_call_end = env_task_work;
	env_memory_reset();
	env_iommu_reset();
	env_file_reset();
}

void env_check(void)
{
	env_file_check();
	env_iommu_check();
	env_memory_check();
}

/* As VFIO does: importers are told, and the lock is dropped before it is so */
void env_give_back(void)
{
	struct dma_buf_attachment *attach;

	dma_resv_lock(env_dmabuf.resv, NULL);
	list_for_each_entry(attach, &env_dmabuf.attachments, node)
		attach->importer_ops->invalidate_mappings(attach);
	dma_resv_unlock(env_dmabuf.resv);
	dma_resv_lock(env_dmabuf.resv, NULL);
	revoked = false;
	gone = false;
	dma_resv_unlock(env_dmabuf.resv);
	il_log("given back");
}

unsigned int env_revocations(void)
{
	return revocations;
}

/* How many there were when the address was last asked for */
unsigned int env_revocations_before_map(void)
{
	return before_map;
}
