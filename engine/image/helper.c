#include "engine/image/helper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/transfer/protocol.h"
#include "storage/store.h"

enum { GOODBYE_MS = 500 };

static int mask_signals(struct pm_helper *h, struct pm_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGALRM);
	if (sigprocmask(SIG_BLOCK, &set, &h->old_mask) < 0)
		return pm_fail_sys(err, "sigprocmask");
	h->masked = true;
	h->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return h->signals < 0 ? pm_fail_sys(err, "signalfd") : 0;
}

/* Where keys are put for gpg: the run root, of which pm_store_need_dirs has told, or the usual one. */
static int tell_runroot(struct pm_err *err)
{
	const struct pm_store_options usual = {0};
	_cleanup_store_ struct pm_store *s = NULL;
	if (getenv(PM_STORE_RUNROOT_VAR))
		return 0;
	int r = pm_store_paths(&usual, &s, err);
	if (r >= 0 && setenv(PM_STORE_RUNROOT_VAR, s->runroot, 1) < 0)
		r = pm_fail_sys(err, "setenv");
	return r;
}

int pm_helper_begin(struct pm_helper *h, struct pm_err *err)
{
	int r = tell_runroot(err);
	if (r >= 0)
		r = mask_signals(h, err);
	if (r < 0)
		return r;
	int sv[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return pm_fail_sys(err, "socketpair");
	h->sock = sv[0];
	_cleanup_close_ int theirs = sv[1];
	_cleanup_free_ char *path = pm_proc_helper("pm-transfer");
	char *argv[] = {(char *)"pm-transfer", NULL};
	struct pm_proc_fd fds[] = {{theirs, PM_TRANSFER_FD}, {STDERR_FILENO, STDERR_FILENO}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.fds = fds;
	spec.n_fds = 2;
	spec.death_signal = SIGKILL;
	return pm_proc_spawn(&spec, &h->pid, &h->pidfd, err);
}

void pm_helper_finish(struct pm_helper *h)
{
	if (h->sock >= 0)
		close(pm_steal_fd(&h->sock));
	if (h->pid > 0) {
		/* The closed socket makes it end its extractors; one that is busy elsewhere has none. */
		struct pollfd p = {.fd = h->pidfd, .events = POLLIN};
		if (h->pidfd < 0 || poll(&p, 1, GOODBYE_MS) <= 0)
			kill(h->pid, SIGKILL);
		int status;
		pm_proc_wait(h->pid, &status, NULL);
		h->pid = 0;
	}
	if (h->pidfd >= 0)
		close(pm_steal_fd(&h->pidfd));
}

void pm_helper_unmask(struct pm_helper *h)
{
	if (h->signals >= 0)
		close(pm_steal_fd(&h->signals));
	if (h->masked)
		sigprocmask(SIG_SETMASK, &h->old_mask, NULL);
	h->masked = false;
}

int pm_helper_next(struct pm_helper *h, struct pm_wire *ret, int *fds, size_t *n_fds,
		   struct pm_err *err)
{
	struct pollfd p[2] = {{.fd = h->sock, .events = POLLIN},
			      {.fd = h->signals, .events = POLLIN}};
	while (poll(p, 2, -1) < 0) {
		if (errno != EINTR)
			return pm_fail_sys(err, "poll");
	}
	if (p[1].revents) {
		/* Taken, or it would be delivered when the mask is restored. */
		struct signalfd_siginfo info;
		bool late = false;
		while (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
			late = info.ssi_signo == SIGALRM;
		return pm_fail(err, PM_E_CANCELLED, "%s", late ? PM_DEADLINE_TEXT : "interrupted");
	}
	int r = pm_wire_recv(h->sock, ret, fds, n_fds, err);
	if (r < 0)
		return pm_wrap(err, "pm-transfer");
	if (r == 0)
		return pm_fail(err, PM_E_INTERNAL, "pm-transfer ended unexpectedly");
	if (pm_streq(pm_wire_get(ret, "type"), "error")) {
		int64_t code = 0;
		const char *text = pm_wire_get(ret, "text");
		if (pm_wire_get_int(ret, "code", PM_E_INTERNAL, &code, err) < 0 || code <= 0 ||
		    code > PM_E_INTERNAL)
			code = PM_E_INTERNAL;
		return pm_fail(err, (int)code, "%s", text && *text ? text : "unknown error");
	}
	return 0;
}
