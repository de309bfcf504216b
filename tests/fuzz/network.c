/* Definitions of networks (files), and below them --egress rules. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/network/network.h"
#include "netns/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_network n = {0}, again = {0};
	struct pm_err err = PM_ERR_INIT;
	struct pm_egress_rule rule;
	_cleanup_free_ char *text = pm_malloc(size + 1);
	memcpy(text, data, size);
	pm_egress_parse(text, &rule, NULL);

	if (pm_network_parse((const char *)data, size, &n, &err) < 0)
		return 0;
	/* what was read is written as something that reads */
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_json_write(pm_network_to_json(&n, pool), 0, &out);
	if (pm_network_parse(out.data, out.len, &again, &err) < 0 && n.created)
		abort();
	pm_network_free(&n);
	pm_network_free(&again);
	return 0;
}
