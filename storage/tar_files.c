#include "storage/tar_files.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

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

static int by_file(const void *a, const void *b)
{
	const struct hard_link *x = a, *y = b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino != y->ino ? (x->ino < y->ino ? -1 : 1) : 0;
}

static void clear_xattrs(struct pm_tar_files *t)
{
	for (size_t i = 0; i < t->n_xattrs; i++) {
		free((void *)t->xattrs[i].name);
		free((void *)t->xattrs[i].value);
	}
	t->n_xattrs = 0;
}

void pm_tar_files_init(struct pm_tar_files *t, struct pm_tar_writer *w)
{
	*t = (struct pm_tar_files){.w = w};
	t->copy = pm_malloc(COPY_SIZE);
	t->xattr_names = pm_malloc(XATTR_NAMES_MAX);
}

void pm_tar_files_free(struct pm_tar_files *t)
{
	tdestroy(t->links, free);
	clear_xattrs(t);
	free(t->xattrs);
	free(t->regions);
	free(t->xattr_names);
	free(t->copy);
}

bool pm_tar_xattr_wanted(const char *name)
{
	if (pm_startswith(name, "user."))
		return !pm_startswith(name, "user.overlay.") &&
		       !pm_startswith(name, "user.fuseoverlayfs.") &&
		       !pm_startswith(name, "user.containers.");
	return pm_streq(name, "security.capability") || pm_streq(name, "system.posix_acl_access");
}

static int by_xattr(const void *a, const void *b)
{
	return strcmp(((const struct pm_tar_xattr *)a)->name, ((const struct pm_tar_xattr *)b)->name);
}

static int read_xattrs(struct pm_tar_files *t, int fd, struct pm_err *err)
{
	clear_xattrs(t);
	ssize_t len = flistxattr(fd, t->xattr_names, XATTR_NAMES_MAX);
	if (len < 0)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : pm_fail_sys(err, "list xattrs");
	for (const char *p = t->xattr_names; p < t->xattr_names + len; p += strlen(p) + 1) {
		if (!pm_tar_xattr_wanted(p))
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

static struct pm_tar_entry entry_of(const struct pm_tar_files *t, const struct stat *st,
				    const char *path, enum pm_tar_type type)
{
	return (struct pm_tar_entry){
		.type = type,
		.path = path,
		.link = "",
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = t->mtime ? *t->mtime : st->st_mtim.tv_sec,
		.mtime_ns = t->whole_seconds || t->mtime ? 0 : (uint32_t)st->st_mtim.tv_nsec,
		.dev_major = major(st->st_rdev),
		.dev_minor = minor(st->st_rdev),
	};
}

/* --- content ---------------------------------------------------------------------------------- */

static void add_region(struct pm_tar_files *t, uint64_t offset, uint64_t len)
{
	if (t->n_regions == t->cap_regions) {
		t->cap_regions = t->cap_regions ? t->cap_regions * 2 : 16;
		t->regions = pm_reallocarray(t->regions, t->cap_regions, sizeof(*t->regions));
	}
	t->regions[t->n_regions++] = (struct pm_tar_region){offset, len};
}

/* The parts of the file that are no holes. False: no holes worth a map. */
static bool find_regions(struct pm_tar_files *t, int fd, const struct stat *st)
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

static int copy_range(struct pm_tar_files *t, int fd, const char *path, ino_t ino, uint64_t offset, uint64_t len,
		      struct pm_err *err)
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
		if (t->content)
			t->content(t->content_arg, path, ino, offset, (uint64_t)n);
		int r = pm_tar_writer_data(t->w, t->copy, (size_t)n, err);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int put_digest(struct pm_tar_files *t, int fd, const struct stat *st, struct pm_tar_entry *e, struct pm_err *err)
{
	char hex[65];
	int r = t->digest(t->digest_arg, fd, st, hex, err);
	e->size = strlen(hex);
	e->xattrs = t->xattrs;
	e->n_xattrs = t->n_xattrs;
	if (r >= 0)
		r = pm_tar_writer_entry(t->w, e, err);
	return r < 0 ? r : pm_tar_writer_data(t->w, hex, strlen(hex), err);
}

int pm_tar_files_regular(struct pm_tar_files *t, int fd, const struct stat *st, const char *path,
			 struct pm_err *err)
{
	int r = read_xattrs(t, fd, err);
	if (r < 0)
		return r;
	struct pm_tar_entry e = entry_of(t, st, path, PM_TAR_FILE);
	if (t->digest)
		return put_digest(t, fd, st, &e, err);
	e.size = (uint64_t)st->st_size;
	e.xattrs = t->xattrs;
	e.n_xattrs = t->n_xattrs;
	e.sparse = find_regions(t, fd, st);
	if (e.sparse) {
		e.regions = t->regions;
		e.n_regions = t->n_regions;
	}
	r = pm_tar_writer_entry(t->w, &e, err);
	if (r < 0)
		return r;
	if (!e.sparse)
		return copy_range(t, fd, path, st->st_ino, 0, e.size, err);
	for (size_t i = 0; r >= 0 && i < t->n_regions; i++)
		r = copy_range(t, fd, path, st->st_ino, t->regions[i].offset, t->regions[i].len, err);
	return r;
}

/* --- the others ------------------------------------------------------------------------------- */

int pm_tar_files_dir(struct pm_tar_files *t, int fd, const struct stat *st, const char *path,
		     struct pm_err *err)
{
	int r = read_xattrs(t, fd, err);
	if (r < 0)
		return r;
	struct pm_tar_entry e = entry_of(t, st, path, PM_TAR_DIR);
	e.xattrs = t->xattrs;
	e.n_xattrs = t->n_xattrs;
	return pm_tar_writer_entry(t->w, &e, err);
}

int pm_tar_files_symlink(struct pm_tar_files *t, const struct stat *st, const char *path,
			 const char *target, struct pm_err *err)
{
	struct pm_tar_entry e = entry_of(t, st, path, PM_TAR_SYMLINK);
	e.link = target;
	e.mode = 0777;
	return pm_tar_writer_entry(t->w, &e, err);
}

int pm_tar_files_node(struct pm_tar_files *t, const struct stat *st, const char *path,
		      struct pm_err *err)
{
	struct pm_tar_entry e = entry_of(t, st, path,
					 S_ISCHR(st->st_mode)	? PM_TAR_CHAR
					 : S_ISBLK(st->st_mode) ? PM_TAR_BLOCKDEV
								: PM_TAR_FIFO);
	return pm_tar_writer_entry(t->w, &e, err);
}

int pm_tar_files_link(struct pm_tar_files *t, const struct stat *st, const char *path,
		      struct pm_err *err)
{
	if (st->st_nlink < 2)
		return 0;
	struct hard_link key = {.dev = st->st_dev, .ino = st->st_ino};
	struct hard_link **known = tfind(&key, &t->links, by_file);
	if (!known) {
		size_t len = strlen(path) + 1;
		struct hard_link *l = pm_malloc(sizeof(*l) + len);
		l->dev = st->st_dev;
		l->ino = st->st_ino;
		l->left = st->st_nlink - 1;
		memcpy(l->path, path, len);
		tsearch(l, &t->links, by_file);
		return 0;
	}
	struct hard_link *l = *known;
	struct pm_tar_entry e = entry_of(t, st, path, PM_TAR_HARDLINK);
	e.link = l->path;
	int r = pm_tar_writer_entry(t->w, &e, err);
	if (--l->left == 0) {
		tdelete(l, &t->links, by_file);
		free(l);
	}
	return r < 0 ? r : 1;
}
