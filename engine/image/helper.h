/*
 * helper - pm-transfer as seen from pm: started with a socket, talked to in wire messages
 * (engine/transfer/protocol.h), and ended whatever happens.
 *
 *	pm_helper_begin(&h, err); send requests on h.sock; pm_helper_next ... until "end";
 *	pm_helper_finish(&h); undo what is half done; pm_helper_unmask(&h);
 *
 * While it runs SIGINT, SIGTERM and SIGHUP are taken from a signalfd: pm_helper_next then fails with
 * PM_E_CANCELLED. They stay blocked until pm_helper_unmask, so that a second signal does not cut the clean-up
 * short. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_HELPER_H
#define PM_ENGINE_IMAGE_HELPER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/wire.h"

struct pm_helper {
	int sock, signals, pidfd;
	pid_t pid;
	sigset_t old_mask; /* valid while masked */
	bool masked;
};

#define PM_HELPER_INIT {.sock = -1, .signals = -1, .pidfd = -1}

/* Mask the signals and start pm-transfer. After a failure too, finish and unmask are to be called. */
int pm_helper_begin(struct pm_helper *h, struct pm_err *err);
/* The next message; an "error" message becomes an error here, as does a helper that has crashed. fds as
 * for pm_wire_recv. */
int pm_helper_next(struct pm_helper *h, struct pm_wire *ret, int *fds, size_t *n_fds,
		   struct pm_err *err);
/* Close the socket, which tells it to end; wait; kill it when it does not. */
void pm_helper_finish(struct pm_helper *h);
void pm_helper_unmask(struct pm_helper *h);

#endif
