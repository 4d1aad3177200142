// SPDX-License-Identifier: GPL-2.0-only
/*
 * From bytes to operations. Random sequences and those of a fuzzer come this way;
 * each operation takes as many bytes, so that leaving some out leaves the others
 * as they were. What is chosen among what is there depends on what came before.
 */
#include <shim/plain.h>

#include "ops.h"
#include "run.h"

static struct ref_space *space_of(unsigned char p, unsigned int *nr)
{
	/* Most of it happens in one */
	*nr = p % 8 < 5 ? 0 : p % 8 == 5 ? 2 : 1;
	return &ref_spaces[*nr];
}

/* IOVAs where something begins or ends, and what is near them */
static unsigned long pick_iova(unsigned char where, unsigned char page)
{
	static const unsigned long bases[8] = {
		0, 0, 0x80000, 0x3c0000, (1UL << 32) - 0x20000,
		(1UL << 39) - 0x20000, (1UL << 48) - 0x20000, -0x40000UL,
	};
	unsigned long iova = bases[where % 8] + page % 64 * PAGE_SIZE;

	switch (where >> 3) {
	case 31:
		return iova + 0x800;
	case 30:
		return iova + 0x400;
	case 29:
		return iova + 1;
	default:
		return iova;
	}
}

static unsigned long pick_length(unsigned char p)
{
	switch (p) {
	case 0xff:
		return 0;
	case 0xfe:
		return 0x800;
	case 0xfd:
		return PAGE_SIZE + 0x400;
	case 0xfc:
		return 3 * PAGE_SIZE - 1;
	case 0xf0 ... 0xfb:
		return 0x1800;
	case 0xb0 ... 0xef:
		return (p - 0xb0 + 1) * PAGE_SIZE;
	default:
		return (p % 9 + 1) * PAGE_SIZE;
	}
}

static int pick_prot(unsigned char p)
{
	static const int prots[] = {
		IOMMU_READ | IOMMU_WRITE,
		IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
		IOMMU_READ | IOMMU_CACHE,
		IOMMU_READ,
		IOMMU_WRITE,
	};

	return prots[p % ARRAY_SIZE(prots)];
}

static unsigned long pick_offset(unsigned char p)
{
	return p < 0xf0 ? 0 : (p & 3) * 0x400 + (p == 0xff);
}

/* What is mapped, or the neighbourhood of it */
static void pick_mapped(const struct ref_space *s, const unsigned char *p,
			unsigned long *first, unsigned long *length)
{
	const struct ref_area *area, *to;
	unsigned long last;

	if (!s->nr || p[0] >= 0xf0) {
		*first = pick_iova(p[0], p[1]);
		*length = pick_length(p[2]);
		return;
	}
	area = &s->area[p[1] % s->nr];
	to = area;
	if (p[0] % 8 == 1)
		to += p[2] % (s->area + s->nr - area);
	*first = area->first;
	last = to->last;
	switch (p[0] % 8) {
	case 2:
		/* A part of it, in pages */
		*first += p[2] % 8 * PAGE_SIZE;
		if (*first > last || *first < area->first)
			*first = area->first;
		*length = min(last - *first, p[2] / 8 * PAGE_SIZE) + 1;
		*length = ALIGN(*length, PAGE_SIZE);
		return;
	case 3:
		/* Something that sticks out of it */
		*length = last - *first + 1 + p[2] % 4 * PAGE_SIZE;
		return;
	default:
		*length = last - *first + 1;
		return;
	}
}

static bool is_full(const struct ref_space *s, unsigned int nr)
{
	if (s->nr <= 40)
		return false;
	op_unmap_all(nr);
	return true;
}

static void decode_map_file(const unsigned char *p);

static void decode_map_user(const unsigned char *p)
{
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);
	unsigned long uaddr = MODEL_VA_BASE + p[1] % MODEL_VA_PAGES * PAGE_SIZE +
			      pick_offset(p[5]);
	unsigned long length = pick_length(p[2]);

	if (model_setup.options & MODEL_FILES_ONLY) {
		decode_map_file(p);
		return;
	}
	if (is_full(s, nr) || (uaddr & ~PAGE_MASK) + length > 64 * PAGE_SIZE)
		return;
	op_map_user(nr, p[0] & 8 ? AUTO : FIXED, pick_iova(p[3], p[4]), uaddr,
		    length, pick_prot(p[5]), p[5] & 0x10);
}

static void decode_map_file(const unsigned char *p)
{
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);
	bool dmabuf = (p[6] & 3) == 3;
	int fd = dmabuf ? MODEL_FD_DMABUF + p[6] / 4 % MODEL_DMABUFS :
			  MODEL_FD_FILE + (p[6] & 3);
	unsigned long pages = dmabuf ? MODEL_DMABUF_PAGES : MODEL_FILE_PAGES;
	unsigned long length = pick_length(p[2]);

	if (is_full(s, nr) || length >= 64 * PAGE_SIZE)
		return;
	if (dmabuf && (p[2] & 0x80))
		length = min(length, MODEL_DMABUF_PAGES * PAGE_SIZE);
	op_map_file(nr, p[0] & 8 ? AUTO : FIXED, pick_iova(p[3], p[4]), fd,
		    p[1] % pages * PAGE_SIZE + pick_offset(p[5]), length,
		    pick_prot(p[5]), p[5] & 0x10);
}

static void decode_copy(const unsigned char *p)
{
	unsigned int dst_nr, src_nr;
	struct ref_space *dst = space_of(p[0], &dst_nr);
	struct ref_space *src = space_of(p[0] >> 3, &src_nr);
	unsigned long iova, length;

	if (is_full(dst, dst_nr))
		return;
	pick_mapped(src, p + 1, &iova, &length);
	op_copy(dst_nr, src_nr, p[0] & 0x40 ? AUTO : FIXED,
		pick_iova(p[4], p[5]), iova, length, pick_prot(p[6]));
}

static void decode_unmap(const unsigned char *p)
{
	unsigned long iova, length;
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);

	pick_mapped(s, p + 1, &iova, &length);
	op_unmap(nr, iova, length);
}

static void decode_unmap_all(const unsigned char *p)
{
	unsigned int nr;

	space_of(p[0], &nr);
	op_unmap_all(nr);
}

static void decode_cut(const unsigned char *p)
{
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);
	const struct ref_area *area;

	if (!s->nr || p[1] >= 0xf8) {
		op_cut(nr, pick_iova(p[2], p[3]));
		return;
	}
	if (is_full(s, nr))
		return;
	area = &s->area[p[1] % s->nr];
	op_cut(nr, area->first +
		   min(p[2] % 16 * PAGE_SIZE, area->last - area->first));
}

static void decode_huge_pages(const unsigned char *p)
{
	unsigned int nr;

	space_of(p[0], &nr);
	op_huge_pages(nr, p[1] & 1);
}

static void decode_domain(const unsigned char *p)
{
	unsigned int nr, domain = p[1] % MODEL_DOMAINS;

	space_of(p[0], &nr);
	if (model_domains[domain].space < 0) {
		op_add_domain(nr, domain);
		if (model_domains[domain].space >= 0 && p[3] & 1)
			op_track_dirty(domain, true);
	} else if (p[2] & 1) {
		op_remove_domain(domain);
	}
}

static void decode_reserve(const unsigned char *p)
{
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);
	unsigned long first = pick_iova(p[1], p[2]);
	unsigned long length = pick_length(p[3]);

	if (p[5] % 4 == 0)
		op_usable_ranges(nr);
	else if (p[5] % 4 == 1 && s->nr_reserved + MODEL_REGIONS <= REF_RESERVED)
		op_reserve_device(nr, p[4] % MODEL_DEVICES);
	else if (p[5] % 4 == 2 && p[4] & 1)
		op_unreserve_device(nr, p[4] / 2 % MODEL_DEVICES);
	else if (p[4] & 1 || s->nr_reserved == REF_RESERVED)
		op_unreserve(nr, 1 + p[4] / 2 % 3);
	else
		op_reserve(nr, first, length > -first ? ULONG_MAX :
							first + length - 1,
			   1 + p[4] / 2 % 3);
}

static void decode_allow(const unsigned char *p)
{
	unsigned long first = pick_iova(p[1], p[2]), first2;
	unsigned long last = first + 4 * pick_length(p[3]) - 1;
	unsigned int nr;

	space_of(p[0], &nr);
	first2 = pick_iova(p[4], p[5]);
	op_allow(nr, p[6] % 3, first, last, first2,
		 first2 + pick_length(p[3]) - 1);
}

static void decode_access(const unsigned char *p)
{
	unsigned int nr, access = p[1] % MODEL_ACCESSES;

	space_of(p[0], &nr);
	if (ref_accesses[access].space < 0)
		op_add_access(nr, access, p[2] & 3, !(p[2] & 0x1c));
	else if (p[3] & 1)
		op_remove_access(access);
}

static void decode_pin(const unsigned char *p)
{
	struct ref_access *a = &ref_accesses[p[0] % MODEL_ACCESSES];
	unsigned long iova, length;

	if (a->space < 0 || a->access.alignment != PAGE_SIZE)
		return;
	if (a->nr == REF_PINS || (a->nr && (p[5] & 1))) {
		op_unpin(a - ref_accesses, p[1] % a->nr);
		return;
	}
	pick_mapped(&ref_spaces[a->space], p + 1, &iova, &length);
	if (length > MODEL_VA_PAGES * PAGE_SIZE)
		return;
	if (p[5] & 2) {
		op_unpin_wrongly(a - ref_accesses, iova, length);
		return;
	}
	op_pin(a - ref_accesses, iova, length, p[4] & 1);
}

static void decode_rw(const unsigned char *p)
{
	unsigned long iova, length;
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);

	pick_mapped(s, p + 1, &iova, &length);
	length = min(length, 12 * PAGE_SIZE);
	if (p[4] & 1 && length > 8) {
		/* Within, and at any byte */
		iova += p[5] * 7 % length;
		length = min(length, (unsigned long)p[5] + 1);
	}
	op_rw(nr, iova, length, p[6] & 7, p[5]);
}

static void decode_lookup(const unsigned char *p)
{
	unsigned long iova, length;
	unsigned int nr;
	struct ref_space *s = space_of(p[0], &nr);

	pick_mapped(s, p + 1, &iova, &length);
	op_lookup(nr, iova + p[4] % 4 * 0x400, length ?: 1);
}

static void decode_dirty(const unsigned char *p)
{
	struct model_domain *d = &model_domains[p[0] % MODEL_DOMAINS];
	unsigned long iova, length, page_size = 0x100UL << p[5] % 8;

	if (d->space < 0)
		return;
	if (!d->tracking) {
		op_track_dirty(d - model_domains, true);
		return;
	}
	pick_mapped(&ref_spaces[d->space], p + 1, &iova, &length);
	switch (p[4] % 4) {
	case 0:
	case 1:
		op_device_write(d - model_domains, iova + p[6] % 8 * PAGE_SIZE,
				length);
		return;
	case 2:
		if (p[6] == 0) {
			op_track_dirty(d - model_domains, p[5] & 1);
			return;
		}
		break;
	}
	iova = ALIGN_DOWN(iova, page_size);
	length = ALIGN(length, page_size) + p[6] % 16 * page_size;
	/* More words than one, and not from the first one on */
	if (p[4] & 8) {
		iova = ALIGN_DOWN(iova, SZ_64K);
		length = SZ_256K;
	}
	if (length / page_size > 4000)
		return;
	op_read_dirty(d - model_domains, iova, length, page_size,
		      p[4] & 4 ? IOMMU_DIRTY_NO_CLEAR : 0, p[4] < 0xf0);
}

static void decode_revoke(const unsigned char *p)
{
	unsigned int nr = p[0] % MODEL_DMABUFS;

	op_revoke(nr, p[1] % 4 ? !model_dmabufs[nr].revoked : true);
}

static void decode_process(const unsigned char *p)
{
	switch (p[0] % 4) {
	case 0:
		op_change_process(p[1] & 1);
		return;
	case 1:
		op_memlock(p[1] % MODEL_TASKS,
			   p[2] < 0x80 ? p[2] : ULONG_MAX / PAGE_SIZE);
		return;
	case 2:
		if (p[3] & 1) {
			op_overhead(p[1], p[2] % 32 + 1);
			return;
		}
		fallthrough;
	default:
		op_task(p[1] % MODEL_TASKS);
		return;
	}
}

static void decode_memory(const unsigned char *p)
{
	unsigned long page = p[1] % MODEL_VA_PAGES;
	enum model_memory what = p[2] % MEM_KINDS;

	if (p[0] >= 0xf0) {
		op_punch_hole(p[0] % MODEL_FILES,
			      p[1] % (MODEL_FILE_PAGES / 2));
		return;
	}
	/* Holes make for short lives */
	if ((what == MEM_UNMAP || what == MEM_READONLY) && (p[4] & 3))
		what = MEM_DROP;
	op_memory(p[0] % MODEL_TASKS, what, page,
		  min(p[3] % 16 + 1UL, MODEL_VA_PAGES - page));
}

static void decode_race(const unsigned char *p)
{
	op_race(1 + p[0] % 4);
}

static const struct {
	void (*decode)(const unsigned char *p);
	unsigned int weight;
} kinds[] = {
	{ decode_map_user, 37 },
	{ decode_map_file, 30 },
	{ decode_copy, 30 },
	{ decode_unmap, 44 },
	{ decode_unmap_all, 2 },
	{ decode_cut, 6 },
	{ decode_huge_pages, 4 },
	{ decode_domain, 16 },
	{ decode_reserve, 4 },
	{ decode_allow, 2 },
	{ decode_access, 6 },
	{ decode_pin, 16 },
	{ decode_rw, 9 },
	{ decode_lookup, 4 },
	{ decode_dirty, 24 },
	{ decode_revoke, 3 },
	{ decode_process, 5 },
	{ decode_memory, 10 },
	{ decode_race, 4 },
};

static void decode_op(const unsigned char *p)
{
	unsigned int at = p[0];

	for (unsigned int i = 0; i != ARRAY_SIZE(kinds); i++) {
		if (at < kinds[i].weight) {
			kinds[i].decode(p + 1);
			return;
		}
		at -= kinds[i].weight;
	}
}

/* Most thresholds are tiny: few pages are to show what many do */
static unsigned long pick_threshold(unsigned char p, unsigned long unit)
{
	return p < 0x40 ? 0 : (1 + p % 8) * unit;
}

static struct iommufd_thresholds decode_thresholds(const unsigned char *p)
{
	struct iommufd_thresholds t = {
		.pages_breather = pick_threshold(p[0], PAGE_SIZE),
		.pin_stack_pages = pick_threshold(p[1], 1),
		.pin_batch_pages = pick_threshold(p[2], 1),
		.pin_release_pages = pick_threshold(p[3], 1),
		.pin_huge_pages = pick_threshold(p[4], 3),
		.pin_huge_max_pause = pick_threshold(p[5], 1),
		.pfn_chunk_min_bytes = pick_threshold(p[6], 8),
		.pfn_chunk_max_bytes = pick_threshold(p[7], 32),
		.pfn_mark_runs = pick_threshold(p[8], 1),
		.pfn_min_single = pick_threshold(p[9], 1),
		.pfn_run_max_pages = pick_threshold(p[10], 4),
		.iopgt_leaving = pick_threshold(p[11], 1),
		.area_unpin_tries = pick_threshold(p[12], 1),
		.gap_misfits = pick_threshold(p[13], 1),
		.iova_window = p[14] < 0x40 ? 0 : PAGE_SIZE << p[14] % 8,
		.iova_fill_words = pick_threshold(p[15], 1),
	};

	/* There is room for a run at least */
	if (t.pfn_chunk_min_bytes)
		t.pfn_chunk_min_bytes = max(t.pfn_chunk_min_bytes, 24UL);
	if (t.pfn_chunk_max_bytes)
		t.pfn_chunk_max_bytes = max(t.pfn_chunk_max_bytes, 64UL);
	return t;
}

static struct model_setup decode_setup(const unsigned char *p)
{
	struct model_setup setup = {
		.scatter = p[4] & 3,
		.memlock = p[5] < 64 ? 32 + p[5] : 255,
		.orders = p[6],
		.options = p[7] & (MODEL_GUP_SHORT | MODEL_HIGH_PFN | MODEL_CAPABLE),
		.thresholds = decode_thresholds(p + 16),
	};

	/* Some of it: only then can another process take over */
	if (p[8] >= 0xd0)
		setup.options |= MODEL_FILES_ONLY;
	memcpy(setup.kinds, p, MODEL_DOMAINS);
	/* A window is no smaller than a leaf: see model_read_and_clear_dirty() */
	for (unsigned int i = 0; i != MODEL_DOMAINS; i++)
		if (setup.kinds[i] % MODEL_IOMMU_KINDS == MODEL_ARM &&
		    setup.thresholds.iova_window)
			setup.thresholds.iova_window =
				max_t(unsigned long, SZ_256K,
				      setup.thresholds.iova_window);
	return setup;
}

/* As C: what a test begins with */
static void print_setup(const struct model_setup *s)
{
	model_print("\tstatic const struct model_setup setup = {\n"
		    "\t\t.kinds = { %u, %u, %u, %u },\n"
		    "\t\t.scatter = %u, .memlock = %u, .orders = 0x%x,\n"
		    "\t\t.options = 0x%x,\n\t\t.thresholds = {\n",
		    s->kinds[0] % MODEL_IOMMU_KINDS,
		    s->kinds[1] % MODEL_IOMMU_KINDS,
		    s->kinds[2] % MODEL_IOMMU_KINDS,
		    s->kinds[3] % MODEL_IOMMU_KINDS, s->scatter, s->memlock,
		    s->orders, s->options);
#define PRINT(name)							       \
	do {								       \
		if (s->thresholds.name)					       \
			model_print("\t\t\t." #name " = %lu,\n",		       \
				    s->thresholds.name);		       \
	} while (0)
	PRINT(pages_breather);
	PRINT(pin_stack_pages);
	PRINT(pin_batch_pages);
	PRINT(pin_release_pages);
	PRINT(pin_huge_pages);
	PRINT(pin_huge_max_pause);
	PRINT(pfn_chunk_min_bytes);
	PRINT(pfn_chunk_max_bytes);
	PRINT(pfn_mark_runs);
	PRINT(pfn_min_single);
	PRINT(pfn_run_max_pages);
	PRINT(iopgt_leaving);
	PRINT(area_unpin_tries);
	PRINT(gap_misfits);
	PRINT(iova_window);
	PRINT(iova_fill_words);
#undef PRINT
	model_print("\t\t},\n\t};\n\n\tmodel_begin(&setup);\n");
}

unsigned long model_run(const unsigned char *bytes, size_t nr,
			unsigned long fault_at, bool short_unmaps)
{
	long live = shim_allocated();
	struct model_setup setup;

	if (nr < MODEL_SETUP_BYTES)
		return 0;
	setup = decode_setup(bytes);
	if (short_unmaps)
		setup.options |= MODEL_SHORT_UNMAP;
	model_fault_at = fault_at;
	if (model_verbose)
		print_setup(&setup);
	model_begin(&setup);
	bytes += MODEL_SETUP_BYTES;
	nr -= MODEL_SETUP_BYTES;
	for (; nr >= MODEL_OP_BYTES && !model_short;
	     bytes += MODEL_OP_BYTES, nr -= MODEL_OP_BYTES)
		decode_op(bytes);
	model_fault_at = 0;
	model_end();
	MODEL_CHECK(model_short || shim_allocated() == live,
		    "%ld objects are left", shim_allocated() - live);
	return model_faults_seen;
}

static long allocated_before;

static bool fail(const char *what)
{
	return model_fault(!strcmp(what, "allocation") ? MODEL_FAULT_ALLOC :
			   !strcmp(what, "kill")       ? MODEL_FAULT_KILL :
							 MODEL_FAULT_USER);
}

/* Once: the caches, and who is asked for faults */
void model_start(void)
{
	shim_plain.fail = fail;
	allocated_before = shim_allocated();
	if (iopgt_module_init())
		model_fail("no memory");
}

/* And at the end: the caches go, too */
void model_stop(void)
{
	iopgt_module_exit();
	MODEL_CHECK(shim_allocated() == allocated_before,
		    "%ld objects are left without the module",
		    shim_allocated() - allocated_before);
}
