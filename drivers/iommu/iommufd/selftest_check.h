/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The invariant checker, and what it is tested with: CONFIG_IOMMUFD_TEST.
 */
#ifndef __IOMMUFD_SELFTEST_CHECK_H
#define __IOMMUFD_SELFTEST_CHECK_H

#include <linux/types.h>
#include <linux/xarray.h>

struct io_pagetable;
struct iommufd_ctx;
struct iommufd_pages;
struct iommufd_ucmd;
struct mm_struct;
struct mock_domain;
struct user_struct;

/* Processes that pay for one context's pages, as far as they are told apart */
#define CHECK_PAYERS 8

/**
 * struct check_payer - what one process, or its user, was charged
 * @mm: the process
 * @user: of PIN_CHARGE_USER mode, or NULL
 * @npages: pages charged together
 * @locked: how many of them count as locked by @mm
 */
struct check_payer {
	struct mm_struct *mm;
	struct user_struct *user;
	unsigned long npages;
	unsigned long locked;
};

/**
 * struct invariant_check - a check of one context
 * @violations: what was found
 * @quiet: do not log it: a test of the checker
 * @unreadable: a store of runs is broken: pages cannot be looked up
 * @folios: pins that the context must have on a folio, by its first PFN
 * @room: how many more folios are remembered there
 * @payers: who was charged
 * @nr_payers: how many
 */
struct invariant_check {
	unsigned int violations;
	bool quiet;
	bool unreadable;
	struct xarray folios;
	unsigned int room;
	struct check_payer payers[CHECK_PAYERS];
	unsigned int nr_payers;
};

/**
 * struct area_ref - an area, as its pages know it
 * @pages: what it shows
 * @first: first page index
 * @last: last page index, inclusive
 * @domains: that it is mapped into
 * @pins: of in-kernel accesses, and what they have under way
 * @under_way: those of @pins that are not pins, or not yet; under the lock of @pages
 * @claimed: it has a claim
 * @mapping: it is being mapped: who does so may pin its memory right now
 * @preparing: somebody may be claiming it, to attach a first domain
 */
struct area_ref {
	struct iommufd_pages *pages;
	unsigned long first;
	unsigned long last;
	unsigned int domains;
	const atomic_t *pins;
	const atomic_t *under_way;
	bool claimed;
	bool mapping;
	bool preparing;
};

/**
 * struct mock_leaf - an entry of a mock page table that translates
 * @iova: first IOVA
 * @length: bytes
 * @phys: where they are
 * @prot: IOMMU_READ, IOMMU_WRITE
 */
struct mock_leaf {
	unsigned long iova;
	unsigned long length;
	phys_addr_t phys;
	int prot;
};

/* selftest_check.c */
__printf(2, 3)
void check_failed(struct invariant_check *check, const char *fmt, ...);
void check_freeze(struct iommufd_ctx *ictx, struct list_head *frozen);
void check_thaw(struct list_head *frozen);
void check_frozen(struct iommufd_ctx *ictx, struct list_head *frozen,
		  struct invariant_check *check);
void check_init(struct invariant_check *check, bool quiet);
void check_destroy(struct invariant_check *check);
int test_check_invariants(struct iommufd_ucmd *ucmd);

/* What is not to hold is a violation */
#define check_that(check, condition, fmt, ...)                                 \
	do {                                                                   \
		if (unlikely(!(condition)))                                    \
			check_failed(check, fmt, ##__VA_ARGS__);               \
	} while (0)

/* selftest_check_pages.c */
void check_pages(struct invariant_check *check, struct iommufd_pages *pages,
		 const struct area_ref *refs, size_t nr);
bool check_pages_phys(struct iommufd_pages *pages, unsigned long start,
		      unsigned long length, phys_addr_t phys);
void check_payers(struct invariant_check *check);
unsigned long check_folio_pins(unsigned long pfn);

/* selftest_walk.c */
unsigned int mock_domain_leaves(struct mock_domain *mock, unsigned long iova,
				struct mock_leaf *leaves, unsigned int max);

/* selftest_corrupt.c */
int test_corrupt(struct iommufd_ucmd *ucmd);
#endif
