#include "storage/layer_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "storage/merged.h"
#include "storage/tar_files.h"

struct layer_tar {
	struct pm_tar_writer *w;
	struct pm_tar_files files;
	const struct pm_vfs_owners *owners;
	struct pm_buf path;
	bool named; /* the error says where */
};

/* The ids in the tar, of what the topmost layer has. */
static int own(const struct layer_tar *t, bool top, struct stat *st, struct pm_err *err)
{
	return top && t->owners ? t->owners->map(t->owners->arg, &st->st_uid, &st->st_gid, err) : 0;
}

static int put_file(struct layer_tar *t, int dirfd, const char *name, const struct stat *owner, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return 0; /* changed just now */
	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_fail_sys(err, "open");
	st.st_uid = owner->st_uid;
	st.st_gid = owner->st_gid;
	return S_ISREG(st.st_mode)
		       ? pm_tar_files_regular(&t->files, fd, &st, pm_buf_str(&t->path), err)
		       : 0;
}

static int put_symlink(struct layer_tar *t, int dirfd, const char *name, const struct stat *st,
		       struct pm_err *err)
{
	_cleanup_free_ char *target = NULL;
	int r = pm_fs_readlink(dirfd, name, &target, err);
	if (r < 0)
		return r == -ENOENT || r == -EINVAL ? 0 : r;
	return pm_tar_files_symlink(&t->files, st, pm_buf_str(&t->path), target, err);
}

static int put_marker(struct layer_tar *t, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_asprintf("%s%s", pm_buf_str(&t->path), name);
	const struct pm_tar_entry e = {.type = PM_TAR_FILE, .path = path, .link = ""};
	return pm_tar_writer_entry(t->w, &e, err);
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
	int r = own(t, fd == d->fds[0], &st, err);
	if (r < 0)
		return r;
	if (root && (st.st_mode & 07777) == 0755 && st.st_uid == 0 && st.st_gid == 0)
		return 0;
	return pm_tar_files_dir(&t->files, fd, &st, root ? "./" : pm_buf_str(&t->path), err);
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
	const char *path = pm_buf_str(&t->path);
	if (S_ISSOCK(st->st_mode) && t->files.content)
		return pm_fail(err, PM_E_UNSUPPORTED, "a layer has no sockets");
	int r = S_ISSOCK(st->st_mode) ? 1 : pm_tar_files_link(&t->files, st, path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISREG(st->st_mode))
		return put_file(t, dirfd, name, st, err);
	if (S_ISLNK(st->st_mode))
		return put_symlink(t, dirfd, name, st, err);
	return pm_tar_files_node(&t->files, st, path, err);
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
	r = own(t, e->layer == 0, &st, err);
	if (r < 0)
		return pm_wrap(err, "'%s'", e->name);
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
	struct layer_tar t = {0};
	_cleanup_merged_ struct pm_merged_dir root = {0}, base = {0};
	int r = pm_merged_open(what->layers, what->raw ? 1 : what->n_layers, what->raw, &root, err);
	if (r >= 0 && what->base)
		r = pm_merged_open(what->base, what->n_base, false, &base, err);
	if (r < 0)
		return r;
	t.w = pm_tar_writer_new(sink, arg);
	pm_tar_files_init(&t.files, t.w);
	t.files.whole_seconds = true;
	t.files.content = what->content;
	t.files.content_arg = what->content_arg;
	t.owners = what->owners;
	t.files.mtime = what->set_mtime ? &what->mtime : NULL;
	r = put_self(&t, &root, err);
	if (r >= 0)
		r = put_dir(&t, &root, what->base ? &base : NULL, err);
	if (r >= 0)
		r = pm_tar_writer_finish(t.w, err);
	pm_tar_files_free(&t.files);
	pm_buf_free(&t.path);
	pm_tar_writer_free(t.w);
	return r < 0 ? r : 0;
}
