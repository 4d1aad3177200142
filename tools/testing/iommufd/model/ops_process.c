// SPDX-License-Identifier: GPL-2.0-only
/* Operations beside the mapping: dirty tracking, revocation, processes, memory. */
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "ops.h"

#define DIRTY_BITS	4096

/* Dirty tracking */
static bool tracks(const struct model_domain *d, const struct model_leaf *leaf)
{
	const struct ref_area *area = ref_area_at(&ref_spaces[d->space],
						  leaf->iova);

	return area && area->range->type != PAGES_DMABUF;
}

/* What was cleared is set by the next write only if the IOTLB has it no more */
static void check_dirty_is_flushed(const struct model_domain *d)
{
	for (unsigned int i = 0; i != d->nr; i++)
		MODEL_CHECK(!d->leaf[i].cached_dirty,
			    "0x%lx is cleared, and dirty in the IOTLB",
			    d->leaf[i].iova);
}

void op_track_dirty(unsigned int domain, bool enable)
{
	struct model_domain *d = &model_domains[domain];
	int rc;

	OP("(%u, %d)", domain, enable);
	rc = iopgt_set_dirty_tracking(&ref_spaces[d->space].iopt, &d->domain,
				      enable);
	check_dirty_is_flushed(d);
	if (ref_settle(0, rc)) {
		MODEL_CHECK(d->tracking == enable, "tracking is not as asked for");
		for (unsigned int i = 0; i != d->nr && enable; i++)
			MODEL_CHECK(!d->leaf[i].dirty || !tracks(d, &d->leaf[i]),
				    "0x%lx is dirty from before", d->leaf[i].iova);
	}
	op_end(rc);
}

/* A device writes to all that it may in a range */
void op_device_write(unsigned int domain, unsigned long iova,
		     unsigned long length)
{
	struct model_domain *d = &model_domains[domain];
	unsigned int i = model_find_leaf(d, iova);

	OP("(%u, 0x%lx, 0x%lx)", domain, iova, length);
	for (; d->tracking && i != d->nr && d->leaf[i].iova >= iova &&
	     d->leaf[i].iova - iova < length; i++)
		if (d->leaf[i].prot & IOMMU_WRITE)
			d->leaf[i].dirty = true;
	op_end(0);
}

static void expect_dirty(const struct model_domain *d, unsigned long first,
			 unsigned long last, unsigned long page_size,
			 unsigned char *bits)
{
	for (unsigned int i = 0; i != d->nr; i++) {
		const struct model_leaf *leaf = &d->leaf[i];
		unsigned long from = max(first, leaf->iova);
		unsigned long to = min(last, model_leaf_last(leaf));

		if (!leaf->dirty || from > to || !tracks(d, leaf))
			continue;
		for (unsigned long bit = (from - first) / page_size;
		     bit <= (to - first) / page_size; bit++)
			bits[bit / 8] |= 1 << bit % 8;
	}
}

static bool starts_within_leaf(const struct model_domain *d, unsigned long iova)
{
	unsigned int i = model_find_leaf(d, iova);

	return i != d->nr && d->leaf[i].iova < iova;
}

void op_read_dirty(unsigned int domain, unsigned long iova,
		   unsigned long length, unsigned long page_size,
		   unsigned long flags, bool writable)
{
	struct model_domain *d = &model_domains[domain];
	struct ref_space *s = &ref_spaces[d->space];
	unsigned char due[DIRTY_BITS / 8], *bits;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.iova = iova, .length = length, .page_size = page_size,
	};
	unsigned long last, nr, bytes;
	bool inside;
	u64 errs = 0;
	int rc;

	OP("(%u, 0x%lx, 0x%lx, 0x%lx, %lu, %d)", domain, iova,
	   length, page_size, flags, writable);
	/* What io-pgtable-arm says then is of no use to anybody */
	inside = d->kind == MODEL_ARM && starts_within_leaf(d, iova);
	nr = DIV_ROUND_UP(length, page_size);
	bytes = DIV_ROUND_UP(nr, 8);
	/* To the byte, so that a byte more shows */
	bits = shim_alloc(bytes, true, false);
	memset(due, 0, bytes);
	if (length < page_size)
		errs = REF_ERR(EINVAL);
	else if (check_add_overflow(iova, length - 1, &last))
		errs = REF_ERR(EOVERFLOW);
	else if ((iova | length) & (ref_alignment(s) - 1))
		errs = REF_ERR(EINVAL);
	else if (!writable)
		errs = REF_ERR(EFAULT);
	else
		expect_dirty(d, iova, last, page_size, due);
	cmd.data = (uintptr_t)bits;
	model_bitmap_start = (unsigned long)bits;
	model_bitmap_end = model_bitmap_start + bytes;
	model_bitmap_writable = writable;
	rc = iopgt_read_dirty(&s->iopt, &d->domain, flags, &cmd);
	check_dirty_is_flushed(d);
	if (ref_settle(errs, rc)) {
		for (unsigned long i = 0; i != bytes && !inside && !model_short; i++)
			MODEL_CHECK(bits[i] == due[i],
				    "dirty bits %lu to %lu are 0x%x, not 0x%x",
				    8 * i, 8 * i + 7, bits[i], due[i]);
		for (unsigned int i = 0; i != d->nr; i++)
			MODEL_CHECK(flags || inside || !d->leaf[i].dirty ||
				    !tracks(d, &d->leaf[i]) ||
					    !ref_overlap(d->leaf[i].iova,
							 model_leaf_last(&d->leaf[i]),
							 iova, last),
				    "0x%lx stays dirty", d->leaf[i].iova);
	}
	shim_free(bits);
	op_end(rc);
}

void op_revoke(unsigned int dmabuf, bool revoke)
{
	OP("(%u, %d)", dmabuf, revoke);
	model_dmabuf_revoke(&model_dmabufs[dmabuf], revoke);
	if (revoke)
		ref_revoke(dmabuf);
	op_end(0);
}

/* Each range once, however many areas show it */
static bool seen_before(const struct ref_area *area, unsigned int space)
{
	for (unsigned int i = 0; i <= space; i++)
		for (unsigned int k = 0; k != ref_spaces[i].nr; k++) {
			if (&ref_spaces[i].area[k] == area)
				return false;
			if (ref_spaces[i].area[k].range == area->range)
				return true;
		}
	return false;
}

static unsigned long range_charged(const struct ref_range *range)
{
	unsigned long npages = 0;

	if (range->type != PAGES_DMABUF)
		for (unsigned long i = 0; i != range->npages; i++)
			npages += !!range->claims[i];
	return npages;
}

/* *@npages: what is charged anew; *@fresh: what no process was charged for */
static void move_ranges(enum pin_charge_mode mode, unsigned long *npages,
			unsigned long *fresh)
{
	unsigned int task = ref_current();

	for (unsigned int i = 0; i != MODEL_SPACES; i++)
		for (unsigned int k = 0; k != ref_spaces[i].nr; k++) {
			const struct ref_area *area = &ref_spaces[i].area[k];
			struct ref_range *range = area->range;
			unsigned long charged = range_charged(range);

			if (seen_before(area, i) ||
			    (range->payer == task && range->mode == mode))
				continue;
			if (npages) {
				if (!ref_same_limit(range->payer, range->mode,
						    task, mode))
					*npages += charged;
				if (range->mode != PIN_CHARGE_MM)
					*fresh += charged;
				continue;
			}
			ref_pay(range->payer, range->mode, -charged);
			range->payer = task;
			range->mode = mode;
			ref_pay(task, mode, charged);
		}
}

/* As ioas.c does it: both pay, until it is known whether the new one can */
static int change_process(bool by_mm)
{
	struct pages_move move = {};
	int rc = 0;

	pin_payer_init(&move.payer, op_budget(by_mm));
	for (unsigned int i = 0; i != MODEL_SPACES && !rc; i++)
		rc = iopgt_move_all(&ref_spaces[i].iopt, &move);
	pages_move_end(&move, !rc);
	pin_payer_release(&move.payer);
	return rc;
}

void op_change_process(bool by_mm)
{
	enum pin_charge_mode mode = ref_mode_of(ref_current(), by_mm);
	unsigned long npages = 0, fresh = 0;
	u64 errs = 0;
	int rc;

	OP("(%d)", by_mm);
	for (unsigned int i = 0; i != MODEL_SPACES; i++)
		for (unsigned int k = 0; k != ref_spaces[i].nr; k++)
			if (ref_spaces[i].area[k].range->type == PAGES_USER)
				errs = REF_ERR(EINVAL);
	move_ranges(mode, &npages, &fresh);
	if (npages)
		errs |= ref_can_pay(ref_current(), mode, npages, fresh);
	rc = change_process(by_mm);
	if (ref_settle(errs, rc))
		move_ranges(mode, NULL, NULL);
	op_end(rc);
}

/* What is no call of the driver's */
void op_task(unsigned int task)
{
	OP("(%u)", task);
	shim_set_current(&model_tasks[task]);
	op_end(0);
}

/* Kernel memory of objects: by the user of whoever made it */
#define OVERHEADS	4

static struct pin_overhead overheads[OVERHEADS];
static unsigned int overhead_payer[OVERHEADS];

static void return_overhead(unsigned int object)
{
	if (overheads[object].cred)
		ref_pay_overhead(overhead_payer[object],
				 -(long)overheads[object].npages);
	pin_overhead_uncharge(&overheads[object]);
	MODEL_CHECK(!overheads[object].cred, "what is paid back would be again");
	overheads[object] = (struct pin_overhead){};
}

void op_overhead(unsigned int object, unsigned long npages)
{
	unsigned int nr = object % OVERHEADS, task = ref_current();
	bool free = model_tasks[task].capable;
	u64 errs = 0;
	int rc;

	OP("(%u, %lu)", object, npages);
	if (overheads[nr].cred) {
		return_overhead(nr);
		op_end(0);
		return;
	}
	if (!free)
		errs = ref_can_pay_overhead(task, npages);
	rc = pin_overhead_charge(&overheads[nr], npages);
	if (ref_settle(errs, rc) && !free) {
		overhead_payer[nr] = task;
		ref_pay_overhead(task, npages);
	}
	MODEL_CHECK(!overheads[nr].cred == (rc || free),
		    "it is unknown who is charged");
	op_end(rc);
}

void op_return_overheads(void)
{
	for (unsigned int i = 0; i != OVERHEADS; i++)
		return_overhead(i);
}

void op_memlock(unsigned int task, unsigned long npages)
{
	OP("(%u, %lu)", task, npages);
	model_tasks[task].memlock = npages * PAGE_SIZE;
	op_end(0);
}

void op_memory(unsigned int task, enum model_memory what, unsigned long page,
	       unsigned long npages)
{
	struct model_mm *mm = &model_mms[task];

	OP("(%u, %u, %lu, %lu)", task, what, page, npages);
	for (unsigned long i = page; i != page + npages; i++) {
		struct model_va *va = &mm->va[i];

		switch (what) {
		case MEM_UNMAP:
			model_va_clear(mm, i);
			va->flags = 0;
			break;
		case MEM_MAP:
			model_va_clear(mm, i);
			va->flags = MODEL_VA_MAPPED | MODEL_VA_WRITE;
			break;
		case MEM_DROP:
			model_va_clear(mm, i);
			break;
		case MEM_READONLY:
			model_va_protect(mm, i);
			break;
		case MEM_SHARE:
			model_va_share(mm, i);
			break;
		case MEM_TOUCH:
			model_va_fault(mm, i, va->flags & MODEL_VA_WRITE, false);
			break;
		case MEM_HUGE:
		case MEM_GIANT:
		case MEM_FOLIO:
			model_va_huge(mm, i,
				      what == MEM_HUGE ? PMD_SHIFT - PAGE_SHIFT :
				      what == MEM_GIANT ? PUD_SHIFT - PAGE_SHIFT :
							  2);
			break;
		default:
			break;
		}
		if (what >= MEM_HUGE)
			break;
	}
	op_end(0);
}

void op_punch_hole(unsigned int file, unsigned long page)
{
	OP("(%u, %lu)", file, page);
	model_file_clear(&model_files[file], page);
	op_end(0);
}
