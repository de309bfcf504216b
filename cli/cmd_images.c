#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/format.h"
#include "cli/image_list.h"

struct images_opts {
	bool all, digests, history, no_trunc, noheading, quiet;
	struct pm_strv filter;
	const char *format, *sort;
};

static const struct pm_opt images_table[] = {
	{"all", 'a', PM_BOOL(struct images_opts, all),
	 "Show all images (default hides intermediate images)"},
	{"digests", 0, PM_BOOL(struct images_opts, digests), "Show digests"},
	{"filter", 'f', PM_LIST(struct images_opts, filter),
	 "Filter output based on conditions provided",
	 .choices = "after=|before=|containers=|dangling=|id=|intermediate=|label=|manifest=|"
		    "readonly=|reference=|since=|until="},
	{"format", 0, PM_STRING(struct images_opts, format),
	 "Change the output format to JSON or a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Arch|.Containers|.Created|.CreatedAt|.CreatedSince|.CreatedTime|.Dangling|"
		    ".Digest|.History|.ID|.Id|.Labels|.Names|.Os|.ParentId|.ReadOnly|.RepoDigests|"
		    ".RepoTags|.Repository|.SharedSize|.Size|.Tag|.VirtualSize"},
	{"history", 0, PM_BOOL(struct images_opts, history), "Display the image name history"},
	{"no-trunc", 0, PM_BOOL(struct images_opts, no_trunc), "Do not truncate output"},
	{"noheading", 'n', PM_BOOL(struct images_opts, noheading), "Do not print column headings"},
	{"quiet", 'q', PM_BOOL(struct images_opts, quiet), "Display only image IDs"},
	{"sort", 0, PM_STRING(struct images_opts, sort),
	 "Sort by created, id, repository, size, tag", .def = "created",
	 .choices = "created|id|repository|size|tag"},
	{0},
};

static const char *const headings[] = {
	"ID",	  "IMAGE ID", "CreatedSince", "CREATED", "CreatedAt", "CREATED AT",
	"ReadOnly", "R/O",    NULL,
};

/* Does the format name what costs a query for each image? Rather once too often. */
static bool wants_details(const char *format)
{
	static const char *const costly[] = {"Containers", "History", "Labels", "ParentId", "json",
					     "{{.}}", "range"};
	for (size_t i = 0; format && i < PM_ARRAY_SIZE(costly); i++) {
		if (strstr(format, costly[i]))
			return true;
	}
	return false;
}

static char *default_table(const struct images_opts *o, bool readonly)
{
	return pm_asprintf("table {{.Repository}}\t{{.Tag}}\t%s{{.ID}}\t{{.Created}}\t{{.Size}}%s%s",
			   o->digests ? "{{.Digest}}\t" : "", o->history ? "\t{{.History}}" : "",
			   readonly ? "\t{{.ReadOnly}}" : "");
}

/* Podman shows the column only when it tells something. */
static bool any_readonly(const struct pm_json *rows)
{
	for (size_t i = 0; i < pm_json_len(rows); i++) {
		if (pm_json_get_bool(pm_json_at(rows, i), "ReadOnly", false))
			return true;
	}
	return false;
}

static void print_ids(const struct pm_json *rows)
{
	const char *last = "";
	for (size_t i = 0; i < pm_json_len(rows); i++) {
		const char *id = pm_json_get_str(pm_json_at(rows, i), "ID");
		bool seen = strcmp(id, last) == 0;
		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(id, pm_json_get_str(pm_json_at(rows, j), "ID")) == 0;
		if (!seen)
			puts(id);
		last = id;
	}
}

static int images_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct images_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = NULL;
	static const char sorts[] = "|created|id|repository|size|tag|";

	_cleanup_free_ char *sort = pm_asprintf("|%s|", o->sort);
	if (!strstr(sorts, sort))
		return pm_fail(err, PM_E_USAGE,
			       "\"%s\" is not a valid field for sorting. Choose from: created, id, "
			       "repository, size, tag",
			       o->sort);
	if (cli->n_args && o->filter.n)
		return pm_fail(err, PM_E_USAGE,
			       "cannot specify an image and a filter(s)");
	if (cli->n_args)
		pm_strv_addf(&o->filter, "reference=%s", cli->args[0]);

	bool json = !o->quiet && pm_format_is_json(o->format);
	struct pm_image_list_options lo = {
		.filters = &o->filter,
		.sort = o->sort,
		.no_trunc = o->no_trunc,
		.json = json,
		.all = o->all,
		.details = o->history || wants_details(o->format),
	};
	int r = pm_image_list_tree(pm_cli_store(cli), &lo, pool, &rows, err);
	if (r < 0)
		return r;
	if (o->quiet) {
		print_ids(rows);
		return 0;
	}
	_cleanup_free_ char *table = default_table(o, any_readonly(rows));
	struct pm_format f = {
		.name = "images",
		.format = o->format,
		.table_default = table,
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "images.imageReporter"},
	};
	r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_images = {
	.path = "images|image list,ls",
	.summary = "List images in local storage",
	.synopsis = "[options] [IMAGE]",
	.text = "Lists images previously pulled to the system or created on the system.",
	.examples = "%p --format json\n"
		    "%p --sort repository --format \"table {{.ID}} {{.Repository}} {{.Tag}}\"\n"
		    "%p --filter dangling=true",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct images_opts),
	.tables = {{images_table, 0}, {0}},
	.run = images_run,
};
