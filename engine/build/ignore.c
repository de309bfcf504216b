#include "engine/build/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "engine/build/glob.h"

struct rule {
	struct pm_glob *glob;
	bool keep; /* "!" */
};

struct pm_ignore {
	struct rule *rules;
	size_t n, cap;
};

struct pm_ignore *pm_ignore_new(void)
{
	return PM_NEW(struct pm_ignore);
}

void pm_ignore_free(struct pm_ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->n; i++)
		pm_glob_free(ig->rules[i].glob);
	free(ig->rules);
	free(ig);
}

int pm_ignore_add(struct pm_ignore *ig, const char *pattern, struct pm_err *err)
{
	struct rule rule = {.keep = *pattern == '!'};
	pattern += rule.keep;
	pattern += strspn(pattern, " \t");
	if (!*pattern)
		return rule.keep ? pm_fail(err, PM_E_USAGE, "\"!\" without a pattern") : 0;
	_cleanup_free_ char *clean = pm_path_clean(pattern);
	const char *p = clean + (*clean == '/');
	if (!*p || strcmp(p, ".") == 0) /* the root is always there */
		return 0;
	if (ig->n == PM_IGNORE_PATTERNS)
		return pm_fail(err, PM_E_USAGE, "more than %d patterns", PM_IGNORE_PATTERNS);
	int r = pm_glob_new(p, &rule.glob, err);
	if (r < 0)
		return r;
	if (ig->n == ig->cap) {
		ig->cap = ig->cap * 2 + 16;
		ig->rules = pm_reallocarray(ig->rules, ig->cap, sizeof(*ig->rules));
	}
	ig->rules[ig->n++] = rule;
	return 0;
}

int pm_ignore_add_file(struct pm_ignore *ig, const char *name, const char *text, size_t len,
		       struct pm_err *err)
{
	const char *end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (unsigned int line = 1; text < end; line++) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		_cleanup_free_ char *s = pm_strndup(text, (size_t)((nl ? nl : end) - text));
		text = nl ? nl + 1 : end;
		if (*s == '#')
			continue;
		char *pattern = s + strspn(s, " \t\r\v\f");
		size_t n = strlen(pattern);
		while (n && strchr(" \t\r\v\f", pattern[n - 1]))
			pattern[--n] = '\0';
		int r = pm_ignore_add(ig, pattern, err);
		if (r < 0)
			return pm_wrap(err, "%s:%u", name, line);
	}
	return 0;
}

enum pm_ignore_answer pm_ignore_match(const struct pm_ignore *ig, const char *path)
{
	bool drop = false, below = false;
	if (!ig || !*path)
		return PM_IGNORE_KEEP;
	for (size_t i = 0; i < ig->n; i++) {
		const struct rule *rule = &ig->rules[i];
		if (!rule->keep &&
		    drop) { /* nothing new for path, but for what was let in below it */
			below = below && !(pm_glob_match(rule->glob, path) &
					   (PM_GLOB_SELF | PM_GLOB_PARENT));
			continue;
		}
		unsigned int m = pm_glob_match(rule->glob, path);
		if (m & (PM_GLOB_SELF | PM_GLOB_PARENT))
			drop = !rule->keep;
		else if (rule->keep && m & PM_GLOB_BELOW)
			below = true;
		if (m & (PM_GLOB_SELF | PM_GLOB_PARENT))
			below = false;
	}
	return !drop ? PM_IGNORE_KEEP : below ? PM_IGNORE_DROP_SELF : PM_IGNORE_DROP;
}

static int read_rules(int dirfd, const char *path, struct pm_ignore **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_ignore_ struct pm_ignore *ig = pm_ignore_new();
	int r = dirfd == AT_FDCWD ? pm_fs_read_file(AT_FDCWD, path, PM_IGNORE_MAX, &text, err)
				  : pm_fs_read_in(dirfd, path, PM_IGNORE_MAX, &text, err);
	if (r < 0)
		return r;
	r = pm_ignore_add_file(ig, path, pm_buf_str(&text), text.len, err);
	if (r >= 0)
		*ret = pm_steal(&ig);
	return r;
}

int pm_ignore_find(const char *given, const char *containerfile, int context,
		   struct pm_ignore **ret, struct pm_err *err)
{
	static const char *const names[] = {".containerignore", ".dockerignore"};
	*ret = NULL;
	if (given)
		return read_rules(AT_FDCWD, given, ret, err);
	for (size_t i = 0; i < 2 * PM_ARRAY_SIZE(names); i++) {
		bool beside = i < PM_ARRAY_SIZE(names);
		const char *name = names[i % PM_ARRAY_SIZE(names)];
		if (beside ? !containerfile : context < 0)
			continue;
		_cleanup_free_ char *path = pm_asprintf("%s%s", beside ? containerfile : "", name);
		int r = read_rules(beside ? AT_FDCWD : context, path, ret, err);
		if (r != -ENOENT && r != -ENOTDIR)
			return r;
	}
	pm_err_clear(err);
	return 0;
}
