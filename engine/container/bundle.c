#include "engine/container/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/attach.h"
#include "engine/container/create.h"
#include "engine/container/mounts.h"
#include "engine/container/health.h"
#include "engine/container/logtag.h"
#include "engine/container/service.h"
#include "engine/container/userns.h"
#include "engine/events/events.h"
#include "engine/network/place.h"
#include "netns/idmap.h"
#include "netns/userns.h"
#include "storage/overlay.h"
#include "storage/stage.h"

/* --- network ------------------------------------------------------------------------------------ */

int pm_network_mode(const struct pm_conf *conf, const char *asked, char **ret, struct pm_err *err)
{
	const char *mode = asked && *asked ? asked : conf->netns;
	if (!mode || strcmp(mode, "private") == 0 || strcmp(mode, "slirp4netns") == 0 ||
	    strcmp(mode, "slirp") == 0 || strcmp(mode, "default") == 0)
		mode = "slirp4netns";

	if (strcmp(mode, "slirp4netns") == 0 || strcmp(mode, "none") == 0 ||
	    strcmp(mode, "host") == 0 || pm_startswith(mode, "container:") ||
	    pm_startswith(mode, "ns:/")) {
		*ret = pm_strdup(mode);
		return 0;
	}
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "network \"%s\" is not supported: choose none, host, slirp4netns[:OPTIONS], "
		       "container:NAME or ns:PATH", mode);
}

bool pm_network_is_slirp(const char *mode)
{
	return mode && strcmp(mode, "slirp4netns") == 0;
}

/* --- namespaces of other containers -------------------------------------------------------------- */

static int join_path(struct pm_engine *e, const char *mode, const char *kind, char **ret,
		     struct pm_err *err)
{
	if (!mode || !pm_startswith(mode, "container:"))
		return 0;
	const char *id = mode + strlen("container:");
	struct pm_ctr_state st;
	int r = pm_ctr_state_read(e->store->runroot_fd, id, &st, err);
	if (r < 0)
		return r;
	if (r == 0 || !pm_ctr_is_up(&st))
		return pm_fail(err, PM_E_STATE,
			       "container %s is not running: its %s namespace cannot be joined", id,
			       kind);
	*ret = pm_asprintf("/proc/%d/ns/%s", (int)st.pid, kind);
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

/* /dev/shm goes with the IPC namespace. The container's own is a tmpfs that its monitor makes in its run
 * directory; that of another container is taken out of its monitor's mount namespace, where nothing
 * is the container's to change. */
static int shared_memory(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			 struct pm_err *err)
{
	const char *mode = c->config.ipcns && *c->config.ipcns ? c->config.ipcns : e->conf.ipcns;
	if (mode && pm_startswith(mode, "container:")) {
		const char *id = mode + strlen("container:");
		struct pm_ctr_state st;
		int r = pm_ctr_state_read(e->store->runroot_fd, id, &st, err);
		if (r < 0)
			return r;
		if (r == 0 || st.monitor <= 0)
			return pm_fail(err, PM_E_STATE,
				       "container %s is not running: its ipc namespace cannot be joined", id);
		b->shm_pid = st.monitor;
		b->shm_pid_start = (int64_t)st.monitor_start;
		b->shm_from = pm_asprintf("%s/ctr/%s/shm", e->store->runroot, id);
		b->shm = pm_asprintf("%s/shm", b->run_dir);
	} else if (!mode || !*mode || strcmp(mode, "shareable") == 0) {
		b->shm_size = c->config.shm_size;
		if (b->shm_size == PM_UNSET &&
		    pm_conf_parse_size(e->conf.shm_size, &b->shm_size, err) < 0)
			return pm_wrap(err, "containers.conf: shm_size");
		b->shm = pm_asprintf("%s/shm", b->run_dir);
	}
	b->env.shm = b->shm;
	return 0;
}

static int namespaces(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		      struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	int r;
	if ((r = join_path(e, k->pidns, "pid", &b->pidns_path, err)) < 0 ||
	    (r = join_path(e, k->ipcns, "ipc", &b->ipcns_path, err)) < 0 ||
	    (r = join_path(e, k->utsns, "uts", &b->utsns_path, err)) < 0 ||
	    (r = join_path(e, k->cgroupns, "cgroup", &b->cgroupns_path, err)) < 0 ||
	    (r = join_path(e, k->network, "net", &b->netns_path, err)) < 0)
		return r;

	struct pm_spec_env *env = &b->env;
	if ((r = shared_memory(e, c, b, err)) < 0)
		return r;
	env->pidns_path = b->pidns_path;
	env->ipcns_path = b->ipcns_path;
	env->utsns_path = b->utsns_path;
	env->cgroupns_path = b->cgroupns_path;
	if (pm_network_is_slirp(k->network)) {
		env->netns = PM_SPEC_NETNS_INHERIT;
		env->slirp = true;
		env->slirp_ipv6 = true;
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
			b->hosts_from = pm_asprintf("%s/ctr/%s/hosts", e->store->runroot, id);
			b->resolv_from = pm_asprintf("%s/ctr/%s/resolv.conf", e->store->runroot, id);
			env->hosts_from = b->hosts_from;
			env->resolv_from = b->resolv_from;
		}
	}
	return 0;
}

/* --- the root file system ------------------------------------------------------------------------ */

static int open_view(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		     struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	if (c->config.rootfs && !c->config.rootfs_overlay) {
		pm_strv_add(&dirs, c->config.rootfs);
	} else {
		_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
		int r = pm_container_lowers(e, c, &lowers, err);
		if (r < 0)
			return r;
		pm_strv_addf(&dirs, "%s/containers/%s/upper", e->store->root, c->row.id);
		for (size_t i = lowers.n; i > 0; i--)
			pm_strv_add(&dirs, lowers.v[i - 1]);
	}

	b->view_fds = pm_calloc(dirs.n, sizeof(int));
	for (size_t i = 0; i < dirs.n; i++) {
		int fd = pm_fs_open(AT_FDCWD, dirs.v[i], O_PATH | O_DIRECTORY, 0, err);
		if (fd < 0)
			return pm_wrap(err, "root of container %s", c->row.name);
		b->view_fds[b->n_view_fds++] = fd;
	}
	b->view = (struct pm_rootfs_view){.dirs = b->view_fds, .n_dirs = b->n_view_fds};
	return 0;
}

/* Can the kernel mount overlays for us? Asked once per boot. */
static int native_works(struct pm_engine *e, struct pm_err *why, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(e->store->runroot_fd, "overlay-native", 16, &b, NULL) >= 0 && b.len > 0)
		return b.data[0] == '1';
	/* in a stage: a probe that is killed is swept */
	_cleanup_stage_ struct pm_stage *stage = NULL;
	int r = pm_stage_new(e->store, &stage, err);
	if (r >= 0)
		r = pm_overlay_probe(stage->path, why, err);
	if (r > 0) /* a refusal is asked for again: it may be mended meanwhile */
		pm_fs_write_file(e->store->runroot_fd, "overlay-native", "1", 1, 0600, false, NULL);
	return r;
}

int pm_bundle_driver(struct pm_engine *e, enum pm_store_driver *ret, struct pm_err *err)
{
	*ret = e->store->driver;
	if (*ret != PM_STORE_AUTO)
		return 0;

	struct pm_err why = PM_ERR_INIT, why_fuse = PM_ERR_INIT;
	int r = native_works(e, &why, err);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = PM_STORE_OVERLAY;
		return 0;
	}
	_cleanup_free_ char *program = NULL;
	if (pm_overlay_find_fuse(&program, &why_fuse) >= 0) {
		*ret = PM_STORE_FUSE;
		return 0;
	}
	pm_warn("storage: copying the image for each container (vfs): the kernel's overlay: %s; "
		"fuse-overlayfs: %s", why.text, why_fuse.text);
	*ret = PM_STORE_VFS;
	return 0;
}

enum pm_overlay_method pm_bundle_overlay_method(enum pm_store_driver driver)
{
	return driver == PM_STORE_VFS	 ? PM_OVERLAY_VFS
	       : driver == PM_STORE_FUSE ? PM_OVERLAY_FUSE
					 : PM_OVERLAY_NATIVE;
}

static int plan_rootfs(struct pm_engine *e, const struct pm_container *c,
		       struct pm_launch_plan *plan, struct pm_err *err)
{
	if (c->config.rootfs && !c->config.rootfs_overlay) {
		plan->rootfs = pm_strdup(c->config.rootfs);
		return 0;
	}
	if (c->config.is_infra && !c->config.image_id) {
		/* nothing below: its own directory, empty but for what the runtime mounts */
		_cleanup_free_ char *own = pm_store_ctr_path(e->store, c->row.id);
		plan->rootfs = pm_path_join(own, "upper");
		return 0;
	}

	enum pm_store_driver driver;
	int r = pm_container_lowers(e, c, &plan->lowers, err);
	if (r >= 0)
		r = pm_ctr_userns_lowers(e, &c->config, &plan->lowers, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0)
		return r;

	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	plan->overlay = true;
	plan->overlay_method = pm_bundle_overlay_method(driver);
	plan->overlay_volatile = c->config.rm;
	plan->rootfs = pm_path_join(dir, "merged");
	plan->upper = pm_path_join(dir, "upper");
	plan->work = pm_path_join(dir, "work");
	return 0;
}

/* --- what engine/spec is told --------------------------------------------------------------------- */

static struct pm_spec_idmap *copy_map(const struct pm_idrange *v, size_t n)
{
	struct pm_spec_idmap *to = pm_calloc(n, sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = (struct pm_spec_idmap){v[i].container, v[i].host, v[i].length};
	return to;
}

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
		return pm_fail(err, PM_E_USAGE, "--cgroup-parent %s: leads out of the hierarchy", given);
	if (pm_streq(k->cgroups, "split")) {
		if (cg->manager == PM_CGROUP_DISABLED || !cg->delegated)
			return pm_fail(err, PM_E_UNSUPPORTED, "--cgroups=split needs the cgroup %s to be "
				       "delegated to this user (in a unit: Delegate=yes)", cg->own);
		*ret = pm_strdup(strcmp(cg->own, "/") == 0 ? "" : cg->own);
	} else if (cg->manager == PM_CGROUP_SYSTEMD) {
		if (given && !slice)
			return pm_fail(err, PM_E_USAGE, "did not receive systemd slice as cgroup parent when "
							"using systemd to manage cgroups");
		*ret = pm_strdup(given ? given : "user.slice");
	} else if (cg->manager == PM_CGROUP_CGROUPFS) {
		if (slice)
			return pm_fail(err, PM_E_USAGE,
				       "systemd slice received as cgroup parent when using cgroupfs");
		*ret = given ? pm_asprintf("%s%s", given[0] == '/' ? "" : "/", given)
			     : pm_strdup(strcmp(cg->path, "/") == 0 ? "" : cg->path);
	}
	return 0;
}

static int set_cgroup(const struct pm_container *c, struct pm_bundle_env *b, struct pm_err *err)
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
		b->cgroup_path = pm_asprintf("%s/libpod-%s%s", parent, split ? "payload-" : "", c->row.id);
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

/* The container's own user namespace: its ids count instead of its parent's. */
static int own_userns(const struct pm_ctr_config *k, struct pm_bundle_env *b, struct pm_err *err)
{
	struct pm_spec_env *env = &b->env;
	_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	env->oci_userns = pm_ctr_userns_own(k);
	int r = pm_idmap_decode(&k->id_uids, &uids, err);
	if (r >= 0)
		r = pm_idmap_decode(&k->id_gids, &gids, err);
	if (r < 0 || !env->oci_userns)
		return r;
	free(b->uids);
	free(b->gids);
	env->uids = b->uids = copy_map(uids.v, uids.n);
	env->gids = b->gids = copy_map(gids.v, gids.n);
	env->n_uids = uids.n;
	env->n_gids = gids.n;
	env->keep_id = k->keep_uid != PM_UNSET;
	env->keep_uid = (uint32_t)k->keep_uid;
	env->keep_gid = (uint32_t)k->keep_gid;
	return 0;
}

/* Where hooks and CDI specifications are: the command line's, containers.conf's, the usual places. Hooks of the
 * usual places are for root: others name theirs. */
static void spec_dirs(struct pm_engine *e, struct pm_bundle_env *b)
{
	static const char *const hooks[] = {"/usr/share/containers/oci/hooks.d",
					    "/etc/containers/oci/hooks.d"};
	static const char *const cdi[] = {"/etc/cdi", "/var/run/cdi"};
	pm_strv_add_all(&b->hooks_dirs, e->hooks_dirs && e->hooks_dirs->n ? e->hooks_dirs->v
								      : e->conf.hooks_dir.v);
	for (size_t i = 0; !b->hooks_dirs.n && !b->env.rootless && i < PM_ARRAY_SIZE(hooks); i++)
		pm_strv_add(&b->hooks_dirs, hooks[i]);
	pm_strv_add_all(&b->cdi_dirs, e->cdi_spec_dirs && e->cdi_spec_dirs->n ? e->cdi_spec_dirs->v
									  : e->conf.cdi_spec_dirs.v);
	for (size_t i = 0; !b->cdi_dirs.n && i < PM_ARRAY_SIZE(cdi); i++)
		pm_strv_add(&b->cdi_dirs, cdi[i]);
	b->env.hooks_dirs = &b->hooks_dirs;
	b->env.cdi_dirs = &b->cdi_dirs;
}

int pm_bundle_env(struct pm_engine *e, const struct pm_container *c,
		  const struct pm_userns_map *map, struct pm_bundle_env *b, struct pm_err *err)
{
	struct pm_spec_env *env = &b->env;
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_engine_cgroup(e, c->config.cgroups, &b->cgroup, err);
	if (r >= 0)
		r = pm_bundle_check_limits(&c->config, &b->cgroup, err);
	if (r >= 0)
		r = pm_conf_runtime(&e->conf, c->config.runtime ? c->config.runtime : e->runtime,
				    &b->runtime, err);
	if (r >= 0)
		r = open_view(e, c, b, err);
	b->run_dir = pm_asprintf("%s/ctr/%s", e->store->runroot, c->row.id);
	if (r >= 0)
		r = namespaces(e, c, b, err);
	if (r < 0)
		return r;

	env->conf = &e->conf;
	spec_dirs(e, b);
	if (map) {
		env->rootless = true;
		b->uids = copy_map(map->uids, map->n_uids);
		b->gids = copy_map(map->gids, map->n_gids);
		env->uids = b->uids;
		env->gids = b->gids;
		env->n_uids = map->n_uids;
		env->n_gids = map->n_gids;
	} else {
		env->rootless = pm_userns_nested();
	}
	r = own_userns(&c->config, b, err);
	if (r < 0)
		return r;
	env->view = &b->view;
	env->runtime = b->runtime;
	env->run_dir = b->run_dir;
	pm_attach_size(&env->console_rows, &env->console_cols);
	b->seccomp_cache = pm_store_run_path(e->store, "seccomp");
	env->seccomp_cache = b->seccomp_cache;
	if (c->config.init) {
		b->init_path = c->config.init_path ? pm_strdup(c->config.init_path)
						   : pm_proc_helper("pm-init");
		env->init_path = b->init_path;
	}
	return set_cgroup(c, b, err);
}

void pm_bundle_env_free(struct pm_bundle_env *b)
{
	for (size_t i = 0; i < b->n_view_fds; i++)
		close(b->view_fds[i]);
	free(b->view_fds);
	pm_secret_binds_free(&b->secrets);
	pm_strv_free(&b->mount_sources);
	free(b->uids);
	free(b->gids);
	pm_cgroup_free(&b->cgroup);
	pm_strv_free(&b->hooks_dirs);
	pm_strv_free(&b->cdi_dirs);
	pm_strv_free(&b->name_servers);
	free(b->address);
	char *strings[] = {b->run_dir,	  b->rootfs,	   b->runtime,	  b->init_path,
			   b->seccomp_cache, b->cgroup_path, b->netns_path, b->pidns_path,
			   b->ipcns_path, b->utsns_path,   b->cgroupns_path, b->hosts_from,
			   b->resolv_from, b->shm, b->shm_from, b->notify_dir,
			   b->userns_path};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		free(strings[i]);
	memset(b, 0, sizeof(*b));
}

/* --- the launch plan ------------------------------------------------------------------------------ */

static int plan_network(const struct pm_container *c, struct pm_launch_plan *plan,
			struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	if (!pm_network_is_slirp(k->network)) {
		plan->netns = pm_network_is_bridge(k->network) ? PM_LAUNCH_NET_BRIDGE
							       : PM_LAUNCH_NET_CONFIG;
		return 0;
	}
	plan->netns = PM_LAUNCH_NET_SLIRP;
	_cleanup_free_ char *options = pm_strv_join(&k->network_options, ",");
	int r = pm_slirp_config_parse(&plan->slirp, options, err);
	if (r >= 0)
		r = pm_place_ports(k, &plan->slirp.ports, err);
	return r;
}

static int plan_log(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		    struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	int r = pm_log_driver_parse(k->log_driver, &plan->log_driver, err);
	if (r < 0)
		return r;
	plan->log_tag = pm_log_tag(c);
	if (plan->log_driver == PM_LOG_DRIVER_JOURNALD) {
		plan->log_fields = pm_log_fields(c, plan->log_tag);
		if (access(PM_JOURNAL_SOCKET, F_OK) < 0)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "log driver journald: no journal runs here (%s is not there)",
				       PM_JOURNAL_SOCKET);
		return 0;
	}
	if (plan->log_driver == PM_LOG_DRIVER_PASSTHROUGH)
		return 0;
	plan->log_path = pm_container_log_path(e, c);
	plan->log_max_size = e->conf.log_size_max;
	const char *v = pm_env_get(&k->log_opts, "max-size");
	if (v && (r = pm_conf_parse_size(v, &plan->log_max_size, err)) < 0)
		return r;
	v = pm_env_get(&k->log_opts, "max-file");
	if (v)
		plan->log_max_files = strtol(v, NULL, 10) - 1;
	return 0;
}

static enum pm_restart_policy restart_policy(const char *word)
{
	return pm_streq(word, "on-failure")	  ? PM_RESTART_ON_FAILURE
	       : pm_streq(word, "always")	  ? PM_RESTART_ALWAYS
	       : pm_streq(word, "unless-stopped") ? PM_RESTART_UNLESS_STOPPED
						  : PM_RESTART_NO;
}

static void plan_life(struct pm_engine *e, const struct pm_ctr_config *k, struct pm_launch_plan *plan)
{
	plan->restart = restart_policy(k->restart_policy);
	plan->restart_retries = k->restart_retries == PM_UNSET ? 0 : k->restart_retries;
	plan->stop_signal = k->stop_signal == PM_UNSET ? SIGTERM : k->stop_signal;
	plan->stop_timeout = k->stop_timeout == PM_UNSET ? e->conf.stop_timeout : k->stop_timeout;
}

/* What the monitor executes last when nobody waits for the container. */
static int plan_cleanup(struct pm_engine *e, const struct pm_container *c,
			struct pm_launch_plan *plan, struct pm_err *err)
{
	char *self = NULL;
	int r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, err);
	if (r < 0)
		return r;
	pm_strv_take(&plan->cleanup, self);
	pm_strv_addf(&plan->cleanup, "--root=%s", e->store->root);
	pm_strv_addf(&plan->cleanup, "--runroot=%s", e->store->runroot);
	if (e->log_level)
		pm_strv_addf(&plan->cleanup, "--log-level=%s", e->log_level);
	pm_strv_add(&plan->cleanup, "container");
	pm_strv_add(&plan->cleanup, "cleanup");
	if (c->config.rm)
		pm_strv_add(&plan->cleanup, "--rm");
	pm_strv_add(&plan->cleanup, c->row.id);
	return 0;
}

/* Whom the monitor gives something of the container's: as its own namespace, the parent, numbers it. */
static uint32_t parent_id(const struct pm_bundle_env *b, bool group, uint32_t id)
{
	const struct pm_spec_idmap *m = group ? b->gids : b->uids;
	size_t n = group ? b->env.n_gids : b->env.n_uids;
	for (size_t i = 0; b->env.oci_userns && i < n; i++)
		if (id >= m[i].container && id - m[i].container < m[i].size)
			return m[i].host + (id - m[i].container);
	return id;
}

/* The plan of a container with a user namespace of its own: the namespace, and owners. */
static int plan_userns(struct pm_start *s, const struct pm_container *c, const struct pm_bundle_env *b,
		       const struct pm_spec_plan *spec, struct pm_launch_plan *plan, struct pm_err *err)
{
	static const char other[] = "container:";
	const struct pm_ctr_config *k = &c->config;
	if (!b->env.oci_userns)
		return 0;
	if (k->userns && pm_startswith(k->userns, "ns:")) {
		plan->userns_path = pm_strdup(k->userns + strlen("ns:"));
	} else if (k->userns && pm_startswith(k->userns, other)) {
		int r = join_path(s->engine, k->userns, "user", &plan->userns_path, err);
		if (r < 0)
			return r;
	}
	pm_strv_add_all(&plan->userns_uids, k->id_uids.v);
	pm_strv_add_all(&plan->userns_gids, k->id_gids.v);
	plan->root_uid = parent_id(b, false, 0);
	plan->root_gid = parent_id(b, true, 0);
	/* files of ours that the container finds in its /etc are its root's */
	for (size_t i = 0; i < spec->n_files; i++)
		pm_launch_plan_add_chown(plan, spec->files[i].path, (uid_t)plan->root_uid,
					 (gid_t)plan->root_gid);
	for (size_t i = 0; i < plan->n_secrets; i++) {
		plan->secrets[i].uid = parent_id(b, false, plan->secrets[i].uid);
		plan->secrets[i].gid = parent_id(b, true, plan->secrets[i].gid);
	}
	for (size_t i = 0; i < plan->n_dirs; i++) {
		plan->dirs[i].uid = (uid_t)plan->root_uid;
		plan->dirs[i].gid = (gid_t)plan->root_gid;
	}
	return 0;
}

static int make_plan(struct pm_start *s, const struct pm_container *c,
		     const struct pm_spec_plan *spec, const struct pm_bundle_env *b,
		     struct pm_launch_plan *plan, struct pm_err *err)
{
	struct pm_engine *e = s->engine;
	const struct pm_ctr_config *k = &c->config;
	const char *slash = strrchr(b->runtime, '/');

	plan->kind = PM_LAUNCH_RUN;
	plan->id = pm_strdup(c->row.id);
	plan->name = pm_strdup(c->row.name);
	plan->bundle = pm_store_ctr_path(e->store, c->row.id);
	plan->runtime = pm_strdup(b->runtime);
	plan->runtime_name = pm_strdup(slash ? slash + 1 : b->runtime);
	plan->runtime_root = pm_store_run_path(e->store, plan->runtime_name);
	plan->cgroup_manager = b->cgroup.manager;
	plan->cgroup_private_mount = b->cgroup.private_mount;
	if (b->cgroup.manager == PM_CGROUP_CGROUPFS)
		plan->cgroup_dir = pm_asprintf("/sys/fs/cgroup%s", b->cgroup_path);

	for (size_t i = 0; i < spec->mkdirs.n; i++)
		pm_launch_plan_add_dir(plan, spec->mkdirs.v[i], 0755, 0, 0);
	for (size_t i = 0; i < spec->n_copyups; i++)
		pm_launch_plan_add_copyup(plan, spec->copyups[i].dest, spec->copyups[i].volume,
					  parent_id(b, false, spec->copyups[i].uid),
					  parent_id(b, true, spec->copyups[i].gid));
	for (size_t i = 0; i < spec->n_chowns; i++)
		pm_launch_plan_add_chown(plan, spec->chowns[i].path,
					 parent_id(b, false, spec->chowns[i].uid),
					 parent_id(b, true, spec->chowns[i].gid));
	for (size_t i = 0; i < spec->n_appends; i++)
		pm_launch_plan_add_append(plan, spec->appends[i].path, spec->appends[i].text);
	pm_strv_add_all(&plan->net_sysctls, spec->net_sysctls.v);
	plan->shm_dir = pm_strdup_null(b->shm);
	plan->shm_pid = b->shm_pid;
	plan->shm_pid_start = b->shm_pid_start;
	plan->shm_from = pm_strdup_null(b->shm_from);
	plan->shm_size = b->shm_size;
	for (size_t i = 0; e->runtime_flags && i < e->runtime_flags->n; i++)
		pm_strv_addf(&plan->runtime_args, "--%s", e->runtime_flags->v[i]);
	plan->no_pivot = e->conf.no_pivot_root;
	plan->no_keyring = !e->conf.keyring;
	plan->timeout = k->timeout != PM_UNSET ? k->timeout : 0;
	plan->preserve_fds = k->preserve_fds + pm_service_listen_fds();

	plan->terminal = k->terminal;
	plan->stdin_open = k->stdin_open;
	plan->stdin_once = k->stdin_open;
	plan->pidfile = pm_strdup_null(k->pid_file);
	plan->conmon_pidfile = pm_strdup_null(k->conmon_pid_file);
	if (s->fresh)
		plan->userns_hint_dir = pm_strdup(e->store->runroot);
	if (k->rm)
		pm_strv_add(&plan->remove_dirs, plan->bundle);

	int r = plan_userns(s, c, b, spec, plan, err);
	if (r >= 0)
		r = plan_network(c, plan, err);
	if (r >= 0)
		r = plan_log(e, c, plan, err);
	plan_life(e, k, plan);
	r = r < 0 ? r : pm_service_plan(k, plan, err);
	if (r >= 0)
		r = pm_health_plan(e, c, &b->env, plan, err);
	if (r >= 0)
		r = pm_events_plan(e, c, plan, err);
	if (r >= 0)
		r = plan_cleanup(e, c, plan, err);
	return r;
}

/* --- secrets ---------------------------------------------------------------------------------------- */

static int plan_secrets(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			struct pm_launch_plan *plan, struct pm_err *err)
{
	plan->ctr_dir = pm_strdup(b->run_dir);
	int r = pm_secret_plan(e, c, plan, &b->secrets, err);
	b->env.binds = b->secrets.v;
	b->env.n_binds = b->secrets.n;
	return r;
}

/*
 * Secrets as variables: the config.json that has them is the bundle's, in runroot; the one in the graph root, for
 * whoever wants to know how the container was started, is without.
 */
static int hide_env(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		    const struct pm_spec_plan *spec, struct pm_launch_plan *plan, struct pm_err *err)
{
	_cleanup_(pm_secret_env_wipe) struct pm_strv env = PM_STRV_INIT;
	_cleanup_spec_plan_ struct pm_spec_plan with = {0};
	_cleanup_free_ char *name = pm_asprintf("ctr/%s/bundle", c->row.id);
	int r = pm_secret_env(e, c, &env, err);
	if (r < 0 || env.n == 0)
		return r;
	b->env.extra_env = &env;
	r = pm_spec_generate(&c->config, &b->env, &with, err);
	b->env.extra_env = NULL;
	if (r < 0)
		return r;
	_cleanup_close_ int dir = pm_store_run_dir(e->store, name, err);
	r = dir < 0 ? dir
		    : pm_fs_write_file(dir, "config.json", with.json, with.json_len, 0600, false, err);
	explicit_bzero(with.json, with.json_len);
	if (r >= 0)
		r = pm_fs_write_file(AT_FDCWD, pm_bundle_config_path(plan), spec->json, spec->json_len,
				     0600, false, err);
	free(plan->bundle);
	plan->bundle = pm_store_run_path(e->store, name);
	plan->bundle_ready = true;
	return r;
}

/* --- where the root file system lies ------------------------------------------------------------------- */

static bool lies_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return path && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* A container's own user namespace may not have the user, and then does not reach the store: choose a
 * directory for the root file system that everybody reaches and that nothing of the start is below. Where there
 * is none it stays, as is right with keep-id. */
static void cover_rootfs(struct pm_engine *e, const struct pm_container *c,
			 struct pm_launch_plan *plan)
{
	static const char *const dirs[] = {"/mnt", "/media", "/srv", "/opt", "/boot", "/usr/games"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(dirs); i++) {
		const char *dir = dirs[i];
		struct stat st;
		bool free_ = lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & S_IXOTH) &&
			     !lies_below(e->store->root, dir) && !lies_below(e->store->runroot, dir) &&
			     !lies_below(plan->rootfs, dir) && !lies_below(plan->runtime, dir) &&
			     !lies_below(c->config.init_path, dir);
		for (size_t k = 0; k < c->config.n_mounts && free_; k++)
			free_ = !lies_below(c->config.mounts[k].source, dir);
		if (!free_)
			continue;
		plan->rootfs_cover = pm_strdup(dir);
		plan->rootfs_real = plan->rootfs;
		plan->rootfs = pm_asprintf("%s/rootfs", dir);
		return;
	}
}

int pm_bundle_make(struct pm_start *s, const struct pm_container *c, struct pm_spec_plan *spec,
		   struct pm_launch_plan *plan, struct pm_volume_locks *locks, struct pm_err *err)
{
	_cleanup_bundle_env_ struct pm_bundle_env b = {0};
	int r = pm_bundle_env(s->engine, c, s->in_userns ? &s->map : NULL, &b, err);
	if (r >= 0)
		r = plan_rootfs(s->engine, c, plan, err);
	if (r >= 0)
		r = pm_volume_plan_container(s->engine, c, &plan->mounts, locks, err);
	if (r >= 0)
		r = pm_mounts_prepare(s->engine, c, &plan->mounts, &b.mount_sources, err);
	if (r < 0)
		return r;
	if (b.env.oci_userns) {
		cover_rootfs(s->engine, c, plan);
		b.userns_path = pm_asprintf("/proc/%d/fd/%d", s->monitor.pid, PM_MONITOR_FD_USERNS);
		b.env.userns_path = b.userns_path;
	}
	b.env.rootfs = plan->rootfs;
	if (pm_streq(c->config.cgroups, "split")) {
		/* a group with processes gets no controllers for those below it */
		const pid_t pids[] = {getpid(), s->monitor.pid};
		r = pm_cgroup_move(b.cgroup.own, "supervisor", pids, PM_ARRAY_SIZE(pids), err);
		if (r < 0)
			return r;
	}
	b.env.mount_sources = b.mount_sources.n ? &b.mount_sources : NULL;
	pm_place_files(&s->netd, &b.name_servers, &b.address);
	b.env.name_servers = &b.name_servers;
	b.env.address = b.address;
	r = pm_service_env(&c->config, &b.env, &b.notify_dir, err);
	if (r >= 0)
		r = plan_secrets(s->engine, c, &b, plan, err);
	if (r >= 0)
		r = pm_spec_generate(&c->config, &b.env, spec, err);
	if (r >= 0)
		r = make_plan(s, c, spec, &b, plan, err);
	if (r >= 0 && c->config.secrets.n)
		r = hide_env(s->engine, c, &b, spec, plan, err);
	return r;
}

const char *pm_bundle_config_path(const struct pm_launch_plan *plan)
{
	static char path[4200];
	snprintf(path, sizeof(path), "%s/config.json", plan->bundle);
	return path;
}
