#include "engine/cgroup/group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"

#define FREEZE_MS 10000
/* A file of the kernel's with one line a device or counter. */
#define FILE_MAX (1 << 20)

char *pm_group_own_path(const char *path, const char *id)
{
	const char *at = strstr(path, id);
	if (!*id || path[0] != '/' || !at)
		return NULL;
	return pm_strndup(path, (size_t)(at - path) + strcspn(at, "/"));
}

static const char *tree(void)
{
	struct statfs s;
	if (statfs("/sys/fs/cgroup", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC)
		return "/sys/fs/cgroup";
	if (statfs("/sys/fs/cgroup/unified", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC)
		return "/sys/fs/cgroup/unified";
	return NULL;
}

int pm_group_open(pid_t pid, const char *id, struct pm_group *ret)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (pid <= 0 || pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &b, NULL) < 0)
		return 0;
	const char *line = pm_buf_str(&b);
	while (line && !pm_startswith(line, "0::")) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return 0;
	_cleanup_free_ char *whole = pm_strndup(line + 3, strcspn(line + 3, "\n"));
	_cleanup_free_ char *own = pm_group_own_path(whole, id);
	const char *root = own ? tree() : NULL;
	if (!root)
		return 0;
	_cleanup_free_ char *dir = pm_asprintf("%s%s", root, own);
	int fd = pm_fs_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (fd < 0)
		return 0;
	*ret = (struct pm_group){.fd = fd, .path = pm_steal(&dir)};
	return 1;
}

void pm_group_close(struct pm_group *g)
{
	if (g->fd >= 0)
		close(g->fd);
	free(g->path);
	*g = (struct pm_group)PM_GROUP_INIT;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_file(const struct pm_group *g, const char *file, struct pm_buf *b)
{
	return g->fd >= 0 && pm_fs_read_file(g->fd, file, FILE_MAX, b, NULL) >= 0;
}

static bool parse(const char *s, int64_t *ret)
{
	char *end;
	if (strncmp(s, "max", 3) == 0) {
		*ret = INT64_MAX;
		return true;
	}
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	if (end == s || errno)
		return false;
	*ret = n > INT64_MAX ? INT64_MAX : (int64_t)n;
	return true;
}

bool pm_group_number(const struct pm_group *g, const char *file, int64_t *ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	return read_file(g, file, &b) && parse(pm_buf_str(&b), ret);
}

bool pm_group_is_scope(const struct pm_group *g)
{
	return pm_endswith(g->path, ".scope");
}

bool pm_group_limit(const struct pm_group *g, const char *file, int64_t *ret)
{
	_cleanup_free_ char *below = pm_asprintf("container/%s", file);
	int64_t least = INT64_MAX, n;
	if (pm_group_number(g, file, &n))
		least = n;
	if (pm_group_is_scope(g) && pm_group_number(g, below, &n) && n < least)
		least = n;
	if (least == INT64_MAX)
		return false;
	*ret = least;
	return true;
}

bool pm_group_key(const struct pm_group *g, const char *file, const char *key, int64_t *ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	size_t len = strlen(key);
	if (!read_file(g, file, &b))
		return false;
	for (const char *p = pm_buf_str(&b); p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) == 0 && p[len] == ' ')
			return parse(p + len + 1, ret);
	}
	return false;
}

bool pm_group_io(const struct pm_group *g, const char *key, int64_t *ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *word = pm_asprintf(" %s=", key);
	if (!read_file(g, "io.stat", &b))
		return false;
	*ret = 0;
	const char *p = pm_buf_str(&b);
	while ((p = strstr(p, word))) {
		int64_t n = 0;
		p += strlen(word);
		if (parse(p, &n))
			*ret += n;
	}
	return true;
}

static void add_pids(int dirfd, int depth, struct pm_buf *out)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (pm_fs_read_file(dirfd, "cgroup.procs", FILE_MAX, &b, NULL) >= 0) {
		for (const char *p = pm_buf_str(&b); *p;) {
			char *end;
			pid_t pid = (pid_t)strtol(p, &end, 10);
			if (end == p)
				break;
			/* 0: not in our pid namespace */
			if (pid > 0)
				pm_buf_add(out, &pid, sizeof(pid));
			p = end + strspn(end, "\n");
		}
	}
	if (depth == 0 || pm_fs_list(dirfd, ".", &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		/* files of a group have a dot; groups need not */
		struct stat st;
		if (fstatat(dirfd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		_cleanup_close_ int sub =
			pm_fs_open(dirfd, names.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
		if (sub >= 0)
			add_pids(sub, depth - 1, out);
	}
}

void pm_group_pids(const struct pm_group *g, struct pm_buf *out)
{
	if (g->fd >= 0)
		add_pids(g->fd, 16, out);
}

/* --- changing --------------------------------------------------------------------------------- */

int pm_group_write(const struct pm_group *g, const char *file, const char *value,
		   struct pm_err *err)
{
	_cleanup_close_ int fd = pm_fs_open(g->fd, file, O_WRONLY, 0, err);
	if (fd < 0)
		return fd;
	/* one write(2) is one value to these files */
	if (write(fd, value, strlen(value)) < 0)
		return pm_fail_sys(err, "write '%s' to %s/%s", value, g->path, file);
	return 0;
}

int pm_group_write_all(const struct pm_group *g, const struct pm_strv *values, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < values->n && r >= 0; i++) {
		const char *v = values->v[i], *eq = strchr(v, '=');
		_cleanup_free_ char *file = eq ? pm_strndup(v, (size_t)(eq - v)) : NULL;
		if (!file || !*file || strchr(file, '/') || file[0] == '.')
			return pm_fail(err, PM_E_USAGE, "'%s' is no FILE=VALUE of a cgroup", v);
		r = pm_group_write(g, file, eq + 1, err);
	}
	return r;
}

/* Is word one of the words of dir/file? */
static bool has_word(const char *dir, const char *file, const char *word, size_t len)
{
	_cleanup_free_ char *path = pm_path_join(dir, file);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &b, NULL) < 0)
		return false;
	for (const char *p = pm_buf_str(&b); *p; p += strspn(p, " \n")) {
		size_t n = strcspn(p, " \n");
		if (n == len && strncmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/* Each controller of values ("memory" of memory.max), for the groups in dir. One that dir has not itself cannot be
 * given on; the file that is missing later tells. */
static void enable(const char *dir, const struct pm_strv *values)
{
	_cleanup_free_ char *path = pm_path_join(dir, "cgroup.subtree_control");
	for (size_t i = 0; i < values->n; i++) {
		const char *name = values->v[i];
		size_t n = strcspn(name, ".=");
		if (!has_word(dir, "cgroup.controllers", name, n) ||
		    has_word(dir, "cgroup.subtree_control", name, n))
			continue;
		_cleanup_free_ char *word = pm_asprintf("+%.*s", (int)n, name);
		_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY, 0, NULL);
		if (fd >= 0)
			pm_fs_write_all(fd, word, strlen(word), NULL);
	}
}

int pm_group_make(const char *path, const struct pm_strv *values, struct pm_err *err)
{
	static const char root[] = "/sys/fs/cgroup";
	_cleanup_group_ struct pm_group g = {.fd = -1, .path = pm_strdup(path)};
	char *end = g.path + strlen(root);
	for (;;) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		char slash = *end;
		*end = '\0';
		if (mkdir(g.path, 0755) < 0 && errno != EEXIST)
			return pm_fail_sys(err, "make the cgroup %s", g.path);
		if (!slash)
			break;
		enable(g.path, values);
		*end = slash;
	}
	g.fd = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
	int r = g.fd < 0 ? g.fd : pm_group_write_all(&g, values, err);
	if (r == -ENOENT)
		return pm_fail(err, PM_E_UNSUPPORTED, "the cgroup %s has no such controller: it is not "
			       "delegated to this user, or the kernel has it not", path);
	return r;
}

bool pm_group_frozen(const struct pm_group *g)
{
	int64_t n = 0;
	return pm_group_number(g, "cgroup.freeze", &n) && n == 1;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int pm_group_freeze(const struct pm_group *g, bool freeze, struct pm_err *err)
{
	int r = pm_group_write(g, "cgroup.freeze", freeze ? "1" : "0", err);
	if (r < 0)
		return r;
	_cleanup_close_ int events = pm_fs_open(g->fd, "cgroup.events", O_RDONLY, 0, err);
	if (events < 0)
		return events;
	int64_t deadline = now_ms() + FREEZE_MS;
	for (;;) {
		/* a change after this read wakes the poll */
		char text[256];
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		if (n < 0)
			return errno == ENODEV ? 0
					       : pm_fail_sys(err, "read %s/cgroup.events", g->path);
		text[n] = '\0';
		const char *is = strstr(text, "frozen ");
		if (!is || (is[7] == '1') == freeze)
			return 0;
		int64_t left = deadline - now_ms();
		struct pollfd p = {.fd = events, .events = POLLPRI};
		if (left <= 0)
			break;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return pm_fail_sys(err, "wait for %s to %s", g->path,
					   freeze ? "freeze" : "thaw");
	}
	if (freeze)
		pm_group_write(g, "cgroup.freeze", "0", NULL);
	return pm_fail(err, ETIMEDOUT, "the processes in %s have not %s within %d seconds", g->path,
		       freeze ? "frozen" : "thawed", FREEZE_MS / 1000);
}
