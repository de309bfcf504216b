/*
 * gen_linux - the linux object of config.json but for mounts' relatives: namespaces, id mappings,
 * sysctls, masked and read-only paths, resources (runtime-spec 1.0.2, config-linux.md). Declared in
 * engine/spec/gen.h.
 */
#ifndef PM_ENGINE_SPEC_GEN_LINUX_H
#define PM_ENGINE_SPEC_GEN_LINUX_H

#include "engine/spec/gen.h"

#endif
