/*
 * container - one container of a pod's description as the engine's config. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_CONTAINER_H
#define PM_ENGINE_KUBE_CONTAINER_H

#include "engine/container/container.h"
#include "engine/kube/pod.h"

/* An image that a container of p is made of, obtained before. */
struct pm_kube_image {
	char *word;   /* as given */
	char id[65];
	char *name;   /* full name */
};

/* Make container c of pod p, which is made, with its volumes: *ret (init'ed) is as after pm_container_create. */
int pm_kube_container_create(struct pm_kube_pod *p, const struct pm_json *c, bool init,
			     const struct pm_kube_image *image, struct pm_container *ret,
			     struct pm_err *err);

/* The name it gets; the caller frees. */
char *pm_kube_container_name(const struct pm_kube_pod *p, const struct pm_json *c);

#endif
