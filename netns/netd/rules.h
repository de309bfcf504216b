/*
 * rules - the nftables rules of the bridges' namespace: isolation, internal networks, masquerading, the
 * way back of connections whose client's address is kept, egress rules. They are one table (and one of the bridge family:
 * guard.h), which is a function of the networks and containers there are: it is written anew as a whole, in one
 * transaction, when these change. Applied with libnftables in a child, so that its memory goes again.
 */
#ifndef PM_NETNS_NETD_RULES_H
#define PM_NETNS_NETD_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "netns/egress.h"
#include "netns/netd/guard.h"
#include "netns/netd_client.h"

/* What may be reached from some source; the more than one scope there is, the less. */
struct pm_rules_scope {
	const char *bridge;                /* packets from here ... */
	const struct pm_netd_net *from;    /* ... and of this container's addresses; NULL: all */
	const struct pm_egress_rule *rules;
	size_t n_rules;
	unsigned int number;               /* names the scope's chain and sets */
};

struct pm_rules {
	const char *table;
	uint32_t mark;
	const struct pm_netd_net *const *nets; /* one for each bridge */
	size_t n_nets;
	const struct pm_rules_scope *scopes;
	size_t n_scopes;
	const struct pm_guard_port *ports;
	size_t n_ports;
};

/* The table as nft text. Pure. */
void pm_rules_text(const struct pm_rules *r, struct pm_buf *out);
/* One address of a DNS rule of a scope: as nft text that adds it for ttl seconds. */
void pm_rules_add_address(const char *table, const struct pm_rules_scope *s, size_t rule,
			  const struct pm_ip *ip, unsigned int ttl, struct pm_buf *out);

/* Apply text, in two halves: a child does it meanwhile. begin returns what end waits for (and closes). Transactions of two
 * that have both begun may come in any order. The caller ignores SIGCHLD: when the kernel has the rules the child is still
 * busy for 10 ms with closing its socket (it waits for an RCU grace period), for which nobody has to wait. */
int pm_rules_begin(const char *text, struct pm_err *err);
int pm_rules_end(int job, struct pm_err *err);
int pm_rules_apply(const char *text, struct pm_err *err);

#endif
