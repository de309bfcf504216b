#include "engine/container/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/container/checkpoint_archive.h"
#include "engine/container/control.h"
#include "engine/container/ociruntime.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "engine/network/inspect.h"
#include "storage/tree_tar.h"

struct checkpoint {
	struct pm_engine *e;
	struct pm_container *c;
	const struct pm_checkpoint_options *o;
	char *path; /* containers/<id>, absolute */
	int dir;    /* the same */
	int hold;   /* the monitor waits until it is closed */
};

static const char *const log_files[] = {"dump.log", "stats-dump", "restore.log", "stats-restore"};

void pm_checkpoint_forget_logs(int dir)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(log_files); i++)
		unlinkat(dir, log_files[i], 0);
}

void pm_checkpoint_forget(int dir)
{
	static const char *const names[] = {PM_CHECKPOINT_DIR, PM_CHECKPOINT_PRE, PM_CHECKPOINT_SHM,
					    PM_CHECKPOINT_NETWORK};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		struct pm_err why = PM_ERR_INIT;
		if (pm_fs_remove_tree(dir, names[i], &why) < 0)
			pm_warn("remove a checkpoint's files: %s", why.text);
	}
}

int pm_checkpoint_failed(struct pm_engine *e, const struct pm_container *c, const char *log,
			 const char *verb, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, NULL);
	_cleanup_free_ char *reason = dir < 0 ? NULL : pm_criu_log_reason(dir, log);
	if (!reason)
		return pm_wrap(err, "%s container %s", verb, c->row.name);
	return pm_fail(err, PM_E_UNSUPPORTED, "%s container %s: CRIU failed: %s (its log is %s/%s)", verb,
		       c->row.name, reason, path, log);
}

/* --- what can be ------------------------------------------------------------------------------------ */

static int check_container(const struct checkpoint *k, struct pm_err *err)
{
	const struct pm_container *c = k->c;
	const struct pm_checkpoint_options *o = k->o;
	const bool leaves = o->archive || o->image;
	if (c->state.status != PM_STATUS_RUNNING)
		return pm_fail(err, PM_E_STATE,
			       "container %s is %s: only a running one can be checkpointed: container state "
			       "improper", c->row.name, pm_ctr_status_name(c->state.status));
	if (c->state.monitor <= 0)
		return pm_fail(err, PM_E_STATE,
			       "the monitor of container %s was killed: its file systems cannot be reached", c->row.name);
	if (c->config.is_infra)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "container %s holds the namespaces of pod %s, which no checkpoint has: checkpoint "
			       "the pod's other containers", c->row.name, c->config.pod);
	if (c->row.rm && !leaves && !o->leave_running && !o->pre_checkpoint)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot checkpoint containers that have been started with '--rm' unless '--export' "
			       "is used");
	if (c->config.rootfs && leaves)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot export a checkpoint of container %s: it was made from no image (--rootfs)",
			       c->row.name);
	if (o->with_previous && !c->config.pre_checkpoint)
		return pm_fail(err, PM_E_STATE, "container %s has no --pre-checkpoint to build on", c->row.name);
	return 0;
}

static int check_host(const struct checkpoint *k, struct pm_err *err)
{
	int r = pm_criu_check(k->e, &k->c->config, "checkpointing", err);
	if (r >= 0 && (k->o->pre_checkpoint || k->o->with_previous))
		r = pm_criu_check_dirty_track(err);
	return r;
}

/* --- the dump --------------------------------------------------------------------------------------- */

static int build_argv(const struct checkpoint *k, const struct pm_ociruntime *runtime, struct pm_strv *argv,
		      struct pm_err *err)
{
	const struct pm_checkpoint_options *o = k->o;
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	int r = pm_engine_cgroup(k->e, k->c->config.cgroups, &cg, err);
	if (r < 0)
		return r;
	pm_strv_add(argv, runtime->name);
	for (size_t i = 0; k->e->runtime_flags && i < k->e->runtime_flags->n; i++)
		pm_strv_addf(argv, "--%s", k->e->runtime_flags->v[i]);
	pm_strv_add(argv, "--root");
	pm_strv_add(argv, runtime->root);
	if (cg.manager == PM_CGROUP_SYSTEMD)
		pm_strv_add(argv, "--systemd-cgroup");
	pm_strv_add(argv, "checkpoint");
	pm_strv_add(argv, "--image-path");
	pm_strv_addf(argv, "%s/%s", k->path, o->pre_checkpoint ? PM_CHECKPOINT_PRE : PM_CHECKPOINT_DIR);
	pm_strv_add(argv, "--work-path");
	pm_strv_add(argv, k->path);
	if (o->pre_checkpoint)
		pm_strv_add(argv, "--pre-dump");
	if (o->with_previous) {
		/* CRIU takes it from the images' directory */
		pm_strv_add(argv, "--parent-path");
		pm_strv_add(argv, "../" PM_CHECKPOINT_PRE);
	}
	if (o->leave_running)
		pm_strv_add(argv, "--leave-running");
	if (o->tcp_established)
		pm_strv_add(argv, "--tcp-established");
	if (o->file_locks)
		pm_strv_add(argv, "--file-locks");
	pm_strv_add(argv, k->c->row.id);
	return 0;
}

static int open_ns(const struct pm_container *c, const char *kind, struct pm_err *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->state.monitor, kind);
	return pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
}

/* What the runtime says in the end, without the rest of it. */
static const char *last_line(struct pm_buf *said)
{
	while (said->len && strchr("\r\n ", said->data[said->len - 1]))
		pm_buf_cut(said, said->len - 1);
	const char *text = pm_buf_str(said), *line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static int execute(struct checkpoint *k, int64_t *ret_us, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT, env = PM_STRV_INIT;
	_cleanup_ociruntime_ struct pm_ociruntime runtime = {0};
	_cleanup_buf_ struct pm_buf said = PM_BUF_INIT;
	int r = pm_ociruntime_find(k->e, &k->c->config, &runtime, err);
	if (r >= 0)
		r = build_argv(k, &runtime, &argv, err);
	if (r < 0)
		return r;
	_cleanup_close_ int mnt = open_ns(k->c, "mnt", err);
	_cleanup_close_ int net = mnt < 0 ? mnt : open_ns(k->c, "net", err);
	if (net < 0)
		return net;
	pm_criu_env(&env);
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = runtime.path;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = pm_strv_argv(&env);
	spec.join_mntns = mnt;
	spec.join_netns = net;
	int code = 0;
	const int64_t began = pm_time_now();
	r = pm_proc_run(&spec, NULL, 0, &said, &code, err);
	*ret_us = (pm_time_now() - began) / 1000;
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_UNSUPPORTED, "OCI runtime error: %s checkpoint: %s", runtime.name,
			    said.len ? last_line(&said) : "it failed without a word");
	return r;
}

/* An earlier checkpoint counts no more before anything is written over it. */
static int make_room(struct checkpoint *k, struct pm_err *err)
{
	struct pm_ctr_config *g = &k->c->config;
	const bool pre = k->o->pre_checkpoint;
	if (g->checkpoint_time || (pre && g->pre_checkpoint)) {
		g->checkpoint_time = 0;
		g->pre_checkpoint = g->pre_checkpoint && !pre;
		int r = pm_container_save_config(k->e, k->c, err);
		if (r < 0)
			return r;
	}
	pm_checkpoint_forget_logs(k->dir);
	int r = pm_fs_remove_tree(k->dir, PM_CHECKPOINT_DIR, err);
	if (r >= 0 && pre)
		r = pm_fs_remove_tree(k->dir, PM_CHECKPOINT_PRE, err);
	return r;
}

/* --- what is not in CRIU's images -------------------------------------------------------------------- */

/* /dev/shm is the monitor's mount, in its mount namespace alone; another container's is not ours to keep. */
static int keep_shm(const struct checkpoint *k, struct pm_err *err)
{
	const char *mode = k->c->config.ipcns && *k->c->config.ipcns ? k->c->config.ipcns
								     : k->e->conf.ipcns;
	struct stat shm, run;
	char path[64];
	unlinkat(k->dir, PM_CHECKPOINT_SHM, 0);
	if (mode && *mode && strcmp(mode, "shareable") != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)k->c->state.monitor);
	_cleanup_free_ char *where = pm_store_run_path(k->e->store, "shm");
	_cleanup_close_ int root = pm_fs_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, err);
	_cleanup_close_ int from = root < 0 ? root
					    : pm_fs_open_in(root, where, O_RDONLY | O_DIRECTORY, 0, err);
	if (from < 0)
		return pm_wrap(err, "/dev/shm of container %s", k->c->row.name);
	if (fstat(from, &shm) < 0 || fstat(k->e->store->runroot_fd, &run) < 0 || shm.st_dev == run.st_dev)
		return 0;
	_cleanup_close_ int to = pm_fs_open(k->dir, PM_CHECKPOINT_SHM,
					    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
	return to < 0 ? to : pm_tree_tar_write(to, from, ".", ".", err);
}

static int keep_addresses(const struct checkpoint *k, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_json_write(pm_checkpoint_network_status(pool, pm_network_inspect(k->e, k->c, pool)), 0, &text);
	return pm_fs_write_file(k->dir, PM_CHECKPOINT_NETWORK, text.data, text.len, 0600, false, err);
}

/* --- the whole -------------------------------------------------------------------------------------- */

/* Now it counts. */
static int record(struct checkpoint *k, struct pm_err *err)
{
	struct pm_ctr_config *g = &k->c->config;
	if (syncfs(k->dir) < 0)
		return pm_fail_sys(err, "write the checkpoint to disk");
	if (k->o->pre_checkpoint) {
		g->pre_checkpoint = true;
	} else {
		g->checkpoint_time = pm_time_now();
		g->checkpointed = !k->o->leave_running;
		g->checkpoint_log = k->o->keep;
		g->restored_time = 0;
		g->restore_log = false;
	}
	return pm_container_save_config(k->e, k->c, err);
}

static int leave(struct checkpoint *k, struct pm_checkpoint_target *target, struct pm_err *err)
{
	int r = 0;
	if (k->o->archive)
		r = pm_checkpoint_export(k->e, k->c, k->dir, k->o, target, err);
	if (r >= 0 && k->o->image)
		r = pm_checkpoint_image(k->e, k->c, k->dir, k->o, err);
	return r;
}

/* Its processes have ended: the monitor may go on, and what comes after every end comes. */
static int end(struct checkpoint *k, struct pm_err *err)
{
	int r = pm_container_mark_stopped(k->e, k->c, err);
	close(pm_steal_fd(&k->hold));
	if (r < 0)
		return r;
	r = pm_ctr_state_wait(k->e->store->runroot_fd, k->c->row.id, -1, err);
	if (r < 0)
		return r;
	pm_container_state(k->e, &k->c->row, &k->c->state);
	pm_event_container(k->e, k->c, "checkpoint");
	return k->c->row.rm ? pm_container_remove_ended(k->e, k->c, true, err)
			    : pm_container_fold(k->e, k->c, err);
}

static int dump(struct checkpoint *k, struct pm_checkpoint_report *ret, struct pm_err *err)
{
	int r = make_room(k, err);
	if (r < 0)
		return r;
	r = execute(k, &ret->runtime_us, err);
	if (r < 0) {
		struct pm_err why = PM_ERR_INIT;
		if (pm_fs_remove_tree(k->dir, PM_CHECKPOINT_DIR, &why) < 0)
			pm_debug("%s", why.text);
		return pm_checkpoint_failed(k->e, k->c, "dump.log", "checkpoint", err);
	}
	struct pm_err why = PM_ERR_INIT;
	if (pm_criu_stats_read(k->dir, "stats-dump", &ret->criu, &why) < 0)
		pm_debug("CRIU's statistics: %s", why.text);
	return 0;
}

static int act(struct checkpoint *k, struct pm_checkpoint_report *ret, struct pm_err *err)
{
	const bool ends = !k->o->leave_running && !k->o->pre_checkpoint;
	_cleanup_checkpoint_target_ struct pm_checkpoint_target target = PM_CHECKPOINT_TARGET_INIT;
	/* who cannot write the archive is told while the container still runs */
	int r = k->o->archive ? pm_checkpoint_target_open(k->o->archive, &target, err) : 0;
	if (r < 0)
		return r;
	k->hold = pm_container_hold(k->e, k->c, err);
	if (k->hold < 0)
		return k->hold;
	r = dump(k, ret, err);
	if (r < 0)
		return r;
	r = keep_shm(k, err);
	if (r >= 0)
		r = keep_addresses(k, err);
	if (r >= 0)
		r = record(k, err);
	if (r >= 0)
		r = leave(k, &target, err);
	/* with its processes gone there is no way but onwards: what was recorded can be restored */
	struct pm_err why = PM_ERR_INIT;
	if (ends && end(k, &why) < 0 && r >= 0)
		r = pm_fail(err, why.code, "%s", why.text);
	if (!ends && r >= 0)
		pm_event_container(k->e, k->c, "checkpoint");
	if (r >= 0 && !k->o->keep && !(ends && k->c->row.rm))
		pm_checkpoint_forget_logs(k->dir);
	return r;
}

int pm_container_checkpoint(struct pm_engine *e, struct pm_container *c,
			    const struct pm_checkpoint_options *o, struct pm_checkpoint_report *ret,
			    struct pm_err *err)
{
	struct checkpoint k = {.e = e, .c = c, .o = o, .dir = -1, .hold = -1};
	_cleanup_close_ int lock = -1;
	/* first what no lock is needed for */
	int r = check_host(&k, err);
	if (r >= 0)
		r = lock = pm_container_lock(e, c->row.id, true, err);
	if (r < 0)
		return r;
	pm_container_state(e, &c->row, &c->state);
	r = check_container(&k, err);
	if (r < 0)
		return r;
	k.path = pm_store_ctr_path(e->store, c->row.id);
	r = k.dir = pm_fs_open(AT_FDCWD, k.path, O_RDONLY | O_DIRECTORY, 0, err);
	*ret = (struct pm_checkpoint_report){0};
	if (r >= 0)
		r = act(&k, ret, err);
	if (k.hold >= 0)
		close(k.hold);
	if (k.dir >= 0)
		close(k.dir);
	free(k.path);
	return r < 0 ? r : 0;
}
