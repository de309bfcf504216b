/*
 * probe - livenessProbe, readinessProbe and startupProbe as the health checks of a container, which its monitor makes. A
 * container has one health: the liveness probe is it, else the readiness probe, else what the startup probe asks.
 * Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_PROBE_H
#define PM_ENGINE_KUBE_PROBE_H

#include "engine/kube/pod.h"

/* Those of container c into k, whose restart policy is set. */
int pm_kube_probes(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
		   struct pm_err *err);

#endif
