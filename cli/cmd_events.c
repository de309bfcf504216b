#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/events/reader.h"

struct events_opts {
	struct pm_strv filter;
	const char *format, *since, *until;
	bool no_trunc, stream;
};

static const struct pm_opt events_table[] = {
	{"filter", 'f', PM_STRINGS(struct events_opts, filter), "Filter output",
	 .choices = "container=|event=|image=|label=|network=|pod=|secret=|type=|volume="},
	{"format", 0, PM_STRING(struct events_opts, format), "Format the output as JSON lines or by a Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Attributes|.ContainerExitCode|.Details|.HealthStatus|.ID|.Image|.Name|.Network|.PodID|.Status|.Time|.TimeNano|.Type"},
	{"no-trunc", 0, PM_BOOL(struct events_opts, no_trunc), "Do not truncate the output", .def = "true"},
	{"since", 0, PM_STRING(struct events_opts, since), "Show all events created since timestamp"},
	{"stream", 0, PM_BOOL(struct events_opts, stream),
	 "Stream events and do not exit when reaching the last known event", .def = "true"},
	{"until", 0, PM_STRING(struct events_opts, until), "Show all events until timestamp"},
	{0},
};

static const char *text(const struct pm_json *ev, const char *name)
{
	const char *s = pm_json_get_str(ev, name);
	return s ? s : "";
}

/* As Podman prints it: "TIME TYPE STATUS ID (image=..., name=..., label=...)". */
static void print_human(const struct events_opts *o, const struct pm_json *ev)
{
	char when[PM_TIME_SIZE];
	const char *type = text(ev, "Type"), *id = text(ev, "ID"), *name = text(ev, "Name");
	int64_t ns = 0;
	pm_time_parse_rfc3339(text(ev, "Time"), &ns, NULL, NULL);
	pm_time_go_local(ns, when);
	int width = o->no_trunc ? -1 : PM_SHORT_ID;

	printf("%s %s %s", when, type, text(ev, "Status"));
	if (strcmp(type, "container") == 0 || strcmp(type, "pod") == 0) {
		const struct pm_json *labels = pm_json_get(ev, "Attributes");
		printf(" %.*s (image=%s, name=%s", width, id, text(ev, "Image"), name);
		if (pm_json_get(ev, "HealthStatus"))
			printf(", health_status=%s", text(ev, "HealthStatus"));
		if (pm_json_get(ev, "HealthLog"))
			printf(", health_log=%s", text(ev, "HealthLog"));
		for (size_t i = 0; i < pm_json_len(labels); i++)
			printf(", %s=%s", labels->members[i].name,
			       labels->members[i].value->string ? labels->members[i].value->string : "");
		puts(")");
	} else if (strcmp(type, "network") == 0) {
		printf(" %.*s (container=%s, name=%s)\n", width, id, id,
		       *text(ev, "Network") ? text(ev, "Network") : name);
	} else if (strcmp(type, "image") == 0) {
		printf(" %.*s %s\n", width, id, name);
	} else {
		printf("%s%s\n", *id || *name ? " " : "", *id ? id : name);
	}
}

/* Podman's own member names of the JSON form. */
static void print_json(const struct pm_json *ev)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_json *o = pm_json_object(pool);
	for (size_t i = 0; i < ev->len; i++) {
		const char *name = ev->members[i].name;
		if (strcmp(name, "Network") == 0)
			name = "network";
		else if (strcmp(name, "HealthStatus") == 0)
			name = "health_status";
		else if (strcmp(name, "HealthLog") == 0)
			name = "health_log";
		pm_json_set(pool, o, name, ev->members[i].value);
	}
	if (!pm_json_get(o, "Attributes"))
		pm_json_set(pool, o, "Attributes", pm_json_null(pool));
	pm_json_write_html(o, 0, &b);
	puts(pm_buf_str(&b));
}

static int print_template(const struct events_opts *o, const struct pm_json *ev, struct pm_err *err)
{
	static const char *const texts[] = {"ID", "Image", "Name", "Network", "PodID", "Status", "Type",
					    "HealthStatus", "HealthLog"};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_json *t = pm_json_object(pool), *details = pm_json_object(pool);
	struct pm_json *labels = pm_json_get(ev, "Attributes");
	int64_t ns = 0;

	pm_json_set_int(pool, t, "ContainerExitCode", pm_json_get_int(ev, "ContainerExitCode", 0));
	for (size_t i = 0; i < PM_ARRAY_SIZE(texts); i++)
		pm_json_set_str(pool, t, texts[i], text(ev, texts[i]));
	pm_json_set_str(pool, t, "Time", text(ev, "Time"));
	pm_json_get(t, "Time")->hint = PM_JSON_TIME;
	pm_time_parse_rfc3339(text(ev, "Time"), &ns, NULL, NULL);
	pm_json_set_int(pool, t, "TimeNano", ns);
	if (!labels) {
		labels = pm_json_object(pool);
		labels->hint = PM_JSON_MAP;
	}
	pm_json_set(pool, t, "Attributes", labels);
	pm_json_set_str(pool, details, "ID", "");
	pm_json_set(pool, details, "Attributes", labels);
	pm_json_set(pool, t, "Details", details);
	if (!o->no_trunc && strlen(text(t, "ID")) > PM_SHORT_ID) {
		_cleanup_free_ char *cut = pm_strndup(text(t, "ID"), PM_SHORT_ID);
		pm_json_set_str(pool, t, "ID", cut);
	}
	struct pm_format f = {.name = "events", .format = o->format, .terminal = isatty(1),
			      .opts = {.type = "*events.Event"}};
	int r = pm_format_one(&f, t, &b, err);
	fputs(pm_buf_str(&b), stdout);
	return r;
}

static int print_event(void *arg, const struct pm_json *ev, struct pm_err *err)
{
	const struct events_opts *o = arg;
	int r = 0;
	if (pm_format_is_json(o->format))
		print_json(ev);
	else if (o->format && *o->format)
		r = print_template(o, ev, err);
	else
		print_human(o, ev);
	if (r >= 0 && o->stream && fflush(stdout) != 0)
		return pm_fail_sys(err, "write events");
	return r;
}

static int events_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct events_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	struct pm_events_query q = {.filters = &o->filter, .stream = o->stream,
				    .has_since = o->since != NULL, .has_until = o->until != NULL,
				    .event = print_event, .arg = o};
	int r = pm_events_check_filters(&o->filter, err);
	if (r >= 0 && o->since)
		r = pm_time_parse_user(o->since, pm_time_now(), true, &q.since, err);
	if (r >= 0 && o->until)
		r = pm_time_parse_user(o->until, pm_time_now(), false, &q.until, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : pm_events_read(&e, &q, err);
}

const struct pm_command pm_cmd_events = {
	.path = "events|system events",
	.summary = "Show pm events",
	.synopsis = "[options]",
	.text = "Monitor and print events that occur in pm.\n\n"
		"By default, streaming mode is used, printing new events as they occur.  Previous events can "
		"be listed via --since and --until.",
	.examples = "%p\n%p --filter event=create\n%p --since 1h30s\n%p --stream=false --format json",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct events_opts),
	.tables = {{events_table, 0}, {0}},
	.run = events_run,
};
