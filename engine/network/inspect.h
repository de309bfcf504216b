/*
 * inspect - who is on which network with what address, as trees for `pm inspect` and `pm network inspect`.
 * Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_INSPECT_H
#define PM_ENGINE_NETWORK_INSPECT_H

#include "base/err.h"
#include "base/json.h"
#include "engine/container/container.h"
#include "engine/network/network.h"

/* NetworkSettings.Networks of a container. */
struct pm_json *pm_network_inspect(struct pm_engine *e, const struct pm_container *c,
				   struct pm_json_pool *pool);

/* The containers that run on a network, by id: their names, devices and addresses there. capital: members' names as
 * in templates, else as in JSON. */
int pm_network_containers(struct pm_engine *e, const struct pm_network *n, bool capital,
			  struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

#endif
