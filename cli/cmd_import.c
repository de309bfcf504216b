#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/progress.h"
#include "engine/events/events.h"
#include "engine/image/import.h"

struct import_opts {
	const char *arch, *message, *os, *variant;
	struct pm_strv change;
	bool quiet;
};

static const struct pm_opt import_table[] = {
	{"arch", 0, PM_STRING(struct import_opts, arch), "Set the architecture of the imported image"},
	{"change", 'c', PM_STRINGS(struct import_opts, change),
	 "Apply the following possible instructions to the created image: CMD | ENTRYPOINT | ENV | "
	 "EXPOSE | LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME | WORKDIR"},
	{"message", 'm', PM_STRING(struct import_opts, message),
	 "Set commit message for imported image"},
	{"os", 0, PM_STRING(struct import_opts, os), "Set the OS of the imported image"},
	{"quiet", 'q', PM_BOOL(struct import_opts, quiet), "Suppress output"},
	{"variant", 0, PM_STRING(struct import_opts, variant), "Set the variant of the imported image"},
	{0},
};

static int import_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct import_opts *o = opts;
	const char *path = cli->args[0], *reference = cli->args[1];
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	struct pm_import_options io = {
		.changes = &o->change,
		.message = o->message,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
	};
	char id[65];

	if (pm_startswith(path, "http://") || pm_startswith(path, "https://"))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "import of %s: pm does not fetch files; use \"curl -L URL | pm import "
			       "- REFERENCE\"",
			       path);
	if (strcmp(path, "-") == 0 && isatty(0))
		return pm_fail(err, PM_E_USAGE,
			       "cannot read from terminal. Use command-line redirection");
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	r = pm_image_import(pm_cli_store(cli), path, 0, reference, &io,
				pm_progress_events(bars), id, err);
	pm_progress_clear(bars);
	if (r < 0)
		return r;
	pm_event_image(&e, "import", id, reference);
	printf("sha256:%s\n", id);
	return 0;
}

const struct pm_command pm_cmd_import = {
	.path = "import|image import",
	.summary = "Import a tarball to create a filesystem image",
	.synopsis = "[options] PATH [REFERENCE]",
	.text = "Create a container image from the contents of the specified tarball (plain, gzip or "
		"zstd).\n"
		"PATH \"-\" is standard input. You can specify instructions using the --change option.",
	.examples = "%p ctr.tar image-imported\n"
		    "cat ctr.tar | %p -q --message \"importing the ctr.tar tarball\" - image-imported\n"
		    "cat ctr.tar | %p -",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct import_opts),
	.tables = {{import_table, 0}, {0}},
	.run = import_run,
};
