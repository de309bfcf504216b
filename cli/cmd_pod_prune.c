#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/pod_common.h"
#include "engine/events/events.h"

struct prune_opts {
	bool force;
};

static const struct pm_opt prune_table[] = {
	{"force", 'f', PM_BOOL(struct prune_opts, force),
	 "Do not prompt for confirmation.  The default is false"},
	{0},
};

/* Is it one of those that prune removes? */
static bool ended(const struct pm_pod *p)
{
	const char *status = pm_pod_status(p);
	return strcmp(status, "Exited") == 0 || strcmp(status, "Stopped") == 0 ||
	       strcmp(status, "Created") == 0;
}

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_pod_list_ struct pm_pod_list rows = {0};
	struct pm_pod_notes notes = pm_pod_cli_notes(cli);

	if (!o->force) {
		puts("WARNING! This will remove all stopped/exited pods.");
		if (!pm_cli_confirm("Are you sure you want to continue? [y/N] "))
			return 0;
	}
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_pod_list(e.store, &rows, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rows.n; i++) {
		_cleanup_pod_ struct pm_pod p = {0};
		r = pm_pod_load(&e, rows.v[i].id, &p, err);
		if (r >= 0 && !ended(&p))
			continue;
		/* one that was started meanwhile is no longer one to prune */
		if (r >= 0)
			r = pm_pod_remove(&e, p.row.id, false, -1, &notes, err);
		if (r >= 0) {
			pm_event_pod(&e, "prune", p.row.id, p.row.name, p.row.labels);
			printf("%s\n", p.row.id);
		} else if (r == -PM_E_NOSUCH || r == -PM_E_STATE) {
			pm_err_clear(err);
		} else {
			pm_cli_note(cli, err);
		}
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_pod_prune = {
	.path = "pod prune",
	.summary = "Remove all stopped pods and their containers",
	.synopsis = "[options]",
	.text = "Removes all pods of which no container runs, with their containers.",
	.examples = "%p\n%p --force",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
