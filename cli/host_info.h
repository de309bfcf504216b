/*
 * host_info - what `pm info` tells about the machine: a tree with Podman's field names.
 *
 * Reads /proc, /etc/os-release and containers.conf, executes the runtime once for its version.
 */
#ifndef PM_CLI_HOST_INFO_H
#define PM_CLI_HOST_INFO_H

#include "base/err.h"
#include "base/json.h"
#include "engine/engine.h"

/* The member "host" of info. What cannot be found out is left empty; an unreadable containers.conf or
 * a missing runtime that was asked for by name is an error. */
int pm_host_info(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json **ret,
		 struct pm_err *err);

#endif
