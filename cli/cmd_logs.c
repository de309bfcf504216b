#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/log_print.h"

struct logs_opts {
	bool latest;
	struct pm_log_print print;
};

static const struct pm_opt logs_table[] = {
	{"color", 0, PM_BOOL(struct logs_opts, print.color),
	 "Output the containers with different colors in the log"},
	{"follow", 'f', PM_BOOL(struct logs_opts, print.follow), "Follow log output"},
	{"latest", 'l', PM_BOOL(struct logs_opts, latest), "Act on the container created last"},
	{"names", 'n', PM_BOOL(struct logs_opts, print.names), "Output the container name in the log"},
	{"since", 0, PM_STRING(struct logs_opts, print.since), "Show logs since TIMESTAMP"},
	{"tail", 0, PM_INT(struct logs_opts, print.tail),
	 "Output the specified number of LINES at the end of the logs; -1 prints all lines",
	 .def = "-1"},
	{"timestamps", 't', PM_BOOL(struct logs_opts, print.timestamps), "Output the timestamps in the log"},
	{"until", 0, PM_STRING(struct logs_opts, print.until), "Show logs until TIMESTAMP"},
	{0},
};

static int logs_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct logs_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.latest = o->latest};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	return r < 0 ? r : pm_log_print(&e, &o->print, &names, err);
}

const struct pm_command pm_cmd_logs = {
	.path = "logs|container logs",
	.summary = "Fetch the logs of one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Retrieves logs for one or more containers.\n\n"
		"This does not guarantee execution order when combined with run (i.e., your run may not "
		"have generated any logs at the time you execute logs).",
	.examples = "%p ctrID\n%p --names ctrID1 ctrID2\n%p --color --names ctrID1 ctrID2\n"
		    "%p --tail 2 mywebserver\n%p --follow=true --since 10m ctrID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct logs_opts),
	.tables = {{logs_table, 0}, {0}},
	.run = logs_run,
};
