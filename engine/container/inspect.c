#include "engine/container/inspect.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "engine/container/exec.h"
#include "engine/container/health.h"
#include "engine/secret/use.h"
#include "engine/spec/caps.h"
#include "engine/spec/spec.h"
#include "engine/network/inspect.h"
#include "netns/userns.h"

#define ZERO_TIME "0001-01-01T00:00:00Z"
#define MAX_CONFIG (64 << 20)

struct insp {
	struct pm_json_pool *pool;
	struct pm_engine *e;
	const struct pm_container *c;
	const struct pm_ctr_config *k;
	struct pm_json *oci;
	char *dir, *run; /* of the container */
	const struct pm_strv *sessions; /* of exec */
};

static void str(struct insp *i, struct pm_json *o, const char *name, const char *s)
{
	pm_json_set_str(i->pool, o, name, s ? s : "");
}

static void num(struct insp *i, struct pm_json *o, const char *name, int64_t n)
{
	pm_json_set_int(i->pool, o, name, n == PM_UNSET ? 0 : n);
}

static void flag(struct insp *i, struct pm_json *o, const char *name, bool b)
{
	pm_json_set_bool(i->pool, o, name, b);
}

static void set(struct insp *i, struct pm_json *o, const char *name, struct pm_json *v)
{
	pm_json_set(i->pool, o, name, v);
}

static void list(struct insp *i, struct pm_json *o, const char *name, const struct pm_strv *l)
{
	set(i, o, name, pm_json_strv(i->pool, l));
}

static void strf(struct insp *i, struct pm_json *o, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void strf(struct insp *i, struct pm_json *o, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *s = pm_vasprintf(fmt, ap);
	va_end(ap);
	pm_json_set_str(i->pool, o, name, s);
}

static void when(struct insp *i, struct pm_json *o, const char *name, int64_t ns)
{
	char buf[PM_TIME_SIZE];
	pm_json_set_str(i->pool, o, name, ns ? pm_time_rfc3339(ns, 0, buf) : ZERO_TIME);
}

/* A member that JSON has only when it is not empty; templates find it always. */
static void omitted(struct insp *i, struct pm_json *o, const char *name, struct pm_json *empty)
{
	empty->hint = PM_JSON_OMIT;
	pm_json_set(i->pool, o, name, empty);
}

static const struct pm_json *process(const struct insp *i)
{
	return pm_json_get(i->oci, "process");
}

/* --- State ------------------------------------------------------------------------------------- */

static void cgroup_of(struct insp *i, struct pm_json *o, pid_t pid)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (pid <= 0 || pm_fs_read_file(AT_FDCWD, path, 64 << 10, &b, NULL) < 0) {
		omitted(i, o, "CgroupPath", pm_json_str(i->pool, ""));
		return;
	}
	/* v2's line begins with "0::"; else the first controller's path. */
	const char *p = strstr(pm_buf_str(&b), "0::/");
	const char *q = p ? p + 3 : strchr(pm_buf_str(&b), '/');
	_cleanup_free_ char *s = pm_strndup(q ? q : "", q ? strcspn(q, "\n") : 0);
	str(i, o, "CgroupPath", s);
}

static struct pm_json *state(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	const struct pm_ctr_state *st = &i->c->state;
	const struct pm_ctr_row *row = &i->c->row;
	bool running = pm_ctr_is_up(st);
	str(i, o, "OciVersion", pm_json_get_str(i->oci, "ociVersion"));
	str(i, o, "Status", pm_ctr_status_name(st->status));
	flag(i, o, "Running", running);
	flag(i, o, "Paused", st->status == PM_STATUS_PAUSED);
	flag(i, o, "Restarting", st->restarting);
	flag(i, o, "OOMKilled", st->oom_killed);
	flag(i, o, "Dead", false);
	num(i, o, "Pid", st->pid);
	if (st->monitored)
		num(i, o, "ConmonPid", st->monitor);
	else
		omitted(i, o, "ConmonPid", pm_json_int(i->pool, 0));
	num(i, o, "ExitCode", running ? 0 : st->exit_code);
	str(i, o, "Error", row->error);
	when(i, o, "StartedAt", st->started);
	when(i, o, "FinishedAt", st->finished);
	set(i, o, "Health", pm_health_json(i->e, i->c, i->pool));
	cgroup_of(i, o, running ? st->pid : 0);
	str(i, o, "CheckpointedAt", ZERO_TIME);
	str(i, o, "RestoredAt", ZERO_TIME);
	return o;
}

/* --- mounts ------------------------------------------------------------------------------------- */

/* The options the mount really got; the given ones where it is not in config.json. */
static void final_options(const struct insp *i, const struct pm_ctr_mount *m, struct pm_strv *out)
{
	const struct pm_json *l = pm_json_get(i->oci, "mounts");
	for (size_t k = 0; k < pm_json_len(l); k++) {
		const struct pm_json *v = pm_json_at(l, k);
		if (pm_streq(pm_json_get_str(v, "destination"), m->dest) &&
		    pm_json_to_strv(pm_json_get(v, "options"), out, NULL) >= 0)
			return;
	}
	pm_strv_add_all(out, pm_strv_argv(&m->options));
}

static bool is_propagation(const char *o)
{
	static const char *const all[] = {"private",  "rprivate",   "shared",	  "rshared", "slave",
					  "rslave", "unbindable", "runbindable"};
	for (size_t k = 0; k < PM_ARRAY_SIZE(all); k++)
		if (pm_streq(all[k], o))
			return true;
	return false;
}

static struct pm_json *mounts(struct insp *i)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "bind") && !pm_streq(m->type, "volume"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT, shown = PM_STRV_INIT;
		const char *prop = "", *mode = "";
		bool rw = true;
		final_options(i, m, &opts);
		for (size_t n = 0; n < opts.n; n++) {
			if (is_propagation(opts.v[n]))
				prop = opts.v[n];
			else if (pm_streq(opts.v[n], "ro"))
				rw = false;
			else if (!pm_streq(opts.v[n], "rw"))
				pm_strv_add(&shown, opts.v[n]);
		}
		for (size_t n = 0; n < m->options.n; n++)
			if (pm_streq(m->options.v[n], "z") || pm_streq(m->options.v[n], "Z"))
				mode = m->options.v[n];
		struct pm_json *o = pm_json_object(i->pool);
		str(i, o, "Type", m->type);
		if (m->name)
			str(i, o, "Name", m->name);
		else
			omitted(i, o, "Name", pm_json_str(i->pool, ""));
		str(i, o, "Source", m->source);
		str(i, o, "Destination", m->dest);
		str(i, o, "Driver", pm_streq(m->type, "volume") ? "local" : "");
		str(i, o, "Mode", mode);
		list(i, o, "Options", &shown);
		flag(i, o, "RW", rw);
		str(i, o, "Propagation", prop);
		pm_json_add(i->pool, l, o);
	}
	return l;
}

static struct pm_json *binds(struct insp *i)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "bind") && !pm_streq(m->type, "volume"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT;
		final_options(i, m, &opts);
		_cleanup_free_ char *o = pm_strv_join(&opts, ",");
		_cleanup_free_ char *s =
			pm_asprintf("%s:%s:%s", m->name ? m->name : m->source, m->dest, o);
		pm_json_add(i->pool, l, pm_json_str(i->pool, s));
	}
	return l;
}

static struct pm_json *tmpfs(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "tmpfs"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT;
		final_options(i, m, &opts);
		_cleanup_free_ char *s = pm_strv_join(&opts, ",");
		str(i, o, m->dest, s);
	}
	return pm_inspect_sorted(i->pool, o);
}

/* --- network ------------------------------------------------------------------------------------- */

static struct pm_json *ports(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t k = 0; k < i->k->n_ports; k++) {
		const struct pm_ctr_port *p = &i->k->ports[k];
		for (int64_t n = 0; n < p->range; n++) {
			_cleanup_free_ char *name =
				pm_asprintf("%lld/%s", (long long)(p->container_port + n),
					    p->protocol ? p->protocol : "tcp");
			struct pm_json *l = pm_json_get(o, name), *b = pm_json_object(i->pool);
			if (!l)
				l = pm_json_set(i->pool, o, name, pm_json_array(i->pool));
			str(i, b, "HostIp", p->host_ip);
			strf(i, b, "HostPort", "%lld", (long long)(p->host_port + n));
			pm_json_add(i->pool, l, b);
		}
	}
	for (size_t k = 0; k < i->k->expose.n; k++)
		if (!pm_json_get(o, i->k->expose.v[k]))
			set(i, o, i->k->expose.v[k], pm_json_null(i->pool));
	return pm_inspect_sorted(i->pool, o);
}

static struct pm_json *network(struct insp *i)
{
	static const struct {
		const char *name;
		char kind;
	} fields[] = {{"EndpointID", 's'}, {"Gateway", 's'}, {"IPAddress", 's'}, {"IPPrefixLen", 'n'},
		      {"IPv6Gateway", 's'}, {"GlobalIPv6Address", 's'}, {"GlobalIPv6PrefixLen", 'n'},
		      {"MacAddress", 's'}, {"Bridge", 's'}, {"SandboxID", 's'}, {"HairpinMode", 'b'},
		      {"LinkLocalIPv6Address", 's'}, {"LinkLocalIPv6PrefixLen", 'n'}};
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t k = 0; k < PM_ARRAY_SIZE(fields); k++) {
		if (fields[k].kind == 's')
			str(i, o, fields[k].name, "");
		else if (fields[k].kind == 'n')
			num(i, o, fields[k].name, 0);
		else
			flag(i, o, fields[k].name, false);
	}
	set(i, o, "Ports", ports(i));
	struct pm_json *networks = pm_network_inspect(i->e, i->c, i->pool);
	if (networks->len)
		set(i, o, "Networks", networks);
	/* the only one's address is the container's */
	const struct pm_json *only = networks->len == 1 ? networks->members[0].value : NULL;
	for (size_t k = 0; only && k < PM_ARRAY_SIZE(fields); k++)
		if (pm_json_get(only, fields[k].name))
			set(i, o, fields[k].name,
			    pm_json_copy(i->pool, pm_json_get(only, fields[k].name)));
	if (pm_ctr_is_up(&i->c->state) && !pm_streq(i->k->network, "host"))
		strf(i, o, "SandboxKey", "/proc/%d/ns/net", (int)i->c->state.pid);
	else
		str(i, o, "SandboxKey", "");
	return o;
}

/* --- Config -------------------------------------------------------------------------------------- */

/* Which secrets, never what they say. */
static void secrets(struct insp *i, struct pm_json *o)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t n = 0; n < i->k->secrets.n; n++) {
		_cleanup_secret_use_ struct pm_secret_use u = {0};
		if (pm_secret_use_decode(i->k->secrets.v[n], &u, NULL) < 0 || u.env)
			continue;
		struct pm_json *v = pm_json_add(i->pool, l, pm_json_object(i->pool));
		pm_json_set_str(i->pool, v, "Name", u.name);
		pm_json_set_str(i->pool, v, "ID", u.id);
		pm_json_set_int(i->pool, v, "UID", u.uid);
		pm_json_set_int(i->pool, v, "GID", u.gid);
		pm_json_set_int(i->pool, v, "Mode", (int64_t)u.mode);
	}
	if (l->len)
		pm_json_set(i->pool, o, "Secrets", l);
}

static struct pm_json *config(struct insp *i)
{
	const struct pm_ctr_config *k = i->k;
	struct pm_json *o = pm_json_object(i->pool);
	const struct pm_json *env = pm_json_get(process(i), "env");
	_cleanup_free_ char *entry = pm_strv_join(&k->entrypoint, " ");
	const char *hostname = pm_json_get_str(i->oci, "hostname");
	if (hostname)
		str(i, o, "Hostname", hostname);
	else
		strf(i, o, "Hostname", "%s", k->hostname ? k->hostname : "");
	str(i, o, "Domainname", "");
	str(i, o, "User", k->user);
	flag(i, o, "AttachStdin", false);
	flag(i, o, "AttachStdout", false);
	flag(i, o, "AttachStderr", false);
	flag(i, o, "Tty", k->terminal);
	flag(i, o, "OpenStdin", k->stdin_open);
	flag(i, o, "StdinOnce", false);
	set(i, o, "Env", env ? pm_json_copy(i->pool, env) : pm_json_strv(i->pool, &k->env));
	set(i, o, "Cmd",
	    k->command.n ? pm_json_strv(i->pool, &k->command) : pm_json_null(i->pool));
	str(i, o, "Image", k->image);
	set(i, o, "Volumes", pm_json_null(i->pool));
	str(i, o, "WorkingDir", k->workdir ? k->workdir : "/");
	str(i, o, "Entrypoint", entry);
	set(i, o, "OnBuild", pm_json_null(i->pool));
	set(i, o, "Labels", pm_inspect_map(i->pool, &k->labels));
	struct pm_json *notes = pm_inspect_sorted(i->pool, pm_json_get(i->oci, "annotations"));
	pm_json_unset(notes, "run.oci.seccomp_bpf_data"); /* ours, not the user's; 15 KB */
	set(i, o, "Annotations", notes);
	num(i, o, "StopSignal", k->stop_signal == PM_UNSET ? 15 : k->stop_signal);
	if (k->healthcheck) {
		struct pm_json *h;
		if (pm_json_parse(i->pool, k->healthcheck, strlen(k->healthcheck), &h, NULL) >= 0)
			set(i, o, "Healthcheck", h);
	} else {
		omitted(i, o, "Healthcheck", pm_json_null(i->pool));
	}
	if (k->startup_healthcheck) {
		struct pm_json *h;
		if (pm_json_parse(i->pool, k->startup_healthcheck, strlen(k->startup_healthcheck), &h,
				  NULL) >= 0)
			set(i, o, "StartupHealthCheck", h);
	}
	str(i, o, "HealthcheckOnFailureAction", k->health_on_failure ? k->health_on_failure : "none");
	if (k->health_log_destination)
		str(i, o, "HealthLogDestination", k->health_log_destination);
	if (k->health_max_log_count != PM_UNSET)
		num(i, o, "HealthMaxLogCount", k->health_max_log_count);
	if (k->health_max_log_size != PM_UNSET)
		num(i, o, "HealthMaxLogSize", k->health_max_log_size);
	if (k->create_command.n)
		list(i, o, "CreateCommand", &k->create_command);
	else
		omitted(i, o, "CreateCommand", pm_json_array(i->pool));
	if (k->timezone)
		str(i, o, "Timezone", k->timezone);
	else
		omitted(i, o, "Timezone", pm_json_str(i->pool, ""));
	if (k->systemd && strcmp(k->systemd, "always") == 0)
		flag(i, o, "SystemdMode", true);
	else
		omitted(i, o, "SystemdMode", pm_json_bool(i->pool, false));
	secrets(i, o);
	str(i, o, "Umask", k->umask ? k->umask : "0022");
	num(i, o, "Timeout", k->timeout);
	num(i, o, "StopTimeout", k->stop_timeout == PM_UNSET ? 10 : k->stop_timeout);
	flag(i, o, "Passwd", true);
	str(i, o, "sdNotifyMode", k->sdnotify ? k->sdnotify : "container");
	return o;
}

/* --- HostConfig ---------------------------------------------------------------------------------- */

static const char *log_opt(const struct pm_ctr_config *k, const char *name)
{
	return pm_env_get(&k->log_opts, name);
}

static struct pm_json *log_config(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	const char *max = log_opt(i->k, "max-size");
	int64_t size = 0;
	char buf[PM_TIME_SIZE];
	if (max && pm_size_parse(max, &size, NULL) < 0)
		size = 0;
	str(i, o, "Type", i->k->log_driver ? i->k->log_driver : "k8s-file");
	set(i, o, "Config", pm_json_null(i->pool));
	_cleanup_free_ char *path = pm_container_log_path(i->e, i->c);
	str(i, o, "Path", pm_streq(i->k->log_driver, "none") ? "" : path);
	str(i, o, "Tag", log_opt(i->k, "tag"));
	str(i, o, "Size", pm_size_human((double)size, false, buf));
	return o;
}

/* What differs from Docker's default set, as Podman tells it. */
static void cap_lists(struct insp *i, struct pm_json *o)
{
	static const char *const docker[] = {
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
		"CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP",
		"CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"};
	const struct pm_json *b = pm_json_find(process(i), "capabilities", "bounding", NULL);
	uint64_t base = 0, have = 0;
	for (size_t k = 0; k < PM_ARRAY_SIZE(docker); k++)
		base |= UINT64_C(1) << pm_cap_number(docker[k]);
	for (size_t k = 0; k < pm_json_len(b); k++) {
		const struct pm_json *v = pm_json_at(b, k);
		int n = pm_json_is(v, PM_JSON_STRING) ? pm_cap_number(v->string) : -1;
		if (n >= 0)
			have |= UINT64_C(1) << n;
	}
	if (i->k->privileged)
		have = base;
	set(i, o, "CapAdd", pm_caps_json(i->pool, have & ~base));
	set(i, o, "CapDrop", pm_caps_json(i->pool, base & ~have));
}

static void add_throttle(struct insp *i, struct pm_json *o, const char *name, const char *kind)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_throttles; k++) {
		const struct pm_ctr_throttle *t = &i->k->throttles[k];
		if (!pm_streq(t->kind, kind))
			continue;
		struct pm_json *v = pm_json_object(i->pool);
		str(i, v, "Path", t->path);
		num(i, v, pm_streq(kind, "weight") ? "Weight" : "Rate", t->rate);
		pm_json_add(i->pool, l, v);
	}
	set(i, o, name, l->len ? l : pm_json_null(i->pool));
}

static void resources(struct insp *i, struct pm_json *o)
{
	const struct pm_ctr_config *k = i->k;
	const struct pm_json *res = pm_json_find(i->oci, "linux", "resources", NULL);
	int64_t nano = 0;
	if (k->cpu_quota > 0 && k->cpu_period > 0 && k->cpu_quota < INT64_MAX / 1000000000)
		nano = k->cpu_quota * 1000000000 / k->cpu_period;
	num(i, o, "CpuShares", k->cpu_shares);
	num(i, o, "Memory", k->memory);
	num(i, o, "NanoCpus", nano);
	str(i, o, "CgroupParent", k->cgroup_parent);
	num(i, o, "BlkioWeight", k->blkio_weight);
	add_throttle(i, o, "BlkioWeightDevice", "weight");
	add_throttle(i, o, "BlkioDeviceReadBps", "read_bps");
	add_throttle(i, o, "BlkioDeviceWriteBps", "write_bps");
	add_throttle(i, o, "BlkioDeviceReadIOps", "read_iops");
	add_throttle(i, o, "BlkioDeviceWriteIOps", "write_iops");
	num(i, o, "CpuPeriod", k->cpu_period);
	num(i, o, "CpuQuota", k->cpu_quota);
	num(i, o, "CpuRealtimePeriod", k->cpu_rt_period);
	num(i, o, "CpuRealtimeRuntime", k->cpu_rt_runtime);
	str(i, o, "CpusetCpus", k->cpuset_cpus);
	str(i, o, "CpusetMems", k->cpuset_mems);
	struct pm_json *devs = pm_json_array(i->pool);
	for (size_t n = 0; n < k->n_devices; n++) {
		struct pm_json *d = pm_json_object(i->pool);
		str(i, d, "PathOnHost", k->devices[n].host);
		str(i, d, "PathInContainer",
		    k->devices[n].container ? k->devices[n].container : k->devices[n].host);
		str(i, d, "CgroupPermissions", k->devices[n].perm);
		pm_json_add(i->pool, devs, d);
	}
	set(i, o, "Devices", devs);
	num(i, o, "DiskQuota", 0);
	num(i, o, "KernelMemory", k->kernel_memory);
	num(i, o, "MemoryReservation", k->memory_reservation);
	num(i, o, "MemorySwap", pm_json_get_int(pm_json_get(res, "memory"), "swap", 0));
	num(i, o, "MemorySwappiness", k->memory_swappiness);
	flag(i, o, "OomKillDisable", k->oom_kill_disable);
	num(i, o, "PidsLimit", pm_json_get_int(pm_json_get(res, "pids"), "limit", 0));
	struct pm_json *limits = pm_json_array(i->pool);
	const struct pm_json *rl = pm_json_get(process(i), "rlimits");
	for (size_t n = 0; n < pm_json_len(rl); n++) {
		const struct pm_json *v = pm_json_at(rl, n);
		struct pm_json *u = pm_json_object(i->pool);
		str(i, u, "Name", pm_json_get_str(v, "type"));
		/* unlimited is 2^64-1 there and -1 here */
		num(i, u, "Soft", pm_json_get_int(v, "soft", -1));
		num(i, u, "Hard", pm_json_get_int(v, "hard", -1));
		pm_json_add(i->pool, limits, u);
	}
	set(i, o, "Ulimits", limits);
	num(i, o, "CpuCount", 0);
	num(i, o, "CpuPercent", 0);
	num(i, o, "IOMaximumIOps", 0);
	num(i, o, "IOMaximumBandwidth", 0);
	set(i, o, "CgroupConf", pm_inspect_map(i->pool, &k->cgroup_conf));
}

static const char *mode(const char *given, const char *def)
{
	return given && *given ? given : def;
}

static bool has_namespace(const struct insp *i, const char *type)
{
	const struct pm_json *l = pm_json_find(i->oci, "linux", "namespaces", NULL);
	for (size_t k = 0; k < pm_json_len(l); k++)
		if (pm_streq(pm_json_get_str(pm_json_at(l, k), "type"), type))
			return true;
	return false;
}

static struct pm_json *host_config(struct insp *i, const char *manager)
{
	const struct pm_ctr_config *k = i->k;
	struct pm_json *o = pm_json_object(i->pool), *v;
	int64_t shm = k->shm_size;
	set(i, o, "Binds", binds(i));
	str(i, o, "CgroupManager", manager);
	str(i, o, "CgroupMode", has_namespace(i, "cgroup") ? "private" : "host");
	str(i, o, "ContainerIDFile", k->cidfile);
	set(i, o, "LogConfig", log_config(i));
	str(i, o, "NetworkMode", k->network ? k->network : "slirp4netns");
	v = ports(i);
	for (size_t n = v->len; n > 0; n--) /* exposed is not bound */
		if (pm_json_is(v->members[n - 1].value, PM_JSON_NULL))
			pm_json_unset(v, v->members[n - 1].name);
	set(i, o, "PortBindings", v);
	v = pm_json_object(i->pool);
	str(i, v, "Name", k->restart_policy);
	num(i, v, "MaximumRetryCount", k->restart_retries == PM_UNSET ? 0 : k->restart_retries);
	set(i, o, "RestartPolicy", v);
	flag(i, o, "AutoRemove", k->rm);
	str(i, o, "VolumeDriver", "");
	set(i, o, "VolumesFrom", pm_json_null(i->pool));
	cap_lists(i, o);
	list(i, o, "Dns", &k->dns);
	list(i, o, "DnsOptions", &k->dns_options);
	list(i, o, "DnsSearch", &k->dns_search);
	list(i, o, "ExtraHosts", &k->add_hosts);
	list(i, o, "GroupAdd", &k->groups);
	str(i, o, "IpcMode", mode(k->ipcns, "shareable"));
	str(i, o, "Cgroup", "");
	str(i, o, "Cgroups", k->cgroups && strcmp(k->cgroups, "enabled") != 0 ? k->cgroups : "default");
	set(i, o, "Links", pm_json_null(i->pool));
	num(i, o, "OomScoreAdj", k->oom_score_adj);
	str(i, o, "PidMode", mode(k->pidns, "private"));
	flag(i, o, "Privileged", k->privileged);
	flag(i, o, "PublishAllPorts", k->publish_all);
	flag(i, o, "ReadonlyRootfs", k->read_only);
	list(i, o, "SecurityOpt", &k->security_opt);
	set(i, o, "Tmpfs", tmpfs(i));
	str(i, o, "UTSMode", mode(k->utsns, "private"));
	str(i, o, "UsernsMode", k->userns && *k->userns && strcmp(k->userns, "host") ? "private" : "");
	if (shm == PM_UNSET && pm_conf_parse_size(i->e->conf.shm_size, &shm, NULL) < 0)
		shm = 0;
	num(i, o, "ShmSize", shm);
	str(i, o, "Runtime", "oci");
	v = pm_json_array(i->pool);
	pm_json_add(i->pool, v, pm_json_int(i->pool, 0));
	pm_json_add(i->pool, v, pm_json_int(i->pool, 0));
	set(i, o, "ConsoleSize", v);
	str(i, o, "Isolation", "");
	resources(i, o);
	return o;
}

/* --- the whole ----------------------------------------------------------------------------------- */

/* config.json of the last start, else what a start would write now. */
static void load_oci(struct insp *i)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/config.json", i->dir);
	if (pm_fs_read_file(AT_FDCWD, path, MAX_CONFIG, &b, NULL) >= 0 &&
	    pm_json_parse(i->pool, pm_buf_str(&b), b.len, &i->oci, &err) >= 0)
		return;
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_bundle_env_ struct pm_bundle_env env = {0};
	_cleanup_spec_plan_ struct pm_spec_plan plan = {0};
	bool userns = pm_userns_needed();
	if ((userns && pm_userns_default_map(&map, &err) < 0) ||
	    pm_bundle_env(i->e, i->c, userns ? &map : NULL, &env, &err) < 0)
		goto none;
	if (!env.env.rootfs)
		env.env.rootfs = i->dir;
	if (pm_spec_generate(i->k, &env.env, &plan, &err) >= 0 &&
	    pm_json_parse(i->pool, plan.json, plan.json_len, &i->oci, &err) >= 0)
		return;
none:
	/* It could not be started now; what it is made of can be told all the same. */
	pm_debug("inspect %s: %s", i->c->row.name, err.text);
	i->oci = pm_json_object(i->pool);
}

static void run_path(struct insp *i, struct pm_json *o, const char *name, const char *file)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", i->run, file);
	bool there = access(path, F_OK) == 0;
	str(i, o, name, there ? path : "");
}

static void top(struct insp *i, struct pm_json *o, const char *driver, const char *runtime,
		const char *manager, const struct pm_strv *lowers)
{
	const struct pm_ctr_config *k = i->k;
	_cleanup_image_row_ struct pm_image_row image = {0};
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	struct pm_json *args = pm_json_array(i->pool);
	const struct pm_json *caps = pm_json_get(process(i), "capabilities");

	pm_strv_add_all(&argv, pm_strv_argv(&k->entrypoint));
	pm_strv_add_all(&argv, pm_strv_argv(&k->command));
	for (size_t n = 1; n < argv.n; n++)
		pm_json_add(i->pool, args, pm_json_str(i->pool, argv.v[n]));
	str(i, o, "Id", k->id);
	when(i, o, "Created", k->created);
	str(i, o, "Path", argv.n ? argv.v[0] : "");
	set(i, o, "Args", args);
	set(i, o, "State", state(i));
	str(i, o, "Image", k->image_id);
	if (k->image_id)
		pm_image_by_id(i->e->store, k->image_id, 0, &image, NULL);
	str(i, o, "ImageDigest", image.digest);
	str(i, o, "ImageName", k->image);
	str(i, o, "Rootfs", k->rootfs);
	str(i, o, "Pod", k->pod);
	run_path(i, o, "ResolvConfPath", "resolv.conf");
	run_path(i, o, "HostnamePath", "hostname");
	run_path(i, o, "HostsPath", "hosts");
	str(i, o, "StaticDir", i->dir);
	strf(i, o, "OCIConfigPath", "%s/config.json", i->dir);
	str(i, o, "OCIRuntime", runtime);
	str(i, o, "ConmonPidFile", k->conmon_pid_file);
	if (k->pid_file)
		str(i, o, "PidFile", k->pid_file);
	else
		strf(i, o, "PidFile", "%s/pidfile", i->run);
	str(i, o, "Name", i->c->row.name);
	num(i, o, "RestartCount", i->c->state.restarts);
	str(i, o, "Driver", driver);
	str(i, o, "MountLabel", "");
	str(i, o, "ProcessLabel", "");
	str(i, o, "AppArmorProfile", pm_json_get_str(process(i), "apparmorProfile"));
	const char *const sets[][2] = {{"EffectiveCaps", "effective"}, {"BoundingCaps", "bounding"}};
	for (size_t n = 0; n < 2; n++) {
		const struct pm_json *v = pm_json_get(caps, sets[n][1]);
		set(i, o, sets[n][0], v ? pm_json_copy(i->pool, v) : pm_json_null(i->pool));
	}
	list(i, o, "ExecIDs", i->sessions);
	_cleanup_free_ char *upper = pm_asprintf("%s/upper", i->dir);
	set(i, o, "GraphDriver",
	    pm_inspect_graph_driver(i->pool, driver, i->dir, upper, lowers));
	set(i, o, "Mounts", mounts(i));
	list(i, o, "Dependencies", &i->c->row.deps);
	set(i, o, "NetworkSettings", network(i));
	str(i, o, "Namespace", "");
	flag(i, o, "IsInfra", k->is_infra);
	flag(i, o, "IsService", false);
	set(i, o, "Config", config(i));
	set(i, o, "HostConfig", host_config(i, manager));
}

int pm_inspect_container(struct pm_engine *e, const struct pm_container *c, int64_t size_rw,
			 int64_t size_root, struct pm_json_pool *pool, struct pm_json **ret,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv bottom = PM_STRV_INIT, lowers = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv sessions = PM_STRV_INIT;
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	struct insp i = {.pool = pool, .e = e, .c = c, .k = &c->config, .sessions = &sessions};
	struct pm_json *o = pm_json_object(pool);

	int r = pm_engine_conf(e, err);
	if (r < 0 || (r = pm_engine_cgroup(e, c->config.cgroups, &cg, err)) < 0)
		return r;
	if (!c->config.rootfs && (r = pm_container_lowers(e, c, &bottom, err)) < 0)
		return r;
	if ((r = pm_exec_sessions(e, c, &sessions, err)) < 0)
		return r;
	for (size_t n = bottom.n; n > 0; n--)
		pm_strv_add(&lowers, bottom.v[n - 1]);
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_free_ char *rel = pm_asprintf("ctr/%s", c->row.id);
	_cleanup_free_ char *run = pm_store_run_path(e->store, rel);
	i.dir = dir;
	i.run = run;
	load_oci(&i);
	const char *runtime = c->config.runtime ? c->config.runtime
			      : e->runtime	? e->runtime
						: e->conf.runtime;
	top(&i, o, e->store->driver == PM_STORE_VFS ? "vfs" : "overlay", runtime,
	    pm_cgroup_manager_name(cg.manager), &lowers);
	if (size_rw >= 0)
		pm_json_set_int(pool, o, "SizeRw", size_rw);
	else
		omitted(&i, o, "SizeRw", pm_json_null(pool));
	if (size_root >= 0)
		pm_json_set_int(pool, o, "SizeRootFs", size_root);
	else
		omitted(&i, o, "SizeRootFs", pm_json_null(pool));
	*ret = o;
	return 0;
}
