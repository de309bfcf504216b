#include "engine/spec/gen_linux.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* --- namespaces ------------------------------------------------------------------------------ */

static void add_ns(struct pm_gen *g, struct pm_json *l, const char *type, const char *path)
{
	struct pm_json *o = pm_json_object(g->pool);
	pm_json_set_str(g->pool, o, "type", type);
	if (path)
		pm_json_set_str(g->pool, o, "path", path);
	pm_json_add(g->pool, l, o);
}

/* mode as in the config, path the caller's for container:ID. */
static int add_mode(struct pm_gen *g, struct pm_json *l, const char *type, const char *mode,
		    const char *path, struct pm_err *err)
{
	if (!mode || !*mode || pm_streq(mode, "private") || pm_streq(mode, "shareable") ||
	    pm_streq(mode, "none"))
		add_ns(g, l, type, NULL);
	else if (pm_startswith(mode, "ns:/"))
		add_ns(g, l, type, mode + 3);
	else if (pm_startswith(mode, "container:") && path)
		add_ns(g, l, type, path);
	else if (!pm_streq(mode, "host"))
		return pm_fail(err, PM_E_USAGE, "invalid %s namespace mode \"%s\"", type, mode);
	return 0;
}

static const char *mode_or(const char *mode, const char *conf)
{
	return mode && *mode ? mode : conf;
}

static void add_map(struct pm_gen *g, const char *name, const struct pm_spec_idmap *m, size_t n)
{
	struct pm_json *l = pm_json_array(g->pool);
	for (size_t i = 0; i < n; i++) {
		struct pm_json *o = pm_json_object(g->pool);
		pm_json_set_int(g->pool, o, "containerID", m[i].container);
		pm_json_set_int(g->pool, o, "hostID", m[i].host);
		pm_json_set_int(g->pool, o, "size", m[i].size);
		pm_json_add(g->pool, l, o);
	}
	pm_json_set(g->pool, g->linux_, name, l);
}

static int add_namespaces(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	const struct pm_spec_env *e = g->env;
	const struct pm_conf *conf = e->conf;
	struct pm_json *l = pm_json_array(g->pool);
	/* Version 1 of cgroups has no private view worth it: Podman's default, too. */
	const char *cgroup = mode_or(mode_or(c->cgroupns, conf->cgroupns),
				     e->cgroup_v1 ? "host" : "private");
	int r;
	if ((r = add_mode(g, l, "pid", mode_or(c->pidns, conf->pidns), e->pidns_path, err)) < 0)
		return r;
	if (e->netns == PM_SPEC_NETNS_NEW)
		add_ns(g, l, "network", NULL);
	else if (e->netns == PM_SPEC_NETNS_PATH)
		add_ns(g, l, "network", e->netns_path);
	if ((r = add_mode(g, l, "ipc", mode_or(c->ipcns, conf->ipcns), e->ipcns_path, err)) < 0 ||
	    (r = add_mode(g, l, "uts", mode_or(c->utsns, conf->utsns), e->utsns_path, err)) < 0)
		return r;
	add_ns(g, l, "mount", NULL);
	if ((r = add_mode(g, l, "cgroup", cgroup, e->cgroupns_path, err)) < 0)
		return r;
	if (e->oci_userns) {
		add_ns(g, l, "user", e->userns_path);
		/* runc wants to know them in any case, crun takes them for one to be made */
		if (!e->userns_path || !pm_gen_is_crun(g)) {
			add_map(g, "uidMappings", e->uids, e->n_uids);
			add_map(g, "gidMappings", e->gids, e->n_gids);
		}
	}
	pm_json_set(g->pool, g->linux_, "namespaces", l);
	return 0;
}

/* --- sysctls --------------------------------------------------------------------------------- */

static bool is_ipc_sysctl(const char *name)
{
	static const char *const exact[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
					    "kernel.sem",    "kernel.shmall", "kernel.shmmax",
					    "kernel.shmmni", "kernel.shm_rmid_forced"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(exact); i++)
		if (pm_streq(exact[i], name))
			return true;
	return pm_startswith(name, "fs.mqueue.");
}

static int add_sysctl(struct pm_gen *g, struct pm_json *o, const char *text, bool from_user,
		      struct pm_err *err)
{
	const char *eq = strchr(text, '=');
	if (!eq || eq == text)
		return pm_fail(err, PM_E_USAGE, "%s is invalid, sysctl values must be in the form "
						"of KEY=VALUE", text);
	_cleanup_free_ char *name = pm_strndup(text, (size_t)(eq - text));
	bool net = pm_startswith(name, "net."), ipc = is_ipc_sysctl(name);
	/* Only what is a namespace's own: nothing may reach the host's kernel. */
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] ||
	    strstr(name, "..") || (!net && !ipc))
		return pm_fail(err, PM_E_USAGE, "sysctl '%s' is not allowed", name);
	const char *why = NULL;
	if (net && g->env->netns == PM_SPEC_NETNS_HOST)
		why = "Network";
	if (ipc && pm_streq(g->c->ipcns, "host"))
		why = "IPC";
	if (why && from_user)
		return pm_fail(err, PM_E_USAGE,
			       "sysctl %s can't be set since %s Namespace set to host", name, why);
	if (why)
		return 0;
	if (net && g->env->netns == PM_SPEC_NETNS_INHERIT) {
		for (size_t i = 0; i < g->plan->net_sysctls.n; i++)
			if (pm_startswith(g->plan->net_sysctls.v[i], name) &&
			    g->plan->net_sysctls.v[i][strlen(name)] == '=')
				return 0;
		pm_strv_add(&g->plan->net_sysctls, text);
		return 0;
	}
	if (!pm_json_get(o, name))
		pm_json_set_str(g->pool, o, name, eq + 1);
	return 0;
}

static int add_sysctls(struct pm_gen *g, struct pm_err *err)
{
	struct pm_json *o = pm_json_object(g->pool);
	for (size_t i = g->c->sysctls.n; i > 0; i--) { /* the last given wins */
		int r = add_sysctl(g, o, g->c->sysctls.v[i - 1], true, err);
		if (r < 0)
			return r;
	}
	/* Another's network namespace has its own settings. */
	for (size_t i = 0; i < g->env->conf->default_sysctls.n; i++) {
		if (g->env->netns == PM_SPEC_NETNS_PATH)
			break;
		int r = add_sysctl(g, o, g->env->conf->default_sysctls.v[i], false, err);
		if (r < 0)
			return pm_wrap(err, "containers.conf: default_sysctls");
	}
	if (o->len)
		pm_json_set(g->pool, g->linux_, "sysctl", o);
	return 0;
}

/* --- masked and read-only paths --------------------------------------------------------------- */

static const char *const masked[] = {
	"/proc/acpi",	     "/proc/kcore",	  "/proc/keys",	     "/proc/latency_stats",
	"/proc/timer_list",  "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	"/sys/firmware",     "/sys/fs/selinux",	  "/sys/dev/block",
	/* Beyond Podman 4.3: energy counters leak other tenants' secrets (CVE-2020-8694). */
	"/sys/devices/virtual/powercap",
};

static const char *const readonly[] = {
	"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* Is path in one of the colon separated lists of --security-opt unmask=? A trailing * matches
 * within a component, as Go's path.Match does. */
static bool unmasked(const struct pm_ctr_config *c, const char *path)
{
	for (size_t i = 0; i < c->security_opt.n; i++) {
		const char *s = c->security_opt.v[i];
		if (!pm_startswith(s, "unmask=") && !pm_startswith(s, "unmask:"))
			continue;
		_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
		pm_strv_split(&l, s + 7, ':');
		for (size_t k = 0; k < l.n; k++) {
			size_t n = strlen(l.v[k]);
			if (pm_streq(l.v[k], path))
				return true;
			if (n && l.v[k][n - 1] == '*' && strncmp(l.v[k], path, n - 1) == 0 &&
			    !strchr(path + n - 1, '/'))
				return true;
		}
	}
	return false;
}

static void add_masks(struct pm_gen *g)
{
	struct pm_json *m = pm_json_array(g->pool), *r = pm_json_array(g->pool);
	const struct pm_ctr_config *c = g->c;
	for (size_t i = 0; !g->unmask_all && i < PM_ARRAY_SIZE(masked); i++)
		if (!unmasked(c, masked[i]))
			pm_json_add(g->pool, m, pm_json_str(g->pool, masked[i]));
	/* The host's /sys is bound then: its kernel part would be the host's. */
	if (g->sys_bound && !c->privileged) {
		pm_json_add(g->pool, m, pm_json_str(g->pool, "/sys/kernel"));
		if (!pm_gen_knows_rro(g))
			pm_json_add(g->pool, m, pm_json_str(g->pool, "/sys/fs/cgroup"));
	}
	if (g->systemd && g->env->cgroup_v1 && !c->privileged)
		pm_json_add(g->pool, m,
			    pm_json_str(g->pool, "/sys/fs/cgroup/systemd/release_agent"));
	for (size_t i = 0; i < c->security_opt.n; i++) {
		const char *s = c->security_opt.v[i];
		if (c->privileged || (!pm_startswith(s, "mask=") && !pm_startswith(s, "mask:")))
			continue;
		_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
		pm_strv_split(&l, s + 5, ':');
		for (size_t k = 0; k < l.n; k++)
			if (l.v[k][0] == '/')
				pm_json_add(g->pool, m, pm_json_str(g->pool, l.v[k]));
	}
	for (size_t i = 0; !g->unmask_all && i < PM_ARRAY_SIZE(readonly); i++)
		if (!unmasked(c, readonly[i]))
			pm_json_add(g->pool, r, pm_json_str(g->pool, readonly[i]));
	if (m->len)
		pm_json_set(g->pool, g->linux_, "maskedPaths", m);
	if (r->len)
		pm_json_set(g->pool, g->linux_, "readonlyPaths", r);
}

/* --- resources ------------------------------------------------------------------------------- */

struct limit {
	const char *group, *member; /* in linux.resources */
	const char *option;
	size_t offset;
	bool is_str;
};

#define LIM(gr, m, opt, f) {gr, m, opt, offsetof(struct pm_ctr_config, f), false}
#define LIMS(gr, m, opt, f) {gr, m, opt, offsetof(struct pm_ctr_config, f), true}
static const struct limit limits[] = {
	LIM("memory", "limit", "--memory", memory),
	LIM("memory", "reservation", "--memory-reservation", memory_reservation),
	LIM("memory", "swap", "--memory-swap", memory_swap),
	LIM("memory", "kernel", "--kernel-memory", kernel_memory),
	LIM("memory", "swappiness", "--memory-swappiness", memory_swappiness),
	LIM("cpu", "shares", "--cpu-shares", cpu_shares),
	LIM("cpu", "quota", "--cpu-quota", cpu_quota),
	LIM("cpu", "period", "--cpu-period", cpu_period),
	LIM("cpu", "realtimeRuntime", "--cpu-rt-runtime", cpu_rt_runtime),
	LIM("cpu", "realtimePeriod", "--cpu-rt-period", cpu_rt_period),
	LIMS("cpu", "cpus", "--cpuset-cpus", cpuset_cpus),
	LIMS("cpu", "mems", "--cpuset-mems", cpuset_mems),
	LIM("blockIO", "weight", "--blkio-weight", blkio_weight),
};

static const void *limit_value(const struct pm_ctr_config *c, const struct limit *l)
{
	const void *p = (const char *)c + l->offset;
	return (l->is_str ? !*(char *const *)p : *(const int64_t *)p == PM_UNSET) ? NULL : p;
}

static struct pm_json *member(struct pm_json_pool *pool, struct pm_json *o, const char *name)
{
	struct pm_json *v = pm_json_get(o, name);
	return v ? v : pm_json_set(pool, o, name, pm_json_object(pool));
}

static int refuse(const char *option, struct pm_err *err)
{
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "%s: no control group can be made for containers here, so no limit can be set",
		       option);
}

static int add_throttles(struct pm_json_pool *pool, const struct pm_ctr_config *c,
			 struct pm_json *res, struct pm_err *err)
{
	static const struct {
		const char *kind, *member;
	} t[] = {{"weight", "weightDevice"},
		 {"read_bps", "throttleReadBpsDevice"},
		 {"write_bps", "throttleWriteBpsDevice"},
		 {"read_iops", "throttleReadIOPSDevice"},
		 {"write_iops", "throttleWriteIOPSDevice"}};
	for (size_t i = 0; i < c->n_throttles; i++) {
		const struct pm_ctr_throttle *v = &c->throttles[i];
		struct stat st;
		size_t k = 0;
		while (k < PM_ARRAY_SIZE(t) && !pm_streq(t[k].kind, v->kind))
			k++;
		if (k == PM_ARRAY_SIZE(t))
			return pm_fail(err, PM_E_USAGE, "unknown device limit \"%s\"", v->kind);
		if (stat(v->path, &st) < 0)
			return pm_fail_sys(err, "stat %s", v->path);
		if (!S_ISBLK(st.st_mode))
			return pm_fail(err, PM_E_USAGE, "%s is no block device", v->path);
		struct pm_json *io = member(pool, res, "blockIO");
		struct pm_json *l = pm_json_get(io, t[k].member);
		if (!l)
			l = pm_json_set(pool, io, t[k].member, pm_json_array(pool));
		struct pm_json *o = pm_json_add(pool, l, pm_json_object(pool));
		pm_json_set_int(pool, o, "major", major(st.st_rdev));
		pm_json_set_int(pool, o, "minor", minor(st.st_rdev));
		pm_json_set_int(pool, o, k == 0 ? "weight" : "rate", v->rate);
	}
	return 0;
}

int pm_spec_limits(struct pm_json_pool *pool, const struct pm_ctr_config *c, struct pm_json *res,
		   struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(limits); i++) {
		const void *p = limit_value(c, &limits[i]);
		if (!p)
			continue;
		struct pm_json *o = member(pool, res, limits[i].group);
		if (limits[i].is_str)
			pm_json_set_str(pool, o, limits[i].member, *(char *const *)p);
		else
			pm_json_set_int(pool, o, limits[i].member, *(const int64_t *)p);
	}
	/* --memory alone: as much swap again, as Docker and Podman have it. */
	if (c->memory != PM_UNSET && c->memory_swap == PM_UNSET && c->memory <= INT64_MAX / 2)
		pm_json_set_int(pool, member(pool, res, "memory"), "swap", c->memory * 2);
	return add_throttles(pool, c, res, err);
}

/* Without a group nothing can be limited. */
static int refuse_limits(const struct pm_ctr_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(limits); i++)
		if (limit_value(c, &limits[i]))
			return refuse(limits[i].option, err);
	if (c->n_throttles)
		return refuse("block device limits", err);
	if (c->oom_kill_disable)
		return refuse("--oom-kill-disable", err);
	if (c->pids_limit != PM_UNSET && c->pids_limit > 0)
		return refuse("--pids-limit", err);
	return 0;
}

static int add_resources(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	struct pm_json *res = pm_json_get(g->linux_, "resources");
	bool none = g->env->cgroup == PM_SPEC_CGROUP_NONE;

	int r = none ? refuse_limits(c, err) : pm_spec_limits(g->pool, c, res, err);
	if (r < 0)
		return r;
	if (c->oom_kill_disable)
		pm_json_set_bool(g->pool, member(g->pool, res, "memory"), "disableOOMKiller", true);
	int64_t pids = c->pids_limit == PM_UNSET ? g->env->conf->pids_limit : c->pids_limit;
	/* Without a group of its own there is nothing to lift or to default. */
	bool possible = c->pids_limit != PM_UNSET || !g->env->no_pids_controller;
	if (!none && pids > 0 && possible)
		pm_json_set_int(g->pool, member(g->pool, res, "pids"), "limit", pids);
	for (size_t i = 0; i < c->cgroup_conf.n; i++) {
		const char *s = c->cgroup_conf.v[i], *eq = strchr(s, '=');
		if (!eq || eq == s || memchr(s, '/', (size_t)(eq - s)))
			return pm_fail(err, PM_E_USAGE, "invalid cgroup setting \"%s\"", s);
		if (none || g->env->cgroup_v1)
			return refuse("--cgroup-conf", err);
		_cleanup_free_ char *name = pm_strndup(s, (size_t)(eq - s));
		pm_json_set_str(g->pool, member(g->pool, res, "unified"), name, eq + 1);
	}
	return 0;
}

int pm_gen_linux(struct pm_gen *g, struct pm_err *err)
{
	int r;
	if ((r = add_sysctls(g, err)) < 0 || (r = add_resources(g, err)) < 0 ||
	    (r = add_namespaces(g, err)) < 0)
		return r;
	if (g->env->cgroup != PM_SPEC_CGROUP_NONE && g->env->cgroup_path)
		pm_json_set_str(g->pool, g->linux_, "cgroupsPath", g->env->cgroup_path);
	add_masks(g);
	if (g->c->personality) {
		struct pm_json *o = pm_json_object(g->pool);
		pm_json_set_str(g->pool, o, "domain", g->c->personality);
		pm_json_set(g->pool, g->linux_, "personality", o);
	}
	for (size_t i = 0; i < g->c->n_mounts; i++) {
		/* Shared mounts only reach the host when the root is shared, too. */
		const struct pm_strv *o = &g->c->mounts[i].options;
		if (pm_strv_has(o, "rshared") || pm_strv_has(o, "shared"))
			pm_json_set_str(g->pool, g->linux_, "rootfsPropagation", "shared");
		else if ((pm_strv_has(o, "rslave") || pm_strv_has(o, "slave")) &&
			 !pm_json_get(g->linux_, "rootfsPropagation"))
			pm_json_set_str(g->pool, g->linux_, "rootfsPropagation", "rslave");
	}
	return 0;
}
