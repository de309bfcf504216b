#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options.h"
#include "cli/generate.h"

static const struct pm_opt generate_table[] = {
	{"after", 0, PM_STRINGS(struct pm_generate_opts, after), "Add dependencies order to the generated unit file"},
	{"container-prefix", 0, PM_STRING(struct pm_generate_opts, container_prefix),
	 "Systemd unit name prefix for containers", .def = "container"},
	{"env", 'e', PM_STRINGS(struct pm_generate_opts, env),
	 "Set environment variables to the systemd unit files", .complete = PM_COMPLETE_ENV},
	{"files", 'f', PM_BOOL(struct pm_generate_opts, files),
	 "Generate .service files instead of printing to stdout"},
	{"format", 0, PM_STRING(struct pm_generate_opts, format),
	 "Print the created units in specified format (json)", .choices = "json"},
	{"name", 'n', PM_BOOL(struct pm_generate_opts, name), "Use container/pod names instead of IDs"},
	{"new", 0, PM_BOOL(struct pm_generate_opts, new_),
	 "Create a new container or pod instead of starting an existing one"},
	{"no-header", 0, PM_BOOL(struct pm_generate_opts, no_header),
	 "Skip header generation"},
	{"pod-prefix", 0, PM_STRING(struct pm_generate_opts, pod_prefix), "Systemd unit name prefix for pods",
	 .def = "pod"},
	{"requires", 0, PM_STRINGS(struct pm_generate_opts, requires),
	 "Similar to wants, but declares stronger requirement dependencies"},
	{"restart-policy", 0, PM_STRING(struct pm_generate_opts, restart_policy), "Systemd restart-policy",
	 .choices = "always|no|on-abnormal|on-abort|on-failure|on-success|on-watchdog"},
	{"restart-sec", 0, PM_UINT(struct pm_generate_opts, restart_sec), "Systemd restart-sec"},
	{"separator", 0, PM_STRING(struct pm_generate_opts, separator),
	 "Systemd unit name separator between name/id and prefix", .def = "-"},
	{"start-timeout", 0, PM_UINT(struct pm_generate_opts, start_timeout), "Start timeout override"},
	{"stop-timeout", 0, PM_UINT(struct pm_generate_opts, stop_timeout), "Stop timeout override"},
	{"template", 0, PM_BOOL(struct pm_generate_opts, template_),
	 "Make it a template file and use %i and %I specifiers. Working only for containers"},
	{"wants", 0, PM_STRINGS(struct pm_generate_opts, wants), "Add (weak) requirement dependencies to the generated unit file"},
	{0},
};

/* With --files: the texts become the paths where they were written. */
static int write_files(struct pm_generate *m, struct pm_err *err)
{
	char cwd[PATH_MAX];
	if (!getcwd(cwd, sizeof(cwd)))
		return pm_fail_sys(err, "find the working directory");
	for (size_t i = 0; i < m->names.n; i++) {
		char **text = &m->texts.v[i];
		_cleanup_free_ char *path = pm_asprintf("%s/%s%s.service", cwd, m->names.v[i],
							m->o->template_ ? "@" : "");
		int r = pm_fs_write_file(AT_FDCWD, path, *text, strlen(*text), 0644, false, err);
		if (r < 0)
			return r;
		free(*text);
		*text = pm_asprintf("%s\n", path);
	}
	return 0;
}

static int print_units(struct pm_generate *m, struct pm_err *err)
{
	int r = m->o->files ? write_files(m, err) : 0;
	if (r < 0)
		return r;
	if (!m->o->format || !*m->o->format) {
		for (size_t i = 0; i < m->texts.n; i++)
			printf("%s%s", i && !m->o->files ? "\n" : "", m->texts.v[i]);
		return 0;
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *map = pm_json_object(pool);
	for (size_t i = 0; i < m->names.n; i++) {
		size_t len = strlen(m->texts.v[i]) - m->o->files; /* a path's newline */
		pm_json_set(pool, map, m->names.v[i], pm_json_strn(pool, m->texts.v[i], len));
	}
	pm_json_write_html(map, 1, &out);
	puts(pm_buf_str(&out));
	return 0;
}

static int make_units(struct pm_generate *m, const char *arg, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_pod_ struct pm_pod p = {0};
	pm_container_init(&c);
	/* a pod's whole name comes before the beginning of a container's id */
	int pod = pm_pod_load(m->e, arg, &p, err);
	if (pod >= 0 && strcmp(p.row.name, arg) == 0)
		return pm_generate_pod(m, &p, err);
	pm_err_clear(err);
	int r = pm_container_load(m->e, arg, &c, err);
	if (r >= 0) {
		_cleanup_free_ char *name = pm_generate_container_name(m->o, &c);
		return pm_generate_container(m, &c, name, NULL, err);
	}
	if (r != -PM_E_NOSUCH)
		return r;
	if (pod < 0)
		return pm_wrap(err, "%s does not refer to a container or pod", arg);
	pm_err_clear(err);
	return pm_generate_pod(m, &p, err);
}

static int generate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct pm_generate_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_(pm_generate_free) struct pm_generate m = {
		.cli = cli, .e = &e, .o = o, .new_ = o->new_ || o->template_};
	static const struct pm_strv no_files;
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(m.date, sizeof(m.date), "%a %b %e %H:%M:%S %Z %Y", &tm);
	if (o->format && *o->format && strcmp(o->format, "json") != 0)
		return pm_fail(err, PM_E_USAGE, "invalid --format value '%s': the only one is json", o->format);
	int r = o->restart_policy ? pm_unit_check_restart(o->restart_policy, err) : 0;
	if (r >= 0)
		r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &m.self, err);
	if (r >= 0)
		r = pm_ctr_parse_env(&o->env, &no_files, &m.env, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_engine_conf(&e, err);
	if (r >= 0)
		r = make_units(&m, cli->args[0], err);
	return r < 0 ? r : print_units(&m, err);
}

const struct pm_command pm_cmd_generate_systemd = {
	.path = "generate systemd",
	.summary = "Generate systemd units.",
	.synopsis = "[options] {CONTAINER|POD}",
	.text = "Generate systemd units for a container or pod. The generated units can later be controlled "
		"via systemctl(1).",
	.examples = "%p CTR\n%p --new --stop-timeout 10 CTR\n%p --files --name POD",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct pm_generate_opts),
	.tables = {{generate_table, 0}, {0}},
	.run = generate_run,
};
