/*
 * inspect_image - pm_inspect_image and what it shares with containers; declared in
 * engine/container/inspect.h.
 */
#ifndef PM_ENGINE_CONTAINER_INSPECT_IMAGE_H
#define PM_ENGINE_CONTAINER_INSPECT_IMAGE_H

#include "engine/container/inspect.h"

#endif
