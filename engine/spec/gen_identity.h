/*
 * gen_identity - the process object of config.json: who runs what, with which environment, limits and
 * capabilities (runtime-spec 1.0.2, config.md "Process"). Declared in engine/spec/gen.h.
 */
#ifndef PM_ENGINE_SPEC_GEN_IDENTITY_H
#define PM_ENGINE_SPEC_GEN_IDENTITY_H

#include "engine/spec/gen.h"

#endif
