/*
 * create - making a pod: its row and its infra container, which come into being at once. Runs in pm.
 */
#ifndef PM_ENGINE_POD_CREATE_H
#define PM_ENGINE_POD_CREATE_H

#include "engine/pod/pod.h"

struct pm_pod_create {
	const char *name;                    /* NULL: made up */
	bool replace;                        /* remove a pod of that name first */
	const struct pm_strv *labels;        /* NAME=VALUE; may be NULL */
	const struct pm_pod_config *config;
	struct pm_ctr_config *infra;         /* the user's part (ports, networks, limits, name); NULL:
					      * the pod has no infra container. Changed */
	const char *infra_image_id;          /* NULL: pm-init in an empty root file system */
};

/* On success ret (zeroed by the caller) is the pod as after pm_pod_load. PM_E_EXISTS: the name is taken.
 * On failure nothing stays. */
int pm_pod_create(struct pm_engine *e, const struct pm_pod_create *o, struct pm_pod *ret,
		  struct pm_err *err);

#endif
