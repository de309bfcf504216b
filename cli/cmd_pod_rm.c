#include "cli/commands.h"
#include "cli/pod_common.h"

struct rm_opts {
	bool all, force, ignore, latest;
	struct pm_strv id_file;
	uint64_t time;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all pods"},
	{"force", 'f', PM_BOOL(struct rm_opts, force),
	 "Force removal of a running pod by first stopping all containers, then removing all "
	 "containers in the pod"},
	{"ignore", 'i', PM_BOOL(struct rm_opts, ignore),
	 "Ignore errors when a specified pod is missing"},
	{"latest", 'l', PM_BOOL(struct rm_opts, latest), "Act on the pod created last"},
	{"pod-id-file", 0, PM_STRINGS(struct rm_opts, id_file), "Read the pod ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"time", 't', PM_UINT(struct rm_opts, time),
	 "Seconds to wait for pod stop before killing the containers (default: each container's own)"},
	{0},
};

struct rm_arg {
	bool force;
	int timeout;
};

static int rm_one(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes, void *arg,
		  struct pm_err *err)
{
	const struct rm_arg *a = arg;
	return pm_pod_remove(e, id, a->force, a->timeout, notes, err);
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	struct pm_pod_choice ch = {.all = o->all,
				   .latest = o->latest,
				   .missing_exit = 1,
				   .id_files = &o->id_file};
	struct rm_arg a = {.force = o->force, .timeout = pm_cli_given(cli, "time") ? (int)o->time : -1};
	if (pm_cli_given(cli, "time") && !o->force)
		return pm_fail(err, PM_E_USAGE, "the --force option must be specified to use the --time option");
	return pm_pod_verb(cli, &ch, o->ignore || o->force, rm_one, &a, err);
}

const struct pm_command pm_cmd_pod_rm = {
	.path = "pod rm",
	.summary = "Remove one or more pods",
	.synopsis = "[options] POD [POD...]",
	.text = "Removes one or more stopped pods and their containers.\n\n"
		"The pod name or ID can be used.  A pod with running containers is not removed unless "
		"--force is given.",
	.examples = "%p mywebserverpod\n%p -f 860a4b23\n%p -f -a",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
