/*
 * spec - the OCI runtime configuration (runtime-spec 1.0.2, config.json) of a container, and what
 * else has to be made before the runtime is executed.
 *
 * pm_spec_generate is a function of the container's config, the image's config and facts about
 * this host and this start; it reads passwd and group of the container through a rootfs view
 * (engine/spec/rootfs.h), and host files (/etc/resolv.conf, /etc/hosts), and changes nothing but
 * the seccomp cache. It runs in pm, outside of the user namespace, before anything is mounted. The
 * result, a plan, is carried out by the caller and the monitor.
 */
#ifndef PM_ENGINE_SPEC_SPEC_H
#define PM_ENGINE_SPEC_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/conf/conf.h"
#include "engine/container/config.h"
#include "engine/spec/rootfs.h"

struct pm_spec_idmap {
	uint32_t container, host, size;
};

struct pm_spec_bind {
	char *source, *dest;
};

enum pm_spec_netns {
	PM_SPEC_NETNS_HOST,    /* the host's */
	PM_SPEC_NETNS_NEW,     /* the runtime makes a fresh one (--network none) */
	PM_SPEC_NETNS_INHERIT, /* the runtime is started in the container's already; "net." sysctls
				* are in the plan for the monitor to write */
	PM_SPEC_NETNS_PATH,    /* join netns_path */
};

enum pm_spec_cgroup {
	PM_SPEC_CGROUP_NONE,    /* the runtime makes none; a limit asked for is PM_E_UNSUPPORTED */
	PM_SPEC_CGROUP_FS,      /* cgroupfs: cgroup_path is a path below the hierarchy's root */
	PM_SPEC_CGROUP_SYSTEMD, /* cgroup_path is "SLICE:PREFIX:NAME" */
};

/* How pm_spec_generate is told of the world. Zeroed is valid apart from the fields marked. */
struct pm_spec_env {
	const struct pm_conf *conf; /* must be set */

	/* Ids. rootless: pm was started by a user other than root, or by
	 * the root of a user namespace. The maps are of the user namespace
	 * the monitor runs the runtime in; n 0: none, every id exists. */
	bool rootless;
	const struct pm_spec_idmap *uids, *gids;
	size_t n_uids, n_gids;
	/* --userns=keep-id: the user is keep_uid, keep_gid in the container. */
	bool keep_id;
	uint32_t keep_uid, keep_gid;
	/* The container has a user namespace of its own, below the runtime's: uids and gids are its maps then.
	 * userns_path names it; NULL: the runtime makes it. */
	bool oci_userns;
	const char *userns_path;

	/* The bundle. */
	const char *rootfs;         /* must be set: path of the root as the runtime will see it */
	const struct pm_rootfs_view *view; /* must be set: the same root, as layers */
	const char *runtime;        /* must be set: path or name; "crun" gets seccomp ready-made */
	const char *seccomp_cache;  /* directory for compiled filters; NULL: compile each time */
	const char *init_path;      /* must be set when config->init: absolute path of pm-init */

	/* Files of this container on the host, bind mounted; NULL: not mounted. */
	const char *run_dir; /* must be set: directory (runroot/ctr/ID) in which the plan's files
			      * hosts, resolv.conf, hostname, .containerenv are to be written */
	const char *notify_dir; /* holds notify.sock: mounted at /run/notify, NOTIFY_SOCKET is set */
	int listen_fds; /* descriptors 3... the container gets, told by LISTEN_FDS; 0: none */
	const char *listen_names; /* LISTEN_FDNAMES; NULL: not told */
	const char *watchdog_usec; /* WATCHDOG_USEC for the container; NULL: none */
	const char *shm;     /* directory that holds the container's /dev/shm (a tmpfs made by the
			      * monitor, or another container's); NULL: the runtime makes one */
	/* Files and directories of the host to be seen at dest, read-only: secrets. */
	/* For each of the config's mounts where it is found instead of its own source, "": there; NULL: none. */
	const struct pm_strv *mount_sources;
	const struct pm_spec_bind *binds;
	size_t n_binds;
	const struct pm_strv *extra_env; /* over the config's env, and no part of it; NULL: none */
	const char *hosts_from, *resolv_from; /* --network container:ID: that container's files are
					       * mounted instead */

	/* Namespaces by "container:ID": path to join; NULL when not of that kind. The caller resolves;
	 * "ns:PATH" is taken from the config. */
	const char *pidns_path, *ipcns_path, *utsns_path, *cgroupns_path;
	const char *uts_hostname; /* the name in the UTS namespace that is joined; NULL: not known */
	enum pm_spec_netns netns;
	const char *netns_path;

	/* Network facts for hosts and resolv.conf. */
	bool slirp;            /* user-mode network: 10.0.2.100, name server 10.0.2.3 */
	bool slirp_ipv6;
	const struct pm_strv *addresses; /* the container's own, for /etc/hosts; NULL: none known */
	const char *host_address; /* of host.containers.internal; NULL: found from the host */
	const struct pm_strv *name_servers; /* of the network; NULL: none */
	bool host_servers;        /* those of the host come after them */
	bool network_dns;         /* they know the networks' names, and forward to those the user gave */
	bool late_addresses;      /* the container's and the host's are known when it has its network only:
				   * hosts ends without their lines, which are told in the plan */

	const struct pm_strv *hooks_dirs, *cdi_dirs; /* NULL: none */

	/* cgroups */
	enum pm_spec_cgroup cgroup;
	const char *cgroup_path; /* NULL: no linux.cgroupsPath */
	bool no_pids_controller; /* the default pids limit is left out */
	bool no_devices_controller; /* no access rules for devices are written; those asked for are refused */
	bool cgroup_v1;          /* the container will see v1 controllers (v1 or hybrid host, as root) */
	bool cgroup_mount_off;   /* do not mount /sys/fs/cgroup at all */

	uint16_t console_rows, console_cols; /* a terminal's first size; 0: none known */

	bool host_is_systemd_init; /* for --systemd: unused when the command is no init */
};

struct pm_spec_file {
	char *path; /* absolute host path, below run_dir */
	char *text;
	size_t len;
	mode_t mode;
};

/* Content of the image at dest to be copied into the volume when that is empty, with the owner and mode
 * of dest put on the volume's root (see struct pm_launch_copyup). */
struct pm_spec_copyup {
	char *volume; /* host path of the volume's _data */
	char *dest;   /* path inside of the container's root; "": nothing is copied (nocopy) */
	uint32_t uid, gid; /* UINT32_MAX: the volume keeps its owner */
};

/* Owner of a host directory to be changed recursively (volume option U), ids of the container. */
struct pm_spec_chown {
	char *path;
	uint32_t uid, gid;
};

/* Text to be added at the end of a regular file of the container's root; nothing when it is none. */
struct pm_spec_append {
	char *path, *text;
};

struct pm_spec_plan {
	char *json; /* config.json, NUL-terminated */
	size_t json_len;
	struct pm_spec_file *files;
	size_t n_files;
	/* Directories inside of the container's root to be made before the runtime starts (by the
	 * monitor, in the user namespace, pm_fs_mkdir_in) with mode 0755, owned by root. */
	struct pm_strv mkdirs;
	struct pm_spec_copyup *copyups;
	size_t n_copyups;
	struct pm_spec_chown *chowns;
	size_t n_chowns;
	struct pm_spec_append *appends;
	size_t n_appends;
	/* late_addresses: the names of the container, and those of the host; NULL: there is no hosts file. */
	char *hosts_own;
	struct pm_strv hosts_gateway;
	bool hosts_needed; /* the user has asked for the host's address (host-gateway) */
	struct pm_strv net_sysctls; /* NAME=VALUE, only with PM_SPEC_NETNS_INHERIT */
	uint32_t uid, gid;          /* of the container's process, in container ids */
};

/* ret must be zeroed. Codes: PM_E_USAGE (the options contradict or name what is not there, as an
 * unknown user), PM_E_UNSUPPORTED (a limit or id this host cannot give), PM_E_FORMAT (hostile
 * image). On failure ret stays zeroed. The plan is freed by the caller. */
int pm_spec_generate(const struct pm_ctr_config *c, const struct pm_spec_env *env,
		     struct pm_spec_plan *ret, struct pm_err *err);
void pm_spec_plan_free(struct pm_spec_plan *p);
#define _cleanup_spec_plan_ _cleanup_(pm_spec_plan_free)

/* The process object for `pm exec`: as the container's own with what the exec options change. user,
 * workdir NULL: the container's. env is added over the container's. The tree belongs to pool. */
int pm_spec_exec_process(const struct pm_ctr_config *c, const struct pm_spec_env *env,
			 const struct pm_strv *argv, const char *user, const char *workdir,
			 const struct pm_strv *extra_env, bool tty, bool privileged,
			 struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

/* c's limits of memory, processor and block devices as members of res, a linux.resources object of
 * runtime-spec (config-linux.md); what is PM_UNSET is left out. PM_E_USAGE: a device limit that is
 * none. */
int pm_spec_limits(struct pm_json_pool *pool, const struct pm_ctr_config *c, struct pm_json *res,
		   struct pm_err *err);

#endif
