#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/format.h"

struct list_opts {
	const char *format;
	bool quiet;
};

static const struct pm_opt list_table[] = {
	{"format", 'f', PM_STRING(struct list_opts, format), "Format connection output: json or a Go template",
	 .complete = PM_COMPLETE_FORMAT, .choices = ".Default|.Identity|.Name|.URI"},
	{"quiet", 'q', PM_BOOL(struct list_opts, quiet), "Only show connection names"},
	{0},
};

static int list_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct list_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	static const char *const headings[] = {"Name", "Name", "Identity", "Identity", "Default", "Default", NULL};
	const struct pm_format f = {
		.name = "list",
		.format = o->quiet ? "{{.Name}}" : o->format,
		.table_default = "table {{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.Default}}",
		.headings = headings,
		.terminal = isatty(1),
		.opts = {.type = "system.namedDestination"},
	};
	(void)cli;
	int r = pm_format_list(&f, pm_json_array(pool), &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_system_connection_list = {
	.path = "system connection list,ls",
	.summary = "List connections to services",
	.synopsis = "[options]",
	.text = "Each command of pm does its own work here: there is no service to connect to, and the list is empty.",
	.examples = "%p\n%p --format json",
	.max_args = 0,
	.opts_size = sizeof(struct list_opts),
	.tables = {{list_table, 0}, {0}},
	.run = list_run,
};
