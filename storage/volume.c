#include "storage/volume.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/quota.h"
#include "storage/stage.h"
#include "storage/volume_place.h"

void pm_volume_row_free(struct pm_volume_row *row)
{
	free(row->name);
	free(row->driver);
	free(row->labels);
	free(row->options);
	free(row->place);
	free(row->image);
	*row = (struct pm_volume_row){0};
}

void pm_volume_list_free(struct pm_volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_volume_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_volume_list){0};
}

char *pm_volume_dir(const struct pm_store *s, const struct pm_volume_row *row)
{
	_cleanup_free_ char *usual = row->place ? NULL : pm_store_path(s, "volumes");
	return pm_path_join(row->place ? row->place : usual, row->name);
}

char *pm_volume_path(const struct pm_store *s, const struct pm_volume_row *row)
{
	_cleanup_free_ char *dir = pm_volume_dir(s, row);
	return pm_path_join(dir, "_data");
}

int pm_volume_path_of(struct pm_store *s, const char *name, char **ret, struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	int r = pm_volume_get(s, name, &row, err);
	if (r < 0)
		return r;
	*ret = pm_volume_path(s, &row);
	return 0;
}

static int check_name(const char *name, struct pm_err *err)
{
	if (!*name || name[0] == '.' || strchr(name, '/') || strlen(name) > 200)
		return pm_fail(err, PM_E_USAGE, "volume name '%s' is invalid", name);
	return 0;
}

static int insert(struct pm_store *s, const struct pm_volume_row *row, struct pm_err *err)
{
	bool own = !pm_db_in_transaction(s->db);
	int r = own ? pm_db_begin(s->db, !row->anon, err) : 0;
	if (r >= 0)
		r = pm_db_exec(s->db, err,
			       "INSERT INTO volumes(name, driver, labels, options, created, anon, place)"
			       " VALUES(?, ?, ?, ?, ?, ?, ?)",
			       "ssssiis", row->name, row->driver ? row->driver : "local", row->labels,
			       row->options, row->created, (int64_t)row->anon, row->place);
	if (r >= 0 && row->image)
		r = pm_db_exec(s->db, err, "INSERT INTO volume_images(volume, image) VALUES(?, ?)",
			       "ss", row->name, row->image);
	if (r == -PM_E_INUSE)
		r = pm_fail(err, PM_E_NOSUCH, "%s: image not known", row->image);
	if (r >= 0 && own)
		r = pm_db_commit(s->db, err);
	if (own)
		pm_db_rollback(s->db);
	return r;
}

/* The name may be taken by a volume that lies elsewhere: then nothing is made. */
static int claim(struct pm_store *s, const struct pm_volume_row *row, struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row have = {0};
	int r = pm_volume_get(s, row->name, &have, NULL);
	if (r == -PM_E_NOSUCH)
		return row->place ? pm_volume_place_claim(s, row->place, row->name, err) : 0;
	return r < 0 ? pm_volume_get(s, row->name, &have, err) :
		       pm_fail(err, PM_E_EXISTS, "volume with name %s already exists: volume already exists",
			       row->name);
}

int pm_volume_insert(struct pm_store *s, const struct pm_volume_row *row, struct pm_err *err)
{
	int r = check_name(row->name, err);
	if (r < 0)
		return r;
	/* from before the directory until after the row, or a sweep would take it for an orphan */
	_cleanup_close_ int lock = pm_store_lock(s, "volume", row->name, PM_LOCK_EXCLUSIVE, true, err);
	if (lock < 0)
		return lock;
	_cleanup_free_ char *dir = pm_volume_dir(s, row);
	static const char *const parts[] = {"_data", "upper", "work"};
	r = claim(s, row, err);
	if (r >= 0)
		r = pm_fs_mkdirs(AT_FDCWD, dir, 0700, err);
	for (size_t i = 0; r >= 0 && i < (row->image ? PM_ARRAY_SIZE(parts) : 1); i++) {
		_cleanup_free_ char *part = pm_path_join(dir, parts[i]);
		r = pm_fs_mkdirs(AT_FDCWD, part, 0755, err);
	}
	if (r >= 0)
		r = insert(s, row, err);
	return r < 0 ? r : 0;
}

#define VOLUME_COLUMNS                                                                             \
	"SELECT name, driver, labels, options, created, anon,"                                     \
	" (SELECT image FROM volume_images WHERE volume = name), place FROM volumes "

static void read_volume(struct pm_stmt *q, struct pm_volume_row *row)
{
	*row = (struct pm_volume_row){
		.name = pm_strdup(pm_stmt_str(q, 0)),
		.driver = pm_strdup(pm_stmt_str(q, 1)),
		.labels = pm_strdup_null(pm_stmt_str(q, 2)),
		.options = pm_strdup_null(pm_stmt_str(q, 3)),
		.created = pm_stmt_int(q, 4),
		.anon = pm_stmt_int(q, 5) != 0,
		.image = pm_strdup_null(pm_stmt_str(q, 6)),
		.place = pm_strdup_null(pm_stmt_str(q, 7)),
	};
}

int pm_volume_get(struct pm_store *s, const char *name, struct pm_volume_row *ret,
		  struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, VOLUME_COLUMNS "WHERE name = ?", "s", name);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "no volume with name \"%s\" found: no such volume",
			       name);
	if (r < 0)
		return r;
	read_volume(q, ret);
	return 0;
}

int pm_volume_find(struct pm_store *s, const char *name, struct pm_volume_row *ret,
		   struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	int r = pm_volume_get(s, name, ret, &why);
	if (r != -PM_E_NOSUCH || !*name)
		return r < 0 ? pm_fail(err, why.code, "%s", why.text) : r;
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	r = pm_db_query(s->db, &q, err,
			VOLUME_COLUMNS "WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name LIMIT 2",
			"s", name);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r == 0)
		return pm_fail(err, why.code, "%s", why.text);
	if (r < 0)
		return r;
	read_volume(q, &row);
	r = pm_stmt_step(q, err);
	if (r > 0)
		return pm_fail(err, PM_E_AMBIGUOUS,
			       "more than one result for volume name \"%s\": be more specific", name);
	if (r < 0)
		return r;
	*ret = row;
	row = (struct pm_volume_row){0};
	return 0;
}

bool pm_volume_used(const struct pm_store *s, const struct pm_volume_row *row)
{
	_cleanup_free_ char *dir = pm_volume_dir(s, row), *mark = pm_path_join(dir, PM_VOLUME_USED);
	return access(mark, F_OK) == 0;
}

int pm_volume_list(struct pm_store *s, struct pm_volume_list *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_volume_list_ struct pm_volume_list l = {0};
	int r = pm_db_query(s->db, &q, err, VOLUME_COLUMNS "ORDER BY name", "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		l.v = pm_reallocarray(l.v, l.n + 1, sizeof(*l.v));
		read_volume(q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_volume_list){0};
	return 0;
}

int pm_volume_users(struct pm_store *s, const char *name, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT container FROM container_volumes WHERE volume=? ORDER BY container",
			    "s", name);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(ret, pm_stmt_str(q, 0));
	return r;
}

int pm_volume_remove(struct pm_store *s, const char *name, struct pm_err *err)
{
	int r = check_name(name, err);
	if (r < 0)
		return r;
	_cleanup_close_ int lock = pm_store_lock(s, "volume", name, PM_LOCK_EXCLUSIVE, true, err);
	if (lock < 0)
		return lock;
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	_cleanup_stage_ struct pm_stage *st = NULL; /* tells a sweep that a place is to be looked at */
	r = pm_volume_get(s, name, &row, err);
	if (r >= 0 && row.place)
		r = pm_stage_new(s, &st, err);
	if (r < 0)
		return r;
	r = pm_db_exec(s->db, err, "DELETE FROM volumes WHERE name=?", "s", name);
	if (r == -PM_E_INUSE) {
		_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
		pm_volume_users(s, name, &users, NULL);
		return pm_fail(err, PM_E_INUSE,
			       "volume %s is being used by the following container(s): %s: volume is "
			       "being used",
			       name, users.n ? users.v[0] : "");
	}
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "no volume with name \"%s\" found: no such volume",
			       name);
	if (r < 0)
		return r;
	_cleanup_free_ char *dir = pm_volume_dir(s, &row);
	r = row.place ? pm_volume_place_trash(s, st, row.place, name, err) : pm_trash_dir(s, AT_FDCWD, dir, err);
	return r < 0 ? r : pm_quota_release(s, "volume", name, err);
}
