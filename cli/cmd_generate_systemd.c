#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/create_command.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options.h"
#include "engine/systemd/unit.h"

struct generate_opts {
	bool files, name, new_, no_header, template_;
	const char *format, *container_prefix, *pod_prefix, *separator, *restart_policy;
	uint64_t restart_sec, start_timeout, stop_timeout;
	struct pm_strv after, requires, wants, env;
};

static const struct pm_opt generate_table[] = {
	{"after", 0, PM_STRINGS(struct generate_opts, after), "Add dependencies order to the generated unit file"},
	{"container-prefix", 0, PM_STRING(struct generate_opts, container_prefix),
	 "Systemd unit name prefix for containers", .def = "container"},
	{"env", 'e', PM_STRINGS(struct generate_opts, env),
	 "Set environment variables to the systemd unit files", .complete = PM_COMPLETE_ENV},
	{"files", 'f', PM_BOOL(struct generate_opts, files),
	 "Generate .service files instead of printing to stdout"},
	{"format", 0, PM_STRING(struct generate_opts, format),
	 "Print the created units in specified format (json)", .choices = "json"},
	{"name", 'n', PM_BOOL(struct generate_opts, name), "Use container/pod names instead of IDs"},
	{"new", 0, PM_BOOL(struct generate_opts, new_),
	 "Create a new container or pod instead of starting an existing one"},
	{"no-header", 0, PM_BOOL(struct generate_opts, no_header),
	 "Skip header generation"},
	{"pod-prefix", 0, PM_STRING(struct generate_opts, pod_prefix), "Systemd unit name prefix for pods",
	 .def = "pod"},
	{"requires", 0, PM_STRINGS(struct generate_opts, requires),
	 "Similar to wants, but declares stronger requirement dependencies"},
	{"restart-policy", 0, PM_STRING(struct generate_opts, restart_policy), "Systemd restart-policy",
	 .choices = "always|no|on-abnormal|on-abort|on-failure|on-success|on-watchdog"},
	{"restart-sec", 0, PM_UINT(struct generate_opts, restart_sec), "Systemd restart-sec"},
	{"separator", 0, PM_STRING(struct generate_opts, separator),
	 "Systemd unit name separator between name/id and prefix", .def = "-"},
	{"start-timeout", 0, PM_UINT(struct generate_opts, start_timeout), "Start timeout override"},
	{"stop-timeout", 0, PM_UINT(struct generate_opts, stop_timeout), "Stop timeout override"},
	{"template", 0, PM_BOOL(struct generate_opts, template_),
	 "Make it a template file and use %i and %I specifiers. Working only for containers"},
	{"wants", 0, PM_STRINGS(struct generate_opts, wants), "Add (weak) requirement dependencies to the generated unit file"},
	{0},
};

/* What the unit says by itself, or the container's creation is told anew. */
static const char *const dropped[] = {"cgroups", "cidfile", "conmon-pidfile", "detach", "pod-id-file", "restart",
				      "rm", NULL};

static void add_escaped(struct pm_strv *to, const struct pm_strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		pm_strv_take(to, pm_unit_escape(words->v[i]));
}

/* "run ..." as the unit executes it. */
static int start_new(const struct pm_container *c, const struct generate_opts *o, const char *self,
		     struct pm_strv *start, struct pm_strv *prefix, struct pm_err *err)
{
	_cleanup_create_command_ struct pm_create_command cc = {0};
	if (!c->config.create_command.n)
		return pm_fail(err, PM_E_STATE,
			       "cannot use --new on container \"%s\": no create command found: only works on "
			       "containers created directly with pm", c->row.id);
	int r = pm_create_command_parse(&c->config.create_command, dropped, o->template_ ? "-%i" : "", &cc,
					err);
	if (r < 0)
		return r;
	pm_strv_take(prefix, pm_unit_escape(self));
	add_escaped(prefix, &cc.global);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "run");
	pm_strv_add(start, "--cidfile=%t/%n.ctr-id");
	pm_strv_add(start, "--cgroups=no-conmon");
	pm_strv_add(start, "--rm");
	if (!c->config.sdnotify || strcmp(c->config.sdnotify, "ignore") == 0) {
		bool given = false;
		for (size_t i = 0; i < cc.options.n; i++)
			given |= pm_startswith(cc.options.v[i], "--sdnotify");
		if (!given || c->config.sdnotify)
			pm_strv_add(start, "--sdnotify=conmon");
	}
	pm_strv_add(start, "-d");
	if (cc.named && !cc.replaced)
		pm_strv_add(start, "--replace");
	for (size_t i = 0; i < cc.options.n; i++) {
		const char *w = cc.options.v[i];
		if (c->config.sdnotify && strcmp(c->config.sdnotify, "ignore") == 0 &&
		    pm_startswith(w, "--sdnotify")) {
			i += !strchr(w, '=');
			continue;
		}
		char *s = pm_unit_escape(w);
		/* the instance is the unit's specifier, not the user's text */
		char *at = o->template_ ? strstr(s, "-%%i") : NULL;
		if (at && at[4] == '\0')
			memmove(at + 1, at + 2, strlen(at + 2) + 1);
		pm_strv_take(start, s);
	}
	add_escaped(start, &cc.args);
	return 0;
}

/* The global options of this command line that say where the container is. */
static void own_prefix(const struct pm_cli *cli, const char *self, struct pm_strv *prefix)
{
	const char *const given[][2] = {{"--root", cli->global.root}, {"--runroot", cli->global.runroot}};
	pm_strv_take(prefix, pm_unit_escape(self));
	for (size_t i = 0; i < PM_ARRAY_SIZE(given); i++) {
		if (!given[i][1])
			continue;
		pm_strv_add(prefix, given[i][0]);
		pm_strv_take(prefix, pm_unit_escape(given[i][1]));
	}
}

static const char *restart_of(const struct pm_container *c, const struct generate_opts *o)
{
	const char *own = c->config.restart_policy;
	if (o->restart_policy)
		return o->restart_policy;
	if (!own || !*own)
		return "on-failure";
	return strcmp(own, "unless-stopped") == 0 ? "always" : strcmp(own, "no") == 0 ? "on-failure" : own;
}

static int64_t stop_timeout(struct pm_cli *cli, const struct pm_engine *e, const struct pm_container *c,
			    const struct generate_opts *o)
{
	if (pm_cli_given(cli, "stop-timeout"))
		return (int64_t)o->stop_timeout;
	return c->config.stop_timeout == PM_UNSET ? e->conf.stop_timeout : c->config.stop_timeout;
}

static int make_unit(struct pm_cli *cli, struct pm_engine *e, const struct generate_opts *o,
		     const struct pm_container *c, const char *name, struct pm_buf *out,
		     struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv start = PM_STRV_INIT, prefix = PM_STRV_INIT, env = PM_STRV_INIT;
	static const struct pm_strv no_files;
	_cleanup_free_ char *self = NULL, *pid_file = NULL;
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Z %Y", &tm);
	bool new_ = o->new_ || o->template_;

	int r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, err);
	if (r >= 0)
		r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_ctr_parse_env(&o->env, &no_files, &env, err);
	if (r >= 0 && new_)
		r = start_new(c, o, self, &start, &prefix, err);
	if (r < 0)
		return r;
	const char *id = o->name ? c->row.name : c->row.id;
	if (!new_) {
		own_prefix(cli, self, &prefix);
		pm_strv_add_all(&start, prefix.v);
		pm_strv_add(&start, "start");
		pm_strv_add(&start, id);
		if (c->config.restart_policy && *c->config.restart_policy &&
		    strcmp(c->config.restart_policy, "no") != 0)
			pm_warn("Container %s has restart policy \"%s\" which can lead to issues on shutdown: "
				"consider recreating the container without a restart policy and use systemd's "
				"restart mechanism instead", c->row.id, c->config.restart_policy);
	}
	pid_file = c->config.conmon_pid_file
			   ? pm_strdup(c->config.conmon_pid_file)
			   : pm_asprintf("%s/ctr/%s/conmon.pid", e->store->runroot, c->row.id);
	const struct pm_unit u = {
		.name = name,
		.template_ = o->template_,
		.new_ = new_,
		.header = o->no_header ? NULL : "pm " PM_VERSION,
		.date = date,
		.mounts_for = new_ && !cli->global.runroot ? "%t/pm" : e->store->runroot,
		.wants = &o->wants,
		.after = &o->after,
		.requires = &o->requires,
		.env = &env,
		.restart = restart_of(c, o),
		.restart_sec = pm_cli_given(cli, "restart-sec") ? (int64_t)o->restart_sec : -1,
		.start_timeout = pm_cli_given(cli, "start-timeout") ? (int64_t)o->start_timeout : -1,
		.stop_timeout = stop_timeout(cli, e, c, o),
		.start = &start,
		.stop_prefix = &prefix,
		.id = id,
		.pid_file = pid_file,
	};
	pm_unit_write(&u, out);
	return 0;
}

/* The unit's text, or with --files where it was written. */
static int place(const struct generate_opts *o, const char *name, struct pm_buf *text, char **ret,
		 struct pm_err *err)
{
	char cwd[PATH_MAX];
	if (!o->files) {
		*ret = pm_buf_take(text);
		return 0;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return pm_fail_sys(err, "find the working directory");
	_cleanup_free_ char *path = pm_asprintf("%s/%s%s.service", cwd, name, o->template_ ? "@" : "");
	int r = pm_fs_write_file(AT_FDCWD, path, text->data, text->len, 0644, false, err);
	if (r >= 0)
		*ret = pm_steal(&path);
	return r;
}

static int generate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct generate_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_free_ char *name = NULL, *result = NULL;

	pm_container_init(&c);
	if (o->format && *o->format && strcmp(o->format, "json") != 0)
		return pm_fail(err, PM_E_USAGE, "invalid --format value '%s': the only one is json", o->format);
	int r = o->restart_policy ? pm_unit_check_restart(o->restart_policy, err) : 0;
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	if (r == -PM_E_NOSUCH)
		return pm_wrap(err, "%s does not refer to a container or pod", cli->args[0]);
	if (r < 0)
		return r;
	name = pm_asprintf("%s%s%s", o->container_prefix, *o->container_prefix ? o->separator : "",
			   o->name ? c.row.name : c.row.id);
	r = make_unit(cli, &e, o, &c, name, &text, err);
	if (r >= 0)
		r = place(o, name, &text, &result, err);
	if (r < 0)
		return r;
	if (o->format && *o->format) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		struct pm_json *map = pm_json_object(pool);
		pm_json_set_str(pool, map, name, result);
		pm_json_write_html(map, 1, &out);
		puts(pm_buf_str(&out));
	} else {
		printf("%s%s", result, o->files ? "\n" : "");
	}
	return 0;
}

const struct pm_command pm_cmd_generate_systemd = {
	.path = "generate systemd",
	.summary = "Generate systemd units.",
	.synopsis = "[options] {CONTAINER|POD}",
	.text = "Generate systemd units for a container. The generated units can later be controlled via "
		"systemctl(1).",
	.examples = "%p CTR\n%p --new --stop-timeout 10 CTR\n%p --files --name CTR",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct generate_opts),
	.tables = {{generate_table, 0}, {0}},
	.run = generate_run,
};
