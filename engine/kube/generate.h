/*
 * generate - pods, containers and volumes of pm as Kubernetes objects, which kube play makes equivalent ones of. What
 * cannot be said is told by a warning. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_GENERATE_H
#define PM_ENGINE_KUBE_GENERATE_H

#include "base/json.h"
#include "engine/engine.h"
#include "engine/pod/pod.h"

struct pm_kube_generate_options {
	const char *type; /* "pod", "deployment", "daemonset", "job" */
	int64_t replicas; /* of a deployment */
	bool service;     /* a Service for the published ports, too */
	bool podman_only; /* annotations of Podman for what Kubernetes has no field for */
};

/* Objects, in an array, of what names mean: a pod; containers, which become one pod; volumes, which become claims.
 * Warnings are added to warnings. The tree belongs to pool. PM_E_NOSUCH, PM_E_USAGE, PM_E_UNSUPPORTED. */
int pm_kube_generate(struct pm_engine *e, char *const *names, const struct pm_kube_generate_options *o,
		     struct pm_json_pool *pool, struct pm_json **ret, struct pm_strv *warnings,
		     struct pm_err *err);

#endif
