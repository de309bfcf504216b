#include "engine/monitor/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

/* --- errors -------------------------------------------------------------------------- */

/* runc's lines are logfmt: time="..." level=error msg="...". The message, unquoted in place. */
static char *logfmt_message(char *line)
{
	char *msg = strstr(line, " msg=\"");
	if (!pm_startswith(line, "time=") || !msg)
		return line;
	char *from = msg + 6, *to = from;
	msg = from;
	while (*from && *from != '"') {
		if (*from == '\\' && from[1]) {
			from++;
			*to++ = *from == 'n' || *from == 't' ? ' ' : *from;
			from++;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return msg;
}

/* crun begins with the time: "2026-11-23T23:17:22.123456Z: message". */
static char *without_time(char *line)
{
	if (!isdigit((unsigned char)line[0]) || strnlen(line, 20) < 20 || line[4] != '-')
		return line;
	char *colon = strstr(line, "Z: ");
	return colon && colon - line < 40 ? colon + 3 : line;
}

static char *without_prefix(char *line, const char *prefix)
{
	return pm_startswith(line, prefix) ? line + strlen(prefix) : line;
}

static bool has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

/* Is the container's own command what was not found or not permitted? Both runtimes name it in
 * their messages; a mount's source that is missing must not look like that. */
static int command_code(const char *msg)
{
	bool runc_exec =
		has(msg, "exec: \"") || has(msg, ": exec /") || has(msg, "exec user process");
	bool crun_exec = has(msg, "executable file") || has(msg, "open executable") ||
			 pm_startswith(msg, "exec ") || pm_startswith(msg, "execve ");
	/* the working directory of an exec */
	bool no_dir = pm_startswith(msg, "chdir ") || has(msg, "chdir to cwd");
	if (!runc_exec && !crun_exec && !no_dir)
		return 0;
	if (has(msg, "not found") || has(msg, "no such file"))
		return PM_E_NOTFOUND;
	if (has(msg, "permission denied") || has(msg, "operation not permitted") ||
	    has(msg, "exec format error") || has(msg, "is a directory") ||
	    has(msg, "not executable"))
		return PM_E_NOTEXEC;
	return 0;
}

int runtime_error(const char *name, char *text, size_t len, struct pm_err *err)
{
	/* the last line that says anything */
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	line = without_time(logfmt_message(line));
	line = without_prefix(line, "runc run failed: ");
	line = without_prefix(line, "exec failed: ");
	for (char *p = line; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	if (!*line)
		return 0;

	int code = command_code(line);
	if (code == PM_E_NOTFOUND)
		return pm_fail(
			err, code,
			"%s: %s: OCI runtime attempted to invoke a command that was not found",
			name, line);
	if (code == PM_E_NOTEXEC)
		return pm_fail(err, code, "%s: %s: OCI permission denied", name, line);
	/* each container has one, and the kernel lets a user have 200 */
	bool keys = strstr(line, "keyring") && strstr(line, "quota exceeded");
	return pm_fail(err, PM_E_UNSUPPORTED, "OCI runtime error: %s: %s%s", name, line,
		       keys ? ": raise sysctl kernel.keys.maxkeys, or set keyring = false in containers.conf" : "");
}

/* What the runtime wrote to its stderr is in a pipe; nobody else writes to it any more. */
static int failure(struct monitor *m, int status, int err_fd, struct pm_err *err)
{
	static char text[8192];
	size_t len = 0;
	for (;;) {
		if (len >= sizeof(text) / 2) {
			/* only the end counts */
			memmove(text, text + len - 1024, 1024);
			len = 1024;
		}
		ssize_t n = read(err_fd, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	const char *name = m->plan.runtime_name ? m->plan.runtime_name : m->plan.runtime;
	int r = runtime_error(name, text, len, err);
	if (r < 0)
		return r;
	if (WIFSIGNALED(status))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "OCI runtime error: %s was killed by signal %d", name,
			       WTERMSIG(status));
	return pm_fail(err, PM_E_UNSUPPORTED, "OCI runtime error: %s ended with exit code %d", name,
		       WEXITSTATUS(status));
}

/* --- execution ----------------------------------------------------------------------- */

static void global_args(const struct monitor *m, struct pm_strv *argv)
{
	const struct pm_launch_plan *p = &m->plan;
	pm_strv_add(argv, p->runtime_name ? p->runtime_name : p->runtime);
	for (size_t i = 0; i < p->runtime_args.n; i++)
		pm_strv_add(argv, p->runtime_args.v[i]);
	pm_strv_add(argv, "--root");
	pm_strv_add(argv, p->runtime_root);
	if (p->cgroup_manager == PM_CGROUP_SYSTEMD)
		pm_strv_add(argv, "--systemd-cgroup");
	else if (p->cgroup_manager == PM_CGROUP_DISABLED && pm_streq(p->runtime_name, "crun"))
		pm_strv_add(argv, "--cgroup-manager=disabled");
}

static void restore_args(const struct pm_launch_plan *p, struct pm_strv *argv)
{
	pm_strv_add(argv, "--image-path");
	pm_strv_add(argv, p->restore_image);
	pm_strv_add(argv, "--work-path");
	pm_strv_add(argv, p->restore_work);
	if (p->restore_tcp)
		pm_strv_add(argv, "--tcp-established");
	if (p->restore_locks)
		pm_strv_add(argv, "--file-locks");
}

static void build_argv(const struct monitor *m, const char *console, struct pm_strv *argv)
{
	const struct pm_launch_plan *p = &m->plan;
	global_args(m, argv);
	if (monitor_execs(m)) {
		pm_strv_add(argv, "exec");
		pm_strv_add(argv, "--process");
		pm_strv_add(argv, p->process);
	} else {
		pm_strv_add(argv, m->created ? "create" : monitor_restores(m) ? "restore" : "run");
		pm_strv_add(argv, "--bundle");
		pm_strv_add(argv, p->bundle);
		if (p->no_pivot)
			pm_strv_add(argv, "--no-pivot");
		if (monitor_restores(m))
			restore_args(p, argv);
		else if (p->no_keyring)
			pm_strv_add(argv, "--no-new-keyring");
	}
	if (!m->created)
		pm_strv_add(argv, "--detach");
	pm_strv_add(argv, "--pid-file");
	pm_strv_addf(argv, "%s/pidfile", p->ctr_dir);
	if (p->preserve_fds > 0 && !monitor_restores(m)) {
		pm_strv_add(argv, "--preserve-fds");
		pm_strv_addf(argv, "%d", (int)p->preserve_fds);
	}
	if (console) {
		pm_strv_add(argv, "--console-socket");
		pm_strv_add(argv, console);
	}
	pm_strv_add(argv, p->id);
}

static int read_pid(struct monitor *m, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_file(m->ctr_fd, "pidfile", 64, &b, err);
	if (r < 0)
		return pm_wrap(err, "read the runtime's pid file");
	char *end;
	long pid = strtol(pm_buf_str(&b), &end, 10);
	if (pid <= 1 || pid > INT32_MAX || (*end && !isspace((unsigned char)*end)))
		return pm_fail(err, PM_E_FORMAT, "the runtime's pid file holds no pid");
	m->init = (pid_t)pid;
	return 0;
}

/* Standard streams: exactly those that are given; /dev/null for the others (base/proc.h). */
static size_t stream_fds(const struct monitor *m, int runtime_err, struct pm_proc_fd *fds)
{
	size_t n = 0;
	if (m->give_in >= 0)
		fds[n++] = (struct pm_proc_fd){m->give_in, 0};
	if (m->give_out >= 0)
		fds[n++] = (struct pm_proc_fd){m->give_out, 1};
	if (runtime_err >= 0)
		fds[n++] = (struct pm_proc_fd){runtime_err, 2};
	else if (m->give_err >= 0)
		fds[n++] = (struct pm_proc_fd){m->give_err, 2};
	return n;
}

void runtime_take_preserved(void)
{
	/* Linux 5.11 */
	if (syscall(SYS_close_range, PM_MONITOR_FD_PRESERVED, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int i = 0; i < PM_PRESERVE_MAX; i++)
		fcntl(PM_MONITOR_FD_PRESERVED + i, F_SETFD, FD_CLOEXEC);
}

/* Those of --preserve-fds, at their numbers again. The numbers between them are not left free: the runtime
 * would open its own there, and pass them on to the container. */
static int preserved_fds(const struct monitor *m, struct pm_proc_fd *fds, size_t *n, int *null_fd,
			 struct pm_err *err)
{
	for (int i = 0; i < m->plan.preserve_fds; i++) {
		int fd = PM_MONITOR_FD_PRESERVED + i;
		if (fcntl(fd, F_GETFD) < 0) {
			if (*null_fd < 0)
				*null_fd = pm_fs_open(AT_FDCWD, "/dev/null", O_RDWR, 0, err);
			if (*null_fd < 0)
				return *null_fd;
			fd = *null_fd;
		}
		fds[(*n)++] = (struct pm_proc_fd){fd, 3 + i};
	}
	return 0;
}

/* Will the container have another process than its first? */
static bool may_restart(const struct pm_launch_plan *p)
{
	return p->restart != PM_RESTART_NO || p->health_action == PM_HEALTH_RESTART ||
	       p->startup.retries > 0;
}

static void close_given(struct monitor *m)
{
	/* a restart gets them again; who waits for the end of such a pipe waits for the container's */
	if (!may_restart(&m->plan)) {
		for (int i = 0; i < m->plan.preserve_fds; i++)
			close(PM_MONITOR_FD_PRESERVED + i);
		m->plan.preserve_fds = 0;
	}
	int *fds[] = {&m->give_in, &m->give_out, &m->give_err};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/*
 * crun and runc copy themselves and execute the copy, so that no container can write to their file
 * (CVE-2019-5736), unless they find that they run from a read-only mount: give them one, in this mount
 * namespace only. It is worth a whole execution. What cannot be done here they do themselves.
 */
static void seal_runtime(const char *path)
{
	struct statvfs st;
	unsigned long keep = 0;
	static const struct {
		unsigned long st, ms;
	} flags[] = {
		{ST_NOSUID, MS_NOSUID},	    {ST_NODEV, MS_NODEV},	  {ST_NOEXEC, MS_NOEXEC},
		{ST_NOATIME, MS_NOATIME},   {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME},
	};
	if (statvfs(path, &st) < 0 || (st.f_flag & ST_RDONLY) ||
	    mount(path, path, NULL, MS_BIND, NULL) < 0)
		return;
	for (size_t i = 0; i < PM_ARRAY_SIZE(flags); i++)
		if (st.f_flag & flags[i].st)
			keep |= flags[i].ms;
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | keep, NULL) < 0)
		umount2(path, MNT_DETACH);
}

/* A monitor that was killed could not remove the runtime's state; the container is not running, or pm
 * would not start it. */
static void forget_stale(struct monitor *m)
{
	_cleanup_free_ char *dir = pm_asprintf("%s/%s", m->plan.runtime_root, m->plan.id);
	if (m->plan.kind == PM_LAUNCH_RUN && access(dir, F_OK) == 0)
		runtime_forget(m);
}

int runtime_start(struct monitor *m, const char *console, struct pm_err *err)
{
	struct pm_launch_plan *p = &m->plan;
	int r = pm_fs_mkdirs(AT_FDCWD, p->runtime_root, 0700, err);
	if (r < 0)
		return r;
	forget_stale(m);
	seal_runtime(p->runtime);

	/* without a terminal the container's stderr is the runtime's: nothing has been written to
	 * it by the container when the runtime fails, so what is in it then is the runtime's. With
	 * one, or with nobody to read the container's stderr, the runtime gets a pipe of its own */
	_cleanup_close_ int own_read = -1, own_write = -1;
	if (console) {
		int pipe_fds[2];
		if (pipe2(pipe_fds, O_CLOEXEC) < 0)
			return pm_fail_sys(err, "make a pipe");
		own_read = pipe_fds[0];
		own_write = pipe_fds[1];
	}

	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	build_argv(m, console, &argv);
	static struct pm_proc_fd fds[3 + PM_PRESERVE_MAX];
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = p->runtime;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = p->runtime_env.n ? pm_strv_argv(&p->runtime_env) : NULL;
	spec.fds = fds;
	spec.n_fds = stream_fds(m, own_write, fds);
	_cleanup_close_ int null_fd = -1;
	r = preserved_fds(m, fds, &spec.n_fds, &null_fd, err);
	if (r < 0)
		return r;
	spec.death_signal = SIGKILL;

	pid_t pid;
	r = pm_proc_spawn(&spec, &pid, NULL, err);
	if (r < 0)
		return r;
	close_given(m);
	if (own_write >= 0) {
		close(own_write);
		own_write = -1;
	}
	int status;
	r = pm_proc_wait(pid, &status, err);
	if (r < 0)
		return r;
	if (status != 0) {
		int from = own_read >= 0 ? own_read : m->runtime_err;
		if (own_read >= 0)
			fcntl(own_read, F_SETFL, O_NONBLOCK);
		return failure(m, status, from, err);
	}
	return read_pid(m, err);
}

int runtime_go(struct monitor *m, struct pm_err *err)
{
	struct pm_launch_plan *p = &m->plan;
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	global_args(m, &argv);
	pm_strv_add(&argv, "start");
	pm_strv_add(&argv, p->id);
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = p->runtime;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = p->runtime_env.n ? pm_strv_argv(&p->runtime_env) : NULL;
	int code = 0;
	int r = pm_proc_run(&spec, NULL, 0, NULL, &code, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_UNSUPPORTED, "OCI runtime error: %s start ended with exit code %d",
			    p->runtime_name ? p->runtime_name : p->runtime, code);
	return r;
}

int runtime_check(struct monitor *m, const char *file, int out, pid_t *ret_pid, struct pm_err *err)
{
	struct pm_launch_plan *p = &m->plan;
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	global_args(m, &argv);
	pm_strv_add(&argv, "exec");
	pm_strv_add(&argv, "--process");
	pm_strv_add(&argv, file);
	pm_strv_add(&argv, "--pid-file");
	pm_strv_addf(&argv, "%s/health.pid", p->ctr_dir);
	pm_strv_add(&argv, p->id);
	struct pm_proc_fd fds[] = {{out, 1}, {out, 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = p->runtime;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = p->runtime_env.n ? pm_strv_argv(&p->runtime_env) : NULL;
	spec.fds = fds;
	spec.n_fds = PM_ARRAY_SIZE(fds);
	spec.death_signal = SIGKILL;
	return pm_proc_spawn(&spec, ret_pid, NULL, err);
}

static bool layout_known(const struct pm_launch_plan *p)
{
	return pm_streq(p->runtime_name, "crun") || pm_streq(p->runtime_name, "runc");
}

void runtime_forget(struct monitor *m)
{
	const struct pm_launch_plan *p = &m->plan;
	if (p->kind != PM_LAUNCH_RUN)
		return;
	if (layout_known(p)) {
		if (p->cgroup_dir) {
			pm_cgroup_remove(p->cgroup_dir);
			pm_cgroup_remove_pod(p->cgroup_dir);
		}
		_cleanup_close_ int root =
			pm_fs_open(AT_FDCWD, p->runtime_root, O_RDONLY | O_DIRECTORY, 0, NULL);
		if (root >= 0)
			pm_fs_remove_tree(root, p->id, NULL);
		return;
	}
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	global_args(m, &argv);
	pm_strv_add(&argv, "delete");
	pm_strv_add(&argv, "--force");
	pm_strv_add(&argv, p->id);
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = p->runtime;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = p->runtime_env.n ? pm_strv_argv(&p->runtime_env) : NULL;
	pid_t pid;
	int status;
	if (pm_proc_spawn(&spec, &pid, NULL, NULL) >= 0)
		pm_proc_wait(pid, &status, NULL);
}

/* --- OOM kills ----------------------------------------------------------------------- */

void runtime_open_oom(struct monitor *m)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	m->oom_fd = -1;
	if (m->plan.cgroup_manager == PM_CGROUP_DISABLED || m->plan.kind != PM_LAUNCH_RUN)
		return;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", m->init);
	if (pm_fs_read_file(AT_FDCWD, path, 65536, &b, NULL) < 0)
		return;

	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *v1 = strstr(lines.v[i], ":memory:");
		_cleanup_free_ char *file = NULL;
		if (pm_startswith(lines.v[i], "0::/"))
			file = pm_asprintf("/sys/fs/cgroup%s/memory.events", lines.v[i] + 3);
		else if (v1)
			file = pm_asprintf("/sys/fs/cgroup/memory%s/memory.oom_control", v1 + 8);
		else
			continue;
		if (!v1 && m->freeze_fd < 0 && pm_launch_has_check(&m->plan.check)) {
			_cleanup_free_ char *events =
				pm_asprintf("/sys/fs/cgroup%s/cgroup.events", lines.v[i] + 3);
			m->freeze_fd = open(events, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		}
		m->oom_fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (m->oom_fd >= 0)
			return;
	}
}

bool runtime_frozen(const struct monitor *m)
{
	char text[256];
	ssize_t n = m->freeze_fd >= 0 ? pread(m->freeze_fd, text, sizeof(text) - 1, 0) : -1;
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "frozen 1") != NULL;
}

bool runtime_oom_killed(const struct monitor *m)
{
	char text[512];
	if (m->oom_fd < 0)
		return false;
	ssize_t n = pread(m->oom_fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return m->oom_killed; /* the cgroup is gone: what was seen before counts */
	text[n] = '\0';
	const char *p = strstr(text, "oom_kill ");
	return p && strtol(p + 9, NULL, 10) > 0;
}
