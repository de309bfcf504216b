#include "cli/commands.h"

static int reload_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)cli;
	(void)opts;
	(void)err;
	return 0; /* no plugin has a volume that the database does not know */
}

const struct pm_command pm_cmd_volume_reload = {
	.path = "volume reload",
	.summary = "Reload all volumes from volume plugins",
	.synopsis = "",
	.text = "Podman looks for volumes that its volume plugins made or removed. pm runs no plugins, so there is "
		"never anything to add or remove: the command succeeds and prints nothing.",
	.examples = "%p",
	.flags = PM_CMD_STORE,
	.run = reload_run,
};
