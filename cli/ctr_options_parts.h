/*
 * ctr_options_parts - the steps of pm_ctr_options_apply, a file each: cli/ctr_options_NAME.c checks and
 * translates one group of the options into the members of struct pm_ctr_config that they mean. An option's
 * row is in cli/ctr_options_table.c.
 *
 * Each step returns 0, or PM_E_USAGE (a value that is wrong), PM_E_UNSUPPORTED (one that pm or the host
 * cannot do) and others, naming the option. cli is asked only which options were given.
 */
#ifndef PM_CLI_CTR_OPTIONS_PARTS_H
#define PM_CLI_CTR_OPTIONS_PARTS_H

#include "cli/ctr_options.h"

/* entrypoint, command (args, NULL-terminated), user, workdir, terminal, signals ... */
int pm_ctr_apply_process(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 char *const *args, struct pm_ctr_config *c, struct pm_err *err);
/* env*, label*, annotation. Reads the files named. */
int pm_ctr_apply_env(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		     struct pm_ctr_config *c, struct pm_err *err);
/* volume, mount, tmpfs, secret */
int pm_ctr_apply_mounts(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err);
/* --rootfs's PATH[:O] */
int pm_ctr_parse_rootfs(const char *arg, struct pm_ctr_config *c, struct pm_err *err);
/* device* */
int pm_ctr_apply_devices(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err);
/* memory*, cpu*, pids-limit, cgroup*, ulimit, shm-size, oom-* */
int pm_ctr_apply_limits(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err);
/* network, publish*, expose, dns*, add-host */
int pm_ctr_apply_network(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			 struct pm_err *err);
/* restart, log-* */
int pm_ctr_apply_life(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		      struct pm_err *err);
/* health-*, no-healthcheck */
int pm_ctr_apply_health(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err);
/* cap-*, security-opt, seccomp-policy, sysctl, privileged, read-only* */
int pm_ctr_apply_security(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			  struct pm_ctr_config *c, struct pm_err *err);
/* pid, ipc, uts, cgroupns, userns and its maps */
int pm_ctr_apply_namespaces(struct pm_engine *e, const struct pm_ctr_opts *o,
			    struct pm_ctr_config *c, struct pm_err *err);

#endif
