#include "engine/kube/volume_data.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "engine/kube/env.h"

/* path, which is relative and without "..", below dir. Of two the later one counts, as in Kubernetes. */
static int write_file(int dir, const char *path, mode_t mode, const char *data, size_t len, struct pm_err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_close_ int parent = -1;
	_cleanup_free_ char *above = slash ? pm_strndup(path, (size_t)(slash - path)) : NULL;
	if (above)
		parent = pm_fs_mkdir_in(dir, above, 0755, err);
	if (above && parent < 0)
		return parent;
	_cleanup_close_ int fd = pm_fs_open_in(above ? parent : dir, slash ? slash + 1 : path,
					       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, err);
	int r = fd < 0 ? fd : pm_fs_write_all(fd, data, len, err);
	if (r >= 0 && fchmod(fd, mode) < 0)
		r = pm_fail_sys(err, "set the mode of %s", path);
	return r;
}

bool pm_kube_path_is_good(const char *path)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	pm_strv_split(&parts, path, '/');
	for (size_t i = 0; i < parts.n; i++)
		if (!*parts.v[i] || strcmp(parts.v[i], ".") == 0 || strcmp(parts.v[i], "..") == 0)
			return false;
	return true;
}

/* --- configMap, secret --------------------------------------------------------------------------- */

/* items: these keys only, at these paths. */
static int write_items(int dir, const struct pm_json *items, const struct pm_kube_data *data,
		       bool optional, int64_t default_mode, struct pm_err *err)
{
	PM_KUBE_EACH(items, item) {
		const char *key = pm_json_get_str(item, "key"), *path = pm_json_get_str(item, "path");
		int64_t mode;
		int r = pm_kube_int(item, "mode", 0, 0777, default_mode, &mode, err);
		if (r < 0)
			return r;
		if (!key || !path || !pm_kube_path_is_good(path))
			return pm_fail(err, PM_E_FORMAT, "line %u: an item has a key, and a relative path "
							 "without \"..\"", item->line);
		const struct pm_kube_datum *d = pm_kube_data_get(data, key);
		if (!d && !optional)
			return pm_fail(err, PM_E_NOSUCH, "there is no key %s", key);
		r = d ? write_file(dir, path, (mode_t)mode, d->value.data, d->value.len, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* kind: "ConfigMap" or "Secret". */
static int fill_data(const struct pm_kube_pod *p, const char *kind, const char *name, const struct pm_json *v,
		     int64_t mode, int dir, struct pm_err *err)
{
	_cleanup_kube_data_ struct pm_kube_data data = {0};
	const struct pm_json *items = pm_json_get(v, "items");
	bool optional = pm_json_get_bool(v, "optional", false);
	if (!name)
		return pm_fail(err, PM_E_FORMAT, "line %u: the %s must be named", v->line, kind);
	int r = pm_kube_data(p->e, p->set, kind, name, &data, err);
	if (r == -PM_E_NOSUCH && optional) {
		if (err)
			pm_err_clear(err);
		return 0;
	}
	if (r >= 0 && pm_json_len(items))
		return write_items(dir, items, &data, optional, mode, err);
	for (size_t i = 0; r >= 0 && i < data.n; i++)
		r = write_file(dir, data.v[i].key, (mode_t)mode, data.v[i].value.data, data.v[i].value.len, err);
	return r < 0 ? r : 0;
}

/* --- downwardAPI --------------------------------------------------------------------------------- */

static int fill_downward(const struct pm_kube_pod *p, const struct pm_json *v, int64_t default_mode, int dir,
			 struct pm_err *err)
{
	PM_KUBE_EACH(pm_json_get(v, "items"), item) {
		const char *path = pm_json_get_str(item, "path");
		const struct pm_json *field = pm_json_get(item, "fieldRef"),
				     *resource = pm_json_get(item, "resourceFieldRef");
		_cleanup_free_ char *text = NULL;
		int64_t mode;
		if (!path || !pm_kube_path_is_good(path) || !!field + !!resource != 1)
			return pm_fail(err, PM_E_FORMAT, "line %u: an item has a relative path without \"..\", and one "
							 "of fieldRef and resourceFieldRef", item->line);
		if (resource && !pm_json_get_str(resource, "containerName"))
			return pm_fail(err, PM_E_FORMAT, "line %u: containerName must be given in a volume",
				       resource->line);
		int r = pm_kube_int(item, "mode", 0, 0777, default_mode, &mode, err);
		if (r >= 0)
			r = field ? pm_kube_field(p, field, true, &text, err)
				  : pm_kube_resource(p, NULL, resource, &text, err);
		if (r >= 0)
			r = write_file(dir, path, (mode_t)mode, text, strlen(text), err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- all of them --------------------------------------------------------------------------------- */

static int fill(const struct pm_kube_pod *p, const char *kind, const struct pm_json *v, const char *secret_key,
		int64_t mode, int dir, struct pm_err *err)
{
	if (strcmp(kind, "configMap") == 0)
		return fill_data(p, "ConfigMap", pm_json_get_str(v, "name"), v, mode, dir, err);
	if (strcmp(kind, "secret") == 0)
		return fill_data(p, "Secret", pm_json_get_str(v, secret_key), v, mode, dir, err);
	return fill_downward(p, v, mode, dir, err);
}

int pm_kube_volume_fill(const struct pm_kube_pod *p, const char *kind, const struct pm_json *v, int dir,
			struct pm_err *err)
{
	static const char *const kinds[] = {"configMap", "downwardAPI", "secret"};
	int64_t mode;
	int r = pm_kube_int(v, "defaultMode", 0, 0777, 0644, &mode, err);
	if (r >= 0 && strcmp(kind, "projected") != 0)
		return fill(p, kind, v, "secretName", mode, dir, err);
	PM_KUBE_EACH(pm_json_get(v, "sources"), source) {
		for (size_t i = 0; r >= 0 && i < PM_ARRAY_SIZE(kinds); i++) {
			const struct pm_json *one = pm_json_get(source, kinds[i]);
			r = one ? fill(p, kinds[i], one, "name", mode, dir, err) : 0;
		}
		if (r < 0)
			return r;
	}
	return r;
}
