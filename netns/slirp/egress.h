/*
 * egress - where a container of a user-mode network may connect to, decided in pm-slirp: every frame of the container
 * passes here, and nothing that the container is or may do can take the rules away.
 *
 * A TCP connection is judged by its first segment; UDP datagrams one by one, but for answers to whoever sent one
 * to the container first. What a name means is learned from the answers of the network's name server to
 * questions that the container has asked, before it sees them. Names are learned over UDP only. The network's own
 * services (name server, DHCP, neighbours) are always there. Cloud metadata addresses: netns/egress.h.
 */
#ifndef PM_NETNS_SLIRP_EGRESS_H
#define PM_NETNS_SLIRP_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "netns/addr.h"

struct pm_slirp_egress;

/* rules as --egress takes them; name servers: the network's own, IPv6's family 0 without. PM_E_USAGE. */
int pm_slirp_egress_new(const struct pm_strv *rules, const struct pm_ip *name_server4,
			const struct pm_ip *name_server6, struct pm_slirp_egress **ret,
			struct pm_err *err);

void pm_slirp_egress_free(struct pm_slirp_egress *e);

/* A packet as far as it is looked at. */
struct pm_slirp_flow {
	struct pm_ip src, dst;
	uint8_t proto;             /* IPPROTO_ */
	bool later_fragment;       /* no ports */
	uint16_t sport, dport;     /* host order; TCP and UDP */
	const uint8_t *payload;    /* UDP: the datagram's */
	size_t payload_len;
};

/* From the container: may it go? For TCP: may this connection begin? */
bool pm_slirp_egress_allows(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms);
/* A UDP packet to the container: who may be answered, and what its names are. */
void pm_slirp_egress_learn(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms);

#endif
