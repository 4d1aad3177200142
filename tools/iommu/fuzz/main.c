// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu-fuzz: reads the inputs, starts the process that runs them, and watches
 * over it: what takes too long is killed, and what cannot be killed is a hang.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

/* Of a slow machine: an input takes milliseconds */
#define SLOW_SECONDS 120
#define KILL_SECONDS 120
#define MAX_RESTARTS 200

struct options options = { .seed = 1, .seconds = 60, .repeat = 1 };
struct progress *progress;
struct input *given;
unsigned int nr_given;

static void help(void)
{
	fprintf(stderr,
		"usage: iommu-fuzz [OPTION...] FILE...\n"
		"  --seconds N   fuzz that long (60), beginning with the FILEs' inputs\n"
		"  --must N      but not before the inputs of the first N FILEs have run (all)\n"
		"  --seed N      of all that is random (1)\n"
		"  --replay      run the FILEs' inputs, and nothing else\n"
		"  --minimise    run the FILE's input without parts of it\n"
		"  --repeat N    each of them that often (1)\n"
		"  --board FILE  16 MiB, for figures and inputs\n"
		"  --trace       say what each call returns\n"
		"  --print       print the FILEs' inputs as they were understood\n");
	exit(EXIT_USAGE);
}

/* The FILEs' inputs. All of them, or nobody knows what was tested. */
static bool read_file(const char *path)
{
	char error[200];
	struct stat stat;
	const char *text, *at, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fstat(fd, &stat)) {
		perror(path);
		return false;
	}
	if (!stat.st_size) {
		close(fd);
		return true;
	}
	text = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (text == MAP_FAILED) {
		perror(path);
		return false;
	}
	at = text;
	end = text + stat.st_size;
	for (;;) {
		if (nr_given % 256 == 0)
			given = realloc(given, (nr_given + 256) * sizeof(*given));
		if (!given)
			return false;
		rc = input_parse(&given[nr_given], &at, end, error,
				 sizeof(error));
		if (rc <= 0)
			break;
		nr_given++;
	}
	munmap((void *)text, stat.st_size);
	if (rc < 0)
		fprintf(stderr, "%s: what is '%s'?\n", path, error);
	return !rc;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0)
		return;
	if (write(fd, text, len) != (ssize_t)len)
		fprintf(stderr, "cannot write %s\n", path);
	close(fd);
}

/* Let every allocation be one that can be made to fail */
static void fault_injection_init(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc",
					     "fail_iommufd" };
	char path[128];
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(kinds); i++) {
		const char *dir = "/sys/kernel/debug";

		snprintf(path, sizeof(path), "%s/%s/ignore-gfp-wait", dir, kinds[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "%s/%s/ignore-gfp-highmem", dir,
			 kinds[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "%s/%s/verbose", dir, kinds[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/mm/ksm/run", "1");
}

static void print_file(const char *path)
{
	char buf[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	len = read(fd, buf, sizeof(buf));
	if (len > 0)
		printf("%s:\n%.*s", path, (int)len, buf);
	close(fd);
}

/* Where the threads of a process are that does not end */
static void print_stacks(pid_t pid)
{
	char path[300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stack", pid,
			 entry->d_name);
		print_file(path);
	}
	if (dir)
		closedir(dir);
}

static bool wait_for(pid_t pid, unsigned int seconds, int *status)
{
	unsigned int i;

	for (i = 0; i != seconds * 20; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		/* time: looks again; minutes until it is a hang */
		usleep(50000);
	}
	return false;
}

/* Returns the process's exit status; 128 plus a signal; or -1: it hangs */
static int watch(pid_t pid)
{
	uint64_t last = 0;
	int status;

	while (!wait_for(pid, SLOW_SECONDS, &status)) {
		if (stats->current != last) {
			last = stats->current;
			continue;
		}
		printf("slow: this takes longer than %d s\n%s", SLOW_SECONDS,
		       board_current());
		print_stacks(pid);
		stats->slow++;
		kill(pid, SIGKILL);
		if (!wait_for(pid, KILL_SECONDS, &status)) {
			print_stacks(pid);
			return -1;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int supervise(void)
{
	struct timespec time;
	pid_t pid;
	int rc;

	/* time: how long it is asked to go on */
	clock_gettime(CLOCK_MONOTONIC, &time);
	progress->start = time.tv_sec;
	for (;;) {
		fflush(NULL);
		pid = fork();
		if (!pid)
			run();
		if (pid < 0) {
			perror("fork");
			return EXIT_BROKEN;
		}
		rc = watch(pid);
		if (rc < 0) {
			snprintf(stats->stop, sizeof(stats->stop),
				 "hang: an input cannot be killed");
			board_stats();
			return EXIT_STOPPED;
		}
		if (rc < 128)
			return rc;
		stats->restarts++;
		if (stats->restarts == MAX_RESTARTS) {
			fprintf(stderr, "killed too often, signal %d\n", rc - 128);
			return EXIT_BROKEN;
		}
	}
}

static void print_given(void)
{
	static char text[TEXT_MAX];
	unsigned int i;

	for (i = 0; i != nr_given; i++) {
		input_print(&given[i], text, sizeof(text));
		printf("%s\n", text);
	}
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "must", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 'r' },
		{ "replay", no_argument, NULL, 'R' },
		{ "minimise", no_argument, NULL, 'M' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "board", required_argument, NULL, 'b' },
		{ "trace", no_argument, NULL, 't' },
		{ "print", no_argument, NULL, 'p' },
		{ },
	};
	unsigned int must = UINT_MAX;
	bool print = false;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			options.seconds = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			must = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'R':
			options.mode = MODE_REPLAY;
			break;
		case 'M':
			options.mode = MODE_MINIMISE;
			break;
		case 'n':
			options.repeat = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			options.board = optarg;
			break;
		case 't':
			exec_trace = true;
			break;
		case 'p':
			print = true;
			break;
		default:
			help();
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ops_init();
	for (; optind < argc; optind++) {
		if (!read_file(argv[optind]))
			return EXIT_USAGE;
		if (must && must--)
			options.must = nr_given;
	}
	if (print) {
		print_given();
		return 0;
	}
	if (options.mode != MODE_FUZZ && !nr_given)
		help();

	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED || !board_init(options.board) ||
	    !cover_init() || !corpus_init())
		return EXIT_BROKEN;
	fault_injection_init();
	vfio_init();
	rc = supervise();
	printf("%llu inputs in %llu s, %u edges, %u places; ",
	       (unsigned long long)stats->execs,
	       (unsigned long long)stats->seconds, cover_edges(), cover_sites());
	printf("%u worth keeping, %llu of them new; %llu killed\n", corpus_nr(),
	       (unsigned long long)stats->kept, (unsigned long long)stats->slow);
	if (stats->stop[0])
		printf("stopped: %s\n", stats->stop);
	return rc;
}
