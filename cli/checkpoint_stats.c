#include "cli/checkpoint_stats.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/timefmt.h"

void pm_checkpoint_stats_begin(struct pm_checkpoint_stats *s, const char *verb, enum pm_criu_stat first,
			       enum pm_criu_stat last)
{
	s->pool = pm_json_pool_new();
	s->list = pm_json_array(s->pool);
	s->verb = verb;
	s->first = first;
	s->last = last;
	s->began = pm_time_now();
}

void pm_checkpoint_stats_add(struct pm_checkpoint_stats *s, const char *id, int64_t runtime_us,
			     const struct pm_criu_stats *criu)
{
	struct pm_json *o = pm_json_add(s->pool, s->list, pm_json_object(s->pool));
	_cleanup_free_ char *name = pm_asprintf("runtime_%s_duration", s->verb);
	pm_json_set_str(s->pool, o, "Id", id);
	pm_json_set_int(s->pool, o, name, runtime_us);
	struct pm_json *all = pm_json_set(s->pool, o, "criu_statistics", pm_json_object(s->pool));
	for (int i = (int)s->first; i <= (int)s->last; i++)
		pm_json_set(s->pool, all, pm_criu_stat_name((enum pm_criu_stat)i),
			    pm_json_uint(s->pool, criu->v[i]));
}

void pm_checkpoint_stats_print(struct pm_checkpoint_stats *s)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *name = pm_asprintf("podman_%s_duration", s->verb);
	struct pm_json *o = pm_json_object(s->pool);
	pm_json_set_int(s->pool, o, name, (pm_time_now() - s->began) / 1000);
	pm_json_set(s->pool, o, "container_statistics", s->list);
	pm_json_write(o, 4, &text);
	printf("%s\n", pm_buf_str(&text));
	pm_json_pool_free(s->pool);
}
