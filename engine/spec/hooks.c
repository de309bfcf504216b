#include "engine/spec/hooks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define MAX_HOOK_FILE (1 << 20)

static int matches(const char *pattern, const char *text, struct pm_err *err)
{
	regex_t re;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return pm_fail(err, PM_E_FORMAT, "\"%s\" is no regular expression", pattern);
	int r = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return r;
}

static int any_annotation(const struct pm_json *all, const char *name, const char *value,
			  struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < pm_json_len(all) && r == 0; i++) {
		const char *v = pm_json_is(all->members[i].value, PM_JSON_STRING)
					? all->members[i].value->string
					: "";
		r = matches(name, all->members[i].name, err);
		if (r > 0)
			r = matches(value, v, err);
	}
	return r;
}

/* All conditions that are set must hold, and one must be set. */
static int when_holds(const struct pm_json *when, const struct pm_hook_facts *f, struct pm_err *err)
{
	static const char *const known[] = {"always", "annotations", "commands", "hasBindMounts", NULL};
	size_t held = 0;
	if (when && !pm_json_is(when, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "when: no object");
	for (size_t i = 0; i < pm_json_len(when); i++) {
		const struct pm_json *v = when->members[i].value;
		const char *name = when->members[i].name;
		int r = 1;
		if (!pm_str_in(name, known))
			return pm_fail(err, PM_E_FORMAT, "unknown condition \"%s\"", name);
		if (strcmp(name, "always") == 0) {
			r = pm_json_is(v, PM_JSON_BOOL) && v->boolean;
		} else if (strcmp(name, "hasBindMounts") == 0) {
			r = pm_json_is(v, PM_JSON_BOOL) && v->boolean && f->has_bind_mounts;
		} else if (strcmp(name, "annotations") == 0) {
			if (!pm_json_is(v, PM_JSON_OBJECT))
				return pm_fail(err, PM_E_FORMAT, "annotations: no object");
			for (size_t k = 0; k < pm_json_len(v) && r > 0; k++)
				r = !pm_json_is(v->members[k].value, PM_JSON_STRING)
					    ? pm_fail(err, PM_E_FORMAT, "annotations: no string")
					    : any_annotation(f->annotations, v->members[k].name,
							     v->members[k].value->string, err);
		} else if (pm_json_len(v) > 0) {
			if (!pm_json_is(v, PM_JSON_ARRAY))
				return pm_fail(err, PM_E_FORMAT, "commands: no list");
			r = 0;
			for (size_t k = 0; k < v->len && r == 0; k++)
				r = pm_json_is(v->items[k], PM_JSON_STRING)
					    ? matches(v->items[k]->string, f->command, err)
					    : pm_fail(err, PM_E_FORMAT, "commands: no string");
		}
		if (r <= 0)
			return r;
		held += pm_json_is(v, PM_JSON_BOOL) || pm_json_len(v) > 0;
	}
	return held > 0;
}

static int check_hook(const struct pm_json *hook, struct pm_err *err)
{
	const char *path = pm_json_get_str(hook, "path");
	if (!pm_json_is(hook, PM_JSON_OBJECT) || !path || path[0] != '/')
		return pm_fail(err, PM_E_FORMAT, "hook.path must be an absolute path");
	if (access(path, F_OK) < 0)
		return pm_fail_sys(err, "hook %s", path);
	return 0;
}

int pm_hook_match(struct pm_json_pool *pool, const char *text, size_t len,
		  const struct pm_hook_facts *facts, struct pm_json **ret_hook,
		  const struct pm_json **ret_stages, struct pm_err *err)
{
	struct pm_json *root;
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r < 0)
		return r;
	const char *version = pm_json_get_str(root, "version");
	if (!pm_streq(version, "1.0.0"))
		return pm_fail(err, PM_E_FORMAT, "version \"%s\" of hooks is not supported: 1.0.0 is",
			       version ? version : "");
	const struct pm_json *stages = pm_json_get(root, "stages");
	if (!pm_json_is(stages, PM_JSON_ARRAY) || stages->len == 0)
		return pm_fail(err, PM_E_FORMAT, "missing stages");
	if (!pm_json_is(pm_json_get(root, "when"), PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "missing \"when\"");
	r = check_hook(pm_json_get(root, "hook"), err);
	if (r >= 0)
		r = when_holds(pm_json_get(root, "when"), facts, err);
	*ret_hook = pm_json_get(root, "hook");
	*ret_stages = stages;
	return r;
}

int pm_gen_add_hook(struct pm_gen *g, const char *stage, struct pm_json *hook, struct pm_err *err)
{
	static const char *const known[] = {"prestart",	      "createRuntime", "createContainer",
					    "startContainer", "poststart",     "poststop", NULL};
	if (!stage || !pm_str_in(stage, known))
		return pm_fail(err, PM_E_FORMAT, "unknown stage \"%s\" of a hook", stage ? stage : "");
	struct pm_json *hooks = pm_json_get(g->root, "hooks");
	if (!hooks)
		hooks = pm_json_set(g->pool, g->root, "hooks", pm_json_object(g->pool));
	struct pm_json *list = pm_json_get(hooks, stage);
	if (!list)
		list = pm_json_set(g->pool, hooks, stage, pm_json_array(g->pool));
	pm_json_add(g->pool, list, hook);
	return 0;
}

/* --- the directories -------------------------------------------------------------------------- */

struct entry {
	char *name, *path;
};

static int lower_case(const void *a, const void *b)
{
	return strcasecmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

struct entries {
	struct entry *v;
	size_t n;
};

static void entries_free(struct entries *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].path);
	}
	free(l->v);
}

static int collect(const char *dir, struct entries *l, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(AT_FDCWD, dir, &names, err);
	if (r == -ENOENT) {
		pm_err_clear(err);
		return 0;
	}
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		if (!pm_endswith(names.v[i], ".json"))
			continue;
		size_t k = 0;
		while (k < l->n && strcmp(l->v[k].name, names.v[i]) != 0)
			k++;
		if (k == l->n) {
			l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
			l->v[l->n++] = (struct entry){pm_strdup(names.v[i]), NULL};
		}
		free(l->v[k].path);
		l->v[k].path = pm_asprintf("%s/%s", dir, names.v[i]);
	}
	return r;
}

static bool has_binds(const struct pm_ctr_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (pm_streq(c->mounts[i].type, "bind"))
			return true;
	return false;
}

static int add_file(struct pm_gen *g, const char *path, const struct pm_hook_facts *facts,
		    struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *hook;
	const struct pm_json *stages;
	int r = pm_fs_read_file(AT_FDCWD, path, MAX_HOOK_FILE, &text, err);
	if (r >= 0)
		r = pm_hook_match(g->pool, pm_buf_str(&text), text.len, facts, &hook, &stages, err);
	for (size_t i = 0; r > 0 && i < stages->len; i++) {
		const struct pm_json *s = stages->items[i];
		int x = pm_gen_add_hook(g, pm_json_is(s, PM_JSON_STRING) ? s->string : NULL, hook, err);
		r = x < 0 ? x : r;
	}
	return r < 0 ? pm_wrap(err, "hook %s", path) : 0;
}

int pm_gen_hooks(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_strv *dirs = g->env->hooks_dirs;
	_cleanup_(entries_free) struct entries files = {0};
	int r = 0;
	for (size_t i = 0; dirs && i < dirs->n && r >= 0; i++)
		r = collect(dirs->v[i], &files, err);
	if (r < 0 || files.n == 0)
		return r < 0 ? pm_wrap(err, "hooks") : 0;
	qsort(files.v, files.n, sizeof(*files.v), lower_case);
	const char *command = g->c->entrypoint.n ? g->c->entrypoint.v[0]
			      : g->c->command.n	 ? g->c->command.v[0]
						 : "";
	struct pm_hook_facts facts = {.annotations = g->annotations,
				      .command = command,
				      .has_bind_mounts = has_binds(g->c)};
	for (size_t i = 0; i < files.n && r >= 0; i++)
		r = add_file(g, files.v[i].path, &facts, err);
	return r;
}
