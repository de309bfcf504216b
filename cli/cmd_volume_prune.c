#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/events/events.h"
#include "engine/volume/volume.h"

struct prune_opts {
	struct pm_strv filter;
	bool force;
};

static const struct pm_opt prune_table[] = {
	{"filter", 0, PM_LIST(struct prune_opts, filter), "Provide filter values (e.g. 'label=<key>=<value>')",
	 .choices = "anonymous=|label=|label!=|since=|until="},
	{"force", 'f', PM_BOOL(struct prune_opts, force), "Do not prompt for confirmation"},
	{0},
};

/* Names of the volumes that no container has, and that pass the filters. */
static int unused(struct pm_engine *e, const struct pm_strv *filters, struct pm_strv *ret,
		  struct pm_err *err)
{
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	_cleanup_strv_ struct pm_strv with = PM_STRV_INIT;
	pm_strv_add_all(&with, pm_strv_argv(filters));
	pm_strv_add(&with, "dangling=true");
	int r = pm_volume_filter_check(&with, err);
	if (r >= 0)
		r = pm_volume_list(e->store, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = pm_volume_filter(e, &with, &all.v[i], err);
		if (r > 0)
			pm_strv_add(ret, all.v[i].name);
	}
	return r < 0 ? r : 0;
}

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = unused(&e, &o->filter, &names, err);
	if (r < 0)
		return r;
	if (!o->force) {
		printf("WARNING! This will remove all volumes not used by at least one container. The "
		       "following volumes will be removed:\n");
		for (size_t i = 0; i < names.n; i++)
			puts(names.v[i]);
		if (!names.n) {
			printf("No dangling volumes found\n");
			return 0;
		}
		fflush(stdout);
		if (!pm_cli_confirm("Are you sure you want to continue? [y/N] "))
			return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		r = pm_volume_delete(&e, names.v[i], false, -1, err);
		if (r >= 0) {
			pm_event_named(&e, "volume", "prune", names.v[i]);
			puts(names.v[i]);
		} else if (r != -PM_E_INUSE && r != -PM_E_NOSUCH) { /* used or gone since we looked */
			pm_cli_note(cli, err);
		}
		pm_err_clear(err);
	}
	pm_engine_sweep(&e);
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_volume_prune = {
	.path = "volume prune",
	.summary = "Remove all unused volumes",
	.synopsis = "[options]",
	.text = "Removes all volumes that no container uses, after asking.",
	.examples = "%p\n%p --force\n%p --filter label=mylabel=mylabelvalue",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
