#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/stop.h"

/* migrate and renumber: what Podman needs after an upgrade. */

struct migrate_opts {
	const char *new_runtime;
};

static const struct pm_opt migrate_table[] = {
	{"new-runtime", 0, PM_STRING(struct migrate_opts, new_runtime),
	 "Specify a new runtime for all containers"},
	{0},
};

/* In the container's configuration, for its next start. */
static int change_runtime(struct pm_engine *e, const char *id, const char *runtime, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	_cleanup_close_ int lock = pm_container_lock(e, id, true, err);
	if (lock < 0)
		return lock;
	int r = pm_container_load(e, id, &c, err);
	if (r < 0)
		return r;
	free(c.config.runtime);
	c.config.runtime = pm_strdup(runtime);
	return pm_container_save_config(e, &c, err);
}

static int migrate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct migrate_opts *o = opts;
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	_cleanup_free_ char *path = NULL;
	const struct pm_ctr_choice all = {.all = true};
	int r = pm_ctr_set_choose(cli, &all, true, &set, err);
	if (r >= 0)
		r = pm_engine_conf(&set.e, err);
	/* one that is not there is no container's */
	if (r >= 0 && o->new_runtime)
		r = pm_conf_runtime(&set.e.conf, o->new_runtime, &path, err);
	if (r < 0)
		return r;
	/* the user namespace, with the ids that it maps, goes with the last of them */
	_cleanup_free_ bool *ran = pm_calloc(set.n, sizeof(*ran));
	for (size_t i = 0; i < set.n; i++)
		ran[i] = pm_ctr_is_up(&set.v[i].state);
	pm_containers_stop(&set.e, set.v, set.n, -1, set.errs);
	for (size_t i = 0; i < set.n; i++) {
		if (!set.errs[i].code && ran[i])
			printf("stopped %s\n", set.v[i].row.id);
		if (!set.errs[i].code && o->new_runtime &&
		    change_runtime(&set.e, set.v[i].row.id, o->new_runtime, &set.errs[i]) == -PM_E_NOSUCH)
			pm_err_clear(&set.errs[i]); /* of --rm: gone with its stop */
		if (set.errs[i].code)
			pm_cli_note(cli, &set.errs[i]);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_system_migrate = {
	.path = "system migrate",
	.summary = "Migrate existing containers to a new user namespace mapping or runtime",
	.synopsis = "[options]",
	.text = "Stops all running containers. With them goes the user namespace that they share: the next one has "
		"the subordinate ids that /etc/subuid and /etc/subgid give the user then.",
	.examples = "%p\n%p --new-runtime runc",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct migrate_opts),
	.tables = {{migrate_table, 0}, {0}},
	.run = migrate_run,
};

static int renumber_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)cli;
	(void)opts;
	(void)err;
	return 0;
}

const struct pm_command pm_cmd_system_renumber = {
	.path = "system renumber",
	.summary = "Migrate lock numbers, of which there are none",
	.synopsis = "",
	.text = "Podman's locks have numbers, which may have to be given anew. pm's are files, named as what they "
		"lock: there is nothing to do, and this succeeds.",
	.examples = "%p",
	.max_args = 0,
	.run = renumber_run,
};
