// SPDX-License-Identifier: GPL-2.0-only
#include <linux/file.h>

#include "machine.h"
#include "test_hooks.h"

#define NR_FRAMES	(NR_TASKS * VA_PAGES + NR_FILES * FILE_PAGES + MMIO_PAGES)
#define MMIO_FRAME	(NR_FRAMES - MMIO_PAGES)
#define FIRST_PFN	0x1000UL

static struct frame frames[NR_FRAMES];
static struct user_struct user;
static struct cred cred;
static struct inode inode = { .shmem = true };
static struct address_space mapping = { .host = &inode };
static struct file files[NR_FILES];
static struct dma_buf dmabuf;
static struct dma_resv resv;
static int dmabuf_refs, attachments;
static bool revoked, scatter;
struct table tables[NR_DOMAINS];
struct task_struct tasks[NR_TASKS];
struct mm_struct mms[NR_TASKS];
struct iommufd_thresholds iommufd_thresholds;
__thread struct vm_area_struct bitmap_vma;

#define CHECK(cond, ...)                                                       \
	do {                                                                   \
		if (unlikely(!(cond)))                                         \
			shim_panic(__VA_ARGS__);                               \
	} while (0)

static bool is_mmio(unsigned int frame)
{
	return frame >= MMIO_FRAME;
}

static unsigned int frame_of(struct page *page)
{
	unsigned long frame = page_to_pfn(page) - FIRST_PFN;

	CHECK(frame < NR_FRAMES, "a page that is none");
	return frame;
}

static struct page *page_of(unsigned int frame)
{
	return pfn_to_page(FIRST_PFN + frame);
}

static void frame_pin(unsigned int frame)
{
	__atomic_fetch_add(&frames[frame].uses, 1, __ATOMIC_RELAXED);
}

static void frame_unpin(unsigned int frame)
{
	u64 uses = __atomic_sub_fetch(&frames[frame].uses, 1, __ATOMIC_RELAXED);

	CHECK(FRAME_PINS(uses) != U32_MAX, "page %u is unpinned too often",
	      frame);
	CHECK(FRAME_PINS(uses) || !FRAME_REACH(uses),
	      "page %u is unpinned, and a device can reach it", frame);
}

static void frame_reach(unsigned int frame, int add)
{
	u64 uses = __atomic_add_fetch(&frames[frame].uses, (u64)add << 32,
				      __ATOMIC_RELAXED);

	CHECK(add < 0 || is_mmio(frame) || FRAME_PINS(uses),
	      "page %u is mapped, and not pinned", frame);
}

long machine_pins(void)
{
	long pins = 0;

	for (unsigned int i = 0; i != NR_FRAMES; i++)
		pins += FRAME_PINS(__atomic_load_n(&frames[i].uses,
						   __ATOMIC_RELAXED));
	return pins;
}

/* Every other four pages are there in another order */
static unsigned int order_of(unsigned int page)
{
	return scatter && (page & 4) ? page ^ 3 : page;
}

/* GUP */
static long gup(struct mm_struct *mm, unsigned long start, unsigned long nr,
		struct page **pages)
{
	unsigned long va = (start - VA_BASE) >> PAGE_SHIFT, got;

	for (got = 0; got != nr && va < VA_PAGES; got++, va++) {
		unsigned int frame = (mm - mms) * VA_PAGES + order_of(va);

		frame_pin(frame);
		pages[got] = page_of(frame);
	}
	return got ?: -EFAULT;
}

int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages)
{
	return gup(current->mm, start, nr_pages, pages);
}

long pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked)
{
	return gup(mm, start, nr_pages, pages);
}

long memfd_pin_folios(struct file *file, loff_t start, loff_t end,
		      struct folio **folios, unsigned int max, pgoff_t *offset)
{
	unsigned long index = start >> PAGE_SHIFT, nr = 0;

	if (end >= (loff_t)FILE_PAGES << PAGE_SHIFT)
		return -EINVAL;
	*offset = 0;
	for (; nr != max && index <= end >> PAGE_SHIFT; nr++, index++) {
		unsigned int frame = NR_TASKS * VA_PAGES +
				     (file - files) * FILE_PAGES +
				     order_of(index);

		frame_pin(frame);
		folios[nr] = (struct folio *)page_of(frame);
	}
	return nr;
}

void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool dirty)
{
	for (unsigned long i = 0; i != npages; i++)
		frame_unpin(frame_of(page + i));
}

void unpin_user_page(struct page *page)
{
	frame_unpin(frame_of(page));
}

void unpin_user_pages(struct page **pages, unsigned long npages)
{
	for (unsigned long i = 0; i != npages; i++)
		frame_unpin(frame_of(pages[i]));
}

void unpin_user_folio(struct folio *folio, unsigned long npages)
{
	CHECK(npages == 1, "a folio of one page has more");
	frame_unpin(frame_of(&folio->page));
}

struct folio *page_folio(struct page *page)
{
	return (struct folio *)page;
}

unsigned long folio_pfn(struct folio *folio)
{
	return page_to_pfn(&folio->page);
}

unsigned long folio_nr_pages(struct folio *folio)
{
	return 1;
}

int folio_add_pins(struct folio *folio, unsigned int pins)
{
	shim_panic("a folio of one page is to have more");
}

struct page *shim_huge_entry(struct mm_struct *mm, unsigned long addr,
			     unsigned long size)
{
	return NULL;
}

static void touch(struct page *page)
{
	u64 uses = __atomic_load_n(&frames[frame_of(page)].uses,
				   __ATOMIC_RELAXED);

	CHECK(FRAME_PINS(uses), "the kernel touches a page that is not pinned");
}

void memcpy_to_page(struct page *page, size_t offset, const void *from,
		    size_t length)
{
	touch(page);
}

void memcpy_from_page(void *to, struct page *page, size_t offset, size_t length)
{
	touch(page);
	memset(to, 0, length);
}

/* -1: the program's own, that is, a bitmap's */
static long copy_user(const void *at, unsigned long n)
{
	unsigned long addr = (unsigned long)at;

	if (addr < VA_BASE / 2 || addr >= 2 * VA_BASE)
		return -1;
	return addr + n <= VA_BASE + VA_PAGES * PAGE_SIZE ? 0 : n;
}

long shim_write_user(void *to, const void *from, unsigned long n)
{
	return copy_user(to, n);
}

long shim_read_user(void *to, const void *from, unsigned long n)
{
	return copy_user(from, n);
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	return &bitmap_vma;
}

/* Files and dma-bufs */
struct fd fdget(unsigned int fd)
{
	return fd - FD_FILE < NR_FILES ? BORROWED_FD(&files[fd - FD_FILE]) :
					 EMPTY_FD;
}

void fput(struct file *file)
{
	refcount_dec(&file->refs);
}

struct dma_buf *dma_buf_get(int fd)
{
	if (fd != FD_DMABUF)
		return ERR_PTR(-EINVAL);
	get_dma_buf(&dmabuf);
	return &dmabuf;
}

void get_dma_buf(struct dma_buf *buf)
{
	__atomic_fetch_add(&dmabuf_refs, 1, __ATOMIC_RELAXED);
}

void dma_buf_put(struct dma_buf *buf)
{
	__atomic_fetch_sub(&dmabuf_refs, 1, __ATOMIC_RELAXED);
}

struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *buf, struct device *dev,
		       const struct dma_buf_attach_ops *ops, void *priv)
{
	struct dma_buf_attachment *attach = kzalloc_obj(*attach);

	attach->dmabuf = buf;
	attach->importer_priv = priv;
	attach->importer_ops = ops;
	dma_resv_lock(buf->resv, NULL);
	list_add_tail(&attach->node, &buf->attachments);
	dma_resv_unlock(buf->resv);
	__atomic_fetch_add(&attachments, 1, __ATOMIC_RELAXED);
	return attach;
}

void dma_buf_detach(struct dma_buf *buf, struct dma_buf_attachment *attach)
{
	dma_resv_lock(buf->resv, NULL);
	list_del(&attach->node);
	dma_resv_unlock(buf->resv);
	kfree(attach);
	__atomic_fetch_sub(&attachments, 1, __ATOMIC_RELAXED);
}

int iommufd_test_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				     struct phys_vec *phys)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	if (revoked)
		return -ENODEV;
	phys->paddr = PFN_PHYS(FIRST_PFN + MMIO_FRAME);
	phys->len = attach->dmabuf->size;
	return 0;
}

int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				 struct phys_vec *phys)
{
	return -EOPNOTSUPP;
}

void dmabuf_revoke(bool revoke)
{
	struct dma_buf_attachment *attach;

	dma_resv_lock(&resv, NULL);
	revoked = revoke;
	if (revoke)
		list_for_each_entry(attach, &dmabuf.attachments, node)
			attach->importer_ops->invalidate_mappings(attach);
	for (unsigned int i = MMIO_FRAME; revoke && i != NR_FRAMES; i++)
		CHECK(!FRAME_REACH(__atomic_load_n(&frames[i].uses,
						   __ATOMIC_RELAXED)),
		      "MMIO is revoked, and a device can reach it");
	dma_resv_unlock(&resv);
}

/* IO page tables */
static struct table *table_of(struct iommu_domain *domain)
{
	return container_of(domain, struct table, domain);
}

u32 table_entry(const struct table *table, unsigned long iova)
{
	return __atomic_load_n(&table->entry[iova >> PAGE_SHIFT],
			       __ATOMIC_RELAXED);
}

static void entry_change(struct table *table, unsigned long iova, u32 from,
			 u32 to, const char *what)
{
	CHECK(__atomic_compare_exchange_n(&table->entry[iova >> PAGE_SHIFT],
					  &from, to, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED),
	      "%s at 0x%lx, where 0x%x is", what, iova, from);
}

int iommu_map_nosync(struct iommu_domain *domain, unsigned long iova,
		     phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	unsigned int frame = PHYS_PFN(phys) - FIRST_PFN;

	CHECK(PAGE_ALIGNED(iova | phys | size), "a map that is not aligned");
	for (; size; size -= PAGE_SIZE, iova += PAGE_SIZE, frame++) {
		frame_reach(frame, 1);
		entry_change(table_of(domain), iova, 0, frame + 1, "map");
	}
	return 0;
}

int iommu_map(struct iommu_domain *domain, unsigned long iova,
	      phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	return iommu_map_nosync(domain, iova, phys, size, prot, gfp);
}

int iommu_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	return 0;
}

size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova,
			size_t size, struct iommu_iotlb_gather *gather)
{
	struct table *table = table_of(domain);

	iommu_iotlb_gather_add_range(gather, iova, size);
	for (unsigned long at = iova; at - iova != size; at += PAGE_SIZE) {
		u32 entry = table_entry(table, at);

		CHECK(entry && !(entry & ENTRY_STALE),
		      "unmap at 0x%lx, where 0x%x is", at, entry);
		entry_change(table, at, entry, entry | ENTRY_STALE, "unmap");
	}
	return size;
}

/* What others have unmapped in the range is flushed as well */
static void table_sync(struct iommu_domain *domain,
		       struct iommu_iotlb_gather *gather)
{
	struct table *table = table_of(domain);

	for (unsigned long at = gather->start; at < gather->end;
	     at += PAGE_SIZE) {
		u32 entry = table_entry(table, at);

		if ((entry & ENTRY_STALE) &&
		    __atomic_compare_exchange_n(&table->entry[at >> PAGE_SHIFT],
						&entry, 0, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			frame_reach((entry & ~ENTRY_STALE) - 1, -1);
	}
}

/* Its table is used again */
void iommu_domain_free(struct iommu_domain *domain)
{
}

size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	size = iommu_unmap_fast(domain, iova, size, &gather);
	iommu_iotlb_sync(domain, &gather);
	return size;
}

static int table_track(struct iommu_domain *domain, bool enable)
{
	return 0;
}

/* Every third page that can be written to is dirty */
static int table_read_dirty(struct iommu_domain *domain, unsigned long iova,
			    size_t size, unsigned long flags,
			    struct iommu_dirty_bitmap *dirty)
{
	for (unsigned long at = iova; at - iova != size; at += PAGE_SIZE) {
		u32 entry = table_entry(table_of(domain), at);

		CHECK(entry && !(entry & ENTRY_STALE),
		      "dirty bits at 0x%lx, where nothing is mapped", at);
		if (entry % 3 == 0)
			iommu_dirty_bitmap_record(dirty, at, PAGE_SIZE);
	}
	return 0;
}

static const struct iommu_domain_ops table_ops = {
	.iotlb_sync = table_sync,
};

static const struct iommu_dirty_ops table_dirty_ops = {
	.set_dirty_tracking = table_track,
	.read_and_clear_dirty = table_read_dirty,
};

/* Hooks of the test build, and devices */
bool iommufd_should_fail(void)
{
	return false;
}

void iommufd_test_pin_begin(void)
{
}

void iommufd_test_pin_end(void)
{
}

void iommufd_test_breath(void)
{
}

void iommufd_test_linger(void)
{
}

unsigned long iommufd_test_memory_limit(void)
{
	return ULONG_MAX;
}

void iommu_get_resv_regions(struct device *dev, struct list_head *regions)
{
}

void iommu_put_resv_regions(struct device *dev, struct list_head *regions)
{
}

void machine_reset(bool scattered)
{
	scatter = scattered;
	memset(frames, 0, sizeof(frames));
	cred = init_cred;
	cred.user = &user;
	refcount_set(&cred.usage, 1);
	for (unsigned int i = 0; i != NR_TASKS; i++) {
		mms[i] = (struct mm_struct){};
		init_rwsem(&mms[i].mmap_lock);
		refcount_set(&mms[i].mm_users, 1);
		refcount_set(&mms[i].mm_count, 1);
		tasks[i] = (struct task_struct){
			.mm = &mms[i],
			.user = &user,
			.cred = &cred,
			.group_leader = &tasks[i],
			.memlock = 400 * PAGE_SIZE,
		};
		refcount_set(&tasks[i].usage, 1);
	}
	for (unsigned int i = 0; i != NR_FILES; i++) {
		files[i] = (struct file){
			.f_mode = FMODE_READ | FMODE_WRITE,
			.f_mapping = &mapping,
		};
		refcount_set(&files[i].refs, 1);
	}
	dmabuf = (struct dma_buf){
		.size = MMIO_PAGES * PAGE_SIZE,
		.resv = &resv,
	};
	INIT_LIST_HEAD(&dmabuf.attachments);
	mutex_init(&resv.lock);
	revoked = false;
	for (unsigned int i = 0; i != NR_DOMAINS; i++) {
		struct table *table = &tables[i];

		memset(table, 0, sizeof(*table));
		table->domain = (struct iommu_domain){
			.type = IOMMU_DOMAIN_UNMANAGED,
			.pgsize_bitmap = PAGE_SIZE,
			.geometry = {
				.aperture_end = IOVA_PAGES * PAGE_SIZE - 1,
				.force_aperture = true,
			},
			.ops = &table_ops,
			.dirty_ops = &table_dirty_ops,
		};
		table->member.domain = &table->domain;
	}
}

void machine_check_end(void)
{
	for (unsigned int i = 0; i != NR_FRAMES; i++)
		CHECK(!frames[i].uses, "page %u stays pinned, or reachable", i);
	for (unsigned int i = 0; i != NR_TASKS; i++) {
		CHECK(!atomic64_read(&mms[i].pinned_vm) && !mms[i].locked_vm,
		      "a process stays charged");
		CHECK(refcount_read(&mms[i].mm_count) == 1 &&
		      refcount_read(&tasks[i].usage) == 1,
		      "a process is kept");
	}
	CHECK(!atomic_long_read(&user.locked_vm), "the user stays charged");
	CHECK(refcount_read(&cred.usage) == 1, "credentials are kept");
	for (unsigned int i = 0; i != NR_FILES; i++)
		CHECK(refcount_read(&files[i].refs) == 1, "a file is kept");
	CHECK(!mapping.writers, "a file's writers are miscounted");
	CHECK(!dmabuf_refs && !attachments, "a dma-buf is kept");
}
