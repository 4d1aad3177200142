// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "pattern.h"

#define LABEL_SIZE	16

static void fill_sector(__u8 *sector, __u64 number)
{
	char label[LABEL_SIZE + 1];

	snprintf(label, sizeof(label), "IOMMUFD-%08x", (__u32)number);
	memcpy(sector, label, LABEL_SIZE);
	for (unsigned int i = LABEL_SIZE; i < SECTOR_SIZE; i++)
		sector[i] = number * 7 + i;
}

void pattern_fill(void *buf, __u64 first, unsigned int count)
{
	__u8 *sector = buf;

	for (unsigned int i = 0; i < count; i++, sector += SECTOR_SIZE)
		fill_sector(sector, first + i);
}

void pattern_fill_inverted(void *buf, __u64 first, unsigned int count)
{
	__u8 *byte = buf;

	pattern_fill(buf, first, count);
	for (size_t i = 0; i < (size_t)count * SECTOR_SIZE; i++)
		byte[i] = ~byte[i];
}

bool pattern_matches(const void *buf, __u64 first, unsigned int count)
{
	const __u8 *sector = buf;
	__u8 expected[SECTOR_SIZE];

	for (unsigned int i = 0; i < count; i++, sector += SECTOR_SIZE) {
		fill_sector(expected, first + i);
		if (memcmp(sector, expected, SECTOR_SIZE))
			return false;
	}
	return true;
}

bool all_bytes_are(const void *buf, __u8 value, size_t len)
{
	const __u8 *bytes = buf;

	return !len || (bytes[0] == value && !memcmp(bytes, bytes + 1, len - 1));
}
