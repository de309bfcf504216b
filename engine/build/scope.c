#include "engine/build/scope.h"

#include <stdlib.h>
#include <string.h>

#include "engine/build/expand.h"

/* Declared everywhere, and of no account for what an image is made of. */
static const char *const proxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
				      "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
				      "ALL_PROXY",  "all_proxy",  NULL};

static void set_platform(struct pm_strv *env, const char *which, const struct pm_build_platform *p)
{
	const char *variant = p->variant ? p->variant : "";
	pm_strv_addf(env, "%sPLATFORM=%s/%s%s%s", which, p->os, p->arch, *variant ? "/" : "",
		     variant);
	pm_strv_addf(env, "%sOS=%s", which, p->os);
	pm_strv_addf(env, "%sARCH=%s", which, p->arch);
	pm_strv_addf(env, "%sVARIANT=%s", which, variant);
}

void pm_build_args_init(struct pm_build_args *a, const struct pm_strv *given,
			const struct pm_build_platform *build,
			const struct pm_build_platform *target, const char *target_stage)
{
	*a = (struct pm_build_args){0};
	set_platform(&a->global, "BUILD", build);
	set_platform(&a->global, "TARGET", target);
	pm_strv_addf(&a->global, "TARGETSTAGE=%s", target_stage ? target_stage : "default");
	a->n_platform = a->global.n;
	for (size_t i = 0; given && i < given->n; i++) {
		_cleanup_free_ char *name = pm_strndup(given->v[i], strcspn(given->v[i], "="));
		const char *value = given->v[i] + strlen(name);
		if (!*value)
			continue;
		pm_env_set(&a->given, name, value + 1);
		if (pm_env_get(&a->global, name))
			pm_env_set(&a->global, name, value + 1);
	}
}

void pm_build_args_free(struct pm_build_args *a)
{
	pm_strv_free(&a->given);
	pm_strv_free(&a->global);
}

/* The name of an ARG's word, and what is behind its "=" or NULL. The caller frees the name. */
static char *arg_name(const char *word, const char **ret_default)
{
	size_t n = strcspn(word, "=");
	*ret_default = word[n] ? word + n + 1 : NULL;
	return pm_strndup(word, n);
}

int pm_build_args_global(struct pm_build_args *a, const struct pm_instruction *arg,
			 struct pm_err *err)
{
	for (size_t i = 0; i < arg->n_words; i++) {
		const char *text, *value;
		_cleanup_free_ char *name = arg_name(arg->words[i], &text), *expanded = NULL;
		value = pm_env_get(&a->given, name);
		if (!value && text) {
			if (pm_expand_word(text, arg->escape, &a->global, &expanded, err) < 0)
				return pm_wrap(err, "%s:%u", arg->file, arg->line);
			value = expanded;
		}
		if (value)
			pm_env_set(&a->global, name, value);
	}
	return 0;
}

void pm_build_args_unused(const struct pm_build_args *a, const struct pm_dockerfile *d,
			  struct pm_strv *ret)
{
	for (size_t i = 0; i < a->given.n; i++) {
		_cleanup_free_ char *name = pm_strndup(a->given.v[i], strcspn(a->given.v[i], "="));
		bool used = pm_str_in(name, proxies);
		for (size_t k = 0; k < a->n_platform; k++)
			used = used || (pm_startswith(a->global.v[k], name) &&
					a->global.v[k][strlen(name)] == '=');
		for (size_t s = 0; s < d->n_steps && !used; s++) {
			const struct pm_instruction *in = &d->steps[s];
			for (size_t w = 0; in->kind == PM_DF_ARG && w < in->n_words && !used; w++)
				used = pm_startswith(in->words[w], name) &&
				       strchr("=", in->words[w][strlen(name)]);
		}
		if (!used)
			pm_strv_add(ret, name);
	}
}

void pm_build_scope_init(struct pm_build_scope *s, const struct pm_build_args *args,
			 const struct pm_strv *image_env)
{
	*s = (struct pm_build_scope){.args = args};
	if (image_env)
		pm_env_merge(&s->env, image_env);
}

void pm_build_scope_free(struct pm_build_scope *s)
{
	pm_strv_free(&s->env);
	pm_strv_free(&s->declared);
}

/* ENV hides ARG. */
static void visible(const struct pm_build_scope *s, struct pm_strv *ret)
{
	pm_env_merge(ret, &s->declared);
	pm_env_merge(ret, &s->env);
}

int pm_build_scope_arg(struct pm_build_scope *s, const struct pm_instruction *arg,
		       struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	visible(s, &env);
	for (size_t i = 0; i < arg->n_words; i++) {
		const char *text;
		_cleanup_free_ char *name = arg_name(arg->words[i], &text), *expanded = NULL;
		const char *value = pm_env_get(&s->args->given, name);
		if (!value && text) {
			if (pm_expand_word(text, arg->escape, &env, &expanded, err) < 0)
				return pm_wrap(err, "%s:%u", arg->file, arg->line);
			value = expanded;
		}
		if (!value)
			value = pm_env_get(&s->args->global, name);
		if (value)
			pm_env_set(&s->declared, name, value);
	}
	return 0;
}

void pm_build_scope_env(struct pm_build_scope *s, const struct pm_instruction *env)
{
	for (size_t i = 0; i + 1 < env->n_words; i += 2)
		pm_env_set(&s->env, env->words[i], env->words[i + 1]);
}

void pm_build_scope_run_env(const struct pm_build_scope *s, struct pm_strv *ret)
{
	_cleanup_strv_ struct pm_strv all = PM_STRV_INIT;
	for (size_t i = 0; proxies[i]; i++) {
		const char *value = pm_env_get(&s->args->given, proxies[i]);
		if (value)
			pm_env_set(&all, proxies[i], value);
	}
	pm_env_merge(&all, &s->declared);
	pm_env_merge(&all, &s->env);
	pm_env_merge(ret, &all);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void pm_build_scope_run_args(const struct pm_build_scope *s, struct pm_strv *ret)
{
	size_t first = ret->n;
	for (size_t i = 0; i < s->declared.n; i++) {
		_cleanup_free_ char *name =
			pm_strndup(s->declared.v[i], strcspn(s->declared.v[i], "="));
		if (!pm_env_get(&s->env, name))
			pm_strv_add(ret, s->declared.v[i]);
	}
	if (ret->n > first)
		qsort(ret->v + first, ret->n - first, sizeof(*ret->v), by_text);
}

/* Words in the shape of the instruction's, expanded. */
static int expand_words(struct pm_json_pool *pool, const struct pm_strv *env,
			const struct pm_instruction *i, struct pm_instruction *ret,
			struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	for (size_t k = 0; k < i->n_words; k++) {
		char *word = NULL;
		int r = 0;
		if (pm_instruction_heredoc(i, i->words[k]) || (i->kind == PM_DF_FROM && k > 0))
			word = pm_strdup(i->words[k]);
		else if (i->kind == PM_DF_EXPOSE)
			r = pm_expand_words(i->words[k], i->escape, env, &words, err);
		else
			r = pm_expand_word(i->words[k], i->escape, env, &word, err);
		if (r < 0)
			return r;
		if (word)
			pm_strv_take(&words, word);
		if ((i->kind == PM_DF_VOLUME || i->kind == PM_DF_WORKDIR ||
		     i->kind == PM_DF_FROM) &&
		    !*words.v[k])
			return pm_fail(err, PM_E_USAGE,
				       "%s \"%.200s\" is empty with its variables put in",
				       pm_instruction_name(i->kind), i->words[k]);
		if ((i->kind == PM_DF_ENV || i->kind == PM_DF_LABEL) && k % 2 == 0 && !*words.v[k])
			return pm_fail(err, PM_E_USAGE, "%s has an empty name",
				       pm_instruction_name(i->kind));
	}
	const char **v = pm_json_pool_alloc(pool, (words.n + 1) * sizeof(*v));
	for (size_t k = 0; k < words.n; k++)
		v[k] = pm_json_pool_strdup(pool, words.v[k]);
	ret->words = v;
	ret->n_words = words.n;
	return 0;
}

static int expand_flags(struct pm_json_pool *pool, const struct pm_strv *env,
			const struct pm_instruction *i, struct pm_instruction *ret,
			struct pm_err *err)
{
	struct pm_df_flag *flags = pm_json_pool_alloc(pool, (i->n_flags + 1) * sizeof(*flags));
	for (size_t k = 0; k < i->n_flags; k++) {
		_cleanup_free_ char *value = NULL;
		flags[k] = i->flags[k];
		if (!flags[k].value)
			continue;
		int r = pm_expand_word(flags[k].value, i->escape, env, &value, err);
		if (r < 0)
			return pm_wrap(err, "--%s", flags[k].name);
		flags[k].value = pm_json_pool_strdup(pool, value);
	}
	ret->flags = flags;
	return 0;
}

static int expand_heredocs(struct pm_json_pool *pool, const struct pm_strv *env,
			   const struct pm_instruction *i, struct pm_instruction *ret,
			   struct pm_err *err)
{
	struct pm_heredoc *docs = pm_json_pool_alloc(pool, (i->n_heredocs + 1) * sizeof(*docs));
	for (size_t k = 0; k < i->n_heredocs; k++) {
		_cleanup_free_ char *content = NULL;
		docs[k] = i->heredocs[k];
		if (!docs[k].expand)
			continue;
		int r = pm_expand_heredoc(docs[k].content, env, &content, err);
		if (r < 0)
			return pm_wrap(err, "<<%s", docs[k].name);
		docs[k].content = pm_json_pool_strdup(pool, content);
		docs[k].len = strlen(content);
	}
	ret->heredocs = docs;
	return 0;
}

/* What of an instruction has variables. */
enum { HAS_FLAGS = 1, HAS_WORDS = 2, HAS_HEREDOCS = 4 };

static unsigned int parts(enum pm_instruction_kind kind)
{
	switch (kind) {
	case PM_DF_ADD:
	case PM_DF_COPY:
		return HAS_FLAGS | HAS_WORDS | HAS_HEREDOCS;
	case PM_DF_ENV:
	case PM_DF_EXPOSE:
	case PM_DF_LABEL:
	case PM_DF_STOPSIGNAL:
	case PM_DF_USER:
	case PM_DF_VOLUME:
	case PM_DF_WORKDIR:
		return HAS_WORDS;
	case PM_DF_FROM:
		return HAS_FLAGS | HAS_WORDS;
	case PM_DF_RUN:
		return HAS_FLAGS;
	case PM_DF_ARG: /* by pm_build_scope_arg */
	case PM_DF_CMD:
	case PM_DF_ENTRYPOINT:
	case PM_DF_HEALTHCHECK:
	case PM_DF_MAINTAINER:
	case PM_DF_ONBUILD:
	case PM_DF_SHELL:
		break;
	}
	return 0;
}

int pm_build_expand(const struct pm_build_args *a, const struct pm_build_scope *s,
		    struct pm_json_pool *pool, const struct pm_instruction *i,
		    struct pm_instruction *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	unsigned int has = parts(i->kind);
	int r = 0;
	*ret = *i;
	if (!has)
		return 0;
	if (s)
		visible(s, &env);
	if (has & HAS_FLAGS)
		r = expand_flags(pool, s ? &env : &a->global, i, ret, err);
	if (r >= 0 && has & HAS_WORDS)
		r = expand_words(pool, s ? &env : &a->global, i, ret, err);
	if (r >= 0 && has & HAS_HEREDOCS)
		r = expand_heredocs(pool, s ? &env : &a->global, i, ret, err);
	if (r < 0)
		return i->line ? pm_wrap(err, "%s:%u", i->file, i->line)
			       : pm_wrap(err, "%s", i->file);
	return 0;
}
