#include "engine/image/family.h"

#include <string.h>

#include "base/json.h"

struct person {
	const struct pm_json *layers, *history;
};

/* 1: found, 0: it is gone, or its configuration cannot be read: then it has no kin. */
static int load(struct pm_store *store, const char *id, struct pm_json_pool *pool,
		struct person *ret, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_err why = PM_ERR_INIT;
	struct pm_json *doc;
	int r = pm_image_by_id(store, id, PM_IMAGE_CONFIG, &row, &why);
	if (r < 0 && r != -PM_E_NOSUCH) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0 || pm_json_parse(pool, row.config, row.config_len, &doc, NULL) < 0)
		return 0;
	*ret = (struct person){pm_json_find(doc, "rootfs", "diff_ids", NULL),
			       pm_json_get(doc, "history")};
	return 1;
}

/* The first items of longer are those of whole. */
static bool begins_with(const struct pm_json *longer, const struct pm_json *whole)
{
	if (pm_json_len(longer) < pm_json_len(whole))
		return false;
	for (size_t i = 0; i < pm_json_len(whole); i++) {
		if (!pm_json_equal(pm_json_at(longer, i), pm_json_at(whole, i)))
			return false;
	}
	return true;
}

static bool is_parent(const struct person *parent, const struct person *child)
{
	return pm_json_len(child->history) == pm_json_len(parent->history) + 1 &&
	       begins_with(child->layers, parent->layers) &&
	       begins_with(child->history, parent->history);
}

static int kin(struct pm_store *store, const char *id, bool parents, struct pm_strv *ret,
	       struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct person self, other;
	int r = pm_image_neighbours(store, id, parents, &ids, err);
	if (r < 0 || !ids.n)
		return r;
	r = load(store, id, pool, &self, err);
	if (r <= 0)
		return r;
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		r = load(store, ids.v[i], pool, &other, err);
		if (r == 1 && (parents ? is_parent(&other, &self) : is_parent(&self, &other)))
			pm_strv_add(ret, ids.v[i]);
	}
	return r < 0 ? r : 0;
}

int pm_image_parent(struct pm_store *store, const char *id, char ret[65], struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = kin(store, id, true, &ids, err);
	if (r < 0 || !ids.n)
		return r;
	memcpy(ret, ids.v[0], 65);
	return 1;
}

int pm_image_children(struct pm_store *store, const char *id, struct pm_strv *ret,
		      struct pm_err *err)
{
	return kin(store, id, false, ret, err);
}

int pm_image_is_dangling(struct pm_store *store, const struct pm_image_row *row,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	if (row->n_names)
		return 0;
	int r = kin(store, row->id, false, &ids, err);
	return r < 0 ? r : ids.n == 0;
}
