#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/quadlet_common.h"

static int print_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	(void)opts;
	pm_quadlet_all(&set);
	const struct pm_quadlet *q = pm_quadlet_find(&set, cli->args[0]);
	if (!q)
		return pm_fail(err, PM_E_NOSUCH, "could not locate quadlet \"%s\" in any supported quadlet directory", cli->args[0]);
	int r = pm_fs_read_file(AT_FDCWD, q->path, PM_UNITFILE_MAX, &text, err);
	if (r >= 0)
		fwrite(pm_buf_str(&text), 1, text.len, stdout);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_quadlet_print = {
	.path = "quadlet print",
	.summary = "Print a Quadlet file",
	.synopsis = "QUADLET",
	.text = "Prints a Quadlet file as it is, comments included.",
	.examples = "%p web.container",
	.min_args = 1,
	.max_args = 1,
	.complete = PM_COMPLETE_QUADLET,
	.run = print_run,
};
