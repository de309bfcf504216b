#include "cli/generate.h"

#include <string.h>

#include "cli/create_command.h"

static const char *const pod_dropped[] = {"infra-conmon-pidfile", "pod-id-file", NULL};

/* NAME.service, as another unit names it. */
static void add_service(struct pm_strv *to, const char *name)
{
	_cleanup_free_ char *word = pm_unit_escape(name);
	pm_strv_addf(to, "%s.service", word);
}

/* "pod create ..." and "pod start" as the unit executes them. */
static int pod_new(const struct pm_generate *m, const struct pm_pod *p, const struct pm_unit *u,
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
	pm_generate_escaped(prefix, &cc.global);
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
	pm_generate_escaped(create, &cc.options);
	pm_generate_escaped(create, &cc.args);
	pm_strv_add_all(start, prefix->v);
	pm_strv_add(start, "pod start");
	pm_strv_addf(start, "--pod-id-file=%s", u->pod_id_file);
	return 0;
}

/* The pod's own unit: its infra container. */
static int make_pod_unit(struct pm_generate *m, const struct pm_pod *p, const struct pm_container *infra,
			 const char *name, const char *id_file, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv start = PM_STRV_INIT, prefix = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv create = PM_STRV_INIT, members = PM_STRV_INIT;
	_cleanup_free_ char *word = pm_unit_escape(name);
	_cleanup_free_ char *pid_file =
		m->new_ ? pm_asprintf("%%t/%s.pid", word) : pm_generate_pid_file(m->e, infra);
	struct pm_unit u = pm_generate_common(m, infra, name);
	for (size_t i = 0; i < p->n_members; i++) {
		_cleanup_free_ char *unit = pm_generate_container_name(m->o, &p->members[i]);
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
		pm_generate_start_old(m, u.id, &start, &prefix);
	}
	pm_generate_add(m, &u);
	return 0;
}

/* A container ends with its pod, and with those in the pod that it depends on. */
static int make_member_unit(struct pm_generate *m, const struct pm_pod *p, const struct pm_container *c,
			    const char *pod_unit, const char *id_file, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv bound = PM_STRV_INIT;
	_cleanup_free_ char *name = pm_generate_container_name(m->o, c);
	const struct pm_unit_in_pod in = {.bound = &bound, .id_file = id_file};
	if (c->config.init_ctr)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "init container %s of pod %s cannot be a service", c->row.name,
			       p->row.name);
	add_service(&bound, pod_unit);
	for (size_t i = 0; i < p->n_members; i++) {
		_cleanup_free_ char *unit = pm_generate_container_name(m->o, &p->members[i]);
		if (!pm_pod_is_infra(p, &p->members[i]) &&
		    pm_strv_has(&c->row.deps, p->members[i].row.id))
			add_service(&bound, unit);
	}
	return pm_generate_container(m, c, name, &in, err);
}

int pm_generate_pod(struct pm_generate *m, const struct pm_pod *p, struct pm_err *err)
{
	_cleanup_free_ char *name = pm_generate_name(m->o, m->o->pod_prefix, p->row.name, p->row.id);
	_cleanup_free_ char *word = pm_unit_escape(name);
	_cleanup_free_ char *id_file = pm_asprintf("%%t/%s.pod-id", word);
	const struct pm_container *infra = pm_pod_infra(p);
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
