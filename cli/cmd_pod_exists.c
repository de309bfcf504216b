#include "cli/commands.h"
#include "cli/pod_common.h"

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	(void)opts;
	int r = pm_pod_find(pm_cli_store(cli), cli->args[0], &row, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_pod_exists = {
	.path = "pod exists",
	.summary = "Check if a pod exists in local storage",
	.synopsis = "POD",
	.text = "If the named pod exists in local storage, the exit status is 0, otherwise 1.",
	.examples = "%p podID\n%p mypod || pm pod create mypod",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.run = exists_run,
};
