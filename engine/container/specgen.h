/*
 * specgen - a container's options as `generate spec` tells them: the JSON of Podman's
 * SpecGenerator, whose fields it names the same. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_SPECGEN_H
#define PM_ENGINE_CONTAINER_SPECGEN_H

#include "base/json.h"
#include "engine/container/container.h"

/* name: of the new container; NULL: left out. The tree belongs to pool. */
struct pm_json *pm_specgen(const struct pm_container *c, const char *name,
			   struct pm_json_pool *pool);

#endif
