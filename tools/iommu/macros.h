/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's names for what every C program needs. */
#ifndef TOOLS_IOMMU_MACROS_H
#define TOOLS_IOMMU_MACROS_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define BIT(nr)			(1U << (nr))
#define BIT_ULL(nr)		(1ULL << (nr))

#endif
