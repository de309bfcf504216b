#include "engine/container/env_expand.h"

#include <string.h>

static const char name_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* The brace that closes what begins at p. */
static const char *closing(const char *p)
{
	for (int depth = 1; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '{' && p[-1] == '$')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

/* What is between the braces, from p on; *ret_next is what follows them. */
static int braces(const char *p, const struct pm_strv *env, struct pm_buf *out,
		  const char **ret_next, struct pm_err *err)
{
	const char *end = closing(p);
	size_t n = strspn(p, name_chars);
	if (!end || n == 0)
		return pm_fail(err, PM_E_USAGE, "%s in \"${%s\"", end ? "no name" : "no closing brace", p);
	_cleanup_free_ char *name = pm_strndup(p, n);
	const char *value = pm_env_get(env, name);
	*ret_next = end + 1;
	if (p + n == end) {
		pm_buf_add_str(out, value ? value : "");
		return 0;
	}
	char op = p[n] == ':' ? p[n + 1] : '\0';
	if (op != '-' && op != '+')
		return pm_fail(err, PM_E_USAGE, "unsupported modifier in \"${%s\"", p);
	bool set = value && *value;
	if (set && op == '-') {
		pm_buf_add_str(out, value);
		return 0;
	}
	if (set != (op == '+'))
		return 0;
	_cleanup_free_ char *word = pm_strndup(p + n + 2, (size_t)(end - p) - n - 2);
	_cleanup_free_ char *text = NULL;
	int r = pm_env_expand(word, env, &text, err);
	if (r >= 0)
		pm_buf_add_str(out, text);
	return r;
}

int pm_env_expand(const char *word, const struct pm_strv *env, char **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	for (const char *p = word; *p;) {
		size_t n = p[0] == '$' ? strspn(p + 1, name_chars) : 0;
		if (p[0] == '\\' && p[1]) {
			pm_buf_add_char(&out, p[1]);
			p += 2;
		} else if (p[0] == '$' && p[1] == '{') {
			int r = braces(p + 2, env, &out, &p, err);
			if (r < 0)
				return r;
		} else if (n > 0) {
			_cleanup_free_ char *name = pm_strndup(p + 1, n);
			const char *value = pm_env_get(env, name);
			pm_buf_add_str(&out, value ? value : "");
			p += n + 1;
		} else {
			pm_buf_add_char(&out, *p++);
		}
	}
	*ret = pm_buf_take(&out);
	return 0;
}
