#include "engine/systemd/autoupdate.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "engine/container/container.h"
#include "engine/container/service.h"
#include "engine/events/events.h"
#include "engine/image/query.h"
#include "engine/image/resolve.h"
#include "engine/labels.h"
#include "engine/systemd/manager.h"
#include "registry/reference.h"
#include "storage/image.h"

#define AUTHFILE_LABEL PM_AUTOUPDATE_LABEL ".authfile"

void pm_autoupdate_list_free(struct pm_autoupdate_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct pm_autoupdate *t = &l->v[i];
		char *const owned[] = {t->unit, t->id, t->name, t->image, t->full, t->old_id, t->authfile};
		for (size_t k = 0; k < PM_ARRAY_SIZE(owned); k++)
			free(owned[k]);
	}
	free(l->v);
	*l = (struct pm_autoupdate_list){0};
}

int pm_autoupdate_policy_parse(const char *word, enum pm_autoupdate_policy *ret, struct pm_err *err)
{
	if (!*word || strcmp(word, "disabled") == 0)
		return 0;
	const bool registry = strcmp(word, "registry") == 0 || strcmp(word, "image") == 0;
	if (!registry && strcmp(word, "local") != 0)
		return pm_fail(err, PM_E_USAGE, "invalid auto-update policy \"%s\": valid policies are local and registry", word);
	*ret = registry ? PM_AUTOUPDATE_REGISTRY : PM_AUTOUPDATE_LOCAL;
	return 1;
}

const char *pm_autoupdate_policy_name(enum pm_autoupdate_policy policy)
{
	return policy == PM_AUTOUPDATE_REGISTRY ? "registry" : "local";
}

/* --- which containers ------------------------------------------------------------------------------ */

/* What a registry is asked for has to be the same tomorrow: a full name, not one that is looked up. */
static int check_full(const char *image, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	const char *transport = "docker://";
	if (pm_startswith(image, transport))
		image += strlen(transport);
	if (pm_reference_parse(image, &ref, NULL) < 0 || !ref.domain)
		return pm_fail(err, PM_E_USAGE, "auto updates require a fully-qualified image reference: \"%s\"", image);
	return 0;
}

/* 1: it has a policy and everything else it takes; *t is filled. */
static int make_task(struct pm_engine *e, const struct pm_ctr_row *row, struct pm_autoupdate *t, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_container_ struct pm_container c;
	const struct pm_json *labels = pm_labels_parse(pool, row->labels);
	const char *word = pm_json_get_str(labels, PM_AUTOUPDATE_LABEL);
	const char *unit = pm_json_get_str(labels, PM_UNIT_LABEL);
	pm_container_init(&c);
	if (!word)
		return 0;
	int r = pm_autoupdate_policy_parse(word, &t->policy, err);
	if (r <= 0)
		return r;
	r = pm_container_load(e, row->id, &c, err);
	if (r == -PM_E_NOSUCH) { /* it has just gone */
		pm_err_clear(err);
		return 0;
	}
	if (r < 0 || c.state.status != PM_STATUS_RUNNING)
		return r < 0 ? r : 0;
	if (!unit || !*unit)
		return pm_fail(err, PM_E_STATE, "no " PM_UNIT_LABEL " label found: it was not made by a unit of systemd");
	if (!c.config.image || !c.config.image_id)
		return pm_fail(err, PM_E_STATE, "it has no image");
	const char *image = c.config.raw_image_name ? c.config.raw_image_name : c.config.image;
	r = t->policy == PM_AUTOUPDATE_REGISTRY ? check_full(image, err) : 0;
	if (r < 0)
		return r;
	t->unit = pm_strdup(unit);
	t->id = pm_strdup(row->id);
	t->name = pm_strdup(row->name);
	t->image = pm_strdup(image);
	t->full = pm_strdup(c.config.image);
	t->old_id = pm_strdup(c.config.image_id);
	t->authfile = pm_strdup_null(pm_json_get_str(labels, AUTHFILE_LABEL));
	t->updated = "failed"; /* until it is known better */
	return 1;
}

static int find_tasks(struct pm_engine *e, const struct pm_autoupdate_options *o, struct pm_autoupdate_list *ret,
		      struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	int r = pm_ctr_list(e->store, 0, &l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct pm_autoupdate t = {0};
		int is = make_task(e, &l.v[i], &t, err);
		if (is < 0) {
			pm_wrap(err, "auto-updating container %s", l.v[i].name);
			o->failed(o->arg, err);
		} else if (is > 0) {
			ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
			ret->v[ret->n++] = t;
		}
	}
	return r < 0 ? r : 0;
}

/* --- one container --------------------------------------------------------------------------------- */

static struct pm_pull_options pull_options(const struct pm_autoupdate_options *o, const struct pm_autoupdate *t)
{
	struct pm_pull_options po = o->pull;
	if (t->authfile)
		po.authfile = t->authfile;
	return po;
}

/* 1: the registry has another image than the one that runs. */
static int differs_remotely(const struct pm_autoupdate_options *o, const struct pm_autoupdate *t, struct pm_err *err)
{
	const struct pm_pull_options po = pull_options(o, t);
	struct pm_query_options q = {.remote = PM_REMOTE_INIT};
	_cleanup_remote_image_ struct pm_remote_image image = {0};
	_cleanup_free_ char *name = pm_asprintf("docker://%s", t->full);
	char id[65];
	q.remote.authfile = po.authfile;
	q.remote.tls_verify = po.tls_verify;
	int r = pm_query_inspect(name, &q, false, false, &image, err);
	if (r < 0)
		return r;
	pm_sha256_of(pm_buf_str(&image.config), image.config.len, id);
	return strcmp(id, t->old_id) != 0;
}

/* 1: its name means another image by now. */
static int differs_locally(struct pm_engine *e, const struct pm_autoupdate *t, struct pm_err *err)
{
	char id[65];
	int r = pm_image_resolve(e->store, t->image, id, NULL, err);
	return r < 0 ? r : strcmp(id, t->old_id) != 0;
}

static int fetch(struct pm_engine *e, const struct pm_autoupdate_options *o, const struct pm_autoupdate *t,
		 struct pm_err *err)
{
	const struct pm_pull_options po = pull_options(o, t);
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_image_pull(e->store, t->full, &po, o->progress, &ids, err);
	for (size_t i = 0; i < ids.n; i++)
		pm_event_image(e, "pull", ids.v[i], t->full);
	return r < 0 ? r : 0;
}

/* --- one unit -------------------------------------------------------------------------------------- */

/* Containers of unit that come up with another image when it is restarted: 1 for one or more, which say "pending". */
static int prepare_unit(struct pm_engine *e, const struct pm_autoupdate_options *o, const char *unit,
			struct pm_autoupdate_list *l, struct pm_err *err)
{
	int any = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct pm_autoupdate *t = &l->v[i];
		if (strcmp(t->unit, unit) != 0)
			continue;
		int r = t->policy == PM_AUTOUPDATE_REGISTRY ? differs_remotely(o, t, err) : differs_locally(e, t, err);
		if (r > 0 && !o->dry_run && t->policy == PM_AUTOUPDATE_REGISTRY) {
			r = fetch(e, o, t, err);
			r = r < 0 ? r : 1;
		}
		if (r < 0)
			return pm_wrap(err, "auto-updating container %s", t->name);
		t->updated = r ? "pending" : "false";
		any |= r;
	}
	return any;
}

static void mark(struct pm_autoupdate_list *l, const char *unit, const char *updated)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].unit, unit) == 0 && strcmp(l->v[i].updated, "false") != 0)
			l->v[i].updated = updated;
}

/* The names of what was updated mean again what they did. */
static int give_back(struct pm_engine *e, const char *unit, const struct pm_autoupdate_list *l, struct pm_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct pm_autoupdate *t = &l->v[i];
		if (strcmp(t->unit, unit) != 0 || strcmp(t->updated, "failed") != 0)
			continue;
		int r = pm_image_tag(e->store, t->old_id, t->full, NULL, NULL, err);
		if (r < 0)
			return pm_wrap(err, "rolling back image for container %s in unit %s", t->name, unit);
	}
	return 0;
}

static int update_unit(struct pm_engine *e, const struct pm_autoupdate_options *o, const char *unit,
		       struct pm_autoupdate_list *l, struct pm_err *err)
{
	int r = prepare_unit(e, o, unit, l, err);
	if (r <= 0 || o->dry_run)
		return r;
	r = pm_systemd_job("restart", unit, err);
	mark(l, unit, r < 0 ? "failed" : "true");
	if (r >= 0)
		return 0;
	pm_wrap(err, "restarting unit %s during update", unit);
	/* without systemd nothing was tried */
	if (!o->rollback || r == -PM_E_UNSUPPORTED)
		return r;
	pm_warn("%s: the previous image is used again", err->text);
	pm_err_clear(err);
	r = give_back(e, unit, l, err);
	if (r < 0)
		return r;
	r = pm_systemd_job("restart", unit, err);
	if (r < 0)
		return pm_wrap(err, "restarting unit %s during rollback", unit);
	mark(l, unit, "rolled back");
	return 0;
}

int pm_autoupdate_run(struct pm_engine *e, const struct pm_autoupdate_options *o, struct pm_autoupdate_list *ret,
		      struct pm_err *err)
{
	int r = find_tasks(e, o, ret, err);
	for (size_t i = 0; r >= 0 && i < ret->n; i++) {
		const char *unit = ret->v[i].unit;
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(ret->v[k].unit, unit) == 0;
		if (seen)
			continue;
		r = update_unit(e, o, unit, ret, err);
		if (r < 0 && r != -PM_E_CANCELLED) {
			o->failed(o->arg, err);
			r = 0;
		}
	}
	return r < 0 ? r : 0;
}
