/*
 * gen_devices - devices given to a container: nodes made by the runtime for root, binds of the host's
 * nodes in a user namespace, where nobody may make one. Declared in engine/spec/gen.h.
 */
#ifndef PM_ENGINE_SPEC_GEN_DEVICES_H
#define PM_ENGINE_SPEC_GEN_DEVICES_H

#include "engine/spec/gen.h"

#endif
