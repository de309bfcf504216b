#include "registry/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

enum { POLICY_MAX = 1 << 20 };

/* The requirements for scope: the most specific key of "NAME:TAG", "HOST/A/B", "HOST/A", "HOST", "*.DOMAIN". */
static const struct pm_json *requirements(const struct pm_json *root, const char *transport,
					  const char *scope)
{
	const struct pm_json *scopes = pm_json_find(root, "transports", transport, NULL);
	_cleanup_free_ char *key = pm_strdup(scope);
	while (scopes && *key) {
		const struct pm_json *v = pm_json_get(scopes, key);
		if (v)
			return v;
		/* Cut the digest, the tag, then one component after the other. */
		char *at = strrchr(key, '@'), *slash = strrchr(key, '/'), *colon = strrchr(key, ':');
		if (at)
			*at = '\0';
		else if (colon && (slash ? colon > slash : false))
			*colon = '\0';
		else if (slash)
			*slash = '\0';
		else
			break;
	}
	for (const char *dot = strchr(key, '.'); scopes && dot; dot = strchr(dot + 1, '.')) {
		_cleanup_free_ char *wild = pm_asprintf("*%s", dot);
		const struct pm_json *v = pm_json_get(scopes, wild);
		if (v)
			return v;
	}
	const struct pm_json *v = pm_json_get(scopes, "");
	return v ? v : pm_json_get(root, "default");
}

int pm_policy_decide(const char *text, size_t len, const char *file, const char *transport,
		     const char *scope, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r < 0)
		return pm_wrap(err, "read %s", file);
	const struct pm_json *list = requirements(root, transport, scope);
	if (!pm_json_is(list, PM_JSON_ARRAY) || !list->len)
		return pm_fail(err, PM_E_FORMAT, "%s: no requirements for %s:%s", file, transport,
			       scope);
	for (size_t i = 0; i < list->len; i++) {
		const char *type = pm_json_get_str(list->items[i], "type");
		if (pm_streq(type, "insecureAcceptAnything"))
			continue;
		if (pm_streq(type, "reject"))
			return pm_fail(err, PM_E_REMOTE,
				       "image %s:%s is rejected by policy (%s)", transport, scope,
				       file);
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "image %s:%s must be signed (%s) by %s, and signatures cannot be "
			       "verified by this program",
			       transport, scope, type ? type : "an unknown requirement", file);
	}
	return 0;
}

int pm_policy_check(const char *file, const char *transport, const char *scope, struct pm_err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *user =
		config && *config ? pm_asprintf("%s/containers/policy.json", config)
		: home && *home	  ? pm_asprintf("%s/.config/containers/policy.json", home)
				  : NULL;
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
		return pm_policy_decide(pm_buf_str(&text), text.len, paths[i], transport, scope,
					err);
	}
	return 0;
}
