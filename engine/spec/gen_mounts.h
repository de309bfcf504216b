/*
 * gen_mounts - the mounts of config.json: kernel file systems, the container's /etc files, volumes,
 * tmpfs (runtime-spec 1.0.2, config.md "Mounts"). Declared in engine/spec/gen.h.
 */
#ifndef PM_ENGINE_SPEC_GEN_MOUNTS_H
#define PM_ENGINE_SPEC_GEN_MOUNTS_H

#include "engine/spec/gen.h"

#endif
