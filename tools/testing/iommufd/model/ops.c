// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operation says what is due, makes the driver's call, looks whether that is
 * what came, tells the reference what has changed, and compares all of it.
 */
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "ops.h"
#include "charge.h"

unsigned long model_ops;
bool model_verbose;

void op_begin(void)
{
	model_ops++;
	model_fault_hit = false;
	race_begin();
}

void op_end(int rc)
{
	if (unlikely(model_verbose)) {
		if (rc)
			model_print("\t/* %d */", rc);
		model_print("\n");
	}
	ref_check();
}

/* Two contexts, that share the IOVA spaces */
static struct pin_budget budgets[2];

struct pin_budget *op_budget(bool by_process)
{
	return &budgets[by_process];
}

static const char *name_of(enum iopgt_place place)
{
	return place == IOPGT_AUTO ? "AUTO" : "FIXED";
}

static unsigned long last_page(unsigned long start, unsigned long length)
{
	return (offset_in_page(start) + length - 1) >> PAGE_SHIFT;
}

/* What is due where an area is to go, for which @start and @length are given */
static u64 area_errs(const struct ref_space *s, unsigned long start,
		     unsigned long length)
{
	return (start | length) & (ref_alignment(s) - 1) ? REF_ERR(EINVAL) : 0;
}

static u64 place_errs(const struct ref_space *s, enum iopgt_place place,
		      unsigned long iova, unsigned long length)
{
	u64 errs = 0;
	unsigned long last;

	if (place == IOPGT_AUTO)
		return ref_auto_exists(s, length) ? 0 : REF_ERR(ENOSPC);
	if (check_add_overflow(iova, length - 1, &last))
		return REF_ERR(EOVERFLOW);
	if (iova & (ref_alignment(s) - 1))
		errs |= REF_ERR(EINVAL);
	if (ref_is_reserved(s, iova, last))
		errs |= REF_ERR(EINVAL);
	if (!ref_is_free(s, iova, last))
		errs |= REF_ERR(EEXIST);
	return errs;
}

static void check_place(const struct ref_space *s, enum iopgt_place place,
			unsigned long iova, unsigned long length)
{
	if (place == IOPGT_AUTO)
		MODEL_CHECK(ref_auto_is_valid(s, iova, length),
			    "0x%lx is no place for 0x%lx bytes", iova, length);
}

/* The new areas are there; the first is at @iova, one is behind the other */
void op_areas_appear(struct ref_space *s, struct ref_area *areas,
		     unsigned int nr, unsigned long iova)
{
	for (unsigned int i = 0; i != nr; i++) {
		areas[i].last += iova;
		areas[i].first += iova;
		ref_area_add(s, &areas[i]);
		if (s->domains)
			ref_area_claim(&areas[i]);
	}
}

/* From here on areas have their first IOVA at 0, and follow each other */
static u64 fill_errs(const struct ref_space *s, struct ref_area *areas,
		     unsigned int nr)
{
	u64 errs = 0;
	unsigned int i;

	if (!s->domains)
		return 0;
	for (i = 0; i != nr && !errs; i++)
		errs = ref_try_claim(areas[i].range,
				     ref_page(&areas[i], areas[i].first),
				     ref_page(&areas[i], areas[i].last));
	while (i--)
		ref_end_try(areas[i].range, ref_page(&areas[i], areas[i].first),
			    ref_page(&areas[i], areas[i].last));
	return errs;
}

/* The call is over; @nr areas of @length bytes in all are mapped at @iova */
static void map_settle(struct ref_space *s, struct ref_area *areas,
		       unsigned int nr, enum iopgt_place place,
		       unsigned long iova, unsigned long length, u64 errs,
		       int rc)
{
	bool published = race_end();

	if (ref_settle(errs, rc) && !published) {
		check_place(s, place, iova, length);
		op_areas_appear(s, areas, nr, iova);
	}
	op_end(rc);
}

void op_map_user(unsigned int space, enum iopgt_place place, unsigned long iova,
		 unsigned long uaddr, unsigned long length, int prot,
		 bool by_mm)
{
	struct ref_space *s = &ref_spaces[space];
	struct ref_area area = {
		.last = length - 1,
		.start = offset_in_page(uaddr),
		.prot = prot,
	};
	u64 errs;
	int rc;

	OP("(%u, %s, 0x%lx, 0x%lx, 0x%lx, %d, %d)", space,
	   name_of(place), iova, uaddr, length, prot, by_mm);
	if (!length) {
		errs = REF_ERR(EINVAL);
	} else if (uaddr + length < uaddr || uaddr + length > ULONG_MAX - PAGE_SIZE) {
		errs = REF_ERR(EOVERFLOW);
	} else {
		errs = area_errs(s, area.start, length) |
		       place_errs(s, place, iova, length);
		area.range = ref_range_new(PAGES_USER, ref_current(),
					   (uaddr - MODEL_VA_BASE) >> PAGE_SHIFT,
					   last_page(uaddr, length) + 1,
					   prot & IOMMU_WRITE, by_mm);
	}
	if (!errs)
		errs = fill_errs(s, &area, 1);
	race_publish(s, &area, 1);
	rc = iopgt_map_user(&s->iopt, op_budget(by_mm), (void *)uaddr, length, &iova, prot,
			    place);
	map_settle(s, &area, 1, place, iova, length, errs, rc);
}

static u64 file_errs(int fd, unsigned long start, unsigned long length,
		     int prot)
{
	u64 errs = 0;

	if (fd >= MODEL_FD_DMABUF) {
		const struct model_dmabuf *dmabuf =
			&model_dmabufs[fd - MODEL_FD_DMABUF];

		if (start > dmabuf->dmabuf.size ||
		    length > dmabuf->dmabuf.size - start)
			errs |= REF_ERR(EINVAL);
		if (dmabuf->revoked)
			errs |= REF_ERR(ENODEV);
	} else if ((prot & IOMMU_WRITE) &&
		   !(model_files[fd - MODEL_FD_FILE].file.f_mode &
		     FMODE_WRITE)) {
		errs |= REF_ERR(EPERM);
	}
	return errs;
}

void op_map_file(unsigned int space, enum iopgt_place place, unsigned long iova,
		 int fd, unsigned long start, unsigned long length, int prot,
		 bool by_mm)
{
	bool dmabuf = fd >= MODEL_FD_DMABUF;
	struct ref_space *s = &ref_spaces[space];
	struct ref_area area = {
		.last = length - 1,
		.start = offset_in_page(start),
		.prot = prot,
	};
	u64 errs;
	int rc;

	OP("(%u, %s, 0x%lx, %d, 0x%lx, 0x%lx, %d, %d)", space,
	   name_of(place), iova, fd, start, length, prot, by_mm);
	if (!length) {
		errs = REF_ERR(EINVAL);
	} else {
		errs = file_errs(fd, start, length, prot) |
		       area_errs(s, area.start, length) |
		       place_errs(s, place, iova, length);
		area.range = ref_range_new(dmabuf ? PAGES_DMABUF : PAGES_FILE,
					   fd - (dmabuf ? MODEL_FD_DMABUF :
							  MODEL_FD_FILE),
					   start >> PAGE_SHIFT,
					   last_page(start, length) + 1,
					   prot & IOMMU_WRITE, by_mm);
	}
	if (!errs)
		errs = fill_errs(s, &area, 1);
	race_publish(s, &area, 1);
	rc = iopgt_map_file(&s->iopt, op_budget(by_mm), fd, NULL, start, length, &iova,
			    prot, place);
	map_settle(s, &area, 1, place, iova, length, errs, rc);
}

void op_copy(unsigned int dst, unsigned int src, enum iopgt_place place,
	     unsigned long dst_iova, unsigned long src_iova,
	     unsigned long length, int prot)
{
	struct ref_space *s = &ref_spaces[dst], *from = &ref_spaces[src];
	struct ref_area piece[REF_AREAS];
	unsigned long last, at = 0;
	unsigned int nr = 0;
	u64 errs = 0;
	int rc;

	OP("(%u, %u, %s, 0x%lx, 0x%lx, 0x%lx, %d)", dst, src,
	   name_of(place), dst_iova, src_iova, length, prot);
	if (!length)
		errs = REF_ERR(EINVAL);
	else if (check_add_overflow(src_iova, length - 1, &last))
		errs = REF_ERR(EOVERFLOW);
	else if (!ref_covers(from, src_iova, last))
		errs = REF_ERR(ENOENT);
	while (!errs && at != length) {
		const struct ref_area *area = ref_area_at(from, src_iova + at);
		unsigned long n = min(area->last - (src_iova + at) + 1,
				      length - at);

		if ((prot & IOMMU_WRITE) && !area->range->writable)
			errs |= REF_ERR(EPERM);
		piece[nr++] = (struct ref_area){
			.first = at,
			.last = at + n - 1,
			.start = area->start + (src_iova + at - area->first),
			.range = area->range,
			.prot = prot,
		};
		at += n;
	}
	if (!errs) {
		for (unsigned int i = 0; i != nr; i++)
			errs |= area_errs(s, piece[i].start,
					  piece[i].last - piece[i].first + 1);
		errs |= place_errs(s, place, dst_iova, length);
	}
	if (!errs)
		errs = fill_errs(s, piece, nr);
	race_publish(s, piece, nr);
	rc = iopgt_copy(&s->iopt, &from->iopt, src_iova, length, &dst_iova, prot,
			place);
	map_settle(s, piece, nr, place, dst_iova, length, errs, rc);
}

/* Accesses that keep their pins when they are asked to let go */
static bool is_held(const struct ref_space *s, const struct ref_area *area)
{
	for (unsigned int i = 0; i != MODEL_ACCESSES; i++) {
		const struct ref_access *a = &ref_accesses[i];

		if (a->space != s - ref_spaces || !a->stubborn)
			continue;
		for (unsigned int k = 0; k != a->nr; k++)
			if (ref_overlap(a->pin[k].first, a->pin[k].last,
					area->first, area->last))
				return true;
	}
	return false;
}

static u64 unmap_errs(struct ref_space *s, unsigned long first,
		      unsigned long last, unsigned long *bytes)
{
	u64 errs = 0;

	*bytes = 0;
	for (unsigned int i = 0; i != s->nr; i++) {
		const struct ref_area *area = &s->area[i];

		if (!ref_overlap(area->first, area->last, first, last))
			continue;
		if (area->first < first || area->last > last)
			return REF_ERR(ENOENT);
		*bytes += area->last - area->first + 1;
		if (is_held(s, area))
			errs = REF_ERR(EBUSY);
	}
	return errs;
}

static void areas_vanish(struct ref_space *s, unsigned long first,
			 unsigned long last)
{
	for (unsigned int i = 0; i != s->nr;) {
		struct ref_area *area = &s->area[i];

		if (!ref_overlap(area->first, area->last, first, last)) {
			i++;
			continue;
		}
		MODEL_CHECK(!area->pins, "what an access has pinned is unmapped");
		if (s->domains)
			ref_area_unclaim(area);
		ref_area_remove(s, area);
	}
}

void op_unmap(unsigned int space, unsigned long iova, unsigned long length)
{
	struct ref_space *s = &ref_spaces[space];
	unsigned long bytes = 0, unmapped = 0, last = 0;
	u64 errs;
	int rc;

	OP("(%u, 0x%lx, 0x%lx)", space, iova, length);
	if (!length)
		errs = REF_ERR(EINVAL);
	else if (check_add_overflow(iova, length - 1, &last))
		errs = REF_ERR(EOVERFLOW);
	else
		errs = unmap_errs(s, iova, last, &bytes);
	if (!errs && !bytes)
		errs = REF_ERR(ENOENT);
	rc = iopgt_unmap(&s->iopt, iova, length, &unmapped);
	if (ref_settle(errs, rc)) {
		MODEL_CHECK(model_short || unmapped == bytes,
			    "0x%lx bytes are unmapped, not 0x%lx", unmapped,
			    bytes);
		areas_vanish(s, iova, last);
	}
	op_end(rc);
}

void op_unmap_all(unsigned int space)
{
	struct ref_space *s = &ref_spaces[space];
	unsigned long bytes, unmapped = 0;
	u64 errs;
	int rc;

	OP("(%u)", space);
	errs = unmap_errs(s, 0, ULONG_MAX, &bytes);
	rc = iopgt_unmap_all(&s->iopt, &unmapped);
	if (ref_settle(errs, rc)) {
		MODEL_CHECK(model_short || unmapped == bytes,
			    "0x%lx bytes are unmapped, not 0x%lx", unmapped,
			    bytes);
		areas_vanish(s, 0, ULONG_MAX);
	}
	op_end(rc);
}

void op_cut(unsigned int space, unsigned long iova)
{
	struct ref_space *s = &ref_spaces[space];
	struct ref_area *area = ref_area_at(s, iova), upper;
	u64 errs = 0;
	int rc;

	OP("(%u, 0x%lx)", space, iova);
	if (area && area->first == iova)
		area = NULL;
	if (area) {
		upper = *area;
		upper.first = iova;
		upper.start += iova - area->first;
		if (area->pins)
			errs = REF_ERR(EBUSY);
		else if ((iova | upper.start) & (ref_alignment(s) - 1))
			errs = REF_ERR(EINVAL);
		else if (s->domains && (!s->split || offset_in_page(upper.start) ||
					area->range->type == PAGES_DMABUF))
			errs = REF_ERR(EINVAL);
	}
	rc = iopgt_cut(&s->iopt, &iova, 1);
	if (ref_settle(errs, rc) && area) {
		/* Without domains a page may be shown by both */
		area->last = iova - 1;
		ref_area_add(s, &upper);
	}
	op_end(rc);
}

u64 op_align_errs(const struct ref_space *s, unsigned long alignment)
{
	for (unsigned int i = 0; i != s->nr; i++)
		if ((s->area[i].first | s->area[i].start |
		     (s->area[i].last - s->area[i].first + 1)) &
		    (alignment - 1))
			return REF_ERR(EADDRINUSE);
	return 0;
}

void op_huge_pages(unsigned int space, bool enable)
{
	struct ref_space *s = &ref_spaces[space];
	u64 errs = 0;
	int rc;

	OP("(%u, %d)", space, enable);
	if (!enable && !s->split) {
		if (s->domains && s->nr)
			errs = REF_ERR(EBUSY) | REF_ERR(EINVAL);
		else
			errs = op_align_errs(s, PAGE_SIZE);
	}
	rc = iopgt_set_huge_pages(&s->iopt, enable);
	if (ref_settle(errs, rc))
		s->split = !enable;
	op_end(rc);
}

u64 op_reserve_errs(const struct ref_space *s, unsigned long first,
		    unsigned long last)
{
	if (!ref_is_free(s, first, last))
		return REF_ERR(EADDRINUSE);
	for (unsigned int i = 0; i != s->nr_allowed; i++)
		if (ref_overlap(first, last, s->allowed[i].first,
				s->allowed[i].last))
			return REF_ERR(EADDRINUSE);
	return 0;
}

/* As the objects do: what may be slow to pin is pinned outside of locks */
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

static u64 try_claim_area(const struct ref_area *area)
{
	return ref_try_claim(area->range, ref_page(area, area->first),
			     ref_page(area, area->last));
}

static void end_try_area(const struct ref_area *area)
{
	ref_end_try(area->range, ref_page(area, area->first),
		    ref_page(area, area->last));
}

/* User memory comes first: it is pinned without locks. What is due? */
static u64 try_claim_all(const struct ref_space *s)
{
	unsigned int order[REF_AREAS], nr = 0, tried = 0;
	u64 errs = 0;

	for (unsigned int i = 0; i != s->nr; i++)
		if (s->area[i].range->type == PAGES_USER)
			order[nr++] = i;
	for (unsigned int i = 0; i != s->nr; i++)
		if (s->area[i].range->type != PAGES_USER)
			order[nr++] = i;
	while (tried != nr && !errs)
		errs = try_claim_area(&s->area[order[tried++]]);
	while (tried)
		end_try_area(&s->area[order[--tried]]);
	return errs;
}

void op_add_domain(unsigned int space, unsigned int domain)
{
	struct model_domain *d = &model_domains[domain];
	const struct iommu_domain_geometry *geometry = &d->domain.geometry;
	struct ref_space *s = &ref_spaces[space];
	u64 errs = 0;
	unsigned int i;
	int rc;

	OP("(%u, %u)", space, domain);
	errs |= op_align_errs(s, 1UL << __ffs(d->domain.pgsize_bitmap));
	if (geometry->force_aperture) {
		if (geometry->aperture_start)
			errs |= op_reserve_errs(s, 0, geometry->aperture_start - 1);
		if (geometry->aperture_end != ULONG_MAX)
			errs |= op_reserve_errs(s, geometry->aperture_end + 1,
					     ULONG_MAX);
	}
	if (!errs && !s->domains)
		errs = try_claim_all(s);
	rc = add_domain(&s->iopt, &d->member);
	if (ref_settle(errs, rc)) {
		for (i = 0; i != s->nr && !s->domains; i++)
			ref_area_claim(&s->area[i]);
		s->domains++;
		d->space = space;
		d->changed = true;
	}
	op_end(rc);
}

void op_remove_domain(unsigned int domain)
{
	struct model_domain *d = &model_domains[domain];
	struct ref_space *s = &ref_spaces[d->space];

	OP("(%u)", domain);
	/* It is made anew where it is freed, too */
	if (domain & 1)
		iopgt_free_domain(&s->iopt, &d->member);
	else
		iopgt_remove_domain(&s->iopt, &d->member);
	d->space = -1;
	d->changed = true;
	if (!--s->domains)
		for (unsigned int i = 0; i != s->nr; i++)
			ref_area_unclaim(&s->area[i]);
	op_end(0);
}

void model_begin(const struct model_setup *setup)
{
	model_setup = *setup;
	model_faults_seen = 0;
	race_reset();
	budgets[0] = (struct pin_budget){};
	budgets[1] = (struct pin_budget){ .by_process = true };
	model_machine_reset();
	model_iommu_reset();
	ref_reset();
}

/* Everybody goes; after a short unmap only what must be true then is checked */
void model_end(void)
{
	op_return_overheads();
	for (unsigned int i = 0; i != MODEL_ACCESSES; i++)
		if (ref_accesses[i].space >= 0)
			op_remove_access(i);
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++)
		if (model_domains[i].space >= 0)
			op_remove_domain(i);
	for (unsigned int i = 0; i != MODEL_SPACES; i++) {
		struct ref_space *s = &ref_spaces[i];

		areas_vanish(s, 0, ULONG_MAX);
		iopgt_destroy(&s->iopt);
		MODEL_CHECK(model_short || gap_tree_empty(&s->iopt.areas),
			    "areas are left in an IOVA space that ends");
	}
	ref_check();
	if (model_short)
		return;
	model_machine_check_end();
	for (unsigned int i = 0; i != ARRAY_SIZE(budgets); i++)
		MODEL_CHECK(!atomic_long_read(&budgets[i].npages),
			    "a context stays charged");
}
