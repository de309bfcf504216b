/*
 * gen_mounts - the mounts of config.json: kernel file systems, the container's /etc files, volumes,
 * tmpfs (runtime-spec 1.0.2, config.md "Mounts"). Declared in engine/spec/gen.h.
 */
#ifndef PM_ENGINE_SPEC_GEN_MOUNTS_H
#define PM_ENGINE_SPEC_GEN_MOUNTS_H

#include "engine/spec/gen.h"

/* Do the options of m exist, for its type, without contradiction? PM_E_USAGE. */
int pm_spec_mount_check(const struct pm_ctr_mount *m, struct pm_err *err);

#endif
