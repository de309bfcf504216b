/*
 * zone - what pm-netd's name server knows: networks with the containers on them, by name and by address.
 * A container is seen from another when they share a network. In memory; changed by messages of the
 * manager only. Pure.
 */
#ifndef PM_NETNS_NETD_ZONE_H
#define PM_NETNS_NETD_ZONE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "netns/addr.h"

#define PM_ZONE_ADDRESSES 16
#define PM_ZONE_SERVERS 8
#define PM_ZONE_DOMAIN "dns.podman"

struct pm_zone_host {
	char id[65];
	struct pm_strv names; /* lower case */
	struct pm_ip addrs[PM_ZONE_ADDRESSES];
	size_t n_addrs;
	struct pm_ip servers[PM_ZONE_SERVERS]; /* to forward its questions to; none: the network's */
	size_t n_servers;
};

struct pm_zone_net {
	char name[256];
	bool internal;
	struct pm_zone_host *hosts;
	size_t n_hosts;
	struct pm_ip servers[PM_ZONE_SERVERS]; /* to forward to; none: the host's */
	size_t n_servers;
};

struct pm_zone {
	struct pm_zone_net **nets; /* addresses that stay while a network lives */
	size_t n_nets;
};

void pm_zone_free(struct pm_zone *z);
struct pm_zone_net *pm_zone_net(struct pm_zone *z, const char *name, bool make);
void pm_zone_drop_net(struct pm_zone *z, const char *name);
/* Replaces what net knew of the container; its servers are left empty, for the caller to fill. names and addrs
 * are copied. Valid until the next change. */
struct pm_zone_host *pm_zone_set_host(struct pm_zone_net *net, const char *id, const struct pm_strv *names,
		      const struct pm_ip *addrs, size_t n_addrs);
/* Whose address that is, or NULL. */
const struct pm_zone_host *pm_zone_host_at(const struct pm_zone_net *net, const struct pm_ip *ip);
void pm_zone_drop_host(struct pm_zone_net *net, const char *id);

/* Who asks: the container with that address on the network it asks by, and all networks it is on. */
struct pm_zone_view {
	const struct pm_zone *z;
	const struct pm_zone_net *by;
	const char *id; /* NULL: not a container known to us; it sees network by alone */
};
struct pm_zone_view pm_zone_view(const struct pm_zone *z, const struct pm_zone_net *by,
				 const struct pm_ip *client);

enum pm_zone_found {
	PM_ZONE_UNKNOWN, /* not ours */
	PM_ZONE_NONE,    /* ours, and not there */
	PM_ZONE_FOUND,
};
/* The addresses of name (lower case, no trailing dot); max at most. *ret_n 0 with FOUND: it has none of
 * that family. */
enum pm_zone_found pm_zone_by_name(const struct pm_zone_view *v, const char *name, int family,
				   struct pm_ip *ret, size_t max, size_t *ret_n);
/* The names of an address: the container's, or NULL. */
const struct pm_strv *pm_zone_by_addr(const struct pm_zone_view *v, const struct pm_ip *ip);

/* May the asker's other questions go out? Not when all its networks are internal. */
bool pm_zone_may_forward(const struct pm_zone_view *v);

#endif
