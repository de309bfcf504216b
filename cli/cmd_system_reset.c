#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/remove.h"
#include "netns/userns.h"
#include "storage/quota.h"
#include "storage/volume_place.h"

struct reset_opts {
	bool force;
};

static const struct pm_opt reset_table[] = {
	{"force", 'f', PM_BOOL(struct reset_opts, force), "Do not prompt for confirmation"},
	{0},
};

static bool confirmed(const struct pm_store *s)
{
	fprintf(stderr,
		"WARNING! This will remove:\n"
		"        - all containers\n"
		"        - all images\n"
		"        - all volumes\n"
		"        - all networks\n"
		"        - the graphRoot directory: \"%s\"\n"
		"        - the runRoot directory: \"%s\"\n",
		s->root, s->runroot);
	return pm_cli_confirm("Are you sure you want to continue? [y/N] ");
}

/* Every container stopped and its row gone, so that nothing runs on files that are deleted next. */
static int remove_containers(struct pm_cli *cli, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_ctr_list_ struct pm_ctr_list list = {0};
	struct pm_remove_options ro = {.force = true, .volumes = true, .depend = true, .timeout = 0};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_list(e.store, PM_CTR_EXTERNAL, &list, err);
	for (size_t i = 0; i < list.n && r >= 0; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(&e, list.v[i].id, &c, err);
		if (r >= 0)
			r = pm_container_remove(&e, &c, &ro, err);
		if (r == -PM_E_NOSUCH) /* went with the one it depends on */
			r = 0;
	}
	return r;
}

/* The database cannot say what runs: ask the monitors' locks. */
static int check_nothing_runs(struct pm_store *s, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_fs_list(s->runroot_fd, "ctr", &ids, err);
	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; i < ids.n && r >= 0; i++) {
		_cleanup_free_ char *live = pm_asprintf("ctr/%s/live", ids.v[i]);
		r = pm_lock_is_held(s->runroot_fd, live, err);
		if (r > 0)
			return pm_fail(err, PM_E_INUSE,
				       "container %.12s still runs and the database cannot be read: "
				       "end it first",
				       ids.v[i]);
	}
	return r;
}

/* What is to be deleted; places: where volumes are besides (storage/volume_place.h). */
struct doomed {
	struct pm_store *store;
	struct pm_strv places, own;
};

static int destroy(void *arg, struct pm_err *err)
{
	const struct doomed *d = arg;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < d->places.n; i++)
		r = pm_volume_place_destroy(d->places.v[i], d->own.v[i], err);
	return r < 0 ? r : pm_store_destroy(d->store, err);
}

static int reset_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct reset_opts *o = opts;
	struct pm_store_options so = {0};
	struct pm_err damage = PM_ERR_INIT;
	_cleanup_store_ struct pm_store *s = NULL;
	_cleanup_close_ int userns = -1;

	int r = pm_cli_store_options(cli, &so, err);
	if (r >= 0)
		r = pm_store_paths(&so, &s, err);
	if (r < 0)
		return r;
	if (!o->force && !confirmed(s))
		return 0;
	struct doomed d = {.store = s};
	r = pm_store_need_dirs(s, err);
	if (r < 0)
		return r;
	if (pm_cli_open_store(cli, &damage) >= 0) {
		r = remove_containers(cli, err);
		if (r >= 0)
			r = pm_volume_places(pm_cli_store(cli), &d.places, &d.own, err);
		if (r >= 0)
			r = pm_quota_clear(pm_cli_store(cli), err);
		pm_cli_close_store(cli);
	} else {
		pm_warn("the store is damaged and is removed unread: %s", damage.text);
		r = check_nothing_runs(s, err);
	}
	if (r >= 0)
		r = pm_userns_get(s->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_userns_run(userns, destroy, &d, err);
	pm_strv_free(&d.places);
	pm_strv_free(&d.own);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_system_reset = {
	.path = "system reset",
	.summary = "Reset pm storage",
	.synopsis = "[options]",
	.text = "Reset pm storage back to default state.\n\n"
		"All containers will be stopped and removed, and all images, volumes and container "
		"content will be removed.",
	.opts_size = sizeof(struct reset_opts),
	.tables = {{reset_table, 0}, {0}},
	.run = reset_run,
};
