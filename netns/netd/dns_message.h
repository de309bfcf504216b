/*
 * dns_message - DNS messages of containers and of resolvers: questions taken apart, answers made. The wire
 * format is ldns's business. Pure; runs in pm-netd's sandboxed name server.
 */
#ifndef PM_NETNS_NETD_DNS_MESSAGE_H
#define PM_NETNS_NETD_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/netd/zone.h"

#define PM_DNS_UDP_MAX 1232  /* an answer by UDP, whatever more the client would take */
#define PM_DNS_HEADER 12

enum pm_dns_verdict {
	PM_DNS_DROP,    /* not a question: no answer either */
	PM_DNS_ANSWER,  /* *ret holds it */
	PM_DNS_FORWARD, /* it is for the resolvers */
};

struct pm_dns_question {
	char name[256]; /* lower case, without trailing dot */
	size_t len;     /* of the question's bytes, from offset PM_DNS_HEADER */
};

/* What is to become of a query that came by view. *ret, *ret_len: the answer, to be freed; q is filled
 * for FORWARD. udp: answers that do not fit are cut, with the flag that says so. turn: rotates the
 * addresses of one name. */
enum pm_dns_verdict pm_dns_handle(const struct pm_zone_view *v, const uint8_t *query, size_t len,
				  bool udp, unsigned int turn, struct pm_dns_question *q,
				  uint8_t **ret, size_t *ret_len);

/* The same query's answer when no resolver helps: server failure. */
bool pm_dns_failure(const uint8_t *query, size_t len, uint8_t **ret, size_t *ret_len);

/* Is reply the answer to query (its id being id)? */
bool pm_dns_matches(const uint8_t *query, const struct pm_dns_question *q, uint16_t id,
		    const uint8_t *reply, size_t len);

/* The addresses in an answer, with the smallest time to live in seconds. Returns how many. */
size_t pm_dns_addresses(const uint8_t *reply, size_t len, struct pm_ip *ret, size_t max,
			uint32_t *ret_ttl);

#endif
