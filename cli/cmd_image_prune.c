#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/image_prune.h"

struct prune_opts {
	bool all, external, force;
	struct pm_strv filter;
};

static const struct pm_opt prune_table[] = {
	{"all", 'a', PM_BOOL(struct prune_opts, all),
	 "Remove all images not in use by containers, not just dangling ones"},
	{"external", 0, PM_BOOL(struct prune_opts, external),
	 "Remove images even when they are used by external containers; pm keeps none, so nothing is "
	 "held back for them"},
	{"filter", 0, PM_STRINGS(struct prune_opts, filter),
	 "Provide filter values (e.g. 'label=<key>=<value>')",
	 .choices = PM_IMAGE_PRUNE_FILTERS},
	{"force", 'f', PM_BOOL(struct prune_opts, force), "Do not prompt for confirmation"},
	{0},
};

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	if (!o->force) {
		fprintf(stderr, "WARNING! This command removes all %s.\n",
			o->all ? "images without at least one container associated with them"
			       : "dangling images");
		if (!pm_cli_confirm("Are you sure you want to continue? [y/N] "))
			return 0;
	}
	r = pm_images_prune(cli, &e, &o->filter, o->all, &ids, NULL, err);
	for (size_t i = 0; i < ids.n; i++)
		puts(ids.v[i]);
	pm_engine_sweep(&e);
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_image_prune = {
	.path = "image prune",
	.summary = "Remove unused images",
	.synopsis = "[options]",
	.text = "Removes dangling images: those without a name that no other image is based on. With "
		"--all, all images that no container uses.",
	.examples = "%p\n%p --all --force\n%p --all --filter until=24h",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
