/*
 * links - the devices of bridge networks: the bridge with its gateway addresses, the veth pair of a container
 * (or its macvlan or ipvlan device) with addresses and routes. By rtnetlink, in pm-netd's manager, which
 * has CAP_NET_ADMIN over both network namespaces.
 */
#ifndef PM_NETNS_NETD_LINKS_H
#define PM_NETNS_NETD_LINKS_H

#include "base/err.h"
#include "netns/netd_client.h"

/* Make the bridge of network n, or adopt one of that name; up, with the gateways' addresses. nl: a
 * rtnetlink socket of the bridges' namespace. Returns its index. */
int pm_links_bridge(int nl, const struct pm_netd_net *n, struct pm_err *err);
void pm_links_remove(int nl, int index);

/* A rtnetlink socket of another network namespace. own: this process's. */
int pm_links_open_in(int netns, int own, struct pm_err *err);

/* The name of a device's other end: as n says, else one nobody has; "" for macvlan and ipvlan. */
int pm_links_name(const struct pm_netd_net *n, char ret[16], struct pm_err *err);
/* Connect a container: n's device in the namespace netns with addresses and routes; host_device: the
 * name of the other end. bridge: index of the bridge; rank: the network's
 * place among the container's, which makes the first one's default route the best. Returns the device's index
 * in the container. On failure nothing is left. */
int pm_links_connect(int nl, int ctr_nl, int netns, const struct pm_netd_net *n, int bridge,
		     unsigned int rank, const char *host_device, struct pm_err *err);
/* By the device in the container; one that is gone already is fine. */
void pm_links_disconnect(int ctr_nl, const char *device);
/* The device loses its addresses only, so that they can be given again: to remove a device takes the kernel 10 ms and
 * more, which it spends later, when the container's namespace goes. */
void pm_links_retire(int ctr_nl, const struct pm_netd_net *n);

#endif
