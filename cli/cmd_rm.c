#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/pod_common.h"
#include "engine/container/remove.h"
#include "engine/pod/verbs.h"

struct rm_opts {
	bool all, latest, force, ignore, volumes, depend;
	struct pm_strv cidfile, filter;
	uint64_t time;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all containers"},
	{"cidfile", 0, PM_STRINGS(struct rm_opts, cidfile), "Read the container ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"depend", 0, PM_BOOL(struct rm_opts, depend),
	 "Remove the container and all containers that depend on it"},
	{"filter", 0, PM_LIST(struct rm_opts, filter), "Choose containers by conditions"},
	{"force", 'f', PM_BOOL(struct rm_opts, force),
	 "Force removal of a running or unusable container"},
	{"ignore", 'i', PM_BOOL(struct rm_opts, ignore),
	 "Ignore errors when a specified container is missing"},
	{"latest", 'l', PM_BOOL(struct rm_opts, latest), "Act on the container created last"},
	{"time", 't', PM_UINT(struct rm_opts, time),
	 "Seconds to wait for stop before killing the container (default 10)"},
	{"volumes", 'v', PM_BOOL(struct rm_opts, volumes),
	 "Remove anonymous volumes associated with the container"},
	{0},
};

/* Podman: 1 for a missing one, 2 for one that runs, 125 for the rest. */
static void exit_of(struct pm_cli *cli, const struct pm_ctr_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->errs[i].code)
			pm_cli_set_exit(cli, set->errs[i].code == PM_E_STATE ? 2 : 125);
}

/* All that there is, by force, is pods too: each goes with its infra container, which goes no other way. */
static void remove_pods(struct pm_cli *cli, struct pm_ctr_set *set, int timeout)
{
	const struct pm_pod_notes notes = pm_pod_cli_notes(cli);
	for (size_t i = 0; i < set->n; i++) {
		if (!set->v[i].config.is_infra)
			continue;
		pm_err_clear(&set->errs[i]);
		pm_pod_remove(&set->e, set->v[i].config.pod, true, timeout, &notes, &set->errs[i]);
	}
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct rm_opts *o = opts;
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	/* a container may need older ones */
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .ignore = o->ignore,
				       .cidfiles = &o->cidfile,
				       .filters = &o->filter,
				       .newest_first = true,
				       .dependents = o->depend};
	const struct pm_remove_options ro = {.force = o->force,
					     .volumes = o->volumes,
					     .timeout =
						     pm_cli_given(cli, "time") ? (int)o->time : -1};
	if (pm_cli_given(cli, "time") && !o->force)
		return pm_fail(err, PM_E_USAGE,
			       "--force option must be specified to use the --time option");
	int r = pm_ctr_set_choose(cli, &choice, o->ignore || o->force, &set, err);
	if (r == -PM_E_NOSUCH)
		pm_cli_set_exit(cli, 1);
	if (r < 0)
		return r;
	if (cli->noted == PM_E_NOSUCH)
		pm_cli_set_exit(cli, 1);
	pm_containers_remove(&set.e, set.v, set.n, &ro, set.errs);
	if (o->all && o->force)
		remove_pods(cli, &set, ro.timeout);
	/* one that has gone meanwhile is what was wanted */
	for (size_t i = 0; i < set.n; i++)
		if (set.errs[i].code == PM_E_NOSUCH)
			pm_err_clear(&set.errs[i]);
	exit_of(cli, &set);
	return pm_ctr_set_result(cli, &set);
}

const struct pm_command pm_cmd_rm = {
	.path = "rm|container rm",
	.summary = "Remove one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Removes one or more containers from the host. The container name or ID can be "
		"used.\n\n"
		"Command does not remove images. Running or unusable containers will not be "
		"removed "
		"without the -f option.",
	.examples = "%p ctrID\n%p mywebserver myflaskserver 860a4b23\n%p --force --all\n%p -f "
		    "c684f0d469f2",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
