#include "engine/container/commit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "engine/container/pause.h"
#include "engine/container/tree.h"
#include "engine/events/events.h"
#include "engine/image/changes.h"
#include "engine/image/fetch.h"
#include "engine/image/make.h"
#include "engine/image/resolve.h"
#include "registry/manifest.h"
#include "storage/image.h"

struct commit {
	struct pm_engine *e;
	struct pm_container *c;
	const struct pm_commit_options *o;
	struct pm_image_row image; /* what the container was made from */
	struct pm_layer_list below;
	struct pm_stage *stage;
	struct pm_fetch_layer layer;
	struct pm_json_pool *pool;
	struct pm_json *config; /* the image's document */
	char *name;             /* NULL: none */
};

/* --- the config ------------------------------------------------------------------------------- */

static void set_list(struct commit *k, struct pm_json *config, const char *name,
		     const struct pm_strv *l)
{
	if (l->n)
		pm_json_set(k->pool, config, name, pm_json_strv(k->pool, l));
	else
		pm_json_unset(config, name);
}

/* Variables of proxies are the host's affair, unless the image says otherwise. */
static bool is_proxy(const char *var)
{
	static const char *const names[] = {"http_proxy=", "https_proxy=", "ftp_proxy=", "no_proxy="};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		if (strncasecmp(var, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static bool image_has(const struct pm_json *env, const char *var)
{
	size_t n = strcspn(var, "=") + 1;
	for (size_t i = 0; i < pm_json_len(env); i++) {
		const struct pm_json *v = pm_json_at(env, i);
		if (pm_json_is(v, PM_JSON_STRING) && strncmp(v->string, var, n) == 0)
			return true;
	}
	return false;
}

static void set_env(struct commit *k, struct pm_json *config)
{
	const struct pm_json *had = pm_json_get(config, "Env");
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	for (size_t i = 0; i < k->c->config.env.n; i++) {
		const char *var = k->c->config.env.v[i];
		if (!is_proxy(var) || image_has(had, var))
			pm_strv_add(&env, var);
	}
	set_list(k, config, "Env", &env);
}

static struct pm_json *map_of(struct commit *k, struct pm_json *config, const char *name)
{
	struct pm_json *m = pm_json_get(config, name);
	return pm_json_is(m, PM_JSON_OBJECT)
		       ? m
		       : pm_json_set(k->pool, config, name, pm_json_object(k->pool));
}

static void set_maps(struct commit *k, struct pm_json *config)
{
	const struct pm_ctr_config *c = &k->c->config;
	char port[64];
	for (size_t i = 0; i < c->labels.n; i++) {
		_cleanup_free_ char *name = pm_strdup(c->labels.v[i]);
		char *value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		pm_json_set_str(k->pool, map_of(k, config, "Labels"), name, value ? value : "");
	}
	for (size_t i = 0; i < c->n_ports; i++) {
		for (int64_t p = 0; p < c->ports[i].range || p == 0; p++) {
			snprintf(port, sizeof(port), "%lld/%s",
				 (long long)(c->ports[i].container_port + p),
				 c->ports[i].protocol ? c->ports[i].protocol : "tcp");
			pm_json_set(k->pool, map_of(k, config, "ExposedPorts"), port,
				    pm_json_object(k->pool));
		}
	}
	for (size_t i = 0; k->o->include_volumes && i < c->n_mounts; i++) {
		if (!c->mounts[i].from_image && c->mounts[i].dest)
			pm_json_set(k->pool, map_of(k, config, "Volumes"), c->mounts[i].dest,
				    pm_json_object(k->pool));
	}
}

/* The container's own settings over the image's, then the user's changes. */
static int change_config(struct commit *k, struct pm_err *err)
{
	const struct pm_ctr_config *c = &k->c->config;
	struct pm_json *config = map_of(k, k->config, "config");
	char sig[16];
	set_env(k, config);
	set_list(k, config, "Entrypoint", &c->entrypoint);
	set_list(k, config, "Cmd", &c->command);
	if (c->user)
		pm_json_set_str(k->pool, config, "User", c->user);
	if (c->workdir)
		pm_json_set_str(k->pool, config, "WorkingDir", c->workdir);
	if (c->stop_signal != PM_UNSET && c->stop_signal > 0)
		pm_json_set_str(k->pool, config, "StopSignal",
				pm_signal_name((int)c->stop_signal, sig));
	set_maps(k, config);
	int r = pm_changes_apply(k->pool, config, k->o->changes, err);
	if (r >= 0)
		pm_json_set(k->pool, k->config, "config", pm_changes_canonical(k->pool, config));
	return r;
}

static void add_history(struct commit *k, const char *when)
{
	struct pm_json *history = pm_json_get(k->config, "history"), *step = pm_json_object(k->pool);
	if (!pm_json_is(history, PM_JSON_ARRAY) || k->o->squash)
		history = pm_json_set(k->pool, k->config, "history", pm_json_array(k->pool));
	_cleanup_free_ char *command = pm_strv_join(&k->c->config.command, " ");
	pm_json_set_str(k->pool, step, "created", when);
	pm_json_set_str(k->pool, step, "created_by", *command ? command : "/bin/sh");
	if (k->o->author)
		pm_json_set_str(k->pool, step, "author", k->o->author);
	if (k->o->message)
		pm_json_set_str(k->pool, step, "comment", k->o->message);
	pm_json_add(k->pool, history, step);
}

/* The rest of the image's document; its layers and its date are the image's maker's. */
static void complete_config(struct commit *k, int64_t created)
{
	char when[40];
	pm_time_format(created, when);
	if (k->o->author)
		pm_json_set_str(k->pool, k->config, "author", k->o->author);
	/* of the container that made the image before this one */
	pm_json_unset(k->config, "container");
	pm_json_unset(k->config, "container_config");
	if (k->o->docker && k->o->message)
		pm_json_set_str(k->pool, k->config, "comment", k->o->message);
	else
		pm_json_unset(k->config, "comment");
	add_history(k, when);
}

/* --- the layer -------------------------------------------------------------------------------- */

int pm_container_layer(struct pm_engine *e, const struct pm_container *c, bool merged,
		       const int64_t *mtime, const struct pm_pull_progress *progress, struct pm_stage **ret_stage,
		       struct pm_fetch_layer *ret, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	_cleanup_wire_ struct pm_wire request = PM_WIRE_INIT;
	int r = pm_tree_of_container(e, c, "commit", &tree, err);
	if (r < 0)
		return r;
	pm_wire_add(&request, "op", "commit");
	pm_wire_add(&request, "tree", tree.paths.v[0]);
	pm_wire_add_int(&request, "copied", tree.copied);
	pm_wire_add_int(&request, "merged", merged);
	if (mtime)
		pm_wire_add_int(&request, "mtime", *mtime / PM_NS_PER_SEC);
	for (size_t i = 1; i < tree.paths.n; i++)
		pm_wire_add(&request, "base", tree.paths.v[i]);
	for (size_t i = 0; i < c->config.id_uids.n; i++)
		pm_wire_add(&request, "uids", c->config.id_uids.v[i]);
	for (size_t i = 0; i < c->config.id_gids.n; i++)
		pm_wire_add(&request, "gids", c->config.id_gids.v[i]);
	r = pm_stage_new(e->store, ret_stage, err);
	return r < 0 ? r
		     : pm_fetch_layer(e->store, *ret_stage, "0", &request, -1, progress, ret, err);
}

static int make_layer(struct commit *k, const struct pm_pull_progress *progress, struct pm_err *err)
{
	return pm_container_layer(k->e, k->c, k->o->squash, NULL, progress, &k->stage, &k->layer, err);
}

static int lock_and_pack(struct commit *k, const struct pm_pull_progress *progress,
			 struct pm_err *err)
{
	struct pm_container *c = k->c;
	_cleanup_close_ int lock = pm_container_lock(k->e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(k->e, &c->row, &c->state);
	if (!c->state.pid)
		return make_layer(k, progress, err);
	close(pm_steal_fd(&lock)); /* `stop` must not wait for us */
	bool pause = k->o->pause && c->state.status == PM_STATUS_RUNNING;
	int r = pause ? pm_container_pause(k->e, c, err) : 0;
	if (r < 0)
		return r;
	r = make_layer(k, progress, err);
	struct pm_err why = PM_ERR_INIT;
	if (pause && pm_container_unpause(k->e, c, &why) < 0 && why.code != PM_E_STATE && r >= 0)
		r = pm_fail(err, why.code, "%s", why.text);
	return r;
}

/* --- the image -------------------------------------------------------------------------------- */

static int commit_image(struct commit *k, const struct pm_pull_progress *progress, char ret_id[65],
			struct pm_err *err)
{
	struct pm_image_make m = {
		.pool = k->pool,
		.config = k->config,
		.below = k->below.v,
		.n_below = k->o->squash ? 0 : k->below.n,
		.layer = &k->layer,
		.stage = k->stage,
		.layer_dir = "0",
		.docker = k->o->docker,
		.created = pm_image_now(),
		.arch = k->image.arch,
		.os = k->image.os,
		.variant = k->image.variant,
		.name = k->name,
		.progress = progress,
	};
	complete_config(k, m.created);
	return pm_image_make(k->e->store, &m, ret_id, err);
}

static int load_image(struct commit *k, struct pm_err *err)
{
	const char *id = k->c->config.image_id;
	if (!id)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot commit container %s: it was made from no image (--rootfs)",
			       k->c->row.name);
	int r = pm_image_by_id(k->e->store, id, PM_IMAGE_CONFIG, &k->image, err);
	if (r >= 0)
		r = pm_image_layers(k->e->store, id, &k->below, err);
	if (r >= 0)
		r = pm_json_parse(k->pool, k->image.config, k->image.config_len, &k->config, err);
	if (r >= 0 && k->below.n >= PM_LAYERS_MAX && !k->o->squash)
		r = pm_fail(err, PM_E_UNSUPPORTED, "image %.12s has %zu layers already: use --squash", id,
			    k->below.n);
	return r;
}

int pm_container_commit(struct pm_engine *e, struct pm_container *c,
			const struct pm_commit_options *o, const struct pm_pull_progress *progress,
			char ret_id[65], struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct commit k = {.e = e, .c = c, .o = o, .pool = pool};
	int r = o->name && *o->name ? pm_image_new_name(o->name, &k.name, err) : 0;
	if (r >= 0)
		r = load_image(&k, err);
	if (r >= 0)
		r = change_config(&k, err);
	if (r >= 0)
		r = lock_and_pack(&k, progress, err);
	if (r >= 0)
		r = commit_image(&k, progress, ret_id, err);
	if (k.stage)
		pm_fetch_drop_stage(e->store, &k.stage);
	if (r >= 0)
		pm_event_container(e, c, "commit");
	free(k.layer.diff_id);
	free(k.layer.blob);
	free(k.name);
	pm_layer_list_free(&k.below);
	pm_image_row_free(&k.image);
	return r < 0 ? r : 0;
}
