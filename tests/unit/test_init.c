#include "tests/unit/test.h"

#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/tree.h"

/* Beside the test program, where the Makefile puts it. */
static const char *pm_init(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	CHECK(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	memcpy(strrchr(path, '/'), "/libexec/pm/pm-init", 20);
	return path;
}

/* As PID 1 of a namespace: sh -c script with $1 the program. */
static int in_namespace(const char *script)
{
	const char *const argv[] = {"unshare", "-Urpf", "--mount-proc", "--kill-child", "sh",
				    "-c",      script,  "sh",           pm_init(),      NULL};
	return tree_run(test_dir(), argv);
}

static int run(const char *const *args)
{
	const char *argv[8] = {pm_init()};
	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	return tree_run(test_dir(), argv);
}

TEST(exit_codes_are_the_commands)
{
	CHECK_INT(run((const char *const[]){"--", "sh", "-c", "exit 7", NULL}), 7);
	CHECK_INT(run((const char *const[]){"sh", "-c", "exit 0", NULL}), 0);
	CHECK_INT(run((const char *const[]){"--", "sh", "-c", "kill -9 $$", NULL}), 137);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 2);
	CHECK_INT(run((const char *const[]){"--", "/nonexistent/command", NULL}), 127);
	CHECK_INT(run((const char *const[]){"--", "/etc/passwd", NULL}), 126);
	CHECK_INT(run((const char *const[]){"--", "/", NULL}), 126);
	CHECK_INT(run((const char *const[]){"--", NULL}), 125);
	CHECK_INT(in_namespace("exec \"$1\" -- sh -c 'exit 3'"), 3);
}

TEST(it_is_pid_1_and_reaps_orphans)
{
	/* the orphan ends while the command lives: no zombie stays */
	CHECK_INT(in_namespace("exec \"$1\" -- sh -c '\n"
			       "[ \"$(cat /proc/1/comm)\" = pm-init ] || exit 20\n"
			       "(sh -c \"exit 0\" & sh -c \"exit 0\" & exit 0)\n"
			       "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do\n"
			       "grep -q \"^State:.Z\" /proc/[0-9]*/status 2>/dev/null || exit 0; "
			       "sleep 0.1; done\n"
			       "exit 21'"),
		  0);
}

TEST(signals_reach_the_command)
{
	CHECK_INT(in_namespace("exec \"$1\" -- sh -c 'trap \"exit 42\" TERM; kill -TERM 1; "
			       "for i in $(seq 100); do sleep 0.1; done'"),
		  42);
	CHECK_INT(in_namespace("exec \"$1\" -- sh -c 'trap \"exit 43\" USR1; kill -USR1 1; "
			       "for i in $(seq 100); do sleep 0.1; done'"),
		  43);
	/* the command starts with the signals its parent had */
	CHECK_INT(in_namespace("exec \"$1\" -- grep -q '^SigBlk:.0000000000000000' "
			       "/proc/self/status"),
		  0);
}

TEST(without_a_command_it_waits_for_the_end)
{
	CHECK_INT(in_namespace("(sleep 0.3; kill -USR1 1; kill -HUP 1; [ -d /proc/1 ] || exit; "
			       "echo alive >alive; kill -TERM 1) & exec \"$1\""),
		  0);
	CHECK_STR(tree_content(test_dir(), "alive"), "alive\n");
}

TEST(the_terminals_interrupt_reaches_the_command)
{
	const char *program = pm_init();
	int tty;
	pid_t pid = forkpty(&tty, NULL, NULL, NULL);
	if (pid == 0) {
		execl(program, program, "--", "sh", "-c",
		      "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done", NULL);
		_exit(1);
	}
	char text[64] = "";
	size_t n = 0;
	while (!strstr(text, "ready")) {
		ssize_t got = read(tty, text + n, sizeof(text) - 1 - n);
		CHECK(got > 0);
		n += (size_t)got;
	}
	CHECK(write(tty, "\003", 1) == 1);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 9 << 8);
	close(tty);
}
