#include "cli/commands.h"
#include "cli/pod_common.h"

struct restart_opts {
	bool all, latest;
};

static const struct pm_opt restart_table[] = {
	{"all", 'a', PM_BOOL(struct restart_opts, all), "Restart all pods"},
	{"latest", 'l', PM_BOOL(struct restart_opts, latest), "Act on the pod created last"},
	{0},
};

static int restart_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		  struct pm_err *err)
{
	(void)arg;
	return pm_pod_restart(e, id, notes, err);
}

static int restart_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct restart_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest};
	return pm_pod_verb(cli, &ch, false, restart_one, NULL, err);
}

const struct pm_command pm_cmd_pod_restart = {
	.path = "pod restart",
	.summary = "Restart one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "The pod name or ID can be used.\n\n"
		"All of the containers within each of the specified pods are stopped, and all are started.",
	.examples = "%p podID1 podID2\n%p --latest\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct restart_opts),
	.tables = {{restart_table, 0}, {0}},
	.run = restart_run,
};
