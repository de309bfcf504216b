#include "cli/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/create_command.h"

/* What the unit says by itself, or the container's creation is told anew. "pod": in a pod's units. */
static const char *const dropped[] = {"pod", "cgroups", "cidfile", "conmon-pidfile", "detach",
				      "pod-id-file", "restart", "rm", NULL};

void pm_generate_free(struct pm_generate *m)
{
	free(m->self);
	pm_strv_free(&m->env);
	pm_strv_free(&m->names);
	pm_strv_free(&m->texts);
}

void pm_generate_escaped(struct pm_strv *to, const struct pm_strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		pm_strv_take(to, pm_unit_escape(words->v[i]));
}

/* "run ..." as the unit executes it. */
static int start_new(const struct pm_generate *m, const struct pm_container *c, const struct pm_unit_in_pod *in,
		     struct pm_strv *start, struct pm_strv *prefix, struct pm_err *err)
{
	const struct pm_generate_opts *o = m->o;
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
	pm_generate_escaped(prefix, &cc.global);
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
	pm_generate_escaped(start, &cc.args);
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

static const char *restart_of(const struct pm_container *c, const struct pm_generate_opts *o)
{
	const char *own = c->config.restart_policy;
	if (o->restart_policy)
		return o->restart_policy;
	if (!own || !*own)
		return "on-failure";
	return strcmp(own, "unless-stopped") == 0 ? "always" : strcmp(own, "no") == 0 ? "on-failure" : own;
}

static int64_t stop_timeout(struct pm_cli *cli, const struct pm_engine *e, const struct pm_container *c,
			    const struct pm_generate_opts *o)
{
	if (pm_cli_given(cli, "stop-timeout"))
		return (int64_t)o->stop_timeout;
	return c->config.stop_timeout == PM_UNSET ? e->conf.stop_timeout : c->config.stop_timeout;
}

struct pm_unit pm_generate_common(const struct pm_generate *m, const struct pm_container *c, const char *name)
{
	const struct pm_generate_opts *o = m->o;
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

char *pm_generate_pid_file(const struct pm_engine *e, const struct pm_container *c)
{
	return c->config.conmon_pid_file
		       ? pm_strdup(c->config.conmon_pid_file)
		       : pm_asprintf("%s/ctr/%s/conmon.pid", e->store->runroot, c->row.id);
}

void pm_generate_start_old(const struct pm_generate *m, const char *id, struct pm_strv *start,
		      struct pm_strv *prefix)
{
	own_prefix(m->cli, m->self, prefix);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "start");
	pm_strv_add(start, id);
}

void pm_generate_add(struct pm_generate *m, const struct pm_unit *u)
{
	struct pm_buf text = PM_BUF_INIT;
	pm_unit_write(u, &text);
	pm_strv_add(&m->names, u->name);
	pm_strv_take(&m->texts, pm_buf_take(&text));
}

int pm_generate_container(struct pm_generate *m, const struct pm_container *c, const char *name,
		     const struct pm_unit_in_pod *in, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv start = PM_STRV_INIT, prefix = PM_STRV_INIT;
	_cleanup_free_ char *pid_file = pm_generate_pid_file(m->e, c);
	struct pm_unit u = pm_generate_common(m, c, name);
	const char *policy = c->config.restart_policy;
	int r = m->new_ ? start_new(m, c, in, &start, &prefix, err) : 0;
	if (r < 0)
		return r;
	if (!m->new_) {
		pm_generate_start_old(m, u.id, &start, &prefix);
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
	pm_generate_add(m, &u);
	return 0;
}

char *pm_generate_name(const struct pm_generate_opts *o, const char *prefix, const char *name,
		       const char *id)
{
	return pm_asprintf("%s%s%s", prefix, *prefix ? o->separator : "", o->name ? name : id);
}

char *pm_generate_container_name(const struct pm_generate_opts *o, const struct pm_container *c)
{
	return pm_generate_name(o, o->container_prefix, c->row.name, c->row.id);
}
