#include "engine/container/wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "engine/cgroup/group.h"
#include "engine/container/attach.h"

/* 1: the end came, *ret_code is set. 0: the monitor went away without a word. */
static int read_end(int fd, int *ret_code, struct pm_err *err)
{
	unsigned char frame[PM_ATTACH_DATA + 1];
	for (;;) {
		ssize_t n = recv(fd, frame, sizeof(frame), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ECONNRESET)
			return pm_fail_sys(err, "wait for the container's end");
		if (n <= 0)
			return 0;
		if (frame[0] == PM_ATTACH_EXIT && n >= 2) {
			*ret_code = frame[1];
			return 1;
		}
	}
}

int pm_container_wait(struct pm_engine *e, struct pm_container *c, int *ret_code,
		      struct pm_err *err)
{
	char dir[96];
	snprintf(dir, sizeof(dir), "ctr/%s", c->row.id);
	_cleanup_free_ char *path = pm_store_run_path(e->store, dir);

	if (c->state.monitored && c->state.status != PM_STATUS_EXITED) {
		struct pm_err why = PM_ERR_INIT;
		_cleanup_close_ int fd = pm_attach_connect(path, &why);
		if (fd >= 0) {
			int r = read_end(fd, ret_code, err);
			if (r != 0)
				return r < 0 ? r : 0;
		}
		/* the monitor has just ended, or was killed: its files tell */
	}
	if (c->state.restarting) {
		*ret_code = c->state.exit_code;
		return 0;
	}
	int r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, -1, err);
	if (r < 0)
		return r;
	bool ran = c->state.status != PM_STATUS_CREATED;
	pm_container_state(e, &c->row, &c->state);
	*ret_code = c->state.status == PM_STATUS_EXITED ? c->state.exit_code : ran ? -1 : 0;
	return 0;
}

/* --- conditions ---------------------------------------------------------------------------------------- */

int pm_wait_condition(const char *word, unsigned int *ret, struct pm_err *err)
{
	static const struct {
		const char *word;
		unsigned int bit;
	} words[] = {
		{"configured", 1u << PM_STATUS_CREATED}, {"created", 1u << PM_STATUS_CREATED},
		{"exited", 1u << PM_STATUS_EXITED},	 {"initialized", 1u << PM_STATUS_STARTING | 1u << PM_STATUS_INITIALIZED},
		{"paused", 1u << PM_STATUS_PAUSED},	 {"removed", PM_WAIT_REMOVED},
		{"removing", PM_WAIT_REMOVED},		 {"running", 1u << PM_STATUS_RUNNING},
		{"stopped", 1u << PM_STATUS_EXITED},	 {"stopping", 1u << PM_STATUS_STOPPING},
		{"healthy", PM_WAIT_HEALTHY},		 {"unhealthy", PM_WAIT_UNHEALTHY},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word) == 0) {
			*ret |= words[i].bit;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE,
		       "unknown container state: %s: choose configured, created, exited, healthy, "
		       "initialized, paused, removed, running, stopped, stopping or unhealthy", word);
}

/* An inotify descriptor which becomes readable when c's run files or its freezer change; -1: none. */
static int watch(struct pm_engine *e, const struct pm_container *c)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_free_ char *all = pm_store_run_path(e->store, "ctr");
	_cleanup_free_ char *own = pm_asprintf("%s/%s", all, c->row.id);
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	_cleanup_close_ int dir = pm_store_run_dir(e->store, "ctr", NULL); /* made when nothing ever ran */
	if (fd < 0 || dir < 0)
		return fd;
	if (inotify_add_watch(fd, own, IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR) < 0)
		inotify_add_watch(fd, all, IN_CREATE | IN_ONLYDIR);
	if (pm_group_open(c->state.pid, c->row.id, &g) > 0) {
		_cleanup_free_ char *events = pm_asprintf("%s/cgroup.events", g.path);
		inotify_add_watch(fd, events, IN_MODIFY);
	}
	return fd;
}

/* The row and the state of c anew. */
static int look(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	struct pm_ctr_row row = {0};
	int r = pm_ctr_find(e->store, c->row.id, 0, &row, err);
	if (r < 0)
		return r;
	pm_ctr_row_free(&c->row);
	c->row = row;
	pm_container_state(e, &c->row, &c->state);
	return 0;
}

int pm_container_wait_for(struct pm_engine *e, struct pm_container *c, unsigned int conditions,
			  int64_t interval_ms, int *ret_code, struct pm_err *err)
{
	int code = -1;
	if (conditions == 1u << PM_STATUS_EXITED)
		return pm_container_wait(e, c, ret_code, err);
	/* the exit of one that goes with its end is told by its monitor only */
	if (conditions == PM_WAIT_REMOVED && pm_ctr_is_up(&c->state)) {
		int r = pm_container_wait(e, c, &code, err);
		if (r < 0)
			return r;
	}
	for (;;) {
		_cleanup_close_ int fd = watch(e, c); /* before the look, so that nothing is missed */
		int r = look(e, c, err);
		if (r == -PM_E_NOSUCH && conditions & PM_WAIT_REMOVED) {
			pm_err_clear(err);
			*ret_code = code;
			return 0;
		}
		if (r < 0)
			return r;
		if (c->state.status == PM_STATUS_EXITED)
			code = c->state.exit_code;
		if (conditions & 1u << c->state.status) {
			*ret_code = c->state.status == PM_STATUS_EXITED ? code : -1;
			return 0;
		}
		if (pm_ctr_is_up(&c->state) &&
		    ((conditions & PM_WAIT_HEALTHY && c->state.health == PM_CTR_HEALTH_HEALTHY) ||
		     (conditions & PM_WAIT_UNHEALTHY && c->state.health == PM_CTR_HEALTH_UNHEALTHY))) {
			*ret_code = -1;
			return 0;
		}
		if (!(conditions & ~(PM_WAIT_HEALTHY | PM_WAIT_UNHEALTHY)) &&
		    c->state.status == PM_STATUS_EXITED && !c->state.restarting)
			return pm_fail(err, PM_E_STATE, "container %s has ended: its health is not to be "
							"waited for any more", c->row.name);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, interval_ms > INT_MAX ? INT_MAX : (int)interval_ms) < 0 && errno != EINTR)
			return pm_fail_sys(err, "wait for container %s", c->row.name);
	}
}
