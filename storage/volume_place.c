#include "storage/volume_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "storage/stage.h"

/* PLACE/.pm-ID; PM_E_INTERNAL for what is no place. */
static int own_dir(struct pm_store *s, const char *place, char **ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT id FROM volume_places WHERE path=?", "s", place);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r == 0)
		return pm_fail(err, PM_E_INTERNAL, "'%s' is no place of volumes", place);
	if (r < 0)
		return r;
	*ret = pm_asprintf("%s/.pm-%s", place, pm_stmt_str(q, 0));
	return 0;
}

static int register_place(struct pm_store *s, const char *place, struct pm_err *err)
{
	char id[17];
	pm_random_hex(8, id);
	int r = pm_db_begin(s->db, true, err);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "INSERT OR IGNORE INTO volume_places(path, id) VALUES(?, ?)",
			       "ss", place, id);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r < 0 ? r : 0;
}

static int is_in_use(struct pm_store *s, const char *place, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT 1 FROM volumes WHERE place=? LIMIT 1", "s", place);
	return r < 0 ? r : pm_stmt_step(q, err);
}

bool pm_volume_place_there(struct pm_store *s, const char *place)
{
	_cleanup_free_ char *own = NULL;
	return own_dir(s, place, &own, NULL) == 0 && access(own, F_OK) == 0;
}

int pm_volume_place_use(struct pm_store *s, const char *path, char **ret, struct pm_err *err)
{
	if (*path != '/')
		return pm_fail(err, PM_E_USAGE, "the volume path '%s' must be an absolute path", path);
	if (strlen(path) > PATH_MAX / 2)
		return pm_fail(err, PM_E_USAGE, "the volume path is too long");
	_cleanup_free_ char *place = pm_path_clean(path), *own = NULL;
	_cleanup_free_ char *usual = pm_store_path(s, "volumes");
	if (pm_streq(place, usual)) {
		*ret = NULL;
		return 0;
	}
	int r = own_dir(s, place, &own, NULL);
	if (r == -PM_E_INTERNAL) {
		r = register_place(s, place, err);
		if (r >= 0)
			r = own_dir(s, place, &own, err);
	}
	if (r >= 0 && access(own, F_OK) < 0) {
		/* an empty directory where a file system used to be mounted must not become the place */
		r = is_in_use(s, place, err);
		if (r > 0)
			return pm_fail(err, ENOENT,
				       "the volume path '%s' has volumes of this store, but they are not there: is its "
				       "file system mounted?", place);
		_cleanup_free_ char *volumes = pm_path_join(own, "volumes");
		_cleanup_free_ char *trash = pm_path_join(own, "trash");
		if (r >= 0)
			r = pm_fs_mkdirs(AT_FDCWD, volumes, 0700, err);
		if (r >= 0)
			r = pm_fs_mkdirs(AT_FDCWD, trash, 0700, err);
	}
	if (r < 0)
		return pm_wrap(err, "volume path");
	*ret = pm_steal(&place);
	return 0;
}

int pm_volume_place_claim(struct pm_store *s, const char *place, const char *name,
			  struct pm_err *err)
{
	_cleanup_free_ char *own = NULL;
	int r = own_dir(s, place, &own, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *mark = pm_asprintf("%s/volumes/%s", own, name);
	_cleanup_free_ char *dir = pm_path_join(place, name);
	if (access(mark, F_OK) == 0)
		return 0;
	if (faccessat(AT_FDCWD, dir, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return pm_fail(err, PM_E_EXISTS,
			       "%s exists already and is not of this store: choose another name, or another volume path",
			       dir);
	return pm_fs_write_file(AT_FDCWD, mark, "", 0, 0600, false, err);
}

int pm_volume_place_release(struct pm_store *s, const char *place, const char *name,
			    struct pm_err *err)
{
	_cleanup_free_ char *own = NULL;
	int r = own_dir(s, place, &own, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *mark = pm_asprintf("%s/volumes/%s", own, name);
	if (unlink(mark) < 0 && errno != ENOENT)
		return pm_fail_sys(err, "remove '%s'", mark);
	return 0;
}

int pm_volume_place_trash(struct pm_store *s, struct pm_stage *st, const char *place, const char *name,
			  struct pm_err *err)
{
	char random[33];
	_cleanup_free_ char *own = NULL;
	int r = own_dir(s, place, &own, err);
	if (r < 0)
		return r;
	pm_random_hex(16, random);
	_cleanup_free_ char *to = pm_asprintf("%s/trash/%s", own, random);
	_cleanup_free_ char *dir = pm_path_join(place, name);
	if (rename(dir, to) == 0)
		r = pm_trash_add_far(st, to, err);
	else if (errno != ENOENT)
		r = pm_fail_sys(err, "move '%s' to the trash", dir);
	return r < 0 ? r : pm_volume_place_release(s, place, name, err);
}

int pm_volume_places(struct pm_store *s, struct pm_strv *ret_paths, struct pm_strv *ret_own,
		     struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT path, id FROM volume_places ORDER BY path", "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		pm_strv_add(ret_paths, pm_stmt_str(q, 0));
		pm_strv_addf(ret_own, "%s/.pm-%s", pm_stmt_str(q, 0), pm_stmt_str(q, 1));
	}
	return r < 0 ? r : 0;
}

int pm_volume_places_sweep(struct pm_store *s, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT, own = PM_STRV_INIT;
	_cleanup_stage_ struct pm_stage *st = NULL;
	int r = pm_volume_places(s, &paths, &own, err);
	for (size_t i = 0; r >= 0 && i < own.n; i++) {
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
		_cleanup_free_ char *trash = pm_path_join(own.v[i], "trash");
		if (access(trash, F_OK) < 0) /* not mounted now */
			continue;
		r = pm_fs_list(AT_FDCWD, trash, &names, err);
		for (size_t k = 0; r >= 0 && k < names.n; k++) {
			_cleanup_free_ char *path = pm_path_join(trash, names.v[k]);
			r = st ? 0 : pm_stage_new(s, &st, err);
			if (r >= 0)
				r = pm_trash_add_far(st, path, err);
		}
	}
	return r < 0 ? r : 0;
}

int pm_volume_place_destroy(const char *place, const char *own, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *volumes = pm_path_join(own, "volumes");
	if (access(volumes, F_OK) < 0)
		return 0;
	int r = pm_fs_list(AT_FDCWD, volumes, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *dir = pm_path_join(place, names.v[i]);
		r = pm_fs_remove_tree(AT_FDCWD, dir, err);
	}
	if (r >= 0)
		r = pm_fs_remove_tree(AT_FDCWD, own, err);
	if (r >= 0)
		rmdir(place); /* when nothing of others is in it */
	return r;
}
