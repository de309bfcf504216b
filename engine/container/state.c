#include "engine/container/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/wire.h"
#include "engine/cgroup/group.h"

/* A state file holds a handful of numbers. */
#define STATE_MAX 65536

/* 1: read, 0: there is none. */
static int read_wire(int runroot, const char *id, const char *name, struct pm_wire *ret,
		     struct pm_err *err)
{
	char path[128];
	snprintf(path, sizeof(path), "ctr/%s/%s", id, name);

	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_read_file(runroot, path, STATE_MAX, &b, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return pm_fail(err, why.code, "%s", why.text);
	r = pm_wire_decode(b.data, b.len, ret, err);
	return r < 0 ? pm_wrap(err, "state file '%s'", path) : 1;
}

static int64_t number(const struct pm_wire *w, const char *name)
{
	int64_t n = 0;
	return pm_wire_get_int(w, name, 0, &n, NULL) < 0 ? 0 : n;
}

static bool alive(pid_t pid, uint64_t start)
{
	uint64_t now = 0;
	return pid > 0 && pm_proc_start_time(pid, &now, NULL) >= 0 && now == start;
}

int pm_ctr_state_read(int runroot, const char *id, struct pm_ctr_state *ret, struct pm_err *err)
{
	struct pm_ctr_state s = {0};
	char path[128];
	snprintf(path, sizeof(path), "ctr/%s/live", id);

	/*
	 * The lock is looked at before the files: a monitor that ends between the two has written
	 * its exit file by then.
	 */
	int held = pm_lock_is_held(runroot, path, err);
	if (held < 0)
		return held;
	s.monitored = held > 0;

	_cleanup_wire_ struct pm_wire started = PM_WIRE_INIT, ended = PM_WIRE_INIT;
	int r = read_wire(runroot, id, "state", &started, err);
	if (r < 0)
		return r;
	int has_state = r;
	r = read_wire(runroot, id, "exit", &ended, err);
	if (r < 0)
		return r;

	if (!has_state && !r) {
		s.status = PM_STATUS_STARTING;
		*ret = s.monitored ? s : (struct pm_ctr_state){0};
		return s.monitored;
	}

	s.pid = (pid_t)number(&started, "pid");
	s.pid_start = (uint64_t)number(&started, "pid_start");
	s.monitor = (pid_t)number(&started, "monitor");
	s.monitor_start = (uint64_t)number(&started, "monitor_start");
	s.started = number(&started, "started");
	s.restarts = number(&started, "restarts");
	int64_t health = number(&started, "health");
	if (health >= PM_CTR_HEALTH_NONE && health <= PM_CTR_HEALTH_UNHEALTHY)
		s.health = (enum pm_ctr_health)health;
	s.health_streak = number(&started, "health_streak");

	if (r > 0) {
		s.has_exit = true;
		s.exit_code = (int)number(&ended, "exit_code");
		s.finished = number(&ended, "finished");
		s.oom_killed = number(&ended, "oom_killed") != 0;
		s.restarting = s.monitored && number(&ended, "restarting") != 0;
		s.status = PM_STATUS_EXITED; /* though the monitor may still tidy up */
		s.pid = 0;
	} else if (alive(s.pid, s.pid_start)) {
		bool waits = number(&started, "created") != 0;
		_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
		if (!waits)
			pm_group_open(s.pid, id, &g);
		s.status = waits ? PM_STATUS_INITIALIZED
			   : pm_group_frozen(&g) ? PM_STATUS_PAUSED
						 : PM_STATUS_RUNNING;
		if (waits)
			s.started = 0;
	} else if (s.monitored) {
		s.status = PM_STATUS_STOPPING;
		s.pid = 0;
	} else {
		s.status = PM_STATUS_EXITED;
		s.exit_code = -1;
		s.pid = 0;
	}
	if (!s.monitored)
		s.monitor = 0;
	*ret = s;
	return 1;
}

bool pm_ctr_is_up(const struct pm_ctr_state *st)
{
	return st->status == PM_STATUS_RUNNING || st->status == PM_STATUS_PAUSED;
}

const char *pm_ctr_status_name(enum pm_ctr_status s)
{
	switch (s) {
	case PM_STATUS_CREATED:
		return "created";
	case PM_STATUS_STARTING:
	case PM_STATUS_INITIALIZED:
		return "initialized";
	case PM_STATUS_RUNNING:
		return "running";
	case PM_STATUS_PAUSED:
		return "paused";
	case PM_STATUS_STOPPING:
		return "stopping";
	case PM_STATUS_EXITED:
		return "exited";
	}
	return "unknown";
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: the process ended, 0: the deadline (ms of CLOCK_MONOTONIC, < 0 none) came first. */
static int wait_process(pid_t pid, uint64_t start, int64_t deadline, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_proc_pidfd(pid, start, err);
	if (fd == -ESRCH) {
		pm_err_clear(err);
		return 1;
	}
	if (fd < 0)
		return fd;
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		if (deadline >= 0 && left < 0)
			left = 0;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int r = poll(&p, 1, (int)left);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return pm_fail_sys(err, "wait for process %d", (int)pid);
		return r > 0;
	}
}

int pm_ctr_state_wait(int runroot, const char *id, int timeout_ms, struct pm_err *err)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	for (;;) {
		struct pm_ctr_state s;
		int r = pm_ctr_state_read(runroot, id, &s, err);
		if (r <= 0)
			return r < 0 ? r : 1;
		if (s.pid > 0) {
			r = wait_process(s.pid, s.pid_start, deadline, err);
			if (r <= 0)
				return r;
		}
		if (s.monitor > 0) {
			r = wait_process(s.monitor, s.monitor_start, deadline, err);
			if (r <= 0)
				return r;
		} else if (s.monitored) {
			/* starting: its pid is not known yet, but its lock is its life */
			char path[128];
			snprintf(path, sizeof(path), "ctr/%s/live", id);
			_cleanup_close_ int lock = pm_lock_take(runroot, path, PM_LOCK_SHARED, err);
			if (lock < 0 && lock != -ENOENT)
				return lock;
			if (lock < 0) /* --rm: the directory has gone meanwhile, which is an end as well */
				pm_err_clear(err);
		}
		if (s.pid <= 0 && s.monitor <= 0 && !s.monitored)
			return 1;
	}
}

bool pm_ctr_state_has_run(const struct pm_ctr_state *s, void *arg)
{
	return pm_ctr_is_up(s) || s->restarts > *(const int64_t *)arg;
}

/* Until a file in the run directory changes, the monitor ends, or the deadline: 1, 1, 0. */
static int wait_change(int watch, const struct pm_ctr_state *s, int64_t deadline, struct pm_err *err)
{
	_cleanup_close_ int monitor = -1;
	struct pollfd p[2] = {{.fd = watch, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	if (s->monitor > 0) {
		monitor = pm_proc_pidfd(s->monitor, s->monitor_start, NULL);
		if (monitor < 0)
			return 1;
		p[1].fd = monitor;
	}
	int64_t left = deadline < 0 ? -1 : deadline - now_ms();
	if (deadline >= 0 && left <= 0)
		return 0;
	int r = poll(p, 2, (int)left);
	if (r < 0 && errno != EINTR)
		return pm_fail_sys(err, "wait for the container");
	char drop[2048];
	while (read(watch, drop, sizeof(drop)) > 0)
		;
	return 1;
}

int pm_ctr_state_await(int runroot, const char *id,
		       bool (*wanted)(const struct pm_ctr_state *s, void *arg), void *arg,
		       int timeout_ms, struct pm_ctr_state *ret, struct pm_err *err)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	char path[128];
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/ctr/%s", runroot, id);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0)
		return pm_fail_sys(err, "watch container %s", id);
	for (;;) {
		int r = pm_ctr_state_read(runroot, id, ret, err);
		if (r < 0)
			return r;
		if (wanted(ret, arg) || (!ret->monitored && ret->pid <= 0))
			return 1;
		r = wait_change(watch, ret, deadline, err);
		if (r <= 0)
			return r;
	}
}
