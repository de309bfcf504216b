#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_filter.h"
#include "cli/image_prune.h"
#include "cli/network_list.h"
#include "engine/build/run_mount.h"
#include "engine/build/worker.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "engine/system/disk.h"
#include "engine/volume/volume.h"

struct prune_opts {
	bool all, build, external, force, volumes;
	struct pm_strv filter;
};

static const struct pm_opt prune_table[] = {
	{"all", 'a', PM_BOOL(struct prune_opts, all), "Remove all unused data"},
	{"build", 0, PM_BOOL(struct prune_opts, build), "Remove the caches of RUN --mount=type=cache, too"},
	{"external", 0, PM_BOOL(struct prune_opts, external),
	 "Remove working containers that killed builds left; without this option they go as well"},
	{"filter", 0, PM_STRINGS(struct prune_opts, filter),
	 "Provide filter values (e.g. 'label=<key>=<value>')", .choices = "label=|label!=|until="},
	{"force", 'f', PM_BOOL(struct prune_opts, force),
	 "Do not prompt for confirmation.  The default is false"},
	{"volumes", 0, PM_BOOL(struct prune_opts, volumes), "Prune volumes"},
	{0},
};

static int check_filters(const struct pm_strv *filters, struct pm_err *err)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i];
		size_t n = strcspn(f, "!=");
		if ((n == 5 && strncmp(f, "label", 5) == 0) || (n == 5 && strncmp(f, "until", 5) == 0))
			continue;
		return pm_fail(err, PM_E_USAGE, "%.*s is an invalid filter", (int)n, f);
	}
	return 0;
}

static bool confirmed(const struct prune_opts *o)
{
	fputs("WARNING! This command removes:\n"
	      "\t- all stopped containers\n"
	      "\t- all networks not used by at least one container\n",
	      stderr);
	if (o->volumes)
		fputs("\t- all volumes not used by at least one container\n", stderr);
	fputs(o->all ? "\t- all images without at least one container associated with them\n"
		       "\t- all build cache\n\n"
		     : "\t- all dangling images\n"
		       "\t- all dangling build cache\n\n",
	      stderr);
	return pm_cli_confirm("Are you sure you want to continue? [y/N] ");
}

struct prune {
	struct pm_cli *cli;
	struct pm_engine *e;
	const struct prune_opts *o;
	int64_t bytes;
};

static void print_gone(const char *what, const struct pm_strv *ids)
{
	if (ids->n)
		printf("Deleted %s\n", what);
	for (size_t i = 0; i < ids->n; i++)
		puts(ids->v[i]);
}

static int prune_containers(struct prune *p, struct pm_err *err)
{
	_cleanup_ctr_set_ struct pm_ctr_set set = {0};
	_cleanup_strv_ struct pm_strv gone = PM_STRV_INIT, paths = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = true,
				       .filters = &p->o->filter,
				       .newest_first = true,
				       .states = PM_IN_STATE(PM_STATUS_CREATED) |
						 PM_IN_STATE(PM_STATUS_EXITED)};
	const struct pm_remove_options ro = {.timeout = -1};
	int r = pm_ctr_set_choose(p->cli, &choice, true, &set, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set.n; i++)
		pm_strv_addf(&paths, "containers/%s/upper", set.v[i].row.id);
	_cleanup_free_ int64_t *sizes = pm_calloc(set.n + 1, sizeof(*sizes));
	r = pm_disk_sizes(p->e, &paths, sizes, err);
	if (r < 0)
		return r;
	pm_containers_remove(&set.e, set.v, set.n, &ro, set.errs);
	for (size_t i = 0; i < set.n; i++) {
		/* started or removed meanwhile, or part of a pod: not one to prune */
		int code = set.errs[i].code;
		if (!code) {
			pm_event_container(&set.e, &set.v[i], "prune");
			pm_strv_add(&gone, set.v[i].row.id);
			p->bytes += sizes[i];
		} else if (code != PM_E_NOSUCH && code != PM_E_STATE && code != PM_E_INUSE) {
			pm_cli_note(p->cli, &set.errs[i]);
		}
	}
	print_gone("Containers", &gone);
	return 0;
}

/* What did not go because it is used, or gone already, is no failure. */
static void took(struct prune *p, int r, const char *type, const char *name, struct pm_strv *gone,
		 struct pm_err *err)
{
	if (r >= 0) {
		pm_event_named(p->e, type, "prune", name);
		pm_strv_add(gone, name);
	} else if (r != -PM_E_INUSE && r != -PM_E_NOSUCH) {
		pm_cli_note(p->cli, err);
	}
	pm_err_clear(err);
}

static int prune_networks(struct prune *p, struct pm_err *err)
{
	_cleanup_network_list_ struct pm_network_list l = {0};
	_cleanup_strv_ struct pm_strv gone = PM_STRV_INIT;
	int r = pm_network_list(p->e, &l, err);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		r = pm_network_filter(p->e, &l.v[i], &p->o->filter, true, err);
		if (r > 0 && !pm_network_is_default(p->e, l.v[i].name))
			took(p, pm_network_remove(p->e, l.v[i].name, false, -1, err), "network",
			     l.v[i].name, &gone, err);
	}
	print_gone("Networks", &gone);
	return r;
}

static int prune_volumes(struct prune *p, struct pm_err *err)
{
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	_cleanup_strv_ struct pm_strv with = PM_STRV_INIT, gone = PM_STRV_INIT;
	pm_strv_add_all(&with, pm_strv_argv(&p->o->filter));
	pm_strv_add(&with, "dangling=true");
	int r = pm_volume_filter_check(&with, err);
	if (r >= 0)
		r = pm_volume_list(p->e->store, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_strv_ struct pm_strv path = PM_STRV_INIT;
		int64_t size = 0;
		r = pm_volume_filter(p->e, &with, &all.v[i], err);
		if (r <= 0)
			continue;
		pm_strv_take(&path, pm_volume_path(p->e->store, &all.v[i]));
		pm_disk_sizes(p->e, &path, &size, NULL);
		size_t before = gone.n;
		took(p, pm_volume_delete(p->e, all.v[i].name, false, -1, err), "volume", all.v[i].name,
		     &gone, err);
		p->bytes += gone.n > before ? size : 0;
	}
	print_gone("Volumes", &gone);
	return r;
}

static int prune_images(struct prune *p, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv gone = PM_STRV_INIT;
	int r = pm_images_prune(p->cli, p->e, &p->o->filter, p->o->all, &gone, &p->bytes, err);
	print_gone("Images", &gone);
	return r;
}

static int prune_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct prune_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	struct prune p = {.cli = cli, .e = &e, .o = o};
	char text[PM_TIME_SIZE];
	int r = check_filters(&o->filter, err);
	if (r >= 0 && !o->force && !confirmed(o))
		return 0;
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_workers_sweep(&e, err);
	if (r >= 0)
		r = prune_containers(&p, err);
	if (r >= 0)
		r = prune_networks(&p, err);
	if (r >= 0 && o->volumes)
		r = prune_volumes(&p, err);
	if (r >= 0)
		r = prune_images(&p, err);
	if (r >= 0 && o->build)
		r = pm_run_caches_prune(&e, &p.bytes, err);
	if (r < 0)
		return r;
	pm_engine_sweep(&e);
	printf("Total reclaimed space: %s\n", pm_size_human((double)p.bytes, false, text));
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_system_prune = {
	.path = "system prune",
	.summary = "Remove unused data",
	.synopsis = "[options]",
	.text = "Removes stopped containers, networks that no container is on, and dangling images; with --all "
		"every image that no container uses, with --volumes the volumes that no container uses.",
	.examples = "%p\n%p --all --volumes\n%p --force --filter until=24h",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct prune_opts),
	.tables = {{prune_table, 0}, {0}},
	.run = prune_run,
};
