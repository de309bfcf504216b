#include "engine/container/config.h"

#include <stddef.h>

/* The JSON form of the record: one line per member. Members equal to their default are not written,
 * so an old document reads the same when a member is added. */
enum kind {
	K_STR,
	K_STRV,
	K_BOOL,
	K_INT,   /* missing is def */
	K_LIST,  /* array of records: pointer at offset, count at count */
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	int64_t def;
	/* K_LIST */
	size_t count;
	size_t size;
	const struct field *fields;
	size_t n_fields;
};

#define M_STR(m)  {#m, K_STR, offsetof(struct pm_ctr_mount, m), 0, 0, 0, NULL, 0}
static const struct field mount_fields[] = {
	M_STR(type),
	M_STR(name),
	M_STR(source),
	M_STR(subpath),
	M_STR(dest),
	{"options", K_STRV, offsetof(struct pm_ctr_mount, options), 0, 0, 0, NULL, 0},
	{"anonymous", K_BOOL, offsetof(struct pm_ctr_mount, anonymous), 0, 0, 0, NULL, 0},
	{"from_image", K_BOOL, offsetof(struct pm_ctr_mount, from_image), 0, 0, 0, NULL, 0},
	{"owned", K_BOOL, offsetof(struct pm_ctr_mount, owned), 0, 0, 0, NULL, 0},
	M_STR(driver),
	{"driver_options", K_STRV, offsetof(struct pm_ctr_mount, driver_options), 0, 0, 0, NULL, 0},
	{"labels", K_STRV, offsetof(struct pm_ctr_mount, labels), 0, 0, 0, NULL, 0},
};

static const struct field port_fields[] = {
	{"host_ip", K_STR, offsetof(struct pm_ctr_port, host_ip), 0, 0, 0, NULL, 0},
	{"host_port", K_INT, offsetof(struct pm_ctr_port, host_port), 0, 0, 0, NULL, 0},
	{"container_port", K_INT, offsetof(struct pm_ctr_port, container_port), 0, 0, 0, NULL, 0},
	{"range", K_INT, offsetof(struct pm_ctr_port, range), 1, 0, 0, NULL, 0},
	{"protocol", K_STR, offsetof(struct pm_ctr_port, protocol), 0, 0, 0, NULL, 0},
};

static const struct field ulimit_fields[] = {
	{"name", K_STR, offsetof(struct pm_ctr_ulimit, name), 0, 0, 0, NULL, 0},
	{"soft", K_INT, offsetof(struct pm_ctr_ulimit, soft), 0, 0, 0, NULL, 0},
	{"hard", K_INT, offsetof(struct pm_ctr_ulimit, hard), 0, 0, 0, NULL, 0},
};

static const struct field device_fields[] = {
	{"host", K_STR, offsetof(struct pm_ctr_device, host), 0, 0, 0, NULL, 0},
	{"container", K_STR, offsetof(struct pm_ctr_device, container), 0, 0, 0, NULL, 0},
	{"perm", K_STR, offsetof(struct pm_ctr_device, perm), 0, 0, 0, NULL, 0},
};

static const struct field throttle_fields[] = {
	{"kind", K_STR, offsetof(struct pm_ctr_throttle, kind), 0, 0, 0, NULL, 0},
	{"path", K_STR, offsetof(struct pm_ctr_throttle, path), 0, 0, 0, NULL, 0},
	{"rate", K_INT, offsetof(struct pm_ctr_throttle, rate), 0, 0, 0, NULL, 0},
};

#define OFF(m)     offsetof(struct pm_ctr_config, m)
#define STR(m)     {#m, K_STR, OFF(m), 0, 0, 0, NULL, 0}
#define STRV(m)    {#m, K_STRV, OFF(m), 0, 0, 0, NULL, 0}
#define BOOL(m)    {#m, K_BOOL, OFF(m), 0, 0, 0, NULL, 0}
#define INT(m, d)  {#m, K_INT, OFF(m), d, 0, 0, NULL, 0}
#define LIST(m, s, f) {#m, K_LIST, OFF(m), 0, OFF(n_##m), sizeof(s), f, PM_ARRAY_SIZE(f)}

static const struct field config_fields[] = {
	STR(id),
	STR(name),
	STR(image),
	STR(image_id),
	STR(raw_image_name),
	STR(rootfs),
	BOOL(rootfs_overlay),
	STR(rootfs_idmap),
	INT(created, 0),
	STRV(create_command),
	STRV(labels),
	STRV(annotations),

	STRV(entrypoint),
	STRV(command),
	STRV(env),
	BOOL(env_host),
	STRV(env_unset),
	BOOL(env_unset_all),
	STR(user),
	STRV(groups),
	STR(workdir),
	BOOL(workdir_made),
	STR(hostname),
	STR(umask),
	STR(timezone),
	BOOL(terminal),
	BOOL(stdin_open),
	BOOL(init),
	STR(init_path),
	STR(systemd),
	INT(stop_signal, PM_UNSET),
	INT(stop_timeout, PM_UNSET),
	INT(timeout, PM_UNSET),
	STR(detach_keys),
	BOOL(http_proxy_off),
	INT(preserve_fds, 0),
	STRV(preserve_fd),
	BOOL(passwd_off),
	STR(passwd_entry),
	STR(group_entry),
	STRV(hostusers),
	STR(personality),
	INT(oom_score_adj, PM_UNSET),
	STR(sdnotify),
	STR(pid_file),
	STR(conmon_pid_file),
	STR(cidfile),

	LIST(mounts, struct pm_ctr_mount, mount_fields),
	STR(image_volume),
	BOOL(read_only),
	BOOL(read_only_tmpfs_off),
	INT(storage_size, PM_UNSET),
	INT(storage_inodes, PM_UNSET),
	INT(shm_size, PM_UNSET),
	INT(shm_size_systemd, PM_UNSET),
	STRV(chrootdirs),
	LIST(devices, struct pm_ctr_device, device_fields),
	STRV(device_cgroup_rules),
	BOOL(no_hosts),
	BOOL(no_hostname),
	STR(hosts_file),

	STR(network),
	STRV(network_options),
	STRV(networks),
	STRV(egress),
	LIST(ports, struct pm_ctr_port, port_fields),
	STRV(expose),
	BOOL(publish_all),
	STRV(dns),
	STRV(dns_search),
	STRV(dns_options),
	STRV(add_hosts),

	BOOL(privileged),
	STRV(cap_add),
	STRV(cap_drop),
	STRV(security_opt),
	STRV(volumes_from),
	STR(seccomp_policy),
	LIST(ulimits, struct pm_ctr_ulimit, ulimit_fields),
	STRV(sysctls),

	STR(pidns),
	STR(ipcns),
	STR(utsns),
	STR(cgroupns),
	STR(userns),
	STRV(uid_map),
	STRV(gid_map),
	STR(subuidname),
	STR(subgidname),
	STRV(id_uids),
	STRV(id_gids),
	STR(mapped_image),
	INT(mapped_dirs, 0),
	BOOL(idmapped),
	INT(keep_uid, PM_UNSET),
	INT(keep_gid, PM_UNSET),

	STR(cgroups),
	STR(cgroup_parent),
	INT(memory, PM_UNSET),
	INT(memory_reservation, PM_UNSET),
	INT(memory_swap, PM_UNSET),
	INT(memory_swappiness, PM_UNSET),
	INT(kernel_memory, PM_UNSET),
	BOOL(oom_kill_disable),
	INT(cpu_shares, PM_UNSET),
	INT(cpu_quota, PM_UNSET),
	INT(cpu_period, PM_UNSET),
	INT(cpu_rt_runtime, PM_UNSET),
	INT(cpu_rt_period, PM_UNSET),
	STR(cpuset_cpus),
	STR(cpuset_mems),
	INT(pids_limit, PM_UNSET),
	INT(blkio_weight, PM_UNSET),
	LIST(throttles, struct pm_ctr_throttle, throttle_fields),
	STRV(cgroup_conf),

	STR(log_driver),
	STR(log_path),
	STRV(log_opts),
	STR(runtime),
	STR(restart_policy),
	INT(restart_retries, PM_UNSET),
	BOOL(rm),
	STR(pod),
	BOOL(is_infra),
	BOOL(pod_cgroup),
	STR(init_ctr),
	STRV(requires_ctrs),
	STRV(secrets),
	STR(healthcheck),
	STR(startup_healthcheck),
	STR(health_on_failure),
	STR(health_log_destination),
	INT(health_max_log_count, PM_UNSET),
	INT(health_max_log_size, PM_UNSET),
	BOOL(detached),
	BOOL(autoremove_image),
	STR(pull_policy),
	STR(working),
	STR(image_document),

	INT(checkpoint_time, 0),
	BOOL(checkpointed),
	BOOL(pre_checkpoint),
	INT(restored_time, 0),
	BOOL(checkpoint_log),
	BOOL(restore_log),
};

static void *at(const void *rec, size_t offset)
{
	return (char *)(uintptr_t)rec + offset;
}

static void rec_init(void *rec, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].kind == K_INT)
			*(int64_t *)at(rec, f[i].offset) = f[i].def;
}

static void rec_free(void *rec, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *p = at(rec, f[i].offset);
		switch (f[i].kind) {
		case K_STR:
			free(*(char **)p);
			break;
		case K_STRV:
			pm_strv_free(p);
			break;
		case K_LIST:
			for (size_t k = 0; k < *(size_t *)at(rec, f[i].count); k++)
				rec_free(*(char **)p + k * f[i].size, f[i].fields, f[i].n_fields);
			free(*(void **)p);
			break;
		case K_BOOL:
		case K_INT:
			break;
		}
	}
}

void pm_ctr_config_init(struct pm_ctr_config *c)
{
	*c = (struct pm_ctr_config){0};
	rec_init(c, config_fields, PM_ARRAY_SIZE(config_fields));
}

bool pm_ctr_config_only_holds(const struct pm_ctr_config *c)
{
	return c->is_infra && c->init && c->entrypoint.n + c->command.n == 0;
}

void pm_ctr_config_free(struct pm_ctr_config *c)
{
	rec_free(c, config_fields, PM_ARRAY_SIZE(config_fields));
	pm_ctr_config_init(c);
}

static void *list_add(void *list, size_t *n, size_t size, const struct field *f, size_t n_fields)
{
	char **p = list;
	*p = pm_reallocarray(*p, *n + 1, size);
	char *rec = *p + *n * size;
	memset(rec, 0, size);
	rec_init(rec, f, n_fields);
	(*n)++;
	return rec;
}

#define ADD(m, f) list_add(&c->m, &c->n_##m, sizeof(*c->m), f, PM_ARRAY_SIZE(f))

struct pm_ctr_mount *pm_ctr_config_add_mount(struct pm_ctr_config *c)
{
	return ADD(mounts, mount_fields);
}

void pm_ctr_config_remove_mount(struct pm_ctr_config *c, size_t index)
{
	rec_free(&c->mounts[index], mount_fields, PM_ARRAY_SIZE(mount_fields));
	memmove(&c->mounts[index], &c->mounts[index + 1],
		(c->n_mounts - index - 1) * sizeof(c->mounts[0]));
	c->n_mounts--;
}

struct pm_ctr_port *pm_ctr_config_add_port(struct pm_ctr_config *c)
{
	return ADD(ports, port_fields);
}

struct pm_ctr_ulimit *pm_ctr_config_add_ulimit(struct pm_ctr_config *c)
{
	return ADD(ulimits, ulimit_fields);
}

struct pm_ctr_device *pm_ctr_config_add_device(struct pm_ctr_config *c)
{
	return ADD(devices, device_fields);
}

struct pm_ctr_throttle *pm_ctr_config_add_throttle(struct pm_ctr_config *c)
{
	return ADD(throttles, throttle_fields);
}

static struct pm_json *rec_to_json(struct pm_json_pool *pool, const void *rec,
				   const struct field *f, size_t n)
{
	struct pm_json *o = pm_json_object(pool);
	for (size_t i = 0; i < n; i++) {
		const void *p = at(rec, f[i].offset);
		struct pm_json *v = NULL;
		switch (f[i].kind) {
		case K_STR:
			if (*(char *const *)p)
				v = pm_json_str(pool, *(char *const *)p);
			break;
		case K_STRV:
			if (((const struct pm_strv *)p)->n > 0)
				v = pm_json_strv(pool, p);
			break;
		case K_BOOL:
			if (*(const bool *)p)
				v = pm_json_bool(pool, true);
			break;
		case K_INT:
			if (*(const int64_t *)p != f[i].def)
				v = pm_json_int(pool, *(const int64_t *)p);
			break;
		case K_LIST: {
			size_t count = *(size_t *)at(rec, f[i].count);
			if (count == 0)
				break;
			v = pm_json_array(pool);
			for (size_t k = 0; k < count; k++)
				pm_json_add(pool, v,
					    rec_to_json(pool, *(char *const *)p + k * f[i].size,
							f[i].fields, f[i].n_fields));
			break;
		}
		}
		if (v)
			pm_json_set(pool, o, f[i].name, v);
	}
	return o;
}

static int rec_from_json(const struct pm_json *o, void *rec, const struct field *f, size_t n,
			 struct pm_err *err)
{
	if (!pm_json_is(o, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "not an object");
	for (size_t i = 0; i < n; i++) {
		const struct pm_json *v = pm_json_get(o, f[i].name);
		void *p = at(rec, f[i].offset);
		if (!v)
			continue;
		bool ok = false;
		switch (f[i].kind) {
		case K_STR:
			ok = pm_json_is(v, PM_JSON_STRING) && strlen(v->string) == v->len;
			if (ok)
				*(char **)p = pm_strdup(v->string);
			break;
		case K_STRV:
			ok = pm_json_is(v, PM_JSON_ARRAY) && pm_json_to_strv(v, p, err) >= 0;
			break;
		case K_BOOL:
			ok = pm_json_is(v, PM_JSON_BOOL);
			if (ok)
				*(bool *)p = v->boolean;
			break;
		case K_INT:
			ok = pm_json_as_int(v, p, err) >= 0;
			break;
		case K_LIST:
			ok = pm_json_is(v, PM_JSON_ARRAY);
			for (size_t k = 0; ok && k < v->len; k++) {
				void *sub = list_add(p, at(rec, f[i].count), f[i].size,
						     f[i].fields, f[i].n_fields);
				if (rec_from_json(v->items[k], sub, f[i].fields, f[i].n_fields,
						  err) < 0)
					return pm_wrap(err, "%s", f[i].name);
			}
			break;
		}
		if (!ok)
			return pm_fail(err, PM_E_FORMAT, "%s: value of a wrong kind", f[i].name);
	}
	return 0;
}

struct pm_json *pm_ctr_config_to_json(struct pm_json_pool *pool, const struct pm_ctr_config *c)
{
	struct pm_json *o = rec_to_json(pool, c, config_fields, PM_ARRAY_SIZE(config_fields));
	pm_json_set_int(pool, o, "version", PM_CTR_CONFIG_VERSION);
	return o;
}

int pm_ctr_config_from_json(const struct pm_json *v, struct pm_ctr_config *c, struct pm_err *err)
{
	int64_t version = pm_json_get_int(v, "version", 0);
	if (version > PM_CTR_CONFIG_VERSION)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "container configuration of version %lld: written by a newer pm",
			       (long long)version);
	int r = version < 1 ? pm_fail(err, PM_E_FORMAT, "no version")
			    : rec_from_json(v, c, config_fields, PM_ARRAY_SIZE(config_fields), err);
	if (r < 0) {
		pm_ctr_config_free(c);
		return pm_wrap(err, "container configuration");
	}
	return 0;
}
