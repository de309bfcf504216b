#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/volume/volume.h"

struct rm_opts {
	bool all, force;
	uint64_t time;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all volumes"},
	{"force", 'f', PM_BOOL(struct rm_opts, force),
	 "Remove a volume by force, even if it is being used by a container"},
	{"time", 't', PM_UINT(struct rm_opts, time),
	 "Seconds to wait for running containers to stop before killing the container (default 10)"},
	{0},
};

static int rm_one(struct pm_engine *e, const char *name, const struct rm_opts *o, int timeout,
		  struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	int r = pm_volume_find(e->store, name, &row, err);
	if (r >= 0)
		r = pm_volume_delete(e, row.name, o->force, timeout, err);
	if (r >= 0)
		puts(row.name);
	return r;
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	int timeout = pm_cli_given(cli, "time") ? (int)o->time : -1;

	if (o->all == (cli->n_args > 0))
		return pm_fail(err, PM_E_USAGE, "choose either one or more volumes or all");
	if (pm_cli_given(cli, "time") && !o->force)
		return pm_fail(err, PM_E_USAGE, "--force option must be specified to use the --time "
						"option");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->all)
		r = pm_volume_list(e.store, &all, err);
	if (r < 0)
		return r;
	pm_strv_add_all(&names, cli->args);
	for (size_t i = 0; i < all.n; i++)
		pm_strv_add(&names, all.v[i].name);
	for (size_t i = 0; i < names.n; i++) {
		r = rm_one(&e, names.v[i], o, timeout, err);
		if (r >= 0)
			continue;
		if (r == -PM_E_NOSUCH && o->force) {
			pm_err_clear(err);
			continue;
		}
		/* Podman: 1 for a missing one, 2 for one in use, 125 for the rest */
		pm_cli_set_exit(cli, r == -PM_E_NOSUCH ? 1 : r == -PM_E_INUSE ? 2 : 125);
		pm_cli_note(cli, err);
	}
	pm_engine_sweep(&e);
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_volume_rm = {
	.path = "volume rm,remove",
	.summary = "Remove one or more volumes",
	.synopsis = "[options] VOLUME [VOLUME...]",
	.text = "Removes one or more existing volumes. Only volumes that no container uses are removed, unless "
		"--force is given: then these containers are removed as well.",
	.examples = "%p myvol1 myvol2\n%p --all\n%p --force myvol",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
