#include <stdlib.h>
#include <string.h>

#include "engine/quadlet/convert_parts.h"

static void add_subnets(struct pm_conv *c, struct pm_strv *cmd)
{
	static const char *const keys[] = {"Subnet", "Gateway", "IPRange"};
	static const char *const options[] = {"subnet", "gateway", "ip-range"};
	struct pm_strv lists[PM_ARRAY_SIZE(keys)] = {0};
	for (size_t k = 0; k < PM_ARRAY_SIZE(keys); k++) {
		for (const struct pm_unitline *l = NULL; (l = pm_unitfile_next(&c->q->in, "Network", keys[k], l));) {
			pm_strv_take(&lists[k], pm_unit_text(l->value));
			if (lists[k].n > lists[0].n)
				pm_conv_fail(c, l, "%s without a Subnet of its own", keys[k]);
		}
	}
	for (size_t i = 0; i < lists[0].n; i++)
		for (size_t k = 0; k < PM_ARRAY_SIZE(keys); k++)
			if (i < lists[k].n)
				pm_strv_addf(cmd, "--%s=%s", options[k], lists[k].v[i]);
	for (size_t k = 0; k < PM_ARRAY_SIZE(keys); k++)
		pm_strv_free(&lists[k]);
}

void pm_conv_network(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	pm_conv_command(c, "network create --ignore", &cmd);
	add_subnets(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	pm_strv_add(&cmd, c->q->resource);
	pm_conv_exec(c, "ExecStart", "", &cmd);
	if (pm_conv_bool(c, "NetworkDeleteOnStop", false)) {
		pm_conv_command(c, "network rm", &cmd);
		pm_strv_add(&cmd, c->q->resource);
		pm_conv_exec(c, "ExecStopPost", "", &cmd);
	}
	pm_conv_oneshot(c);
}
