/*
 * infra - the pod itself and its infra container: names, namespaces, network, ports, hosts. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_INFRA_H
#define PM_ENGINE_KUBE_INFRA_H

#include "engine/kube/pod.h"

/* The network that pods of kube play are on unless the user or the pod says otherwise. */
#define PM_KUBE_NETWORK "podman-default-kube-network"

/* Make the pod, still without containers: p->id. *ret_userns, which the caller frees, is what its containers get; NULL:
 * nothing of their own. */
int pm_kube_pod_create(struct pm_kube_pod *p, char **ret_userns, struct pm_err *err);

#endif
