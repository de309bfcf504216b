#include <stdio.h>
#include <string.h>

#include "engine/build/build_parts.h"
#include "engine/image/manifest_list.h"
#include "registry/manifest.h"

/* The name of stage s's base image, NULL: a stage, nothing, or an image of a platform that the line itself fixes. */
static int base_word(struct pm_build *b, struct pm_build_stage *s, const char **ret, struct pm_err *err)
{
	const struct pm_instruction *line = s->df->from;
	const char *fixed = pm_instruction_flag(line, "platform");
	struct pm_build_extra *named;
	struct pm_instruction from;
	*ret = NULL;
	int r = pm_build_expand(&b->args, NULL, b->pool, line, &from, err);
	if (r < 0 || (fixed && !strstr(fixed, "TARGET")))
		return r;
	const char *word = b->o->from && s->index == 0 ? b->o->from : from.words[0];
	r = pm_build_named(b, word, &named, err);
	if (r < 0)
		return r;
	bool image = named ? named->image != NULL
			   : pm_dockerfile_stage(b->d, word, s->index) < 0 && strcmp(word, "scratch") != 0;
	if (image)
		*ret = named ? named->image : word;
	return 0;
}

/* The document that a registry has under word. */
static int ask_registry(struct pm_build *b, const char *word, struct pm_remote_image *ret, struct pm_err *err)
{
	struct pm_pull_options po = PM_PULL_OPTIONS_INIT;
	struct pm_query_options q = {.remote = b->in->remote};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (b->o->how_to_pull)
		po = *b->o->how_to_pull;
	q.remote.authfile = po.authfile;
	q.remote.creds = po.creds;
	int r = pm_image_candidates(word, &po, &names, err);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *name = pm_asprintf("docker://%s", names.v[i]);
		if (i > 0 && err)
			pm_err_clear(err);
		r = pm_query_inspect(name, &q, true, false, ret, err);
		if (r >= 0)
			break;
	}
	return r;
}

/* What the word means as an index, of the build's pool; *ret NULL: it is a single image. */
static int find_index(struct pm_build *b, const char *word, const struct pm_json **ret, struct pm_err *err)
{
	_cleanup_list_ struct pm_list l = {0};
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	enum pm_manifest_kind kind;
	struct pm_json *top;
	const char *type;
	if (b->o->pull != PM_PULL_ALWAYS && pm_list_open(b->e->store, word, &l, NULL) >= 0) {
		*ret = pm_json_copy(b->pool, pm_list_index(&l));
		return 0;
	}
	int r = ask_registry(b, word, &i, err);
	if (r >= 0)
		r = pm_json_parse(b->pool, pm_buf_str(&i.manifest), i.manifest.len, &top, err);
	if (r >= 0)
		r = pm_manifest_kind(top, NULL, &kind, &type, err);
	if (r >= 0 && kind == PM_MANIFEST_INDEX)
		*ret = top;
	return r < 0 ? pm_wrap(err, "platforms of base image %s", word) : 0;
}

/* "os/arch[/variant]" of the entries that are images: attestations say unknown/unknown. */
static void platforms_of(const struct pm_json *index, struct pm_strv *ret)
{
	const struct pm_json *list = pm_json_get(index, "manifests");
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *p = pm_json_get(pm_json_at(list, i), "platform");
		const char *os = pm_json_get_str(p, "os"), *arch = pm_json_get_str(p, "architecture"),
			   *variant = pm_json_get_str(p, "variant");
		if (!os || !arch || !*os || !*arch || strcmp(os, "unknown") == 0)
			continue;
		/* the variant that every arm64 has, as containerd's normalization leaves it out */
		if (variant && (!*variant || (strcmp(arch, "arm64") == 0 && strcmp(variant, "v8") == 0)))
			variant = NULL;
		_cleanup_free_ char *text = pm_asprintf("%s/%s%s%s", os, arch, variant ? "/" : "", variant ? variant : "");
		if (!pm_strv_has(ret, text))
			pm_strv_add(ret, text);
	}
}

static void keep_common(struct pm_strv *l, const struct pm_strv *other)
{
	struct pm_strv kept = PM_STRV_INIT;
	for (size_t i = 0; i < l->n; i++)
		if (pm_strv_has(other, l->v[i]))
			pm_strv_add(&kept, l->v[i]);
	pm_strv_free(l);
	*l = kept;
}

static int collect(struct pm_build *b, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv seen = PM_STRV_INIT;
	bool any = false;
	for (size_t k = 0; k < b->n_stages; k++) {
		_cleanup_strv_ struct pm_strv has = PM_STRV_INIT;
		const struct pm_json *index = NULL;
		const char *word = NULL;
		int r = b->stages[k].needed ? base_word(b, &b->stages[k], &word, err) : 0;
		if (r >= 0 && word && !pm_strv_has(&seen, word)) {
			pm_strv_add(&seen, word);
			r = find_index(b, word, &index, err);
		}
		if (r < 0)
			return r;
		if (!index)
			continue;
		platforms_of(index, &has);
		if (any)
			keep_common(ret, &has);
		else
			pm_strv_add_all(ret, has.v);
		any = true;
	}
	if (!seen.n)
		return pm_fail(err, PM_E_NOSUCH, "--all-platforms: the build has no base image: name platforms by --platform");
	if (!any)
		return pm_fail(err, PM_E_NOSUCH, "--all-platforms: no base image is a manifest list: name platforms by "
			       "--platform");
	return ret->n ? 0 : pm_fail(err, PM_E_NOSUCH, "--all-platforms: the base images have no platform in common");
}

int pm_build_platforms(struct pm_engine *e, const struct pm_build_options *o, struct pm_strv *ret, struct pm_err *err)
{
	struct pm_build b = PM_BUILD_INIT(e, o);
	int r = pm_build_prepare(&b, err);
	if (r >= 0)
		r = collect(&b, ret, err);
	pm_build_free(&b);
	return r < 0 ? r : 0;
}
