#include "registry/challenge.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

enum { CHALLENGES_MAX = 16, PARAMS_MAX = 64 };

void pm_challenges_free(struct pm_challenges *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].realm);
		free(c->v[i].service);
		free(c->v[i].scope);
		free(c->v[i].error);
	}
	free(c->v);
	*c = (struct pm_challenges)PM_CHALLENGES_INIT;
}

const struct pm_challenge *pm_challenges_find(const struct pm_challenges *c,
					      enum pm_challenge_scheme scheme)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].scheme == scheme)
			return &c->v[i];
	}
	return NULL;
}

/* token characters, RFC 9110 5.6.2 */
static size_t token_len(const char *s)
{
	return strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static void skip_space(const char **s)
{
	*s += strspn(*s, " \t");
}

/* A token or a quoted string; NULL when there is neither. Control characters are refused. */
static char *value_of(const char **s)
{
	if (**s != '"') {
		size_t n = token_len(*s);
		/* Some registries leave the quotes off values such as URLs. */
		n = n ? n + strcspn(*s + n, ", \t\"") : 0;
		if (!n)
			return NULL;
		char *v = pm_strndup(*s, n);
		*s += n;
		return v;
	}
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	const char *p = *s + 1;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return NULL;
		pm_buf_add_char(&b, *p);
	}
	if (*p != '"')
		return NULL;
	*s = p + 1;
	return pm_buf_take(&b);
}

static void set_param(struct pm_challenge *c, const char *name, size_t len, char *value)
{
	struct {
		const char *name;
		char **slot;
	} known[] = {{"realm", &c->realm},
		     {"service", &c->service},
		     {"scope", &c->scope},
		     {"error", &c->error}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) == len && strncasecmp(known[i].name, name, len) == 0 &&
		    !*known[i].slot) {
			*known[i].slot = value;
			return;
		}
	}
	free(value);
}

/* name=value pairs up to the next scheme or the end. */
static int parse_params(const char **s, struct pm_challenge *c, struct pm_err *err)
{
	for (size_t n = 0; n < PARAMS_MAX; n++) {
		while (**s == ',' || **s == ' ' || **s == '\t')
			(*s)++;
		if (!**s)
			return 0;
		size_t len = token_len(*s);
		const char *p = *s + len;
		skip_space(&p);
		if (!len)
			return pm_fail(err, PM_E_FORMAT, "malformed WWW-Authenticate header");
		if (*p != '=')
			return 0; /* the next challenge's scheme */
		p++;
		skip_space(&p);
		char *value = value_of(&p);
		if (!value)
			return pm_fail(err, PM_E_FORMAT, "malformed WWW-Authenticate header");
		set_param(c, *s, len, value);
		*s = p;
		if (**s && **s != ',' && **s != ' ' && **s != '\t')
			return pm_fail(err, PM_E_FORMAT, "malformed WWW-Authenticate header");
	}
	return pm_fail(err, PM_E_FORMAT, "WWW-Authenticate header has too many parameters");
}

int pm_challenges_parse(const char *value, struct pm_challenges *ret, struct pm_err *err)
{
	const char *s = value;
	for (;;) {
		s += strspn(s, " \t,");
		if (!*s)
			return 0;
		size_t len = token_len(s);
		if (!len || (s[len] && !strchr(" \t,", s[len])))
			return pm_fail(err, PM_E_FORMAT, "malformed WWW-Authenticate header");
		if (ret->n == CHALLENGES_MAX)
			return pm_fail(err, PM_E_FORMAT, "too many WWW-Authenticate challenges");
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		struct pm_challenge *c = &ret->v[ret->n++];
		*c = (struct pm_challenge){0};
		if (len == 5 && strncasecmp(s, "basic", 5) == 0)
			c->scheme = PM_CHALLENGE_BASIC;
		else if (len == 6 && strncasecmp(s, "bearer", 6) == 0)
			c->scheme = PM_CHALLENGE_BEARER;
		s += len;
		skip_space(&s);
		/* token68 of other schemes ("Negotiate abc==") */
		if (c->scheme == PM_CHALLENGE_OTHER) {
			size_t t = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~+/");
			size_t eq = strspn(s + t, "=");
			if (t && (!s[t + eq] || s[t + eq] == ','))
				s += t + eq;
		}
		int r = parse_params(&s, c, err);
		if (r < 0)
			return r;
	}
}
