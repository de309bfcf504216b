#include "engine/container/pause.h"

#include <errno.h>

#include "engine/events/events.h"

int pm_container_group(struct pm_engine *e, const struct pm_container *c, const char *verb,
		       struct pm_group *g, struct pm_err *err)
{
	if (pm_group_open(c->state.pid, c->row.id, g) > 0)
		return 0;
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	int r = pm_engine_cgroup(e, c->config.cgroups, &cg, err);
	if (r < 0)
		return r;
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "cannot %s container %s: it has no control group of its own%s%s", verb,
		       c->row.name, cg.why_disabled ? ": " : "",
		       cg.why_disabled ? cg.why_disabled : "");
}

static int set_frozen(struct pm_engine *e, struct pm_container *c, bool freeze, struct pm_err *err)
{
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c->row, &c->state);
	if (freeze && c->state.status == PM_STATUS_PAUSED)
		return pm_fail(err, PM_E_STATE,
			       "\"%s\" is already paused: container state improper", c->row.id);
	if (freeze && c->state.status != PM_STATUS_RUNNING)
		return pm_fail(err, PM_E_STATE,
			       "\"%s\" is not running, can't pause: container state improper",
			       c->row.id);
	if (!freeze && c->state.status != PM_STATUS_PAUSED)
		return pm_fail(err, PM_E_STATE,
			       "\"%s\" is not paused, can't unpause: container state improper",
			       c->row.id);

	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	int r = pm_container_group(e, c, freeze ? "pause" : "unpause", &g, err);
	if (r >= 0)
		r = pm_group_freeze(&g, freeze, err);
	if (r == -ENOENT)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot pause container %s: the kernel's cgroup v2 has "
			       "no freezer (Linux 5.2 has)",
			       c->row.name);
	if (r >= 0)
		pm_event_container(e, c, freeze ? "pause" : "unpause");
	return r;
}

int pm_container_pause(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	return set_frozen(e, c, true, err);
}

int pm_container_unpause(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	return set_frozen(e, c, false, err);
}
