// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference's state, and what is compared with it after each call: what is
 * pinned, who pays, and what each device can reach.
 */
#include "area.h"
#include "ops.h"
#include "ref.h"

struct ref_space ref_spaces[MODEL_SPACES];
struct ref_access ref_accesses[MODEL_ACCESSES];

static struct ref_range ranges[REF_RANGES];
static unsigned int ranges_used;
static unsigned short ref_pins[MODEL_FRAMES];
static long ref_pinned[MODEL_TASKS], ref_locked_mm[MODEL_TASKS];
static long ref_locked_user[MODEL_USERS];
static long ref_owners[MODEL_OWNED_NS], ref_overhead[MODEL_TASKS];

static unsigned int user_of(unsigned int task)
{
	return task % MODEL_USERS;
}

void ref_reset(void)
{
	memset(ref_pins, 0, sizeof(ref_pins));
	memset(ref_pinned, 0, sizeof(ref_pinned));
	memset(ref_locked_mm, 0, sizeof(ref_locked_mm));
	memset(ref_locked_user, 0, sizeof(ref_locked_user));
	memset(ref_owners, 0, sizeof(ref_owners));
	memset(ref_overhead, 0, sizeof(ref_overhead));
	ranges_used = 0;
	for (unsigned int i = 0; i != MODEL_SPACES; i++) {
		struct ref_space *s = &ref_spaces[i];

		iopgt_init(&s->iopt);
		s->nr = 0;
		s->domains = 0;
		s->split = false;
		s->changed = false;
		s->nr_reserved = 0;
		s->nr_allowed = 0;
	}
	for (unsigned int i = 0; i != MODEL_ACCESSES; i++) {
		ref_accesses[i].space = -1;
		ref_accesses[i].nr = 0;
	}
}

/* Is an errno one that is due? Then whether the call has succeeded */
bool ref_settle(u64 errs, int rc)
{
	if (model_short)
		return !rc;
	if (model_fault_hit) {
		if (!rc && !errs)
			return true;
		errs |= REF_ERRS_OF_FAULTS;
	}
	if (!errs)
		MODEL_CHECK(!rc, "error %d where none is due", rc);
	else
		MODEL_CHECK(rc < 0 && rc > -128 && (errs & REF_ERR(-rc)),
			    "error %d is not one that is due", rc);
	return !rc;
}

unsigned long ref_alignment(const struct ref_space *s)
{
	unsigned long alignment = s->split ? PAGE_SIZE : 1;
	int nr = s - ref_spaces;

	for (unsigned int i = 0; i != MODEL_DOMAINS; i++)
		if (model_domains[i].space == nr)
			alignment = max(alignment,
					1UL << __ffs(model_domains[i].domain.pgsize_bitmap));
	for (unsigned int i = 0; i != MODEL_ACCESSES; i++)
		if (ref_accesses[i].space == nr)
			alignment = max(alignment,
					ref_accesses[i].access.alignment);
	return alignment;
}

bool ref_is_free(const struct ref_space *s, unsigned long first,
		 unsigned long last)
{
	for (unsigned int i = 0; i != s->nr; i++)
		if (ref_overlap(first, last, s->area[i].first, s->area[i].last))
			return false;
	return true;
}

bool ref_is_reserved(const struct ref_space *s, unsigned long first,
		     unsigned long last)
{
	int nr = s - ref_spaces;

	for (unsigned int i = 0; i != s->nr_reserved; i++)
		if (ref_overlap(first, last, s->reserved[i].first,
				s->reserved[i].last))
			return true;
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++) {
		const struct iommu_domain_geometry *geometry =
			&model_domains[i].domain.geometry;

		if (model_domains[i].space == nr && geometry->force_aperture &&
		    (first < geometry->aperture_start ||
		     last > geometry->aperture_end))
			return true;
	}
	return false;
}

/* The last IOVA of something reserved that has @iova; 0 where it is not reserved */
unsigned long ref_reserved_until(const struct ref_space *s, unsigned long iova)
{
	for (unsigned int i = 0; i != s->nr_reserved; i++)
		if (s->reserved[i].first <= iova && iova <= s->reserved[i].last)
			return s->reserved[i].last;
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++) {
		const struct iommu_domain_geometry *geometry =
			&model_domains[i].domain.geometry;

		if (model_domains[i].space != s - ref_spaces ||
		    !geometry->force_aperture)
			continue;
		if (iova < geometry->aperture_start)
			return geometry->aperture_start - 1;
		if (iova > geometry->aperture_end)
			return ULONG_MAX;
	}
	return 0;
}

/* Between these lie IOVAs that are given out to who did not ask for them */
#define REF_LOWEST_AUTO		1UL
#define REF_HIGHEST_AUTO	(ULONG_MAX - SZ_64K)
#define REF_HIGHEST_ALLOWED	(ULONG_MAX - PAGE_SIZE)

static bool auto_window_is_valid(const struct ref_space *s, unsigned long first,
				 unsigned long last)
{
	if (first < REF_LOWEST_AUTO || last > REF_HIGHEST_ALLOWED)
		return false;
	if (!s->nr_allowed)
		return last <= REF_HIGHEST_AUTO;
	for (unsigned int i = 0; i != s->nr_allowed; i++)
		if (first >= s->allowed[i].first && last <= s->allowed[i].last)
			return true;
	return false;
}

bool ref_auto_is_valid(const struct ref_space *s, unsigned long iova,
		       unsigned long length)
{
	unsigned long last = iova + (length - 1);

	return last >= iova && !(iova & (ref_alignment(s) - 1)) &&
	       ref_is_free(s, iova, last) && !ref_is_reserved(s, iova, last) &&
	       auto_window_is_valid(s, iova, last);
}

static bool auto_fits_behind(const struct ref_space *s, unsigned long at,
			     unsigned long length)
{
	unsigned long iova = ALIGN(at, ref_alignment(s));

	return iova >= at && ref_auto_is_valid(s, iova, length);
}

/* What lies lowest begins where something else ends */
bool ref_auto_exists(const struct ref_space *s, unsigned long length)
{
	if (auto_fits_behind(s, REF_LOWEST_AUTO, length))
		return true;
	for (unsigned int i = 0; i != s->nr_allowed; i++)
		if (auto_fits_behind(s, max(s->allowed[i].first, REF_LOWEST_AUTO),
				     length))
			return true;
	for (unsigned int i = 0; i != s->nr; i++)
		if (auto_fits_behind(s, s->area[i].last + 1, length))
			return true;
	for (unsigned int i = 0; i != s->nr_reserved; i++)
		if (auto_fits_behind(s, s->reserved[i].last + 1, length))
			return true;
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++) {
		const struct model_domain *d = &model_domains[i];

		if (d->space == s - ref_spaces &&
		    auto_fits_behind(s, d->domain.geometry.aperture_start,
				     length))
			return true;
	}
	return false;
}

struct ref_area *ref_area_at(struct ref_space *s, unsigned long iova)
{
	for (unsigned int i = 0; i != s->nr; i++)
		if (s->area[i].first <= iova && iova <= s->area[i].last)
			return &s->area[i];
	return NULL;
}

bool ref_covers(struct ref_space *s, unsigned long first, unsigned long last)
{
	struct ref_area *area;

	for (;;) {
		area = ref_area_at(s, first);
		if (!area || area->last >= last)
			return area;
		first = area->last + 1;
	}
}

enum pin_charge_mode ref_mode_of(unsigned int task, bool by_mm)
{
	if (model_tasks[task].capable)
		return PIN_CHARGE_NONE;
	return by_mm ? PIN_CHARGE_MM : PIN_CHARGE_USER;
}

bool ref_same_limit(unsigned int a, enum pin_charge_mode a_mode,
		    unsigned int b, enum pin_charge_mode b_mode)
{
	if (a_mode != PIN_CHARGE_USER || b_mode != PIN_CHARGE_USER ||
	    user_of(a) != user_of(b))
		return false;
	for (unsigned int ns = 0; ns != MODEL_OWNED_NS; ns++)
		if (model_task_in(a, ns) != model_task_in(b, ns))
			return false;
	return true;
}

static void owners_pay(unsigned int task, long npages)
{
	for (unsigned int ns = 0; ns != MODEL_OWNED_NS; ns++)
		if (model_task_in(task, ns))
			ref_owners[ns] += npages;
}

/* The owner of each namespace answers for what is in it, and in those below */
static u64 owners_can_pay(unsigned int task, unsigned long npages)
{
	for (unsigned int ns = 0; ns != MODEL_OWNED_NS; ns++)
		if (model_task_in(task, ns) &&
		    ref_owners[ns] + npages > model_ns_limit(ns) >> PAGE_SHIFT)
			return REF_ERR(ENOMEM);
	return 0;
}

void ref_pay_overhead(unsigned int task, long npages)
{
	ref_overhead[task] += npages;
	owners_pay(task, npages);
}

u64 ref_can_pay_overhead(unsigned int task, unsigned long npages)
{
	if (ref_overhead[task] + npages > model_tasks[task].memlock >> PAGE_SHIFT)
		return REF_ERR(ENOMEM);
	return owners_can_pay(task, npages);
}

void ref_pay(unsigned int task, enum pin_charge_mode mode, long npages)
{
	ref_pinned[task] += npages;
	if (mode == PIN_CHARGE_USER) {
		ref_locked_user[user_of(task)] += npages;
		owners_pay(task, npages);
	} else if (mode == PIN_CHARGE_MM) {
		ref_locked_mm[task] += npages;
	}
}

u64 ref_can_pay(unsigned int task, enum pin_charge_mode mode,
		unsigned long npages, unsigned long fresh)
{
	unsigned long limit = model_tasks[task].memlock >> PAGE_SHIFT;
	unsigned long now, by_process = 0;

	if (mode == PIN_CHARGE_NONE)
		return 0;
	for (unsigned int i = 0; i != MODEL_TASKS; i++)
		by_process += ref_locked_mm[i];
	if (mode == PIN_CHARGE_MM && fresh && by_process + fresh > limit)
		return REF_ERR(ENOMEM);
	now = mode == PIN_CHARGE_USER ? ref_locked_user[user_of(task)] :
					ref_locked_mm[task];
	if (now + npages > limit)
		return REF_ERR(ENOMEM);
	return mode == PIN_CHARGE_USER ? owners_can_pay(task, npages) : 0;
}

struct ref_range *ref_range_new(enum pages_type type, unsigned int owner,
				unsigned long first, unsigned long npages,
				bool writable, bool by_mm)
{
	unsigned int task = ref_current();
	struct ref_range *range = ranges;

	while (range != ranges + ranges_used && range->refs)
		range++;
	if (range == ranges + ranges_used) {
		MODEL_CHECK(ranges_used != REF_RANGES, "too many ranges");
		ranges_used++;
	}
	MODEL_CHECK(npages <= MODEL_VA_PAGES, "a range of %lu pages", npages);
	range->refs = 0;
	range->type = type;
	range->writable = writable;
	range->revoked = false;
	range->owner = owner;
	range->first = first;
	range->npages = npages;
	range->payer = task;
	range->mode = ref_mode_of(task, by_mm);
	memset(range->claims, 0, npages * sizeof(range->claims[0]));
	return range;
}

/* The exporter of a dma-buf takes it back */
void ref_revoke(unsigned int dmabuf)
{
	for (struct ref_range *r = ranges; r != ranges + ranges_used; r++)
		if (r->refs && r->type == PAGES_DMABUF && r->owner == dmabuf)
			r->revoked = true;
	for (unsigned int i = 0; i != MODEL_SPACES; i++)
		ref_spaces[i].changed = true;
}

static u64 can_pin(const struct ref_range *range, unsigned long page)
{
	unsigned long at = range->first + page;
	unsigned char flags = 0;

	if (range->type == PAGES_FILE)
		return at < model_files[range->owner].npages ? 0 :
							       REF_ERR(EINVAL);
	if (range->type == PAGES_DMABUF)
		return 0;
	if (at < MODEL_VA_PAGES)
		flags = model_mms[range->owner].va[at].flags;
	if (!(flags & MODEL_VA_MAPPED) ||
	    (range->writable && !(flags & MODEL_VA_WRITE)))
		return REF_ERR(EFAULT);
	return 0;
}

static u64 pay_for(const struct ref_range *range, unsigned long npages)
{
	u64 errs;

	if (!npages || range->type == PAGES_DMABUF)
		return 0;
	errs = ref_can_pay(range->payer, range->mode, npages, npages);
	ref_pay(range->payer, range->mode, npages);
	return errs;
}

/* What is due if pages are claimed next; until ref_end_try() they are claimed */
u64 ref_try_claim(struct ref_range *range, unsigned long first,
		  unsigned long last)
{
	unsigned long npages = 0;
	u64 errs = 0;

	for (unsigned long i = first; i <= last; i++) {
		if (range->claims[i]++)
			continue;
		errs |= can_pin(range, i);
		npages++;
	}
	return errs | pay_for(range, npages);
}

void ref_end_try(struct ref_range *range, unsigned long first,
		 unsigned long last)
{
	long npages = 0;

	for (unsigned long i = first; i <= last; i++)
		npages += !--range->claims[i];
	if (range->type != PAGES_DMABUF)
		ref_pay(range->payer, range->mode, -npages);
}

int ref_frame_of(const struct ref_range *range, unsigned long page)
{
	unsigned long at = range->first + page;

	if (range->type == PAGES_USER)
		return model_mms[range->owner].va[at].frame;
	if (range->type == PAGES_FILE)
		return model_files[range->owner].frame[at];
	return model_frame_of(model_dmabufs[range->owner].pfn + at);
}

void ref_claim(struct ref_range *range, unsigned long first, unsigned long last)
{
	unsigned long npages = 0;

	for (unsigned long i = first; i <= last; i++) {
		if (range->claims[i]++)
			continue;
		range->frame[i] = ref_frame_of(range, i);
		MODEL_CHECK(range->frame[i] >= 0, "what is pinned is not there");
		if (range->type != PAGES_DMABUF) {
			ref_pins[range->frame[i]]++;
			npages++;
		}
	}
	ref_pay(range->payer, range->mode, npages);
}

void ref_unclaim(struct ref_range *range, unsigned long first,
		 unsigned long last)
{
	long npages = 0;

	for (unsigned long i = first; i <= last; i++) {
		MODEL_CHECK(range->claims[i], "the reference lost count of claims");
		if (--range->claims[i] || range->type == PAGES_DMABUF)
			continue;
		ref_pins[range->frame[i]]--;
		npages++;
	}
	ref_pay(range->payer, range->mode, -npages);
}

void ref_range_put(struct ref_range *range)
{
	range->refs--;
}

void ref_area_claim(struct ref_area *area)
{
	ref_claim(area->range, ref_page(area, area->first),
		  ref_page(area, area->last));
}

void ref_area_unclaim(struct ref_area *area)
{
	ref_unclaim(area->range, ref_page(area, area->first),
		    ref_page(area, area->last));
}

void ref_area_add(struct ref_space *s, const struct ref_area *area)
{
	unsigned int i = s->nr;

	MODEL_CHECK(s->nr != REF_AREAS, "too many areas");
	for (; i && s->area[i - 1].first > area->first; i--)
		s->area[i] = s->area[i - 1];
	s->area[i] = *area;
	s->nr++;
	area->range->refs++;
	s->changed = true;
}

void ref_area_remove(struct ref_space *s, struct ref_area *area)
{
	ref_range_put(area->range);
	memmove(area, area + 1, (s->area + --s->nr - area) * sizeof(*area));
	s->changed = true;
}

/* Does a leaf show what the area has there? */
static void check_leaf(const struct ref_area *area,
		       const struct model_leaf *leaf)
{
	unsigned long page = ref_page(area, leaf->iova);
	int prot = area->prot;

	if (area->range->type == PAGES_DMABUF)
		prot = (prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	MODEL_CHECK(leaf->prot == prot, "prot at 0x%lx is 0x%x, not 0x%x",
		    leaf->iova, leaf->prot, prot);
	MODEL_CHECK(offset_in_page(leaf->phys) ==
			    offset_in_page(area->start +
					   (leaf->iova - area->first)),
		    "a device reaches another part of the page at 0x%lx",
		    leaf->iova);
	for (unsigned long at = 0; at < 1UL << leaf->shift;
	     at += PAGE_SIZE, page++)
		MODEL_CHECK(area->range->frame[page] ==
				    leaf->frame + (int)(at >> PAGE_SHIFT),
			    "a device reaches PFN 0x%lx at 0x%lx, not PFN 0x%lx",
			    model_frames[leaf->frame].pfn + (at >> PAGE_SHIFT),
			    leaf->iova + at,
			    model_frames[area->range->frame[page]].pfn);
}

/* A domain reaches what the areas show, and nothing else */
static void check_domain(const struct model_domain *d)
{
	const struct ref_space *s = d->space < 0 ? NULL : &ref_spaces[d->space];
	unsigned int i = 0;

	for (unsigned int k = 0; s && k != s->nr; k++) {
		const struct ref_area *area = &s->area[k];
		unsigned long at = area->first;

		if (area->range->revoked)
			continue;
		for (;; i++) {
			const struct model_leaf *leaf = &d->leaf[i];

			MODEL_CHECK(i != d->nr && leaf->iova == at,
				    "domain %td does not show 0x%lx",
				    d - model_domains, at);
			MODEL_CHECK(model_leaf_last(leaf) <= area->last,
				    "a leaf sticks out of its area");
			check_leaf(area, leaf);
			at = model_leaf_last(leaf) + 1;
			if (model_leaf_last(leaf) == area->last)
				break;
		}
		i++;
	}
	MODEL_CHECK(i == d->nr, "domain %td shows 0x%lx, which is not mapped",
		    d - model_domains, d->leaf[i].iova);
	MODEL_CHECK(!d->nr_stale, "the IOTLB of domain %td is not flushed at 0x%lx",
		    d - model_domains, d->stale[0].iova);
}

/* The runs behind what the driver has mapped, by its own measure */
static void check_stores(struct ref_space *s)
{
	struct iopgt_area *area;
	struct gap_node *node;

	for_each_area(area, &s->iopt) {
		struct gap_tree *extents = &area->pages->extents;

		for (node = gap_tree_first_in(extents, 0, ULONG_MAX); node;
		     node = gap_tree_next_in(node, ULONG_MAX)) {
			struct pages_extent *extent =
				container_of(node, struct pages_extent, node);
			const char *wrong = pfn_store_check(&extent->store->runs);

			MODEL_CHECK(!wrong, "a store: %s", wrong);
		}
	}
}

static void check_charges(void)
{
	long by_process = 0;

	for (unsigned int i = 0; i != MODEL_TASKS; i++) {
		struct mm_struct *mm = &model_mms[i].mm;

		MODEL_CHECK(atomic64_read(&mm->pinned_vm) == ref_pinned[i],
			    "process %u has %ld pages pinned, not %ld", i,
			    (long)atomic64_read(&mm->pinned_vm), ref_pinned[i]);
		MODEL_CHECK((long)mm->locked_vm == ref_locked_mm[i],
			    "process %u is charged %ld pages, not %ld", i,
			    (long)mm->locked_vm, ref_locked_mm[i]);
		by_process += ref_locked_mm[i];
	}
	MODEL_CHECK(atomic_long_read(&op_budget(true)->npages) == by_process,
		    "the context has charged %ld pages by process, not %ld",
		    (long)atomic_long_read(&op_budget(true)->npages),
		    by_process);
	MODEL_CHECK(!atomic_long_read(&op_budget(false)->npages),
		    "a context that charges by user has charged by process");
	for (unsigned int i = 0; i != MODEL_USERS; i++)
		MODEL_CHECK(atomic_long_read(&model_users[i].locked_vm) ==
				    ref_locked_user[i],
			    "user %u is charged %ld pages, not %ld", i,
			    (long)atomic_long_read(&model_users[i].locked_vm),
			    ref_locked_user[i]);
}

static long memlock_of(const struct ucounts *counts)
{
	return atomic_long_read(&counts->rlimit[UCOUNT_RLIMIT_MEMLOCK]);
}

static void check_owners(void)
{
	for (unsigned int ns = 0; ns != MODEL_OWNED_NS; ns++) {
		long is = memlock_of(&model_owners[ns]);

		MODEL_CHECK(is == ref_owners[ns],
			    "the owner of namespace %u answers for %ld pages, not %ld",
			    ns, is, ref_owners[ns]);
	}
	for (unsigned int i = 0; i != MODEL_TASKS; i++) {
		long is = memlock_of(&model_ucounts[i]);

		MODEL_CHECK(is == ref_overhead[i],
			    "process %u has an overhead of %ld pages, not %ld",
			    i, is, ref_overhead[i]);
	}
}

/* After a short unmap: whatever a device reaches is pinned, or live MMIO */
static void check_closed(void)
{
	for (unsigned int i = 0; i != MODEL_FRAMES; i++) {
		const struct model_frame *f = &model_frames[i];

		MODEL_CHECK(!f->reach || model_pins[i] || f->mmio,
			    "PFN 0x%lx can be reached, and is not pinned",
			    f->pfn);
	}
}

static void check_pins(void)
{
	if (!memcmp(ref_pins, model_pins, sizeof(ref_pins)))
		return;
	for (unsigned int i = 0; i != MODEL_FRAMES; i++)
		MODEL_CHECK(ref_pins[i] == model_pins[i],
			    "PFN 0x%lx has %u pins, not %u", model_frames[i].pfn,
			    model_pins[i], ref_pins[i]);
}

/* After each call */
void ref_check(void)
{
	model_check_locks();
	if (model_short) {
		check_closed();
		return;
	}
	check_pins();
	check_charges();
	check_owners();
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++) {
		struct model_domain *d = &model_domains[i];

		if (d->changed || (d->space >= 0 && ref_spaces[d->space].changed))
			check_domain(d);
		d->changed = false;
	}
	for (unsigned int i = 0; i != MODEL_SPACES; i++) {
		if (ref_spaces[i].changed && model_ops % 4 == 0)
			check_stores(&ref_spaces[i]);
		ref_spaces[i].changed = false;
	}
}
