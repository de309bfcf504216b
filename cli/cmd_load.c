#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/progress.h"
#include "engine/events/events.h"
#include "engine/image/load.h"

struct load_opts {
	const char *input;
	bool quiet;
};

static const struct pm_opt load_table[] = {
	{"input", 'i', PM_STRING(struct load_opts, input),
	 "Read from specified archive file (default: stdin)", .complete = PM_COMPLETE_FILE},
	{"quiet", 'q', PM_BOOL(struct load_opts, quiet), "Suppress the output"},
	{0},
};

static int load_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct load_opts *o = opts;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	struct stat st;

	if (o->input && stat(o->input, &st) < 0)
		return pm_fail_sys(err, "stat %s", o->input);
	if (!o->input && isatty(0))
		return pm_fail(err, PM_E_USAGE,
			       "cannot read from terminal. Use command-line redirection or the "
			       "--input flag");
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	r = pm_image_load(pm_cli_store(cli), o->input ? o->input : "-", 0,
			      pm_progress_events(bars), &names, err);
	pm_progress_clear(bars);
	for (size_t i = 0; i < names.n; i++) {
		pm_event_image(&e, "loadfromarchive", NULL, names.v[i]);
		printf("Loaded image: %s\n", names.v[i]);
	}
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_load = {
	.path = "load|image load",
	.summary = "Load image(s) from a tar archive",
	.synopsis = "[options]",
	.text = "Loads an image from a locally stored archive (tar file) into container storage.\n"
		"docker-archive and oci-archive files, OCI layouts and dir: directories are "
		"recognised.",
	.examples = "%p -i image.tar\n%p < image.tar.gz",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct load_opts),
	.tables = {{load_table, 0}, {0}},
	.run = load_run,
};
