/*
 * dns_watch - which names' addresses the manager wants to know before a client does: those of egress rules.
 */
#ifndef PM_NETNS_NETD_DNS_WATCH_H
#define PM_NETNS_NETD_DNS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "netns/addr.h"

struct pm_watch {
	int64_t number;
	char net[256];
	struct pm_strv addresses; /* of clients; none: all of net */
	struct pm_strv names;     /* lower case; "*.x": below x */
};

struct pm_watches {
	struct pm_watch *v;
	size_t n;
};

/* From a message {watch, net, address..., name...}; replaces one of that number. */
void pm_watches_add(struct pm_watches *l, const struct pm_wire *w);
void pm_watches_drop(struct pm_watches *l, const struct pm_wire *w);
bool pm_watches_want(const struct pm_watches *l, const char *net, const struct pm_ip *client,
		     const char *name);

/* Does pattern ("x" or "*.x") stand for name? */
bool pm_watch_name(const char *pattern, const char *name);

#endif
