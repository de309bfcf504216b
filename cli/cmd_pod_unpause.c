#include "cli/commands.h"
#include "cli/pod_common.h"

struct unpause_opts {
	bool all, latest;
};

static const struct pm_opt unpause_table[] = {
	{"all", 'a', PM_BOOL(struct unpause_opts, all), "Unpause all pods"},
	{"latest", 'l', PM_BOOL(struct unpause_opts, latest), "Act on the pod created last"},
	{0},
};

static int unpause_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		  struct pm_err *err)
{
	(void)arg;
	return pm_pod_unpause(e, id, notes, err);
}

static int unpause_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct unpause_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest};
	return pm_pod_verb(cli, &ch, false, unpause_one, NULL, err);
}

const struct pm_command pm_cmd_pod_unpause = {
	.path = "pod unpause",
	.summary = "Unpause one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "The pod name or ID can be used.\n\n"
		"The paused containers of each specified pod go on.",
	.examples = "%p podID1 podID2\n%p --latest\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct unpause_opts),
	.tables = {{unpause_table, 0}, {0}},
	.run = unpause_run,
};
