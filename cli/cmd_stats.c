#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/container/stats.h"

struct stats_opts {
	bool all, latest, no_reset, no_stream, no_trunc;
	const char *format;
	int64_t interval;
};

static const struct pm_opt stats_table[] = {
	{"all", 'a', PM_BOOL(struct stats_opts, all),
	 "Show all containers. Only running containers are shown by default. The default is false"},
	{"format", 0, PM_STRING(struct stats_opts, format),
	 "Pretty-print container statistics to JSON or using a Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices =
		 ".AVGCPU|.AvgCPU|.BlockIO|.BlockInput|.BlockOutput|.CPU|.CPUNano|.CPUPerc|."
		 "CPUSystemNano|"
		 ".ContainerID|.ContainerStats|.Duration|.ID|.MemLimit|.MemPerc|.MemUsage|."
		 "MemUsageBytes|"
		 ".Name|.NetIO|.NetInput|.NetOutput|.PIDS|.PIDs|.PerCPU|.SystemNano|.Up|.UpTime"},
	{"interval", 'i', PM_INT(struct stats_opts, interval),
	 "Time in seconds between stats reports", .def = "5"},
	{"latest", 'l', PM_BOOL(struct stats_opts, latest), "Act on the container created last"},
	{"no-reset", 0, PM_BOOL(struct stats_opts, no_reset),
	 "Disable resetting the screen between intervals"},
	{"no-stream", 0, PM_BOOL(struct stats_opts, no_stream),
	 "Disable streaming stats and only pull the first result, default setting is false"},
	{"no-trunc", 0, PM_BOOL(struct stats_opts, no_trunc), "Do not truncate output"},
	{0},
};

static const char *const headings[] = {"CPUPerc",
				       "CPU %",
				       "MemUsage",
				       "MEM USAGE / LIMIT",
				       "MemUsageBytes",
				       "MEM USAGE / LIMIT",
				       "MemPerc",
				       "MEM %",
				       "NetIO",
				       "NET IO",
				       "BlockIO",
				       "BLOCK IO",
				       "PIDS",
				       "PIDS",
				       "PIDs",
				       "PIDS",
				       "UpTime",
				       "CPU TIME",
				       "AVGCPU",
				       "AVG CPU %",
				       "AvgCPU",
				       "AVG CPU",
				       "ID",
				       "ID",
				       NULL};

static const char default_table[] =
	"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t"
	"{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}";

/* The samples of one round, kept for the next. */
struct round {
	struct {
		char id[65];
		struct pm_ctr_stats s;
	} * v;
	size_t n;
};

/* --- one container's row ---------------------------------------------------------------------- */

struct row {
	struct pm_json_pool *pool;
	struct pm_json *o;
};

static void put(struct row *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct row *r, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *s = pm_vasprintf(fmt, ap);
	va_end(ap);
	pm_json_set_str(r->pool, r->o, name, s);
}

static void put_pair(struct row *r, const char *name, int64_t a, int64_t b, bool binary)
{
	char x[PM_TIME_SIZE], y[PM_TIME_SIZE];
	if (binary)
		put(r, name, "%s / %s", pm_size_bytes((double)a, x), pm_size_bytes((double)b, y));
	else
		put(r, name, "%s / %s", pm_size_human((double)a, false, x),
		    pm_size_human((double)b, false, y));
}

static double memory_percent(const struct pm_ctr_stats *s)
{
	return s->memory_limit > 0 ? (double)s->memory * 100 / (double)s->memory_limit : 0;
}

static struct pm_json *json_row(struct pm_json_pool *pool, const struct pm_container *c,
				const struct pm_ctr_stats *s, int shown)
{
	struct row r = {.pool = pool, .o = pm_json_object(pool)};
	char cpu[PM_TIME_SIZE];
	put(&r, "id", "%.*s", shown, c->row.id);
	put(&r, "name", "%s", c->row.name);
	put(&r, "cpu_time", "%s", pm_duration_go(s->cpu, cpu));
	put(&r, "cpu_percent", "%.2f%%", s->cpu_percent);
	put(&r, "avg_cpu", "%.2f%%", s->cpu_average);
	put_pair(&r, "mem_usage", s->memory, s->memory_limit, false);
	put(&r, "mem_percent", "%.2f%%", memory_percent(s));
	put_pair(&r, "net_io", s->net_in, s->net_out, false);
	put_pair(&r, "block_io", s->block_in, s->block_out, false);
	put(&r, "pids", "%lld", (long long)s->pids);
	return r.o;
}

static struct pm_json *text_row(struct pm_json_pool *pool, const struct pm_container *c,
				const struct pm_ctr_stats *s, int shown)
{
	struct row r = {.pool = pool, .o = pm_json_object(pool)};
	const struct {
		const char *name;
		int64_t n;
	} numbers[] = {
		{"CPUNano", s->cpu},           {"CPUSystemNano", s->cpu_system},
		{"SystemNano", s->at},         {"Duration", s->cpu},
		{"MemLimit", s->memory_limit}, {"NetInput", s->net_in},
		{"NetOutput", s->net_out},     {"BlockInput", s->block_in},
		{"BlockOutput", s->block_out}, {"PIDs", s->pids},
	};
	const struct {
		const char *name;
		double n;
	} floats[] = {{"CPU", s->cpu_percent}, {"AvgCPU", s->cpu_average}};
	char cpu[PM_TIME_SIZE];

	put(&r, "ID", "%.*s", shown, c->row.id);
	put(&r, "ContainerID", "%s", c->row.id);
	put(&r, "Name", "%s", c->row.name);
	put(&r, "CPUPerc", "%.2f%%", s->cpu_percent);
	put(&r, "AVGCPU", "%.2f%%", s->cpu_average);
	put_pair(&r, "MemUsage", s->memory, s->memory_limit, false);
	put_pair(&r, "MemUsageBytes", s->memory, s->memory_limit, true);
	put(&r, "MemPerc", "%.2f%%", memory_percent(s));
	put_pair(&r, "NetIO", s->net_in, s->net_out, false);
	put_pair(&r, "BlockIO", s->block_in, s->block_out, false);
	put(&r, "PIDS", "%lld", (long long)s->pids);
	put(&r, "UpTime", "%s", pm_duration_go(s->cpu, cpu));
	put(&r, "Up", "%s", cpu);
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		pm_json_set_int(pool, r.o, numbers[i].name, numbers[i].n);
	for (size_t i = 0; i < PM_ARRAY_SIZE(floats); i++)
		pm_json_set(pool, r.o, floats[i].name, pm_json_double(pool, floats[i].n));
	pm_json_set(pool, r.o, "PerCPU", pm_json_array(pool)); /* cgroup v1 alone counts it */
	pm_json_set(pool, r.o, "ContainerStats", pm_json_copy(pool, r.o));
	return r.o;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static const struct pm_ctr_stats *before(const struct round *last, const char *id)
{
	for (size_t i = 0; i < last->n; i++)
		if (strcmp(last->v[i].id, id) == 0)
			return &last->v[i].s;
	return NULL;
}

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

static int show(struct pm_cli *cli, struct pm_engine *e, const struct stats_opts *o,
		const struct round *last, struct round *now, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_procs_ struct pm_procs procs = {0};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	bool json = o->format && pm_format_is_json(o->format);
	int r = choose(cli, e, o, &ids, err);
	if (r < 0)
		return pm_wrap(err, "unable to get list of containers");
	now->v = pm_calloc(ids.n, sizeof(*now->v));
	for (size_t i = 0; i < ids.n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(e, ids.v[i], &c, err);
		if (r == -PM_E_NOSUCH && !cli->n_args) { /* it has gone since */
			pm_err_clear(err);
			continue;
		}
		if (r < 0)
			return pm_wrap(
				err,
				"unable to get list of containers: unable to look up container %s",
				ids.v[i]);
		struct pm_ctr_stats *s = &now->v[now->n].s;
		snprintf(now->v[now->n++].id, sizeof(now->v->id), "%s", c.row.id);
		pm_container_stats(&c, &procs, before(last, c.row.id), s);
		int shown = o->no_trunc ? 64 : PM_SHORT_ID;
		pm_json_add(pool, rows,
			    json ? json_row(pool, &c, s, shown) : text_row(pool, &c, s, shown));
	}
	struct pm_format f = {.name = "stats",
			      .format = o->format,
			      .table_default = default_table,
			      .headings = headings,
			      .terminal = isatty(STDOUT_FILENO) == 1,
			      .json_indent = 1,
			      .opts = {.type = "containers.containerStats"}};
	r = pm_format_list(&f, rows, &out, err);
	if (r < 0)
		return r;
	if (f.terminal && !o->no_stream && !o->no_reset)
		fputs("\033[2J\033[H", stdout);
	fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return 0;
}

static int stats_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct stats_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	struct round last = {0};

	if ((o->all && o->latest) || ((o->all || o->latest) && cli->n_args))
		return pm_fail(err, PM_E_USAGE,
			       "--all, --latest and containers cannot be used together");
	if (o->interval < 1)
		return pm_fail(err, PM_E_USAGE,
			       "invalid interval, must be a positive number greater zero");
	int r = pm_cli_engine(cli, &e, err);
	while (r >= 0) {
		struct round now = {0};
		r = show(cli, &e, o, &last, &now, err);
		free(last.v);
		last = now;
		if (r < 0 || o->no_stream || fflush(stdout) != 0)
			break;
		struct timespec t = {.tv_sec = (time_t)o->interval};
		nanosleep(&t, NULL);
	}
	free(last.v);
	return r;
}

const struct pm_command pm_cmd_stats = {
	.path = "stats|container stats",
	.summary = "Display a live stream of container resource usage statistics",
	.synopsis = "[options] [CONTAINER...]",
	.text = "Display percentage of CPU, memory, network I/O, block I/O and PIDs for one or "
		"more containers.",
	.examples = "%p --all --no-stream\n%p ctrID\n"
		    "%p --no-stream --format \"table {{.ID}} {{.Name}} {{.MemUsage}}\" ctrID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct stats_opts),
	.tables = {{stats_table, 0}, {0}},
	.run = stats_run,
};
