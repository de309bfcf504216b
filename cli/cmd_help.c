#include <stdio.h>

#include "cli/commands.h"
#include "cli/help.h"

static int help_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	char path[64] = "";
	size_t used = 0;
	(void)opts;
	(void)err;

	const struct pm_command *c = cli->n_args ? pm_command_find(cli->args, &used, path) : NULL;
	if (cli->n_args && (!c || (used < (size_t)cli->n_args && c->flags & PM_CMD_GROUP))) {
		printf("Unknown help topic [");
		for (int i = 0; i < cli->n_args; i++)
			printf("%s`%s`", i ? " " : "", cli->args[i]);
		printf("]\n");
		pm_help_usage(NULL, "", &out);
	} else {
		pm_help_command(c, path, &out);
	}
	fputs(pm_buf_str(&out), stdout);
	return 0;
}

const struct pm_command pm_cmd_help = {
	.path = "help",
	.summary = "Help about any command",
	.synopsis = "[command]",
	.text = "Help provides help for any command in the application.\n"
		"Simply type pm help [path to command] for full details.",
	.max_args = -1,
	.complete = PM_COMPLETE_COMMAND,
	.run = help_run,
};
