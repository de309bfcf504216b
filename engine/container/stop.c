#include "engine/container/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
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

static int stop_running(struct pm_engine *e, struct pm_container *c, int timeout, struct pm_err *err)
{
	if (timeout < 0) {
		int r = pm_engine_conf(e, err);
		if (r < 0)
			return r;
		timeout = (int)(c->config.stop_timeout != PM_UNSET ? c->config.stop_timeout
								   : e->conf.stop_timeout);
	}

	int sig = c->config.stop_signal != PM_UNSET ? (int)c->config.stop_signal : SIGTERM;
	if (timeout > 0) {
		int r = pm_container_signal(e, c, sig, err);
		if (r < 0 && r != -PM_E_STATE)
			return pm_wrap(err, "stop container %s", c->row.name);
		pm_err_clear(err);
		r = wait_end(e, c, timeout > 2000000 ? -1 : timeout * 1000, err);
		if (r != 0)
			return r < 0 ? r : 0;
		char name[16];
		pm_warn("StopSignal %s failed to stop container %s in %d seconds, resorting to "
			"SIGKILL", pm_signal_name(sig, name), c->row.name, timeout);
	}
	return pm_container_kill_hard(e, c, err);
}

int pm_container_stop(struct pm_engine *e, struct pm_container *c, int timeout, struct pm_err *err)
{
	if (c->state.status != PM_STATUS_RUNNING)
		return 0;
	int r = stop_running(e, c, timeout, err);
	if (r >= 0)
		pm_event_container(e, c, "stop");
	return r;
}
