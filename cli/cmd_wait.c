#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/wait.h"

struct wait_opts {
	bool latest, ignore;
	struct pm_strv condition;
	const char *interval;
};

static const struct pm_opt wait_table[] = {
	{"condition", 0, PM_LIST(struct wait_opts, condition), "Condition to wait on",
	 .choices = "configured|created|exited|healthy|initialized|paused|removed|running|stopped|"
		    "stopping|unhealthy"},
	{"ignore", 0, PM_BOOL(struct wait_opts, ignore),
	 "Ignore errors when a specified container is missing"},
	{"interval", 'i', PM_STRING(struct wait_opts, interval),
	 "Time between two looks at what no event tells of", .def = "250ms"},
	{"latest", 'l', PM_BOOL(struct wait_opts, latest), "Act on the container created last"},
	{0},
};

struct wait_arg {
	unsigned int conditions;
	int64_t interval_ms;
	bool ignore;
};

static int wait_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct wait_arg *a = arg;
	_cleanup_container_ struct pm_container c;
	int code = -1;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = pm_container_wait_for(e, &c, a->conditions, a->interval_ms, &code, err);
	else if (r == -PM_E_NOSUCH && (a->ignore || a->conditions & PM_WAIT_REMOVED))
		r = 0;
	if (r < 0)
		return r;
	printf("%d\n", code);
	fflush(stdout);
	return 0;
}

/* A Go duration, or milliseconds. */
static int parse_interval(const char *text, int64_t *ret_ms, struct pm_err *err)
{
	int64_t n;
	if (pm_parse_int(text, &n, NULL) >= 0) {
		*ret_ms = n;
	} else {
		int r = pm_duration_parse(text, &n, err);
		if (r < 0)
			return r;
		*ret_ms = n / 1000000;
	}
	if (*ret_ms < 1)
		return pm_fail(err, PM_E_USAGE, "interval %s: must be at least a millisecond",
			       text);
	return 0;
}

static int wait_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct wait_opts *o = opts;
	struct pm_ctr_choice choice = {.latest = o->latest};
	struct wait_arg a = {.ignore = o->ignore};
	int r = parse_interval(o->interval, &a.interval_ms, err);
	for (size_t i = 0; i < o->condition.n && r >= 0; i++)
		r = pm_wait_condition(o->condition.v[i], &a.conditions, err);
	if (r < 0)
		return r;
	if (!a.conditions)
		pm_wait_condition("stopped", &a.conditions, err);
	return pm_ctr_verb(cli, &choice, wait_one, &a, err);
}

const struct pm_command pm_cmd_wait = {
	.path = "wait|container wait",
	.summary = "Block on one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Block until one or more containers stop, or one of the conditions given holds, "
		"and then print their exit\n"
		"codes; -1 for what has not exited.",
	.examples = "%p --interval 5s ctrID\n%p ctrID1 ctrID2\n%p --condition=removed ctrID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct wait_opts),
	.tables = {{wait_table, 0}, {0}},
	.run = wait_run,
};
