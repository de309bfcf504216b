/*
 * stop - signals to a container's first process, and stopping it.
 *
 * The process may belong to a subordinate id: then the signal is sent by a child inside the container's
 * user namespace. Signals go through a pidfd checked by start time, so never to a process that has got the
 * same number. Works with and without a living monitor. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_STOP_H
#define PM_ENGINE_CONTAINER_STOP_H

#include "base/err.h"
#include "engine/container/container.h"

/* PM_E_STATE when the container does not run (any more). */
int pm_container_signal(struct pm_engine *e, const struct pm_container *c, int sig,
			struct pm_err *err);

/* Stop signal, then SIGKILL after timeout seconds (< 0: the container's own or containers.conf's).
 * Returns when process and monitor are gone; c->state is read anew. A container that does not run is
 * success; a paused one is PM_E_STATE. Not called with the operation lock held: the stop may take as long as it likes. */
int pm_container_stop(struct pm_engine *e, struct pm_container *c, int timeout,
		      struct pm_err *err);

/* The same for n of them at once: each gets its signal first, then all have the time together. errs[i] must be
 * clear, or has an error already (that one is left alone), and is v[i]'s result. */
void pm_containers_stop(struct pm_engine *e, struct pm_container *v, size_t n, int timeout,
			struct pm_err *errs);

/* SIGKILL and wait; a paused one is killed, too. */
int pm_container_kill_hard(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

#endif
