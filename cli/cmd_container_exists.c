#include "cli/commands.h"
#include "cli/ctr_common.h"

struct exists_opts {
	bool external;
};

static const struct pm_opt exists_table[] = {
	{"external", 0, PM_BOOL(struct exists_opts, external),
	 "No-op: pm has no containers of other tools in its store"},
	{0},
};

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	_cleanup_ctr_row_ struct pm_ctr_row row = {0};
	int r = pm_ctr_find(pm_cli_store(cli), cli->args[0], 0, &row, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_container_exists = {
	.path = "container exists",
	.summary = "Check if a container exists in local storage",
	.synopsis = "[options] CONTAINER",
	.text = "If the named container exists in local storage, the command exits with 0, "
		"otherwise the exit "
		"code will be 1.",
	.examples = "%p containerID\n%p myctr || pm run --name myctr [etc...]",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct exists_opts),
	.tables = {{exists_table, 0}, {0}},
	.run = exists_run,
};
