#include "engine/build/expand.h"

#include <ctype.h>
#include <string.h>

#include "engine/build/pattern.h"

enum { MAX_DEPTH = 100, MAX_NAMES = 100000 };

/* Text with a mark for each byte: 'q' it was quoted, 'u' it was not. */
struct marked {
	struct pm_buf text, marks;
};

static void marked_free(struct marked *m)
{
	pm_buf_free(&m->text);
	pm_buf_free(&m->marks);
}
#define _cleanup_marked_ _cleanup_(marked_free)

struct lexer {
	const char *p;
	const char *whole; /* for messages */
	char escape;
	bool heredoc;
	const struct pm_strv *env;
	unsigned int depth, names;
	struct pm_err *err;
};

static int put(struct lexer *x, struct marked *out, const char *s, size_t n, bool quoted)
{
	if (n > PM_EXPAND_MAX - out->text.len)
		return pm_fail(x->err, PM_E_USAGE, "\"%.100s\": the value is larger than %d MiB",
			       x->whole, PM_EXPAND_MAX >> 20);
	pm_buf_add(&out->text, s, n);
	memset(pm_buf_reserve(&out->marks, n), quoted ? 'q' : 'u', n);
	out->marks.len += n;
	return 0;
}

static int bad(struct lexer *x, const char *why)
{
	return pm_fail(x->err, PM_E_USAGE, "\"%.200s\": %s", x->whole, why);
}

static int text(struct lexer *x, const char *stop, bool quoted, struct marked *out);

/* ${x#p}: p, from one end of value or the other, is cut off. */
static void cut(const char *value, const struct marked *pattern, char op, bool longest,
		struct pm_buf *ret)
{
	struct pm_pattern_text p, t;
	size_t start, end;
	pm_pattern_text(&p, pattern->text.data, pattern->text.len, pattern->marks.data);
	pm_pattern_text(&t, value, strlen(value), NULL);
	size_t bytes = strlen(value), drop = 0;
	if (op == '%') {
		pm_pattern_reverse(&p);
		pm_pattern_reverse(&t);
	}
	if (pm_pattern_find(&p, &t, 0, true, longest, &start, &end))
		drop = pm_pattern_bytes(&t, 0, end);
	pm_buf_add(ret, op == '#' ? value + drop : value, bytes - drop);
	pm_pattern_text_free(&p);
	pm_pattern_text_free(&t);
}

static int replace(struct lexer *x, const char *value, const struct marked *pattern,
		   const char *with, bool all, struct pm_buf *ret)
{
	struct pm_pattern_text p, t;
	size_t at = 0, start, end, with_len = strlen(with);
	const char *s = value;
	pm_pattern_text(&p, pattern->text.data, pattern->text.len, pattern->marks.data);
	pm_pattern_text(&t, value, strlen(value), NULL);
	/* an empty match replaces nothing */
	while (p.n && at < t.n && ret->len <= PM_EXPAND_MAX &&
	       pm_pattern_find(&p, &t, at, false, true, &start, &end) && end > start) {
		size_t before = pm_pattern_bytes(&t, at, start);
		pm_buf_add(ret, s, before);
		pm_buf_add(ret, with, with_len);
		s += before + pm_pattern_bytes(&t, start, end);
		at = end;
		if (!all)
			break;
	}
	pm_buf_add_str(ret, s);
	pm_pattern_text_free(&p);
	pm_pattern_text_free(&t);
	return ret->len > PM_EXPAND_MAX ? bad(x, "the value is too large") : 0;
}

static int substitution(struct lexer *x, const char *value, struct pm_buf *ret)
{
	bool all = x->p[1] == '/';
	x->p += 1 + all;
	_cleanup_marked_ struct marked pattern = {0}, with = {0};
	int r = text(x, "/}", false, &pattern);
	if (r >= 0 && *x->p == '/') {
		x->p++;
		r = text(x, "}", false, &with);
	}
	return r < 0 ? r : replace(x, value, &pattern, pm_buf_str(&with.text), all, ret);
}

/* What follows the name in braces, up to the brace. value NULL: not set. */
static int operator(struct lexer *x, const char *name, const char *value, struct marked *out,
		    bool quoted)
{
	_cleanup_marked_ struct marked word = {0};
	_cleanup_buf_ struct pm_buf result = PM_BUF_INIT;
	bool colon = *x->p == ':';
	char op = x->p[colon];
	bool has = value && (!colon || *value), twice = false;
	int r = 0;
	if (!op || !strchr(colon ? "-+?" : "-+?#%/", op))
		return bad(
			x,
			"in ${...} a name must be followed by :- :+ :? - + ? # ## % %% / // or }");
	if (op == '/') {
		r = substitution(x, value ? value : "", &result);
		return r < 0 ? r : put(x, out, pm_buf_str(&result), result.len, quoted);
	}
	twice = (op == '#' || op == '%') && x->p[1] == op;
	x->p += 1 + colon + twice;
	r = text(x, "}", false, &word);
	if (r < 0)
		return r;
	if (op == '?' && !has)
		return pm_fail(x->err, PM_E_USAGE, "%s: %s", name,
			       word.text.len ? word.text.data : "the variable is not set");
	if (op == '#' || op == '%') {
		cut(value ? value : "", &word, op, twice, &result);
		return put(x, out, pm_buf_str(&result), result.len, quoted);
	}
	if (op == '+' ? !has : has)
		return op == '+' ? 0 : put(x, out, value, strlen(value), quoted);
	return op == '?' ? 0 : put(x, out, pm_buf_str(&word.text), word.text.len, quoted);
}

/* Characters of the name at s. A shell's own variables have one digit, or any in braces; others ($@, $$) are none here,
 * and text where there are no braces. */
static size_t name_len(const char *s, bool brace)
{
	size_t n = 0;
	if (isdigit((unsigned char)*s)) {
		while (isdigit((unsigned char)s[n]) && (brace || n == 0))
			n++;
		return n;
	}
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

/* At a "$". */
static int variable(struct lexer *x, struct marked *out, bool quoted)
{
	bool brace = x->p[1] == '{';
	const char *s = x->p + 1 + brace;
	size_t n = name_len(s, brace);
	if (!n && !brace) {
		x->p++;
		return put(x, out, "$", 1, quoted);
	}
	if (!n)
		return bad(x, "there is no name in ${...}");
	if (++x->names > MAX_NAMES)
		return bad(x, "too many variables");
	_cleanup_free_ char *name = pm_strndup(s, n);
	const char *value = pm_env_get(x->env, name);
	x->p = s + n;
	if (!brace)
		return value ? put(x, out, value, strlen(value), quoted) : 0;
	if (++x->depth > MAX_DEPTH)
		return bad(x, "too many ${...} within each other");
	int r = 0;
	if (*x->p == '}')
		r = value ? put(x, out, value, strlen(value), quoted) : 0;
	else if (*x->p)
		r = operator(x, name, value, out, quoted);
	if (r >= 0 && *x->p != '}')
		r = bad(x, "${...} has no end");
	x->p += r >= 0;
	x->depth--;
	return r < 0 ? r : 0;
}

static int single_quoted(struct lexer *x, struct marked *out)
{
	const char *end = strchr(++x->p, '\'');
	if (!end)
		return bad(x, "a quote is not closed");
	int r = put(x, out, x->p, (size_t)(end - x->p), true);
	x->p = end + 1;
	return r;
}

static int double_quoted(struct lexer *x, struct marked *out)
{
	x->p++;
	int r = text(x, "\"", true, out);
	if (r >= 0 && *x->p != '"')
		r = bad(x, "a quote is not closed");
	x->p += r >= 0;
	return r;
}

/* The escape character. */
static int escaped(struct lexer *x, struct marked *out, bool quoted)
{
	char next = *++x->p;
	if (!next)
		return quoted || x->heredoc ? put(x, out, &x->escape, 1, true) : 0;
	x->p++;
	if (x->heredoc && next == '\n')
		return 0;
	bool keeps = x->heredoc ? strchr("$`\\}", next) == NULL
				: quoted && next != '"' && next != '$' && next != x->escape;
	int r = keeps ? put(x, out, &x->escape, 1, true) : 0;
	return r < 0 ? r : put(x, out, &next, 1, true);
}

/* Up to a character of stop that stands by itself, or the end. */
static int text(struct lexer *x, const char *stop, bool quoted, struct marked *out)
{
	int r = 0;
	while (r >= 0 && *x->p && !strchr(stop, *x->p)) {
		if (*x->p == '$') {
			r = variable(x, out, quoted);
		} else if (*x->p == x->escape) {
			r = escaped(x, out, quoted);
		} else if (!x->heredoc && !quoted && *x->p == '\'') {
			r = single_quoted(x, out);
		} else if (!x->heredoc && !quoted && *x->p == '"') {
			r = double_quoted(x, out);
		} else {
			char special[] = {'$', x->escape, '\'', '"', '}', '/', '\0'};
			size_t n = strcspn(x->p + 1, special) + 1;
			r = put(x, out, x->p, n, quoted);
			x->p += n;
		}
	}
	return r < 0 ? r : 0;
}

static int expand(const char *word, char escape, bool heredoc, const struct pm_strv *env,
		  struct marked *out, struct pm_err *err)
{
	struct lexer x = {.p = word,
			  .whole = word,
			  .escape = escape,
			  .heredoc = heredoc,
			  .env = env,
			  .err = err};
	return text(&x, "", false, out);
}

int pm_expand_word(const char *word, char escape, const struct pm_strv *env, char **ret,
		   struct pm_err *err)
{
	_cleanup_marked_ struct marked out = {0};
	int r = expand(word, escape, false, env, &out, err);
	if (r >= 0)
		*ret = pm_buf_take(&out.text);
	return r;
}

int pm_expand_heredoc(const char *content, const struct pm_strv *env, char **ret,
		      struct pm_err *err)
{
	_cleanup_marked_ struct marked out = {0};
	int r = expand(content, '\\', true, env, &out, err);
	if (r >= 0)
		*ret = pm_buf_take(&out.text);
	return r;
}

int pm_expand_words(const char *word, char escape, const struct pm_strv *env, struct pm_strv *ret,
		    struct pm_err *err)
{
	_cleanup_marked_ struct marked out = {0};
	int r = expand(word, escape, false, env, &out, err);
	size_t start = 0;
	for (size_t i = 0; r >= 0 && i <= out.text.len; i++) {
		if (i < out.text.len &&
		    (out.marks.data[i] == 'q' || !isspace((unsigned char)out.text.data[i])))
			continue;
		if (i > start)
			pm_strv_take(ret, pm_strndup(out.text.data + start, i - start));
		start = i + 1;
	}
	return r;
}
