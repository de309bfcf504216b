#include <stdio.h>

#include "cli/commands.h"

static int version_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)cli;
	(void)opts;
	(void)err;
	printf("Client:       pm\n"
	       "Version:      " PM_VERSION "\n"
	       "Compiler:     gcc " __VERSION__ "\n");
	return 0;
}

const struct pm_command pm_cmd_version = {
	.path = "version",
	.summary = "Display the pm version information",
	.synopsis = "[options]",
	.run = version_run,
};
