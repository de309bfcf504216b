#include "engine/labels.h"

#include <fnmatch.h>
#include <string.h>

struct pm_json *pm_labels_tree(struct pm_json_pool *pool, const struct pm_strv *words)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i], *eq = strchr(w, '=');
		_cleanup_free_ char *name = eq ? pm_strndup(w, (size_t)(eq - w)) : pm_strdup(w);
		pm_json_set_str(pool, map, name, eq ? eq + 1 : "");
	}
	return map;
}

char *pm_labels_text(const struct pm_strv *words)
{
	if (!words || !words->n)
		return NULL;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_labels_tree(pool, words), 0, &b);
	return pm_buf_take(&b);
}

struct pm_json *pm_labels_parse(struct pm_json_pool *pool, const char *text)
{
	struct pm_json *map = NULL;
	if (!text || pm_json_parse(pool, text, strlen(text), &map, NULL) < 0 ||
	    !pm_json_is(map, PM_JSON_OBJECT))
		map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	return map;
}

/* A name with an asterisk is looked for anywhere in a label's name, as Podman does. */
static bool fits(const char *pattern, const char *name)
{
	if (strcmp(pattern, name) == 0)
		return true;
	if (!strchr(pattern, '*'))
		return false;
	_cleanup_free_ char *within = pm_asprintf("*%s*", pattern);
	return fnmatch(within, name, 0) == 0;
}

static bool any_fits(const struct pm_json *labels, const char *wanted, bool pattern)
{
	const char *eq = strchr(wanted, '=');
	_cleanup_free_ char *name =
		eq ? pm_strndup(wanted, (size_t)(eq - wanted)) : pm_strdup(wanted);
	for (size_t i = 0; i < pm_json_len(labels); i++) {
		const struct pm_json_member *m = &labels->members[i];
		bool named = pattern ? fits(name, m->name) : strcmp(name, m->name) == 0;
		if (named && pm_json_is(m->value, PM_JSON_STRING) &&
		    (!eq || !eq[1] || strcmp(m->value->string, eq + 1) == 0))
			return true;
	}
	return false;
}

bool pm_labels_has(const struct pm_json *labels, const char *label)
{
	return any_fits(labels, label, false);
}

bool pm_labels_match(const struct pm_json *labels, const char *filter)
{
	return any_fits(labels, filter, true);
}
