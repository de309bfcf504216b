#include "registry/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "registry/reference.h"
#include "registry/scope.h"

enum { POLICY_MAX = 1 << 20 };

/* What a signature requirement must have, and may. Anything else is a policy that would not be enforced. */
static int check_requirement(const struct pm_json *v, const char *file, struct pm_err *err)
{
	static const char *const known[] = {"type", "keyType", "keyPath", "keyPaths", "keyData",
					    "keyDatas", "signedIdentity", NULL};
	const char *type = pm_json_get_str(v, "type");
	bool gpg = pm_streq(type, "signedBy");
	if (!gpg && !pm_streq(type, "sigstoreSigned"))
		return pm_fail(err, PM_E_FORMAT, "%s: unknown policy requirement type \"%.100s\"", file,
			       type ? type : "");
	if (gpg && !pm_streq(pm_json_get_str(v, "keyType"), "GPGKeys"))
		return pm_fail(err, PM_E_FORMAT, "%s: signedBy with a keyType other than GPGKeys", file);
	int keys = 0;
	for (size_t i = 0; i < v->len; i++) {
		const char *name = v->members[i].name;
		size_t k = 0;
		while (known[k] && strcmp(known[k], name) != 0)
			k++;
		if (!known[k] || (!gpg && strcmp(name, "keyType") == 0))
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "%s: requirement %s has \"%.100s\", which is not supported", file,
				       type, name);
		keys += pm_startswith(name, "keyPath") || pm_startswith(name, "keyData");
	}
	if (keys != 1)
		return pm_fail(err, PM_E_FORMAT, "%s: exactly one of keyPath, keyPaths, keyData and "
						 "keyDatas must be given in %s",
			       file, type);
	return 0;
}

int pm_policy_decide(const char *text, size_t len, const char *file, const char *transport,
		     const char *scope, struct pm_json_pool *pool, const struct pm_json **ret,
		     struct pm_err *err)
{
	struct pm_json *root;
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r < 0)
		return pm_wrap(err, "read %s", file);
	const struct pm_json *scopes = pm_json_find(root, "transports", transport, NULL);
	const struct pm_json *list = pm_scope_find(scopes, scope, strcmp(transport, "docker") == 0);
	if (!list)
		list = pm_json_get(scopes, "");
	if (!list)
		list = pm_json_get(root, "default");
	if (!pm_json_is(list, PM_JSON_ARRAY) || !list->len)
		return pm_fail(err, PM_E_FORMAT, "%s: no requirements for %s:%s", file, transport,
			       scope);
	bool signatures = false;
	for (size_t i = 0; i < list->len; i++) {
		const char *type = pm_json_get_str(list->items[i], "type");
		if (pm_streq(type, "insecureAcceptAnything"))
			continue;
		if (pm_streq(type, "reject"))
			return pm_fail(err, PM_E_REMOTE,
				       "image %s:%s is rejected by policy (%s)", transport, scope,
				       file);
		if (!pm_json_is(list->items[i], PM_JSON_OBJECT))
			return pm_fail(err, PM_E_FORMAT, "%s: a requirement is not an object", file);
		r = check_requirement(list->items[i], file, err);
		if (r < 0)
			return r;
		signatures = true;
	}
	if (signatures && ret)
		*ret = list;
	return signatures;
}

/* The full name of a registry's image, as scopes are written. The caller frees. */
static char *full_scope(const char *transport, const char *scope)
{
	struct pm_reference ref;
	if (strcmp(transport, "docker") != 0 || pm_reference_parse_docker(scope, &ref, NULL) < 0)
		return pm_strdup(scope);
	pm_reference_default_tag(&ref);
	char *ret = pm_reference_str(&ref);
	pm_reference_free(&ref);
	return ret;
}

int pm_policy_find(const char *file, const char *transport, const char *scope,
		   struct pm_json_pool *pool, const struct pm_json **ret, struct pm_err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *user =
		config && *config ? pm_asprintf("%s/containers/policy.json", config)
		: home && *home	  ? pm_asprintf("%s/.config/containers/policy.json", home)
				  : NULL;
	_cleanup_free_ char *full = full_scope(transport, scope);
	const char *paths[] = {file, user, "/etc/containers/policy.json"};
	for (size_t i = 0; i < 3; i++) {
		if (!paths[i])
			continue;
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		struct pm_err why = PM_ERR_INIT;
		int r = pm_fs_read_file(AT_FDCWD, paths[i], POLICY_MAX, &text, &why);
		if ((r == -ENOENT || r == -ENOTDIR) && !(i == 0 && file))
			continue;
		if (r < 0) {
			if (err)
				*err = why;
			return pm_wrap(err, "read the signature policy");
		}
		return pm_policy_decide(pm_buf_str(&text), text.len, paths[i], transport, full, pool,
					ret, err);
	}
	return 0;
}

int pm_policy_check(const char *file, const char *transport, const char *scope, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_policy_find(file, transport, scope, pool, NULL, err);
}
