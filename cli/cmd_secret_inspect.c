#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/secret/secret.h"

struct inspect_opts {
	const char *format;
	bool pretty, showsecret;
};

static const struct pm_opt inspect_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format), "Format inspect output using Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".CreatedAt|.ID|.Spec.|.Spec.Driver.|.Spec.Driver.Name|.Spec.Driver.Options|.Spec.Labels|.Spec.Name|.UpdatedAt"},
	{"pretty", 0, PM_BOOL(struct inspect_opts, pretty), "Print inspect output in human-readable format"},
	{"showsecret", 0, PM_BOOL(struct inspect_opts, showsecret), "Display the secret's data"},
	{0},
};

static const char pretty[] = "ID:              {{.ID}}\n"
			     "Name:              {{.Spec.Name}}\n"
			     "{{- if .Spec.Labels }}\n"
			     "Labels:\n"
			     "{{- range $k, $v := .Spec.Labels }}\n"
			     " - {{ $k }}{{if $v }}={{ $v }}{{ end }}\n"
			     "{{- end }}{{ end }}\n"
			     "Driver:            {{.Spec.Driver.Name}}\n"
			     "Created at:        {{.CreatedAt}}\n"
			     "Updated at:        {{.UpdatedAt}}";

static int inspect_one(struct pm_engine *e, const struct inspect_opts *o, const char *name,
		       struct pm_json_pool *pool, struct pm_json *found, struct pm_err *err)
{
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	_cleanup_secret_ struct pm_buf data = PM_BUF_INIT;
	int r = pm_secret_find(e->store, name, &row, err);
	if (r >= 0 && o->showsecret)
		r = pm_secret_data(e, &row, &data, err);
	if (r >= 0)
		pm_json_add(pool, found, pm_secret_tree(&row, o->showsecret ? &data : NULL, pool));
	return r < 0 ? pm_wrap(err, "inspecting secret") : 0;
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv failures = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *found = pm_json_array(pool);
	if (o->pretty && o->format)
		return pm_fail(err, PM_E_USAGE, "--pretty and --format cannot be used together");
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		if (inspect_one(&e, o, cli->args[i], pool, found, err) < 0) {
			pm_strv_add(&failures, err->text);
			pm_err_clear(err);
		}
	}
	struct pm_format f = {
		.name = "inspect",
		.format = o->pretty ? pretty : o->format && *o->format ? o->format : "json",
		.json_indent = 4,
		.each = true,
		.terminal = isatty(1),
		.opts = {.type = "*entities.SecretInfoReport"},
	};
	r = pm_format_list(&f, found, &out, err);
	fputs(pm_buf_str(&out), stdout);
	/* what was found comes first, then what was not */
	for (size_t i = 0; r >= 0 && i < failures.n; i++) {
		pm_fail(err, PM_E_NOSUCH, "%s", failures.v[i]);
		pm_cli_note(cli, err);
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_secret_inspect = {
	.path = "secret inspect",
	.summary = "Inspect a secret",
	.synopsis = "[options] SECRET [SECRET...]",
	.text = "Displays what is known of secrets, but for their data, which --showsecret adds.",
	.examples = "%p MYSECRET\n%p --format \"{{.Spec.Name}} {{.Spec.Driver.Name}}\" MYSECRET",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_SECRET,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};
