#include "engine/build/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/build/worker_parts.h"
#include "engine/container/bundle.h"
#include "engine/container/commit.h"
#include "engine/container/create.h"
#include "engine/container/remove.h"
#include "engine/container/userns.h"
#include "engine/image/changes.h"
#include "engine/image/make.h"
#include "registry/manifest.h"
#include "storage/image.h"

/* --- the document ------------------------------------------------------------------------------- */

static void set_platform(struct pm_worker *w, const char *os, const char *arch, const char *variant)
{
	free(w->os);
	free(w->arch);
	free(w->variant);
	w->os = pm_strdup(os && *os ? os : "linux");
	w->arch = pm_strdup(arch && *arch ? arch : "amd64");
	w->variant = variant && *variant ? pm_strdup(variant) : NULL;
}

static void empty_document(struct pm_worker *w, const struct pm_worker_options *o)
{
	struct pm_platform p = {.os = o->os, .arch = o->arch, .variant = o->variant};
	pm_platform_default(&p);
	set_platform(w, p.os, p.arch, o->variant);
	w->document = pm_json_object(w->pool);
	pm_json_set_str(w->pool, w->document, "architecture", w->arch);
	pm_json_set_str(w->pool, w->document, "os", w->os);
	if (w->variant)
		pm_json_set_str(w->pool, w->document, "variant", w->variant);
	pm_json_set(w->pool, w->document, "config", pm_json_object(w->pool));
}

static int parse_document(struct pm_worker *w, const char *text, size_t len, struct pm_err *err)
{
	int r = pm_json_parse(w->pool, text, len, &w->document, err);
	if (r >= 0 && !pm_json_is(w->document, PM_JSON_OBJECT))
		r = pm_fail(err, PM_E_FORMAT, "it is no object");
	if (r < 0)
		return pm_wrap(err, "the image's configuration");
	set_platform(w, pm_json_get_str(w->document, "os"), pm_json_get_str(w->document, "architecture"),
		     pm_json_get_str(w->document, "variant"));
	return 0;
}

static int image_document(struct pm_worker *w, const char *image_id, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	int r = pm_image_by_id(w->e->store, image_id, PM_IMAGE_CONFIG, &image, err);
	if (r >= 0)
		r = parse_document(w, image.config, image.config_len, err);
	if (r < 0)
		return r;
	/* of the container that made that image */
	pm_json_unset(w->document, "container");
	pm_json_unset(w->document, "container_config");
	pm_json_unset(w->document, "comment");
	return 0;
}

struct pm_json *pm_worker_config(struct pm_worker *w)
{
	struct pm_json *c = pm_json_get(w->document, "config");
	return pm_json_is(c, PM_JSON_OBJECT)
		       ? c
		       : pm_json_set(w->pool, w->document, "config", pm_json_object(w->pool));
}

void pm_worker_set_platform(struct pm_worker *w, const char *os, const char *arch, const char *variant)
{
	if (!os && !arch && !variant)
		return;
	struct pm_platform p = {.os = os ? os : w->os, .arch = arch ? arch : w->arch};
	pm_platform_default(&p); /* as Go spells it */
	/* another architecture's variant is none of this one */
	if (!variant && strcmp(p.arch, w->arch) == 0)
		variant = w->variant;
	_cleanup_free_ char *new_os = pm_strdup(p.os), *new_arch = pm_strdup(p.arch),
			    *new_variant = pm_strdup_null(variant);
	set_platform(w, new_os, new_arch, new_variant);
	pm_json_set_str(w->pool, w->document, "architecture", w->arch);
	pm_json_set_str(w->pool, w->document, "os", w->os);
	if (w->variant)
		pm_json_set_str(w->pool, w->document, "variant", w->variant);
	else
		pm_json_unset(w->document, "variant");
}

const char *pm_worker_image(const struct pm_worker *w)
{
	return w->c.config.image_id;
}

/* --- life --------------------------------------------------------------------------------------- */

int pm_ctr_config_copy(const struct pm_ctr_config *from, struct pm_ctr_config *to, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_ctr_config_from_json(pm_ctr_config_to_json(pool, from), to, err);
}

static void fill_config(struct pm_worker *w, const struct pm_worker_options *o)
{
	struct pm_ctr_config *k = &w->c.config;
	pm_strv_free(&k->entrypoint);
	pm_strv_free(&k->command);
	pm_strv_add(&k->command, "/bin/sh"); /* something has to be there; a run brings its own */
	free(k->image_volume);
	k->image_volume = pm_strdup("ignore");
	free(k->log_driver);
	k->log_driver = pm_strdup("none");
	free(k->working);
	k->working = pm_strdup(o->own ? "own" : "build");
	free(k->name);
	k->name = pm_strdup_null(o->name);
	free(k->image);
	k->image = pm_strdup(o->image_name ? o->image_name : o->image_id ? o->image_id : "scratch");
	free(k->systemd);
	k->systemd = pm_strdup("false");
	/* nothing of a build is worth waiting for the disk but its images */
	k->rm = !o->own;
}

int pm_worker_new(struct pm_engine *e, const struct pm_worker_options *o, struct pm_worker *w,
		  struct pm_err *err)
{
	char id[65];
	pm_random_hex(32, id);
	const struct pm_create_options co = {.id = id, .image_id = o->image_id, .user_entrypoint = true};
	w->e = e;
	w->pool = pm_json_pool_new();
	pm_container_init(&w->c);
	int r = pm_store_need_db(e->store, err);
	if (r >= 0 && o->base)
		r = pm_ctr_config_copy(o->base, &w->c.config, err);
	if (r >= 0 && o->image_id)
		r = image_document(w, o->image_id, err);
	else if (r >= 0)
		empty_document(w, o);
	if (r < 0)
		return r;
	fill_config(w, o);
	/* before its row is there: a sweep must not take it for one that was left */
	w->alive = o->own ? -1 : pm_store_lock(e->store, "build", id, PM_LOCK_EXCLUSIVE, true, err);
	if (!o->own && w->alive < 0)
		return w->alive;
	r = pm_container_create(e, &w->c, &co, err);
	return r < 0 || !o->own ? r : pm_worker_save(w, err);
}

int pm_worker_load(struct pm_engine *e, const char *name, struct pm_worker *w, struct pm_err *err)
{
	w->e = e;
	w->pool = pm_json_pool_new();
	pm_container_init(&w->c);
	int r = pm_store_need_db(e->store, err);
	if (r >= 0)
		r = pm_container_load(e, name, &w->c, err);
	if (r < 0)
		return r;
	const struct pm_ctr_config *k = &w->c.config;
	if (!pm_streq(k->working, "own") || !k->image_document)
		return pm_fail(err, PM_E_STATE, "container %s is no working container of yours: make one with "
			       "\"buildah from\"", w->c.row.name);
	w->used = true;
	return parse_document(w, k->image_document, strlen(k->image_document), err);
}

int pm_worker_save(struct pm_worker *w, struct pm_err *err)
{
	struct pm_buf text = PM_BUF_INIT;
	pm_json_write(w->document, 0, &text);
	free(w->c.config.image_document);
	w->c.config.image_document = pm_buf_take(&text);
	return pm_container_save_config(w->e, &w->c, err);
}

int pm_worker_remove(struct pm_worker *w, struct pm_err *err)
{
	const struct pm_remove_options ro = {.force = true, .volumes = true, .timeout = 0, .no_sweep = true};
	int r = w->c.row.id ? pm_container_remove(w->e, &w->c, &ro, err) : 0;
	if (w->alive >= 0)
		close(pm_steal_fd(&w->alive));
	return r;
}

void pm_worker_free(struct pm_worker *w)
{
	struct pm_err err = PM_ERR_INIT;
	if (w->alive >= 0 && pm_worker_remove(w, &err) < 0 && err.code != PM_E_NOSUCH)
		pm_warn("remove the working container %s: %s", w->c.row.name, err.text);
	if (w->e)
		pm_container_free(&w->c);
	pm_json_pool_free(w->pool);
	free(w->arch);
	free(w->os);
	free(w->variant);
	*w = (struct pm_worker)PM_WORKER_INIT;
}

int pm_workers_sweep(struct pm_engine *e, struct pm_err *err)
{
	const struct pm_remove_options ro = {.force = true, .volumes = true, .timeout = 0, .no_sweep = true};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_ctr_of_builds(e->store, &ids, err);
	bool any = false;
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		struct pm_err why = PM_ERR_INIT;
		_cleanup_close_ int alive =
			pm_store_lock(e->store, "build", ids.v[i], PM_LOCK_EXCLUSIVE, false, NULL);
		if (alive < 0)
			continue;
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		int x = pm_container_load(e, ids.v[i], &c, &why);
		if (x >= 0)
			x = pm_container_remove(e, &c, &ro, &why);
		if (x < 0 && x != -PM_E_NOSUCH)
			pm_warn("remove container %.12s, which a build left: %s", ids.v[i], why.text);
		any = true;
	}
	if (any)
		pm_engine_sweep(e);
	return r < 0 ? r : 0;
}

/* --- its files ---------------------------------------------------------------------------------- */

int pm_worker_root(struct pm_worker *w, struct pm_worker_root *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	_cleanup_free_ char *dir = pm_store_ctr_path(w->e->store, w->c.row.id);
	_cleanup_free_ char *merged = pm_path_join(dir, "merged"), *upper = pm_path_join(dir, "upper"),
			    *work = pm_path_join(dir, "work");
	enum pm_store_driver driver;
	int r = pm_userns_get(w->e->store->runroot_fd, &ret->userns, err);
	if (r >= 0 && pm_userns_needed()) {
		_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
		r = pm_userns_default_map(&map, err);
		ret->single_id = map.single;
	}
	if (r >= 0)
		r = pm_container_lowers(w->e, &w->c, &lowers, err);
	if (r >= 0)
		r = pm_ctr_userns_lowers(w->e, &w->c, &lowers, err);
	if (r >= 0)
		r = pm_idmaps_decode(&w->c.config.id_uids, &w->c.config.id_gids, &ret->maps, err);
	if (r >= 0)
		r = pm_bundle_driver(w->e, &driver, err);
	if (r < 0)
		return r;
	const struct pm_overlay root = {
		.method = pm_bundle_overlay_method(driver),
		.lowers = (const char *const *)lowers.v,
		.n_lowers = lowers.n,
		.upper = upper,
		.work = work,
		.target = merged,
	};
	const struct pm_view_spec spec = {.userns = ret->userns, .root = &root, .dir = merged};
	r = pm_view_open(&spec, &ret->view, err);
	ret->dir = ret->view.dir;
	pm_worker_mark_used(w);
	return r < 0 ? pm_wrap(err, "files of working container %s", w->c.row.name) : 0;
}

void pm_worker_root_close(struct pm_worker_root *r)
{
	pm_view_close(&r->view);
	pm_idmaps_free(&r->maps);
	if (r->userns >= 0)
		close(r->userns);
	*r = (struct pm_worker_root)PM_WORKER_ROOT_INIT;
}

void pm_worker_mark_used(struct pm_worker *w)
{
	w->used = true;
	/* with vfs the files are a whole copy from now on, and commit asks the row */
	if (!w->c.row.started)
		w->c.row.started = pm_time_now();
}

/* --- images ------------------------------------------------------------------------------------- */

static struct pm_json *history_of(struct pm_worker *w)
{
	struct pm_json *history = pm_json_get(w->document, "history");
	return pm_json_is(history, PM_JSON_ARRAY)
		       ? history
		       : pm_json_set(w->pool, w->document, "history", pm_json_array(w->pool));
}

static struct pm_json *add_line(struct pm_worker *w, const char *created_by, int64_t created)
{
	char when[40];
	pm_time_format(created, when);
	struct pm_json *step = pm_json_add(w->pool, history_of(w), pm_json_object(w->pool));
	pm_json_set_str(w->pool, step, "created", when);
	pm_json_set_str(w->pool, step, "created_by", created_by);
	return step;
}

void pm_worker_history(struct pm_worker *w, const char *created_by, int64_t created)
{
	pm_json_set_bool(w->pool, add_line(w, created_by, created), "empty_layer", true);
}

/* The lines that are not empty are as many as there are layers. */
static void add_history(struct pm_worker *w, const struct pm_worker_commit *o, bool layer)
{
	if (o->omit_history) {
		pm_json_unset(w->document, "history");
		return;
	}
	struct pm_json *history = history_of(w);
	for (size_t i = 0; o->squash && i < history->len; i++)
		pm_json_set_bool(w->pool, history->items[i], "empty_layer", true);
	if (!o->created_by && !(layer && !history->len)) {
		if (layer)
			pm_json_unset(history->items[history->len - 1], "empty_layer");
		return;
	}
	struct pm_json *step = add_line(w, o->created_by ? o->created_by : "/bin/sh", o->created);
	if (o->author && *o->author)
		pm_json_set_str(w->pool, step, "author", o->author);
	if (o->comment && *o->comment)
		pm_json_set_str(w->pool, step, "comment", o->comment);
	if (!layer)
		pm_json_set_bool(w->pool, step, "empty_layer", true);
}

static int commit_layers(struct pm_worker *w, const struct pm_worker_commit *o, bool layer,
			 const struct pm_layer_list *below, struct pm_stage **stage,
			 struct pm_fetch_layer *made, char ret_id[65], struct pm_err *err)
{
	int r = layer && o->take && !o->squash && !o->clamp ? pm_worker_take_layer(w, stage, made, err) : 0;
	if (r == 0 && layer)
		r = pm_container_layer(w->e, &w->c, o->squash, o->clamp ? &o->created : NULL, o->progress, stage,
				       made, err);
	if (r < 0)
		return r;
	const struct pm_image_make m = {
		.pool = w->pool,
		.config = w->document,
		.below = below->v,
		.n_below = o->squash ? 0 : below->n,
		.layer = layer ? made : NULL,
		.stage = *stage,
		.layer_dir = "0",
		.docker = o->docker,
		.annotations = o->annotations,
		.created = o->created,
		.arch = w->arch,
		.os = w->os,
		.variant = w->variant,
		.name = o->name,
		.progress = o->progress,
	};
	pm_json_set(w->pool, w->document, "config", pm_changes_canonical(w->pool, pm_worker_config(w)));
	if (o->author && *o->author)
		pm_json_set_str(w->pool, w->document, "author", o->author);
	add_history(w, o, layer);
	return pm_image_make(w->e->store, &m, ret_id, err);
}

int pm_worker_commit(struct pm_worker *w, const struct pm_worker_commit *o, char ret_id[65],
		     struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list below = {0};
	struct pm_stage *stage = NULL;
	struct pm_fetch_layer made = {0};
	bool layer = w->used || (o->squash && pm_worker_image(w));
	int r = pm_worker_image(w) ? pm_image_layers(w->e->store, pm_worker_image(w), &below, err) : 0;
	if (r >= 0 && layer && !o->squash && below.n >= PM_LAYERS_MAX)
		r = pm_fail(err, PM_E_UNSUPPORTED, "image %.12s has %zu layers already: use --squash",
			    pm_worker_image(w), below.n);
	if (r >= 0)
		r = commit_layers(w, o, layer, &below, &stage, &made, ret_id, err);
	if (r >= 0)
		snprintf(w->committed, sizeof(w->committed), "%s", ret_id);
	if (stage)
		pm_fetch_drop_stage(w->e->store, &stage);
	free(made.diff_id);
	free(made.blob);
	return r < 0 ? r : 0;
}

/* With ids of its own: what it changed stays below what it will change, instead of a copy of the whole new image. */
static int keep_upper(struct pm_worker *w, struct pm_err *err)
{
	struct pm_ctr_config *k = &w->c.config;
	char from[128], to[160];
	snprintf(from, sizeof(from), "containers/%s/upper", w->c.row.id);
	snprintf(to, sizeof(to), "containers/%s/" PM_CTR_MAPPED_DIR, w->c.row.id, (long long)k->mapped_dirs);
	if (!k->mapped_dirs)
		k->mapped_image = pm_strdup_null(k->image_id);
	if (renameat(w->e->store->root_fd, from, w->e->store->root_fd, to) < 0)
		return pm_fail_sys(err, "move '%s'", from);
	k->mapped_dirs++;
	return 0;
}

/* It starts from another image as a whole: what it kept of its own goes. */
static int drop_kept(struct pm_worker *w, struct pm_err *err)
{
	struct pm_ctr_config *k = &w->c.config;
	int r = 0;
	for (; r >= 0 && k->mapped_dirs > 0; k->mapped_dirs--) {
		char path[160];
		snprintf(path, sizeof(path), "containers/%s/" PM_CTR_MAPPED_DIR, w->c.row.id,
			 (long long)k->mapped_dirs - 1);
		r = pm_trash_dir(w->e->store, w->e->store->root_fd, path, err);
	}
	free(pm_steal(&k->mapped_image));
	return r;
}

/* Fresh directories for what it changes: the old ones go, its layer has what was in them. */
static int renew_dirs(struct pm_worker *w, bool keep, struct pm_err *err)
{
	static const char *const parts[] = {"upper", "work"};
	int root = w->e->store->root_fd;
	if (keep) {
		int r = keep_upper(w, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(parts); i++) {
		char path[128];
		snprintf(path, sizeof(path), "containers/%s/%s", w->c.row.id, parts[i]);
		int r = keep && i == 0 ? 0 : pm_trash_dir(w->e->store, root, path, err);
		if (r < 0)
			return r;
		if (mkdirat(root, path, i == 0 ? 0755 : 0700) < 0)
			return pm_fail_sys(err, "make directory %s", path);
	}
	return pm_ctr_userns_give(w->e, &w->c, "upper", err);
}

int pm_worker_rebase(struct pm_worker *w, const char *image_id, struct pm_err *err)
{
	int r = pm_ctr_set_image(w->e->store, w->c.row.id, image_id, err);
	bool grows = w->c.config.id_uids.n && strcmp(w->committed, image_id) == 0;
	if (r >= 0 && w->used)
		r = renew_dirs(w, grows, err);
	if (r >= 0 && !grows)
		r = drop_kept(w, err);
	if (r < 0)
		return r;
	free(w->c.config.image_id);
	free(w->c.row.image_id);
	w->c.config.image_id = pm_strdup(image_id);
	w->c.row.image_id = pm_strdup(image_id);
	w->c.row.started = 0;
	w->used = false;
	return image_document(w, image_id, err);
}
