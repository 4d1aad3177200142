/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The known content of the test disk. Sector N (512 bytes) begins with the 16
 * characters "IOMMUFD-%08x" of N; byte i of the rest is (N * 7 + i) & 0xff.
 */
#ifndef TOOLS_IOMMU_PATTERN_H
#define TOOLS_IOMMU_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define SECTOR_SIZE	512

/* The content of @count sectors from sector @first. */
void pattern_fill(void *buf, __u64 first, unsigned int count);

/* The same with every bit turned: content that no sector of the disk has. */
void pattern_fill_inverted(void *buf, __u64 first, unsigned int count);

bool pattern_matches(const void *buf, __u64 first, unsigned int count);

/* True if all @len bytes of @buf are @value. */
bool all_bytes_are(const void *buf, __u8 value, size_t len);

#endif
