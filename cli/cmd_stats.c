#include <stdio.h>
#include <string.h>

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

/* Of those named, or of all that are there now. */
static int round_of(struct pm_cli *cli, const void *opts, struct pm_engine *e,
		    const struct pm_stats_round *last, struct pm_stats_round *now,
		    struct pm_json_pool *pool, struct pm_json *rows, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = !o->latest && !cli->n_args,
				       .latest = o->latest,
				       .states = o->all ? 0
							: PM_IN_STATE(PM_STATUS_RUNNING) |
								  PM_IN_STATE(PM_STATUS_PAUSED)};
	const struct pm_stats_options so = {.json = o->format && pm_format_is_json(o->format),
					    .no_trunc = o->no_trunc,
					    .gone_ok = !cli->n_args};
	int r = pm_ctr_choose(cli, e, &choice, &ids, err);
	if (r < 0)
		return pm_wrap(err, "unable to get list of containers");
	return pm_stats_sample(e, &ids, &so, last, now, pool, rows, err);
}

static int stats_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	const struct pm_stats_view view = {.name = "stats",
					   .type = "containers.containerStats",
					   .format = o->format,
					   .table = default_table,
					   .headings = pm_stats_headings,
					   .once = o->no_stream,
					   .no_reset = o->no_reset,
					   .seconds = o->interval,
					   .round = round_of,
					   .opts = o};

	if ((o->all && o->latest) || ((o->all || o->latest) && cli->n_args))
		return pm_fail(err, PM_E_USAGE, "--all, --latest and containers cannot be used together");
	if (o->interval < 1)
		return pm_fail(err, PM_E_USAGE, "invalid interval, must be a positive number greater zero");
	return pm_stats_show(cli, &view, err);
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
