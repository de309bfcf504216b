#include "engine/kube/build.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "engine/build/build.h"
#include "engine/container/bundle.h"
#include "engine/image/resolve.h"
#include "engine/kube/volume_data.h"

/* The context of the image, whose name comes from the file: never outside of dir. The caller frees; NULL: there is none. */
static char *context_of(const char *dir, const char *word)
{
	static const char *const names[] = {"Containerfile", "Dockerfile"};
	struct stat st;
	if (!pm_kube_path_is_good(word))
		return NULL;
	_cleanup_free_ char *context = pm_path_join(dir, word);
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *file = pm_path_join(context, names[i]);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			return pm_steal(&context);
	}
	return NULL;
}

static bool is_there(struct pm_engine *e, const char *word)
{
	char id[65];
	char *name = NULL;
	int r = pm_image_resolve(e->store, word, id, &name, NULL);
	free(name);
	return r >= 0;
}

int pm_kube_build(struct pm_engine *e, const struct pm_kube_options *o, const char *word, struct pm_err *err)
{
	if (o->build == PM_KUBE_BUILD_NEVER)
		return 0;
	_cleanup_free_ char *context = context_of(o->context_dir ? o->context_dir : ".", word);
	if (!context || (o->build == PM_KUBE_BUILD_MISSING && is_there(e, word)))
		return 0;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_ctr_config_ struct pm_ctr_config base;
	struct pm_build_result result = {0};
	pm_ctr_config_init(&base);
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_network_mode(&e->conf, NULL, &base.network, err);
	if (r < 0)
		return r;
	pm_strv_add(&names, word);
	const struct pm_build_options bo = {.context = context,
					    .layers = true,
					    .jobs = 1,
					    .pull = PM_PULL_MISSING,
					    .how_to_pull = o->pull,
					    .base = &base,
					    .http_proxy = true,
					    .quiet = !o->say,
					    .names = &names,
					    .say = o->say,
					    .progress = o->progress};
	r = pm_build(e, &bo, &result, err);
	pm_strv_free(&result.names);
	return r < 0 ? pm_wrap(err, "build %s from %s", word, context) : 1;
}
