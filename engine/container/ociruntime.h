/*
 * ociruntime - the OCI runtime of a container: which program, what it is called, where its state is (--root). Runs in
 * pm.
 */
#ifndef PM_ENGINE_CONTAINER_OCIRUNTIME_H
#define PM_ENGINE_CONTAINER_OCIRUNTIME_H

#include "engine/container/config.h"
#include "engine/engine.h"

struct pm_ociruntime {
	char *path, *root; /* owned */
	const char *name;  /* in path */
};

void pm_ociruntime_free(struct pm_ociruntime *r);
#define _cleanup_ociruntime_ _cleanup_(pm_ociruntime_free)

/* The program only: the container's (k may be NULL), --runtime's, containers.conf's. The caller frees *ret. */
int pm_ociruntime_path(struct pm_engine *e, const struct pm_ctr_config *k, char **ret, struct pm_err *err);

/* ret zeroed; to be freed also after a failure. */
int pm_ociruntime_find(struct pm_engine *e, const struct pm_ctr_config *k, struct pm_ociruntime *ret,
		       struct pm_err *err);

#endif
