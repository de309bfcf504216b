/* DNS answers as pm-slirp learns from them: from whoever answers the host's resolver. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netns/slirp/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_dns_answer a;
	if (!pm_dns_answer_parse(data, size, &a))
		return 0;
	if (strlen(a.name) > 253 || a.n_ips > PM_DNS_ANSWER_IPS || (!a.n_ips && a.ttl))
		abort();
	return 0;
}
