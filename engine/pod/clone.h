/*
 * clone - a new pod with another's configuration and a clone of each of its containers, which join the new
 * pod's infra container and each other as the old ones did. Nothing is started. Runs in pm.
 */
#ifndef PM_ENGINE_POD_CLONE_H
#define PM_ENGINE_POD_CLONE_H

#include "engine/pod/pod.h"

struct pm_pod_clone {
	const char *name;             /* NULL: the old one's with -clone */
	const struct pm_strv *labels; /* NAME=VALUE; NULL: the old one's */
	/* What is other than in the old pod, of the infra container and (limits) of the pod's control group: host name
	 * (where none is given: the same, or the pod's name where that was it), namespaces, user namespace, volumes,
	 * devices, security options, sysctls, sizes, control group. Everything else of it is ignored. Is emptied. */
	struct pm_ctr_config *given;
};

/* ret (zeroed) is the pod as after pm_pod_load. PM_E_EXISTS: the name is taken. PM_E_USAGE: there is no infra container
 * that could have what is given. On failure nothing stays. */
int pm_pod_clone(struct pm_engine *e, const struct pm_pod *from, const struct pm_pod_clone *o,
		 struct pm_pod *ret, struct pm_err *err);

#endif
