#include "engine/kube/env.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/yaml.h"
#include "engine/kube/quantity.h"

char *pm_kube_expand(const char *text, const struct pm_strv *env)
{
	struct pm_buf b = PM_BUF_INIT;
	for (const char *p = text; *p; p++) {
		const char *end = *p == '$' && p[1] == '(' ? strchr(p + 2, ')') : NULL;
		if (*p == '$' && p[1] == '$') {
			pm_buf_add_char(&b, '$');
			p++;
			continue;
		}
		if (!end) {
			pm_buf_add_char(&b, *p);
			continue;
		}
		_cleanup_free_ char *name = pm_strndup(p + 2, (size_t)(end - p - 2));
		const char *value = pm_env_get(env, name);
		if (value)
			pm_buf_add_str(&b, value);
		else
			pm_buf_add(&b, p, (size_t)(end - p + 1));
		p = end;
	}
	return pm_buf_take(&b);
}

static bool name_is_good(const char *name)
{
	return *name && !strchr(name, '=');
}

/* --- ConfigMaps and Secrets ---------------------------------------------------------------------- */

static int data_of(const struct pm_kube_pod *p, const char *kind, const struct pm_json *ref,
		   struct pm_kube_data *ret, struct pm_err *err)
{
	const char *name = pm_json_get_str(ref, "name");
	if (!name)
		return pm_fail(err, PM_E_FORMAT, "line %u: a %s must be named", ref->line, kind);
	int r = pm_kube_data(p->e, p->set, kind, name, ret, err);
	if (r == -PM_E_NOSUCH && pm_json_get_bool(ref, "optional", false)) {
		if (err)
			pm_err_clear(err);
		return 0;
	}
	return r;
}

static int value_of(const struct pm_kube_datum *d, const char **ret, struct pm_err *err)
{
	*ret = pm_buf_str(&d->value);
	if (d->binary || strlen(*ret) != d->value.len)
		return pm_fail(err, PM_E_FORMAT, "the value of %s is binary: no variable can hold it",
			       d->key);
	return 0;
}

/* 1: *ret is its value, the caller's; 0: it is optional, and not there. */
static int from_key(const struct pm_kube_pod *p, const char *kind, const struct pm_json *ref,
		    char **ret, struct pm_err *err)
{
	_cleanup_kube_data_ struct pm_kube_data data = {0};
	const char *key = pm_json_get_str(ref, "key"), *value;
	if (!key)
		return pm_fail(err, PM_E_FORMAT, "line %u: a key must be given", ref->line);
	int r = data_of(p, kind, ref, &data, err);
	if (r < 0)
		return r;
	const struct pm_kube_datum *d = pm_kube_data_get(&data, key);
	if (!d && pm_json_get_bool(ref, "optional", false))
		return 0;
	if (!d)
		return pm_fail(err, PM_E_NOSUCH, "%s %s has no key %s", kind, pm_json_get_str(ref, "name"),
			       key);
	r = value_of(d, &value, err);
	if (r < 0)
		return r;
	*ret = pm_strdup(value);
	return 1;
}

static int from_all(const struct pm_kube_pod *p, const char *kind, const struct pm_json *ref,
		    const char *prefix, struct pm_strv *env, struct pm_err *err)
{
	_cleanup_kube_data_ struct pm_kube_data data = {0};
	int r = data_of(p, kind, ref, &data, err);
	for (size_t i = 0; r >= 0 && i < data.n; i++) {
		const char *value;
		if (data.v[i].binary)
			continue;
		_cleanup_free_ char *name = pm_asprintf("%s%s", prefix, data.v[i].key);
		if (!name_is_good(name))
			return pm_fail(err, PM_E_FORMAT, "\"%s\" is no name of a variable", name);
		r = value_of(&data.v[i], &value, err);
		if (r >= 0)
			pm_env_set(env, name, value);
	}
	return r;
}

static int env_from(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_strv *env,
		    struct pm_err *err)
{
	PM_KUBE_EACH(pm_json_get(c, "envFrom"), from) {
		const char *prefix = pm_json_get_str(from, "prefix");
		const struct pm_json *map = pm_json_get(from, "configMapRef"),
				     *secret = pm_json_get(from, "secretRef");
		int r = 0;
		if (!map && !secret)
			r = pm_fail(err, PM_E_FORMAT, "line %u: neither configMapRef nor secretRef is given",
				    from->line);
		if (map)
			r = from_all(p, "ConfigMap", map, prefix ? prefix : "", env, err);
		if (r >= 0 && secret)
			r = from_all(p, "Secret", secret, prefix ? prefix : "", env, err);
		if (r < 0)
			return pm_wrap(err, "envFrom");
	}
	return 0;
}

/* --- fields and resources ------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pm_json_member *)a)->name, ((const struct pm_json_member *)b)->name);
}

/* As in a file of a volume: KEY="VALUE" each, by name. */
static char *all_of_map(const struct pm_json *map)
{
	struct pm_buf b = PM_BUF_INIT;
	size_t n = pm_json_len(map);
	_cleanup_free_ struct pm_json_member *all = pm_calloc(n + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = map->members[i];
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 0; i < n; i++) {
		pm_buf_printf(&b, "%s=", all[i].name);
		pm_json_write(all[i].value, 0, &b);
		pm_buf_add_str(&b, "\n");
	}
	pm_buf_str(&b);
	return pm_buf_take(&b);
}

/* labels['KEY'], and in files labels */
static int from_map(const char *path, const char *map, const struct pm_json *meta, bool whole, char **ret,
		    struct pm_err *err)
{
	size_t n = strlen(map), len = strlen(path);
	if (whole && len == n) {
		*ret = all_of_map(pm_json_get(meta, map + strlen("metadata.")));
		return 1;
	}
	if (len < n + 4 || strncmp(path + n, "['", 2) != 0 || strcmp(path + len - 2, "']") != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "fieldPath %s: it must be %s['KEY']", path, map);
	_cleanup_free_ char *key = pm_strndup(path + n + 2, len - n - 4);
	const char *value = pm_json_get_str(pm_json_get(meta, map + strlen("metadata.")), key);
	*ret = pm_strdup(value ? value : "");
	return 1;
}

int pm_kube_field(const struct pm_kube_pod *p, const struct pm_json *ref, bool file, char **ret,
		  struct pm_err *err)
{
	const char *path = pm_json_get_str(ref, "fieldPath");
	char host[HOST_NAME_MAX + 1] = "";
	if (!path)
		return pm_fail(err, PM_E_FORMAT, "line %u: fieldPath must be given", ref->line);
	if (pm_startswith(path, "metadata.labels"))
		return from_map(path, "metadata.labels", p->meta, file, ret, err);
	if (pm_startswith(path, "metadata.annotations"))
		return from_map(path, "metadata.annotations", p->meta, file, ret, err);
	if (strcmp(path, "metadata.name") == 0) {
		*ret = pm_strdup(p->name);
	} else if (strcmp(path, "metadata.namespace") == 0) {
		const char *name = pm_json_get_str(p->meta, "namespace");
		*ret = pm_strdup(name ? name : "default");
	} else if (strcmp(path, "metadata.uid") == 0 && *p->id) {
		*ret = pm_strdup(p->id);
	} else if (strcmp(path, "spec.nodeName") == 0 && !file) {
		gethostname(host, sizeof(host) - 1);
		*ret = pm_strdup(host);
	} else if (strcmp(path, "spec.serviceAccountName") == 0 && !file) {
		const char *name = pm_json_get_str(p->spec, "serviceAccountName");
		*ret = pm_strdup(name ? name : "default");
	} else {
		return pm_fail(err, PM_E_UNSUPPORTED, "fieldPath %s: not known before the pod runs", path);
	}
	return 1;
}

/* What a container without a limit has: the host's. */
static int64_t host_has(bool cpu)
{
	return cpu ? sysconf(_SC_NPROCESSORS_ONLN) * 1000
		   : sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) * 1000;
}

static const struct pm_json *container_named(const struct pm_kube_pod *p, const char *name)
{
	static const char *const lists[] = {"containers", "initContainers"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++) {
		const struct pm_json *l = pm_json_get(p->spec, lists[i]);
		for (size_t k = 0; k < pm_json_len(l); k++)
			if (pm_streq(pm_json_get_str(l->items[k], "name"), name))
				return l->items[k];
	}
	return NULL;
}

int pm_kube_resource(const struct pm_kube_pod *p, const struct pm_json *c, const struct pm_json *ref,
		     char **ret, struct pm_err *err)
{
	const char *other = pm_json_get_str(ref, "containerName"),
		   *resource = pm_json_get_str(ref, "resource");
	const char *divisor = pm_yaml_text(pm_json_get(ref, "divisor"));
	int64_t milli, by = 1000;
	if (!resource)
		return pm_fail(err, PM_E_FORMAT, "line %u: resource must be given", ref->line);
	if (other && !(c = container_named(p, other)))
		return pm_fail(err, PM_E_FORMAT, "line %u: there is no container %s", ref->line, other);
	bool limit = pm_startswith(resource, "limits."), cpu = pm_endswith(resource, ".cpu");
	const char *which = strchr(resource, '.') + 1;
	const struct pm_json *all = pm_json_get(c, "resources");
	const char *text = pm_yaml_text(pm_json_get(pm_json_get(all, limit ? "limits" : "requests"), which));
	if (!text && !limit) /* a request that is not given is the limit */
		text = pm_yaml_text(pm_json_get(pm_json_get(all, "limits"), which));
	int r = text ? pm_kube_quantity(text, &milli, err) : 0;
	if (!text)
		milli = limit ? host_has(cpu) : 0;
	if (r >= 0 && divisor)
		r = pm_kube_quantity(divisor, &by, err);
	if (r < 0)
		return r;
	if (by == 0) /* as Kubernetes: the default */
		by = 1000;
	*ret = pm_asprintf("%lld", (long long)(milli / by + (milli % by != 0)));
	return 1;
}

static int from_source(const struct pm_kube_pod *p, const struct pm_json *c, const struct pm_json *from,
		       char **ret, struct pm_err *err)
{
	const struct pm_json *v;
	if ((v = pm_json_get(from, "configMapKeyRef")))
		return from_key(p, "ConfigMap", v, ret, err);
	if ((v = pm_json_get(from, "secretKeyRef")))
		return from_key(p, "Secret", v, ret, err);
	if ((v = pm_json_get(from, "fieldRef")))
		return pm_kube_field(p, v, false, ret, err);
	if ((v = pm_json_get(from, "resourceFieldRef")))
		return pm_kube_resource(p, c, v, ret, err);
	return pm_fail(err, PM_E_FORMAT, "line %u: no source is given", from->line);
}

int pm_kube_env(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_strv *ret,
		struct pm_err *err)
{
	int r = env_from(p, c, ret, err);
	if (r < 0)
		return r;
	PM_KUBE_EACH(pm_json_get(c, "env"), var) {
		const char *name = pm_json_get_str(var, "name"), *value = pm_json_get_str(var, "value");
		const struct pm_json *from = pm_json_get(var, "valueFrom");
		_cleanup_free_ char *text = NULL;
		if (!name || !name_is_good(name))
			return pm_fail(err, PM_E_FORMAT, "line %u: a variable has a name, without \"=\"",
				       var->line);
		if (value && *value && from)
			return pm_fail(err, PM_E_FORMAT, "line %u: %s has both value and valueFrom",
				       var->line, name);
		r = from ? from_source(p, c, from, &text, err) : 1;
		if (r < 0)
			return pm_wrap(err, "env %s", name);
		if (!from)
			text = pm_kube_expand(value ? value : "", ret);
		if (r > 0)
			pm_env_set(ret, name, text);
	}
	return 0;
}
