#include "engine/container/update.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/container/limits.h"
#include "engine/container/ociruntime.h"
#include "engine/container/pause.h"
#include "engine/spec/spec.h"

/* --- a scope of systemd ----------------------------------------------------------------------- */

/* The scope's properties and the group below it that has the limits (engine/cgroup/group.h). */
static int update_by_runtime(struct pm_engine *e, const struct pm_container *c,
			     const struct pm_ctr_config *given, struct pm_err *err)
{
	/* v1 and the options count memory and swap together; quota and period are one file */
	struct pm_ctr_config changed = *given;
	if (given->memory != PM_UNSET || given->memory_swap != PM_UNSET) {
		changed.memory = c->config.memory;
		changed.memory_swap = c->config.memory_swap;
	}
	if (given->cpu_quota != PM_UNSET || given->cpu_period != PM_UNSET) {
		changed.cpu_quota = c->config.cpu_quota;
		changed.cpu_period = c->config.cpu_period;
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *res = pm_json_object(pool);
	_cleanup_ociruntime_ struct pm_ociruntime runtime = {0};
	_cleanup_free_ char *file = NULL;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;

	int r = pm_spec_limits(pool, &changed, res, err);
	if (r >= 0 && given->pids_limit != PM_UNSET) {
		struct pm_json *pids = pm_json_set(pool, res, "pids", pm_json_object(pool));
		pm_json_set_int(pool, pids, "limit", given->pids_limit > 0 ? given->pids_limit : -1);
	}
	if (r >= 0)
		r = pm_ociruntime_find(e, &c->config, &runtime, err);
	if (r < 0)
		return r;
	file = pm_asprintf("%s/ctr/%s/resources.json", e->store->runroot, c->row.id);
	pm_json_write(res, 0, &text);
	r = pm_fs_write_file(AT_FDCWD, file, text.data, text.len, 0600, false, err);
	if (r < 0)
		return r;

	char *const argv[] = {runtime.path, (char[]){"--root"}, runtime.root, (char[]){"update"},
			      (char[]){"--resources"}, file, c->row.id, NULL};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = runtime.path;
	spec.argv = argv;
	int code = 0;
	_cleanup_buf_ struct pm_buf said = PM_BUF_INIT;
	r = pm_proc_run(&spec, NULL, 0, &said, &code, err);
	unlink(file);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_UNSUPPORTED, "%s update: %s", runtime.name, pm_buf_str(&said));
	return r;
}

/* --- the whole -------------------------------------------------------------------------------- */

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
			r = pm_group_is_scope(&g)
				    ? update_by_runtime(e, c, given, err)
				    : pm_limits_write(&g, given, &c->config, err);
		if (r < 0)
			return pm_wrap(err, "update container %s", c->row.name);
	}
	return pm_container_save_config(e, c, err);
}
