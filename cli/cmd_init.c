#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/start.h"

struct init_opts {
	bool all, latest;
};

static const struct pm_opt init_table[] = {
	{"all", 'a', PM_BOOL(struct init_opts, all), "Initialize all containers"},
	{"latest", 'l', PM_BOOL(struct init_opts, latest), "Act on the container created last"},
	{0},
};

static int init_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct init_opts *o = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = pm_container_init_process(e, &c, err);
	if (r == -PM_E_STATE && o->all)
		return 0;
	if (r >= 0)
		printf("%s\n", name);
	return r;
}

static int init_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct init_opts *o = opts;
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .states = PM_IN_STATE(PM_STATUS_CREATED) |
						 PM_IN_STATE(PM_STATUS_EXITED)};
	return pm_ctr_verb(cli, &choice, init_one, o, err);
}

const struct pm_command pm_cmd_init = {
	.path = "init|container init",
	.summary = "Initialize one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Initialize one or more containers, creating the OCI spec and mounts for "
		"inspection. Container names "
		"or IDs can be used.\n\nThe process of an initialized container waits until it is "
		"started.",
	.examples = "%p --latest\n%p 3c45ef19d893\n%p test1",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_STOPPED,
	.opts_size = sizeof(struct init_opts),
	.tables = {{init_table, 0}, {0}},
	.run = init_run,
};
