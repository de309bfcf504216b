/*
 * connect - changes to the networks of a container that exists: joined and left also while it runs, without
 * touching its process. Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_CONNECT_H
#define PM_ENGINE_NETWORK_CONNECT_H

#include "base/err.h"
#include "engine/network/place.h"

/* Takes the container's operation lock. PM_E_EXISTS: it is on the network already; PM_E_NOSUCH. */
int pm_network_connect(struct pm_engine *e, const char *container, const struct pm_place *p,
		       struct pm_err *err);
int pm_network_disconnect(struct pm_engine *e, const char *container, const char *network,
			  struct pm_err *err);

/* The rules of a running container's networks are written anew; when its pm-netd was killed, the container is
 * connected to a new one, with the addresses it had. PM_E_STATE when it does not run. Locked. */
int pm_network_reload(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

#endif
