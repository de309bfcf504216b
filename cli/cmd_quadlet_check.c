#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/quadlet_common.h"
#include "engine/systemd/manager.h"

/* What the arguments name: a file with those beside it, which it may refer to, or all of a directory. */
static int load_named(char *const *args, struct pm_quadlet_set *set, struct pm_strv *files, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	for (size_t i = 0; args[i]; i++) {
		struct stat st;
		_cleanup_free_ char *path = pm_path_absolute(args[i]);
		if (stat(path, &st) < 0)
			return pm_fail_sys(err, "%s", args[i]);
		if (S_ISDIR(st.st_mode)) {
			pm_strv_add(&dirs, path);
			pm_strv_addf(files, "%s/", path);
			continue;
		}
		if (!pm_quadlet_kind_of(path))
			return pm_fail(err, PM_E_USAGE, "%s is not a Quadlet file", args[i]);
		pm_strv_add(files, path);
		*strrchr(path, '/') = '\0';
		pm_strv_add(&dirs, *path ? path : "/");
	}
	pm_quadlet_load(set, &dirs);
	pm_quadlet_convert(set);
	return 0;
}

static bool is_asked(const struct pm_quadlet *q, const struct pm_strv *files)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->v[i], q->path) == 0 || (pm_endswith(files->v[i], "/") && pm_startswith(q->path, files->v[i])))
			return true;
	return !files->n;
}

static int check_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {.user = pm_systemd_is_user(), .pm = "pm"};
	_cleanup_strv_ struct pm_strv files = PM_STRV_INIT;
	int r = 0;
	bool wrong = false;
	(void)opts;
	if (cli->n_args)
		r = load_named(cli->args, &set, &files, err);
	else
		pm_quadlet_all(&set);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set.n_notes; i++) {
		if (!is_asked(set.notes[i].of, &files))
			continue;
		puts(set.notes[i].text);
		wrong = true;
	}
	return wrong;
}

const struct pm_command pm_cmd_quadlet_check = {
	.path = "quadlet check",
	.summary = "Check Quadlet files for mistakes",
	.synopsis = "[FILE|DIRECTORY...]",
	.text = "Prints what is wrong with Quadlet files, by file and line, without making anything of them. Unknown keys and "
		"sections, which the generator only warns of, are mistakes too. Without arguments all files are looked at that the "
		"generator finds. The exit status is 1 when something is wrong.",
	.examples = "%p\n%p ./web.container\n%p ./app/",
	.max_args = -1,
	.complete = PM_COMPLETE_FILE,
	.run = check_run,
};
