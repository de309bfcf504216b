#include "engine/container/wait.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

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
	int r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, -1, err);
	if (r < 0)
		return r;
	bool ran = c->state.status != PM_STATUS_CREATED;
	pm_container_state(e, &c->row, &c->state);
	*ret_code = c->state.status == PM_STATUS_EXITED ? c->state.exit_code : ran ? -1 : 0;
	return 0;
}
