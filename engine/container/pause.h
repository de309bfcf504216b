/*
 * pause - freezing a container's processes and letting them go on, by its own control group
 * (cgroup v2's freezer). The state "paused" is read from there each time, so it is true also
 * when someone else froze the group. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_PAUSE_H
#define PM_ENGINE_CONTAINER_PAUSE_H

#include "base/err.h"
#include "engine/cgroup/group.h"
#include "engine/container/container.h"

/* Both take the operation lock. PM_E_STATE when it does not run, or is paused (not paused) already;
 * PM_E_UNSUPPORTED when it has no control group of its own, with the reason. */
int pm_container_pause(struct pm_engine *e, struct pm_container *c, struct pm_err *err);
int pm_container_unpause(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* The container's own group, for what can only be done with one (verb, for the error: "pause",
 * "update"). g must be PM_GROUP_INIT. PM_E_UNSUPPORTED without one. */
int pm_container_group(struct pm_engine *e, const struct pm_container *c, const char *verb,
		       struct pm_group *g, struct pm_err *err);

#endif
