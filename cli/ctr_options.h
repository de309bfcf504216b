/*
 * ctr_options - the container options that run and create share: their table, and the way from the
 * parsed options to a struct pm_ctr_config.
 */
#ifndef PM_CLI_CTR_OPTIONS_H
#define PM_CLI_CTR_OPTIONS_H

#include "cli/option.h"
#include "engine/container/config.h"
#include "engine/container/create.h"
#include "engine/engine.h"
#include "engine/image/pull.h"

struct pm_cli;

struct pm_ctr_opts {
	/* who */
	const char *name, *cidfile, *pidfile, *conmon_pidfile;
	struct pm_strv label, label_file, annotation, requires_;
	const char *pod, *pod_id_file, *init_ctr;
	bool replace;
	/* process */
	const char *entrypoint, *workdir, *user, *umask, *tz, *init_path, *stop_signal, *hostname;
	const char *detach_keys, *systemd, *personality, *passwd_entry, *group_entry;
	struct pm_strv attach, env, env_file, env_merge, unsetenv, group_add, hostuser, preserve_fd;
	bool env_host, http_proxy, unsetenv_all, init, interactive, tty, passwd;
	uint64_t stop_timeout, timeout, preserve_fds;
	int64_t oom_score_adj;
	/* files */
	struct pm_strv secret, volume, volumes_from, mount, tmpfs, device, device_cgroup_rule, gpus, chrootdirs, storage_opt,
		decryption_keys;
	bool read_only, read_only_tmpfs, rootfs;
	const char *image_volume;
	int64_t shm_size, shm_size_systemd;
	/* security */
	struct pm_strv cap_add, cap_drop, security_opt, sysctl, ulimit;
	const char *seccomp_policy;
	bool privileged;
	/* namespaces */
	const char *ipc, *pid, *uts, *cgroupns, *userns, *subuidname, *subgidname;
	struct pm_strv uidmap, gidmap;
	/* limits */
	const char *cgroups, *cgroup_parent, *cpuset_cpus, *cpuset_mems, *memory_swap;
	int64_t memory, memory_reservation, memory_swappiness, pids_limit, cpu_quota, cpu_rt_runtime;
	uint64_t cpu_period, cpu_shares, cpu_rt_period, blkio_weight;
	struct pm_strv cgroup_conf, blkio_weight_device, device_read_bps, device_read_iops,
		device_write_bps, device_write_iops;
	bool oom_kill_disable;
	double cpus;
	/* network */
	struct pm_strv network, publish, expose, add_host, dns, dns_option, dns_search;
	struct pm_strv network_alias, egress;
	const char *ip, *ip6, *mac_address;
	const char *hosts_file;
	bool publish_all, no_hosts, no_hostname;
	/* life */
	bool rm, rmi;
	const char *log_driver, *restart, *sdnotify;
	const char *health_cmd, *health_interval, *health_timeout, *health_start_period;
	const char *health_on_failure, *health_log_destination;
	const char *health_startup_cmd, *health_startup_interval, *health_startup_timeout;
	uint64_t health_retries, health_startup_retries, health_startup_success;
	uint64_t health_max_log_count, health_max_log_size;
	bool no_healthcheck;
	struct pm_strv log_opt;
	/* image */
	const char *pull, *arch, *os, *variant, *platform, *authfile;
	bool tls_verify, quiet, disable_content_trust;
	uint64_t retry;
	int64_t retry_delay;
};

/* All of struct pm_ctr_opts. The pod tables' options are `pod create`'s as well, where they are the infra
 * container's and its control group's; `pod clone` has them but for the network's. Limits are update's and clone's. */
extern const struct pm_opt pm_ctr_pod_table[];
extern const struct pm_opt pm_ctr_pod_network_table[];
extern const struct pm_opt pm_ctr_pod_limits_table[];
extern const struct pm_opt pm_ctr_table[];
extern const struct pm_opt pm_ctr_limits_table[];

/* The defaults of the options that `pod create` has not, and with pod_too of all, for who fills o without a command
 * line of `run`. */
int pm_ctr_opts_defaults(struct pm_ctr_opts *o, bool pod_too, struct pm_err *err);

/* Fill c (init'ed) with what the user asked for. image: the image's word, or the path with --rootfs; args:
 * the command after it, NULL-terminated. Reads env files. PM_E_USAGE and others name the option. */
int pm_ctr_options_apply(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *image, char *const *args, struct pm_ctr_config *c,
			 struct pm_err *err);

/* All between the command line and pm_container_create, for run and create, in two steps. The options, opening the database
 * only for those that need it; then, with it open, the image and the pod. c and co are filled (co->image_id is image_id's
 * memory). ret_pod as pm_ctr_join_pod. */
int pm_ctr_options_words(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 struct pm_ctr_config *c, struct pm_create_options *co, struct pm_err *err);
int pm_ctr_options_resolve(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			   struct pm_ctr_config *c, struct pm_create_options *co, char image_id[65],
			   char ret_pod[65], struct pm_err *err);

/* -l, --label-file: appended to labels, each name once. */
int pm_ctr_parse_labels(const struct pm_strv *args, const struct pm_strv *files,
			struct pm_strv *labels, struct pm_err *err);

/* The image for the container: found or pulled as --pull says, with progress on stderr. c gets image and
 * raw_image_name; ret_id the image's id. */
int pm_ctr_options_image(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *word, struct pm_ctr_config *c, char ret_id[65],
			 struct pm_err *err);

/* One -v or --mount or --tmpfs argument, appended to c's mounts. */
int pm_ctr_parse_volume(const char *arg, struct pm_ctr_config *c, struct pm_err *err);
int pm_ctr_parse_mount(const char *arg, struct pm_ctr_config *c, struct pm_err *err);
int pm_ctr_parse_tmpfs(const char *arg, struct pm_ctr_config *c, struct pm_err *err);

/* -e NAME[=VALUE] arguments ("NAME*" for all that begin so) and --env-file files, onto env; NAME alone
 * is taken from this process's environment. */
int pm_ctr_parse_env(const struct pm_strv *args, const struct pm_strv *files, struct pm_strv *env,
		     struct pm_err *err);

/* --preserve-fds and --preserve-fd: how many from 3 on, and which of these (all when the list stays empty). The
 * descriptors must have been handed down to this process. */
int pm_ctr_parse_fds(uint64_t count, const struct pm_strv *list, int64_t *ret_count,
		     struct pm_strv *ret_only, struct pm_err *err);

/* PM_E_EXISTS when --cidfile's path is there already. */
int pm_ctr_check_cidfile(const char *path, struct pm_err *err);
/* Write id to path, which must not exist (--cidfile). */
int pm_ctr_write_cidfile(const char *path, const char *id, struct pm_err *err);

#endif
