/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be done to the machine: each makes a call to the driver, checks its
 * result and all that must be true afterwards. Sequences, and the C that a failing
 * one is printed as, consist of these.
 */
#ifndef __MODEL_OPS_H
#define __MODEL_OPS_H

#include "charge.h"
#include "ref.h"

#define FIXED	IOPGT_FIXED
#define AUTO	IOPGT_AUTO

/* op_memory(): what becomes of pages of a process */
enum model_memory {
	MEM_UNMAP,		/* munmap() */
	MEM_MAP,		/* mmap() of new pages, writable */
	MEM_DROP,		/* MADV_DONTNEED */
	MEM_READONLY,		/* mprotect() */
	MEM_SHARE,		/* fork(): copied when it is written to, or pinned */
	MEM_TOUCH,		/* faults them in */
	MEM_HUGE,		/* huge pages of PMD_SIZE */
	MEM_GIANT,		/* huge pages of PUD_SIZE */
	MEM_FOLIO,		/* a folio of four pages, page by page */
	MEM_KINDS
};

void op_map_user(unsigned int space, enum iopgt_place place, unsigned long iova,
		 unsigned long uaddr, unsigned long length, int prot,
		 bool by_mm);
void op_map_file(unsigned int space, enum iopgt_place place, unsigned long iova,
		 int fd, unsigned long start, unsigned long length, int prot,
		 bool by_mm);
void op_copy(unsigned int dst, unsigned int src, enum iopgt_place place,
	     unsigned long dst_iova, unsigned long src_iova,
	     unsigned long length, int prot);
void op_unmap(unsigned int space, unsigned long iova, unsigned long length);
void op_unmap_all(unsigned int space);
void op_cut(unsigned int space, unsigned long iova);
void op_huge_pages(unsigned int space, bool enable);
void op_add_domain(unsigned int space, unsigned int domain);
void op_remove_domain(unsigned int domain);
void op_reserve(unsigned int space, unsigned long first, unsigned long last,
		unsigned long owner);
void op_unreserve(unsigned int space, unsigned long owner);
void op_reserve_device(unsigned int space, unsigned int device);
void op_unreserve_device(unsigned int space, unsigned int device);
void op_usable_ranges(unsigned int space);
void op_allow(unsigned int space, unsigned int nr, unsigned long first,
	      unsigned long last, unsigned long first2, unsigned long last2);
void op_add_access(unsigned int space, unsigned int access, bool whole_pages,
		   bool stubborn);
void op_remove_access(unsigned int access);
void op_pin(unsigned int access, unsigned long iova, unsigned long length,
	    bool write);
void op_unpin(unsigned int access, unsigned int pin);
void op_unpin_wrongly(unsigned int access, unsigned long iova,
		      unsigned long length);
void op_rw(unsigned int space, unsigned long iova, unsigned long length,
	   unsigned int flags, unsigned char value);
void op_lookup(unsigned int space, unsigned long iova, unsigned long length);
void op_track_dirty(unsigned int domain, bool enable);
void op_device_write(unsigned int domain, unsigned long iova,
		     unsigned long length);
void op_read_dirty(unsigned int domain, unsigned long iova,
		   unsigned long length, unsigned long page_size,
		   unsigned long flags, bool writable);
void op_revoke(unsigned int dmabuf, bool revoke);
void op_change_process(bool by_mm);
void op_task(unsigned int task);
void op_overhead(unsigned int object, unsigned long npages);
void op_return_overheads(void);
void op_memlock(unsigned int task, unsigned long npages);
void op_memory(unsigned int task, enum model_memory what, unsigned long page,
	       unsigned long npages);
void op_punch_hole(unsigned int file, unsigned long page);
void op_race(unsigned int nr);

/* A sequence begins, and ends with everything given back */
void model_begin(const struct model_setup *setup);
void model_end(void);

/*
 * race.c: areas that a call is about to publish; whether the reference has got them
 * already, as another thread has come in between.
 */
void race_reset(void);
void race_begin(void);
void race_publish(struct ref_space *s, struct ref_area *areas, unsigned int nr);
bool race_end(void);
void op_areas_appear(struct ref_space *s, struct ref_area *areas,
		     unsigned int nr, unsigned long iova);

/* In the files of operations: each begins, says which it is, and ends */
void op_begin(void);
void op_end(int rc);
struct pin_budget *op_budget(bool by_process);
u64 op_reserve_errs(const struct ref_space *s, unsigned long first,
		    unsigned long last);
u64 op_align_errs(const struct ref_space *s, unsigned long alignment);

#define OP(fmt, ...)                                                           \
	do {                                                                   \
		op_begin();                                                    \
		if (unlikely(model_verbose))                                   \
			model_print("\t%s" fmt ";", __func__, ##__VA_ARGS__);  \
	} while (0)

extern unsigned long model_ops;
extern bool model_verbose;
__printf(1, 2) void model_print(const char *fmt, ...);
#endif
