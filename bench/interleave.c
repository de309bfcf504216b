/*
 * interleave - times commands as whole processes, in turn (A B C A B C ...), so that a machine whose
 * speed drifts treats all alike.
 *
 *	interleave [-c] [-n ROUNDS] [-w WARMUP] [-r RAW.csv] NAME=COMMAND...
 *
 * COMMAND is split at spaces and executed without a shell, with output to /dev/null. Prints a line per command: the median and
 * minimum of its wall time in ms, and its median over the first command's. A command that fails ends
 * the run: a failed command's time means nothing.
 *
 * -c: processor time instead, of the command and of all it started, which is waited for: what others do on the machine
 * matters less then. For commands that leave nothing running.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct command {
	const char *name, *line;
	double *ms;
};

/* Processor time of all that has been waited for. */
static double used_ms(void)
{
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double run(const char *line, bool cpu, int *ret_status)
{
	const double before = used_ms();
	struct timespec a, b;
	char copy[8192], *args[256] = {NULL}, *save = NULL;
	size_t n = 0;
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *p = strtok_r(copy, " ", &save); p && n < 255; p = strtok_r(NULL, " ", &save))
		args[n++] = p;

	clock_gettime(CLOCK_MONOTONIC, &a);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("/dev/null", O_RDWR);
		dup2(fd, 0);
		dup2(fd, 1);
		execvp(args[0], args);
		_exit(127);
	}
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (cpu) {
		while (wait(NULL) > 0 || errno == EINTR)
			;
		return used_ms() - before;
	}
	return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	int rounds = 20, warmup = 2, opt;
	bool cpu = false;
	const char *raw = NULL;
	while ((opt = getopt(argc, argv, "cn:w:r:")) != -1) {
		if (opt == 'c')
			cpu = true;
		else if (opt == 'n')
			rounds = (int)strtol(optarg, NULL, 10);
		else if (opt == 'w')
			warmup = (int)strtol(optarg, NULL, 10);
		else if (opt == 'r')
			raw = optarg;
		else
			return 2;
	}
	int n = argc - optind;
	if (n < 1 || rounds < 1) {
		fprintf(stderr, "usage: interleave [-c] [-n ROUNDS] [-w WARMUP] [-r RAW] NAME=COMMAND...\n");
		return 2;
	}

	if (cpu)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	struct command *c = calloc((size_t)n, sizeof(*c));
	for (int i = 0; i < n; i++) {
		char *eq = strchr(argv[optind + i], '=');
		if (!eq)
			return 2;
		*eq = '\0';
		c[i] = (struct command){argv[optind + i], eq + 1, calloc((size_t)rounds, sizeof(double))};
	}

	for (int r = -warmup; r < rounds; r++) {
		for (int i = 0; i < n; i++) {
			int status = 0;
			double ms = run(c[i].line, cpu, &status);
			if (status != 0) {
				fprintf(stderr, "interleave: '%s' failed (status %d): %s\n", c[i].name,
					status, c[i].line);
				return 1;
			}
			if (r >= 0)
				c[i].ms[r] = ms;
		}
	}

	FILE *out = raw ? fopen(raw, "a") : NULL;
	double first = 0;
	for (int i = 0; i < n; i++) {
		for (int r = 0; out && r < rounds; r++)
			fprintf(out, "%s,%d,%.3f\n", c[i].name, r, c[i].ms[r]);
		qsort(c[i].ms, (size_t)rounds, sizeof(double), by_value);
		double median = c[i].ms[rounds / 2];
		if (i == 0)
			first = median;
		printf("%-28s median %9.2f ms   min %9.2f ms   ratio %6.2f\n", c[i].name, median,
		       c[i].ms[0], median / first);
	}
	return out && fclose(out) != 0;
}
