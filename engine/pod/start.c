#include "engine/pod/start.h"

#include <string.h>
#include <unistd.h>

#include "engine/container/control.h"
#include "engine/container/remove.h"
#include "engine/container/start.h"
#include "engine/container/wait.h"

enum phase {
	WAITING,  /* for those it depends on, or for its wave */
	BEGUN,    /* the same, but locked, and its monitor is there already */
	LAUNCHED, /* its monitor has the plan */
	DONE,
	FAILED,
};

struct starting {
	struct pm_container *c;
	struct pm_start s;
	enum phase phase;
	int lock;
};

struct wave {
	struct pm_engine *e;
	struct starting *v;
	size_t n;
	void (*failed)(void *arg, struct pm_err *err);
	void *arg;
};

static void let_go(struct starting *x)
{
	pm_start_free(&x->s);
	if (x->lock >= 0)
		close(x->lock);
	x->lock = -1;
}

static void fail(struct wave *w, struct starting *x, struct pm_err *err)
{
	pm_wrap(err, "start container %s", x->c->row.name);
	x->phase = FAILED;
	let_go(x);
	w->failed(w->arg, err);
	pm_err_clear(err);
}

static struct starting *by_id(struct wave *w, const char *id)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].c->row.id, id) == 0)
			return &w->v[i];
	return NULL;
}

/* Are all done that x depends on within the pod? One that failed takes x with it. */
static bool ready(struct wave *w, struct starting *x)
{
	for (size_t i = 0; i < x->c->row.deps.n; i++) {
		const struct starting *dep = by_id(w, x->c->row.deps.v[i]);
		if (!dep || dep->phase == DONE)
			continue;
		if (dep->phase == FAILED) {
			struct pm_err err = PM_ERR_INIT;
			pm_fail(&err, PM_E_STATE, "container %s, which it depends on, does not run",
				dep->c->row.name);
			fail(w, x, &err);
		}
		return false;
	}
	return true;
}

/* Its monitor is started; first: pm_start_begin_again. Container locked. 1: it runs already. */
static int begin(struct wave *w, struct starting *x, struct pm_start *first, struct pm_err *err)
{
	struct pm_container *c = x->c;
	pm_container_state(w->e, &c->row, &c->state);
	if (pm_ctr_is_up(&c->state))
		return 1;
	if (c->state.status == PM_STATUS_INITIALIZED) {
		int now = pm_container_restart_now(w->e, c, err);
		return now < 0 ? now : 1;
	}
	return pm_start_begin_again(w->e, c, false, first, &x->s, err);
}

/* Outside of the pod, others may have to be started. */
static int start_others(struct wave *w, struct starting *x, struct pm_err *err)
{
	const struct pm_strv *deps = &x->c->row.deps;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < deps->n; i++)
		if (!by_id(w, deps->v[i]))
			r = pm_container_start_dep(w->e, deps->v[i], err);
	return r;
}

/* The first half. 1: it runs already. */
static int launch(struct wave *w, struct starting *x, struct pm_err *err)
{
	int r = 0;
	if (x->phase != BEGUN) {
		x->lock = pm_container_lock(w->e, x->c->row.id, true, err);
		r = x->lock < 0 ? x->lock : start_others(w, x, err);
		if (r >= 0)
			r = begin(w, x, NULL, err);
	}
	return r != 0 ? r : pm_start_launch(&x->s, x->c, err);
}

/*
 * While the containers of a wave come up: the monitors of those that join one's namespaces and wait for nothing else
 * are started, and enter its user namespace. A lock that another holds is not waited for: he may wait for ours.
 */
static void begin_joiners(struct wave *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct starting *x = &w->v[i];
		const char *id = pm_container_joins(x->c);
		struct starting *first = x->phase == WAITING && id && x->c->row.deps.n == 1 ? by_id(w, id) : NULL;
		if (!first || first->phase != LAUNCHED || x->c->config.init_ctr)
			continue;
		x->lock = pm_container_lock(w->e, x->c->row.id, false, NULL);
		if (x->lock >= 0 && begin(w, x, &first->s, NULL) == 0)
			x->phase = BEGUN;
		else
			let_go(x); /* its turn comes, with its error */
	}
}

/* Those that can start, are; false when there was none. */
static bool one_wave(struct wave *w)
{
	bool any = false;
	for (size_t i = 0; i < w->n; i++) {
		struct pm_err err = PM_ERR_INIT;
		struct starting *x = &w->v[i];
		if ((x->phase != WAITING && x->phase != BEGUN) || !ready(w, x))
			continue;
		any = true;
		int r = launch(w, x, &err);
		if (r < 0)
			fail(w, x, &err);
		else
			x->phase = r > 0 ? DONE : LAUNCHED;
		if (x->phase != LAUNCHED)
			let_go(x);
	}
	if (any)
		begin_joiners(w);
	for (size_t i = 0; i < w->n; i++) {
		struct pm_err err = PM_ERR_INIT;
		struct starting *x = &w->v[i];
		if (x->phase != LAUNCHED)
			continue;
		if (pm_start_wait(&x->s, x->c, &err) < 0)
			fail(w, x, &err);
		else
			x->phase = DONE;
		let_go(x);
	}
	return any;
}

/* Init containers run to their end, one after the other; "once" ones are removed then. */
static bool run_init(struct wave *w, struct starting *x)
{
	struct pm_err err = PM_ERR_INIT;
	int code = 0;
	int r = launch(w, x, &err);
	if (r >= 0)
		r = r > 0 ? 0 : pm_start_wait(&x->s, x->c, &err);
	let_go(x);
	if (r >= 0)
		r = pm_container_wait(w->e, x->c, &code, &err);
	if (r >= 0 && code != 0)
		r = pm_fail(&err, PM_E_STATE, "init container %s exited with code %d", x->c->row.name,
			    code);
	if (r < 0) {
		fail(w, x, &err);
		return false;
	}
	x->phase = DONE;
	if (strcmp(x->c->config.init_ctr, "once") == 0) {
		struct pm_remove_options ro = {.volumes = true, .timeout = -1};
		if (pm_container_remove(w->e, x->c, &ro, &err) < 0)
			fail(w, x, &err);
	}
	return true;
}

static void run_inits(struct wave *w)
{
	bool ok = true;
	for (size_t i = 0; i < w->n; i++) {
		struct starting *x = &w->v[i];
		if (!x->c->config.init_ctr)
			continue;
		if (ok)
			ok = run_init(w, x);
		else
			x->phase = FAILED;
	}
	/* what they prepare is not there: nothing else starts */
	for (size_t i = 0; !ok && i < w->n; i++)
		if (w->v[i].phase == WAITING)
			w->v[i].phase = FAILED;
}

void pm_pod_start_members(struct pm_engine *e, struct pm_pod *p,
			  void (*failed)(void *arg, struct pm_err *err), void *arg)
{
	struct wave w = {.e = e, .failed = failed, .arg = arg};
	struct pm_err err = PM_ERR_INIT;
	int lock = p->config.stop_with_last ? pm_pod_start_lock(e, p->row.id, true, &err) : -1;
	w.v = pm_calloc(p->n_members + 1, sizeof(*w.v));
	bool inits = false, runs = false;
	for (size_t i = 0; i < p->n_members; i++) {
		struct pm_container *c = &p->members[i];
		w.v[w.n++] = (struct starting){.c = c, .s = PM_START_INIT, .lock = -1};
		inits |= c->config.init_ctr != NULL;
		runs |= pm_ctr_is_up(&c->state) && !c->config.is_infra;
	}
	if (inits) {
		/* the infra container first, then they alone; not again for a pod that runs */
		for (size_t i = 0; i < w.n; i++) {
			struct wave infra = {.e = e, .v = &w.v[i], .n = 1, .failed = failed, .arg = arg};
			if (w.v[i].c->config.is_infra)
				one_wave(&infra);
			else if (w.v[i].c->config.init_ctr && runs)
				w.v[i].phase = DONE;
		}
		if (!runs)
			run_inits(&w);
	}
	while (one_wave(&w))
		;
	free(w.v);
	if (lock >= 0) {
		close(lock);
		if (pm_pod_look(e, p->row.id, &err) < 0)
			failed(arg, &err);
	}
}
