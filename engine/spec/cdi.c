#include "engine/spec/cdi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/yaml.h"
#include "engine/spec/hooks.h"

#define MAX_SPEC_FILE (4 << 20)

static const char name_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";

bool pm_cdi_is_name(const char *device)
{
	size_t vendor = strspn(device, name_chars);
	if (vendor == 0 || device[vendor] != '/')
		return false;
	const char *class_ = device + vendor + 1;
	size_t n = strspn(class_, name_chars);
	const char *name = class_ + n + 1;
	return n > 0 && class_[n] == '=' && *name && !name[strspn(name, name_chars)];
}

/* --- edits ------------------------------------------------------------------------------------ */

/* How many items to look at; 0 also for what is no list: its members are no items. */
static size_t items(const struct pm_json *l)
{
	return pm_json_is(l, PM_JSON_ARRAY) ? pm_json_len(l) : 0;
}

static int add_mounts(struct pm_gen *g, const struct pm_json *l, struct pm_json *mounts,
		      struct pm_err *err)
{
	for (size_t i = 0; i < items(l); i++) {
		const struct pm_json *m = l->items[i];
		const char *host = pm_json_get_str(m, "hostPath");
		const char *dest = pm_json_get_str(m, "containerPath"), *type = pm_json_get_str(m, "type");
		if (!host || !dest || host[0] != '/' || dest[0] != '/')
			return pm_fail(err, PM_E_FORMAT, "a mount without hostPath or containerPath");
		const struct pm_json *options = pm_json_get(m, "options");
		struct pm_json *o = pm_json_object(g->pool);
		pm_json_set_str(g->pool, o, "destination", dest);
		pm_json_set_str(g->pool, o, "type", type ? type : "bind");
		pm_json_set_str(g->pool, o, "source", host);
		struct pm_json *opts = pm_json_is(options, PM_JSON_ARRAY) ? pm_json_copy(g->pool, options)
									  : pm_json_array(g->pool);
		if (opts->len == 0)
			pm_json_add(g->pool, opts, pm_json_str(g->pool, "bind"));
		pm_json_set(g->pool, o, "options", opts);
		pm_json_add(g->pool, mounts, o);
	}
	return 0;
}

static int add_env(struct pm_gen *g, const struct pm_json *l, struct pm_err *err)
{
	struct pm_json *env = pm_json_get(g->process, "env");
	for (size_t i = 0; i < items(l); i++) {
		const struct pm_json *v = l->items[i];
		if (!pm_json_is(v, PM_JSON_STRING) || !strchr(v->string, '=') || v->string[0] == '=')
			return pm_fail(err, PM_E_FORMAT, "a variable that is not NAME=VALUE");
		pm_json_add(g->pool, env, pm_json_str(g->pool, v->string));
	}
	return 0;
}

static int add_hooks(struct pm_gen *g, const struct pm_json *l, struct pm_err *err)
{
	static const char *const members[] = {"path", "args", "env", "timeout"};
	for (size_t i = 0; i < items(l); i++) {
		const char *path = pm_json_get_str(l->items[i], "path");
		if (!path || path[0] != '/')
			return pm_fail(err, PM_E_FORMAT, "a hook without an absolute path");
		struct pm_json *o = pm_json_object(g->pool);
		for (size_t k = 0; k < PM_ARRAY_SIZE(members); k++) {
			const struct pm_json *v = pm_json_get(l->items[i], members[k]);
			if (v)
				pm_json_set(g->pool, o, members[k], pm_json_copy(g->pool, v));
		}
		int r = pm_gen_add_hook(g, pm_json_get_str(l->items[i], "hookName"), o, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_nodes(const struct pm_json *l, const struct pm_cdi_sink *sink, struct pm_err *err)
{
	for (size_t i = 0; i < items(l); i++) {
		const char *path = pm_json_get_str(l->items[i], "path");
		const char *host = pm_json_get_str(l->items[i], "hostPath");
		const char *perm = pm_json_get_str(l->items[i], "permissions");
		if (!path)
			return pm_fail(err, PM_E_FORMAT, "a device node without a path");
		int r = sink->device(sink->arg, host ? host : path, path, perm ? perm : "rwm", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_groups(struct pm_gen *g, const struct pm_json *l, struct pm_err *err)
{
	struct pm_json *user = pm_json_get(g->process, "user"), *gids;
	for (size_t i = 0; i < items(l); i++) {
		int64_t id;
		if (pm_json_as_int(l->items[i], &id, NULL) < 0 || id <= 0 || id > INT32_MAX)
			return pm_fail(err, PM_E_FORMAT, "additionalGids: no id");
		gids = pm_json_get(user, "additionalGids");
		if (!gids)
			gids = pm_json_set(g->pool, user, "additionalGids", pm_json_array(g->pool));
		pm_json_add(g->pool, gids, pm_json_int(g->pool, id));
	}
	return 0;
}

static int edit(struct pm_gen *g, const struct pm_json *e, const struct pm_cdi_sink *sink,
		struct pm_err *err)
{
	int r = add_nodes(pm_json_get(e, "deviceNodes"), sink, err);
	if (r >= 0)
		r = add_mounts(g, pm_json_get(e, "mounts"), sink->mounts, err);
	if (r >= 0)
		r = add_env(g, pm_json_get(e, "env"), err);
	if (r >= 0)
		r = add_hooks(g, pm_json_get(e, "hooks"), err);
	if (r >= 0)
		r = add_groups(g, pm_json_get(e, "additionalGids"), err);
	return r;
}

/* --- specifications ----------------------------------------------------------------------------- */

int pm_cdi_parse(struct pm_json_pool *pool, const char *text, size_t len, bool json,
		 struct pm_json **ret, struct pm_err *err)
{
	static const char *const versions[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", NULL};
	int r = json ? pm_json_parse(pool, text, len, ret, err) : pm_yaml_parse(pool, text, len, ret, err);
	if (r < 0)
		return r;
	const struct pm_json *v = pm_json_get(*ret, "cdiVersion");
	const char *version = v ? pm_yaml_text(v) : NULL; /* 0.5.0 unquoted is no number */
	if (!version || !pm_str_in(version, versions))
		return pm_fail(err, PM_E_FORMAT, "cdiVersion \"%s\" is not supported", version ? version : "");
	return 0;
}

static int read_spec(struct pm_json_pool *pool, const char *path, struct pm_json **ret,
		     struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, MAX_SPEC_FILE, &text, err);
	return r < 0 ? r
		     : pm_cdi_parse(pool, pm_buf_str(&text), text.len, pm_endswith(path, ".json"), ret,
				    err);
}

const struct pm_json *pm_cdi_device(const struct pm_json *spec, const char *kind, const char *name)
{
	const struct pm_json *l = pm_json_get(spec, "devices");
	if (!pm_streq(pm_json_get_str(spec, "kind"), kind))
		return NULL;
	for (size_t i = 0; i < items(l); i++)
		if (pm_streq(pm_json_get_str(l->items[i], "name"), name))
			return l->items[i];
	return NULL;
}

/* The last directory whose file has it. A file that is not understood matters only when nothing else has. */
static int find(struct pm_gen *g, const char *kind, const char *name, struct pm_json **ret_spec,
		const struct pm_json **ret_device, struct pm_err *why)
{
	const struct pm_strv *dirs = g->env->cdi_dirs;
	*ret_device = NULL;
	for (size_t i = dirs ? dirs->n : 0; i > 0 && !*ret_device; i--) {
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
		if (pm_fs_list(AT_FDCWD, dirs->v[i - 1], &names, NULL) < 0)
			continue;
		for (size_t k = 0; k < names.n && !*ret_device; k++) {
			_cleanup_free_ char *path = pm_path_join(dirs->v[i - 1], names.v[k]);
			if (!pm_endswith(path, ".json") && !pm_endswith(path, ".yaml") &&
			    !pm_endswith(path, ".yml"))
				continue;
			struct pm_err bad = PM_ERR_INIT;
			if (read_spec(g->pool, path, ret_spec, &bad) < 0)
				pm_fail(why, bad.code, "%s: %s", path, bad.text);
			else
				*ret_device = pm_cdi_device(*ret_spec, kind, name);
		}
	}
	return *ret_device != NULL;
}

int pm_cdi_edit(struct pm_gen *g, const struct pm_json *spec, const struct pm_json *device,
		const struct pm_cdi_sink *sink, struct pm_err *err)
{
	int r = edit(g, pm_json_get(spec, "containerEdits"), sink, err);
	return r < 0 ? r : edit(g, pm_json_get(device, "containerEdits"), sink, err);
}

int pm_cdi_add(struct pm_gen *g, const char *device, const struct pm_cdi_sink *sink,
	       struct pm_err *err)
{
	const char *eq = strchr(device, '=');
	_cleanup_free_ char *kind = pm_strndup(device, (size_t)(eq - device));
	struct pm_err why = PM_ERR_INIT;
	struct pm_json *spec = NULL;
	const struct pm_json *d;
	if (!find(g, kind, eq + 1, &spec, &d, &why))
		return pm_fail(err, PM_E_NOSUCH, "setting up CDI devices: unresolvable CDI devices %s%s%s",
			       device, why.code ? ": " : "", why.text);
	int r = pm_cdi_edit(g, spec, d, sink, err);
	return r < 0 ? pm_wrap(err, "CDI device %s", device) : 0;
}
