/*
 * nested - a user namespace of the container's own, below the one that monitors share, and in it the
 * container's network namespace, so that this is the container's root's to configure.
 *
 * The monitor stays where it is. A child makes (or enters) the namespace and, as its root, what
 * prepare_network makes; the monitor writes the maps, keeps the user namespace open as descriptor
 * PM_MONITOR_FD_USERNS, by which config.json names it, and enters the network namespace, which the runtime
 * inherits. The child is gone when nested_prepare returns. Runs in pm-monitor, before the runtime.
 */
#ifndef PM_ENGINE_MONITOR_NESTED_H
#define PM_ENGINE_MONITOR_NESTED_H

#include "engine/monitor/monitor.h"

/* Does the plan ask for one? Then nested_prepare takes prepare_network's place. */
bool nested_wanted(const struct monitor *m);
int nested_prepare(struct monitor *m, struct pm_err *err);

#endif
