#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "engine/image/history.h"
#include "engine/image/resolve.h"

struct history_opts {
	bool human, no_trunc, quiet;
	const char *format;
};

static const struct pm_opt history_table[] = {
	{"format", 0, PM_STRING(struct history_opts, format), "Change the output to JSON or a Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Comment|.Created|.CreatedAt|.CreatedBy|.CreatedSince|.ID|.Size|.Tags"},
	{"human", 'H', PM_BOOL(struct history_opts, human),
	 "Display sizes and dates in human readable format", .def = "true"},
	{"no-trunc", 0, PM_BOOL(struct history_opts, no_trunc), "Do not truncate the output"},
	{"quiet", 'q', PM_BOOL(struct history_opts, quiet), "Display the numeric IDs only"},
	{0},
};

static const char *const headings[] = {
	"CreatedSince", "CREATED", "CreatedAt", "CREATED AT", "CreatedBy", "CREATED BY", NULL,
};

enum { COMMAND_SHOWN = 45 };

static void set_id(struct pm_json_pool *pool, struct pm_json *row, const char *id, bool whole)
{
	char text[65];
	snprintf(text, sizeof(text), whole ? "%s" : "%.12s", *id ? id : "<missing>");
	pm_json_set_str(pool, row, "ID", text);
}

/* A step as the table and templates show it. */
static struct pm_json *row_of(struct pm_json_pool *pool, const struct pm_json *step,
			      const struct history_opts *o)
{
	struct pm_json *row = pm_json_object(pool);
	const char *created = pm_json_get_str(step, "created"), *by = pm_json_get_str(step, "createdBy");
	char text[PM_TIME_SIZE];
	int64_t size = pm_json_get_int(step, "size", 0), when = 0;
	bool dated = pm_time_parse_rfc3339(created, &when, NULL, NULL) >= 0 && when != PM_TIME_ZERO;
	set_id(pool, row, pm_json_get_str(step, "id"), o->no_trunc);
	_cleanup_free_ char *ago =
		dated ? pm_asprintf("%s ago", pm_duration_human(pm_time_now() - when, text)) : NULL;
	pm_json_set_str(pool, row, "CreatedSince", ago ? ago : "");
	pm_json_set_str(pool, row, "CreatedAt", created);
	pm_json_set_str(pool, row, "Created", !o->human ? created : ago ? ago : "");
	if (!o->no_trunc && strlen(by) > COMMAND_SHOWN) {
		_cleanup_free_ char *cut = pm_asprintf("%.*s...", COMMAND_SHOWN - 3, by);
		pm_json_set_str(pool, row, "CreatedBy", cut);
	} else {
		pm_json_set_str(pool, row, "CreatedBy", by);
	}
	if (o->human)
		pm_size_human((double)size, true, text);
	else
		snprintf(text, sizeof(text), "%lld", (long long)size);
	pm_json_set_str(pool, row, "Size", text);
	pm_json_set_str(pool, row, "Comment", pm_json_get_str(step, "comment"));
	pm_json_set(pool, row, "Tags", pm_json_get(step, "tags"));
	return row;
}

/* As Podman's: some members are left out when they are empty. */
static struct pm_json *json_of(struct pm_json_pool *pool, const struct pm_json *step)
{
	struct pm_json *row = pm_json_object(pool);
	const char *comment = pm_json_get_str(step, "comment"), *id = pm_json_get_str(step, "id");
	const char *by = pm_json_get_str(step, "createdBy");
	pm_json_set_str(pool, row, "id", *id ? id : "<missing>");
	pm_json_set_str(pool, row, "created", pm_json_get_str(step, "created"));
	if (*by)
		pm_json_set_str(pool, row, "CreatedBy", by);
	if (pm_json_len(pm_json_get(step, "tags")))
		pm_json_set(pool, row, "tags", pm_json_get(step, "tags"));
	pm_json_set_int(pool, row, "size", pm_json_get_int(step, "size", 0));
	if (*comment)
		pm_json_set_str(pool, row, "comment", comment);
	/* once more, without the fraction */
	char text[PM_TIME_SIZE];
	int64_t when;
	if (pm_time_parse_rfc3339(pm_json_get_str(step, "created"), &when, NULL, NULL) >= 0)
		pm_json_set_str(pool, row, "Created", pm_time_rfc3339(when - when % PM_NS_PER_SEC, 0, text));
	return row;
}

static int history_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct history_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *steps, *rows = pm_json_array(pool);
	char id[65];
	int r = pm_image_resolve(pm_cli_store(cli), cli->args[0], id, NULL, err);
	if (r >= 0)
		r = pm_image_history(pm_cli_store(cli), id, pool, &steps, err);
	if (r < 0)
		return r;
	bool json = !o->quiet && pm_format_is_json(o->format);
	for (size_t i = 0; i < pm_json_len(steps); i++)
		pm_json_add(pool, rows, json ? json_of(pool, pm_json_at(steps, i))
					     : row_of(pool, pm_json_at(steps, i), o));
	if (json) {
		pm_json_write_html(rows, 0, &out);
		puts(pm_buf_str(&out));
		return 0;
	}
	for (size_t i = 0; o->quiet && i < pm_json_len(rows); i++)
		puts(pm_json_get_str(pm_json_at(rows, i), "ID"));
	if (o->quiet)
		return 0;
	struct pm_format f = {
		.name = "history",
		.format = o->format,
		.table_default = "table {{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
		.headings = headings,
		.terminal = isatty(1),
		.opts = {.type = "images.historyReporter"},
	};
	r = pm_format_list(&f, rows, &out, err);
	if (r >= 0)
		fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_history = {
	.path = "history|image history",
	.summary = "Show history of a specified image",
	.synopsis = "[options] IMAGE",
	.text = "Displays the history of an image, newest step first: what made each step, when, and the size of "
		"the layer that it added.",
	.examples = "%p quay.io/fedora/fedora\n%p --no-trunc --human=false IMAGE\n%p --format json IMAGE",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct history_opts),
	.tables = {{history_table, 0}, {0}},
	.run = history_run,
};
