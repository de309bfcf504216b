#include "storage/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "storage/image.h"
#include "storage/manifest_list.h"
#include "storage/volume.h"
#include "storage/volume_place.h"

void pm_damages_free(struct pm_damages *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].id);
		free(d->v[i].text);
	}
	free(d->v);
	*d = (struct pm_damages){0};
}

void pm_damages_add(struct pm_damages *d, enum pm_damage_kind kind, const char *id, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	d->v = pm_reallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct pm_damage){kind, pm_strdup(id), pm_vasprintf(fmt, ap)};
	va_end(ap);
}

bool pm_damages_has(const struct pm_damages *d, enum pm_damage_kind kind, const char *id)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].kind == kind && strcmp(d->v[i].id, id) == 0)
			return true;
	}
	return false;
}

const char *pm_damage_word(enum pm_damage_kind kind)
{
	static const char *const words[] = {
		[PM_DAMAGE_DATABASE] = "database", [PM_DAMAGE_LAYER] = "layer",
		[PM_DAMAGE_IMAGE] = "image",	   [PM_DAMAGE_CONTAINER] = "container",
		[PM_DAMAGE_VOLUME] = "volume",	   [PM_DAMAGE_ORPHAN] = "directory",
		[PM_DAMAGE_UNUSED] = "unused layer",
	};
	return words[kind];
}

static bool is_dir(const struct pm_store *s, const char *path)
{
	struct stat st;
	return fstatat(s->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int has_row(struct pm_store *s, const char *sql, const char *id, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "s", id);
	return r < 0 ? r : pm_stmt_step(q, err);
}

/* One column of a query without parameters. */
static int column(struct pm_store *s, const char *sql, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(ret, pm_stmt_str(q, 0) ? pm_stmt_str(q, 0) : "");
	return r;
}

static int check_database(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv found = PM_STRV_INIT, broken = PM_STRV_INIT;
	int r = column(s, "PRAGMA quick_check", &found, err);
	for (size_t i = 0; i < found.n; i++) {
		if (strcmp(found.v[i], "ok") != 0)
			pm_damages_add(ret, PM_DAMAGE_DATABASE, "pm.db", "%s", found.v[i]);
	}
	if (r >= 0)
		r = column(s, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_check", &broken, err);
	for (size_t i = 0; i < broken.n; i++)
		pm_damages_add(ret, PM_DAMAGE_DATABASE, "pm.db", "rows of %s name rows that are not there",
			       broken.v[i]);
	return r;
}

/* --- layers ------------------------------------------------------------------------------------ */

static const char layer_row[] = "SELECT 1 FROM layers WHERE chain_id=?";

static int check_layer(struct pm_store *s, const struct pm_layer_row *row, struct pm_damages *ret,
		       struct pm_err *err)
{
	const char *id = row->chain_id;
	char chain[65];
	_cleanup_free_ char *diff = pm_asprintf("layers/%s/diff", id);
	int r = 0;
	pm_layer_chain_id(row->parent, row->diff_id, chain);
	if (strcmp(chain, id) != 0)
		pm_damages_add(ret, PM_DAMAGE_LAYER, id, "its parent and diff id make %s", chain);
	else if (row->parent && (r = has_row(s, layer_row, row->parent, err)) == 0)
		pm_damages_add(ret, PM_DAMAGE_LAYER, id, "its parent %s is missing", row->parent);
	/* a removal that is at work deletes the row first, so look at that last */
	else if (r >= 0 && !is_dir(s, diff) && (r = has_row(s, layer_row, id, err)) == 1)
		pm_damages_add(ret, PM_DAMAGE_LAYER, id, "its directory is missing");
	return r;
}

static int check_layers(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_layer_list_all(s, &layers, err);
	for (size_t i = 0; r >= 0 && i < layers.n; i++)
		r = check_layer(s, &layers.v[i], ret, err);
	return r;
}

static int check_unused(struct pm_store *s, int64_t unused_ns, struct pm_damages *ret,
			struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	if (unused_ns < 0)
		return 0;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT chain_id FROM layers WHERE created <= ? AND chain_id NOT IN"
			    " (SELECT layer FROM image_layers) ORDER BY chain_id",
			    "i", pm_time_now() - unused_ns);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		const char *id = pm_stmt_str(q, 0);
		_cleanup_close_ int lock =
			pm_store_lock(s, "layer", id, PM_LOCK_EXCLUSIVE, false, NULL);
		if (lock >= 0) /* no pull relies on it */
			pm_damages_add(ret, PM_DAMAGE_UNUSED, id, "no image has it");
	}
	return r;
}

/* --- images ------------------------------------------------------------------------------------ */

static void check_layers_of(struct pm_store *s, const struct pm_image_row *row,
			    const struct pm_json *diff_ids, struct pm_damages *ret)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	if (pm_image_layers(s, row->id, &layers, NULL) < 0)
		return;
	bool same = layers.n == pm_json_len(diff_ids) &&
		    pm_streq(row->top, layers.n ? layers.v[layers.n - 1].chain_id : NULL);
	for (size_t i = 0; same && i < layers.n; i++) {
		const struct pm_json *d = pm_json_at(diff_ids, i);
		same = pm_json_is(d, PM_JSON_STRING) && strcmp(d->string, layers.v[i].diff_id) == 0;
	}
	/* it may have been removed since it was read */
	if (!same && has_row(s, "SELECT 1 FROM images WHERE id=?", row->id, NULL) == 1)
		pm_damages_add(ret, PM_DAMAGE_IMAGE, row->id,
			       "its layers are not those of its configuration");
}

static void check_image(struct pm_store *s, const struct pm_image_row *row, struct pm_damages *ret)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config;
	char hex[65];
	pm_sha256_of(row->config, row->config_len, hex);
	if (strcmp(hex, row->id) != 0 ||
	    pm_json_parse(pool, row->config, row->config_len, &config, NULL) < 0) {
		pm_damages_add(ret, PM_DAMAGE_IMAGE, row->id, "its configuration is not what it was");
		return;
	}
	pm_sha256_of(row->manifest, row->manifest_len, hex);
	if (pm_startswith(row->digest, "sha256:") && strcmp(hex, row->digest + 7) != 0)
		pm_damages_add(ret, PM_DAMAGE_IMAGE, row->id, "its manifest is not what it was");
	else
		check_layers_of(s, row, pm_json_find(config, "rootfs", "diff_ids", NULL), ret);
}

static int check_images(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	int r = pm_image_list(s, PM_IMAGE_CONFIG | PM_IMAGE_MANIFEST, &images, err);
	for (size_t i = 0; r >= 0 && i < images.n; i++) {
		/* a list that the user puts together has neither layers nor a config */
		if (!images.v[i].readonly && !pm_list_is(&images.v[i]))
			check_image(s, &images.v[i], ret);
	}
	return r;
}

int pm_check_dependents(struct pm_store *s, struct pm_damages *d, struct pm_err *err)
{
	size_t n = d->n; /* what is added is no layer */
	for (size_t i = 0; i < n; i++) {
		_cleanup_stmt_ struct pm_stmt *q = NULL;
		if (d->v[i].kind != PM_DAMAGE_LAYER)
			continue;
		int r = pm_db_query(s->db, &q, err,
				    "SELECT image FROM image_layers WHERE layer=? ORDER BY image", "s",
				    d->v[i].id);
		while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
			const char *image = pm_stmt_str(q, 0);
			if (!pm_damages_has(d, PM_DAMAGE_IMAGE, image))
				pm_damages_add(d, PM_DAMAGE_IMAGE, image, "its layer %.12s is damaged",
					       d->v[i].id);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- containers, volumes, orphans --------------------------------------------------------------- */

static const char ctr_row[] = "SELECT 1 FROM containers WHERE id=?";
static const char volume_row[] = "SELECT 1 FROM volumes WHERE name=?";

/* Their directory is made before their row and goes after it. */
static int check_containers(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = column(s, "SELECT id FROM containers ORDER BY seq", &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_free_ char *path = pm_asprintf("containers/%s/upper", ids.v[i]);
		if (!is_dir(s, path) && (r = has_row(s, ctr_row, ids.v[i], err)) == 1)
			pm_damages_add(ret, PM_DAMAGE_CONTAINER, ids.v[i], "its directory %s is missing", path);
	}
	return r;
}

static int check_volumes(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	int r = pm_volume_list(s, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		const struct pm_volume_row *v = &all.v[i];
		_cleanup_free_ char *path = pm_volume_path(s, v);
		if (strcmp(v->driver, "local") == 0 && !is_dir(s, path) &&
		    (r = has_row(s, volume_row, v->name, err)) == 1)
			pm_damages_add(ret, PM_DAMAGE_VOLUME, v->name, "its directory %s is missing", path);
	}
	return r;
}

/* list: the directory that has the names of what is ours in where, when not all is; else NULL. */
static int check_orphans(struct pm_store *s, const char *list, const char *where, const char *kind,
			 const char *row_sql, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(s->root_fd, list ? list : where, &names, err);
	if (r == -ENOENT) {
		pm_err_clear(err);
		return 0;
	}
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		r = has_row(s, row_sql, names.v[i], err);
		if (r != 0)
			continue;
		/* a maker has the lock until its row is there; layers move under the write lock */
		_cleanup_close_ int lock =
			pm_store_lock(s, kind, names.v[i], PM_LOCK_EXCLUSIVE, false, NULL);
		_cleanup_free_ char *path = pm_asprintf("%s/%s", where, names.v[i]);
		if (lock >= 0 && is_dir(s, path) && (r = has_row(s, row_sql, names.v[i], err)) == 0)
			pm_damages_add(ret, PM_DAMAGE_ORPHAN, path, "it belongs to nothing");
	}
	return r;
}

static int check_places(struct pm_store *s, struct pm_damages *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT, own = PM_STRV_INIT;
	int r = pm_volume_places(s, &paths, &own, err);
	for (size_t i = 0; r >= 0 && i < paths.n; i++) {
		_cleanup_free_ char *list = pm_path_join(own.v[i], "volumes");
		r = check_orphans(s, list, paths.v[i], "volume", volume_row, ret, err);
	}
	return r;
}

int pm_check_structure(struct pm_store *s, int64_t unused_ns, struct pm_damages *ret,
		       struct pm_err *err)
{
	int r = check_database(s, ret, err);
	if (r >= 0)
		r = check_layers(s, ret, err);
	if (r >= 0)
		r = check_unused(s, unused_ns, ret, err);
	if (r >= 0)
		r = check_images(s, ret, err);
	if (r >= 0)
		r = check_containers(s, ret, err);
	if (r >= 0)
		r = check_volumes(s, ret, err);
	if (r >= 0)
		r = check_orphans(s, NULL, "layers", "layer", layer_row, ret, err);
	if (r >= 0)
		r = check_orphans(s, NULL, "containers", "container", ctr_row, ret, err);
	if (r >= 0)
		r = check_orphans(s, NULL, "volumes", "volume", volume_row, ret, err);
	if (r >= 0)
		r = check_places(s, ret, err);
	return r < 0 ? r : 0;
}
