/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOOLS_IOMMU_INSPECT_H
#define TOOLS_IOMMU_INSPECT_H

/*
 * Borrow the device @bdf for a moment: bind it to an iommufd of its own, and
 * print what VFIO and iommufd say about it. 0 or -errno, with uapi_error().
 */
int inspect_device(const char *bdf);

#endif
