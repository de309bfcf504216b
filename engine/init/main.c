/*
 * pm-init - the first process of a container or pod: static, libc only, mounted in from outside.
 *
 *	pm-init [--] COMMAND [ARG...]
 *		start COMMAND, pass signals on to it, reap orphans, exit with its exit code (128 +
 *		signal when it was killed); 126 when it cannot be executed, 127 when there is none
 *	pm-init
 *		hold a pod's namespaces until SIGTERM or SIGINT, or SIGUSR2, which ends it with exit code 1
 *
 * It runs in namespaces that the container controls: it trusts no file there and opens none.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

static void say(const char *a, const char *b, const char *c)
{
	const char *const parts[] = {"pm-init: ", a, b, c, "\n"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			return;
}

/* All but those that say this process itself is at fault. */
static void waited_signals(sigset_t *set)
{
	static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
	sigfillset(set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(set, own[i]);
}

static _Noreturn void run_command(char **argv, const sigset_t *mask)
{
	/* a process group of its own, the foreground one where there is a terminal, so that ^C
	 * reaches the command once and not by way of this process a second time */
	setpgid(0, 0);
	tcsetpgrp(STDIN_FILENO,
		  getpgrp()); /* SIGTTOU is still blocked; not a terminal: no matter */
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int e = errno;
	say(argv[0], ": ", strerrordesc_np(e));
	_exit(e == ENOENT || e == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Reap all that ended. True when child was among them: *ret_status is its status then. */
static bool reap(pid_t child, int *ret_status)
{
	bool found = false;
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) != 0) {
		if (pid < 0 && errno != EINTR)
			break;
		if (pid == child) {
			*ret_status = status;
			found = true;
		}
	}
	return found;
}

/* child -1: there is none, SIGTERM or SIGINT ends this process. Returns the exit code. */
static int serve(pid_t child, const sigset_t *set)
{
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(set, &info);
		if (sig < 0)
			continue;
		if (sig == SIGCHLD) {
			int status;
			if (!reap(child, &status) || child < 0)
				continue;
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
		if (child < 0) {
			if (sig == SIGTERM || sig == SIGINT || sig == SIGUSR2)
				return sig == SIGUSR2;
			continue;
		}
		/* the terminal's word to a background process is for this one alone */
		if (sig != SIGTTIN && sig != SIGTTOU)
			kill(child, sig);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argv++;
		argc--;
		if (argc == 1) {
			say("no command after --", "", "");
			return EXIT_USAGE;
		}
	}

	sigset_t set, before;
	waited_signals(&set);
	sigprocmask(SIG_SETMASK, &set, &before);
	if (argc <= 1)
		return serve(-1, &set);

	/* when it is not the namespace's first process, orphans come here all the same */
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t child = fork();
	if (child < 0) {
		say("cannot fork", ": ", strerrordesc_np(errno));
		return EXIT_NOT_EXECUTABLE;
	}
	if (child == 0)
		run_command(argv + 1, &before);
	return serve(child, &set);
}
