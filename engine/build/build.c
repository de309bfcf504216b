#include "engine/build/build.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/build/build_parts.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"
#include "registry/manifest.h"
#include "storage/image.h"

/* --- which stages ----------------------------------------------------------------------------------- */

static void need(struct pm_build *b, size_t k);

/* Stage user takes from what word means. */
static void need_word(struct pm_build *b, const char *word, size_t user)
{
	int k = word && !pm_build_source_named(b, word) ? pm_dockerfile_stage(b->d, word, user) : -1;
	if (k < 0)
		return;
	b->stages[user].needs[k] = true;
	need(b, (size_t)k);
}

/* from= of a --mount, as it is written. */
static void need_mounts(struct pm_build *b, const struct pm_instruction *i, size_t user)
{
	for (size_t k = 0; k < i->n_flags; k++) {
		_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
		if (strcmp(i->flags[k].name, "mount") != 0 || !i->flags[k].value)
			continue;
		pm_strv_split(&parts, i->flags[k].value, ',');
		for (size_t m = 0; m < parts.n; m++)
			if (pm_startswith(parts.v[m], "from="))
				need_word(b, parts.v[m] + strlen("from="), user);
	}
}

static void need(struct pm_build *b, size_t k)
{
	struct pm_build_stage *s = &b->stages[k];
	struct pm_instruction from;
	if (s->needed)
		return;
	s->needed = true;
	s->needs = pm_calloc(b->n_stages, sizeof(*s->needs));
	/* a name that does not come to anything is told when its turn comes */
	if (!(b->o->from && k == 0) && pm_build_expand(&b->args, NULL, b->pool, s->df->from, &from, NULL) >= 0)
		need_word(b, from.words[0], k);
	for (size_t i = 0; i < s->df->n; i++) {
		const struct pm_instruction *step = &b->d->steps[s->df->first + i];
		need_word(b, pm_instruction_flag(step, "from"), k);
		need_mounts(b, step, k);
	}
}

static int choose_stages(struct pm_build *b, struct pm_err *err)
{
	b->target = b->d->n_stages - 1;
	if (b->o->target && *b->o->target) {
		int k = pm_dockerfile_stage(b->d, b->o->target, b->d->n_stages);
		if (k < 0)
			return pm_fail(err, PM_E_NOSUCH, "the target \"%s\" was not found in the provided Dockerfile",
				       b->o->target);
		b->target = (size_t)k;
	}
	b->n_stages = b->target + 1;
	b->stages = pm_calloc(b->n_stages, sizeof(*b->stages));
	for (size_t k = 0; k < b->n_stages; k++)
		b->stages[k] = (struct pm_build_stage){.b = b,
						       .df = &b->d->stages[k],
						       .index = k,
						       .target = k == b->target,
						       .worker = PM_WORKER_INIT};
	need(b, b->target);
	for (size_t k = 0; b->o->all_stages && k < b->n_stages; k++)
		need(b, k);
	return 0;
}

/* --- arguments -------------------------------------------------------------------------------------- */

static int init_args(struct pm_build *b, struct pm_err *err)
{
	struct pm_platform here = {0}, there = {.os = b->o->os, .arch = b->o->arch, .variant = b->o->variant};
	pm_platform_default(&here);
	pm_platform_default(&there);
	const struct pm_build_platform build = {here.os, here.arch, here.variant ? here.variant : ""},
				       target = {there.os, there.arch, there.variant ? there.variant : ""};
	pm_build_args_init(&b->args, b->o->build_args, &build, &target, b->o->target);
	for (size_t i = 0; i < b->d->n_global; i++) {
		int r = pm_build_args_global(&b->args, &b->d->steps[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void warn_unused(struct pm_build *b)
{
	_cleanup_strv_ struct pm_strv unused = PM_STRV_INIT;
	pm_build_args_unused(&b->args, b->d, &unused);
	if (!unused.n)
		return;
	_cleanup_free_ char *names = pm_strv_join(&unused, " ");
	_cleanup_free_ char *line = pm_asprintf("[Warning] one or more build args were not consumed: [%s]", names);
	if (b->o->say)
		b->o->say(b->o->arg, line);
}

/* --- the whole -------------------------------------------------------------------------------------- */

static int run_stages(struct pm_build *b, struct pm_err *err)
{
	int r = 0;
	size_t max = b->o->jobs > 0 ? (size_t)b->o->jobs : b->n_stages;
	if (max > 1 && b->n_stages > 1) {
		int userns;
		bool single;
		r = pm_build_userns(b, &userns, &single, err); /* one for all processes */
		return r < 0 ? r : pm_build_jobs(b, max, err);
	}
	for (size_t k = 0; r >= 0 && k < b->n_stages; k++)
		if (b->stages[k].needed)
			r = pm_build_stage_run(&b->stages[k], err);
	return r;
}

/* The names, all at once; then those that the image has, the asked for before others. */
static int give_names(struct pm_build *b, struct pm_build_result *result, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = 0;
	for (size_t i = 0; b->o->names && r >= 0 && i < b->o->names->n; i++) {
		char *name = NULL;
		r = pm_image_new_name(b->o->names->v[i], &name, err);
		if (r >= 0)
			pm_strv_take(&names, name);
	}
	if (r >= 0 && names.n)
		r = pm_image_tag_all(b->e->store, result->id, &names, err);
	if (r < 0 || !names.n)
		return r;
	r = pm_image_by_id(b->e->store, result->id, 0, &row, err);
	pm_strv_add_all(&result->names, names.v);
	for (size_t i = 0; r >= 0 && i < row.n_names; i++)
		if (!pm_strv_has(&result->names, row.names[i].name))
			pm_strv_add(&result->names, row.names[i].name);
	return r < 0 ? r : 0;
}

static int check_names(const struct pm_build_options *o, struct pm_err *err)
{
	for (size_t i = 0; o->names && i < o->names->n; i++) {
		_cleanup_free_ char *name = NULL;
		int r = pm_image_new_name(o->names->v[i], &name, err);
		if (r < 0)
			return pm_wrap(err, "tag");
	}
	return 0;
}

int pm_build_prepare(struct pm_build *b, struct pm_err *err)
{
	int r = check_names(b->o, err);
	if (r >= 0)
		r = pm_store_need_db(b->e->store, err);
	if (r >= 0)
		r = pm_build_read(b, err);
	if (r >= 0)
		r = init_args(b, err);
	return r < 0 ? r : choose_stages(b, err);
}

void pm_build_free_workers(struct pm_build *b)
{
	for (size_t k = 0; k < b->n_stages; k++)
		pm_build_stage_free(&b->stages[k]);
	b->n_stages = 0;
	for (size_t i = 0; i < b->n_others; i++) {
		pm_worker_free(b->others[i]);
		free(b->others[i]);
	}
	b->n_others = 0;
}

void pm_build_free(struct pm_build *b)
{
	pm_build_free_workers(b);
	free(b->stages);
	free(b->others);
	pm_build_args_free(&b->args);
	pm_build_inputs_free(b->own_in);
	pm_build_userns_close(&b->userns);
	pm_json_pool_free(b->pool);
	pm_strv_free(&b->extra);
}

int pm_build(struct pm_engine *e, const struct pm_build_options *o, struct pm_build_result *result,
	     struct pm_err *err)
{
	struct pm_build b = PM_BUILD_INIT(e, o);
	int r = pm_build_prepare(&b, err);
	if (r >= 0)
		r = pm_workers_sweep(e, err);
	if (r >= 0)
		r = run_stages(&b, err);
	if (r >= 0) {
		memcpy(result->id, b.stages[b.target].head, sizeof(result->id));
		r = give_names(&b, result, err);
	}
	if (r >= 0) {
		warn_unused(&b);
		pm_event_image(e, "build", result->id, result->names.n ? result->names.v[0] : NULL);
	}
	result->exit_code = b.exit_code;
	bool any = b.n_others > 0;
	for (size_t k = 0; k < b.n_stages; k++)
		any |= b.stages[k].worker.e != NULL;
	pm_build_free(&b);
	if (any)
		pm_engine_sweep(e);
	return r < 0 ? r : 0;
}
