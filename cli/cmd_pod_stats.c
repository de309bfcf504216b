#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/pod_common.h"
#include "cli/stats_rows.h"

struct stats_opts {
	bool all, latest, no_reset, no_stream;
	const char *format;
};

static const struct pm_opt stats_table[] = {
	{"all", 'a', PM_BOOL(struct stats_opts, all), "Provide stats for all pods"},
	{"format", 0, PM_STRING(struct stats_opts, format),
	 "Pretty-print container statistics to JSON or using a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".BlockIO|.CID|.CPU|.Mem|.MemUsage|.MemUsageBytes|.Name|.NetIO|.PIDS|.Pod"},
	{"latest", 'l', PM_BOOL(struct stats_opts, latest), "Act on the pod created last"},
	{"no-reset", 0, PM_BOOL(struct stats_opts, no_reset), "Disable resetting the screen when streaming"},
	{"no-stream", 0, PM_BOOL(struct stats_opts, no_stream),
	 "Disable streaming stats and only pull the first result"},
	{0},
};

static const char *const headings[] = {"Pod",	   "POD",      "CID",	   "CID",
				       "CPU",	   "CPU %",    "MemUsage", "MEM USAGE/ LIMIT",
				       "MemUsageBytes", "MEM USAGE/ LIMIT",
				       "Mem",	   "MEM %",    "NetIO",	   "NET IO",
				       "BlockIO",  "BLOCK IO", "PIDS",	   "PIDS",
				       NULL};

static const char default_table[] = "table {{.Pod}}\t{{.CID}}\t{{.Name}}\t{{.CPU}}\t{{.MemUsage}}\t{{.Mem}}\t"
				    "{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}";

/* A row of `stats` under the names that `pod stats` has. */
static struct pm_json *pod_row(struct pm_json_pool *pool, const struct pm_pod *p, const struct pm_json *c)
{
	static const struct {
		const char *is, *from;
	} names[] = {{"CID", "ID"},	     {"Name", "Name"},
		     {"CPU", "CPUPerc"},     {"MemUsage", "MemUsage"},
		     {"Mem", "MemPerc"},     {"MemUsageBytes", "MemUsageBytes"},
		     {"NetIO", "NetIO"},     {"BlockIO", "BlockIO"},
		     {"PIDS", "PIDS"}};
	struct pm_json *o = pm_json_object(pool);
	_cleanup_free_ char *id = pm_asprintf("%.*s", PM_SHORT_ID, p->row.id);
	pm_json_set_str(pool, o, "Pod", id);
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++)
		pm_json_set_str(pool, o, names[i].is, pm_json_get_str(c, names[i].from));
	return o;
}

/* One pod's running containers. */
static int sample(struct pm_engine *e, const char *name, const struct pm_stats_round *last,
		  struct pm_stats_round *now, struct pm_json_pool *pool, struct pm_json *rows,
		  struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct pm_stats_round one = {0};
	const struct pm_stats_options so = {.gone_ok = true};
	struct pm_json *plain = pm_json_array(pool);
	int r = pm_pod_load(e, name, &p, err);
	if (r < 0)
		return pm_wrap(err, "unable to get list of pods");
	for (size_t i = 0; i < p.n_members; i++)
		if (pm_ctr_is_up(&p.members[i].state))
			pm_strv_add(&ids, p.members[i].row.id);
	r = pm_stats_sample(e, &ids, &so, last, &one, pool, plain, err);
	for (size_t i = 0; r >= 0 && i < pm_json_len(plain); i++)
		pm_json_add(pool, rows, pod_row(pool, &p, pm_json_at(plain, i)));
	/* added to those of the pods before */
	now->v = pm_reallocarray(now->v, now->n + one.n + 1, sizeof(*now->v));
	memcpy(now->v + now->n, one.v, one.n * sizeof(*now->v));
	now->n += one.n;
	free(one.v);
	return r;
}

static int round_of(struct pm_cli *cli, const void *opts, struct pm_engine *e,
		    const struct pm_stats_round *last, struct pm_stats_round *now,
		    struct pm_json_pool *pool, struct pm_json *rows, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	_cleanup_strv_ struct pm_strv pods = PM_STRV_INIT;
	struct pm_pod_choice ch = {.all = o->all || (!o->latest && !cli->n_args), .latest = o->latest};
	int r = pm_pod_choose(cli, e, &ch, &pods, err);
	for (size_t i = 0; r >= 0 && i < pods.n; i++)
		r = sample(e, pods.v[i], last, now, pool, rows, err);
	return r;
}

static int stats_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	const struct pm_stats_view view = {.name = "pod stats",
					   .type = "*types.PodStatsReport",
					   .format = o->format,
					   .table = default_table,
					   .headings = headings,
					   .once = o->no_stream,
					   .no_reset = o->no_reset,
					   .seconds = 5,
					   .round = round_of,
					   .opts = o};
	return pm_stats_show(cli, &view, err);
}

const struct pm_command pm_cmd_pod_stats = {
	.path = "pod stats",
	.summary = "Display a live stream of resource usage statistics for the containers in one or more pods",
	.synopsis = "[options] [POD...]",
	.text = "Display a live stream of resource usage statistics for the containers in one or more pods.",
	.examples = "%p\n%p a69b23034235 named-pod\n%p --all --no-stream",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct stats_opts),
	.tables = {{stats_table, 0}, {0}},
	.run = stats_run,
};
