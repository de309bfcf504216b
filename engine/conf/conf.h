/*
 * conf - containers.conf(5): the defaults of the machine's administrator and of the user.
 *
 * Read in this order, later values replace earlier ones: /usr/share/containers/containers.conf,
 * /etc/containers/containers.conf, /etc/containers/containers.conf.d/ *.conf (sorted), and for other
 * users than root $XDG_CONFIG_HOME/containers/containers.conf and containers.conf.d/ *.conf.
 * CONTAINERS_CONF names one file to read instead of all of these; CONTAINERS_CONF_OVERRIDE one to read
 * last. A missing file is no error, but one named by a variable must exist. Modules
 * (--module NAME) are read before that. Unknown keys are told in one warning a file; a list that holds
 * {append=true} is added to the earlier ones. A malformed file is PM_E_FORMAT naming file and line.
 *
 * Commands that need no default do not load it. Runs in pm only.
 */
#ifndef PM_ENGINE_CONF_CONF_H
#define PM_ENGINE_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* [engine.runtimes]: name = [paths] */
struct pm_conf_runtime {
	char *name;
	struct pm_strv paths;
};

/* Every member has its default after pm_conf_load, whatever the files say. Owned by the record. */
struct pm_conf {
	/* [containers] */
	struct pm_strv annotations;
	struct pm_strv cgroup_conf; /* KEY=VALUE */
	char *cgroupns, *cgroups, *ipcns, *netns, *pidns, *userns, *utsns;
	struct pm_strv default_capabilities; /* "CAP_CHOWN", ... */
	struct pm_strv default_sysctls;      /* NAME=VALUE */
	struct pm_strv default_ulimits;      /* "nofile=1024:2048" */
	struct pm_strv devices;
	struct pm_strv dns_options, dns_searches, dns_servers;
	struct pm_strv env;
	bool env_host, http_proxy;
	bool init;
	char *init_path; /* NULL: pm-init */
	bool keyring; /* a session keyring of its own */
	bool label;
	int64_t oom_score_adj; /* INT64_MIN: none */
	bool privileged;
	char *log_driver, *log_tag;
	int64_t log_size_max; /* bytes, -1: none */
	bool no_hosts, read_only;
	char *base_hosts_file;      /* "", a path, "none" or "image" */
	char *host_containers_internal_ip;
	int64_t pids_limit;         /* 2048; 0 or -1: none */
	bool prepare_volume_on_create;
	char *seccomp_profile;      /* NULL: found in the usual places */
	char *apparmor_profile;
	char *shm_size;             /* as written */
	char *tz;                   /* NULL: none */
	char *umask;
	struct pm_strv volumes;

	/* [engine] */
	char *cgroup_manager; /* "systemd", "cgroupfs" or NULL: decided by the host */
	struct pm_strv cdi_spec_dirs, hooks_dir; /* empty: the usual ones */
	char *image_volume_mode; /* NULL: anonymous volumes */
	bool no_pivot_root;
	char *detach_keys;
	char *runtime; /* name or path; "crun" when not set */
	struct pm_conf_runtime *runtimes;
	size_t n_runtimes;
	struct pm_strv helper_binaries_dir;
	char *image_default_transport;
	char *pull_policy;
	int64_t stop_timeout;
	int64_t num_locks;
	char *events_logger;           /* "file", "journald", "none" */
	char *events_logfile_path;     /* NULL: in runroot */
	char *events_logfile_max_size; /* as written; NULL: 1 MB */
	struct pm_strv env_engine; /* environment for pm's helpers */
	struct pm_strv network_cmd_options;
	bool volume_path_set;
	char *volume_path;

	/* [network] */
	char *default_network, *default_subnet;
	char *network_config_dir;            /* NULL: engine/network/network.h */
	struct pm_strv default_subnet_pools; /* "BASE/BITS,SIZE"; empty: the built-in ones */
	char *default_rootless_network_cmd; /* "slirp4netns" (the default) or "pasta" */
	struct pm_strv pasta_options;
	struct pm_strv files; /* those read, for `pm info` */
	uint64_t appends[2];  /* keys whose lists are added to: {append=true} */
};

/* ret is filled, and must be freed, only on success. Reads the environment and uid. */
int pm_conf_load(struct pm_conf *ret, const struct pm_strv *modules, struct pm_err *err);
void pm_conf_free(struct pm_conf *c);
#define _cleanup_conf_ _cleanup_(pm_conf_free)

/* One file's text over *c (for tests and the fuzz target); name is for messages. */
int pm_conf_parse(struct pm_conf *c, const char *name, const char *text, size_t len,
		  struct pm_err *err);
/* All built-in defaults. */
void pm_conf_init(struct pm_conf *c);

/* The runtime's executable for name (NULL: the default): a path as it is, a name by [engine.runtimes],
 * the built-in lists for crun and runc, then PATH. PM_E_NOSUCH when there is none. The caller
 * frees *ret. */
int pm_conf_runtime(const struct pm_conf *c, const char *name, char **ret, struct pm_err *err);
/* What the program at path is called: its last part. */
const char *pm_conf_runtime_name(const char *path);

/* "64m", "1g", "65536k", "512b", "4096" -> bytes, as Go's units.RAMInBytes. PM_E_USAGE. */
int pm_conf_parse_size(const char *s, int64_t *ret, struct pm_err *err);

#endif
