/*
 * bundle - what one start of a container consists of: the OCI configuration (engine/spec) and the launch
 * plan for the monitor (engine/monitor/launch.h), both made from the container's config, the store's
 * paths and what this host can do. Decides the storage driver, the network mode, the cgroup manager and the
 * runtime. Executes nothing but, for the vfs driver, the first copy of the image. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_BUNDLE_H
#define PM_ENGINE_CONTAINER_BUNDLE_H

#include "base/err.h"
#include "engine/container/container.h"
#include "engine/container/start.h"
#include "engine/monitor/launch.h"
#include "engine/network/pasta.h"
#include "engine/network/place.h"
#include "engine/secret/use.h"
#include "engine/spec/spec.h"
#include "engine/volume/plan.h"

/* spec and locks must be zeroed, plan init'ed; all are the caller's to free, also after a failure: the locks
 * (of volumes that are mounted) when the container runs. */
int pm_bundle_make(struct pm_start *s, const struct pm_container *c, struct pm_spec_plan *spec,
		   struct pm_launch_plan *plan, struct pm_volume_locks *locks, struct pm_err *err);

/* plan's bundle directory + "/config.json"; valid until the next call. */
const char *pm_bundle_config_path(const struct pm_launch_plan *plan);

/* The mode that a --network argument (NULL: none given) and containers.conf come to: "none", "host",
 * "slirp4netns", "pasta", "container:ID" or "ns:PATH". What pm does not do is PM_E_UNSUPPORTED by name. The
 * caller frees *ret. */
int pm_network_mode(const struct pm_conf *conf, const char *asked, char **ret, struct pm_err *err);

/* Does this mode need pm-slirp? */
bool pm_network_is_slirp(const char *mode);

/* What engine/spec has to know of the host for container c (and exec in it). lists holds what env points
 * to; free it with pm_bundle_env_free. */
struct pm_bundle_env {
	struct pm_spec_env env;
	struct pm_rootfs_view view;
	int *view_fds;
	size_t n_view_fds;
	struct pm_spec_idmap *uids, *gids;
	struct pm_cgroup cgroup;
	struct pm_strv hooks_dirs, cdi_dirs;
	struct pm_secret_binds secrets;
	char *notify_dir;
	struct pm_strv mount_sources;
	char *run_dir, *rootfs, *runtime, *init_path, *seccomp_cache, *cgroup_path;
	char *cgroup_parent; /* what the group called cgroup_path is made in */
	char *netns_path, *pidns_path, *ipcns_path, *utsns_path, *cgroupns_path, *uts_hostname;
	char joined_id[65];         /* the container whose namespaces are joined */
	struct pm_ctr_state joined; /* its state; all zero: it is not up */
	char *hosts_from, *resolv_from, *shm, *shm_from, *userns_path;
	struct pm_place_files files; /* of its bridge networks */
	struct pm_pasta pasta;       /* of network mode pasta */
	int64_t shm_size, shm_pid, shm_pid_start; /* of the monitor that has shm_from */
};

#define _cleanup_bundle_env_ _cleanup_(pm_bundle_env_free)

/* b must be zeroed; it is to be freed also after a failure. map may be NULL: no user namespace. */
int pm_bundle_env(struct pm_engine *e, const struct pm_container *c,
		  const struct pm_userns_map *map, struct pm_bundle_env *b, struct pm_err *err);
void pm_bundle_env_free(struct pm_bundle_env *b);

/* The slice of systemd's that the containers of k's pod are in; NULL: there is none. The caller frees. */
char *pm_bundle_pod_slice(struct pm_engine *e, const struct pm_ctr_config *k);

/* The storage driver that containers get: the store's, or the best that works here (the answer "native"
 * is remembered in runroot until reboot). Warns when it can only be vfs. */
int pm_bundle_driver(struct pm_engine *e, enum pm_store_driver *ret, struct pm_err *err);
enum pm_overlay_method pm_bundle_overlay_method(enum pm_store_driver driver);

#endif
