#include "engine/pod/verbs.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/container/bundle.h"
#include "engine/container/pause.h"
#include "engine/container/remove.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"
#include "engine/pod/service.h"
#include "engine/pod/start.h"
#include "engine/systemd/manager.h"

/* One verb on one pod: the pod, locked and loaded, and the failures of its containers so far. */
struct verb {
	struct pm_engine *e;
	struct pm_pod pod;
	int lock;
	const struct pm_pod_notes *notes;
	bool failed; /* one of them at least */
	bool removing;
};

static void verb_end(struct verb *v)
{
	pm_pod_free(&v->pod);
	if (v->lock >= 0)
		close(v->lock);
}

static int verb_begin(struct verb *v, struct pm_engine *e, const char *name,
		      const struct pm_pod_notes *notes, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	*v = (struct verb){.e = e, .lock = -1, .notes = notes};
	int r = pm_pod_find(e->store, name, &row, err);
	if (r < 0)
		return r;
	v->lock = pm_pod_lock(e, row.id, err);
	/* read under the lock: what another verb has done before counts */
	return v->lock < 0 ? v->lock : pm_pod_load(e, row.id, &v->pod, err);
}

static void failed(struct verb *v, struct pm_err *err)
{
	v->failed = true;
	if (v->notes && v->notes->note)
		v->notes->note(v->notes->arg, err);
	else
		pm_warn("%s", err->text);
	pm_err_clear(err);
}

/* The verb's result: an event when all went well. */
static int verb_result(struct verb *v, const char *what, struct pm_err *err)
{
	if (v->failed)
		return pm_fail(err, PM_E_STATE, "not all containers of pod %s could be %s",
			       v->pod.row.name, what);
	return 0;
}

static void pod_event(struct verb *v, const char *status)
{
	pm_event_pod(v->e, status, v->pod.row.id, v->pod.row.name, v->pod.row.labels);
}

#define _cleanup_verb_ _cleanup_(verb_end)

/* --- start and stop -------------------------------------------------------------------------------- */

static void start_failed(void *arg, struct pm_err *err)
{
	failed(arg, err);
}

int pm_pod_start(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		 struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r < 0)
		return r;
	pm_pod_start_members(e, &v.pod, start_failed, &v);
	if (!v.failed)
		pod_event(&v, "start");
	return verb_result(&v, "started", err);
}

/* Is c one that stop_some is to stop? Paused ones are killed by their removal, which is all that can be done. */
static bool to_stop(const struct verb *v, const struct pm_container *c, bool infra)
{
	return pm_pod_is_infra(&v->pod, c) == infra &&
	       !(v->removing && c->state.status == PM_STATUS_PAUSED);
}

/* Stop the members for which infra says the same. */
static void stop_some(struct verb *v, bool infra, int timeout)
{
	struct pm_pod *p = &v->pod;
	struct pm_err *errs = pm_calloc(p->n_members + 1, sizeof(*errs));
	struct pm_container *some = pm_calloc(p->n_members + 1, sizeof(*some));
	size_t n = 0;
	/* moved out and back: the verb on several wants them in a row */
	for (size_t i = 0; i < p->n_members; i++)
		if (to_stop(v, &p->members[i], infra))
			some[n++] = p->members[i];
	pm_containers_stop(v->e, some, n, timeout, errs);
	for (size_t i = 0, k = 0; i < p->n_members; i++)
		if (to_stop(v, &p->members[i], infra))
			p->members[i] = some[k++];
	for (size_t i = 0; i < n; i++)
		if (errs[i].code)
			failed(v, &errs[i]);
	free(some);
	free(errs);
}

int pm_pod_stop(struct pm_engine *e, const char *name, int timeout, const struct pm_pod_notes *notes,
		struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r < 0)
		return r;
	stop_some(&v, false, timeout);
	stop_some(&v, true, timeout);
	if (!v.failed)
		pod_event(&v, "stop");
	return verb_result(&v, "stopped", err);
}

int pm_pod_restart(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		   struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r < 0)
		return r;
	stop_some(&v, false, -1);
	stop_some(&v, true, -1);
	if (!v.failed)
		pm_pod_start_members(e, &v.pod, start_failed, &v);
	if (!v.failed)
		pod_event(&v, "restart");
	return verb_result(&v, "restarted", err);
}

/* --- each by itself -------------------------------------------------------------------------------- */

int pm_pod_kill(struct pm_engine *e, const char *name, int sig, const struct pm_pod_notes *notes,
		struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < v.pod.n_members; i++) {
		struct pm_container *c = &v.pod.members[i];
		if (!pm_ctr_is_up(&c->state))
			continue;
		r = pm_container_signal(e, c, sig, err);
		if (r < 0)
			failed(&v, err);
		else
			pm_event_container(e, c, "kill");
	}
	if (!v.failed)
		pod_event(&v, "kill");
	return verb_result(&v, "killed", err);
}

static int freeze(struct pm_engine *e, const char *name, bool pause,
		  const struct pm_pod_notes *notes, struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < v.pod.n_members; i++) {
		struct pm_container *c = &v.pod.members[i];
		if (c->state.status != (pause ? PM_STATUS_RUNNING : PM_STATUS_PAUSED))
			continue;
		r = pause ? pm_container_pause(e, c, err) : pm_container_unpause(e, c, err);
		if (r < 0)
			failed(&v, err);
	}
	if (!v.failed)
		pod_event(&v, pause ? "pause" : "unpause");
	return verb_result(&v, pause ? "paused" : "unpaused", err);
}

int pm_pod_pause(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		 struct pm_err *err)
{
	return freeze(e, name, true, notes, err);
}

int pm_pod_unpause(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		   struct pm_err *err)
{
	return freeze(e, name, false, notes, err);
}

/* --- remove ---------------------------------------------------------------------------------------- */

static int check_idle(const struct pm_pod *p, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_members; i++) {
		const struct pm_container *c = &p->members[i];
		if (pm_ctr_is_up(&c->state) && !pm_pod_is_infra(p, c))
			return pm_fail(err, PM_E_STATE,
				       "pod %s contains containers that are running: container %s "
				       "is %s: force is needed to remove it",
				       p->row.name, c->row.name, pm_ctr_status_name(c->state.status));
	}
	return 0;
}

/* Others may depend on one: those that nobody needs first. Rounds end when nothing more goes. */
static void remove_members(struct verb *v, int timeout)
{
	struct pm_pod *p = &v->pod;
	struct pm_remove_options ro = {
		.force = true, .volumes = true, .depend = true, .timeout = timeout, .with_pod = true};
	/* newest first: a container is younger than those it depends on */
	for (size_t i = p->n_members; i-- > 0;) {
		struct pm_err err = PM_ERR_INIT;
		if (pm_pod_is_infra(p, &p->members[i]))
			continue;
		int r = pm_container_remove(v->e, &p->members[i], &ro, &err);
		if (r < 0 && r != -PM_E_NOSUCH)
			failed(v, &err);
	}
	for (size_t i = 0; i < p->n_members && !v->failed; i++) {
		struct pm_err err = PM_ERR_INIT;
		if (!pm_pod_is_infra(p, &p->members[i]))
			continue;
		int r = pm_container_remove(v->e, &p->members[i], &ro, &err);
		if (r < 0 && r != -PM_E_NOSUCH)
			failed(v, &err);
	}
}

int pm_pod_remove(struct pm_engine *e, const char *name, bool force, int timeout,
		  const struct pm_pod_notes *notes, struct pm_err *err)
{
	_cleanup_verb_ struct verb v;
	int r = verb_begin(&v, e, name, notes, err);
	if (r >= 0 && !force)
		r = check_idle(&v.pod, err);
	if (r < 0)
		return r;
	/* running ones have their time together, not one after the other */
	v.removing = true;
	_cleanup_free_ char *slice = NULL;
	for (size_t i = 0; i < v.pod.n_members && !slice; i++)
		slice = pm_bundle_pod_slice(e, &v.pod.members[i].config);
	stop_some(&v, false, timeout);
	if (!v.failed)
		remove_members(&v, timeout);
	if (v.failed)
		return verb_result(&v, "removed", err);
	r = pm_pod_delete(e->store, v.pod.row.id, err);
	if (r < 0)
		return r;
	pod_event(&v, "remove");
	/* systemd keeps an empty slice */
	struct pm_err why = PM_ERR_INIT;
	if (slice && pm_systemd_job("stop", slice, &why) < 0)
		pm_debug("stop %s: %s", slice, why.text);
	return v.pod.config.service ? pm_pod_service_look(e, v.pod.config.service, err) : 0;
}
