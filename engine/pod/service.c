#include "engine/pod/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/container/create.h"
#include "engine/container/logopts.h"
#include "engine/container/remove.h"
#include "engine/container/stop.h"

int pm_pod_service_create(struct pm_engine *e, const char *name, const struct pm_strv *create_command,
			  char ret_id[65], struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	_cleanup_container_ struct pm_container c;
	struct pm_create_options co = {0};
	pm_container_init(&c);
	struct pm_ctr_config *k = &c.config;
	k->name = pm_strdup(name);
	k->is_infra = k->init = true;
	k->network = pm_strdup("none");
	k->sdnotify = pm_strdup("conmon");
	pm_strv_add_all(&k->create_command, pm_strv_argv(create_command));
	int r = pm_log_options_apply(e, NULL, &none, k, err);
	if (r >= 0)
		r = pm_container_create(e, &c, &co, err);
	if (r < 0)
		return pm_wrap(err, "service container");
	snprintf(ret_id, 65, "%s", c.row.id);
	return 0;
}

int pm_pod_service_remove(struct pm_engine *e, const char *name_or_id, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	struct pm_remove_options ro = {.force = true, .volumes = true, .timeout = -1, .with_pod = true};
	pm_container_init(&c);
	int r = pm_container_load(e, name_or_id, &c, err);
	if (r >= 0)
		r = pm_container_remove(e, &c, &ro, err);
	if (r != -PM_E_NOSUCH)
		return r;
	if (err)
		pm_err_clear(err);
	return 0;
}

/* What the pods of a service have come to. */
struct sum {
	size_t pods, running, ended, failed; /* containers that ended, and those with another code than 0 */
	char exit[8];                        /* service_exit */
};

static void add_pod(struct sum *s, const struct pm_pod *p)
{
	s->pods++;
	snprintf(s->exit, sizeof(s->exit), "%s", p->config.service_exit ? p->config.service_exit : "none");
	for (size_t i = 0; i < p->n_members; i++) {
		const struct pm_container *c = &p->members[i];
		if (pm_pod_is_infra(p, c)) {
			s->running += pm_ctr_is_up(&c->state);
		} else if (!c->config.init_ctr) {
			s->ended++;
			s->failed += c->state.exit_code != 0;
		}
	}
}

static int add_all(struct pm_engine *e, const char *id, struct sum *s, struct pm_err *err)
{
	_cleanup_pod_list_ struct pm_pod_list l = {0};
	int r = pm_pod_list(e->store, &l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		_cleanup_pod_ struct pm_pod p = {0};
		if (!strstr(l.v[i].config, id)) /* spares reading pods of other kinds */
			continue;
		r = pm_pod_load(e, l.v[i].id, &p, err);
		if (r == -PM_E_NOSUCH) {
			pm_err_clear(err);
			r = 0;
		} else if (r >= 0 && pm_streq(p.config.service, id)) {
			add_pod(s, &p);
		}
	}
	return r;
}

int pm_pod_service_look(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	struct sum s = {0};
	pm_container_init(&c);
	int r = add_all(e, id, &s, err);
	if (r < 0 || s.running)
		return r;
	if (!s.pods)
		return pm_pod_service_remove(e, id, err);
	r = pm_container_load(e, id, &c, err);
	if (r == -PM_E_NOSUCH) {
		pm_err_clear(err);
		return 0;
	}
	if (r < 0 || !pm_ctr_is_up(&c.state))
		return r;
	bool fails = strcmp(s.exit, "any") == 0 ? s.failed > 0
						: strcmp(s.exit, "all") == 0 && s.ended && s.failed == s.ended;
	/* pm-init's words: it ends with 1 for this one, with 0 for SIGTERM */
	return fails ? pm_container_signal(e, &c, SIGUSR2, err) : pm_container_stop(e, &c, -1, err);
}
