#include "engine/container/checkpoint_config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container/name.h"

static int refuse(const char *what, struct pm_err *err)
{
	return pm_fail(err, PM_E_UNSUPPORTED, "the checkpoint wants %s of the host, which is not given to a container from "
					      "an archive", what);
}

/* --- what it may not have ---------------------------------------------------------------------------- */

static bool other_namespace(const char *mode)
{
	return mode && (pm_streq(mode, "host") || pm_startswith(mode, "ns:") ||
			pm_startswith(mode, "container:"));
}

/* Is a part of the list anything but words that take rights away? */
static bool grants(const struct pm_strv *options)
{
	for (size_t i = 0; i < options->n; i++)
		if (!pm_startswith(options->v[i], "no-new-privileges") && !pm_startswith(options->v[i], "mask="))
			return true;
	return false;
}

static bool foreign_annotation(const struct pm_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!pm_startswith(l->v[i], "io.podman.annotations."))
			return true;
	return false;
}

/* NULL, or what of a mount is the host's. */
static const char *mount_grants(const struct pm_ctr_mount *m)
{
	if (!m->type || !m->dest || m->dest[0] != '/')
		return "a mount without a place";
	if (pm_streq(m->type, "tmpfs") || pm_streq(m->type, "image"))
		return NULL;
	if (!pm_streq(m->type, "volume"))
		return "a directory";
	/* the local driver mounts whatever its options say */
	return m->driver || m->driver_options.n ? "a volume with a driver's options" : NULL;
}

static int check_grants(const struct pm_ctr_config *k, struct pm_err *err)
{
	const struct {
		bool is;
		const char *what;
	} wants[] = {
		{k->privileged, "all privileges (--privileged)"},
		{k->n_devices > 0 || k->device_cgroup_rules.n > 0, "devices"},
		{k->cap_add.n > 0, "more capabilities (--cap-add)"},
		{grants(&k->security_opt), "other security options (--security-opt)"},
		{k->sysctls.n > 0, "sysctls"},
		{k->cgroup_conf.n > 0, "control group files (--cgroup-conf)"},
		{k->secrets.n > 0, "secrets"},
		{other_namespace(k->network), "a network namespace"},
		{other_namespace(k->pidns), "a PID namespace"},
		{other_namespace(k->ipcns), "an IPC namespace"},
		{other_namespace(k->utsns), "a UTS namespace"},
		{other_namespace(k->cgroupns), "a control group namespace"},
		{other_namespace(k->userns) && !pm_streq(k->userns, "host"), "a user namespace"},
		{k->rootfs != NULL, "a root file system (--rootfs)"},
		{k->runtime && strchr(k->runtime, '/'), "a program as its runtime"},
		{foreign_annotation(&k->annotations), "annotations, which a runtime may act on,"},
		{k->hosts_file && k->hosts_file[0] == '/', "a file (--hosts-file)"},
		{k->is_infra, "a pod's namespaces"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(wants); i++)
		if (wants[i].is)
			return refuse(wants[i].what, err);
	for (size_t i = 0; i < k->n_mounts; i++) {
		const char *what = mount_grants(&k->mounts[i]);
		if (what)
			return refuse(what, err);
		if (k->mounts[i].name && pm_streq(k->mounts[i].type, "volume") &&
		    pm_name_check(k->mounts[i].name, err) < 0)
			return pm_wrap(err, "volume of the checkpoint");
	}
	return 0;
}

/* --- what it does without ---------------------------------------------------------------------------- */

static void drop(char **s)
{
	free(*s);
	*s = NULL;
}

/* Options of logs, but for the file's place. */
static void drop_log_path(struct pm_ctr_config *k)
{
	_cleanup_strv_ struct pm_strv had = k->log_opts;
	k->log_opts = (struct pm_strv)PM_STRV_INIT;
	for (size_t i = 0; i < had.n; i++)
		if (!pm_startswith(had.v[i], "path="))
			pm_strv_add(&k->log_opts, had.v[i]);
	drop(&k->log_path);
	if (pm_streq(k->log_driver, "passthrough"))
		drop(&k->log_driver);
	if (!k->log_driver)
		k->log_driver = pm_strdup("k8s-file");
}

static void drop_hosts(struct pm_ctr_config *k)
{
	/* its files on this host, and what is made anew from the rest */
	char **const strings[] = {&k->cidfile, &k->pid_file, &k->conmon_pid_file, &k->init_path, &k->cgroup_parent,
				  &k->health_log_destination, &k->subuidname, &k->subgidname, &k->pod, &k->init_ctr,
				  &k->pull_policy, &k->sdnotify, &k->mapped_image};
	struct pm_strv *const lists[] = {&k->requires_ctrs, &k->hostusers, &k->preserve_fd, &k->id_uids, &k->id_gids,
					 &k->chrootdirs};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		drop(strings[i]);
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++)
		pm_strv_free(lists[i]);
	k->env_host = k->autoremove_image = k->pod_cgroup = false;
	k->preserve_fds = k->mapped_dirs = 0;
	k->checkpointed = k->pre_checkpoint = k->checkpoint_log = k->restore_log = false;
	k->restored_time = 0;
	drop_log_path(k);
	for (size_t i = 0; i < k->n_mounts; i++)
		drop(&k->mounts[i].source);
}

static int check_identity(const struct pm_ctr_config *k, struct pm_err *err)
{
	const char *const ids[] = {k->id, k->image_id};
	for (size_t i = 0; i < PM_ARRAY_SIZE(ids); i++)
		if (!ids[i] || strlen(ids[i]) != 64 || strspn(ids[i], "0123456789abcdef") != 64)
			return pm_fail(err, PM_E_FORMAT, "the checkpoint's %s is no id of 64 hex digits",
				       i ? "image" : "container");
	int r = pm_name_check(k->name ? k->name : "", err);
	return r < 0 ? pm_wrap(err, "name of the checkpoint's container") : 0;
}

static int malformed(const char *what, struct pm_err *err)
{
	return pm_fail(err, PM_E_FORMAT, "the checkpoint's configuration has a malformed %s", what);
}

/* What the rest of pm takes for granted, because the options' parser has looked at it. */
static int check_form(struct pm_ctr_config *k, struct pm_err *err)
{
	static const char *const networks[] = {"none", "bridge", "slirp4netns", "pasta"};
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(networks); i++)
		known = known || pm_streq(k->network, networks[i]);
	if (!known)
		return malformed("network", err);
	if (k->stop_signal != PM_UNSET && (k->stop_signal < 1 || k->stop_signal > 64))
		return malformed("stop signal", err);
	for (size_t i = 0; i < k->n_ports; i++) {
		struct pm_ctr_port *p = &k->ports[i];
		if (p->host_port < 0 || p->container_port < 1 || p->range < 1 || p->range > 65535 ||
		    p->container_port + p->range > 65536 || p->host_port + p->range > 65536)
			return malformed("port", err);
		if (!p->protocol)
			p->protocol = pm_strdup("tcp");
	}
	for (size_t i = 0; i < k->n_ulimits; i++)
		if (!k->ulimits[i].name)
			return malformed("limit", err);
	for (size_t i = 0; i < k->n_throttles; i++)
		if (!k->throttles[i].kind || !k->throttles[i].path)
			return malformed("limit of a device", err);
	return 0;
}

/* --- Podman's documents ------------------------------------------------------------------------------ */

static char *text_of(const struct pm_json *o, const char *name)
{
	const char *s = pm_json_get_str(o, name);
	return s && *s ? pm_strdup(s) : NULL;
}

static int list_of(const struct pm_json *o, const char *name, struct pm_strv *ret, struct pm_err *err)
{
	const struct pm_json *l = pm_json_get(o, name);
	if (!pm_json_is(l, PM_JSON_ARRAY))
		return 0;
	int r = pm_json_to_strv(l, ret, err);
	return r < 0 ? pm_wrap(err, "%s", name) : 0;
}

static void map_of(const struct pm_json *o, struct pm_strv *ret)
{
	for (size_t i = 0; pm_json_is(o, PM_JSON_OBJECT) && i < o->len; i++)
		if (pm_json_is(o->members[i].value, PM_JSON_STRING))
			pm_strv_addf(ret, "%s=%s", o->members[i].name, o->members[i].value->string);
}

static int process_of(const struct pm_json *spec, struct pm_ctr_config *k, struct pm_err *err)
{
	const struct pm_json *p = pm_json_get(spec, "process"), *user = pm_json_get(p, "user");
	int r = list_of(p, "args", &k->command, err);
	if (r >= 0)
		r = list_of(p, "env", &k->env, err);
	if (r < 0)
		return r;
	if (!k->command.n)
		return pm_fail(err, PM_E_FORMAT, "the checkpoint's process has no arguments");
	k->workdir = text_of(p, "cwd");
	k->terminal = pm_json_get_bool(p, "terminal", false);
	k->hostname = text_of(spec, "hostname");
	k->user = pm_asprintf("%lld:%lld", (long long)pm_json_get_int(user, "uid", 0),
			      (long long)pm_json_get_int(user, "gid", 0));
	return 0;
}

/* More than the default is refused, less is kept. */
static int caps_of(const struct pm_json *spec, const struct pm_strv *defaults, struct pm_ctr_config *k,
		   struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv has = PM_STRV_INIT;
	const struct pm_json *caps = pm_json_get(pm_json_get(spec, "process"), "capabilities");
	int r = list_of(caps, "bounding", &has, err);
	for (size_t i = 0; r >= 0 && i < has.n; i++)
		if (!pm_strv_has(defaults, has.v[i]))
			pm_strv_add(&k->cap_add, has.v[i]);
	for (size_t i = 0; r >= 0 && i < defaults->n; i++)
		if (!pm_strv_has(&has, defaults->v[i]))
			pm_strv_add(&k->cap_drop, defaults->v[i]);
	return r;
}

static int volumes_of(const struct pm_json *list, struct pm_ctr_config *k, struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *v = pm_json_at(list, i);
		struct pm_ctr_mount *m = pm_ctr_config_add_mount(k);
		m->type = pm_strdup("volume");
		m->name = text_of(v, "volumeName");
		m->dest = text_of(v, "dest");
		int r = list_of(v, "options", &m->options, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_volume_at(const struct pm_ctr_config *k, const char *dest)
{
	for (size_t i = 0; i < k->n_mounts; i++)
		if (pm_streq(k->mounts[i].dest, dest))
			return true;
	return false;
}

/* Other mounts than those that every container has. */
static int mounts_of(const struct pm_json *spec, struct pm_ctr_config *k, struct pm_err *err)
{
	static const char *const usual[] = {
		"/dev/shm", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/run/secrets",
		"/proc", "/dev", "/sys", "/dev/pts", "/dev/mqueue", "/sys/fs/cgroup",
	};
	const struct pm_json *list = pm_json_get(spec, "mounts");
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *v = pm_json_at(list, i);
		const char *dest = pm_json_get_str(v, "destination");
		bool known = !dest || has_volume_at(k, dest);
		for (size_t u = 0; !known && u < PM_ARRAY_SIZE(usual); u++)
			known = strcmp(usual[u], dest) == 0;
		if (known)
			continue;
		struct pm_ctr_mount *m = pm_ctr_config_add_mount(k);
		m->type = text_of(v, "type");
		m->dest = pm_strdup(dest);
		int r = list_of(v, "options", &m->options, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void ports_of(const struct pm_json *list, struct pm_ctr_config *k)
{
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *v = pm_json_at(list, i);
		struct pm_ctr_port *p = pm_ctr_config_add_port(k);
		p->host_ip = text_of(v, "host_ip");
		p->host_port = pm_json_get_int(v, "host_port", 0);
		p->container_port = pm_json_get_int(v, "container_port", 0);
		p->range = pm_json_get_int(v, "range", 1);
		p->protocol = text_of(v, "protocol");
	}
}

static void network_of(const struct pm_json *config, const struct pm_json *spec, struct pm_ctr_config *k)
{
	const struct pm_json *names = pm_json_get(config, "networks");
	const struct pm_json *spaces = pm_json_get(pm_json_get(spec, "linux"), "namespaces");
	bool own = false;
	for (size_t i = 0; i < pm_json_len(spaces); i++)
		own = own || pm_streq(pm_json_get_str(pm_json_at(spaces, i), "type"), "network");
	if (!own) {
		k->network = pm_strdup("host");
	} else if (!pm_json_get_bool(config, "createNetNS", false)) {
		k->network = pm_strdup("none");
	} else {
		k->network = pm_strdup("bridge");
		for (size_t i = 0; pm_json_is(names, PM_JSON_OBJECT) && i < names->len; i++)
			pm_strv_add(&k->networks, names->members[i].name);
		if (!k->networks.n)
			pm_strv_add(&k->networks, "podman");
	}
	ports_of(pm_json_get(config, "newPortMappings"), k);
}

static int from_podman(const struct pm_json *c, const struct pm_json *spec, const struct pm_strv *default_caps,
		       struct pm_ctr_config *k, struct pm_err *err)
{
	k->id = text_of(c, "id");
	k->name = text_of(c, "name");
	k->image_id = text_of(c, "rootfsImageID");
	k->image = text_of(c, "rootfsImageName");
	k->raw_image_name = text_of(c, "rawImageName");
	k->rootfs = text_of(c, "rootfs");
	k->privileged = pm_json_get_bool(c, "privileged", false);
	k->stdin_open = pm_json_get_bool(c, "stdin", false);
	k->shm_size = pm_json_get_int(c, "shmSize", PM_UNSET);
	k->stop_signal = pm_json_get_int(c, "stopSignal", SIGTERM);
	k->stop_timeout = pm_json_get_int(c, "stopTimeout", PM_UNSET);
	k->runtime = text_of(c, "ociRuntime");
	k->log_driver = text_of(c, "logDriver");
	map_of(pm_json_get(c, "labels"), &k->labels);
	k->rm = pm_streq(pm_json_get_str(pm_json_get(spec, "annotations"), "io.podman.annotations.autoremove"),
			 "TRUE");
	network_of(c, spec, k);
	int r = process_of(spec, k, err);
	if (r >= 0)
		r = caps_of(spec, default_caps, k, err);
	if (r >= 0)
		r = volumes_of(pm_json_get(c, "namedVolumes"), k, err);
	return r < 0 ? r : mounts_of(spec, k, err);
}

int pm_checkpoint_config(const struct pm_json *config, const struct pm_json *spec,
			 const struct pm_strv *default_caps, struct pm_ctr_config *ret,
			 struct pm_err *err)
{
	const struct pm_json *own = pm_json_get(config, "pm");
	int r = !pm_json_is(config, PM_JSON_OBJECT) || !pm_json_is(spec, PM_JSON_OBJECT)
			? pm_fail(err, PM_E_FORMAT, "the checkpoint's configuration is no JSON object")
		: own ? pm_ctr_config_from_json(own, ret, err)
		      : from_podman(config, spec, default_caps, ret, err);
	/* the same one again */
	if (r >= 0 && !ret->runtime)
		ret->runtime = text_of(config, "ociRuntime");
	if (r >= 0)
		r = check_identity(ret, err);
	if (r >= 0)
		r = check_grants(ret, err);
	if (r >= 0)
		r = check_form(ret, err);
	if (r >= 0)
		drop_hosts(ret);
	else
		pm_ctr_config_free(ret);
	return r;
}
