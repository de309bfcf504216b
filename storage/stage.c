#include "storage/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/log.h"
#include "storage/orphans.h"
#include "storage/trash.h"

static int make_stage(struct pm_stage *st, struct pm_err *err)
{
	if (mkdirat(st->root_fd, st->name, 0700) < 0)
		return pm_fail_sys(err, "make '%s'", st->path);
	st->dir_fd = pm_fs_open(st->root_fd, st->name, O_RDONLY | O_DIRECTORY, 0, err);
	if (st->dir_fd < 0)
		return st->dir_fd;
	st->lock_fd = pm_lock_take(st->dir_fd, "lock", PM_LOCK_EXCLUSIVE, err);
	return st->lock_fd < 0 ? st->lock_fd : 0;
}

int pm_stage_new(struct pm_store *s, struct pm_stage **ret, struct pm_err *err)
{
	_cleanup_close_ int staging = pm_store_dir(s, "staging", err);
	if (staging < 0)
		return staging;
	/* a sweeper looks under the exclusive lock: it sees the stage with its lock or not at all */
	_cleanup_close_ int guard = pm_lock_take(staging, ".", PM_LOCK_SHARED, err);
	if (guard < 0)
		return guard;

	char random[33];
	pm_random_hex(16, random);
	_cleanup_stage_ struct pm_stage *st = PM_NEW(struct pm_stage);
	st->root_fd = s->root_fd;
	st->dir_fd = st->lock_fd = -1;
	st->name = pm_asprintf("staging/%s", random);
	st->path = pm_store_path(s, st->name);
	int r = make_stage(st, err);
	if (r < 0)
		return r;
	*ret = pm_steal(&st);
	return 0;
}

/* Rename at/path to trash/<random>, which goes to ret_name. 1: moved, 0: it was not there. */
static int to_trash(int root_fd, int at, const char *path, char ret_name[64], struct pm_err *err)
{
	char random[33];
	pm_random_hex(16, random);
	snprintf(ret_name, 64, "trash/%s", random);
	for (int tries = 0;; tries++) {
		if (renameat(at, path, root_fd, ret_name) == 0)
			return 1;
		if (errno != ENOENT)
			return pm_fail_sys(err, "move '%s' to the trash", path);
		if (tries)
			return 0;
		if (mkdirat(root_fd, "trash", 0700) < 0 && errno != EEXIST)
			return pm_fail_sys(err, "make the trash directory");
	}
}

void pm_stage_free(struct pm_stage *st)
{
	if (!st)
		return;
	char name[64];
	struct pm_err err = PM_ERR_INIT;
	if (st->dir_fd >= 0) {
		int r = to_trash(st->root_fd, st->root_fd, st->name, name, &err);
		if (r == 1)
			r = pm_fs_remove_tree(st->root_fd, name, &err);
		if (r < 0)
			pm_debug("left to the next sweep: %s", err.text);
		close(st->dir_fd);
	}
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	free(st->name);
	free(st->path);
	free(st);
}

int pm_stage_layer(struct pm_stage *st, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *diff = pm_asprintf("%s/diff", name);
	int r = pm_fs_mkdirs(st->dir_fd, name, 0700, err);
	if (r == 0)
		r = pm_fs_mkdirs(st->dir_fd, diff, 0755, err);
	if (r < 0)
		return r;
	return pm_fs_open(st->dir_fd, diff, O_RDONLY | O_DIRECTORY, 0, err);
}

int pm_stage_recipe(struct pm_stage *st, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_asprintf("%s/recipe", name);
	return pm_fs_open(st->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
}

int pm_trash_dir(struct pm_store *s, int dirfd, const char *path, struct pm_err *err)
{
	char name[64];
	int r = pm_store_need_dirs(s, err);
	if (r == 0)
		r = to_trash(s->root_fd, dirfd, path, name, err);
	return r < 0 ? r : 0;
}

int pm_trash_add_far(struct pm_stage *st, const char *path, struct pm_err *err)
{
	char random[33], to[64];
	pm_random_hex(16, random);
	snprintf(to, sizeof(to), "trash/" PM_TRASH_FAR "%s", random);
	if ((mkdirat(st->dir_fd, random, 0700) < 0) ||
	    (mkdirat(st->root_fd, "trash", 0700) < 0 && errno != EEXIST))
		return pm_fail_sys(err, "make an entry of the trash");
	_cleanup_free_ char *link = pm_path_join(random, "path");
	if (symlinkat(path, st->dir_fd, link) < 0 || renameat(st->dir_fd, random, st->root_fd, to) < 0)
		return pm_fail_sys(err, "make an entry of the trash for %s", path);
	return 0;
}

/* Is there anything in root_fd/name, a directory of directories? Their number is in its link count,
 * but for file systems that do not count (btrfs: always 1). */
static bool may_have_entries(int root_fd, const char *name)
{
	struct stat st;
	return fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink != 2;
}

/* Stages whose owner is dead go to the trash. Returns their number. */
static int trash_abandoned(int root_fd, bool only_count, struct pm_err *err)
{
	if (!may_have_entries(root_fd, "staging"))
		return 0;
	_cleanup_close_ int dir = pm_lock_try(root_fd, "staging", PM_LOCK_EXCLUSIVE, err);
	if (dir < 0)
		return dir == -EAGAIN ? 0 : dir; /* a stage is being made, or swept by another */
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(dir, ".", &names, err);
	int count = 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *lock = pm_asprintf("%s/lock", names.v[i]);
		char to[64];
		r = pm_lock_is_held(dir, lock, err);
		if (r != 0)
			continue;
		count++;
		if (!only_count)
			r = to_trash(root_fd, dir, names.v[i], to, err);
	}
	return r < 0 ? r : count;
}

static int empty_trash(int root_fd, bool *ret_left, struct pm_err *err)
{
	if (!may_have_entries(root_fd, "trash"))
		return 0;
	_cleanup_close_ int dir = pm_lock_try(root_fd, "trash", PM_LOCK_EXCLUSIVE, err);
	if (dir < 0)
		return dir == -EAGAIN ? 0 : dir;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int first = pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; i < names.n; i++) {
		int r = pm_trash_remove(dir, names.v[i], first ? NULL : err);
		if (r == -EACCES || r == -EPERM)
			*ret_left = true;
		else if (r < 0 && !first)
			first = r;
	}
	return first;
}

int pm_sweep_at(int root_fd, bool *ret_left, struct pm_err *err)
{
	bool left = false;
	int r = trash_abandoned(root_fd, false, err);
	if (r >= 0)
		r = empty_trash(root_fd, &left, err);
	if (ret_left)
		*ret_left = left;
	return r < 0 ? r : 0;
}

/* More directories in root/name than rows? Where a file system does not count them: no. */
static bool surplus(struct pm_store *s, const char *name, const char *sql)
{
	struct stat st;
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	return s->db && fstatat(s->root_fd, name, &st, 0) == 0 && st.st_nlink > 2 &&
	       pm_db_query(s->db, &q, NULL, sql, "") == 0 && pm_stmt_step(q, NULL) == 1 &&
	       (int64_t)st.st_nlink - 2 > pm_stmt_int(q, 0);
}

int pm_sweep(struct pm_store *s, bool *ret_left, struct pm_err *err)
{
	if (ret_left)
		*ret_left = false;
	int r = pm_store_need_dirs(s, err);
	if (r < 0)
		return r;
	/* Whoever changes what the database does not see in one step has a stage meanwhile. It is the
	 * mark that a directory without a row may be left, so it goes after that was looked for. */
	r = trash_abandoned(s->root_fd, true, err);
	if (r > 0 || surplus(s, "containers", "SELECT count(*) FROM containers") ||
	    surplus(s, "layers", "SELECT count(*) FROM layers"))
		r = r < 0 ? r : pm_orphans_sweep(s, err);
	if (r < 0)
		return r;
	return pm_sweep_at(s->root_fd, ret_left, err);
}
