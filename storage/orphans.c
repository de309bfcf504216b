#include "storage/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/quota.h"
#include "storage/stage.h"
#include "storage/volume_place.h"

static int has_row(struct pm_store *s, const char *sql, const char *name, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "s", name);
	return r < 0 ? r : pm_stmt_step(q, err);
}

static const char layer_row[] = "SELECT 1 FROM layers WHERE chain_id=?";
static const char ctr_row[] = "SELECT 1 FROM containers WHERE id=?";
static const char secret_row[] = "SELECT 1 FROM secrets WHERE id=?";
static const char volume_row[] = "SELECT 1 FROM volumes WHERE name=?";

int pm_orphans_layers(struct pm_store *s, const struct pm_strv *chain_ids, struct pm_err *err)
{
	if (chain_ids->n == 0)
		return 0;
	_cleanup_close_ int dir = pm_store_dir(s, "layers", err);
	if (dir < 0)
		return dir;
	int r = pm_db_begin(s->db, false, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < chain_ids->n; i++) {
		r = has_row(s, layer_row, chain_ids->v[i], err);
		if (r == 0)
			r = pm_trash_dir(s, dir, chain_ids->v[i], err);
	}
	pm_db_rollback(s->db); /* nothing was changed: it was for the lock */
	return r < 0 ? r : 0;
}

/* Take away the directory path of a volume that nobody put anything into. */
static int remove_empty(struct pm_store *s, const char *path, struct pm_err *err)
{
	static const char *const parts[] = {"/_data", "/upper", "/work", ""};
	for (size_t i = 0; i < PM_ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *part = pm_asprintf("%s%s", path, parts[i]);
		if (unlinkat(s->root_fd, part, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		return errno == ENOTEMPTY || errno == EEXIST ? 0
							      : pm_fail_sys(err, "remove '%s'", part);
	}
	return 0;
}

static int remove_file(struct pm_store *s, const char *path, struct pm_err *err)
{
	if (unlinkat(s->root_fd, path, 0) < 0 && errno != ENOENT)
		return pm_fail_sys(err, "remove '%s'", path);
	return 0;
}

static int trash(struct pm_store *s, const char *path, struct pm_err *err)
{
	return pm_trash_dir(s, s->root_fd, path, err);
}

/* What lies in where of objects that have a lock each. list: the directory that has their names, where it
 * is another (of a place of volumes). */
static int sweep_locked(struct pm_store *s, const char *list, const char *where, const char *kind,
			const char *sql,
			int (*remove_one)(struct pm_store *, const char *, struct pm_err *),
			struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(s->root_fd, list ? list : where, &names, err);
	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		r = has_row(s, sql, names.v[i], err);
		if (r != 0)
			continue;
		_cleanup_close_ int lock =
			pm_store_lock(s, kind, names.v[i], PM_LOCK_EXCLUSIVE, false, err);
		if (lock < 0) {
			r = lock == -EAGAIN ? 0 : lock;
			continue;
		}
		r = has_row(s, sql, names.v[i], err); /* now that nobody is making it */
		if (r != 0)
			continue;
		_cleanup_free_ char *path = pm_asprintf("%s/%s", where, names.v[i]);
		r = remove_one(s, path, err);
		if (r >= 0 && list && faccessat(s->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			r = pm_volume_place_release(s, where, names.v[i], err);
	}
	return r < 0 ? r : 0;
}

static int sweep_places(struct pm_store *s, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT, own = PM_STRV_INIT;
	int r = pm_volume_places(s, &paths, &own, err);
	for (size_t i = 0; r >= 0 && i < paths.n; i++) {
		_cleanup_free_ char *list = pm_path_join(own.v[i], "volumes");
		r = sweep_locked(s, list, paths.v[i], "volume", volume_row, remove_empty, err);
	}
	return r < 0 ? r : pm_volume_places_sweep(s, err);
}

int pm_orphans_sweep(struct pm_store *s, struct pm_err *err)
{
	int r = pm_store_need_db(s, err);
	if (r < 0)
		return r;
	_cleanup_strv_ struct pm_strv layers = PM_STRV_INIT, odd = PM_STRV_INIT;
	r = pm_fs_list(s->root_fd, "layers", &layers, err);
	if (r == -ENOENT)
		r = 0;
	/* most have their row: the write lock is for the others */
	for (size_t i = 0; r >= 0 && i < layers.n; i++) {
		r = has_row(s, layer_row, layers.v[i], err);
		if (r == 0)
			pm_strv_add(&odd, layers.v[i]);
	}
	if (r >= 0)
		r = pm_orphans_layers(s, &odd, err);
	if (r >= 0)
		r = sweep_locked(s, NULL, "containers", "container", ctr_row, trash, err);
	if (r >= 0)
		r = sweep_locked(s, NULL, "volumes", "volume", volume_row, remove_empty, err);
	if (r >= 0)
		r = sweep_places(s, err);
	if (r >= 0)
		r = sweep_locked(s, NULL, "secrets", "secret", secret_row, remove_file, err);
	return r < 0 ? r : pm_quota_sweep(s, err);
}
