/*
 * mark - how answers to a client whose address is kept find back. The port forwarder connects to a container
 * from the client's own address; the packets of such a connection carry the mark, and with it a routing table
 * in which everything is local. Libc-only; for root of the network namespace.
 */
#ifndef PM_NETNS_MARK_H
#define PM_NETNS_MARK_H

#include "base/err.h"
#include "netns/rtnl.h"

#define PM_MARK 0x70000000
#define PM_MARK_OWN 0x0fffffff /* on the host: which run root's */

/* The rule and the table, which has mark as its number, for both families; add or remove. nl: a rtnetlink socket. */
int pm_mark_route(int nl, uint32_t mark, bool add, struct pm_err *err);

/* For a forwarder in the container's own network namespace, the current one: connections that are accepted
 * there take the mark of their request, so answers have it without a rule of nftables (tcp_fwmark_accept, Linux
 * 3.15). 1, or 0 where that cannot be had, as /proc/sys is read-only. */
int pm_mark_own_netns(struct pm_err *err);

#endif
