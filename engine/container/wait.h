/*
 * wait - learning a container's exit code from outside, also of one that is removed at its end
 * (--rm).
 *
 * The waiter is a client of the monitor's attach channel that drops all output: the end comes
 * there before anything is removed. No polling. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_WAIT_H
#define PM_ENGINE_CONTAINER_WAIT_H

#include <stdint.h>

#include "base/err.h"
#include "engine/container/container.h"

/* Conditions, as bits: one of enum pm_ctr_status (1 << status), or gone altogether. */
#define PM_WAIT_REMOVED (1u << 16)
#define PM_WAIT_HEALTHY (1u << 17)
#define PM_WAIT_UNHEALTHY (1u << 18)

/* The bit of Podman's word for a condition ("running", "stopped", "removed" ...). PM_E_USAGE. */
int pm_wait_condition(const char *word, unsigned int *ret, struct pm_err *err);

/* Wait until one of conditions holds for c. What can be told by a file's change is seen at once,
 * the rest by looking each interval_ms. *ret_code: its exit code when it has exited, else -1.
 * PM_E_NOSUCH when it was removed and that was not waited for, PM_E_STATE when it ended and only
 * its health was. */
int pm_container_wait_for(struct pm_engine *e, struct pm_container *c, unsigned int conditions,
			  int64_t interval_ms, int *ret_code, struct pm_err *err);

/* Wait for the end of c; *ret_code is its exit code, -1 when nobody knows it (its monitor was
 * killed). A container that does not run answers at once, with 0 when it never ran. */
int pm_container_wait(struct pm_engine *e, struct pm_container *c, int *ret_code,
		      struct pm_err *err);

#endif
