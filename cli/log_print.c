#include "cli/log_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "engine/container/container.h"
#include "engine/container/logs.h"

struct printer {
	const struct pm_log_print *o;
	const struct pm_logs_source *sources;
	size_t n;
	bool *open[2]; /* per stream and source: the last entry was partial, its line goes on */
};

static const char *const colors[] = {"\033[37m", "\033[31m", "\033[33m", "\033[34m",
				     "\033[35m", "\033[36m", "\033[32m"};

static int print_entry(void *arg, size_t index, const struct pm_log_entry *e, struct pm_err *err)
{
	struct printer *p = arg;
	FILE *out = e->stream == PM_LOG_STDERR ? stderr : stdout;
	bool *open = &p->open[e->stream == PM_LOG_STDERR][index];
	bool prefix = p->n > 1;

	/* stderr is not buffered: both may be one file, where the order counts */
	if (out == stderr && fflush(stdout) != 0)
		return pm_fail_sys(err, "write the log");
	if (!*open) {
		if (p->o->color)
			fputs(colors[index % PM_ARRAY_SIZE(colors)], out);
		if (prefix && p->o->names)
			fprintf(out, "%s ", p->sources[index].name);
		else if (prefix)
			fprintf(out, "%.*s ", PM_SHORT_ID, p->sources[index].id);
		if (p->o->timestamps) {
			/* as Go prints what conmon wrote */
			size_t n = e->time_len;
			bool utc = n > 6 && memcmp(e->time + n - 6, "+00:00", 6) == 0;
			fprintf(out, "%.*s%s ", (int)(utc ? n - 6 : n), e->time, utc ? "Z" : "");
		}
	}
	fwrite(e->text, 1, e->len, out);
	*open = e->partial;
	if (!e->partial)
		fputs(p->o->color ? "\033[0m\n" : "\n", out);
	if (p->o->follow && fflush(out) != 0)
		return pm_fail_sys(err, "write the log");
	return 0;
}

static int add_source(struct pm_engine *e, const struct pm_container *c, struct pm_logs_source *s,
		      struct pm_err *err)
{
	char name[128];
	int r = pm_log_driver_parse(c->config.log_driver, &s->driver, err);
	if (r < 0)
		return r;
	if (s->driver == PM_LOG_DRIVER_NONE || s->driver == PM_LOG_DRIVER_PASSTHROUGH)
		return pm_fail(
			err, PM_E_STATE,
			"this container is using the '%s' log driver, cannot read logs: this "
			"container is not logging output",
			c->config.log_driver);
	s->path = pm_container_log_path(e, c);
	snprintf(name, sizeof(name), "ctr/%s", c->row.id);
	s->ctr_dir = pm_store_run_path(e->store, name);
	s->id = c->row.id;
	s->name = c->row.name;
	return 0;
}

int pm_log_print(struct pm_engine *e, const struct pm_log_print *o, const struct pm_strv *names,
		 struct pm_err *err)
{
	struct pm_container *ctrs = pm_calloc(names->n, sizeof(*ctrs));
	struct pm_logs_source *sources = pm_calloc(names->n, sizeof(*sources));
	struct printer p = {.o = o, .sources = sources, .n = names->n};
	struct pm_logs_opts lo = {
		.follow = o->follow, .tail = o->tail, .entry = print_entry, .arg = &p};
	size_t n = 0;
	int r = 0;

	p.open[0] = pm_calloc(names->n, sizeof(bool));
	p.open[1] = pm_calloc(names->n, sizeof(bool));
	for (; n < names->n && r >= 0; n++) {
		pm_container_init(&ctrs[n]);
		r = pm_container_load(e, names->v[n], &ctrs[n], err);
		if (r >= 0)
			r = add_source(e, &ctrs[n], &sources[n], err);
	}
	lo.has_since = o->since != NULL;
	lo.has_until = o->until != NULL;
	if (r >= 0 && o->since)
		r = pm_time_parse_user(o->since, pm_time_now(), true, &lo.since, err);
	if (r >= 0 && o->until)
		r = pm_time_parse_user(o->until, pm_time_now(), false, &lo.until, err);
	if (r >= 0)
		r = pm_logs_read(sources, n, &lo, err);

	for (size_t i = 0; i < n; i++) {
		free((char *)sources[i].path);
		free((char *)sources[i].ctr_dir);
		pm_container_free(&ctrs[i]);
	}
	free(p.open[0]);
	free(p.open[1]);
	free(sources);
	free(ctrs);
	return r;
}
