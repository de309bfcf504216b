#include "engine/build/userns.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/proc.h"
#include "netns/userns.h"

static _Noreturn void hold(struct pm_store *s, int userns, int ready, int end)
{
	char byte = 0;
	if (pm_userns_enter(userns, NULL) < 0)
		_exit(1);
	/* after the change of credentials, which clears it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* one that is there already may do */
	pm_userns_publish_hint(s->runroot_fd, NULL);
	if (write(ready, &byte, 1) != 1)
		_exit(1);
	close(ready);
	while (read(end, &byte, 1) > 0)
		;
	_exit(0);
}

/* The process and the pipe whose end ends it. That it is not there only costs time. */
static void start_holder(struct pm_store *s, struct pm_build_userns *u)
{
	int ready[2], end[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return;
	if (pipe2(end, O_CLOEXEC) < 0) {
		close(ready[0]);
		close(ready[1]);
		return;
	}
	u->pid = fork();
	if (u->pid == 0) {
		close(ready[0]);
		close(end[1]);
		hold(s, u->fd, ready[1], end[0]);
	}
	close(ready[1]);
	close(end[0]);
	u->holder = end[1];
	if (u->pid > 0)
		(void)!read(ready[0], &byte, 1);
	else
		u->pid = 0;
	close(ready[0]);
}

int pm_build_userns_open(struct pm_store *s, struct pm_build_userns *ret, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	int r = pm_userns_get(s->runroot_fd, &ret->fd, err);
	if (r <= 0)
		return r;
	r = pm_userns_default_map(&map, err);
	if (r < 0)
		return r;
	ret->single_id = map.single;
	start_holder(s, ret);
	return 0;
}

void pm_build_userns_close(struct pm_build_userns *u)
{
	int status;
	if (u->fd >= 0)
		close(u->fd);
	if (u->holder >= 0)
		close(u->holder);
	if (u->pid > 0)
		pm_proc_wait(u->pid, &status, NULL);
	*u = (struct pm_build_userns)PM_BUILD_USERNS_INIT;
}
