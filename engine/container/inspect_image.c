#include "engine/container/inspect_image.h"

#include <string.h>

#include "base/timefmt.h"
#include "engine/image/family.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pm_json_member *)a)->name,
		      ((const struct pm_json_member *)b)->name);
}

struct pm_json *pm_inspect_sorted(struct pm_json_pool *pool, const struct pm_json *object)
{
	struct pm_json *o = pm_json_object(pool);
	for (size_t i = 0; i < pm_json_len(object); i++)
		pm_json_set(pool, o, object->members[i].name,
			    pm_json_copy(pool, object->members[i].value));
	if (o->len > 1)
		qsort(o->members, o->len, sizeof(*o->members), by_name);
	return o;
}

struct pm_json *pm_inspect_map(struct pm_json_pool *pool, const struct pm_strv *l)
{
	if (l->n == 0)
		return pm_json_null(pool);
	struct pm_json *o = pm_json_object(pool);
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');
		_cleanup_free_ char *name =
			eq ? pm_strndup(l->v[i], (size_t)(eq - l->v[i])) : pm_strdup(l->v[i]);
		pm_json_set_str(pool, o, name, eq ? eq + 1 : "");
	}
	if (o->len > 1)
		qsort(o->members, o->len, sizeof(*o->members), by_name);
	return o;
}

struct pm_json *pm_inspect_graph_driver(struct pm_json_pool *pool, const char *driver,
					const char *ctr_dir, const char *upper,
					const struct pm_strv *lowers)
{
	struct pm_json *o = pm_json_object(pool), *data = pm_json_object(pool);
	pm_json_set_str(pool, o, "Name", driver);
	if (strcmp(driver, "vfs") == 0) {
		pm_json_set(pool, o, "Data", pm_json_null(pool));
		return o;
	}
	if (lowers && lowers->n) {
		_cleanup_free_ char *l = pm_strv_join(lowers, ":");
		pm_json_set_str(pool, data, "LowerDir", l);
	}
	if (ctr_dir) {
		_cleanup_free_ char *m = pm_asprintf("%s/merged", ctr_dir);
		pm_json_set_str(pool, data, "MergedDir", m);
	}
	if (upper)
		pm_json_set_str(pool, data, "UpperDir", upper);
	if (ctr_dir) {
		_cleanup_free_ char *w = pm_asprintf("%s/work", ctr_dir);
		pm_json_set_str(pool, data, "WorkDir", w);
	}
	pm_json_set(pool, o, "Data", data);
	return o;
}

/* Go leaves out what is empty in an image's Config, but not for templates; pm keeps the order of Podman's fields. */
static struct pm_json *image_config(struct pm_json_pool *pool, const struct pm_json *cfg)
{
	static const char *const fields[] = {"User s",	     "ExposedPorts m", "Env l",	       "Entrypoint l",
					     "Cmd l",	     "Volumes m",      "WorkingDir s", "Labels m",
					     "StopSignal s", "ArgsEscaped b",  NULL};
	struct pm_json *o = pm_json_object(pool);
	for (size_t i = 0; fields[i]; i++) {
		_cleanup_free_ char *name = pm_strndup(fields[i], strlen(fields[i]) - 2);
		const struct pm_json *v = pm_json_get(cfg, name);
		bool full = pm_json_len(v) || (pm_json_is(v, PM_JSON_STRING) && v->len) ||
			    (pm_json_is(v, PM_JSON_BOOL) && v->boolean);
		if (full)
			pm_json_set(pool, o, name,
				    pm_json_is(v, PM_JSON_OBJECT) ? pm_inspect_sorted(pool, v)
								  : pm_json_copy(pool, v));
	}
	pm_json_set_omitted(pool, o, fields);
	return o;
}

static void repo_digests(struct pm_json_pool *pool, const struct pm_image_row *row,
			 struct pm_json *out)
{
	_cleanup_strv_ struct pm_strv seen = PM_STRV_INIT;
	for (size_t i = 0; i < row->n_names; i++) {
		const char *name = row->names[i].name, *at = strchr(name, '@');
		const char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');
		size_t n = at			    ? (size_t)(at - name)
			   : colon && colon > slash ? (size_t)(colon - name)
						    : strlen(name);
		const char *digests[] = {row->names[i].digest, row->digest};
		for (size_t k = 0; k < 2; k++) {
			if (!digests[k] || !*digests[k])
				continue;
			_cleanup_free_ char *d = pm_asprintf("%.*s@%s", (int)n, name, digests[k]);
			if (pm_strv_has(&seen, d))
				continue;
			pm_strv_add(&seen, d);
			pm_json_add(pool, out, pm_json_str(pool, d));
		}
	}
}

static void set_or_empty(struct pm_json_pool *pool, struct pm_json *o, const char *to,
			 const struct pm_json *from, const char *name)
{
	const char *s = pm_json_get_str(from, name);
	pm_json_set_str(pool, o, to, s ? s : "");
}

int pm_inspect_image(struct pm_store *s, const struct pm_image_row *row, struct pm_json_pool *pool,
		     struct pm_json **ret, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT, past = PM_STRV_INIT;
	struct pm_json *o = pm_json_object(pool), *tags = pm_json_array(pool), *doc,
		       *digests = pm_json_array(pool), *diffs = pm_json_array(pool);
	char when[PM_TIME_SIZE], parent[65] = "";

	int r = pm_json_parse(pool, row->config ? row->config : "", row->config_len, &doc, err);
	if (r < 0)
		return pm_wrap(err, "configuration of image %.12s", row->id);
	if ((r = pm_image_layers(s, row->id, &layers, err)) < 0)
		return r;
	const struct pm_json *cfg = pm_json_get(doc, "config");
	pm_json_set_str(pool, o, "Id", row->id);
	pm_json_set_str(pool, o, "Digest", row->digest ? row->digest : "");
	for (size_t i = 0; i < row->n_names; i++)
		if (!strchr(row->names[i].name, '@'))
			pm_json_add(pool, tags, pm_json_str(pool, row->names[i].name));
	repo_digests(pool, row, digests);
	pm_json_set(pool, o, "RepoTags", tags);
	pm_json_set(pool, o, "RepoDigests", digests);
	if ((r = pm_image_parent(s, row->id, parent, err)) < 0 ||
	    (r = pm_image_past_names(s, row->id, &past, err)) < 0)
		return r;
	pm_json_set_str(pool, o, "Parent", parent);
	set_or_empty(pool, o, "Comment", doc, "comment");
	const struct pm_json *history = pm_json_get(doc, "history");
	/* The last step's comment stands for the image where it has none of its own. */
	if (!pm_json_get_str(doc, "comment") && pm_json_len(history))
		set_or_empty(pool, o, "Comment", pm_json_at(history, history->len - 1), "comment");
	pm_json_set_str(pool, o, "Created", pm_time_rfc3339(row->created, 0, when));
	pm_json_set(pool, o, "Config", image_config(pool, cfg));
	set_or_empty(pool, o, "Version", doc, "docker_version");
	set_or_empty(pool, o, "Author", doc, "author");
	pm_json_set_str(pool, o, "Architecture", row->arch ? row->arch : "");
	pm_json_set_str(pool, o, "Os", row->os ? row->os : "");
	pm_json_set_int(pool, o, "Size", row->size);
	pm_json_set_int(pool, o, "VirtualSize", row->size);
	_cleanup_free_ char *upper = NULL;
	for (size_t i = layers.n; i > 0; i--) {
		char *path = pm_store_layer_path(s, layers.v[i - 1].chain_id);
		if (i == layers.n)
			upper = path;
		else
			pm_strv_take(&lowers, path);
	}
	for (size_t i = 0; i < layers.n; i++)
		pm_json_add(pool, diffs, pm_json_str(pool, layers.v[i].diff_id));
	pm_json_set(pool, o, "GraphDriver",
		    pm_inspect_graph_driver(pool, "overlay", NULL, upper, &lowers));
	struct pm_json *rootfs = pm_json_object(pool);
	pm_json_set_str(pool, rootfs, "Type", "layers");
	pm_json_set(pool, rootfs, "Layers", diffs);
	pm_json_set(pool, o, "RootFS", rootfs);
	const struct pm_json *labels = pm_json_get(cfg, "Labels");
	pm_json_set(pool, o, "Labels",
		    pm_json_len(labels) ? pm_inspect_sorted(pool, labels) : pm_json_null(pool));
	pm_json_set(pool, o, "Annotations", pm_json_object(pool));
	if (row->manifest_len && row->manifest) {
		struct pm_json *m;
		if (pm_json_parse(pool, row->manifest, row->manifest_len, &m, NULL) >= 0 &&
		    pm_json_is(pm_json_get(m, "annotations"), PM_JSON_OBJECT))
			pm_json_set(pool, o, "Annotations",
				    pm_inspect_sorted(pool, pm_json_get(m, "annotations")));
	}
	pm_json_set_str(pool, o, "ManifestType", row->media_type ? row->media_type : "");
	set_or_empty(pool, o, "User", cfg, "User");
	pm_json_set(pool, o, "History",
		    history ? pm_json_copy(pool, history) : pm_json_null(pool));
	pm_json_set(pool, o, "NamesHistory", pm_json_strv(pool, &past));
	if (pm_json_is(pm_json_get(cfg, "Healthcheck"), PM_JSON_OBJECT))
		pm_json_set(pool, o, "Healthcheck",
			    pm_json_copy(pool, pm_json_get(cfg, "Healthcheck")));
	pm_json_set_omitted(pool, o, (const char *const[]){"Healthcheck p", NULL});
	*ret = o;
	return 0;
}
