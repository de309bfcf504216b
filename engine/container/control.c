#include "engine/container/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"

static int connect_monitor(struct pm_engine *e, const char *id, struct pm_err *err)
{
	char dir[96];
	snprintf(dir, sizeof(dir), "ctr/%s", id);
	_cleanup_free_ char *path = pm_store_run_path(e->store, dir);
	return pm_attach_connect_ctl(path, err);
}

static int say(int fd, enum pm_attach_kind kind, struct pm_err *err)
{
	const unsigned char frame = (unsigned char)kind;
	if (send(fd, &frame, 1, MSG_NOSIGNAL) < 0)
		return pm_fail_sys(err, "talk with the container's monitor");
	return 0;
}

static ssize_t hear(int fd, unsigned char frame[2])
{
	ssize_t n;
	do
		n = recv(fd, frame, 2, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

bool pm_container_may_restart(const struct pm_ctr_config *c)
{
	return (c->restart_policy && *c->restart_policy && !pm_streq(c->restart_policy, "no")) ||
	       pm_streq(c->health_on_failure, "restart") || c->startup_healthcheck;
}

int pm_container_mark_stopped(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	if (!pm_container_may_restart(&c->config))
		return 0;
	char path[96];
	snprintf(path, sizeof(path), "ctr/%s/stop", c->row.id);
	_cleanup_close_ int mark = openat(e->store->runroot_fd, path,
					  O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (mark < 0 && errno != ENOENT)
		return pm_fail_sys(err, "mark container %s as stopped", c->row.name);
	/* the unit that stops all at a shutdown says so: that is not the user's will */
	if (!c->row.stopped && !getenv("_PM_SHUTDOWN")) {
		c->row.stopped = true;
		int r = pm_ctr_set_stopped(e->store, c->row.id, true, err);
		if (r < 0)
			return r;
	}
	/* it may be waiting for a restart's time, and sees the mark then */
	_cleanup_close_ int fd = connect_monitor(e, c->row.id, NULL);
	if (fd >= 0)
		say(fd, PM_ATTACH_STOP, NULL);
	return 0;
}

int pm_container_restart_now(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_close_ int fd = connect_monitor(e, c->row.id, err);
	if (fd < 0)
		return pm_wrap(err, "container %s", c->row.name);
	int64_t restarts = c->state.restarts;
	int r = say(fd, PM_ATTACH_START, err);
	return r < 0 ? r : pm_ctr_state_await(e->store->runroot_fd, c->row.id, pm_ctr_state_has_run,
					      &restarts, -1, &c->state, err);
}

int pm_container_check_health(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	unsigned char frame[2] = {0};
	if (c->state.status != PM_STATUS_RUNNING)
		return pm_fail(err, PM_E_STATE, "container %s is not running", c->row.name);
	_cleanup_close_ int fd = connect_monitor(e, c->row.id, err);
	if (fd < 0)
		return pm_wrap(err, "container %s", c->row.name);
	int r = say(fd, PM_ATTACH_CHECK, err);
	if (r < 0)
		return r;
	ssize_t n = hear(fd, frame);
	if (n != sizeof(frame) || frame[0] != PM_ATTACH_CHECK)
		return pm_fail(err, PM_E_STATE, "container %s ended before its health check did",
			       c->row.name);
	if (frame[1] > 1)
		return pm_fail(err, PM_E_STATE, "container %s has no defined healthcheck", c->row.name);
	return frame[1] == 0;
}

int pm_container_hold(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	unsigned char frame[2] = {0};
	_cleanup_close_ int fd = connect_monitor(e, c->row.id, err);
	if (fd < 0)
		return pm_wrap(err, "container %s", c->row.name);
	int r = say(fd, PM_ATTACH_HOLD, err);
	if (r < 0)
		return r;
	if (hear(fd, frame) != 1 || frame[0] != PM_ATTACH_HOLD)
		return pm_fail(err, PM_E_STATE, "the monitor of container %s does not wait", c->row.name);
	return pm_steal_fd(&fd);
}
