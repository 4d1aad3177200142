/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory sources: where runs of pinned pages come from, and go back to.
 */
#ifndef __IOMMUFD_PIN_H
#define __IOMMUFD_PIN_H

#include <linux/types.h>

#include "pfn_run.h"

struct dma_buf;
struct dma_buf_attachment;
struct file;
struct mm_struct;
struct page;

int pin_user_memory(struct mm_struct *mm, unsigned long uaddr,
		    unsigned long npages, bool write, struct pfn_store *store);
bool pin_file_is_memory(struct file *file);
int pin_file_may_read(struct file *file);
int pin_file_allow_writing(struct file *file);
void pin_file_end_writing(struct file *file);
int pin_file_memory(struct file *file, unsigned long first,
		    unsigned long npages, struct pfn_store *store);
void pin_release_runs(const struct pfn_store *store, unsigned long first,
		      unsigned long npages, bool dirty);

struct page *pin_one_page(struct mm_struct *mm, unsigned long uaddr,
			  bool write);
struct page *pin_one_file_page(struct file *file, unsigned long index);

#endif
