#include "engine/engine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "netns/userns.h"
#include "storage/stage.h"

int pm_engine_conf(struct pm_engine *e, struct pm_err *err)
{
	if (e->conf_loaded)
		return 0;
	int r = pm_conf_load(&e->conf, e->modules, err);
	if (r < 0)
		return r;
	e->conf_loaded = true;
	/* for helpers, as pm-transfer's proxy; what the caller has set stays */
	for (size_t i = 0; i < e->conf.env_engine.n; i++) {
		const char *v = e->conf.env_engine.v[i], *eq = strchr(v, '=');
		_cleanup_free_ char *name = eq ? pm_strndup(v, (size_t)(eq - v)) : NULL;
		if (name && *name)
			setenv(name, eq + 1, 0);
	}
	return 0;
}

int pm_engine_cgroup(struct pm_engine *e, const char *cgroups, struct pm_cgroup *ret,
		     struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;

	const char *wanted = e->cgroup_manager ? e->cgroup_manager : e->conf.cgroup_manager;
	if (pm_streq(cgroups, "disabled"))
		wanted = "disabled";
	return pm_cgroup_detect(wanted, ret, err);
}

void pm_engine_free(struct pm_engine *e)
{
	if (e->conf_loaded)
		pm_conf_free(&e->conf);
	e->conf_loaded = false;
}

void pm_engine_tell_single_id(struct pm_store *store, const struct pm_userns_map *map)
{
	static const char mark[] = "single-id-told";
	if (!map->single || faccessat(store->runroot_fd, mark, F_OK, 0) == 0)
		return;
	pm_warn("%s", map->why);
	pm_fs_write_file(store->runroot_fd, mark, "", 0, 0600, false, NULL);
}

static int sweep_inside(void *arg, struct pm_err *err)
{
	bool left = false;
	return pm_sweep_at(*(int *)arg, &left, err);
}

void pm_engine_sweep(struct pm_engine *e)
{
	struct pm_err err = PM_ERR_INIT;
	bool left = false;
	if (pm_sweep(e->store, &left, &err) < 0) {
		pm_debug("sweep: %s", err.text);
		return;
	}
	if (!left)
		return;

	_cleanup_close_ int userns = -1;
	if (pm_userns_get(e->store->runroot_fd, &userns, &err) < 0 ||
	    pm_userns_run(userns, sweep_inside, &e->store->root_fd, &err) < 0)
		pm_debug("sweep in the user namespace: %s", err.text);
}
