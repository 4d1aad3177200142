// SPDX-License-Identifier: GPL-2.0-only
/*
 * passthrough - a real job for two devices behind an IOMMU, from userspace
 *
 * Drives an NVMe controller and QEMU's edu device by VFIO's character devices
 * and /dev/iommu, and checks at every step that the devices reach what was
 * mapped to them, and nothing else. Meant to be read as well as to be run: the
 * chapters are in story_*.c, what they call in iommufd_lib.c and vfio_cdev.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "iommufd_lib.h"
#include "procfs.h"
#include "report.h"
#include "story.h"
#include "uapi.h"

static const char usage[] =
"Usage: passthrough --nvme BDF --edu BDF [--fault-lines] [--verbose]\n"
"\n"
"Does block IO on an NVMe controller and DMA with QEMU's edu device through\n"
"VFIO and /dev/iommu, checks that the IOMMU lets through what is mapped and\n"
"blocks what is not, and says at the end whether all of it held.\n"
"\n"
"  --nvme BDF     PCI address of the NVMe controller, like 0000:00:04.0\n"
"  --edu BDF      PCI address of the edu device\n"
"  --fault-lines  the kernel limits how many of the IOMMU's faults it logs; wait\n"
"                 some 5 s before each that is provoked, and insist on its line\n"
"  --verbose      show every call and every command to the devices\n"
"\n"
"Both devices must be bound to vfio-pci, each in an IOMMU group of its own:\n"
"  echo vfio-pci > /sys/bus/pci/devices/BDF/driver_override\n"
"  echo BDF > /sys/bus/pci/drivers_probe\n"
"\n"
"Needs root, an Intel IOMMU (QEMU: -device intel-iommu), and namespace 1 of the\n"
"controller with 512-byte blocks and this content in at least its first MiB:\n"
"block N is the 16 characters \"IOMMUFD-%08x\" of N, then for i from 16 to 511\n"
"the byte (7 * N + i) mod 256. Blocks are written, and restored, only if the\n"
"ones that were read had that content.\n"
"\n"
"Exit status: 0 all checks held, 1 some failed, 2 wrong usage.\n";

/* @size bytes of zeroed memory, aligned to @align, which may exceed a page. */
static void *alloc_aligned(size_t size, size_t align)
{
	uintptr_t start;
	void *area;

	area = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return NULL;
	start = ((uintptr_t)area + align - 1) & ~(align - 1);
	return (void *)start;
}

static bool prepare(struct story *s, bool fault_lines)
{
	s->iommufd = -1;
	s->nvme_dev.fd = -1;
	s->edu_dev.fd = -1;
	s->faults.kmsg = -1;

	s->queues = alloc_aligned(NVME_QUEUE_MEMORY, NVME_PAGE_SIZE);
	s->data = alloc_aligned(DATA_SIZE, DATA_SIZE);
	if (!s->queues || !s->data) {
		fprintf(stderr, "passthrough: out of memory\n");
		return false;
	}
	/* A hint only: the story is the same with small pages. */
	madvise(s->data, DATA_SIZE, MADV_HUGEPAGE);
	s->pinned_at_start = vm_pinned_kib();
	if (dmar_log_open(&s->faults, fault_lines)) {
		fprintf(stderr, "passthrough: %s\n", uapi_error());
		return false;
	}
	return true;
}

static void detach_and_destroy(struct story *s, struct vfio_cdev *dev,
			       const char *name, __u32 ioas)
{
	int ret = iommufd_destroy(s->iommufd, ioas);

	check(ret == -EBUSY, "while %s is attached, IOAS %u cannot be destroyed: %s",
	      name, ioas, ret ? strerrorname_np(-ret) : "but it was");
	ret = vfio_cdev_detach(dev);
	check_call(ret, "detach %s", name);
	ret = iommufd_destroy(s->iommufd, ioas);
	check_call(ret, "destroy IOAS %u with what is mapped in it", ioas);
}

void story_teardown(struct story *s)
{
	struct dmar_log *log = &s->faults;
	unsigned int strays;
	long pinned;
	int result;

	section("Teardown");
	if (s->nvme_running) {
		result = nvme_stop(&s->nvme);
		check(!result, "stop the controller: %s",
		      nvme_result_text(result));
	}
	if (s->edu_attached)
		detach_and_destroy(s, &s->edu_dev, "edu", s->edu_ioas);
	if (s->nvme_attached)
		detach_and_destroy(s, &s->nvme_dev, "NVMe", s->nvme_ioas);
	pinned = vm_pinned_kib();
	check(pinned == s->pinned_at_start,
	      "nothing is pinned any more: VmPin %ld kB, as at the start", pinned);

	vfio_cdev_unmap_bar(&s->edu_bar);
	vfio_cdev_unmap_bar(&s->nvme_bar);
	vfio_cdev_close(&s->edu_dev);
	vfio_cdev_close(&s->nvme_dev);
	if (s->iommufd >= 0)
		close(s->iommufd);

	strays = dmar_log_strays(log);
	check(!strays, "%u DMA faults were provoked and reported, %u in the log; others: %u",
	      log->provoked, log->provoked_logged, strays);
	if (strays && log->last_stray.text[0])
		note("%s", log->last_stray.text);
	dmar_log_close(log);
}

static void tell_story(struct story *s, const char *nvme_bdf,
		       const char *edu_bdf)
{
	if (story_attach_nvme(s, nvme_bdf) && story_block_io(s)) {
		story_isolation(s);
		story_two_devices(s, edu_bdf);
	}
	story_teardown(s);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "nvme", required_argument, NULL, 'n' },
		{ "edu", required_argument, NULL, 'e' },
		{ "fault-lines", no_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *nvme_bdf = NULL, *edu_bdf = NULL;
	__u64 start = clock_now();
	struct story story = { };
	bool fault_lines = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			nvme_bdf = optarg;
			break;
		case 'e':
			edu_bdf = optarg;
			break;
		case 'f':
			fault_lines = true;
			break;
		case 'v':
			report_verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!nvme_bdf || !edu_bdf || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (!prepare(&story, fault_lines))
		return EXIT_FAILURE;
	tell_story(&story, nvme_bdf, edu_bdf);
	note("it took %llu ms",
	     ((clock_now() - start) / NSEC_PER_MSEC));
	return report_verdict("passthrough");
}
