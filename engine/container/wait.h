/*
 * wait - learning a container's exit code from outside, also of one that is removed at its end (--rm).
 *
 * The waiter is a client of the monitor's attach channel that drops all output: the end comes there
 * before anything is removed. No polling. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_WAIT_H
#define PM_ENGINE_CONTAINER_WAIT_H

#include "base/err.h"
#include "engine/container/container.h"

/* Wait for the end of c; *ret_code is its exit code, -1 when nobody knows it (its monitor was killed). A
 * container that does not run answers at once, with 0 when it never ran. */
int pm_container_wait(struct pm_engine *e, struct pm_container *c, int *ret_code,
		      struct pm_err *err);

#endif
