#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/secret/secret.h"

struct rm_opts {
	bool all, ignore;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all secrets"},
	{"ignore", 'i', PM_BOOL(struct rm_opts, ignore), "Ignore errors when a specified secret is missing"},
	{0},
};

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_secret_list_ struct pm_secret_list all = {0};
	if (o->all == (cli->n_args > 0))
		return pm_fail(err, PM_E_USAGE,
			       o->all ? "--all takes no arguments"
				      : "must specify at least one secret, or --all");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->all)
		r = pm_secret_list(e.store, &all, err);
	if (r < 0)
		return r;
	pm_strv_add_all(&names, cli->args);
	for (size_t i = 0; i < all.n; i++)
		pm_strv_add(&names, all.v[i].id);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *id = NULL;
		r = pm_secret_remove(&e, names.v[i], &id, err);
		if (r >= 0)
			puts(id);
		else if (r == -PM_E_NOSUCH && o->ignore)
			pm_err_clear(err);
		else
			pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_secret_rm = {
	.path = "secret rm",
	.summary = "Remove one or more secrets",
	.synopsis = "[options] SECRET [SECRET...]",
	.text = "Removes one or more secrets. Containers made with one keep what they have of it.",
	.examples = "%p mysecret1 mysecret2\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_SECRET,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
