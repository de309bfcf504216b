/*
 * remove - a container and all that is its own: row, directory, run files, anonymous volumes, what a
 * killed monitor left of the runtime's state. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_REMOVE_H
#define PM_ENGINE_CONTAINER_REMOVE_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/container/container.h"

struct pm_remove_options {
	bool force;   /* stop it when it runs */
	bool volumes; /* its anonymous volumes too */
	bool depend;  /* and those that depend on it */
	int timeout;  /* seconds to stop; < 0: its own */
	bool with_pod; /* the pod goes too: its infra container may */
	bool no_sweep; /* the caller does pm_engine_sweep() at the end of many */
};

/* Takes the operation lock. PM_E_STATE when it runs and force is not set; PM_E_INUSE when another
 * depends on it. A container that someone else removed meanwhile is PM_E_NOSUCH. */
int pm_container_remove(struct pm_engine *e, struct pm_container *c,
			const struct pm_remove_options *o, struct pm_err *err);

/* Those of v which run are stopped together, none locked meanwhile; then each is removed, in order. errs as
 * in pm_containers_stop. */
void pm_containers_remove(struct pm_engine *e, struct pm_container *v, size_t n,
			  const struct pm_remove_options *o, struct pm_err *errs);

/* The same for a caller who holds the lock or was told of the end by the monitor: the container is not
 * running. */
int pm_container_remove_ended(struct pm_engine *e, struct pm_container *c, bool volumes,
			      struct pm_err *err);

/* --rmi, after the container is gone: its image goes, too, or only its name when there are others. That
 * another container uses it is no error. */
int pm_container_remove_image(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);

#endif
