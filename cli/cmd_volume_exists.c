#include "cli/commands.h"
#include "engine/volume/volume.h"

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	(void)opts;
	int r = pm_volume_find(pm_cli_store(cli), cli->args[0], &row, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_volume_exists = {
	.path = "volume exists",
	.summary = "Check if a volume exists",
	.synopsis = "VOLUME",
	.text = "Exits with 0 when there is a volume of that name, with 1 when there is none, and with 125 "
		"when that cannot be told.",
	.examples = "%p myvol",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.run = exists_run,
};
