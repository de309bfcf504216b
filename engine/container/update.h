/*
 * update - other limits for a container that exists: written to its control group's files when
 * it runs, and into its config for every later start. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_UPDATE_H
#define PM_ENGINE_CONTAINER_UPDATE_H

#include "base/err.h"
#include "engine/container/container.h"

/* Takes the operation lock. given holds what is to change and nothing else (an init'ed config
 * with those members set). PM_E_UNSUPPORTED: a limit that cannot be set here; then nothing is
 * changed. */
int pm_container_update(struct pm_engine *e, struct pm_container *c,
			const struct pm_ctr_config *given, struct pm_err *err);

#endif
