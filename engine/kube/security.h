/*
 * security - securityContext of pods and containers, and their resources. What cannot be honoured fails. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_SECURITY_H
#define PM_ENGINE_KUBE_SECURITY_H

#include "engine/kube/pod.h"

/* Of container c and its pod, into k, whose image is known by image_id. */
int pm_kube_security(const struct pm_kube_pod *p, const struct pm_json *c, const char *image_id,
		     struct pm_ctr_config *k, struct pm_err *err);

/* sysctls of the pod, into its infra container. */
int pm_kube_sysctls(const struct pm_kube_pod *p, struct pm_ctr_config *infra, struct pm_err *err);

/* limits and requests of container c. Limits that the host does not let the user set are an error, requests a
 * warning. */
int pm_kube_resources(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
		      struct pm_err *err);

#endif
