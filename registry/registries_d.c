#include "registry/registries_d.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/yaml.h"
#include "registry/scope.h"

enum { FILE_MAX = 1 << 20 };

void pm_signature_places_free(struct pm_signature_places *p)
{
	free(p->staging);
	free(p->lookaside);
	*p = (struct pm_signature_places){0};
}

/* All files as one object: "default-docker" and "docker". */
struct merged {
	struct pm_json_pool *pool;
	struct pm_json *fallback, *scopes;
};

static int merge(struct merged *m, const char *path, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &text, err);
	if (r >= 0)
		r = pm_yaml_parse(m->pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "read %s", path);
	struct pm_json *fallback = pm_json_get(root, "default-docker"), *scopes = pm_json_get(root, "docker");
	if (fallback && m->fallback)
		return pm_fail(err, PM_E_FORMAT, "%s: default-docker is given twice", path);
	if (fallback)
		m->fallback = fallback;
	for (size_t i = 0; pm_json_is(scopes, PM_JSON_OBJECT) && i < scopes->len; i++) {
		const struct pm_json_member *one = &scopes->members[i];
		if (pm_json_get(m->scopes, one->name))
			return pm_fail(err, PM_E_FORMAT, "%s: '%s' is given twice", path, one->name);
		pm_json_set(m->pool, m->scopes, one->name, one->value);
	}
	return 0;
}

static int load(const char *dir, struct merged *m, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	_cleanup_free_ char *user = config && *config
					    ? pm_asprintf("%s/containers/registries.d", config)
				    : home && *home
					    ? pm_asprintf("%s/.config/containers/registries.d", home)
					    : NULL;
	if (!dir)
		dir = user && access(user, F_OK) == 0 ? user : "/etc/containers/registries.d";
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_list(AT_FDCWD, dir, &names, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && err)
		*err = why;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, names.v[i]);
		if (pm_endswith(names.v[i], ".yaml"))
			r = merge(m, path, err);
	}
	return r;
}

int pm_registries_d_find(const char *dir, const struct pm_reference *ref,
			 struct pm_signature_places *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct merged m = {.pool = pool, .scopes = pm_json_object(pool)};
	_cleanup_free_ char *name = pm_reference_str(ref);
	int r = load(dir, &m, err);
	if (r < 0)
		return r;
	const struct pm_json *section = pm_scope_find(m.scopes, name, false);
	if (!section)
		section = m.fallback;
	const char *lookaside = pm_json_get_str(section, "lookaside");
	if (!lookaside)
		lookaside = pm_json_get_str(section, "sigstore"); /* its name before */
	const char *home = getenv("HOME"), *staging = pm_json_get_str(section, "lookaside-staging");
	if (!staging)
		staging = pm_json_get_str(section, "sigstore-staging");
	*ret = (struct pm_signature_places){
		.staging = pm_strdup_null(staging),
		.lookaside = lookaside ? pm_strdup(lookaside)
			     : section ? NULL
			     : pm_proc_for_system()
				     ? pm_strdup("file:///var/lib/containers/sigstore")
				     : pm_asprintf("file://%s/.local/share/containers/sigstore",
						   home ? home : ""),
		.attachments = pm_json_get_bool(section, "use-sigstore-attachments", false),
	};
	return 0;
}

int pm_signature_places_directory(const struct pm_signature_places *places,
				  const struct pm_reference *ref, char **ret, struct pm_err *err)
{
	const char *url = places->staging ? places->staging : places->lookaside;
	if (!url)
		return pm_fail(err, PM_E_UNSUPPORTED, "registries.d gives %s no lookaside storage for "
						      "signatures",
			       ref->domain);
	if (!pm_startswith(url, "file:///"))
		return pm_fail(err, PM_E_UNSUPPORTED, "signatures for %s cannot be written to %.300s: "
						      "registries.d must give a lookaside-staging of "
						      "the form file:///...",
			       ref->domain, url);
	*ret = pm_strdup(url + strlen("file://"));
	return 0;
}
