#include <stdio.h>
#include <string.h>

#include "cli/called_as.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/mount.h"

struct mount_opts {
	bool all, force, json, latest, no_trunc;
	const char *format;
};

static const struct pm_opt mount_table[] = {
	{"all", 'a', PM_BOOL(struct mount_opts, all), "Mount all containers"},
	{"format", 0, PM_STRING(struct mount_opts, format),
	 "Print the mounted containers in specified format (json)", .choices = "json"},
	{"json", 0, PM_BOOL(struct mount_opts, json), "The same in buildah's words", .hidden = true},
	{"latest", 'l', PM_BOOL(struct mount_opts, latest), "Act on the container created last"},
	{"no-trunc", 0, PM_BOOL(struct mount_opts, no_trunc), "Do not truncate output"},
	{0},
};

static const struct pm_opt unmount_table[] = {
	{"all", 'a', PM_BOOL(struct mount_opts, all),
	 "Unmount all of the currently mounted containers"},
	{"force", 'f', PM_BOOL(struct mount_opts, force),
	 "Force the unmount of the specified mounted containers, also when they are in use"},
	{"latest", 'l', PM_BOOL(struct mount_opts, latest), "Act on the container created last"},
	{0},
};

static int check(struct pm_cli *cli, const struct mount_opts *o, struct pm_err *err)
{
	int r = pm_cli_need_unshare(cli, err);
	if (r < 0)
		return r;
	if (o->format && *o->format && strcmp(o->format, "json") != 0)
		return pm_fail(err, PM_E_USAGE, "unknown --format argument: \"%s\"", o->format);
	return 0;
}

/* The loaded containers that are mounted here, for lists and --all. */
static int each_mounted(struct pm_engine *e, struct pm_strv *ret_ids, struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list all = {0};
	int r = pm_ctr_list(e->store, PM_CTR_EXTERNAL, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(e, all.v[i].id, &c, err);
		if (r >= 0 && !c.config.rootfs && pm_container_is_mounted(e, &c))
			pm_strv_add(ret_ids, all.v[i].id);
	}
	return r;
}

/* As Podman shows one, or as buildah does. */
static void print_one(struct pm_json_pool *pool, struct pm_json *list, const struct pm_container *c, const char *path,
		      const struct mount_opts *o, bool buildah)
{
	bool json = o->json || (o->format && *o->format);
	if (!json && buildah)
		printf("%s %s\n", c->row.name, path);
	else if (!json)
		printf("%.*s  %s\n", o->no_trunc ? 64 : PM_SHORT_ID, c->row.id, path);
	if (!json)
		return;
	struct pm_json *v = pm_json_add(pool, list, pm_json_object(pool));
	if (buildah) {
		pm_json_set_str(pool, v, "container", c->row.name);
		pm_json_set_str(pool, v, "mountPoint", path);
		return;
	}
	struct pm_json *names = pm_json_array(pool);
	pm_json_add(pool, names, pm_json_str(pool, c->row.name));
	pm_json_set_str(pool, v, "id", c->row.id);
	pm_json_set(pool, v, "Names", names);
	pm_json_set_str(pool, v, "mountpoint", path);
}

static int print_mounted(struct pm_engine *e, const struct mount_opts *o, bool buildah, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct pm_json *list = pm_json_array(pool);
	int r = each_mounted(e, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(e, ids.v[i], &c, err);
		if (r < 0)
			break;
		_cleanup_free_ char *path = pm_container_mount_path(e, &c);
		print_one(pool, list, &c, path, o, buildah);
	}
	if (r >= 0 && (o->json || (o->format && *o->format))) {
		pm_json_write(list, buildah ? 4 : 1, &out);
		puts(pm_buf_str(&out));
	}
	return r;
}

struct mount_arg {
	bool force, mount, id, buildah;
};

static int act(struct pm_engine *e, const char *name, const struct mount_arg *a, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = a->mount ? pm_container_mount(e, &c, err)
			     : pm_container_unmount(e, &c, a->force, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = a->mount ? pm_container_mount_path(e, &c) : NULL;
	if (a->mount && a->id && a->buildah)
		printf("%s %s\n", name, path);
	else if (a->mount && a->id)
		printf("%.*s  %s\n", PM_SHORT_ID, c.row.id, path);
	else
		puts(a->mount ? path : a->id ? c.row.id : name);
	return 0;
}

static int act_each(struct pm_cli *cli, struct pm_engine *e, const struct pm_strv *names,
		    const struct mount_arg *a)
{
	for (size_t i = 0; i < names->n; i++) {
		struct pm_err err = PM_ERR_INIT;
		if (act(e, names->v[i], a, &err) < 0)
			pm_cli_note(cli, &err);
	}
	return pm_cli_result(cli, 0);
}

static int mount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct mount_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = o->all, .latest = o->latest};
	const bool buildah = strcmp(pm_called_as(cli->argv[0]), "buildah") == 0;
	int r = check(cli, o, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && !o->all && !o->latest && cli->n_args == 0)
		return print_mounted(&e, o, buildah, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	struct mount_arg a = {.mount = true, .id = o->all || names.n > 1, .buildah = buildah};
	return act_each(cli, &e, &names, &a);
}

static int unmount_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct mount_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.latest = o->latest};
	int r = check(cli, o, err);
	if (r >= 0 && o->all && (o->latest || cli->n_args))
		r = pm_fail(err, PM_E_USAGE, "no arguments are needed with --all");
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = o->all ? each_mounted(&e, &names, err)
			   : pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	struct mount_arg a = {.force = o->force, .id = o->all};
	return act_each(cli, &e, &names, &a);
}

const struct pm_command pm_cmd_mount = {
	.path = "mount|container mount",
	.summary = "Mount a working container's root filesystem",
	.synopsis = "[options] [CONTAINER...]",
	.text = "Mounts the root file systems of containers where they can be reached from the host, and prints these "
		"places. Without arguments the containers that are mounted are listed.\n\n"
		"Not root: only inside of `pm unshare`. The mount goes with the mount namespace it was made in. "
		"Volumes are not part of it.",
	.examples = "%p ctrID\n%p ctrID1 ctrID2\n%p\n%p --format json",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct mount_opts),
	.tables = {{mount_table, 0}, {0}},
	.run = mount_run,
};

const struct pm_command pm_cmd_unmount = {
	.path = "unmount,umount|container unmount,umount",
	.summary = "Unmount working container's root filesystem",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Takes back what `pm mount` mounted in this mount namespace. Running containers keep theirs.",
	.examples = "%p ctrID\n%p ctrID1 ctrID2\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct mount_opts),
	.tables = {{unmount_table, 0}, {0}},
	.run = unmount_run,
};
