#include "engine/container/bundle_parts.h"

#include <string.h>

#include "engine/container/limits.h"
#include "engine/pod/pod.h"

/* Below what the container's group is made: parent, or in it the pod's group where the pod has one. */
static char *parent_group(const struct pm_ctr_config *k, const char *parent, bool slice)
{
	if (!k->pod || !k->pod_cgroup)
		return pm_strdup(parent);
	if (!slice)
		return pm_asprintf("%s/" PM_CGROUP_POD_PREFIX "%s", parent, k->pod);
	/* systemd names a slice by those above it */
	size_t n = strlen(parent);
	if (pm_endswith(parent, ".slice"))
		n -= strlen(".slice");
	return pm_asprintf("%.*s-" PM_CGROUP_POD_PREFIX "%s.slice", (int)n, parent, k->pod);
}

/* The group that containers' groups are made in: --cgroup-parent, our own (split), or what was found. */
static int cgroup_parent(const struct pm_ctr_config *k, const struct pm_cgroup *cg, char **ret,
			 struct pm_err *err)
{
	const char *given = k->cgroup_parent;
	bool slice = given && pm_endswith(given, ".slice");
	if (given && strstr(given, ".."))
		return pm_fail(err, PM_E_USAGE, "--cgroup-parent %s: leads out of the hierarchy",
			       given);
	if (pm_streq(k->cgroups, "split")) {
		if (cg->manager == PM_CGROUP_DISABLED || !cg->delegated)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "--cgroups=split needs the cgroup %s to be "
				       "delegated to this user (in a unit: Delegate=yes)",
				       cg->own);
		*ret = pm_strdup(strcmp(cg->own, "/") == 0 ? "" : cg->own);
	} else if (cg->manager == PM_CGROUP_SYSTEMD) {
		if (given && !slice)
			return pm_fail(err, PM_E_USAGE,
				       "did not receive systemd slice as cgroup parent when "
				       "using systemd to manage cgroups");
		*ret = pm_strdup(given ? given : "user.slice");
	} else if (cg->manager == PM_CGROUP_CGROUPFS) {
		if (slice)
			return pm_fail(
				err, PM_E_USAGE,
				"systemd slice received as cgroup parent when using cgroupfs");
		*ret = given ? pm_asprintf("%s%s", given[0] == '/' ? "" : "/", given)
			     : pm_strdup(strcmp(cg->path, "/") == 0 ? "" : cg->path);
	}
	return 0;
}

char *pm_bundle_pod_slice(struct pm_engine *e, const struct pm_ctr_config *k)
{
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	_cleanup_free_ char *base = NULL;
	if (!k->pod || !k->pod_cgroup || pm_streq(k->cgroups, "split") ||
	    pm_engine_cgroup(e, k->cgroups, &cg, NULL) < 0 || cg.manager != PM_CGROUP_SYSTEMD ||
	    cgroup_parent(k, &cg, &base, NULL) < 0)
		return NULL;
	return parent_group(k, base, true);
}

int pm_bundle_cgroup(const struct pm_container *c, struct pm_bundle_env *b, struct pm_err *err)
{
	_cleanup_free_ char *base = NULL, *parent = NULL;
	int r = cgroup_parent(&c->config, &b->cgroup, &base, err);
	if (r < 0)
		return r;
	bool split = pm_streq(c->config.cgroups, "split");
	if (split) /* without systemd: the unit's group is ours already */
		b->cgroup.manager = PM_CGROUP_CGROUPFS;
	struct pm_spec_env *env = &b->env;
	env->no_pids_controller = !(b->cgroup.controllers & PM_CGROUP_PIDS);
	env->no_devices_controller =
		!(b->cgroup.controllers & PM_CGROUP_DEVICES) ||
		(pm_streq(pm_conf_runtime_name(b->runtime), "crun") && !pm_cgroup_crun_devices());
	env->cgroup_v1 = b->cgroup.host != PM_CGROUP_HOST_UNIFIED && !b->cgroup.private_mount;
	switch (b->cgroup.manager) {
	case PM_CGROUP_SYSTEMD:
		env->cgroup = PM_SPEC_CGROUP_SYSTEMD;
		parent = parent_group(&c->config, base, true);
		b->cgroup_path = pm_asprintf("%s:libpod:%s", parent, c->row.id);
		break;
	case PM_CGROUP_CGROUPFS:
		env->cgroup = PM_SPEC_CGROUP_FS;
		parent = parent_group(&c->config, base, false);
		b->cgroup_path =
			pm_asprintf("%s/libpod-%s%s", parent, split ? "payload-" : "", c->row.id);
		break;
	case PM_CGROUP_DISABLED:
		env->cgroup = PM_SPEC_CGROUP_NONE;
		break;
	}
	env->cgroup_path = b->cgroup_path;
	if (parent)
		b->cgroup_parent = pm_steal(&parent);
	return 0;
}

int pm_bundle_plan_pod_group(struct pm_engine *e, const struct pm_container *c,
			     const struct pm_bundle_env *b, struct pm_launch_plan *plan,
			     struct pm_err *err)
{
	_cleanup_ctr_config_ struct pm_ctr_config limits;
	pm_ctr_config_init(&limits);
	if (!c->config.pod || !c->config.pod_cgroup)
		return 0;
	int r = pm_pod_limits(e, c->config.pod, &limits, err);
	if (r <= 0)
		return r;
	r = pm_limits_check(&limits, &b->cgroup, err);
	if (r >= 0 && b->cgroup.manager == PM_CGROUP_DISABLED)
		r = pm_fail(err, PM_E_UNSUPPORTED, "limits cannot be applied: %s",
			    b->cgroup.why_disabled);
	if (r >= 0)
		r = pm_limits_values(&limits, &limits, &plan->pod_limits, err);
	if (r < 0)
		return pm_wrap(err, "pod of container %s", c->row.name);
	plan->pod_group = b->cgroup.manager == PM_CGROUP_SYSTEMD
				  ? pm_asprintf(PM_CGROUP_POD_PREFIX "%s", c->config.pod)
				  : pm_asprintf("/sys/fs/cgroup%s", b->cgroup_parent);
	return 0;
}
