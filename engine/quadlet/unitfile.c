#include "engine/quadlet/unitfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define BLANKS " \t"

static void group_free(struct pm_unitgroup *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->lines[i].key);
		free(g->lines[i].value);
	}
	free(g->lines);
	free(g->name);
}

void pm_unitfile_free(struct pm_unitfile *f)
{
	for (size_t i = 0; i < f->n; i++)
		group_free(&f->groups[i]);
	free(f->groups);
	for (size_t i = 0; i < f->n_files; i++)
		free(f->files[i]);
	free(f->files);
	*f = (struct pm_unitfile){0};
}

struct pm_unitgroup *pm_unitfile_group(const struct pm_unitfile *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->groups[i].name, name) == 0)
			return &f->groups[i];
	return NULL;
}

static struct pm_unitgroup *group_make(struct pm_unitfile *f, const char *name)
{
	struct pm_unitgroup *g = pm_unitfile_group(f, name);
	if (g)
		return g;
	f->groups = pm_reallocarray(f->groups, f->n + 1, sizeof(*f->groups));
	g = &f->groups[f->n++];
	*g = (struct pm_unitgroup){.name = pm_strdup(name)};
	return g;
}

/* At index at; takes key and value. */
static void insert_line(struct pm_unitgroup *g, size_t at, char *key, char *value, const char *file, int line)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 8;
		g->lines = pm_reallocarray(g->lines, g->cap, sizeof(*g->lines));
	}
	memmove(&g->lines[at + 1], &g->lines[at], (g->n - at) * sizeof(*g->lines));
	g->lines[at] = (struct pm_unitline){.key = key, .value = value, .file = file, .line = line};
	g->n++;
}

/* --- parsing --------------------------------------------------------------------------------------- */

struct parser {
	struct pm_unitfile *f;
	const char *path; /* f's */
	int line;         /* where the logical line began */
	struct pm_unitgroup *group;
};

/* text: a logical line, changed in place. */
static int parse_line(struct parser *p, char *text, struct pm_err *err)
{
	text += strspn(text, BLANKS);
	size_t len = strlen(text);
	while (len && strchr(BLANKS "\r", text[len - 1]))
		text[--len] = '\0';
	if (!len)
		return 0;
	if (*text == '[') {
		if (text[len - 1] != ']' || len < 3)
			return pm_fail(err, PM_E_FORMAT, "%s:%d: invalid section header '%s'", p->path, p->line, text);
		text[len - 1] = '\0';
		p->group = group_make(p->f, text + 1);
		if (!p->group->line) {
			p->group->file = p->path;
			p->group->line = p->line;
		}
		return 0;
	}
	char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return pm_fail(err, PM_E_FORMAT, "%s:%d: missing '=': '%s'", p->path, p->line, text);
	if (!p->group)
		return pm_fail(err, PM_E_FORMAT, "%s:%d: assignment outside of a section", p->path, p->line);
	size_t key_len = (size_t)(equals - text);
	while (key_len && strchr(BLANKS, text[key_len - 1]))
		key_len--;
	const char *value = equals + 1;
	value += strspn(value, BLANKS);
	insert_line(p->group, p->group->n, pm_strndup(text, key_len), pm_strdup(value), p->path, p->line);
	return 0;
}

static bool ends_in_escape(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && s[len - 1 - n] == '\\')
		n++;
	return n % 2;
}

int pm_unitfile_parse(struct pm_unitfile *f, const char *path, const char *text, size_t len, struct pm_err *err)
{
	size_t bad;
	_cleanup_buf_ struct pm_buf pending = PM_BUF_INIT;
	f->files = pm_reallocarray(f->files, f->n_files + 1, sizeof(*f->files));
	struct parser p = {.f = f, .path = f->files[f->n_files++] = pm_strdup(path)};
	if (memchr(text, '\0', len) || !pm_utf8_valid(text, len, &bad))
		return pm_fail(err, PM_E_FORMAT, "%s: not a text in UTF-8", path);
	const char *end = text + len;
	bool open = false;
	int r = 0, line = 0;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end && r >= 0) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);
		const char *s = text;
		text += n + (nl != NULL);
		line++;
		while (n && strchr(BLANKS, *s))
			s++, n--;
		if (n && s[n - 1] == '\r')
			n--;
		/* also between lines that are continued */
		if (n && (*s == '#' || *s == ';'))
			continue;
		if (!open)
			p.line = line;
		pm_buf_add(&pending, s, n);
		open = ends_in_escape(s, n);
		if (open) {
			pending.data[pending.len - 1] = ' ';
			continue;
		}
		r = pending.len ? parse_line(&p, pending.data, err) : 0;
		pm_buf_cut(&pending, 0);
	}
	return r >= 0 && pending.len ? parse_line(&p, pending.data, err) : r;
}

/* --- values ---------------------------------------------------------------------------------------- */

const struct pm_unitline *pm_unitfile_line(const struct pm_unitfile *f, const char *group, const char *key)
{
	const struct pm_unitgroup *g = pm_unitfile_group(f, group);
	for (size_t i = g ? g->n : 0; i-- > 0;)
		if (strcmp(g->lines[i].key, key) == 0)
			return &g->lines[i];
	return NULL;
}

const char *pm_unitfile_value(const struct pm_unitfile *f, const char *group, const char *key)
{
	const struct pm_unitline *l = pm_unitfile_line(f, group, key);
	return l && *l->value ? l->value : NULL;
}

const struct pm_unitline *pm_unitfile_next(const struct pm_unitfile *f, const char *group, const char *key,
					   const struct pm_unitline *prev)
{
	const struct pm_unitgroup *g = pm_unitfile_group(f, group);
	if (!g)
		return NULL;
	size_t i = prev ? (size_t)(prev - g->lines) + 1 : 0;
	if (!prev) {
		for (size_t k = 0; k < g->n; k++)
			if (strcmp(g->lines[k].key, key) == 0 && !*g->lines[k].value)
				i = k + 1;
	}
	for (; i < g->n; i++)
		if (strcmp(g->lines[i].key, key) == 0)
			return &g->lines[i];
	return NULL;
}

int pm_unit_bool(const char *value, bool *ret, struct pm_err *err)
{
	static const char *const yes[] = {"1", "yes", "y", "true", "t", "on"};
	static const char *const no[] = {"0", "no", "n", "false", "f", "off"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(yes); i++) {
		bool is = strcasecmp(value, yes[i]) == 0;
		if (is || strcasecmp(value, no[i]) == 0) {
			*ret = is;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "'%s' is neither true nor false", value);
}

static int digit_of(char c, int base)
{
	int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
	return d < base ? d : -1;
}

/* The value of exactly n digits at s; 0 when there are fewer, and for NUL itself. */
static uint32_t number_of(const char *s, int n, int base)
{
	uint32_t v = 0;
	for (int i = 0; i < n; i++) {
		int d = digit_of(s[i], base);
		if (d < 0)
			return 0;
		v = v * (uint32_t)base + (uint32_t)d;
	}
	return v;
}

/* What follows a backslash at s; returns how much of it was read. */
static size_t unescape(const char *s, struct pm_buf *b)
{
	static const char from[] = "abfnrtv\\\"'s", to[] = "\a\b\f\n\r\t\v\\\"' ";
	const char *simple = *s ? strchr(from, *s) : NULL;
	char utf8[4];
	uint32_t v;
	if (simple) {
		pm_buf_add_char(b, to[simple - from]);
		return 1;
	}
	int digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
	if (digits && (v = number_of(s + 1, digits, 16)) && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff)) {
		if (digits == 2)
			pm_buf_add_char(b, (char)v);
		else
			pm_buf_add(b, utf8, pm_utf8_encode(v, utf8));
		return (size_t)digits + 1;
	}
	if (!digits && (v = number_of(s, 3, 8)) && v < 256) {
		pm_buf_add_char(b, (char)v);
		return 3;
	}
	pm_buf_add_char(b, '\\');
	return 0;
}

int pm_unit_words(const char *value, struct pm_strv *ret, struct pm_err *err)
{
	const char *s = value;
	for (;;) {
		_cleanup_buf_ struct pm_buf word = PM_BUF_INIT;
		char quote = 0;
		s += strspn(s, BLANKS);
		if (!*s)
			return 0;
		for (; *s && (quote || !strchr(BLANKS, *s)); s++) {
			if (*s == '\\' && s[1])
				s += unescape(s + 1, &word);
			else if (quote ? *s == quote : *s == '"' || *s == '\'')
				quote = quote ? 0 : *s;
			else
				pm_buf_add_char(&word, *s);
		}
		if (quote)
			return pm_fail(err, PM_E_USAGE, "a quote does not end: %s", value);
		pm_strv_take(ret, pm_buf_take(&word));
	}
}

char *pm_unit_text(const char *value)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	size_t len = strlen(value);
	bool quoted = len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value;
	if (quoted && pm_unit_words(value, &words, NULL) >= 0 && words.n == 1)
		return pm_steal(&words.v[0]);
	return pm_strdup(value);
}

/* --- building -------------------------------------------------------------------------------------- */

void pm_unitfile_add(struct pm_unitfile *f, const char *group, const char *key, const char *value)
{
	struct pm_unitgroup *g = group_make(f, group);
	insert_line(g, g->n, pm_strdup(key), pm_strdup(value), NULL, 0);
}

void pm_unitfile_prepend(struct pm_unitfile *f, const char *group, const char *key, const char *value)
{
	insert_line(group_make(f, group), 0, pm_strdup(key), pm_strdup(value), NULL, 0);
}

void pm_unitfile_copy_group(struct pm_unitfile *to, const struct pm_unitgroup *from, const char *name)
{
	struct pm_unitgroup *g = group_make(to, name);
	for (size_t i = 0; i < from->n; i++)
		insert_line(g, g->n, pm_strdup(from->lines[i].key), pm_strdup(from->lines[i].value), NULL, 0);
}

void pm_unitfile_write(const struct pm_unitfile *f, struct pm_buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct pm_unitgroup *g = &f->groups[i];
		pm_buf_printf(out, "%s[%s]\n", i ? "\n" : "", g->name);
		for (size_t k = 0; k < g->n; k++) {
			pm_buf_add_str(out, g->lines[k].key);
			pm_buf_add_char(out, '=');
			const char *value = g->lines[k].value;
			pm_buf_add_str(out, value);
			/* it was followed by blanks, or the next line would go on with it */
			pm_buf_add_str(out, ends_in_escape(value, strlen(value)) ? " \n" : "\n");
		}
	}
}
