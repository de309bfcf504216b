#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "netns/userns.h"

static int open_dir(void)
{
	int fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void write_hint(const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	char path[128];
	snprintf(path, sizeof(path), "%s/userns", test_dir());
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0600, false, &err), err);
}

/* Inside: root, and with every mapped id usable. */
static int look_inside(void *arg, struct pm_err *err)
{
	const struct pm_userns_map *m = arg;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (getuid() != 0 || getgid() != 0 || geteuid() != 0)
		return pm_fail(err, EPERM, "not root inside");
	if (pm_fs_read_file(AT_FDCWD, "/proc/self/uid_map", 65536, &b, err) < 0)
		return -err->code;
	size_t lines = 0;
	for (const char *c = pm_buf_str(&b); *c; c++)
		lines += *c == '\n';
	/* the kernel may show two touching ranges as two lines still: it shows what was written */
	if (lines != m->n_uids)
		return pm_fail(err, EINVAL, "%zu ranges, not %zu:\n%s", lines, m->n_uids,
			       pm_buf_str(&b));
	return 0;
}

TEST(default_map_maps_the_user_to_root)
{
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_userns_default_map(&m, &err), err);
	CHECK_INT(m.uids[0].container, 0);
	CHECK_INT(m.uids[0].host, geteuid());
	CHECK_INT(m.uids[0].length, 1);
	CHECK(m.single == (m.why != NULL));
	CHECK(m.single == (m.n_uids == 1));
	CHECK(pm_userns_map_has_uid(&m, 0));
	CHECK(pm_userns_map_has_gid(&m, 0));
	CHECK(pm_userns_map_has_uid(&m, 1) == !m.single);
	CHECK(!pm_userns_map_has_uid(&m, 4294967294u));
}

TEST(fresh_then_joined)
{
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	struct pm_err err = PM_ERR_INIT;
	if (!pm_userns_needed()) {
		int none = 5;
		CHECK_INT(pm_userns_get(-1, &none, &err), 0);
		CHECK_INT(none, -1);
		return;
	}
	CHECK_OK(pm_userns_default_map(&m, &err), err);
	int dir = open_dir(), fd = -1, joined = -1;
	CHECK_INT(pm_userns_join(dir, &m, &joined, &err), 0); /* no hint yet */
	CHECK_OK(pm_userns_get(dir, &fd, &err), err);
	CHECK_OK(pm_userns_run(fd, look_inside, &m, &err), err);

	/* a process in it publishes; another one joins through it */
	int go[2], stop[2];
	CHECK(pipe2(go, O_CLOEXEC) == 0 && pipe2(stop, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(stop[1]);
		if (pm_userns_enter(fd, &err) < 0 || pm_userns_publish_hint(dir, &err) < 0)
			_exit(1);
		close(go[1]);
		(void)!read(stop[0], &c, 1);
		_exit(0);
	}
	char c;
	close(go[1]);
	(void)!read(go[0], &c, 1);
	CHECK_INT(pm_userns_join(dir, &m, &joined, &err), 1);
	struct stat a, b;
	CHECK(fstat(fd, &a) == 0 && fstat(joined, &b) == 0);
	CHECK(a.st_ino == b.st_ino);
	CHECK_OK(pm_userns_run(joined, look_inside, &m, &err), err);

	/* but not for who has other ids by now */
	m.uids[m.n_uids - 1].length++;
	CHECK_INT(pm_userns_join(dir, &m, &joined, &err), 0);
	m.uids[m.n_uids - 1].length--;

	/* its end makes the hint stale */
	close(stop[1]);
	waitpid(pid, NULL, 0);
	CHECK_INT(pm_userns_join(dir, &m, &joined, &err), 0);
}

TEST(bad_hints_are_no_hint)
{
	static const char *const bad[] = {"", "\n", "1 1\n", "x y\n", "-1 5\n", "99999999999 1\n",
					  "2 3 4\n", "12345", "4194305 18446744073709551616\n"};
	struct pm_err err = PM_ERR_INIT;
	const struct pm_userns_map m = PM_USERNS_MAP_INIT;
	int dir = open_dir(), fd = -1;
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		write_hint(bad[i]);
		CHECK_INT(pm_userns_join(dir, &m, &fd, &err), 0);
	}
	/* a live process that is not below us: this one */
	char text[64];
	uint64_t start;
	CHECK_OK(pm_proc_start_time(getpid(), &start, &err), err);
	snprintf(text, sizeof(text), "%d %llu\n", getpid(), (unsigned long long)start);
	write_hint(text);
	CHECK_INT(pm_userns_join(dir, &m, &fd, &err), 0);
	/* a FIFO or symlink in its place does not block or mislead */
	CHECK(unlinkat(dir, "userns", 0) == 0);
	CHECK(mkfifoat(dir, "userns", 0600) == 0);
	CHECK_INT(pm_userns_join(dir, &m, &fd, &err), 0);
	CHECK(unlinkat(dir, "userns", 0) == 0);
	CHECK(symlinkat("/proc/self/stat", dir, "userns") == 0);
	CHECK_INT(pm_userns_join(dir, &m, &fd, &err), 0);
}

TEST(tool_says_why)
{
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	struct pm_err err = PM_ERR_INIT;
	if (geteuid() == 0)
		return; /* root may map anything */
	CHECK_OK(pm_userns_default_map(&m, &err), err);
	CHECK(!m.single);
	pm_userns_map_add_uid(&m, 4000000, 1, 5); /* not ours */
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	int status;
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	int r = pm_userns_write_maps(pid, &m, &err);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(r < 0);
	CHECK(strstr(err.text, "newuidmap"));
	CHECK(strstr(err.text, "not allowed") || strstr(err.text, "range"));
}

static int failing(void *arg, struct pm_err *err)
{
	return pm_fail(err, PM_E_NOSUCH, "no such %s", (const char *)arg);
}

static int dying(void *arg, struct pm_err *err)
{
	(void)arg;
	(void)err;
	return raise(SIGKILL);
}

TEST(run_brings_errors_back)
{
	struct pm_err err = PM_ERR_INIT;
	char what[] = "thing";
	CHECK_INT(pm_userns_run(-1, failing, what, &err), -PM_E_NOSUCH);
	CHECK_STR(err.text, "no such thing");
	CHECK_INT(pm_userns_run(-1, dying, NULL, &err), -PM_E_INTERNAL);
	CHECK(strstr(err.text, "signal 9"));
	CHECK_INT(pm_userns_run(0, failing, what, &err), -EINVAL); /* no namespace */
}
