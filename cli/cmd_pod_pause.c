#include "cli/commands.h"
#include "cli/pod_common.h"

struct pause_opts {
	bool all, latest;
};

static const struct pm_opt pause_table[] = {
	{"all", 'a', PM_BOOL(struct pause_opts, all), "Pause all pods"},
	{"latest", 'l', PM_BOOL(struct pause_opts, latest), "Act on the pod created last"},
	{0},
};

static int pause_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		  struct pm_err *err)
{
	(void)arg;
	return pm_pod_pause(e, id, notes, err);
}

static int pause_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct pause_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest};
	return pm_pod_verb(cli, &ch, false, pause_one, NULL, err);
}

const struct pm_command pm_cmd_pod_pause = {
	.path = "pod pause",
	.summary = "Pause one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "The pod name or ID can be used.\n\n"
		"All running containers within each specified pod will then be paused.",
	.examples = "%p podID1 podID2\n%p --latest\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct pause_opts),
	.tables = {{pause_table, 0}, {0}},
	.run = pause_run,
};
