#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/pause.h"

struct pause_opts {
	bool all, latest;
	struct pm_strv cidfile, filter;
};

#define PAUSE_TABLE(all_help)                                                                      \
	{                                                                                          \
		{"all", 'a', PM_BOOL(struct pause_opts, all), all_help},                           \
			{"cidfile", 0, PM_STRINGS(struct pause_opts, cidfile),                     \
			 "Read the container ID from the file", .complete = PM_COMPLETE_FILE},     \
			{"filter", 'f', PM_LIST(struct pause_opts, filter),                        \
			 "Choose containers by conditions"},                                       \
			{"latest", 'l', PM_BOOL(struct pause_opts, latest),                        \
			 "Act on the container created last"},                                     \
			{0},                                                                       \
	}

static const struct pm_opt pause_table[] = PAUSE_TABLE("Pause all running containers");
static const struct pm_opt unpause_table[] = PAUSE_TABLE("Unpause all paused containers");

struct pause_arg {
	int (*change)(struct pm_engine *e, struct pm_container *c, struct pm_err *err);
};

static int pause_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct pause_arg *a = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = a->change(e, &c, err);
	if (r >= 0)
		printf("%s\n", name);
	return r;
}

static int pause_all(struct pm_cli *cli, const struct pause_opts *o, enum pm_ctr_status from,
		     struct pause_arg a, struct pm_err *err)
{
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .cidfiles = &o->cidfile,
				       .filters = &o->filter,
				       .states = PM_IN_STATE(from)};
	return pm_ctr_verb(cli, &choice, pause_one, &a, err);
}

static int pause_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return pause_all(cli, opts, PM_STATUS_RUNNING, (struct pause_arg){pm_container_pause}, err);
}

static int unpause_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return pause_all(cli, opts, PM_STATUS_PAUSED, (struct pause_arg){pm_container_unpause},
			 err);
}

const struct pm_command pm_cmd_pause = {
	.path = "pause|container pause",
	.summary = "Pause all the processes in one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Pauses one or more running containers.  The container name or ID can be used.\n\n"
		"The processes are frozen by the control group of the container, which it must "
		"have.",
	.examples = "%p mywebserver\n%p 860a4b23\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct pause_opts),
	.tables = {{pause_table, 0}, {0}},
	.run = pause_run,
};

const struct pm_command pm_cmd_unpause = {
	.path = "unpause|container unpause",
	.summary = "Unpause the processes in one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Unpauses one or more previously paused containers.  The container name or ID can "
		"be used.",
	.examples = "%p ctrID\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_PAUSED,
	.opts_size = sizeof(struct pause_opts),
	.tables = {{unpause_table, 0}, {0}},
	.run = unpause_run,
};
