#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/volume/volume.h"

struct ls_opts {
	struct pm_strv filter;
	const char *format;
	bool noheading, quiet;
};

static const struct pm_opt ls_table[] = {
	{"filter", 'f', PM_LIST(struct ls_opts, filter), "Filter volume output",
	 .choices = "anonymous=|dangling=|driver=|label=|name=|opt=|scope=|since=|until="},
	{"format", 0, PM_STRING(struct ls_opts, format), "Format volume output using Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Anonymous|.CreatedAt|.Driver|.GID|.Labels|.MountCount|.Mountpoint|.Name|.NeedsChown|.NeedsCopyUp|.Options|.Scope|.Status|.StorageID|.Timeout|.UID"},
	{"noheading", 'n', PM_BOOL(struct ls_opts, noheading), "Do not print headers"},
	{"quiet", 'q', PM_BOOL(struct ls_opts, quiet), "Print volume output in quiet mode"},
	{0},
};

static int ls_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct ls_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_volume_list_ struct pm_volume_list all = {0};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);

	if (o->quiet && pm_cli_given(cli, "format"))
		return pm_fail(err, PM_E_USAGE, "quiet and format flags cannot be used together");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_volume_filter_check(&o->filter, err);
	if (r >= 0)
		r = pm_volume_list(e.store, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		struct pm_json *v;
		r = pm_volume_filter(&e, &o->filter, &all.v[i], err);
		if (r <= 0)
			continue;
		if (o->quiet)
			puts(all.v[i].name);
		else if ((r = pm_volume_tree(&e, &all.v[i], pool, &v, err)) >= 0)
			pm_json_add(pool, rows, v);
	}
	/* no heading without rows */
	if (r < 0 || o->quiet || (!rows->len && pm_format_is_table(o->format)))
		return r < 0 ? r : 0;

	static const char *const headings[] = {"Name", "VOLUME NAME", NULL};
	struct pm_format f = {
		.name = "list",
		.format = o->format,
		.table_default = "table {{.Driver}}\t{{.Name}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "entities.VolumeListReport"},
	};
	r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_volume_ls = {
	.path = "volume list,ls",
	.summary = "List volumes",
	.synopsis = "[options]",
	.text = "Lists all available volumes. The output can be filtered, and formatted as JSON or by a Go "
		"template.",
	.examples = "%p --format json\n%p --format \"{{.Driver}} {{.Scope}}\"\n%p --filter name=foo,label=blue\n"
		    "%p --filter dangling=true -q",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct ls_opts),
	.tables = {{ls_table, 0}, {0}},
	.run = ls_run,
};
