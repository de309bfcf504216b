#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/stop.h"

struct stop_opts {
	bool all, latest, ignore;
	struct pm_strv cidfile, filter;
	uint64_t time;
};

static const struct pm_opt stop_table[] = {
	{"all", 'a', PM_BOOL(struct stop_opts, all), "Stop all running containers"},
	{"cidfile", 0, PM_STRINGS(struct stop_opts, cidfile), "Read the container ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"filter", 'f', PM_LIST(struct stop_opts, filter), "Choose containers by conditions"},
	{"ignore", 'i', PM_BOOL(struct stop_opts, ignore),
	 "Ignore errors when a specified container is missing"},
	{"latest", 'l', PM_BOOL(struct stop_opts, latest), "Act on the container created last"},
	{"time", 't', PM_UINT(struct stop_opts, time),
	 "Seconds to wait for stop before killing the container (default 10)"},
	{0},
};

static int stop_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct stop_opts *o = opts;
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .ignore = o->ignore,
				       .cidfiles = &o->cidfile,
				       .filters = &o->filter,
				       .states = PM_IN_STATE(PM_STATUS_RUNNING)};
	int r = pm_ctr_set_choose(cli, &choice, o->ignore, &set, err);
	if (r < 0)
		return r;
	pm_containers_stop(&set.e, set.v, set.n, pm_cli_given(cli, "time") ? (int)o->time : -1,
			   set.errs);
	return pm_ctr_set_result(cli, &set);
}

const struct pm_command pm_cmd_stop = {
	.path = "stop|container stop",
	.summary = "Stop one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Stops one or more running containers.  The container name or ID can be used.\n\n"
		"A timeout to forcibly stop the container can also be set but defaults to 10 "
		"seconds "
		"otherwise.",
	.examples = "%p ctrID\n%p --latest\n%p --time 2 mywebserver 6e534f14da9d",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct stop_opts),
	.tables = {{stop_table, 0}, {0}},
	.run = stop_run,
};
