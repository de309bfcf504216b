#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/checkpoint.h"

/* Both commands and their options are known, so that who calls them is told why it cannot be. */

#define WHY "containers are not checkpointed"
#define FLAG(name_, letter_)                                                                       \
	{                                                                                          \
		name_, letter_, PM_REFUSED, WHY, .no_value = "true"                                \
	}
#define VALUE(name_, letter_)                                                                      \
	{                                                                                          \
		name_, letter_, PM_REFUSED, WHY                                                    \
	}

static const struct pm_opt checkpoint_table[] = {
	FLAG("all", 'a'),           VALUE("compress", 'c'),      VALUE("create-image", 0),
	VALUE("export", 'e'),       FLAG("file-locks", 0),       FLAG("ignore-rootfs", 0),
	FLAG("ignore-volumes", 0),  FLAG("keep", 'k'),           FLAG("latest", 'l'),
	FLAG("leave-running", 'R'), FLAG("pre-checkpoint", 'P'), FLAG("print-stats", 0),
	FLAG("tcp-established", 0), FLAG("with-previous", 0),    {0},
};

static const struct pm_opt restore_table[] = {
	FLAG("all", 'a'),
	FLAG("file-locks", 0),
	FLAG("ignore-rootfs", 0),
	FLAG("ignore-static-ip", 0),
	FLAG("ignore-static-mac", 0),
	FLAG("ignore-volumes", 0),
	VALUE("import", 'i'),
	VALUE("import-previous", 0),
	FLAG("keep", 'k'),
	FLAG("latest", 'l'),
	VALUE("name", 'n'),
	VALUE("pod", 0),
	FLAG("print-stats", 0),
	VALUE("publish", 'p'),
	FLAG("tcp-established", 0),
	{0},
};

static int refuse(struct pm_cli *cli, const char *verb, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	for (int i = 0; i < cli->n_args && r >= 0; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(&e, cli->args[i], &c, err);
		if (r >= 0)
			r = pm_checkpoint_refuse(&e, &c.config, verb, err);
	}
	return r;
}

static int checkpoint_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	return refuse(cli, "checkpointing", err);
}

static int restore_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	return refuse(cli, "restoring", err);
}

const struct pm_command pm_cmd_container_checkpoint = {
	.path = "container checkpoint",
	.summary = "Checkpoint one or more containers",
	.synopsis = "CONTAINER [CONTAINER...]",
	.text = "Writing the state of running containers to disk is not supported: the command "
		"says what "
		"is missing.",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.tables = {{checkpoint_table, 0}, {0}},
	.run = checkpoint_run,
};

const struct pm_command pm_cmd_container_restore = {
	.path = "container restore",
	.summary = "Restore one or more containers from a checkpoint",
	.synopsis = "CONTAINER|IMAGE [CONTAINER|IMAGE...]",
	.text = "Restoring containers from a checkpoint is not supported: the command says what is "
		"missing.",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_STOPPED,
	.tables = {{restore_table, 0}, {0}},
	.run = restore_run,
};
