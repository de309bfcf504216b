#include "engine/container/clone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container/create.h"
#include "engine/container/limits.h"
#include "engine/pod/inherit.h"

/* The members that are one container's only. */
static void forget_own(struct pm_ctr_config *k)
{
	char **const own[] = {&k->id, &k->name, &k->cidfile, &k->pid_file, &k->conmon_pid_file};
	for (size_t i = 0; i < PM_ARRAY_SIZE(own); i++) {
		free(*own[i]);
		*own[i] = NULL;
	}
	k->checkpoint_time = k->restored_time = 0;
	k->checkpointed = k->pre_checkpoint = k->checkpoint_log = k->restore_log = false;
	/* made of the mode again: auto takes other ids */
	pm_strv_free(&k->id_uids);
	pm_strv_free(&k->id_gids);
	for (size_t i = 0; i < k->n_mounts; i++) {
		struct pm_ctr_mount *m = &k->mounts[i];
		if (!m->anonymous)
			continue;
		free(m->name);
		free(m->source);
		m->name = m->source = NULL;
	}
}

/* NAME-clone, or NAME-clone1 and on. */
static int free_name(struct pm_engine *e, const char *old, char **ret, struct pm_err *err)
{
	for (unsigned int n = 0; n < 100000; n++) {
		_cleanup_ctr_row_ struct pm_ctr_row row = {0};
		char number[16] = "";
		if (n)
			snprintf(number, sizeof(number), "%u", n);
		_cleanup_free_ char *name = pm_asprintf("%s-clone%s", old, number);
		if (pm_ctr_find(e->store, name, 0, &row, NULL) == -PM_E_NOSUCH) {
			*ret = pm_steal(&name);
			return 0;
		}
	}
	return pm_fail(err, PM_E_EXISTS, "no free name for a clone of %s: give one", old);
}

static const char *new_id(const struct pm_strv *ids, const char *old)
{
	for (size_t i = 0; i + 1 < ids->n; i += 2)
		if (strcmp(ids->v[i], old) == 0)
			return ids->v[i + 1];
	return NULL;
}

/* Of the containers that k names, the new ones in place of the old ones. */
static void rename_ids(struct pm_ctr_config *k, const struct pm_strv *ids)
{
	static const char prefix[] = "container:";
	char **const modes[] = {&k->network, &k->ipcns, &k->utsns, &k->pidns, &k->cgroupns, &k->userns};
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++) {
		const char *old = *modes[i] && pm_startswith(*modes[i], prefix)
					  ? *modes[i] + strlen(prefix) : NULL;
		const char *id = old ? new_id(ids, old) : NULL;
		if (!id)
			continue;
		free(*modes[i]);
		*modes[i] = pm_asprintf("%s%s", prefix, id);
	}
	for (size_t i = 0; i < k->requires_ctrs.n; i++) {
		const char *id = new_id(ids, k->requires_ctrs.v[i]);
		if (!id)
			continue;
		free(k->requires_ctrs.v[i]);
		k->requires_ctrs.v[i] = pm_strdup(id);
	}
}

int pm_clone_config(const struct pm_ctr_config *from, struct pm_ctr_config *to, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	int r = pm_ctr_config_from_json(pm_ctr_config_to_json(pool, from), to, err);
	if (r >= 0)
		forget_own(to);
	return r;
}

int pm_container_clone(struct pm_engine *e, const struct pm_container *from,
		       const struct pm_clone_options *o, struct pm_container *ret,
		       struct pm_err *err)
{
	struct pm_ctr_config *k = &ret->config;
	int r = pm_clone_config(&from->config, k, err);
	if (r < 0)
		return r;
	if (o->ids)
		rename_ids(k, o->ids);
	if (o->infra)
		pm_pod_inherit(o->infra, k);
	if (o->name)
		k->name = pm_strdup(o->name);
	else if ((r = free_name(e, from->row.name, &k->name, err)) < 0)
		return r;
	if (o->image_id) {
		char **const to[] = {&k->image_id, &k->image, &k->raw_image_name};
		const char *const values[] = {o->image_id, o->image, o->raw_image};
		for (size_t i = 0; i < PM_ARRAY_SIZE(to); i++) {
			free(*to[i]);
			*to[i] = pm_strdup_null(values[i]);
		}
	}
	if (o->pod) {
		free(k->pod);
		k->pod = pm_strdup(o->pod);
	}
	if (o->limits)
		pm_limits_merge(k, o->limits);
	/* all is resolved already: the image adds nothing to entrypoint and environment */
	_cleanup_free_ char *image = pm_strdup_null(k->image_id); /* k's own is replaced */
	const struct pm_create_options co = {
		.image_id = image, .user_entrypoint = true, .unsetenv_all = true};
	return pm_container_create(e, ret, &co, err);
}
