#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/volume/files.h"

typedef int volume_verb(struct pm_engine *e, const struct pm_volume_row *row, struct pm_err *err);

/* Each volume named, with its path or its name printed when verb has succeeded. */
static int each(struct pm_cli *cli, volume_verb *verb, bool path, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		_cleanup_volume_row_ struct pm_volume_row row = {0};
		r = pm_volume_find(e.store, cli->args[i], &row, err);
		if (r >= 0)
			r = verb(&e, &row, err);
		if (r < 0) {
			pm_cli_note(cli, err);
			continue;
		}
		_cleanup_free_ char *shown = path ? pm_volume_path(e.store, &row)
						  : pm_strdup(row.name);
		puts(shown);
	}
	return pm_cli_result(cli, 0);
}

static int mount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	return each(cli, pm_volume_mount_here, true, err);
}

static int unmount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	return each(cli, pm_volume_umount_here, false, err);
}

const struct pm_command pm_cmd_volume_mount = {
	.path = "volume mount",
	.summary = "Mount volume",
	.synopsis = "VOLUME [VOLUME...]",
	.text = "Mounts the file systems of volumes where they can be reached from the host, and prints these "
		"places. A plain volume is a directory and needs no mount; others need root's privileges or "
		"`pm unshare`, and go with its mount namespace.",
	.examples = "%p myvol",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.run = mount_run,
};

const struct pm_command pm_cmd_volume_unmount = {
	.path = "volume unmount,umount",
	.summary = "Unmount volume",
	.synopsis = "VOLUME [VOLUME...]",
	.text = "Takes back what `pm volume mount` mounted. Containers that use the volume are not touched: they "
		"have mounts of their own.",
	.examples = "%p myvol",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.run = unmount_run,
};
