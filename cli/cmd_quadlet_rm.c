#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/quadlet_common.h"
#include "engine/quadlet/store.h"
#include "engine/systemd/manager.h"

struct rm_opts {
	bool all, force, ignore, reload;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all Quadlets for the current user"},
	{"force", 'f', PM_BOOL(struct rm_opts, force), "Remove running quadlets"},
	{"ignore", 'i', PM_BOOL(struct rm_opts, ignore), "Do not error for Quadlets that do not exist"},
	{"reload-systemd", 0, PM_BOOL(struct rm_opts, reload), "Reload systemd after removal", .def = "true"},
	{0},
};

/* The file, or the application, called name: where it is and what goes with it. 1: it went with another already. */
static int find_bundle(const struct pm_quadlet_set *set, const char *name, const char *home, char **ret_dir,
		       struct pm_quadlet_bundle *b, struct pm_err *err)
{
	const struct pm_quadlet *q = pm_quadlet_find(set, name);
	if (q && access(q->path, F_OK) < 0 && errno == ENOENT)
		return 1;
	if (q) {
		*ret_dir = pm_strndup(q->path, (size_t)(strrchr(q->path, '/') - q->path));
		return pm_quadlet_bundle_of(*ret_dir, name, b, err);
	}
	*ret_dir = pm_strdup(home);
	int r = pm_quadlet_bundle_app(home, name, b, err);
	return r == -PM_E_NOSUCH ? pm_fail(err, PM_E_NOSUCH, "no such quadlet or application: %s", name) : r;
}

/* Services that run are stopped, or in the way. */
static int stop_services(const struct pm_quadlet_set *set, const struct pm_quadlet_bundle *b, bool force,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv services = PM_STRV_INIT, states = PM_STRV_INIT;
	for (size_t i = 0; i < b->files.n; i++) {
		const struct pm_quadlet *q = pm_quadlet_find(set, b->files.v[i]);
		if (q && q->service && !strstr(q->service, "@."))
			pm_strv_add(&services, q->service);
	}
	int r = pm_systemd_states(&services, &states, err);
	if (r == -PM_E_UNSUPPORTED) { /* then none runs */
		pm_err_clear(err);
		return 0;
	}
	for (size_t i = 0; i < services.n && r >= 0; i++) {
		_cleanup_free_ char *status = pm_quadlet_status(&states, services.v[i]);
		if (!pm_startswith(status, "active/") && !pm_startswith(status, "activating/") &&
		    !pm_startswith(status, "reloading/"))
			continue;
		if (!force)
			return pm_fail(err, PM_E_STATE, "quadlet %s is running and force is not set, refusing to remove",
				       services.v[i]);
		r = pm_systemd_job("stop", services.v[i], err);
	}
	return r < 0 ? r : 0;
}

static int remove_one(const struct pm_quadlet_set *set, const char *name, const char *home, bool force,
		      struct pm_err *err)
{
	_cleanup_quadlet_bundle_ struct pm_quadlet_bundle b = {0};
	_cleanup_free_ char *dir = NULL;
	int r = find_bundle(set, name, home, &dir, &b, err);
	if (r > 0)
		return 0;
	if (r >= 0)
		r = stop_services(set, &b, force, err);
	if (r >= 0)
		r = pm_quadlet_uninstall(dir, &b, err);
	for (size_t i = 0; i < b.files.n && r >= 0; i++)
		if (pm_quadlet_kind_of(b.files.v[i]))
			puts(b.files.v[i]);
	return r;
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *home = NULL;
	bool removed = false;
	if (o->all == (cli->n_args > 0))
		return pm_fail(err, PM_E_USAGE, o->all ? "--all takes no arguments" : "must specify at least one quadlet, or --all");
	int r = pm_quadlet_home(&home, err);
	if (r < 0)
		return r;
	pm_quadlet_all(&set);
	pm_strv_add_all(&names, cli->args);
	for (size_t i = 0; o->all && i < set.n; i++)
		/* others are the administrator's */
		if (pm_startswith(set.v[i]->path, home) && set.v[i]->path[strlen(home)] == '/')
			pm_strv_add(&names, set.v[i]->name);
	for (size_t i = 0; i < names.n; i++) {
		r = remove_one(&set, names.v[i], home, o->force, err);
		removed |= r >= 0;
		if (r == -PM_E_NOSUCH && o->ignore)
			pm_err_clear(err);
		else if (r < 0)
			pm_cli_note(cli, err);
	}
	if (removed && o->reload && pm_systemd_reload(err) < 0) {
		pm_wrap(err, "the files are removed, but systemd still has their units (--reload-systemd=false does without)");
		pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_quadlet_rm = {
	.path = "quadlet rm",
	.summary = "Remove Quadlet files",
	.synopsis = "[options] QUADLET|APPLICATION [QUADLET|APPLICATION...]",
	.text = "Removes Quadlet files, with those that were installed with them: all of an application, be it named itself or by one of its "
		"files. One whose service runs is left alone without --force, which stops it.",
	.examples = "%p web.container\n%p --force --all",
	.max_args = -1,
	.complete = PM_COMPLETE_QUADLET,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
