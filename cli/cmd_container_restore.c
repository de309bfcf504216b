#include <stdio.h>
#include <string.h>

#include "cli/checkpoint_stats.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/checkpoint_import.h"
#include "engine/container/restore.h"

struct restore_opts {
	bool all, latest, print_stats;
	const char *import, *import_previous;
	struct pm_strv publish;
	struct pm_restore_options o;
};

#define OPT(kind, field) kind(struct restore_opts, o.field)

static const struct pm_opt restore_table[] = {
	{"all", 'a', PM_BOOL(struct restore_opts, all), "Restore all checkpointed containers"},
	{"file-locks", 0, OPT(PM_BOOL, file_locks), "Restore a container with file locks"},
	{"ignore-rootfs", 0, OPT(PM_BOOL, ignore_rootfs),
	 "Do not apply root file-system changes when importing from exported checkpoint"},
	{"ignore-static-ip", 0, OPT(PM_BOOL, ignore_static_ip), "Ignore IP address set via --ip, and the one it had"},
	{"ignore-static-mac", 0, OPT(PM_BOOL, ignore_static_mac), "Ignore MAC address set via --mac-address"},
	{"ignore-volumes", 0, OPT(PM_BOOL, ignore_volumes), "Do not restore the content of volumes"},
	{"import", 'i', PM_STRING(struct restore_opts, import), "Restore from exported checkpoint archive",
	 .arg = "file", .complete = PM_COMPLETE_FILE},
	{"import-previous", 0, PM_STRING(struct restore_opts, import_previous),
	 "Restore from exported pre-checkpoint archive", .arg = "file", .complete = PM_COMPLETE_FILE},
	{"keep", 'k', OPT(PM_BOOL, keep), "Keep all temporary checkpoint files"},
	{"latest", 'l', PM_BOOL(struct restore_opts, latest), "Act on the container created last"},
	{"name", 'n', OPT(PM_STRING, name), "Name of the new container (only works with image or --import)",
	 .arg = "name"},
	{"pod", 0, OPT(PM_STRING, pod), "Restore container into existing Pod (only works with image or --import)",
	 .arg = "name", .complete = PM_COMPLETE_POD},
	{"print-stats", 0, PM_BOOL(struct restore_opts, print_stats), "Display restore statistics"},
	{"publish", 'p', PM_LIST(struct restore_opts, publish),
	 "Publish a container's port, or a range of ports, to the host (default [])", .arg = "port"},
	{"tcp-established", 0, OPT(PM_BOOL, tcp_established),
	 "Restore a container with established TCP connections"},
	{0},
};

struct run {
	struct restore_opts *o;
	struct pm_checkpoint_stats stats;
	bool given[4]; /* of only_new */
};

/* What only makes sense for a container that is made by it. */
static const char *const only_new[] = {"name", "pod", "ignore-rootfs", "ignore-volumes"};

static int check(const struct pm_cli *cli, const struct restore_opts *o, struct pm_err *err)
{
	if (o->import && (cli->n_args || o->all || o->latest))
		return pm_fail(err, PM_E_USAGE, "Cannot use --import with positional arguments, --all or --latest");
	if (o->import_previous && !o->import)
		return pm_fail(err, PM_E_USAGE, "--import-previous can only be used with --import");
	if (o->o.name && o->o.tcp_established)
		return pm_fail(err, PM_E_USAGE, "--tcp-established cannot be used with --name");
	if ((o->o.name || o->o.pod) && (o->all || cli->n_args > 1))
		return pm_fail(err, PM_E_USAGE, "--%s can only be used with one image or archive",
			       o->o.name ? "name" : "pod");
	return 0;
}

static void tell(struct run *run, const char *id, const char *name, const struct pm_restore_report *report)
{
	if (run->o->print_stats)
		pm_checkpoint_stats_add(&run->stats, id, report->runtime_us, &report->criu);
	else
		printf("%s\n", name);
}

static int restore_new(struct pm_engine *e, const struct pm_checkpoint_source *from, struct run *run,
		       struct pm_err *err)
{
	struct pm_restore_report report;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_checkpoint_import(e, from, &run->o->o, &c, &report, err);
	if (r >= 0)
		tell(run, c.row.id, c.row.id, &report);
	return r;
}

/* A container, else a checkpoint image. */
static int restore_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	struct run *run = arg;
	struct pm_restore_report report;
	struct pm_checkpoint_source from = {0};
	char id[65];
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r == -PM_E_NOSUCH && pm_checkpoint_image_find(e, name, id) > 0) {
		pm_err_clear(err);
		from.image_id = id;
		return restore_new(e, &from, run, err);
	}
	if (r < 0)
		return r;
	if (run->o->all && !c.config.checkpointed)
		return 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(only_new); i++)
		if (run->given[i])
			return pm_fail(err, PM_E_USAGE, "--%s can only be used with image or --import", only_new[i]);
	if (run->o->publish.n)
		return pm_fail(err, PM_E_USAGE, "--publish can only be used with image or --import");
	r = pm_container_restore(e, &c, &run->o->o, &report, err);
	if (r >= 0)
		tell(run, c.row.id, name, &report);
	return r;
}

static int import(struct pm_cli *cli, struct run *run, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	const struct pm_checkpoint_source from = {.archive = run->o->import,
						  .previous = run->o->import_previous};
	int r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : restore_new(&e, &from, run, err);
}

static int restore_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct restore_opts *o = opts;
	struct run run = {.o = o};
	const struct pm_ctr_choice choice = {.all = o->all,
					     .latest = o->latest,
					     .states = PM_IN_STATE(PM_STATUS_EXITED)};
	int r = check(cli, o, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < PM_ARRAY_SIZE(only_new); i++)
		run.given[i] = pm_cli_given(cli, only_new[i]);
	o->o.publish = o->publish.n ? &o->publish : NULL;
	if (o->print_stats)
		pm_checkpoint_stats_begin(&run.stats, "restore", PM_CRIU_FORKING_TIME, PM_CRIU_PAGES_RESTORED);
	r = o->import ? import(cli, &run, err) : pm_ctr_verb(cli, &choice, restore_one, &run, err);
	if (o->print_stats)
		pm_checkpoint_stats_print(&run.stats);
	return r;
}

const struct pm_command pm_cmd_container_restore = {
	.path = "container restore",
	.summary = "Restore one or more containers from a checkpoint",
	.synopsis = "[options] CONTAINER|IMAGE [CONTAINER|IMAGE...]",
	.text = "Brings the processes of checkpointed containers back, from their checkpoints on disk, from an archive "
		"or from a checkpoint image.\n\nThis requires root, CRIU, and a runtime that was built with it.",
	.examples = "%p mywebserver\n%p --import /tmp/web.tar.zst --name web2\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_STOPPED,
	.opts_size = sizeof(struct restore_opts),
	.tables = {{restore_table, 0}, {0}},
	.run = restore_run,
};
