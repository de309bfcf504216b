#include "registry/scope.h"

#include <string.h>

#include "base/mem.h"

const struct pm_json *pm_scope_find(const struct pm_json *scopes, const char *name, bool wildcards)
{
	_cleanup_free_ char *key = pm_strdup(name);
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
	if (!wildcards || !scopes)
		return NULL;
	/* a.b.example.org: *.b.example.org, *.example.org, *.org */
	for (const char *dot = strchr(key, '.'); dot; dot = strchr(dot + 1, '.')) {
		_cleanup_free_ char *wild = pm_asprintf("*%s", dot);
		const struct pm_json *v = pm_json_get(scopes, wild);
		if (v)
			return v;
	}
	return NULL;
}
