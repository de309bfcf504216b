#include "cli/stats_rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"

const char *const pm_stats_headings[] = {"CPUPerc",
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

static const struct pm_ctr_stats *before(const struct pm_stats_round *last, const char *id)
{
	for (size_t i = 0; i < last->n; i++)
		if (strcmp(last->v[i].id, id) == 0)
			return &last->v[i].s;
	return NULL;
}

int pm_stats_sample(struct pm_engine *e, const struct pm_strv *ids,
		    const struct pm_stats_options *o, const struct pm_stats_round *last,
		    struct pm_stats_round *now, struct pm_json_pool *pool, struct pm_json *rows,
		    struct pm_err *err)
{
	_cleanup_procs_ struct pm_procs procs = {0};
	int shown = o->no_trunc ? 64 : PM_SHORT_ID;
	now->v = pm_calloc(ids->n + 1, sizeof(*now->v));
	for (size_t i = 0; i < ids->n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		int r = pm_container_load(e, ids->v[i], &c, err);
		if (r == -PM_E_NOSUCH && o->gone_ok) {
			pm_err_clear(err);
			continue;
		}
		if (r < 0)
			return pm_wrap(
				err,
				"unable to get list of containers: unable to look up container %s",
				ids->v[i]);
		struct pm_ctr_stats *s = &now->v[now->n].s;
		snprintf(now->v[now->n++].id, sizeof(now->v->id), "%s", c.row.id);
		pm_container_stats(&c, &procs, before(last, c.row.id), s);
		pm_json_add(pool, rows,
			    o->json ? json_row(pool, &c, s, shown) : text_row(pool, &c, s, shown));
	}
	return 0;
}

static int print(const struct pm_format *f, const struct pm_json *rows, bool reset,
		   struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int r = pm_format_list(f, rows, &out, err);
	if (r < 0)
		return r;
	if (f->terminal && reset)
		fputs("\033[2J\033[H", stdout);
	fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return 0;
}

static int show(struct pm_cli *cli, const struct pm_stats_view *v, struct pm_engine *e,
		const struct pm_stats_round *last, struct pm_stats_round *now, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *rows = pm_json_array(pool);
	int r = v->round(cli, v->opts, e, last, now, pool, rows, err);
	if (r < 0)
		return r;
	struct pm_format f = {.name = v->name,
			      .format = v->format,
			      .table_default = v->table,
			      .headings = v->headings,
			      .terminal = isatty(STDOUT_FILENO) == 1,
			      .json_indent = 1,
			      .opts = {.type = v->type}};
	return print(&f, rows, !v->once && !v->no_reset, err);
}

int pm_stats_show(struct pm_cli *cli, const struct pm_stats_view *v, struct pm_err *err)
{
	struct pm_stats_round last = {0};
	struct pm_engine e;
	int r = pm_cli_engine(cli, &e, err);
	while (r >= 0) {
		struct pm_stats_round now = {0};
		r = show(cli, v, &e, &last, &now, err);
		free(last.v);
		last = now;
		if (r < 0 || v->once || fflush(stdout) != 0)
			break;
		struct timespec t = {.tv_sec = (time_t)v->seconds};
		nanosleep(&t, NULL);
	}
	free(last.v);
	pm_engine_free(&e);
	return r;
}
