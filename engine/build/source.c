#include <stdio.h>
#include <string.h>

#include "engine/build/build_parts.h"
#include "engine/events/events.h"
#include "storage/image.h"

bool pm_build_source_named(const struct pm_build *b, const char *name)
{
	return b->o->build_contexts && pm_env_get(b->o->build_contexts, name);
}

/* "os/arch[/variant]" */
static void split_platform(const char *platform, struct pm_strv *parts, struct pm_pull_options *po)
{
	pm_strv_split(parts, platform, '/');
	po->os = parts->v[0];
	po->arch = parts->n > 1 ? parts->v[1] : NULL;
	po->variant = parts->n > 2 ? parts->v[2] : NULL;
}

int pm_build_source_pull(struct pm_build *b, const char *word, const char *platform, char ret_id[65],
			 char **ret_name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	_cleanup_free_ char *name = NULL;
	struct pm_pull_options po = PM_PULL_OPTIONS_INIT;
	if (b->o->how_to_pull)
		po = *b->o->how_to_pull;
	if (platform && *platform)
		split_platform(platform, &parts, &po);
	int r = pm_image_obtain(b->e->store, word, b->o->pull, &po, b->o->progress, ret_id, &name, err);
	if (r >= 0 && ret_name)
		*ret_name = pm_steal(&name);
	return r;
}

/* An image that a name meant once means it for the whole build. */
static int image_once(struct pm_build *b, const char *word, char ret_id[65], struct pm_err *err)
{
	for (size_t i = 0; i + 1 < b->extra.n; i += 2) {
		if (strcmp(b->extra.v[i], word) == 0) {
			snprintf(ret_id, 65, "%s", b->extra.v[i + 1]);
			return 0;
		}
	}
	int r = pm_build_source_pull(b, word, NULL, ret_id, NULL, err);
	if (r >= 0) {
		pm_strv_add(&b->extra, word);
		pm_strv_add(&b->extra, ret_id);
	}
	return r;
}

int pm_build_source_find(struct pm_build_stage *s, const char *word, struct pm_build_source *ret,
			 struct pm_err *err)
{
	struct pm_build *b = s->b;
	*ret = (struct pm_build_source){.kind = PM_BUILD_SOURCE_CONTEXT};
	if (!word || !*word)
		return 0;
	struct pm_build_extra *named;
	int r = pm_build_named(b, word, &named, err);
	if (r < 0)
		return r;
	if (named && !named->image) {
		ret->kind = PM_BUILD_SOURCE_NAMED;
		ret->named = word;
		return 0;
	}
	int k = named ? -1 : pm_dockerfile_stage(b->d, word, s->index);
	if (k >= 0 && !b->stages[k].done)
		return pm_fail(err, PM_E_UNSUPPORTED, "stage \"%s\" was not built: only a trigger of the base image "
			       "names it", word);
	if (k >= 0) {
		ret->kind = PM_BUILD_SOURCE_STAGE;
		ret->stage = &b->stages[k];
		return 0;
	}
	ret->kind = PM_BUILD_SOURCE_IMAGE;
	return image_once(b, named ? named->image : word, ret->image_id, err);
}

int pm_build_source_worker(struct pm_build *b, const char *image_id, struct pm_worker **ret, struct pm_err *err)
{
	for (size_t i = 0; i < b->n_others; i++) {
		if (pm_streq(pm_worker_image(b->others[i]), image_id)) {
			*ret = b->others[i];
			return 0;
		}
	}
	const struct pm_worker_options o = {.image_id = image_id};
	b->others = pm_reallocarray(b->others, b->n_others + 1, sizeof(*b->others));
	struct pm_worker *w = b->others[b->n_others++] = PM_NEW(struct pm_worker);
	*w = (struct pm_worker)PM_WORKER_INIT;
	*ret = w;
	return pm_worker_new(b->e, &o, w, err);
}
