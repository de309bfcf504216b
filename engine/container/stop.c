#include "engine/container/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/control.h"
#include "engine/events/events.h"
#include "netns/userns.h"

/* A killed process and its monitor are gone within this, or something is wrong with the host. */
#define KILL_WAIT_MS 30000

struct send {
	int pidfd, sig;
};

static int send_signal(void *arg, struct pm_err *err)
{
	const struct send *s = arg;
	if (syscall(SYS_pidfd_send_signal, s->pidfd, s->sig, NULL, 0) < 0)
		return pm_fail_sys(err, "send signal %d", s->sig);
	return 0;
}

static int not_running(const struct pm_container *c, struct pm_err *err)
{
	return pm_fail(err, PM_E_STATE,
		       "can only kill running containers. %s is in state %s: container state improper",
		       c->row.id, pm_ctr_status_name(c->state.status));
}

int pm_container_signal(struct pm_engine *e, const struct pm_container *c, int sig,
			struct pm_err *err)
{
	(void)e;
	if (c->state.pid <= 0)
		return not_running(c, err);
	_cleanup_close_ int pidfd = pm_proc_pidfd(c->state.pid, c->state.pid_start, NULL);
	if (pidfd < 0)
		return not_running(c, err);

	struct send s = {.pidfd = pidfd, .sig = sig};
	int r = send_signal(&s, err);
	if (r == -ESRCH)
		return not_running(c, err);
	if (r != -EPERM || !pm_userns_needed())
		return r;

	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c->state.pid);
	_cleanup_close_ int userns = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	if (userns < 0)
		return userns;
	return pm_userns_run(userns, send_signal, &s, err);
}

/* 1: ended, 0: not within the time. */
static int wait_end(struct pm_engine *e, struct pm_container *c, int timeout_ms, struct pm_err *err)
{
	int r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, timeout_ms, err);
	if (r > 0)
		pm_container_state(e, &c->row, &c->state);
	return r;
}

int pm_container_kill_hard(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	int r = pm_container_signal(e, c, SIGKILL, err);
	if (r < 0 && r != -PM_E_STATE)
		return pm_wrap(err, "kill container %s", c->row.name);
	pm_err_clear(err);
	r = wait_end(e, c, KILL_WAIT_MS, err);
	if (r == 0)
		return pm_fail(err, PM_E_STATE,
			       "container %s was killed but has not ended within %d seconds",
			       c->row.name, KILL_WAIT_MS / 1000);
	return r < 0 ? r : 0;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One container on its way down. */
struct stopping {
	struct pm_container *c;
	struct pm_err *err;
	int timeout; /* seconds */
	int64_t deadline;
	bool wait; /* told to end, and not gone yet */
	bool down; /* it was not running, but about to be started again */
};

/* Tell it to end. */
static int begin(struct pm_engine *e, struct stopping *s, int timeout)
{
	struct pm_container *c = s->c;
	if (c->state.status == PM_STATUS_PAUSED)
		return pm_fail(s->err, PM_E_STATE,
			       "can only stop created or running containers. %s is in state paused: "
			       "container state improper", c->row.id);
	/* one that waits for its start has nothing to say to a polite signal */
	bool waits = c->state.status == PM_STATUS_INITIALIZED;
	if (waits)
		timeout = 0;
	s->down = c->state.status != PM_STATUS_RUNNING && !waits;
	if (s->down && !(pm_container_may_restart(&c->config) && c->state.monitored &&
			 (c->state.restarting || c->state.status == PM_STATUS_STOPPING)))
		return 0;
	int marked = pm_container_mark_stopped(e, c, s->err);
	if (marked < 0)
		return marked;
	if (s->down) {
		s->wait = true;
		return 0;
	}
	if (timeout < 0) {
		int r = pm_engine_conf(e, s->err);
		if (r < 0)
			return r;
		timeout = (int)(c->config.stop_timeout != PM_UNSET ? c->config.stop_timeout
								   : e->conf.stop_timeout);
	}
	s->timeout = timeout > 2000000 ? 2000000 : timeout;
	int sig = timeout <= 0			       ? SIGKILL
		  : c->config.stop_signal != PM_UNSET ? (int)c->config.stop_signal
						       : SIGTERM;
	s->deadline = now_ms() + (int64_t)s->timeout * 1000;
	int r = pm_container_signal(e, c, sig, s->err);
	if (r < 0 && r != -PM_E_STATE)
		return pm_wrap(s->err, "stop container %s", c->row.name);
	pm_err_clear(s->err);
	s->wait = true;
	return 0;
}

/* Give it the rest of its time; then it is killed. */
static int finish(struct pm_engine *e, struct stopping *s)
{
	struct pm_container *c = s->c;
	if (s->down)
		return wait_end(e, c, -1, s->err);
	if (s->timeout > 0) {
		int64_t left = s->deadline - now_ms();
		int r = wait_end(e, c, left > 0 ? (int)left : 0, s->err);
		if (r != 0)
			return r < 0 ? r : 0;
		char name[16];
		int sig = c->config.stop_signal != PM_UNSET ? (int)c->config.stop_signal : SIGTERM;
		pm_warn("StopSignal %s failed to stop container %s in %d seconds, resorting to "
			"SIGKILL", pm_signal_name(sig, name), c->row.name, s->timeout);
	}
	return pm_container_kill_hard(e, c, s->err);
}

void pm_containers_stop(struct pm_engine *e, struct pm_container *v, size_t n, int timeout,
			struct pm_err *errs)
{
	struct stopping *all = pm_calloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct stopping){.c = &v[i], .err = &errs[i]};
		if (!errs[i].code)
			begin(e, &all[i], timeout);
	}
	for (size_t i = 0; i < n; i++)
		if (all[i].wait && finish(e, &all[i]) >= 0)
			pm_event_container(e, &v[i], "stop");
	free(all);
}

int pm_container_stop(struct pm_engine *e, struct pm_container *c, int timeout, struct pm_err *err)
{
	struct pm_err own = PM_ERR_INIT;
	if (!err)
		err = &own;
	pm_err_clear(err);
	pm_containers_stop(e, c, 1, timeout, err);
	return -err->code;
}
