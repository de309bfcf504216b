/*
 * reaper - runs a command as a child subreaper, so that what the command's descendants leave behind is
 * found: orphans become children of this process, where a test's teardown looks for them.
 *
 * Usage: reaper SECONDS COMMAND [ARG...]. PM_TEST_REAPER is set to its pid for the command. After the
 * command has ended, orphans that are still there are named on stderr, killed, and the exit status is 99.
 * SECONDS bounds the command; when it is over, it is killed with its process group.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t command;

static void on_alarm(int sig)
{
	(void)sig;
	kill(-command, SIGKILL);
}

/* Print and kill the children that are left; how many there were. */
static int kill_orphans(void)
{
	char path[64], line[4096], name[32];
	int n = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	for (char *p = line, *end; *p; p = end) {
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd >= 0 ? read(fd, name, sizeof(name) - 1) : 0;
		if (fd >= 0)
			close(fd);
		name[len > 0 ? len : 0] = '\0';
		name[strcspn(name, "\n")] = '\0';
		fprintf(stderr, "reaper: left behind: %ld %s\n", pid, name);
		kill((pid_t)pid, SIGKILL);
		waitpid((pid_t)pid, NULL, 0);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: reaper SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("PM_TEST_REAPER", pid, 1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	command = fork();
	if (command == 0) {
		setpgid(0, 0);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	signal(SIGALRM, on_alarm);
	alarm((unsigned int)strtoul(argv[1], NULL, 10));

	int status = 0, result = 1;
	for (;;) {
		int s;
		pid_t p = waitpid(-1, &s, 0);
		if (p < 0 && errno == EINTR)
			continue;
		if (p < 0)
			break;
		if (p != command)
			continue;
		status = s;
		result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		break;
	}
	alarm(0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	int rounds = 0, left = 0;
	for (int n; rounds < 50 && (n = kill_orphans()) > 0; rounds++)
		left += n;
	return left ? 99 : result;
}
