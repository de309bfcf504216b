#include "engine/volume/volume.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/timefmt.h"
#include "engine/container/container.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"
#include "engine/filter.h"
#include "engine/labels.h"
#include "engine/volume/options.h"
#include "storage/quota.h"
#include "storage/volume_place.h"

int pm_volume_check_name(const char *name, struct pm_err *err)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	if (!strchr(first, name[0]) || !name[0] || name[strspn(name, rest)])
		return pm_fail(err, PM_E_USAGE,
			       "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	if (strlen(name) > 200)
		return pm_fail(err, PM_E_USAGE, "the name is longer than 200 characters");
	return 0;
}

/* --- making -------------------------------------------------------------------------------------- */

struct owner {
	int dir;
	uid_t uid;
	gid_t gid;
};

static int give_owner(void *arg, struct pm_err *err)
{
	const struct owner *o = arg;
	if (fchownat(o->dir, "_data", o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "give the volume to %u:%u", o->uid, o->gid);
	return 0;
}

/* In one transaction, so that no volume with another owner than it should have, or without its limits, is ever seen. */
static int insert_as_wanted(struct pm_engine *e, const struct pm_volume_row *row,
			const struct pm_volume_options *vo, struct pm_err *err)
{
	_cleanup_close_ int userns = -1;
	int r = pm_userns_get(e->store->runroot_fd, &userns, err);
	if (r < 0)
		return r;
	r = pm_db_begin(e->store->db, !row->anon, err);
	if (r >= 0)
		r = pm_volume_insert(e->store, row, err);
	if (r >= 0 && pm_quota_limits(&vo->quota)) {
		_cleanup_free_ char *dir = pm_volume_dir(e->store, row), *data = pm_path_join(dir, "_data");
		const char *const dirs[] = {data};
		r = pm_quota_give(e->store, "volume", row->name, row->place, &vo->quota, dirs, 1, err);
	}
	if (r >= 0 && (vo->uid >= 0 || vo->gid >= 0)) {
		_cleanup_free_ char *dir = pm_volume_dir(e->store, row);
		struct owner o = {.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				  .uid = vo->uid >= 0 ? (uid_t)vo->uid : (uid_t)-1,
				  .gid = vo->gid >= 0 ? (gid_t)vo->gid : (gid_t)-1};
		r = pm_userns_run(userns, give_owner, &o, err);
		close(o.dir);
	}
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	pm_db_rollback(e->store->db);
	return r;
}

const char *pm_volume_new_place(struct pm_engine *e, struct pm_err *err)
{
	if (pm_engine_conf(e, err) < 0)
		return NULL;
	const char *place = e->volume_path ? e->volume_path : e->conf.volume_path;
	return place ? place : "";
}

/* Where the volume is to lie: NULL in *ret below the graph root. */
static int choose_place(struct pm_engine *e, char **ret, struct pm_err *err)
{
	const char *place = pm_volume_new_place(e, err);
	if (!place || !*place)
		return place ? 0 : -err->code;
	return pm_volume_place_use(e->store, place, ret, err);
}

int pm_volume_create(struct pm_engine *e, const struct pm_volume_create_options *o, char **ret_name,
		     struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	_cleanup_volume_options_ struct pm_volume_options vo = {0};
	_cleanup_free_ char *labels = pm_labels_text(o->labels);
	_cleanup_free_ char *options = pm_labels_text(o->options);
	char random[65], image[65], local[] = "local";

	if (o->name && *o->name) {
		int r = pm_volume_check_name(o->name, err);
		if (r < 0)
			return pm_wrap(err, "running volume create option");
	} else {
		pm_random_hex(32, random);
	}
	int r;
	if (o->ignore && o->name && *o->name) {
		_cleanup_volume_row_ struct pm_volume_row have = {0};
		r = pm_volume_get(e->store, o->name, &have, NULL);
		if (r >= 0)
			*ret_name = pm_strdup(o->name);
		if (r != -PM_E_NOSUCH)
			return r < 0 ? pm_volume_get(e->store, o->name, &have, err) : 0;
	}
	r = pm_volume_options_parse(o->driver, o->options ? o->options : &none,
					pm_userns_needed(), &vo, err);
	if (r >= 0 && vo.image)
		r = pm_image_resolve(e->store, vo.image, image, NULL, err);
	_cleanup_free_ char *place = NULL;
	if (r >= 0)
		r = choose_place(e, &place, err);
	if (r < 0)
		return r;

	struct pm_volume_row row = {
		.name = o->name && *o->name ? (char *)(uintptr_t)o->name : random,
		.driver = o->driver && *o->driver ? (char *)(uintptr_t)o->driver : local,
		.labels = labels,
		.options = options,
		.created = pm_time_now(),
		.anon = o->anon,
		.place = place,
		.image = vo.image ? image : NULL,
	};
	bool limited = pm_quota_limits(&vo.quota), plain = vo.uid < 0 && vo.gid < 0 && !limited;
	if (limited && vo.kind == PM_VOLUME_DIR)
		r = pm_quota_prepare(e->store, "volume", place, "volume options size and inodes", err);
	if (r < 0)
		return r;
	r = plain || vo.kind != PM_VOLUME_DIR ? pm_volume_insert(e->store, &row, err)
					      : insert_as_wanted(e, &row, &vo, err);
	bool was_there = r == -PM_E_EXISTS && o->ignore;
	if (was_there && err)
		pm_err_clear(err);
	if (r < 0 && !was_there)
		return r;
	*ret_name = pm_strdup(row.name);
	if (!was_there)
		pm_event_named(e, "volume", "create", row.name);
	return !was_there;
}

/* --- showing ------------------------------------------------------------------------------------- */

int pm_volume_mount_count(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int n = 0, r = pm_volume_users(e->store, name, &users, err);
	for (size_t i = 0; r >= 0 && i < users.n; i++) {
		struct pm_ctr_state st;
		if (pm_ctr_state_read(e->store->runroot_fd, users.v[i], &st, NULL) > 0)
			n += st.status == PM_STATUS_RUNNING || st.status == PM_STATUS_STARTING;
	}
	return r < 0 ? r : n;
}

int pm_volume_tree(struct pm_engine *e, const struct pm_volume_row *row, struct pm_json_pool *pool,
		   struct pm_json **ret, struct pm_err *err)
{
	_cleanup_volume_options_ struct pm_volume_options vo = {0};
	_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_volume_path(e->store, row);
	char when[PM_TIME_SIZE];
	struct pm_json *v = pm_json_object(pool);

	int r = pm_volume_options_words(row->options, &given, err);
	if (r >= 0) /* what could be made can be shown, whoever looks */
		r = pm_volume_options_parse(row->driver, &given, false, &vo, err);
	int count = r < 0 ? r : pm_volume_mount_count(e, row->name, err);
	if (count < 0)
		return pm_wrap(err, "volume %s", row->name);
	bool used = pm_volume_used(e->store, row);

	pm_json_set_str(pool, v, "Name", row->name);
	pm_json_set_str(pool, v, "Driver", row->driver);
	pm_json_set_str(pool, v, "Mountpoint", path);
	pm_json_set_str(pool, v, "CreatedAt", pm_time_rfc3339_local(row->created, when));
	pm_json_get(v, "CreatedAt")->hint = PM_JSON_TIME;
	pm_json_set(pool, v, "Labels", pm_labels_parse(pool, row->labels));
	pm_json_set_str(pool, v, "Scope", "local");
	pm_json_set(pool, v, "Options", pm_volume_options_tree(pool, &given, &vo));
	if (vo.uid > 0)
		pm_json_set_int(pool, v, "UID", vo.uid);
	if (vo.gid > 0)
		pm_json_set_int(pool, v, "GID", vo.gid);
	if (row->anon)
		pm_json_set_bool(pool, v, "Anonymous", true);
	pm_json_set_int(pool, v, "MountCount", count);
	if (!used && !vo.nocopy)
		pm_json_set_bool(pool, v, "NeedsCopyUp", true);
	if (!used && vo.uid < 0 && vo.gid < 0)
		pm_json_set_bool(pool, v, "NeedsChown", true);
	if (vo.timeout > 0)
		pm_json_set_int(pool, v, "Timeout", vo.timeout);
	pm_json_set_omitted(pool, v, (const char *const[]){"Status m", "UID n", "GID n", "Anonymous b", "NeedsCopyUp b",
							   "NeedsChown b", "Timeout n", "StorageID s", NULL});
	*ret = v;
	return 0;
}

/* --- choosing ------------------------------------------------------------------------------------ */

struct subject {
	struct pm_engine *e;
	const struct pm_volume_row *row;
	const struct pm_json *labels, *options;
};

static int match_name(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_regex(s->row->name, value, err);
}

static int match_driver(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	return pm_streq(s->row->driver, value);
}

static int match_scope(const void *subject, const char *value, struct pm_err *err)
{
	(void)subject;
	(void)err;
	return pm_streq(value, "local");
}

static int match_label(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	return pm_labels_match(s->labels, value);
}

static int match_no_label(const void *subject, const char *value, struct pm_err *err)
{
	return !match_label(subject, value, err);
}

static int match_opt(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	return pm_labels_has(s->options, value);
}

static int boolean(const char *key, const char *value, struct pm_err *err)
{
	if (pm_streq(value, "true") || pm_streq(value, "1"))
		return 1;
	if (pm_streq(value, "false") || pm_streq(value, "0"))
		return 0;
	return pm_fail(err, PM_E_USAGE, "\"%s\" is not a valid value for the \"%s\" filter - must be true "
					"or false", value, key);
}

static int match_dangling(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int want = boolean("dangling", value, err);
	int r = want < 0 ? want : pm_volume_users(s->e->store, s->row->name, &users, err);
	return r < 0 ? r : (users.n == 0) == want;
}

static int match_anonymous(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	int want = boolean("anonymous", value, err);
	return want < 0 ? want : s->row->anon == want;
}

static int match_until(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_until(s->row->created, value, err);
}

static int match_since(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	_cleanup_volume_row_ struct pm_volume_row other = {0};
	int r = pm_volume_find(s->e->store, value, &other, err);
	return r < 0 ? r : s->row->created > other.created;
}

static const struct pm_filter_key keys[] = {
	{"name", match_name},
	{"driver", match_driver},
	{"scope", match_scope},
	{"label", match_label, .all = true},
	{"label!", match_no_label, .all = true},
	{"opt", match_opt, .all = true},
	{"dangling", match_dangling, .all = true},
	{"anonymous", match_anonymous, .all = true},
	{"until", match_until, .all = true},
	{"since", match_since, .all = true},
	{"after", match_since, .all = true},
	{0},
};
static const struct pm_filter_table table = {keys, "\"", "\" is an invalid volume filter"};

int pm_volume_filter_check(const struct pm_strv *filters, struct pm_err *err)
{
	return pm_filter_check(&table, filters, err);
}

int pm_volume_filter(struct pm_engine *e, const struct pm_strv *filters,
		     const struct pm_volume_row *row, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	const struct subject s = {.e = e,
				  .row = row,
				  .labels = pm_labels_parse(pool, row->labels),
				  .options = pm_labels_parse(pool, row->options)};
	return pm_filter_pass(&table, filters, &s, err);
}

/* --- removing ------------------------------------------------------------------------------------ */

static int remove_users(struct pm_engine *e, const char *name, int timeout, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_volume_users(e->store, name, &users, err);
	for (size_t i = 0; r >= 0 && i < users.n; i++) {
		_cleanup_container_ struct pm_container c;
		struct pm_remove_options ro = {.force = true, .depend = true, .timeout = timeout};
		pm_container_init(&c);
		r = pm_container_load(e, users.v[i], &c, err);
		if (r >= 0)
			r = pm_container_remove(e, &c, &ro, err);
		if (r == -PM_E_NOSUCH) /* gone meanwhile, as we want it */
			r = 0;
	}
	return r;
}

int pm_volume_delete(struct pm_engine *e, const char *name, bool force, int timeout,
		     struct pm_err *err)
{
	int r = force ? remove_users(e, name, timeout, err) : 0;
	if (r >= 0)
		r = pm_volume_remove(e->store, name, err);
	if (r >= 0)
		pm_event_named(e, "volume", "remove", name);
	return r < 0 ? r : 0;
}
