#include "engine/container/ociruntime.h"

#include <stdlib.h>

void pm_ociruntime_free(struct pm_ociruntime *r)
{
	free(r->path);
	free(r->root);
	*r = (struct pm_ociruntime){0};
}

int pm_ociruntime_path(struct pm_engine *e, const struct pm_ctr_config *k, char **ret, struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	return r < 0 ? r : pm_conf_runtime(&e->conf, k && k->runtime ? k->runtime : e->runtime, ret, err);
}

int pm_ociruntime_find(struct pm_engine *e, const struct pm_ctr_config *k, struct pm_ociruntime *ret,
		       struct pm_err *err)
{
	int r = pm_ociruntime_path(e, k, &ret->path, err);
	if (r < 0)
		return r;
	ret->name = pm_conf_runtime_name(ret->path);
	ret->root = pm_store_run_path(e->store, ret->name);
	return 0;
}
