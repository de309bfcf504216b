#include "engine/container/bundle_parts.h"

#include <string.h>

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
	const char *slash = strrchr(b->runtime, '/');
	env->no_devices_controller =
		!(b->cgroup.controllers & PM_CGROUP_DEVICES) ||
		(pm_streq(slash ? slash + 1 : b->runtime, "crun") && !pm_cgroup_crun_devices());
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
	return 0;
}

int pm_bundle_check_limits(const struct pm_ctr_config *k, const struct pm_cgroup *cg,
			   struct pm_err *err)
{
	const struct {
		bool asked;
		unsigned int needs;
		const char *option;
	} limits[] = {
		{k->memory != PM_UNSET, PM_CGROUP_MEMORY, "--memory"},
		{k->memory_reservation != PM_UNSET, PM_CGROUP_MEMORY, "--memory-reservation"},
		{k->memory_swap != PM_UNSET, PM_CGROUP_MEMORY, "--memory-swap"},
		{k->cpu_shares != PM_UNSET, PM_CGROUP_CPU, "--cpu-shares"},
		{k->cpu_quota != PM_UNSET, PM_CGROUP_CPU, "--cpus or --cpu-quota"},
		{k->cpu_period != PM_UNSET, PM_CGROUP_CPU, "--cpus or --cpu-period"},
		{k->cpuset_cpus != NULL, PM_CGROUP_CPUSET, "--cpuset-cpus"},
		{k->cpuset_mems != NULL, PM_CGROUP_CPUSET, "--cpuset-mems"},
		{k->pids_limit != PM_UNSET && k->pids_limit > 0, PM_CGROUP_PIDS, "--pids-limit"},
		{k->blkio_weight != PM_UNSET || k->n_throttles, PM_CGROUP_IO, "block I/O limits"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(limits); i++) {
		int r = limits[i].asked
				? pm_cgroup_check_limits(cg, limits[i].needs, limits[i].option, err)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}
