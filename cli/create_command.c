#include "cli/create_command.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/value.h"

void pm_create_command_free(struct pm_create_command *c)
{
	pm_strv_free(&c->global);
	pm_strv_free(&c->options);
	pm_strv_free(&c->args);
}

/* What one word of the options is, and how many more belong to it. */
struct word {
	const struct pm_opt *opt; /* the last one in it; NULL: none known */
	const char *value;        /* within the word, or NULL */
	bool takes_next;
};

static struct word look(const struct pm_parse *p, const char *s)
{
	struct word w = {0};
	void *base;
	if (s[1] == '-') {
		const char *eq = strchr(s, '=');
		size_t len = eq ? (size_t)(eq - s) - 2 : strlen(s) - 2;
		w.opt = pm_parse_find(p, s + 2, len, 0, &base);
		w.value = eq ? eq + 1 : NULL;
		w.takes_next = w.opt && !eq && !pm_opt_plain(w.opt);
		return w;
	}
	for (const char *c = s + 1; *c; c++) {
		w.opt = pm_parse_find(p, NULL, 0, *c, &base);
		if (!w.opt || pm_opt_plain(w.opt))
			continue;
		w.value = c[1] ? c + 1 + (c[1] == '=') : NULL;
		w.takes_next = !c[1];
		break;
	}
	return w;
}

/* "-dit" without the letters whose options are dropped; true when nothing is left. */
static bool drop_letters(const struct pm_parse *p, const char *const *drop, char *s)
{
	char *out = s + 1;
	void *base;
	for (char *c = s + 1; *c; c++) {
		const struct pm_opt *o = pm_parse_find(p, NULL, 0, *c, &base);
		bool dropped = o && pm_str_in(o->name, drop);
		if (o && (!pm_opt_plain(o) || c[1] == '=')) {
			/* the rest is its value */
			if (!dropped)
				memmove(out, c, strlen(c) + 1);
			else
				*out = '\0';
			return dropped && out == s + 1;
		}
		if (!dropped)
			*out++ = *c;
	}
	*out = '\0';
	return out == s + 1;
}

static void add_named(struct pm_strv *to, const char *word, const struct word *w, const char *next,
		      const char *suffix)
{
	if (w->takes_next) {
		pm_strv_add(to, word);
		pm_strv_addf(to, "%s%s", next, suffix);
	} else {
		pm_strv_addf(to, "%s%s", word, suffix);
	}
}

static void take_options(const struct pm_parse *p, char *const *v, size_t n, const char *const *drop,
			 const char *suffix, struct pm_create_command *ret)
{
	for (size_t i = 0; i < n; i++) {
		const struct word w = look(p, v[i]);
		bool pair = w.takes_next && i + 1 < n;
		bool letters = v[i][0] == '-' && v[i][1] != '-' && v[i][1];
		const char *next = pair ? v[i + 1] : "";
		bool dropped = w.opt && !letters && pm_str_in(w.opt->name, drop);
		_cleanup_free_ char *word = pm_strdup(v[i]);
		if (letters)
			dropped = drop_letters(p, drop, word);
		if (w.opt && strcmp(w.opt->name, "name") == 0)
			ret->named = true;
		if (w.opt && strcmp(w.opt->name, "replace") == 0)
			ret->replaced = true;
		if (!dropped && w.opt && strcmp(w.opt->name, "name") == 0) {
			add_named(&ret->options, word, &w, next, suffix);
		} else if (!dropped) {
			pm_strv_add(&ret->options, word);
			if (pair)
				pm_strv_add(&ret->options, next);
		}
		i += pair;
	}
}

/* argv after the command's own words, by command c. */
static int take_apart(const struct pm_command *c, const struct pm_strv *argv, size_t at,
		      const char *const *drop, const char *suffix, struct pm_create_command *ret,
		      struct pm_err *err)
{
	void *opts = pm_calloc(1, c->opts_size);
	struct pm_parse p = {0};
	int r = pm_parse_add(&p, c->tables, opts, err);
	if (r >= 0)
		r = pm_parse_run(&p, argv->v + at + 1, err);
	if (r >= 0) {
		size_t n = argv->n - at - 1 - p.n_args;
		/* "--" before the arguments is neither */
		bool dashes = n > 0 && strcmp(argv->v[at + n], "--") == 0;
		take_options(&p, argv->v + at + 1, n - dashes, drop, suffix, ret);
		for (size_t i = 0; i < p.n_args; i++)
			pm_strv_add(&ret->args, p.args[i]);
	}
	pm_parse_free(&p);
	free(opts);
	return r;
}

int pm_create_command_parse(const struct pm_strv *argv, const char *const *drop,
			    const char *name_suffix, struct pm_create_command *ret, struct pm_err *err)
{
	size_t at = 1;
	while (at < argv->n && strcmp(argv->v[at], "run") != 0 && strcmp(argv->v[at], "create") != 0)
		at++;
	if (at >= argv->n)
		return pm_fail(err, PM_E_FORMAT, "the container's command line is no run or create");
	for (size_t i = 1; i < at; i++)
		if (i + 1 < at || strcmp(argv->v[i], "container") != 0)
			pm_strv_add(&ret->global, argv->v[i]);

	const bool run = strcmp(argv->v[at], "run") == 0;
	int r = take_apart(run ? &pm_cmd_run : &pm_cmd_create, argv, at, drop, name_suffix, ret, err);
	if (r >= 0 && ret->args.n == 0)
		r = pm_fail(err, PM_E_FORMAT, "it names no image");
	return r < 0 ? pm_wrap(err, "the command line that made the container") : 0;
}

int pm_pod_create_command_parse(const struct pm_strv *argv, const char *const *drop,
				struct pm_create_command *ret, struct pm_err *err)
{
	size_t at = 2;
	while (at < argv->n &&
	       (strcmp(argv->v[at - 1], "pod") != 0 || strcmp(argv->v[at], "create") != 0))
		at++;
	if (at >= argv->n)
		return pm_fail(err, PM_E_FORMAT, "the pod's command line is no pod create");
	for (size_t i = 1; i + 1 < at; i++)
		pm_strv_add(&ret->global, argv->v[i]);
	int r = take_apart(&pm_cmd_pod_create, argv, at, drop, "", ret, err);
	ret->named |= ret->args.n > 0;
	return r < 0 ? pm_wrap(err, "the command line that made the pod") : 0;
}
