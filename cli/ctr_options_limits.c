#include <string.h>

#include "cli/command.h"
#include "cli/ctr_options_parts.h"
#include "engine/container/limits.h"

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

/* Version 2 of cgroups, which alone is used, has no such knob. */
static int no_v2(const char *option, struct pm_err *err)
{
	return pm_fail(err, PM_E_UNSUPPORTED, "%s is not supported on cgroups V2 systems", option);
}

static int memory(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		  struct pm_err *err)
{
	bool given = pm_cli_given(cli, "memory") && o->memory > 0;
	if (given)
		c->memory = o->memory;
	if (pm_cli_given(cli, "memory-reservation") && o->memory_reservation > 0) {
		c->memory_reservation = o->memory_reservation;
		if (given && c->memory < c->memory_reservation)
			return pm_fail(err, PM_E_USAGE, "minimum memory limit cannot be less than memory "
							"reservation limit, see usage");
	}
	if (o->memory_swap) {
		c->memory_swap = -1;
		int r = strcmp(o->memory_swap, "-1") == 0
				? 0
				: pm_parse_size(o->memory_swap, &c->memory_swap, err);
		if (r < 0)
			return pm_wrap(err, "--memory-swap");
		if (!given && c->memory_swap > 0)
			return pm_fail(err, PM_E_USAGE, "you should always set a memory limit when using "
							"a memoryswap limit, see usage");
		if (given && c->memory_swap > 0 && c->memory_swap < c->memory)
			return pm_fail(err, PM_E_USAGE, "minimum memoryswap limit should be larger than "
							"memory limit, see usage");
	}
	if (o->memory_swappiness != -1) {
		if (o->memory_swappiness < 0 || o->memory_swappiness > 100)
			return pm_fail(err, PM_E_USAGE,
				       "invalid value: %lld, valid memory swappiness range is 0-100",
				       (long long)o->memory_swappiness);
		return no_v2("--memory-swappiness", err);
	}
	if (o->oom_kill_disable)
		return no_v2("--oom-kill-disable", err);
	return 0;
}

static int cpu(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
	       struct pm_err *err)
{
	bool period = pm_cli_given(cli, "cpu-period"), quota = pm_cli_given(cli, "cpu-quota");
	if (pm_cli_given(cli, "cpu-shares"))
		c->cpu_shares = (int64_t)o->cpu_shares;
	if (period && o->cpu_period) {
		if (o->cpu_period < 1000 || o->cpu_period > 1000000)
			return pm_fail(err, PM_E_USAGE, "CPU cfs period cannot be less than 1ms (i.e. "
							"1000) or larger than 1s (i.e. 1000000)");
		c->cpu_period = (int64_t)o->cpu_period;
	}
	if (quota && o->cpu_quota) {
		if (o->cpu_quota > 0 && o->cpu_quota < 1000)
			return pm_fail(err, PM_E_USAGE,
				       "CPU cfs quota cannot be less than 1ms (i.e. 1000)");
		c->cpu_quota = o->cpu_quota;
	}
	if (pm_cli_given(cli, "cpus") && o->cpus != 0) {
		if (period || quota)
			return pm_fail(err, PM_E_USAGE, "--%s and --cpus cannot be set together",
				       period ? "cpu-period" : "cpu-quota");
		if (!(o->cpus >= 0.01 && o->cpus < 1000000))
			return pm_fail(err, PM_E_USAGE, "--cpus %g: out of range: at least 0.01", o->cpus);
		c->cpu_period = 100000;
		c->cpu_quota = (int64_t)(o->cpus * 100000);
	}
	if (o->cpu_rt_period)
		return no_v2("--cpu-rt-period", err);
	if (o->cpu_rt_runtime)
		return no_v2("--cpu-rt-runtime", err);
	c->cpuset_cpus = pm_strdup_null(o->cpuset_cpus);
	c->cpuset_mems = pm_strdup_null(o->cpuset_mems);
	return 0;
}

/* --blkio-weight-device and --device-*-*: PATH:VALUE */
static int throttle(const struct pm_strv *l, const char *kind, struct pm_ctr_config *c,
		    struct pm_err *err)
{
	bool bytes = pm_endswith(kind, "_bps");
	for (size_t i = 0; i < l->n; i++) {
		const char *arg = l->v[i], *colon = strrchr(arg, ':');
		int64_t value;
		if (!colon || colon == arg)
			return pm_fail(err, PM_E_USAGE, "bad format: %s", arg);
		if (arg[0] != '/')
			return pm_fail(err, PM_E_USAGE, "bad format for device path: %s", arg);
		int r = bytes ? pm_parse_size(colon + 1, &value, err)
			      : pm_parse_int(colon + 1, &value, err);
		if (strcmp(kind, "weight") == 0 && (r < 0 || value < 10 || value > 1000))
			return pm_fail(err, PM_E_USAGE,
				       "invalid weight for device: %s: it must be from 10 to 1000", arg);
		if (r < 0 || value < 0)
			return pm_fail(err, PM_E_USAGE,
				       "invalid rate for device: %s. The correct format is "
				       "<device-path>:<number>%s", arg,
				       bytes ? "[<unit>]. Number must be a positive integer. Unit is "
					       "optional and can be kb, mb, or gb"
					     : ". Number must be a positive integer");
		struct pm_ctr_throttle *t = pm_ctr_config_add_throttle(c);
		t->kind = pm_strdup(kind);
		t->path = pm_strndup(arg, (size_t)(colon - arg));
		t->rate = value;
	}
	return 0;
}

static int block_io(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	const struct {
		const struct pm_strv *list;
		const char *kind;
	} lists[] = {
		{&o->blkio_weight_device, "weight"}, {&o->device_read_bps, "read_bps"},
		{&o->device_write_bps, "write_bps"}, {&o->device_read_iops, "read_iops"},
		{&o->device_write_iops, "write_iops"},
	};
	if (o->blkio_weight) {
		if (o->blkio_weight < 10 || o->blkio_weight > 1000)
			return pm_fail(err, PM_E_USAGE, "range of blkio weight is from 10 to 1000");
		c->blkio_weight = (int64_t)o->blkio_weight;
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++) {
		int r = throttle(lists[i].list, lists[i].kind, c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int cgroup(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		  struct pm_err *err)
{
	if (pm_cli_given(cli, "pids-limit"))
		c->pids_limit = o->pids_limit;
	for (size_t i = 0; i < o->cgroup_conf.n; i++) {
		const char *arg = o->cgroup_conf.v[i], *eq = strchr(arg, '=');
		if (!eq || eq == arg)
			return pm_fail(err, PM_E_USAGE, "--cgroup-conf must be formatted KEY=VALUE");
		pm_strv_add(&c->cgroup_conf, arg);
	}
	c->cgroups = pm_strdup_null(o->cgroups);
	c->cgroup_parent = pm_strdup_null(o->cgroup_parent && o->cgroup_parent[0] ? o->cgroup_parent
									      : NULL);
	bool off = pm_streq(c->cgroups, "disabled");
	if (off && pm_limits_any(c))
		return pm_fail(err, PM_E_USAGE,
			       "cannot specify resource limits when cgroups are disabled");
	if (c->cgroup_parent && (off || pm_streq(c->cgroups, "split")))
		return pm_fail(err, PM_E_USAGE,
			       "cannot specify --cgroup-parent together with --cgroups=%s", c->cgroups);
	return 0;
}

int pm_ctr_apply_limits(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err)
{
	int r;
	if ((r = memory(cli, o, c, err)) < 0 || (r = cpu(cli, o, c, err)) < 0 ||
	    (r = block_io(o, c, err)) < 0 || (r = cgroup(cli, o, c, err)) < 0)
		return r;
	if (pm_cli_given(cli, "shm-size")) {
		if (o->ipc && (strcmp(o->ipc, "host") == 0 || pm_startswith(o->ipc, "container:") ||
			       pm_startswith(o->ipc, "ns:")))
			return pm_fail(err, PM_E_USAGE,
				       "cannot set shmsize when running in the {%s} IPC Namespace", o->ipc);
		c->shm_size = o->shm_size;
	}
	if (pm_cli_given(cli, "shm-size-systemd"))
		c->shm_size_systemd = o->shm_size_systemd;
	if (pm_cli_given(cli, "oom-score-adj")) {
		if (o->oom_score_adj < -1000 || o->oom_score_adj > 1000)
			return pm_fail(err, PM_E_USAGE,
				       "invalid value: %lld, valid oom-score-adj range is -1000 to 1000",
				       (long long)o->oom_score_adj);
		c->oom_score_adj = o->oom_score_adj;
	}
	return ulimits(o, c, err);
}
