// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "inspect.h"
#include "iommufd_lib.h"
#include "macros.h"
#include "uapi.h"
#include "vfio_cdev.h"

#define MAX_RANGES	64

/* Fields of the VT-d capability registers, see the VT-d specification 11.4. */
#define CAP_DOMAINS(cap)	(1UL << (4 + 2 * ((cap) & 7)))
#define CAP_HAS_39_BITS		BIT_ULL(9)
#define CAP_HAS_48_BITS		BIT_ULL(10)
#define CAP_HAS_57_BITS		BIT_ULL(11)
#define CAP_CACHING_MODE	BIT_ULL(7)
#define CAP_HAS_2M_PAGES	BIT_ULL(34)
#define CAP_HAS_1G_PAGES	BIT_ULL(35)
#define ECAP_COHERENT		BIT_ULL(0)
#define ECAP_DEVICE_TLB		BIT_ULL(2)
#define ECAP_SNOOP_CONTROL	BIT_ULL(7)
#define ECAP_NESTING		BIT_ULL(26)
#define ECAP_PAGE_REQUESTS	BIT_ULL(29)
#define ECAP_PASID		BIT_ULL(40)
#define ECAP_SCALABLE_MODE	BIT_ULL(43)

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void print_vtd(const struct iommu_hw_info_vtd *vtd)
{
	__u64 cap = vtd->cap_reg, ecap = vtd->ecap_reg;

	printf("  registers           cap 0x%llx, ecap 0x%llx\n", cap, ecap);
	printf("  address widths     %s%s%s bits\n",
	       cap & CAP_HAS_39_BITS ? " 39" : "",
	       cap & CAP_HAS_48_BITS ? " 48" : "",
	       cap & CAP_HAS_57_BITS ? " 57" : "");
	printf("  page sizes          4K%s%s\n",
	       cap & CAP_HAS_2M_PAGES ? " 2M" : "",
	       cap & CAP_HAS_1G_PAGES ? " 1G" : "");
	printf("  domains             %lu\n", CAP_DOMAINS(cap));
	printf("  caching mode        %s\n", yes_no(cap & CAP_CACHING_MODE));
	printf("  coherent walks      %s\n", yes_no(ecap & ECAP_COHERENT));
	printf("  snoop control       %s\n", yes_no(ecap & ECAP_SNOOP_CONTROL));
	printf("  device TLBs (ATS)   %s\n", yes_no(ecap & ECAP_DEVICE_TLB));
	printf("  scalable mode       %s\n", yes_no(ecap & ECAP_SCALABLE_MODE));
	printf("  nested translation  %s\n", yes_no(ecap & ECAP_NESTING));
	printf("  PASIDs              %s\n", yes_no(ecap & ECAP_PASID));
	printf("  page requests       %s\n", yes_no(ecap & ECAP_PAGE_REQUESTS));
}

static int print_iommu(int iommufd, __u32 devid)
{
	/* Types other than VT-d may have more to say than fits; that is cut. */
	struct iommu_hw_info_vtd vtd = { };
	struct iommu_hw_info info;
	int ret = iommufd_hw_info(iommufd, devid, &info, &vtd, sizeof(vtd));

	if (ret)
		return ret;
	printf("IOMMU: %s\n", iommufd_hw_type_name(info.out_data_type));
	if (info.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD)
		print_vtd(&vtd);
	printf("  dirty tracking      %s\n",
	       yes_no(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING));
	if (info.out_max_pasid_log2)
		printf("  device's PASIDs     %u bits\n",
		       info.out_max_pasid_log2);
	return 0;
}

/* What kinds of page tables the IOMMU makes for this device: ask for each. */
static void print_page_tables(int iommufd, __u32 devid, __u32 ioas)
{
	static const struct {
		__u32 flags;
		const char *name;
	} kinds[] = {
		{ 0, "plain" },
		{ IOMMU_HWPT_ALLOC_DIRTY_TRACKING, "with dirty tracking" },
		{ IOMMU_HWPT_ALLOC_NEST_PARENT, "to nest on" },
		{ IOMMU_HWPT_ALLOC_PASID, "for PASIDs" },
	};

	printf("Page tables (IOMMU_HWPT_ALLOC):\n");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		__u32 hwpt;
		int ret = iommufd_hwpt_alloc(iommufd, devid, ioas,
					     kinds[i].flags, &hwpt);

		printf("  %-19s %s\n", kinds[i].name,
		       ret ? strerrorname_np(-ret) : "yes");
		if (!ret)
			iommufd_destroy(iommufd, hwpt);
	}
}

static int print_ranges(int iommufd, __u32 ioas)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	__u32 count = MAX_RANGES;
	__u64 alignment;
	int ret = iommufd_iova_ranges(iommufd, ioas, ranges, &count, &alignment);

	if (ret)
		return ret;
	printf("IOVA ranges of an IOAS that it is attached to, alignment %llu:\n",
	       alignment);
	for (__u32 i = 0; i < count; i++)
		printf("  0x%016llx to 0x%016llx\n", ranges[i].start,
		       ranges[i].last);
	return 0;
}

static void print_regions(struct vfio_cdev *dev)
{
	static const char * const names[] = {
		"BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM",
		"config space", "VGA",
	};

	printf("Regions:\n");
	for (__u32 i = 0; i < dev->num_regions; i++) {
		struct vfio_region_info region;

		/* Optional ones, like VGA, answer with an error if not there. */
		if (vfio_cdev_region(dev, i, &region) || !region.size)
			continue;
		printf("  %-19s 0x%llx bytes%s%s%s\n",
		       i < ARRAY_SIZE(names) ? names[i] : "device specific",
		       region.size,
		       region.flags & VFIO_REGION_INFO_FLAG_READ ? ", read" : "",
		       region.flags & VFIO_REGION_INFO_FLAG_WRITE ?
		       ", write" : "",
		       region.flags & VFIO_REGION_INFO_FLAG_MMAP ? ", mmap" : "");
	}
}

static void print_interrupts(struct vfio_cdev *dev)
{
	static const char * const names[] = {
		"INTx", "MSI", "MSI-X", "error report", "request to release",
	};

	printf("Interrupts:\n");
	for (__u32 i = 0; i < dev->num_irqs; i++) {
		struct vfio_irq_info irq;

		if (vfio_cdev_irq(dev, i, &irq) || !irq.count)
			continue;
		printf("  %-19s %u\n",
		       i < ARRAY_SIZE(names) ? names[i] : "device specific",
		       irq.count);
	}
}

static int print_device(struct vfio_cdev *dev, int iommufd)
{
	__u16 vendor, device;
	__u32 ioas, hwpt;
	int ret;

	ret = vfio_cdev_config_read16(dev, PCI_VENDOR_ID, &vendor);
	if (!ret)
		ret = vfio_cdev_config_read16(dev, PCI_DEVICE_ID, &device);
	if (ret)
		return ret;
	printf("Device: %s, %04x:%04x, %s, reset: %s\n", dev->bdf, vendor,
	       device, dev->path,
	       yes_no(dev->flags & VFIO_DEVICE_FLAGS_RESET));
	print_regions(dev);
	print_interrupts(dev);

	ret = print_iommu(iommufd, dev->devid);
	if (!ret)
		ret = iommufd_ioas_alloc(iommufd, &ioas);
	if (ret)
		return ret;
	print_page_tables(iommufd, dev->devid, ioas);
	ret = vfio_cdev_attach(dev, ioas, &hwpt);
	if (!ret)
		ret = print_ranges(iommufd, ioas);
	return ret;
}

int inspect_device(const char *bdf)
{
	struct vfio_cdev dev;
	int iommufd;
	int ret;

	ret = iommufd_open(&iommufd);
	if (ret)
		return ret;
	ret = vfio_cdev_open(&dev, bdf);
	if (!ret)
		ret = vfio_cdev_bind(&dev, iommufd);
	if (!ret)
		ret = print_device(&dev, iommufd);
	/* Closing detaches, unbinds, and destroys what was made. */
	vfio_cdev_close(&dev);
	close(iommufd);
	return ret;
}
