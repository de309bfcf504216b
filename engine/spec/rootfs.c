#include "engine/spec/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"

#define MAX_LINKS 40

static bool has_xattr(int fd, const char *name, char want)
{
	char path[40], value[4];
	/* An O_PATH descriptor has no fgetxattr. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = getxattr(path, name, value, sizeof(value));
	return n >= 0 && (!want || (n > 0 && value[0] == want));
}

static bool is_whiteout(int fd, const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	return S_ISREG(st->st_mode) && st->st_size == 0 &&
	       (has_xattr(fd, "user.overlay.whiteout", 0) ||
		has_xattr(fd, "trusted.overlay.whiteout", 0));
}

static bool is_opaque(int fd)
{
	return has_xattr(fd, "user.overlay.opaque", 'y') ||
	       has_xattr(fd, "trusted.overlay.opaque", 'y');
}

enum step {
	STEP_FOUND,
	STEP_BELOW,  /* not in this layer: look further down */
	STEP_HIDDEN, /* and nothing further down counts */
};

/* Look for the components in one layer, no symlink followed. */
static int walk_layer(int dir, const struct pm_strv *parts, int *ret_fd, struct stat *st,
		      bool *ret_last, struct pm_err *err)
{
	_cleanup_close_ int cur = -1;
	*ret_last = false;
	for (size_t i = 0; i < parts->n; i++) {
		int fd = openat(cur < 0 ? dir : cur, parts->v[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			if (errno == ENOENT)
				return STEP_BELOW;
			if (errno == ENOTDIR)
				return STEP_HIDDEN;
			return pm_fail_sys(err, "%s", parts->v[i]);
		}
		if (cur >= 0)
			close(cur);
		cur = fd;
		if (fstat(cur, st) < 0)
			return pm_fail_sys(err, "stat %s", parts->v[i]);
		if (is_whiteout(cur, st))
			return STEP_HIDDEN;
		if (S_ISDIR(st->st_mode)) {
			if (is_opaque(cur))
				*ret_last = true;
		} else if (i + 1 < parts->n) {
			return STEP_HIDDEN;
		}
	}
	if (cur < 0) { /* the root itself */
		cur = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (cur < 0 || fstat(cur, st) < 0)
			return pm_fail_sys(err, "root directory");
	}
	*ret_fd = pm_steal_fd(&cur);
	return STEP_FOUND;
}

static int lookup(const struct pm_rootfs_view *view, const struct pm_strv *parts, int *ret_fd,
		  struct stat *st, struct pm_err *err)
{
	for (size_t i = 0; i < view->n_dirs; i++) {
		bool last;
		int r = walk_layer(view->dirs[i], parts, ret_fd, st, &last, err);
		if (r == STEP_FOUND)
			return 0;
		if (r < 0)
			return r;
		if (r == STEP_HIDDEN || last)
			break;
	}
	return -ENOENT;
}

static void pop(struct pm_strv *l)
{
	if (l->n == 0)
		return;
	l->n--;
	free(l->v[l->n]);
	l->v[l->n] = NULL;
}

/* Resolve path. *ret_fd is -1 when the last component (or one before) is missing; then done holds the
 * path with what is missing as it was given. */
static int resolve(const struct pm_rootfs_view *view, const char *path, struct pm_strv *done,
		   int *ret_fd, struct stat *st, struct pm_err *err)
{
	_cleanup_free_ char *todo = pm_strdup(path);
	char *p = todo;
	int links = 0;
	bool missing = false;
	_cleanup_close_ int fd = -1;

	for (;;) {
		p += strspn(p, "/");
		if (!*p)
			break;
		size_t n = strcspn(p, "/");
		_cleanup_free_ char *part = pm_strndup(p, n);
		p += n;
		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			/* What is missing has no parent to return to but by name. */
			pop(done);
			missing = false;
			continue;
		}
		if (n > NAME_MAX)
			return pm_fail_errno(err, ENAMETOOLONG, "path inside of the container");
		pm_strv_add(done, part);
		if (missing)
			continue;
		if (fd >= 0)
			close(pm_steal_fd(&fd));
		int r = lookup(view, done, &fd, st, err);
		if (r == -ENOENT) {
			missing = true;
			continue;
		}
		if (r < 0)
			return r;
		if (!S_ISLNK(st->st_mode)) {
			if (*p && !S_ISDIR(st->st_mode) && p[strspn(p, "/")])
				missing = true;
			continue;
		}
		char target[PATH_MAX];
		ssize_t len = readlinkat(fd, "", target, sizeof(target) - 1);
		if (len <= 0)
			return pm_fail_sys(err, "readlink %s", part);
		target[len] = 0;
		if (++links > MAX_LINKS)
			return pm_fail_errno(err, ELOOP, "%s in the container", path);
		if ((size_t)len + strlen(p) >= PATH_MAX)
			return pm_fail_errno(err, ENAMETOOLONG, "%s in the container", path);
		if (target[0] == '/')
			while (done->n > 0)
				pop(done);
		else
			pop(done);
		char *next = pm_asprintf("%s/%s", target, p);
		free(todo);
		todo = p = next;
	}
	if (fd >= 0)
		close(pm_steal_fd(&fd));
	*ret_fd = -1;
	if (missing)
		return 0;
	int r = lookup(view, done, ret_fd, st, err);
	return r == -ENOENT ? 0 : r;
}

static int open_path(const struct pm_rootfs_view *view, const char *path, int *ret_fd,
		     struct stat *st, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv done = PM_STRV_INIT;
	int r = resolve(view, path, &done, ret_fd, st, err);
	if (r < 0)
		return r;
	if (*ret_fd < 0)
		return pm_fail_errno(err, ENOENT, "%s in the container", path);
	return 0;
}

int pm_rootfs_read(const struct pm_rootfs_view *view, const char *path, size_t max,
		   struct pm_buf *out, struct pm_err *err)
{
	struct stat st;
	char proc[40];
	_cleanup_close_ int fd = -1;
	int r = open_path(view, path, &fd, &st, err);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return pm_fail(err, PM_E_FORMAT, "%s in the container is no regular file", path);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	_cleanup_close_ int in = open(proc, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (in < 0)
		return pm_fail_sys(err, "open %s in the container", path);
	r = pm_fs_read_fd(in, max, out, err);
	return r < 0 ? pm_wrap(err, "%s in the container", path) : 0;
}

int pm_rootfs_type(const struct pm_rootfs_view *view, const char *path, mode_t *ret,
		   struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = -1;
	int r = open_path(view, path, &fd, &st, err);
	if (r < 0)
		return r;
	*ret = st.st_mode & S_IFMT;
	return 0;
}

int pm_rootfs_resolve(const struct pm_rootfs_view *view, const char *path, char **ret,
		      struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = -1;
	_cleanup_strv_ struct pm_strv done = PM_STRV_INIT;
	int r = resolve(view, path, &done, &fd, &st, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *joined = pm_strv_join(&done, "/");
	*ret = pm_asprintf("/%s", joined);
	return 0;
}
