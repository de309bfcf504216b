#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/quadlet_common.h"
#include "engine/quadlet/store.h"
#include "engine/systemd/manager.h"

struct install_opts {
	bool reload, replace;
};

static const struct pm_opt install_table[] = {
	{"reload-systemd", 0, PM_BOOL(struct install_opts, reload), "Reload systemd after installing Quadlets", .def = "true"},
	{"replace", 'r', PM_BOOL(struct install_opts, replace), "Replace the installed Quadlet of that name"},
	{0},
};

/* What is wrong with the files is better told now than by the journal at the next boot. */
static void warn_of(const struct pm_strv *paths)
{
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	pm_quadlet_all(&set);
	for (size_t i = 0; i < set.n_notes; i++)
		if (pm_strv_has(paths, set.notes[i].of->path))
			pm_warn("%s", set.notes[i].text);
}

static int install_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct install_opts *o = opts;
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT;
	_cleanup_free_ char *dir = NULL;
	int r = pm_quadlet_home(&dir, err);
	if (r >= 0)
		r = pm_quadlet_install(dir, cli->args, o->replace, &paths, err);
	for (size_t i = 0; i < paths.n; i++)
		puts(paths.v[i]);
	if (r < 0)
		return r;
	warn_of(&paths);
	if (o->reload && pm_systemd_reload(err) < 0)
		return pm_wrap(err, "the files are installed, but systemd has not read them (--reload-systemd=false does without)");
	return 0;
}

const struct pm_command pm_cmd_quadlet_install = {
	.path = "quadlet install",
	.summary = "Install a Quadlet file or application",
	.synopsis = "[options] QUADLET|DIRECTORY [FILE...]",
	.text = "Copies Quadlet files to where the generator finds those of this user, prints their paths, and has systemd read them. "
		"More files may follow that they need. A directory is installed as an application: all its files belong together.",
	.examples = "%p web.container\n%p ./app/\n%p --replace web.container web.env",
	.min_args = 1,
	.max_args = -1,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct install_opts),
	.tables = {{install_table, 0}, {0}},
	.run = install_run,
};
