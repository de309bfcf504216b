#include "engine/secret/secret.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/events/events.h"
#include "engine/filter.h"
#include "engine/labels.h"
#include "storage/stage.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int check_name(const char *name, struct pm_err *err)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= 64 && is_word(name[0]) && is_word(name[n - 1]);
	for (size_t i = 0; i < n; i++)
		good = good && (is_word(name[i]) || strchr("-_.", name[i]));
	if (!good)
		return pm_fail(err, PM_E_USAGE,
			       "only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end "
			       "character must be [a-zA-Z0-9]: %s: invalid secret name", name);
	return 0;
}

/* The row's place; the tree of its options belongs to pool. */
static struct pm_secret_place place_of(const struct pm_secret_row *row, struct pm_json_pool *pool)
{
	return (struct pm_secret_place){row->id, row->driver, pm_labels_parse(pool, row->options)};
}

static void forget(struct pm_engine *e, const struct pm_secret_place *p)
{
	struct pm_err why = PM_ERR_INIT;
	if (pm_secret_forget(e, p, &why) < 0)
		pm_warn("secret %s: its data stays: %s", p->id, why.text);
}

static void forget_old(struct pm_engine *e, const struct pm_secret_row *old,
		       struct pm_json_pool *pool)
{
	struct pm_secret_place p = place_of(old, pool);
	forget(e, &p);
	pm_event_named(e, "secret", "remove", old->id);
}

int pm_secret_create(struct pm_engine *e, const struct pm_secret_create_options *o,
		     const struct pm_buf *data, char ret_id[PM_SECRET_ID_LEN + 1], struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_secret_row_ struct pm_secret_row old = {0}, have = {0};
	_cleanup_buf_ struct pm_buf options = PM_BUF_INIT;
	_cleanup_free_ char *labels = pm_labels_text(o->labels);
	struct pm_json *tree = NULL;
	char id[65];

	int r = check_name(o->name, err);
	if (r >= 0 && (data->len == 0 || data->len >= PM_SECRET_MAX))
		r = pm_fail(err, PM_E_USAGE,
			    "secret data must be larger than 0 and less than 512000 bytes");
	if (r >= 0)
		r = pm_secret_options(e, o->driver, o->driver_options, pool, &tree, err);
	/* before anything is stored; the row's uniqueness decides */
	if (r >= 0 && !o->replace && pm_secret_find(e->store, o->name, &have, NULL) >= 0 &&
	    strcmp(have.name, o->name) == 0)
		r = pm_fail(err, PM_E_EXISTS, "%s: secret name in use", o->name);
	if (r < 0)
		return r;
	pm_json_write(tree, 0, &options);
	pm_random_hex(32, id);
	id[PM_SECRET_ID_LEN] = '\0';
	struct pm_secret_place p = {id, o->driver, tree};
	/* data before its row: the stage is the mark for a sweep, the lock keeps it off */
	_cleanup_stage_ struct pm_stage *mark = NULL;
	r = pm_stage_new(e->store, &mark, err);
	if (r < 0)
		return r;
	_cleanup_close_ int lock = pm_store_lock(e->store, "secret", id, PM_LOCK_EXCLUSIVE, true, err);
	if (lock < 0)
		return lock;
	r = pm_secret_store(e, &p, data, err);
	if (r < 0)
		return r;
	int64_t now = pm_time_now();
	struct pm_secret_row row = {
		.id = id,
		.name = (char *)(uintptr_t)o->name,
		.driver = (char *)(uintptr_t)o->driver,
		.options = options.data,
		.labels = labels,
		.created = now,
		.updated = now,
	};
	r = pm_secret_insert(e->store, &row, o->replace, &old, err);
	if (r < 0) {
		forget(e, &p);
		return r;
	}
	if (old.id)
		forget_old(e, &old, pool);
	memcpy(ret_id, id, PM_SECRET_ID_LEN + 1);
	pm_event_named(e, "secret", "create", id);
	return 0;
}

int pm_secret_remove(struct pm_engine *e, const char *name, char **ret_id, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	int r = pm_secret_find(e->store, name, &row, err);
	if (r >= 0)
		r = pm_secret_delete(e->store, row.id, err);
	if (r < 0)
		return r;
	forget_old(e, &row, pool);
	if (ret_id)
		*ret_id = pm_strdup(row.id);
	return 0;
}

int pm_secret_data(struct pm_engine *e, const struct pm_secret_row *row, struct pm_buf *out,
		   struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_secret_place p = place_of(row, pool);
	int r = pm_secret_lookup(e, &p, out, err);
	return r < 0 ? pm_wrap(err, "secret %s", row->name) : 0;
}

static void set_time(struct pm_json_pool *pool, struct pm_json *v, const char *name, int64_t t)
{
	char when[PM_TIME_SIZE];
	pm_json_set_str(pool, v, name, pm_time_rfc3339_local(t, when));
	pm_json_get(v, name)->hint = PM_JSON_TIME;
}

struct pm_json *pm_secret_tree(const struct pm_secret_row *row, const struct pm_buf *data,
			       struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_object(pool), *spec = pm_json_object(pool),
		       *driver = pm_json_object(pool);
	pm_json_set_str(pool, v, "ID", row->id);
	set_time(pool, v, "CreatedAt", row->created);
	set_time(pool, v, "UpdatedAt", row->updated);
	pm_json_set(pool, v, "Spec", spec);
	pm_json_set_str(pool, spec, "Name", row->name);
	pm_json_set(pool, spec, "Driver", driver);
	pm_json_set_str(pool, driver, "Name", row->driver);
	pm_json_set(pool, driver, "Options", pm_labels_parse(pool, row->options));
	pm_json_set(pool, spec, "Labels", pm_labels_parse(pool, row->labels));
	if (data)
		pm_json_set(pool, v, "SecretData", pm_json_strn(pool, data->data, data->len));
	return v;
}

static int match_id(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_secret_row *row = subject;
	(void)err;
	return pm_startswith(row->id, value);
}

static int match_name(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_secret_row *row = subject;
	return pm_filter_regex(row->name, value, err);
}

static const struct pm_filter_key keys[] = {
	{"id", match_id},
	{"name", match_name},
	{0},
};
static const struct pm_filter_table table = {keys, "invalid filter \"", "\""};

int pm_secret_filter_check(const struct pm_strv *filters, struct pm_err *err)
{
	return pm_filter_check(&table, filters, err);
}

int pm_secret_filter(const struct pm_strv *filters, const struct pm_secret_row *row,
		     struct pm_err *err)
{
	return pm_filter_pass(&table, filters, row, err);
}
