#include "engine/build/glob.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum op {
	LITERAL,
	ONE, /* a character but "/" */
	CLASS,
	STAR, /* any but "/" */
	DIRS, /* nothing, or anything that ends with "/" */
	ALL,  /* anything */
};

struct element {
	enum op op;
	unsigned char c;   /* LITERAL */
	const char *class; /* CLASS: behind its "[", in pattern */
};

struct pm_glob {
	char *pattern;
	struct element *e;
	size_t n;
	size_t prefix; /* the first so many are LITERAL */
};

/* A character of UTF-8, or a byte that is none. */
static uint32_t take(const char **s)
{
	const unsigned char *u = (const unsigned char *)*s;
	size_t n = u[0] < 0xc2 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	uint32_t c = n > 1 ? u[0] & (0xffU >> (n + 1)) : u[0];
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			*s += 1;
			return u[0];
		}
		c = c << 6 | (u[i] & 0x3f);
	}
	*s += n;
	return c;
}

static bool class_char(const char **s, uint32_t *ret)
{
	if (**s == '\\')
		++*s;
	if (!**s)
		return false;
	*ret = take(s);
	return true;
}

/* The end of the class that begins behind a "[": behind its "]"; NULL: it has none. c, when it is in the class: *ret_in. */
static const char *class_match(const char *s, uint32_t c, bool *ret_in)
{
	bool negated = *s == '^' || *s == '!', in = false, first = true;
	s += negated;
	for (; *s && (*s != ']' || first); first = false) {
		uint32_t lo, hi;
		if (!class_char(&s, &lo))
			return NULL;
		hi = lo;
		if (s[0] == '-' && s[1] && s[1] != ']') {
			s++;
			if (!class_char(&s, &hi))
				return NULL;
		}
		in = in || (lo <= c && c <= hi);
	}
	if (ret_in)
		*ret_in = in != negated;
	return *s ? s + 1 : NULL;
}

static int compile(struct pm_glob *g, struct pm_err *err)
{
	for (const char *s = g->pattern; *s;) {
		struct element *e = &g->e[g->n++];
		if (s[0] == '*' && s[1] == '*') {
			s += strspn(s, "*");
			e->op = *s ? DIRS : ALL;
			s += *s == '/';
		} else if (*s == '*') {
			e->op = STAR;
			s++;
		} else if (*s == '?') {
			e->op = ONE;
			s++;
		} else if (*s == '[') {
			e->op = CLASS;
			e->class = ++s;
			s = class_match(s, 0, NULL);
			if (!s)
				return pm_fail(err, PM_E_USAGE,
					       "pattern \"%.200s\": a bracket has no end",
					       g->pattern);
		} else {
			s += *s == '\\';
			if (!*s)
				return pm_fail(err, PM_E_USAGE,
					       "pattern \"%.200s\": nothing behind the last \\",
					       g->pattern);
			e->op = LITERAL;
			e->c = (unsigned char)*s++;
		}
	}
	while (g->prefix < g->n && g->e[g->prefix].op == LITERAL)
		g->prefix++;
	return 0;
}

int pm_glob_new(const char *pattern, struct pm_glob **ret, struct pm_err *err)
{
	_cleanup_glob_ struct pm_glob *g = PM_NEW(struct pm_glob);
	size_t len = strlen(pattern);
	if (len > PM_GLOB_MAX)
		return pm_fail(err, PM_E_USAGE, "pattern \"%.50s...\" is longer than %d bytes",
			       pattern, PM_GLOB_MAX);
	g->pattern = pm_strdup(pattern);
	g->e = pm_calloc(len + 1, sizeof(*g->e));
	int r = compile(g, err);
	if (r >= 0)
		*ret = pm_steal(&g);
	return r;
}

void pm_glob_free(struct pm_glob *g)
{
	if (!g)
		return;
	free(g->e);
	free(g->pattern);
	free(g);
}

/* Places in the pattern that may be next: at[i]: e[i] is next; in[i]: e[i], which is DIRS, is going on. */

/* What can be nothing is passed over. */
static void skip_empty(const struct pm_glob *g, uint8_t *at)
{
	for (size_t i = 0; i < g->n; i++)
		if (at[i] && (g->e[i].op == STAR || g->e[i].op == DIRS || g->e[i].op == ALL))
			at[i + 1] = 1;
}

static void step(const struct pm_glob *g, const uint8_t *at, const uint8_t *in, uint8_t *next_at,
		 uint8_t *next_in, uint32_t c, bool byte_only)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct element *e = &g->e[i];
		bool match;
		if (!at[i] && !in[i])
			continue;
		switch (e->op) {
		case LITERAL:
			next_at[i + 1] |= byte_only && e->c == c;
			break;
		case ONE:
			next_at[i + 1] |= c != '/';
			break;
		case CLASS:
			class_match(e->class, c, &match);
			next_at[i + 1] |= c != '/' && match;
			break;
		case STAR:
			next_at[i] |= c != '/';
			break;
		case DIRS:
			next_in[i] = 1;
			next_at[i + 1] |= c == '/';
			break;
		case ALL:
			next_at[i] = 1;
			break;
		}
	}
	skip_empty(g, next_at);
}

/* Literal elements are bytes: a character of several is taken by them one after another. */
static bool literal_char(const struct pm_glob *g, size_t i, const char *s, size_t len)
{
	for (size_t k = 0; k < len; k++)
		if (i + k >= g->n || g->e[i + k].op != LITERAL ||
		    g->e[i + k].c != (unsigned char)s[k])
			return false;
	return true;
}

static bool any(const uint8_t *v, size_t n)
{
	return memchr(v, 1, n) != NULL;
}

unsigned int pm_glob_match(const struct pm_glob *g, const char *path)
{
	const char *s = path;
	unsigned int ret = 0;
	for (size_t i = 0; i < g->prefix; i++, s++) {
		if (!*s) /* the rest of the literals may be below */
			return g->e[i].op == LITERAL && g->e[i].c == '/' ? PM_GLOB_BELOW : 0;
		if ((unsigned char)*s != g->e[i].c)
			return 0;
	}
	if (g->prefix == g->n)
		return !*s ? PM_GLOB_SELF : *s == '/' ? PM_GLOB_PARENT : 0;
	size_t n = g->n + 1;
	/* two sets of places, and what follows a character of several bytes */
	_cleanup_free_ uint8_t *mem = pm_calloc(4, n);
	uint8_t *at = mem, *in = mem + n, *next_at = mem + 2 * n, *next_in = mem + 3 * n;
	at[g->prefix] = 1;
	skip_empty(g, at);
	while (*s && (any(at, n) || any(in, n))) {
		const char *start = s;
		uint32_t c = take(&s);
		size_t len = (size_t)(s - start);
		if (c == '/' && at[g->n])
			ret |= PM_GLOB_PARENT;
		memset(next_at, 0, 2 * n);
		step(g, at, in, next_at, next_in, c, len == 1);
		for (size_t i = 0; len > 1 && i < g->n; i++)
			if (at[i] && literal_char(g, i, start, len))
				next_at[i + len] = 1;
		if (len > 1)
			skip_empty(g, next_at);
		uint8_t *t = at;
		at = next_at;
		next_at = t;
		t = in;
		in = next_in;
		next_in = t;
	}
	if (*s)
		return ret;
	if (at[g->n])
		ret |= PM_GLOB_SELF;
	memset(next_at, 0, 2 * n);
	step(g, at, in, next_at, next_in, '/', true);
	return ret | (any(next_at, n) || any(next_in, n) ? PM_GLOB_BELOW : 0);
}

bool pm_glob_is_wild(const char *pattern, char **ret)
{
	if (pattern[strcspn(pattern, "*?[")])
		return true;
	char *out = *ret = pm_malloc(strlen(pattern) + 1);
	for (const char *s = pattern; *s; s++) {
		s += *s == '\\' && s[1];
		*out++ = *s;
	}
	*out = '\0';
	return false;
}
