#include "base/buf.h"

#include <stdio.h>
#include <string.h>

char *pm_buf_reserve(struct pm_buf *b, size_t extra)
{
	if (b->cap - b->len < extra + 1 || !b->data) {
		size_t want = b->len + extra + 1;
		size_t cap = b->cap ? b->cap : 64;
		while (cap < want)
			cap *= 2;
		b->data = pm_reallocarray(b->data, cap, 1);
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void pm_buf_free(struct pm_buf *b)
{
	free(b->data);
	*b = (struct pm_buf)PM_BUF_INIT;
}

void pm_buf_add(struct pm_buf *b, const void *bytes, size_t len)
{
	char *p = pm_buf_reserve(b, len);
	if (len)
		memcpy(p, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void pm_buf_add_str(struct pm_buf *b, const char *s)
{
	pm_buf_add(b, s, strlen(s));
}

void pm_buf_add_char(struct pm_buf *b, char c)
{
	pm_buf_add(b, &c, 1);
}

void pm_buf_vprintf(struct pm_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0) {
		char *p = pm_buf_reserve(b, (size_t)n);
		vsnprintf(p, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void pm_buf_printf(struct pm_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pm_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void pm_buf_cut(struct pm_buf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
		b->data[len] = '\0';
	}
}

char *pm_buf_take(struct pm_buf *b)
{
	char *s = b->data ? b->data : pm_strdup("");
	*b = (struct pm_buf)PM_BUF_INIT;
	return s;
}

const char *pm_buf_str(const struct pm_buf *b)
{
	return b->data ? b->data : "";
}

void pm_strv_free(struct pm_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct pm_strv)PM_STRV_INIT;
}

void pm_strv_take(struct pm_strv *l, char *s)
{
	if (l->cap < l->n + 2) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = pm_reallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void pm_strv_add(struct pm_strv *l, const char *s)
{
	pm_strv_take(l, pm_strdup(s));
}

void pm_strv_addf(struct pm_strv *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pm_strv_take(l, pm_vasprintf(fmt, ap));
	va_end(ap);
}

void pm_strv_add_all(struct pm_strv *l, char *const *v)
{
	for (; v && *v; v++)
		pm_strv_add(l, *v);
}

bool pm_strv_has(const struct pm_strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

void pm_strv_split(struct pm_strv *l, const char *s, char sep)
{
	for (;;) {
		const char *end = strchr(s, sep);
		if (!end) {
			pm_strv_add(l, s);
			return;
		}
		pm_strv_take(l, pm_strndup(s, (size_t)(end - s)));
		s = end + 1;
	}
}

char *pm_strv_join(const struct pm_strv *l, const char *sep)
{
	struct pm_buf b = PM_BUF_INIT;
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			pm_buf_add_str(&b, sep);
		pm_buf_add_str(&b, l->v[i]);
	}
	return pm_buf_take(&b);
}

char *const *pm_strv_argv(const struct pm_strv *l)
{
	static char *const none[] = {NULL};
	return l->v ? l->v : none;
}

static char **env_find(const struct pm_strv *l, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i], name, len) == 0 && l->v[i][len] == '=')
			return &l->v[i];
	return NULL;
}

const char *pm_env_get(const struct pm_strv *l, const char *name)
{
	char **entry = env_find(l, name);
	return entry ? *entry + strlen(name) + 1 : NULL;
}

void pm_env_set(struct pm_strv *l, const char *name, const char *value)
{
	char *s = pm_asprintf("%s=%s", name, value);
	char **entry = env_find(l, name);
	if (!entry) {
		pm_strv_take(l, s);
		return;
	}
	free(*entry);
	*entry = s;
}

void pm_env_merge(struct pm_strv *base, const struct pm_strv *over)
{
	for (size_t i = 0; i < over->n; i++) {
		const char *eq = strchr(over->v[i], '=');
		_cleanup_free_ char *name =
			eq ? pm_strndup(over->v[i], (size_t)(eq - over->v[i])) : pm_strdup(over->v[i]);
		pm_env_set(base, name, eq ? eq + 1 : "");
	}
}

void pm_env_unset(struct pm_strv *l, const char *name)
{
	char **entry;
	while ((entry = env_find(l, name))) {
		size_t i = (size_t)(entry - l->v);
		free(*entry);
		memmove(entry, entry + 1, (l->n - i) * sizeof(*entry));
		l->n--;
	}
}

bool pm_streq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool pm_startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool pm_endswith(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool pm_str_in(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}
