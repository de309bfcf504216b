#include "engine/container/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/ociruntime.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"
#include "netns/userns.h"
#include "storage/image.h"
#include "storage/quota.h"
#include "storage/stage.h"
#include "storage/volume.h"

/*
 * Where the runtime made the container's cgroup, from config.json; NULL: none. The runtime itself does not find
 * it on a hybrid host, where it was started with a cgroup2 mount of its own.
 */
static char *cgroup_dir(struct pm_engine *e, const struct pm_container *c)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config;
	char path[96];
	/* only a monitor that could not do it leaves a state without an exit */
	snprintf(path, sizeof(path), "ctr/%s/exit", c->row.id);
	if (faccessat(e->store->runroot_fd, path, F_OK, 0) == 0)
		return NULL;
	snprintf(path, sizeof(path), "ctr/%s/state", c->row.id);
	if (faccessat(e->store->runroot_fd, path, F_OK, 0) < 0)
		return NULL;
	snprintf(path, sizeof(path), "containers/%s/config.json", c->row.id);
	if (pm_fs_read_file(e->store->root_fd, path, 16 << 20, &b, NULL) < 0 ||
	    pm_json_parse(pool, b.data, b.len, &config, NULL) < 0)
		return NULL;
	const char *group = pm_json_get_str(pm_json_get(config, "linux"), "cgroupsPath");
	if (!group || group[0] != '/' || !strstr(group, c->row.id))
		return NULL;
	_cleanup_free_ char *v2 = pm_asprintf("/sys/fs/cgroup/unified%s", group);
	return access(v2, F_OK) == 0 ? pm_steal(&v2) : pm_asprintf("/sys/fs/cgroup%s", group);
}

/* A monitor that was killed leaves the runtime's own state: let the runtime delete it. */
static void delete_runtime_state(struct pm_engine *e, const struct pm_container *c, const char *cgroup)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_ociruntime_ struct pm_ociruntime runtime = {0};
	char path[256];

	if (pm_ociruntime_find(e, &c->config, &runtime, &err) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", runtime.name, c->row.id);
	if (faccessat(e->store->runroot_fd, path, F_OK, 0) < 0)
		return;

	_cleanup_close_ int userns = -1;
	if (pm_userns_get(e->store->runroot_fd, &userns, &err) < 0) {
		pm_warn("delete the runtime's state of %s: %s", c->row.id, err.text);
		return;
	}
	char *const argv[] = {runtime.path, (char[]){"--root"}, runtime.root, (char[]){"delete"},
			      (char[]){"--force"}, c->row.id, NULL};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = runtime.path;
	spec.argv = argv;
	spec.join_userns = userns;
	int code = 0;
	if (pm_proc_run(&spec, NULL, 0, NULL, &code, &err) < 0 || code != 0) {
		/* its process is dead already; what counts is the directory */
		if (pm_fs_remove_tree(e->store->runroot_fd, path, &err) < 0)
			pm_warn("delete the runtime's state of %s: %s", c->row.id, err.text);
	}
	if (cgroup)
		pm_cgroup_remove(cgroup);
	if (cgroup)
		pm_cgroup_remove_pod(cgroup);
}

static void remove_run_dir(struct pm_engine *e, const char *id)
{
	struct pm_err err = PM_ERR_INIT;
	char path[96];
	snprintf(path, sizeof(path), "ctr/%s", id);
	if (pm_fs_remove_tree(e->store->runroot_fd, path, &err) < 0)
		pm_warn("remove run files: %s", err.text);
}

static void remove_volumes(struct pm_engine *e, const struct pm_container *c)
{
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct pm_ctr_mount *m = &c->config.mounts[i];
		struct pm_err err = PM_ERR_INIT;
		if (!m->anonymous || !m->name)
			continue;
		int r = pm_volume_remove(e->store, m->name, &err);
		if (r >= 0)
			pm_event_named(e, "volume", "remove", m->name);
		else if (r != -PM_E_NOSUCH && r != -PM_E_INUSE)
			pm_warn("remove volume %s: %s", m->name, err.text);
	}
}

static int remove_files(struct pm_engine *e, struct pm_container *c, bool volumes, struct pm_err *err)
{
	char path[96];
	_cleanup_free_ char *cgroup = cgroup_dir(e, c);
	int r = pm_db_begin(e->store->db, !c->row.rm, err);
	if (r < 0)
		return r;
	r = pm_ctr_delete(e->store, c->row.id, err);
	if (r >= 0) {
		snprintf(path, sizeof(path), "containers/%s", c->row.id);
		r = pm_trash_dir(e->store, e->store->root_fd, path, err);
	}
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	if (r < 0) {
		pm_db_rollback(e->store->db);
		return r;
	}

	struct pm_err why = PM_ERR_INIT;
	const struct pm_quota quota = {c->config.storage_size, c->config.storage_inodes};
	if (pm_quota_limits(&quota) && pm_quota_release(e->store, "container", c->row.id, &why) < 0)
		pm_warn("%s", why.text); /* a sweep will */
	pm_event_container(e, c, "remove");
	delete_runtime_state(e, c, cgroup);
	remove_run_dir(e, c->row.id);
	if (volumes)
		remove_volumes(e, c);
	return 0;
}

int pm_container_remove_ended(struct pm_engine *e, struct pm_container *c, bool volumes,
			      struct pm_err *err)
{
	int r = remove_files(e, c, volumes, err);
	if (r >= 0)
		pm_engine_sweep(e);
	return r;
}

static int remove_dependents(struct pm_engine *e, const char *id, const struct pm_remove_options *o,
			     struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_ctr_dependents(e->store, id, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(e, ids.v[i], &c, err);
		if (r >= 0)
			r = pm_container_remove(e, &c, o, err);
		if (r == -PM_E_NOSUCH) {
			pm_err_clear(err);
			r = 0;
		}
	}
	return r;
}

int pm_container_remove(struct pm_engine *e, struct pm_container *c,
			const struct pm_remove_options *o, struct pm_err *err)
{
	if (c->config.is_infra && !o->with_pod)
		return pm_fail(err, PM_E_INUSE,
			       "container %s is the infra container of pod %s and cannot be removed "
			       "without removing the pod", c->row.id, c->config.pod);
	if (o->depend) {
		int r = remove_dependents(e, c->row.id, o, err);
		if (r < 0)
			return r;
	}

	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	int r = pm_container_settle(e, c, err);
	if (r < 0)
		return r;
	if (c->state.status == PM_STATUS_INITIALIZED) {
		r = pm_container_kill_hard(e, c, err);
		if (r < 0)
			return r;
	} else if (pm_ctr_is_up(&c->state) || c->state.status == PM_STATUS_STARTING || c->state.restarting) {
		if (!o->force)
			return pm_fail(err, PM_E_STATE,
				       "cannot remove container %s as it is %s - running or paused "
				       "containers cannot be removed without force: container state "
				       "improper",
				       c->row.id,
				       c->state.restarting ? "restarting"
							   : pm_ctr_status_name(c->state.status));
		/* a frozen process hears SIGKILL only */
		r = c->state.status == PM_STATUS_PAUSED
				? pm_container_kill_hard(e, c, err)
				: pm_container_stop(e, c, o->timeout, err);
		if (r < 0)
			return r;
	}
	/* the monitor may still tidy up after an exit */
	r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, -1, err);
	if (r >= 0)
		r = remove_files(e, c, o->volumes, err);
	if (r >= 0 && !o->no_sweep)
		pm_engine_sweep(e);
	return r;
}

void pm_containers_remove(struct pm_engine *e, struct pm_container *v, size_t n,
			  const struct pm_remove_options *o, struct pm_err *errs)
{
	struct pm_remove_options one = *o;
	one.no_sweep = true;
	if (o->force && n > 1) {
		/* what cannot be stopped here is found out again with the container locked */
		struct pm_err *why = pm_calloc(n, sizeof(*why));
		pm_containers_stop(e, v, n, o->timeout, why);
		free(why);
	}
	for (size_t i = 0; i < n; i++)
		if (!errs[i].code)
			pm_container_remove(e, &v[i], &one, &errs[i]);
	if (n && !o->no_sweep)
		pm_engine_sweep(e);
}

int pm_container_remove_image(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_image_removed removed = {0};
	struct pm_err why = PM_ERR_INIT;
	if (!c->config.autoremove_image || !c->config.image_id)
		return 0;
	int r = pm_image_by_id(e->store, c->config.image_id, 0, &row, &why);
	if (r >= 0 && row.n_names > 1 && c->config.image)
		r = pm_image_untag(e->store, c->config.image, &why);
	else if (r >= 0)
		r = pm_image_remove(e->store, row.id, &removed, &why);
	pm_image_removed_free(&removed);
	if (r < 0 && r != -PM_E_INUSE && r != -PM_E_NOSUCH)
		return pm_fail(err, why.code, "remove image %s: %s", c->config.raw_image_name, why.text);
	return 0;
}
