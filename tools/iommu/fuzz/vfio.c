// SPDX-License-Identifier: GPL-2.0-only
/*
 * Find VFIO devices for inputs: mediated ones, as made by the guest's job before.
 */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define CLASS_DIR "/sys/class/vfio-dev"

/* The last part of where a link leads to */
static bool link_name(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *last;

	if (len < 0)
		return false;
	target[len] = '\0';
	last = strrchr(target, '/');
	return snprintf(name, size, "%s", last ? last + 1 : target) < (int)size;
}

/**
 * vfio_init() - Let inputs open what VFIO devices there are
 */
void vfio_init(void)
{
	char path[PATH_MAX], device[64], name[64], group[64], number[32];
	DIR *dir = opendir(CLASS_DIR);
	unsigned int nr = 0;
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 16)
			continue;
		snprintf(device, sizeof(device), "/dev/vfio/devices/%.16s",
			 entry->d_name);
		snprintf(path, sizeof(path), CLASS_DIR "/%s/device",
			 entry->d_name);
		if (!link_name(path, name, sizeof(name)))
			continue;
		snprintf(path, sizeof(path), CLASS_DIR "/%s/device/iommu_group",
			 entry->d_name);
		if (!link_name(path, number, sizeof(number)))
			continue;
		snprintf(group, sizeof(group), "/dev/vfio/%s", number);
		vfio_device_found(nr++, device, name, group);
	}
	closedir(dir);
}
