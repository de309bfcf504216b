/*
 * config - what a container is: the user's options and the image's defaults, resolved.
 *
 * Made once by `pm create` (or run), never changed while the container lives but by `pm update`,
 * rename and the like. Kept as one JSON document in the container's row (pm_ctr_config_to_json);
 * the document has a "version" member, members equal to their default are left out, and members
 * that this version does not know are ignored on reading, so that adding a field needs no
 * migration: add it to the struct and to the table in config.c.
 *
 * Strings are owned by the record; NULL or an empty list means "not given". Numbers that may be
 * missing hold PM_UNSET. Runs in pm only.
 */
#ifndef PM_ENGINE_CONTAINER_CONFIG_H
#define PM_ENGINE_CONTAINER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define PM_CTR_CONFIG_VERSION 1
#define PM_UNSET INT64_MIN

/* A mount asked for by -v, --mount, --tmpfs or the image. */
struct pm_ctr_mount {
	char *type;   /* "bind", "volume", "tmpfs", "devpts", "ramfs", "image" */
	char *name;   /* volume: its name; image: as given */
	char *source; /* bind: absolute host path; volume: host path of its _data; image: its id */
	char *subpath; /* volume, image: only this part of it; NULL: all */
	char *dest;   /* absolute, cleaned */
	struct pm_strv options; /* as given: "ro", "z", "U", "rshared", "size=1m", "nocopy", ... */
	bool anonymous;         /* volume: made for this container, goes with `rm -v` and --rm */
	bool from_image;        /* declared by the image's VOLUME */
	bool owned;             /* volume: made with an owner of its own, which it keeps */
	char *driver;           /* volume, for its creation: NULL is local */
	struct pm_strv driver_options, labels; /* the same, "NAME=VALUE" */
};

struct pm_ctr_port {
	char *host_ip;          /* NULL: all addresses */
	int64_t host_port;      /* 0 before one is chosen */
	int64_t container_port; /* first of range */
	int64_t range;          /* number of ports, at least 1 */
	char *protocol;         /* "tcp", "udp", "sctp" */
};

struct pm_ctr_ulimit {
	char *name; /* "nofile", lower case without RLIMIT_ */
	int64_t soft, hard; /* -1: unlimited */
};

/* --device HOST[:CONTAINER[:PERM]] */
struct pm_ctr_device {
	char *host, *container;
	char *perm; /* subset of "rwm" */
};

/* --blkio-weight-device, --device-read-bps and so on */
struct pm_ctr_throttle {
	char *kind; /* "weight", "read_bps", "write_bps", "read_iops", "write_iops" */
	char *path; /* of the block device on the host */
	int64_t rate;
};

struct pm_ctr_config {
	/* who */
	char *id;   /* 64 hex digits */
	char *name;
	char *image;          /* full name, as docker.io/library/busybox:latest; NULL with --rootfs */
	char *image_id;       /* hex, no "sha256:" */
	char *raw_image_name; /* as the user typed it */
	char *rootfs;         /* --rootfs: absolute path; NULL otherwise */
	char *rootfs_idmap; /* --rootfs DIR:idmap[=VALUE]: the value, "" for the container's ids; NULL: no */
	bool rootfs_overlay;  /* --rootfs PATH:O: what is changed is kept with the container */
	int64_t created;      /* ns since the epoch */
	struct pm_strv create_command; /* argv of the pm that made it */
	struct pm_strv labels;         /* NAME=VALUE, image's first */
	struct pm_strv annotations;    /* NAME=VALUE */

	/* process */
	struct pm_strv entrypoint; /* resolved */
	struct pm_strv command;    /* resolved; arguments of the entrypoint */
	struct pm_strv env;        /* resolved: image's, containers.conf's, then the user's */
	bool env_host;             /* this process's whole environment below the image's */
	struct pm_strv env_unset;  /* --unsetenv: defaults that are not set either */
	bool env_unset_all;        /* --unsetenv-all: none is */
	char *user;                /* as given, or the image's; NULL: root */
	struct pm_strv groups;     /* --group-add: names, ids or "keep-groups" */
	char *workdir;             /* resolved: -w or the image's; NULL: / */
	bool workdir_made;         /* it is the image's: made when it is not there */
	char *hostname;            /* --hostname; NULL: first 12 of id, or the host's with --uts host */
	char *umask;               /* octal, as "0022" */
	char *timezone;            /* --tz: a zone's name or "local" */
	bool terminal, stdin_open;
	bool init;                 /* --init */
	char *init_path;           /* another init than pm-init */
	char *systemd;             /* "true", "false", "always"; NULL: true */
	int64_t stop_signal;       /* number; PM_UNSET: SIGTERM */
	int64_t stop_timeout;      /* seconds; PM_UNSET: containers.conf's (10) */
	int64_t timeout;           /* --timeout: seconds until it is killed; PM_UNSET: never */
	char *detach_keys;
	bool http_proxy_off;       /* --http-proxy=false, or containers.conf's http_proxy */
	int64_t preserve_fds;      /* so many descriptors from 3 on are the process's, too */
	struct pm_strv preserve_fd; /* --preserve-fd: these, by number; preserve_fds reaches the last */
	bool passwd_off;           /* --passwd=false: no entries are added to /etc/passwd and group */
	char *passwd_entry, *group_entry; /* templates of the entries added */
	struct pm_strv hostusers;  /* --hostuser: users of the host to be added */
	char *personality;         /* "LINUX" or "LINUX32" */
	int64_t oom_score_adj;
	char *sdnotify;            /* "container", "conmon", "ignore" */
	char *pid_file, *conmon_pid_file, *cidfile;

	/* files */
	struct pm_ctr_mount *mounts;
	size_t n_mounts;
	char *image_volume; /* how VOLUMEs of the image are made: "anonymous" (NULL), "tmpfs", "ignore" */
	int64_t storage_size, storage_inodes; /* at most, of its own files; 0: no limit; PM_UNSET: the store's */
	bool read_only;
	bool read_only_tmpfs_off; /* --read-only-tmpfs=false */
	int64_t shm_size;         /* bytes; PM_UNSET: containers.conf's (64 MiB) */
	int64_t shm_size_systemd; /* of the tmpfs mounts for systemd; PM_UNSET: the kernel's default */
	struct pm_strv chrootdirs; /* directories that get hosts, resolv.conf and the like, too */
	struct pm_ctr_device *devices;
	size_t n_devices;
	struct pm_strv device_cgroup_rules;
	bool no_hosts, no_hostname; /* /etc/hosts and /etc/hostname are the image's */
	char *hosts_file; /* base of /etc/hosts: a path, "none", "image"; NULL: containers.conf's */

	/* network: mode is "none", "host", "slirp4netns", "private", "bridge", "pasta",
	 * "container:ID" or "ns:PATH"; NULL: containers.conf's */
	char *network;
	struct pm_strv network_options; /* after the colon: "port_handler=...", "mtu=..." */
	struct pm_strv networks;        /* bridge: places, in order (engine/network/place.h) */
	struct pm_strv egress;          /* --egress as given */
	struct pm_ctr_port *ports;
	size_t n_ports;
	struct pm_strv expose;  /* "80/tcp", user's and image's */
	bool publish_all;
	struct pm_strv dns, dns_search, dns_options;
	struct pm_strv add_hosts; /* "NAME:ADDRESS" */

	/* security */
	bool privileged;
	struct pm_strv cap_add, cap_drop; /* as given: "NET_ADMIN", "cap_net_admin", "all" */
	struct pm_strv volumes_from; /* --volumes-from as given; what came of it is in mounts */
	struct pm_strv security_opt; /* "seccomp=FILE", "no-new-privileges", "label=...", "mask=...",
				      * "unmask=...", "apparmor=...", "proc-opts=..." */
	char *seccomp_policy; /* "default" (NULL) or "image": the profile in the image's label */
	struct pm_ctr_ulimit *ulimits;
	size_t n_ulimits;
	struct pm_strv sysctls; /* NAME=VALUE */

	/* namespaces: "", "private", "host", "container:ID", "ns:PATH", and for ipc "shareable",
	 * "none"; for userns "auto...", "keep-id...", "nomap"; NULL: containers.conf's */
	char *pidns, *ipcns, *utsns, *cgroupns, *userns;
	struct pm_strv uid_map, gid_map; /* --uidmap, --gidmap as given */
	char *subuidname, *subgidname;   /* names in /etc/subuid and /etc/subgid */
	/* What all of it came to when the container was made: "CONTAINER:PARENT:LENGTH" (netns/idmap.h), the parent
	 * being the user namespace of monitors (root: the host). Empty: the container is in that itself. */
	struct pm_strv id_uids, id_gids;
	/* A build's container with such ids, whose image grew (engine/build/worker.h): the image that it began with, and how many
	 * directories of its own lie on that. */
	char *mapped_image;
	int64_t mapped_dirs;
	bool idmapped; /* the layers below are mounted with these ids, not copied; the upper has the parent's */
	int64_t keep_uid, keep_gid; /* keep-id: who the user is in the container; PM_UNSET */

	/* cgroups and limits */
	char *cgroups;       /* "enabled", "disabled", "no-conmon", "split"; NULL: enabled */
	char *cgroup_parent;
	int64_t memory, memory_reservation, memory_swap; /* bytes; memory_swap -1: unlimited */
	int64_t memory_swappiness, kernel_memory;
	bool oom_kill_disable;
	int64_t cpu_shares, cpu_quota, cpu_period;       /* --cpus is turned into quota and period */
	int64_t cpu_rt_runtime, cpu_rt_period;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* 0 or -1: unlimited; PM_UNSET: containers.conf's */
	int64_t blkio_weight;
	struct pm_ctr_throttle *throttles;
	size_t n_throttles;
	struct pm_strv cgroup_conf; /* KEY=VALUE of cgroup v2 files */

	/* life */
	char *log_driver; /* resolved: "k8s-file", "json-file", "none", "passthrough" */
	char *log_path;
	struct pm_strv log_opts; /* NAME=VALUE: max-size, tag */
	char *runtime;           /* --runtime NAME or PATH; NULL: containers.conf's */
	char *restart_policy;    /* "no", "on-failure", "always", "unless-stopped" */
	int64_t restart_retries; /* PM_UNSET: without limit */
	bool rm;
	char *pod; /* id of its pod */
	bool is_infra;
	bool pod_cgroup;           /* its cgroup is below its pod's */
	char *init_ctr;            /* --init-ctr: "always", "once"; NULL: an ordinary container */
	struct pm_strv requires_ctrs; /* --requires: ids */
	struct pm_strv secrets;       /* engine/secret/use.h: "id=...,name=...,...", never data */
	char *healthcheck;            /* JSON as in an image's config; NULL: none */
	char *startup_healthcheck;    /* the same, with Successes */
	char *health_on_failure;      /* "none" (NULL), "kill", "restart", "stop" */
	char *health_log_destination; /* "local" (NULL), "events_logger" or an absolute directory */
	int64_t health_max_log_count, health_max_log_size; /* PM_UNSET: 5 entries, 500 bytes */
	bool detached;                /* `run -d`: for inspect's annotations only */
	bool autoremove_image;        /* `run --rmi` */
	char *pull_policy;

	/* an image is made in it (engine/build/worker.h): "build" or "own"; NULL: it is an ordinary container */
	char *working;
	char *image_document; /* working: the image's configuration as it is to be, JSON */
	/* its checkpoint (engine/container/checkpoint.h), which a start from nothing forgets */
	int64_t checkpoint_time; /* a whole one is there, of then; 0: none */
	bool checkpointed;       /* the container ended by it */
	bool pre_checkpoint;     /* its memory was dumped before */
	int64_t restored_time;   /* it runs on from one since then; 0: it does not */
	bool checkpoint_log, restore_log; /* CRIU's are kept */
};

/* All defaults (numbers PM_UNSET where that is the default). Any record must start so. */
void pm_ctr_config_init(struct pm_ctr_config *c);
void pm_ctr_config_free(struct pm_ctr_config *c); /* leaves it as after init */

/* An infra container without a command: pm-init alone, which holds the pod's namespaces. */
bool pm_ctr_config_only_holds(const struct pm_ctr_config *c);
#define _cleanup_ctr_config_ _cleanup_(pm_ctr_config_free)

/* Append a record, all zeros, and return it: valid until the next append. */
struct pm_ctr_mount *pm_ctr_config_add_mount(struct pm_ctr_config *c);
void pm_ctr_config_remove_mount(struct pm_ctr_config *c, size_t index);
struct pm_ctr_port *pm_ctr_config_add_port(struct pm_ctr_config *c);
struct pm_ctr_ulimit *pm_ctr_config_add_ulimit(struct pm_ctr_config *c);
struct pm_ctr_device *pm_ctr_config_add_device(struct pm_ctr_config *c);
struct pm_ctr_throttle *pm_ctr_config_add_throttle(struct pm_ctr_config *c);

/* What the image's config (the OCI image configuration, whole document) brings, where the user gave
 * nothing: entrypoint, command (dropped when the user gave an entrypoint), env (this process's proxy
 * variables unless http_proxy_off, then the image's, then the user's; a name that is set again keeps
 * its place), user, workdir, stop signal, labels, exposed ports, health check and volumes.
 * For each volume not covered by a user's mount at the same destination a record {type volume,
 * anonymous, from_image, name NULL} is added (or a tmpfs, or nothing, as image_volume says): the
 * caller names it. user_entrypoint: the user gave --entrypoint (maybe empty).
 * PM_E_FORMAT for a malformed image config, PM_E_USAGE when nothing is left to run. */
int pm_ctr_config_apply_image(struct pm_ctr_config *c, const struct pm_json *image_config,
			      bool user_entrypoint, struct pm_err *err);

/* Is the container to be run for systemd: --systemd=always, or its command is an init (not under --init)? */
bool pm_ctr_config_is_systemd(const struct pm_ctr_config *c);
/* What systemd stops by: SIGRTMIN+3, as the kernel counts. */
#define PM_SIGRTMIN_3 37

/* --entrypoint's argument: a JSON array of strings, or one word. "" gives no entrypoint. */
int pm_ctr_parse_entrypoint(const char *arg, struct pm_strv *ret, struct pm_err *err);

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3" -> number. PM_E_USAGE when unknown. */
int pm_signal_parse(const char *s, int *ret, struct pm_err *err);
/* 15 -> "SIGTERM"; "SIGRTMIN+3"; the number's text in buf when it has no name. */
const char *pm_signal_name(int sig, char buf[16]);

/* The row's blob. The tree belongs to pool. */
struct pm_json *pm_ctr_config_to_json(struct pm_json_pool *pool, const struct pm_ctr_config *c);
/* c must be init'ed; on failure (PM_E_FORMAT, PM_E_UNSUPPORTED for a newer version) it is left
 * init'ed. */
int pm_ctr_config_from_json(const struct pm_json *v, struct pm_ctr_config *c, struct pm_err *err);

#endif
