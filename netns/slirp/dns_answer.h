/*
 * dns_answer - the addresses in a DNS answer, and the name that was asked for. No more of DNS is needed in pm-slirp,
 * one of which lives as long as each container: a library for it would be half as big again as the program. The bytes come from
 * whoever answers the host's resolver. Pure.
 */
#ifndef PM_NETNS_SLIRP_DNS_ANSWER_H
#define PM_NETNS_SLIRP_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/addr.h"

#define PM_DNS_ANSWER_IPS 32

struct pm_dns_answer {
	char name[256]; /* lower case, no trailing dot */
	struct pm_ip ips[PM_DNS_ANSWER_IPS]; /* of A and AAAA records; what is more is left out */
	size_t n_ips;
	uint32_t ttl; /* s, the least; 0 without addresses */
};

/* false: no answer to one question, or malformed (RFC 1035, 4.1). */
bool pm_dns_answer_parse(const uint8_t *msg, size_t len, struct pm_dns_answer *ret);

#endif
