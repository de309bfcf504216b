#include <stdio.h>

#include "cli/commands.h"
#include "engine/image/history.h"
#include "engine/image/resolve.h"

struct tree_opts {
	bool whatrequires;
};

static const struct pm_opt tree_table[] = {
	{"whatrequires", 0, PM_BOOL(struct tree_opts, whatrequires),
	 "Show all child images and layers of the specified image"},
	{0},
};

static int tree_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct tree_opts *o = opts;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	char id[65];
	int r = pm_image_resolve(pm_cli_store(cli), cli->args[0], id, NULL, err);
	if (r >= 0)
		r = pm_image_tree_text(pm_cli_store(cli), id, o->whatrequires, &out, err);
	if (r >= 0)
		puts(pm_buf_str(&out));
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_image_tree = {
	.path = "image tree",
	.summary = "Print layer hierarchy of an image in a tree format",
	.synopsis = "[options] IMAGE",
	.text = "Prints layer hierarchy of an image in a tree format, lowest layer first. Where a layer is the "
		"topmost of an image, that image's names are shown.",
	.examples = "%p docker.io/library/wordpress\n%p --whatrequires ae96a4ad4f3f",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct tree_opts),
	.tables = {{tree_table, 0}, {0}},
	.run = tree_run,
};
