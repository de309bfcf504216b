#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/start.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"

struct restart_opts {
	bool all, latest, running;
	struct pm_strv cidfile, filter;
	uint64_t time;
};

static const struct pm_opt restart_table[] = {
	{"all", 'a', PM_BOOL(struct restart_opts, all),
	 "Restart all containers, whatever their state"},
	{"cidfile", 0, PM_STRINGS(struct restart_opts, cidfile),
	 "Read the container ID from the file", .complete = PM_COMPLETE_FILE},
	{"filter", 'f', PM_LIST(struct restart_opts, filter), "Choose containers by conditions"},
	{"latest", 'l', PM_BOOL(struct restart_opts, latest), "Act on the container created last"},
	{"running", 0, PM_BOOL(struct restart_opts, running), "Restart only running containers"},
	{"time", 't', PM_UINT(struct restart_opts, time),
	 "Seconds to wait for stop before killing the container (default 10)"},
	{0},
};

static int start_again(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	int r = pm_container_start(e, c, false, &s, err);
	if (r >= 0)
		pm_event_container(e, c, "restart");
	return r < 0 ? pm_wrap(err, "unable to start container \"%s\"", c->row.name) : 0;
}

static int restart_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct restart_opts *o = opts;
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	struct pm_ctr_choice choice = {.all = o->all || o->running,
				       .latest = o->latest,
				       .cidfiles = &o->cidfile,
				       .filters = &o->filter,
				       .states = o->running ? PM_IN_STATE(PM_STATUS_RUNNING) : 0};
	int r = pm_ctr_set_choose(cli, &choice, false, &set, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set.n; i++) {
		if (set.v[i].state.status == PM_STATUS_PAUSED)
			pm_fail(&set.errs[i], PM_E_STATE,
				"unable to restart a container in a paused or unknown state: "
				"container "
				"state improper");
		else if (set.v[i].row.rm && set.v[i].state.status == PM_STATUS_RUNNING)
			pm_fail(&set.errs[i], PM_E_UNSUPPORTED,
				"cannot restart container %s: it was run with --rm, so that a stop "
				"removes it",
				set.v[i].row.name);
	}
	pm_containers_stop(&set.e, set.v, set.n, pm_cli_given(cli, "time") ? (int)o->time : -1,
			   set.errs);
	for (size_t i = 0; i < set.n; i++)
		if (!set.errs[i].code)
			start_again(&set.e, &set.v[i], &set.errs[i]);
	return pm_ctr_set_result(cli, &set);
}

const struct pm_command pm_cmd_restart = {
	.path = "restart|container restart",
	.summary = "Restart one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Restarts one or more running containers. The container ID or name can be used.\n\n"
		"A timeout before forcibly stopping can be set, but defaults to 10 seconds. "
		"Containers that do "
		"not run are started.",
	.examples = "%p ctrID\n%p --latest\n%p ctrID1 ctrID2",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct restart_opts),
	.tables = {{restart_table, 0}, {0}},
	.run = restart_run,
};
