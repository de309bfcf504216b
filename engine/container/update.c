#include "engine/container/update.h"

#include "engine/container/limits.h"
#include "engine/container/pause.h"

int pm_container_update(struct pm_engine *e, struct pm_container *c,
			const struct pm_ctr_config *given, struct pm_err *err)
{
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c->row, &c->state);
	int r = pm_engine_cgroup(e, c->config.cgroups, &cg, err);
	if (r >= 0)
		r = pm_limits_check(given, &cg, err);
	if (r < 0)
		return r;
	pm_limits_merge(&c->config, given);
	if (pm_ctr_is_up(&c->state)) {
		_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
		r = pm_container_group(e, c, "update", &g, err);
		if (r >= 0)
			r = pm_limits_write(&g, given, &c->config, err);
		if (r < 0)
			return pm_wrap(err, "update container %s", c->row.name);
	}
	return pm_container_save_config(e, c, err);
}
