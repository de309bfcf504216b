#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/connect.h"

struct disconnect_opts {
	bool force;
};

static const struct pm_opt disconnect_table[] = {
	{"force", 'f', PM_BOOL(struct disconnect_opts, force),
	 "Do not fail when the container is not on the network"},
	{0},
};

static int disconnect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct disconnect_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_disconnect(&e, cli->args[1], cli->args[0], err);
	if (r == -PM_E_NOSUCH && o->force) {
		pm_err_clear(err);
		return 0;
	}
	return r;
}

const struct pm_command pm_cmd_network_disconnect = {
	.path = "network disconnect",
	.summary = "Remove a container from a network",
	.synopsis = "[options] NETWORK CONTAINER",
	.text = "Disconnects a container from a bridge network, also while it runs.",
	.examples = "%p web secondary",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.complete_next = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct disconnect_opts),
	.tables = {{disconnect_table, 0}, {0}},
	.run = disconnect_run,
};
