// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-inspect - which IOMMUs there are, for which devices, and who uses them
 */
#include <dirent.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "procfs.h"
#include "report.h"
#include "uapi.h"

static const char usage[] =
"Usage: iommu-inspect [--verbose] [BDF...]\n"
"\n"
"Without arguments: the IOMMUs of this machine, its PCI devices with their IOMMU\n"
"group, driver and VFIO device, and the processes that hold /dev/iommu or a VFIO\n"
"device open, with the memory they have pinned. Changes nothing.\n"
"\n"
"With PCI addresses: binds each device to an iommufd for a moment (it must be\n"
"bound to vfio-pci, and not in use), and prints what the kernel offers for it:\n"
"regions, interrupts, IOMMU capabilities, kinds of page tables, IOVA ranges.\n"
"\n"
"  --verbose    show every call\n"
"\n"
"Exit status: 0 success, 1 a device could not be inspected, 2 wrong usage.\n";

#define PATH_SIZE	512

static bool is_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/*
 * Call @visit, if there is one, for the entries of directory @path, sorted by
 * name. Returns how many there are.
 */
static unsigned int visit_entries(void (*visit)(const char *dir,
						const char *name),
				  const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	unsigned int visited = 0;

	for (int i = 0; i < count; i++) {
		if (is_entry(entries[i])) {
			if (visit)
				visit(path, entries[i]->d_name);
			visited++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return visited;
}

/* The first line of a file, or "-". */
static void read_line(char *line, size_t size, const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		snprintf(line, size, "-");
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* Where a symlink leads, cut down to the last component, or "-". */
static void link_name(char *name, size_t size, const char *path)
{
	char target[PATH_SIZE];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *last;

	target[length > 0 ? length : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(name, size, "%.*s", (int)size - 1,
		 length <= 0 ? "-" : last ? last + 1 : target);
}

static void print_iommu(const char *dir, const char *name)
{
	char path[PATH_SIZE], cap[32], ecap[32];
	unsigned int devices;

	snprintf(path, sizeof(path), "%s/%s/devices", dir, name);
	devices = visit_entries(NULL, path);
	printf("  %-12s %u devices", name, devices);
	snprintf(path, sizeof(path), "%s/%s/intel-iommu/cap", dir, name);
	read_line(cap, sizeof(cap), path);
	snprintf(path, sizeof(path), "%s/%s/intel-iommu/ecap", dir, name);
	read_line(ecap, sizeof(ecap), path);
	if (strcmp(cap, "-"))
		printf(", Intel VT-d, cap 0x%s, ecap 0x%s", cap, ecap);
	putchar('\n');
}

static char vfio_name[64];

static void keep_vfio_name(const char *dir, const char *name)
{
	(void)dir;
	snprintf(vfio_name, sizeof(vfio_name), "/dev/vfio/devices/%.32s", name);
}

static void print_pci_device(const char *dir, const char *name)
{
	char path[PATH_SIZE], vendor[16], device[16], group[16], driver[64];

	snprintf(path, sizeof(path), "%s/%s/vendor", dir, name);
	read_line(vendor, sizeof(vendor), path);
	snprintf(path, sizeof(path), "%s/%s/device", dir, name);
	read_line(device, sizeof(device), path);
	snprintf(path, sizeof(path), "%s/%s/iommu_group", dir, name);
	link_name(group, sizeof(group), path);
	snprintf(path, sizeof(path), "%s/%s/driver", dir, name);
	link_name(driver, sizeof(driver), path);

	snprintf(vfio_name, sizeof(vfio_name), "-");
	snprintf(path, sizeof(path), "%s/%s/vfio-dev", dir, name);
	visit_entries(keep_vfio_name, path);
	printf("  %s  %s %s  %5s  %-12s %s\n", name, vendor, device, group,
	       driver, vfio_name);
}

/* What the process that is being looked at has open. */
static unsigned int process_iommufds;
static unsigned int process_vfio_devices;

static void look_at_fd(const char *dir, const char *name)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	if (!strcmp(target, "/dev/iommu") || !strcmp(target, "/dev/vfio/vfio"))
		process_iommufds++;
	else if (!strncmp(target, "/dev/vfio/devices/", 18))
		process_vfio_devices++;
}

static void print_process(const char *dir, const char *name)
{
	char path[PATH_SIZE], command[64];

	if (name[0] < '0' || name[0] > '9')
		return;
	process_iommufds = 0;
	process_vfio_devices = 0;
	snprintf(path, sizeof(path), "%s/%s/fd", dir, name);
	visit_entries(look_at_fd, path);
	if (!process_iommufds && !process_vfio_devices)
		return;
	snprintf(path, sizeof(path), "%s/%s/comm", dir, name);
	read_line(command, sizeof(command), path);
	printf("  %7s %-16s %8u %12u %12ld\n", name, command, process_iommufds,
	       process_vfio_devices, vm_pinned_kib_of(name));
}

static void inspect_machine(void)
{
	printf("IOMMUs:\n");
	if (!visit_entries(print_iommu, "/sys/class/iommu"))
		printf("  none\n");
	printf("PCI devices:\n");
	printf("  %-12s  %-13s  %5s  %-12s %s\n", "address", "vendor device",
	       "group", "driver", "VFIO device");
	visit_entries(print_pci_device, "/sys/bus/pci/devices");
	printf("Processes:\n");
	printf("  %7s %-16s %8s %12s %12s\n", "pid", "command", "iommufds",
	       "VFIO devices", "pinned KiB");
	visit_entries(print_process, "/proc");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int status = EXIT_SUCCESS;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
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
	if (optind == argc)
		inspect_machine();
	for (; optind < argc; optind++) {
		if (inspect_device(argv[optind])) {
			fflush(stdout);
			fprintf(stderr, "iommu-inspect: %s\n", uapi_error());
			status = EXIT_FAILURE;
		}
	}
	return status;
}
