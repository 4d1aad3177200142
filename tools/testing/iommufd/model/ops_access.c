// SPDX-License-Identifier: GPL-2.0-only
/* Operations of in-kernel accesses: pins, copies, look-ups. */
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "ops.h"

static void pin_settle(struct ref_access *a, unsigned long first,
		       unsigned long last, bool pin)
{
	struct ref_space *s = &ref_spaces[a->space];

	for (unsigned int i = 0; i != s->nr; i++) {
		struct ref_area *area = &s->area[i];
		unsigned long from = max(first, area->first);
		unsigned long to = min(last, area->last);

		if (from > to)
			continue;
		if (pin) {
			area->pins++;
			ref_claim(area->range, ref_page(area, from),
				  ref_page(area, to));
		} else {
			area->pins--;
			ref_unclaim(area->range, ref_page(area, from),
				    ref_page(area, to));
		}
	}
}

static void unpin_one(struct ref_access *a, unsigned int i)
{
	struct ref_window pin = a->pin[i];

	a->pin[i] = a->pin[--a->nr];
	MODEL_CHECK(iopgt_unpin(&ref_spaces[a->space].iopt, &a->access,
				pin.first, pin.last - pin.first + 1),
		    "0x%lx-0x%lx, which is pinned, cannot be unpinned",
		    pin.first, pin.last);
	pin_settle(a, pin.first, pin.last, false);
}

/* Called by the driver where it unmaps what may be pinned */
static void access_unmap(struct iopgt_access *access, unsigned long iova,
			 unsigned long length)
{
	struct ref_access *a = container_of(access, struct ref_access, access);

	if (a->stubborn)
		return;
	for (unsigned int i = 0; i != a->nr;) {
		if (ref_overlap(a->pin[i].first, a->pin[i].last, iova,
				iova + length - 1))
			unpin_one(a, i);
		else
			i++;
	}
}

void op_add_access(unsigned int space, unsigned int access, bool whole_pages,
		   bool stubborn)
{
	struct ref_access *a = &ref_accesses[access];
	struct ref_space *s = &ref_spaces[space];
	u64 errs;
	int rc;

	OP("(%u, %u, %d, %d)", space, access, whole_pages,
	   stubborn);
	a->access = (struct iopgt_access){
		.alignment = whole_pages ? PAGE_SIZE : 1,
		.unmap = access_unmap,
	};
	errs = op_align_errs(s, a->access.alignment);
	rc = iopgt_add_access(&s->iopt, &a->access);
	if (ref_settle(errs, rc)) {
		a->space = space;
		a->stubborn = stubborn;
		a->nr = 0;
	}
	op_end(rc);
}

void op_remove_access(unsigned int access)
{
	struct ref_access *a = &ref_accesses[access];

	OP("(%u)", access);
	while (a->nr)
		unpin_one(a, 0);
	iopgt_remove_access(&ref_spaces[a->space].iopt, &a->access);
	a->space = -1;
	op_end(0);
}

static u64 pin_errs(struct ref_space *s, unsigned long first,
		    unsigned long last, bool write)
{
	u64 errs = 0;
	unsigned int i;

	/* All areas are looked at before anything is pinned */
	for (i = 0; i != s->nr; i++)
		if (ref_overlap(s->area[i].first, s->area[i].last, first, last) &&
		    (!(s->area[i].prot & IOMMU_READ) ||
		     (write && !(s->area[i].prot & IOMMU_WRITE))))
			return REF_ERR(EPERM);
	for (i = 0; i != s->nr && !errs; i++) {
		struct ref_area *area = &s->area[i];
		unsigned long from = max(first, area->first);
		unsigned long to = min(last, area->last);

		if (from > to)
			continue;
		if (area->range->type == PAGES_DMABUF)
			errs |= REF_ERR(EINVAL);
		if (write && !area->range->writable)
			errs |= REF_ERR(EPERM);
		errs |= ref_try_claim(area->range, ref_page(area, from),
				      ref_page(area, to));
	}
	while (i--) {
		struct ref_area *area = &s->area[i];
		unsigned long from = max(first, area->first);
		unsigned long to = min(last, area->last);

		if (from <= to)
			ref_end_try(area->range, ref_page(area, from),
				    ref_page(area, to));
	}
	return errs;
}

static void check_pinned(struct ref_space *s, unsigned long first,
			 unsigned long last, struct page **pages)
{
	for (unsigned long i = 0; i <= (last - first) >> PAGE_SHIFT; i++) {
		unsigned long at = first + i * PAGE_SIZE;
		const struct ref_area *area = ref_area_at(s, at);
		int frame = area->range->frame[ref_page(area, at)];

		MODEL_CHECK(page_to_pfn(pages[i]) == model_frames[frame].pfn,
			    "an access gets PFN 0x%lx for 0x%lx, not 0x%lx",
			    page_to_pfn(pages[i]), at, model_frames[frame].pfn);
	}
}

void op_pin(unsigned int access, unsigned long iova, unsigned long length,
	    bool write)
{
	struct page *pages[MODEL_VA_PAGES];
	struct ref_access *a = &ref_accesses[access];
	struct ref_space *s = &ref_spaces[a->space];
	unsigned long last = 0;
	u64 errs = 0;
	int rc;

	OP("(%u, 0x%lx, 0x%lx, %d)", access, iova, length, write);
	if (!length)
		errs = REF_ERR(EINVAL);
	else if (check_add_overflow(iova, length - 1, &last))
		errs = REF_ERR(EOVERFLOW);
	else if ((iova | length) & (PAGE_SIZE - 1))
		errs = REF_ERR(EINVAL);
	else if (!ref_covers(s, iova, last))
		errs = REF_ERR(ENOENT);
	else
		errs = pin_errs(s, iova, last, write);
	rc = iopgt_pin(&s->iopt, &a->access, iova, length, pages, write);
	if (ref_settle(errs, rc)) {
		a->pin[a->nr++] = (struct ref_window){ iova, last };
		pin_settle(a, iova, last, true);
		check_pinned(s, iova, last, pages);
	}
	op_end(rc);
}

/* The pin that follows one, where no others of the access are in the way; -1 for none */
static int pin_behind(const struct ref_access *a, unsigned int pin)
{
	int next = -1;

	for (unsigned int i = 0; i != a->nr; i++)
		if (a->pin[i].first == a->pin[pin].last + 1)
			next = i;
	for (unsigned int i = 0; i != a->nr && next >= 0; i++)
		if ((int)i != next && i != pin &&
		    ref_overlap(a->pin[i].first, a->pin[i].last,
				a->pin[pin].first, a->pin[next].last))
			return -1;
	return next;
}

static void unpin_both(struct ref_access *a, unsigned int pin, unsigned int next)
{
	struct ref_window low = a->pin[pin], high = a->pin[next];

	a->pin[max(pin, next)] = a->pin[--a->nr];
	a->pin[min(pin, next)] = a->pin[--a->nr];
	MODEL_CHECK(iopgt_unpin(&ref_spaces[a->space].iopt, &a->access,
				low.first, high.last - low.first + 1),
		    "0x%lx-0x%lx, which is pinned in two parts, cannot be unpinned",
		    low.first, high.last);
	pin_settle(a, low.first, low.last, false);
	pin_settle(a, high.first, high.last, false);
}

/* Together with what follows it, where it can be */
void op_unpin(unsigned int access, unsigned int pin)
{
	struct ref_access *a = &ref_accesses[access];
	int next = pin_behind(a, pin);

	OP("(%u, %u)", access, pin);
	if (next >= 0)
		unpin_both(a, pin, next);
	else
		unpin_one(a, pin);
	op_end(0);
}

static bool is_pinned(const struct ref_access *a, unsigned long iova)
{
	for (unsigned int i = 0; i != a->nr; i++)
		if (a->pin[i].first <= iova && a->pin[i].last >= iova)
			return true;
	return false;
}

/* Where the access has pinned all of it, this is no wrong unpin, and not done */
void op_unpin_wrongly(unsigned int access, unsigned long iova,
		      unsigned long length)
{
	struct ref_access *a = &ref_accesses[access];
	unsigned long at;

	if (length && !((iova | length) & (PAGE_SIZE - 1))) {
		for (at = 0; at != length && is_pinned(a, iova + at);)
			at += PAGE_SIZE;
		if (at == length)
			return;
	}
	OP("(%u, 0x%lx, 0x%lx)", access, iova, length);
	MODEL_CHECK(!iopgt_unpin(&ref_spaces[a->space].iopt, &a->access, iova,
				 length),
		    "what is not pinned at 0x%lx is unpinned", iova);
	op_end(0);
}

static bool rw_may(const struct ref_area *area, bool write)
{
	return area->prot & (write ? IOMMU_WRITE : IOMMU_READ);
}

/* Where memory has to be waited for, all areas are looked at first */
static u64 rw_later_errs(struct ref_space *s, unsigned long first,
			 unsigned long last, bool write)
{
	for (unsigned int i = 0; i != s->nr; i++)
		if (ref_overlap(s->area[i].first, s->area[i].last, first, last) &&
		    !rw_may(&s->area[i], write))
			return REF_ERR(EPERM);
	return 0;
}

/* The errors that come before, and with, the copying of each area in turn */
static u64 rw_errs(struct ref_space *s, unsigned long first,
		   unsigned long last, bool write)
{
	unsigned long at = first;
	u64 errs = 0;

	for (;;) {
		const struct ref_area *area = ref_area_at(s, at);
		unsigned long to = min(last, area->last);
		struct ref_range *range = area->range;

		if (!rw_may(area, write) || (write && !range->writable))
			errs |= REF_ERR(EPERM);
		if (range->type == PAGES_DMABUF)
			errs |= REF_ERR(EINVAL);
		if (errs)
			return errs | rw_later_errs(s, first, last, write);
		for (unsigned long page = ref_page(area, at);
		     page <= ref_page(area, to); page++) {
			unsigned long where = range->first + page;
			unsigned char flags;

			if (range->claims[page])
				continue;
			if (range->type == PAGES_FILE) {
				if (where >= model_files[range->owner].npages)
					errs |= REF_ERR(EINVAL);
				continue;
			}
			flags = where < MODEL_VA_PAGES ?
				model_mms[range->owner].va[where].flags : 0;
			if (!(flags & MODEL_VA_MAPPED) ||
			    (write && !(flags & MODEL_VA_WRITE)))
				errs |= REF_ERR(EFAULT);
		}
		if (errs)
			return errs | rw_later_errs(s, first, last, write);
		if (to == last)
			return 0;
		at = to + 1;
	}
}

static void check_copied(struct ref_space *s, unsigned long first,
			 const unsigned char *data, unsigned long length)
{
	for (unsigned long i = 0; i != length; i++) {
		const struct ref_area *area = ref_area_at(s, first + i);
		unsigned long page = ref_page(area, first + i);
		unsigned long start = area->start + (first + i - area->first);
		int frame = area->range->claims[page] ?
				    area->range->frame[page] :
				    ref_frame_of(area->range, page);
		unsigned char is;

		is = model_frames[frame].data[offset_in_page(start) / MODEL_UNIT];
		MODEL_CHECK(data[i] == is, "a copy at 0x%lx has %u, not %u",
			    first + i, data[i], is);
		/* All of a unit is the same */
		i += min(length - 1 - i,
			 MODEL_UNIT - 1 - offset_in_page(start) % MODEL_UNIT);
	}
}

void op_rw(unsigned int space, unsigned long iova, unsigned long length,
	   unsigned int flags, unsigned char value)
{
	static unsigned char data[16 * PAGE_SIZE];
	struct ref_space *s = &ref_spaces[space];
	struct task_struct *task = current;
	struct mm_struct *mm = task->mm;
	unsigned long last = 0;
	u64 errs = 0;
	int rc;

	OP("(%u, 0x%lx, 0x%lx, %u, %u)", space, iova, length, flags, value);
	if (!length)
		errs = REF_ERR(EINVAL);
	else if (check_add_overflow(iova, length - 1, &last))
		errs = REF_ERR(EOVERFLOW);
	else if (!ref_covers(s, iova, last))
		errs = REF_ERR(ENOENT);
	else
		errs = rw_errs(s, iova, last, flags & IOMMUFD_ACCESS_RW_WRITE);
	memset(data, value, length);
	if (flags & IOMMUFD_ACCESS_RW_KTHREAD)
		task->mm = NULL;
	rc = iopgt_rw(&s->iopt, iova, data, length, flags);
	if (rc == -EAGAIN)
		rc = iopgt_rw_slowly(&s->iopt, iova, data, length, flags);
	task->mm = mm;
	if (ref_settle(errs, rc))
		check_copied(s, iova, data, length);
	op_end(rc);
}

void op_lookup(unsigned int space, unsigned long iova, unsigned long length)
{
	struct ref_space *s = &ref_spaces[space];
	unsigned long done = 0, at = iova, got = 0;
	phys_addr_t phys = 0, first = 0;
	int rc;

	OP("(%u, 0x%lx, 0x%lx)", space, iova, length);
	while (done != length) {
		const struct ref_area *area = ref_area_at(s, at);
		unsigned long start, page, n;
		phys_addr_t here;

		if (!area || area->range->revoked)
			break;
		start = area->start + (at - area->first);
		page = start >> PAGE_SHIFT;
		if (!area->range->claims[page])
			break;
		here = PFN_PHYS(model_frames[area->range->frame[page]].pfn) +
		       offset_in_page(start);
		if (!done)
			first = here;
		else if (here != first + done)
			break;
		n = min(PAGE_SIZE - offset_in_page(start), area->last - at + 1);
		n = min(n, length - done);
		done += n;
		at += n;
		if (!at)
			break;
	}
	rc = iopgt_lookup_phys(&s->iopt, iova, length, &phys, &got);
	if (ref_settle(done ? 0 : REF_ERR(ENOENT), rc))
		MODEL_CHECK(model_short || (phys == first && got == done),
			    "0x%lx is at 0x%llx for 0x%lx bytes, not at 0x%llx for 0x%lx",
			    iova, phys, got, first, done);
	op_end(rc);
}
