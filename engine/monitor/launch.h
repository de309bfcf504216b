/*
 * launch - the launch plan, and pm's side of starting a pm-monitor and talking with it.
 *
 * The monitor gets at fixed descriptors: 3 the control socket, 4 the attach channel, 5 the socket to
 * pm-slirp, 6 a user namespace to join, 7 a mount namespace to join (exec only), 8 and on those for the
 * container; those not wanted are closed. Messages on the control socket (stream, base/wire.h):
 *	monitor -> pm	{event unshared}  {event started, pid}  {event exited, exit_code, oom_killed}
 *			{event error, code, text}: the launch failed, nothing is left
 *	pm -> monitor	{op launch, the plan's entries}  {op acknowledge}: pm sees to the row
 * The monitor shuts its end down when it has cleaned up; for rm the container's files are in the trash by then, and
 * it goes on to delete them. When
 * pm closes its end the container goes on; at its end the monitor executes the plan's clean-up
 * command, unless pm has acknowledged the exit.
 *
 * Order of calls in pm:
 *	pm_monitor_spawn	at once
 *	pm_monitor_map		PM_MONITOR_USERNS_FRESH only
 *	pm_monitor_launch, pm_monitor_wait_started
 *	pm_attach_run(m.attach_fd)			foreground
 *	pm_monitor_wait_exit, pm_monitor_wait_gone	foreground
 *	pm_monitor_close
 *
 * The plan's encoding is private to one version of pm: monitor and pm are of one build. Libc-only.
 */
#ifndef PM_ENGINE_MONITOR_LAUNCH_H
#define PM_ENGINE_MONITOR_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"
#include "engine/cgroup/cgroup.h"
#include "engine/events/eventlog.h"
#include "netns/slirp_client.h"
#include "netns/userns.h"
#include "storage/overlay.h"
#include "storage/volume_mount.h"

enum pm_launch_kind {
	PM_LAUNCH_RUN, /* a container */
	PM_LAUNCH_EXEC, /* a detached process in a running container */
};

enum pm_launch_netns {
	PM_LAUNCH_NET_CONFIG, /* nothing to do: config.json says it all (none, ns:PATH) or it is the
				 host's */
	PM_LAUNCH_NET_LO, /* the monitor makes it, with lo up; config.json names no network
			     namespace */
	PM_LAUNCH_NET_SLIRP, /* the same, with a tap device served by pm-slirp */
	PM_LAUNCH_NET_BRIDGE, /* the monitor makes it, pm-netd connects it to its networks */
	PM_LAUNCH_NET_PASTA, /* the monitor makes it, pasta serves it */
	PM_LAUNCH_NET_JOIN, /* the monitor enters netns_path (inside the user namespace) */
};

enum pm_restart_policy {
	PM_RESTART_NO,
	PM_RESTART_ON_FAILURE,
	PM_RESTART_ALWAYS,
	PM_RESTART_UNLESS_STOPPED, /* as ALWAYS, but at boot */
};

enum pm_notify_mode {
	PM_NOTIFY_IGNORE,
	PM_NOTIFY_CONTAINER,
	PM_NOTIFY_CONMON,
	PM_NOTIFY_HEALTHY,
};

enum pm_health_action {
	PM_HEALTH_NONE,
	PM_HEALTH_KILL,
	PM_HEALTH_RESTART,
	PM_HEALTH_STOP,
};

enum pm_log_driver {
	PM_LOG_DRIVER_NONE,
	PM_LOG_DRIVER_K8S_FILE,
	PM_LOG_DRIVER_JSON_FILE,
	PM_LOG_DRIVER_JOURNALD,
	PM_LOG_DRIVER_PASSTHROUGH, /* the streams of the pm that starts it; nothing is logged */
};

/* "none", "k8s-file", "json-file", "journald", "passthrough". parse: PM_E_USAGE when unknown. */
const char *pm_log_driver_name(enum pm_log_driver d);
int pm_log_driver_parse(const char *name, enum pm_log_driver *ret, struct pm_err *err);

/* A directory made inside the rootfs before the start, with those above it (0755 root); symlinks
 * are followed within the rootfs. An existing one is left as it is. */
struct pm_launch_dir {
	char *path;
	mode_t mode;
	uid_t uid; /* container ids */
	gid_t gid;
};

/* A fresh volume that takes over what the image has at its destination: when host_dir is empty, has no mark
 * `used` beside it and path is a directory in the rootfs, its content, owner and mode are copied; where the
 * image has nothing, it is given to uid:gid. The mark is left in any case. */
struct pm_launch_copyup {
	char *path; /* in the rootfs; "": nothing is copied */
	char *host_dir; /* absolute, exists */
	uid_t uid; /* container ids; (uid_t)-1: the owner stays whatever it is */
	gid_t gid;
};

/* A host directory given, with all below it, to these container ids (volume option U). */
struct pm_launch_chown {
	char *path;
	uid_t uid;
	gid_t gid;
};

/* A health check (or start-up check) that the monitor executes in the container. Times in ms. */
struct pm_launch_check {
	char *process; /* file with the OCI process, in ctr_dir; NULL: none */
	struct pm_strv probe; /* instead of it: see probe.h. Neither: no check */
	int64_t interval; /* between two, from end to start; 0: only when asked for */
	int64_t timeout;
	int64_t start_period; /* failures within it do not count */
	int64_t retries; /* failures in a row until unhealthy; start-up: until a restart, 0: never */
	int64_t successes; /* start-up: in a row until it has passed */
};

/* A file of the tmpfs that is mounted on ctr_dir/secret-fs: its data is in ctr_dir/secrets, under the same path, and
 * is removed there. */
struct pm_launch_secret {
	char *path; /* relative; directories above it are made, 0755 */
	mode_t mode;
	uid_t uid; /* container ids */
	gid_t gid;
};

/* Text for the end of a file in the rootfs, when that is a regular one. */
struct pm_launch_append {
	char *path, *text;
};

/* Strings are owned; NULL where "may be NULL" is said. Zeroed with defaults by pm_launch_plan_init.
 */
struct pm_launch_plan {
	enum pm_launch_kind kind;
	char *id; /* 64 hex digits; exec: the container's */
	char *name; /* for messages */
	char *bundle; /* directory with config.json; exec: may be NULL */
	bool bundle_ready; /* for pm: config.json is written already */

	char *runtime; /* absolute path */
	char *runtime_name; /* "crun", "runc" or another: who knows its state directory */
	struct pm_strv runtime_args; /* global arguments (--runtime-flag), before the subcommand */
	char *runtime_root; /* --root; made when missing */
	char *cgroup_dir; /* the container's own cgroup, absolute: removed after the end; may be NULL */
	/* The pod's group, which gets pod_limits ("FILE=VALUE") before the start; with systemd, which makes it, its
	 * name, and after the start. Without limits NULL. */
	char *pod_group;
	struct pm_strv pod_limits;
	enum pm_cgroup_manager cgroup_manager;
	bool cgroup_private_mount; /* pm_cgroup_private_mount() first */
	struct pm_strv runtime_env; /* environment of the runtime; empty: the monitor's own */
	bool no_pivot; /* --no-pivot */
	bool no_keyring; /* --no-new-keyring */
	bool create_only; /* create it and wait for PM_ATTACH_START on ctl.sock before it is started */
	/* The first start is a restore from the checkpoint in this directory; NULL: it is not. The runtime's and CRIU's
	 * logs go into restore_work; what is in restore_shm (may be NULL) is put into /dev/shm before. */
	char *restore_image, *restore_work, *restore_shm;
	bool restore_tcp, restore_locks;
	char *process; /* exec: the file with the OCI process; removed after the start */

	char *rootfs; /* as config.json's root; exec: may be NULL */
	char *rootfs_cover; /* rootfs lies below this directory of the host, on a tmpfs that is put over it: where a
			     * container's own user namespace reaches it; the files come from rootfs_real. NULL: no */
	char *rootfs_real;
	bool overlay; /* mount it there, as storage/overlay.h says; else it is ready */
	enum pm_overlay_method overlay_method;
	struct pm_strv lowers; /* absolute, bottom first */
	char *upper, *work; /* absolute; may be NULL: read-only. Without overlay upper is the rootfs itself, to be given
			     * to the container's root */
	bool overlay_volatile;
	bool overlay_idmapped; /* layers have the ids of the container's user namespace */
	struct pm_volume_mounts root_mounts; /* the root file system itself, where it is no overlay */
	struct pm_volume_mounts mounts; /* before all that follows */
	struct pm_launch_dir *dirs;
	size_t n_dirs;
	struct pm_launch_copyup *copyups;
	size_t n_copyups;
	struct pm_launch_chown *chowns;
	size_t n_chowns;
	struct pm_launch_secret *secrets;
	size_t n_secrets;
	struct pm_launch_append *appends;
	size_t n_appends;
	/* The container's /dev/shm, a directory made in ctr_dir; NULL: none. A tmpfs of shm_size bytes, or, with
	 * shm_from, what another container's monitor has mounted there. */
	char *shm_dir, *shm_from;
	int64_t shm_size, shm_pid, shm_pid_start;

	/* The container's own user namespace (engine/monitor/nested.h): its maps, "CONTAINER:PARENT:LENGTH" each, or
	 * the path of one to enter. Neither: none. root_uid, root_gid: its root, in the monitor's ids. */
	struct pm_strv userns_uids, userns_gids;
	char *userns_path;
	int64_t root_uid, root_gid;

	enum pm_launch_netns netns;
	char *netns_path; /* JOIN */
	struct pm_slirp_config slirp; /* SLIRP */
	/* PASTA: the program and its options; the address that the host is to have in the container, if this pasta can
	 * map one (NULL: none), or has by the user's option. */
	char *pasta_path, *pasta_guest_addr, *pasta_host_addr;
	struct pm_strv pasta_args;
	/* PASTA: lines for the end of ctr_dir/hosts: the container's names (NULL: no such file), the host's; needed:
	 * the user asked for one of the latter. */
	char *hosts_own;
	struct pm_strv hosts_gateway;
	bool hosts_needed;
	struct pm_strv net_sysctls; /* LO, SLIRP: "net.NAME=VALUE" */

	int64_t timeout; /* seconds until the container is killed; 0: never */
	int64_t preserve_fds; /* so many descriptors from 3 on, as far as they were handed over */

	bool terminal;
	bool stdin_open; /* else stdin is /dev/null */
	bool stdin_once; /* the container's stdin ends with the first client's */
	enum pm_log_driver log_driver;
	char *log_path; /* NULL but for files */
	char *log_fields; /* JOURNALD: the fields that each entry has, as they are sent */
	int64_t log_max_size; /* bytes; <= 0: no limit */
	int64_t log_max_files; /* rotated files kept besides the current one; 0: none */
	char *log_tag; /* json-file: "attrs":{"tag":...}; may be NULL */

	char *ctr_dir; /* runroot/ctr/ID (exec: a directory of its own): live, state, exit,
			* pidfile, attach.sock, ctl.sock; exists */
	enum pm_restart_policy restart;
	int64_t restart_retries; /* ON_FAILURE: at most so many; <= 0: without limit */
	int64_t stop_signal, stop_timeout; /* of stops by the monitor; seconds */

	struct pm_launch_check check, startup;
	enum pm_health_action health_action;
	char *health_log; /* JSON lines, see health.h; may be NULL */
	int64_t health_log_count; /* entries kept, <= 0: all */
	bool health_events; /* the result of each check is an event, with its entry of the log */
	int64_t health_log_size; /* bytes of output kept for each; <= 0: 1 MiB */

	enum pm_notify_mode notify_mode;
	char *notify_socket; /* $NOTIFY_SOCKET; NULL: nobody is to be told */
	int64_t watchdog_usec; /* 0: none */

	char *pidfile; /* --pidfile; may be NULL */
	char *conmon_pidfile; /* --conmon-pidfile; may be NULL */
	char *userns_hint_dir; /* runroot, to publish a fresh default namespace in; may be NULL */

	/* engine/events/eventlog.h, prepared by pm_events_plan */
	enum pm_events_backend events_backend;
	char *events_path; /* may be NULL */
	int64_t events_max_size;
	char *events_head, *events_tail;

	struct pm_strv remove_dirs; /* removed after the exit (rm): absolute, in this order */
	char *trash; /* the store's trash directory: they go there first; NULL: removed where they are */
	/* argv executed last when pm is gone; argv[0] absolute; may be empty */
	struct pm_strv cleanup;
};

/* Is there a check? */
static inline bool pm_launch_has_check(const struct pm_launch_check *c)
{
	return c->process || c->probe.n;
}

#define _cleanup_launch_plan_ _cleanup_(pm_launch_plan_free)

void pm_launch_plan_init(struct pm_launch_plan *p);
void pm_launch_plan_free(struct pm_launch_plan *p);
/* path and others are copied. */
void pm_launch_plan_add_dir(struct pm_launch_plan *p, const char *path, mode_t mode, uid_t uid,
			    gid_t gid);
void pm_launch_plan_add_copyup(struct pm_launch_plan *p, const char *path, const char *host_dir,
			       uid_t uid, gid_t gid);
void pm_launch_plan_add_secret(struct pm_launch_plan *p, const char *path, mode_t mode, uid_t uid,
			       gid_t gid);
void pm_launch_plan_add_chown(struct pm_launch_plan *p, const char *path, uid_t uid, gid_t gid);

void pm_launch_plan_add_append(struct pm_launch_plan *p, const char *path, const char *text);

void pm_launch_plan_encode(const struct pm_launch_plan *p, struct pm_wire *w);
/* ret is set whole (needs no init; free it also after a failure). PM_E_FORMAT. */
int pm_launch_plan_decode(const struct pm_wire *w, struct pm_launch_plan *ret, struct pm_err *err);

/* --- pm's side
 * ------------------------------------------------------------------------------------ */

struct pm_monitor {
	pid_t pid; /* a child of pm; reaped by pm_monitor_close when it has ended */
	bool gone;      /* it has done all it had to: ends at once */
	int control_fd; /* -1 when closed */
	int attach_fd; /* SEQPACKET, see engine/container/attach.h; -1 without */
};

#define PM_MONITOR_INIT                                                                            \
	{                                                                                          \
		.control_fd = -1, .attach_fd = -1                                                  \
	}
#define _cleanup_monitor_ _cleanup_(pm_monitor_close)

/* So many can be handed through at most. */
#define PM_PRESERVE_MAX 512
#define PM_MONITOR_FD_PRESERVED 64
/* Where the monitor keeps the container's own user namespace: /proc/MONITOR/fd/60 names it. */
#define PM_MONITOR_FD_USERNS 60

enum pm_monitor_userns {
	PM_MONITOR_USERNS_NONE, /* root, or inside one already */
	PM_MONITOR_USERNS_FRESH, /* unshare; pm_monitor_map must follow */
	PM_MONITOR_USERNS_JOIN, /* userns_fd */
};

struct pm_monitor_opts {
	enum pm_monitor_userns userns;
	int userns_fd; /* JOIN; else -1. Stays the caller's */
	int mntns_fd; /* exec: the monitor's mount namespace; else -1. Stays the caller's */
	int slirp_fd; /* pm_slirp_spawn's socket, or -1. Stays the caller's: close it after the
			 spawn */
	bool attach; /* make the attach channel */
	bool streams; /* the monitor gets this process's 0, 1 and 2 for the container (passthrough) */
	/* Descriptors of this process from 3 on that the container gets: so many, with preserve_only (may be
	 * NULL) only those whose number is in it. They arrive at PM_MONITOR_FD_PRESERVED and on. */
	int64_t preserve_fds;
	const struct pm_strv *preserve_only;
};

#define PM_MONITOR_OPTS_INIT                                                                       \
	{                                                                                          \
		.userns_fd = -1, .mntns_fd = -1, .slirp_fd = -1                                    \
	}

/* Is fd open, and was it handed down by who executed pm? What pm has opened itself is close-on-exec, and
 * what came through the execution cannot be. */
bool pm_fd_handed_down(int fd);

/* Start pm-monitor. *m must be PM_MONITOR_INIT; close it also after later failures. */
int pm_monitor_spawn(struct pm_monitor *m, const struct pm_monitor_opts *opts, struct pm_err *err);

/* FRESH: wait for the unshare, then write the mapping (3 ms). The two halves let the caller work
 * while newuidmap and newgidmap run; finish must follow a successful start. */
int pm_monitor_map(struct pm_monitor *m, const struct pm_userns_map *map, struct pm_err *err);
int pm_monitor_map_start(struct pm_monitor *m, const struct pm_userns_map *map,
			 struct pm_userns_tools *tools, struct pm_err *err);

/* Send the plan. */
int pm_monitor_launch(struct pm_monitor *m, const struct pm_launch_plan *plan, struct pm_err *err);

/* Wait until the container runs. A failure is the cause's: PM_E_NOTFOUND (127) and PM_E_NOTEXEC
 * (126) for the command, else whatever failed; nothing of the launch is left then but what pm made
 * itself. */
int pm_monitor_wait_started(struct pm_monitor *m, pid_t *ret_pid, struct pm_err *err);

/* Wait for the container's end and acknowledge it: the caller writes it into the row. The monitor
 * may still be cleaning up. PM_E_STATE when the monitor died without telling. ret_oom may be NULL.
 */
int pm_monitor_wait_exit(struct pm_monitor *m, int *ret_exit_code, bool *ret_oom,
			 struct pm_err *err);

/* Wait until the monitor has finished cleaning up (it closes the control socket). */
void pm_monitor_wait_gone(struct pm_monitor *m);

/* Let go: closes both descriptors, reaps the monitor if it has ended, and waits for that only after
 * pm_monitor_wait_gone or a failed launch. A monitor that has no plan yet ends by itself. */
void pm_monitor_close(struct pm_monitor *m);

#endif
