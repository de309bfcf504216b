/*
 * netfiles - a running container's hosts and resolv.conf follow its networks. The files are in its run directory and
 * mounted into it, so they are written in place; what the container has written there itself stays. Runs in pm,
 * container locked.
 */
#ifndef PM_ENGINE_NETWORK_NETFILES_H
#define PM_ENGINE_NETWORK_NETFILES_H

#include "base/err.h"
#include "engine/container/container.h"

/* It is on the network now, or is just leaving it: its config has the network in either case. */
int pm_netfiles_joined(struct pm_engine *e, const struct pm_container *c, const char *network,
		       struct pm_err *err);
int pm_netfiles_left(struct pm_engine *e, const struct pm_container *c, const char *network,
		     struct pm_err *err);

#endif
