#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/network.h"

struct rm_opts {
	bool force;
	uint64_t time;
};

static const struct pm_opt rm_table[] = {
	{"force", 'f', PM_BOOL(struct rm_opts, force), "Remove any containers using the network"},
	{"time", 't', PM_UINT(struct rm_opts, time),
	 "Seconds to wait for running containers to stop before killing the container", .def = "10"},
	{0},
};

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		r = pm_network_remove(&e, cli->args[i], o->force,
				      pm_cli_given(cli, "time") ? (int)o->time : -1, err);
		if (r >= 0) {
			puts(cli->args[i]);
			continue;
		}
		/* Podman: 1 for a missing one, 2 for one in use */
		pm_cli_set_exit(cli, r == -PM_E_NOSUCH ? 1 : r == -PM_E_INUSE ? 2 : 125);
		pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_network_rm = {
	.path = "network rm,remove",
	.summary = "Remove networks",
	.synopsis = "[options] NETWORK [NETWORK...]",
	.text = "Removes one or more networks. A network that containers are connected to is removed only with\n"
		"--force, and the containers with it.",
	.examples = "%p podman1\n%p --force net1 net2",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
