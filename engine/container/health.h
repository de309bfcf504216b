/*
 * health - a container's health check as it is configured, planned for the monitor, and told by inspect.
 *
 * The configuration is Docker's JSON: {"Test": ["CMD", ...] | ["CMD-SHELL", text] | ["NONE"], "Interval",
 * "Timeout", "StartPeriod" (ns), "Retries"}, and "Successes" for a start-up check. Of pm's own, for Kubernetes' probes, are the
 * tests ["TCP", ...] and ["HTTP-GET", ...] (engine/monitor/probe.h). What the monitor does
 * with it: engine/monitor/health.h. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_HEALTH_H
#define PM_ENGINE_CONTAINER_HEALTH_H

#include "base/json.h"
#include "engine/container/container.h"
#include "engine/monitor/launch.h"
#include "engine/spec/spec.h"

/* The user's part (members that he gave; may have no Test) over the image's: *user, owned, becomes the
 * whole. image may be NULL. Without a Test in either nothing is left: NULL. */
void pm_health_merge(char **user, const struct pm_json *image);

/* Is there a check? PM_E_FORMAT: Test is none of the forms; PM_E_USAGE: the options on health contradict. */
int pm_health_check_config(const struct pm_ctr_config *c, struct pm_err *err);

/* Fill the plan's part and write the processes into its ctr_dir. */
int pm_health_plan(struct pm_engine *e, const struct pm_container *c, const struct pm_spec_env *env,
		   struct pm_launch_plan *plan, struct pm_err *err);

/* The words "starting", "healthy", "unhealthy"; "" for none. */
const char *pm_health_name(enum pm_ctr_health h);

/* inspect's State.Health. */
struct pm_json *pm_health_json(struct pm_engine *e, const struct pm_container *c,
			       struct pm_json_pool *pool);

#endif
