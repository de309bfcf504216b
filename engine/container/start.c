#include "engine/container/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/timefmt.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/bundle.h"
#include "engine/container/attach.h"
#include "engine/container/control.h"
#include "engine/container/create.h"
#include "engine/container/criu.h"
#include "engine/container/service.h"
#include "engine/network/place.h"
#include "engine/systemd/manager.h"

/* The user namespace of running container id. */
static int userns_of(struct pm_engine *e, const char *id, struct pm_err *err)
{
	struct pm_ctr_state st;
	char path[64];
	int r = pm_ctr_state_read(e->store->runroot_fd, id, &st, err);
	if (r < 0)
		return r;
	if (r == 0 || !pm_ctr_is_up(&st))
		return pm_fail(err, PM_E_STATE, "container %s is not running: its namespaces cannot "
						"be joined, start it first", id);
	/* of its monitor, which stands above one of the container's own */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)(st.monitor > 0 ? st.monitor : st.pid));
	return pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
}

/* pm-netd outlives the session, too, with what it forks. */
static void adopt_netd(struct pm_engine *e, pid_t netd)
{
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	if (pm_engine_cgroup(e, NULL, &cg, NULL) >= 0)
		pm_systemd_adopt(cg.own, "pm-netd", &netd, 1);
}

static int start_netd(struct pm_start *s, int userns, const struct pm_userns_tools *tools, struct pm_err *err)
{
	pid_t pid;
	int r = pm_netd_start(&s->dial, s->engine->store->runroot_fd, userns, tools, &pid, err);
	if (r < 0 || userns < 0)
		return r;
	adopt_netd(s->engine, pid);
	return pm_netd_go(&s->dial, err);
}

static int same_userns(struct pm_engine *e, const char *id, int fd, struct pm_err *err)
{
	struct stat a, b;
	_cleanup_close_ int other = userns_of(e, id, err);
	if (other < 0)
		return other;
	if (fd < 0 || fstat(other, &a) < 0 || fstat(fd, &b) < 0 || a.st_ino != b.st_ino)
		return pm_fail(err, PM_E_UNSUPPORTED, "container %.12s, whose namespaces are joined, is in "
			       "another user namespace than the bridge networks: restart it", id);
	return 0;
}

/* A container of bridge networks is in the user namespace of their pm-netd, which could not reach into another. Where none
 * runs: in the shared one, or, 0, in a fresh one that the monitor makes (netd_due). */
static int join_netd(struct pm_start *s, const struct pm_start_facts *facts, int *ret_fd,
		     struct pm_err *err)
{
	int runroot = s->engine->store->runroot_fd, r = pm_netd_dial(runroot, s->in_userns, &s->dial, err);
	if (r < 0)
		return pm_wrap(err, "start the bridge networks");
	bool runs = r > 0;
	s->slirp_fd = pm_steal_fd(&s->dial.sock);
	if (runs)
		*ret_fd = pm_steal_fd(&s->dial.userns);
	else if (s->in_userns)
		r = pm_userns_join(runroot, &s->map, ret_fd, err);
	if (r >= 0 && facts->join && s->in_userns)
		r = same_userns(s->engine, facts->join, *ret_fd, err);
	if (r < 0 || runs)
		return r < 0 ? r : 1;
	if (s->in_userns && *ret_fd < 0) {
		s->netd_due = true;
		return 0;
	}
	r = start_netd(s, *ret_fd, NULL, err);
	return r < 0 ? r : 1;
}

/* In the namespace that the monitor has made, whose ids are being mapped. */
static int start_netd_fresh(struct pm_start *s, struct pm_err *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)s->monitor.pid);
	_cleanup_close_ int userns = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	return userns < 0 ? userns : start_netd(s, userns, &s->tools, err);
}

static int choose_userns(struct pm_start *s, const struct pm_start_facts *facts,
			 struct pm_monitor_opts *mo, struct pm_err *err)
{
	struct pm_engine *e = s->engine;
	int *ret_fd = &s->userns_fd;
	if (!pm_userns_needed()) {
		mo->userns = PM_MONITOR_USERNS_NONE;
		return pm_network_is_bridge(facts->network) ? join_netd(s, facts, ret_fd, err) : 0;
	}

	s->in_userns = true;
	int r = pm_userns_default_map(&s->map, err);
	if (r < 0)
		return r;
	pm_engine_tell_single_id(e->store, &s->map);
	if (pm_network_is_bridge(facts->network)) {
		r = join_netd(s, facts, ret_fd, err);
	} else if (facts->join) {
		*ret_fd = facts->join_userns >= 0 ? fcntl(facts->join_userns, F_DUPFD_CLOEXEC, 3)
						  : userns_of(e, facts->join, err);
		if (*ret_fd < 0 && facts->join_userns >= 0)
			return pm_fail_sys(err, "duplicate a user namespace's descriptor");
		r = *ret_fd < 0 ? *ret_fd : 1;
	} else {
		r = pm_userns_join(e->store->runroot_fd, &s->map, ret_fd, err);
	}
	if (r < 0)
		return r;
	mo->userns = r > 0 ? PM_MONITOR_USERNS_JOIN : PM_MONITOR_USERNS_FRESH;
	mo->userns_fd = *ret_fd;
	s->fresh = r == 0;
	return 0;
}

int pm_start_begin(struct pm_engine *e, const struct pm_start_facts *facts, struct pm_start *s,
		   struct pm_err *err)
{
	struct pm_monitor_opts mo = PM_MONITOR_OPTS_INIT;

	s->engine = e;
	mo.attach = facts->attach;
	mo.streams = pm_streq(facts->config->log_driver, "passthrough");
	mo.preserve_fds = facts->config->preserve_fds + pm_service_listen_fds();
	mo.preserve_only = &facts->config->preserve_fd;
	int r = choose_userns(s, facts, &mo, err);
	if (r < 0)
		return r;
	if (pm_network_is_slirp(facts->network)) {
		const struct pm_ctr_config *k = facts->config;
		r = pm_slirp_spawn(k->n_ports || k->publish_all, &s->slirp_pid, &s->slirp_fd, err);
		if (r < 0)
			return pm_wrap(err, "start the user-mode network");
	}
	mo.slirp_fd = s->slirp_fd;

	r = pm_monitor_spawn(&s->monitor, &mo, err);
	if (r < 0)
		return r;
	if (s->fresh) {
		r = pm_monitor_map_start(&s->monitor, &s->map, &s->tools, err);
		if (r < 0)
			return r;
		s->mapping = true;
		if (s->netd_due)
			return start_netd_fresh(s, err);
	}
	return 0;
}

/* Addresses are taken and ports bound before anything of the start is made; pm-netd hears of them, and
 * connects the container when its monitor has made the namespace. */
static int plan_places(struct pm_start *s, const struct pm_container *c, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
	_cleanup_listen_ struct pm_listen listen = {0};
	if (!pm_network_is_bridge(c->config.network))
		return 0;
	int r = pm_place_ports(&c->config, &ports, err);
	if (r >= 0)
		r = pm_listen_open(&ports, &listen, err);
	if (r >= 0)
		r = pm_place_plan(s->engine, c, &s->netd, err);
	if (r >= 0)
		r = pm_netd_send_attach(s->slirp_fd, &s->netd, &listen, err);
	close(pm_steal_fd(&s->slirp_fd));
	return r;
}

static int write_run_files(const struct pm_spec_plan *spec, struct pm_err *err)
{
	for (size_t i = 0; i < spec->n_files; i++) {
		const struct pm_spec_file *f = &spec->files[i];
		int r = pm_fs_write_file(AT_FDCWD, f->path, f->text, f->len, f->mode, false, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The run directory as a start needs it: there, without words of an earlier run. */
static int prepare_run_dir(struct pm_engine *e, const char *id, struct pm_err *err)
{
	static const char *const words[] = {"state", "exit", "stop"};
	char path[128];
	snprintf(path, sizeof(path), "ctr/%s", id);
	_cleanup_close_ int dir = pm_store_run_dir(e->store, path, err);
	if (dir < 0)
		return dir;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		if (unlinkat(dir, words[i], 0) < 0 && errno != ENOENT)
			return pm_fail_sys(err, "remove the old %s of container %s", words[i], id);
	return 0;
}

static int mark_started(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	if (c->row.word == PM_CTR_RUNNING && c->row.boot_id)
		return 0; /* `run` wrote it with the row */
	char boot[37];
	int r = pm_proc_boot_id(boot, err);
	if (r < 0)
		return r;
	free(c->row.boot_id);
	c->row.boot_id = pm_strdup(boot);
	c->row.word = PM_CTR_RUNNING;
	c->row.started = pm_time_now();
	c->row.finished = 0;
	c->row.stopped = false;
	return pm_ctr_set_state(e->store, &c->row, err);
}

/* Before the helpers have forked and the runtime has made a group. */
static int place_in_systemd(struct pm_start *s, const struct pm_launch_plan *plan, struct pm_err *err)
{
	const pid_t pids[] = {s->monitor.pid, s->slirp_pid};
	pm_systemd_adopt(s->own_group, "pm-monitor", pids, PM_ARRAY_SIZE(pids));
	int r = s->pod_slice ? pm_systemd_slice(s->pod_slice, &plan->pod_limits, err) : 0;
	return r < 0 ? pm_wrap(err, "limits of the pod") : 0;
}

static void plan_restore(const struct pm_start_restore *from, struct pm_launch_plan *plan)
{
	plan->restore_image = pm_strdup(from->image);
	plan->restore_work = pm_strdup(from->work);
	plan->restore_shm = pm_strdup_null(from->shm);
	plan->restore_tcp = from->tcp_established;
	plan->restore_locks = from->file_locks;
	if (!plan->runtime_env.n)
		pm_criu_env(&plan->runtime_env);
}

int pm_start_launch(struct pm_start *s, struct pm_container *c, struct pm_err *err)
{
	_cleanup_spec_plan_ struct pm_spec_plan spec = {0};
	_cleanup_launch_plan_ struct pm_launch_plan plan;
	pm_launch_plan_init(&plan);

	int r = prepare_run_dir(s->engine, c->row.id, err);
	if (r >= 0)
		r = plan_places(s, c, err);
	if (r >= 0)
		r = pm_bundle_make(s, c, &spec, &plan, &s->volumes, err);
	if (r >= 0)
		r = write_run_files(&spec, err);
	if (r >= 0 && !plan.bundle_ready)
		r = pm_fs_rewrite_file(AT_FDCWD, pm_bundle_config_path(&plan), spec.json,
				       spec.json_len, 0600, err);
	if (r >= 0)
		r = mark_started(s->engine, c, err);
	if (r >= 0 && plan.cgroup_manager == PM_CGROUP_SYSTEMD)
		r = place_in_systemd(s, &plan, err);
	if (r >= 0 && s->slirp_fd >= 0) {
		/* the ports are bound while the mapping is being written; the monitor hears of it */
		r = pm_slirp_send_config(s->slirp_fd, &plan.slirp, err);
		close(pm_steal_fd(&s->slirp_fd));
	}
	if (r >= 0 && s->mapping) {
		s->mapping = false;
		r = pm_userns_maps_finish(&s->tools, err);
	}
	if (r < 0)
		return r;
	plan.create_only = s->create_only;
	if (s->restore)
		plan_restore(s->restore, &plan);
	pm_service_main_pid(&plan, s->monitor.pid);
	return pm_monitor_launch(&s->monitor, &plan, err);
}

int pm_start_wait(struct pm_start *s, struct pm_container *c, struct pm_err *err)
{
	pid_t pid = 0;
	pm_db_tidy(s->engine->store->db);
	int r = pm_monitor_wait_started(&s->monitor, &pid, err);
	pm_volume_locks_free(&s->volumes);
	if (r < 0)
		return r;
	pm_container_state(s->engine, &c->row, &c->state);
	return 0;
}

int pm_start_finish(struct pm_start *s, struct pm_container *c, struct pm_err *err)
{
	int r = pm_start_launch(s, c, err);
	return r < 0 ? r : pm_start_wait(s, c, err);
}

int pm_container_start_dep(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	pm_container_init(&c);
	int r = pm_container_load(e, id, &c, err);
	if (r >= 0 && !pm_ctr_is_up(&c.state))
		r = pm_container_start(e, &c, false, &s, err);
	return r < 0 ? pm_wrap(err, "start container %s, which this one depends on", id) : 0;
}

/* The rows' dependencies have no circle: a container depends on such that were there before it. */
int pm_container_start_deps(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < c->row.deps.n; i++)
		r = pm_container_start_dep(e, c->row.deps.v[i], err);
	return r < 0 ? r : 0;
}

/* The user namespace of a start that has been launched; -1: there is none. */
static int launched_userns(struct pm_start *s, struct pm_err *err)
{
	char path[64];
	if (s->userns_fd >= 0 || !s->in_userns)
		return s->userns_fd;
	/* a new one, mapped by now; the monitor is our child */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)s->monitor.pid);
	s->userns_fd = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	return s->userns_fd;
}

/* Its processes begin anew: an earlier checkpoint is there still, but not what it comes from. */
static int forget_checkpoint(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	struct pm_ctr_config *k = &c->config;
	if (!k->checkpointed && !k->restored_time)
		return 0;
	k->checkpointed = false;
	k->restored_time = 0;
	return pm_container_save_config(e, c, err);
}

int pm_start_begin_again(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *first,
			 struct pm_start *s, struct pm_err *err)
{
	/* the monitor of the run before may still tidy up */
	int r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, -1, err);
	if (r < 0)
		return r;
	struct pm_start_facts facts = {.network = c->config.network,
				       .join = pm_container_joins(c),
				       .join_userns = first ? launched_userns(first, err) : -1,
				       .attach = attach,
				       .config = &c->config};
	if (!s->restore && (r = forget_checkpoint(e, c, err)) < 0)
		return r;
	c->row.word = PM_CTR_EXITED; /* so that its start is written anew */
	return pm_start_begin(e, &facts, s, err);
}

/* Attached before it runs, so that nothing it says is missed. */
static int start_initialized(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *s,
			     struct pm_err *err)
{
	if (attach) {
		char dir[96];
		snprintf(dir, sizeof(dir), "ctr/%s", c->row.id);
		_cleanup_free_ char *path = pm_store_run_path(e->store, dir);
		s->monitor.attach_fd = pm_attach_connect(path, err);
		if (s->monitor.attach_fd < 0)
			return pm_wrap(err, "attach to container %s", c->row.name);
	}
	int r = pm_container_restart_now(e, c, err);
	return r < 0 ? r : 0;
}

/* One that does not run, locked, from nothing. */
static int start_fresh(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *s,
		       struct pm_err *err)
{
	int r = pm_container_start_deps(e, c, err);
	if (r >= 0)
		r = pm_start_begin_again(e, c, attach, NULL, s, err);
	if (r >= 0)
		r = pm_start_finish(s, c, err);
	return r < 0 ? r : 0;
}

int pm_container_start(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *s,
		       struct pm_err *err)
{
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	int r = pm_container_settle(e, c, err);
	if (r < 0)
		return r;
	if (c->state.status == PM_STATUS_RUNNING)
		return 1;
	if (c->state.status == PM_STATUS_PAUSED)
		return pm_fail(err, PM_E_STATE,
			       "container %s is paused, it cannot be started: container state improper",
			       c->row.id);
	if (c->state.status == PM_STATUS_INITIALIZED)
		return start_initialized(e, c, attach, s, err);
	if (c->state.restarting) {
		int now = pm_container_restart_now(e, c, err);
		if (now < 0 || c->state.monitored)
			return now < 0 ? now : 1;
	}
	return start_fresh(e, c, attach, s, err);
}

int pm_container_init_process(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	int r = pm_container_settle(e, c, err);
	if (r < 0)
		return r;
	if ((c->state.status != PM_STATUS_CREATED && c->state.status != PM_STATUS_EXITED) || c->state.restarting)
		return pm_fail(err, PM_E_STATE,
			       "container %s has already been created in runtime: container state improper",
			       c->row.id);
	s.create_only = true;
	return start_fresh(e, c, false, &s, err);
}

void pm_start_free(struct pm_start *s)
{
	if (s->mapping)
		pm_userns_maps_finish(&s->tools, NULL);
	pm_monitor_close(&s->monitor);
	if (s->slirp_fd >= 0)
		close(s->slirp_fd);
	if (s->userns_fd >= 0)
		close(s->userns_fd);
	if (s->slirp_pid > 0)
		waitpid(s->slirp_pid, NULL, WNOHANG); /* it outlives pm; only a failed one is reaped */
	free(s->own_group);
	free(s->pod_slice);
	pm_userns_map_free(&s->map);
	pm_volume_locks_free(&s->volumes);
	pm_netd_config_free(&s->netd);
	pm_netd_dial_free(&s->dial);
	*s = (struct pm_start)PM_START_INIT;
}

const char *pm_container_joins(const struct pm_container *c)
{
	const char *const modes[] = {c->config.network, c->config.pidns, c->config.ipcns,
				     c->config.utsns,   c->config.userns};
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++)
		if (modes[i] && pm_startswith(modes[i], "container:"))
			return modes[i] + strlen("container:");
	return NULL;
}

int pm_container_network_of(struct pm_engine *e, const struct pm_container *c, struct pm_container *other,
			    struct pm_err *err)
{
	const char *mode = c->config.network;
	if (!mode || !pm_startswith(mode, "container:"))
		return 0;
	int r = pm_container_load(e, mode + strlen("container:"), other, err);
	return r < 0 ? r : 1;
}
