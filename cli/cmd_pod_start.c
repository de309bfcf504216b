#include "cli/commands.h"
#include "cli/pod_common.h"

struct start_opts {
	bool all, latest;
	struct pm_strv id_file;
};

static const struct pm_opt start_table[] = {
	{"all", 'a', PM_BOOL(struct start_opts, all), "Start all pods"},
	{"latest", 'l', PM_BOOL(struct start_opts, latest), "Act on the pod created last"},
	{"pod-id-file", 0, PM_STRINGS(struct start_opts, id_file), "Read the pod ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{0},
};

static int start_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		     struct pm_err *err)
{
	(void)arg;
	return pm_pod_start(e, id, notes, err);
}

static int start_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct start_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all, .latest = o->latest, .id_files = &o->id_file};
	return pm_pod_verb(cli, &ch, false, start_one, NULL, err);
}

const struct pm_command pm_cmd_pod_start = {
	.path = "pod start",
	.summary = "Start one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "The pod name or ID can be used.\n\n"
		"All containers defined in the pod will be started, side by side, those that others "
		"depend on first.",
	.examples = "%p podID\n%p --latest\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct start_opts),
	.tables = {{start_table, 0}, {0}},
	.run = start_run,
};
