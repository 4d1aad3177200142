// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-bench - what mapping memory for a device costs
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "macros.h"
#include "uapi.h"

static const char usage[] =
"Usage: iommu-bench [OPTION...] BDF\n"
"\n"
"Measures map, unmap, copy and attach on the PCI device BDF, which must be bound\n"
"to vfio-pci and not in use. The device itself does nothing. Times are\n"
"nanoseconds; in an emulator that counts instructions, one instruction each.\n"
"4 KiB pages are contiguous as far as the kernel had them so; scattered ones were\n"
"touched in random order.\n"
"\n"
"Every case runs three times: once to warm up, twice for the two results. When\n"
"these differ by more than 1 %, their row says so. A case that needs more memory\n"
"than there is gets skipped, and says so.\n"
"\n"
"  --api=NAME     iommufd: /dev/iommu; container: /dev/vfio/vfio\n"
"                 (iommufd where the kernel has it)\n"
"  --rows=NAME    only this case; a shell pattern; may be repeated\n"
"  --quick        only the cases marked so in --list\n"
"  --bulk         only the cases that are per page of --size\n"
"  --mock         only the cases on the mock IOMMU driver; no BDF\n"
"  --sizes        only the cases that map 2 MiB to 8 GiB at once\n"
"  --threads      only the cases with several threads, by elapsed time\n"
"  --size=MIB     memory per case (64)\n"
"  --tsv          section, case, part, unit, both results, title; tabs in between\n"
"  --section=NAME what --tsv says first (the API)\n"
"  --list         the cases\n"
"  --verbose      show every call that is not measured\n"
"\n"
"Exit status: 0 success, 1 a case failed, 2 wrong usage.\n";

#define PASSES	3
#define MAX_ROWS_OPTIONS	16
#define TOLERANCE	0.01

struct row {
	char part[16];
	const char *unit;
	double value[PASSES - 1];
};

/* The rows of the case that runs. */
static struct row rows[8];
static unsigned int num_rows;
static unsigned int pass;
static __u64 clock_cost;

__u64 bench_start(void)
{
	return clock_now();
}

__u64 bench_stop(__u64 start)
{
	__u64 passed = clock_now() - start;

	return passed > clock_cost ? passed - clock_cost : 0;
}

static void measure_clock(void)
{
	__u64 least = ~0ULL;

	for (unsigned int i = 0; i < 64; i++) {
		__u64 start = bench_start();
		__u64 passed = bench_stop(start);

		if (passed < least)
			least = passed;
	}
	clock_cost = least;
}

int bench_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int bench_check(int ret, const char *fmt, ...)
{
	char what[128];
	va_list args;

	if (!ret)
		return 0;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	errno = -ret;
	return uapi_result(-1, "%s", what);
}

void bench_result(struct bench *b, const char *part, const char *unit,
		  __u64 amount, unsigned long count)
{
	struct row *row = rows;

	(void)b;
	if (!pass)
		return;
	while (row < rows + num_rows && strcmp(row->part, part))
		row++;
	if (row == rows + ARRAY_SIZE(rows))
		return;
	if (row == rows + num_rows) {
		num_rows++;
		snprintf(row->part, sizeof(row->part), "%s", part);
		row->unit = unit;
	}
	row->value[pass - 1] = (double)amount / count;
}

static void print_rows(const struct bench_case *c, const char *section,
		       bool tsv)
{
	for (struct row *row = rows; row < rows + num_rows; row++) {
		double first = row->value[0], second = row->value[1];
		double low = first < second ? first : second;
		bool agree = first + second - 2 * low <= low * TOLERANCE;

		if (tsv)
			printf("%s\t%s\t%s\t%s\t%.3f\t%.3f\t%s\n", section,
			       c->name, row->part, row->unit, first, second,
			       c->title);
		else
			printf("%-24s %-8s %12.2f %s%s\n", c->name,
			       row->part, low, row->unit,
			       agree ? "" : "  (the two runs differ by over 1 %)");
	}
	fflush(stdout);
}

static int run_case(struct bench *b, const struct bench_case *c)
{
	int ret = 0;

	b->space.is_open = false;
	b->other_fd = -1;
	b->size = c->size ?: b->bulk_size;
	num_rows = 0;

	if (c->prepare)
		ret = c->prepare(b, c);
	for (pass = 0; !ret && pass < PASSES; pass++)
		ret = c->measure(b, c);

	if (b->other_fd >= 0)
		close(b->other_fd);
	b->api->close(&b->space);
	memory_uncount();
	return ret;
}

struct selection {
	const char *pattern[MAX_ROWS_OPTIONS];
	unsigned int num_patterns;
	bool quick;
	unsigned int only;	/* cases with this flag, which others need not have */
	const char *section;
	bool list;
	bool tsv;
};

static bool selected(const struct selection *want, const struct bench *b,
		     const struct bench_case *c)
{
	if ((c->flags & CASE_APART) != (want->only & CASE_APART) ||
	    (c->flags & want->only) != want->only)
		return false;
	if (c->flags & CASE_IOMMUFD && b->api != &iommufd_api)
		return false;
	if (want->num_patterns) {
		for (unsigned int i = 0; i < want->num_patterns; i++) {
			if (!fnmatch(want->pattern[i], c->name, 0))
				return true;
		}
		return false;
	}
	return !want->quick || c->flags & CASE_QUICK;
}

static void list_case(const struct bench_case *c)
{
	static const struct {
		unsigned int flag;
		const char *name;
	} names[] = {
		{ CASE_QUICK, "quick" }, { CASE_IOMMUFD, "iommufd" },
		{ CASE_BULK, "bulk" }, { CASE_MOCK, "mock" },
		{ CASE_SIZES, "sizes" }, { CASE_THREADS, "threads" },
	};

	printf("%-24s %s", c->name, c->title);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (c->flags & names[i].flag)
			printf(" [%s]", names[i].name);
	}
	putchar('\n');
}

/* Some more: page tables, and what the kernel needs to keep going. */
static bool fits(const struct bench_case *c, struct bench *b)
{
	size_t size = c->size ?: b->bulk_size;
	long has;

	if (size < 1UL << 30 || memory_is_reserved(c->kind) ||
	    memory_is(&b->memory, c->kind, size))
		return true;
	memory_put(&b->memory);
	has = memory_available_kib();
	if (has < 0 || (size_t)has >= (size + size / 32) >> 10)
		return true;
	fprintf(stderr, "iommu-bench: %s: skipped: %ld MiB of memory are too few\n",
		c->name, has >> 10);
	return false;
}

static bool run_cases(struct bench *b, const struct selection *want)
{
	/*
	 * A million areas scatter free memory: they come late. A memory cgroup,
	 * once made, makes each of the kernel's allocations cost more: last.
	 */
	static const struct bench_case *const tables[] = {
		map_cases, domain_cases, area_cases, cost_cases, mock_cases,
		threads_cases,
	};
	bool ok = true;

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct bench_case *c = tables[i]; c->name; c++) {
			int ret;

			if (want->list) {
				list_case(c);
				continue;
			}
			if (!selected(want, b, c) || !fits(c, b))
				continue;
			ret = run_case(b, c);
			if (!ret) {
				print_rows(c, want->section, want->tsv);
				continue;
			}
			fflush(stdout);
			fprintf(stderr, "iommu-bench: %s: %s: %s\n",
				b->api->name, c->name, uapi_error());
			ok = false;
		}
	}
	return ok;
}

static const struct dma_api *find_api(const char *name)
{
	if (!name)
		return access("/dev/iommu", F_OK) ? &container_api : &iommufd_api;
	if (!strcmp(name, iommufd_api.name))
		return &iommufd_api;
	if (!strcmp(name, container_api.name))
		return &container_api;
	return NULL;
}

int main(int argc, char **argv)
{
	enum {
		API, ROWS, QUICK, BULK, MOCK, SIZES, THREADS, SIZE, TSV, SECTION,
		LIST, VERBOSE, HELP,
	};
	static const struct option options[] = {
		{ "api", required_argument, NULL, API },
		{ "rows", required_argument, NULL, ROWS },
		{ "quick", no_argument, NULL, QUICK },
		{ "bulk", no_argument, NULL, BULK },
		{ "mock", no_argument, NULL, MOCK },
		{ "sizes", no_argument, NULL, SIZES },
		{ "threads", no_argument, NULL, THREADS },
		{ "size", required_argument, NULL, SIZE },
		{ "tsv", no_argument, NULL, TSV },
		{ "section", required_argument, NULL, SECTION },
		{ "list", no_argument, NULL, LIST },
		{ "verbose", no_argument, NULL, VERBOSE },
		{ "help", no_argument, NULL, HELP },
		{ }
	};
	struct selection want = { };
	struct bench b = { .memory.fd = -1 };
	const char *api = NULL;
	unsigned long mib = 64;
	char *end = "";
	bool mock;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case API:
			api = optarg;
			break;
		case ROWS:
			if (want.num_patterns == MAX_ROWS_OPTIONS)
				goto wrong;
			want.pattern[want.num_patterns++] = optarg;
			break;
		case QUICK:
			want.quick = true;
			break;
		case BULK:
			want.only |= CASE_BULK;
			break;
		case MOCK:
			want.only |= CASE_MOCK;
			break;
		case SIZES:
			want.only |= CASE_SIZES;
			break;
		case THREADS:
			want.only |= CASE_THREADS;
			break;
		case SIZE:
			mib = strtoul(optarg, &end, 10);
			break;
		case TSV:
			want.tsv = true;
			break;
		case SECTION:
			want.section = optarg;
			break;
		case LIST:
			want.list = true;
			break;
		case VERBOSE:
			report_verbose = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			goto wrong;
		}
	}
	if (*end || mib < 2 || mib > 1024 || mib % 2)
		goto wrong;
	mock = want.only & CASE_MOCK;
	b.api = find_api(api);
	if (!b.api || (mock && b.api != &iommufd_api))
		goto wrong;
	if (argc - optind != !(want.list || mock))
		goto wrong;
	if (!want.section)
		want.section = b.api->name;
	b.bdf = argv[optind];
	b.bulk_size = mib << 20;
	measure_clock();
	return run_cases(&b, &want) ? EXIT_SUCCESS : EXIT_FAILURE;

wrong:
	fputs(usage, stderr);
	return 2;
}
