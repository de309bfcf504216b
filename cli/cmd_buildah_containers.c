#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/format.h"

struct list_opts {
	bool all, json, noheading, notruncate, quiet;
	const char *format;
	struct pm_strv filter;
};

static const struct pm_opt list_table[] = {
	{"all", 'a', PM_BOOL(struct list_opts, all),
	 "Also list containers that are no working containers"},
	{"filter", 'f', PM_STRINGS(struct list_opts, filter), "Filter output",
	 .choices = "ancestor=|id=|name="},
	{"format", 0, PM_STRING(struct list_opts, format), "Print containers using a Go template"},
	{"json", 0, PM_BOOL(struct list_opts, json), "Output in JSON format"},
	{"noheading", 'n', PM_BOOL(struct list_opts, noheading), "Do not print column headings"},
	{"notruncate", 0, PM_BOOL(struct list_opts, notruncate), "Do not truncate output"},
	{"quiet", 'q', PM_BOOL(struct list_opts, quiet), "Display only container IDs"},
	{0},
};

static int matches(const struct pm_strv *filters, const struct pm_ctr_row *row, struct pm_err *err)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i], *value = strchr(f, '=');
		if (!value)
			return pm_fail(err, PM_E_USAGE,
				       "invalid filter \"%s\": it must be NAME=VALUE", f);
		value++;
		bool match;
		if (pm_startswith(f, "id="))
			match = pm_startswith(row->id, value);
		else if (pm_startswith(f, "name="))
			match = strstr(row->name, value) != NULL;
		else if (pm_startswith(f, "ancestor="))
			match = (row->image_name && strstr(row->image_name, value)) ||
				(row->image_id && *value && pm_startswith(row->image_id, value));
		else
			return pm_fail(err, PM_E_USAGE,
				       "invalid filter \"%s\": it must be ancestor, id or name", f);
		if (!match)
			return 0;
	}
	return 1;
}

static struct pm_json *row_of(struct pm_json_pool *p, const struct pm_ctr_row *row, bool json,
			      bool whole)
{
	struct pm_json *v = pm_json_object(p);
	int n = whole || json ? 64 : 12;
	_cleanup_free_ char *id = pm_strndup(row->id, (size_t)n),
			    *image = pm_strndup(row->image_id ? row->image_id : "", (size_t)n);
	bool own = row->working != PM_CTR_NOT_WORKING;
	if (json) {
		pm_json_set_str(p, v, "id", id);
		pm_json_set_bool(p, v, "builder", own);
		pm_json_set_str(p, v, "imageid", image);
		pm_json_set_str(p, v, "imagename", row->image_name ? row->image_name : "");
		pm_json_set_str(p, v, "containername", row->name);
		return v;
	}
	pm_json_set_str(p, v, "ContainerID", id);
	pm_json_set_str(p, v, "Builder", own ? "   *" : "");
	pm_json_set_str(p, v, "ImageID", image);
	pm_json_set_str(p, v, "ImageName", row->image_name ? row->image_name : "");
	pm_json_set_str(p, v, "ContainerName", row->name);
	return v;
}

static int list_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	static const char *const headings[] = {
		"ContainerID",   "CONTAINER ID",   "Builder",   "BUILDER",
		"ImageID",       "IMAGE ID",       "ImageName", "IMAGE NAME",
		"ContainerName", "CONTAINER NAME", NULL};
	const struct list_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_ctr_list_ struct pm_ctr_list all = {0};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	if (o->quiet && (o->json || o->format))
		return pm_fail(err, PM_E_USAGE, "quiet and %s are mutually exclusive",
			       o->json ? "json" : "format");
	int r = pm_ctr_list(pm_cli_store(cli), PM_CTR_EXTERNAL, &all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		if (!o->all && all.v[i].working == PM_CTR_NOT_WORKING)
			continue;
		r = matches(&o->filter, &all.v[i], err);
		if (r > 0 && o->quiet)
			puts(all.v[i].id);
		else if (r > 0)
			pm_json_add(pool, rows, row_of(pool, &all.v[i], o->json, o->notruncate));
	}
	if (r < 0 || o->quiet)
		return r < 0 ? r : 0;
	if (o->json) {
		pm_json_write(rows, 4, &out);
		puts(pm_buf_str(&out));
		return 0;
	}
	struct pm_format f = {
		.name = "containers",
		.format = o->format,
		.table_default = "table "
				 "{{.ContainerID}}\t{{.Builder}}\t{{.ImageID}}\t{{.ImageName}}\t{{."
				 "ContainerName}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "buildah.containerOutputParams"},
	};
	r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_buildah_containers = {
	.path = "buildah containers,list,ls,ps",
	.summary = "List working containers",
	.synopsis = "[options]",
	.text = "Lists working containers and the images they are based on.",
	.examples = "%p\n%p --format '{{.ContainerID}} {{.ContainerName}}'\n%p -q",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct list_opts),
	.tables = {{list_table, 0}, {0}},
	.run = list_run,
};

/* --- rm -------------------------------------------------------------------------------------------- */

struct rm_opts {
	bool all;
};

static const struct pm_opt rm_table[] = {
	{"all", 'a', PM_BOOL(struct rm_opts, all), "Remove all working containers"},
	{0},
};

static int remove_one(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	int r = pm_worker_load(e, name, &w, err);
	if (r >= 0)
		r = pm_worker_remove(&w, err);
	if (r >= 0)
		puts(w.c.row.id);
	return r;
}

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct rm_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_ctr_list_ struct pm_ctr_list all = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (o->all ? cli->n_args > 0 : cli->n_args == 0)
		return pm_fail(err, PM_E_USAGE,
			       o->all ? "when using the --all switch, you may not pass any "
					"containers names or IDs"
				      : "container ID must be specified");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->all)
		r = pm_ctr_list(e.store, PM_CTR_EXTERNAL, &all, err);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].working == PM_CTR_WORKING_OWN)
			pm_strv_add(&names, all.v[i].id);
	if (!o->all)
		pm_strv_add_all(&names, cli->args);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct pm_err why = PM_ERR_INIT;
		if (remove_one(&e, names.v[i], &why) < 0)
			pm_cli_note(cli, &why);
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_buildah_rm = {
	.path = "buildah rm,delete",
	.summary = "Remove working containers",
	.synopsis = "[options] [CONTAINER...]",
	.text = "Removes working containers with their files. Images made of them stay.",
	.examples = "%p alpine-working-container\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = rm_run,
};
