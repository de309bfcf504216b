#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/network_list.h"
#include "engine/events/events.h"

struct prune_opts {
	struct pm_strv filter;
	bool force;
};

static const struct pm_opt prune_table[] = {
	{"filter", 0, PM_STRINGS(struct prune_opts, filter),
	 "Provide filter values (e.g. 'label=<key>=<value>')", .choices = "label=|label!=|until="},
	{"force", 'f', PM_BOOL(struct prune_opts, force), "Do not prompt for confirmation"},
	{0},
};

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_network_list_ struct pm_network_list l = {0};
	if (!o->force) {
		fputs("WARNING! This will remove all networks not used by at least one container.\n",
		      stderr);
		if (!pm_cli_confirm("Are you sure you want to continue? [y/N] "))
			return 0;
	}
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_list(&e, &l, err);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		r = pm_network_filter(&e, &l.v[i], &o->filter, true, err);
		if (r <= 0 || pm_network_is_default(&e, l.v[i].name))
			continue;
		int gone = pm_network_remove(&e, l.v[i].name, false, -1, err);
		if (gone >= 0) {
			pm_event_named(&e, "network", "prune", l.v[i].name);
			puts(l.v[i].name);
		} else if (gone == -PM_E_INUSE || gone == -PM_E_NOSUCH) {
			pm_err_clear(err);
		} else {
			pm_cli_note(cli, err);
		}
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_network_prune = {
	.path = "network prune",
	.summary = "Remove unused networks",
	.synopsis = "[options]",
	.text = "Removes all networks that no container is connected to, but for the default one.",
	.examples = "%p\n%p --force --filter label=test",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
