#include <stdio.h>

#include "cli/checkpoint_stats.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/checkpoint.h"

struct checkpoint_opts {
	bool all, latest, print_stats;
	const char *compress;
	struct pm_checkpoint_options o;
};

#define OPT(kind, field) kind(struct checkpoint_opts, o.field)

static const struct pm_opt checkpoint_table[] = {
	{"all", 'a', PM_BOOL(struct checkpoint_opts, all), "Checkpoint all running containers"},
	{"compress", 'c', PM_CHOICE(struct checkpoint_opts, compress),
	 "Select the compression algorithm of the archive", .def = "zstd", .choices = "gzip|none|zstd"},
	{"create-image", 0, OPT(PM_STRING, image), "Create a checkpoint image with the given name", .arg = "image"},
	{"export", 'e', OPT(PM_STRING, archive), "Export the checkpoint to an archive", .arg = "archive",
	 .complete = PM_COMPLETE_FILE},
	{"file-locks", 0, OPT(PM_BOOL, file_locks), "Checkpoint a container with file locks"},
	{"ignore-rootfs", 0, OPT(PM_BOOL, ignore_rootfs),
	 "Do not include root file-system changes when exporting"},
	{"ignore-volumes", 0, OPT(PM_BOOL, ignore_volumes), "Do not export volumes of the container"},
	{"keep", 'k', OPT(PM_BOOL, keep), "Keep all temporary checkpoint files"},
	{"latest", 'l', PM_BOOL(struct checkpoint_opts, latest), "Act on the container created last"},
	{"leave-running", 'R', OPT(PM_BOOL, leave_running),
	 "Leave the container running after writing checkpoint to disk"},
	{"pre-checkpoint", 'P', OPT(PM_BOOL, pre_checkpoint),
	 "Dump container's memory information only, leave the container running"},
	{"print-stats", 0, PM_BOOL(struct checkpoint_opts, print_stats), "Display checkpoint statistics"},
	{"tcp-established", 0, OPT(PM_BOOL, tcp_established),
	 "Checkpoint a container with established TCP connections"},
	{"with-previous", 0, OPT(PM_BOOL, with_previous),
	 "Checkpoint container with pre-checkpoint images"},
	{0},
};

static int check(const struct pm_cli *cli, struct checkpoint_opts *o, struct pm_err *err)
{
	static const struct {
		const char *a, *b;
	} apart[] = {{"pre-checkpoint", "with-previous"},
		     {"pre-checkpoint", "leave-running"},
		     {"pre-checkpoint", "create-image"}};
	static const char *const with_export[] = {"compress", "ignore-rootfs", "ignore-volumes"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(apart); i++)
		if (pm_cli_given(cli, apart[i].a) && pm_cli_given(cli, apart[i].b))
			return pm_fail(err, PM_E_USAGE, "--%s cannot be used together with --%s", apart[i].a,
				       apart[i].b);
	for (size_t i = 0; i < PM_ARRAY_SIZE(with_export); i++)
		if (pm_cli_given(cli, with_export[i]) && !o->o.archive && !(i && o->o.image))
			return pm_fail(err, PM_E_USAGE, "--%s can only be used with --export", with_export[i]);
	if ((o->o.archive || o->o.image) && (o->all || cli->n_args > 1))
		return pm_fail(err, PM_E_USAGE, "--%s is for one container: each would overwrite the one before",
			       o->o.archive ? "export" : "create-image");
	o->o.compression = pm_streq(o->compress, "none")   ? PM_COMPRESSION_NONE
			   : pm_streq(o->compress, "gzip") ? PM_COMPRESSION_GZIP
							   : PM_COMPRESSION_ZSTD;
	return 0;
}

struct run {
	const struct checkpoint_opts *o;
	struct pm_checkpoint_stats stats;
};

static int checkpoint_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	struct run *run = arg;
	struct pm_checkpoint_report report = {0};
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = pm_container_checkpoint(e, &c, &run->o->o, &report, err);
	if (r < 0)
		return r;
	if (run->o->print_stats)
		pm_checkpoint_stats_add(&run->stats, c.row.id, report.runtime_us, &report.criu);
	else
		printf("%s\n", name);
	return 0;
}

static int checkpoint_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct checkpoint_opts *o = opts;
	struct run run = {.o = o};
	const struct pm_ctr_choice choice = {.all = o->all,
					     .latest = o->latest,
					     .states = PM_IN_STATE(PM_STATUS_RUNNING)};
	int r = check(cli, o, err);
	if (r < 0)
		return r;
	if (o->print_stats)
		pm_checkpoint_stats_begin(&run.stats, "checkpoint", PM_CRIU_FREEZING_TIME, PM_CRIU_PAGES_WRITTEN);
	r = pm_ctr_verb(cli, &choice, checkpoint_one, &run, err);
	if (o->print_stats)
		pm_checkpoint_stats_print(&run.stats);
	return r;
}

const struct pm_command pm_cmd_container_checkpoint = {
	.path = "container checkpoint",
	.summary = "Checkpoint one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Writes the state of all processes of running containers to disk, by CRIU. The containers end "
		"by it, and can be restored.\n\nThis requires root, CRIU, and a runtime that was built with it.",
	.examples = "%p mywebserver\n%p --leave-running --export /tmp/web.tar.zst mywebserver\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct checkpoint_opts),
	.tables = {{checkpoint_table, 0}, {0}},
	.run = checkpoint_run,
};
