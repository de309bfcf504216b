#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/exec.h"
#include "engine/container/remove.h"

/*
 * What a monitor executes as its last act when no pm waits for its container: the exit is
 * written into the row, and with --rm the row goes. Someone who holds the container's lock (rm
 * -f, start) does that himself: then there is nothing to do here.
 */

struct cleanup_opts {
	bool all, latest, rm, rmi;
	const char *exec;
};

static const struct pm_opt cleanup_table[] = {
	{"all", 'a', PM_BOOL(struct cleanup_opts, all), "Clean up all containers"},
	{"exec", 0, PM_STRING(struct cleanup_opts, exec), "Clean up the given exec session instead of the container",
	 .arg = "session"},
	{"latest", 'l', PM_BOOL(struct cleanup_opts, latest), "Act on the container created last"},
	{"rm", 0, PM_BOOL(struct cleanup_opts, rm), "Remove the container after the clean-up"},
	{"rmi", 0, PM_BOOL(struct cleanup_opts, rmi),
	 "Remove the container, and its image, after the clean-up"},
	{0},
};

static int cleanup_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct cleanup_opts *o = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r < 0)
		return r;
	if (o->exec) {
		r = pm_exec_cleanup(e, &c, o->exec, err);
		if (r >= 0)
			printf("%s\n", name);
		return r;
	}

	_cleanup_close_ int lock = pm_container_lock(e, c.row.id, false, err);
	if (lock == -EAGAIN)
		return 0;
	if (lock < 0)
		return lock;
	pm_container_state(e, &c.row, &c.state);
	if (pm_ctr_is_up(&c.state) || c.state.restarting)
		return pm_fail(
			err, PM_E_STATE,
			"container %s is running or paused, refusing to clean up: container state "
			"improper",
			c.row.id);
	c.config.autoremove_image |= o->rmi;
	r = c.state.status == PM_STATUS_EXITED
		    ? pm_ctr_after_end(e, &c, o->rm || o->rmi, &lock, err)
		    : 0;
	if (r >= 0)
		printf("%s\n", name);
	return r;
}

static int cleanup_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct cleanup_opts *o = opts;
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .states = PM_IN_STATE(PM_STATUS_CREATED) |
						 PM_IN_STATE(PM_STATUS_EXITED)};
	if (o->exec && (o->all || cli->n_args > 1))
		return pm_fail(err, PM_E_USAGE, "exec and all options conflict: a session is one container's");
	if (o->exec && o->rmi)
		return pm_fail(err, PM_E_USAGE, "exec and rmi options conflict: the container is not cleaned up");
	/* a monitor that was a service's main process goes on as this one: the service's result
	 * is the container's exit code */
	const char *code = getenv("_PM_EXIT_CODE");
	/* what was reset meanwhile is not made anew */
	int r = code && !pm_cli_store_exists(cli) ? 0 : pm_ctr_verb(cli, &choice, cleanup_one, o, err);
	return r == 0 && code ? (int)strtol(code, NULL, 10) & 0xff : r;
}

const struct pm_command pm_cmd_cleanup = {
	.path = "container cleanup",
	.summary = "Clean up after containers that have ended",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Writes the exit of containers into the store, or removes them. pm does this by "
		"itself; the "
		"command is there for monitors whose pm has gone.",
	.examples = "%p ctrID\n%p --all",
	.max_args = -1,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct cleanup_opts),
	.tables = {{cleanup_table, 0}, {0}},
	.run = cleanup_run,
};
