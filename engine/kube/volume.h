/*
 * volume - a pod's volumes and where its containers see them. Runs in pm, outside of the user namespace.
 */
#ifndef PM_ENGINE_KUBE_VOLUME_H
#define PM_ENGINE_KUBE_VOLUME_H

#include "engine/kube/pod.h"

/* Labels of a volume made for a pod: its name in the description, and what it was made of, "ConfigMap/NAME" or
 * "Secret/NAME". */
#define PM_KUBE_VOLUME_NAME "io.podman.kube.volume.name"
#define PM_KUBE_VOLUME_OF "io.podman.kube.volume.of"

/* Find or make those of the pod's volumes that its containers mount: p->volumes. What was made for the pod alone is in
 * p->own_volumes. PM_E_NOSUCH, PM_E_USAGE and others name the volume. */
int pm_kube_volumes_make(struct pm_kube_pod *p, struct pm_err *err);

/* The mounts of container c into k. env: for subPathExpr. */
int pm_kube_mounts(struct pm_kube_pod *p, const struct pm_json *c, const struct pm_strv *env,
		   struct pm_ctr_config *k, struct pm_err *err);

/* Images that image volumes are made of, with their pull policies (NULL: none), in pairs. */
void pm_kube_volume_images(const struct pm_kube_pod *p, struct pm_strv *names, struct pm_strv *policies);

#endif
