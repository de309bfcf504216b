/*
 * way_out - the bridges' way out of a user's namespace is an ordinary user-mode network. Should its pm-slirp end, which
 * no container can make it do but a hostile one may find out how, another takes over the tap device, which pm-netd keeps
 * open for that. pm-slirp belongs into the host's network namespace, which pm-netd has left: a child that has not
 * starts it. One that ends again and again is not started again.
 */
#ifndef PM_NETNS_NETD_WAY_OUT_H
#define PM_NETNS_NETD_WAY_OUT_H

#include "netns/netd/manager.h"

/* In the host's network namespace, before the bridges' own: a pm-slirp begins to start. */
int netd_way_out_begin(struct netd *d, struct pm_err *err);
/* In the bridges': the tap device, handed to it. */
int netd_way_out_open(struct netd *d, struct pm_err *err);
/* Wait until pm-slirp is at work, once. */
int netd_way_out_ready(struct netd *d, struct pm_err *err);
/* d->slirp can be read: it is ready, or has ended. Then d->slirp becomes another's socket, or -1. */
void netd_way_out_event(struct netd *d);

#endif
