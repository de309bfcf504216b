#include "cli/option.h"

#include <string.h>

static void *field_of(void *base, const struct pm_opt *o)
{
	return (char *)base + o->offset;
}

static bool in_choices(const char *choices, const char *s)
{
	size_t len = strlen(s);
	for (const char *p = choices; p; p = strchr(p, '|')) {
		if (*p == '|')
			p++;
		size_t n = strcspn(p, "|");
		if (n == len && memcmp(p, s, n) == 0)
			return true;
	}
	return false;
}

static int store_choice(const struct pm_opt *o, const char **field, const char *value,
			struct pm_err *err)
{
	if (!in_choices(o->choices, value)) {
		_cleanup_buf_ struct pm_buf q = PM_BUF_INIT;
		pm_quote(value, &q);
		_cleanup_free_ char *list = pm_strdup(o->choices);
		for (char *p = list; *p; p++) {
			if (*p == '|')
				*p = ',';
		}
		return pm_fail(err, PM_E_USAGE, "%s is not a valid value.  Choose from: %s",
			       pm_buf_str(&q), list);
	}
	*field = value;
	return 0;
}

/* Put value into its field; the error text says only what is wrong with the value. */
static int store_value(const struct pm_opt *o, void *base, const char *value, struct pm_err *err)
{
	void *field = field_of(base, o);
	switch (o->kind) {
	case PM_OPT_BOOL:
		return pm_parse_bool(value, field, err);
	case PM_OPT_STRING:
		*(const char **)field = value;
		return 0;
	case PM_OPT_STRINGS:
		pm_strv_add(field, value);
		return 0;
	case PM_OPT_LIST:
		return pm_parse_csv(value, field, err);
	case PM_OPT_INT:
		return pm_parse_int(value, field, err);
	case PM_OPT_UINT:
		return pm_parse_uint(value, field, err);
	case PM_OPT_FLOAT:
		return pm_parse_float(value, field, err);
	case PM_OPT_SIZE:
		return pm_parse_size(value, field, err);
	case PM_OPT_DURATION:
		return pm_parse_duration(value, field, err);
	case PM_OPT_CHOICE:
		return store_choice(o, field, value, err);
	case PM_OPT_REFUSED:
		return pm_fail(err, PM_E_USAGE, "%s", o->help);
	}
	return pm_fail(err, PM_E_INTERNAL, "option --%s has no kind", o->name);
}

const char *pm_opt_plain(const struct pm_opt *o)
{
	if (o->no_value)
		return o->no_value;
	return o->kind == PM_OPT_BOOL ? "true" : NULL;
}

int pm_parse_add(struct pm_parse *p, const struct pm_opt_table *tables, void *base,
		 struct pm_err *err)
{
	for (const struct pm_opt_table *t = tables; t->opts; t++) {
		if (p->n_tables == PM_ARRAY_SIZE(p->tables))
			return pm_fail(err, PM_E_INTERNAL, "too many option tables");
		void *at = (char *)base + t->offset;
		p->tables[p->n_tables].opts = t->opts;
		p->tables[p->n_tables].base = at;
		p->n_tables++;
		for (const struct pm_opt *o = t->opts; o->name; o++) {
			if (o->def && store_value(o, at, o->def, err) < 0)
				return pm_fail(err, PM_E_INTERNAL, "default of --%s: %s", o->name,
					       err ? err->text : "");
		}
	}
	return 0;
}

const struct pm_opt *pm_parse_find(const struct pm_parse *p, const char *name, size_t len,
				   char letter, void **ret_base)
{
	for (size_t i = p->n_tables; i-- > 0;) {
		for (const struct pm_opt *o = p->tables[i].opts; o->name; o++) {
			bool match = name ? strncmp(o->name, name, len) == 0 && !o->name[len]
					  : o->letter && o->letter == letter;
			if (!match)
				continue;
			if (ret_base)
				*ret_base = p->tables[i].base;
			return o;
		}
	}
	return NULL;
}

/* Names of before that Podman's commands take for today's. */
static const struct pm_opt *find_old(const struct pm_parse *p, const char *name, size_t len, void **ret_base)
{
	static const struct {
		const char *old, *now;
	} names[] = {
		{"dns-opt", "dns-option"},
		{"healthcheck-command", "health-cmd"},
		{"healthcheck-interval", "health-interval"},
		{"healthcheck-retries", "health-retries"},
		{"healthcheck-start-period", "health-start-period"},
		{"healthcheck-timeout", "health-timeout"},
		{"notruncate", "no-trunc"},
		{"override-arch", "arch"},
		{"override-os", "os"},
		{"override-variant", "variant"},
		{"storage", "external"},
		{"timeout", "time"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++)
		if (strlen(names[i].old) == len && strncmp(names[i].old, name, len) == 0)
			return pm_parse_find(p, names[i].now, strlen(names[i].now), 0, ret_base);
	return NULL;
}

int pm_parse_set(struct pm_parse *p, const struct pm_opt *o, void *base, const char *value,
		 struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	int r;
	if (pm_parse_given(p, o->name) || !o->def ||
	    (o->kind != PM_OPT_STRINGS && o->kind != PM_OPT_LIST)) {
		r = store_value(o, base, value, &why);
	} else {
		pm_strv_free(field_of(base, o)); /* the first use replaces a list's default */
		r = store_value(o, base, value, &why);
	}
	if (r < 0 && o->kind == PM_OPT_REFUSED)
		return pm_fail(err, PM_E_USAGE, "option --%s: %s", o->name, why.text);
	if (r < 0) {
		_cleanup_buf_ struct pm_buf q = PM_BUF_INIT;
		char letter[8] = "";
		pm_quote(value, &q);
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		return pm_fail(err, PM_E_USAGE, "invalid argument %s for \"%s--%s\" flag: %s",
			       pm_buf_str(&q), letter, o->name, why.text);
	}
	p->given = pm_reallocarray(p->given, p->n_given + 1, sizeof(*p->given));
	p->given[p->n_given++] = o;
	return 0;
}

/* --name, --name=value, --name value; *argv is the argument, moved on over a taken value. */
static int parse_long(struct pm_parse *p, char ***argv, struct pm_err *err)
{
	const char *arg = **argv, *name = arg + 2;
	if (*name == '-' || *name == '=')
		return pm_fail(err, PM_E_USAGE, "bad flag syntax: %s", arg);

	size_t len = strcspn(name, "=");
	void *base;
	const struct pm_opt *o = pm_parse_find(p, name, len, 0, &base);
	if (!o)
		o = find_old(p, name, len, &base);
	if (!o && len == 4 && memcmp(name, "help", 4) == 0) {
		p->help = true;
		return name[len] ? pm_parse_bool(name + len + 1, &p->help, err) : 0;
	}
	if (!o)
		return pm_fail(err, PM_E_USAGE, "unknown flag: --%.*s", (int)len, name);

	const char *value = name[len] ? name + len + 1 : pm_opt_plain(o);
	if (!value) {
		if (!(*argv)[1])
			return pm_fail(err, PM_E_USAGE, "flag needs an argument: %s", arg);
		value = *++*argv;
	}
	return pm_parse_set(p, o, base, value, err);
}

/* -abc, -nvalue, -n=value, -n value. */
static int parse_short(struct pm_parse *p, char ***argv, struct pm_err *err)
{
	for (const char *s = **argv + 1; *s; s++) {
		void *base;
		const struct pm_opt *o = pm_parse_find(p, NULL, 0, *s, &base);
		if (!o && *s == 'h') {
			p->help = true;
			continue;
		}
		if (!o)
			return pm_fail(err, PM_E_USAGE, "unknown shorthand flag: '%c' in -%s", *s,
				       s);

		const char *value = pm_opt_plain(o);
		bool last = true;
		if (s[1] == '=' && s[2]) {
			value = s + 2;
		} else if (value) {
			last = false;
		} else if (s[1]) {
			value = s + 1;
		} else {
			if (!(*argv)[1])
				return pm_fail(err, PM_E_USAGE,
					       "flag needs an argument: '%c' in -%s", *s, s);
			value = *++*argv;
		}
		int r = pm_parse_set(p, o, base, value, err);
		if (r < 0)
			return r;
		if (last)
			break;
	}
	return 0;
}

int pm_parse_run(struct pm_parse *p, char **argv, struct pm_err *err)
{
	size_t n = 0;
	while (argv[n])
		n++;
	free(p->args);
	p->args = pm_calloc(n + 1, sizeof(*p->args));
	p->n_args = 0;

	for (; *argv; argv++) {
		const char *a = *argv;
		bool positional = a[0] != '-' || !a[1];
		bool end = strcmp(a, "--") == 0;
		if (end)
			argv++;
		if (end || (positional && !p->interspersed)) {
			while (*argv)
				p->args[p->n_args++] = *argv++;
			return 0;
		}
		int r = 0;
		if (positional)
			p->args[p->n_args++] = *argv;
		else if (a[1] == '-')
			r = parse_long(p, &argv, err);
		else
			r = parse_short(p, &argv, err);
		if (r < 0)
			return r;
	}
	return 0;
}

bool pm_parse_given(const struct pm_parse *p, const char *name)
{
	for (size_t i = 0; i < p->n_given; i++) {
		if (strcmp(p->given[i]->name, name) == 0)
			return true;
	}
	return false;
}

void pm_parse_free(struct pm_parse *p)
{
	for (size_t i = 0; i < p->n_tables; i++) {
		for (const struct pm_opt *o = p->tables[i].opts; o->name; o++) {
			if (o->kind == PM_OPT_STRINGS || o->kind == PM_OPT_LIST)
				pm_strv_free(field_of(p->tables[i].base, o));
		}
	}
	free(p->given);
	free(p->args);
	memset(p, 0, sizeof(*p));
}
