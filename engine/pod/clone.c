#include "engine/pod/clone.h"

#include <string.h>

#include "engine/container/clone.h"
#include "engine/container/limits.h"
#include "engine/pod/create.h"
#include "engine/pod/inherit.h"
#include "engine/pod/verbs.h"

static int old_labels(const struct pm_pod *p, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = NULL;
	if (!p->row.labels)
		return 0;
	int r = pm_json_parse(pool, p->row.labels, strlen(p->row.labels), &v, err);
	for (size_t i = 0; r >= 0 && i < pm_json_len(v); i++)
		pm_strv_addf(ret, "%s=%s", v->members[i].name, v->members[i].value->string);
	return r;
}

static void take(char **to, char **given)
{
	if (!*given)
		return;
	free(*to);
	*to = pm_steal(given);
}

static void take_list(struct pm_strv *to, struct pm_strv *given)
{
	pm_strv_free(to);
	*to = *given;
	*given = (struct pm_strv)PM_STRV_INIT;
}

/* A user namespace that is given takes the place of the old one, with its maps. */
static void take_userns(struct pm_ctr_config *k, struct pm_ctr_config *given)
{
	if (!given->userns && !given->uid_map.n && !given->gid_map.n && !given->subuidname &&
	    !given->subgidname)
		return;
	char **const own[] = {&k->userns, &k->subuidname, &k->subgidname};
	for (size_t i = 0; i < PM_ARRAY_SIZE(own); i++)
		free(pm_steal(own[i]));
	take(&k->userns, &given->userns);
	take(&k->subuidname, &given->subuidname);
	take(&k->subgidname, &given->subgidname);
	take_list(&k->uid_map, &given->uid_map);
	take_list(&k->gid_map, &given->gid_map);
}

/* given over k. Volumes, devices and security options: given's, then those of k that are not in their way. */
static void overlay(struct pm_ctr_config *k, struct pm_ctr_config *given)
{
	const int64_t sizes[] = {given->shm_size, given->shm_size_systemd};
	int64_t *const of[] = {&k->shm_size, &k->shm_size_systemd};
	for (size_t i = 0; i < PM_ARRAY_SIZE(of); i++)
		if (sizes[i] != PM_UNSET)
			*of[i] = sizes[i];
	take(&k->name, &given->name);
	take(&k->conmon_pid_file, &given->conmon_pid_file);
	take(&k->cgroup_parent, &given->cgroup_parent);
	take(&k->hostname, &given->hostname);
	take(&k->pidns, &given->pidns);
	take(&k->utsns, &given->utsns);
	take_userns(k, given);
	if (given->entrypoint.n)
		take_list(&k->entrypoint, &given->entrypoint);
	pm_strv_add_all(&k->sysctls, pm_strv_argv(&given->sysctls));
	pm_pod_inherit_files(k, given);

	struct pm_ctr_config swap = *k;
	k->mounts = given->mounts;
	k->n_mounts = given->n_mounts;
	k->devices = given->devices;
	k->n_devices = given->n_devices;
	k->security_opt = given->security_opt;
	given->mounts = swap.mounts;
	given->n_mounts = swap.n_mounts;
	given->devices = swap.devices;
	given->n_devices = swap.n_devices;
	given->security_opt = swap.security_opt;
}

static int clone_infra(const struct pm_pod *from, const struct pm_container *infra,
		       struct pm_ctr_config *given, struct pm_ctr_config *k, struct pm_err *err)
{
	int r = pm_clone_config(&infra->config, k, err);
	if (r < 0)
		return r;
	if (pm_streq(k->hostname, from->row.name))
		free(pm_steal(&k->hostname));
	overlay(k, given);
	return 0;
}

/* The pod's own part: limits and the parent of its group, which are not the infra container's. */
static void clone_config(const struct pm_pod *from, struct pm_ctr_config *given,
			 struct pm_pod_config *to)
{
	*to = (struct pm_pod_config){
		.share = from->config.share,
		.share_parent = from->config.share_parent,
		.infra = from->config.infra,
		.stop_with_last = from->config.stop_with_last,
		.hostname = pm_strdup_null(given->hostname ? given->hostname : from->config.hostname),
		.cgroup_parent = pm_strdup_null(given->cgroup_parent ? given->cgroup_parent
								     : from->config.cgroup_parent),
		.restart_policy = pm_strdup_null(from->config.restart_policy),
	};
	pm_strv_add_all(&to->create_command, pm_strv_argv(&given->create_command));
	to->limits = pm_limits_take(given);
	if (!from->config.limits)
		return;
	struct pm_ctr_config *new = to->limits;
	to->limits = pm_calloc(1, sizeof(*to->limits));
	pm_ctr_config_init(to->limits);
	pm_limits_merge(to->limits, from->config.limits);
	if (!new)
		return;
	pm_limits_merge(to->limits, new);
	pm_ctr_config_free(new);
	free(new);
}

/* In the order of creation: what one depends on is there before it. */
static int clone_members(struct pm_engine *e, const struct pm_pod *from, struct pm_strv *ids,
			 const struct pm_pod *to, struct pm_err *err)
{
	for (size_t i = 0; i < from->n_members; i++) {
		const struct pm_container *c = &from->members[i];
		_cleanup_container_ struct pm_container copy;
		const struct pm_clone_options co = {
			.pod = to->row.id, .ids = ids, .infra = pm_pod_infra(to)};
		pm_container_init(&copy);
		if (pm_pod_is_infra(from, c))
			continue;
		int r = pm_container_clone(e, c, &co, &copy, err);
		if (r < 0)
			return pm_wrap(err, "clone container %s", c->row.name);
		pm_strv_add(ids, c->row.id);
		pm_strv_add(ids, copy.row.id);
	}
	return 0;
}

int pm_pod_clone(struct pm_engine *e, const struct pm_pod *from, const struct pm_pod_clone *o,
		 struct pm_pod *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv labels = PM_STRV_INIT, ids = PM_STRV_INIT;
	_cleanup_free_ char *name = o->name ? pm_strdup(o->name)
					    : pm_asprintf("%s-clone", from->row.name);
	_cleanup_pod_ struct pm_pod made = {0};
	_cleanup_(pm_pod_config_free) struct pm_pod_config config = {0};
	_cleanup_ctr_config_ struct pm_ctr_config k;
	const struct pm_container *infra = pm_pod_infra(from);
	pm_ctr_config_init(&k);
	int r = o->labels ? 0 : old_labels(from, &labels, err);

	clone_config(from, o->given, &config);
	if (r >= 0 && config.limits && !config.share_parent)
		r = pm_fail(err, PM_E_USAGE, "limits are those of the pod's control group, which pod %s "
					     "has not", from->row.name);
	if (r >= 0 && infra)
		r = clone_infra(from, infra, o->given, &k, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *image = infra ? pm_strdup_null(infra->config.image_id) : NULL;
	const struct pm_pod_create pc = {.name = name,
					 .labels = o->labels ? o->labels : &labels,
					 .config = &config,
					 .infra = infra ? &k : NULL,
					 .infra_image_id = image};
	r = pm_pod_create(e, &pc, &made, err);
	if (r < 0)
		return r;
	if (infra) {
		pm_strv_add(&ids, infra->row.id);
		pm_strv_add(&ids, made.row.infra);
	}
	r = clone_members(e, from, &ids, &made, err);
	if (r < 0) {
		pm_pod_remove(e, made.row.id, true, 0, NULL, NULL);
		return r;
	}
	return pm_pod_load(e, made.row.id, ret, err);
}
