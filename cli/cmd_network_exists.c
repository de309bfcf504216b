#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/network.h"

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_network_ struct pm_network n = {0};
	(void)opts;
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_find(&e, cli->args[0], &n, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_network_exists = {
	.path = "network exists",
	.summary = "Check if a network exists",
	.synopsis = "NETWORK",
	.text = "If the named network exists, exits with 0, otherwise the exit code is 1.",
	.examples = "%p net1",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.run = exists_run,
};
