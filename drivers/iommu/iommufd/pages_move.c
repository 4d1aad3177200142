// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing who pays for a range that is pinned (IOMMU_IOAS_CHANGE_PROCESS): in two
 * steps, so that it is done for all ranges or for none.
 */
#include "pages.h"

/**
 * pages_move_collect() - Count what another process is to pay for
 * @pages: a range; counted once however often it is given
 * @move: gets its pages added
 *
 * Context: nothing claims or unclaims until pages_move_finish().
 * Return: 0, or -EINVAL for memory that belongs to a process.
 */
int pages_move_collect(struct iommufd_pages *pages, struct pages_move *move)
{
	if (pages->type == PAGES_USER)
		return -EINVAL;
	if (pages->moving || pin_payer_same(&pages->payer, &move->payer))
		return 0;
	pages->moving = true;
	if (!pin_payer_same_limit(&pages->payer, &move->payer))
		move->npages += pages->charged;
	return 0;
}

/**
 * pages_move_finish() - Change who pays, or leave it
 * @pages: a range, whether it was collected or not
 * @move: as it was collected to
 * @commit: the new payer has been charged for all that was collected
 */
void pages_move_finish(struct iommufd_pages *pages,
		       const struct pages_move *move, bool commit)
{
	if (!pages->moving)
		return;
	pages->moving = false;
	if (!commit)
		return;
	if (pin_payer_same_limit(&pages->payer, &move->payer))
		pin_transfer(&pages->payer, &move->payer, pages->charged);
	else
		pin_uncharge(&pages->payer, pages->charged);
	pin_payer_release(&pages->payer);
	pin_payer_copy(&pages->payer, &move->payer);
}
