#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

#define SH(script) ((char *const[]){(char *)"sh", (char *)"-c", (char *)(script), NULL})

static int run(struct pm_proc_spec *s, struct pm_buf *out, struct pm_buf *err_out)
{
	struct pm_err err = PM_ERR_INIT;
	int code = -1;
	CHECK_OK(pm_proc_run(s, out, 100000, err_out, &code, &err), err);
	return code;
}

TEST(run_captures)
{
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, e = PM_BUF_INIT;
	s.path = "/bin/sh";
	s.argv = SH("echo out; echo err >&2; cat; exit 7");
	CHECK_INT(run(&s, &out, &e), 7);
	CHECK_STR(pm_buf_str(&out), "out\n");
	CHECK_STR(pm_buf_str(&e), "err\n");
	s.argv = SH("kill -9 $$");
	CHECK_INT(run(&s, NULL, NULL), 137);

	struct pm_err err = PM_ERR_INIT;
	int code;
	s.argv = SH("echo too much >&2; exec cat /dev/zero");
	CHECK_INT(pm_proc_run(&s, &out, 1000, NULL, &code, &err), -EFBIG);
	CHECK(strstr(err.text, "/bin/sh") && strstr(err.text, "too much"));
}

TEST(exec_failure_is_reported)
{
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	struct pm_err err = PM_ERR_INIT;
	pid_t pid;
	s.path = "/nonexistent/crun";
	s.argv = SH("");
	CHECK_INT(pm_proc_spawn(&s, &pid, NULL, &err), -ENOENT);
	CHECK_STR(err.text, "execute /nonexistent/crun: No such file or directory");
	s.path = "/bin/sh";
	s.cwd = "/nonexistent";
	CHECK_INT(pm_proc_spawn(&s, &pid, NULL, &err), -ENOENT);
	CHECK(strstr(err.text, "'/nonexistent'"));
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* Nothing but what was named is open, whatever the numbers; 0, 1, 2 always are. */
TEST(descriptors)
{
	struct pm_err err = PM_ERR_INIT;
	char path[128];
	int fds[6];
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%d", test_dir(), i);
		fds[i] = open(path, O_RDWR | O_CREAT, 0600); /* without O_CLOEXEC */
		CHECK(fds[i] >= 0);
	}
	/* a cycle of numbers, and one far away */
	struct pm_proc_fd map[] = {
		{fds[0], fds[1]}, {fds[1], fds[2]}, {fds[2], fds[0]}, {fds[3], 200}, {fds[4], 1},
	};
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	s.path = "/bin/bash";
	_cleanup_free_ char *script = pm_asprintf(
		"for f in /proc/self/fd/*; do n=${f##*/}; t=$(readlink $f); "
		"case $t in /proc/*|'') ;; *) echo $n ${t##*/};; esac; done; "
		"echo zero >&%d; echo one >&%d; echo two >&%d; echo three >&200",
		fds[1], fds[2], fds[0]);
	s.argv = (char *const[]){(char *)"bash", (char *)"-c", script, NULL};
	s.fds = map;
	s.n_fds = PM_ARRAY_SIZE(map);
	pid_t pid;
	CHECK_OK(pm_proc_spawn(&s, &pid, NULL, &err), err);
	int status;
	CHECK_OK(pm_proc_wait(pid, &status, &err), err);
	CHECK_INT(status, 0);

	static const char *const want[] = {"zero\n", "one\n", "two\n", "three\n"};
	for (int i = 0; i < 4; i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		lseek(fds[i], 0, SEEK_SET);
		CHECK_OK(pm_fs_read_fd(fds[i], 100, &b, &err), err);
		CHECK_STR(pm_buf_str(&b), want[i]);
	}
	_cleanup_buf_ struct pm_buf list = PM_BUF_INIT;
	lseek(fds[4], 0, SEEK_SET);
	CHECK_OK(pm_fs_read_fd(fds[4], 1000, &list, &err), err);
	_cleanup_free_ char *all = pm_asprintf("0 null\n1 4\n2 null\n200 3\n");
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	pm_strv_split(&lines, pm_buf_str(&list), '\n');
	size_t seen = 0;
	for (size_t i = 0; i < lines.n; i++) {
		int n = -1;
		char name[32];
		if (sscanf(lines.v[i], "%d %31s", &n, name) != 2)
			continue;
		bool known = n <= 2 || n == 200 || (n >= fds[0] && n <= fds[2]);
		/* the shell's own script or directory descriptors are not ours */
		if (!known && (pm_streq(name, "3") || pm_streq(name, "5")))
			test_fail(__FILE__, __LINE__, "leaked: %s", lines.v[i]);
		seen += known;
	}
	CHECK_INT(seen, 7);
}

TEST(signals_reset)
{
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigset_t set, now;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s.path = "/bin/grep";
	s.argv = (char *const[]){(char *)"grep", (char *)"-E", (char *)"Sig(Blk|Ign):",
				 (char *)"/proc/self/status", NULL};
	CHECK_INT(run(&s, &out, NULL), 0);
	CHECK_STR(pm_buf_str(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	sigprocmask(SIG_BLOCK, NULL, &now); /* and ours are as they were */
	CHECK(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0);
	struct sigaction sa;
	CHECK(sigaction(SIGUSR1, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
	pm_buf_cut(&out, 0);
	s.reset_signals = false;
	CHECK_INT(run(&s, &out, NULL), 0);
	CHECK(strstr(pm_buf_str(&out), "SigBlk:\t0000000000004000\n"));
	/* a parent's posix_spawn may have left glibc's own 32 and 33 ignored: the upper digits */
	CHECK(strstr(pm_buf_str(&out), "0001200\n"));
}

TEST(session_cwd_env)
{
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	s.path = "/bin/sh";
	s.argv = SH("pwd; echo $A; set -- $(cat /proc/$$/stat); [ $1 = $6 ] && echo session");
	s.cwd = "/usr";
	s.new_session = true;
	s.envp = (char *const[]){(char *)"A=b", (char *)"PATH=/usr/bin:/bin", NULL};
	CHECK_INT(run(&s, &out, NULL), 0);
	CHECK_STR(pm_buf_str(&out), "/usr\nb\nsession\n");
}

TEST(pidfd_and_start_time)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	s.path = "/bin/sleep";
	s.argv = (char *const[]){(char *)"sleep", (char *)"1000", NULL};
	pid_t pid;
	int pidfd = -1;
	CHECK_OK(pm_proc_spawn(&s, &pid, &pidfd, &err), err);
	CHECK(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	uint64_t ticks;
	CHECK_OK(pm_proc_start_time(pid, &ticks, &err), err);
	_cleanup_close_ int again = pm_proc_pidfd(pid, ticks, &err);
	CHECK_OK(again, err);
	CHECK_INT(pm_proc_pidfd(pid, ticks + 1, &err), -ESRCH);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	CHECK_INT(poll(&p, 1, 0), 0);
	kill(pid, SIGKILL);
	p.fd = again;
	CHECK_INT(poll(&p, 1, 5000), 1);
	CHECK_INT(pm_proc_start_time(pid, &ticks, &err), -ESRCH); /* a zombie */
	int status;
	CHECK_OK(pm_proc_wait(pid, &status, &err), err);
	CHECK_INT(pm_proc_exit_code(status), 137);
	CHECK_INT(pm_proc_start_time(pid, &ticks, &err), -ESRCH);
	CHECK_INT(pm_proc_pidfd(pid, ticks, &err), -ESRCH);
	CHECK_INT(pm_proc_start_time(-1, &ticks, &err), -ESRCH);
	close(pidfd);
}

/* A name with spaces and parentheses does not shift the fields. */
TEST(start_time_hostile_name)
{
	struct pm_err err = PM_ERR_INIT;
	uint64_t a, b;
	CHECK_OK(pm_proc_start_time(getpid(), &a, &err), err);
	prctl(PR_SET_NAME, "x) Z 1 (2) 3");
	CHECK_OK(pm_proc_start_time(getpid(), &b, &err), err);
	CHECK_INT(a, b);
}

TEST(death_signal)
{
	struct pm_err err = PM_ERR_INIT;
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	pid_t middle = fork();
	if (middle == 0) {
		struct pm_proc_spec s = PM_PROC_SPEC_INIT;
		s.path = "/bin/sleep";
		s.argv = (char *const[]){(char *)"sleep", (char *)"1000", NULL};
		s.death_signal = SIGKILL;
		struct pm_proc_fd fd = {p[1], 1};
		s.fds = &fd;
		s.n_fds = 1;
		pid_t pid;
		_exit(pm_proc_spawn(&s, &pid, NULL, &err) < 0);
	}
	int status;
	CHECK_OK(pm_proc_wait(middle, &status, &err), err);
	CHECK_INT(status, 0);
	close(p[1]);
	char c;
	CHECK_INT(read(p[0], &c, 1), 0); /* the sleep has gone too */
}

/* Joining a user namespace: id 0 there, and this process stays as accessible as it was. */
TEST(join_namespaces)
{
	struct pm_err err = PM_ERR_INIT;
	int ready[2];
	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	uid_t uid = getuid();
	gid_t gid = getgid();
	pid_t holder = fork();
	if (holder == 0) {
		char map[64];
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(1);
		snprintf(map, sizeof(map), "0 %u 1", uid);
		int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		if (write(fd, map, strlen(map)) < 0)
			_exit(1);
		fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
		if (write(fd, "deny", 4) < 0)
			_exit(1);
		fd = open("/proc/self/gid_map", O_WRONLY | O_CLOEXEC);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		if (write(fd, map, strlen(map)) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	char c;
	close(ready[1]);
	CHECK(read(ready[0], &c, 1) == 1);
	_cleanup_free_ char *u = pm_asprintf("/proc/%d/ns/user", holder);
	_cleanup_free_ char *m = pm_asprintf("/proc/%d/ns/mnt", holder);
	struct pm_proc_spec s = PM_PROC_SPEC_INIT;
	s.join_userns = open(u, O_RDONLY | O_CLOEXEC);
	s.join_mntns = open(m, O_RDONLY | O_CLOEXEC);
	CHECK(s.join_userns >= 0 && s.join_mntns >= 0);
	s.path = "/bin/sh";
	_cleanup_free_ char *script = pm_asprintf("id -u; id -g; readlink /proc/self/ns/user "
						  "/proc/self/ns/mnt; readlink /proc/%d/ns/user "
						  "/proc/%d/ns/mnt", holder, holder);
	s.argv = SH(script);
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	CHECK_INT(run(&s, &out, NULL), 0);
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_split(&l, pm_buf_str(&out), '\n');
	CHECK_INT(l.n, 7);
	CHECK_STR(l.v[0], "0");
	CHECK_STR(l.v[1], "0");
	CHECK_STR(l.v[2], l.v[4]);
	CHECK_STR(l.v[3], l.v[5]);
	CHECK_INT(prctl(PR_GET_DUMPABLE), 1);
	struct stat st;
	CHECK(stat("/proc/self/stat", &st) == 0 && st.st_uid == uid);

	pid_t pid;
	s.join_userns = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(pm_proc_spawn(&s, &pid, NULL, &err) < 0);
	CHECK(strstr(err.text, "join the user namespace"));
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

TEST(find)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
	CHECK_OK(pm_proc_find("sh", NULL, &a, &err), err);
	CHECK(a[0] == '/' && pm_endswith(a, "/sh"));
	CHECK_OK(pm_proc_find("/bin/sh", NULL, &b, &err), err);
	CHECK_STR(b, "/bin/sh");
	CHECK_INT(pm_proc_find("no-such-program", NULL, &c, &err), -ENOENT);
	CHECK(chdir("/bin") == 0);
	CHECK_INT(pm_proc_find("sh", ":.:", &c, &err), -ENOENT); /* not from the working directory */
	CHECK_INT(pm_proc_find("bin", "/usr:/", &c, &err), -EACCES); /* a directory */
}

TEST(boot_id_and_helper)
{
	struct pm_err err = PM_ERR_INIT;
	char a[37], b[37];
	CHECK_OK(pm_proc_boot_id(a, &err), err);
	CHECK_OK(pm_proc_boot_id(b, &err), err);
	CHECK_STR(a, b);
	CHECK_INT(strlen(a), 36);
	_cleanup_free_ char *h = pm_proc_helper("pm-surely-not-there");
	CHECK_STR(h, PM_LIBEXECDIR "/pm-surely-not-there");
}
