#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/create.h"

struct update_opts {
	struct pm_strv add, drop;
};

static const struct pm_opt update_table[] = {
	{"dns-add", 0, PM_LIST(struct update_opts, add), "Add name servers to forward to", .arg = "ip"},
	{"dns-drop", 0, PM_LIST(struct update_opts, drop), "Remove name servers to forward to", .arg = "ip"},
	{0},
};

static int update_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct update_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	if (!o->add.n && !o->drop.n)
		return pm_fail(err, PM_E_USAGE, "one of --dns-add and --dns-drop must be given");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_update_dns(&e, cli->args[0], &o->add, &o->drop, err);
	if (r >= 0)
		puts(cli->args[0]);
	return r;
}

const struct pm_command pm_cmd_network_update = {
	.path = "network update",
	.summary = "Update an existing network",
	.synopsis = "[options] NETWORK",
	.text = "Changes the name servers that a network's own name server forwards to.",
	.examples = "%p --dns-add 8.8.8.8,1.1.1.1 net1\n%p --dns-drop 8.8.8.8 net1",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.opts_size = sizeof(struct update_opts),
	.tables = {{update_table, 0}, {0}},
	.run = update_run,
};
