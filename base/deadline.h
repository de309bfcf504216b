/*
 * deadline - the time that a whole command may take: after it SIGALRM comes. Who waits for others with
 * signals blocked takes it as he takes ^C (engine/image/helper.h), cleans up and fails with
 * PM_DEADLINE_TEXT; at any other time it ends the process at once, as ^C does, but with that text.
 *
 * One per process, by its ITIMER_REAL; children do not inherit it.
 */
#ifndef PM_BASE_DEADLINE_H
#define PM_BASE_DEADLINE_H

#include <stdint.h>

#include "base/err.h"

#define PM_DEADLINE_TEXT "the command took longer than --command-timeout allows"

/* From now on; ns > 0. The process ends with status 125 then. */
int pm_deadline_start(int64_t ns, struct pm_err *err);

#endif
