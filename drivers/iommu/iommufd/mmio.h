/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driver MMIO that userspace may mmap() from a context's file. The driver core
 * (driver.c) keeps the table, the module (mmio.c) maps.
 */
#ifndef __IOMMUFD_MMIO_H
#define __IOMMUFD_MMIO_H

#include <linux/types.h>

struct file;
struct iommufd_object;
struct vm_area_struct;

/**
 * struct iommufd_mmio - a range that may be mapped
 * @owner: the object that it belongs to; a mapping holds it
 * @phys: first physical address, page aligned
 * @first: mmap offset in pages: its first index in iommufd_ctx::mmio_tree
 * @num_pages: length in pages
 *
 * Lives in iommufd_ctx::mmio_tree, whose lock protects its presence there.
 */
struct iommufd_mmio {
	struct iommufd_object *owner;
	phys_addr_t phys;
	unsigned long first;
	unsigned long num_pages;
};

int iommufd_fops_mmap(struct file *file, struct vm_area_struct *vma);
#endif
