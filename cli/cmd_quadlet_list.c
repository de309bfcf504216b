#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/quadlet_common.h"
#include "engine/filter.h"
#include "engine/quadlet/store.h"
#include "engine/systemd/manager.h"

struct list_opts {
	struct pm_strv filter;
	const char *format;
	bool noheading;
};

static const struct pm_opt list_table[] = {
	{"filter", 'f', PM_LIST(struct list_opts, filter), "Filter output based on conditions given", .choices = "name="},
	{"format", 0, PM_STRING(struct list_opts, format), "Pretty-print output to JSON or using a Go template",
	 .complete = PM_COMPLETE_FORMAT, .choices = ".App|.Name|.Path|.Status|.UnitName"},
	{"noheading", 'n', PM_BOOL(struct list_opts, noheading), "Do not print headers"},
	{0},
};

static int match_name(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_quadlet *q = subject;
	(void)err;
	return fnmatch(value, q->name, 0) == 0;
}

static const struct pm_filter_key filter_keys[] = {{"name", match_name, false, 0}, {0}};
static const struct pm_filter_table filters = {.keys = filter_keys, .before = "", .after = " is not a valid filter"};

static struct pm_json *row(struct pm_json_pool *pool, const struct pm_quadlet *q, const struct pm_strv *states)
{
	struct pm_json *v = pm_json_object(pool);
	_cleanup_quadlet_bundle_ struct pm_quadlet_bundle b = {0};
	_cleanup_free_ char *dir = pm_strndup(q->path, (size_t)(strrchr(q->path, '/') - q->path));
	_cleanup_free_ char *status = q->failed ? NULL : pm_quadlet_status(states, q->service);
	pm_quadlet_bundle_of(dir, q->name, &b, NULL);
	pm_json_set_str(pool, v, "Name", q->name);
	pm_json_set_str(pool, v, "UnitName", q->service ? q->service : "");
	pm_json_set_str(pool, v, "Path", q->path);
	pm_json_set_str(pool, v, "Status", status ? status : "Not loaded");
	pm_json_set_str(pool, v, "App", b.app ? b.app : "");
	return v;
}

static int list_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct list_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	_cleanup_strv_ struct pm_strv services = PM_STRV_INIT, states = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	int r = pm_filter_check(&filters, &o->filter, err);
	(void)cli;
	if (r < 0)
		return r;
	pm_quadlet_all(&set);
	for (size_t i = 0; i < set.n; i++)
		if (set.v[i]->service && !set.v[i]->failed)
			pm_strv_add(&services, set.v[i]->service);
	/* files are files, with systemd or without */
	if (pm_systemd_states(&services, &states, err) < 0) {
		pm_debug("%s", err->text);
		pm_err_clear(err);
	}
	for (size_t i = 0; i < set.n && r >= 0; i++) {
		r = set.v[i]->masked ? 0 : pm_filter_pass(&filters, &o->filter, set.v[i], err);
		if (r > 0)
			pm_json_add(pool, rows, row(pool, set.v[i], &states));
	}
	static const char *const headings[] = {"App",  "APPLICATION",  "Path", "PATH ON DISK",
					       "UnitName", "UNIT NAME", NULL};
	struct pm_format f = {
		.name = "list",
		.format = o->format,
		.table_default = "table {{.Name}}\t{{.UnitName}}\t{{.Path}}\t{{.Status}}\t{{.App}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "entities.ListQuadlet"},
	};
	if (r >= 0)
		r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_quadlet_list = {
	.path = "quadlet list,ls",
	.summary = "List Quadlet files",
	.synopsis = "[options]",
	.text = "Lists all Quadlet files of this user (as root, the system's), with their units and what systemd says of these.",
	.examples = "%p\n%p --filter 'name=web*'\n%p --format '{{.UnitName}}'",
	.opts_size = sizeof(struct list_opts),
	.tables = {{list_table, 0}, {0}},
	.run = list_run,
};
