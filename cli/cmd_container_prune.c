#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_filter.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"

struct prune_opts {
	bool force;
	struct pm_strv filter;
};

static const struct pm_opt prune_table[] = {
	{"filter", 0, PM_STRINGS(struct prune_opts, filter),
	 "Provide filter values (e.g. 'label=<key>=<value>')"},
	{"force", 'f', PM_BOOL(struct prune_opts, force),
	 "Do not prompt for confirmation.  The default is false"},
	{0},
};

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	struct pm_ctr_choice choice = {.all = true,
				       .filters = &o->filter,
				       .newest_first = true,
				       .states = PM_IN_STATE(PM_STATUS_CREATED) |
						 PM_IN_STATE(PM_STATUS_EXITED)};
	const struct pm_remove_options ro = {.timeout = -1};
	int r = pm_ctr_filter_check(NULL, &o->filter, err);
	if (r < 0)
		return r;
	if (!o->force) {
		/* on standard output, as Podman asks */
		fputs("WARNING! This will remove all non running containers.\n"
		      "Are you sure you want to continue? [y/N] ",
		      stdout);
		if (!pm_cli_confirm(""))
			return 0;
	}
	r = pm_ctr_set_choose(cli, &choice, true, &set, err);
	if (r < 0)
		return r;
	pm_containers_remove(&set.e, set.v, set.n, &ro, set.errs);
	for (size_t i = 0; i < set.n; i++) {
		/* one that was started or removed meanwhile is no longer one to prune */
		if (set.errs[i].code == PM_E_NOSUCH || set.errs[i].code == PM_E_STATE)
			continue;
		if (set.errs[i].code) {
			pm_cli_note(cli, &set.errs[i]);
			continue;
		}
		pm_event_container(&set.e, &set.v[i], "prune");
		printf("%s\n", set.v[i].row.id);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_container_prune = {
	.path = "container prune",
	.summary = "Remove all non running containers",
	.synopsis = "[options]",
	.text = "Removes all non running containers",
	.examples = "%p\n%p --force --filter until=24h",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
