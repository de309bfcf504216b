/*
 * egress - the grammar of --egress: where containers may connect to.
 *
 *	none                  nowhere
 *	CIDR[:PORTS]          10.0.0.0/8, 192.0.2.7:443, [2001:db8::/32]:80,443
 *	NAME[:PORTS]          example.org:443, *.example.org: what the network's name server answers for it
 *
 * PORTS is a comma list of N or N-M; without it every port and protocol. Rules add up; addresses of
 * cloud metadata services (link-local) are open only where a rule names them. Pure; libc-only.
 */
#ifndef PM_NETNS_EGRESS_H
#define PM_NETNS_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "netns/addr.h"

#define PM_EGRESS_PORTS 16
#define PM_EGRESS_NAME 254

struct pm_egress_rule {
	enum {
		PM_EGRESS_NONE,
		PM_EGRESS_NET,
		PM_EGRESS_DNS,
	} kind;
	struct pm_ipnet net;
	char name[PM_EGRESS_NAME]; /* lower case, without a trailing dot; subdomains: without "*." */
	bool subdomains;
	size_t n_ports; /* 0: all */
	struct {
		uint16_t first, last;
	} ports[PM_EGRESS_PORTS];
};

/* Networks that stay closed unless a rule names them: cloud metadata services; as text, ending with NULL. */
extern const char *const pm_egress_metadata[];
bool pm_egress_is_metadata(const struct pm_ip *ip);
/* Does the rule name such an address, rather than cover it by being wide? */
bool pm_egress_names_metadata(const struct pm_egress_rule *r);
/* A rule with a name: is it this one (lower case, no trailing dot)? */
bool pm_egress_matches_name(const struct pm_egress_rule *r, const char *name);

/* PM_E_USAGE names the rule and what is wrong. */
int pm_egress_parse(const char *text, struct pm_egress_rule *ret, struct pm_err *err);

#endif
