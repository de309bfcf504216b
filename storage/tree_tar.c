#include "storage/tree_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/buf.h"
#include "base/fs.h"

/* One descriptor is open per level. */
#define MAX_DEPTH 900

/* Where the first name of an inode with several went. */
struct link {
	dev_t dev;
	ino_t ino;
	char *name; /* in the archive */
};

struct tree {
	struct pm_tar_writer *w;
	struct link *links;
	size_t n_links, cap_links;
	char *data; /* COPY_SIZE bytes */
	unsigned int flags;
};

enum {
	COPY_SIZE = 128 << 10,
	XATTR_MAX = 64 << 10,
};

static int add(struct tree *t, int dirfd, const char *base, const char *name, int depth,
	       struct pm_err *err);

/* The file behind an O_PATH descriptor opened for reading: what was looked at, whatever has its name now. */
static int reopen(int at, int flags, struct pm_err *err)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	return pm_fs_open(AT_FDCWD, self, flags | O_NONBLOCK | O_NOCTTY, 0, err);
}

/* --- attributes ---------------------------------------------------------------------------------- */

static bool xattr_wanted(const char *name)
{
	if (pm_startswith(name, "user."))
		return !pm_startswith(name, "user.overlay.") &&
		       !pm_startswith(name, "user.fuseoverlayfs.");
	return pm_streq(name, "security.capability");
}

struct xattrs {
	struct pm_tar_xattr *v;
	size_t n;
};

static void xattrs_free(struct xattrs *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free((void *)(uintptr_t)x->v[i].name);
		free((void *)(uintptr_t)x->v[i].value);
	}
	free(x->v);
}

static void read_xattrs(int fd, struct xattrs *ret)
{
	_cleanup_free_ char *names = pm_malloc(XATTR_MAX), *value = pm_malloc(XATTR_MAX);
	ssize_t len = flistxattr(fd, names, XATTR_MAX);
	for (const char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		if (!xattr_wanted(p))
			continue;
		ssize_t n = fgetxattr(fd, p, value, XATTR_MAX);
		if (n < 0)
			continue; /* gone, or not for us to read */
		void *copy = pm_malloc((size_t)n);
		memcpy(copy, value, (size_t)n);
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		ret->v[ret->n++] = (struct pm_tar_xattr){pm_strdup(p), copy, (size_t)n};
	}
}

static void fill_entry(const struct stat *st, const char *name, struct pm_tar_entry *e)
{
	*e = (struct pm_tar_entry){
		.path = name,
		.link = "",
		.uname = "",
		.gname = "",
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};
}

/* --- kinds --------------------------------------------------------------------------------------- */

static int write_content(struct tree *t, int fd, uint64_t size, struct pm_err *err)
{
	while (size > 0) {
		size_t want = size < COPY_SIZE ? (size_t)size : COPY_SIZE;
		ssize_t n = read(fd, t->data, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read");
		if (n == 0) { /* it has become shorter */
			memset(t->data, 0, want);
			n = (ssize_t)want;
		}
		int r = pm_tar_writer_data(t->w, t->data, (size_t)n, err);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

/* 1: the inode is in the archive already, and a link to it was written. */
static int add_link(struct tree *t, const struct stat *st, struct pm_tar_entry *e,
		    struct pm_err *err)
{
	for (size_t i = 0; i < t->n_links; i++) {
		if (t->links[i].dev != st->st_dev || t->links[i].ino != st->st_ino)
			continue;
		e->type = PM_TAR_HARDLINK;
		e->link = t->links[i].name;
		int r = pm_tar_writer_entry(t->w, e, err);
		return r < 0 ? r : 1;
	}
	if (t->n_links == t->cap_links) {
		t->cap_links = t->cap_links ? 2 * t->cap_links : 32;
		t->links = pm_reallocarray(t->links, t->cap_links, sizeof(*t->links));
	}
	t->links[t->n_links++] = (struct link){st->st_dev, st->st_ino, pm_strdup(e->path)};
	return 0;
}

static int add_file(struct tree *t, int at, const struct stat *st, struct pm_tar_entry *e,
		    struct pm_err *err)
{
	_cleanup_(xattrs_free) struct xattrs x = {0};
	_cleanup_close_ int fd = reopen(at, O_RDONLY, err);
	if (fd < 0)
		return fd;
	read_xattrs(fd, &x);
	e->type = PM_TAR_FILE;
	e->size = (uint64_t)st->st_size;
	e->xattrs = x.v;
	e->n_xattrs = x.n;
	int r = pm_tar_writer_entry(t->w, e, err);
	return r < 0 ? r : write_content(t, fd, e->size, err);
}

static int add_symlink(struct tree *t, int at, struct pm_tar_entry *e, struct pm_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(at, "", target, sizeof(target) - 1);
	if (n < 0)
		return pm_fail_sys(err, "read the symbolic link");
	target[n] = '\0';
	e->type = PM_TAR_SYMLINK;
	e->link = target;
	return pm_tar_writer_entry(t->w, e, err);
}

/* Made by the kernel as one looks: no content to keep, and no end to it. */
static bool is_pseudo(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
		fs.f_type == CGROUP2_SUPER_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_dir(struct tree *t, int at, struct pm_tar_entry *e, int depth, struct pm_err *err)
{
	_cleanup_(xattrs_free) struct xattrs x = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/", e->path);
	const bool top = !*e->path;

	if (depth > MAX_DEPTH)
		return pm_fail(err, ELOOP, "directories lie too deep");
	_cleanup_close_ int fd = reopen(at, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	if (!top) {
		read_xattrs(fd, &x);
		e->type = PM_TAR_DIR;
		e->path = path;
		e->xattrs = x.v;
		e->n_xattrs = x.n;
		int r = pm_tar_writer_entry(t->w, e, err);
		if (r < 0)
			return r;
	}
	int r = depth > 0 && is_pseudo(fd) ? 0 : pm_fs_list(fd, ".", &names, err);
	if (names.n > 1) /* the same tree gives the same archive */
		qsort(names.v, names.n, sizeof(names.v[0]), by_name);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *name =
			top ? pm_strdup(names.v[i]) : pm_asprintf("%s%s", path, names.v[i]);
		r = add(t, fd, names.v[i], name, depth + 1, err);
	}
	return r;
}

static int add_node(struct tree *t, const struct stat *st, struct pm_tar_entry *e,
		    struct pm_err *err)
{
	e->type = S_ISFIFO(st->st_mode) ? PM_TAR_FIFO
		  : S_ISCHR(st->st_mode) ? PM_TAR_CHAR
					  : PM_TAR_BLOCKDEV;
	if (e->type != PM_TAR_FIFO) {
		e->dev_major = major(st->st_rdev);
		e->dev_minor = minor(st->st_rdev);
	}
	return pm_tar_writer_entry(t->w, e, err);
}

static int add_kind(struct tree *t, int at, const struct stat *st, const char *name, int depth,
		    struct pm_err *err)
{
	struct pm_tar_entry e;
	fill_entry(st, name, &e);
	if (S_ISDIR(st->st_mode))
		return add_dir(t, at, &e, depth, err);
	if (S_ISSOCK(st->st_mode))
		return 0;
	if (st->st_nlink > 1) {
		int r = add_link(t, st, &e, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (S_ISREG(st->st_mode))
		return add_file(t, at, st, &e, err);
	if (S_ISLNK(st->st_mode))
		return add_symlink(t, at, &e, err);
	return add_node(t, st, &e, err);
}

static int add_at(struct tree *t, int at, const char *name, int depth, struct pm_err *err)
{
	struct stat st;
	struct pm_err why = PM_ERR_INIT;
	if (fstat(at, &st) < 0)
		return pm_fail_sys(err, "look at '%s'", name);
	int r = add_kind(t, at, &st, name, depth, &why);
	if ((r == -EACCES || r == -EPERM) && depth > 0 && (t->flags & PM_TREE_TAR_SKIP_UNREADABLE))
		return 0;
	if (r < 0 && !pm_startswith(why.text, "archive '"))
		return pm_fail(err, why.code, "archive '%s': %s", *name ? name : ".", why.text);
	return r < 0 ? pm_fail(err, why.code, "%s", why.text) : 0;
}

static int add(struct tree *t, int dirfd, const char *base, const char *name, int depth,
	       struct pm_err *err)
{
	_cleanup_close_ int at = openat(dirfd, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 && errno == ENOENT && depth > 0)
		return 0; /* gone since the directory was read */
	if (at < 0)
		return pm_fail_sys(err, "open '%s'", *name ? name : base);
	return add_at(t, at, name, depth, err);
}

int pm_tree_tar_add_at(struct pm_tar_writer *w, int at, const char *name, unsigned int flags,
		       struct pm_err *err)
{
	struct tree t = {.w = w, .data = pm_malloc(COPY_SIZE), .flags = flags};
	int r = add_at(&t, at, name, 0, err);
	for (size_t i = 0; i < t.n_links; i++)
		free(t.links[i].name);
	free(t.links);
	free(t.data);
	return r;
}

int pm_tree_tar_add(struct pm_tar_writer *w, int dirfd, const char *base, const char *name,
		    struct pm_err *err)
{
	_cleanup_close_ int at = openat(dirfd, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return pm_fail_sys(err, "open '%s'", *name ? name : base);
	return pm_tree_tar_add_at(w, at, name, 0, err);
}

static int write_fd(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_fs_write_all(*(int *)arg, data, len, err);
}

int pm_tree_tar_write_at(int fd, int at, const char *name, unsigned int flags, struct pm_err *err)
{
	struct pm_tar_writer *w = pm_tar_writer_new(write_fd, &fd);
	int r = pm_tree_tar_add_at(w, at, name, flags, err);
	if (r >= 0)
		r = pm_tar_writer_finish(w, err);
	pm_tar_writer_free(w);
	return r;
}

int pm_tree_tar_write(int fd, int dirfd, const char *base, const char *name, struct pm_err *err)
{
	_cleanup_close_ int at = openat(dirfd, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return pm_fail_sys(err, "open '%s'", *name ? name : base);
	return pm_tree_tar_write_at(fd, at, name, 0, err);
}
