#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/build/build_parts.h"
#include "engine/build/cache_remote.h"
#include "engine/build/config.h"
#include "engine/image/changes.h"
#include "storage/image.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void say(struct pm_build_stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say_numbered(struct pm_build_stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say_line(struct pm_build_stage *s, const char *before, const char *fmt, va_list ap)
{
	_cleanup_buf_ struct pm_buf line = PM_BUF_INIT;
	pm_buf_add_str(&line, before);
	pm_buf_vprintf(&line, fmt, ap);
	if (s->b->o->say)
		s->b->o->say(s->b->o->arg, pm_buf_str(&line));
}

static void say(struct pm_build_stage *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_line(s, "", fmt, ap);
	va_end(ap);
}

/* With the stage's number, when there are several. */
static void say_numbered(struct pm_build_stage *s, const char *fmt, ...)
{
	char before[64] = "";
	va_list ap;
	if (s->b->n_stages > 1)
		snprintf(before, sizeof(before), "[%zu/%zu] ", s->index + 1, s->b->n_stages);
	va_start(ap, fmt);
	say_line(s, before, fmt, ap);
	va_end(ap);
}

static void say_commit(struct pm_build_stage *s)
{
	const struct pm_strv *names = s->b->o->names;
	bool any = names && names->n;
	say_numbered(s, "COMMIT%s%s", any ? " " : "", any ? names->v[0] : "");
}

static int64_t created_of(const struct pm_build *b)
{
	return b->o->timestamp ? *b->o->timestamp : pm_image_now();
}

void pm_build_stage_free(struct pm_build_stage *s)
{
	const struct pm_build_options *o = s->b->o;
	struct pm_err err = PM_ERR_INIT;
	if (s->worker.e && !(s->failed ? o->keep_failed : o->keep) && pm_worker_remove(&s->worker, &err) < 0)
		pm_warn("remove working container %s: %s", s->worker.c.row.name, err.text);
	pm_worker_free(&s->worker);
	pm_dockerfile_free(s->triggers);
	free(s->steps);
	free(s->needs);
	free(s->base_name);
	pm_json_pool_free(s->pool);
	pm_build_scope_free(&s->scope);
}

/* --- where it stands -------------------------------------------------------------------------------- */

static void drop_triggers(struct pm_build_stage *s, struct pm_json *document)
{
	struct pm_json *config = pm_json_get(document, "config");
	if (strcmp(s->head, s->base) == 0 && pm_json_get(config, "OnBuild"))
		pm_json_unset(config, "OnBuild");
}

int pm_build_stage_worker(struct pm_build_stage *s, struct pm_worker **ret, struct pm_err *err)
{
	struct pm_worker *w = &s->worker;
	const struct pm_build_options *o = s->b->o;
	*ret = w;
	if (w->e && pm_streq(pm_worker_image(w) ? pm_worker_image(w) : "", s->head))
		return 0;
	int r;
	if (w->e) {
		r = pm_worker_rebase(w, s->head, err);
	} else {
		const struct pm_worker_options wo = {
			.image_id = s->head[0] ? s->head : NULL,
			.image_name = s->base_name,
			.own = o->keep || o->keep_failed,
			.base = o->base,
			.os = o->os,
			.arch = o->arch,
			.variant = o->variant,
		};
		int userns;
		bool single;
		r = pm_build_userns(s->b, &userns, &single, err);
		if (r >= 0)
			r = pm_worker_new(s->b->e, &wo, w, err);
	}
	if (r >= 0)
		drop_triggers(s, w->document);
	return r;
}

static int load_document(struct pm_build_stage *s, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	s->pool = pm_json_pool_new();
	s->document = pm_json_object(s->pool);
	if (!s->head[0])
		return 0;
	int r = pm_image_by_id(s->b->e->store, s->head, PM_IMAGE_CONFIG, &image, err);
	if (r >= 0)
		r = pm_json_parse(s->pool, image.config, image.config_len, &s->document, err);
	if (r >= 0 && !pm_json_is(s->document, PM_JSON_OBJECT))
		r = pm_fail(err, PM_E_FORMAT, "it is no object");
	return r < 0 ? pm_wrap(err, "configuration of image %.12s", s->head) : 0;
}

/* --- FROM ------------------------------------------------------------------------------------------- */

static int find_base(struct pm_build_stage *s, const struct pm_instruction *from, struct pm_err *err)
{
	struct pm_build *b = s->b;
	const char *word = b->o->from && s->index == 0 ? b->o->from : from->words[0];
	struct pm_build_extra *named;
	int r = pm_build_named(b, word, &named, err);
	if (r < 0)
		return r;
	int k = named ? -1 : pm_dockerfile_stage(b->d, word, s->index);
	if (named && !named->image)
		return pm_instruction_fail(from, err, PM_E_UNSUPPORTED, "build context \"%s\" is no image: give "
					   "docker-image://NAME", word);
	if (k >= 0) {
		snprintf(s->base, sizeof(s->base), "%s", b->stages[k].head);
		return pm_build_stage_image(&b->stages[k], s->base, err);
	}
	if (!named && strcmp(word, "scratch") == 0)
		return 0;
	r = pm_build_source_pull(b, named ? named->image : word, pm_instruction_flag(from, "platform"), s->base,
				 &s->base_name, err);
	return r < 0 ? pm_wrap(err, "creating build container") : 0;
}

/* ONBUILD of the base: instructions before the stage's own. */
static int read_triggers(struct pm_build_stage *s, struct pm_err *err)
{
	struct pm_json *list = pm_json_find(s->document, "config", "OnBuild", NULL);
	_cleanup_free_ char *name = pm_asprintf("ONBUILD of image %s", s->base_name ? s->base_name : s->base);
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *text = pm_json_at(list, i);
		if (!s->triggers)
			s->triggers = pm_dockerfile_new();
		if (!pm_json_is(text, PM_JSON_STRING))
			return pm_fail(err, PM_E_FORMAT, "%s: it is no text", name);
		int r = pm_dockerfile_add_trigger(s->triggers, name, text->string, err);
		if (r < 0)
			return r;
	}
	drop_triggers(s, s->document);
	return 0;
}

static char *quoted_pairs(const char *keyword, const struct pm_strv *pairs)
{
	struct pm_buf text = PM_BUF_INIT;
	pm_buf_add_str(&text, keyword);
	for (size_t i = 0; i < pairs->n; i++) {
		const char *pair = pairs->v[i];
		size_t n = strcspn(pair, "=");
		pm_buf_printf(&text, " \"%.*s\"=\"%s\"", (int)n, pair, pair[n] ? pair + n + 1 : "");
	}
	return pm_buf_take(&text);
}

/* --label is an instruction at the end of the target. */
static const struct pm_instruction *label_step(struct pm_build *b)
{
	const struct pm_strv *labels = b->o->labels;
	struct pm_instruction *i = pm_json_pool_alloc(b->pool, sizeof(*i));
	const char **words = pm_json_pool_alloc(b->pool, (2 * labels->n + 1) * sizeof(*words));
	_cleanup_free_ char *text = quoted_pairs("LABEL", labels);
	for (size_t k = 0; k < labels->n; k++) {
		const char *eq = strchr(labels->v[k], '=');
		_cleanup_free_ char *name = pm_strndup(labels->v[k], strcspn(labels->v[k], "="));
		words[2 * k] = pm_json_pool_strdup(b->pool, name);
		words[2 * k + 1] = pm_json_pool_strdup(b->pool, eq ? eq + 1 : "");
	}
	*i = (struct pm_instruction){.kind = PM_DF_LABEL,
				     .escape = '\\',
				     .original = pm_json_pool_strdup(b->pool, text),
				     .rest = pm_json_pool_strdup(b->pool, text + strlen("LABEL ")),
				     .words = words,
				     .n_words = 2 * labels->n};
	return i;
}

static void collect_steps(struct pm_build_stage *s)
{
	size_t n = (s->triggers ? s->triggers->n_steps : 0) + s->df->n + 1;
	s->steps = pm_calloc(n, sizeof(*s->steps));
	for (size_t i = 0; s->triggers && i < s->triggers->n_steps; i++)
		s->steps[s->n_steps++] = &s->triggers->steps[i];
	for (size_t i = 0; i < s->df->n; i++)
		s->steps[s->n_steps++] = &s->b->d->steps[s->df->first + i];
	if (s->target && s->b->o->labels && s->b->o->labels->n)
		s->steps[s->n_steps++] = label_step(s->b);
}

static int begin(struct pm_build_stage *s, struct pm_err *err)
{
	struct pm_build *b = s->b;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	struct pm_instruction from;
	size_t own = s->df->n + 1 + (s->target && b->o->labels && b->o->labels->n ? 1 : 0);
	int r = pm_build_expand(&b->args, NULL, b->pool, s->df->from, &from, err);
	if (r < 0)
		return r;
	const char *platform = pm_instruction_flag(&from, "platform"), *name = s->df->name;
	say_numbered(s, "STEP %zu/%zu: FROM %s%s%s%s%s%s", (size_t)1, own, platform ? "--platform=" : "",
		     platform ? platform : "", platform ? " " : "", from.words[0], name ? " AS " : "",
		     name ? name : "");
	r = find_base(s, &from, err);
	if (r < 0)
		return r;
	memcpy(s->head, s->base, sizeof(s->head));
	r = load_document(s, err);
	if (r >= 0)
		r = read_triggers(s, err);
	if (r < 0)
		return r;
	collect_steps(s);
	pm_build_config_env_list(pm_json_get(s->document, "config"), &env);
	if (!pm_env_get(&env, "PATH"))
		pm_strv_add(&env, "PATH=" DEFAULT_PATH);
	pm_build_scope_init(&s->scope, &b->args, &env);
	return 0;
}

/* --- images ----------------------------------------------------------------------------------------- */

/* What every image of this build gets, beside its instructions. */
static void finish_document(struct pm_build_stage *s, struct pm_worker *w, bool last)
{
	const struct pm_build_options *o = s->b->o;
	struct pm_json *config = pm_worker_config(w);
	if (!pm_json_get(config, "Env"))
		pm_build_config_env(w->pool, config, "PATH", DEFAULT_PATH);
	pm_worker_set_platform(w, o->os, o->arch, o->variant);
	if (o->identity)
		pm_build_config_label(w->pool, config, "io.buildah.version", o->identity);
	if (!last)
		return;
	for (size_t i = 0; o->env && i < o->env->n; i++) {
		_cleanup_free_ char *name = pm_strndup(o->env->v[i], strcspn(o->env->v[i], "="));
		const char *eq = strchr(o->env->v[i], '=');
		pm_build_config_env(w->pool, config, name, eq ? eq + 1 : "");
	}
	for (size_t i = 0; o->unsetenv && i < o->unsetenv->n; i++)
		pm_build_config_unset_env(config, o->unsetenv->v[i]);
	for (size_t i = 0; o->unsetlabels && i < o->unsetlabels->n; i++)
		pm_json_unset(pm_json_get(config, "Labels"), o->unsetlabels->v[i]);
	if (o->os_version)
		pm_json_set_str(w->pool, w->document, "os.version", o->os_version);
	if (o->os_features && o->os_features->n)
		pm_json_set(w->pool, w->document, "os.features", pm_json_strv(w->pool, o->os_features));
}

static bool changes_image(const struct pm_build_options *o)
{
	return (o->env && o->env->n) || (o->unsetenv && o->unsetenv->n) || (o->unsetlabels && o->unsetlabels->n) ||
	       o->os_version || (o->os_features && o->os_features->n) || (o->annotations && o->annotations->n) ||
	       o->squash_all || o->timestamp;
}

static void add_list(struct pm_cache_key *key, const char *what, const struct pm_strv *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		pm_cache_key_add(key, what, l->v[i]);
}

static void key_of_image(struct pm_build_stage *s, struct pm_cache_key *key, bool last)
{
	const struct pm_build_options *o = s->b->o;
	char number[32];
	pm_cache_key_add(key, "format", o->docker ? "docker" : "oci");
	pm_cache_key_add(key, "identity", o->identity);
	pm_cache_key_add(key, "history", o->omit_history ? "no" : "yes");
	if (o->timestamp) {
		snprintf(number, sizeof(number), "%lld", (long long)*o->timestamp);
		pm_cache_key_add(key, "timestamp", number);
	}
	pm_cache_key_add(key, "os", o->os);
	pm_cache_key_add(key, "arch", o->arch);
	pm_cache_key_add(key, "variant", o->variant);
	if (!last)
		return;
	add_list(key, "env", o->env);
	add_list(key, "unsetenv", o->unsetenv);
	add_list(key, "unsetlabel", o->unsetlabels);
	add_list(key, "annotation", o->annotations);
	add_list(key, "feature", o->os_features);
	if (o->os_version)
		pm_cache_key_add(key, "os.version", o->os_version);
}

static void base_annotations(const struct pm_build_stage *s, struct pm_strv *ret)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	if (s->base_name && s->base[0] && pm_image_by_id(s->b->e->store, s->base, 0, &image, NULL) >= 0) {
		pm_strv_addf(ret, "org.opencontainers.image.base.digest=%s", image.digest);
		pm_strv_addf(ret, "org.opencontainers.image.base.name=%s", s->base_name);
	}
	if (s->target && s->b->o->annotations && s->b->o->annotations->n)
		pm_strv_add_all(ret, s->b->o->annotations->v);
}

static int commit(struct pm_build_stage *s, struct pm_worker *w, const char *created_by, bool last, char ret_id[65],
		  struct pm_err *err)
{
	const struct pm_build_options *o = s->b->o;
	_cleanup_strv_ struct pm_strv annotations = PM_STRV_INIT;
	_cleanup_free_ char *from = NULL;
	if (pm_worker_image(w))
		from = s->base_name && strcmp(pm_worker_image(w), s->base) == 0
			       ? pm_asprintf("FROM %s", s->base_name)
			       : pm_asprintf("FROM %.12s", pm_worker_image(w));
	base_annotations(s, &annotations);
	finish_document(s, w, last);
	const struct pm_worker_commit c = {
		.docker = o->docker,
		.squash = last && o->squash_all,
		.created = created_of(s->b),
		.clamp = o->timestamp != NULL,
		.take = !o->keep && !o->keep_failed,
		.annotations = &annotations,
		.created_by = created_by,
		.comment = from,
		.omit_history = o->omit_history,
	};
	return pm_worker_commit(w, &c, ret_id, err);
}

int pm_build_stage_image(struct pm_build_stage *s, char ret_id[65], struct pm_err *err)
{
	struct pm_worker *w;
	int r = 0;
	if (s->dirty || !s->head[0] || (s->target && !s->finished && changes_image(s->b->o))) {
		r = pm_build_stage_worker(s, &w, err);
		if (r >= 0)
			r = commit(s, w, NULL, s->target, s->head, err);
		s->dirty = false;
		if (r >= 0)
			r = pm_worker_rebase(w, s->head, err);
	}
	if (r >= 0)
		memcpy(ret_id, s->head, sizeof(s->head));
	return r;
}

/* --- steps ------------------------------------------------------------------------------------------ */

/* What the instruction means for those after it. */
static int follow(struct pm_build_stage *s, const struct pm_build_step *t, struct pm_err *err)
{
	if (t->i.kind == PM_DF_ENV)
		pm_build_scope_env(&s->scope, &t->i);
	return pm_build_config_apply(s->pool, s->document, &t->i, &s->cmd_set, err);
}

static int do_step(struct pm_build_stage *s, struct pm_build_step *t, struct pm_err *err)
{
	struct pm_worker *w;
	bool cmd_set = s->cmd_set;
	int r = pm_build_stage_worker(s, &w, err);
	if (r >= 0)
		r = pm_build_config_apply(w->pool, w->document, &t->i, &cmd_set, err);
	if (r >= 0)
		r = pm_build_step_execute(t, w, err);
	return r;
}

static int known_step(struct pm_build_stage *s, const char *key, struct pm_err *err)
{
	const struct pm_build_options *o = s->b->o;
	if (o->no_cache || s->missed || o->cache_ttl < 0)
		return 0;
	return pm_cache_find(s->b->e->store, key, o->cache_ttl, s->head, err);
}

/* From a registry, and then it is known here as well. 1: there it was. */
static int fetch_step(struct pm_build_stage *s, const char *key, struct pm_err *err)
{
	const struct pm_build_options *o = s->b->o;
	_cleanup_free_ char *from = NULL;
	if (o->no_cache || s->missed)
		return 0;
	int r = pm_cache_pull(s->b->e->store, o->cache_from, key, s->head, o->how_to_pull, s->head, &from, err);
	if (r <= 0)
		return r;
	say(s, "--> Cache pulled from remote %s", from);
	r = pm_cache_add(s->b->e->store, key, s->head, err);
	return r < 0 ? r : 1;
}

static int offer_step(struct pm_build_stage *s, const char *key, struct pm_err *err)
{
	const struct pm_strv *to = s->b->o->cache_to;
	for (size_t i = 0; to && i < to->n; i++)
		say(s, "--> Pushing cache [%s]:%s", to->v[i], key);
	return pm_cache_push(s->b->e->store, to, key, s->head, s->b->o->how_to_pull, err);
}

static int layered_step(struct pm_build_stage *s, struct pm_build_step *t, bool last, struct pm_err *err)
{
	struct pm_cache_key key;
	char hex[65], id[65];
	pm_cache_key_init(&key, s->head[0] ? s->head : NULL);
	key_of_image(s, &key, last);
	int r = pm_build_step_describe(t, &key, err);
	if (r < 0)
		return r;
	pm_cache_key_hex(&key, hex);
	r = known_step(s, hex, err);
	if (r < 0)
		return r;
	if (r > 0)
		say(s, "--> Using cache %s", s->head);
	bool hit = r > 0, fetched = false;
	if (!hit) {
		r = fetch_step(s, hex, err);
		hit = fetched = r > 0;
	}
	if (r >= 0 && !hit) {
		s->missed = true;
		r = do_step(s, t, err);
	}
	if (r < 0)
		return r;
	s->finished = last;
	if (last && (!hit || (s->b->o->names && s->b->o->names->n)))
		say_commit(s);
	if (!hit) {
		r = commit(s, &s->worker, t->created_by, last, id, err);
		if (r < 0)
			return r;
		memcpy(s->head, id, sizeof(id));
		r = pm_cache_add(s->b->e->store, hex, id, err);
	}
	if (r >= 0 && !fetched)
		r = offer_step(s, hex, err);
	say(s, "--> %.12s", s->head);
	return r < 0 ? r : follow(s, t, err);
}

static int plain_step(struct pm_build_stage *s, struct pm_build_step *t, struct pm_err *err)
{
	struct pm_cache_key key;
	pm_cache_key_init(&key, NULL);
	int r = pm_build_step_describe(t, &key, err);
	if (r >= 0)
		r = do_step(s, t, err);
	if (r < 0)
		return r;
	s->dirty = true;
	pm_worker_history(&s->worker, t->created_by, created_of(s->b));
	return follow(s, t, err);
}

static int one_step(struct pm_build_stage *s, size_t k, struct pm_err *err)
{
	const struct pm_instruction *i = s->steps[k];
	struct pm_build_step t = {.s = s};
	bool last = s->target && k + 1 == s->n_steps;
	say_numbered(s, "STEP %zu/%zu: %s", k + 2, s->n_steps + 1, i->original);
	int r = 0;
	if (i->file)
		r = pm_build_expand(&s->b->args, &s->scope, s->b->pool, i, &t.i, err);
	else
		t.i = *i;
	if (r >= 0 && i->kind == PM_DF_ARG)
		r = pm_build_scope_arg(&s->scope, i, err);
	if (r >= 0)
		r = s->b->o->layers ? layered_step(s, &t, last, err) : plain_step(s, &t, err);
	pm_build_step_free(&t);
	return r < 0 ? pm_wrap(err, "building at STEP \"%s\"", i->original) : 0;
}

int pm_build_stage_run(struct pm_build_stage *s, struct pm_err *err)
{
	s->failed = true;
	int r = begin(s, err);
	for (size_t k = 0; r >= 0 && k < s->n_steps; k++)
		r = one_step(s, k, err);
	if (r < 0)
		return r;
	if (s->target && (!s->b->o->layers || !s->n_steps)) {
		say_commit(s);
		r = pm_build_stage_image(s, s->head, err);
		if (r >= 0)
			say(s, "--> %.12s", s->head);
	}
	s->failed = r < 0;
	s->done = r >= 0;
	return r < 0 ? r : 0;
}
