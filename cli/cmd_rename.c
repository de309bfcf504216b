#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/rename.h"

static int rename_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	return r < 0 ? r : pm_container_rename(&e, &c, cli->args[1], err);
}

const struct pm_command pm_cmd_rename = {
	.path = "rename|container rename",
	.summary = "Rename an existing container",
	.synopsis = "CONTAINER NAME",
	.text = "The rename command allows you to rename an existing container, running or not.",
	.examples = "%p containerA newName",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.complete_next = PM_COMPLETE_NOTHING,
	.run = rename_run,
};
