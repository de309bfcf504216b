#include "storage/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/tar.h"
#include "storage/recipe.h"
#include "storage/tar_files.h"
#include "storage/untar_dirs.h"

/* of directories that an archive replaces by something else, for the recipe's sake */
enum { REPLACED_DEPTH_MAX = 200 };

/* The disk begins to write a large file while it still grows: whoever syncs it waits that much less. Small
 * files are left to the sync, which puts neighbours together. */
static const uint64_t write_behind = 4 << 20;

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct pm_untar {
	struct pm_untar_opts opts;
	struct pm_tar_reader *tar;
	struct pm_layer_dirs dirs;
	struct pm_untar_totals totals;
	struct pm_layer_path path, target;
	struct pm_recipe_writer *recipe; /* NULL: none */
	uint64_t lost; /* bytes of replaced files in it */
	int file;     /* the regular file being written, or -1 */
	mode_t made;  /* its mode so far */
	uint64_t end; /* of what was written to it */
	bool at_end;  /* the descriptor's offset is end */
	uint64_t behind; /* up to here the disk has been told to write it */
	bool in_place; /* it was there: its owner and mode stay */
};

int pm_untar_new(const struct pm_untar_opts *opts, struct pm_untar **ret, struct pm_err *err)
{
	struct pm_untar *u = PM_NEW(struct pm_untar);
	u->opts = *opts;
	u->file = -1;
	if (u->opts.max_entries == 0)
		u->opts.max_entries = 10000000;
	if (u->opts.max_bytes == 0) {
		struct statvfs fs;
		if (fstatvfs(opts->rootfd, &fs) < 0) {
			int r = pm_fail_sys(err, "ask the file system for its free space");
			free(u);
			return r;
		}
		/* some have no such notion */
		u->opts.max_bytes = fs.f_blocks ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
	}
	if (opts->recipe > 0) {
		int r = pm_recipe_writer_new(opts->recipe, u->opts.max_bytes, &u->recipe, err);
		if (r < 0) {
			free(u);
			return r;
		}
	}
	u->tar = pm_tar_reader_new(u->recipe ? pm_recipe_raw : NULL, u->recipe);
	pm_layer_dirs_init(&u->dirs, opts->rootfd);
	u->dirs.owners = opts->owners;
	*ret = u;
	return 0;
}

void pm_untar_free(struct pm_untar *u)
{
	if (!u)
		return;
	if (u->file >= 0)
		close(u->file);
	pm_tar_reader_free(u->tar);
	pm_layer_dirs_free(&u->dirs);
	pm_recipe_writer_free(u->recipe);
	free(u);
}

/* --- attributes ------------------------------------------------------------------------------- */

/* errno of a chown that failed. */
static int fail_owner(const struct pm_untar *u, const struct pm_tar_entry *e, struct pm_err *err)
{
	char shown[PM_SHOWN_MAX];
	if (errno != EINVAL)
		return pm_fail_sys(err, "set the owner %llu:%llu", (unsigned long long)e->uid,
				   (unsigned long long)e->gid);
	return pm_fail(
		err, EINVAL,
		"potentially insufficient UIDs or GIDs available in user namespace (requested "
		"%llu:%llu for /%s): check /etc/subuid and /etc/subgid, and give the user more "
		"subordinate ids with usermod --add-subuids and --add-subgids",
		(unsigned long long)e->uid, (unsigned long long)e->gid,
		pm_layer_shown(u->path.whole, shown));
}

/* base in dirfd, or dirfd itself when base is "". Not followed when it is a symlink. */
static int set_owner(struct pm_untar *u, int dirfd, const char *base, const struct pm_tar_entry *e,
		     struct pm_err *err)
{
	if (!u->opts.keep_owner)
		return 0;
	/* the last id means "leave as it is" to chown */
	errno = EINVAL;
	if (!u->opts.set_owner && (e->uid >= UINT32_MAX || e->gid >= UINT32_MAX))
		return fail_owner(u, e, err);
	uid_t uid = u->opts.set_owner ? u->opts.uid : (uid_t)e->uid;
	gid_t gid = u->opts.set_owner ? u->opts.gid : (gid_t)e->gid;
	int r = u->opts.owners ? u->opts.owners->map(u->opts.owners->arg, &uid, &gid, err) : 0;
	if (r < 0 || fchownat(dirfd, base, uid, gid, AT_SYMLINK_NOFOLLOW | (*base ? 0 : AT_EMPTY_PATH)) == 0)
		return r;
	return u->opts.set_owner ? pm_fail_sys(err, "set the owner %u:%u", uid, gid) : fail_owner(u, e, err);
}

static int set_xattrs(struct pm_untar *u, int fd, const struct pm_tar_entry *e, struct pm_err *err)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct pm_tar_xattr *x = &e->xattrs[i];
		if (!pm_tar_xattr_wanted(x->name)) {
			u->totals.skipped_xattrs++;
			continue;
		}
		if (fsetxattr(fd, x->name, x->value, x->len, 0) == 0)
			continue;
		if (errno != EPERM && errno != ENOTSUP && errno != EINVAL) {
			char shown[PM_SHOWN_MAX];
			return pm_fail_sys(err, "set xattr '%s'", pm_layer_shown(x->name, shown));
		}
		u->totals.skipped_xattrs++;
	}
	return 0;
}

static void times_of(const struct pm_tar_entry *e, struct timespec ret[2])
{
	ret[0] = ret[1] = (struct timespec){.tv_sec = e->mtime, .tv_nsec = e->mtime_ns};
}

/* --- replacing what an earlier entry made ----------------------------------------------------- */

enum replaced {
	REPLACED,          /* nothing is there any more */
	REPLACED_WHITEOUT, /* the same; it hid the lower layers' */
	KEPT_DIRECTORY,
};

/* The recipe gets what the tree base in dirfd holds, which is about to go. */
static int save_lost(struct pm_untar *u, int dirfd, const char *base, const struct stat *st,
		     unsigned int depth, struct pm_err *err)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	_cleanup_close_ int fd = openat(dirfd, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return pm_fail_sys(err, "open what is there");
	if (S_ISREG(st->st_mode)) {
		/* holes may be endless, and names of one file many: what came in is the measure */
		uint64_t size = (uint64_t)st->st_size;
		if (size > u->totals.bytes - u->lost)
			pm_recipe_give_up(u->recipe);
		else
			pm_recipe_lost(u->recipe, fd, st->st_ino, size);
		u->lost += size <= u->totals.bytes - u->lost ? size : 0;
		return 0;
	}
	if (depth >= REPLACED_DEPTH_MAX) {
		pm_recipe_give_up(u->recipe);
		return 0;
	}
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(fd, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct stat below;
		if (fstatat(fd, names.v[i], &below, AT_SYMLINK_NOFOLLOW) < 0)
			return pm_fail_sys(err, "look at what is there");
		r = save_lost(u, fd, names.v[i], &below, depth + 1, err);
	}
	return r;
}

static int replace(struct pm_untar *u, int dirfd, const char *base, bool want_dir,
		   struct pm_err *err)
{
	struct stat st;
	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "look at what is there");
	if (S_ISDIR(st.st_mode) && want_dir) {
		u->dirs.again = true;
		return KEPT_DIRECTORY;
	}
	if (u->opts.keep_kinds && want_dir)
		return pm_fail(err, ENOTDIR, "a directory cannot take the place of what is none");
	if (u->opts.keep_kinds && S_ISDIR(st.st_mode))
		return pm_fail(err, EISDIR, "only a directory can take the place of a directory");
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		pm_layer_dirs_forget(&u->dirs);
	int r = u->recipe ? save_lost(u, dirfd, base, &st, 0, err) : 0;
	if (r >= 0)
		r = pm_fs_remove_tree(dirfd, base, err);
	if (r < 0)
		return r;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) ? REPLACED_WHITEOUT : REPLACED;
}

/* replace() may have closed the directory it was given: opens it again. */
static int replace_in(struct pm_untar *u, const struct pm_layer_path *p, bool want_dir, int *dirfd,
		      struct pm_err *err)
{
	/* a copy: the cache may close the original while it is in use */
	_cleanup_close_ int held = fcntl(*dirfd, F_DUPFD_CLOEXEC, 3);
	if (held < 0)
		return pm_fail_sys(err, "duplicate a descriptor");
	int r = replace(u, held, p->base, want_dir, err);
	if (r < 0)
		return r;
	*dirfd = pm_layer_dirs_open(&u->dirs, p->parent, err);
	return *dirfd < 0 ? *dirfd : r;
}

/* A name of the archive: inside of it first, then below opts.below. */
static int set_path(const struct pm_untar *u, struct pm_layer_path *p, const char *name,
		    struct pm_err *err)
{
	int r = pm_layer_path_set(p, name, err);
	if (r < 0 || !u->opts.below || !*p->whole)
		return r;
	_cleanup_free_ char *whole = pm_asprintf("%s/%s", u->opts.below, p->whole);
	return pm_layer_path_set(p, whole, err);
}

/* --- entries by type -------------------------------------------------------------------------- */

/* The file is a mount point (a container's /etc/hosts): it cannot be replaced, but written. */
static int open_in_place(struct pm_untar *u, int dirfd, struct pm_err *err)
{
	struct stat st;
	u->file = openat(dirfd, u->path.base,
			 O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (u->file < 0)
		return pm_fail_sys(err, "open the mounted file");
	if (fstat(u->file, &st) < 0 || !S_ISREG(st.st_mode))
		return pm_fail(err, EBUSY, "a mount point that is not a regular file");
	if (ftruncate(u->file, 0) < 0)
		return pm_fail_sys(err, "empty the mounted file");
	u->in_place = true;
	return 0;
}

static int make_file(struct pm_untar *u, int dirfd, const struct pm_tar_entry *e,
		     struct pm_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	/* setting user xattrs needs the permission to write */
	u->made = e->n_xattrs ? 0600 : e->mode & 0777;
	u->in_place = false;
	u->file = openat(dirfd, u->path.base, flags, u->made);
	if (u->file < 0 && errno == EEXIST) {
		int r = replace_in(u, &u->path, false, &dirfd, err);
		if (r == -EBUSY)
			r = open_in_place(u, dirfd, err);
		else if (r >= 0)
			u->file = openat(dirfd, u->path.base, flags, u->made);
		if (r < 0)
			return r;
	}
	if (u->file < 0)
		return pm_fail_sys(err, "create");
	u->end = u->behind = 0;
	u->at_end = true;
	struct stat st;
	if (u->recipe && e->stored > 0) {
		if (fstat(u->file, &st) < 0)
			return pm_fail_sys(err, "look at the new file");
		pm_recipe_file(u->recipe, u->path.whole, st.st_ino);
	}
	return 0;
}

static int write_file(struct pm_untar *u, const char *data, size_t len, uint64_t offset,
		      struct pm_err *err)
{
	u->totals.bytes += len;
	u->at_end = u->at_end && offset == u->end;
	u->end = offset + len;
	while (len > 0) {
		ssize_t n = u->at_end ? write(u->file, data, len)
				      : pwrite(u->file, data, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "write");
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	if (u->at_end && u->end - u->behind >= write_behind) {
		/* a hint: what it cannot begin is for the sync to do, or to fail */
		(void)!sync_file_range(u->file, (off_t)u->behind, (off_t)(u->end - u->behind),
				       SYNC_FILE_RANGE_WRITE);
		u->behind = u->end;
	}
	return 0;
}

static int finish_file(struct pm_untar *u, const struct pm_tar_entry *e, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_steal_fd(&u->file);
	if (u->end < e->size && ftruncate(fd, (off_t)e->size) < 0)
		return pm_fail_sys(err, "extend to %llu bytes", (unsigned long long)e->size);
	if (u->in_place)
		return 0;
	/* in this order: chown clears setuid and capabilities */
	int r = set_owner(u, fd, "", e, err);
	if (r >= 0)
		r = set_xattrs(u, fd, e, err);
	if (r < 0)
		return r;
	if (e->mode != u->made && fchmod(fd, e->mode) < 0)
		return pm_fail_sys(err, "set the mode");
	struct timespec times[2];
	times_of(e, times);
	if (futimens(fd, times) < 0)
		return pm_fail_sys(err, "set the time");
	if (close(pm_steal_fd(&fd)) < 0 && errno != EINTR)
		return pm_fail_sys(err, "write");
	return 0;
}

static int make_dir(struct pm_untar *u, int dirfd, const struct pm_tar_entry *e, struct pm_err *err)
{
	/* its files must be made before its mode may forbid that */
	mode_t made = (e->mode & 0777) | 0700;
	const char *base = u->path.base;
	bool fresh = true;
	if (!*base) {
		u->totals.has_root = true;
		fresh = false;
		base = ".";
	} else if (mkdirat(dirfd, base, made) < 0) {
		if (errno != EEXIST)
			return pm_fail_sys(err, "make the directory");
		int r = replace_in(u, &u->path, true, &dirfd, err);
		if (r < 0)
			return r;
		if (r != KEPT_DIRECTORY && mkdirat(dirfd, base, made) < 0)
			return pm_fail_sys(err, "make the directory");
		if (r == REPLACED_WHITEOUT && pm_layer_make_opaque(dirfd, base) < 0)
			return pm_fail_sys(err, "make the directory opaque");
		fresh = r != KEPT_DIRECTORY;
	}

	_cleanup_close_ int fd =
		openat(dirfd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_fail_sys(err, "open the directory");
	int r = set_owner(u, fd, "", e, err);
	if (r >= 0)
		r = set_xattrs(u, fd, e, err);
	if (r < 0)
		return r;
	struct pm_deferred_dir later = {
		.ino = st.st_ino,
		.mtime = {.tv_sec = e->mtime, .tv_nsec = e->mtime_ns},
		.mode = e->mode,
		.set_mode = !fresh || e->mode != made || (st.st_mode & S_ISGID),
	};
	r = pm_layer_dirs_defer(&u->dirs, u->path.whole, &later, err);
	if (r >= 0 && *u->path.base && fresh)
		pm_layer_dirs_keep(&u->dirs, u->path.whole, pm_steal_fd(&fd));
	return r;
}

static int make_link(struct pm_untar *u, int dirfd, const struct pm_tar_entry *e,
		     struct pm_err *err)
{
	char shown[PM_SHOWN_MAX];
	int r = set_path(u, &u->target, e->link, err);
	if (r < 0)
		return pm_wrap(err, "hard link");
	if (pm_streq(u->target.whole, u->path.whole))
		return 0;
	/* through the textual name, never following a symlink at its end. The cache may close dirfd
	 * while it opens the other. */
	_cleanup_close_ int held = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (held < 0)
		return pm_fail_sys(err, "duplicate a descriptor");
	_cleanup_close_ int from =
		pm_fs_open_in(u->opts.rootfd, *u->target.parent ? u->target.parent : ".",
			      O_PATH | O_DIRECTORY, 0, NULL);
	if (from < 0) {
		errno = -from;
		goto fail;
	}
	const char *base = *u->target.base ? u->target.base : ".";
	if (linkat(from, base, held, u->path.base, 0) == 0)
		return 0;
	if (errno != EEXIST)
		goto fail;
	/* what is replaced must not be the target's own directory */
	struct stat st;
	if (fstatat(from, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		goto fail;
	r = replace(u, held, u->path.base, false, err);
	if (r < 0)
		return r;
	if (linkat(from, base, held, u->path.base, 0) == 0)
		return 0;
fail:
	return pm_fail_sys(err, "hard link to '%s'", pm_layer_shown(e->link, shown));
}

static int make_symlink(struct pm_untar *u, int dirfd, const struct pm_tar_entry *e,
			struct pm_err *err)
{
	if (!*e->link)
		return pm_fail(err, PM_E_FORMAT, "a symbolic link to nothing");
	if (symlinkat(e->link, dirfd, u->path.base) < 0) {
		if (errno != EEXIST)
			return pm_fail_sys(err, "make the symbolic link");
		int r = replace_in(u, &u->path, false, &dirfd, err);
		if (r < 0)
			return r;
		if (symlinkat(e->link, dirfd, u->path.base) < 0)
			return pm_fail_sys(err, "make the symbolic link");
	}
	u->totals.skipped_xattrs += e->n_xattrs;
	int r = set_owner(u, dirfd, u->path.base, e, err);
	if (r < 0)
		return r;
	struct timespec times[2];
	times_of(e, times);
	if (utimensat(dirfd, u->path.base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "set the time");
	return 0;
}

/* FIFOs and devices. */
static int make_node(struct pm_untar *u, int dirfd, const struct pm_tar_entry *e,
		     struct pm_err *err)
{
	mode_t kind = S_IFIFO;
	dev_t dev = 0;
	if (e->type != PM_TAR_FIFO) {
		kind = e->type == PM_TAR_CHAR ? S_IFCHR : S_IFBLK;
		dev = makedev(e->dev_major, e->dev_minor);
		/* 0:0 is what overlay takes for a whiteout: it has its own notation in layers */
		if (!u->opts.devices || dev == makedev(0, 0)) {
			u->totals.skipped_devices++;
			return 0;
		}
	}
	if (mknodat(dirfd, u->path.base, kind | (e->mode & 0777), dev) < 0) {
		if (errno != EEXIST)
			return pm_fail_sys(err, "make the device or FIFO");
		int r = replace_in(u, &u->path, false, &dirfd, err);
		if (r < 0)
			return r;
		if (mknodat(dirfd, u->path.base, kind | (e->mode & 0777), dev) < 0)
			return pm_fail_sys(err, "make the device or FIFO");
	}
	u->totals.skipped_xattrs += e->n_xattrs;
	int r = set_owner(u, dirfd, u->path.base, e, err);
	if (r < 0)
		return r;
	struct timespec times[2];
	times_of(e, times);
	/* made just now by this process, so it is no symlink that fchmodat would follow; who puts one
	 * there leads it no further than the root that this process has */
	if (((e->mode & 07000) && fchmodat(dirfd, u->path.base, e->mode, 0) < 0) ||
	    utimensat(dirfd, u->path.base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "set mode and time");
	return 0;
}

/* A whiteout hides what lower layers have; what this layer has of the name stays. */
static int make_whiteout(struct pm_untar *u, int dirfd, struct pm_err *err)
{
	const char *name = u->path.base + strlen(WHITEOUT);
	if (pm_streq(u->path.base, WHITEOUT_OPAQUE)) {
		if (pm_layer_make_opaque(dirfd, ".") < 0)
			return pm_fail_sys(err, "make the directory opaque");
		return 0;
	}
	if (pm_startswith(u->path.base, WHITEOUT_META))
		return 0; /* what aufs kept for itself */
	if (!*name || pm_streq(name, ".") || pm_streq(name, ".."))
		return pm_fail(err, PM_E_FORMAT, "a whiteout of nothing");
	if (u->opts.whiteouts == PM_WHITEOUT_FILE) {
		_cleanup_close_ int fd = openat(dirfd, u->path.base,
						O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		return fd < 0 ? pm_fail_sys(err, "make the whiteout") : 0;
	}
	if (mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	struct stat st;
	if (errno != EEXIST || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "make the whiteout");
	if (S_ISDIR(st.st_mode) && pm_layer_make_opaque(dirfd, name) < 0)
		return pm_fail_sys(err, "make the directory opaque");
	return 0;
}

/* --- the stream ------------------------------------------------------------------------------- */

static int start_entry(struct pm_untar *u, const struct pm_tar_entry *e, struct pm_err *err)
{
	if (++u->totals.entries > u->opts.max_entries)
		return pm_fail(err, PM_E_FORMAT, "the layer has more than %llu entries",
			       (unsigned long long)u->opts.max_entries);
	if (e->type == PM_TAR_FILE && (u->totals.bytes > u->opts.max_bytes ||
				       e->stored > u->opts.max_bytes - u->totals.bytes))
		return pm_fail(
			err, ENOSPC,
			"No space left on device: the layer needs more than the %llu bytes free",
			(unsigned long long)u->opts.max_bytes);
	int r = set_path(u, &u->path, e->path, err);
	if (r < 0)
		return r;
	if (!*u->path.base && u->opts.below && e->type == PM_TAR_DIR)
		return 0;
	if (!*u->path.base && e->type != PM_TAR_DIR)
		return pm_fail(err, PM_E_FORMAT, "the layer's own directory as something else");
	bool layer = u->opts.whiteouts != PM_WHITEOUT_NONE;
	if (layer && pm_startswith(u->path.whole, WHITEOUT_META) && strchr(u->path.whole, '/'))
		return 0; /* what aufs kept for itself */

	int dirfd = pm_layer_dirs_open(&u->dirs, u->path.parent, err);
	if (dirfd < 0)
		return dirfd;
	if (layer && pm_startswith(u->path.base, WHITEOUT))
		return make_whiteout(u, dirfd, err);
	switch (e->type) {
	case PM_TAR_FILE:
		return make_file(u, dirfd, e, err);
	case PM_TAR_DIR:
		return make_dir(u, dirfd, e, err);
	case PM_TAR_HARDLINK:
		return make_link(u, dirfd, e, err);
	case PM_TAR_SYMLINK:
		return make_symlink(u, dirfd, e, err);
	case PM_TAR_CHAR:
	case PM_TAR_BLOCKDEV:
	case PM_TAR_FIFO:
		return make_node(u, dirfd, e, err);
	}
	return pm_fail(err, PM_E_INTERNAL, "an entry of type %d", (int)e->type);
}

int pm_untar_push(struct pm_untar *u, const void *data, size_t len, struct pm_err *err)
{
	pm_tar_reader_input(u->tar, data, len);
	int event;
	while ((event = pm_tar_reader_next(u->tar, err)) > PM_TAR_MORE) {
		const struct pm_tar_entry *e = pm_tar_reader_entry(u->tar);
		int r = 0;
		if (event == PM_TAR_ENTRY) {
			r = start_entry(u, e, err);
		} else if (event == PM_TAR_DATA && u->file >= 0) {
			size_t n;
			uint64_t offset;
			const void *piece = pm_tar_reader_data(u->tar, &n, &offset);
			r = write_file(u, piece, n, offset, err);
			if (u->recipe)
				pm_recipe_data(u->recipe, offset, n);
		} else if (event == PM_TAR_DATA && u->recipe) {
			/* of a whiteout: kept nowhere else */
			size_t n;
			uint64_t offset;
			const void *piece = pm_tar_reader_data(u->tar, &n, &offset);
			pm_recipe_raw(u->recipe, piece, n);
		} else if (event == PM_TAR_DONE && u->file >= 0) {
			r = finish_file(u, e, err);
		}
		if (r < 0) {
			char shown[PM_SHOWN_MAX];
			return pm_wrap(err, "extract '%s'", pm_layer_shown(e->path, shown));
		}
	}
	int r = event >= 0 && u->recipe ? pm_recipe_check(u->recipe, err) : 0;
	return r < 0 ? r : event;
}

int pm_untar_finish(struct pm_untar *u, struct pm_untar_totals *ret, struct pm_err *err)
{
	int r = pm_tar_reader_end(u->tar, err);
	if (r >= 0 && u->recipe)
		r = pm_recipe_finish(u->recipe, err);
	if (r >= 0)
		r = pm_layer_dirs_finish(&u->dirs, err);
	if (r >= 0)
		*ret = u->totals;
	return r;
}
