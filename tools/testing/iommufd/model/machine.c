// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's machine: page frames, processes, memfds, dma-bufs, limits. What it
 * hands out to the driver is counted by page, so that a wrong count shows at once.
 */
#include <linux/file.h>
#include <shim/plain.h>

#include "ref.h"
#include "test_hooks.h"

/* Page frames lie where something is different; each node begins at a multiple of
 * PUD_SIZE, in physical memory and in model_frames[]
 */
static const struct model_node {
	unsigned long pfn;
	unsigned int nr;
} model_nodes[] = {
	{ 0x400, 640 },
	{ (1UL << 32) - 128, 256 },	/* PFNs of 32 bits, and more */
	{ (1UL << 40) - 64, 64 },	/* the last ones that a run can have */
	{ 0x800000, 64 },		/* MMIO */
};

#define MODEL_NODE_MMIO		(ARRAY_SIZE(model_nodes) - 1)
#define MODEL_MEMORY		960	/* frames that are memory */

struct model_frame model_frames[MODEL_FRAMES];
unsigned short model_pins[MODEL_FRAMES];
struct task_struct model_tasks[MODEL_TASKS];
struct model_mm model_mms[MODEL_TASKS];
struct user_struct model_users[MODEL_USERS];
struct model_file model_files[MODEL_FILES];
struct model_dmabuf model_dmabufs[MODEL_DMABUFS];
struct model_setup model_setup;
struct iommufd_thresholds iommufd_thresholds;
unsigned long model_bitmap_start, model_bitmap_end;
bool model_bitmap_writable;

unsigned long model_faults_seen, model_fault_at;
bool model_fault_hit;
enum model_fault model_fault_what;

static unsigned int alloc_next, gup_turn, attachments;

/* Should this one fail? One does, the model_fault_at-th */
bool model_fault(enum model_fault what)
{
	if (likely(++model_faults_seen != model_fault_at))
		return false;
	model_fault_hit = true;
	model_fault_what = what;
	return true;
}

int model_frame_of(unsigned long pfn)
{
	unsigned int base = 0;

	for (unsigned int i = 0; i != ARRAY_SIZE(model_nodes); i++) {
		if (pfn - model_nodes[i].pfn < model_nodes[i].nr)
			return base + (pfn - model_nodes[i].pfn);
		base += model_nodes[i].nr;
	}
	model_fail("PFN 0x%lx is no memory", pfn);
}

static int frame_of_page(struct page *page)
{
	return model_frame_of(page_to_pfn(page));
}

static struct page *page_of_frame(int frame)
{
	return pfn_to_page(model_frames[frame].pfn);
}

struct folio *page_folio(struct page *page)
{
	int folio = model_frames[frame_of_page(page)].folio;

	MODEL_CHECK(folio >= 0, "the folio of a page that is free");
	return (struct folio *)page_of_frame(folio);
}

unsigned long folio_pfn(struct folio *folio)
{
	return page_to_pfn(&folio->page);
}

unsigned long folio_nr_pages(struct folio *folio)
{
	return model_frames[frame_of_page(&folio->page)].folio_pages;
}

/* Folios */
static bool folio_is_used(int folio)
{
	for (int i = folio; i != folio + model_frames[folio].folio_pages; i++)
		if (model_frames[i].maps || model_pins[i])
			return true;
	return false;
}

static void folio_put_if_unused(int frame)
{
	int folio = model_frames[frame].folio, last;

	if (folio_is_used(folio))
		return;
	last = folio + model_frames[folio].folio_pages - 1;
	for (int i = folio; i <= last; i++) {
		MODEL_CHECK(!model_frames[i].reach,
			    "page 0x%lx is freed, and a device can reach it",
			    model_frames[i].pfn);
		model_frames[i].folio = -1;
	}
}

static bool frames_are_free(unsigned int frame, unsigned int nr)
{
	if (frame + nr > MODEL_MEMORY)
		return false;
	for (unsigned int i = frame; i != frame + nr; i++)
		if (model_frames[i].folio >= 0)
			return false;
	return true;
}

/* A folio of 2^order pages; -1 where memory is short, which counts as a fault */
static int frames_alloc(unsigned int order)
{
	static unsigned char content;
	unsigned int nr = 1 << order, frame;

	alloc_next = ALIGN(alloc_next, nr) % MODEL_MEMORY;
	frame = alloc_next;
	while (!frames_are_free(frame, nr)) {
		frame = ALIGN(frame + nr, nr);
		if (frame + nr > MODEL_MEMORY)
			frame = 0;
		if (frame == alloc_next) {
			model_fault_hit = true;
			model_fault_what = MODEL_FAULT_PIN;
			return -1;
		}
	}
	alloc_next = frame + nr * (1 + model_setup.scatter);
	for (unsigned int i = frame; i != frame + nr; i++) {
		struct model_frame *f = &model_frames[i];

		f->folio = frame;
		f->folio_pages = nr;
		f->maps = 0;
		for (unsigned int k = 0; k != 4; k++)
			f->data[k] = content++;
	}
	return frame;
}

static void frame_map(int frame)
{
	model_frames[frame].maps++;
}

static void frame_unmap(int frame)
{
	MODEL_CHECK(model_frames[frame].maps, "the model lost count of maps");
	model_frames[frame].maps--;
	folio_put_if_unused(frame);
}

/* Pins, by page: those that only name the folio are for its next pages in turn */
static void frame_pin(int frame)
{
	struct model_frame *f = &model_frames[frame];

	MODEL_CHECK(f->folio >= 0 && !f->mmio, "pin of PFN 0x%lx, which is free",
		    f->pfn);
	model_pins[frame]++;
	model_frames[f->folio].cursor = frame;
}

static void frame_unpin(int frame)
{
	struct model_frame *f = &model_frames[frame];

	MODEL_CHECK(model_pins[frame], "PFN 0x%lx is unpinned once too often",
		    f->pfn);
	model_pins[frame]--;
	if (!model_pins[frame])
		MODEL_CHECK(!f->reach,
			    "PFN 0x%lx is unpinned, and a device can reach it",
			    f->pfn);
	folio_put_if_unused(frame);
}

int folio_add_pins(struct folio *folio, unsigned int pins)
{
	int frame = frame_of_page(&folio->page);

	if (model_fault(MODEL_FAULT_PIN))
		return -ENOMEM;
	while (pins--) {
		int next = model_frames[frame].cursor + 1;

		MODEL_CHECK(next < frame + model_frames[frame].folio_pages,
			    "pins for pages behind a folio");
		frame_pin(next);
	}
	return 0;
}

void unpin_user_folio(struct folio *folio, unsigned long npages)
{
	int frame = frame_of_page(&folio->page);

	for (int at = model_frames[frame].cursor; npages; npages--, at--) {
		MODEL_CHECK(at >= frame, "unpin of pages before a folio");
		frame_unpin(at);
	}
}

void unpin_user_page(struct page *page)
{
	frame_unpin(frame_of_page(page));
}

void unpin_user_pages(struct page **pages, unsigned long npages)
{
	for (unsigned long i = 0; i != npages; i++)
		unpin_user_page(pages[i]);
}

void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool dirty)
{
	unsigned long pfn = page_to_pfn(page);

	for (; npages; npages--, pfn++)
		frame_unpin(model_frame_of(pfn));
}

static void access_page(struct page *page, size_t offset, const char *from,
			char *to, size_t length)
{
	int frame = frame_of_page(page);
	struct model_frame *f = &model_frames[frame];

	MODEL_CHECK(model_pins[frame] || f->maps,
		    "the kernel touches PFN 0x%lx, which is free", f->pfn);
	MODEL_CHECK(offset + length <= PAGE_SIZE, "a copy leaves its page");
	while (length) {
		size_t n = min(length, MODEL_UNIT - offset % MODEL_UNIT);

		if (to) {
			memset(to, f->data[offset / MODEL_UNIT], n);
			to += n;
		} else {
			f->data[offset / MODEL_UNIT] = from[n - 1];
			from += n;
		}
		offset += n;
		length -= n;
	}
}

void memcpy_to_page(struct page *page, size_t offset, const void *from,
		    size_t length)
{
	access_page(page, offset, from, NULL, length);
}

void memcpy_from_page(void *to, struct page *page, size_t offset,
		      size_t length)
{
	access_page(page, offset, NULL, to, length);
}

/* Address spaces */
static void va_split(struct model_mm *mm, unsigned long va)
{
	mm->pmd_huge[va >> (PMD_SHIFT - PAGE_SHIFT)] = false;
	mm->pud_huge[va >> (PUD_SHIFT - PAGE_SHIFT)] = false;
}

static void va_set(struct model_mm *mm, unsigned long va, int frame)
{
	int old = mm->va[va].frame;

	if (frame >= 0)
		frame_map(frame);
	mm->va[va].frame = frame;
	mm->va[va].flags &= ~MODEL_VA_SHARED;
	if (old >= 0)
		frame_unmap(old);
}

/* The page at a virtual page; -1 if an access faults */
int model_va_fault(struct model_mm *mm, unsigned long va, bool write,
		   bool unshare)
{
	struct model_va *at;
	int frame;

	if (va >= MODEL_VA_PAGES)
		return -1;
	at = &mm->va[va];
	if (!(at->flags & MODEL_VA_MAPPED) ||
	    (write && !(at->flags & MODEL_VA_WRITE)))
		return -1;
	if (at->frame < 0 ||
	    ((at->flags & MODEL_VA_SHARED) && (write || unshare))) {
		frame = frames_alloc(0);
		if (frame < 0)
			return -1;
		va_split(mm, va);
		va_set(mm, va, frame);
	}
	return at->frame;
}

/* munmap() of one page, or MADV_DONTNEED where the flags stay */
void model_va_clear(struct model_mm *mm, unsigned long va)
{
	va_split(mm, va);
	va_set(mm, va, -1);
}

/* mprotect() */
void model_va_protect(struct model_mm *mm, unsigned long va)
{
	va_split(mm, va);
	mm->va[va].flags &= ~MODEL_VA_WRITE;
}

/* As fork() leaves it: pinned pages are copied for the child at once */
void model_va_share(struct model_mm *mm, unsigned long va)
{
	if (mm->va[va].frame < 0 || model_pins[mm->va[va].frame])
		return;
	va_split(mm, va);
	mm->va[va].flags |= MODEL_VA_SHARED;
}

/* A huge page, in place of what is there */
void model_va_huge(struct model_mm *mm, unsigned long va, unsigned int order)
{
	unsigned int nr = 1 << order;
	int frame;

	va = ALIGN_DOWN(va, nr);
	frame = frames_alloc(order);
	if (frame < 0)
		return;
	for (unsigned int i = 0; i != nr; i++) {
		va_split(mm, va + i);
		va_set(mm, va + i, frame + i);
		mm->va[va + i].flags |= MODEL_VA_MAPPED | MODEL_VA_WRITE;
	}
	if (nr == PMD_SIZE / PAGE_SIZE)
		mm->pmd_huge[va >> (PMD_SHIFT - PAGE_SHIFT)] = true;
	if (nr == PUD_SIZE / PAGE_SIZE)
		mm->pud_huge[va >> (PUD_SHIFT - PAGE_SHIFT)] = true;
}

static struct model_mm *model_mm_of(struct mm_struct *mm)
{
	return container_of(mm, struct model_mm, mm);
}

struct page *shim_huge_entry(struct mm_struct *mm, unsigned long addr,
			     unsigned long size)
{
	struct model_mm *m = model_mm_of(mm);
	unsigned long va = (addr - MODEL_VA_BASE) >> PAGE_SHIFT;
	bool *huge = size == PMD_SIZE ? m->pmd_huge : m->pud_huge;

	va = ALIGN_DOWN(va, size / PAGE_SIZE);
	if (va >= MODEL_VA_PAGES || !huge[va / (size / PAGE_SIZE)] ||
	    !(m->va[va].flags & MODEL_VA_WRITE))
		return NULL;
	return page_of_frame(m->va[va].frame);
}

static long gup(struct mm_struct *mm, unsigned long start, unsigned long nr,
		unsigned int gup_flags, struct page **pages)
{
	bool write = gup_flags & FOLL_WRITE, unshare = gup_flags & FOLL_LONGTERM;
	unsigned long got, va = (start - MODEL_VA_BASE) >> PAGE_SHIFT;
	struct model_mm *m = model_mm_of(mm);
	int frame;

	/* Userspace may make a fault take as long as it likes: others can go on */
	for (unsigned int i = 0; i != MODEL_SPACES; i++) {
		const struct shim_lock *lock = &ref_spaces[i].iopt.domains_lock.lock;

		MODEL_CHECK((gup_flags & FOLL_NOFAULT) || !shim_lock_held(lock),
			    "user memory is waited for with domains_lock held");
	}
	if (model_fault(MODEL_FAULT_PIN))
		return -ENOMEM;
	if ((model_setup.options & MODEL_GUP_SHORT) && nr > 1)
		nr = 1 + gup_turn++ % nr;
	for (got = 0; got != nr; got++, va++) {
		const struct model_va *at = &m->va[va % MODEL_VA_PAGES];

		if (start < MODEL_VA_BASE || va >= MODEL_VA_PAGES)
			break;
		if ((gup_flags & FOLL_NOFAULT) &&
		    (at->frame < 0 || (at->flags & MODEL_VA_SHARED)))
			break;
		frame = model_va_fault(m, va, write, unshare);
		if (frame < 0)
			break;
		frame_pin(frame);
		pages[got] = page_of_frame(frame);
	}
	return got ?: -EFAULT;
}

int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct page **pages)
{
	return gup(current->mm, start, nr_pages, gup_flags, pages);
}

long pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, int *locked)
{
	return gup(mm, start, nr_pages, gup_flags, pages);
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	static __thread struct vm_area_struct vma;

	if (addr >= model_bitmap_end)
		return NULL;
	vma.vm_start = model_bitmap_start;
	vma.vm_end = model_bitmap_end;
	vma.vm_flags = model_bitmap_writable ? VM_WRITE : 0;
	return &vma;
}

/* User memory */
static bool is_model_va(const void *ptr)
{
	unsigned long uaddr = (unsigned long)ptr;

	return uaddr >= MODEL_VA_BASE / 2 && uaddr < MODEL_VA_BASE * 2;
}

static long copy_user(const void *user, void *to, const void *from,
		      unsigned long n)
{
	struct mm_struct *mm = current->mm;
	unsigned long uaddr = (unsigned long)user;

	if (!is_model_va(user))
		return -1;
	while (n) {
		unsigned long part = min(n, PAGE_SIZE - offset_in_page(uaddr));
		int frame = -1;

		if (uaddr >= MODEL_VA_BASE && mm)
			frame = model_va_fault(model_mm_of(mm),
					       (uaddr - MODEL_VA_BASE) >> PAGE_SHIFT,
					       !to, false);
		if (frame < 0)
			return n;
		access_page(page_of_frame(frame), offset_in_page(uaddr), from, to,
			    part);
		if (to)
			to += part;
		else
			from += part;
		uaddr += part;
		n -= part;
	}
	return 0;
}

long shim_write_user(void *to, const void *from, unsigned long n)
{
	return copy_user(to, NULL, from, n);
}

long shim_read_user(void *to, const void *from, unsigned long n)
{
	return copy_user(from, to, NULL, n);
}

/* Files */
static struct model_file *model_file_of(struct file *file)
{
	return container_of(file, struct model_file, file);
}

struct fd fdget(unsigned int fd)
{
	unsigned int nr = fd - MODEL_FD_FILE;

	return nr < MODEL_FILES ? BORROWED_FD(&model_files[nr].file) : EMPTY_FD;
}

void fput(struct file *file)
{
	refcount_dec(&file->refs);
}

/* The frame of a file's page; -1 without memory */
int model_file_fault(struct model_file *file, unsigned long index)
{
	if (file->frame[index] < 0) {
		unsigned long nr = 1 << file->order;
		int frame = frames_alloc(file->order);

		if (frame < 0)
			return -1;
		index = ALIGN_DOWN(index, nr);
		for (unsigned long i = 0; i != nr; i++) {
			file->frame[index + i] = frame + i;
			frame_map(frame + i);
		}
		return model_file_fault(file, index);
	}
	return file->frame[index];
}

/* Punch a hole: the folio with a page */
void model_file_clear(struct model_file *file, unsigned long index)
{
	unsigned long nr = 1 << file->order;

	index = ALIGN_DOWN(index, nr);
	for (unsigned long i = index; i != index + nr; i++) {
		int frame = file->frame[i];

		file->frame[i] = -1;
		if (frame >= 0)
			frame_unmap(frame);
	}
}

long memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
		      struct folio **folios, unsigned int max, pgoff_t *offset)
{
	struct model_file *file = model_file_of(memfd);
	unsigned long index, last;
	unsigned int nr = 0;

	if (model_fault(MODEL_FAULT_PIN))
		return -ENOMEM;
	if (start < 0 || start > end ||
	    end >= (loff_t)file->npages << PAGE_SHIFT)
		return -EINVAL;
	index = start >> PAGE_SHIFT;
	last = end >> PAGE_SHIFT;
	while (nr != max && index <= last) {
		int frame = model_file_fault(file, index), folio;

		if (frame < 0)
			break;
		frame = file->frame[index];
		folio = model_frames[frame].folio;
		if (!nr)
			*offset = (unsigned long)(frame - folio) << PAGE_SHIFT;
		frame_pin(frame);
		folios[nr++] = (struct folio *)page_of_frame(folio);
		index += model_frames[folio].folio_pages - (frame - folio);
	}
	return nr ?: -ENOMEM;
}

/* dma-bufs */
static struct model_dmabuf *model_dmabuf_of(struct dma_buf *dmabuf)
{
	return container_of(dmabuf, struct model_dmabuf, dmabuf);
}

struct dma_buf *dma_buf_get(int fd)
{
	unsigned int nr = fd - MODEL_FD_DMABUF;

	if (nr >= MODEL_DMABUFS)
		return ERR_PTR(-EINVAL);
	get_dma_buf(&model_dmabufs[nr].dmabuf);
	return &model_dmabufs[nr].dmabuf;
}

void get_dma_buf(struct dma_buf *dmabuf)
{
	model_dmabuf_of(dmabuf)->refs++;
}

void dma_buf_put(struct dma_buf *dmabuf)
{
	MODEL_CHECK(model_dmabuf_of(dmabuf)->refs--, "a dma-buf is put too often");
}

struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *ops, void *priv)
{
	struct dma_buf_attachment *attach;

	if (model_dmabuf_of(dmabuf)->revoked)
		return ERR_PTR(-ENODEV);
	attach = kzalloc_obj(*attach);
	if (!attach)
		return ERR_PTR(-ENOMEM);
	attach->dmabuf = dmabuf;
	attach->importer_priv = priv;
	attach->importer_ops = ops;
	dma_resv_lock(dmabuf->resv, NULL);
	list_add_tail(&attach->node, &dmabuf->attachments);
	dma_resv_unlock(dmabuf->resv);
	attachments++;
	return attach;
}

void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	dma_resv_lock(dmabuf->resv, NULL);
	list_del(&attach->node);
	dma_resv_unlock(dmabuf->resv);
	kfree(attach);
	attachments--;
}

int iommufd_test_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				     struct phys_vec *phys)
{
	struct model_dmabuf *dmabuf = model_dmabuf_of(attach->dmabuf);

	if (dmabuf->revoked)
		return -ENODEV;
	phys->paddr = PFN_PHYS(dmabuf->pfn);
	phys->len = dmabuf->dmabuf.size;
	return 0;
}

int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				 struct phys_vec *phys)
{
	return -EOPNOTSUPP;
}

/* The exporter takes its memory back, or gives it out again */
void model_dmabuf_revoke(struct model_dmabuf *dmabuf, bool revoke)
{
	int frame = model_frame_of(dmabuf->pfn);
	struct dma_buf_attachment *attach;

	dma_resv_lock(&dmabuf->resv, NULL);
	dmabuf->revoked = revoke;
	if (revoke)
		list_for_each_entry(attach, &dmabuf->dmabuf.attachments, node)
			attach->importer_ops->invalidate_mappings(attach);
	for (unsigned int i = 0; i != MODEL_DMABUF_PAGES; i++) {
		/* Where the IOMMU driver does not unmap it, nobody can help it */
		MODEL_CHECK(!revoke || model_short ||
			    !model_frames[frame + i].reach,
			    "page %u of a dma-buf is revoked, and a device can reach it",
			    i);
		model_frames[frame + i].mmio_live = !revoke;
	}
	dma_resv_unlock(&dmabuf->resv);
}

/* What the test build hooks in */
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

struct model_device model_devices[MODEL_DEVICES] = {
	{
		.region = {
			{ .start = 0xfee00000, .length = SZ_1M,
			  .type = IOMMU_RESV_MSI },
			{ .start = 0x3c0000, .length = 8 * PAGE_SIZE,
			  .type = IOMMU_RESV_RESERVED },
		},
		.sw_msi_start = PHYS_ADDR_MAX,
	}, {
		.region = {
			{ .start = 0x8000000, .length = SZ_1M,
			  .type = IOMMU_RESV_SW_MSI },
			{ .start = 0x80000, .length = 4 * PAGE_SIZE,
			  .type = IOMMU_RESV_DIRECT_RELAXABLE },
			{ .start = 0x90000, .length = 4 * PAGE_SIZE,
			  .type = IOMMU_RESV_DIRECT },
		},
		.sw_msi_start = 0x8000000,
	},
};

void iommu_get_resv_regions(struct device *dev, struct list_head *regions)
{
	struct model_device *device =
		container_of(dev, struct model_device, device);

	for (unsigned int i = 0; i != MODEL_REGIONS; i++)
		if (device->region[i].length)
			list_add_tail(&device->region[i].list, regions);
}

void iommu_put_resv_regions(struct device *dev, struct list_head *regions)
{
	INIT_LIST_HEAD(regions);
}

static void frames_reset(void)
{
	unsigned int nr = 0;

	memset(model_pins, 0, sizeof(model_pins));
	for (unsigned int n = 0; n != ARRAY_SIZE(model_nodes); n++) {
		for (unsigned int i = 0; i != model_nodes[n].nr; i++, nr++)
			model_frames[nr] = (struct model_frame){
				.pfn = model_nodes[n].pfn + i,
				.folio = -1,
				.mmio = n == MODEL_NODE_MMIO,
				.mmio_live = n == MODEL_NODE_MMIO,
			};
	}
	alloc_next = model_setup.options & MODEL_HIGH_PFN ? 640 : 0;
	gup_turn = 0;
}

static void files_reset(void)
{
	for (unsigned int i = 0; i != MODEL_FILES; i++) {
		struct model_file *file = &model_files[i];

		*file = (struct model_file){};
		refcount_set(&file->file.refs, 1);
		file->file.f_mode = i == 1 ? FMODE_READ : FMODE_READ | FMODE_WRITE;
		file->file.f_mapping = &file->mapping;
		file->mapping.host = &file->inode;
		file->inode.shmem = i != 2;
		file->inode.huge = i == 2;
		file->npages = i == 1 ? MODEL_FILE_PAGES / 2 : MODEL_FILE_PAGES;
		file->order = model_setup.orders >> 2 * i & 3;
		if (file->inode.huge)
			file->order = PMD_SHIFT - PAGE_SHIFT;
		for (unsigned int k = 0; k != MODEL_FILE_PAGES; k++)
			file->frame[k] = -1;
	}
}

/*
 * Task 1 is in the inner one, task 2 in the outer one, that a user has made each. Between
 * them is one of root's.
 */
static struct user_namespace outer_ns, roots_ns, inner_ns;
static struct cred model_creds[MODEL_TASKS];
struct ucounts model_owners[MODEL_OWNED_NS];
struct ucounts model_ucounts[MODEL_TASKS];

bool model_task_in(unsigned int task, unsigned int ns)
{
	return task == 1 || (task == 2 && !ns);
}

unsigned long model_ns_limit(unsigned int ns)
{
	return (ns ? inner_ns : outer_ns).rlimit_max[UCOUNT_RLIMIT_MEMLOCK];
}

static void namespaces_reset(unsigned long memlock)
{
	struct user_namespace *const of_task[MODEL_TASKS] = {
		&init_user_ns, &inner_ns, &outer_ns,
	};
	bool any = memlock == ULONG_MAX;

	outer_ns = (struct user_namespace){
		.parent = &init_user_ns,
		.owner = KUIDT_INIT(5),
		.ucounts = &model_owners[0],
		.rlimit_max = { any ? LONG_MAX : memlock },
	};
	roots_ns = (struct user_namespace){
		.parent = &outer_ns,
		.owner = GLOBAL_ROOT_UID,
	};
	inner_ns = (struct user_namespace){
		.parent = &roots_ns,
		.owner = KUIDT_INIT(6),
		.ucounts = &model_owners[1],
		.rlimit_max = { any ? LONG_MAX : memlock - memlock / 4 },
	};
	memset(model_owners, 0, sizeof(model_owners));
	memset(model_ucounts, 0, sizeof(model_ucounts));
	for (unsigned int i = 0; i != MODEL_TASKS; i++) {
		model_creds[i] = (struct cred){
			.user = &model_users[i % MODEL_USERS],
			.user_ns = of_task[i],
			.ucounts = &model_ucounts[i],
		};
		refcount_set(&model_creds[i].usage, 1);
	}
}

static void tasks_reset(void)
{
	unsigned long memlock = model_setup.memlock == 255 ?
					ULONG_MAX :
					model_setup.memlock * PAGE_SIZE;

	for (unsigned int i = 0; i != MODEL_USERS; i++)
		model_users[i] = (struct user_struct){};
	for (unsigned int i = 0; i != MODEL_TASKS; i++) {
		struct model_mm *mm = &model_mms[i];
		struct task_struct *task = &model_tasks[i];

		*mm = (struct model_mm){};
		init_rwsem(&mm->mm.mmap_lock);
		refcount_set(&mm->mm.mm_users, 1);
		refcount_set(&mm->mm.mm_count, 1);
		for (unsigned int va = 0; va != MODEL_VA_PAGES; va++) {
			mm->va[va].frame = -1;
			mm->va[va].flags = MODEL_VA_MAPPED | MODEL_VA_WRITE;
		}
		*task = (struct task_struct){
			.mm = &mm->mm,
			.group_leader = task,
			.user = &model_users[i % MODEL_USERS],
			.memlock = memlock,
			.cred = &model_creds[i],
			.capable = i == 2 && (model_setup.options & MODEL_CAPABLE),
		};
		refcount_set(&task->usage, 1);
	}
	namespaces_reset(memlock);
	shim_set_current(&model_tasks[0]);
}

static void dmabufs_reset(void)
{
	for (unsigned int i = 0; i != MODEL_DMABUFS; i++) {
		struct model_dmabuf *dmabuf = &model_dmabufs[i];

		*dmabuf = (struct model_dmabuf){};
		dmabuf->dmabuf.size = MODEL_DMABUF_PAGES * PAGE_SIZE;
		dmabuf->dmabuf.resv = &dmabuf->resv;
		mutex_init(&dmabuf->resv.lock);
		INIT_LIST_HEAD(&dmabuf->dmabuf.attachments);
		dmabuf->pfn = model_frames[MODEL_MEMORY +
					   i * MODEL_DMABUF_PAGES].pfn;
	}
	attachments = 0;
}

/* A fresh machine, as model_setup says */
void model_machine_reset(void)
{
	iommufd_thresholds = model_setup.thresholds;
	frames_reset();
	files_reset();
	tasks_reset();
	dmabufs_reset();
}

/* Nothing is mapped any more: has all been given back? */
void model_machine_check_end(void)
{
	for (unsigned int i = 0; i != MODEL_FRAMES; i++) {
		MODEL_CHECK(!model_pins[i], "PFN 0x%lx stays pinned",
			    model_frames[i].pfn);
		MODEL_CHECK(!model_frames[i].reach, "PFN 0x%lx stays reachable",
			    model_frames[i].pfn);
	}
	for (unsigned int i = 0; i != MODEL_TASKS; i++) {
		struct mm_struct *mm = &model_mms[i].mm;

		MODEL_CHECK(refcount_read(&mm->mm_count) == 1 &&
			    refcount_read(&mm->mm_users) == 1,
			    "an address space is kept");
		MODEL_CHECK(refcount_read(&model_tasks[i].usage) == 1,
			    "a task is kept");
		MODEL_CHECK(!atomic64_read(&mm->pinned_vm) && !mm->locked_vm,
			    "a process stays charged");
		MODEL_CHECK(refcount_read(&model_creds[i].usage) == 1,
			    "credentials are kept");
	}
	for (unsigned int i = 0; i != MODEL_USERS; i++)
		MODEL_CHECK(!atomic_long_read(&model_users[i].locked_vm),
			    "a user stays charged");
	for (unsigned int i = 0; i != MODEL_FILES; i++)
		MODEL_CHECK(refcount_read(&model_files[i].file.refs) == 1 &&
			    !model_files[i].mapping.writers,
			    "a file is kept");
	for (unsigned int i = 0; i != MODEL_DMABUFS; i++)
		MODEL_CHECK(!model_dmabufs[i].refs, "a dma-buf is kept");
	MODEL_CHECK(!attachments, "a dma-buf stays attached");
}
