#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_filter.h"
#include "cli/format.h"
#include "engine/container/list.h"

struct ps_opts {
	bool all, external, latest, no_trunc, noheading, ns, pod, quiet, size, sync;
	int64_t last;
	uint64_t watch;
	const char *format, *sort;
	struct pm_strv filter;
};

static const struct pm_opt ps_table[] = {
	{"all", 'a', PM_BOOL(struct ps_opts, all),
	 "Show all the containers, default is only running containers"},
	{"external", 0, PM_BOOL(struct ps_opts, external),
	 "Show working containers of builds and of buildah, too"},
	{"filter", 'f', PM_LIST(struct ps_opts, filter), "Filter output based on conditions given",
	 .choices = "ancestor=|before=|exited=|health=|id=|label=|name=|network=|pod=|restart-policy=|since=|"
		    "should-start-on-boot=|status=|until=|"
		    "volume=|health=healthy|health=none|health=starting|health=unhealthy|status=created|status=exited|status=initialized|status=paused|"
		    "status=running|status=stopping"},
	{"format", 0, PM_STRING(struct ps_opts, format),
	 "Pretty-print containers to JSON or using a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".AutoRemove|.CGROUPNS|.Command|.Created|.CreatedAt|.CreatedHuman|.Exited|"
		    ".ExitedAt|.ExitCode|.ID|.IPC|.Image|.ImageID|.IsInfra|.Labels|.MNT|.Mounts|.NET|"
		    ".Names|.Networks|.PIDNS|.Pid|.Pod|.PodName|.Ports|.RunningFor|.Size|.StartedAt|"
		    ".State|.Status|.USERNS|.UTS"},
	{"last", 'n', PM_INT(struct ps_opts, last),
	 "Print the n last created containers (all states)", .def = "-1"},
	{"latest", 'l', PM_BOOL(struct ps_opts, latest), "Act on the container created last"},
	{"no-trunc", 0, PM_BOOL(struct ps_opts, no_trunc), "Display the extended information"},
	{"noheading", 0, PM_BOOL(struct ps_opts, noheading), "Do not print headers"},
	{"namespace", 0, PM_BOOL(struct ps_opts, ns), "Display namespace information", .hidden = true},
	{"ns", 0, PM_BOOL(struct ps_opts, ns), "Display namespace information"},
	{"pod", 'p', PM_BOOL(struct ps_opts, pod),
	 "Print the ID and name of the pod the containers are associated with"},
	{"quiet", 'q', PM_BOOL(struct ps_opts, quiet), "Print the IDs of the containers only"},
	{"size", 's', PM_BOOL(struct ps_opts, size), "Display the total file sizes"},
	{"sort", 0, PM_CHOICE(struct ps_opts, sort), "Sort output by", .def = "created",
	 .choices = "command|created|id|image|names|runningfor|size|status"},
	{"sync", 0, PM_BOOL(struct ps_opts, sync),
	 "No-op: what pm shows is always the present state"},
	{"watch", 'w', PM_UINT(struct ps_opts, watch),
	 "Watch the ps output on an interval in seconds"},
	{0},
};

static const char *const headings[] = {"ID",	  "CONTAINER ID", "CreatedHuman", "CREATED",
				       "RunningFor", "RUNNING FOR", "PIDNS",	  "PIDNS",
				       "Pod",	     "POD ID",	  "PodName",	  "PODNAME",
				       NULL};

struct keep_arg {
	struct pm_engine *e;
	const struct pm_strv *filters;
};

static int keep(void *arg, const struct pm_ctr_row *row, const struct pm_ctr_state *st,
		struct pm_err *err)
{
	struct keep_arg *k = arg;
	return pm_ctr_filter(k->e, k->filters, row, st, err);
}

static char *default_table(const struct ps_opts *o)
{
	if (o->ns)
		return pm_strdup("table {{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.CGROUPNS}}\t{{.IPC}}\t{{.MNT}}\t"
				 "{{.NET}}\t{{.PIDNS}}\t{{.USERNS}}\t{{.UTS}}");
	return pm_asprintf("table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t"
			   "{{.Ports}}\t{{.Names}}%s%s",
			   o->pod ? "\t{{.Pod}}\t{{.PodName}}" : "", o->size ? "\t{{.Size}}" : "");
}

static int show(struct pm_engine *e, const struct ps_opts *o, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct keep_arg k = {.e = e, .filters = &o->filter};
	bool json = pm_format_is_json(o->format);
	/* a filter on the state looks at all of them, as Podman's */
	bool by_state = false;
	for (size_t i = 0; i < o->filter.n; i++)
		by_state |= pm_startswith(o->filter.v[i], "status=") ||
			    pm_startswith(o->filter.v[i], "exited=");
	struct pm_list_options lo = {.all = o->all || by_state,
				     .external = o->external,
				     .last = o->latest ? 1 : o->last,
				     .no_trunc = o->no_trunc,
				     .namespaces = o->ns,
				     .size = o->size || strcmp(o->sort, "size") == 0,
				     .json = json,
				     .config = json || (o->format && (strstr(o->format, ".Mounts") ||
								      strstr(o->format, ".Networks"))),
				     .sort = o->sort,
				     .keep_needs = pm_ctr_filter_needs(&o->filter),
				     .keep = o->filter.n ? keep : NULL,
				     .arg = &k};
	struct pm_json *rows = NULL;
	int r = pm_container_list(e, &lo, pool, &rows, err);
	if (r < 0)
		return r;

	_cleanup_free_ char *table = default_table(o);
	struct pm_format f = {.name = "ps",
			      .format = o->quiet && !o->format ? "{{.ID}}" : o->format,
			      .table_default = table,
			      .headings = headings,
			      .no_heading = o->noheading,
			      .terminal = isatty(STDOUT_FILENO) == 1,
			      .json_indent = 2,
			      .opts = {.type = "containers.psReporter"}};
	r = pm_format_list(&f, rows, &out, err);
	if (r >= 0)
		fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return r;
}

static int ps_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct ps_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	if (o->quiet && (o->size || o->ns))
		return pm_fail(err, PM_E_USAGE, "quiet conflicts with size and namespace");
	if (o->latest && o->last >= 0)
		return pm_fail(err, PM_E_USAGE, "last and latest are mutually exclusive");
	if (o->size && o->ns)
		return pm_fail(err, PM_E_USAGE, "size and namespace options conflict");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_filter_check(&e, &o->filter, err);
	if (r < 0)
		return r;
	if (o->watch == 0)
		return show(&e, o, err);
	for (;;) {
		fputs("\033[2J\033[H", stdout);
		r = show(&e, o, err);
		if (r < 0 || fflush(stdout) != 0)
			return r;
		struct timespec t = {.tv_sec = (time_t)o->watch};
		nanosleep(&t, NULL);
	}
}

const struct pm_command pm_cmd_ps = {
	.path = "ps|container ps,ls,list",
	.summary = "List containers",
	.synopsis = "[options]",
	.text = "Prints out information about the containers",
	.examples = "%p -a\n%p -a --format \"{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}\"\n"
		    "%p --size --sort names",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct ps_opts),
	.tables = {{ps_table, 0}, {0}},
	.run = ps_run,
};
