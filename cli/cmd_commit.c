#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/progress.h"
#include "engine/container/commit.h"

struct commit_opts {
	bool include_volumes, pause, quiet, squash;
	const char *author, *format, *iidfile, *message;
	struct pm_strv change;
};

static const struct pm_opt commit_table[] = {
	{"author", 'a', PM_STRING(struct commit_opts, author), "Set the author for the image committed"},
	{"change", 'c', PM_STRINGS(struct commit_opts, change),
	 "Apply the following possible instructions to the created image: CMD | ENTRYPOINT | ENV | "
	 "EXPOSE | LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME | WORKDIR"},
	{"format", 'f', PM_CHOICE(struct commit_opts, format),
	 "Format of the image manifest and metadata", .def = "oci", .choices = "oci|docker"},
	{"iidfile", 0, PM_STRING(struct commit_opts, iidfile), "file to write the image ID to",
	 .complete = PM_COMPLETE_FILE},
	{"include-volumes", 0, PM_BOOL(struct commit_opts, include_volumes),
	 "Include container volumes as image volumes"},
	{"message", 'm', PM_STRING(struct commit_opts, message),
	 "Set commit message for imported image"},
	{"pause", 'p', PM_BOOL(struct commit_opts, pause), "Pause container during commit"},
	{"quiet", 'q', PM_BOOL(struct commit_opts, quiet), "Suppress output"},
	{"squash", 's', PM_BOOL(struct commit_opts, squash), "squash newly built layers into a single new layer"},
	{0},
};

static int commit_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct commit_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	const struct pm_commit_options co = {
		.author = o->author,
		.message = o->message && *o->message ? o->message : NULL,
		.name = cli->args[1],
		.changes = &o->change,
		.docker = strcmp(o->format, "docker") == 0,
		.include_volumes = o->include_volumes,
		.pause = o->pause,
		.squash = o->squash,
	};
	char id[65];
	pm_container_init(&c);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	if (r < 0)
		return r;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_container_commit(&e, &c, &co, pm_progress_events(bars), id, err);
	pm_progress_clear(bars);
	if (r >= 0 && o->iidfile)
		r = pm_fs_write_file(AT_FDCWD, o->iidfile, id, strlen(id), 0644, false, err);
	if (r < 0)
		return r;
	puts(id);
	return 0;
}

const struct pm_command pm_cmd_commit = {
	.path = "commit|container commit",
	.summary = "Create new image based on the changed container",
	.synopsis = "[options] CONTAINER [IMAGE]",
	.text = "Create an image from a container's changes. Optionally tag the image created, set the "
		"author with the --author flag, set the commit message with the --message flag, and make "
		"changes to the instructions with the --change flag.\n"
		"Volumes of the container are not part of the image.",
	.examples = "%p -q --message \"committing container to image\" reverent_golick image-committed\n"
		    "%p -q --author \"firstName lastName\" reverent_golick image-committed\n"
		    "%p -q --pause=true containerID image-committed\n%p containerID",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct commit_opts),
	.tables = {{commit_table, 0}, {0}},
	.run = commit_run,
};
