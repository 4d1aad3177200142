// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing who pays for ranges that are pinned (IOMMU_IOAS_CHANGE_PROCESS): in two
 * steps, so that it is done for all ranges or for none.
 *
 * The first step charges the new payer, range by range. From then on both pay, also
 * for what is pinned and unpinned meanwhile, and each under the range's lock. The
 * second step pays back to one of them. So nothing has to stand still.
 */
#include <linux/slab.h>

#include "pages.h"

/**
 * struct pages_moving - a range that two payers pay for
 * @pages: the range, referenced: it may be unmapped meanwhile
 * @next: the next one of the same pages_move
 */
struct pages_moving {
	struct iommufd_pages *pages;
	struct pages_moving *next;
};

/**
 * pages_move_add() - Have another process pay for a range, too
 * @move: gets the range; to be ended by pages_move_end()
 * @pages: a range; charged once however often it is given
 *
 * Context: may sleep, takes the range's lock. One pages_move at a time has to do
 * with a range.
 * Return: 0; -EINVAL for memory that belongs to a process; -ENOMEM without memory,
 * or where RLIMIT_MEMLOCK would be exceeded; -EINTR if killed.
 */
int pages_move_add(struct pages_move *move, struct iommufd_pages *pages)
{
	struct pages_moving *moving;
	int rc;

	if (pages->type == PAGES_USER)
		return -EINVAL;
	/* Only a pages_move changes either */
	if (pages->moving || pin_payer_same(&pages->payer, &move->payer))
		return 0;
	moving = kmalloc_obj(*moving, GFP_KERNEL_ACCOUNT);
	if (!moving)
		return -ENOMEM;
	if (mutex_lock_killable(&pages->lock)) {
		kfree(moving);
		return -EINTR;
	}
	rc = pin_move_charge(&pages->payer, &move->payer, pages->charged);
	if (!rc) {
		pin_set_new_payer(&pages->payer, &move->payer);
		pages->moving = true;
	}
	mutex_unlock(&pages->lock);
	if (rc) {
		kfree(moving);
		return rc;
	}
	moving->pages = pages_get(pages);
	moving->next = move->ranges;
	move->ranges = moving;
	return 0;
}

static void pages_move_end_one(struct iommufd_pages *pages, bool commit)
{
	const struct pin_payer *new_payer = pin_new_payer(&pages->payer);
	struct pin_payer old;

	if (!commit) {
		guard(mutex)(&pages->lock);
		pin_move_uncharge(&pages->payer, new_payer, pages->charged);
		pages->moving = false;
		return;
	}
	scoped_guard(mutex, &pages->lock) {
		pin_move_commit(&pages->payer, new_payer, pages->charged);
		old = pages->payer;
		pin_payer_copy(&pages->payer, new_payer);
		pages->moving = false;
	}
	pin_payer_release(&old);
}

/**
 * pages_move_end() - Have one process pay again
 * @move: with the ranges that were added
 * @commit: the new one, else the old one
 *
 * Context: may sleep, takes each range's lock; may release a range that was
 * unmapped meanwhile.
 */
void pages_move_end(struct pages_move *move, bool commit)
{
	struct pages_moving *moving;

	while ((moving = move->ranges)) {
		move->ranges = moving->next;
		pages_move_end_one(moving->pages, commit);
		pages_put(moving->pages);
		kfree(moving);
		cond_resched();
	}
}
