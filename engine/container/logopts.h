/*
 * logopts - --log-driver and --log-opt: what they mean for a container's config. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_LOGOPTS_H
#define PM_ENGINE_CONTAINER_LOGOPTS_H

#include "engine/container/config.h"
#include "engine/engine.h"

/* driver NULL: containers.conf's. opts: "NAME=VALUE". c->terminal is set already. PM_E_USAGE. */
int pm_log_options_apply(struct pm_engine *e, const char *driver, const struct pm_strv *opts,
			 struct pm_ctr_config *c, struct pm_err *err);

#endif
