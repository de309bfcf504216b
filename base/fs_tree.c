/* pm_fs_remove_tree of base/fs.h. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A directory deeper than this is moved to the top of the tree that is removed, so that neither
 * descriptors nor the stack run out however deep a container made its tree. */
#define MAX_DEPTH 100

struct removal {
	int top; /* the directory being removed */
	unsigned long hoisted;
	struct pm_err *err;
};

static int statx_mount(int fd, uint64_t *ret)
{
	struct statx sx;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0 || !(sx.stx_mask & STATX_MNT_ID))
		return -1;
	*ret = sx.stx_mnt_id;
	return 0;
}

/* Open the directory name of dirfd for reading; EXDEV when another mount is there: a bind mount has
 * the same st_dev, so the mounts are compared. */
static int open_dir(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct open_how how = {
		.flags = flags,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	if (fd >= 0 || errno != ENOSYS)
		return fd < 0 ? -errno : fd;

	fd = openat(dirfd, name, flags);
	if (fd < 0)
		return -errno;
	struct stat a, b;
	uint64_t ma = 0, mb = 0;
	bool other = fstat(dirfd, &a) < 0 || fstat(fd, &b) < 0 || a.st_dev != b.st_dev;
	if (!other && statx_mount(dirfd, &ma) == 0 && statx_mount(fd, &mb) == 0)
		other = ma != mb;
	if (other) {
		close(fd);
		return -EXDEV;
	}
	return fd;
}

/* Give ourselves rwx on a directory that we cannot open. Not by name: it might be a symlink by now. */
static int make_accessible(int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, 0700) < 0 ? -errno : 0;
}

static int unlink_at(int dirfd, const char *name, int flags)
{
	if (unlinkat(dirfd, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EACCES || fchmod(dirfd, 0700) < 0)
		return -errno;
	return unlinkat(dirfd, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_dir(struct removal *r, int dirfd, const char *name, unsigned int depth);

static int hoist(struct removal *r, int dirfd, const char *name)
{
	char to[64];
	for (;;) {
		snprintf(to, sizeof(to), ".pm-deep-%lu", r->hoisted++);
		if (renameat2(dirfd, name, r->top, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
			return 0;
		if (errno == EACCES && make_accessible(dirfd, name) == 0 && fchmod(dirfd, 0700) == 0 &&
		    renameat2(dirfd, name, r->top, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

static int remove_entry(struct removal *r, int dirfd, const char *name, unsigned char type,
			unsigned int depth)
{
	int e = 0;
	if (type != DT_DIR) {
		e = unlink_at(dirfd, name, 0);
		if (e != -EISDIR)
			goto out;
		/* DT_UNKNOWN file systems */
	}
	if (depth >= MAX_DEPTH) {
		e = hoist(r, dirfd, name);
		goto out;
	}
	return remove_dir(r, dirfd, name, depth + 1);
out:
	return e < 0 ? pm_fail_errno(r->err, -e, "'%s'", name) : 0;
}

/* Empty the directory behind fd (which is closed). */
static int empty_dir(struct removal *r, int fd, const char *name, unsigned int depth)
{
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pm_fail_sys(r->err, "read directory '%s'", name);
	}
	int e = 0;
	struct dirent *de;
	while (e == 0 && (errno = 0, de = readdir(d)) != NULL)
		if (!pm_streq(de->d_name, ".") && !pm_streq(de->d_name, ".."))
			e = remove_entry(r, dirfd(d), de->d_name, de->d_type, depth);
	if (e == 0 && errno)
		e = pm_fail_sys(r->err, "read directory '%s'", name);
	closedir(d);
	return e;
}

static int remove_dir(struct removal *r, int dirfd, const char *name, unsigned int depth)
{
	/* more passes: entries may move while a directory is read and changed, hoisted ones come */
	for (int pass = 0; pass < 1000; pass++) {
		unsigned long hoisted = r->hoisted;
		int fd = open_dir(dirfd, name);
		if (fd == -EACCES && make_accessible(dirfd, name) == 0)
			fd = open_dir(dirfd, name);
		if (fd == -ENOENT)
			return 0;
		if (fd < 0)
			return pm_fail_errno(r->err, fd == -EXDEV ? EBUSY : -fd, "'%s'%s", name,
					     fd == -EXDEV ? " is a mount point" : "");
		if (depth == 0)
			r->top = fd;
		int e = empty_dir(r, fd, name, depth);
		if (e < 0)
			return e;
		e = unlink_at(dirfd, name, AT_REMOVEDIR);
		if (e == 0)
			return 0;
		if (e != -ENOTEMPTY && e != -EEXIST)
			return pm_fail_errno(r->err, -e, "'%s'", name);
		if (r->hoisted != hoisted)
			pass = 0; /* there is an end: each hoist makes a tree less deep */
	}
	return pm_fail_errno(r->err, ENOTEMPTY, "'%s'", name);
}

int pm_fs_remove_tree(int dirfd, const char *path, struct pm_err *err)
{
	struct removal r = {.top = -1, .err = err};
	struct stat st;
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : pm_fail_sys(err, "remove '%s'", path);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(dirfd, path, 0) < 0 && errno != ENOENT)
			return pm_fail_sys(err, "remove '%s'", path);
		return 0;
	}
	/* the top itself is reached by a path that may cross mounts: the parent is opened first */
	_cleanup_free_ char *clean = pm_path_clean(path);
	char *slash = strrchr(clean, '/');
	const char *name = slash ? slash + 1 : clean;
	if (!*name || pm_streq(name, ".") || pm_streq(name, ".."))
		return pm_fail_errno(err, EINVAL, "remove '%s'", path);
	_cleanup_close_ int parent = -1;
	if (slash) {
		_cleanup_free_ char *above = pm_strndup(clean, (size_t)(name - clean));
		parent = pm_fs_open(dirfd, above, O_PATH | O_DIRECTORY, 0, err);
		if (parent < 0)
			return parent;
	}
	int e = remove_dir(&r, parent >= 0 ? parent : dirfd, name, 0);
	if (e < 0 && err)
		pm_wrap(err, "remove '%s'", path);
	return e;
}
