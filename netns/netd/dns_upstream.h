/*
 * dns_upstream - the host's resolvers: read from /etc/resolv.conf, and again when it changes (inotify on its
 * directory, since programs replace the file by rename).
 */
#ifndef PM_NETNS_NETD_DNS_UPSTREAM_H
#define PM_NETNS_NETD_DNS_UPSTREAM_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"
#include "netns/netd/zone.h"

struct pm_upstream {
	int watch; /* inotify; -1: none */
	struct {
		struct sockaddr_storage sa;
		socklen_t len;
	} servers[PM_ZONE_SERVERS];
	size_t n;
};

/* Must be called where the root is that is read later. */
void pm_upstream_init(struct pm_upstream *u);
/* The watch is readable: read the file anew. */
void pm_upstream_changed(struct pm_upstream *u);

/* "nameserver ADDRESS" lines of resolv.conf(5). Pure but for names of IPv6 scopes. */
void pm_upstream_parse(struct pm_upstream *u, const char *text);

#endif
