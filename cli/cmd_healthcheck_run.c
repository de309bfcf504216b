#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/control.h"

static int healthcheck_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	if (r == -PM_E_NOSUCH)
		return pm_wrap(err, "unable to look up %s to perform a health check", cli->args[0]);
	if (r >= 0)
		r = pm_container_check_health(&e, &c, err);
	if (r < 0)
		return r;
	if (r == 0)
		puts("unhealthy");
	return r == 0;
}

const struct pm_command pm_cmd_healthcheck_run = {
	.path = "healthcheck run",
	.summary = "Run the health check of a container",
	.synopsis = "CONTAINER",
	.text = "Run the health check of a container",
	.examples = "%p mywebapp",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.run = healthcheck_run,
};
