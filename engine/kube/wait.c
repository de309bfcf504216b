#include "engine/kube/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/proc.h"
#include "engine/pod/pod.h"

/* A monitor of a container of the pod that runs, as a pidfd: when that has ended one looks again. -ESRCH: none runs. */
static int running(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	int r = pm_pod_load(e, id, &p, err);
	if (r < 0) {
		pm_err_clear(err); /* removed meanwhile */
		return -ESRCH;
	}
	for (size_t i = 0; i < p.n_members; i++) {
		const struct pm_ctr_state *s = &p.members[i].state;
		int fd = pm_ctr_is_up(s) || s->restarting
				 ? pm_proc_pidfd(s->monitor, s->monitor_start, NULL) : -ESRCH;
		if (fd >= 0)
			return fd;
	}
	return -ESRCH;
}

/* 1: a signal came. */
static int wait_one(struct pm_engine *e, const char *id, int signals, struct pm_err *err)
{
	for (;;) {
		_cleanup_close_ int fd = running(e, id, err);
		if (fd < 0)
			return 0;
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return pm_fail_sys(err, "wait for pods");
		if (fds[1].revents)
			return 1;
	}
}

int pm_kube_wait(struct pm_engine *e, const struct pm_kube_report *report, struct pm_err *err)
{
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
	_cleanup_close_ int signals = signalfd(-1, &set, SFD_CLOEXEC);
	int r = signals < 0 ? pm_fail_sys(err, "wait for signals") : 0;
	for (size_t i = 0; r == 0 && i < report->n_pods; i++)
		r = wait_one(e, report->pods[i].id, signals, err);
	struct signalfd_siginfo taken;
	if (r == 1 && read(signals, &taken, sizeof(taken)) < 0)
		r = pm_fail_sys(err, "read the signal");
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r < 0 ? r : 0;
}
