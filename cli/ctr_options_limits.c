#include "cli/ctr_options_parts.h"

#include <string.h>

#include "cli/command.h"

static int ulimits(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < o->ulimit.n; i++) {
		const char *arg = o->ulimit.v[i], *eq = strchr(arg, '=');
		if (strcmp(arg, "host") == 0) {
			struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(c);
			u->name = pm_strdup("host");
			continue;
		}
		if (!eq)
			return pm_fail(err, PM_E_USAGE, "ulimit option \"%s\" requires name=SOFT:HARD",
				       arg);
		_cleanup_strv_ struct pm_strv limits = PM_STRV_INIT;
		pm_strv_split(&limits, eq + 1, ':');
		int64_t soft, hard;
		int r = pm_parse_int(limits.v[0], &soft, err);
		if (r >= 0)
			r = pm_parse_int(limits.v[limits.n > 1 ? 1 : 0], &hard, err);
		if (r < 0 || limits.n > 2)
			return pm_fail(err, PM_E_USAGE, "ulimit option \"%s\" requires name=SOFT:HARD",
				       arg);
		if (hard >= 0 && (soft > hard || soft < 0))
			return pm_fail(err, PM_E_USAGE,
				       "ulimit option \"%s\": the soft limit is above the hard one", arg);
		struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(c);
		u->name = pm_strndup(arg, (size_t)(eq - arg));
		u->soft = soft;
		u->hard = hard;
	}
	return 0;
}

int pm_ctr_apply_limits(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err)
{
	if (pm_cli_given(cli, "memory"))
		c->memory = o->memory;
	if (pm_cli_given(cli, "memory-reservation"))
		c->memory_reservation = o->memory_reservation;
	if (o->memory_swap) {
		c->memory_swap = -1;
		if (strcmp(o->memory_swap, "-1") != 0) {
			int r = pm_parse_size(o->memory_swap, &c->memory_swap, err);
			if (r < 0)
				return pm_wrap(err, "--memory-swap");
		}
	}
	if (pm_cli_given(cli, "pids-limit"))
		c->pids_limit = o->pids_limit;
	if (pm_cli_given(cli, "cpu-shares"))
		c->cpu_shares = (int64_t)o->cpu_shares;
	if (pm_cli_given(cli, "cpu-period"))
		c->cpu_period = (int64_t)o->cpu_period;
	if (pm_cli_given(cli, "cpu-quota"))
		c->cpu_quota = o->cpu_quota;
	if (pm_cli_given(cli, "cpus")) {
		if (pm_cli_given(cli, "cpu-period") || pm_cli_given(cli, "cpu-quota"))
			return pm_fail(err, PM_E_USAGE,
				       "--cpus and --cpu-period or --cpu-quota cannot be set together");
		c->cpu_period = 100000;
		c->cpu_quota = (int64_t)(o->cpus * 100000);
	}
	c->cpuset_cpus = pm_strdup_null(o->cpuset_cpus);
	c->cpuset_mems = pm_strdup_null(o->cpuset_mems);
	c->cgroups = pm_strdup_null(o->cgroups);
	c->cgroup_parent = pm_strdup_null(o->cgroup_parent);
	if (pm_cli_given(cli, "shm-size"))
		c->shm_size = o->shm_size;
	if (pm_cli_given(cli, "oom-score-adj"))
		c->oom_score_adj = o->oom_score_adj;
	return ulimits(o, c, err);
}
