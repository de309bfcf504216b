#include <signal.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/control.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"

struct kill_opts {
	bool all, latest;
	struct pm_strv cidfile, filter;
	const char *signal;
};

static const struct pm_opt kill_table[] = {
	{"all", 'a', PM_BOOL(struct kill_opts, all), "Signal all running containers"},
	{"cidfile", 0, PM_STRINGS(struct kill_opts, cidfile), "Read the container ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"filter", 'f', PM_LIST(struct kill_opts, filter), "Choose containers by conditions"},
	{"latest", 'l', PM_BOOL(struct kill_opts, latest), "Act on the container created last"},
	{"signal", 's', PM_STRING(struct kill_opts, signal), "Signal to send to the container",
	 .def = "KILL", .complete = PM_COMPLETE_SIGNAL},
	{0},
};

static int kill_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	/* a signal that ends it is not to be answered by a restart; others, as HUP, are no end */
	int sig = *(int *)arg;
	int stop = c.config.stop_signal == PM_UNSET ? SIGTERM : (int)c.config.stop_signal;
	if (r >= 0 && (sig == SIGKILL || sig == stop) && c.state.status == PM_STATUS_RUNNING)
		r = pm_container_mark_stopped(e, &c, err);
	if (r >= 0)
		r = pm_container_signal(e, &c, sig, err);
	if (r >= 0) {
		pm_event_container(e, &c, "kill");
		printf("%s\n", name);
	}
	return r;
}

static int kill_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct kill_opts *o = opts;
	struct pm_ctr_choice choice = {.all = o->all, .latest = o->latest, .cidfiles = &o->cidfile,
				       .filters = &o->filter,
				       .states = PM_IN_STATE(PM_STATUS_RUNNING) |
						 PM_IN_STATE(PM_STATUS_PAUSED)};
	int sig = 0;
	int r = pm_signal_parse(o->signal, &sig, err);
	return r < 0 ? r : pm_ctr_verb(cli, &choice, kill_one, &sig, err);
}

const struct pm_command pm_cmd_kill = {
	.path = "kill|container kill",
	.summary = "Kill one or more running containers with a specific signal",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "The main process inside each container specified will be sent SIGKILL, or any signal "
		"specified with option --signal.",
	.examples = "%p mywebserver\n%p 860a4b23\n%p --signal TERM ctrID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct kill_opts),
	.tables = {{kill_table, 0}, {0}},
	.run = kill_run,
};
