/*
 * scope - the most specific key for an image in the maps of policy.json and registries.d: the full reference, the
 * repository, each namespace above it, the registry, and where wildcards count *.DOMAIN.
 */
#ifndef PM_REGISTRY_SCOPE_H
#define PM_REGISTRY_SCOPE_H

#include <stdbool.h>

#include "base/json.h"

/* name: "HOST/A/B:TAG" or "...@DIGEST", or a path. NULL when no key fits. */
const struct pm_json *pm_scope_find(const struct pm_json *scopes, const char *name, bool wildcards);

#endif
