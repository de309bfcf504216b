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
#include "engine/pod/pod.h"
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

/* What the unit says by itself, or the container's creation is told anew. "pod": in a pod's units. */
static const char *const dropped[] = {"pod", "cgroups", "cidfile", "conmon-pidfile", "detach",
				      "pod-id-file", "restart", "rm", NULL};
static const char *const pod_dropped[] = {"infra-conmon-pidfile", "pod-id-file", NULL};

/* What all units of one command have in common, and the units. */
struct making {
	struct pm_cli *cli;
	struct pm_engine *e;
	const struct generate_opts *o;
	bool new_;
	char *self;
	char date[64];
	struct pm_strv env;
	struct pm_strv names, texts;
};

static void making_free(struct making *m)
{
	free(m->self);
	pm_strv_free(&m->env);
	pm_strv_free(&m->names);
	pm_strv_free(&m->texts);
}

/* What a container's unit says of its pod. */
struct in_pod {
	const struct pm_strv *bound; /* units */
	const char *id_file;         /* --new; with specifiers */
};

static void add_escaped(struct pm_strv *to, const struct pm_strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		pm_strv_take(to, pm_unit_escape(words->v[i]));
}

/* "run ..." as the unit executes it. */
static int start_new(const struct making *m, const struct pm_container *c, const struct in_pod *in,
		     struct pm_strv *start, struct pm_strv *prefix, struct pm_err *err)
{
	const struct generate_opts *o = m->o;
	_cleanup_create_command_ struct pm_create_command cc = {0};
	if (!c->config.create_command.n)
		return pm_fail(err, PM_E_STATE,
			       "cannot use --new on container \"%s\": no create command found: only works on "
			       "containers created directly with pm", c->row.id);
	int r = pm_create_command_parse(&c->config.create_command, dropped + !in,
					o->template_ ? "-%i" : "", &cc, err);
	if (r < 0)
		return r;
	pm_strv_take(prefix, pm_unit_escape(m->self));
	add_escaped(prefix, &cc.global);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "run");
	pm_strv_add(start, "--cidfile=%t/%n.ctr-id");
	pm_strv_add(start, "--cgroups=no-conmon");
	pm_strv_add(start, "--rm");
	if (in)
		pm_strv_addf(start, "--pod-id-file=%s", in->id_file);
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

/* What units of containers and pods say alike. c: the container itself, or the pod's infra container. */
static struct pm_unit common(const struct making *m, const struct pm_container *c, const char *name)
{
	const struct generate_opts *o = m->o;
	return (struct pm_unit){
		.name = name,
		.new_ = m->new_,
		.header = o->no_header ? NULL : "pm " PM_VERSION,
		.date = m->date,
		.mounts_for = m->new_ && !m->cli->global.runroot ? "%t/pm" : m->e->store->runroot,
		.wants = &o->wants,
		.after = &o->after,
		.requires = &o->requires,
		.env = &m->env,
		.restart = restart_of(c, o),
		.restart_sec = pm_cli_given(m->cli, "restart-sec") ? (int64_t)o->restart_sec : -1,
		.start_timeout = pm_cli_given(m->cli, "start-timeout") ? (int64_t)o->start_timeout : -1,
		.stop_timeout = stop_timeout(m->cli, m->e, c, o),
		.id = o->name ? c->row.name : c->row.id,
	};
}

static char *monitor_pid_file(const struct pm_engine *e, const struct pm_container *c)
{
	return c->config.conmon_pid_file
		       ? pm_strdup(c->config.conmon_pid_file)
		       : pm_asprintf("%s/ctr/%s/conmon.pid", e->store->runroot, c->row.id);
}

/* "pm start ID" of what is there. */
static void start_old(const struct making *m, const char *id, struct pm_strv *start,
		      struct pm_strv *prefix)
{
	own_prefix(m->cli, m->self, prefix);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "start");
	pm_strv_add(start, id);
}

static void add_unit(struct making *m, const struct pm_unit *u)
{
	struct pm_buf text = PM_BUF_INIT;
	pm_unit_write(u, &text);
	pm_strv_add(&m->names, u->name);
	pm_strv_take(&m->texts, pm_buf_take(&text));
}

/* in: NULL for a container by itself. */
static int make_unit(struct making *m, const struct pm_container *c, const char *name,
		     const struct in_pod *in, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv start = PM_STRV_INIT, prefix = PM_STRV_INIT;
	_cleanup_free_ char *pid_file = monitor_pid_file(m->e, c);
	struct pm_unit u = common(m, c, name);
	const char *policy = c->config.restart_policy;
	int r = m->new_ ? start_new(m, c, in, &start, &prefix, err) : 0;
	if (r < 0)
		return r;
	if (!m->new_) {
		start_old(m, u.id, &start, &prefix);
		if (policy && *policy && strcmp(policy, "no") != 0)
			pm_warn("Container %s has restart policy \"%s\" which can lead to issues on shutdown: "
				"consider recreating the container without a restart policy and use systemd's "
				"restart mechanism instead", c->row.id, policy);
	}
	u.template_ = m->o->template_;
	u.start = &start;
	u.stop_prefix = &prefix;
	u.pid_file = pid_file;
	u.bound = in ? in->bound : NULL;
	add_unit(m, &u);
	return 0;
}

/* --- pods ------------------------------------------------------------------------------------------ */

static char *unit_name(const struct generate_opts *o, const char *prefix, const char *name,
		       const char *id)
{
	return pm_asprintf("%s%s%s", prefix, *prefix ? o->separator : "", o->name ? name : id);
}

static char *container_unit(const struct generate_opts *o, const struct pm_container *c)
{
	return unit_name(o, o->container_prefix, c->row.name, c->row.id);
}

/* NAME.service, as another unit names it. */
static void add_service(struct pm_strv *to, const char *name)
{
	_cleanup_free_ char *word = pm_unit_escape(name);
	pm_strv_addf(to, "%s.service", word);
}

/* "pod create ..." and "pod start" as the unit executes them. */
static int pod_new(const struct making *m, const struct pm_pod *p, const struct pm_unit *u,
		   struct pm_strv *create, struct pm_strv *start, struct pm_strv *prefix,
		   struct pm_err *err)
{
	_cleanup_create_command_ struct pm_create_command cc = {0};
	if (!p->config.create_command.n)
		return pm_fail(err, PM_E_STATE,
			       "cannot use --new on pod \"%s\": no create command found: only works on "
			       "pods created directly with pm", p->row.id);
	int r = pm_pod_create_command_parse(&p->config.create_command, pod_dropped, &cc, err);
	if (r < 0)
		return pm_wrap(err, "cannot use --new on pod \"%s\"", p->row.name);
	pm_strv_take(prefix, pm_unit_escape(m->self));
	add_escaped(prefix, &cc.global);
	pm_strv_add_all(create, prefix->v);
	pm_strv_add(create, "pod create");
	pm_strv_addf(create, "--infra-conmon-pidfile=%s", u->pid_file);
	pm_strv_addf(create, "--pod-id-file=%s", u->pod_id_file);
	bool policy = false;
	for (size_t i = 0; i < cc.options.n; i++)
		policy |= pm_startswith(cc.options.v[i], "--exit-policy");
	if (!policy)
		pm_strv_add(create, "--exit-policy=stop");
	if (cc.named && !cc.replaced)
		pm_strv_add(create, "--replace");
	add_escaped(create, &cc.options);
	add_escaped(create, &cc.args);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "pod start");
	pm_strv_addf(start, "--pod-id-file=%s", u->pod_id_file);
	return 0;
}

/* The pod's own unit: its infra container. */
static int make_pod_unit(struct making *m, const struct pm_pod *p, const struct pm_container *infra,
			 const char *name, const char *id_file, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv start = PM_STRV_INIT, prefix = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv create = PM_STRV_INIT, members = PM_STRV_INIT;
	_cleanup_free_ char *word = pm_unit_escape(name);
	_cleanup_free_ char *pid_file =
		m->new_ ? pm_asprintf("%%t/%s.pid", word) : monitor_pid_file(m->e, infra);
	struct pm_unit u = common(m, infra, name);
	for (size_t i = 0; i < p->n_members; i++) {
		_cleanup_free_ char *unit = container_unit(m->o, &p->members[i]);
		if (!pm_pod_is_infra(p, &p->members[i]))
			add_service(&members, unit);
	}
	u.members = &members;
	u.pid_file = pid_file;
	u.start = &start;
	u.stop_prefix = &prefix;
	if (m->new_) {
		u.pod_id_file = id_file;
		u.create = &create;
		int r = pod_new(m, p, &u, &create, &start, &prefix, err);
		if (r < 0)
			return r;
	} else {
		start_old(m, u.id, &start, &prefix);
	}
	add_unit(m, &u);
	return 0;
}

/* A container ends with its pod, and with those in the pod that it depends on. */
static int make_member_unit(struct making *m, const struct pm_pod *p, const struct pm_container *c,
			    const char *pod_unit, const char *id_file, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv bound = PM_STRV_INIT;
	_cleanup_free_ char *name = container_unit(m->o, c);
	const struct in_pod in = {.bound = &bound, .id_file = id_file};
	if (c->config.init_ctr)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "init container %s of pod %s cannot be a service", c->row.name,
			       p->row.name);
	add_service(&bound, pod_unit);
	for (size_t i = 0; i < p->n_members; i++) {
		_cleanup_free_ char *unit = container_unit(m->o, &p->members[i]);
		if (!pm_pod_is_infra(p, &p->members[i]) &&
		    pm_strv_has(&c->row.deps, p->members[i].row.id))
			add_service(&bound, unit);
	}
	return make_unit(m, c, name, &in, err);
}

static int make_pod(struct making *m, const struct pm_pod *p, struct pm_err *err)
{
	_cleanup_free_ char *name = unit_name(m->o, m->o->pod_prefix, p->row.name, p->row.id);
	_cleanup_free_ char *word = pm_unit_escape(name);
	_cleanup_free_ char *id_file = pm_asprintf("%%t/%s.pod-id", word);
	const struct pm_container *infra = NULL;
	for (size_t i = 0; i < p->n_members; i++)
		if (pm_pod_is_infra(p, &p->members[i]))
			infra = &p->members[i];
	if (m->o->template_)
		return pm_fail(err, PM_E_USAGE, "--template is for containers: %s is a pod", p->row.name);
	if (!infra)
		return pm_fail(err, PM_E_STATE,
			       "pod %s has no infra container, which its service would be", p->row.name);
	int r = make_pod_unit(m, p, infra, name, id_file, err);
	for (size_t i = 0; i < p->n_members && r >= 0; i++)
		if (&p->members[i] != infra)
			r = make_member_unit(m, p, &p->members[i], name, id_file, err);
	return r;
}

/* --- output ---------------------------------------------------------------------------------------- */

/* With --files: the texts become the paths where they were written. */
static int write_files(struct making *m, struct pm_err *err)
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

static int print_units(struct making *m, struct pm_err *err)
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

static int make_units(struct making *m, const char *arg, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_pod_ struct pm_pod p = {0};
	pm_container_init(&c);
	/* a pod's whole name comes before the beginning of a container's id */
	int pod = pm_pod_load(m->e, arg, &p, err);
	if (pod >= 0 && strcmp(p.row.name, arg) == 0)
		return make_pod(m, &p, err);
	pm_err_clear(err);
	int r = pm_container_load(m->e, arg, &c, err);
	if (r >= 0) {
		_cleanup_free_ char *name = container_unit(m->o, &c);
		return make_unit(m, &c, name, NULL, err);
	}
	if (r != -PM_E_NOSUCH)
		return r;
	if (pod < 0)
		return pm_wrap(err, "%s does not refer to a container or pod", arg);
	pm_err_clear(err);
	return make_pod(m, &p, err);
}

static int generate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct generate_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_(making_free) struct making m = {
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
	.opts_size = sizeof(struct generate_opts),
	.tables = {{generate_table, 0}, {0}},
	.run = generate_run,
};
