#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/remove.h"

struct rm_opts {
	bool all, latest, force, ignore, volumes, depend;
	struct pm_strv cidfile, filter;
	uint64_t time;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all containers"},
	{"cidfile", 0, PM_STRINGS(struct rm_opts, cidfile), "Read the container ID from the file",
	 .complete = PM_COMPLETE_FILE},
	{"depend", 0, PM_BOOL(struct rm_opts, depend),
	 "Remove the container and all containers that depend on it"},
	{"filter", 0, PM_LIST(struct rm_opts, filter), "Choose containers by conditions"},
	{"force", 'f', PM_BOOL(struct rm_opts, force),
	 "Force removal of a running or unusable container"},
	{"ignore", 'i', PM_BOOL(struct rm_opts, ignore),
	 "Ignore errors when a specified container is missing"},
	{"latest", 'l', PM_BOOL(struct rm_opts, latest), "Act on the container created last"},
	{"time", 't', PM_UINT(struct rm_opts, time),
	 "Seconds to wait for stop before killing the container (default 10)"},
	{"volumes", 'v', PM_BOOL(struct rm_opts, volumes),
	 "Remove anonymous volumes associated with the container"},
	{0},
};

struct rm_arg {
	struct pm_cli *cli;
	struct pm_remove_options ro;
	bool ignore;
};

static int rm_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	const struct rm_arg *a = arg;
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = pm_container_remove(e, &c, &a->ro, err);
	if (r == -PM_E_NOSUCH && (a->ignore || a->ro.force))
		return 0;
	if (r >= 0) {
		printf("%s\n", name);
		return r;
	}
	/* Podman: 1 for a missing one, 2 for one that runs, 125 for the rest */
	pm_cli_set_exit(a->cli, r == -PM_E_NOSUCH ? 1 : r == -PM_E_STATE ? 2 : 125);
	return r;
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct rm_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = o->all, .latest = o->latest, .cidfiles = &o->cidfile,
				       .filters = &o->filter};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	struct rm_arg a = {.cli = cli,
			   .ro = {.force = o->force,
				  .volumes = o->volumes,
				  .depend = o->depend,
				  .timeout = pm_cli_given(cli, "time") ? (int)o->time : -1},
			   .ignore = o->ignore};
	return pm_ctr_verb_each(cli, &e, &names, rm_one, &a);
}

const struct pm_command pm_cmd_rm = {
	.path = "rm|container rm",
	.summary = "Remove one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Removes one or more containers from the host. The container name or ID can be used.\n\n"
		"Command does not remove images. Running or unusable containers will not be removed "
		"without the -f option.",
	.examples = "%p ctrID\n%p mywebserver myflaskserver 860a4b23\n%p --force --all\n%p -f c684f0d469f2",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
