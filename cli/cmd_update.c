#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options_parts.h"
#include "engine/container/update.h"

struct update_opts {
	struct pm_ctr_opts ctr;
	bool latest;
};

static const struct pm_opt update_table[] = {
	{"latest", 'l', PM_BOOL(struct update_opts, latest), "Act on the container created last"},
	{0},
};

static int update_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct update_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	_cleanup_ctr_config_ struct pm_ctr_config given;
	char latest[65];

	pm_container_init(&c);
	pm_ctr_config_init(&given);
	if (cli->n_args != !o->latest)
		return pm_fail(err, PM_E_USAGE,
			       "update takes the name or id of one container, or --latest");
	int r = pm_ctr_apply_limits(cli, &o->ctr, &given, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest)
		r = pm_container_latest(&e, latest, err);
	if (r >= 0)
		r = pm_container_load(&e, o->latest ? latest : cli->args[0], &c, err);
	if (r >= 0)
		r = pm_container_update(&e, &c, &given, err);
	if (r >= 0)
		printf("%s\n", c.row.id);
	return r;
}

const struct pm_command pm_cmd_update = {
	.path = "update|container update",
	.summary = "Update an existing container",
	.synopsis = "[options] CONTAINER",
	.text = "Updates the limits of a container: of a running one at once, and for every later "
		"start.",
	.examples = "%p --cpus=5 foobar_container\n%p --memory 512m --pids-limit 100 ctrID",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct update_opts),
	.tables = {{pm_ctr_pod_limits_table, offsetof(struct update_opts, ctr)},
		   {pm_ctr_limits_table, offsetof(struct update_opts, ctr)},
		   {update_table, 0},
		   {0}},
	.run = update_run,
};
