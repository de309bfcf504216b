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

struct stop_arg {
	int timeout;
	bool ignore;
};

static int stop_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct stop_arg *a = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r == -PM_E_NOSUCH && a->ignore)
		return 0;
	if (r >= 0)
		r = pm_container_stop(e, &c, a->timeout, err);
	if (r >= 0)
		printf("%s\n", name);
	return r;
}

static int stop_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct stop_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = o->all, .latest = o->latest, .running_only = true,
				       .cidfiles = &o->cidfile, .filters = &o->filter};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	struct stop_arg a = {.timeout = pm_cli_given(cli, "time") ? (int)o->time : -1,
			     .ignore = o->ignore};
	return pm_ctr_verb_each(cli, &e, &names, stop_one, &a);
}

const struct pm_command pm_cmd_stop = {
	.path = "stop|container stop",
	.summary = "Stop one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Stops one or more running containers.  The container name or ID can be used.\n\n"
		"A timeout to forcibly stop the container can also be set but defaults to 10 seconds "
		"otherwise.",
	.examples = "%p ctrID\n%p --latest\n%p --time 2 mywebserver 6e534f14da9d",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct stop_opts),
	.tables = {{stop_table, 0}, {0}},
	.run = stop_run,
};
