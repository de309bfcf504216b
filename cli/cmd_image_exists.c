#include "cli/commands.h"
#include "engine/image/resolve.h"

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	char id[65];
	(void)opts;
	int r = pm_image_resolve_any(pm_cli_store(cli), cli->args[0], id, NULL, err);
	return pm_cli_exists(r, err);
}

const struct pm_command pm_cmd_image_exists = {
	.path = "image exists",
	.summary = "Check if an image exists in local storage",
	.synopsis = "IMAGE",
	.text = "Exits with 0 when the image is in local storage, with 1 when it is not.",
	.examples = "%p ID\n%p IMAGE && pm pull IMAGE",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.run = exists_run,
};
