#include "base/undo.h"

void pm_undo_add(struct pm_undo *u, void (*run)(void *arg), void *arg)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? u->cap * 2 : 8;
		u->steps = pm_reallocarray(u->steps, u->cap, sizeof(*u->steps));
	}
	u->steps[u->n++] = (struct pm_undo_step){.run = run, .arg = arg};
}

void pm_undo_commit(struct pm_undo *u)
{
	free(u->steps);
	*u = (struct pm_undo)PM_UNDO_INIT;
}

void pm_undo_run(struct pm_undo *u)
{
	while (u->n > 0) {
		struct pm_undo_step *s = &u->steps[--u->n];
		s->run(s->arg);
	}
	pm_undo_commit(u);
}
