/*
 * limits - the resource limits of a container's, or a pod's, config (memory, cpu, pids, block I/O, cgroup_conf):
 * merged, looked at for what the host can do, and as cgroup v2's files want them. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_LIMITS_H
#define PM_ENGINE_CONTAINER_LIMITS_H

#include "engine/cgroup/cgroup.h"
#include "engine/cgroup/group.h"
#include "engine/container/config.h"

bool pm_limits_any(const struct pm_ctr_config *k);

/* from's limits go to a config that has nothing else; NULL when it has none. The caller frees the record and what is
 * in it. */
struct pm_ctr_config *pm_limits_take(struct pm_ctr_config *from);

/* The limits of given over those of to. */
void pm_limits_merge(struct pm_ctr_config *to, const struct pm_ctr_config *given);

/* "FILE=VALUE" for each file of a group, appended to ret: only those that given has, by the values of all.
 * PM_E_USAGE: a path that is no block device. */
int pm_limits_values(const struct pm_ctr_config *given, const struct pm_ctr_config *all,
		     struct pm_strv *ret, struct pm_err *err);

/* The same, written to g's files. The first failure ends it. */
int pm_limits_write(const struct pm_group *g, const struct pm_ctr_config *given,
		    const struct pm_ctr_config *all, struct pm_err *err);

/* PM_E_UNSUPPORTED when cg cannot give one of k's limits, by the option's name. cgroup_conf is not looked at: its
 * file tells. */
int pm_limits_check(const struct pm_ctr_config *k, const struct pm_cgroup *cg, struct pm_err *err);

#endif
