/*
 * health - the container's health check, executed by its monitor through the runtime's exec, or as a
 * probe of the monitor's own (probe.h).
 *
 * pm has written the check's OCI process beforehand (ctr_dir/health.json, startup.json); between two checks
 * nothing of it runs. The first comes at the start, each further one an interval after the end of the one
 * before. Its output, up to a limit, and its result become a line of JSON in the health log,
 *	{"Start":"...","End":"...","ExitCode":0,"Output":"..."}
 * of which the last health_log_count are kept; status and streak are in ctr_dir/state; a transition is
 * an event, and becoming unhealthy does what --health-on-failure says. A start-up check runs instead of it until
 * it has passed. Runs in pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_HEALTH_H
#define PM_ENGINE_MONITOR_HEALTH_H

#include "engine/monitor/monitor.h"

/* The container is about to run (again), and it runs: sets m->health; schedules. */
void health_reset(struct monitor *m);
void health_start(struct monitor *m);
/* It has ended: a running check is killed, and nobody waits for it any more. */
void health_stop(struct monitor *m);

/* Begin a check now, unless one is running. Without a check who asked is told so. */
void health_now(struct monitor *m);
/* The running check has had its time. */
void health_late(struct monitor *m);
/* There is output to be read. */
void health_output(struct monitor *m);
/* A child has ended: was it the check? */
bool health_child(struct monitor *m, pid_t pid, int status);

#endif
