#include "engine/container/inspect_parts.h"

#include <string.h>

#include "base/timefmt.h"
#include "engine/container/inspect.h"
#include "engine/spec/caps.h"

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
	insp_str(i, o, "Type", i->k->log_driver ? i->k->log_driver : "k8s-file");
	insp_set(i, o, "Config", pm_json_null(i->pool));
	_cleanup_free_ char *path = pm_container_log_path(i->e, i->c);
	insp_str(i, o, "Path", pm_streq(i->k->log_driver, "none") ? "" : path);
	insp_str(i, o, "Tag", log_opt(i->k, "tag"));
	insp_str(i, o, "Size", pm_size_human((double)size, false, buf));
	return o;
}

/* What differs from Docker's default set, as Podman tells it. */
static void cap_lists(struct insp *i, struct pm_json *o)
{
	static const char *const docker[] = {
		"CAP_AUDIT_WRITE", "CAP_CHOWN",     "CAP_DAC_OVERRIDE", "CAP_FOWNER",
		"CAP_FSETID",      "CAP_KILL",      "CAP_MKNOD",        "CAP_NET_BIND_SERVICE",
		"CAP_NET_RAW",     "CAP_SETFCAP",   "CAP_SETGID",       "CAP_SETPCAP",
		"CAP_SETUID",      "CAP_SYS_CHROOT"};
	const struct pm_json *b = pm_json_find(insp_process(i), "capabilities", "bounding", NULL);
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
	insp_set(i, o, "CapAdd", pm_caps_json(i->pool, have & ~base));
	insp_set(i, o, "CapDrop", pm_caps_json(i->pool, base & ~have));
}

static void add_throttle(struct insp *i, struct pm_json *o, const char *name, const char *kind)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_throttles; k++) {
		const struct pm_ctr_throttle *t = &i->k->throttles[k];
		if (!pm_streq(t->kind, kind))
			continue;
		struct pm_json *v = pm_json_object(i->pool);
		insp_str(i, v, "Path", t->path);
		insp_num(i, v, pm_streq(kind, "weight") ? "Weight" : "Rate", t->rate);
		pm_json_add(i->pool, l, v);
	}
	insp_set(i, o, name, l->len ? l : pm_json_null(i->pool));
}

static void resources(struct insp *i, struct pm_json *o)
{
	const struct pm_ctr_config *k = i->k;
	const struct pm_json *res = pm_json_find(i->oci, "linux", "resources", NULL);
	int64_t nano = 0;
	if (k->cpu_quota > 0 && k->cpu_period > 0 && k->cpu_quota < INT64_MAX / 1000000000)
		nano = k->cpu_quota * 1000000000 / k->cpu_period;
	insp_num(i, o, "CpuShares", k->cpu_shares);
	insp_num(i, o, "Memory", k->memory);
	insp_num(i, o, "NanoCpus", nano);
	insp_str(i, o, "CgroupParent", k->cgroup_parent);
	insp_num(i, o, "BlkioWeight", k->blkio_weight);
	add_throttle(i, o, "BlkioWeightDevice", "weight");
	add_throttle(i, o, "BlkioDeviceReadBps", "read_bps");
	add_throttle(i, o, "BlkioDeviceWriteBps", "write_bps");
	add_throttle(i, o, "BlkioDeviceReadIOps", "read_iops");
	add_throttle(i, o, "BlkioDeviceWriteIOps", "write_iops");
	insp_num(i, o, "CpuPeriod", k->cpu_period);
	insp_num(i, o, "CpuQuota", k->cpu_quota);
	insp_num(i, o, "CpuRealtimePeriod", k->cpu_rt_period);
	insp_num(i, o, "CpuRealtimeRuntime", k->cpu_rt_runtime);
	insp_str(i, o, "CpusetCpus", k->cpuset_cpus);
	insp_str(i, o, "CpusetMems", k->cpuset_mems);
	struct pm_json *devs = pm_json_array(i->pool);
	for (size_t n = 0; n < k->n_devices; n++) {
		struct pm_json *d = pm_json_object(i->pool);
		insp_str(i, d, "PathOnHost", k->devices[n].host);
		insp_str(i, d, "PathInContainer",
			 k->devices[n].container ? k->devices[n].container : k->devices[n].host);
		insp_str(i, d, "CgroupPermissions", k->devices[n].perm);
		pm_json_add(i->pool, devs, d);
	}
	insp_set(i, o, "Devices", devs);
	insp_num(i, o, "DiskQuota", k->storage_size > 0 ? k->storage_size : 0);
	insp_num(i, o, "KernelMemory", k->kernel_memory);
	insp_num(i, o, "MemoryReservation", k->memory_reservation);
	insp_num(i, o, "MemorySwap", pm_json_get_int(pm_json_get(res, "memory"), "swap", 0));
	insp_num(i, o, "MemorySwappiness", k->memory_swappiness);
	insp_flag(i, o, "OomKillDisable", k->oom_kill_disable);
	insp_num(i, o, "PidsLimit", pm_json_get_int(pm_json_get(res, "pids"), "limit", 0));
	struct pm_json *limits = pm_json_array(i->pool);
	const struct pm_json *rl = pm_json_get(insp_process(i), "rlimits");
	for (size_t n = 0; n < pm_json_len(rl); n++) {
		const struct pm_json *v = pm_json_at(rl, n);
		struct pm_json *u = pm_json_object(i->pool);
		insp_str(i, u, "Name", pm_json_get_str(v, "type"));
		/* unlimited is 2^64-1 there and -1 here */
		insp_num(i, u, "Soft", pm_json_get_int(v, "soft", -1));
		insp_num(i, u, "Hard", pm_json_get_int(v, "hard", -1));
		pm_json_add(i->pool, limits, u);
	}
	insp_set(i, o, "Ulimits", limits);
	insp_num(i, o, "CpuCount", 0);
	insp_num(i, o, "CpuPercent", 0);
	insp_num(i, o, "IOMaximumIOps", 0);
	insp_num(i, o, "IOMaximumBandwidth", 0);
	insp_set(i, o, "CgroupConf", pm_inspect_map(i->pool, &k->cgroup_conf));
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

/* Where the container's own user namespace has the ids of, if it has one. */
static void id_mappings(struct insp *i, struct pm_json *o)
{
	if (!i->k->id_uids.n) {
		insp_omitted(i, o, "IDMappings", pm_json_null(i->pool));
		return;
	}
	struct pm_json *v = pm_json_object(i->pool);
	insp_list(i, v, "UidMap", &i->k->id_uids);
	insp_list(i, v, "GidMap", &i->k->id_gids);
	insp_set(i, o, "IDMappings", v);
}

struct pm_json *insp_host_config(struct insp *i, const char *manager)
{
	const struct pm_ctr_config *k = i->k;
	struct pm_json *o = pm_json_object(i->pool), *v;
	int64_t shm = k->shm_size;
	insp_set(i, o, "Binds", insp_binds(i));
	insp_str(i, o, "CgroupManager", manager);
	insp_str(i, o, "CgroupMode", has_namespace(i, "cgroup") ? "private" : "host");
	insp_str(i, o, "ContainerIDFile", k->cidfile);
	insp_set(i, o, "LogConfig", log_config(i));
	insp_str(i, o, "NetworkMode", k->network ? k->network : "slirp4netns");
	v = insp_ports(i, k);
	for (size_t n = v->len; n > 0; n--) /* exposed is not bound */
		if (pm_json_is(v->members[n - 1].value, PM_JSON_NULL))
			pm_json_unset(v, v->members[n - 1].name);
	insp_set(i, o, "PortBindings", v);
	v = pm_json_object(i->pool);
	insp_str(i, v, "Name", k->restart_policy);
	insp_num(i, v, "MaximumRetryCount",
		 k->restart_retries == PM_UNSET ? 0 : k->restart_retries);
	insp_set(i, o, "RestartPolicy", v);
	insp_flag(i, o, "AutoRemove", k->rm);
	insp_str(i, o, "VolumeDriver", "");
	insp_set(i, o, "VolumesFrom",
		 k->volumes_from.n ? pm_json_strv(i->pool, &k->volumes_from) : pm_json_null(i->pool));
	cap_lists(i, o);
	insp_list(i, o, "Dns", &k->dns);
	insp_list(i, o, "DnsOptions", &k->dns_options);
	insp_list(i, o, "DnsSearch", &k->dns_search);
	insp_list(i, o, "ExtraHosts", &k->add_hosts);
	insp_list(i, o, "GroupAdd", &k->groups);
	insp_str(i, o, "IpcMode", mode(k->ipcns, "shareable"));
	insp_str(i, o, "Cgroup", "");
	insp_str(i, o, "Cgroups",
		 k->cgroups && strcmp(k->cgroups, "enabled") != 0 ? k->cgroups : "default");
	insp_set(i, o, "Links", pm_json_null(i->pool));
	insp_num(i, o, "OomScoreAdj", k->oom_score_adj);
	insp_str(i, o, "PidMode", mode(k->pidns, "private"));
	insp_flag(i, o, "Privileged", k->privileged);
	insp_flag(i, o, "PublishAllPorts", k->publish_all);
	insp_flag(i, o, "ReadonlyRootfs", k->read_only);
	insp_list(i, o, "SecurityOpt", &k->security_opt);
	insp_set(i, o, "Tmpfs", insp_tmpfs(i));
	insp_str(i, o, "UTSMode", mode(k->utsns, "private"));
	insp_str(i, o, "UsernsMode",
		 k->id_uids.n || (k->userns && *k->userns && strcmp(k->userns, "host")) ? "private" : "");
	id_mappings(i, o);
	if (shm == PM_UNSET && pm_conf_parse_size(i->e->conf.shm_size, &shm, NULL) < 0)
		shm = 0;
	insp_num(i, o, "ShmSize", shm);
	insp_str(i, o, "Runtime", "oci");
	v = pm_json_array(i->pool);
	pm_json_add(i->pool, v, pm_json_int(i->pool, 0));
	pm_json_add(i->pool, v, pm_json_int(i->pool, 0));
	insp_set(i, o, "ConsoleSize", v);
	insp_str(i, o, "Isolation", "");
	resources(i, o);
	if (k->init)
		insp_flag(i, o, "Init", true);
	else
		insp_omitted(i, o, "Init", pm_json_bool(i->pool, false));
	return o;
}
