#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"
#include "storage/image.h"

struct rmi_opts {
	bool all, force, ignore;
};

static const struct pm_opt rmi_table[] = {
	{"all", 'a', PM_BOOL(struct rmi_opts, all), "Remove all images"},
	{"force", 'f', PM_BOOL(struct rmi_opts, force),
	 "Force Removal of the image, and of the containers that use it"},
	{"ignore", 'i', PM_BOOL(struct rmi_opts, ignore),
	 "Ignore errors if a specified image does not exist"},
	{0},
};

/* The containers made from image id, running or not. */
static int remove_users(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_image_users(e->store, id, &users, err);
	for (size_t i = 0; i < users.n && r >= 0; i++) {
		_cleanup_container_ struct pm_container c;
		struct pm_remove_options ro = {.force = true, .volumes = true, .depend = true,
					       .timeout = 0};
		pm_container_init(&c);
		r = pm_container_load(e, users.v[i], &c, err);
		if (r >= 0)
			r = pm_container_remove(e, &c, &ro, err);
		if (r == -PM_E_NOSUCH) /* gone meanwhile, as we want it */
			r = 0;
	}
	return r;
}

static int remove_whole(struct pm_engine *e, const char *id, bool force, struct pm_err *err)
{
	struct pm_image_removed removed = {0};
	int r = force ? remove_users(e, id, err) : 0;
	if (r >= 0)
		r = pm_image_remove(e->store, id, &removed, err);
	if (r >= 0) {
		for (size_t i = 0; i < removed.untagged.n; i++) {
			pm_event_image(e, "untag", id, removed.untagged.v[i]);
			printf("Untagged: %s\n", removed.untagged.v[i]);
		}
		pm_event_image(e, "remove", id, NULL);
		printf("Deleted: %s\n", id);
	}
	pm_image_removed_free(&removed);
	return r;
}

static int remove_one(struct pm_engine *e, const char *word, bool force, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_free_ char *name = NULL;
	char id[65];
	int r = pm_image_resolve(e->store, word, id, &name, err);
	if (r >= 0)
		r = pm_image_by_id(e->store, id, 0, &row, err);
	if (r < 0)
		return r;

	if (name && row.n_names > 1) {
		r = pm_image_untag(e->store, name, err);
		if (r >= 0) {
			pm_event_image(e, "untag", id, name);
			printf("Untagged: %s\n", name);
		}
		return r;
	}
	if (row.n_names > 1 && !force) {
		_cleanup_buf_ struct pm_buf list = PM_BUF_INIT;
		for (size_t i = 0; i < row.n_names; i++)
			pm_buf_printf(&list, "%s%s", i ? ", " : "", row.names[i].name);
		return pm_fail(err, PM_E_AMBIGUOUS,
			       "unable to delete image \"%s\" by ID with more than one tag ([%s]): "
			       "please force removal",
			       id, pm_buf_str(&list));
	}
	return remove_whole(e, id, force, err);
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
	int r = pm_image_list(e->store, 0, &images, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < images.n; i++) {
		r = remove_whole(e, images.v[i].id, o->force, err);
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
		r = remove_one(&e, cli->args[i], o->force, err);
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
