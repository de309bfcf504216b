/*
 * guard - the part of the nftables rules that keeps a container on a bridge to its own addresses: what its device sends
 * with another's MAC, IPv4 or IPv6 address, or says about another's by ARP or neighbour discovery, is dropped before the
 * bridge has looked at it; so are router advertisements and redirects. It is a table of the bridge family beside the other
 * one, with sets of what each device (port) may send, to which ports are added one by one: with a thousand containers the
 * whole would be long. A network without addresses, or with the option antispoof=false, has no ports there.
 *
 * What a container with egress rules and its neighbours on the bridge say to each other goes through the host's IP, where these
 * rules are (rules.h): its frames, and those to it, are handed to the bridge itself. Multicast of it is dropped. That is a
 * table of its own, as a transaction's length is limited: some 700 ports. Pure.
 */
#ifndef PM_NETNS_NETD_GUARD_H
#define PM_NETNS_NETD_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "netns/netd_client.h"

struct pm_guard_port {
	const char *device;            /* the bridge's end */
	const struct pm_netd_net *net; /* with the container's addresses */
	const uint8_t *bridge_mac;     /* it has egress rules; else NULL */
};

/* Is a container on that network kept to its addresses? */
bool pm_guard_wanted(const struct pm_netd_net *net);
/* The table anew as nft text, without ports; there false: that it is gone. */
void pm_guard_table(const char *table, bool there, struct pm_buf *out);
/* A port comes to the table or goes. */
void pm_guard_port(const char *table, const struct pm_guard_port *p, bool add, struct pm_buf *out);
/* The table TABLE_routes anew, for those of the ports that have egress rules; without any: that it is gone. */
void pm_guard_routes(const char *table, const struct pm_guard_port *ports, size_t n, struct pm_buf *out);

#endif
