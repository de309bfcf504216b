#include "cli/commands.h"
#include "cli/pod_common.h"
#include "engine/container/config.h"

struct kill_opts {
	bool all, latest;
	const char *signal;
};

static const struct pm_opt kill_table[] = {
	{"all", 'a', PM_BOOL(struct kill_opts, all), "Signal all containers in all pods"},
	{"latest", 'l', PM_BOOL(struct kill_opts, latest), "Act on the pod created last"},
	{"signal", 's', PM_STRING(struct kill_opts, signal),
	 "Signal to send to the containers in the pod", .def = "KILL", .complete = PM_COMPLETE_SIGNAL},
	{0},
};

static int kill_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		    struct pm_err *err)
{
	return pm_pod_kill(e, id, *(int *)arg, notes, err);
}

static int kill_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct kill_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest};
	int sig;
	int r = pm_signal_parse(o->signal, &sig, err);
	return r < 0 ? r : pm_pod_verb(cli, &ch, false, kill_one, &sig, err);
}

const struct pm_command pm_cmd_pod_kill = {
	.path = "pod kill",
	.summary = "Send the specified signal or SIGKILL to containers in pod",
	.synopsis = "[options] POD [POD...]",
	.text = "The main process of each running container inside the specified pod will be sent the "
		"signal SIGKILL, or the signal specified with option --signal.",
	.examples = "%p podID\n%p --signal TERM mywebserver\n%p --latest",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct kill_opts),
	.tables = {{kill_table, 0}, {0}},
	.run = kill_run,
};
