// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each thread does: random calls, on the same few IOVAs as all others. Any
 * result of a call is fine here, as somebody else may have come before; what the
 * machine finds is not, nor what is left when all threads have stopped.
 */
#include <uapi/linux/iommufd.h>

#include "area.h"
#include "charge.h"
#include "machine.h"
#include "threads.h"

#define NR_SPACES	2
#define MAX_THREADS	8

static struct io_pagetable spaces[NR_SPACES];
/* What IOAS_COPY and CHANGE_PROCESS are kept apart by */
static struct rw_semaphore process_lock;
static struct pin_budget budget;

/* A thread's domain, and its access: nobody else adds or removes them */
static struct worker {
	int domain_in;
	int access_in;
	struct iopgt_access access;
	struct mutex lock; /* protects the pin: the callback runs in any thread */
	bool pinned;
	bool stubborn;
	unsigned long iova;
	unsigned long length;
} workers[MAX_THREADS];
static unsigned int nr_workers;
static long objects;

static __thread unsigned long rng;
static __thread struct worker *me;

static unsigned int pick(unsigned int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 33) % n;
}

static unsigned long pick_iova(void)
{
	return pick(48) * PAGE_SIZE;
}

static unsigned long pick_length(void)
{
	return (1 + pick(pick(4) ? 4 : 16)) * PAGE_SIZE;
}

static int pick_prot(void)
{
	return IOMMU_READ | (pick(4) ? IOMMU_WRITE : 0);
}

static void map_user(struct io_pagetable *iopt)
{
	unsigned long iova = pick_iova();

	iopgt_map_user(iopt, &budget,
		       (void *)(VA_BASE + pick(VA_PAGES) * PAGE_SIZE),
		       pick_length(), &iova, pick_prot(),
		       pick(4) ? IOPGT_FIXED : IOPGT_AUTO);
}

static void map_file(struct io_pagetable *iopt)
{
	bool dmabuf = !pick(3);
	unsigned long iova = pick_iova();

	iopgt_map_file(iopt, &budget, dmabuf ? FD_DMABUF : FD_FILE + pick(NR_FILES),
		       NULL, pick(dmabuf ? MMIO_PAGES : FILE_PAGES) * PAGE_SIZE,
		       pick_length(), &iova, pick_prot(),
		       pick(4) ? IOPGT_FIXED : IOPGT_AUTO);
}

static void copy(struct io_pagetable *iopt)
{
	unsigned long iova = pick_iova();

	down_read(&process_lock);
	iopgt_copy(iopt, &spaces[pick(NR_SPACES)], pick_iova(), pick_length(),
		   &iova, pick_prot(), pick(4) ? IOPGT_FIXED : IOPGT_AUTO);
	up_read(&process_lock);
}

static void unmap(struct io_pagetable *iopt)
{
	unsigned long unmapped;

	if (!pick(64))
		iopgt_unmap_all(iopt, &unmapped);
	else if (pick(3))
		iopgt_unmap(iopt, pick_iova(), pick_length(), &unmapped);
	else
		iopgt_unmap(iopt, pick_iova(), 24 * PAGE_SIZE, &unmapped);
}

/* What may be slow to pin is pinned outside of locks */
static int add_domain(struct io_pagetable *iopt, struct iopgt_domain *member)
{
	int rc = iopgt_add_domain(iopt, member);

	if (rc != -EAGAIN)
		return rc;
	rc = iopgt_prepare(iopt);
	if (rc)
		return rc;
	rc = iopgt_add_domain(iopt, member);
	iopgt_unprepare(iopt);
	return rc;
}

static void domain(unsigned int space)
{
	struct iopgt_domain *member = &tables[me - workers].member;

	if (me - workers >= NR_DOMAINS)
		return;
	if (me->domain_in >= 0) {
		/* It is made anew where it is freed, too */
		if (pick(2))
			iopgt_free_domain(&spaces[me->domain_in], member);
		else
			iopgt_remove_domain(&spaces[me->domain_in], member);
		me->domain_in = -1;
	} else if (!add_domain(&spaces[space], member)) {
		me->domain_in = space;
	}
}

static void unpin_locked(struct worker *w)
{
	w->pinned = false;
	if (!iopgt_unpin(&spaces[w->access_in], &w->access, w->iova, w->length))
		shim_panic("what is pinned cannot be unpinned");
}

static void access_unmap(struct iopgt_access *access, unsigned long iova,
			 unsigned long length)
{
	struct worker *w = container_of(access, struct worker, access);

	guard(mutex)(&w->lock);
	if (w->pinned && !w->stubborn && w->iova <= iova + (length - 1) &&
	    iova <= w->iova + (w->length - 1))
		unpin_locked(w);
}

static void access(unsigned int space)
{
	if (me->access_in < 0) {
		me->access.alignment = PAGE_SIZE;
		me->access.unmap = access_unmap;
		me->stubborn = !pick(3);
		if (!iopgt_add_access(&spaces[space], &me->access))
			me->access_in = space;
		return;
	}
	scoped_guard(mutex, &me->lock)
		if (me->pinned)
			unpin_locked(me);
	if (pick(2))
		return;
	iopgt_remove_access(&spaces[me->access_in], &me->access);
	me->access_in = -1;
}

static void pin(void)
{
	struct page *pages[16];
	unsigned long iova = pick_iova(), length = pick_length();

	if (me->access_in < 0)
		return;
	guard(mutex)(&me->lock);
	if (me->pinned) {
		unpin_locked(me);
	} else if (!iopgt_pin(&spaces[me->access_in], &me->access, iova,
			      length, pages, pick(2))) {
		me->pinned = true;
		me->iova = iova;
		me->length = length;
	}
}

static void look(struct io_pagetable *iopt)
{
	static __thread char data[4 * PAGE_SIZE];
	unsigned long length;
	phys_addr_t phys;

	unsigned long iova = pick_iova();
	unsigned int flags = pick(2);

	if (pick(2)) {
		iopgt_lookup_phys(iopt, iova, pick_length(), &phys, &length);
		return;
	}
	length = 1 + pick(sizeof(data));
	if (iopgt_rw(iopt, iova, data, length, flags) == -EAGAIN)
		iopgt_rw_slowly(iopt, iova, data, length, flags);
}

static void dirty(void)
{
	struct iommu_domain *domain;
	u64 bits[2] = {};
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.iova = pick_iova(), .length = pick_length(),
		.page_size = PAGE_SIZE, .data = (uintptr_t)bits,
	};

	if (me->domain_in < 0)
		return;
	domain = &tables[me - workers].domain;
	if (!pick(4)) {
		iopgt_set_dirty_tracking(&spaces[me->domain_in], domain,
					 pick(2));
		return;
	}
	bitmap_vma.vm_start = (unsigned long)bits;
	bitmap_vma.vm_end = (unsigned long)(bits + 2);
	bitmap_vma.vm_flags = VM_WRITE;
	iopgt_read_dirty(&spaces[me->domain_in], domain,
			 pick(2) ? IOMMU_DIRTY_NO_CLEAR : 0, &cmd);
}

static void ranges(struct io_pagetable *iopt)
{
	unsigned long first = pick_iova();
	struct iommu_iova_range range = {
		.start = first, .last = first + 32 * PAGE_SIZE - 1,
	};
	unsigned long at = pick_iova();

	switch (pick(5)) {
	case 0:
		if (!iopgt_reserve(iopt, first, first + PAGE_SIZE - 1, me))
			iopgt_unreserve(iopt, me);
		return;
	case 1:
		iopgt_set_allowed(iopt, &range, pick(2));
		return;
	case 2:
		iopgt_set_huge_pages(iopt, pick(2));
		return;
	default:
		iopgt_cut(iopt, &at, 1);
		return;
	}
}

static void change_process(void)
{
	struct pages_move move = {};
	int rc = 0;

	down_write(&process_lock);
	pin_payer_init(&move.payer, &budget);
	for (unsigned int i = 0; i != NR_SPACES && !rc; i++)
		rc = iopgt_move_all(&spaces[i], &move);
	pages_move_end(&move, !rc);
	up_write(&process_lock);
	pin_payer_release(&move.payer);
}

static void other(void)
{
	switch (pick(3)) {
	case 0:
		dmabuf_revoke(pick(2));
		return;
	case 1:
		change_process();
		return;
	default:
		shim_set_current(&tasks[pick(NR_TASKS)]);
		return;
	}
}

void threads_work(unsigned int thread, unsigned long seed, unsigned int ops)
{
	me = &workers[thread];
	rng = (seed * MAX_THREADS + thread) * 0x9e3779b97f4a7c15UL + 1;
	shim_set_current(&tasks[thread % NR_TASKS]);
	while (ops--) {
		unsigned int space = pick(4) == 0;
		struct io_pagetable *iopt = &spaces[space];

		switch (pick(32)) {
		case 0 ... 5:
			map_user(iopt);
			break;
		case 6 ... 9:
			map_file(iopt);
			break;
		case 10 ... 13:
			copy(iopt);
			break;
		case 14 ... 20:
			unmap(iopt);
			break;
		case 21:
			domain(space);
			break;
		case 22:
			access(space);
			break;
		case 23 ... 25:
			pin();
			break;
		case 26 ... 27:
			look(iopt);
			break;
		case 28 ... 29:
			dirty();
			break;
		case 30:
			ranges(iopt);
			break;
		default:
			other();
			break;
		}
	}
}

void threads_begin(unsigned long seed, unsigned int nr_threads)
{
	objects = shim_allocated();
	machine_reset(seed & 1);
	budget.by_process = seed & 2;
	nr_workers = nr_threads;
	init_rwsem(&process_lock);
	for (unsigned int i = 0; i != NR_SPACES; i++)
		iopgt_init(&spaces[i]);
	for (unsigned int i = 0; i != MAX_THREADS; i++) {
		workers[i].domain_in = -1;
		workers[i].access_in = -1;
		workers[i].pinned = false;
		mutex_init(&workers[i].lock);
	}
}

/* All domains of a space show each area, and nothing but areas */
static void check_space(struct io_pagetable *iopt)
{
	struct iopgt_domain *member, *first;
	unsigned long mapped = 0;
	struct iopgt_area *area;

	if (iopt->leaving)
		shim_panic("IOVAs are left as leaving");
	for_each_area(area, iopt) {
		if (!area_is_live(area))
			shim_panic("an area is nobody's and not live");
		for (unsigned long at = area->node.first; at < area->node.last;
		     at += PAGE_SIZE) {
			if (list_empty(&iopt->domains))
				break;
			first = list_first_entry(&iopt->domains,
						 struct iopgt_domain, link);
			list_for_each_entry(member, &iopt->domains, link)
				if (table_entry((struct table *)member->domain, at) !=
				    table_entry((struct table *)first->domain, at))
					shim_panic("domains differ at 0x%lx", at);
			if (table_entry((struct table *)first->domain, at))
				mapped++;
			else if (area->pages->type != PAGES_DMABUF)
				shim_panic("nothing is mapped at 0x%lx", at);
		}
	}
	list_for_each_entry(member, &iopt->domains, link) {
		unsigned long entries = 0;

		for (unsigned long i = 0; i != IOVA_PAGES; i++) {
			u32 entry = table_entry((struct table *)member->domain,
						i * PAGE_SIZE);

			entries += !!entry;
			if (entry & ENTRY_STALE)
				shim_panic("the IOTLB is not flushed at 0x%lx",
					   i * PAGE_SIZE);
		}
		if (entries != mapped)
			shim_panic("%lu pages are mapped in a domain, not %lu",
				   entries, mapped);
	}
}

/* When nobody does anything */
void threads_check(void)
{
	long paid = 0;

	for (unsigned int i = 0; i != NR_SPACES; i++)
		check_space(&spaces[i]);
	for (unsigned int i = 0; i != NR_TASKS; i++)
		paid += atomic64_read(&mms[i].pinned_vm);
	if (paid != machine_pins())
		shim_panic("%ld pages are paid for, and %ld are pinned", paid,
			   machine_pins());
}

void threads_end(void)
{
	for (unsigned int i = 0; i != MAX_THREADS; i++) {
		me = &workers[i];
		if (me->pinned)
			unpin_locked(me);
		if (me->access_in >= 0)
			iopgt_remove_access(&spaces[me->access_in], &me->access);
		if (me->domain_in >= 0)
			iopgt_remove_domain(&spaces[me->domain_in],
					    &tables[i].member);
	}
	for (unsigned int i = 0; i != NR_SPACES; i++)
		iopgt_destroy(&spaces[i]);
	machine_check_end();
	if (shim_allocated() != objects)
		shim_panic("%ld objects are left", shim_allocated() - objects);
}

void threads_start(void)
{
	if (iopgt_module_init())
		shim_panic("no memory");
}
