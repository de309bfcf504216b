#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/volume/files.h"

struct export_opts {
	const char *output;
};

static const struct pm_opt export_table[] = {
	{"output", 'o', PM_STRING(struct export_opts, output),
	 "Write to a specified file (default: stdout, which must be redirected)",
	 .complete = PM_COMPLETE_FILE},
	{0},
};

static int export_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct export_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	_cleanup_close_ int file = -1;

	if (!o->output && isatty(STDOUT_FILENO))
		return pm_fail(err, PM_E_USAGE,
			       "refusing to export to a terminal: use --output or redirect");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_volume_find(e.store, cli->args[0], &row, err);
	if (r >= 0 && o->output) {
		file = pm_fs_open(AT_FDCWD, o->output, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
		r = file;
	}
	if (r < 0)
		return r;
	return pm_volume_export(&e, &row, o->output ? file : STDOUT_FILENO, err);
}

const struct pm_command pm_cmd_volume_export = {
	.path = "volume export",
	.summary = "Export volumes",
	.synopsis = "[options] VOLUME",
	.text = "Exports the contents of a volume as a tar archive, to a file or to standard output.",
	.examples = "%p myvol > myvol.tar\n%p --output myvol.tar myvol",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.opts_size = sizeof(struct export_opts),
	.tables = {{export_table, 0}, {0}},
	.run = export_run,
};
