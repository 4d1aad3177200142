// SPDX-License-Identifier: GPL-2.0-only
/* Operations on IOVAs that may, must not, or will always be able to be mapped. */
#include <uapi/linux/iommufd.h>

#include "ops.h"

void op_reserve(unsigned int space, unsigned long first, unsigned long last,
		unsigned long owner)
{
	struct ref_space *s = &ref_spaces[space];
	u64 errs;
	int rc;

	OP("(%u, 0x%lx, 0x%lx, %lu)", space, first, last, owner);
	errs = first > last ? REF_ERR(EINVAL) : op_reserve_errs(s, first, last);
	rc = iopgt_reserve(&s->iopt, first, last, (void *)owner);
	if (ref_settle(errs, rc))
		s->reserved[s->nr_reserved++] =
			(struct ref_window){ first, last, (void *)owner };
	op_end(rc);
}

static void unreserve(struct ref_space *s, void *owner)
{
	unsigned int kept = 0;

	iopgt_unreserve(&s->iopt, owner);
	for (unsigned int i = 0; i != s->nr_reserved; i++)
		if (s->reserved[i].owner != owner)
			s->reserved[kept++] = s->reserved[i];
	s->nr_reserved = kept;
}

void op_unreserve(unsigned int space, unsigned long owner)
{
	OP("(%u, %lu)", space, owner);
	unreserve(&ref_spaces[space], (void *)owner);
	op_end(0);
}

static bool is_due(const struct iommu_resv_region *region)
{
	return region->length && region->type != IOMMU_RESV_DIRECT_RELAXABLE;
}

void op_reserve_device(unsigned int space, unsigned int device)
{
	struct model_device *d = &model_devices[device];
	struct ref_space *s = &ref_spaces[space];
	phys_addr_t sw_msi_start;
	u64 errs = 0;
	int rc;

	OP("(%u, %u)", space, device);
	for (unsigned int i = 0; i != MODEL_REGIONS; i++)
		if (is_due(&d->region[i]))
			errs |= op_reserve_errs(s, d->region[i].start,
						d->region[i].start +
						d->region[i].length - 1);
	rc = iopgt_reserve_device(&s->iopt, &d->device, &sw_msi_start);
	if (ref_settle(errs, rc)) {
		MODEL_CHECK(sw_msi_start == d->sw_msi_start,
			    "doorbells are to be at 0x%llx, not at 0x%llx",
			    d->sw_msi_start, sw_msi_start);
		for (unsigned int i = 0; i != MODEL_REGIONS; i++)
			if (is_due(&d->region[i]))
				s->reserved[s->nr_reserved++] = (struct ref_window){
					d->region[i].start,
					d->region[i].start + d->region[i].length - 1,
					&d->device,
				};
	} else {
		/* Everything of a device goes at once */
		unreserve(s, &d->device);
	}
	op_end(rc);
}

void op_unreserve_device(unsigned int space, unsigned int device)
{
	OP("(%u, %u)", space, device);
	unreserve(&ref_spaces[space], &model_devices[device].device);
	op_end(0);
}

/* All of it must be reserved */
static void check_reserved(const struct ref_space *s, unsigned long first,
			   unsigned long last)
{
	for (unsigned long at = first; at <= last; at++) {
		unsigned long end = ref_reserved_until(s, at);

		MODEL_CHECK(end, "0x%lx is usable, and in no range", at);
		if (end >= last)
			return;
		at = end;
	}
}

void op_usable_ranges(unsigned int space)
{
	struct iommu_iova_range ranges[2 * REF_RESERVED + 2 * MODEL_DOMAINS + 1];
	struct ref_space *s = &ref_spaces[space];
	unsigned long alignment, next = 0;
	bool wrapped = false;
	u32 nr;
	int rc;

	OP("(%u)", space);
	rc = iopgt_usable_ranges(&s->iopt, ranges, ARRAY_SIZE(ranges), &nr,
				 &alignment);
	if (!ref_settle(0, rc)) {
		op_end(rc);
		return;
	}
	MODEL_CHECK(nr <= ARRAY_SIZE(ranges), "%u usable ranges", nr);
	MODEL_CHECK(alignment == ref_alignment(s),
		    "the alignment is 0x%lx, not 0x%lx", alignment,
		    ref_alignment(s));
	for (u32 i = 0; i != nr; i++) {
		MODEL_CHECK(!wrapped && ranges[i].start >= next &&
			    ranges[i].last >= ranges[i].start,
			    "usable ranges are in disorder");
		MODEL_CHECK(!ref_is_reserved(s, ranges[i].start, ranges[i].last),
			    "what is usable is reserved");
		if (ranges[i].start > next)
			check_reserved(s, next, ranges[i].start - 1);
		next = ranges[i].last + 1;
		wrapped = !next;
	}
	if (!wrapped)
		check_reserved(s, next, ULONG_MAX);
	op_end(0);
}

void op_allow(unsigned int space, unsigned int nr, unsigned long first,
	      unsigned long last, unsigned long first2, unsigned long last2)
{
	struct iommu_iova_range window[2] = {
		{ .start = first, .last = last },
		{ .start = first2, .last = last2 },
	};
	struct ref_space *s = &ref_spaces[space];
	u64 errs = 0;
	int rc;

	OP("(%u, %u, 0x%lx, 0x%lx, 0x%lx, 0x%lx)", space, nr, first,
	   last, first2, last2);
	for (unsigned int i = 0; i != nr; i++) {
		if (window[i].start > window[i].last)
			errs |= REF_ERR(EINVAL);
		else if (ref_is_reserved(s, window[i].start, window[i].last))
			errs |= REF_ERR(EADDRINUSE);
	}
	if (nr == 2 && !(errs & REF_ERR(EINVAL)) &&
	    ref_overlap(first, last, first2, last2))
		errs |= REF_ERR(EINVAL);
	rc = iopgt_set_allowed(&s->iopt, window, nr);
	if (ref_settle(errs, rc)) {
		s->nr_allowed = nr;
		for (unsigned int i = 0; i != nr; i++)
			s->allowed[i] = (struct ref_window){ window[i].start,
							     window[i].last };
	}
	op_end(rc);
}
