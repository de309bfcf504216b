#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options_parts.h"
#include "engine/container/clone.h"
#include "engine/container/remove.h"
#include "engine/container/start.h"
#include "storage/pod.h"

struct clone_opts {
	struct pm_ctr_opts ctr;
	bool destroy, force, run;
	const char *name, *pod;
};

static const struct pm_opt clone_table[] = {
	{"destroy", 0, PM_BOOL(struct clone_opts, destroy), "Destroy the original container"},
	{"force", 'f', PM_BOOL(struct clone_opts, force),
	 "Force the existing container to be destroyed"},
	{"name", 0, PM_STRING(struct clone_opts, name), "Assign a name to the container"},
	{"pod", 0, PM_STRING(struct clone_opts, pod), "Run container in an existing pod"},
	{"run", 0, PM_BOOL(struct clone_opts, run), "Run the new container"},
	{0},
};

static int start_clone(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	int r = pm_container_start(e, c, false, &s, err);
	return r < 0 ? pm_wrap(err, "start the clone") : 0;
}

/* The image of the third argument, if there is one, into co. */
static int other_image(struct pm_cli *cli, struct pm_engine *e, struct pm_ctr_config *holder,
		       char id[65], struct pm_clone_options *co, struct pm_err *err)
{
	const struct pm_ctr_opts how = {.pull = "missing"};
	if (cli->n_args < 3)
		return 0;
	int r = pm_ctr_options_image(cli, e, &how, cli->args[2], holder, id, err);
	co->image_id = id;
	co->image = holder->image;
	co->raw_image = holder->raw_image_name;
	return r;
}

static int clone_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct clone_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container from, to;
	_cleanup_ctr_config_ struct pm_ctr_config limits, image;
	_cleanup_pod_row_ struct pm_pod_row pod = {0};
	struct pm_clone_options co = {.limits = &limits};
	char image_id[65];

	pm_container_init(&from);
	pm_container_init(&to);
	pm_ctr_config_init(&limits);
	pm_ctr_config_init(&image);
	if (o->force && !o->destroy)
		return pm_fail(err, PM_E_USAGE, "cannot set --force without --destroy");
	if (o->name && cli->n_args > 1)
		return pm_fail(err, PM_E_USAGE,
			       "the name is given twice: by --name and as an argument");
	co.name = o->name ? o->name : cli->n_args > 1 ? cli->args[1] : NULL;
	int r = pm_ctr_apply_limits(cli, &o->ctr, &limits, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &from, err);
	if (r >= 0 && o->pod)
		r = pm_pod_find(e.store, o->pod, &pod, err);
	if (r >= 0)
		r = other_image(cli, &e, &image, image_id, &co, err);
	if (r < 0)
		return r;
	co.pod = pod.id;
	r = pm_container_clone(&e, &from, &co, &to, err);
	if (r < 0)
		return r;
	/* made already, whatever follows */
	printf("%s\n", to.row.id);
	if (o->destroy) {
		const struct pm_remove_options ro = {.force = o->force, .timeout = -1};
		r = pm_container_remove(&e, &from, &ro, err);
	}
	if (r >= 0 && o->run)
		r = start_clone(&e, &to, err);
	return r;
}

const struct pm_command pm_cmd_container_clone = {
	.path = "container clone",
	.summary = "Clone an existing container",
	.synopsis = "[options] CONTAINER [NAME] [IMAGE]",
	.text = "Creates a copy of an existing container: its options, with files and anonymous "
		"volumes of its own.",
	.examples = "%p container_name new_name image_name\n%p --destroy --cpus=5 d0cf1f782e2e",
	.min_args = 1,
	.max_args = 3,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct clone_opts),
	.tables = {{pm_ctr_pod_limits_table, offsetof(struct clone_opts, ctr)},
		   {pm_ctr_limits_table, offsetof(struct clone_opts, ctr)},
		   {clone_table, 0},
		   {0}},
	.run = clone_run,
};
