#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/network_list.h"

struct ls_opts {
	struct pm_strv filter;
	const char *format;
	bool no_trunc, noheading, quiet;
};

static const struct pm_opt ls_table[] = {
	{"filter", 'f', PM_STRINGS(struct ls_opts, filter), "Provide filter values (e.g. 'name=podman')",
	 .choices = "dangling=|driver=|id=|label=|name=|until="},
	{"format", 0, PM_STRING(struct ls_opts, format),
	 "Pretty-print networks to JSON or using a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Created|.DNSEnabled|.Driver|.ID|.IPAMOptions|.IPv6Enabled|.Internal|.Labels|.Name|.NetworkInterface|.Options|.Subnets"},
	{"no-trunc", 0, PM_BOOL(struct ls_opts, no_trunc), "Do not truncate the network ID"},
	{"noheading", 'n', PM_BOOL(struct ls_opts, noheading), "Do not print headers"},
	{"quiet", 'q', PM_BOOL(struct ls_opts, quiet), "Display only names"},
	{0},
};

static int ls_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct ls_opts *o = opts;
	static const char *const headings[] = {"ID", "NETWORK ID", NULL};
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_network_list_ struct pm_network_list l = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	bool json = pm_format_is_json(o->format);

	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_list(&e, &l, err);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		r = pm_network_filter(&e, &l.v[i], &o->filter, false, err);
		if (r <= 0)
			continue;
		if (o->quiet)
			puts(l.v[i].name);
		pm_json_add(pool, rows, json ? pm_network_to_json(&l.v[i], pool)
					     : pm_network_tree(&l.v[i], o->no_trunc, pool));
	}
	if (r < 0 || o->quiet)
		return r < 0 ? r : 0;
	struct pm_format f = {
		.name = "network ls",
		.format = o->format,
		.table_default = "table {{.ID}}\t{{.Name}}\t{{.Driver}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "networks.ListPrintReports"},
	};
	r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_network_ls = {
	.path = "network ls,list",
	.summary = "List networks",
	.synopsis = "[options]",
	.text = "Lists the networks that containers can be connected to.",
	.examples = "%p\n%p --filter label=app --format '{{.Name}} {{.Driver}}'",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct ls_opts),
	.tables = {{ls_table, 0}, {0}},
	.run = ls_run,
};
