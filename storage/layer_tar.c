#include "storage/layer_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "storage/merged.h"

enum {
	COPY_SIZE = 256 << 10,
	XATTR_NAMES_MAX = 64 << 10,
	SPARSE_FROM = 64 << 10, /* bytes: smaller files are not worth a map */
};

/* A file with several names, while some are still to come. */
struct hard_link {
	dev_t dev;
	ino_t ino;
	nlink_t left;
	char path[];
};

struct layer_tar {
	const struct pm_layer_tar *what;
	struct pm_tar_writer *w;
	void *links; /* tsearch tree of struct hard_link */
	struct pm_buf path;
	bool named; /* the error says where */
	uint8_t *copy;
	char *xattr_names;
	struct pm_tar_xattr *xattrs;
	size_t n_xattrs;
	struct pm_tar_region *regions;
	size_t n_regions, cap_regions;
};

static int by_file(const void *a, const void *b)
{
	const struct hard_link *x = a, *y = b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino != y->ino ? (x->ino < y->ino ? -1 : 1) : 0;
}

/* --- attributes ------------------------------------------------------------------------------- */

static void clear_xattrs(struct layer_tar *t)
{
	for (size_t i = 0; i < t->n_xattrs; i++) {
		free((void *)t->xattrs[i].name);
		free((void *)t->xattrs[i].value);
	}
	t->n_xattrs = 0;
}

static int by_xattr(const void *a, const void *b)
{
	return strcmp(((const struct pm_tar_xattr *)a)->name, ((const struct pm_tar_xattr *)b)->name);
}

static bool xattr_wanted(const char *name)
{
	if (pm_startswith(name, "user."))
		return !pm_startswith(name, "user.overlay.") &&
		       !pm_startswith(name, "user.fuseoverlayfs.") &&
		       !pm_startswith(name, "user.containers.");
	return pm_streq(name, "security.capability") || pm_streq(name, "system.posix_acl_access");
}

static int read_xattrs(struct layer_tar *t, int fd, struct pm_err *err)
{
	clear_xattrs(t);
	ssize_t len = flistxattr(fd, t->xattr_names, XATTR_NAMES_MAX);
	if (len < 0)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : pm_fail_sys(err, "list xattrs");
	for (const char *p = t->xattr_names; p < t->xattr_names + len; p += strlen(p) + 1) {
		if (!xattr_wanted(p))
			continue;
		ssize_t size = fgetxattr(fd, p, NULL, 0);
		_cleanup_free_ void *value = size < 0 ? NULL : pm_malloc((size_t)size + 1);
		if (size >= 0)
			size = fgetxattr(fd, p, value, (size_t)size);
		if (size < 0 && (errno == ENODATA || errno == ERANGE))
			continue; /* changed just now */
		if (size < 0)
			return pm_fail_sys(err, "read xattr '%.100s'", p);
		t->xattrs = pm_reallocarray(t->xattrs, t->n_xattrs + 1, sizeof(*t->xattrs));
		t->xattrs[t->n_xattrs++] = (struct pm_tar_xattr){
			.name = pm_strdup(p), .value = pm_steal(&value), .len = (size_t)size};
	}
	if (t->n_xattrs > 1)
		qsort(t->xattrs, t->n_xattrs, sizeof(*t->xattrs), by_xattr);
	return 0;
}

static struct pm_tar_entry entry_of(struct layer_tar *t, const struct stat *st,
				    enum pm_tar_type type)
{
	return (struct pm_tar_entry){
		.type = type,
		.path = pm_buf_str(&t->path),
		.link = "",
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec,
		.dev_major = major(st->st_rdev),
		.dev_minor = minor(st->st_rdev),
	};
}

/* --- files ------------------------------------------------------------------------------------ */

static void add_region(struct layer_tar *t, uint64_t offset, uint64_t len)
{
	if (t->n_regions == t->cap_regions) {
		t->cap_regions = t->cap_regions ? t->cap_regions * 2 : 16;
		t->regions = pm_reallocarray(t->regions, t->cap_regions, sizeof(*t->regions));
	}
	t->regions[t->n_regions++] = (struct pm_tar_region){offset, len};
}

/* The parts of the file that are no holes. False: no holes worth a map. */
static bool find_regions(struct layer_tar *t, int fd, const struct stat *st)
{
	off_t size = st->st_size, at = 0;
	t->n_regions = 0;
	if (size < SPARSE_FROM || st->st_blocks * 512 >= size)
		return false;
	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || t->n_regions >= PM_TAR_SPARSE_MAX - 1)
			return false;
		if (hole > size)
			hole = size;
		if (data < size)
			add_region(t, (uint64_t)data, (uint64_t)(hole - data));
		at = hole;
	}
	if (t->n_regions == 1 && t->regions[0].offset == 0 && t->regions[0].len == (uint64_t)size)
		return false;
	/* readers extend the file to the last one */
	if (at < size)
		add_region(t, (uint64_t)size, 0);
	return true;
}

static int copy_range(struct layer_tar *t, int fd, uint64_t offset, uint64_t len, struct pm_err *err)
{
	bool ended = false;
	while (len > 0) {
		size_t want = len < COPY_SIZE ? (size_t)len : COPY_SIZE;
		ssize_t n = ended ? 0 : pread(fd, t->copy, want, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read");
		if (n == 0) {
			ended = true;
			memset(t->copy, 0, want);
			n = (ssize_t)want;
		}
		int r = pm_tar_writer_data(t->w, t->copy, (size_t)n, err);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int put_file(struct layer_tar *t, int dirfd, const char *name, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return 0; /* changed just now */
	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_fail_sys(err, "open");
	if (!S_ISREG(st.st_mode))
		return 0;
	int r = read_xattrs(t, fd, err);
	if (r < 0)
		return r;
	struct pm_tar_entry e = entry_of(t, &st, PM_TAR_FILE);
	e.size = (uint64_t)st.st_size;
	e.xattrs = t->xattrs;
	e.n_xattrs = t->n_xattrs;
	e.sparse = find_regions(t, fd, &st);
	if (e.sparse) {
		e.regions = t->regions;
		e.n_regions = t->n_regions;
	}
	r = pm_tar_writer_entry(t->w, &e, err);
	if (r < 0)
		return r;
	if (!e.sparse)
		return copy_range(t, fd, 0, e.size, err);
	for (size_t i = 0; r >= 0 && i < t->n_regions; i++)
		r = copy_range(t, fd, t->regions[i].offset, t->regions[i].len, err);
	return r;
}

static int put_symlink(struct layer_tar *t, int dirfd, const char *name, const struct stat *st,
		       struct pm_err *err)
{
	_cleanup_free_ char *target = NULL;
	int r = pm_fs_readlink(dirfd, name, &target, err);
	if (r < 0)
		return r == -ENOENT || r == -EINVAL ? 0 : r;
	struct pm_tar_entry e = entry_of(t, st, PM_TAR_SYMLINK);
	e.link = target;
	e.mode = 0777;
	return pm_tar_writer_entry(t->w, &e, err);
}

/* 1: it is a further name of a file that was written, and is done. */
static int put_link(struct layer_tar *t, const struct stat *st, struct pm_err *err)
{
	if (st->st_nlink < 2)
		return 0;
	struct hard_link key = {.dev = st->st_dev, .ino = st->st_ino};
	struct hard_link **known = tfind(&key, &t->links, by_file);
	if (!known) {
		struct hard_link *l = pm_malloc(sizeof(*l) + t->path.len + 1);
		l->dev = st->st_dev;
		l->ino = st->st_ino;
		l->left = st->st_nlink - 1;
		memcpy(l->path, pm_buf_str(&t->path), t->path.len + 1);
		tsearch(l, &t->links, by_file);
		return 0;
	}
	struct hard_link *l = *known;
	struct pm_tar_entry e = entry_of(t, st, PM_TAR_HARDLINK);
	e.link = l->path;
	int r = pm_tar_writer_entry(t->w, &e, err);
	if (--l->left == 0) {
		tdelete(l, &t->links, by_file);
		free(l);
	}
	return r < 0 ? r : 1;
}

static int put_marker(struct layer_tar *t, const char *name, struct pm_err *err)
{
	size_t len = t->path.len;
	struct stat st = {.st_mode = S_IFREG};
	pm_buf_add_str(&t->path, name);
	struct pm_tar_entry e = entry_of(t, &st, PM_TAR_FILE);
	int r = pm_tar_writer_entry(t->w, &e, err);
	pm_buf_cut(&t->path, len);
	return r;
}

/* --- directories ------------------------------------------------------------------------------ */

static int put_dir(struct layer_tar *t, struct pm_merged_dir *d, struct pm_merged_dir *base,
		   struct pm_err *err);

/* d's own entry: always, but for the root where it says nothing. */
static int put_self(struct layer_tar *t, struct pm_merged_dir *d, struct pm_err *err)
{
	struct stat st;
	int fd = pm_merged_self(d);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "look at the directory");
	bool root = t->path.len == 0;
	if (root && (st.st_mode & 07777) == 0755 && st.st_uid == 0 && st.st_gid == 0)
		return 0;
	int r = read_xattrs(t, fd, err);
	if (r < 0)
		return r;
	struct pm_tar_entry e = entry_of(t, &st, PM_TAR_DIR);
	e.path = root ? "./" : e.path;
	e.xattrs = t->xattrs;
	e.n_xattrs = t->n_xattrs;
	return pm_tar_writer_entry(t->w, &e, err);
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Is b's entry of that name, e of base, what it was? */
static bool unchanged(int fd, const struct stat *st, const struct pm_merged_dir *base,
		      const struct pm_merged_entry *e)
{
	struct stat was;
	int was_fd = pm_merged_fd(base, e);
	if (fstatat(was_fd, e->name, &was, AT_SYMLINK_NOFOLLOW) < 0 || was.st_mode != st->st_mode ||
	    was.st_uid != st->st_uid || was.st_gid != st->st_gid || was.st_rdev != st->st_rdev ||
	    !same_time(&was, st) || (!S_ISDIR(st->st_mode) && was.st_size != st->st_size))
		return false;
	if (!S_ISLNK(st->st_mode))
		return true;
	_cleanup_free_ char *a = NULL, *b = NULL;
	return pm_fs_readlink(fd, e->name, &a, NULL) >= 0 &&
	       pm_fs_readlink(was_fd, e->name, &b, NULL) >= 0 && pm_streq(a, b);
}

static int put_node(struct layer_tar *t, int dirfd, const char *name, const struct stat *st,
		    struct pm_err *err)
{
	enum pm_tar_type type;
	int r = S_ISSOCK(st->st_mode) ? 1 : put_link(t, st, err);
	if (r != 0)
		return r < 0 ? r : 0;
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return put_file(t, dirfd, name, err);
	case S_IFLNK:
		return put_symlink(t, dirfd, name, st, err);
	case S_IFCHR:
		type = PM_TAR_CHAR;
		break;
	case S_IFBLK:
		type = PM_TAR_BLOCKDEV;
		break;
	default:
		type = PM_TAR_FIFO;
	}
	struct pm_tar_entry e = entry_of(t, st, type);
	return pm_tar_writer_entry(t->w, &e, err);
}

static int put_entry(struct layer_tar *t, struct pm_merged_dir *d, const struct pm_merged_entry *e,
		     struct pm_merged_dir *base, struct pm_err *err)
{
	size_t len = t->path.len;
	struct stat st;
	int fd = pm_merged_fd(d, e), r = 0;
	if (e->whiteout) {
		_cleanup_free_ char *name = pm_asprintf(".wh.%s", e->name);
		return put_marker(t, name, err);
	}
	if (fstatat(fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : pm_fail_sys(err, "look at '%s'", e->name);
	const struct pm_merged_entry *was = base ? pm_merged_find(base, e->name) : NULL;
	bool same = was && unchanged(fd, &st, base, was);
	pm_buf_add_str(&t->path, e->name);
	if (S_ISDIR(st.st_mode) && e->is_dir) {
		_cleanup_merged_ struct pm_merged_dir sub = {0}, sub_base = {0};
		pm_buf_add_char(&t->path, '/');
		r = pm_merged_sub(d, e, &sub, err);
		if (r >= 0 && was && was->is_dir)
			r = pm_merged_sub(base, was, &sub_base, err);
		if (r >= 0 && !same)
			r = put_self(t, &sub, err);
		if (r >= 0)
			r = put_dir(t, &sub, was && was->is_dir ? &sub_base : NULL, err);
	} else if (!same) {
		r = put_node(t, fd, e->name, &st, err);
	}
	if (r < 0 && !t->named) {
		t->named = true;
		r = pm_wrap(err, "'/%.300s'", pm_buf_str(&t->path));
	}
	pm_buf_cut(&t->path, len);
	return r;
}

static int put_dir(struct layer_tar *t, struct pm_merged_dir *d, struct pm_merged_dir *base,
		   struct pm_err *err)
{
	int r = d->raw && d->opaque && d->depth > 0 ? put_marker(t, ".wh..wh..opq", err) : 0;
	for (size_t i = 0; r >= 0 && base && i < base->n_entries; i++) {
		if (pm_merged_find(d, base->entries[i].name))
			continue;
		_cleanup_free_ char *name = pm_asprintf(".wh.%s", base->entries[i].name);
		r = put_marker(t, name, err);
	}
	for (size_t i = 0; r >= 0 && i < d->n_entries; i++)
		r = put_entry(t, d, &d->entries[i], base, err);
	return r;
}

int pm_layer_tar(const struct pm_layer_tar *what, pm_tar_sink_fn *sink, void *arg, struct pm_err *err)
{
	struct layer_tar t = {.what = what};
	_cleanup_merged_ struct pm_merged_dir root = {0}, base = {0};
	int r = pm_merged_open(what->layers, what->raw ? 1 : what->n_layers, what->raw, &root, err);
	if (r >= 0 && what->base)
		r = pm_merged_open(what->base, what->n_base, false, &base, err);
	if (r < 0)
		return r;
	t.w = pm_tar_writer_new(sink, arg);
	t.copy = pm_malloc(COPY_SIZE);
	t.xattr_names = pm_malloc(XATTR_NAMES_MAX);
	r = put_self(&t, &root, err);
	if (r >= 0)
		r = put_dir(&t, &root, what->base ? &base : NULL, err);
	if (r >= 0)
		r = pm_tar_writer_finish(t.w, err);
	clear_xattrs(&t);
	free(t.xattrs);
	free(t.regions);
	free(t.xattr_names);
	free(t.copy);
	pm_buf_free(&t.path);
	tdestroy(t.links, free);
	pm_tar_writer_free(t.w);
	return r < 0 ? r : 0;
}
