// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that in-kernel users pin. A pin is a claim that is written down: who made
 * it, and of what. So nobody can give back what somebody else has claimed, an area
 * of its IOVA space for example, for that is what devices can reach.
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "pages.h"

/* The longest one of @user that is no longer than @npages */
static struct pages_pin *extent_find_pin(struct pages_extent *extent,
					 unsigned long npages, const void *user,
					 unsigned long iova)
{
	struct pages_pin *found = NULL, *pin;

	for (pin = extent->pins; pin; pin = pin->next)
		if (pin->user == user && pin->iova == iova &&
		    pin->npages <= npages &&
		    (!found || found->npages < pin->npages))
			found = pin;
	return found;
}

/* Memory that comes with the extent, for its first pin */
static struct pages_pin *extent_own_pin(struct iommufd_pages *pages,
					struct pages_extent *extent)
{
	return extent == &pages->extent ? NULL : &extent_alone(extent)->pin;
}

static void pin_free(struct iommufd_pages *pages, struct pages_extent *extent,
		     struct pages_pin *pin)
{
	if (pin != extent_own_pin(pages, extent))
		kfree(pin);
}

static int extent_add_pin(struct iommufd_pages *pages,
			  struct pages_extent *extent, unsigned long npages,
			  const void *user, unsigned long iova)
{
	struct pages_pin *pin = extent_find_pin(extent, npages, user, iova);

	if (pin && pin->npages == npages) {
		/* Each one is a claim, and those can be counted */
		pin->count++;
		return 0;
	}
	pin = extent->pins ? NULL : extent_own_pin(pages, extent);
	if (!pin) {
		pin = kmalloc_obj(*pin, GFP_KERNEL_ACCOUNT);
		if (!pin)
			return -ENOMEM;
	}
	pin->user = user;
	pin->iova = iova;
	pin->npages = npages;
	pin->count = 1;
	pin->next = extent->pins;
	extent->pins = pin;
	return 0;
}

static void extent_drop_pin(struct iommufd_pages *pages,
			    struct pages_extent *extent, struct pages_pin *pin)
{
	struct pages_pin **link = &extent->pins;

	if (--pin->count)
		return;
	while (*link != pin)
		link = &(*link)->next;
	*link = pin->next;
	pin_free(pages, extent, pin);
}

/* The extent that begins with page @first; each pin begins with one */
static struct pages_extent *pages_extent_from(struct iommufd_pages *pages,
					      unsigned long first)
{
	struct pages_extent *extent = pages_find_extent(pages, first, first);

	return extent && extent->node.first == first ? extent : NULL;
}

/* Are they pins as a whole, one behind the other? */
static bool pages_are_pins(struct iommufd_pages *pages, unsigned long first,
			   unsigned long npages, const void *user,
			   unsigned long iova)
{
	struct pages_extent *extent;
	struct pages_pin *pin;

	while (npages) {
		extent = pages_extent_from(pages, first);
		pin = extent ? extent_find_pin(extent, npages, user, iova) :
			       NULL;
		if (!pin)
			return false;
		first += pin->npages;
		iova += pin->npages * PAGE_SIZE;
		npages -= pin->npages;
	}
	return true;
}

static void extents_get_pages(struct iommufd_pages *pages,
			      struct pages_extent *extent, unsigned long first,
			      unsigned long last, struct page **out_pages)
{
	for (;;) {
		unsigned long to = min(extent->node.last, last);
		struct pfn_cursor cursor;
		struct pfn_run run;

		pfn_cursor_seek(&cursor, &extent->store->runs,
				extent->offset + (first - extent->node.first),
				to - first + 1);
		while (pfn_cursor_next(&cursor, &run))
			for (unsigned long i = 0; i != run.npages; i++)
				*out_pages++ = pfn_to_page(run.pfn + i);
		if (to == last)
			return;
		first = to + 1;
		extent = pages_find_extent(pages, first, first);
	}
}

static int pages_pin_locked(struct iommufd_pages *pages, unsigned long first,
			    unsigned long npages, const void *user,
			    unsigned long iova, struct page **out_pages)
{
	unsigned long last = first + npages - 1;
	struct pages_extent *extent;
	int rc;

	rc = pages_add_claim(pages, first, last);
	if (rc)
		return rc;
	extent = pages_find_extent(pages, first, first);
	rc = extent_add_pin(pages, extent, npages, user, iova);
	if (rc) {
		pages_remove_claim(pages, extent, last);
		return rc;
	}
	if (out_pages)
		extents_get_pages(pages, extent, first, last, out_pages);
	return 0;
}

/* Where a kthread allocates memory, it is for the owner of the range */
static int pages_pin_for_owner(struct iommufd_pages *pages, unsigned long first,
			       unsigned long npages, const void *user,
			       unsigned long iova, struct page **out_pages)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(pages->payer.mm);
	struct mem_cgroup *old = set_active_memcg(memcg);
	int rc = pages_pin_locked(pages, first, npages, user, iova, out_pages);

	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return rc;
}

/**
 * pages_pin() - Claim whole pages for an in-kernel user, and say which they are
 * @pages: the range
 * @first: index of the first page
 * @npages: pages, not 0
 * @write: they will be written to
 * @user: who
 * @iova: where the user sees the first page
 * @out_pages: the struct pages, or NULL
 *
 * Given back by pages_unpin(). On success the lock is held, so that the caller can
 * write down as well that they are pinned; pages_unlock_turn() comes next.
 *
 * Context: may sleep, for as long as userspace likes; takes the lock, and does not
 * hold it while memory is pinned. In a kthread, memory is charged to the cgroup
 * of the process that pays for the range.
 * Return: as pages_claim(); -EPERM where @write is not allowed; -EINVAL for memory
 * without struct pages.
 */
int pages_pin(struct iommufd_pages *pages, unsigned long first,
	      unsigned long npages, bool write, const void *user,
	      unsigned long iova, struct page **out_pages)
{
	int rc;

	if (pages->type == PAGES_DMABUF)
		return -EINVAL;
	if (write && !pages->writable)
		return -EPERM;

	rc = pages_lock_turn(pages);
	if (rc)
		return rc;
	if (unlikely(!current->mm))
		rc = pages_pin_for_owner(pages, first, npages, user, iova,
					 out_pages);
	else
		rc = pages_pin_locked(pages, first, npages, user, iova,
				      out_pages);
	if (unlikely(rc))
		pages_unlock_turn(pages);
	return rc;
}

/**
 * pages_has_pins() - Could pages_unpin() give back a part?
 * @pages: the range
 * @first: index of the first page
 * @npages: pages, not 0
 * @user: who
 * @iova: where the user sees the first page
 *
 * Context: may sleep; takes the lock. The user neither pins nor unpins meanwhile.
 * Return: true if so.
 */
bool pages_has_pins(struct iommufd_pages *pages, unsigned long first,
		    unsigned long npages, const void *user, unsigned long iova)
{
	guard(mutex)(&pages->lock);
	return pages_are_pins(pages, first, npages, user, iova);
}

static unsigned int pages_unpin_several(struct iommufd_pages *pages,
					unsigned long first,
					unsigned long npages, const void *user,
					unsigned long iova)
{
	unsigned int pins;

	if (!pages_are_pins(pages, first, npages, user, iova))
		return 0;
	for (pins = 0; npages; pins++) {
		struct pages_extent *extent = pages_extent_from(pages, first);
		struct pages_pin *pin = extent_find_pin(extent, npages, user,
							iova);
		unsigned long n = pin->npages;

		extent_drop_pin(pages, extent, pin);
		pages_remove_claim(pages, extent, first + n - 1);
		npages -= n;
		first += n;
		iova += n * PAGE_SIZE;
	}
	return pins;
}

/**
 * pages_unpin() - Give back what an in-kernel user has pinned
 * @pages: the range
 * @first: index of the first page
 * @npages: pages, not 0
 * @user: who
 * @iova: where the user sees the first page
 *
 * One pin, or several that follow each other; none in part.
 *
 * Context: may sleep; takes the lock. Does not allocate.
 * Return: how many pins it were. 0 where the user has not pinned all of the pages:
 * then nothing has changed.
 */
unsigned int pages_unpin(struct iommufd_pages *pages, unsigned long first,
			 unsigned long npages, const void *user,
			 unsigned long iova)
{
	struct pages_extent *extent;
	struct pages_pin *pin;

	guard(mutex)(&pages->lock);
	extent = pages_find_extent(pages, first, first);
	if (unlikely(!extent))
		return 0;
	/* Most often it is the only one, or came last */
	pin = extent->pins;
	if (unlikely(!pin || pin->npages != npages || pin->iova != iova ||
		     pin->user != user || pin->count != 1))
		return pages_unpin_several(pages, first, npages, user, iova);
	extent->pins = pin->next;
	pin_free(pages, extent, pin);
	pages_remove_claim(pages, extent, first + npages - 1);
	return 1;
}
