/*
 * manager - systemd's manager of services: the user's, or the system's when pm is root's. By executing pm-systemd, since
 * pm is static. Every call is one execution. Runs in pm.
 */
#ifndef PM_ENGINE_SYSTEMD_MANAGER_H
#define PM_ENGINE_SYSTEMD_MANAGER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Services of a user's manager? Else of the system's. */
bool pm_systemd_is_user(void);

/* All of these: PM_E_UNSUPPORTED where no manager can be talked to. */

/* Read the unit files anew, generators included. */
int pm_systemd_reload(struct pm_err *err);
/* start, stop or restart a unit, until that has been done. PM_E_STATE: it ended otherwise. */
int pm_systemd_job(const char *verb, const char *unit, struct pm_err *err);
/* "UNIT LOAD ACTIVE SUB" for each unit, in any order: "web.service loaded active running". */
int pm_systemd_states(const struct pm_strv *units, struct pm_strv *ret, struct pm_err *err);

/* Have the limits ("memory.max=1000", engine/container/limits.h) be properties of that slice, which is made if it is not
 * there: what is only written to a slice's files is lost when systemd reads its units anew. */
int pm_systemd_slice(const char *slice, const struct pm_strv *limits, struct pm_err *err);

/* For pids, helpers that outlive us: a monitor that is about to execute the runtime in groups that systemd makes, what its
 * network needs. Called from a login session we are in a group of root's (own_group, as pm_cgroup.own), out of which nothing
 * may be moved into one of the user's ("Delegation Containment", cgroup-v2.rst), as exec and health checks do, and whose
 * processes may be killed at logout: they get a scope of the user's manager, KIND-PID.scope after the first. What they fork
 * later is in it, too. Nothing for others: who is below the user's manager, or a service, stays. A pid of 0 is left
 * out, but not the first. Best effort; what the runtime cannot do for lack of it, it says. */
void pm_systemd_adopt(const char *own_group, const char *kind, const pid_t *pids, size_t n);

#endif
