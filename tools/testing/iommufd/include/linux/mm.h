/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages, by number: no struct page is ever looked into. */
#ifndef _SHIM_MM_H
#define _SHIM_MM_H

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)	ALIGN(x, PAGE_SIZE)
#define PAGE_ALIGNED(x)	IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
#define PFN_UP(x)	(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)	((x) >> PAGE_SHIFT)
#define PFN_PHYS(x)	((phys_addr_t)(x) << PAGE_SHIFT)
#define PHYS_PFN(x)	((unsigned long)((x) >> PAGE_SHIFT))
/* A program may have smaller ones */
#ifndef PMD_SHIFT
#define PMD_SHIFT	21
#define PUD_SHIFT	30
#endif
#define PMD_SIZE	(1UL << PMD_SHIFT)
#define PMD_MASK	(~(PMD_SIZE - 1))
#define PUD_SIZE	(1UL << PUD_SHIFT)
#define PUD_MASK	(~(PUD_SIZE - 1))
#define TASK_SIZE_MAX	((1UL << 47) - PAGE_SIZE)
#define untagged_addr(a)		(a)
#define untagged_addr_remote(mm, a)	((void)(mm), a)

struct page { unsigned long memory[8]; };
struct folio { struct page page; };

#define SHIM_VMEMMAP		0x100000000000UL

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return (struct page *)SHIM_VMEMMAP + pfn;
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return page - (const struct page *)SHIM_VMEMMAP;
}

#define page_to_phys(page)	PFN_PHYS(page_to_pfn(page))
#define nth_page(page, n)	((page) + (n))

/* What is in a page is its environment's business */
void memcpy_to_page(struct page *page, size_t offset, const void *from,
		    size_t len);
void memcpy_from_page(void *to, struct page *page, size_t offset, size_t len);
void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages,
				      bool dirty);
void unpin_user_pages(struct page **pages, unsigned long npages);
void unpin_user_page(struct page *page);
int pin_user_pages_fast(unsigned long start, int nr, unsigned int flags,
			struct page **pages);
long pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
			   unsigned long nr, unsigned int flags,
			   struct page **pages, int *locked);
#define FOLL_WRITE	1
#define FOLL_LONGTERM	0x100
#define FOLL_NOFAULT	0x200

/* Folios; one pin of each page */
struct folio *page_folio(struct page *page);
unsigned long folio_pfn(struct folio *folio);
unsigned long folio_nr_pages(struct folio *folio);
#define folio_page(folio, n)	nth_page(&(folio)->page, n)
int folio_add_pins(struct folio *folio, unsigned int pins);
void unpin_user_folio(struct folio *folio, unsigned long npages);

#define kmap_local_page(page)	shim_kmap(page)
#define kunmap_local(p)		((void)(p))
void *shim_kmap(struct page *page);

typedef unsigned long pgprot_t;
struct file;
struct vm_area_struct;
struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	int (*may_split)(struct vm_area_struct *vma, unsigned long addr);
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	pgprot_t vm_page_prot;
	struct file *vm_file;
	void *vm_private_data;
	const struct vm_operations_struct *vm_ops;
};

#define VM_READ		0x1ul
#define VM_WRITE	0x2ul
#define VM_EXEC		0x4ul
#define VM_SHARED	0x8ul
#define VM_MAYREAD	0x10ul
#define VM_MAYWRITE	0x20ul
#define VM_MAYEXEC	0x40ul
#define VM_GROWSDOWN	0x100ul
#define VM_PFNMAP	0x400ul
#define VM_IO		0x4000ul
#define VM_DONTCOPY	0x20000ul
#define VM_DONTEXPAND	0x40000ul
#define VM_DONTDUMP	0x4000000ul
#define vm_flags_set(vma, set)		((vma)->vm_flags |= (set))
#define vm_flags_mod(vma, set, clear) \
	((vma)->vm_flags = ((vma)->vm_flags | (set)) & ~(clear))
#define pgprot_noncached(prot)		(prot)
#define pgprot_writecombine(prot)	(prot)
#define page_is_ram(pfn)		((void)(pfn), 0)
#define pfn_valid(pfn)			((void)(pfn), 0)

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);
int io_remap_pfn_range(struct vm_area_struct *vma, unsigned long addr,
		       unsigned long pfn, unsigned long size, pgprot_t prot);

#endif
