#include "engine/container/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/bundle.h"
#include "engine/events/events.h"
#include "engine/systemd/manager.h"

/* A session's directory is called so, with its id after it. */
#define SESSION "exec-"

static int open_ns(pid_t pid, const char *kind, struct pm_err *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
}

static int write_process(const struct pm_container *c, const struct pm_exec_options *o,
			 const struct pm_spec_env *env, const char *path, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_json *process = NULL;
	int r = pm_spec_exec_process(&c->config, env, &o->argv, o->user, o->workdir, &o->env,
				     o->tty, o->privileged, pool, &process, err);
	if (r < 0)
		return r;
	pm_json_write(process, 0, &b);
	return pm_fs_write_file(AT_FDCWD, path, b.data, b.len, 0600, false, err);
}

static void make_plan(struct pm_engine *e, const struct pm_container *c,
		      const struct pm_exec_options *o, const struct pm_bundle_env *b,
		      const char *dir, struct pm_launch_plan *plan)
{
	plan->kind = PM_LAUNCH_EXEC;
	plan->id = pm_strdup(c->row.id);
	plan->name = pm_strdup(c->row.name);
	plan->runtime = pm_strdup(b->runtime);
	plan->runtime_name = pm_strdup(pm_conf_runtime_name(b->runtime));
	plan->runtime_root = pm_store_run_path(e->store, plan->runtime_name);
	for (size_t i = 0; e->runtime_flags && i < e->runtime_flags->n; i++)
		pm_strv_addf(&plan->runtime_args, "--%s", e->runtime_flags->v[i]);
	plan->cgroup_manager = b->cgroup.manager;
	/* with a living monitor its mount namespace, joined, has the mount already */
	plan->cgroup_private_mount = b->cgroup.private_mount && c->state.monitor <= 0;
	/* runc joins what config.json names, which is not the network namespace that the container has of its monitor */
	if (b->env.netns == PM_SPEC_NETNS_INHERIT) {
		plan->netns = PM_LAUNCH_NET_JOIN;
		plan->netns_path = pm_asprintf("/proc/%d/ns/net", (int)c->state.pid);
	}
	plan->process = pm_asprintf("%s/process.json", dir);
	plan->terminal = o->tty;
	plan->preserve_fds = o->preserve_fds;
	plan->stdin_open = o->interactive;
	plan->stdin_once = o->interactive;
	plan->log_driver = PM_LOG_DRIVER_NONE;
	plan->ctr_dir = pm_strdup(dir);
	pm_strv_add(&plan->remove_dirs, dir);
}

/* The view of a running container's files: its own root. */
static int view_running(const struct pm_container *c, struct pm_bundle_env *b, struct pm_err *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root", (int)c->state.pid);
	struct pm_err why = PM_ERR_INIT;
	int fd = pm_fs_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &why);
	if (fd < 0) {
		/* not ours to look at (a process of a subordinate id): the layers and the upper tell */
		pm_debug("%s: using the container's layers", why.text);
		return 0;
	}
	(void)err;
	for (size_t i = 0; i < b->n_view_fds; i++)
		close(b->view_fds[i]);
	b->view_fds[0] = fd;
	b->n_view_fds = 1;
	b->view.n_dirs = 1;
	return 0;
}

static void session_remove(const char *dir)
{
	struct pm_err err = PM_ERR_INIT;
	if (pm_fs_remove_tree(AT_FDCWD, dir, &err) < 0)
		pm_debug("remove %s: %s", dir, err.text);
}

int pm_exec_start(struct pm_engine *e, const struct pm_container *c,
		  const struct pm_exec_options *o, struct pm_monitor *m, char ret_id[65],
		  struct pm_err *err)
{
	if (c->state.status != PM_STATUS_RUNNING)
		return pm_fail(err, PM_E_STATE,
			       "can only create exec sessions on running containers: container state "
			       "improper");

	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_bundle_env_ struct pm_bundle_env b = {0};
	_cleanup_(pm_secret_env_wipe) struct pm_strv secret_env = PM_STRV_INIT;
	_cleanup_launch_plan_ struct pm_launch_plan plan;
	_cleanup_close_ int userns = -1, mntns = -1;
	struct pm_monitor_opts mo = PM_MONITOR_OPTS_INIT;
	bool inside = pm_userns_needed();
	int r;

	pm_launch_plan_init(&plan);
	if (inside) {
		/* not the container's own: the monitor must reach its files */
		userns = open_ns(c->state.monitor > 0 ? c->state.monitor : c->state.pid, "user", err);
		if (userns < 0)
			return userns;
		mo.userns = PM_MONITOR_USERNS_JOIN;
		mo.userns_fd = userns;
		r = pm_userns_default_map(&map, err);
		if (r < 0)
			return r;
	}
	if (c->state.monitor > 0) {
		mntns = open_ns(c->state.monitor, "mnt", err);
		if (mntns < 0)
			return mntns;
		mo.mntns_fd = mntns;
	}
	mo.attach = !o->detach;
	mo.preserve_fds = o->preserve_fds;
	mo.preserve_only = &o->preserve_fd;
	r = pm_monitor_spawn(m, &mo, err);
	if (r < 0)
		return r;

	char path[160];
	pm_random_hex(32, ret_id);
	snprintf(path, sizeof(path), "ctr/%s/" SESSION "%s", c->row.id, ret_id);
	_cleanup_close_ int dir_fd = pm_store_run_dir(e->store, path, err);
	if (dir_fd < 0)
		return dir_fd;
	_cleanup_free_ char *dir = pm_store_run_path(e->store, path);

	pid_t pid = 0;
	r = pm_bundle_env(e, c, inside ? &map : NULL, &b, err);
	if (r >= 0)
		r = view_running(c, &b, err);
	if (r >= 0)
		r = pm_secret_env(e, c, &secret_env, err);
	b.env.extra_env = &secret_env;
	if (r >= 0) {
		make_plan(e, c, o, &b, dir, &plan);
		r = pm_events_plan(e, c, &plan, err);
	}
	if (r >= 0)
		r = write_process(c, o, &b.env, plan.process, err);
	if (r >= 0 && plan.cgroup_manager == PM_CGROUP_SYSTEMD)
		pm_systemd_adopt(b.cgroup.own, "pm-monitor", &m->pid, 1);
	if (r >= 0)
		r = pm_monitor_launch(m, &plan, err);
	pm_store_close_db(e->store); /* while the runtime works */
	if (r >= 0)
		r = pm_monitor_wait_started(m, &pid, err);
	if (r < 0)
		session_remove(dir);
	return r < 0 ? r : 0;
}

int pm_exec_sessions(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
		     struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_asprintf("ctr/%s", c->row.id);
	if (!pm_ctr_is_up(&c->state))
		return 0;
	_cleanup_close_ int dir = pm_fs_open(e->store->runroot_fd, path, O_RDONLY | O_DIRECTORY, 0, err);
	int r = dir < 0 ? dir : pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		const char *name = names.v[i];
		if (!pm_startswith(name, SESSION))
			continue;
		/* its monitor may have been killed, and left the directory */
		_cleanup_free_ char *live = pm_asprintf("%s/live", name);
		r = pm_lock_is_held(dir, live, err);
		if (r > 0)
			pm_strv_add(ret, name + strlen(SESSION));
	}
	return r < 0 ? r : 0;
}

int pm_exec_cleanup(struct pm_engine *e, const struct pm_container *c, const char *session, struct pm_err *err)
{
	const size_t len = strlen(session);
	_cleanup_free_ char *dir = pm_asprintf("ctr/%s/" SESSION "%s", c->row.id, session);
	_cleanup_free_ char *live = pm_asprintf("%s/live", dir);
	if (len != 64 || strspn(session, "0123456789abcdef") != len ||
	    faccessat(e->store->runroot_fd, dir, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail(err, PM_E_NOSUCH, "container %s has no exec session with ID %s: no such exec session",
			       c->row.name, session);
	int r = pm_lock_is_held(e->store->runroot_fd, live, err);
	if (r > 0)
		return pm_fail(err, PM_E_STATE, "exec session %s of container %s is running: container state improper",
			       session, c->row.name);
	return r < 0 ? r : pm_fs_remove_tree(e->store->runroot_fd, dir, err);
}
