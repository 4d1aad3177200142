/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOOLS_IOMMU_PROCFS_H
#define TOOLS_IOMMU_PROCFS_H

/*
 * KiB of this process's memory that are pinned for DMA: VmPin of
 * /proc/self/status. Negative when it cannot be read.
 */
long vm_pinned_kib(void);

/* The same of the process @pid, a directory name in /proc. */
long vm_pinned_kib_of(const char *pid);

#endif
