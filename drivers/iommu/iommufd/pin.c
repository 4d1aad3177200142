// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Memory sources
 *
 * User memory and memfds hand out runs of pinned pages, in bounded batches, and
 * take them back. Each page holds exactly one pin (FOLL_PIN) from the moment its
 * run is in the store until it is given back, whatever the size of its folio.
 *
 * The caller accounts for the pages, and sees to it that a range is not pinned
 * twice. Nothing here knows of users, IOVAs or domains.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "pin.h"
#include "test_hooks.h"
#include "thresholds.h"

/* Pages asked for at once: on the stack for small ranges, else in a page */
#define PIN_STACK_MAX		16
#define PIN_STACK_PAGES		iommufd_threshold(pin_stack_pages, PIN_STACK_MAX)
#define PIN_BATCH_PAGES							\
	iommufd_threshold(pin_batch_pages, PAGE_SIZE / sizeof(struct page *))

/* Pages given back before others want the CPU */
#define PIN_RELEASE_PAGES						\
	iommufd_threshold(pin_release_pages, (unsigned long)SZ_64M >> PAGE_SHIFT)

/**
 * struct pin_batch - room for pointers to pages, or folios
 * @stack: used where it is enough, or there is no memory for more
 * @ptr: the pointers
 * @nr: how many there is room for
 */
struct pin_batch {
	void *stack[PIN_STACK_MAX];
	void **ptr;
	unsigned long nr;
};

static void pin_batch_init(struct pin_batch *batch, unsigned long npages)
{
	batch->ptr = batch->stack;
	batch->nr = PIN_STACK_PAGES;
	if (npages > PIN_STACK_PAGES) {
		void **ptr = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

		if (ptr) {
			batch->ptr = ptr;
			batch->nr = PIN_BATCH_PAGES;
		}
	}
	batch->nr = clamp(iommufd_test_memory_limit() / sizeof(void *), 1UL,
			  batch->nr);
}

static void pin_batch_free(struct pin_batch *batch)
{
	if (batch->ptr != batch->stack)
		kfree(batch->ptr);
}

/*
 * Neighbouring page frames have neighbouring struct pages, but for sparse
 * memory without a virtual memmap: there a section is the limit.
 */
static bool pin_memmap_is_linear(void)
{
	return !IS_ENABLED(CONFIG_SPARSEMEM) ||
	       IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP);
}

/* How many of the pages follow the first one in physical memory */
static unsigned long pin_run_length(struct page **pages, unsigned long nr)
{
	struct page *first = pages[0];
	unsigned long n = 1;

	if (pin_memmap_is_linear()) {
		while (n != nr && pages[n] == first + n)
			n++;
	} else {
		unsigned long pfn = page_to_pfn(first);

		while (n != nr && page_to_pfn(pages[n]) == pfn + n)
			n++;
	}
	return n;
}

/* On failure all of the pages are unpinned that did not get into the store */
static int pin_store_pages(struct page **pages, unsigned long nr,
			   struct pfn_store *store)
{
	unsigned long i = 0;

	while (i != nr) {
		unsigned long n = pin_run_length(pages + i, nr - i);
		unsigned long before = store->npages;
		int rc = pfn_store_append(store, page_to_pfn(pages[i]), n);

		if (unlikely(rc)) {
			i += store->npages - before;
			unpin_user_pages(pages + i, nr - i);
			return rc;
		}
		i += n;
	}
	return 0;
}

static long pin_remote(struct mm_struct *mm, unsigned long uaddr,
		       unsigned long nr, unsigned int gup_flags,
		       struct page **pages)
{
	int locked = 1;
	long got;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	if (mmap_read_lock_killable(mm)) {
		mmput(mm);
		return -EINTR;
	}
	got = pin_user_pages_remote(mm, uaddr, nr, gup_flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	mmput(mm);
	return got;
}

/* A module cannot read page tables everywhere: what it takes is not exported */
#if defined(CONFIG_HAVE_GUP_FAST) && defined(CONFIG_PGTABLE_HAS_HUGE_LEAVES) && \
	(IS_BUILTIN(CONFIG_IOMMUFD) ||                                          \
	 !(defined(CONFIG_PPC64) || defined(CONFIG_MIPS)))

/* Pinned as huge pages without a pause */
#define PIN_HUGE_PAGES							\
	iommufd_threshold(pin_huge_pages, SZ_1G >> PAGE_SHIFT)

/* GUP would take any page of such an entry: nothing is to be unshared before */
static bool pin_pmd_is_huge(pmd_t pmd)
{
	return pmd_present(pmd) && pmd_leaf(pmd) && !pmd_protnone(pmd) &&
	       !pmd_special(pmd) && pmd_access_permitted(pmd, true);
}

static bool pin_pud_is_huge(pud_t pud)
{
	return pud_leaf(pud) && !pud_special(pud) &&
	       pud_access_permitted(pud, true);
}

/*
 * If one huge entry maps @page, which is pinned, at @uaddr: its size, else that of
 * a page. The page table is read as GUP-fast reads it: interrupts are off, so no
 * table is freed meanwhile.
 */
static unsigned long pin_entry_size(unsigned long uaddr, struct page *page)
{
	pgd_t *pgdp = pgd_offset(current->mm, uaddr), pgd = pgdp_get(pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	if (!pgd_present(pgd))
		return PAGE_SIZE;
	p4dp = p4d_offset_lockless(pgdp, pgd, uaddr);
	p4d = p4dp_get(p4dp);
	if (!p4d_present(p4d))
		return PAGE_SIZE;
	pudp = pud_offset_lockless(p4dp, p4d, uaddr);
	pud = pudp_get(pudp);
	if (!pud_present(pud))
		return PAGE_SIZE;
	if (pin_pud_is_huge(pud) &&
	    pud_page(pud) + ((uaddr & ~PUD_MASK) >> PAGE_SHIFT) == page)
		return PUD_SIZE;
	if (pud_leaf(pud))
		return PAGE_SIZE;
	pmd = pmdp_get_lockless(pmd_offset_lockless(pudp, pud, uaddr));
	if (pin_pmd_is_huge(pmd) &&
	    pmd_page(pmd) + ((uaddr & ~PMD_MASK) >> PAGE_SHIFT) == page)
		return PMD_SIZE;
	return PAGE_SIZE;
}

#else
#define PIN_HUGE_PAGES		0

static unsigned long pin_entry_size(unsigned long uaddr, struct page *page)
{
	return PAGE_SIZE;
}
#endif

/* How many pages, from @page on, the entry maps that maps it at @uaddr */
static unsigned long pin_entry_pages(unsigned long uaddr, struct page *page)
{
	unsigned long size;

	scoped_guard(irq)
		size = pin_entry_size(uaddr, page);
	return (size - (uaddr & (size - 1))) >> PAGE_SHIFT;
}

/*
 * Pin the huge pages that are there from @uaddr on. GUP takes one page of each.
 * With that pin, neither can its folio be split nor will a fork share it, and the
 * entry, if it is huge, says what else there is of it now: the others only add to
 * the pins. Returns how many pages were pinned, up to a place where no huge one can
 * begin; or an errno.
 */
static long pin_huge_pages(unsigned long uaddr, unsigned long npages,
			   unsigned int gup_flags, struct pfn_store *store)
{
	unsigned long done = 0, before, n;
	struct page *page;
	int rc;

	do {
		/* What cannot be had at once is asked for bit by bit */
		if (iommufd_should_fail() ||
		    pin_user_pages_fast(uaddr, 1, gup_flags | FOLL_NOFAULT,
					&page) != 1)
			break;
		iommufd_test_linger();
		n = min(pin_entry_pages(uaddr, page), npages - done);
		if (n > 1 && folio_add_pins(page_folio(page), n - 1))
			n = 1;
		before = store->npages;
		rc = pfn_store_append(store, page_to_pfn(page), n);
		if (rc) {
			unpin_user_folio(page_folio(page),
					 n - (store->npages - before));
			return rc;
		}
		done += n;
		uaddr += n * PAGE_SIZE;
	} while (done != npages && IS_ALIGNED(uaddr, PMD_SIZE));
	return done;
}

/**
 * struct pin_huge - whether to look for huge pages
 * @pause: batches to pin without doing so
 * @misses: how many that were after the last failure
 */
struct pin_huge {
	unsigned int pause;
	unsigned int misses;
};

/* Where there are none, looking for them must not become a cost */
#define PIN_HUGE_MAX_PAUSE	iommufd_threshold(pin_huge_max_pause, 63U)

static long pin_huge_batch(struct pin_huge *huge, struct mm_struct *mm,
			   unsigned long uaddr, unsigned long npages,
			   unsigned int gup_flags, struct pfn_store *store)
{
	long got;

	if (!PIN_HUGE_PAGES || npages <= PIN_STACK_PAGES || mm != current->mm)
		return 0;
	if (huge->pause) {
		huge->pause--;
		return 0;
	}
	got = pin_huge_pages(uaddr, min_t(unsigned long, npages, PIN_HUGE_PAGES),
			     gup_flags, store);
	if (got > 1)
		huge->misses = 0;
	else
		huge->misses = min(2 * huge->misses + 1, PIN_HUGE_MAX_PAUSE);
	huge->pause = huge->misses;
	return got;
}

static long pin_user_batch(struct mm_struct *mm, unsigned long uaddr,
			   unsigned long nr, unsigned int gup_flags,
			   struct page **pages)
{
	if (iommufd_should_fail())
		return -EFAULT;
	/* The next one is to begin where a huge page may */
	nr = min(nr, (PMD_SIZE - (uaddr & ~PMD_MASK)) >> PAGE_SHIFT);
	if (likely(mm == current->mm))
		return pin_user_pages_fast(uaddr, nr, gup_flags, pages);
	return pin_remote(mm, uaddr, nr, gup_flags, pages);
}

static int pin_user_page(unsigned long uaddr, unsigned int gup_flags,
			 struct pfn_store *store)
{
	struct page *page;
	long got;
	int rc;

	if (iommufd_should_fail())
		return -EFAULT;
	got = pin_user_pages_fast(uaddr, 1, gup_flags, &page);
	if (unlikely(got != 1))
		return got ? got : -EFAULT;
	rc = pfn_store_append(store, page_to_pfn(page), 1);
	if (unlikely(rc))
		unpin_user_page(page);
	return rc;
}

/* Between two batches of a long pin: may it go on? */
static int pin_pause(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/**
 * pin_user_memory() - Pin a range of a process's memory
 * @mm: the address space, grabbed; need not be current's
 * @uaddr: page aligned address
 * @npages: pages, not 0
 * @write: pin for writing by a device
 * @store: gets the runs appended
 *
 * Context: may sleep, takes @mm's mmap_lock. Killable.
 * Return: 0; -EFAULT where the range is not all mapped, its protection forbids
 * it, or the process is gone; -ENOMEM; -EINTR if killed; other errors of GUP.
 * What has been pinned until then is in @store, and stays pinned.
 */
int pin_user_memory(struct mm_struct *mm, unsigned long uaddr,
		    unsigned long npages, bool write, struct pfn_store *store)
{
	unsigned int gup_flags = FOLL_LONGTERM | (write ? FOLL_WRITE : 0);
	struct pin_batch batch __uninitialized;
	struct pin_huge huge = {};
	long got;
	int rc = 0;

	/* What a vIOMMU does all the time */
	if (npages == 1 && mm == current->mm)
		return pin_user_page(uaddr, gup_flags, store);

	pin_batch_init(&batch, npages);
	while (npages) {
		struct page **pages = (struct page **)batch.ptr;

		got = pin_huge_batch(&huge, mm, uaddr, npages, gup_flags,
				     store);
		if (!got) {
			got = pin_user_batch(mm, uaddr, min(npages, batch.nr),
					     gup_flags, pages);
			if (!got)
				got = -EFAULT;
			if (got > 0)
				rc = pin_store_pages(pages, got, store);
		}
		if (got < 0)
			rc = got;
		if (rc)
			break;
		uaddr += got * PAGE_SIZE;
		npages -= got;
		if (npages) {
			rc = pin_pause();
			if (rc)
				break;
		}
	}
	pin_batch_free(&batch);
	return rc;
}

/**
 * pin_file_is_memory() - Is it a file that pin_file_memory() can pin?
 * @file: any file
 *
 * The operations of the file decide, as in memfd_pin_folios(): the filesystem
 * may also hold device nodes, FIFOs and sockets.
 *
 * Return: true for memfds, shmem and hugetlbfs files.
 */
bool pin_file_is_memory(struct file *file)
{
	return shmem_file(file) || is_file_hugepages(file);
}

/* The seals of a memfd, as fcntl(F_GET_SEALS) says; 0 for other files */
static unsigned int pin_file_seals(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (shmem_file(file))
		return READ_ONCE(SHMEM_I(inode)->seals);
#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file))
		return READ_ONCE(HUGETLBFS_I(inode)->seals);
#endif
	return 0;
}

/**
 * pin_file_may_read() - May a device read a file?
 * @file: pin_file_is_memory()
 *
 * A mapping needs a file that was opened for reading even if it only writes:
 * that is what mmap() asks for.
 *
 * Return: 0, or -EPERM where @file was not opened for reading.
 */
int pin_file_may_read(struct file *file)
{
	return file->f_mode & FMODE_READ ? 0 : -EPERM;
}

/**
 * pin_file_allow_writing() - Let a device write to a file
 * @file: pin_file_is_memory()
 *
 * As a shared mapping with PROT_WRITE would do: until pin_file_end_writing() the
 * file cannot be sealed against it.
 *
 * Return: 0, or -EPERM where @file was not opened for writing, or is sealed.
 */
int pin_file_allow_writing(struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE) ||
	    (pin_file_seals(file) & F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return mapping_map_writable(file->f_mapping);
}

/**
 * pin_file_end_writing() - Undo pin_file_allow_writing()
 * @file: the file, with nothing pinned for writing any more
 */
void pin_file_end_writing(struct file *file)
{
	mapping_unmap_writable(file->f_mapping);
}

/* On failure the run is what did not get into the store */
static int pin_store_run(struct pfn_store *store, struct pfn_run *run)
{
	unsigned long before = store->npages, stored;
	int rc = pfn_store_append(store, run->pfn, run->npages);

	if (rc) {
		stored = store->npages - before;
		run->pfn += stored;
		run->npages -= stored;
	}
	return rc;
}

/*
 * memfd_pin_folios() pins a folio once, whatever part of it is wanted. Here
 * each page holds its own pin, so that any part can be given back. On failure
 * all is unpinned that did not get into the store, and @npages is not valid.
 */
static int pin_store_folios(struct folio **folios, long nr, size_t offset,
			    unsigned long *npages, struct pfn_store *store)
{
	unsigned long skip = offset >> PAGE_SHIFT, left = *npages;
	struct pfn_run run = {};
	int rc = 0;
	long i;

	for (i = 0; i != nr && left; i++, skip = 0) {
		unsigned long n = min(folio_nr_pages(folios[i]) - skip, left);
		unsigned long pfn = folio_pfn(folios[i]) + skip;

		if (n > 1) {
			rc = folio_add_pins(folios[i], n - 1);
			if (rc)
				break;
		}
		left -= n;
		if (pfn == run.pfn + run.npages && pin_memmap_is_linear() &&
		    run.npages + n <= PFN_RUN_MAX_PAGES) {
			run.npages += n;
			continue;
		}
		if (run.npages) {
			rc = pin_store_run(store, &run);
			if (rc) {
				unpin_user_folio(folios[i++], n);
				break;
			}
		}
		run.pfn = pfn;
		run.npages = n;
	}
	if (!rc && run.npages)
		rc = pin_store_run(store, &run);
	if (rc && run.npages)
		unpin_user_page_range_dirty_lock(pfn_to_page(run.pfn),
						 run.npages, false);
	for (; i != nr; i++)
		unpin_user_folio(folios[i], 1);
	*npages = left;
	return rc;
}

/**
 * pin_file_memory() - Pin a range of a memfd's memory
 * @file: memfd, shmem or hugetlbfs file
 * @first: index of the first page
 * @npages: pages, not 0
 * @store: gets the runs appended
 *
 * Pages that the file does not have yet are allocated.
 *
 * Context: may sleep. Killable.
 * Return: 0; -EINVAL where the range is not inside of the file, or the file is
 * of another kind; -ENOMEM; -EINTR if killed. What has been pinned until then is
 * in @store, and stays pinned.
 */
int pin_file_memory(struct file *file, unsigned long first,
		    unsigned long npages, struct pfn_store *store)
{
	struct pin_batch batch __uninitialized;
	int rc = 0;

	pin_batch_init(&batch, npages);
	while (npages) {
		struct folio **folios = (struct folio **)batch.ptr;
		unsigned long before = npages;
		pgoff_t offset = 0;
		long got;

		if (iommufd_should_fail()) {
			rc = -ENOMEM;
			break;
		}
		got = memfd_pin_folios(file, (loff_t)first << PAGE_SHIFT,
				       ((loff_t)(first + npages) << PAGE_SHIFT) - 1,
				       folios, batch.nr, &offset);
		if (got <= 0) {
			rc = got ? got : -EFAULT;
			break;
		}
		rc = pin_store_folios(folios, got, offset, &npages, store);
		if (rc)
			break;
		first += before - npages;
		if (npages) {
			rc = pin_pause();
			if (rc)
				break;
		}
	}
	pin_batch_free(&batch);
	return rc;
}

/**
 * pin_release_runs() - Unpin pages of a store
 * @store: runs that pin_user_memory() or pin_file_memory() pinned
 * @first: index of the first page in @store
 * @npages: pages
 * @dirty: a device may have written to them
 *
 * The store keeps its runs; the caller sees to it that none of the pages is
 * given back twice.
 *
 * Context: may sleep.
 */
void pin_release_runs(const struct pfn_store *store, unsigned long first,
		      unsigned long npages, bool dirty)
{
	struct pfn_cursor cursor;
	struct pfn_run run;

	if (!store->nr_chunks && npages <= PIN_RELEASE_PAGES &&
	    pin_memmap_is_linear()) {
		struct page *page =
			pfn_to_page(pfn_run_first(store->tail) + first);

		unpin_user_page_range_dirty_lock(page, npages, dirty);
		return;
	}

	pfn_cursor_seek(&cursor, store, first, npages);
	while (pfn_cursor_next(&cursor, &run)) {
		while (run.npages) {
			unsigned long n = min(run.npages, PIN_RELEASE_PAGES);

#if defined(CONFIG_SPARSEMEM) && !defined(CONFIG_SPARSEMEM_VMEMMAP)
			n = min(n, PAGES_PER_SECTION -
				   (run.pfn & (PAGES_PER_SECTION - 1)));
#endif
			unpin_user_page_range_dirty_lock(pfn_to_page(run.pfn),
							 n, dirty);
			run.pfn += n;
			run.npages -= n;
			cond_resched();
		}
	}
}

/**
 * pin_one_page() - Pin a page for the time of a copy
 * @mm: the address space, grabbed
 * @uaddr: address in the page
 * @write: it will be written to
 *
 * Context: may sleep.
 * Return: the page, to be given to unpin_user_page(); or ERR_PTR() as
 * pin_user_memory().
 */
struct page *pin_one_page(struct mm_struct *mm, unsigned long uaddr, bool write)
{
	unsigned int gup_flags = write ? FOLL_WRITE : 0;
	struct page *page;
	long got;

	if (iommufd_should_fail())
		return ERR_PTR(-EFAULT);
	iommufd_test_pin_begin();
	got = pin_remote(mm, uaddr & PAGE_MASK, 1, gup_flags, &page);
	iommufd_test_pin_end();
	if (got != 1)
		return ERR_PTR(got ? got : -EFAULT);
	return page;
}

/**
 * pin_one_file_page() - Pin a page of a memfd for the time of a copy
 * @file: the memfd
 * @index: index of the page
 *
 * Context: may sleep.
 * Return: the page, to be given to unpin_user_page(); or ERR_PTR() as
 * pin_file_memory().
 */
struct page *pin_one_file_page(struct file *file, unsigned long index)
{
	loff_t start = (loff_t)index << PAGE_SHIFT;
	struct folio *folio;
	pgoff_t offset = 0;
	long got;

	if (iommufd_should_fail())
		return ERR_PTR(-ENOMEM);
	iommufd_test_pin_begin();
	got = memfd_pin_folios(file, start, start + PAGE_SIZE - 1, &folio, 1,
			       &offset);
	iommufd_test_pin_end();
	if (got != 1)
		return ERR_PTR(got ? got : -EFAULT);
	return folio_page(folio, offset >> PAGE_SHIFT);
}
