#include "engine/build/dockerfile.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/build/dockerfile_parts.h"

/* How an instruction's words come off its text. */
enum shape {
	TEXT,    /* one word */
	COMMAND, /* JSON, or the shell's text */
	LIST,    /* JSON, or words between blanks */
	WORDS,   /* words between blanks */
	PAIRS,   /* NAME=VALUE..., or NAME VALUE */
	ARGS,    /* NAME or NAME=VALUE... */
	JSON,    /* JSON only */
	FROM,
	HEALTH,
	TRIGGER,
};

static const struct kind {
	const char *name;
	enum shape shape;
	const char *flags; /* " a b* ": b may be given more than once */
} kinds[] = {
	[PM_DF_ADD] = {"ADD", LIST, " checksum chmod chown exclude* keep-git-dir link unpack "},
	[PM_DF_ARG] = {"ARG", ARGS, ""},
	[PM_DF_CMD] = {"CMD", COMMAND, ""},
	[PM_DF_COPY] = {"COPY", LIST, " chmod chown exclude* from link parents "},
	[PM_DF_ENTRYPOINT] = {"ENTRYPOINT", COMMAND, ""},
	[PM_DF_ENV] = {"ENV", PAIRS, ""},
	[PM_DF_EXPOSE] = {"EXPOSE", WORDS, ""},
	[PM_DF_FROM] = {"FROM", FROM, " platform "},
	[PM_DF_HEALTHCHECK] = {"HEALTHCHECK", HEALTH,
			       " interval retries start-interval start-period timeout "},
	[PM_DF_LABEL] = {"LABEL", PAIRS, ""},
	[PM_DF_MAINTAINER] = {"MAINTAINER", TEXT, ""},
	[PM_DF_ONBUILD] = {"ONBUILD", TRIGGER, ""},
	[PM_DF_RUN] = {"RUN", COMMAND, " mount* network security "},
	[PM_DF_SHELL] = {"SHELL", JSON, ""},
	[PM_DF_STOPSIGNAL] = {"STOPSIGNAL", TEXT, ""},
	[PM_DF_USER] = {"USER", TEXT, ""},
	[PM_DF_VOLUME] = {"VOLUME", LIST, ""},
	[PM_DF_WORKDIR] = {"WORKDIR", TEXT, ""},
};

struct pm_dockerfile *pm_dockerfile_new(void)
{
	struct pm_dockerfile *d = PM_NEW(struct pm_dockerfile);
	d->pool = pm_json_pool_new();
	return d;
}

void pm_dockerfile_free(struct pm_dockerfile *d)
{
	if (!d)
		return;
	pm_json_pool_free(d->pool);
	free(d->steps);
	free(d->stages);
	free(d);
}

const char *pm_instruction_name(enum pm_instruction_kind kind)
{
	return kinds[kind].name;
}

int pm_instruction_fail(const struct pm_instruction *i, struct pm_err *err, int code,
			const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = pm_vasprintf(fmt, ap);
	va_end(ap);
	if (!i->line)
		return pm_fail(err, code, "%s: %s", i->file, text);
	return pm_fail(err, code, "%s:%u: %s", i->file, i->line, text);
}

int pm_df_keyword(const char *s, size_t *ret_len)
{
	size_t n = strcspn(s, " \t\v\f\r\n");
	*ret_len = n;
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == n && strncasecmp(kinds[i].name, s, n) == 0)
			return (int)i;
	return -1;
}

const char *pm_instruction_flag(const struct pm_instruction *i, const char *name)
{
	for (size_t k = i->n_flags; k > 0; k--)
		if (strcmp(i->flags[k - 1].name, name) == 0)
			return i->flags[k - 1].value ? i->flags[k - 1].value : "";
	return NULL;
}

int pm_instruction_flag_bool(const struct pm_instruction *i, const char *name, bool *ret,
			     struct pm_err *err)
{
	static const char *const yes[] = {"", "1", "t", "T", "true", "TRUE", "True", NULL};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};
	const char *v = pm_instruction_flag(i, name);
	if (v && !pm_str_in(v, yes) && !pm_str_in(v, no))
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "--%s of %s must be true or false, not \"%.100s\"", name,
					   kinds[i->kind].name, v);
	*ret = v && pm_str_in(v, yes);
	return 0;
}

static int add_flag(struct pm_json_pool *pool, struct pm_instruction *i, struct pm_df_flag *flags,
		    const char *word, struct pm_err *err)
{
	const struct kind *k = &kinds[i->kind];
	size_t n = strcspn(word, "=");
	_cleanup_free_ char *one = pm_asprintf(" %.*s ", (int)n, word),
			    *many = pm_asprintf(" %.*s* ", (int)n, word);
	bool repeats = strstr(k->flags, many) != NULL;
	if (!n || strpbrk(many + 1, "*") != many + 1 + n || (!repeats && !strstr(k->flags, one)))
		return pm_instruction_fail(i, err, PM_E_USAGE, "%s has no flag \"--%.*s\"", k->name,
					   n > 100 ? 100 : (int)n, word);
	struct pm_df_flag *f = &flags[i->n_flags];
	one[n + 1] = '\0';
	f->name = pm_json_pool_strdup(pool, one + 1);
	f->value = word[n] ? pm_json_pool_strdup(pool, word + n + 1) : NULL;
	if (!repeats && pm_instruction_flag(i, f->name))
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "%s has the flag \"--%s\" more than once", k->name,
					   f->name);
	i->n_flags++;
	return 0;
}

/* The next flag at *p, its quotes removed and the escape character's work done. */
static bool flag_word(const char **p, struct pm_buf *ret)
{
	const char *s = *p;
	char quote = '\0';
	pm_buf_cut(ret, 0);
	if (!pm_startswith(s, "--"))
		return false;
	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && s[1])
			pm_buf_add_char(ret, *++s);
		else
			pm_buf_add_char(ret, *s);
	}
	*p = s + strspn(s, " \t\v\f\r\n");
	return true;
}

/* Flags stand before all else; "--" alone ends them. *rest goes on after them. */
static int take_flags(struct pm_json_pool *pool, struct pm_instruction *i, const char **rest,
		      struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf word = PM_BUF_INIT;
	struct pm_df_flag *flags = NULL;
	size_t cap = 0;
	while (flag_word(rest, &word) && strcmp(pm_buf_str(&word), "--") != 0) {
		if (i->n_flags == cap) {
			struct pm_df_flag *old = flags;
			flags = pm_json_pool_alloc(pool, (cap * 2 + 4) * sizeof(*flags));
			if (old)
				memcpy(flags, old, cap * sizeof(*flags));
			cap = cap * 2 + 4;
		}
		i->flags = flags;
		int r = add_flag(pool, i, flags, pm_buf_str(&word) + 2, err);
		if (r < 0)
			return r;
		if (i->n_flags > PM_DOCKERFILE_FLAGS)
			return pm_instruction_fail(i, err, PM_E_USAGE, "more than %d flags",
						   PM_DOCKERFILE_FLAGS);
	}
	return 0;
}

static int set_words(struct pm_json_pool *pool, struct pm_instruction *i,
		     const struct pm_strv *words, struct pm_err *err)
{
	if (words->n > PM_DOCKERFILE_WORDS)
		return pm_instruction_fail(i, err, PM_E_USAGE, "more than %d words",
					   PM_DOCKERFILE_WORDS);
	const char **v = pm_json_pool_alloc(pool, (words->n + 1) * sizeof(*v));
	for (size_t k = 0; k < words->n; k++)
		v[k] = pm_json_pool_strdup(pool, words->v[k]);
	i->words = v;
	i->n_words = words->n;
	return 0;
}

/* 1: s is an array of strings, added to words. 0: it is no JSON, and means itself. */
static int json_words(const struct pm_instruction *i, const char *s, struct pm_strv *words,
		      struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	if (*s != '[' || pm_json_parse(pool, s, strlen(s), &v, NULL) < 0)
		return 0;
	for (size_t k = 0; k < v->len; k++) {
		const struct pm_json *item = v->items[k];
		if (item->kind != PM_JSON_STRING)
			return pm_instruction_fail(i, err, PM_E_USAGE,
						   "the array of %s must hold strings only",
						   kinds[i->kind].name);
		if (strlen(item->string) != item->len)
			return pm_instruction_fail(i, err, PM_E_USAGE,
						   "the array of %s holds a NUL character",
						   kinds[i->kind].name);
		pm_strv_add(words, item->string);
	}
	return 1;
}

static int pairs(const struct pm_instruction *i, const char *s, struct pm_strv *words,
		 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv raw = PM_STRV_INIT;
	pm_df_quoted_words(s, i->escape, &raw);
	if (raw.n && !strchr(raw.v[0], '=')) {
		if (raw.n < 2)
			return pm_instruction_fail(i, err, PM_E_USAGE,
						   "%s must be NAME=VALUE or NAME VALUE",
						   kinds[i->kind].name);
		size_t n = strcspn(s, " \t\v\f\r\n");
		pm_strv_take(words, pm_strndup(s, n));
		pm_strv_add(words, s + n + strspn(s + n, " \t\v\f\r\n"));
		return 0;
	}
	for (size_t k = 0; k < raw.n; k++) {
		const char *eq = strchr(raw.v[k], '=');
		if (!eq)
			return pm_instruction_fail(
				i, err, PM_E_USAGE,
				"\"%.200s\" has no \"=\": %s must be NAME=VALUE...", raw.v[k],
				kinds[i->kind].name);
		if (eq == raw.v[k])
			return pm_instruction_fail(i, err, PM_E_USAGE, "%s \"%.200s\" has no name",
						   kinds[i->kind].name, raw.v[k]);
		pm_strv_take(words, pm_strndup(raw.v[k], (size_t)(eq - raw.v[k])));
		pm_strv_add(words, eq + 1);
	}
	return 0;
}

/* "NONE", or "CMD" and a command. */
static int health_words(struct pm_instruction *i, const char *s, struct pm_strv *words,
			struct pm_err *err)
{
	size_t n = strcspn(s, " \t\v\f\r\n");
	const char *rest = s + n + strspn(s + n, " \t\v\f\r\n");
	if (n == 4 && strncasecmp(s, "NONE", n) == 0) {
		pm_strv_add(words, "NONE");
		return *rest || i->n_flags
			       ? pm_instruction_fail(i, err, PM_E_USAGE,
						     "HEALTHCHECK NONE takes nothing more")
			       : 0;
	}
	if (n != 3 || strncasecmp(s, "CMD", n) != 0)
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "HEALTHCHECK must be NONE or CMD, not \"%.*s\"",
					   n > 100 ? 100 : (int)n, s);
	pm_strv_add(words, "CMD");
	int r = json_words(i, rest, words, err);
	if (r < 0)
		return r;
	i->json = r > 0;
	if (!r && *rest)
		pm_strv_add(words, rest);
	return words->n < 2
		       ? pm_instruction_fail(i, err, PM_E_USAGE, "HEALTHCHECK CMD has no command")
		       : 0;
}

/* IMAGE, or IMAGE AS NAME. */
static int from_words(struct pm_instruction *i, const char *s, struct pm_strv *words,
		      struct pm_err *err)
{
	pm_df_blank_words(s, words);
	if (words->n != 1 && (words->n != 3 || strcasecmp(words->v[1], "AS") != 0))
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "FROM must be FROM IMAGE or FROM IMAGE AS NAME");
	if (words->n == 1)
		return 0;
	char *name = words->v[2];
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!islower((unsigned char)*name) ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")])
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "\"%.100s\" cannot name a stage: letters, digits, "
					   "\"-\", \"_\" and \".\" after a letter",
					   name);
	return 0;
}

static int parse(struct pm_dockerfile *d, const struct pm_df_reader *r, const struct pm_df_text *t,
		 struct pm_instruction *i, const struct pm_instruction *outer, struct pm_err *err);

static int trigger_words(struct pm_dockerfile *d, const struct pm_df_reader *r,
			 const struct pm_df_text *t, struct pm_instruction *i, const char *s,
			 struct pm_strv *words, struct pm_err *err)
{
	_cleanup_df_text_ struct pm_df_text inner = {
		.line = t->line, .heredocs = t->heredocs, .n_heredocs = t->n_heredocs};
	struct pm_instruction *trigger = pm_json_pool_alloc(d->pool, sizeof(*trigger));
	pm_buf_add_str(&inner.text, s);
	int e = parse(d, r, &inner, trigger, i, err);
	if (e < 0)
		return e;
	i->trigger = trigger;
	pm_strv_addf(words, "%s%s%s", s, t->tail.len ? "\n" : "", pm_buf_str(&t->tail));
	return 0;
}

static int take_words(struct pm_dockerfile *d, const struct pm_df_reader *r,
		      const struct pm_df_text *t, struct pm_instruction *i, struct pm_strv *words,
		      struct pm_err *err)
{
	const char *s = i->rest;
	int e = 0;
	switch (kinds[i->kind].shape) {
	case TEXT:
		if (*s)
			pm_strv_add(words, s);
		break;
	case JSON:
	case COMMAND:
	case LIST:
		e = json_words(i, s, words, err);
		i->json = e > 0;
		if (e == 0 && kinds[i->kind].shape == LIST)
			pm_df_blank_words(s, words);
		else if (e == 0 && kinds[i->kind].shape == COMMAND && *s)
			pm_strv_add(words, s);
		break;
	case WORDS:
		pm_df_blank_words(s, words);
		break;
	case PAIRS:
		e = pairs(i, s, words, err);
		break;
	case ARGS:
		pm_df_quoted_words(s, i->escape, words);
		for (size_t k = 0; k < words->n && e >= 0; k++)
			if (words->v[k][0] == '=')
				e = pm_instruction_fail(i, err, PM_E_USAGE,
							"ARG \"%.200s\" has no name", words->v[k]);
		break;
	case FROM:
		e = from_words(i, s, words, err);
		break;
	case HEALTH:
		e = health_words(i, s, words, err);
		break;
	case TRIGGER:
		e = *s ? trigger_words(d, r, t, i, s, words, err) : 0;
		break;
	}
	return e < 0 ? e : 0;
}

static int check_count(const struct pm_instruction *i, struct pm_err *err)
{
	const struct kind *k = &kinds[i->kind];
	bool may_be_empty = i->json && (i->kind == PM_DF_CMD || i->kind == PM_DF_ENTRYPOINT);
	if (k->shape == JSON && (!i->json || !i->n_words))
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "%s must be an array in JSON: [\"/bin/sh\", \"-c\"]",
					   k->name);
	if (!i->n_words && !may_be_empty)
		return pm_instruction_fail(i, err, PM_E_USAGE, "%s needs an argument", k->name);
	if ((i->kind == PM_DF_COPY || i->kind == PM_DF_ADD) && i->n_words < 2)
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "%s needs a source and a destination", k->name);
	return 0;
}

static int parse(struct pm_dockerfile *d, const struct pm_df_reader *r, const struct pm_df_text *t,
		 struct pm_instruction *i, const struct pm_instruction *outer, struct pm_err *err)
{
	const char *text = pm_buf_str(&t->text);
	size_t n;
	int kind = pm_df_keyword(text, &n);
	*i = (struct pm_instruction){.file = outer ? outer->file
						   : pm_json_pool_strdup(d->pool, r->file),
				     .line = t->line,
				     .escape = r->escape,
				     .heredocs = t->heredocs,
				     .n_heredocs = t->n_heredocs};
	if (kind < 0)
		return pm_instruction_fail(i, err, PM_E_USAGE, "unknown instruction \"%.*s\"",
					   n > 100 ? 100 : (int)n, text);
	i->kind = (enum pm_instruction_kind)kind;
	if (outer && (kind == PM_DF_FROM || kind == PM_DF_ONBUILD || kind == PM_DF_MAINTAINER))
		return pm_instruction_fail(i, err, PM_E_USAGE, "%s cannot be a trigger of ONBUILD",
					   kinds[kind].name);
	i->original = pm_json_pool_strdup(d->pool, text);
	const char *rest = i->original + n + strspn(i->original + n, " \t\v\f\r\n");
	int e = kinds[kind].shape != TRIGGER ? take_flags(d->pool, i, &rest, err) : 0;
	if (e < 0)
		return e;
	i->rest = rest;
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	e = take_words(d, r, t, i, &words, err);
	if (e >= 0)
		e = set_words(d->pool, i, &words, err);
	return e < 0 ? e : check_count(i, err);
}

static struct pm_instruction *new_step(struct pm_dockerfile *d)
{
	if (d->n_steps == d->cap_steps) {
		d->cap_steps = d->cap_steps * 2 + 16;
		d->steps = pm_reallocarray(d->steps, d->cap_steps, sizeof(*d->steps));
	}
	return &d->steps[d->n_steps];
}

/* FROM begins a stage; what is before the first one can only be ARG. */
static int place_step(struct pm_dockerfile *d, struct pm_instruction *i, bool trigger,
		      struct pm_err *err)
{
	if (d->n_steps == PM_DOCKERFILE_STEPS)
		return pm_instruction_fail(i, err, PM_E_USAGE, "more than %d instructions",
					   PM_DOCKERFILE_STEPS);
	d->n_steps++;
	if (i->kind == PM_DF_FROM) {
		if (d->n_stages == d->cap_stages) {
			d->cap_stages = d->cap_stages * 2 + 4;
			d->stages = pm_reallocarray(d->stages, d->cap_stages, sizeof(*d->stages));
		}
		d->stages[d->n_stages++] = (struct pm_df_stage){
			.name = i->n_words == 3 ? i->words[2] : NULL, .first = d->n_steps};
		return 0;
	}
	if (d->n_stages)
		d->stages[d->n_stages - 1].n++;
	else if (i->kind == PM_DF_ARG && !trigger)
		d->n_global++;
	else if (!trigger)
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "%s before the first FROM, where only ARG may be",
					   kinds[i->kind].name);
	return 0;
}

static int add(struct pm_dockerfile *d, struct pm_df_reader *r, bool trigger, struct pm_err *err)
{
	static const struct pm_instruction onbuild = {.kind = PM_DF_ONBUILD};
	for (;;) {
		_cleanup_df_text_ struct pm_df_text t = {0};
		int e = pm_df_read(r, d->pool, &t, err);
		if (e < 0)
			return e;
		if (e == 0)
			break;
		struct pm_instruction outer = onbuild, *i = new_step(d);
		outer.file = trigger ? pm_json_pool_strdup(d->pool, r->file) : NULL;
		if (trigger)
			t.line = 0;
		e = parse(d, r, &t, i, trigger ? &outer : NULL, err);
		if (e >= 0)
			e = place_step(d, i, trigger, err);
		if (e < 0)
			return e;
	}
	for (size_t k = 0; k < d->n_stages; k++) /* steps may have moved */
		d->stages[k].from = &d->steps[d->stages[k].first - 1];
	return 0;
}

int pm_dockerfile_add(struct pm_dockerfile *d, const char *name, const char *text, size_t len,
		      struct pm_err *err)
{
	if (len > PM_DOCKERFILE_MAX)
		return pm_fail(err, PM_E_USAGE, "%s: larger than %d MiB", name,
			       PM_DOCKERFILE_MAX >> 20);
	if (len && memchr(text, '\0', len))
		return pm_fail(err, PM_E_USAGE, "%s: holds a NUL character: it is no Containerfile",
			       name);
	struct pm_df_reader r = {.file = name,
				 .p = text,
				 .end = text + len,
				 .line = 1,
				 .escape = '\\',
				 .directives = true};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.p += 3;
	return add(d, &r, false, err);
}

int pm_dockerfile_add_trigger(struct pm_dockerfile *d, const char *name, const char *text,
			      struct pm_err *err)
{
	if (strlen(text) > PM_DOCKERFILE_MAX)
		return pm_fail(err, PM_E_USAGE, "%s: larger than %d MiB", name,
			       PM_DOCKERFILE_MAX >> 20);
	struct pm_df_reader r = {
		.file = name, .p = text, .end = text + strlen(text), .line = 1, .escape = '\\'};
	return add(d, &r, true, err);
}

int pm_dockerfile_check(const struct pm_dockerfile *d, struct pm_err *err)
{
	if (!d->n_steps)
		return pm_fail(err, PM_E_USAGE, "the Containerfile is empty: it must have a FROM");
	if (!d->n_stages)
		return pm_fail(err, PM_E_USAGE, "%s: there is no FROM", d->steps[0].file);
	return 0;
}

const struct pm_heredoc *pm_instruction_heredoc(const struct pm_instruction *i, const char *word)
{
	_cleanup_free_ char *name = NULL;
	bool expand, strip;
	if (i->json || !i->n_heredocs || !pm_df_heredoc_word(word, &name, &expand, &strip))
		return NULL;
	for (size_t k = 0; k < i->n_heredocs; k++)
		if (strcmp(i->heredocs[k].name, name) == 0)
			return &i->heredocs[k];
	return NULL;
}

int pm_instruction_script(const struct pm_instruction *run, struct pm_buf *ret)
{
	const char *text = run->n_words ? run->words[0] : "";
	if (run->n_heredocs == 1 && pm_instruction_heredoc(run, text)) {
		pm_buf_add(ret, run->heredocs[0].content, run->heredocs[0].len);
		return pm_startswith(run->heredocs[0].content, "#!");
	}
	pm_buf_add_str(ret, text);
	for (size_t k = 0; k < run->n_heredocs; k++)
		pm_buf_printf(ret, "\n%s%s", run->heredocs[k].content, run->heredocs[k].name);
	return 0;
}

int pm_dockerfile_stage(const struct pm_dockerfile *d, const char *word, size_t n)
{
	for (size_t k = n; k > 0; k--)
		if (d->stages[k - 1].name && strcasecmp(d->stages[k - 1].name, word) == 0)
			return (int)(k - 1);
	size_t digits = strspn(word, "0123456789");
	if (!digits || word[digits] || digits > 5)
		return -1;
	size_t number = strtoul(word, NULL, 10);
	return number < n ? (int)number : -1;
}
