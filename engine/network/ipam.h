/*
 * ipam - addresses of containers: taken in one transaction of the database, each belonging to a live
 * container. A lease counts as long as its container's monitor or process lives, or the pm that took it
 * does; one whose holder died in any way is taken over when its number comes up. Numbers are given in
 * turn, so that an address is not reused at once. Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_IPAM_H
#define PM_ENGINE_NETWORK_IPAM_H

#include "base/err.h"
#include "engine/network/network.h"

/* What the container holds already it keeps. An address of each subnet of the network for the container, into ret (one for each subnet; family 0 where
 * the network has no addresses of its own choosing). ip4, ip6: asked for, or family 0. In the caller's
 * transaction. PM_E_INUSE: the address asked for belongs to another; PM_E_USAGE: it is of no subnet, or all
 * are taken. */
int pm_ipam_take(struct pm_engine *e, const struct pm_network *n, const char *container,
		 const struct pm_ip *ip4, const struct pm_ip *ip6, struct pm_ip *ret,
		 struct pm_err *err);

#endif
