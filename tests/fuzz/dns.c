/* Queries of containers and replies of resolvers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netns/netd/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pm_zone z;
	if (!z.n_nets) {
		char *name[] = {(char[]){"web"}, NULL};
		struct pm_strv names = PM_STRV_INIT;
		struct pm_ip ips[2];
		pm_strv_add_all(&names, name);
		pm_ip_parse("10.1.0.2", &ips[0], NULL);
		pm_ip_parse("fd01::2", &ips[1], NULL);
		pm_zone_set_host(pm_zone_net(&z, "n", true), "1", &names, ips, 2);
		pm_strv_free(&names);
	}
	struct pm_ip client, ips[8];
	struct pm_dns_question q = {.len = 0};
	uint8_t *reply;
	size_t len;
	uint32_t ttl;
	pm_ip_parse("10.1.0.2", &client, NULL);
	struct pm_zone_view v = pm_zone_view(&z, pm_zone_net(&z, "n", false), &client);
	for (int udp = 0; udp < 2; udp++) {
		switch (pm_dns_handle(&v, data, size, udp, 0, &q, &reply, &len)) {
		case PM_DNS_ANSWER:
			if (len < PM_DNS_HEADER || (udp && len > PM_DNS_UDP_MAX) || !(reply[2] & 0x80))
				abort();
			free(reply);
			break;
		case PM_DNS_FORWARD:
			(void)pm_dns_matches(data, &q, 1, data, size);
			if (pm_dns_failure(data, size, &reply, &len))
				free(reply);
			break;
		case PM_DNS_DROP:
			break;
		}
	}
	(void)pm_dns_addresses(data, size, ips, 8, &ttl);
	return 0;
}
