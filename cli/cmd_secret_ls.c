#include <stdio.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/secret/secret.h"

struct ls_opts {
	struct pm_strv filter;
	const char *format;
	bool noheading, quiet;
};

static const struct pm_opt ls_table[] = {
	{"filter", 'f', PM_LIST(struct ls_opts, filter), "Filter secret output", .choices = "id=|name="},
	{"format", 0, PM_STRING(struct ls_opts, format), "Format secret output using Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".CreatedAt|.Driver|.ID|.Name|.Spec|.UpdatedAt"},
	{"noheading", 'n', PM_BOOL(struct ls_opts, noheading), "Do not print headers"},
	{"quiet", 'q', PM_BOOL(struct ls_opts, quiet), "Print secret IDs only"},
	{0},
};

static void set_ago(struct pm_json_pool *pool, struct pm_json *v, const char *name, int64_t t)
{
	char text[PM_TIME_SIZE];
	pm_duration_human(pm_time_now() - t, text);
	_cleanup_free_ char *ago = pm_asprintf("%s ago", text);
	pm_json_set_str(pool, v, name, ago);
}

/* Podman's list has flat rows with times as people say them; JSON is the same as inspect's. */
static struct pm_json *row_tree(const struct pm_secret_row *row, bool json,
				struct pm_json_pool *pool)
{
	if (json)
		return pm_secret_tree(row, NULL, pool);
	struct pm_json *v = pm_json_object(pool);
	pm_json_set_str(pool, v, "ID", row->id);
	pm_json_set_str(pool, v, "Name", row->name);
	pm_json_set_str(pool, v, "Driver", row->driver);
	set_ago(pool, v, "CreatedAt", row->created);
	set_ago(pool, v, "UpdatedAt", row->updated);
	pm_json_set(pool, v, "Spec", pm_json_get(pm_secret_tree(row, NULL, pool), "Spec"));
	return v;
}

static int ls_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct ls_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_secret_list_ struct pm_secret_list all = {0};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	int r = pm_secret_filter_check(&o->filter, err);
	if (r >= 0)
		r = pm_secret_list(pm_cli_store(cli), &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = pm_secret_filter(&o->filter, &all.v[i], err);
		if (r > 0 && o->quiet)
			puts(all.v[i].id);
		else if (r > 0)
			pm_json_add(pool, rows, row_tree(&all.v[i], pm_format_is_json(o->format), pool));
	}
	if (r < 0 || o->quiet)
		return r < 0 ? r : 0;

	static const char *const headings[] = {"CreatedAt", "CREATED", "UpdatedAt", "UPDATED", NULL};
	struct pm_format f = {
		.name = "list",
		.format = o->format,
		.table_default = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "entities.SecretListReport"},
	};
	r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_secret_ls = {
	.path = "secret list,ls",
	.summary = "List secrets",
	.synopsis = "[options]",
	.text = "Lists all secrets that exist.",
	.examples = "%p\n%p --format \"{{.Name}}\"\n%p --filter name=confidential",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct ls_opts),
	.tables = {{ls_table, 0}, {0}},
	.run = ls_run,
};
