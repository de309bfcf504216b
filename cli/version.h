/*
 * version - what this build of pm is, for `pm version` and `pm info`.
 */
#ifndef PM_CLI_VERSION_H
#define PM_CLI_VERSION_H

#include "base/json.h"

/* This machine's architecture by Go's names: "amd64", "arm64". Static. */
const char *pm_host_arch(void);

/* Podman's define.Version: APIVersion, Version, OsArch, ... */
struct pm_json *pm_version_tree(struct pm_json_pool *pool);

#endif
