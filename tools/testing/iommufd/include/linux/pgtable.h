/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables of processes, as GUP-fast reads them. The environment has the huge
 * entries (shim_huge_entry()); what they stand in is not looked at.
 */
#ifndef _SHIM_PGTABLE_H
#define _SHIM_PGTABLE_H

#include <linux/cleanup.h>
#include <linux/mm.h>

/* Interrupts are off: nobody may sleep */
DEFINE_LOCK_GUARD_0(irq, shim_atomic_begin(), shim_atomic_end())

typedef struct { struct mm_struct *mm; } pgd_t;
typedef struct { struct mm_struct *mm; } p4d_t;
typedef struct { struct mm_struct *mm; unsigned long addr; } pud_t;
typedef struct { struct mm_struct *mm; unsigned long addr; } pmd_t;

/**
 * shim_huge_entry() - The first page of a huge entry
 * @mm: the process's memory
 * @addr: an address
 * @size: PMD_SIZE or PUD_SIZE
 *
 * Return: the page, or NULL where no entry of that size maps @addr writably.
 */
struct page *shim_huge_entry(struct mm_struct *mm, unsigned long addr,
			     unsigned long size);

/* There is no table: a pointer to an entry is what tells which one it is */
#define pgd_offset(mm_, addr)		((pgd_t *)(mm_))
#define pgdp_get(p)			((pgd_t){ (struct mm_struct *)(p) })
#define pgd_present(pgd)		true
#define p4d_offset_lockless(p, pgd, addr) ((p4d_t *)(p))
#define p4dp_get(p)			((p4d_t){ (struct mm_struct *)(p) })
#define p4d_present(p4d)		true
#define pud_offset_lockless(p, p4d, a) (&(pud_t){ (p4d).mm, a })
#define pudp_get(p)			(*(p))
#define pud_present(pud)		true
#define pud_page(pud)			shim_huge_entry((pud).mm, (pud).addr, PUD_SIZE)
#define pud_leaf(pud)			(!!pud_page(pud))
#define pud_special(pud)		false
#define pud_access_permitted(pud, write) true
#define pmd_offset_lockless(p, pud, a) (&(pmd_t){ (pud).mm, a })
#define pmdp_get_lockless(p)		(*(p))
#define pmd_present(pmd)		true
#define pmd_page(pmd)			shim_huge_entry((pmd).mm, (pmd).addr, PMD_SIZE)
#define pmd_leaf(pmd)			(!!pmd_page(pmd))
#define pmd_protnone(pmd)		false
#define pmd_special(pmd)		false
#define pmd_access_permitted(pmd, write) true

#endif
