#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/volume/volume.h"

struct inspect_opts {
	bool all;
	const char *format;
};

static const struct pm_opt inspect_table[] = {
	{"all", 'a', PM_BOOL(struct inspect_opts, all), "Inspect all volumes"},
	{"format", 'f', PM_STRING(struct inspect_opts, format), "Format volume output using Go template",
	 .def = "json", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Anonymous|.CreatedAt|.Driver|.GID|.Labels|.MountCount|.Mountpoint|.Name|.NeedsChown|.NeedsCopyUp|.Options|.Scope|.Status|.StorageID|.Timeout|.UID"},
	{0},
};

static int inspect_one(struct pm_engine *e, const char *name, struct pm_json_pool *pool,
		       struct pm_json *found, struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	struct pm_json *v;
	int r = pm_volume_find(e->store, name, &row, err);
	if (r == -PM_E_NOSUCH)
		return pm_fail(err, PM_E_NOSUCH, "inspecting object: no such volume %s", name);
	if (r >= 0)
		r = pm_volume_tree(e, &row, pool, &v, err);
	if (r >= 0)
		pm_json_add(pool, found, v);
	return r;
}

static int print_found(const struct inspect_opts *o, const struct pm_json *found, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_format f = {
		.name = "inspect",
		.format = *o->format ? o->format : "json",
		.json_indent = 5,
		.each = true,
		.terminal = isatty(1),
		.opts = {.type = "interface {}"},
	};
	int r = pm_format_list(&f, found, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	_cleanup_strv_ struct pm_strv failures = PM_STRV_INIT;
	struct pm_json *found = pm_json_array(pool);

	if (o->all == (cli->n_args > 0))
		return pm_fail(err, PM_E_USAGE, "provide one or more volume names or use --all");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->all)
		r = pm_volume_list(e.store, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		r = inspect_one(&e, all.v[i].name, pool, found, err);
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		if (inspect_one(&e, cli->args[i], pool, found, err) < 0) {
			pm_strv_add(&failures, err->text);
			pm_err_clear(err);
		}
	}
	r = print_found(o, found, err);
	/* what was found comes first, then what was not */
	for (size_t i = 0; r >= 0 && i < failures.n; i++) {
		pm_fail(err, PM_E_NOSUCH, "%s", failures.v[i]);
		pm_cli_note(cli, err);
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_volume_inspect = {
	.path = "volume inspect",
	.summary = "Display detailed information on one or more volumes",
	.synopsis = "[options] VOLUME [VOLUME...]",
	.text = "Displays detailed information on one or more volumes. Volumes can be named by their full name "
		"or by a unique beginning of it.",
	.examples = "%p myvol\n%p --all\n%p --format \"{{.Driver}} {{.Scope}}\" myvol",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_VOLUME,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};
