#include "engine/container/bundle_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/network/place.h"

/* The state of that container, looked at once: as a rule all that is joined is one container's. */
static int joined_state(struct pm_engine *e, struct pm_bundle_env *b, const char *id, struct pm_err *err)
{
	if (pm_streq(b->joined_id, id))
		return 0;
	snprintf(b->joined_id, sizeof(b->joined_id), "%s", id);
	memset(&b->joined, 0, sizeof(b->joined));
	int r = pm_ctr_state_read(e->store->runroot_fd, id, &b->joined, err);
	return r < 0 ? r : 0;
}

int pm_bundle_join(struct pm_engine *e, struct pm_bundle_env *b, const char *mode, const char *kind,
		   char **ret, struct pm_err *err)
{
	if (!mode || !pm_startswith(mode, "container:"))
		return 0;
	const char *id = mode + strlen("container:");
	int r = joined_state(e, b, id, err);
	if (r < 0)
		return r;
	if (!pm_ctr_is_up(&b->joined))
		return pm_fail(err, PM_E_STATE,
			       "container %s is not running: its %s namespace cannot be joined", id,
			       kind);
	*ret = pm_asprintf("/proc/%d/ns/%s", (int)b->joined.pid, kind);
	return 0;
}

/* The container whose run directory has the files of the network that mode, "container:ID", joins: it may join
 * another's itself. The caller frees *ret. */
static int network_owner(struct pm_engine *e, const char *mode, char **ret, struct pm_err *err)
{
	_cleanup_free_ char *id = pm_strdup(mode + strlen("container:"));
	for (;;) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		int r = pm_container_load(e, id, &c, err);
		if (r < 0)
			return r;
		if (!c.config.network || !pm_startswith(c.config.network, "container:"))
			break;
		free(id);
		id = pm_strdup(c.config.network + strlen("container:"));
	}
	*ret = pm_steal(&id);
	return 0;
}

/* That file of the namespace's owner; NULL: it has none (--network none, --no-hosts, --dns none). */
static char *owners_file(struct pm_engine *e, const char *id, const char *name)
{
	_cleanup_free_ char *path = pm_asprintf("%s/ctr/%s/%s", e->store->runroot, id, name);
	return access(path, F_OK) == 0 ? pm_steal(&path) : NULL;
}

/* /dev/shm goes with the IPC namespace. The container's own is a tmpfs that its monitor mounts, in its mount namespace, where
 * every monitor does; that of another container is taken out of its monitor's mount namespace, where nothing
 * is the container's to change. */
static int shared_memory(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			 struct pm_err *err)
{
	const char *mode = c->config.ipcns && *c->config.ipcns ? c->config.ipcns : e->conf.ipcns;
	if (mode && pm_startswith(mode, "container:")) {
		const char *id = mode + strlen("container:");
		int r = joined_state(e, b, id, err);
		if (r < 0)
			return r;
		if (b->joined.monitor <= 0)
			return pm_fail(
				err, PM_E_STATE,
				"container %s is not running: its ipc namespace cannot be joined",
				id);
		b->shm_pid = b->joined.monitor;
		b->shm_pid_start = (int64_t)b->joined.monitor_start;
		b->shm_from = pm_store_run_path(e->store, "shm");
		b->shm = pm_strdup(b->shm_from);
	} else if (!mode || !*mode || strcmp(mode, "shareable") == 0) {
		b->shm_size = c->config.shm_size;
		if (b->shm_size == PM_UNSET &&
		    pm_conf_parse_size(e->conf.shm_size, &b->shm_size, err) < 0)
			return pm_wrap(err, "containers.conf: shm_size");
		b->shm = pm_store_run_path(e->store, "shm");
	}
	b->env.shm = b->shm;
	return 0;
}

/* The name that the owner of a joined UTS namespace gave it at its start; NULL: it tells none. */
static char *joined_hostname(struct pm_engine *e, const char *mode)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (!mode || !pm_startswith(mode, "container:"))
		return NULL;
	_cleanup_free_ char *path = owners_file(e, mode + strlen("container:"), "hostname");
	if (!path || pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		return NULL;
	const char *text = pm_buf_str(&b);
	return pm_strndup(text, strcspn(text, "\n"));
}

int pm_bundle_namespaces(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			 struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	int r;
	if ((r = pm_bundle_join(e, b, k->pidns, "pid", &b->pidns_path, err)) < 0 ||
	    (r = pm_bundle_join(e, b, k->ipcns, "ipc", &b->ipcns_path, err)) < 0 ||
	    (r = pm_bundle_join(e, b, k->utsns, "uts", &b->utsns_path, err)) < 0 ||
	    (r = pm_bundle_join(e, b, k->cgroupns, "cgroup", &b->cgroupns_path, err)) < 0 ||
	    (r = pm_bundle_join(e, b, k->network, "net", &b->netns_path, err)) < 0)
		return r;

	struct pm_spec_env *env = &b->env;
	if ((r = shared_memory(e, c, b, err)) < 0)
		return r;
	env->pidns_path = b->pidns_path;
	env->ipcns_path = b->ipcns_path;
	env->utsns_path = b->utsns_path;
	b->uts_hostname = joined_hostname(e, k->utsns);
	env->uts_hostname = b->uts_hostname;
	env->cgroupns_path = b->cgroupns_path;
	if (pm_network_is_slirp(k->network)) {
		env->netns = PM_SPEC_NETNS_INHERIT;
		env->slirp = true;
		env->slirp_ipv6 = true;
	} else if (pm_network_is_pasta(k->network)) {
		env->netns = PM_SPEC_NETNS_INHERIT;
		env->host_servers = env->late_addresses = true;
		_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
		r = pm_place_ports(k, &ports, err);
		if (r >= 0)
			r = pm_pasta_plan(&e->conf.pasta_options, &k->network_options, &ports, &b->pasta,
					  err);
		if (r < 0)
			return r;
		env->name_servers = &b->pasta.name_servers;
	} else if (pm_network_is_bridge(k->network)) {
		env->netns = PM_SPEC_NETNS_INHERIT;
	} else if (strcmp(k->network, "host") == 0) {
		env->netns = PM_SPEC_NETNS_HOST;
	} else if (strcmp(k->network, "none") == 0) {
		env->netns = PM_SPEC_NETNS_NEW;
	} else {
		env->netns = PM_SPEC_NETNS_PATH;
		env->netns_path = b->netns_path ? b->netns_path : k->network + strlen("ns:");
		if (b->netns_path) {
			_cleanup_free_ char *id = NULL;
			r = network_owner(e, k->network, &id, err);
			if (r < 0)
				return r;
			b->hosts_from = owners_file(e, id, "hosts");
			b->resolv_from = owners_file(e, id, "resolv.conf");
			env->hosts_from = b->hosts_from;
			env->resolv_from = b->resolv_from;
		}
	}
	return 0;
}
