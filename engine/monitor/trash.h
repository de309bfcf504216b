/*
 * trash - the end of a container's files (--rm) in two steps: into the store's trash, which is one rename each and which
 * whoever waits for the container waits for; then deleted, which may take long. A monitor that is killed in between
 * leaves them to the next sweep (storage/stage.h).
 *
 * While it deletes, the monitor holds the trash's lock shared: sweeps, which want it exclusive, pass by instead of doing
 * the same work. Then it sweeps itself, unless others still delete. Runs in pm-monitor only.
 */
#ifndef PM_ENGINE_MONITOR_TRASH_H
#define PM_ENGINE_MONITOR_TRASH_H

#include "engine/monitor/monitor.h"

/* Move plan.remove_dirs to plan.trash, if there is one. What cannot be moved is deleted where it is. */
void trash_fill(struct monitor *m);

/* Delete what trash_fill() moved, or plan.remove_dirs where they are. */
void trash_empty(struct monitor *m);

#endif
