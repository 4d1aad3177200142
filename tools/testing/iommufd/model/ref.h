/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference: what must be true, kept in arrays, and found by looking at all of
 * them. It knows of no run, extent or tree.
 */
#ifndef __MODEL_REF_H
#define __MODEL_REF_H

#include "model.h"

#define REF_AREAS	128
#define REF_RANGES	384
#define REF_RESERVED	16
#define REF_ALLOWED	4
#define REF_PINS	8

/**
 * struct ref_range - memory that was handed over by one call
 * @refs: areas that show it
 * @type: its kind
 * @writable: devices may write to it
 * @revoked: by the exporter of the dma-buf
 * @owner: whose it is: a task's, a file's, a dma-buf's number
 * @first: its first page in there
 * @npages: its size
 * @payer: the task that pays
 * @mode: what counts against what
 * @claims: how often each page is claimed
 * @frame: where each page is that is claimed
 */
struct ref_range {
	unsigned int refs;
	enum pages_type type;
	bool writable;
	bool revoked;
	unsigned int owner;
	unsigned long first;
	unsigned long npages;
	unsigned int payer;
	enum pin_charge_mode mode;
	unsigned short claims[MODEL_VA_PAGES];
	short frame[MODEL_VA_PAGES];
};

/**
 * struct ref_area - IOVAs that show a part of a range
 * @first: first IOVA
 * @last: last IOVA
 * @start: of the first one in @range, in bytes
 * @range: the memory
 * @prot: IOMMU_*
 * @pins: how many pins of accesses it has
 */
struct ref_area {
	unsigned long first;
	unsigned long last;
	unsigned long start;
	struct ref_range *range;
	int prot;
	unsigned int pins;
};

struct ref_window {
	unsigned long first;
	unsigned long last;
	void *owner;
};

/**
 * struct ref_space - an IOVA space
 * @iopt: the driver's
 * @area: its areas, in the order of their IOVAs
 * @nr: how many
 * @domains: how many domains show it
 * @split: map by PAGE_SIZE
 * @changed: since the domains were compared with it
 */
struct ref_space {
	struct io_pagetable iopt;
	struct ref_area area[REF_AREAS];
	unsigned int nr;
	unsigned int domains;
	bool split;
	bool changed;
	struct ref_window reserved[REF_RESERVED];
	unsigned int nr_reserved;
	struct ref_window allowed[REF_ALLOWED];
	unsigned int nr_allowed;
};

struct ref_access {
	struct iopgt_access access;
	int space;		/* -1 if it is in none */
	bool stubborn;		/* does not let go when it is asked to */
	struct ref_window pin[REF_PINS];
	unsigned int nr;
};

extern struct ref_space ref_spaces[MODEL_SPACES];
extern struct ref_access ref_accesses[MODEL_ACCESSES];

static inline unsigned int ref_current(void)
{
	return (struct task_struct *)current - model_tasks;
}

/* A set of errnos, of which one is due; the empty one stands for success */
#define REF_ERR(e)		(1ULL << ((e) < 64 ? (e) : (e) - 40))
#define REF_ERRS_OF_FAULTS	(REF_ERR(ENOMEM) | REF_ERR(EFAULT) | REF_ERR(EINTR))

void ref_reset(void);
void ref_check(void);
void ref_destroy(void);
bool ref_settle(u64 errs, int rc);

unsigned long ref_alignment(const struct ref_space *s);
bool ref_is_free(const struct ref_space *s, unsigned long first,
		 unsigned long last);
bool ref_is_reserved(const struct ref_space *s, unsigned long first,
		     unsigned long last);
unsigned long ref_reserved_until(const struct ref_space *s, unsigned long iova);
bool ref_auto_is_valid(const struct ref_space *s, unsigned long iova,
		       unsigned long length);
bool ref_auto_exists(const struct ref_space *s, unsigned long length);
struct ref_area *ref_area_at(struct ref_space *s, unsigned long iova);
bool ref_covers(struct ref_space *s, unsigned long first, unsigned long last);

struct ref_range *ref_range_new(enum pages_type type, unsigned int owner,
				unsigned long first, unsigned long npages,
				bool writable, bool by_mm);
void ref_range_put(struct ref_range *range);
u64 ref_try_claim(struct ref_range *range, unsigned long first,
		  unsigned long last);
void ref_end_try(struct ref_range *range, unsigned long first,
		 unsigned long last);
u64 ref_can_pay(unsigned int task, enum pin_charge_mode mode,
		unsigned long npages, unsigned long fresh);
void ref_revoke(unsigned int dmabuf);
int ref_frame_of(const struct ref_range *range, unsigned long page);
void ref_claim(struct ref_range *range, unsigned long first,
	       unsigned long last);
void ref_unclaim(struct ref_range *range, unsigned long first,
		 unsigned long last);
void ref_area_add(struct ref_space *s, const struct ref_area *area);
void ref_area_remove(struct ref_space *s, struct ref_area *area);
void ref_area_claim(struct ref_area *area);
void ref_area_unclaim(struct ref_area *area);
void ref_pay_overhead(unsigned int task, long npages);
u64 ref_can_pay_overhead(unsigned int task, unsigned long npages);
void ref_pay(unsigned int task, enum pin_charge_mode mode, long npages);
enum pin_charge_mode ref_mode_of(unsigned int task, bool by_mm);
bool ref_same_limit(unsigned int a, enum pin_charge_mode a_mode,
		    unsigned int b, enum pin_charge_mode b_mode);

static inline bool ref_overlap(unsigned long first, unsigned long last,
			       unsigned long first2, unsigned long last2)
{
	return first <= last2 && first2 <= last;
}

static inline unsigned long ref_page(const struct ref_area *area,
				     unsigned long iova)
{
	return (area->start + (iova - area->first)) >> PAGE_SHIFT;
}
#endif
