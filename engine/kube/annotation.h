/*
 * annotation - the annotations that Podman gives a meaning: io.podman.annotations.*, io.containers.*, and the older
 * ones for seccomp. One that begins with io.podman.annotations. and is not known is an error. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_ANNOTATION_H
#define PM_ENGINE_KUBE_ANNOTATION_H

#include "engine/kube/pod.h"

#define PM_KUBE_ANNOTATION "io.podman.annotations."

/* Are all of them known? PM_E_UNSUPPORTED. */
int pm_kube_annotations_check(const struct pm_kube_pod *p, struct pm_err *err);

/* Those that are about container c, into k; all of them as the container's annotations. */
int pm_kube_annotations(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
			struct pm_err *err);

/* The known ones as Markdown, appended to out: the end of docs/kubernetes.md. */
void pm_kube_annotations_document(struct pm_buf *out);

#endif
