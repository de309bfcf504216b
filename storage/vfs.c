#include "storage/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

/* Where the first name of an inode with several went. */
struct link {
	dev_t dev;
	ino_t ino;
	char *path; /* relative to the destination's root */
};

struct copy {
	const struct pm_vfs_owners *owners; /* NULL: they stay */
	int root;          /* destination's root */
	struct pm_buf path; /* of what is being copied, relative to the roots */
	struct link *links;
	size_t n_links;
};

static int copy_dir(struct copy *c, int src, int dst, struct pm_err *err);

static bool is_overlay_xattr(const char *name)
{
	return pm_startswith(name, "user.overlay.") || pm_startswith(name, "trusted.overlay.") ||
	       pm_startswith(name, "user.fuseoverlayfs.");
}

/* By /proc/self/fd, so that it works for symlinks and O_PATH descriptors alike. */
static int copy_xattrs(const char *from, const char *to, struct pm_err *err)
{
	char names[65536], value[65536];
	ssize_t len = llistxattr(from, names, sizeof(names));
	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : pm_fail_sys(err, "list extended attributes");
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		if (is_overlay_xattr(name))
			continue;
		ssize_t n = lgetxattr(from, name, value, sizeof(value));
		if (n < 0)
			continue; /* not for us to read: nor to write */
		if (lsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != EPERM &&
		    errno != EOPNOTSUPP)
			return pm_fail_sys(err, "set the extended attribute %s", name);
	}
	return 0;
}

/* Owner, mode, xattrs and times of name in dst, as st and name in src have them. */
static int copy_meta(const struct copy *c, int src, int dst, const char *name,
		     const struct stat *st, struct pm_err *err)
{
	uid_t uid = st->st_uid;
	gid_t gid = st->st_gid;
	char from[PATH_MAX], to[PATH_MAX];
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	int r = c->owners ? c->owners->map(c->owners->arg, &uid, &gid, err) : 0;
	if (r < 0)
		return pm_wrap(err, "%s", name);
	if (fchownat(dst, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "set the owner");
	if (!S_ISLNK(st->st_mode) && pm_fs_chmod(dst, name, st->st_mode & 07777) < 0)
		return pm_fail_sys(err, "set the mode");
	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", src, name);
	snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", dst, name);
	r = copy_xattrs(from, to, err);
	if (r >= 0 && utimensat(dst, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = pm_fail_sys(err, "set the times");
	return r;
}

static int copy_range(int in, int out, off_t from, off_t to, struct pm_err *err)
{
	while (from < to) {
		off_t at = from;
		ssize_t n = copy_file_range(in, &from, out, &at, (size_t)(to - from), 0);
		if (n > 0)
			continue;
		if (n == 0)
			return 0; /* shorter than it said */
		if (errno == EINTR)
			continue;
		/* not between these file systems: by hand */
		char buf[65536];
		size_t want = (size_t)(to - from) < sizeof(buf) ? (size_t)(to - from) : sizeof(buf);
		n = pread(in, buf, want, from);
		if (n == 0)
			return 0;
		/* what is written in part fails the next time, with the reason */
		if (n > 0)
			n = pwrite(out, buf, (size_t)n, from);
		if (n < 0)
			return pm_fail_sys(err, "copy data");
		from += n;
	}
	return 0;
}

/* Holes stay holes. */
static int copy_data(int in, int out, off_t size, struct pm_err *err)
{
	off_t at = 0;
	while (at < size) {
		off_t data = lseek(in, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = at;
		off_t hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			hole = size;
		int r = copy_range(in, out, data, hole, err);
		if (r < 0)
			return r;
		at = hole;
	}
	return ftruncate(out, size) < 0 ? pm_fail_sys(err, "set the size") : 0;
}

static int copy_file(int src, int dst, const char *name, const struct stat *st, struct pm_err *err)
{
	_cleanup_close_ int in = pm_fs_open(src, name, O_RDONLY | O_NOFOLLOW, 0, err);
	if (in < 0)
		return in;
	_cleanup_close_ int out =
		pm_fs_open(dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
	if (out < 0)
		return out;
	/* where the file system shares blocks (btrfs, xfs) that is all */
	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	return copy_data(in, out, st->st_size, err);
}

static int copy_symlink(int src, int dst, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *target = NULL;
	int r = pm_fs_readlink(src, name, &target, err);
	if (r >= 0 && symlinkat(target, dst, name) < 0)
		r = pm_fail_sys(err, "make the symlink");
	return r;
}

/* 1: name was made as a link to an earlier name of the same inode. */
static int copy_link(struct copy *c, int dst, const char *name, const struct stat *st,
		     struct pm_err *err)
{
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	for (size_t i = 0; i < c->n_links; i++) {
		if (c->links[i].dev != st->st_dev || c->links[i].ino != st->st_ino)
			continue;
		if (linkat(c->root, c->links[i].path, dst, name, 0) < 0)
			return pm_fail_sys(err, "link to %s", c->links[i].path);
		return 1;
	}
	c->links = pm_reallocarray(c->links, c->n_links + 1, sizeof(*c->links));
	c->links[c->n_links++] =
		(struct link){st->st_dev, st->st_ino, pm_strdup(pm_buf_str(&c->path))};
	return 0;
}

static int copy_directory(struct copy *c, int src, int dst, const char *name, bool exists,
			  struct pm_err *err)
{
	if (!exists && mkdirat(dst, name, 0700) < 0)
		return pm_fail_sys(err, "make the directory");
	_cleanup_close_ int in = pm_fs_open(src, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (in < 0)
		return in;
	_cleanup_close_ int out = pm_fs_open(dst, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (out < 0)
		return out;
	return copy_dir(c, in, out, err);
}

static int copy_entry(struct copy *c, int src, int dst, const char *name, struct pm_err *err)
{
	struct stat st, have;
	if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "look at it");
	bool exists = fstatat(dst, name, &have, AT_SYMLINK_NOFOLLOW) == 0;
	bool merge = exists && S_ISDIR(have.st_mode) && S_ISDIR(st.st_mode);
	int r = 0;

	if (exists && !merge)
		r = pm_fs_remove_tree(dst, name, err);
	if (r < 0)
		return r;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return merge ? pm_fs_remove_tree(dst, name, err) : 0; /* a whiteout */

	r = copy_link(c, dst, name, &st, err);
	if (r != 0)
		return r < 0 ? r : 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		r = copy_directory(c, src, dst, name, merge, err);
		break;
	case S_IFREG:
		r = copy_file(src, dst, name, &st, err);
		break;
	case S_IFLNK:
		r = copy_symlink(src, dst, name, err);
		break;
	default:
		if (mknodat(dst, name, st.st_mode & ~07777u, st.st_rdev) < 0) {
			if (errno == EPERM && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
				return 0; /* no device can be made in a user namespace */
			r = pm_fail_sys(err, "make the node");
		}
	}
	return r < 0 ? r : copy_meta(c, src, dst, name, &st, err);
}

/* user.overlay.opaque: 'y' hides what is below; 'x' says that empty files with an xattr are whiteouts. */
static char opaque_mark(int dir)
{
	char v = 0;
	return fgetxattr(dir, "user.overlay.opaque", &v, 1) == 1 ? v : 0;
}

static bool is_xattr_whiteout(int src, const char *name)
{
	char path[PATH_MAX], v;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", src, name);
	return lgetxattr(path, "user.overlay.whiteout", &v, 0) >= 0;
}

static int clear_dir(int dst, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(dst, ".", &names, err);
	for (size_t i = 0; i < names.n && r >= 0; i++)
		r = pm_fs_remove_tree(dst, names.v[i], err);
	return r;
}

static int copy_dir(struct copy *c, int src, int dst, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	char mark = opaque_mark(src);
	size_t len = c->path.len;

	int r = mark == 'y' ? clear_dir(dst, err) : 0;
	if (r >= 0)
		r = pm_fs_list(src, ".", &names, err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		if (mark == 'x' && is_xattr_whiteout(src, names.v[i])) {
			r = pm_fs_remove_tree(dst, names.v[i], err);
			continue;
		}
		pm_buf_printf(&c->path, "%s%s", len ? "/" : "", names.v[i]);
		r = copy_entry(c, src, dst, names.v[i], err);
		if (r < 0 && err && !pm_startswith(err->text, "copy '"))
			r = pm_wrap(err, "copy '%s'", pm_buf_str(&c->path));
		pm_buf_cut(&c->path, len);
	}
	return r;
}

static int apply(int src, int dst, const struct pm_vfs_owners *owners, struct pm_err *err)
{
	struct copy c = {.root = dst, .owners = owners};
	struct stat st;

	int r = copy_dir(&c, src, dst, err);
	if (r >= 0)
		r = fstat(src, &st) < 0 ? pm_fail_sys(err, "look at the layer")
					: copy_meta(&c, src, dst, ".", &st, err);
	for (size_t i = 0; i < c.n_links; i++)
		free(c.links[i].path);
	free(c.links);
	pm_buf_free(&c.path);
	return r;
}

int pm_vfs_apply(int src, int dst, struct pm_err *err)
{
	return apply(src, dst, NULL, err);
}

int pm_vfs_populate(const char *const *layers, size_t n, const char *dst,
		    const struct pm_vfs_owners *owners, struct pm_err *err)
{
	_cleanup_close_ int to = pm_fs_open(AT_FDCWD, dst, O_RDONLY | O_DIRECTORY, 0, err);
	if (to < 0)
		return to;
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int from =
			pm_fs_open(AT_FDCWD, layers[i], O_RDONLY | O_DIRECTORY, 0, err);
		int r = from < 0 ? from : apply(from, to, owners, err);
		if (r < 0)
			return r;
	}
	return 0;
}
