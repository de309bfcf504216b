#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/events/events.h"
#include "engine/image/mount.h"
#include "engine/image/resolve.h"
#include "storage/image.h"
#include "storage/manifest_list.h"

struct mount_opts {
	bool all, force;
	const char *format;
};

static const struct pm_opt mount_table[] = {
	{"all", 'a', PM_BOOL(struct mount_opts, all), "Mount all images"},
	{"format", 0, PM_STRING(struct mount_opts, format),
	 "Print the mounted images in specified format (json)", .choices = "json"},
	{0},
};

static const struct pm_opt unmount_table[] = {
	{"all", 'a', PM_BOOL(struct mount_opts, all),
	 "Unmount all of the currently mounted images"},
	{"force", 'f', PM_BOOL(struct mount_opts, force),
	 "Force the complete unmount of the specified mounted images; a mount of pm is not counted, "
	 "so it is always complete"},
	{0},
};

static int check(struct pm_cli *cli, const struct mount_opts *o, struct pm_err *err)
{
	int r = pm_cli_need_unshare(cli, err);
	if (r < 0)
		return r;
	if (o->all && cli->n_args)
		return pm_fail(err, PM_E_USAGE,
			       "when using the --all switch, you may not pass any image names or IDs");
	return 0;
}

/* The images named, or all that are there; whole ids, appended to ret. */
static int choose(struct pm_cli *cli, struct pm_engine *e, bool all, struct pm_strv *ret,
		  struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	int r = all ? pm_image_list(e->store, 0, &images, err) : 0;
	for (size_t i = 0; i < images.n; i++)
		if (!pm_list_is(&images.v[i]))
			pm_strv_add(ret, images.v[i].id);
	for (int i = 0; r >= 0 && i < cli->n_args; i++) {
		char id[65];
		r = pm_image_resolve(e->store, cli->args[i], id, NULL, err);
		if (r >= 0)
			pm_strv_add(ret, id);
	}
	return r;
}

static void print_json(struct pm_engine *e, const struct pm_strv *ids)
{
	_cleanup_json_pool_ struct pm_json_pool *p = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *list = pm_json_array(p);
	for (size_t i = 0; i < ids->n; i++) {
		_cleanup_image_row_ struct pm_image_row row = {0};
		_cleanup_free_ char *path = pm_image_mount_path(e, ids->v[i]);
		struct pm_json *o = pm_json_add(p, list, pm_json_object(p));
		struct pm_json *digests = pm_json_array(p), *names = pm_json_array(p);
		if (pm_image_by_id(e->store, ids->v[i], 0, &row, NULL) >= 0) {
			pm_json_add(p, digests, pm_json_str(p, row.digest));
			for (size_t k = 0; k < row.n_names; k++)
				pm_json_add(p, names, pm_json_str(p, row.names[k].name));
		}
		pm_json_set_str(p, o, "id", ids->v[i]);
		pm_json_set(p, o, "Names", digests);
		pm_json_set(p, o, "Repositories", names);
		pm_json_set_str(p, o, "mountpoint", path);
	}
	pm_json_write(list, 1, &out);
	puts(pm_buf_str(&out));
}

static void print_table(struct pm_engine *e, const struct pm_strv *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		_cleanup_image_row_ struct pm_image_row row = {0};
		_cleanup_free_ char *path = pm_image_mount_path(e, ids->v[i]);
		bool named = pm_image_by_id(e->store, ids->v[i], 0, &row, NULL) >= 0 && row.n_names;
		printf("%s  %s\n", named ? row.names[0].name : ids->v[i], path);
	}
}

static int mount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct mount_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	bool json = o->format && strcmp(o->format, "json") == 0;
	int r = check(cli, o, err);
	if (r >= 0 && o->format && *o->format && !json)
		r = pm_fail(err, PM_E_USAGE, "unknown --format argument: %s", o->format);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = choose(cli, &e, o->all, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_free_ char *path = NULL;
		r = pm_image_mount(&e, ids.v[i], &path, err);
		if (r >= 0)
			pm_event_image(&e, "mount", ids.v[i], NULL);
		if (r >= 0 && cli->n_args == 1 && !json)
			puts(path);
	}
	if (r < 0 || (cli->n_args == 1 && !json))
		return r < 0 ? r : 0;
	if (!ids.n)
		r = pm_image_mounted(&e, &ids, err);
	if (r >= 0 && json)
		print_json(&e, &ids);
	else if (r >= 0)
		print_table(&e, &ids);
	return r < 0 ? r : 0;
}

static int unmount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct mount_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = check(cli, o, err);
	if (r >= 0 && !o->all && !cli->n_args)
		r = pm_fail(err, PM_E_USAGE, "image name or ID must be specified");
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = o->all ? pm_image_mounted(&e, &ids, err) : choose(cli, &e, false, &ids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++) {
		r = pm_image_unmount(&e, ids.v[i], err);
		if (r == 0 && !o->all)
			r = pm_fail(err, PM_E_STATE, "image %s is not mounted", ids.v[i]);
		if (r < 0) {
			pm_cli_note(cli, err);
			continue;
		}
		pm_event_image(&e, "unmount", ids.v[i], NULL);
		puts(ids.v[i]);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_image_mount = {
	.path = "image mount",
	.summary = "Mount an image's root filesystem",
	.synopsis = "[options] [IMAGE...]",
	.text = "Mounts the file systems of images, read-only, and prints where. Without names, lists what "
		"is mounted.\n\n"
		"An unprivileged user runs it inside of `pm unshare`: the mount is seen there only and goes "
		"with it.",
	.examples = "%p imgID\n%p imgID1 imgID2 imgID3\n%p\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct mount_opts),
	.tables = {{mount_table, 0}, {0}},
	.run = mount_run,
};

const struct pm_command pm_cmd_image_unmount = {
	.path = "image unmount,umount",
	.summary = "Unmount an image's root filesystem",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Takes back what `pm image mount` mounted.",
	.examples = "%p imgID\n%p imgID1 imgID2 imgID3\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct mount_opts),
	.tables = {{unmount_table, 0}, {0}},
	.run = unmount_run,
};
