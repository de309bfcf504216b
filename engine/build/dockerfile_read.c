#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/build/dockerfile_parts.h"

void pm_df_text_free(struct pm_df_text *t)
{
	pm_buf_free(&t->text);
	pm_buf_free(&t->tail);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* The line at r->p without its end. */
static const char *next_line(struct pm_df_reader *r, size_t *ret_len)
{
	const char *s = r->p, *nl = memchr(s, '\n', (size_t)(r->end - s));
	size_t len = (size_t)((nl ? nl : r->end) - s);
	r->p = nl ? nl + 1 : r->end;
	r->line++;
	if (len && s[len - 1] == '\r')
		len--;
	*ret_len = len;
	return s;
}

static size_t skip_blanks(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && is_blank(s[n]))
		n++;
	return n;
}

/* "# NAME = VALUE" at the top of the file. Anything else ends the directives. */
static int directive(struct pm_df_reader *r, const char *s, size_t len, struct pm_err *err)
{
	static const char *const known[] = {"syntax", "escape", "check"};
	_cleanup_free_ char *line = pm_strndup(s, len);
	char *name = line + strspn(line + 1, " \t") + 1;
	size_t n = 0;
	while (isalnum((unsigned char)name[n]))
		n++;
	char *value = name + n + strspn(name + n, " \t");
	r->directives = false;
	if (!n || *value != '=')
		return 0;
	value += 1 + strspn(value + 1, " \t");
	size_t v = strlen(value);
	while (v && is_blank(value[v - 1]))
		value[--v] = '\0';
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++)
		if (v && strlen(known[i]) == n && strncasecmp(known[i], name, n) == 0)
			r->directives = true;
	if (!r->directives || strncasecmp(name, "escape", n) != 0)
		return 0;
	if (strcmp(value, "\\") != 0 && strcmp(value, "`") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "%s:%u: the escape character must be \\ or `, not \"%.20s\"",
			       r->file, r->line - 1, value);
	r->escape = value[0];
	return 0;
}

/* Does the line go on? Then *len is without the escape character. Two of them do not: the first keeps the second. */
static bool continues(const char *s, size_t *len, char escape)
{
	size_t n = *len;
	while (n && is_blank(s[n - 1]))
		n--;
	if (!n || s[n - 1] != escape || (n > 1 && s[n - 2] == escape))
		return false;
	*len = n - 1;
	return true;
}

bool pm_df_heredoc_word(const char *word, char **ret_name, bool *ret_expand, bool *ret_strip)
{
	const char *s = word;
	while (isdigit((unsigned char)*s))
		s++;
	if (!pm_startswith(s, "<<"))
		return false;
	s += 2;
	*ret_strip = *s == '-';
	s += *ret_strip;
	if (strchr(s, '<'))
		return false;
	_cleanup_buf_ struct pm_buf name = PM_BUF_INIT;
	char quote = '\0';
	for (const char *p = s; *p; p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? '\0' : *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			pm_buf_add_char(&name, *++p);
		else if (!quote && isspace((unsigned char)*p))
			return false;
		else
			pm_buf_add_char(&name, *p);
	}
	if (quote || !name.len || strchr(name.data, '/') || strchr(name.data, '\n'))
		return false;
	*ret_expand = strcmp(name.data, s) == 0;
	*ret_name = pm_buf_take(&name);
	return true;
}

/* The lines up to the one that is the name. */
static int read_heredoc(struct pm_df_reader *r, struct pm_json_pool *pool, const char *name,
			bool strip, struct pm_df_text *t, struct pm_heredoc *ret,
			struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf content = PM_BUF_INIT;
	size_t name_len = strlen(name);
	while (r->p < r->end) {
		size_t len;
		const char *raw = r->p, *s = next_line(r, &len);
		pm_buf_add(&t->tail, raw, (size_t)(r->p - raw));
		for (; strip && len && *s == '\t'; len--)
			s++;
		if (len == name_len && memcmp(s, name, len) == 0) {
			ret->len = content.len;
			ret->content = pm_json_pool_strdup(pool, pm_buf_str(&content));
			return 0;
		}
		pm_buf_add(&content, s, (size_t)(r->p - s));
	}
	return pm_fail(
		err, PM_E_USAGE,
		"%s:%u: the here-document \"%.100s\" has no end: there is no line \"%.100s\"",
		r->file, t->line, name, name);
}

/* The here-documents of a RUN, COPY or ADD, or of an ONBUILD of one. */
static int heredocs(struct pm_df_reader *r, struct pm_json_pool *pool, struct pm_df_text *t,
		    struct pm_err *err)
{
	const char *s = pm_buf_str(&t->text);
	size_t n;
	int kind = pm_df_keyword(s, &n);
	s += n + strspn(s + n, " \t\v\f\r");
	if (kind == PM_DF_ONBUILD) {
		kind = pm_df_keyword(s, &n);
		s += n;
	}
	if ((kind != PM_DF_RUN && kind != PM_DF_COPY && kind != PM_DF_ADD) || !strstr(s, "<<"))
		return 0;
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_df_quoted_words(s, '\\', &words);
	t->heredocs = pm_json_pool_alloc(pool, (words.n + 1) * sizeof(*t->heredocs));
	for (size_t i = 0; i < words.n; i++) {
		_cleanup_free_ char *name = NULL;
		bool strip, expand;
		if (!pm_df_heredoc_word(words.v[i], &name, &expand, &strip))
			continue;
		struct pm_heredoc *h = &t->heredocs[t->n_heredocs];
		int e = read_heredoc(r, pool, name, strip, t, h, err);
		if (e < 0)
			return e;
		h->name = pm_json_pool_strdup(pool, name);
		h->expand = expand;
		t->n_heredocs++;
	}
	return 0;
}

int pm_df_read(struct pm_df_reader *r, struct pm_json_pool *pool, struct pm_df_text *ret,
	       struct pm_err *err)
{
	ret->line = 0;
	while (r->p < r->end) {
		size_t len;
		const char *s = next_line(r, &len);
		size_t blanks = skip_blanks(s, len);
		if (blanks < len && s[blanks] == '#') {
			int e = r->directives ? directive(r, s + blanks, len - blanks, err) : 0;
			if (e < 0)
				return e;
			continue;
		}
		r->directives = false;
		if (blanks == len) /* empty lines within a continued one are passed over, too */
			continue;
		if (!ret->line) {
			ret->line = r->line - 1;
			s += blanks;
			len -= blanks;
		}
		bool more = continues(s, &len, r->escape);
		pm_buf_add(&ret->text, s, len);
		if (more)
			continue;
		if (skip_blanks(pm_buf_str(&ret->text), ret->text.len) < ret->text.len)
			break;
		ret->line = 0; /* an escape character alone */
		pm_buf_cut(&ret->text, 0);
	}
	size_t n = ret->text.len, blanks = skip_blanks(pm_buf_str(&ret->text), n);
	while (n > blanks && is_blank(ret->text.data[n - 1]))
		n--;
	if (n == blanks)
		return 0;
	pm_buf_cut(&ret->text, n);
	memmove(ret->text.data, ret->text.data + blanks, n - blanks + 1);
	ret->text.len = n - blanks;
	int e = heredocs(r, pool, ret, err);
	return e < 0 ? e : 1;
}

void pm_df_blank_words(const char *s, struct pm_strv *ret)
{
	static const char blanks[] = " \t\v\f\r\n";
	for (s += strspn(s, blanks); *s; s += strspn(s, blanks)) {
		size_t n = strcspn(s, blanks);
		pm_strv_take(ret, pm_strndup(s, n));
		s += n;
	}
}

void pm_df_quoted_words(const char *s, char escape, struct pm_strv *ret)
{
	for (s += strspn(s, " \t\v\f\r\n"); *s; s += strspn(s, " \t\v\f\r\n")) {
		const char *start = s;
		char quote = '\0';
		for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
			if (quote ? *s == quote : *s == '"' || *s == '\'')
				quote = quote ? '\0' : *s;
			else if (*s == escape && s[1] && quote != '\'')
				s++;
		}
		pm_strv_take(ret, pm_strndup(start, (size_t)(s - start)));
	}
}
