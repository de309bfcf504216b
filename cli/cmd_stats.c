#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/stats_rows.h"

struct stats_opts {
	bool all, latest, no_reset, no_stream, no_trunc;
	const char *format;
	int64_t interval;
};

static const struct pm_opt stats_table[] = {
	{"all", 'a', PM_BOOL(struct stats_opts, all),
	 "Show all containers. Only running containers are shown by default. The default is false"},
	{"format", 0, PM_STRING(struct stats_opts, format),
	 "Pretty-print container statistics to JSON or using a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".AVGCPU|.AvgCPU|.BlockIO|.BlockInput|.BlockOutput|.CPU|.CPUNano|.CPUPerc|.CPUSystemNano|"
		    ".ContainerID|.ContainerStats|.Duration|.ID|.MemLimit|.MemPerc|.MemUsage|.MemUsageBytes|"
		    ".Name|.NetIO|.NetInput|.NetOutput|.PIDS|.PIDs|.PerCPU|.SystemNano|.Up|.UpTime"},
	{"interval", 'i', PM_INT(struct stats_opts, interval), "Time in seconds between stats reports",
	 .def = "5"},
	{"latest", 'l', PM_BOOL(struct stats_opts, latest), "Act on the container created last"},
	{"no-reset", 0, PM_BOOL(struct stats_opts, no_reset),
	 "Disable resetting the screen between intervals"},
	{"no-stream", 0, PM_BOOL(struct stats_opts, no_stream),
	 "Disable streaming stats and only pull the first result, default setting is false"},
	{"no-trunc", 0, PM_BOOL(struct stats_opts, no_trunc), "Do not truncate output"},
	{0},
};

static const char default_table[] = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t"
				    "{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}";

/* The ids to look at: those named, or all that are there now. */
static int choose(struct pm_cli *cli, struct pm_engine *e, const struct stats_opts *o,
		  struct pm_strv *ids, struct pm_err *err)
{
	struct pm_ctr_choice choice = {.all = !o->latest && !cli->n_args,
				       .latest = o->latest,
				       .states = o->all ? 0
							: PM_IN_STATE(PM_STATUS_RUNNING) |
								  PM_IN_STATE(PM_STATUS_PAUSED)};
	return pm_ctr_choose(cli, e, &choice, ids, err);
}

struct stats_arg {
	struct pm_cli *cli;
	struct pm_engine e;
	const struct stats_opts *o;
};

static int show(void *arg, const struct pm_stats_round *last, struct pm_stats_round *now,
		struct pm_err *err)
{
	struct stats_arg *a = arg;
	struct pm_cli *cli = a->cli;
	struct pm_engine *e = &a->e;
	const struct stats_opts *o = a->o;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct pm_json *rows = pm_json_array(pool);
	const struct pm_stats_options so = {.json = o->format && pm_format_is_json(o->format),
					    .no_trunc = o->no_trunc,
					    .gone_ok = !cli->n_args};
	int r = choose(cli, e, o, &ids, err);
	if (r < 0)
		return pm_wrap(err, "unable to get list of containers");
	r = pm_stats_sample(e, &ids, &so, last, now, pool, rows, err);
	if (r < 0)
		return r;
	struct pm_format f = {.name = "stats",
			      .format = o->format,
			      .table_default = default_table,
			      .headings = pm_stats_headings,
			      .terminal = isatty(STDOUT_FILENO) == 1,
			      .json_indent = 1,
			      .opts = {.type = "containers.containerStats"}};
	return pm_stats_print(&f, rows, !o->no_stream && !o->no_reset, err);
}

static int stats_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	struct stats_arg a = {.cli = cli, .o = o};

	if ((o->all && o->latest) || ((o->all || o->latest) && cli->n_args))
		return pm_fail(err, PM_E_USAGE, "--all, --latest and containers cannot be used together");
	if (o->interval < 1)
		return pm_fail(err, PM_E_USAGE, "invalid interval, must be a positive number greater zero");
	int r = pm_cli_engine(cli, &a.e, err);
	if (r >= 0)
		r = pm_stats_rounds(show, &a, o->interval, o->no_stream, err);
	pm_engine_free(&a.e);
	return r;
}

const struct pm_command pm_cmd_stats = {
	.path = "stats|container stats",
	.summary = "Display a live stream of container resource usage statistics",
	.synopsis = "[options] [CONTAINER...]",
	.text = "Display percentage of CPU, memory, network I/O, block I/O and PIDs for one or more containers.",
	.examples = "%p --all --no-stream\n%p ctrID\n"
		    "%p --no-stream --format \"table {{.ID}} {{.Name}} {{.MemUsage}}\" ctrID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct stats_opts),
	.tables = {{stats_table, 0}, {0}},
	.run = stats_run,
};
