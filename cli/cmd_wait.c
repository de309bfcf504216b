#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/wait.h"

struct wait_opts {
	bool latest, ignore;
	struct pm_strv condition;
	const char *interval;
};

static const struct pm_opt wait_table[] = {
	{"condition", 0, PM_LIST(struct wait_opts, condition),
	 "Condition to wait on: stopped, exited or running", .choices = "stopped|exited|running"},
	{"ignore", 0, PM_BOOL(struct wait_opts, ignore),
	 "Ignore errors when a specified container is missing"},
	{"interval", 'i', PM_STRING(struct wait_opts, interval),
	 "Accepted for compatibility: pm waits for the event itself, it does not poll", .def = "250ms"},
	{"latest", 'l', PM_BOOL(struct wait_opts, latest), "Act on the container created last"},
	{0},
};

struct wait_arg {
	bool running, ignore;
};

static int wait_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct wait_arg *a = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r == -PM_E_NOSUCH && a->ignore) {
		printf("-1\n");
		return 0;
	}
	if (r < 0)
		return r;
	if (a->running && c.state.status == PM_STATUS_RUNNING) {
		printf("-1\n");
		return 0;
	}
	int code = 0;
	r = pm_container_wait(e, &c, &code, err);
	if (r < 0)
		return r;
	printf("%d\n", code);
	fflush(stdout);
	return 0;
}

static int wait_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct wait_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.latest = o->latest};
	struct wait_arg a = {.ignore = o->ignore};

	for (size_t i = 0; i < o->condition.n; i++) {
		const char *w = o->condition.v[i];
		if (strcmp(w, "running") == 0)
			a.running = true;
		else if (strcmp(w, "stopped") != 0 && strcmp(w, "exited") != 0)
			return pm_fail(err, PM_E_USAGE,
				       "%s is not a condition pm waits for: choose stopped, exited or "
				       "running", w);
	}
	int64_t ns;
	int r = pm_parse_duration(o->interval, &ns, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	return pm_ctr_verb_each(cli, &e, &names, wait_one, &a);
}

const struct pm_command pm_cmd_wait = {
	.path = "wait|container wait",
	.summary = "Block on one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Block until one or more containers stop and then print their exit codes.",
	.examples = "%p ctrID\n%p ctrID1 ctrID2",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct wait_opts),
	.tables = {{wait_table, 0}, {0}},
	.run = wait_run,
};
