#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/container/container.h"
#include "engine/systemd/autoupdate.h"

struct update_opts {
	bool dry_run, rollback, tls_verify;
	const char *authfile, *format;
};

static const struct pm_opt update_table[] = {
	{"authfile", 0, PM_STRING(struct update_opts, authfile),
	 "Path to the authentication file. Use REGISTRY_AUTH_FILE environment variable to override", .complete = PM_COMPLETE_FILE},
	{"dry-run", 0, PM_BOOL(struct update_opts, dry_run), "Check for pending updates"},
	{"format", 0, PM_STRING(struct update_opts, format), "Change the output format to JSON or a Go template",
	 .complete = PM_COMPLETE_FORMAT, .choices = ".Container|.ContainerID|.ContainerName|.Image|.Policy|.Unit|.Updated"},
	{"rollback", 0, PM_BOOL(struct update_opts, rollback), "Rollback to previous image if update fails", .def = "true"},
	{"tls-verify", 0, PM_BOOL(struct update_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{0},
};

static void note(void *arg, struct pm_err *err)
{
	pm_cli_note(arg, err);
}

static struct pm_json *row(struct pm_json_pool *pool, const struct pm_autoupdate *t)
{
	struct pm_json *v = pm_json_object(pool);
	_cleanup_free_ char *container = pm_asprintf("%.*s (%s)", PM_SHORT_ID, t->id, t->name);
	pm_json_set_str(pool, v, "Unit", t->unit);
	pm_json_set_str(pool, v, "Container", container);
	pm_json_set_str(pool, v, "ContainerName", t->name);
	pm_json_set_str(pool, v, "ContainerID", t->id);
	pm_json_set_str(pool, v, "Image", t->image);
	pm_json_set_str(pool, v, "Policy", pm_autoupdate_policy_name(t->policy));
	pm_json_set_str(pool, v, "Updated", t->updated);
	return v;
}

static int print(const struct update_opts *o, const struct pm_autoupdate_list *l, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *rows = pm_json_array(pool);
	struct pm_format f = {
		.name = "auto-update",
		.format = o->format,
		.table_default = "table {{.Unit}}\t{{.Container}}\t{{.Image}}\t{{.Policy}}\t{{.Updated}}",
		.terminal = isatty(1),
		.opts = {.type = "main.autoUpdateOutput"},
	};
	for (size_t i = 0; i < l->n; i++)
		pm_json_add(pool, rows, row(pool, &l->v[i]));
	int r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

static int update_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct update_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_autoupdate_list_ struct pm_autoupdate_list l = {0};
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, !isatty(STDERR_FILENO));
	struct pm_autoupdate_options ao = {
		.pull = PM_PULL_OPTIONS_INIT,
		.dry_run = o->dry_run,
		.rollback = o->rollback,
		.progress = pm_progress_events(bars),
		.failed = note,
		.arg = cli,
	};
	ao.pull.authfile = authfile;
	if (pm_cli_given(cli, "tls-verify"))
		ao.pull.tls_verify = o->tls_verify;
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_autoupdate_run(&e, &ao, &l, err);
	pm_progress_clear(bars);
	if (r < 0)
		return r;
	r = print(o, &l, err);
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_auto_update = {
	.path = "auto-update",
	.summary = "Auto update containers according to their auto-update policy",
	.synopsis = "[options]",
	.text = "Looks for newer images of the running containers whose label io.containers.autoupdate says so, and restarts their units "
		"of systemd with them.\n\n"
		"The label is \"registry\": the registry is asked what the image's name means, which must be a full one; or \"local\": the "
		"store is. A unit that does not start with the new image gets the previous one back.",
	.examples = "%p\n%p --dry-run --format '{{.Unit}} {{.Updated}}'",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct update_opts),
	.tables = {{update_table, 0}, {0}},
	.run = update_run,
};
