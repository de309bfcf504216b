#include "storage/tree_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/buf.h"
#include "base/fs.h"

/* One descriptor is open per level. */
#define MAX_DEPTH 900

/* A directory that is written once something below it is. */
struct held {
	struct held *up;
	int fd;
	const struct stat *st;
	const char *path;
};

struct tree {
	struct pm_tar_files *files;
	unsigned int flags;
	pm_tree_tar_ask_fn *ask;
	void *arg;
	struct held *held; /* the innermost */
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

/* Outermost first; all are done then. */
static int write_held(struct tree *t, struct held *h, struct pm_err *err)
{
	int r = h ? write_held(t, h->up, err) : 0;
	t->held = NULL;
	return r < 0 || !h ? r : pm_tar_files_dir(t->files, h->fd, h->st, h->path, err);
}

static int add_dir(struct tree *t, int at, const struct stat *st, const char *name, int depth,
		   enum pm_tree_tar_do what, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/", name);
	const bool top = !*name;

	if (depth > MAX_DEPTH)
		return pm_fail(err, ELOOP, "directories lie too deep");
	_cleanup_close_ int fd = reopen(at, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	struct held held = {.up = t->held, .fd = fd, .st = st, .path = path};
	int r = 0;
	if (what == PM_TREE_TAR_LATER && !top)
		/* cppcheck-suppress autoVariables ; taken out again below */
		t->held = &held;
	else if (what == PM_TREE_TAR_TAKE && !top)
		r = write_held(t, &held, err);
	if (r >= 0 && (depth == 0 || !is_pseudo(fd)))
		r = pm_fs_list(fd, ".", &names, err);
	if (names.n > 1) /* the same tree gives the same archive */
		qsort(names.v, names.n, sizeof(names.v[0]), by_name);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *below =
			top ? pm_strdup(names.v[i]) : pm_asprintf("%s%s", path, names.v[i]);
		r = add(t, fd, names.v[i], below, depth + 1, err);
	}
	if (t->held == &held)
		t->held = held.up;
	return r;
}

static int add_file(struct tree *t, int at, const struct stat *st, const char *name,
		    struct pm_err *err)
{
	_cleanup_close_ int fd = reopen(at, O_RDONLY, err);
	return fd < 0 ? fd : pm_tar_files_regular(t->files, fd, st, name, err);
}

static int add_symlink(struct tree *t, int at, const struct stat *st, const char *name,
		       struct pm_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(at, "", target, sizeof(target) - 1);
	if (n < 0)
		return pm_fail_sys(err, "read the symbolic link");
	target[n] = '\0';
	return pm_tar_files_symlink(t->files, st, name, target, err);
}

static int add_kind(struct tree *t, int at, struct stat *st, const char *name, int depth,
		    struct pm_err *err)
{
	if (S_ISSOCK(st->st_mode))
		return 0;
	enum pm_tree_tar_do what = t->ask ? t->ask(t->arg, name, st) : PM_TREE_TAR_TAKE;
	if (what == PM_TREE_TAR_LEAVE)
		return 0;
	if (S_ISDIR(st->st_mode))
		return add_dir(t, at, st, name, depth, what, err);
	int r = write_held(t, t->held, err);
	if (r >= 0)
		r = pm_tar_files_link(t->files, st, name, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISREG(st->st_mode))
		return add_file(t, at, st, name, err);
	if (S_ISLNK(st->st_mode))
		return add_symlink(t, at, st, name, err);
	return pm_tar_files_node(t->files, st, name, err);
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

int pm_tree_tar_walk(struct pm_tar_files *files, int at, const char *name, unsigned int flags,
		     pm_tree_tar_ask_fn *ask, void *arg, struct pm_err *err)
{
	struct tree t = {.files = files, .flags = flags, .ask = ask, .arg = arg};
	return add_at(&t, at, name, 0, err);
}

int pm_tree_tar_add_at(struct pm_tar_writer *w, int at, const char *name, unsigned int flags,
		       struct pm_err *err)
{
	struct pm_tar_files files;
	pm_tar_files_init(&files, w);
	int r = pm_tree_tar_walk(&files, at, name, flags, NULL, NULL, err);
	pm_tar_files_free(&files);
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
