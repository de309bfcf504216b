#include "engine/image/remove.h"

#include <errno.h>
#include <string.h>

#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "engine/image/family.h"
#include "engine/image/resolve.h"
#include "storage/image.h"

void pm_rmi_report_free(struct pm_rmi_report *r)
{
	pm_strv_free(&r->untagged);
	pm_strv_free(&r->deleted);
}

/* The containers made from image id, running or not. */
static int remove_users(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_image_users(e->store, id, &users, err);
	for (size_t i = 0; i < users.n && r >= 0; i++) {
		_cleanup_container_ struct pm_container c;
		struct pm_remove_options ro = {.force = true, .volumes = true, .depend = true,
					       .timeout = 0};
		pm_container_init(&c);
		r = pm_container_load(e, users.v[i], &c, err);
		if (r >= 0)
			r = pm_container_remove(e, &c, &ro, err);
		if (r == -PM_E_NOSUCH) { /* gone meanwhile, as we want it */
			pm_err_clear(err);
			r = 0;
		}
	}
	return r;
}

/* The transaction's report in ours, and told. 1: the image is gone. */
static int take(struct pm_engine *e, struct pm_image_removed *removed, const char *id,
		struct pm_rmi_report *ret)
{
	int gone = removed->deleted.n > 0;
	for (size_t i = 0; i < removed->untagged.n; i++) {
		pm_event_image(e, "untag", id, removed->untagged.v[i]);
		pm_strv_add(&ret->untagged, removed->untagged.v[i]);
	}
	if (gone) {
		pm_event_image(e, "remove", id, NULL);
		pm_strv_add(&ret->deleted, id);
	}
	pm_image_removed_free(removed);
	return gone;
}

/* The parents that were only there for the image that is gone. */
static int remove_parents(struct pm_engine *e, const char *first, struct pm_rmi_report *ret,
			  struct pm_err *err)
{
	char id[65], next[65];
	int more = 1;
	memcpy(id, first, sizeof(id));
	while (more > 0) {
		_cleanup_image_row_ struct pm_image_row row = {0};
		_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
		struct pm_image_removed removed = {0};
		int r = pm_image_by_id(e->store, id, 0, &row, err);
		if (r >= 0)
			r = pm_image_is_dangling(e->store, &row, err);
		if (r > 0)
			r = pm_image_users(e->store, id, &users, err) < 0 || users.n ? 0 : 1;
		more = r > 0 ? pm_image_parent(e->store, id, next, err) : 0;
		if (r > 0 && more >= 0)
			r = pm_image_remove(e->store, id, &removed, err);
		if (r < 0 || more < 0) {
			/* another was faster, or uses it now: that is not this removal's failure */
			if (r != -PM_E_NOSUCH && r != -PM_E_INUSE)
				return r < 0 ? r : more;
			pm_err_clear(err);
			return 0;
		}
		take(e, &removed, id, ret);
		memcpy(id, next, sizeof(id));
	}
	return 0;
}

enum how {
	BY_NAME, /* only this name of several */
	BY_ID,   /* refused with several names */
	WHOLE,
};

static int remove_as(struct pm_engine *e, const char *id, const char *name, enum how how,
		     const struct pm_rmi_options *o, struct pm_rmi_report *ret, struct pm_err *err)
{
	struct pm_image_removed removed = {0};
	char parent[65];
	int has_parent = o->no_prune ? 0 : pm_image_parent(e->store, id, parent, err);
	if (has_parent < 0)
		return has_parent;
	int r = how == WHOLE ? pm_image_remove(e->store, id, &removed, err)
			     : pm_image_remove_name(e->store, id, name, &removed, err);
	if (r == -PM_E_INUSE && o->force) {
		r = remove_users(e, id, err);
		if (r >= 0)
			r = pm_image_remove(e->store, id, &removed, err);
	}
	if (r == -PM_E_INUSE && err) {
		struct pm_err why = *err;
		return pm_fail(err, PM_E_INUSE, "%s: remove the container, or force removal", why.text);
	}
	if (r < 0)
		return r;
	bool gone = take(e, &removed, id, ret);
	return gone && has_parent ? remove_parents(e, parent, ret, err) : 0;
}

int pm_rmi_image(struct pm_engine *e, const char *id, const struct pm_rmi_options *o,
		 struct pm_rmi_report *ret, struct pm_err *err)
{
	return remove_as(e, id, NULL, WHOLE, o, ret, err);
}

int pm_rmi(struct pm_engine *e, const char *word, const struct pm_rmi_options *o,
	   struct pm_rmi_report *ret, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_free_ char *name = NULL;
	char id[65];
	int r = pm_image_resolve_any(e->store, word, id, &name, err);
	if (r >= 0)
		r = pm_image_by_id(e->store, id, 0, &row, err);
	if (r >= 0 && row.readonly)
		r = pm_fail(err, EROFS, "image %s is in a read-only store: cannot remove it", word);
	if (r < 0)
		return r;
	/* REPO@DIGEST may find an image that is known by tags: it then counts as an id */
	bool stored = false;
	for (size_t i = 0; name && i < row.n_names; i++)
		stored |= strcmp(name, row.names[i].name) == 0;
	if (stored)
		return remove_as(e, id, name, BY_NAME, o, ret, err);
	return remove_as(e, id, NULL, o->force ? WHOLE : BY_ID, o, ret, err);
}
