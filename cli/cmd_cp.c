#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/cp.h"

struct cp_opts {
	bool archive, overwrite, pause, extract;
};

static const struct pm_opt cp_table[] = {
	{"archive", 'a', PM_BOOL(struct cp_opts, archive),
	 "Change the owner of what is copied into a container to the container's user", .def = "true"},
	{"extract", 0, PM_BOOL(struct cp_opts, extract), "Deprecated: archives on standard input are extracted",
	 .hidden = true},
	{"overwrite", 0, PM_BOOL(struct cp_opts, overwrite),
	 "Allow to overwrite directories with non-directories and vice versa"},
	{"pause", 0, PM_BOOL(struct cp_opts, pause), "Pause running containers while copying"},
	{0},
};

struct cp_arg {
	struct pm_container c;
	struct pm_cp_end end;
};

/* A container is named before the first ':' unless the word is a path that says so. */
static int parse_end(struct pm_engine *e, const char *word, struct cp_arg *a, struct pm_err *err)
{
	const char *colon = strchr(word, ':');
	a->end.path = word;
	if (!colon || word[0] == '/' || word[0] == '.')
		return 0;
	_cleanup_free_ char *name = pm_strndup(word, (size_t)(colon - word));
	if (!*name)
		return pm_fail(err, PM_E_USAGE, "invalid argument \"%s\": must specify a container", word);
	int r = pm_container_load(e, name, &a->c, err);
	if (r == -PM_E_NOSUCH && access(word, F_OK) == 0) {
		pm_err_clear(err);
		return 0; /* a file of that name */
	}
	if (r == -PM_E_NOSUCH)
		return pm_fail(err, PM_E_NOSUCH, "container \"%s\" does not exist", name);
	a->end.c = &a->c;
	a->end.path = colon + 1;
	return r;
}

static int cp_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct cp_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	struct cp_arg a[2] = {0};
	pm_container_init(&a[0].c);
	pm_container_init(&a[1].c);

	int r = pm_cli_engine(cli, &e, err);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = parse_end(&e, cli->args[i], &a[i], err);
	if (r >= 0 && (!*a[0].end.path || !*a[1].end.path))
		r = pm_fail(err, PM_E_USAGE, "invalid arguments \"%s\", \"%s\": you must specify paths",
			    cli->args[0], cli->args[1]);
	if (r >= 0 && !a[0].end.c && !a[1].end.c)
		r = pm_fail(err, PM_E_USAGE, "invalid arguments \"%s\", \"%s\": you must use just one "
					     "container at least", cli->args[0], cli->args[1]);
	bool out = strcmp(cli->args[1], "-") == 0;
	if (r >= 0 && out && isatty(STDOUT_FILENO))
		r = pm_fail(err, PM_E_USAGE, "cannot write an archive to a terminal: redirect it");
	if (r >= 0) {
		struct pm_cp_options co = {
			.keep_owner = !o->archive, .overwrite = o->overwrite, .pause = o->pause};
		r = pm_container_cp(&e, &a[0].end, &a[1].end, &co, err);
	}
	pm_container_free(&a[0].c);
	pm_container_free(&a[1].c);
	if (r == -EPIPE && out) {
		/* as a program that writes by itself: nobody wants to hear of it */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_cp = {
	.path = "cp|container cp",
	.summary = "Copy files/folders between a container and the local filesystem",
	.synopsis = "[options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
	.text = "Copies the contents of SRC_PATH to the DEST_PATH, from a container to the host, the other way "
		"round, or between two containers, which may run or not. Container paths are relative to the "
		"container's root.\n\n"
		"A file is written to DEST_PATH, or into it when that is a directory. A directory is copied into "
		"DEST_PATH when that exists, and becomes DEST_PATH when not; with /. at its end only what is in "
		"it is copied. - as SRC_PATH extracts a tar archive from standard input, - as DEST_PATH writes "
		"one to standard output.\n\n"
		"What is copied into a container belongs to the container's user, with --archive=false to the "
		"owner that it has at its source.",
	.examples = "%p /myapp/app.conf containerID:/myapp/app.conf\n%p ctr:/home/myuser/. /home/myuser/\n"
		    "%p ctrA:/myapp ctrB:/yourapp\n%p - ctr:/tmp < files.tar\n%p ctr:/etc - | tar t",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CTR_PATH,
	.opts_size = sizeof(struct cp_opts),
	.tables = {{cp_table, 0}, {0}},
	.run = cp_run,
};
