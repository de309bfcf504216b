#include "engine/container/bundle_parts.h"

#include <string.h>

#include "engine/container/userns.h"
#include "netns/idmap.h"

struct pm_spec_idmap *pm_bundle_idmap(const struct pm_idrange *v, size_t n)
{
	struct pm_spec_idmap *to = pm_calloc(n, sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = (struct pm_spec_idmap){v[i].container, v[i].host, v[i].length};
	return to;
}

/* The container's own user namespace: its ids count instead of its parent's. */
int pm_bundle_own_userns(const struct pm_ctr_config *k, struct pm_bundle_env *b, struct pm_err *err)
{
	struct pm_spec_env *env = &b->env;
	_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	env->oci_userns = pm_ctr_userns_own(k);
	int r = pm_idmap_decode(&k->id_uids, &uids, err);
	if (r >= 0)
		r = pm_idmap_decode(&k->id_gids, &gids, err);
	if (r < 0 || !env->oci_userns)
		return r;
	free(b->uids);
	free(b->gids);
	env->uids = b->uids = pm_bundle_idmap(uids.v, uids.n);
	env->gids = b->gids = pm_bundle_idmap(gids.v, gids.n);
	env->n_uids = uids.n;
	env->n_gids = gids.n;
	env->keep_id = k->keep_uid != PM_UNSET;
	env->keep_uid = (uint32_t)k->keep_uid;
	env->keep_gid = (uint32_t)k->keep_gid;
	return 0;
}

/* Whom the monitor gives something of the container's: as its own namespace, the parent, numbers it. */
uint32_t pm_bundle_parent_id(const struct pm_bundle_env *b, bool group, uint32_t id)
{
	const struct pm_spec_idmap *m = group ? b->gids : b->uids;
	size_t n = group ? b->env.n_gids : b->env.n_uids;
	for (size_t i = 0; b->env.oci_userns && i < n; i++)
		if (id >= m[i].container && id - m[i].container < m[i].size)
			return m[i].host + (id - m[i].container);
	return id;
}

/* The plan of a container with a user namespace of its own: the namespace, and owners. */
int pm_bundle_plan_userns(struct pm_start *s, const struct pm_container *c,
			  struct pm_bundle_env *b, const struct pm_spec_plan *spec,
			  struct pm_launch_plan *plan, struct pm_err *err)
{
	static const char other[] = "container:";
	const struct pm_ctr_config *k = &c->config;
	if (!b->env.oci_userns)
		return 0;
	if (k->userns && pm_startswith(k->userns, "ns:")) {
		plan->userns_path = pm_strdup(k->userns + strlen("ns:"));
	} else if (k->userns && pm_startswith(k->userns, other)) {
		int r = pm_bundle_join(s->engine, b, k->userns, "user", &plan->userns_path, err);
		if (r < 0)
			return r;
	}
	pm_strv_add_all(&plan->userns_uids, k->id_uids.v);
	pm_strv_add_all(&plan->userns_gids, k->id_gids.v);
	plan->root_uid = pm_bundle_parent_id(b, false, 0);
	plan->root_gid = pm_bundle_parent_id(b, true, 0);
	/* files of ours that the container finds in its /etc are its root's */
	for (size_t i = 0; i < spec->n_files; i++)
		pm_launch_plan_add_chown(plan, spec->files[i].path, (uid_t)plan->root_uid,
					 (gid_t)plan->root_gid);
	for (size_t i = 0; i < plan->n_secrets; i++) {
		plan->secrets[i].uid = pm_bundle_parent_id(b, false, plan->secrets[i].uid);
		plan->secrets[i].gid = pm_bundle_parent_id(b, true, plan->secrets[i].gid);
	}
	for (size_t i = 0; i < plan->n_dirs; i++) {
		plan->dirs[i].uid = (uid_t)plan->root_uid;
		plan->dirs[i].gid = (gid_t)plan->root_gid;
	}
	return 0;
}
