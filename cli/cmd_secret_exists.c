#include "cli/commands.h"
#include "storage/secret.h"

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	(void)opts;
	int r = pm_secret_find(pm_cli_store(cli), cli->args[0], &row, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_secret_exists = {
	.path = "secret exists",
	.summary = "Check if a secret exists",
	.synopsis = "SECRET",
	.text = "Exits with 0 when there is a secret of that name or id, with 1 when there is none, and with 125 when "
		"that cannot be told.",
	.examples = "%p mysecret",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_SECRET,
	.run = exists_run,
};
