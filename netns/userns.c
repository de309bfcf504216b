#include "netns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "netns/subid.h"

/* The kernel takes at most this many lines in a map (user_namespaces(7)). */
#define MAP_MAX_LINES 340

/* --- mappings -------------------------------------------------------------------------------- */

void pm_userns_map_free(struct pm_userns_map *m)
{
	free(m->uids);
	free(m->gids);
	free(m->why);
	free(m->newuidmap);
	free(m->newgidmap);
	*m = (struct pm_userns_map)PM_USERNS_MAP_INIT;
}

static void add_range(struct pm_idrange **v, size_t *n, uint32_t container, uint32_t host,
		      uint32_t length)
{
	*v = pm_reallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = (struct pm_idrange){container, host, length};
}

void pm_userns_map_add_uid(struct pm_userns_map *m, uint32_t container, uint32_t host,
			   uint32_t length)
{
	add_range(&m->uids, &m->n_uids, container, host, length);
}

void pm_userns_map_add_gid(struct pm_userns_map *m, uint32_t container, uint32_t host,
			   uint32_t length)
{
	add_range(&m->gids, &m->n_gids, container, host, length);
}

static bool has_id(const struct pm_idrange *v, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= v[i].container && id - v[i].container < v[i].length)
			return true;
	return false;
}

bool pm_userns_map_has_uid(const struct pm_userns_map *m, uint32_t id)
{
	return has_id(m->uids, m->n_uids, id);
}

bool pm_userns_map_has_gid(const struct pm_userns_map *m, uint32_t id)
{
	return has_id(m->gids, m->n_gids, id);
}

bool pm_userns_needed(void)
{
	const char *inside = getenv("_PM_USERNS");
	if (inside && strcmp(inside, "1") == 0)
		return false;
	if (geteuid() != 0)
		return true;

	/* Root without CAP_SYS_ADMIN (in another engine's container) cannot mount here. */
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	if (syscall(SYS_capget, &h, d) < 0)
		return false;
	return !(d[0].effective & (1u << CAP_SYS_ADMIN));
}

bool pm_userns_nested(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	unsigned int inside, outside, length;
	if (pm_fs_read_file(AT_FDCWD, "/proc/self/uid_map", 64 << 10, &b, NULL) < 0)
		return false;
	/* user_namespaces(7): the initial one maps every id, in one line, to itself */
	return sscanf(pm_buf_str(&b), "%u %u %u", &inside, &outside, &length) != 3 || inside != 0 ||
	       outside != 0 || length != UINT32_MAX;
}

/* Container ids from 1 on are the ranges, one after the other. The kernel refuses a host id that
 * stands twice, so a range that overlaps an earlier one, or the user itself, is left out. */
static void add_subids(struct pm_idrange **v, size_t *n, const struct pm_subid *s)
{
	uint32_t next = 1;
	for (size_t i = 0; i < s->n && *n < MAP_MAX_LINES; i++) {
		uint32_t start = s->v[i].start, count = s->v[i].count;
		bool overlap = false;
		for (size_t k = 0; k < *n && !overlap; k++)
			overlap = start < (uint64_t)(*v)[k].host + (*v)[k].length &&
				  (*v)[k].host < (uint64_t)start + count;
		if (overlap)
			continue;
		if (count > UINT32_MAX - next)
			count = UINT32_MAX - next;
		if (count == 0)
			break;
		add_range(v, n, next, start, count);
		next += count;
	}
}

/* Why there is no more than one id; NULL when all is there. */
static char *missing_for_ranges(const struct pm_userns_map *m, const char *user)
{
	if (m->n_uids < 2 || m->n_gids < 2) {
		const char *file = m->n_uids < 2 ? PM_SUBUID_FILE : PM_SUBGID_FILE;
		return pm_asprintf(
			"no subordinate ids for user %s in %s: only one user and group id can be used "
			"in containers; to get more: usermod --add-subuids 100000-165535 "
			"--add-subgids 100000-165535 %s (as root)",
			user, file, user);
	}
	if (!m->newuidmap || !m->newgidmap)
		return pm_asprintf("%s is not installed: only one user and group id can be used in "
				   "containers; install the package uidmap (shadow-utils)",
				   m->newuidmap ? "newgidmap" : "newuidmap");
	return NULL;
}

static char *find_tool(const char *name)
{
	char *path = NULL;
	if (pm_proc_find(name, getenv("PATH"), &path, NULL) < 0 &&
	    pm_proc_find(name, NULL, &path, NULL) < 0)
		return NULL;
	return path;
}

int pm_userns_default_map(struct pm_userns_map *ret, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	_cleanup_subid_ struct pm_subid uids = PM_SUBID_INIT, gids = PM_SUBID_INIT;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	_cleanup_free_ char *user = pm_subid_user_name(uid);

	int r = pm_subid_read(PM_SUBUID_FILE, uid, user, &uids, err);
	if (r < 0)
		return r;
	/* subgid names the user too, not its group */
	r = pm_subid_read(PM_SUBGID_FILE, uid, user, &gids, err);
	if (r < 0)
		return r;

	pm_userns_map_add_uid(&m, 0, uid, 1);
	pm_userns_map_add_gid(&m, 0, gid, 1);
	add_subids(&m.uids, &m.n_uids, &uids);
	add_subids(&m.gids, &m.n_gids, &gids);
	if (m.n_uids > 1 && m.n_gids > 1) {
		m.newuidmap = find_tool("newuidmap");
		m.newgidmap = find_tool("newgidmap");
	}
	m.why = missing_for_ranges(&m, user);
	if (m.why) {
		m.single = true;
		m.n_uids = m.n_gids = 1;
		free(pm_steal(&m.newuidmap));
		free(pm_steal(&m.newgidmap));
	}
	*ret = m;
	m = (struct pm_userns_map)PM_USERNS_MAP_INIT;
	return 0;
}

/* --- writing maps ---------------------------------------------------------------------------- */

static int write_proc(pid_t pid, const char *name, const char *text, struct pm_err *err)
{
	char path[64];
	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", name);

	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return pm_fail_sys(err, "open %s", path);
	/* one write: the kernel takes a map once, whole */
	if (write(fd, text, strlen(text)) < 0)
		return pm_fail_sys(err, "write %s", path);
	return 0;
}

static int write_single(pid_t pid, const struct pm_userns_map *m, struct pm_err *err)
{
	char line[64];
	/* required before an unprivileged gid_map; missing on kernels before 3.19 only */
	int r = write_proc(pid, "setgroups", "deny", err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%" PRIu32 " %" PRIu32 " 1\n", m->uids[0].container,
		 m->uids[0].host);
	r = write_proc(pid, "uid_map", line, err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%" PRIu32 " %" PRIu32 " 1\n", m->gids[0].container,
		 m->gids[0].host);
	return write_proc(pid, "gid_map", line, err);
}

static int start_tool(const char *path, pid_t pid, const struct pm_idrange *v, size_t n,
		      pid_t *ret_pid, int *ret_err_fd, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	const char *base = strrchr(path, '/');
	pm_strv_add(&argv, base ? base + 1 : path);
	pm_strv_addf(&argv, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		pm_strv_addf(&argv, "%" PRIu32, v[i].container);
		pm_strv_addf(&argv, "%" PRIu32, v[i].host);
		pm_strv_addf(&argv, "%" PRIu32, v[i].length);
	}

	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	struct pm_proc_fd fds[] = {{p[1], 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = pm_strv_argv(&argv);
	spec.fds = fds;
	spec.n_fds = 1;
	int r = pm_proc_spawn(&spec, ret_pid, NULL, err);
	close(p[1]);
	if (r < 0) {
		close(p[0]);
		return r;
	}
	*ret_err_fd = p[0];
	return 0;
}

int pm_userns_maps_start(pid_t pid, const struct pm_userns_map *m, struct pm_userns_tools *t,
			 struct pm_err *err)
{
	*t = (struct pm_userns_tools){{{0, -1}, {0, -1}}};
	if (m->single)
		return write_single(pid, m, err);
	if (pid <= 0 || !m->newuidmap || !m->newgidmap)
		return pm_fail(err, PM_E_INTERNAL, "map ids: no process or no tool given");

	int r = start_tool(m->newuidmap, pid, m->uids, m->n_uids, &t->tool[0].pid,
			   &t->tool[0].err_fd, err);
	if (r < 0)
		return r;
	r = start_tool(m->newgidmap, pid, m->gids, m->n_gids, &t->tool[1].pid, &t->tool[1].err_fd,
		       err);
	if (r < 0)
		(void)pm_userns_maps_finish(t, NULL);
	return r;
}

/* The last line that the tool wrote, without the newline, in buf. */
static void last_line(int fd, char *buf, size_t size)
{
	size_t len = 0;
	for (;;) {
		if (len == size - 1) { /* keep the end */
			memmove(buf, buf + size / 2, len - size / 2);
			len -= size / 2;
		}
		ssize_t n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	while (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	char *nl = strrchr(buf, '\n');
	if (nl)
		memmove(buf, nl + 1, strlen(nl + 1) + 1);
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

int pm_userns_maps_finish(struct pm_userns_tools *t, struct pm_err *err)
{
	static const char *const names[] = {"newuidmap", "newgidmap"};
	int result = 0;
	for (int i = 0; i < 2; i++) {
		if (t->tool[i].pid == 0)
			continue;
		char text[512];
		int status;
		last_line(t->tool[i].err_fd, text, sizeof(text));
		close(t->tool[i].err_fd);
		int r = pm_proc_wait(t->tool[i].pid, &status, result < 0 ? NULL : err);
		t->tool[i].pid = 0;
		t->tool[i].err_fd = -1;
		if (result < 0)
			continue;
		if (r < 0)
			result = r;
		else if (status != 0)
			result = pm_fail(err, EPERM, "map the ids of containers: %s%s%s%s",
					 pm_startswith(text, names[i]) ? "" : names[i],
					 pm_startswith(text, names[i]) ? "" : ": ",
					 *text ? text : "failed without a message",
					 *text ? "" : " (exit status not 0)");
	}
	return result;
}

int pm_userns_write_maps(pid_t pid, const struct pm_userns_map *m, struct pm_err *err)
{
	struct pm_userns_tools t;
	int r = pm_userns_maps_start(pid, m, &t, err);
	return r < 0 ? r : pm_userns_maps_finish(&t, err);
}

/* --- the shared namespace -------------------------------------------------------------------- */

#define HINT "userns"

/* Is fd a user namespace that this user made right below the one we are in? */
static bool is_ours(int fd)
{
	uid_t owner;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWUSER || ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 ||
	    owner != geteuid())
		return false;
	_cleanup_close_ int parent = ioctl(fd, NS_GET_PARENT);
	if (parent < 0)
		return false;
	struct stat here, there;
	return fstat(parent, &there) == 0 && stat("/proc/self/ns/user", &here) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* Has process pid's namespace just these ranges? In any order: the kernel sorts many. */
static bool has_ranges(pid_t pid, const char *file, const struct pm_idrange *want, size_t n)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if (pm_fs_read_file(AT_FDCWD, path, 65536, &b, NULL) < 0)
		return false;
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	size_t found = 0, there = 0;
	for (size_t i = 0; i < lines.n; i++) {
		struct pm_idrange r;
		if (sscanf(lines.v[i], "%" SCNu32 " %" SCNu32 " %" SCNu32, &r.container, &r.host,
			   &r.length) != 3)
			continue;
		there++;
		for (size_t k = 0; k < n; k++)
			found += want[k].container == r.container && want[k].host == r.host &&
				 want[k].length == r.length;
	}
	return found == n && there == n;
}

int pm_userns_join(int runroot_fd, const struct pm_userns_map *want, int *ret_fd, struct pm_err *err)
{
	char text[64];
	_cleanup_close_ int hint =
		openat(runroot_fd, HINT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (hint < 0) {
		if (errno == ENOENT || errno == ELOOP)
			return 0;
		return pm_fail_sys(err, "open the user namespace's hint '%s'", HINT);
	}
	ssize_t n = read(hint, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';

	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || end == text || *end != ' ' || pid <= 1 || pid > INT32_MAX)
		return 0;
	char *start_text = end + 1;
	unsigned long long start = strtoull(start_text, &end, 10);
	if (errno || end == start_text || *end != '\n' || end[1] != '\0')
		return 0;

	char path[64];
	snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* Looked at after the open: the process that has this start time now had it then, too. */
	uint64_t now;
	if (pm_proc_start_time((pid_t)pid, &now, NULL) < 0 || now != start || !is_ours(fd))
		return 0;
	if (!has_ranges((pid_t)pid, "uid_map", want->uids, want->n_uids) ||
	    !has_ranges((pid_t)pid, "gid_map", want->gids, want->n_gids))
		return 0;
	*ret_fd = pm_steal_fd(&fd);
	return 1;
}

int pm_userns_publish_hint(int runroot_fd, struct pm_err *err)
{
	uint64_t start;
	int r = pm_proc_start_time(getpid(), &start, err);
	if (r < 0)
		return r;
	/* In place, at a fixed width: a reader finds one of two hints, or a mixture, which is the hint of nobody. A file
	 * that takes the old one's place would cost the removal of that one each time. */
	char text[64];
	int len = snprintf(text, sizeof(text), "%10d %20" PRIu64 "\n", (int)getpid(), start);
	_cleanup_close_ int fd = pm_fs_open(runroot_fd, HINT, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, err);
	if (fd < 0)
		return fd;
	if (pwrite(fd, text, (size_t)len, 0) != len)
		return pm_fail_sys(err, "write the user namespace's hint '%s'", HINT);
	return 0;
}

/* A fresh namespace with the mapping m; the child that held it is gone when this returns. */
static int make_fresh(const struct pm_userns_map *m, int *ret_fd, struct pm_err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");

	/* A fork that is in the namespace from its first instruction; it only waits for the end of
	 * the pipe, so it needs nothing of what libc does around fork(). */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		char c;
		close(p[1]);
		while (read(p[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	int errnum = errno;
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		return pm_fail_errno(err, errnum,
				     "make a user namespace (see sysctl user.max_user_namespaces "
				     "and kernel.unprivileged_userns_clone)");
	}

	char path[64];
	int r = pm_userns_write_maps(pid, m, err);
	int fd = -1;
	if (r >= 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = pm_fail_sys(err, "open %s", path);
	}
	close(p[1]);
	int status;
	(void)pm_proc_wait(pid, &status, NULL);
	if (r < 0)
		return r;
	*ret_fd = fd;
	return 0;
}

int pm_userns_get(int runroot_fd, int *ret_fd, struct pm_err *err)
{
	if (!pm_userns_needed()) {
		*ret_fd = -1;
		return 0;
	}
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	int r = pm_userns_default_map(&m, err);
	if (r < 0)
		return r;
	r = runroot_fd >= 0 ? pm_userns_join(runroot_fd, &m, ret_fd, err) : 0;
	if (r != 0)
		return r;
	r = make_fresh(&m, ret_fd, err);
	return r < 0 ? r : 1;
}

int pm_userns_become_root(struct pm_err *err)
{
	if (setresgid(0, 0, 0) < 0)
		return pm_fail_sys(err, "become group 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0)
		return pm_fail_sys(err, "become root of the user namespace");
	return 0;
}

int pm_userns_enter(int userns_fd, struct pm_err *err)
{
	if (setns(userns_fd, CLONE_NEWUSER) < 0)
		return pm_fail_sys(err, "enter the user namespace");
	return pm_userns_become_root(err);
}

int pm_userns_run(int userns_fd, int (*fn)(void *arg, struct pm_err *err), void *arg,
		  struct pm_err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");

	pid_t pid = fork();
	if (pid < 0) {
		int r = pm_fail_sys(err, "fork");
		close(p[0]);
		close(p[1]);
		return r;
	}
	if (pid == 0) {
		struct pm_err e = PM_ERR_INIT;
		close(p[0]);
		int r = userns_fd >= 0 ? pm_userns_enter(userns_fd, &e) : 0;
		if (r >= 0)
			r = fn(arg, &e);
		if (r < 0) {
			if (e.code == 0)
				e.code = -r;
			(void)pm_err_send(p[1], &e);
		}
		_exit(r < 0);
	}

	close(p[1]);
	struct pm_err e = PM_ERR_INIT;
	int r = pm_err_recv(p[0], &e);
	close(p[0]);
	int status = 0;
	int w = pm_proc_wait(pid, &status, err);
	if (r < 0) {
		if (err)
			*err = e;
		return r;
	}
	if (w < 0)
		return w;
	if (WIFSIGNALED(status))
		return pm_fail(err, PM_E_INTERNAL, "a process in the user namespace was killed by "
			       "signal %d", WTERMSIG(status));
	if (status != 0)
		return pm_fail(err, PM_E_INTERNAL, "a process in the user namespace ended with "
			       "status %d", WEXITSTATUS(status));
	return 0;
}
