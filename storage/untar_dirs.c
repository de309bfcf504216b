#include "storage/untar_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

const char *pm_layer_shown(const char *name, char buf[PM_SHOWN_MAX])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (n + 8 > PM_SHOWN_MAX) {
			memcpy(buf + n, "...", 3);
			n += 3;
			break;
		}
		if (c < 0x20 || c == 0x7f) {
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = hex[c >> 4];
			buf[n++] = hex[c & 15];
		} else {
			buf[n++] = (char)c;
		}
	}
	buf[n] = '\0';
	return buf;
}

int pm_layer_path_set(struct pm_layer_path *p, const char *name, struct pm_err *err)
{
	char shown[PM_SHOWN_MAX];
	size_t len = 0;

	for (const char *s = name; *s;) {
		size_t n = strcspn(s, "/");
		if (n == 2 && s[0] == '.' && s[1] == '.') {
			if (len == 0 && name[0] != '/')
				return pm_fail(err, PM_E_FORMAT,
					       "'%s' names something outside of the layer",
					       pm_layer_shown(name, shown));
			while (len > 0 && p->whole[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && s[0] == '.')) {
			if (n > NAME_MAX || len + n + 2 > sizeof(p->whole))
				return pm_fail_errno(err, ENAMETOOLONG, "'%s'",
						     pm_layer_shown(name, shown));
			if (len > 0)
				p->whole[len++] = '/';
			memcpy(p->whole + len, s, n);
			len += n;
		}
		s += n;
		s += strspn(s, "/");
	}
	p->whole[len] = '\0';

	char *slash = memrchr(p->whole, '/', len);
	size_t parent = slash ? (size_t)(slash - p->whole) : 0;
	memcpy(p->parent, p->whole, parent);
	p->parent[parent] = '\0';
	p->base = slash ? slash + 1 : p->whole;
	return 0;
}

void pm_layer_dirs_init(struct pm_layer_dirs *d, int rootfd)
{
	*d = (struct pm_layer_dirs){.rootfd = rootfd};
}

void pm_layer_dirs_forget(struct pm_layer_dirs *d)
{
	for (size_t i = 0; i < d->n_kept; i++) {
		close(d->kept[i].fd);
		free(d->kept[i].path);
	}
	d->n_kept = d->next = 0;
	d->again = true;
}

void pm_layer_dirs_free(struct pm_layer_dirs *d)
{
	pm_layer_dirs_forget(d);
	pm_buf_free(&d->names);
	free(d->deferred);
	d->deferred = NULL;
}

void pm_layer_dirs_keep(struct pm_layer_dirs *d, const char *path, int fd)
{
	struct pm_kept_dir *k = &d->kept[d->next];
	if (d->n_kept == PM_DIRS_KEPT) {
		close(k->fd);
		free(k->path);
	} else {
		d->n_kept++;
	}
	*k = (struct pm_kept_dir){.path = pm_strdup(path), .fd = fd};
	d->next = (d->next + 1) % PM_DIRS_KEPT;
}

int pm_layer_make_opaque(int dirfd, const char *base)
{
	/* a path's descriptor cannot take xattrs */
	_cleanup_close_ int fd =
		openat(dirfd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return fsetxattr(fd, "user.overlay.opaque", "y", 1, 0);
}

/* A part of path is no directory. Where that is a whiteout made by this layer, the lower layers'
 * directory is hidden and the layer has one of its own: an opaque directory. */
static int replace_whiteout(struct pm_layer_dirs *d, const char *path, struct pm_err *err)
{
	_cleanup_free_ char *copy = pm_strdup(path);
	for (char *end = copy; end;) {
		end = strchr(end, '/');
		if (end)
			*end = '\0';
		char *slash = strrchr(copy, '/');
		_cleanup_free_ char *above =
			slash ? pm_strndup(copy, (size_t)(slash - copy)) : pm_strdup(".");
		const char *base = slash ? slash + 1 : copy;
		_cleanup_close_ int dirfd =
			pm_fs_open_in(d->rootfd, above, O_PATH | O_DIRECTORY, 0, err);
		if (dirfd < 0)
			return dirfd;
		struct stat st;
		if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return pm_fail_sys(err, "look at '%s'", base);
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
			if (unlinkat(dirfd, base, 0) < 0 || mkdirat(dirfd, base, 0755) < 0 ||
			    pm_layer_make_opaque(dirfd, base) < 0)
				return pm_fail_sys(err, "replace a whiteout by a directory");
			return 0;
		}
		if (end)
			*end++ = '/';
	}
	return pm_fail_errno(err, ENOTDIR, "make its directory");
}

/* The directory path is made, with those above it. */
static int make_dir(struct pm_layer_dirs *d, const char *path, struct pm_err *err)
{
	uid_t uid = 0;
	gid_t gid = 0;
	if (!d->owners)
		return pm_fs_mkdir_in(d->rootfd, path, 0755, err);
	int r = d->owners->map(d->owners->arg, &uid, &gid, err);
	for (const char *end = path; r >= 0 && end;) {
		end = strchr(end + 1, '/');
		_cleanup_free_ char *part = end ? pm_strndup(path, (size_t)(end - path)) : pm_strdup(path);
		_cleanup_close_ int there = pm_fs_open_in(d->rootfd, part, O_PATH | O_DIRECTORY, 0, NULL);
		if (there >= 0)
			continue;
		_cleanup_close_ int made = pm_fs_mkdir_in(d->rootfd, part, 0755, err);
		r = made < 0 ? made : 0;
		if (r >= 0 && fchownat(made, "", uid, gid, AT_EMPTY_PATH) < 0)
			r = pm_fail_sys(err, "set the owner of '%s'", part);
	}
	return r < 0 ? r : pm_fs_open_in(d->rootfd, path, O_PATH | O_DIRECTORY, 0, err);
}

int pm_layer_dirs_open(struct pm_layer_dirs *d, const char *path, struct pm_err *err)
{
	if (!*path)
		return d->rootfd;
	for (size_t i = 1; i <= d->n_kept; i++) {
		/* newest first */
		struct pm_kept_dir *k = &d->kept[(d->next + PM_DIRS_KEPT - i) % PM_DIRS_KEPT];
		if (strcmp(k->path, path) == 0)
			return k->fd;
	}
	int fd = pm_fs_open_in(d->rootfd, path, O_PATH | O_DIRECTORY, 0, NULL);
	if (fd == -ENOTDIR) {
		int r = replace_whiteout(d, path, err);
		if (r < 0)
			return r;
	}
	if (fd < 0)
		fd = make_dir(d, path, err);
	if (fd >= 0)
		pm_layer_dirs_keep(d, path, fd);
	return fd;
}

int pm_layer_dirs_defer(struct pm_layer_dirs *d, const char *path,
			const struct pm_deferred_dir *what, struct pm_err *err)
{
	if (d->names.len + d->n_deferred * sizeof(*d->deferred) > PM_DIRS_DEFERRED_MAX)
		return pm_fail(err, PM_E_FORMAT, "the layer has too many directories");
	if (d->n_deferred == d->cap_deferred) {
		d->cap_deferred = d->cap_deferred ? d->cap_deferred * 2 : 64;
		d->deferred = pm_reallocarray(d->deferred, d->cap_deferred, sizeof(*d->deferred));
	}
	struct pm_deferred_dir *f = &d->deferred[d->n_deferred++];
	*f = *what;
	f->path = d->names.len;
	pm_buf_add(&d->names, path, strlen(path) + 1);
	return 0;
}

/* By path, so that what is in a directory follows it; of the same path the last said is last. */
static int compare(const void *a, const void *b, void *names)
{
	const struct pm_deferred_dir *x = a, *y = b;
	int r = strcmp((const char *)names + x->path, (const char *)names + y->path);
	return r ? r : (x->path > y->path) - (x->path < y->path);
}

int pm_layer_dirs_finish(struct pm_layer_dirs *d, struct pm_err *err)
{
	/* an archive names a directory after the one it is in, so backwards is deepest first */
	if (d->again && d->n_deferred > 0)
		qsort_r(d->deferred, d->n_deferred, sizeof(*d->deferred), compare, d->names.data);
	const char *last = NULL;
	for (size_t i = d->n_deferred; i-- > 0;) {
		const struct pm_deferred_dir *f = &d->deferred[i];
		const char *path = d->names.data + f->path;
		if (d->again && last && strcmp(path, last) == 0)
			continue;
		last = path;

		_cleanup_close_ int fd =
			pm_fs_open_in(d->rootfd, *path ? path : ".",
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
		struct stat st;
		/* replaced by something else since then: that has its own mode and time */
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != f->ino)
			continue;
		struct timespec times[2] = {f->mtime, f->mtime};
		if ((f->set_mode && fchmod(fd, f->mode) < 0) || futimens(fd, times) < 0) {
			char shown[PM_SHOWN_MAX];
			return pm_fail_sys(err, "set mode and time of '%s'",
					   pm_layer_shown(path, shown));
		}
	}
	return 0;
}
