#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/image/remove.h"
#include "storage/image.h"

struct rmi_opts {
	bool all, force, ignore, no_prune;
};

static const struct pm_opt rmi_table[] = {
	{"all", 'a', PM_BOOL(struct rmi_opts, all), "Remove all images"},
	{"force", 'f', PM_BOOL(struct rmi_opts, force),
	 "Force Removal of the image, and of the containers that use it"},
	{"ignore", 'i', PM_BOOL(struct rmi_opts, ignore),
	 "Ignore errors if a specified image does not exist"},
	{"no-prune", 0, PM_BOOL(struct rmi_opts, no_prune), "Do not remove dangling images"},
	{0},
};

static void print_report(const struct pm_rmi_report *rep)
{
	for (size_t i = 0; i < rep->untagged.n; i++)
		printf("Untagged: %s\n", rep->untagged.v[i]);
	for (size_t i = 0; i < rep->deleted.n; i++)
		printf("Deleted: %s\n", rep->deleted.v[i]);
}

static int note(struct pm_cli *cli, const struct rmi_opts *o, int r, struct pm_err *err)
{
	if (r == -PM_E_NOSUCH && o->ignore) {
		pm_err_clear(err);
		return 0;
	}
	/* Podman: 1 for a missing image, 2 for one in use, 125 for the rest */
	pm_cli_set_exit(cli, r == -PM_E_NOSUCH ? 1 : r == -PM_E_INUSE ? 2 : 125);
	pm_cli_note(cli, err);
	return r;
}

static int remove_all(struct pm_cli *cli, struct pm_engine *e, const struct rmi_opts *o,
		      struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	const struct pm_rmi_options ro = {.force = o->force, .no_prune = true};
	int r = pm_image_list(e->store, 0, &images, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < images.n; i++) {
		if (images.v[i].readonly)
			continue;
		_cleanup_rmi_report_ struct pm_rmi_report rep = {0};
		r = pm_rmi_image(e, images.v[i].id, &ro, &rep, err);
		print_report(&rep);
		if (r == -PM_E_NOSUCH)
			pm_err_clear(err);
		else if (r < 0)
			note(cli, o, r, err);
	}
	return 0;
}

static int rmi_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rmi_opts *o = opts;
	const struct pm_rmi_options ro = {.force = o->force, .no_prune = o->no_prune};
	_cleanup_engine_ struct pm_engine e = {0};
	if (cli->n_args == 0 && !o->all)
		return pm_fail(err, PM_E_USAGE, "image name or ID must be specified");
	if (cli->n_args && o->all)
		return pm_fail(err, PM_E_USAGE,
			       "when using the --all switch, you may not pass any images names or IDs");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->all)
		r = remove_all(cli, &e, o, err);
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		_cleanup_rmi_report_ struct pm_rmi_report rep = {0};
		r = pm_rmi(&e, cli->args[i], &ro, &rep, err);
		print_report(&rep);
		if (r < 0)
			note(cli, o, r, err);
	}
	pm_engine_sweep(&e);
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_rmi = {
	.path = "rmi|image rm,remove",
	.summary = "Removes one or more images from local storage",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Removes one or more previously pulled or locally created images.",
	.examples = "%p imageID\n%p --force alpine\n%p c4dfb1609ee2 93fd78260bd1 c0ed59d05ff7",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct rmi_opts),
	.tables = {{rmi_table, 0}, {0}},
	.run = rmi_run,
};
