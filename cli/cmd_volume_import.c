#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/volume/files.h"

static int import_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	_cleanup_close_ int file = -1;
	const char *source = cli->n_args > 1 ? cli->args[1] : "-";
	bool given = strcmp(source, "-") == 0;
	(void)opts;

	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_volume_find(e.store, cli->args[0], &row, err);
	if (r == -PM_E_NOSUCH)
		return pm_fail(err, PM_E_NOSUCH, "no such volume %s", cli->args[0]);
	if (r >= 0 && given && isatty(STDIN_FILENO))
		return pm_fail(err, PM_E_USAGE,
			       "cannot read from terminal: use command-line redirection or name a file");
	if (r >= 0 && !given) {
		file = pm_fs_open(AT_FDCWD, source, O_RDONLY, 0, err);
		r = file;
	}
	return r < 0 ? r : pm_volume_import(&e, &row, given ? STDIN_FILENO : file, err);
}

const struct pm_command pm_cmd_volume_import = {
	.path = "volume import",
	.summary = "Import a tarball contents into a volume",
	.synopsis = "VOLUME [SOURCE]",
	.text = "Imports the contents of a tar archive into the volume, which must exist: they are merged with "
		"what it has, and the archive takes precedence. The archive may be compressed. Without a "
		"source, or with -, it is read from standard input.",
	.examples = "%p my_vol /home/user/import.tar\ncat archive.tar | %p my_vol -",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.run = import_run,
};
