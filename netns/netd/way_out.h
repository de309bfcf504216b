/*
 * way_out - the bridges' way out of a user's namespace is an ordinary user-mode network. Should its pm-slirp end, which
 * no container can make it do but a hostile one may find out how, another takes over the tap device, which pm-netd keeps
 * open for that. pm-slirp belongs into the host's network namespace, which pm-netd has left: a child that has not
 * starts it. One that ends again and again is not started again.
 */
#ifndef PM_NETNS_NETD_WAY_OUT_H
#define PM_NETNS_NETD_WAY_OUT_H

#include "netns/netd/manager.h"

/* In the host's network namespace, before the bridges' own. */
int netd_way_out_begin(struct netd *d, struct pm_err *err);
/* In the bridges': the tap device, handed to the pm-slirp at sock, which has its settings from pm. */
int netd_way_out_open(struct netd *d, int sock, struct pm_err *err);
/* pm-slirp has ended: d->slirp becomes another's socket, or -1. */
void netd_way_out_again(struct netd *d);

#endif
