#include "cli/commands.h"
#include "cli/pod_common.h"

struct stop_opts {
	bool all, latest, ignore;
	struct pm_strv id_file;
	uint64_t time;
};

static const struct pm_opt stop_table[] = {
	{"all", 'a', PM_BOOL(struct stop_opts, all), "Stop all pods"},
	{"ignore", 'i', PM_BOOL(struct stop_opts, ignore),
	 "Ignore errors when a specified pod is missing"},
	{"latest", 'l', PM_BOOL(struct stop_opts, latest), "Act on the pod created last"},
	{"pod-id-file", 0, PM_STRINGS(struct stop_opts, id_file), "Read the pod ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"time", 't', PM_UINT(struct stop_opts, time),
	 "Seconds to wait for pod stop before killing the containers (default: each container's own)"},
	{0},
};

static int stop_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		    struct pm_err *err)
{
	return pm_pod_stop(e, id, *(int *)arg, notes, err);
}

static int stop_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct stop_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest, .id_files = &o->id_file};
	int timeout = pm_cli_given(cli, "time") ? (int)o->time : -1;
	return pm_pod_verb(cli, &ch, o->ignore, stop_one, &timeout, err);
}

const struct pm_command pm_cmd_pod_stop = {
	.path = "pod stop",
	.summary = "Stop one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "The pod name or ID can be used.\n\n"
		"This command will stop all running containers in each of the specified pods, at once; "
		"the infra container last.",
	.examples = "%p mywebserverpod\n%p --latest\n%p --time 0 490eb 3557fb",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct stop_opts),
	.tables = {{stop_table, 0}, {0}},
	.run = stop_run,
};
