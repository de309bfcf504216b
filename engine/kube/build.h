/*
 * build - images that kube play builds: one whose name is that of a directory with a Containerfile below the build
 * directory, as `podman kube play --build`. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_BUILD_H
#define PM_ENGINE_KUBE_BUILD_H

#include "engine/kube/play.h"

/* Build the image called word if there is such a directory and o wants it: 1; 0: there is none, or nothing is to be
 * built. */
int pm_kube_build(struct pm_engine *e, const struct pm_kube_options *o, const char *word, struct pm_err *err);

#endif
