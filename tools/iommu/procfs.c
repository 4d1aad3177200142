// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "procfs.h"

long vm_pinned_kib(void)
{
	return vm_pinned_kib_of("self");
}

long vm_pinned_kib_of(const char *pid)
{
	char path[64], line[128];
	FILE *status;
	long kib = -1;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	status = fopen(path, "re");
	if (!status)
		return -1;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmPin: %ld kB", &kib) == 1)
			break;
	fclose(status);
	return kib;
}
